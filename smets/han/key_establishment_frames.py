"""The commands of the Key Establishment cluster (0x0800) as octets.

ZCL numbers are little-endian; certificates, points and confirmations are raw octets without
a length. Source: SE standard Annex C (reference: se-security 7).
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from enum import IntEnum

from gbcs.errors import BuildError, ParseError

CLUSTER = 0x0800
SUITE_ATTRIBUTE = 0x0000  # KeyEstablishmentSuite, 16-bit enumeration used as a bitmap
SUITE_ATTRIBUTE_TYPE = 0x31
MAX_SECONDS = 0xFE  # of the generate times and the wait time
_FRAME_TYPE = 0x03
_CLUSTER_SPECIFIC = 0x01
_MANUFACTURER_SPECIFIC = 0x04
_TO_CLIENT = 0x08
_INITIATE = struct.Struct("<HBB")
_TERMINATE = struct.Struct("<BBH")


class CommandId(IntEnum):
    """The commands, each both ways: requests client to server, responses back."""

    INITIATE = 0
    EPHEMERAL_DATA = 1
    CONFIRM_KEY_DATA = 2
    TERMINATE = 3


class Status(IntEnum):
    """Why key establishment is terminated."""

    UNKNOWN_ISSUER = 1
    BAD_KEY_CONFIRM = 2
    BAD_MESSAGE = 3
    NO_RESOURCES = 4
    UNSUPPORTED_SUITE = 5
    INVALID_CERTIFICATE = 6


@dataclass(frozen=True, slots=True)
class Command:
    """A command of the cluster; `to_server` is the direction initiator to responder."""

    id: CommandId
    to_server: bool
    transaction: int
    payload: bytes

    @property
    def octets(self) -> bytes:
        """The ZCL frame. Raises BuildError for a transaction number of more than an octet."""
        if not 0 <= self.transaction <= 0xFF:
            raise BuildError("one octet", "transaction")
        control = _CLUSTER_SPECIFIC | (0 if self.to_server else _TO_CLIENT)
        return bytes((control, self.transaction, self.id)) + self.payload


def parse_command(octets: bytes) -> Command | None:
    """A ZCL frame of the cluster, or None for a global, a manufacturer's or an unknown command.

    Those are for the ZCL layer to answer. Raises ParseError for a frame without a whole header.
    """
    if len(octets) < 3:
        raise ParseError("shorter than a ZCL header", len(octets), "zcl")
    control, transaction, number = octets[:3]
    if control & (_FRAME_TYPE | _MANUFACTURER_SPECIFIC) != _CLUSTER_SPECIFIC or number > CommandId.TERMINATE:
        return None
    return Command(CommandId(number), not control & _TO_CLIENT, transaction, octets[3:])


@dataclass(frozen=True, slots=True)
class Initiate:
    """Payload of Initiate Request and Response; times in whole seconds, 0 to 254."""

    suites: int
    ephemeral_time: int
    confirm_time: int
    certificate: bytes

    def octets(self) -> bytes:
        """The payload. Raises BuildError for a number that does not fit."""
        if not 0 <= self.suites <= 0xFFFF:
            raise BuildError("two octets", "suites")
        if not (0 <= self.ephemeral_time <= MAX_SECONDS and 0 <= self.confirm_time <= MAX_SECONDS):
            raise BuildError("0 to 254 seconds", "generate time")
        return _INITIATE.pack(self.suites, self.ephemeral_time, self.confirm_time) + self.certificate

    @classmethod
    def parse(cls, payload: bytes) -> Initiate:
        """Split a payload; what the fields say is not judged. Raises ParseError."""
        if len(payload) < _INITIATE.size:
            raise ParseError("suite and times are missing", len(payload), "initiate")
        suites, ephemeral_time, confirm_time = _INITIATE.unpack_from(payload)
        return cls(suites, ephemeral_time, confirm_time, payload[_INITIATE.size :])


@dataclass(frozen=True, slots=True)
class Terminate:
    """Payload of Terminate: why, seconds to wait, and every suite the sender supports."""

    status: int
    wait: int
    suites: int

    def octets(self) -> bytes:
        """The payload. Raises BuildError for a number that does not fit."""
        if not 0 <= self.wait <= MAX_SECONDS:
            raise BuildError("0 to 254 seconds", "wait")
        try:
            return _TERMINATE.pack(self.status, self.wait, self.suites)
        except struct.error as error:
            raise BuildError(str(error), "terminate") from None

    @classmethod
    def parse(cls, payload: bytes) -> Terminate:
        """Read a payload, also one with octets behind it. Raises ParseError for one too short."""
        if len(payload) < _TERMINATE.size:
            raise ParseError(f"{_TERMINATE.size} octets needed", len(payload), "terminate")
        status, wait, suites = _TERMINATE.unpack_from(payload)
        return cls(status, wait, suites)
