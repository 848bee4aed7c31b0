"""Consumption in the registers of a tariff, and what it costs, against a model that counts each Wh."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from gbcs.tariff.limits import PRIMARY as PRIMARY_LIMITS
from gbcs.tariff.limits import SECONDARY as SECONDARY_LIMITS
from gbcs.tariff.model import Action, ActionKind, Tariff
from gbcs.tariff.text import from_json
from gbcs.time import Utc
from smets.behaviours import tariff as subject
from smets.behaviours.clock import set_clock
from smets.behaviours.tariff import (
    COST,
    DEFAULT_TARIFF_SETTINGS,
    PRIMARY,
    SECONDARY,
    TariffSettings,
    active_price,
    cost_so_far,
    in_force,
    next_switch,
)
from smets.behaviours.tariff_registers import (
    block_counters,
    block_registers,
    secondary_tou_registers,
    tou_registers,
)
from smets.esme.item_rows import IMPORT_REGISTER, PRICE_INDEXES
from smets.events import Metrology, PowerLost, PowerRestored, TimerDue
from smets.values import Value
from smets.work import Work
from tests.gbcs.tariffs import ELECTRICITY, SECOND, tariffs
from tests.smets.homes import START, Home, plaintext
from tests.smets.tariff_items import tariff_items

MAX_U32 = 0xFFFF_FFFF
FLAT: dict[str, Any] = {
    **ELECTRICITY,
    "seasons": [{"name": "all", "start": "*-*-*", "week": 1}],
    "weeks": [{"name": 1, "days": [1] * 7}],
    "special_days": [],
    "tou_prices": {"1": "0.31", "2": "0.0875"},
    "block_prices": {"2": ["0.3", "0.2", "0.1"]},
    "thresholds": {"2": [1000, 1500]},
}


def day(*switches: str) -> dict[str, Any]:
    """A tariff with one day profile."""
    return {**FLAT, "days": [{"id": 1, "switches": list(switches)}]}


def matrix(scale: int, price: int) -> Value:
    """A price matrix with one price everywhere."""
    return ((3, scale), IMPORT_REGISTER, tuple((bytes((index,)), price) for index in PRICE_INDEXES))


@dataclass
class Counted:
    """A meter's work with a tariff of its own that says what it charges."""

    home: Home
    settings: TariffSettings = DEFAULT_TARIFF_SETTINGS
    charged: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        def charge(work: Work, millipence: int) -> None:
            self.charged.append(millipence)

        self.tariff = subject.Tariff(charge, self.home.variant == "twin", self.settings)

    def use(self, wh: int = 0, secondary_wh: int = 0) -> None:
        work = self.home.work
        self.tariff.consume(work, Metrology(import_wh=wh, secondary_wh=secondary_wh), work.now.us)
        work.commit()
        self.home.restart()  # what the device holds unpacked is not what was written here


def counted(form: Any, **more: Value) -> Counted:
    return Counted(Home.new(items={**tariff_items("ECS01a", form), **more}))


def blocks(work: Work) -> list[Value]:
    """The registers of block TOU 2 by block."""
    return [row[1] for row in block_registers(work)]


# -- by hand ------------------------------------------------------------------------------


def test_a_tou_counts_in_its_register_at_its_price() -> None:
    meter = counted(day("00:00:00 TOU 1", "12:00:00 TOU 2"))
    meter.use(1000)
    assert tou_registers(meter.home.work)[:2] == (1000, 0)
    assert meter.charged == [31_000]  # GBP 0.31
    meter.home.now = Utc.of(2026, 1, 1, 12)
    meter.use(3)
    assert tou_registers(meter.home.work)[:2] == (1000, 3)
    assert meter.charged == [31_000, 26]  # 8.75 millipence a Wh, 26.25
    assert not any(value for row in block_registers(meter.home.work) for value in row)


def test_a_remainder_is_not_lost() -> None:
    meter = counted(day("00:00:00 TOU 2"))
    for _ in range(16):
        meter.use(1)
    assert sum(meter.charged) == 16 * 8.75
    assert meter.charged == [8, 9, 9, 9] * 4


def test_one_event_is_split_at_the_thresholds() -> None:
    meter = counted(day("00:00:00 block TOU 2"))
    meter.use(999)
    assert blocks(meter.home.work) == [999, 0, 0, 0]
    meter.use(1)
    assert blocks(meter.home.work) == [1000, 0, 0, 0]
    meter.use(1)
    assert blocks(meter.home.work) == [1000, 1, 0, 0]
    meter.use(1000)
    assert blocks(meter.home.work) == [1000, 500, 501, 0]
    assert sum(meter.charged) == 1000 * 30 + 500 * 20 + 501 * 10
    assert [row[1] for row in block_counters(meter.home.work)] == [1000, 500, 501, 0]


