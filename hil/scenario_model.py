"""What a scenario says: a home, and the steps done in it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from gbcs.dlms.selective import Range
from gbcs.ids import DeviceType, EntityId, Role
from gbcs.security.utrn import ValueClass
from gbcs.time import Utc
from smets.esme.screens import Press
from smets.events import Event
from smets.han.credential import CbkeCredential
from smets.values import Value

from .memory_link import LinkOptions
from .monikers import Moniker
from .scenario_real import RealDevice


@dataclass(frozen=True, slots=True)
class Party:
    """A remote party."""

    name: str
    role: Role
    entity: EntityId


@dataclass(frozen=True, slots=True)
class DeviceEntry:
    """A device of the home. `link` is how well it and the hub hear each other on `memory:`.

    `real`: what is known of a device that is not emulated. It is on the hub's air, and has no radio here.
    """

    name: str
    type: DeviceType
    entity: EntityId
    variant: str
    install_code: bytes = field(repr=False)
    link: LinkOptions
    radio: Moniker
    real: RealDevice | None = None


@dataclass(frozen=True, slots=True)
class HubEntry:
    """The hub: identifiers of its communications hub function and gas proxy function.

    `gpf_in_log`: whether its device log lists the gas proxy function from the start.
    `cbke`: its credential of the CA that real devices know, None for one of a test CA.
    """

    name: str
    chf: EntityId
    gpf: EntityId
    radio: Moniker
    gpf_in_log: bool = False
    cbke: CbkeCredential | None = None


@dataclass(frozen=True, slots=True)
class Token:
    """A top-up token that a supplier makes for a meter; later steps know it by its name."""

    name: str
    value_class: ValueClass
    value: int


@dataclass(frozen=True, slots=True)
class Hands:
    """What a person does at a meter, in this order, before looking at its display.

    `show`: go to an item of the display by its title. `choose`: go to a function by its title, and take
    it. `enter`: codes and choices asked for then; what is left to confirm after `choose` is confirmed.
    `press`: buttons one by one.
    """

    show: str = ""
    choose: str = ""
    enter: tuple[str, ...] = ()
    press: tuple[Press, ...] = ()


@dataclass(frozen=True, slots=True)
class Step:
    """One thing done, and what is expected of it.

    `command` (use case or Message Code) is sent, `event` happens to the device `to`, `hands` do
    something at it, `sender` makes a `token` for it, the wide area network fails or returns (`wan`), or
    time passes: `wait` seconds, or `until` a moment.
    `what` says so in words. `values` of a command are those of its items in order, `named` those by name.

    `expect` is success, refused, undeliverable, repeat or a list of item results; `equals` the values an
    answer has to give by item name, `reads` the same in their readable form; `alerts` the alert codes that
    have to arrive meanwhile, and no others (None: any), `told` what they have to say; `display` the lines
    that have to be shown, or the last of them.

    `line` is that of the file it is in, `file` the name of an included one.
    """

    number: int
    line: int
    what: str
    command: str = ""
    event: Event | None = None
    hands: Hands | None = None
    token: Token | None = None
    wait: float = 0.0
    until: Utc | None = None
    wan: bool | None = None
    sender: str = ""
    to: str = ""
    on_behalf_of: str = ""
    variant: str = ""
    values: tuple[Value, ...] = ()
    named: Mapping[str, Any] | None = None
    within: Range | None = None
    roles: tuple[str, ...] = ()
    tamper: str = ""
    expect: str | tuple[int, ...] = "success"
    equals: Mapping[str, Value] = field(default_factory=dict)
    reads: Mapping[str, Any] = field(default_factory=dict)
    alerts: tuple[str, ...] | None = None
    told: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    display: str | tuple[str, ...] | None = None
    verified: bool = False
    file: str = ""

    @property
    def place(self) -> str:
        """Where it is written."""
        return f"{self.file} line {self.line}".lstrip()


@dataclass(frozen=True, slots=True)
class Scenario:
    """A home and its steps. `outsiders` are devices that commands address but the home does not have."""

    name: str
    seed: str
    start: Utc
    hub: HubEntry
    parties: tuple[Party, ...]
    devices: tuple[DeviceEntry, ...]
    steps: tuple[Step, ...]
    radio: Moniker
    outsiders: tuple[EntityId, ...] = ()

    @property
    def is_real(self) -> bool:
        """Whether some of its devices are, so that it lives in the present."""
        return any(device.real is not None for device in self.devices)
