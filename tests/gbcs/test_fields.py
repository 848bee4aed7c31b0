"""Messages as JSON: the identity, one value at a time, what is refused, and what is never there."""

import copy
import dataclasses
import json
from collections import Counter
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import given

from gbcs.dlms.axdr import Data, data_octets
from gbcs.errors import BuildError, ParseError
from gbcs.events import EventCode
from gbcs.fields import build_message, checked_fields, message_fields
from gbcs.ids import Cra
from gbcs.message import MAX_MESSAGE, Message, OtherInformation, parse_message
from gbcs.security.folder import FolderKeyStore
from gbcs.security.verify import Verifier
from tests.gbcs.fuzz import almost_messages
from tests.gbcs.leaves import Change, changes, leaves, without_remarks
from tests.gbcs.reference_messages import octets as reference_octets
from tests.gbcs.segments import Segment, joined, message_segments
from tests.gbcs.trees import trees
from tests.vectors import make

VECTORS = make.files()
VERIFIER = Verifier(make.store())


def every(names: str = "") -> pytest.MarkDecorator:
    """One test a vector, by the path of its file."""
    chosen = {name: value for name, value in VECTORS.items() if name.startswith(names)}
    return pytest.mark.parametrize("octets", chosen.values(), ids=chosen.keys())


def decoded(octets: bytes, verifier: Verifier | None = VERIFIER) -> dict[str, Any]:
    """The fields of a message after a trip through JSON text."""
    fields: dict[str, Any] = json.loads(json.dumps(checked_fields(parse_message(octets), verifier)))
    return fields


def check_identity(octets: bytes, fields: dict[str, Any]) -> None:
    """Building from the fields, with or without the remarks, and by the second writer, gives the octets."""
    assert build_message(fields).octets == octets
    assert build_message(without_remarks(fields)).octets == octets
    assert joined(message_segments(fields)) == octets


@every()
def test_identity(octets: bytes) -> None:
    check_identity(octets, decoded(octets))


def check_contents(octets: bytes, fields: dict[str, Any]) -> None:
    """What the contract promises of the values: nothing carried along, no 64-bit numbers."""
    payload = parse_message(octets).payload
    value = fields["payload"].get("value")
    while isinstance(value, dict) and len(value) == 1:
        (value,) = value.values()
    # a payload may be one certificate and nothing else
    whole = "opaque" in fields["payload"] or (isinstance(value, dict) and "der" in value)

    def look(value: Any) -> None:
        if isinstance(value, dict):
            for part in value.values():
                look(part)
        elif isinstance(value, list):
            for part in value:
                look(part)
        elif isinstance(value, str):
            digits = value.upper()
            assert octets.hex().upper() not in digits
            assert whole or payload.hex().upper() not in digits
        elif isinstance(value, int):
            assert -(2**47) <= value < 2**48
        else:
            assert value is None

    look(fields)


@every()
def test_contents(octets: bytes) -> None:
    check_contents(octets, decoded(octets))


def check_change(octets: bytes, change: Change, compare: bool = True) -> None:
    """One value changed: its octets and the lengths around them change, and nothing else does."""
    if not change.builds:
        with pytest.raises(BuildError) as caught:
            build_message(change.fields)
        assert caught.value.path, change.path
        return
    built = build_message(change.fields).octets
    assert built != octets
    before, after = message_segments(decoded(octets, None)), message_segments(change.fields)
    assert joined(after) == built
    was, now = _by_path(before), _by_path(after)
    grown = len(built) != len(octets)
    for key in was.keys() | now.keys():
        if was.get(key) == now.get(key):
            continue
        path, role = key
        if role == "value":
            assert path == change.path or path.startswith(f"{change.path}.") or _names_length(change, path), (
                key
            )
        else:
            assert role == "length", key
            own = _names_length(change, path) or change.path in ("signature_length", f"{path}.value")
            assert own or (grown and change.path.startswith(path)), key
    if compare:
        again = decoded(built, None)
        assert without_remarks(again) == without_remarks(change.fields)


