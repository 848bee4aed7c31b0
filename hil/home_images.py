"""Firmware in a home on radios: the images of its hub, and the client of each device that has one.

Source: GBCS 11 (reference: chts-hub 16).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from chts.ota_server import OtaServer
from gbcs.errors import LocalError
from gbcs.ids import EntityId
from gbcs.time import Utc
from smets.behaviours.firmware import NewImage
from smets.device import Device
from smets.han.cluster_server import MACHINES, ClusterServer, Values
from smets.han.endpoints import OTA, endpoints_of, serving
from smets.han.ota_client import OtaClient
from smets.han.ota_device import ota_client_of
from smets.han.ota_events import (
    DEFAULT_CLIENT,
    Activated,
    ImageArrived,
    ImageRefused,
    OtaClientSettings,
    OtaEffect,
)
from smets.han.ota_firmware import image_of
from smets.han.ota_values import OtaValues
from smets.han.suites import Random

from .ota_driver import OtaDriver, Outcome
from .radio_node import RadioNode

IMAGE_SECONDS = 600.0  # ours: until an image is there


class HomeImages:
    """The OTA server of a hub and the clients of its devices, by name.

    `now` is the home's time. `note` hears of each image that came to a device or was refused: the name
    of the device, what there is to say, and a verdict, '' if it came. `tell` gives the device itself what
    happened.
    """

    def __init__(
        self,
        hub: EntityId,
        now: Callable[[], Utc],
        note: Callable[[str, str, str], None] = lambda name, text, verdict: None,
        settings: OtaClientSettings = DEFAULT_CLIENT,
        tell: Callable[[str, NewImage], None] = lambda name, event: None,
    ) -> None:
        (endpoint,) = (own.number for own in serving(endpoints_of("hub"), OTA))
        self.server = OtaServer(endpoint)
        self._hub = hub
        self._now = now
        self._note = note
        self._settings = settings
        self._tell = tell
        self._clients: dict[str, OtaClient] = {}
        self._drivers: dict[str, OtaDriver] = {}

    def clusters(
        self, name: str, kind: str, device: Device, station: EntityId, values: Values, random: Random
    ) -> ClusterServer:
        """The cluster server of a node, and the OTA client of a device, if its kind has one.

        `kind` is a row of `smets.han.endpoints`. Raises StoreError.
        """
        endpoints, now = endpoints_of(kind), self._now()
        client = ota_client_of(device, station, endpoints, self._hub, random, now, self._settings)
        if client is not None:
            self._clients[name] = client
            values = OtaValues(client, values)
        return ClusterServer(endpoints, values, elsewhere=MACHINES | {OTA})

    def start(self, name: str, node: RadioNode) -> None:
        """Join what a node serves: the images of the hub, or the client of a device, in a running loop."""
        if node.address.station == self._hub:
            others = node.serve
            node.serve = lambda arrived: (
                *self.server.receive(arrived.eui64, arrived.message, self._now(), arrived.broadcast),
                *(() if others is None else others(arrived)),
            )
        elif name in self._clients:
            self._drivers[name] = OtaDriver(
                node, self._clients[name], lambda effect: self._heard(name, effect)
            )

    async def stop(self, name: str) -> None:
        """A node ends; its client is made anew from the device's store."""
        self._clients.pop(name, None)
        driver = self._drivers.pop(name, None)
        if driver is not None:
            await driver.stop()

    async def close(self) -> None:
        """All nodes end."""
        for name in tuple(self._drivers):
            await self.stop(name)

    def client(self, name: str) -> OtaClient:
        """The client of a device. Raises LocalError for one that has none, or no power."""
        if name not in self._drivers:
            raise LocalError(f"{name} fetches no images, or has no power")
        return self._clients[name]

    async def distribute(self, hub: RadioNode, name: str, octets: bytes) -> Outcome:
        """Offer an OTA file to a device of the network, and wait until the hub knows what became of it.

        Raises ParseError, BuildError, LocalError, RadioError, TimeoutError.
        """
        station = self.client(name).address.station
        driver = self._drivers[name]
        image = self.server.offer(octets, frozenset((station,)))
        try:
            outcome = driver.outcome(image)
            await driver.link_up()
            await hub.radio.broadcast(self.server.notify(image))
            async with asyncio.timeout(IMAGE_SECONDS):
                return await outcome
        finally:
            self.server.withdraw(image)

    async def activated(self, name: str) -> None:
        """The image a device held runs now: its client looks for the next one."""
        driver = self._drivers.get(name)
        if driver is not None:
            driver.happens(Activated())

    def _heard(self, name: str, effect: OtaEffect) -> None:
        image = image_of(effect)
        if image is not None:
            self._tell(name, image)
        if isinstance(effect, ImageArrived):
            self._note(name, f"image {effect.image} is here", "")
        elif isinstance(effect, ImageRefused):
            self._note(name, f"image {effect.image}: {effect.why}", "refused")
