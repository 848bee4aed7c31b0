"""Scenario files: a home and what is done in it, in TOML with `spec = 1` (contract 4).

    [home]        name, seed, start, radio
    [hub]         name, chf, gpf, gpf_in_log, kind, radio, cbke
    [[party]]     name, role, id
    [[device]]    name, type, id, variant, kind, radio, install_code; a real one has
                  signing_certificate, key_agreement_certificate, keys, join_seconds,
                  answer_seconds instead of a radio (see `hil.scenario_real`)
    [[step]]      one of command, wait, metrology, action, power, fault (see `Step`)

Errors name the key and the line.
"""

from __future__ import annotations

import datetime
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from math import isfinite
from pathlib import Path
from typing import Any

from chts.device_log import STATIONS
from gbcs.dlms.selective import Range
from gbcs.errors import BuildError, ParseError
from gbcs.ids import DeviceType, EntityId, Role
from gbcs.time import Utc
from gbcs.usecases import by_name
from smets.behaviours.supply import ENABLE_ACTION
from smets.events import ArmStoreFault, Event, Metrology, PowerLost, PowerRestored, UserAction
from smets.han.credential import CbkeCredential
from smets.han.install_code import CRC_LENGTH, InstallCode
from smets.values import Value

from .commands import payload
from .memory_link import NO_FAULTS, LinkOptions
from .monikers import STICKS, Moniker, MonikerError
from .scenario_file import ScenarioError, Source, Table
from .scenario_real import RealDevice, check_parties, hub_credential, real_device
from .scenario_values import plain, seconds
from .transcript import BENCH, WAN

__all__ = [
    "DeviceEntry",
    "HubEntry",
    "Party",
    "Scenario",
    "ScenarioError",
    "Step",
    "emulated",
    "load_scenario",
    "parse_scenario",
]

SPEC = 1
KINDS = ("emulated", "real")
TAMPERS = ("repeat", "old counter", "wrong signature", "wrong MAC", "unknown use case")
EXPECTATIONS = ("success", "refused", "undeliverable", "repeat")
ACTIONS = (ENABLE_ACTION,)
POWER: dict[str, Event] = {"lost": PowerLost(), "restored": PowerRestored()}
DEFAULT_RADIO = Moniker("virtual")
DEFAULT_START = Utc.of(2026, 1, 1)
EARLIEST, LATEST = Utc.of(2000, 1, 2), Utc.of(2100, 1, 1)
LONGEST_WAIT = 10 * 366 * 86_400  # seconds
LARGEST = 2**31 - 1  # of a metrology reading
INSTALL_CODE = 16  # octets of one (GBCS CCS01)


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
class Step:
    """One thing done, and what is expected of it.

    `command` (use case or Message Code) is sent, or `event` happens to the device `to`, or
    `wait` seconds pass. `what` says so in words. `expect` is success, refused,
    undeliverable, repeat or a list of item results; `equals` the values an answer has to give by
    item name; `alerts` the alert codes that have to arrive meanwhile, and no others
    (None: any).
    """

    number: int
    line: int
    what: str
    command: str = ""
    event: Event | None = None
    wait: float = 0.0
    sender: str = ""
    to: str = ""
    on_behalf_of: str = ""
    variant: str = ""
    values: tuple[Value, ...] = ()
    within: Range | None = None
    roles: tuple[str, ...] = ()
    tamper: str = ""
    expect: str | tuple[int, ...] = "success"
    equals: Mapping[str, Value] = field(default_factory=dict)
    alerts: tuple[str, ...] | None = None


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


def emulated(scenario: Scenario, name: str) -> DeviceEntry:
    """The emulated device of a name. Raises ScenarioError."""
    for entry in scenario.devices:
        if entry.name == name and entry.real is None:
            return entry
        if entry.name == name:
            raise ScenarioError(f"{name} is real: nothing is emulated of it")
    names = ", ".join(entry.name for entry in scenario.devices if entry.real is None)
    raise ScenarioError(f"no emulated device is called {name!r}, only {names or 'none'}")


def load_scenario(path: Path | None) -> Scenario:
    """Read a scenario file; None for the default one. Raises ScenarioError."""
    if path is None:
        path = Path(__file__).with_name("scenarios") / "default.toml"
        name = "default scenario"
    else:
        name = str(path)
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not UTF-8 text"
        raise ScenarioError(f"{name}: {reason}") from None
    return parse_scenario(text, name, path.parent)


