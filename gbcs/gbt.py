"""General Block Transfer: a message cut in blocks and put together again.

A block is a Message Routing Header and a GBT APDU (general-block-transfer of the DLMS Green
Book). Nothing protects a block: its header says where it goes and to which transfer it belongs, and
no more. What comes out of a transfer are octets that have yet to be parsed and checked as a message.

Source: GBCS 7.2 and DLMS Green Book (reference: gbcs-messages 9; no reference message). Pure:
time is passed in, a state is never changed, each step gives the next one.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import NamedTuple

from .errors import BuildError, ParseError
from .ids import Cra, EntityId, Kind
from .layout import Layout, const8, octets, u8, u16, u64
from .lengths import length_octets, read_length
from .message import MAX_MESSAGE, TAG_GENERAL_CIPHERING, Message
from .time import Utc

TRANSACTION_LENGTH = 0x09
TAG_GBT = 0xE0
LAST, STREAMING, WINDOW = 0x80, 0x40, 0x3F
SECURITY_HEADER_LENGTH = 5

ROUTING_HEADER = Layout(
    "routing header",
    const8("general-ciphering", TAG_GENERAL_CIPHERING),
    const8("transaction-id length", TRANSACTION_LENGTH),
    u8("cra flag"),
    u64("originator counter"),
    const8("originator-system-title length", 8),
    octets("business originator id", 8),
    const8("recipient-system-title length", 8),
    octets("business target id", 8),
    const8("date-time length", 0),
    const8("other-information length", 2),
    u16("message code"),
    const8("key-info", 0),
)
ROUTING_SECURITY = Layout("routing header", octets("security header", SECURITY_HEADER_LENGTH))
GBT_HEADER = Layout(
    "gbt",
    const8("general-block-transfer", TAG_GBT),
    u8("block-control"),
    u16("block-number"),
    u16("block-number-ack"),
)
_CRAS = {int(cra): cra for cra in Cra}


@dataclass(frozen=True, slots=True)
class GbtSettings:
    """What the specification leaves open of block transfers; every gap is that of gbcs-messages 9.

    Raises BuildError for a value that no block can carry.
    """

    threshold: int = 1200
    """Octets a message may have and still travel whole. Gap: the exact size is unsure."""

    block_size: int = 1200
    """Octets of block-data: of every block but the last when cutting, at most when reading."""

    max_blocks: int = 255
    """Blocks of one message."""

    streaming: bool = True
    """The streaming bit of every block. Gap: no text."""

    window: int = 63
    """The window of every block; a message goes out in one run whatever it says. Gap: unsure."""

    security_header: bytes = bytes.fromhex("1100000000")
    """Security header of the Message Routing Header. Gap: unsure; any is read."""

    rounds: int = 3
    """Requests and resends without progress before a transfer is given up. Gap: no text; that
    progress starts the count anew is our reading."""

    give_up: int = 600
    """Seconds without progress before a transfer is forgotten; for a sleeping device two of its
    wake periods. Gap: no text."""

    acknowledgement_number: int = 1
    """block-number of an acknowledgement, the only block of its direction. Gap: no text."""

    acknowledgement_control: int = STREAMING | WINDOW
    """block-control of an acknowledgement. Gap: no text."""

    acknowledgement_swapped: bool = True
    """An acknowledgement names originator and target the other way round, so that it is routed
    back. Gap: no text."""

    ask_after: int = 0
    """Seconds of silence after which a receiver asks although the last block has not come; 0 for
    never, as the defaults have it. Gap: no text for a last block that is lost."""

    transfers: int = 4
    """Transfers a receiver holds at once; the one longest without progress goes first. Ours."""

    linger: int = 30
    """Seconds in which octet-identical blocks of a finished transfer are known for late copies,
    and ignored. Ours."""

    def __post_init__(self) -> None:
        """Refuse what would make blocks that nobody can read."""
        ranges = {
            "threshold": (1, MAX_MESSAGE),
            "block_size": (1, 0xFFFF),
            "max_blocks": (1, 0xFFFF),
            "window": (0, WINDOW),
            "rounds": (1, 0xFFFF),
            "give_up": (1, 0xFFFF_FFFF),
            "acknowledgement_number": (0, 0xFFFF),
            "acknowledgement_control": (0, 0xFF),
            "ask_after": (0, 0xFFFF_FFFF),
            "transfers": (1, 0xFFFF),
            "linger": (0, 0xFFFF_FFFF),
        }
        for name, (lo, hi) in ranges.items():
            if not lo <= getattr(self, name) <= hi:
                raise BuildError(f"not a number from {lo} to {hi}", name)
        if len(self.security_header) != SECURITY_HEADER_LENGTH:
            raise BuildError(f"{SECURITY_HEADER_LENGTH} octets needed", "security_header")


DEFAULT_SETTINGS = GbtSettings()


class Routing(NamedTuple):
    """Where a block goes, and to which transfer it belongs. Nobody vouches for it."""

    cra: Cra
    counter: int
    originator: EntityId
    recipient: EntityId
    code: int

    @classmethod
    def of(cls, message: Message) -> Routing:
        """The routing of a message's blocks."""
        return cls(message.cra, message.counter, message.originator, message.recipient, message.code)

    @property
    def back(self) -> Routing:
        """The same, from target to originator."""
        return self._replace(originator=self.recipient, recipient=self.originator)


