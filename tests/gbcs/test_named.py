"""Values by name: every message reads to them and is built from them, typed and through JSON."""

from __future__ import annotations

import json
import random
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import gbcs
from gbcs.building import build_again
from gbcs.errors import ParseError
from gbcs.fields import build_message, message_fields
from gbcs.message import Message, parse_message
from gbcs.named import dlms
from gbcs.named.common import Irregular, Place
from gbcs.named.dlms_direct import read_direct
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


def direct_and_full(message: Message, monkeypatch: pytest.MonkeyPatch) -> tuple[Any, Any]:
    """The values of a DLMS payload read directly, and by way of the tree; None where there are none."""
    direct = read_direct(message)
    with monkeypatch.context() as patch:
        patch.setattr(dlms, "read_direct", lambda _: None)
        try:
            full = dlms.read(Place(message))
        except (Irregular, ParseError):
            full = None
    return direct, full


def same(one: Any, other: Any) -> bool:
    """Equal, and of equal types all the way down."""
    return one == other and repr(one) == repr(other)


def dlms_messages() -> list[Message]:
    found = map(parse_message, VECTORS.values())
    return [m for m in found if m.payload[:1] in (b"\xd9", b"\xda", b"\x0f")]


def check_direct(messages: list[Message], monkeypatch: pytest.MonkeyPatch) -> int:
    """Reading directly gives what reading in full gives, also of payloads with an octet changed."""
    taken = 0
    chance = random.Random(7)
    for message in messages:
        direct, full = direct_and_full(message, monkeypatch)
        assert direct is None or same(direct, full)
        taken += direct is not None
        for _ in range(4):
            payload = bytearray(message.payload)
            payload[chance.randrange(len(payload))] ^= 1 << chance.randrange(8)
            direct, full = direct_and_full(replace(message, payload=bytes(payload)), monkeypatch)
            assert direct is None or same(direct, full), payload.hex()
    return taken


def test_reading_directly_is_reading_in_full(monkeypatch: pytest.MonkeyPatch) -> None:
    check_direct(dlms_messages(), monkeypatch)


def test_reference_messages_read_directly(reference: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    messages = list(map(parse_message, reference_octets(reference).values()))
    dlms_only = [m for m in messages if m.payload[:1] in (b"\xd9", b"\xda", b"\x0f")]
    assert check_direct(dlms_only, monkeypatch) > len(dlms_only) // 2


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


@pytest.mark.parametrize("header", ["0919", "3019"])
def test_a_failure_to_deliver_with_either_header(header: str) -> None:
    """30 19 is no DLMS datum; it is read, kept, and built again where it was."""
    message = gbcs.build(
        "00D5",
        kind="alert",
        originator=make.METER,
        recipient=make.SUPPLIER,
        counter=2000,
        assumptions=["delivery-failure-header"],
        AlertCode="8F84",
        Time="2026-01-01T00:00:00Z",
        Undelivered={
            "originator": str(make.SUPPLIER),
            "target": str(make.METER),
            "cra": "command",
            "originator_counter": "00000000000003E9",
        },
    )
    payload = message.payload[:25] + bytes.fromhex(header) + message.payload[27:]
    octets = replace(message, payload=payload).encoded().octets
    decoded = check_both_ways(octets, Keys(make.store()))
    assert decoded.irregular is None
    assert decoded.values.get("Header") == (None if header == "0919" else header)
    assert build_message(message_fields(decoded.message)).octets == octets
