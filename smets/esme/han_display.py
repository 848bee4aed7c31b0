"""What displays may make a meter do over the home area network, and which of them.

A prepayment display in the device log may add credit, select emergency credit and enable an armed
supply; it and readers may say that a message was confirmed. Anybody else is refused; a station that is
not in the device log is told of as well. What is asked for happens before it is answered. Source:
PECS01 to PECS03 (reference: smets-ppmid-hcalcs-ihd 1 and 2, smets-esme 13, chts-hub 8.2, han-clusters).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from gbcs.ids import DeviceType
from gbcs.zcl.clusters import FAILURE, SUCCESS

from ..behaviours.device_log import device_type_of, find
from ..behaviours.display_commands import (
    ENABLE_SUPPLY,
    SELECT_EMERGENCY_CREDIT,
    TOP_UP,
    DisplayAnswered,
    DisplayCommand,
    TopUpResult,
)
from ..behaviours.han_access import AccessRefused
from ..events import Effect, Event
from ..han.cluster_commands import NOT_AUTHORISED, Answer, Asked, CommandRow, Told, refusing
from .han_settings import PublishSettings
from .messages import MessageConfirmed

Tell = Callable[[Event], Iterable[Effect]]
"""Lets something happen to the meter at once; what came of it."""

ACTING = frozenset((DeviceType.PPMID,))
CONFIRMING = frozenset((DeviceType.PPMID, DeviceType.TYPE2))
# request, the devices that may make it
ALLOWED: dict[str, frozenset[DeviceType]] = {
    "ConsumerTopUp": ACTING,
    "SelectAvailableEmergencyCredit": ACTING,
    "LocalChangeSupply": ACTING,
    "MessageConfirmation": CONFIRMING,
}
NO_VALUE = -1  # of a top-up that was refused


def display_rows(settings: PublishSettings, tell: Tell | None) -> tuple[CommandRow, ...]:
    """The commands of displays; without `tell` all are refused."""
    if tell is None:
        return tuple(map(refusing, ALLOWED))
    does: dict[str, Callable[[Asked], Answer]] = {
        "ConsumerTopUp": lambda asked: _top_up(asked, tell, settings),
        "SelectAvailableEmergencyCredit": lambda asked: _done(tell, DisplayCommand(SELECT_EMERGENCY_CREDIT)),
        "LocalChangeSupply": lambda asked: _done(
            tell, DisplayCommand(ENABLE_SUPPLY, supply=asked.values["ProposedSupplyStatus"])
        ),
        "MessageConfirmation": lambda asked: _confirm(asked, tell, settings),
    }
    return tuple(_guarded(name, does[name], tell, settings) for name in ALLOWED)


def _guarded(name: str, does: Callable[[Asked], Answer], tell: Tell, settings: PublishSettings) -> CommandRow:
    def answer(asked: Asked) -> Answer:
        station = asked.requester
        if station is None:
            return NOT_AUTHORISED
        entry = find(asked.work, station)
        if entry is not None and device_type_of(entry.device_type) in ALLOWED[name]:
            return does(asked)
        if entry is None or settings.tells_of_readers:
            tell(AccessRefused(station, name))
        return NOT_AUTHORISED

    return CommandRow(name, answer)


def _outcome(tell: Tell, command: DisplayCommand) -> DisplayAnswered | None:
    """What the meter answers; None where it does nothing at all."""
    return next((effect for effect in tell(command) if isinstance(effect, DisplayAnswered)), None)


def _done(tell: Tell, command: DisplayCommand) -> int:
    outcome = _outcome(tell, command)
    return FAILURE if outcome is None or outcome.refusal else SUCCESS


def _top_up(asked: Asked, tell: Tell, settings: PublishSettings) -> Answer:
    outcome = _outcome(tell, DisplayCommand(TOP_UP, asked.values["TopUpCode"]))
    if outcome is None:
        return FAILURE
    result = settings.top_up_refused
    value = balance = NO_VALUE
    if isinstance(outcome.top_up, TopUpResult):
        if outcome.top_up.refusal is None:
            result, value, balance = settings.top_up_accepted, outcome.top_up.value, outcome.top_up.balance
        else:
            result = settings.top_up_results.get(outcome.top_up.refusal, result)
    told = {
        "ResultType": result,
        "TopUpValue": value,
        "SourceOfTopUp": asked.values["OriginatingDevice"],
        "CreditRemaining": balance,
    }
    return (Told("ConsumerTopUpResponse", told),)


def _confirm(asked: Asked, tell: Tell, settings: PublishSettings) -> Answer:
    values = asked.values
    if not asked.work.item("SupplierMessage") or values["MessageId"] != settings.message_id:
        return ()
    response = values.get("Response") or b""
    octets = response.encode() if isinstance(response, str) else bytes(response)
    control = values.get("ConfirmationControl", 0)
    tell(MessageConfirmed(values["MessageId"], values["ConfirmationTime"], control, octets))
    return SUCCESS
