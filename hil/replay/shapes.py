"""The type tree of DLMS data: tags, counts of structures, lengths of bit-strings; never values.

The elements of an array have one shape, within a tree as well as between two trees. An
empty array has no element shape, so it agrees with any: what the object table declares
decides there, and where it fixes the length of a string.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from gbcs.dlms.axdr import Data, Tag, TypeDescription
from gbcs.dlms.types import (
    Array,
    Bits,
    Boolean,
    Compact,
    Null,
    Number,
    Octets,
    OneOf,
    Structure,
    Text,
    WireType,
)


class Shape(NamedTuple):
    """The shape of one node. `element` is None for an array without elements."""

    tag: int
    bits: int = 0
    items: tuple[Shape, ...] = ()
    element: Shape | None = None
    description: TypeDescription | None = None


def shape_of(data: Data, path: str, found: list[str]) -> Shape:
    """The shape of a tree; appends to `found` where array elements are not like each other."""
    tag, value = data.tag, data.value
    if tag == Tag.STRUCTURE:
        return Shape(
            tag, items=tuple(shape_of(node, f"{path}[{index}]", found) for index, node in enumerate(value))
        )
    if tag == Tag.ARRAY:
        element: Shape | None = None
        for index, node in enumerate(value):
            here = f"{path}[{index}]"
            shape = shape_of(node, here, found)
            element = shape if element is None else agreed(element, shape, here, found)
        return Shape(tag, element=element)
    if tag == Tag.COMPACT_ARRAY:
        return Shape(tag, description=value.description)
    return Shape(tag, bits=value.bits if tag == Tag.BIT_STRING else 0)


def agreed(wanted: Shape, given: Shape, path: str, found: list[str]) -> Shape:
    """The shape both have; appends to `found` where they differ."""
    if wanted.tag != given.tag:
        found.append(f"{path}: {type_name(wanted.tag)} expected, {type_name(given.tag)} given")
    elif wanted.description != given.description:
        found.append(f"{path}: another compact-array type description")
    elif wanted.bits != given.bits:
        found.append(f"{path}: {wanted.bits} bits expected, {given.bits} given")
    elif len(wanted.items) != len(given.items):
        found.append(f"{path}: {len(wanted.items)} elements expected, {len(given.items)} given")
    elif wanted.items:
        items = (
            agreed(left, right, f"{path}[{index}]", found)
            for index, (left, right) in enumerate(zip(wanted.items, given.items, strict=True))
        )
        return wanted._replace(items=tuple(items))
    elif wanted.element is None or given.element is None:
        return wanted if given.element is None else given
    else:
        return wanted._replace(element=agreed(wanted.element, given.element, f"{path}[]", found))
    return wanted


def undeclared(wire: WireType, data: Data, path: str) -> Iterator[str]:
    """Where a tree is not of the declared type: tags, counts of structures, fixed lengths.

    Ranges of numbers, lengths that may vary and counts of arrays are not looked at.
    """
    if isinstance(wire, OneOf):
        options = [list(undeclared(option, data, path)) for option in wire.options]
        yield from min(options, key=lambda faults: (_is_top(faults, path), len(faults)))
        return
    tag = _tag(wire)
    if data.tag != tag:
        yield f"{path}: {type_name(tag)} declared, {type_name(data.tag)} found"
    elif isinstance(wire, Structure):
        if len(data.value) != len(wire.items):
            yield f"{path}: {len(wire.items)} elements declared, {len(data.value)} found"
            return
        for index, (item, node) in enumerate(zip(wire.items, data.value, strict=True)):
            yield from undeclared(item, node, f"{path}[{index}]")
    elif isinstance(wire, Array):
        for index, node in enumerate(data.value):
            yield from undeclared(wire.item, node, f"{path}[{index}]")
    elif isinstance(wire, Compact):
        if data.value.description != wire.description():
            yield f"{path}: entries declared as {wire.item.text}"
            return
        for index, node in enumerate(data.value.entries):
            yield from undeclared(wire.item, node, f"{path}[{index}]")
    elif isinstance(wire, Octets | Text | Bits) and wire.lo == wire.hi:
        bits = isinstance(wire, Bits)
        size = data.value.bits if bits else len(data.value)
        if size != wire.lo:
            yield f"{path}: {wire.lo} {'bits' if bits else 'octets'} declared, {size} found"


def type_name(tag: int) -> str:
    """The name of a data type."""
    return Tag(tag).spec_name


def _is_top(faults: list[str], path: str) -> bool:
    """Whether nothing fits; an option that fits at the top is the one that was meant."""
    return any(fault.startswith(f"{path}: ") for fault in faults)


def _tag(wire: WireType) -> int:
    if isinstance(wire, Number | Text):
        return wire.tag
    return int(_TAGS[type(wire)])


_TAGS: dict[type[WireType], Tag] = {
    Null: Tag.NULL,
    Boolean: Tag.BOOLEAN,
    Octets: Tag.OCTET_STRING,
    Bits: Tag.BIT_STRING,
    Structure: Tag.STRUCTURE,
    Array: Tag.ARRAY,
    Compact: Tag.COMPACT_ARRAY,
}
