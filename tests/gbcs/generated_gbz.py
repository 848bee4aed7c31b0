"""Values for every GBZ payload, drawn from the slots of its templates and the fields of its commands."""

from __future__ import annotations

from random import Random
from typing import Any

from gbcs.events import EventCode
from gbcs.named.common import FAULT
from gbcs.named.gbz_plan import COMPONENTS, STATUS, Step, plan
from gbcs.values import COUNTER, MOMENT, code_kind, flags_kind
from gbcs.zcl.clusters import NOT_FOUND, command_by_name
from gbcs.zcl.fieldlist import FieldList, Guard, Repeat
from gbcs.zcl.gbz import ALERT_CONTENTS
from gbcs.zcl.meanings import CODES
from gbcs.zcl.named import attribute_kind, kind_of
from gbcs.zcl.templates import Template
from gbcs.zcl.types import TYPES
from tests.gbcs.drawing import PRINTABLE, Drawn, number, octets, text

_STATUS = code_kind("status", CODES["status"])
_INTEGRITY = code_kind("integrity", CODES["integrity"])
_BITS = flags_kind("bitmap", {})
_OFFSET = "SnapshotOffset"
Pair = tuple[Any, Any]  # plain, typed


# -- fields -------------------------------------------------------------------------------------


def leaf(random: Random, kind: int) -> Any:
    """A plain value of a ZCL type without parts."""
    known = TYPES[kind]
    if known.is_number:
        return number(random, *known.limits)
    if known.form == "octets":
        return octets(random, known.size, known.size)
    assert known.form in ("string", "text")
    way = random.random()
    if way < 0.1:
        return None
    if way < 0.5:
        return text(random, 0, 60, PRINTABLE).encode("ascii")
    return random.randbytes(254) if way < 0.53 else octets(random, 0, 60)


def body(random: Random, fields: FieldList) -> Pair:
    """The fields of a command or entry by name; a count is often left out of the plain ones."""
    plain: dict[str, Any] = {}
    named: dict[str, Any] = {}
    numbers: dict[str, int] = {}
    for element in fields.elements:
        if isinstance(element, Guard):
            if (numbers[element.field] == element.value) is not element.equal:
                break
            continue
        if isinstance(element, Repeat):
            entries = _entries(random, element, numbers)
            plain[element.name], named[element.name] = [p for p, _ in entries], [t for _, t in entries]
            if element.count and element.mask >= 0xFF and random.random() < 0.5:
                del plain[element.count]
            continue
        if element.optional and random.random() < 0.3:
            break
        drawn = leaf(random, element.type)
        for guard in fields.elements:
            if isinstance(guard, Guard) and guard.field == element.name and random.random() < 0.7:
                drawn = guard.value if guard.equal else guard.value + 1
        for repeat in fields.elements:
            if isinstance(repeat, Repeat) and repeat.count == element.name:
                drawn = drawn & ~repeat.mask | number(random, 0, min(repeat.mask, 4))
                drawn &= (1 << 8 * TYPES[element.type].size) - 1
        numbers[element.name] = drawn
        plain[element.name] = drawn
        named[element.name] = kind_of(element.type, element.meaning).typed(drawn)
    return plain, named


def _entries(random: Random, repeat: Repeat, numbers: dict[str, int]) -> list[Pair]:
    if repeat.count:
        count = numbers[repeat.count] & repeat.mask
    else:
        count = random.choice((0, 1, 1, 2, 3))
    found = []
    for _ in range(count):
        plain, named = body(random, repeat.items)
        if repeat.single:
            name = repeat.items.members[0].name
            plain, named = plain[name], named[name]
        found.append((plain, named))
    return found


# -- commands -----------------------------------------------------------------------------------


def command(random: Random, template: Template) -> Drawn:
    """The values of a command."""
    drawn = Drawn()
    for step in plan(template):
        if step.reads:
            continue
        found = [_one(random, step) for _ in range(_count(random, step))]
        if step.single:
            drawn.put(step.name, *found[0])
        elif step.slot.lo > 1 and not step.shared and _OFFSET in found[0][0] and random.random() < 0.6:
            # reads that ask alike for one entry after the other are one value
            drawn.put(step.name, *(_without(values, _OFFSET) for values in found[0]))
        elif found:
            for forms, index in ((drawn.plain, 0), (drawn.typed, 1)):
                forms.setdefault(step.name, []).extend(pair[index] for pair in found)
    return drawn


def _count(random: Random, step: Step) -> int:
    """How many components: the least, the most if they are few, or some."""
    lo, hi = step.slot.lo, min(step.slot.hi, step.slot.lo + 4)
    return random.choice((lo, hi, random.randint(lo, hi)))


def _without(values: dict[str, Any], name: str) -> dict[str, Any]:
    return {key: inner for key, inner in values.items() if key != name}


def _one(random: Random, step: Step) -> Pair:
    fields = step.declared.fields
    assert fields is not None
    plain, named = body(random, fields)
    if step.slot.dated:
        at = number(random, 0, 0xFFFF_FFFF)
        name = step.declared.from_date_time
        plain[name], named[name] = at, MOMENT.typed(at)
    return plain, named


