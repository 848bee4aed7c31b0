"""The type tree of DLMS data: what is compared and what is not."""

import pytest

from gbcs.dlms.axdr import BitString, CompactArray, Data, Tag, TypeDescription, array, octet_string, structure
from gbcs.dlms.types import parse_type
from hil.replay.shapes import agreed, shape_of, undeclared


def u8(value: int) -> Data:
    return Data(int(Tag.UNSIGNED), value)


def u16(value: int) -> Data:
    return Data(int(Tag.LONG_UNSIGNED), value)


def bits(text: str) -> Data:
    return Data(int(Tag.BIT_STRING), BitString.of(text))


def compact(tag: Tag, *entries: Data) -> Data:
    return Data(int(Tag.COMPACT_ARRAY), CompactArray(TypeDescription(int(tag)), entries))


def differences(wanted: Data, given: Data) -> list[str]:
    found: list[str] = []
    left = shape_of(wanted, "ours", found)
    agreed(left, shape_of(given, "theirs", found), "data", found)
    return found


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (u8(1), u8(2)),
        (octet_string(b"a"), octet_string(b"bcd")),
        (array(), array(u8(1), u8(2))),
        (array(structure(array())), array(structure(array(u8(1))), structure(array()))),
        (compact(Tag.UNSIGNED), compact(Tag.UNSIGNED, u8(1))),
        (bits("101"), bits("010")),
    ],
)
def test_values_are_not_compared(one: Data, other: Data) -> None:
    assert differences(one, other) == []
    assert differences(other, one) == []


@pytest.mark.parametrize(
    ("one", "other", "path"),
    [
        (u8(1), u16(1), "data"),
        (structure(u8(1)), structure(u8(1), u8(1)), "data"),
        (structure(u8(1), u8(1)), structure(u8(1), u16(1)), "data[1]"),
        (structure(), array(), "data"),
        (array(u8(1)), array(u16(1)), "data[]"),
        (bits("101"), bits("1010"), "data"),
        (compact(Tag.UNSIGNED), compact(Tag.LONG_UNSIGNED), "data"),
        # the second element of one says what the empty array in the other's first is
        (array(array(), array(u8(1))), array(array(u16(1))), "data[][]"),
    ],
)
def test_types_are_compared(one: Data, other: Data, path: str) -> None:
    for found in (differences(one, other), differences(other, one)):
        assert [text.split(":")[0] for text in found] == [path]


def test_the_elements_of_an_array_are_like_each_other() -> None:
    assert differences(array(u8(1), u8(2), u16(3)), array()) == [
        "ours[2]: unsigned expected, long-unsigned given"
    ]
    assert differences(array(), array(structure(u8(1)), structure())) == [
        "theirs[1]: 1 elements expected, 0 given"
    ]


@pytest.mark.parametrize(
    ("notation", "data"),
    [
        ("u8", u8(1)),
        ("arr(u8,2)", array()),
        ("oct(0..3)", octet_string(b"longer than that")),
        ("oct(2)", octet_string(b"ab")),
        ("oct(2)|oct(3)", octet_string(b"abc")),
        ("null|struct(u8,arr(oct(1)))", structure(u8(1), array(octet_string(b"a")))),
        ("compact(u8,0..1)", compact(Tag.UNSIGNED, u8(1), u8(2))),
    ],
)
def test_ranges_and_counts_of_arrays_are_not_declared(notation: str, data: Data) -> None:
    assert list(undeclared(parse_type(notation), data, "x")) == []


@pytest.mark.parametrize(
    ("notation", "data", "fault"),
    [
        ("u8", u16(1), "x: unsigned declared, long-unsigned found"),
        ("arr(u8)", array(u8(1), u16(1)), "x[1]: unsigned declared, long-unsigned found"),
        ("struct(u8,u8)", structure(u8(1)), "x: 2 elements declared, 1 found"),
        ("oct(2)", octet_string(b"abc"), "x: 2 octets declared, 3 found"),
        ("bits(7)", bits("11111111"), "x: 7 bits declared, 8 found"),
        ("compact(u16)", compact(Tag.UNSIGNED), "x: entries declared as u16"),
        ("compact(oct(1))", compact(Tag.OCTET_STRING, octet_string(b"")), "x[0]: 1 octets declared, 0 found"),
        ("u8|struct(u8,oct(1))", structure(u8(1), octet_string(b"")), "x[1]: 1 octets declared, 0 found"),
    ],
)
def test_what_the_table_declares_is_held(notation: str, data: Data, fault: str) -> None:
    assert list(undeclared(parse_type(notation), data, "x")) == [fault]
