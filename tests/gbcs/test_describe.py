"""The trees of values: their examples can be sent, and read back."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from gbcs.dlms.types import parse_type
from gbcs.errors import BuildError
from gbcs.ids import Cra, EntityId, Kind
from gbcs.message import Message, OtherInformation
from gbcs.named.common import VARIANT, Place
from gbcs.named.describe import OUTCOME, describe, variants
from gbcs.named.dlms_parts import wire_part
from gbcs.named.gbz_parts import body_parts
from gbcs.named.parts import Part, Shape, example_values, names_text, span
from gbcs.named.payload import family_of, payload_of, read_values
from gbcs.usecases import UseCase, by_code, by_name, table
from gbcs.values import json_form
from gbcs.zcl.fieldlist import parse_fields

_CRAS = {Kind.RESPONSE: Cra.RESPONSE, Kind.ALERT: Cra.ALERT}
FORMS = [
    pytest.param(row, kind, variant, id=f"{row.code:04X}-{kind.value}-{variant}".rstrip("-"))
    for row in table()
    if row.code is not None
    for kind in row.kinds
    for variant in variants(row, kind)
]


def place(row: UseCase, kind: Kind, payload: bytes = b"") -> Place:
    """A header for a payload, and a seal that only wraps."""
    assert row.code is not None
    message = Message(
        _CRAS.get(kind, Cra.COMMAND),
        1000,
        EntityId(bytes(8)),
        EntityId(bytes((1,) * 8)),
        OtherInformation(row.code),
        payload,
        mac_header=kind is not Kind.PRECOMMAND,
    )
    return Place(message, lambda sealed: sealed[5:-12], lambda plain: b"\x31" + bytes(4) + plain + bytes(12))


def walk(parts: tuple[Part, ...]) -> Iterator[Part]:
    for part in parts:
        yield part
        yield from walk(part.parts)


def at(parts: tuple[Part, ...], *path: str) -> Part:
    """The part of a path; lists are entered by themselves."""
    name, *rest = path
    part = next(part for part in parts if part.name == name)
    below = part.parts[0].parts if part.shape is Shape.LIST else part.parts
    return at(below, *rest) if rest else part


@pytest.mark.parametrize(("row", "kind", "variant"), FORMS)
def test_every_node_says_what_it_takes(row: UseCase, kind: Kind, variant: str) -> None:
    for part in walk(describe(row, kind, variant)):
        assert part.summary
        if part.shape is Shape.LEAF:
            assert part.about
            assert not part.parts
        elif part.shape is Shape.LIST:
            assert len(part.parts) == 1
            assert 0 <= part.lo <= part.hi
        else:
            assert all(below.name for below in part.parts if part.shape is Shape.OBJECT)


@pytest.mark.parametrize(("row", "kind", "variant"), FORMS)
def test_the_examples_build_and_read_back(row: UseCase, kind: Kind, variant: str) -> None:
    assert row.code is not None
    parts = [part for part in describe(row, kind, variant) if part.name not in OUTCOME]
    family = family_of(row.code, kind)
    payload = payload_of(place(row, kind), example_values(parts), family)
    back: Any = json_form(read_values(place(row, kind, payload)))
    assert payload_of(place(row, kind), back, family) == payload


@pytest.mark.parametrize(("row", "kind", "variant"), FORMS)
def test_the_examples_of_outcomes_build(row: UseCase, kind: Kind, variant: str) -> None:
    assert row.code is not None
    parts = describe(row, kind, variant)
    outcome = {part.name: part.value for part in parts if part.name in OUTCOME}
    values = example_values([part for part in parts if part.name not in OUTCOME])
    if kind is Kind.RESPONSE and outcome:
        assert payload_of(place(row, kind), {**values, **outcome}, family_of(row.code, kind))
    else:
        assert not outcome


def test_a_nested_value_keeps_types_limits_and_units() -> None:
    parts = describe(by_name("ECS01a"), Kind.COMMAND)
    days = at(parts, "TariffSwitchingTable.Days")
    assert (days.shape, days.lo, days.hi) == (Shape.LIST, 0, 16)
    assert at(parts, "TariffSwitchingTable.Days", "day_id").about == "0..255"
    script = at(parts, "TariffSwitchingTable.Days", "day_schedule", "script_selector")
    assert "1..48 TOU 1..48" in script.about
    threshold = at(parts, "TariffThresholdMatrix.TOU1").parts[0]
    assert (threshold.about, threshold.unit) == ("0..4294967295", "Wh")
    moment = at(parts, "ActivationTime")
    assert "TariffPriceMatrix.ActivationTime" in moment.note


def test_variants_are_told_apart() -> None:
    row = by_name("ECS47")
    names = variants(row, Kind.COMMAND)
    assert names[:2] == ("set 1", "reset 1")
    assert names[-1] == "resume"
    assert variants(row, Kind.RESPONSE) == ("",)
    assert at(describe(row, Kind.COMMAND, "set 2"), VARIANT).value == "set 2"
    with pytest.raises(BuildError, match="no variant set 9"):
        describe(row, Kind.COMMAND, "set 9")


def test_a_kind_the_use_case_does_not_have() -> None:
    with pytest.raises(BuildError, match="has no alert"):
        describe(by_name("ECS01a"), Kind.ALERT)


def test_the_billing_alert_has_its_contents() -> None:
    row = by_code(0x0061)
    assert row is not None
    contents = at(describe(row, Kind.ALERT), "BillingDataLog.CalendarRegisters")
    assert contents.shape is Shape.ONE_OF
    assert [part.name for part in contents.parts] == [
        "on a meter with one element",
        "on a twin-element meter",
    ]


def test_conditions_and_counts_of_zcl_fields() -> None:
    parts = body_parts(
        parse_fields("Kind:uint8, when Kind=6, Count:uint8, Items[Count]{Item:uint16}, ?Last:utc, "
                     "Rest[Kind&0F]{A:uint8, B:uint8}")
    )  # fmt: skip
    assert example_values(parts) == {"Kind": 6, "Items": [0], "Rest": [{"A": 0, "B": 0}]}
    assert at(parts, "Items").hi == 255
    assert at(parts, "Rest").hi == 15
    assert at(parts, "Count").note == "the number of Items, counted if left out; only if Kind is 6"
    stopped = body_parts(parse_fields("Status:enum8, when Status!=0, Id:uint8"))
    assert example_values(stopped) == {"Status": 0}


@pytest.mark.parametrize(
    ("notation", "summary"),
    [
        ("u8", "0..255"),
        ("i16@millipence", "-32768..32767 millipence"),
        ("oct(4)", "4 octets in hex"),
        ("oct(18..)", "18 or more octets in hex"),
        ("vis(0..22)", "ASCII text, 0..22 octets"),
        ("utf8", "UTF-8 text, any number of octets"),
        ("arr(u8,3)", "list of 3: 0..255"),
        ("arr(struct(a:u8),0..4)", "list of 0..4 objects"),
        ("arr(arr(u8,2),1..2)", "list of 1..2 lists"),
        ("oct(0..1)|oct(8)", "0..1 octets in hex or 8 octets in hex"),
        ("struct(a:u8)", "object"),
        ("bool@locked", "unlocked (false) or locked (true)"),
        ("null", "null"),
    ],
)
def test_summaries(notation: str, summary: str) -> None:
    assert wire_part(parse_type(notation)).summary == summary


def test_octets_of_several_values_are_an_object() -> None:
    part = wire_part(parse_type("oct(10)@refused"))
    assert [below.name for below in part.parts] == ["message_code", "originator_counter"]
    assert part.value == {"message_code": "0000", "originator_counter": "0" * 16}


def test_names_in_a_row_are_one() -> None:
    assert names_text({1: "TOU 1", 2: "TOU 2", 3: "TOU 3", 9: "none"}) == "1..3 TOU 1..3, 9 none"
    assert names_text({1: "TOU 1", 2: "TOU 2"}) == "1 TOU 1, 2 TOU 2"
    assert names_text({10: "a", 11: "b"}, 2) == "0A a, 0B b"


def test_spans() -> None:
    assert (span(4, 4), span(0, 4)) == ("4", "0..4")


def test_an_example_of_nothing_needed_takes_the_first() -> None:
    parts = (Part("a", about="x", required=False, example=1), Part("b", about="x", required=False, example=2))
    assert example_values(parts) == {"a": 1}
    assert example_values((parts[0], replace(parts[1], required=True))) == {"b": 2}
    assert Part("", Shape.OBJECT, parts=parts).value == {}
