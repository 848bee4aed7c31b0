"""The Smart Energy clusters in zigpy: what was there stays, and each command has the same octets there."""

import asyncio
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("zigpy", reason="the radio extra is not installed: pip install -e '.[radio]'")

import zigpy.zcl.clusters.general as general
import zigpy.zcl.clusters.smartenergy as smartenergy
from zigpy.zcl import Cluster

from gbcs.time import Utc
from gbcs.zcl.clusters import CLUSTER_NAMES, Attribute, Command, attributes, attributes_of, commands
from gbcs.zcl.types import CHAR_STRING, ENTRY, LIST, OCTET_STRING, Node, octets_of
from hil.radio.ezsp_values import eui64
from hil.radio.zigpy_clusters import REST, register, spelled
from smets.esme.han_values import esme_values
from smets.han.cluster_server import ClusterServer
from smets.han.endpoints import KEY_ESTABLISHMENT, METER, PRICE, endpoints_of, serving
from smets.han.zcl import parse_zcl
from tests.gbcs.zcl_trees import body
from tests.hil.radio.radios import NETWORK, lab, run
from tests.hil.radio.test_zigpy_coordinator import coordinator, joined, share
from tests.smets.han_asking import TARIFF
from tests.smets.homes import Home

UPSTREAM = (smartenergy.Metering, smartenergy.Price, smartenergy.Events, general.Ota, general.Time)
MADE = register()
OWN = [known for known in commands() if known.cluster in MADE and known.fields is not None]
every = pytest.mark.parametrize("known", OWN, ids=[known.name for known in OWN])


def registered(number: int | None) -> Any:
    return Cluster._registry[number]


def schema_of(known: Command) -> Any:
    cluster = registered(known.cluster)
    return (cluster.client_commands if known.to_client else cluster.server_commands)[known.id].schema


def expressible(node: Node) -> Node:
    """zigpy has no invalid strings of octets, and counts characters where octets are counted."""
    if node.type in (LIST, ENTRY):
        return Node(node.type, tuple(expressible(inner) for inner in node.value))
    if node.type == OCTET_STRING:
        return Node(node.type, node.value or b"")
    if node.type == CHAR_STRING:
        return Node(node.type, bytes(0x20 + octet % 0x5F for octet in node.value or b""))
    return node


@every
@settings(max_examples=25)
@given(data=st.data())
def test_a_command_has_the_same_octets(known: Command, data: st.DataObject) -> None:
    assert known.cluster is not None
    nodes = tuple(expressible(node) for node in data.draw(body(known)))
    rest = data.draw(st.binary(max_size=20)) if known.name in REST else b""
    octets = octets_of(nodes) + rest
    theirs, left = schema_of(known).deserialize(octets)
    assert (theirs.serialize(), left) == (octets, b"")
    ours = parse_zcl(known.cluster, bytes((0x09 if known.to_client else 0x01, 7, known.id)) + octets)
    assert ours.octets()[3:] == octets
    assert ours.rest == rest
    for name, value in ours.values.items():
        if isinstance(value, int) and known.cluster != METER:  # whose names are zigpy's
            assert getattr(theirs, spelled(name)) == value, name


@every
def test_a_command_that_is_cut_short_is_refused(known: Command) -> None:
    if known.fields is None or not known.fields.members:
        return  # octets of any length
    with pytest.raises(ValueError, match="too short"):
        schema_of(known).deserialize(b"")


@pytest.mark.parametrize("known", attributes(), ids=lambda known: f"{known.cluster:04X}-{known.name}")
def test_every_attribute_is_there(known: Attribute) -> None:
    theirs = registered(known.cluster).attributes[known.id]
    if known.cluster in MADE and known.id not in MADE[known.cluster].__base__.attributes:
        assert (theirs.zcl_type, theirs.name) == (known.type, spelled(known.name))


