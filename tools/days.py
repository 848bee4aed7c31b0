"""`smets days`: what a meter of the bench keeps of each day, for its consumer."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    import datetime

    from hil.daily_export import DayUsed

EPILOG = """\b
FILE is what smets meter or smets run was given with --store. It is only read, so
that a meter that has failed can be read before it is replaced. A day is from
midnight to midnight UTC, energy in Wh; without --json one line a day, as CSV.

\b
Exit status: 0 days were printed, 1 there are none, 2 wrong use or an unreadable file.
"""


@click.command("days", epilog=EPILOG)
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--name", default="meter", show_default=True, help="Which meter of the file.")
@click.option("--since", metavar="DATE", help="The first day wanted: that on which the supply started.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def command(file: Path, name: str, since: str | None, as_json: bool) -> int:
    """Print what was imported on each day, up to 731 of them."""
    first = None if since is None else _date(since)
    days = _read(file, name, first)
    if as_json:
        print(json.dumps({"v": 1, "days": [{"day": str(d.day), "import_wh": d.import_wh} for d in days]}))
    else:
        print("day,import_wh")
        for one in days:
            print(f"{one.day},{one.import_wh}")
    return 0 if days else 1


def _read(file: Path, name: str, since: datetime.date | None) -> tuple[DayUsed, ...]:
    from hil.daily_export import stored_days
    from hil.sqlite_store import SqliteDatabase
    from smets.store import StoreError

    if not file.stat().st_size:  # an empty file would become a store
        raise StoreError(f"{file}: is empty")
    with SqliteDatabase(file) as database:
        try:
            return stored_days(database.store(name), since)
        except StoreError as error:
            raise StoreError(f"{file}: {name}: {error}") from None


def _date(text: str) -> datetime.date:
    import datetime

    try:
        return datetime.date.fromisoformat(text)
    except ValueError:
        raise click.UsageError(f"--since: not a date: {text!r}") from None
