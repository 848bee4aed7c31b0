"""Prices as exact decimals, and the integers and powers of ten the wire has for them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from ..errors import BuildError

NamedPrice = tuple[str, Decimal]
_MOST_DIGITS = 300  # of a number that is looked at
USUAL_SCALE = -5  # millipence (dlms-payloads 7.4, gbz-payloads 8)


@dataclass(frozen=True, slots=True)
class Money:
    """How a fuel writes prices: the limits of the integer, its name, and the powers of ten in order."""

    name: str
    least: int
    most: int
    scales: tuple[int, ...]


# The usual power of ten comes first, then those that allow greater prices, then finer ones; the
# reference leaves the choice open (dlms-payloads 7.4: "int16 limits the value, hence the writable
# scale"), so the order is a choice of this project.
ELECTRICITY = Money("a 16-bit number", -0x8000, 0x7FFF, (*range(USUAL_SCALE, 4), *range(-6, -11, -1)))
GAS = Money("an unsigned 32-bit number", 0, 0xFFFF_FFFF, (*range(USUAL_SCALE, 1), *range(-6, -16, -1)))


def amount(units: int, scale: int) -> Decimal:
    """So many units of a power of ten, exactly."""
    digits = tuple(int(digit) for digit in str(abs(units)))
    return Decimal((int(units < 0), digits, scale))


def units(price: Decimal, scale: int) -> int | None:
    """How many units of a power of ten a price is, None where that is no integer."""
    sign, digits, exponent = price.as_tuple()
    if not isinstance(exponent, int) or len(digits) > _MOST_DIGITS:
        return None
    number: int = int("".join(map(str, digits)))
    shift = exponent - scale
    if number == 0:
        return 0
    if shift > _MOST_DIGITS or -shift > len(digits):
        return None
    if shift < 0:
        number, rest = divmod(number, 10**-shift)
        if rest:
            return None
    else:
        number *= int(10**shift)
    return -number if sign else number


def written(price: NamedPrice, scale: int, money: Money) -> int:
    """A price as the wire's integer. Raises BuildError that names the price."""
    path, value = price
    found = _fitting(value, scale, money)
    if found is None:
        raise BuildError(f"{price_text(value)} is not {money.name} of 10^{scale}", path)
    return found


def chosen_scale(prices: Sequence[NamedPrice], money: Money) -> int:
    """The first power of ten at which all prices fit. Raises BuildError that names the one that does not."""
    for path, value in prices:
        if not value.is_finite():
            raise BuildError("an amount is needed", path)
        if not any(_fitting(value, scale, money) is not None for scale in money.scales):
            raise BuildError(f"{price_text(value)} does not fit {money.name} at any power of ten", path)
    best: tuple[int, int, NamedPrice] | None = None
    for scale in money.scales:
        fit = [_fitting(value, scale, money) is not None for _, value in prices]
        if all(fit):
            return scale
        if best is None or sum(fit) > best[0]:
            best = sum(fit), scale, prices[fit.index(False)]
    assert best is not None
    _, scale, (path, value) = best
    raise BuildError(
        f"{price_text(value)} does not fit {money.name} of 10^{scale}, as the others need it", path
    )


def price_text(price: Decimal) -> str:
    """A price in plain digits, without zeros that say nothing."""
    if not price.is_finite() or abs(price.adjusted()) > _MOST_DIGITS:
        return str(price)
    text = f"{price:f}"
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return "0" if text in ("-0", "") else text


def _fitting(price: Decimal, scale: int, money: Money) -> int | None:
    found = units(price, scale) if price.is_finite() else None
    return found if found is not None and money.least <= found <= money.most else None
