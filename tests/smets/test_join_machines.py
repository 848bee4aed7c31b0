"""Joins of a meter with the machines that make its keys, with bent octets, and against a model."""

from __future__ import annotations

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from gbcs.asn1.joins import (
    JoinCode,
    JoinCommand,
    Method,
    UnjoinCode,
    join_command_octets,
    log_command_octets,
    unjoin_command_octets,
)
from gbcs.errors import Check
from gbcs.ids import DeviceType, EntityId
from gbcs.message import Message
from smets.behaviours.device_log import entries, find
from smets.behaviours.joining import (
    AgreeKey,
    KeyAgreed,
    KeyNotAgreed,
)
from smets.events import (
    Happened,
    RemotePartyMessage,
)
from smets.han.join_keys import after_key_establishment, after_partner_key, wish
from smets.han.key_establishment_events import Established, KeyEstablishmentSettings
from smets.han.link import Address
from smets.han.partner_keys import (
    AskPartner,
    BindAnswered,
    BindStatus,
    KeyArrived,
    PartnerKeys,
    RequestKey,
    TimeDue,
)
from smets.han.suites import Suite
from tests.smets.han.establishing import HUB, Net, machine
from tests.smets.han.establishing import METER as METER_NODE
from tests.smets.homes import SUPPLIER, Home
from tests.smets.joins import (
    DISPLAY,
    KEY,
    READER,
    SWITCH,
    asked,
    code,
    join,
    join_a,
    join_b,
    later,
    station,
    stations,
    unjoin,
)

# -- with the machines that make the key ------------------------------------------------------


def test_the_machines_of_the_network_bring_a_join_about() -> None:
    """The meter of `establishing` and its partner, whose partner link key is there already."""
    home = Home.new()
    partner = HUB
    begun = join(home, "CS03A1", Method.A_INITIATOR, partner.station, DeviceType.HCALCS, SUPPLIER)
    (wanted,) = asked(begun.effects)
    assert isinstance(wanted, AgreeKey)
    keys = PartnerKeys(lambda station: True, lambda: 0)
    assert keys.handle(wish(wanted), home.now) == (AskPartner(partner.station),)
    answered = BindAnswered(partner.station, BindStatus.SUCCESS)
    assert keys.handle(answered, home.now) == (RequestKey(partner.station),)
    (install,) = keys.handle(KeyArrived(partner.station, KEY), home.now)
    assert after_partner_key(install, Address(DISPLAY)) is None
    start = after_partner_key(install, partner)
    net = Net(machine(METER_NODE), machine(HUB))
    assert start is not None
    assert not isinstance(start, KeyNotAgreed)
    net.feed(net.meter, start)
    net.settle()
    ends = [
        after_key_establishment(effect, partner.station) for own, effect in net.effects if own == METER_NODE
    ]
    (event,) = [end for end in ends if end is not None]
    ended = later(home, begun.command, event)
    assert code(ended) is JoinCode.SUCCESS
    entry = find(home.work, partner.station)
    assert entry is not None
    assert [entry.link_key] == net.keys(net.hub)


def test_a_partner_that_refuses_a_link_key_or_says_nothing() -> None:
    for answer in (BindStatus.NOT_AUTHORIZED, None):
        home = Home.new()
        begun = join_a(home)
        keys = PartnerKeys(lambda station: True, lambda: 0)
        keys.handle(wish(AgreeKey(SWITCH)), home.now)
        home.wait(10)
        told = TimeDue() if answer is None else BindAnswered(SWITCH, answer)
        (nothing,) = keys.handle(told, home.now if answer is None else home.now.plus(-10))
        event = after_partner_key(nothing, Address(SWITCH))
        assert isinstance(event, KeyNotAgreed)
        assert code(later(home, begun.command, event)) is JoinCode.NO_PARTNER_LINK_KEY


@pytest.mark.parametrize(
    ("admits", "suites", "answer"),
    [
        ((), Suite.SUITE_2, JoinCode.NO_RESOURCES),
        ((METER_NODE.station,), Suite.SUITE_1, JoinCode.UNSUPPORTED_SUITE),
    ],
)
def test_a_partner_that_terminates(admits: tuple[EntityId, ...], suites: Suite, answer: JoinCode) -> None:
    home = Home.new()
    begun = join(home, "CS03A1", Method.A_INITIATOR, HUB.station, DeviceType.HCALCS, SUPPLIER)
    net = Net(
        machine(METER_NODE), machine(HUB, settings=KeyEstablishmentSettings(suites=suites), admits=admits)
    )
    net.start()
    net.settle()
    ends = [after_key_establishment(effect, HUB.station) for own, effect in net.effects if own == METER_NODE]
    event = next(end for end in ends if end is not None)
    assert code(later(home, begun.command, event)) is answer


def test_effects_about_others_are_not_its_own() -> None:
    made = Established(DISPLAY, KEY, Suite.SUITE_2, True)
    assert after_key_establishment(made, SWITCH) is None


