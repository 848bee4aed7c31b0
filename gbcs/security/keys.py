"""Key agreement and key derivation (GBCS 4.3.3; reference: gbcs-messages 5.2).

The shared secret of two parties does not change, so it is computed once a pair; only
the derivation, one hash, is done for each message.
"""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING

from ..errors import KeyUnavailable
from .store import Credential, KeyStore

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric import ec

_COUNTER_ONE = bytes((0, 0, 0, 1))
_ALGORITHM_ID = bytes.fromhex("60857406080300")
CRA_ENCRYPTION = 0x04  # stands in the CRA octet of keys that encrypt content
MAX_PAIRS = 4096  # ours: secrets kept before the oldest goes


def derive_key(secret: bytes, originator: bytes, cra: int, counter: int, recipient: bytes) -> bytes:
    """The 16-octet AES key of one message: one-step KDF with SHA-256.

    `secret` is the shared x coordinate, `cra` the CRA flag or `CRA_ENCRYPTION`.
    """
    other = b"%b%b\x09%b%b%b" % (
        _ALGORITHM_ID,
        originator,
        bytes((cra,)),
        counter.to_bytes(8, "big"),
        recipient,
    )
    return sha256(_COUNTER_ONE + secret + other).digest()[:16]


class SharedSecrets:
    """Shared secrets between the parties of a key store, each pair computed once.

    A pair needs the private key of one side. The cache is bounded; it holds
    nothing that cannot be computed again.
    """

    __slots__ = ("_held", "_limit", "_store")

    def __init__(self, store: KeyStore, limit: int = MAX_PAIRS) -> None:
        self._store = store
        self._limit = limit
        self._held: dict[tuple[bytes, bytes], bytes] = {}

    def __repr__(self) -> str:
        return f"SharedSecrets({len(self._held)} pairs)"

    def between(self, one: Credential, other: Credential) -> bytes:
        """The 32-octet secret of two key agreement credentials. Raises KeyUnavailable."""
        held = self._held.get((one.point, other.point))
        if held is not None:
            return held
        private = self._store.private_key(one)
        if private is not None:
            secret = _exchange(private, other)
        else:
            private = self._store.private_key(other)
            if private is None:
                raise KeyUnavailable(f"no private key of {one.entity} or {other.entity}")
            secret = _exchange(private, one)
        while len(self._held) > 2 * (self._limit - 1):  # a pair stands here under both its orders
            self._held.pop(next(iter(self._held)))
        self._held[one.point, other.point] = self._held[other.point, one.point] = secret
        return secret


def _exchange(private: ec.EllipticCurvePrivateKey, peer: Credential) -> bytes:
    from cryptography.hazmat.primitives.asymmetric import ec

    return private.exchange(ec.ECDH(), peer.public_key)
