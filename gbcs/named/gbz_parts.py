"""What may be given for the values of GBZ payloads, from templates, commands and attributes."""

from __future__ import annotations

from dataclasses import replace

from .. import values
from ..zcl.clusters import command
from ..zcl.fieldlist import Field, FieldList, Guard, Repeat
from ..zcl.meanings import BITS, CODES, UNITS
from ..zcl.named import kind_of
from ..zcl.templates import Template
from ..zcl.types import DATE, OCTET_STRING, TYPES, UTC
from .common import FAULT
from .gbz import BILLING, EXECUTED, alert_fields
from .gbz_plan import COMPONENTS, STATUS, Step, command_fields, plan, response_fields
from .parts import EVENT_EXAMPLE, MANY, MOMENT_EXAMPLE, Part, Shape, names_text

_OFFSET = "SnapshotOffset"
_EVENT = "event"
_STATUSES = names_text(CODES["status"], 2)
_FOLDED = f"or one object for all of them, without {_OFFSET}, which then counts from 0"
_WHOLE_FIELD = 0xFF  # the mask of a count that has its field for itself


def leaf(number: int, meaning: str = "", unit: str = "", name: str = "") -> Part:
    """A value of a ZCL type."""
    known = TYPES.get(number)
    if meaning in CODES:
        return Part(name, about=names_text(CODES[meaning]), example=next(iter(CODES[meaning].values())))
    if meaning == _EVENT:
        return Part(name, about=kind_of(number, meaning).about, example=EVENT_EXAMPLE)
    if meaning in BITS:
        about = f"hex digits, or a list of names: {names_text(BITS[meaning], 1)}"
        return Part(name, about=about, example="0")
    if known is None:
        return Part(name, about="a value of any type")
    if number == UTC:
        return Part(name, about=values.MOMENT.about, example=MOMENT_EXAMPLE)
    if number == DATE:
        return Part(name, about=values.ZCL_DATE.about, example=MOMENT_EXAMPLE[:10])
    if number == OCTET_STRING or known.form == "text":
        most = (1 << 8 * known.size) - 2
        return Part(name, about=f"printable ASCII, 0..{most} characters", example="0")
    if known.form == "code":
        return Part(name, about=f"{2 * known.size} hex digits", example="0" * 2 * known.size)
    if known.form == "boolean":
        return Part(name, about="true or false", example=False)
    if known.is_number:
        low, high = known.limits
        unit = UNITS[meaning][0] if meaning in UNITS else unit
        return Part(name, about=f"{low}..{high}", unit=unit, example=0)
    return Part(name, about=f"{known.size} octets in hex", example="00" * known.size)


def body_parts(fields: FieldList) -> tuple[Part, ...]:
    """The fields of a command or of an entry."""
    counts = {m.count: m for m in fields.members if isinstance(m, Repeat) and m.count}
    types = {m.name: m.type for m in fields.members if isinstance(m, Field)}
    found: dict[str, Part] = {}
    condition, stopped = "", False
    for element in fields.elements:
        if isinstance(element, Guard):
            # the example goes on behind a condition only where one value says so
            guarded = found[element.field]
            found[element.field] = replace(guarded, example=element.value)
            condition = f"only if {element.field} is {'' if element.equal else 'not '}{element.value}"
            stopped = stopped or not element.equal
            continue
        if isinstance(element, Repeat):
            part = _repeat(element, types)
        else:
            part = leaf(element.type, element.meaning, name=element.name)
            if element.name in counts:
                part = _count(part, counts[element.name])
        optional = stopped or (isinstance(element, Field) and element.optional)
        found[element.name] = replace(
            part,
            required=part.required and not optional,
            note="; ".join(filter(None, (part.note, condition))),
        )
    return tuple(found.values())


def _count(part: Part, repeat: Repeat) -> Part:
    if repeat.mask >= _WHOLE_FIELD:
        return replace(part, required=False, note=f"the number of {repeat.name}, counted if left out")
    return replace(part, note=f"its bits {repeat.mask:02X} are the number of {repeat.name}", example=1)


def _repeat(repeat: Repeat, types: dict[str, int]) -> Part:
    most = MANY
    if repeat.count:
        most = min(repeat.mask, TYPES[types[repeat.count]].limits[1])
    if repeat.single:
        member = repeat.items.members[0]
        entry = leaf(member.type, member.meaning) if isinstance(member, Field) else _repeat(member, {})
    else:
        entry = Part("", Shape.OBJECT, parts=body_parts(repeat.items))
    return Part(repeat.name, Shape.LIST, hi=most, parts=(entry,))


