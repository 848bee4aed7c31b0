"""The non-volatile store of a device and the unit of work over it.

A store maps text keys to octets. `commit` is the only way to change it: it takes a
whole set of changes and, when it returns, either all of them are durable or, if it
raised, none is. A device therefore is exactly what its store holds.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Mapping
from itertools import filterfalse
from typing import Protocol

from gbcs.errors import LocalError


class StoreError(LocalError):
    """The store could not take a set of changes, and kept none of it; or what it holds is damaged."""


class Store(Protocol):
    """Non-volatile memory of one device."""

    def get(self, key: str) -> bytes | None:
        """The octets held under a key, or None."""

    def scan(self, prefix: str) -> Iterator[tuple[str, bytes]]:
        """Every (key, octets) whose key starts with the prefix, in key order."""

    def commit(self, changes: Mapping[str, bytes | None]) -> None:
        """Apply all changes atomically and durably; None deletes. Raises StoreError."""


class MemoryStore:
    """A store that lives as long as the process; for tests and `memory:` homes."""

    __slots__ = ("_gone", "_held", "_keys", "_sorted")

    def __init__(self, held: Mapping[str, bytes] | None = None) -> None:
        self._held: dict[str, bytes] = dict(held or {})
        self._keys = list(self._held)
        self._sorted = False  # they are when a scan asks, so that it costs what it finds
        self._gone: set[str] = set()  # keys that are no longer held, but still in the list

    def get(self, key: str) -> bytes | None:
        """The octets held under a key, or None."""
        return self._held.get(key)

    def scan(self, prefix: str) -> Iterator[tuple[str, bytes]]:
        """Every (key, octets) whose key starts with the prefix, in key order."""
        found: list[tuple[str, bytes]] = []
        self._sort()
        for index in range(bisect_left(self._keys, prefix), len(self._keys)):
            key = self._keys[index]
            if not key.startswith(prefix):
                break
            octets = self._held.get(key)
            if octets is not None:
                found.append((key, octets))
        return iter(found)

    def commit(self, changes: Mapping[str, bytes | None]) -> None:
        """Apply all changes; None deletes."""
        held, gone = self._held, self._gone
        if None in changes.values():
            for key in [key for key, octets in changes.items() if octets is None]:
                if held.pop(key, None) is not None:
                    gone.add(key)
            if len(gone) > len(held):  # now and then, so that a commit costs what it changes
                self._keys, self._sorted = list(held), False
                gone.clear()
            changes = {key: octets for key, octets in changes.items() if octets is not None}
        new = list(filterfalse(held.__contains__, changes))
        if new:
            self._keys += filterfalse(gone.__contains__, new) if gone else new
            self._sorted = False
            gone.difference_update(new)
        held.update(changes)  # type: ignore[arg-type]  # there is no None

    def _sort(self) -> None:
        if not self._sorted:
            self._keys.sort()
            self._sorted = True

    def snapshot(self) -> dict[str, bytes]:
        """A copy of everything held."""
        return dict(self._held)
