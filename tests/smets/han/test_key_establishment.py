"""Key establishment between two nodes: both suites, vectors, loss, repeats, disorder, retries."""

import pickle
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gbcs.errors import BuildError
from smets.han.compute import Compute
from smets.han.credential import CbkeCredential
from smets.han.ecqv import parse_certificate
from smets.han.key_establishment import KeyEstablishment
from smets.han.key_establishment_events import (
    Cancel,
    Established,
    Failed,
    KeyEstablishmentSettings,
    LeaveNetwork,
    NotDelivered,
    ReadSuites,
    Received,
    Send,
    Start,
    Step,
    TimeDue,
)
from smets.han.key_establishment_frames import Command, CommandId, Initiate, Status, Terminate
from smets.han.key_establishment_rows import Action, State
from smets.han.link import Address
from smets.han.suites import Suite
from tests.smets.han.cbke_vectors import Vectors, own, published
from tests.smets.han.establishing import (
    BOTH,
    HUB,
    METER,
    START,
    STRANGER,
    Net,
    count,
    credential,
    heard,
    machine,
    net,
    only,
    reach,
    run,
    says,
)

both = pytest.mark.parametrize("suite", list(Suite))


def agreed(pair: Net) -> bytes:
    """The one key both sides installed."""
    meter, hub = pair.keys(pair.meter), pair.keys(pair.hub)
    assert meter == hub
    (key,) = meter
    return key


# The plain exchange


@both
def test_both_install_the_same_key(suite: Suite) -> None:
    pair = net(only(suite), only(suite))
    pair.start()
    pair.settle()
    assert len(agreed(pair)) == 16
    assert pair.of(pair.meter, Established) == [Established(HUB.station, agreed(pair), suite, True)]
    assert pair.of(pair.hub, Established) == [Established(METER.station, agreed(pair), suite, False)]
    assert pair.meter.state is pair.hub.state is State.IDLE
    assert pair.meter.next_deadline is pair.hub.next_deadline is None
    assert pair.of(pair.meter, Failed) == pair.of(pair.hub, Failed) == []


def test_six_messages_share_numbers_in_pairs() -> None:
    pair = net()
    pair.start()
    pair.settle()
    said = [heard(effect.octets) for _, effect in pair.effects if isinstance(effect, Send)]
    assert [(c.id, c.to_server, c.transaction) for c in said] == [
        (CommandId.INITIATE, True, 0), (CommandId.INITIATE, False, 0),
        (CommandId.EPHEMERAL_DATA, True, 1), (CommandId.EPHEMERAL_DATA, False, 1),
        (CommandId.CONFIRM_KEY_DATA, True, 2), (CommandId.CONFIRM_KEY_DATA, False, 2),
    ]  # fmt: skip
    assert [len(c.payload) for c in said] == [78, 78, 37, 37, 16, 16]
    first = Initiate.parse(said[0].payload)
    assert (first.suites, first.ephemeral_time, first.confirm_time) == (2, 5, 10)


def test_every_exchange_has_its_own_key() -> None:
    pair = net()
    for _ in range(3):
        pair.start()
        pair.settle()
    assert len(set(pair.keys(pair.meter))) == 3
    assert pair.keys(pair.meter) == pair.keys(pair.hub)


@both
def test_the_highest_common_suite_is_used(suite: Suite) -> None:
    for meter, hub, reads in ((BOTH, BOTH, False), (BOTH, only(suite), True), (only(suite), BOTH, False)):
        pair = net(replace(meter, reads_suites=reads), hub)
        pair.start()
        pair.settle()
        common = meter.suites & hub.suites
        assert pair.of(pair.meter, Established)[0].suite == max(s for s in Suite if s & common)
        assert len(pair.of(pair.meter, ReadSuites)) == reads


def test_transaction_numbers_wrap() -> None:
    pair = Net(machine(METER, transaction=0xFF), machine(HUB))
    pair.start()
    pair.settle()
    assert len(agreed(pair)) == 16


