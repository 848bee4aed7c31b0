"""What happens to a meter over days: read from a CSV file, or generated from a seed.

A profile gives, for each day, moments in their order: a time of the day and an event. Power and voltages
are told when a half hour begins, what was used in it when it ends, both at once where the next one
begins; the last moment of a day is its end. Where none begins, nothing is known of the load: it is told
to be 0 W, so that nobody goes on with one that ended; voltages stay what they were. Times are UTC.

A generated day depends on kind, seed and its date only: the days of one run or of several that follow
each other are the same.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Mapping, Sequence
from math import cos, pi, sin
from pathlib import Path
from random import Random
from typing import NamedTuple

from gbcs.errors import BuildError, LocalError
from gbcs.time import Utc
from smets.events import Event, Metrology, PowerLost, PowerRestored
from smets.sensing import Attack, AttackSensed, Condition, ConditionSensed, Diagnosed, Fault, PhaseSupply

DAY, HALF_HOUR, SECOND = 86_400, 1800, 1_000_000
HALF_HOURS = DAY // HALF_HOUR
LENGTH = HALF_HOUR * SECOND
MAX_WH = 100_000  # of a half hour: what a fuse of 800 A would let through
MAX_ROWS = 1_000_000


class ProfileError(LocalError):
    """A profile that cannot be read or does not exist."""


class Moment(NamedTuple):
    """What happens at a time of a day; microseconds since midnight. `ends`: a half hour that is told of."""

    us: int
    event: Event
    ends: bool = False


class HalfHour(NamedTuple):
    """What is used in a half hour, and measured all through it; power is that of both elements."""

    import_wh: int
    export_wh: int
    import_varh: int
    export_varh: int
    secondary_wh: int
    power_w: int | None
    voltage_v: tuple[int, ...]
    secondary_power_w: int | None


Row = tuple[int, Event | HalfHour]
"""Microseconds, and what happens then, or what is used in the half hour from then on."""
Day = Callable[[int], Sequence[Moment]]
"""The moments of a day, by its number since 2000-01-01, in the order of their times."""


def _events() -> dict[str, Event]:
    found: dict[str, Event] = {"power lost": PowerLost(), "power restored": PowerRestored()}
    for phase in (1, 2, 3):
        found[f"phase {phase} lost"] = PhaseSupply(phase, False)
        found[f"phase {phase} restored"] = PhaseSupply(phase, True)
    for verb, present in (("begins", True), ("ends", False)):
        found |= {f"{attack.value} {verb}": AttackSensed(attack, present) for attack in Attack}
        found |= {f"{one.value} {verb}": ConditionSensed(one, present) for one in Condition}
    return found | {fault.value: Diagnosed(fault) for fault in Fault}


EVENTS: Mapping[str, Event] = _events()
"""What the column `event` of a file may say."""
NAMES = {event: name for name, event in EVENTS.items()}

# -- generated -----------------------------------------------------------------------------


class Kind(NamedTuple):
    """A kind of home: variant of its meter, and what it has."""

    variant: str
    panels: bool
    phases: int
    faults: bool


KINDS = {
    "household": Kind("single", False, 1, False),
    "solar": Kind("single", True, 1, False),
    "three-phase": Kind("polyphase", False, 3, False),
    "faults": Kind("single", False, 1, True),
}
# mean power of a household in W, by the hour of the day
_LOAD = (
    *(180, 150, 140, 140, 150, 180, 340, 620, 560, 380, 340, 380),
    *(460, 400, 350, 380, 560, 900, 1050, 980, 820, 640, 440, 260),
)
_HEATER_W = 2600  # of a second element, at night
_PANELS_W = 3600
NOMINAL_V = 240


def generated(kind: str, seed: str, variant: str) -> Day:
    """Days of a kind of home. Raises ProfileError for an unknown one."""
    if kind not in KINDS:
        raise ProfileError(f"no kind of home is called {kind!r}, only {', '.join(KINDS)}")
    home = KINDS[kind]

    def day(number: int) -> list[Moment]:
        random = Random(f"{seed}/{kind}/{number}")
        rows = _half_hours(random, home, variant, number)
        return _with_faults(random, rows, variant) if home.faults else _told(rows, True)

    return day


def _told(rows: Sequence[Row], goes_on: bool) -> list[Moment]:
    """The moments of rows in their order: half hours from their beginning, other events as they are.

    `goes_on`: a half hour begins at the end of the day.
    """
    found: list[Moment] = []
    begins = {us for us, event in rows if isinstance(event, HalfHour)}
    if goes_on:
        begins.add(DAY * SECOND)
    used: HalfHour | None = None  # that has not been told of
    end = 0

    def ended(used: HalfHour) -> Moment:
        return Moment(end, _both(used, _NOTHING if end in begins else _unknown(used)), True)

    for us, event in rows:
        before = _NOTHING
        if used is not None and end <= us:
            if end == us and isinstance(event, HalfHour):
                before = used
            else:
                found.append(ended(used))
            used = None
        if isinstance(event, HalfHour):
            found.append(Moment(us, _both(before, event), before is not _NOTHING))
            used, end = event, us + LENGTH
        else:
            found.append(Moment(us, event))
    if used is not None:
        found.append(ended(used))
    return found


def _both(used: HalfHour, now: HalfHour) -> Metrology:
    """What was used, and what is measured from now on."""
    return Metrology(*used[:5], *now[5:])


_NOTHING = HalfHour(0, 0, 0, 0, 0, None, (), None)


def _unknown(before: HalfHour) -> HalfHour:
    """What is told to be measured where nothing is known."""
    return _NOTHING._replace(power_w=0, secondary_power_w=None if before.secondary_power_w is None else 0)


def _half_hours(random: Random, home: Kind, variant: str, number: int) -> list[Row]:
    summer = -cos(2 * pi * (number % 365.25) / 365.25)  # of the year: -1 at its ends, 1 in its middle
    phases = 3 if variant == "polyphase" else 1
    sky = random.uniform(0.15, 1.0)
    level = 1.0 - 0.25 * summer
    weekend = number % 7 < 2  # 2000-01-01 was a Saturday
    usual = [load * level * home.phases for load in _LOAD]
    heats = int(_HEATER_W * level / 2) if variant == "twin" else 0
    heater, secondary = None, 0
    chance, uniform = random.random, random.uniform
    found: list[Row] = []
    for n in range(HALF_HOURS):
        hour = n / 2
        watts = usual[n // 2] * uniform(0.6, 1.5)
        if weekend and 9 <= hour < 16:
            watts *= 1.4
        if chance() < 0.04:  # an oven, a shower
            watts += uniform(1000, 5000)
        made = 0.0
        if home.panels:
            length = 12 + 4 * summer
            shines = (hour - 12 + length / 2) / length
            if 0 < shines < 1:
                made = _PANELS_W * (0.6 + 0.4 * summer) * sin(pi * shines) * sky * uniform(0.7, 1.0)
        if variant == "twin":
            secondary = heats if 0.5 <= hour < 7.5 else 0
            heater = 2 * secondary
        net = int(watts - made)
        volts = tuple([int(NOMINAL_V - watts / 1500 + uniform(-3, 3)) for _ in range(phases)])
        wh = (net // 2, 0, net // 14, 0) if net > 0 else (0, -net // 2, 0, -net // 40)
        found.append((n * LENGTH, HalfHour(*wh, secondary, net + 2 * secondary, volts, heater)))
    return found


# faults: how often a day, what begins, what ends it
_FAULTS: tuple[tuple[float, str, str | None], ...] = (
    (0.10, "power lost", "power restored"),
    (0.02, "terminal cover begins", "terminal cover ends"),
    (0.01, "strong magnetic field begins", "strong magnetic field ends"),
    (0.03, "reverse current begins", "reverse current ends"),
    (0.03, "over current begins", "over current ends"),
    (0.01, "watchdog", None),
)
_PHASE_LOST = (0.05, "phase 2 lost", "phase 2 restored")
_ODD_VOLTS = ((0.05, 262), (0.05, 208), (0.02, 172), (0.02, 290))
_LONGEST = 6 * 3600


def _with_faults(random: Random, rows: list[Row], variant: str) -> list[Moment]:
    """Voltages out of their limits, and events; nothing is counted without power."""
    for chance, volts in _ODD_VOLTS:
        if random.random() < chance:
            at = random.randrange(HALF_HOURS)
            for n in range(at, min(at + random.randint(1, 3), HALF_HOURS)):
                us, event = rows[n]
                if isinstance(event, HalfHour):
                    levels = (volts, *event.voltage_v[1:])
                    rows[n] = (us, event._replace(voltage_v=levels))
    moments = _told(rows, True)
    off: list[tuple[int, int]] = []
    for chance, begins, ends in (*_FAULTS, *((_PHASE_LOST,) if variant == "polyphase" else ())):
        if random.random() < chance:
            begun = random.randrange(DAY - _LONGEST - 1) * SECOND
            ended = begun + random.randint(20, _LONGEST) * SECOND
            moments.append(Moment(begun, EVENTS[begins]))
            if ends is not None:
                moments.append(Moment(ended, EVENTS[ends]))
            if begins == "power lost":
                off.append((begun, ended))
    return sorted(
        (m for m in moments if m.us in (t for pair in off for t in pair) or not _within(m.us, off)),
        key=lambda moment: moment.us,
    )


def _within(us: int, times: list[tuple[int, int]]) -> bool:
    return any(begun < us < ended for begun, ended in times)


# -- read ----------------------------------------------------------------------------------

COUNTS = ("import_wh", "export_wh", "import_varh", "export_varh", "secondary_wh")
VOLTS = ("voltage_v", "voltage_2_v", "voltage_3_v")
COLUMNS = ("time", *COUNTS, "power_w", "secondary_power_w", *VOLTS, "event")


class Profile(NamedTuple):
    """What a file gives: the number of its first day, and the moments of each."""

    first: int
    days: tuple[tuple[Moment, ...], ...]

    def day(self, number: int) -> Sequence[Moment]:
        """The moments of a day; after its last day the profile begins again."""
        return self.days[(number - self.first) % len(self.days)]


def read_profile(path: Path) -> Profile:
    """Read a CSV file, its columns in a first line, among them `time`. Raises ProfileError.

    A row gives what was used in the half hour that begins at its time, with the power and the voltages
    in it, or, with `event`, what happened at its time. Power that is not given is what was used by the
    time: `power_w` that of both elements, import less export; `secondary_power_w` where `secondary_wh` is.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            return _profile(file, str(path))
    except OSError as error:
        raise ProfileError(f"{path}: {error.strerror or error}") from None
    except (UnicodeDecodeError, csv.Error) as error:
        raise ProfileError(f"{path}: {'not UTF-8' if isinstance(error, UnicodeError) else error}") from None


