"""`smets compare`: the first difference of two transcripts by message, octet, field and rule."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

from . import inputs
from .text import complain, one_line

if TYPE_CHECKING:
    from gbcs.security.verify import Verifier
    from hil.compare import Comparison, Difference, Place
    from hil.transcript import Line

EPILOG = """\b
A and B are transcripts, as run --transcript writes them. A is the yardstick.
What may differ although both keep the rules, such as times by the clock,
counters of alerts, signatures, and MACs of other content, is no difference;
with --strict every octet is. With keys, signatures and MACs are checked and
encrypted values are opened.

\b
Exit status: 0 no difference, 1 a difference, 2 a file could not be read.
"""
VERSION = 1
KINDS = {
    "field": "differs",
    "rule": "breaks a rule in B only",
    "missing": "is missing in B",
    "extra": "is in B only",
    "order": "is out of order in B",
    "text": "differs",
}
SHORT = 100  # characters shown of a value


@click.command("compare", epilog=EPILOG)
@click.option("--keys", metavar="DIR", help="Folder of certificates and private keys (PEM) to check with.")
@click.option("--all", "every", is_flag=True, help="Show every difference, not only the first.")
@click.option("--strict", is_flag=True, help="Every octet counts, and every line.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object with all differences.")
@click.argument("a", metavar="A")
@click.argument("b", metavar="B")
def command(keys: str | None, every: bool, strict: bool, as_json: bool, a: str, b: str) -> int:
    """Compare two transcripts: what differs first, at which octet, by which rule."""
    from hil.compare import compare

    lines = []
    for name in (a, b):
        try:
            lines.append(_read(name))
        except inputs.UnreadableInput as error:
            complain(str(error))
    if len(lines) < 2:
        return 2
    found = compare(lines[0], lines[1], _verifier(keys), strict)
    if as_json:
        print(json.dumps(_fields(a, b, found)))
    else:
        for text in _text(found, every):
            click.echo(text, file=sys.stdout)
    return 1 if found.differences else 0


def _read(name: str) -> list[tuple[int, Line]]:
    """The lines of a transcript with their numbers. Raises UnreadableInput."""
    from gbcs.errors import LocalError
    from hil.transcript import read_transcript

    try:
        text = inputs.read_file(name).decode("utf-8")
    except UnicodeDecodeError:
        raise inputs.UnreadableInput(name, "not a transcript, which is UTF-8") from None
    lines = text.split("\n")
    numbers = [number for number, line in enumerate(lines, 1) if line.strip()]
    if not numbers:
        raise inputs.UnreadableInput(name, "an empty transcript")
    try:
        return list(zip(numbers, read_transcript(lines), strict=True))
    except LocalError as error:
        raise inputs.UnreadableInput(name, str(error)) from None


def _verifier(keys: str | None) -> Verifier | None:
    if keys is None:
        return None
    from gbcs.security.folder import FolderKeyStore
    from gbcs.security.verify import Verifier

    return Verifier(FolderKeyStore(keys))


def _fields(a: str, b: str, found: Comparison) -> dict[str, object]:
    return {
        "v": VERSION,
        "a": a,
        "b": b,
        "equal": not found.differences,
        "matched": found.matched,
        "differences": [one.fields() for one in found.differences],
        "not_compared": list(found.left_out),
    }


def _text(found: Comparison, every: bool) -> Iterator[str]:
    for one in found.differences if every else found.differences[:1]:
        yield from _difference(one)
        yield ""
    for text in found.left_out:
        yield f"not compared: {one_line(text)}"
    number = len(found.differences)
    verdict = f"{found.matched} messages compared, {number or 'no'} difference{'' if number == 1 else 's'}"
    yield click.style(verdict, fg="red" if number else "green")


def _difference(one: Difference) -> Iterator[str]:
    yield click.style(one_line(f"{one.what} {KINDS[one.kind]}"), bold=True)
    if one.path not in ("message", "text"):
        yield f"  field  {click.style(one_line(one.path), fg='cyan')}"
    for name, place in (("A", one.a), ("B", one.b)):
        yield f"  {name}      {_place(place)}"
    rule = f"{one.rule.document} {one.rule.section}"
    yield f"  rule   {one_line(f'{rule}: {one.rule.text}' if one.rule.text else rule)}"
    if one.reason:
        yield f"  why    {one_line(one.reason)}"


def _place(place: Place | None) -> str:
    if place is None:
        return "-"
    octet = "" if place.offset is None else f", octet {place.offset}"
    value = one_line(place.value)
    value = value if len(value) <= SHORT else f"{value[: SHORT - 2]}.."
    return f"line {place.line}{octet}: {value}"
