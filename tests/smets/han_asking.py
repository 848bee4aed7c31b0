"""Asking a meter by the commands of its clusters: what the tests of its answers share."""

from typing import Any

from gbcs.asn1.joins import DEVICE_TYPES, Method
from gbcs.ids import DeviceType, EntityId
from gbcs.time import Utc
from gbcs.zcl.clusters import command_by_name
from smets.behaviours.device_log import Entry, put
from smets.esme.han_settings import PublishSettings
from smets.esme.han_values import esme_values
from smets.events import Effect, Event
from smets.han.cluster_commands import ANSWERS
from smets.han.cluster_server import ClusterServer, ClusterSettings
from smets.han.endpoints import endpoints_of
from smets.han.zcl import ApsMessage, ZclFrame, frame_of, parse_zcl, wants_default_response
from smets.values import Value
from tests.smets.homes import Home

ENDPOINTS = endpoints_of("ESME")
HERE = 9
DISPLAY = EntityId.parse("00-DB-12-34-56-78-90-81")
READER = EntityId.parse("00-DB-12-34-56-78-90-82")
SWITCH = EntityId.parse("00-DB-12-34-56-78-90-83")
STRANGER = EntityId.parse("00-DB-12-34-56-78-90-84")
NUMBER = 0x21
NEVER = 0xFFFF_FFFF
SWITCHING, NON_DISABLEMENT = 0xFFFF_FFFF, 0xFFFF_FFFE
SCRIPTS = bytes.fromhex("00000A0064FF")
UNUSED = 0xFFFF_FFFF
COMMODITY: Value = (3, bytes.fromhex("0100010800FF"), 2)
INDEXES = (*range(1, 49), *(16 * block + tier for block in range(10, 14) for tier in range(1, 9)))
TARIFF: dict[str, Value] = {
    "TariffSwitchingTable.Days": (
        (1, ((bytes((0, 0, 0, 0)), SCRIPTS, 1), (bytes((7, 30, 0, 0)), SCRIPTS, 48))),
        (2, ((bytes((0xFF, 0xFF, 0, 0)), SCRIPTS, 101),)),
    ),
    "TariffSwitchingTable.Weeks": ((b"\x03", 1, 1, 1, 1, 1, 2, 2), (b"\x04", 2, 2, 2, 2, 2, 2, 2)),
    "TariffSwitchingTable.Seasons": (
        (b"a", bytes.fromhex("FFFF0101FF00000000800000"), b"\x03"),
        (b"b", bytes.fromhex("07EA0701FF00000000800000"), b"\x04"),
    ),
    "TariffSwitchingTable.SpecialDays": ((0, bytes.fromhex("FFFF0C19FF"), 2),),
    "TariffPriceMatrix": ((3, -4), COMMODITY, tuple((bytes((index,)), 1000 + index) for index in INDEXES)),
    "StandingCharge": ((0, -3), (0, bytes(6), 0), ((b"", 250),)),
    "TariffThresholdMatrix.TOU1": (100_000, 200_000, UNUSED),
}
TEXTS: dict[str, Value] = {
    "SupplierMessage": b"Good morning",
    "ContactDetails.Name": b"Supplier",
    "ContactDetails.TelephoneNumber": b"01234 567890",
    "CustomerIdentificationNumber": b"4711",
    "MeterPointAdministrationNumber.Import": b"1234567890123",
    "RestrictDataDateTime": Utc.of(2025, 12, 1).to_cosem(),
}
# A request of each kind that a meter answers, as a display would send it
REQUESTS: dict[str, dict[str, Any]] = {
    "GetCurrentPrice": {"CommandOptions": 0},
    "GetBillingPeriod": {
        "EarliestStartTime": 0,
        "MinIssuerEventId": NEVER,
        "NumberOfCommands": 1,
        "TariffType": 0,
    },
    "GetBlockPeriod": {"StartTime": 0, "NumberOfEvents": 1},
    "GetTariffInformation": {
        "EarliestStartTime": 0,
        "MinIssuerEventId": NEVER,
        "NumberOfCommands": 1,
        "TariffType": 0,
    },
    "GetPriceMatrix": {"IssuerTariffId": 1},
    "GetBlockThresholds": {"IssuerTariffId": 1},
    "GetSnapshot": {"EarliestStartTime": 0, "LatestEndTime": NEVER, "SnapshotOffset": 0, "SnapshotCause": 1},
    "GetSampledData": {"SampleId": 0, "EarliestSampleTime": 0, "SampleType": 0, "NumberOfSamples": 0},
    "GetTopUpLog": {"LatestEndTime": NEVER, "NumberOfRecords": 5},
    "GetLastMessage": {},
    "GetCalendar": {
        "EarliestStartTime": 0,
        "MinIssuerEventId": NEVER,
        "NumberOfCalendars": 0,
        "CalendarType": 0,
        "ProviderId": 0,
    },
    "GetDayProfiles": {"ProviderId": 0, "IssuerCalendarId": SWITCHING, "StartDayId": 1, "NumberOfDays": 0},
    "GetWeekProfiles": {"ProviderId": 0, "IssuerCalendarId": SWITCHING, "StartWeekId": 1, "NumberOfWeeks": 0},
    "GetSeasons": {"ProviderId": 0, "IssuerCalendarId": SWITCHING},
    "GetSpecialDays": {
        "StartTime": 0,
        "NumberOfEvents": 0,
        "CalendarType": 0,
        "ProviderId": 0,
        "IssuerCalendarId": SWITCHING,
    },
    "GetChangeOfTenancy": {},
    "GetChangeOfSupplier": {},
    "GetSiteID": {},
    "GetCIN": {},
    "GetEventLog": {
        "EventControlLogId": 0x13,
        "EventId": 0,
        "StartTime": 0,
        "EndTime": NEVER,
        "NumberOfEvents": 0,
        "EventOffset": 0,
    },
}
# What a meter knows and holds nothing for
NOT_HELD: dict[str, dict[str, Any]] = {"GetTierLabels": {"IssuerTariffId": 1}, "GetCalendarCancellation": {}}
CONFIRMATION = {"MessageId": 1, "ConfirmationTime": 5, "ConfirmationControl": 1, "Response": "Seen"}
REFUSED: dict[str, dict[str, Any]] = {
    "LocalChangeSupply": {"ProposedSupplyStatus": 2},
    "SelectAvailableEmergencyCredit": {"CommandIssueDateTime": 0, "OriginatingDevice": 2},
    "ConsumerTopUp": {"OriginatingDevice": 2, "TopUpCode": "12345678901234567890"},
    "MessageConfirmation": CONFIRMATION,
    "GetScheduledEvents": {"StartTime": 0, "NumberOfEvents": 0},
    "ReportEventStatus": {
        "IssuerEventId": 1,
        "EventStatus": 2,
        "EventStatusTime": 5,
        "CriticalityLevelApplied": 1,
        "CoolingSetPointApplied": 0,
        "HeatingSetPointApplied": 0,
        "AverageLoadAdjustmentApplied": 0,
        "DutyCycleApplied": 100,
        "EventControl": 0,
        "SignatureType": 0,
    },
}


