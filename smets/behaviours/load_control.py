"""What a meter orders of a load switch on the home area network, and what it hears of it.

An order is a load control event of the Demand Response and Load Control cluster: a state from now
on, for some minutes. A new one takes the place of the one before. The switch reports; an order
nobody reports on is sent again, and at last given up. Here they are values; no radio knows them.
Source: reference, smets-ppmid-hcalcs-ihd 3.2 and 3.3, chts-hub 8 (HECS01).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import NamedTuple

from gbcs.errors import BuildError
from gbcs.ids import EntityId
from gbcs.time import Utc

from ..events import ProfileEffect, ProfileEvent
from ..store import StoreError
from ..work import Work

COUNT = "load-control/count"
MINUTE = 60_000_000  # microseconds
LONGEST_MINUTES = 1440
MAX_U32 = 0xFFFF_FFFF


@dataclass(frozen=True, slots=True)
class LoadControlEvent(ProfileEffect):
    """Send a LoadControlEvent: on (100 per cent of the time) or off (0), from `start` for `minutes`.

    `event` is the issuer event id, which reports give back; `start` is of the device's clock.
    """

    station: EntityId
    event: int
    start: Utc
    minutes: int
    on: bool


@dataclass(frozen=True, slots=True)
class CancelLoadControlEvent(ProfileEffect):
    """Send a CancelLoadControlEvent: the switch has no orders from this meter any more."""

    station: EntityId
    event: int


@dataclass(frozen=True, slots=True)
class EventStatusReported(ProfileEvent):
    """A switch's ReportEventStatus on an issuer event id."""

    station: EntityId
    event: int
    status: int


@dataclass(frozen=True, slots=True)
class ScheduledEventsAsked(ProfileEvent):
    """A switch's GetScheduledEvents: it needs its orders (HECS01)."""

    station: EntityId


class Outcome(Enum):
    """What a report says of an order."""

    SUCCESS = "carried out"
    FAILURE = "not carried out"
    NEITHER = "received, or over"


@dataclass(frozen=True, slots=True)
class LoadControlSettings:
    """Where the reference is unsure about switches on the home area network. Raises BuildError."""

    report_timeout: int = 60
    """Seconds to wait for a report. Gap: smets-ppmid-hcalcs-ihd 3.2 says `no report`, not how long."""

    attempts: int = 3
    """How often an order is sent before it is given up and 811A is raised. Gap: 3.3 point 5 has N."""

    overlap: int = 60
    """Seconds an order lasts beyond the next change, so that the next order comes before it ends.
    Gap: 3.2 has `duration until the next change`; a switch without an order goes off (3.3 point 2)."""

    carried_out: frozenset[int] = frozenset((0x02,))
    """Event statuses that say an order is carried out: started. Gap: the reference names none; these and
    those below are the ones of the ZSE cluster [general knowledge]."""

    not_an_outcome: frozenset[int] = frozenset((0x01, 0x03, 0x05, 0x06, 0x07))
    """Statuses that say neither: received, completed, opted in, cancelled, superseded. Any other is a
    failure. Gap: as above."""

    def __post_init__(self) -> None:
        """Ranges."""
        if not (1 <= self.report_timeout <= 3600 and 1 <= self.attempts <= 100 and 0 <= self.overlap <= 3600):
            raise BuildError("1 to 3600 seconds, 1 to 100 times, 0 to 3600 seconds", "LoadControlSettings")

    def outcome(self, status: int) -> Outcome:
        """What a status means."""
        if status in self.carried_out:
            return Outcome.SUCCESS
        return Outcome.NEITHER if status in self.not_an_outcome else Outcome.FAILURE


class Standing(Enum):
    """How it stands with an order."""

    WAITING = "waiting for a report"
    ANSWERED = "carried out"
    FAILED = "reported as not carried out"
    GIVEN_UP = "given up"


class HeldOrder(NamedTuple):
    """The order a switch has: event id, state, begin and end, times sent, when to send again.

    Moments are microseconds of the device's clock.
    """

    station: EntityId
    event: int
    on: bool
    begins: int
    minutes: int
    sent: int = 0
    again: int = 0
    standing: Standing = Standing.WAITING

    @property
    def ends(self) -> int:
        """When the switch has no order any more."""
        return self.begins + self.minutes * MINUTE


