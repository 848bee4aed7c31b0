"""A network over time: restarts, rejoins, leaves, removals."""

import random

import pytest

from hil.virtual.air import Link
from hil.virtual.node_api import (
    ApsFrame,
    ApsOption,
    ChildJoin,
    DeviceUpdate,
    JoinDecision,
    NetworkState,
    NodeType,
    OutgoingType,
    Policy,
    RouteError,
    ScanComplete,
    ScanType,
    Status,
    TrustCenterJoin,
    TrustCenterPolicy,
)
from hil.virtual.state import Persistent

from .stacks import CHANNEL, HUB, OPEN, SEALED, Home, Unit, no_reach

DEVICE = 0x00DB123456780100
LINK_KEY = bytes(range(0xA0, 0xB0))
KINDS = [NodeType.ROUTER, NodeType.END_DEVICE, NodeType.SLEEPY_END_DEVICE]


def joined(kind: NodeType, seed: int = 0, link: Link | None = None) -> tuple[Home, Unit]:
    home = Home(seed, link)
    unit = home.join(DEVICE, kind)
    home.give_keys(unit, LINK_KEY)
    home.run(1)
    unit.events.clear()
    home.hub.events.clear()
    return home, unit


def wake(unit: Unit) -> None:
    if unit.node.node_type is NodeType.SLEEPY_END_DEVICE:
        unit.call(lambda node, now: node.poll(now, 50_000, 250))


def assert_talks(home: Home, unit: Unit) -> None:
    """Both ways, secured with the link key."""
    wake(unit)
    for sender, receiver in ((unit, home.hub), (home.hub, unit)):
        before, heard = len(sender.sent()), len(receiver.messages())
        assert sender.send(receiver.node.node_id, b"still there", SEALED)[0] is Status.OK
        assert home.wait(lambda sender=sender, before=before: len(sender.sent()) > before)  # type: ignore[misc]
        assert sender.sent()[-1].status is Status.OK
        assert len(receiver.messages()) == heard + 1


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("who", ["device", "hub", "both"])
def test_the_network_is_there_again_after_a_power_cut(kind: NodeType, who: str) -> None:
    home, unit = joined(kind)
    for _ in range(3):
        if who != "hub":
            unit.restart()
        if who != "device":
            home.hub.restart()
        home.run(1)
        assert unit.node.network_state is NetworkState.JOINED
        assert_talks(home, unit)


def test_what_is_not_persistent_is_forgotten() -> None:
    home, _ = joined(NodeType.ROUTER)
    home.allow(DEVICE + 1)
    home.permit()
    home.hub.node.reset(home.world.now)
    node = home.hub.node
    assert (node.network_state, node.node_id) == (NetworkState.NO_NETWORK, 0xFFFE)
    assert node.endpoints == ()
    assert node.transient_keys == []
    assert node.policy(Policy.TRUST_CENTER) == 0
    assert not node.listening
    assert node.link_key_of(DEVICE) is not None
    assert node.eui64 == HUB


@pytest.mark.parametrize("kind", KINDS)
def test_memory_can_be_written_down(kind: NodeType) -> None:
    home, unit = joined(kind)
    for old in (unit, home.hub):
        again = Persistent.load(old.node.state.dump())
        assert again == old.node.state
        assert LINK_KEY.hex() not in repr(again)
        assert repr(LINK_KEY) not in repr(again)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("secure", [True, False])
def test_rejoins_where_joining_is_closed(kind: NodeType, secure: bool) -> None:
    home, unit = joined(kind)
    home.permit(0)
    policy = OPEN | TrustCenterPolicy.ALLOW_UNSECURED_REJOINS
    home.hub.node.set_policy(Policy.TRUST_CENTER, policy)
    old = unit.node.node_id
    assert unit.call(lambda node, now: node.rejoin(now, secure)) is Status.OK
    home.run(3)
    assert unit.statuses() == [Status.NETWORK_UP]
    assert unit.node.node_id == old
    (update,) = home.hub.of(TrustCenterJoin)
    if secure:
        assert (update.update, update.decision) == (DeviceUpdate.SECURED_REJOIN, JoinDecision.NO_ACTION)
    else:
        assert update.update is DeviceUpdate.UNSECURED_REJOIN
        assert update.decision is JoinDecision.USE_PRECONFIGURED_KEY
    assert_talks(home, unit)


