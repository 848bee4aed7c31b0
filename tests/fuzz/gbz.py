"""The components of GBZ commands and responses; in front an octet that says which."""

from gbcs.errors import ParseError
from gbcs.ids import Cra, Kind, Payload
from gbcs.zcl.gbz import Components, parse_gbz
from gbcs.zcl.templates import match, match_response, table
from tests.fuzz import corpus
from tests.fuzz.harness import Target


def seeds() -> list[bytes]:
    kinds = (Kind.COMMAND, Kind.RESPONSE)
    return [bytes((m.cra,)) + m.payload for m in corpus.messages(Payload.GBZ, *kinds)]


def one(octets: bytes) -> bool:
    cra = Cra.COMMAND if octets[:1] == b"\1" else Cra.RESPONSE
    gbz = parse_gbz(octets[1:], cra)
    assert isinstance(gbz, Components)
    assert gbz.octets() == octets[1:]
    template = table()[len(octets) % len(table())]
    (match if cra is Cra.COMMAND else match_response)(template.code, gbz.components)
    return True


TARGET = Target("gbz", seeds, one, (ParseError,))
