"""Radios for tests: the interface on unmodified bellows, over TCP, on virtual dongles of one air."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from typing import Any, TypeVar

import pytest

pytest.importorskip("bellows", reason="the radio extra is not installed: pip install -e '.[radio]'")

from hil.radio.ezsp_radio import EzspRadio
from hil.radio.interface import Event, Joined, NetworkSettings, NodeType, Received
from hil.radio.settings import RadioSettings
from hil.virtual.bench import Bench
from hil.virtual.line import LineFaults
from hil.virtual.ncp import DongleSettings
from hil.virtual.serve import TcpPort
from smets.han.endpoints import KEY_ESTABLISHMENT, TUNNELING, endpoints_of
from smets.han.zcl import ApsMessage

LIMIT = 20  # seconds until a test is given up
VERSIONS = (13, 14, 19)
LAYOUTS = (13, 14)  # of EZSP frames
CHANNEL = 15
NETWORK = NetworkSettings(channel=CHANNEL, pan_id=0x1A62, network_key=bytes(range(0x30, 0x40)))
JOIN_KEY = bytes.fromhex("66B6900981E1EE3CA4206B6B861C02BB")
LINK_KEY = bytes(range(0x50, 0x60))
SETTINGS = RadioSettings(scan_exponent=0, zdo_timeout=1.0, network_timeout=8.0, back_off=0.02)

E = TypeVar("E", bound=Event)


def run(test: Coroutine[Any, Any, None], limit: float = LIMIT) -> None:
    """Run a coroutine to its end, or give up."""

    async def bounded() -> None:
        async with asyncio.timeout(limit):
            await test

    asyncio.run(bounded())


class Lab:
    """Dongles on one air, and radios on them."""

    def __init__(self, bench: Bench, stack: AsyncExitStack, version: int) -> None:
        self.bench = bench
        self._stack = stack
        self._version = version

    async def port(self, faults: LineFaults | None = None) -> TcpPort:
        return await self.bench.add_tcp("127.0.0.1", 0, DongleSettings(version=self._version), faults)

    async def radio(
        self,
        device: str,
        port: TcpPort | None = None,
        settings: RadioSettings = SETTINGS,
        faults: LineFaults | None = None,
        keys: Any = (),
        **changes: Any,
    ) -> EzspRadio:
        if port is None:
            port = await self.port(faults)
        radio = await EzspRadio.open(
            path(port),
            settings=replace(settings, **changes),
            endpoints=endpoints_of(device),
            keys=keys,
        )
        self._stack.push_async_callback(radio.close)
        return radio

    async def hub(self, **options: Any) -> EzspRadio:
        """A hub in its network."""
        hub = await self.radio("hub", **options)
        await hub.form(NETWORK)
        return hub

    async def pair(
        self,
        node_type: NodeType = NodeType.ROUTER,
        with_key: bool = True,
        port: TcpPort | None = None,
        **options: Any,
    ) -> tuple[EzspRadio, EzspRadio]:
        """A hub, on a port, and a meter that has joined, with a link key as after key establishment."""
        hub = await self.hub(port=port, **options)
        meter = await self.radio("ESME", **options)
        await join(hub, meter, node_type)
        if with_key:
            await share(hub, meter)
        return hub, meter


def path(port: TcpPort) -> str:
    return f"tcp://{port.name}"


@asynccontextmanager
async def lab(version: int = 14, air: str = "", seed: int = 1) -> AsyncIterator[Lab]:
    async with AsyncExitStack() as stack:
        bench = Bench(seed=seed, air=air)
        stack.push_async_callback(bench.close)
        yield Lab(bench, stack, version)


async def join(hub: EzspRadio, device: EzspRadio, node_type: NodeType = NodeType.ROUTER) -> Joined:
    """Permit and join; the hub's word for it."""
    await hub.permit(device.eui64, JOIN_KEY, 60)
    await device.join(JOIN_KEY, node_type, (CHANNEL,))
    return await event(hub, Joined)


async def share(first: EzspRadio, second: EzspRadio, key: bytes = LINK_KEY) -> None:
    """What key establishment ends with."""
    await first.set_link_key(second.eui64, key)
    await second.set_link_key(first.eui64, key)


async def event(radio: EzspRadio, kind: type[E], accept: Callable[[E], bool] = lambda _: True) -> E:
    """The next event of a kind; others before it are passed over."""
    async for happened in radio.events:
        if isinstance(happened, kind) and accept(happened):
            return happened
    raise AssertionError("no event any more")


def tunnel(payload: bytes, encrypted: bool = True) -> ApsMessage:
    return ApsMessage(TUNNELING, 1, 1, payload, encrypted=encrypted)


def establishment(payload: bytes, encrypted: bool = False) -> ApsMessage:
    """Of a cluster that does without the link key."""
    return ApsMessage(KEY_ESTABLISHMENT, 1, 1, payload, encrypted=encrypted)


async def carry(source: EzspRadio, target: EzspRadio, message: ApsMessage) -> Received:
    """Send a message and see it arrive."""
    await source.send(target.eui64, message)
    received = await target.messages.get()
    assert received.eui64 == source.eui64
    assert received.message == message
    return received


async def both(*work: Awaitable[Any]) -> list[Any]:
    return list(await asyncio.gather(*work))


def drain(radio: EzspRadio) -> list[Event]:
    """The events that are there."""
    told = []
    while (happened := radio.events.get_nowait()) is not None:
        told.append(happened)
    return told


async def until(condition: Callable[[], Any]) -> None:
    """Let the loop turn until something is so."""
    for _ in range(1_000_000):
        if condition():
            return
        await asyncio.sleep(0)
    raise AssertionError("it never came to be")
