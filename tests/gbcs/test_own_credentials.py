"""A device's own key pairs and certificates: CS02c, CS02d, CS02e, with every code."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from hypothesis import given
from hypothesis import strategies as st

from gbcs.asn1.der import parse_der
from gbcs.asn1.own_credentials import (
    IssueCode,
    ProvideCode,
    UpdateCode,
    issue_response_octets,
    provide_response_octets,
    read_issue_response,
    read_provide_response,
    read_update_command,
    read_update_response,
    update_response_octets,
)
from gbcs.errors import BuildError
from gbcs.ids import EntityId, KeyUsage, Kind
from gbcs.message import Message, parse_message
from gbcs.security.certificates import hardware_module_name, public_point, read_certificate
from gbcs.security.folder import FolderKeyStore
from gbcs.security.own_credentials import (
    SEED_OCTETS,
    USAGES,
    AnswerKey,
    OwnCredentials,
    OwnCredentialSettings,
    OwnPair,
    generate_key,
    issue,
    provide,
    signing_request,
    update,
)
from gbcs.security.signature import signature_is_valid
from tests.gbcs.crafted import DEV, KEY, METER, PARTY, PKI, device, organisation, replaced, usage
from tests.gbcs.reference_messages import octets

DS, KA = USAGES
STRANGER = EntityId.parse("00-DB-12-34-56-78-AA-02")
FIRST = {c.usage: OwnPair(key, c.der) for c in PKI.device(METER) if (key := PKI.store.private_key(c))}
NEW = OwnCredentials(METER, FIRST)


def seeded(label: str = "", octets: int = SEED_OCTETS) -> Callable[[int], bytes]:
    return lambda count: hashlib.shake_256(label.encode()).digest(octets)


def pending(usage: KeyUsage = DS, own: OwnCredentials = NEW) -> OwnCredentials:
    return issue(own, usage, seeded(usage.name)).own


def certified(own: OwnCredentials, usage: KeyUsage = DS, entity: EntityId = METER) -> bytes:
    return PKI.certify_device(entity, usage, own.pending[usage].public_key()).der


# -- CS02c -------------------------------------------------------------------------------


@pytest.mark.parametrize("usage", USAGES)
def test_a_new_pair_waits_and_asks_for_its_certificate(usage: KeyUsage) -> None:
    after, answer = issue(NEW, usage, seeded())
    assert isinstance(answer, bytes)
    assert answer == issue(NEW, usage, seeded()).answer
    assert answer != issue(NEW, usage, seeded("other")).answer
    request = x509.load_der_x509_csr(answer)
    assert request.is_signature_valid
    assert not request.subject.rdns
    key, asked = request.public_key(), [*request.extensions]
    assert isinstance(key, ec.EllipticCurvePublicKey)
    assert public_point(key) == public_point(after.pending[usage].public_key())
    assert [extension.critical for extension in asked] == [True, True]
    assert isinstance(asked[0].value, x509.KeyUsage)
    assert (asked[0].value.digital_signature, asked[0].value.key_agreement) == (usage is DS, usage is KA)
    assert asked[1].value == hardware_module_name(METER)
    assert len([*request.attributes]) == 1
    assert after.in_use == NEW.in_use
    assert {*after.pending} == {usage}
    assert read_issue_response(issue_response_octets(answer)) == answer


def test_a_second_pair_of_a_use_takes_the_place_of_the_first() -> None:
    once = pending(KA, pending(DS))
    again = issue(once, DS, seeded("again")).own
    assert {*again.pending} == {DS, KA}
    assert again.pending[KA] is once.pending[KA]
    assert public_point(again.pending[DS].public_key()) != public_point(once.pending[DS].public_key())


@pytest.mark.parametrize("usage", [KeyUsage.KEY_CERT_SIGN, None])
def test_a_device_has_no_other_pairs(usage: KeyUsage | None) -> None:
    assert issue(NEW, usage, seeded()) == (NEW, IssueCode.INVALID_KEY_USAGE)
    with pytest.raises(BuildError):
        signing_request(METER, KeyUsage.KEY_CERT_SIGN, KEY)


def unable(*_: Any) -> bytes:
    raise BuildError("the device cannot")


@pytest.mark.parametrize("random", [unable, seeded("", 63), seeded("", 0)])
def test_without_chance_there_is_no_pair(random: Callable[[int], bytes]) -> None:
    before = pending()
    assert issue(before, DS, random) == (before, IssueCode.KEY_PAIR_GENERATION_FAILED)


def test_without_a_request_there_is_no_pair() -> None:
    before = pending()
    assert issue(before, DS, seeded("next"), unable) == (before, IssueCode.CR_PRODUCTION_FAILED)


@given(st.binary(min_size=SEED_OCTETS, max_size=SEED_OCTETS))
def test_any_seed_gives_a_key(seed: bytes) -> None:
    key = generate_key(lambda count: seed[:count])
    assert public_point(key.public_key()) == public_point(generate_key(lambda count: seed).public_key())


def test_no_private_key_shows() -> None:
    own = pending()
    for shown in (own, own.in_use[DS], issue(NEW, DS, seeded())):
        text = repr(shown)
        for key in (own.pending[DS], own.in_use[DS].private):
            scalar = key.private_numbers().private_value
            pkcs8 = key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
            assert str(scalar) not in text
            assert f"{scalar:x}" not in text
            assert pkcs8.hex() not in text
    with pytest.raises(TypeError):
        own.pending[DS] = KEY  # type: ignore[index]
    with pytest.raises(TypeError):
        own.in_use[DS] = FIRST[KA]  # type: ignore[index]


# -- CS02d -------------------------------------------------------------------------------


@pytest.mark.parametrize("usage", USAGES)
@pytest.mark.parametrize("key", AnswerKey)
def test_the_certificate_of_a_pending_pair_puts_it_in_use(usage: KeyUsage, key: AnswerKey) -> None:
    before = pending(KA, pending(DS))
    certificate = certified(before, usage)
    after, code, signer = update(before, certificate, OwnCredentialSettings(key))
    assert code is UpdateCode.SUCCESS
    assert after.in_use[usage] == OwnPair(before.pending[usage], certificate)
    other = next(u for u in USAGES if u is not usage)
    assert after.in_use[other] == before.in_use[other]
    assert {*after.pending} == {other}
    assert signer is (after if key is AnswerKey.NEW else before).in_use[DS].private
    assert provide(after, usage) == certificate
    # what was taken is not pending any more
    assert update(after, certificate)[:2] == (after, UpdateCode.NO_CORRESPONDING_KEY_PAIR_GENERATED)


READY = pending(KA, pending(DS))
CASES = [
    (READY, b"", UpdateCode.INVALID_CERTIFICATE),
    (READY, b"\x30\x03\x02\x01\x01", UpdateCode.INVALID_CERTIFICATE),
    (READY, certified(READY)[:-1], UpdateCode.INVALID_CERTIFICATE),
    (READY, certified(READY, DS, STRANGER), UpdateCode.WRONG_DEVICE_IDENTITY),
    (READY, organisation(), UpdateCode.WRONG_DEVICE_IDENTITY),
    (READY, PKI.device_root.der, UpdateCode.WRONG_DEVICE_IDENTITY),
    (READY, device(replaced(DEV, None, kind=x509.SubjectAlternativeName)), UpdateCode.WRONG_DEVICE_IDENTITY),
    (READY, device(subject=PARTY), UpdateCode.WRONG_DEVICE_IDENTITY),
    (READY, device(replaced(DEV, usage("content_commitment"))), UpdateCode.INVALID_KEY_USAGE),
    (READY, device(replaced(DEV, usage("digital_signature", "key_agreement"))), UpdateCode.INVALID_KEY_USAGE),
    (READY, device(replaced(DEV, usage("key_cert_sign"))), UpdateCode.INVALID_KEY_USAGE),
    (READY, device(replaced(DEV, None, kind=x509.KeyUsage)), UpdateCode.INVALID_KEY_USAGE),
    (NEW, device(), UpdateCode.NO_CORRESPONDING_KEY_PAIR_GENERATED),
    (pending(KA), certified(READY), UpdateCode.NO_CORRESPONDING_KEY_PAIR_GENERATED),
    (READY, device(), UpdateCode.WRONG_PUBLIC_KEY),
    (READY, PKI.device(METER)[1].der, UpdateCode.WRONG_PUBLIC_KEY),
    (pending(KA, pending(DS, NEW)), certified(pending(DS, READY)), UpdateCode.SUCCESS),
]


@pytest.mark.parametrize(("own", "certificate", "code"), CASES)
def test_each_check_has_its_code(own: OwnCredentials, certificate: bytes, code: UpdateCode) -> None:
    updated = update(own, certificate)
    assert updated.code is code
    assert update_response_octets(code) == bytes((2, 1, code))
    if code is not UpdateCode.SUCCESS:
        assert updated.own is own
        assert updated.signer is own.in_use[DS].private


def test_a_key_of_another_curve_is_another_key() -> None:
    key = ec.derive_private_key(3, ec.SECP384R1())
    bare = [(value, critical) for value, critical in DEV if not isinstance(value, x509.SubjectKeyIdentifier)]
    assert update(READY, device(bare, key=key)).code is UpdateCode.WRONG_PUBLIC_KEY


@pytest.mark.parametrize(
    ("first", "second", "code"),
    [
        # a certificate with both faults gets the code of the check that comes first
        ({"subject": PARTY}, usage("content_commitment"), UpdateCode.WRONG_DEVICE_IDENTITY),
        ({}, usage("content_commitment"), UpdateCode.INVALID_KEY_USAGE),
    ],
)
def test_the_order_of_the_checks(first: dict[str, Any], second: x509.KeyUsage, code: UpdateCode) -> None:
    certificate = device(replaced(DEV, second), **first)
    for own in (NEW, READY):
        assert update(own, certificate).code is code


@pytest.mark.parametrize("fault", UpdateCode)
def test_what_the_memory_fails_at(fault: UpdateCode) -> None:
    certificate = certified(READY)
    updated = update(READY, certificate, fault=fault)
    if fault in (UpdateCode.CERTIFICATE_STORAGE_FAILED, UpdateCode.PRIVATE_KEY_CHANGE_FAILED):
        assert updated[:2] == (READY, fault)
        assert updated.signer is READY.in_use[DS].private
    else:
        assert updated.code is UpdateCode.SUCCESS
    assert update(READY, device(), fault=fault).code is UpdateCode.WRONG_PUBLIC_KEY


def test_a_device_without_keys_signs_with_none() -> None:
    own = pending(own=OwnCredentials(METER))
    assert update(own, b"").signer is None
    certificate = certified(own)
    assert update(own, certificate).signer is own.pending[DS]
    assert update(own, certificate, OwnCredentialSettings(AnswerKey.OLD)).signer is None


# -- CS02e -------------------------------------------------------------------------------


@pytest.mark.parametrize("usage", USAGES)
def test_the_certificate_in_use_is_told(usage: KeyUsage) -> None:
    answer = provide(pending(), usage)
    assert answer == FIRST[usage].certificate
    assert read_provide_response(provide_response_octets(answer)) == answer


@pytest.mark.parametrize(
    ("own", "usage", "unreadable", "code"),
    [
        (NEW, KeyUsage.KEY_CERT_SIGN, False, ProvideCode.INVALID_KEY_USAGE),
        (NEW, None, True, ProvideCode.INVALID_KEY_USAGE),
        (OwnCredentials(METER), DS, False, ProvideCode.NO_CERTIFICATE_HELD),
        (pending(own=OwnCredentials(METER)), DS, True, ProvideCode.NO_CERTIFICATE_HELD),
        (OwnCredentials(METER, {DS: OwnPair(KEY)}), DS, False, ProvideCode.NO_CERTIFICATE_HELD),
        (NEW, DS, True, ProvideCode.CERTIFICATE_RETRIEVAL_FAILURE),
    ],
)
def test_why_no_certificate_is_told(
    own: OwnCredentials, usage: KeyUsage | None, unreadable: bool, code: ProvideCode
) -> None:
    assert provide(own, usage, unreadable) is code


# -- the reference set -------------------------------------------------------------------


def exchanges(folder: Path, code: int) -> list[tuple[Message, Message]]:
    messages = [parse_message(message) for message in octets(folder).values()]
    answers = {
        (m.recipient, m.originator, m.counter): m
        for m in messages
        if m.code == code and m.kind is Kind.RESPONSE
    }
    found = [m for m in messages if m.code == code and m.kind is Kind.COMMAND and m.has_signature_length]
    return [(m, answers[m.originator, m.recipient, m.counter]) for m in found]


def test_the_reference_request_has_our_shape(reference: Path) -> None:
    """Octet for octet up to the key and after it up to the signature."""
    seen = 0
    for _, response in exchanges(reference, 0x000A):
        answer = read_issue_response(response.payload)
        if isinstance(answer, int):
            continue
        theirs = x509.load_der_x509_csr(answer)
        extension = theirs.extensions.get_extension_for_class(x509.KeyUsage).value
        asked = DS if extension.digital_signature else KA
        ours = signing_request(response.originator, asked, KEY)
        key = theirs.public_key()
        assert isinstance(key, ec.EllipticCurvePublicKey)
        body = x509.load_der_x509_csr(ours).tbs_certrequest_bytes
        point, own_point = public_point(key), public_point(KEY.public_key())
        assert body.replace(own_point, point) == theirs.tbs_certrequest_bytes
        mine, yours = parse_der(ours).children[1], parse_der(answer).children[1]
        assert mine == yours  # the algorithm of the signature
        seen += 1
    assert seen > 0


def test_the_reference_updates_are_judged_alike(reference: Path) -> None:
    store = FolderKeyStore(reference / "rtds" / "keystore")
    codes = set()
    for command, response in exchanges(reference, 0x000B):
        certificate = read_update_command(command.payload)
        wanted = read_update_response(response.payload)
        own = OwnCredentials(command.recipient)
        if wanted == UpdateCode.SUCCESS:
            # nobody has the private key of the device: ours stands in, under the same checks
            credential = read_certificate(certificate)
            private = generate_key(seeded())
            own = OwnCredentials(command.recipient, {}, {credential.usage: private})
            assert update(own, certificate).code is UpdateCode.WRONG_PUBLIC_KEY
            signer = store.find(response.originator, DS)
            assert signer is not None
            assert signature_is_valid(response, signer.public_key)
        else:
            assert update(own, certificate).code == wanted
        codes.add(wanted)
    assert UpdateCode.INVALID_KEY_USAGE in codes


def test_the_reference_certificates_are_told_as_they_are(reference: Path) -> None:
    seen = 0
    for _, response in exchanges(reference, 0x000C):
        answer = read_provide_response(response.payload)
        assert provide_response_octets(answer) == response.payload
        seen += isinstance(answer, bytes)
    assert seen > 0
