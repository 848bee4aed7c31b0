"""Sealing content as a device does: every form there is, against the reference and a second opinion."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gbcs.dlms.apdu import AccessRequest, AccessResponse, Choice, DataNotification, parse_apdu
from gbcs.dlms.axdr import Data, Tag, array, data_octets, number, octet_string, read_data, structure
from gbcs.dlms.protection import (
    NO_RESTRICTION,
    Parameters,
    answer_parameters,
    plain,
    protected_elements,
    protected_request,
    protected_value,
    protection_parameters,
    read_protected,
    read_protected_elements,
    request_parameters,
)
from gbcs.dlms.protection_rows import protected_read, table
from gbcs.dlms.selective import Range
from gbcs.dlms.types import TypeMismatch
from gbcs.errors import BuildError, Check, ParseError, SecurityError
from gbcs.ids import Cra, EntityId, KeyUsage, Kind
from gbcs.message import Message, OtherInformation, parse_message
from gbcs.security.content import (
    ContentSealer,
    alert_draft,
    answer_draft,
    answer_information,
    answer_key,
    takes_own_counter,
)
from gbcs.security.folder import FolderKeyStore
from gbcs.security.keys import SharedSecrets
from gbcs.security.store import KeyStore
from gbcs.security.verify import Verifier
from gbcs.zcl.gbz import Alert, Component, Components, Sealed, parse_gbz
from gbcs.zcl.protection import BILLING_ALERT, ComponentKind, seal_components, sealed_component, sealed_kinds
from gbcs.zcl.types import Node
from tests.gbcs.reference_messages import octets as reference_octets
from tests.vectors import check, make

STORE = make.store()
VERIFIER = Verifier(STORE)
VALUES = (number(Tag.DOUBLE_LONG_UNSIGNED, 5), structure(number(Tag.UNSIGNED, 1), octet_string(b"abc")))
CERTIFICATE = next(
    c.der for c in STORE.all() if c.entity == make.UNKNOWN and c.usage is KeyUsage.KEY_AGREEMENT
)


def command(code: int, supplementary: OtherInformation | None = None) -> Message:
    """A command of the supplier, or of the broker for somebody else."""
    sender = make.SUPPLIER if supplementary is None else make.BROKER
    other = supplementary or OtherInformation(code)
    return Message.plain(Cra.COMMAND, make.COUNTER, sender, make.METER, other, b"")


KNOWN = command(0x0027)
FOR_OTHER = command(0x0027, OtherInformation(0x0027, make.UNKNOWN, 7))
WITH_CERTIFICATE = command(0x0034, OtherInformation(0x0034, make.UNKNOWN, 7, None, CERTIFICATE))


def secret(one: EntityId, other: EntityId, store: KeyStore = STORE) -> bytes:
    pair = [store.find(party, KeyUsage.KEY_AGREEMENT) for party in (one, other)]
    assert pair[0] is not None
    assert pair[1] is not None
    return SharedSecrets(store).between(pair[0], pair[1])


def sealer_of(draft: Message, store: KeyStore = STORE) -> ContentSealer:
    """The sealer of a device, with its secret with whoever reads."""
    reader = draft.other.party or draft.recipient
    return ContentSealer.of(draft, secret(draft.originator, reader, store))


# -- which key, which form -------------------------------------------------------------


def test_the_form_of_the_answer() -> None:
    """2, 18 and 26 octets; the certificate goes no way back (reference: gbcs-messages 2.4)."""
    assert len(answer_information(KNOWN).octets()) == 2
    assert answer_information(FOR_OTHER) == OtherInformation(0x0027, make.UNKNOWN, 7)
    assert len(answer_information(WITH_CERTIFICATE).octets()) == 18
    assert len(answer_information(WITH_CERTIFICATE, 9).octets()) == 26
    assert [takes_own_counter(c) for c in (KNOWN, FOR_OTHER, WITH_CERTIFICATE)] == [False, False, True]
    assert not takes_own_counter(WITH_CERTIFICATE, False)
    with pytest.raises(BuildError, match="another party"):
        answer_information(KNOWN, 9)


@pytest.mark.parametrize(
    ("asked", "own_counter", "expected"),
    [
        (KNOWN, None, (make.METER, make.SUPPLIER, make.COUNTER)),
        (FOR_OTHER, None, (make.METER, make.UNKNOWN, make.COUNTER)),
        (WITH_CERTIFICATE, None, (make.METER, make.UNKNOWN, make.COUNTER)),
        (WITH_CERTIFICATE, 9, (make.METER, make.UNKNOWN, 9)),
    ],
)
def test_whose_key_and_what_the_parameters_say(
    asked: Message, own_counter: int | None, expected: tuple[EntityId, EntityId, int]
) -> None:
    """The key takes the supplementary fields, the parameters show the header's."""
    assert answer_key(asked, own_counter) == expected
    draft = answer_draft(asked, own_counter)
    assert (draft.kind, draft.counter, draft.code) == (Kind.RESPONSE, asked.counter, asked.code)
    assert answer_parameters(draft) == (make.COUNTER, make.METER, asked.originator)
    sealer = sealer_of(draft)
    datum = sealer.dlms_value(VALUES)
    parameters, octets = read_protected(datum)
    assert parameters == answer_parameters(draft)
    sent = replace(draft, payload=data_octets(datum)).encoded()
    plaintext = check.plaintext(sent.octets, octets, lambda a, b: secret(EntityId(a), EntityId(b)))
    assert plaintext == data_octets(structure(*VALUES))
    assert VERIFIER.unseal(sent, octets) == sealer.unseal(octets) == plaintext


