"""Top-ups: tokens from everywhere, refusals and what they leave, distribution, the cap of debt recovery."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gbcs.ids import CellUsage, KeyUsage, Role
from gbcs.security.utrn import Refusal, TopUpKey, ValueClass, make_token
from gbcs.security.utrn_entry import UtrnSettings
from gbcs.time import Utc
from smets.behaviours.display_commands import DisplayCommand
from smets.behaviours.payment_settings import CapWindow, PaymentSettings
from smets.behaviours.topup import CACHE, RECOVERED, THROTTLE, TopUp
from smets.esme.credit_charge import CREDIT_MODE
from smets.events import Happened
from smets.identity import Cell
from smets.store import StoreError
from smets.values import Value, pack
from tests.smets.homes import KEYS, METER, STRANGER, STRANGER_CERTIFICATES, SUPPLIER, token
from tests.smets.prepaid import DAY, HOUR, Prepaid

POUND = 100_000
DONE, NOT_DONE, LOCALLY = 0x8161, 0x8162, 0x810E
DUPLICATE, NOT_AUTHENTIC, NOT_OURS, TOO_MUCH, TOO_FULL = 0x8F51, 0x8F63, 0x8F64, 0x8F5B, 0x8F47
SUSPENDED, LOCKED = 0x81C4, 0x81C5
MONDAY = Utc.of(2026, 3, 2)


def behaviour(meter: Prepaid) -> TopUp:
    return next(b for b in meter.home.device.profile.behaviours if isinstance(b, TopUp))


def refused(meter: Prepaid, digits: str, counter: int) -> None:
    reply = meter.home.run("CS01a", [digits.encode()], counter=counter)
    assert reply.results == [1]
    assert not reply.alerts


# -- from everywhere ---------------------------------------------------------------------------


def test_a_token_from_the_supplier() -> None:
    meter = Prepaid()
    assert meter.top_up(10) == [0x8F32] or meter.supply == "ENABLED"
    assert meter.money.balance == 10 * POUND
    assert meter.log("BillingDataLog.PrepaymentCredits") == [(meter.home.now.seconds, 10 * POUND)]


def test_a_token_from_the_keypad() -> None:
    meter = Prepaid()
    digits, _ = meter.next_token(10)
    assert meter.enter(digits) == [LOCALLY, DONE]
    assert meter.money.balance == 10 * POUND
    assert [e.verdict for e in meter.effects if isinstance(e, Happened)] == ["done"]


@pytest.mark.parametrize("allowed", [True, False])
def test_a_token_from_a_display(allowed: bool) -> None:
    meter = Prepaid(settings=PaymentSettings(display_tops_up=allowed))
    digits, _ = meter.next_token(10)
    codes = meter.handle(DisplayCommand(0x0116, digits))
    assert codes == ([LOCALLY, 0x8154] if allowed else [0x8155])
    assert meter.money.balance == (10 * POUND if allowed else 0)
    assert meter.log("EventLog")[-1][1:] == (codes[-1], b"\x01\x16")


def test_one_token_counts_once_whichever_way_it_comes() -> None:
    meter = Prepaid()
    digits, counter = meter.next_token(10)
    meter.home.run("CS01a", [digits.encode()], counter=counter)
    assert meter.enter(digits) == [NOT_DONE]
    meter.handle(DisplayCommand(0x0116, digits))
    meter.home.restart()
    refused(meter, digits, counter + 1)
    assert meter.money.balance == 10 * POUND
    assert meter.security() == [DUPLICATE, DUPLICATE, NOT_AUTHENTIC]


def test_tokens_may_be_entered_out_of_order() -> None:
    meter = Prepaid()
    tokens = [meter.next_token(1)[0] for _ in range(120)]
    for digits in tokens[20:]:
        meter.enter(digits)
    assert meter.money.balance == 100 * POUND
    for digits in tokens[:20]:  # not above the lowest that is remembered
        meter.enter(digits)
    assert meter.money.balance == 100 * POUND
    assert meter.security() == [DUPLICATE] * 20
    other = Prepaid()
    for digits in reversed(tokens[:100]):
        other.enter(digits)
    assert other.money.balance == 100 * POUND


# -- refusals ----------------------------------------------------------------------------------


def key_of(supplier: object = SUPPLIER) -> TopUpKey:
    return TopUpKey.of(KEYS, supplier, METER)  # type: ignore[arg-type]


STRANGERS = make_token(key_of(STRANGER), 1 << 32, ValueClass.POUNDS, 10)


@pytest.mark.parametrize(
    ("digits", "codes"),
    [
        ("", []),
        ("1" * 19, []),
        ("1" * 21, []),
        (token(1 << 32)[:-1] + str((int(token(1 << 32)[-1]) + 1) % 10), []),
        ("00000000000000000000", []),
        ("74301825837596672005", [NOT_OURS]),  # a value class that is none
        (STRANGERS, [NOT_AUTHENTIC]),
    ],
)
def test_what_is_no_token_of_this_meter(digits: str, codes: list[int]) -> None:
    meter = Prepaid()
    assert meter.enter(digits) == [NOT_DONE]
    if len(digits) == 20:
        refused(meter, digits, 1 << 32)
    local = codes if len(digits) != 20 else codes * 2
    assert meter.security() == local
    assert meter.money.balance == 0
    assert not meter.log("BillingDataLog.PrepaymentCredits")


def test_the_limits_and_what_they_leave() -> None:
    """A token above a limit is not used up."""
    meter = Prepaid(MaximumCreditThreshold=20 * POUND, MaximumMeterBalance=25 * POUND)
    large, counter = meter.next_token(21)
    refused(meter, large, counter)
    digits, counter = meter.next_token(20)
    meter.home.run("CS01a", [digits.encode()], counter=counter)
    waits, counter = meter.next_token(6)
    refused(meter, waits, counter)
    assert meter.security() == [TOO_MUCH, TOO_FULL]
    assert meter.money.balance == 20 * POUND
    meter.command("ECS04a", [-POUND])
    assert meter.enter(waits) == [LOCALLY, DONE]
    assert meter.money.balance == 25 * POUND


def test_a_limit_of_0_is_none_or_refuses_everything() -> None:
    literal = Prepaid(settings=PaymentSettings(no_limit_at_zero=False))
    digits, counter = literal.next_token(1)
    refused(literal, digits, counter)
    assert literal.security() == [TOO_MUCH]


def test_a_credit_the_register_could_not_hold_is_refused() -> None:
    meter = Prepaid(MeterBalance=2**31 - POUND)
    digits, counter = meter.next_token(1)
    refused(meter, digits, counter)
    assert meter.security() == [TOO_FULL]
    meter.use(0)
    assert meter.money.balance == 2**31 - POUND


@pytest.mark.parametrize("result", [1, 250])
def test_the_result_of_a_refusal_is_a_setting(result: int) -> None:
    meter = Prepaid(settings=PaymentSettings(refused_result=result))
    reply = meter.home.run("CS01a", [STRANGERS.encode()], counter=1 << 32)
    assert reply.results == [result]


def test_without_the_suppliers_prepayment_certificate_no_token_is_authentic() -> None:
    meter = Prepaid()
    work = meter.home.work
    work.put(Cell(Role.SUPPLIER, KeyUsage.KEY_AGREEMENT, CellUsage.PREPAYMENT_TOP_UP).key, None)
    work.commit()
    digits, _ = meter.next_token()
    meter.enter(digits)
    assert meter.security() == [NOT_AUTHENTIC]


def test_a_new_suppliers_tokens_are_good_and_the_old_ones_are_not() -> None:
    meter = Prepaid()
    work = meter.home.work
    (certificate,) = [c for c in STRANGER_CERTIFICATES if c.cell_usage is CellUsage.PREPAYMENT_TOP_UP]
    work.put(Cell(Role.SUPPLIER, KeyUsage.KEY_AGREEMENT, CellUsage.PREPAYMENT_TOP_UP).key, certificate.der)
    work.commit()
    meter.home.restart()
    meter.enter(STRANGERS)
    assert meter.money.balance == 10 * POUND
    meter.enter(token(2 << 32))
    assert meter.security() == [NOT_AUTHENTIC]


def test_a_floor_makes_older_tokens_worthless() -> None:
    meter = Prepaid()
    work = meter.home.work
    behaviour(meter).set_floor(work, 5 << 32)
    work.commit()
    tokens = [meter.next_token(1)[0] for _ in range(7)]
    for digits in tokens:
        meter.enter(digits)
    assert meter.money.balance == 2 * POUND
    assert meter.security() == [DUPLICATE] * 5


def test_wrong_entries_suspend_the_keypad_not_the_supplier() -> None:
    meter = Prepaid()
    for _ in range(4):
        assert meter.enter(STRANGERS) == [NOT_DONE]
    assert meter.enter(STRANGERS) == [SUSPENDED, NOT_DONE]
    digits, _ = meter.next_token()
    meter.home.restart()
    assert meter.enter(digits) == [LOCKED, NOT_DONE]
    meter.wait(599)
    assert LOCKED in meter.enter(digits)
    meter.top_up(1)  # lifts it
    assert meter.enter(digits) == [LOCALLY, DONE]
    assert meter.money.balance == 11 * POUND


@pytest.mark.parametrize("key", [CACHE, THROTTLE])
def test_what_is_no_state_of_tokens_is_a_damaged_store(key: str) -> None:
    meter = Prepaid(raw={key: b"\1\2\3"})
    with pytest.raises(StoreError):
        meter.enter(token(1 << 32))


@given(st.text(max_size=24) | st.text("0123456789", min_size=20, max_size=20))
@settings(max_examples=50, deadline=None)
def test_any_digits_change_nothing(digits: str) -> None:
    meter = Prepaid(MeterBalance=7)
    meter.enter(digits)
    meter.handle(DisplayCommand(0x0116, digits))
    assert meter.money.balance == 7


# -- distribution ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("pounds", "before", "after"),
    [
        # balance, emergency of 500,000 left, accumulated, payment debt at 10 %
        (1, (-20_000, 100_000, 30_000, 70_000), (0, 140_000, 0, 60_000)),
        (1, (-200_000, 100_000, 30_000, 70_000), (-140_000, 100_000, 0, 60_000)),
        (1, (0, 500_000, 95_000, 70_000), (0, 500_000, 5_000, 60_000)),
        (1, (0, 500_000, 0, 4_000), (96_000, 500_000, 0, 0)),
        (10, (-20_000, 0, 100_000, 500_000), (280_000, 500_000, 0, 400_000)),
        (1, (5_000, 500_000, 0, 0), (105_000, 500_000, 0, 0)),
    ],
)
def test_a_credit_is_spread_in_order(pounds: int, before: tuple[int, ...], after: tuple[int, ...]) -> None:
    balance, emergency, accumulated, payment_debt = before
    meter = Prepaid(
        MeterBalance=balance,
        EmergencyCreditLimit=500_000,
        EmergencyCreditBalance=emergency,
        EmergencyCreditThreshold=100_000,
        AccumulatedDebtRegister=accumulated,
        PaymentDebtRegister=payment_debt,
        DebtRecoveryPerPayment=1000,
        raw={"payment/emergency-credit-active": pack(True)},
    )
    meter.top_up(pounds)
    money = meter.money
    assert (money.balance, money.emergency, money.accumulated, money.payment_debt) == after
    paid = before[3] - after[3]
    assert [entry[1] for entry in meter.log("BillingDataLog.PaymentDebtPayments")] == [paid] * bool(paid)
    assert ([entry[1] for entry in meter.log("EventLog")] == [0x81A9]) == bool(paid and not after[3])


def test_the_balance_may_be_restored_after_emergency_credit() -> None:
    meter = Prepaid(
        settings=PaymentSettings(restores_balance_first=False),
        MeterBalance=-50_000,
        EmergencyCreditLimit=500_000,
        EmergencyCreditBalance=420_000,
        raw={"payment/emergency-credit-active": pack(True)},
    )
    meter.top_up(1)
    assert meter.money[:3] == (-30_000, True, 500_000) or meter.money[:3] == (-30_000, False, 500_000)


@pytest.mark.parametrize(("recovers", "after"), [(False, (100_000, 7)), (True, (90_000, 0))])
def test_a_credit_in_credit_mode(recovers: bool, after: tuple[int, int]) -> None:
    meter = Prepaid(
        settings=PaymentSettings(debt_of_credit_mode_payments=recovers),
        mode=CREDIT_MODE,
        AccumulatedDebtRegister=0 if recovers else 7,
        PaymentDebtRegister=20_000,
        DebtRecoveryPerPayment=1000,
    )
    digits, _ = meter.next_token()
    assert meter.enter(digits) == [NOT_DONE]  # local entry needs prepayment mode
    meter.top_up(1)
    assert (meter.money.balance, meter.money.accumulated) == after


def test_local_entry_in_credit_mode_is_a_setting() -> None:
    utrn = UtrnSettings(local_needs_prepayment=False)
    meter = Prepaid(settings=replace(PaymentSettings(), utrn=utrn), mode=CREDIT_MODE)
    digits, _ = meter.next_token()
    assert meter.enter(digits) == [LOCALLY, DONE]


def test_logs_hold_five_credits_and_ten_payments() -> None:
    meter = Prepaid(PaymentDebtRegister=100 * POUND, DebtRecoveryPerPayment=10_000)
    for pounds in range(1, 13):
        meter.wait(60)
        meter.top_up(pounds)
    credited = [entry[1] for entry in meter.log("BillingDataLog.PrepaymentCredits")]
    payments = [entry[1] for entry in meter.log("BillingDataLog.PaymentDebtPayments")]
    assert credited == [pounds * POUND for pounds in range(8, 13)]
    assert payments == [pounds * POUND for pounds in range(3, 13)]
    read = meter.home.run("ECS20d").values()["BillingDataLog.PrepaymentCredits"]
    assert read == tuple(meter.log("BillingDataLog.PrepaymentCredits"))


# -- the cap -----------------------------------------------------------------------------------


def capped(window: CapWindow, cap: int = 5, now: Utc = MONDAY, **more: object) -> Prepaid:
    """Everything goes into a payment debt, as far as the cap lets it."""
    return Prepaid(
        settings=PaymentSettings(cap_window=window, **more),  # type: ignore[arg-type]
        now=now,
        PaymentDebtRegister=1_000 * POUND,
        DebtRecoveryPerPayment=10_000,
        DebtRecoveryRateCap__Amount=cap,
    )


def paid(meter: Prepaid) -> int:
    return 1_000 - meter.money.payment_debt // POUND


def test_the_cap_is_on_what_was_recovered_in_the_last_seven_days() -> None:
    meter = capped(CapWindow.ROLLING, now=MONDAY.plus(5 * DAY))
    meter.top_up(3)
    meter.wait(DAY)
    meter.top_up(4)
    assert paid(meter) == 5
    meter.wait(6 * DAY - 1)
    meter.top_up(4)
    assert paid(meter) == 5
    meter.wait(1)
    meter.top_up(9)
    assert paid(meter) == 8
    meter.wait(DAY)
    meter.top_up(9)
    assert paid(meter) == 10


def test_the_cap_may_be_on_calendar_weeks() -> None:
    meter = capped(CapWindow.WEEK, now=MONDAY.plus(-HOUR))
    meter.top_up(9)
    assert paid(meter) == 5
    meter.wait(HOUR)
    meter.top_up(9)
    assert paid(meter) == 10
    meter.wait(7 * DAY - 1)
    meter.top_up(9)
    assert paid(meter) == 10


@pytest.mark.parametrize(("no_cap", "after"), [(True, 9), (False, 0)])
def test_a_cap_of_0(no_cap: bool, after: int) -> None:
    meter = capped(CapWindow.ROLLING, 0, no_cap_at_zero=no_cap)
    meter.top_up(9)
    assert paid(meter) == after


def test_many_top_ups_in_a_week_keep_the_cap_and_the_store_small() -> None:
    meter = capped(CapWindow.ROLLING, 80)
    for _ in range(150):
        meter.wait(600)
        meter.top_up(1)
    assert paid(meter) == 80
    held = meter.home.work.value(RECOVERED)
    assert isinstance(held, tuple)
    assert len(held) <= 64


def test_a_share_is_rounded_down() -> None:
    meter = Prepaid(PaymentDebtRegister=POUND, DebtRecoveryPerPayment=3333)
    work = meter.home.work
    behaviour(meter).credit(work, 10_001)
    work.commit()
    assert meter.money.payment_debt == POUND - 3333
    assert meter.money.balance == 10_001 - 3333


@pytest.mark.parametrize("value", [(1,), ("x",), ((1, "y"),)])
def test_sums_that_are_none_are_a_damaged_store(value: Value) -> None:
    meter = Prepaid(raw={RECOVERED: pack(value)}, PaymentDebtRegister=POUND, DebtRecoveryPerPayment=10_000)
    with pytest.raises(StoreError):
        meter.top_up(1)


def test_every_refusal_has_a_text() -> None:
    assert all(refusal.reason for refusal in Refusal)


def test_counters_of_tokens_and_of_commands_are_sequences_apart() -> None:
    meter = Prepaid()
    meter.command("ECS43")
    meter.top_up(1)
    held = {name: meter.home.work.number(f"counter/002/{name}") for name in ("role", "prepayment")}
    assert held == {"role": 1001, "prepayment": 1 << 32}
    meter.command("ECS42")
    digits, counter = meter.next_token(1)
    meter.enter(meter.next_token(1)[0])
    assert meter.home.run("CS01a", [digits.encode()], counter=counter).results == [0]
    assert meter.home.work.number("counter/002/prepayment") == 3 << 32
