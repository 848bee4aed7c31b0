"""Tokens of a dongle: manufacturing tokens, the host's own, and those of the non-volatile memory.

What the host writes is kept by the node and survives a reset. Source: EzspMfgTokenId,
NV3KeyId (reference: radio-stack 6.1, 8).
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final, NamedTuple

from .ezsp_status_rows import AnyStatus
from .ncp import NO_EUI64, Ncp
from .node_types import Status

ERASED: Final = 0xFF
HOST_TOKENS: Final = 8  # setToken, getToken
HOST_TOKEN_LENGTH: Final = 8
CUSTOM_EUI64: Final = 0x0C
INSTALL_CODE: Final = 0x0A


class MfgToken(NamedTuple):
    """A manufacturing token; one that the host may write is write-once."""

    name: str
    length: int
    writable: bool = True


MFG_TOKENS: Final = {
    0x00: MfgToken("CUSTOM_VERSION", 2),
    0x01: MfgToken("STRING", 16),
    0x02: MfgToken("BOARD_NAME", 16),
    0x03: MfgToken("MANUF_ID", 2),
    0x04: MfgToken("PHY_CONFIG", 2),
    0x05: MfgToken("BOOTLOAD_AES_KEY", 16),
    0x06: MfgToken("ASH_CONFIG", 40),
    0x07: MfgToken("STORAGE", 8),
    0x08: MfgToken("STACK_CAL_DATA", 64, writable=False),
    0x09: MfgToken("CBKE_DATA", 92),
    INSTALL_CODE: MfgToken("INSTALLATION_CODE", 20),
    0x0B: MfgToken("STACK_CAL_FILTER", 1, writable=False),
    CUSTOM_EUI64: MfgToken("CUSTOM_EUI_64", 8),
    0x0D: MfgToken("CTUNE", 2),
}

# NV3KeyId -> length; the low half is what the creator's and the NVM3 number share
NODE_DATA: Final = 0x0001EE64
RESTORED_EUI64: Final = 0x0000E12A
TRUST_CENTER: Final = 0x0001E124
NETWORK_MANAGEMENT: Final = 0x0001E125
CHILD_TABLE: Final = 0x00010580
CHILD_FLAGS: Final = 0x80  # of a child that is there (radio-stack: read from bellows 1.2.1)
NV_TOKENS: Final = {
    NODE_DATA: 16,
    TRUST_CENTER: 26,
    NETWORK_MANAGEMENT: 8,
    RESTORED_EUI64: 8,
    CHILD_TABLE: 11,
}
STACK_PROFILE: Final = 2


def mfg_token(ncp: Ncp, token_id: int) -> bytes:
    """A manufacturing token; empty for an unknown id, FF where nothing was written."""
    row = MFG_TOKENS.get(token_id)
    if row is None:
        return b""
    if (name := _mfg(token_id)) in ncp.node.tokens:
        return ncp.node.tokens[name]
    texts = {0x01: ncp.settings.manufacturer, 0x02: ncp.settings.board}
    octets = texts.get(token_id, "").encode()[: row.length]
    return octets + bytes((ERASED,)) * (row.length - len(octets))


def set_mfg_token(ncp: Ncp, token_id: int, octets: bytes) -> AnyStatus:
    """Write a manufacturing token, which works once."""
    row = MFG_TOKENS.get(token_id)
    if row is None or not row.writable or len(octets) != row.length:
        return Status.INVALID_PARAMETER
    if mfg_token(ncp, token_id).strip(bytes((ERASED,))):
        return Status.INVALID_STATE
    ncp.node.tokens[_mfg(token_id)] = octets
    return Status.OK


def host_token(ncp: Ncp, token_id: int) -> tuple[AnyStatus, bytes]:
    """A token that only the host knows the meaning of."""
    if token_id >= HOST_TOKENS:
        return Status.INVALID_PARAMETER, bytes(HOST_TOKEN_LENGTH)
    name = _host(token_id)
    return Status.OK, ncp.node.tokens[name] if name in ncp.node.tokens else bytes(HOST_TOKEN_LENGTH)


def set_host_token(ncp: Ncp, token_id: int, octets: bytes) -> AnyStatus:
    """Write it."""
    if token_id >= HOST_TOKENS:
        return Status.INVALID_PARAMETER
    ncp.node.tokens[_host(token_id)] = octets
    return Status.OK


def nv_token(ncp: Ncp, token: int, index: int) -> bytes | None:
    """A token of the non-volatile memory; None where there is none."""
    node = ncp.node
    p = node.parameters
    if token == CHILD_TABLE:
        rows = node.children
        child = rows[index] if index < len(rows) else None
        if child is None:
            return None
        return child.eui64.to_bytes(8, "little") + child.node_id.to_bytes(2, "little") + bytes((CHILD_FLAGS,))
    if index:
        return None
    if token == RESTORED_EUI64:
        name = _nv(token)
        return node.tokens[name] if name in node.tokens else bytes((ERASED,)) * 8
    if p is None:
        return None
    if token == NODE_DATA:
        return (
            p.pan_id.to_bytes(2, "little")
            + bytes((p.tx_power & 0xFF, p.channel, STACK_PROFILE, node.node_type))
            + node.node_id.to_bytes(2, "little")
            + p.extended_pan_id.to_bytes(8, "little")
        )
    if token == NETWORK_MANAGEMENT:
        return p.channels.to_bytes(4, "little") + p.manager_id.to_bytes(2, "little") + bytes((p.update_id, 0))
    if token == TRUST_CENTER:
        _, bitmask, trust_center = node.current_security()
        key = node.tc_link_key
        return (
            int(bitmask).to_bytes(2, "little")
            + trust_center.to_bytes(8, "little")
            + (bytes(16) if key is None else key.key)
        )
    return None


def set_nv_token(ncp: Ncp, token: int, index: int, octets: bytes) -> AnyStatus:
    """Write a token; of the network only power, manager, update id and channels can change so."""
    old = nv_token(ncp, token, index)
    if old is None:
        return Status.NOT_FOUND
    if len(octets) != NV_TOKENS[token]:
        return Status.INVALID_PARAMETER
    if token == RESTORED_EUI64:
        ncp.node.tokens[_nv(token)] = octets
        return Status.OK
    if token == TRUST_CENTER:
        return ncp.node.set_tc_link_key(octets[10:]) if octets[10:] != old[10:] else Status.OK
    if octets == old:
        return Status.OK
    p = ncp.node.parameters
    if p is not None and token == NETWORK_MANAGEMENT:
        changed = replace(
            p,
            channels=int.from_bytes(octets[:4], "little"),
            manager_id=int.from_bytes(octets[4:6], "little"),
            update_id=octets[6],
        )
        return ncp.node.set_parameters(changed)
    if p is not None and token == NODE_DATA and octets[:2] + octets[3:] == old[:2] + old[3:]:
        return ncp.node.set_parameters(replace(p, tx_power=signed(octets[2])))
    return Status.INVALID_STATE


def signed(octet: int) -> int:
    """An octet as a signed number."""
    return octet - 0x100 if octet >= 0x80 else octet


def chosen_eui64(ncp: Ncp) -> int:
    """The EUI-64 after a reset: the restored one, else the custom one, else the one it was built with."""
    restored = nv_token(ncp, RESTORED_EUI64, 0) or b""
    for octets in (restored, mfg_token(ncp, CUSTOM_EUI64)):
        number = int.from_bytes(octets, "little")
        if number not in (NO_EUI64, 0):
            return number
    return ncp.built_eui64


def _mfg(token_id: int) -> str:
    return f"mfg {token_id:02X}"


def _host(token_id: int) -> str:
    return f"host {token_id:02X}"


def _nv(token: int) -> str:
    return f"nv {token:08X}"
