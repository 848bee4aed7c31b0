"""Who may ask a meter for what over the home area network: by what its device log says a station is.

A station that is in no log is told of as an unauthorised access. Source: reference,
smets-ppmid-hcalcs-ihd 1 and 2, gbcs-messages 11 (8F3E).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from gbcs.ids import DeviceType

from ..behaviours.device_log import device_type_of, find
from ..behaviours.han_access import AccessRefused
from ..events import Effect, Event
from ..han.cluster_commands import NOT_AUTHORISED, Answer, Asked, CommandRow, refusing
from .han_alerts import SHOWING
from .han_settings import PublishSettings

Tell = Callable[[Event], Iterable[Effect]]
"""Lets something happen to the meter at once; what came of it."""

_ACTING = frozenset((DeviceType.PPMID,))
_SWITCHES = frozenset((DeviceType.HCALCS,))
ALLOWED: dict[str, frozenset[DeviceType]] = {
    "ConsumerTopUp": _ACTING,
    "SelectAvailableEmergencyCredit": _ACTING,
    "LocalChangeSupply": _ACTING,
    "MessageConfirmation": SHOWING,
    "GetScheduledEvents": _SWITCHES,
    "ReportEventStatus": _SWITCHES,
}
"""Requests that may change something, and the devices of the device log that may make them."""


def guarded(
    name: str, does: Callable[[Asked, Tell], Answer], tell: Tell | None, settings: PublishSettings
) -> CommandRow:
    """A request of `ALLOWED`, carried out by `does`; without `tell` it is refused to all."""
    kinds = ALLOWED[name]
    if tell is None:
        return refusing(name)

    def answer(asked: Asked) -> Answer:
        station = asked.requester
        if station is None:
            return NOT_AUTHORISED
        entry = find(asked.work, station)
        if entry is not None and device_type_of(entry.device_type) in kinds:
            return does(asked, tell)
        if entry is None or settings.tells_of_readers:
            tell(AccessRefused(station, name))
        return NOT_AUTHORISED

    return CommandRow(name, answer)
