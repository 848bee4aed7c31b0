"""The seam of a virtual dongle: what its EZSP side asks of the ZigBee stack, and hears from it.

Everything is sans-IO. Commands act at a given time and return at once; what follows is
taken from the node afterwards: `take_events()` for the host, `take_frames()` for the air.
Times are microseconds of one clock, addresses are integers (EUI-64, extended PAN id and
node ids as numbers, so `int.from_bytes(octets_of_EZSP, "little")`), keys are 16 octets in
the order they are printed. Bit masks have the values of EZSP, statuses are names.

Source: EZSP as recorded in radio-stack 6; numbers of masks and types: radio-stack 6.1, 8.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from .node_events import (
    ChildJoin,
    EnergyResult,
    Event,
    IdConflict,
    IncomingMessage,
    KeyEstablished,
    MacPassthrough,
    MessageSent,
    MfglibRx,
    NetworkFound,
    Poll,
    PollComplete,
    RawTransmitComplete,
    RouteError,
    RouteRecord,
    ScanComplete,
    StackStatus,
    SwitchNetworkKey,
    TrustCenterJoin,
)
from .node_types import (
    APS_SECURITY_OVERHEAD,
    BROADCAST_ALL,
    BROADCAST_ROUTERS,
    BROADCAST_RX_ON,
    COORDINATOR_ID,
    EUI64_OVERHEAD,
    FRAGMENT_OVERHEAD,
    KEY_LENGTH,
    MAX_PAYLOAD,
    NO_INDEX,
    UNKNOWN_ID,
    AddressEntry,
    ApsFrame,
    ApsOption,
    Binding,
    Child,
    Config,
    Decision,
    DeviceUpdate,
    Endpoint,
    IncomingType,
    InitialSecurity,
    JoinDecision,
    KeyStatus,
    LinkKey,
    MulticastEntry,
    Neighbor,
    NetworkKeyInfo,
    NetworkParameters,
    NetworkState,
    NodeType,
    OutgoingType,
    PassthroughFlag,
    Policy,
    Route,
    ScanType,
    SecurityBit,
    Status,
    TransientKey,
    TrustCenterPolicy,
    ZdoFlag,
)

__all__ = [
    "APS_SECURITY_OVERHEAD",
    "BROADCAST_ALL",
    "BROADCAST_ROUTERS",
    "BROADCAST_RX_ON",
    "COORDINATOR_ID",
    "EUI64_OVERHEAD",
    "FRAGMENT_OVERHEAD",
    "KEY_LENGTH",
    "MAX_PAYLOAD",
    "NO_INDEX",
    "UNKNOWN_ID",
    "AddressEntry",
    "ApsFrame",
    "ApsOption",
    "Attachment",
    "Binding",
    "Child",
    "ChildJoin",
    "Config",
    "Decision",
    "DeviceUpdate",
    "Endpoint",
    "EnergyResult",
    "Event",
    "IdConflict",
    "IncomingMessage",
    "IncomingType",
    "InitialSecurity",
    "JoinDecision",
    "KeyEstablished",
    "KeyStatus",
    "LinkKey",
    "Listener",
    "MacPassthrough",
    "MessageSent",
    "MfglibRx",
    "MulticastEntry",
    "Neighbor",
    "NetworkFound",
    "NetworkKeyInfo",
    "NetworkParameters",
    "NetworkState",
    "NodeApi",
    "NodeType",
    "OutgoingType",
    "PassthroughFlag",
    "Policy",
    "Poll",
    "PollComplete",
    "RawTransmitComplete",
    "Route",
    "RouteError",
    "RouteRecord",
    "ScanComplete",
    "ScanType",
    "SecurityBit",
    "StackStatus",
    "Status",
    "SwitchNetworkKey",
    "Tokens",
    "TransientKey",
    "Transmission",
    "TrustCenterJoin",
    "TrustCenterPolicy",
    "ZdoFlag",
]


@dataclass(frozen=True, slots=True)
class Transmission:
    """An MPDU (with FCS) for the air; `handle` comes back in `on_air`."""

    handle: int
    channel: int
    mpdu: bytes


class Tokens(Protocol):
    """Named octets that survive a reset; for what belongs to the EZSP side (getTokenData, getMfgToken)."""

    def __getitem__(self, key: str, /) -> bytes: ...
    def __setitem__(self, key: str, value: bytes, /) -> None: ...
    def __delitem__(self, key: str, /) -> None: ...
    def __contains__(self, key: object, /) -> bool: ...


class NodeApi(Protocol):
    """One ZigBee node. `now` never goes back.

    After any call that has `now`, drain `take_events` and `take_frames`; call `timer` at
    `next_deadline`. No call raises for what arrives on air or for a command at a wrong
    time: those return a Status.
    """

    # --- identity and life
    @property
    def eui64(self) -> int: ...
    @property
    def node_id(self) -> int:
        """FFFE while not joined."""
        ...

    @property
    def node_type(self) -> NodeType: ...
    @property
    def network_state(self) -> NetworkState: ...
    @property
    def parameters(self) -> NetworkParameters | None: ...
    def set_parameters(self, parameters: NetworkParameters) -> Status:
        """Rewrite power, manager, update id and channel mask of the network; INVALID_PARAMETER for more."""
        ...

    @property
    def parent(self) -> tuple[int, int]:
        """Node id and EUI-64 of the parent; (FFFF, 0) without one."""
        ...

    @property
    def tokens(self) -> Tokens: ...
    def set_eui64(self, eui64: int) -> Status:
        """The custom EUI-64; only while not joined."""
        ...

    def reset(self, now: int) -> None:
        """Power cycle or RST: what is not persistent is forgotten, the radio is silent until network_init."""
        ...

    def factory_reset(self) -> None:
        """tokenFactoryReset: forgets the network, keys and counters; not the EUI-64."""
        ...

    # --- the air's side
    @property
    def channel(self) -> int: ...
    @property
    def listening(self) -> bool:
        """False while a sleepy node (or one without a network) has its receiver off."""
        ...

    @property
    def next_deadline(self) -> int | None: ...
    def timer(self, now: int) -> None: ...
    def receive(self, now: int, mpdu: bytes, lqi: int, rssi: int) -> None:
        """A frame of the air, FCS included; anything may be in it."""
        ...

    def on_air(self, now: int, handle: int, end: int, answer_by: int) -> None:
        """A transmission ends at `end`; an acknowledgement comes until `answer_by` or is lost."""
        ...

    def take_frames(self) -> list[Transmission]: ...
    def take_events(self) -> list[Event]: ...

    # --- configuration (volatile)
    def config(self, config_id: int) -> int: ...
    def set_config(self, config_id: int, value: int) -> Status: ...
    def policy(self, policy_id: int) -> int: ...
    def set_policy(self, policy_id: int, decision: int) -> Status: ...
    @property
    def passthrough(self) -> PassthroughFlag: ...
    @passthrough.setter
    def passthrough(self, flags: PassthroughFlag) -> None: ...
    @property
    def manufacturer_code(self) -> int: ...
    @manufacturer_code.setter
    def manufacturer_code(self, code: int) -> None: ...
    def add_endpoint(self, endpoint: Endpoint) -> Status:
        """INVALID_STATE once the network is up."""
        ...

    @property
    def endpoints(self) -> tuple[Endpoint, ...]: ...
    @property
    def counters(self) -> list[int]:
        """The 41 counters of readCounters, in EmberCounterType order; writable, to clear them."""
        ...

    # --- network
    def set_initial_security(self, state: InitialSecurity) -> Status: ...
    def current_security(self) -> tuple[Status, SecurityBit, int]:
        """Bit mask and EUI-64 of the trust centre."""
        ...

    def network_init(self, now: int) -> Status:
        """NOT_JOINED, or OK and then StackStatus NETWORK_UP."""
        ...

    def form(self, now: int, parameters: NetworkParameters) -> Status: ...
    def join(self, now: int, node_type: NodeType, parameters: NetworkParameters) -> Status:
        """Association; then StackStatus NETWORK_UP, NO_BEACONS, JOIN_FAILED or NO_NETWORK_KEY_RECEIVED..."""
        ...

    def rejoin(self, now: int, secure: bool, channels: int = 0) -> Status:
        """findAndRejoinNetwork; channels 0 is the current one. Then NETWORK_UP or a failure."""
        ...

    def leave(self, now: int) -> Status: ...
    def permit(self, now: int, seconds: int) -> Status:
        """255 is for ever. StackStatus NETWORK_OPENED / NETWORK_CLOSED."""
        ...

    def start_scan(self, now: int, kind: ScanType, channels: int, exponent: int) -> Status: ...
    def stop_scan(self, now: int) -> Status: ...
    def poll(self, now: int, interval_us: int, failure_limit: int) -> Status:
        """pollForData: at once, then each interval (0: once)."""
        ...

    def remove_device(self, now: int, node_id: int, eui64: int, target: int) -> Status:
        """The parent `node_id` (or the target itself) is told to make `target` leave."""
        ...

    def energy_scan_request(
        self, now: int, target: int, channels: int, duration: int, count: int
    ) -> Status: ...

    # --- messages
    def maximum_payload(self, options: ApsOption = ApsOption.NONE) -> int: ...
    def send_unicast(
        self, now: int, kind: OutgoingType, destination: int, aps: ApsFrame, tag: int, payload: bytes
    ) -> tuple[Status, int]:
        """`destination`: a node id, or an index of the address or binding table. Returns the APS sequence.

        With the option RETRY, MessageSent comes after the APS acknowledgement; without, when the frame
        has left. Of fragments only index 0 takes a new sequence; the others use `aps.sequence`.
        """
        ...

    def send_broadcast(
        self, now: int, destination: int, aps: ApsFrame, radius: int, tag: int, payload: bytes
    ) -> tuple[Status, int]: ...
    def send_multicast(
        self, now: int, aps: ApsFrame, hops: int, non_member_radius: int, tag: int, payload: bytes
    ) -> tuple[Status, int]: ...
    def send_reply(self, now: int, sender: int, aps: ApsFrame, payload: bytes) -> Status:
        """With FRAGMENT: the acknowledgement of fragment group_id & FF, bits of the window in group_id >> 8.

        Endpoints as seen from this node. Without: a unicast with `aps.sequence`.
        """
        ...

    def send_raw(self, now: int, mpdu: bytes) -> Status:
        """An MPDU without FCS as it is (inter-PAN); then RawTransmitComplete."""
        ...

    def set_source_route(self, destination: int, relays: tuple[int, ...]) -> Status: ...
    def set_concentrator(self, now: int, on: bool, minimum_s: int, maximum_s: int, hops: int) -> Status: ...

    # --- tables
    @property
    def children(self) -> list[Child | None]:
        """By index; None is an empty slot."""
        ...

    @property
    def neighbors(self) -> list[Neighbor]: ...
    @property
    def routes(self) -> list[Route]: ...
    @property
    def addresses(self) -> list[AddressEntry]:
        """The address table, by index; rows may be replaced by the host."""
        ...

    @property
    def multicasts(self) -> list[MulticastEntry]: ...
    @property
    def bindings(self) -> list[Binding]: ...
    def set_child(self, index: int, child: Child) -> Status:
        """A row of the child table, as of a backup that is restored; INVALID_INDEX."""
        ...

    def lookup_id(self, eui64: int) -> int:
        """Node id of an EUI-64, or UNKNOWN_ID."""
        ...

    def lookup_eui64(self, node_id: int) -> int | None: ...
    def extended_timeout(self, eui64: int) -> bool: ...
    def set_extended_timeout(self, eui64: int, on: bool) -> None: ...

    # --- keys
    @property
    def network_key(self) -> NetworkKeyInfo | None: ...
    @property
    def tc_link_key(self) -> LinkKey | None:
        """The trust centre link key (on the trust centre: the one of setInitialSecurityState)."""
        ...

    def set_tc_link_key(self, key: bytes) -> Status: ...
    def set_frame_counters(self, nwk: int | None = None, aps: int | None = None) -> None: ...
    def link_key_at(self, index: int) -> LinkKey | None: ...
    def link_key_of(self, eui64: int) -> LinkKey | None:
        """The key table's row of a partner."""
        ...

    def import_link_key(self, index: int, eui64: int, key: bytes) -> Status:
        """Counters start at 0. NO_INDEX: the row of that partner, or a free one; TABLE_FULL."""
        ...

    def erase_link_key(self, index: int) -> Status: ...
    def clear_link_keys(self) -> Status: ...
    def import_transient_key(self, now: int, eui64: int, key: bytes) -> Status: ...
    @property
    def transient_keys(self) -> list[TransientKey]: ...
    def clear_transient_keys(self) -> None: ...
    def request_link_key(self, now: int, partner: int) -> Status:
        """A partner link key from the trust centre; then KeyEstablished."""
        ...

    def update_tc_link_key(self, now: int) -> Status: ...
    def broadcast_next_network_key(self, now: int, key: bytes) -> Status:
        """Zeros: a random one."""
        ...

    def broadcast_network_key_switch(self, now: int) -> Status: ...
    def unicast_network_key_update(self, now: int, node_id: int, eui64: int, key: bytes) -> Status: ...

    # --- manufacturing library (the stack must be down)
    def mfglib_start(self, now: int, receive: bool) -> Status: ...
    def mfglib_end(self, now: int) -> Status: ...
    def mfglib_set_channel(self, now: int, channel: int) -> Status: ...
    @property
    def mfglib_channel(self) -> int: ...
    def mfglib_send(self, now: int, mpdu: bytes) -> Status:
        """An MPDU with its FCS."""
        ...


class Attachment(Protocol):
    """What `runtime.Runtime.attach(on_event, ...)` gives: a node on an air that runs by itself."""

    @property
    def node(self) -> NodeApi: ...
    def now(self) -> int:
        """The time to give to commands."""
        ...

    def flush(self) -> None:
        """Call after every command: hands frames to the air, events to the listener."""
        ...

    def detach(self) -> None:
        """The stick is pulled."""
        ...


Listener = Callable[[Event], None]
