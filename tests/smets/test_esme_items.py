"""The ESME's data items: defaults, limits, sizes, and the arrays that code the payment control."""

from pathlib import Path

import pytest

from gbcs.dlms.objects import Member, MemberKind, by_item, members, model
from gbcs.dlms.types import Value, parse_type
from gbcs.errors import BuildError
from gbcs.ids import DeviceType
from gbcs.time import ACTIVATE_NEVER
from smets.esme import item_rows
from smets.esme.credit_charge import CONTROLS, Control, array, arrays
from smets.esme.items import VARIANTS, item, items
from smets.esme.limits import DIGITS, Among, At, Characters, Each, Length, Limit, Within, between
from smets.values import pack, unpack
from tests.gbcs.reference_dlms import requests

# their default stands for "never set", which no command can bring about again
NEVER_SET = {
    "SupplierMessage",
    "BillingCalendar",
    "NonDisablementCalendar",
    "TariffSwitchingTable.Seasons",
    "TariffSwitchingTable.Weeks",
    "TariffSwitchingTable.Days",
    "SecondaryTariffSwitchingTable.Seasons",
    "SecondaryTariffSwitchingTable.Weeks",
    "SecondaryTariffSwitchingTable.Days",
}


@pytest.mark.parametrize("variant", VARIANTS)
def test_every_default_is_of_its_wire_type_and_legal(variant: str) -> None:
    for one in items(variant):
        assert one.wire.fits(one.default), one.name
        assert one.wire.decode(one.wire.encode(one.default)) == one.default
        assert unpack(pack(one.default)) == one.default
        if one.name.removesuffix(".Passive") in NEVER_SET:
            assert one.refusal(one.default), one.name
        else:
            assert not one.refusal(one.default), one.name


@pytest.mark.parametrize("variant", VARIANTS)
def test_there_is_an_item_behind_every_attribute_the_variant_has(variant: str) -> None:
    absent = {"single": {"twin", "polyphase"}, "twin": {"polyphase"}, "polyphase": {"twin"}}[variant]
    wanted = {
        m.item
        for m in members()
        if m.kind is MemberKind.ATTRIBUTE and DeviceType.ESME in m.devices and not m.flags & absent
    }
    found = items(variant)
    assert {one.name for one in found if one.member} == wanted
    assert len({one.name for one in found}) == len(found)
    for one in found:
        assert item(variant, one.name) == one
        assert one.type == (one.member.wire(variant == "twin").text if one.member else one.type)
        assert one.settable == (one.member is not None and "set" in one.member.access)


def test_no_row_is_for_an_item_that_is_not_there() -> None:
    names = {one.name for variant in VARIANTS for one in items(variant)}
    assert {row[0] for row in item_rows.ROWS} <= names
    assert set(item_rows.LOG_SECTIONS) == {
        one.name for variant in VARIANTS for one in items(variant) if one.capacity
    }
    internal = {row[0] for row in item_rows.INTERNAL}
    assert internal <= names
    assert not internal & {m.item for m in members()}


def test_items_can_be_left_out_and_unknown_ones_are_refused() -> None:
    plain = items("single", frozenset({"aux", "boost", "legacy"}))
    assert not any(one.name.startswith(("Auxiliary", "Boost")) for one in plain)
    assert len(plain) < len(items("single"))
    for variant, name in (("single", "SecondaryTariffPriceMatrix"), ("single", "Nothing")):
        with pytest.raises(BuildError):
            item(variant, name)
    with pytest.raises(BuildError):
        items("three-phase")


@pytest.mark.parametrize(
    ("name", "entries"),
    [
        ("ProfileDataLog.ActiveImport", 19056),
        ("ProfileDataLog.ReactiveImport", 4464),
        ("ProfileDataLog.Export", 4464),
        ("AverageRMSVoltageProfileDataLog.Phase1", 4320),
        ("DailyConsumptionLog", 731),
        ("EventLog", 100),
        ("SecurityLog", 100),
        ("PowerEventLog", 100),
        ("AuxiliaryControllerEventLog", 100),
        ("DailyReadLog.Import", 31),
        ("DailyReadLog.Export", 31),
        ("PrepaymentDailyReadLog", 31),
        ("BoostFunctionEventLog", 25),
        ("BillingDataLog.CalendarRegisters", 12),
        ("BillingDataLog.CalendarPrepayment", 12),
        ("BillingDataLog.ModeOrTariffChange", 12),
        ("BillingDataLog.PaymentDebtPayments", 10),
        ("BillingDataLog.PrepaymentCredits", 5),
        ("MeterBalance", 0),
    ],
)
def test_log_sizes(name: str, entries: int) -> None:
    log = item("single", name)
    assert log.capacity == entries
    if entries:
        entry = parse_type(log.type).default()
        assert entry == ()
        assert log.section


def _with(value: Value, place: int, element: Value) -> Value:
    assert isinstance(value, tuple)
    return (*value[:place], element, *value[place + 1 :])


