"""GBZ alerts; in front the Message Code, which tells what they carry."""

from gbcs.errors import ParseError
from gbcs.ids import Cra, Kind, Payload
from gbcs.zcl.gbz import Alert, parse_gbz
from tests.fuzz import corpus
from tests.fuzz.harness import Target


def seeds() -> list[bytes]:
    alerts = corpus.messages(Payload.GBZ, Kind.ALERT)
    return [code.to_bytes(2, "big") + m.payload for m in alerts for code in (m.code, 0)]


def one(octets: bytes) -> bool:
    alert = parse_gbz(octets[2:], Cra.ALERT, int.from_bytes(octets[:2], "big"))
    assert isinstance(alert, Alert)
    assert alert.octets() == octets[2:]
    return True


TARGET = Target("gbz_alert", seeds, one, (ParseError,))
