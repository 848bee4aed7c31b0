"""A running home whose frames between hub and devices cross a ZigBee network.

Joining, key establishment and carrying happen on radios, in their own time; the home's clock
stands still meanwhile, so that messages have the same octets as on the `memory:` link.
Source: GBCS 10.2.2, se-security 1, 2, 7 (reference: chts-hub 5 and 7).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Protocol, TypeVar, cast

from chts.han_values import hub_values
from gbcs.ids import EntityId
from smets.device import POWER_LOST, Device
from smets.esme.han_values import esme_values
from smets.han.attribute_client import Readings
from smets.han.cluster_server import ClusterServer
from smets.han.credential import CbkeCredential
from smets.han.endpoints import endpoints_of
from smets.han.install_code import InstallCode
from smets.han.link import Address, Frame, LinkDown, TransferData
from smets.han.link_keys import LinkKeys
from smets.han.zcl import ApsMessage
from smets.store import Store

from .home import JOIN_SECONDS, Home, describe
from .provisioning import cbke_authority
from .radio.interface import DeviceRadio, NetworkSettings, NodeType, RadioError, Received
from .radio_node import NoKey, RadioNode
from .scenario import DeviceEntry, Scenario

T = TypeVar("T")

CARRY_US = 20_000  # ours: what a transfer on the air takes by the home's clock
ARRIVAL_SECONDS = 5.0  # from the acknowledgement to the host of the receiver
JOINS = 10  # ours: attempts of a device before it waits
KEY_SECONDS = 60.0  # key establishment of a device, with all attempts
RETRY_SECONDS = 10  # until a device tries to join again, by the home's clock
LEAVE_SECONDS = 5.0  # ours: until a device that was told to leave has left
HOME_ISSUER = b"SMETSHME"  # ours: of the home's own test CA, where the hub has a credential of another
JOIN_RULE = "chts-hub 5.2"
KEY_RULE = "se-security 7"
CARRY_RULE = "chts-hub 7.1"


class Radios(Protocol):
    """Where the nodes of a home get their radios."""

    async def open(self, name: str, station: EntityId, device: str, link_keys: LinkKeys) -> DeviceRadio:
        """The radio of a node; `device` is a row of `smets.han.endpoints`. Raises RadioError."""
        ...

    async def close(self) -> None:
        """Give everything back that `open` did not hand on."""
        ...


@dataclass(slots=True)
class Carried:
    """A frame on its way."""

    name: str
    to: str
    frame: Frame
    payload: bytes
    arrived: Frame | None = None
    came: asyncio.Event = field(default_factory=asyncio.Event)


class RadioHome(Home):
    """A home on radios. Use it as a context, or `close` it. Raises RadioError where there is none.

    `show_key` hears of each key that protects frames, for a capture to be read with.
    """

    def __init__(
        self,
        scenario: Scenario,
        radios: Radios,
        store: Callable[[str], Store] | None = None,
        show_key: Callable[[bytes, str], None] = lambda key, name: None,
    ) -> None:
        self._show_key = show_key
        self._runner = asyncio.Runner()
        self._radios = radios
        self._nodes: dict[str, RadioNode] = {}
        self._types: dict[str, str] = {}
        self._in_network: set[str] = set()
        self._trouble: dict[str, str] = {}
        self._carried: list[Carried] = []
        self._strays: list[tuple[str, Frame]] = []
        super().__init__(scenario, store)
        issuer = None if scenario.hub.cbke is None else HOME_ISSUER
        self._ca = cbke_authority(scenario, issuer)
        try:
            self._run(self._open())
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Stop all nodes and give their radios back."""
        self._run(self._close())
        self._runner.close()

    def _run(self, work: Any) -> Any:
        return self._runner.run(work)

    # -- radios -----------------------------------------------------------------------

    async def _open(self) -> None:
        entry = self.scenario.hub
        await self._add(entry.name, self.hub.address, "hub")
        for device in self.scenario.devices:
            if device.name in self.stations:
                await self._add(device.name, self.stations[device.name].address, device.type.value)
        hub = self._nodes[entry.name].radio
        random = self._chance("network")
        settings = NetworkSettings.seeded(random, extended_pan_id=entry.gpf)
        if settings.network_key is not None:
            self._show_key(settings.network_key, "network")
        network = await hub.form(settings)
        text = f"network formed on channel {network.channel}, PAN id {network.pan_id:04X}"
        self.transcript.add(self.now, entry.name, entry.name, "zdo", text=text, rule=JOIN_RULE)

    async def _add(self, name: str, address: Address, device: str) -> None:
        keys = LinkKeys()
        radio = await self._radios.open(name, address.station, device, keys)
        is_hub = name == self.scenario.hub.name
        node = RadioNode(
            radio,
            address,
            self._credentials(address.station),
            self._chance(f"cbke {name}"),
            trust_centre=self.hub.address.station,
            admits=self._admits,
            serves_tunnel=not is_hub,
            epoch=self.now,
            deliver=partial(self._delivered, name),
            link_keys=keys,
            note=partial(self._note_key, name),
            established=partial(self._key_established, name),
        )
        chf_or_meter = self.hub.chf if is_hub else self.stations[name].device
        values = (hub_values if is_hub else esme_values)(chf_or_meter, lambda: node.suites)
        node.serve = partial(self._serve, chf_or_meter, ClusterServer(endpoints_of(device), values))
        self._nodes[name] = node
        self._types[name] = device
        node.start()

    def _chance(self, label: str) -> Callable[[int], bytes]:
        """Where a node's random octets come from."""
        return _stream(self._random, label)

    def _credentials(self, station: EntityId) -> tuple[CbkeCredential, ...]:
        """What a node establishes keys with: the hub with what the scenario gives it, all of the test CA."""
        hub, own = self.scenario.hub, self._ca.issue(station)
        if station != hub.gpf or hub.cbke is None:
            return (own,)
        return (hub.cbke, own) if self.stations else (hub.cbke,)

    def _key_established(self, name: str, station: EntityId) -> None:
        """A node has a new link key with a station."""

    async def _close(self) -> None:
        for node in self._nodes.values():
            await node.stop()
            await node.radio.close()
        self._nodes.clear()
        await self._radios.close()

    def _admits(self, station: EntityId) -> bool:
        return self.hub.knows(station, self.now)

    def _note_key(self, name: str, station: EntityId | None, text: str, verdict: str) -> None:
        to = name if station is None else self.name_of(station)
        self.transcript.add(self.now, name, to, "cbke", b"", "", text, verdict, KEY_RULE)

    # -- clusters ---------------------------------------------------------------------

    def _serve(self, device: Device, server: ClusterServer, arrived: Received) -> tuple[ApsMessage, ...]:
        """The answers of a node's clusters; a device without power gives none."""
        if device.observe(self.now).get(POWER_LOST) is not None:
            return ()
        return server.receive(arrived.message, self.now, arrived.broadcast)

    def read(
        self, reader: str, name: str, cluster: int, names: Iterable[str], encrypted: bool | None = None
    ) -> Readings:
        """Let one node read attributes of another over the air. `encrypted` None: as the cluster needs.

        Raises LocalError for one without the cluster, RadioError, BuildError, TimeoutError.
        """
        station, own = self._nodes[name].address.station, endpoints_of(self._types[reader])
        return cast(Readings, self._run(self._nodes[reader].ask(station, cluster, names, own, encrypted)))

    # -- joining ----------------------------------------------------------------------

    def _come(self, name: str) -> None:
        self._later(0, partial(self._join, name))

    def _join(self, name: str) -> None:
        """Join the network and establish a key; what fails is tried again while the log says so."""
        if name not in self._up:
            return
        if name not in self._in_network:
            try:
                self._run(self._admit(name))
            except (RadioError, NoKey, TimeoutError) as error:
                why = str(error) or "key establishment did not end in time"
                self._not_joined(name, why)
                self._later(RETRY_SECONDS * 1_000_000, partial(self._join, name))
                return
            self._joined(name)
        self._link_up(name)

    def _joined(self, name: str) -> None:
        self._in_network.add(name)
        self._trouble.pop(name, None)
        self.transcript.add(self.now, name, self.scenario.hub.name, "zdo", text="joined", rule=JOIN_RULE)

    def _not_joined(self, name: str, why: str) -> None:
        self._trouble[name] = text = f"joining: {why}"
        hub = self.scenario.hub.name
        self.transcript.add(self.now, name, hub, "zdo", b"", "", text, "failed", JOIN_RULE)

    def trouble(self, name: str) -> str:
        """Why a device did not join; empty once it has."""
        return self._trouble.get(name, "")

    def bring_up(self, entry: DeviceEntry) -> None:
        """As on the memory link, and wait for the device to join. Raises LocalError."""
        super().bring_up(entry)
        self._await(entry)

    def _await(self, entry: DeviceEntry) -> None:
        """Wait for a device to join, as long as it may."""
        until = self.now.plus(JOIN_SECONDS)
        while entry.name not in self._in_network and self.now < until and entry.name in self._up:
            self.advance(RETRY_SECONDS, lambda: entry.name in self._in_network)

    async def _admit(self, name: str) -> None:
        for left in reversed(range(JOINS)):
            try:
                return await self._try_to_join(name)
            except (RadioError, NoKey, TimeoutError):
                if not left:
                    raise

    async def _try_to_join(self, name: str) -> None:
        entry = next(d for d in self.scenario.devices if d.name == name)
        hub, device = self._nodes[self.scenario.hub.name], self._nodes[name]
        key = InstallCode(entry.install_code).link_key
        self._show_key(key, f"{name} install code")
        hub.preconfigure(entry.entity, key)
        device.preconfigure(hub.address.station, key)
        if device.radio.network is None:
            await hub.radio.permit(entry.entity, key, JOIN_SECONDS)
            await device.radio.join(key, NodeType.ROUTER, extended_pan_id=self.scenario.hub.gpf)
        there = hub.expect_key(entry.entity)
        async with asyncio.timeout(KEY_SECONDS):
            await device.establish(hub.address)
            await there
        established = device.link_keys.get(hub.address.station)
        if established is not None:
            self._show_key(established.key, f"{name} link key")

    def _go(self, name: str) -> None:
        self._later(0, partial(self._leave, name))

    def _leave(self, name: str) -> None:
        if name in self._in_network:
            self._in_network.discard(name)
            station = self.stations[name].address.station
            hub = self._nodes[self.scenario.hub.name]
            hub.link_keys.forget(station)
            try:
                self._run(self._send_away(name, station))
            except RadioError as error:
                text = f"removing it: {error}"
                self.transcript.add(
                    self.now, self.scenario.hub.name, name, "zdo", b"", "", text, "failed", JOIN_RULE
                )
        self._station_event(name, LinkDown(self.hub.address))

    async def _send_away(self, name: str, station: EntityId) -> None:
        """Tell a device to leave, and wait until it has: it may be added again at once."""
        await self._nodes[self.scenario.hub.name].radio.remove(station)
        radio = self._nodes[name].radio
        try:
            async with asyncio.timeout(LEAVE_SECONDS):
                while radio.network is not None:
                    await radio.events.get()  # nobody else reads them; old ones may be among them
        except TimeoutError:
            raise RadioError("it was told to leave, and is still there") from None

    # -- carrying ---------------------------------------------------------------------

    def _carry(self, name: str, frame: Frame) -> None:
        station = frame.destination.station
        to_hub = station == self.hub.address.station
        to = self.scenario.hub.name if to_hub else self._addresses.get(station)
        if to is None:
            self.transcript.add(self.now, name, str(station), "tunnel", text="nobody is there")
            return
        self._carried.append(Carried(name, to, frame, self._nodes[name].octets_of(frame)))

    def _settle(self) -> None:
        """Let the radios carry what was sent meanwhile, and hand it on in the order it was sent."""
        while self._carried or self._strays:
            carried, strays = tuple(self._carried), tuple(self._strays)
            if carried:
                failures = self._run(self._deliver_all(carried))
                for one, failure in zip(carried, failures, strict=True):
                    self._arrive(one, failure)
            del self._carried[: len(carried)]
            del self._strays[: len(strays)]
            for to, frame in strays:
                self._hand_on(to, frame)

    async def _deliver_all(self, carried: tuple[Carried, ...]) -> list[str]:
        return await asyncio.gather(*(self._deliver(one) for one in carried))

    async def _deliver(self, one: Carried) -> str:
        """Send one frame; why it did not arrive, empty if it did."""
        failure = ""
        try:
            await self._nodes[one.name].send_repeatedly(one.frame, one.payload)
        except RadioError as error:
            failure = str(error)
        try:
            async with asyncio.timeout(0 if failure else ARRIVAL_SECONDS):
                await one.came.wait()
        except TimeoutError:
            return failure or "acknowledged, but it did not arrive"
        return ""

    def _delivered(self, to: str, frame: Frame, payload: bytes) -> None:
        for one in self._carried:
            ends = (one.to, one.frame.source.station) == (to, frame.source.station)
            if ends and one.arrived is None and one.payload == payload:
                one.arrived = frame
                one.came.set()
                return
        self._strays.append((to, frame))

    def _arrive(self, one: Carried, failure: str) -> None:
        command = one.frame.command
        octets = command.data if isinstance(command, TransferData) else b""
        text = describe(octets) if octets else ""
        if failure:
            text = f"{text}\n{failure}".lstrip()
        verdict = "" if one.arrived is not None else "lost"
        self.transcript.add(
            self.now, one.name, one.to, "tunnel", octets, type(command).__name__, text, verdict, CARRY_RULE
        )
        if one.arrived is None:
            self.lost += 1
        else:
            self._hand_on(one.to, one.arrived)

    def _hand_on(self, to: str, frame: Frame) -> None:
        hub = to == self.scenario.hub.name
        self._later(CARRY_US, partial(self._hub_event if hub else partial(self._station_event, to), frame))


def _stream(random: Callable[[str], Callable[[int], bytes]], label: str) -> Callable[[int], bytes]:
    """Octets from the seed that never come twice."""
    count = 0

    def octets(wanted: int) -> bytes:
        nonlocal count
        made = b""
        while len(made) < wanted:
            count += 1
            made += random(f"{label} {count}")(32)
        return made[:wanted]

    return octets
