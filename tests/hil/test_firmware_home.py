"""A meter's firmware, from the hub's offer over the air to the version that runs."""

from __future__ import annotations

import pytest

from gbcs.firmware import ActivateCode, Activation, Answer, Outcome
from gbcs.message import Message, parse_message
from gbcs.usecases import by_name
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


def activated(home: RadioHome, digest: bytes) -> Outcome | None:
    """What the meter answers the supplier who activates an image."""
    party, use_case = home.parties["supplier"], by_name("CS06")
    entity = home.scenario.devices[0].entity
    counter = home.next_counter(party.entity)
    payload = Activation(digest, counter).octets()
    command = home.broker.mac(party.sign(party.precommand(use_case, entity, counter, payload)))
    home.send(command.octets, "supplier")
    home.advance(60, lambda: bool(home.answers_to(command)))
    (octets,) = home.answers_to(command)
    return Answer.parse(party.check_answer(command, octets, use_case).payload).outcome


def receipts(home: RadioHome) -> list[Message]:
    """The alerts about images that came."""
    messages = [parse_message(octets) for _, octets in home.received]
    return [message for message in messages if message.code == 0x00CE]


def test_an_image_comes_and_runs_and_the_next_one_too() -> None:
    scenario = on_radio(parse_scenario(HOME + METER + READ, "test"), Moniker("virtual", ""))
    with open_home(scenario) as home:
        assert isinstance(home, RadioHome)
        assert failures(list(Runner(scenario, home))) == []
        meter = home.stations["meter"].device
        for number, version in enumerate((0x0102, 0x0103), 1):
            running = version.to_bytes(4, "big")
            arrived = home.distribute("meter", make_file(2000, version, manufacturer=0, image_type=0))
            assert isinstance(arrived, ImageArrived)
            home.advance(30)
            told = receipts(home)
            assert len(told) == number
            assert arrived.hash in told[-1].payload
            if number == 1:
                assert activated(home, bytes(32)) == Outcome(ActivateCode.HASH_MISMATCH, b"\0\0\0\1")
            assert activated(home, arrived.hash) == Outcome(ActivateCode.SUCCESS, running)
            home.advance(30)
            assert meter.observe(home.now).item("FirmwareVersion") == running
            assert home.images.client("meter").held is None
            home.event("meter", PowerLost())
            home.event("meter", PowerRestored())
            home.advance(60)
            meter = home.stations["meter"].device
            assert meter.observe(home.now).item("FirmwareVersion") == running
            assert activated(home, arrived.hash) == Outcome(ActivateCode.NO_IMAGE_HELD, running)
