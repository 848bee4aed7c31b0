"""The type notation, and the way between Data nodes and plain values."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gbcs.dlms.axdr import BitString, CompactArray, Data, TypeDescription, data_octets, read_data
from gbcs.dlms.types import MAX_LENGTH, Structure, TypeMismatch, Value, WireType, parse_type
from gbcs.errors import BuildError

SIMPLE = ["u8", "u16", "u32", "u64", "i8", "i16", "i32", "i64", "enum", "bool", "null"]


@pytest.mark.parametrize(
    ("text", "value", "octets"),
    [
        ("u16", 0x1234, "12 1234"),
        ("i8", -1, "0F FF"),
        ("i32", -2, "05 FFFFFFFE"),
        ("enum", 5, "16 05"),
        ("bool", True, "03 FF"),
        ("null", None, "00"),
        ("oct(0)", b"", "09 00"),
        ("oct(2..3)", b"ab", "09 02 6162"),
        ("vis(22)", "A" * 22, "0A 16" + "41" * 22),
        ("utf8", "é", "0C 02 C3A9"),
        ("bits(7)", "1111111", "04 07 FE"),
        ("bits(0..20)", "", "04 00"),
        ("struct(i8,unit:enum)", (0, 30), "02 02 0F 00 16 1E"),
        ("arr(u32,2)", (1, 2), "01 02 06 00000001 06 00000002"),
        ("arr(u8,0..3)", (), "01 00"),
        ("compact(struct(time:u32,u16,oct))", ((1, 2, b"x"),), "13 02 03 06 12 09 08 00000001 0002 01 78"),
        ("compact(arr(u8,2))", ((1, 2),), "13 01 0002 11 02 0102"),
    ],
)
def test_a_value_has_the_octets_of_its_type(text: str, value: Value, octets: str) -> None:
    wire = parse_type(text)
    data = wire.encode(value)
    assert data_octets(data) == bytes.fromhex(octets)
    assert wire.decode(read_data(bytes.fromhex(octets))[0]) == value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("u16", 0x10000),
        ("u16", -1),
        ("i8", 128),
        ("enum", 256),
        ("u8", True),
        ("u8", None),
        ("bool", 1),
        ("null", 0),
        ("oct(2)", b"abc"),
        ("oct(2)", "ab"),
        ("vis(1..2)", ""),
        ("vis", "é"),
        ("utf8(1)", "é"),
        ("bits(2)", "012"),
        ("bits(2)", "1x"),
        ("struct(u8,u8)", (1,)),
        ("arr(u8,2)", (1, 2, 3)),
        ("compact(u8,0..1)", (1, 2)),
    ],
)
def test_a_value_of_another_type_is_not_built(text: str, value: Value) -> None:
    wire = parse_type(text)
    assert not wire.fits(value)
    with pytest.raises(BuildError):
        wire.encode(value)


@pytest.mark.parametrize(
    ("text", "octets"),
    [
        ("u16", "11 01"),
        ("i8", "11 01"),
        ("enum", "11 01"),
        ("bool", "00"),
        ("null", "03 00"),
        ("oct(2)", "09 01 00"),
        ("oct(2)", "0A 02 4141"),
        ("vis", "0A 01 C3"),
        ("utf8", "0C 01 C3"),
        ("bits(7)", "04 08 FF"),
        ("struct(u8,u8)", "02 01 11 00"),
        ("struct(u8)", "01 01 11 00"),
        ("arr(u8,1..2)", "01 00"),
        ("arr(u8)", "01 01 12 0000"),
        ("compact(u8)", "13 12 00"),
        ("compact(u8,0..1)", "13 11 02 0102"),
    ],
)
def test_a_datum_of_another_type_is_a_mismatch(text: str, octets: str) -> None:
    data, end = read_data(bytes.fromhex(octets))
    assert end == len(bytes.fromhex(octets))
    with pytest.raises(TypeMismatch):
        parse_type(text).decode(data)


def test_any_octet_but_0_is_true() -> None:
    assert parse_type("bool").decode(read_data(b"\x03\x01")[0]) is True
    assert parse_type("bool").decode(read_data(b"\x03\x00")[0]) is False


def test_the_path_names_the_element() -> None:
    wire = parse_type("arr(struct(time:u32,struct(i8,code:u16)))")
    good = (1, (2, 3))
    with pytest.raises(BuildError) as built:
        wire.encode((good, (1, (2, -3))))
    assert built.value.path == "[1][1].code"
    data = wire.encode((good, good))
    wrong = Data(1, (data.value[0], Data(2, (Data(6, 1), Data(2, (Data(15, 2), Data(17, 3)))))))
    with pytest.raises(TypeMismatch) as read:
        wire.decode(wrong)
    assert read.value.path == "[1][1].code"
    assert str(read.value) == "[1][1].code: long-unsigned expected, unsigned given"
    with pytest.raises(TypeMismatch) as top:
        parse_type("u8").decode(Data(0, None))
    assert top.value.path == ""


def test_alternatives_take_the_first_that_fits_and_name_the_one_meant() -> None:
    wire = parse_type("oct(13)|oct(26)|u16")
    for value in (b"x" * 13, b"x" * 26, 7):
        assert wire.decode(wire.encode(value)) == value
    with pytest.raises(TypeMismatch, match="none of"):
        wire.decode(Data(9, b"x" * 14))
    nested = parse_type("null|struct(a:u8,b:struct(c:u8))")
    with pytest.raises(BuildError) as built:
        nested.encode((1, (300,)))
    assert built.value.path == "b.c"
    assert [choice.text for choice in wire.options] == ["oct(13)", "oct(26)", "u16"]
    assert parse_type("u8").options == (parse_type("u8"),)


def test_a_compact_array_keeps_its_description_when_empty() -> None:
    single = parse_type("compact(struct(u32,u32),0..9)")
    twin = parse_type("compact(struct(u32,u32,u32),0..9)")
    empty = twin.encode(())
    assert empty.value == CompactArray(TypeDescription(2, 0, (TypeDescription(6),) * 3), ())
    assert twin.description() == empty.value.description
    assert twin.decode(empty) == ()
    with pytest.raises(TypeMismatch, match="described"):
        single.decode(empty)


@pytest.mark.parametrize("text", ["null", "u8|u16", "arr(u8,0..3)", "compact(arr(u8))"])
def test_not_every_type_stands_in_a_compact_array(text: str) -> None:
    with pytest.raises(BuildError):
        parse_type(text).description()


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("i32", 0),
        ("bool", False),
        ("oct(3..9)", bytes(3)),
        ("vis(2)", "  "),
        ("bits(4)", "0000"),
        ("struct(u8,null,arr(u8,2..3))", (0, None, (0, 0))),
        ("compact(u8)", ()),
        ("enum|oct", 0),
    ],
)
def test_the_default_is_zero_of_least_length(text: str, value: Value) -> None:
    assert parse_type(text).default() == value


@pytest.mark.parametrize(
    "text",
    [
        "",
        "u7",
        "oct(",
        "oct(3..2)",
        "oct(x)",
        "struct()",
        "arr()",
        "arr(u8,)",
        "u8 u8",
        "u8|",
        "u8)",
        "oct(-1)",
    ],
)
def test_what_is_no_notation_is_refused(text: str) -> None:
    with pytest.raises(BuildError):
        parse_type(text)


def test_names_are_kept_and_the_parse_is_shared() -> None:
    wire = parse_type("struct( time : u32, code:u16 ,oct(1..) )")
    assert isinstance(wire, Structure)
    assert wire.names == ("time", "code", "")
    assert wire.text == "struct(time:u32,code:u16,oct(1..))"
    assert parse_type(wire.text) == wire
    assert parse_type(wire.text) is parse_type(wire.text)


lengths = st.tuples(st.integers(0, 3), st.integers(0, 3) | st.none())


def _range(text: tuple[int, int | None]) -> str:
    lo, more = text
    return f"{lo}.." if more is None else f"{lo}" if not more else f"{lo}..{lo + more}"


notations = st.recursive(
    st.sampled_from(SIMPLE)
    | st.builds(lambda n, r: f"{n}({_range(r)})", st.sampled_from(["oct", "vis", "utf8", "bits"]), lengths),
    lambda inner: (
        st.builds(lambda parts: f"struct({','.join(parts)})", st.lists(inner, min_size=1, max_size=3))
        | st.builds(lambda part, r: f"arr({part},{_range(r)})", inner, lengths)
        | st.builds(lambda a, b: f"{a}|{b}", inner, inner)
    ),
    max_leaves=6,
)


def values(wire: WireType) -> st.SearchStrategy[Value]:
    """Any value of a type."""
    kind = type(wire).__name__
    lo, hi = getattr(wire, "lo", 0), getattr(wire, "hi", 0)
    top = lo + 3 if hi == MAX_LENGTH else hi
    if kind == "Number":
        return st.integers(lo, hi)
    if kind == "Boolean":
        return st.booleans()
    if kind == "Octets":
        return st.binary(min_size=lo, max_size=top)
    if kind == "Text":
        return st.text("az09 ", min_size=lo, max_size=top)
    if kind == "Bits":
        return st.text("01", min_size=lo, max_size=top)
    if kind == "Array":
        return st.lists(values(wire.item), min_size=lo, max_size=top).map(tuple)  # type: ignore[attr-defined]
    if kind == "Structure":
        return st.tuples(*(values(item) for item in wire.items))  # type: ignore[attr-defined]
    if kind == "OneOf":
        return st.one_of(*(values(choice) for choice in wire.options))
    return st.none()


@given(notations, st.data())
def test_every_value_comes_back(text: str, data: st.DataObject) -> None:
    wire = parse_type(text)
    assert parse_type(wire.text) == wire
    value = data.draw(values(wire))
    octets = data_octets(wire.encode(value))
    node, end = read_data(octets)
    assert end == len(octets)
    decoded = wire.decode(node)
    assert data_octets(wire.encode(decoded)) == octets
    assert decoded == value
    assert wire.fits(wire.default())


@given(notations, st.binary(max_size=40))
def test_any_datum_decodes_or_is_a_mismatch(text: str, noise: bytes) -> None:
    """No other error leaves `decode`, whatever a peer sends."""
    wire = parse_type(text)
    for node in (Data(9, noise), Data(4, BitString(8 * len(noise), noise)), Data(10, noise), Data(12, noise)):
        for shape in (node, Data(1, (node, node)), Data(2, (node,))):
            try:
                value = wire.decode(shape)
            except TypeMismatch:
                continue
            assert wire.fits(value)
