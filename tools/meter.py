"""`smets meter`: an electricity meter lived through day after day, and what it holds then."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from gbcs.time import Utc
    from hil.meter_profiles import Day
    from hil.meter_run import MeterRun, Result
    from hil.sqlite_store import Synchronous
    from smets.store import Store

EPILOG = """\b
KIND is household, solar, three-phase or faults. The meter has a tariff of two
rates, prepayment, a standing charge and a debt; its consumer tops it up.

\b
A profile is a CSV file, its columns named in the first line: time (UTC, where a
half hour begins), import_wh, export_wh, import_varh, export_varh, secondary_wh,
power_w (of both elements), secondary_power_w, voltage_v, voltage_2_v,
voltage_3_v; or time and event, as in "power lost". Behind a half hour that no
other one follows the power is 0. After its last day it begins again.

\b
Same profile or kind, seed and days: the same transcript, octet for octet.
With --store the next run goes on behind the last thing that happened, even if
it was killed there; the rest of that day counts as a day. A loss of power may
take the last things that happened (they happen again) from a run that goes on,
never from one that ended; with --sync full from neither, but it takes longer.

\b
Exit status: 0 the days passed, 2 wrong use or an unreadable profile.
"""
PATH = click.Path(dir_okay=False, path_type=Path)
VARIANTS = ("single", "twin", "polyphase")
# a commit that may be lost with power is lived through again, so it need not wait for the disk
SYNC: dict[str, Synchronous] = {"normal": "NORMAL", "full": "FULL"}
POUND = 100_000  # millipence


@click.command("meter", epilog=EPILOG)
@click.option("--profile", metavar="FILE", type=PATH, help="What is used and happens, as CSV.")
@click.option("--generate", metavar="KIND", help="Generate it instead (default: household).")
@click.option("--seed", default="meter", show_default=True, help="Decides what is generated, and all keys.")
@click.option("--days", type=click.IntRange(1, 36_525), required=True, help="How many days to live through.")
@click.option("--start", metavar="DATE", help="First day of a new meter.")
@click.option("--variant", type=click.Choice(VARIANTS), help="Of the meter (default: what the kind needs).")
@click.option("--store", metavar="FILE", type=PATH, help="Keep what the meter holds; run again to go on.")
@click.option("--sync", type=click.Choice(SYNC), help="When --store is on the disk (default: normal).")
@click.option("--transcript", metavar="FILE", type=PATH, help="Write what was said to a file.")
@click.option("--plot", metavar="FILE", type=PATH, help="Write load, registers, balance and supply as SVG.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def command(
    profile: Path | None,
    generate: str | None,
    seed: str,
    days: int,
    start: str | None,
    variant: str | None,
    store: Path | None,
    sync: str | None,
    transcript: Path | None,
    plot: Path | None,
    as_json: bool,
) -> int:
    """Let a meter live through days of half hours, print what it holds then."""
    from hil.meter_run import MeterRun
    from smets.store import MemoryStore

    if plot is not None and plot.suffix.lower() != ".svg":
        raise click.UsageError(f"--plot writes SVG: {plot} has to end in .svg")
    if sync is not None and store is None:
        raise click.UsageError("--sync: only with --store")
    day, first, chosen = _what_happens(profile, generate, seed, variant)
    begin = first if start is None else _date(start)
    with ExitStack() as stack:
        files = {
            path: stack.enter_context(path.open("w", encoding="utf-8"))
            for path in (transcript, plot)
            if path is not None
        }
        held: Store = MemoryStore()
        if store is not None:
            from hil.sqlite_store import SqliteDatabase

            database = SqliteDatabase(store, synchronous=SYNC[sync or "normal"])
            held = stack.enter_context(database).store("meter")
        each = 0 if plot is None else _each(days)
        run = MeterRun(held, chosen, seed, begin, each=each)
        try:
            with _progress(days) as step:
                result = run.run(day, days, step)
        finally:
            if transcript is not None:
                files[transcript].write(run.transcript.text())
        if plot is not None:
            files[plot].write(_plotted(run, result))
    if as_json:
        print(json.dumps(_fields(result)))
    else:
        _print(result)
    return 0


def _what_happens(
    profile: Path | None, generate: str | None, seed: str, variant: str | None
) -> tuple[Day, Utc, str]:
    """The days, the first of them for a new meter, and the meter's variant. Raises ProfileError."""
    from gbcs.time import Utc
    from hil.meter_profiles import DAY, KINDS, generated, read_profile

    if profile is not None:
        if generate is not None:
            raise click.UsageError("--profile and --generate exclude each other")
        read = read_profile(profile)
        return read.day, Utc.from_seconds(read.first * DAY), variant or "single"
    kind = generate or "household"
    chosen = variant or (KINDS[kind].variant if kind in KINDS else "")
    return generated(kind, seed, chosen), Utc.of(2026, 1, 1), chosen


