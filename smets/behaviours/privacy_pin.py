"""Privacy PIN: set at the meter, it keeps what is personal and some functions to those who know it.

While a PIN is set and not entered, the display does not show personal items, the supply cannot be
enabled and no device be paired at the meter; commands and the home area network are not concerned. It
is checked here, once for all who ask. Source: SMETS 5.6.2, ECS14 (reference: smets-esme 8 and 15,
smets-ppmid-hcalcs-ihd 5, seed-decisions S59, S60).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import NamedTuple

from gbcs.errors import BuildError

from ..events import Event, Metrology, PowerLost, ProfileEvent, TimerDue
from ..profile import Behaviour
from ..values import Value
from ..work import Work
from .local_commands import told

DIGITS = "pin/digits"
OPEN = "pin/open"
WRONG = "pin/wrong"
SUSPENDED = "pin/suspended"
RULE = "smets-esme 15"
LONGEST = 8  # S60


@dataclass(frozen=True, slots=True)
class SetPin(ProfileEvent):
    """The consumer sets a PIN, or another one."""

    pin: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class EnterPin(ProfileEvent):
    """The consumer enters the PIN, to see and do what it protects."""

    pin: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class ClearPin(ProfileEvent):
    """The consumer wants no PIN any more; it has to be entered before."""


@dataclass(frozen=True, slots=True)
class LeaveMenu(ProfileEvent):
    """The consumer is done: what the PIN protects is protected again."""


@dataclass(frozen=True, slots=True)
class StillThere(ProfileEvent):
    """The consumer goes on with the buttons: the PIN that was entered counts from now on."""


class Lock(Enum):
    """How it stands with the PIN."""

    NONE = "no PIN is set"
    CLOSED = "the PIN is needed"
    OPEN = "the PIN was entered"


class What(Enum):
    """What the consumer does."""

    SET = "set a PIN"
    ENTER_RIGHT = "enter the PIN"
    ENTER_WRONG = "enter another PIN"
    CLEAR = "clear the PIN"
    GO_ON = "go on"
    LEAVE = "leave"


class Row(NamedTuple):
    """One row: `refusal` '' where it is done. What has no row changes nothing."""

    before: Lock
    what: What
    after: Lock
    refusal: str


# fmt: off
ROWS: tuple[Row, ...] = (
    Row(Lock.NONE, What.SET, Lock.OPEN, ""),
    Row(Lock.NONE, What.ENTER_RIGHT, Lock.NONE, "no PIN is set"),
    Row(Lock.NONE, What.ENTER_WRONG, Lock.NONE, "no PIN is set"),
    Row(Lock.NONE, What.CLEAR, Lock.NONE, "no PIN is set"),
    Row(Lock.CLOSED, What.SET, Lock.CLOSED, "the PIN is needed"),
    Row(Lock.CLOSED, What.ENTER_RIGHT, Lock.OPEN, ""),
    Row(Lock.CLOSED, What.ENTER_WRONG, Lock.CLOSED, "not the PIN"),
    Row(Lock.CLOSED, What.CLEAR, Lock.CLOSED, "the PIN is needed"),
    Row(Lock.OPEN, What.SET, Lock.OPEN, ""),
    Row(Lock.OPEN, What.ENTER_RIGHT, Lock.OPEN, ""),
    Row(Lock.OPEN, What.ENTER_WRONG, Lock.CLOSED, "not the PIN"),
    Row(Lock.OPEN, What.CLEAR, Lock.NONE, ""),
    Row(Lock.OPEN, What.GO_ON, Lock.OPEN, ""),
    Row(Lock.OPEN, What.LEAVE, Lock.CLOSED, ""),
)
# fmt: on
PERSONAL = frozenset(
    (
        "ActivePowerImport",
        "PrimaryActivePowerImport",
        "PowerImportCollection",
        "ActiveExportRegister",
        "TariffTOURegisterCollection",
        "TariffBlockTOURegisterCollection",
        "MaximumDemandActivePowerImport",
        "MaximumDemandConfigurableTimeActivePowerImport",
        "MaximumDemandActivePowerExport",
        "MeterBalance",
        "EmergencyCreditBalance",
        "AccumulatedDebtRegister",
        "PaymentDebtRegister",
        "TimeDebtRegister1",
        "TimeDebtRegister2",
        "PrepaymentBalanceCollection",
        "DebtRecoveryPerPayment",
        "DebtRecoveryRates1",
        "DebtRecoveryRates2",
        "SupplierMessage",
        "ProfileDataLog.ActiveImport",
        "ProfileDataLog.Export",
        "ProfileDataLog.ReactiveImport",
        "DailyReadLog.Import",
        "DailyReadLog.Export",
        "DailyConsumptionLog",
        "PrepaymentDailyReadLog",
        "BillingDataLog.CalendarRegisters",
        "BillingDataLog.CalendarPrepayment",
        "BillingDataLog.ModeOrTariffChange",
        "BillingDataLog.PaymentDebtPayments",
        "BillingDataLog.PrepaymentCredits",
    )
)


@dataclass(frozen=True, slots=True)
class PinSettings:
    """Where the reference is unsure about the Privacy PIN. Raises BuildError."""

    length: int = 4
    """Digits of a PIN. Gap: smets-esme 15 has 4 from one maker, and not above 8."""

    open_for: int = 300
    """Seconds that an entry counts, from the last that the consumer did with the buttons, so that it does
    not end while a device is being paired. Gap: none in smets-esme 15."""

    attempts: int = 5
    suspended_for: int = 600
    """Wrong entries in a row after which none is taken for so many seconds. Gap: smets-esme 15 leaves a
    lockout to the maker."""

    personal: frozenset[str] = PERSONAL
    """Items the PIN protects. Gap: smets-esme 15 says `items holding personal data`; the import register is
    shown always (smets-esme 8), and with it what identifies the meter."""

    def __post_init__(self) -> None:
        """Ranges."""
        if not 1 <= self.length <= LONGEST:
            raise BuildError(f"1 to {LONGEST} digits", "length")
        if self.open_for < 1 or self.attempts < 1 or self.suspended_for < 0:
            raise BuildError("at least one second, one attempt, no second", "PinSettings")


class PrivacyPin(Behaviour):
    """Holds the PIN, and whether it was entered."""

    name = "privacy pin"
    ignores = (Metrology, TimerDue)

    def __init__(self, settings: PinSettings = PinSettings()) -> None:
        self._settings = settings

    def writes(self) -> Mapping[str, Callable[[Work, Value], None]]:
        """ECS14 ends the protection from afar."""
        return {"DisablePrivacyPinProtection": lambda work, value: _forget(work)}

    def handle(self, work: Work, event: Event) -> None:
        """Do what the consumer does; without power the PIN has to be entered anew."""
        if isinstance(event, SetPin):
            told(work, self._set(work, event.pin), What.SET.value, RULE)
        elif isinstance(event, EnterPin):
            told(work, self._enter(work, event.pin), What.ENTER_RIGHT.value, RULE)
        elif isinstance(event, ClearPin):
            told(work, self._follow(work, What.CLEAR), What.CLEAR.value, RULE)
        elif isinstance(event, StillThere):
            self._follow(work, What.GO_ON)
        elif isinstance(event, LeaveMenu | PowerLost):
            self._follow(work, What.LEAVE)

    def shows(self, work: Work, item: str) -> bool:
        """Whether the display may show a data item or log now."""
        return item not in self._settings.personal or not is_locked(work)

    def _set(self, work: Work, pin: str) -> str:
        if len(pin) != self._settings.length or not (pin.isascii() and pin.isdigit()):
            return f"a PIN has {self._settings.length} digits"
        refusal = self._follow(work, What.SET)
        if not refusal:
            work.set_value(DIGITS, pin)
        return refusal

    def _enter(self, work: Work, pin: str) -> str:
        """A suspension ends by time; a clock of the shell that went back does not make it longer."""
        until = work.number(SUSPENDED)
        if work.now.us < until <= work.now.plus(self._settings.suspended_for).us:
            return "too many wrong entries: wait"
        right = pin == work.value(DIGITS)
        refusal = self._follow(work, What.ENTER_RIGHT if right else What.ENTER_WRONG)
        wrong = 0 if right or lock_of(work) is Lock.NONE else work.number(WRONG) + 1
        if wrong >= self._settings.attempts:
            work.set_value(SUSPENDED, work.now.plus(self._settings.suspended_for).us)
            wrong = 0
        work.set_value(WRONG, wrong)
        return refusal

    def _follow(self, work: Work, what: What) -> str:
        before = lock_of(work)
        for row in ROWS:
            if row.before is before and row.what is what:
                self._become(work, row.after)
                return row.refusal
        return ""

    def _become(self, work: Work, lock: Lock) -> None:
        if lock is Lock.NONE:
            _forget(work)
        elif lock is Lock.OPEN:
            work.set_value(OPEN, (work.now.us, work.now.plus(self._settings.open_for).us))
        else:
            work.put(OPEN, None)


def lock_of(work: Work) -> Lock:
    """How it stands with the PIN now."""
    if work.value(DIGITS) is None:
        return Lock.NONE
    match work.value(OPEN):
        case (int(since), int(until)) if since <= work.now.us < until:
            return Lock.OPEN
    return Lock.CLOSED


def is_locked(work: Work) -> bool:
    """Whether the PIN is needed: for personal items, to enable the supply, to pair a device."""
    return lock_of(work) is Lock.CLOSED


def pin_refusal(work: Work) -> str:
    """Why what the PIN protects is not done; '' if it may be."""
    return Lock.CLOSED.value if is_locked(work) else ""


def _forget(work: Work) -> None:
    for key in (DIGITS, OPEN, WRONG, SUSPENDED):
        work.put(key, None)
