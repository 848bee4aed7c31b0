"""Values by name of any payload, whatever its family, and back."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ..dlms.alert_rows import BILLING_DATA_LOG, alert_structure
from ..dlms.named import about
from ..dlms.protection_rows import table as protected_reads
from ..dlms.templates import templates
from ..errors import BuildError
from ..ids import Kind, Payload
from ..usecases import UseCase, by_code
from ..zcl.gbz import ALERT_CONTENTS
from ..zcl.templates import template
from . import asn1, dlms, dlms_plan, gbz, gbz_answers, gbz_plan
from .common import Field, Irregular, Place, Values

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


def fields_of(use_case: UseCase, kind: Kind, variant: str = "") -> tuple[Field, ...]:
    """The values a message of a use case has. `variant` chooses among the templates of a DLMS command.

    Raises BuildError for a use case without this kind.
    """
    code = use_case.code
    if code is None or kind not in use_case.kinds:
        raise BuildError(f"{use_case.name} has no {kind.value}", "kind")
    if use_case.payload is Payload.ASN1:
        return asn1.fields(code, kind)
    if kind is Kind.ALERT:
        return _alert_fields(use_case, code)
    command = kind is not Kind.RESPONSE
    if use_case.payload is Payload.GBZ:
        found = template(code)
        if found is None:
            raise BuildError(f"{use_case.name} has no template", "use_case")
        return gbz_plan.command_fields(found) if command else gbz_plan.response_fields(found)
    for one in templates(code):
        if not variant or one.variant == variant:
            return dlms_plan.command_fields(one) if command else dlms_plan.response_fields(one)
    raise BuildError(f"{use_case.name} has no variant {variant}".rstrip(), "Variant")


def _alert_fields(use_case: UseCase, code: int) -> tuple[Field, ...]:
    wire = alert_structure(code)
    if use_case.payload is Payload.GBZ or (wire is None and code in ALERT_CONTENTS):
        return gbz.alert_fields(code)
    if wire is None:
        raise BuildError(f"the alert {use_case.name} is in no table", "use_case")
    found = tuple(Field(name, about(item)) for name, item in zip(wire.names, wire.items, strict=True))
    if code != BILLING_DATA_LOG:
        return found
    contents = next(row for row in protected_reads() if row.alert_only).contents
    sealed = (Field(one.item, about(one.any_wire()), one.unit, True, "", "encrypted") for one in contents)
    return (*found[:2], *sealed)
