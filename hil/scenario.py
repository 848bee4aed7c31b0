"""Scenario files: a home and what is done in it, in TOML with `spec = 1` (contract 4).

    [home]        name, seed, start, radio
    [hub]         name, chf, gpf, gpf_in_log, kind, radio, cbke
    [[party]]     name, role, id
    [[device]]    name, type, id, variant, kind, radio, install_code; a real one has
                  signing_certificate, key_agreement_certificate, keys, join_seconds,
                  answer_seconds instead of a radio (see `hil.scenario_real`)
    [[step]]      what is done (see `hil.scenario_steps`)

Errors name the key and the line.
"""

from __future__ import annotations

import datetime
from pathlib import Path

from chts.device_log import STATIONS
from gbcs.errors import ParseError
from gbcs.ids import DeviceType, EntityId, Role
from gbcs.time import Utc
from smets.han.install_code import CRC_LENGTH, InstallCode

from .memory_link import NO_FAULTS, LinkOptions
from .monikers import STICKS, Moniker, MonikerError
from .scenario_file import ScenarioError, Source, Table, read_tables, why_unreadable
from .scenario_model import DeviceEntry, HubEntry, Party, Scenario, Step
from .scenario_real import check_parties, hub_credential, real_device
from .scenario_steps import SPEC, parse_steps
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

KINDS = ("emulated", "real")
DEFAULT_RADIO = Moniker("virtual")
DEFAULT_START = Utc.of(2026, 1, 1)
EARLIEST, LATEST = Utc.of(2000, 1, 2), Utc.of(2100, 1, 1)
INSTALL_CODE = 16  # octets of one (GBCS CCS01)


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
        raise ScenarioError(f"{name}: {why_unreadable(error)}") from None
    return parse_scenario(text, name, path.parent)


def parse_scenario(text: str, name: str, folder: Path = Path()) -> Scenario:
    """Read the text of a scenario; paths in it begin at `folder`. Raises ScenarioError."""
    text = text.replace("\r\n", "\n")
    tables = read_tables(text, name)
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
    return parse_steps(scenario, steps, folder)


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
