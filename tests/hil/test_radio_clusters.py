"""Clusters on the air: the meter reads the hub's time, the hub the meter's metering, as keys allow."""

from collections.abc import Iterator

import pytest

from gbcs.errors import BuildError, LocalError
from hil.homes import on_radio, open_home
from hil.monikers import Moniker
from hil.runner import Runner
from hil.scenario import parse_scenario
from smets.events import Metrology, PowerLost, PowerRestored
from smets.han.attribute_client import Readings
from smets.han.endpoints import BASIC, KEEP_ALIVE, KEY_ESTABLISHMENT, METER, PREPAYMENT, SUB_GHZ, TIME
from tests.hil.homes import HOME, READ, failures
from tests.hil.homes import METER as METER_TEXT

pytest.importorskip("bellows", reason="the radio libraries are not installed: pip install '.[radio]'")

from hil.radio_home import RadioHome

FAILURE = 0x01


@pytest.fixture(scope="module")
def home() -> Iterator[RadioHome]:
    """A hub and a meter that has joined. Tests leave the meter with power."""
    scenario = on_radio(parse_scenario(HOME + METER_TEXT + READ, "test"), Moniker("virtual", ""))
    with open_home(scenario) as made:
        assert isinstance(made, RadioHome)
        assert failures(list(Runner(scenario, made))) == []
        yield made


def test_the_meter_reads_the_time(home: RadioHome) -> None:
    names = ("Time", "TimeStatus", "LastSetTime", "ValidUntilTime")
    told = home.read("meter", "hub", TIME, names)
    assert told.refused == {}
    assert told.failed is None
    assert told.values["Time"] == home.now.seconds
    assert told.values["ValidUntilTime"] > told.values["LastSetTime"] == home.now.seconds
    home.advance(3600)
    assert home.read("meter", "hub", TIME, ["Time"]).values["Time"] == home.now.seconds


@pytest.mark.parametrize(("cluster", "name"), [(TIME, "Time"), (KEEP_ALIVE, "TCKeepAliveBase")])
def test_without_the_link_key_it_fails(home: RadioHome, cluster: int, name: str) -> None:
    assert home.read("meter", "hub", cluster, [name], encrypted=False) == Readings({}, {}, FAILURE)
    assert name in home.read("meter", "hub", cluster, [name]).values


@pytest.mark.parametrize("encrypted", [None, False, True])
@pytest.mark.parametrize(("reader", "station"), [("meter", "hub"), ("hub", "meter")])
def test_basic_needs_no_link_key(home: RadioHome, reader: str, station: str, encrypted: bool | None) -> None:
    told = home.read(
        reader, station, BASIC, ["ManufacturerName", "ZCLVersion", "PhysicalEnvironment"], encrypted
    )
    assert told.values["ManufacturerName"] == "0000"
    assert list(told.refused) == ["PhysicalEnvironment"]


@pytest.mark.parametrize(("reader", "station"), [("meter", "hub"), ("hub", "meter")])
def test_suites(home: RadioHome, reader: str, station: str) -> None:
    told = home.read(reader, station, KEY_ESTABLISHMENT, ["KeyEstablishmentSuite"])
    assert told.values == {"KeyEstablishmentSuite": 2}


def test_a_reader_sees_what_metrology_counted(home: RadioHome) -> None:
    names = ("CurrentSummationDelivered", "InstantaneousDemand", "UnitOfMeasure", "Divisor", "SupplyStatus")
    before = home.read("hub", "meter", METER, names).values
    home.event("meter", Metrology(import_wh=1250, power_w=700))
    after = home.read("hub", "meter", METER, names).values
    assert after["CurrentSummationDelivered"] == before["CurrentSummationDelivered"] + 1250
    assert [str(after[name]) for name in names[1:]] == ["700", "kWh", "1000", "on"]
    assert home.read("hub", "meter", METER, names, encrypted=False).failed == FAILURE


def test_what_the_meter_does_not_hold(home: RadioHome) -> None:
    told = home.read("hub", "meter", PREPAYMENT, ["CreditRemaining", "EmergencyCreditLimit"])
    assert told.refused == {"CreditRemaining": 0x86}  # it is in credit mode
    with pytest.raises(LocalError, match="no cluster 070B"):
        home.read("hub", "meter", SUB_GHZ, ["ChannelChange"])
    with pytest.raises(BuildError, match="Weather"):
        home.read("hub", "meter", METER, ["Weather"])


def test_without_power_nothing_is_answered(home: RadioHome, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hil.radio_node.ANSWER_SECONDS", 0.2)
    home.event("meter", PowerLost())
    with pytest.raises(TimeoutError):
        home.read("hub", "meter", BASIC, ["ZCLVersion"])
    home.event("meter", PowerRestored())
    home.advance(10)
    assert home.read("hub", "meter", BASIC, ["ZCLVersion"]).values
