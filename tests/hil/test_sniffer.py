"""A capture of a home on sticks by one more stick; dongles of another process stand in for all three."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from hil.homes import on_radio, open_home
from hil.monikers import Moniker, MonikerError
from hil.runner import Runner
from hil.scenario import parse_scenario
from tests.hil.dongles import dongles
from tests.hil.homes import HOME, METER, READ, failures
from tests.tools.cli import smets

pytest.importorskip("bellows", reason="the radio libraries are not installed: pip install '.[radio]'")

from tests.hil.test_radio_home import dissected, messages_found, messages_of
from tests.hil.test_stick_home import HUB_ID, METER_ID, on_sticks

SNIFFER_ID = "0253000000000A09"


@pytest.fixture(scope="module", name="sticks")
def _sticks() -> Iterator[list[str]]:
    with dongles(HUB_ID, METER_ID, SNIFFER_ID) as monikers:
        yield monikers


def test_a_stick_hears_a_home_on_sticks(sticks: list[str], tmp_path: Path) -> None:
    hub, meter, sniffer = sticks
    air, keys = tmp_path / "air.pcapng", tmp_path / "keys"
    scenario = on_sticks(hub, meter)
    with open_home(scenario, capture=air, keyfile=keys, sniffer=Moniker.parse(sniffer)) as home:
        assert failures(list(Runner(scenario, home))) == []
        lines = list(home.transcript.lines)
    found = dissected(air, keys, "frame.protocols", "_ws.malformed", "wpan.fcs_ok", "_ws.col.Info")
    assert [row for row in found if row[1]] == []
    assert {row[2] for row in found} <= {"True", "1", ""}
    text = "\n".join(row[3] for row in found)
    for what in ("Association Request", "Transport Key", "Initiate Key Establishment Request"):
        assert what in text
    assert "Encrypted" not in text
    heard = messages_found(air, keys)
    assert heard == messages_of(lines, "tunnel")
    assert sum(heard.values()) >= 2


def test_the_command_writes_what_it_hears(sticks: list[str], tmp_path: Path) -> None:
    air = tmp_path / "air.pcapng"
    done = smets("sniff", sticks[2], "--channel", "15", "--capture", str(air), "--seconds", "0.2", "--json")
    assert done.status == 0
    assert json.loads(done.out) == {"v": 1, "frames": 0, "file": str(air)}
    assert dissected(air, None, "frame.protocols") == []


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["memory:", "--channel", "15"], "memory: is no stick that could listen"),
        (["serial:/dev/none", "--channel", "15"], "no dongle at /dev/none"),
        (["serial:/dev/none", "--channel", "27"], "27 is not in the range"),
    ],
)
def test_what_cannot_listen(arguments: list[str], message: str, tmp_path: Path) -> None:
    air = tmp_path / "x"
    air.write_text("kept")
    done = smets("sniff", *arguments, "--capture", str(air))
    assert done.status == 2
    assert air.read_text() == "kept"
    assert message in done.err


def test_a_capture_beside_sticks_needs_a_sniffer(tmp_path: Path) -> None:
    scenario = on_sticks("tcp:127.0.0.1:1", "tcp:127.0.0.1:2")
    with (
        pytest.raises(MonikerError, match="needs one more stick"),
        open_home(scenario, capture=tmp_path / "x"),
    ):
        pass
    memory = parse_scenario(HOME + METER + READ, "test")
    for one in (memory, on_radio(memory, Moniker("virtual"))):
        with (
            pytest.raises(MonikerError, match="a sniffer needs a file"),
            open_home(one, sniffer=Moniker.parse("tcp:127.0.0.1:1")),
        ):
            pass
