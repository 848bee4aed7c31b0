"""Reading, profile and path checks of SMKI certificates."""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.hashes import SHA256, SHA384
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.name import _ASN1Type
from cryptography.x509.oid import NameOID
from hypothesis import given
from hypothesis import strategies as st

from gbcs.errors import Check, ParseError, SecurityError
from gbcs.ids import CellUsage, EntityId, KeyUsage, Role
from gbcs.pki import TestPki
from gbcs.security.certificates import (
    NO_ENTITY,
    check_certificate,
    check_path,
    hardware_module_name,
    key_identifier,
    profile_faults,
    public_point,
    read_certificate,
    years_after,
)
from gbcs.security.folder import FolderKeyStore
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


# --- identifiers -----------------------------------------------------------------------


def test_key_identifier_is_0100_and_sixty_bits_of_sha1() -> None:
    seen = set()
    for scalar in range(1, 40):
        public = ec.derive_private_key(scalar, ec.SECP256R1()).public_key()
        numbers = public.public_numbers()
        point = b"\x04" + numbers.x.to_bytes(32, "big") + numbers.y.to_bytes(32, "big")
        whole = int.from_bytes(hashlib.sha1(point).digest(), "big")
        assert key_identifier(public) == (4 << 60 | whole % (1 << 60)).to_bytes(8, "big")
        assert public_point(public) == point
        seen.add(key_identifier(public))
    assert len(seen) == 39


def test_key_identifiers_of_the_reference(reference: Path) -> None:
    for credential in reference_store(reference).all():
        assert credential.key_id == key_identifier(credential.public_key)


# --- reading ---------------------------------------------------------------------------


def test_organisation_certificate() -> None:
    assert SUPPLIER_DS.entity == SUPPLIER
    assert SUPPLIER_DS.role is Role.SUPPLIER
    assert SUPPLIER_DS.usage is KeyUsage.DIGITAL_SIGNATURE
    assert SUPPLIER_DS.cell_usage is CellUsage.MANAGEMENT
    assert SUPPLIER_KA.usage is KeyUsage.KEY_AGREEMENT
    assert SUPPLIER_DS.point == public_point(SUPPLIER_DS.public_key)
    assert len(SUPPLIER_DS.point) == 65


def test_device_certificate() -> None:
    assert (METER_DS.entity, METER_DS.role) == (METER, None)
    assert METER_DS.usage is KeyUsage.DIGITAL_SIGNATURE
    assert METER_KA.usage is KeyUsage.KEY_AGREEMENT


def test_authorities_have_no_entity() -> None:
    root, issuing = PKI.organisation_root, PKI.organisation_issuing
    assert (root.entity, root.role, root.usage) == (NO_ENTITY, Role.ROOT, KeyUsage.KEY_CERT_SIGN)
    assert (issuing.entity, issuing.role) == (NO_ENTITY, Role.ISSUING_AUTHORITY)
    assert (PKI.device_issuing.entity, PKI.device_issuing.role) == (NO_ENTITY, None)


def test_pem_and_der_are_the_same_certificate() -> None:
    pem = SUPPLIER_KA.certificate.public_bytes(Encoding.PEM)
    for octets in (SUPPLIER_KA.der, pem, b"some text before\n" + pem):
        assert read_certificate(octets) == SUPPLIER_KA


def test_cell_usage_is_what_the_caller_knows() -> None:
    assert SUPPLIER_PP.cell_usage is CellUsage.PREPAYMENT_TOP_UP
    assert read_certificate(SUPPLIER_PP.der).cell_usage is CellUsage.MANAGEMENT
    assert read_certificate(SUPPLIER_PP.der, CellUsage.PREPAYMENT_TOP_UP) == SUPPLIER_PP


@pytest.mark.parametrize("role", list(Role))
def test_every_role_is_two_hex_digits(role: Role) -> None:
    for text in {f"{role.value:02X}", f"{role.value:02x}"}:
        credential = read_certificate(craft([unit(text), unique_id(SUPPLIER)], ORG))
        assert (credential.role, credential.entity) == (role, SUPPLIER)


