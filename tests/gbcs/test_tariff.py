"""Tariffs: one structure for electricity and gas, to values of messages and back without loss."""

from __future__ import annotations

import copy
import json
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import gbcs
from gbcs.errors import BuildError
from gbcs.ids import Kind
from gbcs.message import parse_message
from gbcs.named.common import Place
from gbcs.named.payload import read_values
from gbcs.tariff import electricity, gas, money, text
from gbcs.tariff.limits import SECONDARY, Rules
from gbcs.tariff.messages import USE_CASES, tariff_json, tariff_of, tariff_values
from gbcs.tariff.model import Tariff
from gbcs.tariff.text import from_json, to_json
from gbcs.time import Utc
from gbcs.usecases import by_code
from gbcs.values import json_form
from tests.gbcs.reference_messages import octets
from tests.gbcs.tariffs import (
    BY_USE_CASE,
    ELECTRICITY,
    GAS_BLOCK,
    GAS_TOU,
    LIMITS,
    SECOND,
    put,
    tariffs,
)

SENT = Utc.of(2031, 1, 2, 3, 4, 5)
READ = ("ECS24", "ECS24b", "GCS21f")
COMMANDS = tuple(name for name in USE_CASES if name not in READ)
PRICES_ONLY = ("ECS01b", "ECS01d", "GCS01b")
SUPPLIER, METER = "90B3D51F30000001", "00DB123456780001"


def kind_of(use_case: str) -> Kind:
    return Kind.RESPONSE if use_case in READ else Kind.COMMAND


def values_of(tariff: Tariff, use_case: str) -> dict[str, Any]:
    module = gas if use_case.startswith("G") else electricity
    return module.values(tariff, use_case)


def read(values: dict[str, Any], use_case: str) -> Tariff:
    found = tariff_of(use_case, kind_of(use_case), values)
    assert found is not None
    return found


def carried(tariff: Tariff, use_case: str) -> Tariff:
    """What is left of a tariff in a message that carries its prices only, or is an answer."""
    without: dict[str, Any] = {}
    if use_case in PRICES_ONLY:
        without = dict.fromkeys(("seasons", "weeks", "days", "special_days", "thresholds"))
    if use_case in ("ECS01b", "ECS01c", "ECS01d", "ECS24b"):
        without["currency"] = None
    if LIMITS[use_case] is SECONDARY:
        without["standing_charge"] = without["thresholds"] = None
    if use_case in READ:
        without["activation"] = None
    return replace(tariff, **without)


# -- there and back -----------------------------------------------------------------------


@pytest.mark.parametrize("use_case", USE_CASES)
@given(data=st.data())
def test_a_tariff_survives_its_values(use_case: str, data: st.DataObject) -> None:
    tariff = data.draw(tariffs(LIMITS[use_case]))
    values = values_of(tariff, use_case)
    found = read(values, use_case)
    assert values_of(found, use_case) == values
    if use_case == "GCS01b":  # carries how many thresholds there are, which prices alone may not tell
        found = replace(found, other={}, left_out=())
    assert found == carried(tariff, use_case)
    assert read(json.loads(json.dumps(json_form(values))), use_case) == read(values, use_case)


@pytest.mark.parametrize("use_case", ["ECS01a", "ECS01d", "GCS21f"])
@given(data=st.data())
def test_a_tariff_survives_its_text(use_case: str, data: st.DataObject) -> None:
    tariff = carried(data.draw(tariffs(LIMITS[use_case])), use_case)
    assert from_json(json.loads(json.dumps(to_json(tariff)))) == tariff


@pytest.mark.parametrize("use_case", USE_CASES)
def test_a_tariff_survives_its_message(use_case: str) -> None:
    given = BY_USE_CASE[use_case]
    values = tariff_values(use_case, given, SENT)
    message = gbcs.build(
        use_case, originator=SUPPLIER, recipient=METER, counter=5, kind=kind_of(use_case), **_answered(values)
    )
    decoded = gbcs.decode(message)
    assert decoded.irregular is None
    found = tariff_json(use_case, message.kind, decoded.values)
    assert found is not None
    values = tariff_values(use_case, found)
    assert values == decoded.values
    for part in ("seasons", "weeks", "days", "tou_prices", "block_prices"):
        if part in found and part in given and found[part] != {}:
            assert found[part] == _spelled(given[part])


