"""Firmware on the air: a hub's image crosses a ZigBee network to a meter, and Wireshark reads it there."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

import pytest

pytest.importorskip("bellows", reason="the radio libraries are not installed: pip install '.[radio]'")

from chts.ota_server import Ended, OtaServer
from gbcs.errors import LocalError
from gbcs.ota import image_hash, manufacturer_image
from hil.capture import Capture, KeyFile
from hil.home_images import HomeImages
from hil.ota_driver import OtaDriver
from hil.radio.ezsp_radio import EzspRadio
from hil.radio.interface import Received
from hil.radio_node import RadioNode
from smets.events import PowerLost, PowerRestored
from smets.han.attribute_client import Readings, read_attributes, readings
from smets.han.cluster_server import MACHINES, ClusterServer
from smets.han.endpoints import OTA, endpoints_of, serving
from smets.han.link import Address
from smets.han.ota_client import OtaClient
from smets.han.ota_events import ImageArrived, OtaClientSettings, OtaEffect, Progressed
from smets.han.ota_frames import QueryNextImageRequest, ota_frame
from smets.han.ota_image import ImageId
from smets.han.ota_rows import State
from smets.han.ota_values import OtaValues
from smets.han.zcl import PROFILE_SE, ApsMessage, parse_zcl
from smets.store import MemoryStore
from tests.hil.radio.radios import JOIN_KEY, LINK_KEY, NETWORK, Lab, lab, run, until
from tests.hil.test_radio_home import dissected
from tests.smets.han.ota_hand import IDENTITY, NOW, RUNNING, image_id, make_file
from tests.smets.homes import Home

CI_OCTETS = 30_000
PROMPT = OtaClientSettings(start_seconds=0, answer_seconds=2, retry_seconds=1, query_seconds=3600)


class Nothing:
    """No attribute but those of others."""

    def read(self, attribute: object, endpoint: object, now: object) -> None:
        return None


@dataclass
class House:
    """A hub with images, and a meter with a client."""

    lab: Lab
    hub: RadioNode
    meter: RadioNode
    server: OtaServer
    client: OtaClient
    driver: OtaDriver = field(init=False)
    told: list[OtaEffect] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    here: asyncio.Event = field(default_factory=asyncio.Event)

    def tell(self, effect: OtaEffect) -> None:
        self.told.append(effect)
        if isinstance(effect, ImageArrived):
            self.here.set()

    @property
    def arrived(self) -> list[ImageArrived]:
        return [one for one in self.told if isinstance(one, ImageArrived)]

    @property
    def octets(self) -> list[int]:
        return [one.octets for one in self.told if isinstance(one, Progressed)]

    async def settled(self) -> None:
        """The image is here, and the hub knows."""
        await self.here.wait()
        await until(lambda: self.client.state is State.WAITING)


def node(radio: EzspRadio, hub: EzspRadio, serves: bool) -> RadioNode:
    """A node whose link key is there already."""
    made = RadioNode(
        radio,
        Address(radio.eui64),
        (),
        Random(1).randbytes,
        trust_centre=hub.eui64,
        admits=lambda station: True,
        serves_tunnel=serves,
        epoch=NOW,
        deliver=lambda frame, payload: None,
    )
    made.start()
    return made


def client_of(meter: EzspRadio, hub: EzspRadio, store: MemoryStore) -> OtaClient:
    (endpoint,) = (e.number for e in endpoints_of("ESME") if OTA in e.clients)
    return OtaClient(
        Address(meter.eui64, endpoint),
        hub.eui64,
        IDENTITY,
        lambda: RUNNING,
        store,
        Random(2).randbytes,
        PROMPT,
    )


def drive(house: House) -> OtaDriver:
    """A driver for the house's client, with the clusters of a meter behind it."""
    clusters = ClusterServer(
        endpoints_of("ESME"), OtaValues(house.client, Nothing()), elsewhere=MACHINES | {OTA}
    )
    house.meter.serve = lambda arrived: clusters.receive(arrived.message, NOW, arrived.broadcast)
    return OtaDriver(house.meter, house.client, house.tell, house.notes.append)


@asynccontextmanager
async def house(air: str = "", capture: Capture | None = None, with_key: bool = True) -> AsyncIterator[House]:
    async with lab(air=air) as made:
        if capture is not None:
            made.bench.air.taps.append(capture.add)
        hub_radio, meter_radio = await made.pair(with_key=with_key)
        hub, meter = node(hub_radio, hub_radio, False), node(meter_radio, hub_radio, True)
        (endpoint,) = (e.number for e in serving(endpoints_of("hub"), OTA))
        server = OtaServer(endpoint)
        clusters = ClusterServer(endpoints_of("hub"), Nothing(), elsewhere=MACHINES | {OTA})

        def serve(arrived: Received) -> tuple[ApsMessage, ...]:
            answers = server.receive(arrived.eui64, arrived.message, hub.now, arrived.broadcast)
            return (*answers, *clusters.receive(arrived.message, hub.now, arrived.broadcast))

        hub.serve = serve
        found = House(made, hub, meter, server, client_of(meter_radio, hub_radio, MemoryStore()))
        found.driver = drive(found)
        try:
            yield found
        finally:
            await found.driver.stop()
            await hub.stop()
            await meter.stop()


