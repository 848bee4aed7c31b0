"""A prepayment display tops up, selects emergency credit and enables supply; nobody else does."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gbcs.errors import BuildError
from gbcs.ids import DeviceType, EntityId
from gbcs.security.utrn import Refusal
from gbcs.zcl.clusters import command_by_name
from smets.behaviours.display_commands import DisplayCommand
from smets.behaviours.han_access import AccessRefused
from smets.behaviours.supply import REASONS
from smets.esme.han_guard import ALLOWED
from smets.esme.han_settings import PublishSettings
from smets.events import Event, PowerLost
from smets.han.zcl import ApsMessage, parse_zcl
from smets.values import Value, pack
from tests.smets.han_asking import (
    DISPLAY,
    HERE,
    NUMBER,
    READER,
    REFUSED,
    STRANGER,
    SWITCH,
    acting,
    joined,
    request,
)
from tests.smets.homes import Home, token

PREPAYMENT: dict[str, Value] = {
    "PaymentMode": (2, 2),
    "MeterBalance": 1000,
    "EmergencyCreditLimit": 500,
    "EmergencyCreditBalance": 500,
    "EmergencyCreditThreshold": 100,
    "SupplierMessage": b"Hello",
}
ARMED: dict[str, Value] = {**PREPAYMENT, "SupplyState": 2}
DONE, NOT_DONE, UNAUTHORISED = 0x8154, 0x8155, 0x8F3E
NOT_AUTHORISED, FAILURE, SUCCESS = 0x7E, 0x01, 0x00
KINDS = {DISPLAY: DeviceType.PPMID, READER: DeviceType.TYPE2, SWITCH: DeviceType.HCALCS}


def home_of(items: dict[str, Value]) -> Home:
    """A meter with a device of each kind in its device log."""
    home = Home.new(items=items)
    for station, kind in KINDS.items():
        joined(home, station, kind)
    return home


def ask(home: Home, name: str, station: EntityId | None = DISPLAY, **changes: Any) -> dict[str, Any]:
    """The values of the one answer."""
    (answer,) = acting(home).receive(request(name, **changes), home.now, station=station)
    frame = parse_zcl(answer.cluster, answer.payload)
    assert frame.sequence == NUMBER
    return frame.values


def status(home: Home, name: str, station: EntityId | None = DISPLAY, **changes: Any) -> int:
    values = ask(home, name, station, **changes)
    assert values["CommandId"] == command_by_name(name).id
    return int(values["Status"])


def top_up(home: Home, digits: str | bytes, station: EntityId | None = DISPLAY) -> dict[str, Any]:
    return ask(home, "ConsumerTopUp", station, TopUpCode=digits)


def logged(home: Home) -> list[tuple[object, object]]:
    """Codes and other information of the Event Log."""
    return [(entry[1], entry[2]) for entry in home.work.log_entries("EventLog")]


def security(home: Home) -> list[object]:
    return [entry[1] for entry in home.work.log_entries("SecurityLog")]


# -- a prepayment display -----------------------------------------------------------------


def test_a_display_tops_up_once() -> None:
    home = home_of(PREPAYMENT)
    digits = token(1 << 32)
    accepted = {
        "ResultType": 0,
        "TopUpValue": 1_000_000,
        "SourceOfTopUp": 2,
        "CreditRemaining": 1_001_000,
    }
    refused = {"ResultType": 1, "TopUpValue": -1, "SourceOfTopUp": 2, "CreditRemaining": -1}
    assert top_up(home, digits) == accepted
    assert home.item("MeterBalance") == 1_001_000
    assert top_up(home, digits) == refused
    assert home.item("MeterBalance") == 1_001_000
    assert logged(home) == [(DONE, b"\x01\x16"), (NOT_DONE, b"\x01\x16")]
    assert security(home) == [0x8F51]


@pytest.mark.parametrize("digits", ["", "123", "1" * 20, b"\xff" * 20, "x" * 64])
def test_no_token_is_no_credit(digits: str | bytes) -> None:
    home = home_of(PREPAYMENT)
    assert top_up(home, digits)["ResultType"] == 1
    assert home.item("MeterBalance") == 1000
    assert logged(home) == [(NOT_DONE, b"\x01\x16")]


def test_a_refusal_may_have_a_result_of_its_own() -> None:
    home = home_of(PREPAYMENT)
    results = {Refusal.DUPLICATE: 2}
    server = acting(home, top_up_results=results, top_up_refused=3, top_up_accepted=9)
    asked = request("ConsumerTopUp", TopUpCode=token(1 << 32))
    found = []
    for sent in (asked, asked, request("ConsumerTopUp", TopUpCode="1")):
        (answer,) = server.receive(sent, home.now, station=DISPLAY)
        found.append(parse_zcl(answer.cluster, answer.payload).values["ResultType"])
    assert found == [9, 2, 3]
    with pytest.raises(BuildError):
        PublishSettings(top_up_results={Refusal.MAC: 256})


def test_emergency_credit_is_selected_when_it_is_available() -> None:
    home = home_of(PREPAYMENT)
    assert status(home, "SelectAvailableEmergencyCredit") == FAILURE
    home.run("ECS04a", [-950])
    assert status(home, "SelectAvailableEmergencyCredit") == SUCCESS
    assert status(home, "SelectAvailableEmergencyCredit") == SUCCESS  # it is active
    codes = [entry for entry in logged(home) if entry[0] in (DONE, NOT_DONE)]
    assert codes == [(NOT_DONE, b"\x01\x17"), (DONE, b"\x01\x17"), (DONE, b"\x01\x17")]


def test_only_an_armed_supply_is_enabled() -> None:
    home = home_of({**PREPAYMENT, "SupplyState": 0})
    assert status(home, "LocalChangeSupply") == FAILURE
    assert home.item("SupplyState") == 0
    home = home_of(ARMED)
    assert status(home, "LocalChangeSupply") == SUCCESS
    assert home.item("SupplyState") == 1
    assert logged(home) == [(DONE, b"\x01\x18")]


@pytest.mark.parametrize("supply", [0x00, 0x01, 0x03, 0xFF])
@pytest.mark.parametrize("state", [0, 1, 2])
def test_a_display_never_disables_or_arms(supply: int, state: int) -> None:
    home = home_of({**PREPAYMENT, "SupplyState": state})
    assert status(home, "LocalChangeSupply", ProposedSupplyStatus=supply) == FAILURE
    assert home.item("SupplyState") == state
    assert logged(home) == [(NOT_DONE, b"\x01\x18")]


def test_a_remotely_disabled_supply_stays_so() -> None:
    home = Home.new(items={**PREPAYMENT, "SupplyState": 2}, raw={REASONS: pack(("remote",))})
    joined(home, DISPLAY, DeviceType.PPMID)
    assert status(home, "LocalChangeSupply") == FAILURE
    assert home.item("SupplyState") == 2


def test_what_is_asked_for_is_in_the_store_when_it_is_answered() -> None:
    home = home_of(PREPAYMENT)
    top_up(home, token(1 << 32))
    home.restart()
    assert home.item("MeterBalance") == 1_001_000


def test_a_meter_without_power_does_nothing() -> None:
    home = home_of(ARMED)
    home.handle(PowerLost())
    assert status(home, "LocalChangeSupply") == FAILURE
    assert status(home, "ConsumerTopUp") == FAILURE
    assert home.item("SupplyState") == 2


def test_a_display_that_wants_no_default_response_is_served_all_the_same() -> None:
    home = home_of(ARMED)
    asked = request("LocalChangeSupply")
    quiet = ApsMessage(asked.cluster, HERE, asked.destination_endpoint, b"\x11" + asked.payload[1:])
    assert acting(home).receive(quiet, home.now, station=DISPLAY) == ()
    assert home.item("SupplyState") == 1


# -- anybody else -------------------------------------------------------------------------


@pytest.mark.parametrize("name", REFUSED)
@pytest.mark.parametrize("tells", [False, True])
@pytest.mark.parametrize("station", [DISPLAY, READER, SWITCH, STRANGER, None])
def test_who_may_ask_for_what(name: str, tells: bool, station: EntityId | None) -> None:
    """A station that is in no log is told of; one that only reads changes nothing (see the setting)."""
    home, told = home_of(ARMED), list[Event]()
    before = home.held
    server = acting(home, told, tells_of_readers=tells)
    (answer,) = server.receive(request(name), home.now, station=station)
    if station is not None and KINDS.get(station) in ALLOWED[name]:
        assert not any(isinstance(event, AccessRefused) for event in told)
        assert told
        assert (home.held != before) is (name != "ReportEventStatus")  # it has no such order
        return
    assert answer.payload == bytes((0x18, NUMBER, 0x0B, command_by_name(name).id, NOT_AUTHORISED))
    noticed = station is not None and (station not in KINDS or tells)
    assert told == ([AccessRefused(station, name)] if noticed and station is not None else [])
    assert security(home) == ([UNAUTHORISED] if noticed else [])
    assert (home.held == before) is not noticed
    assert logged(home) == []


@pytest.mark.parametrize("name", REFUSED)
def test_without_the_link_key_nobody_may(name: str) -> None:
    home, told = home_of(ARMED), list[Event]()
    asked = request(name)
    open_ = ApsMessage(asked.cluster, HERE, asked.destination_endpoint, asked.payload, encrypted=False)
    acting(home, told).receive(open_, home.now, station=DISPLAY)
    assert told == []


def test_a_display_that_left_may_no_longer() -> None:
    home = Home.new(items=ARMED)
    assert status(home, "LocalChangeSupply") == NOT_AUTHORISED
    joined(home, DISPLAY, DeviceType.PPMID)
    assert status(home, "LocalChangeSupply") == SUCCESS


def test_what_may_be_asked_for_is_what_others_are_refused() -> None:
    assert ALLOWED.keys() == REFUSED.keys()


HOUSE = home_of(ARMED)


@given(
    st.sampled_from(list(REFUSED)),
    st.binary(max_size=40),
    st.sampled_from([0x01, 0x11, 0x09, 0x03]),
    st.sampled_from([READER, SWITCH, STRANGER, None]),
)
def test_no_octets_let_others_act(name: str, payload: bytes, control: int, station: EntityId | None) -> None:
    told = list[Event]()
    asked = request(name)
    octets = bytes((control, NUMBER, command_by_name(name).id)) + payload
    sent = ApsMessage(asked.cluster, HERE, asked.destination_endpoint, octets)
    acting(HOUSE, told).receive(sent, HOUSE.now, station=station)
    assert not any(isinstance(event, DisplayCommand) for event in told)
    assert HOUSE.item("SupplyState") == 2


@given(st.sampled_from(list(REFUSED)), st.binary(max_size=40), st.sampled_from([0x01, 0x11]))
def test_arbitrary_octets_of_a_display_raise_nothing(name: str, payload: bytes, control: int) -> None:
    asked = request(name)
    octets = bytes((control, NUMBER, command_by_name(name).id)) + payload
    sent = ApsMessage(asked.cluster, HERE, asked.destination_endpoint, octets)
    for answer in acting(OPEN).receive(sent, OPEN.now, station=DISPLAY):
        parse_zcl(answer.cluster, answer.payload)


OPEN = home_of(PREPAYMENT)