def _answered(values: dict[str, Any]) -> dict[str, Any]:
    """With the answers a response needs besides the tariff."""
    for name in ("ActiveTariffPrice", "SecondaryActiveTariffPrice"):
        if (
            name.removesuffix("ActiveTariffPrice") + "TariffPriceMatrix" in values
            and "ActivationTime" not in values
        ):
            values[name] = 31000  # fmt: skip
    if "Tier1Block1Price" in values:
        values.update(dict.fromkeys((f"NoTierBlock{n}Price" for n in range(1, 5)), 0))
        values.update(dict.fromkeys((f"Block{n}Threshold" for n in range(1, 4)), 0))
        values.update(ThresholdDivisor=1000, ThresholdMultiplier=1, UnitOfMeasure="kWh")
        values["PublishPrice"] = {"status": "NOT_FOUND"}
    return values


def _spelled(part: Any) -> Any:
    return json.loads(json.dumps(part).replace('00 block"', '00 block TOU 1"'))


@pytest.mark.parametrize("use_case", USE_CASES)
def test_every_value_of_a_message_comes_back(use_case: str) -> None:
    """Whatever a leaf is changed to, its value is not lost."""
    values = json_form(tariff_values(use_case, BY_USE_CASE[use_case], SENT))
    changed = 0
    for place in _leaves(values):
        for value in (0, 2, 77, 254, "41", "2031-06-05", None, [], {"status": "NOT_FOUND"}):
            spoilt = copy.deepcopy(values)
            put(spoilt, place, value)
            try:
                tariff = read(spoilt, use_case)
            except BuildError:
                continue  # not a value that can stand there
            again = _unchecked(tariff, use_case)
            whole = tariff_of(use_case, kind_of(use_case), again)
            assert whole == tariff
            assert _equal(json_form(again), spoilt, values, place)
            form = json.loads(json.dumps(to_json(tariff)))
            assert json_form(_unchecked(from_json(form), use_case)) == json_form(again)
            changed += 1
    assert changed > 20


ODD = [
    ("TariffSwitchingTable.Weeks", 0, "week_profile_name", "3132"),
    ("TariffSwitchingTable.Weeks", 0, "week_profile_name", "FF00"),
    ("TariffSwitchingTable.Weeks", 0, "week_profile_name", ""),
    ("TariffSwitchingTable.Weeks", 0, "week_profile_name", "6865783A"),
    ("TariffSwitchingTable.Seasons", 0, "season_profile_name", {"hex": "00FF"}),
    ("TariffSwitchingTable.Seasons", 0, "season_profile_name", "hex:41"),
    ("TariffSwitchingTable.Seasons", 0, "season_start", "FFFF03FE0701000000800000"),
    ("TariffSwitchingTable.Seasons", 0, "season_start", "0000FFFF0700FF1E63FFC480"),
    ("TariffSwitchingTable.Seasons", 0, "season_start", "never"),
    ("TariffSwitchingTable.SpecialDays", 0, "specialday_date", "07E9020FF0"),
    ("TariffSwitchingTable.Days", 0, "day_schedule", []),
    ("StandingCharge", "charge_per_unit_scaling", "commodity_scale", 3),
    ("TariffPriceMatrix", "commodity_reference", "logical_name", "1-0:2.8.0.255"),
    ("TariffPriceMatrix", "charge_table", 3, {"index": "FF", "charge_per_unit": 5}),
    ("TariffThresholdMatrix.TOU3", [0xFFFFFFFF, 5]),
    ("TariffThresholdMatrix.TOU2", [7, 8, 9]),
    ("ActivationTime", "*-01-15T09:00:00Z"),
]


@pytest.mark.parametrize("change", ODD, ids=str)
def test_what_has_no_word_is_kept(change: tuple[Any, ...]) -> None:
    values = json_form(tariff_values("ECS01a", ELECTRICITY))
    put(values, change[:-1], change[-1])
    tariff = read(values, "ECS01a")
    assert json_form(_unchecked(tariff, "ECS01a")) == values
    form = json.loads(json.dumps(to_json(tariff)))
    assert json_form(_unchecked(from_json(form), "ECS01a")) == values


def test_activation_times_that_differ_are_kept() -> None:
    values = json_form(tariff_values("ECS01b", ELECTRICITY))
    del values["ActivationTime"]
    values["StandingCharge.ActivationTime"] = "now"
    values["TariffPriceMatrix.ActivationTime"] = "2031-01-01T00:00:00Z"
    tariff = read(values, "ECS01b")
    assert tariff.activation == "now"
    assert json_form(values_of(tariff, "ECS01b")) == values


