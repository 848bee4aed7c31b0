"""What a meter senses beside what `Metrology` counts: phases, switches, its own parts.

Each event is a change of a level that holds until the next one says otherwise, like power and
voltages of `Metrology`: a constant stretch, however long, is one event, and its duration is the
time to the next. Saying again what is so already changes nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from .events import ProfileEvent


@dataclass(frozen=True, slots=True)
class PhaseSupply(ProfileEvent):
    """A phase (1 to 3) of a polyphase meter lost its supply, or has it again.

    Others keep the meter running; without any it is `PowerLost`.
    """

    phase: int
    present: bool


class Condition(Enum):
    """Conditions of the current that a metrology chip may tell."""

    REVERSE_CURRENT = "reverse current"
    POLARITY = "incorrect polarity"
    PHASE_SEQUENCE = "incorrect phase sequence"
    OVER_CURRENT = "over current"
    POWER_FACTOR = "power factor below threshold"


@dataclass(frozen=True, slots=True)
class ConditionSensed(ProfileEvent):
    """A condition began or ended; `phase` is 1 to 3, or 0 where it is not of one phase."""

    what: Condition
    present: bool
    phase: int = 0


class Attack(Enum):
    """Physical access that a meter senses by switches and sensors of its own."""

    METER_COVER = "meter cover"
    TERMINAL_COVER = "terminal cover"
    SECOND_TERMINAL_COVER = "second terminal cover"
    BATTERY_COVER = "battery cover"
    MAGNETIC_FIELD = "strong magnetic field"
    OTHER = "other"
    UNSPECIFIED = "unspecified"


@dataclass(frozen=True, slots=True)
class AttackSensed(ProfileEvent):
    """A cover was opened, a field applied (`present`), or it ended."""

    what: Attack
    present: bool


class Fault(Enum):
    """What a meter finds about its own parts and interfaces."""

    MEASUREMENT = "measurement"
    METROLOGY_FIRMWARE = "metrology firmware verification"
    NON_VOLATILE_MEMORY = "non volatile memory"
    PROGRAM_EXECUTION = "program execution"
    PROGRAM_STORAGE = "program storage"
    RAM = "RAM"
    HARDWARE_RESET = "unexpected hardware reset"
    WATCHDOG = "watchdog"
    LOAD_SWITCH_CONNECT = "the load switch does not connect"
    LOAD_SWITCH_DISCONNECT = "the load switch does not disconnect"
    LOCAL_PORT = "communication at a local port"
    HUB_CONNECTED = "a communications hub was connected"
    HUB_DISCONNECTED = "the communications hub was disconnected"
    FIRMWARE_AT_POWER_ON = "firmware verification at power on"


@dataclass(frozen=True, slots=True)
class Diagnosed(ProfileEvent):
    """The meter found something about itself; each finding counts."""

    what: Fault
