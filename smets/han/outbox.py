"""What goes to one peer that takes one piece after another, and how copies of messages are known.

A piece is a whole message or a block of one. It stays first until the peer is known to have
it: so messages arrive in order, and one whose acknowledgement got lost is sent again. That is
why a receiver has to know copies: neither GET-RESPONSE nor PUT carries a number.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from gbcs.errors import BuildError, ParseError
from gbcs.gbt import GBT_HEADER, ROUTING_HEADER, SECURITY_HEADER_LENGTH, GbtSettings
from gbcs.time import Utc

from .blocks import TUNNEL_BLOCKS, Transfers
from .link import MAX_TRANSFER

LENGTH = 3  # octets of a length from 256 to 65,535
BLOCK_OVERHEAD = ROUTING_HEADER.size + LENGTH + SECURITY_HEADER_LENGTH + GBT_HEADER.size + LENGTH
COPY_RULE = "house rule: copies"
REMEMBERED = 8  # ours: messages whose copies are known
WAKE_SECONDS = 1800  # at most (chts-hub 9.2)

POLLED_BLOCKS = replace(TUNNEL_BLOCKS, give_up=2 * WAKE_SECONDS, linger=60)
"""As `TUNNEL_BLOCKS`, for a peer that sleeps: a transfer waits for its next wake, a late copy comes later."""


def leaving_room(settings: GbtSettings, framing: int) -> GbtSettings:
    """The same, so that whatever travels fits a transfer with so many octets before it."""
    room = MAX_TRANSFER - framing
    return replace(
        settings,
        threshold=min(settings.threshold, room),
        block_size=min(settings.block_size, room - BLOCK_OVERHEAD),
    )


@dataclass(slots=True, eq=False)
class Parcel:
    """A message and what of it has yet to be taken, once it is cut.

    `until` is when it is no longer wanted, `failed` whether a piece was refused or lost before.
    """

    octets: bytes = field(repr=False)
    until: Utc | None = None
    pieces: deque[bytes] = field(default_factory=deque, repr=False)
    failed: bool = False


@dataclass(slots=True)
class Outbox:
    """Parcels for one peer in order; before them acknowledgements and repeated blocks (`urgent`).

    `unsendable` collects messages that cannot be cut in blocks, and why; `handed` are the last
    messages that were taken, as long as the peer may yet say that it has them not.
    """

    transfers: Transfers
    urgent: deque[bytes] = field(default_factory=deque)
    parcels: deque[Parcel] = field(default_factory=deque)
    unsendable: list[tuple[bytes, str]] = field(default_factory=list)
    handed: deque[Parcel] = field(default_factory=lambda: deque(maxlen=REMEMBERED))

    @property
    def pieces(self) -> int:
        """How many pieces have yet to be taken."""
        return len(self.urgent) + sum(map(self._pieces_of, self.parcels))

    def _pieces_of(self, parcel: Parcel) -> int:
        return len(parcel.pieces) or self._cut_in(parcel)

    def _cut_in(self, parcel: Parcel) -> int:
        settings, length = self.transfers.settings, len(parcel.octets)
        return 1 if length <= settings.threshold else -(-length // settings.block_size)

    def push(self, pieces: Iterable[bytes]) -> None:
        """What block transfers say, once each."""
        self.urgent.extend(piece for piece in pieces if piece not in self.urgent)

    def first(self, now: Utc) -> bytes | None:
        """The piece to be sent next; None where nothing waits. It stays until `taken`."""
        if self.urgent:
            return self.urgent[0]
        while self.parcels:
            parcel = self.parcels[0]
            if not parcel.pieces:
                try:
                    parcel.pieces.extend(self.transfers.outgoing(parcel.octets, now))
                except (BuildError, ParseError) as error:
                    self.parcels.popleft()
                    text = f"{len(parcel.octets)} octets cannot be cut in blocks: {error}"
                    self.unsendable.append((parcel.octets, text))
                    continue
            return parcel.pieces[0]
        return None

    def parcel_of(self, piece: bytes) -> Parcel | None:
        """The parcel a first piece belongs to; None for an urgent one, or one that is gone."""
        if self.urgent and self.urgent[0] == piece:
            return None
        parcel = self.parcels[0] if self.parcels else None
        return parcel if parcel is not None and parcel.pieces and parcel.pieces[0] == piece else None

    def taken(self, piece: bytes) -> Parcel | None:
        """The peer has a piece that was first; the parcel that is delivered with it."""
        parcel = self.parcel_of(piece)
        if parcel is None:
            if self.urgent and self.urgent[0] == piece:
                self.urgent.popleft()
            return None
        parcel.pieces.popleft()
        if parcel.pieces:
            return None
        self.handed.append(self.parcels.popleft())
        return parcel

    def refused(self) -> None:
        """The peer knew no such tunnel: it has not the last one handed, nor the half of the first parcel.

        It says so once for each piece.
        """
        if self.parcels and len(self.parcels[0].pieces) < self._cut_in(self.parcels[0]):
            self.parcels[0].pieces.clear()
        if self.handed:
            self.parcels.appendleft(self.handed.pop())

    def expired(self, now: Utc, keep: bytes | None = None) -> list[Parcel]:
        """Take out what is no longer wanted, but for the parcel with a piece that is on its way."""
        kept = None if keep is None else self.parcel_of(keep)
        gone = [p for p in self.parcels if p is not kept and p.until is not None and p.until <= now]
        for parcel in gone:
            self.parcels.remove(parcel)
        return gone


@dataclass(slots=True)
class Copies:
    """Knows a copy of one of the last messages by its octets, for some seconds; 0: knows none."""

    seconds: int
    heard: deque[tuple[bytes, Utc]] = field(default_factory=lambda: deque(maxlen=REMEMBERED), repr=False)

    def has(self, octets: bytes, now: Utc) -> bool:
        """Whether it was noted lately."""
        return any(held == octets and now < since.plus(self.seconds) for held, since in self.heard)

    def note(self, octets: bytes, now: Utc) -> None:
        """It is heard, or given away, now."""
        for row in [row for row in self.heard if row[0] == octets]:
            self.heard.remove(row)
        self.heard.append((octets, now))

    def is_copy(self, octets: bytes, now: Utc) -> bool:
        """Whether it is a copy; it is noted either way."""
        known = self.has(octets, now)
        self.note(octets, now)
        return known
