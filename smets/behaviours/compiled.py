"""What is made of a data item's value once, and found again while the very same value is held.

A unit of work gives the same object for an item as long as nobody writes it, so a comparison by
identity is enough. An identity stands for its object only while that lives, so the values are kept with
what was made of them. Nothing here is state: it may be forgotten at any time.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeVar

from ..values import Value
from ..work import Items, Work

T = TypeVar("T")
_KEPT = 8  # a few devices share a behaviour


class Compiled(Generic[T]):
    """Results of `make`, a pure function of values; the last few are kept."""

    __slots__ = ("_kept", "_make")

    def __init__(self, make: Callable[..., T]) -> None:
        self._make = make
        self._kept: dict[tuple[int, ...], tuple[T, tuple[Value, ...]]] = {}  # by identities, oldest first

    def of(self, *sources: Value) -> T:
        """The result for these values, made anew only if they are other objects than before."""
        identities = tuple(map(id, sources))
        try:
            return self._kept[identities][0]
        except KeyError:
            return self._made(identities, sources)

    def _made(self, identities: tuple[int, ...], sources: tuple[Value, ...]) -> T:
        made = self._make(*sources)
        if len(self._kept) >= _KEPT:
            del self._kept[next(iter(self._kept))]
        self._kept[identities] = made, sources
        return made


class CompiledItems(Compiled[T]):
    """What is made of the values of some data items, as they are held."""

    __slots__ = ("_items",)

    def __init__(self, make: Callable[..., T], *items: str) -> None:
        super().__init__(make)
        self._items = Items(*items)

    def now(self, work: Work) -> T:
        """The result for the items of a device. Like `of`, and as often asked for."""
        sources = work.items(self._items)
        identities = tuple(map(id, sources))
        try:
            return self._kept[identities][0]
        except KeyError:
            return self._made(identities, sources)
