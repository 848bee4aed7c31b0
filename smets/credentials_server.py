"""Executes the DER commands a device has so far: reading its security credentials (CS02a, CS02f)."""

from __future__ import annotations

from gbcs.asn1.credentials import (
    CellContents,
    CredentialsCommand,
    RoleDetails,
    StatusCode,
    read_command,
    response_octets,
)
from gbcs.errors import Check, SecurityError
from gbcs.ids import KeyUsage, Role
from gbcs.usecases import UseCase

from .arrival import Arrival
from .fault import armed_fault
from .work import Work

CS02A = 0x0008
CS02F = 0x011B


class CredentialsServer:
    """Tells which certificates stand in which trust anchor cells, and the roles' counters."""

    def supports(self, use_case: UseCase) -> bool:
        """CS02a and CS02f."""
        return use_case.code in (CS02A, CS02F)

    def conform(self, arrival: Arrival) -> CredentialsCommand:
        """The request; the cell it names has to be the one that protects it."""
        command = read_command(arrival.message.payload)
        cell = command.authorising
        maced = cell.role is Role.ACCESS_CONTROL_BROKER and cell.usage is KeyUsage.KEY_AGREEMENT
        signed = cell.usage is KeyUsage.DIGITAL_SIGNATURE and cell.role in arrival.roles
        if arrival.message.mac_header != maced or not (maced or signed):
            raise SecurityError(Check.TEMPLATE, "the authorising cell does not protect this command")
        return command

    def execute(self, work: Work, arrival: Arrival) -> bytes:
        """One entry a role asked for, in that order."""
        command: CredentialsCommand = arrival.request
        missing = StatusCode.OTHER if arrival.message.code == CS02F else work.settings.missing_role_status
        cells = arrival.identity.cells()
        fault = armed_fault(work)
        details = []
        for index, number in enumerate(command.roles):
            if fault is not None and fault[0] == index:
                details.append(RoleDetails(number, fault[1]))
                continue
            held = tuple(
                CellContents(cell.usage, cell.cell_usage, credential.entity, credential.key_id)
                for cell, credential in cells
                if cell.role == number
            )
            if held:
                counter = arrival.identity.counter(Role(number))
                details.append(RoleDetails(number, StatusCode.SUCCESS, counter, held))
            else:
                details.append(RoleDetails(number, missing))
        return response_octets(tuple(details), work.settings.wide_der_lengths)
