"""The device on a radio of its own, in this process: what it does when its hub is gone."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Thread

import pytest

from hil.monikers import Moniker
from hil.scenario import emulated, load_scenario
from hil.transcript import Line
from tests.hil.dongles import LIMIT, dongles
from tests.hil.homes import READ, failures
from tests.hil.real import HUB_ID, METER_ID, device_side, hub_side, run

pytest.importorskip("bellows", reason="the radio libraries are not installed: pip install '.[radio]'")

from hil.stand_in import StandIn


@contextmanager
def living(scenario: Path, radio: str) -> Iterator[list[Line]]:
    """The meter of a scenario, alive in a thread; what it says."""
    loaded, said = load_scenario(scenario), list[Line]()
    meter = StandIn(loaded, emulated(loaded, "meter"), None, said.append)
    loop = asyncio.new_event_loop()
    work = loop.create_task(meter.live(Moniker.parse(radio)))

    def live() -> None:
        loop.run_until_complete(asyncio.gather(work, return_exceptions=True))
        loop.close()

    thread = Thread(target=live)
    thread.start()
    try:
        yield said
    finally:
        loop.call_soon_threadsafe(work.cancel)
        thread.join(LIMIT)
    assert work.cancelled()


def test_the_home_says_that_it_began_no_key_establishment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def never() -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr("hil.radio_node.RadioNode.establish", lambda node, peer: never())
    with dongles(HUB_ID, METER_ID) as (hub, radio), living(device_side(tmp_path), radio):
        (result,), _ = run(hub_side(tmp_path, READ, hub, join=8))
    assert result.why.endswith("joining: it is in the network, and did not establish a key")


def test_it_looks_for_another_hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hil.stand_in.MINUTE", 0.2)
    monkeypatch.setattr("hil.asking.ANSWER_SECONDS", 2.0)
    with dongles(HUB_ID, METER_ID) as (hub, radio), living(device_side(tmp_path), radio) as said:
        for _ in range(2):  # its hub ends without a word
            results, _ = run(hub_side(tmp_path, READ, hub))
            assert failures(results) == []
    texts = [line.text for line in said if line.layer == "zdo" and not line.text.startswith("joining")]
    assert texts[:4] == ["at its radio, looks for a network", "joined", "the hub is lost", "joined"]
