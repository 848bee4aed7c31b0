"""Long arithmetic as an effect: the shell runs it off its loop and gives the result back.

Functions and arguments are picklable, so that another process may do the work. Source: house
plan 4.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Computed:
    """As an event: the result of the `Compute` with this ticket. It may hold secrets."""

    ticket: int
    result: Any = field(repr=False)


@dataclass(frozen=True, slots=True)
class Compute:
    """As an effect: call a function. The arguments may hold private keys and are not shown."""

    ticket: int
    function: Callable[..., Any]
    arguments: tuple[Any, ...] = field(repr=False)

    def run(self) -> Computed:
        """Do it here and now."""
        return Computed(self.ticket, self.function(*self.arguments))
