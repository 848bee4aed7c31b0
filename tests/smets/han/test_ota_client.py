"""An OTA client alone: what it asks, what it makes of each answer, what it keeps."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from hashlib import sha256
from itertools import product
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gbcs.errors import BuildError
from gbcs.ota import HardwareRange, ImageBoundary, manufacturer_image
from gbcs.time import Utc
from gbcs.zcl.clusters import attribute_by_name, attributes_of
from smets.events import PowerLost, PowerRestored, TimerDue
from smets.han.attribute_client import AttributeClient
from smets.han.cluster_server import ClusterServer
from smets.han.endpoints import BASIC, OTA, Endpoint
from smets.han.link import Address, LinkDown, LinkUp
from smets.han.ota_client import OtaClient
from smets.han.ota_events import (
    Activated,
    Arrived,
    ImageArrived,
    ImageRefused,
    OtaClientSettings,
    OtaEffect,
    Progressed,
    SendOta,
)
from smets.han.ota_frames import (
    ImageBlock,
    ImageBlockRequest,
    ImageNotify,
    NoBlock,
    OtaCommand,
    QueryNextImageRequest,
    QueryNextImageResponse,
    UpgradeEndRequest,
    UpgradeEndResponse,
    WaitForData,
    ota_command,
    ota_frame,
)
from smets.han.ota_image import ImageId
from smets.han.ota_memory import STATE_KEY, Kept, OtaMemory
from smets.han.ota_rows import STATUSES, TRANSITIONS, State, Trigger, row_of
from smets.han.ota_values import OtaValues
from smets.han.zcl import ApsMessage, default_response, parse_zcl, wants_default_response
from smets.store import MemoryStore, StoreError
from smets.values import pack
from tests.chts.ota import DEVICE, HUB, IDENTITY, NOW, OTHER, PROMPT, image_id, make_client, make_file

FILE = make_file(200)
SIZE = len(FILE)
NEW = image_id(FILE)
CURRENT = ImageId(IDENTITY.manufacturer, IDENTITY.image_type, 1)
HEADER = 56


class Hand:
    """A client played by hand: what it sends and tells, and answers to its last request."""

    def __init__(self, client: OtaClient | None = None, up: bool = True) -> None:
        self.client = client if client is not None else make_client()
        self.now = NOW
        self.told: list[OtaEffect] = []
        self.requests: list[OtaCommand] = []
        self.messages: list[ApsMessage] = []
        if up:
            self.happens(LinkUp(HUB))

    def happens(self, event: Any) -> list[OtaEffect]:
        effects = list(self.client.handle(event, self.now))
        for effect in effects:
            if not isinstance(effect, SendOta):
                self.told.append(effect)
                continue
            assert effect.station == HUB.station
            self.messages.append(effect.message)
            command = ota_command(effect.message.payload, self.client.settings.wire)
            if command is not None:
                self.requests.append(command)
        return effects

    def wait(self, seconds: int | None = None) -> list[OtaEffect]:
        """Until the deadline, or so long with every deadline on the way."""
        if seconds is None:
            assert self.client.next_deadline is not None
            self.now = max(self.now, self.client.next_deadline)
            return self.happens(TimerDue())
        until, out = self.now.plus(seconds), []
        while self.client.next_deadline is not None and self.client.next_deadline <= until:
            out += self.wait()
        self.now = until
        return out

    @property
    def last(self) -> OtaCommand:
        return self.requests[-1]

    def frame(self, command: OtaCommand, sequence: int | None = None, asks: bool = False) -> bytes:
        number = self.messages[-1].payload[1] if sequence is None else sequence
        return ota_frame(command, number, self.client.settings.wire, asks).octets()

    def gets(self, command: OtaCommand, **changes: Any) -> list[OtaEffect]:
        """An answer to the last request, or a command of the hub's own."""
        return self.octets(self.frame(command), **changes)

    def octets(self, octets: bytes, broadcast: bool = False, **changes: Any) -> list[OtaEffect]:
        message = ApsMessage(OTA, HUB.endpoint, self.client.address.endpoint, octets)
        station = changes.pop("station", HUB.station)
        return self.happens(Arrived(station, replace(message, **changes), broadcast))

    def refused(self, status: int = 0x01, **changes: Any) -> list[OtaEffect]:
        """A Default Response to the last request."""
        return self.octets(
            default_response(parse_zcl(OTA, self.messages[-1].payload), status).octets(), **changes
        )

    def offer(self, image: ImageId = NEW, size: int = SIZE) -> list[OtaEffect]:
        return self.gets(QueryNextImageResponse(0, image, size))

    def block(self, octets: bytes = FILE) -> list[OtaEffect]:
        """The octets that were asked for."""
        asked = self.last
        assert isinstance(asked, ImageBlockRequest)
        return self.gets(
            ImageBlock(asked.image, asked.offset, octets[asked.offset : asked.offset + asked.most])
        )

    def fetch(self, octets: bytes = FILE) -> Hand:
        """Through to the end of the image."""
        if self.client.state in (State.IDLE, State.WAITING):
            self.wait()
        self.offer(image_id(octets), len(octets))
        while self.client.state is State.RECEIVING:
            self.block(octets)
        return self

    def finish(self, octets: bytes = FILE) -> Hand:
        """Until the image waits."""
        self.fetch(octets)
        self.gets(UpgradeEndResponse(image_id(octets), self.now.seconds))
        assert self.client.state is State.WAITING
        return self


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
    assert len(hand.client._store._keys) == 1 + -(-len(later) // 48)  # type: ignore[attr-defined]


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
    before = hand.client.held
    hand.happens(Activated())
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
    assert isinstance(hand.told[-1], ImageRefused)
    hand.refused(0x00)
    assert hand.client.state is State.IDLE
    assert hand.client.next_deadline == NOW.plus(PROMPT.retry_seconds)


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
    assert [one[1] for one in seen] == [image]
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
    assert len(delays) > 10


def test_time_that_is_not_due() -> None:
    hand = Hand(up=False)
    assert hand.happens(TimerDue()) == []
    hand.happens(LinkUp(HUB))
    hand.wait()
    assert hand.happens(TimerDue()) == []


# -- refusals and the link ------------------------------------------------------------------


@pytest.mark.parametrize("status", [0x95, 0x98, 0x01])
def test_the_server_ends_it(status: int) -> None:
    hand = Hand()
    hand.wait()
    hand.offer()
    hand.block()
    hand.gets(NoBlock(status))
    assert hand.told[-1] == ImageRefused(NEW, f"the server ended it: status {status:02X}")
    assert hand.client.state is State.IDLE
    assert hand.client.fetching is None
    assert hand.client.next_deadline == hand.now.plus(PROMPT.retry_seconds)


def test_a_refusal_of_a_request() -> None:
    hand = Hand()
    hand.wait()
    hand.refused(encrypted=False)  # it lacked the link key
    assert hand.client.state is State.IDLE
    hand.wait()
    hand.refused(0x00)
    assert hand.client.state is State.ASKING
    hand.refused(0x81, encrypted=False)
    assert hand.client.state is State.ASKING
    hand.refused(0x81, source_endpoint=HUB.endpoint + 1)
    hand.refused(0x81, station=OTHER.station)
    hand.octets(hand.frame(QueryNextImageResponse(0x98))[:1] + b"\x7f\x0b\x01\x81")
    assert hand.client.state is State.ASKING
    hand.refused(0x81)
    assert hand.client.state is State.IDLE
    hand.wait()
    hand.offer()
    hand.block()
    hand.refused(0x80)
    assert (hand.client.state, hand.client.fetching is None) == (State.IDLE, False)


@pytest.mark.parametrize("ends", ["answer", "default", "silence"])
def test_the_image_is_here_whether_the_server_hears_of_it_or_not(ends: str) -> None:
    hand = Hand().fetch()
    if ends == "answer":
        hand.octets(hand.frame(UpgradeEndResponse(NEW, 0), sequence=0))  # by the image it names
    elif ends == "default":
        hand.refused(0x8B)
    else:
        while hand.client.state is State.ENDING:
            hand.wait()
        assert hand.requests[-PROMPT.tries :] == [UpgradeEndRequest(0, NEW)] * PROMPT.tries
    assert hand.client.state is State.WAITING
    assert hand.client.image() == FILE


def test_a_link_that_was_down() -> None:
    hand = Hand()
    hand.wait()
    hand.offer()
    hand.block()
    assert hand.happens(LinkDown(OTHER)) == []
    assert hand.client.next_deadline is not None
    hand.happens(LinkDown(HUB))
    assert hand.client.next_deadline is None
    asked = len(hand.requests)
    assert hand.block() == []  # nobody is there

    hand.happens(LinkUp(Address(HUB.station, 9)))
    assert hand.requests[asked:] == [ImageBlockRequest(NEW, 48, 48)]
    assert hand.messages[-1].destination_endpoint == 9
    assert hand.happens(LinkUp(OTHER)) == []


# -- notices --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("notice", "asks"),
    [
        (ImageNotify(100), True),
        (ImageNotify(100, 0x1234), True),
        (ImageNotify(100, 0x1234, 5), True),
        (ImageNotify(100, *NEW), True),
        (ImageNotify(100, 0x1235), False),
        (ImageNotify(100, 0x1234, 6), False),
        (ImageNotify(100, *CURRENT), False),
    ],
    ids=str,
)
@pytest.mark.parametrize("broadcast", [True, False])
def test_a_notice(notice: ImageNotify, asks: bool, broadcast: bool) -> None:
    hand = Hand()
    octets = ota_frame(notice, 1).octets()
    endpoint = 0xFF if broadcast else DEVICE.endpoint
    hand.octets(octets, broadcast, destination_endpoint=endpoint, encrypted=not broadcast)
    assert len(hand.requests) == int(asks)
    assert hand.client.state is (State.ASKING if asks else State.IDLE)


