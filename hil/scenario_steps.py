"""The `[[step]]` tables of a scenario: what each says, and what is wrong with it before a home is there.

A step has one of

    command     a use case or Message Code that a party sends, with values, set or tariff, within, roles,
                on_behalf_of, variant, tamper, verified; expect, equals, reads
    token       the name of a top-up token that a supplier makes, of pounds or pence
    wait        seconds, or a date-time to wait for
    wan         lost or restored: whether messages get to the hub and from it
    press       buttons of a meter: next, back, take, home
    choose      a function of a meter's menu by its title, with what to enter; expect
    enter       what a meter asks for
    show        an item of a meter's display by its title
    display     nothing but a look at the display
    metrology, sense, action, power, fault
                what happens to a device (`hil.scenario_events`)
    include     the steps of another file

and any step `title`, `alerts`, `told`; those at a meter's buttons `display`. Some texts in values and codes
stand for something made meanwhile, as `token:NAME` for the digits of a token (`hil.scenario_references`).
"""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from dataclasses import replace
from math import isfinite
from pathlib import Path
from typing import Any

from gbcs.dlms.selective import Range
from gbcs.errors import BuildError, ParseError
from gbcs.ids import EntityId, Role
from gbcs.security.utrn import MAX_VALUE, ValueClass
from gbcs.tariff.messages import tariff_values
from gbcs.time import Utc
from gbcs.usecases import by_name
from smets.alerts import alert_table
from smets.esme.screens import Press
from smets.events import PowerLost, PowerRestored

from .commands import payload
from .scenario_events import EVENT_KEYS, event_of
from .scenario_file import Source, Table, read_tables, why_unreadable
from .scenario_model import Hands, Scenario, Step, Token
from .scenario_references import (
    AUTHORITY,
    CERTIFICATE,
    REQUESTED,
    TOKEN,
    USES,
    Reference,
    filled,
    placeholder,
    references,
)
from .scenario_values import plain, readable, seconds

TAMPERS = ("repeat", "old counter", "wrong signature", "wrong MAC", "unknown use case")
EXPECTATIONS = ("success", "refused", "undeliverable", "repeat")
HAND_EXPECTATIONS = ("success", "refused")
LONGEST_WAIT = 10 * 366 * 86_400  # seconds
WAN_STATES = {"lost": False, "restored": True}
PRESSES = {press.name.lower(): press for press in Press}
SPEC = 1
STEPS = Path(__file__).with_name("scenarios")
"""Where files of steps are that come with the package, to be included by their names without suffix."""

_DOING = ("command", "wait", *EVENT_KEYS, "wan", "press", "choose", "show", "token", "include")
_ALSO_ALONE = ("enter", "display")


def parse_steps(scenario: Scenario, tables: list[Table], folder: Path) -> Scenario:
    """The scenario with its steps. Raises ScenarioError."""
    own = tables[0].source if tables else None
    tables = [one for table in tables for one in _included(table, folder)]
    twins = frozenset(device.name for device in scenario.devices if device.variant == "twin")
    steps = []
    for number, table in enumerate(tables, 1):
        step = _step(table, number, twins)
        steps.append(step if table.source is own else replace(step, file=table.source.name))
    outsiders = _outsiders(scenario, tables, steps)
    scenario = replace(scenario, steps=tuple(steps), outsiders=outsiders)
    tokens: dict[str, str] = {}
    for table, step in zip(tables, steps, strict=True):
        _check_step(scenario, table, step, tokens)
    return scenario


def _included(table: Table, folder: Path) -> list[Table]:
    """The table itself, or the steps of the file it includes."""
    if "include" not in table:
        return [table]
    name = table.text("include")
    table.done()
    path = folder / name if name.endswith(".toml") else STEPS / f"{name}.toml"
    try:
        text = path.read_text(encoding="utf-8").replace("\r\n", "\n")
    except (OSError, UnicodeDecodeError) as error:
        table.fail("include", f"{path.name}: {why_unreadable(error)}")
    tables = read_tables(text, name)
    top = Table(Source(name, text), (), tables)
    spec = top.take("spec", int)
    if spec != SPEC:
        top.fail("spec", f"{spec} is not read, only {SPEC}")
    steps = top.tables("step")
    top.done()
    for step in steps:
        if "include" in step:
            step.fail("include", "an included file includes no other")
    return steps


# -- one step -----------------------------------------------------------------------------


