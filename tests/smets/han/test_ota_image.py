"""What names an image, whom it is for, and what a damaged OTA file is taken for."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gbcs.errors import ParseError
from gbcs.ids import EntityId
from gbcs.ota import Element, HardwareRange, OtaFile, OtaHeader, begun_header, parse_ota
from smets.han.ota_image import ImageId, UpgradeImage, misfit

HERE = EntityId.parse("00-DB-12-34-56-78-90-A1")
THERE = EntityId.parse("00-DB-12-34-56-78-90-A2")
PLAIN = OtaHeader(0x1234, 0x0005, 0x01020304, 0, b"test")
FULL = replace(PLAIN, security_version=1, destination=HERE, hardware=HardwareRange(1, 0x0200))
FILE = OtaFile.build(FULL, (Element(0, b"image"), Element(1, b""))).octets()
HEADER = 69  # octets of FULL


def test_an_image_is_named_by_its_header() -> None:
    image = UpgradeImage.parse(FILE)
    assert image.id == ImageId(0x1234, 0x0005, 0x01020304)
    assert str(image.id) == "1234/0005/01020304"
    assert FILE.hex() not in repr(image)


def test_a_file_is_as_long_as_it_says() -> None:
    for wrong in (FILE[:-1], FILE + b"\0", b"", FILE[:HEADER]):
        with pytest.raises(ParseError):
            UpgradeImage.parse(wrong)


@pytest.mark.parametrize(
    ("header", "station", "hardware", "unstated", "fits"),
    [
        (PLAIN, HERE, None, False, True),
        (PLAIN, THERE, 7, False, True),
        (replace(PLAIN, destination=HERE), HERE, None, False, True),
        (replace(PLAIN, destination=HERE), THERE, None, False, False),
        (FULL, HERE, 0x0001, False, True),
        (FULL, HERE, 0x0200, False, True),
        (FULL, HERE, 0x0000, False, False),
        (FULL, HERE, 0x0201, True, False),
        (FULL, HERE, None, False, False),
        (FULL, HERE, None, True, True),
    ],
)
def test_whom_an_image_is_for(
    header: OtaHeader, station: EntityId, hardware: int | None, unstated: bool, fits: bool
) -> None:
    assert (misfit(header, station, hardware, unstated) == "") is fits


def test_a_header_that_comes_piece_by_piece() -> None:
    whole = OtaHeader.parse(FILE)[0]
    for length in range(len(FILE) + 1):
        assert begun_header(FILE[:length]) == (whole if length >= HEADER else None)


@given(st.binary(max_size=80))
def test_any_beginning_is_a_header_or_not(octets: bytes) -> None:
    try:
        found = begun_header(octets)
    except ParseError:
        return
    assert found is None or octets.startswith(found.octets())


def test_an_octet_changed_is_another_file_or_a_fault_with_its_place() -> None:
    """Nothing of a file goes unread: every change shows, where it is or in the field that counts it."""
    faults = []
    for place in range(len(FILE)):
        for bit in range(8):
            octets = bytearray(FILE)
            octets[place] ^= 1 << bit
            try:
                found = parse_ota(bytes(octets))
            except ParseError as error:
                faults.append(error)
            else:
                assert found.octets() == bytes(octets) != FILE
    assert len(faults) >= 8 * (4 + 2 + 4)  # identifier, header length, total size
    assert all(fault.path and fault.offset <= len(FILE) for fault in faults)


@given(st.data())
def test_a_file_cut_short_is_none(data: st.DataObject) -> None:
    length = data.draw(st.integers(0, len(FILE) - 1))
    with pytest.raises(ParseError):
        parse_ota(FILE[:length])
