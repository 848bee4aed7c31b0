"""Hostile messages in a key establishment: altered, swapped, expired, foreign, off the curve.

Each is refused by the side that notices, with the status of se-security 8, and nobody gets a key.
"""

from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gbcs.ids import EntityId
from smets.han.credential import CbkeCredential
from smets.han.curves import Point
from smets.han.key_establishment import KeyEstablishment
from smets.han.key_establishment_events import (
    Established,
    KeyEstablishmentSettings,
    Received,
    Send,
    TimeDue,
)
from smets.han.key_establishment_frames import CommandId, Status, Terminate
from smets.han.key_establishment_rows import State
from smets.han.link import Address
from smets.han.suites import Suite
from tests.smets.han.establishing import (
    HUB,
    METER,
    STRANGER,
    Net,
    authority,
    credential,
    heard,
    machine,
    net,
    only,
    reach,
    says,
)

both = pytest.mark.parametrize("suite", list(Suite))


# Hostile messages. `spoil` changes what a side sends; the other refuses with the status.


def spoiled(suite: Suite, command: CommandId, to_server: bool, spoil: Callable[[bytes], bytes]) -> Net:
    """An exchange in which one payload is changed under way, up to its end."""
    pair = net(replace(only(suite), pause=None, attempts=1), only(suite))
    pair.start()
    while pair.queue:
        node, event = pair.queue.popleft()
        if isinstance(event, Received):
            message = heard(event.octets)
            if (message.id, message.to_server) == (command, to_server):
                changed = replace(message, payload=spoil(message.payload))
                event = Received(event.source, changed.octets)
        pair.feed(node, event)
    return pair


def refusal(pair: Net, by: KeyEstablishment) -> int:
    """The status with which a side refused; nobody else did, and nobody has a key."""
    statuses = [
        (own, Terminate.parse(heard(effect.octets).payload).status)
        for own, effect in pair.effects
        if isinstance(effect, Send) and heard(effect.octets).id is CommandId.TERMINATE
    ]
    assert len(statuses) == 1, statuses
    assert statuses[0][0] == by.own
    return statuses[0][1]


def certificate(change: Callable[[bytes], bytes]) -> Callable[[bytes], bytes]:
    return lambda payload: payload[:4] + change(payload[4:])


def flip(at: int) -> Callable[[bytes], bytes]:
    return lambda octets: octets[:at] + bytes((octets[at] ^ 1,)) + octets[at + 1 :]


FREE = {  # octets of a certificate nobody judges: changing them shows at Confirm Key
    Suite.SUITE_1: [*range(38, 48)],
    Suite.SUITE_2: [*range(1, 9), *range(19, 28)],
}
JUDGED = {  # by field, the status
    Suite.SUITE_1: {(22, 30): Status.BAD_MESSAGE, (30, 38): Status.UNKNOWN_ISSUER},
    Suite.SUITE_2: {
        (0, 1): Status.INVALID_CERTIFICATE,
        (9, 11): Status.INVALID_CERTIFICATE,
        (11, 19): Status.UNKNOWN_ISSUER,
        (28, 36): Status.BAD_MESSAGE,
    },
}


@pytest.mark.parametrize("to_server", [True, False], ids=["initiator's", "responder's"])
@both
def test_an_altered_certificate(suite: Suite, to_server: bool) -> None:
    """Whatever octet it is, nobody gets a key, and the side that notices says the right status.

    The responder computes first, so that it notices either certificate.
    """
    for at in (*FREE[suite][::4], *[n for first, last in JUDGED[suite] for n in range(first, last, 3)]):
        pair = spoiled(suite, CommandId.INITIATE, to_server, certificate(flip(at)))
        judged = [status for (first, last), status in JUDGED[suite].items() if first <= at < last]
        by = pair.hub if to_server or not judged else pair.meter
        assert refusal(pair, by) == (judged[0] if judged else Status.BAD_KEY_CONFIRM)
        assert pair.keys(pair.meter) == pair.keys(pair.hub) == []


