"""The laws of GF(2^m), and the plain product as a second opinion."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gbcs.errors import BuildError, ParseError
from smets.han.binary_field import BinaryField
from smets.han.curves import sect163k1, sect283k1
from tests.smets.han.plain_curves import K163, K283, Plain

FIELDS = [(sect163k1().field, K163), (sect283k1().field, K283)]
both = pytest.mark.parametrize(("field", "plain"), FIELDS, ids=["163", "283"])


def elements(field: BinaryField) -> st.SearchStrategy[int]:
    return st.integers(0, (1 << field.degree) - 1)


@both
@given(st.data())
def test_products(field: BinaryField, plain: Plain, data: st.DataObject) -> None:
    a, b = (data.draw(elements(field)) for _ in range(2))
    product = plain.times(a, b)
    assert field.multiply(a, b) == field.multiply(b, a) == product
    assert field.multiply_by(field.multiples(a), b) == product
    assert field.square(a) == plain.times(a, a)


@both
@given(st.data())
def test_laws(field: BinaryField, plain: Plain, data: st.DataObject) -> None:
    a, b, c = (data.draw(elements(field)) for _ in range(3))
    times = field.multiply
    assert times(a, times(b, c)) == times(times(a, b), c)
    assert times(a, b ^ c) == times(a, b) ^ times(a, c)
    assert times(a, 1) == a
    assert times(a, 0) == 0
    if b:
        assert times(field.inverse(b), b) == 1
        assert times(field.divide(a, b), b) == a == times(plain.over(a, b), b)


@both
@given(st.data())
def test_quadratic_equations(field: BinaryField, plain: Plain, data: st.DataObject) -> None:
    """Every z^2 + z is solved by z or z + 1; c or c + 1 is none, since the trace of 1 is 1."""
    z = data.draw(elements(field))
    assert field.solve(field.square(z) ^ z) == z & ~1
    c = data.draw(elements(field))
    found, other = field.solve(c), field.solve(c ^ 1)
    assert (found is None) is not (other is None)
    for value, solution in ((c, found), (c ^ 1, other)):
        if solution is not None:
            assert solution & 1 == 0
            assert plain.times(solution, solution) ^ solution == value


@both
def test_octets(field: BinaryField, plain: Plain) -> None:
    top = (1 << field.degree) - 1
    for element in (0, 1, top):
        assert field.element(field.octets(element)) == element
    assert field.octets(1) == bytes(field.size - 1) + b"\x01"
    for octets in (b"", bytes(field.size - 1), bytes(field.size + 1), (top + 1).to_bytes(field.size, "big")):
        with pytest.raises(ParseError):
            field.element(octets)


@both
def test_zero_has_no_inverse(field: BinaryField, plain: Plain) -> None:
    with pytest.raises(BuildError):
        field.inverse(0)


@pytest.mark.parametrize(("degree", "middle"), [(162, (7, 6, 3)), (163, (90, 6, 3)), (163, (7, 6, 0))])
def test_other_polynomials_are_refused(degree: int, middle: tuple[int, int, int]) -> None:
    with pytest.raises(BuildError):
        BinaryField(degree, middle)