def test_nobody_else_reads_it() -> None:
    draft = answer_draft(WITH_CERTIFICATE, 9)
    octets = sealer_of(draft).seal(b"content")
    for_broker = ContentSealer.of(draft, secret(make.METER, make.BROKER))
    other_counter = sealer_of(answer_draft(WITH_CERTIFICATE, 10))
    for other in (for_broker, other_counter, sealer_of(answer_draft(KNOWN))):
        with pytest.raises(SecurityError) as caught:
            other.unseal(octets)
        assert caught.value.check is Check.DECRYPTION
    with pytest.raises(ParseError):
        for_broker.unseal(b"")


def test_the_key_does_not_show() -> None:
    sealer = sealer_of(answer_draft(KNOWN))
    shared = secret(make.METER, make.SUPPLIER)
    key = sealer.content.derive(shared)
    for hidden in (shared, key):
        assert hidden.hex() not in repr(sealer)
        assert repr(hidden) not in repr(sealer)


def test_commands_are_never_sealed_and_answers_not_answered() -> None:
    with pytest.raises(BuildError, match="nothing is encrypted"):
        ContentSealer.of(KNOWN, bytes(32))
    with pytest.raises(BuildError, match="a response is not answered"):
        answer_draft(answer_draft(KNOWN))


# -- DLMS ------------------------------------------------------------------------------


def test_a_protected_value_octet_for_octet() -> None:
    """As the table of gbcs-crypto 8.1."""
    parameters = Parameters(0x03E9, make.METER, make.SUPPLIER)
    expected = (
        "0202 0101 0202 1602 0205 0909 04 00000000000003E9 0908 00DB12345678AB01 0908 90B3D51F30AB0001"
        "0900 0202 1602 0202 090102 0900 09 12 3100000000" + "AA" * 13
    )
    sealed = bytes.fromhex("3100000000" + "AA" * 13)
    octets = data_octets(protected_value(parameters, sealed))
    assert octets == bytes.fromhex(expected)
    node, _ = read_data(octets)
    assert read_protected(node) == (parameters, sealed)
    array_node, string_node = protected_elements(parameters, sealed)
    assert data_octets(array_node) + data_octets(string_node) == octets[2:]
    assert read_protected_elements((array_node, string_node)) == (parameters, sealed)


PARAMETERS = protection_parameters(1, make.METER, make.SUPPLIER)
OPTIONS = PARAMETERS.value[1].value


def with_options(*first: bytes, kind: int = 2) -> Data:
    """A protected value whose first options are others."""
    options = structure(*map(octet_string, first), *OPTIONS[len(first) :])
    return structure(array(structure(number(Tag.ENUM, kind), options)), octet_string(b""))


NOT_PROTECTED = [
    Data(0, None),
    structure(),
    structure(array(PARAMETERS)),
    structure(array(PARAMETERS), octet_string(b""), octet_string(b"")),
    structure(array(PARAMETERS, PARAMETERS), octet_string(b"")),
    structure(array(), octet_string(b"")),
    structure(structure(PARAMETERS), octet_string(b"")),
    array(array(PARAMETERS), octet_string(b"")),
    structure(array(PARAMETERS), number(Tag.DOUBLE_LONG_UNSIGNED, 0xFFFF_FFFF)),
    structure(array(PARAMETERS), Data(Tag.UTF8_STRING, b"")),
    structure(array(PARAMETERS.value[1]), octet_string(b"")),
    with_options(kind=1),
    with_options(b"\x04" + bytes(9)),
    with_options(b"\x04\xff" + bytes(8)),
    with_options(b"\x02" + bytes(8)),
    with_options(OPTIONS[0].value, bytes(7)),
    with_options(OPTIONS[0].value, bytes(8), bytes(8), b"x"),
]


def test_the_options_are_those_of_a_protected_value() -> None:
    assert read_protected(with_options()).parameters == (1, make.METER, make.SUPPLIER)