def _by_path(pieces: list[Segment]) -> dict[tuple[str, str], list[bytes]]:
    found: dict[tuple[str, str], list[bytes]] = {}
    for piece in pieces:
        found.setdefault((piece.path, piece.role), []).append(piece.octets)
    return found


def _names_length(change: Change, path: str) -> bool:
    """Whether the changed value says how a length at this path is written."""
    _, asn1, where_der = change.path.partition("payload.length_forms.value")
    if asn1:
        # the lengths around it grow with it
        return path.startswith("payload.value") and f"payload.value{where_der}".startswith(path)
    owner, _, name = change.path.rpartition(".")
    if owner.endswith("length_forms"):
        where = {
            "ciphered_service": [""],
            "other_information": ["supplementary"],
            "content": ["payload"],
            "specifications": ["payload.items"],
            "data": ["payload.items"],
        }
        return path in where[name]
    return name == "length_form" and path in (owner, f"{owner}.bits")


def comparable(change: Change, fields: dict[str, Any]) -> bool:
    """Whether the changed message decodes to the changed fields.

    Not where the new value makes the reader see another family, or no protected value any more.
    """
    if change.path == "message_code" or (change.path == "kind" and "apdu" not in fields["payload"]):
        return False
    return not (fields["encrypted"] and (".data." in change.path or ".body." in change.path))


@every()
def test_one_value_at_a_time(octets: bytes) -> None:
    """Contract 1: change one value, and exactly those octets and the lengths around them change."""
    fields = decoded(octets, None)
    built = refused = 0
    for path, keys in leaves(fields):
        for change in changes(fields, path, keys):
            check_change(octets, change, comparable(change, fields))
            built += change.builds
            refused += not change.builds
    assert built > 10
    assert refused > 5


def test_one_value_at_a_time_in_reference_messages(reference: Path) -> None:
    """The same on each reference message, at some of its values."""
    random = Random(3)
    paths: Counter[str] = Counter()
    for octets in reference_octets(reference).values():
        fields = decoded(octets, None)
        every_leaf = list(leaves(fields))
        for path, keys in random.sample(every_leaf, 4):
            for change in changes(fields, path, keys):
                check_change(octets, change, comparable(change, fields))
                paths[path.rpartition(".")[2]] += 1
    assert len(paths) > 20


def test_remarks_are_not_read() -> None:
    fields = decoded(VECTORS["protected/known-party"])
    assert fields["decrypted"] == 1

    def spoil(value: Any) -> Any:
        if isinstance(value, dict):
            read = without_remarks(value)
            return {k: spoil(v) if k in read else ["not this"] for k, v in value.items()}
        return [spoil(part) for part in value] if isinstance(value, list) else value

    assert spoil(fields) != fields
    assert build_message(spoil(fields)).octets == VECTORS["protected/known-party"]


def test_reference_messages(reference: Path) -> None:
    """Acceptance 1 and 2: all parse, all come back, and the verdicts are those expected."""
    verifier = Verifier(FolderKeyStore(reference / "rtds" / "keystore"))
    counts: Counter[str] = Counter()
    unchecked = []
    for name, octets in reference_octets(reference).items():
        fields = decoded(octets, verifier)
        check_identity(octets, fields)
        check_contents(octets, fields)
        for check in ("signature", "mac", "encryption"):
            counts[f"{check} {fields[check]}"] += 1
            if fields[check] == "unchecked":
                unchecked.append(name[:5])
        counts["dlms"] += "apdu" in fields["payload"]
        counts["asn1"] += "asn1" in fields["payload"]
        counts["gbz"] += "gbz" in fields["payload"]
        counts["encrypted"] += fields["encrypted"]
        counts["decrypted"] += fields["decrypted"]
        if fields["payload"].get("apdu") == "access-request":
            assert all("name" in item for item in fields["payload"]["items"]), name
    assert counts["signature valid"] == 323
    assert counts["mac valid"] == 511
    assert sorted(unchecked) == ["PCS01", "PCS01", "PCS02", "PCS02"]
    assert not counts["signature invalid"] + counts["mac invalid"] + counts["encryption invalid"]
    assert counts["dlms"] == 460
    assert counts["asn1"] == 138
    assert counts["gbz"] == 232
    assert counts["decrypted"] == counts["encrypted"] == 38


