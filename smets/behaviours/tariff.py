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
from .compiled import Compiled
from .randomised_offset import randomised_offset
from .tariff_registers import (
    BLOCK_COUNTERS,
    BLOCK_REGISTERS,
    BLOCK_TOUS,
    SECONDARY_TOU_REGISTERS,
    TOU_REGISTERS,
    TOUS,
    block_registers,
    reset_block_counters,
    secondary_tou_registers,
    tou_registers,
)

COST = "tariff/cost"
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


class Element(NamedTuple):
    """A measuring element: the selector of its first TOU, and its items."""

    first: int
    registers: tuple[str, ...]
    table: tuple[str, str, str, str]
    prices: str
    active_price: str


def _element(prefix: str, first: int, registers: tuple[str, ...]) -> Element:
    seasons, weeks, days, special = (
        f"{prefix}TariffSwitchingTable.{part}" for part in ("Seasons", "Weeks", "Days", "SpecialDays")
    )
    items = (seasons, weeks, days, special)
    return Element(first, registers, items, f"{prefix}TariffPriceMatrix", f"{prefix}ActiveTariffPrice")


PRIMARY = _element("", 1, TOU_REGISTERS)
SECONDARY = _element("Secondary", FIRST_SECONDARY, SECONDARY_TOU_REGISTERS)


class Prices(NamedTuple):
    """A price matrix: charge by place, and cost of a Wh = charge x factor / 10^places millipence."""

    charges: tuple[int, ...]
    factor: int
    places: int


def _prices(matrix: Any) -> Prices:
    (commodity, scale), _, entries = matrix
    exponent = scale - MILLIPENCE - commodity
    charges = tuple(charge for _, charge in entries)
    return Prices(charges, int(10 ** max(0, exponent)), max(0, -exponent))


_PRICES = Compiled(_prices)
_CALENDARS = {over: Compiled(partial(ActivityCalendar, carries_over=over)) for over in (False, True)}


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
        selector = in_force(work, element, self.settings, us)
        if selector is None:
            return
        prices = _PRICES.of(work.item(element.prices))
        tou = selector - element.first
        if 0 <= tou < len(element.registers):
            _add(work, element.registers[tou], wh)
            charge = wh * prices.charges[tou]
        elif element is PRIMARY and FIRST_BLOCK <= selector < FIRST_BLOCK + len(BLOCK_TOUS):
            charge = _count_blocks(work, selector - FIRST_BLOCK, wh, prices)
        else:
            return
        if charge:
            self._cost(work, charge * prices.factor, prices.places)

    def _cost(self, work: Work, amount: int, places: int) -> None:
        """Add `amount` / 10^`places` millipence, and charge what has become whole."""
        total, fine = _total(work)
        if places > fine:
            total, fine = total * 10 ** (places - fine), places
        elif places < fine:
            amount *= 10 ** (fine - places)
        unit = 10**fine
        work.set_value(COST, (total + amount, fine))
        whole = (total + amount) // unit - total // unit
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
    us = (work.now.us if us is None else us) + work.number("clock/offset") - _offset_us(work, settings)
    return _calendar(work, element, settings).at(us).selector


def next_switch(
    work: Work, element: Element = PRIMARY, settings: TariffSettings = DEFAULT_TARIFF_SETTINGS
) -> Utc | None:
    """When another selector comes into force, in the device's time; None: not within a year."""
    offset = _offset_us(work, settings)
    found = _calendar(work, element, settings).next_change(work.time.us - offset)
    return None if found is None else Utc(found + offset)


def active_price(
    work: Work, element: Element = PRIMARY, settings: TariffSettings = DEFAULT_TARIFF_SETTINGS
) -> int:
    """The price of the next Wh in 10^-5 of the currency per kWh, rounded half up, 0..2^32-1.

    The data item's own value while the switching table does not say what is in force.
    """
    place = _place(work, element, in_force(work, element, settings))
    if place is None:
        return work.int_item(element.active_price)
    charges, factor, places = _PRICES.of(work.item(element.prices))
    per_kwh = charges[place] * factor * 1000
    rounded = (2 * per_kwh + 10**places) // (2 * 10**places)
    return min(max(int(rounded), 0), MAX_U32)


def cost_so_far(work: Work) -> int:
    """All that consumption ever cost, whole millipence, rounded down; never reset."""
    total, fine = _total(work)
    return int(total // 10**fine)


def _place(work: Work, element: Element, selector: int | None) -> int | None:
    """Where the price in force stands in the matrix; None where none is."""
    if selector is None:
        return None
    tou = selector - element.first
    if 0 <= tou < len(element.registers):
        return tou
    tou = selector - FIRST_BLOCK
    if element is not PRIMARY or not 0 <= tou < len(BLOCK_TOUS):
        return None
    counted = sum(work.int_item(row[tou]) for row in BLOCK_COUNTERS)
    return len(TOUS) + len(BLOCK_TOUS) * _passed(_thresholds(work, tou), counted) + tou


def _count_blocks(work: Work, tou: int, wh: int, prices: Prices) -> int:
    """Split consumption at the thresholds of a TOU; the sum of Wh x charge."""
    counted = sum(work.int_item(row[tou]) for row in BLOCK_COUNTERS)
    limits = _thresholds(work, tou)
    charge = 0
    while wh:
        block = _passed(limits, counted)
        part = wh if block == len(limits) else min(wh, limits[block] - counted)
        counter = BLOCK_COUNTERS[block][tou]
        work.set_item(counter, min(work.int_item(counter) + part, MAX_U32))
        _add(work, BLOCK_REGISTERS[block][tou], part)
        charge += part * prices.charges[len(TOUS) + len(BLOCK_TOUS) * block + tou]
        counted += part
        wh -= part
    return charge


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


def _add(work: Work, register: str, wh: int) -> None:
    work.set_item(register, (work.int_item(register) + wh) & MAX_U32)


def _total(work: Work) -> tuple[int, int]:
    held = work.value(COST)
    return held if isinstance(held, tuple) else (0, 0)  # type: ignore[return-value]


def _offset_us(work: Work, settings: TariffSettings) -> int:
    """By how much switching is delayed."""
    if not settings.randomised_offset or not work.item("RandomisedOffsetLimit"):
        return 0
    return randomised_offset(work) * 1_000_000


def _calendar(work: Work, element: Element, settings: TariffSettings) -> ActivityCalendar:
    return _CALENDARS[settings.carries_over].of(*map(work.item, element.table))


def _block_collection(work: Work) -> Value:
    return (tuple(value for row in block_registers(work) for value in row),)
