"""The store on disk: the same as the store in memory, refusing what is not its own."""

import sqlite3
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hil.sqlite_store import (
    APPLICATION_ID,
    SCHEMA_VERSION,
    Connection,
    Driver,
    SqliteDatabase,
    SqliteStore,
    sqlite3_driver,
)
from smets.store import MemoryStore, StoreError
from tests.hil.workload import changes, state

CHANGES = st.dictionaries(
    st.text(st.characters(exclude_categories=["Cs"]), max_size=4),
    st.none() | st.binary(max_size=20),
    max_size=6,
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "home.db"


def everything(path: Path, name: str = "") -> dict[str, bytes]:
    """What is on disk, read by a fresh store."""
    with SqliteStore(path, name=name) as store:
        return dict(store.scan(""))


def test_what_was_committed_is_there_after_opening_again(path: Path) -> None:
    with SqliteStore(path) as store:
        for n in range(1, 60):
            store.commit(changes(n))
    assert everything(path) == state(59)


@given(st.lists(CHANGES, max_size=6))
def test_the_same_as_in_memory(
    tmp_path_factory: pytest.TempPathFactory, commits: list[dict[str, Any]]
) -> None:
    """After any commits, disk and memory answer alike, before and after opening again."""
    path = tmp_path_factory.mktemp("store") / "home.db"
    memory = MemoryStore()
    with SqliteStore(path, synchronous="OFF") as store:
        for commit in commits:
            store.commit(commit)
            memory.commit(commit)
            prefixes = {"", *(key[:1] for key in commit)}
            for prefix in prefixes:
                assert list(store.scan(prefix)) == list(memory.scan(prefix))
            assert [store.get(key) for key in commit] == [memory.get(key) for key in commit]
    with SqliteStore(path) as store:
        assert list(store.scan("")) == list(memory.scan(""))


def test_scan_gives_what_was_held_when_it_was_asked(path: Path) -> None:
    with SqliteStore(path) as store:
        store.commit({"a/1": b"1", "a/2": b"2", "b": b"3"})
        seen = []
        for key, octets in store.scan("a/"):
            store.commit({key: None, "a/3": b"new"})
            seen.append((key, octets))
        assert seen == [("a/1", b"1"), ("a/2", b"2")]
        assert list(store.scan("")) == [("a/3", b"new"), ("b", b"3")]


def test_devices_of_one_database_are_apart(path: Path) -> None:
    with SqliteDatabase(path) as database:
        esme, gsme = database.store("esme"), database.store("gsme")
        assert database.store("esme") is esme
        esme.commit({"counter": b"1", "only": b"esme"})
        gsme.commit({"counter": b"2"})
        esme.commit({"only": None})
    assert everything(path, "esme") == {"counter": b"1"}
    assert everything(path, "gsme") == {"counter": b"2"}
    assert everything(path, "ppmid") == {}


@pytest.mark.parametrize("wrong", ["text", 7, ["list"], bytearray(b"octets")])
def test_a_value_that_is_no_octets_is_refused_whole(path: Path, wrong: object) -> None:
    with SqliteStore(path) as store:
        store.commit({"a": b"1"})
        with pytest.raises(StoreError, match="octets"):
            store.commit({"a": b"2", "b": wrong})  # type: ignore[dict-item]
        assert dict(store.scan("")) == {"a": b"1"}
        store.commit({"c": b"3"})
    assert everything(path) == {"a": b"1", "c": b"3"}


def test_a_key_that_is_no_text_of_utf8_is_refused_whole(path: Path) -> None:
    with SqliteStore(path) as store:
        with pytest.raises(StoreError):
            store.commit({"a": b"1", "\ud800": b"2"})
        store.commit({"c": b"3"})
    assert everything(path) == {"c": b"3"}


def test_settings_in_force(path: Path) -> None:
    for name, number in {"OFF": 0, "NORMAL": 1, "FULL": 2, "EXTRA": 3}.items():
        with SqliteDatabase(path, synchronous=name) as database:  # type: ignore[arg-type]
            assert database._pragma("synchronous") == number
            assert database._pragma("journal_mode") == "wal"
    with SqliteDatabase(path) as database:
        assert database._pragma("synchronous") == 2


def test_an_unknown_setting_is_refused(path: Path) -> None:
    with pytest.raises(StoreError, match="synchronous is one of"):
        SqliteDatabase(path, synchronous="full; DROP TABLE item")  # type: ignore[arg-type]
    assert not path.exists()


def test_a_database_in_use_is_refused(path: Path) -> None:
    with SqliteStore(path) as store:
        with pytest.raises(StoreError, match="locked"):
            SqliteStore(path)
        store.commit({"still": b"works"})
    assert everything(path) == {"still": b"works"}


def test_a_closed_store_can_be_read_and_not_written(path: Path) -> None:
    with SqliteDatabase(path) as database:
        store = database.store("esme")
        store.commit({"a": b"1"})
    assert store.get("a") == b"1"
    with pytest.raises(StoreError, match="closed"):
        store.commit({"a": b"2"})
    with pytest.raises(StoreError, match="closed"):
        database.store("gsme")
    assert everything(path, "esme") == {"a": b"1"}


def test_a_file_that_is_no_database(path: Path) -> None:
    path.write_bytes(b"a letter to the editor " * 100)
    before = path.read_bytes()
    with pytest.raises(StoreError, match="not a database"):
        SqliteStore(path)
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    "statement", ["CREATE TABLE item (x)", "PRAGMA application_id = 7", "PRAGMA user_version = 1"]
)
def test_a_database_of_another_program(path: Path, statement: str) -> None:
    with sqlite3.connect(path) as other:
        other.execute(statement)
    other.close()
    before = path.read_bytes()
    with pytest.raises(StoreError, match="another program"):
        SqliteStore(path)
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    ("version", "what"), [(SCHEMA_VERSION + 1, "newer version"), (0, "damaged"), (-3, "damaged")]
)
def test_another_version_of_the_schema(path: Path, version: int, what: str) -> None:
    with SqliteStore(path) as store:
        store.commit({"a": b"1"})
    with sqlite3.connect(path) as changed:
        changed.execute(f"PRAGMA user_version = {version}")
    changed.close()
    before = path.read_bytes()
    with pytest.raises(StoreError, match=what):
        SqliteStore(path)
    assert path.read_bytes() == before