def test_a_notice_of_what_waits_already() -> None:
    hand = Hand().finish()
    hand.octets(ota_frame(ImageNotify(100, *NEW), 1).octets(), True)
    assert hand.client.state is State.WAITING
    hand.octets(ota_frame(ImageNotify(100, *NEW._replace(file_version=3)), 1).octets(), True)
    assert hand.client.state is State.ASKING_ANEW


def test_the_jitter_lets_some_ask_at_once() -> None:
    asked = 0
    for seed in range(200):
        hand = Hand(make_client(seed=seed))
        hand.octets(ota_frame(ImageNotify(30), 1).octets(), True, encrypted=False)
        asked += len(hand.requests)
    assert 40 <= asked <= 80
    hand = Hand()
    hand.octets(ota_frame(ImageNotify(0), 1).octets())  # alone, it always does
    assert len(hand.requests) == 1


# -- who may say what -----------------------------------------------------------------------


@pytest.mark.parametrize(
    "changes",
    [
        {"station": OTHER.station},
        {"encrypted": False},
        {"source_endpoint": HUB.endpoint + 1},
        {"destination_endpoint": DEVICE.endpoint + 1},
        {"destination_endpoint": 0xFF},
        {"cluster": BASIC},
        {"broadcast": True},
    ],
    ids=str,
)
def test_answers_only_of_the_hub(changes: dict[str, Any]) -> None:
    hand = Hand()
    hand.wait()
    assert hand.gets(QueryNextImageResponse(0, NEW, SIZE), **changes) == []
    assert hand.client.state is State.ASKING


