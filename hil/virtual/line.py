"""A dongle on a line of asyncio: octets in and out, timers, and the faults that cables have."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, fields
from math import isfinite
from random import Random
from typing import Any, Final

from gbcs.errors import BuildError

from .ash import FLAG, ResetCode
from .dongle import Dongle

MICROSECONDS: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class LineFaults:
    """What goes wrong between a host and its stick.

    `loss_in`, `loss_out`: share of the frames to and from the dongle that are lost. `noise`: share
    of the octets that arrive changed, either way. `piece`: largest piece of octets handed over at
    once, either way; 0 for any. `reset_every`: mean seconds between resets of the dongle by
    itself, 0 for none; `drop_every`: the same for closing a TCP connection, and `drop_for`: how long
    none is taken then, as while a stick is unplugged.
    """

    loss_in: float = 0.0
    loss_out: float = 0.0
    noise: float = 0.0
    piece: int = 0
    reset_every: float = 0.0
    drop_every: float = 0.0
    drop_for: float = 0.0

    def __post_init__(self) -> None:
        for name in ("loss_in", "loss_out", "noise"):
            if not 0 <= getattr(self, name) < 1:
                raise BuildError("a share from 0 up to, but not including, 1", name)
        for name in ("piece", "reset_every", "drop_every", "drop_for"):
            if getattr(self, name) < 0:
                raise BuildError("not negative", name)


NO_FAULTS: Final = LineFaults()


def parse_faults(text: str) -> LineFaults:
    """Faults from `loss=0.05&reset_every=3`: names of `LineFaults`, or `loss` for both ways.

    Raises BuildError.
    """
    known = {field.name: type(getattr(NO_FAULTS, field.name)) for field in fields(LineFaults)}
    values: dict[str, Any] = {}
    for part in filter(None, text.split("&")):
        name, equals, value = part.partition("=")
        names = ("loss_in", "loss_out") if name == "loss" else (name,)
        if not equals or names[0] not in known:
            raise BuildError(f"{part!r} is not one of {', '.join(sorted({'loss', *known}))}", "line")
        try:
            number = float(value)
        except ValueError:
            raise BuildError(f"{value!r} is no number", name) from None
        if not isfinite(number):
            raise BuildError(f"{value!r} is no number", name)
        values |= {name: known[name](number) for name in names}
    return LineFaults(**values)


class Impaired:
    """One direction of a line: drops frames, changes octets."""

    def __init__(self, loss: float, noise: float, random: Random) -> None:
        self._loss = loss
        self._noise = noise
        self._random = random
        self._frame = bytearray()

    def pass_on(self, octets: bytes) -> bytes:
        """What arrives of these octets. With loss a frame arrives when its flag does."""
        if self._loss:
            octets = self._without_lost(octets)
        if self._noise:
            octets = bytes(
                o ^ self._random.randrange(1, 256) if self._random.random() < self._noise else o
                for o in octets
            )
        return octets

    def _without_lost(self, octets: bytes) -> bytes:
        arrived = bytearray()
        for octet in octets:
            self._frame.append(octet)
            if octet == FLAG:
                if self._random.random() >= self._loss:
                    arrived += self._frame
                self._frame.clear()
        return bytes(arrived)


class Line:
    """Drives one dongle on the running loop. `write` is set by whoever holds the host's end, else None."""

    def __init__(
        self, dongle: Dongle, faults: LineFaults | None = None, random: Random | None = None
    ) -> None:
        self.dongle: Final = dongle
        self.faults: Final = faults or LineFaults()
        self.write: Callable[[bytes], None] | None = None
        self.on_failure: Callable[[], None] = lambda: None
        self.drop: Callable[[], None] = lambda: None
        self._random = random or Random(0)
        self._loop = asyncio.get_running_loop()
        self._in = Impaired(self.faults.loss_in, self.faults.noise, self._random)
        self._out = Impaired(self.faults.loss_out, self.faults.noise, self._random)
        self._timer: asyncio.TimerHandle | None = None
        self._soon: asyncio.Handle | None = None
        self._faults: list[asyncio.TimerHandle] = []
        self._failed = False
        dongle.wake = self._wake
        self._plan(self.faults.reset_every, self.reset)
        self._plan(self.faults.drop_every, self._lose_host)

    def opened(self, write: Callable[[bytes], None]) -> None:
        """A host is there."""
        self.write = write

    def closed(self) -> None:
        """The host is gone."""
        self.write = None
        self.dongle.hang_up()

    def feed(self, octets: bytes) -> None:
        """Octets from the host."""
        octets = self._in.pass_on(octets)
        piece = self.faults.piece or len(octets) or 1
        for start in range(0, len(octets), piece):
            self.dongle.receive(octets[start : start + piece], _now())
            self.pump()

    def reset(self, code: ResetCode = ResetCode.WATCHDOG) -> None:
        """The dongle resets by itself, as a stick with a fault or a shaky supply does."""
        self.dongle.power_on(code)
        self.pump()

    def pump(self) -> None:
        """Send what there is to send, and come back when there will be more."""
        octets = self.dongle.output(_now())
        if octets:
            self._send(octets)
        if self.dongle.line.failed and not self._failed:
            self.on_failure()
        self._failed = self.dongle.line.failed
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        wait = self._wait()
        if wait is not None:
            self._timer = self._loop.call_later(wait, self.pump)

    def shut(self) -> None:
        """No more timers; the dongle is taken off the air."""
        for handle in (self._timer, self._soon, *self._faults):
            if handle is not None:
                handle.cancel()
        self._faults.clear()
        self.write = None
        self.dongle.wake = lambda: None
        self.dongle.unplug()

    def _lose_host(self) -> None:
        self.drop()

    def _wake(self) -> None:
        if self._soon is None:
            self._soon = self._loop.call_soon(self._woken)

    def _woken(self) -> None:
        self._soon = None
        self.pump()

    def _send(self, octets: bytes) -> None:
        octets = self._out.pass_on(octets)
        if self.write is None or not octets:
            return
        piece = self.faults.piece or len(octets)
        for start in range(0, len(octets), piece):
            self.write(octets[start : start + piece])

    def _wait(self) -> float | None:
        waits = []
        if self.dongle.next_deadline is not None:
            waits.append(self.dongle.next_deadline - _now())
        if self.dongle.next_timer is not None:
            waits.append(self.dongle.next_timer - self.dongle.ncp.now)
        return max(0, min(waits)) / MICROSECONDS if waits else None

    def _plan(self, mean: float, action: Callable[[], None]) -> None:
        if not mean:
            return

        def happen() -> None:
            action()
            self._faults[:] = [f for f in self._faults if f.when() > self._loop.time()]
            self._plan(mean, action)

        self._faults.append(self._loop.call_later(self._random.expovariate(1 / mean), happen))


def _now() -> int:
    return time.monotonic_ns() // 1000
