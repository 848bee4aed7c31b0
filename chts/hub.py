"""The communications hub: routing between the wide and the home area network, and the CHF itself.

Messages are passed on untouched, by their target: the CHF, a device of the log through its
tunnel, else a remote party. Source: CHTS, GBCS 10 (reference: chts-hub 8).
"""

from __future__ import annotations

from gbcs.errors import ParseError
from gbcs.ids import Cra, EntityId
from gbcs.message import Message, parse_message
from gbcs.time import Utc
from smets.device import Device
from smets.events import Effect, Event, Happened, RemotePartyMessage, SendMessage, TimerDue
from smets.han.link import Address, Frame, LinkDown, LinkEvent, LinkUp

from .device_log import find
from .events import ForeignOriginator, HanContact, SendWan, Undeliverable, WanMessage
from .tunnels import Tunnels

HubEffect = Effect | Frame | SendWan | Undeliverable


class Hub:
    """A hub: its CHF, the radio it shares with the gas proxy function, its tunnels.

    The radio's EUI-64 is the identifier of the gas proxy function (`address.station`).
    """

    def __init__(self, chf: Device, address: Address) -> None:
        self.chf = chf
        self.address = address
        self.tunnels = Tunnels(address)

    @property
    def next_deadline(self) -> Utc | None:
        """When the hub wants `handle(TimerDue)`."""
        times = [t for t in (self.chf.next_deadline, self.tunnels.next_deadline) if t is not None]
        return min(times, default=None)

    def handle(self, event: Event | LinkEvent | WanMessage, now: Utc) -> tuple[HubEffect, ...]:
        """Everything an event, a frame or a message causes. Raises StoreError if the store fails."""
        if isinstance(event, WanMessage):
            return tuple(self._from_wan(event.octets, now))
        if isinstance(event, Frame):
            return tuple(self._from_han(event, now))
        if isinstance(event, LinkUp):
            if not self._knows(event.peer.station, now):
                return (
                    Happened("refused", f"{event.peer.station} is not in the device log", "chts-hub 7.2"),
                )
            return tuple(self.tunnels.link_up(event.peer, now))
        if isinstance(event, LinkDown):
            self.tunnels.link_down(event.peer.station)
            return ()
        frames: list[HubEffect] = list(self.tunnels.due(now)) if isinstance(event, TimerDue) else []
        return tuple(frames + self._of_chf(event, now))

    def _from_wan(self, octets: bytes, now: Utc) -> list[HubEffect]:
        try:
            message = parse_message(octets)
        except ParseError as error:
            return [Undeliverable(octets, f"no GBCS message: {error}")]
        target = message.recipient
        if target == self.chf.entity:
            return self._of_chf(RemotePartyMessage(octets), now)
        if target == self.address.station:
            return [Undeliverable(octets, f"{target} is the gas proxy function, which is not built yet")]
        if not self._knows(target, now):
            return [Undeliverable(octets, f"{target} is not in the device log of {self.chf.entity}")]
        if message.cra is not Cra.COMMAND:
            return [Undeliverable(octets, f"a {message.kind.value} from the wide area network")]
        return self._to_device(message, now)

    def _from_han(self, frame: Frame, now: Utc) -> list[HubEffect]:
        station = frame.source.station
        if not self._knows(station, now):
            return [Happened("refused", f"{station} is not in the device log", "chts-hub 7.2")]
        octets, frames = self.tunnels.receive(frame, now)
        out: list[HubEffect] = list(frames)
        if octets is None:
            return out
        out += self._of_chf(HanContact(station), now)
        try:
            message = parse_message(octets)
        except ParseError as error:
            return [*out, Undeliverable(octets, f"no GBCS message from {station}: {error}")]
        if message.originator != station:
            refused = Undeliverable(octets, f"{station} sent a message of {message.originator}")
            return [*out, refused, *self._of_chf(ForeignOriginator(station), now)]
        if self._knows(message.recipient, now):
            return out + self._to_device(message, now)
        return [*out, SendWan(octets, message.recipient)]

    def _to_device(self, message: Message, now: Utc) -> list[HubEffect]:
        frames, refusal = self.tunnels.send(message.recipient, message.octets, now)
        out: list[HubEffect] = list(frames)
        return [*out, Undeliverable(message.octets, refusal)] if refusal else out

    def _of_chf(self, event: Event, now: Utc) -> list[HubEffect]:
        """Let the CHF handle an event; its messages go to the wide area network."""
        before = self._known_stations(now)
        out: list[HubEffect] = [
            SendWan(effect.octets, effect.recipient) if isinstance(effect, SendMessage) else effect
            for effect in self.chf.handle(event, now)
        ]
        for gone in before - self._known_stations(now):
            out += self.tunnels.forget(gone)
        return out

    def _known_stations(self, now: Utc) -> frozenset[EntityId]:
        return frozenset(s for s in self.tunnels.stations if self._knows(s, now))

    def _knows(self, entity: EntityId, now: Utc) -> bool:
        return find(self.chf.observe(now), entity) is not None
