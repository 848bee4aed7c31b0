"""The HAN link contract: what a device's machines say to a radio and hear from it, without a radio.

A station is a radio and has an EUI-64 of its own; the entities behind it (a hub's CHF and
GPF share one) are told apart by messages, never by the link. Frames carry commands of the
tunnelling cluster as values. Source: GBCS 10.2.2 (reference: chts-hub 1 and 7).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

from gbcs.errors import BuildError, ParseError
from gbcs.ids import EntityId

PROTOCOL_GB_HRGP = 6
ANY_MANUFACTURER = 0xFFFF
MAX_TRANSFER = 1500
NO_TUNNEL = 0xFFFF
INACTIVITY_SECONDS = 0xFFFF  # CloseTunnelTimeout
DEFAULT_ENDPOINT = 1  # ours; makers choose, a peer asks by match descriptor


@dataclass(frozen=True, slots=True)
class Address:
    """A station and an endpoint on it."""

    station: EntityId
    endpoint: int = DEFAULT_ENDPOINT


class TunnelStatus(IntEnum):
    """RequestTunnelResponse.TunnelStatus."""

    SUCCESS = 0
    BUSY = 1
    NO_MORE_TUNNEL_IDS = 2
    PROTOCOL_NOT_SUPPORTED = 3
    FLOW_CONTROL_NOT_SUPPORTED = 4


class TransferStatus(IntEnum):
    """TransferDataError status."""

    NO_SUCH_TUNNEL = 0
    WRONG_DEVICE = 1
    DATA_OVERFLOW = 2


@dataclass(frozen=True, slots=True)
class RequestTunnel:
    """Client to server: open a tunnel."""

    protocol: int = PROTOCOL_GB_HRGP
    manufacturer: int = ANY_MANUFACTURER
    flow_control: bool = False
    max_transfer: int = MAX_TRANSFER


@dataclass(frozen=True, slots=True)
class RequestTunnelResponse:
    """Server to client: the tunnel, or why there is none (tunnel id FFFF)."""

    tunnel_id: int
    status: TunnelStatus
    max_transfer: int = MAX_TRANSFER


@dataclass(frozen=True, slots=True)
class TransferData:
    """Either way: octets through a tunnel."""

    tunnel_id: int
    data: bytes


@dataclass(frozen=True, slots=True)
class TransferDataError:
    """Either way: octets were not taken."""

    tunnel_id: int
    status: TransferStatus


@dataclass(frozen=True, slots=True)
class CloseTunnel:
    """Client to server: forget a tunnel."""

    tunnel_id: int


TunnelCommand = RequestTunnel | RequestTunnelResponse | TransferData | TransferDataError | CloseTunnel


@dataclass(frozen=True, slots=True)
class Frame:
    """One command between two stations; as an event it arrived, as an effect it is to be sent.

    `aps_encrypted`: protected with the link key of the two stations.
    """

    source: Address
    destination: Address
    command: TunnelCommand
    aps_encrypted: bool = True


@dataclass(frozen=True, slots=True)
class LinkUp:
    """A peer can be reached and shares a link key. A sleepy one is heard only when it polls."""

    peer: Address
    sleepy: bool = False


@dataclass(frozen=True, slots=True)
class LinkDown:
    """A peer cannot be reached any more."""

    peer: Address


@dataclass(frozen=True, slots=True)
class Sent:
    """What became of a frame that was an effect: whether the APS layer of its peer acknowledged it.

    A link that reports does so once for every frame. One without acknowledgement may have arrived.
    """

    frame: Frame
    arrived: bool


LinkEvent = Frame | LinkUp | LinkDown | Sent

# Framing of a GSME's tunnel, one octet before the message; all others have none
GET = b"\x01"
GET_RESPONSE = 0x02
PUT = 0x03


@dataclass(frozen=True, slots=True)
class GetResponse:
    """A message for a polling device and how many wait after it; None where nothing waits."""

    remaining: int
    message: bytes | None

    def octets(self) -> bytes:
        """The Data field. Raises BuildError."""
        if not 0 <= self.remaining <= 0xFF:
            raise BuildError("one octet", "remaining")
        if self.message == b"" or (self.message is None and self.remaining):
            raise BuildError("there is one if any wait", "message")
        return bytes((GET_RESPONSE, self.remaining)) + (self.message or b"")

    @classmethod
    def parse(cls, data: bytes) -> GetResponse:
        """Read a Data field. Raises ParseError."""
        if len(data) < 2 or data[0] != GET_RESPONSE:
            raise ParseError("no GET-RESPONSE", 0, "tunnel data")
        if len(data) == 2 and data[1]:
            raise ParseError(f"{data[1]} wait, but none came", 2, "tunnel data")
        return cls(data[1], data[2:] or None)


def put_octets(message: bytes) -> bytes:
    """The Data field with which a polling device gives a message to the hub. Raises BuildError."""
    if not message:
        raise BuildError("a message is needed", "message")
    return bytes((PUT,)) + message


def parse_put(data: bytes) -> bytes:
    """The message of a PUT. Raises ParseError."""
    if len(data) < 2 or data[0] != PUT:
        raise ParseError("no PUT", 0, "tunnel data")
    return data[1:]
