"""What the message layer asks of a store of certificates and keys.

A store answers from what the certificates say (subject identifier, key usage,
role), never from file names. Other stores (a database, an HSM) serve by giving
the same four answers.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from ..ids import CellUsage, EntityId, KeyUsage, Role

if TYPE_CHECKING:
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric import ec


@dataclass(frozen=True, slots=True)
class Credential:
    """One certificate with the facts GBCS reads from it.

    `role` is None for a Device Certificate; `key_id` is the 8-octet subject key
    identifier; `point` the public key as 04||X||Y, usable as a cache key.
    """

    entity: EntityId
    usage: KeyUsage
    role: Role | None
    cell_usage: CellUsage
    key_id: bytes
    point: bytes
    public_key: ec.EllipticCurvePublicKey
    certificate: x509.Certificate
    der: bytes


class KeyStore(Protocol):
    """Certificates and private keys by party and use."""

    def find(
        self,
        entity: EntityId,
        usage: KeyUsage,
        cell_usage: CellUsage = CellUsage.MANAGEMENT,
    ) -> Credential | None:
        """The certificate of a party for a use, or None."""

    def private_key(self, credential: Credential) -> ec.EllipticCurvePrivateKey | None:
        """The private key matching a certificate, or None."""

    def with_role(self, role: Role, usage: KeyUsage) -> tuple[Credential, ...]:
        """Every certificate of a role for a use, in a fixed order."""

    def all(self) -> tuple[Credential, ...]:
        """Every certificate held, in a fixed order."""
