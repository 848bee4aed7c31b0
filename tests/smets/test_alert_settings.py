"""Masks and actions: which configurable codes are sent and logged."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smets.alerts import alert_table
from smets.behaviours.alert_settings import BITS, SETTINGS, alert_is_on, event_is_on
from smets.eventlog import occur, write
from smets.events import HubTime
from smets.values import Value
from tests.smets.homes import Home, alerts_in
from tests.smets.test_use_cases import readers

SETTING = {
    "ECS25a": "SupplierWANAlerts",
    "ECS25a1": "SupplierHANAlerts",
    "ECS25a2": "SupplierAlarms",
    "ECS25a3": "SupplierLogging",
    "ECS25b": "NetworkOperatorWANAlerts",
    "ECS25b3": "NetworkOperatorLogging",
}
HALVES = st.text("01", min_size=BITS, max_size=BITS)


@pytest.mark.parametrize("name", SETTING)
@given(first=HALVES, mask=HALVES, action=HALVES)
def test_only_masked_bits_take_the_action(name: str, first: str, mask: str, action: str) -> None:
    setting = SETTING[name]
    home = Home.new(items={setting: first})
    assert home.run(name, [mask + action]).results == [0]
    held = home.item(setting)
    assert isinstance(held, str)
    assert all(h == (a if m == "1" else f) for h, a, m, f in zip(held, action, mask, first, strict=True))
    if setting in readers("single"):
        assert home.run(readers("single")[setting]).values()[setting] == held


def test_every_setting_has_a_use_case_that_changes_no_other() -> None:
    assert set(SETTING.values()) == set(SETTINGS)
    for name, setting in SETTING.items():
        home = Home.new()
        before = {s: home.item(s) for s in SETTINGS}
        home.run(name, ["1" * 256 + "10" * 128])
        assert [s for s in SETTINGS if home.item(s) != before[s]] == [setting]


def only(bit: int, on: bool) -> Value:
    """All bits the other way but the one that stands for code xx00 + bit, counted from the last."""
    text = ["0" if on else "1"] * BITS
    text[BITS - 1 - bit] = "1" if on else "0"
    return "".join(text)


@pytest.mark.parametrize("code", [code for code, row in alert_table().items() if row.configurable])
def test_each_bit_stands_for_its_code(code: int) -> None:
    block = code >> 8
    wan, logging = {
        0x81: ("SupplierWANAlerts", "SupplierLogging"),
        0x80: ("NetworkOperatorWANAlerts", "NetworkOperatorLogging"),
    }[block]
    for on in (True, False):
        home = Home.new(items={wan: only(code & 0xFF, on), logging: only(code & 0xFF, on)})
        assert alert_is_on(home.work, code) is on
        assert event_is_on(home.work, code) is on
        work = home.work
        write(work, "EventLog", code)
        assert len(list(work.log_entries("EventLog"))) == on
        others = [c for c, row in alert_table().items() if row.configurable and c >> 8 == block and c != code]
        assert all(alert_is_on(home.work, other) is not on for other in others[:5])


@pytest.mark.parametrize("on", [True, False])
def test_a_configurable_alert_is_sent_where_it_is_switched_on(on: bool) -> None:
    items: dict[str, Value] = {
        "SupplierWANAlerts": only(0xAB, on),
        "PaymentMode": (2, 2),
        "MeterBalance": 1,
        "EmergencyCreditLimit": 10,
        "EmergencyCreditBalance": 10,
        "EmergencyCreditThreshold": 5,
    }
    reply = Home.new(items=items).run("ECS09")
    assert reply.results == [0]
    assert [(a.code, a.message.code) for a in reply.alerts] == ([(0x81AB, 0x1001)] if on else [])


def test_critical_codes_cannot_be_switched_off() -> None:
    off: dict[str, Value] = dict.fromkeys(SETTINGS, "0" * BITS)
    home = Home.new(items=off)
    alerts = alerts_in(home.handle(HubTime(home.now.plus(60))))
    assert [a.code for a in alerts] == [0x8F0C]
    assert [e[1] for e in home.work.log_entries("SecurityLog")] == [0x8F0C]


@pytest.mark.parametrize("code", sorted(alert_table()))
def test_every_code_can_occur(code: int) -> None:
    """An event of any code of the table is logged and alerted as its row says, and raises nothing."""
    row = alert_table()[code]
    home = Home.new(items=dict.fromkeys(SETTINGS, "1" * BITS))
    work = home.work
    occur(work, code, b"\0\0\0\1")
    assert [request.code for request in work.alerts] == ([code] if row.wan else [])
    log = {"event": "EventLog", "security": "SecurityLog", "power": "PowerEventLog"}.get(row.log)
    for name in ("EventLog", "SecurityLog", "PowerEventLog"):
        assert len(list(work.log_entries(name))) == (name == log)
