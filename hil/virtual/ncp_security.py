"""EZSP commands of security: keys, trust centre, certificate based key establishment."""

from __future__ import annotations

from typing import Final

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from gbcs.errors import GbcsError
from smets.han.install_code import InstallCode

from .ezsp_status_rows import AnyStatus, Refusal
from .ezsp_types import Values
from .ncp import Handlers, Ncp, only
from .ncp_tokens import INSTALL_CODE, mfg_token
from .node_types import KEY_LENGTH, NO_INDEX, InitialSecurity, LinkKey, SecurityBit, Status, TransientKey

SECURITY_COMMANDS: Final = Handlers()
command = SECURITY_COMMANDS

NO_KEY: Final = bytes(KEY_LENGTH)
# SecurityManagerKeyType
NETWORK: Final = 1
TRANSIENT: Final = 3  # TC_LINK_WITH_TIMEOUT
APP_LINK: Final = 4
# SecurityManagerContextFlags
INDEX_VALID: Final = 0x01
EUI_VALID: Final = 0x02
# EmberKeyStructBitmask
HAS_OUTGOING_COUNTER: Final = 0x0002
HAS_INCOMING_COUNTER: Final = 0x0004
HAS_PARTNER: Final = 0x0008
AUTHORISED: Final = 0x0010
HAS_KEY_DATA: Final = 0x0100
SECOND: Final = 1_000_000
# Token INSTALLATION_CODE: flags (bits 1-2 its length), 16 octets, CRC
INSTALL_CODE_LENGTHS: Final = {0x0000: 6, 0x0002: 8, 0x0004: 12, 0x0006: 16}
INSTALL_CODE_MASK: Final = 0x0006
NO_INSTALL_CODE: Final = 0xFFFF


@command("setInitialSecurityState")
def _set_initial_security(ncp: Ncp, arguments: Values) -> Values:
    state = arguments["state"]
    bitmask = SecurityBit(state["bitmask"])
    key = state["preconfigured_key"]
    if bitmask & SecurityBit.GET_PRECONFIGURED_KEY_FROM_INSTALL_CODE:
        from_token = _token_key(ncp)
        if from_token is None:
            return only(Refusal.NOT_SUPPORTED)
        key, bitmask = from_token, bitmask | SecurityBit.HAVE_PRECONFIGURED_KEY
    return only(
        ncp.node.set_initial_security(
            InitialSecurity(
                bitmask, key, state["network_key"], state["network_key_sequence"], state["trust_center"]
            )
        )
    )


def _token_key(ncp: Ncp) -> bytes | None:
    """The link key of the install code in the manufacturing token, if there is a valid one."""
    token = mfg_token(ncp, INSTALL_CODE)
    flags = int.from_bytes(token[:2], "little")
    if flags == NO_INSTALL_CODE:
        return None
    length = INSTALL_CODE_LENGTHS[flags & INSTALL_CODE_MASK]
    try:
        return InstallCode.from_octets(token[2 : 2 + length] + token[18:20]).link_key
    except GbcsError:
        return None


@command("getCurrentSecurityState")
def _current_security(ncp: Ncp, arguments: Values) -> Values:
    status, bitmask, trust_center = ncp.node.current_security()
    return {"status": status, "state": {"bitmask": int(bitmask), "trust_center": trust_center}}


# Keys as the host names them


class _Found:
    """A key that a context names, and what belongs to it."""

    def __init__(self, key: bytes, row: LinkKey | None = None, expires: int | None = None) -> None:
        self.key = key
        self.row = row
        self.expires = expires

    def key_data(self, now: int) -> Values:
        bitmask = HAS_KEY_DATA
        row = self.row
        if row is not None:
            bitmask |= HAS_OUTGOING_COUNTER | HAS_INCOMING_COUNTER | HAS_PARTNER
            bitmask |= AUTHORISED if row.authorised else 0
        left = 0 if self.expires is None else max(0, self.expires - now) // SECOND
        return {
            "bitmask": bitmask,
            "outgoing_counter": 0 if row is None else row.outgoing_counter,
            "incoming_counter": 0 if row is None else row.incoming_counter,
            "ttl_s": min(0xFFFF, left),
        }


def _no_key_data() -> Values:
    return {"bitmask": 0, "outgoing_counter": 0, "incoming_counter": 0, "ttl_s": 0}


def _context(key_type: int, index: int = NO_INDEX, eui64: int = 0, flags: int = 0) -> Values:
    return {
        "key_type": key_type,
        "index": index,
        "derived_type": 0,
        "eui64": eui64,
        "network_index": 0,
        "flags": flags,
        "algorithm": 0,
    }


def _link(row: LinkKey | None) -> _Found | None:
    return None if row is None else _Found(row.key, row)


def _transient(row: TransientKey | None) -> _Found | None:
    return None if row is None else _Found(row.key, LinkKey(NO_INDEX, row.partner, row.key), row.expires)


def _transient_of(ncp: Ncp, eui64: int) -> TransientKey | None:
    return next((k for k in ncp.node.transient_keys if k.partner == eui64), None)