def test_without_a_key_identifier_the_keys_own_counts() -> None:
    extensions = replaced(ORG, None, kind=x509.SubjectKeyIdentifier)
    assert read_certificate(craft(PARTY, extensions)).key_id == key_identifier(KEY.public_key())


def test_a_root_with_an_entity_reports_it() -> None:
    subject = [unit("00"), unique_id(SUPPLIER)]
    credential = read_certificate(craft(subject, ISS))
    assert (credential.entity, credential.role) == (SUPPLIER, Role.ROOT)


def test_key_cert_sign_may_stand_alone() -> None:
    extensions = replaced(ISS, usage("key_cert_sign"))
    assert read_certificate(craft([unit("07")], extensions)).usage is KeyUsage.KEY_CERT_SIGN


OTHER_CURVE = ec.derive_private_key(0x1234567, ec.SECP384R1())
EDWARDS = ed25519.Ed25519PrivateKey.from_private_bytes(bytes(32))
SHORT_NAME = "300D 0601 2A 0408 00DB12345678AA01".replace(" ", "")


@pytest.mark.parametrize(
    ("field", "subject", "extensions", "more"),
    [
        ("subject", [unit("2"), unique_id(SUPPLIER)], ORG, {}),
        ("subject", [unit("zz"), unique_id(SUPPLIER)], ORG, {}),
        ("subject", [unit("+2"), unique_id(SUPPLIER)], ORG, {}),
        ("subject", [unit("87"), unique_id(SUPPLIER)], ORG, {}),
        ("subject", [unit("02"), unit("03"), unique_id(SUPPLIER)], ORG, {}),
        ("subject", [unique_id(SUPPLIER)], ORG, {}),
        ("subject", [unit("02")], ORG, {}),
        ("subject", [], ORG, {}),
        ("subject", [unit("02"), unique_id(SUPPLIER[:7])], ORG, {}),
        ("subject", [unit("02"), unique_id(SUPPLIER + b"\0")], ORG, {}),
        ("subject", [unit("02"), unique_id(SUPPLIER), unique_id(METER)], ORG, {}),
        ("subject", PARTY, DEV, {}),
        ("subjectAltName", [], replaced(DEV, module("0500")), {}),
        ("subjectAltName", [], replaced(DEV, module("3000")), {}),
        ("subjectAltName", [], replaced(DEV, module("300C 06012A 0407 DB12345678AA01")), {}),
        ("subjectAltName", [], replaced(DEV, module("300F" + SHORT_NAME[4:] + "0500")), {}),
        ("subjectAltName", [], replaced(DEV, module("31 0D" + SHORT_NAME[4:])), {}),
        ("subjectAltName", [], replaced(DEV, module("300D 0602" + SHORT_NAME[8:])), {}),
        ("subjectAltName", [], replaced(DEV, module("300D 0501" + SHORT_NAME[8:])), {}),
        ("subjectAltName", [], replaced(DEV, module("300D 06012A 0308 00DB12345678AA01")), {}),
        ("publicKey", PARTY, ORG, {"key": OTHER_CURVE}),
        ("publicKey", PARTY, ORG, {"key": EDWARDS}),
        ("subjectKeyIdentifier", PARTY, replaced(ORG, x509.SubjectKeyIdentifier(bytes(20))), {}),
        ("keyUsage", PARTY, replaced(ORG, None, kind=x509.KeyUsage), {}),
        ("keyUsage", PARTY, replaced(ORG, usage("content_commitment")), {}),
        ("keyUsage", PARTY, replaced(ORG, usage("digital_signature", "key_agreement")), {}),
        ("keyUsage", PARTY, replaced(ORG, usage("key_agreement", "encipher_only")), {}),
        ("keyUsage", PARTY, replaced(ORG, usage("crl_sign")), {}),
        ("keyUsage", PARTY, replaced(ORG, usage("key_cert_sign")), {}),
    ],
)
def test_what_names_no_credential_is_refused(
    field: str, subject: list[Any], extensions: list[Any], more: dict[str, Any]
) -> None:
    with pytest.raises(ParseError) as caught:
        read_certificate(craft(subject, extensions, **more))
    assert caught.value.path == f"certificate.{field}"


