"""Standing charge and time debts: when they are charged, and that none is lost or charged twice."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gbcs.errors import BuildError
from gbcs.time import Utc
from smets.behaviours.clock import ClockSettings, set_clock
from smets.behaviours.timed_charges import ROWS, TimedChargeSettings, amount_of
from smets.device import Device
from smets.esme.credit_charge import CREDIT_MODE
from smets.esme.meter import EsmeOptions, esme_profile
from smets.events import Metrology, PowerLost, PowerRestored, TimerDue, UserAction
from smets.values import Value, pack
from tests.smets.prepaid import DAY, HOUR, Prepaid, charge, values_of

REGISTERS = ("PaymentDebtRegister", "TimeDebtRegister1", "TimeDebtRegister2")
NOON = Utc.of(2026, 3, 4, 12)


def daily(**more: object) -> Prepaid:
    """A standing charge of 1 a day, so that the balance counts days."""
    given: dict[str, object] = {"now": NOON, "StandingCharge": charge(1), "mode": CREDIT_MODE, **more}
    return Prepaid(**given)  # type: ignore[arg-type]


def hourly(**more: object) -> Prepaid:
    """A debt of 1 an hour."""
    meter = Prepaid(
        now=NOON,
        MeterBalance=1_000_000,
        TimeDebtRegister1=100_000,
        DebtRecoveryRates1=charge(1),
        DebtRecoveryRates1__Period=HOUR,
        **more,  # type: ignore[arg-type]
    )
    meter.handle(TimerDue())  # the period is an hour from now on
    return meter


def days(meter: Prepaid) -> int:
    return -meter.money.balance


def hours(meter: Prepaid) -> int:
    return 100_000 - meter.money.debt_1


def clock_to(meter: Prepaid, time: Utc) -> None:
    """As a command or the hub's time sets it."""
    work = meter.home.work
    set_clock(work, time)
    work.commit()
    meter.home.restart()
    meter.handle(TimerDue())


# -- rates ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rate", "amount"),
    [
        (charge(123), 123),
        (charge(123, -2), 123_000),
        (charge(7, 0), 700_000),
        (charge(129, -6), 12),
        (charge(-129, -6), -13),
        (charge(32_767, 127), 2**31 - 1),
        (charge(-32_768, 127), -(2**31)),
        (charge(32_767, -128), 0),
        (charge(0, 127), 0),
        (((0, -5), (0, bytes(6), 0), ()), 0),
        ((), 0),
    ],
)
def test_amounts_are_millipence_rounded_down_within_32_bits(rate: Value, amount: int) -> None:
    assert amount_of(rate) == amount


# -- moments -------------------------------------------------------------------------------------


def test_a_debt_is_charged_at_each_full_hour() -> None:
    meter = hourly()
    meter.wait(HOUR - 1)
    assert hours(meter) == 0
    meter.wait(1)
    assert hours(meter) == 1
    meter.wait(2 * DAY)
    assert hours(meter) == 49


