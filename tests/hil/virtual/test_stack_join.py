"""Forming and joining: by install code as any kind of node, and the ways of not getting in."""

import pytest

from hil.virtual.air import Link
from hil.virtual.node_api import (
    ChildJoin,
    Config,
    DeviceUpdate,
    InitialSecurity,
    JoinDecision,
    MfglibRx,
    NetworkFound,
    NetworkParameters,
    NetworkState,
    NodeType,
    Policy,
    ScanComplete,
    ScanType,
    SecurityBit,
    Status,
    TrustCenterJoin,
    TrustCenterPolicy,
)

from .stacks import CHANNEL, DEVICE_BITS, EPID, HUB, HUB_SECURITY, Home, install_key, no_reach

DEVICE = 0x00DB123456780100
KINDS = [NodeType.ROUTER, NodeType.END_DEVICE, NodeType.SLEEPY_END_DEVICE]


def test_forms_with_what_it_is_given() -> None:
    home = Home()
    hub = home.hub.node
    assert home.hub.statuses() == [Status.NETWORK_UP]
    assert (hub.node_id, hub.node_type, hub.network_state) == (0, NodeType.COORDINATOR, NetworkState.JOINED)
    assert hub.parameters == NetworkParameters(EPID, 0x1A62, CHANNEL)
    info = hub.network_key
    assert info is not None
    assert (info.key, info.sequence) == (HUB_SECURITY.network_key, 0)
    status, bits, trust_center = hub.current_security()
    assert status is Status.OK
    assert bits & SecurityBit.HAVE_TRUST_CENTER_LINK_KEY
    assert trust_center == HUB


def test_chooses_what_it_is_not_given() -> None:
    home = Home(form=False)
    home.hub.node.set_initial_security(InitialSecurity(SecurityBit.STANDARD_SECURITY_MODE))
    home.hub.call(lambda node, now: node.form(now, NetworkParameters(0, 0xFFFF, 20)))
    parameters = home.hub.node.parameters
    assert parameters is not None
    assert parameters.pan_id != 0xFFFF
    assert parameters.extended_pan_id
    assert home.hub.node.network_key is not None
    assert any(home.hub.node.network_key.key)


def test_forming_needs_a_security_state_and_no_network() -> None:
    home = Home(form=False)
    wanted = NetworkParameters(EPID, 1, CHANNEL)
    assert home.hub.call(lambda node, now: node.form(now, wanted)) is Status.SECURITY_STATE_NOT_SET
    home.hub.node.set_initial_security(HUB_SECURITY)
    assert (
        home.hub.call(lambda node, now: node.form(now, NetworkParameters(EPID, 1, 10)))
        is Status.INVALID_PARAMETER
    )
    assert home.hub.call(lambda node, now: node.form(now, wanted)) is Status.OK
    assert home.hub.call(lambda node, now: node.form(now, wanted)) is Status.INVALID_STATE


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("paced", [False, True])
def test_joins_by_install_code(kind: NodeType, paced: bool) -> None:
    home = Home(paced=paced)
    unit = home.join(DEVICE, kind, attempts=1)
    home.run(1)
    assert unit.node.network_state is NetworkState.JOINED
    assert unit.node.node_type is kind
    assert unit.node.parent == (0, HUB)
    assert unit.node.network_key is not None
    assert unit.node.network_key.key == HUB_SECURITY.network_key
    joined = home.hub.of(TrustCenterJoin)
    assert joined == [
        TrustCenterJoin(
            unit.node.node_id, DEVICE, DeviceUpdate.UNSECURED_JOIN, JoinDecision.USE_PRECONFIGURED_KEY, 0
        )
    ]
    (child,) = home.hub.of(ChildJoin)
    assert (child.node_id, child.eui64, child.joining) == (unit.node.node_id, DEVICE, True)
    (announced,) = home.hub.messages(0x0013)
    assert announced.sender == unit.node.node_id
    assert home.hub.node.lookup_id(DEVICE) == unit.node.node_id
    rows = [row for row in home.hub.node.children if row is not None]
    assert [row.node_type for row in rows] == ([] if kind is NodeType.ROUTER else [kind])


