"""Checks of GBZ payloads: templates, sequence numbers, frame counters, start times, failures."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import groupby
from typing import TypeVar

from ..ids import Cra
from ..zcl.clusters import (
    DEFAULT_RESPONSE,
    FAILURE,
    NOT_FOUND,
    READ_ATTRIBUTES_RESPONSE,
    SUCCESS,
    command,
)
from ..zcl.gbz import Component, Components, Sealed
from ..zcl.templates import ANY_COMMAND, Slot, template
from ..zcl.types import ENTRY
from .context import Context
from .rules import RULES, use_case_rule
from .spans import Finding

T = TypeVar("T")
_STARTS = (".StartTime", ".ImplementationDateTime", ".from_date_time")
_NEVER = frozenset((b"\xfe\xff\xff\xff", b"\xff\xff\xff\xff"))


def _components(context: Context) -> tuple[Component, ...]:
    return context.gbz.components if isinstance(context.gbz, Components) else ()


def check_sequence(context: Context) -> Iterator[Finding]:
    """Sequence numbers count the components of a command; an answer repeats that of its command."""
    before = -1
    for index, component in enumerate(_components(context)):
        allowed = (before + 1,) if context.message.cra is Cra.COMMAND or before < 0 else (before, before + 1)
        if component.sequence not in allowed:
            path = f"payload.components[{index}].sequence"
            reason = (
                f"sequence number {component.sequence} after {before}" if before >= 0 else "the first is 0"
            )
            expected = " or ".join(f"{number:02X}" for number in allowed)
            yield context.finding("sequence number", path, reason, RULES["zcl-header"], expected)
            before = allowed[-1]
        else:
            before = component.sequence


def check_frame_counters(context: Context) -> Iterator[Finding]:
    """The frame counters of the encrypted components count from 0."""
    wanted = 0
    for index, component in enumerate(_components(context)):
        if not isinstance(component.body, Sealed):
            continue
        if component.body.frame_counter != wanted:
            path = f"payload.components[{index}].frame_counter"
            reason = f"frame counter {component.body.frame_counter} of encrypted component {wanted}"
            yield context.finding("frame counter", path, reason, RULES["additional-header"], f"{wanted:02X}")
        wanted += 1


def check_gbz_extras(context: Context) -> Iterator[Finding]:
    """Commands are not encrypted, and only they have a From Date Time."""
    is_command = context.message.cra is Cra.COMMAND
    for index, component in enumerate(_components(context)):
        path = f"payload.components[{index}].control"
        if is_command and isinstance(component.body, Sealed):
            reason = "a component of a command is encrypted"
            yield context.finding("encryption", path, reason, RULES["extended-header"])
        if not is_command and component.from_date_time is not None:
            reason = "only commands have a From Date Time"
            yield context.finding("from date time", path, reason, RULES["from-date-time"])


def check_component_times(context: Context) -> Iterator[Finding]:
    """All start times of a future-datable command are equal."""
    row = context.use_case
    if row is None or not row.future_datable or context.message.cra is not Cra.COMMAND:
        return
    first: bytes | None = None
    spans = (
        sorted(span for ending in _STARTS for span in context.leaves(ending)) if _components(context) else []
    )
    for span in spans:
        octets = context.octets(span)
        big = span.path.endswith(".from_date_time")
        value = octets[::-1] if big else octets
        value = b"\xff\xff\xff\xff" if value in _NEVER else value
        first = value if first is None else first
        if value != first:
            reason = "another activation time than the first of the command"
            expected = (first[::-1] if big else first).hex().upper()
            yield context.wrong("activation time", span, reason, RULES["future-dating"], expected)


def check_gbz_template(context: Context) -> Iterator[Finding]:
    """The components are those of the use case, in its order."""
    found = template(context.message.code)
    components = _components(context)
    if found is None or not isinstance(context.gbz, Components):
        return
    as_command, as_response = found.positions(components), found.answer_positions(components)
    if context.message.cra is Cra.COMMAND:
        if as_command is None and as_response is not None:
            yield _other_direction(context, Cra.RESPONSE)
        elif as_command is None:
            place, slots = _reach(found.slots, components, Slot.takes)
            yield _misfit(context, place, slots, False)
    elif as_response is None and as_command is not None:
        yield _other_direction(context, Cra.COMMAND)
    elif as_response is None:
        groups = [list(group) for _, group in groupby(components, key=lambda c: c.sequence)]
        place, slots = _reach(found.slots, groups, Slot.answered_by)
        yield _misfit(context, sum(len(group) for group in groups[:place]), slots, True)


def _other_direction(context: Context, cra: Cra) -> Finding:
    reason = f"the components are those of a {cra.name.lower()}"
    return context.finding("cra flag", "header.cra_flag", reason, RULES["identity"], f"{int(cra):02X}")


def _misfit(context: Context, place: int, slots: list[Slot], answer: bool) -> Finding:
    rule = use_case_rule(context.message.code)
    wanted = " or ".join(dict.fromkeys(_slot_text(slot, answer) for slot in slots)) or "nothing"
    components = _components(context)
    if place >= len(components):
        return context.finding(
            "template", "payload.components", f"components are missing after {place}", rule, wanted
        )
    given = components[place]
    path = f"payload.components[{place}]"
    name, octets = _differing(given, slots, answer)
    reason = f"{given.cluster:04X} {_name(given)} does not stand here, but {wanted}"
    return context.finding("template", f"{path}.{name}", reason, rule, octets or wanted)


def _name(component: Component) -> str:
    known = component.declared
    return known.name if known is not None else f"command {component.command:02X}"


def _differing(given: Component, slots: list[Slot], answer: bool) -> tuple[str, str]:
    """The field that differs from the only slot that is open, and its octets; else the control."""
    if len(slots) != 1:
        return "control", ""
    slot = slots[0]
    control = slot.answer_frame_control if answer else slot.frame_control
    number = slot.answer_command if answer else slot.command
    fields = (
        ("cluster", given.cluster, slot.cluster, 4),
        ("frame_control", given.frame_control, control, 2),
        ("command", given.command, number, 2),
    )
    wrong = [(name, f"{right:0{digits}X}") for name, value, right, digits in fields if value != right]
    if len(wrong) == 1:
        return wrong[0]
    if not wrong and not isinstance(given.body, Sealed) and slot.attributes:
        return _attribute(given, slot, answer)
    return "control", ""


def _attribute(given: Component, slot: Slot, answer: bool) -> tuple[str, str]:
    """The first attribute that is not the one of the slot."""
    nodes = given.body[0].value if given.body and not isinstance(given.body, Sealed) else ()
    for index, (node, wanted) in enumerate(zip(nodes, slot.attributes, strict=False)):
        number = node.value[0].value if node.type == ENTRY else node.value
        if number != wanted:
            name = f"Records[{index}].AttributeId" if answer else f"AttributeIds[{index}]"
            return name, wanted.to_bytes(2, "little").hex().upper()
    return "control", ""


def _slot_text(slot: Slot, answer: bool) -> str:
    control, number = slot.frame_control, slot.command
    if answer:
        control, number = slot.answer_frame_control, slot.answer_command
    known = command(slot.cluster, control, number)
    text = f"{slot.cluster:04X} {known.name if known is not None else f'{number:02X}'}"
    if slot.attributes:
        text += " of " + " ".join(f"{attribute:04X}" for attribute in slot.attributes)
    if answer and slot.sealed:
        text += ", encrypted"
    if slot.dated and not answer:
        text += ", with a From Date Time"
    return text


def _reach(
    slots: tuple[Slot, ...], items: Sequence[T], fits: Callable[[Slot, T], bool]
) -> tuple[int, list[Slot]]:
    """The first item that no slot takes, or their number, and the slots that were open there."""
    states = {(0, 0)}  # slot begun, how many it has taken
    for index, item in enumerate(items):
        onward, opened = set(), set()
        for slot, taken in states:
            for place in _open(slots, slot, taken):
                opened.add(place)
                if fits(slots[place], item):
                    onward.add((place, taken + 1 if place == slot else 1))
        if not onward:
            return index, [slots[place] for place in sorted(opened)]
        states = onward
    opened = {place for slot, taken in states for place in _open(slots, slot, taken)}
    wanting = sorted(place for place in opened if slots[place].lo)
    return len(items), [slots[place] for place in wanting]


def _open(slots: tuple[Slot, ...], slot: int, taken: int) -> Iterator[int]:
    """The slots that may take the next item."""
    while slot < len(slots):
        if taken < slots[slot].hi:
            yield slot
        if taken < slots[slot].lo:
            return
        slot, taken = slot + 1, 0


def check_gbz_failures(context: Context) -> Iterator[Finding]:
    """After a component that failed every later one is answered as not executed."""
    if context.message.cra is not Cra.RESPONSE:
        return
    failed_at: int | None = None
    for index, component in enumerate(_components(context)):
        if failed_at is not None and component.sequence != failed_at and not _not_executed(component):
            path = f"payload.components[{index}].command"
            reason = "answered although an earlier component failed"
            expected = "Default Response FF 01"
            yield context.finding("failures", path, reason, RULES["zcl-general"], expected)
        if failed_at is None and _failed(component):
            failed_at = component.sequence


def _failed(component: Component) -> bool:
    if isinstance(component.body, Sealed) or component.frame_control & 0x03:
        return False
    if component.command == DEFAULT_RESPONSE and len(component.body) >= 2:
        return component.body[1].value not in (SUCCESS, NOT_FOUND)
    if component.command == READ_ATTRIBUTES_RESPONSE and component.body:
        entries = component.body[0].value
        return any(entry.type == ENTRY and entry.value[1].value != SUCCESS for entry in entries)
    return False


def _not_executed(component: Component) -> bool:
    if isinstance(component.body, Sealed) or component.command != DEFAULT_RESPONSE:
        return False
    return [node.value for node in component.body[:2]] == [ANY_COMMAND, FAILURE]
