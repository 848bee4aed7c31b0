"""What is made of a data item's value once, and found again while the very same value is held.

A unit of work gives the same object for an item as long as nobody writes it, so a comparison by
identity is enough. Nothing here is state: it may be forgotten at any time.
"""

from __future__ import annotations

from collections.abc import Callable
from operator import is_
from typing import Generic, TypeVar

from ..values import Value

T = TypeVar("T")
_KEPT = 8  # a few devices share a behaviour


class Compiled(Generic[T]):
    """Results of `make`, a pure function of values; the last few are kept."""

    __slots__ = ("_kept", "_make")

    def __init__(self, make: Callable[..., T]) -> None:
        self._make = make
        self._kept: list[tuple[tuple[Value, ...], T]] = []

    def of(self, *sources: Value) -> T:
        """The result for these values, made anew only if they are other objects than before."""
        for held, result in self._kept:
            if held[0] is sources[0] and all(map(is_, held, sources)):
                return result
        made = self._make(*sources)
        self._kept = [(sources, made), *self._kept[: _KEPT - 1]]
        return made
