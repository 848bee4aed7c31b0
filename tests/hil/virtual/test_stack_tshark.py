"""The octets on the air, judged by Wireshark: nothing malformed, everything opened with the keys."""

from pathlib import Path

import pytest

from hil.virtual.air import Link
from hil.virtual.node_api import (
    ApsFrame,
    ApsOption,
    Decision,
    NodeType,
    OutgoingType,
    Policy,
    TrustCenterPolicy,
)

from .dissect import dissect, needs_tshark
from .stacks import HUB, HUB_SECURITY, OPEN, SE, SEALED, TUNNELING, Home, Unit, install_key, no_reach

DEVICE = 0x00DB123456780100
KINDS = [NodeType.ROUTER, NodeType.END_DEVICE, NodeType.SLEEPY_END_DEVICE]
NEXT = bytes(range(0x60, 0x70))


def transfer(sequence: int, data: bytes) -> bytes:
    """A Transfer Data command of the tunnelling cluster."""
    return bytes((0x01, sequence, 0x02, 0x00, 0x00)) + data


@pytest.fixture(scope="module", params=[False, True], ids=["fast", "paced"])
def life(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, str]]:
    """A home in which everything that can be said on the air is said."""
    needs_tshark()
    home = Home(paced=request.param)
    keys = [HUB_SECURITY.network_key, NEXT]
    units: list[Unit] = []
    for place, kind in enumerate(KINDS):
        unit = home.join(DEVICE + place, kind)
        keys += [install_key(DEVICE + place), bytes((place + 1,)) * 16]
        unit.send(0, transfer(1, b"under the join key"), SEALED)
        home.run(2)
        home.give_keys(unit, keys[-1])
        units.append(unit)
    router, child, sleeper = units
    sleeper.call(lambda node, now: node.poll(now, 200_000, 250))
    far = home.unit(DEVICE + 9)
    home.air.set_link(far.node, home.hub.node, no_reach())
    home.permit(by=router)
    home.allow(DEVICE + 9)
    home.start_join(far, NodeType.ROUTER)
    keys.append(install_key(DEVICE + 9))
    home.run(6)
    home.give_keys(far, b"\x99" * 16)
    keys.append(b"\x99" * 16)
    for number, unit in enumerate([*units, far]):
        for sender, receiver in ((unit, home.hub), (home.hub, unit)):
            for options in (ApsOption.NONE, ApsOption.RETRY, SEALED):
                sender.send(receiver.node.node_id, transfer(number, bytes(40)), options)
            home.run(3)
    for index, part in enumerate((transfer(7, bytes(60)), bytes(50))):
        options = SEALED | ApsOption.FRAGMENT
        sequence = router.sent()[-1].aps.sequence if index else 0
        router.send(0, part, options, group=0x0200 | index, sequence=sequence)
        home.run(0.05)
        fragment = home.hub.messages()[-1].aps
        back = ApsFrame(SE, TUNNELING, 1, 1, fragment.options, 0xFF00 | index, fragment.sequence)
        to = router.node.node_id
        home.hub.call(lambda node, now, back=back, to=to: node.send_reply(now, to, back, b""))
        home.run(2)
    aps = ApsFrame(0, 0x0031, 0, 0, ApsOption.RETRY)
    for unit in [*units, far]:
        to = unit.node.node_id
        for cluster, body in ((0x0031, b"\x01\x00"), (0x0002, b"\x02" + to.to_bytes(2, "little"))):
            aps = ApsFrame(0, cluster, 0, 0, ApsOption.RETRY)
            home.hub.call(
                lambda node, now, to=to, aps=aps, body=body: node.send_unicast(
                    now, OutgoingType.DIRECT, to, aps, 0, body
                )
            )
        home.run(2)
    group = ApsFrame(SE, TUNNELING, 1, 0xFF, ApsOption.NONE, 0x0042)
    home.hub.call(lambda node, now: node.send_multicast(now, group, 0, 3, 5, transfer(8, b"group")))
    home.hub.call(lambda node, now: node.set_concentrator(now, True, 10, 60, 0))
    home.run(20)  # link status too
    home.hub.node.set_policy(Policy.APP_KEY_REQUEST, Decision.ALLOW_APP_KEY_REQUESTS)
    router.call(lambda node, now: node.request_link_key(now, DEVICE + 1))
    home.run(2)
    pair = router.node.link_key_of(DEVICE + 1)
    assert pair is not None
    keys.append(pair.key)
    router.send(child.node.node_id, transfer(9, b"pair"), SEALED)
    home.hub.node.set_policy(Policy.TC_KEY_REQUEST, Decision.ALLOW_TC_KEY_REQUEST_GENERATE_NEW_KEY)
    child.call(lambda node, now: node.update_tc_link_key(now))
    home.run(2)
    row = home.hub.node.link_key_of(DEVICE + 1)
    assert row is not None
    keys.append(row.key)
    policy = OPEN | TrustCenterPolicy.ALLOW_UNSECURED_REJOINS
    home.hub.node.set_policy(Policy.TRUST_CENTER, policy)
    for secure in (True, False):
        for unit in units:
            unit.call(lambda node, now, secure=secure: node.rejoin(now, secure))
            home.run(8)
            assert unit.statuses()[-1].value == "network up"
    sleeper.call(lambda node, now: node.poll(now, 200_000, 250))
    home.hub.call(lambda node, now: node.broadcast_next_network_key(now, NEXT))
    home.run(4)
    home.hub.call(lambda node, now: node.unicast_network_key_update(now, router.node.node_id, DEVICE, NEXT))
    home.run(1)
    home.hub.call(lambda node, now: node.broadcast_network_key_switch(now))
    home.run(5)
    for unit in [*units, far]:
        unit.send(0, transfer(10, b"new key"), SEALED)
    home.run(2)
    home.hub.call(lambda node, now: node.remove_device(now, router.node.node_id, DEVICE, DEVICE + 9))
    home.run(2)
    sleeper.call(lambda node, now: node.leave(now))
    home.run(2)
    return dissect(tmp_path_factory.mktemp("air"), home.capture, keys)


