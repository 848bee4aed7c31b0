"""Tariffs of messages by use case, electricity or gas, in their JSON form."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..errors import BuildError
from ..ids import Kind
from ..time import Utc
from . import electricity, gas
from .limits import RULES, Rules
from .model import Tariff
from .text import from_json, to_json

USE_CASES = (*electricity.FORMS, *gas.FORMS)


def tariff_values(
    use_case: str, tariff: Any, header_time: Utc | None = None, rules: Rules | None = RULES
) -> dict[str, Any]:
    """The values, for `gbcs.build`, of a message that carries a tariff given in its JSON form.

    `use_case` is one of `USE_CASES`, in any case of letters; those that read a tariff give the
    values of the response. `header_time` is the time of the message, for the identifiers of a gas
    tariff. Raises BuildError that names the part of the tariff at fault.
    """
    found = from_json(tariff)
    name = _name(use_case)
    if name in gas.FORMS:
        return gas.values(found, name, header_time, rules)
    if name in electricity.FORMS:
        return electricity.values(found, name, rules)
    raise BuildError(f"{use_case} carries no tariff; {', '.join(USE_CASES)} do", "use_case")


def tariff_of(use_case: str, kind: Kind | str, values: Mapping[str, Any]) -> Tariff | None:
    """The tariff a message carries, None for one that carries none.

    `values` are those of the message by name, in any form. Raises BuildError for values that
    the message cannot have, which those of a decoded message always can.
    """
    name = _name(use_case)
    form = electricity.FORMS.get(name) or gas.FORMS.get(name)
    kind = Kind(kind)
    carrying = (Kind.RESPONSE,) if form is not None and form.read else (Kind.PRECOMMAND, Kind.COMMAND)
    if form is None or kind not in carrying:
        return None
    return electricity.tariff(values, name) if name in electricity.FORMS else gas.tariff(values, name)


def tariff_json(use_case: str, kind: Kind | str, values: Mapping[str, Any]) -> dict[str, Any] | None:
    """The JSON form of the tariff a message carries, None for one that carries none (see `tariff_of`)."""
    found = tariff_of(use_case, kind, values)
    return None if found is None else to_json(found)


def _name(use_case: str) -> str:
    return next((name for name in USE_CASES if name.lower() == use_case.lower()), use_case)
