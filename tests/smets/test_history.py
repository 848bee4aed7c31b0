"""Consumption and cost of days, weeks and months, against a model that adds up by date."""

from __future__ import annotations

import datetime as _dt
from collections import defaultdict

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gbcs.errors import BuildError
from gbcs.time import Utc
from smets.behaviours.clock import set_clock
from smets.behaviours.history import History, HistorySettings, Period, Used
from smets.behaviours.tariff import cost_so_far
from smets.events import Metrology, PowerLost, PowerRestored, TimerDue
from tests.gbcs.tariffs import ELECTRICITY, SECOND
from tests.smets.homes import Home
from tests.smets.tariff_items import tariff_items

DAY = 86_400
HISTORY = History()
FLAT = {
    **ELECTRICITY,
    "special_days": [],
    "seasons": [{"name": "all", "start": "*-*-*", "week": 1}],
    "weeks": [{"name": 1, "days": [3] * 7}],
    "days": [{"id": 3, "switches": ["00:00:00 TOU 1"]}],
    "tou_prices": {"1": "0.31"},
}


def metered(variant: str = "single") -> Home:
    return Home.new(variant, items={**tariff_items("ECS01a", FLAT), **_second(variant)})


def _second(variant: str):  # type: ignore[no-untyped-def]
    return tariff_items("ECS01c", SECOND) if variant == "twin" else {}


def use(home: Home, at: Utc, wh: int, secondary_wh: int = 0) -> None:
    home.now = at
    home.handle(Metrology(import_wh=wh, secondary_wh=secondary_wh))


def used(home: Home, period: Period) -> tuple[Used, ...]:
    return HISTORY.used(home.work, period)


def test_days_weeks_and_months_close_at_their_ends() -> None:
    home = metered()
    use(home, Utc.of(2026, 1, 1, 12), 100)  # a Thursday
    use(home, Utc.of(2026, 1, 2, 12), 200)
    assert used(home, Period.DAY) == (Used(200, 6_200), Used(100, 3_100))
    assert used(home, Period.WEEK) == (Used(300, 9_300),)
    use(home, Utc.of(2026, 1, 5), 0)
    use(home, Utc.of(2026, 1, 5), 40)  # a Monday, after its midnight
    assert used(home, Period.DAY)[:4] == (Used(40, 1_240), Used(0, 0), Used(0, 0), Used(200, 6_200))
    assert used(home, Period.WEEK) == (Used(40, 1_240), Used(300, 9_300))
    use(home, Utc.of(2026, 2, 1, 0, 0, 1), 7)
    assert used(home, Period.MONTH) == (Used(7, 217), Used(340, 10_540))


def test_what_is_told_of_at_midnight_was_used_on_the_day_that_ends() -> None:
    home = metered()
    use(home, Utc.of(2026, 1, 2), 100)
    assert used(home, Period.DAY) == (Used(0, 0), Used(100, 3_100))


def test_a_display_sees_a_new_day_before_anything_happens_in_it() -> None:
    home = metered()
    use(home, Utc.of(2026, 1, 1, 12), 100)
    home.now = Utc.of(2026, 1, 3)
    assert used(home, Period.DAY) == (Used(0, 0), Used(0, 0), Used(100, 3_100))
    assert home.work.value("history/day") == Utc.of(2026, 1, 1).seconds // DAY


def test_the_depths_are_8_5_and_13() -> None:
    work = metered().work
    for day in range(500):
        work.now = Utc.of(2026, 1, 1, 12).plus(DAY * day)
        HISTORY.handle(work, TimerDue())
        work.set_item("ActiveImportRegister", day + 1)
    found = [HISTORY.used(work, period) for period in Period]
    assert [len(periods) for periods in found] == [9, 6, 14]
    assert {one.wh for one in found[Period.DAY]} == {1}
    assert {one.wh for one in found[Period.WEEK][1:]} == {7}
    assert {one.wh for one in found[Period.MONTH][1:]} == {28, 30, 31}


def test_both_elements_of_a_twin_meter_count() -> None:
    home = metered("twin")
    use(home, Utc.of(2026, 1, 1, 13), 10, 1000)
    assert used(home, Period.DAY) == (Used(1010, 310 + 11_000),)
    primary = History(HistorySettings(both_elements=False))
    work = home.work
    primary.start(work)
    work.set_item("ActiveImportRegister", 15)
    work.set_item("SecondaryActiveImportRegister", 2000)
    assert [one.wh for one in primary.used(work, Period.DAY)] == [5]