def replays(suite: Suite, v: Vectors, times: tuple[int, int], first: int, name: str) -> None:
    """Both machines, given the secrets of a set of vectors, say exactly its frames."""
    curve = suite.curve
    ca = curve.public_point(v["Q_CA"])
    nodes = []
    given = KeyEstablishmentSettings(suites=suite, ephemeral_time=times[0], confirm_time=times[1])
    held = {
        side: CbkeCredential(
            ca, parse_certificate(suite, v[f"CERT_{side}"]), int.from_bytes(v[f"d_{side}"], "big")
        )
        for side in "UV"
    }
    for side in "UV":
        k = int.from_bytes(v[f"k_{side}"], "big") % curve.n
        seed = (k - 1).to_bytes(suite.seed_size, "big")
        nodes.append(
            KeyEstablishment(
                Address(held[side].subject), [held[side]], lambda size, seed=seed: seed,
                trust_centre=held["V"].subject, admits=lambda station: True, settings=given,
                transaction=first,
            )
        )  # fmt: skip
    meter, hub = nodes
    wanted = {key.split("(")[0].strip(): octets for key, octets in v.items() if " Re" in key}
    assert len(wanted) == 6
    said, keys = [], []
    pending = list(meter.handle(Start(hub.own), START))
    here = meter
    work = [(here, effect) for effect in pending]
    while work:
        here, effect = work.pop(0)
        other = hub if here is meter else meter
        if isinstance(effect, Send):
            said.append(effect.octets)
            work += [(other, e) for e in other.handle(Received(here.own, effect.octets), START)]
        elif isinstance(effect, Compute):
            work += [(here, e) for e in here.handle(effect.run(), START)]
        elif isinstance(effect, Established):
            keys.append(effect.link_key)
    names = [
        f"{name} {kind}" for name in ("Initiate", "Ephemeral", "Confirm") for kind in ("Request", "Response")
    ]
    spoken = {" ".join(key.replace("(", " ").split()[:2]): octets for key, octets in wanted.items()}
    assert said == [spoken[n] for n in names], name
    assert keys == [v["KeyData"]] * 2


@both
def test_own_vectors_as_frames(suite: Suite) -> None:
    replays(suite, own(suite), (4, 9), 0x30, "own")


@both
def test_published_vectors_as_frames(suite: Suite, reference: Path) -> None:
    replays(suite, published(reference, suite), (3, 6), 0x10, "published")


# Loss, repeats, disorder

FATES = st.sampled_from(["deliver"] * 5 + ["lose", "twice", "late", "much later"])


@both
@settings(max_examples=60)
@given(fates=st.lists(FATES, max_size=40), unacknowledged=st.booleans())
def test_loss_repeats_and_disorder(suite: Suite, fates: list[str], unacknowledged: bool) -> None:
    """In the end both have the same key: the retries see to it. No side is left with an older one."""
    pair = net(replace(only(suite), pause=None, attempts=60), only(suite))
    left = iter(fates)
    late: list[tuple[int, KeyEstablishment, Received]] = []
    pair.start()
    for turn in range(2000):
        late, due = [one for one in late if one[0] > turn], [one for one in late if one[0] <= turn]
        for _, node, event in due:
            pair.feed(node, event)
        if pair.queue:
            node, event = pair.queue.popleft()
            fate = next(left, "deliver") if isinstance(event, Received) else "deliver"
            if fate == "lose":
                if unacknowledged:
                    sender = pair.meter if node is pair.hub else pair.hub
                    pair.feed(sender, NotDelivered(node.own.station))
                continue
            if isinstance(event, Received) and fate in ("late", "much later"):
                late.append((turn + (2 if fate == "late" else 6), node, event))
                continue
            pair.feed(node, event)
            if isinstance(event, Received) and fate == "twice":
                late.append((turn + 1, node, event))
        elif not late:
            if all(node.next_deadline is None for node in (pair.meter, pair.hub)):
                break
            pair.wait(1)
    meter, hub = pair.of(pair.meter, Established), pair.of(pair.hub, Established)
    assert meter, "no key in the end"
    assert meter[-1].link_key == hub[-1].link_key
    assert {one.link_key for one in meter} <= {one.link_key for one in hub}


def test_each_lost_message_costs_one_attempt() -> None:
    for lost in range(6):
        pair = net()
        pair.start()
        number = 0
        while pair.queue:
            node, event = pair.queue.popleft()
            if isinstance(event, Received):
                number += 1
                if number - 1 == lost:
                    continue
            pair.feed(node, event)
        assert pair.keys(pair.meter) == []
        pair.wait(60)
        assert len(pair.keys(pair.meter)) == 1
        assert pair.keys(pair.meter)[-1] == pair.keys(pair.hub)[-1]
        assert len(pair.keys(pair.hub)) == (2 if lost == 5 else 1)
        assert not says(pair, pair.meter)


