"""Every data item a command may set: set on meters in one database, and read in another process.

Each command that sets anything goes to a meter of its own, with drawn values; the meters are devices of
one database. Run as a program (database, variant) it reads what it is asked for on stdin: a JSON list of
(meter, item, reading use case or ''), and prints the octets of each, once read by that command, once as
the item stands in the table.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from functools import cache
from random import Random
from typing import NamedTuple

from gbcs.dlms.activation import activated_by, activation
from gbcs.dlms.apdu import AccessRequest, Choice, parse_apdu
from gbcs.dlms.axdr import data_octets
from gbcs.dlms.objects import Member, model
from gbcs.dlms.templates import Template, templates
from gbcs.ids import DeviceType
from gbcs.message import Message
from gbcs.usecases import UseCase, by_name
from hil.sqlite_store import SqliteDatabase
from smets.device import Device
from smets.esme.items import absent_flags, item
from smets.store import Store
from smets.values import Value
from tests.smets.homes import START, Home, component_member, dlms_use_cases, profile
from tests.smets.test_use_cases import NEEDED

LATER = 10_000  # counter of the first command that reads
MASKS = ".MaskAndActions"
COMMANDS = {"ECS47": 0x0F00, "ECS47a": 0x0F00, "ECS47e": 0x0F00}  # where the controller stands in a command
LAST_OCTET = {"set": 0x11, "reset": 0x12}


class Case(NamedTuple):
    """A command that sets something: the use case, and which of its forms."""

    use_case: UseCase
    template: Template

    @property
    def name(self) -> str:
        return f"{self.use_case.name} {self.use_case.code:04X} {self.template.variant}".rstrip()


class Written(NamedTuple):
    """What has to stand under an item of a meter from now on."""

    meter: str
    item: str
    octets: bytes


def cases(variant: str) -> Iterator[Case]:
    """Every form of every command that sets an item, and whose objects the variant has."""
    for use_case in dlms_use_cases(variant):
        for template in templates(use_case.code or 0):
            if _is_there(template, variant) and any(c.choice == Choice.SET for c in template.components):
                yield Case(use_case, template)


@cache
def readers(variant: str) -> dict[str, UseCase]:
    """For each item that a command reads, the first such use case."""
    found: dict[str, UseCase] = {}
    for use_case in dlms_use_cases(variant):
        template = templates(use_case.code or 0)[0]
        reads = all(c.choice in (Choice.GET, Choice.GET_WITH_SELECTION) for c in template.components)
        if reads and _is_there(template, variant):
            for n, component in enumerate(template.components):
                one = component_member(template, n)
                if one is not None and component.choice == Choice.GET:
                    found.setdefault(one.item, use_case)
    return found


def _is_there(template: Template, variant: str) -> bool:
    """Whether the variant has all that a command is about."""
    objects = model(DeviceType.ESME, absent_flags(variant))
    parts = template.components
    return not any(isinstance(objects.find(c.choice, c.class_id, c.ln, c.member), int) for c in parts)


def made(case: Case, store: Store, variant: str, draw: int) -> tuple[Home, Message]:
    """A new meter on the store, and the command with drawn values."""
    name, form = case.use_case.name, case.template.variant
    needed: dict[str, Value] = dict(NEEDED.get(name, {}))
    number = "".join(re.findall(r"\d", form)) or "1"
    needed = {key.replace("Controller1", f"Controller{number}"): value for key, value in needed.items()}
    home = Home.new(variant, items=needed, store=store)
    home.random = Random(f"{case.name} {variant} {draw}")
    like = form.replace(number, "1") if number != "1" else form
    values = home.values(case.use_case, variant="set 1" if like == "reset 1" else like)
    if name in COMMANDS:
        word = values[-1]
        assert isinstance(word, int)
        word = word & ~COMMANDS[name] | int(number) << 8
        values[-1] = word & 0xFF00 | LAST_OCTET.get(form.split()[0], word & 0xFF)
    return home, home.make(case.use_case, values, variant=form)


def written(case: Case, command: Message, before: Home) -> dict[str, bytes]:
    """The octets of each item that a command sets, activates or merges."""
    request = parse_apdu(command.payload)
    assert isinstance(request, AccessRequest)
    twin = before.variant == "twin"
    parts = [component_member(case.template, n) for n in range(len(case.template.components))]
    activates = [activation(one) for one in parts if one is not None]
    found: dict[str, bytes] = {}
    for one, asked in zip(parts, request.items, strict=True):
        if asked.choice != Choice.SET:
            continue
        assert one is not None
        found[one.item] = data_octets(asked.data)
        value = one.wire(twin).decode(asked.data)
        row = activated_by(one)
        if row is not None and row in activates:
            pair = next(pair for pair in row.pairs if pair.passive is one)
            found[pair.active.item] = _octets(pair.active, pair.active_value(value), twin)
        if one.item.endswith(MASKS):
            setting = one.item.removesuffix(MASKS)
            held, member = before.item(setting), item(before.variant, setting).member
            assert member is not None
            found[setting] = _octets(member, _merged(str(held), str(value)), twin)
    return found


def _merged(held: str, mask_and_actions: str) -> str:
    half = len(mask_and_actions) // 2
    mask, actions = mask_and_actions[:half], mask_and_actions[half:]
    return "".join(actions[n] if mask[n] == "1" else bit for n, bit in enumerate(held))


def _octets(member: Member, value: Value, twin: bool) -> bytes:
    return data_octets(member.wire(twin).encode(value))


def set_everything(database: SqliteDatabase, variant: str, draw: int) -> list[Written]:
    """Send every command that sets something, each to a meter of its own; what they hold then."""
    found = []
    for case in cases(variant):
        meter = f"{case.name} {draw}"
        home, command = made(case, database.store(meter), variant, draw)
        wanted = written(case, command, home)
        reply = home.deliver(command)
        assert not any(reply.results), f"{case.name}: {reply.results}"
        found += [Written(meter, name, octets) for name, octets in wanted.items()]
    return found


def read(store: Store, variant: str, name: str, reader: str) -> tuple[str, str]:
    """The octets of an item, read by a command ('' without one), and as they stand in the table."""
    home = Home(Device(profile(variant), store, START), store, variant, START, LATER)
    said = ""
    if reader:
        use_case = by_name(reader)
        reply = home.run(use_case)
        template = templates(use_case.code or 0)[0]
        names = [getattr(component_member(template, n), "item", "") for n in range(len(template.components))]
        answer = reply.apdu.items[names.index(name)]
        assert answer.result == 0
        said = data_octets(answer.data).hex()
    member = item(variant, name).member
    assert member is not None
    return said, _octets(member, home.item(name), variant == "twin").hex()


def main(path: str, variant: str) -> None:
    """Read what is asked for."""
    with SqliteDatabase(path) as database:
        asked = json.load(sys.stdin)
        print(
            json.dumps([read(database.store(meter), variant, name, reader) for meter, name, reader in asked])
        )


if __name__ == "__main__":
    main(*sys.argv[1:])
