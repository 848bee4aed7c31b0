"""Sleepy end devices: the indirect queue, polls, ageing; nothing lost or doubled."""

import pytest

from hil.virtual.air import Link
from hil.virtual.node_api import (
    ApsOption,
    ChildJoin,
    Config,
    Decision,
    NetworkState,
    NodeType,
    Policy,
    Poll,
    PollComplete,
    Status,
)

from .stacks import SEALED, Home, Unit, no_reach

DEVICE = 0x00DB123456780100
LINK_KEY = bytes(range(0xA0, 0xB0))
SLEEPY = NodeType.SLEEPY_END_DEVICE


def sleeper(seed: int = 0) -> tuple[Home, Unit]:
    home = Home(seed)
    unit = home.join(DEVICE, SLEEPY)
    home.give_keys(unit, LINK_KEY)
    home.run(1)
    unit.events.clear()
    return home, unit


def poll(unit: Unit, interval_us: int = 0, limit: int = 5) -> None:
    assert unit.call(lambda node, now: node.poll(now, interval_us, limit)) is Status.OK


def test_a_message_waits_until_it_is_asked_for() -> None:
    home, unit = sleeper()
    assert not unit.node.listening
    home.hub.send(unit.node.node_id, b"wait", SEALED)
    home.run(5)
    assert not unit.messages()
    poll(unit)
    home.run(0.1)
    assert [m.payload for m in unit.messages()] == [b"wait"]
    assert unit.of(PollComplete) == [PollComplete(Status.OK)]
    assert home.hub.sent()[-1].status is Status.OK
    poll(unit)
    home.run(0.1)
    assert unit.of(PollComplete)[-1] == PollComplete(Status.MAC_NO_DATA)
    assert not unit.node.listening


def test_all_that_waits_comes_with_one_poll() -> None:
    home, unit = sleeper()
    for number in range(5):
        home.hub.send(unit.node.node_id, bytes((number,)), SEALED)
    poll(unit)
    home.run(0.5)
    assert [m.payload for m in unit.messages()] == [bytes((n,)) for n in range(5)]
    assert unit.of(PollComplete) == [PollComplete(Status.OK)]


def test_what_is_not_fetched_in_time_is_gone_and_reported() -> None:
    home, unit = sleeper()
    home.hub.send(unit.node.node_id, b"late", SEALED, tag=3)
    home.run(7.6)
    assert not home.hub.sent()
    home.run(0.2)
    assert home.hub.sent()[-1].status is Status.DELIVERY_FAILED
    poll(unit)
    home.run(1)
    assert not unit.messages()


def test_the_time_in_the_queue_is_a_configuration_value() -> None:
    home, unit = sleeper()
    home.hub.node.set_config(Config.INDIRECT_TRANSMISSION_TIMEOUT, 20_000)
    home.hub.send(unit.node.node_id, b"patient", SEALED)
    home.run(19)
    poll(unit)
    home.run(1)
    assert [m.payload for m in unit.messages()] == [b"patient"]


def test_polls_are_repeated_and_stop_at_another_command() -> None:
    home, unit = sleeper()
    poll(unit, 100_000)
    home.run(1.05)
    assert len(unit.of(PollComplete)) == 11
    poll(unit)
    home.run(1)
    assert len(unit.of(PollComplete)) == 12


def test_the_host_of_the_parent_may_hear_of_polls() -> None:
    home, unit = sleeper()
    home.hub.node.set_policy(Policy.POLL_HANDLER, Decision.POLL_HANDLER_CALLBACK)
    poll(unit)
    home.run(0.1)
    home.hub.events.clear()
    poll(unit)
    home.run(0.1)
    home.hub.send(unit.node.node_id, b"x")
    poll(unit)
    home.run(0.1)
    assert home.hub.of(Poll)[:2] == [Poll(unit.node.node_id, False), Poll(unit.node.node_id, True)]


