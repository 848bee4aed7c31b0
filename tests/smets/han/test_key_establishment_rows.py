"""Every row of the table of key establishment, by a case of its own (se-security 8)."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from smets.han.compute import Compute, Computed
from smets.han.ecqv import Suite2Certificate
from smets.han.key_establishment_events import (
    Cancel,
    Established,
    Failed,
    KeyEstablishmentSettings,
    NotDelivered,
    PartnerSuites,
    ReadSuites,
    Received,
    Refused,
    Send,
    Start,
    Step,
)
from smets.han.key_establishment_frames import Command, CommandId, Initiate, Status
from smets.han.key_establishment_rows import (
    REQUESTS,
    RESPONSES,
    RETRIES,
    TIMERS,
    TRANSITIONS,
    Action,
    Condition,
    State,
    Transition,
    Trigger,
)
from smets.han.suites import Suite
from tests.smets.han.establishing import (
    BOTH,
    HUB,
    METER,
    STRANGER,
    U_STATES,
    V_STATES,
    Net,
    Scene,
    credential,
    heard,
    machine,
    reach,
)

I, E, K, T = CommandId.INITIATE, CommandId.EPHEMERAL_DATA, CommandId.CONFIRM_KEY_DATA, CommandId.TERMINATE  # noqa: E741
C, A, S = Condition, Action, State
POINT, MAC = bytes(37), bytes(16)
TERMINATE = bytes((Status.NO_RESOURCES, 7, 2, 0))
BUSY = (*U_STATES, *V_STATES)
MESSAGES = {
    Trigger.INITIATE_REQUEST: (I, True),
    Trigger.INITIATE_RESPONSE: (I, False),
    Trigger.EPHEMERAL_REQUEST: (E, True),
    Trigger.EPHEMERAL_RESPONSE: (E, False),
    Trigger.CONFIRM_REQUEST: (K, True),
    Trigger.CONFIRM_RESPONSE: (K, False),
}


def initiate(scene: Scene, **change: object) -> bytes:
    """What the partner would send, with changes to the message or its certificate."""
    suite = Suite(change.pop("with_suite", Suite.SUITE_2))  # type: ignore[arg-type]
    certificate = credential(scene.peer.station, suite).certificate
    fields = {name: change.pop(name) for name in tuple(change) if name in Initiate.__dataclass_fields__}
    if change:
        certificate = replace(certificate, **change)  # type: ignore[arg-type]
    return replace(Initiate(suite, 5, 10, certificate.octets), **fields).octets()  # type: ignore[arg-type]


def raw(payload: bytes, at: int, value: int) -> bytes:
    return payload[:at] + bytes((value,)) + payload[at + 1 :]


def again(state: State) -> Scene:
    """The message that led to this state comes once more."""
    scene = reach(state)
    last = [
        effect for own, effect in scene.net.effects
        if isinstance(effect, Send) and own == scene.peer and effect.destination.station == scene.me.own.station
    ][-1]  # fmt: skip
    return scene.feed(Received(scene.peer, last.octets))


def late(settings: KeyEstablishmentSettings | None = None) -> Scene:
    """All is over; the Confirm Request comes once more."""
    scene = reach(S.V_AGREEING, settings)
    confirm = scene.net.of(scene.net.meter, Send)[-1]
    scene.net.settle()
    return scene.feed(Received(METER, confirm.octets))


def to_idle(to_server: bool = True, **change: object) -> Scene:
    settings = change.pop("settings", None)
    scene = reach(S.IDLE, settings)  # type: ignore[arg-type]
    return scene.hear(I, to_server, initiate(scene, **change))


def answered(**change: object) -> Scene:
    settings = change.pop("settings", None)
    scene = reach(S.INITIATING, settings)  # type: ignore[arg-type]
    return scene.hear(I, False, initiate(scene, **change))


def unlisted() -> Scene:
    scene = reach(S.IDLE)
    certificate = credential(STRANGER.station).certificate
    return scene.hear(I, True, Initiate(2, 5, 10, certificate.octets).octets(), source=STRANGER)


def without_partner_key() -> Scene:
    me = machine(METER, admits=[])
    certificate = credential(STRANGER.station).certificate
    scene = Scene(Net(me, machine(HUB)), me, STRANGER)
    return scene.hear(I, True, Initiate(2, 5, 10, certificate.octets).octets())


def started(settings: KeyEstablishmentSettings | None = None, suites: int | None = None) -> Scene:
    return reach(S.IDLE, settings, idle=METER).feed(Start(HUB, suites))


def computed(state: State, spoil: Callable[[Scene], None] | None = None) -> Scene:
    """The calculation of a state is done. `spoil`: what happens to the partner's messages before."""
    scene = reach(state)
    (found,) = [event for node, event in scene.net.queue if isinstance(event, Computed)]
    scene.net.queue.clear()
    return scene.feed(found)


