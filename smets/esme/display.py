"""What the display of an electricity meter shows: one row for each thing, in the order it is shown.

A row says from which data item it comes, when it is shown, how it reads, and which data item decides
whether the Privacy PIN is needed to see it. The first row is the default one: it is shown whenever
nobody presses a button, and never needs the PIN. Source: SMETS 5.5, 5.6.2 (reference: smets-esme 8, 12,
13, and 15 for the PIN). The list of what is shown is general knowledge there; how a value is written is
ours: kWh with three digits behind the point, money in pounds or euros.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from enum import Enum
from typing import NamedTuple

from gbcs.errors import BuildError
from gbcs.time import Utc

from ..behaviours.auxiliary import BOOST, kind_at
from ..behaviours.auxiliary_rules import CONTROLLERS, Kind
from ..behaviours.charging import EMERGENCY_ACTIVE, PREPAYMENT_MODE, payment_mode, to_clear
from ..behaviours.clock import STATUS
from ..behaviours.device_log import entries
from ..behaviours.history import History, Period
from ..behaviours.load_limit import STATE as LOAD_LIMIT
from ..behaviours.load_limit import Phase
from ..behaviours.payment import AVAILABLE, CONDITIONS, EXHAUSTED, LOW_CREDIT, SUSPENDED
from ..behaviours.privacy_pin import PrivacyPin
from ..behaviours.supply import Reason, reasons_of, state_of
from ..behaviours.tariff_registers import (
    BLOCK_COUNTERS,
    BLOCK_REGISTERS,
    SECONDARY_TOU_REGISTERS,
    TOU_REGISTERS,
)
from ..behaviours.tenancy import shown_history
from ..profile import Hooks, Profile
from ..values import Value
from ..work import Work

KWH = 1000  # Wh
PENNY = 1000  # millipence


class When(Enum):
    """When a row is shown."""

    ALWAYS = "always"
    USED = "when it is not zero or empty"
    PREPAYMENT = "in prepayment mode"
    BOOST = "while a boost runs"


class Form(Enum):
    """How a value reads."""

    ENERGY = "kWh, three digits behind the point"
    POWER = "W"
    MONEY = "currency, two digits behind the point"
    PRICE = "currency for a kWh, by the scale of the prices"
    CHARGE = "currency, by its own scale"
    PERCENT = "hundredths of a per cent"
    CURRENCY = "GBP or EUR"
    MODE = "credit or prepayment"
    CLOCK = "date and time in UTC, and whether the clock is right"
    SUPPLY = "enabled, disabled or armed, and why"
    COUNT = "a number"
    TEXT = "text as it is"
    OCTETS = "hex digits"
    TO_CLEAR = "currency, what restores the supply; empty where nothing has to be paid"
    CREDIT_STATE = "what there is to tell of credit"
    LIMIT_STATE = "whether power was above the load limit"
    SWITCHED = "off, or how many per cent"
    PAIRED = "how many devices there are in the device log"
    NETWORK = "connected or not, where the meter is told"
    REMAINING = "minutes left"
    HISTORY = "kWh and currency"


class Row(NamedTuple):
    """One thing shown: its title, its data item, and the item that decides whether the PIN is needed."""

    title: str
    item: str
    when: When
    form: Form
    guard: str
    number: int = 0


def _row(
    title: str, item: str, form: Form, when: When = When.ALWAYS, guard: str = "", number: int = 0
) -> Row:
    return Row(title, item, when, form, guard or item, number)


_TOU, _BLOCK = "TariffTOURegisterCollection", "TariffBlockTOURegisterCollection"
_USED = "DailyConsumptionLog"  # what a day used is as personal here as there
PERIODS = (
    ("used today", Period.DAY, 0),
    ("used yesterday", Period.DAY, 1),
    ("used this week", Period.WEEK, 0),
    ("used last week", Period.WEEK, 1),
    ("used this month", Period.MONTH, 0),
    ("used last month", Period.MONTH, 1),
)
ROWS: tuple[Row, ...] = (
    _row("import", "ActiveImportRegister", Form.ENERGY),
    _row("import, second element", "SecondaryActiveImportRegister", Form.ENERGY),
    _row("export", "ActiveExportRegister", Form.ENERGY),
    _row("power now", "ActivePowerImport", Form.POWER),
    _row("date and time", "Time", Form.CLOCK),
    *(_row(f"rate {n}", item, Form.ENERGY, When.USED, _TOU) for n, item in enumerate(TOU_REGISTERS, 1)),
    *(
        _row(f"second element, rate {n}", item, Form.ENERGY, When.USED, _TOU)
        for n, item in enumerate(SECONDARY_TOU_REGISTERS, 1)
    ),
    *(
        _row(f"block {block}, rate {n}", item, Form.ENERGY, When.USED, _BLOCK)
        for block, items in enumerate(BLOCK_REGISTERS, 1)
        for n, item in enumerate(items, 1)
    ),
    *(
        _row(f"block {block} counter, rate {n}", item, Form.ENERGY, When.USED, _BLOCK)
        for block, items in enumerate(BLOCK_COUNTERS, 1)
        for n, item in enumerate(items, 1)
    ),
    *(
        _row(title, "", Form.HISTORY, When.ALWAYS, _USED, index)
        for index, (title, _, _) in enumerate(PERIODS)
    ),
    _row("price now", "ActiveTariffPrice", Form.PRICE),
    _row("second element, price now", "SecondaryActiveTariffPrice", Form.PRICE),
    _row("standing charge a day", "StandingCharge", Form.CHARGE),
    _row("currency", "CurrencyUnit", Form.CURRENCY),
    _row("payment mode", "PaymentMode", Form.MODE),
    _row("balance", "MeterBalance", Form.MONEY),
    _row("emergency credit left", "EmergencyCreditBalance", Form.MONEY, When.PREPAYMENT),
    _row("credit", "", Form.CREDIT_STATE, When.USED, "MeterBalance"),
    _row("to pay for supply", "", Form.TO_CLEAR, When.USED, "MeterBalance"),
    _row("accumulated debt", "AccumulatedDebtRegister", Form.MONEY, When.PREPAYMENT),
    _row("debt 1", "TimeDebtRegister1", Form.MONEY, When.PREPAYMENT),
    _row("debt 1 taken", "DebtRecoveryRates1", Form.CHARGE, When.PREPAYMENT),
    _row("debt 2", "TimeDebtRegister2", Form.MONEY, When.PREPAYMENT),
    _row("debt 2 taken", "DebtRecoveryRates2", Form.CHARGE, When.PREPAYMENT),
    _row("payment debt", "PaymentDebtRegister", Form.MONEY, When.PREPAYMENT),
    _row("taken of a payment", "DebtRecoveryPerPayment", Form.PERCENT, When.PREPAYMENT),
    _row("supply", "SupplyState", Form.SUPPLY),
    _row("load limit", "", Form.LIMIT_STATE, When.USED, "LoadLimitCounter"),
    _row("load limit passed, times", "LoadLimitCounter", Form.COUNT, When.USED),
    _row("message", "SupplierMessage", Form.TEXT, When.USED),
    _row("supplier", "ContactDetails.Name", Form.TEXT, When.USED),
    _row("telephone", "ContactDetails.TelephoneNumber", Form.TEXT, When.USED),
    _row("MPAN", "MeterPointAdministrationNumber.Import", Form.TEXT),
    _row("MPAN export", "MeterPointAdministrationNumber.Export", Form.TEXT),
    _row("CIN", "CustomerIdentificationNumber", Form.TEXT),
    _row("meter", "EntityIdentifier", Form.OCTETS),
    _row("model", "ModelType", Form.TEXT),
    _row("firmware", "FirmwareVersion", Form.OCTETS),
    _row("home area network", "", Form.NETWORK),
    _row("devices paired", "", Form.PAIRED),
    *(
        _row(f"controller {n}", f"AuxiliaryController{n}.State", Form.SWITCHED, When.USED, number=n)
        for n in CONTROLLERS
    ),
    _row("boost", "BoostFunctionAvailability", Form.REMAINING, When.BOOST),
)
DEFAULT = 0


class Display:
    """The rows of one kind of meter, and what they read. It has no state of its own.

    `connected`: whether the meter is on its home area network, which is no part of its state.
    """

    def __init__(self, profile: Profile, connected: Callable[[], bool] | None = None) -> None:
        self._hooks = Hooks(profile.behaviours)
        self._pin = next(b for b in profile.behaviours if isinstance(b, PrivacyPin))
        self._history = next(b for b in profile.behaviours if isinstance(b, History))
        self._connected = connected
        self.rows = tuple(row for row in ROWS if self._has(profile, row))

    def shown(self, work: Work) -> tuple[int, ...]:
        """Which rows the display goes through now, by their number in `rows`; the default one first."""
        return tuple(n for n, row in enumerate(self.rows) if n == DEFAULT or self._is_shown(work, row))

    def is_open(self, work: Work, row: Row) -> bool:
        """Whether the PIN, if there is one, lets a row be seen now."""
        return self._pin.shows(work, row.guard)

    def text(self, work: Work, row: Row) -> str:
        """How a row reads now; '' where it has nothing to say. The PIN is not asked for here."""
        if row.form is Form.HISTORY:
            return self._history_text(work, row)
        if row.form is Form.NETWORK:
            return "connected" if self._connected is not None and self._connected() else "not connected"
        value = self._hooks.read(work, row.item) if row.item else None
        return _TEXTS[row.form](work, value, row)

    def _has(self, profile: Profile, row: Row) -> bool:
        if row.form is Form.NETWORK:
            return self._connected is not None
        return not row.item or row.item in profile.defaults

    def _is_shown(self, work: Work, row: Row) -> bool:
        if not self.is_open(work, row):
            return False
        if row.when is When.PREPAYMENT:
            return payment_mode(work) == PREPAYMENT_MODE
        if row.when is When.BOOST:
            return work.value(BOOST) is not None
        text = self.text(work, row)
        return bool(text) and (row.when is When.ALWAYS or self._is_used(work, row))

    def _is_used(self, work: Work, row: Row) -> bool:
        return not row.item or bool(self._hooks.read(work, row.item))

    def _history_text(self, work: Work, row: Row) -> str:
        _, period, index = PERIODS[row.number]
        used = shown_history(work, self._history, period)
        if index >= len(used):
            return ""
        return f"{energy(used[index].wh)} {money(work, used[index].cost)}"


def energy(wh: int) -> str:
    """Wh as kWh."""
    return f"{wh // KWH}.{wh % KWH:03d} kWh"


def money(work: Work, millipence: int) -> str:
    """Millipence, rounded down in their size to whole pence."""
    pence = abs(millipence) // PENNY
    sign = "-" if millipence < 0 and pence else ""
    return f"{sign}{currency(work)} {pence // 100}.{pence % 100:02d}"


def currency(work: Work) -> str:
    """The code of the currency in force (SMETS 5.7.4.9)."""
    return "GBP" if work.item("CurrencyUnit") is True else "EUR"


def scaled(number: int, scale: int) -> str:
    """number x 10^scale in full; a scale that no display could show is written as such."""
    if not -9 <= scale <= 9:
        return f"{number}E{scale}"
    if scale >= 0:
        return str(number * 10**scale)
    digits = f"{abs(number):0{1 - scale}d}"
    return f"{'-' if number < 0 else ''}{digits[:scale]}.{digits[scale:]}"


def credit_texts(work: Work) -> tuple[str, ...]:
    """What a prepayment customer has to know of the credit, the most urgent last (smets-esme 11.6)."""
    held = work.number(CONDITIONS)
    active = work.value(EMERGENCY_ACTIVE) is True
    texts = (
        (held & LOW_CREDIT.bit, "low credit"),
        (held & AVAILABLE.bit, "emergency credit available"),
        (active, "emergency credit in use"),
        (held & EXHAUSTED.bit, "emergency credit exhausted"),
        (held & SUSPENDED.bit, "supply not disabled now"),
    )
    return tuple(text for holds, text in texts if holds)


def _to_clear(work: Work, value: Value, row: Row) -> str:
    """The debt to clear, while lack of credit is why there is no supply (smets-esme 11.7)."""
    amount = to_clear(work) if Reason.CREDIT in reasons_of(work) else 0
    return money(work, amount) if amount else ""


def _number(value: Value) -> int:
    return int(value) if isinstance(value, int) else 0


def _energy(work: Work, value: Value, row: Row) -> str:
    return energy(_number(value))


def _price(work: Work, value: Value, row: Row) -> str:
    unit = work.item(f"{row.item}.ScalerUnit")
    scale = unit[0] if isinstance(unit, tuple) and isinstance(unit[0], int) else 0
    return f"{currency(work)} {scaled(_number(value), scale)} / kWh"


def _charge(work: Work, value: Value, row: Row) -> str:
    match value:
        case ((_, int(scale)), _, ((_, int(amount)), *_)):
            text = f"{currency(work)} {scaled(amount, scale)}"
            period = work.item(f"{row.item}.Period") if f"{row.item}.Period" in work.defaults else None
            return text if period is None else f"{text} {'an hour' if period == 3600 else 'a day'}"
    return ""


def _percent(work: Work, value: Value, row: Row) -> str:
    return f"{_number(value) // 100}.{_number(value) % 100:02d} %"


def _mode(work: Work, value: Value, row: Row) -> str:
    return "prepayment" if payment_mode(work) == PREPAYMENT_MODE else "credit"


_WAYS = (("outputState", ""), ("inputState", " in"))
_STATUS = ("", " (not set)", " (not sure)")


def _clock(work: Work, value: Value, row: Row) -> str:
    """Gap: no way to write it is said; to the minute, as it changes at no other time that is shown."""
    try:
        time = Utc.from_cosem(value) if isinstance(value, bytes) else work.time
    except BuildError:
        time = work.time
    status = work.number(STATUS)
    return f"{time.to_datetime():%d.%m.%Y %H:%M}{_STATUS[status] if 0 <= status < len(_STATUS) else ''}"


def _supply(work: Work, value: Value, row: Row) -> str:
    why = ", ".join(sorted(reason.value for reason in reasons_of(work)))
    return state_of(work).name.lower() + (f" ({why})" if why else "")


def _text(work: Work, value: Value, row: Row) -> str:
    text = value.decode("ascii", "replace") if isinstance(value, bytes) else str(value or "")
    return "".join(c if c.isprintable() else "?" for c in text)


def _limit(work: Work, value: Value, row: Row) -> str:
    match work.value(LOAD_LIMIT):
        case (str(phase), _) if phase in (Phase.EXCEEDED.value, Phase.RESTORING.value):
            return "power was above the limit"
    return ""


def _switched(work: Work, value: Value, row: Row) -> str:
    """Per cent of what the controller gives out, and of what it takes in where it can."""
    if kind_at(work, row.number) is Kind.NONE or not isinstance(value, str):
        return ""
    told = json.loads(value)
    levels = [f"{told[way]} %{text}" for way, text in _WAYS if told.get(way, "0") != "0"]
    return ", ".join(levels) or "off"


def _remaining(work: Work, value: Value, row: Row) -> str:
    match work.value(BOOST):
        case (_, _, _, int(ends), *_):
            return f"{max(0, -((work.now.us - ends) // 60_000_000))} minutes left"
    return ""


_TEXTS: dict[Form, Callable[[Work, Value, Row], str]] = {
    Form.ENERGY: _energy,
    Form.POWER: lambda work, value, row: f"{_number(value)} W",
    Form.MONEY: lambda work, value, row: money(work, _number(value)),
    Form.PRICE: _price,
    Form.CHARGE: _charge,
    Form.PERCENT: _percent,
    Form.CURRENCY: lambda work, value, row: currency(work),
    Form.MODE: _mode,
    Form.CLOCK: _clock,
    Form.SUPPLY: _supply,
    Form.COUNT: lambda work, value, row: str(_number(value)),
    Form.TEXT: _text,
    Form.OCTETS: lambda work, value, row: value.hex().upper() if isinstance(value, bytes) else "",
    Form.TO_CLEAR: _to_clear,
    Form.CREDIT_STATE: lambda work, value, row: ", ".join(credit_texts(work)),
    Form.LIMIT_STATE: _limit,
    Form.SWITCHED: _switched,
    Form.PAIRED: lambda work, value, row: str(sum(1 for _ in entries(work))),
    Form.REMAINING: _remaining,
}