@pytest.mark.parametrize("count", [10_000, pytest.param(1_000_000, marks=pytest.mark.long)])
def test_arbitrary_octets(count: int) -> None:
    """Invariant: octets decode and come back, or raise ParseError and nothing else."""
    parsed = 0
    for octets in almost_messages(4, count):
        try:
            fields = checked_fields(parse_message(octets), VERIFIER)
        except ParseError as error:
            if not (0 <= error.offset <= len(octets) and error.path):
                raise
            continue
        parsed += 1
        assert build_message(fields).octets == octets
    assert count * 0.05 < parsed < count * 0.95  # both ways are taken


@given(trees)
def test_any_datum(tree: Data) -> None:
    """Invariant: a message with any datum comes back from its fields."""
    payload = bytes.fromhex("0F 200007D0 00") + data_octets(tree)
    other = OtherInformation(make.CODE)
    message = Message(Cra.ALERT, 1, make.METER, make.SUPPLIER, other, payload).encoded()
    check_identity(message.octets, decoded(message.octets, None))


SAMPLE = decoded(VECTORS["envelope/c-signed-command"])
ITEM: tuple[str | int, ...] = ("payload", "items", 0)


def test_the_fields_of_the_contract() -> None:
    assert {key: SAMPLE[key] for key in SAMPLE if key not in ("payload", "signature_hex", "mac_hex")} == {
        "v": 1,
        "use_case": "ECS02",
        "message_code": "001A",
        "kind": "command",
        "originator": "90B3D51F30AB0001",
        "recipient": "00DB12345678AB01",
        "counter": "00000001000007D0",
        "date_time": None,
        "supplementary": None,
        "mac_header": True,
        "signature": "valid",
        "mac": "valid",
        "encryption": "absent",
        "signature_length": True,
        "encrypted": 0,
        "decrypted": 0,
    }
    assert SAMPLE["payload"] == {
        "apdu": "access-request",
        "invoke_id": "200007D0",
        "items": [
            {
                "choice": "get",
                "class_id": 3,
                "logical_name": "1-0:2.8.0.255",
                "member": 2,
                "name": "ActiveExportRegister (value)",
                "data": {"type": "null"},
            }
        ],
    }


def test_wildcards_are_kept_as_they_are() -> None:
    fields = decoded(VECTORS["envelope/c-date-time-wildcards"])
    assert fields["date_time"] == {
        "year": 0xFFFF,
        **dict.fromkeys(("month", "day", "day_of_week", "hour", "minute", "second", "hundredths"), 0xFF),
        "deviation": 0x8000,
        "status": 0xFF,
    }


def test_supplementary_fields_may_be_zero() -> None:
    fields = decoded(VECTORS["envelope/other-originator-counter"])
    assert fields["supplementary"] == {
        "remote_party_id": "90B3D51F30AB0003",
        "remote_party_counter": "0000000000000007",
        "originator_counter": "0000000000000000",
    }
    fields = decoded(VECTORS["envelope/other-party-counter"])
    assert fields["supplementary"]["remote_party_counter"] == "0" * 16


def datum(name: str) -> dict[str, Any]:
    """The fields of the datum in one of the data vectors."""
    value: dict[str, Any] = decoded(VECTORS[f"data/{name}"])["payload"]["items"][0]["data"]
    return value


