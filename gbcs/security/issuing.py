"""Issuing certificates with the profiles of the SMKI (reference: gbcs-crypto 13.1).

What the issuer decides (serial number, start, years) is given; the same arguments give
the same octets. `cryptography` is imported when first used.
"""

from __future__ import annotations

import datetime as _dt
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ..errors import BuildError
from ..ids import CellUsage, EntityId, KeyUsage, Role
from ..time import Utc
from .certificates import (
    NO_EXPIRY,
    SERIAL_OCTETS,
    hardware_module_name,
    key_identifier,
    public_point,
    read_certificate,
    years_after,
)
from .store import Credential

if TYPE_CHECKING:
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric import ec


@dataclass(frozen=True, slots=True)
class Issuer:
    """Who signs certificates: an authority's name, identifier and key, and the policy it states."""

    name: x509.Name
    key_id: bytes
    policy: str
    private_key: ec.EllipticCurvePrivateKey = field(repr=False)

    @classmethod
    def of(cls, credential: Credential, private_key: ec.EllipticCurvePrivateKey, policy: str) -> Issuer:
        """The authority a certificate names. Raises BuildError for another's private key or no authority."""
        if credential.usage is not KeyUsage.KEY_CERT_SIGN:
            raise BuildError("a certificate that may sign no certificates", "issuer")
        if public_point(private_key.public_key()) != credential.point:
            raise BuildError("not the private key of this certificate", "issuer")
        return cls(credential.certificate.subject, credential.key_id, policy, private_key)


@dataclass(frozen=True, slots=True)
class Terms:
    """Serial number, first second, and whole years of validity (None: no expiry)."""

    serial: int
    start: Utc
    years: int | None


def serial_number(digest: bytes) -> int:
    """A serial number of the profile from 16 or more octets: positive, and 16 octets in DER."""
    octets = digest[:SERIAL_OCTETS]
    # 01b in front of what is left of them.
    return int.from_bytes(bytes((0x40 | octets[0] & 0x3F,)) + octets[1:])


def organisation_certificate(
    issuer: Issuer,
    subject: x509.Name,
    usage: KeyUsage,
    cell_usage: CellUsage,
    public_key: ec.EllipticCurvePublicKey,
    terms: Terms,
) -> Credential:
    """An Organisation Certificate. Raises BuildError."""
    return _end_entity(issuer, subject, (), usage, cell_usage, public_key, terms)


def device_certificate(
    issuer: Issuer, entity: EntityId, usage: KeyUsage, public_key: ec.EllipticCurvePublicKey, terms: Terms
) -> Credential:
    """A Device Certificate. Raises BuildError."""
    from cryptography import x509

    name = (hardware_module_name(entity), True)
    return _end_entity(issuer, x509.Name([]), (name,), usage, CellUsage.MANAGEMENT, public_key, terms)


def authority_certificate(
    issuer: Issuer,
    subject: x509.Name,
    path_length: int | None,
    public_key: ec.EllipticCurvePublicKey,
    terms: Terms,
) -> Credential:
    """A certification authority's certificate; a root is its own issuer. Raises BuildError."""
    from cryptography import x509

    extensions: tuple[tuple[x509.ExtensionType, bool], ...] = (
        (key_usage(KeyUsage.KEY_CERT_SIGN), True),
        (x509.BasicConstraints(True, path_length), True),
        (_policies(issuer.policy), True),
        (x509.SubjectKeyIdentifier(key_identifier(public_key)), False),
        (_authority_key(issuer.key_id), False),
    )
    return _sign(issuer, subject, extensions, CellUsage.MANAGEMENT, public_key, terms)


