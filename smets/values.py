"""Plain values and their octets in the store.

A data item holds None, bool, int, bytes, str or a tuple of those, whatever
family of messages reads it. The octets are self-describing and private to the store; a
checksum behind them tells a damaged value from a whole one.
"""

from __future__ import annotations

from typing import TypeAlias
from zlib import crc32

from gbcs.errors import ParseError
from gbcs.lengths import length_octets, read_length

from .store import StoreError

Value: TypeAlias = "None | bool | int | bytes | str | tuple[Value, ...]"

_CHECKSUM = 4  # octets


def pack(value: Value) -> bytes:
    """The octets of a value."""
    out = bytearray()
    _pack(value, out)
    out += crc32(out).to_bytes(_CHECKSUM, "big")
    return bytes(out)


def unpack(octets: bytes) -> Value:
    """The value of octets made by `pack`. Raises StoreError for octets that are not."""
    body = octets[:-_CHECKSUM]
    if crc32(body).to_bytes(_CHECKSUM, "big") != octets[-_CHECKSUM:]:
        raise StoreError("the store holds no whole value here")
    try:
        value, end = _unpack(body, 0)
    except (ParseError, ValueError, RecursionError) as error:
        raise StoreError(f"the store holds no value here: {error}") from None
    if end != len(body):
        raise StoreError("the store holds more than a value here")
    return value


def _pack(value: Value, out: bytearray) -> None:
    if value is None:
        out += b"n"
    elif value is True or value is False:
        out += b"t" if value else b"f"
    elif isinstance(value, int):
        body = value.to_bytes(value.bit_length() // 8 + 1, "big", signed=True)
        out += b"i" + length_octets(len(body)) + body
    elif isinstance(value, str):
        body = value.encode()
        out += b"s" + length_octets(len(body)) + body
    elif isinstance(value, tuple):
        out += b"l" + length_octets(len(value))
        for item in value:
            _pack(item, out)
    else:
        out += b"o" + length_octets(len(value)) + value


def _unpack(octets: bytes, offset: int) -> tuple[Value, int]:
    kind = octets[offset : offset + 1]
    if kind == b"n":
        return None, offset + 1
    if kind in (b"t", b"f"):
        return kind == b"t", offset + 1
    length, offset, _ = read_length(octets, offset + 1)
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
