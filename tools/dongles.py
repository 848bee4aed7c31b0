"""`smets dongles`: the serial sticks of this machine."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click

from .text import one_line

if TYPE_CHECKING:
    from hil.sticks import Stick

VERSION = 1
EPILOG = """\b
The path is the one that stays the same over restarts, where the system has one.
Exit status: 0 listed (also where there are none), 2 pyserial is not installed.
"""


@click.command("dongles", epilog=EPILOG)
@click.option("--all", "every", is_flag=True, help="Also serial ports that are not on USB.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a line.")
def command(every: bool, as_json: bool) -> int:
    """List serial ports with their USB ids and the sticks they are known as."""
    from hil.sticks import sticks

    found = sticks(every)
    for stick in found:
        print(json.dumps({"v": VERSION, **stick.as_dict()}) if as_json else _line(stick))
    if not found and not as_json:
        print("no serial port on USB" if not every else "no serial port")
    return 0


def _line(stick: Stick) -> str:
    ids = "-" if stick.vid is None or stick.pid is None else f"{stick.vid:04X}:{stick.pid:04X}"
    name = (
        stick.known.name if stick.known else " ".join(filter(None, (stick.maker, stick.product))) or "unknown"
    )
    ezsp = {True: "EZSP", False: "not EZSP", None: ""}[stick.known.ezsp if stick.known else None]
    return one_line("  ".join(filter(None, (stick.path, ids, stick.serial or "-", name, ezsp))))
