"""The envelope of a message."""

from dataclasses import replace

from gbcs.errors import ParseError
from gbcs.message import parse_message
from tests.fuzz import corpus
from tests.fuzz.harness import Target


def seeds() -> list[bytes]:
    return [one.message.octets for one in corpus.made()]


def one(octets: bytes) -> bool:
    message = parse_message(octets)
    assert replace(message, octets=b"").encoded().octets == octets
    return True


TARGET = Target("envelope", seeds, one, (ParseError,))
