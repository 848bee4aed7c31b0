"""ZigBee OTA files: header, elements, and the Manufacturer Image in them.

Source: ZigBee OTA Upgrade, GBCS 11.2 (reference: chts-hub 16.2, gbcs-crypto 19).
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import Enum
from hashlib import sha256
from typing import NamedTuple

from .errors import BuildError, ParseError
from .ids import EntityId
from .layout import Layout, const, octets, u8, u16le, u32le

OTA_FILE_IDENTIFIER = bytes.fromhex("1EF1EE0B")  # 0BEEF11E
UPGRADE_IMAGE = 0x0000  # tag of the element that holds the image to run (ours: not in the reference)
MAX_IMAGE = 7_680_000  # octets of the 10,240,000 base64 characters a request may have (chts-hub 16.1)

_TEXT = 32
_FIXED = Layout(
    "ota header",
    const("file identifier", OTA_FILE_IDENTIFIER),
    u16le("header version"),
    u16le("header length"),
    u16le("field control"),
    u16le("manufacturer code"),
    u16le("image type"),
    u32le("file version"),
    u16le("stack version"),
    octets("header string", _TEXT),
    u32le("total image size"),
)
_SECURITY = Layout("security credential version", u8("version"))
_RANGE = Layout("hardware versions", u16le("least"), u16le("most"))
_ELEMENT = Layout("element", u16le("tag"), u32le("length"))
_SECURITY_VERSION, _DEVICE_SPECIFIC, _HARDWARE_RANGE = 0x01, 0x02, 0x04
_KNOWN_BITS = _SECURITY_VERSION | _DEVICE_SPECIFIC | _HARDWARE_RANGE


class ImageBoundary(Enum):
    """Where the Manufacturer Image, which is hashed, begins and ends in an OTA file."""

    AFTER_HEADER = "after the header"
    UPGRADE_ELEMENT = "the data of the upgrade image element"
    WHOLE_FILE = "the whole file"


class HardwareRange(NamedTuple):
    """The hardware versions an image is for, both included."""

    least: int
    most: int


@dataclass(frozen=True, slots=True)
class OtaHeader:
    """The header of a ZigBee OTA file; numbers are little-endian there, and so is the destination.

    `text` is the header string without the zeros that fill it to 32 octets. The optional fields
    are there where their bit of the field control is set; `other_bits` and `extra` keep what
    a later header version may have there. Versions: chts-hub 16.2 (0100 by general
    knowledge), as is the stack version 2 for ZigBee PRO.
    """

    manufacturer: int
    image_type: int
    file_version: int
    total_size: int
    text: bytes = b""
    security_version: int | None = None
    destination: EntityId | None = None
    hardware: HardwareRange | None = None
    header_version: int = 0x0100
    stack_version: int = 0x0002
    other_bits: int = 0
    extra: bytes = b""

    @property
    def field_control(self) -> int:
        """The field control, from what is there."""
        return (
            (_SECURITY_VERSION if self.security_version is not None else 0)
            | (_DEVICE_SPECIFIC if self.destination is not None else 0)
            | (_HARDWARE_RANGE if self.hardware is not None else 0)
            | self.other_bits
        )

    def octets(self) -> bytes:
        """The octets of the header. Raises BuildError for a value that does not fit."""
        if self.other_bits & _KNOWN_BITS:
            raise BuildError("a bit that stands for a field", "other_bits")
        if len(self.text) > _TEXT or self.text.endswith(b"\0"):
            raise BuildError(f"at most {_TEXT} octets, the last not zero, are needed", "text")
        optional = b"".join(
            (
                b"" if self.security_version is None else _SECURITY.pack(self.security_version),
                b"" if self.destination is None else self.destination[::-1],
                b"" if self.hardware is None else _RANGE.pack(*self.hardware),
                self.extra,
            )
        )
        return (
            _FIXED.pack(
                self.header_version,
                _FIXED.size + len(optional),
                self.field_control,
                self.manufacturer,
                self.image_type,
                self.file_version,
                self.stack_version,
                self.text.ljust(_TEXT, b"\0"),
                self.total_size,
            )
            + optional
        )

    @classmethod
    def parse(cls, octets: bytes) -> tuple[OtaHeader, int]:
        """The header at the start of a file, and how many octets it has. Raises ParseError."""
        fields = _FIXED.unpack(octets)
        header_version, length, control, manufacturer, image_type, version, stack, text, size = fields
        optional = (
            (1, control & _SECURITY_VERSION),
            (8, control & _DEVICE_SPECIFIC),
            (4, control & _HARDWARE_RANGE),
        )
        least = _FIXED.size + sum(width for width, there in optional if there)
        if not least <= length <= len(octets):
            reason = f"{length}: {least} octets are needed, {len(octets)} there"
            raise ParseError(reason, 6, "ota header.header length")
        offset = _FIXED.size
        security_version: int | None = None
        destination: EntityId | None = None
        hardware: HardwareRange | None = None
        if control & _SECURITY_VERSION:
            security_version = octets[offset]
            offset += 1
        if control & _DEVICE_SPECIFIC:
            destination = EntityId(octets[offset : offset + 8][::-1])
            offset += 8
        if control & _HARDWARE_RANGE:
            hardware = HardwareRange(*_RANGE.unpack(octets, offset))
            offset += 4
        header = cls(
            manufacturer,
            image_type,
            version,
            size,
            text.rstrip(b"\0"),
            security_version,
            destination,
            hardware,
            header_version,
            stack,
            control & ~_KNOWN_BITS,
            octets[offset:length],
        )
        return header, length


class Element(NamedTuple):
    """A sub-element of an OTA file: its tag and data."""

    tag: int
    data: bytes


@dataclass(frozen=True, slots=True)
class OtaFile:
    """A ZigBee OTA file: header and elements. The total image size of the header is that of the file."""

    header: OtaHeader
    elements: tuple[Element, ...] = field(repr=False)

    @classmethod
    def build(cls, header: OtaHeader, elements: tuple[Element, ...]) -> OtaFile:
        """A file whose header has the total size of header and elements. Raises BuildError."""
        size = len(header.octets()) + sum(_ELEMENT.size + len(element.data) for element in elements)
        return cls(replace(header, total_size=size), elements)

    def octets(self) -> bytes:
        """The octets of the file. Raises BuildError for a value that does not fit."""
        parts = [self.header.octets()]
        for index, (tag, data) in enumerate(self.elements):
            try:
                parts.append(_ELEMENT.pack(tag, len(data)) + data)
            except BuildError as error:
                raise BuildError(str(error), f"elements[{index}]") from None
        return b"".join(parts)


def parse_ota(octets: bytes) -> OtaFile:
    """Read a whole OTA file, every octet of it. Raises ParseError."""
    header, offset = _header(octets)
    elements: list[Element] = []
    while offset < len(octets):
        path = f"elements[{len(elements)}]"
        start = offset + _ELEMENT.size
        if start > len(octets):
            raise ParseError("cut short", offset, path)
        tag, length = _ELEMENT.unpack(octets, offset)
        offset = start + length
        if offset > len(octets):
            raise ParseError(f"{length} octets run past the end", start, path)
        elements.append(Element(tag, octets[start:offset]))
    return OtaFile(header, tuple(elements))


def begun_header(octets: bytes) -> OtaHeader | None:
    """The header of a file of which so much has come; None while it is not all there. Raises ParseError."""
    if len(octets) < _FIXED.size or len(octets) < _FIXED.unpack(octets)[1]:
        return None
    return OtaHeader.parse(octets)[0]


def manufacturer_image(octets: bytes, boundary: ImageBoundary = ImageBoundary.AFTER_HEADER) -> bytes:
    """The Manufacturer Image of an OTA file. Raises ParseError."""
    if boundary is ImageBoundary.UPGRADE_ELEMENT:
        for tag, data in parse_ota(octets).elements:
            if tag == UPGRADE_IMAGE:
                return data
        raise ParseError("no upgrade image element", 0, "elements")
    _, length = _header(octets)
    return octets if boundary is ImageBoundary.WHOLE_FILE else octets[length:]


def image_hash(image: bytes) -> bytes:
    """The Manufacturer Image Hash: SHA-256, 32 octets."""
    return sha256(image).digest()


def _header(octets: bytes) -> tuple[OtaHeader, int]:
    """The header of a file that is as long as it says."""
    if len(octets) > MAX_IMAGE:
        raise ParseError(f"longer than {MAX_IMAGE} octets", MAX_IMAGE, "file")
    header, length = OtaHeader.parse(octets)
    if header.total_size != len(octets):
        reason = f"{header.total_size} octets, but {len(octets)} are there"
        raise ParseError(reason, _FIXED.size - 4, "ota header.total image size")
    return header, length
