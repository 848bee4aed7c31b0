"""What may be given for the values of DLMS payloads, from templates, wire types and alerts."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

from .. import values
from ..dlms.alert_rows import BILLING_DATA_LOG, alert_structure
from ..dlms.apdu import ACTION_RESULTS, RESULTS, Choice
from ..dlms.meanings import CODES, FLAGS, UNITS, MessageCode, kinds
from ..dlms.named import typed
from ..dlms.objects import Member
from ..dlms.protection_rows import table as protected_reads
from ..dlms.templates import Template
from ..dlms.wire import Array, Bits, Boolean, Compact, Null, Number, Octets, OneOf, Structure, Text, WireType
from ..errors import BuildError
from ..ids import EntityId
from ..values import Code, Counter, LogicalName, json_form
from .common import ACTIVATION_TIME, FAULT, ITEMS, PERIOD, VARIANT, Field
from .dlms_plan import Source, Step, command_fields, plan, response_fields
from .parts import EVENT_EXAMPLE, MOMENT_EXAMPLE, Part, Shape, names_text, sized

# examples of leaves of which zero is none
_EXAMPLES: dict[str, Any] = {
    "date-time": MOMENT_EXAMPLE,
    "date": MOMENT_EXAMPLE[:10],
    "time": "00:00:00",
    "utc": MOMENT_EXAMPLE,
    "event": EVENT_EXAMPLE,
    "controller-script": "1000",
}
_PERIOD_END = "2026-02-01T00:00:00Z"
_ALTERNATIVES = ("on a meter with one element", "on a twin-element meter")


def wire_part(wire: WireType, name: str = "") -> Part:
    """The tree of a wire type."""
    if isinstance(wire, Structure):
        parts = tuple(wire_part(item, inner) for inner, item in zip(wire.names, wire.items, strict=True))
        return Part(name, Shape.OBJECT, parts=parts)
    if isinstance(wire, Array | Compact):
        return Part(name, Shape.LIST, lo=wire.lo, hi=wire.hi, parts=(wire_part(wire.item),))
    if isinstance(wire, OneOf):
        return Part(name, Shape.ONE_OF, parts=tuple(map(wire_part, wire.choices)))
    return _leaf(wire, name)


def _leaf(wire: WireType, name: str) -> Part:
    meaning = getattr(wire, "meaning", "")
    packed = _packed(wire, name, meaning)
    if packed is not None:
        return packed
    about, unit = _about(wire, meaning)
    return Part(name, about=about, unit=unit, example=_example(wire, meaning))


def _about(wire: WireType, meaning: str) -> tuple[str, str]:
    """What a leaf takes, and its unit."""
    if meaning in CODES:
        return names_text(CODES[meaning]), ""
    if meaning in FLAGS:
        off, on = FLAGS[meaning]
        return f"{off} (false) or {on} (true)", ""
    lo, hi = getattr(wire, "lo", 0), getattr(wire, "hi", 0)
    if isinstance(wire, Number):
        if meaning in UNITS:
            return f"{wire.lo}..{wire.hi}", UNITS[meaning][0]
        return (kinds()[meaning].about, "") if meaning else (f"{wire.lo}..{wire.hi}", "")
    if meaning == values.TEXT.name:
        return f"printable ASCII, {sized(lo, hi, 'characters')}", ""
    if meaning:
        return kinds()[meaning].about, ""
    if isinstance(wire, Octets):
        return f"{sized(lo, hi, 'octets')} in hex", ""
    if isinstance(wire, Bits):
        return f"{sized(lo, hi, 'bits')} as 0 and 1", ""
    if isinstance(wire, Text):
        return f"{'ASCII' if wire.charset == 'ascii' else 'UTF-8'} text, {sized(lo, hi, 'octets')}", ""
    return ("true or false" if isinstance(wire, Boolean) else "null"), ""


def _example(wire: WireType, meaning: str) -> Any:
    if meaning in CODES:
        return next(iter(CODES[meaning].values()))
    if meaning in _EXAMPLES:
        return _EXAMPLES[meaning]
    if isinstance(wire, Text) or meaning == values.TEXT.name:
        lo, hi = getattr(wire, "lo", 0), getattr(wire, "hi", 0)
        return "0" * max(lo, min(1, hi))
    return None if isinstance(wire, Null) else json_form(typed(wire)(wire.default()))


def _packed(wire: WireType, name: str, meaning: str) -> Part | None:
    """The tree of octets that hold several values, None for any other leaf."""
    if not isinstance(wire, Octets) or not meaning or meaning in CODES:
        return None
    found = typed(wire)(wire.default())
    if not isinstance(found, dict):
        return None
    parts = []
    for inner, value in found.items():
        if isinstance(value, Code):
            about, example = names_text(value.names), next(iter(value.names.values()))
        else:
            about, example = _PACKED[type(value)], json_form(value)
        parts.append(Part(inner, about=about, example=example))
    return Part(name, Shape.OBJECT, note=kinds()[meaning].about, parts=tuple(parts))


_PACKED: dict[type, str] = {
    EntityId: values.ENTITY.about,
    Counter: values.COUNTER.about,
    MessageCode: "4 hex digits",
    LogicalName: values.LOGICAL_NAME.about,
    int: "a number",
}


def _of(field: Field, part: Part, member: Member | None = None) -> Part:
    """A tree under the name of a field, with what the field says of it."""
    note = field.note or part.note
    unit = part.unit
    said = "" if member is None else member.unit
    if said and not unit and not _repeats(part, said):
        if part.shape is Shape.LEAF and part.about[:1] in "-0123456789" and not _is_named(member):
            unit = said
        elif not _is_named(member):
            note = f"{note}, {said}" if note else said
    return replace(part, name=field.name, unit=unit, required=field.required, source=field.source, note=note)


def _repeats(part: Part, said: str) -> bool:
    """Whether a unit is said by the leaves of the tree."""
    words = re.sub(r" \(.*?\)", "", said).split(", ")
    return part.shape is not Shape.LEAF and all(word in UNITS for word in words)


def _is_named(member: Member | None) -> bool:
    """Whether the leaf has names for its numbers, which the unit column repeats."""
    meaning = getattr(member.any_wire(), "meaning", "") if member is not None else ""
    return meaning in CODES or meaning in FLAGS


def _any_part(member: Member) -> Part:
    part = wire_part(member.any_wire())
    if not member.twin_type:
        return part
    named = tuple(replace(one, name=name) for one, name in zip(part.parts, _ALTERNATIVES, strict=True))
    return replace(part, parts=named)


def command_parts(template: Template) -> tuple[Part, ...]:
    """The values of a command, and the name of the variant where there are several."""
    steps = {step.name: step for step in plan(template)}
    dated = [step for step in plan(template) if step.dated]
    found = []
    if template.variant:
        found.append(Part(VARIANT, about=template.variant, example=template.variant))
    for field in command_fields(template):
        if field.name == ACTIVATION_TIME:
            part = replace(_of(field, wire_part(dated[0].wire(False))), example="now")
            if len(dated) > 1:
                names = ", ".join(step.name for step in dated)
                part = replace(part, note=f"{field.note}; or one each: {names}")
            found.append(part)
        elif field.name == PERIOD:
            found.append(_of(field, _period(steps)))
        elif steps[field.name].source is Source.CONSTANT:
            found.append(_of(field, Part("", about="true", example=True)))
        else:
            step = steps[field.name]
            found.append(_of(field, wire_part(step.member.any_wire()), step.member))
    return tuple(found)


def _period(steps: dict[str, Step]) -> Part:
    protected = any(step.protected is not None for step in steps.values())
    kind = values.DATE_TIME if protected else values.MOMENT
    bounds = {"From": MOMENT_EXAMPLE, "To": _PERIOD_END}
    parts = (Part(name, about=kind.about, required=False, example=end) for name, end in bounds.items())
    return Part("", Shape.OBJECT, example=bounds, parts=tuple(parts))


def response_parts(template: Template) -> tuple[Part, ...]:
    """The values of a response, and how to say that an item failed."""
    members: dict[str, tuple[Member, Part]] = {}
    for step in plan(template):
        if step.protected is not None:
            members.update((one.item, (one, _any_part(one))) for one in step.protected.contents)
            continue
        wire = step.answer_wire(False)
        if wire is not None:
            action = step.component.choice == Choice.ACTION
            members[step.name] = (step.member, wire_part(wire) if action else _any_part(step.member))
            if step.constant is not None:
                constant = json_form(typed(step.member.any_wire())(step.constant))
                members[step.name] = (step.member, replace(members[step.name][1], example=constant))
    found = []
    for field in response_fields(template):
        member, part = members[field.name]
        if not field.required:
            same = field.name.partition("#")[0]
            field = replace(field, note="the constant it always is, if left out" if "#" not in field.name
                            else f"that of {same}, if left out")  # fmt: skip
        found.append(_of(field, part, member))
    return (*found, *_outcome(template))


def _outcome(template: Template) -> tuple[Part, ...]:
    own = {n: name for n, name in ACTION_RESULTS.items() if RESULTS.get(n) != name}
    results = f"{names_text({n: name for n, name in RESULTS.items() if n})}; of a method {names_text(own)}"
    first = plan(template)[0].name
    fault = Part(
        FAULT,
        Shape.OBJECT,
        required=False,
        note="the item that failed; what comes before it was executed, nothing after it",
        parts=(
            Part("item", about="an item of the command: its name, or its number from 1", example=first),
            Part("result", about=results, example="other-reason"),
        ),
    )
    if not template.optional:
        return (fault,)
    count = len(template.components)
    note = "how many items the command had; all of them, if left out"
    items = Part(ITEMS, about=f"1..{count}", required=False, note=note, example=count)
    return (items, fault)


def alert_parts(code: int) -> tuple[Part, ...]:
    """The values of an alert. Raises BuildError where no DLMS alert has the code."""
    wire = alert_structure(code)
    if wire is None:
        raise BuildError(f"no DLMS alert has the Message Code {code:04X}", "use_case")
    parts = wire_part(wire).parts
    if code != BILLING_DATA_LOG:
        return parts
    contents = next(row for row in protected_reads() if row.alert_only).contents
    sealed = (replace(_any_part(one), name=one.item, note="encrypted") for one in contents)
    return (*parts[:2], *sealed)
