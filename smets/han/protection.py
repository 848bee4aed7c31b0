"""Which clusters need the link key, and what becomes of a frame that lacks it.

Source: SE standard 5.4.6 (reference: se-security 9.2, chts-hub 5.5, han-clusters). Neither a
dongle nor its driver enforces it (radio-stack 7.5).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple

from gbcs.errors import BuildError, ParseError
from gbcs.zcl.clusters import DEFAULT_RESPONSE

from .endpoints import (
    ALARMS,
    BASIC,
    CALENDAR,
    COMMISSIONING,
    DEVICE_MANAGEMENT,
    DRLC,
    ENERGY_MANAGEMENT,
    EVENTS,
    IDENTIFY,
    KEEP_ALIVE,
    KEY_ESTABLISHMENT,
    MDU_PAIRING,
    MESSAGING,
    METER,
    OTA,
    POWER_CONFIGURATION,
    PREPAYMENT,
    PRICE,
    SUB_GHZ,
    TIME,
    TUNNELING,
)
from .zcl import PROFILE_SE, ApsMessage, default_response, parse_zcl, wants_default_response

FAILURE = 0x01  # ZCL status


class Protection(Enum):
    """What protects frames of a cluster on a Smart Energy endpoint."""

    LINK_KEY = "link key"
    NETWORK_KEY = "network key"


class Row(NamedTuple):
    """A cluster's protection. `broadcast`: a broadcast may do without the link key."""

    cluster: int
    protection: Protection
    broadcast: bool = False


ROWS = (
    Row(BASIC, Protection.NETWORK_KEY),
    Row(POWER_CONFIGURATION, Protection.NETWORK_KEY),
    Row(IDENTIFY, Protection.NETWORK_KEY),
    Row(ALARMS, Protection.NETWORK_KEY),
    Row(TIME, Protection.LINK_KEY),
    Row(COMMISSIONING, Protection.LINK_KEY),
    Row(OTA, Protection.LINK_KEY, broadcast=True),  # Image Notify
    Row(KEEP_ALIVE, Protection.LINK_KEY),
    Row(PRICE, Protection.LINK_KEY),
    Row(DRLC, Protection.LINK_KEY),
    Row(METER, Protection.LINK_KEY),
    Row(MESSAGING, Protection.LINK_KEY),
    Row(TUNNELING, Protection.LINK_KEY),
    Row(PREPAYMENT, Protection.LINK_KEY),
    Row(ENERGY_MANAGEMENT, Protection.LINK_KEY),
    Row(CALENDAR, Protection.LINK_KEY),
    Row(DEVICE_MANAGEMENT, Protection.LINK_KEY),
    Row(EVENTS, Protection.LINK_KEY),
    Row(MDU_PAIRING, Protection.LINK_KEY),
    Row(SUB_GHZ, Protection.LINK_KEY),
    Row(KEY_ESTABLISHMENT, Protection.NETWORK_KEY),
)
_BY_CLUSTER = {row.cluster: row for row in ROWS}


@dataclass(frozen=True, slots=True)
class ProtectionSettings:
    """Settings of what is taken."""

    either: frozenset[int] = frozenset()
    """Clusters taken without the link key, too. Gap: se-security 9.2 would take Time and Keep-Alive
    either way, chts-hub 5.5 wants the link key for both."""
    takes_refusals: bool = True
    """Take a Default Response FAILURE without the link key on any cluster: how else would one hear that a
    frame lacked it? Gap: se-security 9.2 sends it under the network key and does not say who takes it."""


def protection_of(cluster: int) -> Protection:
    """The protection of a cluster; one that is not listed, as a manufacturer's own, needs the link key."""
    row = _BY_CLUSTER.get(cluster)
    return Protection.LINK_KEY if row is None else row.protection


def is_acceptable(
    message: ApsMessage, broadcast: bool = False, settings: ProtectionSettings | None = None
) -> bool:
    """Whether a message has the protection its cluster needs; other profiles need none.

    `settings` None: the defaults.
    """
    if message.encrypted or message.profile != PROFILE_SE:
        return True
    if protection_of(message.cluster) is Protection.NETWORK_KEY:
        return True
    row = _BY_CLUSTER.get(message.cluster)
    if broadcast and row is not None and row.broadcast:
        return True
    chosen = settings or ProtectionSettings()
    return message.cluster in chosen.either or (chosen.takes_refusals and is_refusal(message))


def is_refusal(message: ApsMessage) -> bool:
    """Whether a message is what `refusal` makes."""
    try:
        frame = parse_zcl(message.cluster, message.payload)
        return (
            frame.is_general
            and frame.command == DEFAULT_RESPONSE
            and frame.values["Status"] == FAILURE
            and not frame.rest
        )
    except ParseError:
        return False


def refusal(message: ApsMessage) -> ApsMessage | None:
    """The answer to a message that is not acceptable: a Default Response FAILURE, unprotected.

    None where the message asks for none, or is no ZCL frame.
    """
    try:
        frame = parse_zcl(message.cluster, message.payload)
        if not wants_default_response(frame):
            return None
        payload = default_response(frame, FAILURE).octets()
    except (ParseError, BuildError):
        return None
    return ApsMessage(
        message.cluster,
        message.destination_endpoint,
        message.source_endpoint,
        payload,
        encrypted=False,
        profile=message.profile,
    )