def test_our_mark_without_our_table(path: Path) -> None:
    with sqlite3.connect(path) as other:
        other.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        other.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
    other.close()
    with pytest.raises(StoreError, match="cannot be read"):
        SqliteStore(path)


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="cannot be opened"):
        SqliteStore(tmp_path / "nowhere" / "home.db")


def test_a_database_in_memory_only_is_refused() -> None:
    with pytest.raises(StoreError, match="write-ahead log"):
        SqliteStore(":memory:")


class Failing:
    """A connection that fails in front of one statement, once."""

    def __init__(self, inner: Connection) -> None:
        self.inner = inner
        self.fail_at: str | None = None
        self.statements: list[str] = []

    def _step(self, sql: str) -> None:
        self.statements.append(sql)
        if self.fail_at and sql.startswith(self.fail_at):
            self.fail_at = None
            raise sqlite3.OperationalError("disk I/O error")

    def execute(self, sql: str, parameters: Sequence[Any] = (), /) -> Iterable[Any]:
        self._step(sql)
        return self.inner.execute(sql, parameters)

    def executemany(self, sql: str, parameters: Iterable[Sequence[Any]], /) -> Iterable[Any]:
        self._step(sql)
        return self.inner.executemany(sql, parameters)

    def close(self) -> None:
        self.inner.close()


def failing_store(path: Path) -> tuple[SqliteStore, Failing]:
    """A store and the connection under it."""
    made: list[Failing] = []
    plain = sqlite3_driver()

    def connect(name: str) -> Connection:
        made.append(Failing(plain.connect(name)))
        return made[0]

    return SqliteStore(path, driver=Driver(connect, sqlite3.Error)), made[0]


@pytest.mark.parametrize("statement", ["BEGIN", "INSERT", "DELETE"])
def test_a_failure_before_the_commit_keeps_nothing_and_ends_nothing(path: Path, statement: str) -> None:
    store, connection = failing_store(path)
    with store:
        store.commit({"a": b"1", "b": b"1"})
        connection.fail_at = statement
        with pytest.raises(StoreError, match="disk I/O error"):
            store.commit({"a": b"2", "b": None})
        assert dict(store.scan("")) == {"a": b"1", "b": b"1"}
        store.commit({"c": b"3"})
    assert everything(path) == {"a": b"1", "b": b"1", "c": b"3"}


def test_after_a_failed_commit_the_database_must_be_opened_again(path: Path) -> None:
    store, connection = failing_store(path)
    with store:
        store.commit({"a": b"1"})
        connection.fail_at = "COMMIT"
        with pytest.raises(StoreError, match="disk I/O error"):
            store.commit({"a": b"2"})
        assert store.get("a") == b"1"
        with pytest.raises(StoreError, match="open the database again"):
            store.commit({"a": b"3"})
    assert everything(path) == {"a": b"1"}


def test_what_does_not_change_is_not_written(path: Path) -> None:
    store, connection = failing_store(path)
    with store:
        store.commit({"a": b"1", "b": b"2"})
        connection.statements.clear()
        store.commit({"a": b"1", "gone": None})
        store.commit({})
        assert connection.statements == []
        store.commit({"a": b"1", "b": b"3"})
        assert [sql.partition(" ")[0] for sql in connection.statements] == ["BEGIN", "INSERT", "COMMIT"]