def agreed_on(state: State, ephemeral: bytes | None = None, mac: bytes | None = None) -> Scene:
    """A side computes the key from a partner's ephemeral key or confirmation of ours."""
    if state is S.U_AGREEING:
        scene = reach(S.U_EXCHANGING)
        scene.net.queue.clear()
        scene.hear(E, False, ephemeral or b"")
    else:
        scene = reach(S.V_EXCHANGING)
        good = credential(METER.station).suite.curve
        scene.net.queue.clear()
        scene.hear(E, True, ephemeral or good.compress(good.generator))
        scene.net.step()
        scene.net.queue.clear()
        scene.hear(K, True, mac or MAC)
    assert scene.me.state is state
    (event,) = [event for _, event in scene.net.queue if isinstance(event, Computed)]
    return scene.feed(event)


def confirmed(mac: bytes | None) -> Scene:
    scene = reach(S.U_CONFIRMING)
    if mac is not None:
        return scene.hear(K, False, mac)
    while True:
        node, event = scene.net.queue.popleft()
        if node is scene.me:
            return scene.feed(event)
        scene.net.feed(node, event)


def timed_out(state: State) -> Scene:
    scene = reach(state)
    assert scene.me.next_deadline is not None
    scene.net.now = scene.me.next_deadline
    return scene.feed(Cancel(STRANGER.station))  # any event will do; the time is what counts


def stale() -> Scene:
    scene = reach(S.U_MAKING)
    (found,) = [event for node, event in scene.net.queue if isinstance(event, Computed)]
    scene.feed(Cancel(HUB.station))
    return scene.feed(found)


def hub_started() -> Scene:
    """The hub began with the meter before it heard of the meter's attempt."""
    scene = reach(S.IDLE)
    return scene.feed(Start(METER))


def restarted() -> Scene:
    scene = reach(S.V_EXCHANGING, KeyEstablishmentSettings(restarts=True))
    return scene.hear(I, True, initiate(scene))


INVALID_POINT = b"\x02" + bytes(36)

