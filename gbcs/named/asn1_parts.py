"""What may be given for the values of ASN.1 payloads, from their declarations."""

from __future__ import annotations

from dataclasses import replace

from ..asn1 import schema
from ..asn1.payload_rows import ENTITY_ID
from ..asn1.payloads import payload_type
from ..ids import Kind
from .asn1 import CONTROL, REPEATED, fields
from .parts import EVENT_EXAMPLE, MANY, MOMENT_EXAMPLE, Part, Shape, names_text, sized

_EMPTY_SEQUENCE = "3000"  # the least that can stand for a certificate


def declared_parts(code: int, kind: Kind) -> tuple[Part, ...]:
    """The values of a payload."""
    declared = payload_type(code, kind)
    if isinstance(declared, schema.Sequence):
        below = [_component(row) for row in declared.fields]
    elif isinstance(declared, schema.Choice):
        below = [_component(row) for row in declared.alternatives]
    elif declared is None or isinstance(declared, schema.Null):
        return ()
    else:
        below = [_part(declared)]
    if kind in (Kind.PRECOMMAND, Kind.COMMAND):
        below = [_repeating(part) for part in below]
    return tuple(
        replace(part, name=row.name, required=row.required, source=row.source, note=row.note or part.note)
        for row, part in zip(fields(code, kind), below, strict=True)
    )


def _repeating(part: Part) -> Part:
    """The control of a replacement, of which a command may leave out what its header says."""
    if part.name != CONTROL:
        return part
    return replace(
        part,
        parts=tuple(
            replace(one, required=False, note=f"{REPEATED[one.name]}, if left out")
            if one.name in REPEATED
            else one
            for one in part.parts
        ),
    )


def _component(row: schema.Field) -> Part:
    part = replace(_part(row.type, row.name), required=not row.optional)
    if row.default is None:
        return part
    default = {n: name for name, n in getattr(row.type, "values", ())}.get(row.default, row.default)
    return replace(part, note=f"{default}, if left out")


def _part(declared: schema.Asn1Type, name: str = "") -> Part:
    if isinstance(declared, schema.Sequence):
        return Part(name, Shape.OBJECT, parts=tuple(map(_component, declared.fields)))
    if isinstance(declared, schema.Choice):
        parts = tuple(replace(_component(row), required=False) for row in declared.alternatives)
        example = {parts[0].name: parts[0].value}
        return Part(name, Shape.OBJECT, note="one of these", example=example, parts=parts)
    if isinstance(declared, schema.SequenceOf):
        return Part(name, Shape.LIST, hi=MANY, parts=(_part(declared.item),))
    if isinstance(declared, schema.Integer):
        return _number(declared, name)
    if isinstance(declared, schema.BitString):
        bits = ", ".join(bit for bit, _ in declared.bits)
        return Part(name, about=f"names joined by +: {bits}", example=declared.bits[0][0])
    if isinstance(declared, schema.GeneralizedTime):
        return Part(name, about="a UTC date-time, or never", example=MOMENT_EXAMPLE)
    if isinstance(declared, schema.OctetString):
        about = "an EUI-64 of 16 hex digits" if declared is ENTITY_ID else ""
        about = about or f"{sized(declared.lo, declared.hi, 'octets')} in hex"
        return Part(name, about=about, example="00" * declared.lo)
    if isinstance(declared, schema.Null):
        return Part(name, about="true", example=True)
    return Part(name, about=f"{declared.name} in DER, hex", example=_EMPTY_SEQUENCE)


def _number(declared: schema.Integer, name: str) -> Part:
    if declared.digits:
        example = EVENT_EXAMPLE if declared.digits == len(EVENT_EXAMPLE) else "0" * declared.digits
        return Part(name, about=f"{declared.digits} hex digits", example=example)
    if not declared.values:
        return Part(name, about=f"{declared.lo}..{declared.hi}", example=max(declared.lo, 0))
    about = names_text({number: value for value, number in declared.values})
    return Part(name, about=about, example=declared.values[0][0])
