"""Auxiliary controllers of a meter, from commands and days that pass (smets-esme 15)."""

from __future__ import annotations

import json
from collections.abc import Sequence

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from gbcs.ids import EntityId, KeyUsage, Role
from gbcs.message import OtherInformation
from gbcs.time import ACTIVATE_NEVER, ACTIVATE_NOW, Utc
from smets.behaviours.auxiliary import AuxiliarySettings, ControllerFailed, SetLevel
from smets.behaviours.boost import CancelBoost, StartBoost
from smets.behaviours.clock import OFFSET, set_clock
from smets.device import Device
from smets.esme.meter import EsmeOptions, esme_profile
from smets.events import Actuate, Effect, Metrology, PowerLost, PowerRestored, TimerDue
from smets.identity import Cell
from smets.values import Value, pack
from tests.smets.homes import ENTITIES, SUPPLIER, Home, Reply, alerts_in

SWITCH, PROPORTIONAL = bytes(8), b"\xff"
ANY_DATE = bytes.fromhex("FFFFFFFFFF")
SCRIPTS = bytes.fromhex("00000A0067FF")
ON, OFF, HALF = 0x1164, 0x1100, 0x1132
MIDNIGHT = Utc.of(2026, 1, 2)
LOG = "AuxiliaryControllerEventLog"
Moves = list[Actuate | SetLevel]


def entry(index: int, selector: int, hour: int, minute: int = 0, weekdays: str = "1111111") -> Value:
    time = bytes((hour, minute, 0, 0))
    return (index, True, SCRIPTS, selector, time, 0xFFFF, weekdays, "", ANY_DATE, ANY_DATE)


NIGHTS = (entry(1, 0x11E4, 0, 30), entry(2, 0x1180, 7))


def meter(types: Sequence[bytes] = (SWITCH,), calendar: Value = (), **items: Value) -> Home:
    """A meter with these controllers from number 1 on, settled."""
    held: dict[str, Value] = {
        f"AuxiliaryController{n}.TypeAndIdentifier": kind for n, kind in enumerate(types, 1)
    }
    raw = {"auxiliary/plan": pack(None)}
    for kind in types:  # a switch on the home area network is in the device log
        if len(kind) == 8 and any(kind):
            raw[f"device-log/{EntityId(kind)}"] = pack((4, 0, 0, bytes(16)))
    home = Home.new(items={**held, "AuxiliaryControllerCalendar": calendar, **items}, raw=raw)
    home.handle(TimerDue())
    return home


def moves(effects: Sequence[Effect]) -> Moves:
    return [e for e in effects if isinstance(e, Actuate | SetLevel)]


def period(home: Home, begins: int, ends: int) -> list[Value]:
    return [home.now.plus(begins).to_cosem(), home.now.plus(ends).to_cosem()]


def command(home: Home, script: int, begins: int = 0, ends: int = 3600) -> Reply:
    home.wait(1)
    return home.run("ECS47a", [*period(home, begins, ends), script], variant=str(script >> 8 & 0xF))


def until(home: Home, time: Utc) -> list[tuple[str, Actuate | SetLevel]]:
    """Live until a time; what moved, each with when."""
    found = []
    while True:
        due = home.device.next_deadline
        home.now = time if due is None or due > time else due
        found += [(str(home.work.time)[11:], move) for move in moves(home.handle(TimerDue()))]
        if home.now == time:
            return found


def actions(home: Home) -> list[tuple[Value, ...]]:
    """The event log without its time stamps."""
    return [one[1:] for one in home.work.log_entries(LOG)]


def switch(on: bool, n: int = 1) -> Actuate:
    return Actuate(f"auxiliary controller {n}", on)


# -- the calendar -------------------------------------------------------------------------


