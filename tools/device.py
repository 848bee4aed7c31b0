"""`smets device`: one device of a scenario on its own radio, or the files that make it known elsewhere."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from .text import one_line

if TYPE_CHECKING:
    from hil.scenario import DeviceEntry, Scenario
    from hil.transcript import Line

INTERRUPTED = 130
EPILOG = """\b
SCENARIO is a TOML file as for `smets run`, NAME one of its emulated devices, MONIKER
serial:/dev/... or tcp:host:port; without --radio it is that of the device there. The
stick's EUI-64 has to be the id of the device. --json prints lines of a transcript.

\b
--export writes certificates, key folder, texts of key establishment and the entry with
which the hub's scenario names the device as a real one, and nothing else happens.

\b
Exit status: 130 interrupted (Ctrl-C, TERM), which is how it ends; 0 exported; 2 wrong
use, or a radio or file that cannot be had.
"""
PATH = click.Path(path_type=Path)


@click.command("device", epilog=EPILOG)
@click.argument("scenario", type=click.Path(dir_okay=False, path_type=Path))
@click.argument("name")
@click.option("--radio", metavar="MONIKER", help="The radio to be the device on.")
@click.option("--cbke", metavar="FILE", type=PATH, help="Its key establishment credential, in the CA's text.")
@click.option("--export", metavar="DIR", type=PATH, help="Write what the hub's side needs to know.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object for everything it does.")
def command(
    scenario: Path, name: str, radio: str | None, cbke: Path | None, export: Path | None, as_json: bool
) -> int:
    """Be one device of a scenario on its own radio, until interrupted."""
    from hil.homes import MISSING
    from hil.monikers import Moniker, MonikerError
    from hil.scenario import emulated, load_scenario
    from hil.scenario_real import cbke_in

    if export is not None and (radio is not None or cbke is not None):
        raise click.UsageError("--export goes with neither --radio nor --cbke")
    loaded = load_scenario(scenario)
    entry = emulated(loaded, name)
    if export is not None:
        return _export(loaded, entry, export, as_json)
    credential = None if cbke is None else cbke_in(cbke, entry.entity)
    moniker = entry.radio if radio is None else Moniker.parse(radio)
    try:
        from hil.stand_in import be
    except ImportError as error:
        raise MonikerError(f"{MISSING} ({error.name})") from None

    def tell(line: Line) -> None:
        if as_json:
            print(line.json(), flush=True)
        else:
            ways = line.sender if line.sender == line.to else f"{line.sender} to {line.to}"
            said = " ".join(filter(None, (line.code, one_line(line.text), line.verdict)))
            print(f"{line.time}  {ways}  {line.layer}  {said}", flush=True)

    be(loaded, entry, moniker, tell, credential)
    return INTERRUPTED


def _export(scenario: Scenario, entry: DeviceEntry, folder: Path, as_json: bool) -> int:
    from hil.hand_over import hand_over

    names = hand_over(scenario, entry, folder)
    if as_json:
        print(json.dumps({"v": 1, "folder": str(folder), "files": names}))
    else:
        print(f"{folder}: {len(names)} files, the entry of {one_line(entry.name)} in entry.toml")
    return 0
