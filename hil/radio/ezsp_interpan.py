"""Inter-PAN messages and sniffing through a dongle. Source: radio-stack 7.6, 7.7."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import AsyncIterator
from typing import Any, Final

from gbcs.errors import ParseError

from .ezsp_core import Core
from .ezsp_link import Values
from .interface import CHANNELS, InterPanMessage, RadioError, Refused, Sniffed
from .interpan_frames import inter_pan_octets, parse_inter_pan
from .streams import Stream

PASSTHROUGH_FLAGS = 0x01  # EzspValueId
SE_INTERPAN = 0x01  # EmberMacPassthroughType
PRIORITY: Final = 0
CHECK_SEQUENCE = 2
SNIFFED = 4096  # frames that wait to be read


class InterPan:
    """What goes past the network."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self._sequence = itertools.count()
        self._frames: Stream[Sniffed] | None = None
        self._channel = 0

    async def listen(self) -> None:
        """Let inter-PAN frames come up."""
        import bellows.types as t

        flags = t.EmberMacPassthroughType(SE_INTERPAN)
        await self._core.demand("setValue", t.EzspValueId(PASSTHROUGH_FLAGS), flags.serialize())

    async def send(self, message: InterPanMessage) -> None:
        """Send a message outside the network. The MAC layer repeats it, nobody else."""
        octets = inter_pan_octets(message, next(self._sequence) % 0x100)
        await self._core.demand("sendRawMessageExtended", octets, PRIORITY, True)

    def heard(self, values: Values) -> None:
        """macPassthroughMessageHandler."""
        if not int(values["messageType"]) & SE_INTERPAN:
            return
        info: Any = values.get("packetInfo")
        lqi = values["lqi"] if info is None else info.last_hop_lqi
        rssi = values["rssi"] if info is None else info.last_hop_rssi
        with contextlib.suppress(ParseError):
            self._core.inter_pan.put(parse_inter_pan(bytes(values["message"]), int(lqi), int(rssi)))

    async def sniff(self, channel: int) -> AsyncIterator[Sniffed]:
        """Frames of a channel while it is iterated."""
        if channel not in CHANNELS:
            raise Refused(f"no channel {channel}")
        if self._frames is not None:
            raise Refused("the radio sniffs already")
        self._frames = frames = Stream[Sniffed](SNIFFED)
        self._channel = channel
        try:
            await self._core.demand("mfglibStart", True)
            try:
                await self._core.demand("mfglibSetChannel", channel)
                async for frame in frames:
                    yield frame
                _ = self._core.up  # the stream ended because the line is lost
            finally:
                with contextlib.suppress(RadioError):
                    await self._core.command("mfglibEnd")
        finally:
            self._frames = None

    def sniffed(self, values: Values) -> None:
        """mfglibRxHandler: the MPDU with its check sequence, or what stands in its place."""
        octets = bytes(values["message"])
        if self._frames is not None and len(octets) > CHECK_SEQUENCE:
            frame = Sniffed(self._channel, octets[:-CHECK_SEQUENCE], int(values["lqi"]), int(values["rssi"]))
            self._frames.put(frame)

    def lost(self) -> None:
        """The line is lost."""
        if self._frames is not None:
            self._frames.end()
