"""`smets decode`: read messages, check and decrypt them, print what is in them."""

from __future__ import annotations

import json
import sys
from collections import Counter
from typing import TYPE_CHECKING

import click

from . import inputs
from .progress import Progress
from .text import complain, one_line

if TYPE_CHECKING:
    from gbcs import Decoded
    from gbcs.message import Message
    from gbcs.security.folder import FolderKeyStore

EPILOG = """\b
Each PATH is a file, a folder (every file below it) or - for stdin, which is the
default. A file holds one message as hex text or raw octets, or hex text with one
message a line.

\b
Exit status: 0 everything parsed and nothing is invalid, 1 otherwise, 2 a path or
the key folder cannot be read.
"""


@click.command("decode", epilog=EPILOG)
@click.option("--keys", metavar="DIR", help="Folder of certificates and private keys (PEM) to check with.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a message.")
@click.option("--named", is_flag=True, help="Print values by name, not the tree; smets build reads its JSON.")
@click.option("--tariff", is_flag=True, help="Add the tariff of a message to --named --json.")
@click.option("-v", "--verbose", is_flag=True, help="Say what is odd in the key folder.")
@click.argument("paths", metavar="[PATH]...", nargs=-1)
def command(
    keys: str | None, as_json: bool, named: bool, tariff: bool, verbose: bool, paths: tuple[str, ...]
) -> int:
    """Read messages, check and decrypt them, print what is in them."""
    store = _key_store(keys)
    found = list(inputs.files(paths or (inputs.STDIN,)))
    if tariff and not (named and as_json):
        raise click.UsageError("--tariff goes with --named --json")
    run = _Run(store, as_json, named, Progress("decoding file", len(found)))
    run.with_tariff(tariff)
    for file in found:
        run.file(file)
    run.finish(verbose)
    return run.status


def _key_store(keys: str | None) -> FolderKeyStore | None:
    if keys is None:
        return None
    from gbcs.security.folder import FolderKeyStore

    return FolderKeyStore(keys)


class _Run:
    """One call of the command: prints, and counts what it saw."""

    def __init__(self, store: FolderKeyStore | None, as_json: bool, named: bool, progress: Progress) -> None:
        self._store = store
        self._verifier = None
        self._keys = None
        if store is not None:
            from gbcs import Keys
            from gbcs.security.verify import Verifier

            self._verifier = Verifier(store)
            self._keys = Keys(store)
        self._as_json = as_json
        self._named = named
        self._with_tariff = False
        self._progress = progress
        self._counts: Counter[str] = Counter()
        self.status = 0

    def with_tariff(self, wanted: bool) -> None:
        """Whether tariffs are printed too."""
        self._with_tariff = wanted

    def file(self, file: str | inputs.UnreadableInput) -> None:
        """Decode the messages of a file, or say why it cannot be read."""
        try:
            if isinstance(file, inputs.UnreadableInput):
                raise file
            octets = inputs.read_file(file)
        except inputs.UnreadableInput as error:
            self._failed(str(error), 2)
        else:
            for found in inputs.messages(octets):
                self._message(file, found)
        self._progress.step()

    def _message(self, file: str, found: inputs.Found) -> None:
        from gbcs.errors import ParseError
        from gbcs.fields import checked_fields
        from gbcs.message import parse_message

        where = file if found.line is None else f"{file}:{found.line}"
        try:
            if isinstance(found.octets, ParseError):
                raise found.octets
            message = parse_message(found.octets)
            fields = checked_fields(message, self._verifier)
        except ParseError as error:
            self._counts["unparsable"] += 1
            self._failed(f"{where}: {error}", 1)
            return
        if self._named:
            self._print_named(where, message)
        elif self._as_json:
            line = {} if found.line is None else {"line": found.line}
            print(json.dumps({"v": fields["v"], "file": file, **line, **fields}))
        else:
            from .tree import message_lines

            if self._counts["parsed"]:
                click.echo(file=sys.stdout)
            for text in message_lines(one_line(where), message, fields):
                click.echo(text, file=sys.stdout)
        self._count(fields)

    def _print_named(self, where: str, message: Message) -> None:
        from gbcs import decode

        decoded = decode(message, self._keys)
        if self._as_json:
            print(json.dumps({"file": where, **decoded.to_json(), **self._tariff(decoded)}))
            return
        from .values_text import named_lines

        if self._counts["parsed"]:
            click.echo(file=sys.stdout)
        for text in named_lines(one_line(where), decoded):
            click.echo(text, file=sys.stdout)

    def _tariff(self, decoded: Decoded) -> dict[str, object]:
        """The tariff a message carries, as smets build takes it, if it was asked for."""
        row = decoded.use_case
        if not self._with_tariff or row is None or decoded.irregular is not None:
            return {}
        from gbcs.errors import BuildError
        from gbcs.tariff.messages import tariff_json

        try:
            found = tariff_json(row.name, decoded.kind, decoded.values)
        except BuildError:  # a response that failed has none
            found = None
        return {} if found is None else {"tariff": found}

    def _count(self, fields: dict[str, object]) -> None:
        self._counts["parsed"] += 1
        for check in ("signature", "mac", "encryption"):
            self._counts[f"{check} {fields[check]}"] += 1
            if fields[check] == "invalid":
                self.status = max(self.status, 1)
        for part in ("encrypted", "decrypted"):
            number = fields[part]
            assert isinstance(number, int)
            self._counts[part] += number
        payload = fields["payload"]
        self._counts["dlms"] += isinstance(payload, dict) and "apdu" in payload

    def _failed(self, text: str, status: int) -> None:
        self._progress.clear()
        complain(text)
        self.status = max(self.status, status)

    def finish(self, verbose: bool) -> None:
        """The remarks on the key folder and, after several messages, the sums, on stderr."""
        self._progress.clear()
        count = self._counts
        remarks = () if self._store is None else self._store.notes
        if verbose:
            for remark in remarks:
                complain(f"key folder: {remark}")
        if count["parsed"] + count["unparsable"] < 2:
            return

        def total(verdict: str) -> int:
            return sum(count[f"{check} {verdict}"] for check in ("signature", "mac", "encryption"))

        parts = [
            f"{count['parsed'] + count['unparsable']} messages: {count['parsed']} parsed",
            f"{count['unparsable']} unparsable",
            f"{count['signature valid']} signatures valid",
            f"{count['mac valid']} MACs valid",
            f"{total('unchecked')} unchecked",
            f"{total('invalid')} invalid",
            f"{count['dlms']} DLMS payloads",
            f"{count['decrypted']} of {count['encrypted']} encrypted parts decrypted",
        ]
        if remarks and not verbose:
            parts.append(f"{len(remarks)} remarks on the key folder (-v)")
        print(", ".join(parts), file=sys.stderr)
