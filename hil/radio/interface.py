"""The radio interface: what a hub or a device asks of its dongle, and hears from it.

One node a radio. Stations are EUI-64s, short addresses stay inside. Messages are those of
`smets.han.zcl`; their flag `encrypted` says whether the link key of the two stations protects
them, both ways. What waits for a peer ends with an acknowledgement of its APS layer or with a
`RadioError`; those that are `retryable` may go well later. Times are seconds.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from enum import Enum, IntEnum
from typing import ClassVar, Protocol

from gbcs.errors import BuildError, LocalError
from gbcs.ids import EntityId
from smets.han.zcl import ApsMessage

from .streams import Stream

CHANNELS = tuple(range(11, 27))
KEY_LENGTH = 16


class NodeType(IntEnum):
    """What a node is in its network, with the numbers of EZSP."""

    COORDINATOR = 1
    ROUTER = 2
    END_DEVICE = 3
    SLEEPY = 4


# Errors


class RadioError(LocalError):
    """Root of what goes wrong at a radio. `status` is the stack's name for it, empty if it has none."""

    retryable: ClassVar[bool] = False

    def __init__(self, message: str, status: str = "") -> None:
        super().__init__(f"{message} ({status})" if status else message)
        self.status = status


class RadioUnavailable(RadioError):
    """The dongle cannot be opened, or does not speak as one."""


class RadioMissing(RadioUnavailable):
    """The libraries for radios are not installed."""


class LinkLost(RadioError):
    """The line to the dongle failed meanwhile; the radio connects again by itself."""

    retryable = True


class RadioClosed(RadioError):
    """The radio was closed."""


class Refused(RadioError):
    """The dongle refused a command."""


class NoNetwork(RadioError):
    """The dongle is in no network."""


class NetworkTimeout(RadioError):
    """Forming, joining or leaving did not end in time."""

    retryable = True


class JoinError(RadioError):
    """Joining failed; another network or moment may do better."""


class NoBeacons(JoinError):
    """No network was heard, or not the wanted one."""


class NetworkClosed(JoinError):
    """The network was heard, but lets nobody join."""


class NoNetworkKey(JoinError):
    """Associated, but the network key did not come: another install code, or not permitted by the hub."""


class SendError(RadioError):
    """A message was not delivered."""


class NotDelivered(SendError):
    """No acknowledgement came."""

    retryable = True


class SendTimeout(SendError):
    """It took too long."""

    retryable = True


class Unreachable(SendError):
    """Nobody in the network knows the address of the station."""

    retryable = True


class NoLinkKey(SendError):
    """The message needs a link key, and none but perhaps that of an install code is there."""


class TooLong(SendError):
    """More octets than a message may have."""


class KeyTableFull(RadioError):
    """The dongle holds no more link keys."""


# Values


@dataclass(frozen=True, slots=True)
class NetworkSettings:
    """The network to form. None is chosen: the quietest channel, random identifiers and key.

    `extended_pan_id` None is the radio's own EUI-64 (GBCS 10.5). Raises BuildError.
    """

    channel: int | None = None
    pan_id: int | None = None
    extended_pan_id: EntityId | None = None
    network_key: bytes | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        """Ranges."""
        if self.channel is not None and self.channel not in CHANNELS:
            raise BuildError("11 to 26", "channel")
        if self.pan_id is not None and not 1 <= self.pan_id <= 0xFFFE:
            raise BuildError("0001 to FFFE", "PAN id")
        if self.network_key is not None and len(self.network_key) != KEY_LENGTH:
            raise BuildError(f"{KEY_LENGTH} octets", "network key")

    @classmethod
    def seeded(
        cls,
        random: Callable[[int], bytes],
        channel: int | None = None,
        extended_pan_id: EntityId | None = None,
    ) -> NetworkSettings:
        """PAN id and network key from a source of random octets, and the channel if it is not given."""
        pan_id = 1 + int.from_bytes(random(2), "big") % 0xFFFE
        key = random(KEY_LENGTH)
        drawn = CHANNELS[random(1)[0] % len(CHANNELS)]
        return cls(drawn if channel is None else channel, pan_id, extended_pan_id, key)


@dataclass(frozen=True, slots=True)
class Network:
    """The network a node is in."""

    channel: int
    pan_id: int
    extended_pan_id: EntityId
    node_id: int
    node_type: NodeType
    trust_center: EntityId


