"""Supply and payment against a model written from the reference's table (smets-esme 11 and 13)."""

from __future__ import annotations

from itertools import permutations, product

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from smets.behaviours.supply import (
    LOAD_SWITCH,
    REASONS,
    TRANSITIONS,
    Reason,
    State,
    Supply,
    SupplySettings,
    Trigger,
    reasons_of,
    state_of,
)
from smets.esme.credit_charge import CREDIT_MODE, PREPAYMENT_MODE, Control, array
from smets.events import Actuate, Effect, Happened, PowerLost, PowerRestored, UserAction
from smets.sensing import Attack, AttackSensed
from smets.store import StoreError
from smets.values import Value, pack
from smets.work import Work
from tests.smets.homes import ACTIVATE_NOW, Home, Reply, alerts_in
from tests.smets.prepaid import Prepaid, charge, price

DISABLED, ENABLED, ARMED = State.DISABLED, State.ENABLED, State.ARMED
CREDIT_BELOW, SUPPLY_ARMED, EMERGENCY = 0x8F0F, 0x8F32, 0x81AB
LOW_CREDIT, AVAILABLE, EXHAUSTED = 0x810D, 0x8119, 0x81AA
OUTAGE, DONE, NOT_DONE = 0x8F35, 0x8161, 0x8162
TAMPERED, LOCKED = 0x8F78, 0x81BE


# an entry that never begins a non-disablement period
STOPS: Value = (
    1,
    True,
    bytes.fromhex("00000A006AFF"),
    33,
    bytes(4),
    0xFFFF,
    "1111111",
    "",
    *(b"\xff" * 5,) * 2,
)


class Model:
    """The reference's text as code: what the meter should be, and what it should do."""

    def __init__(self) -> None:
        self.state, self.reasons = ENABLED, set[str]()
        self.mode, self.balance, self.threshold = CREDIT_MODE, 0, 0
        self.limit = self.emergency_balance = self.emergency_threshold = 0
        self.emergency = False
        self.holds: set[int] = set()  # conditions told of

    @property
    def combined(self) -> int:
        return self.balance + (self.emergency_balance if self.emergency else 0)

    @property
    def credit(self) -> bool:
        return self.mode == CREDIT_MODE or self.combined > self.threshold

    def conditions(self) -> list[int]:
        """What is told when it begins, in order; the low credit threshold is 0."""
        if self.mode == CREDIT_MODE:
            return []
        low = [LOW_CREDIT] * (self.combined < 0)
        below = self.balance < self.emergency_threshold
        available = [AVAILABLE] * (not self.emergency and self.limit > 0 and below)
        exhausted = [EXHAUSTED] * (self.emergency and self.emergency_balance == 0 and self.limit > 0)
        return low + available + exhausted

    def evaluate(self, by_emergency_credit: bool = False) -> list[int]:
        """After any change of credit; alert codes."""
        owed = self.limit - self.emergency_balance
        if self.emergency and owed <= 0 and self.balance >= self.emergency_threshold:
            self.emergency = False
        begun = [code for code in self.conditions() if code not in self.holds]
        self.holds = set(self.conditions())
        if not self.credit and "credit" not in self.reasons:
            self.state = DISABLED
            self.reasons.add("credit")
            return [*begun, CREDIT_BELOW]
        if self.credit and "credit" in self.reasons:
            self.reasons.discard("credit")
            if not self.reasons:
                self.state = ARMED
                return begun if by_emergency_credit else [*begun, SUPPLY_ARMED]
        return begun

    def tamper(self) -> list[int]:
        """A lock of what is not disabled is told."""
        told = [] if self.state == DISABLED else [LOCKED]
        self.state = DISABLED
        self.reasons.add("tamper")
        return told

    def disable(self) -> None:
        self.state = DISABLED
        self.reasons.add("remote")

    def enable(self) -> bool:
        if self.state == ENABLED:
            return True
        if not self.credit:
            return False
        self.state, self.reasons = ENABLED, set()
        return True

    def arm(self) -> tuple[bool, list[int]]:
        if self.state != DISABLED:
            return True, []
        if not self.credit:
            return False, []
        self.state, self.reasons = ARMED, set()
        return True, [SUPPLY_ARMED]

    def user(self) -> bool:
        if self.state == ARMED:
            self.state = ENABLED
        return self.state == ENABLED


AMOUNTS = st.sampled_from([-1_000_000, -1000, -1, 0, 1, 999, 1000, 5_000, 1_000_000])


