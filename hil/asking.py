"""What a node asks of others on its radio: attributes and commands of clusters, and their answers."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from typing import Any

from gbcs.ids import EntityId
from smets.han.attribute_client import AttributeClient, Readings, numbers
from smets.han.command_client import Answers, CommandClient
from smets.han.link import Address
from smets.han.zcl import ApsMessage

from .radio.interface import DeviceRadio, Received

ANSWER_SECONDS = 5.0  # for an answer, all parts of it together (chts-hub 5.4)


class Asking:
    """The requests of a node. Each raises RadioError, BuildError, TimeoutError."""

    def __init__(self, radio: DeviceRadio) -> None:
        self._radio = radio
        sequence = numbers()
        self._attributes = AttributeClient(sequence)
        self._commands = CommandClient(sequence)
        self._waiting: dict[tuple[EntityId, int, int], asyncio.Future[Any]] = {}

    async def read(
        self, peer: Address, cluster: int, names: Iterable[str], own_endpoint: int, encrypted: bool | None
    ) -> Readings:
        """Attributes of a peer's server by name. `encrypted` None: as the cluster needs."""
        number, message = self._attributes.request(peer, cluster, names, own_endpoint, encrypted)
        try:
            told: Readings = await self._exchange(peer.station, number, message)
            return told
        finally:
            self._attributes.forget(peer.station, cluster, number)

    async def request(
        self,
        peer: Address,
        name: str,
        values: Mapping[str, Any] | bytes,
        own_endpoint: int,
        encrypted: bool | None,
        wanted: int,
    ) -> Answers:
        """A command to a peer's server, and what answers it: see `CommandClient.request`.

        What has come in time is told, though it be less than is wanted.
        """
        number, message = self._commands.request(peer, name, values, own_endpoint, encrypted, wanted)
        try:
            told: Answers = await self._exchange(peer.station, number, message)
            return told
        except TimeoutError:
            some = self._commands.forget(peer.station, message.cluster, number)
            if not some.commands:
                raise
            return some
        finally:
            self._commands.forget(peer.station, message.cluster, number)

    def receive(self, arrived: Received) -> bool:
        """Whether a message that arrived answers a request."""
        station, message = arrived.eui64, arrived.message
        found: tuple[int, Readings | Answers | None] | None
        found = self._attributes.receive(station, message) or self._commands.receive(station, message)
        if found is None:
            return False
        number, told = found
        waiting = self._waiting.get((station, message.cluster, number))
        if told is not None and waiting is not None and not waiting.done():
            waiting.set_result(told)
        return True

    async def _exchange(self, station: EntityId, number: int, message: ApsMessage) -> Any:
        key = station, message.cluster, number
        answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._waiting[key] = answer
        try:
            await self._radio.send(station, message)
            async with asyncio.timeout(ANSWER_SECONDS):
                return await answer
        finally:
            self._waiting.pop(key, None)