def test_the_shortest_hardware_module_name_is_read() -> None:
    # The frame the refusals above are bent from is itself good.
    credential = read_certificate(craft([], replaced(DEV, module(SHORT_NAME)), end=EVER))
    assert credential.entity == METER


@pytest.mark.parametrize(
    "octets",
    [
        b"",
        b"0",
        b"\x30\x82",
        b"\x30\x82\x00\x00",
        b"-----BEGIN CERTIFICATE-----",
        b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
        b"not a certificate",
        METER_DS.der[:-1],
        METER_DS.der + b"\0",
    ],
)
def test_other_octets_are_refused(octets: bytes) -> None:
    with pytest.raises(ParseError) as caught:
        read_certificate(octets)
    assert caught.value.path == "certificate"
    assert "\n" not in str(caught.value)


def survive(octets: bytes) -> None:
    """Whatever the octets are: a credential that can be examined, or our error."""
    try:
        credential = read_certificate(octets)
    except ParseError:
        return
    profile_faults(credential)
    for issuer in (PKI.organisation_issuing, PKI.device_issuing, credential):
        with contextlib.suppress(SecurityError):
            check_certificate(credential, issuer, LATER)


@given(st.binary(max_size=80))
def test_arbitrary_octets(octets: bytes) -> None:
    survive(octets)


@given(
    st.sampled_from([SUPPLIER_DS.der, METER_KA.der, PKI.organisation_issuing.der]),
    st.lists(st.tuples(st.integers(0, 440), st.integers(0, 255)), min_size=1, max_size=3),
    st.integers(0, 3),
)
def test_damaged_certificates(der: bytes, changes: list[tuple[int, int]], cut: int) -> None:
    octets = bytearray(der)
    for place, value in changes:
        octets[place % len(octets)] = value
    survive(bytes(octets[: len(octets) - cut]))


@pytest.mark.long
@pytest.mark.parametrize("credential", [SUPPLIER_DS, METER_KA, PKI.organisation_issuing])
def test_every_damaged_octet(credential: Credential) -> None:
    for place in range(len(credential.der)):
        for value in range(256):
            survive(credential.der[:place] + bytes((value,)) + credential.der[place + 1 :])


# --- profile ---------------------------------------------------------------------------


def organisation(extensions: list[Any] = ORG, **more: Any) -> bytes:
    return craft(more.pop("subject", PARTY), extensions, **more)


def device(extensions: list[Any] = DEV, **more: Any) -> bytes:
    return craft(more.pop("subject", []), extensions, **{"end": EVER, **more})


def issuing(extensions: list[Any] = ISS, **more: Any) -> bytes:
    return craft([unit("07")], extensions, **{"end": utc(2049, 2, 28, 23, 59, 59), **more})


def test_the_crafted_frames_follow_the_profile() -> None:
    named = [x509.NameAttribute(NameOID.COMMON_NAME, "NAME"), *PARTY]
    agreement = replaced(ORG, usage("key_agreement"))
    constrained = [*ORG, (x509.BasicConstraints(False, None), False)]
    for octets in (
        organisation(),
        organisation(subject=named),
        organisation(agreement),
        organisation(constrained),
        device(),
        device(replaced(DEV, usage("key_agreement"))),
        issuing(),
    ):
        assert profile_faults(read_certificate(octets)) == ()


FOREIGN_AKI = x509.AuthorityKeyIdentifier(bytes(20), None, None)
LONG_AKI = x509.AuthorityKeyIdentifier(
    bytes(8), [x509.DirectoryName(PKI.organisation_root.certificate.subject)], 1
)
OTHER_TYPE = module("300D 0601 2A 0408 00DB12345678AA01")
TWO_NAMES = x509.SubjectAlternativeName([*hardware_module_name(METER), x509.DNSName("a.example")])


