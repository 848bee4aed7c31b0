"""How the commands speak: one line on stderr, nothing a terminal could take for a command."""

from __future__ import annotations

import sys


def one_line(text: str) -> str:
    """Text without line breaks and control characters."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else " " if c in "\n\r\t" else "?" for c in text)


def complain(text: str) -> None:
    """One line on stderr, with the name of the program."""
    print(f"smets: {one_line(text)}", file=sys.stderr)
