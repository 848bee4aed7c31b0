"""A display asks a meter by commands of its clusters, over the air, under the link key of the pair."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

import pytest

pytest.importorskip("bellows", reason="the radio libraries are not installed: pip install '.[radio]'")

from chts.han_values import hub_values
from gbcs.errors import BuildError
from gbcs.time import Utc
from gbcs.zcl.clusters import command_by_name
from hil.capture import Capture, KeyFile
from hil.radio.ezsp_radio import EzspRadio
from hil.radio_node import RadioNode
from smets.device import Device
from smets.esme.han_values import esme_values
from smets.han.cluster_commands import ANSWERS
from smets.han.cluster_server import ClusterServer
from smets.han.cluster_values import DeviceValues
from smets.han.command_client import Answers
from smets.han.endpoints import endpoints_of
from smets.han.link import Address
from smets.han.zcl import PROFILE_SE
from tests.chts.rig import NOW as HUB_NOW
from tests.chts.rig import Rig
from tests.hil.radio.radios import JOIN_KEY, LINK_KEY, NETWORK, join, lab, run, share
from tests.hil.test_radio_home import dissected
from tests.smets.han_asking import NOT_HELD, REFUSED, REQUESTS, TARIFF, TEXTS, logged
from tests.smets.homes import Home

PAIR_KEY = bytes(range(0x60, 0x70))
EVENTS_LOGGED = 100
NEVER_RESTRICTED = Utc(0).to_cosem()
BILLING = ((bytes(4), bytes.fromhex("FFFFFFFFFF")),)


def meter_home() -> Home:
    """A meter that has something to say to every request."""
    home = Home.new(
        items={**TARIFF, **TEXTS, "BillingCalendar": BILLING, "RestrictDataDateTime": NEVER_RESTRICTED}
    )
    logged(home, "EventLog", *((n, 0x8154, n.to_bytes(8, "big")) for n in range(EVENTS_LOGGED)))
    logged(home, "DailyReadLog.Import", (100, 1000, (7,) * 48, *(((0,) * 8),) * 4))
    logged(home, "ProfileDataLog.ActiveImport", *((1800 * n, n) for n in range(400)))
    return logged(home, "BillingDataLog.PrepaymentCredits", (100, 1000), (200, 2000))


@dataclass
class House:
    """A hub, a meter and a display in one network."""

    home: Home
    hub: RadioNode
    meter: RadioNode
    display: RadioNode

    async def ask(self, node: RadioNode, name: str, of: RadioNode | None = None, **more: Any) -> Answers:
        """Find the endpoint, ask from one that has the client's side."""
        peer = (of or self.meter).address.station
        known = command_by_name(name)
        assert known.cluster is not None
        endpoint = await node.radio.find_endpoint(peer, PROFILE_SE, known.cluster)
        assert endpoint is not None
        values: Mapping[str, Any] | bytes = {**REQUESTS, **NOT_HELD, **REFUSED}.get(name, b"")
        return await node.request(Address(peer, endpoint), name, values, **more)


def started(
    radio: EzspRadio, hub: EzspRadio, device: str, values: DeviceValues | None, now: Utc
) -> RadioNode:
    node = RadioNode(
        radio,
        Address(radio.eui64),
        (),
        Random(1).randbytes,
        trust_centre=hub.eui64,
        admits=lambda station: True,
        serves_tunnel=radio is not hub,
        epoch=now,
        deliver=lambda frame, payload: None,
    )
    if values is not None:
        server = ClusterServer(endpoints_of(device), values)
        node.serve = lambda arrived: server.receive(arrived.message, now, arrived.broadcast)
    node.start()
    return node


@asynccontextmanager
async def house(capture: Capture | None = None) -> AsyncIterator[House]:
    home = meter_home()
    async with lab() as bench:
        if capture is not None:
            bench.bench.air.taps.append(capture.add)
        hub_radio = await bench.hub()
        meter_radio, display_radio = await bench.radio("ESME"), await bench.radio("PPMID")
        for radio in (meter_radio, display_radio):
            await join(hub_radio, radio)
            await share(hub_radio, radio)
        await share(meter_radio, display_radio, PAIR_KEY)
        chf: Device = Rig().hub.chf
        nodes = (
            started(hub_radio, hub_radio, "hub", hub_values(chf, lambda: 2), HUB_NOW),
            started(meter_radio, hub_radio, "ESME", esme_values(home.device, lambda: 2), home.now),
            started(display_radio, hub_radio, "PPMID", None, home.now),
        )
        try:
            yield House(home, *nodes)
        finally:
            for node in nodes:
                await node.stop()


