"""The Trust Centre's watch over devices that joined and did not establish a key in time.

Source: SE 1.4 commissioning (reference: se-security 1).
"""

from __future__ import annotations

from dataclasses import dataclass

from gbcs.ids import EntityId
from gbcs.time import Utc


@dataclass(frozen=True, slots=True)
class CompletionSettings:
    """Settings of the watch."""

    limit: int | None = 1200
    """Seconds from joining to a key; None: no limit. Gap: se-security 1, 20 minutes to be told to
    leave, 60 to be removed."""


@dataclass(frozen=True, slots=True)
class AskToLeave:
    """Send a leave request to a device."""

    station: EntityId


class CompletionWatch:
    """Devices that joined and have no key from key establishment yet."""

    def __init__(self, settings: CompletionSettings | None = None) -> None:
        self._settings = settings or CompletionSettings()
        self._until: dict[EntityId, Utc] = {}

    @property
    def next_deadline(self) -> Utc | None:
        """When it wants `due` to be called."""
        return min(self._until.values(), default=None)

    def joined(self, station: EntityId, now: Utc) -> None:
        """A device joined under its install code's key: the time begins, or begins anew."""
        if self._settings.limit is not None:
            self._until[station] = now.plus(self._settings.limit)

    def settled(self, station: EntityId) -> None:
        """The device has a key now, or is gone."""
        self._until.pop(station, None)

    def due(self, now: Utc) -> tuple[AskToLeave, ...]:
        """Whose time is up; each is named once."""
        late = sorted(station for station, until in self._until.items() if until <= now)
        for station in late:
            del self._until[station]
        return tuple(AskToLeave(station) for station in late)
