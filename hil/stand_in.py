"""One emulated device on a radio of its own, in real time: it stands where a real one would.

The device is made as in the home of its scenario, joins whichever network lets it in under its
install code, establishes a key with the hub there and serves its tunnel and clusters, until it is
told to leave or the hub is lost; then it looks for a network again. Lines of a transcript say what
it does.
"""

from __future__ import annotations

import asyncio
import os
import secrets
import signal
from collections.abc import Callable
from contextlib import suppress

from gbcs.errors import GbcsError
from gbcs.ids import EntityId
from gbcs.time import Utc
from smets.esme.han_values import esme_values
from smets.events import Actuate, Effect, Event, Happened, HubTime, TimerDue
from smets.han.cluster_server import ClusterServer
from smets.han.credential import CbkeCredential
from smets.han.endpoints import KEEP_ALIVE, KEY_ESTABLISHMENT, TIME, endpoints_of
from smets.han.install_code import InstallCode
from smets.han.link import Address, Frame, LinkDown, LinkEvent, LinkUp, TransferData
from smets.han.link_keys import LinkKeys
from smets.han.station import Station
from smets.han.zcl import PROFILE_SE, ApsMessage
from smets.store import MemoryStore

from .home import describe, line_of
from .monikers import STICKS, Moniker, MonikerError
from .nodes_home import JOIN_RULE
from .patience import enter, push
from .provisioning import Provisioning, cbke_authority
from .radio.interface import DeviceRadio, NetworkDown, RadioError, Received
from .radio.interface import Event as RadioEvent
from .radio_home import CARRY_RULE, KEY_RULE, KEY_SECONDS
from .radio_node import NoKey, RadioNode
from .radios import StickRadios
from .real_home import wall_clock
from .scenario import DeviceEntry, Scenario
from .transcript import Line

RETRY_SECONDS = 2.0  # ours: until it tries to join again
MINUTE = 60.0  # of the keep-alive
LOST_AFTER = 3  # looks for the hub in vain, as chts-hub 5.4 has it, until the network is left
KEEP_ALIVE_RULE = "chts-hub 5.4"
TIME_CHECK = 86_400  # seconds between two looks at the hub's time
LONGEST_TIMER = 3600.0  # ours: it looks at its deadline at least so often


def be(
    scenario: Scenario,
    entry: DeviceEntry,
    radio: Moniker,
    tell: Callable[[Line], None],
    cbke: CbkeCredential | None = None,
) -> None:
    """Be a device until SIGINT or SIGTERM. `cbke` None: of the scenario's test CA. Raises LocalError."""
    if radio.scheme not in STICKS:
        raise MonikerError(f"{radio.scheme}: a radio of its own is needed, serial: or tcp:")
    asyncio.run(_be(StandIn(scenario, entry, cbke, tell), radio))


