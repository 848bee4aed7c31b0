"""The hub's OTA server without I/O: images it holds, and what it answers devices that ask for them.

It answers each request by itself; what it remembers of a device is how far it came. An image
is never run because of it: activation is a command of its own (CS06). Source: ZigBee OTA Upgrade,
GBCS 11 (reference: chts-hub 16.1 and 16.2).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

from gbcs.errors import BuildError, LocalError, ParseError
from gbcs.ids import EntityId
from gbcs.ota import MAX_IMAGE
from gbcs.time import Utc
from gbcs.zcl.clusters import MALFORMED, NOT_FOUND, SUCCESS, UNSUP_CLUSTER_COMMAND
from smets.han.endpoints import OTA
from smets.han.ota_frames import (
    DEFAULT_WIRE,
    MOST_DATA,
    WAIT,
    ImageBlock,
    ImageBlockRequest,
    ImageNotify,
    NoBlock,
    OtaCommand,
    OtaWireSettings,
    QueryNextImageRequest,
    QueryNextImageResponse,
    UpgradeEndRequest,
    UpgradeEndResponse,
    WaitForData,
    ota_command,
    ota_frame,
)
from smets.han.ota_image import ImageId, UpgradeImage, misfit
from smets.han.zcl import ApsMessage, ZclFrame, default_response, parse_header, wants_default_response

ALL_ENDPOINTS = 0xFF
MOST_JITTER = 100


@dataclass(frozen=True, slots=True)
class OtaServerSettings:
    """Settings of the OTA server. Raises BuildError.

    most_images, most_octets: what the hub holds at a time, in all. Ours: the maker's memory.
    most_data: octets of a block, however many are asked for.
    period: milliseconds a device that has to wait is told to leave between its requests.
    most_stations: devices whose progress is remembered; the one heard of longest ago is forgotten.
    """

    most_images: int = 4
    most_octets: int = 2 * MAX_IMAGE
    most_data: int = 64
    period: int = 0
    most_stations: int = 16
    jitter: int = MOST_JITTER
    """Of Image Notify: the share of devices that ask at once, in a hundred. Gap: chts-hub 16.2 names
    the command without its fields."""
    only_newer: bool = True
    """Offer only a version above the one that runs. Gap: chts-hub 16.2 matches by manufacturer code, image
    type and hardware; it does not say whether an older version may be distributed."""
    serves_unstated: bool = False
    """Offer an image with a range of hardware versions to a device that states none. Gap: chts-hub 16.2
    has "if present", and can mean the range or the device's version."""
    unknown_image: int = 0x95
    """Status of a block of an image that is not (or no longer) here for the device. Gap: no text; ABORT."""
    wrong_offset: int = MALFORMED
    """Status of a Default Response to a block beyond the end of the image. Gap: no text."""
    wire: OtaWireSettings = DEFAULT_WIRE

    def __post_init__(self) -> None:
        """Ranges."""
        if not (1 <= self.most_data <= MOST_DATA and 1 <= self.jitter <= MOST_JITTER):
            raise BuildError(f"a block has 1 to {MOST_DATA} octets, the jitter goes from 1 to 100", "ota")
        if not 0 <= self.period <= 0xFFFF:
            raise BuildError("two octets", "period")
        if self.most_images < 1 or self.most_octets < 1 or self.most_stations < 1:
            raise BuildError("at least one of each", "ota")
        if not all(0 < s <= 0xFF for s in (self.unknown_image, self.wrong_offset)):
            raise BuildError("a status of one octet", "status")


class Full(LocalError):
    """The hub holds no more images."""


@dataclass(frozen=True, slots=True)
class Offer:
    """An image, and the devices it is for; None: all it fits."""

    image: UpgradeImage
    targets: frozenset[EntityId] | None = None


class Progress(NamedTuple):
    """How far a device came: octets of the image it has asked for, and its status at the end."""

    image: ImageId
    octets: int
    size: int
    status: int | None = None


