"""A meter's display and two buttons: what is shown and done, what the PIN keeps (smets-esme 8)."""

from __future__ import annotations

from collections import deque

import pytest

from gbcs.errors import BuildError
from smets.behaviours.device_log import entries
from smets.behaviours.pairing import AdmitToNetwork
from smets.behaviours.privacy_pin import PERSONAL, Lock, PinSettings, lock_of
from smets.behaviours.supply import Reason, state_of
from smets.behaviours.supply import State as Supply
from smets.esme.display import DEFAULT, ROWS, Display, Form, When, scaled
from smets.esme.interface import ButtonPressed, InterfaceSettings, Shown, UserInterface
from smets.esme.meter import EsmeOptions, esme_profile
from smets.esme.screens import TRANSITIONS, Act, Guard, Press, Screen
from smets.events import Actuate, Metrology, PowerLost, PowerRestored, TimerDue
from smets.store import StoreError
from smets.values import Value, pack
from tests.smets.buttons import (
    ARMED,
    BACK,
    EMERGENCY,
    GO_HOME,
    NEXT,
    OTHER_PIN,
    PIN,
    PREPAID,
    READER,
    TAKE,
    Person,
    charge,
    locked,
    person,
)
from tests.smets.failing import Failing
from tests.smets.homes import VARIANTS, Home, token
from tests.smets.test_auxiliary import SWITCH, meter

# -- the display ----------------------------------------------------------------------------


@pytest.mark.parametrize("variant", VARIANTS)
def test_the_import_register_is_shown_when_nobody_does_anything(variant: str) -> None:
    one = person({"ActiveImportRegister": 1_234_567}, variant)
    assert one.shown == Shown(Screen.ITEMS, ("import", "1234.567 kWh"))
    assert ROWS[DEFAULT].guard not in PERSONAL
    assert ROWS[DEFAULT].when is When.ALWAYS


@pytest.mark.parametrize("variant", VARIANTS)
def test_every_row_is_of_an_item_some_meter_has_and_reads(variant: str) -> None:
    profile = esme_profile(EsmeOptions(variant))
    display = Display(profile, lambda: True)
    lacking = {row.title for row in ROWS} - {row.title for row in display.rows}
    assert not lacking if variant == "twin" else all("second element" in title for title in lacking)
    work = Home.new(variant).work
    for row in display.rows:
        assert isinstance(display.text(work, row), str)
        assert not row.guard or row.guard in profile.defaults, row
    assert {row.form for row in display.rows} == set(Form)
    assert len({row.title for row in ROWS}) == len(ROWS)


def test_a_meter_without_controllers_shows_none() -> None:
    rows = Display(esme_profile(EsmeOptions(without=frozenset({"aux", "apc", "boost"})))).rows
    assert not any(row.title.startswith(("controller", "boost")) for row in rows)


@pytest.mark.parametrize(
    ("title", "items", "text"),
    [
        ("import", {"ActiveImportRegister": 5}, "0.005 kWh"),
        ("export", {"ActiveExportRegister": 2**32 - 1}, "4294967.295 kWh"),
        ("power now", {"ActivePowerImport": 2300}, "2300 W"),
        ("date and time", {}, "01.01.2026 00:10"),
        ("rate 48", {"TariffTOURegisterMatrix.TOU48": 1500}, "1.500 kWh"),
        ("block 4, rate 8", {"TariffTOUBlockRegisterMatrix.Block4.TOU8": 10}, "0.010 kWh"),
        ("block 1 counter, rate 2", {"TariffBlockCounterMatrix.Block1.TOU2": 10}, "0.010 kWh"),
        ("balance", {"MeterBalance": 1_234_999}, "GBP 12.34"),
        ("balance", {"MeterBalance": -100}, "GBP 0.00"),
        ("balance", {"MeterBalance": -150_000, "CurrencyUnit": False}, "-EUR 1.50"),
        ("currency", {"CurrencyUnit": False}, "EUR"),
        ("payment mode", {"PaymentMode": PREPAID}, "prepayment"),
        ("payment mode", {}, "credit"),
        ("price now", {}, "GBP 0.00000 / kWh"),
        (
            "standing charge a day",
            {"StandingCharge": ((0, -3), (0, bytes(6), 0), ((b"", 250),))},
            "GBP 0.250",
        ),
        (
            "debt 1 taken",
            {"PaymentMode": PREPAID, "DebtRecoveryRates1": charge(-2, 5)},
            "GBP 0.05 a day",
        ),
        ("taken of a payment", {"PaymentMode": PREPAID, "DebtRecoveryPerPayment": 1050}, "10.50 %"),
        ("supply", {}, "enabled"),
        ("supply", {"SupplyState": 2}, "armed"),
        ("message", {"SupplierMessage": b"Good morning"}, "Good morning"),
        ("firmware", {"FirmwareVersion": bytes.fromhex("0102aabb")}, "0102AABB"),
        ("meter", {}, "00DB1234567890A4"),
        ("devices paired", {}, "0"),
        ("load limit passed, times", {"LoadLimitCounter": 3}, "3"),
    ],
)
def test_how_values_read(title: str, items: dict[str, Value], text: str) -> None:
    one = person(items)
    assert title in one.titles(Screen.ITEMS)
    while one.shown.lines[0] != title:
        one.press(NEXT)
    assert one.shown.lines == (title, text)