@pytest.mark.parametrize("upstream", UPSTREAM, ids=lambda upstream: upstream.__name__)
def test_what_zigpy_has_stays(upstream: Any) -> None:
    cluster = registered(upstream.cluster_id)
    assert issubclass(cluster, upstream)
    assert cluster.ep_attribute == upstream.ep_attribute
    for there, now in (
        (upstream.attributes, cluster.attributes),
        (upstream.server_commands, cluster.server_commands),
        (upstream.client_commands, cluster.client_commands),
    ):
        assert {key: now[key] for key in there} == there


def test_the_classes_of_zigpy_are_as_they_were() -> None:
    assert (len(smartenergy.Price.attributes), len(list(smartenergy.Price.ServerCommandDefs))) == (0, 0)
    assert len(smartenergy.Metering.attributes) == 134  # radio-stack 9
    assert (len(smartenergy.Metering.server_commands), len(smartenergy.Metering.client_commands)) == (15, 14)
    assert not list(Cluster.ServerCommandDefs)


def test_what_lacks_nothing_is_left_alone() -> None:
    for upstream in (general.Basic, general.Time, general.Ota, general.KeepAlive):
        assert registered(upstream.cluster_id) is upstream


def test_every_cluster_with_rows_is_known_to_zigpy() -> None:
    clusters = {row.cluster for row in (*commands(), *attributes())} - {None}
    assert clusters <= set(Cluster._registry)


def test_registering_once_is_enough() -> None:
    assert register() is MADE
    assert all(registered(number) is cluster for number, cluster in MADE.items())


def test_protection_is_that_of_smart_energy() -> None:
    assert MADE[PRICE].aps_encryption
    assert not MADE[KEY_ESTABLISHMENT].aps_encryption
    assert not MADE[METER].aps_encryption  # home automation has it, too, without the link key


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("GetSiteID", "get_site_id"),
        ("GetCIN", "get_cin"),
        ("CINImplementationTime", "cin_implementation_time"),
        ("DebtAmount#1", "debt_amount_1"),
        ("NoTierBlock1Price", "no_tier_block1_price"),
    ],
)
def test_spelling(name: str, expected: str) -> None:
    assert spelled(name) == expected


def test_names_are_one_for_each() -> None:
    for number in CLUSTER_NAMES:
        named = [spelled(known.name) for known in attributes_of(number)]
        assert len(set(named)) == len(named)
    of_commands = [(known.cluster, spelled(known.name)) for known in OWN]
    assert len(set(of_commands)) == len(of_commands)


def test_zigpy_asks_a_meter_on_the_air() -> None:
    """zigpy's own cluster objects request, and read what the meter answers."""
    home = Home.new(items=TARIFF)
    server = ClusterServer(endpoints_of("ESME"), esme_values(home.device, lambda: 2))

    async def test() -> None:
        async with lab() as bench, coordinator(bench) as hub:
            await hub.form(NETWORK)
            meter = await bench.radio("ESME")
            await joined(hub, meter)
            await share(hub, meter)
            encrypted = []

            async def answer() -> None:
                async for arrived in meter.messages:
                    encrypted.append(arrived.message.encrypted)
                    for told in server.receive(arrived.message, home.now):
                        await meter.send(arrived.eui64, told)

            answering = asyncio.ensure_future(answer())
            (shown,) = serving(endpoints_of("ESME"), PRICE)
            endpoint = hub.application.get_device(ieee=eui64(meter.eui64)).add_endpoint(shown.number)
            await endpoint.initialize()  # asks the meter for its clusters
            assert isinstance(endpoint.in_clusters[PRICE], MADE[PRICE])
            price = await endpoint.smartenergy_price.get_current_price(command_options=0)
            assert (price.price, price.currency) == (10_010, 0x033A)
            assert Utc.from_seconds(int(price.current_time)) == home.now.floor(1)
            seasons = await endpoint.smartenergy_calendar.get_seasons(0, 0xFFFF_FFFF)
            assert [entry.week_id_ref for entry in seasons.season_entries] == [3, 4]
            none = await endpoint.smartenergy_events.get_event_log(0x17, 0, 0, 0xFFFF_FFFF, 0, 0)
            assert (none.command_id, none.status) == (0, 0x8B)
            assert encrypted == [True] * 3
            answering.cancel()

    run(test())