def test_answers_only_to_what_was_asked() -> None:
    hand = Hand()
    hand.wait()
    hand.octets(hand.frame(QueryNextImageResponse(0, NEW, SIZE), sequence=200))
    for stray in (
        ImageBlock(NEW, 0, FILE[:48]),
        NoBlock(0x95),
        WaitForData(0, 9, 0),
        UpgradeEndResponse(NEW, 0),
    ):
        assert hand.gets(stray) == []
    assert hand.client.state is State.ASKING
    hand.offer()
    for stray in (NoBlock(0x95), WaitForData(0, 9, 0)):
        hand.octets(hand.frame(stray, sequence=200))
    hand.gets(QueryNextImageResponse(0x98))
    assert hand.client.state is State.RECEIVING


@pytest.mark.parametrize(
    ("octets", "status"),
    [
        ("09 07 00 00 64", 0x00),
        ("09 07 00 07 64", 0x80),
        ("09 07 05", 0x80),
        ("09 07 09", 0x81),
        ("09 07 33", 0x81),
    ],
)
def test_default_responses(octets: str, status: int) -> None:
    hand = Hand()
    payload = bytes.fromhex(octets)
    effects = hand.octets(payload)
    assert isinstance(effects[0], SendOta)
    assert effects[0].message.payload == bytes((0x10, 7, 0x0B, payload[2], status))
    quiet = Hand().octets(bytes((0x19,)) + payload[1:])
    broadcast = Hand().octets(payload, broadcast=True)
    for found in (quiet, broadcast):
        assert all(ota_command(one.message.payload) for one in found if isinstance(one, SendOta))


