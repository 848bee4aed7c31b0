"""Where messages come from: files, folders and stdin, as hex text or raw octets.

What a file holds decides, not its name. Text is hex digits with any white space. It is
one message, or one message a line: when the first line is a whole message, or every line
begins as a message does.
"""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from gbcs.errors import GbcsError, ParseError

STDIN = "-"
MAX_FILE_OCTETS = 1 << 28  # ours: a capture of 100,000 messages has a fifth of this
_HEX = frozenset(b"0123456789abcdefABCDEF")
_SPACE = frozenset(b" \t\r\n\v\f")
_TEXT = frozenset(range(0x20, 0x7F)) | _SPACE


class UnreadableInput(GbcsError):
    """A file or folder that cannot be opened or read; `name` as given."""

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(f"{name}: {reason}")
        self.name = name


class Found(NamedTuple):
    """One message of an input: octets, or why the text is none; `line` where there are several."""

    line: int | None
    octets: bytes | ParseError


def files(paths: Iterable[str]) -> Iterator[str | UnreadableInput]:
    """The files of paths in their order, those of folders sorted by path; hidden ones are left out.

    What cannot be looked into gives an UnreadableInput in its place.
    """
    for path in paths:
        try:
            is_folder = path != STDIN and stat.S_ISDIR(os.stat(path).st_mode)
        except (OSError, ValueError) as error:
            yield unreadable(path, error)
            continue
        if not is_folder:
            yield path
            continue
        found = dict(_below(path))
        if not found:
            yield UnreadableInput(path, "no file in this folder")
        for name in sorted(found):
            yield found[name] or name


def _below(folder: str) -> Iterator[tuple[str, UnreadableInput | None]]:
    """The files below a folder, and the folders that cannot be opened, with the reason."""
    closed: list[UnreadableInput] = []

    def note(error: OSError) -> None:
        closed.append(unreadable(folder, error))

    for top, folders, names in os.walk(folder, onerror=note):
        folders[:] = [name for name in folders if not name.startswith(".")]
        for name in names:
            path = os.path.join(top, name)
            if not name.startswith(".") and _may_be_read(path):
                yield path, None
    for error in closed:
        yield error.name, error


def _may_be_read(path: str) -> bool:
    """Whether it is a file; a link to nothing is left to fail when it is read."""
    try:
        return stat.S_ISREG(os.stat(path).st_mode)
    except OSError:
        return True


def read_file(name: str) -> bytes:
    """The octets of a file, or of stdin for `-`. Raises UnreadableInput."""
    try:
        if name == STDIN:
            octets = sys.stdin.buffer.read(MAX_FILE_OCTETS + 1)
        else:
            with open(name, "rb") as stream:
                octets = stream.read(MAX_FILE_OCTETS + 1)
    except (OSError, ValueError) as error:
        raise unreadable(name, error) from None
    if len(octets) > MAX_FILE_OCTETS:
        raise UnreadableInput(name, f"longer than {MAX_FILE_OCTETS} octets")
    return octets


def unreadable(name: str, error: OSError | ValueError) -> UnreadableInput:
    """The error of a path that the system refused."""
    inner = getattr(error, "filename", None)
    return UnreadableInput(
        inner if isinstance(inner, str) else name, getattr(error, "strerror", None) or "not a path"
    )


def messages(octets: bytes) -> list[Found]:
    """The messages in the octets of a file; at least one."""
    text = _as_text(octets)
    if text is None:
        return [Found(None, octets)]
    lines = [(number, line) for number, line in enumerate(text.splitlines(), 1) if line.strip()]
    if not lines:
        return [Found(None, ParseError("nothing but white space" if text else "empty", 0, "file"))]
    if len(lines) > 1 and _one_a_line([line for _, line in lines]):
        return [Found(number, _unhex(line)) for number, line in lines]
    return [Found(None, _unhex(text))]


def _as_text(octets: bytes) -> bytes | None:
    """The text of a file as ASCII octets, None for raw octets."""
    if octets[:2] in (b"\xff\xfe", b"\xfe\xff"):
        try:
            octets = octets.decode("utf-16").encode("ascii")
        except UnicodeError:
            return None
    octets = octets.removeprefix(b"\xef\xbb\xbf")
    return octets if _TEXT.issuperset(octets) else None


def _one_a_line(lines: list[bytes]) -> bool:
    from gbcs.message import parse_message

    if all(bytes(line).translate(None, bytes(_SPACE))[:4].upper() in (b"DD00", b"DF09") for line in lines):
        return True
    first = _unhex(lines[0])
    if isinstance(first, ParseError):
        return False
    try:
        parse_message(first)
    except ParseError:
        return False
    return True


def _unhex(text: bytes) -> bytes | ParseError:
    digits = text.translate(None, bytes(_SPACE))
    if not _HEX.issuperset(digits):
        at = next(i for i, octet in enumerate(text) if octet not in _HEX and octet not in _SPACE)
        return ParseError(f"{chr(text[at])!r} is no hex digit", at, "hex text")
    if len(digits) % 2:
        return ParseError("an odd number of hex digits", len(text), "hex text")
    return bytes.fromhex(digits.decode("ascii"))