def parse_scenario(text: str, name: str, folder: Path = Path()) -> Scenario:
    """Read the text of a scenario; paths in it begin at `folder`. Raises ScenarioError."""
    text = text.replace("\r\n", "\n")
    try:
        tables = tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        raise ScenarioError(f"{name}: {error}") from None
    top = Table(Source(name, text), (), tables)
    spec = top.take("spec", int)
    if spec != SPEC:
        top.fail("spec", f"{spec} is not read, only {SPEC}")
    if "hub" not in top:
        top.fail("hub", "is missing")
    home, hub = top.table("home"), top.table("hub")
    parties, devices, steps = top.tables("party"), top.tables("device"), top.tables("step")
    top.done()
    radio = _radio(home, DEFAULT_RADIO)
    scenario = Scenario(
        home.text("name", Path(name).name),
        home.take("seed", str, "smets"),
        _start(home),
        _hub(hub, radio, folder),
        tuple(_party(table) for table in parties),
        tuple(_device(table, radio, folder) for table in devices),
        (),
        radio,
    )
    home.done()
    if Role.ACCESS_CONTROL_BROKER not in {party.role for party in scenario.parties}:
        top.fail("party", "one with role accessControlBroker is missing")
    if len(devices) > STATIONS:
        devices[STATIONS].fail("", f"a hub has room for {STATIONS} devices and its gas proxy function")
    _check_names(scenario, hub, parties, devices)
    for table, device in zip(devices, scenario.devices, strict=True):
        if device.real is not None:
            check_parties(table, device.real, scenario.parties)
    twins = frozenset(device.name for device in scenario.devices if device.variant == "twin")
    made = tuple(_step(table, number, twins) for number, table in enumerate(steps, 1))
    scenario = replace(scenario, steps=made)
    scenario = replace(scenario, outsiders=_outsiders(scenario, steps))
    for table, step in zip(steps, scenario.steps, strict=True):
        _check_step(scenario, table, step)
    return scenario


# -- the home -----------------------------------------------------------------------------


def _start(home: Table) -> Utc:
    value = home.take("start", datetime.datetime, DEFAULT_START.to_datetime())
    if value.tzinfo is None:
        home.fail("start", "needs an offset, for instance Z")
    start = Utc.from_datetime(value)
    if not EARLIEST <= start < LATEST:
        home.fail("start", f"has to lie between {EARLIEST} and {LATEST}")
    return start


def _radio(table: Table, default: Moniker, home: Moniker | None = None) -> Moniker:
    """The radio of a table. All radios of a home are of one kind."""
    if "radio" not in table:
        return default
    try:
        radio = Moniker.parse(table.take("radio", str))
        _link(radio)
    except MonikerError as error:
        table.fail("radio", str(error))
    if home is not None and _kind(radio) != _kind(home):
        table.fail("radio", f"{radio.scheme}: and {home.scheme}: do not hear each other")
    return radio


def _kind(radio: Moniker) -> str:
    return "stick" if radio.scheme in STICKS else radio.scheme


def _link(radio: Moniker) -> LinkOptions:
    return LinkOptions.of(radio) if radio.scheme == "memory" else NO_FAULTS


def _hub(table: Table, home: Moniker, folder: Path) -> HubEntry:
    gpf = table.entity("gpf")
    entry = HubEntry(
        table.text("name", "hub"),
        table.entity("chf"),
        gpf,
        _radio(table, home, home),
        table.take("gpf_in_log", bool, False),
        hub_credential(table, folder, gpf),
    )
    if entry.chf == entry.gpf:
        table.fail("gpf", "the gas proxy function has another identifier than the hub function")
    if table.one_of("kind", KINDS, "emulated") == "real":
        table.fail("kind", "a real hub is not built yet")
    if entry.radio != home and entry.radio.scheme not in STICKS:
        table.fail("radio", "options belong to [home] or to a [[device]]")
    table.done()
    return entry


def _party(table: Table) -> Party:
    names = {role.spec_name: role for role in Role if role not in (Role.OTHER, Role.ROOT)}
    entry = Party(table.text("name"), names[table.one_of("role", tuple(names))], table.entity("id"))
    table.done()
    return entry


