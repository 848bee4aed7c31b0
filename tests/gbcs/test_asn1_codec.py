"""ASN.1 payloads: every declaration both ways, whole, cut short, damaged, and from noise."""

import copy
import json
import re
from collections import Counter
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from gbcs.asn1.codec import Element, decode, element_of, encode, plain, spans
from gbcs.asn1.fields import build_payload, payload_fields
from gbcs.asn1.payload_rows import (
    ACTIVATE_FIRMWARE_COMMAND,
    ACTIVATE_FIRMWARE_RESPONSE,
    JOIN_COMMAND,
    PAYLOADS,
    PROVIDE_CREDENTIALS_COMMAND,
    READ_LOG_COMMAND,
    SET_CLOCK_COMMAND,
    UNJOIN_RESPONSE,
    UPDATE_CREDENTIALS_RESPONSE,
)
from gbcs.asn1.payloads import named_type, payload_type, payload_types
from gbcs.asn1.remarks import subject_remark
from gbcs.asn1.schema import (
    Asn1Type,
    BitString,
    Choice,
    Field,
    GeneralizedTime,
    Integer,
    Leaf,
    Null,
    OctetString,
    Opaque,
    Sequence,
    SequenceOf,
)
from gbcs.errors import BuildError, ParseError
from gbcs.ids import Cra, Kind, Payload
from gbcs.message import parse_message
from gbcs.time import Utc
from gbcs.usecases import by_code, table
from tests.gbcs.asn1_segments import asn1_pieces
from tests.gbcs.fuzz import damaged
from tests.gbcs.reference_messages import octets as reference_octets
from tests.vectors import make

VECTORS = make.asn1_payloads()
KINDS = {Cra.COMMAND: Kind.COMMAND, Cra.RESPONSE: Kind.RESPONSE, Cra.ALERT: Kind.ALERT}
FORMS = st.sampled_from((0, 0, 0, 0, 3, 4, 9))


def declared(vector: Any) -> Asn1Type:
    found = payload_type(vector.code, KINDS[vector.cra])
    assert found is not None
    return found


every = pytest.mark.parametrize("vector", VECTORS.values(), ids=VECTORS.keys())


def check_both_ways(kind: Asn1Type, octets: bytes) -> Element:
    """Octets come back from the tree, from its fields, and from the second writer."""
    element = decode(kind, octets)
    assert encode(element) == octets
    fields = json.loads(json.dumps(payload_fields(element)))
    assert build_payload(fields) == octets
    assert b"".join(piece[2] for piece in asn1_pieces(fields)) == octets
    return element


@every
def test_round_trip(vector: Any) -> None:
    element = check_both_ways(declared(vector), vector.octets)
    values = element_of(element.type, plain(element))
    if not any(span.element.form for span in spans(element)):
        assert values == element
        assert encode(values) == vector.octets
    assert plain(values) == plain(element)


def test_every_declaration_has_a_vector() -> None:
    seen = {declared(vector).name for vector in VECTORS.values()}
    assert seen == {kind.name for kind in payload_types()}
    assert len(seen) == 29


def test_every_component_is_there_once_and_absent_once() -> None:
    """The vectors take every optional component and alternative, and leave every optional one out."""
    present: Counter[tuple[str, str]] = Counter()
    absent: Counter[tuple[str, str]] = Counter()
    for vector in VECTORS.values():
        for span in spans(decode(declared(vector), vector.octets)):
            kind = span.element.type
            if isinstance(kind, Sequence | Choice):
                names = {name for name, _ in span.element.value}
                for row in kind.fields if isinstance(kind, Sequence) else kind.alternatives:
                    (present if row.name in names else absent)[kind.name, row.name] += 1
    for kind in all_types():
        for row in kind.fields if isinstance(kind, Sequence) else ():
            assert present[kind.name, row.name], (kind.name, row.name)
            if row.optional:
                assert absent[kind.name, row.name], (kind.name, row.name)
        for row in kind.alternatives if isinstance(kind, Choice) else ():
            assert present[kind.name, row.name], (kind.name, row.name)


