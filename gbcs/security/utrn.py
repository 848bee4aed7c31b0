"""The prepayment top-up token, a UTRN: 20 digits, made by a supplier and checked by a meter.

Source: GBCS 14 (reference: gbcs-crypto 18.1 to 18.3). Nineteen digits are the PTUT, a
64-bit number, above an offset; the twentieth is a check digit. The PTUT holds ten bits of
the token's counter, an amount and four octets of a MAC. Its authority is the supplier's
prepayment key: a top-up command is not signed.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import Enum, IntEnum
from hmac import compare_digest
from typing import Final

from ..errors import BuildError, KeyUnavailable
from ..ids import CellUsage, Cra, EntityId, KeyUsage
from .keys import SharedSecrets, derive_key
from .mac import gmac
from .store import KeyStore

DIGITS: Final = 20
OFFSET: Final = 0x669D_529B_714A_0000  # keeps a token outside the STS token classes 0 to 3
MAX_VALUE: Final = 0x1FFF
MAC_OCTETS: Final = 4
COUNTER_BITS: Final = 10
_COUNTERS: Final = 1 << COUNTER_BITS
_HALF: Final = 32  # a token counter counts in its high half; the low half is zero
_AAD_START: Final = bytes.fromhex("110000000000")
_IV_TAIL: Final = bytes(4)

# gbcs-crypto 18.3. The check digit stands at K = 7, so its row I is not the textbook one.
_FIRST_K: Final = 4
_P: Final = tuple(
    tuple(map(int, row))
    for row in (
        "0123456789", "1576283094", "5803796142", "8916043527",
        "9453126870", "4286573901", "2793806415", "7046913258",
    )
)  # fmt: skip
_D: Final = tuple(
    tuple(map(int, row))
    for row in (
        "0123456789", "1234067895", "2340178956", "3401289567", "4012395678",
        "5987604321", "6598710432", "7659821043", "8765932104", "9876543210",
    )
)  # fmt: skip
_I: Final = "1267583094"


class ValueClass(IntEnum):
    """What the value of a token counts."""

    PENCE = 0
    POUNDS = 1

    @property
    def millipence(self) -> int:
        """One of it in 10^-5 currency units, as balances are counted."""
        return 1_000 if self is ValueClass.PENCE else 100_000


class Refusal(Enum):
    """Why a token is refused, with the event it is logged under (gbcs-crypto 18.4), None without one.

    The codes of `OFFSET` to `MAC`, and that of `TOO_OLD`, are this project's reading: the
    reference names five codes and leaves open which of them a case has.
    """

    FORM = "not 20 digits", None
    CHECK_DIGIT = "the check digit is wrong", None
    OFFSET = "the number is below those of top-up tokens", 0x8F64
    LEAD_BITS = "the lead and sub-class bits are not zero", 0x8F64
    VALUE_CLASS = "the value class is neither pence nor pounds", 0x8F64
    COUNTER = "the truncated counter fits no counter it could stand for", 0x8F63
    MAC = "the MAC is not the one of this supplier, meter and counter", 0x8F63
    DUPLICATE = "the token was accepted before", 0x8F51
    TOO_OLD = "the counter is not above the lowest one remembered", 0x8F51
    CREDIT = "the value exceeds the Maximum Credit Threshold", 0x8F5B
    BALANCE = "the balance would exceed the Maximum Meter Balance Threshold", 0x8F47
    PAYMENT_MODE = "local entry needs prepayment mode", None
    SUSPENDED = "local entry is suspended", 0x81C5

    def __init__(self, reason: str, event: int | None) -> None:
        self.reason = reason
        self.event = event


@dataclass(frozen=True, slots=True)
class TopUpKey:
    """Who makes tokens for whom, and the 32-octet secret of their keys.

    The secret is that of the supplier's prepayment key and the meter's key agreement key.
    """

    supplier: EntityId
    meter: EntityId
    secret: bytes = field(repr=False)

    @classmethod
    def of(cls, store: KeyStore, supplier: EntityId, meter: EntityId) -> TopUpKey:
        """From certificates and the private key of one side. Raises KeyUnavailable."""
        prepayment = store.find(supplier, KeyUsage.KEY_AGREEMENT, CellUsage.PREPAYMENT_TOP_UP)
        if prepayment is None:
            raise KeyUnavailable(f"no prepayment key agreement certificate of {supplier}")
        agreement = store.find(meter, KeyUsage.KEY_AGREEMENT)
        if agreement is None:
            raise KeyUnavailable(f"no key agreement certificate of {meter}")
        return cls(supplier, meter, SharedSecrets(store, 1).between(prepayment, agreement))


@dataclass(frozen=True, slots=True)
class Ptut:
    """A token taken apart: bits 41 to 32 of its counter, what it is worth, its MAC.

    Raises BuildError where a field is out of range, with the name of the field.
    """

    truncated_counter: int
    value_class: ValueClass
    value: int
    mac: bytes

    def __post_init__(self) -> None:
        _in_range(self.truncated_counter, _COUNTERS - 1, "truncated_counter")
        _in_range(self.value_class, max(ValueClass), "value_class")
        object.__setattr__(self, "value_class", ValueClass(self.value_class))
        _in_range(self.value, MAX_VALUE, "value")
        if len(self.mac) != MAC_OCTETS:
            raise BuildError(f"{MAC_OCTETS} octets needed, {len(self.mac)} given", "mac")

    @property
    def head(self) -> bytes:
        """The high word, which the MAC covers."""
        return (self.truncated_counter << 15 | self.value_class << 13 | self.value).to_bytes(4, "big")

    @property
    def octets(self) -> bytes:
        """The 64-bit number."""
        return self.head + self.mac

    @property
    def millipence(self) -> int:
        """The value in 10^-5 currency units."""
        return self.value * self.value_class.millipence

    @property
    def digits(self) -> str:
        """The token as it is sent and entered."""
        number = str(int.from_bytes(self.octets, "big") + OFFSET)
        return number + check_digit(number)

    def sealed(self, key: TopUpKey, counter: int) -> Ptut:
        """The same counter bits and value under the MAC of a key and a counter."""
        return replace(self, mac=token_mac(key, counter, self.head))

    def is_authentic(self, key: TopUpKey, counter: int) -> bool:
        """Whether the MAC is that of a key and a counter; constant time."""
        return compare_digest(token_mac(key, counter, self.head), self.mac)


def make_token(key: TopUpKey, counter: int, value_class: ValueClass, value: int) -> str:
    """The 20 digits of a token worth `value` pence or pounds.

    `counter` is the 64-bit token counter, low 32 bits zero; each new token for a meter
    needs a greater one. Raises BuildError with the name of the field out of range.
    """
    _in_range(counter, 0xFFFF_FFFF_FFFF_FFFF, "counter")
    if counter & 0xFFFF_FFFF:
        raise BuildError(f"the low 32 bits of {counter:016X} are not zero", "counter")
    return Ptut(truncated(counter), value_class, value, bytes(MAC_OCTETS)).sealed(key, counter).digits


def parse_token(digits: str | bytes) -> Ptut | Refusal:
    """The PTUT of 20 digits (bytes: ASCII), or why they are none. Raises nothing."""
    text = digits if isinstance(digits, str) else digits.decode("ascii", "replace")
    if len(text) != DIGITS or not (text.isascii() and text.isdigit()):
        return Refusal.FORM
    if check_digit(text[:-1]) != text[-1]:
        return Refusal.CHECK_DIGIT
    number = int(text[:-1]) - OFFSET
    if number < 0:
        return Refusal.OFFSET
    if number >> 57:
        return Refusal.LEAD_BITS
    value_class = number >> 45 & 3
    if value_class > max(ValueClass):
        return Refusal.VALUE_CLASS
    mac = (number & 0xFFFF_FFFF).to_bytes(MAC_OCTETS, "big")
    return Ptut(number >> 47, ValueClass(value_class), number >> 32 & MAX_VALUE, mac)


def check_digit(number: str) -> str:
    """The last digit of a token, from the 19 before it (gbcs-crypto 18.3, Verhoeff from the left).

    Every single wrong digit and every exchange of neighbours gives another one.
    """
    state = 0
    for k, digit in enumerate(number, _FIRST_K):
        state = _D[state][_P[k % 8][int(digit)]]
    return _I[state]


def token_mac(key: TopUpKey, counter: int, head: bytes) -> bytes:
    """The last 4 octets of the tag over a PTUT's high word (gbcs-crypto 18.1).

    The whole counter is covered, although ten bits of it travel.
    """
    flagged = bytes((Cra.COMMAND,)) + counter.to_bytes(8, "big")
    covered = b"".join((_AAD_START, key.supplier, key.meter, flagged, head))
    derived = derive_key(key.secret, key.supplier, Cra.COMMAND, counter, key.meter)
    return gmac(derived, key.supplier + _IV_TAIL, covered)[-MAC_OCTETS:]


def truncated(counter: int) -> int:
    """The bits of a counter that travel: 41 to 32."""
    return counter >> _HALF & (_COUNTERS - 1)


def reconstruct_counter(truncated_counter: int, highest: int, ahead: int = _COUNTERS // 2) -> int | None:
    """The counter of a token entered by hand, from its ten bits; None where there is none.

    The candidates differ by 1024 in the high half U of the counter; exactly one of them
    lies within U - (1024 - ahead) to U + ahead - 1, U being that of the highest counter
    known. It may be negative or too long, and then there is none.
    Expert reading: gbcs-crypto 18.2.
    """
    lowest = (highest >> _HALF) - (_COUNTERS - ahead)
    number = lowest + (truncated_counter - lowest) % _COUNTERS
    return number << _HALF if 0 <= number < 1 << _HALF else None


def _in_range(number: int, highest: int, path: str) -> None:
    if not 0 <= number <= highest:
        raise BuildError(f"{number} is not within 0 to {highest}", path)
