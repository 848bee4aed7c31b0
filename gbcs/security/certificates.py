"""X.509 certificates of the SMKI: reading, identifiers, profile and path checks.

Profiles: GBCS 12 and the SMKI certificate policies, as summed up in the reference's
certificate section. Reading asks only for what a Credential needs; departures from the
profile are listed by `profile_faults`, because certificates of other issuers are in
circulation and must stay readable. `cryptography` is imported when first used.
"""

from __future__ import annotations

import datetime as _dt
import hashlib
import re
import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING, TypeVar

from ..errors import Check, ParseError, SecurityError
from ..ids import CellUsage, EntityId, KeyUsage, Role
from ..time import Utc
from .store import Credential

if TYPE_CHECKING:
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric import ec

    _Extension = TypeVar("_Extension", bound=x509.ExtensionType)
    _Extended = x509.Certificate | x509.CertificateSigningRequest

NO_ENTITY = EntityId(bytes(8))
"""What certificates without an entity identifier (certification authorities) report."""

HARDWARE_MODULE_NAME = "1.3.6.1.5.5.7.8.4"
ECDSA_WITH_SHA256 = "1.2.840.10045.4.3.2"
NO_EXPIRY = _dt.datetime(9999, 12, 31, 23, 59, 59, tzinfo=_dt.UTC)
ORGANISATION_YEARS = 10
ISSUING_YEARS = 25
SERIAL_OCTETS = 16
KEY_ID_OCTETS = 8

# OBJECT IDENTIFIER 1.2.826.0.1.8641679.1.2.2.1, the hwType of every SMETS device.
_HARDWARE_TYPE = bytes.fromhex("060D2A863A0001848FB90F01020201")

_KEY_USAGE_BITS = (
    "digital_signature",
    "content_commitment",
    "key_encipherment",
    "data_encipherment",
    "key_agreement",
    "key_cert_sign",
    "crl_sign",
)
_KEY_USAGES = {
    frozenset({"digital_signature"}): KeyUsage.DIGITAL_SIGNATURE,
    frozenset({"key_agreement"}): KeyUsage.KEY_AGREEMENT,
    frozenset({"key_cert_sign"}): KeyUsage.KEY_CERT_SIGN,
    frozenset({"key_cert_sign", "crl_sign"}): KeyUsage.KEY_CERT_SIGN,
}


def public_point(public_key: ec.EllipticCurvePublicKey) -> bytes:
    """The public key as 04||X||Y."""
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    return public_key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)


def key_identifier(public_key: ec.EllipticCurvePublicKey) -> bytes:
    """The 8-octet identifier: 0100b and the low 60 bits of SHA-1(04||X||Y).

    Source: RFC 5280 4.2.1.2 method 2.
    """
    return _point_identifier(public_point(public_key))


def _point_identifier(point: bytes) -> bytes:
    low = hashlib.sha1(point, usedforsecurity=False).digest()[-KEY_ID_OCTETS:]
    return bytes((0x40 | low[0] & 0x0F,)) + low[1:]


def load_certificate(octets: bytes) -> x509.Certificate:
    """One X.509 certificate from DER or PEM, with every field it is asked for later decoded once.

    Raises ParseError (path `certificate`) for anything else.
    """
    from cryptography import x509
    from cryptography.utils import CryptographyDeprecationWarning

    try:
        with warnings.catch_warnings():
            # What the library only warns of yet (a serial number of 0, say) is no certificate either.
            warnings.simplefilter("error", CryptographyDeprecationWarning)
            # A certificate is longer than 127 octets, so DER starts with 30 8x, which no text does.
            if octets[:1] == b"\x30" and octets[1:2] >= b"\x80":
                certificate = x509.load_der_x509_certificate(octets)
            else:
                certificate = x509.load_pem_x509_certificate(octets)
            # The library decodes these late and raises then; here is the one place that expects it.
            _ = certificate.version, certificate.serial_number, certificate.signature_algorithm_oid
            _ = certificate.subject, certificate.issuer, certificate.extensions
            _ = certificate.not_valid_before_utc, certificate.not_valid_after_utc
            certificate.public_key()
    except Exception as error:  # noqa: BLE001 - on hostile octets the library raises kinds without a common root
        reason = " ".join(str(error).split())[:200]
        raise ParseError(f"not a certificate: {reason}", path="certificate") from None
    return certificate


