"""General Block Transfer: the layout octet for octet, and messages through a bad line."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from gbcs.errors import BuildError, ParseError
from gbcs.gbt import (
    GBT_HEADER,
    LAST,
    ROUTING_HEADER,
    STREAMING,
    Block,
    GbtSettings,
    Receiver,
    Routing,
    Sender,
    is_block,
    parse_block,
    split,
)
from gbcs.ids import Cra, EntityId
from gbcs.message import MAX_MESSAGE, Message, OtherInformation, parse_message
from gbcs.time import Utc
from tests.gbcs.reference_messages import octets as reference_octets

PARTY = EntityId.parse("90-B3-D5-1F-30-AC-00-01")
DEVICE = EntityId.parse("00-DB-12-34-56-78-AC-01")
NOW = Utc.of(2024, 3, 1)
COUNTER = 0x0102030405060708
SMALL = GbtSettings(threshold=40, block_size=20)


def message(size: int, cra: Cra = Cra.COMMAND, counter: int = COUNTER, form_c: bool = True) -> Message:
    """A message with a payload of that many octets, all different within their neighbourhood."""
    payload = Random(size).randbytes(size)
    parties = (DEVICE, PARTY) if cra is not Cra.COMMAND else (PARTY, DEVICE)
    plain = Message.plain(cra, counter, *parties, OtherInformation(0x0027), payload)
    if form_c:
        return plain.maced(lambda covered: covered[-12:])
    return plain.signed(lambda covered: bytes(32) + covered[-32:])


def blocks_of(whole: Message, settings: GbtSettings) -> list[Block]:
    return [parse_block(octets) for octets in split(whole, settings)]


# -- the layout ------------------------------------------------------------------------


def test_a_block_octet_for_octet() -> None:
    block = Block(Routing(Cra.COMMAND, COUNTER, PARTY, DEVICE, 0x0027), 0xFF, 2, 1, b"\xaa\xbb\xcc")
    expected = bytes.fromhex(
        "DD 09 01 0102030405060708 08 90B3D51F30AC0001 08 00DB12345678AC01 00 02 0027 00 0F 1100000000"
        "E0 FF 0002 0001 03 AABBCC"
    )
    assert block.octets() == expected
    assert parse_block(expected) == block
    assert block.last
    assert "aabbcc" not in repr(block).lower()


def test_a_full_block_is_one_transfer() -> None:
    """The longest block stays below the 1,500 octets of a tunnel's transfer (reference: gbcs-messages 9)."""
    first, *_ = split(message(3000))
    assert len(first) == 1200 + 42 + 9
    assert parse_block(first).data == message(3000).octets[:1200]


@pytest.mark.parametrize("layout", [ROUTING_HEADER, GBT_HEADER])
def test_construct_reads_the_headers_alike(layout: Any) -> None:
    whole = split(message(2000))[0]
    at = 0 if layout is ROUTING_HEADER else 42
    parsed = layout.construct.parse(whole[at:])
    variable = [parsed[f.name] for f in layout.fields if f.constant is None]
    assert variable == list(layout.unpack(whole, at))


@pytest.mark.parametrize(("size", "count"), [(400, 1), (1200, 1), (1201, 2), (2400, 2), (2401, 3), (3986, 4)])
@pytest.mark.parametrize("cra", list(Cra))
@pytest.mark.parametrize("form_c", [True, False])
def test_splitting(size: int, count: int, cra: Cra, form_c: bool) -> None:
    """All blocks but the last are full, only the last is marked; short messages travel whole."""
    around = len(message(1000, cra, form_c=form_c).octets) - 1000
    whole = message(size - around, cra, form_c=form_c)
    assert len(whole.octets) == size
    pieces = split(whole)
    assert len(pieces) == count
    if count == 1:
        assert pieces == (whole.octets,)
        assert not is_block(pieces[0])
        return
    read = [parse_block(piece) for piece in pieces]
    assert all(map(is_block, pieces))
    assert b"".join(block.data for block in read) == whole.octets
    assert [block.number for block in read] == list(range(1, count + 1))
    assert {len(block.data) for block in read[:-1]} == {1200}
    assert [block.control for block in read] == [0x7F] * (count - 1) + [0xFF]
    assert {(block.acknowledged, block.security_header.hex()) for block in read} == {(0, "1100000000")}
    assert {block.routing for block in read} == {
        Routing(cra, COUNTER, whole.originator, whole.recipient, 0x0027)
    }


