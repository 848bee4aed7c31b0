"""One arriving command on its way through the checks, and what is learnt of it there."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from gbcs.errors import Check, SecurityError
from gbcs.ids import KeyUsage, Role
from gbcs.message import Message, OtherInformation
from gbcs.security.content import ContentSealer, answer_draft, answer_information
from gbcs.security.store import Credential
from gbcs.usecases import UseCase

from .identity import Cell, Identity

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric import ec


@dataclass(slots=True)
class Arrival:
    """A command being judged; it lives as long as one unit of work.

    `use_case` is None for an unknown code; `unsupported` says whether the device executes
    it. `peer` is the certificate it brought, `request` what the payload server made of the
    payload, both set by their checks. `sealed_counter` is the Supplementary Originator
    Counter, once content was encrypted under it; `signer` signs the response instead of the
    key in use.
    """

    message: Message
    identity: Identity
    use_case: UseCase | None
    unsupported: bool
    peer: Credential | None = None
    request: Any = None
    sealed_counter: int | None = None
    signer: ec.EllipticCurvePrivateKey | None = field(default=None, repr=False)
    _roles: tuple[Role, ...] | None = None

    @property
    def roles(self) -> tuple[Role, ...]:
        """The roles in whose cells the originator stands; empty for a stranger.

        Who holds the contingency key stands in no cell, and acts for the root.
        """
        if self._roles is None:
            if self.by_contingency:
                self._roles = (Role.ROOT,)
            else:
                self._roles = self.identity.roles_of(self.message.originator)
        return self._roles

    @property
    def by_contingency(self) -> bool:
        """Whether only the contingency key can have signed the command (CS02b anyByContingency)."""
        return not self.unsupported and self.use_case is not None and self.use_case.roles == (Role.ROOT,)

    @property
    def role(self) -> Role | None:
        """The role the originator acts in: the first that may send the use case, else its first."""
        if self.use_case is not None:
            for role in self.roles:
                if role in self.use_case.roles:
                    return role
        return self.roles[0] if self.roles else None

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
        return answer_information(self.message, self.sealed_counter)

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
        draft = answer_draft(self.message, self.sealed_counter)
        return ContentSealer.of(draft, self.identity.secret_with(peer)).seal(plaintext)