def test_an_unsecured_rejoin_needs_the_policy() -> None:
    home, unit = joined(NodeType.ROUTER)
    unit.call(lambda node, now: node.rejoin(now, False))
    home.run(5)
    assert unit.statuses() == [Status.NO_NETWORK_KEY_RECEIVED]
    assert unit.node.network_state is NetworkState.JOINED_NO_PARENT
    unit.call(lambda node, now: node.rejoin(now, True))
    home.run(3)
    assert unit.statuses()[-1] is Status.NETWORK_UP
    assert_talks(home, unit)


def test_an_unsecured_rejoin_needs_the_right_link_key() -> None:
    home, unit = joined(NodeType.ROUTER)
    policy = OPEN | TrustCenterPolicy.ALLOW_UNSECURED_REJOINS
    home.hub.node.set_policy(Policy.TRUST_CENTER, policy)
    unit.node.import_link_key(0xFF, HUB, bytes(16))
    home.hub.node.clear_transient_keys()
    unit.call(lambda node, now: node.rejoin(now, False))
    home.run(5)
    assert unit.statuses() == [Status.NO_NETWORK_KEY_RECEIVED]


def test_a_rejoin_finds_a_network_that_moved() -> None:
    home, unit = joined(NodeType.END_DEVICE)
    network = home.hub.node.state.network
    assert network is not None
    home.hub.node.reset(home.world.now)
    network.parameters = type(network.parameters)(HUB, 0x1A62, 20)
    home.hub.restart()
    unit.call(lambda node, now: node.rejoin(now, True))
    home.run(3)
    assert unit.statuses() == [Status.MOVE_FAILED]
    unit.call(lambda node, now: node.rejoin(now, True, 0x07FFF800))
    home.run(5)
    assert unit.statuses()[-1] is Status.NETWORK_UP
    assert unit.node.channel == 20
    assert_talks(home, unit)


def test_a_child_moves_to_another_parent() -> None:
    home, unit = joined(NodeType.SLEEPY_END_DEVICE)
    router = home.join(DEVICE + 1)
    home.run(1)
    home.air.set_link(unit.node, home.hub.node, no_reach())
    unit.call(lambda node, now: node.rejoin(now, True))
    home.run(3)
    assert unit.node.parent == (router.node.node_id, DEVICE + 1)
    assert [row for row in home.hub.node.children if row] == []
    assert_talks(home, unit)


@pytest.mark.parametrize("kind", KINDS)
def test_a_device_leaves_and_may_join_again(kind: NodeType) -> None:
    home, unit = joined(kind)
    assert unit.call(lambda node, now: node.leave(now)) is Status.OK
    home.run(2)
    assert unit.statuses() == [Status.NETWORK_DOWN]
    assert unit.node.network_state is NetworkState.NO_NETWORK
    assert unit.node.link_key_of(HUB) is None
    assert home.hub.of(TrustCenterJoin)[-1].update is DeviceUpdate.LEFT
    if kind is not NodeType.ROUTER:
        assert home.hub.of(ChildJoin)[-1].joining is False
    home.permit()
    home.allow(DEVICE)
    home.start_join(unit, kind)
    home.run(3)
    assert unit.statuses()[-1] is Status.NETWORK_UP


@pytest.mark.parametrize("kind", KINDS)
def test_the_hub_removes_a_device(kind: NodeType) -> None:
    home, unit = joined(kind)
    wake(unit)
    status = home.hub.call(lambda node, now: node.remove_device(now, unit.node.node_id, DEVICE, DEVICE))
    assert status is Status.OK
    home.run(3)
    assert unit.statuses() == [Status.NETWORK_DOWN]
    assert home.hub.of(TrustCenterJoin)[-1].update is DeviceUpdate.LEFT


