"""What a tariff may hold, by fuel and element, and the check that it keeps to it.

Source: SMETS items and their sizes (reference: smets-esme 6, smets-gsme 3, dlms-payloads 7.2,
gbz-payloads 6 and 8).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from ..errors import BuildError
from ..values import Date, Time
from .model import (
    WEEKDAYS,
    Action,
    ActionKind,
    Day,
    Season,
    SpecialDay,
    Tariff,
    Week,
    season_octets,
    week_octets,
)


@dataclass(frozen=True, slots=True)
class Limits:
    """The most of each part. `blocks` is of each TOU, `block_tous` how many TOU have them.

    `alike`: TOU prices or blocks, never both, as in a gas meter.
    `dates_only`: seasons have no name and no time.
    """

    element: str
    seasons: int
    season_name: int
    weeks: int
    week_name: int
    days: int
    switches: int
    special_days: int
    tous: int
    block_tous: int
    blocks: int
    threshold_most: int
    alike: bool
    dates_only: bool


# element, seasons, octets of their name, weeks, octets of their name, days, switches of a day,
# special days, TOU, TOU with blocks, blocks, greatest threshold, alike, dates only
ROWS: tuple[tuple[str, int, int, int, int, int, int, int, int, int, int, int, bool, bool], ...] = (
    ("primary", 4, 8, 4, 4, 16, 48, 50, 48, 8, 4, 0xFFFF_FFFE, False, False),
    ("secondary", 4, 8, 4, 4, 16, 48, 50, 4, 0, 0, 0, False, False),
    ("gas", 3, 0, 2, 1, 4, 1, 20, 4, 1, 4, 0xFFFF_FFFF_FFFE, True, True),
)
PRIMARY, SECONDARY, GAS = (Limits(*row) for row in ROWS)
CURRENCIES = ("GBP", "EUR")
_NEVER_BOTH = "a gas tariff has TOU prices or blocks, never both"


@dataclass(frozen=True, slots=True)
class Rules:
    """Rules of which the reference says nothing, or not for every fuel.

    `ascending`: the switches of a day are in order of time, no two at the same.
    `midnight`: the first switch of a day is at 00:00:00. Samples of electricity tariffs start
    later (dlms-payloads 7.2), gas tariffs have their one switch there (gbz-payloads 6), which
    `gas_midnight` asks for.
    `rising`: the thresholds of a TOU rise.
    `relative_dates`: dates may use the octets FD and FE, as the last day of a month
    (dlms-payloads 7: to be refused where not allowed, without saying where).
    """

    ascending: bool = True
    midnight: bool = False
    gas_midnight: bool = True
    rising: bool = True
    relative_dates: bool = False


RULES = Rules()


def check(tariff: Tariff, limits: Limits, rules: Rules = RULES) -> None:
    """Raise BuildError that names the first part which breaks a limit or a rule.

    Parts that are None are not looked at, nor is what refers to them.
    """
    if tariff.currency is not None and tariff.currency not in CURRENCIES:
        raise BuildError(f"one of {', '.join(CURRENCIES)} is needed", "currency")
    _prices(tariff, limits)
    _thresholds(tariff, limits, rules)
    _days(tariff, limits, rules)
    _weeks(tariff, limits)
    _seasons(tariff, limits, rules)
    _special_days(tariff, limits, rules)
    if limits.alike:
        _alike(tariff)


def block_tariff(tariff: Tariff) -> bool:
    """Whether a gas tariff has blocks: by its prices and thresholds, or by its switches if it has none."""
    if tariff.block_prices or tariff.thresholds or tariff.tou_prices:
        return bool(tariff.block_prices or tariff.thresholds)
    return any(action.kind is ActionKind.BLOCK for _, action in _actions(tariff.days or ()))


def _prices(tariff: Tariff, limits: Limits) -> None:
    for name in ("standing_charge", "active_price"):
        if getattr(tariff, name) is not None:
            _amount(getattr(tariff, name), name)
    _most(tariff.tou_prices or (), limits.tous, "tou_prices", "TOU")
    for number, price in enumerate(tariff.tou_prices or (), 1):
        _amount(price, f"tou_prices.{number}")
    _most(tariff.block_prices or (), limits.block_tous, "block_prices", "TOU with blocks")
    for number, row in enumerate(tariff.block_prices or (), 1):
        _most(row, limits.blocks, f"block_prices.{number}", "blocks")
        for block, price in enumerate(row, 1):
            _amount(price, f"block_prices.{number}.{block}")


def _amount(price: Any, path: str) -> None:
    if not isinstance(price, Decimal) or not price.is_finite():
        raise BuildError("a decimal number is needed", path)


def _thresholds(tariff: Tariff, limits: Limits, rules: Rules) -> None:
    _most(tariff.thresholds or (), limits.block_tous, "thresholds", "TOU with blocks")
    for number, row in enumerate(tariff.thresholds or (), 1):
        _most(row, limits.blocks - 1, f"thresholds.{number}", "thresholds")
        before = -1
        for place, threshold in enumerate(row, 1):
            path = f"thresholds.{number}.{place}"
            if threshold is None:
                raise BuildError("only the last thresholds can be out of use", path)
            _number(threshold, limits.threshold_most, path)
            if rules.rising and threshold <= before:
                raise BuildError("is not above the one before it", path)
            before = threshold


def _days(tariff: Tariff, limits: Limits, rules: Rules) -> None:
    days = tariff.days
    if days is None:
        return
    _some(days, limits.days, "days", "day profiles")
    _once((day.id for day in days), "days", "id")
    for number, day in enumerate(days):
        _day(day, f"days[{number}]", limits, rules)


def _day(day: Day, path: str, limits: Limits, rules: Rules) -> None:
    _number(day.id, 0xFF, f"{path}.id")
    _some(day.switches, limits.switches, f"{path}.switches", "switches")
    before: Time | None = None
    for number, switch in enumerate(day.switches):
        where = f"{path}.switches[{number}]"
        time = switch.time
        _time(time, where)
        if before is None and (rules.midnight or (limits.dates_only and rules.gas_midnight)) and any(time):
            raise BuildError("the first switch of a day is at 00:00:00", where)
        if limits.dates_only and any(time[2:]):
            raise BuildError("whole minutes are needed", where)
        if rules.ascending and before is not None and time <= before:
            raise BuildError("is not later than the one before it", where)
        before = time
        _action(switch.action, where, limits)


def _action(action: Action, path: str, limits: Limits) -> None:
    most = {ActionKind.TOU: limits.tous, ActionKind.BLOCK: limits.block_tous}.get(action.kind)
    if most is None:
        raise BuildError(f"{action} is no action of a tariff", path)
    if most == 0:
        raise BuildError(f"the {limits.element} element has no blocks", path)
    if not 1 <= action.number <= most:
        raise BuildError(f"a TOU from 1 to {most} is needed, not {action.number}", path)


def _weeks(tariff: Tariff, limits: Limits) -> None:
    weeks = tariff.weeks
    if weeks is None:
        return
    _some(weeks, limits.weeks, "weeks", "week profiles")
    for number, week in enumerate(weeks):
        path = f"weeks[{number}]"
        _week_name(week.name, limits, f"{path}.name")
        if len(week.days) != len(WEEKDAYS):
            raise BuildError("a day profile for each of the 7 days is needed", f"{path}.days")
        for weekday, day in zip(WEEKDAYS, week.days, strict=True):
            _known_day(day, tariff.days, f"{path}.{weekday}")
    _once((week.name for week in weeks), "weeks", "name")


def _week_name(name: Any, limits: Limits, path: str) -> None:
    octets = week_octets(name, path)
    if len(octets) > limits.week_name:
        raise BuildError(f"at most {limits.week_name} octets are allowed", path)
    if limits.dates_only and not isinstance(name, int):
        raise BuildError("a number from 0 to 255 is needed", path)


def _seasons(tariff: Tariff, limits: Limits, rules: Rules) -> None:
    seasons = tariff.seasons
    if seasons is None:
        return
    _some(seasons, limits.seasons, "seasons", "seasons")
    for number, season in enumerate(seasons):
        _one_season(season, f"seasons[{number}]", tariff.weeks, limits, rules)


def _one_season(
    season: Season, path: str, weeks: Sequence[Week] | None, limits: Limits, rules: Rules
) -> None:
    octets = season_octets(season.name, f"{path}.name")
    if limits.dates_only and octets:
        raise BuildError("gas seasons have no name", f"{path}.name")
    if len(octets) > limits.season_name:
        raise BuildError(f"at most {limits.season_name} characters are allowed", f"{path}.name")
    _date(season.start, f"{path}.start", limits, rules)
    if limits.dates_only and any(season.time):
        raise BuildError("a gas season starts at midnight", f"{path}.start")
    _week_name(season.week, limits, f"{path}.week")
    if weeks is not None and all(week.name != season.week for week in weeks):
        raise BuildError(f"there is no week profile {season.week!r}", f"{path}.week")


def _special_days(tariff: Tariff, limits: Limits, rules: Rules) -> None:
    _most(tariff.special_days or (), limits.special_days, "special_days", "special days")
    for number, special in enumerate(tariff.special_days or ()):
        _special_day(special, f"special_days[{number}]", tariff.days, limits, rules)


def _special_day(
    special: SpecialDay, path: str, days: Sequence[Day] | None, limits: Limits, rules: Rules
) -> None:
    _date(special.date, f"{path}.date", limits, rules)
    _known_day(special.day, days, f"{path}.day")
    if special.index is not None:
        if limits.dates_only:
            raise BuildError("gas special days have no index", f"{path}.index")
        _number(special.index, 0xFFFF, f"{path}.index")


def _alike(tariff: Tariff) -> None:
    """A gas tariff has TOU prices or blocks, never both (smets-gsme 1 and 3)."""
    blocks = block_tariff(tariff)
    if blocks and tariff.tou_prices:
        raise BuildError(_NEVER_BOTH, "tou_prices")
    for path, action in _actions(tariff.days or ()):
        if (action.kind is ActionKind.BLOCK) is not blocks:
            raise BuildError(_NEVER_BOTH, path)
    if blocks and tariff.days is not None and not tariff.thresholds:
        raise BuildError("a block tariff has 1 to 3 thresholds", "thresholds")


def _actions(days: Iterable[Day]) -> Iterator[tuple[str, Action]]:
    for number, day in enumerate(days):
        for place, switch in enumerate(day.switches):
            yield f"days[{number}].switches[{place}]", switch.action


def _known_day(day: Any, days: Sequence[Day] | None, path: str) -> None:
    _number(day, 0xFF, path)
    if days is not None and all(known.id != day for known in days):
        raise BuildError(f"there is no day profile {day}", path)


def _date(date: Date, path: str, limits: Limits, rules: Rules) -> None:
    year = date[0] << 8 | date[1]
    if limits.dates_only and year != 0xFFFF and not 1900 <= year < 2155:
        raise BuildError("a year from 1900 to 2154, or *, is needed", path)
    if Date(date).text is not None:
        return
    if date[2] in (0xFD, 0xFE) or date[3] in (0xFD, 0xFE):
        if rules.relative_dates:
            return
        raise BuildError("the last days of a month, or changes of daylight saving, are not allowed", path)
    raise BuildError(f"{date.hex().upper()} is no date", path)


def _time(time: Time, path: str) -> None:
    if Time(time).text is None or 0xFF in time:
        raise BuildError(f"{time} is no time of day", path)


def _number(value: Any, most: int, path: str) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= most:
        raise BuildError(f"a number from 0 to {most} is needed", path)


def _most(found: Sequence[Any], most: int, path: str, what: str) -> None:
    if len(found) > most:
        raise BuildError(f"{f'at most {most}' if most else 'no'} {what} allowed, {len(found)} given", path)


def _some(found: Sequence[Any], most: int, path: str, what: str) -> None:
    if not found:
        raise BuildError(f"at least one of the {what} is needed", path)
    _most(found, most, path, what)


def _once(names: Iterable[Any], path: str, member: str) -> None:
    seen: set[Any] = set()
    for number, name in enumerate(names):
        if name in seen:
            raise BuildError(f"{name!r} stands there twice", f"{path}[{number}].{member}")
        seen.add(name)
