"""What an OTA client keeps over a loss of power, what it shows of it, and the table that moves it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from itertools import product
from typing import Any

import pytest

from gbcs.errors import BuildError
from gbcs.time import Utc
from gbcs.zcl.clusters import attribute_by_name, attributes_of
from smets.events import PowerLost, PowerRestored
from smets.han.attribute_client import AttributeClient
from smets.han.cluster_server import ClusterServer
from smets.han.endpoints import BASIC, OTA, Endpoint
from smets.han.link import LinkUp
from smets.han.ota_client import OtaClient
from smets.han.ota_events import (
    Activated,
    ImageArrived,
    OtaClientSettings,
)
from smets.han.ota_frames import (
    ImageBlock,
    ImageBlockRequest,
    OtaCommand,
    QueryNextImageRequest,
    QueryNextImageResponse,
    UpgradeEndRequest,
)
from smets.han.ota_memory import STATE_KEY, Kept, OtaMemory
from smets.han.ota_rows import STATUSES, TRANSITIONS, State, Trigger, row_of
from smets.han.ota_values import OtaValues
from smets.han.zcl import ApsMessage, parse_zcl
from smets.store import MemoryStore, StoreError
from smets.values import pack
from tests.smets.failing import Failing
from tests.smets.han.ota_hand import (
    CURRENT,
    DEVICE,
    FILE,
    HUB,
    IDENTITY,
    NEW,
    NOW,
    PROMPT,
    SIZE,
    Hand,
    at,
    make_client,
    make_file,
)

# -- power and the store --------------------------------------------------------------------


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


def test_an_image_is_told_of_once_more_but_not_each_time() -> None:
    hand = at(State.ENDING)
    hand.happens(PowerLost())
    hand.told.clear()
    for _ in range(2):
        hand.happens(LinkUp(HUB))
    assert [type(one) for one in hand.told] == [ImageArrived]


def test_the_header_is_looked_at_also_after_a_loss_of_power() -> None:
    wrong = make_file(200, manufacturer=7)
    hand = at(State.ASKING)
    hand.offer()
    hand.block(wrong)
    hand.happens(PowerLost())
    hand.happens(LinkUp(HUB))
    hand.block(wrong)
    assert hand.client.state is State.REFUSING


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
