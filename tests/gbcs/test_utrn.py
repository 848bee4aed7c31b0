"""Top-up tokens: made, taken apart, checked; the check digit; counters found again from ten bits."""

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gbcs.errors import BuildError, KeyUnavailable
from gbcs.ids import Cra, EntityId
from gbcs.message import Message, parse_message
from gbcs.security.folder import FolderKeyStore
from gbcs.security.keys import derive_key
from gbcs.security.memory import MemoryKeyStore
from gbcs.security.utrn import (
    _D,
    _I,
    _P,
    OFFSET,
    Ptut,
    Refusal,
    TopUpKey,
    ValueClass,
    check_digit,
    make_token,
    parse_token,
    reconstruct_counter,
    truncated,
)
from gbcs.security.utrn_entry import TopUpLimits, TopUpState, enter_token
from gbcs.time import Utc
from tests.gbcs.reference_messages import octets as reference_octets
from tests.vectors import utrn_tokens as vectors

VECTORS = vectors.read()
KEY = TopUpKey.of(vectors.store(), vectors.SUPPLIER, vectors.ELECTRICITY)
NOW = Utc.of(2025, 6, 1)
NO_LIMITS = TopUpLimits()
PENCE, POUNDS = ValueClass.PENCE, ValueClass.POUNDS
counters = st.integers(0, 0xFFFF_FFFF).map(lambda number: number << 32)
values = st.integers(0, 8191)
classes = st.sampled_from(ValueClass)


def parsed(digits: str) -> Ptut:
    token = parse_token(digits)
    assert isinstance(token, Ptut)
    return token


def numbered(number: int) -> str:
    """The 20 digits with a right check digit over a number of 19."""
    text = f"{number:019}"
    return text + check_digit(text)


# Tokens


def test_vectors_are_those_of_the_generator() -> None:
    assert vectors.vectors() == VECTORS
    assert len(VECTORS) >= 11


@pytest.mark.parametrize("vector", VECTORS, ids=lambda v: v["token"])
def test_vectors(vector: dict[str, Any]) -> None:
    supplier, meter = EntityId.parse(vector["supplier"]), EntityId.parse(vector["meter"])
    key = TopUpKey.of(vectors.store(), supplier, meter)
    counter = int(vector["counter"], 16)
    assert derive_key(key.secret, supplier, 1, counter, meter).hex().upper() == vector["key"]
    digits = make_token(key, counter, ValueClass(vector["value_class"]), vector["value"])
    assert digits == vector["token"]
    token = parsed(digits)
    assert (token.value_class, token.value) == (vector["value_class"], vector["value"])
    assert token.truncated_counter == (counter >> 32) % 1024
    assert token.head.hex().upper() == vector["high"]
    assert token.mac.hex().upper() == vector["tag"][-8:]
    assert token.is_authentic(key, counter)
    assert token.digits == digits


@pytest.mark.parametrize("vector", VECTORS, ids=lambda v: v["token"])
def test_every_input_of_the_mac_matters(vector: dict[str, Any]) -> None:
    supplier, meter = EntityId.parse(vector["supplier"]), EntityId.parse(vector["meter"])
    key, counter = TopUpKey.of(vectors.store(), supplier, meter), int(vector["counter"], 16)
    token = parsed(vector["token"])
    assert not token.is_authentic(key, counter ^ 1024 << 32)
    assert not token.is_authentic(key, counter ^ 1)
    assert not token.is_authentic(replace(key, supplier=meter), counter)
    assert not token.is_authentic(replace(key, meter=supplier), counter)
    assert not token.is_authentic(replace(key, secret=key.secret[::-1]), counter)
    assert not replace(token, value=token.value ^ 1).is_authentic(key, counter)
    assert not replace(token, value_class=1 - token.value_class).is_authentic(key, counter)
    assert not replace(token, truncated_counter=token.truncated_counter ^ 512).is_authentic(key, counter)
    for bit in range(32):
        mac = (int.from_bytes(token.mac, "big") ^ 1 << bit).to_bytes(4, "big")
        assert not replace(token, mac=mac).is_authentic(key, counter)


