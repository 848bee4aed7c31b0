"""Type descriptions: what a compact-array says of its entries, and then the entries."""

from functools import cache

from gbcs.dlms.axdr import Tag, data_octets, read_data
from gbcs.dlms.objects import members
from gbcs.dlms.types import Compact, TypeMismatch
from gbcs.errors import ParseError
from tests.fuzz import corpus
from tests.fuzz.harness import Target
from tests.vectors import make

COMPACT = bytes((Tag.COMPACT_ARRAY,))


@cache
def wires() -> tuple[Compact, ...]:
    """Every type of the object table that is a compact-array."""
    found = [option for member in members() for option in member.any_wire().options]
    return tuple(dict.fromkeys(wire for wire in found if isinstance(wire, Compact)))


def seeds() -> list[bytes]:
    drawn = [octets[1:] for octets in corpus.datum_octets() if octets[:1] == COMPACT]
    vectors = (bytes.fromhex(text) for name, text in make.DATA.items() if name.startswith("compact-"))
    empty = [data_octets(wire.encode(()))[1:] for wire in wires() if wire.lo == 0]
    return [*drawn, *(octets[1:] for octets in vectors if octets[:1] == COMPACT), *empty]


def one(octets: bytes) -> bool:
    data, end = read_data(COMPACT + octets)
    assert data_octets(data) == (COMPACT + octets)[:end]
    for wire in wires():
        try:
            value = wire.decode(data)
        except TypeMismatch:
            continue
        assert wire.fits(value)
    return True


TARGET = Target("description", seeds, one, (ParseError,))
