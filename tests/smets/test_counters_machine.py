"""Counters under any order of commands, repeats, forgeries, restarts and failing stores.

Token counters of top-ups are in the machine of prepayment.
"""

from __future__ import annotations

from collections import deque
from dataclasses import replace

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from gbcs.errors import Check
from gbcs.ids import Cra, Role
from gbcs.message import Message, parse_message
from smets.events import Effect, Happened, PowerLost, PowerRestored, RemotePartyMessage, SendMessage
from smets.identity import OWN_COUNTER
from smets.settings import DEFAULT_SETTINGS
from smets.store import StoreError
from tests.smets.failing import Failing
from tests.smets.homes import ENTITIES, Home
from tests.smets.test_counters import ROLES, counter

KEPT = DEFAULT_SETTINGS.answer_repeats
STEPS = (-(2**40), -1, 0, 1, 1, 1, 2, 1000, 2**33)
GREATEST = 2**63


class Counters(RuleBasedStateMachine):
    """Commands of every role on a real meter, beside what their counters say."""

    @initialize()
    def install(self) -> None:
        self.store = Failing()
        self.home = Home.new(store=self.store)
        self.greatest = dict.fromkeys(ROLES, 0)
        self.adjusted = self.own = self.answered = 0
        self.sent: list[tuple[Message, Role | None, int]] = []
        self.kept: deque[tuple[bytes, bytes]] = deque(maxlen=KEPT)
        self.powered = True

    def make(self, role: Role, number: int, amount: int) -> Message:
        """A command that counts; the supplier's adds to the balance, so that executions can be counted."""
        name = "ECS04a" if role is Role.SUPPLIER else ROLES[role]
        values = [amount] if role is Role.SUPPLIER else None
        return self.home.make(name, values, counter=number, by=ENTITIES[role])  # type: ignore[arg-type]

    def deliver(self, message: Message) -> tuple[SendMessage | None, Happened | None]:
        """The answer, and what was made of the command; alerts are checked."""
        effects = self.home.handle(RemotePartyMessage(message.octets))
        self.alerted(effects)
        messages = [e for e in effects if isinstance(e, SendMessage)]
        answers = [m for m in messages if parse_message(m.octets).cra is Cra.RESPONSE]
        assert len(answers) <= 1
        happened = [e for e in effects if isinstance(e, Happened)]
        return answers[0] if answers else None, happened[0] if happened else None

    def alerted(self, effects: tuple[Effect, ...]) -> None:
        """No two alerts have the same counter, and each has a greater one than that before it."""
        for effect in effects:
            if isinstance(effect, SendMessage):
                message = parse_message(effect.octets)
                if message.cra is Cra.ALERT:
                    assert message.counter > self.own
                    self.own = message.counter

    def expect(self, message: Message, role: Role | None, amount: int = 0) -> None:
        """Deliver a command that is well made; `role` is that whose counter it moves."""
        self.sent.append((message, role, amount))
        answer, happened = self.deliver(message)
        if not self.powered:
            assert (answer, happened) == (None, None)
            return
        assert happened is not None
        stored = dict(self.kept).get(message.octets)
        if stored is not None:
            assert happened.verdict == "repeated"
            assert answer is not None
            assert answer.octets == stored
        elif role is not None and message.counter <= self.greatest[role]:
            assert (answer, happened.check) == (None, Check.COUNTER)
        else:
            assert happened.verdict == "executed"
            assert answer is not None
            self.kept.append((message.octets, answer.octets))
            if role is not None:
                self.greatest[role] = message.counter
            self.adjusted += amount

    # -- commands -----------------------------------------------------------------------

    @rule(role=st.sampled_from(list(ROLES)), step=st.sampled_from(STEPS), amount=st.integers(1, 3))
    def command(self, role: Role, step: int, amount: int) -> None:
        number = min(max(1, self.greatest[role] + step), GREATEST)
        amount *= role is Role.SUPPLIER
        self.expect(self.make(role, number, amount), role, amount)

    @rule(number=st.sampled_from([1, 2, 3, 2**40, GREATEST]))
    def read(self, number: int) -> None:
        """A command that does not count."""
        self.expect(self.home.make("ECS52", counter=number), None)

    @rule(data=st.data())
    def again(self, data: st.DataObject) -> None:
        if self.sent:
            self.expect(*data.draw(st.sampled_from(self.sent[-3 * KEPT :])))

    @rule(role=st.sampled_from(list(ROLES)), step=st.integers(1, 2**30), bit=st.integers(0, 95))
    def forge(self, role: Role, step: int, bit: int) -> None:
        """A greater counter under a MAC of somebody else."""
        message = self.make(role, min(self.greatest[role] + step, GREATEST), 1)
        if message.mac is None:
            return
        mac = (int.from_bytes(message.mac, "big") ^ 1 << bit).to_bytes(12, "big")
        answer, happened = self.deliver(replace(message, mac=mac).encoded())
        assert answer is None
        if self.powered:
            assert happened is not None
            assert happened.check in (Check.MAC, Check.COUNTER)

    @rule(role=st.sampled_from(list(ROLES)), step=st.integers(1, 5), amount=st.integers(1, 3))
    def store_fails(self, role: Role, step: int, amount: int) -> None:
        """Nothing of the command has happened; it may come again."""
        amount *= role is Role.SUPPLIER
        message = self.make(role, min(self.greatest[role] + step, GREATEST), amount)
        if not self.powered or message.octets in dict(self.kept):
            return  # nothing is written then
        before, self.store.once = self.home.held, True
        with pytest.raises(StoreError):
            self.home.handle(RemotePartyMessage(message.octets))
        assert self.home.held == before
        self.expect(message, role, amount)

    # -- power, time ----------------------------------------------------------------------

    @rule()
    def restart(self) -> None:
        self.home.restart()

    @rule(seconds=st.sampled_from([1, 100, 100_000]))
    def wait(self, seconds: int) -> None:
        self.home.wait(seconds)

    @rule()
    def power(self) -> None:
        """Power is lost, or returns."""
        self.alerted(self.home.handle(PowerLost() if self.powered else PowerRestored()))
        self.powered = not self.powered

    # -- what holds -----------------------------------------------------------------------

    @invariant()
    def is_the_greatest_executed(self) -> None:
        """The counter of a role is the greatest of its executed commands, whatever was refused."""
        if hasattr(self, "home"):
            assert {role: counter(self.home, role) for role in ROLES} == self.greatest

    @invariant()
    def each_is_executed_once(self) -> None:
        """The balance has changed once for each executed command, by none refused or repeated."""
        if hasattr(self, "home"):
            assert self.home.item("MeterBalance") == self.adjusted

    @invariant()
    def none_is_given_twice(self) -> None:
        """The device's own counter is that of its last alert, so that the next has a greater one."""
        if hasattr(self, "home"):
            assert self.home.work.number(OWN_COUNTER) == self.own


Counters.TestCase.settings = settings(max_examples=20, stateful_step_count=30, deadline=None)
TestCounters = Counters.TestCase


@pytest.mark.long
def test_ten_thousand_steps() -> None:
    run_state_machine_as_test(
        Counters, settings=settings(max_examples=110, stateful_step_count=100, deadline=None)
    )
