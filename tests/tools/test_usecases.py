"""`smets usecases`: the table, its filters, and one use case in full."""

import json
import shlex
from collections.abc import Iterator
from typing import Any

import pytest
from smets.tools.usecase_facts import OUTCOMES
from smets.tools.usecase_text import WIDTH

from gbcs.dlms.named import plain_value
from gbcs.dlms.templates import templates
from gbcs.ids import DeviceType, Payload, Role
from gbcs.named.describe import OUTCOME
from gbcs.usecases import by_code, table
from smets.esme.items import VARIANTS, items
from tests.tools.cli import smets

ALTERNATIVES = ("on a meter with one element", "on a twin-element meter")
SETTABLE = {item.name: item for variant in reversed(VARIANTS) for item in items(variant) if item.settable}


def rows(*arguments: str) -> list[dict[str, Any]]:
    done = smets("usecases", "--json", *arguments)
    assert (done.status, done.err) == (0, "")
    return [json.loads(line) for line in done.out.splitlines()]


def test_every_row_is_listed() -> None:
    found = rows()
    assert [row["use_case"] for row in found] == [row.name for row in table()]
    assert all(row["v"] == 1 for row in found)
    for shown, row in zip(found, table(), strict=True):
        assert shown["message_code"] == (None if row.code is None else f"{row.code:04X}")
        assert shown["title"] == row.title
        assert shown["kinds"] == [kind.value for kind in row.kinds]


def test_columns_line_up_when_piped() -> None:
    done = smets("usecases")
    head, *shown = done.out.splitlines()
    assert len(shown) == len(table())
    title = head.index("title")
    for line, row in zip(shown, table(), strict=True):
        assert line[title:] == row.title
        assert line[title - 2 : title] == "  "
        assert line.startswith("-" if row.code is None else f"{row.code:04X}")


def test_a_terminal_gets_a_table() -> None:
    done = smets("usecases", "--device", "GSME", terminals="out")
    assert done.status == 0
    assert "\x1b[" in done.out
    assert "use case" in done.out
    assert "GCS01a" in done.out


@pytest.mark.parametrize(
    ("option", "value", "fits"),
    [
        ("--device", "gsme", lambda row: DeviceType.GSME in row.devices),
        ("--device", "Type 2", lambda row: DeviceType.TYPE2 in row.devices),
        ("--role", "supplier", lambda row: Role.SUPPLIER in row.roles),
        ("--role", "Network-Operator", lambda row: Role.NETWORK_OPERATOR in row.roles),
        ("--role", "broker", lambda row: Role.ACCESS_CONTROL_BROKER in row.roles),
        ("--payload", "dlms", lambda row: row.payload is Payload.DLMS),
        ("--critical", None, lambda row: row.critical),
        ("--non-critical", None, lambda row: not row.critical),
    ],
)
def test_filters(option: str, value: str | None, fits: Any) -> None:
    expected = [row.name for row in table() if fits(row)]
    arguments = [option] if value is None else [option, value]
    if not expected:
        assert smets("usecases", *arguments) == (1, "", "smets: no use case fits these options\n")
        return
    assert [row["use_case"] for row in rows(*arguments)] == expected


def test_filters_add_up() -> None:
    found = rows("--device", "ESME", "--role", "supplier", "--critical", "--payload", "DLMS")
    assert 10 < len(found) < 200
    assert all(row["critical"] and row["payload"] == "DLMS" for row in found)


def test_nothing_fits_is_status_1() -> None:
    done = smets("usecases", "--payload", "GBZ", "--device", "ESME", "--role", "root")
    assert done == (1, "", "smets: no use case fits these options\n")


@pytest.mark.parametrize("name", ["ECS02", "ecs02", "001A", "001a"])
def test_one_use_case_in_full(name: str) -> None:
    done = smets("usecases", name)
    row = by_code(0x001A)
    assert row is not None
    assert done.status == 0
    assert done.out.startswith(f"ECS02  {row.title}\n")
    assert "  message code        001A\n" in done.out
    assert "  command             signature of the originator, MAC of the broker\n" in done.out
    for template in templates(0x001A):
        for component in template.components:
            assert str(component) in done.out


