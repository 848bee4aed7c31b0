"""A running home whose frames between hub and devices cross a ZigBee network.

Joining, key establishment and carrying happen on radios, in their own time; the home's clock
stands still meanwhile, so that messages have the same octets as on the `memory:` link.
Source: GBCS 10.2.2, se-security 1, 2, 7 (reference: chts-hub 5 and 7).
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Protocol

from chts.events import LinkKeyMade
from chts.han_values import hub_values
from gbcs.asn1.joins import JoinCode
from gbcs.errors import LocalError
from gbcs.ids import EntityId
from smets.behaviours.joining import KeyAgreed, KeyNotAgreed
from smets.device import POWER_LOST
from smets.esme.han_values import esme_values
from smets.events import Event, PowerLost, PowerRestored
from smets.han.completion import CompletionSettings, CompletionWatch
from smets.han.credential import CbkeCredential
from smets.han.endpoints import KEY_ESTABLISHMENT
from smets.han.install_code import InstallCode
from smets.han.join_keys import CODES
from smets.han.link import Address, Frame, LinkDown, Sent, TransferData
from smets.han.link_keys import LinkKeys
from smets.store import Store

from .home import JOIN_SECONDS, describe
from .nodes_home import JOIN_RULE, NodesHome, Seat
from .pairs import Outcome, no_partner_key, willing
from .patience import SENDS, enter, line_back, patiently, push
from .provisioning import cbke_authority, stream
from .radio.interface import (
    DeviceRadio,
    JoinRefused,
    Lost,
    Network,
    NetworkDown,
    NetworkSettings,
    NetworkUp,
    NoNetwork,
    RadioError,
    Refused,
)
from .radio.interface import Event as RadioEvent
from .radio_node import NoKey, RadioNode
from .scenario import DeviceEntry, Scenario
from .sniffer import Sniffer

CARRY_US = 20_000  # ours: what a transfer on the air takes by the home's clock
ARRIVAL_SECONDS = 5.0  # from the acknowledgement to the host of the receiver
REMEMBERED = 64  # ours: frames of this home that arrived; one of them that comes again is dropped
JOINS = 10  # ours: attempts of a device before it waits
KEY_SECONDS = 60.0  # key establishment of a device, with all attempts
RETRY_SECONDS = 10  # until a device tries to join again, by the home's clock
LEAVE_SECONDS = 5.0  # ours: until a device that was told to leave has left
HOME_ISSUER = b"SMETSHME"  # ours: of the home's own test CA, where the hub has a credential of another
KEY_RULE = "se-security 7"
CARRY_RULE = "chts-hub 7.1"


class Radios(Protocol):
    """Where the nodes of a home get their radios. `attempts`: to open one for the first time."""

    attempts: int

    async def open(self, name: str, station: EntityId, device: str, link_keys: LinkKeys) -> DeviceRadio:
        """The radio of a node; `device` is a row of `smets.han.endpoints`. Raises RadioError.

        One whose power comes back opens it once more.
        """
        ...

    def cut(self, name: str) -> None:
        """The power of a node is gone; its radio is closed already."""
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
    powerless: bool = False
    arrived: Frame | None = None
    came: asyncio.Event = field(default_factory=asyncio.Event)


class RadioHome(NodesHome):
    """A home on radios. Use it as a context, or `close` it. Raises RadioError where there is none."""

    confirmed = True

    def __init__(
        self,
        scenario: Scenario,
        radios: Radios,
        store: Callable[[str], Store] | None = None,
        show_key: Callable[[bytes, str], None] | None = None,
        completion: CompletionSettings | None = None,
        sniffer: Sniffer | None = None,
    ) -> None:
        self._sniffer = sniffer
        self._completion = completion
        self._radios = radios
        self._in_network: set[str] = set()
        self._trouble: dict[str, str] = {}
        self._carried: list[Carried] = []
        self._strays: list[tuple[str, Frame]] = []
        self._lately: deque[tuple[str, Address, bytes]] = deque(maxlen=REMEMBERED)
        super().__init__(scenario, store, show_key)
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

    # -- radios -----------------------------------------------------------------------

    async def _open(self) -> None:
        entry = self.scenario.hub
        await self._take_seat(entry.name, self.hub.address, "hub")
        await asyncio.gather(
            *(
                self._take_seat(device.name, self.stations[device.name].address, device.type.value)
                for device in self.scenario.devices
                if device.name in self.stations
            )
        )
        hub = self._nodes[entry.name].radio
        random = self._chance("network")
        settings = NetworkSettings.seeded(random, extended_pan_id=entry.gpf)
        if settings.network_key is not None:
            self._show_key(settings.network_key, "network")
        network = await patiently(lambda: _formed(hub, settings), hub)
        if self._sniffer is not None:
            await self._sniffer.start(network.channel)
        await patiently(lambda: hub.allow_partner_keys(True), hub)
        text = f"network formed on channel {network.channel}, PAN id {network.pan_id:04X}"
        self.transcript.add(self.now, entry.name, entry.name, "zdo", text=text, rule=JOIN_RULE)

    async def _take_seat(self, name: str, address: Address, device: str) -> None:
        random = self._chance(f"cbke {name}")
        self._seats[name] = Seat(name, address, device, random)
        await patiently(lambda: self._add(self._seats[name]), attempts=self._radios.attempts)

    async def _add(self, seat: Seat) -> None:
        name, address, keys = seat.name, seat.address, seat.link_keys
        radio = await self._radios.open(name, address.station, seat.device, keys)
        is_hub = name == self.scenario.hub.name
        node = RadioNode(
            radio,
            address,
            self._credentials(address.station),
            seat.random,
            trust_centre=self.hub.address.station,
            admits=self._admits if is_hub else lambda station: keys.get(station) is not None,
            serves_tunnel=not is_hub,
            epoch=self.now,
            deliver=partial(self._delivered, name),
            link_keys=keys,
            note=partial(self._note_key, name),
            established=partial(self._key_established, name),
            heard=partial(self._heard, name),
            completion=CompletionWatch(self._completion) if is_hub else None,
            willing=lambda station: not is_hub and self._is_willing(name, station),
        )
        chf_or_meter = self.hub.chf if is_hub else self.stations[name].device
        meter_values = partial(esme_values, tell=partial(self._acts, name))
        values = (hub_values if is_hub else meter_values)(chf_or_meter, lambda: node.suites)
        random = self._chance(f"ota {name}")
        clusters = self.images.clusters(name, seat.device, chf_or_meter, address.station, values, random)
        node.serve = partial(self._serve, chf_or_meter, clusters)
        self.images.start(name, node)
        self._nodes[name] = node
        node.start()

    def _chance(self, label: str) -> Callable[[int], bytes]:
        """Where a node's random octets come from."""
        return stream(self._random, label)

    def _credentials(self, station: EntityId) -> tuple[CbkeCredential, ...]:
        """What a node establishes keys with: the hub with what the scenario gives it, all of the test CA."""
        hub, own = self.scenario.hub, self._ca.issue(station)
        if station != hub.gpf or hub.cbke is None:
            return (own,)
        return (hub.cbke, own) if self.stations else (hub.cbke,)

    def _key_established(self, name: str, station: EntityId) -> None:
        """A node has a new link key with a station."""

    async def _close(self) -> None:
        if self._sniffer is not None:
            await self._sniffer.stop()
        await self.images.close()
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

    def _heard(self, name: str, event: RadioEvent) -> None:
        """What a radio tells by itself. A node that lost its network or its key comes back for them."""
        if isinstance(event, Lost):
            self._note_network(name, f"the line to the dongle is lost: {event.reason}", "lost")
        elif isinstance(event, JoinRefused):
            self._note_network(name, f"{self.name_of(event.eui64)} may not join", "refused")
        elif isinstance(event, NetworkDown) and name in self._in_network:
            if self._nodes[name].radio.network is None:
                self._note_network(name, f"out of the network: {event.reason}", "lost")
                self._again(name)
        elif isinstance(event, NetworkUp):
            for station in event.reset_keys:
                at_hub = name == self.scenario.hub.name
                self._again(self._addresses.get(station, "") if at_hub else name)

    def _again(self, name: str) -> None:
        """Join, or establish a key, once more."""
        if name in self._in_network:
            self._in_network.discard(name)
            self._later(0, partial(self._join, name))

    # -- keys of pairs ----------------------------------------------------------------

    def _is_willing(self, name: str, station: EntityId) -> bool:
        """Whether a device makes a key with a station that asks: as its log has it, or as it was told."""
        return (name, station) in self._told_to or willing(self.stations[name].device, station, self.now)

    def _agreement(self, name: str, station: EntityId) -> Outcome:
        """A partner link key from the hub, then key establishment under it."""
        if name not in self._nodes:
            return no_partner_key(station)
        outcome: Outcome = self._run(self._agree_key(self._nodes[name], station))
        if isinstance(outcome, KeyAgreed):
            self._show_key(outcome.link_key, f"{name} and {self.name_of(station)} link key")
        return outcome

    async def _agree_key(self, node: RadioNode, station: EntityId) -> Outcome:
        try:
            await node.partners.want(station)
            peer, _ = await node.peer(station, KEY_ESTABLISHMENT, ())
        except (LocalError, TimeoutError) as error:
            self._note_key(
                self.name_of(node.address.station), station, f"no partner link key: {error}", "failed"
            )
            return no_partner_key(station)
        try:
            async with asyncio.timeout(KEY_SECONDS):
                return KeyAgreed(station, await node.agree(peer))
        except NoKey as error:
            return KeyNotAgreed(station, CODES.get(error.status, JoinCode.BAD_MESSAGE))
        except TimeoutError:
            return KeyNotAgreed(station, JoinCode.NO_CBKE_RESPONSE)

    def _forget_key(self, name: str, station: EntityId) -> None:
        super()._forget_key(name, station)
        self._later(0, partial(self._drop_key, name, station))  # radios may be at work just now

    def _drop_key(self, name: str, station: EntityId) -> None:
        keys = self._seats[name].link_keys
        if keys.get(station) is None:
            return
        keys.forget(station)
        if name in self._nodes:
            try:
                self._run(self._nodes[name].radio.forget_key(station))
            except RadioError as error:
                self._note_key(name, station, f"forgetting the key: {error}", "failed")

    # -- power ------------------------------------------------------------------------

    def event(self, name: str, event: Event) -> None:
        """As on the memory link; without power a node has no radio, either."""
        if isinstance(event, PowerRestored) and name not in self._nodes:
            self._power_on(name)
        super().event(name, event)
        if isinstance(event, PowerLost) and name in self._nodes:
            self._settle()
            self._run(self._power_off(name))

    async def _power_off(self, name: str) -> None:
        node = self._nodes.pop(name)
        await self.images.stop(name)
        await node.stop()
        await node.radio.close()
        self._radios.cut(name)

    def _power_on(self, name: str) -> None:
        try:
            self._run(patiently(lambda: self._resume(name)))
        except RadioError as error:
            self._note_network(name, f"power is back, its radio is not: {error}", "failed")
            self._later(RETRY_SECONDS * 1_000_000, partial(self._late_power_on, name))

    def _late_power_on(self, name: str) -> None:
        """A radio that was not there when the power came back is tried again."""
        device = self.hub.chf if name == self.scenario.hub.name else self.stations[name].device
        if name in self._nodes or device.observe(self.now).get(POWER_LOST) is not None:
            return
        self._power_on(name)
        if name in self._nodes:
            for other in sorted(self._up) if name == self.scenario.hub.name else [name]:
                self._come(other)

    async def _resume(self, name: str) -> None:
        """Open a radio again and go on in its network; one that has none joins like a new one."""
        await self._add(self._seats[name])
        node = self._nodes[name]
        try:
            await node.radio.resume()
            if name == self.scenario.hub.name:
                await node.radio.allow_partner_keys(True)
        except NoNetwork:
            self._in_network.discard(name)
        except RadioError:
            await self._power_off(name)
            raise

    # -- joining ----------------------------------------------------------------------

    def _come(self, name: str) -> None:
        self._later(0, partial(self._join, name))

    def _join(self, name: str) -> None:
        """Join the network and establish a key; what fails is tried again while the log says so.

        Without power at either end it waits for that: then the home lets it come again.
        """
        if name not in self._up or not {name, self.scenario.hub.name} <= set(self._nodes):
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
        self._note_network(name, "joined", to=self.scenario.hub.name)
        self._new_key(name)

    def _not_joined(self, name: str, why: str) -> None:
        self._trouble[name] = text = f"joining: {why}"
        self._note_network(name, text, "failed", self.scenario.hub.name)

    def trouble(self, name: str) -> str:
        """Why a device did not join; empty once it has."""
        return self._trouble.get(name, "")

    def _is_connected(self, name: str) -> bool:
        return name in self._in_network and name in self._nodes

    def _new_key(self, name: str) -> None:
        """Tell the hub's device log of a key; one it has already changes nothing there."""
        station = self._station(name)
        made = self._seats[self.scenario.hub.name].link_keys.get(station)
        if made is not None and made.authorised:
            self._hub_event(LinkKeyMade(station, made.hashed))

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
            await line_back(*(self._nodes[end].radio for end in (name, self.scenario.hub.name)))

    async def _try_to_join(self, name: str) -> None:
        entry = next(d for d in self.scenario.devices if d.name == name)
        hub, device = self._nodes[self.scenario.hub.name], self._nodes[name]
        key = InstallCode(entry.install_code).link_key
        self._show_key(key, f"{name} install code")
        hub.preconfigure(entry.entity, key)
        device.preconfigure(hub.address.station, key)
        if device.radio.network is None:
            await hub.radio.permit(entry.entity, key, JOIN_SECONDS)
            await enter(device.radio, key, self.scenario.hub.gpf)
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
            station, hub = self._seats[name].address.station, self.scenario.hub.name
            self._seats[hub].link_keys.forget(station)
            try:
                self._run(self._send_away(name, station))
            except RadioError as error:
                self._note_network(hub, f"removing it: {error}", "failed", name)
        self._station_event(name, LinkDown(self.hub.address))

    async def _send_away(self, name: str, station: EntityId) -> None:
        """Tell a device to leave, and wait until it has: it may be added again at once.

        One that cannot be told is at least not listened to any more.
        """
        radio = self._nodes[self.scenario.hub.name].radio
        try:
            await radio.remove(station)
        except RadioError:
            await radio.forget_key(station)
            raise
        if name in self._nodes:
            try:
                async with asyncio.timeout(LEAVE_SECONDS):
                    await self._nodes[name].left()
            except TimeoutError:
                raise RadioError("it was told to leave, and is still there") from None

    # -- carrying ---------------------------------------------------------------------

    def _carry(self, name: str, frame: Frame) -> None:
        station = frame.destination.station
        to_hub = station == self.hub.address.station
        to = self.scenario.hub.name if to_hub else self._addresses.get(station)
        if to is None:
            self.transcript.add(self.now, name, str(station), "tunnel", text="nobody is there")
        if to is None or name not in self._nodes:
            self._hand_on(name, Sent(frame, False))
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
        if not {one.name, one.to} <= set(self._nodes):
            one.powerless = True
            return f"{one.to if one.name in self._nodes else one.name} has no power"
        node, peer = self._nodes[one.name], self._nodes[one.to].radio
        for _ in range(SENDS):  # once more where a dongle acknowledged it, and lost it with its line
            failure = await push(node, one.frame, one.payload, peer)
            with suppress(TimeoutError):
                async with asyncio.timeout(0 if failure else ARRIVAL_SECONDS):
                    await one.came.wait()
            if failure or one.arrived is not None:
                return "" if one.arrived is not None else failure
        return "acknowledged, but it did not arrive"

    def _delivered(self, to: str, frame: Frame, payload: bytes) -> None:
        for one in self._carried:
            ends = (one.to, one.frame.source.station) == (to, frame.source.station)
            if ends and one.arrived is None and one.payload == payload:
                one.arrived = frame
                one.came.set()
                self._lately.append((to, frame.source, payload))
                return
        if (to, frame.source, payload) not in self._lately:  # sent once more, though it had arrived
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
            self.lost += not one.powerless  # that is no fault of the link
        else:
            self._hand_on(one.to, one.arrived)
        self._hand_on(one.name, Sent(one.frame, one.arrived is not None))

    def _hand_on(self, to: str, frame: Frame | Sent) -> None:
        hub = to == self.scenario.hub.name
        self._later(CARRY_US, partial(self._hub_event if hub else partial(self._station_event, to), frame))


async def _formed(hub: DeviceRadio, settings: NetworkSettings) -> Network:
    """Form a network, also where the dongle did before its line was lost. Raises RadioError."""
    try:
        return await hub.form(settings)
    except Refused:
        await hub.resume()
        await hub.leave()
        return await hub.form(settings)
