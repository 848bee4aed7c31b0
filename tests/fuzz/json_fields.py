"""Messages built from the fields of `decode --json`, with accidents of their values."""

import json

from gbcs.errors import BuildError, ParseError
from gbcs.fields import build_message, checked_fields, message_fields
from gbcs.message import parse_message
from tests.fuzz import corpus
from tests.fuzz.harness import Target, damaged_json
from tests.gbcs import generated


def seeds() -> list[bytes]:
    verifier = generated.keyring().verifier
    fields = (checked_fields(one.message, verifier) for one in corpus.made())
    return [text for text in (json.dumps(one).encode() for one in fields) if len(text) < 20_000]


def one(octets: bytes) -> bool:
    message = build_message(json.loads(octets))
    assert parse_message(message.octets) == message
    try:
        fields = message_fields(message)
    except ParseError:
        return True  # opaque, or of another family than its code has
    assert build_message(json.loads(json.dumps(fields))).octets == message.octets
    return True


TARGET = Target("json_fields", seeds, one, (BuildError,), damaged_json)
