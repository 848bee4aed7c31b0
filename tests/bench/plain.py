"""The yardstick of decoding: a plain decoder by hand, without names, types or checks of meaning.

It takes the same octets apart to the last one, into tuples: headers, the A-XDR tree of DLMS,
the components of GBZ with their ZCL payload as it is, the nodes of DER. How fast it goes tells
how fast the machine is; no test and no program uses it for anything else.
"""

from struct import Struct
from typing import Any

_GROUPING = Struct(">BBBQB8sB8sB")
_SPECIFICATION = Struct(">BH6sB")
_COMPONENT = Struct(">BHH")
_NUMBERS = {
    0x05: Struct(">i"), 0x06: Struct(">I"), 0x0F: Struct(">b"), 0x10: Struct(">h"), 0x11: Struct(">B"),
    0x12: Struct(">H"), 0x16: Struct(">B"), 0x03: Struct(">B"), 0x14: Struct(">q"), 0x15: Struct(">Q"),
}  # fmt: skip


def decode(octets: bytes) -> tuple[Any, ...]:
    """A message as nested tuples. Malformed octets raise whatever they raise."""
    offset, end = 0, len(octets)
    mac = b""
    if octets[0] == 0xDD:
        _, offset = _length(octets, 7)
        offset += 5
        end -= 12
        mac = octets[end:]
    head = _GROUPING.unpack_from(octets, offset)
    offset += _GROUPING.size
    date_time = octets[offset : offset + head[-1]]
    offset += head[-1]
    size, offset = _length(octets, offset)
    other = octets[offset : offset + size]
    size, offset = _length(octets, offset + size)
    payload, rest = octets[offset : offset + size], octets[offset + size : end]
    first = payload[0]
    content: Any
    if first in (0xD9, 0xDA, 0x0F):
        content = _apdu(payload)
    elif payload[:2] == b"\x01\x09":
        content = _gbz(payload, head[2])
    else:
        content = _der(payload, 0, len(payload))
    return head, date_time, other, content, rest, mac


def _length(octets: bytes, offset: int) -> tuple[int, int]:
    first = octets[offset]
    offset += 1
    if first < 0x80:
        return first, offset
    end = offset + (first & 0x7F)
    return int.from_bytes(octets[offset:end], "big"), end


def _apdu(octets: bytes) -> Any:
    if octets[0] == 0x0F:
        return _data(octets, 6)[0]
    if octets[0] == 0xD9:
        count, offset = _length(octets, 6)
        items = []
        for _ in range(count):
            item = _SPECIFICATION.unpack_from(octets, offset)
            offset += _SPECIFICATION.size
            selection = None
            if item[0] == 4:
                selection, offset = _data(octets, offset + 1)
            items.append((item, selection))
        _, offset = _length(octets, offset)
        values, offset = _many(octets, offset, count)
        return items, values
    count, offset = _length(octets, 7)
    values, offset = _many(octets, offset, count)
    count, offset = _length(octets, offset)
    return values, octets[offset:]


def _many(octets: bytes, offset: int, count: int) -> tuple[list[Any], int]:
    values = []
    for _ in range(count):
        value, offset = _data(octets, offset)
        values.append(value)
    return values, offset


def _data(octets: bytes, offset: int) -> tuple[Any, int]:
    tag = octets[offset]
    return _value(tag, octets, offset + 1)


def _value(tag: int, octets: bytes, offset: int) -> tuple[Any, int]:
    number = _NUMBERS.get(tag)
    if number is not None:
        return number.unpack_from(octets, offset)[0], offset + number.size
    if tag == 0:
        return None, offset
    if tag == 0x13:
        kind, offset = _type(octets, offset)
        size, offset = _length(octets, offset)
        end = offset + size
        entries = []
        while offset < end:
            entry, offset = _entry(kind, octets, offset)
            entries.append(entry)
        return entries, offset
    size, offset = _length(octets, offset)
    if tag in (0x01, 0x02):
        return _many(octets, offset, size)
    end = offset + ((size + 7) // 8 if tag == 0x04 else size)
    return octets[offset:end], end


def _type(octets: bytes, offset: int) -> tuple[Any, int]:
    tag = octets[offset]
    if tag == 0x02:
        count, offset = octets[offset + 1], offset + 2
        kinds = []
        for _ in range(count):
            kind, offset = _type(octets, offset)
            kinds.append(kind)
        return tuple(kinds), offset
    if tag == 0x01:
        count = octets[offset + 1] << 8 | octets[offset + 2]
        kind, offset = _type(octets, offset + 3)
        return (kind,) * count, offset
    return tag, offset + 1


def _entry(kind: Any, octets: bytes, offset: int) -> tuple[Any, int]:
    if isinstance(kind, tuple):
        values = []
        for inner in kind:
            value, offset = _entry(inner, octets, offset)
            values.append(value)
        return values, offset
    return _value(kind, octets, offset)


def _gbz(octets: bytes, cra: int) -> Any:
    if cra == 3:
        return octets[2:5], octets[5:9], octets[9:]
    offset, components = 3, []
    for _ in range(octets[2]):
        control, cluster, size = _COMPONENT.unpack_from(octets, offset)
        offset += _COMPONENT.size
        inside = octets[offset : offset + size]
        offset += size
        start = 2 if control & 0x02 else 4 if control & 0x10 else 0
        head = inside[start], inside[start + 1], inside[start + 2]
        components.append((control, cluster, inside[:start], head, inside[start + 3 :]))
    return components


def _der(octets: bytes, offset: int, end: int) -> list[Any]:
    nodes = []
    while offset < end:
        tag = octets[offset]
        size, start = _length(octets, offset + 1)
        offset = start + size
        nodes.append((tag, _der(octets, start, offset) if tag & 0x20 else octets[start:offset]))
    return nodes
