"""The one-way doors between the rooms, read from the sources: gbcs <- smets <- chts <- hil <- tools.

Imports count wherever they stand: at the top, in a function, or for type checking only.
"""

import ast
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

ROOMS = ("gbcs", "smets", "chts", "hil", "tools")
BELOW_HIL = ("gbcs", "smets", "chts")

ONLY_HIL = frozenset({"asyncio", "bellows", "serial", "socket", "sqlite3", "zigpy"})
NEVER_BELOW_HIL = frozenset(
    {"multiprocessing", "random", "secrets", "select", "selectors", "shutil", "ssl", "subprocess"}
    | {"tempfile", "threading", "time"}
)
FAMILIES = ("gbcs.dlms", "gbcs.zcl", "gbcs.asn1")  # do not know each other
TABLE = ("gbcs.usecases", "gbcs.usecase_rows")  # what a family may know, unlike its users
MAY_IMPORT_CONSTRUCT = ("gbcs.layout", "gbcs.dlms")
MAY_OPEN = ("gbcs.security.folder",)

CLOCK_AND_CHANCE = (
    "datetime.date.today",
    "datetime.datetime.now",
    "datetime.datetime.today",
    "datetime.datetime.utcnow",
    "ec.generate_private_key",
    "os.getrandom",
    "os.urandom",
    "uuid.uuid1",
    "uuid.uuid4",
    "x509.random_serial_number",
)
OPENING = ("open", "builtins.open", "codecs.open", "io.open", "io.open_code", "os.fdopen", "os.open")
OPENING_METHODS = frozenset({"read_bytes", "read_text", "write_bytes", "write_text"})


@dataclass
class Module:
    """One source file: its name inside the project, what it imports, what it mentions."""

    name: str
    path: Path
    imports: list[tuple[int, str]] = field(default_factory=list)
    mentions: list[tuple[int, str]] = field(default_factory=list)
    methods: list[tuple[int, str]] = field(default_factory=list)
    escapes: list[int] = field(default_factory=list)

    @property
    def room(self) -> str:
        return self.name.partition(".")[0]

    def inside(self, *packages: str) -> bool:
        return within(self.name, *packages)


def within(name: str, *packages: str) -> bool:
    return any(name == package or name.startswith(package + ".") for package in packages)


def read(root: Path) -> list[Module]:
    """Every source file of the rooms, by path."""
    return [
        _read(path, root)
        for room in ROOMS
        for path in sorted((root / room).rglob("*.py"))
        if "__pycache__" not in path.parts
    ]


def _read(path: Path, root: Path) -> Module:
    parts = path.relative_to(root).with_suffix("").parts
    package = parts[:-1]
    module = Module(".".join(package if parts[-1] == "__init__" else parts), path)
    names: dict[str, str] = {}  # local name -> what it stands for
    tree = ast.parse(path.read_text(encoding="utf-8"), str(path))
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                module.imports.append((node.lineno, _ours(alias.name)))
                names[alias.asname or alias.name.partition(".")[0]] = (
                    alias.name if alias.asname else alias.name.partition(".")[0]
                )
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                if node.level > len(package):
                    module.escapes.append(node.lineno)
                    continue
                base = ".".join((*package[: len(package) - node.level + 1], *filter(None, [base])))
            for alias in node.names:
                # `from x import y`: y may be a module; as a dotted name it serves both readings.
                module.imports.append((node.lineno, _ours(f"{base}.{alias.name}")))
                names[alias.asname or alias.name] = f"{base}.{alias.name}"
    for node in ast.walk(tree):
        if isinstance(node, (ast.Attribute, ast.Name)) and (dotted := _dotted(node, names)):
            module.mentions.append((node.lineno, dotted))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            method = node.func.attr
            if method == "open":
                owner = node.func.value
                owner = owner.func if isinstance(owner, ast.Call) else owner
                if (_dotted(owner, names) or "").endswith("Path"):
                    module.methods.append((node.lineno, "Path.open"))
            elif method in OPENING_METHODS:
                module.methods.append((node.lineno, method))
    return module


def _ours(name: str) -> str:
    """The installed name of the command line, as the room it is here."""
    return name.removeprefix("smets.") if within(name, "smets.tools") else name


def _dotted(node: ast.AST, names: dict[str, str]) -> str | None:
    if isinstance(node, ast.Name):
        return names.get(node.id, node.id)
    if isinstance(node, ast.Attribute) and (owner := _dotted(node.value, names)):
        return f"{owner}.{node.attr}"
    return None


def violations(root: Path) -> list[str]:
    """Every use of a door in the wrong direction, as `file:line: what`."""
    modules = read(root)
    users = {
        module.name
        for module in modules
        if not module.inside(*FAMILIES, *TABLE)
        and module.room == "gbcs"
        and any(within(name, *TABLE) for _, name in module.imports)
    }
    found = []
    for module in modules:
        where = module.path.relative_to(root)
        found += [f"{where}:{line}: {what}" for line, what in sorted(_violations(module, users))]
    return found


