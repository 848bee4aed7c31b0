"""Security of NWK and APS frames: AES-CCM* with MIC-32, level 5, and the auxiliary header.

Source: ZigBee specification (053474) 4.5 and annex A; keys derived from a link key:
se-security 2.3. On air the level in the auxiliary header is 0; the authenticated header
and the nonce have 5.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from functools import lru_cache

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESCCM

from gbcs.errors import Check, ParseError, SecurityError
from gbcs.layout import Layout, u8, u32le, u64le
from smets.han import mmo

LEVEL = 5  # ENC-MIC-32
MIC_LENGTH = 4
EXTENDED_NONCE = 0x20
KEY_SHIFT = 3

CONTROL = Layout("auxiliary header", u8("control"), u32le("counter"))
SOURCE = Layout("auxiliary header", u64le("source"))
SEQUENCE = Layout("auxiliary header", u8("key sequence"))
NONCE = Layout("nonce", u64le("source"), u32le("counter"), u8("control"))


class KeyKind(IntEnum):
    """Key identifier of an auxiliary header."""

    DATA = 0  # a link key
    NETWORK = 1
    KEY_TRANSPORT = 2
    KEY_LOAD = 3


@dataclass(frozen=True, slots=True)
class Auxiliary:
    """An auxiliary header. `source`: EUI-64, present with the extended nonce; `sequence` of a network key."""

    kind: KeyKind
    counter: int
    source: int | None = None
    sequence: int = 0

    def octets(self, level: int = 0) -> bytes:
        """As on air, or with the level for authentication. Raises BuildError."""
        head = CONTROL.pack(self._control(level), self.counter)
        if self.source is not None:
            head += SOURCE.pack(self.source)
        return head + SEQUENCE.pack(self.sequence) if self.kind is KeyKind.NETWORK else head

    def _control(self, level: int) -> int:
        return level | self.kind << KEY_SHIFT | (EXTENDED_NONCE if self.source is not None else 0)

    def nonce(self, source: int) -> bytes:
        """The nonce of 13 octets, for a sender."""
        return NONCE.pack(source, self.counter, self._control(LEVEL))

    @classmethod
    def parse(cls, buffer: bytes, offset: int) -> tuple[Auxiliary, int]:
        """The header at an offset, and where it ends. Raises ParseError."""
        control, counter = CONTROL.unpack(buffer, offset)
        kind = KeyKind(control >> KEY_SHIFT & 3)
        offset += CONTROL.size
        source: int | None = None
        sequence = 0
        if control & EXTENDED_NONCE:
            (source,) = SOURCE.unpack(buffer, offset)
            offset += SOURCE.size
        if kind is KeyKind.NETWORK:
            (sequence,) = SEQUENCE.unpack(buffer, offset)
            offset += SEQUENCE.size
        return cls(kind, counter, source, sequence), offset


@lru_cache(maxsize=256)
def _cipher(key: bytes) -> AESCCM:
    return AESCCM(key, tag_length=MIC_LENGTH)


@lru_cache(maxsize=256)
def derived(kind: KeyKind, key: bytes) -> bytes:
    """The key that protects a frame of this kind, given the link (or network) key."""
    if kind is KeyKind.KEY_TRANSPORT:
        return mmo.key_transport_key(key)
    if kind is KeyKind.KEY_LOAD:
        return mmo.key_load_key(key)
    return key


def protect(key: bytes, header: bytes, auxiliary: Auxiliary, source: int, payload: bytes) -> bytes:
    """Auxiliary header, ciphertext and MIC, to follow the header. `key`: link or network key."""
    sealed = _cipher(derived(auxiliary.kind, key)).encrypt(
        auxiliary.nonce(source), payload, header + auxiliary.octets(LEVEL)
    )
    return auxiliary.octets() + sealed


def open_sealed(key: bytes, header: bytes, auxiliary: Auxiliary, source: int, sealed: bytes) -> bytes:
    """The payload. Raises ParseError when it is too short, SecurityError when the MIC is wrong."""
    if len(sealed) < MIC_LENGTH:
        raise ParseError("no room for a MIC", len(header), "secured payload")
    try:
        return _cipher(derived(auxiliary.kind, key)).decrypt(
            auxiliary.nonce(source), sealed, header + auxiliary.octets(LEVEL)
        )
    except InvalidTag:
        raise SecurityError(Check.MAC, "the MIC of a radio frame is wrong") from None