@given(st.binary(max_size=40), st.booleans(), st.booleans(), st.sampled_from(State))
def test_any_octets(octets: bytes, encrypted: bool, broadcast: bool, state: State) -> None:
    hand = at(state)
    hand.octets(octets, broadcast, encrypted=encrypted)


@given(st.sampled_from(State), st.sampled_from((0, 2, 5, 7)), st.binary(max_size=60))
def test_any_body_of_a_command(state: State, number: int, body: bytes) -> None:
    hand = at(state)
    sequence = hand.messages[-1].payload[1:2] if hand.messages else b"\1"
    hand.octets(b"\x09" + sequence + bytes((number,)) + body)


# -- power and the store --------------------------------------------------------------------


def at(state: State) -> Hand:
    """A client in a state."""
    if state is State.REFUSING:
        return Hand(make_client(genuine=lambda header, image: False)).fetch()
    hand = Hand()
    if state is State.IDLE:
        return hand
    if state in (State.WAITING, State.ASKING_ANEW):
        hand.finish()
    else:
        hand.wait()
    if state is State.ASKING_ANEW:
        hand.wait()
    elif state in (State.RECEIVING, State.ENDING):
        hand.offer()
        hand.block()
        if state is State.ENDING:
            hand.fetch()
    assert hand.client.state is state
    return hand


@pytest.mark.parametrize("again", [True, False], ids=["power cut", "another process"])
@pytest.mark.parametrize("state", State)
def test_a_state_outlives_a_loss_of_power(state: State, again: bool) -> None:
    hand = at(state)
    if again:
        assert hand.happens(PowerLost()) == []
        assert hand.happens(PowerRestored()) == []
    else:
        hand = Hand(make_client(hand.client._store), up=False)
    rests = {State.ASKING: State.IDLE, State.ASKING_ANEW: State.WAITING}.get(state, state)
    assert hand.client.state is rests
    assert hand.client.next_deadline is None
    hand.told.clear()
    before = len(hand.requests)
    hand.happens(LinkUp(HUB))
    hand.wait() if rests in (State.IDLE, State.WAITING) else None
    assert len(hand.requests) == before + 1
    expected: dict[State, OtaCommand] = {
        State.RECEIVING: ImageBlockRequest(NEW, 48, 48),
        State.ENDING: UpgradeEndRequest(0, NEW),
        State.REFUSING: UpgradeEndRequest(0x96, NEW),
    }
    assert hand.last == expected.get(rests, QueryNextImageRequest(CURRENT, IDENTITY.hardware))
    # what the device was told may have been lost with the power
    arrived = [one for one in hand.told if isinstance(one, ImageArrived)]
    assert [one.octets for one in arrived] == ([FILE] if state is State.ENDING else [])


class Failing(MemoryStore):
    """A store that takes no more changes when told so."""

    fails = False

    def commit(self, changes: Mapping[str, bytes | None]) -> None:
        if self.fails:
            raise StoreError("full")
        super().commit(changes)


