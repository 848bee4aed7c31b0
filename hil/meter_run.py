"""A meter on its own, lived through day after day: what it is set up with, its consumer, what came of it.

The meter is provisioned like one of a home, with a tariff of two rates, prepayment and every log and
alert switched on by its data items. Whatever it does follows from seed, profile and days. A profile may
hold commands, too.

With what an event changes, the store keeps that it has happened. A run that broke off anywhere, its
process killed or the store cut from power, is gone on with behind the last event that was kept, and
comes to what it would have come to. Power that was lost stays lost until the profile restores it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cache
from random import Random
from typing import NamedTuple

from gbcs.errors import BuildError, GbcsError
from gbcs.ids import Role
from gbcs.message import parse_message
from gbcs.security.utrn import TopUpKey, ValueClass, make_token
from gbcs.time import Utc
from smets.alerts import alert_table
from smets.behaviours.charging import EMERGENCY_ACTIVE, PREPAYMENT_MODE
from smets.behaviours.payment import EMERGENCY_ACTION, emergency_available
from smets.behaviours.payment import LIMIT as EMERGENCY_LIMIT_MARK
from smets.behaviours.supply import ENABLE_ACTION, LOAD_SWITCH, State, state_of
from smets.behaviours.tariff_registers import TOU_REGISTERS
from smets.behaviours.topup import TokenEntered
from smets.device import POWER_LOST
from smets.esme.credit_charge import Control, array
from smets.esme.items import item
from smets.events import (
    Actuate,
    Effect,
    Event,
    Metrology,
    RemotePartyMessage,
    SendMessage,
    TimerDue,
    UserAction,
)
from smets.store import MemoryStore, Store
from smets.values import Value, pack, unpack
from smets.work import ITEM, Work

from .home import alert_code, describe
from .meter_profiles import DAY, NAMES, SECOND, Day
from .provisioning import Provisioning
from .scenario import DeviceEntry, Scenario, emulated, load_scenario
from .transcript import WAN, Transcript

NAME = "meter"
UI_RULE = "scenario: event"
VARIANT, BOUGHT, LIVED = "home/variant", "home/top-ups", "home/lived"  # ours, in the store
VARIANTS = ("single", "twin", "polyphase")
REGISTERS = (
    "ActiveImportRegister",
    "ActiveExportRegister",
    "ReactiveImportRegister",
    "ReactiveExportRegister",
    "SecondaryActiveImportRegister",
    *TOU_REGISTERS[:2],
)
BALANCES = (
    "MeterBalance",
    "EmergencyCreditBalance",
    "AccumulatedDebtRegister",
    "TimeDebtRegister1",
    "TimeDebtRegister2",
    "PaymentDebtRegister",
)
POUND = 100_000  # millipence
LOOKS = (8 * 3600, 19 * 3600)  # when the consumer looks at the meter, seconds of the day
TOP_UP_BELOW, TOP_UP_POUNDS, FORGETS = 3 * POUND, 20, 0.25


LAST = Utc.of(2136, 1, 1)  # seconds since 2000 have 32 bits


class MeterError(BuildError):
    """A meter that cannot be simulated like this."""


def set_up(variant: str) -> dict[str, Value]:
    """Data items of a prepayment meter: two rates, a standing charge, a debt, monthly billing."""
    days = ((1, ((bytes(4), _SCRIPTS, 2), (b"\x07\0\0\0", _SCRIPTS, 1))),)
    twin = variant == "twin"
    found: dict[str, Value] = {
        "TariffSwitchingTable.Seasons": _SEASONS,
        "TariffSwitchingTable.Weeks": _WEEKS,
        "TariffSwitchingTable.Days": days,
        "TariffPriceMatrix": _priced(variant, "TariffPriceMatrix", (28, 14)),
        "StandingCharge": _charge(450),
        "PaymentMode": (PREPAYMENT_MODE, 2),
        "CreditChargeConfiguration": array(Control(PREPAYMENT_MODE, False, False), twin),
        "MeterBalance": 25 * POUND,
        "LowCreditThreshold": 2 * POUND,
        "EmergencyCreditLimit": 10 * POUND,
        "EmergencyCreditBalance": 10 * POUND,
        "EmergencyCreditThreshold": POUND,
        "MaximumMeterBalance": 1000 * POUND,
        "MaximumCreditThreshold": 500 * POUND,
        "TimeDebtRegister1": 60 * POUND,
        "DebtRecoveryRates1": _charge(200),
        "BillingCalendar": ((bytes(4), bytes.fromhex("FFFFFF01FF")),),
        "SupplierWANAlerts": "1" * 256,
        "NetworkOperatorWANAlerts": "1" * 256,
    }
    if twin:
        second = ((1, ((bytes(4), _SCRIPTS, 201),)),)
        found |= {
            "SecondaryTariffSwitchingTable.Seasons": _SEASONS,
            "SecondaryTariffSwitchingTable.Weeks": _WEEKS,
            "SecondaryTariffSwitchingTable.Days": second,
            "SecondaryTariffPriceMatrix": _priced(variant, "SecondaryTariffPriceMatrix", (12,)),
        }
    return found


_SCRIPTS = bytes.fromhex("00000A0064FF")
_SEASONS: Value = ((b"all", bytes.fromhex("FFFF0101FF000000008000FF"), b"\x01"),)
_WEEKS: Value = ((b"\x01", *(1,) * 7),)


def _priced(variant: str, name: str, pence: tuple[int, ...]) -> Value:
    """A price matrix whose first prices are these, per kWh."""
    match item(variant, name).default:
        case (_, register, tuple(entries)):
            priced = tuple(
                (entry[0], pence[n] if n < len(pence) else 0)  # type: ignore[index]
                for n, entry in enumerate(entries)
            )
            return ((3, -2), register, priced)
    raise MeterError(f"{name} is no price matrix")


def _charge(tenths: int) -> Value:
    """A charge in tenths of a penny."""
    return ((0, -3), (0, bytes(6), 0), ((b"", tenths),))


class Sample(NamedTuple):
    """State at a time: registers of import and export (Wh), balance (millipence), supply."""

    time: Utc
    import_wh: int
    export_wh: int
    balance: int
    supply: State


@dataclass(frozen=True, slots=True)
class Result:
    """What a meter holds at the end of a run; logs as (entries held, entries ever, capacity)."""

    variant: str
    start: Utc
    end: Utc
    half_hours: int
    registers: dict[str, int]
    balances: dict[str, int]
    supply: str
    powered: bool
    logs: dict[str, tuple[int, int, int]]
    alerts: dict[int, int]
    top_ups: int


_NOTHING: Mapping[str, Value] = {}

Place = tuple[int, int]
"""How far a day is lived: to a time, microseconds, and into what happens at that time."""
BEGINNING: Place = (0, 0)


class MeterRun:
    """A meter on a store, and who uses it. Raises LocalError for a store of another meter.

    `start` counts for a new meter only. `samples` are taken `each` half hours; 0: none.
    """

    def __init__(self, store: Store, variant: str, seed: str, start: Utc, *, each: int = 0) -> None:
        if variant not in VARIANTS:
            raise MeterError(f"variant: {variant!r} is none of {', '.join(VARIANTS)}")
        scenario = _scenario(seed, variant)
        self.variant = variant
        self.transcript = Transcript()
        self.samples: list[Sample] = []
        self._alerts: Counter[int] = Counter()
        self._seed, self._each = seed, each
        self._top_ups = self._half_hours = 0
        new = store.get("own/entity") is None
        held_variant = store.get(VARIANT)
        if not new and held_variant != variant.encode():
            found = "unknown here" if held_variant is None else held_variant.decode(errors="replace")
            raise MeterError(f"the meter of this store is {found}, not {variant}")
        provisioning = Provisioning(scenario)
        entry = emulated(scenario, NAME)
        supplier = next(party for party in scenario.parties if party.role is Role.SUPPLIER)
        if new:
            store.commit(_made(provisioning, entry, start))
        self._store = store
        self._number, self._done = _lived_in(store)  # the day, and how much of it
        self.start = self.now = Utc(self._number * DAY * SECOND + self._done[0])
        self.device = provisioning.device(entry, store, self.start)
        self.keys = provisioning.keys
        self._top_up_key = TopUpKey.of(self.keys, supplier.entity, entry.entity)
        self._place: Place = (-1, 0)
        self._flows = state_of(self.device.observe(self.start)) is State.ENABLED

    def run(self, day: Day, days: int, progress: Callable[[], None] = lambda: None) -> Result:
        """Live through days of a profile."""
        if days < 1:
            raise MeterError("a meter lives for a day at least")
        if self.now.us + days * DAY * SECOND > LAST.us:
            raise MeterError(f"the time of a meter does not go beyond {LAST}")
        for _ in range(days):
            self._day(day)
            progress()
        return self.result()

    def result(self) -> Result:
        """What the meter holds now."""
        work = self.device.observe(self.now)
        logs = {}
        for name, size in sorted(self.device.profile.log_sizes.items()):
            count = work.log_count(name)
            logs[name] = (min(count, size), count, size)
        return Result(
            self.variant,
            self.start,
            self.now,
            self._half_hours,
            {name: work.int_item(name) for name in REGISTERS if name in work.defaults},
            {name: work.int_item(name) for name in BALANCES},
            state_of(work).name.lower(),
            work.get(POWER_LOST) is None,
            logs,
            dict(sorted(self._alerts.items())),
            self._top_ups,
        )

    # -- a day ------------------------------------------------------------------------

    def _day(self, day: Day) -> None:
        """What is left of the day."""
        number = self._number
        midnight = number * DAY * SECOND
        consumer = Random(f"{self._seed}/consumer/{number}")
        looks = [s * SECOND for s in LOOKS if consumer.random() >= FORGETS]
        for us, event, ends in day(number):
            while looks and looks[0] < us:
                self._look(midnight, looks.pop(0))
            if self._is_next(us):
                now = Utc(midnight + us)
                if type(event) is Metrology:
                    self._used(event, now, ends)
                else:
                    self._handle(event, now, _text(event))
        for look in looks:
            self._look(midnight, look)
        self.now = Utc(midnight + DAY * SECOND)
        self._wait(self.now.plus(us=1))
        self._number, self._done, self._place = number + 1, BEGINNING, (-1, 0)
        self._store.commit({LIVED: pack((self._number, *self._done))})

    def _is_next(self, us: int) -> bool:
        """Go to what is next in the day, at this time; whether that has not happened yet."""
        at, count = self._place
        self._place = place = (us, count + 1 if us == at else 1)
        return place > self._done

    def _wait(self, until: Utc) -> None:
        """What the meter itself wants to do before a time, each at its own."""
        while self.device.is_due_before(until):
            due = self.device.next_deadline or until
            self._told(self.device.handle(_TIMER, due), due)

    def _happen(self, event: Event, now: Utc, more: Mapping[str, Value] = _NOTHING) -> None:
        """An event happens, and that it has is kept with all it changes, and with what else there is."""
        self._done = place = self._place
        effects = self.device.handle(event, now, {LIVED: (self._number, *place), **more})
        if effects:
            self._told(effects, now)

    def _used(self, event: Metrology, now: Utc, ends: bool) -> None:
        self._wait(now)  # what is due at the same time goes with it
        if not self._flows and (event.import_wh or event.secondary_wh or event.power_w):
            secondary = None if event.secondary_power_w is None else 0
            event = Metrology(power_w=0, voltage_v=event.voltage_v, secondary_power_w=secondary)
        self._happen(event, now)
        self._half_hours += ends
        if ends and self._each and self._half_hours % self._each == 0:
            work = self.device.observe(now)
            self.samples.append(
                Sample(
                    now,
                    work.int_item(REGISTERS[0]),
                    work.int_item(REGISTERS[1]),
                    work.int_item(BALANCES[0]),
                    state_of(work),
                )
            )

    def _look(self, midnight: int, us: int) -> None:
        """The consumer looks at the meter: tops up when little is left, switches an armed supply on."""
        work = None
        for what in (self._top_up, self._take_emergency_credit, self._switch_on):
            if self._is_next(us):
                if work is None:
                    now = Utc(midnight + us)
                    self._wait(now.plus(us=1))
                    work = self.device.observe(now)
                if work.get(POWER_LOST) is None and what(work):
                    work = None  # it has changed

    # each tells whether the consumer did something

    def _top_up(self, work: Work) -> bool:
        if work.int_item("MeterBalance") >= TOP_UP_BELOW:
            return False
        self._top_ups += 1
        bought = _number(self._store, BOUGHT) + 1
        token = make_token(self._top_up_key, bought << 32, ValueClass.POUNDS, TOP_UP_POUNDS)
        text = f"top up {TOP_UP_POUNDS}.00"
        self._handle(TokenEntered(token), work.now, text, {BOUGHT: bought})
        return True

    def _take_emergency_credit(self, work: Work) -> bool:
        is_off = state_of(work) is State.DISABLED and work.value(EMERGENCY_ACTIVE) is not True
        if not is_off or not emergency_available(work):
            return False
        self._handle(UserAction(EMERGENCY_ACTION), work.now, EMERGENCY_ACTION)
        return True

    def _switch_on(self, work: Work) -> bool:
        if state_of(work) is not State.ARMED:
            return False
        self._handle(UserAction(ENABLE_ACTION), work.now, ENABLE_ACTION)
        return True

    # -- what comes of it -------------------------------------------------------------

    def _handle(self, event: Event, now: Utc, text: str, more: Mapping[str, Value] = _NOTHING) -> None:
        self._wait(now.plus(us=1))
        if isinstance(event, RemotePartyMessage):
            octets = event.octets
            self.transcript.add(now, WAN, NAME, "gbcs", octets, _code(octets), describe(octets), "sent")
        else:
            self.transcript.add(now, "home", NAME, "ui", text=text, rule=UI_RULE)
        self._happen(event, now, more)

    def _told(self, effects: tuple[Effect, ...], now: Utc) -> None:
        for effect in effects:
            if isinstance(effect, SendMessage):
                octets, code = effect.octets, _alert(effect.octets)
                if code is not None:
                    self._alerts[code] += 1
                layer, shown = ("gbcs", _code(octets)) if code is None else ("alert", f"{code:04X}")
                self.transcript.add(now, NAME, WAN, layer, octets, shown, describe(octets), "sent")
            elif isinstance(effect, Actuate):
                if effect.what == LOAD_SWITCH:
                    self._flows = effect.on
                text = f"{effect.what} {'closes' if effect.on else 'opens'}"
                self.transcript.add(now, NAME, NAME, "ui", text=text)


_TIMER = TimerDue()


@cache
def default_home() -> Scenario:
    """The default scenario, read once."""
    return load_scenario(None)


def _scenario(seed: str, variant: str) -> Scenario:
    """The default home with a meter of this variant and certificates of this seed."""
    scenario = default_home()
    entry = replace(emulated(scenario, NAME), variant=variant)
    return replace(scenario, seed=seed, devices=(entry,))


def _number(store: Store, key: str) -> int:
    octets = store.get(key)
    value = None if octets is None else unpack(octets)
    return value if isinstance(value, int) else 0


def _made(provisioning: Provisioning, entry: DeviceEntry, start: Utc) -> dict[str, bytes]:
    """All that a new meter holds, so that it is there as a whole or not at all."""
    store = MemoryStore()
    provisioning.device(entry, store, start)
    items = {ITEM + name: pack(value) for name, value in set_up(entry.variant).items()}
    day, us = divmod(start.us, DAY * SECOND)
    own = {VARIANT: entry.variant.encode(), LIVED: pack((day, us, 0))}
    return {**store.snapshot(), **items, EMERGENCY_LIMIT_MARK: pack(10 * POUND), **own}


def _lived_in(store: Store) -> tuple[int, Place]:
    """The day a meter is in, and how far it has lived in it. Raises MeterError."""
    octets = store.get(LIVED)
    match None if octets is None else unpack(octets):
        case (int(day), int(us), int(done)):
            return day, (us, done)
    raise MeterError("the store does not say how far its meter has lived")


def _code(octets: bytes) -> str:
    """The message code, '' of what is no message."""
    try:
        return f"{parse_message(octets).code:04X}"
    except GbcsError:
        return ""


def _alert(octets: bytes) -> int | None:
    try:
        return alert_code(parse_message(octets))
    except GbcsError:
        return None


def _text(event: Event) -> str:
    return NAMES.get(event, type(event).__name__)


def alert_name(code: int) -> str:
    """The name of an alert, '' for one that is not in the table."""
    row = alert_table().get(code)
    return "" if row is None else row.name
