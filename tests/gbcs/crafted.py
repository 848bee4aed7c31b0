"""Certificates bent at will, beside well-made ones: what the certificate tests share."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.name import _ASN1Type
from cryptography.x509.oid import NameOID

from gbcs.ids import EntityId, Role
from gbcs.pki import TestPki
from gbcs.security.certificates import (
    hardware_module_name,
    key_identifier,
)
from gbcs.security.store import Credential
from gbcs.time import Utc

START = Utc.of(2024, 3, 1)
LATER = START.plus(86_400)
SUPPLIER = EntityId.parse("90-B3-D5-1F-30-AA-00-01")
METER = EntityId.parse("00-DB-12-34-56-78-AA-01")
PKI = TestPki.create(b"certificates", START)
SUPPLIER_DS, SUPPLIER_KA, SUPPLIER_PP = PKI.organisation(Role.SUPPLIER, SUPPLIER, "A SUPPLIER")
METER_DS, METER_KA = PKI.device(METER)
KEY = ec.derive_private_key(0x1234567, ec.SECP256R1())
ISSUER_KEY = PKI.store.private_key(PKI.organisation_issuing)
assert ISSUER_KEY is not None

BITS = (
    "digital_signature",
    "content_commitment",
    "key_encipherment",
    "data_encipherment",
    "key_agreement",
    "key_cert_sign",
    "crl_sign",
    "encipher_only",
    "decipher_only",
)


def utc(*fields: int) -> datetime:
    return Utc.of(*fields).to_datetime()


def usage(*names: str) -> x509.KeyUsage:
    assert set(names) <= set(BITS)
    return x509.KeyUsage(**{bit: bit in names for bit in BITS})


def unique_id(octets: bytes, unused: int = 0) -> x509.NameAttribute[bytes]:
    return x509.NameAttribute(NameOID.X500_UNIQUE_IDENTIFIER, bytes((unused,)) + octets, _ASN1Type.BitString)


def unit(text: str) -> x509.NameAttribute[str]:
    return x509.NameAttribute(NameOID.ORGANIZATIONAL_UNIT_NAME, text)


def module(value: str) -> x509.SubjectAlternativeName:
    kind = x509.ObjectIdentifier("1.3.6.1.5.5.7.8.4")
    return x509.SubjectAlternativeName([x509.OtherName(kind, bytes.fromhex(value))])


def policies(count: int = 1) -> x509.CertificatePolicies:
    oids = [x509.ObjectIdentifier(f"1.2.826.0.1.8641679.1.2.1.{4 + n}") for n in range(count)]
    return x509.CertificatePolicies([x509.PolicyInformation(oid, None) for oid in oids])


def aki(key_id: bytes = PKI.organisation_issuing.key_id) -> x509.AuthorityKeyIdentifier:
    return x509.AuthorityKeyIdentifier(key_id, None, None)


def ski(key: Any = KEY) -> x509.SubjectKeyIdentifier:
    return x509.SubjectKeyIdentifier(key_identifier(key.public_key()))


PARTY = [unit("02"), unique_id(SUPPLIER)]
ORG: list[tuple[x509.ExtensionType, bool]] = [
    (usage("digital_signature"), True),
    (ski(), False),
    (policies(), True),
    (aki(), False),
]
DEV: list[tuple[x509.ExtensionType, bool]] = [
    (usage("digital_signature"), True),
    (ski(), False),
    (hardware_module_name(METER), True),
    (policies(), True),
    (aki(PKI.device_issuing.key_id), False),
]
ISS: list[tuple[x509.ExtensionType, bool]] = [
    (usage("key_cert_sign", "crl_sign"), True),
    (x509.BasicConstraints(True, 0), True),
    (policies(), True),
    (ski(), False),
    (aki(), False),
]
EVER = utc(9999, 12, 31, 23, 59, 59)
TEN_YEARS = utc(2034, 2, 28, 23, 59, 59)


def craft(
    subject: list[Any],
    extensions: list[tuple[x509.ExtensionType, bool]],
    *,
    key: Any = KEY,
    issuer: Credential = PKI.organisation_issuing,
    issuer_name: x509.Name | None = None,
    signer: Any = ISSUER_KEY,
    serial: int = 0x41 << 120,
    end: datetime = TEN_YEARS,
    digest: Any = None,
) -> bytes:
    builder = (
        x509.CertificateBuilder()
        .subject_name(x509.Name(subject))
        .issuer_name(issuer_name or issuer.certificate.subject)
        .public_key(key.public_key())
        .serial_number(serial)
        .not_valid_before(START.to_datetime())
        .not_valid_after(end)
    )
    for extension, critical in extensions:
        builder = builder.add_extension(extension, critical)
    return builder.sign(signer, digest or SHA256(), ecdsa_deterministic=True).public_bytes(Encoding.DER)


def replaced(
    extensions: list[tuple[x509.ExtensionType, bool]],
    new: x509.ExtensionType | None,
    critical: bool = True,
    kind: type[x509.ExtensionType] | None = None,
) -> list[tuple[x509.ExtensionType, bool]]:
    """The list with one extension exchanged for another of its kind, or left out."""
    kind = kind or type(new)
    assert any(isinstance(value, kind) for value, _ in extensions)
    pairs = ((new, critical) if isinstance(value, kind) else (value, c) for value, c in extensions)
    return [(value, c) for value, c in pairs if value is not None]


def organisation(extensions: list[Any] = ORG, **more: Any) -> bytes:
    return craft(more.pop("subject", PARTY), extensions, **more)


def device(extensions: list[Any] = DEV, **more: Any) -> bytes:
    return craft(more.pop("subject", []), extensions, **{"end": EVER, **more})


def issuing(extensions: list[Any] = ISS, **more: Any) -> bytes:
    return craft([unit("07")], extensions, **{"end": utc(2049, 2, 28, 23, 59, 59), **more})
