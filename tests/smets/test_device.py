"""The device contract: one unit of work, nothing but the store, the same again for the same input."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from random import Random

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from gbcs.errors import KeyUnavailable
from gbcs.ids import Cra, KeyUsage
from gbcs.message import Message, parse_message
from gbcs.time import Utc
from gbcs.usecases import by_name
from smets import device as device_module
from smets.behaviours.clock import set_clock
from smets.device import Device
from smets.esme.meter import EsmeOptions, make_esme, manufactured
from smets.events import (
    Actuate,
    ArmStoreFault,
    Effect,
    Event,
    Happened,
    HubTime,
    Metrology,
    PowerLost,
    PowerRestored,
    RemotePartyMessage,
    SendMessage,
    TimerDue,
    UserAction,
)
from smets.identity import provision
from smets.store import MemoryStore, StoreError
from tests.smets.homes import (
    ANCHORS,
    KEYS,
    METER,
    START,
    SUPPLIER,
    Home,
    alerts_in,
    dlms_use_cases,
    profile,
    set_clock_parameter,
)
from tests.smets.test_use_cases import readers


class FailingStore(MemoryStore):
    """Refuses the commits it is told to."""

    __slots__ = ("allowed",)

    def __init__(self, held: Mapping[str, bytes] | None = None) -> None:
        super().__init__(held)
        self.allowed = 10**9

    def commit(self, changes: Mapping[str, bytes | None]) -> None:
        if self.allowed <= 0:
            raise StoreError("told to fail")
        self.allowed -= 1
        super().commit(changes)


def failing(**more: object) -> tuple[Home, FailingStore]:
    store = FailingStore()
    return Home.new(store=store, **more), store  # type: ignore[arg-type]


# -- the store fails ----------------------------------------------------------------------


@pytest.mark.parametrize("name", ["ECS43", "ECS10", "ECS17b", "ECS28a", "ECS04a", "ECS15a"])
def test_when_the_store_fails_nothing_leaves_and_nothing_is_kept(name: str) -> None:
    home, store = failing()
    command = home.make(name)
    before, deadline = home.held, home.device.next_deadline
    store.allowed = 0
    with pytest.raises(StoreError):
        home.handle(RemotePartyMessage(command.octets))
    assert home.held == before
    assert home.device.next_deadline == deadline
    store.allowed = 1
    reply = home.deliver(command)
    assert reply.response is not None
    assert reply.happened.verdict == "executed"


def test_a_refusal_that_cannot_be_logged_is_not_told_either() -> None:
    home, store = failing()
    store.allowed = 0
    with pytest.raises(StoreError):
        home.handle(RemotePartyMessage(b"nothing"))
    store.allowed = 1
    assert [a.code for a in alerts_in(home.handle(RemotePartyMessage(b"nothing")))] == [0x8F1E]


def test_effects_of_deadlines_before_the_failure_are_not_lost() -> None:
    """They were committed, so they leave with the next event that succeeds."""
    home, store = failing()
    home.run("ECS28a", when=home.now.plus(5 * 60).to_cosem())
    home.wait(10 * 60)
    store.allowed = 1  # the activation, not the event
    with pytest.raises(StoreError):
        home.handle(Metrology(import_wh=1))
    assert home.item("ActiveImportRegister") == 0
    store.allowed = 10
    effects = home.handle(Metrology(import_wh=2))
    assert [a.code for a in alerts_in(effects)] == [0x8F66] * 4
    assert home.item("ActiveImportRegister") == 2
    assert not home.handle(Metrology(import_wh=2))


@pytest.mark.parametrize("allowed", range(6))
def test_a_failure_at_any_deadline_leaves_the_device_usable(allowed: int) -> None:
    home, store = failing()
    home.handle(Metrology(import_wh=7))
    home.wait(3 * 1800)
    store.allowed = allowed
    try:
        home.handle(TimerDue())
        assert allowed >= 3
    except StoreError:
        assert allowed < 3
    store.allowed = 100
    home.handle(TimerDue())
    entries = list(home.work.log_entries("ProfileDataLog.ActiveImport"))
    assert [e[1] for e in entries] == [7, 0, 0]


# -- a store that holds something else ----------------------------------------------------


def poke(octets: bytes, random: Random) -> bytes:
    match random.randrange(4):
        case 0:
            return octets[: random.randrange(len(octets) + 1)]
        case 1:
            return random.randbytes(random.randrange(40))
        case 2 if octets:
            at = random.randrange(len(octets))
            return octets[:at] + bytes((octets[at] ^ 1 << random.randrange(8),)) + octets[at + 1 :]
    return octets + random.randbytes(random.randrange(1, 4))


def damaged(count: int, seed: int) -> int:
    """How often a damaged store was noticed; anything but StoreError escapes."""
    random = Random(seed)
    home = Home.new(items={"SupplierWANAlerts": "1" * 256})
    home.handle(Metrology(import_wh=5, power_w=4))
    home.run("ECS28a", when=home.now.plus(3600).to_cosem())
    home.run("ECS43")
    home.run("ECS10")
    home.deliver(home.make("ECS42", counter=1))
    home.wait(1800)
    home.handle(HubTime(home.now))
    held = home.held
    commands = [home.make(u) for u in dlms_use_cases()] + [home.make("CS02a")]
    noticed = 0
    for _ in range(count):
        spoilt = dict(held)
        key = random.choice(sorted(held))
        spoilt[key] = poke(held[key], random)
        try:
            device = Device(profile(), MemoryStore(spoilt), home.now)
            for _ in range(4):
                device.handle(RemotePartyMessage(random.choice(commands).octets), home.now)
            device.handle(RemotePartyMessage(b""), home.now)
            device.handle(Metrology(import_wh=1), home.now.plus(2 * 3600))
        except StoreError:
            noticed += 1
    return noticed


def test_a_damaged_store_raises_store_error_only() -> None:
    assert damaged(400, 1) > 40


@pytest.mark.long
def test_a_damaged_store_raises_store_error_only_long() -> None:
    assert damaged(20_000, 2) > 2_000


def test_a_store_that_was_never_provisioned_is_refused() -> None:
    with pytest.raises(KeyUnavailable):
        make_esme(MemoryStore(), START)


# -- the same again -----------------------------------------------------------------------


def story(seed: int) -> Iterator[tuple[Event, int]]:
    """Events of one run, each with the seconds before it; the same for the same seed."""
    home = Home.new()
    random = Random(seed)
    home.random = random
    names = [u for u in dlms_use_cases() if u.name not in ("ECS70",)]
    for _ in range(60):
        seconds = random.choice((0, 1, 60, 1800, 40_000))
        match random.randrange(8):
            case 0:
                yield Metrology(random.randrange(3000), power_w=random.randrange(9000)), seconds
            case 1:
                yield HubTime(None), seconds
            case 2:
                yield UserAction("enable supply"), seconds
            case 3:
                yield RemotePartyMessage(random.randbytes(60)), seconds
            case _:
                when = START.plus(random.randrange(200_000)).to_cosem()
                yield RemotePartyMessage(home.make(random.choice(names), when=when).octets), seconds


def provisioned(seed: int) -> MemoryStore:
    store = MemoryStore()
    provision(store, METER, KEYS, ANCHORS, manufactured(Random(seed).randbytes))
    return store


@pytest.mark.parametrize("seed", range(4))
def test_the_same_events_at_the_same_times_give_the_same_octets(seed: int) -> None:
    runs = []
    for _ in range(2):
        store = provisioned(seed)
        device, now, effects = make_esme(store, START), START, []
        for event, seconds in story(seed):
            now = now.plus(seconds)
            effects.append(device.handle(event, now))
        runs.append((effects, store.snapshot(), device.next_deadline))
    assert runs[0] == runs[1]
    assert sum(isinstance(e, SendMessage) for step in runs[0][0] for e in step) > 20


@pytest.mark.parametrize("seed", range(4, 7))
def test_a_device_rebuilt_before_every_event_behaves_the_same(seed: int) -> None:
    one, other = provisioned(seed), provisioned(seed)
    device, now = make_esme(one, START), START
    make_esme(other, START)
    for event, seconds in story(seed):
        rebuilt = make_esme(other, now)
        now = now.plus(seconds)
        assert rebuilt.handle(event, now) == device.handle(event, now)
        assert rebuilt.next_deadline == device.next_deadline
        assert other.snapshot() == one.snapshot()


class Rebuilt(RuleBasedStateMachine):
    """Two meters live the same life; one of them is built anew again and again."""

    @initialize(variant=st.sampled_from(["single", "twin", "polyphase"]))
    def begin(self, variant: str) -> None:
        self.home, self.other = Home.new(variant), Home.new(variant)

    def both(self, event: Event) -> tuple[Effect, ...]:
        effects = self.home.handle(event)
        assert self.other.handle(event) == effects
        return effects

    @rule(seconds=st.one_of(st.integers(0, 5), st.integers(0, 5_000), st.integers(0, 200_000)))
    def wait(self, seconds: int) -> None:
        self.home.wait(seconds)
        self.other.wait(seconds)
        self.both(TimerDue())

    @rule()
    def rebuild(self) -> None:
        self.other.restart()

    @rule(number=st.integers(0, 200), delay=st.integers(-10, 90_000), seed=st.integers(0, 99))
    def command(self, number: int, delay: int, seed: int) -> None:
        cases = dlms_use_cases(self.home.variant)
        self.home.random.seed(seed)
        when = self.home.work.time.plus(delay).to_cosem()
        use_case = cases[number % len(cases)]
        if use_case.name == "ECS70":
            self.both(HubTime(self.home.now))  # making it tells one of them, too
        command = self.home.make(use_case, when=when)
        assert any(isinstance(e, SendMessage) for e in self.both(RemotePartyMessage(command.octets)))
        self.last = command

    @rule()
    def repeat(self) -> None:
        if hasattr(self, "last"):
            self.both(RemotePartyMessage(self.last.octets))

    @rule(octets=st.binary(max_size=20))
    def noise(self, octets: bytes) -> None:
        self.both(RemotePartyMessage(octets))

    @rule(wh=st.integers(0, 10_000))
    def meter(self, wh: int) -> None:
        self.both(Metrology(import_wh=wh, export_wh=wh // 7, power_w=wh))

    @rule(seconds=st.integers(-20, 20))
    def hub_time(self, seconds: int) -> None:
        self.both(HubTime(self.home.work.time.plus(seconds)))

    @rule(index=st.integers(0, 3), code=st.sampled_from([1, 2, 12, 250]))
    def fault(self, index: int, code: int) -> None:
        self.both(ArmStoreFault(index, code))

    @rule(seconds=st.integers(0, 7_200))
    def power_cut(self, seconds: int) -> None:
        self.both(PowerLost())
        self.home.wait(seconds)
        self.other.wait(seconds)
        self.both(PowerRestored())

    @rule()
    def user(self) -> None:
        self.both(UserAction("enable supply"))

    @invariant()
    def the_same(self) -> None:
        """A meter that was built anew from its store at any time holds and waits for what the other does."""
        assert self.home.held == self.other.held
        assert self.home.device.next_deadline == self.other.device.next_deadline


Rebuilt.TestCase.settings = settings(max_examples=25, stateful_step_count=30)
TestRebuilt = Rebuilt.TestCase


@pytest.mark.long
def test_ten_thousand_steps() -> None:
    run_state_machine_as_test(
        Rebuilt, settings=settings(max_examples=100, stateful_step_count=100, deadline=None)
    )


# -- secrets ------------------------------------------------------------------------------


def secrets_of(store: MemoryStore) -> list[bytes]:
    """The private scalars of the device, in the forms they could be printed in."""
    found = []
    for usage in (KeyUsage.DIGITAL_SIGNATURE, KeyUsage.KEY_AGREEMENT):
        credential = KEYS.find(METER, usage)
        assert credential is not None
        private = KEYS.private_key(credential)
        assert isinstance(private, ec.EllipticCurvePrivateKey)
        scalar = private.private_numbers().private_value
        octets = scalar.to_bytes(32, "big")
        found += [octets, octets.hex().encode(), octets.hex().upper().encode(), str(scalar).encode()]
        found.append(repr(octets)[2:-1].encode())
    return found


def test_private_keys_show_nowhere() -> None:
    store = provisioned(3)
    device = make_esme(store, START)
    said: list[bytes] = []
    for event, _ in story(3):
        effects = device.handle(event, START)
        said.append(repr(effects).encode())
        said += [e.octets for e in effects if isinstance(e, SendMessage)]
    work = device.observe(START)
    things = (device, store, work, device.profile, device._cache, device.settings, KEYS)
    said += [repr(thing).encode() for thing in things]
    said += [str(thing).encode() for thing in things]
    text = b"\0".join(said)
    assert not [secret for secret in secrets_of(store) if secret in text]
    # they are in the store, so the search would find them
    assert any(secrets_of(store)[0] in octets for octets in store.snapshot().values())


# -- deadlines ----------------------------------------------------------------------------


def test_a_gap_too_long_to_live_through_is_skipped_and_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(device_module, "MAX_CATCH_UP", 10)
    home = Home.new()
    home.run("ECS28a", when=home.now.plus(8 * 3600).to_cosem())
    home.handle(Metrology(import_wh=9))
    home.wait(10 * 3600 + 60)
    effects = home.handle(Metrology(import_wh=1))
    skipped = [e for e in effects if isinstance(e, Happened) and e.verdict == "skipped"]
    assert len(skipped) == 1
    alerts = alerts_in(effects)
    assert [a.code for a in alerts] == [0x8F66] * 4  # late, not lost
    assert {a.time for a in alerts} == {home.now}
    entries = [e[1] for e in home.work.log_entries("ProfileDataLog.ActiveImport")]
    assert entries == [9] + [0] * 9
    assert home.device.next_deadline == home.now.floor(1800).plus(1800)
    home.wait(5 * 3600)
    assert not [e for e in home.handle(TimerDue()) if isinstance(e, Happened)]


def test_as_many_deadlines_as_allowed_are_not_a_gap(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(device_module, "MAX_CATCH_UP", 10)
    home = Home.new()
    home.now = home.now.floor(1800).plus(10 * 1800)
    assert not home.handle(Metrology(import_wh=1))
    assert len(list(home.work.log_entries("ProfileDataLog.ActiveImport"))) == 10


def test_nothing_happens_without_power() -> None:
    home = Home.new()
    command = home.make("ECS43")
    home.handle(PowerLost())
    assert home.device.next_deadline is None
    home.restart()
    for event in (RemotePartyMessage(command.octets), TimerDue(), Metrology(1), UserAction("enable supply")):
        before = home.held
        assert not home.handle(event)
        assert home.held == before
    home.handle(PowerRestored())
    assert home.deliver(command).response is not None


def test_power_that_was_not_lost_can_be_restored() -> None:
    home = Home.new()
    home.wait(3600)
    home.handle(PowerRestored())
    assert len(list(home.work.log_entries("ProfileDataLog.ActiveImport"))) == 2


# -- odds and ends ------------------------------------------------------------------------


@pytest.mark.parametrize(("index", "code"), [(0, 1), (2, 3), (4, 250), (7, 2)])
def test_an_armed_fault_fails_one_item_once(index: int, code: int) -> None:
    home = Home.new()
    home.handle(ArmStoreFault(index, code))
    home.restart()
    assert home.run("ECS28a").results == [0] * index + [code] + [250] * (7 - index)
    assert home.run("ECS28a").results == [0] * 8


def test_a_fault_beyond_the_items_of_a_command_is_used_up_by_it() -> None:
    home = Home.new()
    home.handle(ArmStoreFault(3, 1))
    assert home.run("ECS43").results == [0]
    assert home.run("ECS28a").results == [0] * 8


def test_every_variant_comes_up_with_what_it_says_of_itself() -> None:
    for variant, letter in (("single", b"A"), ("twin", b"B"), ("polyphase", b"C")):
        store = provisioned(1)
        device = make_esme(store, START, EsmeOptions(variant))
        work = device.observe(START)
        assert work.item("MeterVariant") == letter
        assert device.entity == METER
        number = work.int_item("RandomisedOffsetNumber")
        assert 1 <= number <= 10_000


@pytest.mark.parametrize(
    ("number", "limit", "offset"),
    [(1, 0, 0), (10_000, 1799, 1799), (5_000, 1, 1), (4_999, 1, 0), (2_500, 900, 225)],
)
def test_the_randomised_offset_follows_number_and_limit(number: int, limit: int, offset: int) -> None:
    home = Home.new(items={"RandomisedOffsetNumber": number, "RandomisedOffsetLimit": limit})
    reply = home.run(readers("single")["RandomisedOffset"])
    assert reply.values()["RandomisedOffset"] == offset


def test_the_alert_counter_never_repeats() -> None:
    home = Home.new()
    seen: list[int] = []
    for index in range(30):
        home.wait(900)
        seen += [a.message.counter for a in alerts_in(home.handle(RemotePartyMessage(bytes((index,)))))]
        if index % 7 == 0:
            home.restart()
    assert len(seen) == 30
    assert seen == sorted(set(seen))


def test_a_command_without_a_home_for_its_answer_is_refused() -> None:
    """A supplier whose key agreement cell is empty cannot be answered with a MAC."""
    from gbcs.ids import Role
    from smets.identity import Cell

    home = Home.new()
    held = home.held
    del held[Cell(Role.SUPPLIER, KeyUsage.KEY_AGREEMENT).key]
    home.store = MemoryStore(held)
    home.device = Device(profile(), home.store, START)
    assert home.run("ECS43").response is not None  # answers with a signature
    reply = home.run("ECS10")
    assert reply.response is None
    assert reply.happened.check is not None
    assert [a.code for a in reply.alerts] == [0x8F3D]
    assert [a.message.recipient for a in reply.alerts] == [SUPPLIER]


def test_nothing_is_sent_in_anothers_name() -> None:
    home = Home.new()
    commands: list[Message] = [home.make(u) for u in dlms_use_cases()]
    for command in commands:
        for effect in home.handle(RemotePartyMessage(command.octets)):
            if isinstance(effect, SendMessage):
                message = parse_message(effect.octets)
                assert message.originator == METER
                assert message.cra in (Cra.RESPONSE, Cra.ALERT)


def test_setting_the_clock_by_hand_is_what_an_installer_does() -> None:
    store = provisioned(1)
    device = make_esme(store, START)
    work = device.observe(START)
    set_clock(work, Utc.of(2027, 2, 3))
    work.commit()
    again = device.reopened(START)
    assert again.observe(START).time == Utc.of(2027, 2, 3)


def test_the_load_switch_is_not_touched_by_reading() -> None:
    home = Home.new()
    home.handle(HubTime(home.now))
    for use_case in dlms_use_cases():
        if not use_case.critical:
            effects = home.run(use_case).effects
            assert not any(isinstance(e, Actuate) for e in effects)
    assert home.run(by_name("ECS70"), [set_clock_parameter(home.now)]).response is not None