@pytest.mark.parametrize(
    ("fault", "octets"),
    [
        ("serial number not positive in 16 octets", organisation(serial=0x7F)),
        ("serial number not positive in 16 octets", organisation(serial=0x80 << 120)),
        ("not signed with ECDSA and SHA-256", organisation(digest=SHA384())),
        ("keyUsage not critical", organisation(replaced(ORG, usage(BITS[0]), False))),
        (
            "subjectKeyIdentifier not the key's",
            organisation(replaced(ORG, x509.SubjectKeyIdentifier(bytes(8)))),
        ),
        ("authorityKeyIdentifier not just 8 octets", organisation(replaced(ORG, FOREIGN_AKI))),
        ("authorityKeyIdentifier not just 8 octets", organisation(replaced(ORG, LONG_AKI))),
        ("not one critical certificate policy", organisation(replaced(ORG, policies(), False))),
        ("not one critical certificate policy", organisation(replaced(ORG, policies(2)))),
        (
            "an end entity that is an authority",
            organisation([*ORG, (x509.BasicConstraints(True, None), True)]),
        ),
        ("subject not [CN] OU id", organisation(subject=PARTY[::-1])),
        ("validity not 10 years", organisation(end=utc(2034, 3, 1))),
        ("validity not 10 years", organisation(end=EVER)),
        ("extensions in another order", organisation(ORG[::-1])),
        ("subject not empty", device(subject=[unit("02")])),
        ("subjectAltName not critical", device(replaced(DEV, hardware_module_name(METER), False))),
        ("subjectAltName not one name", device(replaced(DEV, TWO_NAMES))),
        ("another hardware type", device(replaced(DEV, OTHER_TYPE))),
        ("expires", device(end=TEN_YEARS)),
        ("extensions in another order", device([*DEV, (x509.BasicConstraints(False, None), True)])),
        ("basicConstraints not critical", issuing(replaced(ISS, x509.BasicConstraints(True, 0), False))),
        ("pathLenConstraint not 0", issuing(replaced(ISS, x509.BasicConstraints(True, None)))),
        ("cRLSign missing", issuing(replaced(ISS, usage("key_cert_sign")))),
        ("validity not 25 years", issuing(end=EVER)),
        ("extensions in another order", issuing(ISS[::-1])),
    ],
)
def test_each_departure_is_named(fault: str, octets: bytes) -> None:
    assert profile_faults(read_certificate(octets)) == (fault,)


def test_missing_extensions_are_named() -> None:
    faults = profile_faults(read_certificate(organisation(ORG[:1])))
    assert "no authorityKeyIdentifier" in faults
    assert "not one critical certificate policy" in faults
    assert "subjectKeyIdentifier not the key's" in faults


def test_version_1_is_no_version_3() -> None:
    # Without extensions there is no usage; the reader says so before anyone asks for the profile.
    with pytest.raises(ParseError) as caught:
        read_certificate(organisation([]))
    assert caught.value.path == "certificate.keyUsage"


def test_the_reference_follows_the_profile(reference: Path) -> None:
    faults: dict[str, set[str]] = {}
    for credential in reference_store(reference).all():
        if profile_faults(credential):
            faults.setdefault(str(credential.entity), set()).update(profile_faults(credential))
    # Made by hand in 2018 for a hundred years, and known for it.
    assert faults == {
        "90B3D51F30010008": {
            "no authorityKeyIdentifier",
            "validity not 10 years",
            "extensions in another order",
        }
    }


@pytest.mark.parametrize(
    ("start", "end"),
    [
        (utc(2015, 10, 30), utc(2025, 10, 29, 23, 59, 59)),
        (utc(2024, 2, 29), utc(2034, 2, 27, 23, 59, 59)),
        (utc(2024, 1, 1, 12), utc(2034, 1, 1, 11, 59, 59)),
    ],
)
def test_ten_years_end_a_second_early(start: datetime, end: datetime) -> None:
    assert years_after(start, 10) == end


# --- one link --------------------------------------------------------------------------


def refused(credential: Credential, issuer: Credential, at: Utc | None = LATER) -> str:
    with pytest.raises(SecurityError) as caught:
        check_certificate(credential, issuer, at)
    assert caught.value.check is Check.CERTIFICATE
    return caught.value.reason


