"""Voltage quality of each phase: averages with their log and counters, sags, swells, extremes.

Averages: at the end of each measurement period the mean goes to the profile log; above the over
or below the under threshold it counts, and the crossings are events. Conditions (the table
`CONDITIONS`): an RMS voltage beyond a threshold for longer than its period begins one, not being
beyond it for longer than the period ends it. Source: SMETS 5.7.4.4 to .6, .34 to .41, 5.7.5.7 to
.9, 5.19, ECS29a-f (reference: smets-esme 14).

A mean is that of the time in which the voltage was measured, in whole volts, half up; it is the
recorded mean that is compared. What was measured of a period when the phase or the power is
lost is forgotten, like conditions that were about to begin or end; those that have begun go on.
Durations are time that passed, ends of periods are times of the clock. Where the clock is set,
an end that was jumped over has no entry, and stamps may repeat.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple, TypeAlias

from gbcs.errors import BuildError
from gbcs.time import Utc

from ..eventlog import occur
from ..events import Event, Metrology, PowerLost, TimerDue
from ..profile import Behaviour
from ..sensing import PhaseSupply
from ..store import StoreError
from ..values import Value
from ..work import ITEM, Items, Work
from .clock import OFFSET
from .outage import is_lost

MEASURED = "voltage/measured"
BEYOND = "voltage/averages-beyond"
GOING_ON = "voltage/going-on"
TURNING = "voltage/turning"
MAX_U32 = 0xFFFF_FFFF
SECOND = 1_000_000


class Limit(NamedTuple):
    """A limit of the voltage: threshold, what goes with it, which side is beyond, codes.

    `other` is the item of the period of a condition, of the counter of an average. The codes are
    those of a single phase meter; those of phases 1 to 3 follow on.
    """

    threshold: str
    other: str
    above: bool
    begins: int
    ends: int


def _condition_of(name: str, above: bool, begins: int, ends: int) -> Limit:
    return Limit(f"{name}Threshold", f"{name}MeasurementPeriod", above, begins, ends)


CONDITIONS: tuple[Limit, ...] = (
    _condition_of("RMSExtremeOverVoltage", True, 0x8020, 0x808D),
    _condition_of("RMSVoltageSwell", True, 0x8024, 0x8091),
    _condition_of("RMSExtremeUnderVoltage", False, 0x8028, 0x8095),
    _condition_of("RMSVoltageSag", False, 0x802C, 0x8099),
)
AVERAGES: tuple[Limit, ...] = (
    Limit("AverageRMSOverVoltageThreshold", "AverageRMSOverVoltageCounter", True, 0x8002, 0x8085),
    Limit("AverageRMSUnderVoltageThreshold", "AverageRMSUnderVoltageCounter", False, 0x8006, 0x8089),
)
THRESHOLDS = Items(*(condition.threshold for condition in CONDITIONS))


@dataclass(frozen=True, slots=True)
class VoltageSettings:
    """Where the reference is unsure about voltages (smets-esme 14). Raises BuildError."""

    period_offset: int = 0
    """Seconds after a multiple of the measurement period since 2000 at which periods end. Gap: when
    they begin is not said; without an offset those of half an hour are the half hours of the
    clock."""

    lost_phase_is_zero: bool = False
    """Whether a lost phase is measured as 0 V, so that averages, sags and extremes count
    it, or is not measured at all. Gap: not said."""

    def __post_init__(self) -> None:
        """Anything but seconds from 0 on is none."""
        if self.period_offset < 0:
            raise BuildError("not below 0", "period_offset")


DEFAULT_SETTINGS = VoltageSettings()

Row: TypeAlias = "tuple[int, ...]"
"""What is measured, as it is held: since when, microseconds of the shell's time, and of each phase three
numbers: its level since then in V, `UNMEASURED` without one; and the sums of what was before that in the
period: V x microseconds, and microseconds."""
UNMEASURED = -1
LEVELS = slice(1, None, 3)  # where they are in a row


class Phase(NamedTuple):
    """What belongs to one phase: item of its measurement period, log, limits of its averages.

    `at` is where its numbers are in a row, `thresholds` the items of the limits.
    """

    at: slice
    period: str
    log: str
    averages: tuple[Limit, ...]
    thresholds: Items


class Watched(NamedTuple):
    """A condition of a phase, and the code of its beginning."""

    threshold: str
    above: bool
    phase: int
    code: int


class Voltage(Behaviour):
    """Follows the voltage of each phase. `polyphase`: three of them, with codes of their own."""

    name = "voltage"

    def __init__(self, polyphase: bool = False, settings: VoltageSettings = DEFAULT_SETTINGS) -> None:
        self._phases = 3 if polyphase else 1
        self._settings = settings
        first = 1 if polyphase else 0
        self._watched = tuple(
            Watched(condition.threshold, condition.above, phase, condition.begins + first + phase)
            for condition in CONDITIONS
            for phase in range(self._phases)
        )
        self._last: Row | None = None  # what was held last, known to be a row
        self._rows = tuple(_phase(n, n if polyphase else 0) for n in range(1, self._phases + 1))
        self._nothing = (UNMEASURED,) * self._phases
        self._no_row = (0, *(UNMEASURED, 0, 0) * self._phases)
        self._offset = settings.period_offset * SECOND
        self.follows = (
            MEASURED,
            TURNING,
            OFFSET,
            *(ITEM + row.period for row in self._rows),
            *(ITEM + condition.other for condition in CONDITIONS),
        )

    # -- what happens -----------------------------------------------------------------

    def handle(self, work: Work, event: Event) -> None:
        """Follow voltages, phases, power and time."""
        if isinstance(event, Metrology):
            volts = event.voltage_v
            if volts:
                if self._phases == 1:
                    self._levels_become(work, (min(max(volts[0], 0), MAX_U32),))
                else:
                    self._levels_become(work, self._sensed(work, volts))
        elif isinstance(event, TimerDue):
            row = self._row(work)
            if row is not None:
                self._averages(work, row)
                if work.value(TURNING) is not None:
                    self._turn(work)
        elif isinstance(event, PowerLost):
            self._levels_become(work, self._nothing)
        elif isinstance(event, PhaseSupply) and not event.present and 1 <= event.phase <= self._phases > 1:
            levels = list((self._row(work) or self._no_row)[LEVELS])
            levels[event.phase - 1] = self._of_lost
            self._levels_become(work, tuple(levels))

    def deadline(self, work: Work) -> Utc | None:
        """The next end of a period, or the moment a condition has lasted for longer than its own."""
        row = self._row(work)
        if row is None:
            return None
        now = work.now.us
        time = now + work.number(OFFSET) - self._offset
        dues = []
        for phase in self._rows:
            if row[phase.at][0] != UNMEASURED:
                period = _period(work.item(phase.period))
                dues.append(now + period - time % period)
        if work.value(TURNING) is not None:
            dues += (since + _lasts(work, code) for code, since in _turning(work))
        return Utc(min(dues))

    def writes(self) -> Mapping[str, Callable[[Work, Value], None]]:
        """Another threshold is compared with the voltage at once."""

        def compare(work: Work, value: Value) -> None:
            row = self._row(work)
            if row is not None:
                self._compare(work, row[LEVELS])

        return {condition.threshold: compare for condition in CONDITIONS}

    # -- levels -----------------------------------------------------------------------

    @property
    def _of_lost(self) -> int:
        return 0 if self._settings.lost_phase_is_zero else UNMEASURED

    def _sensed(self, work: Work, volts: tuple[int, ...]) -> tuple[int, ...]:
        """The voltage of each of three phases; those without one, and lost ones, are not measured."""
        levels = [min(max(level, 0), MAX_U32) for level in volts[: self._phases]]
        levels += [UNMEASURED] * (self._phases - len(levels))
        return tuple(self._of_lost if is_lost(work, n) else level for n, level in enumerate(levels, 1))

    def _levels_become(self, work: Work, levels: tuple[int, ...]) -> None:
        row = self._row(work) or self._no_row
        if levels == row[LEVELS]:
            return
        if levels == self._nothing:
            work.put(MEASURED, None)
        else:
            now = work.now.us
            made = list(row) if row[0] == now else self._summed(work, row)
            made[0] = now
            made[LEVELS] = levels
            if UNMEASURED in levels:
                for phase in self._rows:
                    if made[phase.at][0] == UNMEASURED:
                        made[phase.at] = UNMEASURED, 0, 0
            self._last = kept = tuple(made)
            work.set_value(MEASURED, kept)
        self._compare(work, levels)

    def _summed(self, work: Work, row: Row) -> list[int]:
        """A row with the sums up to now."""
        now = work.now.us
        time = now + work.number(OFFSET) - self._offset
        made = list(row)
        for phase in self._rows:
            level, total, measured = row[phase.at]
            held = min(now - row[0], time % _period(work.item(phase.period)))
            if held > 0 and level != UNMEASURED:
                made[phase.at] = level, total + level * held, measured + held
        return made

    # -- averages ---------------------------------------------------------------------

    def _averages(self, work: Work, row: Row) -> None:
        """Record the mean of each phase whose period ends now."""
        now = work.now.us
        time = now + work.number(OFFSET)
        kept: Row = (now,)
        ended = False
        for phase in self._rows:
            level, total, measured = row[phase.at]
            period = _period(work.item(phase.period))
            passed = (time - self._offset) % period  # of the period that begins, if it is 0
            held = min(now - row[0], passed or period)
            if held > 0 and level != UNMEASURED:
                total += level * held
                measured += held
            if passed:
                kept += (level, total, measured)
                continue
            kept += (level, 0, 0)
            ended = True
            if measured:
                mean = (total + measured // 2) // measured  # half up
                work.log(phase.log, time // SECOND, mean)
                lowest, highest = _range(work.items(phase.thresholds))
                if not lowest <= mean <= highest or work.value(BEYOND):  # else it counts and ends nothing
                    self._limits(work, phase, mean)
        if ended:
            self._last = kept
            work.set_value(MEASURED, kept)

    def _limits(self, work: Work, phase: Phase, mean: int) -> None:
        """Count a mean beyond a limit; crossing it either way is an event."""
        before: Collection[int] = work.value(BEYOND) or ()  # type: ignore[assignment]
        for average in phase.averages:
            limit = work.int_item(average.threshold)
            beyond = mean > limit if average.above else mean < limit
            if beyond:
                count = work.int_item(average.other) + 1
                work.set_item(average.other, min(count, MAX_U32))
            if beyond is not (average.begins in before):
                before = _codes(work, BEYOND) ^ {average.begins}
                work.set_value(BEYOND, tuple(sorted(before)))
                occur(work, average.begins if beyond else average.ends)

    # -- conditions -------------------------------------------------------------------

    def _compare(self, work: Work, levels: tuple[int, ...]) -> None:
        """Note since when a condition that goes on is not met, or one that does not is."""
        going_on: Collection[int] = work.value(GOING_ON) or ()  # type: ignore[assignment]
        if work.value(TURNING) is None and not going_on:
            lowest, highest = _range(work.items(THRESHOLDS))
            if lowest <= min(levels) and max(levels) <= highest:
                return  # as it nearly always is
        before = dict(_turning(work))
        turning = {}
        for threshold, above, phase, code in self._watched:
            level = levels[phase]
            if level == UNMEASURED:
                continue
            limit = work.int_item(threshold)
            met = level > limit if above else level < limit
            if met is not (code in going_on):
                turning[code] = before.get(code, work.now.us)
        if turning != before:
            _keep_turning(work, turning)

    def _turn(self, work: Work) -> None:
        """Begin or end the conditions that have been so for longer than their periods."""
        turning, going_on = dict(_turning(work)), _codes(work, GOING_ON)
        due = [code for code, since in turning.items() if work.now.us >= since + _lasts(work, code)]
        for code in due:
            condition = _condition(code)
            occur(work, code - condition.begins + condition.ends if code in going_on else code)
            del turning[code]
        if due:
            work.set_value(GOING_ON, tuple(sorted(going_on.symmetric_difference(due))))
            _keep_turning(work, turning)

    # -- how it is held ---------------------------------------------------------------

    def _row(self, work: Work) -> Row | None:
        """What is measured; None: nothing is. Raises StoreError."""
        held = work.value(MEASURED)
        if held is not self._last and held is not None:
            self._last = self._checked(held)
        return held  # type: ignore[return-value]

    def _checked(self, held: Value) -> Row:
        if isinstance(held, tuple) and len(held) == len(self._no_row) and set(map(type, held)) == {int}:
            return held  # type: ignore[return-value]
        raise StoreError("the store holds no voltages here")


def _phase(number: int, code: int) -> Phase:
    """The items of a phase (1 to 3), whose codes are so many after those of a single phase meter."""
    averages = tuple(
        Limit(
            f"{average.threshold}.Phase{number}",
            f"{average.other}.Phase{number}",
            average.above,
            average.begins + code,
            average.ends + code,
        )
        for average in AVERAGES
    )
    return Phase(
        slice(3 * number - 2, 3 * number + 1),
        f"AverageRMSVoltageMeasurementPeriod.Phase{number}",
        f"AverageRMSVoltageProfileDataLog.Phase{number}",
        averages,
        Items(*(average.threshold for average in averages)),
    )


@lru_cache(maxsize=64)
def _range(thresholds: tuple[Value, ...]) -> tuple[int, int]:
    """The lowest and the highest voltage beyond none of some thresholds, the upper ones first."""
    numbers = [int(value) if isinstance(value, int) else 0 for value in thresholds]
    upper = len(numbers) // 2
    return max(numbers[upper:]), min(numbers[:upper])


@lru_cache(maxsize=64)
def _period(seconds: Value) -> int:
    """The microseconds of a measurement period; there is none of less than a second."""
    return max(int(seconds), 1) * SECOND if isinstance(seconds, int) else SECOND


def _condition(code: int) -> Limit:
    """The condition that a code begins, of whatever phase. Raises StoreError."""
    for condition in CONDITIONS:
        if condition.begins <= code <= condition.begins + 3:
            return condition
    raise StoreError(f"no condition of the voltage begins with {code:04X}")


def _lasts(work: Work, code: int) -> int:
    """After how many microseconds a condition has lasted for longer than its period."""
    return work.int_item(_condition(code).other) * SECOND + 1


def _codes(work: Work, key: str) -> frozenset[int]:
    """The codes under a key: that began something, and nothing has ended it."""
    held = work.value(key)
    return frozenset(held) if isinstance(held, tuple) else frozenset()  # type: ignore[arg-type]


def _turning(work: Work) -> tuple[tuple[int, int], ...]:
    """Conditions that may begin or end, by the code of their beginning, and since when."""
    held = work.value(TURNING)
    return held if isinstance(held, tuple) else ()  # type: ignore[return-value]


def _keep_turning(work: Work, turning: Mapping[int, int]) -> None:
    if turning:
        work.set_value(TURNING, tuple(turning.items()))
    else:
        work.put(TURNING, None)
