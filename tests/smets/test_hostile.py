"""What a device does with octets somebody bent: nothing but refuse, and never raise anything of its own."""

from __future__ import annotations

from random import Random

import pytest

from gbcs.dlms.apdu import AccessRequest, parse_apdu
from gbcs.dlms.axdr import BitString, CompactArray, Data, Tag, TypeDescription
from gbcs.dlms.selective import Range
from gbcs.errors import BuildError
from gbcs.ids import Cra, KeyUsage, Payload
from gbcs.message import Message, parse_message
from gbcs.party import Supplementary
from gbcs.usecases import by_code, by_name
from smets.device import REFUSAL_WRITES
from smets.events import Actuate, Happened, RemotePartyMessage, SendMessage
from tests.smets.homes import READER, READER_CERTIFICATES, START, Home, dlms_use_cases, remade

CERTIFICATE = next(c for c in READER_CERTIFICATES if c.usage is KeyUsage.KEY_AGREEMENT).der


def corpus(home: Home) -> list[Message]:
    """One valid command of every use case, all with counters the device accepts."""
    within = Range(START.seconds - 86_400, START.seconds)
    found = [home.make(use_case, within=within) for use_case in dlms_use_cases(home.variant)]
    for code in (0x0008, 0x011B):
        use_case = by_code(code)
        assert use_case is not None
        found.append(home.make(use_case))
    found.append(home.make("ECS23", supplementary=Supplementary(READER, 5)))
    found.append(home.make("ECS21b", supplementary=Supplementary(READER, 6, CERTIFICATE)))
    return found


def kept(home: Home) -> dict[str, bytes]:
    return {key: octets for key, octets in home.held.items() if not key.startswith(REFUSAL_WRITES)}


# -- single bits --------------------------------------------------------------------------