def test_numbers_of_any_scale_are_written_in_full_or_as_such() -> None:
    shown = [scaled(*pair) for pair in ((-5, -3), (123, -2), (7, 0), (7, 2), (7, -128), (7, 127))]
    assert shown == ["-0.005", "1.23", "7", "700", "7E-128", "7E127"]


def test_what_is_zero_or_of_prepayment_is_not_gone_through() -> None:
    titles = set(person().titles(Screen.ITEMS))
    assert not titles & {
        "rate 1",
        "message",
        "supplier",
        "debt 1",
        "emergency credit left",
        "boost",
        "credit",
    }
    prepaid = set(person(EMERGENCY).titles(Screen.ITEMS))
    assert {"debt 1", "debt 2", "payment debt", "accumulated debt", "emergency credit left"} <= prepaid


def test_conditions_of_credit_and_of_the_load_limit_are_told() -> None:
    one = person({**EMERGENCY, "MeterBalance": 150_000, "LowCreditThreshold": 200_000})
    assert not one.home.run("ECS04a", [-10]).results[0]
    display, work = one.meter.display, one.home.work
    credit = next(row for row in display.rows if row.title == "credit")
    assert display.text(work, credit) == "low credit"
    limits: dict[str, Value] = {"LoadLimitPowerThreshold": 100, "LoadLimitPeriod": 0}
    two = person(limits)
    two.home.handle(Metrology(power_w=200))
    two.home.wait(1)
    two.home.handle(TimerDue())
    assert "load limit" in two.titles(Screen.ITEMS)


def test_what_has_to_be_paid_for_supply_is_shown_while_there_is_none() -> None:
    one = person({"PaymentMode": PREPAID, "MeterBalance": 1_000, "AccumulatedDebtRegister": 250_000})
    assert "to pay for supply" not in one.titles(Screen.ITEMS)
    assert not any(one.home.run("ECS04a", [-151_000]).results)
    while one.shown.lines[0] != "to pay for supply":
        one.press(NEXT)
    assert one.shown.lines[1] == "GBP 4.00"  # 2.50 of debt, 1.50 below the threshold
    assert not any(one.home.run("ECS04a", [200_000]).results)
    one.press(GO_HOME)
    assert "to pay for supply" not in one.titles(Screen.ITEMS)


def test_personal_items_are_not_shown_without_the_pin() -> None:
    one = locked({"MeterBalance": 100, "SupplierMessage": b"Hello", "TariffTOURegisterMatrix.TOU1": 5})
    shown = {row.title: row.guard for row in one.meter.display.rows}
    titles = one.titles(Screen.ITEMS)
    assert not {shown[title] for title in titles} & PERSONAL
    assert not {"balance", "message", "rate 1", "used today"} & set(titles)
    assert one.does("enter the PIN", PIN) == "done: enter the PIN"
    one.press(BACK)
    assert {"balance", "message", "rate 1", "used today"} <= set(one.titles(Screen.ITEMS))
    while one.shown.lines[0] != "balance":
        one.press(NEXT)
    one.home.handle(PowerLost())
    one.home.handle(PowerRestored())
    assert one.shown.lines == ("balance", "PIN")