def organisation_subject(name: str, role: Role, entity: EntityId) -> x509.Name:
    """[CN] OU x500UniqueIdentifier, text as UTF8String. Raises BuildError."""
    from cryptography import x509
    from cryptography.x509.name import _ASN1Type
    from cryptography.x509.oid import NameOID

    try:
        attributes: list[x509.NameAttribute[str] | x509.NameAttribute[bytes]] = []
        if name:
            attributes.append(x509.NameAttribute(NameOID.COMMON_NAME, name))
        attributes.append(x509.NameAttribute(NameOID.ORGANIZATIONAL_UNIT_NAME, f"{role.value:02X}"))
        # A BIT STRING with no unused bits; there is no public way to name the type.
        attributes.append(
            x509.NameAttribute(NameOID.X500_UNIQUE_IDENTIFIER, b"\0" + entity, _ASN1Type.BitString)
        )
        return x509.Name(attributes)
    except ValueError as error:
        raise BuildError(f"not a name for a subject: {error}") from None


def authority_subject(name: str, role: Role | None) -> x509.Name:
    """OU (organisation hierarchy only) and CN, text as PrintableString."""
    from cryptography import x509
    from cryptography.x509.name import _ASN1Type
    from cryptography.x509.oid import NameOID

    printable = _ASN1Type.PrintableString
    attributes = [x509.NameAttribute(NameOID.COMMON_NAME, name, printable)]
    if role is not None:
        unit = x509.NameAttribute(NameOID.ORGANIZATIONAL_UNIT_NAME, f"{role.value:02X}", printable)
        attributes.insert(0, unit)
    return x509.Name(attributes)


def _end_entity(
    issuer: Issuer,
    subject: x509.Name,
    names: tuple[tuple[x509.SubjectAlternativeName, bool], ...],
    usage: KeyUsage,
    cell_usage: CellUsage,
    public_key: ec.EllipticCurvePublicKey,
    terms: Terms,
) -> Credential:
    from cryptography import x509

    if usage is KeyUsage.KEY_CERT_SIGN:
        raise BuildError("an end entity signs no certificates")
    extensions: tuple[tuple[x509.ExtensionType, bool], ...] = (
        (key_usage(usage), True),
        (x509.SubjectKeyIdentifier(key_identifier(public_key)), False),
        *names,
        (_policies(issuer.policy), True),
        (_authority_key(issuer.key_id), False),
    )
    return _sign(issuer, subject, extensions, cell_usage, public_key, terms)


def _sign(
    issuer: Issuer,
    subject: x509.Name,
    extensions: tuple[tuple[x509.ExtensionType, bool], ...],
    cell_usage: CellUsage,
    public_key: ec.EllipticCurvePublicKey,
    terms: Terms,
) -> Credential:
    from cryptography import x509
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.serialization import Encoding

    try:
        begin, end = _validity(terms.start, terms.years)
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(issuer.name)
            .public_key(public_key)
            .serial_number(terms.serial)
            .not_valid_before(begin)
            .not_valid_after(end)
        )
        for extension, critical in extensions:
            builder = builder.add_extension(extension, critical)
        certificate = builder.sign(issuer.private_key, SHA256(), ecdsa_deterministic=True)
    except (ValueError, OverflowError) as error:
        raise BuildError(f"no such certificate: {error}") from None
    return read_certificate(certificate.public_bytes(Encoding.DER), cell_usage)


def _validity(start: Utc, years: int | None) -> tuple[_dt.datetime, _dt.datetime]:
    begin = start.to_datetime()
    return begin, NO_EXPIRY if years is None else years_after(begin, years)


def key_usage(usage: KeyUsage) -> x509.KeyUsage:
    """The extension for one usage."""
    from cryptography import x509

    return x509.KeyUsage(
        digital_signature=usage is KeyUsage.DIGITAL_SIGNATURE,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=usage is KeyUsage.KEY_AGREEMENT,
        key_cert_sign=usage is KeyUsage.KEY_CERT_SIGN,
        crl_sign=usage is KeyUsage.KEY_CERT_SIGN,
        encipher_only=False,
        decipher_only=False,
    )


def _policies(identifier: str) -> x509.CertificatePolicies:
    from cryptography import x509

    return x509.CertificatePolicies([x509.PolicyInformation(x509.ObjectIdentifier(identifier), None)])


def _authority_key(key_id: bytes) -> x509.AuthorityKeyIdentifier:
    from cryptography import x509

    return x509.AuthorityKeyIdentifier(key_id, None, None)
