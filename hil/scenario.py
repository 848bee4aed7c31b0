"""Scenario files: a home and what is done in it, in TOML with `spec = 1` (contract 4).

    [home]        name, seed, start, radio
    [hub]         name, chf, gpf, kind, radio
    [[party]]     name, role, id
    [[device]]    name, type, id, variant, kind, radio, install_code
    [[step]]      one of command, wait, metrology, action, power (see `Step`)

Errors name the key and the line.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, NoReturn, TypeVar

from gbcs.errors import BuildError, LocalError
from gbcs.ids import DeviceType, EntityId, Role
from gbcs.time import Utc

from .memory_link import LinkOptions
from .monikers import Moniker, MonikerError

SPEC = 1
T = TypeVar("T")
KINDS = ("emulated", "real")
TAMPERS = ("repeat", "old counter", "wrong signature", "wrong MAC", "unknown use case")
DEFAULT_START = Utc.of(2026, 1, 1)


class ScenarioError(LocalError):
    """A scenario that cannot be run; says key and line."""


@dataclass(frozen=True, slots=True)
class Party:
    """A remote party."""

    name: str
    role: Role
    entity: EntityId


@dataclass(frozen=True, slots=True)
class DeviceEntry:
    """A device of the home."""

    name: str
    type: DeviceType
    entity: EntityId
    variant: str
    install_code: bytes


@dataclass(frozen=True, slots=True)
class HubEntry:
    """The hub: identifiers of its communications hub function and gas proxy function."""

    name: str
    chf: EntityId
    gpf: EntityId


@dataclass(frozen=True, slots=True)
class Step:
    """One thing done, and what is expected of it.

    Exactly one of `command` (use case or Message Code), `wait` (seconds), `metrology`,
    `action` and `power` is set. `expect` is success, refused, undeliverable or a list of
    item results; `equals` the values an answer has to give by item name; `alerts` the
    alert codes that have to arrive meanwhile, and no others.
    """

    number: int
    line: int
    title: str
    command: str = ""
    sender: str = ""
    to: str = ""
    on_behalf_of: str = ""
    variant: str = ""
    values: tuple[Any, ...] = ()
    within: tuple[Any, ...] = ()
    roles: tuple[str, ...] = ()
    tamper: str = ""
    expect: str | tuple[int, ...] = "success"
    equals: Mapping[str, Any] = field(default_factory=dict)
    alerts: tuple[str, ...] | None = None
    wait: float = 0.0
    metrology: Mapping[str, Any] = field(default_factory=dict)
    action: str = ""
    power: str = ""


@dataclass(frozen=True, slots=True)
class Scenario:
    """A home and its steps. `outsiders` are devices that steps address but the home does not have."""

    name: str
    seed: str
    start: Utc
    link: LinkOptions
    hub: HubEntry
    parties: tuple[Party, ...]
    devices: tuple[DeviceEntry, ...]
    steps: tuple[Step, ...]
    outsiders: tuple[EntityId, ...] = ()


class _Table:
    """One table of the file: takes keys, refuses what is wrong or left over with its line."""

    def __init__(self, source: _Source, path: str, index: int, values: Any) -> None:
        self._source = source
        self._path = path
        self._index = index
        if not isinstance(values, dict):
            raise ScenarioError(f"{source.name}: {path} has to be a table")
        self._left: dict[str, Any] = dict(values)

    @property
    def line(self) -> int:
        return self._source.line(self._path, self._index, "")

    def fail(self, key: str, reason: str) -> NoReturn:
        line = self._source.line(self._path, self._index, key)
        place = f"{self._path}.{key}" if self._path else key
        raise ScenarioError(f"{self._source.name} line {line}: {place}: {reason}")

    def take(self, key: str, kind: type[T], default: T | None = None) -> T:
        if key not in self._left:
            if default is None:
                self.fail(key, "is missing")
            return default
        value = self._left.pop(key)
        if kind is float and isinstance(value, int) and not isinstance(value, bool):
            value = float(value)
        if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
            self.fail(key, f"a {_KINDS.get(kind, kind.__name__)} is needed")
        return value

    def one_of(self, key: str, names: tuple[str, ...], default: str | None = None) -> str:
        value = self.take(key, str, default)
        if value not in names:
            self.fail(key, f"{value!r} is none of {', '.join(names)}")
        return value

    def entity(self, key: str) -> EntityId:
        try:
            return EntityId.parse(self.take(key, str))
        except BuildError as error:
            self.fail(key, str(error))

    def done(self) -> None:
        for key in self._left:
            self.fail(key, "is no key of this table")


_KINDS: dict[type, str] = {str: "text", int: "number", float: "number", list: "list", dict: "table"}


class _Source:
    def __init__(self, name: str, text: str) -> None:
        self.name = name
        self._lines = text.splitlines()

    def line(self, path: str, index: int, key: str) -> int:
        """The line of a key in the index-th table of a name; of the table if the key is not there."""
        header = re.compile(rf"\s*\[\[?\s*{re.escape(path)}\s*\]\]?\s*(#.*)?")
        wanted = re.compile(rf'\s*"?{re.escape(key)}"?\s*[=.]') if key else None
        seen, start = -1, 0 if not path else None
        for number, line in enumerate(self._lines, 1):
            if path and header.fullmatch(line):
                seen += 1
                if seen == index:
                    start = number
                elif seen > index:
                    break
            elif start is not None and line.lstrip().startswith("["):
                break
            elif start is not None and wanted is not None and wanted.match(line):
                return number
        return start or 1


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
    return parse_scenario(text, name)


def parse_scenario(text: str, name: str) -> Scenario:
    """Read the text of a scenario. Raises ScenarioError."""
    try:
        tables = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ScenarioError(f"{name}: {error}") from None
    source = _Source(name, text)
    top = _Table(source, "", 0, tables)
    spec = top.take("spec", int)
    if spec != SPEC:
        top.fail("spec", f"{spec} is not read, only {SPEC}")
    home = _Table(source, "home", 0, top.take("home", dict, {}))
    hub = _Table(source, "hub", 0, top.take("hub", dict))
    parties = _tables(source, top, "party")
    devices = _tables(source, top, "device")
    steps = _tables(source, top, "step")
    top.done()
    scenario = Scenario(
        home.take("name", str, name),
        home.take("seed", str, "smets"),
        _start(home),
        _link(home),
        _hub(hub),
        tuple(_party(table) for table in parties),
        tuple(_device(table) for table in devices),
        tuple(_step(table, number) for number, table in enumerate(steps, 1)),
    )
    home.done()
    _check_names(scenario, parties, devices)
    return replace(scenario, outsiders=_check_steps(scenario, steps))


def _tables(source: _Source, top: _Table, name: str) -> list[_Table]:
    return [_Table(source, name, i, values) for i, values in enumerate(top.take(name, list, []))]


def _start(home: _Table) -> Utc:
    import datetime

    value = home.take("start", datetime.datetime, DEFAULT_START.to_datetime())
    if value.tzinfo is None:
        home.fail("start", "needs an offset, for instance Z")
    return Utc.from_datetime(value)


def _link(table: _Table) -> LinkOptions:
    try:
        return LinkOptions.of(Moniker.parse(table.take("radio", str, "memory:")))
    except MonikerError as error:
        table.fail("radio", str(error))


def _emulated(table: _Table) -> None:
    if table.one_of("kind", KINDS, "emulated") == "real":
        table.fail("kind", "real devices need a radio, which is not built yet")
    _link(table)


def _hub(table: _Table) -> HubEntry:
    entry = HubEntry(table.take("name", str, "hub"), table.entity("chf"), table.entity("gpf"))
    if entry.chf == entry.gpf:
        table.fail("gpf", "the gas proxy function has another identifier than the hub function")
    _emulated(table)
    table.done()
    return entry


def _party(table: _Table) -> Party:
    names = {role.spec_name: role for role in Role if role is not Role.OTHER}
    entry = Party(table.take("name", str), names[table.one_of("role", tuple(names))], table.entity("id"))
    table.done()
    return entry


def _device(table: _Table) -> DeviceEntry:
    kind = DeviceType(table.one_of("type", tuple(t.value for t in DeviceType)))
    if kind is not DeviceType.ESME:
        table.fail("type", f"{kind.value} is not built yet")
    code = table.take("install_code", str, "00112233445566778899AABBCCDDEEFF")
    try:
        install_code = bytes.fromhex(code)
    except ValueError:
        table.fail("install_code", "not hex digits")
    if len(install_code) != 16:
        table.fail("install_code", "16 octets are needed")
    entry = DeviceEntry(
        table.take("name", str),
        kind,
        table.entity("id"),
        table.one_of("variant", ("single", "twin", "polyphase"), "single"),
        install_code,
    )
    _emulated(table)
    table.done()
    return entry


_DOING = ("command", "wait", "metrology", "action", "power")


def _step(table: _Table, number: int) -> Step:
    line = table.line
    doing = [key for key in _DOING if key in table._left]
    if len(doing) != 1:
        table.fail(doing[1] if doing else "command", f"a step has one of {', '.join(_DOING)}")
    alerts = table.take("alerts", list, []) if "alerts" in table._left else None
    expect = table._left.pop("expect", "success")
    if isinstance(expect, list) and all(isinstance(code, int) for code in expect):
        expect = tuple(expect)
    elif expect not in ("success", "refused", "undeliverable", "repeat"):
        table.fail("expect", "success, refused, undeliverable, repeat or a list of result codes")
    step = Step(
        number,
        line,
        table.take("title", str, ""),
        table.take("command", str, ""),
        table.take("from", str, ""),
        table.take("to", str, ""),
        table.take("on_behalf_of", str, ""),
        table.take("variant", str, ""),
        tuple(table.take("values", list, [])),
        tuple(table.take("within", list, [])),
        tuple(table.take("roles", list, [])),
        table.one_of("tamper", ("", *TAMPERS), ""),
        expect,
        table.take("equals", dict, {}),
        None if alerts is None else tuple(str(code).upper() for code in alerts),
        table.take("wait", float, 0.0),
        table.take("metrology", dict, {}),
        table.take("action", str, ""),
        table.one_of("power", ("", "lost", "restored"), ""),
    )
    if step.wait < 0:
        table.fail("wait", "seconds, not less than 0")
    table.done()
    return step


def _check_names(scenario: Scenario, parties: list[_Table], devices: list[_Table]) -> None:
    """Every name and every identifier is used once; there is a broker."""
    seen: set[object] = {scenario.hub.name, scenario.hub.chf, scenario.hub.gpf}
    entries: list[tuple[_Table, str, EntityId]] = [
        *((t, p.name, p.entity) for t, p in zip(parties, scenario.parties, strict=True)),
        *((t, d.name, d.entity) for t, d in zip(devices, scenario.devices, strict=True)),
    ]
    for table, name, entity in entries:
        for key, value in (("name", name), ("id", entity)):
            if value in seen:
                table.fail(key, f"{value} is there twice")
            seen.add(value)
    if Role.ACCESS_CONTROL_BROKER not in {party.role for party in scenario.parties}:
        raise ScenarioError("a party with role accessControlBroker is missing")


def _check_steps(scenario: Scenario, steps: list[_Table]) -> tuple[EntityId, ...]:
    """Every name a step uses is there; the identifiers of devices that are not in the home."""
    named = {party.name for party in scenario.parties}
    placed = {device.name for device in scenario.devices} | {scenario.hub.name}
    outsiders: list[EntityId] = []
    for table, step in zip(steps, scenario.steps, strict=True):
        if step.command and step.sender not in named:
            table.fail("from", f"no party is called {step.sender!r}")
        if step.on_behalf_of and step.on_behalf_of not in named:
            table.fail("on_behalf_of", f"no party is called {step.on_behalf_of!r}")
        if step.wait or step.to in placed:
            continue
        try:
            outsiders.append(EntityId.parse(step.to))
        except BuildError:
            table.fail("to", f"no device is called {step.to!r}")
    return tuple(outsiders)
