"""A-XDR data and APDUs: every tree comes back, every octet string is read or refused."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gbcs.dlms.apdu import (
    AccessRequest,
    AccessResponse,
    DataNotification,
    Fault,
    RequestItem,
    ResponseItem,
    invoke_id,
    parse_apdu,
)
from gbcs.dlms.axdr import (
    MAX_DEPTH,
    NULL,
    BitString,
    CompactArray,
    Data,
    Tag,
    TypeDescription,
    array,
    data_octets,
    number,
    octet_string,
    read_data,
    structure,
)
from gbcs.dlms.fields import Renderer, build_node
from gbcs.errors import BuildError, ParseError
from tests.gbcs.trees import trees
from tests.vectors.make import APDUS, DATA

LN = bytes.fromhex("0000600101FF")


def read(text: str) -> Data:
    octets = bytes.fromhex(text)
    data, end = read_data(octets)
    assert end == len(octets)
    return data


def canonical(data: Data) -> Data:
    """The tree as it is read: a form says nothing where it is the usual one."""
    return read_data(data_octets(data))[0]


@pytest.mark.parametrize("text", DATA.values(), ids=DATA.keys())
def test_each_datum_comes_back(text: str) -> None:
    octets = bytes.fromhex(text)
    data = read(text)
    assert data_octets(data) == octets
    for cut in range(len(octets)):
        with pytest.raises(ParseError) as caught:
            read_data(octets[:cut])
        assert 0 <= caught.value.offset <= cut
    assert build_node(Renderer().node(data), "data") == data


@given(trees)
def test_trees_come_back(tree: Data) -> None:
    """Invariant: what is written is read back, by octets and by fields."""
    octets = data_octets(tree)
    data, end = read_data(b"\xee" + octets + b"\xee", 1)
    assert end == 1 + len(octets)
    assert data == tree
    assert build_node(Renderer().node(tree), "data") == tree


@given(st.binary(max_size=60), st.sampled_from((b"", b"\x01", b"\x02", b"\x13", b"\x13\x01", b"\x13\x02")))
def test_arbitrary_octets(noise: bytes, start: bytes) -> None:
    """Invariant: octets are a datum that comes back, or raise ParseError and nothing else."""
    octets = start + noise
    try:
        data, end = read_data(octets)
    except ParseError:
        return
    assert data_octets(data) == octets[:end]
    assert build_node(Renderer().node(data), "data") == data


@given(trees, st.integers(0, 2**32 - 1), st.sampled_from((b"", bytes(12))))
def test_apdus_come_back(tree: Data, invoke: int, date_time: bytes) -> None:
    """Invariant: an APDU with any datum is read back."""
    forms = (("specifications", 3), ("data", 4))
    items = (
        RequestItem(1, 1, LN, 2, tree),
        RequestItem(4, 7, LN, 2, NULL, 2, tree),
    )
    answers = (ResponseItem(1, 0, tree), ResponseItem(3, 250, NULL))
    for apdu in (
        AccessRequest(invoke, items, date_time, forms),
        AccessResponse(invoke, answers, date_time, forms[::-1]),
        DataNotification(invoke, tree, date_time),
    ):
        assert parse_apdu(apdu.octets()) == apdu


@given(st.binary(max_size=60), st.sampled_from((0xD9, 0xDA, 0x0F, 0x00)))
def test_arbitrary_apdus(noise: bytes, tag: int) -> None:
    """Invariant: octets are an APDU that comes back, or raise ParseError and nothing else."""
    octets = bytes((tag, 0x20, 0, 0, 1, 0)) + noise
    try:
        apdu = parse_apdu(octets)
    except ParseError as error:
        if not 0 <= error.offset <= len(octets):
            raise
        return
    assert apdu.octets() == octets


@pytest.mark.parametrize(
    ("text", "data"),
    [
        ("0301", Data(3, True, 1)),
        ("03FF", Data(3, True)),
        ("0403FF", Data(4, BitString(3, b"\xff"))),
        ("14FFFFFFFFFFFFFFFE", Data(0x14, -2)),
        ("098103010203", Data(9, b"\1\2\3", 2)),
        ("0200", structure()),
        ("018100", Data(1, (), 2)),
        ("0182 0000", Data(1, (), 3)),
        (
            "13 02 02 12 01 0002 0F 04 0001 FF 02",
            Data(
                0x13,
                CompactArray(
                    TypeDescription(
                        2, 0, (TypeDescription(0x12), TypeDescription(1, 2, (TypeDescription(0x0F),)))
                    ),
                    (structure(Data(0x12, 1), array(Data(0x0F, -1), Data(0x0F, 2))),),
                ),
            ),
        ),
    ],
)
def test_what_is_read(text: str, data: Data) -> None:
    assert read(text) == data


@pytest.mark.parametrize(
    ("text", "offset", "reason"),
    [
        ("", 0, "tag is missing"),
        ("07", 0, "07 is no data tag"),
        ("FF", 0, "FF is no data tag"),
        ("0902FF", 2, "cut short"),
        ("0980", 1, "80 is not used"),
        ("098201", 1, "cut short"),
        ("0105", 2, "5 elements cannot be"),
        ("0101" * MAX_DEPTH + "0100", 2 * MAX_DEPTH + 1, "nested deeper"),
        ("1300", 1, "00 is no element type"),
        ("1313", 1, "13 is no element type"),
        ("13010000" + "1100", 1, "without octets"),
        ("130200" + "00", 1, "without octets"),
        ("13 02 8101 11 01 05", 2, "longer than it need be"),
        ("13 0205 11", 3, "5 types cannot be"),
        ("13 01 0001", 4, "a type tag is missing"),
        ("13 01 00", 2, "count is cut short"),
        ("13 12 03 000102", 5, "cut short"),
        ("13 12 04 0001", 3, "cut short"),
        ("13" + "010001" * (MAX_DEPTH + 2) + "1100", 1 + 3 * MAX_DEPTH, "nested deeper"),
    ],
)
def test_what_is_refused(text: str, offset: int, reason: str) -> None:
    with pytest.raises(ParseError) as caught:
        read(text)
    assert reason in caught.value.reason
    assert caught.value.offset == offset


def test_the_path_leads_to_the_fault() -> None:
    with pytest.raises(ParseError) as caught:
        read("02 02 11 01 01 02 00 07")
    assert caught.value.path == "data[1][1]"
    assert caught.value.offset == 7
    with pytest.raises(BuildError) as refused:
        data_octets(structure(NULL, array(NULL, number(Tag.UNSIGNED, 256))))
    assert refused.value.path == "data[1][1]"


@pytest.mark.parametrize(
    "data",
    [
        number(Tag.UNSIGNED, -1),
        number(Tag.LONG64, 2**63),
        Data(9, b"\1\2\3", 1),
        Data(9, bytes(256), 2),
        Data(9, b"", 128),
        Data(4, BitString(9, b"\1")),
        Data(0x17, b"\1"),
        Data(0x07, None),
        Data(0x13, CompactArray(TypeDescription(9), (number(Tag.ENUM, 1),))),
        Data(0x13, CompactArray(TypeDescription(1, 2, (TypeDescription(9),)), (array(octet_string(b"")),))),
    ],
)
def test_what_cannot_be_written(data: Data) -> None:
    with pytest.raises(BuildError):
        data_octets(data)


@pytest.mark.parametrize("text", APDUS.values(), ids=APDUS.keys())
def test_each_apdu_comes_back(text: str) -> None:
    octets = bytes.fromhex(text)
    apdu = parse_apdu(octets)
    assert apdu.octets() == octets
    for cut in range(len(octets)):
        with pytest.raises(ParseError):
            parse_apdu(octets[:cut])
    with pytest.raises(ParseError, match="1 octets left over"):
        parse_apdu(octets + b"\0")


@pytest.mark.parametrize(
    ("text", "offset", "path"),
    [
        ("D8 00000000 00", 0, "apdu"),
        ("D9 00000000 01 00 00 00", 5, "apdu.date-time"),
        ("D9 00000000 0C 00", 5, "apdu.date-time"),
        ("D9 00000000 00 01 06 0001 0000600101FF 02 01 00", 7, "items[0].choice"),
        ("D9 00000000 00 01 00 0001 0000600101FF 02 01 00", 7, "items[0].choice"),
        ("D9 00000000 00 01 01 0001 0000600101FF 02 02 00 00", 18, "access-request-list-of-data"),
        ("D9 00000000 00 7F 01 0001 0000600101FF 02 01 00", 7, "access-request-specification"),
        ("D9 00000000 00 01 04 0001 0000600101FF 02 02", 18, "items[0].selection"),
        ("D9 00000000 00 01 01 0001 0000600101FF 02 01 07", 18, "items[0].data"),
        ("DA 00000000 00 01 00 00", 6, "access-request-specification"),
        ("DA 00000000 00 00 01 00 02 01 00", 10, "access-response-specification"),
        ("DA 00000000 00 00 01 00 01 04 00", 10, "items[0].choice"),
        ("DA 00000000 00 00 01 0900 01 01", 11, "access-response-specification"),
    ],
)
def test_apdus_that_are_refused(text: str, offset: int, path: str) -> None:
    with pytest.raises(ParseError) as caught:
        parse_apdu(bytes.fromhex(text))
    assert caught.value.path == path
    assert caught.value.offset == offset


@pytest.mark.parametrize(
    ("make", "path"),
    [
        (lambda: AccessRequest(0, (RequestItem(4, 1, LN, 2, NULL),)), "items[0]"),
        (lambda: AccessRequest(0, (RequestItem(1, 1, LN, 2, NULL, 1, NULL),)), "items[0]"),
        (lambda: AccessRequest(0, (RequestItem(6, 1, LN, 2, NULL, 1, NULL),)), "items[0].choice"),
        (lambda: AccessRequest(0, (RequestItem(4, 1, LN, 2, NULL, 256, NULL),)), "items[0].selector"),
        (lambda: AccessRequest(0, (RequestItem(1, 65536, LN, 2, NULL),)), "access-request-specification"),
        (lambda: AccessRequest(0, (RequestItem(1, 1, LN[1:], 2, NULL),)), "logical_name"),
        (lambda: AccessRequest(0, (), forms=(("data", 1),)), "length_forms.data"),
        (lambda: AccessRequest(2**32, ()), "apdu"),
        (lambda: AccessRequest(0, (), bytes(11)), "date_time"),
        (lambda: AccessResponse(0, (ResponseItem(4, 0, NULL),)), "items[0]"),
        (lambda: AccessResponse(0, (ResponseItem(1, 256, NULL),)), "items[0]"),
        (lambda: DataNotification(0, number(Tag.ENUM, 256)), "body"),
    ],
)
def test_apdus_that_cannot_be_built(make: Callable[[], AccessRequest], path: str) -> None:
    with pytest.raises(BuildError) as caught:
        make().octets()
    assert caught.value.path == path


def test_the_fault_of_a_response() -> None:
    good, bad = ResponseItem(2, 0, NULL), ResponseItem(2, 3, NULL)
    assert AccessResponse(0, (good, bad, bad)).fault == Fault(1, 3)
    assert AccessResponse(0, (good,)).fault is None


def test_the_invoke_id_has_three_octets_of_the_counter() -> None:
    assert invoke_id(0x0000_0001_FE00_07D0) == 0x2000_07D0


def test_bits_as_text() -> None:
    assert BitString.of("101").octets == b"\xa0"
    assert BitString.of("").octets == b""
    assert BitString(9, b"\x00\xff").text == "000000001"


def test_canonical_forms() -> None:
    assert canonical(Data(9, bytes(200), 2)) == Data(9, bytes(200))
    assert canonical(Data(3, True, 255)) == Data(3, True)
