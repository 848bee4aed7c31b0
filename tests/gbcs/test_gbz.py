"""GBZ payloads, the tables of clusters and commands, and the templates of the use cases."""

import json
from collections import Counter
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gbcs.errors import BuildError, ParseError, SecurityError
from gbcs.fields import payload_family
from gbcs.ids import Cra, EntityId, KeyUsage, Payload
from gbcs.message import Message, parse_message
from gbcs.security.folder import FolderKeyStore
from gbcs.security.keys import SharedSecrets
from gbcs.security.verify import Verifier
from gbcs.values import json_form
from gbcs.zcl import clusters, templates
from gbcs.zcl.fieldlist import FieldList, Guard, Repeat
from gbcs.zcl.gbz import (
    ALERT_CONTENTS,
    Alert,
    Component,
    Components,
    Executed,
    Gbz,
    ImageHash,
    Integrity,
    Sealed,
    parse_alert,
    parse_gbz,
)
from gbcs.zcl.named import body_of, kinds, named_body
from gbcs.zcl.types import ENTRY, LIST, OPAQUE, TYPED, Node
from tests.gbcs.fuzz import damaged
from tests.gbcs.reference_messages import octets as reference_octets
from tests.gbcs.zcl_trees import DECLARED, body, payloads
from tests.vectors import check, make, payloads_gbz

VECTORS = payloads_gbz.payloads()
every = pytest.mark.parametrize("vector", VECTORS.values(), ids=VECTORS.keys())
UTC = 0x1C374A80
HAN_ONLY = (0x0019, 0x0701, 0x0704, 0x0800)  # clusters whose commands are in no GBCS message


def parse(vector: payloads_gbz.Payload) -> Gbz:
    """The payload of a vector."""
    return parse_gbz(vector.octets, vector.cra, vector.code)


def components(name: str) -> tuple[Component, ...]:
    """The components of a vector."""
    gbz = parse(VECTORS[name])
    assert isinstance(gbz, Components)
    return gbz.components


def check_place(error: ParseError, octets: bytes) -> None:
    """The error says where in the octets it is, and in what."""
    assert 0 <= error.offset <= len(octets)
    assert error.path


@every
def test_a_payload_comes_back(vector: payloads_gbz.Payload) -> None:
    assert parse(vector).octets() == vector.octets


@every
def test_a_payload_that_is_cut_short_or_too_long(vector: payloads_gbz.Payload) -> None:
    for cut in range(len(vector.octets)):
        shorter = vector.octets[:cut]
        if vector.cra is Cra.ALERT and vector.code == payloads_gbz.CODE and cut > 9:
            continue  # what it reports is not known, so neither is its length
        with pytest.raises(ParseError) as caught:
            parse_gbz(shorter, vector.cra, vector.code)
        check_place(caught.value, shorter)
    if vector.cra is not Cra.ALERT or vector.code != payloads_gbz.CODE:
        with pytest.raises(ParseError):
            parse_gbz(vector.octets + b"\0", vector.cra, vector.code)


@every
def test_a_payload_with_one_octet_changed(vector: payloads_gbz.Payload) -> None:
    random = Random(11)
    for at in range(len(vector.octets)):
        octets = bytearray(vector.octets)
        octets[at] ^= random.randrange(1, 256)
        changed = bytes(octets)
        try:
            again = parse_gbz(changed, vector.cra, vector.code)
        except ParseError as error:
            check_place(error, changed)
        else:
            assert again.octets() == changed
            assert again != parse(vector)


@pytest.mark.parametrize("count", [10_000, pytest.param(1_000_000, marks=pytest.mark.long)])
def test_arbitrary_octets(count: int) -> None:
    """Invariant: octets are read and come back, or raise ParseError and nothing else."""
    random, parsed = Random(12), 0
    sound = list(VECTORS.values())
    codes = (*ALERT_CONTENTS, payloads_gbz.CODE, None)
    for _ in range(count):
        octets = damaged(random, random.choice(sound).octets)
        cra, code = random.choice(tuple(Cra)), random.choice(codes)
        try:
            gbz = parse_gbz(octets, cra, code)
        except ParseError as error:
            check_place(error, octets)
            continue
        parsed += 1
        assert gbz.octets() == octets
    assert count * 0.01 < parsed < count * 0.9


