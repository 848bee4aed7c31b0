"""Monikers of links: `memory:`, `virtual:[air]`, `serial:/dev/...`, `tcp:host:port`, `replay:file`.

Contract 4. What is not built yet is a known scheme with a clear error.
"""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import parse_qsl

from gbcs.errors import LocalError

SCHEMES = ("memory", "virtual", "serial", "tcp", "replay")
BUILT = ("memory",)


class MonikerError(LocalError):
    """A moniker that names no link, or one that is not built yet."""


@dataclass(frozen=True, slots=True)
class Moniker:
    """A moniker taken apart: scheme, what follows it, options after `?`."""

    scheme: str
    rest: str = ""
    options: tuple[tuple[str, str], ...] = ()

    @classmethod
    def parse(cls, text: str) -> Moniker:
        """Read a moniker. Raises MonikerError."""
        scheme, colon, rest = text.partition(":")
        if not colon or scheme not in SCHEMES:
            known = ", ".join(f"{name}:" for name in SCHEMES)
            raise MonikerError(f"{text!r} is no link, known are {known}")
        place, _, query = rest.partition("?")
        options = tuple(parse_qsl(query, keep_blank_values=True))
        if scheme == "memory" and place:
            raise MonikerError(f"memory: takes no place, not {place!r}")
        if scheme not in BUILT:
            raise MonikerError(f"{scheme}: is not built yet")
        return cls(scheme, place, options)
