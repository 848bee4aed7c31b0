"""Several virtual dongles on one air, served to hosts, with their memory in a file if it is to last."""

from __future__ import annotations

import asyncio
import json
import os
from pathlib import Path
from random import Random
from typing import Any, Final

from gbcs.errors import BuildError

from .air import Air, parse_link
from .ash import AshSettings
from .dongle import Dongle
from .line import Line, LineFaults, parse_faults
from .ncp import DongleSettings
from .node_api import Attachment, Listener
from .runtime import Runtime
from .serve import Port, PtyPort, TcpPort
from .settings import StackSettings
from .state import Persistent

MEMORY_VERSION: Final = 1
FIRST_EUI64: Final = 0x02_53_4D_45_54_53_00_00  # locally administered; dongles count up from it
COUNTER_JUMP: Final = 4096  # frames that may have been sent since the memory was last written
SAVE_SECONDS: Final = 1.0
PACED: Final = "paced"
OF_LINES: Final = "line_"


class Memory:
    """The non-volatile memories of a bench's dongles, by their place on it, in one file.

    It holds network and link keys; only its owner may read the file. Raises BuildError for a
    file that is none, OSError where it cannot be read or written.
    """

    def __init__(self, path: Path) -> None:
        self._path: Final = path
        self._states: dict[int, Persistent] = {}
        self._found: list[Any] = []
        self._written = ""
        if path.exists():
            self._found = self._read()

    def _read(self) -> list[Any]:
        try:
            values = json.loads(self._path.read_text(encoding="utf-8"))
            if values["v"] != MEMORY_VERSION:
                raise BuildError(f"version {values['v']!r} is not known", str(self._path))
            return list(values["dongles"])
        except (ValueError, KeyError, TypeError):
            raise BuildError("not the memory of dongles", str(self._path)) from None

    def state(self, index: int, eui64: int) -> Persistent:
        """The memory of one dongle; a new one where the file has none."""
        if index < len(self._found):
            state = Persistent.load(self._found[index])
            # What was sent after the last save must not be sent again under the same counters
            state.nwk_counter += COUNTER_JUMP
            state.aps_counter += COUNTER_JUMP
            for key in (*state.link_keys.values(), state.tc_link_key):
                if key is not None:
                    key.outgoing += COUNTER_JUMP
        else:
            state = Persistent(eui64)
        self._states[index] = state
        return state

    def save(self) -> None:
        """Write the file, if anything has changed; the old one stays whole until the new one is."""
        dongles = [self._states[i].dump() for i in sorted(self._states)] + self._found[len(self._states) :]
        text = json.dumps({"v": MEMORY_VERSION, "dongles": dongles}, indent=1)
        if text == self._written:
            return
        part = self._path.with_name(self._path.name + ".part")
        with open(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
            file.write(text)
        part.replace(self._path)
        self._written = text


class Bench:
    """Dongles, their lines and their air. Make it inside a running loop; `close` at the end.

    `air`: options of `air.parse_link` (loss=0.1&delay_ms=5), `paced` for 250 kbit/s, and those of
    `line.parse_faults` with `line_` before each (line_loss=0.05) for dongles without their own.
    """

    def __init__(
        self,
        seed: int = 0,
        air: str = "",
        settings: StackSettings | None = None,
        memory: Memory | None = None,
    ) -> None:
        parts = [part for part in air.replace(",", "&").split("&") if part]
        of_lines = [part for part in parts if part.startswith(OF_LINES)]
        link = parse_link("&".join(part for part in parts if part != PACED and part not in of_lines))
        self._faults = parse_faults("&".join(part.removeprefix(OF_LINES) for part in of_lines))
        self.seed: Final = seed
        self.air: Final = Air(seed, link, PACED in parts)
        self.runtime: Final = Runtime(self.air, settings)
        self.ports: Final[list[Port]] = []
        self._memory = memory
        self._saving: asyncio.TimerHandle | None = None
        self._first = FIRST_EUI64 + Random(f"{seed}/eui64").randrange(0xFF00)
        self._lines = 0
        if memory is not None:
            self._save_later()

    async def add_tcp(
        self,
        host: str,
        port: int,
        settings: DongleSettings | None = None,
        faults: LineFaults | None = None,
        ash: AshSettings | None = None,
        eui64: int | None = None,
    ) -> TcpPort:
        """One more dongle, on a TCP port (0: any free one). Raises OSError."""
        made = TcpPort(self._line(settings, faults, ash, eui64))
        self.ports.append(made)
        await made.open(host, port)
        return made

    async def add_pty(
        self,
        path: Path | None,
        settings: DongleSettings | None = None,
        faults: LineFaults | None = None,
        ash: AshSettings | None = None,
    ) -> PtyPort:
        """One more dongle, on a terminal with a link to it. Raises OSError, BuildError."""
        made = PtyPort(self._line(settings, faults, ash))
        self.ports.append(made)
        made.open(path)
        return made

    def dongle(
        self,
        settings: DongleSettings | None = None,
        ash: AshSettings | None = None,
        name: str = "",
        eui64: int | None = None,
    ) -> Dongle:
        """One more dongle on the air, on no line yet. `eui64` is the next one if it is not given."""
        index = self._lines
        self._lines += 1
        if eui64 is None:
            eui64 = self._first + 1 + index
        state = Persistent(eui64) if self._memory is None else self._memory.state(index, eui64)
        label = f"{self.seed}/{name or index}"

        def attach(listener: Listener) -> Attachment:
            return self.runtime.attach(listener, state, label)

        return Dongle(attach, settings, ash, Random(f"{label}/host"))

    def _line(
        self,
        settings: DongleSettings | None,
        faults: LineFaults | None,
        ash: AshSettings | None,
        eui64: int | None = None,
    ) -> Line:
        index = self._lines
        dongle = self.dongle(settings, ash, eui64=eui64)
        return Line(dongle, faults or self._faults, Random(f"{self.seed}/{index}/line"))

    async def close(self) -> None:
        """Unplug everything, write the memory."""
        if self._saving is not None:
            self._saving.cancel()
        if self._memory is not None and self.ports:
            self._memory.save()
        for port in self.ports:
            await port.close()
        self.runtime.close()

    def _save_later(self) -> None:
        self._saving = asyncio.get_running_loop().call_later(SAVE_SECONDS, self._save)

    def _save(self) -> None:
        assert self._memory is not None
        if self.ports:
            self._memory.save()
        self._save_later()
