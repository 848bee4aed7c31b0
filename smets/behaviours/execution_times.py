"""The execution times of a DLMS single action schedule (class 22): when one comes next.

Dates may have wildcards, also the last days of a month; a wildcard in a time stands for 0, and times
outside of the day never come. Source: reference, dlms-payloads 7 and 7.2.
"""

from __future__ import annotations

import calendar as _months
import datetime as _dt
from typing import Any

from gbcs.tariff.calendar import matches
from gbcs.values import Date

from ..values import Value
from .activity_calendar import DAY_US, ORIGIN, microseconds_of_day

_MOST_MONTHS = 12 * 41  # a 29 February that is a given day of the week comes after 40 years at most
_ANY_YEAR, _ANY = 0xFFFF, 0xFF
_FOREVER = 1 << 80


class ExecutionTimes:
    """A compiled array of {time, date}."""

    __slots__ = ("_entries", "_from", "_until")

    def __init__(self, entries: Value) -> None:
        rows: Any = entries if isinstance(entries, tuple) else ()
        found = [(microseconds_of_day(time), Date(date)) for time, date in rows]
        self._entries = [entry for entry in found if entry[0] < DAY_US]
        self._from, self._until = 0, 0

    def __bool__(self) -> bool:
        return bool(self._entries)

    def after(self, us: int) -> int | None:
        """The first execution time after a moment, microseconds of the device's time; None: none."""
        if not self._from <= us < self._until:
            found = [_next(date, at, us) for at, date in self._entries]
            self._from, self._until = us, min((one for one in found if one is not None), default=_FOREVER)
        return None if self._until == _FOREVER else self._until


def _next(date: Date, at: int, us: int) -> int | None:
    number, within = divmod(us, DAY_US)
    ordinal = ORIGIN + number + (within >= at)
    year, month = date[0] << 8 | date[1], date[2]
    if not 1 <= ordinal <= _dt.date.max.toordinal():
        return None
    day = _dt.date.fromordinal(ordinal)
    if year != _ANY_YEAR and day.year < year <= _dt.MAXYEAR:
        day = _dt.date(year, 1, 1)
    for _ in range(_MOST_MONTHS):
        if year not in (_ANY_YEAR, day.year):
            return None
        last = _months.monthrange(day.year, day.month)[1]
        if month in (_ANY, day.month):
            for one in range(day.day, last + 1):
                found = day.replace(day=one)
                if matches(date, found):
                    return (found.toordinal() - ORIGIN) * DAY_US + at
        if (day.year, day.month) == (_dt.MAXYEAR, 12):
            return None
        day = day.replace(day=last) + _dt.timedelta(days=1)
    return None
