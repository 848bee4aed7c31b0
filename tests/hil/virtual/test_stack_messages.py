"""Messages between nodes: acknowledged, secured, repeated, relayed, cut; nothing lost or doubled."""

from collections.abc import Callable

import pytest

from hil.virtual.air import Link
from hil.virtual.node_api import (
    MAX_PAYLOAD,
    ApsFrame,
    ApsOption,
    IncomingType,
    MacPassthrough,
    MessageSent,
    MulticastEntry,
    NodeType,
    OutgoingType,
    PassthroughFlag,
    RawTransmitComplete,
    RouteRecord,
    Status,
)

from .stacks import HUB, SE, SEALED, TUNNELING, Home, Unit, install_key, no_reach

DEVICE = 0x00DB123456780100
LINK_KEY = bytes(range(0xA0, 0xB0))
FRAGMENT = ApsOption.RETRY | ApsOption.FRAGMENT


@pytest.fixture
def home() -> Home:
    return Home()


def payloads(unit: Unit) -> list[bytes]:
    return [message.payload for message in unit.messages()]


@pytest.mark.parametrize("options", [ApsOption.NONE, ApsOption.RETRY, ApsOption.ENCRYPTION, SEALED])
@pytest.mark.parametrize("kind", [NodeType.ROUTER, NodeType.END_DEVICE])
def test_a_unicast_arrives_as_it_was_sent(home: Home, kind: NodeType, options: ApsOption) -> None:
    unit = home.join(DEVICE, kind)
    home.give_keys(unit, LINK_KEY)
    for sender, receiver in ((unit, home.hub), (home.hub, unit)):
        status, sequence = sender.send(receiver.node.node_id, b"\x01\x02\x03", options, tag=0x1234)
        assert status is Status.OK
        home.run(1)
        (message,) = receiver.messages()
        assert message.payload == b"\x01\x02\x03"
        assert message.kind is IncomingType.UNICAST
        assert (message.sender, message.sender_eui64) == (sender.node.node_id, sender.node.eui64)
        assert message.aps == ApsFrame(SE, TUNNELING, 1, 1, options, 0, sequence)
        (sent,) = sender.sent()
        assert (sent.tag, sent.status, sent.aps.sequence) == (0x1234, Status.OK, sequence)


def test_the_join_key_protects_until_one_side_changes_it(home: Home) -> None:
    unit = home.join(DEVICE)
    home.run(1)
    unit.send(0, b"join key", SEALED)
    home.run(1)
    assert payloads(home.hub) == [b"join key"]
    home.hub.node.import_link_key(0xFF, DEVICE, LINK_KEY)
    unit.send(0, b"old key", SEALED)
    home.run(3)
    assert payloads(home.hub) == [b"join key"]
    assert unit.sent()[-1].status is Status.DELIVERY_FAILED
    unit.node.import_link_key(0xFF, HUB, LINK_KEY)
    unit.send(0, b"new key", SEALED)
    home.run(1)
    assert payloads(home.hub) == [b"join key", b"new key"]
    key = unit.node.link_key_of(HUB)
    assert key is not None
    assert (key.outgoing_counter, key.incoming_counter) == (1, 1)
    assert unit.node.tc_link_key is not None
    assert unit.node.tc_link_key.key == LINK_KEY


def test_encryption_without_a_key_is_refused(home: Home) -> None:
    a, b = home.join(DEVICE), home.join(DEVICE + 1)
    home.run(1)
    assert a.send(b.node.node_id, b"x", SEALED) == (Status.NO_LINK_KEY, 0)


def test_sizes_fit_the_air(home: Home) -> None:
    unit = home.join(DEVICE)
    home.give_keys(unit, LINK_KEY)
    every = [ApsOption.NONE, ApsOption.ENCRYPTION, FRAGMENT, FRAGMENT | ApsOption.ENCRYPTION]
    every.append(SEALED | ApsOption.SOURCE_EUI64 | ApsOption.DESTINATION_EUI64)
    sizes = [unit.node.maximum_payload(options) for options in every]
    assert sizes == [MAX_PAYLOAD, MAX_PAYLOAD - 9, MAX_PAYLOAD - 2, MAX_PAYLOAD - 11, MAX_PAYLOAD - 25]
    for options, size in zip(every, sizes, strict=True):
        before = len(home.capture)
        assert unit.send(0, bytes(size + 1), options)[0] is Status.MESSAGE_TOO_LONG
        assert unit.send(0, bytes(size), options, group=0x0100)[0] is Status.OK
        home.run(0.1)
        assert max(len(mpdu) for _, _, mpdu in home.capture[before:]) == 127


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("kind", [NodeType.ROUTER, NodeType.END_DEVICE])
def test_nothing_is_lost_or_doubled_on_a_bad_air(kind: NodeType, seed: int) -> None:
    home = Home(seed)
    unit = home.join(DEVICE, kind)
    home.give_keys(unit, LINK_KEY)
    home.air.default = Link(loss=0.2, delay_us=2000, jitter_us=3000, duplication=0.1, bit_errors=1e-4)
    sent: list[bytes] = []
    for number in range(60):
        sender, receiver = ((unit, home.hub), (home.hub, unit))[number % 2]
        before = len(sender.sent())
        payload = number.to_bytes(2, "big") * 10
        assert sender.send(receiver.node.node_id, payload, SEALED)[0] is Status.OK
        assert home.wait(lambda sender=sender, before=before: len(sender.sent()) > before)  # type: ignore[misc]
        assert sender.sent()[-1].status is Status.OK
        sent.append(payload)
    assert sorted(payloads(unit) + payloads(home.hub)) == sorted(sent)
    assert sum(unit.node.counters[4:5]) > 0  # there were repeats


