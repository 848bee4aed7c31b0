"""EZSP commands of messaging: unicasts, broadcasts, multicasts, raw frames, the address table."""

from __future__ import annotations

from typing import Final

from .ezsp_status_rows import AnyStatus, Refusal
from .ezsp_types import Values
from .ncp import UNITS, Handlers, Ncp, only
from .ncp_aps import aps_of
from .node_types import (
    UNKNOWN_ID,
    AddressEntry,
    MulticastEntry,
    OutgoingType,
    Status,
)

MESSAGE_COMMANDS: Final = Handlers()
command = MESSAGE_COMMANDS

NO_ALIAS: Final = 0xFFFF
UNICASTS: Final = (OutgoingType.DIRECT, OutgoingType.VIA_ADDRESS_TABLE, OutgoingType.VIA_BINDING)
NON_MEMBER_RADIUS: Final = 3  # where the frame has none


def _sent(result: tuple[AnyStatus, int]) -> Values:
    status, sequence = result
    return {"status": status, "sequence": sequence}


@command("maximumPayloadLength")
def _maximum_payload(ncp: Ncp, arguments: Values) -> Values:
    return {"length": ncp.node.maximum_payload()}


@command("sendUnicast")
def _send_unicast(ncp: Ncp, arguments: Values) -> Values:
    kind = arguments["kind"]
    if kind not in UNICASTS:
        return _sent((Status.INVALID_PARAMETER, 0))
    return _sent(
        ncp.node.send_unicast(
            ncp.now,
            OutgoingType(kind),
            arguments["destination"],
            aps_of(arguments["aps"]),
            arguments["tag"],
            arguments["message"],
        )
    )


@command("sendBroadcast", "proxyBroadcast")
def _send_broadcast(ncp: Ncp, arguments: Values) -> Values:
    if arguments.get("alias", NO_ALIAS) != NO_ALIAS:
        # Sending in another's name is for Green Power proxies, which this stack is not
        return _sent((Refusal.NOT_SUPPORTED, 0))
    return _sent(
        ncp.node.send_broadcast(
            ncp.now,
            arguments["destination"],
            aps_of(arguments["aps"]),
            arguments["radius"],
            arguments["tag"],
            arguments["message"],
        )
    )


@command("sendMulticast", "sendMulticastWithAlias")
def _send_multicast(ncp: Ncp, arguments: Values) -> Values:
    if arguments.get("alias", NO_ALIAS) != NO_ALIAS:
        return _sent((Refusal.NOT_SUPPORTED, 0))
    return _sent(
        ncp.node.send_multicast(
            ncp.now,
            aps_of(arguments["aps"]),
            arguments["radius"],
            arguments.get("non_member_radius", NON_MEMBER_RADIUS),
            arguments["tag"],
            arguments["message"],
        )
    )


@command("sendReply")
def _send_reply(ncp: Ncp, arguments: Values) -> Values:
    aps = aps_of(arguments["aps"])
    return only(ncp.node.send_reply(ncp.now, arguments["sender"], aps, arguments["message"]))


@command("sendManyToOneRouteRequest")
def _many_to_one(ncp: Ncp, arguments: Values) -> Values:
    return only(ncp.node.set_concentrator(ncp.now, True, 0, 0, arguments["radius"]))


@command("pollForData")
def _poll(ncp: Ncp, arguments: Values) -> Values:
    unit = UNITS.get(arguments["units"])
    # Units 0 (inactive) end a periodic poll; one poll is still made
    interval = arguments["interval"] * (unit or 0)
    return only(ncp.node.poll(ncp.now, interval, arguments["failure_limit"]))


@command("sendRawMessage", "sendRawMessageExtended")
def _send_raw(ncp: Ncp, arguments: Values) -> Values:
    return only(ncp.node.send_raw(ncp.now, arguments["message"]))


# Address table


def _entry(ncp: Ncp, index: int) -> AddressEntry | None:
    rows = ncp.node.addresses
    return rows[index] if index < len(rows) else None


def _set_entry(ncp: Ncp, index: int, entry: AddressEntry) -> AnyStatus:
    rows = ncp.node.addresses
    if index >= len(rows):
        return Refusal.ADDRESS_TABLE_INDEX_OUT_OF_RANGE
    rows[index] = entry
    return Status.OK


@command("addressTableEntryIsActive")
def _entry_active(ncp: Ncp, arguments: Values) -> Values:
    return {"active": False}