def _date(text: str) -> Utc:
    from gbcs.errors import BuildError
    from gbcs.time import Utc

    try:
        time = Utc.parse(text)
    except (BuildError, OverflowError):
        raise click.UsageError(f"--start: not a date: {text!r}") from None
    if time != time.floor(86_400) or not Utc(0) <= time <= Utc.of(2099, 1, 1):
        raise click.UsageError("--start: a day from 2000-01-01 to 2099-01-01, without a time")
    return time


def _each(days: int) -> int:
    """Every so many half hours a sample, so that a plot stays small."""
    from .meter_plot import MOST_SAMPLES

    return max(1, -(-days * 48 // MOST_SAMPLES))


def _plotted(run: MeterRun, result: Result) -> str:
    from .meter_plot import svg

    if len(run.samples) < 2:
        raise click.UsageError("--plot: fewer than two half hours were lived through")
    return svg(run.samples, f"ESME, {result.variant}, {result.start} to {result.end}")


@contextmanager
def _progress(days: int) -> Iterator[Callable[[], None]]:
    """A bar on stderr, on a terminal only; gives what is to be called after each day."""
    if not sys.stderr.isatty():
        yield lambda: None
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("days", total=days)
        yield lambda: progress.advance(task)


# -- what is printed -----------------------------------------------------------------------


def _print(result: Result) -> None:
    from hil.meter_run import alert_name

    rows = [("time", f"{result.start} to {result.end}, {result.half_hours} half hours told")]
    rows.append(("variant", result.variant))
    rows += [(name, f"{value / 1000:,.3f} {_unit(name)}") for name, value in result.registers.items()]
    rows += [(name, f"{value / POUND:,.5f}") for name, value in result.balances.items()]
    rows.append(("supply", result.supply + ("" if result.powered else ", without power")))
    rows.append(("top-ups", str(result.top_ups)))
    rows += [
        (name, f"{held} of {size} entries, {ever} ever") for name, (held, ever, size) in result.logs.items()
    ]
    rows += [(f"alert {code:04X}", f"{count} {alert_name(code)}") for code, count in result.alerts.items()]
    width = max(len(name) for name, _ in rows)
    for name, text in rows:
        print(f"{name.ljust(width)}  {text}")


def _unit(register: str) -> str:
    return "kvarh" if register.startswith("Reactive") else "kWh"


def _fields(result: Result) -> dict[str, Any]:
    from hil.meter_run import alert_name

    return {
        "v": 1,
        "variant": result.variant,
        "start": str(result.start),
        "end": str(result.end),
        "half_hours": result.half_hours,
        "registers": result.registers,
        "balances_millipence": result.balances,
        "supply": result.supply,
        "powered": result.powered,
        "top_ups": result.top_ups,
        "logs": {
            name: {"held": held, "ever": ever, "capacity": size}
            for name, (held, ever, size) in result.logs.items()
        },
        "alerts": [
            {"code": f"{code:04X}", "name": alert_name(code), "count": count}
            for code, count in result.alerts.items()
        ],
    }
