"""Logs that are parts of one, held in the same entries."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gbcs.time import Utc
from smets.logs import Part, sizes_with_wholes
from smets.settings import DEFAULT_SETTINGS
from smets.store import MemoryStore, StoreError
from smets.work import Work

PARTS = {"rows.a": Part("rows", (0, 1, 4)), "rows.b": Part("rows", (0, 3)), "rows.c": Part("rows", (0, 2))}
SIZES = {"rows.a": 5, "rows.b": 2, "rows.c": 3, "own": 2}


def work(store: MemoryStore) -> Work:
    sizes = sizes_with_wholes(SIZES, PARTS)
    return Work(store, Utc(0), {}, sizes, DEFAULT_SETTINGS, log_parts=PARTS)


def test_the_whole_keeps_as_many_as_the_longest_part() -> None:
    assert sizes_with_wholes(SIZES, PARTS) == {**SIZES, "rows": 5}
    assert sizes_with_wholes({"own": 2}, PARTS) == {"own": 2}
    assert sizes_with_wholes(SIZES, {}) == SIZES


@given(st.integers(0, 12), st.integers(0, 3))
def test_each_part_has_its_own_number_of_the_latest_entries(count: int, others: int) -> None:
    store = MemoryStore()
    one = work(store)
    for n in range(count):
        one.log("rows", n, n + 100, n + 200, n + 300, n + 400)
    for n in range(others):
        one.log("own", n)
    one.commit()
    for seen in (one, work(store)):  # and read from the store
        numbers = range(count)
        assert list(seen.log_entries("rows.a")) == [(n, n + 100, n + 400) for n in numbers[-5:]]
        assert list(seen.log_entries("rows.b")) == [(n, n + 300) for n in numbers[-2:]]
        assert list(seen.log_entries("rows.c")) == [(n, n + 200) for n in numbers[-3:]]
        assert list(seen.log_entries("own")) == [(n,) for n in range(others)[-2:]]
        assert [seen.log_count(name) for name in ("rows", *PARTS)] == [count] * 4
        assert seen.log_count("own") == others
    assert len([key for key, _ in store.scan("log/rows/0")]) == min(count, 5)


def test_an_entry_of_a_part_alone_has_nothing_for_the_others() -> None:
    one = work(MemoryStore())
    one.log("rows.b", 7, 8)
    one.log("rows", 8, 1, 2, 3, 4)
    one.log("rows.a", 9, 1, 2)
    assert list(one.log_entries("rows.b")) == [(8, 3)]  # the latest two entries, one of them without
    assert list(one.log_entries("rows.a")) == [(8, 1, 4), (9, 1, 2)]
    assert list(one.log_entries("rows.c")) == [(8, 2)]
    with pytest.raises(ValueError, match="zip"):
        one.log("rows.b", 1, 2, 3)


def test_an_entry_that_is_too_short_is_a_damaged_store() -> None:
    one = work(MemoryStore())
    one.log("rows", 1, 2, 3)
    assert list(one.log_entries("rows.c")) == [(1, 3)]
    for part in ("rows.a", "rows.b"):
        with pytest.raises(StoreError, match="no entry of rows"):
            list(one.log_entries(part))
