"""THE table of COSEM objects: one row a member (attribute or method) of a GBCS device.

A row names class, logical name and member, who may do what with it, the wire type of its
datum, and the data item behind it. Parsers, builders, devices and documents read the same
rows. Source: GBCS use-case mapping tables and DLMS Blue Book (reference: the COSEM object
list, dlms-payloads 4 to 7), limits from SMETS 5.7 (reference: smets-esme 6).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum
from functools import cache
from typing import TypeAlias

from ..errors import BuildError
from ..ids import DeviceType
from .meanings import UNITS
from .names import ln_octets, ln_text
from .types import Compact, Value, WireType, parse_type

# class_id, logical name, "a2 value" or "m1 reset", access, item, wire type, unit, flags, constant
Row: TypeAlias = tuple[int, str, str, str, str, str, str, str, Value]

CLASS_NAMES = {
    1: "Data",
    3: "Register",
    4: "Extended register",
    7: "Profile generic",
    8: "Clock",
    9: "Script table",
    10: "Schedule",
    11: "Special days table",
    20: "Activity calendar",
    21: "Register monitor",
    22: "Single action schedule",
    30: "Data protection",
    70: "Disconnect control",
    71: "Limiter",
    104: "ZigBee network control",
    111: "Account",
    112: "Credit",
    113: "Charge",
    115: "Token gateway",
    9000: "Extended data",
}
ACCESS = frozenset("get set select protected action".split())
FLAGS = frozenset("twin polyphase aux apc boost dual-band legacy chf shared ours".split())

# a number whose unit is that of its row
_PLAIN_NUMBER = re.compile(r"\b([ui](?:16|32))\b(?!@)")

# result codes of an item (reference: dlms-payloads 3)
READ_WRITE_DENIED = 3
OBJECT_UNDEFINED = 4
OBJECT_CLASS_INCONSISTENT = 9


class MemberKind(Enum):
    """What a member is; attribute 2 and method 2 of an object are different members."""

    ATTRIBUTE = "attribute"
    METHOD = "method"


_CHOICES = {
    1: (MemberKind.ATTRIBUTE, "get"),
    2: (MemberKind.ATTRIBUTE, "set"),
    3: (MemberKind.METHOD, "action"),
    4: (MemberKind.ATTRIBUTE, "select"),
}


@dataclass(frozen=True, slots=True)
class Member:
    """One row.

    `item` is unique: the data item behind an attribute (`LoadLimitPeriod`, its `.Passive`
    value, `.ActivationTime`), or what a method does (`LoadLimitCounter.reset`, lower case).
    `access` holds get, set, select (only with selective access), protected (only through
    class 30), action; it is empty for what appears in an alert only.
    `type` is the notation of the attribute or of the method's parameter, `twin_type` its
    form on a twin-element meter, `result_type` that of the method's return value.
    `constant` is the value a read always gives or a set or parameter always has.
    """

    class_id: int
    logical_name: bytes
    kind: MemberKind
    number: int
    name: str
    access: frozenset[str]
    item: str
    type: str
    twin_type: str
    result_type: str
    unit: str
    flags: frozenset[str]
    constant: Value

    @property
    def ln(self) -> str:
        """The logical name as text."""
        return ln_text(self.logical_name)

    @property
    def devices(self) -> tuple[DeviceType, ...]:
        """The device types that have it."""
        if "chf" in self.flags:
            return (DeviceType.CHF,)
        return (DeviceType.ESME, DeviceType.CHF) if "shared" in self.flags else (DeviceType.ESME,)

    @property
    def entries(self) -> int:
        """Capacity of a profile buffer (class 7 attribute 2), else 0."""
        wire = self.wire()
        return wire.hi if isinstance(wire, Compact) else 0

    def wire(self, twin: bool = False) -> WireType:
        """The wire type of the attribute or parameter on a single or twin element meter."""
        return parse_type(self.twin_type if twin and self.twin_type else self.type)

    def any_wire(self) -> WireType:
        """The wire type whatever the meter: what a remote party accepts."""
        return parse_type(f"{self.type}|{self.twin_type}" if self.twin_type else self.type)

    def result_wire(self) -> WireType:
        """The wire type of a method's return value; null for an attribute."""
        return parse_type(self.result_type or "null")

    def __str__(self) -> str:
        return f"{self.class_id}/{self.ln}/{self.number}"


@dataclass(frozen=True, slots=True)
class CosemObject:
    """An object: the members that share class and logical name."""

    class_id: int
    logical_name: bytes
    members: tuple[Member, ...]

    @property
    def class_name(self) -> str:
        """The name of its class."""
        return CLASS_NAMES[self.class_id]


