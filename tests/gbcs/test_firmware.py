"""OTA files and the Manufacturer Image; CS06 from command to answer and alert; receipts."""

from __future__ import annotations

from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gbcs.asn1.codec import decode, element_of, encode
from gbcs.asn1.payloads import payload_type
from gbcs.dlms.apdu import DataNotification, parse_apdu
from gbcs.errors import BuildError, Check, ParseError, SecurityError
from gbcs.firmware import (
    CANCEL,
    DEFAULT_SETTINGS,
    REFUSED,
    VERIFIED,
    ActivateCode,
    Activation,
    Answer,
    DatedOutcome,
    FirmwareSettings,
    FirmwareState,
    HeldImage,
    Outcome,
    Pending,
    Receipt,
)
from gbcs.ids import Cra, EntityId, Kind
from gbcs.message import Message, parse_message
from gbcs.ota import (
    MAX_IMAGE,
    UPGRADE_IMAGE,
    Element,
    HardwareRange,
    ImageBoundary,
    OtaFile,
    OtaHeader,
    image_hash,
    manufacturer_image,
    parse_ota,
)
from gbcs.time import Utc
from gbcs.zcl.gbz import Alert, ImageHash, parse_gbz
from tests.gbcs.reference_messages import octets as reference_octets

SUPPLIER = EntityId.parse("90-B3-D5-1F-30-AD-00-01")
OTHER = EntityId.parse("90-B3-D5-1F-30-AD-00-02")
DESTINATION = EntityId.parse("00-DB-12-34-56-78-AD-01")
NOW = Utc.of(2024, 3, 1)
LATER = NOW.plus(86_400)
OLD, NEW = b"\x00\x00\x00\x01", b"\x00\x00\x00\x02"
HASH = bytes(range(32))
HELD = HeldImage(HASH, NEW)
STATE = FirmwareState(OLD, HELD)
COUNTER = 0x8000_0000_0000_0001

# -- the OTA file ----------------------------------------------------------------------

PLAIN = OtaHeader(0x1234, 0x0005, 0x01020304, 0, b"FIRMWARE")
FULL = replace(
    PLAIN, security_version=2, destination=DESTINATION, hardware=HardwareRange(1, 0x0203), text=b"x" * 32
)
PLAIN_OCTETS = (
    "1EF1EE0B 0001 3800 0000 3412 0500 04030201 0200"
    "4649524D57415245" + "00" * 24 + "3E000000"  # 62 octets in all
)


def test_a_header_octet_for_octet() -> None:
    """56 octets, little-endian throughout."""
    file = OtaFile.build(PLAIN, (Element(UPGRADE_IMAGE, b""),))
    assert file.octets() == bytes.fromhex(PLAIN_OCTETS + "0000 00000000")
    assert file.header.total_size == 62
    assert OtaHeader.parse(file.octets()) == (file.header, 56)
    full = OtaFile.build(FULL, ()).octets()
    assert full[6:10].hex() == "45000700"
    assert full[56:].hex() == "02" + "01ad785634 12db00".replace(" ", "") + "01000302"


HEADERS = st.builds(
    OtaHeader,
    *[st.integers(0, 0xFFFF)] * 2,
    st.integers(0, 0xFFFF_FFFF),
    st.just(0),
    st.binary(max_size=32).map(lambda text: text.rstrip(b"\0")),
    st.none() | st.integers(0, 255),
    st.none() | st.binary(min_size=8, max_size=8).map(EntityId),
    st.none() | st.builds(HardwareRange, st.integers(0, 0xFFFF), st.integers(0, 0xFFFF)),
    *[st.integers(0, 0xFFFF)] * 2,
    st.sampled_from((0, 8, 0xFFF8)),
    st.binary(max_size=9),
)
ELEMENTS = st.lists(st.builds(Element, st.integers(0, 0xFFFF), st.binary(max_size=50)), max_size=4).map(tuple)


@given(HEADERS, ELEMENTS)
def test_a_file_is_read_as_it_was_built(header: OtaHeader, elements: tuple[Element, ...]) -> None:
    file = OtaFile.build(header, elements)
    octets = file.octets()
    assert parse_ota(octets) == file
    assert file.header.total_size == len(octets)
    head = file.header.octets()
    assert manufacturer_image(octets) == octets[len(head) :]
    assert manufacturer_image(octets, ImageBoundary.WHOLE_FILE) == octets


