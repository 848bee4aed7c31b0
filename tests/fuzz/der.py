"""The DER codec under every declaration; in front an octet that chooses one."""

from gbcs.asn1.codec import decode, encode
from gbcs.asn1.der import der_octets, parse_der
from gbcs.asn1.payloads import payload_type, payload_types
from gbcs.errors import ParseError
from gbcs.ids import Payload
from tests.fuzz import corpus
from tests.fuzz.harness import Target

TYPES = payload_types()


def seeds() -> list[bytes]:
    found = []
    for message in corpus.messages(Payload.ASN1):
        declared = payload_type(message.code, message.kind)
        assert declared is not None
        found.append(bytes((TYPES.index(declared),)) + message.payload)
    assert {octets[0] for octets in found} == set(range(len(TYPES)))
    return found


def one(octets: bytes) -> bool:
    declared = TYPES[(octets[0] if octets else 0) % len(TYPES)]
    try:
        node = parse_der(octets[1:])
    except ParseError:
        pass  # opaque parts are not looked into by the codec
    else:
        assert der_octets(node) == octets[1:]
    assert encode(decode(declared, octets[1:])) == octets[1:]
    return True


TARGET = Target("der", seeds, one, (ParseError,))
