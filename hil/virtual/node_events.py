"""What a node tells its host: one class a callback of EZSP (radio-stack 6)."""

from __future__ import annotations

from dataclasses import dataclass

from .node_types import (
    NO_INDEX,
    ApsFrame,
    DeviceUpdate,
    IncomingType,
    JoinDecision,
    KeyStatus,
    NodeType,
    OutgoingType,
    PassthroughFlag,
    Status,
)


@dataclass(frozen=True, slots=True)
class StackStatus:
    """stackStatusHandler."""

    status: Status


@dataclass(frozen=True, slots=True)
class IncomingMessage:
    """incomingMessageHandler. `timestamp`: milliseconds of the node's clock."""

    kind: IncomingType
    aps: ApsFrame
    sender: int
    sender_eui64: int | None
    payload: bytes
    lqi: int = 255
    rssi: int = -40
    binding_index: int = NO_INDEX
    address_index: int = NO_INDEX
    timestamp: int = 0


@dataclass(frozen=True, slots=True)
class MessageSent:
    """messageSentHandler: what became of a unicast, multicast or broadcast, with the values it was given."""

    kind: OutgoingType
    destination: int
    aps: ApsFrame
    tag: int
    status: Status
    payload: bytes = b""


@dataclass(frozen=True, slots=True)
class ChildJoin:
    """childJoinHandler."""

    index: int
    joining: bool
    node_id: int
    eui64: int
    node_type: NodeType


@dataclass(frozen=True, slots=True)
class TrustCenterJoin:
    """trustCenterJoinHandler."""

    node_id: int
    eui64: int
    update: DeviceUpdate
    decision: JoinDecision
    parent: int


@dataclass(frozen=True, slots=True)
class NetworkFound:
    """networkFoundHandler: one beacon of an active scan."""

    channel: int
    pan_id: int
    extended_pan_id: int
    allowing_join: bool
    stack_profile: int
    update_id: int
    lqi: int
    rssi: int


@dataclass(frozen=True, slots=True)
class EnergyResult:
    """energyScanResultHandler."""

    channel: int
    max_rssi: int


@dataclass(frozen=True, slots=True)
class ScanComplete:
    """scanCompleteHandler. `channel`: where it failed, 0 if it did not."""

    channel: int = 0
    status: Status = Status.OK


@dataclass(frozen=True, slots=True)
class PollComplete:
    """pollCompleteHandler: OK if something was fetched, MAC_NO_DATA if nothing waited."""

    status: Status


@dataclass(frozen=True, slots=True)
class Poll:
    """pollHandler: a child asked for its data (only with Decision.POLL_HANDLER_CALLBACK)."""

    child: int
    transmit_expected: bool


@dataclass(frozen=True, slots=True)
class MacPassthrough:
    """macPassthroughMessageHandler: an MPDU without its FCS."""

    kind: PassthroughFlag
    lqi: int
    rssi: int
    mpdu: bytes


@dataclass(frozen=True, slots=True)
class RawTransmitComplete:
    """rawTransmitCompleteHandler."""

    mpdu: bytes
    status: Status


@dataclass(frozen=True, slots=True)
class MfglibRx:
    """mfglibRxHandler: an MPDU with the FCS it had on air."""

    lqi: int
    rssi: int
    mpdu: bytes


@dataclass(frozen=True, slots=True)
class SwitchNetworkKey:
    """switchNetworkKeyHandler."""

    sequence: int


@dataclass(frozen=True, slots=True)
class KeyEstablished:
    """zigbeeKeyEstablishmentHandler."""

    partner: int
    status: KeyStatus


@dataclass(frozen=True, slots=True)
class RouteRecord:
    """incomingRouteRecordHandler."""

    source: int
    source_eui64: int | None
    lqi: int
    rssi: int
    relays: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class RouteError:
    """incomingRouteErrorHandler / incomingNetworkStatusHandler: an NWK status code and its target."""

    code: int
    target: int


@dataclass(frozen=True, slots=True)
class IdConflict:
    """idConflictHandler."""

    node_id: int


Event = (
    StackStatus
    | IncomingMessage
    | MessageSent
    | ChildJoin
    | TrustCenterJoin
    | NetworkFound
    | EnergyResult
    | ScanComplete
    | PollComplete
    | Poll
    | MacPassthrough
    | RawTransmitComplete
    | MfglibRx
    | SwitchNetworkKey
    | KeyEstablished
    | RouteRecord
    | RouteError
    | IdConflict
)
