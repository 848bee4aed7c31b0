"""AES-MMO: the hash of ZigBee, its keyed form, the key derivation and the derived APS keys.

Matyas-Meyer-Oseas over AES-128 with a zero initial value; digests and keys have 16 octets.
Source: ZigBee specification, FIPS 198, ANSI X9.63 (reference: se-security 2.1, 2.3, 6).
"""

from __future__ import annotations

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from gbcs.errors import BuildError

SIZE = 16
_SHORT_BITS = 1 << 16
_INNER = bytes((0x36,)) * SIZE
_OUTER = bytes((0x5C,)) * SIZE


def mmo(message: bytes) -> bytes:
    """The 16-octet hash of a message. Raises BuildError for 2^32 bits or more."""
    state = bytes(SIZE)
    padded = message + _padding(len(message))
    for start in range(0, len(padded), SIZE):
        block = padded[start : start + SIZE]
        state = _xor(Cipher(algorithms.AES(state), modes.ECB()).encryptor().update(block), block)
    return state


def _padding(length: int) -> bytes:
    """One bit, zeros and the length in bits: 2 octets, or 4 and two zeros from 65536 bits on."""
    bits = 8 * length
    if bits >> 32:
        raise BuildError("too long for AES-MMO")
    tail = bits.to_bytes(2, "big") if bits < _SHORT_BITS else bits.to_bytes(4, "big") + bytes(2)
    return b"\x80" + bytes(-(length + 1 + len(tail)) % SIZE) + tail


def hmac_mmo(key: bytes, message: bytes) -> bytes:
    """The keyed hash, 16 octets, blocks of 16 octets. Raises BuildError for a key of another length."""
    _check(key)
    return mmo(_xor(key, _OUTER) + mmo(_xor(key, _INNER) + message))


def kdf_mmo(secret: bytes, length: int) -> bytes:
    """`length` octets from a shared secret: the X9.63 derivation without SharedInfo."""
    blocks = -(-length // SIZE)
    return b"".join(mmo(secret + n.to_bytes(4, "big")) for n in range(1, blocks + 1))[:length]


def key_transport_key(link_key: bytes) -> bytes:
    """What protects an APS Transport Key that carries a network key. Raises BuildError."""
    return hmac_mmo(link_key, b"\x00")


def key_load_key(link_key: bytes) -> bytes:
    """What protects an APS Transport Key that carries a link key. Raises BuildError."""
    return hmac_mmo(link_key, b"\x02")


def _check(key: bytes) -> None:
    if len(key) != SIZE:
        raise BuildError(f"a key has {SIZE} octets, not {len(key)}")


def _xor(a: bytes, b: bytes) -> bytes:
    return (int.from_bytes(a, "big") ^ int.from_bytes(b, "big")).to_bytes(SIZE, "big")