@dataclass(frozen=True, slots=True)
class Beacon:
    """A network that was heard."""

    channel: int
    pan_id: int
    extended_pan_id: EntityId
    permits: bool
    lqi: int
    rssi: int
    stack_profile: int = 2


@dataclass(frozen=True, slots=True)
class Versions:
    """What the dongle says it is."""

    ezsp: int
    stack: str
    board: str = ""


@dataclass(frozen=True, slots=True)
class Received:
    """A message that arrived."""

    eui64: EntityId
    message: ApsMessage
    lqi: int = 0
    rssi: int = 0
    broadcast: bool = False


@dataclass(frozen=True, slots=True)
class InterPanMessage:
    """A message outside any network, by long addresses. PAN id FFFF is any.

    `destination` None: a broadcast.
    """

    source: EntityId
    destination: EntityId | None
    profile: int
    cluster: int
    payload: bytes
    source_pan: int = 0xFFFF
    destination_pan: int = 0xFFFF
    lqi: int = 0
    rssi: int = 0


@dataclass(frozen=True, slots=True)
class Sniffed:
    """A frame heard on a channel: an MPDU without its check sequence."""

    channel: int
    mpdu: bytes
    lqi: int
    rssi: int


# Events


@dataclass(frozen=True, slots=True)
class Joined:
    """A device is in the network: it announced itself, or sent a secured message.

    `rejoined`: it was in it before.
    """

    eui64: EntityId
    nwk: int
    rejoined: bool = False
    sleepy: bool = False


@dataclass(frozen=True, slots=True)
class Admitted:
    """The trust centre sends a device the network key, under its install code. `Joined` if it can read it."""

    eui64: EntityId


@dataclass(frozen=True, slots=True)
class JoinRefused:
    """The trust centre denied the network key to a device that has no permit."""

    eui64: EntityId


@dataclass(frozen=True, slots=True)
class Left:
    """A device left, or was removed."""

    eui64: EntityId


@dataclass(frozen=True, slots=True)
class NetworkUp:
    """The node is in its network.

    `reset_keys`: partners whose link key the dongle had lost and was given again; its frame counters
    began anew, so that only key establishment makes it good (se-security 9.5).
    """

    network: Network
    reset_keys: tuple[EntityId, ...] = ()


@dataclass(frozen=True, slots=True)
class NetworkDown:
    """The node is in no network any more, or lost its parent."""

    reason: str


@dataclass(frozen=True, slots=True)
class Lost:
    """The line to the dongle failed; `NetworkUp` follows once it is there again."""

    reason: str


class DropReason(Enum):
    """Why a message that arrived was not handed on."""

    UNPROTECTED = "needs the link key and came without"
    JOIN_KEY = "protected with the key of an install code only"
    UNKNOWN_SENDER = "nobody knows the sender's EUI-64"
    OVERFLOW = "too many messages wait to be read"
    FRAGMENT = "a fragment that fits no message"


@dataclass(frozen=True, slots=True)
class Dropped:
    """A message was dropped. `eui64` is None where it is not known."""

    eui64: EntityId | None
    cluster: int
    reason: DropReason


@dataclass(frozen=True, slots=True)
class BindRequested:
    """A device asks for a binding of cluster 0800: it wants a partner link key (se-security 9.3)."""

    eui64: EntityId
    cluster: int
    sequence: int


@dataclass(frozen=True, slots=True)
class PartnerKey:
    """The trust centre gave this node a link key with a partner that had asked for it."""

    eui64: EntityId
    key: bytes = field(repr=False)


Event = (
    Joined
    | Admitted
    | JoinRefused
    | Left
    | NetworkUp
    | NetworkDown
    | Lost
    | Dropped
    | BindRequested
    | PartnerKey
)


# What the caller gives


class KeyRow(Protocol):
    """A link key of the caller's store; `smets.han.link_keys.LinkKey` is one."""

    @property
    def station(self) -> EntityId: ...
    @property
    def key(self) -> bytes: ...
    @property
    def authorised(self) -> bool:
        """False for the key of an install code, which no dongle is given again."""
        ...


class LinkKeys(Protocol):
    """The caller's store of link keys, read whenever the network comes up."""

    def __iter__(self) -> Iterator[KeyRow]: ...