async def _be(device: StandIn, moniker: Moniker) -> None:
    stopped = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    work = {asyncio.create_task(device.live(moniker)), asyncio.create_task(stopped.wait())}
    try:
        done, _ = await asyncio.wait(work, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    finally:
        for task in work:
            task.cancel()
        await asyncio.gather(*work, return_exceptions=True)


class StandIn:
    """A device at work. `tell` hears of all it does; `clock` is its time."""

    def __init__(
        self,
        scenario: Scenario,
        entry: DeviceEntry,
        cbke: CbkeCredential | None,
        tell: Callable[[Line], None],
        clock: Callable[[], Utc] = wall_clock,
    ) -> None:
        self.entry = entry
        self._scenario = scenario
        self._credential = cbke or cbke_authority(scenario).issue(entry.entity)
        self._tell = tell
        self._clock = clock
        device = Provisioning(scenario).device(entry, MemoryStore(), clock())
        self.station = Station(device, Address(entry.entity))
        self._endpoints = endpoints_of(entry.type.value)
        self._reason = ""
        self._frames: asyncio.Queue[Frame] = asyncio.Queue()
        self._timer: asyncio.TimerHandle | None = None

    async def live(self, moniker: Moniker) -> None:
        """Join, serve, join again, until cancelled. Raises RadioError, LocalError for a wrong stick."""
        keys = LinkKeys()
        radios = StickRadios({self.entry.name: moniker})
        radio = await radios.open(self.entry.name, self.entry.entity, self.entry.type.value, keys)
        self._say(self.entry.name, "zdo", "at its radio, looks for a network", rule=JOIN_RULE)
        try:
            self._happens(TimerDue())
            while True:
                try:
                    await self._in_network(radio, keys)
                except (RadioError, NoKey, TimeoutError) as error:
                    why = str(error) or "key establishment did not end in time"
                    self._say(self.entry.name, "zdo", f"joining: {why}", "failed", JOIN_RULE)
                    with suppress(RadioError):
                        await radio.leave()
                await asyncio.sleep(RETRY_SECONDS)
        finally:
            if self._timer is not None:
                self._timer.cancel()
            await radio.close()

    async def _in_network(self, radio: DeviceRadio, keys: LinkKeys) -> None:
        """Join, establish a key, serve until the network is lost for good."""
        key = InstallCode(self.entry.install_code).link_key
        centre = (await enter(radio, key)).trust_center
        node = RadioNode(
            radio,
            self.station.address,
            (self._credential,),
            os.urandom,
            trust_centre=centre,
            admits=lambda station: False,
            serves_tunnel=True,
            epoch=self._clock(),
            deliver=self._delivered,
            link_keys=keys,
            note=self._note_key,
            heard=self._heard,
        )
        values = esme_values(self.station.device, lambda: node.suites, tell=self._happens)
        server = ClusterServer(self._endpoints, values)
        node.serve = lambda arrived: self._serve(server, arrived)
        node.start()
        sender = asyncio.create_task(self._send(node))
        try:
            node.preconfigure(centre, key)
            endpoint = await radio.find_endpoint(centre, PROFILE_SE, KEY_ESTABLISHMENT)
            if endpoint is None:
                raise NoKey("the hub has no key establishment cluster")
            async with asyncio.timeout(KEY_SECONDS):
                await node.establish(Address(centre, endpoint))
            self._say(self.entry.name, "zdo", "joined", rule=JOIN_RULE)
            self._happens(LinkUp(Address(centre)))
            await self._stay(node, centre)
        finally:
            sender.cancel()
            await asyncio.gather(sender, return_exceptions=True)
            await node.stop()
            keys.forget(centre)
            self._happens(LinkDown(Address(centre)))

    async def _stay(self, node: RadioNode, centre: EntityId) -> None:
        """Look for the hub now and then, until it is lost or the network is left."""
        failures, base, jitter, time_is_due = 0, 1, 0, self._clock()
        while failures < LOST_AFTER:
            if time_is_due <= self._clock():
                time_is_due = self._clock().plus(TIME_CHECK)
                await self._ask_time(node, centre)
            try:
                names = ("TCKeepAliveBase", "TCKeepAliveJitter")
                peer, own = await node.peer(centre, KEEP_ALIVE, self._endpoints)
                told = await node.read(peer, KEEP_ALIVE, names, own)
                base, jitter = (int(told.values[name]) for name in names)
                failures = 0
            except (RadioError, TimeoutError):
                failures += 1
            except (GbcsError, KeyError):  # it is there, and holds no such values
                failures = 0
            pause = (base + secrets.randbelow(jitter + 1) / 60) * MINUTE
            if failures < LOST_AFTER and await self._is_out(node, RETRY_SECONDS if failures else pause):
                return
        self._say(self.entry.name, "zdo", "the hub is lost", "failed", KEEP_ALIVE_RULE)
        await node.radio.leave()

    async def _is_out(self, node: RadioNode, seconds: float) -> bool:
        """Whether the node is out of its network within some seconds."""
        try:
            async with asyncio.timeout(seconds):
                await node.left()
        except TimeoutError:
            return False
        self._say(self.entry.name, "zdo", self._reason or "out of its network", rule=JOIN_RULE)
        return True

    async def _ask_time(self, node: RadioNode, centre: EntityId) -> None:
        try:
            peer, own = await node.peer(centre, TIME, self._endpoints)
            told = await node.read(peer, TIME, ("Time",), own)
            seconds = int(told.values["Time"])
        except (RadioError, GbcsError, TimeoutError, KeyError) as error:
            self._say(self.entry.name, "zcl", f"the hub's time: {error or 'no answer'}", "failed")
            return
        self._happens(HubTime(Utc.from_seconds(seconds)))

    def _heard(self, event: RadioEvent) -> None:
        if isinstance(event, NetworkDown):
            self._reason = event.reason

    # -- the device -------------------------------------------------------------------

    def _happens(self, event: Event | LinkEvent) -> tuple[Effect, ...]:
        now = self._clock()
        effects = self.station.handle(event, now)
        for effect in effects:
            if isinstance(effect, Frame):
                self._frames.put_nowait(effect)
            elif isinstance(effect, Actuate | Happened):
                self._tell(line_of(now, self.entry.name, effect))
        self._wake()
        return tuple(effect for effect in effects if not isinstance(effect, Frame))

    def _wake(self) -> None:
        """See when the device wants to be woken."""
        if self._timer is not None:
            self._timer.cancel()
        deadline = self.station.next_deadline
        seconds = LONGEST_TIMER
        if deadline is not None:
            seconds = min(seconds, max(0.0, (deadline.us - self._clock().us) / 1_000_000))
        self._timer = asyncio.get_running_loop().call_later(seconds, self._due)

    def _due(self) -> None:
        deadline = self.station.next_deadline
        if deadline is not None and deadline <= self._clock():
            self._happens(TimerDue())
        else:
            self._wake()

    def _serve(self, server: ClusterServer, arrived: Received) -> tuple[ApsMessage, ...]:
        return server.receive(arrived.message, self._clock(), arrived.broadcast, arrived.eui64)

    # -- the tunnel -------------------------------------------------------------------

    def _delivered(self, frame: Frame, payload: bytes) -> None:
        self._say_frame(frame, self._name_of(frame.source.station), self.entry.name)
        self._happens(frame)

    async def _send(self, node: RadioNode) -> None:
        while True:
            frame = await self._frames.get()
            verdict = "lost" if await push(node, frame, node.octets_of(frame)) else ""
            self._say_frame(frame, self.entry.name, self._name_of(frame.destination.station), verdict)

    # -- what it says -----------------------------------------------------------------

    def _name_of(self, station: EntityId) -> str:
        hub = self._scenario.hub
        return hub.name if station == hub.gpf else str(station)

    def _say(self, to: str, layer: str, text: str, verdict: str = "", rule: str = "") -> None:
        self._tell(Line(self._clock(), self.entry.name, to, layer, b"", "", text, verdict, rule))

    def _say_frame(self, frame: Frame, sender: str, to: str, verdict: str = "") -> None:
        octets = frame.command.data if isinstance(frame.command, TransferData) else b""
        code, text = type(frame.command).__name__, describe(octets) if octets else ""
        self._tell(Line(self._clock(), sender, to, "tunnel", octets, code, text, verdict, CARRY_RULE))

    def _note_key(self, station: EntityId | None, text: str, verdict: str) -> None:
        to = self.entry.name if station is None else self._name_of(station)
        self._say(to, "cbke", text, verdict, KEY_RULE)