def _transient_at(ncp: Ncp, index: int) -> TransientKey | None:
    keys = ncp.node.transient_keys
    return keys[index] if index < len(keys) else None


def _find(ncp: Ncp, context: Values) -> tuple[AnyStatus, _Found | None]:
    """The key that a security manager context names."""
    node = ncp.node
    by_eui = bool(context["flags"] & EUI_VALID)
    found: _Found | None
    if context["derived_type"]:
        return Status.INVALID_PARAMETER, None
    match context["key_type"]:
        case 1:  # NETWORK: index 1 is the alternate key
            info = node.network_key
            key = None if info is None else info.alternate_key if context["index"] == 1 else info.key
            found = None if key is None else _Found(key)
        case 2:  # TC_LINK
            found = _link(node.tc_link_key)
        case 3:  # TC_LINK_WITH_TIMEOUT
            found = _transient(
                _transient_of(ncp, context["eui64"]) if by_eui else _transient_at(ncp, context["index"])
            )
        case 4:  # APP_LINK
            found = _link(
                node.link_key_of(context["eui64"]) if by_eui else node.link_key_at(context["index"])
            )
        case _:
            return Status.INVALID_PARAMETER, None
    return (Status.OK, found) if found else (Status.NOT_FOUND, None)


@command("exportKey")
def _export_key(ncp: Ncp, arguments: Values) -> Values:
    status, found = _find(ncp, arguments["context"])
    return {"status": status, "key": found.key if found else NO_KEY, "context": arguments["context"]}


@command("checkKeyContext")
def _check_context(ncp: Ncp, arguments: Values) -> Values:
    return only(_find(ncp, arguments["context"])[0])


@command("getApsKeyInfo")
def _aps_key_info(ncp: Ncp, arguments: Values) -> Values:
    context = dict(arguments["context"])
    status, found = _find(ncp, context)
    if context["key_type"] == NETWORK:
        status, found = Status.INVALID_PARAMETER, None
    if found and found.row:
        context["eui64"] = found.row.partner
    data = found.key_data(ncp.now) if found else _no_key_data()
    return {"status": status, "eui64": context["eui64"], "key_data": data, "context": context}


@command("importKey")
def _import_key(ncp: Ncp, arguments: Values) -> Values:
    context, key = arguments["context"], arguments["key"]
    status: AnyStatus = Status.INVALID_PARAMETER
    match context["key_type"]:
        case 2:  # TC_LINK
            status = ncp.node.set_tc_link_key(key)
        case 3:  # TC_LINK_WITH_TIMEOUT
            status = ncp.node.import_transient_key(ncp.now, context["eui64"], key)
        case 4:  # APP_LINK
            status = _import_link_key(ncp, context["index"], context["eui64"], key)
    return {"status": status, "context": context}


@command("importLinkKey")
def _import_link(ncp: Ncp, arguments: Values) -> Values:
    return only(_import_link_key(ncp, arguments["index"], arguments["eui64"], arguments["key"]))


def _import_link_key(ncp: Ncp, index: int, eui64: int, key: bytes) -> AnyStatus:
    if index != NO_INDEX and index >= ncp.node.config(KEY_TABLE_SIZE):
        return Status.INVALID_INDEX
    return ncp.node.import_link_key(index, eui64, key)


KEY_TABLE_SIZE: Final = 0x1E  # EzspConfigId


def _exported(ncp: Ncp, row: LinkKey | None, missing: AnyStatus) -> Values:
    found = _link(row)
    partner = row.partner if row else 0
    index = row.index if row else NO_INDEX
    return {
        "status": Status.OK if found else missing,
        "eui64": partner,
        "key": found.key if found else NO_KEY,
        "index": index,
        "key_data": found.key_data(ncp.now) if found else _no_key_data(),
        "context": _context(APP_LINK, index, partner, INDEX_VALID | EUI_VALID if found else 0),
    }


@command("exportLinkKeyByIndex")
def _export_by_index(ncp: Ncp, arguments: Values) -> Values:
    index = arguments["index"]
    missing = Status.NOT_FOUND if index < ncp.node.config(KEY_TABLE_SIZE) else Status.INVALID_INDEX
    return _exported(ncp, ncp.node.link_key_at(index), missing)


@command("exportLinkKeyByEui")
def _export_by_eui(ncp: Ncp, arguments: Values) -> Values:
    return _exported(ncp, ncp.node.link_key_of(arguments["eui64"]), Status.NOT_FOUND)


@command("importTransientKey")
def _import_transient(ncp: Ncp, arguments: Values) -> Values:
    return only(ncp.node.import_transient_key(ncp.now, arguments["eui64"], arguments["key"]))


def _exported_transient(ncp: Ncp, row: TransientKey | None) -> Values:
    found = _transient(row)
    return {
        "status": Status.OK if found else Status.NOT_FOUND,
        "context": _context(TRANSIENT, NO_INDEX, row.partner if row else 0, EUI_VALID if row else 0),
        "key": found.key if found else NO_KEY,
        "key_data": found.key_data(ncp.now) if found else _no_key_data(),
    }


