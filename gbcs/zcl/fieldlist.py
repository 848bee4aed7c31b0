"""The notation of command fields, and how a payload is read by it.

A list of fields is text, its parts set apart by commas::

    Name:type                 a field; the type is that of the ZCL by name, or `typed`
    Name:type@meaning         a field whose values have names (see `meanings`)
    ?Name:type                a field that may be absent, if it is at the end of the payload
    Name[]{...}               entries up to the end of the payload
    Name[Count]{...}          as many entries as the field Count says
    Name[Count&0F]{...}       as many as the masked field says
    when Field=6              go on only if the field has this value; what follows
    when Field!=0             is then absent, or not declared

An entry of one field is the node of that field, an entry of several an ENTRY node.
Octets behind the last declared field are one OPAQUE node.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache, partial
from typing import TypeAlias

from ..errors import BuildError, ParseError
from .types import BY_NAME, ENTRY, LIST, OPAQUE, TYPED, TYPES, Node, read_typed, read_value

_PART = re.compile(
    r"(?P<optional>\?)?(?P<name>\w+)(?::(?P<type>[a-z0-9-]+)(?:@(?P<meaning>[a-z-]+))?"
    r"|\[(?P<count>\w*)(?:&(?P<mask>[0-9A-F]{2}))?\]\{(?P<items>.*)\})",
    re.DOTALL,
)
_WHEN = re.compile(r"when (\w+)(!?=)(\d+)")


@dataclass(frozen=True, slots=True)
class Field:
    """A field; `type` is a ZCL type, or TYPED for any type behind its type octet."""

    name: str
    type: int
    optional: bool
    meaning: str


@dataclass(frozen=True, slots=True)
class Repeat:
    """Entries; `count` names the field with their number, '' for up to the end."""

    name: str
    count: str
    mask: int
    items: FieldList

    @property
    def single(self) -> bool:
        """An entry is one field."""
        return len(self.items.members) == 1


@dataclass(frozen=True, slots=True)
class Guard:
    """What follows is there only if a field has a value (or has not)."""

    field: str
    equal: bool
    value: int


Element: TypeAlias = Field | Repeat | Guard


class FieldList:
    """The fields of a command or of an entry, in order. Use `parse_fields`."""

    __slots__ = ("_plan", "elements", "members")

    def __init__(self, elements: tuple[Element, ...]) -> None:
        self.elements = elements
        self.members = tuple(e for e in elements if not isinstance(e, Guard))
        self._plan = _plan(elements)

    def read(self, buffer: bytes, offset: int, end: int) -> tuple[list[Node], int]:
        """The declared fields that are there, and the next offset. Raises ParseError."""
        nodes: list[Node] = []
        append = nodes.append
        for element, name, kind, width, where, optional in self._plan:
            if width:  # a field of fixed size
                stop = offset + width
                if stop > end:
                    if optional and offset == end:
                        return nodes, offset
                    raise ParseError("cut short", offset, name)
                if where == _OCTETS:
                    append(Node(kind, buffer[offset:stop]))
                else:
                    append(Node(kind, int.from_bytes(buffer[offset:stop], "little", signed=where == _SIGNED)))
                offset = stop
            elif isinstance(element, Field):
                if optional and offset == end:
                    return nodes, offset
                read = read_typed if kind == TYPED else partial(read_value, kind)
                try:
                    node, offset = read(buffer, offset, end)
                except ParseError as error:
                    raise ParseError(error.reason, error.offset, name) from None
                append(node)
            elif isinstance(element, Guard):
                if (nodes[where].value == element.value) is not element.equal:
                    return nodes, offset
            else:
                number = nodes[where].value & element.mask if element.count else None
                node, offset = _read_entries(element, number, buffer, offset, end)
                append(node)
        return nodes, offset

    def names(self, prefix: str = "") -> list[str]:
        """The names of all fields, those in entries after the name of the list and a dot."""
        found = []
        for member in self.members:
            found.append(prefix + member.name)
            if isinstance(member, Repeat):
                found += member.items.names(f"{prefix}{member.name}.")
        return found


# An element with what reading it needs: name, type, octets of a fixed size, then how a
# number is read or the place of the field that says the count or the condition, optional.
_Step: TypeAlias = tuple[Element, str, int, int, int, bool]
_SIGNED, _OCTETS = 1, 2


def _plan(elements: tuple[Element, ...]) -> tuple[_Step, ...]:
    plan: list[_Step] = []
    places: dict[str, int] = {}
    for element in elements:
        if isinstance(element, Guard):
            plan.append((element, "", 0, 0, places[element.field], False))
            continue
        places[element.name] = len(places)
        if isinstance(element, Repeat):
            plan.append((element, element.name, LIST, 0, places.get(element.count, 0), False))
            continue
        known = TYPES.get(element.type)
        width = known.size if known is not None and known.is_fixed else 0
        how = {"signed": _SIGNED, "octets": _OCTETS}.get(known.form, 0) if known is not None else 0
        plan.append((element, element.name, element.type, width, how, element.optional))
    return tuple(plan)


def _read_entries(
    repeat: Repeat, wanted: int | None, buffer: bytes, offset: int, end: int
) -> tuple[Node, int]:
    """The LIST node of entries, so many or up to the end, and the next offset."""
    items, single = repeat.items, repeat.single
    entries: list[Node] = []
    try:
        while offset < end if wanted is None else len(entries) < wanted:
            nodes, offset = items.read(buffer, offset, end)
            entries.append(nodes[0] if single else Node(ENTRY, tuple(nodes)))
    except ParseError as error:
        path = f"{repeat.name}[{len(entries)}].{error.path}"
        raise ParseError(error.reason, error.offset, path) from None
    return Node(LIST, tuple(entries)), offset


def read_body(fields: FieldList | None, buffer: bytes, offset: int, end: int) -> tuple[Node, ...]:
    """A ZCL payload up to `end`, every octet of it; what is not declared is opaque. Raises ParseError."""
    if fields is None:
        nodes: list[Node] = []
    else:
        nodes, offset = fields.read(buffer, offset, end)
    if offset < end:
        nodes.append(Node(OPAQUE, buffer[offset:end]))
    return tuple(nodes)


@cache
def parse_fields(text: str) -> FieldList:
    """The fields a notation stands for. Raises BuildError."""
    elements: list[Element] = []
    names: set[str] = set()
    for part in _split(text):
        condition = _WHEN.fullmatch(part)
        if condition is not None:
            name, sign, value = condition.groups()
            if name not in names:
                raise BuildError(f"no field {name} before {part!r}")
            elements.append(Guard(name, sign == "=", int(value)))
            continue
        match = _PART.fullmatch(part)
        if match is None:
            raise BuildError(f"not a field: {part!r}")
        name = match["name"]
        if match["type"] is None:
            if match["count"] and match["count"] not in names:
                raise BuildError(f"no field {match['count']} before {part!r}")
            mask = int(match["mask"] or "FFFF", 16)
            elements.append(Repeat(name, match["count"], mask, parse_fields(match["items"])))
        else:
            kind = TYPED if match["type"] == "typed" else _type(match["type"])
            elements.append(Field(name, kind, match["optional"] is not None, match["meaning"] or ""))
        names.add(name)
    return FieldList(tuple(elements))


def _type(name: str) -> int:
    known = BY_NAME.get(name)
    if known is None:
        raise BuildError(f"no ZCL type is called {name!r}")
    return known.id


def _split(text: str) -> list[str]:
    """The parts between the commas that are not in braces."""
    parts, depth, start = [], 0, 0
    for at, character in enumerate(text):
        depth += {"{": 1, "}": -1}.get(character, 0)
        if character == "," and not depth:
            parts.append(text[start:at].strip())
            start = at + 1
    last = text[start:].strip()
    return [*parts, last] if last or parts else []
