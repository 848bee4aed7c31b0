"""Hosts for tests: unmodified bellows on virtual dongles that share an air, in one loop."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import pytest

pytest.importorskip("bellows", reason="the radio extra is not installed: pip install -e '.[radio]'")

import bellows.types as t
import zigpy.config
from bellows.ezsp import EZSP

from hil.virtual.bench import Bench
from hil.virtual.ncp import DongleSettings

LIMIT = 40  # seconds until a test is given up
CHANNEL = 15
PAN_ID = 0x1A62
EXTENDED_PAN_ID = "00:11:22:33:44:55:66:77"
PROFILE, CLUSTER = 0x0109, 0x0704
NETWORK_KEY = bytes.fromhex("00112233445566778899AABBCCDDEEFF")
TC_KEY = bytes.fromhex("A0A1A2A3A4A5A6A7A8A9AAABACADAEAF")
JOIN_KEY = bytes.fromhex("66B6900981E1EE3CA4206B6B861C02BB")
BITS = t.EmberInitialSecurityBitmask
# one individual link key for each device (radio-stack 4, row 3)
TRUST_CENTER_BITS = (
    BITS.HAVE_PRECONFIGURED_KEY
    | BITS.HAVE_NETWORK_KEY
    | BITS.REQUIRE_ENCRYPTED_KEY
    | BITS.NO_FRAME_COUNTER_RESET
    | BITS.HAVE_TRUST_CENTER_EUI64
)
JOINER_BITS = BITS.HAVE_PRECONFIGURED_KEY | BITS.REQUIRE_ENCRYPTED_KEY


def run(test: Any, limit: float = LIMIT) -> None:
    """Run a coroutine to its end, or give up."""

    async def bounded() -> None:
        async with asyncio.timeout(limit):
            await test

    asyncio.run(bounded())


class Recorder:
    """The callbacks of one host, and waiting for one."""

    def __init__(self, host: EZSP) -> None:
        self.seen: list[tuple[str, list[Any]]] = []
        self._waiters: list[tuple[Callable[[str, list[Any]], bool], asyncio.Future[list[Any]]]] = []
        host.add_callback(self._called)

    def _called(self, name: str, args: list[Any]) -> None:
        self.seen.append((name, args))
        for waiter in list(self._waiters):
            matches, future = waiter
            if not future.done() and matches(name, args):
                self._waiters.remove(waiter)
                future.set_result(args)

    def coming(
        self, name: str, accept: Callable[[list[Any]], bool] = lambda args: True
    ) -> asyncio.Future[list[Any]]:
        """The arguments of the next callback of this name."""
        future: asyncio.Future[list[Any]] = asyncio.get_running_loop().create_future()
        self._waiters.append((lambda n, a: n == name and accept(a), future))
        return future

    def of(self, name: str) -> list[list[Any]]:
        return [args for n, args in self.seen if n == name]


class Stick:
    """A host with its dongle."""

    def __init__(self, host: EZSP, path: str) -> None:
        self.host = host
        self.path = path
        self.heard = Recorder(host)

    @property
    def new(self) -> bool:
        return bool(self.host.ezsp_version >= 14)

    async def eui64(self) -> Any:
        return (await self.host.getEui64())[0]

    async def node_id(self) -> int:
        return int((await self.host.getNodeId())[0])

    def message(self, args: list[Any]) -> tuple[int, Any, bytes]:
        """Sender, APS frame and payload of an incomingMessageHandler."""
        return (args[2], args[1], args[9]) if self.new else (args[4], args[1], args[7])

    async def send(
        self, to: int, payload: bytes, options: int = 0x0140, cluster: int = CLUSTER, tag: int = 7
    ) -> Any:
        """Send a unicast and wait for what became of it: its status."""
        aps = aps_frame(options, cluster)
        sent = self.heard.coming("messageSentHandler", lambda args: args[4 if self.new else 3] == tag)
        status, _ = await self.host.send_unicast(to, aps, tag, payload)
        if status != t.sl_Status.OK:
            sent.cancel()
            return status
        args = await sent
        return t.sl_Status.from_ember_status(args[0 if self.new else 4])


def aps_frame(options: int = 0x0140, cluster: int = CLUSTER) -> Any:
    return t.EmberApsFrame(
        profileId=PROFILE,
        clusterId=cluster,
        sourceEndpoint=1,
        destinationEndpoint=1,
        options=t.EmberApsOption(options),
        groupId=0,
        sequence=0,
    )


async def configure(host: EZSP) -> None:
    await host.write_config({})
    (status,) = await host.addEndpoint(1, PROFILE, 0x0500, 0, 2, 1, [CLUSTER, 0x0800], [0x000A])
    assert t.sl_Status.from_ember_status(status) == t.sl_Status.OK


@asynccontextmanager
async def sticks(
    count: int, version: int = 14, pty: bool = False, **choices: Any
) -> AsyncIterator[list[Stick]]:
    """So many hosts, connected and configured."""
    async with AsyncExitStack() as stack:
        bench = Bench(seed=1, **choices)
        stack.push_async_callback(bench.close)
        made = []
        for _ in range(count):
            settings = DongleSettings(version=version)
            port = await (bench.add_pty(None, settings) if pty else bench.add_tcp("127.0.0.1", 0, settings))
            path = port.name if pty else f"tcp://{port.name}"
            host = EZSP(zigpy.config.SCHEMA_DEVICE({"path": path}))
            await host.connect(use_thread=False)
            stack.push_async_callback(host.disconnect)
            await configure(host)
            made.append(Stick(host, path))
        yield made


async def form(stick: Stick) -> None:
    eui64 = await stick.eui64()
    state = t.EmberInitialSecurityState(
        bitmask=TRUST_CENTER_BITS,
        preconfiguredKey=t.KeyData(TC_KEY),
        networkKey=t.KeyData(NETWORK_KEY),
        networkKeySequenceNumber=0,
        preconfiguredTrustCenterEui64=eui64,
    )
    ok(await stick.host.setInitialSecurityState(state=state))
    await stick.host.formNetwork(parameters())


def parameters() -> Any:
    return t.EmberNetworkParameters(
        extendedPanId=t.EUI64.convert(EXTENDED_PAN_ID),
        panId=PAN_ID,
        radioTxPower=8,
        radioChannel=CHANNEL,
        joinMethod=t.EmberJoinMethod.USE_MAC_ASSOCIATION,
        nwkManagerId=0,
        nwkUpdateId=0,
        channels=t.Channels.ALL_CHANNELS,
    )


def ok(result: Any) -> None:
    assert t.sl_Status.from_ember_status(result[0]) == t.sl_Status.OK, result


async def permit(hub: Stick, device: Any, key: bytes = JOIN_KEY, seconds: int = 60) -> None:
    """Open for a device with this key, as a hub with install codes does."""
    assert await hub.host.add_transient_link_key(device, t.KeyData(key)) == t.sl_Status.OK
    ok(await hub.host.setPolicy(t.EzspPolicyId.TRUST_CENTER_POLICY, t.EzspDecisionId(0x11)))
    ok(await hub.host.permitJoining(seconds))


async def join(stick: Stick, node_type: int, key: bytes = JOIN_KEY, wait: bool = True) -> Any:
    """Scan, and join what is found; the stack status that ends it."""
    found = await stick.host.startScan(
        t.EzspNetworkScanType.ACTIVE_SCAN, t.Channels.from_channel_list([CHANNEL]), 3
    )
    network = next(f[0] for f in found if f[0].panId == PAN_ID)
    assert str(t.EUI64(network.extendedPanId)) == EXTENDED_PAN_ID
    state = t.EmberInitialSecurityState(
        bitmask=JOINER_BITS,
        preconfiguredKey=t.KeyData(key),
        networkKey=t.KeyData(bytes(16)),
        networkKeySequenceNumber=0,
        preconfiguredTrustCenterEui64=t.EUI64.convert("00:00:00:00:00:00:00:00"),
    )
    ok(await stick.host.setInitialSecurityState(state=state))
    up = stick.heard.coming("stackStatusHandler")
    ok(await stick.host.joinNetwork(t.EmberNodeType(node_type), parameters()))
    if not wait:
        return up
    (status,) = await up
    return t.sl_Status.from_ember_status(status)