@pytest.mark.parametrize("kind", KINDS)
def test_a_wrong_install_code_is_refused(kind: NodeType) -> None:
    home = Home()
    unit = home.unit(DEVICE)
    home.permit()
    home.allow(DEVICE)
    home.start_join(unit, kind, bytes(16))
    home.run(5)
    assert unit.statuses() == [Status.NO_NETWORK_KEY_RECEIVED]
    assert unit.node.network_state is NetworkState.NO_NETWORK
    assert not home.hub.messages(0x0013)
    home.run(20)
    assert [row for row in home.hub.node.children if row is not None] == []


def test_a_device_without_key_at_the_hub_is_denied() -> None:
    home = Home()
    unit = home.unit(DEVICE)
    home.permit()
    home.start_join(unit, NodeType.ROUTER)
    home.run(5)
    assert unit.statuses() == [Status.NO_NETWORK_KEY_RECEIVED]
    (joined,) = home.hub.of(TrustCenterJoin)
    assert joined.decision is JoinDecision.DENY


def test_a_closed_network_shows_no_way_in() -> None:
    home = Home()
    unit = home.unit(DEVICE)
    home.allow(DEVICE)
    home.start_join(unit, NodeType.ROUTER)
    home.run(5)
    assert unit.statuses() == [Status.NO_BEACONS]


def test_the_permit_window_ends_by_itself() -> None:
    home = Home()
    home.permit(10)
    home.run(9)
    assert home.hub.statuses() == [Status.NETWORK_UP, Status.NETWORK_OPENED]
    home.run(2)
    assert home.hub.statuses()[-1] is Status.NETWORK_CLOSED
    unit = home.unit(DEVICE)
    home.allow(DEVICE)
    home.start_join(unit, NodeType.ROUTER)
    home.run(5)
    assert unit.statuses() == [Status.NO_BEACONS]


def test_a_transient_key_ends_by_itself() -> None:
    home = Home()
    home.allow(DEVICE)
    assert [key.partner for key in home.hub.node.transient_keys] == [DEVICE]
    home.run(301)
    assert home.hub.node.transient_keys == []


def test_joins_are_refused_by_policy() -> None:
    home = Home()
    home.hub.node.set_policy(Policy.TRUST_CENTER, TrustCenterPolicy.DEFAULT)
    unit = home.unit(DEVICE)
    home.permit()
    home.allow(DEVICE)
    home.start_join(unit, NodeType.ROUTER)
    home.run(5)
    assert unit.statuses() == [Status.NO_NETWORK_KEY_RECEIVED]


def test_a_key_in_the_clear_is_refused_by_the_device() -> None:
    home = Home()
    policy = TrustCenterPolicy.ALLOW_JOINS | TrustCenterPolicy.SEND_KEY_IN_CLEAR
    home.hub.node.set_policy(Policy.TRUST_CENTER, policy)
    unit = home.unit(DEVICE)
    home.permit()
    home.start_join(unit, NodeType.ROUTER)
    home.run(5)
    assert unit.statuses() == [Status.RECEIVED_KEY_IN_THE_CLEAR]


def test_a_full_hub_takes_no_more_children() -> None:
    home = Home()
    home.hub.node.set_config(Config.MAX_END_DEVICE_CHILDREN, 2)
    for place in range(2):
        home.join(DEVICE + place, NodeType.END_DEVICE)
    unit = home.unit(DEVICE + 2)
    home.allow(DEVICE + 2)
    home.start_join(unit, NodeType.END_DEVICE)
    home.run(5)
    assert unit.statuses() == [Status.NO_BEACONS]
    home.start_join(unit, NodeType.ROUTER)  # which takes no row
    home.run(5)
    assert unit.statuses()[-1] is Status.NETWORK_UP


def test_joins_through_a_router() -> None:
    home = Home()
    router = home.join(DEVICE)
    home.run(1)
    home.permit(by=router)
    unit = home.unit(DEVICE + 1)
    home.air.set_link(unit.node, home.hub.node, no_reach())
    home.allow(DEVICE + 1)
    home.hub.events.clear()
    home.start_join(unit, NodeType.SLEEPY_END_DEVICE)
    home.run(5)
    assert unit.statuses() == [Status.NETWORK_UP]
    assert unit.node.parent == (router.node.node_id, DEVICE)
    (joined,) = home.hub.of(TrustCenterJoin)
    assert (joined.eui64, joined.parent) == (DEVICE + 1, router.node.node_id)
    assert home.hub.node.lookup_id(DEVICE + 1) == unit.node.node_id
    assert home.hub.messages(0x0013)[-1].sender == unit.node.node_id


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("kind", KINDS)
def test_joins_on_a_bad_air(kind: NodeType, seed: int) -> None:
    home = Home(seed, Link(loss=0.2, delay_us=3000, jitter_us=4000, duplication=0.1))
    unit = home.join(DEVICE, kind)
    home.run(1)
    assert home.hub.node.lookup_id(DEVICE) == unit.node.node_id


