"""The activity calendar of a tariff: which script is in force at a moment, and until when.

Compiled from the values of the DLMS objects (seasons, weeks, days, special days). The rules and the
choices where the reference is silent are those of `gbcs.tariff.calendar`: a special day comes before
the week profile of the season, the last switch not after the moment counts, of seasons the one that
started last. Switches outside of the day count for nothing. Source: reference, smets-esme 9.2,
dlms-payloads 7 and 7.2.
"""

from __future__ import annotations

import datetime as _dt
from bisect import bisect_right
from typing import Any, NamedTuple

from gbcs.tariff.calendar import CARRIES_OVER, last_start, matches
from gbcs.values import Date, Time

from ..values import Value

DAY_US = 86_400_000_000
ORIGIN = _dt.date(2000, 1, 1).toordinal()
_LAST_DAY = _dt.date.max.toordinal()
_ANY = 0xFF
_DAYS_BACK = 7
_KEPT_DAYS = 16
_END_OF_DAY = (24, 0, 0, 0)
MOST_DAYS_AHEAD = 366

Profile = tuple[tuple[int, int], ...]
"""Switches of a day, in order: microsecond of the day, selector."""


class Span(NamedTuple):
    """What is in force from one moment to another, in microseconds of the device's time.

    `selector` is that of the tariff script table, None where the calendar does not say; at `until`
    something else may be in force.
    """

    selector: int | None
    start: int
    until: int


class ActivityCalendar:
    """A compiled switching table.

    `carries_over`: before the first switch of a day the last one of the days before counts.
    """

    __slots__ = ("_carries_over", "_days", "_last", "_seasons", "_spans", "_special", "_weeks")

    def __init__(
        self, seasons: Value, weeks: Value, days: Value, special: Value, carries_over: bool = CARRIES_OVER
    ) -> None:
        self._seasons: list[tuple[Date, Time, bytes]] = [
            (Date(start[:5]), Time(start[5:9]), week) for _, start, week in _rows(seasons)
        ]
        self._weeks: dict[bytes, tuple[int, ...]] = {}
        for name, *numbers in _rows(weeks):
            self._weeks.setdefault(name, tuple(numbers))
        self._days: dict[int, Profile] = {}
        for number, switches in _rows(days):
            self._days.setdefault(number, _profile(switches))
        self._special: list[tuple[Date, int]] = [(Date(date), day) for _, date, day in _rows(special)]
        self._carries_over = carries_over
        self._spans: dict[int, tuple[list[int], list[int | None]]] = {}
        self._last = Span(None, 0, 0)

    def at(self, us: int) -> Span:
        """What is in force at a moment; the span ends at midnight at the latest."""
        last = self._last
        if last.start <= us < last.until:
            return last
        day, within = divmod(us, DAY_US)
        starts, selectors = self._day(day)
        place = bisect_right(starts, within)
        until = starts[place] if place < len(starts) else DAY_US
        midnight = us - within
        span = Span(selectors[place - 1], midnight + starts[place - 1], midnight + until)
        self._last = span
        return span

    def next_change(self, us: int) -> int | None:
        """When something else is in force than at a moment; None: not within a year."""
        span = self.at(us)
        selector, limit = span.selector, us + MOST_DAYS_AHEAD * DAY_US
        while span.until < limit:
            span = self.at(span.until)
            if span.selector != selector:
                return span.start
        return None

    def _day(self, day: int) -> tuple[list[int], list[int | None]]:
        """The starts of what is in force on a day, in microseconds of the day, and what that is."""
        found = self._spans.get(day)
        if found is None:
            if len(self._spans) >= _KEPT_DAYS:
                self._spans.clear()
            found = self._spans[day] = self._make_day(day)
        return found

    def _make_day(self, day: int) -> tuple[list[int], list[int | None]]:
        starts: list[int] = []
        selectors: list[int | None] = []
        if not 1 <= ORIGIN + day <= _LAST_DAY:
            return [0], [None]
        date = _dt.date.fromordinal(ORIGIN + day)
        parts = sorted({0, *(microseconds_of_day(time) for _, time, _ in self._seasons)})
        ends = [*parts[1:], DAY_US]
        for begin, end in zip(parts, ends, strict=True):
            if begin >= DAY_US:
                break
            profile = self._profile_of(date, _clock(begin))
            for start, selector in self._part(day, profile, begin, min(end, DAY_US)):
                if not selectors or selectors[-1] != selector:
                    starts.append(start)
                    selectors.append(selector)
        return starts, selectors

    def _part(self, day: int, profile: Profile | None, begin: int, end: int) -> list[tuple[int, int | None]]:
        """What is in force in a part of a day that has one profile."""
        current: int | None = None
        found: list[tuple[int, int | None]] = []
        switched = False
        for at, selector in profile or ():
            if at <= begin:
                current, switched = selector, True
            elif at < end:
                found.append((at, selector))
        if not switched and profile is not None and self._carries_over:
            current = self._carried(day)
        return [(begin, current), *found]

    def _carried(self, day: int) -> int | None:
        """What the days before end with."""
        for before in range(1, _DAYS_BACK + 1):
            if ORIGIN + day - before < 1:
                return None
            profile = self._profile_of(_dt.date.fromordinal(ORIGIN + day - before), _END_OF_DAY)
            if profile is None:
                return None
            if profile:
                return profile[-1][1]
        return None

    def _profile_of(self, date: _dt.date, clock: tuple[int, int, int, int]) -> Profile | None:
        for special, number in self._special:
            if matches(special, date):
                return self._days.get(number)
        best: tuple[Any, bytes] | None = None
        for start, time, week in self._seasons:
            started = last_start(start, time, date, clock)
            if started is not None and (best is None or started >= best[0]):
                best = started, week
        days = None if best is None else self._weeks.get(best[1])
        return None if days is None else self._days.get(days[date.weekday()])


def _rows(value: Value) -> Any:
    return value if isinstance(value, tuple) else ()


def _profile(switches: Any) -> Profile:
    """Switches inside the day in the order of time, of equal times in that of the table."""
    found = [(microseconds_of_day(time), selector) for time, _, selector in switches]
    return tuple(sorted((one for one in found if one[0] < DAY_US), key=lambda one: one[0]))


def microseconds_of_day(time: bytes) -> int:
    """Of a time of day; wildcards stand for 0."""
    hour, minute, second, hundredths = (0 if part == _ANY else part for part in time)
    return ((hour * 60 + minute) * 60 + second) * 1_000_000 + hundredths * 10_000


def _clock(us: int) -> tuple[int, int, int, int]:
    seconds, rest = divmod(us, 1_000_000)
    return seconds // 3600, seconds // 60 % 60, seconds % 60, rest // 10_000
