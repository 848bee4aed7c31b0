"""What the values of a use case are, as trees: for documents, terminals and whoever fills them in.

The trees are made from the tables: wire types, field lists and declarations.
"""

from __future__ import annotations

from dataclasses import replace

from ..dlms.alert_rows import alert_structure
from ..dlms.templates import templates
from ..errors import BuildError
from ..ids import Kind, Payload
from ..usecases import UseCase
from ..zcl.gbz import ALERT_CONTENTS
from ..zcl.templates import template
from . import asn1_parts, dlms_parts, gbz_parts
from .common import FAULT, ITEMS, VARIANT
from .gbz_plan import COMPONENTS
from .parts import Part

OUTCOME = frozenset((FAULT, ITEMS, COMPONENTS))
"""Names of the parts that say what became of a command, in place of its values."""


def variants(use_case: UseCase, kind: Kind) -> tuple[str, ...]:
    """The variants of a kind of message that have values of their own; `('',)` for a single form."""
    if use_case.code is None or use_case.payload is not Payload.DLMS or kind is Kind.ALERT:
        return ("",)
    names = tuple(one.variant for one in templates(use_case.code))
    if kind is Kind.RESPONSE and all(
        part.name in OUTCOME for name in names for part in describe(use_case, kind, name)
    ):
        return ("",)
    return names or ("",)


def describe(use_case: UseCase, kind: Kind, variant: str = "") -> tuple[Part, ...]:
    """The values a message of a use case has, and `Variant`, `Fault`, `Items` and `Components`.

    `variant` chooses among the templates of a DLMS command. Raises BuildError for a use case
    without this kind or variant.
    """
    code = use_case.code
    if code is None or kind not in use_case.kinds:
        raise BuildError(f"{use_case.name} has no {kind.value}", "kind")
    if use_case.payload is Payload.ASN1:
        return asn1_parts.declared_parts(code, kind)
    if kind is Kind.ALERT:
        return _alert(use_case, code)
    command = kind is not Kind.RESPONSE
    if use_case.payload is Payload.GBZ:
        found = template(code)
        if found is None:
            raise BuildError(f"{use_case.name} has no template", "use_case")
        return gbz_parts.command_parts(found) if command else gbz_parts.response_parts(found)
    for one in templates(code):
        if not variant or one.variant == variant:
            return dlms_parts.command_parts(one) if command else dlms_parts.response_parts(one)
    raise BuildError(f"{use_case.name} has no variant {variant}".rstrip(), VARIANT)


def _alert(use_case: UseCase, code: int) -> tuple[Part, ...]:
    if use_case.payload is Payload.GBZ or (alert_structure(code) is None and code in ALERT_CONTENTS):
        return gbz_parts.alert_parts(code)
    parts = dlms_parts.alert_parts(code)
    if not use_case.payload_by_device:
        return parts
    note = "a ZigBee device gives seconds since 2000 in its payload, whatever is given here"
    return tuple(replace(part, note=note) if part.name == "Time" else part for part in parts)
