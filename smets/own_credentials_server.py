"""Executes CS02c, CS02d and CS02e: a device's own key pairs and certificates.

The pair in use stays until the certificate of the pending one is in; both change in one commit.
Source: GBCS 13.4 to 13.6 (reference: gbcs-crypto 16, gbcs-messages 8.4).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from gbcs.asn1.own_credentials import (
    IssueCode,
    UpdateCode,
    issue_response_octets,
    provide_response_octets,
    read_issue_command,
    read_provide_command,
    read_update_command,
    update_response_octets,
)
from gbcs.errors import BuildError, ParseError
from gbcs.ids import EntityId, KeyUsage
from gbcs.security.certificates import load_certificate, usage_of
from gbcs.security.own_credentials import issue, provide, signing_request, update
from gbcs.usecases import UseCase

from .arrival import Arrival
from .chance import draw
from .eventlog import occur
from .fault import armed_fault
from .work import Work

CS02C, CS02D, CS02E = 0x000A, 0x000B, 0x000C
CODES = frozenset((CS02C, CS02D, CS02E))
LOGGED: Mapping[tuple[KeyUsage | None, bool], int] = {
    (KeyUsage.DIGITAL_SIGNATURE, False): 0x8F4C,
    (KeyUsage.DIGITAL_SIGNATURE, True): 0x8F4D,
    (KeyUsage.KEY_AGREEMENT, False): 0x8F4E,
    (KeyUsage.KEY_AGREEMENT, True): 0x8F4F,
}


class OwnCredentialsServer:
    """Makes key pairs, takes certificates for them, and shows those in use."""

    def supports(self, use_case: UseCase) -> bool:
        """CS02c, CS02d and CS02e."""
        return use_case.code in CODES

    def conform(self, arrival: Arrival) -> Any:
        """A usage, or a certificate in DER. Raises ParseError."""
        return _READERS[arrival.message.code](arrival.message.payload)

    def execute(self, work: Work, arrival: Arrival) -> bytes:
        """What the use case asks for; where it fails nothing changes."""
        fault = armed_fault(work)
        failure = None if fault is None else fault[1]
        if arrival.message.code == CS02C:
            return _issue(work, arrival, failure)
        if arrival.message.code == CS02D:
            return _update(work, arrival, failure)
        own = arrival.identity.own()
        return provide_response_octets(provide(own, arrival.request, failure is not None))


_READERS: Mapping[int, Callable[[bytes], KeyUsage | bytes | None]] = {
    CS02C: read_issue_command,
    CS02D: read_update_command,
    CS02E: read_provide_command,
}


def _issue(work: Work, arrival: Arrival, failure: int | None) -> bytes:
    def random(count: int) -> bytes:
        if failure == IssueCode.KEY_PAIR_GENERATION_FAILED:
            raise BuildError("no key pair can be made")
        return draw(work, count)

    def request(entity: EntityId, usage: KeyUsage, private: Any) -> bytes:
        if failure == IssueCode.CR_PRODUCTION_FAILED:
            raise BuildError("no request can be made")
        return signing_request(entity, usage, private)

    issued = issue(arrival.identity.own(), arrival.request, random, request)
    arrival.identity.keep(issued.own)
    return issue_response_octets(issued.answer)


def _update(work: Work, arrival: Arrival, failure: int | None) -> bytes:
    settings = work.settings.credentials
    fault = next((code for code in UpdateCode if code == failure), None)
    updated = update(arrival.identity.own(), arrival.request, settings.own, fault)
    arrival.identity.keep(updated.own)
    arrival.signer = updated.signer
    succeeded = updated.code is UpdateCode.SUCCESS
    code = LOGGED.get((_usage(arrival.request), succeeded), settings.unreadable_update_log)
    if code is not None:
        occur(work, code)
    return update_response_octets(updated.code)


def _usage(certificate: bytes) -> KeyUsage | None:
    try:
        return usage_of(load_certificate(certificate))
    except ParseError:
        return None
