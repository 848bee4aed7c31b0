"""Makes one change at a time in a copy of the project and runs the tests of the module against it.

Nothing is written into the work tree: the tests run in a copied tree, and the changed module exists only in
the memory of the process that tests it. A process is forked for each change, so that the libraries are
loaded once. Only the tests that run the changed line are taken first, quick ones before slow ones; what they
do not notice is put to all the tests of the module.
"""

from __future__ import annotations

import ast
import json
import os
import shutil
import signal
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from enum import Enum
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from importlib.util import spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import NamedTuple

from tests.mutants.sites import Site, mutated, sites

ROOT = Path(__file__).resolve().parents[2]
COPIED = ("gbcs", "smets", "chts", "hil", "tools", "tests", "pyproject.toml", "README.md", "setup.py")
LEAST_TIME = 20.0  # seconds; a run may take this or TIMES what the tests take without a change
TIMES = 8
PASSED = 0  # of pytest.main
# hypothesis is loaded before, in the parent
OPTIONS = ("-q", "-p", "no:cacheprovider", "-W", "ignore::pytest.PytestAssertRewriteWarning")


class Outcome(Enum):
    """What became of a change."""

    KILLED = "killed"
    TIMED_OUT = "timed out"
    SURVIVED = "survived"


class Covered(NamedTuple):
    """The tests without a change: which run each line, how long each takes, how long all take."""

    tests: dict[int, list[str]]
    seconds: dict[str, float]
    total: float

    def of(self, site: Site, last: int) -> list[str]:
        """The tests that run a line of the changed statement, quick ones first; none: all."""
        found = {test for line in range(site.line, last + 1) for test in self.tests.get(line, ())}
        return sorted(found, key=lambda test: (self.seconds.get(test, 0.0), test))


def copy_tree(folder: Path) -> Path:
    """The project as it stands, where it may be run in."""
    for name in COPIED:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, folder / name)
    (folder / "smets" / "tools").symlink_to(folder / "tools")  # as setup.py has it
    return folder


class _Changed(MetaPathFinder, Loader):
    """Imports one module from a changed tree."""

    def __init__(self, name: str, path: Path, tree: ast.Module) -> None:
        self._name, self._path, self._tree = name, path, tree

    def find_spec(self, fullname: str, path: object = None, target: object = None) -> ModuleSpec | None:
        return spec_from_file_location(fullname, self._path, loader=self) if fullname == self._name else None

    def exec_module(self, module: ModuleType) -> None:
        exec(compile(self._tree, str(self._path), "exec"), module.__dict__)


class _Chosen:
    """A plugin for pytest: keeps the tests chosen, in their order."""

    def __init__(self, order: Sequence[str]) -> None:
        self._places = {test: place for place, test in enumerate(order)}

    def pytest_collection_modifyitems(self, items: list[object]) -> None:
        places = self._places
        items[:] = sorted((i for i in items if i.nodeid in places), key=lambda i: places[i.nodeid])  # type: ignore[attr-defined]


class Bench:
    """One module, its tests, and the copied tree they run in."""

    def __init__(self, tree: Path, path: str, tests: Sequence[str]) -> None:
        self.tree, self.path, self.tests = tree, path, tuple(tests)
        self.source = (tree / path).read_text()
        self.sites = sites(self.source)
        self._ends = _ends(self.source)
        self.covered = Covered({}, {}, 0.0)

    def measure(self) -> None:
        """Run the tests unchanged, and learn which runs which line. Raises RuntimeError where one fails."""
        report = self.tree / f"{self.path.replace('/', '.')}.json"
        start = time.monotonic()
        status = _waited(self._forked(lambda: self._watched(report)), 600.0)
        if status != PASSED:
            raise RuntimeError(f"the tests of {self.path} do not pass without a change")
        found = json.loads(report.read_text())
        lines = {int(line): tests for line, tests in found["lines"].items()}
        self.covered = Covered(lines, found["seconds"], time.monotonic() - start)

    @property
    def limit(self) -> float:
        """How long a run may take, in seconds."""
        return max(LEAST_TIME, TIMES * self.covered.total)

    def outcome(self, site: Site) -> Outcome:
        """What becomes of one change."""
        chosen = self.covered.of(site, self._ends.get(site.line, site.line))
        rounds = [chosen, []] if chosen else [[]]
        for tests in rounds:
            status = _waited(self._forked(lambda tests=tests: self._run(site, tests)), self.limit)
            if status is None:
                return Outcome.TIMED_OUT
            if status != PASSED:
                return Outcome.KILLED
        return Outcome.SURVIVED

    def _run(self, site: Site, tests: Sequence[str]) -> int:
        import pytest

        name = self.path.removesuffix(".py").replace("/", ".")
        sys.meta_path.insert(0, _Changed(name, self.tree / self.path, mutated(self.source, site.number)))
        files = list(dict.fromkeys(test.partition("::")[0] for test in tests)) or list(self.tests)
        plugins = [_Chosen(tests)] if tests else []
        return int(pytest.main([*OPTIONS, "-x", *files], plugins))

    def _watched(self, report: Path) -> int:
        import coverage
        import pytest

        measured = coverage.Coverage(data_file=None, include=[str(self.tree / self.path)], config_file=False)
        seconds: dict[str, float] = {}

        class Watch:
            @pytest.hookimpl(hookwrapper=True)
            def pytest_runtest_protocol(self, item: pytest.Item) -> Iterator[None]:
                measured.switch_context(item.nodeid)
                start = time.monotonic()
                yield
                seconds[item.nodeid] = time.monotonic() - start
                measured.switch_context("")

        measured.start()
        status = int(pytest.main([*OPTIONS, *self.tests], [Watch()]))
        measured.stop()
        contexts = measured.get_data().contexts_by_lineno(str(self.tree / self.path))
        lines = {line: [test for test in tests if test] for line, tests in contexts.items()}
        report.write_text(json.dumps({"lines": lines, "seconds": seconds}))
        return status

    def _forked(self, work: Callable[[], int]) -> int:
        """The process id of a child that does the work in the copied tree, and ends with its status."""
        child = os.fork()
        if child:
            return child
        status = 3
        try:
            os.setsid()
            nothing = os.open(os.devnull, os.O_RDWR)
            for stream in (0, 1, 2):
                os.dup2(nothing, stream)
            os.chdir(self.tree)
            for name in [name for name in sys.modules if name.partition(".")[0] == "tests"]:
                del sys.modules[name]
            sys.path[:] = [str(self.tree), *(p for p in sys.path if p and Path(p).resolve() != ROOT)]
            sys.dont_write_bytecode = True
            status = work()
        except BaseException:  # noqa: BLE001 - a changed module may raise anything: noticed
            status = 3
        finally:
            os._exit(status)


def _ends(source: str) -> dict[int, int]:
    """Last line of the innermost simple statement that covers a line."""
    ends: dict[int, int] = {}
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.stmt) and not hasattr(node, "body"):
            for line in range(node.lineno, (node.end_lineno or node.lineno) + 1):
                ends[line] = node.end_lineno or node.lineno
    return ends


def _waited(child: int, limit: float) -> int | None:
    """The status of a child; None where it was ended after the limit, in seconds."""
    with _alarm(limit):
        try:
            _, status = os.waitpid(child, 0)
        except TimeoutError:
            os.killpg(child, signal.SIGKILL)
            os.waitpid(child, 0)
            return None
    return os.waitstatus_to_exitcode(status)


@contextmanager
def _alarm(seconds: float) -> Iterator[None]:
    def ring(number: int, frame: object) -> None:
        raise TimeoutError

    held = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, held)
