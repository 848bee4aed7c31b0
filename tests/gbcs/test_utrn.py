"""Top-up tokens: made, taken apart, checked; the counter cache and the order of a meter's checks."""

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from gbcs.errors import BuildError, KeyUnavailable, ParseError
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
from gbcs.security.utrn_cache import SIZE, CounterCache, Replacement, Standing
from gbcs.security.utrn_entry import (
    EntryThrottle,
    TopUpLimits,
    TopUpState,
    UtrnSettings,
    enter_token,
)
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


def made(number: int, value: int = 1000, value_class: ValueClass = PENCE, key: TopUpKey = KEY) -> str:
    """A token with the counter whose high half is `number`."""
    return make_token(key, number << 32, value_class, value)


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
        entry = repr(enter_token(made(1), KEY, TopUpState.new(), NO_LIMITS, NOW))
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


# Counter cache


class Cache(RuleBasedStateMachine):
    """Against the plain rule: the cache holds the highest counters, the floor filling it up."""

    @initialize(size=st.integers(1, 6), floor=st.integers(0, 20))
    def start(self, size: int, floor: int) -> None:
        self.size = size
        self.cache = CounterCache.filled(floor, size)
        self.floor, self.taken = floor, set[int]()

    def held(self) -> list[int]:
        return sorted([self.floor] * self.size + list(self.taken))[-self.size :]

    @rule(counter=st.integers(0, 60))
    def accept(self, counter: int) -> None:
        held = self.held()
        standing, after = self.cache.accept(counter)
        assert standing is self.cache.standing(counter)
        if standing is Standing.NEW:
            assert counter not in self.taken
            assert counter > held[0]
            self.taken.add(counter)
        else:
            assert (standing is Standing.DUPLICATE) == (counter in held)
            assert counter <= held[0] or counter in held
            assert after is self.cache
        self.cache = after

    @rule(floor=st.integers(0, 60))
    def set_floor(self, floor: int) -> None:
        self.cache = self.cache.with_floor(floor)
        self.floor, self.taken = floor, set()
        assert self.cache.standing(floor + 1) is Standing.NEW

    @rule()
    def store(self) -> None:
        assert len(self.cache.to_bytes()) == 8 * self.size
        self.cache = CounterCache.from_bytes(self.cache.to_bytes())

    @invariant()
    def holds_the_highest(self) -> None:
        if hasattr(self, "cache"):
            assert sorted(self.cache.entries) == self.held()
            assert (self.cache.lowest, self.cache.highest) == (self.held()[0], self.held()[-1])
            assert self.cache.standing(self.floor) is not Standing.NEW


TestCache = Cache.TestCase


def taken(cache: CounterCache, numbers: Sequence[int], how: Replacement = Replacement.LOWEST) -> CounterCache:
    for number in numbers:
        standing, cache = cache.accept(number, how)
        assert standing is Standing.NEW, number
    return cache


def test_the_cache_at_manufacture() -> None:
    cache = CounterCache.filled()
    assert cache.entries == (0,) * SIZE == (0,) * 100
    assert cache.standing(0) is Standing.DUPLICATE
    assert cache.standing(1) is Standing.NEW


def test_tokens_out_of_order() -> None:
    """99 newer tokens leave room for an older one, the hundredth does not."""
    cache = taken(CounterCache.filled(), range(1000, 1099))
    assert cache.lowest == 0
    assert taken(cache, [5]).standing(6) is Standing.NEW
    cache = taken(cache, [1099])
    assert cache.lowest == 1000
    assert cache.standing(999) is Standing.TOO_OLD
    assert cache.standing(1000) is Standing.DUPLICATE


def test_replacing_the_oldest_lets_a_token_be_used_twice() -> None:
    """Why the lowest goes: a ring forgets a high counter that came early."""
    order = [50, *range(10, 14)]
    ring = taken(CounterCache.filled(size=4), order, Replacement.OLDEST)
    assert ring.standing(50) is Standing.NEW
    assert taken(CounterCache.filled(size=4), order).standing(50) is Standing.DUPLICATE


