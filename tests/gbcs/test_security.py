"""Signature, MAC, key derivation and encryption, against published values and a second opinion."""

from dataclasses import replace
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from gbcs.dlms.apdu import AccessResponse, parse_apdu
from gbcs.errors import Check, KeyUnavailable, ParseError, SecurityError
from gbcs.ids import EntityId, KeyUsage
from gbcs.message import Message, OtherInformation, parse_message
from gbcs.security.encryption import ContentKey, seal, split_protected, unseal
from gbcs.security.folder import FolderKeyStore
from gbcs.security.keys import SharedSecrets, derive_key
from gbcs.security.mac import check_mac, mac_is_valid, message_mac
from gbcs.security.memory import MemoryKeyStore
from gbcs.security.signature import check_signature, sign_octets, signature_is_valid
from gbcs.security.store import Credential, KeyStore
from gbcs.security.verify import Verdict, Verifier
from tests.gbcs.reference_messages import octets as reference_octets
from tests.vectors import check, make

VECTORS = {name: parse_message(octets) for name, octets in make.files().items()}
STORE = make.store()
VERIFIER = Verifier(STORE)
SIGNED = [name for name, message in VECTORS.items() if message.signature is not None]
MACED = [name for name, message in VECTORS.items() if message.mac is not None]
PROTECTED = [name for name in VECTORS if name.startswith("protected/")]


def agreement(party: EntityId, store: KeyStore = STORE) -> Credential:
    found = store.find(party, KeyUsage.KEY_AGREEMENT)
    assert found is not None
    return found


def signing(party: EntityId) -> Credential:
    found = STORE.find(party, KeyUsage.DIGITAL_SIGNATURE)
    assert found is not None
    return found


def secret_of(one: bytes, other: bytes, store: KeyStore = STORE) -> bytes:
    """The shared secret of two parties by plain ECDH, from whichever private key is there."""
    pair = agreement(EntityId(one), store), agreement(EntityId(other), store)
    for own, peer in (pair, pair[::-1]):
        private = store.private_key(own)
        if private is not None:
            return private.exchange(ec.ECDH(), peer.certificate.public_key())
    raise AssertionError("no private key")


def mac_party(message: Message) -> EntityId:
    """Who made the MAC: the broker for commands."""
    return make.BROKER if message.cra == 1 else message.originator


def values(message: Message) -> list[bytes]:
    """The protected values of a response."""
    apdu = parse_apdu(message.payload)
    assert isinstance(apdu, AccessResponse)
    return [item.data.value[1].value for item in apdu.items]


def test_deterministic_signature_of_rfc_6979() -> None:
    """RFC 6979, A.2.5: P-256 with SHA-256, message `sample`."""
    key = 0xC9AFA9D845BA75166B5C215767B1D6934E50C3DB36E89B127B8A622B120F6721
    signature = sign_octets(b"sample", ec.derive_private_key(key, ec.SECP256R1()))
    assert signature.hex().upper() == (
        "EFD48B2AACB6A8FD1140DD9CD45E81D69D2C877B56AAF991C34D0EA84EAF3716"
        "F7CB1C942D657C41D436C7A1B6E29F65F3E900DBB9AFF4064DC4AB2F843ACDA8"
    )


@pytest.mark.parametrize("name", SIGNED)
def test_signatures(name: str) -> None:
    message = VECTORS[name]
    public = signing(message.originator).public_key
    assert check.signature_holds(message.octets, public)
    check_signature(message, public)
    assert VERIFIER.verify(message).signature is Verdict.VALID
    assert not signature_is_valid(message, signing(make.BROKER).public_key)


@pytest.mark.parametrize("name", MACED)
def test_macs(name: str) -> None:
    message = VECTORS[name]
    secret = secret_of(mac_party(message), message.recipient)
    assert check.mac_holds(message.octets, secret)
    check_mac(message, secret)
    assert VERIFIER.verify(message).mac is Verdict.VALID
    assert not mac_is_valid(message, secret[::-1])


def test_the_sets_are_not_empty() -> None:
    assert len(SIGNED) >= 7
    assert len(MACED) >= 12
    assert len(PROTECTED) == 6


