"""Schedules: dates with wildcards, weekdays, special days, and a slow model that looks at every minute."""

from __future__ import annotations

import datetime as dt

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gbcs.time import Utc
from smets.behaviours.schedule import Compiled, Date, Schedule, ScheduleSettings, second_of_day
from smets.values import Value
from tests.smets.homes import Home

ANY_DATE = "FFFFFFFFFF"
EVERY_DAY = "1111111"
SCRIPTS = bytes.fromhex("00000A006AFF")


def entry(
    time: str,
    selector: int,
    weekdays: str = EVERY_DAY,
    flags: str = "",
    begin: str = ANY_DATE,
    end: str = ANY_DATE,
    enabled: bool = True,
) -> Value:
    hour, minute = map(int, time.split(":"))
    dates = bytes.fromhex(begin), bytes.fromhex(end)
    return (1, enabled, SCRIPTS, selector, bytes((hour, minute, 0, 0)), 0xFFFF, weekdays, flags, *dates)


def special(*dates: str) -> Value:
    return tuple((n, bytes.fromhex(date), n) for n, date in enumerate(dates, 1))


def at(text: str) -> int:
    return Utc.parse(text).seconds


def said(schedule: Schedule, text: str) -> tuple[int | None, str | None, int | None]:
    """Selector in force, when the next execution is, and its selector."""
    last, following = schedule.in_force(at(text)), schedule.next(at(text))
    return (
        None if last is None else last.selector,
        None if following is None else str(Utc.from_seconds(following.at))[:16],
        None if following is None else following.selector,
    )


def test_of_a_day_the_last_switch_time_that_has_passed_is_in_force() -> None:
    schedule = Schedule.of((entry("08:00", 33), entry("20:00", 32)))
    assert said(schedule, "2026-03-04T07:59:59") == (32, "2026-03-04T08:00", 33)
    assert said(schedule, "2026-03-04T08:00:00") == (33, "2026-03-04T20:00", 32)
    assert said(schedule, "2026-03-04T23:00:00") == (32, "2026-03-05T08:00", 33)


def test_of_two_entries_at_one_time_the_later_one_counts() -> None:
    schedule = Schedule.of((entry("08:00", 33), entry("08:00", 32)))
    assert said(schedule, "2026-03-04T09:00:00") == (32, "2026-03-05T08:00", 32)


def test_weekdays_begin_with_monday() -> None:
    """2026-03-06 is a Friday."""
    schedule = Schedule.of((entry("20:00", 32, "0000100"), entry("09:00", 33, "1000000")))
    assert said(schedule, "2026-03-06T19:59:00") == (33, "2026-03-06T20:00", 32)
    assert said(schedule, "2026-03-08T00:00:00") == (32, "2026-03-09T09:00", 33)


@pytest.mark.parametrize(
    ("begin", "end", "inside", "outside"),
    [
        (
            "07EA0110FF",
            "07EA0114FF",
            ["2026-01-16", "2026-01-20"],
            ["2026-01-15", "2026-01-21", "2027-01-17"],
        ),
        ("FFFF041DFF", "FFFF0719FF", ["2026-04-29", "2031-07-25"], ["2026-04-28", "2026-07-26"]),
        (
            "FFFF0C18FF",
            "FFFF0102FF",
            ["2026-12-24", "2026-12-31", "2027-01-02"],
            ["2026-12-23", "2027-01-03"],
        ),
        (
            "FFFFFF1CFF",
            "FFFFFF03FF",
            ["2026-02-28", "2026-05-31", "2026-06-03"],
            ["2026-02-27", "2026-06-04"],
        ),
        ("FFFFFF05FF", "FFFFFF07FF", ["2026-02-05", "2026-05-07"], ["2026-02-04", "2026-06-08"]),
        ("000001FFFF", ANY_DATE, ["2000-01-01", "2026-12-31"], []),
        ("07EAFFFFFF", "07EAFFFFFF", ["2026-01-01", "2026-12-31"], ["2025-12-31", "2027-01-01"]),
        ("07EA06FFFF", ANY_DATE, ["2026-06-01", "2040-01-01"], ["2026-05-31"]),
        ("FFFF02FEFF", "FFFF02FEFF", ["2026-02-28", "2028-02-29"], ["2028-02-28", "2026-03-01"]),
        ("FFFF02FDFF", "FFFF02FDFF", ["2026-02-27", "2028-02-28"], ["2028-02-29", "2026-02-28"]),
        ("FFFFFEFFFF", ANY_DATE, [], ["2026-03-29", "2026-06-01"]),  # daylight saving is no date of ours
    ],
)
def test_an_entry_is_executed_between_its_dates(
    begin: str, end: str, inside: list[str], outside: list[str]
) -> None:
    schedule = Schedule.of((entry("12:00", 1, begin=begin, end=end),))
    for day in inside + outside:
        following = schedule.next(at(f"{day}T11:59:59"))
        executed = following is not None and following.at == at(f"{day}T12:00:00")
        assert executed is (day in inside), day


