"""Values for every DLMS payload, drawn from the plans of its templates and the wire types of their data."""

from __future__ import annotations

from random import Random
from typing import Any

from gbcs.dlms.alert_rows import BILLING_DATA_LOG, alert_structure
from gbcs.dlms.apdu import ACTION_RESULTS, RESULTS, Choice
from gbcs.dlms.items import fitting_templates
from gbcs.dlms.named import typed
from gbcs.dlms.protection_rows import ProtectedRead
from gbcs.dlms.protection_rows import table as protected_table
from gbcs.dlms.templates import Template, templates
from gbcs.dlms.wire import (
    Array,
    Bits,
    Boolean,
    Compact,
    Null,
    Number,
    Octets,
    OneOf,
    Structure,
    Text,
    Value,
    WireType,
)
from gbcs.named.common import ACTIVATION_TIME, FAULT, ITEMS, PERIOD, VARIANT
from gbcs.named.dlms_plan import Source, Step, plan
from gbcs.time import ACTIVATE_NEVER, ACTIVATE_NOW, Utc
from gbcs.values import DateTime, Moment, code_kind
from tests.gbcs.drawing import PRINTABLE, Drawn, number, octets, size, text

_RESULT = code_kind("result", RESULTS)
_ACTION_RESULT = code_kind("action-result", ACTION_RESULTS)
_UTF8 = PRINTABLE + "£é€\u2028\U0001f50c\n\0\x7f"
_ASCII = PRINTABLE + "\n\0\x1b\x7f"


# -- values of a wire type --------------------------------------------------------------------


def value(random: Random, wire: WireType) -> Value:
    """A plain value that a wire type takes."""
    if isinstance(wire, Structure):
        return tuple(value(random, item) for item in wire.items)
    if isinstance(wire, Array | Compact):
        return tuple(value(random, wire.item) for _ in range(size(random, wire.lo, wire.hi, 3)))
    if isinstance(wire, OneOf):
        return value(random, random.choice(wire.choices))
    if isinstance(wire, Number):
        return number(random, wire.lo, wire.hi)
    if isinstance(wire, Octets):
        return _octets(random, wire)
    if isinstance(wire, Boolean):
        return random.random() < 0.5
    if isinstance(wire, Text):
        drawn = text(random, wire.lo, wire.hi, _ASCII if wire.charset == "ascii" else _UTF8)
        while not wire.fits(drawn):
            drawn = drawn[:-1]
        return drawn
    if isinstance(wire, Bits):
        return "".join(random.choice("01") for _ in range(size(random, wire.lo, wire.hi, 20)))
    assert isinstance(wire, Null)
    return None


def _octets(random: Random, wire: Octets) -> bytes:
    if random.random() < 0.7:
        if wire.meaning == "date-time":
            return date_time(random)
        if wire.meaning == "text":
            drawn = text(random, wire.lo, wire.hi, PRINTABLE).encode("ascii")
            return drawn
        if wire.meaning in ("date", "time"):
            return _date(random) if wire.meaning == "date" else _time(random)
    return octets(random, wire.lo, wire.hi)


def moment(random: Random) -> Utc:
    """A moment of whole seconds that every form of time can say."""
    return Utc.from_seconds(random.choice((1, 0x7FFF_FFFF, 0xFFFF_FFFD, random.randrange(1, 0xFFFF_FFFD))))


def date_time(random: Random) -> bytes:
    """The octets of a date-time: mostly a moment, else now, never, or with wildcards."""
    way = random.random()
    if way < 0.6:
        return moment(random).to_cosem()
    if way < 0.8:
        return random.choice((ACTIVATE_NOW, ACTIVATE_NEVER))
    # hundredths 00, deviation not specified, and sometimes a status
    return _date(random)[:4] + b"\xff" + _time(random)[:3] + bytes((0, 0x80, 0, random.choice((0xFF, 0, 4))))


def _date(random: Random) -> bytes:
    """Also dates that do not exist, and the special months and days."""
    year = random.choice((0xFFFF, 1, 9999, 2024, 2023, 0))
    month, day = random.choice((0xFF, 1, 2, 12, 0xFD, 0)), random.choice((0xFF, 1, 29, 31, 0xFE, 0))
    return year.to_bytes(2, "big") + bytes((month, day, random.choice((0xFF, 0xFF, 0, 1, 7, 8))))


def _time(random: Random) -> bytes:
    return bytes(random.choice((0xFF, 0, most, most + 1)) for most in (23, 59, 59, 99))


# -- commands -----------------------------------------------------------------------------------


def command(random: Random, template: Template) -> Drawn:
    """The values of a command by one template."""
    steps = _present(random, template)
    drawn = Drawn()
    if template.variant:
        drawn.both(VARIANT, template.variant)
    dates: list[tuple[Step, Value]] = []
    period = False
    for step in steps:
        if step.source is Source.VALUE:
            drawn_value = value(random, step.wire(False))
            if step.dated:
                dates.append((step, drawn_value))
            else:
                _put(drawn, step.name, step.wire(False), drawn_value)
        elif step.source is Source.CONSTANT and step.optional:
            drawn.both(step.name, True)
        elif step.source is Source.PERIOD or (step.protected is not None and step.protected.dated):
            period = True
    _put_dates(random, drawn, dates)
    if period and random.random() < 0.7:
        selected = any(step.source is Source.PERIOD for step in steps)
        _put_period(random, drawn, selected)
    return drawn


def _present(random: Random, template: Template) -> list[Step]:
    """The steps of a template less some of those that may be absent."""
    steps = plan(template)
    kept = [step for step in steps if not step.optional or random.random() < 0.6]
    return kept or [random.choice(steps)]


def _put(drawn: Drawn, name: str, wire: WireType, plain: Value) -> None:
    drawn.put(name, plain, typed(wire)(plain))


