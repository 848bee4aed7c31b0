"""DER nodes: tag, contents or children; octets to nodes and back, nothing lost.

Lengths longer than they need be are read and kept: answers of the reference set have them
(reference: gbcs-messages 8.0).
"""

from __future__ import annotations

from typing import NamedTuple

from ..errors import BuildError, ParseError
from ..lengths import length_octets, read_length

MAX_DEPTH = 16  # ours: the deepest payload has 6 levels

INTEGER = 0x02
BIT_STRING = 0x03
OCTET_STRING = 0x04
NULL = 0x05
ENUMERATED = 0x0A
SEQUENCE = 0x30
CONSTRUCTED = 0x20


class Node(NamedTuple):
    """One element. `children` for a constructed tag, else `contents`; `form` as in `lengths`."""

    tag: int
    contents: bytes = b""
    children: tuple[Node, ...] = ()
    form: int = 0


def parse_der(octets: bytes) -> Node:
    """Read octets that are one element. Raises ParseError."""
    node, end = _read(octets, 0, len(octets), "payload", 0)
    if end != len(octets):
        raise ParseError(f"{len(octets) - end} octets left over", end, "payload")
    return node


def _read(octets: bytes, offset: int, end: int, path: str, depth: int) -> tuple[Node, int]:
    if offset >= end:
        raise ParseError("a tag is missing", offset, path)
    if depth > MAX_DEPTH:
        raise ParseError(f"nested deeper than {MAX_DEPTH} levels", offset, path)
    tag = octets[offset]
    if tag & 0x1F == 0x1F:
        raise ParseError("tags of several octets are not used", offset, path)
    length, start, form = read_length(octets, offset + 1, path)
    stop = start + length
    if stop > end:
        raise ParseError(f"{length} octets run past the end", offset, path)
    if not tag & CONSTRUCTED:
        return Node(tag, octets[start:stop], (), form), stop
    children: list[Node] = []
    at = start
    while at < stop:
        child, at = _read(octets, at, stop, f"{path}[{len(children)}]", depth + 1)
        children.append(child)
    return Node(tag, b"", tuple(children), form), stop


def der_octets(node: Node, wide: bool = False) -> bytes:
    """The octets of a node. `wide` gives lengths of 128 to 255 three octets (82 00 nn)."""
    contents = b"".join(der_octets(child, wide) for child in node.children) or node.contents
    form = node.form or (3 if wide and 128 <= len(contents) <= 255 else 0)
    return bytes((node.tag,)) + length_octets(len(contents), form) + contents


def sequence(*children: Node) -> Node:
    """A SEQUENCE."""
    return Node(SEQUENCE, b"", children)


def integer(value: int, tag: int = INTEGER) -> Node:
    """An INTEGER (or ENUMERATED), minimal two's complement. Raises BuildError for a negative one."""
    if value < 0:
        raise BuildError(f"{value} is negative", "INTEGER")
    return Node(tag, value.to_bytes(value.bit_length() // 8 + 1, "big"))


def octet_string(octets: bytes) -> Node:
    """An OCTET STRING."""
    return Node(OCTET_STRING, bytes(octets))


def integer_value(node: Node, path: str, tag: int = INTEGER) -> int:
    """The value of an INTEGER or ENUMERATED that is not negative. Raises ParseError."""
    body = node.contents
    if node.tag != tag or not body or len(body) > 9 or body[0] & 0x80:
        raise ParseError(f"no {'ENUMERATED' if tag == ENUMERATED else 'INTEGER'} of GBCS", 0, path)
    if len(body) > 1 and body[0] == 0 and not body[1] & 0x80:
        raise ParseError("an INTEGER longer than it need be", 0, path)
    return int.from_bytes(body, "big")


def sequence_items(node: Node, path: str, least: int, most: int | None = None) -> tuple[Node, ...]:
    """The elements of a SEQUENCE of a legal count. Raises ParseError."""
    if node.tag != SEQUENCE:
        raise ParseError("no SEQUENCE", 0, path)
    count = len(node.children)
    if count < least or (most is not None and count > most):
        raise ParseError(f"{count} elements", 0, path)
    return node.children