@given(counters, classes, values)
def test_tokens_round_trip(counter: int, value_class: ValueClass, value: int) -> None:
    digits = make_token(KEY, counter, value_class, value)
    token = parsed(digits)
    assert token == parse_token(digits.encode())
    assert (token.value_class, token.value) == (value_class, value)
    assert token.truncated_counter == truncated(counter)
    assert token.millipence == value * (1000 if value_class is PENCE else 100_000)
    assert token.is_authentic(KEY, counter)
    assert token.digits == digits
    assert 7394 <= int(digits[:4]) <= 7538
    high = token.truncated_counter << 15 | value_class << 13 | value
    assert vectors.token(KEY.secret, KEY.supplier, KEY.meter, counter, high)[2] == digits


@pytest.mark.parametrize(
    ("counter", "value_class", "value", "path"),
    [
        (1, PENCE, 1, "counter"),
        (1 << 31, PENCE, 1, "counter"),
        (-1 << 32, PENCE, 1, "counter"),
        (1 << 64, PENCE, 1, "counter"),
        (1 << 32, PENCE, -1, "value"),
        (1 << 32, PENCE, 8192, "value"),
        (1 << 32, POUNDS, 8192, "value"),
        (1 << 32, 2, 1, "value_class"),
        (1 << 32, -1, 1, "value_class"),
    ],
)
def test_what_is_out_of_range(counter: int, value_class: Any, value: int, path: str) -> None:
    with pytest.raises(BuildError) as caught:
        make_token(KEY, counter, value_class, value)
    assert caught.value.path == path


@pytest.mark.parametrize(("field", "value"), [("truncated_counter", 1024), ("mac", bytes(3)), ("value", -1)])
def test_what_is_no_ptut(field: str, value: Any) -> None:
    with pytest.raises(BuildError) as caught:
        replace(Ptut(0, PENCE, 0, bytes(4)), **{field: value})
    assert caught.value.path == field


def test_keys_that_are_not_there() -> None:
    store = vectors.store()
    public = MemoryKeyStore(store.all())
    nobody = EntityId(bytes(8))
    for keys, supplier, meter, text in (
        (store, nobody, vectors.GAS, "prepayment"),
        (store, vectors.ELECTRICITY, vectors.GAS, "prepayment"),
        (store, vectors.SUPPLIER, nobody, "key agreement certificate of 0000"),
        (public, vectors.SUPPLIER, vectors.GAS, "no private key"),
    ):
        with pytest.raises(KeyUnavailable, match=text):
            TopUpKey.of(keys, supplier, meter)


def test_either_side_has_the_same_secret() -> None:
    """Supplier's private key or meter's: one secret, the one of plain ECDH."""
    store = vectors.store()
    for entity in (vectors.SUPPLIER, vectors.ELECTRICITY):
        own = [store.private_key(c) for c in store.all() if c.entity == entity]
        half = MemoryKeyStore(store.all(), [key for key in own if key is not None])
        assert TopUpKey.of(half, vectors.SUPPLIER, vectors.ELECTRICITY) == KEY
    assert KEY.secret == vectors.secret(vectors.SUPPLIER, vectors.ELECTRICITY)


def test_reprs_hold_no_secret() -> None:
    shown = repr(KEY)
    assert str(vectors.SUPPLIER) in shown
    assert "secret" not in shown
    for octets in (KEY.secret, derive_key(KEY.secret, KEY.supplier, 1, 1 << 32, KEY.meter)):
        entry = repr(enter_token(VECTORS[0]["token"], KEY, TopUpState.new(), NO_LIMITS, NOW))
        for text in (octets.hex(), repr(octets)[2:-1]):
            assert text not in shown + entry


# Check digit


def test_the_tables_are_the_group_and_the_powers_of_one_permutation() -> None:
    assert all(_D[a][b] == vectors.composed(a, b) for a in range(10) for b in range(10))
    row = tuple(range(10))
    for k in range(8):
        assert _P[k] == row
        row = tuple(vectors.TURN[digit] for digit in row)
    assert row == _P[0]
    assert all(_D[state][_P[7][int(_I[state])]] == 0 for state in range(10))


def test_any_exchange_of_neighbours_is_seen_at_any_place() -> None:
    """Exhaustive: eight places, the state before them, and every pair of digits that differ."""
    for k in range(8):
        this, following = _P[k], _P[(k + 1) % 8]
        for state in range(10):
            for a in range(10):
                for b in range(a):
                    assert _D[_D[state][this[a]]][following[b]] != _D[_D[state][this[b]]][following[a]]


