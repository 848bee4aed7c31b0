"""Executes Activate Firmware (CS06) on a device.

Source: GBCS 11 (reference: gbcs-crypto 19, gbcs-messages 8.6).
"""

from __future__ import annotations

from gbcs.errors import Check, SecurityError
from gbcs.firmware import Activation
from gbcs.usecases import UseCase

from .arrival import Arrival
from .behaviours.firmware import Firmware
from .fault import arm_fault, armed_fault
from .work import Work

CS06 = 0x0012


class FirmwareServer:
    """Gives commands to the behaviour that carries them out."""

    def __init__(self, firmware: Firmware) -> None:
        self._firmware = firmware

    def supports(self, use_case: UseCase) -> bool:
        """CS06."""
        return use_case.code == CS06

    def conform(self, arrival: Arrival) -> Activation:
        """The command. Raises ParseError; SecurityError for another counter than the header's."""
        command = Activation.parse(arrival.message.payload)
        if command.counter != arrival.message.counter:
            raise SecurityError(
                Check.COUNTER,
                f"{command.counter:016X} in the payload, {arrival.message.counter:016X} in the header",
            )
        return command

    def execute(self, work: Work, arrival: Arrival) -> bytes:
        """How it went, or that the command was accepted."""
        fault = armed_fault(work)
        answer = self._firmware.instruct(work, arrival.request, arrival.message.originator, fault)
        if fault is not None and answer.outcome is None:
            arm_fault(work, *fault)  # for when it is carried out
        return answer.octets()