@given(st.binary(max_size=80), st.sampled_from(tuple(Cra)))
def test_any_octets(octets: bytes, cra: Cra) -> None:
    for start in (b"", b"\x01\x09", b"\x01\x09\x01"):
        try:
            gbz = parse_gbz(start + octets, cra, None)
        except ParseError as error:
            check_place(error, start + octets)
        else:
            assert gbz.octets() == start + octets


@given(payloads)
def test_any_payload(gbz: Gbz) -> None:
    """Invariant: what is built from parts can be read, and makes the same octets again."""
    octets = gbz.octets()
    if isinstance(gbz, Components):
        again: Gbz = parse_gbz(octets, Cra.COMMAND)
    else:
        kinds = {Executed: "executed", ImageHash: "hash", Integrity: "reason", Component: "component"}
        again = parse_alert(octets, kinds.get(type(gbz.content), ""))  # type: ignore[arg-type]
    assert again == gbz
    assert again.octets() == octets


def test_the_worked_examples() -> None:
    """Layouts as the reference describes them, with values of our own."""
    first, second = components("several")[:2]
    assert first == Component(0x0702, 0, 0, 0, (Node(LIST, (Node(0xE9, 0x0A00),)),))
    assert second.cluster == 0x0705
    (answer,) = components("general-ReadAttributesResponse")
    assert answer.declared is clusters.command_by_name("ReadAttributesResponse")
    assert answer.body == (
        Node(
            LIST,
            (
                Node(ENTRY, (Node(0xE9, 0x0302), Node(0x30, 0), Node(TYPED, Node(0x22, 1000)))),
                Node(ENTRY, (Node(0xE9, 0x0301), Node(0x30, 0x86))),
                Node(ENTRY, (Node(0xE9, 0x0000), Node(0x30, 0), Node(TYPED, Node(0x25, 12345)))),
            ),
        ),
    )


def test_a_from_date_time_has_two_meanings() -> None:
    (earliest,), (activation,) = components("dated-EarliestEntry"), components("dated-Activation")
    assert (earliest.from_date_time, activation.from_date_time) == (UTC, 0xFFFFFFFF)
    assert earliest.declared is not None
    assert activation.declared is not None
    assert earliest.declared.from_date_time == "EarliestEntryDateTime"
    assert activation.declared.from_date_time == "ActivationDateTime"
    assert components("not-dated")[0].from_date_time is None
    dated = {c.name for c in clusters.commands() if c.from_date_time}
    assert dated == {"GetTopUpLog", "GetDebtRepaymentLog", "SetLowCreditWarningLevel"}


def test_what_is_not_declared_is_kept() -> None:
    for name in ("unknown-cluster", "unknown-command", "unknown-general", "reserved-frame-type"):
        (found,) = components(name)
        assert found.declared is None
        assert found.body == (Node(OPAQUE, b"\x01\x02"),)
    (special,) = components("manufacturer")
    assert (special.manufacturer, special.declared) == (0x1234, None)
    (named,) = components("named-only")
    assert named.declared is not None
    assert named.declared.fields is None
    assert components("behind-the-fields")[0].body == (Node(0x30, 2), Node(OPAQUE, b"\xde\xad\xbe\xef"))
    assert components("unknown-command-empty")[0].body == ()
    assert components("none") == ()


def test_alerts() -> None:
    def alert(name: str) -> Alert:
        gbz = parse(VECTORS[name])
        assert isinstance(gbz, Alert)
        return gbz

    assert alert("alert-generic") == Alert(0x8F30, UTC)
    assert alert("alert-executed").content == Executed(0x006F, 0x03E9, 0x0705, 1, 9)
    assert alert("alert-image-hash").content == ImageHash(b"\xa1" * 32)
    assert alert("alert-integrity") == Alert(0x81A0, UTC, Integrity(5))
    assert isinstance(alert("alert-component").content, Component)
    assert alert("alert-unknown").content == bytes(range(1, 6))
    assert alert("alert-unknown-empty").content is None
    # without its Message Code an alert says what it says in octets
    bare = parse_gbz(VECTORS["alert-integrity"].octets, Cra.ALERT)
    assert bare == Alert(0x81A0, UTC, b"\x00\x05")


