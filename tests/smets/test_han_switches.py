"""A load switch asks a meter for its orders, and reports on them, by frames."""

from __future__ import annotations

from typing import Any

import pytest

from gbcs.errors import BuildError
from gbcs.ids import DeviceType, EntityId
from smets.behaviours.load_control import CancelLoadControlEvent, LoadControlEvent
from smets.esme.han_settings import PublishSettings
from smets.esme.han_switches import ordered
from smets.events import Effect, Event
from smets.han.zcl import frame_of, parse_zcl
from smets.values import Value
from tests.smets.han_asking import STRANGER, SWITCH, acting, joined, request
from tests.smets.homes import Home

SUCCESS, NOT_FOUND, NOT_AUTHORISED = 0x00, 0x8B, 0x7E
CONTROLLED: dict[str, Value] = {"AuxiliaryController1.TypeAndIdentifier": bytes(SWITCH)}
AUXILIARY_LOG = "AuxiliaryControllerEventLog"


def controlled() -> tuple[Home, LoadControlEvent]:
    """A meter with a switch that has just been given an order."""
    home = joined(Home.new(items=CONTROLLED), SWITCH, DeviceType.HCALCS)
    reply = home.run("ECS47a")
    assert not any(reply.results)
    return home, next(effect for effect in reply.effects if isinstance(effect, LoadControlEvent))


def ask(home: Home, name: str, station: EntityId = SWITCH, **values: Any) -> tuple[int, list[Effect]]:
    """The status of the answer, and what came of it."""
    done: list[Effect] = []

    def happens(event: Event) -> tuple[Effect, ...]:
        found = before(event)
        done.extend(found)
        return found

    before = home.handle
    home.handle = happens  # type: ignore[method-assign,assignment]
    (answer,) = acting(home).receive(request(name, **values), home.now, station=station)
    home.handle = before  # type: ignore[method-assign]
    return parse_zcl(answer.cluster, answer.payload).values["Status"], done


def outcomes(home: Home) -> list[Value]:
    return [entry[2] for entry in home.work.log_entries(AUXILIARY_LOG)]


def event_log(home: Home) -> list[tuple[Value, ...]]:
    return [entry[1:] for entry in home.work.log_entries("EventLog")]


def test_a_switch_gets_its_order_again() -> None:
    home, order = controlled()
    status, done = ask(home, "GetScheduledEvents")
    assert status == SUCCESS
    assert [effect for effect in done if isinstance(effect, LoadControlEvent)] == [order]
    assert event_log(home) == [(0x8154, b"\x01\x19")]


def test_a_switch_that_controls_nothing_has_no_orders() -> None:
    home = joined(Home.new(), SWITCH, DeviceType.HCALCS)
    assert ask(home, "GetScheduledEvents")[0] == NOT_FOUND
    assert event_log(home) == [(0x8155, b"\x01\x19")]


@pytest.mark.parametrize(("event_status", "outcome"), [(0x02, [0, 1]), (0x01, [0]), (0xFE, [0, 2])])
def test_a_switch_reports(event_status: int, outcome: list[int]) -> None:
    home, order = controlled()
    assert outcomes(home) == [0]
    report = {"IssuerEventId": order.event, "EventStatus": event_status}
    assert ask(home, "ReportEventStatus", **report)[0] == SUCCESS
    assert outcomes(home) == outcome


def test_the_report_of_another_station_is_not_listened_to() -> None:
    home, order = controlled()
    assert ask(home, "ReportEventStatus", STRANGER, IssuerEventId=order.event)[0] == NOT_AUTHORISED
    assert ask(home, "GetScheduledEvents", STRANGER)[0] == NOT_AUTHORISED
    other = joined(home, STRANGER, DeviceType.HCALCS)
    assert ask(other, "ReportEventStatus", STRANGER, IssuerEventId=order.event)[0] == SUCCESS
    assert outcomes(home) == [0]


@pytest.mark.parametrize("on", [True, False])
def test_the_frame_of_an_order(on: bool) -> None:
    home, order = controlled()
    order = LoadControlEvent(SWITCH, order.event, home.now, order.minutes, on)
    told = ordered(order, PublishSettings())
    values = parse_zcl(0x0701, frame_of(told.command, 1, told.values).octets()).values
    assert values == {
        "IssuerEventId": order.event,
        "DeviceClass": 0xFFFF,
        "UtilityEnrollmentGroup": 0,
        "StartTime": home.now.seconds,
        "DurationInMinutes": order.minutes,
        "CriticalityLevel": 1,
        "CoolingTemperatureOffset": 0xFF,
        "HeatingTemperatureOffset": 0xFF,
        "CoolingSetPoint": -32768,
        "HeatingSetPoint": -32768,
        "AverageLoadAdjustment": -128,
        "DutyCycle": 100 if on else 0,
        "EventControl": 0,
    }


def test_the_frame_that_takes_an_order_back() -> None:
    told = ordered(CancelLoadControlEvent(SWITCH, 7), PublishSettings(device_class=0x0080))
    values = parse_zcl(0x0701, frame_of(told.command, 1, told.values).octets()).values
    assert values == {
        "IssuerEventId": 7,
        "DeviceClass": 0x0080,
        "UtilityEnrollmentGroup": 0,
        "CancelControl": 0,
        "EffectiveTime": 0,
    }


@pytest.mark.parametrize("wrong", [{"device_class": 0x10000}, {"criticality": 256}])
def test_settings_that_do_not_fit(wrong: dict[str, int]) -> None:
    with pytest.raises(BuildError):
        PublishSettings(**wrong)  # type: ignore[arg-type]
