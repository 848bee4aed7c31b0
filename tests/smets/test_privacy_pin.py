"""The Privacy PIN, what it keeps, pairing at the meter, CIN (smets-esme 15, smets-ppmid-hcalcs-ihd 5)."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from gbcs.asn1.joins import Method
from gbcs.dlms.objects import model
from gbcs.errors import BuildError
from gbcs.ids import DeviceType, EntityId
from smets.behaviours.device_log import entries
from smets.behaviours.pairing import AdmitToNetwork, PairDevice, UnpairDevice
from smets.behaviours.privacy_pin import (
    PERSONAL,
    ROWS,
    ClearPin,
    EnterPin,
    LeaveMenu,
    Lock,
    PinSettings,
    PrivacyPin,
    SetPin,
    StillThere,
    is_locked,
    lock_of,
)
from smets.esme.items import VARIANTS, items
from smets.events import Actuate, Effect, Event, Happened, PowerLost, PowerRestored, UserAction
from tests.smets.homes import BROKER, Home

PIN, OTHER_PIN = "1234", "0000"
READER = EntityId.parse("00-DB-12-34-56-78-90-99")
OPEN_FOR, SUSPENDED_FOR = 300, 600


def verdicts(effects: Sequence[Effect]) -> list[str]:
    return [e.verdict for e in effects if isinstance(e, Happened)]


def does(home: Home, event: Event) -> bool:
    """Whether what a person does is done; it is logged either way."""
    effects = home.handle(event)
    (verdict,) = verdicts(effects)
    *_, logged = home.work.log_entries("EventLog")
    assert logged == (home.work.time.seconds, 0x8161 if verdict == "done" else 0x8162, b"")
    return verdict == "done"


def locked() -> Home:
    home = Home.new()
    assert does(home, SetPin(PIN))
    home.handle(LeaveMenu())
    return home


def test_who_set_the_pin_is_inside_until_he_leaves() -> None:
    home = Home.new()
    assert lock_of(home.work) is Lock.NONE
    assert does(home, SetPin(PIN))
    assert lock_of(home.work) is Lock.OPEN
    home.handle(LeaveMenu())
    assert lock_of(home.work) is Lock.CLOSED


@pytest.mark.parametrize("pin", ["", "123", "12345", "12a4", "\u0661\u0662\u0663\u0664", "    ", "-123"])
def test_a_pin_has_four_digits(pin: str) -> None:
    home = Home.new()
    assert not does(home, SetPin(pin))
    assert lock_of(home.work) is Lock.NONE


def test_the_pin_opens_for_a_time() -> None:
    home = locked()
    assert not does(home, EnterPin(OTHER_PIN))
    assert is_locked(home.work)
    assert does(home, EnterPin(PIN))
    home.wait(OPEN_FOR - 1)
    assert not is_locked(home.work)
    home.wait(1)
    assert is_locked(home.work)


def test_who_goes_on_does_not_lose_the_pin() -> None:
    home = locked()
    assert not home.handle(StillThere())  # it opens nothing
    assert is_locked(home.work)
    assert does(home, EnterPin(PIN))
    for _ in range(5):
        home.wait(OPEN_FOR - 1)
        assert not home.handle(StillThere())
    assert does(home, PairDevice(READER))
    home.wait(OPEN_FOR)
    assert not home.handle(StillThere())  # too late
    assert is_locked(home.work)
    assert not does(home, UnpairDevice(READER))


def test_going_on_without_a_pin_keeps_nothing() -> None:
    home = Home.new()
    before = home.held
    assert not home.handle(StillThere())
    assert home.held == before


def test_the_pin_is_changed_and_cleared_by_who_knows_it() -> None:
    home = locked()
    assert not does(home, SetPin(OTHER_PIN))
    assert not does(home, ClearPin())
    assert does(home, EnterPin(PIN))
    assert does(home, SetPin(OTHER_PIN))
    home.handle(LeaveMenu())
    assert not does(home, EnterPin(PIN))
    assert does(home, EnterPin(OTHER_PIN))
    assert does(home, ClearPin())
    assert lock_of(home.work) is Lock.NONE
    assert not does(home, ClearPin())
    assert not does(home, EnterPin(OTHER_PIN))


def test_wrong_entries_in_a_row_suspend_entry() -> None:
    home = locked()
    for _ in range(4):
        assert not does(home, EnterPin(OTHER_PIN))
    assert does(home, EnterPin(PIN))
    home.handle(LeaveMenu())
    for _ in range(5):
        assert not does(home, EnterPin(OTHER_PIN))
    home.restart()
    assert not does(home, EnterPin(PIN))
    home.wait(SUSPENDED_FOR)
    assert does(home, EnterPin(PIN))


def test_a_supplier_ends_it_from_afar() -> None:
    home = locked()
    for _ in range(5):
        does(home, EnterPin(OTHER_PIN))
    assert not any(home.run("ECS14").results)
    assert lock_of(home.work) is Lock.NONE
    assert not [key for key in home.held if key.startswith("pin/")]
    assert does(home, SetPin(PIN))


def test_it_outlives_power_and_restarts_closed() -> None:
    home = Home.new()
    does(home, SetPin(PIN))
    home.handle(PowerLost())
    home.wait(1)
    home.handle(PowerRestored())
    home.restart()
    assert lock_of(home.work) is Lock.CLOSED
    assert does(home, EnterPin(PIN))


def test_the_pin_is_not_shown() -> None:
    assert PIN not in f"{SetPin(PIN)!r}{EnterPin(PIN)!r}"
    for event in (SetPin(PIN), EnterPin(PIN), EnterPin("9876")):
        for effect in Home.new().handle(event):
            assert PIN not in repr(effect)


# -- what it keeps --------------------------------------------------------------------------


def test_personal_items_need_the_pin_and_others_do_not() -> None:
    pin, home = PrivacyPin(), locked()
    work = home.work
    assert not any(pin.shows(work, item) for item in PERSONAL)
    for item in ("ActiveImportRegister", "Time", "SupplyState", "CustomerIdentificationNumber"):
        assert pin.shows(work, item)
    does(home, EnterPin(PIN))
    assert all(pin.shows(home.work, item) for item in PERSONAL)
    assert all(pin.shows(Home.new().work, item) for item in PERSONAL)


def test_what_is_personal_is_an_item_or_log_of_some_meter() -> None:
    known = {item.name for variant in VARIANTS for item in items(variant)}
    known |= {member.item for member in model(DeviceType.ESME, frozenset()).members}
    assert PERSONAL - known == set()


def test_enabling_the_supply_at_the_meter_needs_the_pin() -> None:
    home = locked()
    home.run("ECS43")
    home.wait(1)
    home.run("ECS44")
    assert not does(home, UserAction("enable supply"))
    assert does(home, EnterPin(PIN))
    effects = home.handle(UserAction("enable supply"))
    assert Actuate("load switch", True) in effects


def test_commands_do_not_need_it() -> None:
    home = locked()
    for name in ("ECS17b", "ECS19", "ECS43", "ECS42"):
        home.wait(1)
        assert not any(home.run(name).results)


# -- pairing at the meter ---------------------------------------------------------------------


def test_a_device_is_paired_without_any_remote_party() -> None:
    home = Home.new()
    effects = home.handle(PairDevice(READER, "12345678"))
    assert verdicts(effects) == ["done"]
    assert AdmitToNetwork(READER, "12345678") in effects
    assert [(e.station, e.method, e.device_type) for e in entries(home.work)] == [(READER, Method.B, 6)]
    assert does(home, UnpairDevice(READER))
    assert list(entries(home.work)) == []
    assert not does(home, UnpairDevice(READER))


def test_the_pin_guards_pairing() -> None:
    home = locked()
    assert not does(home, PairDevice(READER))
    does(home, EnterPin(OTHER_PIN))
    assert not does(home, PairDevice(READER))
    assert list(entries(home.work)) == []
    does(home, EnterPin(PIN))
    assert does(home, PairDevice(READER))
    home.handle(LeaveMenu())
    assert not does(home, UnpairDevice(READER))
    assert not any(home.run("ECS14").results)
    assert does(home, UnpairDevice(READER))


@pytest.mark.parametrize(
    ("passkey", "accepted"),
    [("", True), ("0", True), ("12345678", True), ("123456789", False), ("12ab", False), ("\u0661", False)],
)
def test_a_passkey_has_up_to_eight_digits(passkey: str, accepted: bool) -> None:
    assert does(Home.new(), PairDevice(READER, passkey)) == accepted


def test_a_full_log_takes_nobody() -> None:
    home = Home.new()
    for n in range(16):
        assert does(home, PairDevice(EntityId(bytes(7) + bytes((n + 1,)))))
    assert not does(home, PairDevice(READER))
    codes = [entry[1] for entry in home.work.log_entries("SecurityLog")]
    assert codes == [0x8F49] * 16 + [0x8F48]


def test_a_passkey_is_not_shown() -> None:
    assert "4711" not in f"{PairDevice(READER, '4711')!r}{AdmitToNetwork(READER, '4711')!r}"


# -- CIN --------------------------------------------------------------------------------------


def test_a_cin_is_kept_for_the_display_whatever_the_pin() -> None:
    home = locked()
    reply = home.run("ECS50", [b"4711"], by=BROKER)
    assert not any(reply.results)
    assert home.item("CustomerIdentificationNumber") == b"4711"
    assert PrivacyPin().shows(home.work, "CustomerIdentificationNumber")
    assert home.run("ECS50", [b"47a1"], by=BROKER).results == [250]
    assert home.item("CustomerIdentificationNumber") == b"4711"


# -- table, settings, model -------------------------------------------------------------------


def test_each_state_and_action_has_one_row_at_most_and_every_state_is_reached() -> None:
    assert len({(row.before, row.what) for row in ROWS}) == len(ROWS)
    assert {row.after for row in ROWS} == set(Lock)


@pytest.mark.parametrize("wrong", [{"length": 0}, {"length": 9}, {"open_for": 0}, {"attempts": 0}])
def test_settings_have_ranges(wrong: dict[str, int]) -> None:
    with pytest.raises(BuildError):
        PinSettings(**wrong)  # type: ignore[arg-type]


class Pin(RuleBasedStateMachine):
    """The PIN beside a few variables.

    Invariants: it is open only after the right PIN, or its setting, within the time; only who is
    inside, or a supplier, changes or clears it; a suspended entry opens nothing.
    """

    def __init__(self) -> None:
        super().__init__()
        self.home = Home.new()
        self.pin: str | None = None
        self.inside = self.wrong = 0
        self.suspended = 0

    @property
    def now(self) -> int:
        return self.home.now.seconds

    @property
    def lock(self) -> Lock:
        if self.pin is None:
            return Lock.NONE
        return Lock.OPEN if self.now < self.inside else Lock.CLOSED

    @rule(pin=st.sampled_from([PIN, OTHER_PIN, "12"]))
    def set_pin(self, pin: str) -> None:
        may = len(pin) == 4 and self.lock is not Lock.CLOSED
        assert does(self.home, SetPin(pin)) == may
        if may:
            self.pin, self.inside = pin, self.now + OPEN_FOR

    @rule(pin=st.sampled_from([PIN, OTHER_PIN]))
    def enter(self, pin: str) -> None:
        done = does(self.home, EnterPin(pin))
        if self.pin is None or self.now < self.suspended:
            assert not done
        elif pin == self.pin:
            assert done
            self.inside, self.wrong = self.now + OPEN_FOR, 0
        else:
            assert not done
            self.inside, self.wrong = 0, self.wrong + 1
            if self.wrong == 5:
                self.suspended, self.wrong = self.now + SUSPENDED_FOR, 0

    def forget(self) -> None:
        self.pin, self.inside, self.wrong, self.suspended = None, 0, 0, 0

    @rule()
    def clear(self) -> None:
        may = self.lock is Lock.OPEN
        assert does(self.home, ClearPin()) == may
        if may:
            self.forget()

    @rule()
    def leave(self) -> None:
        self.home.handle(LeaveMenu())
        self.inside = 0

    @rule()
    def disable_remotely(self) -> None:
        assert not any(self.home.run("ECS14").results)
        self.forget()

    @rule(seconds=st.integers(1, 700))
    def wait(self, seconds: int) -> None:
        self.home.wait(seconds)

    @rule()
    def come_up_again(self) -> None:
        self.home.restart()

    @invariant()
    def as_the_variables(self) -> None:
        """It is locked where a PIN is set, unless the right one was entered a short time ago."""
        assert lock_of(self.home.work) is self.lock


Pin.TestCase.settings = settings(max_examples=30, stateful_step_count=25, deadline=None)
TestPin = Pin.TestCase


@pytest.mark.long
def test_pin_long() -> None:
    from hypothesis.stateful import run_state_machine_as_test

    run_state_machine_as_test(
        Pin, settings=settings(max_examples=100, stateful_step_count=100, deadline=None)
    )
