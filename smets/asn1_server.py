"""Executes the DER commands of a device: each use case by the one server that has it."""

from __future__ import annotations

from typing import Any

from gbcs.errors import Check, SecurityError
from gbcs.usecases import UseCase

from .arrival import Arrival
from .profile import PayloadServer
from .work import Work


class Asn1Server:
    """Passes each command on to the first of its servers that supports the use case."""

    def __init__(self, *servers: PayloadServer) -> None:
        self._servers = servers

    def supports(self, use_case: UseCase) -> bool:
        """Whether one of the servers does."""
        return any(server.supports(use_case) for server in self._servers)

    def conform(self, arrival: Arrival) -> Any:
        """What the use case's server makes of the payload. Raises ParseError or SecurityError."""
        return self._server(arrival).conform(arrival)

    def execute(self, work: Work, arrival: Arrival) -> bytes | None:
        """What the use case's server does."""
        return self._server(arrival).execute(work, arrival)

    def _server(self, arrival: Arrival) -> PayloadServer:
        use_case = arrival.known_use_case
        for server in self._servers:
            if server.supports(use_case):
                return server
        raise SecurityError(Check.MESSAGE_CODE, f"{use_case.name} is not executed here")
