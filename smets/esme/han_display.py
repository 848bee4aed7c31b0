"""What displays may make a meter do over the home area network, and which of them.

A prepayment display in the device log may add credit, select emergency credit and enable an armed
supply; it and readers may say that a message was confirmed. Anybody else is refused; a station that is
not in the device log is told of as well. What is asked for happens before it is answered. Source:
PECS01 to PECS03 (reference: smets-ppmid-hcalcs-ihd 1 and 2, smets-esme 13, chts-hub 8.2, han-clusters).
"""

from __future__ import annotations

from collections.abc import Callable

from gbcs.zcl.clusters import FAILURE, SUCCESS

from ..behaviours.display_commands import (
    ENABLE_SUPPLY,
    SELECT_EMERGENCY_CREDIT,
    TOP_UP,
    DisplayAnswered,
    DisplayCommand,
    TopUpResult,
)
from ..han.cluster_commands import Answer, Asked, CommandRow, Told
from .han_guard import Tell, guarded
from .han_settings import PublishSettings
from .messages import MessageConfirmed

NO_VALUE = -1  # of a top-up that was refused


def display_rows(settings: PublishSettings, tell: Tell | None) -> tuple[CommandRow, ...]:
    """The commands of displays."""
    does: dict[str, Callable[[Asked, Tell], Answer]] = {
        "ConsumerTopUp": lambda asked, tell: _top_up(asked, tell, settings),
        "SelectAvailableEmergencyCredit": lambda asked, tell: _done(
            tell, DisplayCommand(SELECT_EMERGENCY_CREDIT)
        ),
        "LocalChangeSupply": lambda asked, tell: _done(
            tell, DisplayCommand(ENABLE_SUPPLY, supply=asked.values["ProposedSupplyStatus"])
        ),
        "MessageConfirmation": lambda asked, tell: _confirm(asked, tell, settings),
    }
    return tuple(guarded(name, act, tell, settings) for name, act in does.items())


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
