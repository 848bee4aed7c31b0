"""ZigBee OTA files."""

from contextlib import suppress
from random import Random

from gbcs.errors import ParseError
from gbcs.ids import DeviceType
from gbcs.ota import Element, HardwareRange, ImageBoundary, OtaFile, OtaHeader, manufacturer_image, parse_ota
from tests.fuzz.harness import Target
from tests.gbcs import generated


def seeds() -> list[bytes]:
    random = Random(0)
    made = []
    for number in range(16):
        header = OtaHeader(
            random.getrandbits(16),
            random.getrandbits(16),
            random.getrandbits(32),
            0,
            b"image" * (number % 3),
            2 if number & 1 else None,
            generated.DEVICES[DeviceType.ESME] if number & 2 else None,
            HardwareRange(1, number) if number & 4 else None,
        )
        elements = tuple(Element(tag, random.randbytes(random.randrange(40))) for tag in range(number % 4))
        made.append(OtaFile.build(header, elements).octets())
    return made


def one(octets: bytes) -> bool:
    for boundary in ImageBoundary:
        with suppress(ParseError):
            assert manufacturer_image(octets, boundary) in octets
    assert parse_ota(octets).octets() == octets
    return True


TARGET = Target("ota", seeds, one, (ParseError,))
