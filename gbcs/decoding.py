"""`gbcs.decode`: a message as its use case, its parties, and its values by name."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from .errors import KeyUnavailable, ParseError, SecurityError
from .ids import EntityId, Kind
from .message import Message, parse_message
from .named.common import Irregular, Place, Values
from .named.payload import family_of, read_values
from .protect import Keys
from .usecases import UseCase, by_code
from .values import DateTime, json_form

VERSION = 1


@dataclass(frozen=True, slots=True)
class Decoded:
    """A message and its values.

    `values` is typed (see `gbcs.values`); printing a value says what it means. `irregular` says why
    there are no values by name, as for an unknown use case; `to_json` then gives the tree of fields
    instead, which loses nothing either.
    """

    message: Message
    values: Values = field(default_factory=dict)
    irregular: str | None = None

    @property
    def use_case(self) -> UseCase | None:
        """The row of the use-case table, None for an unknown Message Code."""
        return by_code(self.message.code)

    @property
    def kind(self) -> Kind:
        """Pre-command, command, response or alert; without protection, see `kind_of`."""
        return kind_of(self.message, self.use_case)

    @property
    def originator(self) -> EntityId:
        """Who sent it."""
        return self.message.originator

    @property
    def recipient(self) -> EntityId:
        """To whom it is addressed."""
        return self.message.recipient

    @property
    def counter(self) -> int:
        """The Originator Counter."""
        return self.message.counter

    @property
    def date_time(self) -> DateTime | None:
        """The date-time of the Grouping Header."""
        octets = self.message.date_time
        return None if octets is None else DateTime(octets)

    def to_json(self) -> dict[str, Any]:
        """A JSON object that `gbcs.build_from` turns into the message again, unprotected."""
        from .fields import message_fields, supplementary_fields  # noqa: PLC0415  (only JSON needs it)

        if self.irregular is not None:
            return {**message_fields(self.message), "irregular": self.irregular}
        use_case = self.use_case
        date_time = self.date_time
        family: dict[str, Any] = {}
        if use_case is not None and use_case.payload_by_device:
            family["family"] = family_of(self.message.code, self.kind, self.message.payload).value
        return {
            "v": VERSION,
            "use_case": use_case.name if use_case else None,
            "message_code": f"{self.message.code:04X}",
            "kind": self.kind.value,
            "originator": str(self.originator),
            "recipient": str(self.recipient),
            "counter": f"{self.counter:016X}",
            "date_time": None if date_time is None else str(date_time),
            "supplementary": supplementary_fields(self.message.other),
            **family,
            "values": json_form(self.values),
        }


def kind_of(message: Message, row: UseCase | None) -> Kind:
    """The kind of a message; one without protection is a command where the use case has no pre-command."""
    kind = message.kind
    if kind is Kind.PRECOMMAND and row is not None and kind not in row.kinds and Kind.COMMAND in row.kinds:
        return Kind.COMMAND
    return kind


def decode(message: Message | bytes, keys: Keys | None = None) -> Decoded:
    """The values of a message by name. Raises ParseError.

    `keys` opens protected content; without the key its octets stay as `Protected`. Neither
    signature nor MAC is checked: that is `gbcs.security.verify`.
    """
    if isinstance(message, bytes):
        message = parse_message(message)
    reason = _irregular_header(message)
    if reason is not None:
        return Decoded(message, {}, reason)

    def unseal(octets: bytes) -> bytes | None:
        if keys is None:
            return None
        try:
            return keys.unseal(message, octets)
        except (KeyUnavailable, ParseError, SecurityError):
            return None

    try:
        return Decoded(message, read_values(Place(message, unseal)))
    except Irregular as error:
        return Decoded(message, {}, str(error))
    except ParseError as error:
        offset = message.payload_offset + error.offset
        raise ParseError(error.reason, offset, f"payload.{error.path}".rstrip(".")) from None


def _irregular_header(message: Message) -> str | None:
    """Why building by name could not give these headers, None where it can."""
    row = by_code(message.code)
    if message.length_forms:
        return "a length of the headers is longer than it need be"
    if row is None:
        return "the use case is not known"
    kind = kind_of(message, row)
    if kind not in row.kinds:
        return f"{row.name} has no {kind.value}"
    if (message.date_time is not None) is not (kind is Kind.RESPONSE and row.response_has_date_time):
        return f"a {kind.value} of {row.name} {'has none' if message.date_time else 'needs a'} date-time"
    return None
