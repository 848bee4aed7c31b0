"""Logs that are parts of one: what a device records at the same times stands in the same entries.

The specification names the parts and gives each a number of latest entries of its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from .store import StoreError
from .values import Value

Entry = tuple[Value, ...]


class Part(NamedTuple):
    """A log that is columns of the entries of another, `whole`, in the order of its own entries."""

    whole: str
    columns: tuple[int, ...]

    def of(self, entry: Entry) -> Entry | None:
        """Its own entry in one of the whole log; None where that has nothing for it. Raises StoreError."""
        try:
            found = tuple([entry[column] for column in self.columns])
        except IndexError:
            raise StoreError(f"the store holds no entry of {self.whole} here") from None
        return None if None in found else found

    def alone(self, own: Entry, parts: Mapping[str, Part]) -> Entry:
        """An entry of the whole log with nothing for the other parts."""
        columns = (c for part in parts.values() if part.whole == self.whole for c in part.columns)
        entry: list[Value] = [None] * (max(columns) + 1)
        for column, value in zip(self.columns, own, strict=True):
            entry[column] = value
        return tuple(entry)


def sizes_with_wholes(sizes: Mapping[str, int], parts: Mapping[str, Part]) -> dict[str, int]:
    """The sizes of logs, and of those that hold parts: that of the longest part."""
    found = dict(sizes)
    for name, part in parts.items():
        if name in sizes:
            found[part.whole] = max(found.get(part.whole, 0), sizes[name])
    return found
