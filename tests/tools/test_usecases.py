"""`smets usecases`: the table, its filters, and one use case in full."""

import json
from typing import Any

import pytest

from gbcs.dlms.templates import templates
from gbcs.ids import DeviceType, Payload, Role
from gbcs.usecases import by_code, table
from tests.tools.cli import smets


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
    assert "  message code            001A\n" in done.out
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
    assert "  command set 1\n" in done.out
    assert "  command resume\n" in done.out
    assert "[optional]" in done.out


def test_a_name_may_have_several_rows() -> None:
    assert {row["use_case"] for row in rows("CS02b")} == {"CS02b"}
    assert len(rows("CS02b")) == sum(row.name == "CS02b" for row in table()) > 1
    assert [row["use_case"] for row in rows("CCS04")] == ["CCS05/CCS04"]


def test_an_unknown_name_gets_a_hint() -> None:
    done = smets("usecases", "ECS0")
    assert done.status == 2
    assert done.err.startswith("smets: no use case is called 'ECS0'; near to it: ")


@pytest.mark.parametrize(
    "row", [row for row in table() if row.code is not None], ids=lambda r: f"{r.code:04X}"
)
def test_every_row_prints(row: Any) -> None:
    done = smets("usecases", f"{row.code:04X}")
    assert done.status == 0
    assert "not in the object table" not in done.out
