"""EZSP frames of networking, routing and the binding table."""

# fmt: off

from __future__ import annotations

from typing import Final

from .ezsp_rows import Row

NETWORKING: Final = (
    # Networking
    Row(0x0015, "setManufacturerCode", "code:u16", "", until=13),
    Row(0x0015, "setManufacturerCode", "code:u16", "status:sl", since=14),
    Row(0x0016, "setPowerDescriptor", "descriptor:u16", "", until=13),
    Row(0x0016, "setPowerDescriptor", "descriptor:u16", "status:sl", since=14),
    Row(0x0017, "networkInit", "bitmask:u16?", "status:ember"),
    Row(0x0018, "networkState", "", "state:u8"),
    Row(0x0019, "stackStatusHandler", None, "status:ember"),
    Row(0x001A, "startScan", "kind:u8 channels:u32 duration:u8", "status:ember"),
    Row(0x0048, "energyScanResultHandler", None, "channel:u8 max_rssi:i8"),
    Row(0x001B, "networkFoundHandler", None, "network:zigbee_network lqi:u8 rssi:i8"),
    Row(0x001C, "scanCompleteHandler", None, "channel:u8 status:ember"),
    Row(0x001D, "stopScan", "", "status:ember"),
    Row(0x001E, "formNetwork", "parameters:network_parameters", "status:ember"),
    Row(0x001F, "joinNetwork", "node_type:u8 parameters:network_parameters", "status:ember"),
    Row(0x0020, "leaveNetwork", "", "status:ember", until=13),
    Row(0x0020, "leaveNetwork", "options:u8?", "status:sl", since=14),
    Row(0x0021, "findAndRejoinNetwork", "have_key:bool channels:u32", "status:ember", until=13),
    Row(0x0021, "findAndRejoinNetwork", "have_key:bool channels:u32 reason:u8? node_type:u8?", "status:sl", since=14),
    Row(0x0022, "permitJoining", "duration:u8", "status:ember"),
    Row(0x0023, "childJoinHandler", None, "index:u8 joining:bool node_id:nwk eui64:eui64 node_type:u8"),
    Row(0x009C, "energyScanRequest", "target:nwk channels:u32 duration:u8 count:u16", "status:ember"),
    Row(0x0028, "getNetworkParameters", "", "status:ember node_type:u8 parameters:network_parameters"),
    Row(0x00FD, "getRadioParameters", "phy_index:u8", "status:ember parameters:radio_parameters"),
    Row(0x0029, "getParentChildParameters", "", "child_count:u8 parent_eui64:eui64 parent_id:nwk"),
    Row(0x004A, "getChildData", "index:u8", "status:ember child:child"),
    Row(0x00AC, "setChildData", "index:u8 child:child", "status:ember"),
    Row(0x0106, "childId", "index:u8", "node_id:nwk"),
    Row(0x0079, "getNeighbor", "index:u8", "status:ember neighbor:neighbor"),
    Row(0x007A, "neighborCount", "", "count:u8"),
    Row(0x007B, "getRouteTableEntry", "index:u8", "status:ember route:route"),
    Row(0x0099, "setRadioPower", "power:i8", "status:ember"),
    Row(0x009A, "setRadioChannel", "channel:u8", "status:ember"),
    Row(0x00BA, "getLogicalChannel", "", "channel:u8"),
    Row(0x0095, "setRadioIeee802154CcaMode", "mode:u8", "status:ember"),
    Row(0x0010, "setConcentrator", "on:bool kind:u16 minimum_s:u16 maximum_s:u16 route_errors:u8 delivery_failures:u8 hops:u8", "status:ember"),
    Row(0x005A, "setSourceRouteDiscoveryMode", "mode:u8", "remaining:u32"),
    Row(0x0011, "setBrokenRouteErrorCode", "code:u8", "status:ember"),
    Row(0x00AE, "setSourceRoute", "destination:nwk relays:nwks", "status:ember"),
    Row(0x00C1, "getSourceRouteTableEntry", "index:u8", "status:ember destination:nwk closer_index:u8"),
    Row(0x00C2, "getSourceRouteTableFilledSize", "", "size:u8"),
    Row(0x00C3, "getSourceRouteTableTotalSize", "", "size:u8"),
    Row(0x00D0, "setRoutingShortcutThreshold", "cost:u8", "status:ember"),
    Row(0x00D1, "getRoutingShortcutThreshold", "", "cost:u8"),
    Row(0x00F4, "setMacPollFailureWaitTime", "wait_ms:u32", ""),
    Row(0x00EF, "setBeaconClassificationParams", "parameters:beacon_classification", "status:ember"),
    Row(0x00F3, "getBeaconClassificationParams", "", "status:ember parameters:beacon_classification"),
    Row(0x00BE, "isZllNetwork", "", "is_zll:bool"),
    Row(0x007C, "idConflictHandler", None, "node_id:nwk"),
    Row(0x0059, "incomingRouteRecordHandler", None, "source:nwk source_eui64:eui64 lqi:u8 rssi:i8 relays:nwks"),
    Row(0x0080, "incomingRouteErrorHandler", None, "status:ember target:nwk"),
    Row(0x00C4, "incomingNetworkStatusHandler", None, "code:u8 target:nwk"),
    # Binding
    Row(0x002A, "clearBindingTable", "", "status:ember"),
    Row(0x002B, "setBinding", "index:u8 value:binding", "status:ember"),
    Row(0x002C, "getBinding", "index:u8", "status:ember value:binding"),
    Row(0x002D, "deleteBinding", "index:u8", "status:ember"),
    Row(0x002E, "bindingIsActive", "index:u8", "active:bool"),
    Row(0x002F, "getBindingRemoteNodeId", "index:u8", "node_id:nwk"),
    # Green Power, as far as a host without it clears its tables
    Row(0x00E2, "gpSinkTableClearAll", "", ""),
    Row(0x0070, "gpSinkTableInit", "", ""),
    Row(0x005F, "gpClearProxyTable", "", "", since=17),
)
