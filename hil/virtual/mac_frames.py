"""IEEE 802.15.4-2003 frames as ZigBee uses them: header, addresses, FCS, commands and the beacon.

Source: IEEE 802.15.4-2003 7.2 and 7.3; beacon payload: ZigBee specification (053474) 3.6.7.
"""

from __future__ import annotations

import binascii
from dataclasses import dataclass
from enum import IntEnum

from gbcs.errors import BuildError, ParseError
from gbcs.layout import Layout, const8, octets, u8, u16le, u64le

from .settings import MAX_MPDU

BROADCAST_PAN = 0xFFFF
BROADCAST = 0xFFFF
NO_SHORT = 0xFFFE  # "use the extended address"
FCS_LENGTH = 2

SECURITY = 0x0008
PENDING = 0x0010
ACK_REQUEST = 0x0020
COMPRESSION = 0x0040
TYPE_MASK = 0x0007
DESTINATION_SHIFT = 10
VERSION_SHIFT = 12
SOURCE_SHIFT = 14

HEADER = Layout("MAC header", u16le("frame control"), u8("sequence"))
PAN = Layout("MAC header", u16le("PAN"))
SHORT = Layout("MAC header", u16le("address"))
EXTENDED = Layout("MAC header", u64le("address"))
FCS = Layout("FCS", u16le("fcs"))
ASSOCIATION_RESPONSE = Layout("association response", u16le("short address"), u8("status"))
CAPABILITY = Layout("association request", u8("capability"))
BEACON = Layout(
    "beacon",
    u16le("superframe"),
    u8("GTS"),
    u8("pending addresses"),
    const8("protocol", 0),
    u16le("NWK information"),
    u64le("extended PAN id"),
    octets("tx offset", 3),
    u8("update id"),
)

SUPERFRAME = 0x0FFF  # no beacons of its own, CAP to the last slot
PAN_COORDINATOR = 0x4000
ASSOCIATION_PERMIT = 0x8000
ROUTER_CAPACITY = 0x0400
DEPTH_SHIFT = 11
END_DEVICE_CAPACITY = 0x8000
PROTOCOL_VERSION = 2
NO_TX_OFFSET = b"\xff\xff\xff"

FFD = 0x02
MAINS_POWER = 0x04
RX_ON_WHEN_IDLE = 0x08
ALLOCATE_ADDRESS = 0x80

_REVERSED = bytes(int(f"{n:08b}"[::-1], 2) for n in range(256))


class MacType(IntEnum):
    """Frame type."""

    BEACON = 0
    DATA = 1
    ACK = 2
    COMMAND = 3


class MacCommand(IntEnum):
    """Command frame identifier."""

    ASSOCIATION_REQUEST = 1
    ASSOCIATION_RESPONSE = 2
    DISASSOCIATION = 3
    DATA_REQUEST = 4
    PAN_ID_CONFLICT = 5
    ORPHAN = 6
    BEACON_REQUEST = 7
    REALIGNMENT = 8


class AssociationStatus(IntEnum):
    """Of an association response."""

    SUCCESS = 0
    PAN_AT_CAPACITY = 1
    ACCESS_DENIED = 2


class Mode(IntEnum):
    """Addressing mode."""

    NONE = 0
    SHORT = 2
    EXTENDED = 3


@dataclass(frozen=True, slots=True)
class MacAddress:
    """An address in a PAN: a short one of 16 bits, or an EUI-64."""

    pan: int
    value: int
    extended: bool = False

    @property
    def mode(self) -> Mode:
        """How it is written."""
        return Mode.EXTENDED if self.extended else Mode.SHORT

    def octets(self) -> bytes:
        """Without the PAN."""
        return (EXTENDED if self.extended else SHORT).pack(self.value)


