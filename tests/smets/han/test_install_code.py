"""Install codes: lengths, CRC, text, link key (se-security 2.2)."""

import re
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gbcs.errors import BuildError, ParseError
from smets.han.install_code import LENGTHS, InstallCode, crc16
from smets.han.mmo import mmo
from tests.smets.han.cbke_vectors import OWN, document, section, values
from tests.vectors.make_cbke import message

VECTORS = values((OWN / "symmetric.txt").read_text("utf-8"))
CODES = st.sampled_from(LENGTHS).flatmap(lambda n: st.binary(min_size=n, max_size=n))


def test_check_value_of_the_crc() -> None:
    """The check value of CRC-16/X-25 in catalogues of CRCs."""
    assert crc16(b"123456789") == 0x906E


@pytest.mark.parametrize("length", LENGTHS)
def test_own_vectors(length: int) -> None:
    octets = VECTORS[f"install code of {length}"]
    code = InstallCode.from_octets(octets)
    assert code.code == message(length) == octets[:-2]
    assert code.crc == int.from_bytes(octets[-2:], "little")
    assert code.link_key == VECTORS[f"link key of {length}"] == mmo(octets)


@given(CODES)
def test_there_and_back(octets: bytes) -> None:
    code = InstallCode(octets)
    assert InstallCode.from_octets(code.octets) == code
    assert InstallCode.parse(code.label()) == code
    assert InstallCode.parse(code.octets.hex(":").lower()) == code
    assert InstallCode.parse(code.octets.hex("-", 2)) == code
    assert InstallCode.make(lambda n: octets[:n], len(octets)) == code
    assert code.octets.hex() not in repr(code)
    assert code.code.hex() not in repr(code)


def test_label_is_in_groups_of_four() -> None:
    assert re.fullmatch(r"([0-9A-F]{4} ){8}[0-9A-F]{4}", InstallCode(message(16)).label())


@given(CODES, st.data())
def test_a_changed_bit_is_noticed(octets: bytes, data: st.DataObject) -> None:
    good = InstallCode(octets).octets
    bit = data.draw(st.integers(0, 8 * len(good) - 1))
    bad = (int.from_bytes(good, "big") ^ 1 << bit).to_bytes(len(good), "big")
    with pytest.raises(ParseError, match="CRC"):
        InstallCode.from_octets(bad)


def test_crc_is_least_significant_octet_first() -> None:
    code = InstallCode(message(16))
    with pytest.raises(ParseError, match="CRC"):
        InstallCode.from_octets(code.code + code.crc.to_bytes(2, "big"))


@given(st.binary(max_size=24))
def test_any_octets(octets: bytes) -> None:
    with suppress(ParseError):
        assert InstallCode.from_octets(octets).octets == octets


@given(st.text(max_size=40))
def test_any_text(text: str) -> None:
    with suppress(ParseError):
        InstallCode.parse(text)


@pytest.mark.parametrize("length", [0, 5, 7, 9, 15, 17, 18])
def test_other_lengths(length: int) -> None:
    with pytest.raises(BuildError):
        InstallCode(bytes(length))
    with pytest.raises(BuildError):
        InstallCode.make(bytes, length)
    with pytest.raises(ParseError):
        InstallCode.from_octets(bytes(length) + crc16(bytes(length)).to_bytes(2, "little"))


def test_published_codes(reference: Path) -> None:
    rows = re.findall(
        r"^\| `([0-9A-F]+)` `([0-9A-F]{4})` \| 0x([0-9A-F]{4}) \| `([0-9a-f]{32})`",
        section(document(reference), "2.2"),
        re.MULTILINE,
    )
    assert len(rows) == 4
    for digits, tail, crc, key in rows:
        code = InstallCode.parse(f"{digits} {tail}")
        assert (code.crc, code.link_key.hex()) == (int(crc, 16), key)
    assert {len(digits) // 2 for digits, *_ in rows} == set(LENGTHS)


def test_published_hash_of_a_link_key(reference: Path) -> None:
    path = reference / "reference" / "chts-hub.md"
    if not path.is_file():
        pytest.skip(f"no reference document: {path} is not there")
    text = section(path.read_text("utf-8"), "5.1")
    code, crc, key = re.search(r"code `(\w{32})`, CRC octets `(\w{4})`, key `(\w{32})`", text).groups()  # type: ignore[union-attr]
    (hashed,) = re.findall(r"MMO of the key above is `(\w{32})`", text)
    assert InstallCode.parse(code + crc).link_key == bytes.fromhex(key)
    assert mmo(bytes.fromhex(key)) == bytes.fromhex(hashed)