def test_an_image_crosses_an_air_that_loses() -> None:
    octets = make_file(CI_OCTETS)

    async def transfer() -> None:
        async with house("loss=0.1") as home:
            image = home.server.offer(octets)
            await home.driver.link_up()
            await home.settled()
            (arrived,) = home.arrived
            assert (arrived.image, arrived.octets) == (image, octets)
            assert arrived.hash == image_hash(manufacturer_image(octets))
            assert home.octets == sorted(set(home.octets))
            assert home.server.take_ended() == (Ended(home.meter.address.station, image, 0),)

    run(transfer(), 60)


@pytest.mark.long
def test_a_large_image_crosses_an_air_that_loses() -> None:
    octets = make_file(300_000)

    async def transfer() -> None:
        async with house("loss=0.1") as home:
            home.server.offer(octets)
            await home.driver.link_up()
            await home.settled()
            assert [one.octets for one in home.arrived] == [octets]

    run(transfer(), 900)


def test_it_goes_on_after_a_loss_of_power() -> None:
    """The meter's client is cut off three times, and begins anew on the same store twice."""
    octets = make_file(4_000)

    async def transfer() -> None:
        async with house() as home:
            home.server.offer(octets)
            await home.driver.link_up()
            for cut, share in enumerate((0.2, 0.5, 0.8)):
                reached = share * len(octets)
                await until(lambda reached=reached: home.octets and home.octets[-1] > reached)  # type: ignore[misc]
                if cut:
                    await home.driver.stop()
                    home.client = client_of(home.meter.radio, home.hub.radio, home.client._store)  # type: ignore[arg-type]
                    home.driver = drive(home)
                else:
                    home.driver.happens(PowerLost())
                    home.driver.happens(PowerRestored())
                await home.driver.link_up()
            await home.settled()
            assert home.octets == [*range(48, len(octets), 48), len(octets)]
            assert {one.octets for one in home.arrived} == {octets}

    run(transfer())


def test_a_broadcast_tells_of_an_image_and_attributes_of_its_way() -> None:
    octets = make_file(500)

    async def transfer() -> None:
        async with house() as home:
            await home.driver.link_up()
            await until(lambda: home.client.state is State.ASKING)
            await until(lambda: home.client.state is State.IDLE)  # there was nothing
            assert await told(home) == (0, 0xFFFF_FFFF)
            image = home.server.offer(octets)
            outcome = home.driver.outcome(image)
            await home.hub.radio.broadcast(home.server.notify(image))
            assert await outcome == home.arrived[0]
            await home.settled()
            assert await told(home) == (6, 2)
            assert home.client.image() == octets

    async def told(home: House) -> tuple[int, int]:
        endpoint = await home.hub.radio.find_endpoint(
            home.meter.address.station, PROFILE_SE, OTA, server=False
        )
        assert endpoint == home.client.address.endpoint
        values = await read(home, endpoint)
        return int(values.values["ImageUpgradeStatus"]), int(values.values["DownloadedFileVersion"])

    run(transfer())


async def read(home: House, endpoint: int) -> Readings:
    """Attributes of the client's side, which a node's `read` does not ask for."""
    from gbcs.zcl.clusters import attributes_of

    names = [known.name for known in attributes_of(OTA)]
    request = read_attributes(OTA, names, 99, to_client=True).octets()
    answers: list[bytes] = []
    usual = home.hub.serve
    assert usual is not None

    def listen(arrived: Received) -> tuple[ApsMessage, ...]:
        if arrived.message.cluster == OTA and arrived.message.payload[1] == 99:
            answers.append(arrived.message.payload)
        return tuple(usual(arrived))

    home.hub.serve = listen
    source = home.server.endpoint
    await home.hub.radio.send(home.meter.address.station, ApsMessage(OTA, source, endpoint, request))
    await until(lambda: answers)
    home.hub.serve = usual
    found = readings(parse_zcl(OTA, answers[0]))
    assert found.refused == {}
    return found