def _put_dates(random: Random, drawn: Drawn, dates: list[tuple[Step, Value]]) -> None:
    """Activation times: one for all, or each its own."""
    if not dates:
        return
    first, at = dates[0]
    alike = all(step.wire(False) == first.wire(False) for step, _ in dates)
    if alike and (random.random() < 0.7 or all(other == at for _, other in dates)):
        _put(drawn, ACTIVATION_TIME, first.wire(False), at)
        return
    for step, own in dates:
        _put(drawn, step.name, step.wire(False), own)


def _put_period(random: Random, drawn: Drawn, selected: bool) -> None:
    bounds: list[Any]
    if selected:
        bounds = [number(random, 1, 0xFFFF_FFFE) for _ in range(2)]
        drawn.put(PERIOD, dict(zip(("From", "To"), bounds, strict=True)), _named(bounds, Moment))
    else:
        bounds = [moment(random).to_cosem(), date_time(random)]
        drawn.put(PERIOD, dict(zip(("From", "To"), bounds, strict=True)), _named(bounds, DateTime))


def _named(bounds: list[Any], kind: Any) -> dict[str, Any]:
    return {"From": kind(bounds[0]), "To": kind(bounds[1])}


# -- responses ----------------------------------------------------------------------------------


def response_templates(code: int) -> tuple[Template, ...]:
    """The templates of a Message Code that its responses can be told apart by."""
    found = []
    for template in templates(code):
        choices = tuple(step.answered for step in plan(template))
        fitting = fitting_templates(code, choices)
        if fitting[0] is template:
            found.append(template)
    return tuple(found)


def has_twin(template: Template) -> bool:
    """Whether a twin-element meter answers in another form."""
    return any(_has_twin(step) for step in plan(template))


def _has_twin(step: Step) -> bool:
    if step.protected is not None:
        return _contents(step.protected, True) != _contents(step.protected, False)
    return step.answer_wire(True) != step.answer_wire(False)


def _contents(row: ProtectedRead, twin: bool) -> dict[str, WireType]:
    return {content.item: content.wire(twin) for content in row.contents}


def response(random: Random, template: Template, twin: bool = False, fault: bool = False) -> Drawn:
    """The values of a response to a command by one template, all of it or up to the item that failed."""
    steps = plan(template)
    usual = template is templates(template.code)[0]
    failing = random.randrange(len(steps)) if fault else len(steps)
    while True:
        drawn = Drawn()
        if not usual:
            drawn.both(VARIANT, template.variant)
        told = [_put_answer(random, drawn, step, twin) for step in steps[:failing]]
        if not twin or any(told):
            break
        if fault:  # nothing before the fault says which meter it is
            twin = False
    if twin:
        drawn.both(VARIANT, "twin")
    if fault:
        _put_fault(random, drawn, steps[failing], steps[failing].name)
    return drawn


def _put_answer(random: Random, drawn: Drawn, step: Step, twin: bool) -> bool:
    """Put what one item is answered with; whether only a twin-element meter answers so."""
    if step.protected is not None:
        told = False
        single = _contents(step.protected, False)
        for name, wire in _contents(step.protected, twin).items():
            drawn_value = value(random, wire)
            _put(drawn, name, wire, drawn_value)
            told = told or _differs(single[name], wire, drawn_value)
        return told
    wire = step.answer_wire(twin)
    if wire is None:
        return False
    name, repeated, _ = step.name.partition("#")
    same = drawn.plain.get(name) if repeated else step.constant
    if same is not None and random.random() < 0.5:
        return False
    drawn_value = value(random, wire)
    if drawn_value == same:
        return False
    _put(drawn, step.name, wire, drawn_value)
    single_wire = step.answer_wire(False)
    return single_wire is not None and _differs(single_wire, wire, drawn_value)


def _differs(single: WireType, twin: WireType, drawn_value: Value) -> bool:
    """Whether a value in its twin form cannot be read as that of a single-element meter."""
    if single == twin:
        return False
    return not single.fits(drawn_value) or single.encode(drawn_value) != twin.encode(drawn_value)


def _put_fault(random: Random, drawn: Drawn, step: Step, item: str | int) -> None:
    kind = _ACTION_RESULT if step.answered == Choice.ACTION else _RESULT
    result = random.choice((*(code for code in RESULTS if code), 1, 255))
    drawn.put(FAULT, {"item": item, "result": result}, {"item": item, "result": kind.typed(result)})


def counted_response(random: Random, template: Template, fault: bool = False) -> Drawn:
    """The response to a command with some of its optional components, of which only the number shows."""
    least = max(1, len(template.components) - len(template.optional))
    drawn = Drawn()
    count = random.randrange(least, len(template.components))
    drawn.both(ITEMS, count)
    if fault:
        _put_fault(random, drawn, plan(template)[0], random.randrange(count) + 1)
    return drawn


# -- alerts -------------------------------------------------------------------------------------


def alert(random: Random, code: int, twin: bool = False) -> Drawn:
    """The values of an alert."""
    wire = alert_structure(code)
    assert wire is not None
    drawn = Drawn()
    count = 2 if code == BILLING_DATA_LOG else len(wire.items)
    for name, item in list(zip(wire.names, wire.items, strict=True))[:count]:
        _put(drawn, name, item, value(random, item))
    if code != BILLING_DATA_LOG:
        return drawn
    row = next(row for row in protected_table() if row.alert_only)
    told = False
    while not told:
        for name, item in _contents(row, twin).items():
            drawn_value = value(random, item)
            _put(drawn, name, item, drawn_value)
            told = told or not twin or _differs(_contents(row, False)[name], item, drawn_value)
    if twin:
        drawn.both(VARIANT, "twin")
    return drawn
