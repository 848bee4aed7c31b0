"""`gbcs.build`: a message of a use case from values by name."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from enum import Enum
from typing import Any

from .errors import BuildError
from .ids import Cra, EntityId, Kind, Payload
from .jsonvalue import maybe, want
from .message import MAX_MESSAGE, Message, OtherInformation
from .named.common import Place
from .named.payload import family_of, payload_of
from .protect import Keys
from .usecases import UseCase, by_code, by_name
from .values import DATE_TIME

_CRAS = {
    Kind.PRECOMMAND: Cra.COMMAND,
    Kind.COMMAND: Cra.COMMAND,
    Kind.RESPONSE: Cra.RESPONSE,
    Kind.ALERT: Cra.ALERT,
}
MAX_COUNTER = 2**64 - 1


class Assumption(Enum):
    """What no reference message settles; building on it has to be asked for by name."""

    # CS02b replacing the root: laid out as the other modes (gbcs-messages 8.3 and 16)
    ROOT_REPLACEMENT = "root-replacement"
    # the two octets before the undelivered message's identity are 09 19 (dlms-payloads 8.1)
    DELIVERY_FAILURE_HEADER = "delivery-failure-header"


ASSUMED = {
    0x0100: Assumption.ROOT_REPLACEMENT,
    0x0101: Assumption.ROOT_REPLACEMENT,
    0x00D5: Assumption.DELIVERY_FAILURE_HEADER,
}


def build(
    use_case: str,
    *,
    originator: EntityId | bytes | str,
    recipient: EntityId | bytes | str,
    counter: int,
    kind: Kind | str = Kind.COMMAND,
    date_time: Any = None,
    supplementary: OtherInformation | Mapping[str, Any] | None = None,
    keys: Keys | None = None,
    legacy: bool = False,
    assumptions: Collection[Assumption | str] = (),
    family: Payload | str | None = None,
    **values: Any,
) -> Message:
    """The message of a use case, without signature and MAC (form A); `Keys.protect` adds them.

    `use_case` is a name or a Message Code of 4 hex digits. `values` are those that `smets usecases
    NAME` lists, typed or in their JSON form; a dot in a name may be written as an underscore.
    `date_time` is that of a response's header. `supplementary` names the party on whose behalf the
    broker asks. `keys` seals the protected content of responses and alerts. `legacy` allows
    superseded use cases, `assumptions` those no reference message shows. `family` (DLMS or GBZ)
    is only needed for the two generic alerts. Raises BuildError naming what is wrong.
    """
    row = by_name(use_case)
    kind = _kind(row, kind)
    code = _allowed(row, legacy, assumptions)
    if isinstance(supplementary, OtherInformation):
        other = supplementary
        if other.code != code:
            raise BuildError(f"is of the Message Code {other.code:04X}", "supplementary")
    else:
        from .fields import build_supplementary  # noqa: PLC0415  (only commands of the broker need it)

        other = (
            OtherInformation(code)
            if supplementary is None
            else build_supplementary(code, dict(supplementary))
        )
    if isinstance(counter, bool) or not isinstance(counter, int) or not 0 <= counter <= MAX_COUNTER:
        raise BuildError("a number of 64 bits is needed", "counter")
    draft = Message(
        _CRAS[kind],
        counter,
        _entity(originator, "originator"),
        _entity(recipient, "recipient"),
        other,
        b"",
        _date_time(row, kind, date_time),
    )
    place = Place(draft, None, _sealer(draft, keys))
    payload = payload_of(place, values, _family(row, kind, family))
    message = Message(
        draft.cra, counter, draft.originator, draft.recipient, other, payload, draft.date_time
    ).encoded()
    if len(message.octets) > MAX_MESSAGE:
        raise BuildError(f"longer than {MAX_MESSAGE} octets", "values")
    return message


def build_from(
    fields: Any,
    keys: Keys | None = None,
    legacy: bool = False,
    assumptions: Collection[Assumption | str] = (),
) -> Message:
    """The message of a JSON object as `Decoded.to_json` gives it, without signature and MAC.

    Raises BuildError with the path of what is wrong.
    """
    if isinstance(fields, Mapping) and "payload" in fields:
        from .fields import build_message  # noqa: PLC0415  (only irregular messages need it)

        return _bare(build_message(fields))
    code = maybe(fields, "message_code", str, "")
    name = code if code is not None else want(fields, "use_case", str, "")
    values = dict(maybe(fields, "values", dict, "") or {})
    counter = want(fields, "counter", object, "")
    return build(
        name,
        kind=maybe(fields, "kind", str, "") or Kind.COMMAND,
        originator=want(fields, "originator", str, ""),
        recipient=want(fields, "recipient", str, ""),
        counter=_counter(counter),
        date_time=maybe(fields, "date_time", str, ""),
        supplementary=maybe(fields, "supplementary", dict, ""),
        keys=keys,
        legacy=legacy,
        assumptions=assumptions,
        family=maybe(fields, "family", str, ""),
        **_arguments(values),
    )


_OWN = frozenset(build.__kwdefaults__ or ()) | {"use_case", "originator", "recipient", "counter"}


def _arguments(values: Mapping[str, Any]) -> dict[str, Any]:
    for name in values:
        if not isinstance(name, str) or name in _OWN:
            raise BuildError("there is no such value here", f"values.{name}")
    return dict(values)


def _bare(message: Message) -> Message:
    """The message without signature and MAC."""
    forms = tuple(form for form in message.length_forms if form[0] != "ciphered_service")
    return Message(
        message.cra,
        message.counter,
        message.originator,
        message.recipient,
        message.other,
        message.payload,
        message.date_time,
        length_forms=forms,
    ).encoded()


def _kind(row: UseCase, kind: Kind | str) -> Kind:
    if not isinstance(kind, Kind):
        try:
            kind = Kind(kind)
        except ValueError:
            raise BuildError(f"no kind is called {kind!r}", "kind") from None
    if kind not in row.kinds:
        known = ", ".join(one.value for one in row.kinds) or "no message"
        raise BuildError(f"{row.name} has {known}", "kind")
    return kind


def _allowed(row: UseCase, legacy: bool, assumptions: Collection[Assumption | str]) -> int:
    code = row.code
    if code is None:
        raise BuildError(f"{row.name} has no message", "use_case")
    if row.superseded and not legacy:
        raise BuildError(f"{row.name} is superseded: legacy must be asked for", "use_case")
    try:
        granted = {Assumption(assumption) for assumption in assumptions}
    except ValueError as error:
        raise BuildError(str(error), "assumptions") from None
    needed = ASSUMED.get(code)
    if needed is not None and needed not in granted:
        raise BuildError(f"{row.name} ({code:04X}) needs the assumption {needed.value}", "assumptions")
    return code


def _family(row: UseCase, kind: Kind, family: Payload | str | None) -> Payload:
    if not row.payload_by_device:
        return family_of(row.code or 0, kind)
    try:
        found = Payload(family) if family is not None else None
    except ValueError:
        found = None
    if found not in (Payload.DLMS, Payload.GBZ):
        raise BuildError(f"{row.name} needs the family of its device: DLMS or GBZ", "family")
    return found


def _entity(given: EntityId | bytes | str, path: str) -> EntityId:
    try:
        return EntityId.parse(given) if isinstance(given, str) else EntityId(bytes(given))
    except BuildError as error:
        raise BuildError(str(error), path) from None


def _counter(given: Any) -> int:
    """A counter as a number, or as 16 hex digits."""
    if isinstance(given, str):
        try:
            return int(given, 16)
        except ValueError:
            raise BuildError("16 hex digits are needed", "counter") from None
    number: int = given
    return number


def _date_time(row: UseCase, kind: Kind, given: Any) -> bytes | None:
    wanted = kind is Kind.RESPONSE and row.response_has_date_time
    if given is None:
        if wanted:
            raise BuildError(f"a response of {row.name} has one", "date_time")
        return None
    if not wanted:
        raise BuildError(f"a {kind.value} of {row.name} has none", "date_time")
    try:
        octets: bytes = DATE_TIME.plain(given)
    except ValueError as error:
        raise BuildError(str(error), "date_time") from None
    return octets


def _sealer(draft: Message, keys: Keys | None) -> Callable[[bytes], bytes] | None:
    return None if keys is None else lambda plaintext: keys.seal(draft, plaintext)


def build_again(message: Message, values: Mapping[str, Any], keys: Keys | None = None) -> Message:
    """A message with the header of another and these values; its protection is left out.

    Superseded use cases and assumptions are no matter here. Raises BuildError.
    """
    row = by_code(message.code)
    if row is None:
        raise BuildError(f"{message.code:04X} is no use case", "use_case")
    family = family_of(message.code, message.kind, message.payload)
    place = Place(message, None, _sealer(message, keys))
    payload = payload_of(place, values, family)
    return Message(
        message.cra,
        message.counter,
        message.originator,
        message.recipient,
        message.other,
        payload,
        message.date_time,
    ).encoded()
