"""A-XDR Data (IEC 62056-6-2): octets to nodes and back, nothing lost.

A node keeps the tag, the value and, where octets were not the usual ones, their form: a
length longer than it need be, or a true that is not FF. Every DLMS tag is read;
a device judges later which types it takes.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Any, NamedTuple

from ..errors import BuildError, ParseError
from ..lengths import length_octets, read_length

MAX_DEPTH = 16  # ours: the deepest tree in use has 7 levels


class Tag(IntEnum):
    """Data tags (DLMS Green Book, Data choice)."""

    NULL = 0x00
    ARRAY = 0x01
    STRUCTURE = 0x02
    BOOLEAN = 0x03
    BIT_STRING = 0x04
    DOUBLE_LONG = 0x05
    DOUBLE_LONG_UNSIGNED = 0x06
    OCTET_STRING = 0x09
    VISIBLE_STRING = 0x0A
    UTF8_STRING = 0x0C
    BCD = 0x0D
    INTEGER = 0x0F
    LONG = 0x10
    UNSIGNED = 0x11
    LONG_UNSIGNED = 0x12
    COMPACT_ARRAY = 0x13
    LONG64 = 0x14
    LONG64_UNSIGNED = 0x15
    ENUM = 0x16
    FLOAT32 = 0x17
    FLOAT64 = 0x18
    DATE_TIME = 0x19
    DATE = 0x1A
    TIME = 0x1B

    @property
    def spec_name(self) -> str:
        """The name in the Green Book, with hyphens."""
        return self.name.lower().replace("_", "-")


# width in octets and whether signed; these are numbers
NUMBERS: dict[int, tuple[int, bool]] = {
    Tag.DOUBLE_LONG: (4, True),
    Tag.DOUBLE_LONG_UNSIGNED: (4, False),
    Tag.BCD: (1, False),
    Tag.INTEGER: (1, True),
    Tag.LONG: (2, True),
    Tag.UNSIGNED: (1, False),
    Tag.LONG_UNSIGNED: (2, False),
    Tag.LONG64: (8, True),
    Tag.LONG64_UNSIGNED: (8, False),
    Tag.ENUM: (1, False),
}
# octet strings with a length of their own
STRINGS = frozenset((Tag.OCTET_STRING, Tag.VISIBLE_STRING, Tag.UTF8_STRING))
# kept as octets: floats are never computed with here, times travel as octet-strings in GBCS
FIXED: dict[int, int] = {
    Tag.FLOAT32: 4,
    Tag.FLOAT64: 8,
    Tag.DATE_TIME: 12,
    Tag.DATE: 5,
    Tag.TIME: 4,
}
_NUMBERS: dict[int, tuple[int, bool]] = {int(k): v for k, v in NUMBERS.items()}
_STRINGS = frozenset(int(t) for t in STRINGS)
_FIXED: dict[int, int] = {int(k): v for k, v in FIXED.items()}


class BitString(NamedTuple):
    """A bit-string: count of bits and its octets, padding included."""

    bits: int
    octets: bytes

    @classmethod
    def of(cls, text: str) -> BitString:
        """From '0' and '1', first bit first; padding is zero."""
        padded = text + "0" * (-len(text) % 8)
        return cls(len(text), int(padded or "0", 2).to_bytes(len(padded) // 8, "big"))

    @property
    def text(self) -> str:
        """The bits as '0' and '1', without padding."""
        if not self.octets:
            return ""
        return f"{int.from_bytes(self.octets, 'big'):0{8 * len(self.octets)}b}"[: self.bits]


class TypeDescription(NamedTuple):
    """The type of compact-array elements: `length` and one item for an array, items for a structure."""

    tag: int
    length: int = 0
    items: tuple[TypeDescription, ...] = ()


class CompactArray(NamedTuple):
    """A compact-array: the description and its entries as ordinary nodes."""

    description: TypeDescription
    entries: tuple[Data, ...]


class Data(NamedTuple):
    """One node of a Data tree.

    `value` by tag: None (null), tuple of nodes (array, structure), bool, int, bytes (the
    strings, floats and times), `BitString`, `CompactArray`. `form` is 0, or the octets a
    length took, or the octet of a true that is not FF.
    """

    tag: int
    value: Any
    form: int = 0


NULL = Data(0, None)


def read_data(buffer: bytes, offset: int = 0, path: str = "data", depth: int = 0) -> tuple[Data, int]:
    """The node at an offset and the offset after it. Raises ParseError."""
    try:
        tag = buffer[offset]
    except IndexError:
        raise ParseError("a data tag is missing", offset, path) from None
    if tag == 0:
        return NULL, offset + 1
    return _read_value(buffer, tag, offset + 1, path, depth, None)


def _read_value(
    buffer: bytes, tag: int, offset: int, path: str, depth: int, described: TypeDescription | None
) -> tuple[Data, int]:
    number = _NUMBERS.get(tag)
    if number is not None:
        width, signed = number
        end = offset + width
        if end > len(buffer):
            raise ParseError(f"{Tag(tag).spec_name} is cut short", offset, path)
        return Data(tag, int.from_bytes(buffer[offset:end], "big", signed=signed)), end
    if tag in _STRINGS:
        length, offset, form = read_length(buffer, offset, path)
        end = offset + length
        if end > len(buffer):
            raise ParseError(f"{Tag(tag).spec_name} of {length} octets is cut short", offset, path)
        return Data(tag, buffer[offset:end], form), end
    if tag == 1 or tag == 2:
        if depth >= MAX_DEPTH:
            raise ParseError(f"nested deeper than {MAX_DEPTH} levels", offset, path)
        return _read_sequence(buffer, tag, offset, path, depth, described)
    if tag == 3:
        if offset >= len(buffer):
            raise ParseError("boolean is cut short", offset, path)
        octet = buffer[offset]
        return Data(3, octet != 0, 0 if octet in (0, 255) else octet), offset + 1
    if tag == 4:
        bits, offset, form = read_length(buffer, offset, path)
        end = offset + (bits + 7) // 8
        if end > len(buffer):
            raise ParseError(f"bit-string of {bits} bits is cut short", offset, path)
        return Data(4, BitString(bits, buffer[offset:end]), form), end
    if tag == 0x13 and described is None:
        return _read_compact(buffer, offset, path, depth)
    fixed = _FIXED.get(tag)
    if fixed is not None:
        end = offset + fixed
        if end > len(buffer):
            raise ParseError(f"{Tag(tag).spec_name} is cut short", offset, path)
        return Data(tag, buffer[offset:end]), end
    raise ParseError(f"{tag:02X} is no data tag", offset - 1, path)


def _read_sequence(
    buffer: bytes, tag: int, offset: int, path: str, depth: int, described: TypeDescription | None
) -> tuple[Data, int]:
    items: list[Data] = []
    if described is not None:
        types = described.items if tag == 2 else described.items * described.length
        for index, item in enumerate(types):
            node, offset = _read_value(buffer, item.tag, offset, f"{path}[{index}]", depth + 1, item)
            items.append(node)
        return Data(tag, tuple(items)), offset
    count, offset, form = read_length(buffer, offset, path)
    if count > len(buffer) - offset:
        raise ParseError(f"{count} elements cannot be in {len(buffer) - offset} octets", offset, path)
    for index in range(count):
        node, offset = read_data(buffer, offset, f"{path}[{index}]", depth + 1)
        items.append(node)
    return Data(tag, tuple(items), form), offset


def _read_compact(buffer: bytes, offset: int, path: str, depth: int) -> tuple[Data, int]:
    description, offset = _read_description(buffer, offset, f"{path}.type", depth + 1)
    length, offset, form = read_length(buffer, offset, path)
    end = offset + length
    if end > len(buffer):
        raise ParseError(f"compact-array of {length} octets is cut short", offset, path)
    contents = buffer[:end]
    entries: list[Data] = []
    while offset < end:
        entry, offset = _read_value(
            contents, description.tag, offset, f"{path}[{len(entries)}]", depth + 1, description
        )
        entries.append(entry)
    return Data(0x13, CompactArray(description, tuple(entries)), form), end


def _read_description(buffer: bytes, offset: int, path: str, depth: int) -> tuple[TypeDescription, int]:
    if depth > MAX_DEPTH:
        raise ParseError(f"nested deeper than {MAX_DEPTH} levels", offset, path)
    start = offset
    if offset >= len(buffer):
        raise ParseError("a type tag is missing", offset, path)
    tag = buffer[offset]
    offset += 1
    if tag == 1:
        if offset + 2 > len(buffer):
            raise ParseError("the element count is cut short", offset, path)
        count = int.from_bytes(buffer[offset : offset + 2], "big")
        item, offset = _read_description(buffer, offset + 2, f"{path}[]", depth + 1)
        items: tuple[TypeDescription, ...] = (item,)
        empty = not count
    elif tag == 2:
        count, offset, form = read_length(buffer, offset, path)
        if form:
            raise ParseError("the count of a structure's types is longer than it need be", start + 1, path)
        if count > len(buffer) - offset:
            raise ParseError(f"{count} types cannot be in {len(buffer) - offset} octets", offset, path)
        found: list[TypeDescription] = []
        for index in range(count):
            item, offset = _read_description(buffer, offset, f"{path}[{index}]", depth + 1)
            found.append(item)
        items, empty, count = tuple(found), not count, 0
    elif tag in _NUMBERS or tag in _STRINGS or tag in _FIXED or tag in (3, 4):
        return TypeDescription(tag), offset
    else:
        raise ParseError(f"{tag:02X} is no element type", start, path)
    if empty:  # an element without octets could be there any number of times
        raise ParseError("an element type without octets", start, path)
    return TypeDescription(tag, count, items), offset


def write_data(data: Data, out: bytearray, path: str = "data") -> None:
    """Append the octets of a node. Raises BuildError with the path of what does not fit."""
    out.append(data.tag)
    if data.tag:
        _write_value(data, out, path, False)


def data_octets(data: Data) -> bytes:
    """The octets of a node. Raises BuildError."""
    out = bytearray()
    write_data(data, out)
    return bytes(out)


def description_octets(description: TypeDescription) -> bytes:
    """The octets of a type description."""
    out = bytearray()
    _write_description(description, out)
    return bytes(out)


def _write_value(data: Data, out: bytearray, path: str, described: bool) -> None:
    tag, value, form = data
    number = _NUMBERS.get(tag)
    if number is not None:
        try:
            out += value.to_bytes(number[0], "big", signed=number[1])
        except OverflowError:
            raise BuildError(f"{value} does not fit {Tag(tag).spec_name}", path) from None
    elif tag in _STRINGS:
        out += length_octets(len(value), form, path)
        out += value
    elif tag == 1 or tag == 2:
        if not described:
            out += length_octets(len(value), form, path)
        for index, node in enumerate(value):
            if described:
                _write_value(node, out, f"{path}[{index}]", True)
            else:
                write_data(node, out, f"{path}[{index}]")
    elif tag == 3:
        out.append((form or 0xFF) if value else 0)
    elif tag == 4:
        if len(value.octets) != (value.bits + 7) // 8:
            raise BuildError(f"{value.bits} bits do not take {len(value.octets)} octets", path)
        out += length_octets(value.bits, form, path)
        out += value.octets
    elif tag == 0x13 and not described:
        _write_compact(value, form, out, path)
    elif tag in _FIXED:
        if len(value) != _FIXED[tag]:
            raise BuildError(f"{_FIXED[tag]} octets needed", path)
        out += value
    else:
        raise BuildError(f"{tag:02X} is no data tag here", path)


def _write_compact(value: CompactArray, form: int, out: bytearray, path: str) -> None:
    _write_description(value.description, out)
    contents = bytearray()
    for index, entry in enumerate(value.entries):
        _check_described(entry, value.description, f"{path}[{index}]")
        _write_value(entry, contents, f"{path}[{index}]", True)
    out += length_octets(len(contents), form, path)
    out += contents


def _write_description(description: TypeDescription, out: bytearray) -> None:
    out.append(description.tag)
    if description.tag == 1:
        out += description.length.to_bytes(2, "big")
    elif description.tag == 2:
        out += length_octets(len(description.items))
    for item in description.items:
        _write_description(item, out)


def _check_described(data: Data, description: TypeDescription, path: str) -> None:
    """Raise BuildError where an entry is not what its description says."""
    if data.tag != description.tag:
        raise BuildError(f"{description.tag:02X} described, {data.tag:02X} given", path)
    if data.tag == 1:
        types = description.items * description.length
    elif data.tag == 2:
        types = description.items
    else:
        return
    if len(data.value) != len(types):
        raise BuildError(f"{len(types)} elements described, {len(data.value)} given", path)
    for index, (node, item) in enumerate(zip(data.value, types, strict=True)):
        _check_described(node, item, f"{path}[{index}]")


def structure(*items: Data) -> Data:
    """A structure node."""
    return Data(2, items)


def array(*items: Data) -> Data:
    """An array node."""
    return Data(1, items)


def octet_string(octets: bytes) -> Data:
    """An octet-string node."""
    return Data(9, bytes(octets))


def number(tag: Tag, value: int) -> Data:
    """A number node."""
    return Data(int(tag), value)
