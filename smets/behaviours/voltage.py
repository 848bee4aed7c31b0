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
from typing import Any, NamedTuple

from gbcs.errors import BuildError
from gbcs.time import Utc

from ..eventlog import occur
from ..events import Event, Metrology, PowerLost, TimerDue
from ..profile import Behaviour
from ..sensing import PhaseSupply
from ..store import StoreError
from ..values import Value
from ..work import ITEM, Work
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
NO_SUM = (0, 0)


class Phase(NamedTuple):
    """What belongs to one phase: item of its measurement period, log, limits of its averages."""

    period: str
    log: str
    averages: tuple[Limit, ...]


class Measured(NamedTuple):
    """What is measured of each phase; microseconds of the shell's time.

    `levels` in V have held since `since`, None for a phase that is not measured; `sums` are of before
    that in the period: V x microseconds, and microseconds.
    """

    since: int
    levels: tuple[int | None, ...]
    sums: tuple[tuple[int, int], ...]


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
        self._last: tuple[Value, Measured | None] = (None, None)  # as it is held, and as it is meant
        self._rows = tuple(_phase(n, n if polyphase else 0) for n in range(1, self._phases + 1))
        self.follows = (
            MEASURED,
            TURNING,
            OFFSET,
            *(ITEM + row.period for row in self._rows),
            *(ITEM + condition.other for condition in CONDITIONS),
        )
        self._nothing = (None,) * self._phases
        self._offset = settings.period_offset * SECOND

    # -- what happens -----------------------------------------------------------------

    def handle(self, work: Work, event: Event) -> None:
        """Follow voltages, phases, power and time."""
        if isinstance(event, Metrology):
            volts = event.voltage_v
            if volts:
                held = self._measured(work)
                if held is None or held.levels != volts:
                    self._levels_become(work, self._sensed(work, volts), held)
        elif isinstance(event, TimerDue):
            held = self._measured(work)
            if held is not None:
                self._averages(work, held)
                if work.value(TURNING) is not None:
                    self._turn(work)
        elif isinstance(event, PowerLost):
            self._levels_become(work, self._nothing, self._measured(work))
        elif isinstance(event, PhaseSupply) and not event.present and 1 <= event.phase <= self._phases > 1:
            held = self._measured(work)
            levels = list(self._nothing if held is None else held.levels)
            levels[event.phase - 1] = self._of_lost
            self._levels_become(work, tuple(levels), held)

    def deadline(self, work: Work) -> Utc | None:
        """The next end of a period, or the moment a condition has lasted for longer than its own."""
        held = self._measured(work)
        if held is None:
            return None
        now = work.now.us
        time = now + work.number(OFFSET) - self._offset
        dues = []
        for phase, level in enumerate(held.levels):
            if level is not None:
                period = self._period(work, phase)
                dues.append(now + period - time % period)
        if work.value(TURNING) is not None:
            dues += (since + _lasts(work, code) for code, since in _turning(work))
        return Utc(min(dues))

    def writes(self) -> Mapping[str, Callable[[Work, Value], None]]:
        """Another threshold is compared with the voltage at once."""

        def compare(work: Work, value: Value) -> None:
            held = self._measured(work)
            if held is not None:
                self._compare(work, held.levels)

        return {condition.threshold: compare for condition in CONDITIONS}

    # -- levels -----------------------------------------------------------------------

    @property
    def _of_lost(self) -> int | None:
        return 0 if self._settings.lost_phase_is_zero else None

    def _sensed(self, work: Work, volts: tuple[int, ...]) -> tuple[int | None, ...]:
        """The voltage of each phase; those without one, and lost ones, are not measured."""
        if len(volts) == self._phases == 1 and 0 <= volts[0] <= MAX_U32:
            return volts
        levels: list[int | None] = [min(max(level, 0), MAX_U32) for level in volts[: self._phases]]
        levels += [None] * (self._phases - len(levels))
        if self._phases > 1:
            levels = [self._of_lost if is_lost(work, n) else level for n, level in enumerate(levels, 1)]
        return tuple(levels)

    def _levels_become(self, work: Work, levels: tuple[int | None, ...], held: Measured | None) -> None:
        if levels == (self._nothing if held is None else held.levels):
            return
        if levels == self._nothing:
            work.put(MEASURED, None)
        else:
            self._keep(work, Measured(work.now.us, levels, self._sums(work, held, levels)))
        self._compare(work, levels)

    def _sums(
        self, work: Work, held: Measured | None, levels: tuple[int | None, ...]
    ) -> tuple[tuple[int, int], ...]:
        """The sums up to now; those of a phase without a level, or that had none, are empty."""
        if held is None:
            return (NO_SUM,) * self._phases
        now = work.now.us
        time = now + work.number(OFFSET) - self._offset
        found = []
        for phase, before in enumerate(held.levels):
            if before is None or levels[phase] is None:
                found.append(NO_SUM)
            elif held.since == now:
                found.append(held.sums[phase])
            else:
                passed = min(now - held.since, time % self._period(work, phase))
                found.append(_added(held.sums[phase], before, passed))
        return tuple(found)

    # -- averages ---------------------------------------------------------------------

    def _period(self, work: Work, phase: int) -> int:
        """The measurement period of a phase, microseconds."""
        return max(work.int_item(self._rows[phase].period), 1) * SECOND

    def _averages(self, work: Work, held: Measured) -> None:
        """Record the mean of each phase whose period ends now."""
        now = work.now.us
        time = now + work.number(OFFSET)
        sums = []
        ended = False
        for phase, level in enumerate(held.levels):
            period = self._period(work, phase)
            passed = (time - self._offset) % period  # of the period that begins, if it is 0
            summed = held.sums[phase]
            if level is not None:
                summed = _added(summed, level, min(now - held.since, passed or period))
            if passed:
                sums.append(summed)
                continue
            sums.append(NO_SUM)
            ended = True
            total, measured = summed
            if measured:
                mean = (2 * total + measured) // (2 * measured)
                work.log(self._rows[phase].log, time // SECOND, mean)
                self._limits(work, phase, mean)
        if ended:
            self._keep(work, Measured(now, held.levels, tuple(sums)))

    def _limits(self, work: Work, phase: int, mean: int) -> None:
        """Count a mean beyond a limit; crossing it either way is an event."""
        before: Collection[int] = work.value(BEYOND) or ()  # type: ignore[assignment]
        for average in self._rows[phase].averages:
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

    def _compare(self, work: Work, levels: tuple[int | None, ...]) -> None:
        """Note since when a condition that goes on is not met, or one that does not is."""
        going_on: Collection[int] = work.value(GOING_ON) or ()  # type: ignore[assignment]
        before = dict(_turning(work))
        turning = {}
        limit_of = work.int_item
        for threshold, above, phase, code in self._watched:
            level = levels[phase]
            if level is None:
                continue
            met = level > limit_of(threshold) if above else level < limit_of(threshold)
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

    def _keep(self, work: Work, measured: Measured) -> None:
        """Hold it in one row of numbers, less than zero for a level that is not measured."""
        held: tuple[int, ...] = (measured.since,)
        for level, sums in zip(measured.levels, measured.sums, strict=True):
            held = (*held, -1 if level is None else level, *sums)
        work.set_value(MEASURED, held)
        self._last = held, measured

    def _measured(self, work: Work) -> Measured | None:
        held = work.value(MEASURED)
        if held is None:
            return None
        row, measured = self._last
        if held is not row:
            measured = _meant(held)
            self._last = held, measured
        return measured


def _phase(number: int, code: int) -> Phase:
    """The items of a phase (1 to 3), whose codes are so many after those of a single phase meter."""
    return Phase(
        f"AverageRMSVoltageMeasurementPeriod.Phase{number}",
        f"AverageRMSVoltageProfileDataLog.Phase{number}",
        tuple(
            Limit(
                f"{average.threshold}.Phase{number}",
                f"{average.other}.Phase{number}",
                average.above,
                average.begins + code,
                average.ends + code,
            )
            for average in AVERAGES
        ),
    )


def _condition(code: int) -> Limit:
    """The condition that a code begins, of whatever phase. Raises StoreError."""
    for condition in CONDITIONS:
        if condition.begins <= code <= condition.begins + 3:
            return condition
    raise StoreError(f"no condition of the voltage begins with {code:04X}")


def _lasts(work: Work, code: int) -> int:
    """After how many microseconds a condition has lasted for longer than its period."""
    return work.int_item(_condition(code).other) * SECOND + 1


def _added(summed: tuple[int, int], level: int, time: int) -> tuple[int, int]:
    """A sum with a level that held for some time."""
    return (summed[0] + level * time, summed[1] + time) if time > 0 else summed


def _meant(row: Value) -> Measured:
    match row:
        case (int(since), *rest) if len(rest) in (3, 9) and set(map(type, rest)) == {int}:
            levels: list[int] = rest[::3]  # type: ignore[assignment]
            sums: Any = tuple(zip(rest[1::3], rest[2::3], strict=True))
            return Measured(since, tuple(None if one < 0 else one for one in levels), sums)
    raise StoreError("the store holds no voltages here")


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