@dataclass(frozen=True, slots=True)
class LoadControl:
    """The conversation with the switch of one controller; `key` is where the store holds its order."""

    key: str
    settings: LoadControlSettings = field(default_factory=LoadControlSettings)

    def held(self, work: Work) -> HeldOrder | None:
        """The order the switch was last given. Raises StoreError."""
        match work.value(self.key):
            case None:
                return None
            case (
                bytes(station),
                int(event),
                bool(on),
                int(begins),
                int(minutes),
                int(sent),
                int(again),
                str(standing),
            ) if len(station) == 8 and standing in _STANDINGS:
                return HeldOrder(
                    EntityId(station), event, on, begins, minutes, sent, again, _STANDINGS[standing]
                )
        raise StoreError("the store holds no load control order here")

    def order(self, work: Work, station: EntityId, on: bool, until: int | None) -> int:
        """Give a new order that lasts until a moment, as long as possible for None; its event id."""
        now = work.time.us
        minutes = LONGEST_MINUTES
        if until is not None:
            least = until - now + self.settings.overlap * 1_000_000
            minutes = min(-(-least // MINUTE), LONGEST_MINUTES)
        event = work.number(COUNT) + 1
        event = event if event <= MAX_U32 else 1
        work.set_value(COUNT, event)
        self._send(work, HeldOrder(station, event, on, now, max(minutes, 1)))
        return event

    def again(self, work: Work) -> bool:
        """Tell the switch its order once more, if one still runs, and wait for its report anew."""
        held = self.held(work)
        if held is None or not held.begins <= work.time.us < held.ends:
            return False
        self._send(work, held._replace(sent=0, standing=Standing.WAITING))
        return True

    def lasts(self, work: Work, held: HeldOrder) -> bool:
        """Whether no new order is needed yet to keep the state."""
        now = work.time.us
        return held.begins <= now < held.ends - self.settings.overlap * 1_000_000

    def next(self, work: Work) -> int | None:
        """When `due` has something to do, or a new order is needed."""
        held = self.held(work)
        if held is None:
            return None
        renewal = held.ends - self.settings.overlap * 1_000_000
        return min(renewal, held.again) if held.standing is Standing.WAITING else renewal

    def due(self, work: Work) -> bool:
        """Send again what nobody reported on; True when it is given up now."""
        held, now = self.held(work), work.time.us
        if held is None or held.standing is not Standing.WAITING:
            return False
        if held.again - now > self.settings.report_timeout * 1_000_000:  # the clock was set back
            self._keep(work, held._replace(again=now + self.settings.report_timeout * 1_000_000))
        elif held.again <= now:
            if held.sent >= self.settings.attempts:
                self._keep(work, held._replace(standing=Standing.GIVEN_UP))
                return True
            self._send(work, held)
        return False

    def reported(self, work: Work, event: EventStatusReported) -> Outcome:
        """Take in a report of this switch: what is new in it.

        One on another order than the last says nothing any more; but a switch that was given up
        and reports gets its order again. An order carried out may fail later, once.
        """
        held = self.held(work)
        if held is None or held.station != event.station:
            return Outcome.NEITHER
        outcome = self.settings.outcome(event.status)
        if held.event != event.event:
            if held.standing is Standing.GIVEN_UP:
                self.again(work)
            return Outcome.NEITHER
        after = _REPORTED.get((held.standing, outcome))
        if after is None:
            return Outcome.NEITHER
        self._keep(work, held._replace(standing=after))
        return outcome

    def cancel(self, work: Work) -> None:
        """Take the order back: the controller is not this switch any more."""
        held = self.held(work)
        if held is not None:
            work.put(self.key, None)
            work.effect(CancelLoadControlEvent(held.station, held.event))

    def _send(self, work: Work, order: HeldOrder) -> None:
        again = work.time.us + self.settings.report_timeout * 1_000_000
        self._keep(work, order._replace(sent=order.sent + 1, again=again))
        work.effect(LoadControlEvent(order.station, order.event, Utc(order.begins), order.minutes, order.on))

    def _keep(self, work: Work, order: HeldOrder) -> None:
        work.set_value(self.key, (bytes(order.station), *order[1:-1], order.standing.value))


# what a report on the last order changes
_REPORTED = {
    (Standing.WAITING, Outcome.SUCCESS): Standing.ANSWERED,
    (Standing.WAITING, Outcome.FAILURE): Standing.FAILED,
    (Standing.GIVEN_UP, Outcome.SUCCESS): Standing.ANSWERED,
    (Standing.ANSWERED, Outcome.FAILURE): Standing.FAILED,
}
_STANDINGS = {standing.value: standing for standing in Standing}