FAULTS = [
    ("", "gbz", 0),
    ("0108 00", "gbz.profile", 0),
    ("0109 01", "components[0].extended header", 3),
    ("0109 00 00", "gbz", 3),
    ("0109 01 09 0702 0003 01 00 7F", "components[0].extended header.control", 3),
    ("0109 01 13 0702 0003 01 00 7F", "components[0].extended header.control", 3),
    ("0109 01 00 0702 0003 01 00 7F", "components[0].extended header.control", 3),
    (
        "0109 02 01 0702 0003 01 00 7F 01 0702 0003 01 00 7F",
        "components[0].extended header.control",
        3,
    ),
    ("0109 01 01 0702 0004 01 00 7F", "components[0].extended header.length", 6),
    ("0109 01 01 0702 0002 01 00", "components[0].ZCL header", 8),
    ("0109 01 01 0702 0004 05 3412 00", "components[0].ZCL header", 8),
    ("0109 01 11 0702 0003 01 00 7F", "components[0].from date time", 8),
    ("0109 01 03 0702 0001 00", "components[0].additional header", 8),
    ("0109 01 03 0702 0005 01 00 180001", "components[0].additional header.control", 8),
    ("0109 01 03 0702 0006 00 00 180001 00", "components[0].ciphered information length", 13),
    ("0109 01 03 0702 0007 00 00 180001 0001", "components[0].ciphered information length", 13),
    (
        "0109 01 03 0702 0017 00 00 180001 0010" + "00" * 16,
        "components[0].ciphered information",
        15,
    ),
    ("0109 01 01 0702 0005 00 00 00 000A 05", "gbz", 13),
    ("0109 01 01 0702 0004 00 00 00 00", "components[0].AttributeIds[0].AttributeId", 11),
    ("0109 01 01 0702 0007 08 00 01 0000 00 23", "components[0].Records[0].Value", 15),
    ("0109 01 01 0705 0005 01 00 04 00 05", "components[0].TopUpCode", 13),
    (
        "0109 01 01 0707 000B 09 00 0F 0102030405060708 01 0707 0003 09 00 0F",
        "gbz",
        19,
    ),
]


@pytest.mark.parametrize(
    ("text", "path", "offset"), FAULTS, ids=[f"{i}-{f[1]}" for i, f in enumerate(FAULTS)]
)
@pytest.mark.parametrize("base", [0, 100])
def test_where_a_fault_is(text: str, path: str, offset: int, base: int) -> None:
    with pytest.raises(ParseError) as caught:
        parse_gbz(bytes.fromhex(text), Cra.RESPONSE, None, base)
    assert (caught.value.path, caught.value.offset) == (path, base + offset)


ALERT_FAULTS = [
    (0x1000, "0109 00 8F30", "alert", 3),
    (0x1000, "0109 01 8F30 1C374A80", "alert.number of components", 2),
    (0x1000, "0109 00 8F30 1C374A80 00", "alert.number of components", 2),
    (0x1000, "0109 01 8F30 1C374A80 00", "alert", 9),
    (0x00CD, "0109 01 8F66 1C374A80 0D 006F 00000000000003E9 0705 01 09", "executed.length", 9),
    (0x00CD, "0109 01 8F66 1C374A80 0E 006F 00000000000003E9 0705 01", "executed", 9),
    (0x00CF, "0109 01 8F72 1C374A80 09 1F" + "00" * 32, "image hash.length", 10),
    (0x00F2, "0109 01 81A0 1C374A80 00", "reason", 9),
    (0x00F2, "0109 01 81A0 1C374A80 0005 00", "alert", 11),
    (0x008B, "0109 01 8F0A 1C374A80 00 0702 0003 01 00 7F", "component.extended header.control", 9),
]


@pytest.mark.parametrize(("code", "text", "path", "offset"), ALERT_FAULTS)
def test_where_a_fault_of_an_alert_is(code: int, text: str, path: str, offset: int) -> None:
    with pytest.raises(ParseError) as caught:
        parse_gbz(bytes.fromhex(text), Cra.ALERT, code)
    assert (caught.value.path, caught.value.offset) == (path, offset)