def test_components_have_names_and_types() -> None:
    (row,) = rows("ECS02")
    items = row["templates"][0]["items"]
    assert len(items) == len(templates(0x001A)[0].components)
    assert all(item["name"] and item["type"] for item in items)


def test_a_template_with_variants_and_options() -> None:
    done = smets("usecases", "ECS47", "ECS57")
    assert "\nprecommand, command: set 1\n" in done.out
    assert "\nwhat the command consists of: resume\n" in done.out
    assert "[optional]" in done.out


def test_a_name_may_have_several_rows() -> None:
    assert {row["use_case"] for row in rows("CS02b")} == {"CS02b"}
    assert len(rows("CS02b")) == sum(row.name == "CS02b" for row in table()) > 1
    assert [row["use_case"] for row in rows("CCS04")] == ["CCS05/CCS04"]


def test_an_unknown_name_gets_a_hint() -> None:
    done = smets("usecases", "ECS0")
    assert done.status == 2
    assert done.err.startswith("smets: no use case is called 'ECS0'; near to it: ")


CODED = [row for row in table() if row.code is not None]


def every_name(parts: list[dict[str, Any]]) -> Iterator[str]:
    for part in parts:
        yield part["name"]
        yield from every_name(part.get("parts", []))


@pytest.mark.parametrize("row", CODED, ids=lambda r: f"{r.code:04X}")
def test_every_row_prints(row: Any) -> None:
    done = smets("usecases", f"{row.code:04X}")
    assert (done.status, done.err) == (0, "")
    assert "not in the object table" not in done.out
    (shown,) = rows(f"{row.code:04X}")
    assert [message["kind"] for message in shown["messages"]] == shown["kinds"]
    words = done.out.split()
    for message in shown["messages"]:
        assert message["forms"]
        for form in message["forms"]:
            fields = [part for part in form["fields"] if part["name"] not in OUTCOMES]
            assert set(every_name(fields)) - {"", *ALTERNATIVES} <= set(words)


@pytest.mark.parametrize("name", ["ECS01a", "GCS05", "CS02b", "ECS20b", "FDRPM-ESME"])
def test_no_line_of_the_trees_is_wider_than_the_page(name: str) -> None:
    lines = smets("usecases", name).out.splitlines()
    assert len(lines) > 15
    assert max(len(line) for line in lines if "smets build" not in line and "--set" not in line) <= WIDTH


def test_fields_have_types_limits_units_and_places() -> None:
    (row,) = rows("ECS01a", "--kind", "command")
    (message,) = row["messages"]
    fields = {part["name"]: part for part in message["forms"][0]["fields"]}
    seasons = fields["TariffSwitchingTable.Seasons"]
    assert (seasons["shape"], seasons["least"], seasons["most"]) == ("list", 0, 4)
    assert seasons["limits"] == ["1..4 entries"]
    assert seasons["source"] == "set 20/0-0:13.0.0.255/7"
    assert fields["TariffThresholdMatrix.TOU1"]["parts"][0]["unit"] == "Wh"
    index = fields["TariffPriceMatrix"]["parts"][2]["parts"][0]["parts"][0]
    assert index["limits"] == ["in this order: 01..30, A1..A8, B1..B8, C1..C8, D1..D8"]
    assert "TariffPriceMatrix.ActivationTime" in fields["ActivationTime"]["note"]


@pytest.mark.parametrize(
    ("name", "kind", "signature", "mac", "words"),
    [
        ("ECS01a", "precommand", None, None, "neither"),
        ("ECS01a", "command", "originator", "broker", "signature of the originator, MAC of the broker"),
        ("ECS01a", "response", "device", None, "no MAC"),
        ("ECS10", "command", None, "broker", "no signature, MAC of the broker"),
        ("ECS10", "response", None, "device", "MAC of the device for the originator"),
        ("GNCA", "alert", None, "device", "for the recipient"),
        ("GCA", "alert", "device", None, "signature of the device"),
        ("CS02a", "command", "originator", "broker", "as the authorising cell"),
        ("CS02a", "response", "device", "device", "as the command had it"),
        ("0104", "command", None, "broker", "except to a hub"),
        ("0108", "command", "originator", None, "no MAC"),
        ("CS04AC", "command", "originator", "broker", "for a party that may not sign"),
        ("PCS01", "command", None, "ppmid", "MAC of the ppmid"),
    ],
)
def test_protection_of_each_kind(
    name: str, kind: str, signature: str | None, mac: str | None, words: str
) -> None:
    (row,) = rows(name, "--kind", kind)
    (message,) = row["messages"]
    found = message["protection"]
    assert (found["signature"], found["mac"]) == (signature, mac)
    assert words in found["text"]


