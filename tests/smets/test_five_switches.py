"""Five load switches on the network of one meter, each joined, ordered and reported (seed decision S24)."""

from __future__ import annotations

import json
from collections import defaultdict

import pytest

from gbcs.asn1.joins import JoinCode, unjoin_command_octets
from gbcs.ids import EntityId
from gbcs.time import Utc
from smets.behaviours.joining import KeyAgreed
from smets.behaviours.load_control import CancelLoadControlEvent, EventStatusReported, LoadControlEvent
from smets.events import Actuate, Effect, PowerLost, PowerRestored, TimerDue
from smets.values import Value
from tests.smets.homes import VARIANTS, Home
from tests.smets.joins import code, join_a, later, stations, unjoin
from tests.smets.test_auxiliary import ON, actions, command, entry

SWITCHES = [EntityId.parse(f"00-DB-12-34-56-78-91-0{n}") for n in range(1, 6)]
SIXTH = EntityId.parse("00-DB-12-34-56-78-91-06")
STARTED = 0x02
MIDNIGHT = Utc.of(2026, 1, 2)
DAY = 86_400
# controller n is switched on at n o'clock, and off at n + 10
CALENDAR: tuple[Value, ...] = tuple(
    entry(index, selector, hour)
    for n in range(1, 6)
    for index, selector, hour in ((2 * n - 1, 0x10E4 | n << 8, n), (2 * n, 0x1080 | n << 8, n + 10))
)


def orders(effects: tuple[Effect, ...]) -> list[LoadControlEvent]:
    return [effect for effect in effects if isinstance(effect, LoadControlEvent)]