def _step(table: Table, number: int, twins: frozenset[str]) -> Step:
    doing = [key for key in _DOING if key in table] or [key for key in _ALSO_ALONE if key in table][:1]
    if len(doing) != 1:
        table.fail(doing[1] if doing else "", f"a step has one of {', '.join((*_DOING, *_ALSO_ALONE))}")
    title = table.text("title") if "title" in table else ""
    alerts = tuple(code.upper() for code in table.texts("alerts")) if "alerts" in table else None
    step = Step(number, table.line, title, alerts=alerts, told=_told(table))
    if doing[0] == "command":
        step = _command(table, replace(step, to=table.text("to")), twins)
    elif doing[0] == "wait":
        step = _wait(table, step)
    elif doing[0] == "wan":
        state = table.one_of("wan", tuple(WAN_STATES))
        step = replace(step, wan=WAN_STATES[state], what=title or f"the wide area network is {state}")
    elif doing[0] == "token":
        step = _token(table, replace(step, to=table.text("to"), sender=table.text("from")))
    elif doing[0] in EVENT_KEYS:
        step = replace(step, to=table.text("to"))
        event, what = event_of(table, doing[0])
        step = replace(step, event=event, what=step.what or what)
    else:
        step = _hands(table, replace(step, to=table.text("to")))
    table.done()
    return step


def _told(table: Table) -> Mapping[str, Mapping[str, Any]]:
    """What alerts have to say, by their codes."""
    given = table.table("told")
    told: dict[str, Mapping[str, Any]] = {}
    for code, values in given.rest().items():
        if code.upper() not in {f"{known:04X}" for known in alert_table()}:
            given.fail(code, "no alert has that code")
        if not isinstance(values, dict):
            given.fail(code, "a table is needed")
        told[code.upper()] = _readable(given, code, values)
    return told


def _readable(table: Table, key: str, values: Any) -> Any:
    try:
        return readable(values)
    except BuildError as error:
        table.fail(key, _reason(error))


def _wait(table: Table, step: Step) -> Step:
    if table.is_a("wait", datetime.datetime):
        until = Utc.from_datetime(_aware(table, "wait"))
        return replace(step, until=until, what=step.what or f"wait until {until}")
    wait = table.take("wait", float)
    if not isfinite(wait) or not 0 < wait <= LONGEST_WAIT:
        table.fail("wait", f"more than 0 seconds, at most {LONGEST_WAIT}")
    return replace(step, wait=wait, what=step.what or f"wait {wait:g} s")


def _aware(table: Table, key: str) -> datetime.datetime:
    value = table.take(key, datetime.datetime)
    return value if value.tzinfo is not None else value.replace(tzinfo=datetime.UTC)


def _token(table: Table, step: Step) -> Step:
    name = table.text("token")
    units = {unit.name.lower(): unit for unit in ValueClass}
    given = [key for key in units if key in table]
    if len(given) != 1:
        table.fail(given[1] if given else "token", f"a token is of {' or '.join(reversed(units))}")
    value = table.take(given[0], int)
    if not 0 <= value <= MAX_VALUE:
        table.fail(given[0], f"0 to {MAX_VALUE} are needed")
    token = Token(name, units[given[0]], value)
    return replace(step, token=token, what=step.what or f"token {name} of {value} {given[0]}")


def _hands(table: Table, step: Step) -> Step:
    """What a person does at a meter."""
    show = table.text("show") if "show" in table else ""
    choose = table.text("choose") if "choose" in table else ""
    enter: tuple[str, ...] = ()
    if "enter" in table and not (show or "press" in table):
        enter = (table.take("enter", str),) if table.is_a("enter", str) else table.texts("enter")
    presses = table.texts("press")
    if unknown := [name for name in presses if name not in PRESSES]:
        table.fail("press", f"{unknown[0]!r} is none of {', '.join(PRESSES)}")
    display: str | tuple[str, ...] | None = None
    if "display" in table:
        display = table.take("display", str) if table.is_a("display", str) else table.texts("display")
    expect = table.one_of("expect", HAND_EXPECTATIONS, "success") if choose else "success"
    hands = Hands(show, choose, enter, tuple(PRESSES[name] for name in presses))
    done = (
        f"show {show}" if show else "",
        f"choose {choose}" if choose else "",
        f"enter {', '.join(enter)}" if enter and not choose else "",
        f"press {', '.join(presses)}" if presses else "",
    )
    what = ", ".join(filter(None, done)) or "look at the display"
    return replace(step, hands=hands, display=display, expect=expect, what=step.what or what)


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
        named=_named(table, use_case.name),
        within=within,
        roles=table.texts("roles"),
        tamper=table.one_of("tamper", ("", *TAMPERS), ""),
        verified=table.take("verified", bool, False),
        expect=expect,
        equals=equals,
        reads=_readable(table, "reads", table.take("reads", dict, {})),
    )