def test_a_floor_starts_anew() -> None:
    """The next supplier's counters may be lower: the floor holds even below the last counter."""
    cache = taken(CounterCache.filled(), [1000]).with_floor(7)
    assert cache == CounterCache.filled(7)
    assert cache.standing(7) is Standing.DUPLICATE
    assert cache.standing(6) is Standing.TOO_OLD
    assert cache.standing(1000) is Standing.NEW


@given(st.binary(max_size=40))
def test_stored_octets(octets: bytes) -> None:
    for kind in (CounterCache, EntryThrottle):
        try:
            held = kind.from_bytes(octets)
        except ParseError:
            continue
        assert held.to_bytes() == octets
    with pytest.raises(ParseError):
        CounterCache.from_bytes(octets[:0])


@pytest.mark.parametrize("counter", [-1, 1 << 64])
def test_counters_of_a_cache_have_64_bits(counter: int) -> None:
    with pytest.raises(BuildError):
        CounterCache.filled(counter)
    with pytest.raises(BuildError):
        CounterCache.filled().accept(counter)
    with pytest.raises(BuildError):
        CounterCache.filled(0, 0)
    with pytest.raises(BuildError):
        CounterCache(())


# Throttling


def test_wrong_entries_suspend_ever_longer() -> None:
    throttle, now, seen = EntryThrottle(), NOW, []
    for _ in range(12):
        for number in range(5):
            assert not throttle.is_suspended(now)
            assert throttle.wrong == number
            throttle = throttle.after_wrong(now)
        assert throttle.until is not None
        assert throttle.is_suspended(throttle.until.plus(us=-1))
        assert not throttle.is_suspended(throttle.until)
        seen.append(throttle.until.seconds - now.seconds)
        now = throttle.until
        throttle = EntryThrottle.from_bytes(throttle.to_bytes())
    assert seen == [600 * 2**n for n in range(8)] + [86_400] * 4


def test_throttling_may_be_left_out() -> None:
    throttle = EntryThrottle()
    for _ in range(100):
        throttle = throttle.after_wrong(NOW, UtrnSettings(wrong_entries=0))
    assert throttle == EntryThrottle()


def test_a_stored_throttle_of_any_size_is_harmless() -> None:
    throttle = EntryThrottle.from_bytes(b"\xff" * 8 + bytes(8))
    assert throttle.after_wrong(NOW).until == NOW.plus(86_400)


@pytest.mark.parametrize(
    "field", ["counters_ahead", "cache_size", "wrong_entries", "suspension", "longest_suspension"]
)
def test_settings_out_of_range(field: str) -> None:
    with pytest.raises(BuildError) as caught:
        UtrnSettings(**{field: -1})
    assert caught.value.path == field


# The order of a meter's checks


def enter(
    digits: str,
    state: TopUpState | None = None,
    limits: TopUpLimits = NO_LIMITS,
    now: Utc = NOW,
    *,
    number: int | None = None,
    settings: UtrnSettings = UtrnSettings(),  # noqa: B008 - frozen
    key: TopUpKey | None = KEY,
) -> Any:
    state = TopUpState.new(settings) if state is None else state
    counter = None if number is None else number << 32
    return enter_token(digits, key, state, limits, now, counter=counter, settings=settings)


@pytest.mark.parametrize("number", [None, 1])
def test_an_accepted_token(number: int | None) -> None:
    entry = enter(made(1), number=number)
    assert entry.accepted
    assert entry.token.millipence == 1_000_000
    assert entry.counter == 1 << 32
    assert entry.events == ((0x810E,) if number is None else ())
    assert entry.state.cache.highest == 1 << 32
    for again in (None, 1):
        second = enter(made(1), entry.state, number=again)
        assert second.refusal is Refusal.DUPLICATE
        assert second.events == (0x8F51,)
        assert second.state == entry.state


def test_local_entry_of_a_full_range_of_tokens() -> None:
    """A supplier may run 511 tokens ahead; tokens come in any order; 1024 wraps."""
    state = TopUpState.new()
    for number in (511, 100, 1000, 1022, 1500, 1024, 1023):
        entry = enter(made(number), state)
        assert entry.accepted, number
        assert entry.counter == number << 32
        state = entry.state
    for number in (1500 + 512, 1500 - 513):
        assert enter(made(number), state).refusal is Refusal.MAC
    assert enter(made(512)).refusal is Refusal.COUNTER
    assert enter(made(512), settings=UtrnSettings(counters_ahead=1024)).accepted