SEALED = Sealed(0, bytes(5), b"", bytes(12))
UNBUILT: list[tuple[Component, str]] = [
    (Component(0x10000, 1, 0, 0, ()), "components[0].cluster"),
    (Component(0x0702, 256, 0, 0, ()), "components[0].frame_control"),
    (Component(0x0702, 1, 256, 0, ()), "components[0].sequence"),
    (Component(0x0702, 1, 0, -1, ()), "components[0].command"),
    (Component(0x0702, 5, 0, 0, ()), "components[0]"),
    (Component(0x0702, 1, 0, 0, (), None, 5), "components[0]"),
    (Component(0x0702, 5, 0, 0, (), None, 0x10000), "components[0].manufacturer"),
    (Component(0x0702, 1, 0, 0, (), 2**32), "components[0].from_date_time"),
    (Component(0x0702, 1, 0, 0, SEALED, 5), "components[0].from_date_time"),
    (Component(0x0702, 1, 0, 0, SEALED._replace(frame_counter=256)), "components[0].protected.frame_counter"),
    (Component(0x0702, 1, 0, 0, SEALED._replace(header=b"")), "components[0].protected.security_header"),
    (Component(0x0702, 1, 0, 0, SEALED._replace(tag=b"")), "components[0].protected.tag"),
    (
        Component(0x0702, 1, 0, 0, SEALED._replace(ciphertext=bytes(65536))),
        "components[0].protected.ciphertext",
    ),
    (Component(0x0702, 1, 0, 0, (Node(OPAQUE, bytes(65533)),)), "components[0]"),
    (Component(0x0702, 1, 0, 0, (Node(0x20, 256),)), "components[0].fields[0]"),
]


@pytest.mark.parametrize(("component", "path"), UNBUILT)
def test_what_cannot_be_built(component: Component, path: str) -> None:
    with pytest.raises(BuildError) as caught:
        Components((component,)).octets()
    assert caught.value.path == path


def test_a_payload_has_room_for_255_components() -> None:
    one = Component(0x0702, 1, 0, 0x7F, ())
    assert parse_gbz(Components((one,) * 255).octets(), Cra.COMMAND) == Components((one,) * 255)
    with pytest.raises(BuildError):
        Components((one,) * 256).octets()


SEALED_VECTORS = {name: octets for name, octets in make.files().items() if name.startswith("gbz/sealed-")}


@pytest.mark.parametrize("octets", SEALED_VECTORS.values(), ids=SEALED_VECTORS.keys())
def test_encrypted_components_by_a_second_opinion(octets: bytes) -> None:
    """The same plaintext, or none, comes from the project and from hashlib and cryptography alone."""
    keys = make.store()
    message = parse_message(octets)
    gbz = parse_gbz(message.payload, message.cra, message.code)
    found = gbz.components if isinstance(gbz, Components) else (gbz.content,)
    sealed = [c.body for c in found if isinstance(c, Component) and isinstance(c.body, Sealed)]
    assert sealed
    assert [s.frame_counter for s in sealed] == list(range(len(sealed)))

    def secret(one: bytes, other: bytes) -> bytes:
        pair = [keys.find(EntityId(entity), KeyUsage.KEY_AGREEMENT) for entity in (one, other)]
        assert pair[0] is not None
        assert pair[1] is not None
        return SharedSecrets(keys).between(pair[0], pair[1])

    for part in sealed:
        if part.header != bytes.fromhex("3100000000"):
            continue
        expected = check.plaintext(octets, part.octets, secret)
        if expected is None:
            with pytest.raises(SecurityError):
                Verifier(keys).unseal(message, part.octets)
        else:
            assert Verifier(keys).unseal(message, part.octets) == expected


def test_every_command_has_a_vector() -> None:
    written = {*payloads_gbz.GENERAL, *payloads_gbz.CLUSTER_COMMANDS}
    written |= {"GetTopUpLog", "GetDebtRepaymentLog", "SetLowCreditWarningLevel"}
    assert written == {command.name for command in DECLARED if command.cluster not in HAN_ONLY}
    for name in (*payloads_gbz.GENERAL, *payloads_gbz.CLUSTER_COMMANDS):
        kind = "general" if name in payloads_gbz.GENERAL else "command"
        (component,) = components(f"{kind}-{name}")
        assert component.declared is clusters.command_by_name(name)
        assert all(node.type != OPAQUE for node in _flat(component.body))


def _flat(nodes: Any) -> list[Node]:
    found = []
    for node in nodes:
        found.append(node)
        if node.type in (LIST, ENTRY):
            found += _flat(node.value)
    return found