@both
def test_an_altered_reconstruction_point(suite: Suite) -> None:
    """Another point, or none: the key does not come about."""
    start = 0 if suite is Suite.SUITE_1 else 37
    for at in (start, start + 1, start + 9, start + suite.point_size - 1):
        pair = spoiled(suite, CommandId.INITIATE, True, certificate(flip(at)))
        assert refusal(pair, pair.hub) == Status.BAD_KEY_CONFIRM
        pair = spoiled(suite, CommandId.INITIATE, False, certificate(flip(at)))
        statuses = {refusal(pair, node) for node in (pair.meter, pair.hub) if says(pair, node)}
        assert statuses == {Status.BAD_KEY_CONFIRM}
        assert pair.keys(pair.meter) == pair.keys(pair.hub) == []


@pytest.mark.parametrize("to_server", [True, False], ids=["initiator's", "responder's"])
@both
def test_a_foreign_certificate(suite: Suite, to_server: bool) -> None:
    """Of another CA: unknown by its name; with our CA's name, it yields a key nobody has."""
    station = (METER if to_server else HUB).station
    foreign = credential(station, suite, b"OTHERCA1").certificate
    pair = spoiled(suite, CommandId.INITIATE, to_server, certificate(lambda _: foreign.octets))
    assert refusal(pair, pair.hub if to_server else pair.meter) == Status.UNKNOWN_ISSUER
    forged = replace(foreign, issuer=credential(station, suite).issuer)
    pair = spoiled(suite, CommandId.INITIATE, to_server, certificate(lambda _: forged.octets))
    assert refusal(pair, pair.hub) == Status.BAD_KEY_CONFIRM


@pytest.mark.parametrize("to_server", [True, False], ids=["initiator's", "responder's"])
@both
def test_a_swapped_certificate(suite: Suite, to_server: bool) -> None:
    """A good one of another device is refused by its subject, at once."""
    other = credential(STRANGER.station, suite).certificate.octets
    pair = spoiled(suite, CommandId.INITIATE, to_server, certificate(lambda _: other))
    assert refusal(pair, pair.hub if to_server else pair.meter) == Status.BAD_MESSAGE


@both
def test_somebody_elses_certificate_without_its_key(suite: Suite) -> None:
    """A thief has the meter's address and certificate, but not its private key."""
    stolen = credential(METER.station, suite).certificate
    pair = net(only(suite), only(suite))
    thief = credential(STRANGER.station, suite)
    pair.meter = machine(METER, [thief], only(suite))
    original = thief.certificate.octets
    pair.start()
    while pair.queue:
        node, event = pair.queue.popleft()
        if isinstance(event, Received) and original in event.octets:
            event = Received(event.source, event.octets.replace(original, stolen.octets))
        pair.feed(node, event)
    assert refusal(pair, pair.hub) == Status.BAD_KEY_CONFIRM


def bad_points(suite: Suite) -> dict[str, Callable[[bytes], bytes]]:
    """Changes to an ephemeral key; each keeps its length."""
    curve, size = suite.curve, suite.private_size

    def plus(small: Point) -> Callable[[bytes], bytes]:
        def change(octets: bytes) -> bytes:
            point = curve.add(curve.public_point(octets), small)
            assert point is not None
            assert curve.contains(point)
            return curve.compress(point)

        return change

    none = next(x for x in range(2, 99) if not _exists(suite, x))
    found = {
        "no point has this x": lambda _: b"\x02" + none.to_bytes(size, "big"),
        "x = 0, order 2": lambda _: b"\x02" + bytes(size),
        "x too long": lambda _: b"\x02" + b"\xff" * size,
        "prefix 04": lambda octets: b"\x04" + octets[1:],
        "prefix 00": lambda octets: b"\x00" + octets[1:],
        "good point + (0, 1)": plus(Point(0, 1)),
    }
    if curve.h == 4:
        found["order 4"] = lambda _: curve.compress(Point(1, 1))
        found["good point + one of order 4"] = plus(Point(1, 0))
    return found


