"""Homes on sticks: dongles of another process behind TCP ports stand in for them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from gbcs.errors import LocalError
from gbcs.ids import EntityId
from hil.han_choice import HanChoice
from hil.homes import open_home
from hil.joined_home import open_joined_home
from hil.runner import Runner
from hil.scenario import Scenario, parse_scenario
from tests.hil.dongles import dongles
from tests.hil.homes import HOME, METER, READ, failures

pytest.importorskip("bellows", reason="the radio libraries are not installed: pip install '.[radio]'")

HUB_ID, METER_ID = "00DB123456780003", "00DB123456780001"  # the hub's radio has the id of its GPF


@pytest.fixture(scope="module")
def sticks() -> Iterator[list[str]]:
    with dongles(HUB_ID, METER_ID) as monikers:
        yield monikers


def on_sticks(hub: str, meter: str) -> Scenario:
    text = HOME.replace('radio = "memory:"', f'radio = "{hub}"')
    return parse_scenario(text + METER + f'radio = "{meter}"\n' + READ, "test")


def test_a_meter_is_read_again_and_again(sticks: list[str]) -> None:
    scenario = on_sticks(*sticks)
    for _ in range(2):  # the second time sticks remember a network
        with open_home(scenario) as home:
            assert failures(list(Runner(scenario, home))) == []
            said = [line.text for line in home.transcript.lines if line.layer in ("zdo", "cbke")]
        assert said.count("joined") == 1
        assert said.count("link key established, SUITE_2") == 2


def test_another_stick_is_refused(sticks: list[str]) -> None:
    hub, meter = sticks
    why = f"^the stick of hub is {METER_ID}: the gpf of the hub has to be the same, not {HUB_ID}$"
    with pytest.raises(LocalError, match=why), open_home(on_sticks(meter, hub)):
        pass
    with dongles(HUB_ID) as (other,):
        why = f"^the stick of meter is {HUB_ID}: the id of meter has to be the same, not {METER_ID}$"
        with pytest.raises(LocalError, match=why), open_home(on_sticks(hub, other)):
            pass


def test_sticks_decide_the_ids_of_a_joined_home() -> None:
    ids = ("0253000000000A01", "0253000000000A02")
    with dongles(*ids) as (hub, meter):
        choice = HanChoice.parse([f"hub={hub}", f"meter={meter}"])
        assert choice.lacks() == ""
        with open_joined_home(choice) as joined:
            assert joined.meter == EntityId.parse(ids[1])
            assert joined.scenario.hub.gpf == EntityId.parse(ids[0])
            joined.expect(READ)
    assert f"no stick of hub at {hub.removeprefix('tcp:')}" in choice.lacks()
