"""A full home on virtual dongles whose nodes lose their power, and whose lines to the dongles are bad."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import replace

import pytest

from chts.device_log import entries as log_entries
from hil.homes import on_radio, open_home
from hil.monikers import Moniker
from hil.radio_home import RadioHome
from hil.runner import Runner
from hil.scenario import Scenario, parse_scenario
from smets.events import PowerLost, PowerRestored
from tests.hil.homes import DEFAULT, HOME, METER, READ, command, failures, meter

pytest.importorskip("bellows", reason="the radio libraries are not installed: pip install '.[radio]'")

STATIONS = 15
LISTED = HOME.replace('gpf = "', 'gpf_in_log = true\ngpf = "')
ADD = '[["hex:00DB123456780999", 1, "hex:00112233445566778899AABBCCDDEEFF", 0], 90]'
ADD_GPF = '[["hex:00DB123456780003", 1, "hex:00112233445566778899AABBCCDDEEFF", 254], 90]'


def virtual(text: str, air: str = "") -> Scenario:
    return on_radio(parse_scenario(text, "test"), Moniker("virtual", air))


@pytest.fixture(name="full")
def _full() -> Iterator[Runner]:
    """A home with all its stations, not yet brought up, and steps that read each and a sixteenth."""
    text = LISTED + "".join(meter(n) for n in range(STATIONS))
    text += "".join(command("ECS52", to=f"meter {n}") for n in range(STATIONS))
    text += command("CCS01", to="hub", sender="broker", values=ADD, expect="[250, 250, 250]")
    text += command("CCS01", to="hub", sender="broker", values=ADD_GPF)
    scenario = virtual(text)
    with open_home(scenario) as home:
        yield Runner(scenario, home)


def cycles(runner: Runner, chance: random.Random, count: int) -> None:
    """Power cuts of random nodes, also of several at a time, of random length."""
    home = runner.home
    names = [runner.scenario.hub.name, *(d.name for d in runner.scenario.devices)]
    for _ in range(count):
        victims = chance.sample(names, chance.choice((1, 1, 1, 2, 5)))
        for name in victims:
            home.event(name, PowerLost())
            home.advance(chance.choice((0, 0.01, 1, 30)))
        chance.shuffle(victims)
        for name in victims:
            home.event(name, PowerRestored())
            home.advance(chance.choice((0, 0.01, 1, 30)))


def test_a_full_home_survives_power_cuts_of_anything(full: Runner) -> None:
    survives(full, random.Random(5), 10)


@pytest.mark.long
@pytest.mark.parametrize("seed", range(4))
def test_a_full_home_survives_many_power_cuts(full: Runner, seed: int) -> None:
    survives(full, random.Random(seed), 100)


def survives(full: Runner, chance: random.Random, count: int) -> None:
    assert isinstance(full.home, RadioHome)
    entries = list(full.scenario.devices)
    chance.shuffle(entries)
    for entry in entries:
        full.home.bring_up(entry)
        if chance.random() < 0.2:
            cycles(full, chance, 1)
    cycles(full, chance, count)
    full.home.advance(30)
    results = [full.run(step) for step in full.scenario.steps]
    assert failures(results) == []
    refused = results[STATIONS]
    assert "250" in refused.found
    listed = {entry.entity for entry in log_entries(full.home.hub.chf.observe(full.home.now))}
    assert listed == {entry.entity for entry in entries} | {full.scenario.hub.gpf}


def test_power_is_lost_before_a_device_has_joined() -> None:
    """Between being listed and joining, and with the hub away at the same time."""
    scenario = virtual(HOME + METER + READ)
    with open_home(scenario) as home:
        entry = scenario.devices[0]
        home.event("hub", PowerLost())
        home.event("hub", PowerRestored())
        home.event("meter", PowerLost())
        home.bring_up(entry)
        home.event("hub", PowerLost())
        home.advance(5)
        home.event("meter", PowerRestored())
        home.advance(5)
        home.event("hub", PowerRestored())
        home.advance(30)
        assert failures(list(Runner(scenario, home))) == []


# -- lines to the dongles -----------------------------------------------------------------


RESETS = "line_reset_every=2"
UNPLUGGED = "line_drop_every=2&line_drop_for=0.5"
LOSS = "line_loss=0.05"
NOISE = "line_noise=0.0005&line_piece=1"
ALL = "loss=0.05&line_loss=0.02&line_reset_every=4&line_drop_every=4&line_drop_for=0.3"


@pytest.mark.parametrize("line", [RESETS, UNPLUGGED])
def test_the_run_recovers_from_a_dongle_that_goes_away(line: str) -> None:
    recovers(line, len(virtual(DEFAULT).steps))


@pytest.mark.parametrize("line", [LOSS, NOISE, ALL])
def test_the_run_recovers_from_a_bad_line(line: str) -> None:
    recovers(line, 12)


@pytest.mark.long
@pytest.mark.parametrize("line", [LOSS, NOISE, ALL])
def test_the_whole_run_recovers_from_a_bad_line(line: str) -> None:
    recovers(line, len(virtual(DEFAULT).steps))


def recovers(line: str, steps: int) -> None:
    """The first steps of the default scenario go as without faults, each command executed once."""
    scenario = virtual(DEFAULT, line)
    scenario = replace(scenario, steps=scenario.steps[:steps])
    executed = []
    for one in (scenario, on_radio(scenario, Moniker("memory"))):
        with open_home(one) as home:
            results = list(Runner(one, home))
            executed.append(sorted(x.text for x in home.transcript.lines if x.verdict == "executed"))
        assert len(results) == steps
        assert failures(results) == []
    assert executed[0] == executed[1]