def test_the_threshold_and_the_size_are_settings() -> None:
    whole = message(200)
    size = len(whole.octets)
    assert len(split(whole, GbtSettings(threshold=size))) == 1
    assert len(split(whole, GbtSettings(threshold=size - 1))) == 1 < len(split(whole, SMALL))
    assert is_block(split(whole, GbtSettings(threshold=size - 1))[0])
    quiet = GbtSettings(
        threshold=1, block_size=50, streaming=False, window=5, security_header=bytes.fromhex("3000000001")
    )
    read = blocks_of(whole, quiet)
    assert [block.control for block in read[-2:]] == [5, LAST | 5]
    assert {block.security_header for block in read} == {quiet.security_header}
    assert blocks_of(whole, SMALL)[0].control & STREAMING


def test_what_cannot_be_split() -> None:
    plain = Message.plain(Cra.COMMAND, 1, PARTY, DEVICE, OtherInformation(1), bytes(2000))
    with pytest.raises(BuildError, match="pre-command"):
        split(plain)
    with pytest.raises(BuildError, match="2 are allowed"):
        split(message(2400), GbtSettings(max_blocks=2))
    assert len(split(message(MAX_MESSAGE - 100))) == 219


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("threshold", 0),
        ("threshold", MAX_MESSAGE + 1),
        ("block_size", 0),
        ("max_blocks", 0x10000),
        ("window", 64),
        ("rounds", 0),
        ("give_up", 0),
        ("acknowledgement_number", -1),
        ("acknowledgement_control", 256),
        ("ask_after", -1),
        ("transfers", 0),
        ("linger", -1),
        ("security_header", b"1"),
    ],
)
def test_settings_no_block_can_carry(name: str, value: Any) -> None:
    with pytest.raises(BuildError, match=name):
        GbtSettings(**{name: value})


SOUND = "DD09 01 0000000000000001 08 90B3D51F30AC0001 08 00DB12345678AC01 00 02 0027 00"
FAULTS = [
    ("", "routing header", 0),
    ("DD09", "routing header", 0),
    ("DD00" + "00" * 40, "routing header.transaction-id length", 1),
    (
        SOUND.replace("DD09 01", "DD09 04") + "0D 1100000000 E0 7F 0001 0000 01 AA",
        "routing header.cra flag",
        2,
    ),
    (SOUND.replace("00 02 0027", "0C 02 0027"), "routing header.date-time length", 29),
    (SOUND, "routing header.ciphered-service length", 34),
    (SOUND + "0C 1100000000 E0 7F 0001 0000 01 AA", "routing header.ciphered-service length", 34),
    (SOUND + "0E 1100000000 E0 7F 0001 0000 01 AA", "routing header.ciphered-service length", 34),
    (SOUND + "04 11000000", "routing header", 35),
    (SOUND + "0A 1100000000 E0 7F 0001 00", "gbt", 40),
    (SOUND + "0D 1100000000 E1 7F 0001 0000 01 AA", "gbt.general-block-transfer", 40),
    (SOUND + "0B 1100000000 E0 7F 0001 0000", "gbt.block-data length", 46),
    (SOUND + "0D 1100000000 E0 7F 0001 0000 02 AA", "gbt.block-data length", 46),
    (SOUND + "0D 1100000000 E0 7F 0001 0000 00 AA", "gbt.block-data length", 46),
]


@pytest.mark.parametrize(
    ("text", "path", "offset"), FAULTS, ids=[f"{i}-{f[1]}" for i, f in enumerate(FAULTS)]
)
def test_where_a_fault_is(text: str, path: str, offset: int) -> None:
    octets = bytes.fromhex(text)
    with pytest.raises(ParseError) as caught:
        parse_block(octets)
    assert (caught.value.path, caught.value.offset) == (path, offset)


