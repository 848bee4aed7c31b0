"""Registers, half hours, days, demand, logs: what was counted is recorded, once, and never lost."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gbcs.dlms.axdr import CompactArray
from gbcs.dlms.selective import Range
from gbcs.time import Utc
from smets.behaviours.clock import set_clock
from smets.behaviours.metering import MAX_U32, REGISTERS, Metering, MeteringSettings
from smets.device import STARTED, Device
from smets.esme.meter import EsmeOptions, esme_profile
from smets.events import Metrology, PowerLost, PowerRestored, TimerDue
from smets.store import MemoryStore
from smets.values import Value
from tests.smets.homes import START, Home, plaintext, profile

HALF_HOUR, DAY = 1800, 86_400


def log(home: Home, name: str) -> list[tuple[Value, ...]]:
    return list(home.work.log_entries(name))


def until(home: Home, time: Utc) -> None:
    home.now = time
    home.handle(TimerDue())


def test_half_hours_are_recorded_at_their_end() -> None:
    home = Home.new()
    home.handle(Metrology(import_wh=100, import_varh=7, export_wh=3, export_varh=1))
    home.wait(20 * 60)  # 00:30, still part of the half hour that ends
    home.handle(Metrology(import_wh=50))
    assert [e[1] for e in log(home, "ProfileDataLog.ActiveImport")] == [150]
    home.handle(Metrology(import_wh=5))  # it is recorded already
    home.wait(HALF_HOUR - 1)
    home.handle(Metrology(import_wh=20))
    assert [e[1] for e in log(home, "ProfileDataLog.ActiveImport")] == [150]
    home.wait(1)
    home.handle(TimerDue())
    ends = [Utc.of(2026, 1, 1, 0, 30).seconds, Utc.of(2026, 1, 1, 1, 0).seconds]
    assert log(home, "ProfileDataLog.ActiveImport") == [(ends[0], 150), (ends[1], 25)]
    assert log(home, "ProfileDataLog.ReactiveImport") == [(ends[0], 7), (ends[1], 0)]
    assert log(home, "ProfileDataLog.Export") == [(ends[0], 3, 1), (ends[1], 0, 0)]
    assert home.item("ActiveImportRegister") == 175


def test_days_are_recorded_at_midnight() -> None:
    home = Home.new(items={"ActiveImportRegister": 1_000_000})
    home.handle(Metrology(import_wh=500, export_wh=20))
    until(home, Utc.of(2026, 1, 3))
    stamps = [Utc.of(2026, 1, 2).seconds, Utc.of(2026, 1, 3).seconds]
    assert log(home, "DailyConsumptionLog") == [(stamps[0], 1_000_500), (stamps[1], 0)]
    assert [(e[0], e[1]) for e in log(home, "DailyReadLog.Import")] == [(s, 1_000_500) for s in stamps]
    assert log(home, "DailyReadLog.Export") == [(s, 20) for s in stamps]
    assert log(home, "PrepaymentDailyReadLog") == []
    assert len(log(home, "ProfileDataLog.ActiveImport")) == 96


def test_the_first_day_counts_from_the_register_as_it_was_at_the_start() -> None:
    held = Home.new(items={"ActiveImportRegister": 1_000_000}).held
    del held[STARTED]
    store = MemoryStore(held)
    home = Home(Device(profile(), store, START), store)
    home.handle(Metrology(import_wh=500))
    until(home, Utc.of(2026, 1, 2))
    assert [e[1] for e in log(home, "DailyConsumptionLog")] == [500]


def test_prepayment_has_a_daily_log_of_its_own() -> None:
    home = Home.new(items={"PaymentMode": (2, 2), "MeterBalance": 77})
    until(home, Utc.of(2026, 1, 2))
    ((stamp, *balances),) = log(home, "PrepaymentDailyReadLog")
    assert stamp == Utc.of(2026, 1, 2).seconds
    assert balances == [0, 77, 0, 0, 0, 0]


# -- conservation -------------------------------------------------------------------------


class Happening(NamedTuple):
    kind: str
    amount: int
    seconds: int


HAPPENINGS = st.lists(
    st.builds(
        Happening,
        st.sampled_from(["count", "count", "count", "wait", "clock", "power", "restart", "timer"]),
        st.integers(0, 5_000),
        st.one_of(
            st.integers(0, 4_000),
            st.sampled_from([0, 600, 1200, HALF_HOUR - 1, HALF_HOUR, HALF_HOUR + 1, DAY, 3 * DAY]),
        ),
    ),
    max_size=40,
)


def live(home: Home, happenings: Sequence[Happening]) -> None:
    """Let things happen to the meter, each after some seconds."""
    for kind, amount, seconds in happenings:
        home.wait(seconds)
        if kind == "count":
            home.handle(
                Metrology(
                    import_wh=amount, export_wh=amount // 2, import_varh=amount // 3, secondary_wh=amount // 5
                )
            )
        elif kind == "clock":
            work = home.work
            set_clock(work, home.now.plus(amount * (1 if amount % 2 else -1), amount))
            work.commit()
            home.restart()
        elif kind == "power":
            home.handle(PowerLost())
            home.handle(Metrology(import_wh=amount))  # nothing is counted without power
            home.wait(amount)
            home.handle(PowerRestored())
        elif kind == "restart":
            home.restart()
        else:
            home.handle(TimerDue())


PROFILES = (
    ("ProfileDataLog.ActiveImport", 1),
    ("ProfileDataLog.Export", 1),
    ("ProfileDataLog.ReactiveImport", 1),
    ("ProfileDataLog.Export", 2),
    ("ProfileDataLog.ActiveImport", 2),
)


@given(HAPPENINGS)
def test_what_was_counted_is_in_the_profile_or_in_the_open_half_hour(happenings: list[Happening]) -> None:
    home = Home.new("twin")
    live(home, happenings)
    still_open = Metering(twin=True).open_half_hour(home.work)
    for register, (name, column), amount in zip(REGISTERS, PROFILES, still_open, strict=True):
        recorded = sum(e[column] for e in log(home, name))  # type: ignore[misc]
        assert recorded + amount == home.item(register.item), register


@given(HAPPENINGS)
def test_days_add_up_to_the_register(happenings: list[Happening]) -> None:
    home = Home.new()
    live(home, happenings)
    recorded = sum(e[1] for e in log(home, "DailyConsumptionLog"))  # type: ignore[misc]
    assert recorded == home.work.number("metering/day")
    assert recorded <= home.item("ActiveImportRegister")  # type: ignore[operator]


@given(HAPPENINGS)
def test_entries_end_at_half_hours_of_the_meters_clock(happenings: list[Happening]) -> None:
    home = Home.new()
    live(home, happenings)
    stamps = [e[0] for e in log(home, "ProfileDataLog.ActiveImport")]
    assert all(stamp % HALF_HOUR == 0 for stamp in stamps)  # type: ignore[operator]
    if not any(h.kind == "clock" for h in happenings):
        assert stamps == sorted(set(stamps))  # type: ignore[type-var]
    assert all(e[0] % DAY == 0 for e in log(home, "DailyConsumptionLog"))  # type: ignore[operator]


@given(st.lists(st.tuples(st.integers(0, 7_200), st.integers(0, 900)), max_size=30))
def test_no_half_hour_is_missed_while_the_meter_lives(steps: list[tuple[int, int]]) -> None:
    """However coarse the steps of the shell are."""
    home = Home.new()
    for seconds, amount in steps:
        home.wait(seconds)
        home.handle(Metrology(import_wh=amount))
    stamps = [e[0] for e in log(home, "ProfileDataLog.ActiveImport")]
    first, last = START.seconds // HALF_HOUR + 1, home.now.seconds // HALF_HOUR
    assert stamps == [HALF_HOUR * n for n in range(first, last + 1)]


def test_time_jumped_over_has_no_entries_even_when_another_timer_comes() -> None:
    home = Home.new()
    home.handle(Metrology(import_wh=10))
    home.run("ECS28a", when=Utc.of(2026, 1, 1, 5, 15).to_cosem())
    work = home.work
    set_clock(work, Utc.of(2026, 1, 1, 5, 10))
    work.commit()
    home.restart()
    home.wait(5 * 60)
    home.handle(TimerDue())  # the activation at 05:15
    assert home.item("LoadLimitPeriod.ActivationTime") == Utc.of(2026, 1, 1, 5, 15).to_cosem()
    assert not log(home, "ProfileDataLog.ActiveImport")
    home.wait(15 * 60)
    home.handle(TimerDue())
    assert log(home, "ProfileDataLog.ActiveImport") == [(Utc.of(2026, 1, 1, 5, 30).seconds, 10)]


def test_a_clock_set_back_repeats_stamps_and_loses_nothing() -> None:
    home = Home.new()
    for _ in range(2):
        home.handle(Metrology(import_wh=10))
        home.wait(20 * 60)
        home.handle(TimerDue())
        work = home.work
        set_clock(work, START)
        work.commit()
        home.restart()
    end = Utc.of(2026, 1, 1, 0, 30).seconds
    assert log(home, "ProfileDataLog.ActiveImport") == [(end, 10), (end, 10)]


# -- demand -------------------------------------------------------------------------------


def window(start: tuple[int, int], end: tuple[int, int]) -> Value:
    home = Home.new()
    entries = home.item("MaximumDemandConfigurableTimePeriod")
    assert isinstance(entries, tuple)
    first, last = (
        (*entry[:4], bytes((*time, 0, 0)), *entry[5:])  # type: ignore[index,misc]
        for entry, time in zip(entries, (start, end), strict=True)
    )
    return first, last


@given(
    st.lists(st.integers(0, 3_000), min_size=48, max_size=48),
    st.tuples(st.integers(0, 23), st.sampled_from([0, 30])),
    st.tuples(st.integers(0, 23), st.sampled_from([0, 30])),
)
def test_maximum_demand_is_the_highest_half_hour_of_its_window(
    amounts: list[int], start: tuple[int, int], end: tuple[int, int]
) -> None:
    home = Home.new(items={"MaximumDemandConfigurableTimePeriod": window(start, end)}, now=START.floor(DAY))
    for amount in amounts:
        home.handle(Metrology(import_wh=amount, export_wh=amount // 2))
        home.wait(HALF_HOUR)
        home.handle(TimerDue())
    first, last = 2 * start[0] + start[1] // 30, 2 * end[0] + end[1] // 30
    inside = [n for n in range(48) if first == last or (n - first) % 48 < (last - first) % 48]
    assert home.item("MaximumDemandActivePowerImport") == 2 * max(amounts)
    assert home.item("MaximumDemandActivePowerExport") == 2 * (max(amounts) // 2)
    assert home.item("MaximumDemandConfigurableTimeActivePowerImport") == 2 * max(amounts[n] for n in inside)
    when = home.item("MaximumDemandActivePowerImport.CaptureTime")
    if max(amounts):
        assert when == START.floor(DAY).plus(HALF_HOUR * (amounts.index(max(amounts)) + 1)).to_cosem()


def test_two_part_half_hours_are_no_demand_of_one() -> None:
    """A power cut over the end of a half hour: what is recorded next is of more than half an hour."""
    home = Home.new()
    first = START.floor(HALF_HOUR).plus(HALF_HOUR)
    home.handle(Metrology(import_wh=10))
    until(home, first)
    home.wait(1500)
    home.handle(Metrology(import_wh=900))
    home.handle(PowerLost())
    home.wait(600)
    home.handle(PowerRestored())
    home.handle(Metrology(import_wh=900))
    until(home, first.plus(2 * HALF_HOUR))
    assert [entry[1] for entry in log(home, "ProfileDataLog.ActiveImport")] == [10, 1800]
    assert home.item("MaximumDemandActivePowerImport") == 20
    home.handle(Metrology(import_wh=500))
    until(home, first.plus(3 * HALF_HOUR))
    assert home.item("MaximumDemandActivePowerImport") == 1000


def test_a_reset_sets_demand_to_zero_and_remembers_when() -> None:
    home = Home.new()
    home.handle(Metrology(import_wh=100))
    home.wait(3600)
    assert home.run("ECS57").results == [0, 0, 0]
    for name in ("MaximumDemandActivePowerImport", "MaximumDemandActivePowerExport"):
        assert home.item(name) == 0
        assert home.item(f"{name}.LastReset") == home.now.to_cosem()


# -- two elements -------------------------------------------------------------------------


def power_read(home: Home) -> list[Value]:
    """What ECS17c reads: Active Power Import, and Primary Active Power Import."""
    home.wait(1)
    collection = home.run("ECS17c").values(home.variant)["PowerImportCollection"]
    return [collection[0], collection[2]]  # type: ignore[index]


def test_power_of_the_primary_element_is_that_of_both_without_the_secondary() -> None:
    home = Home.new("twin")
    assert power_read(home) == [0, 0]
    home.handle(Metrology(power_w=2800))
    assert power_read(home) == [2800, 2800]
    home.handle(Metrology(power_w=2800, secondary_power_w=2600))
    assert power_read(home) == [2800, 200]
    home.restart()
    home.handle(Metrology(power_w=3000))  # the other one as it was
    assert power_read(home) == [3000, 400]
    home.handle(Metrology(power_w=1000, secondary_power_w=2600))  # the primary one exports
    assert power_read(home) == [1000, 0]
    home.handle(Metrology(power_w=2**40, secondary_power_w=2**40))
    assert power_read(home) == [MAX_U32, 0]
    home.handle(Metrology(secondary_power_w=-1))
    assert power_read(home) == [MAX_U32, MAX_U32]


@pytest.mark.parametrize("variant", ["single", "polyphase"])
def test_without_a_secondary_element_all_power_is_primary(variant: str) -> None:
    home = Home.new(variant)
    home.handle(Metrology(power_w=2800, secondary_power_w=2600))
    assert power_read(home) == [2800, 2800]


def test_load_limiting_judges_the_power_of_both_elements() -> None:
    items: dict[str, Value] = {"LoadLimitPowerThreshold": 2700, "LoadLimitPeriod": 60}
    home = Home.new("twin", items=items)
    home.handle(Metrology(power_w=2800, secondary_power_w=2600))
    home.wait(61)
    home.handle(TimerDue())
    assert home.item("LoadLimitCounter") == 1


@pytest.mark.parametrize("both", [True, False])
def test_consumption_and_demand_of_both_elements_or_of_the_primary_one(both: bool) -> None:
    home = Home.new("twin")
    settings = MeteringSettings(daily_of_both=both, demand_of_both=both)
    home.device = Device(esme_profile(EsmeOptions("twin", metering=settings)), home.store, home.now)
    home.handle(Metrology(import_wh=100, secondary_wh=1300))
    until(home, Utc.of(2026, 1, 2))
    home.handle(Metrology(secondary_wh=50))
    until(home, Utc.of(2026, 1, 3))
    assert [e[1] for e in log(home, "DailyConsumptionLog")] == ([1400, 50] if both else [100, 0])
    assert home.item("MaximumDemandActivePowerImport") == (2800 if both else 200)
    assert next(e[1:] for e in log(home, "ProfileDataLog.ActiveImport")) == (100, 1300)


# -- extremes, logs -----------------------------------------------------------------------


def test_registers_wrap_and_everything_stays_readable() -> None:
    home = Home.new("twin", items={"ActiveImportRegister": MAX_U32, "PaymentMode": (2, 2)})
    home.handle(Metrology(1, 2**33, 2**34, 2**35, 2**32, power_w=-500))
    until(home, Utc.of(2026, 1, 3))
    home.handle(Metrology(power_w=2**40))
    assert home.item("ActiveImportRegister") == 0
    within = Range(0, MAX_U32)
    for name in ("ECS22a", "ECS22c", "ECS21c", "ECS17a", "ECS18a", "ECS18b", "ECS17c"):
        assert not any(home.run(name, within=within).results), name
    for name in ("ECS22b", "ECS21a", "ECS21b", "ECS66", "ECS17b"):
        assert plaintext(home.run(name, within=within)).value, name


@given(st.integers(0, 350), st.integers(1, 12))
def test_a_ring_holds_the_newest_entries_and_never_more_than_its_size(count: int, size: int) -> None:
    home = Home.new()
    work = home.work
    work.log_sizes = {"EventLog": size}
    for number in range(count):
        work.log("EventLog", number, 0x8145, b"")
    work.commit()
    entries = [entry[0] for entry in work.log_entries("EventLog")]
    assert entries == list(range(max(0, count - size), count))
    assert len([key for key in home.held if key.startswith("log/EventLog/0")]) == min(count, size)


def test_forty_days_of_half_hours_are_read_back_by_dates() -> None:
    home = Home.new()
    home.handle(Metrology(import_wh=5))
    until(home, START.plus(40 * DAY))
    assert len(log(home, "ProfileDataLog.ActiveImport")) == 40 * 48
    first, last = START.floor(DAY).plus(10 * DAY), START.floor(DAY).plus(11 * DAY)
    data = plaintext(home.run("ECS22b", within=Range(first.seconds, last.seconds)))
    (buffer,) = data.value
    assert isinstance(buffer.value, CompactArray)
    stamps = [entry.value[0].value for entry in buffer.value.entries]
    assert stamps == list(range(first.seconds, last.seconds + 1, HALF_HOUR))


@pytest.mark.parametrize("variant", ["single", "twin", "polyphase"])
def test_the_logs_have_the_sizes_of_the_table(variant: str) -> None:
    home = Home.new(variant)
    assert home.work.log_sizes["ProfileDataLog.ActiveImport"] == 19056
    assert home.work.log_sizes["SecurityLog"] == 100
