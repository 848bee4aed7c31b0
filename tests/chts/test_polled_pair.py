"""A device that sleeps and its hub over a link that loses, doubles, delays, and errs in its reports."""

from collections import Counter
from typing import NamedTuple

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from chts.polled_tunnels import Fate, PolledSettings, PolledTunnels
from gbcs.gbt import is_block
from gbcs.ids import Cra
from gbcs.message import Message, OtherInformation
from gbcs.time import Utc
from smets.events import Happened, TimerDue
from smets.han.link import MAX_TRANSFER, Address, Frame, LinkDown, LinkUp, Sent, TransferData
from smets.han.polling_station import PollingSettings, PollingStation, State
from tests.chts.rig import GPF, METER, SUPPLIER
from tests.chts.test_tunnel_pair import Deliver, Echo

NOW = Utc.of(2026, 1, 1)
HUB, DEVICE = Address(GPF), Address(METER)
HUB_SETTINGS = PolledSettings(depth=5, lifetime=7200)
DEVICE_SETTINGS = PollingSettings()
STALE = 60  # seconds after which nothing is on its way any more
COPIES = min(HUB_SETTINGS.copy_seconds, DEVICE_SETTINGS.copy_seconds) - STALE


class OnAir(NamedTuple):
    """A frame on its way; `reports`: whether its sender has yet to hear of it."""

    frame: Frame
    since: Utc
    reports: bool


def message(way: Cra, number: int, size: int) -> bytes:
    """A message of about a size."""
    ends = (SUPPLIER, METER) if way is Cra.COMMAND else (METER, SUPPLIER)
    payload = bytes((number + n) & 0xFF for n in range(size))
    made = Message(way, number, *ends, OtherInformation(0x0033), payload, mac_header=True, mac=bytes(12))
    return made.encoded().octets


