"""General Block Transfer: one block, and a receiver that takes it beside those it has."""

from contextlib import suppress
from functools import cache

from gbcs.errors import ParseError
from gbcs.gbt import Block, GbtSettings, Receiver, parse_block, split
from gbcs.ids import Kind
from tests.fuzz import corpus
from tests.fuzz.harness import Target
from tests.gbcs import generated

SETTINGS = GbtSettings(block_size=200, threshold=200)


@cache
def blocks() -> tuple[tuple[bytes, ...], ...]:
    """The blocks of some messages that are long enough."""
    long = (
        m.message for m in corpus.made() if len(m.message.octets) > 450 and m.case.kind is not Kind.PRECOMMAND
    )
    return tuple(split(message, SETTINGS) for message in long)[:40]


@cache
def receiver() -> Receiver:
    """One that has some blocks of each message."""
    found = Receiver(SETTINGS)
    for sent in blocks()[:8]:
        for octets in sent[1::2]:
            with suppress(ParseError):
                found = found.receive(parse_block(octets), generated.START).receiver
    return found


def seeds() -> list[bytes]:
    acknowledgement = Block(parse_block(blocks()[0][0]).routing, 0x80, 0, 1, b"").octets()
    return [*(octets for sent in blocks() for octets in sent), acknowledgement]


def one(octets: bytes) -> bool:
    block = parse_block(octets)
    assert block.octets() == octets
    state = receiver()
    received = state.receive(block, generated.START.plus(1))
    assert len(received.receiver.transfers) <= SETTINGS.transfers
    for reply in received.replies:
        assert parse_block(reply).is_acknowledgement
    return True


TARGET = Target("gbt", seeds, one, (ParseError,))
