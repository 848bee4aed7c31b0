"""COSEM values by name: plain values of a wire type to typed ones, and back.

Structures become dicts by the names of the type notation, arrays lists, leaves what their
meaning makes of them (`meanings`). The way back also takes JSON forms and plain values.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

from .. import values
from ..errors import BuildError
from .axdr import Data
from .meanings import kinds
from .wire import (
    Array,
    Bits,
    Boolean,
    Compact,
    Null,
    Number,
    Octets,
    OneOf,
    Structure,
    Text,
    Value,
    WireType,
)

Convert = Callable[[Any], Any]


def named_value(wire: WireType, data: Data) -> Any:
    """The typed value of a node. Raises TypeMismatch."""
    return typed(wire)(wire.decode(data))


def data_of(wire: WireType, given: Any, path: str = "") -> Data:
    """The node of a value in any form. Raises BuildError with the path of what is wrong."""
    try:
        return wire.encode(plain_value(wire, given, path))
    except BuildError as error:
        reason = str(error).removeprefix(f"{error.path}: ")
        where = error.path if error.path.startswith(path) else f"{path}.{error.path}".strip(".")
        raise BuildError(reason, where) from None


@cache
def typed(wire: WireType) -> Convert:
    """What makes the typed value of a plain one of this type."""
    if isinstance(wire, Structure):
        return _typed_structure(wire)
    if isinstance(wire, Array | Compact):
        inner = typed(wire.item)
        return list if inner is _same else lambda value: [inner(item) for item in value]
    if isinstance(wire, OneOf):
        return _typed_one_of(wire)
    kind = kinds().get(getattr(wire, "meaning", ""))
    return _same if kind is None else kind.typed


def plain_value(wire: WireType, given: Any, path: str = "") -> Value:
    """The plain value of one in any form. Raises BuildError.

    What only the wire type can judge, as ranges and lengths, is left to it.
    """
    if isinstance(wire, Structure):
        return _plain_structure(wire, given, path)
    if isinstance(wire, Array | Compact):
        if not isinstance(given, list | tuple):
            raise BuildError("a list is needed", path)
        return tuple(plain_value(wire.item, item, f"{path}[{index}]") for index, item in enumerate(given))
    if isinstance(wire, OneOf):
        return _plain_one_of(wire, given, path)
    try:
        return _plain_leaf(wire, given)
    except ValueError as error:
        raise BuildError(str(error), path) from None


def _same(value: Any) -> Any:
    return value


def _typed_structure(wire: Structure) -> Convert:
    names, items = wire.names, tuple(typed(item) for item in wire.items)
    if all(item is _same for item in items):
        return lambda value: dict(zip(names, value, strict=True))
    pairs = tuple(zip(names, items, strict=True))
    return lambda value: {name: convert(inner) for (name, convert), inner in zip(pairs, value, strict=True)}


def _typed_one_of(wire: OneOf) -> Convert:
    choices = tuple((choice, typed(choice)) for choice in wire.choices)
    if all(convert is _same for _, convert in choices):
        return _same

    def convert(value: Any) -> Any:
        for choice, convert in choices:
            if choice.fits(value):
                return convert(value)
        raise BuildError(f"none of {wire.text} fits")

    return convert


def _plain_structure(wire: Structure, given: Any, path: str) -> Value:
    if isinstance(given, tuple):
        if len(given) != len(wire.items):
            raise BuildError(f"{len(wire.items)} elements are needed, {len(given)} given", path)
        given = dict(zip(wire.names, given, strict=True))
    if not isinstance(given, Mapping):
        raise BuildError(f"an object of {', '.join(wire.names)} is needed", path)
    unknown = [str(name) for name in given if name not in wire.names]
    if unknown:
        raise BuildError(f"has nothing called {unknown[0]!r}", path)
    found = []
    for name, item in zip(wire.names, wire.items, strict=True):
        where = f"{path}.{name}".lstrip(".")
        if name not in given:
            raise BuildError("missing", where)
        found.append(plain_value(item, given[name], where))
    return tuple(found)


def _plain_one_of(wire: OneOf, given: Any, path: str) -> Value:
    faults = []
    for choice in wire.choices:
        try:
            value = plain_value(choice, given, path)
            choice.encode(value)
        except BuildError as error:
            faults.append(error)
        else:
            return value
    deepest = max(faults, key=lambda fault: len(fault.path))
    reason = str(deepest).removeprefix(f"{deepest.path}: ")
    raise BuildError(reason, deepest.path if deepest.path.startswith(path) else path) from None


def _plain_leaf(wire: WireType, given: Any) -> Value:
    """The plain value of a leaf. Raises ValueError."""
    kind = kinds().get(getattr(wire, "meaning", ""))
    if kind is not None:
        value: Value = kind.plain(given)
        return value
    if isinstance(wire, Number):
        return values.accept_number(given)
    if isinstance(wire, Octets):
        return values.accept_octets(given)
    if isinstance(wire, Boolean):
        return _boolean(given)
    if isinstance(wire, Text | Bits):
        if not isinstance(given, str):
            raise ValueError("a text is needed")
        return given
    if isinstance(wire, Null) and given in (None, "null"):
        return None
    raise ValueError("null is needed")


def _boolean(given: Any) -> bool:
    if isinstance(given, str) and given.lower() in ("true", "false"):
        return given.lower() == "true"
    if not isinstance(given, bool):
        raise ValueError(f"true or false is needed, not {given!r}")
    return given


def about(wire: WireType) -> str:
    """What may be given for a type, in one line for the reader."""
    if isinstance(wire, Structure):
        inner = ", ".join(f"{n}: {about(i)}" for n, i in zip(wire.names, wire.items, strict=True))
        return f"{{{inner}}}"
    if isinstance(wire, Array | Compact):
        return f"list of {_count(wire.lo, wire.hi)} {about(wire.item)}"
    if isinstance(wire, OneOf):
        return " or ".join(about(choice) for choice in wire.choices)
    meaning = getattr(wire, "meaning", "")
    kind = kinds().get(meaning)
    if isinstance(wire, Number):
        limits = f"{wire.lo}..{wire.hi}"
        return limits if kind is None else f"{limits} {kind.about}" if len(kind.about) < 30 else kind.name
    if kind is not None:
        return kind.about if isinstance(wire, Boolean) else f"{kind.name}{_size(wire)}"
    if isinstance(wire, Octets):
        return f"octets{_size(wire)} in hex"
    if isinstance(wire, Bits):
        return f"bits{_size(wire)} as 0 and 1"
    if isinstance(wire, Text):
        return f"text{_size(wire)}"
    return "true or false" if isinstance(wire, Boolean) else "null"


def _size(wire: WireType) -> str:
    lo, hi = getattr(wire, "lo", 0), getattr(wire, "hi", 0)
    return f" ({lo if lo == hi else f'{lo}..{hi}'})"


def _count(lo: int, hi: int) -> str:
    return str(lo) if lo == hi else f"{lo}..{hi}"
