"""Ends of billing periods, snapshots before changes, resets of block counters, the sealed alert."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gbcs.dlms.apdu import DataNotification, parse_apdu
from gbcs.dlms.axdr import CompactArray, Data, read_data
from gbcs.dlms.protection import read_protected_elements
from gbcs.dlms.selective import Range
from gbcs.ids import KeyUsage, Role
from gbcs.message import Message, parse_message
from gbcs.party import RemoteParty
from gbcs.security.folder import FolderKeyStore
from gbcs.time import ACTIVATE_NEVER, ACTIVATE_NOW, Utc
from gbcs.usecases import by_name
from smets.behaviours.billing import Billing, BillingSettings, Why
from smets.behaviours.clock import set_clock
from smets.behaviours.tariff_registers import block_counters
from smets.events import Effect, Happened, Metrology, PowerLost, PowerRestored, TimerDue
from smets.identity import Cell
from smets.values import Value
from tests.gbcs.reference_messages import octets
from tests.gbcs.tariffs import ELECTRICITY, SECOND
from tests.smets.homes import START, SUPPLIER, Alert, Home, alerts_in, plaintext
from tests.smets.tariff_items import tariff_items

UPDATED = 0x8F0A
REGISTERS = "BillingDataLog.CalendarRegisters"
PREPAYMENT = "BillingDataLog.CalendarPrepayment"
CHANGES = "BillingDataLog.ModeOrTariffChange"
MIDNIGHT = bytes(4)
EVERY_DAY = bytes.fromhex("FFFFFFFFFF")
MONTHLY: Value = ((MIDNIGHT, bytes.fromhex("FFFFFF01FF")),)
DAILY: Value = ((MIDNIGHT, EVERY_DAY),)
BALANCES = {
    "EmergencyCreditBalance": 1,
    "MeterBalance": -2,
    "PaymentDebtRegister": 3,
    "TimeDebtRegister1": 4,
    "TimeDebtRegister2": 5,
    "AccumulatedDebtRegister": 6,
}
BLOCKS = {
    **ELECTRICITY,
    "special_days": [],
    "seasons": [{"name": "all", "start": "*-*-*", "week": 1}],
    "weeks": [{"name": 1, "days": [2] * 7}],
}


def until(home: Home, time: Utc) -> list[Effect]:
    """Let the meter's deadlines come, up to a time."""
    effects: list[Effect] = []
    while (due := home.device.next_deadline) is not None and due <= time:
        home.now = due
        effects += home.handle(TimerDue())
    home.now = time
    return effects


def stamps(home: Home, name: str) -> list[str]:
    return [str(Utc.from_seconds(e[0])) for e in home.work.log_entries(name) if isinstance(e[0], int)]


def updated(effects: list[Effect]) -> list[Alert]:
    return [alert for alert in alerts_in(effects) if alert.code == UPDATED]


# -- billing periods ----------------------------------------------------------------------


def test_a_period_ends_with_a_snapshot_and_an_alert() -> None:
    home = Home.new(items={"BillingCalendar": MONTHLY, **BALANCES})
    home.handle(Metrology(import_wh=500))
    effects = until(home, Utc.of(2026, 3, 15))
    assert stamps(home, REGISTERS) == ["2026-02-01T00:00:00Z", "2026-03-01T00:00:00Z"]
    assert [e[1] for e in home.work.log_entries(REGISTERS)] == [500, 500]
    first, _ = home.work.log_entries(PREPAYMENT)
    assert first == (Utc.of(2026, 2, 1).seconds, 1, -2, 3, 4, 5, 6)
    assert [alert.time for alert in updated(effects)] == [Utc.of(2026, 2, 1), Utc.of(2026, 3, 1)]
    assert {alert.key for alert in updated(effects)} == {(UPDATED, 0x0061, SUPPLIER)}


