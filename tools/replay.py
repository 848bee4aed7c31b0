"""`smets replay`: emulated devices execute reference commands, their answers are compared."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

import click

from . import inputs
from .progress import Progress
from .text import complain, one_line

if TYPE_CHECKING:
    from gbcs.message import Message
    from gbcs.security.store import KeyStore
    from hil.replay.pairs import Collection
    from hil.replay.verdicts import Outcome, Tally

VERSION = 1
EPILOG = """\b
Each PATH is a file or a folder (every file below it). A file with _COMMAND_ in its name
is paired with the one that has _RESPONSE_ in that place; alerts are found by what they say.
\b
Exit status: 0 no mismatch, 1 a mismatch or a file that is no message, 2 a path or the key
folder cannot be read, or there is no pair."""


@click.command("replay", epilog=EPILOG)
@click.option(
    "--keys", metavar="DIR", required=True, help="Folder of the parties' certificates and keys (PEM)."
)
@click.option("--inject", is_flag=True, help="Arm a store fault at the item a reference response fails at.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a pair.")
@click.argument("paths", metavar="PATH...", nargs=-1, required=True)
def command(keys: str, inject: bool, as_json: bool, paths: tuple[str, ...]) -> int:
    """Let emulated devices execute reference commands, compare their answers."""
    from gbcs.security.folder import FolderKeyStore

    store = FolderKeyStore(keys)
    collection, broken = _read(paths)
    if not collection.pairs:
        complain("no pair of files with _COMMAND_ and _RESPONSE_ in their names")
        return 2
    tally = _replay(store, collection, inject, as_json)
    for line in _summary(tally, collection, inject):
        print(line, file=sys.stderr)
    return 1 if broken or _mismatches(tally) else 0


def _read(paths: tuple[str, ...]) -> tuple[Collection, bool]:
    """The messages of paths as pairs, and whether a file held something else.

    Raises UnreadableInput.
    """
    from gbcs.errors import ParseError
    from gbcs.message import parse_message
    from hil.replay.pairs import collect

    names = list(inputs.files(paths))
    parsed: list[tuple[str, Message]] = []
    broken = False
    progress = Progress("reading file", len(names))
    try:
        for name in names:
            if not isinstance(name, str):
                raise name
            for found in inputs.messages(inputs.read_file(name)):
                where = name if found.line is None else f"{name}:{found.line}"
                try:
                    if isinstance(found.octets, ParseError):
                        raise found.octets
                    parsed.append((where, parse_message(found.octets)))
                except ParseError as error:
                    progress.clear()
                    complain(f"{where}: {error}")
                    broken = True
            progress.step()
    finally:
        progress.clear()
    return collect(parsed), broken


def _replay(store: KeyStore, collection: Collection, inject: bool, as_json: bool) -> Tally:
    from hil.replay.run import Replayer
    from hil.replay.verdicts import Tally

    show = _json_line if as_json else _text_line
    tally = Tally()
    progress = Progress("replaying pair", len(collection.pairs))
    try:
        for outcome in Replayer(store, collection, inject):
            tally.add(outcome)
            print(show(outcome))
            progress.step()
    finally:
        progress.clear()
    return tally


def _json_line(outcome: Outcome) -> str:
    return json.dumps(
        {
            "v": VERSION,
            "case": outcome.case,
            "use_case": outcome.use_case,
            "verdict": outcome.verdict.value,
            "why": outcome.why,
            "device": outcome.device,
        }
    )


def _text_line(outcome: Outcome) -> str:
    device = f" [{outcome.device}]" if outcome.device else ""
    why = f": {outcome.why}" if outcome.why else ""
    return one_line(f"{outcome.verdict.value:17} {outcome.use_case:7} {outcome.case}{device}{why}")


def _summary(tally: Tally, collection: Collection, inject: bool) -> list[str]:
    """Counts by verdict, and the figures for ESME DLMS pairs: one for each kind, never their sum."""
    from gbcs.ids import DeviceType, Payload
    from hil.replay.verdicts import Verdict

    counts = ", ".join(f"{tally.verdicts[v]} {v.value}" for v in Verdict if tally.verdicts[v])
    lines = [f"{len(collection.pairs)} pairs: {counts}"]
    if collection.unpaired:
        lines.append(f"commands or responses without partner: {len(collection.unpaired)}")
    natural = tally.figure(DeviceType.ESME, Payload.DLMS, fails=False)
    if natural.pairs:
        lines.append(f"ESME DLMS: {natural.matching} of {natural.pairs} pairs that succeed")
    failing = tally.figure(DeviceType.ESME, Payload.DLMS, fails=True)
    if inject and failing.pairs:
        lines.append(f"ESME DLMS, injected: {failing.matching} of {failing.pairs} pairs that fail an item")
    return lines


def _mismatches(tally: Tally) -> int:
    from hil.replay.verdicts import Verdict

    return tally.verdicts[Verdict.MISMATCH]