def _exists(suite: Suite, x: int) -> bool:
    field, a = suite.curve.field, suite.curve.a
    return field.solve(x ^ a ^ field.square(field.inverse(x))) is not None


@pytest.mark.parametrize("to_server", [True, False], ids=["initiator's", "responder's"])
@both
def test_a_bad_ephemeral_key(suite: Suite, to_server: bool) -> None:
    for what, change in bad_points(suite).items():
        pair = spoiled(suite, CommandId.EPHEMERAL_DATA, to_server, change)
        by = pair.hub if to_server else pair.meter
        assert refusal(pair, by) == Status.BAD_KEY_CONFIRM, what
        assert pair.keys(pair.meter) == pair.keys(pair.hub) == []


@both
def test_a_bad_length(suite: Suite) -> None:
    for command in list(CommandId)[:3]:
        for to_server in (True, False):
            for change in (lambda octets: octets[:-1], lambda octets: octets + b"\x00", lambda octets: b""):
                pair = spoiled(suite, command, to_server, change)
                assert refusal(pair, pair.hub if to_server else pair.meter) == Status.BAD_MESSAGE


@both
def test_another_good_ephemeral_key(suite: Suite) -> None:
    """An attacker puts its own in between: the confirmation shows it."""
    curve = suite.curve
    pair = spoiled(suite, CommandId.EPHEMERAL_DATA, True, lambda _: curve.compress(curve.generator))
    assert refusal(pair, pair.hub) == Status.BAD_KEY_CONFIRM


@pytest.mark.parametrize("at", [0, 7, 15])
@both
def test_a_bad_confirmation(suite: Suite, at: int) -> None:
    pair = spoiled(suite, CommandId.CONFIRM_KEY_DATA, True, flip(at))
    assert refusal(pair, pair.hub) == Status.BAD_KEY_CONFIRM
    assert pair.keys(pair.meter) == pair.keys(pair.hub) == []
    pair = spoiled(suite, CommandId.CONFIRM_KEY_DATA, False, flip(at))
    assert refusal(pair, pair.meter) == Status.BAD_KEY_CONFIRM
    assert pair.keys(pair.meter) == []


def test_an_expired_certificate_where_dates_are_checked() -> None:
    old = replace(KeyEstablishmentSettings(), checks_validity=True, pause=None, attempts=1)
    for to_server in (True, False):
        station = METER if to_server else HUB
        expired = authority_of(station, valid_for=60)
        held = {METER: credential(METER.station), HUB: credential(HUB.station)} | {station: expired}
        pair = Net(machine(METER, [held[METER]], old), machine(HUB, [held[HUB]], old))
        pair.start()
        pair.settle()
        assert refusal(pair, pair.hub if to_server else pair.meter) == Status.INVALID_CERTIFICATE


def authority_of(station: Address, valid_for: int) -> CbkeCredential:
    return authority(Suite.SUITE_2).issue(station.station, valid_for=valid_for)


@given(st.sampled_from(list(State)), st.binary(max_size=100), st.booleans())
@settings(max_examples=300)
def test_any_octets(state: State, octets: bytes, cluster: bool) -> None:
    """No octets make a machine raise, or install a key."""
    scene = reach(state)
    if cluster and len(octets) > 2:
        octets = bytes((octets[0] & 8 | 1, octets[1], octets[2] % 4)) + octets[3:]
    scene.feed(Received(scene.peer, octets))
    assert not any(isinstance(effect, Established) for effect in scene.out)
    scene.feed(TimeDue())


def test_identity_is_most_significant_octet_first() -> None:
    """A certificate with the octets of its subject reversed is another device's."""
    pair = net()
    turned = EntityId(METER.station[::-1])
    pair.meter = machine(Address(METER.station, 2), [credential(turned)])
    pair.start()
    pair.step()
    assert refusal(pair, pair.hub) == Status.BAD_MESSAGE
