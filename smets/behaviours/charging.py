"""The registers of prepayment, and where the money of a charge is taken from.

Amounts in millipence. Source: reference, smets-esme 11.2 to 11.4. Registers are int32: what would not
fit is lost at the bound. A price less than zero adds to the balance.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from typing import NamedTuple

from ..eventlog import occur
from ..values import Value
from ..work import Work
from .compiled import CompiledItems
from .payment_settings import PaymentSettings, Suspension
from .supply import is_out_of_credit

MODE = "PaymentMode"
CREDIT_MODE, PREPAYMENT_MODE = 1, 2
BALANCE = "MeterBalance"
EMERGENCY_BALANCE = "EmergencyCreditBalance"
EMERGENCY_LIMIT = "EmergencyCreditLimit"
ACCUMULATED_DEBT = "AccumulatedDebtRegister"
PAYMENT_DEBT = "PaymentDebtRegister"
LOW_CREDIT_THRESHOLD = "LowCreditThreshold"
EMERGENCY_THRESHOLD = "EmergencyCreditThreshold"
DISABLEMENT_THRESHOLD = "DisablementThreshold"
EMERGENCY_ACTIVE = "payment/emergency-credit-active"
INT32 = (-(2**31), 2**31 - 1)


class Kind(Enum):
    """What a charge is for."""

    USAGE = "consumption"
    STANDING = "standing charge"
    DEBT_1 = "time debt 1"
    DEBT_2 = "time debt 2"


class Debt(NamedTuple):
    """A time debt: its register, and the code of the end of its collection."""

    register: str
    completed: int


DEBTS = {
    Kind.DEBT_1: Debt("TimeDebtRegister1", 0x81A7),
    Kind.DEBT_2: Debt("TimeDebtRegister2", 0x81A8),
}


class Suspensions(NamedTuple):
    """Whether time debt is suspended while emergency credit is in use, and while supply is disabled."""

    emergency: bool
    disabled: bool


SuspensionsOf = Callable[[Work], Suspensions]


class Terms(NamedTuple):
    """What suppliers set: the payment mode, and what balances are compared with, in millipence.

    `carefree` follows from the others: at a balance of so much no condition of 11.6 holds, nor is credit
    out, unless emergency credit is active.
    """

    mode: int
    disablement: int
    low_credit: int
    emergency_threshold: int
    emergency_limit: int
    carefree: int


def charge(
    work: Work,
    terms: Terms,
    amount: int,
    kind: Kind,
    suspensions_of: SuspensionsOf,
    settings: PaymentSettings,
) -> None:
    """Take an amount from balance, emergency credit or accumulated debt, in the order of 11.4.

    A time debt is never charged more than its register holds.
    """
    usage = kind is Kind.USAGE
    debt = None if usage else DEBTS.get(kind)
    if debt is not None:
        amount = max(0, min(amount, work.int_item(debt.register)))
    if amount <= 0 or terms.mode != PREPAYMENT_MODE:
        if debt is None or settings.time_debt_in_credit_mode:
            _collect(work, debt, amount)
            add(work, BALANCE, -amount)
        return
    if not usage:
        if is_out_of_credit(work, settings.armed_counts_as_disabled):
            halted = settings.suspended_debt is Suspension.HALTED
            if debt is not None and halted and suspensions_of(work).disabled:
                return
            _collect(work, debt, amount)
            add(work, ACCUMULATED_DEBT, amount)
            return
        _collect(work, debt, amount)
    balance, threshold = work.int_item(BALANCE), terms.disablement
    if balance - amount >= threshold:
        work.set_item(BALANCE, balance - amount)
        return
    if balance > threshold:
        amount -= balance - threshold
        work.set_item(BALANCE, threshold)
    if work.value(EMERGENCY_ACTIVE) is True:
        emergency = work.int_item(EMERGENCY_BALANCE)
        if emergency > 0 and (usage or not suspensions_of(work).emergency):
            used = min(amount, emergency)
            work.set_item(EMERGENCY_BALANCE, emergency - used)
            amount -= used
    if amount and usage:
        add(work, BALANCE, -amount)
    elif amount:
        add(work, ACCUMULATED_DEBT, amount)


def add(work: Work, item: str, amount: int) -> None:
    """Add to a register, as far as 32 bits go."""
    if amount:
        work.set_item(item, max(INT32[0], min(work.int_item(item) + amount, INT32[1])))


def payment_mode(work: Work) -> int:
    """The payment mode in force."""
    return _mode(work.item(MODE))


def disablement_threshold(work: Work) -> int:
    """The Disablement Threshold, of the meter balance."""
    return _threshold(work.item(DISABLEMENT_THRESHOLD))


def emergency_owed(work: Work) -> int:
    """Emergency credit used and not repaid."""
    return max(0, work.int_item(EMERGENCY_LIMIT) - work.int_item(EMERGENCY_BALANCE))


def to_clear(work: Work) -> int:
    """The least that restores the supply, for displays: accumulated debt, what the balance is below its
    threshold, and emergency credit owed where there is none left; without payment and time debts.

    Source: reference, smets-esme 11.7, its last paragraph.
    """
    below = max(0, disablement_threshold(work) - work.int_item(BALANCE))
    owed = emergency_owed(work) if work.int_item(EMERGENCY_BALANCE) <= 0 else 0
    return max(0, work.int_item(ACCUMULATED_DEBT)) + below + owed


def _mode(held: Value) -> int:
    mode = held[0] if isinstance(held, tuple) else CREDIT_MODE
    return mode if isinstance(mode, int) else CREDIT_MODE


def _threshold(held: Value) -> int:
    threshold = held[0] if isinstance(held, tuple) and held else 0
    return threshold if isinstance(threshold, int) else 0


def _terms(mode: Value, disablement: Value, *amounts: Value) -> Terms:
    least = _threshold(disablement)
    low, threshold, limit = (int(amount) if isinstance(amount, int) else 0 for amount in amounts)
    return Terms(_mode(mode), least, low, threshold, limit, max(least + 1, low, threshold))


TERMS = CompiledItems(
    _terms, MODE, DISABLEMENT_THRESHOLD, LOW_CREDIT_THRESHOLD, EMERGENCY_THRESHOLD, EMERGENCY_LIMIT
)


def _collect(work: Work, debt: Debt | None, amount: int) -> None:
    """Take from a time debt what is collected of it."""
    if debt is not None and amount > 0:
        left = work.int_item(debt.register) - amount
        work.set_item(debt.register, left)
        if not left:
            occur(work, debt.completed)
