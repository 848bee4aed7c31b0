"""A home whose nodes have radios, and may be asked over the air: attributes, commands, keys, firmware.

Source: chts-hub 5, 16; se-security 9.3 (reference).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, cast

from chts.hub import HubEffect
from gbcs.errors import LocalError
from gbcs.ids import EntityId
from gbcs.zcl.clusters import command_by_name
from smets.behaviours.firmware import FirmwareChanged
from smets.behaviours.load_control import CancelLoadControlEvent, LoadControlEvent
from smets.device import POWER_LOST, Device
from smets.esme.han_alerts import displays, published
from smets.esme.han_settings import PublishSettings
from smets.esme.han_switches import ordered
from smets.events import Effect, Event
from smets.han.attribute_client import Readings
from smets.han.cluster_commands import Told
from smets.han.cluster_server import ClusterServer
from smets.han.command_client import Answers
from smets.han.endpoints import endpoints_of
from smets.han.link import Address, Frame
from smets.han.link_keys import LinkKeys
from smets.han.zcl import ApsMessage
from smets.local_alerts import HanAlert
from smets.store import Store

from .home import Home
from .home_images import HomeImages
from .ota_driver import Outcome
from .radio.interface import Received
from .radio_node import RadioNode
from .scenario import Scenario

JOIN_RULE = "chts-hub 5.2"
TOLD_RULE = "han-clusters"


@dataclass(frozen=True, slots=True)
class Seat:
    """What a node keeps while its radio has no power."""

    name: str
    address: Address
    device: str  # a row of `smets.han.endpoints`
    random: Callable[[int], bytes]
    link_keys: LinkKeys = field(default_factory=LinkKeys)


class NodesHome(Home):
    """A home with nodes at work; who makes them, and what they carry, is a subclass's affair.

    `show_key` hears of each key that protects frames, for a capture to be read with.
    """

    def __init__(
        self,
        scenario: Scenario,
        store: Callable[[str], Store] | None = None,
        show_key: Callable[[bytes, str], None] | None = None,
    ) -> None:
        self._show_key = show_key or (lambda key, name: None)
        self._runner = asyncio.Runner()
        self._seats: dict[str, Seat] = {}
        self._nodes: dict[str, RadioNode] = {}  # without those that have no power
        self._told_to: set[tuple[str, EntityId]] = set()  # who is to make a key with whom
        self.images = HomeImages(scenario.hub.gpf, lambda: self.now, self._note_network, tell=self._told)
        super().__init__(scenario, store)

    def _run(self, work: Any) -> Any:
        return self._runner.run(work)

    def _note_network(self, name: str, text: str, verdict: str = "", to: str = "") -> None:
        self.transcript.add(self.now, name, to or name, "zdo", b"", "", text, verdict, JOIN_RULE)

    def _station(self, name: str) -> EntityId:
        """The EUI-64 of the hub's radio or of a device."""
        if name == self.scenario.hub.name:
            return self.hub.address.station
        return next(entry.entity for entry in self.scenario.devices if entry.name == name)

    # -- clusters ---------------------------------------------------------------------

    def _serve(self, device: Device, server: ClusterServer, arrived: Received) -> tuple[ApsMessage, ...]:
        """The answers of a node's clusters; a device without power gives none."""
        if device.observe(self.now).get(POWER_LOST) is not None:
            return ()
        return server.receive(arrived.message, self.now, arrived.broadcast, arrived.eui64)

    def distribute(self, name: str, octets: bytes) -> Outcome:
        """Send a device its firmware: see `HomeImages.distribute`."""
        hub = self.scenario.hub.name
        if hub not in self._nodes:
            raise LocalError(f"{hub} has no power")
        return cast(Outcome, self._run(self.images.distribute(self._nodes[hub], name, octets)))

    def _effect(self, name: str, effect: HubEffect | Effect) -> None:
        if isinstance(effect, FirmwareChanged):
            self._note_network(name, f"firmware {effect.version.hex().upper()} runs")
            self._later(0, lambda: self._run(self.images.activated(name)))
        elif isinstance(effect, HanAlert):
            work = self.stations[name].device.observe(self.now)
            self._later(0, partial(self._publish, name, displays(work), published(effect, PublishSettings())))
        elif isinstance(effect, LoadControlEvent | CancelLoadControlEvent):
            told = ordered(effect, PublishSettings())
            self._later(0, partial(self._publish, name, (effect.station,), told))
        else:
            super()._effect(name, effect)

    def _publish(self, name: str, stations: Iterable[EntityId], told: Told) -> None:
        """Let a device tell others something of its own accord, one after the other."""
        own = endpoints_of(self._seats[name].device)
        for station in stations:
            if name not in self._nodes:
                return
            octets, verdict, text = b"", "", ""
            try:
                octets = self._run(self._nodes[name].publish(station, told, own))
            except (LocalError, TimeoutError) as error:
                verdict, text = "lost", str(error) or "no answer"
            to = self._addresses.get(station, str(station))
            self.transcript.add(self.now, name, to, "zcl", octets, told.command, text, verdict, TOLD_RULE)

    def _told(self, name: str, event: Event) -> None:
        """What a node's images are happens to its device, in the home's time."""
        self._later(0, partial(self._station_event, name, event))

    def _acts(self, name: str, event: Event) -> tuple[Effect, ...]:
        """What a node's clusters were asked for happens to its device before they answer."""
        found = self.stations[name].handle(event, self.now)
        for effect in found:
            self._effect(name, effect)
        self._later(0, lambda: None)  # what it sends is carried with what is due next
        return tuple(effect for effect in found if not isinstance(effect, Frame))

    def read(
        self, reader: str, name: str, cluster: int, names: Iterable[str], encrypted: bool | None = None
    ) -> Readings:
        """Let one node read attributes of another over the air. `encrypted` None: as the cluster needs.

        Raises LocalError for one without the cluster, RadioError, BuildError, TimeoutError.
        """
        return cast(Readings, self._run(self._read(reader, name, cluster, tuple(names), encrypted)))

    async def _read(
        self, reader: str, name: str, cluster: int, names: tuple[str, ...], encrypted: bool | None
    ) -> Readings:
        peer, own = await self._peer(reader, name, cluster)
        return await self._nodes[reader].read(peer, cluster, names, own, encrypted)

    def request(
        self,
        asker: str,
        name: str,
        command: str,
        values: Mapping[str, Any] | bytes = b"",
        encrypted: bool | None = None,
        wanted: int = 1,
    ) -> Answers:
        """Let one node ask another by a command of its clusters: see `RadioNode.request`.

        Raises LocalError for one without the cluster, RadioError, BuildError, TimeoutError.
        """
        return cast(Answers, self._run(self._request(asker, name, command, values, encrypted, wanted)))

    async def _request(
        self,
        asker: str,
        name: str,
        command: str,
        values: Mapping[str, Any] | bytes,
        encrypted: bool | None,
        wanted: int,
    ) -> Answers:
        cluster = command_by_name(command).cluster
        if cluster is None:
            raise LocalError(f"{command} is of no cluster")
        peer, own = await self._peer(asker, name, cluster)
        return await self._nodes[asker].request(peer, command, values, own, encrypted, wanted)

    async def _peer(self, asker: str, name: str, cluster: int) -> tuple[Address, int]:
        """The endpoint with the server of a cluster, and the one that asks it."""
        if asker not in self._nodes:
            raise LocalError(f"{asker} has no power")
        own = endpoints_of(self._seats[asker].device)
        return await self._nodes[asker].peer(self._station(name), cluster, own)

    # -- keys -------------------------------------------------------------------------

    def link_keys(self, name: str) -> LinkKeys:
        """The link keys of a node."""
        return self._seats[name].link_keys

    def partner(self, name: str, other: str) -> None:
        """Let a device get a partner link key with another one, whatever their device logs say.

        Raises RadioError, LocalError.
        """
        for one in (name, other):
            if one not in self._nodes:
                raise LocalError(f"{one} has no power")
        other_station = self._seats[other].address.station
        self._told_to.add((other, self._seats[name].address.station))
        self._run(self._nodes[name].partners.want(other_station))
        key = self._seats[name].link_keys.get(other_station)
        if key is not None:
            self._show_key(key.key, f"{name} and {other} link key")
