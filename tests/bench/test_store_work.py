"""What a commit costs is what it changes, however much a store holds; counted, not timed."""

from __future__ import annotations

import gc
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import pytest

from hil.sqlite_store import SqliteDatabase
from smets.store import MemoryStore, Store

SMALL, LARGE = 100, 100_000
CHANGED = 20


class Key(str):
    """A key that counts what is done with keys."""

    __slots__ = ()
    done = 0

    def __hash__(self) -> int:
        Key.done += 1
        return str.__hash__(self)

    def __eq__(self, other: object) -> bool:
        Key.done += 1
        return str.__eq__(self, other)

    def __lt__(self, other: str) -> bool:
        Key.done += 1
        return str.__lt__(self, other)

    def startswith(self, *prefix: object) -> bool:  # type: ignore[override]
        Key.done += 1
        return str.startswith(self, *prefix)  # type: ignore[arg-type]

    def __iter__(self) -> Iterator[str]:
        Key.done += 1
        return str.__iter__(self)


def named(n: int) -> Key:
    return Key(f"key/{n:06}")


COMMITS: dict[str, dict[int, bytes | None]] = {
    "changed": dict.fromkeys(range(CHANGED), b"other"),
    "new": {-n: b"new" for n in range(1, CHANGED)},
    "deleted": dict.fromkeys(range(CHANGED)),
    "deleted and new": {n: None if n >= 0 else b"new" for n in range(-CHANGED, CHANGED)},
}


def cost(size: int, *commits: str) -> list[int]:
    """What is done with keys by each of these commits, one behind the other."""
    store = MemoryStore({named(n): b"octets" for n in range(size)})
    list(store.scan("key/0000"))
    found = []
    for commit in commits:
        changes = {named(n): octets for n, octets in COMMITS[commit].items()}
        Key.done = 0
        store.commit(changes)
        found.append(Key.done)
        for key, octets in changes.items():
            assert store.get(key) == octets
    return found


@pytest.mark.parametrize(
    "commits",
    [
        *((commit,) for commit in COMMITS),
        ("new", "deleted"),
        ("deleted", "changed", "deleted"),
        ("new", "changed", "deleted and new", "new"),
    ],
)
def test_a_commit_does_nothing_with_keys_it_does_not_change(commits: tuple[str, ...]) -> None:
    assert cost(SMALL, *commits) == cost(LARGE, *commits) != [0] * len(commits)


def peak(store: Store, size: int) -> int:
    """Most octets taken by a commit that changes what is held, over what there was."""
    store.commit({f"key/{n:06}": b"octets" for n in range(size)})
    changes = {f"key/{n:06}": b"others" for n in range(CHANGED)}
    gc.collect()
    tracemalloc.start()
    try:
        tracemalloc.reset_peak()
        before = tracemalloc.get_traced_memory()[0]
        store.commit(changes)
        return tracemalloc.get_traced_memory()[1] - before
    finally:
        tracemalloc.stop()


def test_a_commit_copies_nothing_it_does_not_change(tmp_path: Path) -> None:
    """A copy of all that is held would take some eight octets a key, at the least."""
    assert peak(MemoryStore(), LARGE) < LARGE
    with SqliteDatabase(tmp_path / "store", synchronous="OFF") as database:
        assert peak(database.store("meter"), LARGE) < LARGE