@pytest.mark.parametrize(
    ("name", "fields"),
    [
        ("null", {"type": "null"}),
        ("boolean-true", {"type": "boolean", "value": True}),
        ("boolean-true-01", {"type": "boolean", "value": True, "octet": 1}),
        ("bits-3", {"type": "bit-string", "value": "111"}),
        ("bits-3-padding-set", {"type": "bit-string", "bits": 3, "hex": "FF"}),
        ("long64-least", {"type": "long64", "value": "-9223372036854775808"}),
        ("long64-unsigned-above-double", {"type": "long64-unsigned", "value": "9007199254740993"}),
        ("utf8-pound", {"type": "utf8-string", "value": "£5"}),
        ("utf8-overlong", {"type": "utf8-string", "hex": "C080"}),
        ("octets-long-length", {"type": "octet-string", "value": "010203", "length_form": 4}),
        ("array-empty-long-count", {"type": "array", "value": [], "length_form": 3}),
        ("float32", {"type": "float32", "value": "3FC00000"}),
        ("compact-none", {"type": "compact-array", "of": "double-long-unsigned", "value": []}),
        (
            "compact-arrays",
            {
                "type": "compact-array",
                "of": {"array": 2, "of": {"array": 3, "of": "unsigned"}},
                "value": [
                    {
                        "type": "array",
                        "value": [
                            {
                                "type": "array",
                                "value": [
                                    {"type": "unsigned", "value": 6 * i + 3 * j + k + 1} for k in range(3)
                                ],
                            }
                            for j in range(2)
                        ],
                    }
                    for i in range(2)
                ],
            },
        ),
    ],
)
def test_how_data_look(name: str, fields: dict[str, Any]) -> None:
    assert datum(name) == fields


def test_protected_values() -> None:
    fields = decoded(VECTORS["protected/unknown-party"])
    assert (fields["encryption"], fields["encrypted"], fields["decrypted"]) == ("valid", 1, 1)
    value = fields["payload"]["items"][0]["data"]["value"][1]
    assert value["type"] == "protected"
    assert value["security_header"] == "3100000000"
    assert value["plaintext"] == {
        "type": "array",
        "value": [
            {"type": "double-long-unsigned", "value": 5},
            {"type": "long64-unsigned", "value": "18446744073709551615"},
        ],
    }


@pytest.mark.parametrize(
    ("name", "keys", "verdict", "counts"),
    [
        ("known-party", True, "valid", (1, 1)),
        ("known-party", False, "unchecked", (1, 0)),
        ("twice", True, "valid", (2, 2)),
        ("long-length", True, "valid", (1, 1)),
        ("damaged", True, "invalid", (1, 0)),
        ("not-data", True, "invalid", (1, 0)),
        ("damaged", False, "unchecked", (1, 0)),
    ],
)
def test_encryption_verdicts(name: str, keys: bool, verdict: str, counts: tuple[int, int]) -> None:
    fields = decoded(VECTORS[f"protected/{name}"], VERIFIER if keys else None)
    assert fields["encryption"] == verdict
    assert (fields["encrypted"], fields["decrypted"]) == counts
    assert fields["mac"] == ("valid" if keys else "unchecked")


def test_names_of_an_alert() -> None:
    parsed = parse_message(VECTORS["apdu/notification-executed"])
    message = dataclasses.replace(parsed, other=OtherInformation(0x00CC)).encoded()
    code, time, executed = message_fields(message)["payload"]["body"]["value"]
    assert (code["name"], code["meaning"]) == ("AlertCode", str(EventCode(0x8F66)))
    assert time["name"] == "Time"
    assert executed["name"] == "Executed"
    assert executed["meaning"].endswith("by 0019 of counter 00000001000007CF")
    assert executed["meaning"].startswith("TariffSwitchingTable.ActivationTime (")


def test_a_response_is_named_where_all_variants_agree() -> None:
    """ECS47 asks for another controller in each variant: the response does not tell which."""
    answer = bytes.fromhex("DA 200007D0 00 00 02 00 00 02 02 00 03 00")
    for code, named in ((0x0055, [False, True]), (make.CODE, [False, False])):
        other = OtherInformation(code)
        message = Message(Cra.RESPONSE, 1, make.METER, make.SUPPLIER, other, answer).encoded()
        items = message_fields(message)["payload"]["items"]
        assert ["name" in item for item in items] == named