@pytest.mark.parametrize("lengths", [("0D", "01"), ("82000F", "8101"), ("8400000000", "83000001")])
def test_longer_lengths_are_kept(lengths: tuple[str, str]) -> None:
    outer, inner = lengths
    body = f"1100000000 E0 7F 0001 0000 {inner} AA"
    size = len(bytes.fromhex(body))
    outer = outer[:-2] + f"{size:02X}"
    octets = bytes.fromhex(f"{SOUND} {outer} {body}")
    block = parse_block(octets)
    assert block.data == b"\xaa"
    assert block.octets() == octets
    assert bool(block.forms) is (lengths[0] != "0D")


@given(st.binary(max_size=80) | st.binary(max_size=60).map(lambda tail: bytes.fromhex(SOUND) + tail))
@example(bytes.fromhex("DD09"))
def test_any_octets_are_a_block_or_a_parse_error(octets: bytes) -> None:
    try:
        block = parse_block(octets)
    except ParseError:
        return
    assert is_block(octets)
    assert block.octets() == octets


def test_dispatch(reference: Path) -> None:
    """No whole message is taken for a block, and a block is not read as a message."""
    assert not any(map(is_block, reference_octets(reference).values()))


def test_a_block_is_no_message() -> None:
    first = split(message(2000))[0]
    with pytest.raises(ParseError, match="General Block Transfer"):
        parse_message(first)


# -- a good line -----------------------------------------------------------------------


def receive_all(receiver: Receiver, blocks: list[Block], now: Utc = NOW) -> tuple[Receiver, list[bytes]]:
    """The receiver after blocks in a row, and the messages they gave; it must not ask."""
    found = []
    for block in blocks:
        receiver, whole, replies = receiver.receive(block, now)
        assert replies == ()
        if whole is not None:
            found.append(whole)
    return receiver, found


def test_the_reference_messages_come_through(reference: Path) -> None:
    """Every message of forms B and C, cut small and at the default size."""
    long = 0
    for octets in reference_octets(reference).values():
        whole = parse_message(octets)
        if whole.signature is None and not whole.mac_header:
            continue
        for settings in (GbtSettings(threshold=1, block_size=37), GbtSettings()):
            pieces = split(whole, settings)
            if not is_block(pieces[0]):
                assert pieces == (octets,)
                continue
            long += settings.block_size == 1200
            _, found = receive_all(Receiver(settings), [parse_block(piece) for piece in pieces])
            assert found == [octets]
    assert long > 20


def test_messages_side_by_side() -> None:
    """Blocks of several messages may come mixed; each transfer stays for itself."""
    wholes = [message(100, counter=number) for number in range(3)]
    mixed = [
        block for row in zip(*(blocks_of(whole, SMALL) for whole in wholes), strict=True) for block in row
    ]
    _, found = receive_all(Receiver(SMALL), mixed)
    assert found == [whole.octets for whole in wholes]


def test_the_routing_header_is_not_trusted() -> None:
    """What comes out is what the blocks hold, whatever their headers claim of it."""
    whole = message(100)
    lie = Routing(Cra.ALERT, 1, DEVICE, PARTY, 0x1000)
    blocks = [replace(block, routing=lie) for block in blocks_of(whole, SMALL)]
    receiver, found = receive_all(Receiver(SMALL), blocks)
    assert found == [whole.octets]
    assert parse_message(found[0]).identity == whole.identity != (DEVICE, PARTY, Cra.ALERT, 1)
    # A liar under the same header spoils that transfer, and no other.
    honest = blocks_of(message(100, counter=7), SMALL)
    forged = replace(honest[0], routing=lie, data=bytes(20))
    _, found = receive_all(receiver.receive(forged, NOW).receiver, honest)
    assert found == [message(100, counter=7).octets]


# -- a bad line ------------------------------------------------------------------------


