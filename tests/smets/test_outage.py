"""Outages: the three-minute split, the times of ECS80, phases, a clock that does not survive."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gbcs.dlms.apdu import DataNotification, parse_apdu
from gbcs.ids import Role
from gbcs.message import parse_message
from gbcs.time import Utc
from smets.behaviours.clock import ClockSettings, Status, set_clock
from smets.behaviours.outage import OutageSettings, is_lost
from smets.device import Device
from smets.esme.meter import EsmeOptions, esme_profile
from smets.events import HubTime, PowerLost, PowerRestored, TimerDue
from smets.sensing import PhaseSupply
from smets.store import StoreError
from smets.values import Value, pack
from tests.gbcs.reference_messages import octets
from tests.smets.homes import ENTITIES, Alert, Home, alerts_in, set_clock_parameter

SHORT, LONG = 0x8F35, 0x8F36


def metered(variant: str = "single", survives: bool = True, phases_apart: bool = False) -> Home:
    home = Home.new(variant)
    options = EsmeOptions(variant, clock=ClockSettings(survives), outage=OutageSettings(phases_apart))
    home.device = Device(esme_profile(options), home.store, home.now)
    return home


def told(home: Home, event: object) -> list[Alert]:
    return list(alerts_in(home.handle(event)))


def cut(home: Home, seconds: int) -> list[Alert]:
    """A power cut, the process gone meanwhile."""
    assert not told(home, PowerLost())
    home.wait(seconds)
    home.restart()
    return told(home, PowerRestored())


def times(alert: Alert) -> tuple[Utc, Utc]:
    begun, ended = (Utc.from_cosem(data.value) for data in alert.content)
    return begun, ended


def log(home: Home) -> list[tuple[Value, ...]]:
    return [entry[:2] for entry in home.work.log_entries("PowerEventLog")]


@pytest.mark.parametrize(
    ("seconds", "code"), [(0, SHORT), (1, SHORT), (179, SHORT), (180, LONG), (86_400, LONG)]
)
@pytest.mark.parametrize("variant", ["single", "twin", "polyphase"])
def test_an_outage_of_three_minutes_or_more_has_a_code_of_its_own(
    variant: str, seconds: int, code: int
) -> None:
    home = metered(variant)
    lost = home.now
    (alert,) = cut(home, seconds)
    assert alert.key == (code, 0x0067, ENTITIES[Role.NETWORK_OPERATOR])
    assert times(alert) == (lost, home.now)
    assert alert.time == home.now
    assert log(home) == [(lost.seconds, 0x8F57), (home.now.seconds, code)]


def test_the_loss_is_logged_when_it_happens() -> None:
    home = metered()
    home.handle(PowerLost())
    home.restart()
    assert log(home) == [(home.now.seconds, 0x8F57)]
    assert is_lost(home.work)


def test_what_is_said_while_there_is_no_power_is_not_heard() -> None:
    home = metered("polyphase")
    home.handle(PowerLost())
    assert not home.handle(PhaseSupply(1, False))
    assert not home.handle(PowerLost())
    home.wait(10)
    assert [a.code for a in told(home, PowerRestored())] == [SHORT]
    assert not home.handle(PowerRestored())  # again: there was no outage


# -- phases -------------------------------------------------------------------------------


@pytest.mark.parametrize("phase", [1, 2, 3])
@pytest.mark.parametrize(("seconds", "long"), [(179, False), (180, True)])
def test_each_phase_has_codes_of_its_own(phase: int, seconds: int, long: bool) -> None:
    home = metered("polyphase")
    lost = home.now
    assert not home.handle(PhaseSupply(phase, False))
    assert not home.handle(PhaseSupply(phase, False))
    assert is_lost(home.work, phase)
    home.wait(seconds)
    (alert,) = told(home, PhaseSupply(phase, True))
    code = 0x8F37 + 2 * (phase - 1) + long
    assert alert.key == (code, 0x0067, ENTITIES[Role.NETWORK_OPERATOR])
    assert times(alert) == (lost, home.now)
    assert log(home) == [(lost.seconds, 0x8F57 + phase), (home.now.seconds, code)]
    assert not home.handle(PhaseSupply(phase, True))


@pytest.mark.parametrize(
    ("variant", "phase"), [("single", 1), ("twin", 2), ("polyphase", 0), ("polyphase", 4)]
)
def test_phases_a_meter_does_not_have_are_not_lost(variant: str, phase: int) -> None:
    home = metered(variant)
    assert not home.handle(PhaseSupply(phase, False))
    assert not home.handle(PhaseSupply(phase, True))
    assert log(home) == []


def test_a_phase_that_was_lost_before_the_power_is_lost_after_it() -> None:
    home = metered("polyphase")
    home.handle(PhaseSupply(2, False))
    home.wait(100)
    assert [a.code for a in cut(home, 50)] == [SHORT]
    assert is_lost(home.work, 2)
    home.wait(30)
    (alert,) = told(home, PhaseSupply(2, True))
    assert alert.code == 0x8F3A
    assert times(alert) == (home.now.plus(-180), home.now)


def test_the_phases_may_be_reported_apart() -> None:
    home = metered("polyphase", phases_apart=True)
    home.handle(PhaseSupply(3, False))
    home.wait(60)
    assert [a.code for a in cut(home, 200)] == [0x8F38, 0x8F3A]
    assert is_lost(home.work, 3)
    assert [a.code for a in told(home, PhaseSupply(3, True))] == [0x8F3C]
    assert [code for _, code in log(home)] == [0x8F5A, 0x8F58, 0x8F59, 0x8F38, 0x8F3A, 0x8F3C]


# -- a clock that stands ------------------------------------------------------------------


def set_by_command(home: Home) -> list[Alert]:
    """ECS70 with the hub's time right."""
    home.handle(HubTime(home.now))
    reply = home.run("ECS70", [set_clock_parameter(home.now)])
    return list(reply.alerts)


