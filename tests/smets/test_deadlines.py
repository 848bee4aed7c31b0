"""Deadlines are kept while nothing they follow from changes; events are kept from who ignores them."""

from collections.abc import Mapping
from dataclasses import replace

import pytest

from gbcs.time import Utc
from hil.meter_profiles import KINDS, SECOND, generated
from hil.meter_run import set_up
from smets.behaviours.metering import HALF_HOUR_US
from smets.behaviours.supply import ENABLE_ACTION
from smets.device import Device
from smets.events import Event, HubTime, Metrology, PowerLost, TimerDue, UserAction
from smets.profile import Behaviour
from smets.store import MemoryStore
from smets.work import NotingWork, Work
from tests.smets.homes import START, Home, profile

DAYS = 3


def asked_anew(home: Home) -> Utc | None:
    """What the earliest deadline is when every behaviour is asked."""
    work = home.device.observe(home.now)
    if work.get("power/lost") is not None:
        return None
    times = [time for b in home.device.profile.behaviours if (time := b.deadline(work)) is not None]
    return max(min(times), home.now) if times else None


def behaviours_that_ignore() -> list[Behaviour]:
    return [behaviour for behaviour in profile().behaviours if behaviour.ignores]


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_kept_is_what_would_be_asked(kind: str) -> None:
    """Each event of some days, commands and clocks that are set among them."""
    variant = KINDS[kind].variant
    home = Home.new(variant, items=set_up(variant))
    day = generated(kind, "deadlines", variant)
    first = START.us // (86_400 * SECOND)
    for number in range(first, first + DAYS):
        for n, (us, event, _) in enumerate(day(number)):
            home.now = max(home.now, Utc(number * 86_400 * SECOND + us))
            home.device.handle(event, home.now)
            assert home.device.next_deadline == asked_anew(home)
            if n % 16 == 7 and home.device.next_deadline is not None:
                home.run(("ECS46c", "ECS28a", "ECS43")[n // 16])
                assert home.device.next_deadline == asked_anew(home)
            if n % 16 == 11:
                home.device.handle(HubTime(home.now.plus(n - 20)), home.now)
                assert home.device.next_deadline == asked_anew(home)
            if n % 16 == 13:
                home.device.handle(UserAction(ENABLE_ACTION), home.now)
                assert home.device.next_deadline == asked_anew(home)


@pytest.mark.parametrize("kind", KINDS)
def test_what_a_deadline_is_said_to_follow_from_is_what_it_reads(kind: str) -> None:
    variant = KINDS[kind].variant
    home = Home.new(variant, items=set_up(variant))
    behaviours = [behaviour for behaviour in home.device.profile.behaviours if behaviour.follows]
    assert behaviours
    for us, event, _ in generated(kind, "follows", variant)(START.us // (86_400 * SECOND)):
        home.now = max(home.now, Utc(START.us + us))
        home.device.handle(event, home.now)
        for behaviour in behaviours:
            noting = NotingWork(home.device.observe(home.now))
            behaviour.deadline(noting)
            assert noting.keys <= set(behaviour.follows)
            assert not noting.prefixes


def test_a_clock_of_the_shell_that_goes_back_is_followed() -> None:
    home = Home.new()
    home.now = START.plus(86_400)
    home.device.handle(TimerDue(), home.now)
    home.now = START.plus(43_200)
    home.device.handle(Metrology(import_wh=1), home.now)
    assert home.device.next_deadline == asked_anew(home)


class Waits(Behaviour):
    """Waits for a time that is in the store, and counts how often it is asked for it."""

    name = "waits"
    asked = 0

    def deadline(self, work: Work) -> Utc | None:
        self.asked += 1
        due = work.value("waits/due")
        return Utc(due) if isinstance(due, int) else None


def test_a_deadline_is_asked_again_only_when_what_it_read_was_written() -> None:
    home, waits = Home.new(), Waits()
    chosen = replace(profile(), behaviours=(*profile().behaviours, waits))
    home.device = Device(chosen, home.store, START)
    before = waits.asked
    for n in range(1, 5):
        home.device.handle(Metrology(import_wh=1), START.plus(n))
    assert waits.asked == before
    work = home.device.observe(START.plus(5))
    work.set_value("waits/due", START.plus(60).us)
    work.commit()
    home.device.handle(Metrology(import_wh=1), START.plus(6))
    assert waits.asked == before + 1
    assert home.device.next_deadline == START.plus(60)
    home.device.handle(Metrology(import_wh=1), START.plus(7))
    assert waits.asked == before + 1
    home.now = START.plus(2 * 86_400)
    work = home.device.observe(home.now)
    work.put("waits/due", None)
    work.commit()
    home.device.handle(Metrology(), home.now)
    assert home.device.next_deadline == asked_anew(home)


class Hears(Behaviour):
    """Notes what it hears; `due`: its deadlines."""

    name = "hears"

    def __init__(self, due: Utc, heard: list[str], counts: bool) -> None:
        self.due, self.heard, self.counts = due, heard, counts

    def handle(self, work: Work, event: Event) -> None:
        self.heard.append(f"{self.due.us - START.us}{type(event).__name__[0]}")

    def deadline(self, work: Work) -> Utc | None:
        return self.due if work.now < self.due else None


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        (TimerDue(), ["7T"]),
        (Metrology(1), ["9M", "7T", "7M"]),
        (PowerLost(), ["7T", "7P", "9P"]),
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_timer_is_for_those_whose_deadline_it_is(event: Event, expected: list[str]) -> None:
    """And what metrology counted goes before it, in the same unit of work."""
    heard: list[str] = []
    behaviours = (Hears(START.plus(us=7), heard, False), Hears(START.plus(us=9), heard, True))
    device = Device(replace(profile(), behaviours=behaviours), Home.new().store, START)
    device.handle(event, START.plus(us=7))
    assert heard == expected


class Counting(MemoryStore):
    """Counts its commits."""

    __slots__ = ("commits",)

    def __init__(self) -> None:
        super().__init__()
        self.commits = 0

    def commit(self, changes: Mapping[str, bytes | None]) -> None:
        self.commits += 1
        super().commit(changes)


def test_a_half_hour_is_one_commit() -> None:
    store = Counting()
    home = Home.new(items=set_up("single"), store=store)
    home.now = Utc(-(-START.us // HALF_HOUR_US) * HALF_HOUR_US)
    store.commits = 0
    home.handle(Metrology(import_wh=5))
    assert store.commits == 1
    assert [e[1] for e in home.work.log_entries("ProfileDataLog.ActiveImport")] == [5]


@pytest.mark.parametrize("event", [Metrology(10, 10, 1, 1, 0, 300, (240,)), TimerDue()], ids=repr)
@pytest.mark.parametrize("behaviour", behaviours_that_ignore(), ids=lambda b: b.name)
def test_an_ignored_event_would_change_nothing(behaviour: Behaviour, event: Event) -> None:
    if type(event) not in behaviour.ignores:
        pytest.skip("it is not ignored")
    home = Home.new(items=set_up("single"))
    home.wait(3600)
    for seconds in (1, 600, 1799):
        work = home.device.observe(home.now.plus(seconds))
        behaviour.handle(work, event)
        assert not work.changed("")
        assert not work.effects
        assert not work.alerts
