"""Which switch of a tariff is in force at a moment.

A special day comes before the week profile of the season; within a day the last switch not after
the moment counts (reference: smets-esme 9.2). Dates may have wildcards (dlms-payloads 7).

Where the reference is silent:

- A day may begin later than 00:00:00, as in its samples. Until then the last switch of the days
  before stays in force; with `carries_over` false, nothing is.
- Of seasons the one that started last counts, of those with the same start the one listed last;
  of several special days the first listed.
- The months FD and FE, the changes of daylight saving, match no date: the calendars are in UTC.
"""

from __future__ import annotations

import calendar as _months
import datetime as _dt
from typing import TYPE_CHECKING

from ..time import Utc
from ..values import Date, Time

if TYPE_CHECKING:
    from .model import Action, Day, Season, Tariff

CARRIES_OVER = True

_ANY = 0xFF
_LAST, _SECOND_LAST = 0xFE, 0xFD
_LONGEST = 366 * 8 + 2  # days between two 29ths of February, at most
_DAYS_BACK = 7
_END_OF_DAY = (24, 0, 0, 0)

_Clock = tuple[int, int, int, int]


def action_at(tariff: Tariff, utc: Utc, carries_over: bool = CARRIES_OVER) -> Action | None:
    """What is in force at a moment; None where the switching table does not say.

    `carries_over`: before the first switch of a day the last one of the days before counts.
    """
    moment = utc.to_datetime()
    day = moment.date()
    clock = (moment.hour, moment.minute, moment.second, moment.microsecond // 10_000)
    for _ in range(_DAYS_BACK + 1):
        profile = _profile(tariff, day, clock)
        found = None if profile is None else _switched(profile, clock)
        if found is not None or profile is None or not carries_over or day == _dt.date.min:
            return found
        day, clock = day - _dt.timedelta(days=1), _END_OF_DAY
    return None


def matches(date: Date, day: _dt.date) -> bool:
    """Whether a date with wildcards stands for a day."""
    year, month, number, weekday = date[0] << 8 | date[1], date[2], date[3], date[4]
    if year not in (0xFFFF, day.year) or month not in (_ANY, day.month):
        return False
    if weekday not in (_ANY, day.isoweekday()):
        return False
    if number in (_LAST, _SECOND_LAST):
        last = _months.monthrange(day.year, day.month)[1]
        before = 0 if number == _LAST else 1
        if weekday == _ANY:
            return day.day == last - before
        return last - 7 * (before + 1) < day.day <= last - 7 * before
    return number in (_ANY, day.day)


def last_start(date: Date, time: Time, day: _dt.date, clock: _Clock) -> tuple[_dt.date, _Clock] | None:
    """The last moment not after another that a date and time stand for, None if there is none.

    Wildcards in the time stand for 0.
    """
    at = _clock(time)
    first = day if at <= clock else _before(day)
    year, month, number, weekday = date[0] << 8 | date[1], date[2], date[3], date[4]
    if first is None or month in (_LAST, _SECOND_LAST):
        return None
    if year != 0xFFFF and not 1 <= year <= first.year:
        return None
    if year != 0xFFFF and year < first.year:
        first = _dt.date(year, 12, 31)
    if month != _ANY and number != _ANY and number < _SECOND_LAST and weekday == _ANY:
        years = range(first.year, max(first.year - 9, 0), -1) if year == 0xFFFF else (year,)
        for candidate in years:
            found = _date(candidate, month, number)
            if found is not None and found <= first:
                return found, at
        return None
    for _ in range(_LONGEST):
        if year != 0xFFFF and first.year != year:
            return None
        if matches(date, first):
            return first, at
        before = _before(first)
        if before is None:
            return None
        first = before
    return None


def _profile(tariff: Tariff, day: _dt.date, clock: _Clock) -> Day | None:
    """The day profile of a day."""
    identifier: int | None = None
    for special in tariff.special_days or ():
        if matches(special.date, day):
            identifier = special.day
            break
    else:
        season = _season(tariff.seasons or (), day, clock)
        if season is None:
            return None
        week = next((week for week in tariff.weeks or () if week.name == season.week), None)
        if week is None:
            return None
        identifier = week.days[day.weekday()]
    return next((profile for profile in tariff.days or () if profile.id == identifier), None)


def _season(seasons: tuple[Season, ...], day: _dt.date, clock: _Clock) -> Season | None:
    """The season that started last."""
    best: tuple[tuple[_dt.date, _Clock], Season] | None = None
    for season in seasons:
        start = last_start(season.start, season.time, day, clock)
        if start is not None and (best is None or start >= best[0]):
            best = start, season
    return None if best is None else best[1]


def _switched(profile: Day, clock: _Clock) -> Action | None:
    best: tuple[_Clock, Action] | None = None
    for switch in profile.switches:
        at = _clock(switch.time)
        if at <= clock and (best is None or at >= best[0]):
            best = at, switch.action
    return None if best is None else best[1]


def _clock(time: Time) -> _Clock:
    hour, minute, second, hundredths = (0 if part == _ANY else part for part in time)
    return hour, minute, second, hundredths


def _date(year: int, month: int, day: int) -> _dt.date | None:
    try:
        return _dt.date(year, month, day)
    except ValueError:
        return None


def _before(day: _dt.date) -> _dt.date | None:
    return None if day == _dt.date.min else day - _dt.timedelta(days=1)