def test_a_single_event_may_pass_all_thresholds() -> None:
    form = {**day("00:00:00 block TOU 2"), "thresholds": {"2": [10, 20, 30]}}
    form["block_prices"] = {"2": ["0.4", "0.3", "0.2", "0.1"]}
    meter = counted(form)
    meter.use(1000)
    assert blocks(meter.home.work) == [10, 10, 10, 970]
    assert meter.charged == [10 * 40 + 10 * 30 + 10 * 20 + 970 * 10]


def test_blocks_are_judged_by_the_counters_of_their_own_tou() -> None:
    form = {**day("00:00:00 block TOU 1"), "thresholds": {"1": [100], "2": [100]}}
    meter = counted(form, **{"TariffBlockCounterMatrix.Block1.TOU2": 5000})
    meter.use(60)
    assert block_registers(meter.home.work)[0][:2] == (60, 0)


def test_thresholds_not_in_use_are_never_passed() -> None:
    full: dict[str, Value] = {"TariffBlockCounterMatrix.Block1.TOU2": MAX_U32}
    meter = counted({**day("00:00:00 block TOU 2"), "thresholds": {}}, **full)
    meter.use(7)
    assert blocks(meter.home.work) == [7, 0, 0, 0]
    assert block_counters(meter.home.work)[0][1] == MAX_U32  # it does not begin again


def test_registers_wrap_as_the_import_register_does() -> None:
    meter = counted(day("00:00:00 TOU 1"), **{"TariffTOURegisterMatrix.TOU1": MAX_U32})
    meter.use(2)
    assert tou_registers(meter.home.work)[0] == 1


def test_nothing_is_charged_while_the_table_says_nothing() -> None:
    meter = Counted(Home.new())
    meter.use(500)
    assert not meter.charged
    assert not any(tou_registers(meter.home.work))
    assert in_force(meter.home.work) is None
    assert active_price(meter.home.work) == 0


@pytest.mark.parametrize(
    ("price", "scale", "wh", "expected"),
    [
        (31_000, -5, 1000, 31_000),
        (3, -1, 1000, 30_000),
        (3, 0, 10, 3_000),
        (2, 3, 1, 200_000),
        (1, -8, 1000, 0),
        (999, -8, 1000, 0),
        (1001, -8, 1000, 1),
        (-8750, -5, 3, -27),  # rounded down, so that the rest is never less than nothing
        (32_767, -128, 0xFFFF_FFFF, 0),
    ],
)
def test_prices_of_any_scale(price: int, scale: int, wh: int, expected: int) -> None:
    items = tariff_items("ECS01a", day("00:00:00 TOU 1"))
    items["TariffPriceMatrix"] = matrix(scale, price)
    meter = Counted(Home.new(items=items))
    meter.use(wh)
    assert sum(meter.charged) == expected
    held = meter.home.work.value(COST)
    assert isinstance(held, tuple)
    exact = Fraction(price) * Fraction(10) ** (scale + 2) * wh
    assert Fraction(held[0], 10 ** held[1]) == exact  # type: ignore[arg-type,operator]


def test_a_change_of_scale_keeps_the_remainder() -> None:
    meter = counted(day("00:00:00 TOU 2"))
    meter.use(1)  # 8.75
    for scale in (-4, -7, -5):
        work = meter.home.work
        work.set_item("TariffPriceMatrix", matrix(scale, 8750))
        work.commit()
        meter.home.restart()
        meter.use(1)  # 87.5, 0.0875, 8.75
    assert sum(meter.charged) == 105  # of 105.0875
    assert meter.home.work.value(COST) == (10_508_750, 5)


def test_the_secondary_element_has_a_table_and_prices_of_its_own() -> None:
    home = Home.new("twin", items={**tariff_items("ECS01a", FLAT), **tariff_items("ECS01c", SECOND)})
    meter = Counted(home)
    meter.use(0, 1000)
    assert secondary_tou_registers(home.work) == (0, 0, 0, 1000)
    assert meter.charged == [4_400]
    home.now = Utc.of(2026, 1, 1, 12)
    meter.use(0, 100)
    assert secondary_tou_registers(home.work) == (100, 0, 0, 1000)
    assert meter.charged == [4_400, 1_100]
    assert not any(tou_registers(home.work))
    assert active_price(home.work, SECONDARY) == 11_000
    assert next_switch(home.work, SECONDARY) == Utc.of(2026, 1, 2)


