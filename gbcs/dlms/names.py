"""Logical names: 6 octets and their text `A-B:C.D.E.F` (OBIS, IEC 62056-6-1)."""

from __future__ import annotations

import re

from ..errors import BuildError

_PATTERN = re.compile(r"(\d{1,3})-(\d{1,3}):(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})", re.ASCII)


def ln_text(octets: bytes) -> str:
    """`A-B:C.D.E.F` of 6 octets. Raises BuildError."""
    if len(octets) != 6:
        raise BuildError(f"a logical name has 6 octets, not {len(octets)}")
    a, b, c, d, e, f = octets
    return f"{a}-{b}:{c}.{d}.{e}.{f}"


def ln_octets(text: str) -> bytes:
    """The 6 octets of `A-B:C.D.E.F`. Raises BuildError."""
    match = _PATTERN.fullmatch(text)
    parts = [int(part) for part in match.groups()] if match else [256]
    if max(parts) > 255:
        raise BuildError(f"not a logical name: {text!r}")
    return bytes(parts)
