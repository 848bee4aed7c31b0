"""The state machines of the project: every table of rows with a state before and one after, by one search.

A table is a tuple of named tuples called `TRANSITIONS` or `ROWS` in a module of one of the packages; the
names of its columns tell what they are. What a diagram cannot show, guards and what is done, is in the
table below it.
"""

from __future__ import annotations

import importlib
import inspect
import re
from collections.abc import Iterator, Sequence
from enum import Enum, IntEnum
from typing import Any, NamedTuple

from .docs_settings import shown, sources
from .markdown import grid, page

CAUSES = ("trigger", "triggers", "what", "cause", "press")
_TABLE = re.compile(r"^(TRANSITIONS|ROWS)\b[^=\n]*=", re.MULTILINE)
_ROW = re.compile(r"^    before: ", re.MULTILINE)
_ANY = "any"
_SHORT = frozenset(("ota", "pin"))


class Machine(NamedTuple):
    """One machine: where its table is, what its module says of itself, columns, rows."""

    module: str
    table: str
    about: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]

    @property
    def title(self) -> str:
        """What it is called: the end of the module's name."""
        words = self.module.rpartition(".")[2].removesuffix("_rows").split("_")
        title = " ".join(word.upper() if word in _SHORT else word for word in words)
        return title[0].upper() + title[1:]

    def column(self, row: Sequence[Any], *names: str) -> Any:
        """The cell of a row under the first of some names that the table has."""
        return next(cell for name, cell in zip(self.columns, row, strict=True) if name in names)

    @property
    def states(self) -> tuple[Enum, ...]:
        """Every state, in the order it is declared in."""
        before = self.column(self.rows[0], "before")
        first = next(iter(before)) if isinstance(before, frozenset) else before
        return tuple(first.__class__.__members__.values())


def machines() -> Iterator[Machine]:
    """Every machine, in the order of the modules; modules without a table are not imported."""
    for name, source in sources():
        if not _ROW.search(source):
            continue
        for table in _TABLE.findall(source):
            module = importlib.import_module(name)
            rows = getattr(module, table)
            columns = getattr(rows[0], "_fields", ())
            if {"before", "after"} <= set(columns):
                about = " ".join(inspect.cleandoc(module.__doc__ or "").partition("\n\n")[0].split())
                yield Machine(name, table, about, columns, tuple(map(tuple, rows)))


def machines_page() -> str:
    """Every machine: a diagram of its states, and its table."""
    lines = [
        "# State machines",
        "",
        "Drawn from the tables that the program follows: of the rows of a state and a cause the first one",
        "whose guard holds. A cause without a row for a state changes nothing. A diagram leaves out guards",
        "and causes that change no state; the table below it has every row.",
    ]
    for machine in machines():
        lines += ["", f"## {machine.title}", "", f"`{machine.module}.{machine.table}`", "", machine.about, ""]
        lines += ["```mermaid", *diagram(machine), "```", ""]
        heads = [name.replace("_", " ") for name in machine.columns]
        lines += grid(heads, (tuple(_cells(machine, row)) for row in machine.rows))
    return page(lines)


def diagram(machine: Machine) -> Iterator[str]:
    """A state diagram in the language of Mermaid: an arrow between two states has all causes at it."""
    yield "stateDiagram-v2"
    for state in machine.states:
        yield f'    state "{_plain(text_of(state))}" as {state.name}'
    for (before, after), causes in _arrows(machine).items():
        yield f"    {before} --> {after} : {'<br/>'.join(causes)}"


def _arrows(machine: Machine) -> dict[tuple[str, str], list[str]]:
    found: dict[tuple[str, str], list[str]] = {}
    for row in machine.rows:
        after = machine.column(row, "after")
        for before in _sorted(machine.column(row, "before"), machine.states):
            if after is None or after is before:
                continue
            labels = found.setdefault((before.name, after.name), [])
            for cause in _sorted(machine.column(row, *CAUSES)):
                label = _plain(text_of(cause))
                labels += [label] if label not in labels else []
    return found


def _sorted(cell: Any, states: Sequence[Enum] = ()) -> list[Enum]:
    """The members in a cell, in the order they are declared in."""
    members = cell if isinstance(cell, frozenset) else (cell,)
    order = list(states) or list(next(iter(members)).__class__.__members__.values())
    return sorted(members, key=order.index)


def _cells(machine: Machine, row: Sequence[Any]) -> Iterator[str]:
    for name, cell in zip(machine.columns, row, strict=True):
        if name == "before" and isinstance(cell, frozenset) and len(cell) == len(machine.states):
            yield _ANY
        elif name == "code" and cell is not None:
            yield f"{cell:04X}"
        elif name == "after" and cell is None:
            yield "stays"
        else:
            yield text_of(cell)


def text_of(cell: Any) -> str:
    """What a cell says to a reader."""
    if cell is None:
        return ""
    if isinstance(cell, bool):
        return "yes" if cell else "no"
    if isinstance(cell, IntEnum):
        return cell.name.lower().replace("_", " ")
    if isinstance(cell, Enum):
        return str(cell.value)
    if isinstance(cell, frozenset):
        return ", ".join(map(text_of, _sorted(cell))) if cell else ""
    return cell.__name__ if isinstance(cell, type) else shown(cell)


def _plain(text: str) -> str:
    """Text in a diagram, without the marks that mean something there."""
    return re.sub(r'[:;"<>#]', ",", text)
