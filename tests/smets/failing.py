"""A store that can be told to fail."""

from __future__ import annotations

from collections.abc import Mapping

from smets.store import MemoryStore, StoreError


class Failing(MemoryStore):
    """Fails each commit while `fails` is set, or the next one only with `once`."""

    fails = False
    once = False

    def commit(self, changes: Mapping[str, bytes | None]) -> None:
        """Fail, if it was told to."""
        if self.fails or self.once:
            self.once = False
            raise StoreError("told to fail")
        super().commit(changes)
