"""A key store in memory, filled once."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from ..errors import KeyStoreError
from ..ids import CellUsage, EntityId, KeyUsage, Role
from .certificates import NO_ENTITY, public_point
from .store import Credential

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric import ec


class MemoryKeyStore:
    """Certificates and private keys held in memory; it never changes once made.

    Order of `all` and `with_role`: entity, usage, cell usage, newest first. Where a
    party has several certificates for one use, `find` gives the newest. Private keys
    belong to a certificate by their public point and never show in a text.
    Raises KeyStoreError for a key that is not on P-256.
    """

    __slots__ = ("_all", "_by_use", "_keys")

    def __init__(
        self,
        credentials: Iterable[Credential] = (),
        private_keys: Iterable[ec.EllipticCurvePrivateKey] = (),
    ) -> None:
        unique = {(credential.der, credential.cell_usage): credential for credential in credentials}
        self._all = tuple(sorted(unique.values(), key=_order))
        # Authorities without an entity are found by role, not by the identifier they lack.
        self._by_use: dict[tuple[EntityId, KeyUsage, CellUsage], Credential] = {}
        for credential in self._all:
            if credential.entity != NO_ENTITY:
                use = (credential.entity, credential.usage, credential.cell_usage)
                self._by_use.setdefault(use, credential)
        self._keys: dict[bytes, ec.EllipticCurvePrivateKey] = {}
        for key in private_keys:
            if key.curve.name != "secp256r1":
                raise KeyStoreError("a private key is not on P-256")
            self._keys[public_point(key.public_key())] = key

    def __repr__(self) -> str:
        return f"{type(self).__name__}({len(self._all)} certificates, {len(self._keys)} private keys)"

    def find(
        self,
        entity: EntityId,
        usage: KeyUsage,
        cell_usage: CellUsage = CellUsage.MANAGEMENT,
    ) -> Credential | None:
        """The newest certificate of a party for a use, or None."""
        return self._by_use.get((entity, usage, cell_usage))

    def private_key(self, credential: Credential) -> ec.EllipticCurvePrivateKey | None:
        """The private key matching a certificate, or None."""
        return self._keys.get(credential.point)

    def with_role(self, role: Role, usage: KeyUsage) -> tuple[Credential, ...]:
        """Every certificate of a role for a use, in the order of `all`."""
        return tuple(c for c in self._all if c.role is role and c.usage is usage)

    def all(self) -> tuple[Credential, ...]:
        """Every certificate held, in a fixed order."""
        return self._all

    def with_added(
        self,
        credentials: Iterable[Credential] = (),
        private_keys: Iterable[ec.EllipticCurvePrivateKey] = (),
    ) -> MemoryKeyStore:
        """A store that holds these as well; this one stays as it is."""
        return MemoryKeyStore((*self._all, *credentials), (*self._keys.values(), *private_keys))


def _order(credential: Credential) -> tuple[bytes, int, int, float, int, bytes]:
    start = credential.certificate.not_valid_before_utc
    return (
        credential.entity,
        credential.usage.value,
        credential.cell_usage,
        -start.timestamp(),
        -1 if credential.role is None else credential.role,
        credential.der,
    )
