"""Who a device is and whom it trusts: its own keys and its trust anchor cells, in its store.

Source: GBCS 4.3 and 12 (reference: gbcs-crypto 12 to 14). A device knows a remote party
by the subject identifier of a certificate in a cell, never otherwise.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar

from gbcs.errors import BuildError, KeyUnavailable, ParseError
from gbcs.ids import CellUsage, EntityId, KeyUsage, Role
from gbcs.security.certificates import NO_ENTITY, read_certificate
from gbcs.security.own_credentials import OwnCredentials, OwnPair
from gbcs.security.store import Credential, KeyStore

from .store import Store, StoreError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric import ec

    from .settings import DeviceSettings
    from .work import Work

K = TypeVar("K")
V = TypeVar("V")
OWN = "own/"
CELL = "cell/"
COUNTER = "counter/"
OWN_COUNTER = f"{COUNTER}own"
USAGES = {KeyUsage.DIGITAL_SIGNATURE: "ds", KeyUsage.KEY_AGREEMENT: "ka"}


@dataclass(frozen=True, slots=True)
class Cell:
    """A trust anchor cell: role, key usage, cell usage."""

    role: Role
    usage: KeyUsage
    cell_usage: CellUsage = CellUsage.MANAGEMENT

    @property
    def key(self) -> str:
        """The key of the cell in the store; keys sort in the order of role and usage."""
        return f"{CELL}{int(self.role):03d}/{self.usage.value}/{int(self.cell_usage)}"

    @classmethod
    def from_key(cls, key: str) -> Cell:
        """The cell of a store key. Raises StoreError."""
        try:
            role, usage, cell_usage = key.removeprefix(CELL).split("/")
            return cls(Role(int(role)), KeyUsage(int(usage)), CellUsage(int(cell_usage)))
        except ValueError:
            raise StoreError(f"{key!r} is no trust anchor cell") from None


@dataclass(slots=True)
class CryptoCache:
    """Parsed certificates, keys and shared secrets of one device, and its cells as last committed.

    Nothing here is state: all of it is computed from the store again when missing.
    """

    cells: tuple[tuple[Cell, Credential], ...] | None = field(default=None, repr=False)

    credentials: dict[bytes, Credential] = field(default_factory=dict, repr=False)
    private: dict[bytes, ec.EllipticCurvePrivateKey] = field(default_factory=dict, repr=False)
    secrets: dict[tuple[bytes, bytes], bytes] = field(default_factory=dict, repr=False)
    limit: int = 256

    def credential(self, der: bytes) -> Credential:
        """The facts of a certificate. Raises what `read_certificate` raises."""
        found = self.credentials.get(der)
        if found is None:
            found = read_certificate(der)
            _bounded(self.credentials, self.limit)[der] = found
        return found

    def private_key(self, pkcs8: bytes) -> ec.EllipticCurvePrivateKey:
        """A private key of ours, kept in the store as PKCS #8 DER. Raises StoreError."""
        found = self.private.get(pkcs8)
        if found is None:
            from cryptography.exceptions import UnsupportedAlgorithm
            from cryptography.hazmat.primitives.asymmetric import ec
            from cryptography.hazmat.primitives.serialization import load_der_private_key

            try:
                loaded = load_der_private_key(pkcs8, None)
            except (ValueError, TypeError, UnsupportedAlgorithm):
                raise StoreError("the stored private key cannot be read") from None
            if not isinstance(loaded, ec.EllipticCurvePrivateKey) or loaded.curve.name != "secp256r1":
                raise StoreError("the stored private key is not on P-256")
            found = loaded
            _bounded(self.private, self.limit)[pkcs8] = found
        return found

    def secret(self, pkcs8: bytes, peer: Credential) -> bytes:
        """The shared secret of our key and a peer's."""
        found = self.secrets.get((pkcs8, peer.point))
        if found is None:
            from cryptography.hazmat.primitives.asymmetric import ec

            found = self.private_key(pkcs8).exchange(ec.ECDH(), peer.public_key)
            _bounded(self.secrets, self.limit)[pkcs8, peer.point] = found
        return found

    def forget(self) -> None:
        """Certificates or keys were replaced: keep nothing that was made of the old ones."""
        self.cells = None
        self.credentials.clear()
        self.private.clear()
        self.secrets.clear()


