"""The clock: set inside an interval, checked against the hub, its status."""

from __future__ import annotations

import pytest

from gbcs.time import Utc
from gbcs.usecases import by_name
from smets.behaviours.clock import DEFAULT_SETTINGS, STATUS, WAS_SET, ClockSettings, Status
from smets.device import Device
from smets.esme.meter import EsmeOptions, commission, esme_profile
from smets.events import HubTime
from smets.values import Value, pack
from tests.smets.homes import START, SUPPLIER, Home, alerts_in, set_clock_parameter

ADJUSTED, NOT_ADJUSTED = 0x8145, 0x8F0C


def status(home: Home) -> Status:
    return Status(home.work.number(STATUS))


def shown(home: Home) -> Utc:
    return home.work.time


def unset() -> Home:
    """A meter whose clock was never set: it started at some time of its own."""
    return Home.new(raw={STATUS: pack(int(Status.INVALID))})


@pytest.mark.parametrize(
    ("start", "end", "taken"),
    [
        (-60, 60, True),
        (0, 0, True),
        (-1, 0, True),
        (0, 1, True),
        (1, 60, False),
        (-60, -1, False),
        (60, -60, False),
    ],
)
@pytest.mark.parametrize("first", [Status.RELIABLE, Status.INVALID, Status.UNRELIABLE])
def test_set_clock_takes_the_hubs_time_inside_the_interval(
    start: int, end: int, taken: bool, first: Status
) -> None:
    home = Home.new(raw={STATUS: pack(int(first))})
    hub = home.now.plus(5_000)
    home.handle(HubTime(hub))
    before, was = shown(home), status(home)
    value: Value = set_clock_parameter(hub, -start, end)
    reply = home.run("ECS70", [value])
    assert reply.results == [0] * 5
    read = reply.values()
    assert shown(home) == (hub if taken else before)
    assert status(home) == (Status.RELIABLE if taken else was)
    assert read["Time"] == shown(home).to_cosem()
    assert read["Time.Status"] == status(home)
    home.restart()
    assert shown(home) == (hub if taken else before)


OUTSIDE, COMMISSIONED = 0x81C6, 0x8F69


def commissioned(home: Home, seconds: int = 0) -> list[int]:
    """Set Clock with the hub so many seconds ahead of its interval's middle; the alerts."""
    home.handle(HubTime(home.now.plus(seconds)))
    return [alert.code for alert in home.run("ECS70", [set_clock_parameter(home.now)]).alerts]


def never_set(settings: ClockSettings = DEFAULT_SETTINGS) -> Home:
    """A meter as it leaves the factory, all alerts switched on."""
    home = unset()
    work = home.work
    work.put(WAS_SET, None)
    work.set_item("SupplierWANAlerts", "1" * 256)
    work.commit()
    home.device = Device(esme_profile(EsmeOptions(clock=settings)), home.store, home.now)
    return home


def test_a_meter_tells_once_that_it_was_commissioned() -> None:
    home = never_set()
    assert commissioned(home, 61) == [OUTSIDE]
    assert commissioned(home) == [COMMISSIONED]
    assert status(home) is Status.RELIABLE
    home.restart()
    assert commissioned(home) == []
    home = never_set()
    work = home.work
    commission(work, home.now)
    work.commit()
    assert commissioned(home) == []


@pytest.mark.parametrize("hub", [None, -60, 60])
def test_a_time_inside_the_tolerance_or_none_is_not_told_as_outside(hub: int | None) -> None:
    home = never_set()
    home.handle(HubTime(None if hub is None else home.now.plus(hub)))
    reply = home.run("ECS70", [set_clock_parameter(home.now)])
    assert OUTSIDE not in [alert.code for alert in reply.alerts]
    assert OUTSIDE not in [e[1] for e in home.work.log_entries("EventLog")]


def test_a_meter_may_say_nothing_of_set_clock() -> None:
    home = never_set(ClockSettings(tells_outside_tolerance=False, tells_commissioned=False))
    assert commissioned(home, 61) == commissioned(home) == []


def test_the_hubs_time_runs_on_after_it_was_given() -> None:
    home = unset()
    home.handle(HubTime(Utc.of(2030, 6, 1)))
    home.wait(90)
    now = Utc.of(2030, 6, 1, 0, 1, 30)
    assert home.run("ECS70", [set_clock_parameter(now, 0, 0)]).values()["Time"] == now.to_cosem()


@pytest.mark.parametrize("given", [False, True])
def test_without_the_hubs_time_the_clock_stays(given: bool) -> None:
    home = unset()
    if given:
        home.handle(HubTime(home.now))
        home.handle(HubTime(None))
    reply = home.run("ECS70", [set_clock_parameter(home.now)])
    assert reply.results == [0] * 5
    assert reply.values()["Time.Status"] == Status.INVALID


@pytest.mark.parametrize(
    "parameter",
    [
        (START.to_cosem(), START.to_cosem(), START.to_cosem()),
        (b"\xff" * 12, b"\xff" * 12, START.to_cosem()),
        (b"\xff" * 12, START.to_cosem(), bytes(12)),
    ],
)
def test_only_the_hubs_time_between_two_times_can_be_preset(parameter: Value) -> None:
    home = unset()
    home.handle(HubTime(home.now))
    assert home.run("ECS70", [parameter]).results == [0, 250, 250, 250, 250]
    assert status(home) is Status.INVALID


@pytest.mark.parametrize("difference", [1, -1, 9, 10, -10])
def test_a_small_difference_is_adjusted_and_logged(difference: int) -> None:
    home = Home.new()
    effects = home.handle(HubTime(home.now.plus(difference)))
    assert not alerts_in(effects)
    assert shown(home) == home.now.plus(difference)
    assert status(home) is Status.RELIABLE
    assert [e[1] for e in home.work.log_entries("EventLog")] == [ADJUSTED]
    home.handle(HubTime(home.now.plus(difference)))
    assert len(list(home.work.log_entries("EventLog"))) == 1  # no difference any more


@pytest.mark.parametrize("difference", [11, -11, 86_400, -3_600])
def test_a_large_difference_is_not_adjusted_but_told_once(difference: int) -> None:
    home = Home.new()
    alerts = alerts_in(home.handle(HubTime(home.now.plus(difference))))
    assert [a.key for a in alerts] == [(NOT_ADJUSTED, 0x1000, SUPPLIER)]
    assert shown(home) == home.now
    assert status(home) is Status.UNRELIABLE
    assert [e[1] for e in home.work.log_entries("SecurityLog")] == [NOT_ADJUSTED]
    assert not alerts_in(home.handle(HubTime(home.now.plus(difference))))
    assert home.run("ECS70", [set_clock_parameter(home.now.plus(difference))]).response is not None
    assert status(home) is Status.RELIABLE
    assert shown(home) == home.now.plus(difference)


def test_a_difference_of_parts_of_a_second_counts() -> None:
    home = Home.new()
    assert alerts_in(home.handle(HubTime(home.now.plus(10, 1))))
    home = Home.new()
    assert not alerts_in(home.handle(HubTime(home.now.plus(10))))


def test_an_invalid_clock_is_not_adjusted() -> None:
    home = unset()
    assert not alerts_in(home.handle(HubTime(home.now.plus(5))))
    assert shown(home) == home.now
    assert status(home) is Status.INVALID


def test_set_clock_is_one_use_case_with_five_items() -> None:
    home = Home.new()
    reply = home.run(by_name("ECS70"))
    assert reply.results == [0] * 5
    assert reply.response is not None
    assert reply.response.signature is not None
