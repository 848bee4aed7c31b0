"""Accidents that happen to a message: to its octets, its lengths, its parts, its payload.

Each mutator takes a source of chance, a protected message and another one, and gives octets. One
thing is never made here: the second signature (r, n - s) of the same octets, which is as valid
as the first for everybody who has the key; it authenticates nothing else.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from random import Random
from typing import Any

from gbcs.asn1.der import der_octets, parse_der
from gbcs.dlms.apdu import AccessRequest, AccessResponse, parse_apdu
from gbcs.errors import GbcsError
from gbcs.ids import Cra
from gbcs.message import MAC_LENGTH, Message
from gbcs.zcl.gbz import Components, parse_gbz

Mutator = Callable[[Random, Message, Message], bytes]
AWKWARD = (0, 1, 2, 3, 9, 0x13, 0x30, 0x7F, 0x80, 0x81, 0x82, 0x84, 0xFE, 0xFF)


# -- octets -------------------------------------------------------------------------------------


def flip_bits(random: Random, octets: bytes) -> bytes:
    """One to three bits the other way."""
    out = bytearray(octets)
    for _ in range(random.choice((1, 1, 2, 3))):
        bit = random.randrange(8 * len(out))
        out[bit // 8] ^= 1 << bit % 8
    return bytes(out)


def change(random: Random, octets: bytes) -> bytes:
    """One to four octets overwritten."""
    out = bytearray(octets)
    for _ in range(random.randrange(1, 5)):
        out[random.randrange(len(out))] = random.choice((*AWKWARD, random.randrange(256)))
    return bytes(out)


def insert(random: Random, octets: bytes) -> bytes:
    """Some octets more, of chance or doubled."""
    at = random.randrange(len(octets) + 1)
    more = random.choice(
        (random.randbytes(random.randrange(1, 9)), octets[at : at + random.randrange(1, 40)])
    )
    return octets[:at] + (more or b"\0") + octets[at:]


def delete(random: Random, octets: bytes) -> bytes:
    """Some octets less."""
    at = random.randrange(len(octets))
    return octets[:at] + octets[at + random.randrange(1, 9) :]


def cut(random: Random, octets: bytes) -> bytes:
    """Cut short."""
    return octets[: random.randrange(len(octets))]


PLAIN = (flip_bits, change, insert, delete, cut)


def damaged(random: Random, octets: bytes) -> bytes:
    """Octets after one or two accidents; of none, some."""
    for _ in range(random.choice((1, 1, 1, 2))):
        octets = random.choice(PLAIN)(random, octets) if octets else random.randbytes(3)
    return octets


def _of_octets(random: Random, message: Message, other: Message) -> bytes:
    return random.choice(PLAIN)(random, message.octets)


def _header(random: Random, message: Message, other: Message) -> bytes:
    """An octet of the headers, which are short beside most payloads."""
    out = bytearray(message.octets)
    out[random.randrange(message.payload_offset)] ^= random.randrange(1, 256)
    return bytes(out)


def _protection(random: Random, message: Message, other: Message) -> bytes:
    """An octet of signature or MAC, or of what stands before it."""
    out = bytearray(message.octets)
    start = message.payload_offset + len(message.payload)
    if start == len(out):
        return flip_bits(random, message.octets)
    out[random.randrange(start, len(out))] ^= 1 << random.randrange(8)
    return bytes(out)


# -- lengths ------------------------------------------------------------------------------------


def length_places(message: Message) -> list[int]:
    """Where the lengths of the envelope begin."""
    start = message.header_offset
    after = start + 30 + len(message.date_time or b"")
    end = message.payload_offset + len(message.payload)
    places = [start + 1, start + 11, start + 20, start + 29, after, message.payload_offset - 1]
    if message.mac_header:
        places.append(7)
    if end < len(message.octets):
        places.append(end)
    return places


def _length(random: Random, message: Message, other: Message) -> bytes:
    """A length of the envelope, or some octet of the payload that may be one, made another."""
    out = bytearray(message.octets)
    inside = message.payload_offset + random.randrange(max(1, len(message.payload)))
    at = min(random.choice((*length_places(message), inside)), len(out) - 1)
    way = random.randrange(4)
    if way == 0:
        out[at] = (out[at] + random.choice((-1, 1))) & 0xFF
    elif way == 1:
        out[at] = random.choice(AWKWARD)
    elif way == 2:  # the same number in more octets
        out[at : at + 1] = random.choice((b"\x81", b"\x82\0", b"\x84\0\0\0")) + out[at : at + 1]
    else:
        out[at] = random.randrange(256)
    return bytes(out)


def _widened(random: Random, message: Message, other: Message) -> bytes:
    """Lengths of the headers that are longer than they need be, all else in its place."""
    names = ["other_information", "content", *(["ciphered_service"] if message.mac_header else [])]
    forms = tuple((name, random.randrange(3, 7)) for name in names if random.random() < 0.6)
    return replace(message, length_forms=forms).encoded().octets


# -- parts of the envelope ------------------------------------------------------------------------


def _splice(random: Random, message: Message, other: Message) -> bytes:
    """The head of one message and the tail of another."""
    one, two = message.octets, other.octets
    if random.random() < 0.5:
        at = random.randrange(min(len(one), len(two)))
        return one[:at] + two[at:]
    return one[: random.randrange(len(one) + 1)] + two[random.randrange(len(two)) :]


def _exchange(random: Random, message: Message, other: Message) -> bytes:
    """Some parts of the envelope from another message, with lengths that are right."""
    names = ("cra", "counter", "originator", "recipient", "other", "payload", "date_time")
    taken = {name: getattr(other, name) for name in random.sample(names, random.randrange(1, 3))}
    made = replace(message, **taken)
    if other.signature is not None and message.signature is not None and random.random() < 0.3:
        made = replace(made, signature=other.signature)
    if other.mac is not None and message.mac is not None and random.random() < 0.3:
        made = replace(made, mac=other.mac)
    return made.encoded().octets


def _reflect(random: Random, message: Message, other: Message) -> bytes:
    """Sent back: originator and recipient exchanged, mostly under another CRA Flag."""
    back = replace(message, originator=message.recipient, recipient=message.originator)
    return replace(back, cra=random.choice(tuple(Cra))).encoded().octets


def _reframe(random: Random, message: Message, other: Message) -> bytes:
    """Protection left out, or put where there was none."""
    without = random.choice(
        (
            {"mac": None, "mac_header": False},
            {"signature": None},
            {"mac": None, "mac_header": False, "signature": None, "has_signature_length": False},
            {"mac": bytes(MAC_LENGTH), "mac_header": True},
            {"signature": bytes(64)},
            {"counter": (message.counter + random.choice((-1, 1))) % 2**64},
        )
    )
    return replace(message, **without).encoded().octets  # type: ignore[arg-type]


# -- the payload, in an envelope whose lengths are right --------------------------------------------


def _inside(random: Random, message: Message, other: Message) -> bytes:
    """A damaged payload."""
    return replace(message, payload=damaged(random, message.payload)).encoded().octets


def _swapped(random: Random, message: Message, other: Message) -> bytes:
    """Items of the payload in another order, twice, or left out."""
    try:
        payload = swapped_payload(random, message)
    except GbcsError:
        payload = damaged(random, message.payload)
    return replace(message, payload=payload).encoded().octets


def swapped_payload(random: Random, message: Message) -> bytes:
    """A payload whose items are in another order, twice, or left out. Raises GbcsError."""
    payload = message.payload
    if payload[:1] in (b"\xd9", b"\xda"):
        apdu = parse_apdu(payload)
        assert isinstance(apdu, AccessRequest | AccessResponse)
        return replace(apdu, items=shuffled(random, apdu.items)).octets()
    if payload[:2] == b"\x01\x09":
        gbz = parse_gbz(payload, message.cra, message.code)
        return (
            Components(shuffled(random, gbz.components)).octets() if isinstance(gbz, Components) else payload
        )
    node = parse_der(payload)
    return der_octets(node._replace(children=shuffled(random, node.children)))


def shuffled(random: Random, items: tuple[Any, ...]) -> tuple[Any, ...]:
    """Two of the items exchanged, one doubled, or one left out."""
    if not items:
        return items
    one, two = random.randrange(len(items)), random.randrange(len(items))
    out = list(items)
    way = random.randrange(3)
    if way == 0 and one != two:
        out[one], out[two] = out[two], out[one]
    elif way == 1 and len(out) > 1:
        del out[one]
    else:
        out.insert(two, out[one])
    return tuple(out)


# each as often as it stands here
MUTATORS: tuple[Mutator, ...] = (
    *(_of_octets,) * 5,
    *(_header,) * 2,
    _protection,
    *(_length,) * 2,
    _widened,
    _splice,
    *(_exchange,) * 2,
    _reflect,
    _reframe,
    *(_inside,) * 6,
    *(_swapped,) * 2,
)


def mutated(random: Random, message: Message, other: Message) -> bytes:
    """A message after one accident."""
    return random.choice(MUTATORS)(random, message, other)
