"""ZCL data types and the notation of fields: every value comes back, any octets are read or refused."""

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gbcs.errors import BuildError, ParseError
from gbcs.zcl.fieldlist import Field, Repeat, parse_fields, read_body
from gbcs.zcl.meanings import CODES, meaning, moment
from gbcs.zcl.types import (
    BY_NAME,
    ENTRY,
    LIST,
    MAX_DEPTH,
    OPAQUE,
    TYPED,
    TYPES,
    Elements,
    Node,
    octets_of,
    read_typed,
    read_value,
    type_name,
    write_value,
)
from tests.gbcs.zcl_trees import values
from tests.vectors import payloads_gbz

# type octet and octets, and what they say
KNOWN = [
    ("data16", "09 3412", 0x1234),
    ("boolean", "10 01", 1),
    ("boolean", "10 FF", 0xFF),
    ("bitmap32", "1B 08600000", 0x6008),
    ("uint8", "20 FF", 255),
    ("uint16", "21 3A03", 0x033A),
    ("uint24", "22 E80300", 1000),
    ("uint32", "23 804A371C", 0x1C374A80),
    ("uint40", "24 0100000001", 0x0100000001),
    ("uint48", "25 40420F000000", 1_000_000),
    ("uint56", "26 00000000000080", 1 << 55),
    ("uint64", "27 FEFFFFFFFFFFFFFF", 2**64 - 2),
    ("int8", "28 FF", -1),
    ("int16", "29 0080", -32768),
    ("int24", "2A FFFF7F", 0x7FFFFF),
    ("int32", "2B A0252600", 2_500_000),
    ("int40", "2C 0000000080", -(1 << 39)),
    ("int48", "2D FFFFFFFFFFFF", -1),
    ("int56", "2E FEFFFFFFFFFFFF", -2),
    ("int64", "2F 0000000000000080", -(1 << 63)),
    ("enum8", "30 8B", 0x8B),
    ("enum16", "31 0100", 1),
    ("semi-float", "38 003C", b"\x00\x3c"),
    ("octet-string", "41 02 0102", b"\x01\x02"),
    ("octet-string", "41 00", b""),
    ("octet-string", "41 FF", None),
    ("char-string", "42 02 6F6B", b"ok"),
    ("char-string", "42 FF", None),
    ("long-octet-string", "43 0200 0102", b"\x01\x02"),
    ("long-octet-string", "43 FFFF", None),
    ("long-char-string", "44 0000", b""),
    ("array", "48 20 0200 01 02", Elements(0x20, (Node(0x20, 1), Node(0x20, 2)))),
    ("array", "48 20 FFFF", Elements(0x20, None)),
    ("structure", "4C 0200 20 01 00", (Node(0x20, 1), Node(0x00, None))),
    ("structure", "4C FFFF", None),
    ("set", "50 21 0000", Elements(0x21, ())),
    ("bag", "51 30 0100 07", Elements(0x30, (Node(0x30, 7),))),
    ("time-of-day", "E0 17 3B 3B 63", bytes.fromhex("173B3B63")),
    ("date", "E1 73 01 1F FF", bytes.fromhex("73011FFF")),
    ("utc", "E2 804A371C", 473_385_600),
    ("cluster-id", "E8 0207", 0x0702),
    ("attribute-id", "E9 0203", 0x0302),
    ("ieee-address", "F0 01AB785634 12DB00", 0x00DB12345678AB01),
    ("key-128", "F1" + "00" * 16, bytes(16)),
    ("no-data", "00", None),
    ("unknown", "FF", None),
]


def check_place(error: ParseError, octets: bytes) -> None:
    """The error says where in the octets it is."""
    assert 0 <= error.offset <= len(octets)


@pytest.mark.parametrize(("name", "text", "value"), KNOWN)
def test_known_values(name: str, text: str, value: object) -> None:
    octets = bytes.fromhex(text)
    node = Node(TYPED, Node(BY_NAME[name].id, value))
    assert read_typed(octets, 0, len(octets)) == (node, len(octets))
    assert octets_of((node,)) == octets


def test_every_type_has_a_known_value_or_a_vector() -> None:
    written = {bytes.fromhex(text)[0] for text in payloads_gbz.TYPED.values()}
    assert TYPES.keys() <= written | {bytes.fromhex(text)[0] for _, text, _ in KNOWN} | {
        number + width
        for number in (0x07, 0x17)
        for width in range(1, 9)  # data and bitmap of any width
    }


@pytest.mark.parametrize("text", payloads_gbz.TYPED.values(), ids=payloads_gbz.TYPED.keys())
def test_a_value_that_is_cut_short(text: str) -> None:
    octets = bytes.fromhex(text)
    node, end = read_typed(octets, 0, len(octets))
    assert end == len(octets)
    for cut in range(len(octets)):
        if node.type == OPAQUE and cut > 3:
            continue  # how long it is nobody knows
        try:
            found, _ = read_typed(octets, 0, cut)
        except ParseError as error:
            check_place(error, octets[:cut])
        else:
            assert found.type == OPAQUE


