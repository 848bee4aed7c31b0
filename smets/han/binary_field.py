"""Arithmetic in GF(2^m), polynomial basis, on Python integers.

Bit i of an element is the coefficient of x^i; addition is `^`. As octets an element is
big-endian and padded to the full length. Source: SEC 1 2.1.2, 2.3.5 (reference:
se-security 3, 11).

Python integers are neither constant in time nor can they be wiped. This is for test
benches with test certificates: keep production private keys out of it.
"""

from __future__ import annotations

from typing import Final

from gbcs.errors import BuildError, ParseError

Multiples = tuple[int, ...]
"""The 256 products of an element with the polynomials of degree below 8, not reduced."""


class BinaryField:
    """GF(2^m) modulo x^m + x^i + x^j + x^k + 1, with i, j, k well below m/2 and m odd.

    Operands are reduced elements; results are.
    """

    __slots__ = ("_i", "_j", "_k", "_mask", "_modulus", "degree", "size")

    def __init__(self, degree: int, middle: tuple[int, int, int]) -> None:
        """Raises BuildError for a polynomial the reduction is not made for."""
        if degree % 2 == 0 or min(middle) <= 0 or max(middle) * 2 >= degree:
            raise BuildError("an odd degree and three low exponents are needed")
        self.degree: Final = degree
        self.size: Final = -(-degree // 8)
        self._i, self._j, self._k = middle
        self._mask = (1 << degree) - 1
        self._modulus = 1 << degree | 1 << middle[0] | 1 << middle[1] | 1 << middle[2] | 1

    def reduce(self, c: int) -> int:
        """A product of two elements, modulo the polynomial."""
        m, mask, i, j, k = self.degree, self._mask, self._i, self._j, self._k
        h = c >> m
        c = c & mask ^ h ^ h << i ^ h << j ^ h << k
        h = c >> m
        return c & mask ^ h ^ h << i ^ h << j ^ h << k

    def multiply(self, a: int, b: int) -> int:
        """a * b: sixteen multiples of a, picked by the hex digits of b."""
        a2, a4, a8 = a << 1, a << 2, a << 3
        a3, a5, a6, ac = a2 ^ a, a4 ^ a, a4 ^ a2, a8 ^ a4
        a7 = a6 ^ a
        low = (0, a, a2, a3, a4, a5, a6, a7, a8, a8 ^ a, a8 ^ a2, a8 ^ a3, ac, ac ^ a, ac ^ a2, ac ^ a3)
        high = [multiple << 4 for multiple in low]
        r = 0
        for octet in b.to_bytes(self.size, "big"):
            r = r << 8 ^ high[octet >> 4] ^ low[octet & 15]
        return self.reduce(r)

    def multiples(self, a: int) -> Multiples:
        """What `multiply_by` takes: worth its while if an element is multiplied some six times."""
        table = [0, a]
        for n in range(1, 128):
            twice = table[n] << 1
            table += (twice, twice ^ a)
        return tuple(table)

    def multiply_by(self, multiples: Multiples, b: int) -> int:
        """a * b from the multiples of a, picked by the octets of b."""
        r = 0
        for octet in b.to_bytes(self.size, "big"):
            r = r << 8 ^ multiples[octet]
        return self.reduce(r)

    def square(self, a: int) -> int:
        """a * a: squaring puts a zero between the bits, as binary digits read in base 4 do."""
        return self.reduce(int(format(a, "b"), 4))

    def inverse(self, a: int) -> int:
        """1 / a, by the extended Euclidean algorithm. Raises BuildError for zero."""
        if not a:
            raise BuildError("zero has no inverse")
        u, v, g, h = a, self._modulus, 1, 0
        while u != 1:
            shift = u.bit_length() - v.bit_length()
            if shift < 0:
                u, v, g, h, shift = v, u, h, g, -shift
            u ^= v << shift
            g ^= h << shift
        return self.reduce(g)

    def divide(self, a: int, b: int) -> int:
        """a / b. Raises BuildError for a division by zero."""
        return self.multiply(a, self.inverse(b))

    def solve(self, c: int) -> int | None:
        """An even z (lowest bit 0) with z^2 + z = c, None where there is none; the other is z + 1.

        There is one exactly if the trace of c is 0, and m is odd, so the half-trace gives it.
        """
        square = self.square
        z = c
        for _ in range((self.degree - 1) // 2):
            z = square(square(z)) ^ c
        return z & ~1 if square(z) ^ z == c else None

    def octets(self, a: int) -> bytes:
        """An element as octets."""
        return a.to_bytes(self.size, "big")

    def element(self, octets: bytes) -> int:
        """An element from octets. Raises ParseError for another length or too high a degree."""
        a = int.from_bytes(octets, "big")
        if len(octets) != self.size or a > self._mask:
            raise ParseError(f"no element of GF(2^{self.degree})", 0, "field element")
        return a
