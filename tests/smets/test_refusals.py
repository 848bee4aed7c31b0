"""What a meter refuses, what it does where the reference infers a rule or is silent, by either setting."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, replace
from typing import Any

import pytest

from gbcs.dlms.templates import templates
from gbcs.time import ACTIVATE_NEVER, ACTIVATE_NOW
from gbcs.usecases import by_name
from smets.behaviours.auxiliary_rules import calendar_script
from smets.device import Device
from smets.esme.credit_charge import CONTROLS, Control, array, arrays, mismatch
from smets.esme.items import items
from smets.esme.limits import CalendarDate, TimeOfDay
from smets.esme.meter import EsmeOptions, esme_profile
from smets.esme.refusals import DEFAULT_REFUSALS, RefusalSettings, auxiliary_scripts
from smets.esme.switching_table import incomplete
from smets.events import Metrology, TimerDue
from smets.values import Value
from tests.smets.homes import Home, alerts_in, component_member
from tests.smets.prepaid import price

HOUR = 3600
SUCCEEDED, FAILED = 0x8F66, 0x8F67
TARIFF = bytes.fromhex("00000A0064FF")
AUXILIARY = bytes.fromhex("00000A0067FF")
SUPPLY = bytes.fromhex("00000A006AFF")
ANY_DAY = b"\xff" * 5
LENIENT = {
    "array_follows_mode": False,
    "open_times": True,
    "block_reset_at_any_time": True,
    "unknown_auxiliary_scripts": True,
}
STRICT = dict.fromkeys(("open_times", "block_reset_at_any_time", "unknown_auxiliary_scripts"), False)
CREDIT, PREPAYMENT = 1, 2


def meter(variant: str = "single", items: Mapping[str, Value] | None = None, **settings: bool) -> Home:
    """A meter with settings that differ from the default ones."""
    home = Home.new(variant, items=dict(items or {}))
    if settings:
        options = EsmeOptions(variant, refusals=replace(DEFAULT_REFUSALS, **settings))
        home.device = Device(esme_profile(options), home.store, home.now)
    return home


def lenient_meter() -> Home:
    """A meter that takes what the reference only infers to be wrong."""
    return meter("single", None, **LENIENT)


def asked(home: Home, name: str, given: Mapping[str, Value], when: bytes = ACTIVATE_NOW) -> dict[str, int]:
    """Send a command with some values of its items, legal ones for the others: the result of each item."""
    (template,) = templates(by_name(name).code or 0)
    members = [component_member(template, n) for n in range(len(template.components))]
    names = [one.item for one in members if one is not None]
    values = home.values(by_name(name), when)
    assert set(given) <= set(names)
    assert len(values) == len(names)
    home.wait(1)
    reply = home.run(name, [given.get(n, value) for n, value in zip(names, values, strict=True)])
    return dict(zip(names, reply.results, strict=True))


def setting(home: Home, name: str, item: str, value: Value) -> int:
    """The result of an item set to a value."""
    return asked(home, name, {item: value})[item]


# -- payment mode and its array ---------------------------------------------------------------


def controlled(
    home: Home, name: str, mode: int, control: Control, when: bytes = ACTIVATE_NOW
) -> dict[str, int]:
    configuration = array(control, home.variant == "twin")
    given: dict[str, Value] = {
        "PaymentMode.Passive": (mode, 1),
        "CreditChargeConfiguration.Passive": configuration,
    }
    return asked(home, name, given, when)


@pytest.mark.parametrize("variant", ["single", "twin"])
def test_five_combinations_are_taken_and_five_are_refused(variant: str) -> None:
    taken = {
        (mode, control)
        for mode in (CREDIT, PREPAYMENT)
        for control in CONTROLS
        if not any(controlled(meter(variant), "ECS02", mode, control).values())
    }
    assert taken == {(control.mode, control) for control in CONTROLS}


@pytest.mark.parametrize("name", ["ECS02", "ECS03"])
@pytest.mark.parametrize("mode", [CREDIT, PREPAYMENT])
def test_an_array_of_another_mode_is_refused_and_the_meter_stays_as_it_was(name: str, mode: int) -> None:
    home = meter()
    before = [home.item(item) for item in ("PaymentMode", "CreditChargeConfiguration")]
    held = home.item("CreditChargeConfiguration.Passive")
    control = CONTROLS[1] if mode == CREDIT else CONTROLS[0]
    results = controlled(home, name, mode, control)
    assert results["PaymentMode.Passive"] == 0
    assert results["CreditChargeConfiguration.Passive"] == 250
    assert results["PaymentMode.ActivationTime"] == 250
    assert [home.item(item) for item in ("PaymentMode", "CreditChargeConfiguration")] == before
    assert home.item("CreditChargeConfiguration.Passive") == held


def test_otherwise_they_are_judged_when_they_become_active() -> None:
    home = meter(array_follows_mode=False)
    before = home.item("PaymentMode")
    results = controlled(home, "ECS02", CREDIT, CONTROLS[1])
    assert results["CreditChargeConfiguration.Passive"] == 0
    assert results["PaymentMode.ActivationTime"] == 250
    later = home.now.plus(HOUR)
    assert not any(controlled(home, "ECS02", CREDIT, CONTROLS[1], later.to_cosem()).values())
    home.now = later
    assert [alert.code for alert in alerts_in(home.handle(TimerDue()))] == [FAILED]
    assert home.item("PaymentMode") == before
    assert not any(controlled(home, "ECS02", CREDIT, CONTROLS[1], ACTIVATE_NEVER).values())


@pytest.mark.parametrize("control", CONTROLS[1:])
def test_a_refused_command_leaves_no_sixth_combination_to_an_older_instruction(control: Control) -> None:
    """Its mode stands beside the older array until the time of the older one."""
    home = meter()
    later = home.now.plus(HOUR)
    assert not any(controlled(home, "ECS03", PREPAYMENT, control, later.to_cosem()).values())
    assert any(controlled(home, "ECS02", CREDIT, CONTROLS[1]).values())
    before = home.item("PaymentMode"), home.item("CreditChargeConfiguration")
    home.now = later
    codes = {alert.code for alert in alerts_in(home.handle(TimerDue()))}
    assert codes == {SUCCEEDED, FAILED}  # of the Disablement Threshold, of the mode
    assert (home.item("PaymentMode"), home.item("CreditChargeConfiguration")) == before


@pytest.mark.parametrize("twin", [False, True])
def test_a_mode_and_an_array_fit_together_or_not(twin: bool) -> None:
    for held, control in arrays(twin).items():
        assert mismatch((control.mode, 1), held, twin) == ""
        assert mismatch((3 - control.mode, 1), held, twin)
        assert mismatch((control.mode, 1), held, not twin)
    for wrong in ((), None, 1):
        assert mismatch(wrong, array(CONTROLS[0], twin), twin)


# -- contents of calendars --------------------------------------------------------------------


def billing(time: str = "00000000", date: str = "FFFFFF01FF") -> Value:
    return ((bytes.fromhex(time), bytes.fromhex(date)),)


def switch(
    script: bytes, selector: int, time: str = "01000000", begin: bytes = ANY_DAY, end: bytes = ANY_DAY
) -> Value:
    return ((1, True, script, selector, bytes.fromhex(time), 0xFFFF, "1111111", "", begin, end),)


def day(time: str) -> Value:
    return ((1, ((bytes.fromhex(time), TARIFF, 1),)),)


def window(time: str) -> Value:
    (start, end), scripts = (bytes.fromhex(time), bytes.fromhex("16000000")), bytes.fromhex("00000A8064FF")
    first = bytes.fromhex("000001FFFF")
    return tuple(
        (n, True, scripts, n + 1, at, 0xFFFF, "1111111", "", first, ANY_DAY)
        for n, at in enumerate((start, end))
    )


MIDNIGHT = bytes(4)
NO_MONTH, NO_DAY, NO_WEEKDAY = (bytes.fromhex(text) for text in ("FFFF0D01FF", "FFFF0120FF", "FFFF010108"))
RESET, AUX, SUPPLIED = (
    "TariffBlockCounterMatrix.DailyResetting",
    "AuxiliaryControllerCalendar.Passive",
    "NonDisablementCalendar.Passive",
)
DAYS, SEASONS = "TariffSwitchingTable.Days.Passive", "TariffSwitchingTable.Seasons.Passive"
WINDOW = "MaximumDemandConfigurableTimePeriod"
TAKEN: list[tuple[str, str, Value]] = [
    ("ECS30a", "BillingCalendar", billing()),
    ("ECS30a", "BillingCalendar", billing("17 3B 3B 63", "FFFF 0C 1C 07")),
    ("ECS30a", "BillingCalendar", billing("0C 00 FF FF", "FFFF FF FF 01")),
    ("ECS48", RESET, ()),
    ("ECS48", RESET, ((MIDNIGHT, ANY_DAY),)),
    ("ECS46d", AUX, switch(AUXILIARY, 0x11E4)),
    ("ECS46d", AUX, switch(AUXILIARY, 0x2580)),
    ("ECS46d", AUX, switch(AUXILIARY, 0x0102)),
    ("ECS46d", AUX, switch(AUXILIARY, 0x1180, begin=bytes.fromhex("FFFF02FEFF"))),
    ("ECS08a", SUPPLIED, switch(SUPPLY, 32, "17 3B 00 00")),
    ("ECS01a", DAYS, day("17 3B 3B 00")),
    ("ECS37", WINDOW, window("11000000")),
]
REFUSED: list[tuple[str, str, Value]] = [
    ("ECS30a", "BillingCalendar", billing(date="FFFF0D01FF")),
    ("ECS30a", "BillingCalendar", billing(date="FFFFFD01FF")),
    ("ECS30a", "BillingCalendar", billing(date="FFFFFF00FF")),
    ("ECS30a", "BillingCalendar", billing(date="FFFFFF1DFF")),
    ("ECS30a", "BillingCalendar", billing(date="FFFFFFFEFF")),
    ("ECS30a", "BillingCalendar", billing(date="FFFFFFFF09")),
    ("ECS30a", "BillingCalendar", billing(date="FFFFFFFF00")),
    ("ECS30a", "BillingCalendar", billing("63000000")),
    ("ECS30a", "BillingCalendar", billing("003C0000")),
    ("ECS30a", "BillingCalendar", billing("00003C00")),
    ("ECS48", RESET, ((bytes.fromhex("18000000"), ANY_DAY),)),
    ("ECS46d", AUX, switch(AUXILIARY, 0x1164, "18000000")),
    ("ECS46d", AUX, switch(AUXILIARY, 0x1164, begin=NO_MONTH)),
    ("ECS46d", AUX, switch(AUXILIARY, 0x1164, end=NO_DAY)),
    ("ECS46d", "AuxiliaryControllerCalendar.SpecialDays.Passive", ((1, NO_MONTH, 1),)),
    ("ECS08a", SUPPLIED, switch(SUPPLY, 32, "003C0000")),
    ("ECS08a", SUPPLIED, switch(SUPPLY, 32, begin=NO_WEEKDAY)),
    ("ECS08a", "NonDisablementCalendar.SpecialDays.Passive", ((1, NO_DAY, 1),)),
    ("ECS01a", DAYS, day("63630000")),
    ("ECS01a", SEASONS, ((b"all", NO_MONTH + bytes.fromhex("000000008000FF"), b"\x01"),)),
    ("ECS01a", SEASONS, ((b"all", ANY_DAY + bytes.fromhex("180000008000FF"), b"\x01"),)),
    ("ECS01a", "TariffSwitchingTable.SpecialDays.Passive", ((1, NO_DAY, 1),)),
    ("ECS37", WINDOW, window("18000000")),
    ("ECS37", WINDOW, window("63000000")),
]
OPEN: list[tuple[str, str, Value]] = [  # by the settings
    ("ECS30a", "BillingCalendar", billing("FF000000")),
    ("ECS30a", "BillingCalendar", billing("00FF0000")),
    ("ECS48", RESET, ((bytes.fromhex("071E0000"), ANY_DAY),)),
    ("ECS48", RESET, ((MIDNIGHT, bytes.fromhex("FFFFFF01FF")),)),
    ("ECS46d", AUX, switch(AUXILIARY, 0x1164, "FF000000")),
    *(("ECS46d", AUX, switch(AUXILIARY, n)) for n in (0x0000, 0x9999, 0x11FF, 0x1165, 0x1664, 0x0103)),
    ("ECS08a", SUPPLIED, switch(SUPPLY, 33, "FFFFFFFF")),
    ("ECS01a", DAYS, day("00FF0000")),
    ("ECS37", WINDOW, window("FF000000")),
]


@pytest.mark.parametrize(("name", "item", "value"), TAKEN)
def test_contents_inside_the_ranges_are_taken(name: str, item: str, value: Value) -> None:
    home = meter()
    assert setting(home, name, item, value) == 0
    assert home.item(item) == value


@pytest.mark.parametrize(("name", "item", "value"), REFUSED)
def test_contents_outside_the_ranges_are_refused_by_any_setting(name: str, item: str, value: Value) -> None:
    for home in (meter(), lenient_meter()):
        before = home.item(item)
        assert setting(home, name, item, value) == 250
        assert home.item(item) == before


@pytest.mark.parametrize(("name", "item", "value"), OPEN)
def test_contents_that_are_inferred_are_refused_or_taken_by_settings(
    name: str, item: str, value: Value
) -> None:
    strict, lenient = meter("single", None, **STRICT), lenient_meter()
    assert setting(strict, name, item, value) == 250
    assert setting(lenient, name, item, value) == 0
    assert strict.item(item) != value
    assert lenient.item(item) == value
    lenient.wait(HOUR)
    lenient.handle(TimerDue())
    lenient.handle(Metrology(import_wh=10))


def test_the_scripts_of_an_auxiliary_calendar_are_those_it_carries_out() -> None:
    scripts = auxiliary_scripts()
    taken = {n for lo, hi in scripts.ranges for n in range(lo, hi + 1)}
    assert taken == {n for n in range(0x10000) if calendar_script(n) is not None}


def test_each_setting_changes_what_is_refused_and_no_default() -> None:
    def refused(settings: RefusalSettings) -> dict[str, Any]:
        return {one.name: one.limits for one in items("single", frozenset(), settings)}

    standard = refused(replace(DEFAULT_REFUSALS, **STRICT))
    for name in STRICT:
        other = refused(replace(DEFAULT_REFUSALS, **{**STRICT, name: True}))
        assert {item for item in standard if len(other[item]) < len(standard[item])}
        assert all(set(other[item]) <= set(standard[item]) for item in standard)
    assert {field.name for field in fields(RefusalSettings)} == {*LENIENT, "checks_switching_table"}
    assert all(one.refusal(one.default) == "" for one in items("twin") if one.settable and one.default)


@pytest.mark.parametrize(
    ("limit", "good", "bad"),
    [
        (TimeOfDay(), ("00000000", "173B3B63", "FFFFFFFF"), ("18000000", "003C0000", "00003C00", "00000064")),
        (TimeOfDay(False), ("0000FFFF",), ("FF000000", "00FF0000", "000000")),
        (TimeOfDay(start=1), ("FF173B3B63",), ("0018000000", "00000000")),
        (
            CalendarDate(),
            ("07DF0101FF", "FFFFFDFEFF", "FFFFFEFDFF", "0000011F07"),
            ("FFFF0001FF", "FFFFFFFFFE"),
        ),
        (CalendarDate(28, False), ("FFFF0C1C07",), ("FFFFFDFFFF", "FFFFFFFEFF", "FFFFFF1DFF", "FFFF")),
    ],
)
def test_times_and_dates_are_judged_octet_by_octet(
    limit: TimeOfDay | CalendarDate, good: tuple[str, ...], bad: tuple[str, ...]
) -> None:
    assert [limit.refusal(bytes.fromhex(text)) for text in good] == [""] * len(good)
    assert all(limit.refusal(bytes.fromhex(text)) for text in bad)
    assert all(limit.refusal(value) for value in (None, 0, "", (), b""))


# -- the parts of a switching table -----------------------------------------------------------

FLAT = price(20)
SEASON = FLAT["TariffSwitchingTable.Seasons"]
OTHER_SEASON = ((b"all", bytes.fromhex("FFFF0101FF000000008000FF"), b"\x02"),)
DANGLING: list[dict[str, Value]] = [
    {"TariffSwitchingTable.Weeks": ((b"\x01", *(9,) * 7),)},
    {"TariffSwitchingTable.Weeks": ((b"\x01", *(1,) * 6, 2),)},
    {"TariffSwitchingTable.Seasons": OTHER_SEASON},
]


def tariff(home: Home, parts: Mapping[str, Value]) -> dict[str, int]:
    given = {**FLAT, "TariffSwitchingTable.SpecialDays": (), **parts}
    return asked(home, "ECS01a", {f"{name}.Passive": value for name, value in given.items()})


@pytest.mark.parametrize("parts", DANGLING[::2])
def test_without_a_day_nothing_is_in_force_and_consumption_costs_nothing(parts: Mapping[str, Value]) -> None:
    home = meter()
    assert not any(tariff(home, parts).values())
    before = home.item("MeterBalance"), home.item("ActiveImportRegister")
    home.handle(Metrology(import_wh=1000))
    assert (home.item("MeterBalance"), home.item("ActiveImportRegister")) == (before[0], before[1] + 1000)  # type: ignore[operator]
    home.wait(1)
    assert not any(tariff(home, {}).values())
    home.handle(Metrology(import_wh=1000))
    assert home.item("MeterBalance") == before[0] - 20_000  # type: ignore[operator]


@pytest.mark.parametrize("parts", DANGLING)
def test_a_table_that_names_what_it_has_not_can_be_refused(parts: Mapping[str, Value]) -> None:
    home = meter(checks_switching_table=True)
    results = tariff(home, parts)
    assert results["TariffSwitchingTable.ActivationTime"] == 250
    assert home.item("TariffSwitchingTable.Days") == ()
    assert not any(tariff(home, {}).values())
    assert home.item("TariffSwitchingTable.Seasons") == SEASON


def test_what_a_table_lacks() -> None:
    names = ("Seasons", "Weeks", "Days")
    table = {name: FLAT[f"TariffSwitchingTable.{name}"] for name in names}
    for prefix in ("TariffSwitchingTable.", "SecondaryTariffSwitchingTable."):
        assert incomplete({prefix + name: value for name, value in table.items()}) == ""
    assert "day 9" in incomplete({**table, "Weeks": ((b"\x01", *(9,) * 7),)})
    assert "week" in incomplete({**table, "Seasons": OTHER_SEASON})
    assert incomplete(dict.fromkeys(names, ())) == ""


# -- meter point numbers ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("variant", "number", "result"),
    [
        ("single", b"1312345678333", 0),
        ("polyphase", b"1312345678333", 0),
        ("twin", b"1312345678333", 0),
        ("twin", b"13123456783331312345678444", 0),
        ("single", b"13123456783331312345678444", 250),
        ("polyphase", b"13123456783331312345678444", 250),
        ("single", b"\xff" * 13, 250),
        ("single", "1234567890\u00e9a".encode(), 250),  # 12 characters
        ("twin", b"1312345678333" + b"\x80" * 13, 250),
    ],
)
def test_a_meter_point_number_has_13_characters(variant: str, number: bytes, result: int) -> None:
    home = meter(variant)
    assert setting(home, "ECS39a", "MeterPointAdministrationNumber.Import", number) == result
    if len(number) == 13:
        assert setting(home, "ECS39b", "MeterPointAdministrationNumber.Export", number) == result
