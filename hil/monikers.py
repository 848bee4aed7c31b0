"""Monikers of links: `memory:`, `virtual:[air]`, `serial:/dev/...`, `tcp:host:port`, `replay:file`.

Contract 4. What is not built yet is a known scheme with a clear error. What follows `virtual:` are
options of the air and of the lines to its dongles (`hil.virtual.bench`), with or without a `?` before them.
"""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import parse_qsl

from gbcs.errors import LocalError

SCHEMES = ("memory", "virtual", "serial", "tcp", "replay")
BUILT = ("memory", "virtual", "serial", "tcp")
STICKS = ("serial", "tcp")
_OPTIONS = {"serial": ("baud", "flow"), "tcp": (), "replay": ()}


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
        if scheme == "virtual":
            return cls(scheme, "&".join(part for part in (place, query) if part))
        if scheme in STICKS:
            _check_stick(scheme, place, options)
        return cls(scheme, place, options)

    def option(self, name: str, default: str = "") -> str:
        """The value of an option."""
        return dict(self.options).get(name, default)

    @property
    def path(self) -> str:
        """What a serial port or a dongle in the network is opened by."""
        return f"tcp://{self.rest}" if self.scheme == "tcp" else self.rest


def _check_stick(scheme: str, place: str, options: tuple[tuple[str, str], ...]) -> None:
    host, colon, port = place.rpartition(":")
    if scheme == "tcp" and not (host and colon and port.isdecimal() and 0 < int(port) < 65536):
        raise MonikerError(f"tcp: takes a host and a port, not {place!r}")
    if not place:
        raise MonikerError(f"{scheme}: takes the path of a port")
    for name, value in options:
        if name not in _OPTIONS[scheme]:
            raise MonikerError(f"{scheme}: has no option {name!r}")
        if name == "baud" and not (value.isdecimal() and int(value)):
            raise MonikerError(f"baud has to be a number, not {value!r}")
        if name == "flow" and value not in ("none", "hardware", "software"):
            raise MonikerError(f"flow is none, hardware or software, not {value!r}")
