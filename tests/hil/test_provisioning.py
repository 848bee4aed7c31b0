"""What devices of a home leave the factory with, and how a home knows their stores again."""

from __future__ import annotations

import pytest

from gbcs.errors import LocalError
from hil.provisioning import MADE, Provisioning
from hil.scenario import parse_scenario
from smets.chance import SEED, SEED_OCTETS
from smets.store import MemoryStore
from tests.hil.homes import HOME, METER

TEXT = HOME + METER
SCENARIO = parse_scenario(TEXT, "x")
OTHER = parse_scenario(TEXT.replace('seed = "s"', 'seed = "t"'), "x")


def made(scenario: object, stores: list[MemoryStore]) -> None:
    provisioning = Provisioning(scenario)  # type: ignore[arg-type]
    provisioning.chf(SCENARIO.hub, stores[0], SCENARIO.start)
    provisioning.device(SCENARIO.devices[0], stores[1], SCENARIO.start)


def test_each_device_can_make_key_pairs_of_its_own() -> None:
    seeds = []
    for scenario in (SCENARIO, SCENARIO, OTHER):
        stores = [MemoryStore(), MemoryStore()]
        made(scenario, stores)
        seeds += [store.get(SEED) for store in stores]
    assert all(seed is not None and len(seed) == SEED_OCTETS for seed in seeds)
    assert seeds[:2] == seeds[2:4]
    assert len(set(seeds)) == 4


@pytest.mark.parametrize("marked", [True, False])
def test_a_home_knows_its_stores_again(marked: bool) -> None:
    stores = [MemoryStore(), MemoryStore()]
    made(SCENARIO, stores)
    if not marked:  # a store from before there was a mark
        for store in stores:
            store.commit({MADE: None})
    made(SCENARIO, stores)
    with pytest.raises(LocalError):
        made(OTHER, stores)


def test_also_with_certificates_that_came_later() -> None:
    stores = [MemoryStore(), MemoryStore()]
    made(SCENARIO, stores)
    for store in stores:
        store.commit({"own/ds/certificate": b"another"})
    made(SCENARIO, stores)