@pytest.mark.parametrize("variant", ["single", "twin", "polyphase"])
def test_the_alert_carries_the_newest_entry_for_the_supplier_only(variant: str) -> None:
    items = {**tariff_items("ECS01a", BLOCKS), "BillingCalendar": DAILY}
    if variant == "twin":
        items |= tariff_items("ECS01c", SECOND)
    home = Home.new(variant, items=items)
    home.handle(Metrology(import_wh=6000, secondary_wh=7))
    *_, alert = updated(until(home, Utc.of(2026, 1, 3)))
    protected = read_protected_elements(alert.content)
    assert protected.parameters.counter == alert.message.counter
    assert protected.parameters.recipient == SUPPLIER
    plain = RemoteParty(SUPPLIER, home.keys).unseal(alert.message, protected.octets)
    data, end = read_data(plain, 0)
    assert end == len(plain)
    (buffer,) = data.value
    assert isinstance(buffer.value, CompactArray)
    (entry,) = buffer.value.entries
    time, imported, *rest = entry.value
    assert (time.value, imported.value) == (Utc.of(2026, 1, 3).seconds, 6000)
    assert len(rest) == (7 if variant == "twin" else 5)
    block1 = rest[-4]
    assert [one.value for one in block1.value][:2] == [0, 5000]
    assert len(list(home.work.log_entries(REGISTERS))) == 2


def test_both_snapshots_are_read_in_one_request() -> None:
    home = Home.new(items={"BillingCalendar": DAILY, **BALANCES})
    until(home, Utc.of(2026, 1, 20))
    registers, balances = plaintext(home.run("ECS20c", within=Range(0, 0xFFFF_FFFF))).value
    assert len(registers.value.entries) == len(balances.value.entries) == 12  # of 19
    last = balances.value.entries[-1].value
    assert [one.value for one in last] == [Utc.of(2026, 1, 20).seconds, 1, -2, 3, 4, 5, 6]


def test_without_a_key_of_the_supplier_the_snapshot_is_there_and_the_alert_is_not() -> None:
    home = Home.new(items={"BillingCalendar": DAILY})
    work = home.work
    work.put(Cell(Role.SUPPLIER, KeyUsage.KEY_AGREEMENT).key, None)
    work.commit()
    home.restart()
    effects = until(home, Utc.of(2026, 1, 2))
    assert len(stamps(home, REGISTERS)) == 1
    assert not updated(effects)
    assert [e.verdict for e in effects if isinstance(e, Happened)] == ["unsent"]


def test_the_prepayment_snapshot_in_credit_mode_is_a_setting() -> None:
    for mode, setting, expected in ((1, True, 1), (1, False, 0), (2, False, 1)):
        home = Home.new(items={"PaymentMode": (mode, 2)})
        work = home.work
        Billing(settings=BillingSettings(balances_in_credit_mode=setting)).snapshot(work, Why.BILLING_PERIOD)
        assert len(list(work.log_entries(REGISTERS))) == 1
        assert len(list(work.log_entries(PREPAYMENT))) == expected


def test_the_end_of_a_period_zeroes_the_block_counters_after_the_snapshot() -> None:
    home = Home.new(items={**tariff_items("ECS01a", BLOCKS), "BillingCalendar": DAILY})
    home.handle(Metrology(import_wh=6000))
    assert block_counters(home.work)[0][1] == 5000
    until(home, Utc.of(2026, 1, 2))
    assert not any(value for row in block_counters(home.work) for value in row)
    ((*_, block1, block2, _, _),) = home.work.log_entries(REGISTERS)
    assert isinstance(block1, tuple)
    assert isinstance(block2, tuple)
    assert (block1[1], block2[1]) == (5000, 1000)


def test_daily_resetting_zeroes_the_counters_without_a_snapshot() -> None:
    home = Home.new(items=tariff_items("ECS01a", BLOCKS))
    assert home.run("ECS48", [DAILY]).results == [0]
    for day in (1, 2, 3):
        home.handle(Metrology(import_wh=100))
        assert block_counters(home.work)[0][1] == 100
        until(home, Utc.of(2026, 1, day + 1))
    assert not stamps(home, REGISTERS)
    assert home.run("ECS48", [()]).results == [0]
    home.handle(Metrology(import_wh=100))
    until(home, Utc.of(2026, 1, 6))
    assert block_counters(home.work)[0][1] == 100


