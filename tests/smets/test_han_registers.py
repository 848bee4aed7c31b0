"""Registers, money and debts of a meter as attributes: each live from its data item, and only to be read."""

from __future__ import annotations

from typing import Any

import pytest

from gbcs.errors import BuildError
from gbcs.ids import DeviceType
from gbcs.zcl.clusters import Attribute, attribute_by_name, attributes_of
from smets.behaviours.charging import CREDIT_MODE, PREPAYMENT_MODE
from smets.behaviours.history import History
from smets.esme.credit_charge import CONTROLS, Control, array
from smets.esme.han_history import history_rows
from smets.esme.han_values import NOT_HELD, MeteringSettings, PrepaymentSettings, esme_values
from smets.events import TimerDue
from smets.han.attribute_client import read_attributes, readings
from smets.han.endpoints import METER, PREPAYMENT, PRICE, endpoints_of
from smets.han.zcl import ApsMessage, parse_zcl
from smets.values import Value
from tests.smets.han_asking import HERE, READER, STRANGER, joined, server
from tests.smets.homes import VARIANTS, Home

ENDPOINTS = {cluster: endpoint for endpoint in endpoints_of("ESME") for cluster in endpoint.servers}
PREPAID: Value = (PREPAYMENT_MODE, 2)
GBP = 100_000  # millipence


def rate(amount: int, scale: int = -5) -> Value:
    return ((0, scale), (0, bytes(6), 0), ((b"", amount),))


def read(home: Home, cluster: int, name: str, **settings: Any) -> object:
    values = esme_values(home.device, lambda: 2, **settings)
    return values.read(attribute_by_name(cluster, name), ENDPOINTS[cluster], home.now)


# cluster, attribute, data item, what it holds, what is read
LIVE: list[tuple[int, str, str, Value, object]] = [
    (METER, "CurrentTier1SummationDelivered", "TariffTOURegisterMatrix.TOU1", 11, 11),
    (METER, "CurrentTier5SummationDelivered", "TariffTOURegisterMatrix.TOU5", 15, 15),
    (METER, "CurrentTier48SummationDelivered", "TariffTOURegisterMatrix.TOU48", 2**32 - 1, 2**32 - 1),
    (METER, "CurrentTier1Block1SummationDelivered", "TariffBlockCounterMatrix.Block1.TOU1", 7, 7),
    (METER, "CurrentTier2Block4SummationDelivered", "TariffBlockCounterMatrix.Block4.TOU2", 8, 8),
    (METER, "CurrentTier8Block3SummationDelivered", "TariffBlockCounterMatrix.Block3.TOU8", 9, 9),
    (METER, "CurrentNoTierBlock3SummationDelivered", "TariffBlockCounterMatrix.Block3.TOU8", 9, 9),
    (METER, "SupplyTamperState", "SupplyTamperState", True, 0x00),
    (METER, "BillToDateDelivered", "MeterBalance", -123_456, 123_456),
    (METER, "BillToDateDelivered", "MeterBalance", -(2**31), 2**31),
    (PREPAYMENT, "PaymentControlConfiguration", "PaymentMode", PREPAID, 0x0897),
    (PREPAYMENT, "OverallDebtCap", "DebtRecoveryRateCap.Amount", 5, 5),
    (PREPAYMENT, "DebtAmount#1", "TimeDebtRegister1", 41, 41),
    (PREPAYMENT, "DebtAmount#2", "TimeDebtRegister2", 42, 42),
    (PREPAYMENT, "DebtAmount#3", "PaymentDebtRegister", 43, 43),
    (PREPAYMENT, "DebtRecoveryFrequency#1", "DebtRecoveryRates1.Period", 3600, 0x00),
    (PREPAYMENT, "DebtRecoveryFrequency#2", "DebtRecoveryRates2.Period", 3600, 0x00),
    (PREPAYMENT, "DebtRecoveryAmount#1", "DebtRecoveryRates1", rate(250), 250),
    (PREPAYMENT, "DebtRecoveryAmount#2", "DebtRecoveryRates2", rate(3, -2), 3000),
    (PREPAYMENT, "DebtRecoveryAmount#2", "DebtRecoveryRates2", rate(19, -6), 1),
    (PRICE, "StandingCharge", "StandingCharge", rate(250, -3), 25_000),
    (PRICE, "Currency", "CurrencyUnit", False, 0x03D2),
]


