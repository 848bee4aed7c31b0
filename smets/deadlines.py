"""The earliest of the deadlines of a device's behaviours, each asked again only when it may be another.

A deadline follows from the store and the time (see `Behaviour.deadline`). What a behaviour read for its
answer is noted; the answer stands until it is past or one of those keys was written. "No deadline" is
asked again once a day, since what looks ahead may look no further.
"""

from __future__ import annotations

from collections.abc import Sequence

from gbcs.time import Utc

from .profile import Behaviour
from .work import NotingWork, Work

_NEVER = 1 << 62  # later than any time of the device
_DAY = 86_400_000_000


class Deadlines:
    """What the behaviours of one device wait for. `changed`: keys written since, which it takes."""

    __slots__ = ("_behaviours", "_changed", "_due", "_last", "_places", "_prefixes", "_readers", "_until")

    def __init__(self, behaviours: Sequence[Behaviour], changed: set[str]) -> None:
        self._behaviours = [b for b in behaviours if type(b).deadline is not Behaviour.deadline]
        self._places = {id(behaviour): place for place, behaviour in enumerate(self._behaviours)}
        count = len(self._behaviours)
        self._changed = changed
        self._due = [_NEVER] * count
        self._until = [-_NEVER] * count  # from when on it has to be asked again
        self._readers: dict[str, list[int]] = {}  # places of behaviours by a key they read
        self._prefixes: dict[str, list[int]] = {}
        self._last = -_NEVER

    def next(self, work: Work) -> Utc | None:
        """The earliest of all after a unit of work, never before its time."""
        now, until = work.now.us, self._until
        if now < self._last:  # the shell's time went back
            until[:] = [-_NEVER] * len(until)
        self._last = now
        self._mark_readers()
        if min(until, default=_NEVER) <= now:
            noting = NotingWork(work)
            for place, time in enumerate(until):
                if time <= now:
                    self._ask(place, noting)
        due = min(self._due, default=_NEVER)
        # what came due while the device was not there is done now, not in the past
        return None if due == _NEVER else Utc(max(due, now))

    def place(self, behaviour: Behaviour) -> int | None:
        """By what `is_due` knows a behaviour; None for one without deadlines."""
        return self._places.get(id(behaviour))

    def is_due(self, place: int, now: Utc) -> bool:
        """Whether the deadline of a behaviour is there."""
        return self._due[place] <= now.us

    def _mark_readers(self) -> None:
        """Have those asked again that read a key which was written."""
        readers, prefixes, until = self._readers, self._prefixes, self._until
        for key in self._changed:
            for place in readers.get(key, ()):
                until[place] = -_NEVER
            for prefix, places in prefixes.items():
                if key.startswith(prefix):
                    for place in places:
                        until[place] = -_NEVER
        self._changed.clear()

    def _ask(self, place: int, work: NotingWork) -> None:
        due = self._behaviours[place].deadline(work)
        self._due[place] = _NEVER if due is None else due.us
        self._until[place] = work.now.us + _DAY if due is None else due.us
        for index, read in ((self._readers, work.keys), (self._prefixes, work.prefixes)):
            for name in read:
                places = index.setdefault(name, [])
                if place not in places:  # one that reads it no longer is asked in vain at most
                    places.append(place)
            read.clear()
