"""Prices, the tariff and its periods, as a meter tells them to the home area network."""

from collections.abc import Mapping
from typing import Any

import pytest

from gbcs.errors import BuildError
from gbcs.time import Utc
from smets.esme.han_price import billing_period
from smets.esme.han_settings import PublishSettings
from smets.han.cluster_server import ClusterSettings
from smets.values import Value
from tests.smets.han_asking import (
    COMMODITY,
    INDEXES,
    NEVER,
    SCRIPTS,
    TARIFF,
    UNUSED,
    frames,
    one,
    request,
    status,
    told,
)
from tests.smets.homes import Home

MIDNIGHT = bytes(4)
MONTHLY: Value = ((bytes((6, 30, 0, 0)), bytes.fromhex("FFFFFF1CFF")),)


def test_the_price() -> None:
    home = Home.new(items={"ActiveTariffPrice": 21345, "CurrencyUnit": False})
    assert one(home, "GetCurrentPrice") == {
        "ProviderId": 0,
        "RateLabel": "",
        "IssuerEventId": home.now.seconds,
        "CurrentTime": home.now.seconds,
        "UnitOfMeasure": 0,
        "Currency": 0x03D2,
        "PriceTrailingDigitAndPriceTier": 0x50,
        "NumberOfPriceTiersAndRegisterTier": 0,
        "StartTime": 0,
        "DurationInMinutes": 0xFFFF,
        "Price": 21345,
    }
    (frame,) = frames(home, request("GetCurrentPrice"), issuer_event_id=7, provider_id=8, price_minutes=9)
    assert [frame.values[n] for n in ("ProviderId", "IssuerEventId", "DurationInMinutes")] == [8, 7, 9]


@pytest.mark.parametrize(
    "wrong",
    [
        {"provider_id": 1 << 32},
        {"issuer_event_id": -1},
        {"price_minutes": 1 << 16},
        {"message_id": -1},
        {"tariff_id": 1 << 32},
        {"block_scheme": 16},
        {"any_calendar": 256},
    ],
)
def test_publish_ranges(wrong: Mapping[str, Any]) -> None:
    with pytest.raises(BuildError):
        PublishSettings(**wrong)


DAILY: Value = ((MIDNIGHT, bytes.fromhex("FFFFFFFFFF")),)
WEEKLY: Value = ((MIDNIGHT, bytes.fromhex("FFFFFFFF03")),)  # Wednesday
QUARTERLY: Value = tuple((MIDNIGHT, bytes((0xFF, 0xFF, month, 1, 0xFF))) for month in (2, 5, 8, 11))
NOON = Utc.of(2026, 1, 1, 12).seconds


@pytest.mark.parametrize(
    ("calendar", "start", "days"),
    [
        (DAILY, Utc.of(2026, 1, 1), 1),
        (WEEKLY, Utc.of(2025, 12, 31), 7),
        (MONTHLY, Utc.of(2025, 12, 28, 6, 30), 31),
        (QUARTERLY, Utc.of(2025, 11, 1), 92),
        (((MIDNIGHT, bytes.fromhex("FFFF0301FF")),), Utc.of(2025, 3, 1), 365),
    ],
)
def test_billing_periods(calendar: Value, start: Utc, days: int) -> None:
    home = Home.new(items={"BillingCalendar": calendar})
    assert billing_period(home.work, NOON) == (start.seconds, days)


def test_the_billing_period() -> None:
    home = Home.new(items={"BillingCalendar": MONTHLY})
    assert one(home, "GetBillingPeriod") == {
        "ProviderId": 0,
        "IssuerEventId": home.now.seconds,
        "BillingPeriodStartTime": Utc.of(2025, 12, 28, 6, 30).seconds,
        "BillingPeriodDuration": 31,
        "BillingPeriodDurationType": 0x21,
        "TariffType": 0,
    }
    later = one(home, "GetBillingPeriod", EarliestStartTime=Utc.of(2026, 2, 1).seconds)
    assert later["BillingPeriodStartTime"] == Utc.of(2026, 1, 28, 6, 30).seconds
    assert status(home, "GetBillingPeriod", TariffType=1) == 0x8B
    assert status(Home.new(), "GetBillingPeriod") == 0x8B
    once: Value = ((MIDNIGHT, bytes.fromhex("07E80101FF")),)  # 2024, and never again
    assert status(Home.new(items={"BillingCalendar": once}), "GetBillingPeriod") == 0x8B
    assert isinstance(one(home, "GetBillingPeriod", EarliestStartTime=NEVER)["BillingPeriodStartTime"], int)


# -- tariff -------------------------------------------------------------------------------