@dataclass(frozen=True, slots=True)
class Block:
    """One block. `control` is the block-control octet, `forms` (name, octets) of lengths that are
    longer than they need be."""

    routing: Routing
    control: int
    number: int
    acknowledged: int
    data: bytes = field(repr=False)
    security_header: bytes = DEFAULT_SETTINGS.security_header
    forms: tuple[tuple[str, int], ...] = ()

    @property
    def last(self) -> bool:
        """Whether it is the last block of its message."""
        return bool(self.control & LAST)

    @property
    def is_acknowledgement(self) -> bool:
        """Whether it carries nothing but an acknowledgement."""
        return not self.data

    def octets(self) -> bytes:
        """The whole block. Raises BuildError."""
        forms = dict(self.forms)
        apdu = b"".join(
            (
                GBT_HEADER.pack(self.control, self.number, self.acknowledged),
                length_octets(len(self.data), forms.get("block_data", 0), "length_forms.block_data"),
                self.data,
            )
        )
        length = SECURITY_HEADER_LENGTH + len(apdu)
        return b"".join(
            (
                ROUTING_HEADER.pack(*self.routing),
                length_octets(length, forms.get("ciphered_service", 0), "length_forms.ciphered_service"),
                ROUTING_SECURITY.pack(self.security_header),
                apdu,
            )
        )


def is_block(buffer: bytes) -> bool:
    """Whether octets begin as a block does, and no whole message."""
    return buffer[:2] == bytes((TAG_GENERAL_CIPHERING, TRANSACTION_LENGTH))


def parse_block(buffer: bytes) -> Block:
    """Read one block; every octet must belong to it. Raises ParseError."""
    cra, counter, originator, recipient, code = ROUTING_HEADER.unpack(buffer)
    if cra not in _CRAS:
        raise ParseError(f"{cra:02X} is no CRA Flag", 2, "routing header.cra flag")
    path = "routing header.ciphered-service length"
    length, offset, form = read_length(buffer, ROUTING_HEADER.size, path)
    forms: tuple[tuple[str, int], ...] = (("ciphered_service", form),) if form else ()
    if length != len(buffer) - offset:
        reason = f"the length says {length} octets follow, {len(buffer) - offset} do"
        raise ParseError(reason, ROUTING_HEADER.size, path)
    (security_header,) = ROUTING_SECURITY.unpack(buffer, offset)
    offset += SECURITY_HEADER_LENGTH
    control, number, acknowledged = GBT_HEADER.unpack(buffer, offset)
    offset += GBT_HEADER.size
    length, start, form = read_length(buffer, offset, "gbt.block-data length")
    if form:
        forms += (("block_data", form),)
    if length != len(buffer) - start:
        reason = f"the length says {length} octets follow, {len(buffer) - start} do"
        raise ParseError(reason, offset, "gbt.block-data length")
    routing = Routing(_CRAS[cra], counter, EntityId(originator), EntityId(recipient), code)
    return Block(routing, control, number, acknowledged, buffer[start:], security_header, forms)


def split(message: Message, settings: GbtSettings = DEFAULT_SETTINGS) -> tuple[bytes, ...]:
    """What travels for an encoded message: itself if it is short enough, else its blocks in order.

    Raises BuildError for a pre-command, which does not travel, and for more than `max_blocks`.
    """
    if message.kind is Kind.PRECOMMAND:
        raise BuildError("a pre-command is not sent to a device", "message")
    whole = message.octets
    if len(whole) <= settings.threshold:
        return (whole,)
    size = settings.block_size
    pieces = [whole[start : start + size] for start in range(0, len(whole), size)]
    if len(pieces) > settings.max_blocks:
        raise BuildError(f"{len(pieces)} blocks, {settings.max_blocks} are allowed", "message")
    routing = Routing.of(message)
    control = (STREAMING if settings.streaming else 0) | settings.window
    return tuple(
        Block(
            routing,
            control | (LAST if number == len(pieces) else 0),
            number,
            0,
            piece,
            settings.security_header,
        ).octets()
        for number, piece in enumerate(pieces, 1)
    )