def exchange(home: Home, unit: Unit, count: int) -> None:
    """Messages to a sleepy device, one after another as a host sends them."""
    poll(unit, 50_000, 250)
    wanted = []
    for number in range(count):
        payload = number.to_bytes(3, "big") * 5
        before = len(home.hub.sent())
        assert home.hub.send(unit.node.node_id, payload, SEALED)[0] is Status.OK
        assert home.wait(lambda before=before: len(home.hub.sent()) > before)  # type: ignore[misc]
        assert home.hub.sent()[-1].status is Status.OK
        wanted.append(payload)
    assert [m.payload for m in unit.messages()] == wanted


@pytest.mark.parametrize("seed", range(2))
def test_nothing_is_lost_or_doubled_with_loss(seed: int) -> None:
    home, unit = sleeper(seed)
    home.air.default = Link(loss=0.1, delay_us=1000, jitter_us=1000, duplication=0.05)
    exchange(home, unit, 100)


@pytest.mark.long
@pytest.mark.parametrize("seed", range(3))
def test_nothing_is_lost_or_doubled_with_loss_for_long(seed: int) -> None:
    home, unit = sleeper(seed)
    home.air.default = Link(loss=0.1)
    exchange(home, unit, 1000)


def test_a_sleeper_sends_whenever_it_likes() -> None:
    home, unit = sleeper()
    unit.send(0, b"report", ApsOption.RETRY)
    home.run(0.05)
    assert [m.payload for m in home.hub.messages()] == [b"report"]
    poll(unit, 100_000)  # the acknowledgement waits too
    home.run(0.5)
    assert unit.sent()[-1].status is Status.OK


def test_two_sleepers_talk_through_their_parent() -> None:
    home, a = sleeper()
    b = home.join(DEVICE + 1, SLEEPY)
    home.run(1)
    poll(a, 50_000)
    poll(b, 50_000)
    a.send(b.node.node_id, b"to b")
    home.run(2)
    assert [m.payload for m in b.messages()] == [b"to b"]
    assert a.sent()[-1].status is Status.OK


def test_a_lost_parent_is_reported() -> None:
    home, unit = sleeper()
    home.air.set_link(home.hub.node, unit.node, no_reach())
    poll(unit, 100_000, 3)
    home.run(2)
    assert [e.status for e in unit.of(PollComplete)] == [Status.MAC_NO_ACK] * 3
    assert unit.statuses() == [Status.NETWORK_DOWN]
    assert unit.node.network_state is NetworkState.JOINED_NO_PARENT


@pytest.mark.parametrize("kind", [SLEEPY, NodeType.END_DEVICE])
def test_a_silent_child_ages_out_and_finds_its_way_back(kind: NodeType) -> None:
    home = Home()
    unit = home.unit(DEVICE)
    unit.node.set_config(Config.END_DEVICE_POLL_TIMEOUT, 0)  # 10 s
    home.permit()
    home.allow(DEVICE)
    home.start_join(unit, kind)
    home.run(2)
    if kind is SLEEPY:
        poll(unit, 1_000_000)
    home.run(60)
    assert [row.eui64 for row in home.hub.node.children if row] == [DEVICE]
    (row,) = [row for row in home.hub.node.children if row]
    assert row.timeout_s == 10
    home.air.set_link(home.hub.node, unit.node, no_reach())
    home.run(11)
    assert [row for row in home.hub.node.children if row] == []
    assert home.hub.of(ChildJoin)[-1].joining is False
    home.air.set_link(home.hub.node, unit.node, Link())
    unit.events.clear()
    if unit.node.network_state is NetworkState.JOINED_NO_PARENT:
        unit.call(lambda node, now: node.rejoin(now, True))
    elif kind is SLEEPY:
        poll(unit, 1_000_000)
    home.run(10)  # asked to rejoin when it polls
    assert Status.NETWORK_UP in unit.statuses()
    assert [row.eui64 for row in home.hub.node.children if row] == [DEVICE]