def _device(table: Table, home: Moniker, folder: Path) -> DeviceEntry:
    kind = DeviceType(table.one_of("type", tuple(t.value for t in DeviceType)))
    if kind is not DeviceType.ESME:
        table.fail("type", f"{kind.value} is not built yet")
    real = table.one_of("kind", KINDS, "emulated") == "real"
    if real and home.scheme not in STICKS:
        table.fail("kind", f"real devices need a hub on a stick, serial: or tcp:, not {home.scheme}:")
    install_code = _install_code(table, None if real else "00112233445566778899AABBCCDDEEFF")
    entity = table.entity("id")
    radio = home
    if not real:
        radio = _radio(table, home, home)
    elif "radio" in table:
        table.fail("radio", "a real device has its own, the hub's is in [hub]")
    if radio.scheme == "virtual" and radio != home:
        table.fail("radio", "options of the air belong to [home]")
    entry = DeviceEntry(
        table.text("name"),
        kind,
        entity,
        table.one_of("variant", ("single", "twin", "polyphase"), "single"),
        install_code,
        _link(radio),
        radio,
        real_device(table, folder, entity) if real else None,
    )
    table.done()
    return entry


def _install_code(table: Table, default: str | None) -> bytes:
    """16 octets, as GBCS wants them, or 18 with the CRC that a label shows."""
    code = table.take("install_code", str, default)
    try:
        octets = bytes.fromhex(code.replace("-", " ").replace(":", " "))
    except ValueError:
        table.fail("install_code", "not hex digits")
    if len(octets) == INSTALL_CODE + CRC_LENGTH:
        try:
            return InstallCode.from_octets(octets).code
        except ParseError as error:
            table.fail("install_code", error.reason)
    if len(octets) != INSTALL_CODE:
        table.fail("install_code", f"{INSTALL_CODE} octets are needed, or as many and their CRC")
    return octets


def _check_names(scenario: Scenario, hub: Table, parties: list[Table], devices: list[Table]) -> None:
    """Every name and every identifier is used once."""
    seen: set[object] = {WAN, BENCH, scenario.hub.chf, scenario.hub.gpf, EntityId(bytes(8))}
    entries: list[tuple[Table, str, EntityId | None]] = [
        (hub, scenario.hub.name, None),
        *((t, p.name, p.entity) for t, p in zip(parties, scenario.parties, strict=True)),
        *((t, d.name, d.entity) for t, d in zip(devices, scenario.devices, strict=True)),
    ]
    for table, name, entity in entries:
        for key, value in (("name", name), ("id", entity)):
            if value in seen:
                table.fail(key, f"{value} stands for something else already")
            if value is not None:
                seen.add(value)


# -- steps --------------------------------------------------------------------------------

_DOING = ("command", "wait", "metrology", "action", "power", "fault")


def _step(table: Table, number: int, twins: frozenset[str]) -> Step:
    doing = [key for key in _DOING if key in table]
    if len(doing) != 1:
        table.fail(doing[1] if doing else "", f"a step has one of {', '.join(_DOING)}")
    title = table.text("title") if "title" in table else ""
    alerts = tuple(code.upper() for code in table.texts("alerts")) if "alerts" in table else None
    step = Step(number, table.line, title, alerts=alerts)
    if doing[0] == "command":
        step = _command(table, replace(step, to=table.text("to")), twins)
    elif doing[0] == "wait":
        wait = table.take("wait", float)
        if not isfinite(wait) or not 0 < wait <= LONGEST_WAIT:
            table.fail("wait", f"more than 0 seconds, at most {LONGEST_WAIT}")
        step = replace(step, wait=wait, what=title or f"wait {wait:g} s")
    else:
        step = _event(table, replace(step, to=table.text("to")), doing[0])
    table.done()
    return step


def _event(table: Table, step: Step, kind: str) -> Step:
    event: Event
    if kind == "metrology":
        event, what = _metrology(table)
    elif kind == "action":
        what = table.one_of("action", ACTIONS)
        event = UserAction(what)
    elif kind == "fault":
        given = table.take("fault", list)
        if len(given) != 2 or not all(type(n) is int and 0 <= n <= 255 for n in given):
            table.fail("fault", "a list of an item (from 0) and a result code is needed")
        event = ArmStoreFault(*given)
        what = f"item {given[0]} of the next command will fail with {given[1]}"
    else:
        power = table.one_of("power", tuple(POWER))
        event, what = POWER[power], f"power {power}"
    return replace(step, event=event, what=step.what or what)


def _metrology(table: Table) -> tuple[Metrology, str]:
    readings = table.table("metrology")
    values: dict[str, Any] = readings.rest()
    for name, value in values.items():
        if name not in Metrology.__dataclass_fields__:
            readings.fail(name, f"is none of {', '.join(Metrology.__dataclass_fields__)}")
        phases = value if name == "voltage_v" and isinstance(value, list) else [value]
        if not 1 <= len(phases) <= 3 or not all(_reading(phase, name == "power_w") for phase in phases):
            readings.fail(name, f"whole numbers up to {LARGEST} are needed")
        if name == "voltage_v":
            values = {**values, name: tuple(phases)}
    return Metrology(**values), "metrology " + ", ".join(f"{k} {v}" for k, v in values.items())