def days(*selectors: int) -> Value:
    """A switching table with one day that switches so."""
    return ((1, tuple((bytes((hour, 0, 0, 0)), SCRIPTS, s) for hour, s in enumerate(selectors))),)


def with_tariff(*selectors: int, **items: Value) -> Home:
    return Home.new(items={**TARIFF, "TariffSwitchingTable.Days": days(*selectors), **items})


def thresholds(**tiers: Value) -> dict[str, Value]:
    return {f"TariffThresholdMatrix.{tier}": held for tier, held in tiers.items()}


def test_tariff_information() -> None:
    home = Home.new(items=TARIFF)
    assert one(home, "GetTariffInformation") == {
        "ProviderId": 0,
        "IssuerEventId": home.now.seconds,
        "IssuerTariffId": 1,
        "StartTime": 0,
        "TariffTypeChargingScheme": 0x30,
        "TariffLabel": "",
        "NumberOfPriceTiersInUse": 48,
        "NumberOfBlockThresholdsInUse": 2,
        "UnitOfMeasure": 0,
        "Currency": 0x033A,
        "PriceTrailingDigit": 0x40,
        "StandingCharge": 2500,  # 250 with a digit more
        "TierBlockMode": 0xFF,
        "BlockThresholdMultiplier": 1,
        "BlockThresholdDivisor": 1000,
    }


@pytest.mark.parametrize(
    ("selectors", "scheme", "tiers", "used"),
    [
        ((1,), 0x00, 1, 0),
        ((2, 5), 0x00, 5, 0),
        ((101,), 0x30, 1, 2),
        ((104, 108), 0x30, 8, 3),
        ((3, 101), 0x30, 3, 2),
    ],
)
def test_kinds_of_tariffs(selectors: tuple[int, ...], scheme: int, tiers: int, used: int) -> None:
    items = thresholds(TOU4=(1, UNUSED, UNUSED), TOU8=(1, 2, 3))
    answer = one(with_tariff(*selectors, **items), "GetTariffInformation")
    assert answer["TariffTypeChargingScheme"] == scheme
    assert (answer["NumberOfPriceTiersInUse"], answer["NumberOfBlockThresholdsInUse"]) == (tiers, used)


def test_another_scheme() -> None:
    (frame,) = frames(with_tariff(101), request("GetTariffInformation"), block_scheme=1)
    assert frame.values["TariffTypeChargingScheme"] == 0x10


def test_no_tariff() -> None:
    for name in ("GetTariffInformation", "GetPriceMatrix", "GetBlockThresholds", "GetBlockPeriod"):
        assert status(Home.new(items={"BillingCalendar": DAILY}), name) == 0x8B


@pytest.mark.parametrize("name", ["GetTariffInformation", "GetBlockPeriod"])
@pytest.mark.parametrize(("asked", "is_told"), [(0, True), (0xF0, True), (1, False), (2, False)])
def test_the_tariff_is_of_what_is_delivered(name: str, asked: int, is_told: bool) -> None:
    home = Home.new(items={**TARIFF, "BillingCalendar": DAILY})
    assert ("CommandId" not in one(home, name, TariffType=asked)) is is_told


@pytest.mark.parametrize("name", ["GetPriceMatrix", "GetBlockThresholds", "GetTierLabels"])
def test_another_tariff(name: str) -> None:
    assert status(Home.new(items=TARIFF), name, IssuerTariffId=2) == 0x8B
    (frame,) = frames(Home.new(items=TARIFF), request(name, IssuerTariffId=1), tariff_id=2)
    assert frame.values["Status"] == 0x8B


def test_prices_of_tiers() -> None:
    answer = one(with_tariff(2, 4), "GetPriceMatrix")
    assert (answer["SubPayloadControl"], answer["CommandIndex"], answer["TotalNumberOfCommands"]) == (1, 0, 1)
    assert answer["SubPayload"] == [{"TierBlockId": n, "Price": 1000 + n} for n in (1, 2, 3, 4)]
    assert (answer["StartTime"], answer["IssuerTariffId"]) == (0, 1)


def test_prices_of_blocks() -> None:
    answer = one(with_tariff(101, 108, **thresholds(TOU8=(1, 2, 3))), "GetPriceMatrix")
    assert answer["SubPayloadControl"] == 0
    ids = {entry["TierBlockId"]: entry["Price"] - 1000 for entry in answer["SubPayload"]}
    # two thresholds make three blocks of tier 1: A1, B1, C1; three make four of tier 8
    assert ids == {0x10: 0xA1, 0x11: 0xB1, 0x12: 0xC1, 0x80: 0xA8, 0x81: 0xB8, 0x82: 0xC8, 0x83: 0xD8}