@pytest.mark.parametrize("state", [State.ASKING, State.RECEIVING, State.ENDING, State.REFUSING])
def test_a_store_that_fails_changes_nothing(state: State) -> None:
    store = Failing()
    hand = Hand(make_client(store, genuine=lambda header, image: state is not State.REFUSING))
    hand.wait()
    answer: OtaCommand = QueryNextImageResponse(0, NEW, SIZE)
    if state is not State.ASKING:
        hand.offer()
        answer = ImageBlock(NEW, 0, FILE[:48])
    if state in (State.ENDING, State.REFUSING):
        while hand.client.fetching is not None and hand.client.fetching.octets + 48 < SIZE:
            hand.block()
        answer = ImageBlock(NEW, SIZE - SIZE % 48, FILE[SIZE - SIZE % 48 :])
    before = hand.client.state, hand.client.fetching, hand.client.next_deadline, store.snapshot()
    store.fails = True
    with pytest.raises(StoreError):
        hand.gets(answer)
    assert (hand.client.state, hand.client.fetching, hand.client.next_deadline, store.snapshot()) == before
    store.fails = False
    hand.gets(answer)
    assert store.snapshot() != before[3]


@pytest.mark.parametrize(
    "octets",
    [
        b"",
        b"junk",
        pack(("IDLE", None, None, None)),
        pack(("NOWHERE", None, None, None, None)),
        pack(("RECEIVING", None, None, None, None)),
        pack(("WAITING", None, None, None, None)),
        pack(("REFUSING", None, None, None, None)),
        pack(("IDLE", (1,), None, None, None)),
        pack(("IDLE", 1, None, None, None)),
        pack(5),
        pack((5, None, None, None, None)),
    ],
    ids=range(11),
)
def test_a_store_that_holds_something_else(octets: bytes) -> None:
    with pytest.raises(StoreError):
        make_client(MemoryStore({STATE_KEY: octets}))


def test_what_is_kept_is_read_back() -> None:
    for state in State:
        kept = at(state).client._memory.kept
        again = Kept.parse(kept.octets())
        assert replace(again, state=kept.state) == kept
    assert Kept.parse(Kept().octets()) == Kept()


def test_a_block_that_the_store_lost_is_noticed() -> None:
    hand = Hand()
    hand.wait()
    hand.offer()
    hand.block()
    hand.block()
    hand.client._store.commit({"ota/0/00000030": None})
    while hand.client.state is State.RECEIVING:
        hand.block()
    assert hand.client.state is State.REFUSING


def test_other_keys_of_the_store_are_left_alone() -> None:
    store = MemoryStore({"item/x": b"1", "ota": b"2", "otb": b"3"})
    hand = Hand(make_client(store)).finish()
    hand.happens(Activated())
    assert {key for key in store.snapshot() if key != STATE_KEY} == {"item/x", "ota", "otb"}
    assert OtaMemory(store).kept.held is None


# -- attributes -----------------------------------------------------------------------------


class Others:
    def read(self, attribute: Any, endpoint: Any, now: Utc) -> Any:
        return b"0000" if attribute.name == "ManufacturerName" else None


def readings(client: OtaClient) -> Mapping[str, Any]:
    """All attributes, as the hub reads them on the client's side."""
    endpoint = Endpoint(DEVICE.endpoint, 0x0501, (BASIC,), (OTA,))
    server = ClusterServer((endpoint,), OtaValues(client, Others()))
    body = b"".join(known.id.to_bytes(2, "little") for known in attributes_of(OTA))
    (answer,) = server.receive(ApsMessage(OTA, 1, DEVICE.endpoint, b"\x08\x01\x00" + body), NOW)
    from smets.han.attribute_client import readings as told

    found = told(parse_zcl(OTA, answer.payload))
    assert found.refused == {}
    return found.values


