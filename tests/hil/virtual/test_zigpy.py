"""zigpy's coordinator, unmodified, on a virtual dongle: form, start, permit, scan, back up, capture."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import pytest

pytest.importorskip("bellows", reason="the radio extra is not installed: pip install -e '.[radio]'")

import zigpy.config
import zigpy.types
from bellows.ezsp.xncp import FirmwareFeatures
from bellows.zigbee.application import ControllerApplication

from hil.virtual.bench import Bench
from hil.virtual.ncp import DongleSettings
from tests.hil.virtual.bellows_hosts import JOIN_KEY, Stick, configure, join, run, t

VERSIONS = (13, 14, 19)
NETWORK = {"channel": 15, "pan_id": 0x1A62, "extended_pan_id": "00:11:22:33:44:55:66:77"}


@asynccontextmanager
async def bench_with(count: int, version: int = 14, **choices: Any) -> AsyncIterator[list[str]]:
    """A bench, and the paths of its dongles."""
    async with AsyncExitStack() as stack:
        bench = Bench(seed=2)
        stack.push_async_callback(bench.close)
        settings = DongleSettings(version=version, **choices)
        yield [f"tcp://{(await bench.add_tcp('127.0.0.1', 0, settings)).name}" for _ in range(count)]


def config(path: str, **network: Any) -> dict[str, Any]:
    return {
        zigpy.config.CONF_DEVICE: {zigpy.config.CONF_DEVICE_PATH: path},
        zigpy.config.CONF_NWK: network,
        zigpy.config.CONF_NWK_BACKUP_ENABLED: False,
        "topology_scan_enabled": False,
        "use_thread": False,
    }


@asynccontextmanager
async def application(path: str, **network: Any) -> AsyncIterator[ControllerApplication]:
    app = await ControllerApplication.new(config(path, **network), auto_form=True)
    try:
        yield app
    finally:
        await app.shutdown()


@pytest.mark.parametrize("version", VERSIONS)
def test_probe_form_start_and_start_again(version: int) -> None:
    async def test() -> None:
        async with bench_with(1, version) as (path,):
            assert (await ControllerApplication.probe({"path": path}))["path"] == path
            async with application(path, **NETWORK) as app:
                first = app.state.network_info
                assert (first.channel, first.pan_id) == (15, 0x1A62)
                assert str(first.extended_pan_id) == NETWORK["extended_pan_id"]
                assert app.state.node_info.nwk == 0
                assert app.state.node_info.manufacturer == "smets"
                ieee = app.state.node_info.ieee
                # the stick is asked about itself over the loop-back
                assert app.devices[ieee].node_desc.is_coordinator
            async with application(path) as again:
                info = again.state.network_info
                assert again.state.node_info.ieee == ieee
                assert info.network_key.key == first.network_key.key
                assert info.network_key.tx_counter >= first.network_key.tx_counter
                assert info.tc_link_key.partner_ieee == ieee

    run(test())


def test_form_on_the_quietest_channel() -> None:
    async def test() -> None:
        async with bench_with(1) as (path,), application(path) as app:
            assert app.state.network_info.channel in range(11, 27)

    run(test())


class Joins:
    """Listens to an application."""

    def __init__(self) -> None:
        self.ready: asyncio.Future[Any] = asyncio.get_running_loop().create_future()

    def device_initialized(self, device: Any) -> None:
        if not self.ready.done():
            self.ready.set_result(device)

    def raw_device_initialized(self, device: Any) -> None:
        self.device_initialized(device)


def is_down(args: list[Any]) -> bool:
    return bool(t.sl_Status.from_ember_status(args[0]) == t.sl_Status.NETWORK_DOWN)


async def device_on(path: str) -> Stick:
    from bellows.ezsp import EZSP

    host = EZSP(zigpy.config.SCHEMA_DEVICE({"path": path}))
    await host.connect(use_thread=False)
    await configure(host)
    return Stick(host, path)


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("xncp", [False, True], ids=["", "xncp"])
def test_a_device_joins_with_its_install_code_key(version: int, xncp: bool) -> None:
    async def test() -> None:
        async with bench_with(2, version, xncp=xncp) as (hub, other), application(hub, **NETWORK) as app:
            combined = FirmwareFeatures.COMBINED_SEND in app._ezsp._xncp_features
            assert combined == xncp
            device = await device_on(other)
            joins = Joins()
            app.add_listener(joins)
            await app.permit_with_link_key(await device.eui64(), t.KeyData(JOIN_KEY), 60)
            assert await join(device, 2) == t.sl_Status.NETWORK_UP
            found = await joins.ready
            assert found.nwk == await device.node_id()
            assert found.endpoints[1].profile_id == 0x0109
            assert set(found.endpoints[1].in_clusters) == {0x0704, 0x0800}
            down = device.heard.coming("stackStatusHandler", is_down)
            await app.remove(found.ieee)
            await down
            await device.host.disconnect()

    run(test())


def test_scans() -> None:
    async def test() -> None:
        async with bench_with(2) as (first, second), application(first, **NETWORK):
            app = ControllerApplication(config(second))
            await app.connect()
            energies = await app.energy_scan(zigpy.types.Channels.from_channel_list([11, 15, 20]), 2, 1)
            assert set(energies) == {11, 15, 20}
            channels = zigpy.types.Channels.from_channel_list([15])
            found = [n async for n in app.network_scan(channels, 2)]
            assert [(n.pan_id, n.channel) for n in found] == [(0x1A62, 15)]
            await app.disconnect()

    run(test())


@pytest.mark.parametrize("version", VERSIONS)
def test_back_up_and_restore_on_another_stick(version: int) -> None:
    async def test() -> None:
        async with bench_with(2, version) as (first, second):
            async with application(first, **NETWORK) as app:
                backup = await app.backups.create_backup(load_devices=True)
                ieee = app.state.node_info.ieee
            app = ControllerApplication(config(second))
            await app.connect()
            await app.backups.restore_backup(backup)
            await app.shutdown()
            async with application(second) as app:
                info = app.state.network_info
                assert app.state.node_info.ieee == ieee
                assert info.network_key.key == backup.network_info.network_key.key
                assert (info.pan_id, info.channel) == (0x1A62, 15)
                assert info.network_key.tx_counter > backup.network_info.network_key.tx_counter

    run(test())


def test_packets_are_captured() -> None:
    async def test() -> None:
        async with bench_with(2) as (first, sniffer), application(first, **NETWORK) as app:
            other = ControllerApplication(config(sniffer))
            await other.connect()
            packets: asyncio.Queue[Any] = asyncio.Queue()

            async def capture() -> None:
                async for packet in other.packet_capture(15):
                    packets.put_nowait(packet)

            capturing = asyncio.ensure_future(capture())
            while packets.empty():
                await app.permit(1)  # a broadcast
                await asyncio.sleep(0.05)
            assert (await packets.get()).channel == 15
            capturing.cancel()
            with pytest.raises(asyncio.CancelledError):
                await capturing
            await other.disconnect()

    run(test())


def test_the_watchdog_is_fed() -> None:
    async def test() -> None:
        async with bench_with(1) as (path,), application(path, **NETWORK) as app:
            await app._watchdog_feed()
            assert app._watchdog_failures == 0
            assert app.state.counters["ezsp_counters"]["EZSP_FREE_BUFFERS"].value == 255

    run(test())
