"""Provide Security Credential Details (CS02a, CS02f): what a device tells of its trust anchors.

Source: GBCS 13.3 (reference: gbcs-crypto 14, gbcs-messages 4.4 and 8.2).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

from ..asn1.credentials import CellContents, CellIdentifier, CredentialsCommand, RoleDetails, StatusCode
from ..errors import Check, SecurityError
from ..ids import EntityId, KeyUsage
from .anchors import BROKER_AGREEMENT, Anchors

CS02A = 0x0008
CS02F = 0x011B


class Form(Enum):
    """How a command and its response are protected."""

    MAC = "MAC"
    SIGNATURE = "signature"


@dataclass(frozen=True, slots=True)
class ReadOutSettings:
    """Where the specification is unsure about the read-out."""

    missing_role: int = StatusCode.TRUST_ANCHOR_NOT_FOUND
    """CS02a status for a role the device does not hold. Gap: gbcs-crypto 14, from samples."""

    missing_role_cs02f: int = StatusCode.OTHER
    """The same for CS02f, whose samples have other(127). Gap: gbcs-crypto 14."""


DEFAULT_READ_OUT = ReadOutSettings()


def form_of(cell: CellIdentifier) -> Form:
    """The form both ways that the authorising cell asks for.

    {accessControlBroker, keyAgreement} means MACs, a digitalSignature cell signatures.
    Raises SecurityError(Check.TEMPLATE) for any other cell.
    """
    if cell == BROKER_AGREEMENT:
        return Form.MAC
    if cell.usage is KeyUsage.DIGITAL_SIGNATURE:
        return Form.SIGNATURE
    raise SecurityError(Check.TEMPLATE, "the authorising cell protects no read-out")


def check_read_out(anchors: Anchors, command: CredentialsCommand, originator: EntityId, form: Form) -> None:
    """Whether the cell named holds the originator and protects the command as it came.

    Raises SecurityError(Check.TEMPLATE).
    """
    held = anchors.get(command.authorising)
    if form_of(command.authorising) is not form or held is None or held.entity != originator:
        raise SecurityError(Check.TEMPLATE, "the authorising cell does not protect this command")


def read_out(
    anchors: Anchors,
    code: int,
    roles: tuple[int, ...],
    settings: ReadOutSettings = DEFAULT_READ_OUT,
    faults: Mapping[int, int] | None = None,
) -> tuple[RoleDetails, ...]:
    """One entry a role asked for, in that order.

    `code` is the Message Code; `faults` are statuses by index of what cannot be read now.
    """
    missing = settings.missing_role_cs02f if code == CS02F else settings.missing_role
    details = []
    for index, role in enumerate(roles):
        fault = (faults or {}).get(index)
        held = tuple(
            CellContents(cell.usage, cell.cell_usage, credential.entity, credential.key_id)
            for cell, credential in anchors.of_role(role)
        )
        if fault is not None or not held:
            details.append(RoleDetails(role, missing if fault is None else fault))
        else:
            details.append(RoleDetails(role, StatusCode.SUCCESS, anchors.counter(role), held))
    return tuple(details)
