"""Private keys on P-256: reading them, and deriving them for tests.

Nothing here puts a key, or the octets it was read from, into a text.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..errors import ParseError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric import ec

# The order of P-256's base point (FIPS 186-4 D.1.2.3).
_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551


def load_private_key(octets: bytes) -> ec.EllipticCurvePrivateKey:
    """An unencrypted P-256 private key: PKCS#8 or SEC1, as PEM or DER.

    Raises ParseError (path `privateKey`), whose text says nothing of the octets.
    """
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.serialization import load_der_private_key, load_pem_private_key

    load = load_pem_private_key if b"-----BEGIN" in octets else load_der_private_key
    try:
        key = load(octets, None)
    except Exception:  # noqa: BLE001 - kinds without a common root, whose text stays out of every log
        key = None
    if not isinstance(key, ec.EllipticCurvePrivateKey) or not isinstance(key.curve, ec.SECP256R1):
        raise ParseError("not an unencrypted P-256 private key", path="privateKey")
    return key


def derive_private_key(digest: bytes) -> ec.EllipticCurvePrivateKey:
    """The private key that belongs to some octets; 48 or more make every key as likely as any other."""
    from cryptography.hazmat.primitives.asymmetric import ec

    return ec.derive_private_key(1 + int.from_bytes(digest) % (_ORDER - 1), ec.SECP256R1())
