"""Certificate signing requests of devices: what CS02c answers and CS02d needs.

Source: reference gbcs-crypto 16 (PKCS#10, version 0, empty subject, one attribute
extensionRequest with keyUsage and hardwareModuleName, both critical, signed with the new key).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..errors import Check, ParseError, SecurityError
from ..ids import EntityId, KeyUsage
from .certificates import ECDSA_WITH_SHA256, hardware_module_name, subject_of, usage_of

if TYPE_CHECKING:
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric import ec

_EXTENSION_REQUEST = "1.2.840.113549.1.9.14"


@dataclass(frozen=True, slots=True)
class SigningRequest:
    """A request that was checked: the device, the use, and the key it has made."""

    entity: EntityId
    usage: KeyUsage
    public_key: ec.EllipticCurvePublicKey


def read_request(octets: bytes) -> SigningRequest:
    """Read and check a request, DER or PEM.

    Raises ParseError (path `request`) for what is none, SecurityError(Check.CERTIFICATE)
    for one with another profile or whose signature is not by the key it holds.
    """
    from cryptography.hazmat.primitives.asymmetric import ec

    request = _load(octets)

    def demand(holds: bool, fault: str) -> None:
        if not holds:
            raise _refuse(fault)

    key = request.public_key()
    if not isinstance(key, ec.EllipticCurvePublicKey) or not isinstance(key.curve, ec.SECP256R1):
        raise _refuse("not a P-256 key")
    demand(
        request.signature_algorithm_oid.dotted_string == ECDSA_WITH_SHA256,
        "not signed with ECDSA and SHA-256",
    )
    demand(request.is_signature_valid, "signature not by the key it holds")
    demand(not request.subject.rdns, "subject not empty")
    demand(
        [attribute.oid.dotted_string for attribute in request.attributes] == [_EXTENSION_REQUEST],
        "attributes not just one extensionRequest",
    )
    try:
        entity, _ = subject_of(request)
        usage = usage_of(request)
    except ParseError as error:
        raise _refuse(f"{error.path.removeprefix('certificate.')}: {error.reason}") from None
    demand(usage is not KeyUsage.KEY_CERT_SIGN, "keyUsage of an authority")
    extensions = {extension.oid.dotted_string: extension for extension in request.extensions}
    name = hardware_module_name(entity)
    demand(
        len(extensions) == 2 and all(extension.critical for extension in extensions.values()),
        "extensions not keyUsage and subjectAltName, both critical",
    )
    demand(
        any(extension.value == name for extension in extensions.values()), "subjectAltName not of the profile"
    )
    return SigningRequest(entity, usage, key)


def _load(octets: bytes) -> x509.CertificateSigningRequest:
    from cryptography import x509

    try:
        if b"-----BEGIN" in octets:
            request = x509.load_pem_x509_csr(octets)
        else:
            request = x509.load_der_x509_csr(octets)
        # The library decodes these late and raises then; here is the one place that expects it.
        _ = request.subject, request.extensions, request.is_signature_valid, request.signature_algorithm_oid
        _ = [(attribute.oid, attribute.value) for attribute in request.attributes]
        request.public_key()
    except Exception as error:  # noqa: BLE001 - on hostile octets the library raises kinds without a common root
        reason = " ".join(str(error).split())[:200]
        raise ParseError(f"not a certificate signing request: {reason}", path="request") from None
    return request


def _refuse(reason: str) -> SecurityError:
    return SecurityError(Check.CERTIFICATE, f"signing request: {reason}")