@pytest.mark.parametrize("datum", NOT_PROTECTED, ids=range(len(NOT_PROTECTED)))
def test_what_is_no_protected_value(datum: Data) -> None:
    with pytest.raises(TypeMismatch):
        read_protected(datum)


@given(st.binary(max_size=200))
def test_any_datum_is_a_protected_value_or_a_mismatch(tail: bytes) -> None:
    whole = data_octets(protected_value(Parameters(1, make.METER, make.SUPPLIER), b"x"))
    for octets in (tail, whole[: len(tail)] + tail, bytes(a ^ b for a, b in zip(whole, tail, strict=False))):
        try:
            datum, _ = read_data(octets)
            found = read_protected(datum)
        except (ParseError, TypeMismatch):
            continue
        assert plain(protected_value(*found)) == plain(datum)


def test_requests_name_who_reads() -> None:
    assert request_parameters(KNOWN) == (make.COUNTER, make.SUPPLIER, make.METER)
    assert request_parameters(WITH_CERTIFICATE) == (make.COUNTER, make.UNKNOWN, make.METER)


@pytest.mark.parametrize("row", table(), ids=lambda row: row.use_case)
def test_requests(row: object) -> None:
    read = next(r for r in table() if r is row)
    within = Range(0, 86_400) if read.dated else None
    objects, parameters = protected_request(read, *request_parameters(KNOWN), within).value
    assert parameters == array(protection_parameters(make.COUNTER, make.SUPPLIER, make.METER))
    assert [node.value[0].value for node in objects.value] == [member.class_id for member in read.contents]
    assert (objects.value[0].value[4] == NO_RESTRICTION) is not read.dated
    with pytest.raises(BuildError, match="dates"):
        protected_request(read, *request_parameters(KNOWN), None if read.dated else Range(0, 1))


def test_the_alert_has_two_elements() -> None:
    """ECS68: not wrapped in a structure of their own."""
    draft = alert_draft(make.METER, make.SUPPLIER, 0x7D1, OtherInformation(0x0061))
    sealer = sealer_of(draft)
    elements = sealer.dlms_elements(VALUES)
    assert [node.tag for node in elements] == [Tag.ARRAY, Tag.OCTET_STRING]
    named, octets = read_protected_elements(elements)
    assert named == (0x7D1, make.METER, make.SUPPLIER)
    assert VERIFIER.unseal(draft, octets) == data_octets(structure(*VALUES))


# -- GBZ -------------------------------------------------------------------------------

OPAQUE = Component(0x0702, 0x18, 0, 1, ())
DEFAULT = Component(0x0702, 0x08, 1, 0x0B, (Node(0x20, 0), Node(0x20, 1)))
OTHER_CLUSTER = Component(0x0705, 0x18, 2, 1, ())


def test_only_some_components_are_encrypted_and_they_are_counted() -> None:
    draft = answer_draft(command(0x0074))  # GCS13a
    sealer = sealer_of(draft)
    given_components = (OPAQUE, DEFAULT, OTHER_CLUSTER, OPAQUE._replace(sequence=3))
    done = sealer.gbz_response(given_components).components
    assert [isinstance(c.body, Sealed) for c in done] == [True, False, False, True]
    assert [c.body.frame_counter for c in done if isinstance(c.body, Sealed)] == [0, 1]
    assert done[1:3] == given_components[1:3]
    first, last = done[0].body, done[3].body
    assert isinstance(first, Sealed)
    assert isinstance(last, Sealed)
    # The same key, IV and plaintext: the same octets, whatever the frame counter is.
    assert first.octets == last.octets
    assert sealer.unseal(first.octets) == b""
    octets = Components(done).octets()
    assert parse_gbz(octets, Cra.RESPONSE).octets() == octets


@pytest.mark.parametrize("code", [0x008D, 0x0001, 0xFFFF])
def test_use_cases_without_encryption(code: int) -> None:
    assert sealed_kinds(code) == frozenset()
    assert sealer_of(answer_draft(command(code))).gbz_response((OPAQUE,)).components == (OPAQUE,)


def test_sealing_twice_is_refused() -> None:
    sealer = sealer_of(answer_draft(command(0x0074)))
    once = sealed_component(OPAQUE, 0, sealer.seal)
    with pytest.raises(BuildError, match="already"):
        seal_components([once], {ComponentKind.of(once)}, sealer.seal)


# -- sealed again -----------------------------------------------------------------


