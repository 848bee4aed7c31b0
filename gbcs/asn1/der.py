"""DER without declarations: tags, and octets to nodes and back with nothing lost.

For what compares or prints elements without knowing what they are called; payloads are
read by `codec`. Lengths longer than they need be are read and kept: answers of the reference
set have them (reference: gbcs-messages 8.0).
"""

from __future__ import annotations

from typing import NamedTuple

from ..errors import ParseError
from ..lengths import length_octets, read_length

MAX_DEPTH = 16  # ours: the deepest payload has 6 levels

INTEGER = 0x02
BIT_STRING = 0x03
OCTET_STRING = 0x04
NULL = 0x05
ENUMERATED = 0x0A
GENERALIZED_TIME = 0x18
SEQUENCE = 0x30
CONTEXT = 0x80  # class of an IMPLICIT tag [n]
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