# -- bent octets ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "payload"),
    [
        ("CS03A1", join_command_octets(JoinCommand(Method.A_INITIATOR, SWITCH, 4))),
        ("CS03B", join_command_octets(JoinCommand(Method.B, READER, 6))),
        ("CS04AC", unjoin_command_octets(SWITCH)),
        ("CS04B", unjoin_command_octets(READER)),
        ("CS07", log_command_octets()),
    ],
)
def test_a_command_with_any_bit_flipped_changes_nothing(name: str, payload: bytes) -> None:
    home = Home.new()
    later(home, join_a(home).command, KeyAgreed(SWITCH, KEY))
    join_b(home)
    home.wait(1)
    octets = home.make(name, payload=payload, by=SUPPLIER).octets
    before = stations(home)
    for bit in range(8 * len(octets)):
        flipped = bytearray(octets)
        flipped[bit // 8] ^= 1 << bit % 8
        effects = home.handle(RemotePartyMessage(bytes(flipped)))
        assert asked(effects) == [], bit
    assert stations(home) == before
    assert not [key for key in home.held if key.startswith(("joining/", "unanswered/"))]


@pytest.mark.parametrize("name", ["CS03A1", "CS03B", "CS04AC", "CS04B", "CS07"])
@pytest.mark.parametrize("payload", [b"", b"\x05", b"\x05\x00\x00", b"\x30\x80", b"\x04\x08abc", bytes(64)])
def test_a_payload_of_another_form_is_refused(name: str, payload: bytes) -> None:
    home = Home.new()
    reply = home.run(name, payload=payload, by=SUPPLIER)
    assert reply.response is None
    assert reply.happened.check is Check.TEMPLATE


# -- a model ----------------------------------------------------------------------------------


class Log(RuleBasedStateMachine):
    """The log beside a set.

    Invariants: it holds exactly the devices whose last join succeeded and that did not leave since;
    never more than there are places; each command has one answer, now or later.
    """

    def __init__(self) -> None:
        super().__init__()
        self.home = Home.new()
        self.held: dict[EntityId, Method] = {}
        self.running: dict[EntityId, Message] = {}

    @rule(n=st.integers(1, 9))
    def join_switch(self, n: int) -> None:
        one = station(n)
        reply = join_a(self.home, one)
        acting = {s for s, m in self.held.items() if m is Method.A_INITIATOR} | set(self.running)
        if one in self.running:
            assert code(reply) is JoinCode.NO_RESOURCES
        elif self.held.get(one, Method.A_INITIATOR) is not Method.A_INITIATOR:
            assert code(reply) is JoinCode.INCOMPATIBLE_WITH_EXISTING_ENTRY
        elif len(acting - {one}) >= 7 and one not in self.held:
            assert code(reply) is JoinCode.DEVICE_LOG_FULL
        else:
            self.running[one] = reply.command

    @rule(n=st.integers(1, 9), succeeds=st.booleans())
    def key_agreement_ends(self, n: int, succeeds: bool) -> None:
        one = station(n)
        event = KeyAgreed(one, KEY) if succeeds else KeyNotAgreed(one, JoinCode.BAD_MESSAGE)
        effects = self.home.handle(event)
        command = self.running.pop(one, None)
        if command is None:
            assert [type(e) for e in effects] == [Happened]
            return
        assert code(self.home.reply(command, effects)) is (
            JoinCode.SUCCESS if succeeds else JoinCode.BAD_MESSAGE
        )
        if succeeds:
            self.held[one] = Method.A_INITIATOR

    @rule(n=st.integers(1, 14))
    def join_reader(self, n: int) -> None:
        one = station(n)
        answer = code(join_b(self.home, one))
        if one in self.running:
            assert answer is JoinCode.NO_RESOURCES
        elif self.held.get(one, Method.B) is not Method.B:
            assert answer is JoinCode.INCOMPATIBLE_WITH_EXISTING_ENTRY
        elif len((set(self.held) | set(self.running)) - {one}) >= 16 and one not in self.held:
            assert answer is JoinCode.DEVICE_LOG_FULL
        else:
            self.held[one] = Method.B

    @rule(n=st.integers(1, 14), method=st.sampled_from((Method.A_INITIATOR, Method.B)))
    def leave(self, n: int, method: Method) -> None:
        one = station(n)
        answer = unjoin(self.home, "CS04B" if method is Method.B else "CS04AC", one)
        if self.held.get(one) is method:
            del self.held[one]
            assert answer == UnjoinCode.SUCCESS
        else:
            missing = UnjoinCode.NOT_IN_DEVICE_LOG
            assert answer == (UnjoinCode.OTHER_FAILURE if one in self.held else missing)

    @rule()
    def come_up_again(self) -> None:
        self.home.restart()

    @invariant()
    def as_the_set(self) -> None:
        assert {e.station: e.method for e in entries(self.home.work)} == self.held
        assert len(self.held) <= 16


Log.TestCase.settings = settings(max_examples=20, stateful_step_count=20, deadline=None)
TestLog = Log.TestCase


@pytest.mark.long
def test_log_long() -> None:
    from hypothesis.stateful import run_state_machine_as_test

    run_state_machine_as_test(
        Log, settings=settings(max_examples=100, stateful_step_count=100, deadline=None)
    )