@given(values)
def test_any_value_comes_back(value: Node) -> None:
    octets = octets_of((Node(TYPED, value),))
    assert read_typed(octets, 0, len(octets)) == (Node(TYPED, value), len(octets))
    out = bytearray()
    write_value(value, out)
    assert read_value(value.type, bytes(out), 0, len(out)) == (value, len(out))


@given(st.binary(max_size=60))
def test_any_octets_are_read_or_refused(octets: bytes) -> None:
    try:
        node, end = read_typed(octets, 0, len(octets))
    except ParseError as error:
        check_place(error, octets)
        return
    assert octets_of((node,)) == octets[:end]


def test_what_nobody_can_measure_is_opaque_up_to_the_end() -> None:
    for text in ("3F 0102", "48 3F 0000 07", "4C 0200 20 01 3F 07", "48 48 0100 3F 0000"):
        octets = bytes.fromhex(text)
        assert read_typed(octets, 0, len(octets)) == (Node(OPAQUE, octets), len(octets))
    with pytest.raises(ParseError):
        read_value(0x3F, b"\x01", 0, 1)


@pytest.mark.parametrize("text", ["", "48 00 0100", "48 FF 0000", "4C 0100", "41 05 01", "43 01", "48 20 01"])
def test_what_is_no_value(text: str) -> None:
    octets = bytes.fromhex(text)
    with pytest.raises(ParseError):
        read_typed(octets, 0, len(octets))


def test_nesting_has_an_end() -> None:
    deep = bytes.fromhex("4C0100") * MAX_DEPTH + b"\x20\x07"
    node, _ = read_typed(deep, 0, len(deep))
    assert octets_of((node,)) == deep
    with pytest.raises(ParseError):
        read_typed(b"\x4c\x01\x00" + deep, 0, 3 + len(deep))


def test_a_value_ends_where_its_part_of_the_buffer_ends() -> None:
    with pytest.raises(ParseError):
        read_value(BY_NAME["uint32"].id, bytes(8), 0, 3)
    with pytest.raises(ParseError):
        read_value(BY_NAME["octet-string"].id, b"\x03" + bytes(8), 0, 3)


@pytest.mark.parametrize(
    "node",
    [
        Node(0x20, 256),
        Node(0x20, -1),
        Node(0x2B, 2**31),
        Node(0x22, 2**24),
        Node(0xE1, b"\x00"),
        Node(0x41, bytes(255)),
        Node(0x42, bytes(256)),
        Node(0x43, bytes(65535)),
        Node(0x48, Elements(0x20, (Node(0x21, 1),))),
        Node(0x48, Elements(0x20, (Node(0x20, 1),) * 65535)),
        Node(0x4C, (Node(0x20, 256),)),
        Node(TYPED, Node(LIST, ())),
    ],
)
def test_what_cannot_be_written(node: Node) -> None:
    with pytest.raises(BuildError) as caught:
        octets_of((node,))
    assert caught.value.path.startswith("fields[0]")


def test_names_of_types() -> None:
    assert type_name(0x25) == "uint48"
    assert type_name(LIST) == "list"
    assert type_name(0x3F) == "3F"
    assert len(BY_NAME) == len(TYPES)


FIELDS = parse_fields("A:uint8, B:utc, C:octet-string, N:uint8, E[N&0F]{X:uint16, Y:int8}, S[]{Z:uint24}")


def test_fields_are_read_in_order() -> None:
    octets = bytes.fromhex("07 01000000 02AABB 12 0100 FF 0200 FE 030000 040000")
    assert read_body(FIELDS, octets, 0, len(octets)) == (
        Node(0x20, 7),
        Node(0xE2, 1),
        Node(0x41, b"\xaa\xbb"),
        Node(0x20, 0x12),
        Node(
            LIST, (Node(ENTRY, (Node(0x21, 1), Node(0x28, -1))), Node(ENTRY, (Node(0x21, 2), Node(0x28, -2))))
        ),
        Node(LIST, (Node(0x22, 3), Node(0x22, 4))),
    )
    assert FIELDS.names() == ["A", "B", "C", "N", "E", "E.X", "E.Y", "S", "S.Z"]


