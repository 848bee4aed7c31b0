"""A change of tenancy hides what was recorded before it from who only reads (ECS12)."""

from __future__ import annotations

import pytest

from gbcs.dlms.objects import model
from gbcs.dlms.selective import Range
from gbcs.ids import DeviceType
from smets.behaviours.tenancy import RESTRICTED, restricted_until, shown_entries
from tests.smets.homes import Home


def recorded(log: str) -> Home:
    """Entries an hour apart, five of them until now."""
    home = Home.new()
    work = home.work
    for hour in range(5):
        work.log(log, work.time.plus(3600 * (hour - 4)).seconds, hour)
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
