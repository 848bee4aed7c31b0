"""A certificate authority for tests of key establishment, of both suites.

Everything derives from a seed: the same seed, subject and terms give the same octets. It
protects nothing: whoever knows the seed has every private key, and no production device
accepts its certificates. The text form of what it issues is that of `CbkeCredential`.
Source: SEC 4 (reference: se-security 5.2).
"""

from __future__ import annotations

import hashlib
import hmac
from typing import ClassVar, Final

from gbcs.errors import BuildError
from gbcs.ids import EntityId
from gbcs.time import Utc

from .credential import CbkeCredential
from .curves import Point
from .ecqv import (
    KEY_AGREEMENT,
    NO_EXPIRY,
    Certificate,
    Suite1Certificate,
    Suite2Certificate,
    issue,
    unix_time,
)
from .suites import Suite

__all__ = ["ISSUERS", "CbkeCredential", "TestCa"]

ISSUERS = {Suite.SUITE_1: b"SMETSCA1", Suite.SUITE_2: b"SMETSCA2"}
"""Identifiers of the test CA: ours, and not those of the commercial one's test CAs."""


class TestCa:
    """One CA: issues credentials of one suite. `issuer`: 8 octets that name it."""

    # The name begins as those of test classes do.
    __test__: ClassVar[bool] = False

    __slots__ = ("_private", "_seed", "issuer", "public", "start", "suite")

    def __init__(self, suite: Suite, seed: bytes, start: Utc, issuer: bytes | None = None) -> None:
        """Certificates of suite 2 are valid from `start`. Raises BuildError for another issuer length."""
        self.suite: Final = suite
        self.start: Final = start
        self.issuer: Final = ISSUERS[suite] if issuer is None else issuer
        if len(self.issuer) != 8:
            raise BuildError("the identifier of a CA has 8 octets")
        self._seed = bytes(seed)
        self._private = self._number("CA", b"")
        point = suite.curve.multiply(self._private, suite.curve.generator)
        assert point is not None  # the private key is from 1 to n - 1
        self.public: Final[Point] = point

    def __repr__(self) -> str:
        return f"TestCa({self.suite.name}, {self.issuer.hex()})"

    def issue(
        self,
        subject: EntityId,
        *,
        serial: int | None = None,
        valid_for: int = NO_EXPIRY,
        key_usage: int = KEY_AGREEMENT,
    ) -> CbkeCredential:
        """A device's credential; serial (by default from the subject), validity and usage are of suite 2.

        Raises BuildError for a value that does not fit.
        """
        if serial is None:
            serial = int.from_bytes(self._hmac("serial", subject)[:8], "big")
        template: Certificate
        if self.suite is Suite.SUITE_1:
            template = Suite1Certificate(subject, self.issuer)
            terms = b""
        else:
            start = unix_time(self.start)
            template = Suite2Certificate(subject, self.issuer, serial, start, valid_for, key_usage)
            terms = _terms(template)
        certificate, private = issue(template, self._private, self._number("device", subject + terms))
        return CbkeCredential(self.public, certificate, private)

    def _number(self, what: str, subject: bytes) -> int:
        return self.suite.scalar(self._hmac(what, subject))

    def _hmac(self, what: str, subject: bytes) -> bytes:
        label = b"\0".join((b"cbke", self.suite.name.encode(), self.issuer, what.encode(), subject))
        return hmac.digest(self._seed, label, hashlib.sha512)


def _terms(template: Suite2Certificate) -> bytes:
    """What tells certificates of one subject apart, so that no number serves twice."""
    numbers = (template.serial, template.valid_from, template.valid_for, template.key_usage)
    return b"".join(n.to_bytes(8, "big") for n in numbers)
