"""zigpy's packets and errors as ours, and the end of whatever waits on a line that is lost."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar

import zigpy.exceptions
import zigpy.types

from gbcs.ids import EntityId
from smets.han.zcl import ApsMessage

from .ezsp_link import LINK_ERRORS
from .interface import LinkLost, NetworkTimeout, NoNetwork, NotDelivered, RadioError, Received, Refused

T = TypeVar("T")

ERRORS: Final = LINK_ERRORS  # NetworkNotFormed among them


def received_of(packet: Any, station: EntityId) -> Received:
    """What a packet carries."""
    message = ApsMessage(
        int(packet.cluster_id),
        int(packet.src_ep or 0),
        int(packet.dst_ep or 0),
        packet.data.serialize(),
        encrypted=zigpy.types.TransmitOptions.APS_Encryption in packet.tx_options,
        profile=int(packet.profile_id),
    )
    broadcast = packet.dst.addr_mode != zigpy.types.AddrMode.NWK
    return Received(station, message, int(packet.lqi or 0), int(packet.rssi or 0), broadcast)


def _error_of(error: BaseException) -> RadioError:
    if isinstance(error, zigpy.exceptions.NetworkNotFormed):
        return NoNetwork("the radio is in no network", str(error))
    if isinstance(error, zigpy.exceptions.DeliveryError):
        return NotDelivered(str(error), str(getattr(error.status, "name", "") or ""))
    if isinstance(error, TimeoutError):
        return NetworkTimeout("no answer in time")
    return Refused(str(error) or type(error).__name__)


@dataclass(slots=True)
class Line:
    """The line of one application: why it is lost, and what waits on it."""

    reason: str | None = None
    scopes: set[asyncio.Timeout] = field(default_factory=set)

    async def guarded(self, work: Awaitable[T], limit: float) -> T:
        """Await zigpy's work in our errors; it ends when the line is lost. Raises RadioError."""
        try:
            async with asyncio.timeout(limit) as scope:
                self.scopes.add(scope)
                try:
                    return await work
                finally:
                    self.scopes.discard(scope)
        except RuntimeError as error:  # of bellows, for a frame under way on a line that was closed
            if self.reason is None:
                raise
            raise LinkLost(self.reason) from error
        except ERRORS as error:
            if self.reason is not None:
                raise LinkLost(self.reason) from None
            raise _error_of(error) from None

    def lose(self, reason: str) -> None:
        """End whatever waits."""
        self.reason = reason
        now = asyncio.get_running_loop().time()
        for scope in self.scopes:
            with contextlib.suppress(RuntimeError):  # it is just ending
                scope.reschedule(now)
        self.scopes.clear()
