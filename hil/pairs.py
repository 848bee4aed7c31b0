"""Keys that two devices of a home agree: who takes part, and key establishment without radios.

A device is willing with those of its own device log, and with one whose join under way waits for it.
Source: GBCS CS03 (reference: chts-hub 6, se-security 9.3).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from gbcs.asn1.joins import JoinCode
from gbcs.ids import EntityId
from gbcs.time import Utc
from smets.behaviours.device_log import holds
from smets.behaviours.joining import KeyAgreed, KeyNotAgreed, agreeing
from smets.device import POWER_LOST, Device
from smets.han.compute import Compute
from smets.han.credential import CbkeCredential
from smets.han.join_keys import after_key_establishment
from smets.han.key_establishment import KeyEstablishment
from smets.han.key_establishment_events import (
    KeyEstablishmentEvent,
    PartnerSuites,
    ReadSuites,
    Received,
    Send,
    Start,
)
from smets.han.link import Address

Outcome = KeyAgreed | KeyNotAgreed
RULE = "chts-hub 6"
MOST_STEPS = 100  # ours: an exchange has a dozen


def has_power(device: Device, now: Utc) -> bool:
    """Whether a device does anything at all."""
    return device.observe(now).get(POWER_LOST) is None


def willing(device: Device, station: EntityId, now: Utc) -> bool:
    """Whether a device has anything to do with a station."""
    work = device.observe(now)
    return holds(work, station) or agreeing(work, station) is not None


def no_partner_key(station: EntityId) -> KeyNotAgreed:
    """How an agreement ends before it begins: the partner is not there, or does not want."""
    return KeyNotAgreed(station, JoinCode.NO_PARTNER_LINK_KEY)


def said(outcome: Outcome) -> str:
    """An outcome in words, without the key."""
    if isinstance(outcome, KeyAgreed):
        return "key agreed"
    return f"no key agreed: {outcome.code.name.lower().replace('_', ' ')}"


def establish(
    own: Address,
    partner: Address,
    credential: Callable[[EntityId], CbkeCredential],
    random: Callable[[str], Callable[[int], bytes]],
    trust_centre: EntityId,
    now: Utc,
) -> Outcome:
    """Let two nodes go through key establishment, with nothing between them that could lose a frame."""
    nodes = {
        address.station: KeyEstablishment(
            address,
            (credential(address.station),),
            random(f"cbke {address.station} {other.station} {now.us}"),
            trust_centre=trust_centre,
            admits=lambda station: True,  # the pair shares a partner link key
        )
        for address, other in ((own, partner), (partner, own))
    }
    queue: deque[tuple[EntityId, KeyEstablishmentEvent]] = deque([(own.station, Start(partner))])
    for _ in range(MOST_STEPS):
        if not queue:
            break
        station, event = queue.popleft()
        for effect in nodes[station].handle(event, now):
            if isinstance(effect, Send):
                queue.append((effect.destination.station, Received(nodes[station].own, effect.octets)))
            elif isinstance(effect, Compute):
                queue.append((station, effect.run()))
            elif isinstance(effect, ReadSuites):
                peer = effect.peer.station
                queue.append((station, PartnerSuites(peer, nodes[peer].suites)))
            elif station == own.station:
                outcome = after_key_establishment(effect, partner.station)
                if outcome is not None:
                    return outcome
    return KeyNotAgreed(partner.station, JoinCode.NO_CBKE_RESPONSE)
