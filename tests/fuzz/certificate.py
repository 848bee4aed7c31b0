"""Certificates, DER or PEM: reading them, their profile, and the check against an issuer."""

from contextlib import suppress
from functools import cache

from cryptography.hazmat.primitives.serialization import Encoding

from gbcs.errors import ParseError, SecurityError
from gbcs.security.certificates import check_certificate, profile_faults, read_certificate
from tests.fuzz.harness import Target
from tests.gbcs import generated


def seeds() -> list[bytes]:
    held = generated.keyring().pki.store.all()
    return [*(c.der for c in held), *(c.certificate.public_bytes(Encoding.PEM) for c in held)]


@cache
def certified() -> frozenset[bytes]:
    """What the issuers signed."""
    return frozenset(held.certificate.tbs_certificate_bytes for held in generated.keyring().pki.store.all())


def one(octets: bytes) -> bool:
    credential = read_certificate(octets)
    assert read_certificate(credential.der) == credential
    assert all(fault.isprintable() for fault in profile_faults(credential))
    pki = generated.keyring().pki
    for issuer in (pki.organisation_issuing, pki.device_issuing):
        with suppress(SecurityError):
            check_certificate(credential, issuer, generated.START)
            # nobody else than the issuer makes certificates; how the signature itself is written (its
            # unused bits, s or n - s) is covered by nothing
            assert credential.certificate.tbs_certificate_bytes in certified()
    return True


TARGET = Target("certificate", seeds, one, (ParseError,))
