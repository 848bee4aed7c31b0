"""Whom an OTA client believes, and what: refusals, a link that is down, notices, octets of any kind."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smets.han.endpoints import BASIC, OTA
from smets.han.link import Address, LinkDown, LinkUp
from smets.han.ota_events import (
    ImageRefused,
    SendOta,
)
from smets.han.ota_frames import (
    ImageBlock,
    ImageBlockRequest,
    ImageNotify,
    NoBlock,
    QueryNextImageResponse,
    UpgradeEndRequest,
    UpgradeEndResponse,
    WaitForData,
    ota_command,
    ota_frame,
)
from smets.han.ota_rows import State
from smets.han.zcl import ApsMessage
from tests.smets.han.ota_hand import (
    CURRENT,
    DEVICE,
    FILE,
    HUB,
    NEW,
    OTHER,
    PROMPT,
    SIZE,
    Hand,
    at,
    make_client,
)

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


def test_what_looks_like_a_refusal() -> None:
    hand = Hand()
    hand.wait()
    hand.refused(0x81, broadcast=True)
    number = hand.messages[-1].payload[1]
    for general in (0x01, 0x04, 0x0D):
        assert hand.octets(bytes((0x18, number, general, 0x01, 0x81))) == []
    assert hand.client.state is State.ASKING


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


@pytest.mark.parametrize(("drawn", "asks"), [(0, True), (29, True), (30, False), (99, False), (100, True)])
def test_the_jitter_to_the_number(drawn: int, asks: bool) -> None:
    client = make_client()
    client._random = lambda count: drawn.to_bytes(count, "big")
    hand = Hand(client)
    hand.octets(ota_frame(ImageNotify(30), 1).octets(), True, encrypted=False)
    assert len(hand.requests) == int(asks)


def test_the_end_of_another_image_ends_nothing() -> None:
    hand = Hand().fetch()
    hand.octets(hand.frame(UpgradeEndResponse(NEW._replace(file_version=9), 0), sequence=0))
    assert hand.client.state is State.ENDING


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
    answer = bytes((0x10, 7, 0x0B, payload[2], status))
    assert effects[0].message == ApsMessage(OTA, DEVICE.endpoint, HUB.endpoint, answer)
    quiet = Hand().octets(bytes((0x19,)) + payload[1:])
    broadcast = Hand().octets(payload, broadcast=True)
    for found in (quiet, broadcast):
        assert all(ota_command(one.message.payload) for one in found if isinstance(one, SendOta))


@pytest.mark.parametrize("octets", ["09 07 05", "09 07 33", "0B 07 05", "09 07 02 98"])
def test_what_lacks_the_link_key_is_not_answered(octets: str) -> None:
    hand = Hand()
    assert hand.octets(bytes.fromhex(octets), encrypted=False) == []
    if octets.startswith("0B"):  # a frame of a reserved type, with the key
        assert hand.octets(bytes.fromhex(octets)) == []


@given(st.binary(max_size=40), st.booleans(), st.booleans(), st.sampled_from(State))
def test_any_octets(octets: bytes, encrypted: bool, broadcast: bool, state: State) -> None:
    hand = at(state)
    hand.octets(octets, broadcast, encrypted=encrypted)


@given(st.sampled_from(State), st.sampled_from((0, 2, 5, 7)), st.binary(max_size=60))
def test_any_body_of_a_command(state: State, number: int, body: bytes) -> None:
    hand = at(state)
    sequence = hand.messages[-1].payload[1:2] if hand.messages else b"\1"
    hand.octets(b"\x09" + sequence + bytes((number,)) + body)