def test_settings() -> None:
    history = History(HistorySettings(days=2, first_weekday=7))
    home = metered()
    work = home.work
    history.start(work)
    work.set_item("ActiveImportRegister", 5)
    work.now = Utc.of(2026, 1, 4)  # a Sunday
    assert history.used(work, Period.WEEK) == (Used(0, 0), Used(5, 0))
    assert len(history.used(work, Period.DAY)) == 3
    for wrong in ({"days": 0}, {"months": 1001}, {"first_weekday": 8}):
        with pytest.raises(BuildError):
            HistorySettings(**wrong)


def test_days_without_power_are_empty() -> None:
    home = metered()
    use(home, Utc.of(2026, 1, 1, 12), 100)
    home.handle(PowerLost())
    home.now = Utc.of(2026, 1, 4, 12)
    home.restart()
    home.handle(PowerRestored())
    use(home, Utc.of(2026, 1, 4, 13), 10)
    assert [one.wh for one in used(home, Period.DAY)] == [10, 0, 0, 100]


def test_a_clock_set_back_goes_on_with_the_open_periods() -> None:
    home = metered()
    use(home, Utc.of(2026, 1, 10, 12), 100)
    turn(home, Utc.of(2026, 1, 8, 12))
    home.handle(Metrology(import_wh=11))
    assert used(home, Period.DAY)[0] == Used(111, 3_441)
    home.wait(DAY)
    home.handle(Metrology(import_wh=1))
    assert [one.wh for one in used(home, Period.DAY)][:2] == [1, 111]


def turn(home: Home, time: Utc) -> None:
    work = home.work
    set_clock(work, time)
    work.commit()
    home.restart()


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["use", "use", "power", "restart", "timer"]),
        st.sampled_from([60, 3600, DAY, 3 * DAY, 20 * DAY, 45 * DAY]),
        st.integers(0, 5000),
    ),
    max_size=12,
)


@given(STEPS)
@settings(max_examples=40, deadline=None)
def test_each_period_has_what_was_used_on_its_dates(steps: list[tuple[str, int, int]]) -> None:
    home = metered()
    days: dict[int, int] = defaultdict(int)
    for kind, seconds, wh in steps:
        if kind == "power":
            home.handle(PowerLost())
            home.wait(seconds)
            home.handle(PowerRestored())
            continue
        home.wait(seconds if kind == "use" else seconds % 5000)
        if kind == "restart":
            home.restart()
        elif kind == "timer":
            home.handle(TimerDue())
        else:
            home.handle(Metrology(import_wh=wh))
            days[home.now.seconds // DAY] += wh
    today = home.now.seconds // DAY
    first = Utc.of(2026, 1, 1).seconds // DAY
    found = used(home, Period.DAY)
    assert [one.wh for one in found] == [days[today - n] for n in range(min(9, today - first + 1))]
    date = _dt.date(2000, 1, 1) + _dt.timedelta(days=today)
    weeks, months = defaultdict[int, int](int), defaultdict[int, int](int)
    for day, wh in days.items():
        then = _dt.date(2000, 1, 1) + _dt.timedelta(days=day)
        monday = (date - _dt.timedelta(days=date.weekday())) - (then - _dt.timedelta(days=then.weekday()))
        weeks[monday.days // 7] += wh
        months[12 * (date.year - then.year) + date.month - then.month] += wh
    for period, sums in ((Period.WEEK, weeks), (Period.MONTH, months)):
        kept = used(home, period)
        assert [one.wh for one in kept] == [sums[n] for n in range(len(kept))]
    assert all(one.cost == 31 * one.wh for period in Period for one in used(home, period))


@given(st.lists(st.tuples(st.integers(-10, 10), st.integers(0, 900)), max_size=7))
@settings(max_examples=40, deadline=None)
def test_nothing_is_lost_however_the_clock_is_set(steps: list[tuple[int, int]]) -> None:
    """As long as no day has left the store: the days add up to the register and the cost."""
    home = metered()
    for days, wh in steps:
        turn(home, max(home.work.time, Utc.of(2026, 1, 20)).plus(days * DAY // 10))
        home.handle(Metrology(import_wh=wh))
    found = used(home, Period.MONTH)
    assert sum(one.wh for one in found) == home.item("ActiveImportRegister")
    assert sum(one.cost for one in found) == cost_so_far(home.work)
