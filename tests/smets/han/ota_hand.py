"""An OTA client under test: files for it, and a hand that plays the hub message by message."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from random import Random
from typing import Any

from gbcs.ids import EntityId
from gbcs.ota import Element, HardwareRange, OtaFile, OtaHeader
from gbcs.time import Utc
from smets.events import TimerDue
from smets.han.endpoints import OTA
from smets.han.link import Address, LinkUp
from smets.han.ota_client import OtaClient
from smets.han.ota_events import (
    Arrived,
    OtaClientSettings,
    OtaEffect,
    OtaIdentity,
    SendOta,
)
from smets.han.ota_frames import (
    ImageBlock,
    ImageBlockRequest,
    OtaCommand,
    QueryNextImageResponse,
    UpgradeEndResponse,
    ota_command,
    ota_frame,
)
from smets.han.ota_image import ImageId
from smets.han.ota_rows import State
from smets.han.zcl import ApsMessage, default_response, parse_zcl
from smets.store import MemoryStore, Store

HUB = Address(EntityId.parse("00-DB-12-34-56-78-90-A0"), 2)
DEVICE = Address(EntityId.parse("00-DB-12-34-56-78-90-A1"), 5)
OTHER = Address(EntityId.parse("00-DB-12-34-56-78-90-A2"), 5)
NOW = Utc.of(2026, 1, 1)
IDENTITY = OtaIdentity(0x1234, 0x0005, 0x0102)
RUNNING = 1
PROMPT = OtaClientSettings(start_seconds=0)


def make_file(
    length: int = 1000,
    version: int = 2,
    seed: int = 0,
    manufacturer: int = IDENTITY.manufacturer,
    image_type: int = IDENTITY.image_type,
    hardware: HardwareRange | None = None,
    destination: EntityId | None = None,
) -> bytes:
    """An OTA file with an image of so many octets."""
    header = OtaHeader(
        manufacturer, image_type, version, 0, b"test", hardware=hardware, destination=destination
    )
    return OtaFile.build(header, (Element(0, Random(seed).randbytes(length)),)).octets()


def image_id(octets: bytes) -> ImageId:
    return ImageId.of(OtaHeader.parse(octets)[0])


def random_of(seed: int) -> Callable[[int], bytes]:
    return Random(seed).randbytes


def make_client(
    store: Store | None = None,
    settings: OtaClientSettings = PROMPT,
    running: int = RUNNING,
    address: Address = DEVICE,
    identity: OtaIdentity = IDENTITY,
    genuine: Callable[[OtaHeader, bytes], bool] = lambda header, image: True,
    seed: int = 0,
) -> OtaClient:
    held = store if store is not None else MemoryStore()
    return OtaClient(
        address, HUB.station, identity, lambda: running, held, random_of(seed), settings, genuine
    )


FILE = make_file(200)
SIZE = len(FILE)
NEW = image_id(FILE)
CURRENT = ImageId(IDENTITY.manufacturer, IDENTITY.image_type, 1)
HEADER = 56


class Hand:
    """A client played by hand: what it sends and tells, and answers to its last request."""

    def __init__(self, client: OtaClient | None = None, up: bool = True) -> None:
        self.client = client if client is not None else make_client()
        self.now = NOW
        self.told: list[OtaEffect] = []
        self.requests: list[OtaCommand] = []
        self.messages: list[ApsMessage] = []
        if up:
            self.happens(LinkUp(HUB))

    def happens(self, event: Any) -> list[OtaEffect]:
        effects = list(self.client.handle(event, self.now))
        for effect in effects:
            if not isinstance(effect, SendOta):
                self.told.append(effect)
                continue
            assert effect.station == HUB.station
            self.messages.append(effect.message)
            command = ota_command(effect.message.payload, self.client.settings.wire)
            if command is not None:
                self.requests.append(command)
        return effects

    def wait(self, seconds: int | None = None) -> list[OtaEffect]:
        """Until the deadline, or so long with every deadline on the way."""
        if seconds is None:
            assert self.client.next_deadline is not None
            self.now = max(self.now, self.client.next_deadline)
            return self.happens(TimerDue())
        until, out = self.now.plus(seconds), []
        while self.client.next_deadline is not None and self.client.next_deadline <= until:
            out += self.wait()
        self.now = until
        return out

    @property
    def last(self) -> OtaCommand:
        return self.requests[-1]

    def frame(self, command: OtaCommand, sequence: int | None = None, asks: bool = False) -> bytes:
        number = self.messages[-1].payload[1] if sequence is None else sequence
        return ota_frame(command, number, self.client.settings.wire, asks).octets()

    def gets(self, command: OtaCommand, **changes: Any) -> list[OtaEffect]:
        """An answer to the last request, or a command of the hub's own."""
        return self.octets(self.frame(command), **changes)

    def octets(self, octets: bytes, broadcast: bool = False, **changes: Any) -> list[OtaEffect]:
        message = ApsMessage(OTA, HUB.endpoint, self.client.address.endpoint, octets)
        station = changes.pop("station", HUB.station)
        return self.happens(Arrived(station, replace(message, **changes), broadcast))

    def refused(self, status: int = 0x01, **changes: Any) -> list[OtaEffect]:
        """A Default Response to the last request."""
        return self.octets(
            default_response(parse_zcl(OTA, self.messages[-1].payload), status).octets(), **changes
        )

    def offer(self, image: ImageId = NEW, size: int = SIZE) -> list[OtaEffect]:
        return self.gets(QueryNextImageResponse(0, image, size))

    def block(self, octets: bytes = FILE) -> list[OtaEffect]:
        """The octets that were asked for."""
        asked = self.last
        assert isinstance(asked, ImageBlockRequest)
        return self.gets(
            ImageBlock(asked.image, asked.offset, octets[asked.offset : asked.offset + asked.most])
        )

    def fetch(self, octets: bytes = FILE) -> Hand:
        """Through to the end of the image."""
        if self.client.state in (State.IDLE, State.WAITING):
            self.wait()
        self.offer(image_id(octets), len(octets))
        while self.client.state is State.RECEIVING:
            self.block(octets)
        return self

    def finish(self, octets: bytes = FILE) -> Hand:
        """Until the image waits."""
        self.fetch(octets)
        self.gets(UpgradeEndResponse(image_id(octets), self.now.seconds))
        assert self.client.state is State.WAITING
        return self


def at(state: State) -> Hand:
    """A client in a state."""
    if state is State.REFUSING:
        return Hand(make_client(genuine=lambda header, image: False)).fetch()
    hand = Hand()
    if state is State.IDLE:
        return hand
    if state in (State.WAITING, State.ASKING_ANEW):
        hand.finish()
    else:
        hand.wait()
    if state is State.ASKING_ANEW:
        hand.wait()
    elif state in (State.RECEIVING, State.ENDING):
        hand.offer()
        hand.block()
        if state is State.ENDING:
            hand.fetch()
    assert hand.client.state is state
    return hand
