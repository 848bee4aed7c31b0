"""The EZSP frames of a virtual dongle, one row a frame and version range, and their index.

Rows stand in `ezsp_*_rows.py` by area, in the order of the vendor's reference, under its
frame names. Source: UG100 (reference: radio-stack 5.3, 6; layouts read from bellows 1.2.1).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from typing import Final, NamedTuple

from .ezsp_types import Schema, types_of

VERSIONS: Final = (13, 14, 16, 17, 18, 19)
DEFAULT_VERSION: Final = 14
LAST: Final = 0xFF


class Row(NamedTuple):
    """A frame: its id, its name, what the host sends, what the dongle sends, the versions that have it.

    `request` is None for a frame that only the dongle sends (a callback).
    """

    id: int
    name: str
    request: str | None
    response: str
    since: int = 0
    until: int = LAST


# A structure uses those above it.
STRUCTURES: Final = {
    "network_parameters": "extended_pan_id:eui64 pan_id:u16 tx_power:u8 channel:u8 join_method:u8 manager_id:nwk update_id:u8 channels:u32",
    "zigbee_network": "channel:u8 pan_id:u16 extended_pan_id:eui64 allowing_join:bool stack_profile:u8 update_id:u8",
    "aps_frame": "profile:u16 cluster:u16 source_endpoint:u8 destination_endpoint:u8 options:u16 group_id:u16 sequence:u8",
    "binding": "kind:u8 local_endpoint:u8 cluster:u16 remote_endpoint:u8 address:eui64 network_index:u8?",
    "multicast": "group_id:u16 endpoint:u8 network_index:u8?",
    "neighbor": "node_id:nwk average_lqi:u8 in_cost:u8 out_cost:u8 age:u8 eui64:eui64",
    "route": "destination:nwk next_hop:nwk status:u8 age:u8 concentrator:u8 record_state:u8",
    "initial_security": "bitmask:u16 preconfigured_key:key network_key:key network_key_sequence:u8 trust_center:eui64",
    "current_security": "bitmask:u16 trust_center:eui64",
    "child": "eui64:eui64 node_type:u8 node_id:nwk phy:u8 power:u8 timeout:u8 timeout_remaining:u32",
    "context": "key_type:u8 index:u8 derived_type:u16 eui64:eui64 network_index:u8 flags:u8 algorithm:u32",
    "key_data": "bitmask:u16 outgoing_counter:u32 incoming_counter:u32 ttl_s:u16",
    "network_key_info": "key_set:bool alternate_key_set:bool sequence:u8 alternate_sequence:u8 frame_counter:u32",
    "radio_parameters": "tx_power:i8 page:u8 channel:u8",
    "packet_info": "sender:nwk sender_eui64:eui64 binding_index:u8 address_index:u8 lqi:u8 rssi:i8 timestamp:u32",
    "hash_context": "result:octets16 length:u32",
    "beacon_classification": "min_rssi:i8 mask:u16",
    "token_info": "token:u32 counter:bool indexed:bool size:u8 array_size:u8",
    "token_info_32": "token:u32 counter:bool indexed:bool size:u32 array_size:u8",
}


@dataclass(frozen=True, slots=True)
class Frame:
    """A row as one version has it; `request` is None for a callback."""

    id: int
    name: str
    request: Schema | None
    response: Schema


@dataclass(frozen=True, slots=True)
class Frames:
    """Every frame of a version by id and by name. Callbacks and commands share the ids."""

    version: int
    by_id: dict[int, Frame]
    by_name: dict[str, Frame]


def rows() -> Iterable[Row]:
    """Every row of every area."""
    from .ezsp_config_rows import CONFIGURATION
    from .ezsp_message_rows import MESSAGING
    from .ezsp_network_rows import NETWORKING
    from .ezsp_security_rows import SECURITY

    return (*CONFIGURATION, *NETWORKING, *MESSAGING, *SECURITY)


@cache
def frames(version: int) -> Frames:
    """The frames of one of VERSIONS."""
    types = types_of(version, STRUCTURES)
    found = [
        Frame(
            row.id,
            row.name,
            None if row.request is None else Schema(row.request, types),
            Schema(row.response, types),
        )
        for row in rows()
        if row.since <= version <= row.until
    ]
    return Frames(version, {f.id: f for f in found}, {f.name: f for f in found})
