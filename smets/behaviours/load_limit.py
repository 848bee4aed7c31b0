"""Load limiting: too much power for too long disconnects the supply, or is only told.

Where power import stays above the threshold for longer than the period, the counter goes up and
8F01 is raised; where the Load Limit Supply State says so, the supply is disabled and at once armed
(8F33), and enabled again when the restoration period is over (8F34), unless it went another way
before. The state machine is the table `ROWS`. Source: SMETS 5.7.4.19 to .22, 5.7.5.18, ECS28a,
ECS28b (reference: smets-esme 12).

Durations are time that passed, whatever the clock is set to meanwhile. A supply that is not
enabled carries no power, nor does one that is cut: what was being timed has ended.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple

from gbcs.time import Utc

from ..eventlog import occur
from ..events import Event, Metrology, PowerLost, TimerDue
from ..profile import Behaviour
from ..store import StoreError
from ..values import Value
from ..work import Work
from .supply import Reason, State, Supply, Trigger, reasons_of, state_of

STATE = "load-limit/state"
ABOVE_LIMIT = 0x8F01
MAX_U32 = 0xFFFF_FFFF


class Phase(Enum):
    """Where load limiting is; each but idle lasts since, or until, a moment."""

    IDLE = "idle"
    TIMING = "above the threshold since"
    EXCEEDED = "above it, and counted, since"
    RESTORING = "supply armed until"


class What(Enum):
    """What happens to it."""

    ABOVE = "power above the threshold"
    NOT_ABOVE = "power not above it, or none"
    PERIOD_OVER = "the load limit period is over"
    RESTORATION_OVER = "the restoration period is over"
    SUPPLY_LEFT = "the supply is not armed for this any more"


class Guard(Enum):
    """Conditions of a row."""

    NONE = "-"
    DISABLES = "Load Limit Supply State is Disable"
    NEEDS_FALL = "power has to fall first"


class Row(NamedTuple):
    """One row; the first whose guard holds is followed. `counts`: counter and 8F01."""

    before: Phase
    what: What
    guard: Guard
    after: Phase
    counts: bool
    supply: Trigger | None


# fmt: off
ROWS: tuple[Row, ...] = (
    Row(Phase.IDLE, What.ABOVE, Guard.NONE, Phase.TIMING, False, None),
    Row(Phase.TIMING, What.NOT_ABOVE, Guard.NONE, Phase.IDLE, False, None),
    Row(Phase.TIMING, What.PERIOD_OVER, Guard.DISABLES, Phase.RESTORING, True, Trigger.LOAD_LIMIT),
    Row(Phase.TIMING, What.PERIOD_OVER, Guard.NEEDS_FALL, Phase.EXCEEDED, True, None),
    Row(Phase.TIMING, What.PERIOD_OVER, Guard.NONE, Phase.TIMING, True, None),
    Row(Phase.EXCEEDED, What.NOT_ABOVE, Guard.NONE, Phase.IDLE, False, None),
    Row(Phase.RESTORING, What.RESTORATION_OVER, Guard.NONE, Phase.IDLE, False, Trigger.LOAD_RESTORED),
    Row(Phase.RESTORING, What.SUPPLY_LEFT, Guard.NONE, Phase.IDLE, False, None),
)
# fmt: on


@dataclass(frozen=True, slots=True)
class LoadLimitSettings:
    """Where the reference is unsure about load limiting (smets-esme 12)."""

    needs_fall: bool = True
    """Whether power has to fall to the threshold before it can be exceeded again; otherwise the next
    period begins where the last one ended, unless it is 0. Gap: general knowledge (smets-esme 12)."""


DEFAULT_SETTINGS = LoadLimitSettings()


class LoadLimit(Behaviour):
    """Watches power import; moves the supply by the rows of its table."""

    name = "load limit"

    def __init__(self, supply: Supply, settings: LoadLimitSettings = DEFAULT_SETTINGS) -> None:
        self._supply = supply
        self._settings = settings

    def handle(self, work: Work, event: Event) -> None:
        """Follow power, the supply and time."""
        if isinstance(event, Metrology):
            if event.power_w is not None:
                self._compare(work, event.power_w)
        elif work.value(STATE) is not None:
            if isinstance(event, TimerDue):
                self._timer(work)
            if isinstance(event, PowerLost) or state_of(work) is not State.ENABLED:
                self._happen(work, What.NOT_ABOVE)
            if Reason.LOAD_LIMIT not in reasons_of(work):
                self._happen(work, What.SUPPLY_LEFT)

    def deadline(self, work: Work) -> Utc | None:
        """The end of the period that runs, in the shell's time."""
        phase, at = _held(work)
        if phase is Phase.TIMING:
            # the first moment at which it lasted longer than the period
            return Utc(at + work.int_item("LoadLimitPeriod") * 1_000_000 + 1)
        return Utc(at) if phase is Phase.RESTORING else None

    def writes(self) -> Mapping[str, Callable[[Work, Value], None]]:
        """Another threshold is compared with the power at once."""
        return {
            "LoadLimitPowerThreshold": lambda work, value: self._compare(
                work, work.int_item("ActivePowerImport")
            )
        }

    def _compare(self, work: Work, power: int) -> None:
        above = power > work.int_item("LoadLimitPowerThreshold") and state_of(work) is State.ENABLED
        if above or work.value(STATE) is not None:
            self._happen(work, What.ABOVE if above else What.NOT_ABOVE)

    def _timer(self, work: Work) -> None:
        due = self.deadline(work)
        if due is not None and work.now >= due:
            timing = _held(work)[0] is Phase.TIMING
            self._happen(work, What.PERIOD_OVER if timing else What.RESTORATION_OVER)

    def _happen(self, work: Work, what: What) -> None:
        """Follow the first row whose guard holds; where there is none nothing changes."""
        before = _held(work)[0]
        for row in ROWS:
            if row.before is before and row.what is what and self._holds(work, row.guard):
                self._follow(work, row)
                return

    def _holds(self, work: Work, guard: Guard) -> bool:
        if guard is Guard.DISABLES:
            return work.item("LoadLimitSupplyState") is True
        if guard is Guard.NEEDS_FALL:  # periods of no length would follow each other without end
            return self._settings.needs_fall or work.int_item("LoadLimitPeriod") == 0
        return True

    def _follow(self, work: Work, row: Row) -> None:
        if row.counts:
            work.set_item("LoadLimitCounter", min(work.int_item("LoadLimitCounter") + 1, MAX_U32))
            occur(work, ABOVE_LIMIT)
        if row.after is Phase.IDLE:
            work.put(STATE, None)
        else:
            until = work.int_item("LoadLimitRestorationPeriod") if row.after is Phase.RESTORING else 0
            work.set_value(STATE, (row.after.value, work.now.plus(until).us))
        if row.supply is not None:
            self._supply.trigger(work, row.supply)


def _held(work: Work) -> tuple[Phase, int]:
    match work.value(STATE):
        case None:
            return Phase.IDLE, 0
        case (str(phase), int(at)) if phase in _PHASES:
            return _PHASES[phase], at
    raise StoreError("the store holds no state of load limiting here")


_PHASES = {phase.value: phase for phase in Phase}