def test_attributes() -> None:
    assert {name: int(value) for name, value in readings(make_client()).items()} == {
        "UpgradeServerID": int.from_bytes(HUB.station, "big"),
        "FileOffset": 0xFFFF_FFFF,
        "CurrentFileVersion": 1,
        "DownloadedFileVersion": 0xFFFF_FFFF,
        "ImageUpgradeStatus": 0,
        "ManufacturerID": IDENTITY.manufacturer,
        "ImageTypeID": IDENTITY.image_type,
        "MinimumBlockPeriod": 0,
        "ImageStamp": 0,
        "UpgradeActivationPolicy": 1,
        "UpgradeTimeoutPolicy": 1,
    }


@pytest.mark.parametrize(
    ("state", "status", "offset", "downloaded"),
    [
        (State.IDLE, 0, 0xFFFF_FFFF, 0xFFFF_FFFF),
        (State.ASKING, 0, 0xFFFF_FFFF, 0xFFFF_FFFF),
        (State.RECEIVING, 1, 48, 0xFFFF_FFFF),
        (State.ENDING, 2, SIZE, 2),
        (State.REFUSING, 0, 0xFFFF_FFFF, 0xFFFF_FFFF),
        (State.WAITING, 6, SIZE, 2),
        (State.ASKING_ANEW, 6, SIZE, 2),
    ],
)
def test_attributes_of_a_state(state: State, status: int, offset: int, downloaded: int) -> None:
    told = readings(at(state).client)
    names = ("ImageUpgradeStatus", "FileOffset", "DownloadedFileVersion")
    assert tuple(int(told[name]) for name in names) == (status, offset, downloaded)


def test_the_server_side_has_no_attributes() -> None:
    endpoint = Endpoint(DEVICE.endpoint, 0x0501, (BASIC, OTA), (OTA,))
    server = ClusterServer((endpoint,), OtaValues(make_client(), Others()))
    client = AttributeClient()
    _, asked = client.request(DEVICE, OTA, ["FileOffset"], 1)
    (answer,) = server.receive(asked, NOW)
    found = client.receive(DEVICE.station, answer)
    assert found is not None
    assert found[1].refused == {"FileOffset": 0x86}
    _, asked = client.request(DEVICE, BASIC, ["ManufacturerName"], 1)
    (answer,) = server.receive(asked, NOW)
    found = client.receive(DEVICE.station, answer)
    assert found is not None
    assert found[1].values == {"ManufacturerName": "0000"}
    assert attribute_by_name(OTA, "FileOffset").id == 1


# -- the table ------------------------------------------------------------------------------


def test_the_table_is_sound() -> None:
    rows = set()
    for row in TRANSITIONS:
        for state, trigger, held in product(row.before, row.triggers, (True, False)):
            if row.held in (None, held):
                assert (state, trigger, held) not in rows, "two rows for the same"
                rows.add((state, trigger, held))
                assert row_of(state, trigger, held) is row
    assert set(STATUSES) == set(State)
    assert {trigger for _, trigger, _ in rows} == set(Trigger)
    assert {row.after for row in TRANSITIONS} == set(State)


@pytest.mark.parametrize("state", State)
def test_every_state_has_a_way_out_when_nobody_answers(state: State) -> None:
    """Time alone brings each back to rest, and from rest to asking."""
    hand = at(state)
    resting = {State.IDLE, State.WAITING}
    seen = set()
    for _ in range(3 * PROMPT.tries + 3):
        hand.wait()
        seen.add(hand.client.state)
    assert seen & resting
    assert hand.client.next_deadline is not None


@pytest.mark.parametrize(
    "wrong",
    [
        {"most_octets": 0},
        {"most_data": 0},
        {"most_data": 255},
        {"answer_seconds": 0},
        {"tries": 0},
        {"tries": 101},
        {"most_refusals": 0},
        {"retry_seconds": -1},
        {"start_seconds": -1},
        {"period": 0x10000},
        {"image_stamp": -1},
        {"waiting": 256},
    ],
    ids=str,
)
def test_settings_that_cannot_be(wrong: dict[str, Any]) -> None:
    with pytest.raises(BuildError):
        OtaClientSettings(**wrong)
