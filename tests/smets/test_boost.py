"""Boost: what the consumer may do, how long it lasts, what it leaves in the log (smets-esme 15)."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from gbcs.errors import BuildError
from smets.behaviours.auxiliary import SetLevel
from smets.behaviours.boost import Boost, BoostSettings, CancelBoost, ExtendBoost, StartBoost
from smets.behaviours.clock import set_clock
from smets.device import Device
from smets.esme.meter import EsmeOptions, esme_profile
from smets.events import Effect, Happened, PowerLost, PowerRestored, TimerDue
from smets.values import Value
from tests.smets.homes import Home
from tests.smets.test_auxiliary import (
    NIGHTS,
    OFF,
    ON,
    PROPORTIONAL,
    SWITCH,
    command,
    entry,
    meter,
    moves,
    switch,
    until,
)

BOOSTED = {"BoostFunctionControl1": True}


def verdicts(effects: Sequence[Effect]) -> list[str]:
    return [e.verdict for e in effects if isinstance(e, Happened)]


def entries(home: Home) -> list[tuple[Value, ...]]:
    return list(home.work.log_entries("BoostFunctionEventLog"))


def event_codes(home: Home) -> list[Value]:
    return [one[1] for one in home.work.log_entries("EventLog")]


def test_a_boost_turns_on_the_chosen_controllers_until_it_ends() -> None:
    home = meter((SWITCH, SWITCH, PROPORTIONAL), **BOOSTED, BoostFunctionControl3=True)
    begun = home.work.time.seconds
    effects = home.handle(StartBoost(15))
    assert moves(effects) == [switch(True), SetLevel(3, 1, 100)]
    assert verdicts(effects) == ["done"]
    assert entries(home) == []
    assert until(home, home.now.plus(900)) == [("00:25:00Z", switch(False)), ("00:25:00Z", SetLevel(3, 1, 0))]
    assert entries(home) == [(begun, begun + 900)]
    assert event_codes(home) == [0x8161]


def test_the_association_is_the_supplier_s() -> None:
    home = meter((SWITCH,))
    assert verdicts(home.handle(StartBoost(15))) == ["refused"]
    assert not any(home.run("ECS62", [True, False, False, False, False]).results)
    assert moves(home.handle(StartBoost(15))) == [switch(True)]
    home.wait(1)
    assert moves(home.run("ECS62", [False] * 5).effects) == [switch(False)]


@pytest.mark.parametrize(
    ("minutes", "accepted"), [(0, False), (1, True), (60, True), (61, False), (-1, False)]
)
def test_a_boost_has_one_to_sixty_minutes(minutes: int, accepted: bool) -> None:
    home = meter((SWITCH,), **BOOSTED)
    effects = home.handle(StartBoost(minutes))
    assert verdicts(effects) == ["done" if accepted else "refused"]
    assert bool(moves(effects)) == accepted
    assert event_codes(home) == [0x8161 if accepted else 0x8162]


@pytest.mark.parametrize(("minutes", "accepted"), [(45, True), (46, False), (0, False), (-5, False)])
def test_it_is_extended_up_to_sixty_minutes_in_all(minutes: int, accepted: bool) -> None:
    home = meter((SWITCH,), **BOOSTED)
    home.handle(StartBoost(15))
    home.wait(600)
    assert verdicts(home.handle(ExtendBoost(minutes))) == ["done" if accepted else "refused"]
    end = 900 + (60 * minutes if accepted else 0)
    assert until(home, home.now.plus(end - 601)) == []
    assert [move for _, move in until(home, home.now.plus(1))] == [switch(False)]


def test_it_is_cancelled() -> None:
    home = meter((SWITCH,), **BOOSTED)
    begun = home.work.time.seconds
    home.handle(StartBoost(60))
    home.wait(100)
    assert moves(home.handle(CancelBoost())) == [switch(False)]
    assert entries(home) == [(begun, begun + 100)]
    assert verdicts(home.handle(CancelBoost())) == ["refused"]
    assert verdicts(home.handle(ExtendBoost(5))) == ["refused"]
    assert until(home, home.now.plus(3600)) == []


@pytest.mark.parametrize(
    ("calendar", "types", "begins"),
    [
        ((entry(1, 0x11E4, 0),), (SWITCH,), False),
        ((entry(1, 0x11E4, 0),), (SWITCH, SWITCH), True),  # the second one is off
        ((entry(1, 0x11B2, 0),), (PROPORTIONAL,), True),
        ((), (b"",), False),
    ],
)
def test_it_is_not_offered_where_it_would_change_nothing(
    calendar: Value, types: tuple[bytes, ...], begins: bool
) -> None:
    home = meter(types, calendar, **BOOSTED, BoostFunctionControl2=True)
    assert verdicts(home.handle(StartBoost(30))) == ["done" if begins else "refused"]


def test_while_one_runs_no_other_begins() -> None:
    home = meter((SWITCH,), **BOOSTED)
    home.handle(StartBoost(30))
    assert verdicts(home.handle(StartBoost(30))) == ["refused"]


def test_the_latest_of_boost_and_command_decides() -> None:
    home = meter((SWITCH,), NIGHTS, **BOOSTED)
    home.handle(StartBoost(60))
    assert moves(command(home, OFF, 0, 600).effects) == [switch(False)]
    assert [move for _, move in until(home, home.now.plus(600))] == [switch(True)]
    home.wait(1)
    assert moves(home.run("ECS47", [0x0120], variant="resume").effects) == [switch(False)]
    home.handle(CancelBoost())
    assert moves(command(home, OFF, 0, 7200).effects) == []
    assert moves(home.handle(StartBoost(10))) == [switch(True)]
    assert moves(command(home, ON, 0, 60).effects) == []


def test_power_lost_meanwhile_counts() -> None:
    home = meter((SWITCH,), **BOOSTED)
    begun = home.work.time.seconds
    home.handle(StartBoost(30))
    home.handle(PowerLost())
    home.wait(600)
    assert moves(home.handle(PowerRestored())) == [switch(True)]
    home.handle(PowerLost())
    home.wait(7200)
    assert moves(home.handle(PowerRestored())) == [switch(False)]
    assert entries(home) == [(begun, begun + 1800)]


def test_minutes_pass_whatever_the_clock_is_set_to() -> None:
    home = meter((SWITCH,), **BOOSTED)
    home.handle(StartBoost(30))
    work = home.work
    set_clock(work, work.time.plus(-10 * 86_400))
    work.commit()
    home.restart()
    assert until(home, home.now.plus(1799)) == []
    assert [move for _, move in until(home, home.now.plus(1))] == [switch(False)]


def test_the_log_keeps_25() -> None:
    home = meter((SWITCH,), **BOOSTED)
    for _ in range(30):
        home.handle(StartBoost(1))
        until(home, home.now.plus(60))
    assert len(entries(home)) == 25
    starts = [start for start, _ in entries(home)]
    assert starts == sorted(starts)  # type: ignore[type-var]


def test_boosts_are_read() -> None:
    home = meter((SWITCH,), **BOOSTED)
    home.handle(StartBoost(5))
    until(home, home.now.plus(600))
    values = home.run("ECS61c").values()
    assert values["BoostFunctionAvailability"] is True
    assert values["BoostFunctionControl1"] is True
    assert len(values["BoostFunctionEventLog"]) == 1  # type: ignore[arg-type]


def test_a_meter_without_the_function_says_so() -> None:
    home = meter((SWITCH,), **BOOSTED)
    profile = esme_profile(EsmeOptions(boost=BoostSettings(available=False)))
    home.device = Device(profile, home.store, home.now)
    assert verdicts(home.handle(StartBoost(5))) == ["refused"]
    assert home.run("ECS61c").values()["BoostFunctionAvailability"] is False


def test_a_meter_may_lack_boost_or_controllers_altogether() -> None:
    for without in (frozenset({"boost"}), frozenset({"aux", "boost", "apc", "legacy"})):
        profile = esme_profile(EsmeOptions(without=without))
        assert not any(isinstance(b, Boost) for b in profile.behaviours)
        home = meter((SWITCH,))
        home.device = Device(profile, home.store, home.now)
        assert moves(home.handle(StartBoost(5))) == []
        assert moves(home.handle(TimerDue())) == []


def test_settings_have_ranges() -> None:
    with pytest.raises(BuildError):
        BoostSettings(longest=0)
