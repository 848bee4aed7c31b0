"""Executes joins, unjoins and reading the device log (CS03, CS04, CS07) on a device that is no hub."""

from __future__ import annotations

from typing import Any

from gbcs.asn1.joins import (
    CS03A1,
    CS03A2,
    CS03B,
    CS03C,
    CS04AC,
    CS04B,
    CS07,
    JoinCode,
    LogEntry,
    ReadLogCode,
    UnjoinCode,
    join_response_octets,
    log_response_octets,
    read_join_command,
    read_log_command,
    read_unjoin_command,
    unjoin_response_octets,
)
from gbcs.usecases import UseCase

from .arrival import Arrival
from .behaviours.device_log import entries
from .behaviours.joining import JOIN_FAILED, UNJOIN_FAILED, Joining
from .eventlog import occur
from .fault import armed_fault
from .work import Work, reply_name

JOINS = frozenset((CS03A1, CS03A2, CS03B, CS03C))
UNJOINS = frozenset((CS04AC, CS04B))


class JoinServer:
    """Passes commands on to the behaviour that holds the device log."""

    def __init__(self, joining: Joining) -> None:
        self._joining = joining

    def supports(self, use_case: UseCase) -> bool:
        """Joins, unjoins and CS07."""
        return use_case.code in JOINS or use_case.code in UNJOINS or use_case.code == CS07

    def conform(self, arrival: Arrival) -> Any:
        """The request. Raises ParseError."""
        code, payload = arrival.message.code, arrival.message.payload
        if code in JOINS:
            return read_join_command(payload)
        return read_unjoin_command(payload) if code in UNJOINS else read_log_command(payload)

    def execute(self, work: Work, arrival: Arrival) -> bytes | None:
        """Carry it out; None where the answer follows."""
        message = arrival.message
        fault = armed_fault(work)
        if message.code in JOINS:
            if fault is not None:
                occur(work, JOIN_FAILED)
                return join_response_octets(_code(JoinCode, fault[1], JoinCode.WRITE_FAILURE))
            own = arrival.identity.entity
            code = self._joining.join(work, message.code, own, arrival.request, reply_name(message))
            return None if code is None else join_response_octets(code)
        if message.code in UNJOINS:
            if fault is not None:
                occur(work, UNJOIN_FAILED)
                return unjoin_response_octets(_code(UnjoinCode, fault[1], UnjoinCode.OTHER_FAILURE))
            return unjoin_response_octets(self._joining.unjoin(work, message.code, arrival.request))
        if fault is not None:
            return log_response_octets(ReadLogCode.READ_FAILURE, None)
        rows = [LogEntry(entry.station, entry.device_type) for entry in entries(work)]
        return log_response_octets(ReadLogCode.SUCCESS, rows, work.settings.wide_der_lengths)


def _code(kind: type[JoinCode] | type[UnjoinCode], code: int, otherwise: int) -> int:
    """The code of a fault, if it is one of the use case's."""
    return code if code in tuple(kind) else otherwise
