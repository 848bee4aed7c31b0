"""Limits of the ESME's data items on the trees of values: what a meter takes, beside what fits the wire.

The trees of `gbcs.named.describe` know wire types only; the limits of SMETS are with the
items of the emulated meter (`smets.esme.items`).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Any

from gbcs.dlms.apdu import Choice
from gbcs.dlms.named import typed
from gbcs.dlms.types import Array, Compact, Structure, WireType
from gbcs.errors import BuildError
from gbcs.named.dlms_plan import Source, Step
from gbcs.named.parts import Part, Shape, span
from gbcs.values import json_form
from smets.esme.items import VARIANTS, Item, item
from smets.esme.limits import (
    DIGITS,
    DIGITS_AND_SPACES,
    ONE_OCTET,
    PRINTABLE,
    Among,
    At,
    CalendarDate,
    Characters,
    Each,
    Length,
    Limit,
    TimeOfDay,
    Within,
)

CHARACTERS = {
    DIGITS: "digits",
    DIGITS_AND_SPACES: "digits and spaces",
    PRINTABLE: "printable ASCII",
    ONE_OCTET: "characters of one octet in UTF-8",
}
MANY = 8  # ranges that are not listed


def meter_part(step: Step, part: Part) -> Part:
    """The tree of a value that an ESME stores, with the meter's limits and an example within them."""
    if step.source is not Source.VALUE or step.component.choice != Choice.SET or step.dated:
        return part
    found = _item(step.member.item)
    if found is None:
        return part
    shown = narrowed(part, found.wire, found.limits)
    if isinstance(found.default, tuple) and found.default and not found.refusal(found.default):
        shown = replace(shown, example=json_form(typed(found.wire)(found.default)))
    if not found.section:
        return shown
    section = f"SMETS2 {found.section}"
    return replace(shown, note=f"{shown.note}; {section}" if shown.note else section)


def _item(name: str) -> Item | None:
    for variant in VARIANTS:
        try:
            return item(variant, name)
        except BuildError:
            continue
    return None


def narrowed(part: Part, wire: WireType, limits: Iterable[Limit]) -> Part:
    """The tree with limits at the nodes they hold for, and examples of leaves within them."""
    limits = tuple(limits)
    inside = [limit for limit in limits if isinstance(limit, At)]
    own = [limit for limit in limits if not isinstance(limit, At | Each)]
    if isinstance(wire, Structure) and part.shape is Shape.OBJECT:
        parts = tuple(
            narrowed(below, inner, [limit.limit for limit in inside if limit.place == index])
            for index, (below, inner) in enumerate(zip(part.parts, wire.items, strict=True))
        )
        part = replace(part, parts=parts)
    elif isinstance(wire, Array | Compact) and part.shape is Shape.LIST:
        each = [limit.limit for limit in limits if isinstance(limit, Each)]
        entry = narrowed(part.parts[0], wire.item, each)
        part = replace(part, parts=(_by_place(entry, wire.item, inside),))
    else:
        own += inside
    for limit in own:
        part = _own(part, wire, limit)
    return part


def _own(part: Part, wire: WireType, limit: Limit) -> Part:
    """A limit of the node itself."""
    example = part.example
    if isinstance(limit, Within):
        lo, hi = limit.ranges[0]
        if not isinstance(example, int) or not lo <= example <= hi:
            example = json_form(typed(wire)(lo))
    elif isinstance(limit, Among):
        example = json_form(typed(wire)(limit.values[0]))
    if _said(part, limit):
        return part
    return replace(part, limits=(*part.limits, _text(part, wire, limit)), example=example)


def _said(part: Part, limit: Limit) -> bool:
    """Whether the type says as much."""
    if isinstance(limit, Length) and part.shape is Shape.LIST:
        return limit.lo <= part.lo and part.hi <= limit.hi
    if isinstance(limit, Characters) and limit.allowed == PRINTABLE:
        return part.about.startswith(CHARACTERS[PRINTABLE])
    return isinstance(limit, Within) and [part.about] == [span(lo, hi) for lo, hi in limit.ranges]


def plain_text(limit: Limit, range_text: Callable[[int, int], str]) -> str | None:
    """What a limit says whatever the type is; None for one whose words depend on it."""
    if isinstance(limit, TimeOfDay):
        return "a time of day" if limit.wildcards else "hour and minute said"
    if isinstance(limit, CalendarDate):
        if limit.relative:
            return "a date" if limit.most == 31 else f"a date, day of month 1..{limit.most}"
        return f"month 1..12 or any, day of month 1..{limit.most} or any"
    if isinstance(limit, Within):
        if len(limit.ranges) > MANY:
            return f"in one of {len(limit.ranges)} ranges"
        return " or ".join(range_text(lo, hi) for lo, hi in limit.ranges)
    if isinstance(limit, Characters):
        return CHARACTERS.get(limit.allowed, f"only {limit.allowed}")
    return None


def _text(part: Part, wire: WireType, limit: Limit) -> str:
    plain = plain_text(limit, span)
    if plain is not None:
        return plain
    if isinstance(limit, Among):
        if len(limit.values) > 1 and isinstance(limit.values[0], tuple):
            return f"one of {len(limit.values)} forms"
        shown = " or ".join(_shown(wire, value) for value in limit.values)
        return f"always {shown}" if len(limit.values) == 1 else shown
    if isinstance(limit, Length):
        what = "entries" if part.shape is Shape.LIST else "characters"
        return f"{span(limit.lo, limit.hi)} {what}"
    assert isinstance(limit, At)
    inner = limit.limit
    return f"octet {limit.place + 1} {_text(part, wire, inner)}"


def _shown(wire: WireType, value: Any) -> str:
    form = json_form(typed(wire)(value))
    return form if isinstance(form, str) else json.dumps(form)


def _by_place(entry: Part, wire: WireType, limits: Sequence[At]) -> Part:
    """An entry of a list of which each place has values of its own."""
    ordered: dict[tuple[int, ...], list[Any]] = {}
    for limit in sorted(limits, key=lambda limit: limit.place):
        places: tuple[int, ...] = ()
        inner = limit.limit
        while isinstance(inner, At):
            places, inner = (*places, inner.place), inner.limit
        if isinstance(inner, Among) and len(inner.values) == 1:
            ordered.setdefault(places, []).append(inner.values[0])
    for path, values in ordered.items():
        entry = _at(entry, wire, path, values)
    return entry


def _at(part: Part, wire: WireType, path: tuple[int, ...], values: Sequence[Any]) -> Part:
    if not path:
        text = ", ".join(_runs([_shown(wire, value) for value in values]))
        return replace(part, limits=(*part.limits, f"in this order: {text}"))
    assert isinstance(wire, Structure)
    parts = list(part.parts)
    parts[path[0]] = _at(parts[path[0]], wire.items[path[0]], path[1:], values)
    return replace(part, parts=tuple(parts))


def _runs(digits: Sequence[str]) -> list[str]:
    """Hex digits with runs that count upwards as one."""
    runs: list[list[str]] = []
    for text in digits:
        before = runs[-1][-1] if runs else ""
        if before and len(before) == len(text) and int(text, 16) == int(before, 16) + 1:
            runs[-1].append(text)
        else:
            runs.append([text])
    return [run[0] if len(run) == 1 else f"{run[0]}..{run[-1]}" for run in runs]
