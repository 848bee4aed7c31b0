"""One arriving command on its way through the checks, and what is learnt of it there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from gbcs.errors import Check, SecurityError
from gbcs.ids import KeyUsage, Role
from gbcs.message import Message, OtherInformation
from gbcs.security.encryption import ContentKey, seal
from gbcs.security.store import Credential
from gbcs.usecases import UseCase

from .identity import Cell, Identity


@dataclass(slots=True)
class Arrival:
    """A command being judged. Checks fill it in; it lives as long as one unit of work.

    `request` is what the payload server made of the payload. `sealed_counter` is the
    Supplementary Originator Counter, once content was encrypted under it.
    """

    message: Message
    identity: Identity
    use_case: UseCase | None = None
    unsupported: bool = False
    roles: tuple[Role, ...] = ()
    role: Role | None = None
    peer: Credential | None = None
    request: Any = None
    sealed_counter: int | None = None

    @property
    def known_use_case(self) -> UseCase:
        """The use case, after the check that it is known."""
        if self.use_case is None:
            raise SecurityError(Check.MESSAGE_CODE, "the use case is not known")
        return self.use_case

    @property
    def answer_signed(self) -> bool:
        """Whether the response is signed instead of MACed."""
        use_case = self.known_use_case
        if use_case.signed_or_maced:
            return not self.message.mac_header
        return use_case.response_signed

    def key_agreement_of_originator(self) -> Credential | None:
        """The originator's key agreement certificate, from any cell of its roles."""
        for role in (self.role, *self.roles):
            held = self.identity.cell(Cell(role, KeyUsage.KEY_AGREEMENT)) if role is not None else None
            if held is not None and held.entity == self.message.originator:
                return held
        return None

    def answer_information(self) -> OtherInformation:
        """other-information of the response."""
        other = self.message.other
        return OtherInformation(other.code, other.party, other.party_counter, self.sealed_counter)

    def content_peer(self) -> Credential | None:
        """For whom content is encrypted: the certificate in the command, else a cell."""
        if self.peer is not None:
            return self.peer
        party = self.message.other.party
        if party is None or party == self.message.originator:
            return self.key_agreement_of_originator()
        for cell, held in self.identity.cells():
            if cell.usage is KeyUsage.KEY_AGREEMENT and held.entity == party:
                return held
        return None

    def seal(self, plaintext: bytes, with_own_counter: bool) -> bytes | None:
        """Encrypt content of the response; None where the reader's key is not known.

        `with_own_counter` uses a Supplementary Originator Counter for a reader whose
        certificate came with the command.
        """
        peer = self.content_peer()
        if peer is None:
            return None
        if with_own_counter and self.peer is not None and self.sealed_counter is None:
            self.sealed_counter = self.identity.next_counter()
        message = self.message
        key = ContentKey(
            message.recipient,
            message.other.party or message.originator,
            message.counter if self.sealed_counter is None else self.sealed_counter,
        )
        return seal(plaintext, key.derive(self.identity.secret_with(peer)), message.recipient)
