"""Registers from metrology events, and the half-hourly and daily recording of them.

Source: SMETS 5.7.5 (reference: smets-esme 7 and 10). Entries are stamped with the end of
their period, UTC. A period is recorded when the device's clock passes its end: time that was
jumped over, or passed without power, has no entries, and what was counted before is part of the
next one; what is told at the end of a period, before it is recorded, is part of that period. Where
the clock was set back, stamps repeat. Of a first, shorter day the daily consumption counts from the
register as it then stood.

What a period counted is the difference of the registers, which wrap at 32 bits. The import register is
that of the primary element; Active Power Import is the power of both.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from operator import attrgetter, sub
from typing import NamedTuple

from gbcs.time import Utc

from ..events import Event, Metrology, TimerDue
from ..logs import Part
from ..profile import Behaviour
from ..values import Value
from ..work import Items, Work
from .charging import PREPAYMENT_MODE, payment_mode
from .clock import OFFSET
from .tariff_registers import register_entry

HALF_HOUR = 1800
HALF_HOUR_US = HALF_HOUR * 1_000_000
DAY = 86_400
MAX_U32 = 0xFFFF_FFFF
OPEN = "metering/open"
DAY_START = "metering/day"
SECONDARY_POWER = "metering/secondary-power"

Consumer = Callable[[Work, Metrology, int], None]
"""Told of an event, and of a moment (shell's microseconds) of the period it counts for."""


class Register(NamedTuple):
    """A cumulative register: data item, and what adds to it."""

    item: str
    field: str


REGISTERS = (
    Register("ActiveImportRegister", "import_wh"),
    Register("ActiveExportRegister", "export_wh"),
    Register("ReactiveImportRegister", "import_varh"),
    Register("ReactiveExportRegister", "export_varh"),
    Register("SecondaryActiveImportRegister", "secondary_wh"),
)
IMPORT, EXPORT, REACTIVE_IMPORT, REACTIVE_EXPORT, SECONDARY = range(5)


PROFILE = "ProfileDataLog"
"""The log whose entries have the end of a half hour, and what each register counted in it (5.7.5.27)."""


def profile_parts(twin: bool) -> dict[str, Part]:
    """The logs it is read as, which have columns, and entries, of their own number."""
    time = 0
    imported = (IMPORT, SECONDARY) if twin else (IMPORT,)
    columns = {
        "ActiveImport": imported,
        "Export": (EXPORT, REACTIVE_EXPORT),
        "ReactiveImport": (REACTIVE_IMPORT,),
    }
    return {f"{PROFILE}.{name}": Part(PROFILE, (time, *(n + 1 for n in of))) for name, of in columns.items()}


class Demand(NamedTuple):
    """A maximum demand register: data item, place of its register, whether windowed."""

    item: str
    register: int
    windowed: bool


DEMANDS = (
    Demand("MaximumDemandActivePowerImport", IMPORT, False),
    Demand("MaximumDemandConfigurableTimeActivePowerImport", IMPORT, True),
    Demand("MaximumDemandActivePowerExport", EXPORT, False),
)
DEMAND_ITEMS = Items(*(demand.item for demand in DEMANDS))
BALANCES = (
    "EmergencyCreditBalance",
    "MeterBalance",
    "PaymentDebtRegister",
    "TimeDebtRegister1",
    "TimeDebtRegister2",
    "AccumulatedDebtRegister",
)


@dataclass(frozen=True, slots=True)
class MeteringSettings:
    """Where the reference is silent about the elements of a twin element meter (smets-esme 7 and 10)."""

    daily_of_both: bool = True
    """Whether the Daily Consumption Log has what both elements used, or the primary one. Gap: it has one
    value a day (5.7.5.14), consumption without an element."""

    demand_of_both: bool = True
    """Whether maximum demand of import is that of both elements, as Active Power Import is, or of the
    primary one. Gap: the average of the half hour, without an element (smets-esme 10)."""


class Metering(Behaviour):
    """Counts and records. `twin` adds the secondary element to what is recorded.

    `consumers` are told of each event after it is in the registers.
    """

    name = "metering"
    follows = (OFFSET,)
    counts = True

    def __init__(
        self,
        twin: bool = False,
        consumers: tuple[Consumer, ...] = (),
        settings: MeteringSettings = MeteringSettings(),
    ) -> None:
        self._twin = twin
        self._daily_of_both = twin and settings.daily_of_both
        self._demand_of_both = twin and settings.demand_of_both
        self._consumers = consumers
        registers = REGISTERS if twin else REGISTERS[:-1]
        self._items = Items(*(register.item for register in registers))
        self._amounts = attrgetter(*(register.field for register in registers))

    def handle(self, work: Work, event: Event) -> None:
        """Count what metrology counted; record at the ends of periods."""
        if isinstance(event, Metrology):
            self._count(work, event)
        elif isinstance(event, TimerDue):
            # at the end of a period, to the microsecond; other behaviours have timers of their own
            us = work.now.us + work.number(OFFSET)
            if us % HALF_HOUR_US == 0:
                opened = self._open(work)
                if opened[0] != work.now.us:
                    self._half_hour(work, us // 1_000_000, opened)
                    if us % (DAY * 1_000_000) == 0:
                        self._day(work, us // 1_000_000)

    def deadline(self, work: Work) -> Utc | None:
        """The next half hour of the device's clock."""
        now = work.now.us
        return Utc(now + HALF_HOUR_US - (now + work.number(OFFSET)) % HALF_HOUR_US)

    def reads(self) -> Mapping[str, Callable[[Work], Value]]:
        """The collections that are read as one."""
        return {
            "ImportRegisterCollection": self._import_collection,
            "PowerImportCollection": self._power_collection,
            "PrimaryActivePowerImport": self._primary_power,
        }

    def start(self, work: Work) -> None:
        """The first day's consumption counts from the register as it stands."""
        work.set_value(DAY_START, self._total(work))
        work.set_value(OPEN, (work.now.us - 1, *work.int_items(self._items)))

    def open_half_hour(self, work: Work) -> tuple[int, ...]:
        """What the registers, in their order, counted since the last entry."""
        return _differences(work.int_items(self._items), self._open(work))

    def _count(self, work: Work, event: Metrology) -> None:
        for item, amount in zip(self._items.names, self._amounts(event), strict=True):
            if amount:
                work.set_item(item, (work.int_item(item) + amount) & MAX_U32)
        power = event.power_w
        if power is not None:
            power = min(max(power, 0), MAX_U32)  # what is exported is no import
            if power != work.item("ActivePowerImport"):
                work.set_item("ActivePowerImport", power)
        if self._twin and event.secondary_power_w is not None:
            work.set_value(SECONDARY_POWER, min(max(event.secondary_power_w, 0), MAX_U32))
        now = work.now.us
        if (now + work.number(OFFSET)) % HALF_HOUR_US == 0 and self._open(work)[0] != now:
            now -= 1  # the half hour that ends now has no entry yet
        for consume in self._consumers:
            consume(work, event, now)

    def _open(self, work: Work) -> tuple[int, ...]:
        """When the last half hour was recorded, and the registers then."""
        held = work.value(OPEN)
        return held if isinstance(held, tuple) else (-1, *work.int_items(self._items))  # type: ignore[return-value]

    def _half_hour(self, work: Work, end: int, opened: tuple[int, ...]) -> None:
        values = work.int_items(self._items)
        counted = _differences(values, opened)
        whole = opened[0] < 0 or work.now.us - opened[0] <= HALF_HOUR_US
        work.set_value(OPEN, (work.now.us, *values))
        work.log(PROFILE, end, *counted)
        if self._demand_of_both:
            counted = (counted[IMPORT] + counted[SECONDARY], *counted[1:])
        if whole:  # what is more than a half hour gives no average
            self._demand(work, end, counted)

    def _demand(self, work: Work, end: int, counted: tuple[int, ...]) -> None:
        """Maximum demand: the average of the half hour that ended, where none was higher."""
        for highest, (item, register, windowed) in zip(work.int_items(DEMAND_ITEMS), DEMANDS, strict=True):
            watts = counted[register] * 2
            if watts > highest < MAX_U32 and (not windowed or _in_window(work, end)):
                work.set_item(item, min(watts, MAX_U32))
                work.set_item(f"{item}.CaptureTime", Utc.from_seconds(end).to_cosem())

    def _day(self, work: Work, midnight: int) -> None:
        work.log("DailyReadLog.Import", midnight, *register_entry(work, self._twin))
        work.log("DailyReadLog.Export", midnight, work.item("ActiveExportRegister"))
        total = self._total(work)
        before = work.value(DAY_START)
        if isinstance(before, int):
            work.log("DailyConsumptionLog", midnight, (total - before) & MAX_U32)
        work.set_value(DAY_START, total)
        if payment_mode(work) == PREPAYMENT_MODE:
            work.log("PrepaymentDailyReadLog", midnight, *(work.item(name) for name in BALANCES))

    def _total(self, work: Work) -> int:
        """The register that daily consumption is the difference of."""
        total = work.int_item("ActiveImportRegister")
        return (total + work.int_item(REGISTERS[SECONDARY].item)) & MAX_U32 if self._daily_of_both else total

    def _primary_power(self, work: Work) -> int:
        """Active Power Import without what the secondary element imports."""
        power = work.int_item("ActivePowerImport")
        return max(power - work.number(SECONDARY_POWER), 0) if self._twin else power

    def _power_collection(self, work: Work) -> Value:
        return (work.item("ActivePowerImport"), (0, 27), self._primary_power(work))

    def _import_collection(self, work: Work) -> Value:
        secondary = (work.item("SecondaryActiveImportRegister"),) if self._twin else ()
        return (
            work.item("ActiveImportRegister"),
            (0, 30),
            work.item("ReactiveImportRegister"),
            (0, 32),
            *secondary,
        )


def _differences(values: tuple[int, ...], opened: tuple[int, ...]) -> tuple[int, ...]:
    """What registers counted since they were noted behind a time."""
    counted = tuple(map(sub, values, opened[1:]))
    return counted if min(counted) >= 0 else tuple(one & MAX_U32 for one in counted)


def _in_window(work: Work, end: int) -> bool:
    """Whether the half hour that ended lies in the configurable daily window."""
    entries = work.item("MaximumDemandConfigurableTimePeriod")
    if not isinstance(entries, tuple) or len(entries) != 2:
        return False
    first, last = (_second_of_day(entry) for entry in entries)
    start = (end - HALF_HOUR) % DAY
    if first == last:  # never set: the whole day
        return True
    return first <= start < last if first < last else start >= first or start < last


def _second_of_day(entry: Value) -> int:
    """The switch time of a schedule entry; its time has hour, minute, second, hundredths."""
    time = entry[4] if isinstance(entry, tuple) and len(entry) > 4 else b""
    if not isinstance(time, bytes) or len(time) != 4 or time[0] > 23:
        return 0
    return time[0] * 3600 + min(time[1], 59) * 60 + min(time[2], 59)