def all_types() -> list[Asn1Type]:
    """Every declaration, shared ones included."""
    found: dict[int, Asn1Type] = {}

    def visit(kind: Asn1Type) -> None:
        found[id(kind)] = kind
        if isinstance(kind, Sequence):
            for row in kind.fields:
                visit(row.type)
        elif isinstance(kind, Choice):
            for row in kind.alternatives:
                visit(row.type)
        elif isinstance(kind, SequenceOf):
            visit(kind.item)

    for kind in payload_types():
        visit(kind)
    return list(found.values())


def test_the_table_is_that_of_the_use_cases() -> None:
    """Each ASN.1 use case with a message has a declaration for every kind it has, and no other."""
    for row in table():
        if row.code is None or row.payload is not Payload.ASN1:
            assert not any(payload_type(row.code or 0, kind) for kind in Kind), row.name
            continue
        assert all(payload_type(row.code, kind) for kind in row.kinds), row.name
    assert all(
        row is not None and row.payload is Payload.ASN1 for row in map(by_code, {c for c, _ in PAYLOADS})
    )


@every
def test_cut_short(vector: Any) -> None:
    """Invariant: no beginning of a payload is a payload; the error is where it ends or before."""
    for cut in range(len(vector.octets)):
        with pytest.raises(ParseError) as caught:
            decode(declared(vector), vector.octets[:cut])
        assert 0 <= caught.value.offset <= cut
        assert caught.value.path.startswith("value")


@every
def test_nothing_may_follow(vector: Any) -> None:
    with pytest.raises(ParseError) as caught:
        decode(declared(vector), vector.octets + b"\0")
    assert caught.value.offset == len(vector.octets)


@every
def test_spans_cover_the_octets(vector: Any) -> None:
    """The leaves and the headers around them follow each other without a gap."""
    found = list(spans(decode(declared(vector), vector.octets), 100))
    covered = bytearray(len(vector.octets))
    for span in found:
        assert vector.octets[span.offset - 100] in range(256)
        leaf = isinstance(span.element.type, Leaf)
        for at in range(span.offset, span.end if leaf else span.start):
            covered[at - 100] += 1
        if isinstance(span.element.type, Choice):
            assert span.start == span.offset
    assert covered == bytes((1,)) * len(vector.octets)


@pytest.mark.parametrize("count", [10_000, pytest.param(1_000_000, marks=pytest.mark.long)])
def test_damaged_and_arbitrary_octets(count: int) -> None:
    """Invariant: octets come back octet for octet, or raise ParseError and nothing else."""
    random = Random(5)
    sound = list(VECTORS.values())
    types = payload_types()
    parsed = 0
    for _ in range(count):
        vector = random.choice(sound)
        if random.random() < 0.9:
            kind, octets = declared(vector), damaged(random, vector.octets)
        else:
            kind = random.choice(types)
            octets = random.choice((b"", b"\x30", b"\x02", b"\x04", b"\x05")) + random.randbytes(
                random.randrange(40)
            )
        try:
            element = decode(kind, octets)
        except ParseError as error:
            if not (0 <= error.offset <= len(octets) and error.path.startswith("value")):
                raise
            continue
        parsed += 1
        assert encode(element) == octets
        assert build_payload(payload_fields(element)) == octets
    assert count * 0.05 < parsed < count * 0.95


# -- trees made from the declarations --------------------------------------------------------


def trees(kind: Asn1Type) -> st.SearchStrategy[Element]:
    """Any element of a declaration, length forms included."""
    if isinstance(kind, Opaque):
        return st.binary(max_size=200).map(lambda inside: Element(kind, opaque(inside)))
    if isinstance(kind, Leaf):
        return st.builds(lambda value, form: Element(kind, value, form), leaf_values(kind), FORMS)
    if isinstance(kind, SequenceOf):
        return st.builds(
            lambda items, form: Element(kind, tuple(items), form),
            st.lists(trees(kind.item), max_size=3),
            FORMS,
        )
    if isinstance(kind, Choice):
        return st.one_of(*(component(row) for row in kind.alternatives)).map(
            lambda taken: Element(kind, (taken,))
        )
    assert isinstance(kind, Sequence)
    return st.builds(
        lambda parts, form: Element(kind, tuple(part for part in parts if part), form),
        st.tuples(*(component(row) for row in kind.fields)),
        FORMS,
    )


