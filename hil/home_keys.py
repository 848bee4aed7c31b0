"""The certificates and private keys of a home's parties, which change when devices take new ones.

All devices of a home are taken to know the same certificates of a party: the newest that one of them
took (CS02b), as all parties know those of a device (CS02d).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple

from gbcs.asn1.own_credentials import read_update_command
from gbcs.asn1.replacement import read_command
from gbcs.decoding import decode
from gbcs.errors import LocalError, ParseError
from gbcs.ids import CellUsage, EntityId, KeyUsage, Role
from gbcs.message import Message
from gbcs.security.certificates import read_certificate
from gbcs.security.replacement_rows import CODES, MODES
from gbcs.security.requests import SigningRequest
from gbcs.security.store import Credential
from gbcs.time import Utc
from smets.store import Store
from smets.values import pack, unpack

from .provisioning import Provisioning
from .scenario_model import Party

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric import ec

LEARNED, GENERATION = "keys/learned/", "keys/generation/"
CS02D = 0x000B
REPLACED_LATER = frozenset(row.alert for row in MODES)
"""The alerts after a future dated CS02b or CS02g."""
Use = tuple[EntityId, KeyUsage, CellUsage]


class Brought(NamedTuple):
    """A certificate that a command brings to a device, and what the device uses it for."""

    der: bytes
    cell_usage: CellUsage = CellUsage.MANAGEMENT

    def credential(self) -> Credential | None:
        """What is read from it; None for what is no certificate."""
        try:
            return read_certificate(self.der, self.cell_usage)
        except ParseError:
            return None


class HomeKeys:
    """A key store that learns. What it learned is in the home's own store, too. Raises StoreError."""

    def __init__(self, made: Provisioning, parties: Iterable[Party], store: Store) -> None:
        self._made = made
        self._parties = {party.name: party for party in parties}
        self._store = store
        self._requests: dict[tuple[EntityId, KeyUsage], SigningRequest] = {}
        self._learned: dict[Use, Credential] = {}
        self._first = made.keys
        for party in self._parties.values():
            for generation in range(1, self._generation(party.entity) + 1):
                made.renewed(party, generation)
        self._private = made.keys
        for key, octets in store.scan(LEARNED):
            self._take(read_certificate(octets, CellUsage(int(key.rpartition("/")[2]))))

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._first!r}, {len(self._learned)} learned)"

    # -- a key store ------------------------------------------------------------------

    def find(
        self, entity: EntityId, usage: KeyUsage, cell_usage: CellUsage = CellUsage.MANAGEMENT
    ) -> Credential | None:
        """The certificate of a party or device for a use, or None."""
        found = self._learned.get((entity, usage, cell_usage))
        return found if found is not None else self._first.find(entity, usage, cell_usage)

    def private_key(self, credential: Credential) -> ec.EllipticCurvePrivateKey | None:
        """The private key matching a certificate, or None."""
        return self._private.private_key(credential)

    def with_role(self, role: Role, usage: KeyUsage) -> tuple[Credential, ...]:
        """Every certificate of a role for a use."""
        return tuple(c for c in self.all() if c.role is role and c.usage is usage)

    def all(self) -> tuple[Credential, ...]:
        """Every certificate held."""
        held = (*self._first.all(), *self._learned.values())
        return tuple({(one.der, one.cell_usage): one for one in held}.values())

    # -- what is new ------------------------------------------------------------------

    def certificate(self, party: str, use: tuple[KeyUsage, CellUsage]) -> bytes:
        """The certificate of a party in DER. Raises LocalError."""
        found = self.find(self._parties[party].entity, *use)
        if found is None:
            raise LocalError(f"{party} has no such certificate")
        return found.der

    def new_certificate(self, party: str, use: tuple[KeyUsage, CellUsage]) -> bytes:
        """The next certificate of a party in DER, of a new key. Raises LocalError."""
        entry = self._parties[party]
        made = self._made.renewed(entry, self._generation(entry.entity) + 1)
        self._private = self._made.keys
        for credential in made:
            if (credential.usage, credential.cell_usage) == use:
                return credential.der
        raise LocalError(f"{party} has no such certificate")

    def authority(self) -> bytes:
        """The certificate of the authority that issues those of parties, in DER."""
        return self._made.authority.der

    def requested(self, request: SigningRequest) -> None:
        """A device asks for a certificate."""
        self._requests[request.entity, request.usage] = request

    def requested_certificate(self, entity: EntityId, usage: KeyUsage, now: Utc) -> bytes:
        """The certificate that a device asked for, in DER. Raises LocalError."""
        request = self._requests.get((entity, usage))
        if request is None:
            raise LocalError(f"{entity} asked for no such certificate (CS02c)")
        return self._made.certified(request, now).der

    def learn(self, brought: Iterable[Brought]) -> None:
        """A device uses certificates from now on, and so do all that speak with it."""
        for one in brought:
            credential = one.credential()
            if credential is None:
                continue
            self._take(credential)
            key = f"{LEARNED}{credential.entity}/{credential.usage.name}/{int(credential.cell_usage)}"
            self._store.commit({key: credential.der})
            for party in self._parties.values():
                following = self._generation(party.entity) + 1
                if party.entity == credential.entity and self._is_of(party, following, credential):
                    self._store.commit({f"{GENERATION}{party.entity}": pack(following)})

    @contextmanager
    def trying(self, brought: Iterable[Brought]) -> Iterator[None]:
        """As if they were learned already."""
        before = dict(self._learned)
        try:
            for one in brought:
                credential = one.credential()
                if credential is not None:
                    self._take(credential)
            yield
        finally:
            self._learned = before

    def _is_of(self, party: Party, generation: int, credential: Credential) -> bool:
        """Whether it is one of a party's new certificates that was made here."""
        if self._private.private_key(credential) is None:
            return False
        return credential.der in {one.der for one in self._made.renewed(party, generation)}

    def _take(self, credential: Credential) -> None:
        self._learned[credential.entity, credential.usage, credential.cell_usage] = credential

    def _generation(self, entity: EntityId) -> int:
        held = self._store.get(f"{GENERATION}{entity}")
        value = 0 if held is None else unpack(held)
        return value if isinstance(value, int) else 0


def brought_by(command: Message) -> tuple[Brought, ...]:
    """The certificates that a command brings to a device; none for what is no such command."""
    try:
        if command.code == CS02D:
            return (Brought(read_update_command(command.payload)),)
        if command.code in CODES:
            replacements = read_command(command.payload).replacements
            return tuple(Brought(one.certificate, one.cell.cell_usage) for one in replacements)
    except ParseError:
        pass
    return ()


def comes_later(answer: Message) -> bool:
    """Whether an answer to a command says that certificates will be replaced at its execution time."""
    return answer.code in CODES and "executionOutcome" not in decode(answer).values