def _named(table: Table, use_case: str) -> Mapping[str, Any] | None:
    """Values by name, those of a tariff among them; None without any."""
    named: dict[str, Any] | None = None
    if "tariff" in table:
        tariff = _readable(table, "tariff", table.take("tariff", dict))
        try:
            named = tariff_values(use_case, tariff)
        except BuildError as error:
            table.fail("tariff", str(error))
    if "set" in table:
        given = table.take("set", dict)
        named = {**(named or {}), **_readable(table, "set", given)}
    return named


# -- all steps ----------------------------------------------------------------------------


def _outsiders(scenario: Scenario, tables: list[Table], steps: list[Step]) -> tuple[EntityId, ...]:
    """The identifiers of devices that are not in the home; only commands address such."""
    devices = {device.name for device in scenario.devices}
    real = {device.name for device in scenario.devices if device.real is not None}
    parties = {party.entity for party in scenario.parties}
    outsiders: dict[EntityId, None] = {}
    for table, step in zip(tables, steps, strict=True):
        if step.to in real and (step.event is not None or step.hands is not None):
            table.fail("to", f"{step.to} is real: what happens to it is not in our hands")
        if step.to in devices or step.wait or step.until is not None or step.wan is not None:
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


def _check_step(scenario: Scenario, table: Table, step: Step, tokens: dict[str, str]) -> None:
    """Everything about a step that can be known before the home is there; `tokens`: those made, for whom."""
    parties = {party.name: party for party in scenario.parties}
    for key, name in (("from", step.sender), ("on_behalf_of", step.on_behalf_of)):
        if name and name not in parties:
            table.fail(key, f"no party is called {name!r}")
    if step.token is not None:
        if parties[step.sender].role is not Role.SUPPLIER:
            table.fail("from", f"{step.sender} is no supplier")
        if step.token.name in tokens:
            table.fail("token", f"{step.token.name} is made already")
        tokens[step.token.name] = step.to
    enter = () if step.hands is None else step.hands.enter
    for key, given in (("values", step.values), ("set", step.named), ("enter", enter)):
        for found in references(given):
            if found.kind != TOKEN:
                _check_certificate(scenario, table, key, found)
            elif tokens.get(found.name) != step.to:
                table.fail(key, f"no token {found.name!r} was made for {step.to} before")
    if step.command:
        _check_command(scenario, table, step, parties[step.sender].entity)


def _check_certificate(scenario: Scenario, table: Table, key: str, found: Reference) -> None:
    if key != "set":
        table.fail(key, "certificates stand in values by name, in set")
    if found == Reference(CERTIFICATE, AUTHORITY):
        return
    if found.use not in USES:
        table.fail(key, f"{found.use!r} is none of {', '.join(USES)}")
    owners = scenario.devices if found.kind == REQUESTED else scenario.parties
    if found.owner not in {one.name for one in owners}:
        table.fail(key, f"no {'device' if found.kind == REQUESTED else 'party'} is called {found.owner!r}")


def _check_command(scenario: Scenario, table: Table, step: Step, sender: EntityId) -> None:
    use_case = by_name(step.command)
    if step.tamper == "wrong signature" and not use_case.command_signed:
        table.fail("tamper", f"{use_case.name} carries no signature")
    if step.tamper == "wrong MAC" and not use_case.command_maced:
        table.fail("tamper", f"{use_case.name} carries no MAC")
    if step.tamper == "repeat":
        return
    try:
        payload(filled(step, placeholder), use_case, 1, sender, scenario.hub.chf, Range(0, 0))
    except (BuildError, ParseError) as error:
        key = _KEYS.get(error.path.partition("[")[0], "values" if step.named is None else "set")
        table.fail(key, _reason(error))


_KEYS = {key: key for key in ("command", "within", "roles", "variant", "verified")} | {
    "use_case": "command",
    "assumptions": "command",
}
"""Which key of a step a part of a command comes from; others are values."""


def _reason(error: BuildError | ParseError) -> str:
    """What is wrong, without the field it was found in where that is the key itself."""
    fields = (*_KEYS, "values", "set")
    return str(error).removeprefix(f"{error.path}: ") if error.path in fields else str(error)
