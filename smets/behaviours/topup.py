"""Top-ups: tokens checked and credited, from the supplier, the keypad and a prepayment display.

Checks of a token, and what the meter remembers of tokens: `gbcs.security.utrn_entry`. Source: SMETS
5.6.3.3, CS01a, PECS01 (reference: smets-esme 11.7, gbcs-crypto 18.4). A share of payment debt that is
no whole millipence is rounded down. The recovered sums of the cap's period are kept apart from the log
of ten, which may hold fewer; beyond `KEPT` of them the two oldest are kept as one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from gbcs.errors import BuildError, ParseError
from gbcs.ids import CellUsage, KeyUsage, Role
from gbcs.security.utrn import TopUpKey
from gbcs.security.utrn_cache import CounterCache
from gbcs.security.utrn_entry import Entry, EntryThrottle, TopUpLimits, TopUpState, enter_token

from ..arrival import Arrival
from ..eventlog import occur
from ..events import Event, Metrology, ProfileEvent, TimerDue
from ..identity import Cell, CryptoCache, Identity
from ..profile import Behaviour, Refusal
from ..store import StoreError
from ..values import Value
from ..work import Work
from .charging import (
    ACCUMULATED_DEBT,
    BALANCE,
    EMERGENCY_BALANCE,
    INT32,
    PAYMENT_DEBT,
    PREPAYMENT_MODE,
    add,
    disablement_threshold,
    emergency_owed,
    payment_mode,
)
from .display_commands import TOP_UP, DisplayCommand, TopUpResult, answered
from .local_commands import told
from .payment import Payment
from .payment_settings import CapWindow

CACHE = "topup/cache"
THROTTLE = "topup/throttle"
RECOVERED = "topup/recovered"
KEPT = 64
PAYMENT_DEBT_COMPLETED = 0x81A9
CREDITS, DEBT_PAYMENTS = "BillingDataLog.PrepaymentCredits", "BillingDataLog.PaymentDebtPayments"
CURRENCY_UNIT = 100_000  # millipence
WHOLE = 10_000  # Debt Recovery per Payment of 100 %
WEEK, MONDAY = 604_800, 2 * 86_400  # 2000 began with a Saturday
PREPAYMENT_KEY = Cell(Role.SUPPLIER, KeyUsage.KEY_AGREEMENT, CellUsage.PREPAYMENT_TOP_UP)
ACTION = "add credit"


@dataclass(frozen=True, slots=True)
class TokenEntered(ProfileEvent):
    """Somebody entered the digits of a token on the meter."""

    digits: str


class TopUp(Behaviour):
    """Takes tokens, and spreads what they are worth."""

    name = "top-up"
    ignores = (Metrology, TimerDue)

    def __init__(self, payment: Payment) -> None:
        self._payment = payment
        self._settings = payment.settings
        self._made = CryptoCache(limit=4)  # of certificate and key, found by what they are

    def commands(self) -> Mapping[str, Callable[[Work, Value, Arrival], Value]]:
        """The token gateway."""
        return {"PrepaymentCredit.add": self._from_supplier}

    def handle(self, work: Work, event: Event) -> None:
        """A token from the keypad, or from a display."""
        if isinstance(event, TokenEntered):
            told(work, _reason(self._entered(work, event.digits)), ACTION, "smets-esme 11.7")
        elif isinstance(event, DisplayCommand) and event.code == TOP_UP:
            if not self._settings.display_tops_up:
                answered(work, event, "not from a display here")
                return
            entry = self._entered(work, event.digits)
            value = entry.token.millipence if entry.token is not None and entry.accepted else 0
            result = TopUpResult(entry.refusal, value, work.int_item(BALANCE))
            answered(work, event, _reason(entry), result)

    def _entered(self, work: Work, digits: str | bytes) -> Entry:
        """Check a token that was entered locally, and credit it."""
        entry = self._checked(work, digits, None)
        self._settle(work, entry)
        return entry

    def credit(self, work: Work, amount: int) -> None:
        """Spread an accepted credit over debt, emergency credit and balance (11.7)."""
        settings, time, left = self._settings, work.time.seconds, amount
        if payment_mode(work) == PREPAYMENT_MODE or settings.debt_of_credit_mode_payments:
            left -= self._recover_debt(work, left)
            accumulated = min(max(0, work.int_item(ACCUMULATED_DEBT)), left)
            add(work, ACCUMULATED_DEBT, -accumulated)
            left -= accumulated
            if settings.restores_balance_first:
                restored = min(max(0, disablement_threshold(work) - work.int_item(BALANCE)), left)
                add(work, BALANCE, restored)
                left -= restored
            repaid = min(emergency_owed(work), left)
            add(work, EMERGENCY_BALANCE, repaid)
            left -= repaid
        add(work, BALANCE, left)
        work.log(CREDITS, time, amount)
        self._payment.evaluate(work)

    def set_floor(self, work: Work, floor: int) -> None:
        """Only tokens with a greater counter are good from now on."""
        work.put(CACHE, _state(work, self._settings.utrn.cache_size).cache.with_floor(floor).to_bytes())

    def _from_supplier(self, work: Work, value: Value, arrival: Arrival) -> Value:
        digits = value if isinstance(value, bytes) else b""
        entry = self._checked(work, digits, arrival.message.counter)
        if entry.refusal is not None:  # what it leaves in cache and log is no part of what it would have done
            reason, code = entry.refusal.reason, self._settings.refused_result
            raise Refusal(code, reason, lambda work: self._settle(work, entry))
        self._settle(work, entry)
        return None

    def _settle(self, work: Work, entry: Entry) -> None:
        """Keep and tell what an entered token leaves behind, and credit an accepted one."""
        work.put(CACHE, entry.state.cache.to_bytes())
        work.put(THROTTLE, entry.state.throttle.to_bytes())
        for code in entry.events:
            occur(work, code)
        if entry.token is not None and entry.accepted:
            Identity(work, CryptoCache()).set_counter(
                Role.SUPPLIER, entry.state.cache.highest, specialist=True
            )
            self.credit(work, entry.token.millipence)

    def _checked(self, work: Work, digits: str | bytes, counter: int | None) -> Entry:
        settings = self._settings.utrn
        state = _state(work, settings.cache_size)
        limits = self._limits(work)
        return enter_token(
            digits, self._key(work), state, limits, work.time, counter=counter, settings=settings
        )

    def _key(self, work: Work) -> TopUpKey | None:
        """Who makes tokens for this meter, and the secret; None without the supplier's prepayment key."""
        identity = Identity(work, self._made)
        supplier = identity.cell(PREPAYMENT_KEY)
        if supplier is None:
            return None
        return TopUpKey(supplier.entity, identity.entity, identity.secret_with(supplier))

    def _limits(self, work: Work) -> TopUpLimits:
        credit, balance = work.int_item("MaximumCreditThreshold"), work.int_item("MaximumMeterBalance")
        unlimited = self._settings.no_limit_at_zero
        return TopUpLimits(
            work.int_item(BALANCE),
            None if unlimited and not credit else credit,
            INT32[1] if unlimited and not balance else balance,
            payment_mode(work) == PREPAYMENT_MODE,
        )

    def _recover_debt(self, work: Work, credit: int) -> int:
        debt = work.int_item(PAYMENT_DEBT)
        share = min(credit * work.int_item("DebtRecoveryPerPayment") // WHOLE, debt)
        if share <= 0:
            return 0
        time = work.time.seconds
        recovered = self._recovered(work, time)
        cap = work.int_item("DebtRecoveryRateCap.Amount") * CURRENCY_UNIT
        if cap or not self._settings.no_cap_at_zero:
            share = min(share, max(0, cap - sum(amount for _, amount in recovered)))
        if share <= 0:
            return 0
        recovered = (*recovered, (time, share))
        if len(recovered) > KEPT:
            (_, first), (second_time, second), *others = recovered
            recovered = ((second_time, first + second), *others)
        work.set_value(RECOVERED, recovered)
        work.set_item(PAYMENT_DEBT, debt - share)
        work.log(DEBT_PAYMENTS, time, share)
        if share == debt:
            occur(work, PAYMENT_DEBT_COMPLETED)
        return share

    def _recovered(self, work: Work, time: int) -> tuple[tuple[int, int], ...]:
        """When what was recovered, in the period of the cap that ends or runs now."""
        if self._settings.cap_window is CapWindow.WEEK:
            begin = (time - MONDAY) // WEEK * WEEK + MONDAY - 1
        else:
            begin = time - work.int_item("DebtRecoveryRateCap.Period")
        held = work.value(RECOVERED, ())
        found = []
        for pair in held if isinstance(held, tuple) else ():
            match pair:
                case (int(at), int(amount)):
                    found += [(at, amount)] if at > begin else []
                case _:
                    raise StoreError("the store holds no sums recovered here")
        return tuple(found)


def _reason(entry: Entry) -> str:
    return "" if entry.refusal is None else entry.refusal.reason


def _state(work: Work, size: int) -> TopUpState:
    cache, throttle = work.get(CACHE), work.get(THROTTLE)
    try:
        return TopUpState(
            CounterCache.filled(0, size) if cache is None else CounterCache.from_bytes(cache),
            EntryThrottle() if throttle is None else EntryThrottle.from_bytes(throttle),
        )
    except (BuildError, ParseError) as error:
        raise StoreError(f"the store holds no token counters here: {error}") from None
