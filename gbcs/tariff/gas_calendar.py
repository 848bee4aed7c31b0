"""The switching table of a gas tariff, as the commands of the Calendar cluster carry it.

See `gas`, which knows the messages they stand in (reference: gbz-payloads 6).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ..errors import BuildError
from ..named.gbz_plan import STATUS
from ..time import Utc
from ..values import Date, Time, ZclDate
from ..zcl.clusters import NOT_FOUND
from .limits import GAS
from .model import WEEKDAYS, Action, ActionKind, Activation, Day, Season, SpecialDay, Switch, Tariff, Week

# Start times that are no moment (gbz-payloads 6)
NOW = 0
CANCEL, CANCEL_INFORMATION = 0xFFFF_FFFE, 0xFFFF_FFFF
MINUTES = 24 * 60  # of a day
WHOLE: dict[str, Any] = {"CommandIndex": 0, "TotalNumberOfCommands": 1}  # never in several parts
_REFERENCES = tuple(f"DayIdRef{weekday.capitalize()}" for weekday in WEEKDAYS)
_CALENDAR_ANSWERS = (
    ("PublishDayProfile", "days"),
    ("PublishWeekProfile", "weeks"),
    ("PublishSeasons", "seasons"),
    ("PublishSpecialDays", "special_days"),
)


def _day_value(number: int, day: Day) -> dict[str, Any]:
    return {
        "DayId": day.id,
        "TotalNumberOfScheduleEntries": len(day.switches),
        **WHOLE,
        "CalendarType": 0,
        "DayScheduleEntries": [
            {
                "StartTimeMinutes": _minutes(switch.time, f"days[{number}].switches[{place}]"),
                "PriceTierOrFriendlyCreditEnable": _tier(switch.action, f"days[{number}].switches[{place}]"),
            }
            for place, switch in enumerate(day.switches)
        ],
    }


def _minutes(time: Time, path: str) -> int:
    hour, minute, *rest = time
    if any(rest) or hour > 23 or minute > 59:
        raise BuildError("a time of whole minutes is needed", path)
    return hour * 60 + minute


def _tier(action: Action, path: str) -> int:
    """The price tier of an action; 0 for a block tariff (gbz-payloads 6)."""
    tier = 0 if action.kind is ActionKind.BLOCK else action.number
    if _action(tier) != action:
        raise BuildError(f"{action} is no action of a gas tariff", path)
    return tier


def _week_value(number: int, week: Week) -> dict[str, Any]:
    references = dict(zip(_REFERENCES, week.days, strict=True))
    return {"WeekId": _week_id(week.name, f"weeks[{number}].name"), **references}


def _week_id(name: int | str, path: str) -> int:
    if not isinstance(name, int):
        raise BuildError("a number from 0 to 255 is needed", path)
    return name


def _season_value(number: int, season: Season) -> dict[str, Any]:
    path = f"seasons[{number}]"
    if season.name:
        raise BuildError("gas seasons have no name", f"{path}.name")
    if any(season.time):
        raise BuildError("a gas season starts at midnight", f"{path}.start")
    return {
        "SeasonStartDate": _zcl_date(season.start, f"{path}.start"),
        "WeekIdRef": _week_id(season.week, f"{path}.week"),
    }


def _special_value(number: int, special: SpecialDay) -> dict[str, Any]:
    date = _zcl_date(special.date, f"special_days[{number}].date")
    return {"SpecialDayDate": date, "DayIdRef": special.day}


def _zcl_date(date: Date, path: str) -> ZclDate:
    year = date[0] << 8 | date[1]
    if year != 0xFFFF and not 1900 <= year < 2155:
        raise BuildError("a year from 1900 to 2154, or *, is needed", path)
    return ZclDate(bytes((0xFF if year == 0xFFFF else year - 1900,)) + date[2:])


def start_time(activation: Activation | None, cancel: int) -> int | None:
    """The start time of an activation; `cancel` is what cancels it. Raises BuildError."""
    if activation is None:
        return None
    if isinstance(activation, Utc):
        if activation.us % 1_000_000 or not 0 < activation.seconds < CANCEL:
            raise BuildError("a whole second from 2000 to 2136 is needed", "activation")
        return activation.seconds
    return NOW if activation == "now" else cancel


def _of_calendar(identifiers: Mapping[str, int | None]) -> dict[str, Any]:
    return {name: identifiers[name] for name in ("ProviderId", "IssuerEventId", "IssuerCalendarId")}


def written_calendar(tariff: Tariff, identifiers: Mapping[str, int | None], read: bool) -> dict[str, Any]:
    """The values of the switching table, of a command or of a response that reads it. Raises BuildError."""
    head = _of_calendar(identifiers)
    start = NOW if read else start_time(tariff.activation, CANCEL)
    found: dict[str, Any] = {}
    if not read:
        found["PublishCalendar"] = {
            **head,
            "StartTime": start,
            "CalendarType": 0,
            "CalendarTimeReference": 0,
            "CalendarName": "",
            "NumberOfSeasons": len(tariff.seasons or ()),
            "NumberOfWeekProfiles": len(tariff.weeks or ()),
            "NumberOfDayProfiles": len(tariff.days or ()),
        }
    if tariff.days is not None:
        found["PublishDayProfile"] = [{**head, **_day_value(*day)} for day in enumerate(tariff.days)]
    if tariff.weeks is not None:
        found["PublishWeekProfile"] = [{**head, **_week_value(*week)} for week in enumerate(tariff.weeks)]
    if tariff.seasons is not None:
        entries = [_season_value(*season) for season in enumerate(tariff.seasons)]
        found["PublishSeasons"] = {**head, **WHOLE, "SeasonEntries": entries}
    special_days = tariff.special_days
    if special_days is None and not read:
        special_days = ()
    if special_days is not None:
        found["PublishSpecialDays"] = {
            **head,
            "StartTime": start,
            "CalendarType": 0,
            "TotalNumberOfSpecialDays": len(special_days),
            **WHOLE,
            "SpecialDayEntries": [_special_value(*day) for day in enumerate(special_days)],
        }
    if read:
        for name, part in _CALENDAR_ANSWERS:
            if getattr(tariff, part) == ():
                found[name] = {STATUS: NOT_FOUND}
    return found


def _days_of(found: list[dict[str, Any]]) -> tuple[Day, ...] | None:
    days = []
    for body in found:
        entries = body["DayScheduleEntries"]
        if any(entry["StartTimeMinutes"] >= MINUTES for entry in entries):
            return None
        switches = (
            Switch(
                Time(bytes((*divmod(int(entry["StartTimeMinutes"]), 60), 0, 0))),
                _action(int(entry["PriceTierOrFriendlyCreditEnable"])),
            )
            for entry in entries
        )
        days.append(Day(int(body["DayId"]), tuple(switches)))
    return tuple(days)


def _action(tier: int) -> Action:
    if tier == 0:
        return Action.block()
    return Action.tou(tier) if tier <= GAS.tous else Action(ActionKind.OTHER, tier)


def _weeks_of(found: list[dict[str, Any]]) -> tuple[Week, ...]:
    weeks = []
    for body in found:
        monday, tuesday, wednesday, thursday, friday, saturday, sunday = (int(body[r]) for r in _REFERENCES)
        days = (monday, tuesday, wednesday, thursday, friday, saturday, sunday)
        weeks.append(Week(int(body["WeekId"]), days))
    return tuple(weeks)


def _seasons_of(body: dict[str, Any]) -> tuple[Season, ...]:
    return tuple(
        Season("", _date(entry["SeasonStartDate"]), int(entry["WeekIdRef"]))
        for entry in body["SeasonEntries"]
    )


def _special_days_of(body: dict[str, Any]) -> tuple[SpecialDay, ...]:
    return tuple(
        SpecialDay(_date(entry["SpecialDayDate"]), int(entry["DayIdRef"]))
        for entry in body["SpecialDayEntries"]
    )


def _date(date: bytes) -> Date:
    year = 0xFFFF if date[0] == 0xFF else 1900 + date[0]
    return Date(year.to_bytes(2, "big") + date[1:])


_READERS: tuple[tuple[str, str, Callable[[Any], Any]], ...] = (
    ("PublishDayProfile", "days", _days_of),
    ("PublishWeekProfile", "weeks", _weeks_of),
    ("PublishSeasons", "seasons", _seasons_of),
    ("PublishSpecialDays", "special_days", _special_days_of),
)


def read_calendar(found: Mapping[str, Any]) -> dict[str, Any]:
    """The parts of a tariff in typed values; what is not found is empty, what is not readable None."""
    parts: dict[str, Any] = {}
    for name, part, read in _READERS:
        value = found.get(name)
        if isinstance(value, dict) and STATUS in value:
            parts[part] = () if value[STATUS] == NOT_FOUND else None
        elif value is not None:
            parts[part] = read(value)
    return parts
