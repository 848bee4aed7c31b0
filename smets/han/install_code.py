"""Install codes: the secret on a device's label from which its first link key follows.

6, 8, 12 or 16 random octets (GB: 16) and their CRC-16/X-25, least significant octet first;
the link key is the AES-MMO hash of both. Source: ZigBee specification, GBCS CCS01, which
carries the code without its CRC (reference: se-security 2.2, chts-hub 5.1).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from gbcs.errors import BuildError, ParseError

from .mmo import mmo

LENGTHS = (6, 8, 12, 16)
"""Octets of the random part."""

CRC_LENGTH = 2
_POLYNOMIAL = 0x8408  # 0x1021 reflected
_SEPARATORS = str.maketrans("", "", " -:.\t\r\n")


def crc16(octets: bytes) -> int:
    """CRC-16/X-25: reflected, initial value FFFF, inverted at the end."""
    crc = 0xFFFF
    for octet in octets:
        crc ^= octet
        for _ in range(8):
            crc = crc >> 1 ^ (_POLYNOMIAL if crc & 1 else 0)
    return crc ^ 0xFFFF


@dataclass(frozen=True, slots=True)
class InstallCode:
    """An install code, held without its CRC. It is a secret: no repr shows it, `label` does.

    Raises BuildError for a length that does not exist.
    """

    code: bytes = field(repr=False)

    def __post_init__(self) -> None:
        """Only four lengths exist."""
        if len(self.code) not in LENGTHS:
            raise BuildError(f"an install code has 6, 8, 12 or 16 octets, not {len(self.code)}")

    @classmethod
    def from_octets(cls, octets: bytes) -> InstallCode:
        """From the octets with their CRC. Raises ParseError for a wrong length or CRC."""
        code, crc = octets[:-CRC_LENGTH], octets[-CRC_LENGTH:]
        if len(code) not in LENGTHS:
            raise ParseError(f"8, 10, 14 or 18 octets with the CRC, not {len(octets)}", 0, "install code")
        if crc != _crc_octets(code):
            raise ParseError("the CRC does not fit", len(code), "install code")
        return cls(code)

    @classmethod
    def parse(cls, text: str) -> InstallCode:
        """From hex digits with the CRC as printed on a label, with any usual separators.

        Raises ParseError.
        """
        try:
            octets = bytes.fromhex(text.translate(_SEPARATORS))
        except ValueError:
            raise ParseError("not hex digits", 0, "install code") from None
        return cls.from_octets(octets)

    @classmethod
    def make(cls, random: Callable[[int], bytes], length: int = 16) -> InstallCode:
        """A new code from so many random octets. Raises BuildError."""
        if length not in LENGTHS:
            raise BuildError(f"an install code has 6, 8, 12 or 16 octets, not {length}")
        return cls(bytes(random(length)))

    @property
    def octets(self) -> bytes:
        """The code and its CRC."""
        return self.code + _crc_octets(self.code)

    @property
    def crc(self) -> int:
        """The CRC as a number."""
        return crc16(self.code)

    @property
    def link_key(self) -> bytes:
        """The pre-configured link key: protects the network key's delivery, nothing else."""
        return mmo(self.octets)

    def label(self) -> str:
        """Code and CRC as printed: groups of four hex digits."""
        digits = self.octets.hex().upper()
        return " ".join(digits[at : at + 4] for at in range(0, len(digits), 4))


def _crc_octets(code: bytes) -> bytes:
    return crc16(code).to_bytes(CRC_LENGTH, "little")
