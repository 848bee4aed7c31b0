"""ASN.1 payloads by name: the components of their declaration.

Numbers with names are codes, counters and alert codes print in hex, identifiers are Entity
Identifiers. What repeats the header may be left out: the counter, and the replacement mode
that goes with the Message Code (reference: gbcs-messages 8).
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

from .. import values
from ..asn1.codec import WIDE_FROM, Element, any_form, assemble, decode, encode, render
from ..asn1.payload_rows import ENTITY_ID
from ..asn1.payloads import payload_type
from ..asn1.schema import (
    Asn1Type,
    BitString,
    Choice,
    Fault,
    GeneralizedTime,
    Integer,
    Leaf,
    Null,
    OctetString,
    Opaque,
    Sequence,
    SequenceOf,
)
from ..errors import BuildError
from ..events import EventCode
from ..ids import Cra, EntityId
from ..ids import Kind as MessageKind
from ..time import Utc
from ..values import Counter, Kind, code_kind
from .common import Field, Irregular, Place, Values, check_names

LENGTHS = "Lengths"
MINIMAL = "minimal"
# Names of ours for payloads that are no SEQUENCE of named components.
_ALONE = {
    "UpdateDeviceCertificate.CommandPayload": "certificate",
    "UpdateDeviceCertificate.ResponsePayload": "responseCode",
    "JoinDevice.ResponsePayload": "responseCode",
    "UnjoinDevice.CommandPayload": "deviceID",
    "UnjoinDevice.ResponsePayload": "responseCode",
    "ProvideSecurityCredentialDetails.ResponsePayload": "remotePartyDetails",
}
_NEVER = Utc.of(9999, 12, 31, 23, 59, 59)
CONTROL, _MODE = "authorisingRemotePartyControl", "credentialsReplacementMode"
_SEQ_NUMBER, _COUNTER = "authorisingRemotePartySeqNumber", "originatorCounter"
REPEATED = {_MODE: "that of the Message Code", _SEQ_NUMBER: "that of the header"}
_MODES = {**{0x0100 + mode: mode for mode in range(10)}, 0x0125: 10, 0x0126: 11}


def read(place: Place) -> Values:
    """The values of an ASN.1 payload. Raises ParseError, or Irregular where it has none by name."""
    message = place.message
    declared = payload_type(message.code, message.kind)
    if declared is None:
        raise Irregular("no ASN.1 payload has this Message Code and kind")
    element = decode(declared, message.payload)
    found = _by_name(declared, element)
    if (message.cra is Cra.COMMAND or len(message.payload) < WIDE_FROM) and not any_form(element):
        return found
    for wide in (message.cra is not Cra.COMMAND, False):
        if encode(_element(declared, found), wide) == message.payload:
            regular = wide or message.cra is Cra.COMMAND
            return found if regular else {**found, LENGTHS: MINIMAL}
    raise Irregular("a length is not in its usual form")


def _by_name(declared: Asn1Type, element: Element) -> Values:
    value = render(element, _typed)
    if isinstance(declared, Null):
        return {}
    if isinstance(declared, Sequence | Choice):
        return dict(value)
    return {_ALONE[declared.name]: value}


def payload(place: Place, given: Mapping[str, Any]) -> bytes:
    """The payload of a message. Raises BuildError with the name of the value that is wrong."""
    message = place.message
    declared = payload_type(message.code, message.kind)
    if declared is None:
        raise BuildError(f"{message.code:04X} has no ASN.1 {message.kind.value}", "use_case")
    lengths = given.get(LENGTHS)
    if lengths not in (None, MINIMAL):
        raise BuildError(f"{MINIMAL} is needed", LENGTHS)
    # Answers have the lengths 82 00 nn (gbcs-messages 8.0); the other form is for whoever asks.
    wide = message.cra is not Cra.COMMAND and lengths is None
    rest = {name: value for name, value in given.items() if name != LENGTHS}
    if message.cra is Cra.COMMAND:
        rest = _completed(place, declared, rest)
    return encode(_element(declared, rest), wide)


def _completed(place: Place, declared: Asn1Type, given: Mapping[str, Any]) -> dict[str, Any]:
    """The values with those that repeat the header, where they are left out."""
    done = dict(given)
    names = {row.name for row in declared.fields} if isinstance(declared, Sequence) else set()
    if _COUNTER in names:
        done.setdefault(_COUNTER, place.message.counter)
    if CONTROL in names and isinstance(done.get(CONTROL), Mapping):
        repeated = {_MODE: _MODES.get(place.message.code), _SEQ_NUMBER: place.message.counter}
        done[CONTROL] = {**{k: v for k, v in repeated.items() if v is not None}, **done[CONTROL]}
    return done


def _element(declared: Asn1Type, given: Mapping[str, Any]) -> Element:
    if isinstance(declared, Null):
        check_names(given, set())
        return Element(declared, None)
    if isinstance(declared, Sequence | Choice):
        if isinstance(declared, Sequence):
            check_names(given, {row.name for row in declared.fields})
        return _assembled(declared, given, "")
    name = _ALONE[declared.name]
    check_names(given, {name})
    if name not in given:
        raise BuildError("missing", name)
    return _assembled(declared, given[name], name)


def _assembled(declared: Asn1Type, given: Any, name: str) -> Element:
    try:
        return assemble(declared, given, _plain, {}, name)
    except BuildError as error:
        path = error.path.lstrip(".") or declared.name
        raise BuildError(str(error).removeprefix(f"{error.path}: "), path) from None


@cache
def _codes(leaf: Integer) -> Kind:
    return code_kind(leaf.name, {number: name for name, number in leaf.values})


def _typed(leaf: Leaf, value: Any) -> Any:
    """The typed value of a plain one."""
    if isinstance(leaf, Integer):
        if leaf.digits:
            return EventCode(value) if leaf.digits == 4 else Counter(value)
        return _codes(leaf).typed(value) if leaf.values else value
    if leaf is ENTITY_ID:
        return EntityId(value)
    return leaf.shown(value) if isinstance(leaf, BitString) else value


def _plain(leaf: Leaf, given: Any) -> Any:
    """The plain value of one in any form. Raises Fault."""
    try:
        value = _accepted(leaf, given)
    except ValueError as error:
        raise Fault(str(error)) from None
    return value if isinstance(leaf, Opaque) else leaf.read(leaf.write(value))


def _accepted(leaf: Leaf, given: Any) -> Any:
    if isinstance(leaf, Integer):
        if leaf.digits:
            return values.digits(given.split(" ", 1)[0] if isinstance(given, str) else given)
        return _codes(leaf).plain(given) if leaf.values else values.accept_number(given)
    if isinstance(leaf, BitString):
        return leaf.given(given) if isinstance(given, str) else given
    if isinstance(leaf, GeneralizedTime):
        if not isinstance(given, str):
            return given
        return _NEVER if given == "never" else leaf.given(given)
    if isinstance(leaf, Opaque):
        return leaf.given(given) if isinstance(given, str | dict) else leaf.write(given)
    if isinstance(leaf, OctetString):
        return values.accept_octets(given)
    if given is True:  # NULL, given by naming it
        return None
    return leaf.given(given)


def fields(code: int, kind: MessageKind) -> tuple[Field, ...]:
    """The values a payload has."""
    declared = payload_type(code, kind)
    if declared is None or isinstance(declared, Null):
        return ()
    if not isinstance(declared, Sequence | Choice):
        return (Field(_ALONE[declared.name], _about(declared), "", True, declared.name),)
    rows = declared.fields if isinstance(declared, Sequence) else declared.alternatives
    command = kind in (MessageKind.PRECOMMAND, MessageKind.COMMAND)
    found = []
    for row in rows:
        required = isinstance(declared, Sequence) and not row.optional
        note = "one of these" if isinstance(declared, Choice) else ""
        if command and row.name == _COUNTER:
            required, note = False, "that of the header, if left out"
        found.append(Field(row.name, _about(row.type), "", required, declared.name, note))
    return tuple(found)


def _about(declared: Asn1Type) -> str:
    if isinstance(declared, Sequence):
        parts = (f"{row.name}{'?' if row.optional else ''}: {_about(row.type)}" for row in declared.fields)
        return "{" + ", ".join(parts) + "}"
    if isinstance(declared, Choice):
        return " or ".join(f"{row.name}: {_about(row.type)}" for row in declared.alternatives)
    if isinstance(declared, SequenceOf):
        return f"list of {_about(declared.item)}"
    if isinstance(declared, Integer):
        if declared.digits or not declared.values:
            return "hex digits" if declared.digits else f"{declared.lo}..{declared.hi}"
        return " | ".join(name for name, _ in declared.values)
    if isinstance(declared, BitString):
        return " + ".join(name for name, _ in declared.bits)
    if isinstance(declared, GeneralizedTime):
        return "a UTC date-time, or never"
    if isinstance(declared, OctetString):
        return "octets in hex" if declared.lo != declared.hi else f"octets ({declared.lo}) in hex"
    return "null" if isinstance(declared, Null) else f"{declared.name} in DER, hex"