def test_every_message_twice() -> None:
    pair = net()
    pair.start()
    while pair.queue:
        node, event = pair.queue.popleft()
        pair.feed(node, event)
        if isinstance(event, Received):
            pair.feed(node, event)
    assert len(agreed(pair)) == 16
    assert not says(pair, pair.meter)
    assert not says(pair, pair.hub)


def test_a_restarted_device_may_say_the_same_again() -> None:
    """With the same random numbers even: what the last exchange had counts for it only."""
    pair = net()
    for _ in range(2):
        pair.meter = machine(METER)
        pair.hub._random = count()
        pair.start()
        pair.settle()
    first, second = pair.keys(pair.meter)
    assert first == second
    assert len(pair.hub._had) == 3


def test_only_what_was_taken_is_remembered() -> None:
    """A refused message is refused again, whoever sends it, and does not fill the memory."""
    scene = reach(State.V_EXCHANGING)
    for _ in range(3):
        scene.hear(CommandId.EPHEMERAL_DATA, True, b"1", source=STRANGER, transaction=1)
        assert scene.terminated is not None
    for _ in range(3):
        scene.hear(CommandId.CONFIRM_KEY_DATA, True, b"2", transaction=1)
        assert scene.terminated is not None
    assert len(scene.me._had) == 1


# Retries


def failures(pair: Net) -> list[Failed]:
    return pair.of(pair.meter, Failed)