def _reading(value: object, signed: bool) -> bool:
    whole = isinstance(value, int) and not isinstance(value, bool)
    return whole and (-LARGEST if signed else 0) <= value <= LARGEST  # type: ignore[operator]


def _command(table: Table, step: Step, twins: frozenset[str]) -> Step:
    command = table.text("command")
    try:
        use_case = by_name(command)
    except BuildError as error:
        table.fail("command", str(error))
    within = None
    if "within" in table:
        bounds = table.take("within", list)
        try:
            within = Range(*(seconds(bound) for bound in bounds))
        except (BuildError, TypeError):
            table.fail("within", "a list of two times is needed")
    expect: Any = "success"
    if "expect" in table:
        expect = table.take("expect", object)
        if isinstance(expect, list) and all(type(code) is int for code in expect):
            expect = tuple(expect)
        elif expect not in EXPECTATIONS:
            table.fail("expect", f"{', '.join(EXPECTATIONS)} or a list of result codes")
    try:
        values = tuple(plain(value, step.to in twins) for value in table.take("values", list, []))
    except BuildError as error:
        table.fail("values", _reason(error))
    try:
        wanted = table.take("equals", dict, {})
        equals = {name: plain(value, step.to in twins) for name, value in wanted.items()}
    except BuildError as error:
        table.fail("equals", _reason(error))
    return replace(
        step,
        what=step.what or f"{use_case.name} {use_case.title}",
        command=command,
        sender=table.text("from"),
        on_behalf_of=table.text("on_behalf_of") if "on_behalf_of" in table else "",
        variant=table.take("variant", str, ""),
        values=values,
        within=within,
        roles=table.texts("roles"),
        tamper=table.one_of("tamper", ("", *TAMPERS), ""),
        expect=expect,
        equals=equals,
    )


def _outsiders(scenario: Scenario, steps: list[Table]) -> tuple[EntityId, ...]:
    """The identifiers of devices that are not in the home; only commands address such."""
    devices = {device.name for device in scenario.devices}
    real = {device.name for device in scenario.devices if device.real is not None}
    parties = {party.entity for party in scenario.parties}
    outsiders: dict[EntityId, None] = {}
    for table, step in zip(steps, scenario.steps, strict=True):
        if step.to in real and not step.command:
            table.fail("to", f"{step.to} is real: what happens to it is not in our hands")
        if step.to in devices or step.wait:
            continue
        powers_hub = isinstance(step.event, PowerLost | PowerRestored)
        if step.to == scenario.hub.name and (step.command or powers_hub):
            continue
        if not step.command:
            table.fail("to", f"no device is called {step.to!r}")
        try:
            entity = EntityId.parse(step.to)
        except BuildError:
            table.fail("to", f"no device is called {step.to!r}")
        if entity in parties:
            table.fail("to", f"{entity} is a party")
        outsiders[entity] = None
    return tuple(outsiders)


def _check_step(scenario: Scenario, table: Table, step: Step) -> None:
    """Everything about a command that can be known before the home is there."""
    if not step.command:
        return
    parties = {party.name: party for party in scenario.parties}
    for key, name in (("from", step.sender), ("on_behalf_of", step.on_behalf_of)):
        if name and name not in parties:
            table.fail(key, f"no party is called {name!r}")
    use_case = by_name(step.command)
    if step.tamper == "wrong signature" and not use_case.command_signed:
        table.fail("tamper", f"{use_case.name} carries no signature")
    if step.tamper == "wrong MAC" and not use_case.command_maced:
        table.fail("tamper", f"{use_case.name} carries no MAC")
    if step.tamper == "repeat":
        return
    sender = parties[step.sender].entity
    try:
        payload(step, use_case, 1, sender, scenario.hub.chf, Range(0, 0))
    except BuildError as error:
        key = error.path.partition("[")[0]
        table.fail(key if key in ("command", "within", "roles", "variant") else "values", _reason(error))


def _reason(error: BuildError) -> str:
    """What is wrong, without the field it was found in where that is the key itself."""
    fields = ("command", "values", "within", "roles", "variant")
    return str(error).removeprefix(f"{error.path}: ") if error.path in fields else str(error)
