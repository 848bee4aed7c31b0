"""Scanning: energy on channels, and beacons; for the host and for joining."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gbcs.errors import ParseError

from .core import Timer
from .mac_frames import (
    BROADCAST,
    BROADCAST_PAN,
    Beacon,
    MacAddress,
    MacCommand,
    MacFrame,
    MacType,
)
from .node_events import EnergyResult, NetworkFound, ScanComplete
from .node_types import ScanType, Status
from .settings import SYMBOL_US

if TYPE_CHECKING:
    from .stack import Stack

FIRST_CHANNEL, LAST_CHANNEL = 11, 26
BASE_SUPERFRAME_SYMBOLS = 960
QUIET_DBM = -95


@dataclass(frozen=True, slots=True)
class HeardBeacon:
    """A beacon, where and from whom it came."""

    channel: int
    source: MacAddress
    beacon: Beacon
    lqi: int
    rssi: int


def channels_of(mask: int) -> list[int]:
    """Channel numbers of a mask."""
    return [channel for channel in range(FIRST_CHANNEL, LAST_CHANNEL + 1) if mask >> channel & 1]


class Scanner:
    """One scan at a time. `energy` gives the strongest signal of a channel, in dBm."""

    def __init__(self, stack: Stack) -> None:
        self._stack = stack
        self.energy: Callable[[int], int] = lambda channel: QUIET_DBM
        self._found: Callable[[HeardBeacon], None] | None = None
        self._finished: Callable[[], None] | None = None
        self._channels: list[int] = []
        self._timer: Timer | None = None
        self._home: tuple[int, int, bool] | None = None
        self._kind = ScanType.ACTIVE
        self._stay = 0

    @property
    def running(self) -> bool:
        """Whether a scan is under way."""
        return self._finished is not None

    def stop(self) -> None:
        """A reset."""
        self._found = self._finished = None
        self._timer = self._home = None

    def start(self, kind: ScanType, mask: int, exponent: int) -> Status:
        """A scan for the host: EnergyResult or NetworkFound, then ScanComplete."""
        channels = channels_of(mask)
        if not channels or not 0 <= exponent <= 14:
            return Status.INVALID_PARAMETER
        core = self._stack.core

        def found(heard: HeardBeacon) -> None:
            beacon = heard.beacon
            core.emit(
                NetworkFound(
                    heard.channel,
                    heard.source.pan,
                    beacon.extended_pan_id,
                    beacon.permit,
                    beacon.stack_profile,
                    beacon.update_id,
                    heard.lqi,
                    heard.rssi,
                )
            )

        return self.run(kind, channels, exponent, found, lambda: core.emit(ScanComplete()))

    def run(
        self,
        kind: ScanType,
        channels: list[int],
        exponent: int,
        found: Callable[[HeardBeacon], None],
        finished: Callable[[], None],
    ) -> Status:
        """Any scan; NETWORK_BUSY while another runs."""
        if self.running:
            return Status.NETWORK_BUSY
        mac = self._stack.mac
        self._home = (mac.channel, mac.pan_id, mac.rx_on)
        self._kind, self._found, self._finished = kind, found, finished
        self._channels = list(channels)
        stay = ((1 << exponent) + 1) * BASE_SUPERFRAME_SYMBOLS * SYMBOL_US
        limit = self._stack.core.settings.scan_limit_us
        self._stay = stay if limit is None else min(stay, limit)
        mac.rx_on = mac.accept_all_beacons = True
        self._next()
        return Status.OK

    def _next(self) -> None:
        core, mac = self._stack.core, self._stack.mac
        if not self._channels:
            self._end()
            return
        mac.channel = self._channels.pop(0)
        if self._kind is ScanType.ACTIVE:
            everybody = MacAddress(BROADCAST_PAN, BROADCAST)
            body = bytes((MacCommand.BEACON_REQUEST,))
            mac.send(MacFrame(MacType.COMMAND, everybody, None, body), done=self._asked)
        else:
            self._timer = core.after(self._stay, self._measured)

    def _asked(self, status: Status) -> None:
        if self.running:
            mac = self._stack.mac
            self._timer = self._stack.core.after(self._stay + mac.allowance, self._next)

    def _measured(self) -> None:
        channel = self._stack.mac.channel
        self._stack.core.emit(EnergyResult(channel, self.energy(channel)))
        self._next()

    def halt(self) -> Status:
        """stopScan."""
        if not self.running:
            return Status.INVALID_STATE
        self._end()
        return Status.OK

    def _end(self) -> None:
        mac = self._stack.mac
        finished, self._finished, self._found = self._finished, None, None
        if self._timer is not None:
            self._timer.cancel()
        mac.accept_all_beacons = False
        if self._home is not None:
            mac.channel, mac.pan_id, mac.rx_on = self._home
            self._home = None
        if finished is not None:
            finished()

    def beacon(self, frame: MacFrame, lqi: int, rssi: int) -> None:
        """A beacon arrived; one that is not of ZigBee is none."""
        if self._found is None or frame.source is None or frame.source.extended:
            return
        try:
            beacon = Beacon.parse(frame.payload)
        except ParseError:
            return
        self._found(HeardBeacon(self._stack.mac.channel, frame.source, beacon, lqi, rssi))
