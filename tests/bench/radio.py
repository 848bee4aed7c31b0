"""The radio interface against bare bellows, and a hub's messages against their time on the air.

All on virtual dongles, each behind TCP, driven by bellows from PyPI; the air takes no time, so
that what is measured is hosts and dongles.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from contextlib import AsyncExitStack
from typing import Any

import bellows.types as t
import zigpy.config
from bellows.ezsp import EZSP

from gbcs.ids import EntityId
from gbcs.time import Utc
from hil.radio.ezsp_radio import EzspRadio
from hil.radio.interface import NetworkSettings, NodeType
from hil.radio.settings import RadioSettings
from hil.radio_node import RadioNode
from hil.virtual.bench import Bench
from hil.virtual.serve import TcpPort
from smets.han.cluster_server import ClusterServer
from smets.han.cluster_values import DeviceValues, ValueRow, constant
from smets.han.endpoints import METER, endpoints_of
from smets.han.link import Address, Frame, TransferData
from smets.han.suites import Suite
from smets.han.test_ca import TestCa
from smets.han.zcl import PROFILE_SE
from tests.bench.timing import Ratio, Timing, compare, measure

NOW = Utc.of(2026, 1, 1)
CHANNEL = 15
NETWORK = NetworkSettings(channel=CHANNEL, pan_id=0x1A62, network_key=bytes(range(16)))
JOIN_KEY, LINK_KEY = bytes(range(16, 32)), bytes(range(32, 48))
SETTINGS = RadioSettings(scan_exponent=0)
ATTRIBUTE = "CurrentSummationDelivered"
READ = 5  # octets of a request for one attribute
ANSWERED = 13  # octets of the answer: header, identifier, status, type, 48 bits
MESSAGE = 1200
OCTET_US = 32  # at 250 kbit/s
PREAMBLE = 6  # octets before a frame: synchronisation, delimiter, length
ENCRYPTED = (
    t.EmberApsOption.APS_OPTION_ENCRYPTION
    | t.EmberApsOption.APS_OPTION_RETRY
    | t.EmberApsOption.APS_OPTION_ENABLE_ROUTE_DISCOVERY
)


def read(rounds: int, count: int) -> Ratio:
    """Reading one attribute under the link key, against an echo of as many octets in bare bellows."""

    async def prepare(lab: Lab) -> tuple[Round, Round]:
        hub, meter = await lab.nodes()
        peer = Address(meter.address.station, endpoint(METER))
        bare = await lab.bare()

        async def ours() -> None:
            for _ in range(count):
                told = await hub.read(peer, METER, (ATTRIBUTE,))
                assert told.values == {ATTRIBUTE: 7}

        async def theirs() -> None:
            for _ in range(count):
                await bare.echo()

        return theirs, ours

    with Loop(prepare) as (theirs, ours):
        return compare(theirs, ours, rounds)


def carry(rounds: int, count: int) -> tuple[float, Timing]:
    """Octets as of a message through the tunnel to a meter and back: microseconds on the air, and the time.

    The time on the air is that of every frame of it at 250 kbit/s, acknowledgements included.
    """
    aired = [0]

    async def prepare(lab: Lab) -> tuple[Round]:
        hub, meter = await lab.nodes()
        there = hub.address, meter.address
        lab.bench.air.taps.append(lambda channel, when, octets: aired.append(len(octets) + PREAMBLE))

        async def ours() -> None:
            aired.clear()
            for number in range(count):
                data = bytes((number,)) * MESSAGE
                for node, other, to in ((hub, meter, there[1]), (meter, hub, there[0])):
                    frame = Frame(node.address, to, TransferData(1, data))
                    await node.send(frame, node.octets_of(frame))
                    assert await lab.arrived[other.address.station].get() == data

        return (ours,)

    with Loop(prepare) as (ours,):
        timing = measure(ours, rounds)
        return sum(aired) * OCTET_US / count, timing


def joins(rounds: int, count: int) -> Timing:
    """Devices that join a new network one after the other, each with key establishment."""

    async def prepare(lab: Lab) -> tuple[Round]:
        async def ours() -> None:
            async with AsyncExitStack() as stack:
                fresh = Lab(stack)
                hub = await fresh.hub()
                radios = await asyncio.gather(*(fresh.radio("ESME") for _ in range(count)))
                begin = asyncio.get_running_loop().time()
                for radio in radios:
                    await fresh.join(hub, radio)
                spent.append(asyncio.get_running_loop().time() - begin)

        return (ours,)

    spent: list[float] = []
    with Loop(prepare) as (ours,):
        measure(ours, rounds)
    del spent[0]  # the warm-up
    middle = sorted(spent)
    return Timing(middle[len(middle) // 2], (middle[-1] - middle[0]) / middle[len(middle) // 2])


# -- what is measured on ------------------------------------------------------------------


def endpoint(cluster: int) -> int:
    """Where a meter serves a cluster."""
    return next(e.number for e in endpoints_of("ESME") if cluster in e.servers)


class Lab:
    """Dongles on one air, with nodes of ours and with bare bellows."""

    def __init__(self, stack: AsyncExitStack) -> None:
        self.bench = Bench(1)
        self.arrived: dict[EntityId, asyncio.Queue[bytes]] = {}
        self._stack = stack
        self._ports: dict[EntityId, TcpPort] = {}
        self._ca = TestCa(Suite.SUITE_2, b"bench", NOW)
        stack.push_async_callback(self.bench.close)

    async def radio(self, device: str) -> EzspRadio:
        """A radio on a dongle of its own."""
        port = await self.bench.add_tcp("127.0.0.1", 0)
        radio = await EzspRadio.open(f"tcp://{port.name}", settings=SETTINGS, endpoints=endpoints_of(device))
        self._ports[radio.eui64] = port
        self._stack.push_async_callback(radio.close)
        return radio

    def node(self, radio: EzspRadio, hub: EzspRadio) -> RadioNode:
        """A node at work on a radio."""
        queue = self.arrived[radio.eui64] = asyncio.Queue()

        def deliver(frame: Frame, payload: bytes) -> None:
            if isinstance(frame.command, TransferData):
                queue.put_nowait(frame.command.data)

        node = RadioNode(
            radio,
            Address(radio.eui64),
            (self._ca.issue(radio.eui64),),
            os.urandom,
            trust_centre=hub.eui64,
            admits=lambda station: True,
            serves_tunnel=radio is not hub,
            epoch=NOW,
            deliver=deliver,
        )
        node.start()
        self._stack.push_async_callback(node.stop)
        return node

    async def hub(self) -> RadioNode:
        """A hub in a network of its own."""
        radio = await self.radio("hub")
        await radio.form(NETWORK)
        return self.node(radio, radio)

    async def join(self, hub: RadioNode, radio: EzspRadio) -> RadioNode:
        """A meter joins and establishes a key."""
        node = self.node(radio, hub.radio)  # type: ignore[arg-type]
        hub.preconfigure(radio.eui64, JOIN_KEY)
        node.preconfigure(hub.address.station, JOIN_KEY)
        await hub.radio.permit(radio.eui64, JOIN_KEY, 60)
        await radio.join(JOIN_KEY, NodeType.ROUTER, (CHANNEL,))
        there = hub.expect_key(radio.eui64)
        await node.establish(hub.address)
        await there
        return node

    async def nodes(self) -> tuple[RadioNode, RadioNode]:
        """A hub and a meter that tells one attribute."""
        hub = await self.hub()
        meter = await self.join(hub, await self.radio("ESME"))
        values = DeviceValues((ValueRow(METER, ATTRIBUTE, constant(7)),), lambda now: None)  # type: ignore[arg-type, return-value]
        server = ClusterServer(endpoints_of("ESME"), values)
        meter.serve = lambda arrived: server.receive(arrived.message, NOW)
        return hub, meter

    async def bare(self) -> Bare:
        """The same pair in bare bellows: nodes of ours set it up, and give their dongles away."""
        async with AsyncExitStack() as stack:
            first = Lab(stack)
            hub, meter = await first.nodes()
            ports = [first._ports[node.address.station] for node in (hub, meter)]
            for node in (hub, meter):
                await node.stop()
                await node.radio.close()
            kept = stack.pop_all()
        self._stack.push_async_callback(kept.aclose)
        return await Bare.on(self._stack, *ports)


class Bare:
    """An echo between two dongles, with nothing between it and bellows."""

    def __init__(self, hub: EZSP, meter: EZSP, target: int) -> None:
        self._hub, self._meter, self._target = hub, meter, target
        self._echoed = asyncio.Event()
        self._tasks: set[asyncio.Task[Any]] = set()
        hub.add_callback(self._back)
        meter.add_callback(self._there)

    @classmethod
    async def on(cls, stack: AsyncExitStack, *ports: TcpPort) -> Bare:
        """Connect to two dongles that know their network, and go on in it."""
        hosts = []
        for port in ports:
            host = EZSP(zigpy.config.SCHEMA_DEVICE({"path": f"tcp://{port.name}"}))
            await host.connect(use_thread=False)
            stack.push_async_callback(host.disconnect)
            await host.write_config({})
            await host.addEndpoint(1, PROFILE_SE, 0x0501, 0, 1, 1, [METER], [METER])
            up = asyncio.get_running_loop().create_future()
            host.add_callback(
                lambda name, args, up=up: name != "stackStatusHandler" or up.done() or up.set_result(None)
            )
            await host.initialize_network()
            await up
            hosts.append(host)
        hub, meter = hosts
        return cls(hub, meter, int((await meter.getNodeId())[0]))

    async def echo(self) -> None:
        """Send, and wait until it is back."""
        self._echoed.clear()
        await self._hub.send_unicast(self._target, _aps(), 7, bytes(READ))
        await self._echoed.wait()

    def _there(self, name: str, args: list[Any]) -> None:
        if name == "incomingMessageHandler":
            back = self._meter.send_unicast(args[2], _aps(), 7, bytes(ANSWERED))
            task = asyncio.get_running_loop().create_task(back)
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    def _back(self, name: str, args: list[Any]) -> None:
        if name == "incomingMessageHandler":
            self._echoed.set()


def _aps() -> Any:
    return t.EmberApsFrame(
        profileId=PROFILE_SE,
        clusterId=METER,
        sourceEndpoint=1,
        destinationEndpoint=1,
        options=ENCRYPTED,
        groupId=0,
        sequence=0,
    )


Work = Callable[[], Any]
Round = Callable[[], Any]


class Loop:
    """A loop in which coroutines are prepared, and then run as rounds."""

    def __init__(self, prepare: Callable[[Lab], Any]) -> None:
        self._prepare = prepare
        self._runner = asyncio.Runner()
        self._stack = AsyncExitStack()

    def __enter__(self) -> tuple[Work, ...]:
        made = self._runner.run(self._prepared())
        return tuple(lambda work=work: self._runner.run(work()) for work in made)

    async def _prepared(self) -> Any:
        return await self._prepare(Lab(self._stack))

    def __exit__(self, *exception: object) -> None:
        self._runner.run(self._stack.aclose())
        self._runner.close()
