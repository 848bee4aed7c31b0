"""Binary curves in the plainest way, without the project's code: a second opinion.

Shift-and-xor products, affine coordinates, double and add; slow.
"""

from typing import NamedTuple

Pair = tuple[int, int] | None


class Plain(NamedTuple):
    """y^2 + xy = x^3 + a*x^2 + 1 modulo a polynomial."""

    modulus: int
    a: int
    n: int
    base: tuple[int, int]

    @property
    def degree(self) -> int:
        return self.modulus.bit_length() - 1

    def times(self, a: int, b: int) -> int:
        result = 0
        while b:
            if b & 1:
                result ^= a
            a <<= 1
            if a >> self.degree:
                a ^= self.modulus
            b >>= 1
        return result

    def over(self, a: int, b: int) -> int:
        """a / b: 1/b by dividing polynomials until the remainder is 1."""
        first, second, one, two = self.modulus, b, 0, 1
        while second != 1:
            quotient = 0
            while first.bit_length() >= second.bit_length():
                shift = first.bit_length() - second.bit_length()
                first ^= second << shift
                quotient |= 1 << shift
            product, factor = 0, two
            while quotient:
                if quotient & 1:
                    product ^= factor
                factor <<= 1
                quotient >>= 1
            first, second, one, two = second, first, two, one ^ product
        inverse = two
        while inverse.bit_length() > self.degree:
            inverse ^= self.modulus << (inverse.bit_length() - self.degree - 1)
        return self.times(a, inverse)

    def add(self, p: Pair, q: Pair) -> Pair:
        if p is None or q is None:
            return p or q
        (x1, y1), (x2, y2) = p, q
        if x1 == x2 and y1 != y2:
            return None
        if p == q:
            if not x1:
                return None
            slope = x1 ^ self.over(y1, x1)
            x3 = self.times(slope, slope) ^ slope ^ self.a
        else:
            slope = self.over(y1 ^ y2, x1 ^ x2)
            x3 = self.times(slope, slope) ^ slope ^ x1 ^ x2 ^ self.a
        return x3, self.times(slope, x1 ^ x3) ^ x3 ^ y1

    def multiple(self, k: int, p: Pair) -> Pair:
        result: Pair = None
        for bit in format(k, "b"):
            result = self.add(result, result)
            if bit == "1":
                result = self.add(result, p)
        return result

    def compressed(self, p: tuple[int, int]) -> bytes:
        x, y = p
        return bytes((2 | self.over(y, x) & 1,)) + x.to_bytes(-(-self.degree // 8), "big")


K163 = Plain(
    1 << 163 | 0b11001001,
    1,
    0x4000000000000000000020108A2E0CC0D99F8A5EF,
    (0x2FE13C0537BBC11ACAA07D793DE4E6D5E5C94EEE8, 0x289070FB05D38FF58321F2E800536D538CCDAA3D9),
)
K283 = Plain(
    1 << 283 | 0b1000010100001,
    0,
    0x1FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFE9AE2ED07577265DFF7F94451E061E163C61,
    (
        0x503213F78CA44883F1A3B8162F188E553CD265F23C1567A16876913B0C2AC2458492836,
        0x1CCDA380F1C9E318D90F95D07E5426FE87E45C0E8184698E45962364E34116177DD2259,
    ),
)
