"""What one tree of values has that another has not, by place, and putting it back.

A place is the way to a value: names and list indexes, set apart by `/`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ..errors import BuildError
from ..values import Kind


def differences(wanted: Mapping[str, Any], base: Mapping[str, Any]) -> tuple[dict[str, Any], tuple[str, ...]]:
    """The values to put into a base, and the places to leave out, to make of it what is wanted."""
    other: dict[str, Any] = {}
    left_out: list[str] = []
    _compare(wanted, base, "", other, left_out)
    return other, tuple(left_out)


def overlaid(base: Mapping[str, Any], other: Mapping[str, Any], left_out: Iterable[str]) -> dict[str, Any]:
    """A copy of the base with other values, and without some places. Raises BuildError."""
    tree: dict[str, Any] = _copy(dict(base))
    for place in left_out:
        parent, name = _parent(tree, place)
        if not isinstance(parent, dict) or name not in parent:
            raise BuildError("there is no such place", f"left_out {place}")
        del parent[name]
    for place, value in other.items():
        parent, name = _parent(tree, place)
        if isinstance(parent, dict):
            parent[name] = value
        elif isinstance(parent, list) and _within(parent, name):
            parent[int(name)] = value
        else:
            raise BuildError("there is no such place", f"other {place}")
    return tree


def leaf(kind: Kind, value: Any, path: str) -> Any:
    """The typed value of a leaf in any form. Raises BuildError."""
    try:
        return kind.typed(kind.plain(value))
    except ValueError as error:
        raise BuildError(str(error), path) from None


def _compare(wanted: Any, base: Any, place: str, other: dict[str, Any], left_out: list[str]) -> None:
    if isinstance(wanted, Mapping) and isinstance(base, Mapping):
        for name in base:
            if name not in wanted:
                left_out.append(f"{place}{name}")
        for name, value in wanted.items():
            if name in base:
                _compare(value, base[name], f"{place}{name}/", other, left_out)
            else:
                other[f"{place}{name}"] = value
    elif isinstance(wanted, list) and isinstance(base, list) and len(wanted) == len(base):
        for index, (value, same) in enumerate(zip(wanted, base, strict=True)):
            _compare(value, same, f"{place}{index}/", other, left_out)
    elif wanted != base:
        other[place.removesuffix("/")] = wanted


def _parent(tree: Any, place: str) -> tuple[Any, str]:
    """What holds a place, and its name there. Raises BuildError."""
    *way, name = place.split("/")
    for step in way:
        if isinstance(tree, dict) and step in tree:
            tree = tree[step]
        elif isinstance(tree, list) and _within(tree, step):
            tree = tree[int(step)]
        else:
            raise BuildError("there is no such place", f"other {place}")
    return tree, name


def _within(found: list[Any], index: str) -> bool:
    return index.isdecimal() and len(index) < 6 and int(index) < len(found)


def _copy(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _copy(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [_copy(inner) for inner in value]
    return value
