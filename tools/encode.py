"""`smets encode`: build messages from the JSON lines of `decode --json`."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from typing import IO, Any

import click

from .inputs import STDIN, UnreadableInput, unreadable
from .text import complain

EPILOG = """\b
Each PATH is a file of JSON lines, or - for stdin, which is the default. Verdicts,
names, counts and plaintexts are not read: a message is built from its other fields,
and nothing is signed anew.

\b
Exit status: 0 everything was built, 1 a line was not, 2 a path cannot be read.
"""


@click.command("encode", epilog=EPILOG)
@click.argument("paths", metavar="[PATH]...", nargs=-1)
def command(paths: tuple[str, ...]) -> int:
    """Build messages from the JSON lines of decode --json, one line of hex a message."""
    status = 0
    for path in paths or (STDIN,):
        try:
            for number, line in _lines(path):
                status = max(status, _encode(f"{path}:{number}", line))
        except UnreadableInput as error:
            complain(str(error))
            status = 2
    return status


def _encode(where: str, line: bytes) -> int:
    from gbcs.errors import BuildError
    from gbcs.fields import build_message

    try:
        print(build_message(_json(line)).octets.hex().upper())
    except BuildError as error:
        complain(f"{where}: {error}")
        return 1
    return 0


def _json(line: bytes) -> Any:
    """The value of a line. Raises BuildError."""
    from gbcs.errors import BuildError

    try:
        return json.loads(line.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise BuildError(f"not UTF-8 at octet {error.start}") from None
    except json.JSONDecodeError as error:
        raise BuildError(f"not JSON at character {error.pos}: {error.msg}") from None
    except (ValueError, RecursionError):
        raise BuildError("not JSON that is read here: a number too long or nested too deep") from None


def _lines(path: str) -> Iterator[tuple[int, bytes]]:
    """The lines of a file that are not empty, with their numbers. Raises UnreadableInput."""
    with ExitStack() as stack:
        try:
            stream = sys.stdin.buffer if path == STDIN else stack.enter_context(open(path, "rb"))
        except (OSError, ValueError) as error:
            raise unreadable(path, error) from None
        for number, line in enumerate(_read(path, stream), 1):
            if line.strip():
                yield number, line


def _read(path: str, stream: IO[bytes]) -> Iterator[bytes]:
    while True:
        try:
            line = stream.readline()
        except OSError as error:
            raise unreadable(path, error) from None
        if not line:
            return
        yield line