@given(counters, classes, values)
def test_single_errors_and_exchanges_are_seen(counter: int, value_class: ValueClass, value: int) -> None:
    digits = make_token(KEY, counter, value_class, value)
    for at in range(20):
        for wrong in set("0123456789") - {digits[at]}:
            assert parse_token(digits[:at] + wrong + digits[at + 1 :]) is Refusal.CHECK_DIGIT
    for at in range(19):
        if digits[at] != digits[at + 1]:
            exchanged = digits[:at] + digits[at + 1] + digits[at] + digits[at + 2 :]
            assert parse_token(exchanged) is Refusal.CHECK_DIGIT


@given(st.integers(0, 10**19 - 1))
def test_the_check_digit_is_the_one_of_the_second_opinion(number: int) -> None:
    text = f"{number:019}"
    assert check_digit(text) == vectors.check_digit(text)


# Refusals of a number


@pytest.mark.parametrize(
    ("digits", "refusal"),
    [
        ("", Refusal.FORM),
        ("7" * 19, Refusal.FORM),
        ("7" * 21, Refusal.FORM),
        (" " + "7" * 19, Refusal.FORM),
        ("7" * 19 + "x", Refusal.FORM),
        ("-" + "7" * 19, Refusal.FORM),
        ("٣" * 20, Refusal.FORM),
        ("²" * 20, Refusal.FORM),
        (b"\xb2" * 20, Refusal.FORM),
        (numbered(0), Refusal.OFFSET),
        (numbered(OFFSET - 1), Refusal.OFFSET),
        (numbered(OFFSET + (1 << 57)), Refusal.LEAD_BITS),
        (numbered(OFFSET + (1 << 60)), Refusal.LEAD_BITS),
        (numbered(OFFSET + (1 << 61)), Refusal.LEAD_BITS),
        (numbered(10**19 - 1), Refusal.LEAD_BITS),
        (numbered(OFFSET + (2 << 45)), Refusal.VALUE_CLASS),
        (numbered(OFFSET + (3 << 45)), Refusal.VALUE_CLASS),
    ],
)
def test_numbers_that_are_no_token(digits: str | bytes, refusal: Refusal) -> None:
    assert parse_token(digits) is refusal


def test_the_least_and_the_greatest_number() -> None:
    assert OFFSET == vectors.OFFSET
    assert parse_token(numbered(OFFSET)) == Ptut(0, PENCE, 0, bytes(4))
    greatest = OFFSET + (1 << 57) - 1 - (2 << 45)
    assert parse_token(numbered(greatest)) == Ptut(1023, POUNDS, 8191, b"\xff" * 4)


@given(st.one_of(st.text(max_size=24), st.binary(max_size=24), st.integers(0, 10**19 - 1).map(numbered)))
def test_any_input_is_a_token_or_refused(digits: str | bytes) -> None:
    token = parse_token(digits)
    if isinstance(token, Ptut):
        assert token.digits == (digits if isinstance(digits, str) else digits.decode())


def test_events_of_refusals() -> None:
    """The five codes of 18.4; what the meter cannot call by one of them has none."""
    codes = {refusal.event for refusal in Refusal}
    assert codes == {None, 0x8F47, 0x8F51, 0x8F5B, 0x8F63, 0x8F64, 0x81C5}
    assert Refusal.CHECK_DIGIT.event is None
    assert all(refusal.reason for refusal in Refusal)


# Counter reconstruction


@given(st.integers(0, 0xFFFF_FFFF), st.integers(-512, 511))
def test_a_counter_near_the_highest_is_found_again(highest: int, distance: int) -> None:
    number = highest + distance
    if not 0 <= number <= 0xFFFF_FFFF:
        assert reconstruct_counter(number % 1024, highest << 32) is None
    else:
        assert reconstruct_counter(number % 1024, highest << 32) == number << 32


@given(st.integers(0, 1023), st.integers(0, 0xFFFF_FFFF_FFFF_FFFF), st.integers(1, 1024))
def test_a_found_counter_has_the_bits_and_is_in_the_window(bits: int, highest: int, ahead: int) -> None:
    found = reconstruct_counter(bits, highest, ahead)
    near = range((highest >> 32) - 1024 + ahead, (highest >> 32) + ahead)
    candidates = [number for number in near if number % 1024 == bits and 0 <= number < 1 << 32]
    assert ([] if found is None else [found]) == [number << 32 for number in candidates]


@pytest.mark.parametrize(
    ("bits", "highest", "expected"),
    [(0, 0, 0), (511, 0, 511), (512, 0, None), (1023, 0, None), (0, 1023, 1024), (1023, 1024, 1023)],
)
def test_reconstruction_at_its_edges(bits: int, highest: int, expected: int | None) -> None:
    found = reconstruct_counter(bits, highest << 32)
    assert found == (None if expected is None else expected << 32)


