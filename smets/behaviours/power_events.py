"""What a meter's metrology and self checks tell: events without a state machine of their own.

Conditions of the current go to the Power Event Log, findings about the meter itself to the Event
Log; each has its code. All are the maker's choice and configurable, but a firmware that is not verified
at power on, which has to be told. What bears on the meter's integrity is told by the integrity warning
81A0 with its reason, too. Source: event and alert codes (reference: smets-esme 13 to 15,
smets-alerts-events; the reasons: gbz-payloads 7, dlms-payloads 8).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from gbcs.errors import BuildError

from ..eventlog import occur
from ..events import Event, Metrology, TimerDue
from ..profile import Behaviour
from ..sensing import Condition, ConditionSensed, Diagnosed, Fault
from ..values import Value
from ..work import Work

PRESENT = "power-events/present"


class Row(NamedTuple):
    """A condition: codes of a single phase meter, or of the phases of a polyphase one; code of its end.

    A meter without the code of a condition does not tell it.
    """

    what: Condition
    single: int | None
    phases: tuple[int, int, int] | None
    any_phase: int | None
    ends: int | None


# fmt: off
ROWS: tuple[Row, ...] = (
    Row(Condition.REVERSE_CURRENT, 0x81BB, None, 0x81BB, None),
    Row(Condition.POLARITY, 0x81B8, None, 0x81B8, None),
    Row(Condition.PHASE_SEQUENCE, None, None, 0x81B7, None),
    Row(Condition.OVER_CURRENT, 0x8010, (0x8011, 0x8016, 0x8013), None, None),
    Row(Condition.POWER_FACTOR, 0x8014, None, 0x8014, 0x8015),
)
FAULTS: dict[Fault, int] = {
    Fault.MEASUREMENT: 0x81AC,
    Fault.METROLOGY_FIRMWARE: 0x81AD,
    Fault.NON_VOLATILE_MEMORY: 0x81AE,
    Fault.PROGRAM_EXECUTION: 0x81AF,
    Fault.PROGRAM_STORAGE: 0x81B0,
    Fault.RAM: 0x81B1,
    Fault.HARDWARE_RESET: 0x81B2,
    Fault.WATCHDOG: 0x81B3,
    Fault.LOAD_SWITCH_CONNECT: 0x81BD,
    Fault.LOAD_SWITCH_DISCONNECT: 0x81C0,
    Fault.LOCAL_PORT: 0x81A5,
    Fault.HUB_CONNECTED: 0x81A2,
    Fault.HUB_DISCONNECTED: 0x81A3,
    Fault.FIRMWARE_AT_POWER_ON: 0x8F1B,
}
INTEGRITY_REASONS: dict[Fault, int] = {
    Fault.NON_VOLATILE_MEMORY: 1,
    Fault.PROGRAM_EXECUTION: 2,
    Fault.PROGRAM_STORAGE: 3,
    Fault.RAM: 4,
    Fault.HARDWARE_RESET: 5,
    Fault.WATCHDOG: 6,
    Fault.METROLOGY_FIRMWARE: 7,
    Fault.MEASUREMENT: 8,
}
# fmt: on
_BY_CONDITION = {row.what: row for row in ROWS}
EVERY_CONDITION = frozenset(Condition)
EVERY_FAULT = frozenset(Fault)
MANDATORY = frozenset((Fault.FIRMWARE_AT_POWER_ON,))
INTEGRITY_WARNING = 0x81A0
INTEGRITY_MESSAGE = 0x00F0  # Message Code


@dataclass(frozen=True, slots=True)
class PowerEventSettings:
    """What a meter of some maker tells; the reference calls these codes optional (smets-esme 14)."""

    conditions: frozenset[Condition] = EVERY_CONDITION
    """Conditions of the current that its metrology can tell."""

    faults: frozenset[Fault] = EVERY_FAULT
    """Findings about itself that it tells by a code of their own, beside those it has to."""

    integrity_warnings: frozenset[Fault] = frozenset(INTEGRITY_REASONS)
    """Findings it tells by 81A0 with the reason, also where they have a code of their own. Gap: the
    reference has both for the same findings, and does not say which a meter uses. Raises BuildError for
    one that has no reason."""

    def __post_init__(self) -> None:
        """Reasons."""
        if not self.integrity_warnings <= INTEGRITY_REASONS.keys():
            raise BuildError("a finding without a reason of 81A0", "integrity_warnings")


DEFAULT_SETTINGS = PowerEventSettings()


class PowerEvents(Behaviour):
    """Tells what begins and ends. `polyphase`: with codes for each phase where there are any."""

    name = "power events"
    ignores = (Metrology, TimerDue)

    def __init__(self, polyphase: bool = False, settings: PowerEventSettings = DEFAULT_SETTINGS) -> None:
        self._polyphase = polyphase
        self._settings = settings

    def handle(self, work: Work, event: Event) -> None:
        """A condition that goes on is not told again; a finding is, each time."""
        if isinstance(event, ConditionSensed):
            if event.what in self._settings.conditions:
                self._sensed(work, event)
        elif isinstance(event, Diagnosed):
            self._found(work, event.what)

    def _found(self, work: Work, what: Fault) -> None:
        if what in self._settings.faults or what in MANDATORY:
            occur(work, FAULTS[what])
        if what in self._settings.integrity_warnings:
            reason = INTEGRITY_REASONS[what].to_bytes(2, "big")
            occur(work, INTEGRITY_WARNING, reason, (reason,), INTEGRITY_MESSAGE)

    def _sensed(self, work: Work, event: ConditionSensed) -> None:
        row = _BY_CONDITION[event.what]
        code = self._code(row, event.phase)
        if code is None:
            return
        held = work.value(PRESENT)
        present: tuple[Value, ...] = held if isinstance(held, tuple) else ()
        key = (event.what.value, event.phase)
        if event.present is (key in present):
            return
        if event.present:
            work.set_value(PRESENT, (*present, key))
            occur(work, code)
        else:
            work.set_value(PRESENT, tuple(other for other in present if other != key))
            if row.ends is not None:
                occur(work, row.ends)

    def _code(self, row: Row, phase: int) -> int | None:
        if not self._polyphase:
            return row.single if phase in (0, 1) else None
        if row.phases is not None and 1 <= phase <= len(row.phases):
            return row.phases[phase - 1]
        return row.any_phase if 0 <= phase <= 3 else None
