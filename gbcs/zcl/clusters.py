"""THE table of ZCL clusters: their attributes and commands, as GBCS uses them.

Parsers, builders, devices and documents read the same rows. Source: GBCS use-case mapping
tables, ZSE for the field layouts (reference: the gas ZCL objects, gbz-payloads 2 to 8); what
only the home network uses has a name here but no fields (reference: the HAN clusters).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from ..errors import BuildError
from .fieldlist import FieldList, parse_fields
from .types import BY_NAME

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
HELD_BY_CLIENTS = frozenset((0x0019,))  # clusters whose attributes are those of the client's side
# frame control: bits 0-1 type, 2 manufacturer specific, 3 direction, 4 disable default response
CLUSTER_SPECIFIC = 0x01
MANUFACTURER_SPECIFIC = 0x04
TO_CLIENT = 0x08
NO_DEFAULT_RESPONSE = 0x10

READ_ATTRIBUTES = 0x00
READ_ATTRIBUTES_RESPONSE = 0x01
DEFAULT_RESPONSE = 0x0B
DISCOVER_ATTRIBUTES = 0x0C
DISCOVER_ATTRIBUTES_RESPONSE = 0x0D

SUCCESS = 0x00
FAILURE = 0x01
MALFORMED = 0x80
UNSUP_CLUSTER_COMMAND = 0x81
UNSUPPORTED_ATTRIBUTE = 0x86
NOT_FOUND = 0x8B


@dataclass(frozen=True, slots=True)
class Attribute:
    """An attribute, of the server but in `HELD_BY_CLIENTS`; `items` are the data items behind it.

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
def _attribute_names() -> dict[tuple[int, str], Attribute]:
    return {(a.cluster, a.name): a for a in attributes()}


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


def attribute_by_name(cluster: int, name: str) -> Attribute:
    """The attribute of a cluster by its name. Raises BuildError."""
    try:
        return _attribute_names()[cluster, name]
    except KeyError:
        raise BuildError(f"cluster {cluster:04X} has no attribute called {name!r}") from None


@cache
def attributes_of(cluster: int) -> tuple[Attribute, ...]:
    """The attributes of a cluster, in order of their identifiers."""
    return tuple(a for a in attributes() if a.cluster == cluster)


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