def test_a_payload_fault_is_placed_in_the_message() -> None:
    message = parse_message(VECTORS["envelope/c-signed-command"])
    bad = (
        message.octets[: message.payload_offset + 6] + b"\x07" + message.octets[message.payload_offset + 7 :]
    )
    with pytest.raises(ParseError) as caught:
        message_fields(parse_message(bad))
    assert caught.value.offset == message.payload_offset + 7
    assert caught.value.path == "payload.access-request-specification"


def changed(keys: tuple[str | int, ...], value: Any, sample: dict[str, Any] = SAMPLE) -> dict[str, Any]:
    fields: dict[str, Any] = copy.deepcopy(sample)
    target: Any = fields
    for key in keys[:-1]:
        target = target[key]
    if value is None:
        del target[keys[-1]]
    else:
        target[keys[-1]] = value
    return fields


def compact(of: Any, *entries: Any) -> dict[str, Any]:
    return {"type": "compact-array", "of": of, "value": list(entries)}


PARTY = {"remote_party_id": "90B3D51F30AB0003"}
DATUM = (*ITEM, "data")
DATUM_PATH = "payload.items[0].data"
DEEP: dict[str, Any] = {"type": "null"}
for _ in range(17):
    DEEP = {"type": "array", "value": [DEEP]}
DEEP_TYPE: Any = "unsigned"
for _ in range(17):
    DEEP_TYPE = {"structure": [DEEP_TYPE]}
