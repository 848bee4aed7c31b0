"""The `memory:` link: frames between stations of one process, with the faults asked for.

Deterministic: the same seed gives the same losses, delays and duplicates.
"""

from __future__ import annotations

import random
from dataclasses import dataclass

from .monikers import Moniker, MonikerError


@dataclass(frozen=True, slots=True)
class LinkOptions:
    """Faults of a link: shares of frames lost and doubled (0 to 1), delay and its jitter in ms."""

    loss: float = 0.0
    duplicate: float = 0.0
    delay_ms: float = 20.0  # ours: about what a tunnelled transfer takes on the air
    jitter_ms: float = 0.0

    @classmethod
    def of(cls, moniker: Moniker) -> LinkOptions:
        """From `memory:?loss=0.1&delay_ms=50`. Raises MonikerError."""
        values: dict[str, float] = {}
        for name, text in moniker.options:
            if name in values:
                raise MonikerError(f"memory: has {name} twice")
            if name not in cls.__slots__:
                raise MonikerError(f"memory: has no option {name!r}, only {', '.join(cls.__slots__)}")
            try:
                values[name] = float(text)
            except ValueError:
                raise MonikerError(f"{name} has to be a number, not {text!r}") from None
            if not 0 <= values[name] <= (1 if name in ("loss", "duplicate") else 60_000):
                raise MonikerError(f"{name} is out of range: {text}")
        return cls(**values)


NO_FAULTS = LinkOptions()


class MemoryLink:
    """Decides for each frame when copies of it arrive; every seed has other faults."""

    def __init__(self, options: LinkOptions, seed: str) -> None:
        self._options = options
        self._random = random.Random(f"link {seed}")

    def arrivals(self) -> tuple[int, ...]:
        """Delays in microseconds of the copies that arrive; empty for a lost frame."""
        options = self._options
        if options.loss and self._random.random() < options.loss:
            return ()
        copies = 2 if options.duplicate and self._random.random() < options.duplicate else 1
        return tuple(self._delay() for _ in range(copies))

    def _delay(self) -> int:
        jitter = self._random.uniform(0, self._options.jitter_ms) if self._options.jitter_ms else 0.0
        return int((self._options.delay_ms + jitter) * 1000)