def test_thresholds_of_another_unit_are_still_wh() -> None:
    values = json_form(tariff_values("GCS01a", GAS_BLOCK, SENT))
    values["PublishTariffInformation"]["BlockThresholdDivisor"] = 1
    values["PublishBlockThresholds"][0]["BlockThresholds"] = [750, 1500]
    tariff = read(values, "GCS01a")
    assert tariff.thresholds == from_json(GAS_BLOCK).thresholds
    assert json_form(values_of(tariff, "GCS01a")) == values
    for divisor in (0, 7_000_000):
        values["PublishTariffInformation"]["BlockThresholdDivisor"] = divisor
        tariff = read(values, "GCS01a")
        assert tariff.thresholds is None
        assert json_form(_unchecked(tariff, "GCS01a")) == values


def _unchecked(tariff: Tariff, use_case: str) -> dict[str, Any]:
    module = gas if use_case.startswith("G") else electricity
    return module.values(tariff, use_case, rules=None)


def _leaves(value: Any, place: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    found = [place] if place else []
    for key, one in _ends(list(inner)):
        found += _leaves(one, (*place, key))
    return found


def _ends(members: list[Any]) -> list[Any]:
    """All of a few, the first and the last of many."""
    return members if len(members) < 20 else [*members[:2], *members[-2:]]


def _get(tree: Any, place: tuple[Any, ...]) -> Any:
    for key in place:
        tree = tree[key]
    return tree


def _equal(found: Any, spoilt: Any, values: Any, place: tuple[Any, ...]) -> bool:
    """Everything is as it was, but for the form in which the changed place is written."""
    found, spoilt = copy.deepcopy(found), copy.deepcopy(spoilt)
    put(found, place, _get(values, place))
    put(spoilt, place, _get(values, place))
    return bool(found == spoilt == values)


# -- the reference set ----------------------------------------------------------------------


def test_every_reference_tariff_comes_back(reference: Path) -> None:
    seen: dict[str, int] = {}
    for name, message_octets in octets(reference).items():
        message = parse_message(message_octets)
        use_case = by_code(message.code)
        if use_case is None or use_case.name not in USE_CASES:
            continue
        values = read_values(Place(message))
        tariff = tariff_of(use_case.name, message.kind, values)
        if tariff is None:
            continue
        assert values_of(tariff, use_case.name) == values, name
        assert tariff_of(use_case.name, message.kind, json_form(values)) == tariff, name
        form = json.loads(json.dumps(to_json(tariff)))
        assert tariff_values(use_case.name, form) == values, name
        # only what failed has no word of its own
        assert set(tariff.other) <= {"Fault", "PublishPrice"}, name
        assert tariff.left_out == ()
        assert (tariff.price_scale, tariff.standing_scale) == (None, None)
        seen[use_case.name] = seen.get(use_case.name, 0) + 1
    assert set(seen) == set(USE_CASES)


# -- what a person writes -------------------------------------------------------------------


def test_the_example_of_the_form_is_a_tariff() -> None:
    doc = text.__doc__ or ""
    example = json.loads(doc[doc.index("{") : doc.index("Prices are")])
    values = tariff_values("ECS01a", example)
    assert tariff_json("ECS01a", Kind.COMMAND, values) == example
    assert tariff_values("ECS01b", example) == {
        name: values[name] for name in ("StandingCharge", "TariffPriceMatrix", "ActivationTime")
    }


def test_gas_start_times_say_now_never_or_a_date() -> None:
    expected = {
        "now": {"PublishCalendar": 0, "PublishTariffInformation": 0},
        "never": {"PublishCalendar": 0xFFFFFFFE, "PublishTariffInformation": 0xFFFFFFFF},
        "2030-01-15T09:00:00Z": {"PublishCalendar": 0x38818890, "PublishTariffInformation": 0x38818890},
    }
    for activation, starts in expected.items():
        values = tariff_values("GCS01a", {**GAS_BLOCK, "activation": activation}, SENT)
        for name in ("PublishSpecialDays", "PublishPriceMatrix"):
            assert values[name]["StartTime"] == starts["PublishCalendar"]
        assert values["PublishBlockThresholds"][0]["StartTime"] == starts["PublishCalendar"]
        assert {name: values[name]["StartTime"] for name in starts} == starts


def test_gas_identifiers_are_the_time_of_the_message() -> None:
    values = tariff_values("GCS01a", GAS_TOU, SENT)
    bodies = [b for v in values.values() for b in (v if isinstance(v, list) else [v])]
    assert {body["IssuerEventId"] for body in bodies} == {SENT.seconds}
    assert {body.get("IssuerCalendarId", SENT.seconds) for body in bodies} == {SENT.seconds}
    assert {body.get("IssuerTariffId", 1) for body in bodies} == {1}
    given = {**GAS_TOU, "issuer": {"event_id": 7, "calendar_id": "2031-01-01T00:00:00Z", "provider_id": 3}}
    calendar = tariff_values("GCS01a", given, SENT)["PublishCalendar"]
    assert (calendar["IssuerEventId"], calendar["ProviderId"]) == (7, 3)
    assert calendar["IssuerCalendarId"] == Utc.of(2031, 1, 1).seconds


def test_gas_kinds_of_tariff() -> None:
    tou, block = tariff_values("GCS01a", GAS_TOU, SENT), tariff_values("GCS01a", GAS_BLOCK, SENT)
    names = ("TariffTypeChargingScheme", "NumberOfPriceTiersInUse", "NumberOfBlockThresholdsInUse")
    assert [tou["PublishTariffInformation"][name] for name in names] == [0x00, 4, 0]
    assert [block["PublishTariffInformation"][name] for name in names] == [0x10, 0, 2]
    assert "PublishBlockThresholds" not in tou
    assert block["PublishBlockThresholds"][0]["BlockThresholds"] == [750000, 1500000]
    assert tou["PublishPriceMatrix"]["SubPayloadControl"] == 1
    assert [row["TierBlockId"] for row in tou["PublishPriceMatrix"]["SubPayload"]] == [1, 2, 3, 4]
    assert [row["Price"] for row in block["PublishPriceMatrix"]["SubPayload"]] == [8000, 7000, 6000, 0]
    assert [row["TierBlockId"] for row in block["PublishPriceMatrix"]["SubPayload"]] == [0, 1, 2, 3]


def test_electricity_prices_stand_in_the_order_of_the_matrix() -> None:
    matrix = tariff_values("ECS01a", ELECTRICITY)["TariffPriceMatrix"]
    rows = {row["index"].hex().upper(): row["charge_per_unit"] for row in matrix["charge_table"]}
    assert list(rows)[:2] == ["01", "02"]
    assert list(rows)[47:50] == ["30", "A1", "A2"]
    assert list(rows)[-1] == "D8"
    assert {index: charge for index, charge in rows.items() if charge} == {
        "01": 31000, "02": 8750, "30": 20000, "A2": 30000, "B2": 27500, "C2": 25000,
    }  # fmt: skip
    second = tariff_values("ECS01d", SECOND)["SecondaryTariffPriceMatrix"]
    assert [row["charge_per_unit"] for row in second["charge_table"]] == [11000, 0, 0, 4400]


def test_thresholds_not_in_use_are_filled_up() -> None:
    written = tariff_values("ECS01a", ELECTRICITY)
    assert written["TariffThresholdMatrix.TOU2"] == [5000, 9000, 0xFFFFFFFF]
    assert written["TariffThresholdMatrix.TOU1"] == [0xFFFFFFFF]
    answered = tariff_values("ECS24", ELECTRICITY)
    assert answered["TariffThresholdMatrix.TOU1"] == [0xFFFFFFFF] * 3


def test_secondary_actions_have_their_own_selectors() -> None:
    days = tariff_values("ECS01c", SECOND)["SecondaryTariffSwitchingTable.Days"]
    assert [entry["script_selector"] for entry in days[0]["day_schedule"]] == [204, 201]


@pytest.mark.parametrize("kind", list(Kind))
def test_only_messages_that_carry_a_tariff_have_one(kind: Kind) -> None:
    assert tariff_json("ECS52", kind, {}) is None
    for use_case in USE_CASES:
        commands = (Kind.COMMAND, Kind.PRECOMMAND)
        if kind not in ((Kind.RESPONSE,) if use_case in READ else commands):
            assert tariff_json(use_case, kind, {}) is None


def test_a_use_case_without_a_tariff_is_refused() -> None:
    with pytest.raises(BuildError, match="ECS52 carries no tariff"):
        tariff_values("ECS52", {})
    assert tariff_values("ecs01D", SECOND) == tariff_values("ECS01d", SECOND)


# -- prices ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("prices", "scale"),
    [
        (["0.1", "0.32767"], -5),
        (["0.3", "0.5"], -4),
        (["0.012345"], -6),
        (["327670"], 1),
        (["-0.32768"], -5),
        ([], -5),
    ],
)
def test_the_power_of_ten_is_chosen(prices: list[str], scale: int) -> None:
    given = [(f"p{n}", Decimal(price)) for n, price in enumerate(prices)]
    assert money.chosen_scale(given, money.ELECTRICITY) == scale


