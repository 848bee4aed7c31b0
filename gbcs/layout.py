"""The one typed wrapper around construct: fixed layouts, declared once, used both ways.

A layout is a construct `Struct` of fixed-size fields. It is compiled to a single
`struct` format, so that reading it costs one call; construct stays the declaration and
the judge (a test parses with both). No construct Container leaves this module.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass
from operator import itemgetter
from typing import Any, Final

import construct

from .errors import BuildError, ParseError


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a layout: its construct declaration and, if it is one, its constant."""

    name: str
    declaration: Any
    code: str
    constant: int | bytes | None = None
    order: str = ""  # "<" or ">" where it matters; a layout has one


def u8(name: str) -> Field:
    """An unsigned octet."""
    return Field(name, construct.Int8ub, "B")


def u16(name: str) -> Field:
    """An unsigned 16-bit number, big-endian."""
    return Field(name, construct.Int16ub, "H", order=">")


def u32(name: str) -> Field:
    """An unsigned 32-bit number, big-endian."""
    return Field(name, construct.Int32ub, "I", order=">")


def u64(name: str) -> Field:
    """An unsigned 64-bit number, big-endian."""
    return Field(name, construct.Int64ub, "Q", order=">")


def u16le(name: str) -> Field:
    """An unsigned 16-bit number, little-endian."""
    return Field(name, construct.Int16ul, "H", order="<")


def u32le(name: str) -> Field:
    """An unsigned 32-bit number, little-endian."""
    return Field(name, construct.Int32ul, "I", order="<")


def u64le(name: str) -> Field:
    """An unsigned 64-bit number, little-endian."""
    return Field(name, construct.Int64ul, "Q", order="<")


def octets(name: str, length: int) -> Field:
    """An octet string of fixed length."""
    return Field(name, construct.Bytes(length), f"{length}s")


def const8(name: str, value: int) -> Field:
    """An octet that is always the same."""
    return Field(name, construct.Const(value, construct.Int8ub), "B", value)


def const(name: str, value: bytes) -> Field:
    """An octet string that is always the same."""
    return Field(name, construct.Const(value), f"{len(value)}s", value)


class Layout:
    """A fixed layout: `unpack` and `pack` the fields that are not constant, in order."""

    __slots__ = (
        "_compiled",
        "_constants",
        "_fixed",
        "_lengths",
        "_ordered",
        "_variable",
        "construct",
        "fields",
        "name",
        "size",
    )

    def __init__(self, name: str, *fields: Field) -> None:
        self.name: Final = name
        self.fields: Final = fields
        self.construct: Final[Any] = construct.Struct(*(f.name / f.declaration for f in fields))
        orders = {f.order for f in fields if f.order}
        if len(orders) > 1:  # struct knows one order a format
            raise BuildError("numbers of both octet orders", name)
        self._compiled = struct.Struct((orders or {">"}).pop() + "".join(f.code for f in fields))
        self._constants = tuple((i, f.constant) for i, f in enumerate(fields) if f.constant is not None)
        self._variable = tuple(i for i, f in enumerate(fields) if f.constant is None)
        self._lengths = tuple(
            (position, struct.calcsize(fields[i].code))
            for position, i in enumerate(self._variable)
            if "s" in fields[i].code
        )
        # Given values and then constants, put into the order of the fields by one call.
        self._fixed = tuple(constant for _, constant in self._constants)
        sources = [*self._variable, *(i for i, _ in self._constants)]
        places = [sources.index(i) for i in range(len(fields))]
        self._ordered: Callable[[tuple[Any, ...]], tuple[Any, ...]] = (
            itemgetter(*places) if len(places) > 1 else tuple
        )
        self.size: Final = self._compiled.size

    def unpack(self, buffer: bytes, offset: int = 0) -> tuple[Any, ...]:
        """The variable fields at an offset. Raises ParseError with the field at fault."""
        try:
            values = self._compiled.unpack_from(buffer, offset)
        except struct.error:
            raise ParseError(
                f"{self.size} octets needed, {max(0, len(buffer) - offset)} left",
                min(offset, len(buffer)),
                self.name,
            ) from None
        for index, constant in self._constants:
            if values[index] != constant:
                raise self._mismatch(values, index, offset)
        return tuple([values[i] for i in self._variable])

    def pack(self, *values: int | bytes) -> bytes:
        """The octets of the layout. Raises BuildError for a value that does not fit."""
        if len(values) != len(self._variable):
            raise BuildError(f"{len(self._variable)} values needed, {len(values)} given", self.name)
        for position, length in self._lengths:
            value = values[position]
            if isinstance(value, bytes) and len(value) != length:  # struct would pad or cut it
                raise BuildError(f"{length} octets needed", self.fields[self._variable[position]].name)
        try:
            return self._compiled.pack(*self._ordered(values + self._fixed))
        except struct.error as error:
            raise BuildError(str(error), self.name) from None

    def offset_of(self, name: str) -> int:
        """Octets before a field."""
        before = [f.code for f in self.fields[: [f.name for f in self.fields].index(name)]]
        return struct.calcsize(">" + "".join(before))

    def _mismatch(self, values: tuple[Any, ...], index: int, offset: int) -> ParseError:
        field = self.fields[index]
        wanted, found = (
            v.hex().upper() if isinstance(v, bytes) else f"{v:02X}" for v in (field.constant, values[index])
        )
        return ParseError(
            f"{wanted} expected, {found} found",
            offset + self.offset_of(field.name),
            f"{self.name}.{field.name}",
        )
