"""Messages built by name from JSON, with accidents of their values."""

import json

import gbcs
from gbcs.errors import BuildError, KeyUnavailable
from tests.fuzz import corpus
from tests.fuzz.harness import Target, damaged_json
from tests.gbcs import generated


def seeds() -> list[bytes]:
    keys = generated.keyring().keys
    trees = (gbcs.decode(one.message, keys).to_json() for one in corpus.made())
    return [text for text in (json.dumps(tree).encode() for tree in trees) if len(text) < 20_000]


def built(fields: object) -> gbcs.Decoded:
    keys = generated.keyring().keys
    return gbcs.decode(gbcs.build_from(fields, keys, legacy=True, assumptions=tuple(gbcs.Assumption)), keys)


def one(octets: bytes) -> bool:
    decoded = built(json.loads(octets))
    again = built(json.loads(json.dumps(decoded.to_json())))
    assert again.message.octets == decoded.message.octets
    return True


TARGET = Target("named_build", seeds, one, (BuildError, KeyUnavailable), damaged_json)