def test_the_randomised_offset_delays_switching() -> None:
    meter = counted(
        day("00:00:00 TOU 1", "12:00:00 TOU 2"), RandomisedOffsetNumber=5000, RandomisedOffsetLimit=1799
    )
    home = meter.home
    for seconds, expected in ((0, 1), (899, 1), (900, 2)):
        home.now = Utc.of(2026, 1, 1, 12).plus(seconds)
        assert in_force(home.work) == expected
    assert in_force(home.work, PRIMARY, TariffSettings(randomised_offset=False)) == 2
    home.now = Utc.of(2026, 1, 1, 12)
    assert in_force(home.work, PRIMARY, TariffSettings(randomised_offset=False)) == 2
    assert next_switch(home.work) == Utc.of(2026, 1, 1, 12, 15)


@pytest.mark.parametrize(("told", "registers"), [(-1, (8, 0)), (0, (8, 0)), (1, (0, 8))])
def test_what_is_told_of_at_a_switch_was_used_before_it(told: int, registers: tuple[int, int]) -> None:
    home = Home.new(items=tariff_items("ECS01a", day("00:00:00 TOU 1", "12:00:00 TOU 2")))
    home.now = Utc.of(2026, 1, 1, 12).plus(us=told)
    home.handle(Metrology(import_wh=8))
    assert tou_registers(home.work)[:2] == registers
    home.now = Utc.of(2026, 1, 1, 12).plus(us=max(told, 0))
    home.handle(TimerDue())
    home.handle(Metrology(import_wh=1))  # the half hour has its entry
    assert tou_registers(home.work)[1] == registers[1] + 1


def test_before_the_first_switch_of_a_day_yesterday_goes_on() -> None:
    home = Home.new(items=tariff_items("ECS01a", day("08:00:00 TOU 1", "20:00:00 TOU 2")))
    assert in_force(home.work) == 2
    assert in_force(home.work, PRIMARY, TariffSettings(carries_over=False)) is None


def test_the_device_time_counts() -> None:
    home = Home.new(items=tariff_items("ECS01a", day("00:00:00 TOU 1", "12:00:00 TOU 2")))
    work = home.work
    set_clock(work, Utc.of(2026, 1, 1, 13))
    work.commit()
    home.restart()
    home.handle(Metrology(import_wh=5))
    assert tou_registers(home.work)[:2] == (0, 5)


# -- what a meter shows of it -------------------------------------------------------------


def test_the_active_price_follows_the_block() -> None:
    home = Home.new(items=tariff_items("ECS01a", day("00:00:00 block TOU 2")))
    for wh, price in ((999, 30_000), (1, 20_000), (499, 20_000), (1, 10_000)):
        home.handle(Metrology(import_wh=wh))
        assert home.run("ECS24").values()["ActiveTariffPrice"] == price


@pytest.mark.parametrize(("charge", "scale", "shown"), [(5, -4, 50), (55, -6, 6), (54, -6, 5), (-3, -5, 0)])
def test_the_active_price_has_five_places(charge: int, scale: int, shown: int) -> None:
    items = tariff_items("ECS01a", day("00:00:00 TOU 1"))
    items["TariffPriceMatrix"] = matrix(scale, charge)
    assert active_price(Home.new(items=items).work) == shown


def test_the_collections_are_read_protected() -> None:
    home = Home.new("twin", items={**tariff_items("ECS01a", FLAT), **tariff_items("ECS01c", SECOND)})
    work = home.work
    work.set_item("TariffTOURegisterMatrix.TOU48", 48)
    work.set_item("SecondaryTariffTOURegisterMatrix.TOU4", 4)
    work.set_item("TariffTOUBlockRegisterMatrix.Block4.TOU8", 32)
    work.commit()
    home.restart()
    (collection,) = plaintext(home.run("ECS17d")).value
    primary, secondary = ([one.value for one in part.value] for part in collection.value)
    assert (len(primary), primary[47], secondary) == (48, 48, [0, 0, 0, 4])
    (collection,) = plaintext(home.run("ECS17e")).value
    (registers,) = collection.value
    assert [one.value for one in registers.value] == [0] * 31 + [32]


def test_block_counters_are_reset_and_registers_are_not() -> None:
    home = Home.new(items=tariff_items("ECS01a", day("00:00:00 block TOU 2")))
    home.handle(Metrology(import_wh=1200))
    assert home.run("ECS05").results == [0]
    assert not any(value for row in block_counters(home.work) for value in row)
    assert blocks(home.work) == [1000, 200, 0, 0]
    home.handle(Metrology(import_wh=10))
    assert blocks(home.work) == [1010, 200, 0, 0]