# Each row: its condition and action, and what leads to it. The order is that of the table.
CASES: tuple[tuple[Condition, Action, Callable[[], Scene]], ...] = (
    (C.REPEAT, A.IGNORE, lambda: again(S.V_EXCHANGING)),
    (C.LATE_REPEAT, A.IGNORE, late),
    (C.STRANGER, A.TERMINATE, lambda: reach(S.V_EXCHANGING).hear(I, True, source=STRANGER)),
    (C.STRANGER, A.TERMINATE, lambda: reach(S.V_EXCHANGING).hear(E, True, POINT, source=STRANGER)),
    (C.STRANGER, A.IGNORE, lambda: reach(S.V_EXCHANGING).hear(T, True, TERMINATE, source=STRANGER)),
    (C.ALWAYS, A.END, lambda: reach(S.V_EXCHANGING).hear(T, True, TERMINATE)),
    (C.STALE, A.IGNORE, stale),
    (C.ALWAYS, A.FAIL, lambda: timed_out(S.V_EXCHANGING)),
    (C.STRANGER, A.IGNORE, lambda: reach(S.V_EXCHANGING).feed(NotDelivered(STRANGER.station))),
    (C.ALWAYS, A.FAIL, lambda: reach(S.V_EXCHANGING).feed(NotDelivered(METER.station))),
    (C.OTHER_TRANSACTION, A.IGNORE, lambda: reach(S.U_EXCHANGING).hear(E, False, POINT, transaction=0)),
    (C.ALWAYS, A.YIELD, lambda: (s := reach(S.READING)).hear(I, True, initiate(s))),
    (C.YIELDS, A.YIELD, lambda: hub_started().hear(I, True, initiate(reach(S.IDLE)))),
    (C.ALWAYS, A.IGNORE, lambda: (s := reach(S.INITIATING)).hear(I, True, initiate(s))),
    (C.RESTARTS, A.YIELD, restarted),
    (C.UNLISTED, A.TERMINATE, unlisted),
    (C.NO_PARTNER_KEY, A.TERMINATE, without_partner_key),
    (C.UNREADABLE, A.TERMINATE, lambda: reach(S.IDLE).hear(I, True, b"\x02\x00\x05")),
    (C.NOT_ONE_SUITE, A.TERMINATE, lambda: to_idle(suites=3)),
    (C.UNSUPPORTED, A.TERMINATE, lambda: to_idle(with_suite=1)),
    (C.BAD_TIME, A.TERMINATE, lambda: (s := reach(S.IDLE)).hear(I, True, raw(initiate(s), 2, 0xFF))),
    (C.WRONG_LENGTH, A.TERMINATE, lambda: (s := reach(S.IDLE)).hear(I, True, initiate(s)[:-1])),
    (C.UNKNOWN_ISSUER, A.TERMINATE, lambda: to_idle(issuer=b"SOMEBODY")),
    (C.BAD_CERTIFICATE, A.TERMINATE, lambda: to_idle(key_usage=0x80)),
    (C.NOT_VALID_NOW, A.TERMINATE, lambda: to_idle(valid_for=1, settings=KeyEstablishmentSettings(checks_validity=True))),
    (C.OTHER_SUBJECT, A.TERMINATE, lambda: to_idle(subject=STRANGER.station)),
    (C.ALWAYS, A.ANSWER_INITIATE, to_idle),
    (C.WRONG_LENGTH, A.TERMINATE, lambda: reach(S.V_EXCHANGING).hear(E, True, POINT[1:])),
    (C.ALWAYS, A.MAKE_EPHEMERAL, lambda: reach(S.V_EXCHANGING).hear(E, True, POINT)),
    (C.ALWAYS, A.ANSWER_EPHEMERAL, lambda: computed(S.V_MAKING)),
    (C.WRONG_LENGTH, A.TERMINATE, lambda: reach(S.V_CONFIRMING).hear(K, True, MAC[1:])),
    (C.ALWAYS, A.AGREE, lambda: reach(S.V_CONFIRMING).hear(K, True, MAC)),
    (C.NO_AGREEMENT, A.TERMINATE, lambda: agreed_on(S.V_AGREEING, ephemeral=INVALID_POINT)),
    (C.WRONG_MAC, A.TERMINATE, lambda: agreed_on(S.V_AGREEING)),
    (C.ALWAYS, A.ANSWER_CONFIRM, lambda: computed(S.V_AGREEING)),
    (C.NO_COMMON_SUITE, A.GIVE_UP, lambda: started(suites=1)),
    (C.ASKS_SUITES, A.ASK_SUITES, lambda: started(KeyEstablishmentSettings(reads_suites=True))),
    (C.ALWAYS, A.SEND_INITIATE, started),
    (C.STRANGER, A.IGNORE, lambda: reach(S.READING).feed(PartnerSuites(STRANGER.station, 2))),
    (C.NO_COMMON_SUITE, A.GIVE_UP, lambda: reach(S.READING).feed(PartnerSuites(HUB.station, 1))),
    (C.ALWAYS, A.SEND_INITIATE, lambda: reach(S.READING).feed(PartnerSuites(HUB.station, 3))),
    (C.UNREADABLE, A.TERMINATE, lambda: reach(S.INITIATING).hear(I, False, b"\x02\x00\x05")),
    (C.OTHER_SUITE, A.TERMINATE, lambda: answered(suites=3)),
    (C.BAD_TIME, A.TERMINATE, lambda: (s := reach(S.INITIATING)).hear(I, False, raw(initiate(s), 3, 0xFF))),
    (C.WRONG_LENGTH, A.TERMINATE, lambda: (s := reach(S.INITIATING)).hear(I, False, initiate(s) + b"\x00")),
    (C.UNKNOWN_ISSUER, A.TERMINATE, lambda: answered(issuer=b"SOMEBODY")),
    (C.BAD_CERTIFICATE, A.TERMINATE, lambda: answered(type=1)),
    (C.NOT_VALID_NOW, A.TERMINATE, lambda: answered(valid_for=1, settings=KeyEstablishmentSettings(checks_validity=True))),
    (C.OTHER_SUBJECT, A.TERMINATE, lambda: answered(subject=STRANGER.station)),
    (C.ALWAYS, A.MAKE_EPHEMERAL, answered),
    (C.ALWAYS, A.SEND_EPHEMERAL, lambda: computed(S.U_MAKING)),
    (C.WRONG_LENGTH, A.TERMINATE, lambda: reach(S.U_EXCHANGING).hear(E, False, POINT + b"\x00")),
    (C.ALWAYS, A.AGREE, lambda: reach(S.U_EXCHANGING).hear(E, False, POINT)),
    (C.NO_AGREEMENT, A.TERMINATE, lambda: agreed_on(S.U_AGREEING, ephemeral=INVALID_POINT)),
    (C.ALWAYS, A.SEND_CONFIRM, lambda: computed(S.U_AGREEING)),
    (C.WRONG_LENGTH, A.TERMINATE, lambda: confirmed(MAC + b"\x00")),
    (C.WRONG_MAC, A.TERMINATE, lambda: confirmed(MAC)),
    (C.ALWAYS, A.FINISH, lambda: confirmed(None)),
    (C.ALWAYS, A.TERMINATE, lambda: reach(S.V_EXCHANGING).hear(K, True, MAC)),
    (C.ALWAYS, A.TERMINATE, lambda: reach(S.IDLE).hear(K, True, MAC)),
    (C.ALWAYS, A.IGNORE, lambda: reach(S.IDLE).hear(T, True, TERMINATE)),
)  # fmt: skip


