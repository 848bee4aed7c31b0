"""The device's own certificates, CS02c (000A), CS02d (000B) and CS02e (000C): commands and responses.

Source: GBCS ASN.1 module (reference: gbcs-messages 8.4). The responses of CS02c and CS02e
are an object or a code; here the object is bytes and the code a number.
"""

from __future__ import annotations

from enum import IntEnum

from ..ids import KeyUsage
from .codec import decode, element_of, encode, plain
from .payload_rows import (
    ISSUE_CREDENTIALS_COMMAND,
    ISSUE_CREDENTIALS_RESPONSE,
    PROVIDE_DEVICE_CERTIFICATE_COMMAND,
    PROVIDE_DEVICE_CERTIFICATE_RESPONSE,
    UPDATE_DEVICE_CERTIFICATE_COMMAND,
    UPDATE_DEVICE_CERTIFICATE_RESPONSE,
)
from .schema import Choice, Sequence


class IssueCode(IntEnum):
    """Response codes of CS02c."""

    INVALID_KEY_USAGE = 1
    KEY_PAIR_GENERATION_FAILED = 2
    CR_PRODUCTION_FAILED = 3


class UpdateCode(IntEnum):
    """Response codes of CS02d."""

    SUCCESS = 0
    INVALID_CERTIFICATE = 1
    WRONG_DEVICE_IDENTITY = 2
    INVALID_KEY_USAGE = 3
    NO_CORRESPONDING_KEY_PAIR_GENERATED = 4
    WRONG_PUBLIC_KEY = 5
    CERTIFICATE_STORAGE_FAILED = 6
    PRIVATE_KEY_CHANGE_FAILED = 7


class ProvideCode(IntEnum):
    """Response codes of CS02e."""

    INVALID_KEY_USAGE = 1
    NO_CERTIFICATE_HELD = 2
    CERTIFICATE_RETRIEVAL_FAILURE = 3


def read_issue_command(payload: bytes) -> KeyUsage | None:
    """The usage asked for by CS02c, None for one GBCS has not. Raises ParseError."""
    return _read_usage(ISSUE_CREDENTIALS_COMMAND, payload)


def issue_command_octets(usage: KeyUsage) -> bytes:
    """The payload of CS02c."""
    return _usage_octets(ISSUE_CREDENTIALS_COMMAND, usage)


def read_issue_response(payload: bytes) -> bytes | int:
    """The certification request of CS02c, or its code. Raises ParseError."""
    return _read_choice(ISSUE_CREDENTIALS_RESPONSE, payload)


def issue_response_octets(answer: bytes | int) -> bytes:
    """The payload of the response to CS02c. Raises BuildError."""
    return _choice_octets(ISSUE_CREDENTIALS_RESPONSE, answer)


def read_update_command(payload: bytes) -> bytes:
    """The certificate of CS02d, unread. Raises ParseError."""
    certificate: bytes = plain(decode(UPDATE_DEVICE_CERTIFICATE_COMMAND, payload))
    return certificate


def update_command_octets(certificate: bytes) -> bytes:
    """The payload of CS02d. Raises BuildError."""
    return encode(element_of(UPDATE_DEVICE_CERTIFICATE_COMMAND, certificate))


def read_update_response(payload: bytes) -> int:
    """The code of the response to CS02d. Raises ParseError."""
    code: int = plain(decode(UPDATE_DEVICE_CERTIFICATE_RESPONSE, payload))
    return code


def update_response_octets(code: int) -> bytes:
    """The payload of the response to CS02d. Raises BuildError."""
    return encode(element_of(UPDATE_DEVICE_CERTIFICATE_RESPONSE, int(code)))


def read_provide_command(payload: bytes) -> KeyUsage | None:
    """The usage asked for by CS02e, None for one GBCS has not. Raises ParseError."""
    return _read_usage(PROVIDE_DEVICE_CERTIFICATE_COMMAND, payload)


def provide_command_octets(usage: KeyUsage) -> bytes:
    """The payload of CS02e."""
    return _usage_octets(PROVIDE_DEVICE_CERTIFICATE_COMMAND, usage)


def read_provide_response(payload: bytes) -> bytes | int:
    """The certificate of CS02e, or its code. Raises ParseError."""
    return _read_choice(PROVIDE_DEVICE_CERTIFICATE_RESPONSE, payload)


def provide_response_octets(answer: bytes | int) -> bytes:
    """The payload of the response to CS02e. Raises BuildError."""
    return _choice_octets(PROVIDE_DEVICE_CERTIFICATE_RESPONSE, answer)


def _read_usage(declared: Sequence, payload: bytes) -> KeyUsage | None:
    """An octet-perfect request for another usage is answered with a code, so it is no ParseError."""
    bits = plain(decode(declared, payload))["keyUsage"]
    return next((usage for usage in KeyUsage if bits == (usage.value,)), None)


def _usage_octets(declared: Sequence, usage: KeyUsage) -> bytes:
    return encode(element_of(declared, {"keyUsage": (usage.value,)}))


def _read_choice(declared: Choice, payload: bytes) -> bytes | int:
    ((_, answer),) = plain(decode(declared, payload)).items()
    found: bytes | int = answer
    return found


def _choice_octets(declared: Choice, answer: bytes | int) -> bytes:
    whole, code = (row.name for row in declared.alternatives)
    given = {whole: answer} if isinstance(answer, bytes) else {code: int(answer)}
    return encode(element_of(declared, given))
