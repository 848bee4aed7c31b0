"""Scalars of Koblitz curves as sums of powers of tau, the map that squares both coordinates.

tau is an element of norm 2 with tau^2 = mu*tau - 2; mu is 1 for a = 1 and -1 for a = 0.
Elements of Z[tau] are pairs (r0, r1) for r0 + r1*tau. On points of order n, tau^m - 1 is
zero but tau - 1 is not, so that a scalar may be reduced by delta = (tau^m - 1) / (tau - 1),
whose norm is n: the expansion has m digits about, and doublings become squarings. Source:
SEC 2; Solinas, Efficient Arithmetic on Koblitz Curves (reference: se-security 3, 11).
"""

from __future__ import annotations

from typing import Final, NamedTuple


class Tau(NamedTuple):
    """r0 + r1 * tau."""

    r0: int
    r1: int


class TauAdic:
    """Expansions of scalars for the Koblitz curve with coefficient a over GF(2^m).

    `width`: non-zero digits stand for odd u with |u| < 2^(width-1) and at least `width`
    apart; digit u is the smallest element congruent to u modulo tau^width (`digits`).
    """

    __slots__ = ("_delta", "_mu", "_size", "_slope", "digits", "width")

    def __init__(self, a: int, m: int, width: int) -> None:
        self.width: Final = width
        self._mu = 1 if a else -1
        power = modulus = Tau(1, 0)
        total = Tau(0, 0)
        for n in range(m):
            if n == width:
                modulus = power
            total = Tau(total.r0 + power.r0, total.r1 + power.r1)
            power = self._times(power, Tau(0, 1))
        self._delta = total  # 1 + tau + ... + tau^(m-1)
        # tau^width = r0 + r1*tau with r1 odd, so modulo tau^width tau is the integer -r0 / r1
        size = 1 << width
        self._slope = -modulus.r0 * pow(modulus.r1, -1, size) % size
        self._size = size
        self.digits: Final = {u: self._remainder(Tau(u, 0), modulus) for u in range(1, size // 2, 2)}

    def reduced(self, k: int) -> Tau:
        """A small element that does to points of order n what the integer k does."""
        return self._remainder(Tau(k, 0), self._delta)

    def expansion(self, element: Tau) -> list[int]:
        """The digits of an element, lowest power first: 0 or an odd number, negative for minus."""
        r0, r1 = element
        mu, size, slope, digits = self._mu, self._size, self._slope, self.digits
        found = []
        while r0 or r1:
            u = 0
            if r0 & 1:
                u = (r0 + r1 * slope) % size
                if u >= size >> 1:
                    u -= size
                if u > 0:
                    part = digits[u]
                    r0, r1 = r0 - part.r0, r1 - part.r1
                else:
                    part = digits[-u]
                    r0, r1 = r0 + part.r0, r1 + part.r1
            found.append(u)
            half = r0 >> 1  # by tau: r0 is even now
            r0, r1 = r1 + mu * half, -half
        return found

    def _times(self, a: Tau, b: Tau) -> Tau:
        high = a.r1 * b.r1
        return Tau(a.r0 * b.r0 - 2 * high, a.r0 * b.r1 + a.r1 * b.r0 + self._mu * high)

    def _remainder(self, a: Tau, b: Tau) -> Tau:
        """a - q*b with q the quotient of a and b, each part rounded to the nearest integer."""
        norm = b.r0 * b.r0 + self._mu * b.r0 * b.r1 + 2 * b.r1 * b.r1
        product = self._times(a, Tau(b.r0 + self._mu * b.r1, -b.r1))
        quotient = Tau(*((2 * part + norm) // (2 * norm) for part in product))
        back = self._times(quotient, b)
        return Tau(a.r0 - back.r0, a.r1 - back.r1)
