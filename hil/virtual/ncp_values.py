"""EZSP values (getValue, setValue): one row each, with its length and what is behind it.

Source: EzspValueId (reference: radio-stack 6.1).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, NamedTuple

from .ezsp import RELEASES
from .ezsp_status_rows import AnyStatus, Refusal
from .ncp import Ncp
from .ncp_tokens import NODE_DATA, NV_TOKENS, nv_token
from .node_types import Config, NetworkState, PassthroughFlag, Status

BUILD: Final = 0
GENERAL_AVAILABILITY: Final = 0xAA  # type of a release in VERSION_INFO
ENABLED: Final = 0x0001


class Value(NamedTuple):
    """A value: its length (None: any), its default, and what reads and writes it.

    Without `read` it is what was written last; `write` None: read-only, False: it is just kept.
    """

    name: str
    length: int | None
    default: int = 0
    read: Callable[[Ncp], int | bytes] | None = None
    write: Callable[[Ncp, int], AnyStatus] | None | bool = False


def _version(ncp: Ncp) -> bytes:
    return BUILD.to_bytes(2, "little") + bytes((*RELEASES[ncp.session.version], 0, GENERAL_AVAILABILITY))


def _set_passthrough(ncp: Ncp, value: int) -> AnyStatus:
    ncp.node.passthrough = PassthroughFlag(value)
    return Status.OK


def _set_synchronous(ncp: Ncp, value: int) -> AnyStatus:
    ncp.synchronous = bool(value)
    return Status.OK


def _set_nwk_counter(ncp: Ncp, value: int) -> AnyStatus:
    if ncp.node.network_state is not NetworkState.NO_NETWORK:
        return Refusal.INVALID_CALL
    ncp.node.set_frame_counters(nwk=value)
    return Status.OK


def _set_aps_counter(ncp: Ncp, value: int) -> AnyStatus:
    if ncp.node.network_state is not NetworkState.NO_NETWORK:
        return Refusal.INVALID_CALL
    ncp.node.set_frame_counters(aps=value)
    return Status.OK


def _nwk_counter(ncp: Ncp) -> int:
    key = ncp.node.network_key
    return 0 if key is None else key.frame_counter


def _aps_counter(ncp: Ncp) -> int:
    key = ncp.node.tc_link_key
    return 0 if key is None else key.outgoing_counter


def _clear_counters(ncp: Ncp, _: int) -> AnyStatus:
    counters = ncp.node.counters
    counters[:] = [0] * len(counters)
    return Status.OK


def _node_data(ncp: Ncp) -> bytes:
    return nv_token(ncp, NODE_DATA, 0) or bytes(NV_TOKENS[NODE_DATA])


def _rejoining(ncp: Ncp) -> bool:
    return ncp.node.network_state is NetworkState.JOINING


def _transient_timeout(ncp: Ncp) -> int:
    return ncp.node.config(Config.TRANSIENT_KEY_TIMEOUT_S)


def _set_transient_timeout(ncp: Ncp, value: int) -> AnyStatus:
    return ncp.node.set_config(Config.TRANSIENT_KEY_TIMEOUT_S, value)


VALUES: Final = {
    0x00: Value("TOKEN_STACK_NODE_DATA", 16, read=_node_data, write=None),
    0x01: Value("MAC_PASSTHROUGH_FLAGS", 1, read=lambda n: n.node.passthrough, write=_set_passthrough),
    0x02: Value("EMBERNET_PASSTHROUGH_SOURCE_ADDRESS", 2),
    0x03: Value("FREE_BUFFERS", 1, 255, write=None),
    0x04: Value("UART_SYNCH_CALLBACKS", 1, read=lambda n: n.synchronous, write=_set_synchronous),
    0x05: Value("MAXIMUM_INCOMING_TRANSFER_SIZE", 2, 82),
    0x06: Value("MAXIMUM_OUTGOING_TRANSFER_SIZE", 2, 82),
    0x07: Value("STACK_TOKEN_WRITING", 1, 1),
    0x08: Value("STACK_IS_PERFORMING_REJOIN", 1, read=_rejoining, write=None),
    0x09: Value("MAC_FILTER_LIST", None),
    0x0A: Value("EXTENDED_SECURITY_BITMASK", 2),
    0x0B: Value("NODE_SHORT_ID", 2, read=lambda n: n.node.node_id, write=None),
    0x0C: Value("DESCRIPTOR_CAPABILITY", 1),
    0x0D: Value("STACK_DEVICE_REQUEST_SEQUENCE_NUMBER", 1),
    0x0E: Value("RADIO_HOLD_OFF", 1),
    0x10: Value("MFG_SECURITY_CONFIG", 4),
    0x11: Value("VERSION_INFO", 7, read=_version, write=None),
    0x12: Value("NEXT_HOST_REJOIN_REASON", 1),
    0x13: Value("LAST_REJOIN_REASON", 1, write=None),
    0x14: Value("NEXT_ZIGBEE_SEQUENCE_NUMBER", 1),
    0x15: Value("CCA_THRESHOLD", 1, 0xB5),
    0x17: Value("SET_COUNTER_THRESHOLD", 2),
    0x18: Value("RESET_COUNTER_THRESHOLDS", None),
    0x19: Value("CLEAR_COUNTERS", None, write=_clear_counters),
    0x23: Value("NWK_FRAME_COUNTER", 4, read=_nwk_counter, write=_set_nwk_counter),
    0x24: Value("APS_FRAME_COUNTER", 4, read=_aps_counter, write=_set_aps_counter),
    0x25: Value("RETRY_DEVICE_TYPE", 1),
    0x29: Value("ENABLE_R21_BEHAVIOR", 1),
    0x30: Value("ANTENNA_MODE", 1),
    0x31: Value("ENABLE_PTA", 1),
    0x32: Value("PTA_OPTIONS", 4),
    0x33: Value("MFGLIB_OPTIONS", 1),
    0x34: Value("USE_NEGOTIATED_POWER_BY_LPD", 1),
    0x35: Value("PTA_PWM_OPTIONS", 2),
    0x36: Value("PTA_DIRECTIONAL_PRIORITY_PULSE_WIDTH", 1),
    0x37: Value("PTA_PHY_SELECT_TIMEOUT", 1),
    0x38: Value("ANTENNA_RX_MODE", 1),
    0x39: Value("NWK_KEY_TIMEOUT", 1, 5),
    0x3A: Value("FORCE_TX_AFTER_FAILED_CCA_ATTEMPTS", 1),
    0x3B: Value("TRANSIENT_KEY_TIMEOUT_S", 2, read=_transient_timeout, write=_set_transient_timeout),
    0x3C: Value("COULOMB_COUNTER_USAGE", 4),
    0x3D: Value("MAX_BEACONS_TO_STORE", 1, 8),
    0x3E: Value("END_DEVICE_TIMEOUT_OPTIONS_MASK", 2, 0x3FFF),
    0x3F: Value("END_DEVICE_KEEP_ALIVE_SUPPORT_MODE", 1, 3),
    0x40: Value("GPIO_RADIO_POWER_MASK", 4),
    0x41: Value("ACTIVE_RADIO_CONFIG", 1, write=None),
    0x43: Value("TRANSIENT_DEVICE_TIMEOUT", 2, 10_000),
    0x44: Value("KEY_STORAGE_VERSION", 1, write=None),
    0x45: Value("DELAYED_JOIN_ACTIVATION", 1),
    0x46: Value("MAX_NWK_RETRIES", 1, 4),
    0x47: Value("REJOIN_MODE", 1),
    0x48: Value("JOIN_USE_INSTALL_CODE_ENABLE", 1),
}  # fmt: skip
SET_ENDPOINT_FLAGS: Final = 0x0F


def get_value(ncp: Ncp, value_id: int) -> tuple[AnyStatus, bytes]:
    """A value as octets, least significant first."""
    row = VALUES.get(value_id)
    if row is None:
        return Refusal.INVALID_ID, b""
    found = row.read(ncp) if row.read else ncp.volatile.values.get(value_id, row.default)
    if isinstance(found, bytes):
        return Status.OK, found
    length = row.length or 0
    return Status.OK, (int(found) & (1 << 8 * length) - 1).to_bytes(length, "little")


def set_value(ncp: Ncp, value_id: int, octets: bytes) -> AnyStatus:
    """Write a value."""
    if value_id == SET_ENDPOINT_FLAGS:
        return _set_endpoint_flags(ncp, octets)
    row = VALUES.get(value_id)
    if row is None or row.write is None:
        return Refusal.INVALID_ID
    if row.length is not None and len(octets) != row.length:
        return Refusal.INVALID_VALUE
    if callable(row.write):
        return row.write(ncp, int.from_bytes(octets, "little"))
    ncp.volatile.values[value_id] = octets
    return Status.OK


def get_extended_value(ncp: Ncp, value_id: int, characteristics: int) -> tuple[AnyStatus, bytes]:
    """A value of something that `characteristics` names."""
    match value_id:
        case 0x00:  # EzspExtendedValueId ENDPOINT_FLAGS
            if characteristics not in {e.number for e in ncp.node.endpoints}:
                return Refusal.INVALID_VALUE, b""
            return Status.OK, ncp.volatile.endpoint_flags.get(characteristics, ENABLED).to_bytes(2, "little")
        case 0x02:  # GET_SOURCE_ROUTE_OVERHEAD: a count, an index and the relays
            relays = ncp.volatile.source_routes.get(characteristics, ())
            return Status.OK, bytes((2 + 2 * len(relays) if relays else 0,))
        case _:
            return Refusal.INVALID_ID, b""


def _set_endpoint_flags(ncp: Ncp, octets: bytes) -> AnyStatus:
    if len(octets) != 3 or octets[0] not in {e.number for e in ncp.node.endpoints}:
        return Refusal.INVALID_VALUE
    ncp.volatile.endpoint_flags[octets[0]] = int.from_bytes(octets[1:], "little")
    return Status.OK
