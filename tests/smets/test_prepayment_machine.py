"""Prepayment under any order of events: money is conserved, registers stay in their bounds, supply obeys.

Consumption and standing charges are counted here, from events and the calendar, not read from the meter.
"""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from smets.behaviours.charging import payment_mode
from smets.behaviours.display_commands import DisplayCommand
from smets.behaviours.payment import Payment
from smets.behaviours.payment_settings import CapWindow, PaymentSettings, Suspension
from smets.behaviours.supply import Reason, State, reasons_of, state_of
from smets.behaviours.topup import TokenEntered
from smets.esme.credit_charge import CREDIT_MODE, PREPAYMENT_MODE, Control, array
from smets.events import Metrology, PowerLost, PowerRestored, UserAction
from smets.values import Value
from tests.smets.homes import ACTIVATE_NOW
from tests.smets.prepaid import DAY, HOUR, Prepaid, charge, non_disablement, price, values_of

PRICE, STANDING = 20, 7_000
RATES = (charge(300), charge(5_000))
PERIODS = (HOUR, DAY)
CALENDARS: tuple[Value, ...] = (
    non_disablement(("00:00", 33)),
    non_disablement(("20:00", 32), ("08:00", 33)),
    non_disablement(("06:00", 32), ("18:00", 33), weekdays="0000011"),
)
SETTINGS = st.builds(
    PaymentSettings,
    suspended_debt=st.sampled_from(Suspension),
    armed_counts_as_disabled=st.booleans(),
    disabled_at_threshold=st.booleans(),
    time_debt_in_credit_mode=st.booleans(),
    debt_of_credit_mode_payments=st.booleans(),
    restores_balance_first=st.booleans(),
    cap_window=st.sampled_from(CapWindow),
    arms_for_non_disablement=st.booleans(),
)
AMOUNTS = st.integers(-200_000, 200_000)
ENABLING = frozenset(("ECS42", "enable supply", "0118"))  # the only ways to Enabled, apart from load limiting


