"""What a meter shows of its state on the home area network."""

import pytest

from gbcs.errors import BuildError
from gbcs.time import Utc
from gbcs.zcl.clusters import attribute_by_name, attributes_of
from smets.behaviours.charging import PREPAYMENT_MODE
from smets.esme.han_values import MeteringSettings, esme_values
from smets.events import Metrology
from smets.han.cluster_values import BasicSettings, DeviceValues, ValueRow, constant
from smets.han.endpoints import (
    BASIC,
    KEY_ESTABLISHMENT,
    METER,
    PREPAYMENT,
    PRICE,
    TIME,
    TUNNELING,
    endpoints_of,
)
from smets.values import Value
from tests.smets.homes import Home

ENDPOINT = endpoints_of("ESME")[1]
PREPAID: Value = (PREPAYMENT_MODE, 2)


def read(home: Home, cluster: int, name: str, settings: MeteringSettings | None = None) -> object:
    values = esme_values(home.device, lambda: 2, metering=settings or MeteringSettings())
    return values.read(attribute_by_name(cluster, name), ENDPOINT, home.now)


def test_what_metrology_counted() -> None:
    home = Home.new()
    assert read(home, METER, "CurrentSummationDelivered") == 0
    home.handle(Metrology(import_wh=1250, export_wh=7, power_w=480))
    assert read(home, METER, "CurrentSummationDelivered") == 1250
    assert read(home, METER, "CurrentSummationReceived") == 7
    assert read(home, METER, "InstantaneousDemand") == 480
    assert [read(home, METER, n) for n in ("UnitOfMeasure", "Multiplier", "Divisor")] == [0, 1, 1000]


@pytest.mark.parametrize(("state", "supply", "status"), [(1, 2, 0x00), (0, 0, 0x40), (2, 1, 0x40)])
def test_supply(state: int, supply: int, status: int) -> None:
    home = Home.new(items={"SupplyState": state})
    assert read(home, METER, "SupplyStatus") == supply
    assert read(home, METER, "Status") == status
    assert read(home, METER, "Status", MeteringSettings(disconnected=0)) == 0


def test_formatting_shows_the_whole_register() -> None:
    formatting = read(Home.new(), METER, "SummationFormatting")
    assert isinstance(formatting, int)
    behind, before = formatting & 7, formatting >> 3 & 0xF
    assert len(str(0xFFFF_FFFF)) == behind + before
    assert 10**behind == read(Home.new(), METER, "Divisor")


def test_credit_is_of_prepayment_mode() -> None:
    items: dict[str, Value] = {
        "MeterBalance": -5,
        "EmergencyCreditBalance": 700,
        "DisablementThreshold": (-3,),
    }
    credit = Home.new(items=items)
    assert read(credit, PREPAYMENT, "CreditRemaining") is None
    prepaid = Home.new(items={**items, "PaymentMode": PREPAID})
    assert read(prepaid, PREPAYMENT, "CreditRemaining") == -5
    assert read(prepaid, PREPAYMENT, "EmergencyCreditRemaining") == 700
    assert read(prepaid, PREPAYMENT, "CutOffValue") == -3


@pytest.mark.parametrize(("unit", "currency"), [(True, 0x033A), (False, 0x03D2)])
def test_currency(unit: bool, currency: int) -> None:
    assert read(Home.new(items={"CurrencyUnit": unit}), PRICE, "Currency") == currency


def test_what_every_device_has() -> None:
    home = Home.new()
    assert read(home, BASIC, "ManufacturerName") == b"0000"
    assert read(home, BASIC, "ModelIdentifier") == b"00000000"
    assert read(home, TUNNELING, "CloseTunnelTimeout") == 0xFFFF
    assert read(home, KEY_ESTABLISHMENT, "KeyEstablishmentSuite") == 2
    for name in ("ZCLVersion", "HWVersion", "PowerSource"):
        assert isinstance(read(home, BASIC, name), int)


@pytest.mark.parametrize(("variant", "source"), [("single", 1), ("twin", 1), ("polyphase", 2)])
def test_power_source_follows_the_variant(variant: str, source: int) -> None:
    assert read(Home.new(variant), BASIC, "PowerSource") == source


@pytest.mark.parametrize(
    ("cluster", "name"),
    [
        (BASIC, "PhysicalEnvironment"),
        (TIME, "Time"),
        (METER, "RemainingBatteryLifeInDays"),
        (METER, "CurrentMeterID"),
        (PREPAYMENT, "CreditRemaining"),
        (PRICE, "Tier1Block1Price"),
        (PRICE, "CalorificValue"),
    ],
)
def test_what_the_meter_does_not_hold(cluster: int, name: str) -> None:
    assert read(Home.new(), cluster, name) is None


@pytest.mark.parametrize("variant", ["single", "twin", "polyphase"])
def test_all_that_is_shown_is_held_by_every_variant(variant: str) -> None:
    home = Home.new(variant, items={"PaymentMode": PREPAID})
    values = esme_values(home.device, lambda: 2)
    shown = [
        known.name
        for cluster in (BASIC, METER, PREPAYMENT, PRICE)
        for known in attributes_of(cluster)
        if values.read(known, ENDPOINT, home.now) is not None
    ]
    assert len(shown) > 30


def test_names_and_ranges_are_checked() -> None:
    with pytest.raises(BuildError):
        DeviceValues((ValueRow(METER, "Weather", constant(1)),), Home.new().device.observe)
    for wrong in ({"formatting": 256}, {"disconnected": -1}):
        with pytest.raises(BuildError):
            MeteringSettings(**wrong)  # type: ignore[arg-type]
    with pytest.raises(BuildError):
        BasicSettings(zcl_version=256)


def test_the_time_is_the_one_given() -> None:
    home = Home.new()
    seen: list[Utc] = []

    def observe(now: Utc) -> object:
        seen.append(now)
        return home.device.observe(now)

    values = DeviceValues((ValueRow(METER, "Divisor", constant(1)),), observe)  # type: ignore[arg-type]
    assert values.read(attribute_by_name(METER, "Divisor"), ENDPOINT, home.now) == 1
    assert seen == [home.now]