def command_parts(found: Template) -> tuple[Part, ...]:
    """The values of a command."""
    steps = {step.name: step for step in plan(found) if not step.reads}
    parts = []
    for field in command_fields(found):
        step = steps[field.name]
        slots = [other.slot for other in plan(found) if other.name == step.name]
        layout = step.declared.fields
        assert layout is not None
        inner = body_parts(layout)
        if step.slot.dated:
            inner = (leaf(UTC, name=step.declared.from_date_time), *inner)
        part = Part("", Shape.OBJECT, parts=inner)
        if not step.single:
            least, most = sum(slot.lo for slot in slots), sum(slot.hi for slot in slots)
            part = Part("", Shape.LIST, lo=least, hi=most, parts=(part,))
            if step.slot.lo > 1 and any(one.name == _OFFSET for one in inner):
                offset = next(one for one in inner if one.name == _OFFSET)
                kept = tuple(one for one in inner if one is not offset)
                alone = Part("", Shape.OBJECT, parts=kept).value
                part = replace(part, note=_FOLDED, example=alone)
        parts.append(replace(part, name=field.name, required=field.required, source=field.source))
    return tuple(parts)


def response_parts(found: Template) -> tuple[Part, ...]:
    """The values of a response, how many components there were, and which one failed."""
    known: dict[str, Part] = {}
    for step in plan(found):
        for name, row in step.attributes:
            known[name] = leaf(row.type, row.meaning, row.unit)
        if not step.reads and not step.defaulted:
            known[step.answer_name] = _answer(step)
    parts = [
        replace(known[f.name], name=f.name, required=f.required, source=f.source, note=f.note)
        for f in response_fields(found)
    ]
    return (*parts, *_outcome(found))


def _answer(step: Step) -> Part:
    layout = step.answered.fields
    assert layout is not None
    part = Part("", Shape.OBJECT, parts=body_parts(layout))
    if step.slot.answers > 1:
        part = Part("", Shape.LIST, lo=1, hi=step.slot.answers, parts=(part,))
    if step.single:
        return part
    return Part("", Shape.LIST, lo=step.slot.lo, hi=step.slot.hi, parts=(part,))


def _outcome(found: Template) -> tuple[Part, ...]:
    names = dict.fromkeys(step.name for step in plan(found))
    example = next(iter(names)) if plan(found)[0].single else f"{next(iter(names))}#1"
    fault = Part(
        FAULT,
        Shape.OBJECT,
        required=False,
        note=f'the component that failed; a value read or answered may also be {{"{STATUS}": ...}} by itself',
        parts=(
            Part("item", about=f"its name, with #2 for the second one: {', '.join(names)}", example=example),
            Part(STATUS, about=_STATUSES, example="FAILURE"),
        ),
    )
    free = [step for step in plan(found) if step.slot.lo != step.slot.hi]
    if not free:
        return (fault,)
    counts = tuple(
        Part(step.name, about=f"{step.slot.lo}..{step.slot.hi}", required=False, example=step.slot.lo)
        for step in {step.name: step for step in free}.values()
    )
    note = "how many components the command had, where that is free; the least, if left out"
    return (Part(COMPONENTS, Shape.OBJECT, required=False, note=note, parts=counts), fault)


def alert_parts(code: int) -> tuple[Part, ...]:
    """The values of an alert."""
    parts = []
    for field in alert_fields(code):
        part = Part("", about=field.about, example=_ALERT_EXAMPLES.get(field.name))
        if field.name == "Executed":
            inner = tuple(_digits(name, most) for name, most in EXECUTED.items())
            part = Part("", Shape.OBJECT, parts=inner)
        elif field.name == "Reason":
            about = names_text(CODES["integrity"])
            part = Part("", about=about, example=next(iter(CODES["integrity"].values())))
        elif field.name == "PublishSnapshot":
            part = Part("", Shape.OBJECT, note="encrypted", parts=_snapshot())
        parts.append(replace(part, name=field.name, required=field.required))
    return tuple(parts)


_ALERT_EXAMPLES = {"AlertCode": EVENT_EXAMPLE, "Time": MOMENT_EXAMPLE, "ManufacturerImageHash": "00" * 32}


def _digits(name: str, most: int) -> Part:
    size = len(f"{most:X}")
    return Part(name, about=f"{size} hex digits", example="0" * size)


def _snapshot() -> tuple[Part, ...]:
    known = command(BILLING[0], BILLING[1], BILLING[3])
    assert known is not None
    assert known.fields is not None
    return body_parts(known.fields)