@pytest.mark.parametrize(("cluster", "name", "item", "held", "shown"), LIVE, ids=[row[1] for row in LIVE])
def test_a_value_follows_its_item(cluster: int, name: str, item: str, held: Value, shown: object) -> None:
    home = Home.new()
    values = esme_values(home.device, lambda: 2)
    known = attribute_by_name(cluster, name)
    before = values.read(known, ENDPOINTS[cluster], home.now)
    assert before != shown
    work = home.work
    work.set_item(item, held)
    work.commit()
    assert values.read(known, ENDPOINTS[cluster], home.now) == shown


def test_what_is_shown_of_a_meter_as_made() -> None:
    home = Home.new()
    assert read(home, METER, "SupplyTamperState") == 0x03
    assert [read(home, PREPAYMENT, f"DebtRecoveryFrequency#{n}") for n in (1, 2)] == [0x01, 0x01]
    assert read(home, PREPAYMENT, "PaymentControlConfiguration") == 0x0C94


def test_what_prices_are_counted_in() -> None:
    names = ("UnitOfMeasure", "ThresholdMultiplier", "ThresholdDivisor", "PriceTrailingDigit")
    assert [read(Home.new(), PRICE, name) for name in names] == [0x00, 1, 1000, 0x50]
    shown = {a.name for a in attributes_of(PRICE) if read(Home.new(), PRICE, a.name) is not None}
    assert shown == {*names, "StandingCharge", "Currency"}


def test_all_tiers_and_blocks() -> None:
    counters = {
        f"TariffBlockCounterMatrix.Block{block}.TOU{tier}": 10 * block + tier
        for block in range(1, 5)
        for tier in range(1, 9)
    }
    registers = {
        name.replace("Counter", "Register").replace("Tariff", "TariffTOU"): value + 100
        for name, value in counters.items()
    }
    tiers = {f"TariffTOURegisterMatrix.TOU{n}": 500 + n for n in range(1, 49)}
    home = Home.new(items={**counters, **registers, **tiers})
    shown = [read(home, METER, f"CurrentTier{n}SummationDelivered") for n in range(1, 49)]
    assert shown == list(range(501, 549))
    for settings, more in ((MeteringSettings(), 0), (MeteringSettings(blocks_are_counters=False), 100)):
        for block in range(1, 5):
            of_tiers = [
                read(home, METER, f"CurrentTier{tier}Block{block}SummationDelivered", metering=settings)
                for tier in range(1, 9)
            ]
            assert of_tiers == [more + 10 * block + tier for tier in range(1, 9)]
            name = f"CurrentNoTierBlock{block}SummationDelivered"
            assert read(home, METER, name, metering=settings) == 8 * more + 80 * block + 36


def test_a_block_of_all_tiers_has_room() -> None:
    full = {f"TariffBlockCounterMatrix.Block1.TOU{tier}": 2**32 - 1 for tier in range(1, 9)}
    (value,) = answered(
        Home.new(items=full), attribute_by_name(METER, "CurrentNoTierBlock1SummationDelivered")
    )
    assert value == 8 * (2**32 - 1)


@pytest.mark.parametrize(
    ("control", "value"),
    [
        (Control(CREDIT_MODE), 0x0C94),
        (Control(PREPAYMENT_MODE, True, True), 0x0497),
        (Control(PREPAYMENT_MODE, True, False), 0x0097),
        (Control(PREPAYMENT_MODE, False, True), 0x0C97),
        (Control(PREPAYMENT_MODE, False, False), 0x0897),
    ],
)
@pytest.mark.parametrize("variant", VARIANTS)
def test_payment_control(variant: str, control: Control, value: int) -> None:
    held: Value = array(control, variant == "twin")
    home = Home.new(variant, items={"PaymentMode": (control.mode, 2), "CreditChargeConfiguration": held})
    assert control in CONTROLS
    assert read(home, PREPAYMENT, "PaymentControlConfiguration") == value


def test_one_balance_is_shown_in_each_mode() -> None:
    credit = Home.new(items={"MeterBalance": -5})
    assert read(credit, METER, "BillToDateDelivered") == 5
    assert read(credit, PREPAYMENT, "CreditRemaining") is None
    prepaid = Home.new(items={"MeterBalance": -5, "PaymentMode": PREPAID})
    assert read(prepaid, METER, "BillToDateDelivered") is None
    assert read(prepaid, PREPAYMENT, "CreditRemaining") == -5


