"""A consumer gets every day that a meter keeps, from the start of a supply on (seed decisions S93 to S95)."""

from __future__ import annotations

import datetime

import pytest

from gbcs.dlms.axdr import CompactArray
from gbcs.dlms.selective import Range
from gbcs.ids import DeviceType
from gbcs.time import Utc
from hil.daily_export import DayUsed, days_of, stored_days
from smets.events import Metrology, PowerLost, TimerDue
from smets.han.zcl import parse_zcl
from smets.store import MemoryStore, StoreError
from smets.values import pack
from smets.work import LOG
from tests.smets.han_asking import READER, joined, logged, request, server
from tests.smets.homes import VARIANTS, Home, plaintext

NAME = "DailyConsumptionLog"
DAY = 86_400
FIRST = Utc.of(2024, 1, 2).seconds  # when the first day ended
SUPPLY_START = datetime.date(2025, 6, 1)
DAYS = 731


def used(number: int) -> int:
    return 5000 + number


def full(variant: str = "single") -> Home:
    """A meter that has lived through more days than it keeps; a display of the consumer is joined."""
    home = Home.new(variant)
    logged(home, NAME, *((FIRST + DAY * n, used(n)) for n in range(DAYS + 20)))
    return joined(home, READER, DeviceType.TYPE2)


def day(number: int) -> datetime.date:
    return datetime.date(2024, 1, 1) + datetime.timedelta(days=number)


WANTED = tuple(DayUsed(day(n), used(n)) for n in range(20, DAYS + 20))


def on_display(home: Home, since: datetime.date) -> list[DayUsed]:
    """What a display of the consumer reads, part by part, until there is no more."""
    start = Utc.of(since.year, since.month, since.day).seconds + 1
    found: list[DayUsed] = []
    while True:
        asked = request("GetSampledData", SampleId=1, EarliestSampleTime=start)
        (answer,) = server(home).receive(asked, home.now, station=READER)
        frame = parse_zcl(answer.cluster, answer.payload)
        if frame.is_general:
            assert frame.values["Status"] == 0x8B
            return found
        values = frame.values
        for n, amount in enumerate(values["Samples"]):
            end = Utc.from_seconds(values["SampleStartTime"] + n * DAY - DAY)
            found.append(DayUsed(end.to_datetime().date(), amount))
        start = values["SampleStartTime"] + (len(values["Samples"]) - 1) * DAY + 1
        assert len(found) <= DAYS


@pytest.mark.parametrize("variant", VARIANTS)
def test_a_display_gets_every_day(variant: str) -> None:
    """24 months, for nothing but the asking (S93); leap day and all."""
    found = on_display(full(variant), datetime.date(2000, 1, 2))
    assert tuple(found) == WANTED
    assert datetime.date(2024, 2, 29) in {one.day for one in found}


def test_a_display_asks_from_the_start_of_the_supply_on() -> None:
    found = on_display(full(), SUPPLY_START)
    assert found[0] == DayUsed(SUPPLY_START, used((SUPPLY_START - day(0)).days))
    assert tuple(found) == tuple(one for one in WANTED if one.day >= SUPPLY_START)


def test_whoever_reads_by_message_gets_the_days_of_his_supply() -> None:
    """ECS66, by a range of dates that begins with the supply (S94)."""
    start = Utc.of(2025, 6, 1).seconds
    reply = full().run("ECS66", within=Range(start + DAY, 0xFFFF_FFFF))
    (entries,) = (one.value for one in plaintext(reply).value if isinstance(one.value, CompactArray))
    times = [entry.value[0].value for entry in entries.entries]
    assert times == list(range(start + DAY, FIRST + DAY * (DAYS + 20), DAY))


@pytest.mark.parametrize(("since", "count"), [(None, 731), (day(20), 731), (day(700), 51), (day(751), 0)])
def test_days_since(since: datetime.date | None, count: int) -> None:
    found = days_of(full().work, since)
    assert len(found) == count
    assert found == WANTED[len(WANTED) - count :]


def test_a_failing_meter_is_read_before_it_is_replaced() -> None:
    """Its power is gone for good; its store gives what it held, and stays as it is (S95)."""
    old = Home.new()
    for _ in range(3):
        old.handle(Metrology(import_wh=700))
        old.wait(DAY)
        old.handle(TimerDue())
    old.handle(PowerLost())
    before = old.held
    saved = stored_days(old.store)
    assert [one.import_wh for one in saved] == [700, 700, 700]
    assert [str(one.day) for one in saved] == ["2026-01-01", "2026-01-02", "2026-01-03"]
    assert old.held == before
    new = Home.new()
    assert stored_days(new.store) == ()
    new.handle(Metrology(import_wh=5))
    assert stored_days(old.store) == saved


def test_a_store_without_a_meter_and_a_damaged_one() -> None:
    with pytest.raises(StoreError, match="no meter has this store"):
        stored_days(MemoryStore())
    home = full()
    home.store.commit({f"{LOG}{NAME}/00001": pack("?")})
    assert len(stored_days(home.store)) == DAYS - 1
