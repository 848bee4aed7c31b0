"""The two cryptographic suites of key establishment: their curves, sizes and scalars.

Source: SE standard Annex C (reference: se-security 3, 7). GB devices use suite 2 only.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import IntEnum

from gbcs.errors import BuildError

from .curves import Curve, sect163k1, sect283k1

Random = Callable[[int], bytes]
"""Gives so many random octets."""

MAC_SIZE = 16
_EXTRA = 8  # octets drawn beyond the size of n, so that reducing leaves no bias to speak of


class Suite(IntEnum):
    """A suite, as its bit in KeyEstablishmentSuite."""

    SUITE_1 = 0x0001
    SUITE_2 = 0x0002

    @property
    def curve(self) -> Curve:
        """The curve."""
        return sect163k1() if self is Suite.SUITE_1 else sect283k1()

    @property
    def certificate_size(self) -> int:
        """Octets of an implicit certificate."""
        return 48 if self is Suite.SUITE_1 else 74

    @property
    def private_size(self) -> int:
        """Octets of a private key and of a shared secret."""
        return self.curve.field.size

    @property
    def point_size(self) -> int:
        """Octets of a compressed point."""
        return self.curve.compressed_size

    @property
    def associate_bits(self) -> int:
        """Bits of x the associate value keeps: half of those of n, rounded up."""
        return -(-self.curve.n.bit_length() // 2)

    @property
    def seed_size(self) -> int:
        """Random octets `scalar` takes."""
        return self.private_size + _EXTRA

    def scalar(self, seed: bytes) -> int:
        """A number from 1 to n - 1 out of `seed_size` random octets. Raises BuildError for fewer."""
        if len(seed) < self.seed_size:
            raise BuildError(f"{self.seed_size} random octets are needed, {len(seed)} given")
        return int.from_bytes(seed, "big") % (self.curve.n - 1) + 1
