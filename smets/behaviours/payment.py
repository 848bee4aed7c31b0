"""Payment: the mode, what charges and credits change, thresholds, emergency credit, and the supply.

Source: SMETS 5.7.4.31, ECS02, ECS03, ECS04a, ECS04b, ECS09 (reference: smets-esme 11). Where the
money of a charge comes from is in `charging`, that of a credit in `topup`; timers are in `timed_charges`.
After every change `evaluate` looks at the thresholds; what it tells, it tells when a condition begins.

When the Emergency Credit Limit changes, what is owed stays owed: the balance of emergency credit is
the new limit less that, and what a smaller limit no longer covers is taken from the meter balance.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

from gbcs.time import Utc

from ..eventlog import occur
from ..events import Event, Metrology, UserAction
from ..profile import OTHER_REASON, Behaviour, Refusal
from ..values import Value
from ..work import Work
from .charging import (
    ACCUMULATED_DEBT,
    BALANCE,
    CREDIT_MODE,
    DISABLEMENT_THRESHOLD,
    EMERGENCY_ACTIVE,
    EMERGENCY_BALANCE,
    EMERGENCY_LIMIT,
    EMERGENCY_THRESHOLD,
    INT32,
    LOW_CREDIT_THRESHOLD,
    MODE,
    PREPAYMENT_MODE,
    TERMS,
    Kind,
    Suspensions,
    SuspensionsOf,
    Terms,
    add,
    charge,
    emergency_owed,
)
from .display_commands import SELECT_EMERGENCY_CREDIT, DisplayCommand, answered
from .local_commands import told
from .non_disablement import CALENDAR, SPECIAL_DAYS, NonDisablement
from .payment_settings import DEFAULT_PAYMENT_SETTINGS, PaymentSettings
from .supply import DEFAULT_SUPPLY_SETTINGS, Reason, Supply, SupplySettings, Trigger, reasons_of

CONDITIONS = "payment/conditions"
LIMIT = "payment/emergency-credit-limit"  # the limit that the emergency credit balance belongs to
PERIOD = "payment/non-disablement"
EMERGENCY_ACTION = "activate emergency credit"
EMERGENCY_ACTIVATED = 0x81AB


class Condition(NamedTuple):
    """A condition of 11.6 that is told when it begins: its bit among those that hold, its code."""

    bit: int
    code: int


LOW_CREDIT = Condition(1, 0x810D)
AVAILABLE = Condition(2, 0x8119)
EXHAUSTED = Condition(4, 0x81AA)
SUSPENDED = Condition(8, 0x8F83)
CONDITIONS_IN_ORDER = (LOW_CREDIT, AVAILABLE, EXHAUSTED, SUSPENDED)


class Payment(Behaviour):
    """Holds the payment mode and looks after supply for lack of credit.

    `suspensions_of` says what the payment mode suspends.
    """

    name = "payment"
    ignores = (Metrology,)

    def __init__(
        self,
        suspensions_of: SuspensionsOf = lambda work: Suspensions(False, False),
        settings: PaymentSettings = DEFAULT_PAYMENT_SETTINGS,
        supply: SupplySettings = DEFAULT_SUPPLY_SETTINGS,
    ) -> None:
        self.settings = settings
        self.supply = Supply(self._may_arm, supply)
        self._suspensions_of = suspensions_of
        self._least = int(settings.disabled_at_threshold)  # credit above the threshold that supply needs
        self._non_disablement = NonDisablement(settings.non_disablement)

    def start(self, work: Work) -> None:
        """The emergency credit balance belongs to the limit there is."""
        work.set_value(LIMIT, work.int_item(EMERGENCY_LIMIT))

    def charge(self, work: Work, millipence: int, kind: Kind = Kind.USAGE) -> None:
        """Charge an amount, less than zero for a price below it; thresholds are looked at after it."""
        terms = TERMS.now(work)
        charge(work, terms, millipence, kind, self._suspensions_of, self.settings)
        self._evaluate(work, terms, work.int_item(BALANCE))

    def reads(self) -> Mapping[str, Callable[[Work], Value]]:
        """The balances that are read as one."""
        return {"PrepaymentBalanceCollection": _balances}

    def writes(self) -> Mapping[str, Callable[[Work, Value], None]]:
        """Everything that may change whether there is credit."""
        items = (MODE, DISABLEMENT_THRESHOLD, BALANCE, EMERGENCY_THRESHOLD, LOW_CREDIT_THRESHOLD)
        return {
            **dict.fromkeys(items, lambda work, value: self.evaluate(work)),
            **dict.fromkeys((CALENDAR, SPECIAL_DAYS), lambda work, value: self._follow_calendar(work)),
            EMERGENCY_LIMIT: self._new_limit,
        }

    def methods(self) -> Mapping[str, Callable[[Work, Value], Value]]:
        """Adjusting and resetting balances, selecting emergency credit."""
        return {
            "MeterBalance.adjust": self._adjust_balance,
            "MeterBalance.reset": self._reset_balance,
            "EmergencyCreditBalance.reset": self._reset_emergency,
            "AccumulatedDebtRegister.reset": lambda work, value: work.set_item(ACCUMULATED_DEBT, 0),
            "EmergencyCredit.select": self._select_emergency,
        }

    def handle(self, work: Work, event: Event) -> None:
        """Follow the calendar; emergency credit from the user interface or a display."""
        if isinstance(event, Metrology):
            return
        self._follow_calendar(work)
        if isinstance(event, UserAction):
            if event.name == EMERGENCY_ACTION:
                told(work, self._try_emergency(work), EMERGENCY_ACTION, "smets-esme 8 and 11.6")
        elif isinstance(event, DisplayCommand) and event.code == SELECT_EMERGENCY_CREDIT:
            answered(work, event, self._try_emergency(work))

    def deadline(self, work: Work) -> Utc | None:
        """The next switch of the Non-Disablement Calendar."""
        time = self._non_disablement.next_switch(work)
        return None if time is None else work.shell_time(time)

    def evaluate(self, work: Work, armed_by: Trigger = Trigger.CREDIT_AVAILABLE) -> None:
        """Let emergency credit end, tell what begins, and let the supply follow the credit (11.6).

        `armed_by` is what arms a disabled supply if there is credit.
        """
        self._evaluate(work, TERMS.now(work), work.int_item(BALANCE), armed_by)

    def _evaluate(
        self, work: Work, terms: Terms, balance: int, armed_by: Trigger = Trigger.CREDIT_AVAILABLE
    ) -> None:
        active = work.value(EMERGENCY_ACTIVE) is True
        if active and balance >= terms.emergency_threshold and not emergency_owed(work):  # it is repaid
            work.put(EMERGENCY_ACTIVE, None)
            active = False
        holds, out = 0, False
        if active or balance < terms.carefree:
            holds, out = self._conditions(work, terms, balance, active)
        held = work.number(CONDITIONS)
        if holds != held:
            work.set_value(CONDITIONS, holds)
            for condition in CONDITIONS_IN_ORDER:
                if condition.bit & holds & ~held:
                    occur(work, condition.code)
        if out:
            if not holds & SUSPENDED.bit and Reason.CREDIT not in reasons_of(work):
                self.supply.trigger(work, Trigger.CREDIT_EXHAUSTED)
        elif (reasons := reasons_of(work)) and Reason.CREDIT in reasons:
            self.supply.trigger(work, armed_by)

    def _conditions(self, work: Work, terms: Terms, balance: int, active: bool) -> tuple[int, bool]:
        """The conditions that hold, and whether credit is out; `active` says if emergency credit is."""
        if terms.mode == CREDIT_MODE:
            return 0, False
        credit, holds = balance, 0
        if active:
            emergency = work.int_item(EMERGENCY_BALANCE)
            credit += emergency
            if emergency <= 0 < terms.emergency_limit:
                holds |= EXHAUSTED.bit
        elif balance < terms.emergency_threshold and terms.emergency_limit > 0:
            holds |= AVAILABLE.bit
        if credit < terms.low_credit:
            holds |= LOW_CREDIT.bit
        out = credit < terms.disablement + self._least
        if out and Reason.CREDIT not in reasons_of(work) and self._non_disablement.is_period(work):
            holds |= SUSPENDED.bit
        return holds, out

    def credit_allows_supply(self, work: Work) -> bool:
        """Credit mode, or combined credit above the disablement threshold."""
        terms = TERMS.now(work)
        return terms.mode == CREDIT_MODE or combined_credit(work) >= terms.disablement + self._least

    def _may_arm(self, work: Work) -> bool:
        if not self.settings.arming_needs_credit:
            return True
        return self.credit_allows_supply(work) or self._non_disablement.is_period(work)

    def _follow_calendar(self, work: Work) -> None:
        """See whether a non-disablement period has begun or ended since it was last looked."""
        period = self._non_disablement.is_period(work)
        if period is (work.value(PERIOD) is True):
            return
        work.set_value(PERIOD, period)
        begins = period and self.settings.arms_for_non_disablement
        if begins and Reason.CREDIT in reasons_of(work):
            self.supply.trigger(work, Trigger.NON_DISABLEMENT)
        self.evaluate(work)

    def _adjust_balance(self, work: Work, value: Value) -> Value:
        work.set_item(BALANCE, added(work.int_item(BALANCE), value))
        self.evaluate(work)
        return None

    def _reset_balance(self, work: Work, value: Value) -> Value:
        work.set_item(BALANCE, 0)
        self.evaluate(work)
        return None

    def _reset_emergency(self, work: Work, value: Value) -> Value:
        work.set_item(EMERGENCY_BALANCE, work.int_item(EMERGENCY_LIMIT))
        work.put(EMERGENCY_ACTIVE, None)
        self.evaluate(work)
        return None

    def _select_emergency(self, work: Work, value: Value) -> Value:
        """Succeeds if emergency credit is active afterwards, even if it was before."""
        if refusal := self._try_emergency(work):
            raise Refusal(OTHER_REASON, refusal)
        return None

    def _try_emergency(self, work: Work) -> str:
        """Activate emergency credit; why not, or ''."""
        if work.value(EMERGENCY_ACTIVE) is True:
            return ""
        if not emergency_available(work):
            return "emergency credit is not available"
        work.set_value(EMERGENCY_ACTIVE, True)
        occur(work, EMERGENCY_ACTIVATED)
        self.evaluate(work, Trigger.EMERGENCY_CREDIT)
        return ""

    def _new_limit(self, work: Work, value: Value) -> None:
        limit = work.int_item(EMERGENCY_LIMIT)
        owed = max(0, work.number(LIMIT) - work.int_item(EMERGENCY_BALANCE))
        work.set_value(LIMIT, limit)
        work.set_item(EMERGENCY_BALANCE, max(0, limit - owed))
        add(work, BALANCE, -max(0, owed - max(0, limit)))
        self.evaluate(work)


def combined_credit(work: Work) -> int:
    """Meter balance, with emergency credit while it is active; millipence."""
    emergency = work.int_item(EMERGENCY_BALANCE) if work.value(EMERGENCY_ACTIVE) is True else 0
    return work.int_item(BALANCE) + emergency


def emergency_available(work: Work) -> bool:
    """Prepayment, a limit, and a meter balance below the emergency credit threshold."""
    terms = TERMS.now(work)
    if terms.mode != PREPAYMENT_MODE or terms.emergency_limit <= 0:
        return False
    return work.int_item(BALANCE) < terms.emergency_threshold


def added(held: int, value: Value) -> int:
    """A balance with a signed amount added. Raises Refusal where int32 ends."""
    total = held + (value if isinstance(value, int) else 0)
    if not INT32[0] <= total <= INT32[1]:
        raise Refusal(OTHER_REASON, "the balance does not fit 32 bits")
    return total


def _balances(work: Work) -> Value:
    return tuple(
        work.item(name)
        for name in (
            BALANCE,
            EMERGENCY_BALANCE,
            ACCUMULATED_DEBT,
            "TimeDebtRegister1",
            "TimeDebtRegister2",
            "PaymentDebtRegister",
        )
    )
