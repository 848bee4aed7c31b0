"""Schedules: which entry of a calendar was executed last, and which comes next.

A schedule is an array of DLMS schedule entries (class 10) with the special days (class 11) they
name (reference: dlms-payloads 7.2). An entry is executed at its switch time, UTC, on each day that
its dates, its weekdays and its special day flags allow. What is in force at a moment follows from
the last execution, so that time that was jumped over or passed without power leaves nothing behind.

Gaps, as in `ScheduleSettings`; besides: an entry without hour or minute, and a date with a daylight
saving month, is never met; a begin or end date with fewer fields repeats (no year: each year, over
New Year if it ends before it begins; no month either: each month); an execution further away than
`SEARCH_DAYS` is not found.
"""

from __future__ import annotations

import datetime as _dt
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

from ..values import Value
from ..work import Work

SEARCH_DAYS = 366 * 8  # ours: long enough for a 29 February
DAY = 86_400
ANY, ANY_YEAR = 0xFF, 0xFFFF
LAST_DAY, DAY_BEFORE_LAST = 0xFE, 0xFD
_EPOCH = _dt.date(2000, 1, 1).toordinal()
_FIRST, _LAST = _dt.date.min.toordinal() - _EPOCH, _dt.date.max.toordinal() - _EPOCH


@dataclass(frozen=True, slots=True)
class ScheduleSettings:
    """Readings of what the reference leaves open on schedules."""

    special_days_replace_weekdays: bool = True
    """On a special day only entries with its flag are executed; otherwise weekdays count as well.
    Gap: dlms-payloads 7.2 names the flags only."""

    flags_by_place: bool = True
    """The first flag stands for the first special day of the table; otherwise flag n stands for
    day id n. Gap: dlms-payloads 7.2; samples number days by their places."""


DEFAULT_SCHEDULE_SETTINGS = ScheduleSettings()


class Switch(NamedTuple):
    """One execution: seconds since 2000 UTC, selector and table of its script, place of its entry."""

    at: int
    selector: int
    script: bytes
    place: int


class Date(NamedTuple):
    """A date of five octets; None where it does not say."""

    year: int | None
    month: int | None
    day: int | None
    weekday: int | None  # 0 is Monday

    @classmethod
    def of(cls, octets: Value) -> Date | None:
        """From its octets; None for what is no date of ours."""
        if not isinstance(octets, bytes) or len(octets) != 5:
            return None
        year, month, day, weekday = int.from_bytes(octets[:2], "big"), *octets[2:]
        if not (month == ANY or 1 <= month <= 12) or not (weekday == ANY or 1 <= weekday <= 7):
            return None
        if not (day in (ANY, LAST_DAY, DAY_BEFORE_LAST) or 1 <= day <= 31):
            return None
        return cls(
            None if year == ANY_YEAR else year,
            None if month == ANY else month,
            None if day == ANY else day,
            None if weekday == ANY else weekday - 1,
        )

    def matches(self, date: _dt.date) -> bool:
        """Whether a day is one this date means."""
        if self.year not in (None, date.year) or self.month not in (None, date.month):
            return False
        if self.weekday not in (None, date.weekday()):
            return False
        if self.day in (None, date.day):
            return True
        if self.day not in (LAST_DAY, DAY_BEFORE_LAST):
            return False
        left = _days_in_month(date.year, date.month) - date.day
        places = left if self.weekday is None else left // 7  # of such weekdays, where one is said
        return places == (0 if self.day == LAST_DAY else 1)


class _Entry(NamedTuple):
    """An entry that can be executed; its days are days since 2000."""

    place: int
    second: int
    weekdays: tuple[bool, ...]
    flags: tuple[bool, ...]  # one a special day
    begin: Date
    end: Date
    first: int
    last: int
    selector: int
    script: bytes


