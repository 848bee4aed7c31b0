"""Both ends of a tunnel over a link that loses, doubles, delays and reorders frames."""

from collections import Counter

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from chts.tunnels import QUEUE, RETRY_SECONDS, State, Tunnels
from gbcs.time import Utc
from smets.events import ProfileEvent, RemotePartyMessage, SendMessage
from smets.han.link import INACTIVITY_SECONDS, Address, Frame, TransferData
from smets.han.station import MAX_WAITING, Station
from tests.chts.rig import GPF, METER, SUPPLIER

NOW = Utc.of(2026, 1, 1)
HUB, DEVICE = Address(GPF), Address(METER)


class Deliver(ProfileEvent):
    """Makes the device say something."""

    def __init__(self, octets: bytes) -> None:
        self.octets = octets


class Nothing:
    """A work that holds nothing."""

    def get(self, key: str) -> None:
        """No key."""


class Echo:
    """A device that keeps what it hears and says what it is told."""

    next_deadline = None

    def __init__(self) -> None:
        self.heard: list[bytes] = []

    def observe(self, now: Utc) -> Nothing:
        """It always has power."""
        return Nothing()

    def handle(self, event: object, now: Utc) -> tuple[SendMessage, ...]:
        """Keep a message, or send one."""
        if isinstance(event, Deliver):
            return (SendMessage(event.octets, SUPPLIER),)
        if isinstance(event, RemotePartyMessage):
            self.heard.append(event.octets)
        return ()


class TunnelPair(RuleBasedStateMachine):
    """What is put in at either end, and what comes out at the other."""

    @initialize()
    def start(self) -> None:
        """Both ends, and a link that is up."""
        self.now = NOW
        self.tunnels = Tunnels(HUB)
        self.device = Echo()
        self.station = Station(self.device, DEVICE)  # type: ignore[arg-type]
        self.air: list[Frame] = []
        self.doubled: Counter[bytes] = Counter()
        self.to_hub: list[bytes] = []
        self.put: Counter[bytes] = Counter()
        self.number = 0
        self.up = True
        self._carry(self.tunnels.link_up(DEVICE, self.now))

    def _carry(self, frames: object) -> None:
        self.air += [frame for frame in frames if isinstance(frame, Frame)]  # type: ignore[attr-defined]

    def _octets(self, way: bytes) -> bytes:
        self.number += 1
        octets = way + self.number.to_bytes(4, "big")
        self.put[octets] += 1
        return octets

    def _arrive(self, frame: Frame) -> None:
        if frame.destination == DEVICE:
            self._carry(self.station.handle(frame, self.now))
            return
        octets, frames = self.tunnels.receive(frame, self.now)
        self._carry(frames)
        if octets is not None:
            self.to_hub.append(octets)

    @rule()
    def hub_sends(self) -> None:
        """A command for the device."""
        octets = self._octets(b"C")
        frames, refusal = self.tunnels.send(METER, octets, self.now)
        assert not refusal or self.tunnels.state(METER) is not State.OPEN
        self._carry(frames)

    @rule()
    def device_sends(self) -> None:
        """An alert of the device."""
        self._carry(self.station.handle(Deliver(self._octets(b"A")), self.now))

    @precondition(lambda self: self.air)
    @rule(data=st.data())
    def one_arrives(self, data: st.DataObject) -> None:
        """Any frame on its way, not only the oldest."""
        self._arrive(self.air.pop(data.draw(st.integers(0, len(self.air) - 1))))

    @precondition(lambda self: self.air)
    @rule(data=st.data())
    def one_is_lost(self, data: st.DataObject) -> None:
        """Any frame."""
        self.air.pop(data.draw(st.integers(0, len(self.air) - 1)))

    @precondition(lambda self: self.air)
    @rule(data=st.data())
    def one_is_doubled(self, data: st.DataObject) -> None:
        """Any frame."""
        frame = data.draw(st.sampled_from(self.air))
        if isinstance(frame.command, TransferData):
            self.doubled[frame.command.data] += 1
        self.air.append(frame)

    @rule(seconds=st.sampled_from([1, RETRY_SECONDS, 180, INACTIVITY_SECONDS]))
    def time_passes(self, seconds: int) -> None:
        """With everything that comes due."""
        until = self.now.plus(seconds)
        while (due := self.tunnels.next_deadline) is not None and due <= until:
            self.now = due
            self._carry(self.tunnels.due(due))
            if len(self.air) > 50:
                del self.air[:-50]  # lost
        self.now = until

    @rule()
    def device_restarts(self) -> None:
        """Its end is volatile; the hub sees it join again."""
        self.station = Station(self.device, DEVICE)  # type: ignore[arg-type]
        if self.up:
            self._carry(self.tunnels.link_up(DEVICE, self.now))

    @rule()
    def hub_restarts(self) -> None:
        """Its end is volatile."""
        self.tunnels = Tunnels(HUB)
        self.up = True
        self._carry(self.tunnels.link_up(DEVICE, self.now))

    @rule(up=st.booleans())
    def reach(self, up: bool) -> None:
        """The hub sees the device go or come."""
        self.up = up
        if up:
            self._carry(self.tunnels.link_up(DEVICE, self.now))
        else:
            self.tunnels.link_down(METER, self.now)

    @rule()
    def the_link_is_good_again(self) -> None:
        """Everything on its way arrives in order; then traffic flows, at the latest with the second try."""
        if not self.up:
            self.reach(True)
        self._settle()
        for _ in range(2):
            self._carry(self.tunnels.send(METER, self._octets(b"C"), self.now)[0])
            self._settle()
        command, alert = self._octets(b"C"), self._octets(b"A")
        self._carry(self.tunnels.send(METER, command, self.now)[0])
        self._carry(self.station.handle(Deliver(alert), self.now))
        self._settle()
        assert self.device.heard[-1] == command
        assert self.to_hub[-1] == alert
        assert self.tunnels.state(METER) is State.OPEN
        assert self.station.waiting == 0

    def _settle(self) -> None:
        for _ in range(5):
            for _ in range(1000):
                if not self.air:
                    break
                self._arrive(self.air.pop(0))
            assert not self.air, "they never stop talking"
            self.time_passes(RETRY_SECONDS)
        self.time_passes(180)  # a refusal is over
        while self.air:
            self._arrive(self.air.pop(0))

    @invariant()
    def nothing_is_made_up_or_doubled_by_us(self) -> None:
        """Every message arrives at most once, and once more for each time the link doubled it."""
        if not hasattr(self, "put"):
            return
        for octets, count in Counter((*self.device.heard, *self.to_hub)).items():
            assert count <= self.put[octets] + self.doubled[octets], octets
            if not self.doubled[octets]:
                assert count == 1, octets

    @invariant()
    def buffers_are_bounded(self) -> None:
        """At both ends."""
        if hasattr(self, "put"):
            assert len(self.tunnels._tunnels[METER].waiting) <= QUEUE
            assert self.station.waiting <= MAX_WAITING


TestTunnelPair = TunnelPair.TestCase
TestTunnelPair.settings = settings(settings.get_profile("default"), max_examples=60, stateful_step_count=60)


@pytest.mark.long
class TestTunnelPairOften(TunnelPair.TestCase):
    """The same, more often and for longer."""

    settings = settings(settings.get_profile("long"), max_examples=1000, stateful_step_count=120)
