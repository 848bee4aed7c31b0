"""Plain values and their octets in the store.

A data item holds None, bool, int, bytes, str or a tuple of those, whatever
family of messages reads it. The octets are self-describing and private to the store; a
checksum behind them tells a damaged value from a whole one, for a number its complement does.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from struct import Struct
from struct import error as StructError
from typing import TypeAlias
from zlib import crc32

from gbcs.errors import ParseError
from gbcs.lengths import length_octets, read_length

from .store import StoreError

Value: TypeAlias = "None | bool | int | bytes | str | tuple[Value, ...]"

_CHECKSUM = 4  # octets
_CRC = Struct(">I").pack


def pack(value: Value) -> bytes:
    """The octets of a value."""
    if type(value) is int and _LEAST <= value <= _MOST:
        return _NUMBER(b"c", value, ~value)
    body = _pack(value)
    return body + _CRC(crc32(body))


def pack_all(*some: Mapping[str, Value]) -> tuple[dict[str, bytes | None], list[str]]:
    """The octets of each of some values, as `pack` gives them; and which are not plain (`is_plain`).

    Numbers and rows of them are packed here and not in `_pack`: this is most of what a half hour costs.
    """
    packed: dict[str, bytes | None] = {}
    others = []
    for values in some:
        for key, value in values.items():
            kind = type(value)
            try:
                if kind is int:
                    packed[key] = _NUMBER(b"c", value, ~value)  # type: ignore[operator]
                    continue
                if kind is tuple and set(map(type, value)) == _INTS:  # type: ignore[arg-type]
                    body = _ROWS[len(value)](*value)  # type: ignore[arg-type,misc]
                else:
                    body = _pack(value)
                    if not is_plain(value):
                        others.append(key)
            except (StructError, IndexError):  # more than eight octets, or more numbers than that
                body = _pack(value)
            packed[key] = body + _CRC(crc32(body))
    return packed, others


def unpack(octets: bytes) -> Value:
    """The value of octets made by `pack`. Raises StoreError for octets that are not."""
    if octets[:1] == b"c":
        return _number(octets)
    body = octets[:-_CHECKSUM]
    if crc32(body).to_bytes(_CHECKSUM, "big") != octets[-_CHECKSUM:]:
        raise StoreError("the store holds no whole value here")
    try:
        value, end = _unpack(body, 0)
    except (ParseError, ValueError, RecursionError, StructError) as error:
        raise StoreError(f"the store holds no value here: {error}") from None
    if end != len(body):
        raise StoreError("the store holds more than a value here")
    return value


def is_plain(value: Value) -> bool:
    """Whether a value has the very types that `unpack` gives: no enumeration, no named tuple."""
    if type(value) is tuple:
        return _PLAIN.issuperset(map(type, value)) or all(map(is_plain, value))
    return type(value) in _PLAIN


_PLAIN = frozenset((type(None), bool, int, bytes, str))
_LEAST, _MOST = -(2**63), 2**63 - 1  # of a number in eight octets
_INT = Struct(">2sq").pack
_NUMBER = Struct(">cqq").pack  # a number on its own, and its complement
_UNPACK_NUMBER = Struct(">cqq").unpack
_INTS = {int}
_ROWS = tuple(partial(Struct(f">2s{size}q").pack, b"q" + length_octets(size)) for size in range(64))


def _pack(value: Value) -> bytes:
    if isinstance(value, tuple):
        if len(value) < len(_ROWS) and set(map(type, value)) == _INTS:  # what most tuples are made of
            try:
                return _ROWS[len(value)](*value)
            except StructError:
                pass
        return b"l" + length_octets(len(value)) + b"".join(map(_pack, value))
    if type(value) is int and _LEAST <= value <= _MOST:
        return _INT(b"i\x08", value)
    if value is None:
        return b"n"
    if value is True or value is False:
        return b"t" if value else b"f"
    if isinstance(value, int):
        body = value.to_bytes(value.bit_length() // 8 + 1, "big", signed=True)
        return b"i" + length_octets(len(body)) + body
    if isinstance(value, str):
        body = value.encode()
        return b"s" + length_octets(len(body)) + body
    return b"o" + length_octets(len(value)) + value


def _number(octets: bytes) -> int:
    """A number on its own. Raises StoreError."""
    try:
        _, value, complement = _UNPACK_NUMBER(octets)
    except StructError:
        raise StoreError("the store holds no whole value here") from None
    if value != ~complement:
        raise StoreError("the store holds no whole value here")
    return int(value)


def _unpack(octets: bytes, offset: int) -> tuple[Value, int]:
    kind = octets[offset : offset + 1]
    if kind == b"n":
        return None, offset + 1
    if kind in (b"t", b"f"):
        return kind == b"t", offset + 1
    length, offset, _ = read_length(octets, offset + 1)
    if kind == b"q":
        end = offset + 8 * length
        return Struct(f">{length}q").unpack(octets[offset:end]), end
    if kind == b"l":
        items: list[Value] = []
        for _ in range(length):
            item, offset = _unpack(octets, offset)
            items.append(item)
        return tuple(items), offset
    end = offset + length
    body = octets[offset:end]
    if len(body) != length:
        raise ValueError("cut short")
    if kind == b"i":
        return int.from_bytes(body, "big", signed=True), end
    if kind == b"s":
        return body.decode(), end
    if kind == b"o":
        return body, end
    raise ValueError(f"kind {kind!r}")