WINDOW = item("single", "MaximumDemandConfigurableTimePeriod").default
PRICES = item("single", "TariffPriceMatrix").default
CHARGE = item("single", "StandingCharge").default
SEASON = (b"summer", bytes.fromhex("FFFF0601FF000000008000FF"), b"\x01")


def _day(selector: int) -> Value:
    return ((1, ((bytes(4), bytes.fromhex("00000A0064FF"), selector),)),)


def _switch(selector: int) -> Value:
    scripts = bytes.fromhex("00000A006AFF")
    return ((1, True, scripts, selector, bytes(4), 65535, "1111111", "", b"\xff" * 5, b"\xff" * 5),)


@pytest.mark.parametrize(
    ("name", "good", "bad"),
    [
        ("RandomisedOffsetLimit", (0, 900, 1799), (1800, -1, None)),
        ("RandomisedOffsetNumber", (1, 10000), (0, 10001)),
        ("DebtRecoveryPerPayment", (0, 10000), (10001,)),
        ("DebtRecoveryRates1.Period", (3600, 86400), (0, 604800)),
        ("DebtRecoveryRateCap.Period.Passive", (604800,), (86400,)),
        ("DebtRecoveryRateCap.Amount.Passive", (0, 65535), (65536,)),
        ("DisablementThreshold.Passive", (-(2**31), 0), (2**31, (0,))),
        ("SupplierMessage", (b"x", b" ~" * 58), (b"", b"x" * 117, b"\x1f", b"\x7f", "x")),
        ("ContactDetails.Name", (b"", b"A" * 15), (b"A" * 16,)),
        ("ContactDetails.TelephoneNumber", (b"0333 202 4650",), (b"+44 1", b"0" * 19)),
        ("CustomerIdentificationNumber", (b"1234",), (b"12a4", b"123")),
        (
            "MeterPointAdministrationNumber.Import",
            (b"1" * 13, b"MPAN 45678901"),
            (b"1" * 14, b"1" * 26, b"12345678901\xc3\xa9"),
        ),
        ("AuxiliaryController1.Description", ("", "x" * 22), ("x" * 23, "\n")),
        ("AuxiliaryController1.TypeAndIdentifier", (b"", b"\xff", bytes(8)), (bytes(2),)),
        ("PaymentMode.Passive", ((1, 1), (2, 1)), ((3, 1), (1, 2))),
        (
            "BillingCalendar",
            (((bytes(4), b"\xff\xff\xff\x1c\xff"),),),
            ((), ((bytes(4), b"\xff\xff\xff\x1d\xff"),)),
        ),
        ("TariffBlockCounterMatrix.DailyResetting", ((), ((bytes(4), b"\xff" * 5),)), (((bytes(4), b""),),)),
        ("TariffThresholdMatrix.TOU1.Passive", ((1,), (1, 2, 3)), ((), (1, 2, 3, 4))),
        ("TariffSwitchingTable.Seasons.Passive", ((SEASON,) * 4,), ((), (SEASON,) * 5)),
        (
            "TariffSwitchingTable.Days.Passive",
            (_day(1), _day(48), _day(101), _day(108)),
            (_day(0), _day(49), _day(201)),
        ),
        ("NonDisablementCalendar.Passive", (_switch(32), _switch(33)), (_switch(34), ())),
        ("StandingCharge.Passive", (CHARGE,), (_with(CHARGE, 0, (3, -5)), _with(CHARGE, 2, ()))),
        ("TariffPriceMatrix.Passive", (PRICES, _with(PRICES, 0, (3, 0))), (_with(PRICES, 0, (0, 0)), CHARGE)),
        ("MaximumDemandConfigurableTimePeriod", (WINDOW,), (WINDOW[::-1], WINDOW[:1])),  # type: ignore[index]
        ("AverageRMSVoltageMeasurementPeriod.Phase1", (1, 1800), (0,)),
        ("Time.ClockBase", (5,), (4,)),
    ],
)
def test_limits(name: str, good: tuple[Value, ...], bad: tuple[Value, ...]) -> None:
    one = item("single", name)
    for value in good:
        assert one.refusal(value) == "", value
    for value in bad:
        assert one.refusal(value), value


def test_the_price_matrix_has_its_80_indexes() -> None:
    matrix = item("single", "TariffPriceMatrix")
    entries = matrix.default[2]  # type: ignore[index]
    indexes = [index.hex() for index, _ in entries]  # type: ignore[union-attr]
    assert len(indexes) == 80
    assert indexes[:2] + indexes[47:50] + indexes[-1:] == ["01", "02", "30", "a1", "a2", "d8"]
    swapped = _with(entries, 0, (b"\x02", 0))
    assert ".2 .0 .0" in matrix.refusal(_with(matrix.default, 2, swapped))


