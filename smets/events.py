"""What happens to a device and what it does: events in, effects out.

Events and effects are values; a shell (bench, radio, test) carries them. Times are
always an argument of `handle`, never part of the machine's surroundings.
"""

from __future__ import annotations

from dataclasses import dataclass

from gbcs.errors import Check
from gbcs.ids import EntityId
from gbcs.time import Utc


@dataclass(frozen=True, slots=True)
class RemotePartyMessage:
    """A whole GBCS message arrived for the device."""

    octets: bytes


@dataclass(frozen=True, slots=True)
class TimerDue:
    """The device's own deadline has come."""


@dataclass(frozen=True, slots=True)
class Metrology:
    """What the measuring element counted since the last event, and what it sees now.

    Energy in Wh and varh; power in W; voltage in V, one for each phase. None: not measured. Energy of
    the secondary element is beside that of the primary one; power is that of both, import less export.
    """

    import_wh: int = 0
    export_wh: int = 0
    import_varh: int = 0
    export_varh: int = 0
    secondary_wh: int = 0
    power_w: int | None = None
    voltage_v: tuple[int, ...] = ()
    secondary_power_w: int | None = None


@dataclass(frozen=True, slots=True)
class HubTime:
    """The time the Communications Hub gives on the HAN; None where it says it has none."""

    time: Utc | None


@dataclass(frozen=True, slots=True)
class UserAction:
    """A user interface command, by its SMETS name (`enable supply`, ...)."""

    name: str


@dataclass(frozen=True, slots=True)
class PowerLost:
    """Supply to the device fails; it does nothing until it returns."""


@dataclass(frozen=True, slots=True)
class PowerRestored:
    """Supply to the device is back."""


@dataclass(frozen=True, slots=True)
class ArmStoreFault:
    """Make the next command fail at an item (0-based) with a result code, once; for tests."""

    index: int
    code: int


class ProfileEvent:
    """Base of events that only some kinds of device know; they are frozen dataclasses."""

    __slots__ = ()


Event = (
    ProfileEvent
    | RemotePartyMessage
    | TimerDue
    | Metrology
    | HubTime
    | UserAction
    | PowerLost
    | PowerRestored
    | ArmStoreFault
)


@dataclass(frozen=True, slots=True)
class SendMessage:
    """Send a whole GBCS message towards its recipient."""

    octets: bytes
    recipient: EntityId


@dataclass(frozen=True, slots=True)
class Actuate:
    """Move an actuator (`load switch`); True closes it, so that supply flows."""

    what: str
    on: bool


@dataclass(frozen=True, slots=True)
class Happened:
    """What the device made of an event, with the rule it followed; for transcripts.

    `check` is set where a check failed.
    """

    verdict: str
    text: str
    rule: str
    check: Check | None = None


class ProfileEffect:
    """Base of effects that only some kinds of device have; they are frozen dataclasses."""

    __slots__ = ()


Effect = ProfileEffect | SendMessage | Actuate | Happened