def component(row: Field) -> st.SearchStrategy[tuple[str, Element] | None]:
    there = trees(row.type).map(lambda element: (row.name, element))
    return st.one_of(st.none(), there) if row.optional else there


def opaque(inside: bytes) -> bytes:
    size = bytes((len(inside),)) if len(inside) < 128 else bytes((0x81, len(inside)))
    return b"\x30" + size + inside


def leaf_values(kind: Leaf) -> st.SearchStrategy[Any]:
    if isinstance(kind, Integer):
        named = st.sampled_from([number for _, number in kind.values] or [kind.lo])
        return st.one_of(named, st.integers(kind.lo, kind.hi))
    if isinstance(kind, BitString):
        return st.sets(st.integers(0, 63), max_size=4).map(lambda bits: tuple(sorted(bits)))
    if isinstance(kind, OctetString):
        return st.binary(min_size=kind.lo, max_size=min(kind.hi, 300))
    if isinstance(kind, GeneralizedTime):
        return st.datetimes().map(lambda m: Utc.of(m.year, m.month, m.day, m.hour, m.minute, m.second))
    assert isinstance(kind, Null)
    return st.none()


def fitting(element: Element) -> bool:
    """Whether every form is of use: not the usual count of octets, and wide enough."""
    try:
        octets = encode(element)
    except BuildError:
        return False
    for span in spans(element):
        size = span.end - span.start
        usual = 1 if size < 128 else 2 if size < 256 else 3
        if span.element.form == usual:
            return False
    return len(octets) > 0


@given(st.data(), st.sampled_from(payload_types()))
def test_any_tree(data: st.DataObject, kind: Asn1Type) -> None:
    """Invariant: whatever a declaration allows is written and read back the same."""
    element = data.draw(trees(kind))
    assume(fitting(element))
    octets = encode(element)
    assert check_both_ways(kind, octets) == element
    assert decode(kind, encode(element_of(kind, plain(element)), wide=True))


# -- strictness --------------------------------------------------------------------------------

CLOCK, START = "3011180F", "value.validityIntervalStart"
REFUSED = [
    (UNJOIN_RESPONSE, "0200", 2, "value", "without octets"),
    (UNJOIN_RESPONSE, "02020001", 2, "value", "longer than it need be"),
    (UNJOIN_RESPONSE, "0202FF80", 2, "value", "longer than it need be"),
    (UNJOIN_RESPONSE, "02050100000000", 2, "value", "not a number from"),
    (UNJOIN_RESPONSE, "0A0100", 0, "value", "tag 02"),
    (UNJOIN_RESPONSE, "0280", 1, "value", "80"),
    (UNJOIN_RESPONSE, "02010000", 3, "value", "1 octets left over"),
    (READ_LOG_COMMAND, "050100", 2, "value", "NULL"),
    (ACTIVATE_FIRMWARE_RESPONSE, "0201", 0, "value", "05 or 30"),
    (JOIN_COMMAND, "30080201000403000000", 7, "value.otherDeviceEntityIdentifier", "8 octets expected"),
    (JOIN_COMMAND, "3003020100", 5, "value.otherDeviceEntityIdentifier", "missing"),
    (
        PROVIDE_CREDENTIALS_COMMAND,
        "300B3007020102030206803000",
        9,
        "value.authorisingRemotePartyTACellIdentifier.trustAnchorCellKeyUsage",
        "not the least octets",
    ),
    (
        PROVIDE_CREDENTIALS_COMMAND,
        "300B3007020102030207C03000",
        9,
        "value.authorisingRemotePartyTACellIdentifier.trustAnchorCellKeyUsage",
        "not the least octets",
    ),
    (
        PROVIDE_CREDENTIALS_COMMAND,
        "300C300702010203020780300102",
        14,
        "value.remotePartyRolesCredentialsRequired[0]",
        "length octet is missing",
    ),
    (UPDATE_CREDENTIALS_RESPONSE, "300405000500", 4, "value", "left over"),
    (SET_CLOCK_COMMAND, CLOCK + b"20230229000000Z".hex(), 4, START, "no such date"),
    (SET_CLOCK_COMMAND, CLOCK + b"20230228240000Z".hex(), 4, START, "no such date"),
    (SET_CLOCK_COMMAND, CLOCK + b"00000101000000Z".hex(), 4, START, "no such date"),
    (SET_CLOCK_COMMAND, CLOCK + b"2023022800000 Z".hex(), 4, START, "14 digits"),
    (SET_CLOCK_COMMAND, "300F180D" + b"202302280000Z".hex(), 4, START, "14 digits"),
    (ACTIVATE_FIRMWARE_COMMAND, "30250420" + "00" * 32 + "0201FF", 38, "value.originatorCounter", ""),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "octets", "offset", "path", "reason"), REFUSED)