def test_the_header_counter_decides_on_the_remote_path() -> None:
    far = 0x5A5A_5A5A
    entry = enter(made(far), number=far)
    assert entry.accepted
    assert enter(made(far - 500), entry.state).accepted
    assert enter(made(far), number=far + 1024).refusal is Refusal.MAC
    assert enter(made(far), number=far + 1).refusal is Refusal.COUNTER


def test_the_remote_rule_can_be_left_out() -> None:
    """A token whose ten bits are not those of the counter its MAC was made with."""
    odd = replace(parsed(made(3)), truncated_counter=4).sealed(KEY, 3 << 32).digits
    refused = enter(odd, number=3)
    assert (refused.refusal, refused.events) == (Refusal.COUNTER, (0x8F63,))
    assert enter(odd, number=3, settings=UtrnSettings(remote_counter_check=False)).accepted


def test_a_token_of_another_supplier_or_meter_is_not_authentic() -> None:
    for supplier, meter in (
        (vectors.NEXT_SUPPLIER, vectors.ELECTRICITY),
        (vectors.SUPPLIER, vectors.GAS),
    ):
        other = TopUpKey.of(vectors.store(), supplier, meter)
        entry = enter(made(1, key=other), number=1)
        assert (entry.refusal, entry.events) == (Refusal.MAC, (0x8F63,))
        assert entry.state == TopUpState.new()
    assert enter(made(1), number=1, key=None).refusal is Refusal.MAC


def limited(**fields: Any) -> TopUpLimits:
    return replace(NO_LIMITS, **fields)


@pytest.mark.parametrize("number", [None, 1])
@pytest.mark.parametrize(
    ("limits", "refusal"),
    [
        (limited(maximum_credit=1_000_000), None),
        (limited(maximum_credit=999_999), Refusal.CREDIT),
        (limited(balance=500, maximum_balance=1_000_500), None),
        (limited(balance=501, maximum_balance=1_000_500), Refusal.BALANCE),
        (limited(balance=-1_000_000, maximum_balance=0), None),
        (limited(maximum_credit=0, maximum_balance=0), Refusal.CREDIT),
    ],
)
def test_limits(limits: TopUpLimits, refusal: Refusal | None, number: int | None) -> None:
    entry = enter(made(1), limits=limits, number=number)
    assert entry.refusal is refusal
    if refusal is None:
        return
    assert entry.events == ({Refusal.CREDIT: 0x8F5B, Refusal.BALANCE: 0x8F47}[refusal],)
    assert enter(made(1), entry.state, number=number).accepted
    consuming = UtrnSettings(limits_consume_counter=True)
    entry = enter(made(1), limits=limits, number=number, settings=consuming)
    assert enter(made(1), entry.state, number=number).refusal is Refusal.DUPLICATE


def test_local_entry_in_credit_mode() -> None:
    credit = limited(prepayment=False)
    entry = enter(made(1), limits=credit)
    assert (entry.refusal, entry.events, entry.state) == (Refusal.PAYMENT_MODE, (), TopUpState.new())
    assert enter(made(1), limits=credit, number=1).accepted
    assert enter(made(1), limits=credit, settings=UtrnSettings(local_needs_prepayment=False)).accepted


def spoilt(number: int = 1) -> str:
    """A token with a right check digit and a wrong MAC."""
    token = parsed(made(number))
    return replace(token, mac=bytes(octet ^ 0x55 for octet in token.mac)).digits


def test_five_wrong_tokens_suspend_local_entry_only() -> None:
    state = TopUpState.new()
    for number in range(1, 6):
        entry = enter(spoilt(number), state)
        assert entry.refusal is Refusal.MAC
        assert entry.events == ((0x8F63,) if number < 5 else (0x8F63, 0x81C4))
        state = entry.state
    locked = enter(made(1), state)
    assert (locked.refusal, locked.events, locked.state) == (Refusal.SUSPENDED, (0x81C5,), state)
    assert enter(made(1), state, now=NOW.plus(599)).refusal is Refusal.SUSPENDED
    assert enter(made(1), state, now=NOW.plus(600)).accepted
    remote = enter(made(2), state, number=2)
    assert remote.accepted
    assert remote.state.throttle == EntryThrottle()
    assert enter(made(1), remote.state).accepted