# -- responses ----------------------------------------------------------------------------------


def response(random: Random, template: Template, fault: bool = False) -> Drawn:
    """The values of a response: answers, what was not found, and perhaps a component that failed."""
    steps = plan(template)
    failing = random.choice(steps) if fault else None
    answered = [step for step, count in _counts(random, steps, failing) for _ in range(count)]
    places = [place for place, step in enumerate(answered) if step is failing]
    place_of_fault = random.choice(places) if places else len(answered)
    drawn = Drawn()
    failed = bool(places)
    for place, step in enumerate(answered):
        if place == place_of_fault:
            _put_fault(random, drawn, step, answered, place)
            break
        if step.reads:
            # an attribute that cannot be read fails the component, and what comes after it
            if _put_attributes(random, drawn, step, random.random() < 0.1):
                failed = True
                break
        elif not step.defaulted:
            _put_answer(random, drawn, step)
    counts = {}
    for step in steps:
        count = sum(other is step for other in answered)
        if count != step.slot.lo and (step.defaulted or failed or not step.single):
            counts[step.name] = count
    if counts:
        drawn.both(COMPONENTS, counts)
    return drawn


def _counts(random: Random, steps: tuple[Step, ...], failing: Step | None) -> list[tuple[Step, int]]:
    """How many components of each step the command had.

    What was not executed after a fault only shows how many components there were: they
    count as of the earliest steps that take so many.
    """
    found, spare, after = [], False, False
    for step in steps:
        after = after or step is failing
        count = step.slot.lo if spare else _count(random, step)
        if step is failing:
            count = max(count, 1)
        spare = after and count < step.slot.hi
        found.append((step, count))
    return found


def _put_fault(random: Random, drawn: Drawn, step: Step, answered: list[Step], place: int) -> None:
    at = 1 + sum(other.name == step.name for other in answered[:place])
    item = step.name if step.single else f"{step.name}#{at}"
    # what was not found is an answer, not a fault, where the answer is more than a status
    codes = [code for code in CODES["status"] if code and (code != NOT_FOUND or step.defaulted or step.reads)]
    status = random.choice((*codes, 0xFE))
    drawn.put(FAULT, {"item": item, STATUS: status}, {"item": item, STATUS: _STATUS.typed(status)})


def _put_attributes(random: Random, drawn: Drawn, step: Step, refused: bool) -> bool:
    """Put the attributes that were read; whether one of them could not be."""
    missing = random.randrange(len(step.attributes)) if refused else -1
    for index, (name, row) in enumerate(step.attributes):
        if index == missing:
            drawn.put(name, {STATUS: 0x86}, {STATUS: _STATUS.typed(0x86)})
            continue
        plain = leaf(random, row.type)
        drawn.put(name, plain, attribute_kind(row).typed(plain))
    return refused


def _put_answer(random: Random, drawn: Drawn, step: Step) -> None:
    fields = step.answered.fields
    assert fields is not None
    found: Pair
    if random.random() < 0.2:
        found = {STATUS: NOT_FOUND}, {STATUS: _STATUS.typed(NOT_FOUND)}
    elif step.slot.answers > 1:
        parts = [body(random, fields) for _ in range(random.randint(1, step.slot.answers))]
        found = [plain for plain, _ in parts], [named for _, named in parts]
    else:
        found = body(random, fields)
    if step.single:
        drawn.put(step.answer_name, *found)
    else:
        for forms, value in zip((drawn.plain, drawn.typed), found, strict=True):
            forms.setdefault(step.answer_name, []).append(value)


# -- alerts -------------------------------------------------------------------------------------


def alert(random: Random, code: int) -> Drawn:
    """The values of an alert."""
    drawn = Drawn()
    event, at = number(random, 0, 0xFFFF), number(random, 0, 0xFFFF_FFFF)
    drawn.put("AlertCode", event, EventCode(event))
    drawn.put("Time", at, MOMENT.typed(at))
    content = ALERT_CONTENTS[code]
    if content == "executed":
        widths = {"MessageCode": 2, "OriginatorCounter": 8, "Cluster": 2, "FrameControl": 1, "Command": 1}
        plain = {name: number(random, 0, (1 << 8 * width) - 1) for name, width in widths.items()}
        named = {
            name: (COUNTER if name == "OriginatorCounter" else _BITS).typed(value)
            for name, value in plain.items()
        }
        drawn.put("Executed", plain, named)
    elif content == "hash":
        drawn.both("ManufacturerImageHash", random.randbytes(32))
    elif content == "reason":
        reason = random.choice((*CODES["integrity"], 0xFFFF))
        drawn.put("Reason", reason, _INTEGRITY.typed(reason))
    elif content == "component":
        fields = command_by_name("PublishSnapshot").fields
        assert fields is not None
        drawn.put("PublishSnapshot", *body(random, fields))
    return drawn
