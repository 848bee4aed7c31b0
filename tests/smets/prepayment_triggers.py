"""What raises the codes of prepayment: credit, debt and tokens."""

from __future__ import annotations

from collections.abc import Iterable

from gbcs.security.utrn import TopUpKey, ValueClass, make_token
from smets.behaviours.supply import State, state_of
from smets.behaviours.topup import TokenEntered
from smets.events import Effect, UserAction
from smets.values import Value
from tests.smets.homes import KEYS, METER, STRANGER, Home, token
from tests.smets.prepaid import DAY, charge, non_disablement
from tests.smets.triggers import Run, Trigger, commands, then

ENTERED = TokenEntered(token(1 << 32))
STRANGERS = TokenEntered(make_token(TopUpKey.of(KEYS, STRANGER, METER), 1 << 32, ValueClass.POUNDS, 1))
OF_NO_CLASS = TokenEntered("74301825837596672005")
PREPAYMENT: dict[str, Value] = {"PaymentMode": (2, 2), "MeterBalance": 1_000}
EMERGENCY: dict[str, Value] = {
    **PREPAYMENT,
    "EmergencyCreditLimit": 500,
    "EmergencyCreditBalance": 500,
    "EmergencyCreditThreshold": 500,
}
SELECT = UserAction("activate emergency credit")
ALWAYS = non_disablement(("00:00", 32))


def adjusted(*amounts: int) -> Run:
    """Adjustments of the balance, one after the other."""
    return commands(*(("ECS04a", [amount]) for amount in amounts))


def owing(register: str, rate: str) -> dict[str, Value]:
    """A debt that the next midnight collects."""
    return {**PREPAYMENT, register: 100, rate: charge(200)}


def exhausted(home: Home) -> Iterable[Effect]:
    """Midnight takes all emergency credit."""
    effects = adjusted(-900)(home)
    effects = [*effects, *home.handle(SELECT)]
    return [*effects, *then(DAY)(home)]


def armed_by_emergency_credit(home: Home) -> Iterable[Effect]:
    """Nothing is sent or logged; the supply tells."""
    effects = [*adjusted(-1_000)(home), *home.handle(SELECT)]
    assert state_of(home.work) is State.ARMED
    return effects


PREPAID: dict[int, Trigger] = {
    # credit
    0x810D: Trigger(adjusted(-600), {**PREPAYMENT, "LowCreditThreshold": 500}),
    0x8119: Trigger(adjusted(-600), EMERGENCY),
    0x81AA: Trigger(exhausted, {**EMERGENCY, "StandingCharge": charge(600)}),
    0x8168: Trigger(armed_by_emergency_credit, EMERGENCY),
    0x8F83: Trigger(adjusted(-1_000), {**PREPAYMENT, "NonDisablementCalendar": ALWAYS}),
    # debt
    0x81A7: Trigger(then(DAY), owing("TimeDebtRegister1", "DebtRecoveryRates1")),
    0x81A8: Trigger(then(DAY), owing("TimeDebtRegister2", "DebtRecoveryRates2")),
    0x81A9: Trigger(
        then(ENTERED), {**PREPAYMENT, "PaymentDebtRegister": 100, "DebtRecoveryPerPayment": 10_000}
    ),
    # tokens
    0x810E: Trigger(then(ENTERED), PREPAYMENT),
    0x8F51: Trigger(then(ENTERED, ENTERED), PREPAYMENT),
    0x8F5B: Trigger(then(ENTERED), {**PREPAYMENT, "MaximumCreditThreshold": 999_999}),
    0x8F47: Trigger(then(ENTERED), {**PREPAYMENT, "MaximumMeterBalance": 1_000_999}),
    0x8F63: Trigger(then(STRANGERS), PREPAYMENT),
    0x8F64: Trigger(then(OF_NO_CLASS), PREPAYMENT),
    0x81C4: Trigger(then(*[STRANGERS] * 5), PREPAYMENT),
    0x81C5: Trigger(then(*[STRANGERS] * 6), PREPAYMENT),
}
