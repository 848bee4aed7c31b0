"""What time costs: the standing charge each day, time debts each hour or day.

Source: SMETS 5.7.4.12, 5.7.4.42 (reference: smets-esme 11.5). A charge is due when the device's clock
passes the end of a period: midnight or the moment of the settings, or the full hour. Each period is
charged once. Those that passed without power are charged when it returns, in their order, at the rates
that hold then. A clock that is set forward owes no more periods than began since the last charge, a
clock set back by less than two charges none of them again; set back further, collection goes on from
where the clock stands.

Of an amount that is no whole millipence the rest is dropped, at each period.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from gbcs.errors import BuildError
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


@dataclass(frozen=True, slots=True)
class TimedChargeSettings:
    """Settings where the reference leaves timed charges open. Raises BuildError for no second of a day."""

    standing_charge_at: int = 0
    """Second of the UTC day at which the standing charge is collected, 0 to 86,399: midnight. Gap:
    smets-esme 11.5 and 16.5."""

    def __post_init__(self) -> None:
        """A day has so many seconds."""
        if not 0 <= self.standing_charge_at < DAY:
            raise BuildError(f"not a second of the day: {self.standing_charge_at}", "standing_charge_at")


DEFAULT_TIMED_CHARGES = TimedChargeSettings()


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

    def __init__(self, payment: Payment, settings: TimedChargeSettings = DEFAULT_TIMED_CHARGES) -> None:
        self._payment = payment
        self.settings = settings
        self._amounts = Compiled(amount_of)
        begins = settings.standing_charge_at
        self._begins = tuple(begins if row.kind is Kind.STANDING else 0 for row in ROWS)

    def start(self, work: Work) -> None:
        """The first charges are due at the end of the periods that run."""
        for row, begins in zip(ROWS, self._begins, strict=True):
            _set_mark(work, row, _period(work, row), begins)
        self._set_next(work)

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
            found = _due(work, row, self._begins[place], seconds)
            due += [(moment, place, count) for moment, count in found]
        for _, place, count in sorted(due):
            row = ROWS[place]
            amount = self._amounts.of(work.item(row.rate)) * count
            if amount and (row.kind not in DEBTS or amount > 0):
                self._payment.charge(work, max(INT32[0], min(amount, INT32[1])), row.kind)
        self._set_next(work)

    def deadline(self, work: Work) -> Utc | None:
        """The next end of a period; now, if it is to be looked for."""
        end = _next(work)
        return work.now if end is None else Utc(end)

    def _set_next(self, work: Work) -> None:
        """Keep the next end of a period."""
        seconds = work.time.seconds
        ends = []
        for row, begins in zip(ROWS, self._begins, strict=True):
            period = _period(work, row)
            ends.append(((seconds - begins) // period + 1) * period + begins)
        end = work.shell_time(Utc.from_seconds(min(ends))).us
        work.set_value(NEXT, (work.number(OFFSET), end))


def amount_of(rate: Value) -> int:
    """What a charge of one entry is in whole millipence, rounded down; 0 for none."""
    match rate:
        case ((_, int(scale)), _, ((_, int(charge)), *_)):
            digits = min(scale + MILLIPENCE, MOST_DIGITS)
            amount = charge * int(10**digits) if digits >= 0 else charge // int(10**-digits)
            return max(INT32[0], min(amount, INT32[1]))
    return 0


def _due(work: Work, row: Row, begins: int, seconds: int) -> list[tuple[int, int]]:
    """(End by the clock, count) of the periods to be charged now; they are marked as charged.

    `begins` is the second of the day or hour at which a period begins.
    """
    period = _period(work, row)
    number = (seconds - begins) // period
    mark = _mark(work, row)
    if mark is None or mark.period != period or number < mark.number - 1:
        _set_mark(work, row, period, begins)
        return []
    passed = number - mark.number
    if passed <= 0:
        return []
    _set_mark(work, row, period, begins)
    begun = max(0, work.now.us - mark.at) // (period * 1_000_000) + 1
    count = min(passed, begun)
    first = number - min(count, SEPARATE) + 1
    found = [(n * period + begins, 1) for n in range(first, number + 1)]
    if count > SEPARATE:
        found[0] = (first * period + begins, count - SEPARATE + 1)
    return found


def _period(work: Work, row: Row) -> int:
    seconds = DAY if row.period is None else work.int_item(row.period)
    return seconds if seconds > 0 else DAY


def _mark(work: Work, row: Row) -> Mark | None:
    match work.value(row.mark):
        case (int(period), int(number), int(at)):
            return Mark(period, number, at)
    return None


def _set_mark(work: Work, row: Row, period: int, begins: int) -> None:
    work.set_value(row.mark, (period, (work.time.seconds - begins) // period, work.now.us))


def _next(work: Work) -> int | None:
    """The next end of a period in the shell's time; None where the clock or a period was changed since."""
    match work.value(NEXT):
        case (int(offset), int(due)) if offset == work.number(OFFSET):
            return due
    return None
