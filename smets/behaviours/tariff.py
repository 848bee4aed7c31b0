"""Tariff: which price is in force, which registers consumption goes to, and what it costs.

What is in force follows from the switching table and the device's time alone; nothing has to happen
at a switch. Consumption counts where metrology reports it. A Wh belongs to block 1 + the number of
thresholds that the counters of its TOU have passed; several blocks share one metrology event, each Wh
at its price. Cost is added up exactly, in powers of ten finer than millipence, and charged in whole
millipence as it fills up, so that nothing is lost by rounding. Registers wrap at 32 bits as the import
register does; block counters stay at their greatest value. Source: SMETS 5.7.4.47 to .50, 5.7.5.5,
5.7.5.33 to .35, 5.13 (reference: smets-esme 9, dlms-payloads 7.3 and 7.4).

Gaps: while the table does not say what is in force (it is empty, a season has no week of its name, a
week or a special day has no day of its number), consumption is in the import register only and costs
nothing; `RefusalSettings` can have a table with such names refused. What a display shows of a price
finer or greater than its item is rounded or cut.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

from gbcs.tariff.calendar import CARRIES_OVER
from gbcs.time import Utc

from ..events import Metrology
from ..profile import Behaviour
from ..values import Value
from ..work import Work
from .activity_calendar import ActivityCalendar
from .clock import OFFSET
from .compiled import Compiled, CompiledItems
from .randomised_offset import randomised_offset
from .tariff_registers import (
    BLOCK_COUNTERS,
    BLOCK_REGISTERS,
    BLOCK_TOUS,
    SECONDARY_TOU_REGISTERS,
    TOU_REGISTERS,
    block_registers,
    reset_block_counters,
    secondary_tou_registers,
    tou_registers,
)

COST = "tariff/cost"  # all there ever was, in 1 / 10^places millipence, and these places
MAX_U32 = 0xFFFF_FFFF
UNUSED = 0xFFFF_FFFF
MILLIPENCE = -5  # power of ten of the currency unit
FIRST_BLOCK = 101  # selector of block TOU 1
FIRST_SECONDARY = 201
THRESHOLDS = tuple(f"TariffThresholdMatrix.TOU{n}" for n in BLOCK_TOUS)

Charge = Callable[[Work, int], None]


@dataclass(frozen=True, slots=True)
class TariffSettings:
    """Settings where the reference leaves the switching open."""

    carries_over: bool = CARRIES_OVER
    """Before the first switch of a day the last one of the days before counts; otherwise nothing is
    in force. Gap: dlms-payloads 7.2; samples have days that begin later than midnight."""

    randomised_offset: bool = True
    """Switching of the tariff is delayed by the Randomised Offset, as that of auxiliary controllers.
    Gap: smets-esme 15 and 16.6; policy text names registers, the rest names switches only."""


DEFAULT_TARIFF_SETTINGS = TariffSettings()


class Rate(NamedTuple):
    """A TOU: the register that a Wh counts in, and what it costs."""

    register: str
    cost: int


class Scheme(NamedTuple):
    """What the switching table and the price matrix of an element say.

    `rates` are the TOUs by selector; `blocks` has what a Wh costs in each block, by the selector of a
    block TOU. Costs are in 1 / 10^`places` millipence.
    """

    calendar: ActivityCalendar
    rates: dict[int, Rate]
    blocks: dict[int, tuple[int, ...]]
    places: int


class Element(NamedTuple):
    """A measuring element: its scheme, by `carries_over`, and the item of its price."""

    schemes: Mapping[bool, CompiledItems[Scheme]]
    active_price: str


def _element(prefix: str, first: int, registers: tuple[str, ...]) -> Element:
    table = [f"{prefix}TariffSwitchingTable.{part}" for part in ("Seasons", "Weeks", "Days", "SpecialDays")]
    schemes = {
        over: CompiledItems(partial(_scheme, first, registers, over), *table, f"{prefix}TariffPriceMatrix")
        for over in (False, True)
    }
    return Element(schemes, f"{prefix}ActiveTariffPrice")


def _scheme(
    first: int,
    registers: tuple[str, ...],
    carries_over: bool,
    seasons: Value,
    weeks: Value,
    days: Value,
    special: Value,
    matrix: Any,
) -> Scheme:
    """Of an element by the selector of its first TOU, and its registers."""
    (commodity, scale), _, entries = matrix
    exponent = scale - MILLIPENCE - commodity
    factor = int(10 ** max(0, exponent))
    costs = tuple(charge * factor for _, charge in entries)
    rates = {first + tou: Rate(*rate) for tou, rate in enumerate(zip(registers, costs, strict=False))}
    # the prices of blocks follow those of TOUs, block by block; a secondary element has none
    in_blocks = costs[len(registers) :]
    blocks = {
        FIRST_BLOCK + tou: in_blocks[tou :: len(BLOCK_TOUS)]
        for tou in range(min(len(BLOCK_TOUS), len(in_blocks)))
    }
    calendar = ActivityCalendar(seasons, weeks, days, special, carries_over)
    return Scheme(calendar, rates, blocks, max(0, -exponent))


PRIMARY = _element("", 1, TOU_REGISTERS)
SECONDARY = _element("Secondary", FIRST_SECONDARY, SECONDARY_TOU_REGISTERS)


class Tariff(Behaviour):
    """Spreads consumption over the tariff's registers and charges it.

    `consume` is what metering calls with each event; `charge` takes whole millipence, less than zero
    where a price is.
    """

    name = "tariff"

    def __init__(
        self, charge: Charge, twin: bool = False, settings: TariffSettings = DEFAULT_TARIFF_SETTINGS
    ) -> None:
        self._charge = charge
        self._twin = twin
        self.settings = settings

    def reads(self) -> Mapping[str, Callable[[Work], Value]]:
        """Active prices, and the collections of registers that are read as one."""
        found: dict[str, Callable[[Work], Value]] = {
            "ActiveTariffPrice": lambda work: active_price(work, PRIMARY, self.settings),
            "TariffTOURegisterCollection": self._tou_collection,
            "TariffBlockTOURegisterCollection": _block_collection,
        }
        if self._twin:
            found["SecondaryActiveTariffPrice"] = lambda work: active_price(work, SECONDARY, self.settings)
        return found

    def methods(self) -> Mapping[str, Callable[[Work, Value], Value]]:
        """Reset of the block counters (ECS05)."""
        return {"TariffBlockCounterMatrix.reset": lambda work, value: reset_block_counters(work)}

    def consume(self, work: Work, event: Metrology, us: int) -> None:
        """Count an event's consumption into the registers in force at a moment, and charge it."""
        if event.import_wh:
            self._consume(work, PRIMARY, event.import_wh, us)
        if self._twin and event.secondary_wh:
            self._consume(work, SECONDARY, event.secondary_wh, us)

    def _consume(self, work: Work, element: Element, wh: int, us: int) -> None:
        settings = self.settings
        calendar, rates, blocks, places = element.schemes[settings.carries_over].now(work)
        selector = calendar.at(_switching_us(work, us, settings)).selector
        if selector in rates:
            register, cost = rates[selector]
            work.set_item(register, (work.int_item(register) + wh) & MAX_U32)
            cost *= wh
        elif selector in blocks:
            cost = _count_blocks(work, selector - FIRST_BLOCK, wh, blocks[selector])
        else:
            return
        if cost:
            self._cost(work, cost, places)

    def _cost(self, work: Work, amount: int, places: int) -> None:
        """Add `amount` / 10^`places` millipence, and charge what has become whole."""
        held: Any = work.value(COST)
        total, fine = held if isinstance(held, tuple) else (0, 0)
        if places != fine:  # there were, or are now, coarser prices
            most = max(places, fine)
            total, amount, fine = total * 10 ** (most - fine), amount * 10 ** (most - places), most
        after, unit = total + amount, 10**fine
        work.set_value(COST, (after, fine))
        whole = after // unit - total // unit
        if whole:
            self._charge(work, whole)

    def _tou_collection(self, work: Work) -> Value:
        secondary = (secondary_tou_registers(work),) if self._twin else ()
        return (tou_registers(work), *secondary)