def test_every_row_has_a_case() -> None:
    assert [(row.condition, row.action) for row in TRANSITIONS] == [case[:2] for case in CASES]


@pytest.mark.parametrize("number", range(len(TRANSITIONS)), ids=lambda n: f"{n}-{TRANSITIONS[n].action.name}-{TRANSITIONS[n].condition.name}")  # fmt: skip
def test_every_row_is_followed(number: int) -> None:
    """The row is reached, its action seen, and the state is the one it says."""
    row = TRANSITIONS[number]
    scene = CASES[number][2]()
    rows = scene.rows
    assert row in rows
    assert row.rule
    if row.after is not None and len(rows) == 1:
        assert scene.me.state is row.after
    settings = KeyEstablishmentSettings()
    if row.action is A.TERMINATE:
        said = scene.terminated
        assert said is not None
        assert (said.status, said.wait, said.suites) == (settings.status(row.status), 10, 2)
        assert (scene.failed is not None) is (row.after is not None)
    elif row.action is A.IGNORE:
        assert scene.out == (Step(scene.out[0].station, row),)  # type: ignore[union-attr]
    else:
        assert shows(row, scene)


def shows(row: Transition, scene: Scene) -> bool:
    """Whether the effects are those of the action."""
    kinds = {type(effect) for effect in scene.out} - {Step}
    sends = {
        A.SEND_INITIATE: (I, True),
        A.ANSWER_INITIATE: (I, False),
        A.SEND_EPHEMERAL: (E, True),
        A.ANSWER_EPHEMERAL: (E, False),
        A.SEND_CONFIRM: (K, True),
        A.ANSWER_CONFIRM: (K, False),
        A.YIELD: (I, False),
    }
    if row.action in sends:
        said = [(command.id, command.to_server) for command in scene.sent]
        return said == [sends[row.action]] and (Established in kinds) is (row.action is A.ANSWER_CONFIRM)
    return (
        kinds
        == {
            A.FAIL: {Failed},
            A.END: {Failed},
            A.GIVE_UP: {Failed},
            A.ASK_SUITES: {ReadSuites},
            A.MAKE_EPHEMERAL: {Compute},
            A.AGREE: {Compute},
            A.FINISH: {Established},
        }[row.action]
    )