@pytest.mark.parametrize(
    ("given", "path"),
    [
        ({"tou_prices": {"1": "0.12345", "2": "0.4"}}, "tou_prices.2"),
        ({"tou_prices": {"3": "0.1234567"}}, "tou_prices.3"),
        ({"block_prices": {"2": ["0.1", "1234567890"]}}, "block_prices.2.2"),
        ({"standing_charge": "99999.9"}, "standing_charge"),
        ({"tou_prices": {"1": "1"}, "price_scale": -5}, "tou_prices.1"),
        ({"standing_charge": "0.123", "standing_scale": -2}, "standing_charge"),
    ],
)
def test_a_price_that_does_not_fit_16_bits_is_named(given: dict[str, Any], path: str) -> None:
    with pytest.raises(BuildError) as refused:
        tariff_values("ECS01a", {**ELECTRICITY, **given})
    assert refused.value.path == path


@pytest.mark.parametrize(
    ("given", "path"),
    [
        ({"tou_prices": {"2": "-0.1"}}, "tou_prices.2"),
        ({"tou_prices": {"2": "42949672961"}}, "tou_prices.2"),
        ({"tou_prices": {"1": "0.000001", "2": "42949"}}, "tou_prices.1"),
        ({"standing_charge": "-1"}, "standing_charge"),
        ({"price_scale": 1}, "price_scale"),
    ],
)
def test_a_gas_price_that_does_not_fit_is_named(given: dict[str, Any], path: str) -> None:
    with pytest.raises(BuildError) as refused:
        tariff_values("GCS01b", {**GAS_TOU, **given}, SENT)
    assert refused.value.path == path


