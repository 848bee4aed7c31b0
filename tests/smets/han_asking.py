"""Asking a meter by the commands of its clusters: what the tests of its answers share."""

from typing import Any

from gbcs.time import Utc
from gbcs.zcl.clusters import command_by_name
from smets.esme.han_settings import PublishSettings
from smets.esme.han_values import esme_values
from smets.han.cluster_commands import ANSWERS
from smets.han.cluster_server import ClusterServer, ClusterSettings
from smets.han.endpoints import endpoints_of
from smets.han.zcl import ApsMessage, ZclFrame, frame_of, parse_zcl, wants_default_response
from smets.values import Value
from tests.smets.homes import Home

ENDPOINTS = endpoints_of("ESME")
HERE = 9
NUMBER = 0x21
NEVER = 0xFFFF_FFFF
SWITCHING, NON_DISABLEMENT = 0xFFFF_FFFF, 0xFFFF_FFFE
UNREAD = ClusterSettings(unread_requests=True)
SCRIPTS = bytes.fromhex("00000A0064FF")
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
    "GetSnapshot": {"EarliestStartTime": 0, "LatestEndTime": NEVER, "SnapshotOffset": 0, "SnapshotCause": 1},
    "GetSampledData": {"SampleId": 0, "EarliestSampleTime": 0, "SampleType": 0, "NumberOfSamples": 0},
    "GetTopUpLog": {"LatestEndTime": NEVER, "NumberOfRecords": 5},
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
    "GetEventLog": {
        "EventControlLogId": 0x13,
        "EventId": 0,
        "StartTime": 0,
        "EndTime": NEVER,
        "NumberOfEvents": 0,
        "EventOffset": 0,
    },
}
UNREAD_REQUESTS = (
    "GetLastMessage",
    "GetCalendar",
    "GetChangeOfTenancy",
    "GetChangeOfSupplier",
    "GetSiteID",
    "GetCIN",
)
REFUSED: dict[str, dict[str, Any]] = {
    "LocalChangeSupply": {"ProposedSupplyStatus": 2},
    "SelectAvailableEmergencyCredit": {"CommandIssueDateTime": 0, "OriginatingDevice": 2},
    "ConsumerTopUp": {"OriginatingDevice": 2, "TopUpCode": "12345678901234567890"},
}


def server(home: Home, settings: ClusterSettings | None = None, **publish: Any) -> ClusterServer:
    values = esme_values(home.device, lambda: 2, publish=PublishSettings(**publish))
    return ClusterServer(ENDPOINTS, values, settings or ClusterSettings())


def message(name: str, payload: bytes) -> ApsMessage:
    known = command_by_name(name)
    assert known.cluster is not None
    endpoint = next(e.number for e in ENDPOINTS if known.cluster in e.servers)
    return ApsMessage(known.cluster, HERE, endpoint, payload)


def request(name: str, **changes: Any) -> ApsMessage:
    if name in UNREAD_REQUESTS or name == "MessageConfirmation":
        return message(name, bytes((0x01, NUMBER, command_by_name(name).id)))
    values = {**REQUESTS, **REFUSED}[name] | changes
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