def test_prices_of_both_kinds_are_parts_of_one_answer() -> None:
    tiers, blocks = told(Home.new(items=TARIFF), "GetPriceMatrix")
    assert [part["CommandIndex"] for part in (tiers, blocks)] == [0, 1]
    assert [part["TotalNumberOfCommands"] for part in (tiers, blocks)] == [2, 2]
    assert [part["SubPayloadControl"] for part in (tiers, blocks)] == [1, 0]
    assert len(tiers["SubPayload"]) == 48
    small = told(Home.new(items=TARIFF), "GetPriceMatrix", ClusterSettings(max_octets=100))
    assert [part["CommandIndex"] for part in small] == list(range(len(small)))
    assert len(small) > 4
    entries = [entry for part in small for entry in part["SubPayload"]]
    assert entries == tiers["SubPayload"] + blocks["SubPayload"]


@pytest.mark.parametrize(
    ("prices", "standing", "digits", "price", "charge"),
    [(-5, -5, 5, 1001, 250), (-4, -5, 5, 10010, 250), (-5, -2, 5, 1001, 250_000), (0, 1, 0, 1001, 2500)],
)
def test_prices_and_standing_charge_have_the_same_digits(
    prices: int, standing: int, digits: int, price: int, charge: int
) -> None:
    items: dict[str, Value] = {
        "TariffPriceMatrix": ((3, prices), COMMODITY, tuple((bytes((n,)), 1000 + n) for n in INDEXES)),
        "StandingCharge": ((0, standing), (0, bytes(6), 0), ((b"", 250),)),
    }
    home = with_tariff(1, **items)
    answer = one(home, "GetTariffInformation")
    assert (answer["PriceTrailingDigit"], answer["StandingCharge"]) == (digits << 4, charge)
    assert one(home, "GetPriceMatrix")["SubPayload"] == [{"TierBlockId": 1, "Price": price}]


@pytest.mark.parametrize("scale", [-128, -16, 127])
def test_what_cannot_be_said_fails(scale: int) -> None:
    home = with_tariff(1, StandingCharge=((0, scale), (0, bytes(6), 0), ((b"", 1),)))
    assert status(home, "GetTariffInformation") == 0x01


def test_a_price_below_nothing_fails() -> None:
    matrix: Value = ((3, -5), COMMODITY, tuple((bytes((n,)), -1) for n in INDEXES))
    assert status(with_tariff(1, TariffPriceMatrix=matrix), "GetPriceMatrix") == 0x01


def test_block_thresholds() -> None:
    home = with_tariff(101, 102, 103, **thresholds(TOU3=(UNUSED - 1, 7, 8)))
    first, third = told(home, "GetBlockThresholds")
    assert (first["TierNumberOfBlockThresholds"], first["BlockThresholds"]) == (0x12, [100_000, 200_000])
    assert (third["TierNumberOfBlockThresholds"], third["BlockThresholds"]) == (0x33, [UNUSED - 1, 7, 8])
    assert [(part["CommandIndex"], part["TotalNumberOfCommands"]) for part in (first, third)] == [
        (0, 2),
        (1, 2),
    ]
    assert first["SubPayloadControl"] == 0
    assert status(with_tariff(1), "GetBlockThresholds") == 0x8B  # those of tier 1 are not in use
    assert status(with_tariff(102), "GetBlockThresholds") == 0x8B


def test_the_block_period() -> None:
    home = Home.new(items={**TARIFF, "BillingCalendar": MONTHLY})
    answer = one(home, "GetBlockPeriod")
    assert answer == {
        "ProviderId": 0,
        "IssuerEventId": home.now.seconds,
        "BlockPeriodStartTime": Utc.of(2025, 12, 28, 6, 30).seconds,
        "BlockPeriodDuration": 31,
        "BlockPeriodControl": 2,
        "BlockPeriodDurationType": 0x21,
        "TariffType": 0,
        "TariffResolutionPeriod": 1,
    }
    later = one(home, "GetBlockPeriod", StartTime=Utc.of(2026, 2, 1).seconds)
    assert later["BlockPeriodStartTime"] == Utc.of(2026, 1, 28, 6, 30).seconds
    daily: dict[str, Value] = {"BillingCalendar": MONTHLY, "TariffBlockCounterMatrix.DailyResetting": DAILY}
    answer = one(Home.new(items={**TARIFF, **daily}), "GetBlockPeriod")
    assert (answer["BlockPeriodStartTime"], answer["BlockPeriodDuration"]) == (Utc.of(2026, 1, 1).seconds, 1)
    assert status(with_tariff(1, BillingCalendar=MONTHLY), "GetBlockPeriod") == 0x8B
