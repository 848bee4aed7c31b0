"""An OTA client alone: what it asks, and what it makes of each answer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from hashlib import sha256
from typing import Any

import pytest

from gbcs.ota import HardwareRange, ImageBoundary, manufacturer_image
from smets.events import TimerDue
from smets.han.endpoints import OTA
from smets.han.link import LinkUp
from smets.han.ota_events import (
    Activated,
    ImageArrived,
    ImageRefused,
    OtaClientSettings,
    Progressed,
)
from smets.han.ota_frames import (
    ImageBlock,
    ImageBlockRequest,
    QueryNextImageRequest,
    QueryNextImageResponse,
    UpgradeEndRequest,
    UpgradeEndResponse,
    WaitForData,
)
from smets.han.ota_image import ImageId
from smets.han.ota_rows import State
from smets.han.zcl import parse_zcl, wants_default_response
from tests.smets.han.ota_hand import (
    CURRENT,
    DEVICE,
    FILE,
    HEADER,
    HUB,
    IDENTITY,
    NEW,
    NOW,
    OTHER,
    PROMPT,
    SIZE,
    Hand,
    at,
    image_id,
    make_client,
    make_file,
)

# -- the way of an image --------------------------------------------------------------------


def test_an_image_arrives() -> None:
    hand = Hand()
    hand.wait()
    assert hand.last == QueryNextImageRequest(CURRENT, IDENTITY.hardware)
    assert hand.client.state is State.ASKING
    hand.offer()
    assert hand.last == ImageBlockRequest(NEW, 0, 48)

    offsets = []
    while hand.client.state is State.RECEIVING:
        assert isinstance(hand.last, ImageBlockRequest)
        offsets.append(hand.last.offset)
        hand.block()
    assert offsets == list(range(0, SIZE, 48))
    assert [one.octets for one in hand.told if isinstance(one, Progressed)] == [*offsets[1:], SIZE]
    assert hand.client.state is State.ENDING
    digest = sha256(manufacturer_image(FILE)).digest()
    assert hand.told[-1] == ImageArrived(NEW, FILE, digest)
    assert hand.last == UpgradeEndRequest(0, NEW)
    hand.gets(UpgradeEndResponse(NEW, NOW.seconds))
    assert hand.client.state is State.WAITING
    assert hand.client.image() == FILE
    assert hand.client.held is not None
    assert hand.client.held.hash == digest
    for message in hand.messages:
        assert (message.source_endpoint, message.destination_endpoint) == (DEVICE.endpoint, HUB.endpoint)
        assert message.encrypted
        assert wants_default_response(parse_zcl(OTA, message.payload))


@pytest.mark.parametrize("upgrade", [0, 1, NOW.seconds, 0xFFFF_FFFE, 0xFFFF_FFFF])
def test_no_time_the_server_names_runs_the_image(upgrade: int) -> None:
    hand = Hand().fetch()
    assert hand.gets(UpgradeEndResponse(NEW, NOW.seconds, upgrade)) == []
    assert hand.client.state is State.WAITING
    assert hand.client.image() == FILE


def test_it_asks_again_a_day_later_and_keeps_what_waits() -> None:
    hand = Hand().finish()
    asked = len(hand.requests)
    hand.wait(PROMPT.query_seconds - 1)
    assert len(hand.requests) == asked
    hand.wait(1)
    assert hand.client.state is State.ASKING_ANEW
    hand.offer()  # what is here already
    assert hand.client.state is State.WAITING
    assert hand.client.image() == FILE
    later = make_file(300, version=3)
    hand.finish(later)
    assert hand.client.image() == later
    assert len(hand.client._store.snapshot()) == 1 + -(-len(later) // 48)  # type: ignore[attr-defined]


def test_the_activation_makes_room() -> None:
    hand = Hand().finish()
    hand.client.running = lambda: 2
    assert hand.happens(Activated()) == []
    assert hand.client.state is State.IDLE
    assert hand.client.image() is None
    hand.wait()
    assert hand.last == QueryNextImageRequest(NEW, IDENTITY.hardware)
    hand.offer()  # it runs already
    assert hand.client.state is State.IDLE


@pytest.mark.parametrize("state", [state for state in State if state is not State.WAITING])
def test_an_activation_at_any_time(state: State) -> None:
    hand = at(state)
    before, deadline = hand.client.held, hand.client.next_deadline
    hand.happens(Activated())
    if state is State.ENDING:
        deadline = hand.now.plus(PROMPT.retry_seconds)
    assert hand.client.next_deadline == deadline
    expected = {State.ENDING: State.IDLE, State.ASKING_ANEW: State.ASKING}.get(state, state)
    assert hand.client.state is expected
    assert hand.client.held is None
    assert (before is not None) is (state in (State.ENDING, State.ASKING_ANEW))
    assert hand.client.next_deadline is not None


# -- what is not taken ----------------------------------------------------------------------


@pytest.mark.parametrize(
    "image",
    [NEW._replace(manufacturer=1), NEW._replace(image_type=6), NEW._replace(file_version=1)],
    ids=["manufacturer", "type", "runs already"],
)
def test_an_offer_that_is_no_offer(image: ImageId) -> None:
    hand = Hand()
    hand.wait()
    assert hand.offer(image) == []
    assert hand.client.state is State.IDLE
    assert hand.client.next_deadline == NOW.plus(PROMPT.query_seconds)


@pytest.mark.parametrize("size", [0, 1001, 0xFFFF_FFFF])
def test_an_image_there_is_no_room_for(size: int) -> None:
    hand = Hand(make_client(settings=replace(PROMPT, most_octets=1000)))
    hand.wait()
    hand.offer(size=size)
    assert hand.last == UpgradeEndRequest(0x95, NEW)
    assert hand.told == [ImageRefused(NEW, f"{size} octets, at most 1000 are taken")]
    hand.refused(0x00)
    assert hand.client.state is State.IDLE
    assert hand.client.next_deadline == NOW.plus(PROMPT.retry_seconds)


@pytest.mark.parametrize("size", [1, 1000])
def test_an_image_there_is_just_room_for(size: int) -> None:
    hand = Hand(make_client(settings=replace(PROMPT, most_octets=1000)))
    hand.wait()
    hand.offer(size=size)
    assert hand.last == ImageBlockRequest(NEW, 0, min(size, 48))


def test_the_last_block_is_what_is_left() -> None:
    octets = make_file(5 * 48 + 1 - HEADER - 6)
    assert len(octets) % 48 == 1
    hand = Hand()
    hand.wait()
    hand.offer(size=len(octets))
    for _ in range(5):
        hand.block(octets)
    assert hand.last == ImageBlockRequest(NEW, 240, 1)
    assert hand.gets(ImageBlock(NEW, 240, octets[-1:] + b"x")) == []
    hand.block(octets)
    assert hand.client.image() == octets


def renamed(**changes: Any) -> bytes:
    """Another file of the same size."""
    other = make_file(200, **changes)
    return other[: len(FILE)].ljust(len(FILE), b"\0")


BAD_FILES: Mapping[str, bytes] = {
    "another version": renamed(version=3),
    "another manufacturer": renamed(manufacturer=7),
    "another size": make_file(201)[:SIZE],
    "no file": b"x" + FILE[1:],
    "a header length that cannot be": FILE[:6] + b"\x01\x00" + FILE[8:],
    "a header that is longer than the file": FILE[:6] + b"\xff\xff" + FILE[8:],
}


@pytest.mark.parametrize("name", BAD_FILES)
def test_a_file_that_is_not_what_was_offered(name: str) -> None:
    hand = Hand()
    hand.wait()
    hand.offer()
    while hand.client.state is State.RECEIVING:
        hand.block(BAD_FILES[name])
    assert hand.client.state is State.REFUSING
    assert hand.last == UpgradeEndRequest(0x96, NEW)
    refused = hand.told[-1]
    assert isinstance(refused, ImageRefused)
    assert refused.why
    assert not any(isinstance(one, ImageArrived) for one in hand.told)
    assert hand.client.image() is None
    hand.refused(0x00)
    assert hand.client.state is State.IDLE


def test_a_wrong_header_is_refused_before_the_rest_is_fetched() -> None:
    hand = Hand()
    hand.wait()
    hand.offer()
    hand.block(BAD_FILES["another version"])
    hand.block(BAD_FILES["another version"])
    assert hand.client.state is State.REFUSING


@pytest.mark.parametrize(
    "octets",
    [make_file(hardware=HardwareRange(0, 0x0101)), make_file(destination=OTHER.station)],
    ids=["hardware", "destination"],
)
def test_an_image_for_others(octets: bytes) -> None:
    hand = Hand().fetch(octets)
    assert hand.last == UpgradeEndRequest(0x96, image_id(octets))


def test_an_image_that_is_not_genuine() -> None:
    seen = []
    hand = Hand(make_client(genuine=lambda header, image: seen.append((header, image)) is not None)).fetch()
    assert hand.last == UpgradeEndRequest(0x96, NEW)
    image = manufacturer_image(FILE)
    assert hand.told[-1] == ImageRefused(NEW, "it is not genuine", sha256(image).digest())
    assert [(ImageId.of(header), found) for header, found in seen] == [(NEW, image)]
    assert hand.client.image() is None


def test_what_is_hashed_is_a_setting() -> None:
    settings = replace(PROMPT, boundary=ImageBoundary.UPGRADE_ELEMENT)
    hand = Hand(make_client(settings=settings)).finish()
    assert hand.client.held is not None
    assert hand.client.held.hash == sha256(FILE[HEADER + 6 :]).digest()


def test_an_image_that_is_never_sound_is_left_alone_in_the_end() -> None:
    hand = Hand(make_client(genuine=lambda header, image: False))
    for _ in range(PROMPT.most_refusals):
        hand.fetch()
        assert hand.client.state is State.REFUSING
        hand.refused(0x00)
    hand.wait()
    asked = len(hand.requests)
    hand.offer()
    assert (hand.client.state, len(hand.requests)) == (State.IDLE, asked)
    assert hand.client.next_deadline == hand.now.plus(PROMPT.query_seconds)
    hand.fetch(make_file(version=3))  # another one is tried
    assert hand.client.state is State.REFUSING


def test_blocks_that_are_not_those_asked_for_change_nothing() -> None:
    hand = Hand()
    hand.wait()
    hand.offer()
    hand.block()
    wrong = (
        ImageBlock(NEW, 0, FILE[:48]),
        ImageBlock(NEW, 96, FILE[96:144]),
        ImageBlock(NEW._replace(file_version=9), 48, FILE[48:96]),
        ImageBlock(NEW, 48, b""),
        ImageBlock(NEW, 48, FILE[48:97]),
    )
    for block in wrong:
        assert hand.gets(block) == []
    assert hand.client.fetching is not None
    assert hand.client.fetching.octets == 48
    short = hand.gets(ImageBlock(NEW, 48, FILE[48:50]))  # fewer are fine
    assert Progressed(NEW, 50, SIZE) in short
    assert hand.last == ImageBlockRequest(NEW, 50, 48)


def test_the_answer_to_an_earlier_request_is_as_good() -> None:
    hand = Hand()
    hand.wait()
    hand.offer()
    first = hand.messages[-1].payload[1]
    hand.wait()
    assert hand.messages[-1].payload[1] != first
    hand.octets(hand.frame(ImageBlock(NEW, 0, FILE[:48]), sequence=first))
    assert hand.last == ImageBlockRequest(NEW, 48, 48)


# -- time -----------------------------------------------------------------------------------


def test_requests_are_repeated_with_longer_and_longer_waits() -> None:
    settings = replace(PROMPT, tries=8, answer_seconds=5, most_back_off=60)
    hand = Hand(make_client(settings=settings))
    hand.wait()
    hand.offer()
    waits, before = [], hand.now
    while hand.client.state is State.RECEIVING:
        hand.wait()
        waits.append((hand.now.us - before.us) // 1_000_000)
        before = hand.now
    assert waits == [5, 10, 20, 40, 60, 60, 60, 60]
    assert hand.requests[1:] == [ImageBlockRequest(NEW, 0, 48)] * 8
    assert len({message.payload[1] for message in hand.messages}) == len(hand.messages)
    assert hand.client.state is State.IDLE


def test_what_came_is_kept_while_the_client_rests() -> None:
    hand = Hand()
    hand.wait()
    hand.offer()
    hand.block()
    while hand.client.state is State.RECEIVING:
        hand.wait()
    assert hand.client.next_deadline == hand.now.plus(PROMPT.retry_seconds)
    hand.wait()
    assert isinstance(hand.last, QueryNextImageRequest)
    hand.offer()
    assert hand.last == ImageBlockRequest(NEW, 48, 48)


def test_another_image_begins_anew() -> None:
    hand = Hand()
    hand.wait()
    hand.offer()
    hand.block()
    hand.refused()
    other = make_file(500, version=4)
    hand.finish(other)
    assert hand.client.image() == other


@pytest.mark.parametrize(
    ("current", "request_time", "waits"), [(100, 130, 30), (0, 7, 7), (9, 9, 1), (9, 1, 1)]
)
def test_the_server_lets_it_wait(current: int, request_time: int, waits: int) -> None:
    hand = Hand()
    hand.wait()
    hand.offer()
    assert hand.gets(WaitForData(current, request_time, 0)) == []
    assert hand.client.next_deadline == hand.now.plus(waits)
    hand.wait()
    assert hand.last == ImageBlockRequest(NEW, 0, 48)
    assert hand.client.state is State.RECEIVING


def test_it_waits_no_longer_than_it_likes() -> None:
    hand = Hand()
    hand.wait()
    hand.offer()
    hand.gets(WaitForData(0, 0xFFFF_FFFE, 0))
    assert hand.client.next_deadline == hand.now.plus(PROMPT.most_wait)


def test_the_period_between_requests() -> None:
    hand = Hand(make_client(settings=replace(PROMPT, period=500, reports_period=True)))
    hand.wait()
    hand.offer()
    assert hand.last == ImageBlockRequest(NEW, 0, 48, None, 500)
    hand.block()
    assert hand.client.next_deadline == hand.now.plus(us=500_000)
    hand.wait()
    hand.gets(WaitForData(0, 1, 2000))
    assert hand.client.next_deadline == hand.now.plus(1 + 2)
    hand.wait()
    assert hand.last == ImageBlockRequest(NEW, 48, 48, None, 2000)
    hand.block()
    assert hand.client.next_deadline == hand.now.plus(2)
    hand.gets(WaitForData(0, 1, 0))  # to no request
    assert hand.client.period == 2000


def test_not_all_ask_at_once() -> None:
    delays = set()
    for seed in range(20):
        client = make_client(settings=OtaClientSettings(), seed=seed)
        hand = Hand(client)
        assert client.next_deadline is not None
        assert NOW <= client.next_deadline <= NOW.plus(60)
        delays.add(client.next_deadline)
        assert hand.messages == []
        hand.wait()
        hand.gets(QueryNextImageResponse(0x98))
        assert hand.now.plus(86_400) <= client.next_deadline <= hand.now.plus(86_400 + 60)
    assert len(delays) > 10


def test_time_that_is_not_due() -> None:
    hand = Hand(up=False)
    assert hand.happens(TimerDue()) == []
    hand.happens(LinkUp(HUB))
    hand.wait()
    assert hand.happens(TimerDue()) == []
