"""A-XDR data."""

from gbcs.dlms.axdr import data_octets, read_data
from gbcs.errors import ParseError
from tests.fuzz import corpus
from tests.fuzz.harness import Target
from tests.vectors import make


def seeds() -> list[bytes]:
    return [*corpus.datum_octets(), *(bytes.fromhex(text) for text in make.DATA.values())]


def one(octets: bytes) -> bool:
    data, end = read_data(octets)
    assert data_octets(data) == octets[:end]
    return True


TARGET = Target("axdr", seeds, one, (ParseError,))
