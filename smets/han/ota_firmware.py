"""What a device is told of images its OTA client fetched, and how it looks at one in its store.

Source: GBCS 11 (reference: gbcs-crypto 19).
"""

from __future__ import annotations

from collections.abc import Callable

from gbcs.errors import ParseError
from gbcs.firmware import VERSION_LENGTH, HeldImage
from gbcs.ota import ImageBoundary, image_hash, manufacturer_image

from ..behaviours.firmware import NewImage
from ..work import Work
from .ota_events import ImageArrived, ImageRefused, OtaEffect
from .ota_image import ImageId
from .ota_memory import PREFIX, STATE_KEY, Kept


def image_of(effect: OtaEffect) -> NewImage | None:
    """What a device is told of an image that came whole; None for anything else."""
    if isinstance(effect, ImageArrived):
        return NewImage(effect.hash, _version(effect.image))
    if isinstance(effect, ImageRefused) and effect.hash is not None:
        return NewImage(effect.hash, _version(effect.image), genuine=False)
    return None


def hash_in_store(
    boundary: ImageBoundary = ImageBoundary.AFTER_HEADER,
) -> Callable[[Work, HeldImage], bytes]:
    """How a device looks at its held image once more: the hash of the octets in its store.

    No octets if they are of no image. A device without an OTA client has none; there the hash the image
    came with stands.
    """

    def rehash(work: Work, image: HeldImage) -> bytes:
        state = work.get(STATE_KEY)
        if state is None:
            return image.hash
        held = Kept.parse(state).held
        if held is None:
            return b""
        octets = b"".join(data for _, data in work.scan(f"{PREFIX}{held.slot}/"))
        try:
            return image_hash(manufacturer_image(octets, boundary))
        except ParseError:
            return b""

    return rehash


def _version(image: ImageId) -> bytes:
    return image.file_version.to_bytes(VERSION_LENGTH, "big")