# -- sending ---------------------------------------------------------------------------


class Sent(NamedTuple):
    """A step of a sender: its next state, None when it is over, and what to send now."""

    sender: Sender | None
    octets: tuple[bytes, ...] = ()


@dataclass(frozen=True, slots=True)
class Sender:
    """The blocks of a message, kept until the receiver can do without: `begin`, then `acknowledged`.

    `confirmed` is the highest block acknowledged, `rounds` the resends since it rose, `since`
    the time when it did.
    """

    routing: Routing
    blocks: tuple[bytes, ...] = field(repr=False)
    since: Utc
    settings: GbtSettings = DEFAULT_SETTINGS
    confirmed: int = 0
    rounds: int = 0

    @classmethod
    def begin(cls, message: Message, now: Utc, settings: GbtSettings = DEFAULT_SETTINGS) -> Sent:
        """Send a message; there is nothing to keep if it goes whole. Raises BuildError."""
        blocks = split(message, settings)
        if not is_block(blocks[0]):
            return Sent(None, blocks)
        return Sent(cls(Routing.of(message), blocks, now, settings), blocks)

    @property
    def deadline(self) -> Utc:
        """When the message is given up unless an acknowledgement comes."""
        return self.since.plus(self.settings.give_up)

    def acknowledges(self, block: Block) -> bool:
        """Whether a block is an acknowledgement of this message's blocks."""
        wanted = self.routing.back if self.settings.acknowledgement_swapped else self.routing
        return block.is_acknowledgement and block.routing == wanted

    def acknowledged(self, block: Block, now: Utc) -> Sent:
        """Resend from the block after the highest one received; over when that was the last, or by `poll`.

        Raises ParseError for a block that acknowledges something else or more than was sent.
        """
        if not self.acknowledges(block):
            raise ParseError("acknowledges another message", 0, "routing header")
        number = block.acknowledged
        if number > len(self.blocks):
            reason = f"block {number} of {len(self.blocks)}"
            raise ParseError(reason, 0, "gbt.block-number-ack")
        if number == len(self.blocks) or self.poll(now) is None:
            return Sent(None)
        if number > self.confirmed:
            return Sent(replace(self, confirmed=number, rounds=1, since=now), self.blocks[number:])
        if self.rounds >= self.settings.rounds:
            return Sent(None)
        return Sent(replace(self, rounds=self.rounds + 1), self.blocks[number:])

    def poll(self, now: Utc) -> Sender | None:
        """This sender, or None when its time is over."""
        return None if now >= self.deadline else self


# -- receiving -------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Transfer:
    """The blocks of one message so far, by number; `final` is the number of the last one, once known.

    `asked` counts acknowledgements since the last new block, `since` is when that came,
    `heard` when the receiver last heard or asked. A finished one is kept for `linger`.
    """

    blocks: tuple[tuple[int, bytes], ...] = field(repr=False)
    final: int | None
    since: Utc
    heard: Utc
    asked: int = 0
    finished: bool = False

    @property
    def received(self) -> int:
        """The highest block received without a gap."""
        number = 0
        for number, (held, _) in enumerate(self.blocks, 1):
            if held != number:
                return number - 1
        return number

    @property
    def complete(self) -> bool:
        """Whether every block is there."""
        return self.final is not None and len(self.blocks) == self.final

    def held(self, number: int) -> bytes | None:
        """The data of a block, or None."""
        return next((data for held, data in self.blocks if held == number), None)


class Received(NamedTuple):
    """A step of a receiver: its next state, the octets of a message that is complete, replies to send.

    The octets are unchecked, and nothing is told of the routing headers they came under.
    """

    receiver: Receiver
    message: bytes | None = None
    replies: tuple[bytes, ...] = ()