@pytest.mark.parametrize(
    ("date", "day", "met"),
    [
        ("FFFF0C19FF", "2026-12-25", True),
        ("07EA0403FF", "2027-04-03", False),
        ("FFFFFFFF07", "2026-03-01", True),  # a Sunday
        ("FFFFFFFF07", "2026-03-02", False),
        ("FFFF05FE01", "2026-05-25", True),  # the last Monday of May
        ("FFFF05FE01", "2026-05-18", False),
        ("FFFF05FD01", "2026-05-18", True),
        ("FFFF05FD01", "2026-05-11", False),
        ("FFFFFFFEFF", "2026-12-31", True),
        ("FFFF02FEFF", "2028-02-28", False),
    ],
)
def test_dates_with_wildcards(date: str, day: str, met: bool) -> None:
    found = Date.of(bytes.fromhex(date))
    assert found is not None
    assert found.matches(dt.date.fromisoformat(day)) is met


@pytest.mark.parametrize("octets", ["", "07EA0101", "07EA0D01FF", "07EAFEFFFF", "07EA0120FF", "07EA010108"])
def test_what_is_no_date(octets: str) -> None:
    assert Date.of(bytes.fromhex(octets)) is None


CHRISTMAS = special("FFFF0C19FF", "FFFF0C1AFF")


@pytest.mark.parametrize(
    ("replace", "by_place", "executed"),
    [
        (True, True, ["2026-12-24 07:00", "2026-12-25 10:00", "2026-12-27 07:00"]),
        (False, True, ["2026-12-24 07:00", "2026-12-25 07:00", "2026-12-25 10:00", "2026-12-26 07:00"]),
        (True, False, ["2026-12-24 07:00", "2026-12-25 10:00", "2026-12-27 07:00"]),
    ],
)
def test_on_a_special_day_flags_count(replace: bool, by_place: bool, executed: list[str]) -> None:
    entries = (entry("07:00", 32, flags="00"), entry("10:00", 33, "0000000", "10"))
    schedule = Schedule.of(entries, CHRISTMAS, ScheduleSettings(replace, by_place))
    found, moment = [], at("2026-12-24T00:00:00")
    for _ in executed:
        following = schedule.next(moment)
        assert following is not None
        moment = following.at
        found.append(str(Utc.from_seconds(moment)).replace("T", " ")[:16])
    assert found == executed


def test_flags_may_stand_for_day_ids() -> None:
    days = ((1, bytes.fromhex("FFFF0C19FF"), 2), (2, bytes.fromhex("FFFF0C1AFF"), 1))
    entries = (entry("10:00", 33, "0000000", "10"),)
    by_place = Schedule.of(entries, days).next(at("2026-12-01T00:00:00"))
    by_id = Schedule.of(entries, days, ScheduleSettings(flags_by_place=False)).next(at("2026-12-01T00:00:00"))
    assert by_place is not None
    assert by_id is not None
    assert by_id.at - by_place.at == 86_400


def test_an_execution_long_ago_is_still_in_force() -> None:
    schedule = Schedule.of((entry("12:00", 32, begin="07EA0110FF", end="07EA0110FF"),))
    assert said(schedule, "2061-01-01T00:00:00") == (32, None, None)
    assert said(schedule, "2026-01-16T11:00:00") == (None, "2026-01-16T12:00", 32)


def test_an_entry_switched_off_or_without_days_is_never_executed() -> None:
    entries = (entry("12:00", 32, enabled=False), entry("12:00", 32, "0000000"))
    assert said(Schedule.of(entries), "2026-01-16T11:00:00") == (None, None, None)


def test_only_some_entries() -> None:
    schedule = Schedule.of((entry("08:00", 257), entry("09:00", 513), entry("10:00", 258)))
    second = schedule.only(lambda selector: selector >> 8 == 2)
    assert said(second, "2026-01-16T11:00:00") == (513, "2026-01-17T09:00", 513)


@pytest.mark.parametrize(
    ("time", "second"),
    [("00000000", 0), ("173B3B63", 86_399), ("0A1EFFFF", 37_800), ("FF000000", None), ("0AFF0000", None)],
)
def test_switch_times(time: str, second: int | None) -> None:
    assert second_of_day(bytes.fromhex(time)) == second


def test_a_calendar_is_compiled_once() -> None:
    home = Home.new(items={"NonDisablementCalendar": (entry("08:00", 32),)})
    compiled = Compiled("NonDisablementCalendar")
    work = home.work
    assert compiled.of(work) is compiled.of(home.work)
    work.set_item("NonDisablementCalendar", (entry("09:00", 32),))
    changed = compiled.of(work).next(at("2026-01-01T00:00:00"))
    assert changed is not None
    assert changed.at == at("2026-01-01T09:00:00")


# -- against a model that looks at every day ---------------------------------------------------