def _violations(module: Module, users: set[str]) -> Iterator[tuple[int, str]]:
    below = module.room in BELOW_HIL
    for line in module.escapes:
        yield line, "a relative import leaves the room"
    for line, name in dict.fromkeys(module.imports):
        top = name.partition(".")[0]
        if top == "tests":
            yield line, "imports the tests"
        if top in ROOMS and ROOMS.index(top) > ROOMS.index(module.room):
            yield line, f"{module.room} imports {top}"
        if top in ONLY_HIL and module.room != "hil":
            yield line, f"only hil imports {top}"
        if top in NEVER_BELOW_HIL and below:
            yield line, f"nothing below hil imports {top}"
        if top == "construct" and not module.inside(*MAY_IMPORT_CONSTRUCT):
            yield line, f"only {' and '.join(MAY_IMPORT_CONSTRUCT)} import construct"
        for family in FAMILIES:
            if module.inside(family):
                others = [other for other in FAMILIES if other != family]
                if within(name, *others):
                    yield line, f"{family} imports {name}"
                if within(name, *users):
                    yield line, f"{family} imports {name}, a user of the use-case table"
    if not below:
        return
    for line, name in dict.fromkeys(module.mentions):
        if any(name == forbidden or name.endswith("." + forbidden) for forbidden in CLOCK_AND_CHANCE):
            yield line, f"time and chance are passed in, not taken from {name}"
        if name in OPENING and not module.inside(*MAY_OPEN):
            yield line, f"only {MAY_OPEN[0]} opens files below hil: {name}"
    for line, name in dict.fromkeys(module.methods):
        if not module.inside(*MAY_OPEN):
            yield line, f"only {MAY_OPEN[0]} opens files below hil: {name}"


def test_doors_are_one_way(root: Path) -> None:
    assert violations(root) == []


def test_every_room_is_read(root: Path) -> None:
    rooms = {module.room for module in read(root)}
    assert rooms == set(ROOMS)


def test_third_parties_are_declared() -> None:
    """The names guarded above are spelled as they are imported."""
    known = set(sys.stdlib_module_names) | {"bellows", "serial", "zigpy"}
    assert known >= ONLY_HIL | NEVER_BELOW_HIL


PLANTED = [
    ("gbcs/x.py", "import smets", "gbcs imports smets"),
    ("gbcs/x.py", "def f():\n    from smets.store import Store", "gbcs imports smets"),
    ("smets/x.py", "from chts import chf", "smets imports chts"),
    ("smets/x.py", "from smets.tools import main", "smets imports tools"),
    ("chts/x.py", "import hil.links", "chts imports hil"),
    ("hil/x.py", "import smets.tools.main", "hil imports tools"),
    ("hil/x.py", "from tests import conftest", "imports the tests"),
    ("tools/x.py", "from ..store import Store", "a relative import leaves the room"),
    ("tools/x.py", "import asyncio", "only hil imports asyncio"),
    ("smets/x.py", "import sqlite3", "only hil imports sqlite3"),
    ("chts/x.py", "from bellows.ezsp import EZSP", "only hil imports bellows"),
    ("smets/x.py", "import threading", "nothing below hil imports threading"),
    ("gbcs/dlms/x.py", "from ..zcl import types", "gbcs.dlms imports gbcs.zcl.types"),
    ("gbcs/zcl/x.py", "from gbcs import asn1", "gbcs.zcl imports gbcs.asn1"),
    ("gbcs/asn1/x.py", "from .. import party", "a user of the use-case table"),
    ("gbcs/zcl/x.py", "import construct", "import construct"),
    ("smets/x.py", "from construct import Struct", "import construct"),
    ("gbcs/x.py", "import time\ntime.time()", "nothing below hil imports time"),
    ("gbcs/x.py", "from datetime import datetime as d\nd.now()", "time and chance"),
    ("gbcs/x.py", "import datetime as d\nnow = d.datetime.utcnow", "time and chance"),
    ("smets/x.py", "import os\nx = os.urandom(8)", "time and chance"),
    ("smets/x.py", "from os import urandom\nx = urandom", "time and chance"),
    ("smets/x.py", "import secrets", "nothing below hil imports secrets"),
    ("chts/x.py", "import random", "nothing below hil imports random"),
    (
        "gbcs/x.py",
        "from cryptography.hazmat.primitives.asymmetric import ec\nk = ec.generate_private_key(c)",
        "time and chance",
    ),
    ("gbcs/x.py", "open('x')", "opens files"),
    ("smets/x.py", "from pathlib import Path\nPath('x').open()", "opens files"),
    ("smets/x.py", "def f(p):\n    return p.read_bytes()", "opens files"),
    ("gbcs/security/x.py", "import io\nio.open('x')", "opens files"),
]

ALLOWED = [
    ("smets/x.py", "from gbcs.time import Utc\nfrom gbcs.errors import GbcsError"),
    ("gbcs/x.py", "from .time import Utc\nimport datetime\nd = datetime.datetime(2020, 1, 1)"),
    ("gbcs/security/folder.py", "def f(p):\n    return p.read_bytes(), open(p)"),
    ("gbcs/dlms/x.py", "import construct\nfrom ..usecases import TABLE\nfrom . import y"),
    ("gbcs/layout.py", "import construct"),
    ("smets/x.py", "def f(valve, clock):\n    valve.open()\n    return clock.now()"),
    ("hil/x.py", "import asyncio, sqlite3, time, chts\nopen('x')\ntime.time()"),
    ("tools/x.py", "from . import main\nimport hil, smets, time\nopen('x')"),
]


def plant(folder: Path, where: str, text: str) -> None:
    """A small project with one user of the use-case table, and the file under test."""
    for name, body in [("gbcs/party.py", "from .usecases import TABLE"), (where, text)]:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(body + "\n", encoding="utf-8")


@pytest.mark.parametrize(("where", "text", "what"), PLANTED)
def test_a_planted_violation_is_found(tmp_path: Path, where: str, text: str, what: str) -> None:
    plant(tmp_path, where, text)
    found = violations(tmp_path)
    assert len(found) >= 1
    assert all(line.startswith(f"{where}:") for line in found)
    assert any(what in line for line in found)


@pytest.mark.parametrize(("where", "text"), ALLOWED)
def test_what_is_allowed_passes(tmp_path: Path, where: str, text: str) -> None:
    plant(tmp_path, where, text)
    assert violations(tmp_path) == []
