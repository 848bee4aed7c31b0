"""The settings of the project: frozen dataclasses that end in `Settings`, with defaults and texts.

The text of a setting is the string below it. A class without such strings says it all in its
docstring; each field that is named there in backquotes gets the sentence from there.
"""

from __future__ import annotations

import ast
import dataclasses
import importlib
import importlib.util
import inspect
import pkgutil
import re
from collections.abc import Iterator
from enum import Enum
from pathlib import Path
from typing import Any, NamedTuple

PACKAGES = ("gbcs", "smets", "chts", "hil")
_NOT = "smets.tools"  # the commands, which have no settings of their own
_SENTENCE = re.compile(r"(?<=\.)\s+(?=[`A-Z])")
_CLASS = re.compile(r"^class (\w+Settings)\b", re.MULTILINE)


class Group(NamedTuple):
    """One class of settings: its paragraphs, and name, default and text of each setting."""

    module: str
    name: str
    about: tuple[str, ...]
    rows: tuple[tuple[str, str, str], ...]


def groups() -> Iterator[Group]:
    """Every group, in the order of the modules."""
    for module, name, source in _classes():
        found = getattr(importlib.import_module(module), name)
        params = getattr(found, "__dataclass_params__", None)
        if params is not None and params.frozen:
            yield _group(module, found, source)


def _classes() -> Iterator[tuple[str, str, str]]:
    """Module, name and source of the classes; modules without any are not imported."""
    for module, source in sources():
        for name in _CLASS.findall(source):
            yield module, name, source


def sources() -> Iterator[tuple[str, str]]:
    """Name and source of every module of the packages, in their order."""
    for package in PACKAGES:
        paths = importlib.import_module(package).__path__
        for info in sorted(pkgutil.walk_packages(paths, f"{package}."), key=lambda info: info.name):
            if not (info.ispkg or info.name.startswith(_NOT)):
                yield info.name, _source(info)


def _source(info: pkgutil.ModuleInfo) -> str:
    spec = importlib.util.find_spec(info.name)
    if spec is None:
        return ""
    get_source = getattr(spec.loader, "get_source", None)
    if get_source is not None:
        return get_source(info.name) or ""
    path = Path(spec.origin or "")  # a loader that cannot tell, as pytest's
    return path.read_text(encoding="utf-8") if path.suffix == ".py" and path.is_file() else ""


def _group(module: str, found: type, source: str) -> Group:
    about = inspect.cleandoc(found.__doc__ or "")
    sentences = [_joined(text) for text in _SENTENCE.split(about)]
    rows, used = [], set[str]()
    for name, default, text in _rows(found, source, ""):
        if not text:
            said = [one for one in sentences if f"`{name}`" in one]
            used.update(said)
            text = " ".join(said).removeprefix(f"`{name}`: ")
        rows.append((name, default, text))
    paragraphs = _joined(" ".join(one for one in sentences if one not in used))
    return Group(module, found.__name__, (paragraphs,), tuple(rows))


def _rows(found: type, source: str, prefix: str) -> Iterator[tuple[str, str, str]]:
    """Name, default and text of each setting; those of a group inside have the name of both."""
    texts = _texts(found.__name__, source)
    for field in dataclasses.fields(found):
        factory = field.default_factory
        default = field.default if factory is dataclasses.MISSING else factory()
        name = f"{prefix}{field.name}"
        if dataclasses.is_dataclass(default):
            inner = type(default)
            yield name, inner.__name__, texts.get(field.name, "")
            yield from _rows(inner, source, f"{name}.")
        else:
            yield name, shown(default), texts.get(field.name, "")


def _texts(name: str, source: str) -> dict[str, str]:
    """The strings below the fields of a class."""
    found: dict[str, str] = {}
    for node in ast.parse(source).body:
        if not isinstance(node, ast.ClassDef) or node.name != name:
            continue
        for field, below in zip(node.body, node.body[1:], strict=False):
            if (
                isinstance(field, ast.AnnAssign)
                and isinstance(field.target, ast.Name)
                and isinstance(below, ast.Expr)
                and isinstance(below.value, ast.Constant)
                and isinstance(below.value.value, str)
            ):
                found[field.target.id] = _joined(below.value.value)
    return found


def shown(value: Any) -> str:
    """A default as a reader writes it: hex for octets, names for members of an enumeration."""
    if isinstance(value, Enum):
        return value.name
    if isinstance(value, bytes):
        return value.hex().upper()
    if isinstance(value, frozenset):
        return ", ".join(sorted(map(shown, value))) or "none"
    if isinstance(value, tuple):
        return ", ".join(map(shown, value)) or "none"
    return str(value) if isinstance(value, str) else repr(value)


def _joined(text: str) -> str:
    return " ".join(text.split())
