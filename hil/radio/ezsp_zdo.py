"""Questions to the device object of other nodes, and what it tells unasked."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from gbcs.errors import ParseError
from smets.han.zcl import ApsMessage

from .ezsp_core import Core
from .ezsp_frames import ALL_LISTENING, Arrival, Frames
from .interface import LinkLost, SendTimeout
from .zdo_frames import ENDPOINT, PROFILE, RESPONSE, transaction_of

Build = Callable[[int], bytes]


def zdo_message(cluster: int, payload: bytes) -> ApsMessage:
    """A message between device objects; only the network key protects it."""
    return ApsMessage(cluster, ENDPOINT, ENDPOINT, payload, encrypted=False, profile=PROFILE)


class Zdo:
    """Requests with their responses. `unasked` takes everything else of profile 0000."""

    def __init__(self, core: Core, frames: Frames, unasked: Callable[[Arrival], None]) -> None:
        self._core = core
        self._frames = frames
        self._unasked = unasked
        self._number = 0
        self._waiting: dict[tuple[int, int], asyncio.Future[bytes]] = {}

    def lost(self, reason: str) -> None:
        """The line is lost."""
        for future in self._waiting.values():
            if not future.done():
                future.set_exception(LinkLost(reason))
                future.exception()

    def heard(self, arrival: Arrival) -> None:
        """A message of profile 0000."""
        payload = arrival.message.payload
        try:
            number = transaction_of(payload)
        except ParseError:
            return
        waiting = self._waiting.get((arrival.message.cluster, number))
        if waiting is None:
            self._unasked(arrival)
        elif not waiting.done():
            waiting.set_result(payload)

    async def request(self, nwk: int, cluster: int, build: Build) -> bytes:
        """The response of a node. Raises SendError, also for none in time."""

        async def send(number: int) -> None:
            await self._frames.send(nwk, zdo_message(cluster, build(number)))

        return await self._exchange(cluster, send)

    async def ask_all(self, cluster: int, build: Build) -> bytes:
        """The first response to a broadcast. Raises SendTimeout."""

        async def send(number: int) -> None:
            await self.tell(cluster, build(number))

        return await self._exchange(cluster, send)

    async def tell(self, cluster: int, payload: bytes, address: int = ALL_LISTENING) -> None:
        """A broadcast that nobody answers."""
        await self._frames.broadcast(zdo_message(cluster, payload), address)

    async def respond(self, nwk: int, cluster: int, payload: bytes) -> None:
        """Answer a request."""
        await self._frames.send(nwk, zdo_message(cluster | RESPONSE, payload))

    def next_number(self) -> int:
        """A transaction number."""
        self._number = (self._number + 1) % 0x100
        return self._number

    async def _exchange(self, cluster: int, send: Callable[[int], Awaitable[None]]) -> bytes:
        number = self.next_number()
        at = (cluster | RESPONSE, number)
        future: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        self._waiting[at] = future
        try:
            async with asyncio.timeout(self._core.settings.zdo_timeout):
                await send(number)
                return await future
        except TimeoutError:
            raise SendTimeout(f"no answer to ZDO request {cluster:04X}") from None
        finally:
            if self._waiting.get(at) is future:
                del self._waiting[at]
            future.cancel()