def flip_bits(count: int, seed: int) -> None:
    random = Random(seed)
    home = Home.new()
    messages = corpus(home)
    assert len(messages) > 100
    before = kept(home)
    for _ in range(count):
        octets = random.choice(messages).octets
        bit = random.randrange(8 * len(octets))
        flipped = bytearray(octets)
        flipped[bit // 8] ^= 1 << bit % 8
        for effect in home.handle(RemotePartyMessage(bytes(flipped))):
            if isinstance(effect, SendMessage):
                assert parse_message(effect.octets).cra is Cra.ALERT, (octets.hex(), bit)
            else:
                assert isinstance(effect, Happened)
                assert effect.check is not None, (octets.hex(), bit)
        assert kept(home) == before, (octets.hex(), bit)
    assert len([key for key in home.held if key.startswith("log/SecurityLog/")]) == 101
    for message in messages:  # none of it was spent: the commands themselves still work
        effects = home.handle(RemotePartyMessage(message.octets))
        assert any(isinstance(e, SendMessage) for e in effects)


def test_a_flipped_bit_changes_nothing() -> None:
    flip_bits(2_000, 1)


@pytest.mark.long
def test_a_flipped_bit_changes_nothing_long() -> None:
    flip_bits(100_000, 2)


@pytest.mark.parametrize("name", ["ECS43", "ECS10", "CS02a", "ECS17b"])
def test_every_bit_of_a_command_counts(name: str) -> None:
    home = Home.new()
    command = home.make(name)
    before = kept(home)
    for bit in range(8 * len(command.octets)):
        flipped = bytearray(command.octets)
        flipped[bit // 8] ^= 1 << bit % 8
        effects = home.handle(RemotePartyMessage(bytes(flipped)))
        assert [e.check for e in effects if isinstance(e, Happened)] != [None], bit
    assert kept(home) == before
    assert home.deliver(command).response is not None


# -- arbitrary octets ---------------------------------------------------------------------


def mangled(octets: bytes, random: Random) -> bytes:
    """Octets cut, doubled, overwritten or drawn anew."""
    a, b = sorted(random.choices(range(len(octets) + 1), k=2))
    match random.randrange(6):
        case 0:
            return random.randbytes(random.randrange(200))
        case 1:
            return octets[:a]
        case 2:
            return octets[:a] + octets[b:]
        case 3:
            return octets[:b] + octets[a:]
        case 4:
            return octets[:a] + random.randbytes(b - a) + octets[b:]
    out = bytearray(octets)
    for _ in range(random.randrange(1, 5)):
        out[random.randrange(len(out))] = random.choice((0, 1, 0x7F, 0x80, 0x82, 0xFF, random.randrange(256)))
    return bytes(out)


def arbitrary_octets(count: int, seed: int) -> None:
    random = Random(seed)
    home = Home.new()
    messages = [message.octets for message in corpus(home)]
    before = kept(home)
    for _ in range(count):
        octets = mangled(random.choice(messages), random)
        if octets in messages:
            continue
        effects = home.handle(RemotePartyMessage(octets))
        assert all((isinstance(e, Happened) and e.check) or isinstance(e, SendMessage) for e in effects)
    assert kept(home) == before


def test_arbitrary_octets_are_refused() -> None:
    arbitrary_octets(10_000, 3)


@pytest.mark.long
def test_arbitrary_octets_are_refused_long() -> None:
    arbitrary_octets(1_000_000, 4)


# -- what authenticates, and is wrong inside ----------------------------------------------


def bent(data: Data, random: Random) -> Data:
    """A datum with one of its nodes replaced by another of any kind."""
    if data.tag in (Tag.ARRAY, Tag.STRUCTURE) and data.value and random.random() < 0.8:
        at = random.randrange(len(data.value))
        return data._replace(value=(*data.value[:at], bent(data.value[at], random), *data.value[at + 1 :]))
    number = random.choice((0, 1, 127, 255, random.randrange(256)))
    size = random.choice((0, 1, 5, 6, 8, 9, 12, 18, random.randrange(40)))
    leaf = Data(Tag.UNSIGNED, number)
    return random.choice(
        (
            Data(Tag.NULL, None),
            Data(Tag.BOOLEAN, True),
            Data(Tag.ENUM, number),
            leaf,
            Data(Tag.LONG_UNSIGNED, number << 8),
            Data(Tag.INTEGER, -(number // 2)),
            Data(Tag.DOUBLE_LONG, -number),
            Data(Tag.DOUBLE_LONG_UNSIGNED, number << 24),
            Data(Tag.OCTET_STRING, random.randbytes(size)),
            Data(Tag.OCTET_STRING, b"\xff" * size),
            Data(Tag.VISIBLE_STRING, random.randbytes(size)),
            Data(Tag.UTF8_STRING, random.randbytes(size)),
            Data(Tag.BIT_STRING, BitString.of("1" * size)),
            Data(Tag.STRUCTURE, (leaf,) * (size % 4)),
            Data(Tag.ARRAY, (data,) * (size % 4)),
            Data(Tag.COMPACT_ARRAY, CompactArray(TypeDescription(int(Tag.UNSIGNED)), (leaf,) * (size % 4))),
            Data(Tag.FLOAT64, bytes(8)),
            Data(Tag.DATE_TIME, bytes(12)),
        )
    )


def bent_payload(message: Message, random: Random) -> bytes:
    use_case = by_code(message.code)
    if use_case is None or use_case.payload is not Payload.DLMS or random.random() < 0.3:
        return mangled(message.payload, random)
    request = parse_apdu(message.payload)
    assert isinstance(request, AccessRequest)
    items = list(request.items)
    at = random.randrange(len(items))
    item = items[at]
    if item.selection is not None and random.random() < 0.7:
        items[at] = item._replace(
            selection=bent(item.selection, random), selector=random.choice((1, 1, 0, 2, 255))
        )
    else:
        items[at] = item._replace(data=bent(item.data, random))
    return AccessRequest(request.invoke_id, tuple(items)).octets()


def authentic_but_wrong(count: int, seed: int) -> tuple[int, int]:
    """Counts of those refused as a whole, and of those answered with a failing item."""
    random = Random(seed)
    refused = failed = 0
    home = Home.new()
    messages = corpus(home)
    for index in range(count):
        message = random.choice(messages)
        try:
            payload = bent_payload(message, random)
        except BuildError:
            continue
        command = remade(message, payload=payload, counter=home.counter + 1 + index)
        reply = home.deliver(command)  # which checks the answer, if there is one
        assert reply.happened.verdict in ("refused", "executed")
        refused += reply.response is None
        if reply.response is not None and by_name_is_dlms(message):
            failed += any(reply.results)
        if index % 500 == 0:
            home.restart()
    return refused, failed


def by_name_is_dlms(message: Message) -> bool:
    use_case = by_code(message.code)
    return use_case is not None and use_case.payload is Payload.DLMS


def test_wrong_content_of_an_authentic_command_never_raises() -> None:
    refused, failed = authentic_but_wrong(3_000, 5)
    assert refused > 300
    assert failed > 300


@pytest.mark.long
def test_wrong_content_of_an_authentic_command_never_raises_long() -> None:
    refused, failed = authentic_but_wrong(200_000, 6)
    assert refused > 20_000
    assert failed > 20_000


def test_arbitrary_octets_as_the_payload_of_an_authentic_command() -> None:
    random = Random(8)
    home = Home.new()
    for name in ("ECS10", "ECS42", "CS02a", "ECS17b", "ECS21b", "ECS70"):
        before = kept(home)
        for size in (*range(40), 200, 3000):
            message = home.make(name, payload=random.randbytes(size))
            assert home.deliver(message).response is None
        assert kept(home) == before
    assert not any(isinstance(e, Actuate) for e in home.deliver(home.make(by_name("ECS23"))).effects)
