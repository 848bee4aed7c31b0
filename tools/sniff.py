"""`smets sniff`: what a stick hears on a channel."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from hil.capture import Capture

VERSION = 1
INTERRUPTED = 130
EPILOG = """\b
MONIKER is serial:/dev/... or tcp:host:port. The stick is in no network meanwhile; what it
hears is encrypted, and `smets run --keyfile` writes the keys of a home of its own.

\b
Exit status: 0 the time is up, 130 interrupted (the file is whole), 2 no such stick, or it
cannot listen.
"""


@click.command("sniff", epilog=EPILOG)
@click.argument("moniker")
@click.option("--channel", type=click.IntRange(11, 26), required=True, help="11 to 26.")
@click.option(
    "--capture", metavar="FILE", type=click.Path(path_type=Path), required=True, help="The pcapng file."
)
@click.option("--seconds", type=click.FloatRange(min=0), help="How long; without it until interrupted.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def command(moniker: str, channel: int, capture: Path, seconds: float | None, as_json: bool) -> int:
    """Write what a stick hears to a file for Wireshark."""
    from hil.homes import MISSING
    from hil.monikers import Moniker, MonikerError

    stick = Moniker.parse(moniker)
    try:
        from hil.sniffer import sniff
    except ImportError as error:
        raise MonikerError(f"{stick.scheme}: {MISSING} ({error.name})") from None
    opened: list[Capture] = []
    status = 0
    try:
        sniff(stick, channel, capture, seconds, opened)
    except KeyboardInterrupt:
        status = INTERRUPTED
    frames = sum(written.frames for written in opened)
    if as_json:
        print(json.dumps({"v": VERSION, "frames": frames, "file": str(capture)}))
    else:
        print(f"{frames} frames")
    return status
