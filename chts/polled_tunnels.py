"""The hub's tunnels to devices that sleep: it serves them, and keeps messages until they are fetched.

A gas meter opens the tunnel, asks with GET, gives with PUT. A message counts as delivered once
the link reports that its GET-RESPONSE arrived, and stays first until then; what is too long
for a transfer is fetched and given block by block. Source: GBCS 10.2.2 (reference: chts-hub 7).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import Enum
from typing import NamedTuple

from gbcs.errors import BuildError, ParseError
from gbcs.gbt import GbtSettings
from gbcs.ids import EntityId
from gbcs.time import Utc
from smets.events import Happened
from smets.han.blocks import RULE as BLOCK_RULE
from smets.han.blocks import Step, Transfers
from smets.han.link import (
    GET,
    Address,
    Frame,
    GetResponse,
    RequestTunnel,
    Sent,
    TransferData,
    TransferDataError,
    parse_put,
)
from smets.han.outbox import (
    COPY_RULE,
    POLLED_BLOCKS,
    WAKE_SECONDS,
    Copies,
    Outbox,
    Parcel,
    leaving_room,
)
from smets.han.tunnel_server import FIRST_TUNNEL, TunnelServer

RULE = "chts-hub 7.3"
FRAMING = 2  # octets of a GET-RESPONSE before its message
IDS = 0x100  # tunnel identifiers of one station, so that two never have the same


@dataclass(frozen=True, slots=True)
class PolledSettings:
    """Settings of what a hub keeps for a device that sleeps. Raises BuildError."""

    depth: int = 5
    """Messages that wait for one device. Gap: chts-hub 22.2 no. 2, no minimum; a maker's default."""

    lifetime: int = 86_400
    """Seconds until a message that was not fetched is dropped. Gap: as above."""

    copy_seconds: int = 2 * WAKE_SECONDS
    """Seconds in which octet-identical messages are copies: a second PUT of one is dropped, and one that
    was fetched is not taken again, for the device could not tell it from a copy; 0 for never. Gap: GBCS
    gives neither GET-RESPONSE nor PUT a number (chts-hub 7.3)."""

    blocks: GbtSettings = POLLED_BLOCKS
    """Messages longer than a transfer. Gap: those of `GbtSettings`; an interrupted transfer waits for
    two wakes."""

    def __post_init__(self) -> None:
        """At least one message for a second."""
        if self.depth < 1 or self.lifetime < 1 or self.copy_seconds < 0:
            raise BuildError("depth and lifetime from 1, seconds from 0", "polled tunnels")


POLLED_SETTINGS = PolledSettings()


class Fate(Enum):
    """What became of a message."""

    DELIVERED = "delivered"
    FAILED = "asked for, and did not arrive"
    EXPIRED = "not fetched in time"
    UNSENDABLE = "cannot be cut in blocks"


class Told(NamedTuple):
    """A message to a station and its fate; `failed` ones still wait."""

    station: EntityId
    octets: bytes
    fate: Fate
    why: str = ""


@dataclass(slots=True)
class Mailbox:
    """What the hub keeps for one device. `flying` is a GET-RESPONSE the link has yet to report,
    `piece` what is in it, `asked` whether the device asked meanwhile."""

    server: TunnelServer
    transfers: Transfers
    fetched: Copies
    given: Copies
    outbox: Outbox = field(init=False)
    flying: TransferData | None = None
    piece: bytes = b""
    asked: bool = False

    def __post_init__(self) -> None:
        """Nothing waits."""
        self.outbox = Outbox(self.transfers)


