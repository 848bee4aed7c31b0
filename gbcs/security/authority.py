"""Going on with a test PKI: the issuing authorities whose private keys a store holds.

New keys derive from the authority's private key and the start of validity: the same
store and the same request give the same octets, and a later start gives another key.
For tests only: whoever holds the authority has every key it ever made.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable
from typing import TYPE_CHECKING

from ..errors import KeyUnavailable
from ..ids import CellUsage, EntityId, KeyUsage, Role
from ..time import Utc
from .certificates import policy_of, public_point
from .issuing import (
    Issuer,
    Terms,
    device_certificate,
    organisation_certificate,
    organisation_subject,
    serial_number,
)
from .memory import MemoryKeyStore
from .private_keys import derive_private_key
from .requests import SigningRequest
from .store import Credential, KeyStore

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric import ec


class HeldAuthority:
    """The newest authority of a hierarchy whose private key is in a store.

    `devices` chooses the hierarchy. An authority that is no root is preferred. What it
    issues states its own certificate's policy, or `policy` where that has none. Raises
    KeyUnavailable where the store has no such authority.
    """

    __slots__ = ("_issuer", "_secret", "credential")

    credential: Credential

    def __init__(self, store: KeyStore, devices: bool, policy: str) -> None:
        held = [
            (credential, key)
            for credential in store.all()
            if credential.usage is KeyUsage.KEY_CERT_SIGN
            and (credential.role is None) is devices
            and (key := store.private_key(credential)) is not None
        ]
        if not held:
            kind = "devices" if devices else "organisations"
            raise KeyUnavailable(f"no authority for {kind} with its private key in this key store")
        # A stable sort: the store's order has the newest first.
        self.credential, key = min(held, key=lambda item: is_root(item[0]))
        self._issuer = Issuer.of(self.credential, key, policy_of(self.credential.certificate) or policy)
        self._secret = key.private_numbers().private_value.to_bytes(32)

    def __repr__(self) -> str:
        return f"HeldAuthority({self.credential.key_id.hex().upper()})"

    def organisation(
        self,
        role: Role,
        entity: EntityId,
        name: str,
        uses: Iterable[tuple[KeyUsage, CellUsage]],
        start: Utc,
        years: int | None,
    ) -> MemoryKeyStore:
        """A remote party's certificates with new keys, one for each use. Raises BuildError."""
        subject = organisation_subject(name, role, entity)
        start = start.floor(1)
        made, keys = [], []
        for usage, cell_usage in uses:
            label = f"organisation {role.value} {entity} {usage.name} {cell_usage.name} {start.seconds}"
            key = self._key(label)
            keys.append(key)
            terms = self._terms(f"{label} {years} {name}", start, years)
            made.append(
                organisation_certificate(self._issuer, subject, usage, cell_usage, key.public_key(), terms)
            )
        return MemoryKeyStore(made, keys)

    def device(
        self, entity: EntityId, usages: Iterable[KeyUsage], start: Utc, years: int | None
    ) -> MemoryKeyStore:
        """A device's certificates with new keys, one for each usage. Raises BuildError."""
        keys = {
            usage: self._key(f"device {entity} {usage.name} {start.floor(1).seconds}") for usage in usages
        }
        made = [
            self.answer(SigningRequest(entity, usage, key.public_key()), start, years)
            for usage, key in keys.items()
        ]
        return MemoryKeyStore(made, keys.values())

    def answer(self, request: SigningRequest, start: Utc, years: int | None) -> Credential:
        """The Device Certificate a request asks for (CS02c to CS02d). Raises BuildError."""
        start = start.floor(1)
        point = public_point(request.public_key).hex()
        label = f"device {request.entity} {request.usage.name} {start.seconds} {years} {point}"
        terms = self._terms(label, start, years)
        return device_certificate(self._issuer, request.entity, request.usage, request.public_key, terms)

    def _key(self, label: str) -> ec.EllipticCurvePrivateKey:
        return derive_private_key(self._digest(f"key {label}"))

    def _terms(self, label: str, start: Utc, years: int | None) -> Terms:
        return Terms(serial_number(self._digest(f"serial {label}")), start, years)

    def _digest(self, label: str) -> bytes:
        return hmac.digest(self._secret, label.encode(), hashlib.sha512)


def is_root(credential: Credential) -> bool:
    """Whether an authority's certificate names itself as issuer."""
    certificate = credential.certificate
    return (
        credential.usage is KeyUsage.KEY_CERT_SIGN
        and certificate.issuer.public_bytes() == certificate.subject.public_bytes()
    )
