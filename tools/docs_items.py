"""Pages about the electricity meter: its data items, and what its display and buttons are for."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator

from gbcs.dlms.named import typed
from gbcs.values import json_form
from smets.esme.display import ROWS
from smets.esme.items import VARIANTS, Item, items
from smets.esme.limits import Among, At, Each, Length, Limit
from smets.esme.screens import Code, Function, Minutes, functions

from .item_limits import plain_text
from .markdown import grid, page

LONGEST = 100  # characters of a default
FEW = 4  # values that are listed


def items_page() -> str:
    """Every data item of every variant: type, default, limits, section of SMETS."""
    lines = [
        "# Data items of an electricity meter",
        "",
        "What a meter holds, by the names used in [use cases](index.md). Type: that of the wire. Default: of",
        "a new meter; SMETS publishes none, they are ours. Limits: what the meter refuses otherwise, beside",
        "what the type says. Section: of SMETS2. Variants: which meters have it, where not all do or where",
        "they differ. The defaults of items of the device itself are overwritten when it is made.",
        "",
    ]
    heads = ("item", "type", "default", "limits", "entries", "set by command", "section", "variants")
    return page([*lines, *grid(heads, (_row(item, variants) for item, variants in merged()))])


def merged() -> Iterator[tuple[Item, tuple[str, ...]]]:
    """Each item once, with the variants that have it so, in the order of the object table."""
    found: dict[tuple[object, ...], tuple[Item, list[str]]] = {}
    for variant in VARIANTS:
        for item in items(variant):
            key = (item.name, item.type, item.default, item.limits, item.section, item.capacity)
            found.setdefault(key, (item, []))[1].append(variant)
    order = {item.name: place for variant in reversed(VARIANTS) for place, item in enumerate(items(variant))}
    for item, variants in sorted(found.values(), key=lambda pair: (order[pair[0].name], pair[1])):
        yield item, tuple(variants)


def _row(item: Item, variants: tuple[str, ...]) -> tuple[str, ...]:
    return (
        f"`{item.name}`",
        f"`{item.type}`" if len(item.type) <= LONGEST else f"`{item.type[:LONGEST]}` ...",
        _default(item),
        "; ".join(map(limit_text, item.limits)),
        str(item.capacity or ""),
        "yes" if item.settable else "no",
        item.section,
        "" if variants == VARIANTS else ", ".join(variants),
    )


def _default(item: Item) -> str:
    if item.capacity:
        return "none"
    form = json.dumps(json_form(typed(item.wire)(item.default)))
    return f"`{form}`" if len(form) <= LONGEST else f"`{form[:LONGEST]}` ..."


def limit_text(limit: Limit) -> str:
    """What a limit says."""
    plain = plain_text(limit, lambda lo, hi: f"{lo} to {hi}" if lo != hi else f"{lo}")
    if plain is not None:
        return plain
    if isinstance(limit, Among):
        return _among(limit)
    if isinstance(limit, Length):
        return f"length {limit.lo} to {limit.hi}"
    if isinstance(limit, Each):
        return f"each entry: {limit_text(limit.limit)}"
    assert isinstance(limit, At)
    return f"part {limit.place + 1}: {limit_text(limit.limit)}"


def _among(limit: Among) -> str:
    values = limit.values
    if len(values) > FEW or any(isinstance(value, tuple) and len(value) > FEW for value in values):
        return f"one of {len(values)} forms"
    texts = (value.hex().upper() if isinstance(value, bytes) else str(value) for value in values)
    return " or ".join(texts)


def display_page() -> str:
    """What the display shows, what can be done with the buttons."""
    lines = [
        "# Display and buttons of an electricity meter",
        "",
        "What the display goes through, in this order; the first is shown when nobody presses a button. PIN:",
        "not shown while a Privacy PIN is set and not entered. How screens follow each other is among the",
        "[state machines](machines.md).",
        "",
    ]
    lines += grid(("shown", "data item", "when", "how it reads", "PIN"), _display_rows())
    lines += ["", "## Functions", "", "In the order of the menu; each is confirmed before it is done.", ""]
    lines += grid(("function", "what is entered", "PIN"), map(_function_row, functions()))
    return page(lines)


def _display_rows() -> Iterable[tuple[str, ...]]:
    from smets.behaviours.privacy_pin import PERSONAL

    for row in ROWS:
        item = f"`{row.item}`" if row.item else ""
        yield row.title, item, row.when.value, row.form.value, "yes" if row.guard in PERSONAL else "no"


def _function_row(function: Function) -> tuple[str, str, str]:
    asked = ", ".join(map(_asked, function.asks)) or "nothing"
    return function.title, asked, "yes" if function.guarded else "no"


def _asked(one: Code | Minutes) -> str:
    if isinstance(one, Minutes):
        return f"{one.title}: {', '.join(map(str, one.choices))}"
    count = f"{one.most}" if one.least == one.most else f"{one.least} to {one.most}"
    return f"{one.title}: {count} of {one.marks[0]} to {one.marks[-1]}"
