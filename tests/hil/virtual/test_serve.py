"""Dongles served on TCP ports and terminals: unmodified bellows on lines good and bad."""

import asyncio
import os
import random
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from gbcs.errors import BuildError
from hil.virtual.ash import AshSettings
from hil.virtual.dongle import Dongle
from hil.virtual.ezsp_rows import VERSIONS
from hil.virtual.line import Impaired, Line, LineFaults
from hil.virtual.ncp import DongleSettings
from hil.virtual.node import Node
from hil.virtual.serve import PtyPort, TcpPort
from hil.virtual.state import Persistent
from tests.hil.virtual.ezsp_host import EUI64, Lonely

pytest.importorskip("bellows", reason="the radio extra is not installed: pip install -e '.[radio]'")

import zigpy.config
from bellows.ezsp import EZSP

LIMIT = 30  # seconds until a test is given up


def run(test: Any) -> None:
    """Run a coroutine to its end, or give up."""

    async def bounded() -> None:
        async with asyncio.timeout(LIMIT):
            await test

    asyncio.run(bounded())


def line(faults: LineFaults | None = None, settings: DongleSettings | None = None) -> Line:
    dongle = Dongle(
        lambda listener: Lonely(Node(Persistent(EUI64)), listener), settings, AshSettings(ack_wait_min=50_000)
    )
    return Line(dongle, faults, random.Random(1))


@asynccontextmanager
async def tcp(
    faults: LineFaults | None = None, settings: DongleSettings | None = None
) -> AsyncIterator[TcpPort]:
    port = TcpPort(line(faults, settings))
    await port.open("127.0.0.1", 0)
    try:
        yield port
    finally:
        await port.close()


@asynccontextmanager
async def connected(path: str) -> AsyncIterator[EZSP]:
    ezsp = EZSP(zigpy.config.SCHEMA_DEVICE({"path": path}))
    await ezsp.connect(use_thread=False)
    try:
        yield ezsp
    finally:
        await ezsp.disconnect()


@pytest.mark.parametrize("version", VERSIONS)
def test_bellows_connects_and_configures(version: int) -> None:
    async def test() -> None:
        async with (
            tcp(settings=DongleSettings(version=version)) as port,
            connected(f"tcp://{port.name}") as ezsp,
        ):
            assert ezsp.ezsp_version == version
            await ezsp.write_config({})
            assert (await ezsp.get_board_info())[:2] == ("smets", "virtual dongle")
            (eui64,) = await ezsp.getEui64()
            assert int.from_bytes(eui64.serialize(), "little") == EUI64

    run(test())


def test_a_socket_path_works_too() -> None:
    """bellows then waits two seconds for a reset that nobody asked for."""

    async def test() -> None:
        async with tcp() as port, connected(f"socket://{port.name}") as ezsp:
            assert ezsp.ezsp_version == 14

    run(test())


def test_bellows_on_a_terminal(tmp_path: Path) -> None:
    async def test() -> None:
        link = tmp_path / "stick"
        port = PtyPort(line())
        port.open(link)
        try:
            assert os.readlink(link) == port.device
            for _ in range(2):  # the host comes back, on the same terminal
                async with connected(str(link)) as ezsp:
                    await ezsp.write_config({})
                    (echo,) = await ezsp.echo(bytes(range(100)))
                    assert echo == bytes(range(100))
        finally:
            await port.close()
        assert not link.is_symlink()

    run(test())


def test_a_terminal_replaces_only_a_link_to_nowhere(tmp_path: Path) -> None:
    async def test() -> None:
        dead = tmp_path / "dead"
        dead.symlink_to(tmp_path / "gone")
        port = PtyPort(line())
        port.open(dead)
        await port.close()
        assert not dead.is_symlink()
        taken = tmp_path / "file"
        taken.write_text("mine")
        refused = PtyPort(line())
        with pytest.raises(BuildError, match="exists already"):
            refused.open(taken)
        await refused.close()
        with pytest.raises(BuildError, match="No such file"):
            PtyPort(line()).open(tmp_path / "no folder" / "stick")
        assert taken.read_text() == "mine"

    run(test())


