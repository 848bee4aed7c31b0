"""The earliest of the deadlines of a device's behaviours, each asked again only when it may be another.

A deadline follows from the store and the time (see `Behaviour.deadline`). What a behaviour read for its
answer is noted; the answer stands until it is past or one of those keys was written. "No deadline" is
asked again once a day, since what looks ahead may look no further.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import compress

from .events import TimerDue
from .profile import Behaviour
from .work import NotingWork, Work

NEVER = 1 << 62  # later than any time of the device
_DAY = 86_400_000_000


class Deadlines:
    """What the behaviours of one device wait for. `changed`: what was committed since, which it takes.

    `told` are the behaviours a TimerDue is for, in their order, and `due` from when on, microseconds,
    by their place: their deadlines as of the last `next`, from ever on for those without any.
    """

    __slots__ = (
        "_all",
        "_asks",
        "_changed",
        "_due",
        "_last",
        "_prefixes",
        "_read",
        "_readers",
        "_until",
        "due",
        "told",
    )

    def __init__(self, behaviours: Sequence[Behaviour], changed: list[Mapping[str, object]]) -> None:
        self.told = tuple(b for b in behaviours if _waits(b) or b.hears(TimerDue))
        self._asks = tuple((b.deadline, bool(b.follows)) for b in self.told)
        count = len(self.told)
        self._all = range(count)
        self._changed = changed
        self.due = [-NEVER] * count
        self._due = [NEVER] * count  # the deadlines
        self._until = [-NEVER if _waits(b) else NEVER for b in self.told]  # when to ask it again
        self._readers: dict[str, list[int]] = {}  # places of behaviours by a key they read
        self._prefixes: dict[str, list[int]] = {}
        self._read: list[set[str]] = [set() for _ in range(count)]  # keys and prefixes, by place
        self._last = -NEVER
        for place, behaviour in enumerate(self.told):
            for key in behaviour.follows:
                self._readers.setdefault(key, []).append(place)

    def next(self, work: Work) -> int:
        """The earliest of all after a unit of work, never before its time; NEVER: there is none."""
        now, until = work.now.us, self._until
        if now < self._last:  # the shell's time went back
            until[:] = [-NEVER if _waits(b) else NEVER for b in self.told]
        self._last = now
        if self._changed:
            self._mark_readers()
        noting = None
        for place in compress(self._all, map(now.__ge__, until)):
            deadline, is_noted_already = self._asks[place]
            if is_noted_already:
                found = deadline(work)
            else:
                noting = noting or NotingWork(work)
                found = deadline(noting)
                self._note(place, noting)
            if found is None:
                self._due[place] = self.due[place] = NEVER
                until[place] = now + _DAY
            else:
                self._due[place] = self.due[place] = until[place] = found.us
        # what came due while the device was not there is done now, not in the past
        return max(min(self._due, default=NEVER), now)

    def _mark_readers(self) -> None:
        """Have those asked again that read a key which was written."""
        readers, until, changed = self._readers, self._until, self._changed
        for keys in changed:
            for key in readers.keys() & keys.keys():
                for place in readers[key]:
                    until[place] = -NEVER
            for prefix, places in self._prefixes.items():
                if any(key.startswith(prefix) for key in keys):
                    for place in places:
                        until[place] = -NEVER
        changed.clear()

    def _note(self, place: int, work: NotingWork) -> None:
        """Ask it again when what it read is written."""
        for index, read in ((self._readers, work.keys), (self._prefixes, work.prefixes)):
            if not read <= self._read[place]:
                for name in read - self._read[place]:  # what it reads no longer is asked in vain at most
                    index.setdefault(name, []).append(place)
                self._read[place] |= read
            read.clear()


def _waits(behaviour: Behaviour) -> bool:
    """Whether a behaviour has deadlines."""
    return type(behaviour).deadline is not Behaviour.deadline