class PrepaymentMachine(RuleBasedStateMachine):
    """Commands, users, displays, consumption and time on a real meter."""

    @initialize(settings=SETTINGS, suspend=st.tuples(st.booleans(), st.booleans()))
    def begin(self, settings: PaymentSettings, suspend: tuple[bool, bool]) -> None:
        self.suspend = suspend
        self.meter = Prepaid(
            settings=settings,
            suspend=suspend,
            MeterBalance=100_000,
            EmergencyCreditLimit=50_000,
            EmergencyCreditThreshold=20_000,
            LowCreditThreshold=30_000,
            StandingCharge=charge(STANDING),
            TimeDebtRegister1=100_000,
            TimeDebtRegister2=50_000,
            PaymentDebtRegister=300_000,
            DebtRecoveryRates1=RATES[0],
            DebtRecoveryRates1__Period=HOUR,
            DebtRecoveryRates2=RATES[1],
            DebtRecoveryPerPayment=2_500,
            DebtRecoveryRateCap__Amount=2,
            **price(PRICE),
        )
        self.start = self.meter.money
        self.limit = 50_000
        self.day = self.meter.home.now.seconds // DAY
        self.consumed = self.topped_up = self.adjusted = self.debt_adjusted = 0
        self.did = ""
        self.enabled = True
        self.used: list[tuple[str, int]] = []

    def happens(self, event: object) -> None:
        self.did = getattr(event, "name", "") or f"{getattr(event, 'code', 0):04X}"
        self.meter.handle(event)

    def command(self, name: str, values: list[Value] | None = None, result: int = 0, **more: Any) -> bool:
        self.did = name
        self.meter.home.wait(1)
        results = self.meter.home.run(name, values, **more).results
        assert set(results) <= {0, 250, result}
        return not any(results)

    # -- money comes and goes ---------------------------------------------------------------

    @rule(wh=st.integers(0, 3_000))
    def consume(self, wh: int) -> None:
        self.happens(Metrology(import_wh=wh))
        self.consumed += wh * PRICE

    @rule(seconds=st.sampled_from([60, HOUR, 7 * HOUR, DAY]))
    def time_passes(self, seconds: int) -> None:
        self.did = "time"
        self.meter.wait(seconds)

    @rule(seconds=st.sampled_from([60, 5 * HOUR, 3 * DAY]))
    def power_is_away(self, seconds: int) -> None:
        self.happens(PowerLost())
        self.meter.home.wait(seconds)
        self.happens(PowerRestored())

    @rule(pounds=st.integers(1, 3), way=st.sampled_from(["supplier", "keypad", "display"]))
    def top_up(self, pounds: int, way: str) -> None:
        digits, counter = self.meter.next_token(pounds)
        prepaid = payment_mode(self.meter.home.work) == PREPAYMENT_MODE
        if way == "supplier":
            assert self.command("CS01a", [digits.encode()], counter=counter)
        else:
            self.happens(TokenEntered(digits) if way == "keypad" else DisplayCommand(0x0116, digits))
        if prepaid or way == "supplier":
            self.topped_up += pounds * 100_000
            self.used.append((digits, counter))

    @rule(data=st.data())
    def token_again(self, data: st.DataObject) -> None:
        if self.used:
            digits, counter = data.draw(st.sampled_from(self.used))
            self.happens(TokenEntered(digits))
            # refused, or, where it is the same command again, answered as before
            self.command("CS01a", [digits.encode()], 1, counter=counter)

    @rule(amount=AMOUNTS)
    def adjust_balance(self, amount: int) -> None:
        assert self.command("ECS04a", [amount])
        self.adjusted += amount

    @rule()
    def reset_balance(self) -> None:
        money = self.meter.money
        owed = self.limit - money.emergency
        at = self.meter.home.now.plus(1)
        if at.seconds % HOUR:  # nothing else is charged in that second
            assert self.command("ECS04b")
            self.adjusted += owed + money.accumulated - money.balance

    @rule(payment=AMOUNTS, first=AMOUNTS, second=AMOUNTS)
    def adjust_debts(self, payment: int, first: int, second: int) -> None:
        before = self.meter.money
        given: dict[str, Value] = {
            "DebtRecoveryRates1.Passive": RATES[0],
            "DebtRecoveryRates2.Passive": RATES[1],
            "DebtRecoveryRates1.Period": PERIODS[0],
            "DebtRecoveryRates2.Period": PERIODS[1],
            "DebtRecoveryPerPayment": 2_500,
            "PaymentDebtRegister.adjust": payment,
            "TimeDebtRegister1.adjust": first,
            "TimeDebtRegister2.adjust": second,
        }
        if self.meter.home.now.plus(1).seconds % HOUR:
            assert self.command("ECS07", values_of(self.meter.home, "ECS07", given))
            self.debt_adjusted += _debts(self.meter.money) - _debts(before)

    # -- settings, modes and supply -----------------------------------------------------------

    @rule(
        limit=st.sampled_from([0, 10_000, 50_000, 90_000]),
        threshold=st.sampled_from([0, 20_000, 60_000]),
        calendar=st.sampled_from(CALENDARS),
    )
    def credit_settings(self, limit: int, threshold: int, calendar: Value) -> None:
        given: dict[str, Value] = {
            "EmergencyCreditLimit.Passive": limit,
            "EmergencyCreditThreshold.Passive": threshold,
            "LowCreditThreshold.Passive": 30_000,
            "MaximumCreditThreshold.Passive": 0,
            "MaximumMeterBalance": 0,
            "MaximumMeterBalance.Passive": 0,
            "DebtRecoveryRateCap.Amount.Passive": 2,
            "NonDisablementCalendar.Passive": calendar,
            "NonDisablementCalendar.SpecialDays.Passive": (),
        }
        names = {m for m in given if m != "MaximumMeterBalance"}
        values = values_of(self.meter.home, "ECS08a", {name: given[name] for name in names})
        assert self.command("ECS08a", values)
        self.limit = limit

    @rule(threshold=st.sampled_from([-20_000, 0, 15_000]))
    def to_prepayment(self, threshold: int) -> None:
        configuration = array(Control(PREPAYMENT_MODE, *self.suspend), False)
        values: list[Value] = [(PREPAYMENT_MODE, 1), threshold, configuration, ACTIVATE_NOW, ACTIVATE_NOW]
        assert self.command("ECS03", values)

    @rule()
    def to_credit(self) -> None:
        values: list[Value] = [(CREDIT_MODE, 1), array(Control(CREDIT_MODE), False), ACTIVATE_NOW]
        assert self.command("ECS02", values)

    @rule(what=st.sampled_from([UserAction("activate emergency credit"), DisplayCommand(0x0117)]))
    def emergency_credit(self, what: object) -> None:
        self.happens(what)

    @rule(what=st.sampled_from([UserAction("enable supply"), DisplayCommand(0x0118)]))
    def enable_by_consumer(self, what: object) -> None:
        self.happens(what)

    @rule(name=st.sampled_from(["ECS09", "ECS42", "ECS43", "ECS44"]))
    def supply_command(self, name: str) -> None:
        self.command(name)

    @rule()
    def restart(self) -> None:
        self.did = "restart"
        before = self.meter.home.held
        self.meter.home.restart()
        assert self.meter.home.held == before

    # -- invariants ---------------------------------------------------------------------------

    @invariant()
    def money_is_conserved(self) -> None:
        """Top-ups, emergency credit used, more accumulated debt and adjustments pay for consumption,
        standing charges, debt collected and the change of the balance."""
        if not hasattr(self, "meter"):
            return
        money, start = self.meter.money, self.start
        standing = (self.meter.home.now.seconds // DAY - self.day) * STANDING
        emergency_used = self.limit - money.emergency
        collected = _debts(start) + self.debt_adjusted - _debts(money)
        came = self.topped_up + emergency_used + money.accumulated - start.accumulated + self.adjusted
        assert came == self.consumed + standing + collected + money.balance - start.balance

    @invariant()
    def registers_stay_in_their_bounds(self) -> None:
        """Debts and the emergency credit left are never less than nothing, nor more than the limit."""
        if not hasattr(self, "meter"):
            return
        money = self.meter.money
        assert min(money.accumulated, money.debt_1, money.debt_2, money.payment_debt) >= 0
        assert 0 <= money.emergency <= self.limit
        assert money.active or money.emergency == self.limit  # what is not in use is not owed

    @invariant()
    def supply_obeys(self) -> None:
        """Nothing but a listed trigger enables the supply; without credit, and outside a period,
        prepayment has none, and lack of credit is a reason whatever others there are."""
        if not hasattr(self, "meter"):
            return
        work = self.meter.home.work
        state = state_of(work)
        assert self.enabled or state is not State.ENABLED or self.did in ENABLING, self.did
        self.enabled = state is State.ENABLED
        assert (state is State.DISABLED) == bool(reasons_of(work))
        payment = next(b for b in self.meter.home.device.profile.behaviours if isinstance(b, Payment))
        if not payment.credit_allows_supply(work) and work.value("payment/non-disablement") is not True:
            assert state is State.DISABLED
            assert Reason.CREDIT in reasons_of(work)


def _debts(money: Any) -> int:
    return int(money.debt_1 + money.debt_2 + money.payment_debt)


PrepaymentMachine.TestCase.settings = settings(max_examples=15, stateful_step_count=40, deadline=None)
TestPrepayment = PrepaymentMachine.TestCase


@pytest.mark.long
def test_ten_thousand_steps() -> None:
    run_state_machine_as_test(
        PrepaymentMachine,
        settings=settings(
            max_examples=50,
            stateful_step_count=200,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