def in_force(
    work: Work,
    element: Element = PRIMARY,
    settings: TariffSettings = DEFAULT_TARIFF_SETTINGS,
    us: int | None = None,
) -> int | None:
    """The selector in force: 1..48, 101..108 or 201..204; None where the switching table does not say.

    Now, or at another moment of the shell's time, in microseconds.
    """
    us = _switching_us(work, work.now.us if us is None else us, settings)
    return element.schemes[settings.carries_over].now(work).calendar.at(us).selector


def next_switch(
    work: Work, element: Element = PRIMARY, settings: TariffSettings = DEFAULT_TARIFF_SETTINGS
) -> Utc | None:
    """When another selector comes into force, in the device's time; None: not within a year."""
    us = _switching_us(work, work.now.us, settings)
    found = element.schemes[settings.carries_over].now(work).calendar.next_change(us)
    return None if found is None else work.time.plus(us=found - us)


def active_price(
    work: Work, element: Element = PRIMARY, settings: TariffSettings = DEFAULT_TARIFF_SETTINGS
) -> int:
    """The price of the next Wh in 10^-5 of the currency per kWh, rounded half up, 0..2^32-1.

    The data item's own value while the switching table does not say what is in force.
    """
    calendar, rates, blocks, places = element.schemes[settings.carries_over].now(work)
    selector = calendar.at(_switching_us(work, work.now.us, settings)).selector
    if selector in rates:
        cost = rates[selector].cost
    elif selector in blocks:
        tou = selector - FIRST_BLOCK
        cost = blocks[selector][_passed(_thresholds(work, tou), _counted(work, tou))]
    else:
        return work.int_item(element.active_price)
    per_kwh = cost * 1000
    rounded = (2 * per_kwh + 10**places) // (2 * 10**places)
    return min(max(int(rounded), 0), MAX_U32)


