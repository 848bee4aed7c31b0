"""Typed values straight from octets are those of the tree, whenever the octets are in their usual form."""

from __future__ import annotations

from random import Random
from struct import error as StructError
from typing import Any

import pytest

from gbcs.dlms.axdr import BitString, Data, Tag, data_octets, read_data
from gbcs.dlms.direct import Unusual, length, reader
from gbcs.dlms.named import named_value
from gbcs.dlms.types import TypeMismatch, parse_type
from gbcs.dlms.wire import WireType
from gbcs.errors import ParseError
from tests.gbcs import generated_dlms
from tests.gbcs.mutation import damaged

# every shape there is: fixed and free, tagged and in a compact-array, one within another
NOTATIONS = (
    "null",
    "bool",
    "bool@locked",
    "u8",
    "i16@millipence",
    "u64",
    "oct(4)",
    "oct(12)@date-time",
    "oct(0..4)",
    "oct(128)",
    "oct(0..70000)",
    "vis(0..22)",
    "vis(3)",
    "utf8",
    "bits(8)",
    "bits(0..20)",
    "arr(u8,3)",
    "arr(u8,0..300)",
    "arr(oct(0..3),0..3)",
    "arr(arr(u16,2),1..2)",
    "arr(u8,300)",
    "struct(a:u8,b:oct(2))",
    "struct(a:u8,b:oct(0..2),c:bool)",
    "struct(a:struct(b:i8),c:arr(u8,2))",
    "oct(0..1)|oct(8)",
    "null|u16",
    "struct(a:u8)|arr(u8,2)",
    "compact(struct(a:u8,b:oct(2)),0..9)",
    "compact(struct(a:u8,b:oct(0..4)),0..9)",
    "compact(u16,0..9)",
    "compact(oct(0..9),0..9)",
    "compact(bool,0..9)",
    "compact(struct(a:bool,b:u8),0..9)",
)


def by_tree(wire: WireType, octets: bytes) -> Any:
    """Value and end by way of the tree; None where it is not of the type or in no usual form."""
    try:
        data, end = read_data(octets)
        value = named_value(wire, data)
    except (ParseError, TypeMismatch):
        return None
    return (value, end) if usual(data) else None


def usual(data: Data) -> bool:
    if data.form:
        return False
    if data.tag in (Tag.ARRAY, Tag.STRUCTURE):
        return all(map(usual, data.value))
    if data.tag == Tag.COMPACT_ARRAY:
        return all(map(usual, data.value.entries))
    return data.tag != Tag.BIT_STRING or BitString.of(data.value.text) == data.value


def directly(wire: WireType, octets: bytes) -> Any:
    try:
        return reader(wire)(octets, 0)
    except (Unusual, IndexError, StructError):
        return None


@pytest.mark.parametrize("notation", NOTATIONS)
def test_right_values(notation: str) -> None:
    wire = parse_type(notation)
    random = Random(notation)
    for _ in range(30):
        octets = data_octets(wire.encode(generated_dlms.value(random, wire)))
        expected = by_tree(wire, octets)
        assert expected is not None
        found = directly(wire, octets)
        if found is None:  # what has no reader of its own is left to the tree
            assert "bool" in notation
            assert "compact" in notation
            continue
        assert (found, repr(found)) == (expected, repr(expected))


@pytest.mark.parametrize("notation", NOTATIONS)
def test_damaged_octets(notation: str) -> None:
    """Never another value than that of the tree, and never one where the tree has none."""
    wire = parse_type(notation)
    random = Random(notation)
    for _ in range(200):
        octets = data_octets(wire.encode(generated_dlms.value(random, wire)))
        octets = damaged(random, octets)
        found = directly(wire, octets)
        assert found is None or repr(found) == repr(by_tree(wire, octets)), octets.hex()


@pytest.mark.parametrize(
    ("size", "octets"),
    [
        (0, "00"),
        (127, "7F"),
        (128, "8180"),
        (255, "81FF"),
        (256, "820100"),
        (65535, "82FFFF"),
        (65536, "83010000"),
        (2**24 - 1, "83FFFFFF"),
    ],
)
def test_lengths_of_the_least_octets(size: int, octets: str) -> None:
    assert length(bytes.fromhex("AA" + octets), 1) == (size, 1 + len(octets) // 2)


@pytest.mark.parametrize(
    "octets", ["80", "817F", "8100", "8200FF", "820000", "8300FFFF", "83FFFF", "8400010000", "88", "FF"]
)
def test_other_lengths_are_unusual(octets: str) -> None:
    with pytest.raises(Unusual):
        length(bytes.fromhex(octets), 0)


@pytest.mark.parametrize("octets", ["", "81", "82", "8201"])
def test_lengths_cut_short(octets: str) -> None:
    with pytest.raises(IndexError):
        length(bytes.fromhex(octets), 0)
