"""Envelopes: every vector and reference message, whole, cut short and damaged; lengths."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gbcs.errors import BuildError, ParseError
from gbcs.ids import Cra, EntityId, Kind
from gbcs.lengths import MAX_FORM, length_octets, read_length
from gbcs.message import MAX_MESSAGE, Message, OtherInformation, parse_message
from gbcs.time import CosemDateTime
from tests.gbcs.reference_messages import octets as reference_octets
from tests.vectors import make

VECTORS = make.files()
SAMPLE = VECTORS["envelope/c-signed-command"]


def every(names: str = "") -> pytest.MarkDecorator:
    """One test a vector, by the path of its file."""
    chosen = {name: value for name, value in VECTORS.items() if name.startswith(names)}
    return pytest.mark.parametrize("sound", chosen.values(), ids=chosen.keys())


def rebuilt(message: Message) -> bytes:
    """The octets of a message built from its fields alone."""
    bare = replace(message, octets=b"", header_offset=0, payload_offset=0)
    again = bare.encoded()
    assert again == message
    assert (again.header_offset, again.payload_offset) == (message.header_offset, message.payload_offset)
    return again.octets


def refused_or_rebuilt(damaged: bytes) -> bool:
    """Damaged octets are refused, or are another message that comes back octet for octet."""
    try:
        message = parse_message(damaged)
    except ParseError as error:
        if not (0 <= error.offset <= len(damaged) and error.path):
            raise
        return True
    assert rebuilt(message) == damaged
    return False


def test_the_vectors_are_those_of_the_generator() -> None:
    assert make.vectors() == VECTORS
    assert len(VECTORS) > 100


@every()
def test_round_trip(sound: bytes) -> None:
    """Invariant: parsing and building from the fields gives the same octets."""
    message = parse_message(sound)
    assert message.octets == sound
    assert rebuilt(message) == sound


@every()
def test_truncation(sound: bytes) -> None:
    """Invariant: no part of a message is one, except form B without what follows the payload."""
    message = parse_message(sound)
    bare = message.payload_offset + len(message.payload)
    for length in range(len(sound)):
        if length == bare and not message.mac_header:
            assert parse_message(sound[:length]).signature is None
            continue
        with pytest.raises(ParseError) as caught:
            parse_message(sound[:length])
        assert 0 <= caught.value.offset <= length


@every("envelope/")
def test_mutation(sound: bytes) -> None:
    """Invariant: a message with one bit flipped is refused or comes back with the bit flipped."""
    refused = 0
    for bit in range(8 * len(sound)):
        damaged = bytearray(sound)
        damaged[bit // 8] ^= 0x80 >> bit % 8
        refused += refused_or_rebuilt(bytes(damaged))
    assert refused >= 60  # tags, lengths and constants are looked at


def test_reference_messages(reference: Path) -> None:
    """Invariants of the three tests above, on every reference message at some places."""
    found = reference_octets(reference)
    assert len(found) == 830
    random = Random(1)
    for sound in found.values():
        message = parse_message(sound)
        assert not message.length_forms
        assert rebuilt(message) == sound
        if message.has_signature_length:
            with pytest.raises(ParseError):
                parse_message(sound + b"\0")
        bare = message.payload_offset + len(message.payload)
        for length in {random.randrange(len(sound)) for _ in range(5)} - {bare}:
            with pytest.raises(ParseError):
                parse_message(sound[:length])
        for _ in range(5):
            damaged = bytearray(sound)
            damaged[random.randrange(len(sound))] ^= 1 << random.randrange(8)
            refused_or_rebuilt(bytes(damaged))


@pytest.mark.parametrize(
    ("name", "kind", "mac_header", "signature", "length"),
    [
        ("a-precommand", Kind.PRECOMMAND, False, False, False),
        ("b-no-signature", Kind.RESPONSE, False, False, True),
        ("b-command-no-signature", Kind.PRECOMMAND, False, False, True),
        ("b-signed-command", Kind.COMMAND, False, True, True),
        ("b-signed-response", Kind.RESPONSE, False, True, True),
        ("b-signed-alert", Kind.ALERT, False, True, True),
        ("c-command", Kind.COMMAND, True, False, True),
        ("c-signed-command", Kind.COMMAND, True, True, True),
        ("c-response", Kind.RESPONSE, True, False, True),
    ],
)
def test_forms(name: str, kind: Kind, mac_header: bool, signature: bool, length: bool) -> None:
    message = parse_message(VECTORS[f"envelope/{name}"])
    assert message.kind is kind
    assert message.mac_header is mac_header
    assert (message.signature is not None) is signature
    assert (message.mac is not None) is mac_header
    assert message.has_signature_length is length


def test_fields_of_a_message() -> None:
    message = parse_message(SAMPLE)
    assert message.identity == (make.SUPPLIER, make.METER, Cra.COMMAND, make.COUNTER)
    assert message.code == 0x001A
    assert message.payload == bytes.fromhex(make.READ)
    assert message.octets[message.header_offset] == 0xDF
    assert message.signed_octets == SAMPLE[message.header_offset + 1 : -12 - 65]
    assert message.maced_octets == bytes.fromhex("110000000000") + SAMPLE[message.header_offset : -12]


@pytest.mark.parametrize(
    ("name", "other"),
    [
        ("other-party", OtherInformation(0x1A, make.UNKNOWN)),
        ("other-party-counter", OtherInformation(0x1A, make.UNKNOWN, 0)),
        ("other-originator-counter", OtherInformation(0x1A, make.UNKNOWN, 7, 0)),
        ("other-certificate", OtherInformation(0x1A, make.UNKNOWN, 7, None, make.pki()[1][1].der)),
        ("other-certificate-9-octets", OtherInformation(0x1A, make.UNKNOWN, 7, None, bytes(9))),
    ],
)
def test_other_information(name: str, other: OtherInformation) -> None:
    assert parse_message(VECTORS[f"envelope/{name}"]).other == other


def change(at: int, octet: int) -> Callable[[bytes], bytes]:
    return lambda sound: sound[:at] + bytes((octet,)) + sound[at + 1 :]


BAD = [
    (lambda _: b"", 0, "grouping header", "needed"),
    (lambda _: b"\xdd\x09\x00", 1, "mac header", "General Block Transfer"),
    (lambda _: bytes(MAX_MESSAGE + 1), MAX_MESSAGE, "message", "longer than"),
    (lambda s: s + b"\0", 7, "mac header.ciphered-service length", "follow"),
    (change(3, 1), 0, "mac header.empty fields", "expected"),
    (change(9, 0x31), 9, "mac header.security control", "11 expected, 31 found"),
    (change(10, 1), 10, "mac header.invocation counter", "expected"),
    (change(14, 0xDE), 14, "grouping header.general-signing", "DF expected, DE found"),
    (change(15, 8), 15, "grouping header.transaction-id length", "09 expected"),
    (change(16, 0), 16, "grouping header.cra flag", "00 is no CRA Flag"),
    (change(16, 4), 16, "grouping header.cra flag", "04 is no CRA Flag"),
    (change(25, 7), 25, "grouping header.originator-system-title length", "08 expected"),
    (change(34, 9), 34, "grouping header.recipient-system-title length", "08 expected"),
    (change(43, 11), 43, "date-time", "11 octets"),
    (change(44, 3), 45, "other-information", "3 octets is no form"),
    (change(44, 0x80), 44, "other-information length", "80 is not used"),
    (change(44, 0xFF), 44, "other-information length", "FF is not used"),
    (change(44, 0x7F), 45, "other-information", "runs past the end"),
    (change(47, 0x7F), 48, "content", "runs past the end"),
    (change(67, 0x3F), 67, "signature length", "63 octets"),
    (change(67, 0), 68, "message", "64 octets left over"),
    (lambda s: s[:7] + b"\x31" + s[9:57], 7, "mac header.ciphered-service length", "follow"),
]  # the payload of the sample begins at octet 48 and has 19


@pytest.mark.parametrize(("alter", "offset", "path", "reason"), BAD, ids=[f"{b[2]}-{b[1]}" for b in BAD])
def test_parse_errors(alter: Callable[[bytes], bytes], offset: int, path: str, reason: str) -> None:
    with pytest.raises(ParseError) as caught:
        parse_message(alter(SAMPLE))
    assert (caught.value.offset, caught.value.path) == (offset, path)
    assert reason in caught.value.reason
    assert f"{path} at octet {offset}" in str(caught.value)


def test_a_mac_header_needs_a_signature_length() -> None:
    message = parse_message(VECTORS["envelope/c-command"])
    body = message.octets[message.header_offset : -13]  # without signature length and MAC
    size = 5 + len(body) + 12
    octets = bytes.fromhex("DD000000000000") + bytes((size, 0x11, 0, 0, 0, 0)) + body + bytes(12)
    with pytest.raises(ParseError, match="the signature length is missing"):
        parse_message(octets)


PLAIN = parse_message(VECTORS["envelope/a-precommand"])


@pytest.mark.parametrize(
    ("more", "path"),
    [
        ({"date_time": bytes(11)}, "date_time"),
        ({"signature": bytes(63)}, "signature"),
        ({"mac": bytes(12)}, "mac"),
        ({"mac": bytes(11), "mac_header": True}, "mac"),
        ({"counter": 2**64}, "grouping header"),
        ({"counter": -1}, "grouping header"),
        ({"other": OtherInformation(0x10000)}, "other-information"),
        ({"other": OtherInformation(1, None, 1)}, "supplementary"),
        ({"other": OtherInformation(1, make.UNKNOWN, None, 1)}, "supplementary"),
        ({"other": OtherInformation(1, make.UNKNOWN, 1, 1, bytes(9))}, "supplementary"),
        ({"other": OtherInformation(1, make.UNKNOWN, 1, None, bytes(8))}, "supplementary.certificate"),
        ({"length_forms": (("content", 1),)}, "length_forms.content"),
        ({"length_forms": (("other_information", 128),)}, "length_forms.other_information"),
        ({"payload": bytes(256), "length_forms": (("content", 2),)}, "length_forms.content"),
    ],
)
def test_build_errors(more: dict[str, object], path: str) -> None:
    with pytest.raises(BuildError) as caught:
        replace(PLAIN, **more).encoded()  # type: ignore[arg-type]
    assert caught.value.path == path


def test_a_draft_has_a_mac_of_zeros() -> None:
    draft = replace(PLAIN, mac_header=True).encoded()
    assert draft.mac == bytes(12)
    assert parse_message(draft.octets) == draft


@given(st.integers(0, 2**40), st.integers(0, MAX_FORM))
def test_lengths(length: int, form: int) -> None:
    """Invariant: a length written in a form is read back with that form, or cannot be written."""
    try:
        written = length_octets(length, form)
    except BuildError:
        assert form == 1 or (form and length >= 1 << 8 * (form - 1))
        return
    value, end, found = read_length(b"\0" + written + b"\0", 1)
    assert (value, end) == (length, 1 + len(written))
    minimal = length_octets(length)
    assert found == (0 if written == minimal else form)
    assert form in (0, len(written))
    for cut in range(len(written)):
        with pytest.raises(ParseError):
            read_length(written[:cut], 0)


@given(st.binary(min_size=12, max_size=12))
def test_date_times(moment: bytes) -> None:
    """Invariant: any 12 octets are a date-time, kept loss-free."""
    assert CosemDateTime.from_octets(moment).octets() == moment


def test_a_date_time_out_of_range() -> None:
    with pytest.raises(BuildError):
        CosemDateTime(2024, 256, 1, 1, 0, 0, 0, 0, 0x8000, 0).octets()
    with pytest.raises(BuildError):
        CosemDateTime.from_octets(bytes(11))


def test_entity_ids_keep_their_length() -> None:
    with pytest.raises(BuildError):
        EntityId(bytes(7))