def test_one_kind_only() -> None:
    done = smets("usecases", "ECS01a", "--kind", "Response")
    assert "\nresponse\n" in done.out
    assert "precommand" not in done.out
    assert "consists of" not in done.out
    assert smets("usecases", "ECS01a", "--kind", "alert") == (1, "", "smets: ECS01a has no alert\n")
    done = smets("usecases", "--kind", "alert")
    assert (done.status, done.out) == (2, "")
    assert done.err.startswith("smets: --kind needs the NAME of a use case")


@pytest.mark.parametrize("row", CODED, ids=lambda r: f"{r.code:04X}")
def test_every_example_has_all_that_is_needed(row: Any) -> None:
    (shown,) = rows(f"{row.code:04X}")
    for message in shown["messages"]:
        for form in message["forms"]:
            needed = {part["name"] for part in form["fields"] if part["required"]}
            assert form["example"] is not None
            assert needed <= set(form["example"])


@pytest.mark.parametrize(
    "row", [row for row in CODED if row.payload is Payload.DLMS], ids=lambda r: f"{r.code:04X}"
)
def test_a_meter_takes_the_examples(row: Any) -> None:
    (shown,) = rows(f"{row.code:04X}")
    for message in shown["messages"]:
        for form in message["forms"]:
            for name, value in form["example"].items() if message["kind"] == "command" else ():
                known = next((i for i in (name, f"{name}.Passive") if i in SETTABLE), None)
                if known is not None:
                    wire = SETTABLE[known].wire
                    assert SETTABLE[known].refusal(plain_value(wire, value, name)) == ""


def test_an_example_alone() -> None:
    done = smets("usecases", "ECS38", "--example")
    assert done.status == 0
    assert json.loads(done.out) == {"RandomisedOffsetLimit": 0}
    done = smets("usecases", "ECS47", "--example", "--variant", "reset 2")
    assert json.loads(done.out)["Variant"] == "reset 2"
    done = smets("usecases", "GCS53", "--example", "--kind", "alert")
    assert set(json.loads(done.out)) == {"AlertCode", "Time", "PublishSnapshot"}


@pytest.mark.parametrize(
    ("arguments", "status", "words"),
    [
        (["--example"], 2, "--example needs the NAME"),
        (["CS02b", "--example"], 2, "--example needs one use case, not 0100, "),
        (["ECS38", "--example", "--kind", "alert"], 1, "ECS38 has no alert"),
        (["ECS47", "--example", "--variant", "set 9"], 2, "ECS47 has no variant 'set 9'"),
        (["ECS47", "--variant", "set 1"], 2, "--variant needs --example"),
        (["UTRN-local", "--example"], 1, "UTRN-local has no command"),
    ],
)
def test_no_example(arguments: list[str], status: int, words: str) -> None:
    done = smets("usecases", *arguments)
    assert (done.status, done.out) == (status, "")
    assert done.err.startswith(f"smets: {words}")


@pytest.mark.parametrize("name", ["ECS38", "ECS47", "CS06", "GCS07", "0100", "CCS05/CCS04", "ECS24"])
def test_the_lines_of_examples_can_be_typed(name: str) -> None:
    text = smets("usecases", name).out.replace("\\\n", " ")
    lines = [line for line in text.splitlines() if line.startswith("    smets build ")]
    assert lines
    for line in lines:
        words = shlex.split(line.replace("ID", "0011223344556677").replace(" N", " 1"))
        if "--values" not in words:
            done = smets(*words[1:])
            assert (done.status, done.err) == (0, "")
            assert bytes.fromhex(done.out.strip())


def test_outcomes_are_those_of_the_trees() -> None:
    assert OUTCOMES == OUTCOME  # repeated there, so that the table needs none of the named layer


def test_a_use_case_without_messages() -> None:
    done = smets("usecases", "PECS01")
    assert done.status == 0
    assert "  messages            none, it only has a number\n" in done.out