def test_a_new_calendar_begins_when_it_is_set() -> None:
    home = Home.new()
    until(home, Utc.of(2026, 1, 10, 12))
    quarterly = tuple((MIDNIGHT, bytes.fromhex(f"FFFF{month:02X}0AFF")) for month in (1, 4, 7, 10))
    assert home.run("ECS30a", [quarterly]).results == [0]
    assert not stamps(home, REGISTERS)
    until(home, Utc.of(2026, 8, 1))
    assert [stamp[:10] for stamp in stamps(home, REGISTERS)] == ["2026-04-10", "2026-07-10"]
    assert home.run("ECS30a", [((bytes((6, 30, 0, 0)), bytes.fromhex("FFFFFFFF07")),)]).results == [0]
    until(home, Utc.of(2026, 8, 10))
    assert stamps(home, REGISTERS)[2:] == ["2026-08-02T06:30:00Z", "2026-08-09T06:30:00Z"]


# -- time that does not run evenly --------------------------------------------------------


def test_ends_without_power_are_one_end() -> None:
    home = Home.new(items={"BillingCalendar": MONTHLY})
    home.handle(PowerLost())
    home.now = Utc.of(2026, 6, 15, 7)
    home.restart()
    home.handle(PowerRestored())
    effects = until(home, Utc.of(2026, 7, 15))
    assert stamps(home, REGISTERS) == ["2026-06-15T07:00:00Z", "2026-07-01T00:00:00Z"]
    assert len(updated(effects)) == 2


def test_a_clock_set_forward_ends_the_period_and_one_set_back_a_little_does_not_end_it_again() -> None:
    home = Home.new(items={"BillingCalendar": MONTHLY})
    turn(home, Utc.of(2026, 2, 1, 0, 0, 7))
    until(home, home.now.plus(1))
    assert len(stamps(home, REGISTERS)) == 1
    turn(home, Utc.of(2026, 1, 31, 23, 59, 58))
    until(home, home.now.plus(3600))
    assert len(stamps(home, REGISTERS)) == 1


def test_a_clock_that_was_far_ahead_does_not_stop_billing() -> None:
    home = Home.new(items={"BillingCalendar": MONTHLY})
    turn(home, Utc.of(2099, 1, 1))
    until(home, home.now.plus(1800))
    turn(home, Utc.of(2026, 1, 20))
    until(home, home.now.plus(13 * 86_400))
    assert [stamp[:4] for stamp in stamps(home, REGISTERS)] == ["2099", "2026"]
    assert stamps(home, REGISTERS)[1] == "2026-02-01T00:00:00Z"


def turn(home: Home, time: Utc) -> None:
    work = home.work
    set_clock(work, time)
    work.commit()
    home.restart()


@given(st.lists(st.sampled_from(["wait", "week", "power", "back", "forward", "restart"]), max_size=6))
@settings(max_examples=30, deadline=None)
def test_every_monday_that_passes_is_an_end_once(steps: list[str]) -> None:
    """However it passes; several at once are one."""
    home = Home.new(items={"BillingCalendar": ((MIDNIGHT, bytes.fromhex("FFFFFFFF01")),)})
    highest, expected = home.work.time, 0
    for step in steps:
        if step == "back":
            turn(home, home.work.time.plus(-5))
        elif step == "forward":
            turn(home, home.work.time.plus(200_000))
        elif step == "restart":
            home.restart()
        elif step == "power":
            home.handle(PowerLost())
            home.wait(500_000)
            home.handle(PowerRestored())
        until(home, home.now.plus(8 * 86_400 if step == "week" else 3600))
        passed = mondays(home.work.time) - mondays(highest)
        expected += max(0, passed if step == "week" else min(passed, 1))
        highest = max(highest, home.work.time)
        assert len(stamps(home, REGISTERS)) == min(expected, 12)


