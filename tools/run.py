"""`smets run`: bring a home up, send it commands, judge the answers."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path
from shlex import quote
from typing import IO, TYPE_CHECKING, Any

import click

from gbcs.errors import GbcsError

from .text import one_line

if TYPE_CHECKING:
    from hil.runner import Result
    from hil.scenario import Scenario
    from hil.transcript import Line

EPILOG = """\b
SCENARIO is a TOML file; without one the default scenario runs: a hub and an
electricity meter.

\b
MONIKER is memory:, virtual: (virtual dongles on a simulated air),
serial:/dev/... or tcp:host:port; AIR is for instance loss=0.2&delay_ms=5, and
LINE loss=0.05&reset_every=10&drop_every=10&drop_for=2: frames lost, dongles that
reset or are unplugged, in mean seconds.

\b
Exit status: 0 everything was as expected, 1 something was not, 2 the scenario
cannot be run.
"""
PATH = click.Path(path_type=Path)
_WIDTHS = (4, 50, 18, 20)


@click.command("run", epilog=EPILOG)
@click.argument("scenario", required=False, type=click.Path(dir_okay=False, path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a step, and one at the end.")
@click.option("--transcript", metavar="FILE", type=PATH, help="Write what was said to a file.")
@click.option("--report", metavar="DIR", type=PATH, help="Write junit.xml and report.html here.")
@click.option("--store", metavar="FILE", type=PATH, help="Keep what the devices hold; run again to go on.")
@click.option("--han", metavar="MONIKER", help="The radio of the home instead of the scenario's.")
@click.option("--air", metavar="AIR", help="Options of the air between virtual dongles.")
@click.option("--line", metavar="LINE", help="What is wrong with the lines to virtual dongles.")
@click.option("--capture", metavar="FILE", type=PATH, help="Write what is on the air to a pcapng file.")
@click.option("--sniffer", metavar="MONIKER", help="The stick that hears what is captured, beside sticks.")
@click.option("--keyfile", metavar="FILE", type=PATH, help="Write the keys of the run, for Wireshark.")
def command(
    scenario: Path | None,
    as_json: bool,
    transcript: Path | None,
    report: Path | None,
    store: Path | None,
    han: str | None,
    air: str | None,
    line: str | None,
    capture: Path | None,
    sniffer: str | None,
    keyfile: Path | None,
) -> int:
    """Bring a home up, send it commands, judge the answers."""
    from hil.homes import open_home
    from hil.monikers import Moniker
    from hil.runner import Runner
    from hil.scenario import load_scenario

    loaded = _on_air(load_scenario(scenario), han, air, line)
    ear = None if sniffer is None else Moniker.parse(sniffer)
    with ExitStack() as stack:
        outputs = _outputs(stack, transcript, report)
        stores = None
        if store is not None:
            from hil.sqlite_store import SqliteDatabase

            stores = stack.enter_context(SqliteDatabase(store)).store
        home = stack.enter_context(open_home(loaded, stores, capture, keyfile, ear))
        runner = Runner(loaded, home)
        results: list[Result] = []
        try:
            with _view(loaded, as_json) as view:
                for result in runner:
                    results.append(result)
                    view.show(result)
        except KeyboardInterrupt:
            runner.broken_off("interrupted")
            raise
        except (GbcsError, OSError) as error:
            runner.broken_off(str(error))
            raise
        finally:  # what happened before something went wrong is kept
            lines = runner.home.transcript.lines
            for out, text in outputs:
                out.write(text(lines))
                out.flush()
    failed = sum(1 for result in results if not result.passed)
    if as_json:
        print(json.dumps({"v": 1, "passed": len(results) - failed, "failed": failed}))
    else:
        print(f"{len(results) - failed} passed, {failed} failed")
        if capture is not None:
            print(f"read it with: {_tshark(capture, keyfile)}")
    return 1 if failed else 0


def _tshark(capture: Path, keyfile: Path | None) -> str:
    """The line for a shell that dissects a capture with its keys."""
    read = f"tshark -r {quote(str(capture))}"
    if keyfile is None:
        return read
    return f"{read} $(sed 's/^/-o uat:zigbee_pc_keys:/' {quote(str(keyfile))})"


def _on_air(scenario: Scenario, han: str | None, air: str | None, line: str | None) -> Scenario:
    """The scenario on the radio asked for. Raises MonikerError."""
    from hil.homes import on_radio
    from hil.monikers import Moniker, MonikerError

    radio = scenario.radio if han is None else Moniker.parse(han)
    if air is not None or line is not None:
        if radio.scheme != "virtual":
            raise MonikerError(f"{radio.scheme}: has no air with options, only virtual:")
        of_line = "&".join(f"line_{part}" for part in (line or "").replace(",", "&").split("&") if part)
        radio = Moniker("virtual", "&".join(filter(None, (radio.rest, air, of_line))))
    return scenario if radio == scenario.radio else on_radio(scenario, radio)


def _outputs(
    stack: ExitStack, transcript: Path | None, report: Path | None
) -> list[tuple[IO[str], Callable[[Sequence[Line]], str]]]:
    """The files to write and what goes into them, opened now: a run should not end in vain."""
    wanted: list[tuple[Path, Callable[[Sequence[Line]], str]]] = []
    if transcript is not None:
        from hil.transcript import text_of

        wanted.append((transcript, text_of))
    if report is not None:
        from hil.report import JUNIT, PAGE, junit, page

        report.mkdir(parents=True, exist_ok=True)
        wanted += [(report / JUNIT, junit), (report / PAGE, page)]
    return [(stack.enter_context(path.open("w", encoding="utf-8")), text) for path, text in wanted]


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
    return (str(result.step.number), one_line(result.step.what), result.expected, result.found)


def _verdict(result: Result) -> str:
    return "passed" if result.passed else f"failed: {one_line(result.why)}"


def _fields(result: Result) -> dict[str, Any]:
    step = result.step
    return {
        "v": 1,
        "step": step.number,
        "file": step.file or None,
        "line": step.line,
        "what": step.what,
        "use_case": step.command or None,
        "from": step.sender or None,
        "to": step.to or None,
        "expected": result.expected,
        "found": result.found,
        "passed": result.passed,
        "why": result.why or None,
    }
