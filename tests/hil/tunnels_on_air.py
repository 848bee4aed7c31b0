"""A hub and a device with their machines on radios of one air: frames, reports and deadlines by the clock.

The clock of the machines runs `SPEED` times as fast as the loop's, so that nobody waits for half
an hour.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any, Protocol

from chts.events import Undeliverable, WanMessage
from chts.hub import Hub
from chts.polled_tunnels import PolledSettings
from gbcs.ids import EntityId
from gbcs.time import Utc
from hil.radio.ezsp_radio import EzspRadio
from hil.radio.interface import Event, Joined, NetworkUp, NodeType, RadioError
from hil.radio_node import RadioNode
from hil.virtual.air import parse_link
from smets.events import TimerDue
from smets.han.link import Address, Frame, LinkUp, Sent
from smets.han.polling_station import PollingSettings, PollingStation
from smets.han.station import Station
from smets.han.suites import Suite
from smets.han.test_ca import TestCa
from smets.han.tunnel_frames import from_server
from tests.chts.rig import HUB_ADDRESS, NOW, Rig, to_wan
from tests.hil.radio.radios import CHANNEL, JOIN_KEY, LINK_KEY, NETWORK, SETTINGS, Lab, lab, share

SPEED = 20
POLLS = replace(SETTINGS, fast_poll=0.01, slow_poll=0.1, sleepy_timeout=3.0, send_timeout=3.0)
# half an hour is 20 seconds here, and 1 on the loop's clock
POLLING = PollingSettings(wake_seconds=20, answer_seconds=40, put_seconds=120)
ESME_TYPE, GSME_TYPE = 0, 1


class Machine(Protocol):
    """A hub or a station."""

    @property
    def next_deadline(self) -> Utc | None: ...
    def handle(self, event: Any, now: Utc) -> tuple[Any, ...]: ...


class Worker:
    """A machine at work on its node. `drop` says which frames that arrive are lost above the radio."""

    def __init__(self, machine: Machine, began: float) -> None:
        self.machine = machine
        self.began = began
        self.node: RadioNode | None = None
        self.drop: Callable[[Frame], bool] = lambda frame: False
        self.effects: list[Any] = []
        self.sent: list[Frame] = []
        self.events: list[Event] = []
        self.from_server: set[bool] = set()
        self.changed = asyncio.Event()
        self._frames: asyncio.Queue[Frame] = asyncio.Queue()
        self._timer: asyncio.TimerHandle | None = None
        self._tasks: list[asyncio.Task[None]] = []

    @property
    def now(self) -> Utc:
        elapsed = asyncio.get_running_loop().time() - self.began
        return NOW.plus(us=round(elapsed * SPEED * 1_000_000))

    def start(self) -> None:
        self._tasks = [asyncio.ensure_future(work) for work in (self._send(), self._listen_as_needed())]

    async def stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def happens(self, event: object) -> tuple[Any, ...]:
        """Give the machine an event; its frames go to the radio in order."""
        made = self.machine.handle(event, self.now)
        self._take(made)
        return made

    def _take(self, made: tuple[Any, ...]) -> None:
        for effect in made:
            if isinstance(effect, Frame):
                self.sent.append(effect)
                self._frames.put_nowait(effect)
            else:
                self.effects.append(effect)
        self.changed.set()
        if self._timer is not None:
            self._timer.cancel()
        deadline = self.machine.next_deadline
        if deadline is not None:
            delay = max(0.0, (deadline.us - self.now.us) / SPEED / 1_000_000)
            self._timer = asyncio.get_running_loop().call_later(delay, self.happens, TimerDue())

    def wake(self) -> None:
        """Wake a station that sleeps."""
        assert isinstance(self.machine, PollingStation)
        self._take(self.machine.wake(self.now))

    def arrived(self, frame: Frame, payload: bytes) -> None:
        self.from_server.add(from_server(payload))
        if not self.drop(frame):
            self.happens(frame)

    async def _send(self) -> None:
        while True:
            frame = await self._frames.get()
            assert self.node is not None
            try:
                await self.node.send(frame, self.node.octets_of(frame))
            except RadioError:
                self.happens(Sent(frame, False))
            else:
                self.happens(Sent(frame, True))

    async def _listen_as_needed(self) -> None:
        """The radio of a station asks often as long as the station is awake."""
        while isinstance(self.machine, PollingStation):
            await self.until(lambda: self.machine.awake)  # type: ignore[attr-defined]
            assert self.node is not None
            try:
                async with self.node.radio.awake():
                    await self.until(lambda: not self.machine.awake)  # type: ignore[attr-defined]
            except RadioError:
                await asyncio.sleep(0.05)  # its network is on the way back

    async def until(self, condition: Callable[[], object]) -> None:
        """Wait for something of the machine."""
        while not condition():
            self.changed.clear()
            await self.changed.wait()


class OnAir:
    """A hub and one device in its network, with a link key."""

    def __init__(self, bench: Lab, rig: Rig, hub: Worker, device: Worker, station: EntityId) -> None:
        self.bench = bench
        self.rig = rig
        self.hub = hub
        self.device = device
        self.station = station

    @property
    def wan(self) -> list[bytes]:
        """What left for remote parties."""
        return to_wan(self.hub.effects)

    def command(self, octets: bytes) -> list[str]:
        """A message of a remote party; why it is refused."""
        made = self.hub.happens(WanMessage(octets))
        return [effect.reason for effect in made if isinstance(effect, Undeliverable)]

    def out_of_reach(self, away: bool) -> None:
        """Nothing is heard any more, or all is again."""
        air = self.bench.bench.air
        air.default = replace(air.default, reach=not away)

    def _heard(self, event: Event) -> None:
        """The hub sees a device join or come back."""
        if isinstance(event, Joined) and event.eui64 == self.station:
            self.hub.happens(LinkUp(Address(event.eui64), event.sleepy))
        self.hub.events.append(event)
        self.hub.changed.set()

    def _device_heard(self, event: Event) -> None:
        """The device sees that it is in its network again."""
        if isinstance(event, NetworkUp):
            self.device.happens(LinkUp(HUB_ADDRESS))
        self.device.events.append(event)
        self.device.changed.set()


@asynccontextmanager
async def on_air(
    machine: Any,
    station: EntityId,
    air: str = "",
    *,
    sleepy: bool = True,
    polling: PollingSettings = POLLING,
    polled: PolledSettings | None = None,
    seed: int = 1,
    rig: Rig | None = None,
) -> AsyncIterator[OnAir]:
    """A device behind a station that sleeps, or listens, and its hub. The air is bad once both are up."""
    began = asyncio.get_running_loop().time()
    async with lab(seed=seed) as bench:
        rig = rig or Rig()
        rig.hub = Hub(rig.hub.chf, HUB_ADDRESS, polled=polled or PolledSettings(), confirmed=True)
        rig.add(station, type_=GSME_TYPE if sleepy else ESME_TYPE)
        address = Address(station)
        behind: Any = (
            PollingStation(machine, address, polling, confirmed=True) if sleepy else Station(machine, address)
        )
        home = OnAir(bench, rig, Worker(rig.hub, began), Worker(behind, began), station)
        ca = TestCa(Suite.SUITE_2, b"on air", NOW)
        kinds = (
            (home.hub, HUB_ADDRESS, "hub", False, home._heard),
            (home.device, address, "GSME" if sleepy else "ESME", not sleepy, home._device_heard),
        )
        for worker, own, device, serves, heard in kinds:
            eui64 = int.from_bytes(own.station, "big")
            port = await bench.bench.add_tcp("127.0.0.1", 0, eui64=eui64)
            radio = await bench.radio(device, port, POLLS)
            worker.node = RadioNode(
                radio,
                own,
                (ca.issue(own.station),),
                bytes,
                trust_centre=HUB_ADDRESS.station,
                admits=lambda entity: True,
                serves_tunnel=serves,
                epoch=NOW,
                deliver=worker.arrived,
                heard=heard,
            )
        hub, device = home.hub.node, home.device.node
        assert hub is not None
        assert device is not None
        hub_radio, radio = hub.radio, device.radio
        assert isinstance(hub_radio, EzspRadio)
        assert isinstance(radio, EzspRadio)
        await hub_radio.form(NETWORK)
        await hub_radio.permit(station, JOIN_KEY, 60)
        await radio.join(JOIN_KEY, NodeType.SLEEPY if sleepy else NodeType.ROUTER, (CHANNEL,))
        await share(hub_radio, radio, LINK_KEY)
        for worker in (home.hub, home.device):
            assert worker.node is not None
            worker.node.start()
            worker.start()
        try:
            await soon(lambda: any(isinstance(event, Joined) for event in home.hub.events), home.hub)
            if air:
                bench.bench.air.default = parse_link(air)
            yield home
        finally:
            for worker in (home.device, home.hub):
                await worker.stop()
                assert worker.node is not None
                await worker.node.stop()


async def soon(condition: Callable[[], object], *workers: Worker) -> None:
    """Wait until something of the machines is so."""
    while not condition():
        waits = [asyncio.ensure_future(worker.changed.wait()) for worker in workers]
        for worker in workers:
            worker.changed.clear()
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        for wait in waits:
            wait.cancel()