@command("exportTransientKeyByIndex")
def _export_transient_by_index(ncp: Ncp, arguments: Values) -> Values:
    return _exported_transient(ncp, _transient_at(ncp, arguments["index"]))


@command("exportTransientKeyByEui")
def _export_transient_by_eui(ncp: Ncp, arguments: Values) -> Values:
    return _exported_transient(ncp, _transient_of(ncp, arguments["eui64"]))


@command("clearTransientLinkKeys")
def _clear_transient(ncp: Ncp, arguments: Values) -> Values:
    ncp.node.clear_transient_keys()
    return {}


@command("getNetworkKeyInfo")
def _network_key_info(ncp: Ncp, arguments: Values) -> Values:
    info = ncp.node.network_key
    return {
        "status": Status.OK,
        "info": {
            "key_set": info is not None,
            "alternate_key_set": info is not None and info.alternate_key is not None,
            "sequence": info.sequence if info else 0,
            "alternate_sequence": info.alternate_sequence if info else 0,
            "frame_counter": info.frame_counter if info else 0,
        },
    }


@command("findKeyTableEntry")
def _find_key(ncp: Ncp, arguments: Values) -> Values:
    row = ncp.node.link_key_of(arguments["eui64"])
    return {"index": NO_INDEX if row is None else row.index}


@command("eraseKeyTableEntry")
def _erase_key(ncp: Ncp, arguments: Values) -> Values:
    return only(ncp.node.erase_link_key(arguments["index"]))


@command("clearKeyTable")
def _clear_keys(ncp: Ncp, arguments: Values) -> Values:
    return only(ncp.node.clear_link_keys())


@command("requestLinkKey")
def _request_link_key(ncp: Ncp, arguments: Values) -> Values:
    return only(ncp.node.request_link_key(ncp.now, arguments["partner"]))


@command("updateTcLinkKey")
def _update_tc_link_key(ncp: Ncp, arguments: Values) -> Values:
    return only(ncp.node.update_tc_link_key(ncp.now))


# Trust centre


@command("broadcastNextNetworkKey")
def _next_network_key(ncp: Ncp, arguments: Values) -> Values:
    return only(ncp.node.broadcast_next_network_key(ncp.now, arguments["key"]))


@command("broadcastNetworkKeySwitch")
def _switch_network_key(ncp: Ncp, arguments: Values) -> Values:
    return only(ncp.node.broadcast_network_key_switch(ncp.now))


@command("unicastNwkKeyUpdate")
def _unicast_network_key(ncp: Ncp, arguments: Values) -> Values:
    return only(
        ncp.node.unicast_network_key_update(
            ncp.now, arguments["node_id"], arguments["eui64"], arguments["key"]
        )
    )


@command("removeDevice")
def _remove_device(ncp: Ncp, arguments: Values) -> Values:
    return only(
        ncp.node.remove_device(ncp.now, arguments["node_id"], arguments["eui64"], arguments["target"])
    )


# Cryptography


@command("aesEncrypt")
def _aes_encrypt(ncp: Ncp, arguments: Values) -> Values:
    return {"ciphertext": _block(arguments["key"], arguments["plaintext"])}


@command("aesMmoHash")
def _aes_mmo_hash(ncp: Ncp, arguments: Values) -> Values:
    """Whole blocks, one call after the other; the last call may bring up to a block and closes the hash."""
    context, data = arguments["context"], arguments["data"]
    state, length = context["result"], context["length"] + len(data)
    bits = 8 * length
    if bits >> 32:
        return {"status": Status.INVALID_PARAMETER, "context": context}
    if arguments["finalize"]:
        tail = bits.to_bytes(2, "big") if bits < 1 << 16 else bits.to_bytes(4, "big") + bytes(2)
        data = data + b"\x80" + bytes(-(len(data) + 1 + len(tail)) % KEY_LENGTH) + tail
    elif len(data) % KEY_LENGTH:
        return {"status": Status.INVALID_PARAMETER, "context": context}
    for start in range(0, len(data), KEY_LENGTH):
        block = data[start : start + KEY_LENGTH]
        state = bytes(a ^ b for a, b in zip(_block(state, block), block, strict=True))
    return {"status": Status.OK, "context": {"result": state, "length": length}}


def _block(key: bytes, block: bytes) -> bytes:
    return Cipher(algorithms.AES(key), modes.ECB()).encryptor().update(block)


# The library is not there: key establishment is the host's affair (radio-stack 8)
command.always(
    "generateCbkeKeys calculateSmacs generateCbkeKeys283k1 calculateSmacs283k1"
    " clearTemporaryDataMaybeStoreLinkKey clearTemporaryDataMaybeStoreLinkKey283k1"
    " dsaSign dsaVerify dsaVerify283k1 setPreinstalledCbkeData savePreinstalledCbkeData283k1",
    status=Refusal.LIBRARY_NOT_PRESENT,
)
command.always("getCertificate", status=Refusal.LIBRARY_NOT_PRESENT, certificate=bytes(48))
command.always("getCertificate283k1", status=Refusal.LIBRARY_NOT_PRESENT, certificate=bytes(74))
