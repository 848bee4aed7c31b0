"""Commands with the fields that Wireshark's dissectors read: the second source of the tables, asked again."""

from __future__ import annotations

import re
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

import gbcs.zcl.commands_rows as rows
from gbcs.errors import ParseError
from gbcs.time import Utc
from gbcs.zcl.clusters import Command, command_by_name
from gbcs.zcl.fieldlist import Field
from gbcs.zcl.types import BITMAP8, OCTET_STRING, UTC
from smets.han.cluster_commands import ANSWERS
from smets.han.zcl import HEADER, frame_of, parse_zcl

from .virtual.dissect import ZclField, ZclPacket, dissect_zcl

NUMBER = 7
START, EVENT = 0x0102_0304, 0x0506_0708
ISSUED: dict[str, Any] = {"EarliestStartTime": START, "MinIssuerEventId": EVENT, "NumberOfCommands": 9}
ISSUED_NAMES = ("price.earliest_start_time", "price.min_issuer_event_id", "price.number_of_commands")
TARIFF: dict[str, Any] = {"IssuerTariffId": 0x1112_1314}
LABELS = [{"TierId": 1, "TierLabel": "day"}, {"TierId": 2, "TierLabel": "night"}]
LOAD: dict[str, Any] = {"IssuerEventId": EVENT, "DeviceClass": 0x0102, "UtilityEnrollmentGroup": 9}
LOAD_NAMES = ("drlc.issuer_id", "drlc.device_class", "drlc.utility_enrollment_group")
# The command, its fields, and what the dissector calls each of them. Bits: tariff type 0 to 3, digits 4 to 7.
COMMANDS: dict[str, tuple[dict[str, Any], tuple[str, ...]]] = {
    "GetBlockPeriod": (
        {"StartTime": START, "NumberOfEvents": 5, "TariffType": 1},
        ("price.start_time", "price.number_of_events", "price.tariff_type"),
    ),
    "GetConversionFactor": (ISSUED, ISSUED_NAMES),
    "GetCalorificValue": (ISSUED, ISSUED_NAMES),
    "GetTariffInformation": ({**ISSUED, "TariffType": 1}, (*ISSUED_NAMES, "price.tariff_type")),
    "GetPriceMatrix": (TARIFF, ("price.issuer_tariff_id",)),
    "GetBlockThresholds": (TARIFF, ("price.issuer_tariff_id",)),
    "GetTierLabels": (TARIFF, ("price.issuer_tariff_id",)),
    "GetConsolidatedBill": ({**ISSUED, "TariffType": 2}, (*ISSUED_NAMES, "price.tariff_type")),
    "PublishTierLabels": (
        {
            "ProviderId": 0x2122_2324,
            "IssuerEventId": EVENT,
            **TARIFF,
            "CommandIndex": 3,
            "TotalNumberOfCommands": 4,
            "Labels": LABELS,
        },
        (
            "price.provider_id",
            "price.issuer_event_id",
            "price.issuer_tariff_id",
            "price.command_index",
            "price.total_number_of_commands",
            "price.tier_labels.number_of_labels",
            *("price.tier_labels.tier_id", "price.tier_labels.tier_label") * len(LABELS),
        ),
    ),
    "PublishConsolidatedBill": (
        {
            "ProviderId": 0x2122_2324,
            "IssuerEventId": EVENT,
            "BillingPeriodStartTime": START,
            "BillingPeriodDuration": 0x31_3233,
            "BillingPeriodDurationType": 0x23,
            "TariffType": 1,
            "ConsolidatedBill": 0x4142_4344,
            "Currency": 0x033A,
            "BillTrailingDigit": 0x50,
        },
        (
            "price.provider_id",
            "price.issuer_event_id",
            "price.start_time",
            "price.billing_period.duration",
            "price.billing_period.duration.type",
            "price.tariff_type_mask",
            "price.consolidated_bill",
            "price.currency",
            "price.consolidated_bill.trailing_digit",
        ),
    ),
    "ReportEventStatus": (
        {
            "IssuerEventId": EVENT,
            "EventStatus": 2,
            "EventStatusTime": START,
            "CriticalityLevelApplied": 1,
            "CoolingSetPointApplied": 0x2122,
            "HeatingSetPointApplied": 0x2324,
            "AverageLoadAdjustmentApplied": 0x25,
            "DutyCycleApplied": 0x26,
            "EventControl": 3,
            "SignatureType": 1,
        },
        (
            "drlc.report_event.issuer_id",
            "drlc.report_event.event_status",
            "drlc.report_event.event_status_time",
            "drlc.report_event.criticality_level_applied",
            "drlc.report_event.cooling_temperature_set_point_applied",
            "drlc.report_event.heating_temperature_set_point_applied",
            "drlc.report_event.average_load_adjustment_percentage_applied",
            "drlc.report_event.duty_cycle_applied",
            "drlc.report_event.event_control",
            "drlc.report_event.signature_type",
        ),
    ),
    "GetScheduledEvents": (
        {"StartTime": START, "NumberOfEvents": 5},
        ("drlc.get_scheduled_events.start_time", "drlc.get_scheduled_events.numbers_of_events"),
    ),
    "LoadControlEvent": (
        {
            **LOAD,
            "StartTime": START,
            "DurationInMinutes": 0x0B0C,
            "CriticalityLevel": 1,
            "CoolingTemperatureOffset": 0x0D,
            "HeatingTemperatureOffset": 0x0E,
            "CoolingSetPoint": 0x2122,
            "HeatingSetPoint": 0x2324,
            "AverageLoadAdjustment": 0x25,
            "DutyCycle": 0x26,
            "EventControl": 3,
        },
        (
            *LOAD_NAMES,
            "drlc.start_time",
            "drlc.duration_in_minutes",
            "drlc.criticality_level",
            "drlc.cooling_temperature_offset",
            "drlc.heating_temperature_offset",
            "drlc.cooling_temperature_set_point",
            "drlc.heating_temperature_set_point",
            "drlc.average_load_adjustment_percentage",
            "drlc.duty_cycle",
            "drlc.event_control",
        ),
    ),
    "CancelLoadControlEvent": (
        {**LOAD, "CancelControl": 1, "EffectiveTime": START},
        (*LOAD_NAMES, "drlc.cancel_control", "drlc.effective_time"),
    ),
    "CancelAllLoadControlEvents": ({"CancelControl": 1}, ("drlc.cancel_control",)),
    "PublishEvent": (
        {"LogId": 3, "EventId": 0x81AB, "EventTime": START, "EventControl": 1, "EventData": "AB"},
        (
            "events.publish_event.log_id",
            "events.publish_event.event_id",
            "events.publish_event.event_time",
            "events.publish_event.event_control",
            "events.publish_event.event_data",
        ),
    ),
    "GetLastMessage": ({}, ()),
    "MessageConfirmation": (
        {"MessageId": EVENT, "ConfirmationTime": START, "ConfirmationControl": 1, "Response": "yes"},
        ("msg.message.id", "msg.message.confirm_time", "msg.message.confirm.ctrl", "msg.message"),
    ),
    "CancelMessage": ({"MessageId": EVENT, "MessageControl": 0}, ("msg.message.id", "msg.message.ctrl")),
    "CancelAllMessages": ({"ImplementationTime": START}, ("msg.impl_time",)),
    "GetCalendar": (
        {
            "EarliestStartTime": START,
            "MinIssuerEventId": EVENT,
            "NumberOfCalendars": 9,
            "CalendarType": 3,
            "ProviderId": 0x2122_2324,
        },
        (
            "calendar.earliest_start_time",
            "calendar.min_issuer_event_id",
            "calendar.number_of_calendars",
            "calendar.type",
            "calendar.provider_id",
        ),
    ),
    "GetCalendarCancellation": ({}, ()),
    "CancelCalendar": (
        {"ProviderId": 0x2122_2324, "IssuerCalendarId": EVENT, "CalendarType": 3},
        ("calendar.provider_id", "calendar.issuer_calendar_id", "calendar.type"),
    ),
    "GetChangeOfTenancy": ({}, ()),
    "GetChangeOfSupplier": ({}, ()),
    "GetSiteID": ({}, ()),
    "GetCIN": ({}, ()),
}
every = pytest.mark.parametrize("name", COMMANDS)


