"""Provide Security Credential Details, CS02a (0008) and CS02f (011B): command and response.

Source: GBCS ASN.1 module (reference: gbcs-messages 8.1 and 8.2).
"""

from __future__ import annotations

from enum import IntEnum
from typing import NamedTuple

from ..errors import ParseError
from ..ids import CellUsage, KeyUsage, Role
from .der import (
    BIT_STRING,
    ENUMERATED,
    OCTET_STRING,
    Node,
    der_octets,
    integer,
    integer_value,
    octet_string,
    parse_der,
    sequence,
    sequence_items,
)


class StatusCode(IntEnum):
    """StatusCode of the GBCS ASN.1 module."""

    SUCCESS = 0
    BAD_CERTIFICATE = 5
    NO_TRUST_ANCHOR = 10
    INSUFFICIENT_MEMORY = 17
    TRUST_ANCHOR_NOT_FOUND = 25
    RESOURCES_BUSY = 30
    OTHER = 127


class CellIdentifier(NamedTuple):
    """TrustAnchorCellIdentifier."""

    role: Role
    usage: KeyUsage
    cell_usage: CellUsage = CellUsage.MANAGEMENT


class CellContents(NamedTuple):
    """TrustAnchorCellContents: usage, usage of the cell, subject and its key identifier."""

    usage: KeyUsage
    cell_usage: CellUsage
    subject: bytes
    key_id: bytes


class RoleDetails(NamedTuple):
    """RemotePartyDetails. Counter and cells are there when the status is success."""

    role: int
    status: int
    counter: int | None = None
    cells: tuple[CellContents, ...] = ()


class CredentialsCommand(NamedTuple):
    """The command: the cell that authorises it, the roles asked for (as numbers)."""

    authorising: CellIdentifier
    roles: tuple[int, ...]


# KeyUsage as a DER BIT STRING: unused bits, then the octet
_USAGE_BITS = {
    KeyUsage.DIGITAL_SIGNATURE: b"\x07\x80",
    KeyUsage.KEY_AGREEMENT: b"\x03\x08",
    KeyUsage.KEY_CERT_SIGN: b"\x02\x04",
}
_USAGES = {bits: usage for usage, bits in _USAGE_BITS.items()}


def read_command(payload: bytes) -> CredentialsCommand:
    """Read the command's payload. Raises ParseError."""
    cell, roles = sequence_items(parse_der(payload), "command", 2, 2)
    numbers = tuple(
        integer_value(node, f"roles[{i}]")
        for i, node in enumerate(sequence_items(roles, "remotePartyRolesCredentialsRequired", 1))
    )
    return CredentialsCommand(_read_cell(cell), numbers)


def command_octets(command: CredentialsCommand) -> bytes:
    """The command's payload."""
    role, usage, cell_usage = command.authorising
    cell = sequence(integer(role), _usage(usage), *_cell_usage(cell_usage))
    return der_octets(sequence(cell, sequence(*(integer(role) for role in command.roles))))


def response_octets(details: tuple[RoleDetails, ...], wide: bool) -> bytes:
    """The response's payload; `wide` as in `der.der_octets`."""
    return der_octets(sequence(*(_details(row) for row in details)), wide)


def read_response(payload: bytes) -> tuple[RoleDetails, ...]:
    """Read the response's payload. Raises ParseError."""
    found = []
    for index, node in enumerate(sequence_items(parse_der(payload), "response", 1)):
        path = f"response[{index}]"
        parts = sequence_items(node, path, 2, 4)
        role = integer_value(parts[0], f"{path}.remotePartyRole")
        status = integer_value(parts[1], f"{path}.statusCode", ENUMERATED)
        counter = integer_value(parts[2], f"{path}.currentSeqNumber") if len(parts) > 2 else None
        cells = sequence_items(parts[3], f"{path}.cells", 0) if len(parts) > 3 else ()
        found.append(RoleDetails(role, status, counter, tuple(_read_contents(c, path) for c in cells)))
    return tuple(found)


def _details(row: RoleDetails) -> Node:
    head = (integer(row.role), integer(row.status, ENUMERATED))
    if row.counter is None:
        return sequence(*head)
    cells = (
        sequence(_usage(c.usage), *_cell_usage(c.cell_usage), octet_string(c.subject), octet_string(c.key_id))
        for c in row.cells
    )
    return sequence(*head, integer(row.counter), sequence(*cells))


def _usage(usage: KeyUsage) -> Node:
    return Node(BIT_STRING, _USAGE_BITS[usage])


def _cell_usage(cell_usage: CellUsage) -> tuple[Node, ...]:
    """DEFAULT management is left out."""
    return () if cell_usage is CellUsage.MANAGEMENT else (integer(cell_usage),)


def _read_usage(node: Node, path: str) -> KeyUsage:
    usage = _USAGES.get(node.contents) if node.tag == BIT_STRING else None
    if usage is None:
        raise ParseError("no KeyUsage of GBCS", 0, path)
    return usage


def _read_cell(node: Node) -> CellIdentifier:
    path = "authorisingRemotePartyTACellIdentifier"
    parts = sequence_items(node, path, 2, 3)
    try:
        role = Role(integer_value(parts[0], f"{path}.role"))
        cell_usage = CellUsage(integer_value(parts[2], f"{path}.cellUsage")) if len(parts) > 2 else 0
    except ValueError as error:
        raise ParseError(str(error), 0, path) from None
    return CellIdentifier(role, _read_usage(parts[1], f"{path}.keyUsage"), CellUsage(cell_usage))


def _read_contents(node: Node, path: str) -> CellContents:
    parts = sequence_items(node, f"{path}.cell", 3, 4)
    cell_usage = integer_value(parts[1], f"{path}.cellUsage") if len(parts) == 4 else 0
    subject, key_id = parts[-2:]
    if subject.tag != OCTET_STRING or key_id.tag != OCTET_STRING:
        raise ParseError("two OCTET STRINGs expected", 0, f"{path}.cell")
    try:
        usage = CellUsage(cell_usage)
    except ValueError as error:
        raise ParseError(str(error), 0, f"{path}.cellUsage") from None
    return CellContents(_read_usage(parts[0], path), usage, subject.contents, key_id.contents)