def _profile(file: object, name: str) -> Profile:
    rows = csv.DictReader(file)  # type: ignore[call-overload]
    columns = rows.fieldnames or ()
    for column in columns:
        if column not in COLUMNS:
            raise ProfileError(f"{name}: line 1: no column {column!r}, only {', '.join(COLUMNS)}")
    if "time" not in columns:
        raise ProfileError(f"{name}: line 1: no column 'time'")
    if len(set(columns)) != len(columns):
        raise ProfileError(f"{name}: line 1: a column is there twice")
    found: list[Row] = []
    counted = -1  # when the last half hour began
    for row in rows:
        where = f"{name}: line {rows.line_num}"
        if len(found) == MAX_ROWS:
            raise ProfileError(f"{where}: more than {MAX_ROWS} rows")
        us, event = _row(row, where)
        if found and us < found[-1][0]:
            raise ProfileError(f"{where}: is earlier than the row before it")
        if isinstance(event, HalfHour):
            if us == counted:
                raise ProfileError(f"{where}: that half hour is there twice")
            counted = us
        found.append((us, event))
    if not found:
        raise ProfileError(f"{name}: no rows")
    first, last = (us // (DAY * SECOND) for us in (found[0][0], found[-1][0]))
    if last - first >= MAX_ROWS:
        raise ProfileError(f"{name}: more than {MAX_ROWS} days")
    days: list[list[Row]] = [[] for _ in range(last - first + 1)]
    for us, event in found:
        number, at = divmod(us, DAY * SECOND)
        days[number - first].append((at, event))
    following = [_begins_with_half_hour(day) for day in (*days[1:], days[0])]  # it begins again
    told = (tuple(_told(day, goes_on)) for day, goes_on in zip(days, following, strict=True))
    return Profile(first, tuple(told))


def _begins_with_half_hour(day: list[Row]) -> bool:
    return any(us == 0 and isinstance(event, HalfHour) for us, event in day)


def _row(row: Mapping[str | None, object], where: str) -> Row:
    if None in row or None in row.values():
        raise ProfileError(f"{where}: has not as many fields as there are columns")
    cells = {str(name): str(cell).strip() for name, cell in row.items()}
    try:
        us = Utc.parse(cells["time"]).us
    except (BuildError, OverflowError):
        raise ProfileError(f"{where}: time: not a date and time: {cells['time']!r}") from None
    named = cells.get("event", "")
    if named:
        if named not in EVENTS:
            raise ProfileError(f"{where}: event: {named!r} is not known")
        if any(cell for name, cell in cells.items() if name not in ("time", "event")):
            raise ProfileError(f"{where}: an event has no other values")
        return us, EVENTS[named]
    if us % (HALF_HOUR * SECOND):
        raise ProfileError(f"{where}: time: no half hour begins at {cells['time']}")
    counts = [_number(cells, name, where, 0, MAX_WH) or 0 for name in COUNTS]
    power = _number(cells, "power_w", where, -(2**31), 2**31 - 1)
    volts = [_number(cells, name, where, 0, 65_535) for name in VOLTS]
    given = [v for v in volts if v is not None]
    if given != volts[: len(given)]:
        raise ProfileError(f"{where}: the voltage of a phase before is missing")
    if power is None:
        power = 2 * (counts[0] + counts[4] - counts[1])
    secondary_power = _number(cells, "secondary_power_w", where, 0, 2**31 - 1)
    if secondary_power is None and cells.get("secondary_wh"):
        secondary_power = 2 * counts[4]
    wh_in, wh_out, varh_in, varh_out, secondary = counts
    return us, HalfHour(wh_in, wh_out, varh_in, varh_out, secondary, power, tuple(given), secondary_power)


def _number(cells: Mapping[str, str], name: str, where: str, lo: int, hi: int) -> int | None:
    text = cells.get(name, "")
    if not text:
        return None
    try:
        number = int(text) if len(text) < 20 else hi + 1
    except ValueError:
        raise ProfileError(f"{where}: {name}: not a whole number: {text!r}") from None
    if not lo <= number <= hi:
        raise ProfileError(f"{where}: {name}: {text} is not {lo} to {hi}")
    return number
