"""Values by name as text: one line a value, nested ones indented."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import click

from .tree import quoted

if TYPE_CHECKING:
    from gbcs import Decoded

SHORT = 8  # lists of so many simple values stand in one line


def named_lines(where: str, decoded: Decoded) -> Iterator[str]:
    """The lines of a message by its values. Colours are ANSI codes."""
    row = decoded.use_case
    title = f"{row.name} {row.title}" if row is not None else "unknown use case"
    yield click.style(f"{where}: {title} ({decoded.message.code:04X}), {decoded.kind.value}", bold=True)
    yield f"from {decoded.originator} to {decoded.recipient}, counter {decoded.counter:016X}"
    if decoded.date_time is not None:
        yield f"at {decoded.date_time}"
    other = decoded.message.other
    if other.party is not None:
        counter = "" if other.party_counter is None else f", counter {other.party_counter:016X}"
        yield f"for {other.party}{counter}"
    if decoded.irregular is not None:
        yield f"no values by name: {decoded.irregular}"
        return
    for name, value in decoded.values.items():
        yield from _lines(name, value, 1)


def _lines(name: str, value: Any, level: int) -> Iterator[str]:
    start = "  " * level + name
    if isinstance(value, Mapping):
        yield start if value else f"{start} (nothing)"
        for inner, below in value.items():
            yield from _lines(str(inner), below, level + 1)
    elif isinstance(value, list | tuple):
        if len(value) <= SHORT and not any(isinstance(v, Mapping | list | tuple) for v in value):
            yield f"{start} {', '.join(map(value_text, value)) or '(none)'}"
            return
        yield f"{start} ({len(value)})"
        for number, below in enumerate(value, 1):
            yield from _lines(f"{number}.", below, level + 1)
    else:
        yield f"{start} {value_text(value)}"


def value_text(value: Any) -> str:
    """One value with its meaning."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return quoted(value)
    if type(value) is bytes:
        return value.hex().upper() or "(empty)"
    return str(value)