def mondays(time: Utc) -> int:
    """How many Mondays have begun, counted from 2000-01-03."""
    return (time.seconds // 86_400 - 2) // 7


# -- changes ------------------------------------------------------------------------------


def test_a_tariff_is_activated_after_one_snapshot() -> None:
    home = Home.new(items=BALANCES)
    home.handle(Metrology(import_wh=9))
    assert not any(home.run("ECS01a").results)
    ((time, imported, *_, balances),) = [(*e[:-6], e[-6:]) for e in home.work.log_entries(CHANGES)]
    assert (time, imported, balances) == (home.now.seconds, 9, (1, -2, 3, 4, 5, 6))


def test_a_future_dated_tariff_takes_it_when_it_becomes_active() -> None:
    home = Home.new()
    at = Utc.of(2026, 1, 2, 3, 4, 5)
    assert not any(home.run("ECS01a", when=at.to_cosem()).results)
    assert not stamps(home, CHANGES)
    until(home, Utc.of(2026, 1, 3))
    assert stamps(home, CHANGES) == [str(at)]
    home.run("ECS01a", when=Utc.of(2026, 1, 4).to_cosem())
    home.run("ECS01a", when=ACTIVATE_NEVER)
    until(home, Utc.of(2026, 1, 5))
    assert stamps(home, CHANGES) == [str(at)]


@pytest.mark.parametrize("name", ["ECS01b", "ECS02", "ECS03"])
def test_prices_and_payment_modes_take_one_too(name: str) -> None:
    home = Home.new()
    assert not any(home.run(name).results)
    assert stamps(home, CHANGES) == [str(START)]
    home.wait(60)
    home.run(name)
    assert stamps(home, CHANGES) == [str(START), str(START.plus(60))]


def test_a_refused_command_takes_none() -> None:
    home = Home.new()
    values = home.values(by_name("ECS01b"))
    wrong = bytes.fromhex("07EA021EFF000000008000FF")  # 30 February
    assert any(home.run("ECS01b", [wrong if value == ACTIVATE_NOW else value for value in values]).results)
    assert not stamps(home, CHANGES)


def test_the_log_of_changes_is_read_protected() -> None:
    home = Home.new("twin")
    for _ in range(14):
        home.wait(60)
        home.run("ECS01d")
    (buffer,) = plaintext(home.run("ECS20b", within=Range(0, 0xFFFF_FFFF))).value
    assert len(buffer.value.entries) == 12
    assert len(buffer.value.entries[0].value) == 5 + 4 + 6


def test_others_may_take_a_snapshot() -> None:
    home = Home.new()
    work = home.work
    billing = Billing()
    for _ in range(3):
        billing.snapshot(work, Why.SUPPLIER)
    assert len(list(work.log_entries(CHANGES))) == 1
    assert not work.alerts


def test_the_alert_has_the_form_of_the_reference_set(reference: Path) -> None:
    """Message, elements and the type of the entry, single and twin, as ours."""
    keys = FolderKeyStore(reference / "rtds" / "keystore")
    forms = set()
    for one in octets(reference).values():
        message = parse_message(one)
        if message.code == 0x0061:
            apdu = parse_apdu(message.payload)
            assert isinstance(apdu, DataNotification)
            forms.add(form(message, apdu.body.value[2:], RemoteParty(message.recipient, keys)))
    ours = set()
    for variant in ("single", "twin"):
        home = Home.new(variant, items={"BillingCalendar": DAILY})
        (alert,) = updated(until(home, Utc.of(2026, 1, 2)))
        ours.add(form(alert.message, alert.content, RemoteParty(SUPPLIER, home.keys)))
    assert ours == forms


def form(message: Message, content: tuple[Data, ...], party: RemoteParty) -> object:
    """What does not depend on values: header, type description, number of entries, length."""
    protected = read_protected_elements(content)
    data, _ = read_data(party.unseal(message, protected.octets), 0)
    (buffer,) = data.value
    header = (message.mac_header, message.other.code, len(protected.octets), len(content))
    return header, buffer.value.description, len(buffer.value.entries)
