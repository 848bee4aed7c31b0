"""A meter's two buttons pressed at random: nothing raises, and the supply needs its steps."""

from __future__ import annotations

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from smets.behaviours.privacy_pin import Lock, lock_of
from smets.behaviours.supply import State as Supply
from smets.behaviours.supply import state_of
from smets.esme.interface import ButtonPressed
from smets.esme.screens import Press, Screen, functions
from smets.events import Actuate, PowerLost, PowerRestored, TimerDue
from tests.smets.buttons import (
    ARMED,
    EMERGENCY,
    GO_HOME,
    OTHER_PIN,
    PIN,
    TAKE,
    Person,
)
from tests.smets.test_auxiliary import SWITCH, meter

# -- any presses ----------------------------------------------------------------------------


class Buttons(RuleBasedStateMachine):
    """Presses in any order.

    Nothing raises. The supply is enabled only by the one that confirms it, with the PIN entered where
    one is set. Nothing that a person enters is in the store before it is confirmed.
    """

    def __init__(self) -> None:
        super().__init__()
        items = {**EMERGENCY, **ARMED, "MeterBalance": 1000, "BoostFunctionControl1": True}
        items["SupplierMessage"] = b"Hello"
        self.one = Person(meter((SWITCH,), **items))

    @initialize(pin=st.booleans())
    def has_a_pin(self, pin: bool) -> None:
        """Or not."""
        if pin:
            assert self.one.does("set a PIN", PIN) == "done: set a PIN"
            self.one.press(GO_HOME)

    def _press(self, press: Press) -> None:
        one = self.one
        before, held = one.shown, one.home.held
        closed = lock_of(one.home.work) is Lock.CLOSED
        armed = state_of(one.home.work) is Supply.ARMED
        effects = one.meter.handle(ButtonPressed(press), one.home.now)
        asked = before.lines == ("enable supply?",) and press is TAKE
        if Actuate("load switch", True) in effects:
            assert asked
            assert not closed
            assert armed
        acts = before.screen is Screen.CONFIRM and press is TAKE
        leaves = press is GO_HOME or before.screen is Screen.ITEMS
        assert one.home.held == held or acts or leaves

    @rule(presses=st.lists(st.sampled_from(Press), max_size=12))
    def presses(self, presses: list[Press]) -> None:
        """Buttons."""
        for press in presses:
            self._press(press)

    @rule(title=st.sampled_from([one.title for one in functions()]), press=st.sampled_from(Press))
    def chooses(self, title: str, press: Press) -> None:
        """On purpose."""
        if title in self.one.menu():
            self.one.choose(title)
            self._press(press)

    @rule()
    def wants_the_supply(self) -> None:
        """Goes for it, and says yes to whatever is asked."""
        if "enable supply" in self.one.menu():
            self.one.choose("enable supply")
            self._press(TAKE)

    @rule(right=st.booleans())
    def enters_a_code(self, right: bool) -> None:
        """Of as many marks as it takes, the right PIN among them."""
        for one in PIN if right else OTHER_PIN * 10:
            if self.one.shown.screen is Screen.CODE:
                self.one.mark(one)

    @rule(seconds=st.sampled_from([1, 10, 30, 299, 601, -5]))
    def time_passes(self, seconds: int) -> None:
        """A clock of the shell may go back."""
        self.one.home.wait(seconds)
        self.one.meter.handle(TimerDue(), self.one.home.now)

    @rule()
    def power_goes(self) -> None:
        """And comes back."""
        for event in (PowerLost(), PowerRestored()):
            self.one.meter.handle(event, self.one.home.now)
        assert self.one.shown.lines[0] == "import"

    @rule()
    def restarts(self) -> None:
        """The meter comes up again."""
        self.one.restart()
        assert self.one.shown.lines[0] == "import"

    @rule()
    def is_armed_again(self) -> None:
        """By its supplier."""
        self.one.home.run("ECS43")
        self.one.home.run("ECS44")

    @invariant()
    def something_is_shown(self) -> None:
        """Always."""
        assert self.one.shown.lines


Buttons.TestCase.settings = settings(max_examples=20, stateful_step_count=25, deadline=None)
TestButtons = Buttons.TestCase


@pytest.mark.long
def test_any_presses_for_long() -> None:
    """10,000 steps."""
    run_state_machine_as_test(
        Buttons, settings=settings(max_examples=100, stateful_step_count=100, deadline=None)
    )
