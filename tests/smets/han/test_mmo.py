"""AES-MMO, its keyed form, the derivation (se-security 2.1, 2.3)."""

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gbcs.errors import BuildError
from smets.han.mmo import hmac_mmo, kdf_mmo, key_load_key, key_transport_key, mmo
from tests.smets.han.cbke_vectors import OWN, document, section, values
from tests.vectors.make_cbke import message

VECTORS = values((OWN / "symmetric.txt").read_text("utf-8"))
KEY = message(16)


@pytest.mark.parametrize("length", [0, 1, 13, 14, 15, 16, 29, 30, 74, 8190, 8191, 8192])
def test_hashes(length: int) -> None:
    """13 and 14 octets: the length still fits the block, and does not; 8192: its wide form."""
    assert mmo(message(length)) == VECTORS[f"H of {length} octets"]


def test_keyed_hash_and_derived_keys() -> None:
    assert hmac_mmo(KEY, message(61)) == VECTORS["HMAC of 61 octets"]
    assert key_transport_key(KEY) == VECTORS["key-transport key"] == hmac_mmo(KEY, b"\x00")
    assert key_load_key(KEY) == VECTORS["key-load key"] == hmac_mmo(KEY, b"\x02")


def test_keyed_hash_is_of_the_fips_form() -> None:
    inner, outer = (bytes(octet ^ pad for octet in KEY) for pad in (0x36, 0x5C))
    assert hmac_mmo(KEY, b"message") == mmo(outer + mmo(inner + b"message"))


@given(st.binary(max_size=80), st.integers(0, 70))
def test_derivation_counts_blocks_from_one(secret: bytes, length: int) -> None:
    octets = kdf_mmo(secret, length)
    assert octets == b"".join(mmo(secret + bytes((0, 0, 0, n))) for n in range(1, 6))[:length]
    assert kdf_mmo(message(36), 32) == VECTORS["KDF of 36 octets"]


def test_a_key_has_sixteen_octets() -> None:
    for length in (0, 15, 17):
        with pytest.raises(BuildError):
            hmac_mmo(bytes(length), b"")


@pytest.mark.parametrize("length", [*range(50), 399])
def test_same_as_zigpy(length: int) -> None:
    util = pytest.importorskip("zigpy.util", reason="a second opinion: needs the radio extra")
    types = pytest.importorskip("zigpy.types")
    octets = message(length)
    assert bytes(util.aes_mmo_hash(types.SerializableBytes(octets).serialize())) == mmo(octets)


def test_published_hashes(reference: Path) -> None:
    rows = re.findall(r"^\| `([0-9a-f]+)` \| `([0-9a-f]{32})` \|", section(document(reference), "2.1"), re.M)
    assert len(rows) == 2
    for text, digest in rows:
        assert mmo(bytes.fromhex(text)).hex() == digest


def test_published_keyed_hash_and_derived_keys(reference: Path) -> None:
    text = section(document(reference), "2.3")
    key, octets, digest = re.search(r"`K=(\w+), m=(\w+) -> (\w+)`", text).groups()  # type: ignore[union-attr]
    assert hmac_mmo(bytes.fromhex(key), bytes.fromhex(octets)).hex() == digest
    link_key, transport, load = (
        bytes.fromhex(digits) for digits in re.findall(r"`(?:L = )?([0-9a-f]{32})`", text)
    )
    assert key_transport_key(link_key) == transport
    assert key_load_key(link_key) == load
