"""Settings of an OTA client, what happens to it and what it does.

Source: ZigBee OTA Upgrade, GBCS 11 (reference: chts-hub 16).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

from gbcs.errors import BuildError
from gbcs.ids import EntityId
from gbcs.ota import ImageBoundary

from ..events import PowerLost, PowerRestored, TimerDue
from .link import LinkDown, LinkUp
from .ota_frames import DEFAULT_WIRE, MOST_DATA, OtaWireSettings
from .ota_image import ImageId
from .ota_rows import UpgradeStatus
from .zcl import ApsMessage

WORKING_SIZE = 768_000  # about 750 kB is usual (chts-hub 16.1)


@dataclass(frozen=True, slots=True)
class OtaClientSettings:
    """Settings of an OTA client. Raises BuildError. Times are seconds, and ours: chts-hub 16 has none.

    most_octets: of an image; a longer one is declined.
    most_data: octets asked for at a time.
    answer_seconds: until a request counts as not answered; it doubles with each repeat, up to
    most_back_off. tries: requests without an answer before the client rests.
    start_seconds: at most from the link to the first question, so that not all ask at once.
    query_seconds: from an answer that there is nothing to the next question. retry_seconds: after a
    failure. most_wait: at most that a server may make the client wait.
    most_refusals: times an image is fetched that turned out not to be sound.
    period: MinimumBlockPeriod, milliseconds between requests; a server may ask for more.
    """

    most_octets: int = WORKING_SIZE
    most_data: int = 48
    answer_seconds: int = 5
    most_back_off: int = 300
    tries: int = 8
    start_seconds: int = 60
    query_seconds: int = 86_400
    retry_seconds: int = 900
    most_wait: int = 86_400
    most_refusals: int = 3
    period: int = 0
    states_hardware: bool = True
    """Say the hardware version in the query, where chts-hub 16.2 has it as optional."""
    reports_period: bool = False
    """Say the minimum block period in block requests. Gap: chts-hub 16.2 does not name the field."""
    boundary: ImageBoundary = ImageBoundary.AFTER_HEADER
    """What is hashed, see `FirmwareSettings.boundary`."""
    waiting: int = UpgradeStatus.EXTERNAL_EVENT
    """ImageUpgradeStatus of an image that waits for CS06. Gap: no value in chts-hub 16.2."""
    activation_policy: int = 1
    """UpgradeActivationPolicy: out of band. Gap: chts-hub 16.2 has the policy, not its value."""
    timeout_policy: int = 1
    """UpgradeTimeoutPolicy: never run the image because of a time-out. Gap: no value in chts-hub 16.2."""
    image_stamp: int = 0
    """ImageStamp. Gap: chts-hub 16.2 names it and does not say of what it is made."""
    wire: OtaWireSettings = DEFAULT_WIRE

    def __post_init__(self) -> None:
        """Ranges."""
        if not 1 <= self.most_data <= MOST_DATA:
            raise BuildError(f"a block has 1 to {MOST_DATA} octets", "most_data")
        if min(self.most_octets, self.answer_seconds, self.most_refusals) < 1 or not 1 <= self.tries <= 100:
            raise BuildError("at least one of each, and at most 100 tries", "ota")
        times = self.most_back_off, self.start_seconds, self.query_seconds, self.retry_seconds, self.most_wait
        if min(times) < 0:
            raise BuildError("seconds from 0 on", "ota")
        if not (0 <= self.period <= 0xFFFF and 0 <= self.image_stamp <= 0xFFFF_FFFF):
            raise BuildError("two octets, and four", "ota")
        for value in (self.waiting, self.activation_policy, self.timeout_policy):
            if not 0 <= value <= 0xFF:
                raise BuildError("one octet", "ota")


DEFAULT_CLIENT = OtaClientSettings()


class OtaIdentity(NamedTuple):
    """What images a device takes: its manufacturer code, image type and hardware version."""

    manufacturer: int
    image_type: int
    hardware: int


# Events


@dataclass(frozen=True, slots=True)
class Arrived:
    """A message of the cluster came from a station."""

    station: EntityId
    message: ApsMessage
    broadcast: bool = False


@dataclass(frozen=True, slots=True)
class Activated:
    """The image that is here runs now (CS06)."""


OtaEvent = Arrived | Activated | LinkUp | LinkDown | TimerDue | PowerLost | PowerRestored
"""`LinkUp.peer` is the hub's endpoint with the cluster."""

# Effects


@dataclass(frozen=True, slots=True)
class SendOta:
    """Send a message to a station."""

    station: EntityId
    message: ApsMessage


@dataclass(frozen=True, slots=True)
class Progressed:
    """So many octets of an image are here."""

    image: ImageId
    octets: int
    size: int


@dataclass(frozen=True, slots=True)
class ImageArrived:
    """A whole OTA file is here and sound. `hash`: SHA-256 of the manufacturer image (chts-hub 16.3).

    Told again after a loss of power, as long as the server was not told.
    """

    image: ImageId
    octets: bytes = field(repr=False)
    hash: bytes


@dataclass(frozen=True, slots=True)
class ImageRefused:
    """An image was not taken. `hash`: where it was there whole, but not genuine."""

    image: ImageId
    why: str
    hash: bytes | None = None


OtaEffect = SendOta | Progressed | ImageArrived | ImageRefused
