"""`smets dongle`: virtual ZigBee dongles for any EZSP host."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

VERSION = 1
INTERRUPTED = 130
VERSIONS = ("13", "14", "16", "17", "18", "19")
EPILOG = """\b
Each --pty and --tcp is one dongle; all are on one air. A host opens the path that is
printed (bellows: /path or tcp://host:port). ADDRESS is HOST:PORT, or PORT on the
loopback interface; port 0 is any free one.

\b
OPTIONS of the air, joined by `&` or `,`: loss, duplication, bit_errors (shares), delay_ms,
jitter_ms, lqi, rssi, and `paced` for frames that last as long as at 250 kbit/s.

\b
Exit status: 130 interrupted (Ctrl-C, TERM), which is how it ends; 2 wrong use, or an
address or path that cannot be had.
"""


@click.command("dongle", epilog=EPILOG)
@click.option(
    "--pty", "terminals", multiple=True, metavar="PATH", help="A dongle on a terminal; PATH is a link to it."
)
@click.option("--tcp", "addresses", multiple=True, metavar="ADDRESS", help="A dongle on a TCP port.")
@click.option(
    "--version", "version", type=click.Choice(VERSIONS), default="14", show_default=True, help="EZSP version."
)
@click.option("--xncp", is_flag=True, help="With the custom frames of Nabu Casa firmware.")
@click.option("--seed", type=int, default=0, show_default=True, help="Of everything left to chance.")
@click.option("--air", default="", metavar="OPTIONS", help="How frames fare between dongles.")
@click.option("--state", metavar="FILE", help="Keep the dongles' memory, keys included, in this file.")
@click.option(
    "--loss", type=float, default=0, metavar="SHARE", help="Frames lost on the line to the host, each way."
)
@click.option("--noise", type=float, default=0, metavar="SHARE", help="Octets changed on the line, each way.")
@click.option("--piece", type=int, default=0, metavar="N", help="Hand over at most N octets at once.")
@click.option(
    "--reset-every", type=float, default=0, metavar="SECONDS", help="Mean time between resets by themselves."
)
@click.option(
    "--drop-every", type=float, default=0, metavar="SECONDS", help="Mean time between closed connections."
)
@click.option(
    "--drop-for", type=float, default=0, metavar="SECONDS", help="How long no other connection is taken then."
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a dongle.")
def command(
    terminals: tuple[str, ...],
    addresses: tuple[str, ...],
    version: str,
    xncp: bool,
    seed: int,
    air: str,
    state: str | None,
    loss: float,
    noise: float,
    piece: int,
    reset_every: float,
    drop_every: float,
    drop_for: float,
    as_json: bool,
) -> int:
    """Serve virtual dongles that share an air, until interrupted."""
    if not terminals and not addresses:
        raise click.UsageError("at least one --pty or --tcp is needed")
    from hil.virtual.line import LineFaults
    from hil.virtual.ncp import DongleSettings
    from hil.virtual.serving import Serving, parse_address, serve

    plan = Serving(
        [Path(path) for path in terminals],
        [parse_address(address) for address in addresses],
        DongleSettings(version=int(version), xncp=xncp),
        LineFaults(loss, loss, noise, piece, reset_every, drop_every, drop_for),
        seed,
        air,
        None if state is None else Path(state),
    )

    def ready(facts: dict[str, Any]) -> None:
        if as_json:
            print(json.dumps({"v": VERSION, **facts}), flush=True)
        else:
            print(f"{facts['path']}  EUI-64 {facts['eui64']}  EZSP {facts['version']}", flush=True)

    serve(plan, ready)
    return INTERRUPTED
