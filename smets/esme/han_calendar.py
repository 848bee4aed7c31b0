"""The tariff switching table of an ESME as calendar of the home area network.

Source: reference, han-clusters, gbz-payloads 4 and 6 (fields, identifiers), dlms-payloads 7 (what
the meter holds). Dates and identifiers are those of the meter. Gaps:

- the meter has no issuer calendar id: it says the one that stands for the table in force;
- a week of the meter has a name of up to four octets: a name of one octet is its number, else weeks
  are numbered by their place, from 1;
- which tier stands for block prices is not said: a switch says the selector of its script;
- the non-disablement calendar of the meter is a schedule of another kind, and is not given.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..han.cluster_commands import Answer, Asked, CommandRow, Told, in_parts, nothing_held
from ..work import Work
from .han_settings import PublishSettings

SWITCHING_TABLE = 0xFFFF_FFFF  # issuer calendar id
IMPORT_CALENDAR = 0x00  # calendar type
TABLE = "TariffSwitchingTable."
WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
ANY_YEAR, ANY = 0xFFFF, 0xFF
FIRST_YEAR, LAST_YEAR = 1900, 2154  # those a ZCL date has


def calendar_rows(settings: PublishSettings) -> tuple[CommandRow, ...]:
    """The calendar of a meter."""

    def common(work: Work) -> Mapping[str, Any]:
        return {**settings.issued(work), "IssuerCalendarId": SWITCHING_TABLE}

    def calendar(asked: Asked) -> Answer:
        held = {name: _part(asked.work, name) for name in ("Seasons", "Weeks", "Days")}
        is_asked = asked.values["CalendarType"] in (IMPORT_CALENDAR, settings.any_calendar)
        if not any(held.values()) or not is_asked:
            return ()
        told = {
            **common(asked.work),
            "StartTime": 0,
            "CalendarType": IMPORT_CALENDAR,
            "CalendarTimeReference": 0,
            "CalendarName": b"",
            "NumberOfSeasons": len(held["Seasons"]),
            "NumberOfWeekProfiles": len(held["Weeks"]),
            "NumberOfDayProfiles": len(held["Days"]),
        }
        return (Told("PublishCalendar", told),)

    def days(asked: Asked) -> Answer:
        held = _numbered(dict(_part(asked.work, "Days")), asked, "Day", "Days")
        return tuple(
            Told(
                "PublishDayProfile",
                {
                    **common(asked.work),
                    "DayId": number,
                    "CommandIndex": 0,
                    "TotalNumberOfCommands": 1,
                    "CalendarType": IMPORT_CALENDAR,
                    "DayScheduleEntries": [_switch(*switch) for switch in switches],
                },
            )
            for number, switches in held
        )

    def weeks(asked: Asked) -> Answer:
        numbers = _week_numbers(asked.work)
        table = {numbers[name]: days for name, *days in _part(asked.work, "Weeks")}
        return tuple(
            Told(
                "PublishWeekProfile",
                {
                    **common(asked.work),
                    "WeekId": number,
                    **{f"DayIdRef{name}": day for name, day in zip(WEEKDAYS, days, strict=True)},
                },
            )
            for number, days in _numbered(table, asked, "Week", "Weeks")
        )

    def seasons(asked: Asked) -> Answer:
        numbers = _week_numbers(asked.work)
        entries = [
            {"SeasonStartDate": _date(start[:5]), "WeekIdRef": numbers.get(week, 0)}
            for _, start, week in (_part(asked.work, "Seasons") if _is_ours(asked) else ())
        ]
        return in_parts("PublishSeasons", common(asked.work), entries, asked.room) if entries else ()

    def special_days(asked: Asked) -> Answer:
        if not _is_ours(asked) or asked.values["CalendarType"] != IMPORT_CALENDAR:
            return ()
        entries = [
            {"SpecialDayDate": _date(date), "DayIdRef": day}
            for _, date, day in _part(asked.work, "SpecialDays")
        ]
        told = {
            **common(asked.work),
            "StartTime": 0,
            "CalendarType": IMPORT_CALENDAR,
            "TotalNumberOfSpecialDays": len(entries),
        }
        return in_parts("PublishSpecialDays", told, entries, asked.room) if entries else ()

    return (
        CommandRow("GetCalendar", calendar),
        CommandRow("GetDayProfiles", days),
        CommandRow("GetWeekProfiles", weeks),
        CommandRow("GetSeasons", seasons),
        CommandRow("GetSpecialDays", special_days),
        nothing_held("GetCalendarCancellation"),
    )


def _is_ours(asked: Asked) -> bool:
    return bool(asked.values["IssuerCalendarId"] == SWITCHING_TABLE)


def _part(work: Work, name: str) -> tuple[Any, ...]:
    held = work.item(TABLE + name)
    return held if isinstance(held, tuple) else ()


def _numbered(table: Mapping[int, Any], asked: Asked, one: str, many: str) -> list[tuple[int, Any]]:
    """The profiles from a number on, in their order; so many, or all for 0."""
    if not _is_ours(asked):
        return []
    first, most = asked.values[f"Start{one}Id"], asked.values[f"NumberOf{many}"]
    found = [(number, profile) for number, profile in table.items() if number >= first]
    return found[:most] if most else found


def _week_numbers(work: Work) -> dict[bytes, int]:
    names = [name for name, *_ in _part(work, "Weeks")]
    if all(len(name) == 1 for name in names):
        return {name: name[0] for name in names}
    return {name: place for place, name in enumerate(names, 1)}


def _switch(time: bytes, script: bytes, selector: int) -> dict[str, int]:
    hour, minute = (0 if part == ANY else part for part in time[:2])
    return {"StartTimeMinutes": 60 * hour + minute, "PriceTierOrFriendlyCreditEnable": selector}


def _date(date: bytes) -> bytes:
    """A date of the meter as one of the ZCL; a year that has no place there becomes any."""
    year = int.from_bytes(date[:2], "big")
    any_year = not FIRST_YEAR <= year <= LAST_YEAR
    return bytes((ANY if any_year else year - FIRST_YEAR,)) + date[2:]