def test_what_is_refused(kind: Asn1Type, octets: str, offset: int, path: str, reason: str) -> None:
    with pytest.raises(ParseError) as caught:
        decode(kind, bytes.fromhex(octets))
    assert (caught.value.offset, caught.value.path) == (offset, path)
    assert reason in caught.value.reason


def test_a_payload_without_message_has_no_name() -> None:
    with pytest.raises(BuildError):
        named_type("JoinDevice.AlertPayload")
    assert payload_type(0x000D, Kind.ALERT) is None


# -- building ------------------------------------------------------------------------------------

JOIN = {"joinMethodAndRole": 2, "otherDeviceEntityIdentifier": bytes(8), "otherDeviceType": 6}
NOT_BUILT: list[tuple[Asn1Type, Any, str]] = [
    (JOIN_COMMAND, [], "value"),
    (JOIN_COMMAND, {}, "value.joinMethodAndRole"),
    (JOIN_COMMAND, {**JOIN, "otherDeviceTyp": 1}, "value"),
    (JOIN_COMMAND, {**JOIN, "otherDeviceType": "eSME"}, "value.otherDeviceType"),
    (JOIN_COMMAND, {**JOIN, "otherDeviceType": 2**32}, "value.otherDeviceType"),
    (JOIN_COMMAND, {**JOIN, "otherDeviceEntityIdentifier": bytes(7)}, "value.otherDeviceEntityIdentifier"),
    (JOIN_COMMAND, {**JOIN, "otherDeviceCertificate": b""}, "value.otherDeviceCertificate"),
    (JOIN_COMMAND, {**JOIN, "otherDeviceCertificate": b"\x30\x01"}, "value.otherDeviceCertificate"),
    (JOIN_COMMAND, {**JOIN, "otherDeviceCertificate": b"\x30\x82"}, "value.otherDeviceCertificate"),
    (ACTIVATE_FIRMWARE_RESPONSE, {}, "value"),
    (ACTIVATE_FIRMWARE_RESPONSE, {"commandAccepted": 0}, "value.commandAccepted"),
    (ACTIVATE_FIRMWARE_RESPONSE, {"commandAccepted": None, "executionOutcome": {}}, "value"),
    (SET_CLOCK_COMMAND, {"validityIntervalStart": Utc(1)}, START),
    (SET_CLOCK_COMMAND, {"validityIntervalStart": Utc(10**18)}, START),
    (PROVIDE_CREDENTIALS_COMMAND, {"authorisingRemotePartyTACellIdentifier": {
        "trustAnchorCellRemotePartyRole": 2, "trustAnchorCellKeyUsage": (64,)}},
     "value.authorisingRemotePartyTACellIdentifier.trustAnchorCellKeyUsage"),
    (PROVIDE_CREDENTIALS_COMMAND, {"authorisingRemotePartyTACellIdentifier": {
        "trustAnchorCellRemotePartyRole": 2, "trustAnchorCellKeyUsage": (0,)},
        "remotePartyRolesCredentialsRequired": 2}, "value.remotePartyRolesCredentialsRequired"),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "values", "path"), NOT_BUILT, ids=range(len(NOT_BUILT)))
