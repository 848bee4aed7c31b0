"""What metrology and self checks tell: each beginning once, each finding each time."""

from __future__ import annotations

import pytest

from gbcs.errors import BuildError
from smets.alerts import alert_table
from smets.behaviours.power_events import (
    FAULTS,
    INTEGRITY_REASONS,
    INTEGRITY_WARNING,
    PowerEventSettings,
)
from smets.device import Device
from smets.esme.meter import EsmeOptions, esme_profile
from smets.sensing import Condition, ConditionSensed, Diagnosed, Fault
from tests.smets.homes import Home, alerts_in

ALL_ON = {"NetworkOperatorWANAlerts": "1" * 256, "SupplierWANAlerts": "1" * 256}


def told(home: Home, event: object) -> list[int]:
    home.wait(1)
    return [a.code for a in alerts_in(home.handle(event))]


@pytest.mark.parametrize(
    ("variant", "what", "phase", "begins", "ends"),
    [
        ("single", Condition.REVERSE_CURRENT, 0, [0x81BB], []),
        ("polyphase", Condition.REVERSE_CURRENT, 2, [0x81BB], []),
        ("single", Condition.POLARITY, 0, [0x81B8], []),
        ("polyphase", Condition.PHASE_SEQUENCE, 0, [0x81B7], []),
        ("single", Condition.PHASE_SEQUENCE, 0, [], []),
        ("single", Condition.OVER_CURRENT, 0, [0x8010], []),
        ("twin", Condition.OVER_CURRENT, 1, [0x8010], []),
        ("single", Condition.OVER_CURRENT, 2, [], []),
        ("polyphase", Condition.OVER_CURRENT, 1, [0x8011], []),
        ("polyphase", Condition.OVER_CURRENT, 2, [0x8016], []),
        ("polyphase", Condition.OVER_CURRENT, 3, [0x8013], []),
        ("polyphase", Condition.OVER_CURRENT, 0, [], []),
        ("polyphase", Condition.OVER_CURRENT, 4, [], []),
        ("single", Condition.POWER_FACTOR, 0, [0x8014], [0x8015]),
        ("polyphase", Condition.POWER_FACTOR, 3, [0x8014], [0x8015]),
    ],
)
def test_a_condition_is_told_when_it_begins_and_where_there_is_a_code_when_it_ends(
    variant: str, what: Condition, phase: int, begins: list[int], ends: list[int]
) -> None:
    home = Home.new(variant, items=ALL_ON)
    assert told(home, ConditionSensed(what, False, phase)) == []
    assert told(home, ConditionSensed(what, True, phase)) == begins
    home.restart()
    assert told(home, ConditionSensed(what, True, phase)) == []
    assert told(home, ConditionSensed(what, False, phase)) == ends
    assert told(home, ConditionSensed(what, True, phase)) == begins
    logged = [e[1] for e in home.work.log_entries("PowerEventLog")]
    assert logged == begins + ends + begins


def test_phases_are_told_apart() -> None:
    home = Home.new("polyphase", items=ALL_ON)
    for phase in (1, 2, 3):
        assert len(told(home, ConditionSensed(Condition.REVERSE_CURRENT, True, phase))) == 1
    assert told(home, ConditionSensed(Condition.REVERSE_CURRENT, True, 2)) == []


@pytest.mark.parametrize("what", Fault)
def test_a_finding_is_told_each_time(what: Fault) -> None:
    home = Home.new(items=ALL_ON)
    code = FAULTS[what]
    warned = [INTEGRITY_WARNING] if what in INTEGRITY_REASONS else []
    assert [told(home, Diagnosed(what)) for _ in range(2)] == [[code, *warned]] * 2
    logged = [e[1] for e in home.work.log_entries("EventLog")]
    assert logged == (([code] if alert_table()[code].log == "event" else []) + warned) * 2
    home = Home.new(items=ALL_ON)
    settings = PowerEventSettings(integrity_warnings=frozenset())
    home.device = Device(esme_profile(EsmeOptions(power_events=settings)), home.store, home.now)
    assert told(home, Diagnosed(what)) == [code]


@pytest.mark.parametrize("what", INTEGRITY_REASONS)
def test_an_integrity_warning_has_its_reason(what: Fault) -> None:
    home = Home.new(items=ALL_ON)
    alerts = alerts_in(home.handle(Diagnosed(what)))
    (warning,) = [alert for alert in alerts if alert.code == INTEGRITY_WARNING]
    assert warning.message.code == 0x00F0
    reason = INTEGRITY_REASONS[what].to_bytes(2, "big")
    assert [data.value for data in warning.content] == [reason]
    assert [e[2] for e in home.work.log_entries("EventLog") if e[1] == INTEGRITY_WARNING] == [reason]


def test_only_what_has_a_reason_is_an_integrity_warning() -> None:
    with pytest.raises(BuildError):
        PowerEventSettings(integrity_warnings=frozenset({Fault.LOCAL_PORT}))


def test_a_makers_meter_may_tell_less() -> None:
    home = Home.new(items=ALL_ON)
    settings = PowerEventSettings(frozenset({Condition.POLARITY}), frozenset(), frozenset())
    profile = esme_profile(EsmeOptions(power_events=settings))
    home.device = Device(profile, home.store, home.now)
    assert told(home, ConditionSensed(Condition.POLARITY, True)) == [0x81B8]
    assert told(home, ConditionSensed(Condition.REVERSE_CURRENT, True)) == []
    assert told(home, Diagnosed(Fault.RAM)) == []
    assert told(home, Diagnosed(Fault.FIRMWARE_AT_POWER_ON)) == [0x8F1B]  # it has to be told
