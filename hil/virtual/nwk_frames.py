"""ZigBee network layer frames: header, source route, commands.

Source: ZigBee specification (053474r20/r21) 3.3 and 3.4.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

from gbcs.errors import BuildError, ParseError
from gbcs.layout import Layout, u8, u16le, u64le

PROTOCOL_VERSION = 2
TYPE_MASK = 0x0003
VERSION_SHIFT = 2
DISCOVER_SHIFT = 6
MULTICAST = 0x0100
SECURITY = 0x0200
SOURCE_ROUTE = 0x0400
DESTINATION_EUI = 0x0800
SOURCE_EUI = 0x1000
MAX_RELAYS = 16

HEADER = Layout(
    "NWK header", u16le("frame control"), u16le("destination"), u16le("source"), u8("radius"), u8("sequence")
)
EUI = Layout("NWK header", u64le("EUI-64"))
ROUTE_HEAD = Layout("source route", u8("relay count"), u8("relay index"))
ID = Layout("node id", u16le("node id"))

ROUTE_REQUEST = Layout(
    "route request", u8("options"), u8("request id"), u16le("destination"), u8("path cost")
)
ROUTE_REPLY = Layout(
    "route reply", u8("options"), u8("request id"), u16le("originator"), u16le("responder"), u8("path cost")
)
NETWORK_STATUS = Layout("network status", u8("status"), u16le("destination"))
LEAVE = Layout("leave", u8("options"))
REJOIN_REQUEST = Layout("rejoin request", u8("capability"))
REJOIN_RESPONSE = Layout("rejoin response", u16le("node id"), u8("status"))
TIMEOUT_REQUEST = Layout("end device timeout request", u8("timeout"), u8("configuration"))
TIMEOUT_RESPONSE = Layout("end device timeout response", u8("status"), u8("parent information"))
LINK = Layout("link status", u16le("neighbour"), u8("cost"))

LEAVE_REJOIN = 0x20
LEAVE_REQUEST = 0x40
LEAVE_CHILDREN = 0x80
MANY_TO_ONE = 0x08  # with route record; 0x10 without
MANY_TO_ONE_MASK = 0x18
DATA_POLL_KEEPS_ALIVE = 0x01
LINKS_ALL = 0x60  # first and last frame of a link status
LINKS_COUNT = 0x1F


class NwkType(IntEnum):
    """Frame type."""

    DATA = 0
    COMMAND = 1
    INTERPAN = 3


class NwkCommand(IntEnum):
    """Command frame identifier."""

    ROUTE_REQUEST = 0x01
    ROUTE_REPLY = 0x02
    NETWORK_STATUS = 0x03
    LEAVE = 0x04
    ROUTE_RECORD = 0x05
    REJOIN_REQUEST = 0x06
    REJOIN_RESPONSE = 0x07
    LINK_STATUS = 0x08
    NETWORK_REPORT = 0x09
    NETWORK_UPDATE = 0x0A
    TIMEOUT_REQUEST = 0x0B
    TIMEOUT_RESPONSE = 0x0C


class NetworkStatus(IntEnum):
    """Codes of the network status command that this stack sends or acts on."""

    NO_ROUTE = 0x00
    TREE_LINK_FAILURE = 0x01
    NON_TREE_LINK_FAILURE = 0x02
    PARENT_LINK_FAILURE = 0x09
    SOURCE_ROUTE_FAILURE = 0x0B
    MANY_TO_ONE_ROUTE_FAILURE = 0x0C
    ADDRESS_CONFLICT = 0x0D


@dataclass(frozen=True, slots=True)
class NwkFrame:
    """A frame, its payload in the clear. `relays`: nearest to the destination first."""

    kind: NwkType
    destination: int
    source: int
    radius: int
    sequence: int
    payload: bytes
    secured: bool = True
    discover_route: bool = False
    destination_eui64: int | None = None
    source_eui64: int | None = None
    relays: tuple[int, ...] | None = None
    relay_index: int = 0

    def header(self) -> bytes:
        """The octets before the auxiliary header. Raises BuildError."""
        control = self.kind | PROTOCOL_VERSION << VERSION_SHIFT | int(self.discover_route) << DISCOVER_SHIFT
        control |= SECURITY if self.secured else 0
        tail = b""
        if self.destination_eui64 is not None:
            control |= DESTINATION_EUI
            tail += EUI.pack(self.destination_eui64)
        if self.source_eui64 is not None:
            control |= SOURCE_EUI
            tail += EUI.pack(self.source_eui64)
        if self.relays is not None:
            if len(self.relays) > MAX_RELAYS:
                raise BuildError(f"{len(self.relays)} relays", "source route")
            control |= SOURCE_ROUTE
            tail += ROUTE_HEAD.pack(len(self.relays), self.relay_index)
            tail += b"".join(ID.pack(relay) for relay in self.relays)
        return HEADER.pack(control, self.destination, self.source, self.radius, self.sequence) + tail

    @classmethod
    def parse(cls, buffer: bytes) -> tuple[NwkFrame, int]:
        """The header (payload empty), and where it ends. Raises ParseError."""
        control, destination, source, radius, sequence = HEADER.unpack(buffer)
        kind = control & TYPE_MASK
        if control >> VERSION_SHIFT & 0xF != PROTOCOL_VERSION or kind not in (0, 1) or control & MULTICAST:
            raise ParseError("not a frame of this network layer", 0, "NWK header")
        offset = HEADER.size
        euis: list[int | None] = [None, None]
        for place, bit in enumerate((DESTINATION_EUI, SOURCE_EUI)):
            if control & bit:
                (euis[place],) = EUI.unpack(buffer, offset)
                offset += EUI.size
        relays: tuple[int, ...] | None = None
        index = 0
        if control & SOURCE_ROUTE:
            count, index = ROUTE_HEAD.unpack(buffer, offset)
            offset += ROUTE_HEAD.size
            relays = read_ids(buffer, offset, count)
            offset += count * ID.size
        frame = cls(
            NwkType(kind),
            destination,
            source,
            radius,
            sequence,
            b"",
            bool(control & SECURITY),
            bool(control >> DISCOVER_SHIFT & 1),
            euis[0],
            euis[1],
            relays,
            index,
        )
        return frame, offset


def read_ids(buffer: bytes, offset: int, count: int) -> tuple[int, ...]:
    """Node ids one after another. Raises ParseError."""
    return tuple(ID.unpack(buffer, offset + place * ID.size)[0] for place in range(count))


def command(kind: NwkCommand, body: bytes = b"") -> bytes:
    """The payload of a command frame."""
    return bytes((kind,)) + body


def parse_command(payload: bytes) -> tuple[NwkCommand, bytes]:
    """Identifier and body. Raises ParseError."""
    if not payload:
        raise ParseError("an empty command", 0, "NWK command")
    try:
        return NwkCommand(payload[0]), payload[1:]
    except ValueError:
        raise ParseError(f"unknown command {payload[0]:02X}", 0, "NWK command") from None
