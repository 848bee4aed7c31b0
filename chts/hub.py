"""The communications hub: routing between the wide and the home area network, and the CHF itself.

Messages are passed on untouched, by their target: the CHF, a device of the log through its
tunnel, else a remote party. Source: CHTS, GBCS 10 (reference: chts-hub 8).
"""

from __future__ import annotations

from gbcs.errors import ParseError
from gbcs.gbt import GbtSettings
from gbcs.ids import Cra, EntityId
from gbcs.message import Message, parse_message
from gbcs.time import Utc
from smets.device import POWER_LOST, Device
from smets.events import Effect, Event, Happened, PowerLost, RemotePartyMessage, SendMessage, TimerDue
from smets.han.blocks import RULE, TUNNEL_BLOCKS
from smets.han.link import Address, Frame, LinkDown, LinkEvent, LinkUp

from .device_log import find
from .events import ForeignOriginator, HanContact, SendWan, Undeliverable, WanMessage
from .tunnels import Tunnels

HubEffect = Effect | Frame | SendWan | Undeliverable


class Hub:
    """A hub: its CHF, the radio it shares with the gas proxy function, its tunnels.

    The radio's EUI-64 is the identifier of the gas proxy function (`address.station`).
    """

    def __init__(self, chf: Device, address: Address, blocks: GbtSettings = TUNNEL_BLOCKS) -> None:
        self.chf = chf
        self.address = address
        self._blocks = blocks
        self.tunnels = Tunnels(address, blocks)

    @property
    def next_deadline(self) -> Utc | None:
        """When the hub wants `handle(TimerDue)`."""
        times = [t for t in (self.chf.next_deadline, self.tunnels.next_deadline) if t is not None]
        return min(times, default=None)

    def knows(self, entity: EntityId, now: Utc) -> bool:
        """Whether a device is in the device log."""
        return find(self.chf.observe(now), entity) is not None

    def handle(self, event: Event | LinkEvent | WanMessage, now: Utc) -> tuple[HubEffect, ...]:
        """Everything an event, a frame or a message causes. Raises StoreError if the store fails."""
        if isinstance(event, WanMessage | Frame | LinkUp | LinkDown):
            if self.chf.observe(now).get(POWER_LOST) is None:
                carried = self._carried(event, now)
                return (*carried, *self._given_up())
            if isinstance(event, WanMessage):
                return (Undeliverable(event.octets, "the hub has no power"),)
            return ()
        frames: list[HubEffect] = list(self.tunnels.due(now)) if isinstance(event, TimerDue) else []
        effects = frames + self._given_up() + self._of_chf(event, now)
        if isinstance(event, PowerLost):
            self.tunnels = Tunnels(self.address, self._blocks)
        return tuple(effects)

    def _given_up(self) -> list[HubEffect]:
        return [Happened("given up", text, RULE) for text in self.tunnels.take_lost()]

    def _carried(self, event: WanMessage | LinkEvent, now: Utc) -> list[HubEffect]:
        if isinstance(event, WanMessage):
            return self._from_wan(event.octets, now)
        if isinstance(event, Frame):
            return self._from_han(event, now)
        station = event.peer.station
        if isinstance(event, LinkDown):
            self.tunnels.link_down(station, now)
            return []
        if not self.knows(station, now):
            return [_not_in_log(station)]
        return list(self.tunnels.link_up(event.peer, now))

    def _from_wan(self, octets: bytes, now: Utc) -> list[HubEffect]:
        try:
            message = parse_message(octets)
        except ParseError as error:
            return [Undeliverable(octets, f"no GBCS message: {error}")]
        target = message.recipient
        known = self._in_the_home(message, now)
        if known is not None:
            return known
        if not self.knows(target, now):
            return [Undeliverable(octets, f"{target} is not in the device log of {self.chf.entity}")]
        if message.cra is not Cra.COMMAND:
            return [Undeliverable(octets, f"a {message.kind.value} from the wide area network")]
        return self._to_device(message, now)

    def _from_han(self, frame: Frame, now: Utc) -> list[HubEffect]:
        station = frame.source.station
        if not self.knows(station, now):
            return [_not_in_log(station)]
        octets, frames = self.tunnels.receive(frame, now)
        out: list[HubEffect] = list(frames)
        if octets is None:
            return out
        out += self._of_chf(HanContact(station), now)
        try:
            whole, frames = self.tunnels.put_together(station, octets, now)
            out += frames
            if whole is None:
                return out
            octets, message = whole, parse_message(whole)
        except ParseError as error:
            return [*out, Undeliverable(octets, f"no GBCS message from {station}: {error}")]
        if message.originator != station:
            refused = Undeliverable(octets, f"{station} sent a message of {message.originator}")
            return [*out, refused, *self._of_chf(ForeignOriginator(station), now)]
        known = self._in_the_home(message, now)
        if known is not None:
            return out + known
        target = message.recipient
        if self.knows(target, now):
            return out + self._to_device(message, now)
        if message.cra is Cra.COMMAND:
            return [*out, Undeliverable(octets, f"a command of {station} to {target}, no device of the log")]
        return [*out, SendWan(octets, target)]

    def _in_the_home(self, message: Message, now: Utc) -> list[HubEffect] | None:
        """What a message for one of the hub's own functions causes; None for any other."""
        if message.recipient == self.chf.entity:
            return self._of_chf(RemotePartyMessage(message.octets), now)
        if message.recipient == self.address.station:
            reason = f"{message.recipient} is the gas proxy function, which is not built yet"
            return [Undeliverable(message.octets, reason)]
        return None

    def _to_device(self, message: Message, now: Utc) -> list[HubEffect]:
        frames, refusal = self.tunnels.send(message.recipient, message.octets, now)
        out: list[HubEffect] = list(frames)
        return [*out, Undeliverable(message.octets, refusal)] if refusal else out

    def _of_chf(self, event: Event, now: Utc) -> list[HubEffect]:
        """Let the CHF handle an event; its messages go to the wide area network."""
        out: list[HubEffect] = [
            SendWan(effect.octets, effect.recipient) if isinstance(effect, SendMessage) else effect
            for effect in self.chf.handle(event, now)
        ]
        for station in self.tunnels.stations:
            if not self.knows(station, now):
                frames, waiting = self.tunnels.forget(station)
                out += frames
                out += [Undeliverable(octets, f"{station} left the device log") for octets in waiting]
        return out


def _not_in_log(station: EntityId) -> Happened:
    return Happened("refused", f"{station} is not in the device log", "chts-hub 7.2")