def test_a_switch_follows_its_calendar() -> None:
    home = meter(calendar=NIGHTS)
    moved = until(home, MIDNIGHT.plus(86_400))
    wanted = [("00:30:00Z", switch(True)), ("07:00:00Z", switch(False))]
    # it began at ten past midnight, off since seven of the day before
    assert moved == wanted * 2
    assert actions(home) == [(OFF, 1, 0), *[(ON, 1, 0), (OFF, 1, 0)] * 2]


def test_the_randomised_offset_delays_the_calendar_only() -> None:
    home = meter(calendar=NIGHTS, RandomisedOffsetNumber=5000, RandomisedOffsetLimit=1799)
    assert home.run("ECS61e").values()["AuxiliaryController1.State"] == '{"outputState":"0","other-data":""}'
    moved = until(home, MIDNIGHT)
    assert moved == [("00:45:00Z", switch(True)), ("07:15:00Z", switch(False))]  # 899.5 s, half up
    assert moves(command(home, ON).effects) == [switch(True)]


def test_a_new_limit_of_the_offset_counts_at_once() -> None:
    home = meter(calendar=NIGHTS, RandomisedOffsetNumber=10_000)
    assert not any(home.run("ECS38", [600]).results)
    assert until(home, MIDNIGHT)[0] == ("00:40:00Z", switch(True))


def test_each_controller_has_its_own_entries() -> None:
    calendar = (*NIGHTS, entry(3, 0x13B2, 1), entry(4, 0x23E4, 2), entry(5, 0x0201, 3), entry(6, 0x0202, 4))
    home = meter((SWITCH, SWITCH, PROPORTIONAL), calendar)
    assert until(home, MIDNIGHT) == [
        ("00:30:00Z", switch(True)),
        ("01:00:00Z", SetLevel(3, 1, 50)),
        ("02:00:00Z", SetLevel(3, 2, 100)),
        ("03:00:00Z", switch(True, 2)),
        ("04:00:00Z", switch(False, 2)),
        ("07:00:00Z", switch(False)),
    ]


def test_a_calendar_command_replaces_the_calendar() -> None:
    home = meter()
    assert until(home, MIDNIGHT) == []
    special: Value = ((1, bytes.fromhex("07EA0103FF"), 1),)  # 2026-01-03
    days: Value = (*NIGHTS[0][:7], "0", *NIGHTS[0][8:]), (*NIGHTS[1][:7], "1", *NIGHTS[1][8:])  # type: ignore[index]
    reply = home.run("ECS46d", [special, days, ACTIVATE_NOW, ACTIVATE_NOW])
    assert not any(reply.results)
    moved = until(home, MIDNIGHT.plus(3 * 86_400))
    assert moved == [("00:30:00Z", switch(True)), ("07:00:00Z", switch(False))] * 2  # not on the third


def test_a_calendar_to_come_counts_from_its_activation_on() -> None:
    home = meter()
    when = MIDNIGHT.plus(3600)
    reply = home.run("ECS46d", [(), NIGHTS, when.to_cosem(), when.to_cosem()])
    assert not any(reply.results)
    assert until(home, MIDNIGHT.plus(86_400)) == [("01:00:00Z", switch(True)), ("07:00:00Z", switch(False))]


def test_the_superseded_command_makes_controllers() -> None:
    home = Home.new()
    values: list[Value] = [
        SWITCH,
        b"\xff",
        b"",
        SWITCH,
        b"\0" * 7 + b"\1",
        (),
        NIGHTS,
        ACTIVATE_NOW,
        ACTIVATE_NOW,
    ]
    reply = home.run("ECS46c", values)
    assert not any(reply.results)
    assert moves(reply.effects) == [switch(False), SetLevel(2, 1, 0), switch(False, 4)]
    texts = home.run("ECS61e").values()
    states = [json.loads(str(texts[f"AuxiliaryController{n}.State"])) for n in range(1, 6)]
    off = {"outputState": "0", "other-data": ""}
    assert states == [off, {**off, "inputState": "0"}, {}, off, off]
    assert not any(home.run("ECS61a").values()[f"AuxiliaryController{n}.OutputState"] for n in range(1, 6))


