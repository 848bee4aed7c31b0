"""Ambient feedback follows power and the thresholds of ECS34."""

from __future__ import annotations

import pytest

from smets.esme.ambient import Ambient, ambient
from smets.events import Metrology
from tests.smets.homes import Home


@pytest.mark.parametrize(
    ("power", "level"),
    [
        (0, Ambient.LOW),
        (499, Ambient.LOW),
        (500, Ambient.MEDIUM),
        (1999, Ambient.MEDIUM),
        (2000, Ambient.HIGH),
        (-300, Ambient.LOW),  # what is exported is no import
    ],
)
def test_the_level_is_the_first_whose_threshold_is_above_the_power(power: int, level: Ambient) -> None:
    home = Home.new()
    assert home.run("ECS34", [(500, 2000)]).results == [0]
    home.handle(Metrology(power_w=power))
    assert ambient(home.work) is level
    home.restart()
    assert ambient(home.work) is level


def test_without_thresholds_any_power_is_high() -> None:
    assert ambient(Home.new().work) is Ambient.HIGH


def test_a_second_threshold_below_the_first_leaves_no_medium() -> None:
    home = Home.new(items={"LowMediumHighPowerThresholds": (1000, 200)})
    for power, level in ((100, Ambient.LOW), (999, Ambient.LOW), (1000, Ambient.HIGH)):
        home.handle(Metrology(power_w=power))
        assert ambient(home.work) is level
