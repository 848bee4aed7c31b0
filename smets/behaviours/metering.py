"""Registers from metrology events, and the half-hourly and daily recording of them.

Source: SMETS 5.7.5 (reference: smets-esme 7 and 10). Entries are stamped with the end of
their period, UTC. A period is recorded when the device's clock passes its end: time that was
jumped over, or passed without power, has no entries, and what was counted before is part of the
next one; where the clock was set back, stamps repeat. Of a first, shorter day the daily
consumption counts from the register as it then stood.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

from gbcs.time import Utc

from ..events import Event, Metrology, TimerDue
from ..profile import Behaviour
from ..values import Value
from ..work import Work

HALF_HOUR = 1800
DAY = 86_400
MAX_U32 = 0xFFFF_FFFF
LAST = "metering/last"
DAY_START = "metering/day"


class Register(NamedTuple):
    """A cumulative register: data item, what adds to it, and the store key of its half hour."""

    item: str
    field: str
    period: str


REGISTERS = (
    Register("ActiveImportRegister", "import_wh", "metering/import"),
    Register("ActiveExportRegister", "export_wh", "metering/export"),
    Register("ReactiveImportRegister", "import_varh", "metering/reactive-import"),
    Register("ReactiveExportRegister", "export_varh", "metering/reactive-export"),
    Register("SecondaryActiveImportRegister", "secondary_wh", "metering/secondary"),
)


class Demand(NamedTuple):
    """A maximum demand register: data item, store key of the half hour's energy, whether windowed."""

    item: str
    period: str
    windowed: bool


DEMANDS = (
    Demand("MaximumDemandActivePowerImport", "metering/import", False),
    Demand("MaximumDemandConfigurableTimeActivePowerImport", "metering/import", True),
    Demand("MaximumDemandActivePowerExport", "metering/export", False),
)
BALANCES = (
    "EmergencyCreditBalance",
    "MeterBalance",
    "PaymentDebtRegister",
    "TimeDebtRegister1",
    "TimeDebtRegister2",
    "AccumulatedDebtRegister",
)
PREPAYMENT = 2