def test_settings() -> None:
    home = Home.new(items={"MeterBalance": 7, "DebtRecoveryRateCap.Amount": 0xFFFF})
    assert read(home, METER, "BillToDateDelivered") == 0
    as_held = MeteringSettings(bill_is_due=False)
    assert read(home, METER, "BillToDateDelivered", metering=as_held) == 7
    owing = Home.new(items={"MeterBalance": -1})
    assert read(owing, METER, "BillToDateDelivered", metering=as_held) == 0xFFFF_FFFF
    small = Home.new(items={"DebtRecoveryRateCap.Amount": 5})
    millipence = PrepaymentSettings(debt_cap_unit=GBP)
    assert read(small, PREPAYMENT, "OverallDebtCap", prepayment=millipence) == 500_000
    assert read(home, PREPAYMENT, "OverallDebtCap", prepayment=millipence) == 2**31 - 1
    for wrong in (0, -1, 2**31):
        with pytest.raises(BuildError):
            PrepaymentSettings(debt_cap_unit=wrong)


# -- what is left out, and who may read --------------------------------------------------------


def known_of(home: Home) -> list[Attribute]:
    """The attributes of both clusters but the history, which a store of past days holds."""
    past = {
        row.attribute
        for one in home.device.profile.behaviours
        if isinstance(one, History)
        for row in history_rows(one)
    }
    return [a for cluster in (METER, PREPAYMENT) for a in attributes_of(cluster) if a.name not in past]


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("mode", [CREDIT_MODE, PREPAYMENT_MODE])
def test_nothing_else_is_left_out(variant: str, mode: int) -> None:
    home = Home.new(variant, items={"PaymentMode": (mode, 2)})
    values = esme_values(home.device, lambda: 2)
    missing = {a.name for a in known_of(home) if values.read(a, ENDPOINTS[a.cluster], home.now) is None}
    other_balance = {CREDIT_MODE: "CreditRemaining", PREPAYMENT_MODE: "BillToDateDelivered"}[mode]
    assert missing == {*NOT_HELD, other_balance}


def answered(home: Home, *known: Attribute, station: Any = READER) -> list[object]:
    """The values that a reader gets for attributes of one cluster, None for those refused."""
    cluster = known[0].cluster
    octets = read_attributes(cluster, [a.name for a in known], 0x21).octets()
    asked = ApsMessage(cluster, HERE, ENDPOINTS[cluster].number, octets)
    (answer,) = server(home).receive(asked, home.now, station=station)
    found = readings(parse_zcl(answer.cluster, answer.payload))
    return [found.values.get(a.name) for a in known]


@pytest.mark.parametrize("station", [READER, STRANGER, None])
def test_everybody_may_read(station: Any) -> None:
    """Attributes are for everybody who has a key: a Type 2 device as the reference has it (S62, S74)."""
    home = joined(Home.new(items={row[2]: row[3] for row in LIVE}), READER, DeviceType.TYPE2)
    for cluster in (METER, PREPAYMENT):
        known = [a for a in known_of(home) if a.cluster == cluster and a.name not in NOT_HELD]
        values = esme_values(home.device, lambda: 2)
        for start in range(0, len(known), 20):
            asked = known[start : start + 20]
            held = [values.read(a, ENDPOINTS[cluster], home.now) for a in asked]
            shown = [value.decode() if isinstance(value, bytes) else value for value in held]
            assert answered(home, *asked, station=station) == shown


@pytest.mark.parametrize("command", [0x02, 0x03, 0x05])
def test_nobody_may_write(command: int) -> None:
    """Write, write undivided, write without an answer: refused, and nothing changed."""
    home = joined(Home.new(items={row[2]: row[3] for row in LIVE}), READER, DeviceType.TYPE2)
    home.handle(TimerDue())
    before = home.held
    for known in known_of(home):
        octets = bytes((0x00, 0x21, command)) + known.id.to_bytes(2, "little") + bytes((known.type,))
        asked = ApsMessage(known.cluster, HERE, ENDPOINTS[known.cluster].number, octets + b"\x01" * 6)
        (answer,) = server(home).receive(asked, home.now, station=READER)
        assert answer.payload == bytes((0x18, 0x21, 0x0B, command, 0x82)), known.name
    assert home.held == before
