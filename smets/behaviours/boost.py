"""Boost: the consumer turns controllers on for up to an hour; extend, cancel.

It turns on the controllers whose Boost Function Control is true; how it stands against commands and
calendar is decided in `auxiliary_rules`. Source: SMETS 5.26, 5.7.4.2, ECS61c, ECS62 (reference:
smets-esme 15). Minutes are time that passes, whatever the clock is set to.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from gbcs.errors import BuildError
from gbcs.time import Utc

from ..events import Event, Metrology, ProfileEvent
from ..profile import Behaviour
from ..values import Value
from ..work import Work
from .auxiliary import BOOST, Auxiliary, kind_at, next_rank, unsettle
from .auxiliary_rules import CONTROLLERS, ON, Kind
from .local_commands import told

BEGUN = "boost/begun"
EVENT_LOG = "BoostFunctionEventLog"
RULE = "smets-esme 15"
MINUTE = 60_000_000  # microseconds


@dataclass(frozen=True, slots=True)
class StartBoost(ProfileEvent):
    """The consumer starts a boost."""

    minutes: int


@dataclass(frozen=True, slots=True)
class ExtendBoost(ProfileEvent):
    """The consumer lets a boost last so much longer."""

    minutes: int


@dataclass(frozen=True, slots=True)
class CancelBoost(ProfileEvent):
    """The consumer ends a boost."""


@dataclass(frozen=True, slots=True)
class BoostSettings:
    """Where the reference is unsure about boost. Raises BuildError."""

    available: bool = True
    """Boost Function Availability (SMETS 5.26.1.1): whether this meter has the function."""

    longest: int = 60
    """Minutes a boost may last with all its extensions. Gap: smets-esme 15, one maker's."""

    offered_when_on: bool = False
    """Whether a boost may begin although all its controllers are on by calendar. Gap: as above."""

    def __post_init__(self) -> None:
        """At least a minute."""
        if self.longest < 1:
            raise BuildError("at least one minute", "longest")


class Boost(Behaviour):
    """Holds the boost that runs. It comes before the controllers, which follow it."""

    name = "boost"
    ignores = (Metrology,)

    def __init__(self, auxiliary: Auxiliary, settings: BoostSettings = BoostSettings()) -> None:
        self._auxiliary = auxiliary
        self._settings = settings

    def reads(self) -> Mapping[str, Callable[[Work], Value]]:
        """Whether there is a boost function."""
        return {"BoostFunctionAvailability": lambda work: self._settings.available}

    def handle(self, work: Work, event: Event) -> None:
        """End what is over; do what the consumer wants."""
        self._end_when_due(work)
        if isinstance(event, StartBoost):
            told(work, self._start(work, event.minutes), f"boost for {event.minutes} minutes", RULE)
        elif isinstance(event, ExtendBoost):
            told(work, self._extend(work, event.minutes), f"boost {event.minutes} minutes longer", RULE)
        elif isinstance(event, CancelBoost):
            told(work, self._cancel(work), "cancel boost", RULE)

    def deadline(self, work: Work) -> Utc | None:
        """The end of the boost."""
        ends = _ends(work)
        return None if ends is None else Utc(ends)

    def refusal(self, work: Work) -> str:
        """Why no boost may begin now; '' if one may."""
        if not self._settings.available:
            return "there is no boost function"
        if _ends(work) is not None:
            return "a boost runs"
        chosen = [n for n in CONTROLLERS if _is_boosted(work, n)]
        if not chosen:
            return "no controller takes part in it"
        if not self._settings.offered_when_on and all(
            self._auxiliary.calendar_level(work, n) == ON for n in chosen
        ):
            return "every controller is on by calendar"
        return ""

    def left(self, work: Work) -> int:
        """Seconds a boost still lasts; 0 without one."""
        ends = _ends(work)
        return 0 if ends is None else max(0, (ends - work.now.us) // 1_000_000)

    # -- what the consumer does -------------------------------------------------------

    def _start(self, work: Work, minutes: int) -> str:
        if not 1 <= minutes <= self._settings.longest:
            return f"1 to {self._settings.longest} minutes"
        refusal = self.refusal(work)
        if not refusal:
            now = work.now.us
            work.set_value(BOOST, (*map(int, ON), now, now + minutes * MINUTE, next_rank(work), True))
            work.set_value(BEGUN, work.time.seconds)
            unsettle(work)
        return refusal

    def _extend(self, work: Work, minutes: int) -> str:
        held = work.value(BOOST)
        if not isinstance(held, tuple):
            return "no boost runs"
        direction, percent, begins, ends, rank, passing = held
        assert isinstance(begins, int)
        assert isinstance(ends, int)
        longer = ends + minutes * MINUTE
        if minutes < 1 or longer - begins > self._settings.longest * MINUTE:
            return f"up to {self._settings.longest} minutes in all"
        work.set_value(BOOST, (direction, percent, begins, longer, rank, passing))
        unsettle(work)
        return ""

    def _cancel(self, work: Work) -> str:
        if _ends(work) is None:
            return "no boost runs"
        self._end(work, work.time.seconds)
        return ""

    def _end_when_due(self, work: Work) -> None:
        """At its end, or when power returns after it."""
        ends = _ends(work)
        if ends is not None and ends <= work.now.us:
            self._end(work, work.time.plus(us=ends - work.now.us).seconds)

    def _end(self, work: Work, time: int) -> None:
        if EVENT_LOG in work.log_sizes:
            work.log(EVENT_LOG, work.number(BEGUN), time)
        work.put(BOOST, None)
        work.put(BEGUN, None)
        unsettle(work)


def _ends(work: Work) -> int | None:
    held = work.value(BOOST)
    return held[3] if isinstance(held, tuple) and isinstance(held[3], int) else None


def _is_boosted(work: Work, n: int) -> bool:
    return work.item(f"BoostFunctionControl{n}") is True and kind_at(work, n) is not Kind.NONE
