"""Firmware for a meter of a home on virtual dongles, with a power cut between two images."""

from __future__ import annotations

import pytest

from gbcs.errors import LocalError
from hil.homes import on_radio, open_home
from hil.monikers import Moniker
from hil.runner import Runner
from hil.scenario import parse_scenario
from smets.events import PowerLost, PowerRestored
from smets.han.ota_events import ImageArrived
from tests.hil.homes import HOME, METER, READ, failures
from tests.smets.han.ota_hand import make_file

pytest.importorskip("bellows", reason="the radio libraries are not installed: pip install '.[radio]'")

from hil.radio_home import RadioHome


def test_images_reach_a_meter() -> None:
    scenario = on_radio(parse_scenario(HOME + METER + READ, "test"), Moniker("virtual", "loss=0.05"))
    with open_home(scenario) as home:
        assert isinstance(home, RadioHome)
        assert failures(list(Runner(scenario, home))) == []
        for version in (2, 3):
            octets = make_file(5000, version, manufacturer=0, image_type=0)
            arrived = home.distribute("meter", octets)
            assert isinstance(arrived, ImageArrived)
            assert arrived.octets == octets
            home.event("meter", PowerLost())
            with pytest.raises(LocalError, match="has no power"):
                home.distribute("meter", octets)
            home.event("meter", PowerRestored())
            home.advance(30)
        said = [line.text for line in home.transcript.lines if line.text.startswith("image ")]
        assert len(said) >= 2
        assert failures(list(Runner(scenario, home))) == []