def test_a_gap_is_asked_for_and_sent_again() -> None:
    whole = message(200)
    sender, octets = Sender.begin(whole, NOW, SMALL)
    assert sender is not None
    blocks = [parse_block(piece) for piece in octets]
    receiver, found = receive_all(Receiver(SMALL), [blocks[0], blocks[1], *blocks[4:-1]])
    assert found == []
    receiver, nothing, (reply,) = receiver.receive(blocks[-1], NOW)
    assert nothing is None
    acknowledgement = parse_block(reply)
    assert acknowledgement == Block(Routing.of(whole).back, STREAMING | 63, 1, 2, b"", SMALL.security_header)
    assert acknowledgement.is_acknowledgement
    assert sender.acknowledges(acknowledgement)
    sender, again = sender.acknowledged(acknowledgement, NOW)
    assert sender is not None
    assert (sender.confirmed, sender.rounds) == (2, 1)
    assert again == octets[2:]
    _, found = receive_all(receiver, [parse_block(piece) for piece in again[:2]])
    assert found == [whole.octets]


def test_copies_change_nothing() -> None:
    whole = message(100)
    blocks = blocks_of(whole, SMALL)
    receiver, found = receive_all(Receiver(SMALL), [b for block in blocks[:-1] for b in (block, block)])
    before = receiver
    assert found == []
    receiver, found = receive_all(receiver, [blocks[-1], blocks[-1], *blocks])
    assert found == [whole.octets]
    assert before.transfers != receiver.transfers
    # Later the same octets are a message sent anew.
    receiver, found = receive_all(receiver, blocks, NOW.plus(SMALL.linger))
    assert found == [whole.octets]


def test_a_changed_block_after_the_end_begins_anew() -> None:
    """Somebody else's message under the same header does not keep the true one out."""
    whole, other = message(100), message(101)
    forged = [replace(b, routing=Routing.of(whole)) for b in blocks_of(other, SMALL)]
    assert len(forged) == len(blocks_of(whole, SMALL))
    receiver, found = receive_all(Receiver(SMALL), forged)
    assert found == [other.octets]
    _, found = receive_all(receiver, blocks_of(whole, SMALL))
    assert found == [whole.octets]


def test_the_first_of_two_blocks_is_kept() -> None:
    blocks = blocks_of(message(100), SMALL)
    forged = replace(blocks[1], data=bytes(20))
    _, found = receive_all(Receiver(SMALL), [blocks[0], forged, *blocks[1:]])
    assert found == [blocks[0].data + forged.data + b"".join(block.data for block in blocks[2:])]


def test_three_rounds_without_progress() -> None:
    whole = message(100)
    sender, octets = Sender.begin(whole, NOW, SMALL)
    last = parse_block(octets[-1])
    receiver = Receiver(SMALL)
    for number in (1, 2, 3):
        receiver, _, (reply,) = receiver.receive(last, NOW)
        assert sender is not None
        sender, again = sender.acknowledged(parse_block(reply), NOW)
        assert sender is not None
        assert (sender.rounds, again) == (number, octets)
    receiver, whole_octets, replies = receiver.receive(last, NOW)
    assert (receiver.transfers, whole_octets, replies) == ((), None, ())
    assert sender is not None
    assert sender.acknowledged(parse_block(reply), NOW) == (None, ())


def test_progress_starts_the_rounds_anew() -> None:
    whole = message(300)
    later = NOW.plus(500)
    sender, octets = Sender.begin(whole, NOW, SMALL)
    blocks = [parse_block(piece) for piece in octets]
    receiver = Receiver(SMALL)
    for index in range(len(blocks) - 2):
        receiver = receiver.receive(blocks[index], later).receiver
        receiver, _, (reply,) = receiver.receive(blocks[-1], later)
        assert sender is not None
        sender, again = sender.acknowledged(parse_block(reply), later)
        assert len(again) == len(octets) - index - 1
    assert sender is not None
    assert sender.deadline == later.plus(600)


def test_acknowledgements_a_sender_does_not_take() -> None:
    sender, octets = Sender.begin(message(100), NOW, SMALL)
    assert sender is not None
    good = Block(sender.routing.back, 0x7F, 1, 1, b"")
    for bad in (
        replace(good, routing=sender.routing),
        replace(good, routing=sender.routing.back._replace(counter=9)),
        replace(good, data=b"x"),
        replace(good, acknowledged=len(octets) + 1),
    ):
        with pytest.raises(ParseError):
            sender.acknowledged(bad, NOW)
    assert sender.acknowledged(replace(good, acknowledged=len(octets)), NOW) == (None, ())
    straight = replace(sender, settings=replace(SMALL, acknowledgement_swapped=False))
    assert straight.acknowledged(replace(good, routing=sender.routing), NOW).octets == octets[1:]


