"""The logs a meter gives to the home area network."""

import pytest

from gbcs.errors import BuildError
from gbcs.time import Utc
from smets.esme.han_settings import PublishSettings
from smets.events import Metrology, TimerDue
from smets.han.cluster_server import ClusterSettings
from smets.values import Value
from tests.smets.han_asking import frames, logged, one, request, status
from tests.smets.homes import START, VARIANTS, Home

# -- logs ---------------------------------------------------------------------------------


def day_entry(home: Home, time: int, total: int) -> tuple[Value, ...]:
    tou = tuple(range(total, total + 48))
    blocks = [tuple(range(10 * b + 1, 10 * b + 9)) for b in range(1, 5)]  # block 1, tiers 1 to 8: 11 to 18
    return (time, total, 5, tou, (1,) * 4, *blocks) if home.variant == "twin" else (time, total, tou, *blocks)


@pytest.mark.parametrize("variant", VARIANTS)
def test_snapshots(variant: str) -> None:
    home = Home.new(variant)
    logged(home, "DailyReadLog.Import", *(day_entry(home, 100 * n, 1000 * n) for n in (1, 2, 3)))
    logged(home, "BillingDataLog.CalendarRegisters", day_entry(home, 250, 2500))
    first = one(home, "GetSnapshot")
    assert first == {
        "SnapshotId": 0,
        "SnapshotTime": 100,
        "TotalSnapshotsFound": 3,
        "CommandIndex": 0,
        "TotalNumberOfCommands": 1,
        "SnapshotCause": 1,
        "SnapshotPayloadType": 6,
        "CurrentSummationDelivered": 1000,
        "NumberOfTiersInUse": 48,
        "TierSummations": list(range(1000, 1048)),
        "NumberOfTiersAndBlockThresholdsInUse": 0x83,
        "BlockSummations": [10 * block + tier for tier in range(1, 9) for block in range(1, 5)],
    }
    times = [one(home, "GetSnapshot", SnapshotOffset=n, SnapshotCause=3)["SnapshotTime"] for n in range(4)]
    assert times == [100, 200, 250, 300]
    assert one(home, "GetSnapshot", SnapshotOffset=2, SnapshotCause=3)["SnapshotCause"] == 2
    window = {"EarliestStartTime": 101, "LatestEndTime": 200}
    assert one(home, "GetSnapshot", **window)["TotalSnapshotsFound"] == 1
    for nothing in ({"SnapshotOffset": 3}, {"SnapshotCause": 0}, {"SnapshotCause": 8}, {"LatestEndTime": 99}):
        assert status(home, "GetSnapshot", **nothing) == 0x8B, nothing


def test_a_snapshot_as_settings_have_it() -> None:
    home = Home.new("twin")
    logged(home, "DailyReadLog.Import", day_entry(home, 100, 1000))
    (frame,) = frames(home, request("GetSnapshot"), snapshot_by_tiers=False, snapshot_blocks=0x38)
    blocks = [10 * block + tier for block in range(1, 5) for tier in range(1, 9)]
    assert (frame.values["NumberOfTiersAndBlockThresholdsInUse"], frame.values["BlockSummations"]) == (
        0x38,
        blocks,
    )
    with pytest.raises(BuildError):
        PublishSettings(snapshot_blocks=0x100)


@pytest.mark.parametrize("variant", VARIANTS)
def test_a_snapshot_as_recorded(variant: str) -> None:
    """Midnight passes: what the registers hold is what is told of the day."""
    registers = {
        "TariffTOUBlockRegisterMatrix.Block4.TOU8": 77,
        "TariffTOUBlockRegisterMatrix.Block1.TOU2": 5,
    }
    home = Home.new(variant, items={**registers, "TariffTOURegisterMatrix.TOU48": 9})
    home.now = home.now.plus(86_400)
    home.handle(TimerDue())
    told = one(home, "GetSnapshot")
    assert [n for n in told["BlockSummations"] if n] == [5, 77]
    assert (told["BlockSummations"][4], told["BlockSummations"][31], told["TierSummations"][47]) == (5, 77, 9)


@pytest.mark.parametrize("variant", VARIANTS)
def test_samples_as_recorded(variant: str) -> None:
    home = Home.new(variant)
    for amount in (10, 20, 30):
        home.handle(Metrology(import_wh=amount))
        home.wait(1800)
        home.handle(TimerDue())
    assert one(home, "GetSampledData") == {
        "SampleId": 0,
        "SampleStartTime": START.floor(1800).plus(1800).seconds,
        "SampleType": 0,
        "SampleRequestInterval": 1800,
        "NumberOfSamples": 3,
        "Samples": [10, 20, 30],
    }


def test_samples() -> None:
    home = logged(Home.new(), "ProfileDataLog.ActiveImport", *((1800 * n, n) for n in (1, 2, 3, 5, 6)))
    logged(home, "DailyConsumptionLog", (86_400, 77))
    assert one(home, "GetSampledData")["Samples"] == [1, 2, 3]  # a gap ends an answer
    after = one(home, "GetSampledData", EarliestSampleTime=1800 * 3 + 1)
    assert (after["SampleStartTime"], after["Samples"]) == (1800 * 5, [5, 6])
    assert one(home, "GetSampledData", NumberOfSamples=2)["Samples"] == [1, 2]
    daily = one(home, "GetSampledData", SampleId=1)
    assert (daily["SampleRequestInterval"], daily["Samples"]) == (0xFFFF, [77])
    for nothing in ({"SampleId": 2}, {"SampleType": 1}, {"EarliestSampleTime": 1800 * 6 + 1}):
        assert status(home, "GetSampledData", **nothing) == 0x8B, nothing


