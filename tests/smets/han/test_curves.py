"""The curves: laws of the group, compression, validation, and OpenSSL's scalar products."""

import base64
import re
import shutil
import subprocess
from contextlib import suppress
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gbcs.errors import ParseError
from smets.han.curves import Curve, Point, sect163k1, sect283k1
from smets.han.tau_adic import Tau, TauAdic
from tests.smets.han.cbke_vectors import document, section, values
from tests.smets.han.plain_curves import K163, K283, Plain

CURVES = [(sect163k1(), K163), (sect283k1(), K283)]
both = pytest.mark.parametrize(("curve", "plain"), CURVES, ids=["163", "283"])
FEW = settings(max_examples=25)
ORDER_2 = Point(0, 1)
ORDER_4 = Point(1, 0)  # on sect283k1


def scalars(curve: Curve) -> st.SearchStrategy[int]:
    edges = [0, 1, 2, 3, curve.n - 1, curve.n, curve.n + 1, 2 * curve.n - 1, (1 << 283) - 1]
    return st.one_of(st.sampled_from(edges), st.integers(0, curve.n - 1), st.integers(0, 1 << 141))


def points(curve: Curve) -> st.SearchStrategy[Point]:
    return st.integers(1, curve.n - 1).map(lambda k: curve.multiply(k, curve.generator)).filter(bool)


def affine(curve: Curve, k: int, point: Point) -> Point | None:
    """k times any point of the curve, by doublings and additions."""
    result: Point | None = None
    for bit in format(k, "b"):
        result = curve.double(result)
        if bit == "1":
            result = curve.add(result, point)
    return result


@both
def test_parameters(curve: Curve, plain: Plain) -> None:
    assert (curve.n, curve.a, tuple(curve.generator)) == (plain.n, plain.a, plain.base)
    assert curve.contains(curve.generator)
    assert plain.multiple(plain.n, plain.base) is None
    assert curve.is_valid(curve.generator)


@both
@FEW
@given(st.data())
def test_scalar_products(curve: Curve, plain: Plain, data: st.DataObject) -> None:
    k = data.draw(scalars(curve))
    point = data.draw(points(curve))
    assert curve.multiply(k, point) == plain.multiple(k, point)


@both
@FEW
@given(st.data())
def test_laws_of_the_group(curve: Curve, plain: Plain, data: st.DataObject) -> None:
    p, q, r = (data.draw(points(curve)) for _ in range(3))
    j, k = data.draw(scalars(curve)), data.draw(scalars(curve))
    assert curve.add(p, q) == curve.add(q, p) == plain.add(p, q)
    assert curve.add(curve.add(p, q), r) == curve.add(p, curve.add(q, r))
    assert curve.add(p, None) == curve.add(None, p) == p
    assert curve.add(p, curve.negate(p)) is None
    assert curve.add(p, p) == curve.double(p) == curve.multiply(2, p)
    assert curve.multiply(j + k, p) == curve.add(curve.multiply(j, p), curve.multiply(k, p))
    assert curve.multiply(-k, p) == curve.negate(curve.multiply(k, p))
    assert curve.times_cofactor(p) == curve.multiply(curve.h, p)


@both
def test_infinity_and_order_two(curve: Curve, plain: Plain) -> None:
    assert curve.negate(None) is None
    assert curve.double(None) is None
    assert curve.double(ORDER_2) is None
    assert curve.add(ORDER_2, ORDER_2) is None
    assert curve.times_cofactor(None) is None
    assert curve.times_cofactor(ORDER_2) is None
    assert curve.multiply(curve.n, curve.generator) is None


@both
@FEW
@given(st.data())
def test_compression(curve: Curve, plain: Plain, data: st.DataObject) -> None:
    point = data.draw(points(curve))
    octets = curve.compress(point)
    assert octets == plain.compressed(point)
    assert curve.public_point(octets) == point
    other = bytes((octets[0] ^ 1,)) + octets[1:]
    assert curve.public_point(other) == curve.negate(point)


@both
@settings(max_examples=6)
@given(st.data())
def test_points_outside_the_group_are_refused(curve: Curve, plain: Plain, data: st.DataObject) -> None:
    """Good point plus small one: on the curve, of order 2n or 4n. n times it tells the same."""
    good = data.draw(points(curve))
    small = [ORDER_2] + ([ORDER_4, Point(1, 1)] if curve.h == 4 else [])
    for one in small:
        assert curve.contains(one)
        assert not curve.is_valid(one)
        bad = curve.add(good, one)
        assert bad is not None
        assert curve.contains(bad)
        assert not curve.is_valid(bad)
        with pytest.raises(ParseError, match="order"):
            curve.public_point(curve.compress(bad))
    assert affine(curve, curve.n, bad) is not None
    assert curve.is_valid(good)
    assert affine(curve, curve.n, good) is None


@both
def test_validation_agrees_with_n_times_the_point(curve: Curve, plain: Plain) -> None:
    """For points with any x: about 1 in h is of order n."""
    seen = set()
    for x in range(2, 40):
        beta = x ^ curve.a ^ curve.field.square(curve.field.inverse(x))
        z = curve.field.solve(beta)
        if z is None:
            continue
        point = Point(x, curve.field.multiply(x, z))
        assert curve.contains(point)
        valid = curve.is_valid(point)
        assert valid is (affine(curve, curve.n, point) is None)
        seen.add(valid)
    assert seen == {True, False}