def test_a_short_message_leaves_nothing_behind() -> None:
    whole = message(10)
    assert Sender.begin(whole, NOW) == (None, (whole.octets,))


def test_giving_up_in_time() -> None:
    sender, octets = Sender.begin(message(100), NOW, SMALL)
    assert sender is not None
    end = NOW.plus(600)
    assert sender.deadline == end
    assert sender.poll(NOW.plus(599)) is sender
    assert sender.poll(end) is None
    assert sender.acknowledged(Block(sender.routing.back, 0, 1, 1, b""), end) == (None, ())
    assert Receiver(SMALL).deadline is None
    receiver = Receiver(SMALL).receive(parse_block(octets[0]), NOW).receiver
    assert receiver.deadline == end
    assert receiver.poll(NOW.plus(599)).receiver is receiver
    assert receiver.poll(end) == (Receiver(SMALL), None, ())
    # A transfer given up is begun anew by whatever comes.
    receiver = receiver.receive(parse_block(octets[1]), end).receiver
    assert [transfer.blocks for _, transfer in receiver.transfers] == [((2, parse_block(octets[1]).data),)]


def test_asking_after_silence_is_a_setting() -> None:
    """Then a lost last block comes after all."""
    settings = replace(SMALL, ask_after=20)
    whole = message(100)
    sender, octets = Sender.begin(whole, NOW, settings)
    assert sender is not None
    receiver, found = receive_all(Receiver(settings), [parse_block(piece) for piece in octets[:-1]])
    assert receiver.deadline == NOW.plus(20)
    assert receiver.poll(NOW.plus(19)).replies == ()
    receiver, _, (reply,) = receiver.poll(NOW.plus(20))
    assert receiver.deadline == NOW.plus(40)
    sender, again = sender.acknowledged(parse_block(reply), NOW.plus(20))
    assert again == octets[-1:]
    receiver, found = receive_all(receiver, [parse_block(again[0])], NOW.plus(21))
    assert found == [whole.octets]
    assert receiver.deadline == NOW.plus(21 + settings.linger)
    # Asked three times, it is forgotten at the next silence.
    receiver = Receiver(settings).receive(parse_block(octets[0]), NOW).receiver
    asked = 0
    while receiver.deadline is not None:
        receiver, _, replies = receiver.poll(receiver.deadline)
        asked += len(replies)
    assert asked == 3


SPOILT: list[tuple[str, list[int], Callable[[list[Block]], Block]]] = [
    ("block-number", [], lambda blocks: replace(blocks[0], number=0)),
    ("block-number", [], lambda blocks: replace(blocks[0], number=256)),
    ("block-data", [], lambda blocks: replace(blocks[0], data=bytes(21))),
    ("block-data", [0], lambda blocks: replace(blocks[0], data=b"")),
    ("block-number", [-1], lambda blocks: replace(blocks[0], number=len(blocks) + 1)),
    ("block-control", [3], lambda blocks: replace(blocks[1], control=0xFF)),
    ("block-control", [-1], lambda blocks: replace(blocks[1], control=0xFF)),
]


@pytest.mark.parametrize(("path", "before", "spoil"), SPOILT, ids=range(len(SPOILT)))
def test_blocks_no_message_can_have(
    path: str, before: list[int], spoil: Callable[[list[Block]], Block]
) -> None:
    blocks = blocks_of(message(100), SMALL)
    receiver = Receiver(SMALL)
    for index in before:
        receiver = receiver.receive(blocks[index], NOW).receiver
    with pytest.raises(ParseError) as caught:
        receiver.receive(spoil(blocks), NOW)
    assert caught.value.path == f"gbt.{path}"


