"""Random octets of a device: given once at manufacture, drawn from the store ever after.

The store holds a seed; each draw replaces it by one that does not tell it, in the unit of work
that uses what was drawn. So a run with the same seed makes the same keys, whenever the device
is restarted, and who reads the store later learns nothing of earlier draws.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable

from gbcs.errors import BuildError

from .work import Work

SEED = "own/seed"
SEED_OCTETS = 32
_BLOCK = 64


def seeded(random: Callable[[int], bytes]) -> dict[str, bytes]:
    """What manufacture writes into a store, so that the device can draw."""
    return {SEED: random(SEED_OCTETS)}


def draw(work: Work, count: int) -> bytes:
    """So many random octets. Raises BuildError for a device that was given none at manufacture."""
    seed = work.get(SEED)
    if seed is None:
        raise BuildError("the device has no random octets", "seed")
    blocks = range(-(-count // _BLOCK))
    drawn = b"".join(hmac.digest(seed, b"draw" + block.to_bytes(4, "big"), "sha512") for block in blocks)
    work.put(SEED, hmac.digest(seed, b"next", "sha256"))
    return drawn[:count]