def test_links_of_both_hierarchies_hold() -> None:
    for credential in (SUPPLIER_DS, SUPPLIER_KA, SUPPLIER_PP):
        check_certificate(credential, PKI.organisation_issuing, LATER)
    for credential in (METER_DS, METER_KA):
        check_certificate(credential, PKI.device_issuing, LATER)
    check_certificate(PKI.organisation_issuing, PKI.organisation_root, LATER)
    check_certificate(PKI.device_issuing, PKI.device_root, LATER)
    check_certificate(PKI.organisation_root, PKI.organisation_root, LATER)


def test_validity_counts_its_first_and_last_second() -> None:
    end = Utc.of(2034, 2, 28, 23, 59, 59)
    for at in (START, end, end.plus(us=999_999)):
        check_certificate(SUPPLIER_DS, PKI.organisation_issuing, at)
    assert refused(SUPPLIER_DS, PKI.organisation_issuing, START.plus(us=-1)) == "not valid yet"
    assert refused(SUPPLIER_DS, PKI.organisation_issuing, end.plus(1)) == "expired"


def test_time_checks_can_be_left_out() -> None:
    check_certificate(SUPPLIER_DS, PKI.organisation_issuing, None)
    assert refused(SUPPLIER_DS, PKI.device_issuing, None)


def test_a_device_certificate_never_expires() -> None:
    check_certificate(METER_DS, PKI.device_issuing, Utc.of(9999, 12, 31, 23, 59, 59))


def test_only_an_authority_issues() -> None:
    assert "no certification authority" in refused(SUPPLIER_KA, SUPPLIER_DS)


def test_the_issuers_name_must_match() -> None:
    name = PKI.organisation_root.certificate.subject
    assert "another name" in refused(
        read_certificate(organisation(issuer_name=name)), PKI.organisation_issuing
    )
    # The same text in another string type is another name.
    issuer_name = PKI.organisation_issuing.certificate.subject
    utf8 = x509.Name([x509.NameAttribute(a.oid, a.value, _ASN1Type.UTF8String) for a in issuer_name])
    assert "another name" in refused(
        read_certificate(organisation(issuer_name=utf8)), PKI.organisation_issuing
    )


def test_the_authority_key_identifier_must_match() -> None:
    other = read_certificate(organisation(replaced(ORG, aki(bytes(8)))))
    assert "key identifier" in refused(other, PKI.organisation_issuing)
    none = replaced(ORG, None, kind=x509.AuthorityKeyIdentifier)
    assert "key identifier" in refused(read_certificate(organisation(none)), PKI.organisation_issuing)


def test_a_self_signed_root_may_leave_the_identifier_out() -> None:
    name = [unit("00")]
    extensions = replaced(ISS, None, kind=x509.AuthorityKeyIdentifier)
    root = read_certificate(craft(name, extensions, issuer_name=x509.Name(name), signer=KEY))
    check_certificate(root, root, LATER)


def test_the_signature_must_be_the_issuers() -> None:
    assert refused(read_certificate(organisation(signer=KEY)), PKI.organisation_issuing) == (
        "signature not by the issuer"
    )
    assert "SHA-256" in refused(read_certificate(organisation(digest=SHA384())), PKI.organisation_issuing)
    # One bit of the signed part: the last octet of the entity identifier.
    der = bytearray(SUPPLIER_DS.der)
    der[SUPPLIER_DS.der.rindex(SUPPLIER) + 7] ^= 1
    assert refused(read_certificate(bytes(der)), PKI.organisation_issuing) == "signature not by the issuer"


def test_the_inner_signature_algorithm_is_not_another() -> None:
    oid = bytes.fromhex("06082A8648CE3D0403")
    der = bytearray(SUPPLIER_DS.der)
    der[SUPPLIER_DS.der.index(oid) + len(oid)] = 3  # ecdsa-with-SHA384 inside only
    assert refused(read_certificate(bytes(der)), PKI.organisation_issuing) == "signature not by the issuer"


# --- paths -----------------------------------------------------------------------------


