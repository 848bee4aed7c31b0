"""Reading and profile of SMKI certificates."""

from __future__ import annotations

import contextlib
import hashlib
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.hashes import SHA384
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID
from hypothesis import given
from hypothesis import strategies as st

from gbcs.errors import ParseError, SecurityError
from gbcs.ids import CellUsage, KeyUsage, Role
from gbcs.security.certificates import (
    NO_ENTITY,
    check_certificate,
    hardware_module_name,
    key_identifier,
    profile_faults,
    public_point,
    read_certificate,
    years_after,
)
from gbcs.security.folder import FolderKeyStore
from gbcs.security.store import Credential
from tests.gbcs.crafted import (
    BITS,
    DEV,
    EVER,
    ISS,
    KEY,
    LATER,
    METER,
    METER_DS,
    METER_KA,
    ORG,
    PARTY,
    PKI,
    SUPPLIER,
    SUPPLIER_DS,
    SUPPLIER_KA,
    SUPPLIER_PP,
    TEN_YEARS,
    craft,
    device,
    issuing,
    module,
    organisation,
    policies,
    replaced,
    unique_id,
    unit,
    usage,
    utc,
)

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
        ("subject", [unit("02"), unique_id(bytes(8), 1)], ORG, {}),
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


def test_without_extensions_there_is_no_usage() -> None:
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


def reference_store(reference: Path) -> FolderKeyStore:
    for folder in (reference / "rtds" / "keystore", reference / "keystore"):
        if folder.is_dir():
            return FolderKeyStore(folder)
    pytest.skip("the reference has no key store")
