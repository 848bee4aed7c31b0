"""Doing things once more on the air and on bad lines to dongles."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import TypeVar

from gbcs.ids import EntityId
from smets.han.link import Frame

from .radio.interface import (
    DeviceRadio,
    LinkLost,
    Network,
    NodeType,
    RadioError,
    RadioMissing,
    RadioUnavailable,
    Refused,
)
from .radio_node import RadioNode

T = TypeVar("T")

SENDS = 3  # ours: times a frame is given to the dongle where the peer did not acknowledge it
UNPLUGGED_SECONDS = 60.0  # ours: how long what is asked of a dongle waits for its line to come back
OPENINGS = 10  # ours: attempts to open a radio, or to form a network, on a bad line
OPENING_PAUSE, OPENING_PAUSE_LIMIT = 0.2, 2.0  # ours: seconds before the second; then twice as long each time


async def push(node: RadioNode, frame: Frame, payload: bytes, *peers: DeviceRadio) -> str:
    """Send a frame made by `RadioNode.octets_of`; why it was not acknowledged, empty if it was.

    One that was not may have arrived all the same, and then comes twice. `peers`: radios at the
    other end, as far as they are ours; what they do not acknowledge waits for their lines.
    """
    failure = ""
    for _ in range(SENDS):
        try:
            await patiently(lambda: node.send(frame, payload), node.radio)
        except RadioError as error:
            failure = str(error)
            if not error.retryable:
                break
            await line_back(*peers)
        else:
            return ""
    return failure


async def enter(radio: DeviceRadio, link_key: bytes, extended_pan_id: EntityId | None = None) -> Network:
    """Join, also where a dongle did before its line was lost. Raises RadioError."""
    try:
        return await radio.join(link_key, NodeType.ROUTER, extended_pan_id=extended_pan_id)
    except Refused:
        return await radio.resume()


async def line_back(*radios: DeviceRadio) -> None:
    """Wait for lines that were lost; where one does not come back, whoever needs it is told so then."""
    with suppress(TimeoutError):
        async with asyncio.timeout(UNPLUGGED_SECONDS):
            for radio in radios:
                await radio.wait_up()


async def patiently(work: Callable[[], Awaitable[T]], *radios: DeviceRadio, attempts: int = OPENINGS) -> T:
    """Do something once more where the line to a dongle was lost meanwhile. Raises RadioError."""
    pause = OPENING_PAUSE
    for _ in range(attempts - 1):
        try:
            return await work()
        except RadioMissing:
            raise
        except LinkLost:
            await line_back(*radios)
        except RadioUnavailable:
            await asyncio.sleep(pause)  # a stick that was pulled out
            pause = min(2 * pause, OPENING_PAUSE_LIMIT)
    return await work()