def test_reference_verdicts_agree_with_the_second_opinion(reference: Path) -> None:
    """Every fifth message: the project's verdict is that of the independent check."""
    store = FolderKeyStore(reference / "rtds" / "keystore")
    verifier = Verifier(store)
    checked = 0
    for octets in list(reference_octets(reference).values())[::5]:
        message = parse_message(octets)
        verdicts = verifier.verify(message)
        if verdicts.signature is Verdict.VALID:
            found = store.find(message.originator, KeyUsage.DIGITAL_SIGNATURE)
            assert found is not None
            assert check.signature_holds(octets, found.public_key)
            checked += 1
        if verdicts.mac is Verdict.VALID and message.cra != 1:
            assert check.mac_holds(octets, secret_of(message.originator, message.recipient, store))
            checked += 1
    assert checked > 100


@pytest.mark.parametrize(
    "name", ["envelope/c-signed-command", "envelope/c-response", "envelope/b-signed-alert"]
)
def test_any_changed_bit_is_seen(name: str) -> None:
    """Invariant: no message with a flipped bit has all the verdicts of the sound one."""
    sound = VECTORS[name]
    wanted = VERIFIER.verify(sound)
    looked = 0
    for bit in range(0, 8 * len(sound.octets), 3):
        damaged = bytearray(sound.octets)
        damaged[bit // 8] ^= 1 << bit % 8
        try:
            message = parse_message(bytes(damaged))
        except ParseError:
            continue
        looked += 1
        assert VERIFIER.verify(message) != wanted, bit
    assert looked > 100


@pytest.mark.parametrize("name", PROTECTED)
def test_protected_values(name: str) -> None:
    message = VECTORS[name]
    for value in values(message):
        expected = check.plaintext(message.octets, value, secret_of)
        if expected is None:
            assert name == "protected/damaged"
            with pytest.raises(SecurityError) as caught:
                VERIFIER.unseal(message, value)
            assert caught.value.check is Check.DECRYPTION
        else:
            assert VERIFIER.unseal(message, value) == expected
            plain = "FF FF" if name == "protected/not-data" else make.PLAINTEXT
            assert expected == bytes.fromhex(plain)


def test_content_keys() -> None:
    """The supplementary party and counter take the place of the header's where they are given."""
    plain = VECTORS["protected/known-party"]
    assert ContentKey.of(plain) == (make.METER, make.SUPPLIER, make.COUNTER)
    for_unknown = VECTORS["protected/unknown-party"]
    assert ContentKey.of(for_unknown) == (make.METER, make.UNKNOWN, 9)
    without_counter = replace(plain, other=OtherInformation(1, make.UNKNOWN, 5))
    assert ContentKey.of(without_counter) == (make.METER, make.UNKNOWN, make.COUNTER)


@pytest.mark.parametrize("plaintext", [b"", b"\x00", bytes(range(100))])
def test_sealing(plaintext: bytes) -> None:
    key = bytes(range(16))
    value = seal(plaintext, key, make.METER)
    parts = split_protected(value)
    assert parts.octets == value
    assert (len(parts.ciphertext), len(parts.tag)) == (len(plaintext), 12)
    assert unseal(value, key, make.METER) == plaintext
    for other_key, party in ((bytes(16), make.METER), (key, make.SUPPLIER)):
        with pytest.raises(SecurityError):
            unseal(value, other_key, party)


@pytest.mark.parametrize("octets", [b"", bytes(17), bytes.fromhex("3100000000") + bytes(11)])
def test_what_is_no_protected_value(octets: bytes) -> None:
    with pytest.raises(ParseError):
        unseal(octets, bytes(16), make.METER)


def test_key_derivation() -> None:
    """Each input of the derivation matters, and the result is that of the independent one."""
    secret, one, other = bytes(range(32)), make.METER, make.SUPPLIER
    counter = make.COUNTER
    key = derive_key(secret, one, 2, counter, other)
    assert key == check.key_of(secret, one, 2, counter.to_bytes(8, "big"), other)
    assert len(key) == 16
    keys = {
        key,
        derive_key(secret[::-1], one, 2, counter, other),
        derive_key(secret, other, 2, counter, one),
        derive_key(secret, one, 3, counter, other),
        derive_key(secret, one, 2, counter + 1, other),
    }
    assert len(keys) == 5


def test_checks_that_fail_say_which() -> None:
    bare = VECTORS["envelope/a-precommand"]
    public = signing(make.SUPPLIER).public_key
    with pytest.raises(SecurityError) as caught:
        check_signature(bare, public)
    assert caught.value.check is Check.SIGNATURE
    with pytest.raises(SecurityError) as caught:
        check_mac(bare, bytes(32))
    assert caught.value.check is Check.MAC
    with pytest.raises(SecurityError) as caught:
        check_signature(VECTORS["envelope/b-signed-alert"], public)
    assert caught.value.check is Check.SIGNATURE
    with pytest.raises(SecurityError) as caught:
        check_mac(VECTORS["envelope/c-command"], bytes(32))
    assert caught.value.check is Check.MAC


@pytest.mark.parametrize("octets", [bytes(64), b"\xff" * 64, bytes(32) + b"\x01" * 32])
def test_impossible_signatures_are_invalid(octets: bytes) -> None:
    message = replace(VECTORS["envelope/b-signed-alert"], signature=octets).encoded()
    assert VERIFIER.verify(message).signature is Verdict.INVALID


def test_the_mac_does_not_read_its_own_octets() -> None:
    message = VECTORS["envelope/c-command"]
    secret = secret_of(make.BROKER, make.METER)
    assert message_mac(replace(message, mac=bytes(12)).encoded(), secret) == message.mac


def test_verdicts_without_keys() -> None:
    nothing = Verifier(MemoryKeyStore())
    message = VECTORS["envelope/c-signed-command"]
    assert nothing.verify(message) == (Verdict.UNCHECKED, Verdict.UNCHECKED)
    assert nothing.verify(VECTORS["envelope/a-precommand"]) == (Verdict.ABSENT, Verdict.ABSENT)
    with pytest.raises(KeyUnavailable):
        nothing.unseal(VECTORS["protected/known-party"], values(VECTORS["protected/known-party"])[0])


def test_verdicts_with_certificates_only() -> None:
    """Signatures need no private key; a MAC needs one of the two."""
    public = Verifier(MemoryKeyStore(STORE.all()))
    assert public.verify(VECTORS["envelope/c-signed-command"]) == (Verdict.VALID, Verdict.UNCHECKED)
    message = VECTORS["protected/known-party"]
    with pytest.raises(KeyUnavailable):
        public.unseal(message, values(message)[0])


@pytest.mark.parametrize("holder", [make.BROKER, make.METER])
def test_one_private_key_is_enough_for_a_mac(holder: EntityId) -> None:
    private = STORE.private_key(agreement(holder))
    assert private is not None
    assert (
        Verifier(MemoryKeyStore(STORE.all(), [private])).verify(VECTORS["envelope/c-command"]).mac
        is Verdict.VALID
    )


def test_a_secret_is_computed_once() -> None:
    """The cached secret is that of plain ECDH, the same from both sides, and needs no key again."""
    secrets = SharedSecrets(STORE)
    meter, supplier = agreement(make.METER), agreement(make.SUPPLIER)
    first = secrets.between(meter, supplier)
    assert first == secret_of(make.METER, make.SUPPLIER)
    assert secrets.between(meter, supplier) is first
    assert secrets.between(supplier, meter) is first
    assert first.hex() not in repr(secrets)
    with pytest.raises(KeyUnavailable):
        SharedSecrets(MemoryKeyStore(STORE.all())).between(meter, supplier)


def test_the_cache_of_secrets_is_bounded() -> None:
    """The oldest pair goes; it is computed again when it is asked for, the younger one is not."""
    secrets = SharedSecrets(STORE, limit=1)
    meter = agreement(make.METER)
    first = secrets.between(meter, agreement(make.SUPPLIER))
    second = secrets.between(meter, agreement(make.BROKER))
    assert secrets.between(agreement(make.BROKER), meter) is second
    assert len(secrets._held) == 2
    assert secrets.between(meter, agreement(make.SUPPLIER)) == first