class HubRadio(Protocol):
    """A node of the home area network, as a hub. Methods raise RadioError; `LinkLost` without a line."""

    @property
    def eui64(self) -> EntityId: ...
    @property
    def versions(self) -> Versions: ...
    @property
    def network(self) -> Network | None:
        """None while there is none, or the line is down."""
        ...

    @property
    def messages(self) -> Stream[Received]: ...
    @property
    def events(self) -> Stream[Event]: ...
    @property
    def inter_pan(self) -> Stream[InterPanMessage]: ...
    async def close(self) -> None:
        """Give the dongle back; its network stays as it is."""
        ...

    async def wait_up(self) -> None:
        """Wait until a line that was lost is there again, and the node in its network."""
        ...

    # --- either role
    async def resume(self) -> Network:
        """Go on in the network the dongle keeps. Raises NoNetwork."""
        ...

    async def leave(self) -> None: ...
    async def send(self, eui64: EntityId, message: ApsMessage, *, within: float | None = None) -> None:
        """Returns after the acknowledgement of the peer's APS layer, for all fragments if there are any."""
        ...

    async def broadcast(self, message: ApsMessage) -> None:
        """To all nodes that listen, without acknowledgement."""
        ...

    async def set_link_key(self, eui64: EntityId, key: bytes) -> None:
        """The link key with a station from now on, its counters at zero. Raises KeyTableFull."""
        ...

    async def forget_key(self, eui64: EntityId) -> None: ...
    async def find_endpoint(
        self, eui64: EntityId, profile: int, cluster: int, *, server: bool = True
    ) -> int | None:
        """An endpoint with the cluster, asked of the station; None if it has none."""
        ...

    async def nwk_of(self, eui64: EntityId) -> int:
        """Raises Unreachable."""
        ...

    async def eui_of(self, nwk: int) -> EntityId:
        """Raises Unreachable."""
        ...

    async def energy_scan(self, channels: Sequence[int] = CHANNELS) -> dict[int, int]:
        """The strongest signal heard by channel, dBm."""
        ...

    # --- coordinator
    async def form(self, settings: NetworkSettings) -> Network: ...
    async def permit(self, eui64: EntityId, link_key: bytes, seconds: float) -> None:
        """Let one device join under its install code's link key."""
        ...

    async def close_permit(self, eui64: EntityId | None = None) -> None:
        """Before its time; None: for all."""
        ...

    async def remove(self, eui64: EntityId) -> None:
        """Make a device leave, forget its key and address."""
        ...


class DeviceRadio(HubRadio, Protocol):
    """A node of either role, and what else only the EZSP layer does: inter-PAN, sniffing, partner keys."""

    async def scan(self, channels: Sequence[int] = CHANNELS) -> tuple[Beacon, ...]: ...
    async def join(
        self,
        link_key: bytes,
        node_type: NodeType = NodeType.ROUTER,
        channels: Sequence[int] = CHANNELS,
        extended_pan_id: EntityId | None = None,
    ) -> Network:
        """Raises NoBeacons, NetworkClosed, NoNetworkKey, JoinError."""
        ...

    async def rejoin(self, *, secured: bool = True) -> Network: ...
    async def poll(self) -> bool:
        """Fetch what the parent keeps; whether there was something."""
        ...

    def awake(self) -> AbstractAsyncContextManager[None]:
        """Meanwhile a sleepy node asks often, as while it waits for an answer."""
        ...

    async def allow_partner_keys(self, allow: bool) -> None:
        """At the hub: whether devices that ask get link keys with each other (se-security 9.3)."""
        ...

    async def request_partner_key(self, eui64: EntityId) -> bytes:
        """A link key with another device, from the trust centre. Raises NoLinkKey."""
        ...

    async def ask_to_bind(self, eui64: EntityId, endpoint: int, cluster: int, own_endpoint: int) -> int:
        """Ask a device for a binding towards this node, as before a partner key; the ZDO status."""
        ...

    async def answer_bind(self, request: BindRequested, status: int) -> None: ...
    async def send_inter_pan(self, message: InterPanMessage) -> None: ...
    def sniff(self, channel: int) -> AsyncIterator[Sniffed]:
        """Frames of a channel, as long as it is iterated; the dongle may be in no network."""
        ...