def test_memory_is_bounded() -> None:
    """A message grows to the longest there is, transfers to their limit; the stalest makes room."""
    receiver = Receiver(GbtSettings(transfers=2))
    routing = Routing(Cra.COMMAND, 0, PARTY, DEVICE, 1)
    for number in range(1, 219):
        receiver = receiver.receive(Block(routing, 0x7F, number, 0, bytes(1200)), NOW).receiver
    with pytest.raises(ParseError, match="longer than"):
        receiver.receive(Block(routing, 0x7F, 220, 0, bytes(1200)), NOW)
    # a copy adds nothing and is no fault
    assert receiver.receive(Block(routing, 0x7F, 218, 0, bytes(1200)), NOW).receiver == receiver
    for counter in range(1, 50):
        later = NOW.plus(counter)
        block = Block(routing._replace(counter=counter), 0x7F, 1, 0, b"x")
        receiver = receiver.receive(block, later).receiver
        assert len(receiver.transfers) <= 2
    assert [row.counter for row, _ in receiver.transfers] == [48, 49]
    assert "b'x'" not in repr(receiver)


def test_a_finished_transfer_makes_room_first() -> None:
    settings = replace(SMALL, transfers=2)
    done = blocks_of(message(100, counter=1), settings)
    open_one = blocks_of(message(100, counter=2), settings)
    receiver = Receiver(settings).receive(open_one[0], NOW).receiver
    receiver, found = receive_all(receiver, done, NOW.plus(1))
    assert len(found) == 1
    receiver = receiver.receive(blocks_of(message(100, counter=3), settings)[0], NOW.plus(2)).receiver
    assert sorted(row.counter for row, _ in receiver.transfers) == [2, 3]


@given(st.data())
def test_any_message_comes_through_a_bad_line(data: st.DataObject) -> None:
    """Blocks are lost, doubled and mixed; while the last one comes and progress is made, it arrives whole."""
    whole = message(data.draw(st.integers(0, 400)), data.draw(st.sampled_from(Cra)))
    settings = GbtSettings(threshold=1, block_size=data.draw(st.integers(5, 90)))
    sender, in_flight = Sender.begin(whole, NOW, settings)
    receiver = Receiver(settings)
    found: list[bytes] = []
    now = NOW
    while in_flight and not found:
        now = now.plus(10)
        blocks = [parse_block(piece) for piece in in_flight]
        # At least the first block asked for and the last one come.
        kept = [b for b in blocks[1:-1] if data.draw(st.booleans())] + [blocks[0]]
        copies = [b for b in kept if data.draw(st.booleans())]
        order = [*data.draw(st.permutations(kept + copies)), blocks[-1]]
        answer: bytes | None = None
        for block in order:
            receiver, octets, replies = receiver.receive(block, now)
            found += [octets] if octets is not None else []
            answer = replies[-1] if replies else None
        if answer is not None and not found:
            assert sender is not None
            sender, in_flight = sender.acknowledged(parse_block(answer), now)
        else:
            in_flight = ()
    assert found == [whole.octets]


@given(
    st.lists(
        st.builds(
            Block,
            st.builds(
                Routing, st.sampled_from(Cra), st.integers(0, 2), st.just(PARTY), st.just(DEVICE), st.just(1)
            ),
            st.sampled_from((0, LAST, 0x7F, 0xFF)),
            st.integers(0, 6),
            st.integers(0, 6),
            st.binary(max_size=4),
        ),
        max_size=40,
    ),
    st.lists(st.integers(0, 400), max_size=40),
)
def test_any_blocks_give_a_state_or_a_parse_error(blocks: list[Block], pauses: list[int]) -> None:
    """What comes out was put in, block by block, and the state stays within its bounds."""
    receiver = Receiver(GbtSettings(transfers=2, block_size=3, max_blocks=5, ask_after=50))
    now = NOW
    given_data: dict[Routing, dict[int, set[bytes]]] = {}
    for index, block in enumerate(blocks):
        now = now.plus(pauses[index] if index < len(pauses) else 0)
        receiver = receiver.poll(now).receiver
        given_data.setdefault(block.routing, {}).setdefault(block.number, set()).add(block.data)
        try:
            receiver, whole, replies = receiver.receive(block, now)
        except ParseError:
            continue
        assert len(receiver.transfers) <= 2
        assert all(parse_block(reply).is_acknowledgement for reply in replies)
        assert receiver.deadline is None or receiver.deadline > now
        if whole is not None:
            parts = {b""}
            for number in range(1, 6):
                parts |= {p + d for p in parts for d in given_data[block.routing].get(number, ())}
            assert whole in parts
