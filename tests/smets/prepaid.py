"""A prepayment meter for tests: its money as values, a price, tokens, and what came of an event."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from gbcs.dlms.templates import templates
from gbcs.time import Utc
from gbcs.usecases import by_name
from smets.behaviours.charging import EMERGENCY_ACTIVE
from smets.behaviours.payment import LIMIT
from smets.behaviours.payment_settings import DEFAULT_PAYMENT_SETTINGS, PaymentSettings
from smets.behaviours.supply import state_of
from smets.behaviours.timed_charges import ROWS
from smets.behaviours.topup import TokenEntered
from smets.device import Device
from smets.esme.credit_charge import PREPAYMENT_MODE, Control, array
from smets.esme.items import item
from smets.esme.meter import EsmeOptions, esme_profile
from smets.events import Effect, Metrology, TimerDue
from smets.values import Value, pack
from tests.smets.homes import START, Home, alerts_in, component_member, token

DAY, HOUR = 86_400, 3600
SCALE = -5  # a charge of 1 is a millipence
EVERY_DATE = (b"\xff" * 5,) * 2


def charge(amount: int, scale: int = SCALE) -> Value:
    """A standing charge or a rate."""
    return ((0, scale), (0, bytes(6), 0), ((b"", amount),))


def price(pence_per_kwh: int) -> dict[str, Value]:
    """One price in pence per kWh for every hour; 1 p per kWh is 1 millipence per Wh."""
    matrix = item("single", "TariffPriceMatrix").default
    assert isinstance(matrix, tuple)
    (_, _), register, entries = matrix  # type: ignore[misc]
    scripts = bytes.fromhex("00000A0064FF")
    table = {
        "Seasons": ((b"all", bytes.fromhex("FFFF0101FF000000008000FF"), b"\x01"),),
        "Weeks": ((b"\x01", *(1,) * 7),),
        "Days": ((1, ((bytes(4), scripts, 1),)),),
    }
    priced = tuple((index, pence_per_kwh if index == b"\x01" else held) for index, held in entries)  # type: ignore[misc,union-attr,str-unpack]
    found: dict[str, Value] = {f"TariffSwitchingTable.{name}": value for name, value in table.items()}
    return {**found, "TariffPriceMatrix": ((3, -2), register, priced)}


def non_disablement(*switches: tuple[str, int], weekdays: str = "1111111") -> Value:
    """Entries at times of the day: 32 starts, 33 ends a period."""
    scripts = bytes.fromhex("00000A006AFF")
    times = [(bytes((*map(int, time.split(":")), 0, 0)), selector) for time, selector in switches]
    return tuple(
        (n, True, scripts, selector, time, 0xFFFF, weekdays, "", *EVERY_DATE)
        for n, (time, selector) in enumerate(times, 1)
    )


def values_of(home: Home, use_case: str, given: Mapping[str, Value]) -> list[Value]:
    """Values for the items of a command: those given by item, legal ones for the others."""
    row = by_name(use_case)
    (template,) = templates(row.code or 0)
    members = [component_member(template, n) for n in range(len(template.components))]
    names = [one.item for one in members if one is not None and one.constant is None]
    names = [name for name in names if not name.endswith(".activate")]
    values = home.values(row)
    assert len(names) == len(values)
    assert set(given) <= set(names)
    return [given.get(name, value) for name, value in zip(names, values, strict=True)]


class Money(NamedTuple):
    """The registers, in millipence, as the worked example has them."""

    balance: int
    active: bool
    emergency: int
    accumulated: int
    debt_1: int
    debt_2: int
    payment_debt: int


class Prepaid:
    """A meter in prepayment mode; every configurable alert on."""

    def __init__(
        self,
        *,
        settings: PaymentSettings = DEFAULT_PAYMENT_SETTINGS,
        suspend: tuple[bool, bool] = (False, False),
        mode: int = PREPAYMENT_MODE,
        raw: Mapping[str, bytes] | None = None,
        now: Utc = START,
        **items: Value,
    ) -> None:
        defaults: dict[str, Value] = {
            "SupplierWANAlerts": "1" * 256,
            "PaymentMode": (mode, 2),
            "CreditChargeConfiguration": array(Control(mode, *suspend), False),
            "LowCreditThreshold": -(2**31),
        }
        named = {name.replace("__", "."): value for name, value in items.items()}
        limit = named.get("EmergencyCreditLimit", 0)
        named.setdefault("EmergencyCreditBalance", limit)
        # the meter was installed just now
        marks = {row.mark: pack((DAY, now.seconds // DAY, now.us)) for row in ROWS}
        held = {LIMIT: pack(limit), **marks, **(raw or {})}
        self.home = Home.new(items={**defaults, **named}, raw=held, now=now)
        self.settings = settings
        if settings is not DEFAULT_PAYMENT_SETTINGS:
            profile = esme_profile(EsmeOptions(payment=settings))
            self.home.device = Device(profile, self.home.store, now)
        self.effects: list[Effect] = []
        self.tokens = 0

    @property
    def money(self) -> Money:
        work = self.home.work
        return Money(
            work.int_item("MeterBalance"),
            work.value(EMERGENCY_ACTIVE) is True,
            work.int_item("EmergencyCreditBalance"),
            work.int_item("AccumulatedDebtRegister"),
            work.int_item("TimeDebtRegister1"),
            work.int_item("TimeDebtRegister2"),
            work.int_item("PaymentDebtRegister"),
        )

    @property
    def supply(self) -> str:
        return state_of(self.home.work).name

    def log(self, name: str) -> list[tuple[Value, ...]]:
        return list(self.home.work.log_entries(name))

    def security(self) -> list[Value]:
        return [entry[1] for entry in self.log("SecurityLog")]

    # -- events; each gives the alert codes it caused -------------------------------------

    def told(self, effects: Iterable[Effect]) -> list[int]:
        self.effects = list(effects)
        return [alert.code for alert in alerts_in(self.effects)]

    def handle(self, event: object) -> list[int]:
        return self.told(self.home.handle(event))

    def use(self, wh: int) -> list[int]:
        return self.handle(Metrology(import_wh=wh))

    def until(self, time: Utc) -> list[int]:
        """Let time pass, each deadline at its time."""
        self.home.now = time
        return self.handle(TimerDue())

    def wait(self, seconds: int) -> list[int]:
        return self.until(self.home.now.plus(seconds))

    def midnight(self) -> list[int]:
        return self.until(self.home.now.floor(DAY).plus(DAY))

    def command(self, name: str, values: list[Value] | None = None, result: int = 0) -> list[int]:
        reply = self.home.run(name, values)
        assert set(reply.results) <= {0, result}, reply.results
        assert not result or result in reply.results
        self.effects = list(reply.effects)
        return [alert.code for alert in reply.alerts]

    def next_token(self, pounds: int = 10) -> tuple[str, int]:
        """A new token, and its counter."""
        self.tokens += 1
        counter = self.tokens << 32
        return token(counter, pounds), counter

    def top_up(self, pounds: int = 10) -> list[int]:
        """By the supplier."""
        digits, counter = self.next_token(pounds)
        reply = self.home.run("CS01a", [digits.encode()], counter=counter)
        self.effects = list(reply.effects)
        assert reply.results == [0]
        return [alert.code for alert in reply.alerts]

    def enter(self, digits: str) -> list[int]:
        """On the keypad."""
        return self.handle(TokenEntered(digits))
