"""EZSP frames of messaging: unicasts, broadcasts, multicasts, raw frames, the address table."""

# fmt: off

from __future__ import annotations

from typing import Final

from .ezsp_rows import Row

MESSAGING: Final = (
    Row(0x0033, "maximumPayloadLength", "", "length:u8"),
    Row(0x0034, "sendUnicast", "kind:u8 destination:nwk aps:aps_frame tag:tag message:lv", "status:ember sequence:u8"),
    Row(0x0036, "sendBroadcast", "destination:nwk aps:aps_frame radius:u8 tag:tag message:lv", "status:ember sequence:u8", until=13),
    Row(0x0036, "sendBroadcast", "alias:nwk destination:nwk nwk_sequence:u8 aps:aps_frame radius:u8 tag:tag message:lv", "status:sl sequence:u8", since=14),
    Row(0x0037, "proxyBroadcast", "alias:nwk destination:nwk nwk_sequence:u8 aps:aps_frame radius:u8 tag:tag message:lv", "status:ember sequence:u8", until=13),
    Row(0x0038, "sendMulticast", "aps:aps_frame radius:u8 non_member_radius:u8 tag:tag message:lv", "status:ember sequence:u8", until=13),
    Row(0x0038, "sendMulticast", "aps:aps_frame radius:u8 destination:nwk alias:nwk nwk_sequence:u8 tag:tag message:lv", "status:sl sequence:u8", since=14),
    Row(0x003A, "sendMulticastWithAlias", "aps:aps_frame radius:u8 non_member_radius:u8 alias:nwk nwk_sequence:u8 tag:tag message:lv", "status:ember sequence:u8", until=13),
    Row(0x0039, "sendReply", "sender:nwk aps:aps_frame message:lv", "status:ember"),
    Row(0x003F, "messageSentHandler", None, "kind:u8 destination:nwk aps:aps_frame tag:tag status:ember message:lv", until=13),
    Row(0x003F, "messageSentHandler", None, "status:sl kind:u8 destination:nwk aps:aps_frame tag:tag message:lv", since=14),
    Row(0x0041, "sendManyToOneRouteRequest", "kind:u16 radius:u8", "status:ember"),
    Row(0x0042, "pollForData", "interval:u16 units:u8 failure_limit:u8", "status:ember"),
    Row(0x0043, "pollCompleteHandler", None, "status:ember"),
    Row(0x0044, "pollHandler", None, "child:nwk transmit_expected:bool"),
    Row(0x0062, "incomingSenderEui64Handler", None, "eui64:eui64", until=13),
    Row(0x0045, "incomingMessageHandler", None, "kind:u8 aps:aps_frame lqi:u8 rssi:i8 sender:nwk binding_index:u8 address_index:u8 message:lv", until=13),
    Row(0x0045, "incomingMessageHandler", None, "kind:u8 aps:aps_frame sender:nwk eui64:eui64 binding_index:u8 address_index:u8 lqi:u8 rssi:i8 timestamp:u32 message:lv", since=14),
    Row(0x0097, "macPassthroughMessageHandler", None, "kind:u8 lqi:u8 rssi:i8 message:lv", until=13),
    Row(0x0097, "macPassthroughMessageHandler", None, "kind:u8 packet:packet_info message:lv", since=14),
    Row(0x0096, "sendRawMessage", "message:lv", "status:ember", until=13),
    Row(0x0051, "sendRawMessageExtended", "message:lv priority:u8? use_cca:bool?", "status:ember"),
    Row(0x0098, "rawTransmitCompleteHandler", None, "status:ember", until=13),
    Row(0x0098, "rawTransmitCompleteHandler", None, "message:lv status:sl", since=14),
    # Address table
    Row(0x005B, "addressTableEntryIsActive", "index:u8", "active:bool"),
    Row(0x005C, "setAddressTableRemoteEui64", "index:u8 eui64:eui64", "status:ember", until=13),
    Row(0x005C, "setAddressTableInfo", "index:u8 eui64:eui64 node_id:nwk", "status:sl", since=14),
    Row(0x005D, "setAddressTableRemoteNodeId", "index:u8 node_id:nwk", "", until=13),
    Row(0x005E, "getAddressTableRemoteEui64", "index:u8", "eui64:eui64", until=13),
    Row(0x005E, "getAddressTableInfo", "index:u8", "status:sl node_id:nwk eui64:eui64", since=14),
    Row(0x005F, "getAddressTableRemoteNodeId", "index:u8", "node_id:nwk", until=13),
    Row(0x007E, "setExtendedTimeout", "eui64:eui64 extended:bool", "", until=13),
    Row(0x007E, "setExtendedTimeout", "eui64:eui64 extended:bool", "status:sl", since=14),
    Row(0x007F, "getExtendedTimeout", "eui64:eui64", "extended:bool", until=13),
    Row(0x007F, "getExtendedTimeout", "eui64:eui64", "status:sl", since=14),
    Row(0x0082, "replaceAddressTableEntry", "index:u8 eui64:eui64 node_id:nwk extended:bool", "status:ember old_eui64:eui64 old_node_id:nwk old_extended:bool"),
    Row(0x0060, "lookupNodeIdByEui64", "eui64:eui64", "node_id:nwk", until=13),
    Row(0x0060, "lookupNodeIdByEui64", "eui64:eui64", "status:sl node_id:nwk", since=14),
    Row(0x0061, "lookupEui64ByNodeId", "node_id:nwk", "status:ember eui64:eui64"),
    Row(0x0063, "getMulticastTableEntry", "index:u8", "status:ember value:multicast"),
    Row(0x0064, "setMulticastTableEntry", "index:u8 value:multicast", "status:ember"),
)