@given(
    st.binary(max_size=90)
    | st.tuples(st.integers(0, 80), st.binary(max_size=6)).map(
        lambda cut: OtaFile.build(FULL, (Element(0, b"abc"),)).octets()[: cut[0]] + cut[1]
    )
)
def test_any_octets_are_a_file_or_a_parse_error(octets: bytes) -> None:
    try:
        file = parse_ota(octets)
    except ParseError:
        return
    assert file.octets() == octets


def test_three_readings_of_the_manufacturer_image() -> None:
    """Which part is hashed is a setting; the default leaves the header out, and nothing else."""
    code = b"code of the maker"
    file = OtaFile.build(FULL, (Element(5, b"tag"), Element(UPGRADE_IMAGE, code))).octets()
    after = file[69:]
    assert after.startswith(b"\x05\x00\x03\x00\x00\x00tag")
    for boundary, image in (
        (ImageBoundary.AFTER_HEADER, after),
        (ImageBoundary.UPGRADE_ELEMENT, code),
        (ImageBoundary.WHOLE_FILE, file),
    ):
        assert manufacturer_image(file, boundary) == image
        held = HeldImage.of(file, FirmwareSettings(boundary))
        assert held == (sha256(image).digest(), bytes.fromhex("01020304"))
    assert HeldImage.of(file).hash == image_hash(after)
    assert DEFAULT_SETTINGS.boundary is ImageBoundary.AFTER_HEADER
    with pytest.raises(ParseError, match="no upgrade image"):
        manufacturer_image(OtaFile.build(FULL, ()).octets(), ImageBoundary.UPGRADE_ELEMENT)


def test_an_image_without_elements_is_hashed_all_the_same() -> None:
    head = replace(PLAIN, total_size=59).octets()
    assert manufacturer_image(head + b"abc") == b"abc"
    assert HeldImage.of(head + b"abc").hash == image_hash(b"abc")
    with pytest.raises(ParseError):
        parse_ota(head + b"abc")


SOUND = bytes.fromhex(PLAIN_OCTETS + "0000 00000000")
FAULTS = [
    (b"", "ota header", 0),
    (SOUND[:55], "ota header", 0),
    (SOUND[3::-1] + SOUND[4:], "ota header.file identifier", 0),
    (SOUND[:6] + b"\x37" + SOUND[7:], "ota header.header length", 6),
    (SOUND[:6] + b"\x3f" + SOUND[7:], "ota header.header length", 6),
    (SOUND[:8] + b"\x01" + SOUND[9:], "ota header.header length", 6),
    (SOUND[:-1], "ota header.total image size", 52),
    (SOUND + b"\0", "ota header.total image size", 52),
    (SOUND[:52] + b"\x3d" + SOUND[53:-1], "elements[0]", 56),
    (SOUND[:58] + b"\x01" + SOUND[59:], "elements[0]", 62),
    (bytes(MAX_IMAGE + 1), "file", MAX_IMAGE),
]


@pytest.mark.parametrize(("octets", "path", "offset"), FAULTS, ids=range(len(FAULTS)))
def test_where_a_fault_is(octets: bytes, path: str, offset: int) -> None:
    with pytest.raises(ParseError) as caught:
        parse_ota(octets)
    assert (caught.value.path, caught.value.offset) == (path, offset)


@pytest.mark.parametrize(
    "wrong",
    [
        {"manufacturer": 0x10000},
        {"file_version": -1},
        {"text": b"x" * 33},
        {"text": b"x\0"},
        {"security_version": 256},
        {"hardware": HardwareRange(0, 0x10000)},
        {"other_bits": 1},
        {"other_bits": 0x10000},
        {"extra": bytes(0x10000)},
    ],
    ids=str,
)
def test_headers_that_cannot_be(wrong: dict[str, Any]) -> None:
    with pytest.raises(BuildError):
        replace(PLAIN, **wrong).octets()


def test_elements_that_cannot_be() -> None:
    with pytest.raises(BuildError) as caught:
        OtaFile.build(PLAIN, (Element(0, b""), Element(0x10000, b""))).octets()
    assert caught.value.path == "elements[1]"


# -- CS06 ------------------------------------------------------------------------------


def never(image: HeldImage) -> bool:
    raise AssertionError("started")


def works(image: HeldImage) -> bool:
    return True


def fails(image: HeldImage) -> bool:
    return False


def damaged(image: HeldImage) -> bytes:
    return bytes(32)


