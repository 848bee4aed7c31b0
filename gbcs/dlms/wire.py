"""The tree behind the type notation: each type reads and writes Data nodes.

`types` describes the notation and is what others import. A fault inside climbs to the
top with the path of the element and leaves as TypeMismatch or BuildError.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import ClassVar, NoReturn, TypeAlias

from ..errors import BuildError, PeerError
from .axdr import BitString, CompactArray, Data, Tag, TypeDescription

Value: TypeAlias = "None | bool | int | bytes | str | tuple[Value, ...]"

MAX_LENGTH = 0xFFFF_FFFF  # ours: stands for "any length" in a range


class TypeMismatch(PeerError):
    """A datum is not of the type its member has (a device answers type-unmatched, 12).

    `path` names the element, outermost first; empty for the datum itself.
    """

    def __init__(self, reason: str, path: str = "") -> None:
        super().__init__(reason, path)
        self.reason = reason
        self.path = path

    def __str__(self) -> str:
        return f"{self.path}: {self.reason}" if self.path else self.reason


class _Fault(Exception):
    """What does not fit; the path grows while it climbs, so that success pays nothing for it."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason
        self.parts: list[str] = []

    @property
    def path(self) -> str:
        return "".join(reversed(self.parts)).removeprefix(".")


@dataclass(frozen=True, slots=True)
class WireType:
    """A type of the notation. Use `parse_type`; the subclasses are its tree."""

    @property
    def node_tag(self) -> int | None:
        """The tag of its nodes, None for alternatives."""
        tag: int | None = getattr(self, "tag", None)
        return tag

    def decode(self, data: Data) -> Value:
        """The plain value of a node. Raises TypeMismatch."""
        try:
            return self._read(data)
        except _Fault as fault:
            raise TypeMismatch(fault.reason, fault.path) from None

    def encode(self, value: Value) -> Data:
        """The node of a plain value. Raises BuildError."""
        try:
            return self._write(value)
        except _Fault as fault:
            raise BuildError(fault.reason, fault.path) from None

    def fits(self, value: Value) -> bool:
        """Whether the value can be encoded."""
        try:
            self._write(value)
        except _Fault:
            return False
        return True

    def default(self) -> Value:
        """Zero: 0, False, None, zero octets or spaces of the least length, least counts."""
        raise NotImplementedError

    def description(self) -> TypeDescription:
        """The type description for a compact-array; of a compact-array, that of its entries.

        Raises BuildError for a type that cannot stand there.
        """
        return _description(self)

    @property
    def text(self) -> str:
        """The notation; parsing it gives an equal type."""
        raise NotImplementedError

    @property
    def options(self) -> tuple[WireType, ...]:
        """The alternatives; the type itself where there is only one."""
        return (self,)

    def _read(self, data: Data) -> Value:
        raise NotImplementedError

    def _write(self, value: Value) -> Data:
        raise NotImplementedError


@dataclass(frozen=True, slots=True)
class Null(WireType):
    """null-data."""

    tag: ClassVar[int] = int(Tag.NULL)

    def default(self) -> Value:
        return None

    @property
    def text(self) -> str:
        return "null"

    def _read(self, data: Data) -> Value:
        if data.tag != 0:
            _unexpected(Tag.NULL, data)
        return None

    def _write(self, value: Value) -> Data:
        if value is not None:
            raise _Fault(f"null expected, {_kind(value)} given")
        return Data(0, None)


@dataclass(frozen=True, slots=True)
class Boolean(WireType):
    """boolean; any octet but 0 is read as true."""

    tag: ClassVar[int] = int(Tag.BOOLEAN)
    meaning: str = ""

    def default(self) -> Value:
        return False

    @property
    def text(self) -> str:
        return "bool" + _meaning_text(self.meaning)

    def _read(self, data: Data) -> Value:
        if data.tag != 3:
            _unexpected(Tag.BOOLEAN, data)
        return bool(data.value)

    def _write(self, value: Value) -> Data:
        if not isinstance(value, bool):
            raise _Fault(f"boolean expected, {_kind(value)} given")
        return Data(3, value)


