"""Prepayment: the worked example of the reference, charges, thresholds, emergency credit, calendar."""

from __future__ import annotations

from itertools import product

import pytest

from gbcs.time import Utc
from smets.behaviours.charging import EMERGENCY_ACTIVE, Kind, to_clear
from smets.behaviours.display_commands import DisplayCommand
from smets.behaviours.payment import Payment
from smets.behaviours.payment_settings import PaymentSettings, Suspension
from smets.behaviours.supply import REASONS, State
from smets.esme.credit_charge import CREDIT_MODE, PREPAYMENT_MODE, Control, array
from smets.events import Actuate, Happened, PowerLost, PowerRestored, UserAction
from smets.values import Value, pack
from tests.smets.homes import ACTIVATE_NOW
from tests.smets.prepaid import DAY, Money, Prepaid, charge, non_disablement, price, values_of

LOW, AVAILABLE, EXHAUSTED, ACTIVATED = 0x810D, 0x8119, 0x81AA, 0x81AB
DISABLED, ARMED, SUSPENDED = 0x8F0F, 0x8F32, 0x8F83
DONE, NOT_DONE = 0x8161, 0x8162
SELECT = UserAction("activate emergency credit")
NOON = Utc.of(2026, 3, 4, 12)


# -- the worked example (smets-esme 11.9) ----------------------------------------------------


def worked_example(power_cuts: bool = False) -> None:
    meter = Prepaid(
        now=NOON,
        suspend=(True, False),
        mode=CREDIT_MODE,
        MeterBalance=150_000,
        EmergencyCreditLimit=500_000,
        EmergencyCreditThreshold=100_000,
        LowCreditThreshold=200_000,
        StandingCharge=charge(20_000),
        TimeDebtRegister1=1_000_000,
        DebtRecoveryRates1=charge(30_000),
        PaymentDebtRegister=500_000,
        DebtRecoveryPerPayment=1000,
        DebtRecoveryRateCap__Amount=5,
        **price(20),
    )

    def step(codes: list[int], wanted: list[int], *row: object) -> None:
        balance, active, emergency, accumulated, debt, payment_debt, supply = row
        assert codes == wanted
        assert meter.money == Money(balance, active, emergency, accumulated, debt, 0, payment_debt)  # type: ignore[arg-type]
        assert meter.supply == supply
        if power_cuts:
            meter.handle(PowerLost())
            meter.home.wait(60)
            meter.handle(PowerRestored())
        meter.home.restart()

    configuration = array(Control(PREPAYMENT_MODE, True, False), False)
    values: list[Value] = [(PREPAYMENT_MODE, 1), 0, configuration, ACTIVATE_NOW, ACTIVATE_NOW]
    codes = meter.command("ECS03", values)
    step(codes, [LOW], 150_000, False, 500_000, 0, 1_000_000, 500_000, "ENABLED")  # 0
    step(meter.use(3_000), [AVAILABLE], 90_000, False, 500_000, 0, 1_000_000, 500_000, "ENABLED")  # 1
    step(meter.midnight(), [], 40_000, False, 500_000, 0, 970_000, 500_000, "ENABLED")  # 2 and 3
    step(meter.handle(SELECT), [ACTIVATED, DONE], 40_000, True, 500_000, 0, 970_000, 500_000, "ENABLED")  # 4
    step(meter.use(5_000), [], 0, True, 440_000, 0, 970_000, 500_000, "ENABLED")  # 5
    step(meter.midnight(), [], 0, True, 440_000, 50_000, 940_000, 500_000, "ENABLED")  # 6
    # combined credit falls below the low credit threshold once more, which the table leaves out
    step(
        meter.use(23_000), [LOW, EXHAUSTED, DISABLED], -20_000, True, 0, 50_000, 940_000, 500_000, "DISABLED"
    )
    step(meter.midnight(), [], -20_000, True, 0, 100_000, 910_000, 500_000, "DISABLED")  # 8
    step(meter.top_up(10), [ARMED], 280_000, False, 500_000, 0, 910_000, 400_000, "ARMED")  # 9.1 to 9.5
    step(
        meter.handle(UserAction("enable supply")),
        [DONE],
        280_000,
        False,
        500_000,
        0,
        910_000,
        400_000,
        "ENABLED",
    )
    assert [entry[1] for entry in meter.log("BillingDataLog.PrepaymentCredits")] == [1_000_000]
    assert [entry[1] for entry in meter.log("BillingDataLog.PaymentDebtPayments")] == [100_000]


