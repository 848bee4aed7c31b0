"""What carries the frames of a home, as the option `--han` of pytest says it.

`memory:` or `virtual:[air]` for the whole home, or `NAME=MONIKER` for each node with its stick.
"""

from __future__ import annotations

import socket
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from importlib.util import find_spec
from pathlib import Path

from .homes import MISSING, on_radio
from .memory_link import NO_FAULTS, LinkOptions
from .monikers import STICKS, Moniker, MonikerError
from .scenario import Scenario

CONNECT_SECONDS = 3.0


@dataclass(frozen=True, slots=True)
class HanChoice:
    """One link for the whole home, or a stick for each node by its name; then `home` is that of the first."""

    home: Moniker
    sticks: tuple[tuple[str, Moniker], ...] = ()
    text: str = field(default="", compare=False)

    @classmethod
    def parse(cls, texts: Sequence[str]) -> HanChoice:
        """Read monikers, some of them with a name before them. Raises MonikerError, BuildError."""
        whole: list[Moniker] = []
        named: dict[str, Moniker] = {}
        for text in texts:
            name, sign, rest = text.partition("=")
            if not sign or ":" in name:  # options of a link may have a sign too
                whole.append(Moniker.parse(text))
                continue
            if not name or name in named:
                raise MonikerError(f"{text!r}: every node has a name, and one stick")
            named[name] = Moniker.parse(rest)
        made = cls._of_sticks(named) if named and not whole else cls._of_home(whole, named)
        return replace(made, text=" ".join(texts))

    @classmethod
    def _of_home(cls, whole: list[Moniker], named: dict[str, Moniker]) -> HanChoice:
        if len(whole) != 1 or named:
            raise MonikerError("one link for the whole home is needed, or NAME=MONIKER for each node")
        (home,) = whole
        if home.scheme in STICKS:
            raise MonikerError(f"{home.scheme}: each node needs a stick, for instance hub={home.scheme}:...")
        if home.scheme == "memory":
            LinkOptions.of(home)
        else:
            _check_air(home.rest)
        return cls(home)

    @classmethod
    def _of_sticks(cls, named: dict[str, Moniker]) -> HanChoice:
        first: dict[Moniker, str] = {}
        for name, moniker in named.items():
            if moniker.scheme not in STICKS:
                raise MonikerError(f"{name}: {moniker.scheme}: is for the whole home, a node has a stick")
            if moniker in first:
                raise MonikerError(f"{name} and {first[moniker]} cannot share one stick")
            first[moniker] = name
        return cls(next(iter(named.values())), tuple(named.items()))

    def on(self, scenario: Scenario) -> Scenario:
        """The scenario with these radios. Raises MonikerError where its nodes are others.

        What it says of links of the same kind stays, unless the choice has options of its own.
        """
        if not self.sticks:
            same = scenario.radio.scheme == self.home.scheme and self.home == Moniker(self.home.scheme)
            return scenario if same else on_radio(scenario, self.home)
        sticks = dict(self.sticks)
        nodes = [scenario.hub.name, *(d.name for d in scenario.devices if d.real is None)]
        for name in sticks:
            if name not in nodes:
                raise MonikerError(f"no node is called {name!r}, only {', '.join(nodes)}")
        for name in nodes:
            if name not in sticks:
                raise MonikerError(f"{name} has no stick: --han={name}=serial:...")
        hub = replace(scenario.hub, radio=sticks[scenario.hub.name])
        devices = tuple(
            replace(d, radio=sticks[d.name], link=NO_FAULTS) if d.real is None else d
            for d in scenario.devices
        )
        return replace(scenario, radio=hub.radio, hub=hub, devices=devices)

    def lacks(self) -> str:
        """What is missing on this machine, and how to provide it; empty if nothing is."""
        if self.home.scheme == "memory":
            return ""
        if find_spec("bellows") is None:
            return f"{self.home.scheme}: {MISSING}"
        reasons = (_no_stick(name, moniker) for name, moniker in self.sticks)
        return next(filter(None, reasons), "")

    def __str__(self) -> str:
        return self.text


def _check_air(options: str) -> None:
    from .virtual.air import parse_link
    from .virtual.bench import PACED

    parts = options.replace(",", "&").split("&")
    parse_link("&".join(part for part in parts if part and part != PACED))


def _no_stick(name: str, moniker: Moniker) -> str:
    if moniker.scheme == "serial":
        if Path(moniker.rest).exists():
            return ""
        return f"no stick of {name} at {moniker.rest}: plug it in and name the path `smets dongles` shows"
    host, _, port = moniker.rest.rpartition(":")
    try:
        socket.create_connection((host.strip("[]"), int(port)), CONNECT_SECONDS).close()
    except OSError as error:
        why = error.strerror or str(error)
        return (
            f"no stick of {name} at {moniker.rest} ({why}): start `smets dongle --tcp {moniker.rest}` there"
        )
    return ""