def test_the_hub_removes_a_device_behind_a_router() -> None:
    home = Home()
    router = home.join(DEVICE)
    home.run(1)
    home.permit(by=router)
    home.permit(0)
    unit = home.unit(DEVICE + 1)
    home.allow(DEVICE + 1)
    home.start_join(unit, NodeType.END_DEVICE)
    home.run(2)
    assert unit.node.parent[1] == DEVICE
    home.hub.call(lambda node, now: node.remove_device(now, router.node.node_id, DEVICE, DEVICE + 1))
    home.run(2)
    assert unit.statuses()[-1] is Status.NETWORK_DOWN
    last = home.hub.of(TrustCenterJoin)[-1]
    assert (last.eui64, last.update) == (DEVICE + 1, DeviceUpdate.LEFT)


def test_a_coordinator_leaves_its_network() -> None:
    home = Home()
    home.hub.call(lambda node, now: node.leave(now))
    home.run(1)
    assert home.hub.statuses()[-1] is Status.NETWORK_DOWN
    assert home.hub.call(lambda node, now: node.network_init(now)) is Status.NOT_JOINED


def fill(seed: int, link: Link | None = None) -> tuple[Home, list[Unit]]:
    home = Home(seed, link)
    units = [home.join(DEVICE + place, KINDS[place % 3]) for place in range(15)]
    for place, unit in enumerate(units):
        home.give_keys(unit, bytes((place,)) * 16)
    home.run(2)
    return home, units


def shake(seed: int, times: int) -> None:
    """Power cuts of any at random; every one talks afterwards."""
    home, units = fill(seed)
    chance = random.Random(seed)
    for _ in range(times):
        chance.choice([home.hub, *units]).restart()
        home.run(chance.random() * 2)
    home.run(1)
    for unit in units:
        assert_talks(home, unit)


def test_fifteen_devices_and_power_cuts() -> None:
    shake(1, 10)


@pytest.mark.long
@pytest.mark.parametrize("seed", range(3))
def test_fifteen_devices_and_many_power_cuts(seed: int) -> None:
    shake(seed, 100)


def test_devices_talk_without_the_hub_knowing_their_key() -> None:
    home, a = joined(NodeType.ROUTER)
    b = home.join(DEVICE + 1)
    home.run(1)
    a.node.import_link_key(0xFF, DEVICE + 1, LINK_KEY)
    b.node.import_link_key(0xFF, DEVICE, LINK_KEY)
    a.send(b.node.node_id, b"pair", SEALED)
    home.run(1)
    assert [m.payload for m in b.messages()] == [b"pair"]


# --- asked about itself


def ask(home: Home, unit: Unit, cluster: int, body: bytes) -> bytes:
    """A ZDO request of the hub; returns the response after its sequence number."""
    aps = ApsFrame(0, cluster, 0, 0, ApsOption.RETRY)
    to = unit.node.node_id
    home.hub.call(lambda node, now: node.send_unicast(now, OutgoingType.DIRECT, to, aps, 0, b"\x55" + body))
    assert home.wait(lambda: bool(home.hub.messages(cluster | 0x8000)), 5)
    (message,) = home.hub.messages(cluster | 0x8000)
    assert message.payload[0] == 0x55
    home.hub.events.clear()
    return message.payload[1:]