@pytest.mark.parametrize("power_cuts", [False, True])
def test_the_worked_example_reproduces_to_the_millipence(power_cuts: bool) -> None:
    worked_example(power_cuts)


# -- where the money of a charge comes from (11.2 to 11.4) -----------------------------------


def charged(
    kind: Kind,
    amount: int,
    *,
    suspend: tuple[bool, bool] = (False, False),
    settings: PaymentSettings | None = None,
    active: bool = False,
    out: bool = False,
    mode: int = PREPAYMENT_MODE,
    **items: int,
) -> Money:
    """The registers after one charge; `out`: the supply was disabled for lack of credit before."""
    settings = PaymentSettings() if settings is None else settings
    raw = {EMERGENCY_ACTIVE: pack(True)} if active else {}
    if out:
        raw[REASONS] = pack(("credit",))
        items["SupplyState"] = int(State.DISABLED)
    values: dict[str, Value] = dict(items)
    threshold = values.pop("threshold", 0)
    meter = Prepaid(
        settings=settings, suspend=suspend, mode=mode, raw=raw, DisablementThreshold=(threshold,), **values
    )
    work = meter.home.work
    payment = next(b for b in meter.home.device.profile.behaviours if isinstance(b, Payment))
    payment.charge(work, amount, kind)
    work.commit()
    return meter.money


STANDING, USAGE, DEBT = Kind.STANDING, Kind.USAGE, Kind.DEBT_1
ACCUMULATED = PaymentSettings(suspended_debt=Suspension.ACCUMULATED)