@both
def test_what_is_no_compressed_point(curve: Curve, plain: Plain) -> None:
    good = curve.compress(curve.generator)
    size = curve.field.size
    no_point = next(
        x
        for x in range(2, 60)
        if curve.field.solve(x ^ curve.a ^ curve.field.square(curve.field.inverse(x))) is None
    )
    for bad in (
        b"",
        good[:-1],
        good + b"\x00",
        b"\x00" + good[1:],
        b"\x04" + good[1:],
        b"\x01" + good[1:],
        b"\x02" + bytes(size),
        b"\x02" + no_point.to_bytes(size, "big"),
        b"\x02" + (1 << curve.field.degree).to_bytes(size, "big"),
        b"\x02" + b"\xff" * size,
    ):
        with pytest.raises(ParseError):
            curve.public_point(bad)
    for point in (Point(1 << curve.field.degree, 1), Point(2, -1), Point(*curve.generator[::-1])):
        assert not curve.contains(point)
        assert not curve.is_valid(point)


@both
@given(st.data())
def test_any_octets(curve: Curve, plain: Plain, data: st.DataObject) -> None:
    tail = data.draw(st.binary(min_size=curve.field.size, max_size=curve.field.size))
    octets = bytes((data.draw(st.integers(0, 5)),)) + tail
    with suppress(ParseError):
        assert curve.compress(curve.public_point(octets)) == octets


# tau-adic expansions


@pytest.mark.parametrize(
    ("a", "m", "width"), [(1, 163, 2), (1, 163, 4), (0, 283, 2), (0, 283, 4), (0, 283, 6)]
)
@given(st.data())
def test_expansions(a: int, m: int, width: int, data: st.DataObject) -> None:
    """They give the element back, and non-zero digits are far apart."""
    tau = TauAdic(a, m, width)
    element = Tau(
        data.draw(st.integers(-(1 << 142), 1 << 142)), data.draw(st.integers(-(1 << 142), 1 << 142))
    )
    digits = tau.expansion(element)
    mu = 1 if a else -1
    total = (0, 0)
    for digit in reversed(digits):
        r0, r1 = total  # times tau: tau^2 = mu*tau - 2
        r0, r1 = -2 * r1, r0 + mu * r1
        if digit:
            part = tau.digits[abs(digit)]
            sign = 1 if digit > 0 else -1
            r0, r1 = r0 + sign * part.r0, r1 + sign * part.r1
        total = (r0, r1)
    assert total == element
    places = [n for n, digit in enumerate(digits) if digit]
    assert all(later - former >= width for former, later in pairwise(places))
    assert all(digit % 2 and abs(digit) < 1 << width - 1 for digit in digits if digit)


@both
@given(st.data())
def test_reduced_scalars_are_short(curve: Curve, plain: Plain, data: st.DataObject) -> None:
    tau = TauAdic(curve.a, curve.field.degree, 4)
    digits = tau.expansion(tau.reduced(data.draw(st.integers(0, curve.n))))
    assert len(digits) <= curve.field.degree + 6


# A second opinion from outside


def generated(name: str, count: int) -> list[tuple[int, tuple[int, int]]]:
    """Key pairs made by the `openssl` command, or skip."""
    if not (command := shutil.which("openssl")):
        pytest.skip("the openssl command is not there: apt-get install openssl")
    listed = subprocess.run([command, "ecparam", "-list_curves"], capture_output=True, text=True)
    if name not in listed.stdout:
        pytest.skip(f"this openssl was built without {name}")
    loop = f'n=0; while [ $n -lt {count} ]; do "$0" ecparam -name {name} -genkey -noout; n=$((n+1)); done'
    made = subprocess.run(["sh", "-c", loop, command], capture_output=True, text=True, check=True).stdout
    blocks = re.findall(r"-----BEGIN EC PRIVATE KEY-----(.*?)-----END", made, re.DOTALL)
    assert len(blocks) == count
    return [_pair(base64.b64decode(block)) for block in blocks]


def _pair(der: bytes) -> tuple[int, tuple[int, int]]:
    """ECPrivateKey: version 1, the private key as octets, the curve, the public key uncompressed."""
    at = 2 if der[1] < 0x80 else 2 + der[1] - 0x80
    assert der[at : at + 4] == bytes.fromhex("02010104")
    size = der[at + 4]
    private = der[at + 5 : at + 5 + size]
    rest = der[at + 5 + size :]
    start = rest.index(0xA1)  # [1]; the curve before it is an identifier without that octet
    point = rest[start:]
    point = point[point.index(0x04) :]
    half = len(point) // 2
    assert len(point) == 2 * half + 1
    return int.from_bytes(private, "big"), (
        int.from_bytes(point[1 : 1 + half], "big"),
        int.from_bytes(point[1 + half :], "big"),
    )


def _agrees(curve: Curve, count: int) -> None:
    pairs = generated(curve.name, count)
    for private, public in pairs:
        assert curve.multiply(private, curve.generator) == public
        point = curve.public_point(curve.compress(Point(*public)))
        assert point == public
    assert len({private for private, _ in pairs}) == count


@both
def test_openssl(curve: Curve, plain: Plain) -> None:
    """100 of each curve."""
    _agrees(curve, 100)


@pytest.mark.long
@both
def test_openssl_long(curve: Curve, plain: Plain) -> None:
    """5,000 of each curve."""
    _agrees(curve, 5000)


@both
def test_published_parameters(curve: Curve, plain: Plain, reference: Path) -> None:
    text = section(document(reference), "3")
    blocks = re.findall(r"```\n(.*?)```", text, re.DOTALL)
    block = next(block for block in blocks if f"m = {curve.field.degree} " in block)
    found = values("\n".join(line for line in block.splitlines() if not line.startswith("m ")))
    assert int.from_bytes(found["n"], "big") == curve.n
    assert curve.generator == tuple(int.from_bytes(found[name], "big") for name in ("Gx", "Gy"))
