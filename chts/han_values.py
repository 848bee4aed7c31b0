"""What a hub shows in the clusters of the home area network: itself, the time, the keep-alive.

Source: the clusters of CHF and GPF (reference: han-clusters, chts-hub 5.4 and 12). What a gas
proxy mirrors of a gas meter is not held.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from gbcs.errors import BuildError
from gbcs.time import Utc
from smets.behaviours.clock import STATUS, Status
from smets.device import Device
from smets.han.cluster_values import BasicSettings, DeviceValues, Source, ValueRow, common_rows, constant
from smets.han.endpoints import KEEP_ALIVE, TIME
from smets.work import Work

from .han_commands import MirrorSettings, hub_commands

MASTER, SYNCHRONISED, SUPERSEDING = 0x01, 0x02, 0x08  # bits of TimeStatus, by the ZCL
NO_MOMENT = 0xFFFF_FFFF


@dataclass(frozen=True, slots=True)
class TimeSettings:
    """Settings of the time server. Raises BuildError.

    status: TimeStatus of a hub with a valid time; without, its synchronised bit is clear.
    valid_seconds: how long a time is offered as good. Gap: chts-hub 12 names ValidUntilTime without
    a value; devices look at the hub's time at least daily.
    """

    status: int = MASTER | SYNCHRONISED | SUPERSEDING
    valid_seconds: int = 86_400

    def __post_init__(self) -> None:
        """Ranges."""
        if not 0 <= self.status <= 0xFF or self.valid_seconds < 0:
            raise BuildError("one octet, and seconds from 0 on", "Time")


@dataclass(frozen=True, slots=True)
class KeepAliveSettings:
    """Settings of the keep-alive: base in minutes, jitter in seconds. Raises BuildError.

    Gap: han-clusters has 1 minute as the default of the ZCL, chts-hub 5.4 2 minutes as a vendor's.
    """

    base: int = 1
    jitter: int = 60

    def __post_init__(self) -> None:
        """Ranges of chts-hub 5.4."""
        if not (1 <= self.base <= 0xFF and 0 <= self.jitter <= 512):
            raise BuildError("1 to 255 minutes, 0 to 512 seconds", "Keep-Alive")


def hub_values(
    chf: Device,
    suites: Callable[[], int],
    basic: BasicSettings | None = None,
    time: TimeSettings = TimeSettings(),
    keep_alive: KeepAliveSettings = KeepAliveSettings(),
    mirror: MirrorSettings | None = None,
) -> DeviceValues:
    """The values of a hub, and its answers to commands; `suites` are those of its key establishment."""
    rows = (
        *common_rows(basic or BasicSettings(), suites),
        *_time(time),
        ValueRow(KEEP_ALIVE, "TCKeepAliveBase", constant(keep_alive.base)),
        ValueRow(KEEP_ALIVE, "TCKeepAliveJitter", constant(keep_alive.jitter)),
    )
    return DeviceValues(rows, chf.observe, hub_commands(mirror or MirrorSettings()))


def _time(settings: TimeSettings) -> tuple[ValueRow, ...]:
    """The time of the wide area network is set all the time, so that it was set last right now."""
    return (
        ValueRow(TIME, "Time", lambda work: work.time.seconds),
        ValueRow(
            TIME,
            "TimeStatus",
            lambda work: settings.status if _is_valid(work) else settings.status & ~SYNCHRONISED,
        ),
        ValueRow(TIME, "LastSetTime", _while_valid(lambda time: time)),
        ValueRow(TIME, "ValidUntilTime", _while_valid(lambda time: time.plus(settings.valid_seconds))),
    )


def _while_valid(moment: Callable[[Utc], Utc]) -> Source:
    return lambda work: moment(work.time).seconds if _is_valid(work) else NO_MOMENT


def _is_valid(work: Work) -> bool:
    return work.number(STATUS) == Status.RELIABLE