def server(home: Home, settings: ClusterSettings | None = None, **publish: Any) -> ClusterServer:
    values = esme_values(home.device, lambda: 2, publish=PublishSettings(**publish))
    return ClusterServer(ENDPOINTS, values, settings or ClusterSettings())


def joined(home: Home, station: EntityId, kind: DeviceType) -> Home:
    """With a device in the meter's device log."""
    method = Method.B if kind is DeviceType.TYPE2 else Method.A_INITIATOR
    work = home.work
    put(work, Entry(station, DEVICE_TYPES.index(kind), method, 0, bytes(16)))
    work.commit()
    return home


def acting(home: Home, told: list[Event] | None = None, **publish: Any) -> ClusterServer:
    """A server that lets happen what it is asked for; `told`: what it lets happen."""

    def tell(event: Event) -> tuple[Effect, ...]:
        if told is not None:
            told.append(event)
        return home.handle(event)

    values = esme_values(home.device, lambda: 2, publish=PublishSettings(**publish), tell=tell)
    return ClusterServer(ENDPOINTS, values)


def message(name: str, payload: bytes) -> ApsMessage:
    known = command_by_name(name)
    assert known.cluster is not None
    endpoint = next(e.number for e in ENDPOINTS if known.cluster in e.servers)
    return ApsMessage(known.cluster, HERE, endpoint, payload)


def request(name: str, **changes: Any) -> ApsMessage:
    values = {**REQUESTS, **NOT_HELD, **REFUSED}[name] | changes
    return message(name, frame_of(name, NUMBER, values, default_response=True).octets())


def frames(
    home: Home, asked: ApsMessage, settings: ClusterSettings | None = None, **publish: Any
) -> list[ZclFrame]:
    found = []
    for answer in server(home, settings, **publish).receive(asked, home.now):
        assert (answer.source_endpoint, answer.destination_endpoint) == (asked.destination_endpoint, HERE)
        frame = parse_zcl(answer.cluster, answer.payload)
        assert frame.sequence == asked.payload[1]
        assert frame.to_client
        assert not wants_default_response(frame)
        found.append(frame)
    return found


def told(
    home: Home, name: str, settings: ClusterSettings | None = None, **changes: Any
) -> list[dict[str, Any]]:
    """The values of the answers, which may be a Default Response."""
    found = []
    for frame in frames(home, request(name, **changes), settings):
        known = frame.declared
        assert known is not None
        assert known.name == ("DefaultResponse" if frame.is_general else ANSWERS[name])
        assert not frame.rest
        found.append(frame.values)
    return found


def one(home: Home, name: str, settings: ClusterSettings | None = None, **changes: Any) -> dict[str, Any]:
    (answer,) = told(home, name, settings, **changes)
    return answer


def status(home: Home, name: str, settings: ClusterSettings | None = None, **changes: Any) -> int:
    answer = one(home, name, settings, **changes)
    assert answer["CommandId"] == command_by_name(name).id
    return int(answer["Status"])


def logged(home: Home, name: str, *entries: tuple[Value, ...]) -> Home:
    work = home.work
    for entry in entries:
        work.log(name, *entry)
    work.commit()
    return home
