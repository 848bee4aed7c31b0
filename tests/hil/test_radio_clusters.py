"""Clusters on the air: the meter reads the hub's time, the hub the meter's metering, as keys allow."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from gbcs.asn1.joins import DEVICE_TYPES, Method
from gbcs.errors import BuildError, LocalError
from gbcs.ids import DeviceType
from gbcs.zcl.clusters import attributes_of
from hil.homes import on_radio, open_home
from hil.monikers import Moniker
from hil.runner import Runner
from hil.scenario import parse_scenario
from smets.behaviours.charging import EMERGENCY_ACTIVE
from smets.behaviours.device_log import Entry, put, remove
from smets.device import Device
from smets.esme.messages import MessageConfirmed, confirmed
from smets.events import Metrology, PowerLost, PowerRestored
from smets.han.attribute_client import Readings
from smets.han.command_client import Answers
from smets.han.endpoints import (
    BASIC,
    KEEP_ALIVE,
    KEY_ESTABLISHMENT,
    METER,
    PREPAYMENT,
    PRICE,
    SUB_GHZ,
    TIME,
)
from smets.values import Value
from tests.hil.homes import HOME, READ, failures
from tests.hil.homes import METER as METER_TEXT

pytest.importorskip("bellows", reason="the radio libraries are not installed: pip install '.[radio]'")

from hil.radio.interface import SendError
from hil.radio_home import RadioHome
from tests.hil.test_radio_home import dissected

SUCCESS, FAILURE, NOT_FOUND, NOT_AUTHORISED = 0x00, 0x01, 0x8B, 0x7E
CREDIT: dict[str, Value] = {
    "PaymentMode": (2, 2),
    "SupplierWANAlerts": "1" * 256,
    "EmergencyCreditLimit": 500,
    "EmergencyCreditBalance": 500,
    "EmergencyCreditThreshold": 100,
}


@pytest.fixture(scope="module")
def air(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Where the capture and the keys of the home are written."""
    folder = tmp_path_factory.mktemp("capture")
    return folder / "home.pcapng", folder / "keys"


@pytest.fixture(scope="module")
def home(air: tuple[Path, Path]) -> Iterator[RadioHome]:
    """A hub and a meter that has joined. Tests leave the meter with power."""
    scenario = on_radio(parse_scenario(HOME + METER_TEXT + READ, "test"), Moniker("virtual", ""))
    with open_home(scenario, capture=air[0], keyfile=air[1]) as made:
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


def test_a_node_asks_by_commands(home: RadioHome) -> None:
    told = home.request("hub", "meter", "GetCurrentPrice", {"CommandOptions": 0})
    assert told.whole
    assert [answer.command for answer in told.commands] == ["PublishPrice"]
    assert told.commands[0].values["CurrentTime"] == home.now.seconds
    asked = {"IssuerTariffId": 1}
    assert home.request("hub", "meter", "GetPriceMatrix", asked) == Answers((), NOT_FOUND)
    assert home.request("meter", "hub", "GetPriceMatrix", asked) == Answers((), NOT_FOUND)
    assert home.request("hub", "meter", "GetPriceMatrix", asked, encrypted=False) == Answers((), FAILURE)
    with pytest.raises(LocalError, match="of no cluster"):
        home.request("hub", "meter", "ReadAttributes")
    with pytest.raises(LocalError, match="no cluster 0019"):
        home.request("hub", "meter", "QueryNextImageRequest")
    with pytest.raises(BuildError):
        home.request("hub", "meter", "GetWeather")


def display_of(home: RadioHome, kind: DeviceType) -> Device:
    """The meter, with the hub's radio in its device log as a display."""
    device = home.stations["meter"].device
    work = device.observe(home.now)
    put(work, Entry(home.hub.address.station, DEVICE_TYPES.index(kind), Method.B, 0, bytes(16)))
    work.commit()
    return device