def test_a_terminal_without_a_link() -> None:
    async def test() -> None:
        port = PtyPort(line())
        port.open(None)
        async with connected(port.name) as ezsp:
            assert ezsp.ezsp_version == 14
        await port.close()

    run(test())


@pytest.mark.parametrize(
    "faults",
    [
        LineFaults(piece=1),
        LineFaults(loss_in=0.05, loss_out=0.05),
        LineFaults(noise=0.001),
        LineFaults(piece=3, loss_in=0.02, loss_out=0.02, noise=0.0005),
    ],
    ids=["octet by octet", "lost frames", "noise", "all"],
)
@pytest.mark.parametrize("on", ["tcp", "pty"])
def test_bellows_on_a_bad_line(faults: LineFaults, on: str) -> None:
    async def test() -> None:
        made = line(faults)
        port: TcpPort | PtyPort
        if on == "tcp":
            port = TcpPort(made)
            await port.open("127.0.0.1", 0)
            path = f"tcp://{port.name}"
        else:
            port = PtyPort(made)
            port.open(None)
            path = port.name
        try:
            async with connected(path) as ezsp:
                for number in range(25):
                    (echo,) = await ezsp.echo(bytes([number]) * 20)
                    assert echo == bytes([number]) * 20
        finally:
            await port.close()

    run(test())


class Application:
    """What bellows tells of the connection."""

    def __init__(self) -> None:
        self.lost: asyncio.Future[Any] = asyncio.get_running_loop().create_future()

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.lost.done():
            self.lost.set_result(exc)


@pytest.mark.parametrize(
    "fault", [lambda port: port.line.reset(), lambda port: port.drop()], ids=["reset", "closed socket"]
)
def test_bellows_notices_and_comes_back(fault: Callable[[TcpPort], None]) -> None:
    async def test() -> None:
        async with tcp() as port:
            application = Application()
            ezsp = EZSP(zigpy.config.SCHEMA_DEVICE({"path": f"tcp://{port.name}"}), application)
            await ezsp.connect(use_thread=False)
            fault(port)
            await application.lost
            await ezsp.disconnect()
            async with connected(f"tcp://{port.name}") as again:
                await again.nop()

    run(test())


def test_a_host_that_vanishes_and_one_that_takes_its_place() -> None:
    async def test() -> None:
        async with tcp() as port:
            host, number = port.address
            # a host dies in the middle of a frame
            _, writer = await asyncio.open_connection(host, number)
            writer.write(bytes.fromhex("1AC0"))
            await writer.drain()
            writer.transport.abort()
            reader, other = await asyncio.open_connection(host, number)
            async with connected(f"tcp://{port.name}") as ezsp:
                await ezsp.nop()
                assert await reader.read() == b""  # the one before it was closed
                other.close()

    run(test())


def test_faults_that_come_by_themselves() -> None:
    async def test() -> None:
        async with tcp(LineFaults(reset_every=0.05)) as port:
            reader, writer = await asyncio.open_connection(*port.address)
            assert (await reader.readexactly(6))[:3] == bytes.fromhex("C10203")
            writer.close()
        async with tcp(LineFaults(drop_every=0.05)) as port:
            reader, writer = await asyncio.open_connection(*port.address)
            with suppress(ConnectionResetError):
                assert await reader.read() == b""
            writer.close()

    run(test())


@pytest.mark.parametrize(
    "choice", [{"loss_in": 1.0}, {"loss_out": -0.1}, {"noise": 2}, {"piece": -1}, {"reset_every": -1}]
)
def test_faults_that_make_no_sense(choice: dict[str, Any]) -> None:
    with pytest.raises(BuildError, match=next(iter(choice))):
        LineFaults(**choice)


def test_a_good_line_changes_nothing() -> None:
    octets = random.Random(0).randbytes(1000)
    assert Impaired(0, 0, random.Random(0)).pass_on(octets) == octets