@pytest.mark.parametrize(
    ("kind", "conditions", "after"),
    [
        # balance first, then what is left to do
        (USAGE, {"MeterBalance": 150}, (50, 0, 0, 0)),
        (USAGE, {"MeterBalance": 60}, (-40, 0, 0, 0)),
        (USAGE, {"MeterBalance": -60}, (-160, 0, 0, 0)),
        (STANDING, {"MeterBalance": 60}, (0, 0, 40, 0)),
        (STANDING, {"MeterBalance": -60}, (-60, 0, 100, 0)),
        (DEBT, {"MeterBalance": 60, "TimeDebtRegister1": 500}, (0, 0, 40, 400)),
        (DEBT, {"MeterBalance": 60, "TimeDebtRegister1": 30}, (30, 0, 0, 0)),
        # the threshold is where the balance ends
        (USAGE, {"MeterBalance": 60, "threshold": -500}, (-40, 0, 0, 0)),
        (STANDING, {"MeterBalance": 60, "threshold": 20}, (20, 0, 60, 0)),
        # emergency credit
        (USAGE, {"MeterBalance": 60, "active": True, "EmergencyCreditLimit": 90}, (0, 50, 0, 0)),
        (USAGE, {"MeterBalance": 60, "active": True, "EmergencyCreditLimit": 30}, (-10, 0, 0, 0)),
        (STANDING, {"active": True, "EmergencyCreditLimit": 90}, (0, 0, 10, 0)),
        (DEBT, {"active": True, "EmergencyCreditLimit": 300, "TimeDebtRegister1": 99}, (0, 201, 0, 0)),
        # suspended while emergency credit is in use
        (USAGE, {"active": True, "EmergencyCreditLimit": 300, "suspend": (True, False)}, (0, 200, 0, 0)),
        (STANDING, {"active": True, "EmergencyCreditLimit": 300, "suspend": (True, False)}, (0, 300, 100, 0)),
        (
            DEBT,
            {"active": True, "EmergencyCreditLimit": 9, "suspend": (True, False), "TimeDebtRegister1": 150},
            (0, 9, 100, 50),
        ),
        (STANDING, {"MeterBalance": 60, "active": True, "EmergencyCreditLimit": 9, "suspend": (True, False)},
         (0, 9, 40, 0)),
        # disabled for lack of credit
        (STANDING, {"MeterBalance": -5, "out": True}, (-5, 0, 100, 0)),
        (DEBT, {"MeterBalance": -5, "out": True, "TimeDebtRegister1": 150}, (-5, 0, 100, 50)),
        (STANDING, {"MeterBalance": -5, "out": True, "suspend": (False, True)}, (-5, 0, 100, 0)),
        (DEBT, {"MeterBalance": -5, "out": True, "suspend": (False, True), "TimeDebtRegister1": 150},
         (-5, 0, 0, 150)),
        (DEBT, {"MeterBalance": -5, "out": True, "suspend": (False, True), "TimeDebtRegister1": 150,
                "settings": ACCUMULATED}, (-5, 0, 100, 50)),
        (USAGE, {"MeterBalance": -5, "out": True}, (-105, 0, 0, 0)),
        # credit mode
        (USAGE, {"MeterBalance": 60, "mode": CREDIT_MODE}, (-40, 0, 0, 0)),
        (STANDING, {"MeterBalance": 60, "mode": CREDIT_MODE}, (-40, 0, 0, 0)),
        (DEBT, {"MeterBalance": 60, "mode": CREDIT_MODE, "TimeDebtRegister1": 150}, (60, 0, 0, 150)),
        (DEBT, {"MeterBalance": 60, "mode": CREDIT_MODE, "TimeDebtRegister1": 150,
                "settings": PaymentSettings(time_debt_in_credit_mode=True)}, (-40, 0, 0, 50)),
        # int32 ends
        (USAGE, {"MeterBalance": -(2**31) + 1}, (-(2**31), 0, 0, 0)),
        (STANDING, {"MeterBalance": -5, "AccumulatedDebtRegister": 2**31 - 1}, (-5, 0, 2**31 - 1, 0)),
    ],
)  # fmt: skip
def test_a_charge_of_100(kind: Kind, conditions: dict[str, object], after: tuple[int, ...]) -> None:
    """Balance, emergency credit, accumulated debt and time debt 1 afterwards."""
    money = charged(kind, 100, **conditions)  # type: ignore[arg-type]
    assert (money.balance, money.emergency, money.accumulated, money.debt_1) == after


@pytest.mark.parametrize("kind", [USAGE, STANDING])
def test_a_price_below_zero_adds_to_the_balance(kind: Kind) -> None:
    assert charged(kind, -100, MeterBalance=5).balance == 105
    assert charged(kind, -100, MeterBalance=5, mode=CREDIT_MODE).balance == 105
    assert charged(kind, -100, MeterBalance=2**31 - 50).balance == 2**31 - 1


def test_armed_after_lack_of_credit_counts_as_disabled_or_not() -> None:
    for counts, accumulated in ((True, 30), (False, 0)):
        settings = PaymentSettings(armed_counts_as_disabled=counts)
        meter = Prepaid(
            settings=settings, MeterBalance=10, StandingCharge=charge(30), LowCreditThreshold=-5, **price(20)
        )
        assert meter.use(1) == [LOW, DISABLED]
        meter.top_up(1)
        assert meter.supply == "ARMED"
        meter.midnight()
        assert meter.money.accumulated == accumulated
        meter.handle(UserAction("enable supply"))
        meter.midnight()
        assert meter.money.accumulated == accumulated


# -- thresholds and emergency credit (11.6) --------------------------------------------------


def test_a_threshold_is_told_when_it_is_passed_not_while_it_is() -> None:
    meter = Prepaid(MeterBalance=1_000, LowCreditThreshold=500, **price(20))
    assert meter.use(25) == []  # equal is not below
    assert meter.use(1) == [LOW]
    assert meter.use(1) == []
    meter.home.restart()
    assert meter.use(1) == []
    assert meter.command("ECS04a", [500]) == []
    assert meter.use(25) == [LOW]