def test_the_home_area_network_is_shown_where_the_meter_is_told_of_it() -> None:
    home, up = Home.new(), [True]
    meter = UserInterface(home.device, connected=lambda: up[0])
    while meter.shown(home.now).lines[0] != "home area network":
        meter.handle(ButtonPressed(NEXT), home.now)
    assert meter.shown(home.now).lines[1] == "connected"
    up[0] = False
    assert meter.shown(home.now).lines[1] == "not connected"
    assert "home area network" not in person().titles(Screen.ITEMS)


def test_the_tenant_before_is_not_told_of() -> None:
    one = person({"RestrictDataDateTime": Home.new().now.plus(3600).to_cosem()})
    assert not {"used today", "used this month"} & set(one.titles(Screen.ITEMS))


# -- going back -----------------------------------------------------------------------------


@pytest.mark.parametrize("presses", [[NEXT], [TAKE], [TAKE, TAKE, NEXT, TAKE]])
def test_after_thirty_seconds_the_default_item_is_back(presses: list[Press]) -> None:
    one = person()
    before = one.press(*presses)
    assert before.lines[0] != "import"
    one.home.wait(29)
    assert one.shown == before
    assert one.meter.next_deadline == one.home.now.plus(1)
    one.home.wait(1)
    assert one.shown.lines[0] == "import"
    one.meter.handle(TimerDue(), one.home.now)
    assert one.press(TAKE).screen is Screen.MENU


@pytest.mark.parametrize("locks", [True, False])
def test_going_back_protects_what_the_pin_protects(locks: bool) -> None:
    one = Person(Home.new(), InterfaceSettings(reverting_locks=locks))
    one.does("set a PIN", PIN)
    one.home.wait(30)
    one.meter.handle(TimerDue(), one.home.now)
    assert lock_of(one.home.work) is (Lock.CLOSED if locks else Lock.OPEN)
    one.does("enter the PIN", PIN)
    one.press(GO_HOME)
    assert lock_of(one.home.work) is (Lock.CLOSED if locks else Lock.OPEN)


def test_a_clock_that_goes_back_keeps_no_code() -> None:
    one = person()
    one.choose("top up")
    one.enter("123")
    one.home.wait(-3600)
    assert one.shown.lines[0] == "import"


def test_nothing_of_a_half_entered_code_outlives_power_restart_or_the_store() -> None:
    for leaves in (False, True):
        one = person()
        before = one.home.held
        one.choose("top up")
        one.enter("1234567890123456789")
        assert one.home.held == before
        if leaves:
            one.restart()
        else:
            one.meter.handle(PowerLost(), one.home.now)
            assert one.shown.lines == ()
            one.press(TAKE, NEXT)
            one.meter.handle(PowerRestored(), one.home.now)
        assert one.shown.lines[0] == "import"
        assert one.choose("top up").lines[1] == "[0]"


def test_codes_are_in_no_repr() -> None:
    one = person()
    one.choose("top up")
    one.enter("98765432109876543")
    assert "98765" not in repr(one.meter._place)


# -- every function -------------------------------------------------------------------------


def test_a_top_up() -> None:
    one = person(
        {"PaymentMode": PREPAID, "MaximumCreditThreshold": 10_000_000, "MaximumMeterBalance": 10_000_000}
    )
    digits = token(5 << 32)
    assert one.does("top up", digits) == "done: add credit"
    assert one.home.item("MeterBalance") == 1_000_000
    assert one.does("top up", digits).startswith("refused: add credit: ")
    assert one.does("top up", "0" * 20).startswith("refused: add credit: ")


def test_a_wrong_mark_is_taken_back() -> None:
    one = person()
    one.choose("top up")
    assert one.enter("12").lines == ("UTRN", "12[0]")
    assert one.press(BACK).lines == ("UTRN", "1[0]")
    assert one.press(BACK, BACK).screen is Screen.MENU


def test_what_is_to_be_done_is_confirmed_and_may_be_left() -> None:
    one = person(ARMED)
    for no in (NEXT, BACK, GO_HOME):
        one.choose("enable supply")
        assert one.shown == Shown(Screen.CONFIRM, ("enable supply?",))
        one.press(no)
        assert state_of(one.home.work) is Supply.ARMED
    assert not one.effects


def test_emergency_credit() -> None:
    one = person(EMERGENCY)
    assert one.does("activate emergency credit") == "done: activate emergency credit"
    assert "activate emergency credit" not in one.menu()
    one.press(GO_HOME)
    assert "credit" in one.titles(Screen.ITEMS)


