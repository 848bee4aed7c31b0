"""Triggers of `test_every_alert` for what a meter senses: voltage, outages, tamper, load limits, itself."""

from __future__ import annotations

from smets.behaviours.outage import INTERRUPTED, RESTORED, RESTORED_AFTER_LONG
from smets.behaviours.power_events import FAULTS, INTEGRITY_WARNING
from smets.behaviours.tamper import ROWS as TAMPERS
from smets.events import Metrology, PowerLost, PowerRestored
from smets.sensing import Attack, AttackSensed, Condition, ConditionSensed, Diagnosed, Fault, PhaseSupply
from smets.values import Value
from tests.smets.triggers import Trigger, then

# -- voltage ------------------------------------------------------------------------------

NORMAL, HALF_HOUR = 240, 1800
LIMITS = {0x8002: 270, 0x8006: 190, 0x8020: 290, 0x8024: 260, 0x8028: 170, 0x802C: 210}
ENDS = {0x8002: 0x8085, 0x8006: 0x8089, 0x8020: 0x808D, 0x8024: 0x8091, 0x8028: 0x8095, 0x802C: 0x8099}


def volts(phase: int, level: int) -> Metrology:
    """A voltage of one phase (0: there is only one), the others as they should be."""
    levels = [NORMAL] * (3 if phase else 1)
    levels[max(phase - 1, 0)] = level
    return Metrology(voltage_v=tuple(levels))


def voltages() -> dict[int, Trigger]:
    """Beginning and end of each condition and average of the only phase and of three."""
    found = {}
    for code, level in LIMITS.items():
        seconds = 2 * HALF_HOUR if code in (0x8002, 0x8006) else 31
        for phase in range(4):
            variant = "polyphase" if phase else "single"
            begins = (volts(phase, level), seconds)
            found[code + phase] = Trigger(then(*begins), variant=variant)
            found[ENDS[code] + phase] = Trigger(then(*begins, volts(phase, NORMAL), seconds), variant=variant)
    return found


# -- outages, tamper, what the meter tells ------------------------------------------------


def outages() -> dict[int, Trigger]:
    """Short and long ones, of the supply and of each phase."""
    found = {}
    for place in range(4):
        lost, back = (PhaseSupply(place, False), PhaseSupply(place, True)) if place else (PowerLost(), None)
        variant = "polyphase" if place else "single"
        found[INTERRUPTED[place]] = Trigger(then(lost), variant=variant)
        for code, seconds in ((RESTORED[place], 179), (RESTORED_AFTER_LONG[place], 180)):
            found[code] = Trigger(then(lost, seconds, back or PowerRestored()), variant=variant)
    return found


def tampers() -> dict[int, Trigger]:
    """Beginning and end of each kind; the last with a code stands for it."""
    found = {}
    for row in TAMPERS:
        begins = AttackSensed(row.what, True)
        found[row.begins] = Trigger(then(begins))
        if row.ends is not None:
            found[row.ends] = Trigger(then(begins, 5, AttackSensed(row.what, False)))
    return found


CURRENT = {
    0x8010: (Condition.OVER_CURRENT, 0, "single"),
    0x8011: (Condition.OVER_CURRENT, 1, "polyphase"),
    0x8016: (Condition.OVER_CURRENT, 2, "polyphase"),
    0x8013: (Condition.OVER_CURRENT, 3, "polyphase"),
    0x8014: (Condition.POWER_FACTOR, 0, "single"),
    0x81B7: (Condition.PHASE_SEQUENCE, 0, "polyphase"),
    0x81B8: (Condition.POLARITY, 0, "single"),
    0x81BB: (Condition.REVERSE_CURRENT, 0, "single"),
}
LOW_FACTOR, GOOD_FACTOR = (ConditionSensed(Condition.POWER_FACTOR, present) for present in (True, False))
LOAD_LIMIT: dict[str, Value] = {
    "LoadLimitPowerThreshold": 1000,
    "LoadLimitPeriod": 60,
    "LoadLimitRestorationPeriod": 30,
    "LoadLimitSupplyState": True,
}
LIMITED = (Metrology(power_w=1001), 61)

POWER: dict[int, Trigger] = {
    **voltages(),
    **outages(),
    **tampers(),
    **{code: Trigger(then(ConditionSensed(w, True, p)), variant=v) for code, (w, p, v) in CURRENT.items()},
    0x8015: Trigger(then(LOW_FACTOR, 5, GOOD_FACTOR)),
    **{code: Trigger(then(Diagnosed(what))) for what, code in FAULTS.items()},
    INTEGRITY_WARNING: Trigger(then(Diagnosed(Fault.RAM))),
    0x81BE: Trigger(then(AttackSensed(Attack.OTHER, True)), {"SupplyTamperState": True}),
    0x8F01: Trigger(then(*LIMITED), LOAD_LIMIT),
    0x8F33: Trigger(then(*LIMITED), LOAD_LIMIT),
    0x8F34: Trigger(then(*LIMITED, 30), LOAD_LIMIT),
}