# What holds for whole parts of the table


EXPECTED = {
    (S.INITIATING, Trigger.INITIATE_RESPONSE),
    (S.U_EXCHANGING, Trigger.EPHEMERAL_RESPONSE),
    (S.U_CONFIRMING, Trigger.CONFIRM_RESPONSE),
    (S.V_EXCHANGING, Trigger.EPHEMERAL_REQUEST),
    (S.V_CONFIRMING, Trigger.CONFIRM_REQUEST),
    # both at once
    (S.READING, Trigger.INITIATE_REQUEST),
    (S.INITIATING, Trigger.INITIATE_REQUEST),
}


@pytest.mark.parametrize("trigger", [*REQUESTS, *RESPONSES])
@pytest.mark.parametrize("state", BUSY)
def test_a_message_out_of_place(state: State, trigger: Trigger) -> None:
    """Answered with BAD_MESSAGE, and that was it; a request under its own number."""
    if (state, trigger) in EXPECTED:
        assert any(state in row.before and trigger in row.triggers for row in TRANSITIONS)
        return
    scene = reach(state)
    scene.hear(*MESSAGES[trigger], b"out of place")
    said = scene.terminated
    assert said is not None
    assert said.status == Status.BAD_MESSAGE
    assert scene.failed is not None
    assert scene.failed.status == Status.BAD_MESSAGE
    assert not scene.failed.by_partner
    assert scene.sent[0].to_server is (trigger in RESPONSES and state in U_STATES)
    if trigger in REQUESTS:
        assert scene.sent[0].transaction == 0x80


@pytest.mark.parametrize("trigger", [*REQUESTS[1:], *RESPONSES])
def test_a_message_to_an_idle_node(trigger: Trigger) -> None:
    scene = reach(S.IDLE).hear(*MESSAGES[trigger], b"out of place")
    assert scene.terminated is not None
    assert scene.terminated.status == Status.BAD_MESSAGE
    assert scene.failed is None
    assert Refused(scene.peer.station, Status.BAD_MESSAGE) in scene.out


@pytest.mark.parametrize("trigger", [*REQUESTS, *RESPONSES, Trigger.TERMINATE])
@pytest.mark.parametrize("state", BUSY)
def test_a_stranger_does_not_disturb(state: State, trigger: Trigger) -> None:
    scene = reach(state)
    before, deadline = scene.me.state, scene.me.next_deadline
    command = (T, True) if trigger is Trigger.TERMINATE else MESSAGES[trigger]
    scene.hear(*command, b"anything", source=STRANGER)
    assert (scene.me.state, scene.me.next_deadline) == (before, deadline)
    assert scene.failed is None
    if trigger is Trigger.TERMINATE:
        assert scene.terminated is None
    else:
        busy = trigger is Trigger.INITIATE_REQUEST
        assert scene.terminated is not None
        assert scene.terminated.status == (Status.NO_RESOURCES if busy else Status.BAD_MESSAGE)
        assert Refused(STRANGER.station, scene.terminated.status) in scene.out
    scene.net.settle()
    assert scene.net.keys(scene.net.meter) == scene.net.keys(scene.net.hub)
    assert len(scene.net.keys(scene.net.meter)) == 1