def test_nothing_is_malformed(life: list[dict[str, str]]) -> None:
    assert len(life) > 300
    assert [frame for frame in life if frame["_ws.malformed"]] == []


def test_everything_is_opened(life: list[dict[str, str]]) -> None:
    """The dissector says "Encrypted Payload" where no key fits."""
    assert [frame for frame in life if "ncrypted" in frame["_ws.expert.message"]] == []


def test_nothing_else_is_wrong(life: list[dict[str, str]]) -> None:
    assert {frame["_ws.expert.message"] for frame in life} == {""}
    assert {frame["wpan.fcs_ok"] for frame in life} == {"1"}


def test_everything_was_said(life: list[dict[str, str]]) -> None:
    mac = {frame["wpan.cmd"] for frame in life}
    assert mac >= {"0x01", "0x02", "0x04", "0x07"}
    nwk = {frame["zbee_nwk.cmd.id"] for frame in life}
    assert nwk >= {f"0x{n:02x}" for n in (1, 2, 4, 6, 7, 8, 0x0B, 0x0C)}
    aps = {part for frame in life for part in frame["zbee_aps.cmd.id"].split(",")}
    assert aps >= {f"0x{n:02x}" for n in (5, 6, 7, 8, 9, 0x0E, 0x0F, 0x10)}


@pytest.mark.parametrize("seed", range(2))
def test_a_bad_air_makes_no_bad_frames(seed: int, tmp_path: Path) -> None:
    needs_tshark()
    home = Home(seed, Link(loss=0.2, delay_us=2000, jitter_us=2000, duplication=0.1))
    units = [home.join(DEVICE + place, kind) for place, kind in enumerate(KINDS)]
    for unit in units:
        unit.send(0, transfer(1, b"x"), SEALED)
    home.run(5)
    keys = [HUB_SECURITY.network_key, *(install_key(DEVICE + place) for place in range(3))]
    frames = dissect(tmp_path, home.capture, keys)
    assert {(frame["_ws.malformed"], frame["_ws.expert.message"]) for frame in frames} == {("", "")}
    assert home.hub.node.eui64 == HUB
