"""A device on its radio: tunnel frames in, messages to the machine, its messages out again.

Works for a device that listens all the time (ESME, PPMID, HCALCS); one that sleeps polls
instead and has another station.
"""

from __future__ import annotations

from gbcs.time import Utc

from ..device import POWER_LOST, Device
from ..events import Effect, Event, Happened, PowerLost, RemotePartyMessage, SendMessage
from .link import MAX_TRANSFER, Address, Frame, LinkDown, LinkEvent, LinkUp
from .tunnel_server import TunnelServer

MAX_WAITING = 8  # ours: messages kept while there is no tunnel


class Station:
    """One emulated device behind one radio. Events and effects add frames to the device's own.

    Tunnel and waiting messages are volatile: loss of power loses them.
    """

    def __init__(self, device: Device, address: Address) -> None:
        self.device = device
        self.address = address
        self._tunnel = TunnelServer(address)
        self._waiting: list[SendMessage] = []

    @property
    def next_deadline(self) -> Utc | None:
        """When the device wants to be called."""
        return self.device.next_deadline

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
        if isinstance(event, Frame | LinkUp | LinkDown):
            if self.device.observe(now).get(POWER_LOST) is not None:
                return ()
            if isinstance(event, Frame):
                octets, answer = self._tunnel.receive(event, now)
                if answer is not None:
                    out.append(answer)
                if octets is not None:
                    effects = self.device.handle(RemotePartyMessage(octets), now)
            elif isinstance(event, LinkDown):
                self._tunnel.lose(event.peer.station)
        else:
            effects = self.device.handle(event, now)
        for effect in effects:
            if isinstance(effect, SendMessage):
                self._waiting.append(effect)
            else:
                out.append(effect)
        out += self._flush(now)
        if isinstance(event, PowerLost):
            self._tunnel = TunnelServer(self.address)
            self._waiting.clear()
        return tuple(out)

    def _flush(self, now: Utc) -> list[Effect | Frame]:
        """Send what waits; what can never be sent, or is too much, is dropped and said so."""
        out: list[Effect | Frame] = []
        while self._waiting:
            octets = self._waiting[0].octets
            if len(octets) > MAX_TRANSFER:
                text = f"{len(octets)} octets need General Block Transfer, which is not built yet"
                out.append(Happened("undeliverable", text, "chts-hub 7.1"))
            else:
                frame = self._tunnel.send(octets, now)
                if frame is None:
                    break
                out.append(frame)
            self._waiting.pop(0)
        while len(self._waiting) > MAX_WAITING:
            self._waiting.pop(0)
            out.append(Happened("undeliverable", "no tunnel, and too many messages wait", "chts-hub 7.2"))
        return out
