"""A meter's checks of a top-up token, in their order, and what they leave behind (gbcs-crypto 18.4).

Pure: state, limits and time go in, the outcome and the new state come out. Where the
reference is silent or unsure the choice is a field of `UtrnSettings`.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, replace
from typing import Final, NamedTuple

from ..errors import BuildError, ParseError
from ..time import Utc
from .utrn import Ptut, Refusal, TopUpKey, parse_token, reconstruct_counter, truncated
from .utrn_cache import SIZE, CounterCache, Replacement, Standing

CREDIT_ADDED_LOCALLY: Final = 0x810E
ENTRY_SUSPENDED: Final = 0x81C4

_WRONG: Final = frozenset(
    {Refusal.OFFSET, Refusal.LEAD_BITS, Refusal.VALUE_CLASS, Refusal.COUNTER, Refusal.MAC}
)
_NOT_NEW: Final = {Standing.DUPLICATE: Refusal.DUPLICATE, Standing.TOO_OLD: Refusal.TOO_OLD}
_STATE: Final = struct.Struct(">IIq")
_NO_TIME: Final = -(1 << 63)
_MOST_SUSPENSIONS: Final = 32  # the longest suspension is reached long before


@dataclass(frozen=True, slots=True)
class UtrnSettings:
    """Readings of what the reference leaves open on top-up tokens (gbcs-crypto 18.2, 18.4 and 24).

    `counters_ahead`: how far a token entered by hand may run ahead, and 1024 less this
    how far behind (18.2, expert). `remote_counter_check`: the bits in the token must be
    those of the header's counter (18.2). `cache_size` (sourced) and `replacement`
    (18.4, 5, expert). `limits_consume_counter`: a token above a limit is used up
    (18.4, 6). `local_needs_prepayment`: no local entry in credit mode (18.4, 7).
    `wrong_entries`: how many in a row suspend local entry, 0 for never; after a
    suspension they are counted anew. `suspension` and `longest_suspension`: seconds,
    doubling from one to the other. `wrong`: the refusals that count (18.4, design choice).
    `other_events`: codes to log instead of those of `Refusal` (18.4, its last paragraph).
    """

    counters_ahead: int = 512
    remote_counter_check: bool = True
    cache_size: int = SIZE
    replacement: Replacement = Replacement.LOWEST
    limits_consume_counter: bool = False
    local_needs_prepayment: bool = True
    wrong_entries: int = 5
    suspension: int = 600
    longest_suspension: int = 86_400
    wrong: frozenset[Refusal] = _WRONG
    other_events: tuple[tuple[Refusal, int | None], ...] = ()

    def __post_init__(self) -> None:
        for name, lowest, highest in (
            ("counters_ahead", 1, 1024),
            ("cache_size", 1, 65_536),
            ("wrong_entries", 0, 0xFFFF_FFFF),
            ("suspension", 0, 0xFFFF_FFFF),
            ("longest_suspension", 0, 0xFFFF_FFFF),
        ):
            if not lowest <= getattr(self, name) <= highest:
                raise BuildError(f"{getattr(self, name)} is not within {lowest} to {highest}", name)

    def events(self, refusal: Refusal) -> tuple[int, ...]:
        """The codes a refusal is logged under, one or none."""
        event = dict(self.other_events).get(refusal, refusal.event)
        return () if event is None else (event,)


DEFAULT: Final = UtrnSettings()


@dataclass(frozen=True, slots=True)
class EntryThrottle:
    """Wrong local entries in a row, suspensions since the last accepted token, the end of the last one."""

    wrong: int = 0
    suspensions: int = 0
    until: Utc | None = None

    @classmethod
    def from_bytes(cls, octets: bytes) -> EntryThrottle:
        """From what `to_bytes` gave. Raises ParseError."""
        if len(octets) != _STATE.size:
            raise ParseError(f"{_STATE.size} octets needed, {len(octets)} given", 0, "entry throttle")
        wrong, suspensions, until = _STATE.unpack(octets)
        return cls(wrong, suspensions, None if until == _NO_TIME else Utc(until))

    def to_bytes(self) -> bytes:
        """16 octets: two numbers of 32 bits, the end in microseconds since 2000 or the least number."""
        return _STATE.pack(self.wrong, self.suspensions, _NO_TIME if self.until is None else self.until.us)

    def is_suspended(self, now: Utc) -> bool:
        """Whether local entry is suspended at a moment."""
        return self.until is not None and now < self.until

    def after_wrong(self, now: Utc, settings: UtrnSettings = DEFAULT) -> EntryThrottle:
        """After one more wrong entry; `is_suspended` tells whether it was one too many."""
        wrong = self.wrong + 1
        if not settings.wrong_entries:
            return self
        if wrong < settings.wrong_entries:
            return replace(self, wrong=wrong)
        doubled = settings.suspension << min(self.suspensions, _MOST_SUSPENSIONS)
        seconds = min(doubled, settings.longest_suspension)
        return EntryThrottle(0, min(self.suspensions + 1, _MOST_SUSPENSIONS), now.plus(seconds))


@dataclass(frozen=True, slots=True)
class TopUpState:
    """What a meter remembers of tokens."""

    cache: CounterCache
    throttle: EntryThrottle = EntryThrottle()

    @classmethod
    def new(cls, settings: UtrnSettings = DEFAULT) -> TopUpState:
        """The state at manufacture."""
        return cls(CounterCache.filled(0, settings.cache_size))


@dataclass(frozen=True, slots=True)
class TopUpLimits:
    """What bears on a token besides itself; amounts in 10^-5 currency units, None for no limit."""

    balance: int = 0
    maximum_credit: int | None = None
    maximum_balance: int | None = None
    prepayment: bool = True


class Entry(NamedTuple):
    """What became of a token; `refusal` is None for an accepted one.

    `token` and `counter` are there as far as the checks came, `events` the codes to log
    or to send, in order.
    """

    refusal: Refusal | None
    state: TopUpState
    token: Ptut | None = None
    counter: int | None = None
    events: tuple[int, ...] = ()

    @property
    def accepted(self) -> bool:
        """Whether the value is to be credited."""
        return self.refusal is None


def enter_token(
    digits: str | bytes,
    key: TopUpKey | None,
    state: TopUpState,
    limits: TopUpLimits,
    now: Utc,
    *,
    counter: int | None = None,
    settings: UtrnSettings = DEFAULT,
) -> Entry:
    """Check a token in the order of gbcs-crypto 18.4.

    `counter` is that of the header of CS01a or CS01b; without one the token was entered
    locally (keypad, or a display over the home network). `key` is None where the meter
    holds no prepayment certificate: then no token is authentic. Raises nothing, whatever
    the digits.
    """
    local = counter is None
    if local and state.throttle.is_suspended(now):
        return Entry(Refusal.SUSPENDED, state, events=settings.events(Refusal.SUSPENDED))
    checked = _check(digits, key, state.cache, limits, counter, settings)
    cache, throttle = state.cache, state.throttle
    uses_up = checked.refusal in (Refusal.CREDIT, Refusal.BALANCE) and settings.limits_consume_counter
    if checked.counter is not None and (checked.refusal is None or uses_up):
        _, cache = cache.accept(checked.counter, settings.replacement)
    if checked.refusal is None:
        throttle = EntryThrottle()
        events: tuple[int, ...] = (CREDIT_ADDED_LOCALLY,) if local else ()
    else:
        events = settings.events(checked.refusal)
        if local and checked.refusal in settings.wrong:
            throttle = throttle.after_wrong(now, settings)
            if throttle.is_suspended(now):
                events += (ENTRY_SUSPENDED,)
    return Entry(checked.refusal, TopUpState(cache, throttle), checked.token, checked.counter, events)


class _Checked(NamedTuple):
    refusal: Refusal | None
    token: Ptut | None = None
    counter: int | None = None


def _check(
    digits: str | bytes,
    key: TopUpKey | None,
    cache: CounterCache,
    limits: TopUpLimits,
    header: int | None,
    settings: UtrnSettings,
) -> _Checked:
    """The checks of one token in their order, changing nothing."""
    token = parse_token(digits)
    if isinstance(token, Refusal):
        return _Checked(token)
    counter = _counter(token, cache, header, settings)
    if counter is None:
        return _Checked(Refusal.COUNTER, token)
    if key is None or not token.is_authentic(key, counter):
        return _Checked(Refusal.MAC, token, counter)
    standing = cache.standing(counter)
    if standing is not Standing.NEW:
        return _Checked(_NOT_NEW[standing], token, counter)
    if limits.maximum_credit is not None and token.millipence > limits.maximum_credit:
        return _Checked(Refusal.CREDIT, token, counter)
    if limits.maximum_balance is not None and limits.balance + token.millipence > limits.maximum_balance:
        return _Checked(Refusal.BALANCE, token, counter)
    if header is None and settings.local_needs_prepayment and not limits.prepayment:
        return _Checked(Refusal.PAYMENT_MODE, token, counter)
    return _Checked(None, token, counter)


def _counter(token: Ptut, cache: CounterCache, header: int | None, settings: UtrnSettings) -> int | None:
    """The counter a token was made with, None where its ten bits say otherwise."""
    if header is None:
        return reconstruct_counter(token.truncated_counter, cache.highest, settings.counters_ahead)
    if settings.remote_counter_check and truncated(header) != token.truncated_counter:
        return None
    return header
