"""Joins and the device log: CS03 (000D, 000E, 00AB, 00AF), CS04 (000F, 0010), CS07 (0013).

Source: GBCS ASN.1 module (reference: gbcs-messages 8.5, gbcs-crypto 17).
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import IntEnum
from typing import NamedTuple

from ..ids import DeviceType, EntityId
from .codec import decode, element_of, encode, plain
from .payload_rows import (
    JOIN_COMMAND,
    JOIN_RESPONSE,
    READ_LOG_COMMAND,
    READ_LOG_RESPONSE,
    UNJOIN_COMMAND,
    UNJOIN_RESPONSE,
)

CS03A1, CS03A2, CS03B, CS03C = 0x000D, 0x00AB, 0x000E, 0x00AF
CS04AC, CS04B = 0x000F, 0x0010
CS07 = 0x0013
DEVICE_TYPES: tuple[DeviceType, ...] = (
    DeviceType.GSME,
    DeviceType.ESME,
    DeviceType.CHF,
    DeviceType.GPF,
    DeviceType.HCALCS,
    DeviceType.PPMID,
    DeviceType.TYPE2,
)
"""The device types by their number in DeviceType; that of a SAPC is not known."""


class Method(IntEnum):
    """joinMethodAndRole."""

    A_INITIATOR = 0
    A_RESPONDER = 1
    B = 2
    C = 3


class JoinCode(IntEnum):
    """JoinResponseCode."""

    SUCCESS = 0
    INVALID_MESSAGE_CODE = 1
    INVALID_METHOD_AND_ROLE = 2
    INCOMPATIBLE_WITH_EXISTING_ENTRY = 3
    DEVICE_LOG_FULL = 4
    WRITE_FAILURE = 5
    NO_RESOURCES = 6
    UNKNOWN_ISSUER = 7
    UNSUPPORTED_SUITE = 8
    BAD_MESSAGE = 9
    BAD_KEY_CONFIRM = 10
    INVALID_OR_MISSING_CERTIFICATE = 11
    NO_PARTNER_LINK_KEY = 12
    NO_CBKE_RESPONSE = 13


class UnjoinCode(IntEnum):
    """Response codes of CS04."""

    SUCCESS = 0
    NOT_IN_DEVICE_LOG = 1
    OTHER_FAILURE = 2


class ReadLogCode(IntEnum):
    """Response codes of CS07."""

    SUCCESS = 0
    READ_FAILURE = 1


class JoinCommand(NamedTuple):
    """Method, the other device and its type as numbers of the module; its certificate in DER, unread."""

    method: int
    station: EntityId
    device_type: int
    certificate: bytes | None = None


class LogEntry(NamedTuple):
    """DeviceLogEntry; the type as a number of the module."""

    station: EntityId
    device_type: int


def read_join_command(payload: bytes) -> JoinCommand:
    """A command to join. Raises ParseError."""
    values = plain(decode(JOIN_COMMAND, payload))
    return JoinCommand(
        values["joinMethodAndRole"],
        EntityId(values["otherDeviceEntityIdentifier"]),
        values["otherDeviceType"],
        values.get("otherDeviceCertificate"),
    )


def join_command_octets(command: JoinCommand) -> bytes:
    """The payload of a command to join. Raises BuildError."""
    values = {
        "joinMethodAndRole": int(command.method),
        "otherDeviceEntityIdentifier": bytes(command.station),
        "otherDeviceType": int(command.device_type),
    }
    if command.certificate is not None:
        values["otherDeviceCertificate"] = command.certificate
    return encode(element_of(JOIN_COMMAND, values))


def read_join_response(payload: bytes) -> int:
    """The code of the response to a join. Raises ParseError."""
    code: int = plain(decode(JOIN_RESPONSE, payload))
    return code


def join_response_octets(code: int) -> bytes:
    """The payload of the response to a join. Raises BuildError."""
    return encode(element_of(JOIN_RESPONSE, int(code)))


def read_unjoin_command(payload: bytes) -> EntityId:
    """The device a command to unjoin names. Raises ParseError."""
    return EntityId(plain(decode(UNJOIN_COMMAND, payload)))


def unjoin_command_octets(station: EntityId) -> bytes:
    """The payload of a command to unjoin."""
    return encode(element_of(UNJOIN_COMMAND, bytes(station)))


def read_unjoin_response(payload: bytes) -> int:
    """The code of the response to an unjoin. Raises ParseError."""
    code: int = plain(decode(UNJOIN_RESPONSE, payload))
    return code


def unjoin_response_octets(code: int) -> bytes:
    """The payload of the response to an unjoin. Raises BuildError."""
    return encode(element_of(UNJOIN_RESPONSE, int(code)))


def read_log_command(payload: bytes) -> None:
    """A command to read the device log, which says nothing. Raises ParseError."""
    decode(READ_LOG_COMMAND, payload)


def log_command_octets() -> bytes:
    """The payload of a command to read the device log."""
    return encode(element_of(READ_LOG_COMMAND, None))


def read_log_response(payload: bytes) -> tuple[int, tuple[LogEntry, ...] | None]:
    """The code of the response of CS07 and its entries, None where it has no list. Raises ParseError."""
    values = plain(decode(READ_LOG_RESPONSE, payload))
    rows = values.get("deviceLogEntries")
    if rows is None:
        return values["readLogResponseCode"], None
    entries = tuple(LogEntry(EntityId(row["deviceID"]), row["deviceType"]) for row in rows)
    return values["readLogResponseCode"], entries


def log_response_octets(code: int, entries: Iterable[LogEntry] | None, wide: bool = False) -> bytes:
    """The payload of the response of CS07; `wide` as in `codec.encode`. Raises BuildError."""
    values: dict[str, object] = {"readLogResponseCode": int(code)}
    if entries is not None:
        values["deviceLogEntries"] = [
            {"deviceID": bytes(entry.station), "deviceType": int(entry.device_type)} for entry in entries
        ]
    return encode(element_of(READ_LOG_RESPONSE, values), wide)
