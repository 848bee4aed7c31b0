"""The clock: time kept in UTC, its status, setting it inside an interval, the routine check.

Source: SMETS 5.5.1, ECS70, DLMS Clock (reference: smets-esme 2, dlms-payloads 7.5). The
device's time is the shell's time plus an offset it holds. A clock that does not survive a power
cut goes on from where it stood, and is invalid.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import IntEnum

from gbcs.errors import BuildError
from gbcs.time import Utc

from ..eventlog import occur
from ..events import Event, HubTime, Metrology, PowerLost, PowerRestored, TimerDue
from ..profile import OTHER_REASON, Behaviour, Refusal
from ..values import Value
from ..work import Work

OFFSET = "clock/offset"
STATUS = "clock/status"
HUB = "clock/hub"
INTERVAL = "clock/interval"
STOOD_AT = "clock/stood-at"
STOPPED = "clock/stopped"
WAS_SET = "clock/was-set"
ADJUSTED = 0x8145
NOT_ADJUSTED = 0x8F0C
OUTSIDE_TOLERANCE = 0x81C6
COMMISSIONED = 0x8F69
TAKE_HUB_TIME = b"\xff" * 9  # then deviation and status, not specified


class Status(IntEnum):
    """DeviceTimeStatus (GBCS ASN.1 module; SMETS 5.5.1)."""

    RELIABLE = 0
    INVALID = 1
    UNRELIABLE = 2


@dataclass(frozen=True, slots=True)
class ClockSettings:
    """Where the reference is unsure about the clock (smets-esme 2 and 4)."""

    survives: bool = True
    """Whether the clock goes on while the device has no power; otherwise it is invalid
    until it is set. Gap: data survive a power cut, the clock may not (smets-esme 4)."""

    tells_outside_tolerance: bool = True
    """Raise 81C6 where Set Clock finds the hub's time outside its interval. Gap: no text says when;
    the interval is built from the tolerance of the request (smets-esme 2), and a larger difference at
    the routine check has the code 8F0C."""

    tells_commissioned: bool = True
    """Raise 8F69 when Set Clock sets a clock that nobody set before. Gap: no text says when; use-cases
    has Set Clock for two service requests, 6.11 and 8.1.1, and this takes the latter for that of
    commissioning."""


DEFAULT_SETTINGS = ClockSettings()


class Clock(Behaviour):
    """Keeps the device's time. `tolerance` is the largest adjustment made by itself, in seconds."""

    name = "clock"
    ignores = (Metrology, TimerDue)

    def __init__(self, tolerance: int = 10, settings: ClockSettings = DEFAULT_SETTINGS) -> None:
        self.tolerance = tolerance
        self._settings = settings

    def start(self, work: Work) -> None:
        """A clock that was never set is invalid."""
        if work.get(STATUS) is None:
            work.set_value(STATUS, Status.INVALID)

    def reads(self) -> Mapping[str, Callable[[Work], Value]]:
        """Time and status."""
        return {
            "Time": lambda work: work.time.to_cosem(),
            "Time.Status": lambda work: work.number(STATUS),
        }

    def methods(self) -> Mapping[str, Callable[[Work, Value], Value]]:
        """The two steps of Set Clock."""
        return {"Time.preset": _preset, "Time.adjust": self._adjust}

    def handle(self, work: Work, event: Event) -> None:
        """Check against the hub's time each time it is given."""
        if not isinstance(event, HubTime):
            if not self._settings.survives:
                _stand(work, event)
            return
        if event.time is None:
            work.put(HUB, None)
            return
        work.set_value(HUB, event.time.us - work.now.us)
        if work.number(STATUS) == Status.INVALID:
            return
        difference = event.time.us - work.time.us
        if not difference:
            return
        if abs(difference) <= self.tolerance * 1_000_000:
            work.set_value(OFFSET, event.time.us - work.now.us)
            occur(work, ADJUSTED)
        elif work.number(STATUS) == Status.RELIABLE:
            work.set_value(STATUS, Status.UNRELIABLE)
            occur(work, NOT_ADJUSTED)

    def _adjust(self, work: Work, value: Value) -> Value:
        """Take the hub's time if it lies inside the interval, else keep time and status."""
        interval = work.value(INTERVAL)
        time = hub_time(work)
        work.put(INTERVAL, None)
        if not isinstance(interval, tuple) or time is None:
            return None
        start, end = interval
        if isinstance(start, int) and isinstance(end, int) and start <= time.us <= end:
            first = work.value(WAS_SET) is None
            set_clock(work, time)
            if first and self._settings.tells_commissioned:
                occur(work, COMMISSIONED)
        elif self._settings.tells_outside_tolerance:
            occur(work, OUTSIDE_TOLERANCE)
        return None


def hub_time(work: Work) -> Utc | None:
    """The hub's time now, as it runs on since it was last given; None if it gave none."""
    offset = work.value(HUB)
    return work.now.plus(us=offset) if isinstance(offset, int) else None


def set_clock(work: Work, time: Utc) -> None:
    """Set the clock to a time; it is reliable from now on."""
    work.set_value(OFFSET, time.us - work.now.us)
    work.set_value(STATUS, Status.RELIABLE)
    work.put(STOPPED, None)
    if work.value(WAS_SET) is None:
        work.set_value(WAS_SET, True)


def is_stopped(work: Work) -> bool:
    """Whether the clock stood in a power cut and was not set since."""
    return work.value(STOPPED) is True


def _stand(work: Work, event: Event) -> None:
    """Stand still from the loss of power to its return."""
    if isinstance(event, PowerLost):
        work.set_value(STOOD_AT, work.time.us)
    elif isinstance(event, PowerRestored):
        stood_at = work.value(STOOD_AT)
        if isinstance(stood_at, int):
            work.put(STOOD_AT, None)
            work.set_value(OFFSET, stood_at - work.now.us)
            work.set_value(STATUS, Status.INVALID)
            work.set_value(STOPPED, True)


def _preset(work: Work, value: Value) -> Value:
    """Keep the interval in which the hub's time is to be taken."""
    if not isinstance(value, tuple) or not _all_wild(value[0]):
        raise Refusal(OTHER_REASON, "only the hub's time can be preset")
    try:
        start, end = (Utc.from_cosem(bytes(bound)).us for bound in value[1:])  # type: ignore[arg-type]
    except BuildError:
        raise Refusal(OTHER_REASON, "the validity interval is not two times") from None
    work.set_value(INTERVAL, (start, end))
    return None


def _all_wild(preset: Value) -> bool:
    return isinstance(preset, bytes) and preset.startswith(TAKE_HUB_TIME)
