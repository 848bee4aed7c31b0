"""`smets run`: bring a home up, send it commands, judge the answers."""

from __future__ import annotations

import json
import sys
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from .text import one_line

if TYPE_CHECKING:
    from hil.runner import Result, Runner
    from hil.scenario import Scenario

EPILOG = """\b
SCENARIO is a TOML file; without one the default scenario runs: a hub and an
electricity meter on the memory: link.

\b
Exit status: 0 everything was as expected, 1 something was not, 2 the scenario
cannot be run.
"""
_WIDTHS = (4, 50, 18, 20)


@click.command("run", epilog=EPILOG)
@click.argument("scenario", required=False, type=click.Path(dir_okay=False, path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a step, and one at the end.")
@click.option(
    "--transcript", type=click.Path(dir_okay=False, path_type=Path), help="Write what was said to a file."
)
@click.option(
    "--report", type=click.Path(file_okay=False, path_type=Path), help="Write junit.xml and report.html here."
)
def command(scenario: Path | None, as_json: bool, transcript: Path | None, report: Path | None) -> int:
    """Bring a home up, send it commands, judge the answers."""
    from hil.runner import Runner
    from hil.scenario import load_scenario

    loaded = load_scenario(scenario)
    if report is not None:
        report.mkdir(parents=True, exist_ok=True)
    with transcript.open("w", encoding="utf-8") if transcript is not None else nullcontext() as out:
        runner = Runner(loaded)
        results: list[Result] = []
        try:
            with _view(loaded, as_json) as view:
                for result in runner:
                    results.append(result)
                    view.show(result)
        finally:  # what happened before something went wrong is kept
            if out is not None:
                out.write(runner.home.transcript.text())
            if report is not None:
                _report(report, runner, loaded)
    failed = sum(1 for result in results if not result.passed)
    if as_json:
        print(json.dumps({"v": 1, "passed": len(results) - failed, "failed": failed}))
    else:
        print(f"{len(results) - failed} passed, {failed} failed")
    return 1 if failed else 0


def _report(folder: Path, runner: Runner, scenario: Scenario) -> None:
    from hil.report import write_report

    write_report(folder, runner.home.transcript.lines, scenario.name)


class _View(AbstractContextManager["_View"]):
    """Shows results as they come. This one prints JSON lines."""

    def __exit__(self, *exception: object) -> None:
        """Nothing to put away."""

    def show(self, result: Result) -> None:
        """Show one result."""
        print(json.dumps(_fields(result)), flush=True)


class _PlainView(_View):
    """Aligned lines, for pipes and files."""

    def show(self, result: Result) -> None:
        """Print one line."""
        number, what, expected, found = (
            text[:width].ljust(width) for text, width in zip(_cells(result), _WIDTHS, strict=True)
        )
        print(f"{number}  {what}  {expected}  {found}  {_verdict(result)}", flush=True)


class _LiveView(_View):
    """A table that grows, for terminals."""

    def __init__(self, scenario: Scenario) -> None:
        from rich.live import Live
        from rich.table import Table

        self._table = Table(title=one_line(scenario.name), title_justify="left")
        for name in ("", "step", "expected", "found", "verdict"):
            self._table.add_column(name)
        self._total = len(scenario.steps)
        self._live = Live(self._table, vertical_overflow="visible")

    def __enter__(self) -> _LiveView:
        self._live.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._live.stop()

    def show(self, result: Result) -> None:
        """Add a row."""
        from rich.text import Text

        style = "green" if result.passed else "bold red"
        self._table.add_row(*(Text(cell) for cell in _cells(result)), Text(_verdict(result), style=style))
        self._table.caption = f"{result.step.number} of {self._total} steps"


def _view(scenario: Scenario, as_json: bool) -> _View:
    if as_json:
        return _View()
    return _LiveView(scenario) if sys.stdout.isatty() else _PlainView()


def _cells(result: Result) -> tuple[str, str, str, str]:
    return (str(result.step.number), one_line(result.what), result.expected, result.found)


def _verdict(result: Result) -> str:
    return "passed" if result.passed else f"failed: {one_line(result.why)}"


def _fields(result: Result) -> dict[str, Any]:
    step = result.step
    return {
        "v": 1,
        "step": step.number,
        "line": step.line,
        "what": result.what,
        "use_case": step.command or None,
        "from": step.sender or None,
        "to": step.to or None,
        "expected": result.expected,
        "found": result.found,
        "passed": result.passed,
        "why": result.why or None,
    }