def test_a_message_is_confirmed_on_the_air(home: RadioHome) -> None:
    device = display_of(home, DeviceType.TYPE2)
    confirmation = {"MessageId": 1, "ConfirmationTime": 5}
    assert home.request("hub", "meter", "MessageConfirmation", confirmation) == Answers((), NOT_FOUND)
    work = device.observe(home.now)
    work.set_item("SupplierMessage", b"Hello")
    work.commit()
    assert home.request("hub", "meter", "GetLastMessage").commands[0].values["Message"] == "Hello"
    assert home.request("hub", "meter", "MessageConfirmation", confirmation) == Answers((), SUCCESS)
    home.advance(1)
    assert confirmed(device.observe(home.now)) == MessageConfirmed(1, 5)
    assert [line.text for line in home.transcript.lines if line.verdict == "confirmed"] == [
        "message 00000001"
    ]


def test_a_display_acts_on_the_air(home: RadioHome) -> None:
    """What it asks for has happened when it is answered; the supplier and the display are told."""
    device = display_of(home, DeviceType.PPMID)
    work = device.observe(home.now)
    for name, value in CREDIT.items():
        work.set_item(name, value)
    work.commit()
    before = len(home.received)
    asked = {"CommandIssueDateTime": 0, "OriginatingDevice": 2}
    assert home.request("hub", "meter", "SelectAvailableEmergencyCredit", asked) == Answers((), SUCCESS)
    assert device.observe(home.now).value(EMERGENCY_ACTIVE) is True
    supply = {"ProposedSupplyStatus": 2}
    assert home.request("hub", "meter", "LocalChangeSupply", supply) == Answers((), SUCCESS)
    wrong = {"OriginatingDevice": 2, "TopUpCode": "1" * 20}
    (answer,) = home.request("hub", "meter", "ConsumerTopUp", wrong).commands
    assert (answer.command, answer.values["ResultType"]) == ("ConsumerTopUpResponse", 1)
    home.advance(5)
    assert len(home.received) > before  # the supplier hears of emergency credit
    (line,) = [line for line in home.transcript.lines if line.layer == "zcl"]
    assert (line.sender, line.code, line.verdict) == ("meter", "PublishEvent", "lost")
    assert line.text.endswith("has no client of cluster 0709")  # a hub is no display
    work = device.observe(home.now)
    remove(work, home.hub.address.station)
    work.commit()
    assert home.request("hub", "meter", "LocalChangeSupply", supply) == Answers((), NOT_AUTHORISED)


@pytest.mark.parametrize(
    ("reader", "station", "clusters"),
    [("meter", "hub", (BASIC, TIME, KEEP_ALIVE)), ("hub", "meter", (BASIC, METER, PREPAYMENT, PRICE))],
)
def test_what_is_answered_dissects(
    home: RadioHome, air: tuple[Path, Path], reader: str, station: str, clusters: tuple[int, ...]
) -> None:
    held = 0
    for cluster in clusters:
        names = [known.name for known in attributes_of(cluster)]
        told = home.read(reader, station, cluster, names)
        assert {*told.values, *told.refused} == set(names)
        held += len(told.values)
    assert held >= 9
    rows = dissected(*air, "_ws.malformed", "zbee_aps.cluster", "zbee_zcl.cmd.id", "_ws.expert.message")
    assert [row for row in rows if row[0] or row[3]] == []
    answers = {int(row[1], 0) for row in rows if row[1] and row[2] and int(row[2].split(",")[0], 0) == 1}
    assert set(clusters) <= answers


def test_without_power_nothing_is_answered(home: RadioHome) -> None:
    home.event("meter", PowerLost())
    with pytest.raises(SendError):
        home.read("hub", "meter", BASIC, ["ZCLVersion"])
    with pytest.raises(LocalError, match="meter has no power"):
        home.read("meter", "hub", BASIC, ["ZCLVersion"])
    with pytest.raises(LocalError, match="meter has no power"):
        home.request("meter", "hub", "GetCurrentPrice", {"CommandOptions": 0})
    home.event("meter", PowerRestored())
    home.advance(10)
    assert home.read("hub", "meter", BASIC, ["ZCLVersion"]).values
