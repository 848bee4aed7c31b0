"""Payment mode and balances: which mode, whether there is credit, what that does to the supply.

Source: SMETS 5.7.4.31, ECS02, ECS03, ECS04a, ECS04b, ECS07, ECS09 (reference: smets-esme
11). Charging for consumption and top-ups are not here yet.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from ..eventlog import occur
from ..profile import OTHER_REASON, Behaviour, Refusal
from ..values import Value
from ..work import Work
from .supply import Reason, Supply, Trigger, reasons_of

EMERGENCY_ACTIVE = "payment/emergency-credit-active"
CREDIT_MODE, PREPAYMENT_MODE = 1, 2
EMERGENCY_ACTIVATED = 0x81AB
INT32 = (-(2**31), 2**31 - 1)


class Payment(Behaviour):
    """Holds the payment mode and looks after supply for lack of credit."""

    name = "payment"

    def __init__(self) -> None:
        self.supply = Supply(credit_allows_supply)

    def reads(self) -> Mapping[str, Callable[[Work], Value]]:
        """The balances that are read as one."""
        return {"PrepaymentBalanceCollection": _balances}

    def writes(self) -> Mapping[str, Callable[[Work, Value], None]]:
        """Everything that may change whether there is credit."""
        items = ("PaymentMode", "DisablementThreshold", "MeterBalance", "EmergencyCreditThreshold")
        return {
            **dict.fromkeys(items, lambda work, value: self.evaluate(work)),
            "EmergencyCreditLimit": _new_limit,
        }

    def methods(self) -> Mapping[str, Callable[[Work, Value], Value]]:
        """Adjusting and resetting balances, selecting emergency credit."""
        return {
            "MeterBalance.adjust": self._adjust_balance,
            "MeterBalance.reset": self._reset_balance,
            "EmergencyCreditBalance.reset": self._reset_emergency,
            "AccumulatedDebtRegister.reset": lambda work, value: work.set_item("AccumulatedDebtRegister", 0),
            "EmergencyCredit.select": self._select_emergency,
        }

    def evaluate(self, work: Work) -> None:
        """Let emergency credit end and the supply follow the credit (reference: smets-esme 11.6)."""
        if work.value(EMERGENCY_ACTIVE) is True and _repaid(work):
            work.put(EMERGENCY_ACTIVE, None)
        reasons = reasons_of(work)
        if not credit_allows_supply(work):
            if Reason.CREDIT not in reasons:
                self.supply.trigger(work, Trigger.CREDIT_EXHAUSTED)
        elif Reason.CREDIT in reasons:
            self.supply.trigger(work, Trigger.CREDIT_AVAILABLE)

    def _adjust_balance(self, work: Work, value: Value) -> Value:
        work.set_item("MeterBalance", added(work.int_item("MeterBalance"), value))
        self.evaluate(work)
        return None

    def _reset_balance(self, work: Work, value: Value) -> Value:
        work.set_item("MeterBalance", 0)
        self.evaluate(work)
        return None

    def _reset_emergency(self, work: Work, value: Value) -> Value:
        work.set_item("EmergencyCreditBalance", work.int_item("EmergencyCreditLimit"))
        work.put(EMERGENCY_ACTIVE, None)
        self.evaluate(work)
        return None

    def _select_emergency(self, work: Work, value: Value) -> Value:
        """Succeeds if emergency credit is active afterwards, even if it was before."""
        if work.value(EMERGENCY_ACTIVE) is True:
            return None
        if not emergency_available(work):
            raise Refusal(OTHER_REASON, "emergency credit is not available")
        work.set_value(EMERGENCY_ACTIVE, True)
        occur(work, EMERGENCY_ACTIVATED)
        self.evaluate(work)
        return None


def payment_mode(work: Work) -> int:
    """The payment mode in force."""
    held = work.item("PaymentMode")
    mode = held[0] if isinstance(held, tuple) else CREDIT_MODE
    return mode if isinstance(mode, int) else CREDIT_MODE


def combined_credit(work: Work) -> int:
    """Meter balance, with emergency credit while it is active; millipence."""
    emergency = work.int_item("EmergencyCreditBalance") if work.value(EMERGENCY_ACTIVE) is True else 0
    return work.int_item("MeterBalance") + emergency


def credit_allows_supply(work: Work) -> bool:
    """Credit mode, or combined credit above the disablement threshold."""
    if payment_mode(work) == CREDIT_MODE:
        return True
    held = work.item("DisablementThreshold")
    threshold = held[0] if isinstance(held, tuple) and held else 0
    return isinstance(threshold, int) and combined_credit(work) > threshold


def emergency_available(work: Work) -> bool:
    """Prepayment, a limit, and a meter balance below the emergency credit threshold."""
    return (
        payment_mode(work) == PREPAYMENT_MODE
        and work.int_item("EmergencyCreditLimit") > 0
        and work.int_item("MeterBalance") < work.int_item("EmergencyCreditThreshold")
    )


def _repaid(work: Work) -> bool:
    """No emergency credit is owed, and the meter balance is not below its threshold."""
    owed = work.int_item("EmergencyCreditLimit") - work.int_item("EmergencyCreditBalance")
    return owed <= 0 and work.int_item("MeterBalance") >= work.int_item("EmergencyCreditThreshold")


def added(held: int, value: Value) -> int:
    """A balance with a signed amount added. Raises Refusal where int32 ends."""
    total = held + (value if isinstance(value, int) else 0)
    if not INT32[0] <= total <= INT32[1]:
        raise Refusal(OTHER_REASON, "the balance does not fit 32 bits")
    return total


def _new_limit(work: Work, value: Value) -> None:
    """While none is owed, the emergency credit balance is the limit."""
    if work.value(EMERGENCY_ACTIVE) is not True:
        work.set_item("EmergencyCreditBalance", value)


def _balances(work: Work) -> Value:
    return tuple(
        work.item(name)
        for name in (
            "MeterBalance",
            "EmergencyCreditBalance",
            "AccumulatedDebtRegister",
            "TimeDebtRegister1",
            "TimeDebtRegister2",
            "PaymentDebtRegister",
        )
    )
