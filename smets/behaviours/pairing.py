"""Pairing a consumer's device at the meter, without a remote party: guarded by the Privacy PIN.

The device gets into the meter's device log as by CS03B; the hub has to admit it to the network, which
is asked for as an effect. Source: reference, smets-ppmid-hcalcs-ihd 5, smets-esme 15, seed-decisions S58
to S60.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from gbcs.asn1.joins import JoinCode, UnjoinCode
from gbcs.ids import EntityId

from ..events import Event, Metrology, ProfileEffect, ProfileEvent, TimerDue
from ..profile import Behaviour
from ..work import Work
from .joining import Joining
from .local_commands import told
from .privacy_pin import LONGEST, pin_refusal

RULE = "smets-ppmid-hcalcs-ihd 5"


@dataclass(frozen=True, slots=True)
class PairDevice(ProfileEvent):
    """The consumer enters a device's identifier and, where it has one, its passkey of up to 8 digits."""

    station: EntityId
    passkey: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class UnpairDevice(ProfileEvent):
    """The consumer takes a device away again."""

    station: EntityId


@dataclass(frozen=True, slots=True)
class AdmitToNetwork(ProfileEffect):
    """Ask the hub to let a device join the home area network."""

    station: EntityId
    passkey: str = field(default="", repr=False)


class Pairing(Behaviour):
    """Takes what the consumer enters to the device log."""

    name = "pairing"
    ignores = (Metrology, TimerDue)

    def __init__(self, joining: Joining) -> None:
        self._joining = joining

    def handle(self, work: Work, event: Event) -> None:
        """Pair or unpair, if the PIN lets it."""
        if isinstance(event, PairDevice):
            told(work, self._pair(work, event), f"pair {event.station}", RULE)
        elif isinstance(event, UnpairDevice):
            told(work, self._unpair(work, event.station), f"unpair {event.station}", RULE)

    def _pair(self, work: Work, event: PairDevice) -> str:
        refusal = pin_refusal(work)
        if refusal:
            return refusal
        key = event.passkey
        if key and not (key.isascii() and key.isdigit() and len(key) <= LONGEST):
            return f"a passkey has up to {LONGEST} digits"
        code = self._joining.add_reader(work, event.station)
        if code is not JoinCode.SUCCESS:
            return code.name.lower().replace("_", " ")
        work.effect(AdmitToNetwork(event.station, key))
        return ""

    def _unpair(self, work: Work, station: EntityId) -> str:
        refusal = pin_refusal(work)
        if refusal:
            return refusal
        code = self._joining.remove_reader(work, station)
        return "" if code is UnjoinCode.SUCCESS else code.name.lower().replace("_", " ")