def test_ten_at_once_and_one_too_many(home: Home) -> None:
    unit = home.join(DEVICE)
    home.run(1)
    home.air.default = Link(delay_us=1000)
    wanted = [bytes((n,)) * 20 for n in range(10)]
    for payload in wanted:
        assert unit.send(0, payload)[0] is Status.OK
    assert unit.send(0, b"more")[0] is Status.NETWORK_BUSY
    home.run(2)
    assert payloads(home.hub) == wanted


def test_a_node_out_of_reach_is_reported(home: Home) -> None:
    unit = home.join(DEVICE)
    home.run(1)
    home.air.set_link(home.hub.node, unit.node, no_reach())
    home.hub.send(unit.node.node_id, b"a", ApsOption.RETRY, tag=7)
    home.hub.send(unit.node.node_id, b"b", ApsOption.NONE, tag=8)
    home.run(10)
    assert {sent.tag: sent.status for sent in home.hub.sent()} == {
        7: Status.DELIVERY_FAILED,
        8: Status.DELIVERY_FAILED,
    }
    assert home.hub.send(0x1234, b"nobody")[0] is Status.OK
    home.run(10)
    assert home.hub.sent()[-1].status is Status.DELIVERY_FAILED


def test_an_unknown_endpoint_is_not_acknowledged(home: Home) -> None:
    unit = home.join(DEVICE)
    aps = ApsFrame(SE, TUNNELING, 1, 9, ApsOption.RETRY)
    unit.call(lambda node, now: node.send_unicast(now, OutgoingType.DIRECT, 0, aps, 0, b"x"))
    home.run(5)
    assert unit.sent()[-1].status is Status.DELIVERY_FAILED
    assert not home.hub.messages()


def test_a_message_to_itself_loops_back(home: Home) -> None:
    home.hub.send(0, b"to me", ApsOption.RETRY)
    home.run(0.1)
    assert payloads(home.hub) == [b"to me"]
    assert isinstance(home.hub.events[-2], MessageSent)


# --- more than one hop


def chain(length: int, seed: int = 0) -> tuple[Home, list[Unit]]:
    """A hub and devices in a row, each hearing only its neighbours."""
    home = Home(seed)
    units = [home.hub]
    for place in range(length):
        unit = home.unit(DEVICE + place)
        for other in units[:-1]:
            home.air.set_link(unit.node, other.node, no_reach())
        home.permit(by=units[-1])
        home.allow(DEVICE + place)
        home.start_join(unit, NodeType.ROUTER)
        home.run(3)
        assert unit.statuses()[-1] is Status.NETWORK_UP
        home.permit(0, by=units[-1])
        units.append(unit)
    home.run(2)
    return home, units


def test_messages_cross_several_hops() -> None:
    home, units = chain(4)
    last = units[-1]
    home.give_keys(last, LINK_KEY)
    for sender, receiver in ((last, home.hub), (home.hub, last)):
        assert sender.send(receiver.node.node_id, b"far", SEALED)[0] is Status.OK
        home.run(2)
        assert payloads(receiver) == [b"far"]
        assert sender.sent()[-1].status is Status.OK
    assert home.hub.node.routes


def test_a_route_is_found_anew_when_a_relay_is_gone() -> None:
    home = Home()
    a, b, far = home.join(DEVICE), home.join(DEVICE + 1), home.join(DEVICE + 2)
    home.run(1)
    home.air.set_link(far.node, home.hub.node, no_reach())
    home.hub.send(far.node.node_id, b"one")
    home.run(5)
    assert home.hub.sent()[-1].status is Status.OK
    (route,) = [r for r in home.hub.node.routes if r.destination == far.node.node_id]
    relay = next(u for u in (a, b) if u.node.node_id == route.next_hop)
    relay.call(lambda node, now: node.reset(now))
    home.hub.send(far.node.node_id, b"two")
    home.run(10)
    assert home.hub.sent()[-1].status is Status.OK
    assert payloads(far) == [b"one", b"two"]