def test_the_tables_are_sound() -> None:
    attributes, commands = clusters.attributes(), clusters.commands()
    assert len({(a.cluster, a.id) for a in attributes}) == len(attributes)
    assert len({(a.cluster, a.name) for a in attributes}) == len(attributes)
    assert len({(c.cluster, c.to_client, c.id) for c in commands}) == len(commands)
    assert len({c.name for c in commands}) == len(commands)
    assert {a.cluster for a in attributes} | {c.cluster for c in commands} - {None} <= set(
        clusters.CLUSTER_NAMES
    )
    assert [(a.cluster, a.id) for a in attributes] == sorted((a.cluster, a.id) for a in attributes)
    meanings = {*kinds(), ""}
    assert {a.meaning for a in attributes} <= meanings

    def look(fields: FieldList) -> None:
        names = [member.name for member in fields.members]
        assert len(set(names)) == len(names)
        for element in fields.elements:
            if isinstance(element, Repeat):
                look(element.items)
            elif not isinstance(element, Guard):
                assert element.meaning in meanings

    for command in DECLARED:
        assert command.fields is not None
        look(command.fields)


def test_lookups() -> None:
    assert clusters.cluster_name(0x0705) == "Prepayment"
    assert clusters.cluster_name(0x1234) is None
    attribute = clusters.attribute(0x0702, 0x0000)
    assert attribute is not None
    assert (attribute.name, attribute.items) == ("CurrentSummationDelivered", ("ConsumptionRegister: value",))
    assert clusters.attribute(0x0702, 0xABCD) is None
    publish = clusters.command_by_name("PublishCalendar")
    assert clusters.command(0x0707, 0x09, 0) is clusters.command(0x0707, 0x19, 0) is publish
    assert clusters.command(0x0707, 0x0D, 0) is None
    general = clusters.command(0x1234, 0x08, 0x0B)
    assert general is not None
    assert general.name == "DefaultResponse"
    with pytest.raises(BuildError):
        clusters.command_by_name("NoSuchCommand")


@pytest.mark.parametrize("command", DECLARED, ids=[c.name for c in DECLARED])
def test_plain_values_of_a_command(command: clusters.Command) -> None:
    """Fields to values by name and back, whatever they are, and by way of their JSON forms."""
    fields = command.fields
    assert fields is not None

    @given(body(command))
    def check_values(nodes: tuple[Node, ...]) -> None:
        values = named_body(fields, nodes)
        if values is None:  # octets nobody has declared, or values of any type
            assert any(node.type in (OPAQUE, TYPED) for node in _flat(nodes))
            return
        assert body_of(fields, values, command.name) == nodes
        assert body_of(fields, json.loads(json.dumps(json_form(values))), command.name) == nodes

    check_values()


def test_values_that_make_no_body() -> None:
    publish = clusters.command_by_name("PublishSeasons")
    season = {"SeasonStartDate": bytes.fromhex("730917FF"), "WeekIdRef": 1}
    good: dict[str, Any] = {
        "ProviderId": 0,
        "IssuerEventId": 1,
        "IssuerCalendarId": 1,
        "CommandIndex": 0,
        "TotalNumberOfCommands": 1,
        "SeasonEntries": [season],
    }
    fields = publish.fields
    assert fields is not None
    assert named_body(fields, body_of(fields, good, publish.name)) == good
    for changed, path in (
        ({"ProviderId": 2**32}, "PublishSeasons.ProviderId"),
        ({"ProviderId": "x"}, "PublishSeasons.ProviderId"),
        ({"Provider": 0}, "PublishSeasons.Provider"),
        ({"SeasonEntries": season}, "PublishSeasons.SeasonEntries"),
        ({"SeasonEntries": [5]}, "PublishSeasons.SeasonEntries[0]"),
        ({"SeasonEntries": [season, {"WeekIdRef": 1}]}, "PublishSeasons.SeasonEntries[1].SeasonStartDate"),
        ({"SeasonEntries": [{**season, "WeekIdRef": -1}]}, "PublishSeasons.SeasonEntries[0].WeekIdRef"),
        ({"SeasonEntries": [{**season, "SeasonStartDate": 5}]},
         "PublishSeasons.SeasonEntries[0].SeasonStartDate"),
    ):  # fmt: skip
        with pytest.raises(BuildError) as caught:
            body_of(fields, {**good, **changed}, publish.name)
        assert caught.value.path == path