class ObjectModel:
    """The objects one device has: the table, or a part of it. Use `model`."""

    __slots__ = ("_classes", "_found", "_items", "_objects", "members")

    def __init__(self, members: Iterable[Member]) -> None:
        self.members = tuple(members)
        self._found = {(m.class_id, m.logical_name, m.kind, m.number): m for m in self.members}
        self._items = {m.item: m for m in self.members}
        self._classes = {m.logical_name: m.class_id for m in self.members}
        grouped: dict[tuple[int, bytes], list[Member]] = {}
        for m in self.members:
            grouped.setdefault((m.class_id, m.logical_name), []).append(m)
        self._objects = {key: CosemObject(*key, tuple(group)) for key, group in grouped.items()}

    @property
    def objects(self) -> tuple[CosemObject, ...]:
        """The objects in the order of the table."""
        return tuple(self._objects.values())

    def member(self, class_id: int, ln: bytes, kind: MemberKind, number: int) -> Member | None:
        """The member, or None."""
        return self._found.get((class_id, ln, kind, number))

    def by_item(self, item: str) -> Member:
        """The member behind a data item. Raises BuildError for an unknown name."""
        try:
            return self._items[item]
        except KeyError:
            raise BuildError(f"no COSEM member is called {item!r}") from None

    def has_object(self, class_id: int, ln: bytes) -> bool:
        """Whether there is an object of that class and logical name."""
        return (class_id, ln) in self._objects

    def class_of(self, ln: bytes) -> int | None:
        """The class of the object of that logical name, None if there is none."""
        return self._classes.get(ln)

    def find(self, choice: int, class_id: int, ln: bytes, number: int) -> Member | int:
        """The member an access-request item addresses, or the result code that refuses it.

        4 no such logical name, 9 another class, 3 no such member or not for this access.
        """
        kind, access = _CHOICES.get(choice, (MemberKind.ATTRIBUTE, ""))
        found = self._found.get((class_id, ln, kind, number))
        if found is not None:
            return found if access in found.access else READ_WRITE_DENIED
        known = self._classes.get(ln)
        if known is None:
            return OBJECT_UNDEFINED
        return OBJECT_CLASS_INCONSISTENT if known != class_id else READ_WRITE_DENIED


def row(
    class_id: int,
    ln: str,
    member_name: str,
    access: str,
    item: str,
    type_text: str,
    unit: str,
    flags: str,
    constant: Value,
) -> Member:
    """Make one member from its compact form; an unknown flag or access raises KeyError."""
    number, name = member_name.split(" ", 1)
    words, rights = frozenset(flags.split()), frozenset(access.split())
    if words - FLAGS or rights - ACCESS:
        raise KeyError(f"{item}: unknown {sorted((words - FLAGS) | (rights - ACCESS))}")
    kind = MemberKind.METHOD if number[0] == "m" else MemberKind.ATTRIBUTE
    parameter, _, result = type_text.partition(" -> ")
    if unit in UNITS:
        parameter = _PLAIN_NUMBER.sub(rf"\1@{unit}", parameter)
    single, _, twin = parameter.partition(" || ")
    return Member(
        class_id=class_id,
        logical_name=ln_octets(ln),
        kind=kind,
        number=int(number[1:]),
        name=name,
        access=rights,
        item=item,
        type=single,
        twin_type=twin,
        result_type=result,
        unit=unit,
        flags=words,
        constant=constant,
    )


@cache
def members() -> tuple[Member, ...]:
    """Every row, in order of class and logical name."""
    from . import (  # noqa: PLC0415  (kept out of importing this module)
        objects_control_rows,
        objects_data_rows,
        objects_logs_rows,
        objects_money_rows,
    )

    rows = (
        *objects_data_rows.ROWS,
        *objects_logs_rows.ROWS,
        *objects_control_rows.ROWS,
        *objects_money_rows.ROWS,
    )
    return tuple(row(*r) for r in rows)


@cache
def model(device: DeviceType | None = None, without: frozenset[str] = frozenset()) -> ObjectModel:
    """The objects of a device type (all for None), less the rows that bear one of the flags.

    A single-element meter without extras is `model(ESME, frozenset({"twin", "polyphase", "aux", "boost"}))`.
    """
    return ObjectModel(
        m for m in members() if (device is None or device in m.devices) and not m.flags & without
    )


def objects() -> tuple[CosemObject, ...]:
    """Every object."""
    return model().objects


def member(class_id: int, ln: bytes, kind: MemberKind, number: int) -> Member | None:
    """The member of the whole table, or None."""
    return model().member(class_id, ln, kind, number)


def by_item(item: str) -> Member:
    """The member behind a data item. Raises BuildError for an unknown name."""
    return model().by_item(item)


def has_object(class_id: int, ln: bytes) -> bool:
    """Whether the table has an object of that class and logical name."""
    return model().has_object(class_id, ln)


def class_of(ln: bytes) -> int | None:
    """The class of a logical name, None if it is unknown. No logical name has two classes."""
    return model().class_of(ln)


def class_known(class_id: int) -> bool:
    """Whether any object has this class."""
    return class_id in CLASS_NAMES


def ln_known(ln: bytes) -> bool:
    """Whether any object has this logical name."""
    return class_of(ln) is not None


def ln_by_text(text: str) -> bytes:
    """The octets of a logical name that the table has. Raises BuildError."""
    octets = ln_octets(text)
    if not ln_known(octets):
        raise BuildError(f"no object has the logical name {text}")
    return octets