def test_time_that_is_jumped_over_leaves_one_move_at_most() -> None:
    home = meter(calendar=NIGHTS)
    work = home.work
    set_clock(work, Utc.of(2031, 6, 1, 3))
    work.commit()
    home.restart()
    assert moves(home.handle(TimerDue())) == [switch(True)]
    work = home.work
    set_clock(work, Utc.of(2026, 1, 1, 23))
    work.commit()
    home.restart()
    assert moves(home.handle(TimerDue())) == [switch(False)]


# -- commands -----------------------------------------------------------------------------


def test_a_command_stands_above_the_calendar_for_its_period() -> None:
    home = meter(calendar=NIGHTS)
    assert moves(command(home, ON, 0, 900).effects) == [switch(True)]  # until 00:25:01
    assert until(home, Utc.of(2026, 1, 1, 0, 40)) == [
        ("00:25:01Z", switch(False)),
        ("00:30:00Z", switch(True)),
    ]
    assert moves(command(home, OFF, 3600, 7200).effects) == []
    assert until(home, Utc.of(2026, 1, 1, 6)) == [("01:40:01Z", switch(False)), ("02:40:01Z", switch(True))]
    assert [outcome for _, outcome, _ in actions(home)] == [1] * 6


def test_a_command_replaces_the_one_before() -> None:
    home = meter()
    command(home, ON, 0, 7200)
    assert moves(command(home, OFF, 60, 120).effects) == [switch(False)]
    assert until(home, MIDNIGHT) == []


@pytest.mark.parametrize(
    ("begins", "ends", "accepted"),
    [(0, 1, True), (0, 86_400, True), (0, 86_401, False), (0, 0, False), (5, 4, False), (-9, -4, True)],
)
def test_a_setting_period_has_up_to_a_day(begins: int, ends: int, accepted: bool) -> None:
    home = meter()
    assert command(home, ON, begins, ends).results == [0, 0, 0 if accepted else 250]


@pytest.mark.parametrize(
    ("types", "script", "accepted"),
    [
        ((SWITCH,), 0x1132, False),
        ((SWITCH,), 0x2164, False),
        ((SWITCH,), 0x11E4, False),
        ((SWITCH,), 0x1165, False),
        ((PROPORTIONAL,), 0x1132, True),
        ((PROPORTIONAL,), 0x2101, True),
        ((b"",), 0x1164, False),
        ((b"\0" * 7 + b"\1",), 0x1164, True),
        ((b"\0" * 7 + b"\1",), 0x1132, False),
    ],
)
def test_a_controller_has_the_states_of_its_kind(
    types: tuple[bytes, ...], script: int, accepted: bool
) -> None:
    assert command(meter(types), script).results == [0, 0, 0 if accepted else 250]


def test_a_script_for_another_controller_than_the_period_s_is_refused() -> None:
    home = meter((SWITCH, SWITCH))
    command(home, 0x1264)
    before = home.held
    home.wait(1)
    reply = home.run("ECS47a", [*period(home, 0, 60), 0x1200], variant="1")
    assert reply.results == [0, 0, 250]
    assert moves(reply.effects) == []
    kept = [key for key in before if key.startswith("auxiliary/2")]
    assert [home.held[key] for key in kept] == [before[key] for key in kept]


@pytest.mark.parametrize("bad", [ACTIVATE_NOW, ACTIVATE_NEVER, 30])
def test_a_period_without_dates_is_refused(bad: Value) -> None:
    home = meter()
    assert home.run("ECS47a", [bad, home.now.plus(60).to_cosem(), ON], variant="1").results == [0, 0, 250]


