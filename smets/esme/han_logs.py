"""The logs an ESME gives to the home area network: snapshots, samples, top-ups.

What is older than the restriction of a change of tenancy is not given (ECS12). Source: reference,
smets-esme 3 and 7, gbz-payloads 4 and 8, chts-hub 10.1.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from ..behaviours.tenancy import restricted_until
from ..han.cluster_commands import NOT_AUTHORISED, Answer, Asked, CommandRow, Told, fitting, in_parts
from ..values import Value
from ..work import Work
from .han_settings import PublishSettings

Entry = tuple[Value, ...]
DELIVERED = 0x00  # sample type
BLOCK_TIER_SET = 6  # snapshot payload type
SAMPLE_OCTETS = 3
BLOCKS = 4  # the last registers of an entry


class SnapshotLog(NamedTuple):
    """A log of register snapshots, and the causes its entries have."""

    cause: int
    name: str


class SampleLog(NamedTuple):
    """A log of consumption, its interval as the answer says it, and in seconds."""

    name: str
    interval: int
    seconds: int


SNAPSHOTS = (
    SnapshotLog(0x0000_0001, "DailyReadLog.Import"),
    SnapshotLog(0x0000_0002, "BillingDataLog.CalendarRegisters"),
    SnapshotLog(0x0000_6008, "BillingDataLog.ModeOrTariffChange"),
)
SAMPLES = {
    0x0000: SampleLog("ProfileDataLog.ActiveImport", 1800, 1800),
    0x0001: SampleLog("DailyConsumptionLog", 0xFFFF, 86_400),  # FFFF is read as a day
}


def log_rows(settings: PublishSettings) -> tuple[CommandRow, ...]:
    """The logs of a meter."""
    return (
        CommandRow("GetSnapshot", lambda asked: _snapshot(asked, settings)),
        CommandRow("GetSampledData", _samples),
        CommandRow("GetTopUpLog", _top_ups),
    )


def _between(entries: Iterable[Entry], first: int, last: int) -> Iterator[Entry]:
    """The entries with a time in a window, both ends included."""
    return (entry for entry in entries if isinstance(entry[0], int) and first <= entry[0] <= last)


def _refused(work: Work, entries: Iterable[Entry], first: int, last: int) -> Answer:
    """Nothing found, or not to be seen (chts-hub 10.5)."""
    hidden = min(last, restricted_until(work) - 1)
    return NOT_AUTHORISED if any(_between(entries, first, hidden)) else ()


def _snapshot(asked: Asked, settings: PublishSettings) -> Answer:
    """One snapshot, the oldest at offset 0; its number is the offset.

    The 48 TOU registers of the primary element are as many tiers, those of its blocks follow.
    """
    values, work = asked.values, asked.work
    first, last = values["EarliestStartTime"], values["LatestEndTime"]
    logs = [log for log in SNAPSHOTS if log.cause & values["SnapshotCause"]]
    visible = max(first, restricted_until(work))
    found: list[tuple[Any, int, Entry]] = [
        (entry[0], log.cause, entry)
        for log in logs
        for entry in _between(work.log_entries(log.name), visible, last)
    ]
    found.sort(key=lambda one: one[0])
    offset = values["SnapshotOffset"]
    if offset >= len(found):
        held = [] if found else [entry for log in logs for entry in work.log_entries(log.name)]
        return _refused(work, held, first, last)
    time, cause, (_, summation, *registers) = found[offset]
    tiers = next((part for part in registers if isinstance(part, tuple)), ())
    blocks: Any = registers[-BLOCKS:]
    in_order = zip(*blocks, strict=True) if settings.snapshot_by_tiers else blocks
    told = {
        "SnapshotId": offset,
        "SnapshotTime": time,
        "TotalSnapshotsFound": min(len(found), 0xFF),
        "CommandIndex": 0,
        "TotalNumberOfCommands": 1,
        "SnapshotCause": cause,
        "SnapshotPayloadType": BLOCK_TIER_SET,
        "CurrentSummationDelivered": summation,
        "TierSummations": tiers,
        "NumberOfTiersAndBlockThresholdsInUse": settings.snapshot_blocks,
        "BlockSummations": tuple(register for part in in_order for register in part),
    }
    return (Told("PublishSnapshot", told),)


def _samples(asked: Asked) -> Answer:
    """The samples from a time on that follow each other without a gap, as many as are asked for and fit.

    The time of a sample is that of its log entry, the end of its interval.
    """
    values, work = asked.values, asked.work
    log = SAMPLES.get(values["SampleId"])
    if log is None or values["SampleType"] != DELIVERED:
        return ()
    first = values["EarliestSampleTime"]
    common = {
        "SampleId": values["SampleId"],
        "SampleStartTime": 0,
        "SampleType": DELIVERED,
        "SampleRequestInterval": log.interval,
    }
    room = fitting("GetSampledDataResponse", {**common, "Samples": ()}, SAMPLE_OCTETS, asked.room)
    most = min(values["NumberOfSamples"] or room, room)
    start, run = 0, list[Value]()
    for time, amount, *_ in _between(
        work.log_entries(log.name), max(first, restricted_until(work)), 0xFFFF_FFFF
    ):
        if not isinstance(time, int):
            continue
        if run and (len(run) == most or time != start + len(run) * log.seconds):
            break
        start = start if run else time
        run.append(amount)
    if not run:
        return _refused(work, work.log_entries(log.name), first, 0xFFFF_FFFF)
    return (Told("GetSampledDataResponse", {**common, "SampleStartTime": start, "Samples": run}),)


def _top_ups(asked: Asked) -> Answer:
    """The latest top-ups, oldest first; the log keeps no codes, which are left empty."""
    values, work = asked.values, asked.work
    name, last = "BillingDataLog.PrepaymentCredits", values["LatestEndTime"]
    found = list(_between(work.log_entries(name), restricted_until(work), last))
    if not found:
        return _refused(work, work.log_entries(name), 0, last)
    payload = [
        {"TopUpCode": b"", "TopUpAmount": amount, "TopUpTime": time}
        for time, amount, *_ in found[-(values["NumberOfRecords"] or len(found)) :]
    ]
    return in_parts("PublishTopUpLog", {}, payload, asked.room)