@dataclass(frozen=True, slots=True)
class Number(WireType):
    """An integer or enum; `lo` and `hi` are the limits of its tag."""

    name: str
    tag: int
    lo: int
    hi: int
    meaning: str = ""

    def default(self) -> Value:
        return 0

    @property
    def text(self) -> str:
        return self.name + _meaning_text(self.meaning)

    def _read(self, data: Data) -> Value:
        if data.tag != self.tag:
            _unexpected(self.tag, data)
        number: int = data.value
        if not self.lo <= number <= self.hi:
            raise _Fault(f"{number} is outside {self.lo}..{self.hi}")
        return number

    def _write(self, value: Value) -> Data:
        if not isinstance(value, int) or isinstance(value, bool):
            raise _Fault(f"{self.name} expected, {_kind(value)} given")
        if not self.lo <= value <= self.hi:
            raise _Fault(f"{value} is outside {self.lo}..{self.hi}")
        return Data(self.tag, int(value))


@dataclass(frozen=True, slots=True)
class Octets(WireType):
    """octet-string of `lo` to `hi` octets."""

    tag: ClassVar[int] = int(Tag.OCTET_STRING)
    lo: int
    hi: int
    meaning: str = ""

    def default(self) -> Value:
        return bytes(self.lo)

    @property
    def text(self) -> str:
        return "oct" + _range_text(self.lo, self.hi) + _meaning_text(self.meaning)

    def _read(self, data: Data) -> Value:
        if data.tag != 9:
            _unexpected(Tag.OCTET_STRING, data)
        octets: bytes = data.value
        _check_size(len(octets), self.lo, self.hi, "octets")
        return octets

    def _write(self, value: Value) -> Data:
        if not isinstance(value, bytes):
            raise _Fault(f"octets expected, {_kind(value)} given")
        _check_size(len(value), self.lo, self.hi, "octets")
        return Data(9, value)


@dataclass(frozen=True, slots=True)
class Text(WireType):
    """visible-string or utf8-string of `lo` to `hi` octets."""

    name: str
    tag: int
    lo: int
    hi: int
    meaning: str = ""

    def default(self) -> Value:
        return " " * self.lo

    @property
    def text(self) -> str:
        return self.name + _range_text(self.lo, self.hi) + _meaning_text(self.meaning)

    @property
    def charset(self) -> str:
        """The character set of the octets."""
        return "ascii" if self.tag == Tag.VISIBLE_STRING else "utf-8"

    def _read(self, data: Data) -> Value:
        if data.tag != self.tag:
            _unexpected(self.tag, data)
        octets: bytes = data.value
        _check_size(len(octets), self.lo, self.hi, "octets")
        try:
            return octets.decode(self.charset)
        except UnicodeDecodeError:
            raise _Fault(f"not {self.charset} text") from None

    def _write(self, value: Value) -> Data:
        if not isinstance(value, str):
            raise _Fault(f"text expected, {_kind(value)} given")
        try:
            octets = value.encode(self.charset)
        except UnicodeEncodeError:
            raise _Fault(f"not {self.charset} text") from None
        _check_size(len(octets), self.lo, self.hi, "octets")
        return Data(self.tag, octets)


@dataclass(frozen=True, slots=True)
class Bits(WireType):
    """bit-string of `lo` to `hi` bits."""

    tag: ClassVar[int] = int(Tag.BIT_STRING)
    lo: int
    hi: int
    meaning: str = ""

    def default(self) -> Value:
        return "0" * self.lo

    @property
    def text(self) -> str:
        return "bits" + _range_text(self.lo, self.hi) + _meaning_text(self.meaning)

    def _read(self, data: Data) -> Value:
        if data.tag != 4:
            _unexpected(Tag.BIT_STRING, data)
        string: BitString = data.value
        _check_size(string.bits, self.lo, self.hi, "bits")
        return string.text

    def _write(self, value: Value) -> Data:
        if not isinstance(value, str) or value.strip("01"):
            raise _Fault(f"a text of 0 and 1 expected, {_kind(value)} given")
        _check_size(len(value), self.lo, self.hi, "bits")
        return Data(4, BitString.of(value))


