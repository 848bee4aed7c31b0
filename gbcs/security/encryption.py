"""Encrypted content of responses and alerts (GBCS 5.5; reference: gbcs-messages 5.3).

A protected value is `31 00000000 || ciphertext || 12-octet tag`, AES-128-GCM with the
device as originator and, for an unknown remote party, the supplementary identifier and
Supplementary Originator Counter in place of the header's.
"""

from __future__ import annotations

from typing import NamedTuple

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from ..errors import Check, ParseError, SecurityError
from ..ids import EntityId
from ..message import Message
from .keys import CRA_ENCRYPTION, derive_key

SECURITY_HEADER = bytes.fromhex("3100000000")
TAG_LENGTH = 12
_AAD = SECURITY_HEADER[:1]
_IV_TAIL = bytes(4)


class Protected(NamedTuple):
    """A protected value taken apart."""

    header: bytes
    ciphertext: bytes
    tag: bytes

    @property
    def octets(self) -> bytes:
        """The value put together again."""
        return self.header + self.ciphertext + self.tag


def split_protected(octets: bytes) -> Protected:
    """Take a protected value apart. Raises ParseError."""
    if len(octets) < len(SECURITY_HEADER) + TAG_LENGTH:
        raise ParseError("too short for a protected value", 0, "protected")
    if not octets.startswith(SECURITY_HEADER):
        raise ParseError(f"{SECURITY_HEADER.hex().upper()} expected", 0, "protected")
    return Protected(SECURITY_HEADER, octets[len(SECURITY_HEADER) : -TAG_LENGTH], octets[-TAG_LENGTH:])


class ContentKey(NamedTuple):
    """Whose key protects the content of a response or alert: parties and counter."""

    originator: EntityId
    recipient: EntityId
    counter: int

    @classmethod
    def of(cls, message: Message) -> ContentKey:
        """Read from the header of the response or alert."""
        other = message.other
        return cls(
            message.originator,
            other.party if other.party is not None else message.recipient,
            message.counter if other.originator_counter is None else other.originator_counter,
        )

    def derive(self, secret: bytes) -> bytes:
        """The 16-octet key from the shared secret of the two parties."""
        return derive_key(secret, self.originator, CRA_ENCRYPTION, self.counter, self.recipient)


def seal(plaintext: bytes, key: bytes, originator: EntityId) -> bytes:
    """The protected value of a plaintext."""
    ciphertext, tag = gcm_seal(key, originator + _IV_TAIL, _AAD, plaintext)
    return SECURITY_HEADER + ciphertext + tag


def unseal(octets: bytes, key: bytes, originator: EntityId) -> bytes:
    """The plaintext of a protected value. Raises ParseError or SecurityError."""
    parts = split_protected(octets)
    return gcm_open(key, originator + _IV_TAIL, _AAD, parts.ciphertext, parts.tag)


def gcm_seal(key: bytes, iv: bytes, aad: bytes, plaintext: bytes) -> tuple[bytes, bytes]:
    """AES-128-GCM: ciphertext and 12-octet tag."""
    encryptor = Cipher(algorithms.AES(key), modes.GCM(iv, min_tag_length=TAG_LENGTH)).encryptor()
    encryptor.authenticate_additional_data(aad)
    ciphertext = encryptor.update(plaintext) + encryptor.finalize()
    return ciphertext, encryptor.tag[:TAG_LENGTH]


def gcm_open(key: bytes, iv: bytes, aad: bytes, ciphertext: bytes, tag: bytes) -> bytes:
    """AES-128-GCM: the plaintext, under a tag of 12 to 16 octets. Raises SecurityError."""
    decryptor = Cipher(algorithms.AES(key), modes.GCM(iv, tag, min_tag_length=TAG_LENGTH)).decryptor()
    decryptor.authenticate_additional_data(aad)
    try:
        return decryptor.update(ciphertext) + decryptor.finalize()
    except InvalidTag:
        raise SecurityError(Check.DECRYPTION, "the tag is not the one of this key") from None