class Ended(NamedTuple):
    """A device said what became of an image: SUCCESS or why not."""

    station: EntityId
    image: ImageId
    status: int


@dataclass(slots=True)
class OtaServer:
    """The images of a hub and what devices made of them; `endpoint` is that of the cluster."""

    endpoint: int
    settings: OtaServerSettings = OtaServerSettings()
    waits_until: Utc | None = None
    _offers: dict[ImageId, Offer] = field(default_factory=dict)
    _progress: dict[EntityId, Progress] = field(default_factory=dict)
    _ended: list[Ended] = field(default_factory=list)
    _sequence: int = 0

    # -- images -----------------------------------------------------------------------

    @property
    def offers(self) -> tuple[Offer, ...]:
        """What is held."""
        return tuple(self._offers.values())

    def offer(self, octets: bytes, targets: frozenset[EntityId] | None = None) -> ImageId:
        """Hold an OTA file for devices from now on; once more with other targets replaces those.

        Raises ParseError for what is no such file, Full where there is no room, BuildError for other
        octets under a name that is held: a device may have half of them.
        """
        image = UpgradeImage.parse(octets)
        held = self._offers.get(image.id)
        if held is not None and held.image.octets != octets:
            raise BuildError(f"{image.id} is held with other octets", "image")
        if held is None:
            if len(self._offers) >= self.settings.most_images:
                raise Full(f"{self.settings.most_images} images are held")
            total = sum(len(one.image.octets) for one in self._offers.values()) + len(octets)
            if total > self.settings.most_octets:
                raise Full(f"{total} octets, {self.settings.most_octets} can be held")
        self._offers[image.id] = Offer(image, targets)
        return image.id

    def withdraw(self, image: ImageId) -> bool:
        """Offer an image no longer; whoever is fetching it is told so when it asks on."""
        return self._offers.pop(image, None) is not None

    def notify(self, image: ImageId) -> ApsMessage:
        """What is broadcast to tell all devices of an image. It needs no link key."""
        self._sequence = (self._sequence + 1) & 0xFF
        frame = ota_frame(ImageNotify(self.settings.jitter, *image), self._sequence, self.settings.wire)
        return ApsMessage(OTA, self.endpoint, ALL_ENDPOINTS, frame.octets(), encrypted=False)

    # -- devices ----------------------------------------------------------------------

    def progress(self, station: EntityId) -> Progress | None:
        """How far a device came with the last image it fetched."""
        return self._progress.get(station)

    def fetching(self, station: EntityId) -> bool:
        """Whether a device has begun to fetch an image and not said how it ended."""
        found = self._progress.get(station)
        return found is not None and found.status is None

    def take_ended(self) -> tuple[Ended, ...]:
        """What devices said since the last call, oldest first; a repeat is told once.

        The last `most_stations` of them are kept.
        """
        ended, self._ended = tuple(self._ended), []
        return ended

    def receive(
        self, station: EntityId, message: ApsMessage, now: Utc, broadcast: bool = False
    ) -> tuple[ApsMessage, ...]:
        """The answer to a command of the cluster, if it has one; all but commands is left alone."""
        if message.cluster != OTA or message.destination_endpoint != self.endpoint or broadcast:
            return ()
        try:
            head = parse_header(OTA, message.payload)
        except ParseError:
            return ()
        if not head.is_of_cluster or head.to_client or not message.encrypted:
            return ()
        try:
            command = ota_command(message.payload, self.settings.wire)
        except ParseError:
            return self._default(message, head, MALFORMED)
        if isinstance(command, QueryNextImageRequest):
            return self._answer(message, head, self._next_image(station, command))
        if isinstance(command, ImageBlockRequest):
            block = self._block(station, command, now)
            if block is None:
                return self._default(message, head, self.settings.wrong_offset)
            return self._answer(message, head, block)
        if isinstance(command, UpgradeEndRequest):
            return self._end(station, message, head, command, now)
        return self._default(message, head, UNSUP_CLUSTER_COMMAND)

    def _is_for(self, offer: Offer, station: EntityId) -> bool:
        """Whether a device may have an image, whatever its hardware."""
        destination = offer.image.header.destination
        return destination in (None, station) and (offer.targets is None or station in offer.targets)

    def _next_image(self, station: EntityId, query: QueryNextImageRequest) -> QueryNextImageResponse:
        """The greatest version that fits, of the image that runs there."""
        current = query.current
        fitting = [
            offer.image
            for offer in self._offers.values()
            if offer.image.id[:2] == current[:2]
            and self._is_for(offer, station)
            and not misfit(offer.image.header, station, query.hardware, self.settings.serves_unstated)
            and self._is_wanted(offer.image.id.file_version, current.file_version)
        ]
        if not fitting:
            return QueryNextImageResponse(self.settings.wire.no_image)
        best = max(fitting, key=lambda image: image.id.file_version)
        return QueryNextImageResponse(SUCCESS, best.id, len(best.octets))

    def _is_wanted(self, version: int, running: int) -> bool:
        return version > running if self.settings.only_newer else version != running

    def _block(
        self, station: EntityId, asked: ImageBlockRequest, now: Utc
    ) -> ImageBlock | WaitForData | NoBlock | None:
        """The octets asked for, or what there is instead; None for an offset the image does not have."""
        offer = self._offers.get(asked.image)
        if offer is None or not self._is_for(offer, station):
            return NoBlock(self.settings.unknown_image)
        if asked.offset >= len(offer.image.octets) or not asked.most:
            return None
        if self.waits_until is not None and now < self.waits_until:
            # rounded up, so that it is not asked for too early
            until = -(-self.waits_until.us // 1_000_000)
            return WaitForData(now.seconds, until, self.settings.period)
        end = asked.offset + min(asked.most, self.settings.most_data)
        data = offer.image.octets[asked.offset : end]
        size = len(offer.image.octets)
        known = self._progress.get(station)
        # a late copy of a request is no new beginning
        status = known.status if known is not None and known.image == asked.image and asked.offset else None
        self._remember(station, Progress(asked.image, asked.offset + len(data), size, status))
        return ImageBlock(asked.image, asked.offset, data)

    def _end(
        self, station: EntityId, message: ApsMessage, head: ZclFrame, command: UpgradeEndRequest, now: Utc
    ) -> tuple[ApsMessage, ...]:
        offer = self._offers.get(command.image)
        known = self._progress.get(station)
        if known is None or known.image != command.image:
            if offer is None:
                return self._default(message, head, NOT_FOUND)
            known = Progress(command.image, 0, len(offer.image.octets))
        ended = known._replace(status=command.status)
        if known != ended:
            ended_here = Ended(station, command.image, command.status)
            self._ended = [*self._ended, ended_here][-self.settings.most_stations :]
        self._remember(station, ended)
        if command.status != SUCCESS:
            return self._default(message, head, SUCCESS)
        return self._answer(message, head, UpgradeEndResponse(command.image, now.seconds, WAIT))

    def _remember(self, station: EntityId, progress: Progress) -> None:
        self._progress.pop(station, None)
        self._progress[station] = progress
        while len(self._progress) > self.settings.most_stations:
            del self._progress[next(iter(self._progress))]

    # -- messages ---------------------------------------------------------------------

    def _answer(self, message: ApsMessage, head: ZclFrame, command: OtaCommand) -> tuple[ApsMessage, ...]:
        return (_back(message, ota_frame(command, head.sequence, self.settings.wire)),)

    def _default(self, message: ApsMessage, head: ZclFrame, status: int) -> tuple[ApsMessage, ...]:
        if not wants_default_response(head):
            return ()
        return (_back(message, default_response(head, status)),)


def _back(message: ApsMessage, frame: ZclFrame) -> ApsMessage:
    """The message with a frame, to where another came from."""
    return ApsMessage(OTA, message.destination_endpoint, message.source_endpoint, frame.octets())
