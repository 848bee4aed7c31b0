"""Provide Security Credential Details, CS02a (0008) and CS02f (011B): command and response.

Source: GBCS ASN.1 module (reference: gbcs-messages 8.1 and 8.2).
"""

from __future__ import annotations

from enum import IntEnum
from typing import Any, NamedTuple

from ..errors import ParseError
from ..ids import CellUsage, KeyUsage, Role
from .codec import ROOT, decode, element_of, encode, plain
from .payload_rows import PROVIDE_CREDENTIALS_COMMAND, PROVIDE_CREDENTIALS_RESPONSE


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


def read_command(payload: bytes) -> CredentialsCommand:
    """Read the command's payload. Raises ParseError."""
    values = plain(decode(PROVIDE_CREDENTIALS_COMMAND, payload))
    roles = values["remotePartyRolesCredentialsRequired"]
    if not roles:
        raise ParseError("no role is asked for", 0, f"{ROOT}.remotePartyRolesCredentialsRequired")
    path = f"{ROOT}.authorisingRemotePartyTACellIdentifier"
    return CredentialsCommand(read_cell(values["authorisingRemotePartyTACellIdentifier"], path), tuple(roles))


def command_octets(command: CredentialsCommand) -> bytes:
    """The command's payload."""
    values = {
        "authorisingRemotePartyTACellIdentifier": cell_values(command.authorising),
        "remotePartyRolesCredentialsRequired": command.roles,
    }
    return encode(element_of(PROVIDE_CREDENTIALS_COMMAND, values))


def response_octets(details: tuple[RoleDetails, ...], wide: bool) -> bytes:
    """The response's payload; `wide` as in `codec.encode`."""
    return encode(element_of(PROVIDE_CREDENTIALS_RESPONSE, [_details(row) for row in details]), wide)


def read_response(payload: bytes) -> tuple[RoleDetails, ...]:
    """Read the response's payload. Raises ParseError."""
    rows = plain(decode(PROVIDE_CREDENTIALS_RESPONSE, payload))
    if not rows:
        raise ParseError("no role is answered for", 0, ROOT)
    return tuple(_read_details(row, f"{ROOT}[{index}]") for index, row in enumerate(rows))


def read_cell(values: dict[str, Any], path: str) -> CellIdentifier:
    """The cell of a decoded TrustAnchorCellIdentifier. Raises ParseError for a cell GBCS has not."""
    usage, cell_usage = _usages(values, path)
    try:
        role = Role(values["trustAnchorCellRemotePartyRole"])
    except ValueError as error:
        raise ParseError(str(error), 0, f"{path}.trustAnchorCellRemotePartyRole") from None
    return CellIdentifier(role, usage, cell_usage)


def cell_values(cell: CellIdentifier) -> dict[str, Any]:
    """The values of a TrustAnchorCellIdentifier; the default of the cell's usage is left out."""
    return {"trustAnchorCellRemotePartyRole": int(cell.role), **_usage_values(cell.usage, cell.cell_usage)}


def _details(row: RoleDetails) -> dict[str, Any]:
    values: dict[str, Any] = {"remotePartyRole": row.role, "statusCode": row.status}
    if row.counter is None:
        return values
    cells = [
        {
            **_usage_values(cell.usage, cell.cell_usage),
            "existingSubjectUniqueID": cell.subject,
            "existingSubjectKeyIdentifier": cell.key_id,
        }
        for cell in row.cells
    ]
    return {**values, "currentSeqNumber": row.counter, "trustAnchorCellsDetails": cells}


def _read_details(row: dict[str, Any], path: str) -> RoleDetails:
    cells = []
    for index, cell in enumerate(row.get("trustAnchorCellsDetails", ())):
        usage, cell_usage = _usages(cell, f"{path}.trustAnchorCellsDetails[{index}]")
        subject, key_id = cell["existingSubjectUniqueID"], cell["existingSubjectKeyIdentifier"]
        cells.append(CellContents(usage, cell_usage, subject, key_id))
    return RoleDetails(row["remotePartyRole"], row["statusCode"], row.get("currentSeqNumber"), tuple(cells))


def _usage_values(usage: KeyUsage, cell_usage: CellUsage) -> dict[str, Any]:
    values: dict[str, Any] = {"trustAnchorCellKeyUsage": (usage.value,)}
    if cell_usage is not CellUsage.MANAGEMENT:
        values["trustAnchorCellUsage"] = int(cell_usage)
    return values


def _usages(values: dict[str, Any], path: str) -> tuple[KeyUsage, CellUsage]:
    bits = values["trustAnchorCellKeyUsage"]
    try:
        usage = KeyUsage(bits[0] if len(bits) == 1 else None)
    except ValueError:
        raise ParseError("no KeyUsage of GBCS", 0, f"{path}.trustAnchorCellKeyUsage") from None
    try:
        return usage, CellUsage(values.get("trustAnchorCellUsage", CellUsage.MANAGEMENT))
    except ValueError as error:
        raise ParseError(str(error), 0, f"{path}.trustAnchorCellUsage") from None
