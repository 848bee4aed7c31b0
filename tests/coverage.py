"""`python -m tests.coverage [--least N] [--without-reference] [FILE...]`: branches of `gbcs` its tests take.

The tests of `gbcs` and of the command line are run, or the test files given. One line a folder of `gbcs`, the
modules that are not whole, and the total. Exit status: 0 at least `--least` percent, 1 less or a test failed.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple, Self

ROOT = Path(__file__).resolve().parent.parent
LEAST = 95.0  # percent of the branches of `gbcs`
TESTS = ("tests/gbcs", "tests/tools")
TIMED = "tests/tools/test_main.py::test_help_is_fast"  # being measured takes time


class Count(NamedTuple):
    """Branches there are and branches taken, and the same of statements."""

    branches: int = 0
    taken: int = 0
    statements: int = 0
    run: int = 0

    @classmethod
    def of(cls, summary: Mapping[str, int]) -> Self:
        """From a summary of coverage's JSON report."""
        return cls(
            summary["num_branches"],
            summary["covered_branches"],
            summary["num_statements"],
            summary["covered_lines"],
        )

    def plus(self, other: "Count") -> "Count":
        """Both together."""
        return Count(*(one + two for one, two in zip(self, other, strict=True)))

    @property
    def percent(self) -> float:
        """Branches taken; where there are none, all are."""
        return 100 * self.taken / self.branches if self.branches else 100.0

    @property
    def statement_percent(self) -> float:
        """Statements run."""
        return 100 * self.run / self.statements if self.statements else 100.0


def measured(tests: Sequence[str], with_reference: bool) -> tuple[int, dict[str, Count]]:
    """Run the tests: their exit status, and the count of each module by its path."""
    with tempfile.TemporaryDirectory() as folder:
        data, report, empty = (Path(folder, name) for name in ("data", "report.json", "empty"))
        empty.mkdir()
        environment = os.environ | {"COVERAGE_FILE": str(data)}
        if not with_reference:
            environment["SMETS_REFERENCE"] = str(empty)
        pytest = [
            "-m",
            "pytest",
            "-q",
            "-p",
            "no:cacheprovider",
            "--durations=0",
            "--durations-min=60",
            *tests,
        ]
        status = _coverage(["run", *pytest], environment)
        _coverage(["json", "-q", "-o", str(report)], environment)
        files = json.loads(report.read_text())["files"]
    return status, {path: Count.of(file["summary"]) for path, file in sorted(files.items())}


def _coverage(arguments: Sequence[str], environment: Mapping[str, str]) -> int:
    command = [sys.executable, "-m", "coverage", *arguments]
    return subprocess.run(command, cwd=ROOT, env=environment, check=False).returncode


def by_folder(counts: Mapping[str, Count]) -> dict[str, Count]:
    """The counts of the modules of each folder together."""
    folders: defaultdict[str, Count] = defaultdict(Count)
    for path, count in counts.items():
        folder = str(Path(path).parent)
        folders[folder] = folders[folder].plus(count)
    return dict(folders)


def table(counts: Mapping[str, Count], least: float) -> list[str]:
    """The report: modules below `least`, folders, the total."""
    total = Count()
    for count in counts.values():
        total = total.plus(count)
    return [
        f"{'branches':>17}  {'statements':>17}",
        *(_line(path, count) for path, count in counts.items() if count.percent < least),
        "",
        *(_line(f"{folder}/", count) for folder, count in by_folder(counts).items()),
        "",
        _line("total", total),
    ]


def _line(name: str, count: Count) -> str:
    branches = f"{count.taken}/{count.branches} {count.percent:6.1f} %"
    return f"{branches:>19}{count.statement_percent:>15.1f} %  {name}"


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m tests.coverage", description=__doc__.splitlines()[0])
    parser.add_argument("--least", type=float, default=LEAST, help="percent (default: %(default)s)")
    parser.add_argument("--without-reference", action="store_true", help="as if SMETS_REFERENCE were empty")
    parser.add_argument("files", nargs="*", default=TESTS, metavar="FILE", help="test files and folders")
    given = parser.parse_args(arguments)
    status, counts = measured(given.files, not given.without_reference)
    print("\n".join(table(counts, given.least)))
    total = Count()
    for count in counts.values():
        total = total.plus(count)
    return 1 if status or total.percent < given.least else 0


if __name__ == "__main__":
    raise SystemExit(main())
