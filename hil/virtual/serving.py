"""Dongles served until somebody interrupts: what `smets dongle` does."""

from __future__ import annotations

import asyncio
import re
import signal
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from gbcs.errors import BuildError

from .bench import Bench, Memory
from .line import LineFaults
from .ncp import DongleSettings
from .serve import Port, PtyPort

LOOPBACK: Final = "127.0.0.1"
_ADDRESS: Final = re.compile(r"(?:(?P<host>\[[0-9A-Fa-f:.]+\]|[^:\[\]]*):)?(?P<port>[0-9]{1,5})", re.ASCII)


@dataclass(frozen=True, slots=True)
class Serving:
    """Which dongles, where, and how. Terminals come first in the order of dongles, then TCP ports."""

    terminals: Sequence[Path] = ()
    addresses: Sequence[tuple[str, int]] = ()
    settings: DongleSettings = field(default_factory=DongleSettings)
    faults: LineFaults = field(default_factory=LineFaults)
    seed: int = 0
    air: str = ""
    memory: Path | None = None


def parse_address(text: str) -> tuple[str, int]:
    """Host and port of `HOST:PORT`, `[IPv6]:PORT` or `PORT`, which is on loopback. Raises BuildError."""
    found = _ADDRESS.fullmatch(text)
    if found is None or int(found["port"]) > 0xFFFF:
        raise BuildError("HOST:PORT or PORT is needed", text)
    return (found["host"] or LOOPBACK).strip("[]"), int(found["port"])


def facts(port: Port) -> dict[str, Any]:
    """A dongle that is served, as JSON values."""
    dongle = port.line.dongle
    return {
        "kind": "pty" if isinstance(port, PtyPort) else "tcp",
        "path": port.name if isinstance(port, PtyPort) else f"tcp://{port.name}",
        "eui64": f"{dongle.ncp.node.eui64:016X}",
        "version": dongle.settings.version,
    }


def serve(plan: Serving, ready: Callable[[dict[str, Any]], None]) -> None:
    """Serve until SIGINT or SIGTERM; `ready` is told of each dongle. Raises OSError, BuildError."""
    asyncio.run(_serve(plan, ready))


async def _serve(plan: Serving, ready: Callable[[dict[str, Any]], None]) -> None:
    loop = asyncio.get_running_loop()
    stopped = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stopped.set)
    memory = None if plan.memory is None else Memory(plan.memory)
    bench = Bench(plan.seed, plan.air, memory=memory)
    try:
        for path in plan.terminals:
            await bench.add_pty(path, plan.settings, plan.faults)
        for host, tcp_port in plan.addresses:
            try:
                await bench.add_tcp(host, tcp_port, plan.settings, plan.faults)
            except OSError as error:
                raise BuildError(error.strerror or str(error), f"{host}:{tcp_port}") from None
        for port in bench.ports:
            ready(facts(port))
        await stopped.wait()
    finally:
        await bench.close()
