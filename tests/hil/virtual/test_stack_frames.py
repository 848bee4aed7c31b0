"""The frame layouts and their security: round trips, published vectors, and refusals."""

import contextlib
import random

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESCCM

from gbcs.errors import BuildError, GbcsError, ParseError, SecurityError
from hil.virtual.aps_frames import ApsHeader, ApsType, Block, Delivery
from hil.virtual.mac_frames import Beacon, MacAddress, MacFrame, MacType, ack, with_fcs
from hil.virtual.nwk_frames import NwkFrame, NwkType
from hil.virtual.security import Auxiliary, KeyKind, open_sealed, protect
from hil.virtual.state import Persistent

SHORT = MacAddress(0x1A62, 0x1234)
LONG = MacAddress(0x1A62, 0x00DB123456780001, True)
OTHER = MacAddress(0xFFFF, 0x00DB123456780002, True)


@pytest.mark.parametrize("source", [None, SHORT, LONG, OTHER])
@pytest.mark.parametrize("destination", [None, SHORT, LONG, OTHER])
@pytest.mark.parametrize("payload", [b"", b"\x00", bytes(range(90))])
def test_mac_frames(destination: MacAddress | None, source: MacAddress | None, payload: bytes) -> None:
    frame = MacFrame(MacType.DATA, destination, source, payload, 0x5A, True, True)
    assert MacFrame.parse(frame.octets()) == frame


def test_mac_frames_by_hand() -> None:
    assert ack(0x42, False) == with_fcs(bytes.fromhex("020042"))
    # The FCS of an acknowledgement with sequence number 0x56, as the standard's CRC gives it
    assert with_fcs(bytes.fromhex("020056")).hex() == "020056" + _crc(bytes.fromhex("020056"))
    request = MacFrame(MacType.COMMAND, MacAddress(0xFFFF, 0xFFFF), None, b"\x07", 1)
    assert request.octets()[:-2].hex() == "030801ffffffff07"
    beacon = Beacon(0x0102030405060708, True, True, True, True, 0, 2, 3)
    assert beacon.octets().hex() == "ffcf0000" + "00" + "2284" + "0807060504030201" + "ffffff" + "03"
    assert Beacon.parse(beacon.octets()) == beacon


def _crc(octets: bytes) -> str:
    """The polynomial by hand, bit by bit."""
    crc = 0
    for octet in octets:
        crc ^= octet
        for _ in range(8):
            crc = crc >> 1 ^ 0x8408 if crc & 1 else crc >> 1
    return crc.to_bytes(2, "little").hex()


def test_mac_frames_that_are_none() -> None:
    with pytest.raises(BuildError):
        MacFrame(MacType.DATA, SHORT, SHORT, bytes(120)).octets()
    short = with_fcs(b"\x61\x88")
    for octets in (b"", b"\x01", bytes(200), ack(1, False)[:-1], short, with_fcs(b"\x09\x00\x01")):
        with pytest.raises(ParseError):
            MacFrame.parse(octets)


NWK = [
    NwkFrame(NwkType.DATA, 0, 0x1234, 30, 7, b""),
    NwkFrame(NwkType.COMMAND, 0xFFFC, 0, 1, 255, b"", secured=False, discover_route=True),
    NwkFrame(NwkType.DATA, 1, 2, 3, 4, b"", destination_eui64=LONG.value, source_eui64=OTHER.value),
    NwkFrame(NwkType.DATA, 1, 2, 3, 4, b"", relays=(5, 6, 7), relay_index=1),
]


@pytest.mark.parametrize("frame", NWK)
def test_nwk_headers(frame: NwkFrame) -> None:
    header = frame.header()
    assert NwkFrame.parse(header + b"rest") == (frame, len(header))
    for length in range(len(header)):
        with pytest.raises(ParseError):
            NwkFrame.parse(header[:length])