class Switches:
    """A meter and its switches, which do as they are told and say so."""

    def __init__(self, variant: str = "single") -> None:
        self.home = Home.new(variant, items={"AuxiliaryControllerCalendar": CALENDAR})
        self.home.handle(TimerDue())
        self.done: dict[EntityId, list[tuple[Utc, bool]]] = defaultdict(list)

    def join(self, station: EntityId) -> None:
        begun = join_a(self.home, station)
        self.home.wait(1)
        ended = later(self.home, begun.command, KeyAgreed(station, bytes(16)))
        assert code(ended) is JoinCode.SUCCESS
        self.follow(ended.effects)

    def follow(self, effects: tuple[Effect, ...]) -> None:
        assert not any(isinstance(effect, Actuate) for effect in effects)  # none of them is in the meter
        for order in orders(effects):
            self.done[order.station].append((self.home.now, order.on))
            self.follow(self.home.handle(EventStatusReported(order.station, order.event, STARTED)))

    def live(self, until: Utc) -> None:
        while True:
            due = self.home.device.next_deadline
            self.home.now = until if due is None or due > until else due
            self.follow(self.home.handle(TimerDue()))
            if self.home.now == until:
                return

    def changes(self, station: EntityId) -> list[tuple[int, bool]]:
        """Hour and state of each order that was another than the one before."""
        found: list[tuple[int, bool]] = []
        for time, on in self.done[station]:
            if not found or found[-1][1] is not on:
                found.append(((time.us - MIDNIGHT.us) // 3_600_000_000, on))
        return found


def five(variant: str = "single") -> Switches:
    made = Switches(variant)
    for station in SWITCHES:
        made.join(station)
    return made


@pytest.mark.parametrize("variant", VARIANTS)
def test_each_has_a_controller_of_its_own(variant: str) -> None:
    made = five(variant)
    assert stations(made.home) == SWITCHES
    held = [made.home.item(f"AuxiliaryController{n}.TypeAndIdentifier") for n in range(1, 6)]
    assert held == [bytes(station) for station in SWITCHES]
    assert {station: len(done) for station, done in made.done.items()} == dict.fromkeys(SWITCHES, 1)


def test_each_is_ordered_by_its_own_times_and_reports() -> None:
    made = five()
    made.live(MIDNIGHT)
    made.done.clear()
    made.home.handle(TimerDue())
    made.live(MIDNIGHT.plus(DAY))
    for n, station in enumerate(SWITCHES, 1):
        assert [change for change in made.changes(station) if change[0] >= n] == [(n, True), (n + 10, False)]
    log = actions(made.home)
    for n in range(1, 6):  # each order is logged twice: given, and carried out
        of_one = [(script & 0xFF, outcome) for script, outcome, _ in log if script >> 8 & 0xF == n]  # type: ignore[operator]
        assert of_one[-4:] == [(0x64, 0), (0x64, 1), (0x00, 0), (0x00, 1)]
    states = made.home.run("ECS61e").values()
    texts = [json.loads(str(states[f"AuxiliaryController{n}.State"])) for n in range(1, 6)]
    assert [text["outputState"] for text in texts] == ["0"] * 5


def test_a_command_is_for_one_of_them() -> None:
    made = five()
    for n, station in enumerate(SWITCHES, 1):
        reply = command(made.home, ON + (n - 1 << 8), 0, 1800)
        assert not any(reply.results)
        assert [(order.station, order.on) for order in orders(reply.effects)] == [(station, True)]
        made.follow(reply.effects)


def test_power_that_returns_orders_all_of_them_again() -> None:
    made = five()
    made.live(MIDNIGHT.plus(3 * 3600 + 60))
    made.home.handle(PowerLost())
    made.home.wait(600)
    made.home.restart()
    ordered = {order.station: order.on for order in orders(made.home.handle(PowerRestored()))}
    assert ordered == {station: n <= 3 for n, station in enumerate(SWITCHES, 1)}


def test_a_silent_one_leaves_the_others_alone() -> None:
    """What one does not report is its own failure; the others are ordered and report as before."""
    made = five()
    silent = SWITCHES[2]
    made.live(MIDNIGHT)
    made.done.clear()
    end = MIDNIGHT.plus(DAY)
    while made.home.now < end:
        due = made.home.device.next_deadline
        made.home.now = end if due is None or due > end else due
        for order in orders(made.home.handle(TimerDue())):
            if order.station != silent:
                made.done[order.station].append((made.home.now, order.on))
                made.home.handle(EventStatusReported(order.station, order.event, STARTED))
    log = actions(made.home)
    outcomes = {n: [o for script, o, _ in log if script >> 8 & 0xF == n] for n in range(1, 6)}  # type: ignore[operator]
    assert 2 in outcomes[3]
    assert all(2 not in outcomes[n] for n in (1, 2, 4, 5))
    for n, station in enumerate(SWITCHES, 1):
        if station != silent:
            assert [change for change in made.changes(station) if change[0] >= n] == [
                (n, True),
                (n + 10, False),
            ]


def test_a_sixth_joins_and_takes_the_place_of_one_that_leaves() -> None:
    made = five()
    made.join(SIXTH)
    assert made.done[SIXTH] == []
    made.home.wait(1)
    assert unjoin(made.home, "CS04AC", SWITCHES[3]) == 0
    made.live(made.home.now.plus(1))
    assert made.home.item("AuxiliaryController4.TypeAndIdentifier") != bytes(SWITCHES[3])
    before = {station: len(made.done[station]) for station in SWITCHES}
    made.live(MIDNIGHT.plus(DAY))
    assert len(made.done[SWITCHES[3]]) == before[SWITCHES[3]]
    assert all(len(made.done[one]) > before[one] for one in SWITCHES if one != SWITCHES[3])


def test_the_order_of_one_that_leaves_is_taken_back() -> None:
    made = five()
    made.home.wait(1)
    reply = made.home.run("CS04AC", payload=unjoin_command_octets(SWITCHES[0]))
    taken = [effect.station for effect in reply.effects if isinstance(effect, CancelLoadControlEvent)]
    assert taken == [SWITCHES[0]]
