"""EZSP frames of security: keys, trust centre, certificate based key establishment."""

# fmt: off

from __future__ import annotations

from typing import Final

from .ezsp_rows import Row

SECURITY: Final = (
    Row(0x0068, "setInitialSecurityState", "state:initial_security", "status:ember"),
    Row(0x0069, "getCurrentSecurityState", "", "status:ember state:current_security"),
    Row(0x0114, "exportKey", "context:context", "key:key status:sl", until=13),
    Row(0x0114, "exportKey", "context:context", "status:sl key:key context:context", since=14),
    Row(0x0115, "importKey", "context:context key:key", "status:sl", until=13),
    Row(0x0115, "importKey", "context:context key:key", "status:sl context:context", since=14),
    Row(0x010F, "exportLinkKeyByIndex", "index:u8", "eui64:eui64 key:key key_data:key_data status:sl", until=13),
    Row(0x010F, "exportLinkKeyByIndex", "index:u8", "status:sl context:context key:key key_data:key_data", since=14),
    Row(0x010D, "exportLinkKeyByEui", "eui64:eui64", "key:key index:u8 key_data:key_data status:sl", until=13),
    Row(0x010D, "exportLinkKeyByEui", "eui64:eui64", "status:sl context:context key:key key_data:key_data", since=14),
    Row(0x010E, "importLinkKey", "index:u8 eui64:eui64 key:key", "status:sl"),
    Row(0x0111, "importTransientKey", "eui64:eui64 key:key flags:u8?", "status:sl"),
    Row(0x0112, "exportTransientKeyByIndex", "index:u8", "context:context key:key key_data:key_data status:sl", until=13),
    Row(0x0112, "exportTransientKeyByIndex", "index:u8", "status:sl context:context key:key key_data:key_data", since=14),
    Row(0x0113, "exportTransientKeyByEui", "eui64:eui64", "context:context key:key key_data:key_data status:sl", until=13),
    Row(0x0113, "exportTransientKeyByEui", "eui64:eui64", "status:sl context:context key:key key_data:key_data", since=14),
    Row(0x006B, "clearTransientLinkKeys", "", ""),
    Row(0x0110, "checkKeyContext", "context:context", "status:sl"),
    Row(0x010C, "getApsKeyInfo", "context:context", "eui64:eui64 key_data:key_data status:sl", until=13),
    Row(0x010C, "getApsKeyInfo", "context:context", "status:sl key_data:key_data context:context", since=14),
    Row(0x0116, "getNetworkKeyInfo", "", "status:sl info:network_key_info"),
    Row(0x0075, "findKeyTableEntry", "eui64:eui64 link_key:bool?", "index:u8"),
    Row(0x0076, "eraseKeyTableEntry", "index:u8", "status:ember"),
    Row(0x00B1, "clearKeyTable", "", "status:ember"),
    Row(0x0014, "requestLinkKey", "partner:eui64", "status:ember"),
    Row(0x006C, "updateTcLinkKey", "max_attempts:u8", "status:ember"),
    Row(0x009B, "zigbeeKeyEstablishmentHandler", None, "partner:eui64 status:u8"),
    Row(0x006E, "switchNetworkKeyHandler", None, "sequence:u8"),
    # Trust centre
    Row(0x0024, "trustCenterJoinHandler", None, "node_id:nwk eui64:eui64 update:u8 decision:u8 parent:nwk"),
    Row(0x0073, "broadcastNextNetworkKey", "key:key", "status:ember"),
    Row(0x0074, "broadcastNetworkKeySwitch", "", "status:ember"),
    Row(0x00A9, "unicastNwkKeyUpdate", "node_id:nwk eui64:eui64 key:key", "status:ember"),
    Row(0x00A8, "removeDevice", "node_id:nwk eui64:eui64 target:eui64", "status:ember"),
    Row(0x006F, "aesMmoHash", "context:hash_context finalize:bool data:lv", "status:ember context:hash_context"),
    Row(0x0094, "aesEncrypt", "plaintext:octets16 key:key", "ciphertext:octets16"),
    # Key establishment: stock firmware holds only stubs of the library (radio-stack 8)
    Row(0x00A4, "generateCbkeKeys", "", "status:ember"),
    Row(0x009F, "calculateSmacs", "initiator:bool certificate:octets48 ephemeral_key:octets22", "status:ember"),
    Row(0x00E8, "generateCbkeKeys283k1", "", "status:ember"),
    Row(0x00EA, "calculateSmacs283k1", "initiator:bool certificate:octets74 ephemeral_key:octets37", "status:ember"),
    Row(0x00A1, "clearTemporaryDataMaybeStoreLinkKey", "store:bool", "status:ember"),
    Row(0x00EE, "clearTemporaryDataMaybeStoreLinkKey283k1", "store:bool", "status:ember"),
    Row(0x00A5, "getCertificate", "", "status:ember certificate:octets48"),
    Row(0x00EC, "getCertificate283k1", "", "status:ember certificate:octets74"),
    Row(0x00A6, "dsaSign", "message:lv", "status:ember"),
    Row(0x00A3, "dsaVerify", "digest:octets16 certificate:octets48 signature:octets42", "status:ember"),
    Row(0x00B0, "dsaVerify283k1", "digest:octets16 certificate:octets74 signature:octets72", "status:ember"),
    Row(0x00A2, "setPreinstalledCbkeData", "ca_public:octets22 certificate:octets48 private_key:octets21", "status:ember"),
    Row(0x00ED, "savePreinstalledCbkeData283k1", "", "status:ember"),
)