class SupplyMachine(RuleBasedStateMachine):
    """Real commands on a real meter, beside the model."""

    def __init__(self) -> None:
        super().__init__()
        items: dict[str, Value] = {"SupplierWANAlerts": "1" * 256, "SupplyTamperState": True}
        self.home, self.model = Home.new(items=items), Model()
        self.did, self.before = "", ENABLED

    def follow(self, effects: tuple[Effect, ...], before: State, codes: list[int]) -> None:
        """The load switch moves when enabled begins or ends, and the alerts are those of the model."""
        after = self.model.state
        moves = [e for e in effects if isinstance(e, Actuate)]
        wanted = [Actuate(LOAD_SWITCH, after is ENABLED)] if (before is ENABLED) != (after is ENABLED) else []
        assert moves == wanted
        assert [a.code for a in alerts_in(effects)] == codes

    def command(self, name: str, values: list[Value] | None = None) -> Reply:
        self.did = name
        self.home.wait(1)
        return self.home.run(name, values)

    @rule()
    def disable(self) -> None:
        before = self.model.state
        self.model.disable()
        reply = self.command("ECS43")
        assert reply.results == [0]
        self.follow(reply.effects, before, [])

    @rule()
    def enable(self) -> None:
        before = self.model.state
        allowed = self.model.enable()
        reply = self.command("ECS42")
        assert reply.results == [0 if allowed else 250]
        self.follow(reply.effects, before, [])

    @rule()
    def arm(self) -> None:
        before = self.model.state
        allowed, codes = self.model.arm()
        reply = self.command("ECS44")
        assert reply.results == [0 if allowed else 250]
        self.follow(reply.effects, before, codes)

    @rule()
    def user_enables(self) -> None:
        before = self.model.state
        allowed = self.model.user()
        self.did = "consumer"
        effects = self.home.handle(UserAction("enable supply"))
        assert [e.verdict for e in effects if isinstance(e, Happened)] == ["done" if allowed else "refused"]
        self.follow(effects, before, [DONE if allowed else NOT_DONE])

    @rule(mode=st.sampled_from([CREDIT_MODE, PREPAYMENT_MODE]), threshold=AMOUNTS)
    def payment_mode(self, mode: int, threshold: int) -> None:
        before = self.model.state
        configuration = array(Control(mode), False)
        if mode == PREPAYMENT_MODE:
            self.model.threshold = threshold
            codes = self.model.evaluate()
            values: list[Value] = [(mode, 1), threshold, configuration, ACTIVATE_NOW, ACTIVATE_NOW]
        else:
            codes = []
            values = [(mode, 1), configuration, ACTIVATE_NOW]
        self.model.mode = mode
        codes += self.model.evaluate()
        reply = self.command("ECS03" if mode == PREPAYMENT_MODE else "ECS02", values)
        assert not any(reply.results)
        moved = [e for e in reply.effects if isinstance(e, Actuate)]
        after = self.model.state
        assert len(moved) == ((before is ENABLED) != (after is ENABLED))
        assert [a.code for a in reply.alerts] == codes

    @rule(amount=AMOUNTS)
    def adjust(self, amount: int) -> None:
        before = self.model.state
        self.model.balance += amount
        codes = self.model.evaluate()
        reply = self.command("ECS04a", [amount])
        assert reply.results == [0]
        self.follow(reply.effects, before, codes)

    @rule(limit=st.sampled_from([0, 500, 5_000]), threshold=st.sampled_from([0, 100, 1_000]))
    def emergency_settings(self, limit: int, threshold: int) -> None:
        before = self.model.state
        values = self.home.values(self._settings(), ACTIVATE_NOW)
        names = self._names()
        values[names.index("LowCreditThreshold.Passive")] = 0
        values[names.index("NonDisablementCalendar.Passive")] = (STOPS,)
        values[names.index("EmergencyCreditLimit.Passive")] = limit
        values[names.index("EmergencyCreditThreshold.Passive")] = threshold
        codes = []
        for name in names:  # in the order of the command
            if name == "EmergencyCreditLimit.Passive":
                self.model.limit = self.model.emergency_balance = limit  # none is ever owed here
            elif name == "EmergencyCreditThreshold.Passive":
                self.model.emergency_threshold = threshold
            else:
                continue
            codes += self.model.evaluate()
        reply = self.command("ECS08a", values)
        assert not any(reply.results)
        self.follow(reply.effects, before, codes)

    def _settings(self):  # type: ignore[no-untyped-def]
        from gbcs.usecases import by_name

        return by_name("ECS08a")

    def _names(self) -> list[str]:
        from gbcs.dlms.templates import templates
        from tests.smets.homes import component_member

        (template,) = templates(self._settings().code)
        found = [component_member(template, n) for n in range(len(template.components))]
        return [m.item for m in found if m is not None and m.constant is None]

    @rule()
    def select_emergency_credit(self) -> None:
        before, m = self.model.state, self.model
        codes: list[int] = []
        allowed = m.emergency
        if (
            not m.emergency
            and m.mode == PREPAYMENT_MODE
            and m.limit > 0
            and m.balance < m.emergency_threshold
        ):
            m.emergency = allowed = True
            codes = [EMERGENCY, *m.evaluate(by_emergency_credit=True)]
        reply = self.command("ECS09")
        assert reply.results == [0 if allowed else 250]
        self.follow(reply.effects, before, codes)

    @rule()
    def tamper(self) -> None:
        self.did = "tamper"
        before = self.model.state
        codes = [TAMPERED, TAMPERED, *self.model.tamper()]  # to supplier and network operator
        effects = self.home.handle(AttackSensed(Attack.OTHER, True))
        effects += self.home.handle(AttackSensed(Attack.OTHER, False))
        self.follow(effects, before, codes)

    @rule()
    def power_cut(self) -> None:
        """Loss and return of power change nothing; only the outage is alerted."""
        self.did = "power cut"
        effects = self.home.handle(PowerLost())
        self.home.wait(30)
        effects += self.home.handle(PowerRestored())
        self.follow(effects, self.model.state, [OUTAGE])
        self.home.restart()

    @invariant()
    def is_enabled_by_listed_triggers_alone(self) -> None:
        """Nothing but an enable command, and the consumer where it was armed, enables the supply."""
        state = state_of(self.home.work)
        if state is ENABLED is not self.before:
            assert self.did == "ECS42" or (self.did, self.before) == ("consumer", ARMED)
        self.before = state

    @invariant()
    def agrees(self) -> None:
        """State, reasons and credit are what the reference's table makes of all that happened, and the
        supply is disabled while there is a reason for it and no longer."""
        work = self.home.work
        assert state_of(work) is self.model.state
        assert {r.value for r in reasons_of(work)} == self.model.reasons
        assert (self.model.state is DISABLED) == bool(self.model.reasons)
        assert self.home.item("MeterBalance") == self.model.balance
        assert (work.value("payment/emergency-credit-active") is True) == self.model.emergency
        assert self.home.item("EmergencyCreditBalance") == self.model.emergency_balance


