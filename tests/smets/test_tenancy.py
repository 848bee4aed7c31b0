"""A change of tenancy hides what was recorded before it from who only reads (ECS12)."""

from __future__ import annotations

import pytest

from gbcs.dlms.objects import model
from gbcs.dlms.selective import Range
from gbcs.ids import DeviceType
from gbcs.time import Utc
from smets.behaviours.history import History, Period
from smets.behaviours.tenancy import RESTRICTED, restricted_until, shown_entries, shown_history
from smets.events import Metrology, TimerDue
from tests.smets.homes import Home


def recorded(log: str) -> Home:
    """Entries an hour apart, five of them until now."""
    home = Home.new()
    work = home.work
    for hour in range(5):
        part = work.log_parts.get(log)
        others = () if part is None else (0,) * (len(part.columns) - 2)
        work.log(log, work.time.plus(3600 * (hour - 4)).seconds, hour, *others)
    work.commit()
    return home


def restrict(home: Home, seconds: int) -> None:
    assert home.run("ECS12", [home.now.plus(seconds).to_cosem()]).results == [0]


@pytest.mark.parametrize("log", sorted(RESTRICTED))
def test_entries_before_the_date_are_not_shown(log: str) -> None:
    home = recorded(log)
    assert len(list(shown_entries(home.work, log))) == 5
    restrict(home, -3 * 3600)
    assert [entry[1] for entry in shown_entries(home.work, log)] == [1, 2, 3, 4]
    restrict(home, -3 * 3600 + 1)
    assert [entry[1] for entry in shown_entries(home.work, log)] == [2, 3, 4]


def test_a_date_to_come_counts_at_once() -> None:
    home = recorded("DailyConsumptionLog")
    restrict(home, 3600)
    assert list(shown_entries(home.work, "DailyConsumptionLog")) == []
    assert restricted_until(home.work) == home.now.plus(3600).seconds


@pytest.mark.parametrize("log", ["EventLog", "SecurityLog", "PowerEventLog"])
def test_logs_of_events_are_not_concerned(log: str) -> None:
    home = recorded(log)
    restrict(home, 3600)
    assert len(list(shown_entries(home.work, log))) == 5


def test_commands_read_everything() -> None:
    home = recorded("DailyReadLog.Export")
    restrict(home, 3600)
    within = Range(0, 0xFFFF_FFFF)
    found = home.run("ECS21c", within=within).values()["DailyReadLog.Export"]
    assert len(found) == 5  # type: ignore[arg-type]


def test_without_a_date_nothing_is_hidden() -> None:
    assert restricted_until(Home.new().work) == 0
    assert restricted_until(Home.new(items={"RestrictDataDateTime": b"\xff" * 12}).work) == 0


def test_the_restricted_logs_are_logs_of_the_meter() -> None:
    logs = {member.item for member in model(DeviceType.ESME, frozenset()).members if member.entries}
    assert logs >= RESTRICTED
    kept = {
        log for log in logs if log.startswith(("ProfileData", "DailyRead", "Billing", "Prepayment", "DailyC"))
    }
    assert kept == RESTRICTED


# -- the value store --------------------------------------------------------------------------


def lived(days: int) -> Home:
    """From Thursday 2026-01-01 on, each day with as many Wh as its number in the year."""
    home = Home.new()
    for day in range(1, days + 1):
        home.handle(Metrology(import_wh=day))
        home.now = Utc.of(2026, 1, 1, 12).plus(86_400 * day)
        home.handle(TimerDue())
    return home


def shown(home: Home, period: Period) -> list[int]:
    return [used.wh for used in shown_history(home.work, History(), period)]


def test_periods_that_began_before_the_date_are_not_shown() -> None:
    home = lived(40)  # it is the 41st day, Tuesday 2026-02-10
    whole = {period: [used.wh for used in History().used(home.work, period)] for period in Period}
    assert {period: shown(home, period) for period in Period} == whole
    assert home.run("ECS12", [Utc.of(2026, 2, 2).to_cosem()]).results == [0]
    assert shown(home, Period.DAY) == whole[Period.DAY]
    assert shown(home, Period.WEEK) == whole[Period.WEEK][:2]  # Mondays 9 and 2
    assert shown(home, Period.MONTH) == []
    assert home.run("ECS12", [Utc.of(2026, 2, 8, 0, 0, 1).to_cosem()]).results == [0]
    assert shown(home, Period.DAY) == whole[Period.DAY][:2]
    assert shown(home, Period.WEEK) == whole[Period.WEEK][:1]
    assert home.run("ECS12", [Utc.of(2026, 1, 1).to_cosem()]).results == [0]
    assert shown(home, Period.MONTH) == whole[Period.MONTH][:2]


@pytest.mark.parametrize("period", Period)
def test_a_date_to_come_hides_every_period(period: Period) -> None:
    home = lived(3)
    restrict(home, 3600)
    assert shown(home, period) == []