def test_values_that_do_not_fit(kind: Asn1Type, values: Any, path: str) -> None:
    with pytest.raises(BuildError) as caught:
        element_of(kind, values)
    assert caught.value.path == path


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"asn1": 1}, "payload.asn1"),
        ({"asn1": "JoinDevice"}, "payload.asn1"),
        ({"value": None}, "payload.value"),
        ({"length_forms": {"value": 1}}, "payload.length_forms.value"),
        ({"length_forms": {"value": True}}, "payload.length_forms.value"),
        ({"length_forms": {"value.otherDevice": 3}}, "payload.length_forms"),
        ({"length_forms": {"value.otherDeviceType": 2}}, None),
        ({"length_forms": []}, "payload.length_forms"),
    ],
)
def test_fields_that_do_not_fit(change: dict[str, Any], path: str | None) -> None:
    vector = VECTORS["join-command"]
    fields = payload_fields(decode(JOIN_COMMAND, vector.octets))
    assert build_payload(fields) == vector.octets
    changed = {**copy.deepcopy(fields), **change}
    if path is None:
        assert build_payload(changed) != vector.octets
        return
    with pytest.raises(BuildError) as caught:
        build_payload(changed)
    assert caught.value.path == path


def test_a_missing_value_is_named() -> None:
    with pytest.raises(BuildError) as caught:
        build_payload({"asn1": READ_LOG_COMMAND.name})
    assert caught.value.path == "payload.value"
    assert build_payload({"asn1": READ_LOG_COMMAND.name, "value": None}) == b"\x05\x00"


def test_names_and_numbers_build_the_same() -> None:
    fields = payload_fields(decode(JOIN_COMMAND, VECTORS["join-command"].octets))
    assert fields["value"] == {
        "joinMethodAndRole": "methodAInitiator",
        "otherDeviceEntityIdentifier": "00DB12345678AB01",
        "otherDeviceType": "type1PrepaymentInterfaceDevice",
    }
    numbers = {**fields["value"], "joinMethodAndRole": 0, "otherDeviceType": 5}
    assert build_payload({**fields, "value": numbers}) == build_payload(fields)


def test_certificates_carry_a_remark() -> None:
    supplier = payload_fields(decode(declared(v := VECTORS["replace-command"]), v.octets))
    certificate = supplier["value"]["replacements"][0]["replacementCertificate"]
    assert re.fullmatch(r"(CN .*, )?OU 7F, id 90B3D51F30AB0003", certificate["subject"])
    for name in ("install-command", "issue-response"):
        shown = payload_fields(decode(declared(v := VECTORS[name]), v.octets))["value"]
        shown = shown.get("certificationRequest", shown)
        assert shown["subject"] == "device 00DB12345678AB01", name


@given(st.binary(max_size=200), st.sampled_from([v.octets for v in VECTORS.values()]), st.randoms())
def test_a_remark_is_never_in_the_way(noise: bytes, sound: bytes, random: Random) -> None:
    """Invariant: a remark is a text or nothing, whatever the octets."""
    for octets in (noise, opaque(noise), damaged(random, sound)):
        assert isinstance(subject_remark(octets), str | None)


# -- reference ---------------------------------------------------------------------------------


def test_reference_payloads(reference: Path) -> None:
    """Every ASN.1 payload parses under its declaration and comes back, also from its plain values."""
    seen: Counter[str] = Counter()
    long_lengths = 0
    for name, octets in reference_octets(reference).items():
        message = parse_message(octets)
        row = by_code(message.code)
        if row is None or row.payload is not Payload.ASN1:
            continue
        kind = payload_type(message.code, message.kind)
        assert kind is not None, name
        element = check_both_ways(kind, message.payload)
        formed = any(span.element.form for span in spans(element))
        assert encode(element_of(kind, plain(element)), wide=formed) == message.payload
        long_lengths += formed
        seen[message.kind.value] += 1
        for cut in range(0, len(message.payload), 7):
            with pytest.raises(ParseError):
                decode(kind, message.payload[:cut])
    assert sum(seen.values()) == 138
    assert long_lengths > 10
