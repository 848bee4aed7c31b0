"""docs/hardware.md: its scenario can be run, and its commands and settings exist."""

import re
from pathlib import Path
from textwrap import dedent

import pytest

from hil.scenario import parse_scenario
from hil.sticks import KNOWN
from tools.main import COMMANDS


@pytest.fixture(scope="module")
def page(root: Path) -> str:
    return (root / "docs" / "hardware.md").read_text(encoding="utf-8")


def scenario(page: str) -> str:
    """The block that begins a scenario file, without its indentation."""
    lines = page[page.index("    spec = 1\n") :].splitlines()
    length = next(i for i, line in enumerate(lines) if line and not line.startswith("    "))
    return dedent("\n".join(lines[:length]))


def test_the_scenario_can_be_run(page: str) -> None:
    found = parse_scenario(scenario(page), "docs/hardware.md")
    assert [step.command for step in found.steps] == ["ECS52", "", "ECS22b"]
    assert found.hub.radio != found.devices[0].radio
    for entity in (found.hub.gpf, found.devices[0].entity):
        assert f"EUI-64 {bytes(entity).hex().upper()}" in page  # of the virtual dongles it names


def test_its_commands_exist(page: str) -> None:
    commands = set(re.findall(r"\bsmets ([a-z]+)", page))
    assert commands >= {"run", "dongle", "dongles"}
    assert commands <= set(COMMANDS)


def test_experiments_are_numbered(page: str) -> None:
    numbers = [int(number) for number in re.findall(r"^\*\*(\d+)\. ", page, re.MULTILINE)]
    assert numbers == list(range(1, len(numbers) + 1))
    assert len(numbers) >= 10


def test_sticks_said_not_to_speak_ezsp_are_known_as_such(page: str) -> None:
    for name in ("ZBDongle-P", "ConBee II", "CC2531"):
        assert name in page
        assert any(name in row.name and row.ezsp is False for row in KNOWN)
