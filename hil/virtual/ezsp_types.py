"""EZSP values: the types of the fields of a frame, read and written by schemas.

A schema is text, `name:type ...`, in the order of the wire; a structure is a schema with a
name. Numbers are little-endian. An EUI-64 is a number, keys and messages are octets, a
structure is a dict by field name. Source: UG100 (reference: radio-stack 5.3, 6).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from gbcs.errors import BuildError, ParseError

from .ezsp_status_rows import STATUSES, AnyStatus
from .node_types import Status

Values = dict[str, Any]
SL_VERSION: Final = 14  # from here on a status is an sl_Status of four octets


@dataclass(frozen=True, slots=True)
class Type:
    """How a value is read (from octets at an offset: value and end) and written."""

    read: Callable[[bytes, int], tuple[Any, int]]
    write: Callable[[Any], bytes]


def _take(data: bytes, offset: int, length: int) -> bytes:
    part = data[offset : offset + length]
    if len(part) != length:
        raise ParseError(f"{length} octets needed, {len(part)} left", offset)
    return part


def _number(length: int, signed: bool = False) -> Type:
    def read(data: bytes, offset: int) -> tuple[int, int]:
        part = _take(data, offset, length)
        return int.from_bytes(part, "little", signed=signed), offset + length

    def write(value: int) -> bytes:
        try:
            return int(value).to_bytes(length, "little", signed=signed)
        except OverflowError:
            raise BuildError(f"{value} does not fit {length} octets") from None

    return Type(read, write)


def _octets(length: int) -> Type:
    def write(value: bytes) -> bytes:
        if len(value) != length:
            raise BuildError(f"{length} octets needed")
        return bytes(value)

    return Type(lambda data, offset: (_take(data, offset, length), offset + length), write)


def _prefixed(prefix: Type) -> Type:
    def read(data: bytes, offset: int) -> tuple[bytes, int]:
        length, offset = prefix.read(data, offset)
        return _take(data, offset, length), offset + length

    return Type(read, lambda value: prefix.write(len(value)) + bytes(value))


def _counted(prefix: Type, item: Type) -> Type:
    def read(data: bytes, offset: int) -> tuple[list[Any], int]:
        count, offset = prefix.read(data, offset)
        values = []
        for _ in range(count):
            value, offset = item.read(data, offset)
            values.append(value)
        return values, offset

    def write(values: list[Any]) -> bytes:
        return prefix.write(len(values)) + b"".join(item.write(v) for v in values)

    return Type(read, write)


def _rest(item: Type) -> Type:
    def read(data: bytes, offset: int) -> tuple[list[Any], int]:
        values = []
        while offset < len(data):
            value, offset = item.read(data, offset)
            values.append(value)
        return values, offset

    return Type(read, lambda values: b"".join(item.write(v) for v in values))


def _status(column: int) -> Type:
    """A status by its number in a column of STATUSES; an unknown number stays one."""
    number = _number((4, 1, 1)[column])
    names = {numbers[column]: status for status, numbers in reversed(STATUSES.items())}

    def read(data: bytes, offset: int) -> tuple[AnyStatus | int, int]:
        value, offset = number.read(data, offset)
        return names.get(value, value), offset

    def write(status: AnyStatus | int) -> bytes:
        return number.write(status if isinstance(status, int) else STATUSES[status][column])

    return Type(read, write)


_U8, _U16, _U32 = _number(1), _number(2), _number(4)
_SL, _EMBER8, _EZSP8 = _status(0), _status(1), _status(2)
# A name -> its type where every version agrees
_COMMON: Final[dict[str, Type]] = {
    "u8": _U8,
    "u16": _U16,
    "u32": _U32,
    "i8": _number(1, signed=True),
    "bool": Type(lambda d, o: (_take(d, o, 1) != b"\0", o + 1), lambda v: bytes((bool(v),))),
    "nwk": _U16,
    "eui64": _number(8),
    "octets8": _octets(8),
    "octets16": _octets(16),
    "key": _octets(16),
    "octets21": _octets(21),
    "octets22": _octets(22),
    "octets37": _octets(37),
    "octets42": _octets(42),
    "octets48": _octets(48),
    "octets72": _octets(72),
    "octets74": _octets(74),
    "lv": _prefixed(_U8),
    "lv32": _prefixed(_U32),
    "nwks": _counted(_U8, _U16),
    "u16s": _rest(_U16),
    "sl": _SL,
    "ember8": _EMBER8,
}


@dataclass(frozen=True, slots=True)
class _Field:
    name: str
    type: Type
    may_lack: bool  # `?`: zero where the frame ends before it
    if_ok: bool  # `!`: there only where the field `status` is OK
    count: str  # `*name`: a list with as many entries as that field says


class Schema:
    """The fields of one direction of one frame, or of a structure, for one version."""

    __slots__ = ("fields", "text")

    def __init__(self, text: str, types: Mapping[str, Type]) -> None:
        self.text: Final = text
        self.fields: Final = tuple(_field(part, types) for part in text.split())

    def read(self, data: bytes, offset: int = 0) -> tuple[Values, int]:
        """The values by name and where they end. Raises ParseError with the field at fault."""
        values: Values = {}
        for field in self.fields:
            if field.may_lack and offset == len(data):
                values[field.name] = 0
                continue
            if field.if_ok and values["status"] != Status.OK:
                values[field.name] = b""
                continue
            try:
                if field.count:
                    items = []
                    for _ in range(values[field.count]):
                        item, offset = field.type.read(data, offset)
                        items.append(item)
                    values[field.name] = items
                else:
                    values[field.name], offset = field.type.read(data, offset)
            except ParseError as error:
                path = f"{field.name}.{error.path}" if error.path else field.name
                raise ParseError(error.reason, error.offset, path) from None
        return values, offset

    def write(self, values: Mapping[str, Any]) -> bytes:
        """The octets of values by name; names of other versions are ignored. Raises BuildError."""
        octets = b""
        for field in self.fields:
            if field.if_ok and values["status"] != Status.OK:
                continue
            try:
                value = values[field.name]
                if field.count:
                    octets += b"".join(field.type.write(item) for item in value)
                else:
                    octets += field.type.write(value)
            except KeyError as error:
                raise BuildError("a value is needed", str(error.args[0])) from None
            except BuildError as error:
                raise BuildError(str(error), field.name) from None
        return octets


def _field(part: str, types: Mapping[str, Type]) -> _Field:
    name, _, kind = part.partition(":")
    kind, _, count = kind.partition("*")
    bare = kind.rstrip("?!")
    return _Field(name, types[bare], kind.endswith("?"), kind.endswith("!"), count)


def types_of(version: int, structures: Mapping[str, str]) -> dict[str, Type]:
    """Every type by name as a version has it, structures included (in order of use)."""
    new = version >= SL_VERSION
    types = dict(_COMMON)
    types["ember"] = _SL if new else _EMBER8
    types["ezsp"] = _SL if new else _EZSP8
    types["tag"] = _U16 if new else _U8
    for name, text in structures.items():
        schema = Schema(text, types)
        types[name] = Type(schema.read, schema.write)
    return types