def test_an_armed_supply_is_enabled() -> None:
    one = person(ARMED)
    assert one.does("enable supply") == "done: enable supply"
    assert state_of(one.home.work) is Supply.ENABLED
    assert Actuate("load switch", True) in one.effects
    assert "enable supply" not in one.menu()


@pytest.mark.parametrize("state", [Supply.ENABLED, Supply.DISABLED])
def test_only_an_armed_supply_is_on_offer(state: Supply) -> None:
    reason = pack(() if state is Supply.ENABLED else (Reason.REMOTE.value,))
    home = Home.new(items={"SupplyState": int(state)}, raw={"supply/reasons": reason})
    assert "enable supply" not in Person(home).menu()


@pytest.mark.parametrize(
    "title", ["enable supply", "pair a device", "unpair a device", "set a PIN", "clear the PIN"]
)
def test_the_pin_is_asked_for_before_what_it_protects(title: str) -> None:
    one = locked(ARMED)
    assert one.choose(title) == Shown(Screen.CODE, ("PIN", "[0]"))
    one.enter(OTHER_PIN)
    assert one.shown == Shown(Screen.CONFIRM, ("enter the PIN?", "****"))
    assert one.confirm() == "refused: enter the PIN: not the PIN"
    one.press(TAKE)
    assert one.choose(title).lines[0] == "PIN"
    one.enter(PIN)
    assert one.confirm() == "done: enter the PIN"
    one.press(TAKE)
    assert one.choose(title).lines[0] != "PIN"


class Slow(Person):
    """Takes some seconds for each press."""

    seconds = 5

    def press(self, *presses: Press) -> Shown:
        for one in presses:
            self.home.wait(self.seconds)
            super().press(one)
        return self.shown


@pytest.mark.parametrize("seconds", [5, 29])
def test_the_pin_does_not_run_out_while_a_device_is_paired(seconds: int) -> None:
    """However long its identifier and passkey take, as long as buttons are pressed."""
    one = Slow(Home.new())
    one.seconds = seconds
    one.does("set a PIN", PIN)
    one.press(GO_HOME)
    assert lock_of(one.home.work) is Lock.CLOSED
    one.does("enter the PIN", PIN)
    entered = one.home.now
    one.choose("pair a device")
    one.enter(str(READER).replace("-", ""))
    one.enter("98979899")
    assert one.home.now.seconds - entered.seconds > PinSettings().open_for
    assert one.confirm().startswith("done: pair")
    one.home.wait(InterfaceSettings().revert_after)
    one.meter.handle(TimerDue(), one.home.now)
    assert lock_of(one.home.work) is Lock.CLOSED


def test_the_pin_runs_out_where_going_back_leaves_it() -> None:
    one = Person(Home.new(), InterfaceSettings(reverting_locks=False))
    one.does("set a PIN", PIN)
    one.home.wait(PinSettings().open_for)
    assert one.choose("pair a device").lines[0] == "PIN"


def test_the_pin_is_set_changed_and_cleared() -> None:
    one = locked()
    one.does("enter the PIN", PIN)
    assert one.does("set a PIN", OTHER_PIN) == "done: set a PIN"
    assert one.does("leave") == "done"
    assert one.does("enter the PIN", PIN).startswith("refused: ")
    one.does("enter the PIN", OTHER_PIN)
    one.press(NEXT)
    assert one.does("clear the PIN") == "done: clear the PIN"
    assert not {"clear the PIN", "enter the PIN", "leave"} & set(one.menu())


@pytest.mark.parametrize(("passkey", "ends"), [("", True), ("1234", True), ("12345678", False)])
def test_a_device_is_paired_and_taken_away(passkey: str, ends: bool) -> None:
    one = person()
    one.choose("pair a device")
    assert one.enter(str(READER)).lines == ("passkey", "[0]")
    one.enter(passkey, ends)
    assert one.confirm() == f"done: pair {READER}"
    assert AdmitToNetwork(READER, passkey) in one.effects
    assert [entry.station for entry in entries(one.home.work)] == [READER]
    assert one.does("unpair a device", str(READER)) == f"done: unpair {READER}"
    assert not list(entries(one.home.work))


