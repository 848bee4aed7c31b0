"""Load limiting: what is counted, what is switched, and when (reference: smets-esme 12)."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from gbcs.time import Utc
from smets.behaviours.clock import set_clock
from smets.behaviours.load_limit import ROWS, STATE, Guard, LoadLimitSettings, Phase, What
from smets.behaviours.supply import Reason, State, Supply, Trigger, reasons_of, state_of
from smets.device import Device
from smets.esme.meter import EsmeOptions, esme_profile
from smets.events import Actuate, Effect, Metrology, PowerLost, PowerRestored, TimerDue, UserAction
from smets.sensing import Attack, AttackSensed
from smets.store import StoreError
from smets.values import Value, pack
from tests.smets.homes import ENTITIES, Home, Role, alerts_in

LIMIT, PERIOD, RESTORATION = 6900, 300, 30
ABOVE, LIMITED, RESTORED = 0x8F01, 0x8F33, 0x8F34
OFF, ON = Actuate("load switch", False), Actuate("load switch", True)
ITEMS: dict[str, Value] = {
    "LoadLimitPowerThreshold": LIMIT,
    "LoadLimitPeriod": PERIOD,
    "LoadLimitRestorationPeriod": RESTORATION,
    "LoadLimitSupplyState": True,
}


def limited(disables: bool = True, items: Mapping[str, Value] | None = None, **read: bool) -> Home:
    home = Home.new(items={**ITEMS, "LoadLimitSupplyState": disables, **(items or {})})
    profile = esme_profile(EsmeOptions(load_limit=LoadLimitSettings(**read)))
    home.device = Device(profile, home.store, home.now)
    return home


def after(home: Home, seconds: int, event: object = None) -> tuple[Effect, ...]:
    home.wait(seconds)
    return home.handle(TimerDue() if event is None else event)


def codes(effects: tuple[Effect, ...]) -> list[int]:
    """The alert codes, one for each event: some go to two parties."""
    found = [a.code for a in alerts_in(effects)]
    return list(dict.fromkeys(found))


def moves(effects: tuple[Effect, ...]) -> list[Effect]:
    return [e for e in effects if isinstance(e, Actuate)]


def test_too_much_for_too_long_disconnects_until_the_restoration_period_is_over() -> None:
    home = limited()
    assert not home.handle(Metrology(power_w=LIMIT + 1))
    assert not after(home, PERIOD)  # as long as the period, not longer
    effects = after(home, 1)
    assert codes(effects) == [ABOVE, LIMITED]
    assert moves(effects) == [OFF]
    assert home.item("LoadLimitCounter") == 1
    assert state_of(home.work) is State.ARMED
    assert reasons_of(home.work) == {Reason.LOAD_LIMIT}
    assert not moves(after(home, RESTORATION - 1))
    effects = after(home, 1)
    assert codes(effects) == [RESTORED]
    assert moves(effects) == [ON]
    assert state_of(home.work) is State.ENABLED
    assert not reasons_of(home.work)


def test_its_alerts_go_to_supplier_and_network_operator_and_into_the_event_log() -> None:
    home = limited()
    home.handle(Metrology(power_w=LIMIT + 1))
    effects = after(home, PERIOD + 1)
    parties = {ENTITIES[Role.SUPPLIER], ENTITIES[Role.NETWORK_OPERATOR]}
    for code in (ABOVE, LIMITED):
        assert {a.message.recipient for a in alerts_in(effects) if a.code == code} == parties
    assert [e[1] for e in home.work.log_entries("EventLog")] == [ABOVE]


def test_unchanged_only_counts() -> None:
    home = limited(disables=False)
    home.handle(Metrology(power_w=LIMIT + 1))
    effects = after(home, PERIOD + 1)
    assert codes(effects) == [ABOVE]
    assert not moves(effects)
    assert home.item("LoadLimitCounter") == 1
    assert state_of(home.work) is State.ENABLED


def test_power_has_to_fall_before_it_is_exceeded_again() -> None:
    home = limited(disables=False)
    home.handle(Metrology(power_w=LIMIT + 1))
    assert codes(after(home, 10 * PERIOD)) == [ABOVE]
    assert not alerts_in(after(home, 10 * PERIOD, Metrology(power_w=LIMIT + 2)))
    assert home.item("LoadLimitCounter") == 1
    home.handle(Metrology(power_w=LIMIT))  # at the threshold is not above it
    home.handle(Metrology(power_w=LIMIT + 1))
    assert codes(after(home, PERIOD + 1)) == [ABOVE]
    assert home.item("LoadLimitCounter") == 2


def test_or_each_period_counts_where_that_is_the_setting() -> None:
    home = limited(disables=False, needs_fall=False)
    home.handle(Metrology(power_w=LIMIT + 1))
    effects = after(home, 3 * PERIOD + 1)
    assert len(alerts_in(effects)) == 2 * 3
    assert home.item("LoadLimitCounter") == 3


@pytest.mark.parametrize("power", [LIMIT, 0, -5000])
def test_a_fall_starts_the_period_anew(power: int) -> None:
    home = limited()
    home.handle(Metrology(power_w=LIMIT + 1))
    assert not after(home, PERIOD, Metrology(power_w=power))
    assert not after(home, 1, Metrology(power_w=LIMIT + 1))
    assert not after(home, PERIOD)
    assert codes(after(home, 1)) == [ABOVE, LIMITED]


def test_what_was_not_measured_changes_nothing() -> None:
    home = limited()
    home.handle(Metrology(power_w=LIMIT + 1))
    after(home, PERIOD // 2, Metrology(import_wh=500))
    assert codes(after(home, PERIOD // 2 + 1)) == [ABOVE, LIMITED]


@pytest.mark.parametrize("how", ["ECS43", "power"])
def test_a_supply_that_carries_no_power_ends_what_was_timed(how: str) -> None:
    home = limited()
    home.handle(Metrology(power_w=LIMIT + 1))
    home.wait(PERIOD - 10)
    if how == "power":
        home.handle(PowerLost())
        after(home, 1, PowerRestored())
    else:
        assert home.run("ECS43").results == [0]
        home.wait(1)
        assert home.run("ECS42").results == [0]
    assert not alerts_in(after(home, 2 * PERIOD))
    assert home.item("LoadLimitCounter") == 0


def test_power_while_the_supply_is_off_counts_nothing() -> None:
    home = limited()
    assert home.run("ECS43").results == [0]
    home.handle(Metrology(power_w=LIMIT + 1))
    assert not alerts_in(after(home, 2 * PERIOD))


# -- leaving the armed state another way --------------------------------------------------


def armed() -> Home:
    home = limited()
    home.handle(Metrology(power_w=LIMIT + 1))
    after(home, PERIOD + 1)
    assert state_of(home.work) is State.ARMED
    return home


def test_the_consumer_may_enable_earlier() -> None:
    home = armed()
    effects = after(home, 5, UserAction("enable supply"))
    assert moves(effects) == [ON]
    effects = after(home, 10 * RESTORATION)
    assert not alerts_in(effects)
    assert not moves(effects)
    assert state_of(home.work) is State.ENABLED


@pytest.mark.parametrize(("name", "state"), [("ECS42", State.ENABLED), ("ECS43", State.DISABLED)])
def test_a_command_goes_before_the_restoration(name: str, state: State) -> None:
    home = armed()
    home.wait(5)
    assert home.run(name).results == [0]
    assert Reason.LOAD_LIMIT not in reasons_of(home.work)
    assert not alerts_in(after(home, 10 * RESTORATION))
    assert state_of(home.work) is state


def test_a_supply_that_was_armed_by_command_is_not_restored() -> None:
    home = limited()
    for name in ("ECS43", "ECS44"):
        home.wait(1)
        assert home.run(name).results == [0]
    work = home.work
    assert not Supply(lambda work: True).trigger(work, Trigger.LOAD_RESTORED)
    assert state_of(work) is State.ARMED


def test_arming_what_was_disabled_after_a_limit_does_not_enable_by_itself() -> None:
    home = armed()
    for name in ("ECS43", "ECS44"):
        home.wait(1)
        assert home.run(name).results == [0]
    after(home, 10 * RESTORATION)
    assert state_of(home.work) is State.ARMED


def test_credit_that_runs_out_meanwhile_disables_and_a_top_up_arms_again() -> None:
    items: dict[str, Value] = {"PaymentMode": (2, 2), "MeterBalance": 100}
    home = limited(items=items)
    home.handle(Metrology(power_w=LIMIT + 1))
    after(home, PERIOD + 1)
    home.run("ECS04a", [-100])
    assert state_of(home.work) is State.DISABLED
    after(home, 10 * RESTORATION)
    assert reasons_of(home.work) == {Reason.CREDIT}
    home.run("ECS04a", [1000])
    assert state_of(home.work) is State.ARMED


def test_power_cuts_keep_the_restoration() -> None:
    home = armed()
    home.handle(PowerLost())
    home.restart()
    after(home, 10 * RESTORATION, PowerRestored())
    home.restart()
    assert state_of(home.work) is State.ARMED
    assert RESTORED in codes(home.handle(TimerDue()))
    assert state_of(home.work) is State.ENABLED


def test_setting_the_clock_moves_no_duration() -> None:
    home = limited()
    home.handle(Metrology(power_w=LIMIT + 1))
    work = home.work
    set_clock(work, home.now.plus(86_400))
    work.commit()
    home.restart()
    assert not alerts_in(after(home, PERIOD))
    assert codes(after(home, 1)) == [ABOVE, LIMITED]


# -- settings by command ------------------------------------------------------------------


def test_another_threshold_is_compared_at_once() -> None:
    home = limited()
    home.handle(Metrology(power_w=3000))
    later = home.now.plus(600).to_cosem()
    reply = home.run("ECS28a", [True, 2999, 60, 10, *[later] * 4])
    assert reply.results == [0] * 8
    assert not alerts_in(after(home, 600, Metrology(import_wh=1)))[4:]  # the outcomes of four activations
    assert codes(after(home, 61)) == [ABOVE, LIMITED]
    assert codes(after(home, 10)) == [RESTORED]


def test_the_counter_is_reset_and_holds_at_its_end() -> None:
    home = limited(disables=False, items={"LoadLimitCounter": 0xFFFF_FFFF})
    home.handle(Metrology(power_w=LIMIT + 1))
    after(home, PERIOD + 1)
    assert home.item("LoadLimitCounter") == 0xFFFF_FFFF
    assert home.run("ECS28b").results == [0]
    assert home.item("LoadLimitCounter") == 0


@pytest.mark.parametrize("raw", [pack(7), pack(("nowhere", 1)), pack(("idle",))])
def test_a_state_nobody_wrote_is_a_damaged_store(raw: bytes) -> None:
    with pytest.raises(StoreError):
        Home.new(raw={STATE: raw})


# -- the table, and a model ---------------------------------------------------------------


def test_each_phase_that_lasts_can_be_left_and_no_row_is_hidden_by_another() -> None:
    assert {row.before for row in ROWS} == set(Phase)
    assert {row.what for row in ROWS} == set(What)
    for n, row in enumerate(ROWS):
        earlier = [r for r in ROWS[:n] if (r.before, r.what) == (row.before, row.what)]
        assert all(r.guard not in (Guard.NONE, row.guard) for r in earlier)


class LoadLimitMachine(RuleBasedStateMachine):
    """The meter beside a model that steps through every second, tamper that locks among it."""

    @initialize(disables=st.booleans(), needs_fall=st.booleans(), period=st.sampled_from([0, 1, 7]))
    def install(self, disables: bool, needs_fall: bool, period: int) -> None:
        items: dict[str, Value] = {"LoadLimitPeriod": period, "LoadLimitRestorationPeriod": 5}
        self.home = limited(disables, {**items, "SupplyTamperState": True}, needs_fall=needs_fall)
        self.disables, self.needs_fall, self.period = disables, needs_fall, period
        self.power = self.over = self.count = self.covers = 0
        self.exceeded = False
        self.restore: int | None = None
        self.state = State.ENABLED

    def leave(self, state: State) -> None:
        """The supply goes another way; without it no power flows."""
        self.state, self.restore = state, None
        if state is not State.ENABLED:
            self.power = self.over = 0
            self.exceeded = False

    def second(self) -> None:
        if self.restore is not None:
            self.restore -= 1
            if self.restore == 0:
                self.leave(State.ENABLED)
                return
        if self.power <= LIMIT:
            self.over, self.exceeded = 0, False
        elif not self.exceeded:
            self.over += 1
            # it lasts into a second beyond the period; what is not needed to fall begins anew then
            if self.over == self.period + 1:
                self.count += 1
                self.over = 0
                if self.disables:
                    self.leave(State.ARMED)
                    self.restore = 5
                else:
                    self.exceeded = self.needs_fall or self.period == 0
                    self.over = int(not self.exceeded)

    @rule(
        power=st.sampled_from([LIMIT + 1, 9000, LIMIT, None]), seconds=st.sampled_from([1, 1, 2, 3, 5, 8, 40])
    )
    def live(self, power: int | None, seconds: int) -> None:
        if power is not None:
            self.home.handle(Metrology(power_w=power))
            self.power = power if self.state is State.ENABLED else 0
            if self.power <= LIMIT:
                self.over, self.exceeded = 0, False
        for _ in range(seconds):
            self.second()
        # to the last microsecond of the last second
        self.home.wait(seconds)
        self.home.device.handle(TimerDue(), self.home.now.plus(us=-1))

    @rule()
    def consumer(self) -> None:
        self.home.handle(UserAction("enable supply"))
        if self.state is State.ARMED:
            self.leave(State.ENABLED)

    @rule(name=st.sampled_from(["ECS42", "ECS43", "ECS44"]))
    def command(self, name: str) -> None:
        assert self.home.run(name).results == [0]
        if name == "ECS42":
            if self.state is not State.ENABLED:
                self.leave(State.ENABLED)
        elif name == "ECS43":
            self.leave(State.DISABLED)
        elif self.state is State.DISABLED:
            self.leave(State.ARMED)

    @rule()
    def tamper(self) -> None:
        self.covers += 1
        self.home.handle(AttackSensed(Attack.METER_COVER, self.covers % 2 == 1))
        if self.covers % 2:
            self.leave(State.DISABLED)

    @rule()
    def power_cut(self) -> None:
        self.home.handle(PowerLost())
        self.home.restart()
        self.home.handle(PowerRestored())
        self.power = self.over = 0
        self.exceeded = False

    @rule(seconds=st.integers(-100_000, 100_000))
    def clock(self, seconds: int) -> None:
        work = self.home.work
        set_clock(work, work.time.plus(seconds))
        work.commit()
        self.home.restart()

    @rule()
    def restart(self) -> None:
        self.home.restart()

    @invariant()
    def counts_each_time_power_was_above_for_longer_than_the_period(self) -> None:
        """The counter is the number of times that power was above the limit for longer than the period."""
        assert self.home.item("LoadLimitCounter") == self.count

    @invariant()
    def nothing_but_the_listed_triggers_moves_the_supply(self) -> None:
        """Only commands, the consumer, tamper, load limiting and its end move the supply."""
        assert state_of(self.home.work) is self.state

    @invariant()
    def load_limiting_stands_against_an_armed_supply_only(self) -> None:
        """While power is held back by load limiting the supply is armed, and will be enabled again."""
        work = self.home.work
        assert (Reason.LOAD_LIMIT in reasons_of(work)) == (self.restore is not None)
        assert state_of(work) is State.ARMED or Reason.LOAD_LIMIT not in reasons_of(work)


LoadLimitMachine.TestCase.settings = settings(max_examples=60, stateful_step_count=25, deadline=None)
TestLoadLimit = LoadLimitMachine.TestCase


@pytest.mark.long
def test_ten_thousand_steps() -> None:
    run_state_machine_as_test(
        LoadLimitMachine, settings=settings(max_examples=200, stateful_step_count=50, deadline=None)
    )


def test_the_stamp_of_the_event_is_that_of_the_end_of_the_period() -> None:
    home = limited()
    home.handle(Metrology(power_w=LIMIT + 1))
    began = home.now
    after(home, 5 * PERIOD)
    ((stamp, _, _),) = home.work.log_entries("EventLog")
    assert Utc.from_seconds(int(stamp)) == began.plus(PERIOD)  # type: ignore[call-overload]
