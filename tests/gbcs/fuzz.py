"""Octets that almost are messages, from a seed: the same seed gives the same octets."""

from collections.abc import Iterator
from random import Random

from gbcs.ids import Cra
from gbcs.message import Message, OtherInformation, parse_message
from tests.vectors import make

STARTS = (b"", b"\xdf\x09", b"\xdf\x09\x01", bytes.fromhex("DD000000000000"), b"\xdd\x09")
CODES = (make.CODE, 0x0019, 0x00CC, 0x0071, 0x0012, 0x1000, 0x0007, 0x00CD, 0x00CF, 0x00F2, 0x008B)


def almost_messages(seed: int, count: int) -> Iterator[bytes]:
    """Damaged vectors, damaged payloads in sound envelopes, and noise."""
    random = Random(seed)
    sound = list(make.files().values())
    payloads = [parse_message(octets).payload for octets in sound]
    for _ in range(count):
        way = random.random()
        if way < 0.4:
            yield damaged(random, random.choice(sound))
        elif way < 0.9:
            yield _wrapped(random, damaged(random, random.choice(payloads)))
        else:
            yield random.choice(STARTS) + random.randbytes(random.randrange(200))


def damaged(random: Random, octets: bytes) -> bytes:
    """Octets after one to four small accidents."""
    out = bytearray(octets)
    for _ in range(random.randrange(1, 5)):
        at = random.randrange(len(out) + 1)
        accident = random.randrange(6)
        if accident == 0 and at < len(out):
            out[at] ^= 1 << random.randrange(8)
        elif accident == 1 and at < len(out):
            out[at] = random.choice((0, 1, 2, 9, 0x13, 0x7F, 0x80, 0x81, 0x82, 0x84, 0xFE, 0xFF))
        elif accident == 2:
            out.insert(at, random.randrange(256))
        elif accident == 3:
            del out[at : at + random.randrange(1, 4)]
        elif accident == 4:
            out[at:at] = out[at : at + random.randrange(1, 9)]
        else:
            out[at : at + 2] = random.randbytes(2)
    return bytes(out)


def _wrapped(random: Random, payload: bytes) -> bytes:
    cra = random.choice(tuple(Cra))
    other = OtherInformation(random.choice(CODES))
    return Message(cra, 1, make.SUPPLIER, make.METER, other, payload).encoded().octets