def octets_of(name: str) -> bytes:
    return frame_of(name, NUMBER, COMMANDS[name][0]).octets()


def cluster_of(name: str) -> int:
    cluster = command_by_name(name).cluster
    assert cluster is not None
    return cluster


@pytest.fixture(scope="module")
def read(tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, int], ZclPacket]:
    """Every command of each length from the header on, as tshark reads it, and with an octet more."""
    cut = [(name, length) for name in COMMANDS for length in range(HEADER, len(octets_of(name)) + 2)]
    frames = [(cluster_of(name), (octets_of(name) + b"\0")[:length]) for name, length in cut]
    return dict(zip(cut, dissect_zcl(tmp_path_factory.mktemp("zcl"), frames), strict=True))


def test_every_row_of_this_source_is_here() -> None:
    lines = Path(rows.__file__).read_text(encoding="utf-8").splitlines()
    marked = [re.search(r'0x\w\w, "(\w+)"', line) for line in lines if line.endswith("# [D]")]
    assert {found[1] for found in marked if found} == set(COMMANDS)
    assert len(marked) == len(COMMANDS)


@every
def test_it_has_the_name_and_the_fields_of_ours(name: str, read: dict[tuple[str, int], ZclPacket]) -> None:
    octets = octets_of(name)
    command, *fields = (field for field in read[name, len(octets)].fields if field.size)
    assert not read[name, len(octets)].malformed
    side = "srv_tx" if command_by_name(name).to_client else "srv_rx"
    assert command.name.endswith(f".cmd.{side}.id")
    assert name == re.sub(r"\W", "", command.text.partition(": ")[2].partition(" (")[0].replace("(s)", ""))
    assert tuple(field.name for field in fields) == COMMANDS[name][1]
    at = HEADER
    for field, (known, value, size) in zip(fields, written(command_by_name(name), octets), strict=True):
        assert (field.offset, field.size) == (at, size)
        assert shown(known, field) == value, field
        at += size
    assert at == len(octets)