def test_a_secondary_element_switches_by_its_own_scripts() -> None:
    days = item("twin", "SecondaryTariffSwitchingTable.Days.Passive")
    assert not days.refusal(_day(201))
    assert days.refusal(_day(1))


def test_a_variant_has_its_letter_and_its_forms() -> None:
    assert [item(v, "MeterVariant").default for v in VARIANTS] == [b"A", b"B", b"C"]
    assert item("twin", "MeterVariant").refusal(b"A")
    shapes = {v: len(item(v, "ImportRegisterCollection").default) for v in VARIANTS}  # type: ignore[arg-type]
    assert shapes == {"single": 4, "twin": 5, "polyphase": 4}
    assert item("twin", "SecondaryTariffTOURegisterMatrix.TOU4").default == 0


def test_rules_for_items_without_a_row() -> None:
    assert item("single", "LoadLimitPeriod.ActivationTime").default == ACTIVATE_NEVER
    assert item("single", "LoadLimitCounter.ScalerUnit").default == (0, 255)
    assert item("single", "DisablementThreshold").default == (0,)
    assert item("single", "DisablementThreshold.Passive").default == 0
    mask = item("single", "SupplierLogging.MaskAndActions")
    assert mask.default == "0" * 512
    assert mask.section == item("single", "SupplierLogging").section
    assert item("single", "LoadLimitPeriod.Passive").section == item("single", "LoadLimitPeriod").section


@pytest.mark.parametrize(
    ("limit", "good", "bad"),
    [
        (between(1, 3), (1, 3), (0, 4, b"", None)),
        (Within(((1, 2), (9, 9))), (1, 2, 9), (3, 8, 10)),
        (Among((b"a", 5)), (b"a", 5), (b"b", 6)),
        (Length(1, 2), (b"x", "xy", (1,)), (b"", "xyz", (), 1)),
        (Characters(DIGITS), (b"", b"07", "42"), (b"0x", b"1 1", "é")),
        (Each(between(0, 1)), ((), (0, 1)), ((0, 2),)),
        (At(1, between(0, 1)), ((9, 1), b"\x09\x01"), ((0, 2), b"\x00\x02")),
    ],
)
def test_a_limit_gives_a_reason_or_nothing(
    limit: Limit, good: tuple[Value, ...], bad: tuple[Value, ...]
) -> None:
    assert [limit.refusal(value) for value in good] == [""] * len(good)
    assert all(limit.refusal(value) for value in bad)


# -- payment control ------------------------------------------------------------------------


def test_ten_arrays_tell_ten_combinations_apart() -> None:
    assert len(arrays(False)) == len(arrays(True)) == 5
    assert not set(arrays(False)) & set(arrays(True))
    for twin in (False, True):
        for control in CONTROLS:
            assert arrays(twin)[array(control, twin)] == control
        configuration = item("twin" if twin else "single", "CreditChargeConfiguration.Passive")
        for legal in arrays(twin):
            assert configuration.refusal(legal) == ""
            assert configuration.refusal(legal[:-1])
            assert configuration.refusal(legal[::-1])
        for other in arrays(not twin):
            assert configuration.refusal(other)


def test_the_rows_of_an_array_follow_the_two_suspensions() -> None:
    def bits(control: Control) -> str:
        return "".join("." if row[2] == "110" else "#" for row in array(control, False))

    assert [bits(control) for control in CONTROLS] == [
        "##",
        "##..####..###",
        "#" * 13,
        "##..####..",
        "#" * 10,
    ]
    twin = array(CONTROLS[1], True)
    assert [(row[0][4], row[1][4]) for row in twin[-2:]] == [(0, 5), (1, 5)]


# -- against the reference --------------------------------------------------------------


def test_every_value_a_reference_command_sets_is_legal(reference: Path) -> None:
    """On one variant or another: the set has commands for all of them."""
    seen = set()
    for where, _, apdu in requests(reference):
        for request in apdu.items:
            member = model().find(request.choice, request.class_id, request.logical_name, request.member)
            assert isinstance(member, Member)
            if request.choice != 2 or DeviceType.ESME not in member.devices:
                continue
            value = member.any_wire().decode(request.data)
            reasons = [
                found.refusal(value)
                for variant in VARIANTS
                for found in items(variant)
                if found.name == member.item
            ]
            assert "" in reasons, (where, member.item, reasons)
            seen.add(member.item)
    settable = {one.name for variant in VARIANTS for one in items(variant) if one.settable}
    assert len(seen) > len(settable) // 2


def test_the_payment_arrays_of_the_reference_are_legal_ones(reference: Path) -> None:
    passive = by_item("CreditChargeConfiguration.Passive")
    found = set()
    for _, _, apdu in requests(reference):
        for request in apdu.items:
            if (request.class_id, request.logical_name, request.member) == (111, passive.logical_name, 11):
                value = passive.wire().decode(request.data)
                found |= {twin for twin in (False, True) if value in arrays(twin)}
                assert value in arrays(False) or value in arrays(True)
    assert found