def read_certificate(der_or_pem: bytes, cell_usage: CellUsage = CellUsage.MANAGEMENT) -> Credential:
    """One SMKI certificate as a Credential.

    The entity is the subjectAltName's hwSerialNum (device, role None) or the subject's
    x500UniqueIdentifier with the role in OU (organisation). Authorities without one
    report `NO_ENTITY`; those of the device hierarchy name no role either (None). The
    profile does not distinguish the prepayment key agreement certificate, so
    `cell_usage` is what the caller knows. Raises ParseError; `path` is `certificate`,
    `certificate.subject`, `.subjectAltName`, `.publicKey`, `.subjectKeyIdentifier` or
    `.keyUsage`, tried in this order.
    """
    from cryptography.hazmat.primitives.serialization import Encoding

    certificate = load_certificate(der_or_pem)
    entity, role = subject_of(certificate)
    public_key = _p256_key(certificate)
    point = public_point(public_key)
    key_id = _subject_key_id(certificate)
    if key_id is None:
        key_id = _point_identifier(point)
    elif len(key_id) != KEY_ID_OCTETS:
        raise _fault(f"{len(key_id)} octets instead of {KEY_ID_OCTETS}", "subjectKeyIdentifier")
    usage = usage_of(certificate)
    if usage is KeyUsage.KEY_CERT_SIGN and not _is_authority(certificate):
        raise _fault("signs certificates but is no certification authority", "keyUsage")
    return Credential(
        entity=entity,
        usage=usage,
        role=role,
        cell_usage=cell_usage,
        key_id=key_id,
        point=point,
        public_key=public_key,
        certificate=certificate,
        der=certificate.public_bytes(Encoding.DER),
    )


def subject_of(certificate: _Extended) -> tuple[EntityId, Role | None]:
    """Whom a certificate or signing request names: entity and role, None for devices and device authorities.

    Raises ParseError with path `certificate.subject` or `certificate.subjectAltName`.
    """
    from cryptography.x509.oid import NameOID

    identifiers = certificate.subject.get_attributes_for_oid(NameOID.X500_UNIQUE_IDENTIFIER)
    module = _hardware_module(certificate)
    if module is not None:
        if identifiers:
            raise _fault("names an organisation and a device", "subject")
        return EntityId(module[1]), None
    role = _role(certificate)
    if not identifiers:
        if _is_authority(certificate):
            return NO_ENTITY, role
        raise _fault("names neither an organisation nor a device", "subject")
    value = identifiers[0].value
    # The library hands out a BIT STRING with its count of unused bits in front.
    if len(identifiers) > 1 or not isinstance(value, bytes) or len(value) != 9 or value[0] != 0:
        raise _fault("x500UniqueIdentifier is not one BIT STRING of 8 octets", "subject")
    if role is None:
        raise _fault("an organisation without a role (OU)", "subject")
    return EntityId(value[1:]), role


def usage_of(certificate: _Extended) -> KeyUsage:
    """The one key usage: digitalSignature, keyAgreement or keyCertSign (with or without cRLSign).

    Of a certificate, or one a signing request asks for.

    Raises ParseError with path `certificate.keyUsage`.
    """
    from cryptography import x509

    extension = _extension(certificate, x509.KeyUsage)
    if extension is None:
        raise _fault("missing", "keyUsage")
    value = extension.value
    bits = {name for name in _KEY_USAGE_BITS if getattr(value, name)}
    if value.key_agreement and (value.encipher_only or value.decipher_only):
        bits.add("restricted key_agreement")
    usage = _KEY_USAGES.get(frozenset(bits))
    if usage is None:
        raise _fault(f"no usage of the profile: {', '.join(sorted(bits)) or 'none'}", "keyUsage")
    return usage