SupplyMachine.TestCase.settings = settings(max_examples=30, stateful_step_count=30)
TestSupply = SupplyMachine.TestCase


@pytest.mark.long
def test_ten_thousand_steps() -> None:
    run_state_machine_as_test(
        SupplyMachine, settings=settings(max_examples=100, stateful_step_count=100, deadline=None)
    )


# -- reasons beside each other ------------------------------------------------------------


def out_of_credit(meter: Prepaid) -> list[int]:
    return meter.use(100)


def switched_off(meter: Prepaid) -> list[int]:
    meter.home.wait(1)
    return meter.command("ECS43")


def tampered_with(meter: Prepaid) -> list[int]:
    codes = meter.handle(AttackSensed(Attack.OTHER, True))
    meter.handle(AttackSensed(Attack.OTHER, False))
    return [code for code in codes if code not in (TAMPERED, LOCKED)]


HAPPENINGS = {Reason.CREDIT: out_of_credit, Reason.REMOTE: switched_off, Reason.TAMPER: tampered_with}
ORDERS = [order for count in (2, 3) for order in permutations(HAPPENINGS, count)]


@pytest.mark.parametrize("order", ORDERS, ids=lambda order: ", ".join(one.value for one in order))
def test_reasons_do_not_depend_on_their_order(order: tuple[Reason, ...]) -> None:
    """All of them stand, lack of credit is told once, and debt halts while it lasts."""
    meter = Prepaid(
        MeterBalance=1000,
        SupplyTamperState=True,
        TimeDebtRegister1=100_000,
        DebtRecoveryRates1=charge(500),
        suspend=(False, True),
        **price(20),
    )
    told = [code for reason in order for code in HAPPENINGS[reason](meter)]
    assert told.count(CREDIT_BELOW) == (Reason.CREDIT in order)
    assert reasons_of(meter.home.work) == set(order)
    assert meter.supply == "DISABLED"
    meter.midnight()
    assert meter.money.debt_1 == (100_000 if Reason.CREDIT in order else 99_500)
    meter.home.restart()
    # credit alone arms nothing that is disabled for another reason
    assert SUPPLY_ARMED not in meter.top_up(1)
    assert reasons_of(meter.home.work) == set(order) - {Reason.CREDIT}
    meter.home.wait(1)
    assert SUPPLY_ARMED in meter.command("ECS44")
    assert meter.supply == "ARMED"