class Identity:
    """A device's identifier, keys, cells and counters, seen through one unit of work."""

    __slots__ = ("_cache", "_work")

    def __init__(self, work: Work, cache: CryptoCache) -> None:
        self._work = work
        self._cache = cache

    @property
    def entity(self) -> EntityId:
        """The device's Entity Identifier. Raises KeyUnavailable on a store never provisioned."""
        try:
            return EntityId(self._own("entity"))
        except BuildError as error:
            raise StoreError(f"the stored identity: {error}") from None

    @property
    def settings(self) -> DeviceSettings:
        """The device's settings."""
        return self._work.settings

    def signing_key(self) -> ec.EllipticCurvePrivateKey:
        """The device's digital signature key."""
        return self._cache.private_key(self._own("ds/key"))

    def secret_with(self, peer: Credential) -> bytes:
        """The secret the device's key agreement key shares with a peer's."""
        return self._cache.secret(self._own("ka/key"), peer)

    def own(self) -> OwnCredentials:
        """The device's key pairs in use and pending, with its certificates. Raises StoreError."""
        in_use, pending = {}, {}
        for usage, name in USAGES.items():
            private = self._work.get(f"{OWN}{name}/key")
            if private is not None:
                certificate = self._work.get(f"{OWN}{name}/certificate")
                in_use[usage] = OwnPair(self._cache.private_key(private), certificate)
            waiting = self._work.get(f"{OWN}{name}/pending")
            if waiting is not None:
                pending[usage] = self._cache.private_key(waiting)
        return OwnCredentials(self.entity, in_use, pending)

    def keep(self, own: OwnCredentials) -> None:
        """Write the device's key pairs and certificates."""
        for usage, name in USAGES.items():
            pair, waiting = own.in_use.get(usage), own.pending.get(usage)
            held = {
                "key": None if pair is None else pkcs8(pair.private),
                "certificate": None if pair is None else pair.certificate,
                "pending": None if waiting is None else pkcs8(waiting),
            }
            for part, octets in held.items():
                if octets != self._work.get(f"{OWN}{name}/{part}"):
                    self._work.put(f"{OWN}{name}/{part}", octets)

    def read(self, der: bytes) -> Credential:
        """The facts of a certificate a message brought. Raises ParseError."""
        return self._cache.credential(der)

    def cell(self, cell: Cell) -> Credential | None:
        """What a cell holds, or None. Raises StoreError."""
        der = self._work.get(cell.key)
        return None if der is None else self._held(cell.key, der)

    def set_cell(self, cell: Cell, der: bytes) -> None:
        """Put a certificate into a cell."""
        self._work.put(cell.key, der)

    def cells(self) -> tuple[tuple[Cell, Credential], ...]:
        """Every cell that holds something, in order of role and usage. Raises StoreError."""
        found = None if self._work.changed(CELL) else self._cache.cells
        if found is None:
            found = tuple((Cell.from_key(key), self._held(key, der)) for key, der in self._work.scan(CELL))
            if not self._work.changed(CELL):
                self._cache.cells = found
        return found

    def roles_of(self, entity: EntityId) -> tuple[Role, ...]:
        """The roles in whose cells an identifier stands, in order; authorities have none to stand for."""
        if entity == NO_ENTITY:
            return ()
        return tuple(dict.fromkeys(cell.role for cell, held in self.cells() if held.entity == entity))

    def counter(self, role: Role, specialist: bool = False) -> int:
        """The highest Originator Counter accepted from a role."""
        return self._work.number(_counter_key(role, specialist))

    def set_counter(self, role: Role, counter: int, specialist: bool = False) -> None:
        """Store the counter of a role."""
        self._work.set_value(_counter_key(role, specialist), counter)

    def next_counter(self) -> int:
        """A fresh value of the device's own sending counter; never given twice."""
        value = self._work.number(OWN_COUNTER) + 1
        self._work.set_value(OWN_COUNTER, value)
        return value

    def _held(self, key: str, der: bytes) -> Credential:
        try:
            return self._cache.credential(der)
        except ParseError as error:
            raise StoreError(f"{key}: {error}") from None

    def _own(self, name: str) -> bytes:
        octets = self._work.get(OWN + name)
        if octets is None:
            raise KeyUnavailable(f"the device's store has no {name}")
        return octets


def provision(
    store: Store,
    entity: EntityId,
    keys: KeyStore,
    anchors: Iterable[Credential],
    extra: Mapping[str, bytes] | None = None,
) -> None:
    """Write a new device into an empty store: its identifier, keys and certificates, its cells.

    `keys` gives the device's own certificates and private keys, `anchors` the
    organisation certificates for its cells. Raises KeyUnavailable.
    """
    changes: dict[str, bytes | None] = {f"{OWN}entity": bytes(entity)}
    for usage, name in USAGES.items():
        credential = keys.find(entity, usage)
        private = keys.private_key(credential) if credential else None
        if credential is None or private is None:
            raise KeyUnavailable(f"no {usage.name.lower().replace('_', ' ')} key of {entity}")
        changes[f"{OWN}{name}/certificate"] = credential.der
        changes[f"{OWN}{name}/key"] = pkcs8(private)
    for anchor in anchors:
        if anchor.role is not None:
            changes[Cell(anchor.role, anchor.usage, anchor.cell_usage).key] = anchor.der
    changes.update(extra or {})
    store.commit(changes)


def pkcs8(private: ec.EllipticCurvePrivateKey) -> bytes:
    """A private key as the store has it: PKCS #8 in DER."""
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    return private.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())


def _counter_key(role: Role, specialist: bool) -> str:
    return f"{COUNTER}{int(role):03d}/{'prepayment' if specialist else 'role'}"


def _bounded(held: dict[K, V], limit: int) -> dict[K, V]:
    if len(held) >= limit:
        held.pop(next(iter(held)))
    return held
