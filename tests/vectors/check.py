"""Checks signature, MAC and encrypted values without the project's code: a second opinion.

Uses hashlib and the primitives of cryptography only. Lengths are taken as they come, by
counted offsets; the layout is that of GBCS 7.2, the cryptography that of GBCS 4.3.3 and 5.
"""

import hashlib
from collections.abc import Callable
from typing import NamedTuple

from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.hashes import SHA256

Secret = Callable[[bytes, bytes], bytes]


class Parts(NamedTuple):
    """A message cut at counted offsets."""

    header: bytes
    payload: bytes
    signature: bytes
    mac: bytes
    cra: int
    counter: bytes
    originator: bytes
    recipient: bytes
    other: bytes


def cut(octets: bytes) -> Parts:
    """Cut a whole message; an AssertionError where it does not have the layout."""
    mac = b""
    if octets[0] == 0xDD:
        assert octets[:7] == bytes.fromhex("DD000000000000")
        inner, at = _length(octets, 7)
        assert len(octets) == at + inner
        assert octets[at : at + 5] == bytes.fromhex("1100000000")
        octets, mac = octets[at + 5 : -12], octets[-12:]
    assert (octets[0], octets[1], octets[11], octets[20]) == (0xDF, 9, 8, 8)
    at = 30 + octets[29]
    size, at = _length(octets, at)
    other, at = octets[at : at + size], at + size
    size, start = _length(octets, at)
    end = start + size
    signature = octets[end + 1 :]
    assert not octets[end:] or octets[end] == len(signature)
    return Parts(
        octets[:start], octets[start:end], signature, mac, octets[2], octets[3:11], octets[12:20],
        octets[21:29], other,
    )  # fmt: skip


def _length(octets: bytes, at: int) -> tuple[int, int]:
    if octets[at] < 0x80:
        return octets[at], at + 1
    width = octets[at] - 0x80
    return int.from_bytes(octets[at + 1 : at + 1 + width], "big"), at + 1 + width


def key_of(secret: bytes, originator: bytes, cra: int, counter: bytes, recipient: bytes) -> bytes:
    """One-step key derivation with SHA-256 (SP 800-56A 5.8.1), 128 bits."""
    hashed = hashlib.sha256(bytes.fromhex("00000001") + secret)
    hashed.update(
        bytes.fromhex("60857406080300") + originator + b"\x09" + bytes((cra,)) + counter + recipient
    )
    return hashed.digest()[:16]


def signature_holds(octets: bytes, public: ec.EllipticCurvePublicKey) -> bool:
    """Whether the signature of a message is that of a key."""
    parts = cut(octets)
    r, s = (int.from_bytes(half, "big") for half in (parts.signature[:32], parts.signature[32:]))
    try:
        public.verify(encode_dss_signature(r, s), parts.header[1:] + parts.payload, ec.ECDSA(SHA256()))
    except InvalidSignature:
        return False
    return True


def mac_holds(octets: bytes, secret: bytes) -> bool:
    """Whether the MAC of a message is that of a shared secret."""
    parts = cut(octets)
    key = key_of(secret, parts.originator, parts.cra, parts.counter, parts.recipient)
    tail = bytes((len(parts.signature),)) + parts.signature
    aad = bytes.fromhex("110000000000") + parts.header + parts.payload + tail
    return _decrypt(key, parts.originator, aad, b"", parts.mac) is not None


def plaintext(octets: bytes, value: bytes, secret: Secret) -> bytes | None:
    """The plaintext of an encrypted value in a response, None where its tag is wrong.

    `secret` gives the shared secret of two entity identifiers.
    """
    parts = cut(octets)
    party = parts.other[2:10] or parts.recipient
    counter = parts.other[18:26] if len(parts.other) == 26 else parts.counter
    assert value.startswith(bytes.fromhex("3100000000"))
    key = key_of(secret(parts.originator, party), parts.originator, 4, counter, party)
    return _decrypt(key, parts.originator, b"\x31", value[5:-12], value[-12:])


def _decrypt(key: bytes, originator: bytes, aad: bytes, ciphertext: bytes, tag: bytes) -> bytes | None:
    mode = modes.GCM(originator + bytes(4), tag, min_tag_length=12)
    cipher = Cipher(algorithms.AES(key), mode).decryptor()
    cipher.authenticate_additional_data(aad)
    try:
        return cipher.update(ciphertext) + cipher.finalize()
    except InvalidTag:
        return None