def test_rows_that_are_wrong() -> None:
    with pytest.raises(BuildError):
        clusters.attribute_row(0x0702, 0, "X", "uint9", "", "", "get")
    for text in ("0702 01", "0702 01 0", "0702 01 06 > 19", "1..2 0702 01 06", "x 0702 01 06"):
        with pytest.raises(BuildError):
            templates.slot(text)


def test_slots() -> None:
    slot = templates.slot(
        "1.. 0702".replace(" 0702", "x 0702 09 04 0302 0301 dated > 18 01 sealed 1..5 else 08")
    )
    assert (slot.lo, slot.hi, slot.attributes, slot.dated) == (1, templates.MANY, (0x0302, 0x0301), True)
    assert (slot.answer_frame_control, slot.answer_command, slot.sealed, slot.answers) == (0x18, 1, True, 5)
    assert slot.default_frame_control == 8
    plain = templates.slot("0707 09 00")
    assert (plain.lo, plain.hi, plain.answer_command, plain.answer_frame_control) == (1, 1, 0x0B, 0)
    assert plain.default_frame_control == 0
    assert plain.declared is clusters.command_by_name("PublishCalendar")


def reference_messages(folder: Path) -> dict[str, Message]:
    """The messages of the reference set with a GBZ payload."""
    parsed = {name: parse_message(octets) for name, octets in reference_octets(folder).items()}
    return {name: m for name, m in parsed.items() if payload_family(m) is Payload.GBZ}


def test_reference_messages(reference: Path) -> None:
    """All are read to the last octet, come back, decrypt, and follow the template of their use case."""
    verifier = Verifier(FolderKeyStore(reference / "rtds" / "keystore"))
    counts: Counter[str] = Counter()
    for name, message in reference_messages(reference).items():
        gbz = parse_gbz(message.payload, message.cra, message.code)
        assert gbz.octets() == message.payload, name
        counts[message.kind.value] += 1
        if isinstance(gbz, Alert):
            found = (gbz.content,) if isinstance(gbz.content, Component) else ()
        else:
            found = gbz.components
            follow = templates.match if message.cra is Cra.COMMAND else templates.match_response
            assert follow(message.code, found) is not None, name
        for component in found:
            counts["components"] += 1
            nodes = component.body
            if isinstance(nodes, Sealed):
                counts["sealed"] += 1
                nodes = component.opened(verifier.unseal(message, nodes.octets))
            assert all(node.type != OPAQUE for node in _flat(nodes)), name
            known = component.declared
            assert known is not None, name
            assert known.fields is not None
            values = named_body(known.fields, nodes)
            if values is not None:
                assert body_of(known.fields, values, known.name) == nodes
            for node in _flat(nodes):
                if node.type == 0xE9:
                    assert clusters.attribute(component.cluster, node.value) is not None, name
    assert counts == {
        "command": 91,
        "precommand": 31,
        "response": 91,
        "alert": 19,
        "components": 781,
        "sealed": 26,
    }


def test_attributes_of_reference_messages_have_the_declared_type(reference: Path) -> None:
    checked = 0
    for message in reference_messages(reference).values():
        gbz = parse_gbz(message.payload, message.cra, message.code)
        for component in gbz.components if isinstance(gbz, Components) else ():
            if isinstance(component.body, Sealed):
                continue
            for entry in _flat(component.body):
                if entry.type == ENTRY and entry.value[-1].type == TYPED:
                    attribute = clusters.attribute(component.cluster, entry.value[0].value)
                    assert attribute is not None
                    assert entry.value[-1].value.type == attribute.type, attribute
                    checked += 1
    assert checked > 100


def test_reference_messages_with_one_octet_changed(reference: Path) -> None:
    """Truncation and mutation of what devices have said."""
    random = Random(13)
    for message in reference_messages(reference).values():
        for _ in range(20):
            octets = damaged(random, message.payload)
            try:
                gbz = parse_gbz(octets, message.cra, message.code)
            except ParseError as error:
                check_place(error, octets)
            else:
                assert gbz.octets() == octets
        cut = random.randrange(len(message.payload))
        with pytest.raises(ParseError):
            parse_gbz(message.payload[:cut], message.cra, message.code)
