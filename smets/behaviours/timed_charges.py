"""What time costs: the standing charge each day, time debts each hour or day.

Source: SMETS 5.7.4.12, 5.7.4.42 (reference: smets-esme 11.5). A charge is due when the device's clock
passes the end of a period: midnight, or the full hour. Each period is charged once. Those that passed
without power are charged when it returns, in their order, at the rates that hold then. A clock that is
set forward owes no more periods than began since the last charge, a clock set back by less than two
charges none of them again; set back further, collection goes on from where the clock stands.

Of an amount that is no whole millipence the rest is dropped, at each period.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

from gbcs.time import Utc

from ..events import Event, Metrology
from ..profile import Behaviour
from ..values import Value
from ..work import Work
from .charging import DEBTS, INT32, Kind
from .clock import OFFSET
from .compiled import Compiled
from .payment import Payment

DAY = 86_400
MILLIPENCE = 5  # digits after the currency unit's point
MOST_DIGITS = 12  # of a factor; more is beyond 32 bits
NEXT = "timed/next"  # the clock's offset, and when the next period ends by the shell's time
SEPARATE = 1_000  # ours: of more periods at once, the earlier ones are charged as one


class Row(NamedTuple):
    """One collection: what for, the data item of its rate, that of its period, where its mark is kept."""

    kind: Kind
    rate: str
    period: str | None  # None: a day
    mark: str


# in the order in which they are charged at one moment
ROWS: tuple[Row, ...] = (
    Row(Kind.STANDING, "StandingCharge", None, "timed/standing"),
    Row(Kind.DEBT_1, "DebtRecoveryRates1", "DebtRecoveryRates1.Period", "timed/debt-1"),
    Row(Kind.DEBT_2, "DebtRecoveryRates2", "DebtRecoveryRates2.Period", "timed/debt-2"),
)


class Mark(NamedTuple):
    """What was charged last: length of the period, its number by the clock, when (shell's microseconds)."""

    period: int
    number: int
    at: int


class TimedCharges(Behaviour):
    """Charges what is due through the payment behaviour."""

    name = "timed charges"
    ignores = (Metrology,)

    def __init__(self, payment: Payment) -> None:
        self._payment = payment
        self._amounts = Compiled(amount_of)

    def start(self, work: Work) -> None:
        """The first charges are due at the end of the periods that run."""
        for row in ROWS:
            _set_mark(work, row, _period(work, row))
        _set_next(work)

    def writes(self) -> Mapping[str, Callable[[Work, Value], None]]:
        """With another period the next end is looked for anew."""
        items = [row.period for row in ROWS if row.period is not None]
        return dict.fromkeys(items, lambda work, value: work.put(NEXT, None))

    def handle(self, work: Work, event: Event) -> None:
        """Charge what has become due."""
        if isinstance(event, Metrology):
            return
        end = _next(work)
        if end is not None and work.now.us < end:
            return
        seconds = work.time.seconds
        due: list[tuple[int, int, int]] = []  # when by the clock, place of the row, how many periods
        for place, row in enumerate(ROWS):
            due += [(moment, place, count) for moment, count in _due(work, row, seconds)]
        for _, place, count in sorted(due):
            row = ROWS[place]
            amount = self._amounts.of(work.item(row.rate)) * count
            if amount and (row.kind not in DEBTS or amount > 0):
                self._payment.charge(work, max(INT32[0], min(amount, INT32[1])), row.kind)
        _set_next(work)

    def deadline(self, work: Work) -> Utc | None:
        """The next end of a period; now, if it is to be looked for."""
        end = _next(work)
        return work.now if end is None else Utc(end)


def amount_of(rate: Value) -> int:
    """What a charge of one entry is in whole millipence, rounded down; 0 for none."""
    match rate:
        case ((_, int(scale)), _, ((_, int(charge)), *_)):
            digits = min(scale + MILLIPENCE, MOST_DIGITS)
            amount = charge * int(10**digits) if digits >= 0 else charge // int(10**-digits)
            return max(INT32[0], min(amount, INT32[1]))
    return 0


def _due(work: Work, row: Row, seconds: int) -> list[tuple[int, int]]:
    """(End by the clock, count) of the periods to be charged now; they are marked as charged."""
    period = _period(work, row)
    number = seconds // period
    mark = _mark(work, row)
    if mark is None or mark.period != period or number < mark.number - 1:
        _set_mark(work, row, period)
        return []
    passed = number - mark.number
    if passed <= 0:
        return []
    _set_mark(work, row, period)
    begun = max(0, work.now.us - mark.at) // (period * 1_000_000) + 1
    count = min(passed, begun)
    first = number - min(count, SEPARATE) + 1
    found = [(n * period, 1) for n in range(first, number + 1)]
    if count > SEPARATE:
        found[0] = (first * period, count - SEPARATE + 1)
    return found


def _period(work: Work, row: Row) -> int:
    seconds = DAY if row.period is None else work.int_item(row.period)
    return seconds if seconds > 0 else DAY


def _mark(work: Work, row: Row) -> Mark | None:
    match work.value(row.mark):
        case (int(period), int(number), int(at)):
            return Mark(period, number, at)
    return None


def _set_mark(work: Work, row: Row, period: int) -> None:
    work.set_value(row.mark, (period, work.time.seconds // period, work.now.us))


def _next(work: Work) -> int | None:
    """The next end of a period in the shell's time; None where the clock or a period was changed since."""
    match work.value(NEXT):
        case (int(offset), int(due)) if offset == work.number(OFFSET):
            return due
    return None


def _set_next(work: Work) -> None:
    work.set_value(NEXT, (work.number(OFFSET), _end(work)))


def _end(work: Work) -> int:
    seconds = work.time.seconds
    end = min((seconds // period + 1) * period for period in (_period(work, row) for row in ROWS))
    return work.shell_time(Utc.from_seconds(end)).us
