"""Runs the command line in this process, with its streams."""

import io
import sys
from contextlib import redirect_stderr, redirect_stdout
from typing import NamedTuple
from unittest import mock

from smets.tools.main import main


class Done(NamedTuple):
    """What a command left behind."""

    status: int
    out: str
    err: str


class Terminal(io.TextIOWrapper):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        """It is."""
        return True


def smets(*arguments: str, stdin: bytes = b"", terminals: str = "", encoding: str = "utf-8") -> Done:
    """Run `smets` with arguments; `terminals` names the streams (out, err) that are one."""
    streams = {}
    for name in ("out", "err"):
        kind = Terminal if name in terminals.split() else io.TextIOWrapper
        streams[name] = kind(io.BytesIO(), encoding=encoding, newline="\n")
    given = io.TextIOWrapper(io.BytesIO(stdin))
    status: object = 0
    with (
        redirect_stdout(streams["out"]),
        redirect_stderr(streams["err"]),
        mock.patch.object(sys, "stdin", given),
    ):
        try:
            main(arguments)
        except SystemExit as end:
            status = end.code
    assert isinstance(status, int)
    for stream in streams.values():
        stream.flush()
    out, err = (streams[name].buffer.getvalue().decode(encoding) for name in ("out", "err"))
    return Done(status, out, err)