class PolledTunnels:
    """The hub's end of every tunnel that a device polls. Volatile.

    `confirmed`: the link reports what became of each frame (`sent`); otherwise what is sent
    counts as delivered.
    """

    def __init__(
        self, own: Address, settings: PolledSettings = POLLED_SETTINGS, confirmed: bool = False
    ) -> None:
        self._own = own
        self._settings = settings
        self._blocks = leaving_room(settings.blocks, FRAMING)
        self._confirmed = confirmed
        self._boxes: dict[EntityId, Mailbox] = {}
        self._told: list[Told] = []
        self._notes: list[Happened] = []
        self._opened = 0

    @property
    def stations(self) -> tuple[EntityId, ...]:
        """The devices there is something of."""
        return tuple(self._boxes)

    @property
    def next_deadline(self) -> Utc | None:
        """When a message expires, or a block transfer is given up; blocks are asked for with a GET only."""
        return min((time for box in self._boxes.values() for time in self._times(box)), default=None)

    def _times(self, box: Mailbox) -> Iterator[Utc]:
        for parcel in box.outbox.parcels:
            if parcel.until is not None and box.outbox.parcel_of(box.piece) is not parcel:
                yield parcel.until
        yield from (sender.deadline for sender in box.transfers.senders)
        for _, transfer in box.transfers.receiver.transfers:
            kept = self._blocks.linger if transfer.finished else self._blocks.give_up
            yield transfer.since.plus(kept)

    def waiting_for(self, station: EntityId) -> int:
        """How many messages or blocks wait for a device: what TunnelMessagePending is to say (7.4)."""
        box = self._boxes.get(station)
        return 0 if box is None else box.outbox.pieces

    def waiting(self) -> list[tuple[EntityId, bytes]]:
        """Every message that waits, and for whom."""
        return [(s, parcel.octets) for s, box in self._boxes.items() for parcel in box.outbox.parcels]

    # -- the link -----------------------------------------------------------------------

    def link_up(self, peer: Address, now: Utc) -> list[Frame]:
        """A device joined or came back: its tunnel is forgotten, it asks for another."""
        self._box(peer.station).server.lose(peer.station)
        return []

    def link_down(self, station: EntityId, now: Utc) -> None:
        """A device cannot be reached; its messages wait."""
        if station in self._boxes:
            self._boxes[station].server.lose(station)

    def forget(self, station: EntityId) -> tuple[list[Frame], tuple[bytes, ...]]:
        """A device left the log: the messages that waited for it. A server closes no tunnel."""
        box = self._boxes.pop(station, None)
        return [], () if box is None else tuple(parcel.octets for parcel in box.outbox.parcels)

    # -- messages to a device -----------------------------------------------------------

    def send(self, station: EntityId, octets: bytes, now: Utc) -> tuple[list[Frame], str]:
        """Keep a message until it is fetched; no frames, and why it was refused ('' if not)."""
        box = self._box(station)
        self._expire(station, box, now)
        settings = self._settings
        if len(box.outbox.parcels) >= settings.depth:
            return [], f"{settings.depth} messages already wait for {station}"
        if settings.copy_seconds and any(parcel.octets == octets for parcel in box.outbox.parcels):
            return [], f"the same message already waits for {station}"
        if box.fetched.has(octets, now):
            return [], f"{station} fetched the same message less than {settings.copy_seconds} s ago"
        box.outbox.parcels.append(Parcel(octets, now.plus(settings.lifetime)))
        return [], ""

    def sent(self, report: Sent, now: Utc) -> list[Frame]:
        """What became of a frame: a message that did not arrive stays first."""
        station = report.frame.destination.station
        box = self._boxes.get(station)
        if box is None or box.flying is None or report.frame.command != box.flying:
            return []
        self._settle(station, box, report.arrived, now)
        return self._answer(station, box, now) if box.asked else []

    def _settle(self, station: EntityId, box: Mailbox, arrived: bool, now: Utc) -> None:
        piece, box.piece, box.flying = box.piece, b"", None
        if not arrived:
            parcel = box.outbox.parcel_of(piece)
            if parcel is not None and not parcel.failed:
                parcel.failed = True
                self._told.append(Told(station, parcel.octets, Fate.FAILED))
            self._expire(station, box, now)
            return
        parcel = box.outbox.taken(piece)
        if parcel is not None:
            box.fetched.note(parcel.octets, now)
            self._told.append(Told(station, parcel.octets, Fate.DELIVERED))

    # -- what a device sends --------------------------------------------------------------

    def receive(self, frame: Frame, now: Utc) -> tuple[bytes | None, list[Frame]]:
        """What a frame from a device of the log brings, and what is sent because of it."""
        station = frame.source.station
        box = self._box(station)
        before = box.server.tunnel_id
        data, reply = box.server.receive(frame, now)
        frames = [] if reply is None else [reply]
        if isinstance(frame.command, TransferDataError) and box.server.tunnel_id != before:
            box.outbox.refused()
            box.flying, box.piece, box.asked = None, b"", False
        elif isinstance(frame.command, RequestTunnel) and reply is not None:
            box.outbox.refused()  # it has not asked since, and may have lost what was on its way
        if data is None:
            return None, frames
        if data == GET:
            box.outbox.handed.clear()
            if box.flying is not None:
                box.asked = True
                return None, frames
            return None, [*frames, *self._answer(station, box, now)]
        try:
            return parse_put(data), frames
        except ParseError as error:
            self._notes.append(Happened("refused", f"{station}: {error}", RULE))
            return None, frames

    def put_together(self, station: EntityId, data: bytes, now: Utc) -> tuple[bytes | None, list[Frame]]:
        """The message that a PUT is or completes; none for a copy. What it needs waits for a GET.

        Raises ParseError for one that cannot be a block.
        """
        box = self._box(station)
        step = box.transfers.incoming(data, now)
        self._keep(station, box, step)
        if step.message is not None and box.given.is_copy(step.message, now):
            text = f"{station} gave a message again"
            self._notes.append(Happened("repeated", text, COPY_RULE))
            return None, []
        return step.message, []

    def due(self, now: Utc) -> list[Frame]:
        """Drop what has expired or is given up; nothing is sent, for nobody hears it."""
        for station, box in self._boxes.items():
            self._expire(station, box, now)
            if any(time <= now for time in self._times(box)):
                self._keep(station, box, box.transfers.due(now))
        return []

    def take_told(self) -> list[Told]:
        """What became of messages since the last call."""
        told, self._told = self._told, []
        return told

    def take_notes(self) -> list[Happened]:
        """What else happened since the last call."""
        notes, self._notes = self._notes, []
        return notes

    # -- inside -------------------------------------------------------------------------

    def _box(self, station: EntityId) -> Mailbox:
        box = self._boxes.get(station)
        if box is None:
            first = FIRST_TUNNEL + IDS * (self._opened % 0xFF)
            self._opened += 1
            seconds = self._settings.copy_seconds
            box = Mailbox(
                TunnelServer(self._own, next_id=first),
                Transfers(self._blocks),
                Copies(seconds),
                Copies(seconds),
            )
            self._boxes[station] = box
        return box

    def _answer(self, station: EntityId, box: Mailbox, now: Utc) -> list[Frame]:
        """The answer to a GET: what is first, and how much comes after it."""
        box.asked = False
        self._expire(station, box, now)
        if not box.outbox.pieces:  # what is missing of a long message is asked for now that it is heard
            self._keep(station, box, box.transfers.due(now))
        piece = box.outbox.first(now)
        for octets, why in box.outbox.unsendable:
            self._told.append(Told(station, octets, Fate.UNSENDABLE, why))
        box.outbox.unsendable.clear()
        remaining = min(0xFF, max(0, box.outbox.pieces - 1))
        frame = box.server.send(GetResponse(remaining, piece).octets(), now)
        if frame is None or piece is None:
            return [] if frame is None else [frame]
        assert isinstance(frame.command, TransferData)
        box.flying, box.piece = frame.command, piece
        if not self._confirmed:
            self._settle(station, box, True, now)
        return [frame]

    def _keep(self, station: EntityId, box: Mailbox, step: Step) -> None:
        box.outbox.push(step.send)
        self._notes += [Happened("given up", f"{station}: {text}", BLOCK_RULE) for text in step.lost]

    def _expire(self, station: EntityId, box: Mailbox, now: Utc) -> None:
        for parcel in box.outbox.expired(now, box.piece if box.flying is not None else None):
            self._told.append(Told(station, parcel.octets, Fate.EXPIRED))
