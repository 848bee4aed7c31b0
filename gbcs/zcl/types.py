"""ZCL data types both ways: numbers are little-endian, and every octet is kept.

Source: ZCL data types (reference: gbz-payloads 1 and 3). A value is a `Node`: the type
and a plain value, so that it can be written again without knowing what it meant.

=====================  ==========================================================
types                  value
=====================  ==========================================================
numbers, bitmaps, ids  int
boolean                int, the octet as it is: FF is not a boolean, but may arrive
strings                bytes, None for the invalid string (length FF or FFFF)
date, time, float,     bytes as on the wire
128-bit key
array, set, bag        `Elements`
structure              tuple of nodes, None for the invalid one (count FFFF)
no-data, unknown       None
=====================  ==========================================================
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

from ..errors import BuildError, ParseError

MAX_DEPTH = 16

# Nodes that are no ZCL type, but what a payload is made of.
LIST = 0x100  # the entries of a repetition, without a length of its own
ENTRY = 0x101  # one entry of several fields
TYPED = 0x102  # a value behind the octet of its type
OPAQUE = 0x103  # octets nobody has declared

BITMAP8 = 0x18
ENUM8 = 0x30
OCTET_STRING = 0x41
CHAR_STRING = 0x42
LONG_OCTET_STRING = 0x43
LONG_CHAR_STRING = 0x44
ARRAY = 0x48
STRUCTURE = 0x4C
BOOLEAN = 0x10
DATE = 0xE1
UTC = 0xE2
ATTRIBUTE_ID = 0xE9


class Node(NamedTuple):
    """A value and its type: a ZCL type identifier or one of the four above FF."""

    type: int
    value: Any


class Elements(NamedTuple):
    """An array, set or bag: the type of its elements, and the elements; None for the invalid one."""

    type: int
    nodes: tuple[Node, ...] | None


@dataclass(frozen=True, slots=True)
class ZclType:
    """A data type.

    `form` says what its values are: `unsigned` and `signed` numbers; `code`, an unsigned
    number read digit by digit (bitmap, identifier, address); `octets` of fixed size; `string`,
    `text` and `elements` and `structure`, whose length or count takes `size` octets; `boolean`;
    `nothing`.
    """

    id: int
    name: str
    form: str
    size: int

    @property
    def is_number(self) -> bool:
        """The value is an int of `size` octets."""
        return self.form in _NUMBERS

    @property
    def is_fixed(self) -> bool:
        """The value takes `size` octets, whatever it is."""
        return self.form in _NUMBERS or self.form == "octets"

    @property
    def limits(self) -> tuple[int, int]:
        """Least and greatest number."""
        bits = 8 * self.size
        return (-1 << bits - 1, (1 << bits - 1) - 1) if self.form == "signed" else (0, (1 << bits) - 1)


_NUMBERS = frozenset(("unsigned", "signed", "code", "boolean"))


def _types() -> dict[int, ZclType]:
    rows: list[tuple[int, str, str, int]] = [(0x00, "no-data", "nothing", 0)]
    for octets in range(1, 9):
        bits = 8 * octets
        rows.append((0x07 + octets, f"data{bits}", "code", octets))
        rows.append((0x17 + octets, f"bitmap{bits}", "code", octets))
        rows.append((0x1F + octets, f"uint{bits}", "unsigned", octets))
        rows.append((0x27 + octets, f"int{bits}", "signed", octets))
    rows += [
        (BOOLEAN, "boolean", "boolean", 1),
        (ENUM8, "enum8", "unsigned", 1),
        (0x31, "enum16", "unsigned", 2),
        (0x38, "semi-float", "octets", 2),
        (0x39, "single-float", "octets", 4),
        (0x3A, "double-float", "octets", 8),
        (OCTET_STRING, "octet-string", "string", 1),
        (CHAR_STRING, "char-string", "text", 1),
        (LONG_OCTET_STRING, "long-octet-string", "string", 2),
        (LONG_CHAR_STRING, "long-char-string", "text", 2),
        (ARRAY, "array", "elements", 2),
        (STRUCTURE, "structure", "structure", 2),
        (0x50, "set", "elements", 2),
        (0x51, "bag", "elements", 2),
        (0xE0, "time-of-day", "octets", 4),
        (DATE, "date", "octets", 4),
        (UTC, "utc", "unsigned", 4),
        (0xE8, "cluster-id", "code", 2),
        (ATTRIBUTE_ID, "attribute-id", "code", 2),
        (0xEA, "bacnet-id", "code", 4),
        (0xF0, "ieee-address", "code", 8),
        (0xF1, "key-128", "octets", 16),
        (0xFF, "unknown", "nothing", 0),
    ]
    return {row[0]: ZclType(*row) for row in rows}


TYPES = _types()
BY_NAME = {t.name: t for t in TYPES.values()}
_TEXT_OR_STRING = frozenset(("string", "text"))


class _UnknownType(Exception):
    """A type octet nobody knows: how long the value is cannot be told."""


def read_value(kind: int, buffer: bytes, offset: int, end: int) -> tuple[Node, int]:
    """A value of a type at an offset, not beyond `end`, and the next offset. Raises ParseError."""
    try:
        return _read(kind, buffer, offset, end, 0)
    except _UnknownType:
        raise ParseError("a value of an unknown type", offset) from None


def read_typed(buffer: bytes, offset: int, end: int) -> tuple[Node, int]:
    """A value behind the octet of its type.

    Where the type, or one inside it, is not known, the rest up to `end` is one opaque node.
    Raises ParseError.
    """
    if offset >= end:
        raise ParseError("the type is missing", offset)
    try:
        node, stop = _read(buffer[offset], buffer, offset + 1, end, 0)
    except _UnknownType:
        return Node(OPAQUE, buffer[offset:end]), end
    return Node(TYPED, node), stop


def _read(kind: int, buffer: bytes, offset: int, end: int, depth: int) -> tuple[Node, int]:
    known = TYPES.get(kind)
    if known is None:
        raise _UnknownType
    size, form = known.size, known.form
    stop = offset + size
    if stop > end:
        raise ParseError(f"{known.name} is cut short", offset)
    if form in _NUMBERS:
        return Node(kind, int.from_bytes(buffer[offset:stop], "little", signed=form == "signed")), stop
    if form == "octets":
        return Node(kind, buffer[offset:stop]), stop
    if form == "nothing":
        return Node(kind, None), offset
    if form in _TEXT_OR_STRING:
        length = int.from_bytes(buffer[offset:stop], "little")
        if length == (1 << 8 * size) - 1:
            return Node(kind, None), stop
        offset, stop = stop, stop + length
        if stop > end:
            raise ParseError(f"{known.name} of {length} octets is cut short", offset)
        return Node(kind, buffer[offset:stop]), stop
    if depth >= MAX_DEPTH:
        raise ParseError(f"nested deeper than {MAX_DEPTH} levels", offset)
    if form == "elements":
        return _read_elements(known, buffer, offset, end, depth)
    count = int.from_bytes(buffer[offset:stop], "little")
    if count == 0xFFFF:
        return Node(kind, None), stop
    nodes = []
    for _ in range(count):
        if stop >= end:
            raise ParseError(f"{known.name} of {count} elements is cut short", offset)
        node, stop = _read(buffer[stop], buffer, stop + 1, end, depth + 1)
        nodes.append(node)
    return Node(kind, tuple(nodes)), stop


def _read_elements(known: ZclType, buffer: bytes, offset: int, end: int, depth: int) -> tuple[Node, int]:
    stop = offset + 3
    if stop > end:
        raise ParseError(f"{known.name} is cut short", offset)
    of, count = buffer[offset], int.from_bytes(buffer[offset + 1 : stop], "little")
    if of not in TYPES:
        raise _UnknownType
    if TYPES[of].form == "nothing":  # elements without octets could be there any number of times
        raise ParseError("elements without octets", offset)
    if count == 0xFFFF:
        return Node(known.id, Elements(of, None)), stop
    nodes = []
    for _ in range(count):
        node, stop = _read(of, buffer, stop, end, depth + 1)
        nodes.append(node)
    return Node(known.id, Elements(of, tuple(nodes))), stop


def write_value(node: Node, out: bytearray, path: str = "value") -> None:
    """Append the octets of a node. Raises BuildError with the path of what does not fit."""
    kind, value = node
    known = TYPES.get(kind)
    if known is None:
        _write_own(kind, value, out, path)
        return
    form = known.form
    if form in _NUMBERS:
        try:
            out += value.to_bytes(known.size, "little", signed=form == "signed")
        except OverflowError:
            raise BuildError(f"{value} does not fit {known.name}", path) from None
    elif form == "octets":
        if len(value) != known.size:
            raise BuildError(f"{known.size} octets needed", path)
        out += value
    elif form in _TEXT_OR_STRING:
        invalid = (1 << 8 * known.size) - 1
        length = invalid if value is None else len(value)
        if length > invalid or (value is not None and length == invalid):
            raise BuildError(f"longer than {invalid - 1} octets", path)
        out += length.to_bytes(known.size, "little")
        out += value or b""
    elif form == "elements":
        out.append(value.type)
        _write_count(value.nodes, out, path)
        for index, inner in enumerate(value.nodes or ()):
            if inner.type != value.type:
                raise BuildError(f"elements are {type_name(value.type)}", f"{path}[{index}]")
            write_value(inner, out, f"{path}[{index}]")
    elif form == "structure":
        _write_count(value, out, path)
        for index, inner in enumerate(value or ()):
            out.append(inner.type)
            write_value(inner, out, f"{path}[{index}]")


def _write_own(kind: int, value: Any, out: bytearray, path: str) -> None:
    """Append what is no ZCL type: its parts one after the other."""
    if kind == TYPED:
        if value.type not in TYPES:
            raise BuildError("a ZCL type is needed", path)
        out.append(value.type)
        write_value(value, out, path)
    elif kind == OPAQUE:
        out += value
    else:
        for index, inner in enumerate(value):
            write_value(inner, out, f"{path}[{index}]")


def _write_count(nodes: tuple[Node, ...] | None, out: bytearray, path: str) -> None:
    if nodes is not None and len(nodes) >= 0xFFFF:
        raise BuildError("more than 65534 elements", path)
    out += (0xFFFF if nodes is None else len(nodes)).to_bytes(2, "little")


def octets_of(nodes: tuple[Node, ...], path: str = "fields") -> bytes:
    """The octets of nodes one after the other. Raises BuildError."""
    out = bytearray()
    for index, node in enumerate(nodes):
        write_value(node, out, f"{path}[{index}]")
    return bytes(out)


_OWN_NAMES = {LIST: "list", ENTRY: "entry", TYPED: "typed", OPAQUE: "opaque"}


def type_name(kind: int) -> str:
    """The name of a type, or its number where it has none."""
    known = TYPES.get(kind)
    return known.name if known is not None else _OWN_NAMES.get(kind, f"{kind:02X}")
