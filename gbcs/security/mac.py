"""The message MAC: AES-128-GCM over no plaintext, 12-octet tag (GBCS 5.4; reference: gbcs-messages 5.2)."""

from __future__ import annotations

from hmac import compare_digest

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from ..errors import Check, SecurityError
from ..message import MAC_LENGTH, Message
from .keys import derive_key

_IV_TAIL = bytes(4)


def message_mac(message: Message, secret: bytes) -> bytes:
    """The 12-octet MAC of an encoded message, whose MAC octets are not read."""
    return _mac(message, secret, message.maced_octets)


def with_mac(message: Message, secret: bytes) -> Message:
    """The message in the MAC Header, built from its fields, with its MAC. Raises BuildError."""
    return message.maced(lambda covered: _mac(message, secret, covered))


def mac_is_valid(message: Message, secret: bytes) -> bool:
    """Whether the message carries the MAC of this shared secret; constant time."""
    return message.mac is not None and compare_digest(message_mac(message, secret), message.mac)


def check_mac(message: Message, secret: bytes) -> None:
    """Raises SecurityError unless the MAC is there and right."""
    if message.mac is None:
        raise SecurityError(Check.MAC, "the message carries no MAC")
    if not mac_is_valid(message, secret):
        raise SecurityError(Check.MAC, "the MAC is not the one of this key and message")


def _mac(message: Message, secret: bytes, covered: bytes) -> bytes:
    originator = message.originator
    key = derive_key(secret, originator, message.cra, message.counter, message.recipient)
    return gmac(key, originator + _IV_TAIL, covered)[:MAC_LENGTH]


def gmac(key: bytes, iv: bytes, covered: bytes) -> bytes:
    """The whole 16-octet tag of AES-128-GCM over no plaintext; users cut it."""
    return AESGCM(key).encrypt(iv, b"", covered)
