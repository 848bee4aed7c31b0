"""How often a sleepy node asks its parent: seldom, but often while it waits for something."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Final

from .ezsp_core import Core, plain
from .ezsp_link import Values, is_ok, status_name
from .interface import LinkLost, NodeType, NotDelivered, RadioError, Refused

INACTIVE, MILLISECONDS, QUARTERS, MINUTES = range(4)  # EmberEventUnits
FAILURES = 10  # polls without an acknowledgement until the parent counts as lost
NOTHING: Final = frozenset({"MAC_NO_DATA"})


def units(seconds: float | None) -> tuple[int, int]:
    """Interval and EmberEventUnits of a period, as exactly as they can say it; None: no more."""
    if seconds is None:
        return 0, INACTIVE
    if seconds <= 60:
        return max(1, round(seconds * 1000)), MILLISECONDS
    if seconds <= 0x3FFF:
        return round(seconds * 4), QUARTERS
    return min(0xFFFF, round(seconds / 60)), MINUTES


class Polling:
    """The polls of a sleepy node; nothing for others."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self._busy = 0
        self._waiting: asyncio.Future[str] | None = None
        self._order = asyncio.Lock()

    @property
    def sleepy(self) -> bool:
        """Whether this node has to ask."""
        network = self._core.network
        return network is not None and network.node_type is NodeType.SLEEPY

    async def poll(self) -> bool:
        """Ask once; whether something came. Raises NotDelivered where the parent does not answer."""
        if not self.sleepy:
            raise Refused("only a sleepy node polls", "INVALID_STATE")
        async with self._order:
            self._waiting = future = asyncio.get_running_loop().create_future()
            try:
                await self._core.demand("pollForData", 0, INACTIVE, 0)
                status = await self._core.within(future, "the poll")
            finally:
                self._waiting = None
                future.cancel()
            if self._busy:
                await self._period(self._core.settings.fast_poll)
            elif self._core.settings.slow_poll is not None:
                await self._period(self._core.settings.slow_poll)
        if status in NOTHING:
            return False
        if status != "OK":
            raise NotDelivered("the parent does not answer", status)
        return True

    def complete(self, values: Values) -> None:
        """pollCompleteHandler."""
        if self._waiting is not None and not self._waiting.done():
            status = values["status"]
            self._waiting.set_result("OK" if is_ok(status) else plain(status_name(status)))

    def lost(self, reason: str) -> None:
        """The line is lost."""
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_exception(LinkLost(reason))

    async def start(self) -> None:
        """The network is up."""
        if self.sleepy and (self._busy or self._core.settings.slow_poll is not None):
            await self._period(self._core.settings.fast_poll if self._busy else self._core.settings.slow_poll)

    @contextlib.asynccontextmanager
    async def awake(self) -> AsyncIterator[None]:
        """Ask often meanwhile."""
        if not self.sleepy:
            yield
            return
        self._busy += 1
        try:
            if self._busy == 1:
                await self._period(self._core.settings.fast_poll)
            yield
        finally:
            self._busy -= 1
            if not self._busy:
                self._core.spawn(self._relax())

    async def _relax(self) -> None:
        with contextlib.suppress(RadioError):
            if not self._busy and self.sleepy:
                await self._period(self._core.settings.slow_poll)

    async def _period(self, seconds: float | None) -> None:
        interval, unit = units(seconds)
        await self._core.demand("pollForData", interval, unit, FAILURES)
