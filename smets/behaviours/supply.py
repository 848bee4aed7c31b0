"""The supply: Enabled, Disabled or Armed, why it is not enabled, and the load switch.

The state machine is the table `TRANSITIONS`: the first row of a state and trigger whose
guard holds is followed; a trigger without a row for the state changes nothing. A disabled supply takes
every further reason, so that those that stand do not depend on which came first. Source: SMETS 5.6.3.7,
.11, .12, 5.7.5.32 (reference: smets-esme 13).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum, IntEnum
from typing import NamedTuple

from ..eventlog import occur
from ..events import Actuate, Event, Metrology, TimerDue, UserAction
from ..profile import OTHER_REASON, Behaviour, Refusal
from ..store import StoreError
from ..values import Value
from ..work import Work
from .display_commands import ENABLE_SUPPLY, SUPPLY_ON, DisplayCommand, answered
from .local_commands import told
from .privacy_pin import pin_refusal

STATE = "SupplyState"
REASONS = "supply/reasons"
AFTER_CREDIT = "supply/after-credit"  # true while disabled for lack of credit, and armed after it
LOAD_SWITCH = "load switch"
ENABLE_ACTION = "enable supply"


class State(IntEnum):
    """SupplyState as on the wire."""

    DISABLED = 0
    ENABLED = 1
    ARMED = 2


class Reason(Enum):
    """Why the supply is not enabled."""

    CREDIT = "credit"
    REMOTE = "remote"
    LOAD_LIMIT = "load limit"
    TAMPER = "tamper"


class Trigger(Enum):
    """What may move the supply."""

    ENABLE = "Enable Supply"
    DISABLE = "Disable Supply"
    ARM = "Arm Supply"
    CREDIT_EXHAUSTED = "credit exhausted"
    CREDIT_AVAILABLE = "credit available"
    EMERGENCY_CREDIT = "emergency credit activated"
    NON_DISABLEMENT = "non-disablement period starts"
    USER_ENABLE = "enable on the user interface"
    LOAD_LIMIT = "load limit exceeded"
    LOAD_RESTORED = "load limit restoration period over"
    TAMPER = "tamper while it locks"


class Guard(Enum):
    """Conditions of a transition."""

    NONE = "-"
    CREDIT = "credit is available"  # credit mode and non-disablement periods always have it
    NO_REASON = "no reason stands against it"
    LOAD_LIMITED = "load limiting is why"


class Transition(NamedTuple):
    """One row: from, trigger, guard, to, reason that begins, reasons that end, event code.

    The code is raised where the state changes or the reason was not there before.
    """

    before: State
    trigger: Trigger
    guard: Guard
    after: State
    begins: Reason | None
    ends: frozenset[Reason]
    code: int | None


_EVERY = frozenset(Reason)
_NONE: frozenset[Reason] = frozenset()
_CREDIT = frozenset((Reason.CREDIT,))
_LOAD_LIMIT = frozenset((Reason.LOAD_LIMIT,))
SUPPLY_ARMED = 0x8F32
ARMED_BY_EMERGENCY_CREDIT = 0x8168
CREDIT_BELOW = 0x8F0F
LOAD_LIMITED = 0x8F33
LOAD_LIMIT_OVER = 0x8F34
TAMPER_LOCKED = 0x81BE
TRANSITIONS: tuple[Transition, ...] = (
    Transition(State.ENABLED, Trigger.DISABLE, Guard.NONE, State.DISABLED, Reason.REMOTE, _NONE, None),
    Transition(State.ARMED, Trigger.DISABLE, Guard.NONE, State.DISABLED, Reason.REMOTE, _LOAD_LIMIT, None),
    Transition(State.DISABLED, Trigger.DISABLE, Guard.NONE, State.DISABLED, Reason.REMOTE, _NONE, None),
    Transition(State.DISABLED, Trigger.ARM, Guard.CREDIT, State.ARMED, None, _EVERY, SUPPLY_ARMED),
    Transition(State.DISABLED, Trigger.ENABLE, Guard.CREDIT, State.ENABLED, None, _EVERY, None),
    Transition(State.ARMED, Trigger.ENABLE, Guard.CREDIT, State.ENABLED, None, _EVERY, None),
    Transition(State.ARMED, Trigger.USER_ENABLE, Guard.NO_REASON, State.ENABLED, None, _LOAD_LIMIT, None),
    Transition(
        State.ENABLED,
        Trigger.CREDIT_EXHAUSTED,
        Guard.NONE,
        State.DISABLED,
        Reason.CREDIT,
        _NONE,
        CREDIT_BELOW,
    ),
    Transition(
        State.ARMED,
        Trigger.CREDIT_EXHAUSTED,
        Guard.NONE,
        State.DISABLED,
        Reason.CREDIT,
        _LOAD_LIMIT,
        CREDIT_BELOW,
    ),
    Transition(
        State.DISABLED,
        Trigger.CREDIT_EXHAUSTED,
        Guard.NONE,
        State.DISABLED,
        Reason.CREDIT,
        _NONE,
        CREDIT_BELOW,
    ),
    Transition(
        State.DISABLED, Trigger.CREDIT_AVAILABLE, Guard.NO_REASON, State.ARMED, None, _CREDIT, SUPPLY_ARMED
    ),
    Transition(State.DISABLED, Trigger.CREDIT_AVAILABLE, Guard.NONE, State.DISABLED, None, _CREDIT, None),
    Transition(
        State.DISABLED,
        Trigger.EMERGENCY_CREDIT,
        Guard.NO_REASON,
        State.ARMED,
        None,
        _CREDIT,
        ARMED_BY_EMERGENCY_CREDIT,
    ),
    Transition(State.DISABLED, Trigger.EMERGENCY_CREDIT, Guard.NONE, State.DISABLED, None, _CREDIT, None),
    Transition(
        State.DISABLED, Trigger.NON_DISABLEMENT, Guard.NO_REASON, State.ARMED, None, _CREDIT, SUPPLY_ARMED
    ),
    Transition(State.DISABLED, Trigger.NON_DISABLEMENT, Guard.NONE, State.DISABLED, None, _CREDIT, None),
    # disabled and at once armed; the reason is there only while the supply is armed
    Transition(
        State.ENABLED, Trigger.LOAD_LIMIT, Guard.NONE, State.ARMED, Reason.LOAD_LIMIT, _NONE, LOAD_LIMITED
    ),
    Transition(
        State.ARMED,
        Trigger.LOAD_RESTORED,
        Guard.LOAD_LIMITED,
        State.ENABLED,
        None,
        _LOAD_LIMIT,
        LOAD_LIMIT_OVER,
    ),
    Transition(
        State.ENABLED, Trigger.TAMPER, Guard.NONE, State.DISABLED, Reason.TAMPER, _NONE, TAMPER_LOCKED
    ),
    Transition(
        State.ARMED, Trigger.TAMPER, Guard.NONE, State.DISABLED, Reason.TAMPER, _LOAD_LIMIT, TAMPER_LOCKED
    ),
    # nothing is disabled, as 81BE says by its name
    Transition(State.DISABLED, Trigger.TAMPER, Guard.NONE, State.DISABLED, Reason.TAMPER, _NONE, None),
)
SCRIPTS = {51: Trigger.ENABLE, 52: Trigger.DISABLE, 54: Trigger.ARM}


@dataclass(frozen=True, slots=True)
class SupplySettings:
    """Where the reference is unsure about the supply (smets-esme 12 to 14)."""

    consumer_ends_load_limit: bool = True
    """Whether the consumer may enable a supply that load limiting armed before its restoration
    period is over. Gap: general knowledge (smets-esme 12), against the rule that any reason
    stands against it (smets-esme 13)."""

    enable_ends_tamper_lock: bool = True
    """Whether Enable Supply ends a lock because of tamper as Arm Supply does, or is refused while
    it lasts. Gap: the conditions are said to be the same, the lock to last until Arm Supply
    (smets-esme 13 and 14)."""

    tells_credit_while_disabled: bool = True
    """Whether lack of credit is told (8F0F) where the supply is disabled already for another reason. Gap:
    8F0F belongs to the condition in smets-esme 11.6, to the transition in smets-esme 13."""


DEFAULT_SUPPLY_SETTINGS = SupplySettings()


class Supply(Behaviour):
    """Moves the supply. `credit` says whether the payment mode lets supply flow."""

    name = "supply"
    ignores = (Metrology, TimerDue)

    def __init__(
        self, credit: Callable[[Work], bool], settings: SupplySettings = DEFAULT_SUPPLY_SETTINGS
    ) -> None:
        self._credit = credit
        self._transitions = tuple(_read_as(row, settings) for row in TRANSITIONS)

    def methods(self) -> Mapping[str, Callable[[Work, Value], Value]]:
        """The three supply scripts."""
        return {"SupplyState.control": self._control}

    def handle(self, work: Work, event: Event) -> None:
        """The consumer may enable an armed supply, on the meter or on a prepayment display."""
        if isinstance(event, UserAction) and event.name == ENABLE_ACTION:
            told(work, pin_refusal(work) or self._try_to_enable(work), ENABLE_ACTION, "smets-esme 13")
        elif isinstance(event, DisplayCommand) and event.code == ENABLE_SUPPLY:
            only_on = event.supply == SUPPLY_ON
            answered(work, event, self._try_to_enable(work) if only_on else "a display may only enable")

    def trigger(self, work: Work, trigger: Trigger) -> bool:
        """Follow a row for this trigger; False if no guard let it through.

        Where the state has no row for it, only the user has to hear so.
        """
        state = state_of(work)
        rows = [row for row in self._transitions if row.before is state and row.trigger is trigger]
        if rows:
            return any(self._follow(work, row) for row in rows)
        return trigger is not Trigger.USER_ENABLE or state is State.ENABLED

    def _follow(self, work: Work, row: Transition) -> bool:
        stood = reasons_of(work)
        reasons = stood - row.ends
        if row.guard is Guard.CREDIT and not self._credit(work):
            return False
        if row.guard is Guard.NO_REASON and reasons:
            return False
        if row.guard is Guard.LOAD_LIMITED and Reason.LOAD_LIMIT not in stood:
            return False
        if row.after is State.ENABLED and reasons:
            return False
        if row.begins is not None:
            reasons |= {row.begins}
        work.set_value(REASONS, tuple(sorted(reason.value for reason in reasons)))
        work.set_item(STATE, int(row.after))
        if Reason.CREDIT in reasons:
            work.set_value(AFTER_CREDIT, True)
        elif row.after is not State.ARMED and work.value(AFTER_CREDIT) is not None:
            work.put(AFTER_CREDIT, None)
        before, after = row.before is State.ENABLED, row.after is State.ENABLED
        if before != after:
            work.effect(Actuate(LOAD_SWITCH, after))
        if row.code is not None and (row.before is not row.after or row.begins not in stood):
            occur(work, row.code)
        return True

    def _try_to_enable(self, work: Work) -> str:
        return "" if self.trigger(work, Trigger.USER_ENABLE) else "the supply is not armed"

    def _control(self, work: Work, value: Value) -> Value:
        trigger = SCRIPTS.get(value) if isinstance(value, int) else None
        if trigger is None:
            raise Refusal(OTHER_REASON, f"no supply script {value!r}")
        if not self.trigger(work, trigger):
            raise Refusal(OTHER_REASON, f"{trigger.value}: no credit, or locked")
        return None


def _read_as(row: Transition, settings: SupplySettings) -> Transition:
    """A row as the settings have it; what it does not end stands against an enabled supply."""
    if row.trigger is Trigger.USER_ENABLE and not settings.consumer_ends_load_limit:
        return row._replace(ends=row.ends - _LOAD_LIMIT)
    if row.trigger is Trigger.ENABLE and not settings.enable_ends_tamper_lock:
        return row._replace(ends=row.ends - {Reason.TAMPER})
    if row.begins is Reason.CREDIT and row.before is row.after and not settings.tells_credit_while_disabled:
        return row._replace(code=None)
    return row


def state_of(work: Work) -> State:
    """The state of the supply. Raises StoreError."""
    try:
        return State(work.int_item(STATE))
    except ValueError as error:
        raise StoreError(f"{STATE}: {error}") from None


def is_out_of_credit(work: Work, armed: bool = True) -> bool:
    """Whether lack of credit disabled the supply and, with `armed`, nobody enabled it since."""
    return (armed and work.value(AFTER_CREDIT) is True) or Reason.CREDIT in reasons_of(work)


def reasons_of(work: Work) -> frozenset[Reason]:
    """Why the supply is not enabled. Raises StoreError."""
    held = work.value(REASONS)
    if not held:
        return _NO_REASON
    try:
        return frozenset(Reason(name) for name in held) if isinstance(held, tuple) else _NO_REASON
    except ValueError as error:
        raise StoreError(f"{REASONS}: {error}") from None


_NO_REASON: frozenset[Reason] = frozenset()