def policy_of(certificate: x509.Certificate) -> str | None:
    """The first certificate policy as a dotted identifier, None without one."""
    from cryptography import x509

    extension = _extension(certificate, x509.CertificatePolicies)
    policies = list(extension.value) if extension is not None else []
    return policies[0].policy_identifier.dotted_string if policies else None


def hardware_module_name(entity: EntityId) -> x509.SubjectAlternativeName:
    """The subjectAltName naming a device, for Device Certificates and signing requests."""
    from cryptography import x509

    body = _HARDWARE_TYPE + b"\x04\x08" + entity
    value = b"\x30" + bytes((len(body),)) + body
    name = x509.OtherName(x509.ObjectIdentifier(HARDWARE_MODULE_NAME), value)
    return x509.SubjectAlternativeName([name])


def check_certificate(credential: Credential, issuer: Credential, at: Utc | None) -> None:
    """One link: was `credential` issued by `issuer` and is it valid at a moment?

    `at` None leaves the time check out (CS02b, applyTimeBasedCPVChecks = disapply).
    Raises SecurityError(Check.CERTIFICATE). Source: GBCS path validation, reduced RFC 5280.
    """
    _check_link(credential, issuer, at, 0)


def check_path(
    credential: Credential, path: Sequence[Credential], anchor: Credential, at: Utc | None
) -> None:
    """The chain from `credential` over issuing certificates in `path` (any order) to `anchor`.

    The anchor is trusted as it is: its own validity and signature are not looked at.
    Raises SecurityError(Check.CERTIFICATE).
    """
    current, unused, below = credential, list(path), 0
    while True:
        issuer_id = _authority_key_id(current)
        if issuer_id == anchor.key_id:
            _check_link(current, anchor, at, below)
            return
        issuer = next((c for c in unused if c.key_id == issuer_id), None)
        if issuer is None:
            raise SecurityError(Check.CERTIFICATE, "no path to the trust anchor")
        unused.remove(issuer)
        _check_link(current, issuer, at, below)
        current, below = issuer, below + 1


def _check_link(credential: Credential, issuer: Credential, at: Utc | None, below: int) -> None:
    """One link; `below` counts the authorities between `issuer` and the end of the path."""
    from cryptography import x509
    from cryptography.exceptions import InvalidSignature

    def refuse(reason: str) -> SecurityError:
        return SecurityError(Check.CERTIFICATE, reason)

    certificate = credential.certificate
    if at is not None:
        if at < Utc.from_datetime(certificate.not_valid_before_utc):
            raise refuse("not valid yet")
        # The last second belongs to the validity as a whole.
        if at.seconds > Utc.from_datetime(certificate.not_valid_after_utc).seconds:
            raise refuse("expired")
    if issuer.usage is not KeyUsage.KEY_CERT_SIGN or not _is_authority(issuer.certificate):
        raise refuse("the issuer is no certification authority")
    constraints = _extension(issuer.certificate, x509.BasicConstraints)
    limit = constraints.value.path_length if constraints is not None else None
    if limit is not None and below > limit:
        raise refuse(f"path longer than the issuer allows ({limit})")
    if certificate.issuer.public_bytes() != issuer.certificate.subject.public_bytes():
        raise refuse("issued under another name")
    issuer_id = _authority_key_id(credential)
    # A self-signed root may leave the identifier out (RFC 5280 4.2.1.1).
    if issuer_id != issuer.key_id and not (issuer_id is None and credential.der == issuer.der):
        raise refuse("the authority key identifier is not the issuer's")
    if certificate.signature_algorithm_oid.dotted_string != ECDSA_WITH_SHA256:
        raise refuse("not signed with ECDSA and SHA-256")
    try:
        certificate.verify_directly_issued_by(issuer.certificate)
    except (InvalidSignature, ValueError, TypeError):
        raise refuse("signature not by the issuer") from None


