"""Which components a GBZ command has and how each is answered, by Message Code.

Source: GBCS use-case mapping tables (reference: gbz-payloads 3 to 5, the composition of the
use cases). A template is a list of slots, set apart by semicolons::

    [n..mx ]CLUSTER FC ID [attribute ...][ dated][ > FC ID[ sealed][ 1..n]][ else FC]

that is: how many such components (one by default, `1..x` without limit); cluster, frame
control and command in hex; the attributes to read, in order; whether a From Date Time
stands before it; and after `>` frame control and command of the answer, whether it is
encrypted, and how many of them one component may have. Without `>` the answer is a Default
Response, which is also the answer of any component that fails or finds nothing; `else` gives
its frame control where that is not the one the direction of the command asks for.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import TypeVar

from ..errors import BuildError
from .clusters import DEFAULT_RESPONSE, FAILURE, READ_ATTRIBUTES, TO_CLIENT, Command, command
from .gbz import Component, Executed, Sealed
from .types import ENTRY, LIST

T = TypeVar("T")
MANY = 0xFF  # as many components as a payload can have
ANY_COMMAND = 0xFF  # command id in the Default Response for what was not executed any more
_SLOT = re.compile(
    r"(?:(?P<lo>\d+)(?P<range>\.\.(?P<hi>\d*))?x )?"
    r"(?P<cluster>[0-9A-F]{4}) (?P<fc>[0-9A-F]{2}) (?P<id>[0-9A-F]{2})(?P<attributes>(?: [0-9A-F]{4})*)"
    r"(?P<dated> dated)?"
    r"(?: > (?P<answer_fc>[0-9A-F]{2}) (?P<answer_id>[0-9A-F]{2})(?P<sealed> sealed)?"
    r"(?: 1\.\.(?P<answers>\d+))?)?(?: else (?P<default>[0-9A-F]{2}))?"
)


@dataclass(frozen=True, slots=True)
class Slot:
    """A place in a command for `lo` to `hi` components of one kind, with its answer.

    `answers` is how many answers one such component may have, `default_frame_control` the
    frame control of a Default Response to it.
    """

    cluster: int
    frame_control: int
    command: int
    attributes: tuple[int, ...]
    lo: int
    hi: int
    dated: bool
    answer_frame_control: int
    answer_command: int
    answers: int
    sealed: bool
    default_frame_control: int

    @property
    def declared(self) -> Command | None:
        """What the table has for the command."""
        return command(self.cluster, self.frame_control, self.command)

    def takes(self, component: Component) -> bool:
        """Whether the slot is one for this component of a command."""
        if component[:2] != (self.cluster, self.frame_control) or component.command != self.command:
            return False
        if isinstance(component.body, Sealed) or self.dated is (component.from_date_time is None):
            return False
        return not self._reads or _ids(component) == self.attributes

    def answered_by(self, components: Sequence[Component]) -> bool:
        """Whether these components of a response, all with one sequence number, answer one of the slot."""
        first = components[0]
        if len(components) == 1 and self._is_default(first):
            return True
        return len(components) <= self.answers and all(self._is_answer(c) for c in components)

    @property
    def _reads(self) -> bool:
        return not self.frame_control & 0x03 and self.command == READ_ATTRIBUTES

    def _is_answer(self, component: Component) -> bool:
        expected = (self.cluster, self.answer_frame_control, self.answer_command)
        if (*component[:2], component.command) != expected or self.answer_command == DEFAULT_RESPONSE:
            return False
        if isinstance(component.body, Sealed) is not self.sealed:
            return False
        return self.sealed or not self._reads or _ids(component) == self.attributes

    def _is_default(self, component: Component) -> bool:
        expected = (self.cluster, self.default_frame_control, DEFAULT_RESPONSE)
        if (*component[:2], component.command) != expected or isinstance(component.body, Sealed):
            return False
        number, status = (node.value for node in component.body[:2])
        return number == self.command or (number, status) == (ANY_COMMAND, FAILURE)


@dataclass(frozen=True, slots=True)
class Template:
    """The slots of one use case."""

    code: int
    use_case: str
    slots: tuple[Slot, ...]

    def positions(self, components: Sequence[Component]) -> tuple[int, ...] | None:
        """For each component of a command its slot, or None if the list does not follow the template."""
        return _place(self.slots, components, Slot.takes)

    def answer_positions(self, components: Sequence[Component]) -> tuple[int, ...] | None:
        """For each component of a response the slot it answers, or None."""
        groups: list[list[Component]] = []
        for component in components:
            if groups and groups[-1][0].sequence == component.sequence:
                groups[-1].append(component)
            else:
                groups.append([component])
        if any(group[0].sequence != index for index, group in enumerate(groups)):
            return None
        places = _place(self.slots, groups, Slot.answered_by)
        if places is None:
            return None
        return tuple(p for p, group in zip(places, groups, strict=True) for _ in group)


def _place(
    slots: tuple[Slot, ...], items: Sequence[T], fits: Callable[[Slot, T], bool]
) -> tuple[int, ...] | None:
    """A slot for each item, in order and as many as each slot has; the earliest where there is a choice."""
    # ways[i]: slots of the first i items, with the last slot begun and how many it has taken
    ways: dict[tuple[int, int], tuple[int, ...]] = {(0, 0): ()}
    for item in items:
        onward: dict[tuple[int, int], tuple[int, ...]] = {}
        for (slot, taken), places in ways.items():
            while slot < len(slots):
                if taken < slots[slot].hi and fits(slots[slot], item):
                    onward.setdefault((slot, taken + 1), (*places, slot))
                if taken < slots[slot].lo:
                    break
                slot, taken = slot + 1, 0
        ways = onward
    for (slot, taken), places in ways.items():
        if taken >= slots[slot].lo and all(rest.lo == 0 for rest in slots[slot + 1 :]):
            return places
    return None


def _ids(component: Component) -> tuple[int, ...] | None:
    """The attributes a component reads or answers with, None if it is neither."""
    if len(component.body) != 1 or isinstance(component.body, Sealed) or component.body[0].type != LIST:
        return None
    nodes = component.body[0].value
    return tuple(node.value[0].value if node.type == ENTRY else node.value for node in nodes)


def slot(text: str) -> Slot:
    """Read one slot in the notation of this module. Raises BuildError."""
    match = _SLOT.fullmatch(text)
    if match is None:
        raise BuildError(f"not a slot: {text!r}")
    lo = int(match["lo"] or 1)
    hi = lo if match["range"] is None else int(match["hi"] or MANY)
    frame_control = int(match["fc"], 16)
    default = 0 if frame_control & TO_CLIENT else TO_CLIENT
    return Slot(
        int(match["cluster"], 16),
        frame_control,
        int(match["id"], 16),
        tuple(int(number, 16) for number in match["attributes"].split()),
        lo,
        hi,
        match["dated"] is not None,
        default if match["answer_fc"] is None else int(match["answer_fc"], 16),
        DEFAULT_RESPONSE if match["answer_id"] is None else int(match["answer_id"], 16),
        int(match["answers"] or 1),
        match["sealed"] is not None,
        default if match["default"] is None else int(match["default"], 16),
    )


def row(code: int, use_case: str, text: str) -> Template:
    """Make one template from its compact form. Raises BuildError."""
    return Template(code, use_case, tuple(slot(part.strip()) for part in text.split(";")))


@cache
def table() -> tuple[Template, ...]:
    """Every template, in Message Code order."""
    from .templates_rows import ROWS  # noqa: PLC0415  (kept out of importing this module)

    return tuple(row(*r) for r in ROWS)


@cache
def _by_code() -> dict[int, Template]:
    return {template.code: template for template in table()}


def template(code: int) -> Template | None:
    """The template of a Message Code, or None if no GBZ command has it."""
    return _by_code().get(code)


def match(code: int, components: Sequence[Component]) -> Template | None:
    """The template a command follows, or None."""
    found = template(code)
    return found if found is not None and found.positions(components) is not None else None


def match_response(code: int, components: Sequence[Component]) -> Template | None:
    """The template a response follows, or None."""
    found = template(code)
    return found if found is not None and found.answer_positions(components) is not None else None


def executed_name(executed: Executed) -> str | None:
    """What an alert says was executed: the command, and the use case that asked for it.

    The frame control is not looked at: not all devices give that of the command.
    """
    found = template(executed.message_code)
    if found is None:
        return None
    for place in found.slots:
        known = place.declared
        if known is not None and (place.cluster, place.command) == (executed.cluster, executed.command):
            return f"{known.name} by {found.use_case}"
    return None
