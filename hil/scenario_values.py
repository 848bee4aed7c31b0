"""Values in scenario files: TOML values to plain values of COSEM data.

Numbers, booleans and texts stand for themselves, lists are structures and arrays, a TOML
date-time is a 12-octet date-time. A text may also be

    hex:00FF    octets             now, never   activation times
    text:A      octets of ASCII    configuration:credit, configuration:prepayment
    null        no value, for methods without a parameter
"""

from __future__ import annotations

import datetime
from typing import Any

from gbcs.errors import BuildError
from gbcs.time import ACTIVATE_NEVER, ACTIVATE_NOW, Utc
from gbcs.values import DateTime
from smets.behaviours.charging import CREDIT_MODE, PREPAYMENT_MODE
from smets.esme.credit_charge import Control, array
from smets.values import Value

_NAMED: dict[str, Value] = {
    "null": None,
    "now": ACTIVATE_NOW,
    "never": ACTIVATE_NEVER,
}
_CONFIGURATIONS = {
    "configuration:credit": Control(CREDIT_MODE),
    "configuration:prepayment": Control(PREPAYMENT_MODE, False, True),
}


def plain(value: Any, twin: bool = False) -> Value:
    """The plain value of a TOML value; `twin` for a twin element meter. Raises BuildError."""
    if isinstance(value, datetime.datetime):
        return Utc.from_datetime(_aware(value)).to_cosem()
    if isinstance(value, list):
        return tuple(plain(item, twin) for item in value)
    if isinstance(value, str):
        return array(_CONFIGURATIONS[value], twin) if value in _CONFIGURATIONS else _text(value)
    if isinstance(value, bool | int):
        return value
    raise BuildError(f"{value!r} cannot stand for a value", "values")


def seconds(value: Any) -> int:
    """ZigBee UTC seconds of a TOML date-time or number. Raises BuildError."""
    if isinstance(value, datetime.datetime):
        return Utc.from_datetime(_aware(value)).seconds
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    raise BuildError(f"{value!r} is no date-time", "within")


def readable(value: Any) -> Any:
    """The form `smets decode --named --json` has for a TOML value. Raises BuildError."""
    if isinstance(value, datetime.datetime):
        return str(DateTime(Utc.from_datetime(_aware(value)).to_cosem()))
    if isinstance(value, list):
        return [readable(item) for item in value]
    if isinstance(value, dict):
        return {name: readable(item) for name, item in value.items()}
    if isinstance(value, datetime.date | datetime.time):
        return value.isoformat()
    if isinstance(value, bool | int | str):
        return value
    raise BuildError(f"{value!r} cannot stand for a value", "values")


def _aware(value: datetime.datetime) -> datetime.datetime:
    return value if value.tzinfo is not None else value.replace(tzinfo=datetime.UTC)


def _text(value: str) -> Value:
    if value in _NAMED:
        return _NAMED[value]
    kind, colon, rest = value.partition(":")
    if colon and kind == "hex":
        try:
            return bytes.fromhex(rest)
        except ValueError:
            raise BuildError(f"not hex digits: {value!r}", "values") from None
    if colon and kind == "text":
        try:
            return rest.encode("ascii")
        except UnicodeEncodeError:
            raise BuildError(f"not ASCII: {value!r}", "values") from None
    return value
