"""What may be given for a value, as a tree: one node a value, an entry of a list, a member of an object.

`Field` says the same in a line; the tree is for pages and terminals, where a calendar in one
line cannot be read. `describe` makes it; examples are in the JSON form of the values.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

MANY = 0xFFFF_FFFF  # stands for "any number" in counts and lengths
MOMENT_EXAMPLE = "2026-01-01T00:00:00Z"
EVENT_EXAMPLE = "8F66"
_NUMBERED = re.compile(r"(.*?)(\d+)")


class Shape(Enum):
    """What a node is."""

    LEAF = "value"
    OBJECT = "object"
    LIST = "list"
    ONE_OF = "one of"


@dataclass(frozen=True, slots=True)
class Part:
    """One node: `parts` are the members of an object, the one entry of a list, the alternatives.

    `about` says what a leaf takes, `lo` and `hi` how many entries a list has. `limits` are
    those that are tighter than the type; whoever knows them fills them in. `example` is a value
    that can be sent: of a leaf always, of others only where it is not made of their parts.
    """

    name: str
    shape: Shape = Shape.LEAF
    about: str = ""
    unit: str = ""
    lo: int = 0
    hi: int = 0
    required: bool = True
    source: str = ""
    note: str = ""
    limits: tuple[str, ...] = ()
    example: Any = None
    parts: tuple[Part, ...] = ()

    @property
    def summary(self) -> str:
        """What the node itself takes, without what is below it."""
        if self.shape is Shape.LIST:
            entry = self.parts[0]
            of = "objects" if entry.shape is Shape.OBJECT else "lists" if entry.shape is Shape.LIST else ""
            count = span(self.lo, self.hi)
            if of:
                return f"list of {sized(self.lo, self.hi, of)}"
            return f"list of {count}: {entry.summary}" if entry.about else f"list of {count}, each as below"
        if self.shape is Shape.ONE_OF:
            leaves = all(part.shape is Shape.LEAF for part in self.parts)
            return " or ".join(part.about for part in self.parts) if leaves else "one of"
        if self.shape is Shape.OBJECT:
            return "object"
        return f"{self.about} {self.unit}".rstrip()

    @property
    def value(self) -> Any:
        """An example in JSON form: what is needed and no more, a list with the least entries, but one."""
        if self.example is not None or self.shape is Shape.LEAF:
            return self.example
        if self.shape is Shape.OBJECT:
            return {part.name: part.value for part in self.parts if part.required}
        if self.shape is Shape.LIST:
            return [self.parts[0].value] * max(self.lo, min(1, self.hi))
        return self.parts[0].value


def example_values(parts: Iterable[Part]) -> dict[str, Any]:
    """Examples of the values of a message that are needed; of the first one where none is."""
    found = tuple(parts)
    wanted = [part for part in found if part.required] or found[:1]
    return {part.name: part.value for part in wanted}


def span(lo: int, hi: int) -> str:
    """A count: `4`, `0..4`, `18 or more`, `any number`."""
    if hi >= MANY:
        return f"{lo} or more" if lo else "any number"
    return str(lo) if lo == hi else f"{lo}..{hi}"


def sized(lo: int, hi: int, what: str) -> str:
    """A count of something: `0..4 octets`, `1 octet`, `any number of octets`."""
    if lo == hi == 1:
        return f"1 {what.removesuffix('s')}"
    return f"{span(lo, hi)} of {what}" if hi >= MANY and not lo else f"{span(lo, hi)} {what}"


def names_text(names: Mapping[int, str], digits: int = 0) -> str:
    """Numbers with their names; runs as `TOU 1`, `TOU 2` are one. `digits` shows numbers in hex."""
    runs: list[list[tuple[int, str]]] = []
    for number, name in names.items():
        if runs and _follows(runs[-1][-1], (number, name)):
            runs[-1].append((number, name))
        else:
            runs.append([(number, name)])
    texts = []
    for run in runs:
        if len(run) < 3:
            texts += [f"{_number(number, digits)} {name}" for number, name in run]
        else:
            last = _NUMBERED.fullmatch(run[-1][1])
            tail = last.group(2) if last is not None else ""
            texts.append(f"{_number(run[0][0], digits)}..{_number(run[-1][0], digits)} {run[0][1]}..{tail}")
    return ", ".join(texts)


def _number(number: int, digits: int) -> str:
    return f"{number:0{digits}X}" if digits else str(number)


def _follows(before: tuple[int, str], after: tuple[int, str]) -> bool:
    first, second = _NUMBERED.fullmatch(before[1]), _NUMBERED.fullmatch(after[1])
    if first is None or second is None or first.group(1) != second.group(1):
        return False
    return after[0] == before[0] + 1 and int(second.group(2)) == int(first.group(2)) + 1
