"""Executes Provide Security Credential Details (CS02a, CS02f) on a device."""

from __future__ import annotations

from gbcs.asn1.credentials import CredentialsCommand, read_command, response_octets
from gbcs.ids import DeviceType
from gbcs.security.readout import CS02A, CS02F, Form, ReadOutSettings, check_read_out, read_out
from gbcs.usecases import UseCase

from .anchors import anchors_of
from .arrival import Arrival
from .fault import armed_fault
from .work import Work


class CredentialsServer:
    """Tells which certificates stand in which trust anchor cells, and the roles' counters."""

    def __init__(self, device: DeviceType) -> None:
        self._device = device

    def supports(self, use_case: UseCase) -> bool:
        """CS02a and CS02f."""
        return use_case.code in (CS02A, CS02F)

    def conform(self, arrival: Arrival) -> CredentialsCommand:
        """The request; the cell it names has to be the one that protects it."""
        command = read_command(arrival.message.payload)
        form = Form.MAC if arrival.message.mac_header else Form.SIGNATURE
        anchors = anchors_of(arrival.identity, self._device)
        check_read_out(anchors, command, arrival.message.originator, form)
        return command

    def execute(self, work: Work, arrival: Arrival) -> bytes:
        """One entry a role asked for, in that order."""
        command: CredentialsCommand = arrival.request
        fault = armed_fault(work)
        details = read_out(
            anchors_of(arrival.identity, self._device),
            arrival.message.code,
            command.roles,
            ReadOutSettings(missing_role=work.settings.missing_role_status),
            {} if fault is None else dict([fault]),
        )
        return response_octets(details, work.settings.wide_der_lengths)
