"""APS frames through a dongle: unicasts until they are acknowledged, broadcasts, fragments both ways.

Source: radio-stack 6.1, 7.4.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from smets.han.zcl import ApsMessage

from .ezsp_core import Core, plain
from .ezsp_link import Values, is_ok, status_name
from .ezsp_values import FRAGMENT, RETRY, ROUTE_DISCOVERY, aps_frame, entity, message_of
from .fragments import Fragment, Reassembler, Source, acknowledgement_group, cut
from .interface import (
    LinkLost,
    NoLinkKey,
    NoNetwork,
    NotDelivered,
    Refused,
    SendError,
    TooLong,
)
from .zdo_frames import number_of

DIRECT = 0  # EmberOutgoingMessageType
UNICASTS: Final = (0, 1)  # EmberIncomingMessageType
BROADCASTS: Final = (2, 4)
ALL_LISTENING = 0xFFFD
TAGS = 255  # before EZSP 14 a tag has one octet
BUSY: Final = frozenset(
    {"BUSY", "NETWORK_BUSY", "ALLOCATION_FAILED", "NO_BUFFERS", "MAX_MESSAGE_LIMIT_REACHED"}
)
NOT_IN_NETWORK: Final = frozenset({"NETWORK_DOWN", "NOT_JOINED", "INVALID_STATE", "INVALID_CALL"})
WITHOUT_KEY: Final = frozenset({"APS_ENCRYPTION_ERROR", "KEY_NOT_AUTHORIZED", "NOT_FOUND"})
BUSY_PAUSE = 0.02
APS_SECURITY_OVERHEAD = 9  # auxiliary header 5, integrity code 4
SMALLEST = 24  # octets of a frame's payload below which something else is wrong
SHRINK = 8  # four relays of a source route


class TooLongForFrame(TooLong):
    """A frame holds less than was thought, as with a source route."""


@dataclass(frozen=True, slots=True)
class Arrival:
    """A message from a node of the network, put together."""

    nwk: int
    eui64: Any
    message: ApsMessage
    options: int
    sequence: int
    lqi: int
    rssi: int
    broadcast: bool


class Frames:
    """Sends and receives APS frames by short address; `arrived` takes what comes."""

    def __init__(self, core: Core, arrived: Callable[[Arrival], None]) -> None:
        self._core = core
        self._arrived = arrived
        self._slots = asyncio.Semaphore(core.settings.in_flight)
        self._sent: dict[int, asyncio.Future[str]] = {}
        self._tag = 0
        self._payload: int | None = None
        self._reassembler = Reassembler(core.settings.fragment_timeout, core.settings.max_message)

    def lost(self, reason: str) -> None:
        """The line is lost: what was not acknowledged yet is not known to have arrived."""
        for future in self._sent.values():
            if not future.done():
                future.set_exception(LinkLost(reason))
                future.exception()  # seen, also where nobody waits any more
        self._sent.clear()
        self._payload = None
        self._reassembler.clear()

    # --- out

    async def send(self, nwk: int, message: ApsMessage) -> None:
        """Send a message, in fragments if it needs them. Returns after the acknowledgement."""
        length = len(message.payload)
        if length > self._core.settings.max_message:
            raise TooLong(f"{length} octets, {self._core.settings.max_message} at most")
        room = await self._room(message.encrypted)
        while True:
            try:
                if length <= room:
                    await self.unicast(nwk, message, message.payload)
                else:
                    await self._fragments(nwk, message, room - self._core.settings.fragment_overhead)
                return
            except TooLongForFrame:
                room -= SHRINK
                if room < SMALLEST:
                    raise

    async def _room(self, encrypted: bool) -> int:
        if self._payload is None:
            self._payload = int(await self._core.only("maximumPayloadLength"))
        return self._payload - (APS_SECURITY_OVERHEAD if encrypted else 0)

    async def _fragments(self, nwk: int, message: ApsMessage, size: int) -> None:
        sequence = 0
        for fragment in cut(message.payload, size):
            sequence = await self._fragment(nwk, message, fragment, sequence)

    async def _fragment(self, nwk: int, message: ApsMessage, fragment: Fragment, sequence: int) -> int:
        """One fragment, again if nobody acknowledged it: a receiver knows its repeats by the sequence."""
        retries = self._core.settings.fragment_retries if fragment.index else 0
        while True:
            try:
                return await self.unicast(nwk, message, fragment.payload, FRAGMENT, fragment.group, sequence)
            except NotDelivered:
                if not retries:
                    raise
                retries -= 1

    async def unicast(
        self,
        nwk: int,
        message: ApsMessage,
        payload: bytes,
        options: int = 0,
        group: int = 0,
        sequence: int = 0,
    ) -> int:
        """One frame and its acknowledgement; the APS sequence it got."""
        frame = aps_frame(message, RETRY | ROUTE_DISCOVERY | options, group, sequence)
        async with self._slots:
            tag, future = self._issue()
            while True:
                answer = await self._core.command("sendUnicast", DIRECT, nwk, frame, tag, payload)
                if is_ok(answer["status"]):
                    break
                status = plain(status_name(answer["status"]))
                if status not in BUSY:
                    self._sent.pop(tag, None)
                    raise _refusal(status)
                await asyncio.sleep(BUSY_PAUSE)
            status = await future
        if status != "OK":
            raise NotDelivered(f"no acknowledgement from {nwk:04X}", status)
        return int(answer["sequence"])

    def _issue(self) -> tuple[int, asyncio.Future[str]]:
        """A tag nobody waits for; if possible not that of somebody who gave up, either."""
        if len(self._sent) >= TAGS:
            for tag in [tag for tag, future in self._sent.items() if future.done()]:
                del self._sent[tag]
        for _ in range(TAGS):
            self._tag = self._tag % TAGS + 1
            if self._tag not in self._sent:
                break
        future: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._sent[self._tag] = future
        return self._tag, future

    def sent(self, values: Values) -> None:
        """messageSentHandler."""
        if int(values["message_type"]) != DIRECT:
            return
        future = self._sent.pop(int(values["message_tag"]), None)
        if future is not None and not future.done():
            status = values["status"]
            future.set_result("OK" if is_ok(status) else plain(status_name(status)))

    async def broadcast(self, message: ApsMessage, address: int = ALL_LISTENING) -> None:
        """To many nodes, unacknowledged."""
        frame = aps_frame(message, 0)
        status, _ = await self._core.up.helper("send_broadcast", address, frame, 0, 0, 0, message.payload)
        if not is_ok(status):
            raise _refusal(plain(status_name(status)))

    # --- in

    def heard(self, values: Values) -> None:
        """incomingMessageHandler."""
        kind, frame = int(values["message_type"]), values["aps_frame"]
        if kind not in UNICASTS and kind not in BROADCASTS:
            return
        nwk, payload = int(values["nwk"]), bytes(values["message"])
        if frame.options & FRAGMENT:
            whole = self._put_together(nwk, frame, payload)
            if whole is None:
                return
            payload = whole
        eui64 = None if "eui64" not in values else entity(values["eui64"])
        self._arrived(
            Arrival(
                nwk,
                eui64 if eui64 is not None and number_of(eui64) else None,
                message_of(frame, payload),
                int(frame.options),
                int(frame.sequence),
                int(values["lqi"]),
                int(values["rssi"]),
                kind in BROADCASTS,
            )
        )

    def _put_together(self, nwk: int, frame: Any, payload: bytes) -> bytes | None:
        message = message_of(frame, b"")
        index = int(frame.groupId) & 0xFF
        taken = self._reassembler.take(
            Source(
                nwk,
                int(frame.sequence),
                message.profile,
                message.cluster,
                message.source_endpoint,
                message.destination_endpoint,
                message.encrypted,
            ),
            index,
            int(frame.groupId) >> 8,
            payload,
            asyncio.get_running_loop().time(),
        )
        if taken.acknowledge:
            self._core.spawn(self._acknowledge(nwk, message, index, int(frame.sequence)))
        return taken.message

    async def _acknowledge(self, nwk: int, message: ApsMessage, index: int, sequence: int) -> None:
        """Endpoints as seen from this node."""
        back = ApsMessage(
            message.cluster,
            message.destination_endpoint,
            message.source_endpoint,
            b"",
            message.encrypted,
            message.profile,
        )
        await self.reply(nwk, back, FRAGMENT, acknowledgement_group(index), sequence)

    async def reply(
        self, nwk: int, message: ApsMessage, options: int = 0, group: int = 0, sequence: int = 0
    ) -> None:
        """sendReply: what belongs to a message that arrived."""
        frame = aps_frame(message, options, group, sequence)
        await self._core.demand("sendReply", nwk, frame, message.payload)


def _refusal(status: str) -> SendError | NoNetwork | Refused:
    if status == "MESSAGE_TOO_LONG":
        return TooLongForFrame("more than a frame holds", status)
    if status in NOT_IN_NETWORK:
        return NoNetwork("the radio is in no network", status)
    if status in WITHOUT_KEY:
        return NoLinkKey("the dongle has no link key for it", status)
    return SendError("the dongle does not send it", status)
