"""Images of OTA Upgrade: what names one, and for whom it is.

The file itself, with its layouts and errors, is `gbcs.ota`. Source: ZigBee OTA Upgrade, GBCS 11.2
(reference: chts-hub 16.2).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

from gbcs.ids import EntityId
from gbcs.ota import ImageBoundary, OtaHeader, manufacturer_image


class ImageId(NamedTuple):
    """What names an image in every command: manufacturer code, image type, file version."""

    manufacturer: int
    image_type: int
    file_version: int

    def __str__(self) -> str:
        """As in logs."""
        return f"{self.manufacturer:04X}/{self.image_type:04X}/{self.file_version:08X}"

    @classmethod
    def of(cls, header: OtaHeader) -> ImageId:
        """The name of the image behind a header."""
        return cls(header.manufacturer, header.image_type, header.file_version)


@dataclass(frozen=True, slots=True)
class UpgradeImage:
    """An OTA file as it is offered and sent: its octets, and its header read."""

    octets: bytes = field(repr=False)
    header: OtaHeader

    @classmethod
    def parse(cls, octets: bytes) -> UpgradeImage:
        """The image in a file that is as long as its header says. Raises ParseError."""
        manufacturer_image(octets, ImageBoundary.WHOLE_FILE)
        return cls(octets, OtaHeader.parse(octets)[0])

    @property
    def id(self) -> ImageId:
        """What names it."""
        return ImageId.of(self.header)


def misfit(header: OtaHeader, station: EntityId, hardware: int | None, unstated: bool) -> str:
    """Why an image is not for a station of a hardware version; '' where it is.

    `unstated`: whether a station that does not say its version takes part in a range of them.
    """
    if header.destination is not None and header.destination != station:
        return f"it is for {header.destination}"
    limits = header.hardware
    if limits is None or (hardware is None and unstated):
        return ""
    if hardware is None:
        return "it is for some hardware versions, and none is stated"
    if not limits.least <= hardware <= limits.most:
        return f"it is for hardware {limits.least:04X} to {limits.most:04X}, not {hardware:04X}"
    return ""