def written(command: Command, octets: bytes) -> list[tuple[Field, Any, int]]:
    """The fields that have octets, with those inside entries: what they are, their values and sizes."""
    assert command.fields is not None
    found: list[tuple[Field, Any, int]] = []
    values = parse_zcl(cluster_of(command.name), octets).values

    def add(members: Any, held: dict[str, Any]) -> None:
        for member in members:
            value = held[member.name]
            if isinstance(member, Field):
                text = value if isinstance(value, str) else ""
                size = len(text) + 1 if member.type == OCTET_STRING else _SIZES[member.type]
                found.append((member, value, size))
                continue
            for entry in value:
                add(member.items.members, entry)

    add(command.fields.members, {"NumberOfLabels": len(LABELS), **values})
    return found


_SIZES = {BITMAP8: 1, 0x19: 2, UTC: 4, 0x20: 1, 0x21: 2, 0x22: 3, 0x23: 4, 0x28: 1, 0x29: 2, 0x30: 1}


def shown(known: Field, field: ZclField) -> Any:
    """What tshark shows of a field, as a value of ours."""
    if field.name == "drlc.effective_time":  # it takes some of its bits only
        return COMMANDS["CancelLoadControlEvent"][0]["EffectiveTime"]
    if known.type == UTC and not field.show.isdigit():
        moment = datetime.strptime(field.show.partition(".")[0] + " +0000", "%b %d, %Y %H:%M:%S %z")
        return Utc.of(*moment.timetuple()[:6]).seconds
    if known.type == OCTET_STRING:
        return bytes.fromhex(field.show.replace(":", "")).decode() if ":" in field.show else field.show
    return int(field.show, 0)


@every
def test_it_is_whole_where_ours_is(name: str, read: dict[tuple[str, int], ZclPacket]) -> None:
    """A frame that is cut short is malformed there where it is here; octets behind the fields never are."""
    octets = octets_of(name)
    for length in range(HEADER + 1, len(octets) + 2):  # without a payload tshark looks for none
        try:
            frame = parse_zcl(cluster_of(name), (octets + b"\0")[:length])
        except ParseError:
            assert read[name, length].malformed, length
        else:
            assert not read[name, length].malformed, length
            assert frame.rest == b"\0" * (length > len(octets))


def test_what_answers_them() -> None:
    asked = {name for name in COMMANDS if name.startswith("Get")} - {"GetScheduledEvents"}
    assert asked <= set(ANSWERS)
    assert all(command_by_name(ANSWERS[name]).fields is not None for name in asked)