class Metering(Behaviour):
    """Counts and records. `twin` adds the secondary element to what is recorded."""

    name = "metering"

    def __init__(self, twin: bool = False) -> None:
        self._twin = twin
        self._registers = REGISTERS if twin else REGISTERS[:-1]

    def handle(self, work: Work, event: Event) -> None:
        """Count what metrology counted; record at the ends of periods."""
        if isinstance(event, Metrology):
            self._count(work, event)
        elif isinstance(event, TimerDue):
            # at the end of a period, to the microsecond; other behaviours have timers of their own
            end = work.time
            if end == end.floor(HALF_HOUR) and work.value(LAST) != work.now.us:
                work.set_value(LAST, work.now.us)
                self._half_hour(work, end)
                if end == end.floor(DAY):
                    self._day(work, end)

    def deadline(self, work: Work) -> Utc | None:
        """The next half hour of the device's clock."""
        return work.shell_time(work.time.floor(HALF_HOUR).plus(HALF_HOUR))

    def reads(self) -> Mapping[str, Callable[[Work], Value]]:
        """The collections that are read as one."""
        return {
            "ImportRegisterCollection": self._import_collection,
            "TariffTOURegisterCollection": self._tou_collection,
            "TariffBlockTOURegisterCollection": _block_collection,
            "PowerImportCollection": _power_collection,
        }

    def _count(self, work: Work, event: Metrology) -> None:
        for register in self._registers:
            amount = getattr(event, register.field)
            if amount:
                work.set_item(register.item, (work.int_item(register.item) + amount) & MAX_U32)
                work.set_value(register.period, work.number(register.period) + amount)
        if event.power_w is not None:
            power = min(max(event.power_w, 0), MAX_U32)  # what is exported is no import
            work.set_item("ActivePowerImport", power)
            work.set_item("PrimaryActivePowerImport", power)

    def _half_hour(self, work: Work, end: Utc) -> None:
        amounts = {r.period: min(work.number(r.period), MAX_U32) for r in self._registers}
        for register in self._registers:
            work.put(register.period, None)
        seconds = end.seconds
        secondary = (amounts["metering/secondary"],) if self._twin else ()
        work.log("ProfileDataLog.ActiveImport", seconds, amounts["metering/import"], *secondary)
        work.log(
            "ProfileDataLog.Export", seconds, amounts["metering/export"], amounts["metering/reactive-export"]
        )
        work.log("ProfileDataLog.ReactiveImport", seconds, amounts["metering/reactive-import"])
        for demand in DEMANDS:
            watts = min(amounts[demand.period] * (3600 // HALF_HOUR), MAX_U32)
            if watts > work.int_item(demand.item) and (not demand.windowed or _in_window(work, end)):
                work.set_item(demand.item, watts)
                work.set_item(f"{demand.item}.CaptureTime", end.to_cosem())

    def _day(self, work: Work, midnight: Utc) -> None:
        seconds = midnight.seconds
        registers = [work.item("ActiveImportRegister")]
        tou = [work.item("TariffTOURegisterMatrix")]
        if self._twin:
            registers.append(work.item("SecondaryActiveImportRegister"))
            tou.append(work.item("SecondaryTariffTOURegisterMatrix"))
        blocks = work.item("TariffTOUBlockRegisterMatrix")
        work.log(
            "DailyReadLog.Import", seconds, *registers, *tou, *(blocks if isinstance(blocks, tuple) else ())
        )
        work.log("DailyReadLog.Export", seconds, work.item("ActiveExportRegister"))
        total = work.int_item("ActiveImportRegister")
        before = work.value(DAY_START)
        if isinstance(before, int):
            work.log("DailyConsumptionLog", seconds, (total - before) & MAX_U32)
        work.set_value(DAY_START, total)
        mode = work.item("PaymentMode")
        if isinstance(mode, tuple) and mode[0] == PREPAYMENT:
            work.log("PrepaymentDailyReadLog", seconds, *(work.item(name) for name in BALANCES))

    def start(self, work: Work) -> None:
        """The first day's consumption counts from the register as it stands."""
        work.set_value(DAY_START, work.int_item("ActiveImportRegister"))

    def _import_collection(self, work: Work) -> Value:
        secondary = (work.item("SecondaryActiveImportRegister"),) if self._twin else ()
        return (
            work.item("ActiveImportRegister"),
            (0, 30),
            work.item("ReactiveImportRegister"),
            (0, 32),
            *secondary,
        )

    def _tou_collection(self, work: Work) -> Value:
        secondary = (work.item("SecondaryTariffTOURegisterMatrix"),) if self._twin else ()
        return (work.item("TariffTOURegisterMatrix"), *secondary)


def _block_collection(work: Work) -> Value:
    blocks = work.item("TariffTOUBlockRegisterMatrix")
    rows = blocks if isinstance(blocks, tuple) else ()
    return (tuple(value for row in rows if isinstance(row, tuple) for value in row),)


def _power_collection(work: Work) -> Value:
    return (work.item("ActivePowerImport"), (0, 27), work.item("PrimaryActivePowerImport"))


def _in_window(work: Work, end: Utc) -> bool:
    """Whether the half hour that ended lies in the configurable daily window."""
    entries = work.item("MaximumDemandConfigurableTimePeriod")
    if not isinstance(entries, tuple) or len(entries) != 2:
        return False
    first, last = (_second_of_day(entry) for entry in entries)
    start = (end.seconds - HALF_HOUR) % DAY
    if first == last:  # never set: the whole day
        return True
    return first <= start < last if first < last else start >= first or start < last


def _second_of_day(entry: Value) -> int:
    """The switch time of a schedule entry; its time has hour, minute, second, hundredths."""
    time = entry[4] if isinstance(entry, tuple) and len(entry) > 4 else b""
    if not isinstance(time, bytes) or len(time) != 4 or time[0] > 23:
        return 0
    return time[0] * 3600 + min(time[1], 59) * 60 + min(time[2], 59)
