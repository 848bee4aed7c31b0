"""The UTRN counter cache: which token counters a meter has accepted (reference: gbcs-crypto 18.4).

A cache and not a high-water mark, because consumers enter tokens out of order.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from enum import Enum

from ..errors import BuildError, ParseError

SIZE = 100
"""Entries of a cache (GBCS 14.1 and 14.3.6, as the reference cites them)."""

_OCTETS = 8
_LIMIT = 0xFFFF_FFFF_FFFF_FFFF


class Standing(Enum):
    """What a cache says of a counter."""

    NEW = "new"
    DUPLICATE = "duplicate"
    TOO_OLD = "too old"


class Replacement(Enum):
    """Which entry makes room for an accepted counter."""

    LOWEST = "lowest"
    OLDEST = "oldest"


@dataclass(frozen=True, slots=True)
class CounterCache:
    """Counters accepted, in the order of their acceptance; never changes, gives its successor.

    Raises BuildError for no entries and for an entry that is no 64-bit number.
    """

    entries: tuple[int, ...]

    def __post_init__(self) -> None:
        if not self.entries:
            raise BuildError("at least one entry needed", "entries")
        for position, entry in enumerate(self.entries):
            _check(entry, f"entries[{position}]")

    @classmethod
    def filled(cls, floor: int = 0, size: int = SIZE) -> CounterCache:
        """All entries the same: 0 at manufacture, the floor after a change of supplier."""
        if size < 1:
            raise BuildError("at least one entry needed", "size")
        return cls((floor,) * size)

    @classmethod
    def from_bytes(cls, octets: bytes) -> CounterCache:
        """From what `to_bytes` gave. Raises ParseError."""
        if not octets or len(octets) % _OCTETS:
            raise ParseError(f"{len(octets)} octets are no list of 8-octet counters", 0, "counter cache")
        return cls(struct.unpack(f">{len(octets) // _OCTETS}Q", octets))

    def to_bytes(self) -> bytes:
        """8 octets an entry, most significant first, in the order of acceptance."""
        return struct.pack(f">{len(self.entries)}Q", *self.entries)

    @property
    def highest(self) -> int:
        """The highest counter accepted, or the floor."""
        return max(self.entries)

    @property
    def lowest(self) -> int:
        """What a counter has to exceed."""
        return min(self.entries)

    def standing(self, counter: int) -> Standing:
        """Whether a counter would be accepted, and why not. Expert reading: gbcs-crypto 18.4, 5."""
        if counter in self.entries:
            return Standing.DUPLICATE
        return Standing.NEW if counter > self.lowest else Standing.TOO_OLD

    def accept(
        self, counter: int, replacement: Replacement = Replacement.LOWEST
    ) -> tuple[Standing, CounterCache]:
        """The standing of a counter, and the cache after it: the same one unless it was new.

        Replacing the oldest entry instead of the lowest lets a counter be used twice.
        Raises BuildError for a counter that is no 64-bit number.
        """
        _check(counter, "counter")
        standing = self.standing(counter)
        if standing is not Standing.NEW:
            return standing, self
        gone = self.entries.index(self.lowest) if replacement is Replacement.LOWEST else 0
        return standing, CounterCache((*self.entries[:gone], *self.entries[gone + 1 :], counter))

    def with_floor(self, floor: int) -> CounterCache:
        """After the specialist floor of CS02b: only counters above it are accepted."""
        return CounterCache.filled(floor, len(self.entries))


def _check(counter: int, path: str) -> None:
    if not 0 <= counter <= _LIMIT:
        raise BuildError(f"{counter} is not within 64 bits", path)