def profile_faults(credential: Credential) -> tuple[str, ...]:
    """Every departure from the SMKI profile of its kind; empty where there is none.

    Of the roots and of the device hierarchy's authorities only the common rules are
    known. Policy identifiers are not compared: they differ between test and live use.
    """
    from cryptography import x509

    certificate = credential.certificate
    authority = credential.usage is KeyUsage.KEY_CERT_SIGN
    faults: list[str] = []

    def demand(holds: bool, fault: str) -> None:
        if not holds:
            faults.append(fault)

    def is_critical(kind: type[x509.ExtensionType]) -> bool:
        extension = _extension(certificate, kind)
        return extension is not None and extension.critical

    demand(certificate.version is x509.Version.v3, "not version 3")
    serial = certificate.serial_number
    demand(
        serial > 0 and serial.bit_length() // 8 + 1 == SERIAL_OCTETS,
        "serial number not positive in 16 octets",
    )
    demand(
        certificate.signature_algorithm_oid.dotted_string == ECDSA_WITH_SHA256,
        "not signed with ECDSA and SHA-256",
    )
    demand(is_critical(x509.KeyUsage), "keyUsage not critical")
    demand(
        _subject_key_id(certificate) == _point_identifier(credential.point),
        "subjectKeyIdentifier not the key's",
    )
    aki = _extension(certificate, x509.AuthorityKeyIdentifier)
    if aki is None:
        demand(certificate.issuer == certificate.subject, "no authorityKeyIdentifier")
    else:
        demand(
            len(aki.value.key_identifier or b"") == KEY_ID_OCTETS
            and aki.value.authority_cert_issuer is None
            and aki.value.authority_cert_serial_number is None,
            "authorityKeyIdentifier not just 8 octets",
        )
    policies = _extension(certificate, x509.CertificatePolicies)
    demand(
        policies is not None and policies.critical and len(list(policies.value)) == 1,
        "not one critical certificate policy",
    )
    constraints = _extension(certificate, x509.BasicConstraints)
    if authority:
        demand(is_critical(x509.BasicConstraints), "basicConstraints not critical")
    else:
        demand(constraints is None or not constraints.value.ca, "an end entity that is an authority")
    if credential.role is Role.ISSUING_AUTHORITY:
        demand(
            constraints is not None and constraints.value.path_length == 0,
            "pathLenConstraint not 0",
        )
        usage = _extension(certificate, x509.KeyUsage)
        demand(usage is not None and usage.value.crl_sign, "cRLSign missing")
        demand(_lasts(certificate, ISSUING_YEARS), f"validity not {ISSUING_YEARS} years")
        demand(_order(certificate) == ("KU", "BC", "CP", "SKI", "AKI"), "extensions in another order")
    elif not authority and credential.role is None:
        demand(not certificate.subject.rdns, "subject not empty")
        names = _extension(certificate, x509.SubjectAlternativeName)
        demand(names is not None and names.critical, "subjectAltName not critical")
        demand(names is not None and len(list(names.value)) == 1, "subjectAltName not one name")
        module = _hardware_module(certificate)
        demand(module is not None and module[0] == _HARDWARE_TYPE, "another hardware type")
        demand(certificate.not_valid_after_utc == NO_EXPIRY, "expires")
        demand(_order(certificate) == ("KU", "SKI", "SAN", "CP", "AKI"), "extensions in another order")
    elif not authority:
        parts = [part.oid.dotted_string for part in certificate.subject]
        demand(
            parts in (["2.5.4.11", "2.5.4.45"], ["2.5.4.3", "2.5.4.11", "2.5.4.45"]), "subject not [CN] OU id"
        )
        demand(_lasts(certificate, ORGANISATION_YEARS), f"validity not {ORGANISATION_YEARS} years")
        # Newer issuers state basicConstraints with cA false; its place is not known.
        order = tuple(name for name in _order(certificate) if name != "BC")
        demand(order == ("KU", "SKI", "CP", "AKI"), "extensions in another order")
    return tuple(faults)


def years_after(start: _dt.datetime, years: int) -> _dt.datetime:
    """The last second of a validity of whole years; 29 February counts as the 28th.

    Raises ValueError beyond the year 9999.
    """
    day = 28 if (start.month, start.day) == (2, 29) else start.day
    return start.replace(year=start.year + years, day=day) - _dt.timedelta(seconds=1)


