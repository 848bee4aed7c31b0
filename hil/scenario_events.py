"""Events that a scenario makes happen to a device, read from tables by the fields of their dataclasses.

    metrology = { import_wh = 500, power_w = 900, voltage_v = [240] }
    sense = { event = "attack sensed", what = "meter cover", present = true }

The name of an event is that of its class in words. A field takes a number, true or false, or one of
the texts of its enumeration; one that has a default may be left out.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import MISSING, Field, fields
from enum import Enum
from types import UnionType
from typing import Any, NamedTuple, get_args, get_origin, get_type_hints

from smets import sensing
from smets.behaviours.auxiliary import ControllerFailed
from smets.behaviours.payment import EMERGENCY_ACTION
from smets.behaviours.supply import ENABLE_ACTION
from smets.events import ArmStoreFault, Event, Metrology, PowerLost, PowerRestored, ProfileEvent, UserAction
from smets.sensing import ConditionSensed, PhaseSupply

from .scenario_file import Table

ACTIONS = (ENABLE_ACTION, EMERGENCY_ACTION)
POWER: dict[str, Event] = {"lost": PowerLost(), "restored": PowerRestored()}
LARGEST = 2**31 - 1  # of a number


def _is_event(kind: type[Any]) -> bool:
    return issubclass(kind, ProfileEvent) and kind.__module__ == sensing.__name__


SENSED: tuple[type[Any], ...] = (
    Metrology,
    PowerLost,
    PowerRestored,
    *(one for one in vars(sensing).values() if isinstance(one, type) and _is_event(one)),
    ControllerFailed,
)
RANGES: Mapping[tuple[type[Any], str], tuple[int, int]] = {
    (Metrology, "power_w"): (-LARGEST, LARGEST),
    (PhaseSupply, "phase"): (1, 3),
    (ConditionSensed, "phase"): (0, 3),
    (ControllerFailed, "controller"): (1, 5),
}
"""Numbers that are not 0 to `LARGEST`."""


class Row(NamedTuple):
    """A field of an event: what it takes, in words and as a check that gives the value or None."""

    name: str
    needed: bool
    wanted: str
    read: Callable[[Any], Any]


def name_of(kind: type[Any]) -> str:
    """The name of a kind of event: `attack sensed` for AttackSensed."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", kind.__name__).lower()


NAMES = {name_of(kind): kind for kind in SENSED}


def event_of(table: Table, kind: str) -> tuple[Event, str]:
    """The event of a step and what it is in words; the key of the step says which. Raises ScenarioError."""
    return _READERS[kind](table)


def _sense(table: Table) -> tuple[Event, str]:
    given = table.table("sense")
    name = given.one_of("event", tuple(NAMES))
    return _event(given, NAMES[name], name)


def _metrology(table: Table) -> tuple[Event, str]:
    return _event(table.table("metrology"), Metrology, "metrology")


def _event(given: Table, kind: type[Any], name: str) -> tuple[Event, str]:
    rows = {row.name: row for row in _rows(kind)}
    held = given.rest()
    values: dict[str, Any] = {}
    for key, value in held.items():
        if key not in rows:
            given.fail(key, f"is none of {', '.join(rows)}" if rows else f"{name} takes nothing")
        values[key] = rows[key].read(value)
        if values[key] is None:
            given.fail(key, f"{rows[key].wanted} needed")
    for row in rows.values():
        if row.needed and row.name not in values:
            given.fail(row.name, "is missing")
    said = ", ".join(f"{key} {held[key]}" for key in held)
    return kind(**values), f"{name} {said}".rstrip()


def _action(table: Table) -> tuple[Event, str]:
    name = table.one_of("action", ACTIONS)
    return UserAction(name), name


def _power(table: Table) -> tuple[Event, str]:
    name = table.one_of("power", tuple(POWER))
    return POWER[name], f"power {name}"


def _fault(table: Table) -> tuple[Event, str]:
    given = table.take("fault", list)
    if len(given) != 2 or not all(type(n) is int and 0 <= n <= 255 for n in given):
        table.fail("fault", "a list of an item (from 0) and a result code is needed")
    return ArmStoreFault(*given), f"item {given[0]} of the next command will fail with {given[1]}"


_READERS: dict[str, Callable[[Table], tuple[Event, str]]] = {
    "metrology": _metrology,
    "action": _action,
    "power": _power,
    "fault": _fault,
    "sense": _sense,
}
EVENT_KEYS = tuple(_READERS)


# -- fields -------------------------------------------------------------------------------


def _rows(kind: type[Any]) -> tuple[Row, ...]:
    hints = get_type_hints(kind)
    return tuple(_row(kind, one, hints[one.name]) for one in fields(kind))


def _row(kind: type[Any], one: Field[Any], hint: Any) -> Row:
    needed = one.default is MISSING and one.default_factory is MISSING
    if isinstance(hint, UnionType):  # with None, which leaving it out says
        hint = next(part for part in get_args(hint) if part is not type(None))
    if isinstance(hint, type) and issubclass(hint, Enum):
        wanted = f"one of {', '.join(str(member.value) for member in hint)} is"
        return Row(one.name, needed, wanted, lambda value: next((m for m in hint if m.value == value), None))
    if hint is bool:
        return Row(one.name, needed, "true or false is", _truth)
    least, most = RANGES.get((kind, one.name), (0, LARGEST))
    wanted = f"whole numbers {f'from {least} to' if most < LARGEST else 'up to'} {most} are"

    def number(value: Any) -> int | None:
        return value if type(value) is int and least <= value <= most else None

    def phases(value: Any) -> tuple[int, ...] | None:
        given = value if isinstance(value, list) else [value]
        found = tuple(one for one in map(number, given) if one is not None)
        return found if 1 <= len(found) <= 3 and len(found) == len(given) else None

    return Row(one.name, needed, wanted, phases if get_origin(hint) is tuple else number)


def _truth(value: Any) -> bool | None:
    return value if isinstance(value, bool) else None
