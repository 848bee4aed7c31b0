"""Values by name of any payload, whatever its family, and back."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ..errors import BuildError
from ..ids import Kind, Payload
from ..usecases import by_code
from . import asn1, dlms, gbz, gbz_answers
from .common import Irregular, Place, Values

Builder = Callable[[Place, Mapping[str, Any]], bytes]


def family_of(code: int, kind: Kind, payload: bytes | None = None) -> Payload:
    """The payload family of a Message Code and kind; `payload` settles what both families may have."""
    use_case = by_code(code)
    if use_case is None:
        return Payload.NONE
    if not use_case.payload_by_device:
        return use_case.payload
    if payload is not None:
        return Payload.DLMS if payload[:1] in (b"\x0f", b"\xd9", b"\xda") else Payload.GBZ
    return use_case.payload


def read_values(place: Place) -> Values:
    """The values of a message's payload. Raises ParseError, or Irregular where it has none by name."""
    message = place.message
    family = family_of(message.code, message.kind, message.payload)
    if family is Payload.DLMS:
        return dlms.read(place)
    if family is Payload.GBZ:
        return gbz.read(place)
    if family is Payload.ASN1:
        return asn1.read(place)
    raise Irregular("the use case is not known")


def payload_of(place: Place, given: Mapping[str, Any], family: Payload) -> bytes:
    """The payload of values. Raises BuildError with the name of the value that is wrong."""
    kind = place.message.kind
    if family is Payload.ASN1:
        return asn1.payload(place, given)
    if family not in (Payload.DLMS, Payload.GBZ):
        raise BuildError("the use case has no payload", "use_case")
    return (_DLMS if family is Payload.DLMS else _GBZ)[kind](place, given)


_DLMS: dict[Kind, Builder] = {
    Kind.PRECOMMAND: dlms.command_payload,
    Kind.COMMAND: dlms.command_payload,
    Kind.RESPONSE: dlms.response_payload,
    Kind.ALERT: dlms.alert_payload,
}
_GBZ: dict[Kind, Builder] = {
    Kind.PRECOMMAND: gbz.command_payload,
    Kind.COMMAND: gbz.command_payload,
    Kind.RESPONSE: gbz_answers.response_payload,
    Kind.ALERT: gbz.alert_payload,
}
