"""A device on its radio: tunnel frames in, messages to the machine, its messages out again.

Works for a device that listens all the time (ESME, PPMID, HCALCS); one that sleeps polls
instead and has another station.
"""

from __future__ import annotations

from typing import Protocol

from gbcs.errors import BuildError, ParseError
from gbcs.gbt import GbtSettings
from gbcs.time import Utc

from ..behaviours.han_access import TunnelRejected
from ..device import POWER_LOST, Device
from ..events import Effect, Event, Happened, PowerLost, RemotePartyMessage, SendMessage, TimerDue
from .blocks import RULE, TUNNEL_BLOCKS, Step, Transfers
from .link import Address, CloseTunnel, Frame, LinkDown, LinkEvent, LinkUp, Sent
from .tunnel_server import TunnelServer

MAX_WAITING = 8  # ours: messages kept while there is no tunnel


class Front(Protocol):
    """What takes a device's events in its place, as its user interface does."""

    device: Device

    @property
    def next_deadline(self) -> Utc | None:
        """When it or the device wants `handle(TimerDue)`."""
        ...

    def handle(self, event: Event, now: Utc) -> tuple[Effect, ...]:
        """Everything an event causes."""
        ...


class _NoFront:
    """The device takes its events itself."""

    __slots__ = ("device",)

    def __init__(self, device: Device) -> None:
        self.device = device

    @property
    def next_deadline(self) -> Utc | None:
        return self.device.next_deadline

    def handle(self, event: Event, now: Utc) -> tuple[Effect, ...]:
        return self.device.handle(event, now)


class Station:
    """One emulated device behind one radio. Events and effects add frames to the device's own.

    `front` stands before the device, if anything does. Tunnel, block transfers and waiting messages are
    volatile: loss of power loses them.
    """

    def __init__(
        self,
        device: Device,
        address: Address,
        blocks: GbtSettings = TUNNEL_BLOCKS,
        front: Front | None = None,
    ) -> None:
        self._front: Front = _NoFront(device) if front is None else front
        self.address = address
        self._blocks = blocks
        self._tunnel = TunnelServer(address)
        self._transfers = Transfers(blocks)
        self._waiting: list[SendMessage] = []

    @property
    def device(self) -> Device:
        """The device itself; another one may take its place."""
        return self._front.device

    @device.setter
    def device(self, device: Device) -> None:
        self._front.device = device

    @property
    def next_deadline(self) -> Utc | None:
        """When the device or a block transfer wants `handle(TimerDue)`."""
        times = (self._front.next_deadline, self._transfers.next_deadline)
        return min((time for time in times if time is not None), default=None)

    @property
    def waiting(self) -> int:
        """How many messages wait for a tunnel."""
        return len(self._waiting)

    def handle(self, event: Event | LinkEvent, now: Utc) -> tuple[Effect | Frame, ...]:
        """Everything an event or frame causes; messages leave as frames while there is a tunnel.

        Raises StoreError if the device's store fails.
        """
        out: list[Effect | Frame] = []
        effects: tuple[Effect, ...] = ()
        if isinstance(event, Frame | LinkUp | LinkDown | Sent):
            if self.device.observe(now).get(POWER_LOST) is not None:
                return ()
            if isinstance(event, Frame):
                rejected = self._tunnel.rejects(event, now)
                octets, answer = self._tunnel.receive(event, now)
                if answer is not None:
                    out.append(answer)
                if rejected:
                    closing = isinstance(event.command, CloseTunnel)
                    effects = self._front.handle(TunnelRejected(closing), now)
                if octets is not None:
                    whole = self._put_together(octets, now, out)
                    if whole is not None:
                        effects = self._front.handle(RemotePartyMessage(whole), now)
            elif isinstance(event, LinkDown):
                self._tunnel.lose(event.peer.station)
        elif not (isinstance(event, TimerDue) and self._blocks_due(now, out)):
            effects = self._front.handle(event, now)
        for effect in effects:
            if isinstance(effect, SendMessage):
                self._waiting.append(effect)
            else:
                out.append(effect)
        out += self._flush(now)
        if isinstance(event, PowerLost):
            self._tunnel = TunnelServer(self.address)
            self._transfers = Transfers(self._blocks)
            self._waiting.clear()
        return tuple(out)

    def _put_together(self, octets: bytes, now: Utc, out: list[Effect | Frame]) -> bytes | None:
        """The message that octets from the tunnel are or complete; None as long as blocks are missing."""
        try:
            step = self._transfers.incoming(octets, now)
        except ParseError as error:
            # nothing protects a block, so that a bad one is no event of the device
            out.append(Happened("refused", f"no block: {error}", RULE))
            return None
        out += self._of_step(step, now)
        return step.message

    def _blocks_due(self, now: Utc, out: list[Effect | Frame]) -> bool:
        """Do what block transfers are due for; whether that is all that is due."""
        deadline = self._transfers.next_deadline
        if deadline is None or deadline > now:
            return False
        out += self._of_step(self._transfers.due(now), now)
        own = self._front.next_deadline
        return own is None or own > now

    def _of_step(self, step: Step, now: Utc) -> list[Effect | Frame]:
        frames = [self._tunnel.send(octets, now) for octets in step.send]
        return [
            *(frame for frame in frames if frame is not None),
            *(Happened("given up", text, RULE) for text in step.lost),
        ]

    def _flush(self, now: Utc) -> list[Effect | Frame]:
        """Send what waits; what can never be sent, or is too much, is dropped and said so."""
        out: list[Effect | Frame] = []
        while self._waiting and self._tunnel.is_open(now):
            octets = self._waiting.pop(0).octets
            try:
                pieces = self._transfers.outgoing(octets, now)
            except (BuildError, ParseError) as error:
                text = f"{len(octets)} octets cannot be cut in blocks: {error}"
                out.append(Happened("undeliverable", text, RULE))
                continue
            frames = (self._tunnel.send(piece, now) for piece in pieces)
            out += [frame for frame in frames if frame is not None]
        while len(self._waiting) > MAX_WAITING:
            self._waiting.pop(0)
            out.append(Happened("undeliverable", "no tunnel, and too many messages wait", "chts-hub 7.2"))
        return out