class Schedule:
    """What a calendar's entries do; made once for a value of them, it never changes."""

    __slots__ = ("_entries", "_found", "_settings", "_special")

    def __init__(
        self, entries: tuple[_Entry, ...], special: tuple[Date | None, ...], settings: ScheduleSettings
    ) -> None:
        self._entries = entries
        self._special = special
        self._settings = settings
        # what was found for the time between two executions, to be found again; no state
        self._found: tuple[int, int | None, Switch | None, Switch | None] | None = None

    @classmethod
    def of(
        cls, entries: Value, special_days: Value = (), settings: ScheduleSettings = DEFAULT_SCHEDULE_SETTINGS
    ) -> Schedule:
        """From the values of a calendar's two data items. Entries that are none are left out."""
        days = [d for d in special_days if _is_special_day(d)] if isinstance(special_days, tuple) else []
        ids = [day[2] for day in days if isinstance(day, tuple)]
        rows = entries if isinstance(entries, tuple) else ()
        found = (_entry(place, row, ids, settings) for place, row in enumerate(rows))
        special = tuple(Date.of(day[1]) for day in days if isinstance(day, tuple))
        return cls(tuple(e for e in found if e is not None), special, settings)

    def only(self, wanted: Callable[[int], bool]) -> Schedule:
        """The schedule of the entries with a wanted script selector."""
        chosen = tuple(entry for entry in self._entries if wanted(entry.selector))
        return Schedule(chosen, self._special, self._settings)

    def in_force(self, seconds: int) -> Switch | None:
        """The last execution at or before a moment (of one moment, that of the last entry)."""
        return self._around(seconds)[0]

    def next(self, seconds: int) -> Switch | None:
        """The first moment after this one at which something is executed, and what holds from then on."""
        return self._around(seconds)[1]

    def _around(self, seconds: int) -> tuple[Switch | None, Switch | None]:
        held = self._found
        if held is not None and held[0] <= seconds and (held[1] is None or seconds < held[1]):
            return held[2], held[3]
        last = next_ = None
        for entry in self._entries:
            before = self._before(entry, seconds, last)
            if before is not None and (last is None or before >= last.at):
                last = Switch(before, entry.selector, entry.script, entry.place)
            after = self._after(entry, seconds, next_)
            if after is not None and (next_ is None or after <= next_.at):
                next_ = Switch(after, entry.selector, entry.script, entry.place)
        self._found = (seconds if last is None else last.at, next_.at if next_ else None, last, next_)
        return last, next_

    def _before(self, entry: _Entry, seconds: int, best: Switch | None) -> int | None:
        day = min((seconds - entry.second) // DAY, entry.last)
        stop = max(entry.first, day - SEARCH_DAYS, _FIRST)
        if best is not None:
            stop = max(stop, (best.at - entry.second) // DAY)
        while day >= stop:
            if self._is_executed(entry, day):
                return day * DAY + entry.second
            day -= 1
        return None

    def _after(self, entry: _Entry, seconds: int, best: Switch | None) -> int | None:
        day = max((seconds - entry.second) // DAY + 1, entry.first)
        stop = min(entry.last, day + SEARCH_DAYS, _LAST)
        if best is not None:
            stop = min(stop, (best.at - entry.second) // DAY)
        while day <= stop:
            if self._is_executed(entry, day):
                return day * DAY + entry.second
            day += 1
        return None

    def _is_executed(self, entry: _Entry, day: int) -> bool:
        weekday = entry.weekdays[(day + 5) % 7]  # 2000 began with a Saturday
        if not weekday and not any(entry.flags):
            return False
        date = _date(day)
        if not _inside(entry.begin, entry.end, date):
            return False
        special = False
        for place, one in enumerate(self._special):
            if one is not None and one.matches(date):
                if entry.flags[place]:
                    return True
                special = True
        return weekday and not (special and self._settings.special_days_replace_weekdays)


class Compiled:
    """The schedule of a calendar item, compiled once for as long as its values stay the same."""

    __slots__ = ("_calendar", "_made", "_settings", "_special_days")

    def __init__(self, item: str, settings: ScheduleSettings = DEFAULT_SCHEDULE_SETTINGS) -> None:
        self._calendar, self._special_days = item, f"{item}.SpecialDays"
        self._settings = settings
        self._made: tuple[Value, Value, Schedule] | None = None

    def of(self, work: Work) -> Schedule:
        """The schedule as it is held now."""
        entries, days = work.item(self._calendar), work.item(self._special_days)
        made = self._made
        if made is None or made[0] is not entries or made[1] is not days:
            made = self._made = (entries, days, Schedule.of(entries, days, self._settings))
        return made[2]


def _is_special_day(value: Value) -> bool:
    return isinstance(value, tuple) and len(value) == 3 and isinstance(value[2], int)


def _entry(place: int, row: Value, ids: list[Value], settings: ScheduleSettings) -> _Entry | None:
    if not isinstance(row, tuple) or len(row) != 10:
        return None
    _, enabled, script, selector, time, _, weekdays, flags, begin_octets, end_octets = row
    if not (isinstance(weekdays, str) and len(weekdays) == 7 and isinstance(flags, str)):
        return None
    second = second_of_day(time)
    begin, end = Date.of(begin_octets), Date.of(end_octets)
    if not enabled or second is None or begin is None or end is None:
        return None
    if not isinstance(selector, int) or not isinstance(script, bytes):
        return None
    places = (
        range(len(ids)) if settings.flags_by_place else [i - 1 if isinstance(i, int) else -1 for i in ids]
    )
    wanted = tuple(0 <= n < len(flags) and flags[n] == "1" for n in places)
    return _Entry(
        place,
        second,
        tuple(bit == "1" for bit in weekdays),
        wanted,
        begin,
        end,
        _FIRST if begin.year is None else _day(begin.year, begin.month or 1, 1),
        _LAST if end.year is None else _day(end.year, end.month or 12, 31),
        selector,
        script,
    )


def second_of_day(time: Value) -> int | None:
    """The second of the day of a time of four octets; None where hour or minute are not said."""
    if not isinstance(time, bytes) or len(time) != 4:
        return None
    hour, minute, second, _ = time
    if hour > 23 or minute > 59:
        return None
    return hour * 3600 + minute * 60 + (0 if second == ANY else min(second, 59))


def _inside(begin: Date, end: Date, date: _dt.date) -> bool:
    """Whether a day lies between two dates, both included; months and days repeat where no year is said."""
    today = (date.month, date.day)
    if begin.year is None and end.year is None:
        if begin.month is None and end.month is None:
            low, high = _on(begin, date, 1), _on(end, date, 31)
            return low <= date.day <= high if low <= high else not high < date.day < low
        first = (begin.month or 1, _on(begin, date, 1))
        final = (end.month or 12, _on(end, date, 31))
        return first <= today <= final if first <= final else today >= first or today <= final
    if begin.year is not None or begin.month is not None:
        year = date.year if begin.year is None else begin.year
        if (date.year, *today) < (year, begin.month or 1, _on(begin, date, 1)):
            return False
    if end.year is not None or end.month is not None:
        year = date.year if end.year is None else end.year
        if (date.year, *today) > (year, end.month or 12, _on(end, date, 31)):
            return False
    return True


def _on(bound: Date, date: _dt.date, missing: int) -> int:
    if bound.day in (LAST_DAY, DAY_BEFORE_LAST):
        month = bound.month or date.month
        return _days_in_month(bound.year or date.year, month) - (LAST_DAY - bound.day)
    return missing if bound.day is None else bound.day


@lru_cache(maxsize=4096)
def _date(day: int) -> _dt.date:
    return _dt.date.fromordinal(min(max(day, _FIRST), _LAST) + _EPOCH)


def _day(year: int, month: int, day: int) -> int:
    """Days since 2000 of a day, that of a month that is too short being its last."""
    if year < 1:
        return _FIRST
    if year > 9999:
        return _LAST
    return _dt.date(year, month, min(day, _days_in_month(year, month))).toordinal() - _EPOCH


def _days_in_month(year: int, month: int) -> int:
    if year < 1 or year > 9999:
        return 31
    following = _dt.date(year, month, 28) + _dt.timedelta(days=4) if (year, month) < (9999, 12) else None
    return 31 if following is None else (following - _dt.timedelta(days=following.day)).day