def test_samples_have_an_end() -> None:
    home = logged(Home.new(), "ProfileDataLog.ActiveImport", *((1800 * n, n) for n in range(1, 701)))
    (frame,) = frames(home, request("GetSampledData"), ClusterSettings(max_octets=100))
    assert len(frame.octets()) <= 100
    assert frame.values["Samples"] == list(range(1, 29))
    assert len(one(home, "GetSampledData")["Samples"]) > 400


def test_a_sample_that_is_more_than_its_field_can_say() -> None:
    home = logged(Home.new(), "ProfileDataLog.ActiveImport", (1800, 1 << 24))
    assert status(home, "GetSampledData") == 0x01


def test_top_ups() -> None:
    home = logged(Home.new(), "BillingDataLog.PrepaymentCredits", *((100 * n, 1000 * n) for n in range(1, 6)))
    answer = one(home, "GetTopUpLog", NumberOfRecords=2)
    assert (answer["CommandIndex"], answer["TotalNumberOfCommands"]) == (0, 1)
    assert [(e["TopUpTime"], e["TopUpAmount"], e["TopUpCode"]) for e in answer["TopUpPayload"]] == [
        (400, 4000, ""),
        (500, 5000, ""),
    ]
    assert len(one(home, "GetTopUpLog", NumberOfRecords=0, LatestEndTime=300)["TopUpPayload"]) == 3
    assert status(home, "GetTopUpLog", LatestEndTime=99) == 0x8B


def test_nothing_older_than_the_change_of_tenancy() -> None:
    home = Home.new(items={"RestrictDataDateTime": Utc.from_seconds(200).to_cosem()})
    logged(home, "DailyReadLog.Import", *(day_entry(home, 100 * n, 1000 * n) for n in (1, 2, 3)))
    logged(home, "DailyConsumptionLog", (100, 1))
    logged(home, "BillingDataLog.PrepaymentCredits", (100, 1), (200, 2))
    assert one(home, "GetSnapshot")["TotalSnapshotsFound"] == 2
    assert one(home, "GetSnapshot")["SnapshotTime"] == 200
    assert status(home, "GetSnapshot", LatestEndTime=199) == 0x7E
    assert status(home, "GetSnapshot", LatestEndTime=99) == 0x8B
    assert status(home, "GetSampledData", SampleId=1) == 0x7E
    assert status(home, "GetSampledData", SampleId=1, EarliestSampleTime=101) == 0x8B
    assert [e["TopUpTime"] for e in one(home, "GetTopUpLog")["TopUpPayload"]] == [200]
    assert status(home, "GetTopUpLog", LatestEndTime=150) == 0x7E


def events(home: Home, *entries: tuple[Value, ...]) -> Home:
    return logged(home, "EventLog", *entries)


def test_event_log() -> None:
    home = events(Home.new(), (100, 0x8145, b""), (200, 0x8154, b"\x00\x62"), (300, 0x8154, b"\x00\x01"))
    answer = one(home, "GetEventLog", EndTime=300)
    assert answer == {
        "TotalNumberOfEvents": 3,
        "CommandIndex": 0,
        "TotalCommands": 1,
        "LogPayloadControl": 0,
        "LogPayload": [
            {"LogId": 3, "EventId": 0x8145, "EventTime": 100, "EventData": ""},
            {"LogId": 3, "EventId": 0x8154, "EventTime": 200, "EventData": b"\x00\x62"},
            {"LogId": 3, "EventId": 0x8154, "EventTime": 300, "EventData": b"\x00\x01"},
        ],
    }


def test_parts_of_an_event_log() -> None:
    home = events(Home.new(), *((n, 0x8154, n.to_bytes(8, "big")) for n in range(100)))
    settings = ClusterSettings(max_octets=200)
    parts = frames(home, request("GetEventLog"), settings)
    assert len(parts) > 5
    assert [frame.values["CommandIndex"] for frame in parts] == list(range(len(parts)))
    assert {frame.values["TotalCommands"] for frame in parts} == {len(parts)}
    assert {frame.values["TotalNumberOfEvents"] for frame in parts} == {100}
    assert all(len(frame.octets()) <= 200 for frame in parts)
    assert [e["EventTime"] for frame in parts for e in frame.values["LogPayload"]] == list(range(100))


@pytest.mark.parametrize(
    ("changes", "times"),
    [
        ({"EventId": 0x8145}, [100]),
        ({"StartTime": 101}, [200, 300]),
        ({"EndTime": 299}, [100, 200]),
        ({"NumberOfEvents": 1}, [100]),
        ({"EventOffset": 1}, [200, 300]),
        ({"EventOffset": 1, "NumberOfEvents": 1}, [200]),
    ],
)
def test_which_events(changes: dict[str, int], times: list[int]) -> None:
    home = events(Home.new(), (100, 0x8145, b""), (200, 0x8154, b"\x00\x62"), (300, 0x8154, b"\x00\x63"))
    answer = one(home, "GetEventLog", **{"EndTime": 300, **changes})
    assert [entry["EventTime"] for entry in answer["LogPayload"]] == times


def test_logs_without_data_and_others() -> None:
    home = events(Home.new(), (200, 0x8154, b"\x00\x62"))
    logged(home, "SecurityLog", (300, 0x8F0C))
    (entry,) = one(home, "GetEventLog", EventControlLogId=0x03)["LogPayload"]
    assert entry["EventData"] == ""
    security = one(home, "GetEventLog", EventControlLogId=0x04, EventId=0x8F0C)
    assert [(e["LogId"], e["EventTime"]) for e in security["LogPayload"]] == [(4, 300)]
    for log in (0x10, 0x11, 0x16, 0x07, 0x0F):
        assert status(home, "GetEventLog", EventControlLogId=log) == 0x8B
    assert status(home, "GetEventLog", EventOffset=200) == 0x8B
