"""A stick that listens to one channel, for a capture of what sticks say to each other."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from smets.han.link_keys import LinkKeys

from .capture import Capture
from .monikers import STICKS, Moniker, MonikerError
from .radio.interface import DeviceRadio, LinkLost, RadioError
from .radio.settings import RadioSettings
from .radios import Tap, open_stick
from .virtual.mac_frames import with_fcs

MICROSECONDS = 1_000_000


def sniff(moniker: Moniker, channel: int, path: Path, seconds: float | None, opened: list[Capture]) -> None:
    """Listen until the time is up, or for ever. The file is opened once the stick is, and put into `opened`.

    It is whole whenever this ends. Raises RadioError, OSError.
    """
    asyncio.run(_sniff(moniker, channel, path, seconds, opened))


async def _sniff(
    moniker: Moniker, channel: int, path: Path, seconds: float | None, opened: list[Capture]
) -> None:
    lost: list[str] = []

    def write(channel: int, at: int, frame: bytes) -> None:
        opened[0].add(channel, at, frame)

    sniffer = Sniffer(moniker, write, lost.append)
    try:
        await sniffer.start(channel)
        opened.append(Capture(path, int(time.time() * MICROSECONDS)))
        async with asyncio.timeout(seconds):
            await sniffer.ended()
    except TimeoutError:
        return
    finally:
        await sniffer.stop()
        for written in opened:
            written.close()
    raise RadioError(f"the stick listens no more: {lost[0] if lost else 'it ended'}")


class Sniffer:
    """Tells `tap` each frame a stick hears. `start` and `stop` it in one running loop.

    `on_lost` hears why it stopped listening by itself. Raises MonikerError for what is no stick.
    """

    def __init__(
        self, moniker: Moniker, tap: Tap, on_lost: Callable[[str], None] = lambda reason: None
    ) -> None:
        if moniker.scheme not in STICKS:
            known = " and ".join(f"{scheme}:" for scheme in STICKS)
            raise MonikerError(f"{moniker.scheme}: is no stick that could listen, {known} are")
        self._moniker = moniker
        self._tap = tap
        self._on_lost = on_lost
        self._radio: DeviceRadio | None = None
        self._task: asyncio.Task[None] | None = None

    async def start(self, channel: int) -> None:
        """Open the stick and listen to a channel from now on. Raises RadioError."""
        self._radio = radio = await open_stick(self._moniker, RadioSettings(), "hub", LinkKeys())
        self._task = asyncio.get_running_loop().create_task(self._listen(radio, channel))

    async def stop(self) -> None:
        """Listen no more."""
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task
        if self._radio is not None:
            await self._radio.close()

    async def ended(self) -> None:
        """Wait until it stopped listening by itself."""
        if self._task is not None:
            await asyncio.wait((self._task,))

    async def _listen(self, radio: DeviceRadio, channel: int) -> None:
        loop = asyncio.get_running_loop()
        try:
            while True:
                with suppress(LinkLost):
                    async for heard in radio.sniff(channel):
                        self._tap(channel, round(loop.time() * MICROSECONDS), with_fcs(heard.mpdu))
                await radio.wait_up()
        except RadioError as error:
            self._on_lost(str(error))
