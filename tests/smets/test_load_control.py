"""A meter and its switch on the home area network: orders, reports, what is given up (HCALCS)."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from gbcs.errors import BuildError
from gbcs.ids import EntityId
from gbcs.time import ACTIVATE_NOW
from smets.behaviours.auxiliary import ControllerFailed
from smets.behaviours.device_log import Entry, put, remove
from smets.behaviours.load_control import (
    CancelLoadControlEvent,
    EventStatusReported,
    LoadControl,
    LoadControlEvent,
    LoadControlSettings,
    Outcome,
    ScheduledEventsAsked,
)
from smets.events import Actuate, Effect, Happened, PowerLost, PowerRestored, TimerDue
from smets.store import StoreError
from smets.values import Value, pack
from tests.smets.homes import SUPPLIER, Home, alerts_in
from tests.smets.test_auxiliary import NIGHTS, OFF, ON, actions, command, entry, meter

STATION = EntityId.parse("00-DB-12-34-56-78-90-97")
OTHER = EntityId.parse("00-DB-12-34-56-78-90-98")
STARTED, COMPLETED, OPTED_OUT, REJECTED = 0x02, 0x03, 0x04, 0xFE
DAY = 86_400


def orders(effects: Sequence[Effect]) -> list[LoadControlEvent]:
    return [e for e in effects if isinstance(e, LoadControlEvent)]


def live(home: Home, seconds: int) -> list[LoadControlEvent | int]:
    """Live for some time; what was ordered and which alerts were raised."""
    end = home.now.plus(seconds)
    found: list[LoadControlEvent | int] = []
    while True:
        due = home.device.next_deadline
        home.now = end if due is None or due > end else due
        effects = home.handle(TimerDue())
        found += [*orders(effects), *(a.code for a in alerts_in(effects))]
        if home.now == end:
            return found


def switched(calendar: Value = ()) -> Home:
    """A meter with a switch that follows: off since the beginning."""
    home = meter((STATION,), calendar)
    report(home, STARTED)
    return home


def report(home: Home, status: int, event: int | None = None, station: EntityId = STATION) -> list[int]:
    if event is None:
        event = home.work.number("load-control/count")
    return [a.code for a in alerts_in(home.handle(EventStatusReported(station, event, status)))]


def test_an_order_lasts_until_the_next_change_and_its_overlap() -> None:
    home = switched(NIGHTS)
    found = live(home, 1200)  # to half past midnight
    assert found == [LoadControlEvent(STATION, 2, home.now, 391, True)]
    assert actions(home) == [(OFF, 0, 1), (OFF, 1, 1), (ON, 0, 2)]
    report(home, STARTED)
    assert actions(home)[-1] == (ON, 1, 2)
    assert live(home, 6 * 3600 + 1799) == []
    assert [o.on for o in live(home, 1) if isinstance(o, LoadControlEvent)] == [False]


def test_an_order_without_a_next_change_is_renewed_before_it_ends() -> None:
    home = switched()
    found = live(home, DAY - 1)
    assert [(o.minutes, o.on) for o in found if isinstance(o, LoadControlEvent)] == [(1440, False)]
    report(home, STARTED)
    assert len(orders(command(home, ON, 0, DAY).effects)) == 1
    found = live(home, 120)
    # nobody reports: once more after a minute
    assert [o.event for o in found if isinstance(o, LoadControlEvent)] == [3, 3]


def test_what_nobody_reports_on_is_sent_again_and_then_given_up() -> None:
    home = switched()
    (first,) = orders(command(home, ON).effects)
    assert live(home, 59) == []
    assert live(home, 1) == [first]
    assert live(home, 60) == [first]
    assert live(home, 60) == [0x811A]
    assert actions(home)[-2:] == [(ON, 0, first.event), (ON, 2, first.event)]
    assert live(home, 600) == []
    report(home, STARTED)  # it answers after all
    assert actions(home)[-1] == (ON, 1, first.event)
    assert live(home, 600) == []


def test_a_switch_that_was_given_up_and_speaks_gets_its_order_again() -> None:
    home = switched()
    (first,) = orders(command(home, ON).effects)
    live(home, 180)
    effects = home.handle(EventStatusReported(STATION, first.event - 1, COMPLETED))
    assert orders(effects) == [first]
    live(home, 180)
    assert orders(home.handle(ScheduledEventsAsked(STATION))) == [first]
    report(home, STARTED)
    assert live(home, 600) == []


def test_reports_are_logged_once() -> None:
    home = switched()
    (order,) = orders(command(home, ON).effects)
    count = len(actions(home))
    for status in (0x01, STARTED, STARTED, COMPLETED, 0x07):
        assert report(home, status) == []
    assert actions(home)[count:] == [(ON, 1, order.event)]
    assert report(home, OPTED_OUT) == [0x811A]  # it did not keep the state
    for status in (OPTED_OUT, REJECTED, STARTED):
        assert report(home, status) == []
    assert actions(home)[count + 1 :] == [(ON, 2, order.event)]


def test_a_failure_is_told_to_the_supplier() -> None:
    home = switched()
    command(home, ON)
    event = EventStatusReported(STATION, home.work.number("load-control/count"), REJECTED)
    (alert,) = alerts_in(home.handle(event))
    assert (alert.code, alert.message.recipient) == (0x811A, SUPPLIER)


@pytest.mark.parametrize(("station", "event"), [(OTHER, None), (STATION, 77), (EntityId(bytes(8)), None)])
def test_reports_of_others_say_nothing(station: EntityId, event: int | None) -> None:
    home = switched()
    command(home, ON)
    before = actions(home)
    assert report(home, REJECTED, event, station) == []
    assert actions(home) == before


def test_a_switch_asks_for_its_orders_and_the_event_log_says_so() -> None:
    home = switched()
    (order,) = orders(command(home, ON).effects)
    home.wait(30)
    effects = home.handle(ScheduledEventsAsked(STATION))
    assert orders(effects) == [order]
    *_, entry_ = home.work.log_entries("EventLog")
    assert entry_ == (home.work.time.seconds, 0x8154, bytes.fromhex("0119"))
    refused = home.handle(ScheduledEventsAsked(OTHER))
    assert [e.verdict for e in refused if isinstance(e, Happened)] == ["refused"]
    *_, entry_ = home.work.log_entries("EventLog")
    assert entry_ == (home.work.time.seconds, 0x8155, bytes.fromhex("0119"))
    assert orders(refused) == []


def test_power_that_returns_sends_the_order_that_runs_or_a_new_one() -> None:
    home = switched()
    (order,) = orders(command(home, ON, 0, 7200).effects)
    report(home, STARTED)
    count = len(actions(home))
    home.handle(PowerLost())
    home.wait(600)
    assert orders(home.handle(PowerRestored())) == [order]
    assert len(actions(home)) == count
    home.handle(PowerLost())
    home.wait(7200)
    (new,) = orders(home.handle(PowerRestored()))
    assert (new.event, new.on) == (order.event + 1, False)


def test_a_clock_set_back_does_not_leave_a_switch_without_orders() -> None:
    from smets.behaviours.clock import set_clock

    home = switched()
    command(home, ON, 0, DAY)
    work = home.work
    set_clock(work, work.time.plus(-30 * DAY))
    work.commit()
    home.restart()
    (order,) = orders(home.handle(TimerDue()))
    assert (order.on, order.start) == (False, home.work.time)
    assert len(live(home, 60)) == 1  # it waits for a report from here on


def test_another_controller_takes_the_orders_back() -> None:
    home = switched()
    work = home.work
    put(work, Entry(OTHER, 4, 0, 0))
    work.commit()
    (order,) = orders(command(home, ON).effects)
    home.wait(1)
    values: list[Value] = [OTHER, b"", b"", b"", b"", (), (), ACTIVATE_NOW, ACTIVATE_NOW]
    effects = home.run("ECS46c", [bytes(v) if isinstance(v, EntityId) else v for v in values]).effects
    assert CancelLoadControlEvent(STATION, order.event) in effects
    assert [(o.station, o.on) for o in orders(effects)] == [(OTHER, False)]


def test_a_switch_that_is_not_in_the_device_log_gets_no_orders_until_it_joins() -> None:
    home = switched()
    work = home.work
    remove(work, STATION)
    work.commit()
    effects = command(home, ON).effects
    assert orders(effects) == []
    assert [a.code for a in alerts_in(effects)] == [0x811A]
    assert actions(home)[-1] == (ON, 2, 0)
    assert live(home, 600) == []
    assert orders(home.handle(ScheduledEventsAsked(STATION))) == []
    work = home.work
    put(work, Entry(STATION, 4, 0, 0))
    work.put("auxiliary/plan", None)
    work.commit()
    home.restart()
    assert [o.on for o in orders(home.handle(TimerDue()))] == [True]


def test_one_switch_may_stand_behind_one_number_beside_others() -> None:
    calendar = (entry(1, 0x13E4, 0, 20), entry(2, 0x12E4, 0, 21), entry(3, 0x1380, 5), entry(4, 0x1280, 5))
    home = meter((STATION, bytes(8), OTHER), calendar)
    live(home, 300)
    home.wait(300)
    effects = home.handle(TimerDue())
    assert [(o.station, o.on) for o in orders(effects)] == [(OTHER, True)]
    home.wait(60)
    assert [e for e in home.handle(TimerDue()) if isinstance(e, Actuate)] == [
        Actuate("auxiliary controller 2", True)
    ]
    assert alerts_in(home.handle(ControllerFailed(3))) == ()  # it reports itself


# -- the conversation alone -----------------------------------------------------------------


def test_events_are_numbered_from_one_again_after_32_bits() -> None:
    home = Home.new(raw={"load-control/count": pack(0xFFFF_FFFF)})
    assert LoadControl("load-control/1").order(home.work, STATION, True, None) == 1


@pytest.mark.parametrize("seconds", [0, 1, 59, 60, 61, 86_339, 86_340, 86_341, 10**9])
def test_minutes_cover_the_time_and_its_overlap_as_far_as_a_day_goes(seconds: int) -> None:
    home = Home.new()
    work, control = home.work, LoadControl("load-control/1")
    control.order(work, STATION, True, work.time.plus(seconds).us)
    (order,) = orders(work.effects)
    assert 60 * order.minutes >= min(seconds + 60, DAY)
    assert order.minutes <= 1440
    assert 60 * (order.minutes - 1) < seconds + 60


def test_a_held_order_nobody_wrote_is_a_damaged_store() -> None:
    home = Home.new(raw={"load-control/1": pack((1, 2, 3))})
    with pytest.raises(StoreError):
        LoadControl("load-control/1").held(home.work)


@pytest.mark.parametrize("wrong", [{"report_timeout": 0}, {"attempts": 0}, {"overlap": -1}])
def test_settings_have_ranges(wrong: dict[str, int]) -> None:
    with pytest.raises(BuildError):
        LoadControlSettings(**wrong)  # type: ignore[arg-type]


def test_every_status_has_one_meaning() -> None:
    chosen = LoadControlSettings()
    assert {chosen.outcome(status) for status in range(256)} == set(Outcome)
    assert chosen.outcome(STARTED) is Outcome.SUCCESS