@pytest.mark.parametrize(("at_threshold", "supply"), [(True, "DISABLED"), (False, "ENABLED")])
def test_equal_to_the_disablement_threshold(at_threshold: bool, supply: str) -> None:
    settings = PaymentSettings(disabled_at_threshold=at_threshold)
    meter = Prepaid(settings=settings, MeterBalance=20, **price(20))
    meter.use(1)
    assert (meter.money.balance, meter.supply) == (0, supply)
    meter.use(1)
    assert meter.supply == "DISABLED"


def test_emergency_credit_can_be_activated_when_it_is_available_only() -> None:
    meter = Prepaid(MeterBalance=1_000, EmergencyCreditLimit=300, EmergencyCreditThreshold=500, **price(20))
    assert meter.handle(SELECT) == [NOT_DONE]
    assert meter.command("ECS09", None, 250) == []
    assert meter.use(26) == [AVAILABLE]
    assert meter.command("ECS09") == [ACTIVATED]
    assert meter.command("ECS09") == []
    assert meter.handle(SELECT) == [DONE]
    assert meter.money.active


@pytest.mark.parametrize(
    "conditions", [{"mode": CREDIT_MODE}, {"EmergencyCreditLimit": 0}, {"MeterBalance": 500}]
)
def test_emergency_credit_that_is_not_available(conditions: dict[str, int]) -> None:
    given = {"MeterBalance": 100, "EmergencyCreditLimit": 300, "EmergencyCreditThreshold": 500}
    meter = Prepaid(**{**given, **conditions})  # type: ignore[arg-type]
    assert meter.handle(SELECT) == [NOT_DONE]
    assert not meter.money.active


def test_emergency_credit_arms_a_supply_that_lack_of_credit_disabled() -> None:
    """With an event that is neither logged nor sent."""
    meter = Prepaid(MeterBalance=20, EmergencyCreditLimit=300, EmergencyCreditThreshold=500, **price(20))
    assert meter.use(1) == [AVAILABLE, DISABLED]
    assert meter.handle(DisplayCommand(0x0117)) == [ACTIVATED, 0x8154]
    assert meter.supply == "ARMED"
    assert not [e for e in meter.effects if isinstance(e, Actuate)]
    assert meter.handle(DisplayCommand(0x0118)) == [0x8154]
    assert meter.supply == "ENABLED"
    assert [entry[1:] for entry in meter.log("EventLog")] == [
        (ACTIVATED, b""),
        (0x8154, b"\x01\x17"),
        (0x8154, b"\x01\x18"),
    ]


def test_emergency_credit_that_is_used_up_is_told_once_however_the_balance_goes() -> None:
    """It has ended only when it is repaid, which an adjusted balance does not do."""
    meter = Prepaid(MeterBalance=20, EmergencyCreditLimit=30, EmergencyCreditThreshold=100, **price(20))
    assert meter.command("ECS09") == [ACTIVATED]
    assert meter.use(3) == [EXHAUSTED, DISABLED]
    assert meter.command("ECS04a", [500]) == [ARMED]
    assert (meter.money.balance, meter.money.active) == (490, True)
    assert meter.command("ECS04a", [-500]) == [DISABLED]


def test_emergency_credit_that_is_not_enough_leaves_the_supply_disabled() -> None:
    meter = Prepaid(MeterBalance=-900, EmergencyCreditLimit=300, EmergencyCreditThreshold=500, **price(20))
    assert meter.use(1) == [AVAILABLE, DISABLED]
    assert meter.handle(SELECT) == [ACTIVATED, DONE]
    assert meter.supply == "DISABLED"
    assert meter.handle(DisplayCommand(0x0118)) == [0x8155]


def test_a_display_may_not_enable_what_is_disabled() -> None:
    meter = Prepaid(MeterBalance=1_000)
    meter.command("ECS43")
    assert meter.handle(DisplayCommand(0x0118)) == [0x8155]
    assert [e.verdict for e in meter.effects if isinstance(e, Happened)] == ["refused"]
    assert meter.supply == "DISABLED"


