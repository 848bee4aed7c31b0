"""Device stores on disk: one SQLite database, a store for each device in it.

Every device is read into memory when its store is first asked for; reads never touch the
disk, and a commit is one transaction of what changed. The database is in write-ahead-log
mode and held exclusively while open. With `synchronous="FULL"` (the default) a commit
that returned survives loss of power; "NORMAL" may lose the last ones, "OFF" may lose all.

A COMMIT that fails leaves open whether its octets reached the disk, so the database then
refuses further commits until it is opened again and has looked.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Final, Literal, Protocol, Self, get_args

from smets.store import MemoryStore, StoreError

APPLICATION_ID: Final = 0x534D4554  # "SMET", at octet 68 of the file
SCHEMA_VERSION: Final = 1

Synchronous = Literal["OFF", "NORMAL", "FULL", "EXTRA"]

_SCHEMA: Final = (
    "CREATE TABLE item (device TEXT NOT NULL, key TEXT NOT NULL, octets BLOB NOT NULL,"
    " PRIMARY KEY (device, key)) WITHOUT ROWID",
    f"PRAGMA application_id = {APPLICATION_ID}",
    f"PRAGMA user_version = {SCHEMA_VERSION}",
)
_PUT: Final = (
    "INSERT INTO item (device, key, octets) VALUES (?, ?, ?)"
    " ON CONFLICT (device, key) DO UPDATE SET octets = excluded.octets"
)
_DELETE: Final = "DELETE FROM item WHERE device = ? AND key = ?"
_LOAD: Final = "SELECT key, octets FROM item WHERE device = ? ORDER BY key"


class Connection(Protocol):
    """The part of a database connection that is used here, in autocommit mode.

    `sqlite3.Connection` and `apsw.Connection` both have it.
    """

    def execute(self, sql: str, parameters: Sequence[Any] = ..., /) -> Iterable[Any]:
        """Run one statement; iterating gives its rows."""

    def executemany(self, sql: str, parameters: Iterable[Sequence[Any]], /) -> Iterable[Any]:
        """Run one statement for each set of parameters."""

    def close(self) -> None:
        """Let go of the file."""


@dataclass(frozen=True, slots=True)
class Driver:
    """How to reach SQLite: what opens a path, and the root of what that raises."""

    connect: Callable[[str], Connection]
    error: type[Exception]


def sqlite3_driver() -> Driver:
    """The standard library's SQLite."""
    import sqlite3

    def connect(path: str) -> Connection:
        # No waiting: a database in use is in use for as long as that home runs.
        return sqlite3.connect(path, isolation_level=None, timeout=0)

    return Driver(connect, sqlite3.Error)


_TEXTS, _OCTETS = frozenset({str}), frozenset({bytes, type(None)})


class DeviceStore:
    """The non-volatile memory of one device in a database (see `smets.store.Store`)."""

    __slots__ = ("_database", "_held", "name")

    def __init__(self, database: SqliteDatabase, name: str) -> None:
        self.name = name
        self._database = database
        self._held = MemoryStore(dict(database._load(name)))

    def get(self, key: str) -> bytes | None:
        """The octets held under a key, or None."""
        return self._held.get(key)

    def scan(self, prefix: str) -> Iterator[tuple[str, bytes]]:
        """Every (key, octets) whose key starts with the prefix, in key order, as held now."""
        return self._held.scan(prefix)

    def commit(self, changes: Mapping[str, bytes | None]) -> None:
        """Apply all changes in one transaction; None deletes. Raises StoreError."""
        # SQLite would keep a text or a number as such, and give it back as such.
        if not (_TEXTS.issuperset(map(type, changes)) and _OCTETS.issuperset(map(type, changes.values()))):
            raise StoreError("only octets can be held, under texts")
        get = self._held.get
        changed = {key: octets for key, octets in changes.items() if get(key) != octets}
        self._database._write(self.name, changed)
        self._held.commit(changed)