@command("setAddressTableRemoteEui64")
def _set_remote_eui64(ncp: Ncp, arguments: Values) -> Values:
    eui64 = arguments["eui64"]
    entry = AddressEntry(ncp.node.lookup_id(eui64), eui64)
    return only(_set_entry(ncp, arguments["index"], entry))


@command("setAddressTableRemoteNodeId")
def _set_remote_node_id(ncp: Ncp, arguments: Values) -> Values:
    old = _entry(ncp, arguments["index"])
    if old is not None:
        _set_entry(
            ncp, arguments["index"], AddressEntry(arguments["node_id"], old.eui64, old.extended_timeout)
        )
    return {}


@command("setAddressTableInfo")
def _set_address_info(ncp: Ncp, arguments: Values) -> Values:
    entry = AddressEntry(arguments["node_id"], arguments["eui64"])
    return only(_set_entry(ncp, arguments["index"], entry))


@command("getAddressTableInfo")
def _address_info(ncp: Ncp, arguments: Values) -> Values:
    entry = _entry(ncp, arguments["index"])
    if entry is None:
        return {"status": Refusal.ADDRESS_TABLE_INDEX_OUT_OF_RANGE, "node_id": UNKNOWN_ID, "eui64": 0}
    used = entry.node_id != UNKNOWN_ID
    return {
        "status": Status.OK if used else Status.NOT_FOUND,
        "node_id": entry.node_id,
        "eui64": entry.eui64,
    }


@command("getAddressTableRemoteEui64")
def _remote_eui64(ncp: Ncp, arguments: Values) -> Values:
    entry = _entry(ncp, arguments["index"])
    return {"eui64": 0 if entry is None else entry.eui64}


@command("getAddressTableRemoteNodeId")
def _remote_node_id(ncp: Ncp, arguments: Values) -> Values:
    entry = _entry(ncp, arguments["index"])
    return {"node_id": UNKNOWN_ID if entry is None else entry.node_id}


@command("setExtendedTimeout")
def _set_extended_timeout(ncp: Ncp, arguments: Values) -> Values:
    ncp.node.set_extended_timeout(arguments["eui64"], arguments["extended"])
    return only(Status.OK)


@command("getExtendedTimeout")
def _extended_timeout(ncp: Ncp, arguments: Values) -> Values:
    extended = ncp.node.extended_timeout(arguments["eui64"])
    return {"status": Status.OK if extended else Status.FAIL, "extended": extended}


@command("replaceAddressTableEntry")
def _replace_entry(ncp: Ncp, arguments: Values) -> Values:
    old = _entry(ncp, arguments["index"]) or AddressEntry()
    entry = AddressEntry(arguments["node_id"], arguments["eui64"], arguments["extended"])
    return {
        "status": _set_entry(ncp, arguments["index"], entry),
        "old_eui64": old.eui64,
        "old_node_id": old.node_id,
        "old_extended": old.extended_timeout,
    }


@command("lookupNodeIdByEui64")
def _lookup_node_id(ncp: Ncp, arguments: Values) -> Values:
    node_id = ncp.node.lookup_id(arguments["eui64"])
    return {"status": Status.NOT_FOUND if node_id == UNKNOWN_ID else Status.OK, "node_id": node_id}


@command("lookupEui64ByNodeId")
def _lookup_eui64(ncp: Ncp, arguments: Values) -> Values:
    eui64 = ncp.node.lookup_eui64(arguments["node_id"])
    return {"status": Status.NOT_FOUND if eui64 is None else Status.OK, "eui64": eui64 or 0}


@command("getMulticastTableEntry")
def _multicast(ncp: Ncp, arguments: Values) -> Values:
    rows, index = ncp.node.multicasts, arguments["index"]
    found = index < len(rows)
    row = rows[index] if found else MulticastEntry()
    return {
        "status": Status.OK if found else Status.INVALID_INDEX,
        "value": {
            "group_id": row.group_id,
            "endpoint": row.endpoint,
            "network_index": row.network_index,
        },
    }


@command("setMulticastTableEntry")
def _set_multicast(ncp: Ncp, arguments: Values) -> Values:
    rows, index, value = ncp.node.multicasts, arguments["index"], arguments["value"]
    if index >= len(rows):
        return only(Status.INVALID_INDEX)
    rows[index] = MulticastEntry(value["group_id"], value["endpoint"], value["network_index"])
    return only(Status.OK)
