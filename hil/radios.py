"""Where the nodes of a home get their radios: virtual dongles on one air, or sticks."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from hashlib import sha256

from gbcs.errors import LocalError
from gbcs.ids import EntityId
from smets.han.endpoints import endpoints_of
from smets.han.link_keys import LinkKeys

from .monikers import Moniker, MonikerError
from .patience import OPENINGS
from .radio.ezsp_radio import EzspRadio
from .radio.interface import DeviceRadio, NoNetwork
from .radio.settings import RadioSettings
from .scenario import Scenario
from .virtual.ash import ResetCode
from .virtual.bench import Bench
from .virtual.serve import TcpPort

LOOPBACK = "127.0.0.1"
Tap = Callable[[int, int, bytes], None]
"""Hears a channel, when a frame began in microseconds, and its octets with their check sequence."""


class VirtualRadios:
    """Opens radios on virtual dongles that have the EUI-64 of their station, each on its own TCP port.

    `seed` and `air` (options of `hil.virtual.bench.Bench`) decide what air and lines do. A node that
    opens its radio again finds its dongle as it was. Raises BuildError.
    """

    attempts = OPENINGS

    def __init__(
        self, seed: str, air: str = "", settings: RadioSettings | None = None, tap: Tap | None = None
    ) -> None:
        self._seed = int.from_bytes(sha256(seed.encode()).digest()[:6], "big")
        self._air = air
        self._settings = settings or RadioSettings()
        self._tap = tap
        self._ports: dict[str, TcpPort] = {}
        self.bench: Bench | None = None

    async def open(self, name: str, station: EntityId, device: str, link_keys: LinkKeys) -> DeviceRadio:
        """The radio of a node. Raises RadioError."""
        if self.bench is None:
            self.bench = Bench(self._seed, self._air)
            if self._tap is not None:
                self.bench.air.taps.append(self._tap)
        if name not in self._ports:
            made = await self.bench.add_tcp(LOOPBACK, 0, eui64=int.from_bytes(station, "big"))
            self._ports[name] = made
        return await EzspRadio.open(
            f"tcp://{self._ports[name].name}",
            settings=of_device(self._settings, device),
            endpoints=endpoints_of(device),
            keys=link_keys,
        )

    def cut(self, name: str) -> None:
        """The dongle of a node is without power, and off the air, until a host is there again."""
        self._ports[name].line.reset(ResetCode.POWER_ON)

    async def close(self) -> None:
        """Unplug the dongles."""
        if self.bench is not None:
            await self.bench.close()
            self.bench = None
            self._ports.clear()


class StickRadios:
    """Opens sticks: serial ports, or dongles behind a TCP port, one for each node by its name.

    A stick that remembers a network leaves it the first time: a home forms its own.
    """

    attempts = 1  # a stick that is not there is told of at once

    def __init__(self, paths: dict[str, Moniker], settings: RadioSettings | None = None) -> None:
        self._paths = paths
        self._opened: set[str] = set()
        self._settings = settings or RadioSettings()

    async def open(self, name: str, station: EntityId, device: str, link_keys: LinkKeys) -> DeviceRadio:
        """The radio of a node. Raises RadioError, LocalError where the stick is another station."""
        radio = await open_stick(self._paths[name], self._settings, device, link_keys)
        if radio.eui64 != station:
            found = radio.eui64
            await radio.close()
            what = "the gpf of the hub" if device == "hub" else f"the id of {name}"
            raise LocalError(f"the stick of {name} is {found}: {what} has to be the same, not {station}")
        if name in self._opened:
            return radio
        try:
            with suppress(NoNetwork):
                await radio.resume()
                await radio.leave()
        except BaseException:
            await radio.close()
            raise
        self._opened.add(name)
        return radio

    def cut(self, name: str) -> None:
        """Nothing: nobody here can cut the power of a stick, which only loses its host."""

    async def close(self) -> None:
        """Nothing but the radios themselves has to be given back."""


def of_device(settings: RadioSettings, device: str) -> RadioSettings:
    """Settings for a row of `smets.han.endpoints`: all but a hub hear of wishes for partner link keys."""
    return replace(settings, handle_bind_requests=device != "hub")


async def open_stick(
    moniker: Moniker, settings: RadioSettings, device: str, link_keys: LinkKeys
) -> EzspRadio:
    """The radio of a stick; `device` is a row of `smets.han.endpoints`. Raises RadioError."""
    if moniker.scheme == "serial":
        flow = moniker.option("flow", "none")
        settings = replace(
            settings,
            baudrate=int(moniker.option("baud", str(settings.baudrate))),
            flow_control=None if flow == "none" else flow,
        )
    return await EzspRadio.open(
        moniker.path, settings=of_device(settings, device), endpoints=endpoints_of(device), keys=link_keys
    )


async def stick_id(moniker: Moniker, settings: RadioSettings | None = None) -> EntityId:
    """The EUI-64 of a stick. Raises RadioError."""
    async with await open_stick(moniker, settings or RadioSettings(), "hub", LinkKeys()) as radio:
        return radio.eui64


def open_radios(scenario: Scenario, tap: Tap | None = None) -> VirtualRadios | StickRadios:
    """The radios of a scenario; nothing is opened yet. Raises MonikerError, BuildError."""
    if scenario.radio.scheme == "virtual":
        return VirtualRadios(scenario.seed, scenario.radio.rest, tap=tap)
    if tap is not None:
        raise MonikerError(f"{scenario.radio.scheme}: a capture needs one more stick, a sniffer")
    paths = {scenario.hub.name: scenario.hub.radio}
    paths |= {entry.name: entry.radio for entry in scenario.devices if entry.real is None}
    first: dict[Moniker, str] = {}
    for name, moniker in paths.items():
        if moniker in first:
            raise MonikerError(f"{name} and {first[moniker]} cannot share one stick: give each its radio")
        first[moniker] = name
    return StickRadios(paths)
