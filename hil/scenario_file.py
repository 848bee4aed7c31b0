"""Tables of a scenario file with the line of every key, so that an error can name both."""

from __future__ import annotations

import tomllib
from typing import Any, NoReturn, TypeVar

from gbcs.errors import BuildError, LocalError
from gbcs.ids import EntityId

T = TypeVar("T")
KeyPath = tuple[str | int, ...]


class ScenarioError(LocalError):
    """A scenario that cannot be run; says key and line."""


def key_lines(text: str) -> dict[KeyPath, int]:
    """For every table and key of a valid TOML text the line on which it begins.

    `[[step]]` tables count from 0: the key `wait` of the second one is `("step", 1, "wait")`.
    """
    found: dict[KeyPath, int] = {}
    counts: dict[KeyPath, int] = {}
    table: KeyPath = ()
    lines = text.split("\n")
    start = 0
    while start < len(lines):
        end, statement = _statement(lines, start)
        if lines[start].lstrip().startswith("["):
            table = _entered(statement, counts)
            found.setdefault(table, start + 1)
        else:
            _note(found, table, statement, start + 1)
        start = end
    return found


def _statement(lines: list[str], start: int) -> tuple[int, dict[str, Any]]:
    """The statement that begins on a line: where the next one begins, and what it says."""
    for end in range(start + 1, len(lines) + 1):
        # only these can end a value of several lines
        if end > start + 1 and not any(mark in lines[end - 1] for mark in ("]", '"""', "'''")):
            continue
        try:
            return end, tomllib.loads("\n".join(lines[start:end]))
        except tomllib.TOMLDecodeError:
            pass
    return start + 1, {}


def _entered(statement: dict[str, Any], counts: dict[KeyPath, int]) -> KeyPath:
    path: KeyPath = ()
    node: Any = statement
    while node and isinstance(node, dict):
        name, node = next(iter(node.items()))
        path = (*path, name)
        if isinstance(node, list):
            counts[path] = counts.get(path, -1) + 1
        if path in counts:
            path = (*path, counts[path])
    return path


def _note(found: dict[KeyPath, int], table: KeyPath, values: dict[str, Any], line: int) -> None:
    for key, value in values.items():
        path = (*table, key)
        found.setdefault(path, line)
        if isinstance(value, dict):
            _note(found, path, value, line)


def read_tables(text: str, name: str) -> dict[str, Any]:
    """The tables of a TOML text. Raises ScenarioError."""
    try:
        return tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        raise ScenarioError(f"{name}: {error}") from None


def why_unreadable(error: OSError | UnicodeDecodeError) -> str:
    """Why a file could not be read as text."""
    return error.strerror or "cannot be read" if isinstance(error, OSError) else "not UTF-8 text"


class Source:
    """The text of a scenario: its name, and the lines of its keys."""

    def __init__(self, name: str, text: str) -> None:
        self.name = name
        self._lines = key_lines(text)

    def line(self, path: KeyPath) -> int:
        """The line of a key, of its table if the key is not there."""
        while path and path not in self._lines:
            path = path[:-1]
        return self._lines.get(path, 1)


class Table:
    """One table of the file: gives its keys away, refuses what is wrong or left over with its line."""

    def __init__(self, source: Source, path: KeyPath, values: Any) -> None:
        self._source = source
        self._path = path
        if not isinstance(values, dict):
            self.fail("", "a table is needed")
        self._left: dict[str, Any] = dict(values)

    def __contains__(self, key: str) -> bool:
        return key in self._left

    @property
    def source(self) -> Source:
        """The text it is in."""
        return self._source

    def is_a(self, key: str, kind: type[Any]) -> bool:
        """Whether a key that nobody took yet has a value of a type."""
        return isinstance(self._left.get(key), kind)

    @property
    def line(self) -> int:
        """Where it begins."""
        return self._source.line(self._path)

    def fail(self, key: str, reason: str) -> NoReturn:
        """Raise ScenarioError for a key of this table."""
        path = (*self._path, key) if key else self._path
        place = ".".join(name for name in path if isinstance(name, str))
        raise ScenarioError(f"{self._source.name} line {self._source.line(path)}: {place}: {reason}")

    def take(self, key: str, kind: type[T], default: T | None = None) -> T:
        """A value of a type; without a default it has to be there."""
        if key not in self._left:
            if default is None:
                self.fail(key, "is missing")
            return default
        value = self._left.pop(key)
        if kind is float and isinstance(value, int) and not isinstance(value, bool):
            value = float(value)
        if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
            self.fail(key, f"a {_KINDS.get(kind.__name__, kind.__name__)} is needed")
        return value

    def text(self, key: str, default: str | None = None) -> str:
        """Text of one line that says something."""
        value = self.take(key, str, default)
        if not value.strip() or not value.isprintable():
            self.fail(key, "one line of text is needed")
        return value

    def texts(self, key: str) -> tuple[str, ...]:
        """A list of texts; none if it is not there."""
        values = self.take(key, list, [])
        if not all(isinstance(value, str) for value in values):
            self.fail(key, "a list of texts is needed")
        return tuple(values)

    def one_of(self, key: str, names: tuple[str, ...], default: str | None = None) -> str:
        """One of some texts."""
        value = self.take(key, str, default)
        if value not in names:
            self.fail(key, f"{value!r} is none of {', '.join(name for name in names if name)}")
        return value

    def entity(self, key: str) -> EntityId:
        """An EUI-64."""
        try:
            return EntityId.parse(self.take(key, str))
        except BuildError as error:
            self.fail(key, str(error))

    def table(self, key: str) -> Table:
        """A table in this one; empty if it is not there."""
        return Table(self._source, (*self._path, key), self._left.pop(key, {}))

    def tables(self, key: str) -> list[Table]:
        """The tables of `[[key]]`."""
        values = self.take(key, list, [])
        return [Table(self._source, (*self._path, key, i), value) for i, value in enumerate(values)]

    def rest(self) -> dict[str, Any]:
        """What nobody took yet; it counts as taken."""
        left, self._left = self._left, {}
        return left

    def done(self) -> None:
        """Refuse what nobody took."""
        for key in self._left:
            self.fail(key, "is not a key of this table")


_KINDS = {"str": "text", "int": "number", "float": "number", "dict": "table", "datetime": "date and time"}