def test_source_routes_and_route_records() -> None:
    home, units = chain(3)
    home.hub.call(lambda node, now: node.set_concentrator(now, True, 10, 60, 0))
    home.run(1)
    units[-1].send(0, b"first")
    home.run(1)
    (record,) = home.hub.of(RouteRecord)
    assert record.source == units[-1].node.node_id
    assert record.relays == (units[2].node.node_id, units[1].node.node_id)
    home.hub.node.set_source_route(record.source, record.relays)
    before = len(home.capture)
    home.hub.send(record.source, b"routed")
    home.run(0.3)
    assert payloads(units[-1]) == [b"routed"]
    assert any(mpdu[10] & 0x04 for _, _, mpdu in home.capture[before:] if len(mpdu) > 20)


@pytest.mark.parametrize("kind", [NodeType.ROUTER, NodeType.END_DEVICE, NodeType.SLEEPY_END_DEVICE])
def test_a_broadcast_reaches_everybody_once(kind: NodeType) -> None:
    home = Home()
    units = [home.join(DEVICE), home.join(DEVICE + 1, kind), home.join(DEVICE + 2, NodeType.END_DEVICE)]
    home.run(1)
    for unit in (units[1], home.hub):
        if unit.node.node_type is NodeType.SLEEPY_END_DEVICE:
            unit.call(lambda node, now: node.poll(now, 50_000, 5))
        aps = ApsFrame(SE, TUNNELING, 1, 1)
        status, _ = unit.call(  # type: ignore[misc]
            lambda node, now, aps=aps: node.send_broadcast(now, 0xFFFF, aps, 0, 1, b"to all")
        )
        assert status is Status.OK
        home.run(5)
        for other in [home.hub, *units]:
            kinds = [message.kind for message in other.messages()]
            loop = IncomingType.BROADCAST_LOOPBACK
            assert kinds == [loop if other is unit else IncomingType.BROADCAST]
            other.events.clear()


def test_a_broadcast_to_routers_is_not_for_end_devices(home: Home) -> None:
    router, child = home.join(DEVICE), home.join(DEVICE + 1, NodeType.END_DEVICE)
    home.run(1)
    aps = ApsFrame(SE, TUNNELING, 1, 1)
    home.hub.call(lambda node, now: node.send_broadcast(now, 0xFFFC, aps, 0, 0, b"r"))
    home.run(3)
    assert payloads(router) == [b"r"]
    assert payloads(child) == []


def test_broadcasts_survive_loss() -> None:
    home = Home(3)
    units = [home.join(DEVICE + n) for n in range(5)]
    home.run(1)
    home.air.default = Link(loss=0.2)
    aps = ApsFrame(SE, TUNNELING, 1, 1)
    for number in range(10):
        payload = bytes((number,))
        home.hub.call(lambda node, now, payload=payload: node.send_broadcast(now, 0xFFFD, aps, 0, 0, payload))
        home.run(2)
    for unit in units:
        assert payloads(unit) == [bytes((number,)) for number in range(10)]


def test_a_multicast_is_for_members(home: Home) -> None:
    member, other = home.join(DEVICE), home.join(DEVICE + 1)
    member.node.multicasts[0] = MulticastEntry(0x0042, 1)
    home.run(1)
    aps = ApsFrame(SE, TUNNELING, 1, 0xFF, ApsOption.NONE, 0x0042)
    home.hub.call(lambda node, now: node.send_multicast(now, aps, 0, 3, 5, b"group"))
    home.run(2)
    (message,) = member.messages()
    assert (message.kind, message.aps.group_id) == (IncomingType.MULTICAST, 0x0042)
    assert not other.messages()


# --- fragments, as the host sends and acknowledges them