APS = [
    ApsHeader(ApsType.DATA, Delivery.UNICAST, 9, 1, 0, 0x0704, 0x0109, 2, True, True),
    ApsHeader(ApsType.DATA, Delivery.GROUP, 9, 0, 0x4321, 0x0704, 0x0109, 2),
    ApsHeader(ApsType.DATA, Delivery.BROADCAST, 9, 255, 0, 0x0704, 0x0109, 2),
    ApsHeader(ApsType.ACK, Delivery.UNICAST, 9, 1, 0, 0x0704, 0x0109, 2, block=Block(True, 0, 0xFF)),
    ApsHeader(ApsType.DATA, Delivery.UNICAST, 9, 1, 0, 6, 0x0109, 2, block=Block(False, 3)),
    ApsHeader(ApsType.COMMAND, counter=200, secured=True),
]


@pytest.mark.parametrize("header", APS)
def test_aps_headers(header: ApsHeader) -> None:
    octets = header.octets()
    assert ApsHeader.parse(octets + b"rest") == (header, len(octets))
    for length in range(len(octets)):
        with pytest.raises(ParseError):
            ApsHeader.parse(octets[:length])


@pytest.mark.parametrize("seed", range(200))
def test_arbitrary_headers_raise_only_our_errors(seed: int) -> None:
    octets = random.Random(seed).randbytes(seed % 40)
    parsers = (NwkFrame.parse, ApsHeader.parse, MacFrame.parse, Beacon.parse)
    for parse in (*parsers, lambda given: Auxiliary.parse(given, 0)):
        with contextlib.suppress(GbcsError):
            parse(octets)


def test_ccm_star_by_the_published_example() -> None:
    """ZigBee specification (053474) annex C.3: nonce and cipher as this room puts them together."""
    auxiliary = Auxiliary(KeyKind.DATA, 0x03020100, 0xA7A6A5A4A3A2A1A0)
    nonce = auxiliary.nonce(0xA7A6A5A4A3A2A1A0)
    assert nonce.hex() == "a0a1a2a3a4a5a6a70001020325"
    nonce = bytes.fromhex("a0a1a2a3a4a5a6a70302010006")
    sealed = AESCCM(bytes(range(0xC0, 0xD0)), tag_length=8).encrypt(
        nonce, bytes(range(8, 31)), bytes(range(8))
    )
    assert sealed.hex() == "1a55a36abb6c610d066b3375649cef10d4664ecad854a80a895cc1d8ff9469"


@pytest.mark.parametrize("kind", list(KeyKind))
@pytest.mark.parametrize("extended", [True, False])
def test_security_opens_only_what_was_sealed(kind: KeyKind, extended: bool) -> None:
    key, header, source = bytes(range(16)), b"header", LONG.value
    auxiliary = Auxiliary(kind, 77, source if extended else None, 5 if kind is KeyKind.NETWORK else 0)
    octets = header + protect(key, header, auxiliary, source, b"payload")
    assert octets[6] & 7 == 0  # the level is not sent
    found, start = Auxiliary.parse(octets, len(header))
    assert found == auxiliary
    assert open_sealed(key, header, found, source, octets[start:]) == b"payload"
    with pytest.raises(SecurityError):
        open_sealed(key, b"Header", found, source, octets[start:])
    with pytest.raises(SecurityError):
        open_sealed(key, header, found, source + 1, octets[start:])
    with pytest.raises(SecurityError):
        open_sealed(bytes(16), header, found, source, octets[start:])
    with pytest.raises(ParseError):
        open_sealed(key, header, found, source, b"abc")
    for place in range(start, len(octets)):
        spoilt = bytearray(octets)
        spoilt[place] ^= 1
        with pytest.raises(SecurityError):
            open_sealed(key, header, found, source, bytes(spoilt[start:]))


@pytest.mark.parametrize("values", [{}, {"v": 2}, {"v": 1, "network": 5}, {"v": 1, "eui64": 1}])
def test_memory_that_is_none(values: dict[str, object]) -> None:
    with pytest.raises(BuildError):
        Persistent.load(values)