def test_ten_attempts_at_once_then_a_pause() -> None:
    pair = net()
    silent = machine(METER)
    sent = [effect for effect in silent.handle(Start(HUB), pair.now) if isinstance(effect, Send)]
    times = [pair.now]
    now = pair.now
    for _ in range(24):
        assert silent.next_deadline is not None
        now = silent.next_deadline
        fresh = [effect for effect in silent.handle(TimeDue(), now) if isinstance(effect, Send)]
        if fresh:
            times.append(now)
        sent += fresh
    gaps = [(b.us - a.us) // 1_000_000 for a, b in pairwise(times)]
    assert gaps[:21] == [5] * 9 + [905] + [5] * 9 + [905] + [5]
    assert [heard(effect.octets).transaction for effect in sent] == list(range(len(sent)))


def test_no_pause_means_no_more_attempts() -> None:
    alone = machine(METER, settings=KeyEstablishmentSettings(pause=None, attempts=3))
    alone.handle(Start(HUB), START)
    found: list[Failed] = []
    while (due := alone.next_deadline) is not None:
        found += [effect for effect in alone.handle(TimeDue(), due) if isinstance(effect, Failed)]
    assert [failed.retry is None for failed in found] == [False, False, True]


@pytest.mark.parametrize(("wait", "pause", "after"), [(30, 5, 30), (3, 5, 5), (0xFF, 5, 0xFE)])
def test_a_pause_is_not_shorter_than_the_wait_time(wait: int, pause: int, after: int) -> None:
    scene = reach(State.INITIATING, KeyEstablishmentSettings(attempts=1, pause=pause))
    said = bytes((Status.NO_RESOURCES, wait, 2, 0))
    scene.hear(CommandId.TERMINATE, False, said)
    assert scene.failed is not None
    assert scene.failed.retry == scene.net.now.plus(after)


NO_PROSPECT = (
    Status.UNKNOWN_ISSUER,
    Status.BAD_KEY_CONFIRM,
    Status.INVALID_CERTIFICATE,
    Status.UNSUPPORTED_SUITE,  # here no other is left
)


@pytest.mark.parametrize("status", [*Status, 0x00, 0x07, 0xFF])
def test_what_follows_a_terminate(status: int) -> None:
    """After the wait time, with another suite, or never."""
    scene = reach(State.U_EXCHANGING)
    scene.net.queue.clear()
    payload = Terminate(0, 30, 2).octets()
    scene.hear(CommandId.TERMINATE, False, bytes((status,)) + payload[1:])
    never = status in NO_PROSPECT
    assert scene.failed is not None
    assert scene.failed.status == status
    assert scene.failed.retry == (None if never else scene.net.now.plus(30))
    assert scene.me.next_deadline == scene.failed.retry
    leaves = any(isinstance(effect, LeaveNetwork) for effect in scene.out)
    assert leaves is (status == Status.UNKNOWN_ISSUER)


def test_leaving_is_a_setting_and_for_the_trust_centre_only() -> None:
    stays = KeyEstablishmentSettings(leaves_on_unknown_issuer=False)
    scene = reach(State.INITIATING, stays)
    scene.hear(CommandId.TERMINATE, False, Terminate(Status.UNKNOWN_ISSUER, 0, 2).octets())
    assert not any(isinstance(effect, LeaveNetwork) for effect in scene.out)
    partner = machine(METER, trust_centre=STRANGER.station)
    partner.handle(Start(HUB), START)
    said = Command(CommandId.TERMINATE, False, 0, Terminate(Status.UNKNOWN_ISSUER, 0, 2).octets())
    out = partner.handle(Received(HUB, said.octets), START)
    assert any(isinstance(effect, Failed) for effect in out)
    assert not any(isinstance(effect, LeaveNetwork) for effect in out)


def test_an_unsupported_suite_leads_to_the_one_both_have() -> None:
    pair = net(BOTH, only(Suite.SUITE_1))
    pair.start()
    pair.wait(60)
    assert pair.of(pair.meter, Established)[0].suite is Suite.SUITE_1
    (failed,) = failures(pair)
    assert (failed.status, failed.by_partner) == (Status.UNSUPPORTED_SUITE, True)
    assert failed.retry == START.plus(10)


def test_without_a_common_suite_there_is_no_second_attempt() -> None:
    pair = net(only(Suite.SUITE_1), only(Suite.SUITE_2))
    pair.start()
    pair.wait(3600)
    (failed,) = failures(pair)
    assert (failed.status, failed.retry) == (Status.UNSUPPORTED_SUITE, None)


def test_a_suite_claimed_and_refused_is_not_tried_forever() -> None:
    scene = reach(State.INITIATING)
    scene.hear(CommandId.TERMINATE, False, Terminate(Status.UNSUPPORTED_SUITE, 1, 2).octets())
    assert scene.failed is not None
    assert scene.failed.retry is None


def test_a_partner_that_does_not_tell_its_suites_is_taken_to_have_ours() -> None:
    scene = reach(State.READING)
    scene.net.queue.clear()
    scene.net.wait(10)
    assert len(scene.net.keys(scene.me)) == 1


def test_a_busy_trust_centre_serves_one_after_the_other() -> None:
    hub = machine(HUB, admits=[METER.station, STRANGER.station])
    pair = Net(machine(METER), hub)
    second = machine(STRANGER)
    pair.start()
    pair.step()
    assert hub.state is State.V_EXCHANGING
    now = pair.now
    (request,) = [e for e in second.handle(Start(HUB), now) if isinstance(e, Send)]
    (answer,) = [e for e in hub.handle(Received(STRANGER, request.octets), now) if isinstance(e, Send)]
    assert answer.destination == STRANGER
    out = second.handle(Received(HUB, answer.octets), now)
    (failed,) = [effect for effect in out if isinstance(effect, Failed)]
    assert (failed.status, failed.retry) == (Status.NO_RESOURCES, now.plus(10))
    pair.settle()
    assert len(agreed(pair)) == 16
    later = now.plus(10)
    (request,) = [e for e in second.handle(TimeDue(), later) if isinstance(e, Send)]
    hub.handle(Received(STRANGER, request.octets), later)
    assert hub.partner == STRANGER.station


def test_attempts_with_several_peers_wait_their_turn() -> None:
    centre = machine(HUB)
    centre.handle(Start(METER), START)
    out = centre.handle(Start(STRANGER), START.plus(1))
    assert out == ()
    assert centre.partner == METER.station
    out = centre.handle(Cancel(METER.station), START.plus(2))
    assert centre.partner == STRANGER.station
    assert {type(effect) for effect in centre.handle(Cancel(METER.station), START.plus(2))} == {Step}
    assert [e.destination for e in out if isinstance(e, Send)] == [STRANGER]


# Both at once


def test_both_start_at_once_with_each_other() -> None:
    """The Trust Centre is the responder, whatever message comes first."""
    for meter_first in (True, False):
        pair = net()
        starts = [(pair.meter, Start(HUB)), (pair.hub, Start(METER))]
        for node, start in starts if meter_first else reversed(starts):
            pair.feed(node, start)
        pair.settle()
        assert len(agreed(pair)) == 16
        assert pair.of(pair.meter, Established)[0].initiator
        assert not pair.of(pair.hub, Established)[0].initiator
        assert pair.meter.next_deadline is pair.hub.next_deadline is None


def test_both_start_at_once_where_neither_is_the_trust_centre() -> None:
    """One of them yields: the one of the greater EUI-64."""
    centre = STRANGER.station
    pair = Net(machine(METER, trust_centre=centre), machine(HUB, trust_centre=centre))
    pair.feed(pair.hub, Start(METER))
    pair.feed(pair.meter, Start(HUB))
    pair.settle()
    assert len(agreed(pair)) == 16
    assert HUB.station > METER.station
    assert pair.of(pair.meter, Established)[0].initiator


def test_the_attempt_that_yielded_is_taken_up_if_nothing_comes_of_it() -> None:
    scene = reach(State.IDLE)
    pair = scene.net
    pair.feed(pair.hub, Start(METER))
    pair.queue.clear()
    request = machine(METER).handle(Start(HUB), pair.now)
    (send,) = [effect for effect in request if isinstance(effect, Send)]
    pair.feed(pair.hub, Received(METER, send.octets))
    pair.queue.clear()
    assert pair.hub.state is State.V_EXCHANGING
    pair.wait(10)
    assert len(agreed(pair)) == 16
    assert pair.of(pair.hub, Established)[0].initiator


# What machines are to shells


def test_calculations_can_go_to_another_process() -> None:
    pair = net()
    pair.start()
    found = []
    while pair.step():
        found = [effect for _, effect in pair.effects if isinstance(effect, Compute)]
    assert len(found) == 4
    for compute in found:
        copy = pickle.loads(pickle.dumps(compute))
        assert copy == compute
        assert pickle.loads(pickle.dumps(copy.run())) == run(compute) == compute.run()


def test_secrets_are_not_shown() -> None:
    pair = net()
    pair.start()
    pair.settle()
    shown = repr([effect for _, effect in pair.effects]) + repr(pair.meter) + repr(vars(pair.meter).values())
    held = credential(METER.station)
    for secret in (agreed(pair).hex(), repr(agreed(pair)), str(held.private), f"{held.private:x}"):
        assert secret not in shown


def test_steps_tell_the_way() -> None:
    pair = net()
    pair.start()
    pair.settle()
    actions = [effect.row.action for effect in pair.of(pair.meter, Step)]
    assert actions == [
        Action.SEND_INITIATE,
        Action.MAKE_EPHEMERAL,
        Action.SEND_EPHEMERAL,
        Action.AGREE,
        Action.SEND_CONFIRM,
        Action.FINISH,
    ]


@pytest.mark.parametrize(
    "change", [{"ephemeral_time": 255}, {"confirm_time": -1}, {"wait_time": 255}, {"attempts": 0}]
)
def test_settings_that_cannot_be(change: dict[str, int]) -> None:
    with pytest.raises(BuildError):
        KeyEstablishmentSettings(**change)


def test_frames_that_do_not_fit() -> None:
    for bad in (
        Initiate(1 << 16, 0, 0, b""),
        Initiate(1, 255, 0, b""),
        Initiate(1, 0, -1, b""),
        Terminate(256, 0, 0),
        Terminate(0, 255, 0),
        Terminate(0, 0, 1 << 16),
    ):
        with pytest.raises(BuildError):
            bad.octets()
    with pytest.raises(BuildError):
        _ = Command(CommandId.INITIATE, True, 256, b"").octets


@given(st.integers(0, 255), st.integers(0, 254), st.integers(0, 0xFFFF))
def test_terminate_there_and_back(status: int, wait: int, suites: int) -> None:
    said = Terminate(status, wait, suites)
    assert said.octets() == bytes((status, wait, suites & 0xFF, suites >> 8))
    assert Terminate.parse(said.octets()) == said
