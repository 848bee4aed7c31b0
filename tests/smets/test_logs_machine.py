"""Logs as rings under any order of time, events, commands, power cuts and clocks that are set.

Half hours, days and event codes are known here from time and calendar, from the alert table, and from
what was used, not from the meter. The rings are made short, so that they go round often.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from gbcs.dlms.templates import templates
from smets.alerts import alert_table
from smets.behaviours.charging import PREPAYMENT_MODE
from smets.behaviours.clock import set_clock
from smets.behaviours.resets import EVENT_LOG_CLEARED
from smets.checks import FAILED_NOT_COVERED
from smets.device import Device
from smets.eventlog import occur
from smets.events import Metrology, PowerLost, PowerRestored, RemotePartyMessage, TimerDue
from smets.settings import DeviceSettings
from smets.store import StoreError
from smets.values import Value
from tests.smets.failing import Failing
from tests.smets.homes import START, Home, component_member, dlms_use_cases, profile

DAY, HALF_HOUR = 86_400, 1800
Entry = tuple[Value, ...]
IMPORT, EXPORT, EVENTS = "ProfileDataLog.ActiveImport", "ProfileDataLog.Export", "EventLog"
SECURITY, POWER = "SecurityLog", "PowerEventLog"
LOGS = {"event": EVENTS, "security": SECURITY, "power": POWER}
DAILY = ("DailyReadLog.Import", "DailyReadLog.Export", "DailyConsumptionLog", "PrepaymentDailyReadLog")
CODES = [code for code, row in sorted(alert_table().items()) if row.log in LOGS]
MASKED = [code for code in CODES if alert_table()[code].configurable and code >> 8 in (0x80, 0x81)]
MASKS = {0x81: "SupplierLogging.MaskAndActions", 0x80: "NetworkOperatorLogging.MaskAndActions"}
BITS = 256
READERS = ("ECS35a", "ECS35b", "ECS35e", "ECS22a", "ECS22c", "ECS21c", "ECS23")
SETTINGS = DeviceSettings(unusual_commands=10**6)  # no entry that says there were many


def masking(code: int) -> str:
    """The use case that sets whether a code is logged."""
    for use_case in dlms_use_cases():
        (template, *others) = templates(use_case.code or 0)
        members = [component_member(template, n) for n in range(len(template.components))]
        if not others and [one.item for one in members if one is not None] == [MASKS[code >> 8]]:
            return use_case.name
    raise AssertionError(f"{code:04X}")


class Logs(RuleBasedStateMachine):
    """A real meter with short logs, beside lists of all that was ever written."""

    @initialize(sizes=st.lists(st.sampled_from([1, 2, 3, 7, 20]), min_size=5, max_size=5))
    def install(self, sizes: list[int]) -> None:
        full = profile()
        self.sizes = {
            name: min(size, sizes[n % len(sizes)]) for n, (name, size) in enumerate(full.log_sizes.items())
        }
        self.store = Failing()
        mode: dict[str, Value] = {"PaymentMode": (PREPAYMENT_MODE, 2)}
        daily: Value = ((bytes(4), b"\xff" * 5),)
        self.home = Home.new(items={**mode, "BillingCalendar": daily}, store=self.store)
        self.home.device = Device(replace(full, log_sizes=self.sizes), self.store, START, SETTINGS)
        self.written: dict[str, list[Entry]] = {name: [] for name in self.sizes}
        self.counts = dict.fromkeys(self.sizes, 0)
        self.offset = self.open = self.used = 0
        self.off: set[int] = set()
        self.powered = True
        self.follow({})

    # -- what is known of what is written ---------------------------------------------------

    @property
    def clock(self) -> int:
        return self.home.now.seconds + self.offset

    def entry(self, code: int) -> dict[str, list[Entry]]:
        """What an event of this code writes now."""
        if code in self.off:
            return {}
        log = LOGS[alert_table()[code].log]
        other: tuple[Value, ...] = {EVENTS: (b"",), POWER: (0,), SECURITY: ()}[log]
        return {log: [(self.clock, code, *other)]}

    def follow(self, expected: Mapping[str, list[Entry]], unknown: tuple[str, ...] = ()) -> None:
        """Take up what was written: what is expected, and nothing else into the logs of events.

        What other logs gained, and those named `unknown`, is taken from the meter; the entries
        before have to stand as they were.
        """
        work = self.home.work
        for name in self.sizes:
            held = list(work.log_entries(name))
            count = work.log_count(name)
            gained = count - self.counts[name]
            self.counts[name] = count
            assert gained >= 0
            if name in expected or (name in (*LOGS.values(), IMPORT) and name not in unknown):
                new = list(expected.get(name, ()))
                assert gained == len(new), (name, new, held[-gained:])
            else:
                new = held[-gained:] if gained else []
            self.written[name] += new

    # -- time --------------------------------------------------------------------------------

    @rule(seconds=st.sampled_from([1, 600, HALF_HOUR, 5_000, 20_000, DAY + 100]), wh=st.integers(0, 900))
    def live(self, seconds: int, wh: int) -> None:
        """Half hours and days end, each written at its end with all that was used in it."""
        self.home.handle(Metrology(import_wh=wh, voltage_v=(240,)))
        if self.powered:
            self.open += wh
            self.used += wh
        begins = self.clock
        self.home.wait(seconds)
        self.home.handle(TimerDue())
        ends = self.ends(begins, HALF_HOUR)
        halves: list[Entry] = []
        for end in ends:
            halves.append((end, self.open))
            self.open = 0
        before = {name: self.counts[name] for name in DAILY}
        self.follow({IMPORT: halves})
        days = self.ends(begins, DAY)
        for name in DAILY:
            assert self.counts[name] - before[name] == len(days)
            kept = min(len(days), self.sizes[name])
            if kept:
                assert [entry[0] for entry in self.written[name][-kept:]] == days[-kept:]

    def ends(self, begins: int, length: int) -> list[int]:
        """The ends of periods since then, with power."""
        first = begins // length * length + length
        return list(range(first, self.clock + 1, length)) if self.powered else []

    @rule(seconds=st.integers(-2 * DAY, 2 * DAY))
    def set_the_clock(self, seconds: int) -> None:
        work = self.home.work
        self.offset = seconds
        set_clock(work, self.home.now.plus(seconds))
        work.commit()
        self.home.restart()
        self.follow({})

    @rule(seconds=st.sampled_from([20, 1000, 2 * DAY]))
    def power_cut(self, seconds: int) -> None:
        """Nothing is written while power is away; that it was, is."""
        self.home.handle(PowerLost())
        self.powered = False
        self.home.wait(seconds)
        self.home.handle(TimerDue())
        assert self.home.work.log_count(IMPORT) == self.counts[IMPORT]
        self.home.restart()
        self.home.handle(PowerRestored())
        self.powered = True
        self.follow({}, (EVENTS, POWER, SECURITY))

    @rule()
    def restart(self) -> None:
        self.home.restart()
        self.follow({})

    # -- events --------------------------------------------------------------------------------

    @rule(codes=st.lists(st.sampled_from(CODES), min_size=1, max_size=6))
    def happen(self, codes: list[int]) -> None:
        """Each event is written into the log its row names, unless its logging is switched off."""
        expected: dict[str, list[Entry]] = {}
        work = self.home.work
        for code in codes:
            occur(work, code)
            for name, entries in self.entry(code).items():
                expected.setdefault(name, []).extend(entries)
        work.commit()
        self.home.restart()  # the device did not write this itself
        self.follow(expected)

    @rule(code=st.sampled_from(MASKED), on=st.booleans())
    def switch_logging(self, code: int, on: bool) -> None:
        bit = BITS - 1 - (code & 0xFF)
        mask = "".join("1" if n == bit else "0" for n in range(BITS))
        actions = "".join("1" if n == bit and on else "0" for n in range(BITS))
        assert self.home.run(masking(code), [mask + actions]).results == [0]
        (self.off.discard if on else self.off.add)(code)
        self.follow({})

    @rule()
    def refused_command(self) -> None:
        message = self.home.make("ECS43")
        spoilt = replace(message, mac=bytes(12)).encoded()
        self.home.handle(RemotePartyMessage(spoilt.octets))
        self.follow(self.entry(FAILED_NOT_COVERED))

    @rule(code=st.sampled_from(CODES))
    def store_fails(self, code: int) -> None:
        """What could not be kept was not written at all."""
        work = self.home.work
        occur(work, code)
        if work.changed("log/"):
            self.store.once = True
            with pytest.raises(StoreError):
                work.commit()
        self.follow({})

    @rule()
    def clear(self) -> None:
        """The event log is forgotten, and that it was is in the security log."""
        assert self.home.run("ECS15a").results == [0]
        self.written[EVENTS], self.counts[EVENTS] = [], 0
        self.follow(self.entry(EVENT_LOG_CLEARED))

    @rule(name=st.sampled_from(READERS))
    def read(self, name: str) -> None:
        """A command that reads a log gives its entries, oldest first."""
        values = self.home.run(name).values()
        self.follow({})
        read = [one for one in values if one in self.sizes]
        assert read
        for one in read:
            assert values[one] == tuple(self.last(one))

    # -- what holds ------------------------------------------------------------------------------

    def last(self, name: str) -> list[Entry]:
        return self.written[name][-self.sizes[name] :]

    @invariant()
    def holds_the_last_in_order(self) -> None:
        """Each log holds the entries that were written last, in their order, unchanged, up to its size."""
        if hasattr(self, "home"):
            work = self.home.work
            for name, size in self.sizes.items():
                held = list(work.log_entries(name))
                assert held == self.last(name), name
                assert len(held) == min(size, self.counts[name])
                whole = work.log_parts[name].whole if name in work.log_parts else name
                keys = [key for key, _ in work.scan(f"log/{whole}/") if not key.endswith("/count")]
                assert min(size, self.counts[name]) <= len(keys) <= work.log_sizes[whole]

    @invariant()
    def each_unit_is_in_one_half_hour(self) -> None:
        """What half hours counted, and what the open one has counted, is all that was used."""
        if hasattr(self, "home"):
            counted = sum(int(entry[1]) for entry in self.written[IMPORT])  # type: ignore[arg-type]
            assert counted + self.open == self.used == self.home.item("ActiveImportRegister")


Logs.TestCase.settings = settings(max_examples=20, stateful_step_count=25, deadline=None)
TestLogs = Logs.TestCase


@pytest.mark.long
def test_ten_thousand_steps() -> None:
    run_state_machine_as_test(
        Logs, settings=settings(max_examples=100, stateful_step_count=100, deadline=None)
    )