class PolledPair(RuleBasedStateMachine):
    """What is accepted at either end, and what comes out at the other."""

    @initialize()
    def start(self) -> None:
        """Both ends, and a link that is up."""
        self.now = NOW
        self.hub = PolledTunnels(HUB, HUB_SETTINGS, confirmed=True)
        self.device = Echo()
        self.station = PollingStation(self.device, DEVICE, DEVICE_SETTINGS, confirmed=True)  # type: ignore[arg-type]
        self.air: list[OnAir] = []
        self.accepted: set[bytes] = set()
        self.expired: list[bytes] = []
        self.failed: set[bytes] = set()
        self.delivered: list[bytes] = []
        self.given: set[bytes] = set()
        self.to_wan: list[bytes] = []
        self.dropped = 0
        self.given_up = 0
        self.uncertain: Utc | None = None  # since when an end cannot know what the other one has
        self.doubtful = False  # and then the other one forgot what it had heard
        self.number = 0
        self.up = True
        self._station(LinkUp(HUB))

    # -- both ends ------------------------------------------------------------------------

    def _note(self, happened: Happened) -> None:
        assert happened.verdict in ("undeliverable", "given up", "repeated"), happened
        self.dropped += happened.verdict == "undeliverable"
        self.given_up += happened.verdict == "given up"

    def _station(self, event: object) -> None:
        for effect in self.station.handle(event, self.now):  # type: ignore[arg-type]
            if isinstance(effect, Frame):
                self._fly(effect)
            else:
                assert isinstance(effect, Happened)
                self._note(effect)

    def _of_hub(self, frames: list[Frame]) -> None:
        for frame in frames:
            self._fly(frame)
        for told in self.hub.take_told():
            assert told.fate is not Fate.UNSENDABLE
            if told.fate is Fate.EXPIRED:
                self.expired.append(told.octets)
            elif told.fate is Fate.DELIVERED:
                self.delivered.append(told.octets)
            else:
                assert told.octets not in self.failed
                self.failed.add(told.octets)
        for happened in self.hub.take_notes():
            self._note(happened)

    def _fly(self, frame: Frame) -> None:
        if isinstance(frame.command, TransferData):
            assert len(frame.command.data) <= MAX_TRANSFER
        self.air.append(OnAir(frame, self.now, True))

    def _arrive(self, frame: Frame) -> bool:
        """Whether anybody listens."""
        if frame.destination == DEVICE:
            if not self.station.awake:
                return False
            self._station(frame)
            return True
        octets, frames = self.hub.receive(frame, self.now)
        self._of_hub(frames)
        if octets is not None:
            whole, frames = self.hub.put_together(METER, octets, self.now)
            self._of_hub(frames)
            if whole is not None:
                self.to_wan.append(whole)
        return True

    def _report(self, frame: Frame, arrived: bool) -> None:
        if frame.source == DEVICE:
            self._station(Sent(frame, arrived))
        else:
            self._of_hub(self.hub.sent(Sent(frame, arrived), self.now))

    def _one(self, on_air: OnAir, acknowledged: bool = True) -> None:
        arrived = self.up and self._arrive(on_air.frame)
        if arrived and not (acknowledged and on_air.reports):
            self.uncertain = self.uncertain or self.now
        if on_air.reports:
            self._report(on_air.frame, arrived and acknowledged)

    # -- what is said -------------------------------------------------------------------------

    @rule(size=st.sampled_from([10, 10, 10, 1149, 1300, 4000]))
    def a_command_comes(self, size: int) -> None:
        """For the device."""
        self.number += 1
        octets = message(Cra.COMMAND, self.number, size)
        before = len(self.hub.waiting())
        frames, refusal = self.hub.send(METER, octets, self.now)
        self._of_hub([])
        assert frames == []
        if refusal:
            assert before >= HUB_SETTINGS.depth
        else:
            self.accepted.add(octets)

    @rule(size=st.sampled_from([10, 10, 1149, 4000]))
    def the_device_speaks(self, size: int) -> None:
        """An alert."""
        self.number += 1
        octets = message(Cra.ALERT, self.number, size)
        self.given.add(octets)
        self._station(Deliver(octets))

    # -- the link -----------------------------------------------------------------------------

    @precondition(lambda self: self.air)
    @rule(data=st.data(), acknowledged=st.sampled_from([True, True, True, False]))
    def one_arrives(self, data: st.DataObject, acknowledged: bool) -> None:
        """Any frame on its way; its acknowledgement may get lost."""
        self._one(self.air.pop(data.draw(st.integers(0, len(self.air) - 1))), acknowledged)

    @precondition(lambda self: self.air)
    @rule()
    def a_few_arrive(self) -> None:
        """The oldest, in order."""
        for _ in range(6):
            if self.air:
                self._one(self.air.pop(0))

    @precondition(lambda self: self.air)
    @rule(data=st.data())
    def one_is_lost(self, data: st.DataObject) -> None:
        """Any frame."""
        lost = self.air.pop(data.draw(st.integers(0, len(self.air) - 1)))
        if lost.reports:
            self._report(lost.frame, False)

    @precondition(lambda self: self.air)
    @rule(data=st.data())
    def one_is_doubled(self, data: st.DataObject) -> None:
        """Any frame; the copy may come long after."""
        on_air = data.draw(st.sampled_from(self.air))
        self.air.append(on_air._replace(reports=False))

    @precondition(lambda self: self.air)
    @rule(data=st.data())
    def one_is_given_up_too_early(self, data: st.DataObject) -> None:
        """It arrives after all, later."""
        place = data.draw(st.integers(0, len(self.air) - 1))
        on_air = self.air[place]
        self.air[place] = on_air._replace(reports=False)
        if on_air.reports:
            self._report(on_air.frame, False)

    @rule(seconds=st.sampled_from([1, 3, 10, 30, 600, 1800, 7200]))
    def time_passes(self, seconds: int) -> None:
        """With everything that comes due; nothing stays on its way for ever."""
        until = self.now.plus(seconds)
        for _ in range(500):
            times = [t for t in (self.hub.next_deadline, self.station.next_deadline) if t is not None]
            times += [on_air.since.plus(STALE) for on_air in self.air]
            due = min(times, default=None)
            if due is None or due > until:
                break
            self.now = max(self.now, due)
            for on_air in [a for a in self.air if a.since.plus(STALE) <= self.now]:
                self.air.remove(on_air)
                if on_air.reports:
                    self._report(on_air.frame, False)
            if self.hub.next_deadline is not None and self.hub.next_deadline <= self.now:
                self._of_hub(self.hub.due(self.now))
            if self.station.next_deadline is not None and self.station.next_deadline <= self.now:
                self._station(TimerDue())
        else:
            raise AssertionError("it is always due")
        self.now = until
        if self._between() and self.uncertain is None:
            self.uncertain = self.now
        if self.uncertain is not None and self.uncertain.plus(COPIES) <= self.now:
            self.doubtful = True

    def _between(self) -> bool:
        """Whether an end waits to hear that what was acknowledged was taken."""
        boxes = self.hub._boxes.values()
        outboxes = [self.station._outbox, *(box.outbox for box in boxes)]
        flying = [self.station._flying, *(box.flying for box in boxes)]
        again = {octets for _, octets in self.hub.waiting()} & set(self.device.heard)
        return bool(again) or any(o.handed for o in outboxes) or any(f is not None for f in flying)

    @rule()
    def the_device_joins_again(self) -> None:
        """Both ends see it."""
        self.up = True
        self._of_hub(self.hub.link_up(DEVICE, self.now))
        self._station(LinkUp(HUB))

    @rule()
    def the_device_loses_its_link(self) -> None:
        """Both ends see it, and nothing arrives any more."""
        self.up = False
        self.hub.link_down(METER, self.now)
        self._station(LinkDown(HUB))

    @rule()
    def the_device_restarts(self) -> None:
        """It forgets its tunnel, what it had to say, and what it heard."""
        self.doubtful |= self.uncertain is not None or self._between()
        self.up = True
        self.given.clear()
        self.dropped = 0
        self.to_wan.clear()
        self.station = PollingStation(self.device, DEVICE, DEVICE_SETTINGS, confirmed=True)  # type: ignore[arg-type]
        self.air = [a for a in self.air if a.frame.source != DEVICE]
        self._station(LinkUp(HUB))

    @rule()
    def the_hub_forgets_the_tunnel(self) -> None:
        """As one that restarts, but for the messages."""
        self.hub.link_down(METER, self.now)

    @rule()
    def the_link_is_good_again(self) -> None:
        """Then everything that was accepted arrives within two wakes, in order, and all is quiet."""
        if self.station.state is State.DOWN:
            self.the_device_joins_again()
        before = len(self.device.heard)
        waiting = [octets for _, octets in self.hub.waiting()]
        until = self.now.plus(3 * DEVICE_SETTINGS.wake_seconds)
        while self.now < until:
            self._quiet()
            due = self.station.next_deadline
            assert due is not None
            self.time_passes(max(1, due.seconds - self.now.seconds))
        self._quiet()
        assert self.station.state in (State.ASLEEP, State.CLOSED)
        assert self.hub.waiting_for(METER) == 0
        assert self.station.waiting == 0
        heard = [octets for octets in self.device.heard[before:] if octets in waiting]
        assert heard == [octets for octets in waiting if octets in heard]
        if not self.doubtful and not self.given_up:
            assert set(self.device.heard) | set(self.expired) >= self.accepted
            assert len(self.given - set(self.to_wan)) <= self.dropped
        self.uncertain = None

    def _quiet(self) -> None:
        for _ in range(200):
            for _ in range(500):
                if not self.air:
                    break
                self._one(self.air.pop(0))
            assert not self.air, "they never stop talking"
            if not self.station.awake:
                return
            self.time_passes(1)
        raise AssertionError("it never sleeps")

    # -- what always holds -----------------------------------------------------------------------

    @invariant()
    def nothing_comes_twice_or_from_nowhere(self) -> None:
        """Every message arrives once at most, and no other."""
        if not hasattr(self, "accepted"):
            return
        assert set(self.device.heard) <= self.accepted
        assert not any(is_block(octets) for octets in (*self.device.heard, *self.to_wan))
        if not self.doubtful:
            assert max(Counter(self.device.heard).values(), default=0) <= 1
            assert max(Counter(self.to_wan).values(), default=0) <= 1
        assert max(Counter(self.expired).values(), default=0) <= 1

    @invariant()
    def nothing_vanishes(self) -> None:
        """What was accepted is heard, expired, waiting, or on its way as blocks."""
        if not hasattr(self, "accepted"):
            return
        waiting = {octets for _, octets in self.hub.waiting()}
        handed = [box.outbox.handed for box in self.hub._boxes.values()]
        waiting |= {parcel.octets for parcels in handed for parcel in parcels}
        known = set(self.device.heard) | set(self.expired) | waiting | set(self.delivered)
        assert self.accepted <= known
        if not self.doubtful:
            short = {octets for octets in self.delivered if len(octets) <= 1200}
            assert short <= set(self.device.heard) | waiting

    @invariant()
    def memory_is_bounded(self) -> None:
        """At both ends."""
        if hasattr(self, "accepted"):
            assert len(self.hub.waiting()) <= HUB_SETTINGS.depth + 1
            assert self.station.waiting <= DEVICE_SETTINGS.waiting + 1


TestPolledPair = PolledPair.TestCase
TestPolledPair.settings = settings(settings.get_profile("default"), max_examples=60, stateful_step_count=50)


@pytest.mark.long
class TestPolledPairOften(PolledPair.TestCase):
    """The same, more often and for longer."""

    settings = settings(settings.get_profile("long"), max_examples=1500, stateful_step_count=100)