@pytest.mark.parametrize(
    ("limit", "after"), [(1_000, (0, 940)), (100, (0, 40)), (60, (0, 0)), (50, (-10, 0)), (0, (-60, 0))]
)
def test_what_is_owed_stays_owed_when_the_limit_changes(limit: int, after: tuple[int, int]) -> None:
    """Of an emergency credit of 500, 60 are used."""
    meter = Prepaid(MeterBalance=40, EmergencyCreditLimit=500, EmergencyCreditThreshold=100, **price(20))
    meter.handle(SELECT)
    meter.use(5)
    assert meter.money[:3] == (0, True, 440)
    given: dict[str, Value] = {
        "EmergencyCreditLimit.Passive": limit,
        "EmergencyCreditThreshold.Passive": 100,
        "LowCreditThreshold.Passive": -(2**31),
        "NonDisablementCalendar.Passive": non_disablement(("00:00", 33)),
    }
    values = values_of(meter.home, "ECS08a", given)
    meter.command("ECS08a", values)
    assert (meter.money.balance, meter.money.emergency) == after


@pytest.mark.parametrize(
    ("emergency", "balance", "threshold", "accumulated", "least"),
    [
        (0, -20_000, 0, 100_000, 620_000),
        (440_000, 0, 0, 50_000, 50_000),
        (500_000, -5_000, 10_000, 0, 15_000),
        (500_000, 5_000, 0, 0, 0),
    ],
)
def test_what_there_is_to_clear(
    emergency: int, balance: int, threshold: int, accumulated: int, least: int
) -> None:
    meter = Prepaid(
        MeterBalance=balance,
        EmergencyCreditLimit=500_000,
        EmergencyCreditBalance=emergency,
        AccumulatedDebtRegister=accumulated,
        PaymentDebtRegister=999,
        DisablementThreshold=(threshold,),
    )
    assert to_clear(meter.home.work) == least


# -- payment mode (11.2) ---------------------------------------------------------------------


def test_going_to_credit_mode_arms_what_lack_of_credit_disabled() -> None:
    meter = Prepaid(MeterBalance=10, LowCreditThreshold=100, **price(20))
    assert meter.use(1) == [LOW, DISABLED]
    configuration = array(Control(CREDIT_MODE), False)
    assert meter.command("ECS02", [(CREDIT_MODE, 1), configuration, ACTIVATE_NOW]) == [ARMED]
    assert meter.supply == "ARMED"
    assert meter.use(100) == []
    assert meter.money.balance == -2010


def test_back_in_prepayment_mode_conditions_begin_anew() -> None:
    meter = Prepaid(mode=CREDIT_MODE, MeterBalance=-10, LowCreditThreshold=100)
    configuration = array(Control(PREPAYMENT_MODE), False)
    values: list[Value] = [(PREPAYMENT_MODE, 1), 0, configuration, ACTIVATE_NOW, ACTIVATE_NOW]
    assert meter.command("ECS03", values) == [LOW, DISABLED]


# -- the Non-Disablement Calendar ------------------------------------------------------------

NIGHT = non_disablement(("20:00", 32), ("08:00", 33))


def at_night(**more: object) -> Prepaid:
    """At 21:00, in a period that ends at 08:00."""
    given: dict[str, object] = {"MeterBalance": 20, "NonDisablementCalendar": NIGHT, **price(20), **more}
    meter = Prepaid(now=NOON, **given)  # type: ignore[arg-type]
    meter.until(Utc.of(2026, 3, 4, 21))
    return meter


def test_lack_of_credit_does_not_disable_inside_a_period() -> None:
    meter = at_night()
    assert meter.use(1) == [SUSPENDED]
    assert meter.use(10) == []  # told once
    assert (meter.supply, meter.money.balance) == ("ENABLED", -200)
    assert meter.until(Utc.of(2026, 3, 5, 7, 59)) == []
    meter.home.restart()
    assert meter.until(Utc.of(2026, 3, 5, 8)) == [DISABLED]
    assert meter.supply == "DISABLED"