# Against the reference

TOP_UPS = (0x0007, 0x0097)
BY_DISPLAY = 0x009B


@pytest.fixture(scope="module")
def known_answers(reference: Path) -> str:
    """Section 22.9 of the reference."""
    document = reference / "reference" / "gbcs-crypto.md"
    if not document.is_file():
        pytest.skip(f"no reference text: {document} is not there")
    section = re.search(r"^### 22\.9 .*?^### ", document.read_text("utf-8"), re.DOTALL | re.MULTILINE)
    assert section is not None
    return section[0]


def test_known_answers(reference: Path, known_answers: str) -> None:
    """Each token of 22.9, from the secret it names and from the key store."""
    store = FolderKeyStore(reference / "rtds" / "keystore")
    parts = re.split(r"^[a-z]\) ", known_answers, flags=re.MULTILINE)[1:]
    assert len(parts) >= 4
    for part in parts:

        def found(pattern: str, text: str = part) -> str:
            match = re.search(pattern, text, re.MULTILINE)
            assert match is not None, pattern
            return match[1]

        key = TopUpKey(
            EntityId.parse(found(r"supplier ([0-9A-F]{16})")),
            EntityId.parse(found(r"meter ([0-9A-F]{16})")),
            bytes.fromhex(found(r"^Z .*?([0-9a-f]{64})$")),
        )
        assert TopUpKey.of(store, key.supplier, key.meter) == key
        counter = int(found(r"^counter +([0-9A-Fa-f]{16})"), 16)
        value_class, value = int(found(r"class (\d)")), int(found(r"class \d, value (\d+)"))
        digits = make_token(key, counter, ValueClass(value_class), value)
        assert digits == found(r"^UTRN +(\d{20})$")
        token = parsed(digits)
        assert token.octets.hex() == found(r"^PTUT +([0-9a-f]{16})")
        assert token.mac.hex() == found(r"^tag .*?([0-9a-f]{8})$")
        derived = derive_key(key.secret, key.supplier, 1, counter, key.meter)
        assert derived.hex() == found(r"^key +([0-9a-f]{32})$")


def test_further_known_check_digits(known_answers: str) -> None:
    numbers = re.findall(r"\b\d{20}\b", known_answers)
    assert len(numbers) >= 6
    for digits in numbers:
        assert check_digit(digits[:-1]) == digits[-1]
    assert {type(parse_token(digits)) for digits in numbers} == {Ptut, Refusal}


def commands(reference: Path, *codes: int) -> list[tuple[Message, str]]:
    """The commands of message codes, with the 20 digits in each."""
    found = []
    for octets in reference_octets(reference).values():
        message = parse_message(octets)
        if message.code in codes and message.cra is Cra.COMMAND:
            (digits,) = re.findall(rb"(?<!\d)\d{20}(?!\d)", message.payload)
            found.append((message, digits.decode()))
    return found


def test_tokens_of_reference_commands(reference: Path) -> None:
    """A top-up command's header counter is the counter its token was made with.

    Where the digits are no token at all, the check digit says so.
    """
    store = FolderKeyStore(reference / "rtds" / "keystore")
    accepted = set()
    for message, digits in commands(reference, *TOP_UPS):
        assert message.counter & 0xFFFF_FFFF == 0
        key = TopUpKey.of(store, message.originator, message.recipient)
        entry = enter_token(digits, key, TopUpState.new(), NO_LIMITS, NOW, counter=message.counter)
        assert entry.refusal in (None, Refusal.CHECK_DIGIT)
        if entry.accepted:
            accepted.add(message.code)
    assert accepted == set(TOP_UPS)


def test_tokens_a_display_hands_on(reference: Path) -> None:
    """The header counter is the display's; digits with a right check digit and no MAC are refused."""
    store = FolderKeyStore(reference / "rtds" / "keystore")
    supplier = next(message.originator for message, _ in commands(reference, *TOP_UPS))
    handed_on = commands(reference, BY_DISPLAY)
    assert handed_on
    for message, digits in handed_on:
        key = TopUpKey.of(store, supplier, message.recipient)
        entry = enter_token(digits, key, TopUpState.new(), NO_LIMITS, NOW)
        assert entry.token is not None
        assert entry.accepted != (entry.token.mac == bytes(4))
