"""Keys in a home on virtual dongles: with partners, of devices that do not complete, of lost dongles."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import pytest

from gbcs.errors import LocalError
from gbcs.time import Utc
from hil.homes import on_radio, open_home
from hil.monikers import Moniker
from hil.runner import Runner
from hil.scenario import parse_scenario
from smets.events import PowerLost, PowerRestored
from smets.han.cluster_server import ClusterServer
from smets.han.cluster_values import BasicSettings, DeviceValues, common_rows
from smets.han.completion import CompletionSettings, CompletionWatch
from smets.han.endpoints import METER as METERING
from smets.han.endpoints import endpoints_of
from smets.han.key_establishment_events import KeyEstablishmentSettings
from smets.han.link import Address
from smets.han.link_keys import KeySource
from smets.han.suites import Suite
from smets.han.test_ca import TestCa
from smets.han.zcl import ApsMessage, parse_header
from tests.hil.homes import HOME, meter

pytest.importorskip("bellows", reason="the radio libraries are not installed: pip install '.[radio]'")

from hil.radio.ezsp_radio import EzspRadio
from hil.radio.interface import NetworkDown, NodeType, RadioError, Received, SendError
from hil.radio_home import RadioHome
from hil.radio_node import RadioNode
from tests.hil.radio.radios import CHANNEL, JOIN_KEY, event, lab, run

NOW = Utc.of(2026, 1, 1)
CA = TestCa(Suite.SUITE_2, b"keys", NOW)
NOTHING: Any = None  # the state of a node whose values are constants
TWO = HOME + meter(0) + meter(1)


@pytest.fixture(name="pair")
def _pair() -> Iterator[RadioHome]:
    scenario = on_radio(parse_scenario(TWO, "test"), Moniker("virtual"))
    with open_home(scenario) as home:
        assert isinstance(home, RadioHome)
        Runner(scenario, home).bring_up()
        yield home


# -- partners -----------------------------------------------------------------------------


def test_partners_share_a_key_and_read_each_other(pair: RadioHome) -> None:
    with pytest.raises(SendError, match="no link key"):
        pair.read("meter 0", "meter 1", METERING, ["Status"])
    pair.partner("meter 0", "meter 1")
    assert pair.read("meter 0", "meter 1", METERING, ["Status"]).values == {"Status": 0}
    assert pair.read("meter 1", "meter 0", METERING, ["Status"]).values == {"Status": 0}
    for name, other in (("meter 0", "meter 1"), ("meter 1", "meter 0")):
        key = pair.link_keys(name).get(pair.stations[other].address.station)
        assert key is not None
        assert key.source is KeySource.PARTNER


def test_a_partner_key_outlives_power(pair: RadioHome) -> None:
    pair.partner("meter 0", "meter 1")
    for name in ("meter 1", "hub", "meter 0"):
        pair.event(name, PowerLost())
        pair.advance(1)
        pair.event(name, PowerRestored())
        pair.advance(10)
    assert pair.read("meter 0", "meter 1", METERING, ["Status"]).values == {"Status": 0}


def test_a_partner_without_power_gives_no_key(pair: RadioHome) -> None:
    pair.event("meter 1", PowerLost())
    with pytest.raises(LocalError, match="meter 1 has no power"):
        pair.partner("meter 0", "meter 1")
    pair.event("hub", PowerLost())
    pair.event("meter 1", PowerRestored())
    with pytest.raises(RadioError):
        pair.partner("meter 0", "meter 1")
    pair.event("hub", PowerRestored())
    pair.advance(20)
    pair.partner("meter 0", "meter 1")


# -- devices that do not complete -----------------------------------------------------------


def test_a_device_without_a_key_is_asked_to_leave() -> None:
    """It joins under its install code, and then does not begin key establishment."""

    async def test() -> None:
        async with lab() as bench:
            radio, silent = await bench.hub(), await bench.radio("ESME")
            said: list[tuple[str, str]] = []
            hub = node(radio, said, CompletionWatch(CompletionSettings(limit=1)))
            hub.start()
            await radio.permit(silent.eui64, JOIN_KEY, 60)
            await silent.join(JOIN_KEY, NodeType.ROUTER, (CHANNEL,))
            down = await event(silent, NetworkDown)
            assert down.reason == "told to leave"
            assert said == [("no key was established in time: it is asked to leave", "refused")]
            await hub.stop()

    run(test())


@pytest.mark.parametrize("reads", [False, True])
def test_a_device_with_a_key_stays(reads: bool) -> None:
    """Also one that reads the hub's suites before."""

    async def test() -> None:
        async with lab() as bench:
            radio, joiner = await bench.hub(), await bench.radio("ESME")
            said: list[tuple[str, str]] = []
            watch = CompletionWatch(CompletionSettings(limit=5))
            settings = KeyEstablishmentSettings(reads_suites=reads)
            hub, meter = node(radio, said, watch), node(joiner, said, None, radio, settings)
            asked = serve(hub)
            for one, other in ((hub, meter), (meter, hub)):
                one.start()
                one.preconfigure(other.address.station, JOIN_KEY)
            await radio.permit(joiner.eui64, JOIN_KEY, 60)
            await joiner.join(JOIN_KEY, NodeType.ROUTER, (CHANNEL,))
            there = hub.expect_key(joiner.eui64)
            await meter.establish(hub.address)
            await there
            assert watch.next_deadline is None
            assert [text for text, _ in said] == ["link key established, SUITE_2"] * 2
            assert ("ReadAttributes" in asked) is reads
            for one in (hub, meter):
                await one.stop()

    run(test())


def node(
    radio: EzspRadio,
    said: list[tuple[str, str]],
    watch: CompletionWatch | None,
    centre: EzspRadio | None = None,
    settings: KeyEstablishmentSettings | None = None,
) -> RadioNode:
    """A node that notes what it says; `centre` None: it is the trust centre."""
    return RadioNode(
        radio,
        Address(radio.eui64),
        (CA.issue(radio.eui64),),
        os.urandom,
        trust_centre=(centre or radio).eui64,
        admits=lambda station: True,
        serves_tunnel=centre is not None,
        epoch=NOW,
        deliver=lambda frame, payload: None,
        note=lambda station, text, verdict: said.append((text, verdict)),
        completion=watch,
        settings=settings,
    )


def serve(one: RadioNode) -> list[str]:
    """Let a node tell its suites; the names of the frames it hears."""
    heard: list[str] = []
    values = DeviceValues(common_rows(BasicSettings(), lambda: one.suites), lambda now: NOTHING)
    server = ClusterServer(endpoints_of("hub"), values)

    def answers(arrived: Received) -> tuple[ApsMessage, ...]:
        head = parse_header(arrived.message.cluster, arrived.message.payload)
        heard.append(head.declared.name if head.declared is not None else "")
        return server.receive(arrived.message, NOW, arrived.broadcast)

    one.serve = answers
    return heard