def test_an_immediate_activation() -> None:
    started: list[HeldImage] = []

    def start(image: HeldImage) -> bool:
        started.append(image)
        return True

    state, answer = STATE.instruct(Activation(HASH, COUNTER), COUNTER, SUPPLIER, NOW, start)
    assert answer == Answer(Outcome(ActivateCode.SUCCESS, NEW))
    assert state == FirmwareState(NEW)
    assert started == [HELD]
    # The image is spent; a setting keeps it.
    assert state.instruct(Activation(HASH, 2), 2, SUPPLIER, NOW, never).answer.outcome == (1, NEW)
    keeping = FirmwareSettings(keeps_image=True)
    state, _ = STATE.instruct(Activation(HASH, 2), 2, SUPPLIER, NOW, works, settings=keeping)
    assert state == FirmwareState(NEW, HELD)


FAILURES = [
    (FirmwareState(OLD), HASH, never, None, ActivateCode.NO_IMAGE_HELD),
    (FirmwareState(OLD), bytes(32), never, damaged, ActivateCode.NO_IMAGE_HELD),
    (STATE, HASH[::-1], never, None, ActivateCode.HASH_MISMATCH),
    (STATE, HASH, never, damaged, ActivateCode.HASH_MISMATCH),
    (STATE, HASH, fails, None, ActivateCode.ACTIVATION_FAILURE),
]


@pytest.mark.parametrize(("state", "wanted", "start", "rehash", "code"), FAILURES, ids=range(len(FAILURES)))
@pytest.mark.parametrize("dated", [False, True])
def test_failures_in_their_order(
    state: FirmwareState, wanted: bytes, start: Any, rehash: Any, code: ActivateCode, dated: bool
) -> None:
    """No image, another hash, a failing start; the old firmware runs on, the image stays."""
    more = {} if rehash is None else {"rehash": rehash}
    command = Activation(wanted, COUNTER, LATER if dated else None)
    after, answer = state.instruct(command, COUNTER, SUPPLIER, NOW, never if dated else start, **more)
    if not dated:
        assert answer.outcome == (code, OLD)
        assert after == state
        return
    assert answer.outcome is None
    done, alert, recipient = after.due(LATER, start, **more)
    assert done == state
    assert alert == DatedOutcome(0x8F67, LATER, COUNTER, Outcome(code, OLD))
    assert recipient == SUPPLIER


def test_a_dated_activation_waits_and_alerts() -> None:
    state, answer = STATE.instruct(Activation(HASH, COUNTER, LATER), COUNTER, SUPPLIER, NOW, never)
    assert answer.octets() == bytes.fromhex("0500")
    assert state == replace(STATE, pending=Pending(HASH, COUNTER, LATER, SUPPLIER))
    assert state.deadline == LATER
    assert STATE.deadline is None
    assert state.due(Utc(LATER.us - 1), never) == (state, None, None)
    after, alert, recipient = state.due(LATER, works)
    assert (after, recipient) == (FirmwareState(NEW), SUPPLIER)
    assert alert == DatedOutcome(0x8F66, LATER, COUNTER, Outcome(0, NEW))
    assert after.due(LATER, never) == (after, None, None)
    # Off at that time: the alert has the time it was done, in whole seconds.
    late = state.due(Utc(LATER.us + 90_500_000), works).alert
    assert late is not None
    assert late.at == LATER.plus(90)
    assert DatedOutcome.parse(late.octets()) == late


def test_a_later_command_takes_the_place() -> None:
    """Another date, another party, a cancellation, an immediate one: what was replaced is not told of."""
    pending = STATE.instruct(Activation(HASH, 1, LATER), 1, SUPPLIER, NOW, never).state
    again = pending.instruct(Activation(HASH, 2, LATER.plus(1)), 2, OTHER, NOW, never).state
    assert again.pending == Pending(HASH, 2, LATER.plus(1), OTHER)
    cancelled, answer = again.instruct(Activation(HASH, 3, CANCEL), 3, OTHER, NOW, never)
    assert (cancelled, answer) == (STATE, Answer(None))
    assert cancelled.instruct(Activation(HASH, 4, CANCEL), 4, OTHER, NOW, never) == (STATE, Answer(None))
    done = again.instruct(Activation(HASH, 5), 5, OTHER, NOW, works)
    assert done == (FirmwareState(NEW), Answer(Outcome(0, NEW)))
    failed = again.instruct(Activation(bytes(32), 5), 5, OTHER, NOW, never)
    assert failed == (STATE, Answer(Outcome(2, OLD)))