@pytest.mark.parametrize(
    ("text", "path", "offset"),
    [
        ("", "A", 0),
        ("07 0100", "B", 1),
        ("07 01000000", "C", 5),
        ("07 01000000 02AA", "C", 6),
        ("07 01000000 00 01", "E[0].X", 7),
        ("07 01000000 00 02 0100 FF 0200", "E[1].Y", 12),
        ("07 01000000 00 00 030000 0400", "S[1].Z", 10),
    ],
)
def test_where_fields_are_cut_short(text: str, path: str, offset: int) -> None:
    octets = bytes.fromhex(text)
    with pytest.raises(ParseError) as caught:
        read_body(FIELDS, octets, 0, len(octets))
    assert (caught.value.path, caught.value.offset) == (path, offset)


def test_conditions_and_what_may_be_absent() -> None:
    fields = parse_fields("T:enum8, when T=6, A:uint8, ?B:uint8, ?C:octet-string, ?D:uint16")
    for text, nodes in (
        ("06 01", (Node(0x30, 6), Node(0x20, 1))),
        ("06 01 02", (Node(0x30, 6), Node(0x20, 1), Node(0x20, 2))),
        ("06 01 02 01FF", (Node(0x30, 6), Node(0x20, 1), Node(0x20, 2), Node(0x41, b"\xff"))),
        ("07 01 02", (Node(0x30, 7), Node(OPAQUE, b"\x01\x02"))),
        ("07", (Node(0x30, 7),)),
    ):
        octets = bytes.fromhex(text)
        assert read_body(fields, octets, 0, len(octets)) == nodes
    with pytest.raises(ParseError) as caught:
        read_body(fields, bytes.fromhex("06 01 02 00 05"), 0, 5)
    assert (caught.value.path, caught.value.offset) == ("D", 4)
    other = parse_fields("S:enum8, when S!=0, A:uint8")
    assert read_body(other, b"\x00", 0, 1) == (Node(0x30, 0),)
    assert read_body(other, b"\x01\x02", 0, 2) == (Node(0x30, 1), Node(0x20, 2))


def test_what_is_not_declared_is_opaque() -> None:
    assert read_body(None, b"\x01\x02", 0, 2) == (Node(OPAQUE, b"\x01\x02"),)
    assert read_body(None, b"", 0, 0) == ()
    assert read_body(parse_fields("A:uint8"), b"\x01\x02", 0, 2) == (Node(0x20, 1), Node(OPAQUE, b"\x02"))


@pytest.mark.parametrize(
    "text",
    ["A", "A:uint9", "A:uint8 B", "E[N]{X:uint8}", "when A=1, B:uint8", "A:uint8, E[]{", "A:uint8,,B:uint8"],
)
def test_what_is_no_notation(text: str) -> None:
    with pytest.raises(BuildError):
        parse_fields(text)


def test_equal_notations_are_one_object() -> None:
    assert parse_fields("A:uint8") is parse_fields("A:uint8")
    first, second = parse_fields("A:uint8@status, E[]{X:typed}").elements
    assert first == Field("A", 0x20, False, "status")
    assert isinstance(second, Repeat)
    assert second.single


def test_meanings() -> None:
    assert meaning(0x30, 0x8B, "status") == "NOT_FOUND"
    assert meaning(0x30, 0x55, "status") is None
    assert meaning(0x1B, 0x6008, "snapshot-cause") == (
        "change of tariff information, change of supplier, change of meter mode"
    )
    assert meaning(0x1B, 0, "snapshot-cause") is None
    assert meaning(0x18, 0x1B, "event-configuration") == "log, alert to WAN, alert to HAN"
    assert meaning(0xE2, 473_385_600) == moment(473_385_600) == "2015-01-01T00:00:00Z"
    assert [moment(seconds) for seconds in (0, 0xFFFFFFFE, 0xFFFFFFFF)] == [None] * 3
    assert meaning(0xE1, bytes.fromhex("7309 17 FF")) == "2015-09-23"
    assert meaning(0xE1, bytes.fromhex("FFFF FF 03")) == "*-*-* weekday 3"
    assert meaning(0xE1, bytes.fromhex("FFFD FE FF")) == "*-FD-FE"
    assert meaning(0x41, b"1234") == "1234"
    assert meaning(0x41, b"12\n") is None
    assert meaning(0x41, b"") is None
    assert meaning(0x20, 5) is None
    assert all(len(set(names.values())) == len(names) for names in CODES.values())


@pytest.mark.parametrize("count", [10_000, pytest.param(1_000_000, marks=pytest.mark.long)])
def test_arbitrary_octets(count: int) -> None:
    """Invariant: octets are read as they are, or refused with an error of ours."""
    random, read = Random(9), 0
    kinds = tuple(TYPES)
    for _ in range(count):
        octets = bytes((random.choice(kinds),)) + random.randbytes(random.randrange(40))
        try:
            node, end = read_typed(octets, 0, len(octets))
        except ParseError as error:
            check_place(error, octets)
            continue
        read += 1
        assert octets_of((node,)) == octets[:end]
    assert count * 0.5 < read < count