def test_another_power_of_ten_is_kept() -> None:
    values = tariff_values("ECS01b", {**ELECTRICITY, "price_scale": -4, "standing_scale": -3}, None)
    tariff = read(values, "ECS01b")
    assert (tariff.price_scale, tariff.standing_scale) == (-4, -3)
    assert values_of(tariff, "ECS01b") == values


def test_prices_for_another_amount_of_energy_are_still_per_kwh() -> None:
    values = json_form(tariff_values("ECS01d", SECOND))
    values["SecondaryTariffPriceMatrix"]["charge_per_unit_scaling"] = {
        "commodity_scale": 0,
        "price_scale": -8,
    }
    tariff = read(values, "ECS01d")
    assert tariff.tou_prices == from_json(SECOND).tou_prices
    assert json_form(values_of(tariff, "ECS01d")) == values


def test_a_fractional_second_is_refused() -> None:
    for use_case in ("ECS01d", "GCS01b"):
        given = {**BY_USE_CASE[use_case], "activation": "2031-01-01T00:00:00.5Z"}
        with pytest.raises(BuildError, match="activation: a whole second"):
            tariff_values(use_case, given, SENT)


# -- whatever is given -------------------------------------------------------------------

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=6,
)


@pytest.mark.parametrize("use_case", USE_CASES)
@given(data=st.data())
def test_anything_may_be_given(use_case: str, data: st.DataObject) -> None:
    """Arbitrary JSON raises nothing but BuildError."""
    base = BY_USE_CASE[use_case]
    spoilt = copy.deepcopy(base)
    put(spoilt, data.draw(st.sampled_from(_leaves(base))), data.draw(json_values))
    extra = data.draw(
        st.dictionaries(st.sampled_from(("other", "left_out", "issuer", "price_scale")), json_values)
    )
    for given_json in (spoilt, {**base, **extra}):
        try:
            values = tariff_values(use_case, given_json, SENT, data.draw(st.sampled_from((None, Rules()))))
            tariff_json(use_case, kind_of(use_case), values)
        except BuildError:
            pass