def test_a_date_in_the_past() -> None:
    """Accepted, and due at once; a setting has it answered with the outcome."""
    command = Activation(HASH, 1, NOW.plus(-60))
    state, answer = STATE.instruct(command, 1, SUPPLIER, NOW, never)
    assert answer.outcome is None
    alert = state.due(NOW, works).alert
    assert alert is not None
    assert (alert.alert_code, alert.at) == (0x8F66, NOW)
    settings = FirmwareSettings(past_answers_outcome=True)
    assert STATE.instruct(command, 1, SUPPLIER, NOW, works, settings=settings).answer.outcome == (0, NEW)
    dated = command._replace(at=NOW.plus(1))
    assert STATE.instruct(dated, 1, SUPPLIER, NOW, never, settings=settings).answer.outcome is None


@pytest.mark.parametrize("at", [None, LATER, CANCEL])
def test_another_counter_than_the_headers_is_refused(at: Utc | None) -> None:
    with pytest.raises(SecurityError) as caught:
        STATE.instruct(Activation(HASH, COUNTER, at), COUNTER + 1, SUPPLIER, NOW, never)
    assert caught.value.check is Check.COUNTER


def test_an_image_arrives() -> None:
    state, receipt = FirmwareState(OLD).received(HELD, True, NOW)
    assert (state, receipt) == (STATE, Receipt(VERIFIED, NOW, HASH))
    other = HeldImage(HASH[::-1], NEW)
    assert state.received(other, True, NOW)[0].held == other
    refused, receipt = state.received(other, False, NOW)
    assert refused.held is None
    assert receipt == Receipt(REFUSED, NOW, other.hash)


@pytest.mark.parametrize(
    "make",
    [
        lambda: FirmwareState(b"123"),
        lambda: FirmwareState(OLD, HeldImage(HASH, b"12345")),
        lambda: FirmwareState(OLD, HeldImage(b"short", NEW)),
        lambda: FirmwareState(OLD, None, Pending(b"short", 1, NOW, SUPPLIER)),
        lambda: Receipt(VERIFIED, NOW, b"short").dlms(1),
        lambda: Receipt(VERIFIED, NOW, b"short").gbz(),
        lambda: Activation(b"short", 1).octets(),
        lambda: Activation(HASH, 1 << 64).octets(),
        lambda: DatedOutcome(0x8F66, Utc(1), 1, Outcome(0, NEW)).octets(),
    ],
)
def test_what_no_message_can_carry(make: Any) -> None:
    with pytest.raises(BuildError):
        make()


@pytest.mark.parametrize("at", [None, LATER, CANCEL])
@pytest.mark.parametrize("counter", [0, COUNTER])
def test_commands_are_read_as_written(at: Utc | None, counter: int) -> None:
    command = Activation(HASH, counter, at)
    assert Activation.parse(command.octets()) == command


@pytest.mark.parametrize("outcome", [None, Outcome(0, NEW), Outcome(3, OLD)])
def test_answers_are_read_as_written(outcome: Outcome | None) -> None:
    assert Answer.parse(Answer(outcome).octets()) == Answer(outcome)


@pytest.mark.parametrize("kind", [Activation, Answer, DatedOutcome])
@given(octets=st.binary(max_size=60))
def test_any_octets_are_a_payload_or_a_parse_error(kind: Any, octets: bytes) -> None:
    try:
        found = kind.parse(octets)
    except ParseError:
        return
    assert kind.parse(found.octets()) == found


def test_payloads_octet_for_octet() -> None:
    hash_octets = "0420" + HASH.hex()
    assert Activation(HASH, 0x80).octets().hex() == "3026" + hash_octets + "02020080"
    assert Answer(Outcome(1, OLD)).octets().hex() == "3009020101040400000001"
    alert = DatedOutcome(0x8F66, NOW, 5, Outcome(0, NEW)).octets()
    assert alert.hex() == "3024" + "0203008f66" + "180f" + b"20240301000000Z".hex() + "020105" + (
        "3009020100040400000002"
    )


# -- receipts --------------------------------------------------------------------------


def test_receipts_octet_for_octet() -> None:
    receipt = Receipt(REFUSED, Utc.of(2015, 1, 1), HASH)
    assert receipt.dlms(0x1_0000_07D0).hex() == (
        "0f200007d000" + "0203" + "128f1c" + "090c07df0101ff000000008000ff" + "0920" + HASH.hex()
    )
    assert receipt.gbz().hex() == "010901" + "8f1c" + "1c374a80" + "0920" + HASH.hex()
    assert isinstance(parse_apdu(receipt.dlms(1)), DataNotification)
    alert = parse_gbz(receipt.gbz(), Cra.ALERT, 0x00CF)
    assert isinstance(alert, Alert)
    assert alert.content == ImageHash(HASH)


