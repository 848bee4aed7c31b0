"""Messages longer than one transfer, at either end of a tunnel: cut into blocks, put together again.

A block says where its message goes and to which transfer it belongs, and nobody vouches for
that: here it only tells transfers of one tunnel apart. What comes out are octets that have
yet to be parsed and checked. Source: GBCS 7.2 (reference: gbcs-messages 9, chts-hub 7.1).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

from gbcs.gbt import Block, GbtSettings, Receiver, Routing, Sender, Transfer, is_block, parse_block
from gbcs.message import parse_message
from gbcs.time import Utc

RULE = "gbcs-messages 9"
TUNNEL_BLOCKS = GbtSettings(
    # A lost last block is asked for, and soon: a block takes about a second on the air.
    ask_after=3,
    # Where one frame in five is lost, 3 rounds without progress come in one transfer of twenty.
    rounds=8,
    # A repeat of a whole message that comes later than late copies do is a message again.
    linger=4,
)
"""How hub and devices set what the specification leaves open; as `GbtSettings` where not named."""


class Step(NamedTuple):
    """What a block or the time causes: a whole message, octets to send, what is given up and why."""

    message: bytes | None = None
    send: tuple[bytes, ...] = ()
    lost: tuple[str, ...] = ()


@dataclass(slots=True)
class Transfers:
    """The block transfers of one tunnel, both ways. Volatile and bounded.

    At most `settings.transfers` messages each way; the oldest makes room. With
    `confirms` the last block is acknowledged when a message is whole, so that the sender need
    not keep it. Gap: no text; a sender that hears nothing forgets it after `settings.give_up`.
    """

    settings: GbtSettings = TUNNEL_BLOCKS
    confirms: bool = True
    receiver: Receiver = field(init=False)
    senders: list[Sender] = field(init=False, default_factory=list)

    def __post_init__(self) -> None:
        """Nothing is on its way."""
        self.receiver = Receiver(self.settings)

    @property
    def next_deadline(self) -> Utc | None:
        """When `due` has something to do."""
        times = [sender.deadline for sender in self.senders]
        if self.receiver.deadline is not None:
            times.append(self.receiver.deadline)
        return min(times, default=None)

    def outgoing(self, octets: bytes, now: Utc) -> tuple[bytes, ...]:
        """What travels for a message: itself, or its blocks, which are kept for resending.

        A short one is not looked at. Raises ParseError for a long one that is no message,
        BuildError for one that takes too many blocks.
        """
        if len(octets) <= self.settings.threshold:
            return (octets,)
        sender, blocks = Sender.begin(parse_message(octets), now, self.settings)
        if sender is not None:
            # the same message once more, as an answer to a repeat is, takes the place of the first
            others = [s for s in self.senders if s.routing != sender.routing]
            self.senders = [*others, sender][-self.settings.transfers :]
        return blocks

    def incoming(self, octets: bytes, now: Utc) -> Step:
        """What octets from the tunnel bring; those that are no block are a message as they are.

        Raises ParseError for a block that cannot be one; nothing changes then.
        """
        if not is_block(octets):
            return Step(octets)
        block = parse_block(octets)
        if block.is_acknowledgement:
            return self._acknowledged(block, now)
        before = self.receiver.transfers
        self.receiver, message, replies = self.receiver.receive(block, now)
        if message is not None and self.confirms:
            replies = (*replies, self._confirmation(block.routing))
        return Step(message, replies, self._forgotten(before))

    def due(self, now: Utc) -> Step:
        """Ask for what is missing, forget what is given up."""
        lost = [_unsent(s) for s in self.senders if s.poll(now) is None and (s.rounds or s.confirmed)]
        self.senders = [sender for sender in self.senders if sender.poll(now) is not None]
        before = self.receiver.transfers
        self.receiver, message, replies = self.receiver.poll(now)
        return Step(message, replies, (*lost, *self._forgotten(before)))

    def _acknowledged(self, block: Block, now: Utc) -> Step:
        sender = next((s for s in self.senders if s.acknowledges(block)), None)
        if sender is None:
            return Step()  # a late copy, or for a message that was given up
        after = sender.acknowledged(block, now)
        place = self.senders.index(sender)
        self.senders[place : place + 1] = [] if after.sender is None else [after.sender]
        over = after.sender is None and block.acknowledged < len(sender.blocks)
        return Step(None, after.octets, (_unsent(sender),) if over else ())

    def _confirmation(self, routing: Routing) -> bytes:
        settings = self.settings
        return Block(
            routing.back if settings.acknowledgement_swapped else routing,
            settings.acknowledgement_control,
            settings.acknowledgement_number,
            len(dict(self.receiver.transfers)[routing].blocks),
            b"",
            settings.security_header,
        ).octets()

    def _forgotten(self, before: tuple[tuple[Routing, Transfer], ...]) -> tuple[str, ...]:
        """Unfinished transfers that were there before and no longer are."""
        after = dict(self.receiver.transfers)
        return tuple(
            f"a message in blocks is given up, {len(transfer.blocks)} of them came"
            for routing, transfer in before
            if routing not in after and not transfer.finished
        )


def _unsent(sender: Sender) -> str:
    return f"a message in {len(sender.blocks)} blocks is given up, {sender.confirmed} of them arrived"
