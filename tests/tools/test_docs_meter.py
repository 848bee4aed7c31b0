"""Pages of `smets docs` about the meter: state machines with diagrams, data items, display and buttons."""

from __future__ import annotations

import importlib
import re
from enum import Enum
from pathlib import Path

import pytest
from smets.tools.docs_items import display_page, items_page, limit_text, merged
from smets.tools.docs_machines import Machine, diagram, machines, machines_page, text_of

from smets.esme.display import ROWS as SHOWN
from smets.esme.items import VARIANTS, items
from smets.esme.limits import (
    Among,
    At,
    CalendarDate,
    Characters,
    Each,
    Length,
    Limit,
    TimeOfDay,
    Within,
    between,
)
from smets.esme.screens import functions

MACHINES = list(machines())
ARROW = re.compile(r"^    (\w+) --> (\w+) : (.+)$")
# modules that have a machine in their table, by what their rows are made of
KNOWN = {
    "chts.tunnels": "Transition",
    "smets.behaviours.load_limit": "Row",
    "smets.behaviours.privacy_pin": "Row",
    "smets.behaviours.supply": "Transition",
    "smets.esme.screens": "Row",
    "smets.han.key_establishment_rows": "Transition",
    "smets.han.ota_rows": "Transition",
    "smets.han.partner_keys": "Row",
    "smets.han.polling_station": "Transition",
}


def test_every_machine_is_found() -> None:
    assert set(KNOWN) <= {machine.module for machine in MACHINES}
    assert len({machine.title for machine in MACHINES}) == len(MACHINES)


def test_no_table_with_states_is_left_out(root: Path) -> None:
    """Whatever its table is called: a class of rows with a state before and one after is in the registry."""
    found = set()
    for room in ("gbcs", "smets", "chts", "hil"):
        for path in sorted((root / room).rglob("*.py")):
            source = path.read_text(encoding="utf-8")
            rows = re.findall(r"^class \w+\(NamedTuple\):\n(?:(?!^class ).*\n)*?    before: ", source, re.M)
            if rows and re.search(r"^    after: ", source, re.M):
                found.add(".".join(path.relative_to(root).with_suffix("").parts))
    assert found == {machine.module for machine in MACHINES}


@pytest.mark.parametrize("machine", MACHINES, ids=lambda machine: machine.title)
def test_a_diagram_has_every_change_of_state_and_no_other(machine: Machine) -> None:
    head, *lines = diagram(machine)
    assert head == "stateDiagram-v2"
    declared = [re.fullmatch(r'    state "([^"]*)" as (\w+)', line) for line in lines]
    names = {match[2] for match in declared if match}
    assert names == {state.name for state in machine.states}
    drawn = {
        (m[1], m[2], label) for line in lines if (m := ARROW.match(line)) for label in m[3].split("<br/>")
    }
    assert len(lines) == len(names) + len({(before, after) for before, after, _ in drawn})
    wanted = set()
    for row in machine.rows:
        cells = dict(zip(machine.columns, row, strict=True))
        before, after = cells["before"], cells["after"]
        cause = next(
            cells[name] for name in ("trigger", "triggers", "what", "cause", "press") if name in cells
        )
        for state in before if isinstance(before, frozenset) else {before}:
            for one in cause if isinstance(cause, frozenset) else {cause}:
                if after is not None and after is not state:
                    wanted.add((state.name, after.name, re.sub(r'[:;"<>#]', ",", text_of(one))))
    assert drawn == wanted


@pytest.mark.parametrize("machine", MACHINES, ids=lambda machine: machine.title)
def test_no_label_holds_what_a_diagram_would_read(machine: Machine) -> None:
    for line in diagram(machine):
        _, _, label = line.partition(" : ")
        assert not re.search(r'[:;"<>#]', label.replace("<br/>", ""))
        assert len(line.splitlines()) == 1


def test_the_page_has_every_row_of_every_table() -> None:
    page = machines_page()
    for machine in MACHINES:
        section = page.partition(f"\n## {machine.title}\n")[2].partition("\n## ")[0]
        assert f"`{machine.module}.{machine.table}`" in section
        table = [line for line in section.splitlines() if line.startswith("|")]
        assert len(table) == 2 + len(machine.rows)
        assert len(getattr(importlib.import_module(machine.module), machine.table)) == len(machine.rows)
    assert "| enabled | credit exhausted | - | disabled | credit |  | 8F0F |" in page
    assert "ENABLED --> ARMED : load limit exceeded" in page


@pytest.mark.parametrize(
    ("cell", "text"),
    [(None, ""), (True, "yes"), (False, "no"), (int, "int"), (frozenset(), ""), (7, "7"), ("a", "a")],
)
def test_cells_read_as_a_reader_would_have_them(cell: object, text: str) -> None:
    assert text_of(cell) == text


def test_a_set_of_members_reads_in_their_order() -> None:
    class Some(Enum):
        A = "one"
        B = "two"

    assert text_of(frozenset(Some)) == "one, two"


def test_every_data_item_of_every_variant_is_on_the_page() -> None:
    page = items_page()
    for variant in VARIANTS:
        for item in items(variant):
            rows = [line for line in page.splitlines() if line.startswith(f"| `{item.name}` |")]
            of_variant = [row for row in rows if row.endswith("|  |") or variant in row.rpartition(" | ")[2]]
            assert len(of_variant) == 1, (variant, item.name)
            assert f"| {item.section} |" in of_variant[0]
            assert not item.capacity or f"| {item.capacity} |" in of_variant[0]
    assert "| `DebtRecoveryPerPayment` | `u16" in page
    assert "| 0 to 10000 |" in page


def test_items_of_all_variants_are_told_once() -> None:
    names = [(item.name, variants) for item, variants in merged()]
    assert len(set(names)) == len(names)
    assert ("MeterBalance", VARIANTS) in names
    assert {variants for name, variants in names if name == "MeterVariant"} == {(v,) for v in VARIANTS}


@pytest.mark.parametrize(
    ("limit", "text"),
    [
        (between(1, 5), "1 to 5"),
        (Within(((1, 28), (255, 255))), "1 to 28 or 255"),
        (Among((1, 2)), "1 or 2"),
        (Among((b"A",)), "41"),
        (Among(((1,) * 9, (2,) * 9)), "one of 2 forms"),
        (Length(1, 4), "length 1 to 4"),
        (Characters("0123456789"), "digits"),
        (Characters("AB"), "only AB"),
        (Within(tuple((n, n) for n in range(9))), "in one of 9 ranges"),
        (TimeOfDay(), "a time of day"),
        (TimeOfDay(wildcards=False), "hour and minute said"),
        (CalendarDate(), "a date"),
        (CalendarDate(28), "a date, day of month 1..28"),
        (CalendarDate(28, relative=False), "month 1..12 or any, day of month 1..28 or any"),
        (Each(At(1, between(3, 4))), "each entry: part 2: 3 to 4"),
    ],
)
def test_limits_read_as_a_reader_would_have_them(limit: Limit, text: str) -> None:
    assert limit_text(limit) == text


def test_the_display_page_has_every_row_and_every_function() -> None:
    page = display_page()
    for row in SHOWN:
        assert f"\n| {row.title} | " in page
    for function in functions():
        assert f"\n| {function.title} | " in page
    assert "| top up | UTRN: 20 of 0 to 9 | no |" in page
    assert "| pair a device | device: 16 of 0 to F, passkey: 0 to 8 of 0 to 9 | yes |" in page
    assert "| balance | `MeterBalance` | always | currency, two digits behind the point | yes |" in page