def test_minutes_of_the_superseded_command() -> None:
    home = meter(calendar=(entry(1, 0x11E4, 0),))
    assert moves(home.run("ECS47", [20, 0x0112], variant="reset 1").effects) == [switch(False)]
    assert until(home, Utc.of(2026, 1, 1, 1)) == [("00:30:00Z", switch(True))]
    home.wait(1)
    assert moves(home.run("ECS47", [60, 0x0112], variant="reset 1").effects) == [switch(False)]
    home.wait(1)
    assert moves(home.run("ECS47", [0x0120], variant="resume").effects) == [switch(True)]
    home.wait(1)
    assert home.run("ECS47", [30, 0x0112], variant="set 1").results == [0, 250]  # minutes of the other


def test_minutes_pass_whatever_the_clock_is_set_to() -> None:
    home = meter()
    home.run("ECS47", [30, 0x0111], variant="set 1")
    work = home.work
    set_clock(work, work.time.plus(-86_400))
    work.commit()
    home.restart()
    start = home.now
    assert len(until(home, start.plus(1799))) == 0
    assert [move for _, move in until(home, start.plus(1800))] == [switch(False)]


# -- limits -------------------------------------------------------------------------------


def limit(home: Home, script: int, begins: int = 0, ends: int = 600) -> Reply:
    home.wait(1)
    return home.run("ECS47e", [*period(home, begins, ends), script], variant=str(script >> 8 & 0xF))


def test_a_limit_caps_what_results_until_it_ends() -> None:
    home = meter((PROPORTIONAL,), NIGHTS)
    reply = limit(home, 0x111E, 0, 3600)
    assert not any(reply.results)
    (alert,) = reply.alerts
    assert alert.key == (0x8F86, 0x0121, SUPPLIER)
    assert alert.message.other == OtherInformation(0x0121)
    begins, ends = home.now, home.now.plus(3600)
    assert [d.value for d in alert.content] == [0x11, begins.to_cosem(), ends.to_cosem(), 30]
    assert until(home, ends.plus(-1)) == [("00:30:00Z", SetLevel(1, 1, 30))]
    home.now = ends
    effects = home.handle(TimerDue())
    assert moves(effects) == [SetLevel(1, 1, 100)]
    (ended,) = [a for a in alerts_in(effects) if a.code == 0x8F87]
    assert ended.key == (0x8F87, 0x0122, SUPPLIER)
    assert [d.value for d in ended.content] == [0x11, 30]


def test_the_state_of_a_proportional_controller_is_told_for_the_load_controller() -> None:
    home = meter((PROPORTIONAL, SWITCH))
    (alert,) = command(home, 0x2132).alerts
    assert alert.key == (0x8F88, 0x0123, SUPPLIER)
    assert alert.message.other == OtherInformation(0x0123, ENTITIES[Role.LOAD_CONTROLLER])
    (state,) = alert.content
    assert state.value.decode() == '{"outputState":"0","inputState":"50","other-data":""}'
    assert command(home, 0x1264).alerts == ()
    work = home.work
    for cell in (Cell(Role.LOAD_CONTROLLER, usage) for usage in KeyUsage):
        work.put(cell.key, None)
    work.commit()
    home.restart()
    (alert,) = command(home, ON).alerts
    assert alert.message.other == OtherInformation(0x0123)
    profile = esme_profile(EsmeOptions(auxiliary=AuxiliarySettings(operational_updates=False)))
    home.device = Device(profile, home.store, home.now)
    assert command(home, OFF).alerts == ()


def test_a_new_limit_cancels_the_one_before() -> None:
    home = meter((PROPORTIONAL,))
    command(home, ON)
    assert moves(limit(home, 0x111E).effects) == [SetLevel(1, 1, 30)]
    reply = limit(home, 0x2100)
    assert sorted(a.code for a in reply.alerts) == [0x8F86, 0x8F87, 0x8F88]
    assert moves(reply.effects) == [SetLevel(1, 1, 100)]  # it limits the input