@dataclass(frozen=True, slots=True)
class MacFrame:
    """A frame without its FCS."""

    kind: MacType
    destination: MacAddress | None
    source: MacAddress | None
    payload: bytes = b""
    sequence: int = 0
    ack_request: bool = False
    pending: bool = False

    def octets(self) -> bytes:
        """The MPDU with FCS. Raises BuildError."""
        control = int(self.kind)
        control |= (ACK_REQUEST if self.ack_request else 0) | (PENDING if self.pending else 0)
        body = b""
        same_pan = False
        if self.destination is not None:
            control |= self.destination.mode << DESTINATION_SHIFT
            body += PAN.pack(self.destination.pan) + self.destination.octets()
            same_pan = self.source is not None and self.source.pan == self.destination.pan
        if self.source is not None:
            control |= self.source.mode << SOURCE_SHIFT
            body += b"" if same_pan else PAN.pack(self.source.pan)
            body += self.source.octets()
        if same_pan:
            control |= COMPRESSION
        mpdu = with_fcs(HEADER.pack(control, self.sequence) + body + self.payload)
        if len(mpdu) > MAX_MPDU:
            raise BuildError(f"{len(mpdu)} octets, {MAX_MPDU} at most", "MPDU")
        return mpdu

    @classmethod
    def parse(cls, mpdu: bytes) -> MacFrame:
        """Read an MPDU with FCS. Raises ParseError."""
        if len(mpdu) > MAX_MPDU:
            raise ParseError(f"{len(mpdu)} octets", MAX_MPDU, "MPDU")
        if len(mpdu) < HEADER.size + FCS_LENGTH or with_fcs(mpdu[:-FCS_LENGTH]) != mpdu:
            raise ParseError("the FCS is wrong", max(0, len(mpdu) - FCS_LENGTH), "FCS")
        body = mpdu[:-FCS_LENGTH]
        control, sequence = HEADER.unpack(body)
        if control & SECURITY or control & TYPE_MASK > MacType.COMMAND or control >> VERSION_SHIFT & 3 > 1:
            raise ParseError("a kind of frame that ZigBee does not use", 0, "MAC header")
        offset = HEADER.size
        destination, offset = _address(body, offset, control >> DESTINATION_SHIFT & 3, None)
        known = destination.pan if control & COMPRESSION and destination is not None else None
        source, offset = _address(body, offset, control >> SOURCE_SHIFT & 3, known)
        return cls(
            MacType(control & TYPE_MASK),
            destination,
            source,
            body[offset:],
            sequence,
            bool(control & ACK_REQUEST),
            bool(control & PENDING),
        )


def _address(body: bytes, offset: int, mode: int, pan: int | None) -> tuple[MacAddress | None, int]:
    if mode == Mode.NONE:
        return None, offset
    if mode not in (Mode.SHORT, Mode.EXTENDED):
        raise ParseError("reserved addressing mode", 0, "MAC header")
    if pan is None:
        (pan,) = PAN.unpack(body, offset)
        offset += PAN.size
    layout = EXTENDED if mode == Mode.EXTENDED else SHORT
    (value,) = layout.unpack(body, offset)
    return MacAddress(pan, value, mode == Mode.EXTENDED), offset + layout.size


def with_fcs(body: bytes) -> bytes:
    """A frame and its FCS: the ITU-T CRC, least significant bit first."""
    crc = binascii.crc_hqx(body.translate(_REVERSED), 0)
    return body + bytes((_REVERSED[crc >> 8], _REVERSED[crc & 0xFF]))


def ack(sequence: int, pending: bool) -> bytes:
    """An acknowledgement, FCS included."""
    return MacFrame(MacType.ACK, None, None, b"", sequence, False, pending).octets()


@dataclass(frozen=True, slots=True)
class Beacon:
    """What a beacon of a ZigBee router or coordinator says, besides its addresses."""

    extended_pan_id: int
    coordinator: bool
    permit: bool
    router_capacity: bool
    end_device_capacity: bool
    depth: int = 0
    stack_profile: int = 2
    update_id: int = 0

    def octets(self) -> bytes:
        """The MAC payload."""
        superframe = SUPERFRAME | (PAN_COORDINATOR if self.coordinator else 0)
        superframe |= ASSOCIATION_PERMIT if self.permit else 0
        information = self.stack_profile | PROTOCOL_VERSION << 4 | min(self.depth, 15) << DEPTH_SHIFT
        information |= ROUTER_CAPACITY if self.router_capacity else 0
        information |= END_DEVICE_CAPACITY if self.end_device_capacity else 0
        return BEACON.pack(superframe, 0, 0, information, self.extended_pan_id, NO_TX_OFFSET, self.update_id)

    @classmethod
    def parse(cls, payload: bytes) -> Beacon:
        """Read a MAC payload. Raises ParseError, also for beacons of other networks than ZigBee PRO."""
        superframe, gts, pending, information, extended_pan_id, _, update_id = BEACON.unpack(payload)
        if gts or pending:
            raise ParseError("guaranteed slots or pending addresses", 2, "beacon")
        return cls(
            extended_pan_id,
            bool(superframe & PAN_COORDINATOR),
            bool(superframe & ASSOCIATION_PERMIT),
            bool(information & ROUTER_CAPACITY),
            bool(information & END_DEVICE_CAPACITY),
            information >> DEPTH_SHIFT & 0xF,
            information & 0xF,
            update_id,
        )
