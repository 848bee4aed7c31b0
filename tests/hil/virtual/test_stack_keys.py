"""Keys: pairs through the trust centre, its own link keys, new network keys, replay."""

import pytest

from hil.virtual.node_api import (
    Decision,
    KeyEstablished,
    KeyStatus,
    NodeType,
    Policy,
    Status,
    SwitchNetworkKey,
    TrustCenterPolicy,
)

from .stacks import HUB, HUB_SECURITY, OPEN, SEALED, Home, Unit, install_key

DEVICE = 0x00DB123456780100
KINDS = [NodeType.ROUTER, NodeType.END_DEVICE, NodeType.SLEEPY_END_DEVICE]
NEXT = bytes(range(0x60, 0x70))


def two() -> tuple[Home, Unit, Unit]:
    home = Home()
    a, b = home.join(DEVICE), home.join(DEVICE + 1)
    for place, unit in enumerate((a, b)):
        home.give_keys(unit, bytes((place + 1,)) * 16)
    home.run(1)
    return home, a, b


def test_the_key_table() -> None:
    home = Home()
    node = home.hub.node
    keys = {DEVICE + n: bytes((n,)) * 16 for n in range(32)}
    for eui64, key in keys.items():
        assert node.import_link_key(0xFF, eui64, key) is Status.OK
    assert node.import_link_key(0xFF, 1, bytes(16)) is Status.TABLE_FULL
    assert node.import_link_key(0xFF, DEVICE + 3, b"\x77" * 16) is Status.OK
    assert node.import_link_key(32, 1, bytes(16)) is Status.INVALID_INDEX
    assert node.import_link_key(0xFF, 1, b"short") is Status.INVALID_PARAMETER
    row = node.link_key_of(DEVICE + 3)
    assert row is not None
    assert (row.index, row.key) == (3, b"\x77" * 16)
    assert node.link_key_at(3) == row
    assert node.erase_link_key(3) is Status.OK
    assert node.link_key_of(DEVICE + 3) is None
    assert node.erase_link_key(3) is Status.NOT_FOUND
    assert node.erase_link_key(99) is Status.INVALID_INDEX
    assert node.clear_link_keys() is Status.OK
    assert node.link_key_at(0) is None


def test_the_trust_centre_gives_a_pair_its_key() -> None:
    home, a, b = two()
    home.hub.node.set_policy(Policy.APP_KEY_REQUEST, Decision.ALLOW_APP_KEY_REQUESTS)
    assert a.call(lambda node, now: node.request_link_key(now, DEVICE + 1)) is Status.OK
    home.run(1)
    assert a.of(KeyEstablished) == [KeyEstablished(DEVICE + 1, KeyStatus.APP_LINK_KEY_ESTABLISHED)]
    assert b.of(KeyEstablished) == [KeyEstablished(DEVICE, KeyStatus.APP_LINK_KEY_ESTABLISHED)]
    ours, theirs = a.node.link_key_of(DEVICE + 1), b.node.link_key_of(DEVICE)
    assert ours is not None
    assert theirs is not None
    assert ours.key == theirs.key
    a.send(b.node.node_id, b"pair", SEALED)
    home.run(1)
    assert [m.payload for m in b.messages()] == [b"pair"]


def test_no_key_for_a_pair_without_the_policy() -> None:
    home, a, b = two()
    a.call(lambda node, now: node.request_link_key(now, DEVICE + 1))
    home.run(6)
    assert a.of(KeyEstablished) == [KeyEstablished(DEVICE + 1, KeyStatus.KEY_ESTABLISHMENT_TIMEOUT)]
    assert b.node.link_key_of(DEVICE) is None
    assert home.hub.of(KeyEstablished)[-1].status is KeyStatus.TC_REJECTED_APP_KEY_REQUEST


def test_a_device_gets_a_new_trust_centre_link_key() -> None:
    home = Home()
    unit = home.join(DEVICE)
    home.run(1)
    home.hub.node.set_policy(Policy.TC_KEY_REQUEST, Decision.ALLOW_TC_KEY_REQUEST_GENERATE_NEW_KEY)
    assert unit.call(lambda node, now: node.update_tc_link_key(now)) is Status.OK
    home.run(2)
    assert unit.of(KeyEstablished) == [KeyEstablished(HUB, KeyStatus.TRUST_CENTER_LINK_KEY_ESTABLISHED)]
    row, own = home.hub.node.link_key_of(DEVICE), unit.node.tc_link_key
    assert row is not None
    assert own is not None
    assert row.key == own.key != install_key(DEVICE)
    unit.send(0, b"new", SEALED)
    home.run(1)
    assert [m.payload for m in home.hub.messages()] == [b"new"]


