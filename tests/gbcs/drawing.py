"""What all generators draw from: numbers with their bounds, octets, texts, and pairs of forms."""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random
from typing import Any


@dataclass(slots=True)
class Drawn:
    """Values by name, twice: as plain as they may be given, and as reading must give them back."""

    plain: dict[str, Any] = field(default_factory=dict)
    typed: dict[str, Any] = field(default_factory=dict)

    def put(self, name: str, plain: Any, typed: Any) -> None:
        """One value in both forms."""
        self.plain[name] = plain
        self.typed[name] = typed

    def both(self, name: str, value: Any) -> None:
        """One value that is the same in both."""
        self.put(name, value, value)


def number(random: Random, lo: int, hi: int) -> int:
    """A number within limits, often at one of them."""
    way = random.random()
    if way < 0.25:
        return random.choice((lo, hi))
    if way < 0.45:
        return min(hi, max(lo, random.choice((0, 1, lo + 1, hi - 1, (lo + hi) // 2))))
    if way < 0.65:
        return min(hi, max(lo, random.randrange(-5, 100)))
    return random.randint(lo, hi)


def size(random: Random, lo: int, hi: int, usual: int = 6) -> int:
    """A size within limits: the least, a little more, seldom the greatest that is not long."""
    way = random.random()
    if way < 0.2:
        return lo
    if way < 0.3 and hi <= lo + 60:
        return hi
    return random.randint(lo, min(hi, lo + usual))


def octets(random: Random, lo: int, hi: int) -> bytes:
    """Octets, seldom so many that their length takes more than one octet."""
    if hi >= lo + 200 and random.random() < 0.04:
        return random.randbytes(lo + random.choice((127, 128, 200)))
    count = size(random, lo, hi, 20)
    return random.choice((bytes(count), b"\xff" * count, *(random.randbytes(count),) * 6))


def text(random: Random, lo: int, hi: int, alphabet: str) -> str:
    """A text of so many characters."""
    return "".join(random.choice(alphabet) for _ in range(size(random, lo, hi, 20)))


PRINTABLE = "".join(map(chr, range(0x20, 0x7F)))
