"""Signing requests: anything but a device's own, unchanged, is refused with one of two errors."""

from __future__ import annotations

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from hypothesis import given
from hypothesis import strategies as st

from gbcs.errors import Check, KeyUnavailable, ParseError, SecurityError
from gbcs.ids import CellUsage, EntityId, KeyUsage, Role
from gbcs.pki import TestPki
from gbcs.security.authority import HeldAuthority
from gbcs.security.certificates import check_certificate, hardware_module_name, profile_faults
from gbcs.security.memory import MemoryKeyStore
from gbcs.security.requests import read_request
from gbcs.time import Utc

METER = EntityId.parse("00-DB-12-34-56-78-AA-01")
START = Utc.of(2024, 3, 1)
PKI = TestPki.create(b"requests", START)
KEY = ec.derive_private_key(99, ec.SECP256R1())


def built() -> x509.CertificateSigningRequest:
    bits = dict.fromkeys(
        "content_commitment key_encipherment data_encipherment key_agreement key_cert_sign crl_sign"
        " encipher_only decipher_only".split(),
        False,
    )
    return (
        x509.CertificateSigningRequestBuilder()
        .subject_name(x509.Name([]))
        .add_extension(x509.KeyUsage(digital_signature=True, **bits), True)
        .add_extension(hardware_module_name(METER), True)
        .sign(KEY, SHA256(), ecdsa_deterministic=True)
    )


DER = built().public_bytes(Encoding.DER)


def test_a_request_says_who_and_what_for() -> None:
    for octets in (DER, built().public_bytes(Encoding.PEM)):
        request = read_request(octets)
        assert (request.entity, request.usage) == (METER, KeyUsage.DIGITAL_SIGNATURE)
        assert request.public_key == KEY.public_key()


@pytest.mark.parametrize("bit", range(8))
def test_no_bit_of_it_may_change(bit: int) -> None:
    for position in range(len(DER)):
        octets = bytearray(DER)
        octets[position] ^= 1 << bit
        with pytest.raises((ParseError, SecurityError)) as caught:
            read_request(bytes(octets))
        assert str(caught.value).isprintable()
        if isinstance(caught.value, SecurityError):
            assert caught.value.check is Check.CERTIFICATE


@given(st.binary() | st.integers(0, len(DER) - 1).map(lambda size: DER[:size]))
def test_anything_else_is_no_request(octets: bytes) -> None:
    with pytest.raises(ParseError):
        read_request(octets)


def test_the_authority_of_a_store_answers_it() -> None:
    authority = HeldAuthority(PKI.store, True, "1.2.3")
    assert authority.credential == PKI.device_issuing
    request = read_request(DER)
    issued = authority.answer(request, START, None)
    assert issued == authority.answer(request, START.plus(us=999_999), None)
    assert issued.der == HeldAuthority(PKI.store, True, "1.2.3").answer(request, START, None).der
    assert (issued.public_key, issued.entity, issued.usage) == (request.public_key, METER, request.usage)
    assert profile_faults(issued) == ()
    check_certificate(issued, PKI.device_issuing, START)
    later = authority.answer(request, START.plus(1), None)
    assert later.certificate.serial_number != issued.certificate.serial_number


def test_new_keys_follow_from_the_authority_and_the_start() -> None:
    authority = HeldAuthority(PKI.store, False, "1.2.3")
    assert authority.credential == PKI.organisation_issuing
    uses = [(KeyUsage.KEY_AGREEMENT, CellUsage.PREPAYMENT_TOP_UP)]
    made = [
        authority.organisation(Role.SUPPLIER, METER, "A SUPPLIER", uses, start, 10)
        for start in (START, START, START.plus(1))
    ]
    first, again, later = (store.all()[0] for store in made)
    assert first == again
    assert later.point != first.point
    assert first.cell_usage is CellUsage.PREPAYMENT_TOP_UP
    assert profile_faults(first) == ()
    assert all(store.private_key(store.all()[0]) for store in made)
    check_certificate(first, PKI.organisation_issuing, START)


def test_an_authority_states_the_policy_of_its_own_certificate() -> None:
    for devices, own in ((False, PKI.organisation_issuing), (True, PKI.device_issuing)):
        authority = HeldAuthority(PKI.store, devices, "1.2.3")
        if devices:
            issued = authority.answer(read_request(DER), START, None)
        else:
            uses = [(KeyUsage.DIGITAL_SIGNATURE, CellUsage.MANAGEMENT)]
            (issued,) = authority.organisation(Role.RECOVERY, METER, "", uses, START, 10).all()
        policies = [
            c.certificate.extensions.get_extension_for_class(x509.CertificatePolicies).value
            for c in (issued, own)
        ]
        assert policies[0] == policies[1]


def test_a_store_without_its_key_has_no_authority() -> None:
    with pytest.raises(KeyUnavailable, match="devices"):
        HeldAuthority(MemoryKeyStore(PKI.store.all()), True, "1.2.3")
