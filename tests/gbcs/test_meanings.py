"""What leaves of DLMS and ZCL payloads mean, how they are given, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest

from gbcs.dlms.meanings import kinds, remark
from gbcs.dlms.named import about, data_of, named_value, plain_value
from gbcs.dlms.types import parse_type
from gbcs.errors import BuildError
from gbcs.events import bits_of, codes_of
from gbcs.ids import EntityId
from gbcs.values import json_form
from gbcs.zcl import named as zcl
from gbcs.zcl.fieldlist import parse_fields
from gbcs.zcl.types import BY_NAME, ENTRY, LIST, Node

PARTY = EntityId.parse("90-B3-D5-1F-30-AB-00-01")
MASK, ACTION = "0" * 254 + "11", "0" * 254 + "01"

# kind, plain value, its JSON form, what the reader is told
FORMS: list[tuple[str, Any, Any, str | None]] = [
    ("controller-script", 0x1532, "1532", "output 5 at 50 %"),
    ("controller-script", 0x25E4, "25E4", "input 5 at 100 % by calendar"),
    ("controller-script", 0x3532, "3532", "3532"),
    ("controller-script", 0x1565, "1565", "1565"),
    ("locked", False, "unlocked", "unlocked"),
    ("locked", True, "locked", "locked"),
    ("refused", "0059" + "00" * 7 + "05",
     {"message_code": "0059", "originator_counter": "0000000000000005"},
     "message_code 0059, originator_counter 0000000000000005"),
    ("executed", "0059" + "00" * 7 + "05" + "0003" + "0100010800FF" + "02",
     {"message_code": "0059", "originator_counter": "0000000000000005", "class_id": 3,
      "logical_name": "1-0:1.8.0.255", "member": 2},
     "message_code 0059, originator_counter 0000000000000005, "
     "class_id 3, logical_name 1-0:1.8.0.255, member 2"),
    ("integrity", "0000", "other", "other"),
    ("text", "41FE", {"hex": "41FE"}, None),
    ("text", "4142", "AB", "AB"),
    ("nothing-known", 5, 5, None),
]  # fmt: skip


@pytest.mark.parametrize(("name", "given", "form", "told"), FORMS)
def test_forms(name: str, given: Any, form: Any, told: str | None) -> None:
    plain = bytes.fromhex(given) if isinstance(given, str) else given
    assert remark(name, plain) == told
    kind = kinds().get(name)
    if kind is None:
        return
    value = kind.typed(plain)
    assert json_form(value) == form
    assert kind.plain(value) == plain
    assert kind.plain(form) == plain


def test_octets_of_another_size_stay_octets() -> None:
    assert kinds()["refused"].typed(b"\x00Y") == b"\x00Y"


def test_codes_that_are_on_and_settings_of_them() -> None:
    """256 bits, the last one for the first code; mask and action make a setting."""
    on = kinds()["supplier-codes"].typed(MASK)
    assert [int(code) & 0xFF for code in on] == [0, 1]
    assert kinds()["supplier-codes"].plain(on) == MASK
    assert kinds()["supplier-codes"].plain(MASK) == MASK
    assert kinds()["supplier-codes"].plain(json_form(list(on))) == MASK
    assert remark("supplier-codes", "0" * 256) is not None
    setting = kinds()["supplier-settings"].typed(MASK + ACTION)
    assert list(setting.values()) == [True, False]
    assert remark("supplier-settings", MASK + ACTION) == "; ".join(
        f"{code}: {'on' if value else 'off'}" for code, value in setting.items()
    )
    assert remark("supplier-settings", "0" * 512) == "nothing"
    for given in (setting, json_form(setting), MASK + ACTION):
        assert kinds()["supplier-settings"].plain(given) == MASK + ACTION
    odd = kinds()["supplier-settings"].typed(ACTION + MASK)  # an action without its mask
    assert set(odd) == {"mask", "action"}
    assert kinds()["supplier-settings"].plain(json_form(odd)) == ACTION + MASK
    assert (remark("supplier-settings", ACTION + MASK) or "").startswith("mask ")


def test_bits_of_codes() -> None:
    assert codes_of(MASK, 0x8000) == (0x8000, 0x8001)
    assert bits_of((0x8000, 0x8001), 0x8000) == MASK
    assert bits_of((0x80FF,), 0x8000) == "1" + "0" * 255
    for code in (0x7FFF, 0x8100):
        with pytest.raises(ValueError, match=f"{code:04X} is not from 8000 to 80FF"):
            bits_of((code,), 0x8000)


# notation, what is refused, path of the fault, part of the reason
REFUSED: list[tuple[str, Any, str, str]] = [
    ("u8", "x", "v", "a number is needed"),
    ("u8", 256, "v", "outside"),
    ("u8@tariff-script", "siesta", "v", "is none of"),
    ("oct(4)", "00", "v", "4"),
    ("oct(4)", 5, "v", "octets are needed"),
    ("bool", 1, "v", "true or false is needed"),
    ("bool", "yes", "v", "true or false is needed"),
    ("bool@locked", "ajar", "v", "is none of"),
    ("vis(0..3)", 5, "v", "a text is needed"),
    ("vis(0..3)", "four", "v", ""),
    ("bits(3)", 5, "v", "a text is needed"),
    ("bits(3)", "01x", "v", ""),
    ("null", 0, "v", "null is needed"),
    ("arr(u8,0..2)", 5, "v", "a list is needed"),
    ("arr(u8,0..2)", [1, "x"], "v[1]", "a number is needed"),
    ("arr(u8,0..2)", [1, 2, 3], "v", ""),
    ("struct(a:u8,b:u8)", 5, "v", "an object of a, b is needed"),
    ("struct(a:u8,b:u8)", (1, 2, 3), "v", "2 elements are needed, 3 given"),
    ("struct(a:u8,b:u8)", {"a": 1}, "v.b", "missing"),
    ("struct(a:u8,b:u8)", {"a": 1, "b": 2, "c": 3}, "v", "nothing called 'c'"),
    ("struct(a:u8,b:u8)", {"a": 1, "b": 300}, "v.b", "outside"),
    ("oct(0..1)|struct(a:u8)", {"a": "x"}, "v.a", "a number is needed"),
    ("oct(0..1)|oct(8)", "0000", "v", ""),
    ("oct(10)@refused", {"message_code": 1}, "v", "message_code, originator_counter are needed"),
    ("oct(10)@refused", {"message_code": 65536, "originator_counter": 0}, "v", "a number of 2 octets"),
    ("oct(10)@refused", {"message_code": -1, "originator_counter": 0}, "v", "a number of 2 octets"),
    ("bits(256)@supplier-codes", 5, "v", "a list of codes is needed"),
    ("bits(256)@supplier-codes", ["0000"], "v", "0000 is not from"),
    ("bits(512)@supplier-settings", 5, "v", "codes with true or false are needed"),
    ("bits(512)@supplier-settings", {"8000": 1}, "v", "by true or false"),
]


@pytest.mark.parametrize(("notation", "given", "path", "reason"), REFUSED)
def test_what_is_refused(notation: str, given: Any, path: str, reason: str) -> None:
    with pytest.raises(BuildError) as caught:
        data_of(parse_type(notation), given, "v")
    assert caught.value.path == path
    assert reason in str(caught.value)


@pytest.mark.parametrize(
    ("notation", "given", "plain"),
    [
        ("bool", "True", True),
        ("bool", "false", False),
        ("bool@locked", True, True),
        ("bool@locked", "Locked", True),
        ("null", "null", None),
        ("struct(a:u8,b:bool)", (1, True), (1, True)),
        ("oct(0..1)|oct(8)", str(PARTY).replace("-", ""), bytes(PARTY)),
        ("oct(2)@integrity", "watchdog", b"\0\6"),
        ("oct(2)@integrity", b"\0\6", b"\0\6"),
        ("oct(10)@refused", bytes(10), bytes(10)),
    ],
)
def test_other_ways_to_say_it(notation: str, given: Any, plain: Any) -> None:
    assert plain_value(parse_type(notation), given) == plain


def test_one_of_several_types_is_the_one_that_fits() -> None:
    wire = parse_type("struct(a:u8@supply-state)|arr(u8@supply-state,0..3)")
    assert json_form(named_value(wire, data_of(wire, {"a": "armed"}))) == {"a": "armed"}
    assert json_form(named_value(wire, data_of(wire, ["armed", 0]))) == ["armed", "disabled"]


@pytest.mark.parametrize(
    ("notation", "said"),
    [
        ("u8", "0..255"),
        ("u8@supply-state", "supply-state"),
        ("i16@millipence", "-32768..32767 millipence"),
        ("oct(4)", "octets (4) in hex"),
        ("oct(0..4)", "octets (0..4) in hex"),
        ("oct(12)@date-time", "date-time (12)"),
        ("bits(3)", "bits (3) as 0 and 1"),
        ("vis(0..22)", "text (0..22)"),
        ("bool", "true or false"),
        ("bool@locked", "0 unlocked, 1 locked"),
        ("null", "null"),
        ("arr(u8,2)", "list of 2 0..255"),
        ("struct(a:u8,b:null)", "{a: 0..255, b: null}"),
        ("null|u8", "null or 0..255"),
    ],
)
def test_one_line_for_the_reader(notation: str, said: str) -> None:
    assert about(parse_type(notation)).startswith(said)


# -- ZCL ----------------------------------------------------------------------------------------

FIELDS = parse_fields(
    "Kind:uint8, Flag:boolean, Name:octet-string, Mask:bitmap8, Key:key-128, Day:date, Number:int16, "
    "Count:uint8, Items[Count]{Item:uint16}, Rows[Kind&0F]{A:uint8, B:uint8}, ?Last:utc"
)
VALUES: dict[str, Any] = {
    "Kind": 1, "Flag": True, "Name": "one", "Mask": "F", "Key": "00" * 16, "Day": "2026-01-01/4",
    "Number": -2, "Count": 2, "Items": [1, 2], "Rows": [{"A": 1, "B": 2}], "Last": "2026-01-01T00:00:00Z",
}  # fmt: skip


def test_fields_of_a_command_and_back() -> None:
    body = zcl.body_of(FIELDS, VALUES, "v")
    values = zcl.named_body(FIELDS, body)
    assert json_form(values) == VALUES
    assert zcl.body_of(FIELDS, values or {}, "v") == body
    without = {name: value for name, value in VALUES.items() if name not in ("Count", "Last")}
    shorter = zcl.body_of(FIELDS, without, "v")
    assert json_form(zcl.named_body(FIELDS, shorter)) == {**without, "Count": 2}
    nothing = zcl.body_of(FIELDS, {**VALUES, "Name": None}, "v")
    assert (zcl.named_body(FIELDS, nothing) or {})["Name"] is None
    odd = [Node(n.type, 7) if n.type == BY_NAME["boolean"].id else n for n in body]
    assert (zcl.named_body(FIELDS, odd) or {})["Flag"] == 7


ZCL_REFUSED: list[tuple[str, Any, str, str]] = [
    ("Kind", 256, "v.Kind", "uint8 goes from 0 to 255"),
    ("Kind", True, "v.Kind", "a number is needed"),
    ("Flag", "yes", "v.Flag", "a number is needed"),
    ("Flag", 256, "v.Flag", "boolean goes from 0 to 255"),
    ("Name", "a" * 255, "v.Name", "at most 254 octets"),
    ("Name", 5, "v.Name", "octets are needed"),
    ("Mask", "100", "v.Mask", "bitmap8 goes from 0 to 255"),
    ("Mask", "x", "v.Mask", "hex digits"),
    ("Key", "00", "v.Key", "16 octets are needed, 1 given"),
    ("Key", 5, "v.Key", "octets are needed"),
    ("Day", "soon", "v.Day", "no date"),
    ("Number", 32768, "v.Number", "int16 goes from -32768 to 32767"),
    ("Items", 5, "v.Items", "a list is needed"),
    ("Items", [1, "x"], "v.Items[1].Item", "a number is needed"),
    ("Rows", [5], "v.Rows[0]", "an object is needed"),
    ("Rows", [{"A": 1}], "v.Rows[0].B", "missing"),
    ("Rows", [{"A": 1, "B": 2, "C": 3}], "v.Rows[0].C", "no such field"),
    ("Last", "soon", "v.Last", "not a date and time"),
    ("More", 1, "v.More", "no such field"),
]


@pytest.mark.parametrize(("name", "given", "path", "reason"), ZCL_REFUSED)
def test_fields_that_are_refused(name: str, given: Any, path: str, reason: str) -> None:
    with pytest.raises(BuildError) as caught:
        zcl.body_of(FIELDS, {**VALUES, name: given}, "v")
    assert caught.value.path == path
    assert reason in str(caught.value)


def test_the_longest_string_and_a_field_that_is_missing() -> None:
    assert zcl.body_of(FIELDS, {**VALUES, "Name": "a" * 254}, "v")
    for name in ("Kind", "Items"):
        with pytest.raises(BuildError, match="missing") as caught:
            zcl.body_of(FIELDS, {key: value for key, value in VALUES.items() if key != name}, "v")
        assert caught.value.path == f"v.{name}"


def test_a_condition_ends_the_fields() -> None:
    fields = parse_fields("Status:uint8, when Status!=0, Id:uint8")
    assert len(zcl.body_of(fields, {"Status": 0}, "v")) == 1
    assert len(zcl.body_of(fields, {"Status": 1, "Id": 2}, "v")) == 2
    with pytest.raises(BuildError, match="no such field"):
        zcl.body_of(fields, {"Status": 0, "Id": 2}, "v")


def test_a_body_that_is_not_as_declared() -> None:
    """None: more nodes, another type, entries of another kind, a list where none is declared."""
    body = list(zcl.body_of(FIELDS, VALUES, "v"))
    uint8 = BY_NAME["uint8"].id
    assert zcl.named_body(FIELDS, [*body, *body]) is None
    for index in range(len(body)):
        assert zcl.named_body(FIELDS, [*body[:index], Node(0, None), *body[index + 1 :]]) is None
    items, rows = (body.index(node) for node in body if node.type == LIST)
    for place, entries in (
        (items, (Node(uint8, 1),)),
        (rows, (Node(uint8, 1),)),
        (rows, (Node(ENTRY, (Node(uint8, 1), Node(LIST, ()))),)),
    ):
        changed = [*body[:place], Node(LIST, entries), *body[place + 1 :]]
        assert zcl.named_body(FIELDS, changed) is None


def test_one_line_of_fields_for_the_reader() -> None:
    said = zcl.about_fields(
        parse_fields("Kind:uint8@status, ?Any:typed, Items[]{Item:uint16}, Rows[]{A:utc, B:utc}")
    )
    assert said == "{Kind: uint8 status, Any?: typed, Items: list of uint16, Rows: list of {A: utc, B: utc}}"


def test_types_nobody_knows_stay_as_they_are() -> None:
    kind = zcl.kind_of(0x77)
    assert (kind.typed(b"x"), kind.plain(b"x")) == (b"x", b"x")
