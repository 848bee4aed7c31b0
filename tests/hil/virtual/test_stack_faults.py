"""Whatever is on the air, a node drops what is wrong and goes on: noise, spoilt frames, hostile ones."""

import random
from dataclasses import replace

import pytest

from hil.virtual.air import Link
from hil.virtual.mac_frames import MacAddress, MacFrame, MacType, with_fcs
from hil.virtual.node_api import NodeType, Status
from hil.virtual.nwk_frames import NwkFrame, NwkType
from hil.virtual.security import Auxiliary, KeyKind, protect

from .stacks import HUB, HUB_SECURITY, SEALED, Home, Unit

DEVICE = 0x00DB123456780100
KINDS = [NodeType.ROUTER, NodeType.END_DEVICE, NodeType.SLEEPY_END_DEVICE]
LINK_KEY = bytes(range(0xA0, 0xB0))


def small_home() -> tuple[Home, list[Unit]]:
    home = Home()
    units = [home.join(DEVICE + place, kind) for place, kind in enumerate(KINDS)]
    for unit in units:
        home.give_keys(unit, LINK_KEY)
    home.run(1)
    return home, units


def put(home: Home, mpdu: bytes) -> None:
    """Octets on the air, out of nowhere: every radio hears them."""
    for unit in list(home.world._members):
        unit.node.receive(home.world.now, mpdu)
        home.world.flush(unit)
    home.run(0.001)


def assert_alive(home: Home, units: list[Unit]) -> None:
    home.run(30)
    for unit in units:
        if unit.node.node_type is NodeType.SLEEPY_END_DEVICE:
            unit.call(lambda node, now: node.poll(now, 50_000, 200))
        before = len(unit.sent())
        assert unit.send(0, b"alive", SEALED)[0] is Status.OK
        assert home.wait(lambda unit=unit, before=before: len(unit.sent()) > before)  # type: ignore[misc]
        assert unit.sent()[-1].status is Status.OK


@pytest.mark.parametrize("seed", range(3))
def test_arbitrary_octets(seed: int) -> None:
    home, units = small_home()
    chance = random.Random(seed)
    for number in range(1500):
        octets = chance.randbytes(chance.randrange(128))
        put(home, with_fcs(octets) if number % 2 else octets)
    assert_alive(home, units)


@pytest.mark.parametrize("seed", range(3))
def test_changed_frames(seed: int) -> None:
    """What was really said, with octets changed and the check sequence made right."""
    home, units = small_home()
    recorded = [mpdu for _, _, mpdu in home.capture]
    chance = random.Random(seed)
    for _ in range(1500):
        octets = bytearray(chance.choice(recorded)[:-2])
        for _ in range(chance.randrange(1, 4)):
            octets[chance.randrange(len(octets))] = chance.randrange(256)
        if chance.random() < 0.3:
            del octets[chance.randrange(3, len(octets) + 1) :]
        if len(octets) <= 125:
            put(home, with_fcs(bytes(octets)))
    assert_alive(home, units)


