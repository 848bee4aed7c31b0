"""The compiled layouts against construct itself, which is their declaration and their judge."""

import random

import construct
import pytest

from gbcs import message
from gbcs.dlms import apdu
from gbcs.errors import BuildError, ParseError
from gbcs.layout import Layout

LAYOUTS = {
    f"{module.__name__}.{name}": value
    for module in (message, apdu)
    for name, value in vars(module).items()
    if isinstance(value, Layout)
}


@pytest.fixture(params=sorted(LAYOUTS))
def layout(request: pytest.FixtureRequest) -> Layout:
    return LAYOUTS[request.param]


def random_values(layout: Layout, seed: int) -> tuple[int | bytes, ...]:
    source = random.Random(seed)
    values: list[int | bytes] = []
    for field in layout.fields:
        if field.constant is not None:
            continue
        size = field.declaration.sizeof()
        octets = source.randbytes(size)
        values.append(octets if field.code.endswith("s") else int.from_bytes(octets, "big"))
    return tuple(values)


def test_there_are_layouts() -> None:
    assert len(LAYOUTS) >= 8


@pytest.mark.parametrize("seed", range(20))
def test_packs_and_unpacks_as_construct_does(layout: Layout, seed: int) -> None:
    values = random_values(layout, seed)
    packed = layout.pack(*values)
    parsed = layout.construct.parse(packed)
    given = iter(values)
    for field in layout.fields:
        wanted = field.constant if field.constant is not None else next(given)
        assert parsed[field.name] == wanted
    assert layout.unpack(b"\xa5" + packed, 1) == values
    assert layout.construct.build({key: value for key, value in parsed.items() if key != "_io"}) == packed
    assert layout.size == layout.construct.sizeof() == len(packed)


def test_a_wrong_constant_is_named_with_its_octet(layout: Layout) -> None:
    packed = bytearray(layout.pack(*random_values(layout, 0)))
    for field in layout.fields:
        if field.constant is None:
            continue
        offset = layout.offset_of(field.name)
        packed[offset] ^= 0x80
        with pytest.raises(ParseError) as caught:
            layout.unpack(bytes(packed))
        assert caught.value.offset == offset
        assert caught.value.path == f"{layout.name}.{field.name}"
        with pytest.raises(construct.ConstructError):
            layout.construct.parse(bytes(packed))
        packed[offset] ^= 0x80


def test_too_few_octets(layout: Layout) -> None:
    packed = layout.pack(*random_values(layout, 1))
    for end in range(len(packed)):
        with pytest.raises(ParseError):
            layout.unpack(packed[:end])


def test_values_that_do_not_fit() -> None:
    with pytest.raises(BuildError):
        message.GROUPING_HEADER.pack(0, 1 << 64, bytes(8), bytes(8), 0)
    with pytest.raises(BuildError):
        message.GROUPING_HEADER.pack(0, 1, bytes(7), bytes(8), 0)
