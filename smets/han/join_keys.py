"""Between a device that joins another and the machines that make the pair's key.

`AgreeKey` of a device begins with a partner link key from the Trust Centre (`partner_keys`), and
goes on by key establishment under it (`key_establishment`); how each of them ended is an event of
the device. Source: GBCS CS03 (reference: chts-hub 6, se-security 9.3).
"""

from __future__ import annotations

from gbcs.asn1.joins import JoinCode
from gbcs.ids import EntityId

from ..behaviours.joining import AgreeKey, KeyAgreed, KeyNotAgreed
from .key_establishment_events import Established, Failed, KeyEstablishmentEffect, Start
from .key_establishment_frames import Status
from .link import Address
from .partner_keys import InstallKey, NoKey, PartnerKeyEffect, WantKey

CODES: dict[int | None, JoinCode] = {
    Status.UNKNOWN_ISSUER: JoinCode.UNKNOWN_ISSUER,
    Status.BAD_KEY_CONFIRM: JoinCode.BAD_KEY_CONFIRM,
    Status.BAD_MESSAGE: JoinCode.BAD_MESSAGE,
    Status.NO_RESOURCES: JoinCode.NO_RESOURCES,
    Status.UNSUPPORTED_SUITE: JoinCode.UNSUPPORTED_SUITE,
    Status.INVALID_CERTIFICATE: JoinCode.BAD_MESSAGE,
    None: JoinCode.NO_CBKE_RESPONSE,
}
"""The answer of a join, by the status of a Terminate; None is silence. Gap: gbcs-messages 8.5 has no code
for an invalid certificate of key establishment, nor for a status without a name: badMessage."""


def wish(effect: AgreeKey) -> WantKey:
    """What a device asks for, as the wish for a partner link key."""
    return WantKey(effect.station)


def after_partner_key(effect: PartnerKeyEffect, peer: Address) -> Start | KeyNotAgreed | None:
    """What follows an effect of the machine of partner link keys about the peer; None: nothing yet."""
    if isinstance(effect, InstallKey) and effect.partner == peer.station:
        return Start(peer)
    if isinstance(effect, NoKey) and effect.partner == peer.station:
        return KeyNotAgreed(effect.partner, JoinCode.NO_PARTNER_LINK_KEY)
    return None


def after_key_establishment(
    effect: KeyEstablishmentEffect, station: EntityId
) -> KeyAgreed | KeyNotAgreed | None:
    """What a device hears of an effect of key establishment with a station; None: nothing.

    The first attempt that fails is the end: whoever asked for the join may ask again.
    """
    if isinstance(effect, Established) and effect.station == station:
        return KeyAgreed(station, effect.link_key)
    if isinstance(effect, Failed) and effect.station == station:
        return KeyNotAgreed(station, CODES.get(effect.status, JoinCode.BAD_MESSAGE))
    return None
