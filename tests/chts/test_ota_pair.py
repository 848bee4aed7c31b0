"""A hub and a device in one process: images cross a link that loses, doubles and reorders, and power cuts."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from hashlib import sha256
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chts.ota_server import Ended
from gbcs.firmware import HeldImage
from gbcs.ids import EntityId
from gbcs.ota import manufacturer_image
from smets.han.link import Address
from smets.han.ota_events import Arrived, ImageArrived
from smets.han.ota_rows import State
from smets.han.zcl import ApsMessage
from smets.store import MemoryStore, StoreError
from tests.chts.ota import Pair
from tests.smets.han.ota_hand import DEVICE, HUB, PROMPT, image_id, make_client, make_file

WEEK = 7 * 86_400
IMPATIENT = replace(PROMPT, retry_seconds=60, query_seconds=3600)


def copies(seed: int, loss: float, doubles: float, most_us: int) -> Callable[[], tuple[int, ...]]:
    """How many copies of a message arrive, each after so long."""
    random = Random(seed)

    def draw() -> tuple[int, ...]:
        if random.random() < loss:
            return ()
        count = 2 if random.random() < doubles else 1
        return tuple(random.randrange(most_us + 1) for _ in range(count))

    return draw


def test_without_accidents_each_octet_crosses_once() -> None:
    octets = make_file(20_000)
    pair = Pair()
    pair.server.offer(octets)
    pair.link_up()
    pair.run(10)
    blocks = -(-len(octets) // PROMPT.most_data)
    assert pair.sent == 2 * (1 + blocks + 1)
    assert [one.octets for one in pair.arrived] == [octets]
    assert pair.arrived[0].hash == sha256(manufacturer_image(octets)).digest() == HeldImage.of(octets).hash
    assert pair.progress == [*range(48, len(octets), 48), len(octets)]
    assert pair.server.take_ended() == (Ended(DEVICE.station, image_id(octets), 0),)
    assert pair.client.state is State.WAITING


class Shaky(MemoryStore):
    """A store that fails at some of its commits."""

    def __init__(self, seed: int, share: float) -> None:
        super().__init__()
        self._chance = Random(seed)
        self._share = share

    def commit(self, changes: Mapping[str, bytes | None]) -> None:
        if self._chance.random() < self._share:
            raise StoreError("not this time")
        super().commit(changes)


@given(
    seed=st.integers(0, 2**32),
    loss=st.sampled_from((0.0, 0.1, 0.3)),
    doubles=st.sampled_from((0.0, 0.3)),
    most_us=st.sampled_from((0, 100_000, 8_000_000)),
    length=st.integers(0, 800),
    cuts=st.sampled_from((0.0, 0.02, 0.1)),
    kills=st.booleans(),
    failures=st.sampled_from((0.0, 0.1)),
)
def test_an_image_arrives_as_it_was_offered(
    seed: int,
    loss: float,
    doubles: float,
    most_us: int,
    length: int,
    cuts: float,
    kills: bool,
    failures: float,
) -> None:
    """Whatever happens: what arrives is the file, what came is not asked for again, the end is reached."""
    octets = make_file(length, seed=seed & 0xFF)
    random = Random(seed)
    store = Shaky(seed, failures)
    pair = Pair(client=make_client(store, IMPATIENT), copies=copies(seed, loss, doubles, most_us))
    image = pair.server.offer(octets)
    pair.link_up()
    until = pair.now.plus(WEEK)
    cut = 0
    while pair.client.state is not State.WAITING:
        fetching = pair.client.fetching
        before = fetching.octets if fetching is not None else 0
        try:
            assert pair.step(until), pair.client.state
        except StoreError:
            assert pair.client.fetching == fetching
            continue
        after = pair.client.fetching
        assert after is None or after.octets >= before
        if random.random() < cuts and cut < 50:
            cut += 1
            if kills:
                pair.client = make_client(store, IMPATIENT)
                pair.link_up()
            else:
                pair.power_cut()
    assert pair.client.image() == octets
    assert pair.client.held is not None
    assert pair.client.held.hash == HeldImage.of(octets).hash
    assert pair.arrived
    assert {(one.image, one.octets, one.hash) for one in pair.arrived} == {
        (image, octets, HeldImage.of(octets).hash)
    }
    assert len(pair.arrived) <= 1 + cut
    assert pair.refused == []
    assert pair.progress == sorted(set(pair.progress))  # no octet twice
    if not (loss or most_us or failures):
        progress = pair.server.progress(DEVICE.station)
        assert progress is not None
        assert progress.octets == len(octets)
        assert pair.server.take_ended() == (Ended(DEVICE.station, image, 0),)


@given(seed=st.integers(0, 2**32), junk=st.lists(st.binary(max_size=40), max_size=30))
def test_octets_from_the_hubs_address_do_no_harm(seed: int, junk: list[bytes]) -> None:
    """Anything may come between; the image that arrives is the one offered, or none."""
    octets = make_file(600, seed=1)
    random = Random(seed)
    pair = Pair(client=make_client(settings=IMPATIENT))
    pair.server.offer(octets)
    pair.link_up()
    waiting = list(junk)
    until = pair.now.plus(WEEK)
    while pair.client.state is not State.WAITING and pair.step(until):
        if waiting and random.random() < 0.5:
            body = waiting.pop()
            shaped = bytes((0x09, random.randrange(40), random.randrange(8))) + body
            message = ApsMessage(0x0019, HUB.endpoint, DEVICE.endpoint, random.choice((body, shaped)))
            pair.happens(Arrived(HUB.station, message, random.random() < 0.2))
            pair.server.receive(DEVICE.station, replace(message, destination_endpoint=2), pair.now)
    assert {one.octets for one in pair.arrived} == {octets}


def test_it_goes_on_where_it_was_after_a_long_outage_of_the_hub() -> None:
    octets = make_file(5_000)
    pair = Pair()
    pair.server.offer(octets)
    pair.link_up()
    while not pair.progress or pair.progress[-1] < 2_000:
        assert pair.step()
    answers = pair.copies
    pair.copies = lambda: ()
    pair.run(7200)
    assert pair.client.state is State.IDLE
    came = pair.progress[-1]
    pair.copies = answers
    pair.run(86_400)
    assert pair.progress == [*range(48, len(octets), 48), len(octets)]
    assert 2_000 <= came < len(octets)
    assert [one.octets for one in pair.arrived] == [octets]


def test_a_newer_image_takes_the_place_of_one_that_is_withdrawn() -> None:
    first, second = make_file(3_000), make_file(2_000, version=3, seed=2)
    pair = Pair()
    image = pair.server.offer(first)
    pair.link_up()
    while len(pair.progress) < 10:
        assert pair.step()
    pair.server.withdraw(image)
    pair.server.offer(second)
    pair.run(86_400)
    assert [one.octets for one in pair.arrived] == [second]
    assert [one.image for one in pair.refused] == [image]
    assert pair.client.image() == second


def test_a_hub_that_has_the_image_only_later() -> None:
    octets = make_file(1_000)
    pair = Pair()
    pair.server.offer(octets)
    pair.server.waits_until = pair.now.plus(3_600)
    pair.link_up()
    pair.run(3_599)
    assert pair.client.state is State.RECEIVING
    assert pair.progress == []
    assert pair.sent <= 6  # it does not ask all the time
    pair.run(10)
    assert [one.octets for one in pair.arrived] == [octets]


def test_nobody_gets_another_makers_image() -> None:
    pair = Pair()
    pair.server.offer(make_file(manufacturer=7))
    pair.server.offer(make_file(image_type=7))
    pair.server.offer(make_file(version=9), frozenset((EntityId(bytes(8)),)))
    pair.link_up()
    pair.run(3 * 86_400)
    assert pair.told == []
    assert pair.client.state is State.IDLE


def test_several_devices_of_one_hub() -> None:
    octets = make_file(2_000)
    first = Pair()
    first.server.offer(octets)
    pairs = [first]
    for number in range(2, 6):
        address = Address(EntityId(DEVICE.station[:7] + bytes((number,))), 5)
        pairs.append(Pair(server=first.server, client=make_client(address=address, seed=number)))
    for pair in pairs:
        pair.link_up()
    while True:  # in turn, so that their requests come in between each other
        stepped = [pair.client.state is not State.WAITING and pair.step() for pair in pairs]
        if not any(stepped):
            break
    assert {one.octets for pair in pairs for one in pair.arrived} == {octets}
    assert len(first.server.take_ended()) == 5


@pytest.mark.long
def test_a_large_image_over_a_bad_link() -> None:
    octets = make_file(700_000)
    pair = Pair(client=make_client(settings=IMPATIENT), copies=copies(1, 0.1, 0.05, 200_000))
    pair.server.offer(octets)
    pair.link_up()
    random = Random(1)
    until = pair.now.plus(10 * WEEK)
    while pair.client.state is not State.WAITING:
        assert pair.step(until)
        if random.random() < 0.0002:
            pair.power_cut()
    assert pair.client.image() == octets
    assert pair.progress == sorted(set(pair.progress))
    assert all(isinstance(one, ImageArrived) and one.octets == octets for one in pair.arrived)
