"""Values by name: every message reads to them and is built from them, typed and through JSON."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

import gbcs
from gbcs.building import build_again
from gbcs.message import Message
from gbcs.protect import Keys
from gbcs.security.folder import FolderKeyStore
from gbcs.security.verify import Verdict, Verifier
from gbcs.values import json_form
from tests.gbcs.reference_messages import octets as reference_octets
from tests.vectors import make

VECTORS = make.files()


def bare(message: Message) -> Message:
    """The message without signature and MAC."""
    return replace(
        message, signature=None, mac=None, mac_header=False, has_signature_length=False, length_forms=()
    ).encoded()


def check_both_ways(octets: bytes, keys: Keys) -> gbcs.Decoded:
    """Decoding and building are each other's inverse, by values and by JSON text."""
    decoded = gbcs.decode(octets, keys)
    given = json.loads(json.dumps(decoded.to_json()))
    again = gbcs.build_from(given, keys, legacy=True, assumptions=list(gbcs.Assumption))
    if decoded.message.length_forms:  # of which those of the headers are kept
        assert again.payload == decoded.message.payload
        return decoded
    assert again.octets == bare(decoded.message).octets
    if decoded.irregular is None:
        assert build_again(decoded.message, decoded.values, keys).octets == again.octets
        assert given["values"] == json_form(decoded.values)
    return decoded


@pytest.mark.parametrize("octets", VECTORS.values(), ids=VECTORS.keys())
def test_both_ways(octets: bytes) -> None:
    check_both_ways(octets, Keys(make.store()))


def test_reference_messages_have_values_by_name(reference: Path) -> None:
    store = FolderKeyStore(reference / "rtds/keystore")
    keys, verifier = Keys(store), Verifier(store)
    sealed_again = 0
    for name, octets in reference_octets(reference).items():
        decoded = check_both_ways(octets, keys)
        assert decoded.irregular is None, (name, decoded.irregular)
        message = decoded.message
        if message.signature is not None or verifier.verify(message).mac is not Verdict.VALID:
            continue
        assert keys.protect(bare(message)).octets == octets, name
        sealed_again += 1
    assert sealed_again > 100