WEEKDAYS = st.text("01", min_size=7, max_size=7)
DATES = st.sampled_from(
    [
        ANY_DATE,
        "FFFF0103FF",
        "FFFF0301FF",
        "07EA0105FF",
        "07EA0201FF",
        "FFFFFF0AFF",
        "000001FFFF",
        "FFFF01FEFF",
    ]
)
ENTRIES = st.builds(
    entry,
    st.sampled_from(["00:00", "06:30", "12:00", "23:59"]),
    st.integers(0, 3),
    WEEKDAYS,
    st.text("01", min_size=2, max_size=2),
    DATES,
    DATES,
    st.booleans(),
)
SPECIALS = special("FFFFFF04FF", "FFFFFFFF03")


def executions(entries: list[Value], first: dt.date, days: int) -> list[tuple[int, int, int]]:
    """(moment, place, selector) of all executions in some days, by the reference's words."""
    found = []
    for day in (first + dt.timedelta(n) for n in range(days)):
        seconds = (day - dt.date(2000, 1, 1)).days * 86_400
        for place, row in enumerate(entries):
            _, enabled, _, selector, time, _, weekdays, flags, *dates = row  # type: ignore[misc]
            begin, end = (Date.of(octets) for octets in dates)
            special_flags = [flags[0]] * (day.day == 4) + [flags[1]] * (day.weekday() == 2)
            wanted = "1" in special_flags if special_flags else weekdays[day.weekday()] == "1"
            if enabled and wanted and begin and end and _in(begin, end, day):
                found.append((seconds + time[0] * 3600 + time[1] * 60, place, selector))
    return sorted(found)


def _in(begin: Date, end: Date, day: dt.date) -> bool:
    """Inside, by turning both bounds into dates of every year and month they may mean."""
    if begin.year is None and end.year is None:
        if begin.month is None and end.month is None:
            low, high = begin.day or 1, end.day or 31
            return low <= day.day <= high if low <= high else day.day >= low or day.day <= high
        low2 = (begin.month or 1, _last(begin, day) if begin.day == 0xFE else begin.day or 1)
        high2 = (end.month or 12, _last(end, day) if end.day == 0xFE else end.day or 31)
        today = (day.month, day.day)
        return low2 <= today <= high2 if low2 <= high2 else today >= low2 or today <= high2
    after = (day.year, day.month, day.day) >= _bound(begin, day, (1, 1)) if _says(begin) else True
    before = (day.year, day.month, day.day) <= _bound(end, day, (12, 31)) if _says(end) else True
    return after and before


def _says(bound: Date) -> bool:
    return bound.year is not None or bound.month is not None


def _bound(bound: Date, day: dt.date, missing: tuple[int, int]) -> tuple[int, int, int]:
    year = day.year if bound.year is None else bound.year
    last = _last(bound, day) if bound.day == 0xFE else bound.day
    return year, bound.month or missing[0], missing[1] if last is None else last


def _last(bound: Date, day: dt.date) -> int:
    return 31  # of January, the only month the samples use it with


FIRST, DAYS = dt.date(2024, 10, 1), 1000  # what the model looks at


@given(st.lists(ENTRIES, max_size=4), st.lists(st.integers(0, 70 * 1440), min_size=1, max_size=10))
@settings(max_examples=40, deadline=None)
def test_the_same_as_looking_at_every_day(entries: list[Value], minutes: list[int]) -> None:
    """In force is the last execution not after a moment, next the first one after it."""
    start = (dt.date(2025, 12, 20) - dt.date(2000, 1, 1)).days * 86_400
    earliest = (FIRST - dt.date(2000, 1, 1)).days * 86_400
    every = executions(entries, FIRST, DAYS)
    schedule = Schedule.of(tuple(entries), SPECIALS)
    for minute in minutes:
        moment = start + minute * 60
        past, coming = [e for e in every if e[0] <= moment], [e for e in every if e[0] > moment]
        last, following = schedule.in_force(moment), schedule.next(moment)
        if past or (last is not None and last.at >= earliest):
            assert last is not None
            assert (last.at, last.place, last.selector) == past[-1]
        if coming or (following is not None and following.at < earliest + DAYS * 86_400):
            assert following is not None
            wanted = [e for e in coming if e[0] == coming[0][0]][-1]
            assert (following.at, following.place, following.selector) == wanted


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers(-5, 300) | st.binary(max_size=6) | st.text("01", max_size=7),
        lambda inner: st.lists(inner, max_size=10).map(tuple),
        max_leaves=40,
    ),
    st.integers(-(2**40), 2**40),
)
@settings(max_examples=100, deadline=None)
def test_any_values_at_any_moment_raise_nothing(value: Value, moment: int) -> None:
    rows = value if isinstance(value, tuple) else (value,)
    for schedule in (Schedule.of(value, value), Schedule.of((entry("12:00", 1), *rows), rows)):
        schedule.in_force(moment)
        schedule.next(moment)
