"""EZSP commands of networking, routing and the binding table."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

from .ezsp_status_rows import AnyStatus, Refusal
from .ezsp_types import Values
from .ncp import Handlers, Ncp, only
from .ncp_tokens import signed
from .node_types import (
    UNKNOWN_ID,
    Binding,
    Child,
    Config,
    Neighbor,
    NetworkParameters,
    NodeType,
    Route,
    ScanType,
    Status,
)

NETWORK_COMMANDS: Final = Handlers()
command = NETWORK_COMMANDS

CHANNEL_MASK: Final = 0x07FFF800
CHANNELS: Final = range(11, 27)
MAX_SCAN_DURATION: Final = 14
NO_PARAMETERS: Final = NetworkParameters(0, UNKNOWN_ID, 0)
NO_CHILD: Final = Child(0, UNKNOWN_ID, NodeType.UNKNOWN, 0)
NO_NEIGHBOR: Final = Neighbor(UNKNOWN_ID, 0, 0, 0, 0, 0)
NO_ROUTE: Final = Route(UNKNOWN_ID, UNKNOWN_ID, 3)
UNICAST_BINDING: Final = 1
# End Device Timeout codes: 10 s, then 2^n minutes
TIMEOUTS: Final = (10, *(60 << n for n in range(1, 15)))


def parameters(values: Values) -> NetworkParameters:
    """EmberNetworkParameters as the stack takes them."""
    return NetworkParameters(
        values["extended_pan_id"],
        values["pan_id"],
        values["channel"],
        signed(values["tx_power"]),
        values["join_method"],
        values["manager_id"],
        values["update_id"],
        values["channels"],
    )


def parameter_values(found: NetworkParameters | None) -> Values:
    """And back."""
    p = found or NO_PARAMETERS
    return {
        "extended_pan_id": p.extended_pan_id,
        "pan_id": p.pan_id,
        "tx_power": p.tx_power & 0xFF,
        "channel": p.channel,
        "join_method": p.join_method,
        "manager_id": p.manager_id,
        "update_id": p.update_id,
        "channels": p.channels,
    }


@command("setManufacturerCode")
def _set_manufacturer_code(ncp: Ncp, arguments: Values) -> Values:
    ncp.node.manufacturer_code = arguments["code"]
    return only(Status.OK)


command.always(
    "setPowerDescriptor setBrokenRouteErrorCode setRadioIeee802154CcaMode setMacPollFailureWaitTime",
    status=Status.OK,
)


@command("networkInit")
def _network_init(ncp: Ncp, arguments: Values) -> Values:
    return only(ncp.node.network_init(ncp.now))


@command("networkState")
def _network_state(ncp: Ncp, arguments: Values) -> Values:
    return {"state": ncp.node.network_state}


@command("startScan")
def _start_scan(ncp: Ncp, arguments: Values) -> Values:
    kind, channels = arguments["kind"], arguments["channels"] & CHANNEL_MASK
    if kind not in set(ScanType):
        return only(Refusal.INCORRECT_SCAN_TYPE)
    if not channels:
        return only(Refusal.INVALID_CHANNEL_MASK)
    if arguments["duration"] > MAX_SCAN_DURATION:
        return only(Refusal.BAD_SCAN_DURATION)
    return only(ncp.node.start_scan(ncp.now, ScanType(kind), channels, arguments["duration"]))


@command("stopScan")
def _stop_scan(ncp: Ncp, arguments: Values) -> Values:
    return only(ncp.node.stop_scan(ncp.now))


@command("formNetwork")
def _form(ncp: Ncp, arguments: Values) -> Values:
    wanted = parameters(arguments["parameters"])
    refused = _unusable(ncp, wanted)
    return only(refused or ncp.node.form(ncp.now, wanted))


@command("joinNetwork")
def _join(ncp: Ncp, arguments: Values) -> Values:
    kind, wanted = arguments["node_type"], parameters(arguments["parameters"])
    if kind not in (NodeType.ROUTER, NodeType.END_DEVICE, NodeType.SLEEPY_END_DEVICE):
        return only(Status.INVALID_PARAMETER)
    refused = _unusable(ncp, wanted)
    return only(refused or ncp.node.join(ncp.now, NodeType(kind), wanted))


def _unusable(ncp: Ncp, wanted: NetworkParameters) -> AnyStatus | None:
    if wanted.channel not in CHANNELS:
        return Refusal.INVALID_CHANNEL
    return None if wanted.tx_power in ncp.settings.power else Refusal.INVALID_POWER


@command("leaveNetwork")
def _leave(ncp: Ncp, arguments: Values) -> Values:
    return only(ncp.node.leave(ncp.now))


@command("findAndRejoinNetwork")
def _rejoin(ncp: Ncp, arguments: Values) -> Values:
    channels = arguments["channels"] & CHANNEL_MASK
    return only(ncp.node.rejoin(ncp.now, arguments["have_key"], channels))


@command("permitJoining")
def _permit(ncp: Ncp, arguments: Values) -> Values:
    return only(ncp.node.permit(ncp.now, arguments["duration"]))


@command("energyScanRequest")
def _energy_scan_request(ncp: Ncp, arguments: Values) -> Values:
    return only(
        ncp.node.energy_scan_request(
            ncp.now,
            arguments["target"],
            arguments["channels"] & CHANNEL_MASK,
            arguments["duration"],
            arguments["count"],
        )
    )


@command("getNetworkParameters")
def _network_parameters(ncp: Ncp, arguments: Values) -> Values:
    found = ncp.node.parameters
    return {
        "status": Status.NOT_JOINED if found is None else Status.OK,
        "node_type": ncp.node.node_type,
        "parameters": parameter_values(found),
    }


@command("getRadioParameters")
def _radio_parameters(ncp: Ncp, arguments: Values) -> Values:
    found = ncp.node.parameters if arguments["phy_index"] == 0 else None
    power = 0 if found is None else found.tx_power
    status = Status.INVALID_INDEX if arguments["phy_index"] else Status.OK if found else Status.NOT_JOINED
    return {
        "status": status,
        "parameters": {"tx_power": power, "page": 0, "channel": found.channel if found else 0},
    }


@command("getParentChildParameters")
def _parent_child(ncp: Ncp, arguments: Values) -> Values:
    node_id, eui64 = ncp.node.parent
    count = sum(child is not None for child in ncp.node.children)
    return {"child_count": count, "parent_eui64": eui64, "parent_id": node_id}


@command("getChildData")
def _child_data(ncp: Ncp, arguments: Values) -> Values:
    child = _at(ncp.node.children, arguments["index"])
    found = child or NO_CHILD
    timeout = next((n for n, seconds in enumerate(TIMEOUTS) if seconds >= found.timeout_s), len(TIMEOUTS) - 1)
    return {
        "status": Status.NOT_JOINED if child is None else Status.OK,
        "child": {
            "eui64": found.eui64,
            "node_type": found.node_type,
            "node_id": found.node_id,
            "phy": 0,
            "power": 0,
            "timeout": timeout,
            "timeout_remaining": found.timeout_s,
        },
    }


@command("setChildData")
def _set_child_data(ncp: Ncp, arguments: Values) -> Values:
    child = arguments["child"]
    # Hosts leave the other fields at zero: the time-out is that of the configuration
    code = min(ncp.node.config(Config.END_DEVICE_POLL_TIMEOUT), len(TIMEOUTS) - 1)
    if child["node_type"] not in (NodeType.END_DEVICE, NodeType.SLEEPY_END_DEVICE):
        return only(Status.INVALID_PARAMETER)
    row = Child(child["eui64"], child["node_id"], NodeType(child["node_type"]), TIMEOUTS[code])
    return only(ncp.node.set_child(arguments["index"], row))


@command("childId")
def _child_id(ncp: Ncp, arguments: Values) -> Values:
    child = _at(ncp.node.children, arguments["index"])
    return {"node_id": UNKNOWN_ID if child is None else child.node_id}


@command("getNeighbor")
def _neighbor(ncp: Ncp, arguments: Values) -> Values:
    row = _at(ncp.node.neighbors, arguments["index"])
    n = row or NO_NEIGHBOR
    return {
        "status": Status.INVALID_INDEX if row is None else Status.OK,
        "neighbor": {
            "node_id": n.node_id,
            "average_lqi": n.average_lqi,
            "in_cost": n.in_cost,
            "out_cost": n.out_cost,
            "age": n.age,
            "eui64": n.eui64,
        },
    }


@command("neighborCount")
def _neighbor_count(ncp: Ncp, arguments: Values) -> Values:
    return {"count": min(0xFF, len(ncp.node.neighbors))}


@command("getRouteTableEntry")
def _route(ncp: Ncp, arguments: Values) -> Values:
    row = _at(ncp.node.routes, arguments["index"])
    r = row or NO_ROUTE
    return {
        "status": Status.INVALID_INDEX if row is None else Status.OK,
        "route": {
            "destination": r.destination,
            "next_hop": r.next_hop,
            "status": r.status,
            "age": min(0xFF, r.age),
            "concentrator": 0,
            "record_state": 0,
        },
    }


@command("setRadioPower")
def _radio_power(ncp: Ncp, arguments: Values) -> Values:
    if arguments["power"] not in ncp.settings.power:
        return only(Refusal.INVALID_POWER)
    found = ncp.node.parameters
    return only(
        Status.OK if found is None else ncp.node.set_parameters(replace(found, tx_power=arguments["power"]))
    )


@command("setRadioChannel")
def _radio_channel(ncp: Ncp, arguments: Values) -> Values:
    if arguments["channel"] not in CHANNELS:
        return only(Refusal.INVALID_CHANNEL)
    # The channel of a network only changes with the network
    return only(Status.OK if arguments["channel"] == ncp.node.channel else Status.INVALID_STATE)


@command("getLogicalChannel")
def _logical_channel(ncp: Ncp, arguments: Values) -> Values:
    return {"channel": ncp.node.channel}


@command("setConcentrator")
def _concentrator(ncp: Ncp, arguments: Values) -> Values:
    return only(
        ncp.node.set_concentrator(
            ncp.now, arguments["on"], arguments["minimum_s"], arguments["maximum_s"], arguments["hops"]
        )
    )


command.always("setSourceRouteDiscoveryMode", remaining=0)


@command("setSourceRoute")
def _source_route(ncp: Ncp, arguments: Values) -> Values:
    destination, relays = arguments["destination"], tuple(arguments["relays"])
    status = ncp.node.set_source_route(destination, relays)
    if status is Status.OK:
        ncp.volatile.source_routes[destination] = relays
    return only(status)


@command("getSourceRouteTableEntry")
def _source_route_entry(ncp: Ncp, arguments: Values) -> Values:
    # Our routes are whole; the table of the vendor is a tree, whose root is closer_index FF
    destination = _at(list(ncp.volatile.source_routes), arguments["index"])
    status = Status.NOT_FOUND if destination is None else Status.OK
    return {"status": status, "destination": destination or 0, "closer_index": 0xFF}


@command("getSourceRouteTableFilledSize")
def _source_routes(ncp: Ncp, arguments: Values) -> Values:
    return {"size": min(0xFF, len(ncp.volatile.source_routes))}


@command("getSourceRouteTableTotalSize")
def _source_route_size(ncp: Ncp, arguments: Values) -> Values:
    return {"size": min(0xFF, ncp.node.config(SOURCE_ROUTE_TABLE_SIZE))}


SOURCE_ROUTE_TABLE_SIZE: Final = 0x1A  # EzspConfigId


@command("setRoutingShortcutThreshold")
def _set_shortcut(ncp: Ncp, arguments: Values) -> Values:
    ncp.volatile.shortcut_threshold = arguments["cost"]
    return only(Status.OK)


@command("getRoutingShortcutThreshold")
def _shortcut(ncp: Ncp, arguments: Values) -> Values:
    return {"cost": ncp.volatile.shortcut_threshold}


@command("setBeaconClassificationParams")
def _set_beacon_classification(ncp: Ncp, arguments: Values) -> Values:
    ncp.volatile.beacon_parameters = arguments["parameters"]
    return only(Status.OK)


@command("getBeaconClassificationParams")
def _beacon_classification(ncp: Ncp, arguments: Values) -> Values:
    return {"status": Status.OK, "parameters": ncp.volatile.beacon_parameters}


command.always("isZllNetwork", is_zll=False)


# Binding


@command("clearBindingTable")
def _clear_bindings(ncp: Ncp, arguments: Values) -> Values:
    bindings = ncp.node.bindings
    bindings[:] = [Binding()] * len(bindings)
    return only(Status.OK)


@command("setBinding")
def _set_binding(ncp: Ncp, arguments: Values) -> Values:
    value = arguments["value"]
    binding = Binding(
        value["kind"],
        value["local_endpoint"],
        value["cluster"],
        value["remote_endpoint"],
        value["address"],
    )
    return only(_put(ncp.node.bindings, arguments["index"], binding))


@command("getBinding")
def _get_binding(ncp: Ncp, arguments: Values) -> Values:
    row = _at(ncp.node.bindings, arguments["index"])
    b = row or Binding()
    return {
        "status": Status.INVALID_INDEX if row is None else Status.OK,
        "value": {
            "kind": b.kind,
            "local_endpoint": b.local_endpoint,
            "cluster": b.cluster,
            "remote_endpoint": b.remote_endpoint,
            "address": b.address,
            "network_index": 0,
        },
    }


@command("deleteBinding")
def _delete_binding(ncp: Ncp, arguments: Values) -> Values:
    return only(_put(ncp.node.bindings, arguments["index"], Binding()))


command.always("bindingIsActive", active=False)


@command("getBindingRemoteNodeId")
def _binding_remote(ncp: Ncp, arguments: Values) -> Values:
    row = _at(ncp.node.bindings, arguments["index"])
    if row is None or row.kind != UNICAST_BINDING:
        return {"node_id": UNKNOWN_ID}
    return {"node_id": ncp.node.lookup_id(row.address)}


def _at(rows: list[Any], index: int) -> Any:
    return rows[index] if index < len(rows) else None


def _put(rows: list[Any], index: int, row: Any) -> AnyStatus:
    if index >= len(rows):
        return Status.INVALID_INDEX
    rows[index] = row
    return Status.OK


# Green Power tables are always empty
command.always("gpSinkTableClearAll gpSinkTableInit gpClearProxyTable")
