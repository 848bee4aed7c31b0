"""Which images a device takes, by its data items, and that its client shares the device's store."""

import pytest

from gbcs.ids import EntityId
from smets.han.endpoints import endpoints_of
from smets.han.ota_device import identity_of, ota_client_of, running_version
from smets.han.ota_events import OtaIdentity
from smets.han.ota_rows import State
from smets.values import Value
from tests.smets.han.ota_hand import HUB, PROMPT, Hand, make_file, random_of
from tests.smets.homes import Home

ITEMS: dict[str, Value] = {
    "ManufacturerIdentifier": b"1A2B",
    "ModelType": b"0005FFEE",
    "FirmwareVersion": bytes.fromhex("01020304"),
}


def test_the_items_say_which_images() -> None:
    work = Home.new(items=ITEMS).work
    assert identity_of(work) == OtaIdentity(0x1A2B, 0x0005, 0xFFEE)
    assert running_version(work) == 0x01020304


@pytest.mark.parametrize("text", [b"", b"12", b"12G4", b"+123", b" 123", b"1_23", "1234", None, b"\xff" * 4])
def test_items_that_are_no_digits(text: Value) -> None:
    work = Home.new(
        items={"ManufacturerIdentifier": text, "ModelType": b"0005", "FirmwareVersion": None}
    ).work
    assert identity_of(work) == OtaIdentity(0, 5, 0)
    assert running_version(work) == 0


def test_a_meter_fetches_its_firmware() -> None:
    home = Home.new(items=ITEMS)
    before = home.held
    station = EntityId(bytes(8))
    client = ota_client_of(
        home.device, station, endpoints_of("ESME"), HUB.station, random_of(1), home.now, PROMPT
    )
    assert client is not None
    assert client.address.endpoint == 2
    octets = make_file(300, 0x01020305, manufacturer=0x1A2B, image_type=5)
    hand = Hand(client).finish(octets)
    assert client.image() == octets
    assert {key: value for key, value in home.held.items() if not key.startswith("ota/")} == before
    home.restart()
    again = ota_client_of(
        home.device, station, endpoints_of("ESME"), HUB.station, random_of(1), home.now, PROMPT
    )
    assert again is not None
    assert (again.state, again.image()) == (State.WAITING, octets)
    assert hand.client.running() == 0x01020304


@pytest.mark.parametrize(
    ("name", "has"),
    [("ESME", True), ("GSME", True), ("PPMID", True), ("HCALCS", True), ("IHD", False), ("hub", False)],
)
def test_who_has_a_client(name: str, has: bool) -> None:
    home = Home.new()
    client = ota_client_of(
        home.device, EntityId(bytes(8)), endpoints_of(name), HUB.station, random_of(1), home.now
    )
    assert (client is not None) is has
