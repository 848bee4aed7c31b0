"""Typed values straight from octets, for types and encodings of the usual form.

`named` reads a tree of nodes first; this goes over the octets once, by code compiled for
each wire type. It takes exactly what `named_value` gives for data whose lengths, booleans
and padding are in their usual form; at anything else it stops with `Unusual`, and the tree
tells what is wrong. Fixed layouts become one `struct` each.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache
from struct import Struct
from struct import error as StructError
from typing import Any, NamedTuple

from .axdr import Tag, description_octets
from .named import typed
from .wire import Array, Bits, Boolean, Compact, Null, Number, Octets, OneOf, Structure, Text, WireType

Reader = Callable[[bytes, int], tuple[Any, int]]
Build = Callable[[Iterator[Any]], Any]
_FORMATS = {
    int(Tag.DOUBLE_LONG): "i",
    int(Tag.DOUBLE_LONG_UNSIGNED): "I",
    int(Tag.INTEGER): "b",
    int(Tag.LONG): "h",
    int(Tag.UNSIGNED): "B",
    int(Tag.LONG_UNSIGNED): "H",
    int(Tag.LONG64): "q",
    int(Tag.LONG64_UNSIGNED): "Q",
    int(Tag.ENUM): "B",
}
_SHORT = 0x80  # lengths below it take one octet
MAX_FIXED = 512  # ours: octets of a fixed layout that still become one struct


class Unusual(Exception):
    """Octets that are not what the type has in its usual form; the tree says why."""


UNUSUAL = Unusual()


class _Fixed(NamedTuple):
    """A layout of fixed size: what stands before each value, the format of each, how to put them together."""

    before: tuple[bytes, ...]
    formats: tuple[str, ...]
    build: Build


@cache
def reader(wire: WireType) -> Reader:
    """What reads a tagged value of a type: (octets, offset) to (typed value, next offset).

    Raises Unusual; also IndexError or struct.error where the octets end too early.
    """
    fixed = _fixed(wire, True)
    if fixed is not None:
        layout = _struct(fixed)
        if layout.size <= MAX_FIXED:
            return _fixed_reader(layout, fixed)
    if isinstance(wire, Structure):
        return _structure_reader(wire)
    if isinstance(wire, Array):
        return _array_reader(wire)
    if isinstance(wire, Compact):
        return _compact_reader(wire)
    if isinstance(wire, OneOf):
        return _one_of_reader(wire)
    return _leaf_reader(wire)


def _fixed(wire: WireType, tagged: bool) -> _Fixed | None:
    """The fixed layout of a type, tagged or as it stands in a compact-array; None if it has none."""
    convert = typed(wire) if not isinstance(wire, Structure | Array | Compact | OneOf) else None
    if isinstance(wire, Number) and convert is not None and wire.tag in _FORMATS:
        return _Fixed((bytes((wire.tag,)) if tagged else b"",), (_FORMATS[wire.tag],), _leaf(convert))
    if isinstance(wire, Octets) and convert is not None and wire.lo == wire.hi < _SHORT:
        before = bytes((wire.tag, wire.lo)) if tagged else bytes((wire.lo,))
        return _Fixed((before,), (f"{wire.lo}s",), _leaf(convert))
    if isinstance(wire, Structure) and 0 < len(wire.items) < _SHORT:
        return _joined(wire, [_fixed(item, tagged) for item in wire.items], tagged)
    if isinstance(wire, Array) and 0 < wire.lo == wire.hi < _SHORT:
        inner = _fixed(wire.item, tagged)
        return None if inner is None else _repeated(wire, inner, tagged)
    return None


def _leaf(convert: Callable[[Any], Any]) -> Build:
    return lambda values: convert(next(values))


def _joined(wire: Structure, parts: list[_Fixed | None], tagged: bool) -> _Fixed | None:
    found = [part for part in parts if part is not None]
    if len(found) != len(parts):
        return None
    before = [octets for part in found for octets in part.before]
    if tagged:
        before[0] = bytes((wire.tag, len(wire.items))) + before[0]
    pairs = tuple(zip(wire.names, (part.build for part in found), strict=True))
    return _Fixed(
        tuple(before),
        tuple(form for part in found for form in part.formats),
        lambda values: {name: build(values) for name, build in pairs},
    )


def _repeated(wire: Array, inner: _Fixed, tagged: bool) -> _Fixed:
    before = list(inner.before * wire.lo)
    if tagged:
        before[0] = bytes((wire.tag, wire.lo)) + before[0]
    count, build = wire.lo, inner.build
    return _Fixed(tuple(before), inner.formats * count, lambda values: [build(values) for _ in range(count)])


def _struct(fixed: _Fixed) -> Struct:
    pairs = zip(fixed.before, fixed.formats, strict=True)
    return Struct(">" + "".join(f"{len(octets)}s{form}" for octets, form in pairs))


def _fixed_reader(layout: Struct, fixed: _Fixed) -> Reader:
    before, build, size, unpack = fixed.before, fixed.build, layout.size, layout.unpack_from

    def read(buffer: bytes, offset: int) -> tuple[Any, int]:
        found = unpack(buffer, offset)
        if found[::2] != before:
            raise UNUSUAL
        return build(iter(found[1::2])), offset + size

    return read


def _structure_reader(wire: Structure) -> Reader:
    head = bytes((wire.tag, len(wire.items)))
    parts = tuple(zip(wire.names, (reader(item) for item in wire.items), strict=True))

    def read(buffer: bytes, offset: int) -> tuple[Any, int]:
        if buffer[offset : offset + 2] != head:
            raise UNUSUAL
        offset += 2
        found = {}
        for name, part in parts:
            found[name], offset = part(buffer, offset)
        return found, offset

    return read


def _array_reader(wire: Array) -> Reader:
    tag, lo, hi = wire.tag, wire.lo, wire.hi
    fixed = _fixed(wire.item, True)
    if fixed is None:
        item = reader(wire.item)

        def read(buffer: bytes, offset: int) -> tuple[Any, int]:
            if buffer[offset] != tag:
                raise UNUSUAL
            count, offset = length(buffer, offset + 1)
            if not lo <= count <= hi:
                raise UNUSUAL
            found = []
            for _ in range(count):
                value, offset = item(buffer, offset)
                found.append(value)
            return found, offset

        return read
    layout = _struct(fixed)
    before, build = fixed.before, fixed.build

    def read_fixed(buffer: bytes, offset: int) -> tuple[Any, int]:
        if buffer[offset] != tag:
            raise UNUSUAL
        count, offset = length(buffer, offset + 1)
        end = offset + count * layout.size
        if not lo <= count <= hi or end > len(buffer):
            raise UNUSUAL
        found = []
        for row in layout.iter_unpack(buffer[offset:end]):
            if row[::2] != before:
                raise UNUSUAL
            found.append(build(iter(row[1::2])))
        return found, end

    return read_fixed


def _compact_reader(wire: Compact) -> Reader:
    head = bytes((wire.tag,)) + description_octets(wire.description())
    start, lo, hi = len(head), wire.lo, wire.hi
    fixed = _fixed(wire.item, False)
    item = None if fixed is not None else _bare_reader(wire.item)

    def read(buffer: bytes, offset: int) -> tuple[Any, int]:
        if buffer[offset : offset + start] != head:
            raise UNUSUAL
        size, offset = length(buffer, offset + start)
        end = offset + size
        if end > len(buffer):
            raise UNUSUAL
        found = []
        if fixed is not None:
            if size % layout.size:
                raise UNUSUAL
            for row in layout.iter_unpack(buffer[offset:end]):
                if row[::2] != before:
                    raise UNUSUAL
                found.append(build(iter(row[1::2])))
        else:
            assert item is not None
            contents = buffer[:end]
            while offset < end:
                value, offset = item(contents, offset)
                found.append(value)
        if not lo <= len(found) <= hi:
            raise UNUSUAL
        return found, end

    if fixed is not None:
        layout, before, build = _struct(fixed), fixed.before, fixed.build
    return read


def _bare_reader(wire: WireType) -> Reader:
    """A reader of an entry of a compact-array, which has no tags."""
    fixed = _fixed(wire, False)
    if fixed is not None:
        return _fixed_reader(_struct(fixed), fixed)
    if isinstance(wire, Structure):
        parts = tuple(zip(wire.names, (_bare_reader(item) for item in wire.items), strict=True))

        def read(buffer: bytes, offset: int) -> tuple[Any, int]:
            found = {}
            for name, part in parts:
                found[name], offset = part(buffer, offset)
            return found, offset

        return read
    if isinstance(wire, Octets):
        return _string_reader(wire, typed(wire))
    return _refuse


def _string_reader(wire: Octets, convert: Callable[[Any], Any]) -> Reader:
    lo, hi = wire.lo, wire.hi

    def read(buffer: bytes, offset: int) -> tuple[Any, int]:
        size, offset = length(buffer, offset)
        end = offset + size
        if not lo <= size <= hi or end > len(buffer):
            raise UNUSUAL
        return convert(buffer[offset:end]), end

    return read


def _leaf_reader(wire: WireType) -> Reader:
    tag, convert = wire.node_tag, typed(wire)
    if isinstance(wire, Null):
        return lambda buffer, offset: (None, offset + 1) if buffer[offset] == 0 else _refuse(buffer, offset)
    if isinstance(wire, Boolean):

        def read_boolean(buffer: bytes, offset: int) -> tuple[Any, int]:
            octet = buffer[offset + 1]
            if buffer[offset] != tag or octet not in (0, 0xFF):
                raise UNUSUAL
            return convert(octet != 0), offset + 2

        return read_boolean
    if isinstance(wire, Octets):
        inner = _string_reader(wire, convert)
    elif isinstance(wire, Text):
        inner = _text_reader(wire, convert)
    elif isinstance(wire, Bits):
        inner = _bits_reader(wire, convert)
    else:
        return _refuse

    def read(buffer: bytes, offset: int) -> tuple[Any, int]:
        if buffer[offset] != tag:
            raise UNUSUAL
        return inner(buffer, offset + 1)

    return read


def _text_reader(wire: Text, convert: Callable[[Any], Any]) -> Reader:
    lo, hi, charset = wire.lo, wire.hi, wire.charset

    def read(buffer: bytes, offset: int) -> tuple[Any, int]:
        size, offset = length(buffer, offset)
        end = offset + size
        if not lo <= size <= hi or end > len(buffer):
            raise UNUSUAL
        try:
            return convert(buffer[offset:end].decode(charset)), end
        except UnicodeDecodeError:
            raise UNUSUAL from None

    return read


def _bits_reader(wire: Bits, convert: Callable[[Any], Any]) -> Reader:
    lo, hi = wire.lo, wire.hi

    def read(buffer: bytes, offset: int) -> tuple[Any, int]:
        bits, offset = length(buffer, offset)
        size = (bits + 7) // 8
        end = offset + size
        number = int.from_bytes(buffer[offset:end], "big")
        spare = size * 8 - bits
        if not lo <= bits <= hi or end > len(buffer) or number & (1 << spare) - 1:
            raise UNUSUAL
        return convert(f"{number >> spare:0{bits}b}" if bits else ""), end

    return read


def _one_of_reader(wire: OneOf) -> Reader:
    choices = tuple(reader(choice) for choice in wire.choices)

    def read(buffer: bytes, offset: int) -> tuple[Any, int]:
        for choice in choices:
            try:
                return choice(buffer, offset)
            except (Unusual, IndexError, StructError):
                continue
        raise UNUSUAL

    return read


def _refuse(buffer: bytes, offset: int) -> tuple[Any, int]:
    raise UNUSUAL


def length(buffer: bytes, offset: int) -> tuple[int, int]:
    """A length of the least octets, and the next offset. Raises Unusual for a longer one."""
    first = buffer[offset]
    if first < _SHORT:
        return first, offset + 1
    if first == 0x81:
        size = buffer[offset + 1]
        if size >= _SHORT:
            return size, offset + 2
    elif first == 0x82:
        size = buffer[offset + 1] << 8 | buffer[offset + 2]
        if size > 0xFF:
            return size, offset + 3
    elif first == 0x83:
        size = int.from_bytes(buffer[offset + 1 : offset + 4], "big")
        if size > 0xFFFF:
            return size, offset + 4
    raise UNUSUAL