def in_a_house(test: Callable[[House], Coroutine[Any, Any, None]], capture: Capture | None = None) -> None:
    async def bounded() -> None:
        async with house(capture) as made:
            await test(made)

    run(bounded(), 60)


@pytest.mark.parametrize("asker", ["display", "hub"])
def test_every_request_is_answered_on_the_air(asker: str) -> None:
    async def test(made: House) -> None:
        node: RadioNode = getattr(made, asker)
        for name in REQUESTS:
            answers = await made.ask(node, name)
            missing = name in ("GetChangeOfTenancy",)  # the meter has never been told of one
            assert (answers.status, answers.whole) == ((0x8B, False) if missing else (None, True)), name
            assert {told.command for told in answers.commands} <= {ANSWERS[name]}
        for name in REFUSED:
            assert await made.ask(node, name) == Answers((), 0x7E)
        for name in NOT_HELD:
            assert await made.ask(node, name) == Answers((), 0x8B)

    in_a_house(test)


def test_what_a_display_reads() -> None:
    async def test(made: House) -> None:
        log = await made.ask(made.display, "GetEventLog")
        assert len(log.commands) > 1  # more than one frame holds
        entries = [entry for told in log.commands for entry in told.values["LogPayload"]]
        assert [entry["EventTime"] for entry in entries][:EVENTS_LOGGED] == list(range(EVENTS_LOGGED))
        samples = (await made.ask(made.display, "GetSampledData")).commands[0].values
        assert samples["Samples"] == list(range(400))
        days = await made.ask(made.display, "GetDayProfiles", wanted=2)
        assert [told.values["DayId"] for told in days.commands] == [1, 2]
        message = (await made.ask(made.display, "GetLastMessage")).commands[0].values
        assert message["Message"] == "Good morning"

    in_a_house(test)


def test_fewer_answers_than_wanted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hil.asking.ANSWER_SECONDS", 0.5)

    async def test(made: House) -> None:
        days = await made.ask(made.display, "GetDayProfiles", wanted=3)
        assert [told.values["DayId"] for told in days.commands] == [1, 2]
        assert not days.whole
        made.meter.serve = None
        with pytest.raises(TimeoutError):
            await made.ask(made.display, "GetSeasons")

    in_a_house(test)


def test_without_the_link_key_it_fails() -> None:
    async def test(made: House) -> None:
        assert await made.ask(made.display, "GetCurrentPrice", encrypted=False) == Answers((), 0x01)
        assert (await made.ask(made.display, "GetCurrentPrice")).whole

    in_a_house(test)


def test_a_display_asks_the_hub() -> None:
    async def test(made: House) -> None:
        assert await made.ask(made.display, "GetCurrentPrice", made.hub) == Answers((), 0x8B)
        assert await made.ask(made.display, "GetSnapshot", made.hub) == Answers((), 0x01)
        with pytest.raises(BuildError):
            await made.ask(made.display, "PublishPrice")

    in_a_house(test)


def test_many_at_once() -> None:
    async def test(made: House) -> None:
        names = ("GetCurrentPrice", "GetSeasons", "GetEventLog", "GetWeekProfiles", "GetSnapshot") * 3
        found = await asyncio.gather(*(made.ask(made.display, name) for name in names))
        assert [answers.commands[0].command for answers in found] == [ANSWERS[name] for name in names]

    in_a_house(test)


def test_what_is_answered_dissects(tmp_path: Path) -> None:
    air, keys = tmp_path / "air.pcapng", tmp_path / "keys"

    async def test(made: House) -> None:
        for name in (*REQUESTS, *NOT_HELD, *REFUSED):
            await made.ask(made.display, name)

    with closing(Capture(air)) as capture, closing(KeyFile(keys)) as file:
        assert NETWORK.network_key is not None
        for key in (NETWORK.network_key, JOIN_KEY, LINK_KEY, PAIR_KEY):
            file.add(key, "key")
        in_a_house(test, capture)
    rows = dissected(air, keys, "_ws.malformed", "_ws.expert.message", "_ws.col.Info")
    assert [row for row in rows if row[0] or row[1]] == []
    shown = {row[2].partition(": ")[2].partition(",")[0].replace(" ", "") for row in rows}
    assert {*REQUESTS, *NOT_HELD, *REFUSED} - {"GetBlockPeriod"} <= shown
    assert "GetBlockPeriod(s)" in shown
    assert {ANSWERS[name] for name in REQUESTS} - {"PublishChangeOfTenancy"} <= shown