@pytest.mark.parametrize(
    ("digits", "counts"),
    [
        (spoilt(), True),
        (numbered(OFFSET - 1), True),
        (numbered(OFFSET + (1 << 57)), True),
        (numbered(OFFSET + (3 << 45)), True),
        (made(600), True),  # further ahead than can be told
        ("12345678901234567890", False),
        ("1", False),
        (made(7), False),  # a duplicate
    ],
)
def test_which_wrong_entries_count(digits: str, counts: bool) -> None:
    used = TopUpState(TopUpState.new().cache.accept(7 << 32)[1])
    entry = enter(digits, used)
    assert not entry.accepted
    assert entry.state.throttle.wrong == counts
    assert entry.state.cache == used.cache
    remote = enter(digits, used, number=7)
    assert not remote.accepted
    assert remote.state == used


def test_an_accepted_token_clears_the_count() -> None:
    state = TopUpState.new()
    for _ in range(4):
        state = enter(spoilt(), state).state
    assert state.throttle.wrong == 4
    state = enter(made(2), state).state
    assert state.throttle == EntryThrottle()


def test_the_first_failing_check_is_named() -> None:
    """Each fault alone, then together with all that come after it: the order of 18.4."""
    used = TopUpState(CounterCache.filled(5 << 32))
    tight = limited(maximum_credit=0, maximum_balance=0, prepayment=False)
    cases = [
        ("1", Refusal.FORM, used, tight),
        ("12345678901234567890", Refusal.CHECK_DIGIT, used, tight),
        (numbered(OFFSET + (1 << 57 | 3 << 45)), Refusal.LEAD_BITS, used, tight),
        (numbered(OFFSET + (3 << 45)), Refusal.VALUE_CLASS, used, tight),
        (spoilt(5), Refusal.MAC, used, tight),
        (made(5), Refusal.DUPLICATE, used, tight),
        (made(4), Refusal.TOO_OLD, used, tight),
        (made(6), Refusal.CREDIT, used, tight),
        (made(6), Refusal.BALANCE, used, replace(tight, maximum_credit=None)),
        (made(6), Refusal.PAYMENT_MODE, used, limited(prepayment=False)),
    ]
    for digits, refusal, state, limits in cases:
        assert enter(digits, state, limits).refusal is refusal


def test_codes_to_log_may_differ() -> None:
    settings = UtrnSettings(other_events=((Refusal.TOO_OLD, None), (Refusal.MAC, 0x8F64)))
    used = TopUpState(CounterCache.filled(5 << 32))
    assert enter(made(4), used, settings=settings).events == ()
    assert enter(made(4), used).events == (0x8F51,)
    assert enter(spoilt(), settings=settings).events == (0x8F64,)


@given(st.lists(st.tuples(st.integers(1, 12), st.booleans(), st.booleans()), max_size=40))
def test_no_token_is_credited_twice(tries: list[tuple[int, bool, bool]]) -> None:
    """Invariant, whatever the path, the order and the wrong tokens between."""
    settings = UtrnSettings(cache_size=3, wrong_entries=0)
    state, credited = TopUpState.new(settings), []
    for number, remote, wrong in tries:
        digits = spoilt(number) if wrong else made(number)
        entry = enter(digits, state, number=number if remote else None, settings=settings)
        assert not (wrong and entry.accepted)
        if entry.accepted:
            credited.append(number)
        else:
            assert entry.state.cache == state.cache
        state = entry.state
    assert len(credited) == len(set(credited))


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


def test_a_token_without_a_mac_is_refused(reference: Path) -> None:
    """The display's reference command carries digits whose check digit is right and whose MAC is zero."""
    store = FolderKeyStore(reference / "rtds" / "keystore")
    supplier = next(message.originator for message, _ in commands(reference, *TOP_UPS))
    handed_on = commands(reference, BY_DISPLAY)
    assert handed_on
    for message, digits in handed_on:
        assert parsed(digits).mac == bytes(4)
        key = TopUpKey.of(store, supplier, message.recipient)
        assert enter_token(digits, key, TopUpState.new(), NO_LIMITS, NOW).refusal is Refusal.MAC
