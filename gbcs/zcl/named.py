"""ZCL fields by name: the body of a command to typed values, and back.

Entries become dicts by the names of the field notation, or values where an entry is one
field; a count may be left out. The way back also takes JSON forms and plain values.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from .. import values
from ..errors import BuildError
from ..events import EVENT
from ..values import Kind, code_kind, flags_kind, quantity_kind
from .clusters import Attribute
from .fieldlist import Field, FieldList, Guard, Repeat
from .meanings import BITS, CODES, UNITS
from .types import DATE, ENTRY, LIST, OCTET_STRING, TYPED, TYPES, UTC, Node, ZclType

_SAME = Kind("", "", lambda value: value, lambda given: given)


@cache
def kinds() -> dict[str, Kind]:
    """Every list of meanings as a kind."""
    found = {name: code_kind(name, names) for name, names in CODES.items()}
    found.update((name, flags_kind(name, names)) for name, names in BITS.items())
    found.update((name, quantity_kind(name, *row)) for name, row in UNITS.items())
    found["event"] = EVENT
    return found


@cache
def kind_of(number: int, meaning: str = "", unit: str = "") -> Kind:
    """The kind of a ZCL type, or of its meaning or unit where it has one."""
    found = kinds().get(meaning)
    if found is not None:
        return found
    known = TYPES.get(number)
    if known is None:
        return _SAME
    if number == UTC:
        return values.MOMENT
    if number == DATE:
        return values.ZCL_DATE
    if number == OCTET_STRING or known.form == "text":
        return _optional(values.TEXT)
    if known.form == "code":
        return flags_kind(known.name, {})
    if known.form == "boolean":
        return Kind(known.name, "true or false", lambda octet: bool(octet) if octet < 2 else octet, _octet)
    if known.is_number:
        return quantity_kind(known.name, unit) if unit else _plain_number(known)
    return Kind(known.name, "octets in hex", lambda octets: octets, values.accept_octets)


def _plain_number(known: ZclType) -> Kind:
    low, high = known.limits
    return Kind(known.name, f"{low}..{high}", lambda number: number, values.accept_number)


def _optional(kind: Kind) -> Kind:
    """Strings may be invalid, which is nothing."""
    return Kind(
        kind.name,
        kind.about,
        lambda octets: None if octets is None else kind.typed(octets),
        lambda given: None if given is None else kind.plain(given),
    )


def _octet(given: Any) -> int:
    return int(given) if isinstance(given, bool) else values.accept_number(given)


def named_body(fields: FieldList, body: Sequence[Node]) -> dict[str, Any] | None:
    """The values of a body by name; None where it is not what the fields declare."""
    found: dict[str, Any] = {}
    members = fields.members
    if len(body) > len(members):
        return None
    for member, node in zip(members, body, strict=False):
        if isinstance(member, Repeat):
            entries = _named_entries(member, node)
            if entries is None:
                return None
            found[member.name] = entries
        elif node.type != member.type or member.type == TYPED:
            return None
        else:
            found[member.name] = kind_of(member.type, member.meaning).typed(node.value)
    return found


def _named_entries(repeat: Repeat, node: Node) -> list[Any] | None:
    if node.type != LIST:
        return None
    if repeat.single:
        member = repeat.items.members[0]
        if isinstance(member, Repeat) or any(entry.type != member.type for entry in node.value):
            return None
        kind = kind_of(member.type, member.meaning)
        return [kind.typed(entry.value) for entry in node.value]
    entries = []
    for entry in node.value:
        inner = named_body(repeat.items, entry.value) if entry.type == ENTRY else None
        if inner is None:
            return None
        entries.append(inner)
    return entries


def body_of(fields: FieldList, given: Mapping[str, Any], path: str) -> tuple[Node, ...]:
    """The body of values in any form. Raises BuildError with the path of what is wrong."""
    if not isinstance(given, Mapping):
        raise BuildError("an object is needed", path)
    given = _counted(fields, given)
    nodes: list[Node] = []
    places: dict[str, int] = {}
    done = set()
    for element in fields.elements:
        if isinstance(element, Guard):
            if (nodes[places[element.field]].value == element.value) is not element.equal:
                break
            continue
        where = f"{path}.{element.name}"
        if element.name not in given:
            if isinstance(element, Field) and element.optional:
                break
            raise BuildError("missing", where)
        done.add(element.name)
        places[element.name] = len(nodes)
        value = given[element.name]
        if isinstance(element, Repeat):
            entries = _entries(element, value, where)
            if element.count and nodes[places[element.count]].value & element.mask != len(entries):
                raise BuildError(f"{len(entries)} are given", f"{path}.{element.count}")
            nodes.append(Node(LIST, entries))
        else:
            nodes.append(Node(element.type, plain_value(element.type, element.meaning, value, where)))
    unknown = [str(name) for name in given if name not in done]
    if unknown:
        raise BuildError("no such field", f"{path}.{unknown[0]}")
    return tuple(nodes)


def _counted(fields: FieldList, given: Mapping[str, Any]) -> Mapping[str, Any]:
    """The values with the counts of their lists, where those are left out and stand alone in their field."""
    counts = {
        member.count: len(given[member.name])
        for member in fields.members
        if isinstance(member, Repeat)
        and member.count
        and member.mask >= 0xFF
        and member.count not in given
        and isinstance(given.get(member.name), list | tuple)
    }
    return {**given, **counts} if counts else given


def _entries(repeat: Repeat, given: Any, path: str) -> tuple[Node, ...]:
    if not isinstance(given, list | tuple):
        raise BuildError("a list is needed", path)
    found = []
    for index, value in enumerate(given):
        where = f"{path}[{index}]"
        if repeat.single:
            name = repeat.items.members[0].name
            found.append(body_of(repeat.items, {name: value}, where)[0])
        else:
            found.append(Node(ENTRY, body_of(repeat.items, value, where)))
    return tuple(found)


def plain_value(number: int, meaning: str, given: Any, path: str) -> Any:
    """The plain value of one in any form, within the limits of its ZCL type. Raises BuildError."""
    try:
        value = kind_of(number, meaning).plain(given)
    except ValueError as error:
        raise BuildError(str(error), path) from None
    known = TYPES[number]
    if known.is_number:
        low, high = known.limits
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            raise BuildError(f"{known.name} goes from {low} to {high}", path)
    elif known.form in ("string", "text"):
        most = (1 << 8 * known.size) - 2  # the greatest length stands for the invalid string
        if value is not None and len(value) > most:
            raise BuildError(f"{known.name} takes at most {most} octets", path)
    elif known.form == "octets" and len(value) != known.size:
        raise BuildError(f"{known.size} octets are needed, {len(value)} given", path)
    return value


def attribute_kind(attribute: Attribute) -> Kind:
    """The kind of an attribute's value."""
    return kind_of(attribute.type, attribute.meaning, attribute.unit)


def about_fields(fields: FieldList) -> str:
    """What the fields take, in one line for the reader."""
    parts = []
    for member in fields.members:
        if isinstance(member, Repeat):
            inner = about_fields(member.items) if not member.single else _about(member.items.members[0])
            parts.append(f"{member.name}: list of {inner}")
        else:
            parts.append(f"{member.name}{'?' if member.optional else ''}: {_about(member)}")
    return "{" + ", ".join(parts) + "}"


def _about(member: Field | Repeat) -> str:
    if isinstance(member, Repeat):
        return about_fields(member.items)
    known = TYPES.get(member.type)
    name = known.name if known is not None else "typed"
    return f"{name} {member.meaning}" if member.meaning else name
