"""What a node tells its host, as EZSP callbacks: name and values by event."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final

from .ezsp_status_rows import Refusal
from .ezsp_types import Values
from .ncp import Ncp
from .ncp_aps import aps_values
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
from .node_types import NO_INDEX, UNKNOWN_ID, ApsOption, Decision, Policy

Callbacks = Iterator[tuple[str, Values]]
# NWK status codes that a host hears of as incomingRouteErrorHandler, too
ROUTE_ERRORS: Final = {0x0B: Refusal.SOURCE_ROUTE_FAILURE, 0x0C: Refusal.MANY_TO_ONE_ROUTE_FAILURE}
TIMESTAMP: Final = 1 << 32


def _stack_status(ncp: Ncp, event: StackStatus) -> Callbacks:
    yield "stackStatusHandler", {"status": event.status}


def _incoming(ncp: Ncp, event: IncomingMessage) -> Callbacks:
    eui64 = event.sender_eui64 or 0
    if (
        event.aps.options & ApsOption.SOURCE_EUI64
        and "incomingSenderEui64Handler" in ncp.session.frames.by_name
    ):
        yield "incomingSenderEui64Handler", {"eui64": eui64}
    yield (
        "incomingMessageHandler",
        {
            "kind": event.kind,
            "aps": aps_values(event.aps),
            "lqi": event.lqi,
            "rssi": event.rssi,
            "sender": event.sender,
            "eui64": eui64,
            "binding_index": event.binding_index,
            "address_index": event.address_index,
            "timestamp": event.timestamp % TIMESTAMP,
            "message": event.payload,
        },
    )


def _sent(ncp: Ncp, event: MessageSent) -> Callbacks:
    with_contents = Decision.MESSAGE_TAG_AND_CONTENTS_IN_CALLBACK
    contents = ncp.node.policy(Policy.MESSAGE_CONTENTS_IN_CALLBACK) == with_contents
    yield (
        "messageSentHandler",
        {
            "status": event.status,
            "kind": event.kind,
            "destination": event.destination,
            "aps": aps_values(event.aps),
            "tag": event.tag,
            "message": event.payload if contents else b"",
        },
    )


def _child_join(ncp: Ncp, event: ChildJoin) -> Callbacks:
    yield (
        "childJoinHandler",
        {
            "index": event.index,
            "joining": event.joining,
            "node_id": event.node_id,
            "eui64": event.eui64,
            "node_type": event.node_type,
        },
    )


def _trust_center_join(ncp: Ncp, event: TrustCenterJoin) -> Callbacks:
    yield (
        "trustCenterJoinHandler",
        {
            "node_id": event.node_id,
            "eui64": event.eui64,
            "update": event.update,
            "decision": event.decision,
            "parent": event.parent,
        },
    )


def _network_found(ncp: Ncp, event: NetworkFound) -> Callbacks:
    network = {
        "channel": event.channel,
        "pan_id": event.pan_id,
        "extended_pan_id": event.extended_pan_id,
        "allowing_join": event.allowing_join,
        "stack_profile": event.stack_profile,
        "update_id": event.update_id,
    }
    yield "networkFoundHandler", {"network": network, "lqi": event.lqi, "rssi": event.rssi}


def _energy(ncp: Ncp, event: EnergyResult) -> Callbacks:
    yield "energyScanResultHandler", {"channel": event.channel, "max_rssi": event.max_rssi}


def _scan_complete(ncp: Ncp, event: ScanComplete) -> Callbacks:
    yield "scanCompleteHandler", {"channel": event.channel, "status": event.status}


def _poll_complete(ncp: Ncp, event: PollComplete) -> Callbacks:
    yield "pollCompleteHandler", {"status": event.status}


def _poll(ncp: Ncp, event: Poll) -> Callbacks:
    yield "pollHandler", {"child": event.child, "transmit_expected": event.transmit_expected}


def _passthrough(ncp: Ncp, event: MacPassthrough) -> Callbacks:
    packet = {
        "sender": UNKNOWN_ID,
        "sender_eui64": 0,
        "binding_index": NO_INDEX,
        "address_index": NO_INDEX,
        "lqi": event.lqi,
        "rssi": event.rssi,
        "timestamp": ncp.now // 1000 % TIMESTAMP,
    }
    yield (
        "macPassthroughMessageHandler",
        {
            "kind": event.kind,
            "lqi": event.lqi,
            "rssi": event.rssi,
            "packet": packet,
            "message": event.mpdu,
        },
    )


def _raw_complete(ncp: Ncp, event: RawTransmitComplete) -> Callbacks:
    yield "rawTransmitCompleteHandler", {"message": event.mpdu, "status": event.status}


def _mfglib(ncp: Ncp, event: MfglibRx) -> Callbacks:
    yield "mfglibRxHandler", {"lqi": event.lqi, "rssi": event.rssi, "packet": event.mpdu}


def _switch_key(ncp: Ncp, event: SwitchNetworkKey) -> Callbacks:
    yield "switchNetworkKeyHandler", {"sequence": event.sequence}


def _key_established(ncp: Ncp, event: KeyEstablished) -> Callbacks:
    yield "zigbeeKeyEstablishmentHandler", {"partner": event.partner, "status": event.status}


def _route_record(ncp: Ncp, event: RouteRecord) -> Callbacks:
    yield (
        "incomingRouteRecordHandler",
        {
            "source": event.source,
            "source_eui64": event.source_eui64 or 0,
            "lqi": event.lqi,
            "rssi": event.rssi,
            "relays": list(event.relays),
        },
    )


def _route_error(ncp: Ncp, event: RouteError) -> Callbacks:
    if event.code in ROUTE_ERRORS:
        yield "incomingRouteErrorHandler", {"status": ROUTE_ERRORS[event.code], "target": event.target}
    yield "incomingNetworkStatusHandler", {"code": event.code, "target": event.target}


def _id_conflict(ncp: Ncp, event: IdConflict) -> Callbacks:
    yield "idConflictHandler", {"node_id": event.node_id}


_CALLBACKS: Final[dict[type, Callable[[Ncp, Any], Callbacks]]] = {
    StackStatus: _stack_status,
    IncomingMessage: _incoming,
    MessageSent: _sent,
    ChildJoin: _child_join,
    TrustCenterJoin: _trust_center_join,
    NetworkFound: _network_found,
    EnergyResult: _energy,
    ScanComplete: _scan_complete,
    PollComplete: _poll_complete,
    Poll: _poll,
    MacPassthrough: _passthrough,
    RawTransmitComplete: _raw_complete,
    MfglibRx: _mfglib,
    SwitchNetworkKey: _switch_key,
    KeyEstablished: _key_established,
    RouteRecord: _route_record,
    RouteError: _route_error,
    IdConflict: _id_conflict,
}


def callbacks_of(ncp: Ncp, event: Event) -> Callbacks:
    """The callbacks of an event, in order."""
    return _CALLBACKS[type(event)](ncp, event)
