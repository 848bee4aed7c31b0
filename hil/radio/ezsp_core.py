"""What the parts of a radio on EZSP share: the line of the moment, events, statuses, tasks."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator, Sequence
from typing import Any

from smets.han.endpoints import Endpoint

from .ezsp_link import Link, Values
from .interface import (
    LinkLost,
    Network,
    NetworkTimeout,
    NodeType,
    RadioClosed,
)
from .settings import RadioSettings
from .shared import Shared

# Statuses by their names, EmberStatus or sl_Status
NETWORK_UP = "NETWORK_UP"
NETWORK_DOWN = "NETWORK_DOWN"


def plain(status: str) -> str:
    """The name of a status, the same for all versions."""
    return status.removeprefix("ZIGBEE_").removeprefix("ERR_")


class Core(Shared):
    """Shared by the parts of one radio."""

    def __init__(self, settings: RadioSettings, endpoints: Sequence[Endpoint] = ()) -> None:
        super().__init__(settings, endpoints)
        self.link: Link | None = None
        self.reason = "not open"
        self._waiters: list[tuple[frozenset[str], frozenset[str], asyncio.Future[str]]] = []
        self._tasks: set[asyncio.Task[None]] = set()

    # --- the line

    @property
    def up(self) -> Link:
        """The line. Raises LinkLost, RadioClosed."""
        if self.closed:
            raise RadioClosed("the radio is closed")
        if self.link is None or not self.link.up:
            raise LinkLost(self.reason)
        return self.link

    async def command(self, name: str, *arguments: Any) -> Values:
        """See `Link.command`."""
        return await self.up.command(name, *arguments)

    async def demand(self, name: str, *arguments: Any) -> Values:
        """See `Link.demand`."""
        return await self.up.demand(name, *arguments)

    async def only(self, name: str, *arguments: Any) -> Any:
        """The one value of an answer."""
        return next(iter((await self.up.command(name, *arguments)).values()))

    @property
    def here(self) -> Network:
        """The network. Raises NoNetwork, LinkLost, RadioClosed."""
        _ = self.up
        return self.in_network()

    @property
    def is_hub(self) -> bool:
        """Whether the node is the coordinator of its network."""
        return self.network is not None and self.network.node_type is NodeType.COORDINATOR

    # --- statuses of the stack

    @contextlib.contextmanager
    def expecting(self, *names: str, but: frozenset[str] = frozenset()) -> Iterator[asyncio.Future[str]]:
        """The next status of these names, or the next that is not in `but`."""
        future: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        waiter = (frozenset(names), but, future)
        self._waiters.append(waiter)
        try:
            yield future
        finally:
            self._waiters.remove(waiter)
            if future.done() and not future.cancelled():
                future.exception()  # seen
            future.cancel()

    async def within(self, future: asyncio.Future[str], what: str) -> str:
        """Wait for an expected status. Raises NetworkTimeout, LinkLost."""
        try:
            async with asyncio.timeout(self.settings.network_timeout):
                return await future
        except TimeoutError:
            raise NetworkTimeout(f"{what} did not end in time") from None

    def status(self, name: str) -> bool:
        """A status came; whether somebody waited for it."""
        expected = False
        for names, but, future in self._waiters:
            if not future.done() and (name in names if names else name not in but):
                future.set_result(name)
                expected = True
        return expected

    def lost(self, reason: str) -> None:
        """The line is lost: whoever waits hears it."""
        self.reason = reason
        self.network = None
        for *_, future in self._waiters:
            if not future.done():
                future.set_exception(LinkLost(reason))