# -- the reference set -----------------------------------------------------------------


def messages(reference: Path) -> list[Message]:
    return [parse_message(octets) for octets in reference_octets(reference).values()]


def test_reference_commands_are_answered_as_there(reference: Path) -> None:
    """A device that holds the image asked for, of the version answered, answers octet for octet."""
    everything = messages(reference)
    answers = {(m.recipient, m.counter): m for m in everything if (m.code, m.kind) == (0x0012, Kind.RESPONSE)}
    shapes = set()
    for message in everything:
        if (message.code, message.kind) != (0x0012, Kind.COMMAND):
            continue
        command = Activation.parse(message.payload)
        assert command.octets() == message.payload
        answer = answers[message.originator, message.counter]
        version = OLD
        if (expected := Answer.parse(answer.payload)).outcome is not None:
            version = expected.outcome.version
        state = FirmwareState(OLD, HeldImage(command.hash, version))
        done = state.instruct(command, message.counter, message.originator, NOW, works)
        assert done.answer.octets() == answer.payload
        shapes.add((command.at is None, command.at == CANCEL, done.state.pending is not None))
    assert shapes == {(True, False, False), (False, True, False), (False, False, True)}


def test_reference_alerts_follow_from_their_commands(reference: Path) -> None:
    """Each alert, octet for octet, from the command whose counter it names."""
    everything = messages(reference)
    commands = {m.counter: m for m in everything if (m.code, m.kind) == (0x0012, Kind.COMMAND)}
    codes = set()
    for message in everything:
        if (message.code, message.kind) != (0x00CA, Kind.ALERT):
            continue
        expected = DatedOutcome.parse(message.payload)
        asked = commands[expected.counter]
        command = Activation.parse(asked.payload)
        succeeded = expected.outcome.code == ActivateCode.SUCCESS
        version = expected.outcome.version
        state = FirmwareState(OLD if succeeded else version, HeldImage(command.hash, version))
        state, _ = state.instruct(command, asked.counter, asked.originator, NOW, never)
        assert state.deadline is not None
        rehash: Any = (
            damaged if expected.outcome.code == ActivateCode.HASH_MISMATCH else lambda image: image.hash
        )
        _, alert, recipient = state.due(state.deadline, works, rehash)
        assert alert is not None
        assert alert.octets() == message.payload
        assert recipient == message.recipient
        codes.add(alert.alert_code)
    assert codes == {0x8F66, 0x8F67}


def test_reference_receipts(reference: Path) -> None:
    seen = set()
    for message in messages(reference):
        if message.kind is not Kind.ALERT or message.code not in (0x00CE, 0x00CF):
            continue
        if message.code == 0x00CE:
            apdu = parse_apdu(message.payload)
            assert isinstance(apdu, DataNotification)
            code, time, digest = (node.value for node in apdu.body.value)
            built = Receipt(code, Utc.from_cosem(time), digest).dlms(message.counter)
        else:
            alert = parse_gbz(message.payload, Cra.ALERT, message.code)
            assert isinstance(alert, Alert)
            assert isinstance(alert.content, ImageHash)
            built = Receipt(alert.code, Utc.from_seconds(alert.seconds), alert.content.hash).gbz()
        assert built == message.payload
        seen.add(message.code)
    assert seen == {0x00CE, 0x00CF}


@pytest.mark.parametrize(
    ("code", "kind", "values"),
    [
        (0x0128, Kind.ALERT, {"alertCode": 0x8F8A, "executionDateTime": NOW, "deviceID": bytes(DESTINATION),
                              "firmwareVersion": NEW, "responseCode": 0}),
        (0x0129, Kind.RESPONSE, {"firmwareVersion": NEW, "responseCode": 0}),
        (0x012B, Kind.ALERT, {"alertCode": 0x8F8B, "executionDateTime": NOW, "firmwareVersion": NEW,
                              "activateImage": 0}),
    ],
)  # fmt: skip
def test_the_other_firmware_payloads_are_declared(code: int, kind: Kind, values: dict[str, Any]) -> None:
    declared = payload_type(code, kind)
    assert declared is not None
    element = element_of(declared, values)
    assert decode(declared, encode(element)) == element