def test_without_its_clock_an_outage_waits_until_the_clock_is_set() -> None:
    home = metered(survives=False)
    lost = home.now
    assert not cut(home, 3600)
    restored = home.now
    work = home.work
    assert work.number("clock/status") == Status.INVALID
    assert work.time == lost
    home.wait(500)
    assert not told(home, TimerDue())
    home.restart()
    (alert,) = set_by_command(home)
    assert alert.code == LONG
    assert times(alert) == (lost, restored)
    assert home.work.time == home.now
    assert not set_by_command(home)


def test_what_is_lost_again_before_that_is_one_outage() -> None:
    home = metered(survives=False)
    lost = home.now
    assert not cut(home, 60)
    home.wait(1000)
    assert not cut(home, 70)
    restored = home.now
    home.wait(5)
    (alert,) = set_by_command(home)
    assert times(alert) == (lost, restored)
    assert [code for _, code in log(home)] == [0x8F57, 0x8F57, LONG]


def test_its_begin_is_what_the_clock_showed_then() -> None:
    home = metered(survives=False)
    work = home.work
    set_clock(work, home.now.plus(90))
    work.commit()
    home.restart()
    shown = home.work.time
    assert not cut(home, 180)
    restored = home.now
    home.wait(5)
    (alert,) = set_by_command(home)
    assert times(alert) == (shown, restored)
    assert alert.code == SHORT  # 180 seconds, of which the clock was ahead by 90


def test_the_end_of_a_phase_outage_before_another_power_cut_is_taken_for_that_of_the_cut() -> None:
    home = metered("polyphase", survives=False)
    lost = home.now
    home.handle(PhaseSupply(1, False))
    assert not cut(home, 60)
    home.wait(10)
    assert not told(home, PhaseSupply(1, True))
    assert not cut(home, 500)
    restored = home.now
    home.wait(5)
    whole, phase = set_by_command(home)
    assert times(whole) == (lost, restored)
    assert times(phase) == (lost, restored)


def test_a_phase_that_comes_and_goes_while_the_clock_is_invalid_is_counted_in_passed_time() -> None:
    home = metered("polyphase", survives=False)
    assert not cut(home, 3600)
    home.wait(10)
    lost = home.now
    home.handle(PhaseSupply(1, False))
    home.wait(20)
    assert not told(home, PhaseSupply(1, True))
    restored = home.now
    home.wait(30)
    whole, phase = set_by_command(home)
    assert (whole.code, phase.code) == (LONG, 0x8F37)
    assert times(phase) == (lost, restored)


def test_a_clock_that_goes_on_reports_at_once_even_if_it_was_never_set() -> None:
    home = metered()
    work = home.work
    work.set_value("clock/status", Status.INVALID)
    work.commit()
    home.restart()
    assert [a.code for a in cut(home, 10)] == [SHORT]


@given(
    st.lists(st.tuples(st.sampled_from([0, 30, 179, 180, 4000]), st.sampled_from([0, 60, 5000])), max_size=6),
    st.integers(-100_000, 100_000),
)
def test_begin_and_end_are_as_far_apart_as_time_that_passed(
    cuts: list[tuple[int, int]], adjusted: int
) -> None:
    """Each outage is alerted once, lasts what it lasted, and only the clock of its end counts."""
    home = metered()
    for away, between in cuts:
        home.wait(between)
        work = home.work
        set_clock(work, work.time.plus(adjusted))
        work.commit()
        home.restart()
        (alert,) = cut(home, away)
        begun, ended = times(alert)
        assert ended.us - begun.us == away * 1_000_000
        assert ended == home.work.time
        assert alert.code == (LONG if away >= 180 else SHORT)


@pytest.mark.parametrize("held", [7, (1, 2), (None, 1, None, True)])
def test_what_nobody_wrote_is_a_damaged_store(held: Value) -> None:
    home = Home.new(raw={"outage/0": pack(held)})
    with pytest.raises(StoreError):
        home.handle(PowerLost())


def test_the_alert_has_the_form_of_the_reference(reference: Path) -> None:
    theirs = [m for m in map(parse_message, octets(reference).values()) if m.code == 0x0067]
    home = metered()
    (ours,) = (a.message for a in cut(home, 540))
    for message in theirs:
        bodies = [parse_apdu(one.payload) for one in (message, ours)]
        assert all(isinstance(body, DataNotification) for body in bodies)
        tags = [
            [(d.tag, len(d.value)) if isinstance(d.value, bytes) else d for d in b.body.value] for b in bodies
        ]
        assert tags[0] == tags[1]  # the code too: both are of three minutes or more
        assert (message.cra, message.mac_header) == (ours.cra, ours.mac_header)
        assert message.other == ours.other
    assert theirs