# -- against the model --------------------------------------------------------------------


class Model:
    """Each Wh on its own, with the tariff as `gbcs.tariff` reads it."""

    def __init__(self, primary: Tariff, secondary: Tariff | None, carries_over: bool = True) -> None:
        self.primary, self.secondary, self.carries_over = primary, secondary, carries_over
        self.tou = [0] * 48
        self.secondary_tou = [0] * 4
        self.blocks = [[0] * 8 for _ in range(4)]
        self.counters = [[0] * 8 for _ in range(4)]
        self.cost = Fraction(0)
        self.known = 0

    def use(self, at: Utc, wh: int, secondary_wh: int) -> None:
        action = self.primary.action_at(at, self.carries_over)
        if action is not None:
            for _ in range(wh):
                self._one(action)
        second = None if self.secondary is None else self.secondary.action_at(at, self.carries_over)
        if self.secondary is not None and second is not None:
            for _ in range(secondary_wh):
                self.secondary_tou[second.number - 1] += 1
                self._pay(self.secondary.tou_prices, second.number)

    def _one(self, action: Action) -> None:
        self.known += 1
        tou = action.number - 1
        if action.kind is ActionKind.TOU:
            self.tou[tou] += 1
            self._pay(self.primary.tou_prices, action.number)
            return
        so_far = sum(row[tou] for row in self.counters)
        limits = (self.primary.thresholds or ())[tou : tou + 1]
        block = sum(so_far >= limit for row in limits for limit in row if limit is not None)
        self.blocks[block][tou] += 1
        self.counters[block][tou] += 1
        rows = (self.primary.block_prices or ())[tou : tou + 1]
        for row in rows:
            self._pay(row, block + 1)

    def _pay(self, prices: Sequence[Any] | None, number: int) -> None:
        if prices is not None and number <= len(prices):
            self.cost += Fraction(prices[number - 1]) * 100  # of a kWh in GBP, a Wh in millipence

    def reset(self) -> None:
        self.counters = [[0] * 8 for _ in range(4)]

    def agrees(self, work: Work, charged: int | None = None) -> None:
        assert list(tou_registers(work)) == self.tou
        assert [list(row) for row in block_registers(work)] == self.blocks
        assert [list(row) for row in block_counters(work)] == self.counters
        if self.secondary is not None:
            assert list(secondary_tou_registers(work)) == self.secondary_tou
        held = work.value(COST, (0, 0))
        assert isinstance(held, tuple)
        assert Fraction(held[0], 10 ** held[1]) == self.cost  # type: ignore[arg-type,operator]
        assert cost_so_far(work) == self.cost // 1
        if charged is not None:
            assert charged == self.cost // 1


SMALL = st.lists(
    st.sets(st.integers(0, 120), min_size=1, max_size=3).map(lambda held: tuple(sorted(held))), max_size=8
).map(tuple)
USES = st.lists(
    st.tuples(
        st.sampled_from([0, 60, 600, 1800, 7200, 30_000, 86_400, 400_000]),
        st.integers(0, 90),
        st.integers(0, 40),
    ),
    max_size=12,
)


@given(tariffs(PRIMARY_LIMITS), SMALL, tariffs(SECONDARY_LIMITS), USES, st.integers(0, 1799), st.booleans())
def test_registers_counters_and_cost_are_those_of_each_wh(
    tariff: Tariff,
    thresholds: tuple[Any, ...],
    second: Tariff,
    uses: list[tuple[int, int, int]],
    limit: int,
    carries_over: bool,
) -> None:
    primary = replace(tariff, thresholds=thresholds)
    items = {
        **tariff_items("ECS01a", primary),
        **tariff_items("ECS01c", second),
        "RandomisedOffsetNumber": 10_000,
        "RandomisedOffsetLimit": limit,
    }
    meter = Counted(Home.new("twin", items=items), TariffSettings(carries_over=carries_over))
    model = Model(primary, second, carries_over)
    for seconds, wh, secondary_wh in uses:
        meter.home.wait(seconds)
        meter.use(wh, secondary_wh)
        model.use(meter.home.now.plus(-limit), wh, secondary_wh)
        model.agrees(meter.home.work, sum(meter.charged))
        assert sum(model.tou) + sum(map(sum, model.blocks)) == model.known


