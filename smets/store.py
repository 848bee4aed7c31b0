"""The non-volatile store of a device and the unit of work over it.

A store maps text keys to octets. `commit` is the only way to change it: it takes a
whole set of changes and, when it returns, either all of them are durable or, if it
raised, none is. A device therefore is exactly what its store holds.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Protocol

from gbcs.errors import LocalError


class StoreError(LocalError):
    """The store could not take a set of changes; nothing of it was kept."""


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

    __slots__ = ("_held",)

    def __init__(self, held: Mapping[str, bytes] | None = None) -> None:
        self._held: dict[str, bytes] = dict(held or {})

    def get(self, key: str) -> bytes | None:
        """The octets held under a key, or None."""
        return self._held.get(key)

    def scan(self, prefix: str) -> Iterator[tuple[str, bytes]]:
        """Every (key, octets) whose key starts with the prefix, in key order."""
        for key in sorted(k for k in self._held if k.startswith(prefix)):
            yield key, self._held[key]

    def commit(self, changes: Mapping[str, bytes | None]) -> None:
        """Apply all changes; None deletes."""
        for key, octets in changes.items():
            if octets is None:
                self._held.pop(key, None)
            else:
                self._held[key] = octets

    def snapshot(self) -> dict[str, bytes]:
        """A copy of everything held."""
        return dict(self._held)
