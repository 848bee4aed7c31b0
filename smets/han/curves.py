"""The two Koblitz curves of key establishment, sect163k1 and sect283k1.

y^2 + xy = x^3 + a*x^2 + 1 over GF(2^m); a point is a pair of elements, `None` the point at
infinity. Points that arrive come in through `Curve.public_point`, which validates them in
full; `multiply` relies on that. Scalar products are tau-adic in Lopez-Dahab coordinates.
Source: SEC 1 2.2.2, 2.3.3, 2.3.4, 3.2.2; SEC 2 (reference: se-security 3).

Not constant in time, and nothing can be wiped: see `binary_field`.
"""

from __future__ import annotations

from functools import cache
from typing import Final, NamedTuple

from gbcs.errors import ParseError

from .binary_field import BinaryField, Multiples
from .tau_adic import TauAdic

WIDTH = 4  # of the expansions: four multiples of a point each way, every fifth digit not zero


class Point(NamedTuple):
    """A point other than infinity."""

    x: int
    y: int


class _Prepared(NamedTuple):
    """What the mixed addition needs of a fixed point: x, y and x + y, ready to multiply."""

    point: Point
    x: Multiples
    y: Multiples
    sum: Multiples


class Curve:
    """A Koblitz curve (b = 1) with a base point of prime order n and cofactor h, 2 or 4."""

    __slots__ = (
        "_base",
        "_signs",
        "_tau",
        "a",
        "compressed_size",
        "field",
        "generator",
        "h",
        "n",
        "name",
    )

    def __init__(self, name: str, field: BinaryField, a: int, h: int, n: int, generator: Point) -> None:
        self.name: Final = name
        self.field: Final = field
        self.a: Final = a
        self.h: Final = h
        self.n: Final = n
        self.generator: Final = generator
        self.compressed_size: Final = field.size + 1
        self._tau = TauAdic(a, field.degree, WIDTH)
        plain = TauAdic(a, field.degree, 2)
        self._signs = {u: plain.expansion(element) for u, element in self._tau.digits.items()}
        self._base: dict[int, _Prepared] = {}

    def __repr__(self) -> str:
        return f"Curve({self.name})"

    # Points as octets

    def compress(self, point: Point) -> bytes:
        """02 or 03 by the lowest bit of y/x, then x. Raises BuildError where x is 0."""
        return bytes((2 | self.field.divide(point.y, point.x) & 1,)) + self.field.octets(point.x)

    def public_point(self, octets: bytes) -> Point:
        """A point that arrived, compressed, fully validated. Raises ParseError.

        Refuses another length or form, coordinates out of range, x without a point, and
        points that are not of order n.
        """
        field = self.field
        if len(octets) != self.compressed_size or octets[0] not in (2, 3):
            raise ParseError(f"no compressed point of {self.name}", 0, "point")
        x = field.element(octets[1:])
        if not x:
            raise ParseError("a point of order 2", 1, "point")
        z = field.solve(x ^ self.a ^ field.square(field.inverse(x)))
        if z is None:
            raise ParseError(f"no point of {self.name} has this x", 1, "point")
        point = Point(x, field.multiply(x, z | octets[0] & 1))
        if not self.is_valid(point):
            raise ParseError(f"a point outside the group of order n of {self.name}", 0, "point")
        return point

    def contains(self, point: Point) -> bool:
        """Whether the coordinates are in range and on the curve."""
        field = self.field
        x, y = point
        if not 0 <= x < 1 << field.degree or not 0 <= y < 1 << field.degree:
            return False
        square = field.square(x)
        return field.square(y) ^ field.multiply(x, y) == field.multiply(square, x ^ self.a) ^ 1

    def is_valid(self, point: Point) -> bool:
        """Full public key validation: on the curve, and of order n.

        The curve's group is cyclic of order h*n, n odd, so that a point is of order n exactly
        if it can be halved once (h = 2) or twice (h = 4). Half of (x, y) is (u, v) with
        l^2 + l = x + a and u^2 = y + (l + 1)*x, and (x, y) has one if x and a have the same
        trace. The trace of u is that of u^2; with h = 4 either l will do, since then the point
        of order 2 has a half itself. So this takes two quadratic equations instead of n*Q.
        """
        if not self.contains(point):
            return False
        field = self.field
        l = field.solve(point.x ^ self.a)  # noqa: E741
        if l is None or self.h == 2:
            return l is not None and point.x != 0
        return field.solve(point.y ^ field.multiply(l ^ 1, point.x) ^ self.a) is not None

    # The group

    def negate(self, point: Point | None) -> Point | None:
        """-P."""
        return point and Point(point.x, point.x ^ point.y)

    def add(self, p: Point | None, q: Point | None) -> Point | None:
        """P + Q, any two points of the curve."""
        if p is None or q is None:
            return p or q
        if p.x == q.x:
            return self.double(p) if p.y == q.y else None
        field = self.field
        slope = field.divide(p.y ^ q.y, p.x ^ q.x)
        x = field.square(slope) ^ slope ^ p.x ^ q.x ^ self.a
        return Point(x, field.multiply(slope, p.x ^ x) ^ x ^ p.y)

    def double(self, p: Point | None) -> Point | None:
        """2P, any point of the curve."""
        if p is None or p.x == 0:
            return None
        field = self.field
        slope = p.x ^ field.divide(p.y, p.x)
        x = field.square(slope) ^ slope ^ self.a
        return Point(x, field.square(p.x) ^ field.multiply(slope ^ 1, x))

    def times_cofactor(self, p: Point | None) -> Point | None:
        """h*P by doublings, any point of the curve."""
        for _ in range(self.h.bit_length() - 1):
            p = self.double(p)
        return p

    def multiply(self, k: int, point: Point) -> Point | None:
        """k*P for a point of order n; `k` may be any integer."""
        if point == self.generator:
            prepared = self._base = self._base or self._prepare(point)
        else:
            prepared = self._prepare(point)
        digits = self._tau.expansion(self._tau.reduced(k % self.n))
        field = self.field
        square, multiply, by, a = field.square, field.multiply, field.multiply_by, self.a
        # x = X/Z, y = Y/Z^2; Z = 0 is infinity
        x, y, z = 1, 0, 0
        for digit in reversed(digits):
            if z:
                x, y, z = square(x), square(y), square(z)
            if not digit:
                continue
            other = prepared[digit]
            if not z:
                (x, y), z = other.point, 1
                continue
            zz = square(z)
            rise = y ^ by(other.y, zz)
            run = x ^ by(other.x, z)
            if not run:
                if rise:
                    x, y, z = 1, 0, 0
                else:
                    x, y, z = *(self.double(other.point) or (1, 0)), 1
                continue
            c = multiply(z, run)
            z = square(c)
            d = by(other.x, z)
            x = square(rise) ^ multiply(c, rise ^ square(run) ^ (c if a else 0))
            y = multiply(d ^ x, multiply(rise, c) ^ z) ^ by(other.sum, square(z))
        if not z:
            return None
        inverse = field.inverse(z)
        return Point(multiply(x, inverse), multiply(y, square(inverse)))

    def _prepare(self, point: Point) -> dict[int, _Prepared]:
        """The multiples of a point by the digits of expansions."""
        field = self.field
        found = {}
        for u, signs in self._signs.items():
            multiple: Point | None = None
            for sign in reversed(signs):
                multiple = multiple and Point(field.square(multiple.x), field.square(multiple.y))
                if sign:
                    multiple = self.add(multiple, point if sign > 0 else self.negate(point))
            assert multiple is not None  # digits are not divisible by delta
            x, y = field.multiples(multiple.x), field.multiples(multiple.y)
            both = tuple(map(int.__xor__, x, y))
            found[u] = _Prepared(multiple, x, y, both)
            found[-u] = _Prepared(Point(multiple.x, multiple.x ^ multiple.y), x, both, y)
        return found


@cache
def sect163k1() -> Curve:
    """NIST K-163, of suite 1."""
    return Curve(
        "sect163k1",
        BinaryField(163, (7, 6, 3)),
        a=1,
        h=2,
        n=0x04000000000000000000020108A2E0CC0D99F8A5EF,
        generator=Point(
            0x02FE13C0537BBC11ACAA07D793DE4E6D5E5C94EEE8, 0x0289070FB05D38FF58321F2E800536D538CCDAA3D9
        ),
    )


@cache
def sect283k1() -> Curve:
    """NIST K-283, of suite 2."""
    return Curve(
        "sect283k1",
        BinaryField(283, (12, 7, 5)),
        a=0,
        h=4,
        n=0x01FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFE9AE2ED07577265DFF7F94451E061E163C61,
        generator=Point(
            0x0503213F78CA44883F1A3B8162F188E553CD265F23C1567A16876913B0C2AC2458492836,
            0x01CCDA380F1C9E318D90F95D07E5426FE87E45C0E8184698E45962364E34116177DD2259,
        ),
    )
