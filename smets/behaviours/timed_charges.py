"""What time costs: the standing charge each day, time debts each hour or day.

Source: SMETS 5.7.4.12, 5.7.4.42 (reference: smets-esme 11.5). A charge is due when the device's clock
passes the end of a period: midnight, or the full hour. Each period is charged once. Those that passed
without power are charged when it returns, in their order, at the rates that hold then. A clock that is
set forward owes no more periods than began since the last charge, a clock set back by less than two
charges none of them again; set back further, collection goes on from where the clock stands.

Of an amount that is no whole millipence the rest is dropped, at each period.
"""

from __future__ import annotations

from typing import NamedTuple

from gbcs.time import Utc

from ..events import Event, Metrology
from ..profile import Behaviour
from ..values import Value
from ..work import Work
from .charging import DEBTS, INT32, Kind
from .compiled import Compiled
from .payment import Payment

DAY = 86_400
MILLIPENCE = 5  # digits after the currency unit's point
MOST_DIGITS = 12  # of a factor; more is beyond 32 bits
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

    def __init__(self, payment: Payment) -> None:
        self._payment = payment
        self._amounts = Compiled(amount_of)

    def start(self, work: Work) -> None:
        """The first charges are due at the end of the periods that run."""
        for row in ROWS:
            _set_mark(work, row, _period(work, row))

    def handle(self, work: Work, event: Event) -> None:
        """Charge what has become due."""
        if isinstance(event, Metrology):
            return
        seconds = _clock(work) // 1_000_000
        due: list[tuple[int, int, int]] = []  # when by the clock, place of the row, how many periods
        for place, row in enumerate(ROWS):
            due += [(moment, place, count) for moment, count in _due(work, row, seconds)]
        for _, place, count in sorted(due):
            row = ROWS[place]
            amount = self._amounts.of(work.item(row.rate)) * count
            if amount and (row.kind not in DEBTS or amount > 0):
                self._payment.charge(work, max(INT32[0], min(amount, INT32[1])), row.kind)

    def deadline(self, work: Work) -> Utc | None:
        """The end of the shortest period that charges something, of a day at least."""
        clock = _clock(work)
        period = DAY
        for row in ROWS:
            if row.period is not None and work.item(DEBTS[row.kind].register):
                period = min(period, _period(work, row))
        length = period * 1_000_000
        return Utc(work.now.us + length - clock % length)


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


def _clock(work: Work) -> int:
    return work.time.us


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
