"""Values between this project and bellows: EUI-64s, keys, network parameters, security states."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

import bellows.types as t

from gbcs.ids import EntityId
from smets.han.zcl import ApsMessage

from .interface import Beacon, Network, NetworkSettings, NodeType

NOBODY = EntityId(bytes(8))
NO_INDEX = 0xFF
UNKNOWN_ID = 0xFFFF
COORDINATOR_ID = 0x0000

# EmberApsOption
ENCRYPTION = 0x0020
RETRY = 0x0040
ROUTE_DISCOVERY = 0x0100
RESPONSE_REQUIRED = 0x4000
FRAGMENT = 0x8000

# EmberInitialSecurityBitmask: a hub of Smart Energy has one key for each device (radio-stack 4.3)
HUB_SECURITY: Final = 0x0100 | 0x0200 | 0x0800 | 0x1000 | 0x0040
# have a preconfigured key, take the network key only encrypted (radio-stack 6.2)
JOINER_SECURITY: Final = 0x0100 | 0x0800

# SecurityManagerKeyType, SecurityManagerContextFlags
TC_LINK = 2
EUI_VALID = 0x02

# EzspPolicyId and what is decided (radio-stack 8)
TRUST_CENTER_POLICY = 0x00
TC_KEY_REQUEST_POLICY = 0x05
APP_KEY_REQUEST_POLICY = 0x06
ALLOW_JOINS = 0x01
ALLOW_UNSECURED_REJOINS = 0x02
JOINS_USE_INSTALL_CODE_KEY = 0x10
DENY_TC_KEY_REQUESTS = 0x50
DENY_APP_KEY_REQUESTS = 0x60
ALLOW_APP_KEY_REQUESTS = 0x61


def eui64(entity: EntityId) -> Any:
    """An EUI-64 for bellows, whose first octet is the least significant."""
    return t.EUI64.deserialize(entity[::-1])[0]


def entity(value: Any) -> EntityId:
    """And back; extended PAN ids, too."""
    return EntityId(bytes(value.serialize()[::-1]))


def key(octets: bytes) -> Any:
    """A key for bellows."""
    return t.KeyData(octets)


def key_octets(value: Any) -> bytes:
    """And back."""
    return bytes(value.serialize())


def channel_mask(channels: Iterable[int]) -> Any:
    """A channel mask."""
    return t.Channels.from_channel_list(sorted(set(channels)))


def aps_frame(message: ApsMessage, options: int, group: int = 0, sequence: int = 0) -> Any:
    """An APS frame to send."""
    if message.encrypted:
        options |= ENCRYPTION
    return t.EmberApsFrame(
        profileId=message.profile,
        clusterId=message.cluster,
        sourceEndpoint=message.source_endpoint,
        destinationEndpoint=message.destination_endpoint,
        options=t.EmberApsOption(options),
        groupId=group,
        sequence=sequence,
    )


def message_of(frame: Any, payload: bytes) -> ApsMessage:
    """What an APS frame carries."""
    return ApsMessage(
        int(frame.clusterId),
        int(frame.sourceEndpoint),
        int(frame.destinationEndpoint),
        payload,
        encrypted=bool(frame.options & ENCRYPTION),
        profile=int(frame.profileId),
    )


def beacon_of(values: dict[str, Any]) -> Beacon:
    """What networkFoundHandler tells."""
    found = values["networkFound"]
    return Beacon(
        int(found.channel),
        int(found.panId),
        entity(found.extendedPanId),
        bool(found.allowingJoin),
        int(values["lqi"]),
        int(values["rssi"]),
        int(found.stackProfile),
    )


def form_parameters(settings: NetworkSettings, channel: int, own: EntityId, power: int) -> Any:
    """Parameters of formNetwork. A PAN id of FFFF lets the dongle choose."""
    pan_id = UNKNOWN_ID if settings.pan_id is None else settings.pan_id
    return _parameters(settings.extended_pan_id or own, pan_id, channel, power)


def join_parameters(beacon: Beacon, power: int) -> Any:
    """Parameters of joinNetwork."""
    return _parameters(beacon.extended_pan_id, beacon.pan_id, beacon.channel, power)


def _parameters(extended_pan_id: EntityId, pan_id: int, channel: int, power: int) -> Any:
    return t.EmberNetworkParameters(
        extendedPanId=t.ExtendedPanId.deserialize(extended_pan_id[::-1])[0],
        panId=t.EmberPanId(pan_id),
        radioTxPower=t.uint8_t(power & 0xFF),
        radioChannel=t.uint8_t(channel),
        joinMethod=t.EmberJoinMethod.USE_MAC_ASSOCIATION,
        nwkManagerId=t.EmberNodeId(COORDINATOR_ID),
        nwkUpdateId=t.uint8_t(0),
        channels=t.Channels.ALL_CHANNELS,
    )


def hub_security(link_key: bytes, network_key: bytes, own: EntityId) -> Any:
    """setInitialSecurityState of a hub. No device ever learns its own link key."""
    return _security(HUB_SECURITY, link_key, network_key, own)


def joiner_security(link_key: bytes) -> Any:
    """setInitialSecurityState of a device, with the link key of its install code."""
    return _security(JOINER_SECURITY, link_key, bytes(16), NOBODY)


def _security(bits: int, link_key: bytes, network_key: bytes, trust_center: EntityId) -> Any:
    return t.EmberInitialSecurityState(
        bitmask=t.EmberInitialSecurityBitmask(bits),
        preconfiguredKey=key(link_key),
        networkKey=key(network_key),
        networkKeySequenceNumber=t.uint8_t(0),
        preconfiguredTrustCenterEui64=eui64(trust_center),
    )


def network_of(values: dict[str, Any], node_id: int, trust_center: EntityId) -> Network:
    """From the answer to getNetworkParameters."""
    found = values["parameters"]
    return Network(
        int(found.radioChannel),
        int(found.panId),
        entity(found.extendedPanId),
        node_id,
        NodeType(int(values["nodeType"])),
        trust_center,
    )


def tc_link_context(trust_center: EntityId) -> Any:
    """The security manager's context of the trust centre link key."""
    return t.SecurityManagerContextV13(
        core_key_type=t.SecurityManagerKeyType(TC_LINK),
        key_index=t.uint8_t(0),
        derived_type=t.SecurityManagerDerivedKeyTypeV13.NONE,
        eui64=eui64(trust_center),
        multi_network_index=t.uint8_t(0),
        flags=t.SecurityManagerContextFlags(EUI_VALID),
        psa_key_alg_permission=t.uint32_t(0),
    )