def test_a_top_up_inside_a_period_leaves_the_supply_on() -> None:
    meter = at_night()
    meter.use(1)
    assert meter.top_up(1) == []
    assert meter.until(Utc.of(2026, 3, 5, 9)) == []
    assert meter.supply == "ENABLED"


@pytest.mark.parametrize("arms", [True, False])
def test_the_start_of_a_period_arms_or_not(arms: bool) -> None:
    meter = Prepaid(
        settings=PaymentSettings(arms_for_non_disablement=arms),
        now=NOON,
        MeterBalance=20,
        NonDisablementCalendar=NIGHT,
        **price(20),
    )
    assert meter.use(1) == [DISABLED]
    assert meter.until(Utc.of(2026, 3, 4, 20)) == ([ARMED, SUSPENDED] if arms else [])
    assert meter.supply == ("ARMED" if arms else "DISABLED")
    meter.handle(UserAction("enable supply"))
    assert meter.until(Utc.of(2026, 3, 5, 8)) == ([DISABLED] if arms else [])
    assert meter.supply == "DISABLED"


@pytest.mark.parametrize(
    ("needs_credit", "period", "arms"), [(True, False, False), (True, True, True), (False, False, True)]
)
def test_arming_needs_credit_or_a_period(needs_credit: bool, period: bool, arms: bool) -> None:
    settings = PaymentSettings(arming_needs_credit=needs_credit, arms_for_non_disablement=False)
    meter = Prepaid(settings=settings, now=NOON, MeterBalance=20, NonDisablementCalendar=NIGHT, **price(20))
    meter.use(1)
    if period:
        meter.until(Utc.of(2026, 3, 4, 21))
    meter.command("ECS44", None, 0 if arms else 250)
    assert meter.supply == ("ARMED" if arms else "DISABLED")


def test_a_period_in_which_there_was_no_power() -> None:
    """What it would have armed, it does not; at its end it is as if there was none."""
    meter = Prepaid(now=NOON, MeterBalance=20, NonDisablementCalendar=NIGHT, **price(20))
    meter.use(1)
    meter.handle(PowerLost())
    meter.home.now = Utc.of(2026, 3, 5, 12)
    assert DISABLED not in meter.handle(PowerRestored())
    assert meter.supply == "DISABLED"
    meter.handle(PowerLost())
    meter.home.now = Utc.of(2026, 3, 6, 1)
    assert meter.handle(PowerRestored())[:2] == [ARMED, SUSPENDED]


def test_a_new_calendar_counts_at_once() -> None:
    meter = at_night()
    meter.use(1)
    work = meter.home.work
    payment = next(b for b in meter.home.device.profile.behaviours if isinstance(b, Payment))
    work.set_item("NonDisablementCalendar", non_disablement(("12:00", 33)))
    payment.writes()["NonDisablementCalendar"](work, None)
    assert work.int_item("SupplyState") == State.DISABLED


# -- what moves the supply -------------------------------------------------------------------


@pytest.mark.parametrize(("emergency", "disabled"), list(product((False, True), repeat=2)))
def test_what_the_configuration_suspends_is_read_from_it(emergency: bool, disabled: bool) -> None:
    meter = Prepaid(suspend=(emergency, disabled))
    payment = next(b for b in meter.home.device.profile.behaviours if isinstance(b, Payment))
    assert payment._suspensions_of(meter.home.work) == (emergency, disabled)


def test_a_day_is_charged_at_midnight_by_the_clock_of_the_meter() -> None:
    meter = Prepaid(now=NOON, MeterBalance=1_000, StandingCharge=charge(30))
    meter.until(Utc.of(2026, 3, 4, 23, 59))
    assert meter.money.balance == 1_000
    meter.until(Utc.of(2026, 3, 5))
    assert meter.money.balance == 970
    meter.wait(3 * DAY)
    assert meter.money.balance == 880