class Metered(RuleBasedStateMachine):
    """A meter with a tariff, whatever happens to it."""

    @initialize(thresholds=SMALL)
    def install(self, thresholds: tuple[Any, ...]) -> None:
        form = from_json({**ELECTRICITY, "thresholds": {}})
        self.primary = replace(form, thresholds=thresholds)
        self.second = from_json(SECOND)
        items = {**tariff_items("ECS01a", self.primary), **tariff_items("ECS01c", self.second)}
        del items["StandingCharge"]
        self.home = Home.new("twin", items=items)
        self.model = Model(self.primary, self.second)
        self.before: list[int] = []

    @rule(seconds=st.sampled_from([1, 900, 1800, 7200, 40_000]), wh=st.integers(0, 90))
    def use(self, seconds: int, wh: int) -> None:
        self.home.wait(seconds)
        self.home.handle(Metrology(import_wh=wh, secondary_wh=wh // 3))
        time = self.home.work.time
        if time == time.floor(1800):  # what is told of as a half hour ends was used in it
            time = time.plus(us=-1)
        self.model.use(time, wh, wh // 3)

    @rule()
    def timer(self) -> None:
        deadline = self.home.device.next_deadline
        if deadline is not None:
            self.home.now = max(self.home.now, deadline)
            self.home.handle(TimerDue())

    @rule()
    def reset(self) -> None:
        assert self.home.run("ECS05").results == [0]
        self.model.reset()

    @rule(seconds=st.sampled_from([5, 7200, 90_000]))
    def power_cut(self, seconds: int) -> None:
        self.home.handle(PowerLost())
        self.home.handle(Metrology(import_wh=50))  # counts for nothing
        self.home.wait(seconds)
        self.home.restart()
        self.home.handle(PowerRestored())

    @rule()
    def restart(self) -> None:
        self.home.restart()

    @rule(seconds=st.integers(-100_000, 100_000))
    def set_the_clock(self, seconds: int) -> None:
        work = self.home.work
        set_clock(work, self.home.now.plus(seconds))
        work.commit()
        self.home.restart()

    @invariant()
    def agrees(self) -> None:
        """Registers, counters and cost are those of the model, to the Wh and to the last digit."""
        self.model.agrees(self.home.work)

    @invariant()
    def nothing_is_lost(self) -> None:
        """TOU and block registers add up to what was imported while the table said something."""
        work = self.home.work
        total = sum(tou_registers(work)) + sum(map(sum, block_registers(work)))  # type: ignore[arg-type]
        assert total == self.model.known <= work.int_item("ActiveImportRegister")
        assert sum(secondary_tou_registers(work)) == work.int_item("SecondaryActiveImportRegister")  # type: ignore[arg-type]

    @invariant()
    def charged(self) -> None:
        """The balance has paid each whole millipence of the cost, once."""
        assert self.home.item("MeterBalance") == -(self.model.cost // 1)

    @invariant()
    def never_less(self) -> None:
        """No cumulative energy register ever decreases."""
        work = self.home.work
        totals = map(work.int_item, ("ActiveImportRegister", "SecondaryActiveImportRegister"))
        held = [
            *totals,
            *tou_registers(work),
            *secondary_tou_registers(work),
            *sum(block_registers(work), ()),
        ]
        now: list[int] = [int(value) for value in held]  # type: ignore[arg-type]
        assert all(old <= new for old, new in zip(self.before, now, strict=False))
        self.before = now


Metered.TestCase.settings = settings(max_examples=20, stateful_step_count=20, deadline=None)
TestMetered = Metered.TestCase


@pytest.mark.long
def test_ten_thousand_steps() -> None:
    run_state_machine_as_test(
        Metered, settings=settings(max_examples=100, stateful_step_count=100, deadline=None)
    )


@given(st.binary(min_size=1, max_size=40), st.integers(0, 10_000))
def test_any_matrix_of_thresholds_counts_each_wh_once(octets: bytes, wh: int) -> None:
    held = tuple(int.from_bytes(octets[n : n + 4].ljust(4, b"\0"), "big") % 3000 for n in (0, 4, 8))
    items = {
        **tariff_items("ECS01a", day("00:00:00 block TOU 2")),
        "TariffThresholdMatrix.TOU2": held,  # in no order
    }
    home = Home.new(items=items, now=START)
    home.handle(Metrology(import_wh=wh))
    assert sum(blocks(home.work)) == wh  # type: ignore[arg-type]
    lows = [0, *sorted(held), wh + 4000]
    expected = [max(0, min(wh, high) - low) for low, high in pairwise(lows)]
    assert blocks(home.work) == expected