@pytest.mark.parametrize(("kind", "script"), [(SWITCH, 0x1132), (b"", 0x1132), (PROPORTIONAL, 0x0111)])
def test_only_a_proportional_controller_is_limited(kind: bytes, script: int) -> None:
    assert limit(meter((kind,)), script).results == [0, 0, 250]


def test_a_limit_has_up_to_a_day() -> None:
    assert limit(meter((PROPORTIONAL,)), 0x1132, 0, 86_401).results == [0, 0, 250]


# -- failure, power, other controllers ----------------------------------------------------


def test_a_controller_that_does_not_follow_is_logged_and_told() -> None:
    home = meter((SWITCH, b""))
    command(home, ON)
    (alert,) = alerts_in(home.handle(ControllerFailed(1)))
    assert (alert.code, alert.message.recipient) == (0x811A, SUPPLIER)
    assert actions(home)[-1] == (ON, 2, 0)
    for n in (0, 2, 6, -1):
        assert alerts_in(home.handle(ControllerFailed(n))) == ()


def test_power_that_returns_restores_what_is_asked_now() -> None:
    home = meter((SWITCH, PROPORTIONAL, b""), NIGHTS)
    count = len(actions(home))
    home.handle(PowerLost())
    home.wait(7200)  # over the switch at half past midnight
    assert moves(home.handle(PowerRestored())) == [switch(True), SetLevel(2, 1, 0)]
    assert len(actions(home)) == count + 1  # the second one's state is what it was
    command(home, OFF, 0, 7200)
    home.handle(PowerLost())
    home.wait(600)
    assert moves(home.handle(PowerRestored())) == [switch(False), SetLevel(2, 1, 0)]
    home.handle(PowerLost())
    home.wait(7200)
    assert moves(home.handle(PowerRestored())) == [switch(True), SetLevel(2, 1, 0)]


def test_a_limit_that_ended_without_power_is_told_once() -> None:
    home = meter((PROPORTIONAL,))
    limit(home, 0x1132)
    home.handle(PowerLost())
    home.wait(86_400)
    assert [a.code for a in alerts_in(home.handle(PowerRestored())) if a.code == 0x8F87] == [0x8F87]
    assert not [a for a in alerts_in(home.handle(TimerDue())) if a.code == 0x8F87]


def test_another_controller_has_no_command_of_the_one_before() -> None:
    home = meter()
    command(home, ON, 0, 80_000)
    home.wait(1)
    values: list[Value] = [PROPORTIONAL, b"", b"", b"", b"", (), (), ACTIVATE_NOW, ACTIVATE_NOW]
    assert moves(home.run("ECS46c", values).effects) == [SetLevel(1, 1, 0)]


def test_the_event_log_is_bounded_and_can_be_cleared() -> None:
    home = meter()
    for n in range(60):
        command(home, ON if n % 2 else OFF, 0, 1)
        until(home, home.now.plus(1))
    assert len(actions(home)) <= 100
    assert not any(home.run("ECS15c").results)
    assert actions(home) == []


def test_a_meter_without_controllers_has_no_plan() -> None:
    home = Home.new()
    assert home.work.value("auxiliary/plan") == (None, home.work.number(OFFSET))
    before = home.held
    home.handle(Metrology(import_wh=1))
    changed = {key for key, octets in home.held.items() if before.get(key) != octets}
    assert not [key for key in changed if key.startswith("auxiliary/")]


def test_arbitrary_events_raise_nothing() -> None:
    from smets.behaviours.load_control import EventStatusReported, ScheduledEventsAsked

    home = meter((SWITCH, b"\0" * 7 + b"\1"), NIGHTS)
    for station in (EntityId(bytes(8)), EntityId(b"\0" * 7 + b"\1"), EntityId(b"\xff" * 8)):
        for number in (0, 1, 2**32):
            home.handle(EventStatusReported(station, number, number % 256))
        home.handle(ScheduledEventsAsked(station))
    home.handle(StartBoost(-5))
    home.handle(StartBoost(10**9))