def send_fragments(
    home: Home, sender: Unit, receiver: Unit, parts: list[bytes], options: ApsOption, window: int = 1
) -> bool:
    """Both hosts: cut, acknowledge, wait."""
    acknowledged = set()
    sequence = 0
    to, back = receiver.node.node_id, sender.node.node_id

    def acknowledge() -> None:
        for message in receiver.messages():
            index = message.aps.group_id & 0xFF
            if index not in acknowledged:
                acknowledged.add(index)
                aps = ApsFrame(SE, TUNNELING, 1, 1, message.aps.options, 0x0100 | index, message.aps.sequence)
                receiver.call(lambda node, now, aps=aps: node.send_reply(now, back, aps, b""))

    for start in range(0, len(parts), window):
        before = len(sender.sent())
        block = parts[start : start + window]
        for index, part in enumerate(block, start):
            status, given = sender.send(
                to, part, options, index, group=len(parts) << 8 | index, sequence=sequence
            )
            assert status is Status.OK
            sequence = given

        def finished(before: int = before, block: list[bytes] = block) -> bool:
            acknowledge()
            return len(sender.sent()) >= before + len(block)

        assert home.wait(finished)
        if any(sent.status is not Status.OK for sent in sender.sent()[before:]):
            return False
    return True


@pytest.mark.parametrize("window", [1, 4])
@pytest.mark.parametrize("loss", [0.0, 0.2])
@pytest.mark.parametrize("sealed", [False, True])
def test_fragments_cross_and_are_acknowledged_by_the_host(sealed: bool, loss: float, window: int) -> None:
    home = Home(5)
    unit = home.join(DEVICE)
    home.give_keys(unit, LINK_KEY)
    home.air.default = Link(loss=loss)
    options = FRAGMENT | (ApsOption.ENCRYPTION if sealed else ApsOption.NONE)
    size = unit.node.maximum_payload(options)
    message = bytes(n % 251 for n in range(1200))
    parts = [message[n : n + size] for n in range(0, len(message), size)]
    assert send_fragments(home, unit, home.hub, parts, options, window)
    received = {m.aps.group_id & 0xFF: m.payload for m in home.hub.messages()}
    assert len(home.hub.messages()) == len(parts)  # none doubled
    assert b"".join(received[n] for n in sorted(received)) == message
    first = next(m for m in home.hub.messages() if m.aps.group_id & 0xFF == 0)
    assert first.aps.group_id >> 8 == len(parts)


def test_a_fragment_nobody_acknowledges_fails(home: Home) -> None:
    unit = home.join(DEVICE)
    unit.send(0, b"part", FRAGMENT, group=0x0200)
    home.run(3)
    assert unit.sent()[-1].status is Status.DELIVERY_FAILED
    assert len(home.hub.messages()) == 1


# --- beside the network


def interpan(to: int, pan: int, payload: bytes) -> bytes:
    """An MPDU with a stub NWK header and an inter-PAN APS frame, without FCS."""
    mac = bytes.fromhex("41cc55") + pan.to_bytes(2, "little") + to.to_bytes(8, "little")
    mac += (DEVICE + 9).to_bytes(8, "little")
    return mac + b"\x0b\x00" + bytes.fromhex("03") + b"\x00\x08" + b"\x09\x01" + payload


def test_inter_pan_frames_pass_beside_the_network(home: Home) -> None:
    unit = home.join(DEVICE)
    mpdu = interpan(HUB, 0x1A62, b"\x01\x01\x00\x02\x00")
    assert unit.call(lambda node, now: node.send_raw(now, mpdu)) is Status.OK
    home.run(0.1)
    assert unit.events[-1] == RawTransmitComplete(mpdu, Status.OK)
    assert not home.hub.of(MacPassthrough)  # nobody asked for them
    home.hub.node.passthrough = PassthroughFlag.SE_INTERPAN
    other = mpdu[:2] + b"\x56" + mpdu[3:]
    unit.call(lambda node, now: node.send_raw(now, other))
    home.run(0.1)
    (passed,) = home.hub.of(MacPassthrough)
    assert passed.mpdu == other
    assert unit.call(lambda node, now: node.send_raw(now, b"")) is Status.INVALID_PARAMETER
    assert unit.call(lambda node, now: node.send_raw(now, bytes(126))) is Status.INVALID_PARAMETER


Command = Callable[[Unit], None]


def test_no_network_no_messages() -> None:
    home = Home()
    unit = home.unit(DEVICE)
    assert unit.send(0, b"x")[0] is Status.NETWORK_DOWN
    aps = ApsFrame(SE, TUNNELING, 1, 1)
    status, _ = unit.call(lambda node, now: node.send_broadcast(now, 0xFFFF, aps, 0, 0, b""))  # type: ignore[misc]
    assert status is Status.NETWORK_DOWN
    assert unit.call(lambda node, now: node.send_reply(now, 0, aps, b"")) is Status.NETWORK_DOWN
    assert unit.call(lambda node, now: node.permit(now, 5)) is Status.INVALID_STATE
    assert unit.call(lambda node, now: node.leave(now)) is Status.INVALID_STATE
    assert unit.call(lambda node, now: node.network_init(now)) is Status.NOT_JOINED
    assert install_key(DEVICE) != install_key(DEVICE + 1)
