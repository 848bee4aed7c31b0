"""Billing: the ends of billing periods, snapshots in the Billing Data Log, resets of the block counters.

A period ends when the device's clock has passed a time of its calendar. Ends that were jumped over or
passed without power are one end, when the device is there again: nothing was counted between them. A
clock set back by less than a day passes no end twice. A snapshot has the registers and balances as they
stand before whatever it is taken for changes them. Source: SMETS 5.7.4.7, 5.7.5.10, ECS20b, ECS20c,
ECS30a, ECS48, ECS68 (reference: smets-esme 9.5, 9.8, 10; dlms-payloads 4.1, 6, 7.2).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from functools import partial
from typing import NamedTuple

from gbcs.dlms.axdr import Data
from gbcs.dlms.objects import Member, by_item
from gbcs.dlms.protection_rows import ProtectedRead
from gbcs.dlms.protection_rows import table as protected_reads
from gbcs.security.content import ContentSealer
from gbcs.time import Utc

from ..events import Event, Metrology, TimerDue
from ..profile import Behaviour
from ..values import Value
from ..work import Work
from .charging import PREPAYMENT_MODE, payment_mode
from .compiled import Compiled
from .execution_times import ExecutionTimes
from .metering import BALANCES
from .tariff_registers import register_entry, reset_block_counters

UPDATED = 0x8F0A
CHANGED = "billing/changed"
REGISTERS = "BillingDataLog.CalendarRegisters"
PREPAYMENT = "BillingDataLog.CalendarPrepayment"
CHANGES = "BillingDataLog.ModeOrTariffChange"


class Why(Enum):
    """What a snapshot is taken for."""

    BILLING_PERIOD = "the billing period ends"
    TARIFF = "the tariff or a price changes"
    PAYMENT_MODE = "the payment mode changes"
    SUPPLIER = "the supplier changes"


# items a command or an activation writes, and what it changes by that
TRIGGERS: tuple[tuple[Why, tuple[str, ...]], ...] = (
    (
        Why.TARIFF,
        (
            *(
                f"{prefix}TariffSwitchingTable.{part}"
                for prefix in ("", "Secondary")
                for part in ("Seasons", "Weeks", "Days", "SpecialDays")
            ),
            *(f"TariffThresholdMatrix.TOU{n}" for n in range(1, 9)),
            "TariffPriceMatrix",
            "SecondaryTariffPriceMatrix",
            "StandingCharge",
            "CurrencyUnit",
        ),
    ),
    (Why.PAYMENT_MODE, ("PaymentMode", "CreditChargeConfiguration")),
)


@dataclass(frozen=True, slots=True)
class BillingSettings:
    """Settings where the reference leaves billing open."""

    balances_in_credit_mode: bool = True
    """The end of a billing period writes the prepayment snapshot in credit mode as well. Gap:
    smets-esme 10 names the prepayment set without a condition, which the daily log has."""

    longest_step_back: int = 86_400
    """Seconds the clock may be set back without passing the end of a period again; after a longer
    step back what had passed is forgotten. Gap: clock changes across a billing date are not said."""


class Calendar(NamedTuple):
    """A single action schedule: its item, where its last end is kept, what an end does."""

    item: str
    key: str
    act: Callable[[Billing, Work], None]


class Billing(Behaviour):
    """Ends billing periods and takes snapshots."""

    name = "billing"
    ignores = (Metrology,)

    def __init__(self, twin: bool = False, settings: BillingSettings = BillingSettings()) -> None:
        self._twin = twin
        self.settings = settings
        self._longest = settings.longest_step_back * 1_000_000

    def snapshot(self, work: Work, why: Why) -> None:
        """Write the Billing Data Log; before a change, the first snapshot of a moment is the one.

        One command changes several items, and what it changes at one moment is one change.
        """
        time = work.time.seconds
        registers = register_entry(work, self._twin)
        if why is not Why.BILLING_PERIOD:
            if work.value(CHANGED) != work.now.us:
                work.set_value(CHANGED, work.now.us)
                work.log(CHANGES, time, *registers, *map(work.item, BALANCES))
            return
        work.log(REGISTERS, time, *registers)
        if payment_mode(work) == PREPAYMENT_MODE or self.settings.balances_in_credit_mode:
            work.log(PREPAYMENT, time, *map(work.item, BALANCES))
        # never more than one of them: the newest entry
        newest = _contents().wire(self._twin).encode(((time, *registers),))
        work.alert(UPDATED, message_code=_alert().code, sealed=partial(_sealed, newest))

    def start(self, work: Work) -> None:
        """No period ended before the device came up."""
        for calendar in CALENDARS:
            work.set_value(calendar.key, work.time.us)

    def writes(self) -> Mapping[str, Callable[[Work, Value], None]]:
        """A new calendar begins now; changes that need a snapshot, taken before others react to them."""
        found: dict[str, Callable[[Work, Value], None]] = {}
        for calendar in CALENDARS:
            found[calendar.item] = partial(_begin, calendar.key)
        for why, items in TRIGGERS:
            for item in items:
                found[item] = partial(self._changed, why)
        return found

    def handle(self, work: Work, event: Event) -> None:
        """End the periods whose end has passed."""
        if not isinstance(event, TimerDue):
            return
        for item, key, act in CALENDARS:
            entries = work.item(item)
            if not entries:
                continue
            now, last = work.now.us + work.number("clock/offset"), work.number(key)
            if now < last - self._longest:
                work.set_value(key, now)
                continue
            due = _TIMES.of(entries).after(last)
            if due is not None and due <= now:
                work.set_value(key, now)
                act(self, work)

    def deadline(self, work: Work) -> Utc | None:
        """The first end that has not passed yet; now, if the clock was set far back."""
        found: int | None = None
        time = work.time.us
        for item, key, _ in CALENDARS:
            entries = work.item(item)
            if entries:
                last = work.number(key)
                if time < last - self._longest:
                    return work.now
                due = _TIMES.of(entries).after(last)
                if due is not None and (found is None or due < found):
                    found = due
        return None if found is None else Utc(found - work.number("clock/offset"))

    def _end(self, work: Work) -> None:
        self.snapshot(work, Why.BILLING_PERIOD)
        reset_block_counters(work)

    def _reset(self, work: Work) -> None:
        reset_block_counters(work)

    def _changed(self, why: Why, work: Work, value: Value) -> None:
        self.snapshot(work, why)


CALENDARS = (
    Calendar("BillingCalendar", "billing/ended", Billing._end),
    Calendar("TariffBlockCounterMatrix.DailyResetting", "billing/reset", Billing._reset),
)
_TIMES = Compiled(ExecutionTimes)


def _begin(key: str, work: Work, value: Value) -> None:
    work.set_value(key, work.time.us)


def _alert() -> ProtectedRead:
    """The row of what the alert carries protected."""
    return next(row for row in protected_reads() if row.alert_only)


def _contents() -> Member:
    return by_item(REGISTERS)


def _sealed(newest: Data, sealer: ContentSealer) -> tuple[Data, ...]:
    return sealer.dlms_elements((newest,))
