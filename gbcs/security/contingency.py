"""The contingency key: a public key the root certificate carries wrapped, opened by a disclosed key.

Source: reference gbcs-crypto 15. Gap (gbcs-crypto 15 and 24): which extension and which
wrapping are used is not known. Extension and syntax are those of RFC 5934 (id-pe 20), the
wrapping is AES key wrap with padding (RFC 5649) unless another is given.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

from ..asn1.der import OCTET_STRING, SEQUENCE, parse_der
from ..errors import Check, ParseError, SecurityError
from .store import Credential

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric import ec

WRAPPED_CONTINGENCY_KEY = "1.3.6.1.5.5.7.1.20"

# id-aes128-wrap-pad, id-aes192-wrap-pad, id-aes256-wrap-pad: contents of their
# OBJECT IDENTIFIER, with the length of the key.
AES_WRAP_PAD = {
    bytes.fromhex("608648016503040108"): 16,
    bytes.fromhex("60864801650304011C"): 24,
    bytes.fromhex("608648016503040130"): 32,
}
_OBJECT_IDENTIFIER = 0x06


class WrappedKey(NamedTuple):
    """ApexContingencyKey: contents of the algorithm's OBJECT IDENTIFIER, the wrapped octets."""

    algorithm: bytes
    octets: bytes


Unwrap = Callable[[WrappedKey, bytes], bytes]
"""From a wrapped key and the symmetric key the SubjectPublicKeyInfo; raises SecurityError."""


def unwrap_aes(wrapped: WrappedKey, symmetric: bytes) -> bytes:
    """AES key wrap with padding. Raises SecurityError(Check.SIGNATURE)."""
    from cryptography.hazmat.primitives.keywrap import InvalidUnwrap, aes_key_unwrap_with_padding

    if AES_WRAP_PAD.get(wrapped.algorithm) != len(symmetric):
        raise _refused("no known wrapping for a key of this length")
    try:
        return aes_key_unwrap_with_padding(symmetric, wrapped.octets)
    except InvalidUnwrap:
        raise _refused("the symmetric key does not open it") from None


def wrapped_key(root: Credential) -> WrappedKey:
    """What the root certificate carries. Raises SecurityError(Check.SIGNATURE)."""
    from cryptography import x509

    wanted = x509.ObjectIdentifier(WRAPPED_CONTINGENCY_KEY)
    try:
        value = root.certificate.extensions.get_extension_for_oid(wanted).value
    except x509.ExtensionNotFound:
        raise _refused("the root carries none") from None
    try:
        node = parse_der(value.public_bytes())
    except ParseError as error:
        raise _refused(str(error)) from None
    tags = [child.tag for child in node.children]
    if node.tag == SEQUENCE and tags == [SEQUENCE, OCTET_STRING]:
        algorithm, octets = node.children
        if algorithm.children and algorithm.children[0].tag == _OBJECT_IDENTIFIER:
            return WrappedKey(algorithm.children[0].contents, octets.contents)
    raise _refused("not an algorithm and octets")


def contingency_key(
    root: Credential, symmetric: bytes, unwrap: Unwrap = unwrap_aes
) -> ec.EllipticCurvePublicKey:
    """The public key that verifies a contingency command. Raises SecurityError(Check.SIGNATURE)."""
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.serialization import load_der_public_key

    try:
        key = load_der_public_key(unwrap(wrapped_key(root), symmetric))
    except (ValueError, UnsupportedAlgorithm):
        raise _refused("not a public key") from None
    if not isinstance(key, ec.EllipticCurvePublicKey) or key.curve.name != "secp256r1":
        raise _refused("not a P-256 key")
    return key


def _refused(reason: str) -> SecurityError:
    return SecurityError(Check.SIGNATURE, f"the contingency key: {reason}")