@dataclass(frozen=True, slots=True)
class Receiver:
    """Collects blocks of up to `transfers` messages, in any order and as often as they come.

    Of two blocks with one number and different data the first is kept: neither can be trusted.
    """

    settings: GbtSettings = DEFAULT_SETTINGS
    transfers: tuple[tuple[Routing, Transfer], ...] = ()

    @property
    def deadline(self) -> Utc | None:
        """When `poll` has something to do next, or None."""
        return min((self._due(transfer) for _, transfer in self.transfers), default=None)

    def receive(self, block: Block, now: Utc) -> Received:
        """Take one block. Raises ParseError for one that cannot belong to a message; nothing changes then."""
        receiver = self._without_stale(now)
        transfer = dict(receiver.transfers).get(block.routing)
        if transfer is not None and transfer.finished:
            if transfer.held(block.number) == block.data:
                return Received(receiver)
            transfer = None
        receiver._check(block, transfer)
        if transfer is None:
            transfer = Transfer((), None, now, now)
        transfer = replace(transfer, heard=now)
        if transfer.held(block.number) is None:
            blocks = tuple(sorted((*transfer.blocks, (block.number, block.data))))
            final = block.number if block.last else transfer.final
            transfer = replace(transfer, blocks=blocks, final=final, since=now, asked=0)
        if transfer.complete:
            whole = b"".join(data for _, data in transfer.blocks)
            return Received(receiver._with(block.routing, replace(transfer, finished=True)), whole)
        if block.last:
            return receiver._asking(block.routing, transfer, now)
        return Received(receiver._with(block.routing, transfer))

    def poll(self, now: Utc) -> Received:
        """Forget what is given up; ask where `ask_after` seconds were silent."""
        receiver, replies = self._without_stale(now), list[bytes]()
        for routing, transfer in receiver.transfers:
            if now >= receiver._due(transfer):
                receiver, _, asked = receiver._asking(routing, transfer, now)
                replies += asked
        return Received(receiver, None, tuple(replies))

    def _check(self, block: Block, transfer: Transfer | None) -> None:
        settings = self.settings
        if block.is_acknowledgement:
            raise ParseError("an acknowledgement, not a block of a message", 0, "gbt.block-data")
        if not 1 <= block.number <= settings.max_blocks:
            raise ParseError(f"not from 1 to {settings.max_blocks}", 0, "gbt.block-number")
        if len(block.data) > settings.block_size:
            raise ParseError(f"longer than {settings.block_size} octets", 0, "gbt.block-data")
        if transfer is None:
            return
        if transfer.final is not None and block.number > transfer.final:
            raise ParseError(f"block {transfer.final} was the last", 0, "gbt.block-number")
        if block.last and block.number != transfer.final and block.number < transfer.blocks[-1][0]:
            raise ParseError(f"block {transfer.blocks[-1][0]} is there", 0, "gbt.block-control")
        size = len(block.data) + sum(len(data) for _, data in transfer.blocks)
        if transfer.held(block.number) is None and size > MAX_MESSAGE:
            raise ParseError(f"a message longer than {MAX_MESSAGE} octets", 0, "gbt.block-data")

    def _asking(self, routing: Routing, transfer: Transfer, now: Utc) -> Received:
        """Acknowledge what is there without a gap, or give up after too many rounds."""
        if transfer.asked >= self.settings.rounds:
            return Received(self._with(routing, None))
        settings = self.settings
        reply = Block(
            routing.back if settings.acknowledgement_swapped else routing,
            settings.acknowledgement_control,
            settings.acknowledgement_number,
            transfer.received,
            b"",
            settings.security_header,
        )
        asking = replace(transfer, heard=now, asked=transfer.asked + 1)
        return Received(self._with(routing, asking), None, (reply.octets(),))

    def _with(self, routing: Routing, transfer: Transfer | None) -> Receiver:
        """With a transfer put in, or taken out; the stalest makes room."""
        others = [row for row in self.transfers if row[0] != routing]
        if transfer is not None:
            if len(others) >= self.settings.transfers:
                others.remove(min(others, key=lambda row: (not row[1].finished, row[1].since)))
            others.append((routing, transfer))
        return replace(self, transfers=tuple(others))

    def _without_stale(self, now: Utc) -> Receiver:
        kept = tuple(row for row in self.transfers if now < self._end(row[1]))
        return self if len(kept) == len(self.transfers) else replace(self, transfers=kept)

    def _end(self, transfer: Transfer) -> Utc:
        return transfer.since.plus(self.settings.linger if transfer.finished else self.settings.give_up)

    def _due(self, transfer: Transfer) -> Utc:
        """When the transfer is to be looked at: its end, or the end of a silence."""
        end = self._end(transfer)
        if transfer.finished or not self.settings.ask_after:
            return end
        return min(end, transfer.heard.plus(self.settings.ask_after))