class Again:
    """Messages with protected content, and the means to seal it again."""

    def __init__(self, store: KeyStore, messages: list[Message]) -> None:
        self.store = store
        self.verifier = Verifier(store)
        self.messages = messages

    def sealed(self) -> Iterator[Message]:
        yield from (m for m in self.messages if m.cra is not Cra.COMMAND and b"\x31\0\0\0\0" in m.payload)

    def sealed_again(self, message: Message) -> bytes:
        """The payload, its protected content unsealed and sealed again."""
        sealer = sealer_of(message, self.store)
        if message.payload[:2] == b"\x01\x09":
            gbz = parse_gbz(message.payload, message.cra, message.code)
            if isinstance(gbz, Alert):
                assert isinstance(gbz.content, Component)
                opened = self._opened(message, gbz.content)
                return sealer.gbz_alert(gbz.code, gbz.seconds, opened).octets()
            return sealer.gbz_response([self._opened(message, c) for c in gbz.components]).octets()
        apdu = parse_apdu(message.payload)
        if isinstance(apdu, AccessResponse):
            items = tuple(
                item._replace(data=sealer.dlms_value(self._values(message, read_protected(item.data).octets)))
                if item.data.tag
                else item
                for item in apdu.items
            )
            return replace(apdu, items=items).octets()
        assert isinstance(apdu, DataNotification)
        code, time, *elements = apdu.body.value
        values = self._values(message, read_protected_elements(tuple(elements)).octets)
        return replace(apdu, body=structure(code, time, *sealer.dlms_elements(values))).octets()

    def _values(self, message: Message, octets: bytes) -> tuple[Data, ...]:
        plaintext = self.verifier.unseal(message, octets)
        data, end = read_data(plaintext)
        assert end == len(plaintext)
        values: tuple[Data, ...] = data.value
        return values

    def _opened(self, message: Message, component: Component) -> Component:
        if not isinstance(component.body, Sealed):
            return component
        return component._replace(body=component.opened(self.verifier.unseal(message, component.body.octets)))


@pytest.fixture(scope="module")
def rtds(reference: Path) -> Again:
    store = FolderKeyStore(reference / "rtds" / "keystore")
    return Again(store, [parse_message(octets) for octets in reference_octets(reference).values()])


@pytest.mark.parametrize("name", ["sealed-known-party", "sealed-unknown-party", "sealed-alert"])
def test_vectors_sealed_again_give_the_same_octets(name: str) -> None:
    message = parse_message(make.vectors()[f"gbz/{name}"])
    assert Again(STORE, [message]).sealed_again(message) == message.payload


def test_reference_content_sealed_again_gives_the_same_octets(rtds: Again) -> None:
    seen: dict[str, int] = {}
    for message in rtds.sealed():
        assert rtds.sealed_again(message) == message.payload, message.code
        family = "GBZ" if message.payload[:2] == b"\x01\x09" else "DLMS"
        kind = f"{family} {message.kind.value} {len(message.other.octets())}"
        seen[kind] = seen.get(kind, 0) + 1
    for kind in ("DLMS response 2", "DLMS response 26", "DLMS alert 2", "GBZ response 2", "GBZ alert 2"):
        assert seen.get(kind), (kind, seen)


def test_reference_answers_have_the_header_a_device_gives_them(rtds: Again) -> None:
    commands = {
        (m.originator, m.recipient, m.counter, m.code): m for m in rtds.messages if m.kind is Kind.COMMAND
    }
    found = 0
    for message in rtds.sealed():
        asked = commands.get((message.recipient, message.originator, message.counter, message.code))
        if asked is None:
            continue
        found += 1
        draft = answer_draft(asked, message.other.originator_counter)
        assert replace(draft, payload=message.payload).identity == message.identity
        assert draft.other == message.other
        assert takes_own_counter(asked) is (message.other.originator_counter is not None)
    assert found > 10


def test_reference_requests_name_the_reader(rtds: Again) -> None:
    named = set()
    for message in rtds.messages:
        if message.cra is not Cra.COMMAND or message.payload[:1] != b"\xd9":
            continue
        apdu = parse_apdu(message.payload)
        assert isinstance(apdu, AccessRequest)
        for item in apdu.items:
            if item.choice == Choice.ACTION and protected_read(item.logical_name) is not None:
                parameters = request_parameters(message)
                assert item.data.value[1] == array(protection_parameters(*parameters))
                named.add(parameters.originator == message.originator)
    assert named == {True, False}


def test_the_billing_alert_is_the_one_with_a_component(rtds: Again) -> None:
    codes = {m.code for m in rtds.sealed() if m.cra is Cra.ALERT and m.payload[:2] == b"\x01\x09"}
    assert codes == {BILLING_ALERT}


def test_nodes_of_a_component_are_what_is_sealed() -> None:
    """The ZCL payload only; the header stays clear."""
    component = OPAQUE._replace(body=(Node(0x21, 0x1234),))
    sealed = sealed_component(component, 3, lambda plaintext: b"\x31\0\0\0\0" + plaintext + bytes(12))
    assert isinstance(sealed.body, Sealed)
    assert sealed.body == (3, b"\x31\0\0\0\0", b"\x34\x12", bytes(12))
    assert sealed[:4] == component[:4]
