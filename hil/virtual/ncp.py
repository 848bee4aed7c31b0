"""What the EZSP commands of a dongle share: the node behind them, and what only this side knows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random
from typing import Any, Final

from .ezsp import Session
from .ezsp_rows import DEFAULT_VERSION
from .ezsp_status_rows import AnyStatus
from .ezsp_types import Values
from .node_api import Attachment, NodeApi

MS: Final = 1000  # microseconds
QUARTER_SECOND: Final = 256 * MS  # the binary ones of EmberEventUnits
MINUTE: Final = 65536 * MS
UNITS: Final = {0: None, 1: MS, 2: QUARTER_SECOND, 3: MINUTE, 4: 0}  # EmberEventUnits
NO_EUI64: Final = 0xFFFFFFFFFFFFFFFF
BUILT_EUI64: Final = "built EUI-64"  # a token of ours: what the stick had before any custom one


@dataclass(frozen=True, slots=True)
class DongleSettings:
    """What a stick of this kind is.

    `version`: EZSP, one of `ezsp_rows.VERSIONS`. `xncp`: the frames of Nabu Casa firmware, with
    the combined send (radio-stack 11). `manufacturer`, `board`: manufacturing tokens of 16 octets.
    `power`: dBm that setRadioPower accepts.
    """

    version: int = DEFAULT_VERSION
    xncp: bool = False
    manufacturer: str = "smets"
    board: str = "virtual dongle"
    power: range = range(-30, 21)


@dataclass(slots=True)
class HostTimer:
    """One of the timers that setTimer gives to the host."""

    due: int
    time: int
    units: int
    repeat: bool

    @property
    def period(self) -> int:
        """Microseconds."""
        return self.time * (UNITS.get(self.units) or 0)


@dataclass(slots=True)
class Volatile:
    """What a reset forgets."""

    values: dict[int, bytes] = field(default_factory=dict)
    endpoint_flags: dict[int, int] = field(default_factory=dict)
    timers: dict[int, HostTimer] = field(default_factory=dict)
    source_routes: dict[int, tuple[int, ...]] = field(default_factory=dict)
    beacon_parameters: Values = field(default_factory=lambda: {"min_rssi": -128, "mask": 0})
    shortcut_threshold: int = 0
    mfglib: bool = False
    mfglib_power: int = 0


class Ncp:
    """The EZSP side of one dongle. Commands read and write it; the dongle around it talks."""

    def __init__(self, attachment: Attachment, settings: DongleSettings, random: Random) -> None:
        self.attachment: Final = attachment
        self.settings: Final = settings
        self.random: Final = random
        tokens = attachment.node.tokens
        if BUILT_EUI64 not in tokens:
            tokens[BUILT_EUI64] = attachment.node.eui64.to_bytes(8, "little")
        self.built_eui64: Final = int.from_bytes(tokens[BUILT_EUI64], "little")
        self.session = Session(settings.version)
        self.volatile = Volatile()
        self.synchronous = False  # callbacks wait to be asked for
        self.restart = False  # resetNode: after its answer

    @property
    def node(self) -> NodeApi:
        """The stack."""
        return self.attachment.node

    @property
    def now(self) -> int:
        """The time to give to the stack."""
        return self.attachment.now()

    def forget(self) -> None:
        """As a reset does."""
        self.session = Session(self.settings.version)
        self.volatile = Volatile()
        self.synchronous = False
        self.restart = False


Handler = Callable[[Ncp, Values], Values]


class Handlers(dict[str, Handler]):
    """Commands by the name of their frame; used as a decorator it adds one."""

    def __call__(self, *names: str) -> Callable[[Handler], Handler]:
        """The function answers these frames."""

        def add(handler: Handler) -> Handler:
            for name in names:
                self[name] = handler
            return handler

        return add

    def always(self, names: str, **values: Any) -> None:
        """These frames do nothing and are always answered so."""
        for name in names.split():
            self[name] = lambda ncp, arguments: values


def only(status: AnyStatus) -> Values:
    """An answer that has nothing but a status."""
    return {"status": status}