def test_without_a_link_key_there_is_no_image() -> None:
    """The radio has no key to send with; a request that goes without is refused, and the client told so."""

    async def transfer() -> None:
        async with house(with_key=False) as home:
            home.server.offer(make_file(100))
            await home.driver.link_up()
            await until(lambda: home.notes)
            assert home.client.state is State.ASKING
            (number,) = home.client._asked
            query = QueryNextImageRequest(ImageId(*IDENTITY[:2], RUNNING))
            octets = ota_frame(query, number, default_response=True).octets()
            bare = ApsMessage(OTA, home.client.address.endpoint, home.server.endpoint, octets, False)
            await home.meter.radio.send(home.hub.address.station, bare)
            await until(lambda: home.client.state is State.IDLE)
            assert home.told == []

    run(transfer())


def test_a_home_sends_its_meter_firmware() -> None:
    """With the items of a device and its store; the client is made anew between two images."""
    home = Home.new()
    noted: list[tuple[str, str, str]] = []

    async def transfer() -> None:
        async with lab(air="loss=0.05") as made:
            hub_radio, meter_radio = await made.pair()
            hub, meter = node(hub_radio, hub_radio, False), node(meter_radio, hub_radio, True)
            images = HomeImages(hub_radio.eui64, lambda: NOW, lambda *told: noted.append(told))
            images.start("hub", hub)
            with pytest.raises(LocalError, match="no images"):
                await images.distribute(hub, "meter", b"")
            for version in (2, 3):
                random = Random(3).randbytes
                clusters = images.clusters("meter", "ESME", home.device, meter_radio.eui64, Nothing(), random)
                asked = read_attributes(OTA, ["CurrentFileVersion"], 1, to_client=True).octets()
                (answer,) = clusters.receive(ApsMessage(OTA, 2, 2, asked), NOW)
                assert readings(parse_zcl(OTA, answer.payload)).values == {"CurrentFileVersion": RUNNING}
                images.start("meter", meter)
                octets = make_file(1000, version, manufacturer=0, image_type=0)
                outcome = await images.distribute(hub, "meter", octets)
                assert isinstance(outcome, ImageArrived)
                assert outcome.octets == octets == images.client("meter").image()
                assert images.server.offers == ()
                await images.stop("meter")
            images.clusters("ihd", "IHD", home.device, meter_radio.eui64, Nothing(), Random(3).randbytes)
            images.start("ihd", meter)  # it has no client
            with pytest.raises(LocalError, match="no images"):
                images.client("ihd")
            await images.close()
            await hub.stop()
            await meter.stop()

    run(transfer())
    assert noted == [("meter", f"image 0000/0000/{version:08X} is here", "") for version in (2, 3)]


def test_a_hub_without_the_cluster() -> None:
    async def transfer() -> None:
        async with lab() as made:
            hub_radio, meter_radio = await made.pair()
            other = node(hub_radio, hub_radio, False)
            driver = OtaDriver(other, client_of(hub_radio, meter_radio, MemoryStore()), lambda effect: None)
            with pytest.raises(LocalError, match="no server of images"):
                await driver.link_up()
            driver.link_down()
            await driver.stop()
            await other.stop()

    run(transfer())


def test_wireshark_finds_the_image_in_the_capture(tmp_path: Path) -> None:
    """The dissector puts the octets together as the meter does; nothing of it is malformed."""
    octets = make_file(3_000)
    air, keys = tmp_path / "air.pcapng", tmp_path / "keys"
    capture, file = Capture(air), KeyFile(keys)

    async def transfer() -> None:
        assert NETWORK.network_key is not None
        for name, key in (("network", NETWORK.network_key), ("join", JOIN_KEY), ("link", LINK_KEY)):
            file.add(key, name)
        async with house(capture=capture) as home:
            image = home.server.offer(octets)
            await home.hub.radio.broadcast(home.server.notify(image))
            await home.driver.link_up()
            await home.settled()
            await read(home, home.client.address.endpoint)
            assert home.client.image() == octets

    run(transfer())
    capture.close()
    file.close()
    rows = dissected(
        air,
        keys,
        "_ws.malformed",
        "_ws.expert.message",
        "zbee_aps.cluster",
        "zbee_zcl_general.ota.file.offset",
        "zbee_zcl_general.ota.image.data",
        "zbee_zcl_general.ota.cmd.srv_tx.id",
        "zbee_zcl_general.ota.cmd.srv_rx.id",
        "zbee_zcl_general.ota.upgrade_time",
        "zbee_zcl_general.ota.image.size",
    )
    assert [row for row in rows if row[0] or row[1]] == []
    blocks = {int(row[3]): bytes.fromhex(row[4].replace(":", "")) for row in rows if row[4]}
    assert b"".join(blocks[offset] for offset in sorted(blocks)) == octets
    assert {int(row[5], 0) for row in rows if row[5]} == {0x00, 0x02, 0x05, 0x07}
    assert {int(row[6], 0) for row in rows if row[6]} == {0x01, 0x03, 0x06}
    assert any(row[7] for row in rows)
    assert image_id(octets).file_version == 2
