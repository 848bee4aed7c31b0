"""The test PKI: its certificates are those of the SMKI, and the same for the same seed."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding

from gbcs.errors import BuildError, KeyStoreError, SecurityError
from gbcs.ids import CellUsage, EntityId, KeyUsage, Role
from gbcs.pki import ROLE_USES, PkiSettings, TestPki, check_certificate, check_path
from gbcs.security.certificates import profile_faults
from gbcs.security.memory import MemoryKeyStore
from gbcs.security.store import Credential, KeyStore
from gbcs.time import Utc

START = Utc.of(2024, 3, 1)
LATER = START.plus(86_400)
SUPPLIER = EntityId.parse("90-B3-D5-1F-30-AA-00-01")
OTHER = EntityId.parse("90-B3-D5-1F-30-AA-00-02")
METER = EntityId.parse("00-DB-12-34-56-78-AA-01")
DS, KA = KeyUsage.DIGITAL_SIGNATURE, KeyUsage.KEY_AGREEMENT
MANAGEMENT, TOP_UP = CellUsage.MANAGEMENT, CellUsage.PREPAYMENT_TOP_UP


def populated(seed: bytes = b"seed", start: Utc = START) -> TestPki:
    pki = TestPki.create(seed, start)
    for role in ROLE_USES:
        entity = EntityId(bytes(7) + bytes((role.value,)))
        pki.organisation(role, entity, "NAME" if role is Role.SUPPLIER else "")
    pki.device(METER)
    return pki


def private(pki: TestPki, credential: Credential) -> ec.EllipticCurvePrivateKey:
    key = pki.store.private_key(credential)
    assert key is not None
    return key


# --- determinism -----------------------------------------------------------------------


def test_same_seed_same_octets() -> None:
    first, second = populated(), populated()
    assert [c.der for c in first.store.all()] == [c.der for c in second.store.all()]
    for a, b in zip(first.store.all(), second.store.all(), strict=True):
        assert private(first, a).private_numbers() == private(second, b).private_numbers()


def test_the_order_of_asking_changes_nothing() -> None:
    one, two = TestPki.create(b"seed", START), TestPki.create(b"seed", START)
    made = one.organisation(Role.SUPPLIER, SUPPLIER), one.device(METER)
    assert (two.device(METER), two.organisation(Role.SUPPLIER, SUPPLIER)) == made[::-1]


def test_another_process_makes_the_same(root: Path) -> None:
    program = (
        "import sys; from gbcs.pki import TestPki; from gbcs.time import Utc; from gbcs.ids import *\n"
        "assert not {'cryptography', 'construct'} & set(sys.modules), 'imported before use'\n"
        "pki = TestPki.create(b'seed', Utc.of(2024, 3, 1)); pki.device(EntityId(bytes(range(8))))\n"
        "print(*(c.der.hex() for c in pki.store.all()))"
    )
    outputs = {
        subprocess.run(
            [sys.executable, "-c", program],
            cwd=root,
            env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": str(root)},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    pki = TestPki.create(b"seed", START)
    pki.device(EntityId(bytes(range(8))))
    assert outputs == {" ".join(c.der.hex() for c in pki.store.all()) + "\n"}


def test_other_seeds_and_starts_share_nothing_they_should_not() -> None:
    base, seed, start = populated(), populated(b"another"), populated(start=LATER)
    points = {c.point for c in base.store.all()}
    assert len(points) == len(base.store.all())
    assert not points & {c.point for c in seed.store.all()}
    assert points == {c.point for c in start.store.all()}
    serials = [{c.certificate.serial_number for c in pki.store.all()} for pki in (base, seed, start)]
    assert len(set.union(*serials)) == sum(len(c) for c in serials)


def test_fractions_of_a_second_are_dropped() -> None:
    assert TestPki.create(b"seed", START.plus(us=999_999)).device(METER) == TestPki.create(
        b"seed", START
    ).device(METER)


# --- profiles --------------------------------------------------------------------------


def test_every_certificate_follows_its_profile() -> None:
    everything = populated().store.all()
    assert len(everything) == 4 + sum(len(uses) for uses in ROLE_USES.values()) + 2
    for credential in everything:
        assert profile_faults(credential) == ()


@pytest.mark.parametrize("role", list(ROLE_USES))
def test_organisations_by_role(role: Role) -> None:
    made = TestPki.create(b"seed", START).organisation(role, SUPPLIER)
    assert [(c.usage, c.cell_usage) for c in made] == list(ROLE_USES[role])
    assert {(c.entity, c.role) for c in made} == {(SUPPLIER, role)}


def test_only_a_supplier_has_a_prepayment_certificate() -> None:
    holders = {role for role, uses in ROLE_USES.items() if (KA, TOP_UP) in uses}
    assert holders == {Role.SUPPLIER}
    pki = TestPki.create(b"seed", START)
    _, agreement, prepayment = pki.organisation(Role.SUPPLIER, SUPPLIER)
    assert agreement.point != prepayment.point
    assert pki.store.find(SUPPLIER, KA) == agreement
    assert pki.store.find(SUPPLIER, KA, TOP_UP) == prepayment
    assert pki.store.find(SUPPLIER, DS, TOP_UP) is None


def test_a_device_has_two() -> None:
    signing, agreement = TestPki.create(b"seed", START).device(METER)
    assert (signing.usage, agreement.usage) == (DS, KA)
    assert {(c.entity, c.role, c.cell_usage) for c in (signing, agreement)} == {(METER, None, MANAGEMENT)}


def test_subjects_and_string_types() -> None:
    pki = TestPki.create(b"seed", START)
    signing, *_ = pki.organisation(Role.SUPPLIER, SUPPLIER, "A NAME")
    # SET { SEQUENCE { id, string } } in the order CN, OU, x500UniqueIdentifier.
    assert signing.certificate.subject.public_bytes() == (
        bytes.fromhex("3032 310F300D0603550403 0C06") + b"A NAME"
        + bytes.fromhex("310B300906035504 0B 0C02") + b"02"
        + bytes.fromhex("3112301006035504 2D 0309 00") + SUPPLIER
    )  # fmt: skip
    assert pki.organisation_issuing.certificate.subject.public_bytes() == (
        bytes.fromhex("301A 310B3009060355040B 1302")
        + b"07"
        + bytes.fromhex("310B3009060355 0403 1302")
        + b"T1"
    )
    assert pki.organisation_root.certificate.subject.public_bytes() == (
        bytes.fromhex("301A 310B3009060355040B 1302")
        + b"00"
        + bytes.fromhex("310B3009060355 0403 1302")
        + b"TA"
    )
    assert pki.device_issuing.certificate.subject.public_bytes() == (
        bytes.fromhex("300F 310D300B0603550403 1304") + b"D001"
    )
    assert pki.device(METER)[0].certificate.subject.public_bytes() == bytes.fromhex("3000")


def test_the_hardware_module_name() -> None:
    octets = (
        bytes.fromhex("3029 A027 06082B06010505070804 A01B 3019 060D2A863A0001848FB90F01020201 0408") + METER
    )
    for credential in TestPki.create(b"seed", START).device(METER):
        extension = credential.certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
        assert extension.value.public_bytes() == octets


def test_policies_of_both_hierarchies() -> None:
    pki = populated()
    found = {
        (credential.entity == METER, policy.policy_identifier.dotted_string)
        for credential in pki.store.all()
        if credential.usage is not KeyUsage.KEY_CERT_SIGN
        for policy in credential.certificate.extensions.get_extension_for_class(
            x509.CertificatePolicies
        ).value
    }
    assert found == {(True, "1.2.826.0.1.1800000.1.2.1.4"), (False, "1.2.826.0.1.8641679.1.2.1.4")}


def test_key_usage_bits() -> None:
    pki = TestPki.create(b"seed", START)
    signing, agreement, prepayment = pki.organisation(Role.SUPPLIER, SUPPLIER)
    expected = [
        (signing, "03020780"),
        (agreement, "03020308"),
        (prepayment, "03020308"),
        (pki.organisation_issuing, "03020106"),
        (pki.organisation_root, "03020106"),
        (pki.device_issuing, "03020106"),
    ]
    for credential, bits in expected:
        extension = credential.certificate.extensions.get_extension_for_class(x509.KeyUsage)
        assert extension.value.public_bytes() == bytes.fromhex(bits)


def test_sizes_are_those_of_the_profiles() -> None:
    pki = populated()
    for credential in pki.store.all():
        if credential.entity == METER:
            assert 410 <= len(credential.der) <= 430
        elif credential.usage is not KeyUsage.KEY_CERT_SIGN:
            assert 395 <= len(credential.der) <= 433


def test_validities() -> None:
    pki = populated()
    ends = [
        (pki.organisation_root, Utc.of(2074, 2, 28, 23, 59, 59)),
        (pki.organisation_issuing, Utc.of(2049, 2, 28, 23, 59, 59)),
        (pki.device_issuing, Utc.of(2049, 2, 28, 23, 59, 59)),
        (pki.organisation(Role.SUPPLIER, SUPPLIER)[0], Utc.of(2034, 2, 28, 23, 59, 59)),
        (pki.device(METER)[0], Utc.of(9999, 12, 31, 23, 59, 59)),
    ]
    for credential, end in ends:
        assert Utc.from_datetime(credential.certificate.not_valid_before_utc) == START
        assert Utc.from_datetime(credential.certificate.not_valid_after_utc) == end


def test_chains() -> None:
    pki = populated()
    for credential in pki.store.all():
        device = credential.role is None
        anchor = pki.device_root if device else pki.organisation_root
        issuing = pki.device_issuing if device else pki.organisation_issuing
        check_path(credential, [issuing], anchor, LATER)
        with pytest.raises(SecurityError):
            check_path(credential, [issuing], pki.organisation_root if device else pki.device_root, LATER)


def test_another_seeds_authority_issued_nothing_here() -> None:
    pki, other = populated(), populated(b"another")
    for credential in pki.store.all():
        for issuer in (other.organisation_issuing, other.organisation_root, other.device_issuing):
            with pytest.raises(SecurityError):
                check_certificate(credential, issuer, LATER)


@pytest.mark.skipif(shutil.which("openssl") is None, reason="no openssl program to compare with")
def test_openssl_accepts_the_chains(tmp_path: Path) -> None:
    pki = populated()

    def pem(name: str, credential: Credential) -> str:
        (tmp_path / name).write_bytes(credential.certificate.public_bytes(Encoding.PEM))
        return name

    at = str(int(LATER.to_datetime().timestamp()))
    for root, issuing, entity in (
        (pki.organisation_root, pki.organisation_issuing, EntityId(bytes(7) + b"\x02")),
        (pki.device_root, pki.device_issuing, METER),
    ):
        for usage in (DS, KA):
            leaf = pki.store.find(entity, usage)
            assert leaf is not None
            # Empty subjects and hardware module names are the profile's; the rest is checked strictly.
            arguments = ["-attime", at, "-ignore_critical", "-x509_strict", "-check_ss_sig"]
            files = ["-CAfile", pem("root", root), "-untrusted", pem("issuing", issuing), pem("leaf", leaf)]
            done = subprocess.run(
                ["openssl", "verify", *arguments, *files], cwd=tmp_path, capture_output=True, text=True
            )
            assert (done.returncode, done.stdout) == (0, "leaf: OK\n"), done.stderr


# --- registry --------------------------------------------------------------------------


def test_private_keys_belong_to_their_certificates() -> None:
    pki = populated()
    for credential in pki.store.all():
        signature = private(pki, credential).sign(b"text", ec.ECDSA(SHA256(), deterministic_signing=True))
        credential.public_key.verify(signature, b"text", ec.ECDSA(SHA256()))


def test_asking_again_gives_the_same() -> None:
    pki = TestPki.create(b"seed", START)
    first = pki.organisation(Role.SUPPLIER, SUPPLIER, "NAME"), pki.device(METER)
    count = len(pki.store.all())
    assert (pki.organisation(Role.SUPPLIER, SUPPLIER, "NAME"), pki.device(METER)) == first
    assert len(pki.store.all()) == count == 4 + 3 + 2


def test_the_store_is_a_snapshot() -> None:
    pki = TestPki.create(b"seed", START)
    before: KeyStore = pki.store
    pki.device(METER)
    assert before.find(METER, DS) is None
    assert pki.store.find(METER, DS) is not None
    assert pki.store is pki.store


def test_a_further_generation_is_found_first() -> None:
    pki = TestPki.create(b"seed", START)
    old, old_device = pki.organisation(Role.SUPPLIER, SUPPLIER), pki.device(METER)
    before = pki.store
    new, new_device = pki.organisation(Role.SUPPLIER, SUPPLIER, generation=1), pki.device(METER, generation=1)
    assert not {c.point for c in old + old_device} & {c.point for c in new + new_device}
    assert (before.find(SUPPLIER, DS), pki.store.find(SUPPLIER, DS)) == (old[0], new[0])
    assert pki.store.find(SUPPLIER, KA, TOP_UP) == new[2]
    assert pki.store.find(METER, KA) == new_device[1]
    assert pki.store.with_role(Role.SUPPLIER, KA) == (new[1], old[1], new[2], old[2])
    for credential in new + new_device:
        assert profile_faults(credential) == ()


def test_roles_find_their_certificates() -> None:
    pki = populated()
    store = pki.store
    assert store.with_role(Role.ROOT, KeyUsage.KEY_CERT_SIGN) == (pki.organisation_root,)
    assert store.with_role(Role.ISSUING_AUTHORITY, KeyUsage.KEY_CERT_SIGN) == (pki.organisation_issuing,)
    assert store.with_role(Role.RECOVERY, KA) == ()
    assert store.find(EntityId(bytes(8)), KeyUsage.KEY_CERT_SIGN) is None


def test_a_device_makes_its_own_key() -> None:
    pki = TestPki.create(b"seed", START)
    key = ec.derive_private_key(0x5EED, ec.SECP256R1())
    for usage in (DS, KA):
        credential = pki.certify_device(METER, usage, key.public_key(), LATER)
        assert credential.public_key == key.public_key()
        assert (credential.entity, credential.usage) == (METER, usage)
        assert profile_faults(credential) == ()
        check_path(credential, [pki.device_issuing], pki.device_root, LATER)
        assert pki.store.find(METER, usage) == credential
        assert pki.store.private_key(credential) is None
    with pytest.raises(BuildError):
        pki.certify_device(METER, KeyUsage.KEY_CERT_SIGN, key.public_key())


def test_what_cannot_be_made() -> None:
    pki = TestPki.create(b"seed", START)
    for role in (Role.ROOT, Role.ISSUING_AUTHORITY):
        with pytest.raises(BuildError):
            pki.organisation(role, SUPPLIER)
    with pytest.raises(BuildError):
        pki.organisation(Role.SUPPLIER, SUPPLIER, "N" * 65)
    assert pki.store.find(SUPPLIER, DS) is None
    pki.organisation(Role.SUPPLIER, SUPPLIER, "NAME")
    with pytest.raises(BuildError):
        pki.organisation(Role.SUPPLIER, SUPPLIER, "ANOTHER")
    pki.organisation(Role.SUPPLIER, OTHER, "ANOTHER")
    for start in (Utc.of(1949, 12, 31), Utc.of(9990, 1, 1)):
        with pytest.raises(BuildError):
            TestPki.create(b"seed", start)


def test_settings() -> None:
    settings = PkiSettings(
        organisation_root="OR", device_issuing="ABCD", device_policy="1.2.3.4", root_path_length=None
    )
    pki = TestPki.create(b"seed", START, settings)
    constraints = pki.organisation_root.certificate.extensions.get_extension_for_class(x509.BasicConstraints)
    assert constraints.value.path_length is None
    assert "CN=OR" in pki.organisation_issuing.certificate.issuer.rfc4514_string()
    signing, _ = pki.device(METER)
    assert signing.certificate.issuer.rfc4514_string() == "CN=ABCD"
    policies = signing.certificate.extensions.get_extension_for_class(x509.CertificatePolicies).value
    assert policies[0].policy_identifier.dotted_string == "1.2.3.4"


def test_secrets_stay_out_of_texts() -> None:
    pki = TestPki.create(b"the seed itself", START)
    pki.device(METER)
    text = repr(pki) + repr(pki.store) + str(pki.store)
    assert "seed" not in text
    assert text == "TestPki(6 certificates)" + "MemoryKeyStore(6 certificates, 6 private keys)" * 2


# --- the store in memory ---------------------------------------------------------------


def test_order_is_fixed_and_duplicates_count_once() -> None:
    everything = populated().store.all()
    assert MemoryKeyStore(everything[::-1] + everything).all() == everything


def test_with_added_leaves_the_first_alone() -> None:
    pki = TestPki.create(b"seed", START)
    signing, agreement = pki.device(METER)
    empty = MemoryKeyStore()
    one = empty.with_added([signing], [private(pki, signing)])
    two = one.with_added([agreement])
    three = two.with_added(private_keys=[private(pki, agreement)])
    assert (empty.all(), one.all(), two.all()) == ((), (signing,), (signing, agreement))
    assert one.private_key(signing) is not None
    assert two.private_key(signing) is not None
    assert two.private_key(agreement) is None
    assert three.private_key(agreement) is not None
    assert one.find(METER, KA) is None


def test_a_key_on_another_curve_is_refused() -> None:
    with pytest.raises(KeyStoreError):
        MemoryKeyStore((), [ec.derive_private_key(1, ec.SECP384R1())])