_SHORT_NAMES = {
    "2.5.29.15": "KU",
    "2.5.29.14": "SKI",
    "2.5.29.17": "SAN",
    "2.5.29.32": "CP",
    "2.5.29.35": "AKI",
    "2.5.29.19": "BC",
}


def _order(certificate: x509.Certificate) -> tuple[str, ...]:
    oids = (extension.oid.dotted_string for extension in certificate.extensions)
    return tuple(_SHORT_NAMES.get(oid, oid) for oid in oids)


def _lasts(certificate: x509.Certificate, years: int) -> bool:
    try:
        end = years_after(certificate.not_valid_before_utc, years)
    except ValueError:
        return False
    return certificate.not_valid_after_utc == end


def _fault(reason: str, field: str) -> ParseError:
    return ParseError(reason, path=f"certificate.{field}")


def _extension(certificate: _Extended, kind: type[_Extension]) -> x509.Extension[_Extension] | None:
    from cryptography import x509

    try:
        return certificate.extensions.get_extension_for_class(kind)
    except x509.ExtensionNotFound:
        return None


def _is_authority(certificate: _Extended) -> bool:
    from cryptography import x509

    extension = _extension(certificate, x509.BasicConstraints)
    return extension is not None and extension.value.ca


def _subject_key_id(certificate: x509.Certificate) -> bytes | None:
    from cryptography import x509

    extension = _extension(certificate, x509.SubjectKeyIdentifier)
    return extension.value.digest if extension is not None else None


def _authority_key_id(credential: Credential) -> bytes | None:
    from cryptography import x509

    extension = _extension(credential.certificate, x509.AuthorityKeyIdentifier)
    return extension.value.key_identifier if extension is not None else None


def _p256_key(certificate: x509.Certificate) -> ec.EllipticCurvePublicKey:
    from cryptography.hazmat.primitives.asymmetric import ec

    key = certificate.public_key()
    if not isinstance(key, ec.EllipticCurvePublicKey) or not isinstance(key.curve, ec.SECP256R1):
        raise _fault("not a P-256 key", "publicKey")
    return key


def _role(certificate: _Extended) -> Role | None:
    from cryptography.x509.oid import NameOID

    units = certificate.subject.get_attributes_for_oid(NameOID.ORGANIZATIONAL_UNIT_NAME)
    if not units:
        return None
    text = units[0].value
    if len(units) > 1 or not isinstance(text, str) or not re.fullmatch("[0-9A-Fa-f]{2}", text):
        raise _fault("OU is not one role of two hex digits", "subject")
    try:
        return Role(int(text, 16))
    except ValueError:
        raise _fault(f"no remote party role: {text}", "subject") from None


def _hardware_module(certificate: _Extended) -> tuple[bytes, bytes] | None:
    """hwType (its DER) and hwSerialNum of the hardwareModuleName, None without one."""
    from cryptography import x509

    extension = _extension(certificate, x509.SubjectAlternativeName)
    if extension is None:
        return None
    others = extension.value.get_values_for_type(x509.OtherName)
    # get_values_for_type hands out OtherName objects themselves.
    values = [name.value for name in others if name.type_id.dotted_string == HARDWARE_MODULE_NAME]
    if not values:
        return None
    if len(values) > 1:
        raise _fault("more than one hardware module name", "subjectAltName")
    value = values[0]
    # SEQUENCE { hwType OBJECT IDENTIFIER, hwSerialNum OCTET STRING (8) }, all lengths in one octet.
    hw_type, serial = value[2:-10], value[-10:]
    if (
        not 15 <= len(value) <= 129
        or value[:2] != bytes((0x30, len(value) - 2))
        or hw_type[:2] != bytes((0x06, len(hw_type) - 2))
        or serial[:2] != b"\x04\x08"
    ):
        raise _fault("not a hardware module name with a serial number of 8 octets", "subjectAltName")
    return hw_type, serial[2:]
