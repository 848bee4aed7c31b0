"""The edges of top-up tokens: events, settings, the last counter, what is told of a token that is refused."""

from __future__ import annotations

import pytest

from gbcs.errors import BuildError
from gbcs.events import event_name
from gbcs.security.utrn import (
    Ptut,
    Refusal,
    TopUpKey,
    ValueClass,
    make_token,
    parse_token,
    reconstruct_counter,
)
from gbcs.security.utrn_cache import CounterCache, Replacement, Standing
from gbcs.security.utrn_entry import (
    CREDIT_ADDED_LOCALLY,
    ENTRY_SUSPENDED,
    EntryThrottle,
    TopUpLimits,
    TopUpState,
    UtrnSettings,
    enter_token,
)
from gbcs.time import Utc
from tests.gbcs.trust import NOW
from tests.vectors import make


def test_the_events_of_refusals() -> None:
    """As read from gbcs-crypto 18.4; every code is in the event table."""
    assert {refusal.name: refusal.event for refusal in Refusal if refusal.event is not None} == {
        "OFFSET": 0x8F64,
        "LEAD_BITS": 0x8F64,
        "VALUE_CLASS": 0x8F64,
        "COUNTER": 0x8F63,
        "MAC": 0x8F63,
        "DUPLICATE": 0x8F51,
        "TOO_OLD": 0x8F51,
        "CREDIT": 0x8F5B,
        "BALANCE": 0x8F47,
        "SUSPENDED": 0x81C5,
    }
    assert all(event_name(refusal.event) for refusal in Refusal if refusal.event is not None)
    assert len({refusal.reason for refusal in Refusal}) == len(Refusal)


@pytest.mark.parametrize(
    ("throttle", "octets"),
    [
        (EntryThrottle(), "00000000 00000000 8000000000000000"),
        (EntryThrottle(3, 1, Utc(0)), "00000003 00000001 0000000000000000"),
        (EntryThrottle(0, 2, Utc(5)), "00000000 00000002 0000000000000005"),
    ],
)
def test_the_octets_of_a_throttle(throttle: EntryThrottle, octets: str) -> None:
    """Without an end the least number of 64 bits stands for it."""
    assert throttle.to_bytes() == bytes.fromhex(octets)
    assert EntryThrottle.from_bytes(bytes.fromhex(octets)) == throttle


def test_the_events_of_local_entry() -> None:
    assert (CREDIT_ADDED_LOCALLY, ENTRY_SUSPENDED) == (0x810E, 0x81C4)
    assert event_name(CREDIT_ADDED_LOCALLY)
    assert event_name(ENTRY_SUSPENDED)


SETTINGS = {
    "counters_ahead": (1, 1024),
    "cache_size": (1, 65_536),
    "wrong_entries": (0, 0xFFFF_FFFF),
    "suspension": (0, 0xFFFF_FFFF),
    "longest_suspension": (0, 0xFFFF_FFFF),
}


@pytest.mark.parametrize("name", SETTINGS)
def test_the_ends_of_a_setting(name: str) -> None:
    lowest, highest = SETTINGS[name]
    for value in (lowest, highest):
        assert getattr(UtrnSettings(**{name: value}), name) == value  # type: ignore[arg-type]
    for value in (lowest - 1, highest + 1):
        with pytest.raises(BuildError) as caught:
            UtrnSettings(**{name: value})  # type: ignore[arg-type]
        assert caught.value.path == name


def test_a_meter_at_manufacture() -> None:
    """No counter so far, nobody suspended, no money, no limits."""
    state = TopUpState.new()
    assert (state.cache.highest, state.throttle) == (0, EntryThrottle())
    assert len(TopUpState.new(UtrnSettings(cache_size=7)).cache.to_bytes()) == 8 * 7
    assert TopUpLimits() == TopUpLimits(0, None, None, True)


def test_suspensions_double_up_to_the_longest() -> None:
    """Also where one second doubles 32 times; the number of suspensions stops there."""
    settings = UtrnSettings(wrong_entries=1, suspension=1, longest_suspension=0xFFFF_FFFF)
    throttle, now = EntryThrottle(), NOW
    lengths = []
    for _ in range(35):
        throttle = throttle.after_wrong(now, settings)
        assert throttle.until is not None
        lengths.append((throttle.until.us - now.us) // 1_000_000)
    assert lengths == [min(1 << n, 0xFFFF_FFFF) for n in range(35)]
    assert throttle.suspensions == 32


def test_a_value_class_may_be_a_number() -> None:
    assert Ptut(0, ValueClass.PENCE.value, 5, bytes(4)).millipence == 5_000  # type: ignore[arg-type]
    assert Ptut(0, ValueClass.POUNDS.value, 5, bytes(4)).millipence == 500_000  # type: ignore[arg-type]


def test_the_last_counter_there_is() -> None:
    """64 bits and no more, in a cache and from ten bits of a token."""
    most = 2**64 - 1
    standing, cache = CounterCache.filled(0, 2).accept(most)
    assert (standing, cache.highest) == (Standing.NEW, most)
    with pytest.raises(BuildError) as caught:
        cache.accept(most + 1)
    assert caught.value.path == "counter"
    top = 0xFFFF_FFFF << 32
    assert reconstruct_counter(1023, top) == top
    assert reconstruct_counter(0, top) is None  # would be 2**32 in the high half


def test_an_empty_cache_is_refused_by_its_size() -> None:
    with pytest.raises(BuildError) as caught:
        CounterCache.filled(0, 0)
    assert caught.value.path == "size"
    assert CounterCache.filled(3, 1).entries == (3,)


def test_the_oldest_or_the_lowest_makes_room() -> None:
    cache = CounterCache((9, 5, 7))
    assert cache.accept(10, Replacement.OLDEST)[1].entries == (5, 7, 10)
    assert cache.accept(10, Replacement.LOWEST)[1].entries == (9, 7, 10)


TOKEN_KEY = TopUpKey(make.SUPPLIER, make.METER, bytes(range(32)))


@pytest.mark.parametrize("refusal", [Refusal.MAC, Refusal.DUPLICATE, Refusal.TOO_OLD, Refusal.PAYMENT_MODE,
                                     Refusal.CREDIT, Refusal.BALANCE, None])  # fmt: skip
def test_what_is_told_of_a_token_that_is_read(refusal: Refusal | None) -> None:
    """The token and its counter, whatever became of it."""
    counter = 5 << 32
    state = TopUpState.new(UtrnSettings(cache_size=1))
    if refusal in (Refusal.DUPLICATE, Refusal.TOO_OLD):
        held = counter if refusal is Refusal.DUPLICATE else 6 << 32
        state = TopUpState(CounterCache.filled(held, 1))
    limits = {
        Refusal.CREDIT: TopUpLimits(maximum_credit=499),
        Refusal.BALANCE: TopUpLimits(balance=1, maximum_balance=700_000),
        Refusal.PAYMENT_MODE: TopUpLimits(prepayment=False),
    }
    key = TopUpKey(make.SUPPLIER, make.METER, bytes(32)) if refusal is Refusal.MAC else TOKEN_KEY
    digits = make_token(TOKEN_KEY, counter, ValueClass.POUNDS, 7)
    given = limits.get(refusal, TopUpLimits()) if refusal is not None else TopUpLimits()
    entry = enter_token(digits, key, state, given, NOW)
    assert entry.refusal is refusal
    assert entry.token == parse_token(digits)
    assert entry.counter == counter