@pytest.mark.parametrize("kind", KINDS)
def test_answers_what_it_is_asked(kind: NodeType) -> None:
    home, unit = joined(kind)
    wake(unit)
    me = unit.node.node_id.to_bytes(2, "little")
    eui64 = DEVICE.to_bytes(8, "little")
    assert ask(home, unit, 0x0000, eui64 + b"\0\0") == b"\0" + eui64 + me
    assert ask(home, unit, 0x0001, me + b"\0\0") == b"\0" + eui64 + me
    descriptor = ask(home, unit, 0x0002, me)
    assert descriptor[:3] == b"\0" + me
    assert descriptor[3] & 7 == (1 if kind is NodeType.ROUTER else 2)
    assert ask(home, unit, 0x0005, me) == b"\0" + me + b"\x01\x01"
    simple = ask(home, unit, 0x0004, me + b"\x01")
    assert simple == b"\0" + me + bytes.fromhex("0c 01 0901 0005 00 01 0407 01 0007")
    assert ask(home, unit, 0x0004, me + b"\x09") == b"\x83" + me + b"\0"
    match = bytes.fromhex("0901 01 0407 00")
    assert ask(home, unit, 0x0006, me + match) == b"\0" + me + b"\x01\x01"
    assert ask(home, unit, 0x0006, me + bytes.fromhex("0901 01 0307 00")) == b"\0" + me + b"\0"
    bind = eui64 + b"\x01\x00\x08\x03" + HUB.to_bytes(8, "little") + b"\x01"
    assert ask(home, unit, 0x0021, bind) == b"\0"
    assert ask(home, unit, 0x0033, b"\0") == b"\0\x01\0\x01" + bind
    assert ask(home, unit, 0x0022, bind) == b"\0"
    assert ask(home, unit, 0x0022, bind) == b"\x88"
    assert ask(home, unit, 0x0031, b"\0")[:1] == b"\0"
    assert ask(home, unit, 0x0032, b"\0")[:1] == b"\0"
    assert ask(home, unit, 0x0030, b"")[:1] == b"\x84"  # not supported
    energies = ask(home, unit, 0x0038, bytes.fromhex("00f8ff07 03 01"))
    assert energies[9] == 16


def test_leaves_and_permits_when_it_is_asked() -> None:
    home, unit = joined(NodeType.ROUTER)
    assert ask(home, unit, 0x0036, b"\x05\x00") == b"\0"
    assert unit.statuses() == [Status.NETWORK_OPENED]
    home.run(6)
    assert unit.statuses() == [Status.NETWORK_OPENED, Status.NETWORK_CLOSED]
    assert ask(home, unit, 0x0034, bytes(8) + b"\0") == b"\0"
    home.run(2)
    assert unit.statuses()[-1] is Status.NETWORK_DOWN


def test_a_broken_relay_is_reported_to_the_sender() -> None:
    home, _ = joined(NodeType.ROUTER)
    far = home.join(DEVICE + 1)
    home.run(1)
    home.air.set_link(far.node, home.hub.node, no_reach())
    home.hub.send(far.node.node_id, b"x")
    home.run(2)
    assert home.hub.sent()[-1].status is Status.OK
    gone = far.node.node_id
    far.node.reset(home.world.now)
    home.hub.send(gone, b"x")
    home.run(10)
    assert home.hub.sent()[-1].status is Status.DELIVERY_FAILED
    assert home.hub.of(RouteError)
    assert home.hub.node.channel == CHANNEL


def test_what_was_under_way_ends_with_the_network() -> None:
    """A leave in the midst of a discovery, a scan and messages: nothing of it comes back later."""
    home, unit = joined(NodeType.ROUTER)
    unit.send(0x4321, b"to nobody")
    unit.send(0, b"to the hub", SEALED)
    unit.call(lambda node, now: node.set_concentrator(now, True, 1, 1, 0))
    unit.call(lambda node, now: node.start_scan(now, ScanType.ACTIVE, 0x07FFF800, 3))
    unit.call(lambda node, now: node.leave(now))
    home.run(1)
    assert unit.statuses() == [Status.NETWORK_DOWN]
    assert len(unit.sent()) == 2
    assert unit.of(ScanComplete)
    home.allow(DEVICE)
    home.permit()
    unit.events.clear()
    home.start_join(unit, NodeType.ROUTER)
    home.run(20)
    assert unit.statuses() == [Status.NETWORK_UP]
    home.give_keys(unit, LINK_KEY)
    assert_talks(home, unit)