def cost_so_far(work: Work) -> int:
    """All that consumption ever cost, whole millipence, rounded down; never reset."""
    held: Any = work.value(COST)
    total, fine = held if isinstance(held, tuple) else (0, 0)
    return int(total // 10**fine)


def _count_blocks(work: Work, tou: int, wh: int, costs: tuple[int, ...]) -> int:
    """Split consumption at the thresholds of a TOU; what it costs, by the costs of a Wh in each block."""
    counted = _counted(work, tou)
    limits = _thresholds(work, tou)
    cost = 0
    while wh:
        block = _passed(limits, counted)
        part = wh if block == len(limits) else min(wh, limits[block] - counted)
        counter, register = BLOCK_COUNTERS[block][tou], BLOCK_REGISTERS[block][tou]
        work.set_item(counter, min(work.int_item(counter) + part, MAX_U32))
        work.set_item(register, (work.int_item(register) + part) & MAX_U32)
        cost += part * costs[block]
        counted += part
        wh -= part
    return cost


def _counted(work: Work, tou: int) -> int:
    """What the counters of a TOU have, all blocks together, in Wh."""
    return sum(work.int_item(row[tou]) for row in BLOCK_COUNTERS)


def _thresholds(work: Work, tou: int) -> tuple[int, ...]:
    """The thresholds of a TOU in use, in order, in Wh."""
    return _LIMITS.of(work.item(THRESHOLDS[tou]))


def _limits(held: Value) -> tuple[int, ...]:
    values = held if isinstance(held, tuple) else ()
    return tuple(sorted(one for one in values if isinstance(one, int) and one != UNUSED))


_LIMITS = Compiled(_limits)


def _passed(limits: tuple[int, ...], counted: int) -> int:
    """How many thresholds have been passed: the place of the block, from 0."""
    passed = 0
    while passed < len(limits) and limits[passed] <= counted:
        passed += 1
    return passed


def _switching_us(work: Work, us: int, settings: TariffSettings) -> int:
    """Where the calendar is at a moment of the shell's time: the device's time, less the delay there is."""
    us += work.number(OFFSET)
    if settings.randomised_offset and work.item("RandomisedOffsetLimit"):
        us -= randomised_offset(work) * 1_000_000
    return us


def _block_collection(work: Work) -> Value:
    return (tuple(value for row in block_registers(work) for value in row),)
