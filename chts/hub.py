"""The communications hub: routing between the wide and the home area network, and the CHF itself.

Messages are passed on untouched, by their target: the CHF, a device of the log through its
tunnel, else a remote party. The hub opens the tunnels of devices that listen, and serves those
of gas meters. Source: CHTS, GBCS 10 (reference: chts-hub 7 and 8).
"""

from __future__ import annotations

from gbcs.errors import ParseError
from gbcs.gbt import GbtSettings
from gbcs.ids import Cra, DeviceType, EntityId
from gbcs.message import Message, parse_message
from gbcs.time import Utc
from smets.device import POWER_LOST, Device
from smets.events import Effect, Event, Happened, PowerLost, RemotePartyMessage, SendMessage, TimerDue
from smets.han.blocks import RULE, TUNNEL_BLOCKS
from smets.han.link import Address, Frame, LinkDown, LinkEvent, LinkUp, RequestTunnel, Sent

from .device_log import DEVICE_TYPES, find
from .events import (
    ForeignOriginator,
    HanContact,
    NotRetrieved,
    Retrieved,
    SendWan,
    Undeliverable,
    WanMessage,
)
from .polled_tunnels import POLLED_SETTINGS, Fate, PolledSettings, PolledTunnels, Told
from .tunnels import Tunnels

HubEffect = Effect | Frame | SendWan | Undeliverable