REFUSED: list[tuple[tuple[str | int, ...], Any, str]] = [
    (("v",), None, "v"),
    (("v",), True, "v"),
    (("v",), 1.0, "v"),
    (("kind",), None, "kind"),
    (("counter",), 2000, "counter"),
    (("counter",), "07D0", "counter"),
    (("originator",), "90-B3", "originator"),
    (("recipient",), "no hex digits...", "recipient"),
    (("message_code",), "1A", "message_code"),
    (("mac_header",), 1, "mac_header"),
    (("signature_hex",), "00", "signature_hex"),
    (("mac_hex",), "00", "mac_hex"),
    (("date_time",), "2024-03-01", "date_time"),
    (("date_time",), {"year": 65536}, "date_time.year"),
    (("date_time",), {"year": 2024, "month": 256}, "date_time.month"),
    (("supplementary",), {}, "supplementary.remote_party_id"),
    (("supplementary",), {**PARTY, "remote_party_counter": ""}, "supplementary.remote_party_counter"),
    (("supplementary",), {**PARTY, "originator_counter": "00" * 8}, "supplementary"),
    (("length_forms",), {"content": 1}, "length_forms.content"),
    (("length_forms",), {"contents": 3}, "length_forms"),
    (("length_forms",), ["content"], "length_forms"),
    (("payload",), "D900", "payload"),
    (("payload", "apdu"), "get-request", "payload.apdu"),
    (("payload", "invoke_id"), "20", "payload.invoke_id"),
    (("payload", "date_time"), "00" * 11, "payload.date_time"),
    (("payload", "length_forms"), {"content": 3}, "payload.length_forms"),
    (("payload", "items"), None, "payload.items"),
    (("payload", "items"), [5], "payload.items[0]"),
    ((*ITEM, "choice"), "put", "payload.items[0].choice"),
    ((*ITEM, "choice"), "get-with-selection", "payload.items[0].selector"),
    ((*ITEM, "selector"), 2, "payload.items[0].choice"),
    ((*ITEM, "class_id"), 65536, "payload.items[0].class_id"),
    ((*ITEM, "class_id"), True, "payload.items[0].class_id"),
    ((*ITEM, "member"), -1, "payload.items[0].member"),
    ((*ITEM, "logical_name"), "1.8.0", "payload.items[0].logical_name"),
    ((*ITEM, "logical_name"), "1-0:1.8.0.256", "payload.items[0].logical_name"),
    (DATUM, None, DATUM_PATH),
    (DATUM, {"type": "unsigned"}, f"{DATUM_PATH}.value"),
    (DATUM, {"type": "unsigned", "value": 256}, f"{DATUM_PATH}.value"),
    (DATUM, {"type": "unsigned", "value": 1.0}, f"{DATUM_PATH}.value"),
    (DATUM, {"type": "unsigned", "value": True}, f"{DATUM_PATH}.value"),
    (DATUM, {"type": "unsigned", "value": 1, "length_form": 3}, f"{DATUM_PATH}.length_form"),
    (DATUM, {"type": "long64", "value": 1}, f"{DATUM_PATH}.value"),
    (DATUM, {"type": "long64", "value": "1_0"}, f"{DATUM_PATH}.value"),
    (DATUM, {"type": "long64", "value": "9" * 5000}, f"{DATUM_PATH}.value"),
    (DATUM, {"type": "boolean", "value": True, "octet": 256}, f"{DATUM_PATH}.octet"),
    (DATUM, {"type": "boolean", "value": False, "octet": 1}, f"{DATUM_PATH}.octet"),
    (DATUM, {"type": "bit-string", "value": "12"}, f"{DATUM_PATH}.value"),
    (DATUM, {"type": "bit-string", "bits": 9, "hex": "FF"}, f"{DATUM_PATH}.bits"),
    (DATUM, {"type": "bit-string", "bits": -1, "hex": ""}, f"{DATUM_PATH}.bits"),
    (DATUM, {"type": "visible-string", "value": "£"}, f"{DATUM_PATH}.value"),
    (DATUM, {"type": "utf8-string", "value": "\ud800"}, f"{DATUM_PATH}.value"),
    (DATUM, {"type": "octet-string", "value": "0"}, f"{DATUM_PATH}.value"),
    (DATUM, {"type": "octet-string", "value": "00", "length_form": 1}, f"{DATUM_PATH}.length_form"),
    (DATUM, {"type": "octet-string", "value": "00" * 256, "length_form": 2}, f"{DATUM_PATH}"),
    (DATUM, {"type": "float32", "value": "00"}, f"{DATUM_PATH}.value"),
    (DATUM, {"type": "array", "value": [{"type": "enum", "value": -1}]}, f"{DATUM_PATH}.value[0].value"),
    (DATUM, compact("null"), f"{DATUM_PATH}.of"),
    (DATUM, compact("array"), f"{DATUM_PATH}.of"),
    (DATUM, compact({"structure": []}), f"{DATUM_PATH}.of.structure"),
    (DATUM, compact({"array": 0, "of": "enum"}), f"{DATUM_PATH}.of.array"),
    (DATUM, compact("enum", {"type": "bcd", "value": 1}), f"{DATUM_PATH}[0]"),
    (DATUM, compact(DEEP_TYPE), f"{DATUM_PATH}.of" + ".structure[0]" * 16),
    (DATUM, {"type": "protected", "security_header": "31", "ciphertext": "", "tag": "00" * 12},
     f"{DATUM_PATH}.security_header"),
    (DATUM, DEEP, DATUM_PATH + ".value[0]" * 16),
    (DATUM, {"type": "octet-string", "value": "00" * MAX_MESSAGE}, "payload"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("keys", "value", "path"), REFUSED, ids=[f"{i}-{r[2][:60]}" for i, r in enumerate(REFUSED)]
)
def test_what_cannot_be_built(keys: tuple[str | int, ...], value: Any, path: str) -> None:
    with pytest.raises(BuildError) as caught:
        build_message(changed(keys, value))
    assert caught.value.path == path
    assert str(caught.value).startswith(f"{path}: ")


@pytest.mark.parametrize("value", [None, [], "DF09", 1, {}, {"v": 2}])
def test_what_is_no_message(value: Any) -> None:
    with pytest.raises(BuildError):
        build_message(value)


def test_what_is_not_known_is_left_alone() -> None:
    """Contract: additions are allowed, so that an older reader takes a newer writer's lines."""
    assert build_message({**SAMPLE, "added later": 1}).octets == build_message(SAMPLE).octets