class SqliteDatabase:
    """A file of device stores, held exclusively until `close`.

    Raises StoreError for a file that is not ours, of a newer version, damaged, or in use;
    such a file is left as it was.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        synchronous: Synchronous = "FULL",
        driver: Driver | None = None,
    ) -> None:
        if synchronous not in get_args(Synchronous):
            raise StoreError(f"synchronous is one of {', '.join(get_args(Synchronous))}, not {synchronous!r}")
        self.path = os.fspath(path)
        self._stores: dict[str, DeviceStore] = {}
        self._refusal: str | None = None
        driver = driver or sqlite3_driver()
        self._error = driver.error
        try:
            self._connection = driver.connect(self.path)
        except driver.error as error:
            raise self._failure("cannot be opened", error) from error
        try:
            self._prepare(synchronous)
        except BaseException as error:
            with contextlib.suppress(driver.error):  # the first error is the one to tell
                self._connection.close()
            if isinstance(error, driver.error):
                raise self._failure("cannot be opened", error) from error
            raise

    def store(self, name: str) -> DeviceStore:
        """The store of the device of this name, empty if it is new; one object a name."""
        held = self._stores.get(name)
        if held is None:
            held = self._stores[name] = DeviceStore(self, name)
        return held

    def close(self) -> None:
        """Let go of the file; stores can still be read, no longer written."""
        self._refusal = "is closed"
        try:
            self._connection.close()
        except self._error as error:
            raise self._failure("cannot be closed", error) from error

    def __enter__(self) -> Self:
        """The database itself; leaving the block closes it."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close."""
        self.close()

    def _prepare(self, synchronous: Synchronous) -> None:
        """Check that the file is ours before anything in it is changed, then lock it."""
        connection = self._connection
        # Before the first access: the log's index then lives in memory, not in a shared file.
        connection.execute("PRAGMA locking_mode = EXCLUSIVE")
        new = self._is_new()
        if self._pragma("journal_mode = WAL") != "wal":
            raise StoreError(f"{self.path}: no write-ahead log is possible here")
        connection.execute(f"PRAGMA synchronous = {synchronous}")
        connection.execute("PRAGMA fullfsync = ON")  # macOS: fsync alone does not reach the disk
        connection.execute("BEGIN IMMEDIATE")  # takes the lock, which stays
        for statement in _SCHEMA if new else ():
            connection.execute(statement)
        connection.execute("COMMIT")

    def _is_new(self) -> bool:
        """Whether the file is still empty; raises StoreError if it is somebody else's."""
        application, version = self._pragma("application_id"), self._pragma("user_version")
        if application == APPLICATION_ID:
            if version > SCHEMA_VERSION:
                raise StoreError(
                    f"{self.path}: written by a newer version (schema {version}; known: {SCHEMA_VERSION})"
                )
            if version < 1:
                raise StoreError(f"{self.path}: damaged (schema {version})")
            return False
        (entries,) = next(iter(list(self._connection.execute("SELECT count(*) FROM sqlite_master"))))
        if application or version or entries:
            raise StoreError(f"{self.path}: a database of another program")
        return True

    def _pragma(self, text: str) -> Any:
        return next(iter(list(self._connection.execute(f"PRAGMA {text}"))))[0]

    def _load(self, name: str) -> Iterable[tuple[str, bytes]]:
        if self._refusal:
            raise StoreError(f"{self.path}: {self._refusal}")
        try:
            return list(self._connection.execute(_LOAD, (name,)))
        except self._error as error:
            raise self._failure("cannot be read", error) from error

    def _write(self, name: str, changes: Mapping[str, bytes | None]) -> None:
        """One transaction, durable on return. Raises StoreError, and then nothing is kept."""
        if self._refusal:
            raise StoreError(f"{self.path}: {self._refusal}")
        if not changes:
            return
        puts = [(name, key, octets) for key, octets in changes.items() if octets is not None]
        deletes = [(name, key) for key, octets in changes.items() if octets is None]
        committing = False
        try:
            self._connection.execute("BEGIN IMMEDIATE")
            if puts:
                self._connection.executemany(_PUT, puts)
            if deletes:
                self._connection.executemany(_DELETE, deletes)
            committing = True
            self._connection.execute("COMMIT")
        except BaseException as error:
            self._undo(committing)
            if isinstance(error, (self._error, UnicodeError)):
                raise self._failure("cannot be written", error) from error
            raise

    def _undo(self, committing: bool) -> None:
        """Roll back; refuse from here on where the outcome is not known."""
        if committing:
            self._refusal = "an earlier commit failed; open the database again"
        try:
            self._connection.execute("ROLLBACK")
        except self._error as error:
            if not committing and "no transaction" not in str(error):
                self._refusal = "a transaction could not be undone; open the database again"

    def _failure(self, what: str, error: Exception) -> StoreError:
        return StoreError(f"{self.path}: {what}: {error}")


class SqliteStore(DeviceStore):
    """A database of one device: its store, and the file it is in."""

    __slots__ = ()

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        name: str = "",
        synchronous: Synchronous = "FULL",
        driver: Driver | None = None,
    ) -> None:
        database = SqliteDatabase(path, synchronous=synchronous, driver=driver)
        try:
            super().__init__(database, name)
        except BaseException:
            with contextlib.suppress(StoreError):
                database.close()
            raise

    def close(self) -> None:
        """Let go of the file; what is held can still be read."""
        self._database.close()

    def __enter__(self) -> Self:
        """The store itself; leaving the block closes it."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close."""
        self.close()
