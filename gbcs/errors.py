"""Errors of the message layer: one root, ours apart from the peer's.

`GbcsError`
    `LocalError`       we were used wrongly
        `BuildError`       a message cannot be built from these values
        `KeyUnavailable`   no key or certificate for the party and use
        `KeyStoreError`    a key store cannot be read
    `PeerError`        what arrived is wrong
        `ParseError`       octets do not follow the layout (offset, path)
        `SecurityError`    an authentication or authorisation check failed
"""

from __future__ import annotations

from enum import Enum


class GbcsError(Exception):
    """Root of every error this project raises on purpose."""


class LocalError(GbcsError):
    """The caller asked for something that cannot be done."""


class BuildError(LocalError):
    """A message or payload cannot be built; `path` names the field at fault."""

    def __init__(self, message: str, path: str = "") -> None:
        super().__init__(f"{path}: {message}" if path else message)
        self.path = path


class KeyUnavailable(LocalError):
    """The key store holds no such key or certificate."""


class KeyStoreError(LocalError):
    """A key store or one of its files cannot be read."""


class PeerError(GbcsError):
    """What the other side sent is at fault."""


class ParseError(PeerError):
    """Octets that do not follow the layout.

    `offset` counts octets from the start of what was parsed, `path` names the
    field, outermost first.
    """

    def __init__(self, reason: str, offset: int = 0, path: str = "") -> None:
        super().__init__(reason, offset, path)
        self.reason = reason
        self.offset = offset
        self.path = path

    def __str__(self) -> str:
        where = f"{self.path} at octet {self.offset}" if self.path else f"octet {self.offset}"
        return f"{where}: {self.reason}"


class Check(Enum):
    """The checks of a received message, by the name used in logs and reports."""

    FRAMING = "framing"
    TARGET = "target"
    MESSAGE_CODE = "message code"
    ORIGINATOR = "originator"
    AUTHORITY = "authority"
    COUNTER = "counter"
    MAC = "mac"
    SIGNATURE = "signature"
    TEMPLATE = "template"
    CERTIFICATE = "certificate"
    DECRYPTION = "decryption"


class SecurityError(PeerError):
    """A check failed; `check` says which."""

    def __init__(self, check: Check, reason: str) -> None:
        super().__init__(check, reason)
        self.check = check
        self.reason = reason

    def __str__(self) -> str:
        return f"{self.check.value}: {self.reason}"