@pytest.mark.parametrize("tells", [True, False])
def test_lack_of_credit_of_a_disabled_supply_is_told_or_not(tells: bool) -> None:
    settings = SupplySettings(tells_credit_while_disabled=tells)
    home = Home.new(items={"SupplyState": int(DISABLED)}, raw={REASONS: pack(("remote",))})
    work = home.work
    assert Supply(lambda work: False, settings).trigger(work, Trigger.CREDIT_EXHAUSTED)
    assert {r.value for r in reasons_of(work)} == {"credit", "remote"}
    assert [alert.code for alert in work.alerts] == [CREDIT_BELOW] * tells


# -- the table itself ---------------------------------------------------------------------


def switched(work: Work) -> bool:
    """Whether the load switch moves."""
    return any(isinstance(effect, Actuate) for effect in work.effects)


REASON_SETS = ((), ("credit",), ("remote",), ("credit", "remote"), ("tamper",))


@pytest.mark.parametrize(
    ("state", "trigger", "credit", "reasons"),
    list(product(State, Trigger, (True, False), REASON_SETS)),
)
def test_every_state_and_trigger(
    state: State, trigger: Trigger, credit: bool, reasons: tuple[str, ...]
) -> None:
    """Nothing but a row of the table moves the supply, and only as the row says."""
    home = Home.new(items={"SupplyState": int(state)}, raw={REASONS: pack(reasons)})
    work = home.work
    allowed = Supply(lambda work: credit).trigger(work, trigger)
    after, left = state_of(work), {r.value for r in reasons_of(work)}
    rows = [row for row in TRANSITIONS if row.before is state and row.trigger is trigger]
    if not rows or not allowed:
        assert (after, left) == (state, set(reasons))
        assert not switched(work)
        return
    assert any(
        row.after is after
        and left
        == ({r for r in reasons if Reason(r) not in row.ends} | ({row.begins.value} if row.begins else set()))
        for row in rows
    )
    assert switched(work) == ((state is ENABLED) != (after is ENABLED))
    if after is ENABLED and state is not ENABLED:
        assert credit or trigger is Trigger.USER_ENABLE
        assert not left


def test_no_row_of_the_table_is_out_of_reach() -> None:
    """A row behind another with the same state and trigger has a guard in front of it."""
    seen: dict[tuple[State, Trigger], list[str]] = {}
    for row in TRANSITIONS:
        guards = seen.setdefault((row.before, row.trigger), [])
        assert "-" not in guards
        guards.append(row.guard.value)


@pytest.mark.parametrize("script", [0, 50, 53, 55, 0xFFFF])
def test_another_script_is_not_carried_out(script: int) -> None:
    home = Home.new()
    with pytest.raises(Exception, match="supply script"):
        Supply(lambda work: True).methods()["SupplyState.control"](home.work, script)


@pytest.mark.parametrize(
    ("items", "raw"),
    [({"SupplyState": 7}, {}), ({}, {REASONS: pack(("boredom",))})],
)
def test_a_state_nobody_wrote_is_a_damaged_store(items: dict[str, Value], raw: dict[str, bytes]) -> None:
    home = Home.new(items=items, raw=raw)
    with pytest.raises(StoreError):
        home.run("ECS43")


# -- debts and balances -------------------------------------------------------------------


def test_debts_are_adjusted_by_signed_amounts_and_do_not_fall_below_zero() -> None:
    from gbcs.usecases import by_name

    home = Home.new(items={"TimeDebtRegister1": 100, "PaymentDebtRegister": 100})
    values = home.values(by_name("ECS07"))
    values[-3:] = [-500, -30, 50]  # payment debt comes first
    assert not any(home.run("ECS07", values).results)
    registers = [home.item(n) for n in ("TimeDebtRegister1", "TimeDebtRegister2", "PaymentDebtRegister")]
    assert registers == [70, 50, 0]


def test_resetting_the_balance_leaves_nothing_owed() -> None:
    home = Home.new(
        items={
            "PaymentMode": (2, 2),
            "MeterBalance": -400,
            "AccumulatedDebtRegister": 30,
            "EmergencyCreditLimit": 500,
            "EmergencyCreditBalance": 100,
        },
        raw={"payment/emergency-credit-active": pack(True)},
    )
    assert not any(home.run("ECS04b").results)
    balances = ("MeterBalance", "AccumulatedDebtRegister", "EmergencyCreditBalance")
    assert [home.item(name) for name in balances] == [0, 0, 500]
    assert home.work.value("payment/emergency-credit-active") is None


def test_a_balance_that_would_not_fit_is_refused() -> None:
    home = Home.new(items={"MeterBalance": 2**31 - 1})
    assert home.run("ECS04a", [1]).results == [250]
    assert home.item("MeterBalance") == 2**31 - 1
