"""Executes Update Security Credentials (CS02b, CS02g) on a device.

Source: GBCS 13.3 (reference: gbcs-crypto 15, gbcs-messages 4.3 and 8.3).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gbcs.asn1.replacement import read_command, response_octets
from gbcs.ids import DeviceType
from gbcs.security.replacement import Header, check_command, verification_key
from gbcs.security.replacement_rows import mode_of
from gbcs.usecases import UseCase

from .anchors import anchors_of
from .arrival import Arrival
from .behaviours.credentials import Replacements
from .fault import arm_fault, armed_fault
from .work import Work

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric import ec


class ReplacementServer:
    """Gives commands to the behaviour that carries them out."""

    def __init__(self, replacements: Replacements) -> None:
        self._replacements = replacements

    def supports(self, use_case: UseCase) -> bool:
        """The modes whose cells the device has."""
        return use_case.code is not None and mode_of(use_case.code, self._replacements.device) is not None

    def conform(self, arrival: Arrival) -> Header:
        """The header, for a payload that may be executed as a whole (see `check_command`)."""
        message = arrival.message
        header = Header(
            message.code,
            message.originator,
            message.counter,
            message.signature is not None,
            message.mac_header,
        )
        anchors = anchors_of(arrival.identity, self._replacements.device)
        settings = arrival.identity.settings.credentials.replacement
        check_command(anchors, read_command(message.payload), header, settings)
        return header

    def execute(self, work: Work, arrival: Arrival) -> bytes:
        """The outcome cell by cell, or that the command was accepted."""
        fault = armed_fault(work)
        faults = None if fault is None else dict([fault])
        payload = arrival.message.payload
        outcome = self._replacements.receive(work, arrival.identity, arrival.request, payload, faults)
        if fault is not None and outcome is None:
            arm_fault(work, *fault)  # for when it is carried out
        return response_octets(outcome, work.settings.wide_der_lengths)


def contingency_signer(arrival: Arrival, device: DeviceType) -> ec.EllipticCurvePublicKey | None:
    """The key that signs a contingency command: the root carries it wrapped, the command opens it.

    Raises ParseError or SecurityError.
    """
    command = read_command(arrival.message.payload)
    return verification_key(anchors_of(arrival.identity, device), arrival.message.code, command)
