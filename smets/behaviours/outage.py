"""Outages of the supply and of single phases: logged when they begin, alerted when they end.

An outage of three minutes or more has a code of its own; the alert says when it began and ended
(ECS80). Source: reference, smets-esme 14, dlms-payloads 8, seed-decisions S15.

The device has no time of its own while it has no power: the outage is judged when power returns,
from the time of loss it holds. Where the clock did not survive (`ClockSettings`), it is judged
when the clock is set again, its end counted back from then; what is lost again before that is one
outage with what was lost before.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from gbcs.time import Utc

from ..eventlog import write
from ..events import Event, Metrology, PowerLost, PowerRestored, TimerDue
from ..profile import Behaviour
from ..sensing import PhaseSupply
from ..store import StoreError
from ..work import Work
from .clock import is_stopped

WHOLE, PHASES = 0, (1, 2, 3)
LOST = "outage/"
WAITING = "outage/waiting"
LONG = 180
# by place: the whole supply, then the phases
INTERRUPTED = (0x8F57, 0x8F58, 0x8F59, 0x8F5A)
RESTORED = (0x8F35, 0x8F37, 0x8F39, 0x8F3B)
RESTORED_AFTER_LONG = (0x8F36, 0x8F38, 0x8F3A, 0x8F3C)
ECS80 = 0x0067


@dataclass(frozen=True, slots=True)
class OutageSettings:
    """Where the reference is unsure about outages (smets-esme 14)."""

    phases_apart: bool = False
    """Whether a polyphase meter that loses all of its supply reports each phase apart (8F58 to 8F5A,
    8F37 to 8F3C) instead of one outage (8F57, 8F35, 8F36). Gap: the codes of the whole supply are
    not said to be those of single phase meters only (smets-esme 14)."""


DEFAULT_SETTINGS = OutageSettings()


class Lost(NamedTuple):
    """A place that lost its supply; microseconds.

    `begun` is what the clock showed; `since` is the shell's time of it, None where the device could
    not count the time since; `ended` the shell's time of an end that waits for the clock.
    """

    begun: int
    since: int | None
    ended: int | None
    by_power: bool


class Outage(Behaviour):
    """Keeps what was lost and when. `polyphase` adds single phases."""

    name = "outage"
    ignores = (Metrology, TimerDue)

    def __init__(self, polyphase: bool = False, settings: OutageSettings = DEFAULT_SETTINGS) -> None:
        self._phases = PHASES if polyphase else ()
        self._whole = PHASES if polyphase and settings.phases_apart else (WHOLE,)

    def handle(self, work: Work, event: Event) -> None:
        """React to power and phases; report what waited for the clock, with the event that set it."""
        if isinstance(event, PowerLost):
            for place in self._whole:
                self._lose(work, place, by_power=True)
        elif isinstance(event, PowerRestored):
            self._power_returns(work)
        elif isinstance(event, PhaseSupply):
            if event.phase in self._phases:
                if event.present:
                    self._restore(work, event.phase)
                else:
                    self._lose(work, event.phase, by_power=False)
        elif work.value(WAITING) is True and not is_stopped(work):
            work.put(WAITING, None)
            for place in (WHOLE, *self._phases):
                held = _held(work, place)
                if held is not None and held.ended is not None:
                    self._report(work, place, held)

    def _lose(self, work: Work, place: int, by_power: bool) -> None:
        held = _held(work, place)
        if held is None:
            held = Lost(work.time.us, work.now.us, None, by_power)
        elif held.ended is None:
            return  # lost before
        work.set_value(f"{LOST}{place}", tuple(held._replace(ended=None, by_power=by_power)))
        write(work, "PowerEventLog", INTERRUPTED[place])

    def _power_returns(self, work: Work) -> None:
        for place in (WHOLE, *self._phases):
            held = _held(work, place)
            if held is None:
                continue
            if is_stopped(work):  # neither how long it was away can be told, nor what ended before
                ended = None if held.ended is None else work.now.us
                work.set_value(f"{LOST}{place}", tuple(held._replace(since=None, ended=ended)))
            if held.by_power:
                self._restore(work, place)

    def _restore(self, work: Work, place: int) -> None:
        held = _held(work, place)
        if held is None or held.ended is not None:
            return
        held = held._replace(ended=work.now.us)
        if is_stopped(work):
            work.set_value(f"{LOST}{place}", tuple(held))
            work.set_value(WAITING, True)
        else:
            self._report(work, place, held)

    def _report(self, work: Work, place: int, held: Lost) -> None:
        work.put(f"{LOST}{place}", None)
        assert held.ended is not None, "it has ended"
        restored = held.ended + work.time.us - work.now.us
        begun = held.begun if held.since is None else restored - (held.ended - held.since)
        long = restored - begun >= LONG * 1_000_000
        code = (RESTORED_AFTER_LONG if long else RESTORED)[place]
        write(work, "PowerEventLog", code)
        work.alert(code, Utc(begun).to_cosem(), Utc(restored).to_cosem(), message_code=ECS80)


def is_lost(work: Work, place: int = WHOLE) -> bool:
    """Whether the supply, or a phase, is lost now. Raises StoreError."""
    held = _held(work, place)
    return held is not None and held.ended is None


def _held(work: Work, place: int) -> Lost | None:
    match work.value(f"{LOST}{place}"):
        case None:
            return None
        case (int(begun), int() | None as since, int() | None as ended, bool(by_power)):
            return Lost(begun, since, ended, by_power)
    raise StoreError("the store holds no outage here")
