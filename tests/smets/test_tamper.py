"""Tamper: each kind begins and ends once; a locked supply waits for Arm Supply."""

from __future__ import annotations

import pytest

from smets.alerts import alert_table
from smets.behaviours.supply import Reason, State, Supply, SupplySettings, Trigger, reasons_of, state_of
from smets.behaviours.tamper import PRESENT, ROWS, tampered
from smets.device import Device
from smets.esme.meter import EsmeOptions, esme_profile
from smets.events import Actuate, Effect, UserAction
from smets.sensing import Attack, AttackSensed
from smets.store import StoreError
from smets.values import Value, pack
from tests.smets.homes import Home, alerts_in

LOCKED: dict[str, Value] = {"SupplierWANAlerts": "1" * 256, "SupplyTamperState": True}
COVER, COVER_CLOSED, LOCK = 0x8F74, 0x81B9, 0x81BE


def codes(effects: tuple[Effect, ...]) -> list[int]:
    return list(dict.fromkeys(a.code for a in alerts_in(effects)))


def moves(effects: tuple[Effect, ...]) -> list[Effect]:
    return [e for e in effects if isinstance(e, Actuate)]


def opened(home: Home, what: Attack = Attack.METER_COVER, present: bool = True) -> tuple[Effect, ...]:
    home.wait(1)
    return home.handle(AttackSensed(what, present))


def test_every_kind_has_one_row_whose_codes_are_those_of_the_table() -> None:
    assert [row.what for row in ROWS] == list(Attack)
    for row in ROWS:
        assert alert_table()[row.begins].critical
        assert row.ends is None or alert_table()[row.ends].configurable


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.what.value)
def test_a_kind_begins_and_ends_once(row) -> None:  # type: ignore[no-untyped-def]
    home = Home.new(items={**LOCKED, "SupplyTamperState": False})
    assert not opened(home, row.what, False)
    assert codes(opened(home, row.what)) == [row.begins]
    assert tampered(home.work) == {row.what}
    home.restart()
    assert not opened(home, row.what)
    effects = opened(home, row.what, False)
    assert codes(effects) == ([] if row.ends is None else [row.ends])
    assert not tampered(home.work)
    assert [e[1] for e in home.work.log_entries("SecurityLog")] == [row.begins]
    assert state_of(home.work) is State.ENABLED


def test_kinds_go_on_beside_each_other() -> None:
    home = Home.new()
    opened(home, Attack.METER_COVER)
    opened(home, Attack.MAGNETIC_FIELD)
    opened(home, Attack.METER_COVER, False)
    assert tampered(home.work) == {Attack.MAGNETIC_FIELD}


# -- the locked supply --------------------------------------------------------------------


def test_a_locked_supply_is_disabled_until_it_is_armed() -> None:
    home = Home.new(items=LOCKED)
    effects = opened(home)
    assert codes(effects) == [COVER, LOCK]
    assert moves(effects) == [Actuate("load switch", False)]
    assert reasons_of(home.work) == {Reason.TAMPER}
    assert codes(opened(home, present=False)) == [COVER_CLOSED]
    assert state_of(home.work) is State.DISABLED
    assert not moves(home.handle(UserAction("enable supply")))
    home.restart()
    home.wait(1)
    assert home.run("ECS44").results == [0]
    assert state_of(home.work) is State.ARMED
    assert moves(home.handle(UserAction("enable supply"))) == [Actuate("load switch", True)]


def test_the_state_is_that_at_the_moment_of_the_tamper() -> None:
    home = Home.new(items={"SupplyTamperState": False})
    opened(home)
    assert home.run("ECS81", [True]).results == [0]
    assert state_of(home.work) is State.ENABLED
    opened(home, Attack.OTHER)
    assert state_of(home.work) is State.DISABLED
    home.wait(1)
    assert home.run("ECS81", [False]).results == [0]
    assert reasons_of(home.work) == {Reason.TAMPER}


@pytest.mark.parametrize("before", ["ARMED", "DISABLED"])
def test_a_supply_that_is_not_enabled_is_locked_too(before: str) -> None:
    home = Home.new(items=LOCKED)
    home.run("ECS43")
    if before == "ARMED":
        home.wait(1)
        home.run("ECS44")
    effects = opened(home)
    assert codes(effects) == ([COVER, LOCK] if before == "ARMED" else [COVER])
    assert not moves(effects)
    assert Reason.TAMPER in reasons_of(home.work)
    assert not home.run("ECS44").results[0]
    assert not reasons_of(home.work)


def test_credit_does_not_unlock() -> None:
    home = Home.new(items={**LOCKED, "PaymentMode": (2, 2), "MeterBalance": 5})
    opened(home)
    for amount in (-5, 1000):
        home.wait(1)
        assert home.run("ECS04a", [amount]).results == [0]
    assert state_of(home.work) is State.DISABLED
    assert reasons_of(home.work) == {Reason.TAMPER}


@pytest.mark.parametrize("ends", [True, False])
def test_whether_enable_supply_unlocks_is_a_setting(ends: bool) -> None:
    home = Home.new(items=LOCKED)
    profile = esme_profile(EsmeOptions(supply=SupplySettings(enable_ends_tamper_lock=ends)))
    home.device = Device(profile, home.store, home.now)
    opened(home)
    assert home.run("ECS42").results == [0 if ends else 250]
    assert state_of(home.work) is (State.ENABLED if ends else State.DISABLED)


@pytest.mark.parametrize("may", [True, False])
def test_whether_the_consumer_ends_a_load_limit_is_a_setting(may: bool) -> None:
    work = Home.new().work
    supply = Supply(lambda work: True, SupplySettings(consumer_ends_load_limit=may))
    supply.trigger(work, Trigger.LOAD_LIMIT)
    assert supply.trigger(work, Trigger.USER_ENABLE) is may
    assert state_of(work) is (State.ENABLED if may else State.ARMED)


@pytest.mark.parametrize("held", [("no such kind",), (7,)])
def test_what_nobody_wrote_is_a_damaged_store(held: Value) -> None:
    home = Home.new(raw={PRESENT: pack(held)})
    with pytest.raises(StoreError):
        opened(home)