@pytest.mark.parametrize("payload", [TERMINATE, b"", b"\x03", TERMINATE + b"more"])
@pytest.mark.parametrize("state", BUSY)
def test_a_terminate_ends_the_exchange_without_a_word(state: State, payload: bytes) -> None:
    scene = reach(state)
    scene.net.queue.clear()
    scene.hear(T, state in V_STATES, payload)
    failed = scene.failed
    assert failed is not None
    assert failed.by_partner
    assert failed.status == (Status.NO_RESOURCES if len(payload) >= 4 else Status.BAD_MESSAGE)
    assert scene.rows[0].after is S.IDLE
    if state in U_STATES and len(payload) >= 4:
        assert failed.retry == scene.net.now.plus(7)
        assert scene.sent == []
        assert scene.me.state is S.IDLE


@pytest.mark.parametrize("state", BUSY)
def test_a_time_out_says_nothing_to_the_partner(state: State) -> None:
    scene = timed_out(state)
    assert scene.failed is not None
    assert scene.failed.status is None
    if state in V_STATES:
        assert scene.out == (Step(METER.station, scene.row), scene.failed)
        assert scene.me.state is S.IDLE
        assert scene.me.next_deadline is None
    else:  # a joiner tries again at once
        assert scene.failed.retry == scene.net.now
        assert [command.id for command in scene.sent] == [I]


@pytest.mark.parametrize("state", BUSY)
def test_not_a_moment_too_soon(state: State) -> None:
    scene = reach(state)
    assert scene.me.next_deadline is not None
    scene.net.now = scene.me.next_deadline.plus(us=-1)
    scene.feed(NotDelivered(STRANGER.station))
    assert scene.me.state is state


@pytest.mark.parametrize("event", [Cancel, NotDelivered])
@pytest.mark.parametrize("state", BUSY)
def test_a_lost_partner(state: State, event: type[Cancel | NotDelivered]) -> None:
    scene = reach(state)
    scene.net.queue.clear()
    scene.feed(event(scene.peer.station))
    assert scene.failed is not None
    if state in V_STATES or event is Cancel:
        assert scene.sent == []
        assert scene.failed.retry is None
        assert scene.me.next_deadline is None
    else:
        assert [command.id for command in scene.sent] == [I]


def test_every_waiting_state_has_a_timer_and_every_status_a_consequence() -> None:
    assert set(TIMERS) == set(BUSY)
    assert set(RETRIES) == set(Status)


def test_timers() -> None:
    """T2 and T3 are of the partner's times; the own calculations have the own ones."""
    partner = KeyEstablishmentSettings(ephemeral_time=20, confirm_time=40)
    own = KeyEstablishmentSettings(initiate_timeout=3, allowance=2, poll_interval=100)
    wanted = {
        S.INITIATING: 103,
        S.U_MAKING: 5,
        S.U_EXCHANGING: 122,
        S.U_AGREEING: 10,
        S.U_CONFIRMING: 142,
        S.V_EXCHANGING: 122,
        S.V_MAKING: 5,
        S.V_CONFIRMING: 142,
        S.V_AGREEING: 10,
    }
    for initiator in (True, False):
        first, second = (own, partner) if initiator else (partner, own)
        both = Net(machine(METER, settings=first), machine(HUB, settings=second))
        me = both.meter if initiator else both.hub
        both.start()
        while True:
            if me.state in wanted:
                assert me.next_deadline == both.now.plus(wanted.pop(me.state))
            if not both.step():
                break
    assert wanted == {}