@pytest.mark.parametrize("at", [0, 1, 7 * HOUR + 1800, 12 * HOUR, DAY - 1])
def test_the_standing_charge_is_collected_at_the_moment_of_the_settings(at: int) -> None:
    """Once a day, whatever power cuts and clock changes there are."""
    installed = pack((DAY, (NOON.seconds - at) // DAY, NOON.us))
    meter = daily(raw={ROWS[0].mark: installed})
    profile = esme_profile(EsmeOptions(timed_charges=TimedChargeSettings(standing_charge_at=at)))
    meter.home.device = Device(profile, meter.home.store, NOON)
    first = (at - 12 * HOUR) % DAY or DAY
    meter.handle(TimerDue())
    meter.wait(first - 1)
    assert days(meter) == 0
    meter.wait(1)
    assert days(meter) == 1
    meter.wait(DAY - 1)
    assert days(meter) == 1
    meter.wait(1)
    assert days(meter) == 2
    meter.handle(PowerLost())
    meter.home.wait(3 * DAY)
    meter.handle(PowerRestored())
    assert days(meter) == 5
    clock_to(meter, meter.home.now.plus(-60))
    meter.wait(60)
    assert days(meter) == 5


@pytest.mark.parametrize("at", [-1, DAY])
def test_a_day_has_no_such_second(at: int) -> None:
    with pytest.raises(BuildError):
        TimedChargeSettings(standing_charge_at=at)


def test_at_one_moment_the_standing_charge_comes_first_then_the_debts_in_order() -> None:
    meter = Prepaid(
        now=NOON,
        MeterBalance=45,
        StandingCharge=charge(20),
        TimeDebtRegister1=100,
        DebtRecoveryRates1=charge(20),
        TimeDebtRegister2=100,
        DebtRecoveryRates2=charge(20),
    )
    # the last debt finds a balance of 5, and from then on the supply is disabled
    assert meter.midnight() == [0x8F0F]
    assert meter.money[:1] + meter.money[3:] == (0, 15, 80, 80, 0)


@pytest.mark.parametrize(("register", "code"), [("TimeDebtRegister1", 0x81A7), ("TimeDebtRegister2", 0x81A8)])
def test_the_end_of_a_debt_is_told(register: str, code: int) -> None:
    rates = register.replace("TimeDebtRegister", "DebtRecoveryRates")
    given: dict[str, Value] = {register: 50, rates: charge(30)}
    meter = Prepaid(now=NOON, MeterBalance=1_000, **given)
    assert meter.midnight() == []
    assert meter.midnight() == [code]
    assert meter.midnight() == []
    assert meter.money.balance == 950
    assert [entry[1] for entry in meter.log("EventLog")] == [code]


def test_a_new_rate_counts_from_the_next_period() -> None:
    meter = daily()
    work = meter.home.work
    work.set_item("StandingCharge", charge(100))
    work.commit()
    meter.midnight()
    assert days(meter) == 100


def test_a_period_that_changes_begins_anew() -> None:
    meter = hourly()
    meter.wait(HOUR)
    given = {name: meter.home.item(name) for name in ("DebtRecoveryRates2.Period", "DebtRecoveryPerPayment")}
    given |= {"DebtRecoveryRates1.Passive": charge(1), "DebtRecoveryRates2.Passive": charge(0)}
    given |= dict.fromkeys((f"{name}.adjust" for name in REGISTERS), 0)
    values = values_of(meter.home, "ECS07", {**given, "DebtRecoveryRates1.Period": DAY})
    meter.command("ECS07", values)
    meter.wait(HOUR)
    assert hours(meter) == 1
    meter.midnight()
    assert hours(meter) == 2


def test_between_the_ends_of_periods_nothing_is_written() -> None:
    meter = daily()
    meter.handle(TimerDue())
    before = meter.home.held
    meter.wait(60)
    meter.handle(UserAction("nothing"))
    assert meter.home.held == before


# -- power cuts and clock changes ----------------------------------------------------------------


@pytest.mark.parametrize("away", [60, 12 * HOUR - 1, 12 * HOUR, DAY, 10 * DAY + 5, 400 * DAY])
def test_without_power_no_day_and_no_hour_is_lost(away: int) -> None:
    for meter, count, period in ((daily(), days, DAY), (hourly(), hours, HOUR)):
        meter.handle(PowerLost())
        meter.home.wait(away)
        end = meter.home.now.seconds
        meter.handle(PowerRestored())
        assert count(meter) == end // period - NOON.seconds // period
        meter.home.restart()
        meter.handle(TimerDue())
        assert count(meter) == end // period - NOON.seconds // period
        meter.wait(2 * DAY)
        assert count(meter) == (end + 2 * DAY) // period - NOON.seconds // period


@pytest.mark.parametrize("shift", [-11 * HOUR, -60, -1, 1, 60, 11 * HOUR, 13 * HOUR])
def test_a_clock_set_by_hours_charges_each_day_of_the_calendar_once(shift: int) -> None:
    meter = daily()
    meter.wait(12 * HOUR + 30)  # just past midnight
    assert days(meter) == 1
    clock_to(meter, meter.home.now.plus(shift))
    day = meter.home.work.time.seconds // DAY
    for _ in range(3):
        meter.wait(DAY)
    first = NOON.seconds // DAY
    assert days(meter) == max(day + 3 - first, 1)


def test_a_clock_set_far_forward_charges_one_period_and_goes_on() -> None:
    meter = daily()
    clock_to(meter, Utc.of(2099, 1, 1, 12))
    assert days(meter) == 1
    meter.wait(2 * DAY)
    assert days(meter) == 3


def test_a_clock_set_far_back_charges_nothing_and_goes_on() -> None:
    meter = daily()
    clock_to(meter, Utc.of(2001, 1, 1, 12))
    assert days(meter) == 0
    meter.wait(2 * DAY)
    assert days(meter) == 2


def test_a_clock_that_swings_over_midnight_charges_it_once() -> None:
    meter = daily()
    meter.wait(12 * HOUR + 5)
    for _ in range(5):
        clock_to(meter, meter.home.work.time.plus(-20))
        clock_to(meter, meter.home.work.time.plus(20))
        meter.wait(60)
        clock_to(meter, meter.home.work.time.plus(-60))
    assert days(meter) == 1


def test_where_the_clock_stood_without_power_days_are_charged_when_it_is_set() -> None:
    meter = daily()
    profile = esme_profile(EsmeOptions(clock=ClockSettings(survives=False)))
    meter.home.device = Device(profile, meter.home.store, NOON)
    meter.handle(PowerLost())
    meter.home.wait(10 * DAY)
    meter.handle(PowerRestored())
    assert days(meter) == 0
    clock_to(meter, meter.home.now)
    assert days(meter) == 10
    meter.wait(DAY)
    assert days(meter) == 11


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("wait"), st.integers(0, 3 * DAY)),
        st.tuples(st.just("away"), st.integers(0, 9 * DAY)),
        st.tuples(st.just("adjust"), st.integers(-10, 10)),
        st.tuples(st.just("use"), st.integers(0, 5)),
        st.tuples(st.just("restart"), st.just(0)),
    ),
    max_size=20,
)


@given(STEPS)
@settings(max_examples=40, deadline=None)
def test_every_midnight_and_every_hour_of_the_calendar_is_charged_once(steps: list[tuple[str, int]]) -> None:
    """Whatever mixture of power cuts and small adjustments of the clock there is."""
    meters = ((daily(), days, DAY), (hourly(), hours, HOUR))
    for meter, count, period in meters:
        highest = NOON.seconds // period
        for what, amount in steps:
            if what == "wait":
                meter.wait(amount)
            elif what == "away":
                meter.handle(PowerLost())
                meter.home.wait(amount)
                meter.handle(PowerRestored())
            elif what == "adjust":
                clock_to(meter, meter.home.work.time.plus(amount))
            elif what == "use":
                meter.handle(Metrology(import_wh=amount))
            else:
                meter.home.restart()
            highest = max(highest, meter.home.work.time.seconds // period)
            assert count(meter) == highest - NOON.seconds // period
