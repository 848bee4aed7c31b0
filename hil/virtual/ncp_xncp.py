"""The custom frames of Nabu Casa firmware (XNCP), as far as a host gains by them.

A payload is a command id (u16), a status (u8) and a body; the answer has 8000 in its id.
Source: radio-stack 11; ids and bodies read from bellows 1.2.1.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from gbcs.errors import GbcsError

from .ezsp import RELEASES
from .ezsp_rows import STRUCTURES
from .ezsp_status_rows import STATUSES
from .ezsp_types import Schema, Values, types_of
from .ncp import Ncp
from .ncp_aps import aps_of
from .node_types import OutgoingType

XNCP_MANUFACTURER: Final = 0x1049
XNCP_VERSION: Final = 1
ANSWER: Final = 0x8000
UNKNOWN: Final = 0xFFFF
OK: Final = 0x00
BAD_ARGUMENT: Final = 0x02
EXTENDED_TIMEOUT: Final = 0x01
SOURCE_ROUTE: Final = 0x02
RAM_SIZE: Final = 262_144
PART_NUMBER: Final = b"virtual"
SOFTWARE: Final = 0  # flow control

MANUAL_SOURCE_ROUTE: Final = 1 << 1
BUILD_STRING: Final = 1 << 3
FLOW_CONTROL_TYPE: Final = 1 << 4
CHIP_INFO: Final = 1 << 5
COMBINED_SEND: Final = 1 << 8
FEATURES: Final = MANUAL_SOURCE_ROUTE | BUILD_STRING | FLOW_CONTROL_TYPE | CHIP_INFO | COMBINED_SEND

_TYPES: Final = types_of(0, STRUCTURES)
_HEADER: Final = Schema("flags:u8 destination:nwk aps:aps_frame tag:u8", _TYPES)
_TIMEOUT: Final = Schema("eui64:eui64 extended:bool", _TYPES)
_RELAYS: Final = Schema("relays:nwks", _TYPES)
_ROUTE: Final = Schema("destination:nwk relays:u16s", _TYPES)


def _features(ncp: Ncp, body: bytes) -> bytes:
    return FEATURES.to_bytes(4, "little")


def _set_source_route(ncp: Ncp, body: bytes) -> bytes:
    route, _ = _ROUTE.read(body)
    ncp.node.set_source_route(route["destination"], tuple(route["relays"]))
    return b""


def _build_string(ncp: Ncp, body: bytes) -> bytes:
    return b"smets " + ".".join(map(str, RELEASES[ncp.session.version])).encode()


def _flow_control(ncp: Ncp, body: bytes) -> bytes:
    return bytes((SOFTWARE,))


def _chip_info(ncp: Ncp, body: bytes) -> bytes:
    return RAM_SIZE.to_bytes(4, "little") + bytes((len(PART_NUMBER),)) + PART_NUMBER


def _send_unicast(ncp: Ncp, body: bytes) -> bytes:
    """What setExtendedTimeout, setSourceRoute and sendUnicast do, in one."""
    sent: Values
    sent, offset = _HEADER.read(body)
    if sent["flags"] & EXTENDED_TIMEOUT:
        timeout, offset = _TIMEOUT.read(body, offset)
        ncp.node.set_extended_timeout(timeout["eui64"], timeout["extended"])
    if sent["flags"] & SOURCE_ROUTE:
        route, offset = _RELAYS.read(body, offset)
        ncp.node.set_source_route(sent["destination"], tuple(route["relays"]))
    status, sequence = ncp.node.send_unicast(
        ncp.now, OutgoingType.DIRECT, sent["destination"], aps_of(sent["aps"]), sent["tag"], body[offset:]
    )
    return STATUSES[status][0].to_bytes(4, "little") + bytes((sequence,))


_COMMANDS: Final[dict[int, Callable[[Ncp, bytes], bytes]]] = {
    0x0000: _features,
    0x0001: _set_source_route,
    0x0003: _build_string,
    0x0004: _flow_control,
    0x0005: _chip_info,
    0x0009: _send_unicast,
}


def custom_frame(ncp: Ncp, payload: bytes) -> bytes:
    """The reply to a custom frame; an unknown command has an id of its own."""
    command_id = int.from_bytes(payload[:2], "little")
    handler = _COMMANDS.get(command_id)
    if len(payload) < 3 or handler is None:
        return UNKNOWN.to_bytes(2, "little") + bytes((OK,))
    try:
        status, body = OK, handler(ncp, payload[3:])
    except GbcsError:
        status, body = BAD_ARGUMENT, b""
    return (command_id | ANSWER).to_bytes(2, "little") + bytes((status,)) + body
