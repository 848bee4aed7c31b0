"""Event and alert codes by name, and the bit-strings that switch them.

Source: SMETS event and alert codes (reference: smets-alerts-events); numbering of the bits:
GBCS alert and event behaviours (reference: dlms-payloads 7.6).
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from typing import Any

from .values import Kind, accept_number

CODE_BITS = 256
SUPPLIER_BASE = 0x8100
NETWORK_OPERATOR_BASE = 0x8000


@cache
def _names() -> dict[int, str]:
    from .event_rows import ROWS  # noqa: PLC0415  (kept out of importing this module)

    return {row[0]: row[1] for row in ROWS}


def event_name(code: int) -> str | None:
    """The name of an event or alert code, None where the table has none."""
    return _names().get(code)


class EventCode(int):
    """An event or alert code; prints as its digits and its name."""

    __slots__ = ()

    @property
    def name(self) -> str | None:
        """The name in the table, or None."""
        return event_name(self)

    def __str__(self) -> str:
        return f"{int(self):04X} {self.name or 'unknown'}"

    def __repr__(self) -> str:
        return f"EventCode(0x{int(self):04X})"


def codes_of(bits: str, base: int) -> tuple[EventCode, ...]:
    """The codes whose bits are set, ascending; the last bit stands for the base code."""
    return tuple(EventCode(base + n) for n, bit in enumerate(reversed(bits)) if bit == "1")


def bits_of(codes: Iterable[int], base: int) -> str:
    """The bit-string of codes. Raises ValueError for a code that has no bit in it."""
    bits = ["0"] * CODE_BITS
    for code in codes:
        if not base <= code < base + CODE_BITS:
            raise ValueError(f"{code:04X} is not from {base:04X} to {base + CODE_BITS - 1:04X}")
        bits[base + CODE_BITS - 1 - code] = "1"
    return "".join(bits)


def _code(given: Any) -> int:
    """The code of a number, or of a text that begins with its digits. Raises ValueError."""
    if not isinstance(given, str):
        return accept_number(given)
    try:
        return int(given.split(" ", 1)[0], 16)
    except ValueError:
        raise ValueError(f"four hex digits are needed, not {given!r}") from None


EVENT = Kind("event", "an event or alert code of 4 hex digits", EventCode, _code)
