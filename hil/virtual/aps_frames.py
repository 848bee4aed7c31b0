"""ZigBee application support layer frames: data, acknowledgement, command; fragments.

Source: ZigBee specification (053474r20/r21) 2.2.5 and 4.4.10; fragments: 2.2.8.4.5.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

from gbcs.errors import ParseError
from gbcs.layout import Layout, octets, u8, u16le, u64le

TYPE_MASK = 0x03
DELIVERY_SHIFT = 2
ACK_FORMAT = 0x10
SECURITY = 0x20
ACK_REQUEST = 0x40
EXTENDED_HEADER = 0x80

FIRST_FRAGMENT = 0x01
LATER_FRAGMENT = 0x02
FRAGMENT_MASK = 0x03

CONTROL = Layout("APS header", u8("frame control"))
ENDPOINT = Layout("APS header", u8("endpoint"))
GROUP = Layout("APS header", u16le("group"))
CLUSTER = Layout("APS header", u16le("cluster"), u16le("profile"), u8("source endpoint"))
COUNTER = Layout("APS header", u8("counter"))
FRAGMENT = Layout("APS extended header", u8("extended frame control"), u8("block"))
FRAGMENT_ACK = Layout("APS extended header", u8("acknowledged blocks"))

KEY = 16
NETWORK_KEY = Layout(
    "transport key", octets("key", KEY), u8("sequence"), u64le("destination"), u64le("source")
)
TC_LINK_KEY = Layout("transport key", octets("key", KEY), u64le("destination"), u64le("source"))
APP_LINK_KEY = Layout("transport key", octets("key", KEY), u64le("partner"), u8("initiator"))
UPDATE_DEVICE = Layout("update device", u64le("device"), u16le("node id"), u8("status"))
EUI = Layout("EUI-64", u64le("EUI-64"))
SWITCH_KEY = Layout("switch key", u8("sequence"))
VERIFY_KEY = Layout("verify key", u8("key type"), u64le("source"), octets("hash", KEY))
CONFIRM_KEY = Layout("confirm key", u8("status"), u8("key type"), u64le("destination"))


class ApsType(IntEnum):
    """Frame type."""

    DATA = 0
    COMMAND = 1
    ACK = 2
    INTERPAN = 3


class Delivery(IntEnum):
    """Delivery mode."""

    UNICAST = 0
    BROADCAST = 2
    GROUP = 3


class ApsCommand(IntEnum):
    """Command identifier."""

    TRANSPORT_KEY = 0x05
    UPDATE_DEVICE = 0x06
    REMOVE_DEVICE = 0x07
    REQUEST_KEY = 0x08
    SWITCH_KEY = 0x09
    TUNNEL = 0x0E
    VERIFY_KEY = 0x0F
    CONFIRM_KEY = 0x10


class KeyType(IntEnum):
    """Key type of Transport, Request and Verify Key."""

    NETWORK = 0x01
    APP_MASTER = 0x02  # in a Request Key: an application link key
    APP_LINK = 0x03
    TC_LINK = 0x04


@dataclass(frozen=True, slots=True)
class Block:
    """The extended header of a fragment or its acknowledgement; the first one's number is their count."""

    first: bool
    number: int
    acknowledged: int | None = None  # bits, in an acknowledgement


@dataclass(frozen=True, slots=True)
class ApsHeader:
    """A header. Of commands only `kind`, `secured`, `ack_request` and `counter` mean something."""

    kind: ApsType
    delivery: Delivery = Delivery.UNICAST
    counter: int = 0
    destination_endpoint: int = 0
    group: int = 0
    cluster: int = 0
    profile: int = 0
    source_endpoint: int = 0
    secured: bool = False
    ack_request: bool = False
    block: Block | None = None

    def octets(self) -> bytes:
        """The octets before the auxiliary header. Raises BuildError."""
        control = self.kind | self.delivery << DELIVERY_SHIFT
        control |= (SECURITY if self.secured else 0) | (ACK_REQUEST if self.ack_request else 0)
        control |= EXTENDED_HEADER if self.block is not None else 0
        head = CONTROL.pack(control)
        if self.kind is not ApsType.COMMAND:
            if self.delivery is Delivery.GROUP:
                head += GROUP.pack(self.group)
            else:
                head += ENDPOINT.pack(self.destination_endpoint)
            head += CLUSTER.pack(self.cluster, self.profile, self.source_endpoint)
        head += COUNTER.pack(self.counter)
        if self.block is not None:
            head += FRAGMENT.pack(FIRST_FRAGMENT if self.block.first else LATER_FRAGMENT, self.block.number)
            if self.block.acknowledged is not None:
                head += FRAGMENT_ACK.pack(self.block.acknowledged)
        return head

    @classmethod
    def parse(cls, buffer: bytes) -> tuple[ApsHeader, int]:
        """The header, and where it ends. Raises ParseError."""
        (control,) = CONTROL.unpack(buffer)
        kind = ApsType(control & TYPE_MASK)
        try:
            delivery = Delivery(control >> DELIVERY_SHIFT & 3)
        except ValueError:
            raise ParseError("reserved delivery mode", 0, "APS header") from None
        offset = CONTROL.size
        endpoint = group = cluster = profile = source = 0
        if kind is ApsType.INTERPAN:
            raise ParseError("an inter-PAN frame inside the network", 0, "APS header")
        if kind is ApsType.ACK and control & ACK_FORMAT:
            pass  # acknowledges a command: no endpoints
        elif kind is not ApsType.COMMAND:
            layout = GROUP if delivery is Delivery.GROUP else ENDPOINT
            (address,) = layout.unpack(buffer, offset)
            group, endpoint = (address, 0) if delivery is Delivery.GROUP else (0, address)
            offset += layout.size
            cluster, profile, source = CLUSTER.unpack(buffer, offset)
            offset += CLUSTER.size
        (counter,) = COUNTER.unpack(buffer, offset)
        offset += COUNTER.size
        block: Block | None = None
        if control & EXTENDED_HEADER:
            block, offset = _block(buffer, offset, kind)
        header = cls(
            kind,
            delivery,
            counter,
            endpoint,
            group,
            cluster,
            profile,
            source,
            bool(control & SECURITY),
            bool(control & ACK_REQUEST),
            block,
        )
        return header, offset


def _block(buffer: bytes, offset: int, kind: ApsType) -> tuple[Block | None, int]:
    (control,) = CONTROL.unpack(buffer, offset)
    part = control & FRAGMENT_MASK
    if not part:
        return None, offset + CONTROL.size
    control, number = FRAGMENT.unpack(buffer, offset)
    offset += FRAGMENT.size
    acknowledged: int | None = None
    if kind is ApsType.ACK:
        (acknowledged,) = FRAGMENT_ACK.unpack(buffer, offset)
        offset += FRAGMENT_ACK.size
    return Block(part == FIRST_FRAGMENT, number, acknowledged), offset


def parse_command(payload: bytes) -> tuple[ApsCommand, bytes]:
    """Identifier and body. Raises ParseError."""
    if not payload:
        raise ParseError("an empty command", 0, "APS command")
    try:
        return ApsCommand(payload[0]), payload[1:]
    except ValueError:
        raise ParseError(f"unknown command {payload[0]:02X}", 0, "APS command") from None