@dataclass(frozen=True, slots=True)
class Structure(WireType):
    """structure; `names` holds a name or '' for each element."""

    tag: ClassVar[int] = int(Tag.STRUCTURE)
    items: tuple[WireType, ...]
    names: tuple[str, ...]

    def default(self) -> Value:
        return tuple(item.default() for item in self.items)

    @property
    def text(self) -> str:
        named = (f"{n}:{i.text}" if n else i.text for n, i in zip(self.names, self.items, strict=True))
        return f"struct({','.join(named)})"

    def _read(self, data: Data) -> Value:
        if data.tag != 2:
            _unexpected(Tag.STRUCTURE, data)
        nodes: tuple[Data, ...] = data.value
        if len(nodes) != len(self.items):
            raise _Fault(f"{len(self.items)} elements expected, {len(nodes)} given")
        values: list[Value] = []
        try:
            for item, node in zip(self.items, nodes, strict=True):
                values.append(item._read(node))
        except _Fault as fault:
            fault.parts.append(self._part(len(values)))
            raise
        return tuple(values)

    def _write(self, value: Value) -> Data:
        if not isinstance(value, tuple):
            raise _Fault(f"structure expected, {_kind(value)} given")
        if len(value) != len(self.items):
            raise _Fault(f"{len(self.items)} elements expected, {len(value)} given")
        nodes: list[Data] = []
        try:
            for item, element in zip(self.items, value, strict=True):
                nodes.append(item._write(element))
        except _Fault as fault:
            fault.parts.append(self._part(len(nodes)))
            raise
        return Data(2, tuple(nodes))

    def _part(self, index: int) -> str:
        return f".{self.names[index]}" if self.names[index] else f"[{index}]"


@dataclass(frozen=True, slots=True)
class Array(WireType):
    """array of `lo` to `hi` elements of one type."""

    tag: ClassVar[int] = int(Tag.ARRAY)
    item: WireType
    lo: int
    hi: int

    def default(self) -> Value:
        return (self.item.default(),) * self.lo

    @property
    def text(self) -> str:
        return f"arr({self.item.text}{_count_text(self.lo, self.hi)})"

    def _read(self, data: Data) -> Value:
        if data.tag != 1:
            _unexpected(Tag.ARRAY, data)
        return _read_all(self.item, data.value, self.lo, self.hi)

    def _write(self, value: Value) -> Data:
        return Data(1, _write_all(self.item, value, self.lo, self.hi))


@dataclass(frozen=True, slots=True)
class Compact(WireType):
    """compact-array of `lo` to `hi` entries; the description must be that of the entry type."""

    tag: ClassVar[int] = int(Tag.COMPACT_ARRAY)
    item: WireType
    lo: int
    hi: int

    def default(self) -> Value:
        return (self.item.default(),) * self.lo

    @property
    def text(self) -> str:
        return f"compact({self.item.text}{_count_text(self.lo, self.hi)})"

    def _read(self, data: Data) -> Value:
        if data.tag != 0x13:
            _unexpected(Tag.COMPACT_ARRAY, data)
        content: CompactArray = data.value
        if content.description != _description(self.item):
            raise _Fault(f"entries are not described as {self.item.text}")
        return _read_all(self.item, content.entries, self.lo, self.hi)

    def _write(self, value: Value) -> Data:
        entries = _write_all(self.item, value, self.lo, self.hi)
        return Data(0x13, CompactArray(_description(self.item), entries))


