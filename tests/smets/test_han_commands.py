"""What a meter answers to commands of its clusters on the home area network."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gbcs.ids import DeviceType
from gbcs.time import Utc
from gbcs.zcl.clusters import command_by_name, commands
from smets.behaviours.charging import PREPAYMENT_MODE
from smets.esme.han_values import esme_values
from smets.esme.messages import MessageConfirmed, confirmed
from smets.eventlog import write
from smets.events import Event, Happened, Metrology, TimerDue
from smets.han.cluster_server import ClusterServer, ClusterSettings
from smets.han.ota_values import OtaValues
from smets.han.zcl import ApsMessage, parse_zcl, wants_default_response
from smets.values import Value
from tests.smets.han_asking import (
    ENDPOINTS,
    HERE,
    NON_DISABLEMENT,
    NOT_HELD,
    NUMBER,
    READER,
    REFUSED,
    REQUESTS,
    SWITCHING,
    TARIFF,
    TEXTS,
    acting,
    frames,
    joined,
    message,
    one,
    request,
    server,
    status,
    told,
)
from tests.smets.homes import VARIANTS, Home

MONTHLY: Value = ((bytes((6, 30, 0, 0)), bytes.fromhex("FFFFFF1CFF")),)

# -- every request ------------------------------------------------------------------------


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("name", REQUESTS)
def test_every_request_is_answered_or_finds_nothing(name: str, variant: str) -> None:
    assert status_or_commands(Home.new(variant), name) in ("found", 0x8B)
    full = Home.new(variant, items={**TARIFF, **TEXTS, "BillingCalendar": MONTHLY})
    full.handle(Metrology(import_wh=700))
    for _ in range(3):
        full.wait(86_400)
        full.handle(TimerDue())
    work = full.work
    write(work, "EventLog", 0x8054)
    work.log("BillingDataLog.PrepaymentCredits", work.time.seconds, 1000)
    work.commit()
    assert status_or_commands(full, name) == "found"


def status_or_commands(home: Home, name: str) -> object:
    answers = told(home, name)
    return answers[0]["Status"] if "Status" in answers[0] and "CommandId" in answers[0] else "found"


@pytest.mark.parametrize("kind", [DeviceType.TYPE2, DeviceType.PPMID])
@pytest.mark.parametrize("changes", [{}, {"Response": b"\xff\x00"}, {"Response": None}])
def test_a_message_is_confirmed(changes: dict[str, Any], kind: DeviceType) -> None:
    home, told = joined(Home.new(items=TEXTS), READER, kind), list[Event]()
    asked = request("MessageConfirmation", **changes)
    (answer,) = acting(home, told).receive(asked, home.now, station=READER)
    assert answer.payload == bytes((0x18, NUMBER, 0x0B, 0x01, 0x00))
    response = {"Response": b"Seen", **changes}["Response"] or b""
    assert told == [MessageConfirmed(1, 5, 1, response)]
    assert confirmed(home.work) == told[0]
    short = ApsMessage(asked.cluster, HERE, asked.destination_endpoint, asked.payload[:11])
    acting(home, told).receive(short, home.now, station=READER)
    assert told[1:] == [MessageConfirmed(1, 5)]
    assert confirmed(home.work) == told[1]


@pytest.mark.parametrize(("held", "number"), [(b"", 1), (b"Hello", 2)])
def test_what_is_not_held_is_not_confirmed(held: bytes, number: int) -> None:
    home, told = joined(Home.new(items={"SupplierMessage": held}), READER, DeviceType.TYPE2), list[Event]()
    asked = request("MessageConfirmation", MessageId=number)
    (answer,) = acting(home, told).receive(asked, home.now, station=READER)
    assert answer.payload[-1] == 0x8B
    assert told == []


def test_a_new_message_has_not_been_confirmed() -> None:
    home = Home.new(items=TEXTS)
    home.handle(MessageConfirmed(1, 5))
    (outcome,) = [effect for effect in home.handle(MessageConfirmed(1, 6)) if isinstance(effect, Happened)]
    assert (outcome.verdict, outcome.text) == ("confirmed", "message 00000001")
    home.run("ECS10")
    assert home.work.item("SupplierMessage") != TEXTS["SupplierMessage"]
    assert confirmed(home.work) is None


@pytest.mark.parametrize("name", NOT_HELD)
def test_what_a_meter_does_not_hold(name: str) -> None:
    assert status(Home.new(items={**TARIFF, **TEXTS}), name) == 0x8B


@pytest.mark.parametrize("name", REFUSED)
def test_nobody_acts_on_a_meter_that_cannot_be_told(name: str) -> None:
    home = Home.new(items={"PaymentMode": (PREPAYMENT_MODE, 2)})
    before = home.held
    assert status(home, name) == 0x7E
    assert home.held == before


def test_what_the_meter_does_not_take() -> None:
    taken = {*REQUESTS, *NOT_HELD, *REFUSED}
    served = {cluster for endpoint in ENDPOINTS for cluster in endpoint.servers} - {0x0704, 0x0800}
    for known in commands():
        if known.cluster not in served or known.to_client or known.name in taken:
            continue
        (answer,) = frames(Home.new(), message(known.name, bytes((0x01, NUMBER, known.id))))
        assert answer.octets().hex() == f"1821{0x0B:02x}{known.id:02x}81", known.name


@pytest.mark.parametrize("name", [*REQUESTS, *REFUSED])
def test_a_request_that_is_cut_short_is_malformed(name: str) -> None:
    whole = request(name).payload
    may_end = {11, 12} if name == "MessageConfirmation" else set[int]()  # before a field that may be absent
    for length in set(range(3, len(whole))) - may_end:
        (answer,) = frames(Home.new(items=TARIFF), message(name, whole[:length]))
        assert answer.octets() == bytes((0x18, NUMBER, 0x0B, whole[2], 0x80)), length


@pytest.mark.parametrize("name", [*REQUESTS, *REFUSED])
def test_octets_behind_the_fields_are_not_looked_at(name: str) -> None:
    home = Home.new(items=TARIFF)
    asked = request(name)
    longer = ApsMessage(asked.cluster, HERE, asked.destination_endpoint, asked.payload + b"\xff" * 9)
    assert [f.octets() for f in frames(home, longer)] == [f.octets() for f in frames(home, asked)]


HOME = Home.new(items={**TARIFF, **TEXTS})
names = st.sampled_from([*REQUESTS, *NOT_HELD, *REFUSED])


@given(names, st.binary(max_size=40), st.sampled_from([0x01, 0x11, 0x09, 0x03]), st.booleans())
def test_arbitrary_payloads(name: str, payload: bytes, control: int, broadcast: bool) -> None:
    asked = message(name, bytes((control, NUMBER, command_by_name(name).id)) + payload)
    for answer in server(HOME).receive(asked, HOME.now, broadcast):
        frame = parse_zcl(answer.cluster, answer.payload)
        assert frame.sequence == NUMBER
        assert not wants_default_response(frame)
        assert server(HOME).receive(answer, HOME.now) == ()


def test_a_broadcast_and_a_request_without_default_response() -> None:
    home = Home.new()
    asked = request("GetSeasons")
    assert server(home).receive(asked, home.now, broadcast=True) == ()
    quiet = ApsMessage(asked.cluster, HERE, asked.destination_endpoint, b"\x11" + asked.payload[1:])
    assert server(home).receive(quiet, home.now) == ()
    assert len(frames(home, quiet, ClusterSettings(answers_errors=True))) == 1


def test_a_client_of_images_leaves_commands_to_the_others() -> None:
    home = Home.new(items=TARIFF)
    values = OtaValues(None, esme_values(home.device, lambda: 2))  # type: ignore[arg-type]
    for name in ("GetSeasons", "GetCurrentPrice", "GetBillingPeriod", "GetCalendar"):
        asked = request(name)
        assert ClusterServer(ENDPOINTS, values).receive(asked, home.now) == server(home).receive(
            asked, home.now
        )


# -- calendar -----------------------------------------------------------------------------


def test_day_profiles() -> None:
    first, second = told(Home.new(items=TARIFF), "GetDayProfiles")
    assert first["DayId"] == 1
    assert first["TotalNumberOfScheduleEntries"] == 2
    assert (first["CalendarType"], first["IssuerCalendarId"]) == (0, SWITCHING)
    assert first["DayScheduleEntries"] == [
        {"StartTimeMinutes": 0, "PriceTierOrFriendlyCreditEnable": 1},
        {"StartTimeMinutes": 450, "PriceTierOrFriendlyCreditEnable": 48},
    ]
    assert second["DayScheduleEntries"] == [{"StartTimeMinutes": 0, "PriceTierOrFriendlyCreditEnable": 101}]
    assert one(Home.new(items=TARIFF), "GetDayProfiles", StartDayId=2) == second
    assert one(Home.new(items=TARIFF), "GetDayProfiles", NumberOfDays=1) == first
    assert status(Home.new(items=TARIFF), "GetDayProfiles", StartDayId=3) == 0x8B


def test_week_profiles_and_seasons() -> None:
    home = Home.new(items=TARIFF)
    week, _ = told(home, "GetWeekProfiles")
    assert [week[n] for n in ("WeekId", "DayIdRefMonday", "DayIdRefFriday", "DayIdRefSaturday")] == [
        3,
        1,
        1,
        2,
    ]
    seasons = one(home, "GetSeasons")["SeasonEntries"]
    assert [(str(s["SeasonStartDate"]), s["WeekIdRef"]) for s in seasons] == [
        ("*-01-01", 3),
        ("2026-07-01", 4),
    ]


def test_weeks_with_longer_names_are_numbered() -> None:
    items: dict[str, Value] = {
        "TariffSwitchingTable.Weeks": ((b"wk1", *(1,) * 7), (b"\x09", *(2,) * 7)),
        "TariffSwitchingTable.Seasons": (
            (b"a", bytes.fromhex("FFFF0101FF00000000800000"), b"\x09"),
            (b"b", bytes.fromhex("09010101FF00000000800000"), b"none"),
        ),
    }
    home = Home.new(items=items)
    assert [week["WeekId"] for week in told(home, "GetWeekProfiles")] == [1, 2]
    seasons = one(home, "GetSeasons")["SeasonEntries"]
    assert [(str(s["SeasonStartDate"]), s["WeekIdRef"]) for s in seasons] == [("*-01-01", 2), ("*-01-01", 0)]


def test_special_days_and_types_of_calendars() -> None:
    home = Home.new(items=TARIFF)
    assert one(home, "GetCalendar", CalendarType=0xFF) == one(home, "GetCalendar")
    assert status(home, "GetCalendar", CalendarType=3) == 0x8B
    answer = one(home, "GetSpecialDays")
    assert answer["TotalNumberOfSpecialDays"] == 1
    assert [(str(d["SpecialDayDate"]), d["DayIdRef"]) for d in answer["SpecialDayEntries"]] == [
        ("*-12-25", 2)
    ]
    assert status(home, "GetSpecialDays", CalendarType=3) == 0x8B


@pytest.mark.parametrize("name", ["GetDayProfiles", "GetWeekProfiles", "GetSeasons", "GetSpecialDays"])
@pytest.mark.parametrize("calendar", [NON_DISABLEMENT, 0, 470793600])
def test_other_calendars(name: str, calendar: int) -> None:
    assert status(Home.new(items=TARIFF), name, IssuerCalendarId=calendar) == 0x8B


# -- texts --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("GetLastMessage", {"Message": "Good morning", "MessageId": 1, "DurationInMinutes": 0xFFFF}),
        (
            "GetCalendar",
            {
                "NumberOfSeasons": 2,
                "NumberOfWeekProfiles": 2,
                "NumberOfDayProfiles": 2,
                "IssuerCalendarId": SWITCHING,
            },
        ),
        (
            "GetChangeOfTenancy",
            {
                "ImplementationDateTime": Utc.of(2025, 12, 1).seconds,
                "ProposedTenancyChangeControl": 0x200,
            },
        ),
        (
            "GetChangeOfSupplier",
            {
                "ProposedProviderName": "Supplier",
                "ProposedProviderContactDetails": "01234 567890",
                "ProviderChangeControl": 0x1800,
            },
        ),
        ("GetSiteID", {"SiteID": "1234567890123"}),
        ("GetCIN", {"CustomerIDNumber": "4711"}),
    ],
)
def test_what_is_in_force(name: str, expected: dict[str, Any]) -> None:
    answer = one(Home.new(items={**TARIFF, **TEXTS}), name)
    assert {field: answer[field] for field in expected} == expected


@pytest.mark.parametrize(
    "name", ["GetLastMessage", "GetCalendar", "GetChangeOfTenancy", "GetChangeOfSupplier"]
)
def test_what_was_never_set(name: str) -> None:
    assert status(Home.new(), name) == 0x8B