def authority(
    number: int, issuer: Credential, signer: Any, path_length: int | None
) -> tuple[Credential, Any]:
    key = ec.derive_private_key(1000 + number, ec.SECP256R1())
    extensions: list[tuple[x509.ExtensionType, bool]] = [
        (usage("key_cert_sign", "crl_sign"), True),
        (x509.BasicConstraints(True, path_length), True),
        (ski(key), False),
        (aki(issuer.key_id), False),
    ]
    subject = [unit("07"), x509.NameAttribute(NameOID.COMMON_NAME, f"N{number}")]
    der = craft(subject, extensions, key=key, issuer=issuer, signer=signer)
    return read_certificate(der), key


def chain(root_limit: int | None, length: int) -> tuple[Credential, list[Credential], Credential]:
    """An end certificate, its `length` authorities from below, and the root."""
    name = [unit("00")]
    extensions = replaced(ISS, x509.BasicConstraints(True, root_limit))
    root = read_certificate(craft(name, extensions, issuer_name=x509.Name(name), signer=KEY))
    issuer, signer, path = root, KEY, []
    for number in range(length):
        issuer, signer = authority(number, issuer, signer, None)
        path.insert(0, issuer)
    end = organisation(replaced(ORG, aki(issuer.key_id), False), issuer=issuer, signer=signer)
    return read_certificate(end), path, root


def path_refused(*arguments: Any) -> str:
    with pytest.raises(SecurityError) as caught:
        check_path(*arguments)
    assert caught.value.check is Check.CERTIFICATE
    return caught.value.reason


def test_a_path_leads_to_the_root() -> None:
    check_path(SUPPLIER_DS, [PKI.organisation_issuing], PKI.organisation_root, LATER)
    check_path(METER_DS, [PKI.organisation_issuing, PKI.device_issuing], PKI.device_root, LATER)
    check_path(PKI.organisation_issuing, [], PKI.organisation_root, LATER)
    check_path(PKI.organisation_root, [], PKI.organisation_root, LATER)


def test_an_issuing_authority_may_be_the_anchor() -> None:
    check_path(SUPPLIER_DS, [], PKI.organisation_issuing, LATER)
    check_path(SUPPLIER_DS, [PKI.organisation_issuing], PKI.organisation_issuing, LATER)


def test_no_path() -> None:
    assert path_refused(SUPPLIER_DS, [], PKI.organisation_root, LATER) == "no path to the trust anchor"
    assert path_refused(SUPPLIER_DS, [PKI.organisation_issuing], PKI.device_root, LATER) == (
        "no path to the trust anchor"
    )
    # A self-signed authority in the path leads nowhere, and not for ever.
    path = [PKI.organisation_issuing, PKI.organisation_root]
    assert path_refused(SUPPLIER_DS, path, PKI.device_root, LATER) == "no path to the trust anchor"


@pytest.mark.parametrize(
    ("limit", "length", "good"), [(None, 4, True), (2, 2, True), (2, 3, False), (0, 1, False)]
)
def test_the_path_length_limit(limit: int | None, length: int, good: bool) -> None:
    end, path, root = chain(limit, length)
    if good:
        check_path(end, path, root, LATER)
        check_path(end, path[::-1], root, LATER)
    else:
        assert "longer" in path_refused(end, path, root, LATER)


def test_every_link_of_a_path_is_checked() -> None:
    end, path, root = chain(None, 2)
    for place in range(2):
        der = bytearray(path[place].der)
        der[-1] ^= 1  # the low octet of s
        broken = [*path]
        broken[place] = read_certificate(bytes(der))
        assert path_refused(end, broken, root, LATER) == "signature not by the issuer"
    assert path_refused(end, path, root, START.plus(-1)) == "not valid yet"


def test_a_wrong_anchor_with_the_right_identifier_is_refused() -> None:
    forged = dataclasses.replace(PKI.device_root, key_id=PKI.organisation_root.key_id)
    assert "another name" in path_refused(SUPPLIER_DS, [PKI.organisation_issuing], forged, LATER)


def reference_store(reference: Path) -> FolderKeyStore:
    for folder in (reference / "rtds" / "keystore", reference / "keystore"):
        if folder.is_dir():
            return FolderKeyStore(folder)
    pytest.skip("the reference has no key store")
