"""`smets explain`: each octet of a message with its field, its value and the rule that fixes it."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

from . import inputs
from .text import complain, one_line

if TYPE_CHECKING:
    from gbcs.explain import Explanation, Finding, Span
    from gbcs.security.verify import Verifier

VERSION = 1
EPILOG = """\b
Each FILE is a file, a folder (every file below it) or - for stdin. A file holds
one message as hex text or raw octets, or hex text with one message a line.

\b
Exit status: 0 no rule is broken, 1 a message breaks one, 2 a file or the key
folder cannot be read.
"""
SHORT = 12  # octets shown of a long leaf
PATH = 60  # columns kept for a path; longer ones push the rest to the right
_VERDICTS = {"valid": "green", "invalid": "red", "unchecked": "yellow"}


@click.command("explain", epilog=EPILOG)
@click.option("--keys", metavar="DIR", help="Folder of certificates and private keys (PEM) to check with.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a message.")
@click.argument("paths", metavar="FILE...", nargs=-1, required=True)
def command(keys: str | None, as_json: bool, paths: tuple[str, ...]) -> int:
    """Explain each octet of messages, and name the rules they break."""
    verifier = _verifier(keys)
    status, seen = 0, 0
    for file in inputs.files(paths):
        try:
            if isinstance(file, inputs.UnreadableInput):
                raise file
            octets = inputs.read_file(file)
        except inputs.UnreadableInput as error:
            complain(str(error))
            status = 2
            continue
        for found in inputs.messages(octets):
            status = max(status, _message(file, found, verifier, as_json, seen > 0))
            seen += 1
    return status


def _verifier(keys: str | None) -> Verifier | None:
    if keys is None:
        return None
    from gbcs.security.folder import FolderKeyStore
    from gbcs.security.verify import Verifier

    return Verifier(FolderKeyStore(keys))


def _message(file: str, found: inputs.Found, verifier: Verifier | None, as_json: bool, further: bool) -> int:
    """Print one message; 1 where it breaks a rule."""
    from gbcs.errors import ParseError
    from gbcs.explain import explain

    where = file if found.line is None else f"{file}:{found.line}"
    if isinstance(found.octets, ParseError):
        complain(f"{where}: {found.octets}")
        return 1
    explanation = explain(found.octets, verifier)
    if as_json:
        line = {} if found.line is None else {"line": found.line}
        print(json.dumps({"v": VERSION, "file": file, **line, **explanation.fields()}))
    else:
        if further:
            click.echo(file=sys.stdout)
        for text in explanation_lines(one_line(where), explanation):
            click.echo(text, file=sys.stdout)
    return 1 if explanation.findings else 0


def explanation_lines(name: str, explanation: Explanation) -> Iterator[str]:
    """The lines of one message: a leaf a line, each with what is wrong with it below."""
    yield click.style(f"{name}: {len(explanation.octets)} octets", bold=True)
    yield _title(explanation)
    if explanation.verdicts is not None:
        signature, mac = (verdict.value for verdict in explanation.verdicts)
        yield f"signature {_verdict(signature)}, MAC {_verdict(mac)}"
    width = min(max((len(span.path) for span in explanation.spans), default=0), PATH)
    left = list(explanation.findings)
    for span in explanation.spans:
        yield from _span_lines(span, explanation.octets, width)
        while left and left[0].offset < span.end:
            yield _finding_line(left.pop(0))
    for finding in left:
        yield _finding_line(finding)
    number = len(explanation.findings)
    yield "no rule is broken" if not number else click.style(f"{number} broken", fg="red")


def _title(explanation: Explanation) -> str:
    code = explanation.message_code
    if code is None:
        return "no Message Code"
    return f"{explanation.use_case or 'unknown use case'} ({code:04X}), {explanation.kind or 'unknown kind'}"


def _verdict(word: str) -> str:
    return click.style(word, fg=_VERDICTS.get(word))


def _span_lines(span: Span, octets: bytes, width: int, indent: str = "") -> Iterator[str]:
    digits = octets[span.start : span.end].hex().upper()
    if len(digits) > 2 * SHORT:
        digits = f"{digits[: 2 * SHORT - 2]}.."
    value = span.value if span.type in ("tag", "length", "count") or span.value != digits else ""
    if span.end - span.start > SHORT and span.value == octets[span.start : span.end].hex().upper():
        value = f"{span.end - span.start} octets"
    rule = click.style(f"[{span.rule.document} {span.rule.section}]", dim=True)
    path = click.style(f"{span.path:{width}}", fg="red" if span.failed else "cyan")
    text = f"{span.type} {one_line(value)}".rstrip()
    yield f"{indent}{span.start:5}  {digits:{2 * SHORT}}  {path}  {text}  {rule}"
    if span.plaintext is not None:
        for inner in span.plaintext:
            yield from _span_lines(inner, span.opened, width, indent + "  > ")


def _finding_line(finding: Finding) -> str:
    right = f"; right would be {finding.expected}" if finding.expected else ""
    rule = f"[{finding.rule.document} {finding.rule.section}]"
    text = f"{'':7}! octet {finding.offset}, {finding.path}: {finding.reason}{right}  {rule}"
    return click.style(one_line(text), fg="red")