@pytest.mark.parametrize("kind", KINDS)
def test_everybody_switches_to_the_next_network_key(kind: NodeType) -> None:
    home = Home()
    unit, other = home.join(DEVICE, kind), home.join(DEVICE + 1)
    home.run(1)
    if kind is NodeType.SLEEPY_END_DEVICE:
        unit.call(lambda node, now: node.poll(now, 50_000, 250))
    assert home.hub.call(lambda node, now: node.broadcast_next_network_key(now, NEXT)) is Status.OK
    home.run(3)
    info = unit.node.network_key
    assert info is not None
    assert (info.key, info.alternate_key, info.alternate_sequence) == (HUB_SECURITY.network_key, NEXT, 1)
    assert home.hub.call(lambda node, now: node.broadcast_network_key_switch(now)) is Status.OK
    home.run(3)
    for each in (home.hub, unit, other):
        assert each.of(SwitchNetworkKey) == [SwitchNetworkKey(1)]
        info = each.node.network_key
        assert info is not None
        assert (info.key, info.sequence) == (NEXT, 1)
    unit.send(0, b"under the new key")
    home.hub.send(unit.node.node_id, b"and back")
    home.run(3)
    assert [m.payload for m in home.hub.messages()] == [b"under the new key"]
    assert [m.payload for m in unit.messages()] == [b"and back"]


def test_a_device_that_missed_the_switch_comes_back_by_a_trust_centre_rejoin() -> None:
    home = Home()
    unit = home.join(DEVICE)
    home.give_keys(unit, bytes(16))
    home.run(1)
    unit.node.reset(home.world.now)  # without power meanwhile
    home.hub.call(lambda node, now: node.broadcast_next_network_key(now, bytes(16)))
    home.run(1)
    home.hub.call(lambda node, now: node.broadcast_network_key_switch(now))
    home.run(3)
    unit.restart()
    unit.send(0, b"lost", SEALED)
    home.run(5)
    assert not home.hub.messages()
    policy = OPEN | TrustCenterPolicy.ALLOW_UNSECURED_REJOINS
    home.hub.node.set_policy(Policy.TRUST_CENTER, policy)
    unit.call(lambda node, now: node.rejoin(now, True))
    home.run(3)
    assert unit.statuses()[-1] is Status.MOVE_FAILED
    unit.call(lambda node, now: node.rejoin(now, False))
    home.run(3)
    assert unit.statuses()[-1] is Status.NETWORK_UP
    assert unit.node.network_key is not None
    assert unit.node.network_key.sequence == 1
    unit.send(0, b"found", SEALED)
    home.run(1)
    assert [m.payload for m in home.hub.messages()] == [b"found"]


def test_one_device_is_given_the_next_network_key() -> None:
    home, a, _ = two()
    home.hub.call(lambda node, now: node.unicast_network_key_update(now, a.node.node_id, DEVICE, NEXT))
    home.run(1)
    assert a.node.network_key is not None
    assert a.node.network_key.alternate_key == NEXT


def test_only_the_trust_centre_gives_network_keys() -> None:
    home, a, _ = two()
    assert a.call(lambda node, now: node.broadcast_next_network_key(now, NEXT)) is Status.INVALID_STATE
    assert a.call(lambda node, now: node.broadcast_network_key_switch(now)) is Status.INVALID_STATE
    assert home.hub.call(lambda node, now: node.broadcast_network_key_switch(now)) is Status.NOT_FOUND
    assert home.hub.call(lambda node, now: node.request_link_key(now, DEVICE)) is Status.INVALID_STATE


def test_a_recorded_frame_is_not_taken_twice() -> None:
    home, a, _ = two()
    before = len(home.capture)
    a.send(0, b"once", SEALED)
    home.run(1)
    recorded = [mpdu for _, _, mpdu in home.capture[before:] if len(mpdu) > 40]
    home.run(30)  # beyond every memory of duplicates
    for number in range(10):  # others push them out of the MAC's
        a.send(0, bytes((number,)), SEALED)
        home.run(1)
    count = len(home.hub.messages())
    for mpdu in recorded:
        home.hub.node.receive(home.world.now, mpdu)
        home.world.flush(home.hub.member)
    home.run(1)
    assert len(home.hub.messages()) == count


def test_counters_go_on_after_everything_but_a_new_network() -> None:
    home = Home()
    unit = home.join(DEVICE)
    home.run(1)
    state = unit.node.state
    before = state.nwk_counter
    unit.restart()
    assert state.nwk_counter >= before
    unit.node.factory_reset()
    assert state.nwk_counter >= before
    assert state.network is None
    home.hub.node.set_frame_counters(nwk=5000, aps=600)
    assert home.hub.node.network_key is not None
    assert home.hub.node.network_key.frame_counter == 5000