@pytest.mark.parametrize("seed", range(3))
def test_hostile_frames_under_the_network_key(seed: int) -> None:
    """One that has the network key says anything: commands, APS frames, ZDO requests, cut and made up."""
    home, units = small_home()
    chance = random.Random(seed)
    stranger = 0x0BAD
    eui64 = 0xBAD0BAD0BAD0BAD0
    targets = [0, *(unit.node.node_id for unit in units), 0xFFFF, 0xFFFD]
    for counter in range(700):
        to = chance.choice(targets)
        body = chance.randbytes(chance.randrange(50))
        shape = chance.randrange(4)
        kind = NwkType.DATA if shape else NwkType.COMMAND
        if shape == 0:  # a network command, but no leave: that one is obeyed
            body = bytes((chance.choice([1, 2, 3, 5, 6, 7, 8, 9, 10, 11, 12, 200]),)) + body
        elif shape == 1:  # a ZDO request; again no leave, no permit
            cluster = chance.choice([0, 1, 2, 3, 4, 5, 6, 0x13, 0x21, 0x22, 0x31, 0x32, 0x33, 0x38, 0x40])
            if cluster == 0x13 and len(body) > 3:  # nobody else's address
                body = body[:1] + stranger.to_bytes(2, "little") + body[3:]
            body = bytes((0x40, 0)) + cluster.to_bytes(2, "little") + bytes(4) + body
        elif shape == 2:  # an APS command
            body = bytes((0x01, counter & 0xFF, chance.choice([5, 6, 8, 9, 0xE, 0xF, 0x10]))) + body
        frame = NwkFrame(kind, to, stranger, 30, counter & 0xFF, body)
        if chance.random() < 0.1:
            frame = replace(frame, relays=(0, 5), relay_index=chance.randrange(3))
        header = frame.header()
        auxiliary = Auxiliary(KeyKind.NETWORK, counter, eui64, 0)
        sealed = header + protect(HUB_SECURITY.network_key, header, auxiliary, eui64, body)
        mac = MacFrame(
            MacType.DATA,
            MacAddress(0x1A62, 0xFFFF if to > 0xFFF7 else to),
            MacAddress(0x1A62, stranger),
            sealed,
            counter & 0xFF,
        )
        put(home, mac.octets())
    home.hub.node.state.network.alternate = None  # type: ignore[union-attr]
    assert_alive(home, units[:2])


@pytest.mark.parametrize("seed", range(3))
def test_bit_errors_are_only_dropped(seed: int) -> None:
    home, units = small_home()
    for unit in units:
        unit.events.clear()
    home.hub.events.clear()
    home.air.default = Link(bit_errors=2e-3)  # most longer frames are hit
    sent = 0
    for number in range(40):
        payload = bytes((number,)) * 30
        for unit in units[:2]:
            sent += unit.send(0, payload, SEALED)[0] is Status.OK
        home.run(2)
    home.air.default = Link()
    assert sent
    good = {bytes((number,)) * 30 for number in range(40)}
    arrived = [(m.sender, m.payload) for m in home.hub.messages()]
    assert {payload for _, payload in arrived} <= good
    assert len(arrived) == len(set(arrived))
    assert_alive(home, units)


def test_a_longer_frame_than_the_air_carries() -> None:
    home, units = small_home()
    for size in (0, 1, 2, 3, 4, 5, 126, 127, 128, 200, 2000):
        put(home, bytes(size))
        put(home, with_fcs(b"\x61\x88" + bytes(size)))
    assert_alive(home, units)


def test_the_hub_is_not_moved_by_unsecured_frames() -> None:
    """Leave, status, requests and data without network security have no effect."""
    home, units = small_home()
    router = units[0]
    ids = DEVICE.to_bytes(8, "little") + HUB.to_bytes(8, "little")
    for kind, body in (
        (NwkType.COMMAND, b"\x04\x40"),
        (NwkType.COMMAND, b"\x03\x00\x00\x00"),
        (NwkType.COMMAND, b"\x01\x00\x01\x00\x00\x00"),
        (NwkType.DATA, bytes((0x40, 1)) + (0x0704).to_bytes(2, "little") + b"\x09\x01\x01\x00hello"),
        (NwkType.DATA, b"\x01\x07\x07" + DEVICE.to_bytes(8, "little")),
        (NwkType.DATA, b"\x01\x08\x05\x01" + bytes(16) + b"\x07" + ids),
    ):
        frame = NwkFrame(kind, router.node.node_id, 0, 1, 77, body, secured=False)
        mac = MacFrame(
            MacType.DATA,
            MacAddress(0x1A62, router.node.node_id),
            MacAddress(0x1A62, 0),
            frame.header() + body,
            body[-1],
        )
        put(home, mac.octets())
    home.run(1)
    assert not router.messages()
    assert router.statuses() == [Status.NETWORK_UP]
    assert router.node.network_key is not None
    assert router.node.network_key.alternate_key is None
    assert_alive(home, units)