class Hub:
    """A hub: its CHF, the radio it shares with the gas proxy function, its tunnels.

    The radio's EUI-64 is the identifier of the gas proxy function (`address.station`). `confirmed`:
    the link reports with `Sent` what became of each frame, so that messages outlast a link that fails.
    """

    def __init__(
        self,
        chf: Device,
        address: Address,
        blocks: GbtSettings = TUNNEL_BLOCKS,
        polled: PolledSettings = POLLED_SETTINGS,
        confirmed: bool = False,
    ) -> None:
        self.chf = chf
        self.address = address
        self._blocks = blocks
        self._polled = polled
        self._confirmed = confirmed
        self._begin()

    def _begin(self) -> None:
        """Without tunnels, as at power on."""
        self.tunnels = Tunnels(self.address, self._blocks, self._confirmed)
        self.polled = PolledTunnels(self.address, self._polled, self._confirmed)

    @property
    def next_deadline(self) -> Utc | None:
        """When the hub wants `handle(TimerDue)`."""
        times = (self.chf.next_deadline, self.tunnels.next_deadline, self.polled.next_deadline)
        return min((time for time in times if time is not None), default=None)

    def knows(self, entity: EntityId, now: Utc) -> bool:
        """Whether a device is in the device log."""
        return find(self.chf.observe(now), entity) is not None

    def handle(self, event: Event | LinkEvent | WanMessage, now: Utc) -> tuple[HubEffect, ...]:
        """Everything an event, a frame or a message causes. Raises StoreError if the store fails."""
        if isinstance(event, WanMessage | Frame | LinkUp | LinkDown | Sent):
            if self.chf.observe(now).get(POWER_LOST) is None:
                carried = self._carried(event, now)
                return (*carried, *self._given_up(now))
            if isinstance(event, WanMessage):
                return (Undeliverable(event.octets, "the hub has no power"),)
            return ()
        frames: list[HubEffect] = []
        if isinstance(event, TimerDue):
            frames += [*self.tunnels.due(now), *self.polled.due(now)]
        effects = frames + self._given_up(now) + self._of_chf(event, now)
        if isinstance(event, PowerLost):
            waiting = (*self.tunnels.waiting(), *self.polled.waiting())
            effects += [
                Undeliverable(octets, f"it waited for {station} when the hub lost its power")
                for station, octets in waiting
            ]
            self._begin()
        return tuple(effects)

    def waits_for(self, station: EntityId) -> bool:
        """Whether a device that sleeps has something to fetch: flag TunnelMessagePending (chts-hub 7.4)."""
        return self.polled.waiting_for(station) > 0

    def _given_up(self, now: Utc) -> list[HubEffect]:
        """What tunnels say of messages; the CHF logs some of it."""
        out: list[HubEffect] = [Happened("given up", text, RULE) for text in self.tunnels.take_lost()]
        out += self.polled.take_notes()
        for told in self.polled.take_told():
            out += self._fate(told, now)
        return out

    def _fate(self, told: Told, now: Utc) -> list[HubEffect]:
        if told.fate is Fate.UNSENDABLE:
            return [Undeliverable(told.octets, told.why)]
        if told.fate is Fate.EXPIRED:
            reason = f"{told.station} did not fetch it in {self._polled.lifetime} s"
            return [Undeliverable(told.octets, reason), *self._of_chf(NotRetrieved(told.station), now)]
        code = parse_message(told.octets).code
        return self._of_chf(Retrieved(told.station, code, told.fate is Fate.DELIVERED), now)

    def _end(self, station: EntityId, now: Utc) -> Tunnels | PolledTunnels:
        """The tunnels of a device of the log, by its type; one that opened its own polls."""
        entry = find(self.chf.observe(now), station)
        kind = entry.device_type if entry is not None else None
        polls = kind is not None and DEVICE_TYPES.get(kind) is DeviceType.GSME
        return self.polled if polls or station in self.polled.stations else self.tunnels

    def _opens(self, station: EntityId, now: Utc) -> list[HubEffect]:
        """A device asks for a tunnel: if its entry was restored, and has no type, it is a gas meter."""
        entry = find(self.chf.observe(now), station)
        if entry is None or entry.device_type is not None or station in self.polled.stations:
            return []
        frames, waiting = self.tunnels.forget(station)
        self.polled.link_up(Address(station), now)
        out: list[HubEffect] = list(frames)
        for octets in waiting:
            _, refusal = self.polled.send(station, octets, now)
            out += [Undeliverable(octets, refusal)] if refusal else []
        return out

    def _carried(self, event: WanMessage | LinkEvent, now: Utc) -> list[HubEffect]:
        if isinstance(event, WanMessage):
            return self._from_wan(event.octets, now)
        if isinstance(event, Frame):
            return self._from_han(event, now)
        if isinstance(event, Sent):
            return [*self.tunnels.sent(event, now), *self.polled.sent(event, now)]
        station = event.peer.station
        if isinstance(event, LinkDown):
            self._end(station, now).link_down(station, now)
            return []
        if not self.knows(station, now):
            return [_not_in_log(station)]
        return list(self._end(station, now).link_up(event.peer, now))

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
        out = self._opens(station, now) if isinstance(frame.command, RequestTunnel) else []
        tunnels = self._end(station, now)
        octets, frames = tunnels.receive(frame, now)
        out += frames
        if octets is not None or (tunnels is self.polled and frame.aps_encrypted):  # a GET is a contact
            out += self._of_chf(HanContact(station), now)
        if octets is None:
            return out
        try:
            whole, frames = tunnels.put_together(station, octets, now)
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
        tunnels = self._end(message.recipient, now)
        frames, refusal = tunnels.send(message.recipient, message.octets, now)
        out: list[HubEffect] = list(frames)
        return [*out, Undeliverable(message.octets, refusal)] if refusal else out

    def _of_chf(self, event: Event, now: Utc) -> list[HubEffect]:
        """Let the CHF handle an event; its messages go to the wide area network."""
        out: list[HubEffect] = [
            SendWan(effect.octets, effect.recipient) if isinstance(effect, SendMessage) else effect
            for effect in self.chf.handle(event, now)
        ]
        for tunnels in (self.tunnels, self.polled):
            for station in tunnels.stations:
                if not self.knows(station, now):
                    frames, waiting = tunnels.forget(station)
                    out += frames
                    out += [Undeliverable(octets, f"{station} left the device log") for octets in waiting]
        return out


def _not_in_log(station: EntityId) -> Happened:
    return Happened("refused", f"{station} is not in the device log", "chts-hub 7.2")
