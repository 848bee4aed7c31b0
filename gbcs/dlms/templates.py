"""Which lists of components a DLMS command may have, by Message Code.

A command whose list is no template of its code is refused before anything is executed
(GBCS use-case mapping tables; reference: dlms-payloads 2). Order counts, nothing may be
missing or repeated, except where a component is optional: labels and controllers that
need not exist (ECS46a, ECS46c), registers to reset (ECS57). ECS47, ECS47a and ECS47e have
a template for each controller.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import NamedTuple

from ..errors import BuildError
from .names import ln_octets, ln_text

_CHOICES = {"get": 1, "set": 2, "action": 3, "select": 4}
_NAMES = {number: name for name, number in _CHOICES.items()}


class Component(NamedTuple):
    """What one item of an access-request addresses; equal to the first four fields of the item."""

    choice: int
    class_id: int
    ln: bytes
    member: int

    def __str__(self) -> str:
        return f"{_NAMES[self.choice]} {self.class_id}/{ln_text(self.ln)}/{self.member}"


@dataclass(frozen=True, slots=True)
class Template:
    """One legal list of components of a use case.

    `variant` tells the templates of one code apart (controller number), else ''.
    `optional` holds the positions that may be absent; at least one component stays.
    `fixed` holds (position, parameter) where the use case allows one value only.
    """

    code: int
    use_case: str
    variant: str
    components: tuple[Component, ...]
    optional: frozenset[int]
    fixed: tuple[tuple[int, int], ...]

    def positions(self, components: Sequence[tuple[int, int, bytes, int]]) -> tuple[int, ...] | None:
        """For each component its position in the template, or None if the list does not follow it."""
        wanted = tuple(components)
        if wanted == self.components:
            return tuple(range(len(wanted)))
        if not self.optional or not wanted or len(wanted) >= len(self.components):
            return None
        taken: list[int] = []
        position = 0
        for component in wanted:
            while position < len(self.components) and self.components[position] != component:
                if position not in self.optional:
                    return None
                position += 1
            if position == len(self.components):
                return None
            taken.append(position)
            position += 1
        rest = range(position, len(self.components))
        return tuple(taken) if all(p in self.optional for p in rest) else None

    def fixed_at(self, position: int) -> int | None:
        """The only parameter allowed at a position of the template, None if it is free."""
        return next((value for place, value in self.fixed if place == position), None)

    def __str__(self) -> str:
        return f"{self.use_case} {self.variant}".rstrip()


def component(text: str) -> Component:
    """Read `get 3/1-0:32.32.0.4/2`; choices are get, set, action, select. Raises BuildError."""
    try:
        choice, target = text.split()
        class_id, ln, number = target.split("/")
        return Component(_CHOICES[choice], int(class_id), ln_octets(ln), int(number))
    except (KeyError, ValueError):
        raise BuildError(f"not a component: {text!r}") from None


def row(code: int, use_case: str, variant: str, text: str) -> Template:
    """Make one template from its compact form. Raises BuildError."""
    components: list[Component] = []
    optional: set[int] = set()
    fixed: list[tuple[int, int]] = []
    for position, part in enumerate(text.split(";")):
        words = part.strip()
        if words.startswith("?"):
            optional.add(position)
        target, equals, value = words.removeprefix("?").partition("=")
        components.append(component(target))
        if equals:
            fixed.append((position, int(value)))
    return Template(code, use_case, variant, tuple(components), frozenset(optional), tuple(fixed))


@cache
def table() -> tuple[Template, ...]:
    """Every template, in Message Code order."""
    from .templates_rows import ROWS  # noqa: PLC0415  (kept out of importing this module)

    return tuple(row(*r) for r in ROWS)


@cache
def _by_code() -> dict[int, tuple[Template, ...]]:
    found: dict[int, tuple[Template, ...]] = {}
    for template in table():
        found[template.code] = (*found.get(template.code, ()), template)
    return found


def templates(code: int) -> tuple[Template, ...]:
    """The templates of a Message Code; empty if no DLMS command has it."""
    return _by_code().get(code, ())


def match(code: int, components: Sequence[tuple[int, int, bytes, int]]) -> Template | None:
    """The template a list of components follows, or None.

    Takes `Component`s or the first four fields of request items: `[i[:4] for i in items]`.
    """
    for template in templates(code):
        if template.positions(components) is not None:
            return template
    return None