@dataclass(frozen=True, slots=True)
class OneOf(WireType):
    """Alternatives; the first that fits is taken."""

    choices: tuple[WireType, ...]

    def default(self) -> Value:
        return self.choices[0].default()

    @property
    def text(self) -> str:
        return "|".join(choice.text for choice in self.choices)

    @property
    def options(self) -> tuple[WireType, ...]:
        return self.choices

    def _read(self, data: Data) -> Value:
        faults: list[_Fault] = []
        for choice in self.choices:
            try:
                return choice._read(data)
            except _Fault as fault:
                faults.append(fault)
        raise self._nearest(faults)

    def _write(self, value: Value) -> Data:
        faults: list[_Fault] = []
        for choice in self.choices:
            try:
                return choice._write(value)
            except _Fault as fault:
                faults.append(fault)
        raise self._nearest(faults)

    def _nearest(self, faults: list[_Fault]) -> _Fault:
        """The fault that lies deepest: that alternative was meant. All at the top: none was."""
        nearest = max(faults, key=lambda fault: len(fault.parts))
        return nearest if nearest.parts else _Fault(f"none of {self.text} fits: {faults[0].reason}")


def _read_all(item: WireType, nodes: tuple[Data, ...], lo: int, hi: int) -> tuple[Value, ...]:
    _check_size(len(nodes), lo, hi, "elements")
    values: list[Value] = []
    read = item._read
    try:
        for node in nodes:
            values.append(read(node))
    except _Fault as fault:
        fault.parts.append(f"[{len(values)}]")
        raise
    return tuple(values)


def _write_all(item: WireType, value: Value, lo: int, hi: int) -> tuple[Data, ...]:
    if not isinstance(value, tuple):
        raise _Fault(f"array expected, {_kind(value)} given")
    _check_size(len(value), lo, hi, "elements")
    nodes: list[Data] = []
    write = item._write
    try:
        for element in value:
            nodes.append(write(element))
    except _Fault as fault:
        fault.parts.append(f"[{len(nodes)}]")
        raise
    return tuple(nodes)


@cache
def _description(wire: WireType) -> TypeDescription:
    if isinstance(wire, Compact):
        return _description(wire.item)
    if isinstance(wire, Structure) and wire.items:
        return TypeDescription(int(Tag.STRUCTURE), 0, tuple(_description(i) for i in wire.items))
    if isinstance(wire, Array) and wire.lo == wire.hi > 0:
        return TypeDescription(int(Tag.ARRAY), wire.lo, (_description(wire.item),))
    if isinstance(wire, Number | Text):
        return TypeDescription(wire.tag)
    tag = {Boolean: Tag.BOOLEAN, Octets: Tag.OCTET_STRING, Bits: Tag.BIT_STRING}.get(type(wire))
    if tag is None:
        raise BuildError(f"{wire.text} cannot stand in a compact-array")
    return TypeDescription(int(tag))


def _check_size(size: int, lo: int, hi: int, unit: str) -> None:
    if not lo <= size <= hi:
        allowed = f"{lo}" if lo == hi else f"at least {lo}" if hi == MAX_LENGTH else f"{lo}..{hi}"
        raise _Fault(f"{allowed} {unit} expected, {size} given")


def _unexpected(tag: int, data: Data) -> NoReturn:
    raise _Fault(f"{Tag(tag).spec_name} expected, {Tag(data.tag).spec_name} given")


def _kind(value: Value) -> str:
    return "nothing" if value is None else type(value).__name__


def _meaning_text(meaning: str) -> str:
    return f"@{meaning}" if meaning else ""


def _range_text(lo: int, hi: int) -> str:
    if hi == MAX_LENGTH:
        return f"({lo}..)" if lo else ""
    return f"({lo})" if lo == hi else f"({lo}..{hi})"


def _count_text(lo: int, hi: int) -> str:
    text = _range_text(lo, hi)
    return f",{text[1:-1]}" if text else ""