def test_a_certificate_of_either_wrong_field() -> None:
    for change in ({"type": 1}, {"curve": 0x0C}, {"hash": 0}, {"key_usage": 0x80}):
        assert to_idle(**change).terminated.status == Status.INVALID_CERTIFICATE  # type: ignore[union-attr]
        assert answered(**change).terminated.status == Status.INVALID_CERTIFICATE  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("suites", "status"),
    [(0, Status.BAD_MESSAGE), (3, Status.BAD_MESSAGE), (4, Status.UNSUPPORTED_SUITE), (0x8000, Status.UNSUPPORTED_SUITE),
     (1, Status.UNSUPPORTED_SUITE), (0xFFFF, Status.BAD_MESSAGE)],
)  # fmt: skip
def test_suites_of_an_initiate_request(suites: int, status: Status) -> None:
    assert to_idle(suites=suites).terminated.status == status  # type: ignore[union-attr]


def test_a_suite_without_a_certificate_is_not_supported() -> None:
    me = machine(HUB, [credential(HUB.station, Suite.SUITE_2)], BOTH)
    assert me.suites == 2
    scene = Scene(Net(machine(METER), me), me, METER)
    assert scene.hear(I, True, initiate(scene, with_suite=1)).terminated.status == Status.UNSUPPORTED_SUITE  # type: ignore[union-attr]


def test_dates_are_not_looked_at_by_default() -> None:
    assert to_idle(valid_for=1).me.state is S.V_EXCHANGING
    assert answered(valid_for=1).me.state is S.U_MAKING


def test_a_certificate_valid_now_passes_the_check() -> None:
    settings = KeyEstablishmentSettings(checks_validity=True)
    assert to_idle(settings=settings).me.state is S.V_EXCHANGING
    certificate = credential(METER.station).certificate
    assert isinstance(certificate, Suite2Certificate)
    early = to_idle(settings=settings, valid_from=certificate.valid_from + 86400 * 3650)
    assert early.terminated.status == Status.INVALID_CERTIFICATE  # type: ignore[union-attr]


@pytest.mark.parametrize("status", [Status.BAD_MESSAGE, Status.INVALID_CERTIFICATE])
def test_the_status_of_a_foreign_subject_is_a_setting(status: Status) -> None:
    settings = KeyEstablishmentSettings(subject_mismatch=status)
    assert to_idle(subject=STRANGER.station, settings=settings).terminated.status == status  # type: ignore[union-attr]


def test_without_the_setting_a_repeat_is_out_of_place() -> None:
    scene = late(KeyEstablishmentSettings(ignores_repeats=False))
    assert scene.terminated.status == Status.BAD_MESSAGE  # type: ignore[union-attr]


def test_without_the_setting_any_number_answers() -> None:
    scene = reach(S.U_EXCHANGING, KeyEstablishmentSettings(matches_transactions=False))
    assert scene.hear(E, False, POINT, transaction=0xEE).me.state is S.U_AGREEING


def test_frames_that_are_for_others_are_passed_over() -> None:
    """Global and manufacturer's commands, unknown ones, a Default Response, half a header."""
    for octets in ("000000", "18000B0000", "050000001234", "01000401", "0910", ""):
        for state in (S.IDLE, S.V_EXCHANGING, S.U_CONFIRMING):
            scene = reach(state)
            assert scene.feed(Received(scene.peer, bytes.fromhex(octets))).out == ()
            assert scene.me.state is state


def test_answers_go_to_the_endpoint_that_asked() -> None:
    scene = reach(S.IDLE)
    source = replace(METER, endpoint=99)
    scene.hear(I, True, initiate(scene), source=source, transaction=0x5A)
    (send,) = [effect for effect in scene.out if isinstance(effect, Send)]
    assert send.destination == source
    assert heard(send.octets).transaction == 0x5A
    assert heard(send.octets) == Command(I, False, 0x5A, send.octets[3:])
