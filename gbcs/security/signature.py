"""The message signature: ECDSA P-256 with SHA-256, plain r||s (GBCS 5.3; reference: gbcs-messages 5.1).

Signing is deterministic (RFC 6979), so the same message and key give the same octets.
"""

from __future__ import annotations

from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256

from ..errors import Check, SecurityError
from ..message import SIGNATURE_LENGTH, Message

_VERIFYING: Final = ec.ECDSA(SHA256())
_SIGNING: Final = ec.ECDSA(SHA256(), deterministic_signing=True)


def sign_octets(octets: bytes, private: ec.EllipticCurvePrivateKey) -> bytes:
    """The 64-octet signature over octets."""
    der = private.sign(octets, _SIGNING)  # SEQUENCE { INTEGER r, INTEGER s }, each of at most 33 octets
    end = 4 + der[3]
    return der[4:end][-32:].rjust(32, b"\0") + der[end + 2 :][-32:].rjust(32, b"\0")


def with_signature(message: Message, private: ec.EllipticCurvePrivateKey) -> Message:
    """The message, built from its fields, with its signature. Raises BuildError."""
    return message.signed(lambda covered: sign_octets(covered, private))


def signature_is_valid(message: Message, public: ec.EllipticCurvePublicKey) -> bool:
    """Whether the message carries a signature of this key."""
    return message.signature is not None and octets_are_signed(
        message.signed_octets, message.signature, public
    )


def octets_are_signed(octets: bytes, signature: bytes, public: ec.EllipticCurvePublicKey) -> bool:
    """Whether a plain signature, r||s of 32 octets each, is one of this key over octets."""
    if len(signature) != SIGNATURE_LENGTH:
        return False
    der = encode_dss_signature(int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big"))
    try:
        public.verify(der, octets, _VERIFYING)
    except InvalidSignature:
        return False
    return True


def check_signature(message: Message, public: ec.EllipticCurvePublicKey) -> None:
    """Raises SecurityError unless the signature is there and right."""
    if message.signature is None:
        raise SecurityError(Check.SIGNATURE, "the message carries no signature")
    if not signature_is_valid(message, public):
        raise SecurityError(Check.SIGNATURE, "the signature is not one of this key and message")