# -- a model ------------------------------------------------------------------------------


class Controllers(RuleBasedStateMachine):
    """A switch and a proportional controller beside what the reference's text says of them.

    Invariants: each is set to what the latest instruction that holds, else the calendar, says; it
    is moved only when that changes; and a device that comes up again goes on as if nothing was.
    """

    def __init__(self) -> None:
        super().__init__()
        self.home = meter(
            (SWITCH, PROPORTIONAL), (*NIGHTS, entry(3, 0x12B2, 0, 15)), BoostFunctionControl1=True
        )
        self.orders: dict[int, tuple[int, int, int]] = {}  # controller: begin, end, per cent
        self.given: dict[int, int] = {}
        self.boost: tuple[int, int] | None = None
        self.boost_rank = self.rank = 0
        self.state = {n: self.wanted(n) for n in (1, 2)}

    def wanted(self, n: int) -> int:
        now = self.home.work.time.seconds
        of_day = now % 86_400
        # the second one's only entry was executed on the day before already
        level = (100 if 1800 <= of_day < 25_200 else 0) if n == 1 else 50
        held = []
        if n in self.orders and self.orders[n][0] <= now < self.orders[n][1]:
            held.append((self.given[n], self.orders[n][2]))
        if n == 1 and self.boost is not None and self.boost[0] <= now < self.boost[1]:
            held.append((self.boost_rank, 100))
        return max(held)[1] if held else level

    def follow(self, effects: Sequence[Effect]) -> None:
        for move in moves(effects):
            n, percent = (1, 100 * move.on) if isinstance(move, Actuate) else (2, move.percent)
            assert self.state[n] != percent, "no move without a change"
            self.state[n] = percent

    @rule(
        n=st.sampled_from((1, 2)), on=st.booleans(), begins=st.integers(-60, 7200), lasts=st.integers(1, 7200)
    )
    def command(self, n: int, on: bool, begins: int, lasts: int) -> None:
        reply = command(self.home, ((0x1164 if on else 0x1100) & 0xF0FF) | n << 8, begins, begins + lasts)
        assert reply.results == [0, 0, 0]
        now = self.home.work.time.seconds
        self.rank += 1
        self.orders[n], self.given[n] = (now + begins, now + begins + lasts, 100 * on), self.rank
        self.follow(reply.effects)

    @rule(minutes=st.integers(1, 60))
    def start_boost(self, minutes: int) -> None:
        now = self.home.work.time.seconds
        by_calendar = 1800 <= now % 86_400 < 25_200
        running = self.boost is not None and now < self.boost[1]
        effects = self.home.handle(StartBoost(minutes))
        if not by_calendar and not running:
            self.rank += 1
            self.boost, self.boost_rank = (now, now + 60 * minutes), self.rank
        self.follow(effects)

    @rule()
    def cancel_boost(self) -> None:
        effects = self.home.handle(CancelBoost())
        self.boost = None
        self.follow(effects)

    @rule(seconds=st.integers(1, 20_000))
    def live(self, seconds: int) -> None:
        for _, move in until(self.home, self.home.now.plus(seconds)):
            self.follow((move,))

    @rule()
    def come_up_again(self) -> None:
        self.home.restart()

    @invariant()
    def as_the_text_says(self) -> None:
        """Each is at the level the latest instruction in force, else the calendar, gives it."""
        assert self.state == {n: self.wanted(n) for n in (1, 2)}


Controllers.TestCase.settings = settings(max_examples=25, stateful_step_count=20, deadline=None)
TestControllers = Controllers.TestCase


@pytest.mark.long
def test_controllers_long() -> None:
    from hypothesis.stateful import run_state_machine_as_test

    run_state_machine_as_test(
        Controllers, settings=settings(max_examples=100, stateful_step_count=100, deadline=None)
    )
