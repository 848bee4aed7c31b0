"""Cumulative and Historical Value Store: consumption and cost of days, weeks and months.

Only the registers at the start of the open periods are kept, so that a half hour costs nothing: what a
period used is the difference. Periods are those of the device's clock, UTC; what was counted belongs to
the period that is open then, so that the sum of all is what was counted, however the clock is set.
Periods without a moment of power are there with zeros. Where the clock is set back, the open periods go
on. Source: SMETS 5.7.5.11, .12 (reference: smets-esme 7).

Gaps: depths and the elements of a twin element meter are settings; cost is that of consumption, without
standing charge and debts.
"""

from __future__ import annotations

import datetime as _dt
from dataclasses import dataclass
from enum import IntEnum
from typing import NamedTuple

from gbcs.errors import BuildError
from gbcs.time import Utc

from ..events import Event, Metrology
from ..profile import Behaviour
from ..work import Work
from .activity_calendar import DAY_US, ORIGIN
from .tariff import cost_so_far

DAY = "history/day"
MARKS = "history/marks"
RINGS = ("history/days", "history/weeks", "history/months")
MAX_U32 = 0xFFFF_FFFF
_LAST_DAY = _dt.date.max.toordinal() - ORIGIN
_FIRST_DAY = 1 - ORIGIN


class Period(IntEnum):
    """The periods that are kept."""

    DAY = 0
    WEEK = 1
    MONTH = 2


@dataclass(frozen=True, slots=True)
class HistorySettings:
    """Settings of the store. Raises BuildError."""

    days: int = 8
    """Days before the current one. Gap: smets-esme 16.12, depths are from a display's guide."""
    weeks: int = 5
    """Weeks before the current one. Gap: as above."""
    months: int = 13
    """Months before the current one. Gap: as above."""
    first_weekday: int = 1
    """On which day a week begins, 1 Monday to 7 Sunday. Gap: not said."""
    both_elements: bool = True
    """Whether consumption is that of both elements of a twin element meter, as the cost is, or of the
    primary one. Gap: not said; as `MeteringSettings.daily_of_both`."""

    def __post_init__(self) -> None:
        """Ranges."""
        if not all(1 <= depth <= 1000 for depth in self.depths) or not 1 <= self.first_weekday <= 7:
            raise BuildError("1 to 1000 periods, weekdays 1 to 7", "history")

    @property
    def depths(self) -> tuple[int, int, int]:
        """Of days, weeks and months."""
        return self.days, self.weeks, self.months


class Used(NamedTuple):
    """What a period used: Wh, and millipence."""

    wh: int
    cost: int


Mark = tuple[int, int]
"""Import registers and cost at the start of a period."""


class Book(NamedTuple):
    """The whole store: the open day, marks of the open periods, rings with the newest first."""

    day: int
    marks: tuple[Mark, Mark, Mark]
    rings: tuple[tuple[Used, ...], ...]


class History(Behaviour):
    """Closes periods when the device's clock has passed their end, before anything else is counted."""

    name = "history"
    ignores = (Metrology,)

    def __init__(self, settings: HistorySettings = HistorySettings()) -> None:
        self.settings = settings

    def start(self, work: Work) -> None:
        """The first periods are open from now on."""
        mark = self._mark(work)
        _write(work, Book(_day(work), (mark, mark, mark), ((), (), ())), None)

    def handle(self, work: Work, event: Event) -> None:
        """Look whether the day is another one, whatever happens."""
        if work.value(DAY) != _day(work):
            before = self._read(work)
            _write(work, self._turned(work, before), before)

    def deadline(self, work: Work) -> Utc:
        """The end of the day; now, if the clock shows another one than the book."""
        offset = work.number("clock/offset")
        day = (work.now.us + offset) // DAY_US
        return Utc((day + 1) * DAY_US - offset) if work.value(DAY) == day else work.now

    def used(self, work: Work, period: Period) -> tuple[Used, ...]:
        """What the current period has used so far, and those before it, the newest first."""
        book = self._turned(work, self._read(work))
        return (_difference(self._mark(work), book.marks[period]), *book.rings[period])

    def _turned(self, work: Work, book: Book) -> Book:
        """The store as it is with the periods closed that have ended."""
        day = _day(work)
        if day <= book.day:
            return book._replace(day=day)
        mark, marks, rings = self._mark(work), list(book.marks), list(book.rings)
        for period in Period:
            passed = self._number(period, day) - self._number(period, book.day)
            if passed:
                depth = self.settings.depths[period]
                closed = _difference(mark, marks[period])
                empty = (Used(0, 0),) * min(passed - 1, depth)
                rings[period] = (*empty, closed, *rings[period])[:depth]
                marks[period] = mark
        return Book(day, (marks[0], marks[1], marks[2]), tuple(rings))

    def _number(self, period: Period, day: int) -> int:
        """A number of the period that a day is in; the next one has the next number."""
        if period is Period.DAY:
            return day
        if period is Period.WEEK:
            return (day + 6 - self.settings.first_weekday) // 7  # 2000-01-01 was a Saturday
        date = _dt.date.fromordinal(ORIGIN + min(max(day, _FIRST_DAY), _LAST_DAY))
        return 12 * date.year + date.month

    def _mark(self, work: Work) -> Mark:
        registers = work.int_item("ActiveImportRegister")
        if self.settings.both_elements and "SecondaryActiveImportRegister" in work.defaults:
            registers += work.int_item("SecondaryActiveImportRegister")
        return registers & MAX_U32, cost_so_far(work)

    def _read(self, work: Work) -> Book:
        marks = work.value(MARKS)
        if not isinstance(marks, tuple):
            mark = self._mark(work)
            return Book(_day(work), (mark, mark, mark), ((), (), ()))
        rings = tuple(tuple(Used(*used) for used in work.value(key, ())) for key in RINGS)  # type: ignore[union-attr,misc]
        return Book(work.number(DAY), marks, rings)  # type: ignore[arg-type]


def _day(work: Work) -> int:
    """The number of the day, counted from 2000-01-01."""
    return (work.now.us + work.number("clock/offset")) // DAY_US


def _difference(now: Mark, then: Mark) -> Used:
    return Used((now[0] - then[0]) & MAX_U32, now[1] - then[1])


def _write(work: Work, book: Book, before: Book | None) -> None:
    work.set_value(DAY, book.day)
    if before is None or book.marks != before.marks:
        work.set_value(MARKS, book.marks)
    for key, ring, old in zip(
        RINGS, book.rings, (None,) * 3 if before is None else before.rings, strict=True
    ):
        if ring != old:
            work.set_value(key, tuple(map(tuple, ring)))
