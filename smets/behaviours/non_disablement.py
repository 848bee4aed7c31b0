"""The Non-Disablement Calendar: whether lack of credit may disable the supply at a moment.

Source: SMETS 5.7.4.30, ECS08a (reference: smets-esme 6, dlms-payloads 7.3). A period goes on until an
entry ends it, whatever the dates of the entry that began it.
"""

from __future__ import annotations

from gbcs.time import Utc

from ..work import Work
from .compiled import Compiled
from .schedule import DEFAULT_SCHEDULE_SETTINGS, Schedule, ScheduleSettings

CALENDAR = "NonDisablementCalendar"
SPECIAL_DAYS = "NonDisablementCalendar.SpecialDays"
START, STOP = 32, 33  # script selectors


class NonDisablement:
    """Looks up the calendar as it is held."""

    def __init__(self, settings: ScheduleSettings = DEFAULT_SCHEDULE_SETTINGS) -> None:
        self._schedules = Compiled(lambda entries, days: Schedule.of(entries, days, settings))

    def is_period(self, work: Work) -> bool:
        """Whether a non-disablement period is in force."""
        schedule = self._schedule(work)
        switch = None if schedule is None else schedule.in_force(work.time.seconds)
        return switch is not None and switch.selector == START

    def next_switch(self, work: Work) -> Utc | None:
        """When a period begins or ends next, in the device's time, or could."""
        schedule = self._schedule(work)
        switch = None if schedule is None else schedule.next(work.time.seconds)
        return None if switch is None else Utc.from_seconds(switch.at)

    def _schedule(self, work: Work) -> Schedule | None:
        entries = work.item(CALENDAR)
        return self._schedules.of(entries, work.item(SPECIAL_DAYS)) if entries else None