def test_boost() -> None:
    one = Person(meter((SWITCH,), BoostFunctionControl1=True))
    assert not {"extend boost", "cancel boost"} & set(one.menu())
    assert one.choose("start boost") == Shown(Screen.CHOICE, ("minutes", "15"))
    one.press(NEXT, NEXT, NEXT, NEXT, NEXT, TAKE)
    assert one.confirm() == "done: boost for 30 minutes"
    one.press(GO_HOME)
    shown = {}
    for _ in one.titles(Screen.ITEMS):
        title, shown[title] = one.press(NEXT).lines
    assert (shown["boost"], shown["controller 1"]) == ("30 minutes left", "100 %")
    assert "controller 2" not in shown
    one.choose("extend boost")
    one.press(TAKE)
    assert one.confirm() == "done: boost 15 minutes longer"
    one.choose("extend boost")
    one.press(NEXT, TAKE)
    assert one.confirm().startswith("refused: ")
    assert one.does("cancel boost") == "done: cancel boost"
    assert "cancel boost" not in one.menu()
    assert "start boost" not in person().menu()


def test_a_message_is_confirmed() -> None:
    one = person({"SupplierMessage": b"Hello"})
    assert one.does("confirm the message") == "confirmed: message 00000001"
    assert "confirm the message" not in one.menu()
    assert "confirm the message" not in person().menu()


def test_a_failing_store_loses_neither_effects_nor_codes() -> None:
    store = Failing()
    one = Person(Home.new(items=ARMED, store=store))
    one.choose("enable supply")
    store.fails = True
    with pytest.raises(StoreError):
        one.press(TAKE)
    assert state_of(one.home.work) is Supply.ARMED
    store.fails = False
    assert one.does("enable supply") == "done: enable supply"


# -- the tables -----------------------------------------------------------------------------


def test_every_row_of_the_table_can_be_followed(monkeypatch: pytest.MonkeyPatch) -> None:
    """By all that the functions of a meter ask for; the PIN set."""
    followed = set()
    original = UserInterface._follow

    def note(self: UserInterface, work: object, row: object, now: object) -> None:
        followed.add(row)
        original(self, work, row, now)  # type: ignore[arg-type]

    monkeypatch.setattr(UserInterface, "_follow", note)
    one = locked(ARMED)
    one.choose("enable supply")
    one.enter(PIN)
    one.confirm()
    one.press(NEXT)
    one.does("enable supply")
    one.press(BACK)
    one.choose("enter the PIN")
    one.enter(PIN)
    one.confirm()
    one.choose("pair a device")
    one.enter(str(READER))
    one.enter("1", ends=True)
    one.press(BACK, BACK, BACK)
    one.choose("top up")
    one.press(NEXT, TAKE, BACK, BACK, TAKE)
    one.enter("0" * 20)
    one.press(NEXT, TAKE, GO_HOME, GO_HOME, TAKE, GO_HOME)
    one.does("top up", "0" * 20)
    one.press(TAKE)
    one.does("top up", "0" * 20)
    one.press(GO_HOME, NEXT, TAKE, TAKE, GO_HOME)
    one.does("enter the PIN", PIN)
    one.choose("clear the PIN")
    one.press(GO_HOME)
    one = Person(meter((SWITCH,), BoostFunctionControl1=True))
    one.choose("start boost")
    one.press(NEXT, BACK)
    one.choose("start boost")
    one.press(GO_HOME)
    one.choose("start boost")
    one.press(TAKE)
    # the passkey stands behind the device and is the last: no code ends early before another
    assert set(TRANSITIONS) - followed == {row for row in TRANSITIONS if row.guard is Guard.END_TO_CODE}


def test_every_screen_is_reached_from_home_by_the_table() -> None:
    reached, waiting = {Screen.ITEMS}, deque([Screen.ITEMS])
    while waiting:
        here = waiting.popleft()
        for row in TRANSITIONS:
            if row.before is here and row.after not in reached:
                reached.add(row.after)
                waiting.append(row.after)
    assert reached == set(Screen)
    for screen in Screen:
        assert any(
            row.before is screen and row.press is Press.HOME and row.act is Act.LEAVE for row in TRANSITIONS
        )


def test_settings_have_ranges() -> None:
    for wrong in ({"revert_after": 0}, {"boost_minutes": ()}, {"boost_minutes": (0,)}, {"pin_digits": 9}):
        with pytest.raises(BuildError):
            InterfaceSettings(**wrong)
