"""THE table of ZCL clusters: their attributes and commands, as GBCS uses them.

Parsers, builders, devices and documents read the same rows. Source: GBCS use-case mapping
tables, ZSE for the field layouts (reference: the gas ZCL objects, gbz-payloads 2 to 8); what
only the home network uses has a name here but no fields (reference: the HAN clusters).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from ..errors import BuildError
from .fieldlist import FieldList, Guard, Repeat, parse_fields
from .types import BY_NAME, ENTRY, LIST, TYPED, TYPES, Node

CLUSTER_NAMES = {
    0x0000: "Basic",
    0x0003: "Identify",
    0x000A: "Time",
    0x0019: "OTA Upgrade",
    0x0025: "Keep-Alive",
    0x0700: "Price",
    0x0701: "Demand Response and Load Control",
    0x0702: "Metering",
    0x0703: "Messaging",
    0x0704: "Tunneling",
    0x0705: "Prepayment",
    0x0707: "Calendar",
    0x0708: "Device Management",
    0x0709: "Events",
    0x070A: "MDU Pairing",
    0x070B: "Sub-GHz",
    0x0800: "Key Establishment",
}
# frame control: bits 0-1 type, 2 manufacturer specific, 3 direction, 4 disable default response
CLUSTER_SPECIFIC = 0x01
MANUFACTURER_SPECIFIC = 0x04
TO_CLIENT = 0x08
NO_DEFAULT_RESPONSE = 0x10

READ_ATTRIBUTES = 0x00
READ_ATTRIBUTES_RESPONSE = 0x01
DEFAULT_RESPONSE = 0x0B

SUCCESS = 0x00
FAILURE = 0x01
NOT_FOUND = 0x8B


@dataclass(frozen=True, slots=True)
class Attribute:
    """A server attribute; `items` are the data items behind it.

    `access` is `get` where a GBCS command reads it, '' where only the home network does.
    """

    cluster: int
    id: int
    name: str
    type: int
    unit: str
    items: tuple[str, ...]
    access: str
    meaning: str


@dataclass(frozen=True, slots=True)
class Command:
    """A command; `cluster` is None for the general ones, which every cluster has.

    `to_client` is the direction (None: both), `fields` None where the layout is not known,
    `from_date_time` what a From Date Time before it means: `ActivationDateTime`,
    `EarliestEntryDateTime`, or '' where it has none (gbz-payloads 2.2).
    """

    cluster: int | None
    id: int
    to_client: bool | None
    name: str
    fields: FieldList | None
    from_date_time: str

    def body(self, values: Mapping[str, Any]) -> tuple[Node, ...]:
        """The fields of plain values by name: entries are dicts, or values where an entry is one field.

        A field for any type takes a `Node`. Raises BuildError for a field that is missing,
        unknown or not of its type.
        """
        if self.fields is None:
            raise BuildError("the layout of this command is not known", self.name)
        return tuple(_nodes(self.fields, values, self.name))

    def values(self, body: tuple[Node, ...]) -> dict[str, Any]:
        """The plain values of a body by name; `body` makes the same body of them."""
        return {} if self.fields is None else _values(self.fields, body)


def _nodes(fields: FieldList, values: Mapping[str, Any], path: str) -> list[Node]:
    nodes: list[Node] = []
    places: dict[str, int] = {}
    for element in fields.elements:
        if isinstance(element, Guard):
            if (nodes[places[element.field]].value == element.value) is not element.equal:
                break
            continue
        where = f"{path}.{element.name}"
        if element.name not in values:
            if not isinstance(element, Repeat) and element.optional:
                break
            raise BuildError("missing", where)
        value = values[element.name]
        places[element.name] = len(nodes)
        if isinstance(element, Repeat):
            nodes.append(Node(LIST, tuple(_entries(element, value, where))))
        elif element.type == TYPED:
            if not isinstance(value, Node):
                raise BuildError("a node is needed", where)
            nodes.append(value)
        else:
            nodes.append(Node(element.type, _checked(element.type, value, where)))
    unknown = values.keys() - {member.name for member in fields.members[: len(nodes)]}
    if unknown:
        raise BuildError("no such field", f"{path}.{min(unknown)}")
    return nodes


def _entries(repeat: Repeat, values: Any, path: str) -> list[Node]:
    if not isinstance(values, list | tuple):
        raise BuildError("a list is needed", path)
    entries = []
    for index, value in enumerate(values):
        where = f"{path}[{index}]"
        if repeat.single:
            entries.append(_nodes(repeat.items, {repeat.items.members[0].name: value}, where)[0])
        elif isinstance(value, Mapping):
            entries.append(Node(ENTRY, tuple(_nodes(repeat.items, value, where))))
        else:
            raise BuildError("an entry is needed", where)
    return entries


def _checked(kind: int, value: Any, path: str) -> Any:
    known = TYPES[kind]
    if known.is_number:
        low, high = known.limits
        if not isinstance(value, int) or not low <= value <= high:
            raise BuildError(f"{known.name} goes from {low} to {high}", path)
        return int(value)
    if not isinstance(value, bytes) and not (value is None and known.form in ("string", "text")):
        raise BuildError("octets are needed", path)
    return value


def _values(fields: FieldList, nodes: tuple[Node, ...]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for member, node in zip(fields.members, nodes, strict=False):
        if not isinstance(member, Repeat):
            found[member.name] = node if member.type == TYPED else node.value
        elif member.single:
            single = member.items.members[0]
            typed = not isinstance(single, Repeat) and single.type == TYPED
            found[member.name] = [entry if typed else entry.value for entry in node.value]
        else:
            found[member.name] = [_values(member.items, entry.value) for entry in node.value]
    return found


def attribute_row(
    cluster: int, number: int, name: str, type_text: str, unit: str, items: str, access: str
) -> Attribute:
    """Make one attribute from its compact form. Raises BuildError."""
    type_name, _, meaning = type_text.partition("@")
    if type_name not in BY_NAME:
        raise BuildError(f"no ZCL type is called {type_name!r}", name)
    names = tuple(item.strip() for item in items.split(";")) if items else ()
    return Attribute(cluster, number, name, BY_NAME[type_name].id, unit, names, access, meaning)


def command_row(
    cluster: int | None, direction: str, number: int, name: str, fields: str | None, from_date_time: str = ""
) -> Command:
    """Make one command from its compact form; the direction is `server`, `client` or `both`."""
    to_client = {"server": False, "client": True, "both": None}[direction]
    layout = None if fields is None else parse_fields(fields)
    return Command(cluster, number, to_client, name, layout, from_date_time)


@cache
def attributes() -> tuple[Attribute, ...]:
    """Every attribute, in order of cluster and identifier."""
    from .attributes_rows import ROWS  # noqa: PLC0415  (kept out of importing this module)

    return tuple(attribute_row(*row) for row in ROWS)


@cache
def commands() -> tuple[Command, ...]:
    """Every command: the general ones, then those of the clusters."""
    from .commands_rows import ROWS  # noqa: PLC0415  (kept out of importing this module)

    return tuple(command_row(*row) for row in ROWS)


@cache
def _attributes() -> dict[tuple[int, int], Attribute]:
    return {(a.cluster, a.id): a for a in attributes()}


@cache
def _commands() -> dict[tuple[int | None, bool | None, int], Command]:
    return {(c.cluster, c.to_client, c.id): c for c in commands()}


@cache
def _command_names() -> dict[str, Command]:
    found = {}
    for command in commands():
        found[command.name] = command
    return found


def attribute(cluster: int, number: int) -> Attribute | None:
    """The attribute of a cluster, or None."""
    return _attributes().get((cluster, number))


def command(cluster: int, frame_control: int, number: int) -> Command | None:
    """The command a ZCL header announces, or None where the table has none."""
    kind = frame_control & 0x07
    if kind == 0:
        return _commands().get((None, None, number))
    if kind == CLUSTER_SPECIFIC:
        return _commands().get((cluster, bool(frame_control & TO_CLIENT), number))
    return None


def command_by_name(name: str) -> Command:
    """The command of a name; no two have the same. Raises BuildError."""
    try:
        return _command_names()[name]
    except KeyError:
        raise BuildError(f"no ZCL command is called {name!r}") from None


def cluster_name(cluster: int) -> str | None:
    """The name of a cluster, or None."""
    return CLUSTER_NAMES.get(cluster)
