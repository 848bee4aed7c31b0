"""The counter cache, throttled local entry, and the order of a meter's checks of a token."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from gbcs.errors import BuildError, ParseError
from gbcs.security.utrn import (
    OFFSET,
    Ptut,
    Refusal,
    TopUpKey,
    ValueClass,
    check_digit,
    make_token,
    parse_token,
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
from tests.vectors import utrn_tokens as vectors

KEY = TopUpKey.of(vectors.store(), vectors.SUPPLIER, vectors.ELECTRICITY)
NOW = Utc.of(2025, 6, 1)
NO_LIMITS = TopUpLimits()


def made(number: int, key: TopUpKey = KEY) -> str:
    """A token of ten pounds with the counter whose high half is `number`."""
    return make_token(key, number << 32, ValueClass.POUNDS, 10)


def parsed(digits: str) -> Ptut:
    token = parse_token(digits)
    assert isinstance(token, Ptut)
    return token


def numbered(number: int) -> str:
    """The 20 digits with a right check digit over a number of 19."""
    text = f"{number:019}"
    return text + check_digit(text)


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
