"""DLMS APDUs: access-request, access-response, data-notification."""

from gbcs.dlms.apdu import parse_apdu
from gbcs.errors import ParseError
from gbcs.ids import Payload
from tests.fuzz import corpus
from tests.fuzz.harness import Target


def seeds() -> list[bytes]:
    return [message.payload for message in corpus.messages(Payload.DLMS)]


def one(octets: bytes) -> bool:
    assert parse_apdu(octets).octets() == octets
    return True


TARGET = Target("apdu", seeds, one, (ParseError,))