def test_fifteen_devices_join_at_once() -> None:
    home = Home()
    home.permit()
    units = []
    for place in range(15):
        unit = home.unit(DEVICE + place)
        home.allow(DEVICE + place)
        home.start_join(unit, KINDS[place % 3])
        units.append(unit)
    home.run(10)
    assert [unit.statuses() for unit in units] == [[Status.NETWORK_UP]] * 15
    assert len({unit.node.node_id for unit in units}) == 15


def test_scans_for_networks_and_energy() -> None:
    home = Home()
    home.air.noise[20] = -50
    unit = home.unit(DEVICE)
    home.permit()
    assert unit.call(lambda node, now: node.start_scan(now, ScanType.ACTIVE, 0x07FFF800, 3)) is Status.OK
    home.run(5)
    (found,) = unit.of(NetworkFound)
    assert (found.channel, found.pan_id, found.extended_pan_id) == (CHANNEL, 0x1A62, EPID)
    assert (found.allowing_join, found.stack_profile) == (True, 2)
    assert unit.events[-1] == ScanComplete()
    unit.events.clear()
    unit.call(lambda node, now: node.start_scan(now, ScanType.ENERGY, 0x07FFF800, 3))
    home.run(5)
    energies = {event.channel: event.max_rssi for event in unit.events[:-1]}
    assert len(energies) == 16
    assert max(energies, key=lambda channel: energies[channel]) == 20
    assert unit.events[-1] == ScanComplete()


def test_sniffs_with_the_stack_down() -> None:
    home = Home()
    sniffer = home.unit(DEVICE + 50)
    assert sniffer.call(lambda node, now: node.mfglib_set_channel(now, CHANNEL)) is Status.INVALID_STATE
    assert sniffer.call(lambda node, now: node.mfglib_start(now, True)) is Status.OK
    assert sniffer.call(lambda node, now: node.mfglib_set_channel(now, CHANNEL)) is Status.OK
    before = len(home.capture)
    home.join(DEVICE)
    assert [event.mpdu for event in sniffer.of(MfglibRx)] == [mpdu for _, _, mpdu in home.capture[before:]]
    assert sniffer.call(lambda node, now: node.mfglib_end(now)) is Status.OK


def test_the_same_seed_gives_the_same_octets() -> None:
    def octets() -> list[tuple[int, int, bytes]]:
        home = Home(7, Link(loss=0.1, jitter_us=500))
        home.join(DEVICE, NodeType.SLEEPY_END_DEVICE)
        home.run(3)
        return home.capture

    assert octets() == octets()


def test_two_networks_on_one_air_do_not_meet() -> None:
    home = Home()
    other = home.unit(0x99)
    other.node.set_initial_security(HUB_SECURITY)
    other.call(lambda node, now: node.form(now, NetworkParameters(0x99, 0x4321, CHANNEL)))
    other.call(lambda node, now: node.permit(now, 60))
    unit = home.join(DEVICE)
    assert unit.node.parameters is not None
    assert unit.node.parameters.pan_id == 0x1A62
    assert not other.of(ChildJoin)


def test_joining_needs_a_preconfigured_key() -> None:
    home = Home()
    unit = home.unit(DEVICE)
    wanted = NetworkParameters(EPID, 0x1A62, CHANNEL)
    unit.node.set_initial_security(InitialSecurity(SecurityBit.REQUIRE_ENCRYPTED_KEY))
    status = unit.call(lambda node, now: node.join(now, NodeType.ROUTER, wanted))
    assert status is Status.PRECONFIGURED_KEY_REQUIRED
    unit.node.set_initial_security(InitialSecurity(DEVICE_BITS, install_key(DEVICE)))
    assert (
        unit.call(lambda node, now: node.join(now, NodeType.COORDINATOR, wanted)) is Status.INVALID_PARAMETER
    )
