"""A public key infrastructure for tests, with the certificate profiles of the SMKI.

Everything derives from a seed and a start of validity: the same two give the same
octets. It protects nothing: whoever knows the seed has every private key.
"""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from .errors import BuildError
from .ids import CellUsage, EntityId, KeyUsage, Role
from .security.certificates import (
    ISSUING_YEARS,
    ORGANISATION_YEARS,
    check_certificate,
    check_path,
    key_identifier,
    public_point,
)
from .security.issuing import (
    Issuer,
    Terms,
    authority_certificate,
    authority_subject,
    device_certificate,
    organisation_certificate,
    organisation_subject,
    serial_number,
)
from .security.memory import MemoryKeyStore
from .security.private_keys import derive_private_key
from .security.store import Credential
from .time import Utc

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric import ec

__all__ = ["ROLE_USES", "PkiSettings", "TestPki", "check_certificate", "check_path"]

_SIGN = (KeyUsage.DIGITAL_SIGNATURE, CellUsage.MANAGEMENT)
_AGREE = (KeyUsage.KEY_AGREEMENT, CellUsage.MANAGEMENT)
_PREPAY = (KeyUsage.KEY_AGREEMENT, CellUsage.PREPAYMENT_TOP_UP)

ROLE_USES: dict[Role, tuple[tuple[KeyUsage, CellUsage], ...]] = {
    Role.RECOVERY: (_SIGN,),
    Role.SUPPLIER: (_SIGN, _AGREE, _PREPAY),
    Role.NETWORK_OPERATOR: (_SIGN, _AGREE),
    Role.ACCESS_CONTROL_BROKER: (_SIGN, _AGREE),
    Role.TRANSITIONAL_COS: (_SIGN,),
    Role.WAN_PROVIDER: (_SIGN,),
    Role.LOAD_CONTROLLER: (_SIGN, _AGREE),
    Role.OTHER: (_SIGN, _AGREE),
}
"""The certificates a party of each role has, as in the reference key store (OTHER: assumed)."""


@dataclass(frozen=True, slots=True)
class PkiSettings:
    """Names and what the profiles leave open.

    The profiles of both roots and of the device hierarchy's authorities are in no
    document at hand: `root_years`, `root_path_length` and the use of the organisation
    issuing profile for the device authorities (without OU) are assumptions. A root's
    wrapped contingency key is not modelled. The policy identifiers are those of tests.
    """

    organisation_root: str = "TA"
    organisation_issuing: str = "T1"
    device_root: str = "D000"
    device_issuing: str = "D001"
    organisation_policy: str = "1.2.826.0.1.8641679.1.2.1.4"
    device_policy: str = "1.2.826.0.1.1800000.1.2.1.4"
    root_years: int = 50
    root_path_length: int | None = 1


class TestPki:
    """Two hierarchies (organisations, devices), each a root and an issuing authority.

    What is made is registered; `store` is a snapshot of all of it. Asking again for the
    same gives the same. Errors: BuildError.
    """

    # The name begins as those of test classes do.
    __test__: ClassVar[bool] = False

    __slots__ = (
        "_devices",
        "_keys",
        "_made",
        "_names",
        "_organisations",
        "_seed",
        "_settings",
        "_start",
        "_store",
        "device_issuing",
        "device_root",
        "organisation_issuing",
        "organisation_root",
    )

    organisation_root: Credential
    organisation_issuing: Credential
    device_root: Credential
    device_issuing: Credential

    @classmethod
    def create(cls, seed: bytes, not_before: Utc, settings: PkiSettings | None = None) -> TestPki:
        """The four authorities, valid from `not_before` (whole seconds).

        Raises BuildError for a start that X.509 or the validities cannot express.
        """
        return cls(seed, not_before, settings or PkiSettings())

    def __init__(self, seed: bytes, not_before: Utc, settings: PkiSettings) -> None:
        self._seed = bytes(seed)
        self._start = not_before.floor(1)
        self._settings = settings
        self._keys: dict[bytes, ec.EllipticCurvePrivateKey] = {}
        self._made: dict[str, Credential] = {}
        self._names: dict[tuple[Role, EntityId], str] = {}
        self._store: MemoryKeyStore | None = None
        s = settings
        policy = s.organisation_policy
        self.organisation_root = self._authority(s.organisation_root, Role.ROOT, policy, None)
        self.organisation_issuing = self._authority(
            s.organisation_issuing, Role.ISSUING_AUTHORITY, policy, self.organisation_root
        )
        self.device_root = self._authority(s.device_root, None, s.device_policy, None)
        self.device_issuing = self._authority(s.device_issuing, None, s.device_policy, self.device_root)
        self._organisations = self._issuer(self.organisation_issuing, policy)
        self._devices = self._issuer(self.device_issuing, s.device_policy)

    def __repr__(self) -> str:
        return f"TestPki({len(self._made)} certificates)"

    @property
    def store(self) -> MemoryKeyStore:
        """Everything made so far, with private keys; later certificates do not enter it."""
        if self._store is None:
            self._store = MemoryKeyStore(self._made.values(), self._keys.values())
        return self._store

    def organisation(
        self, role: Role, entity: EntityId, name: str = "", generation: int = 0
    ) -> tuple[Credential, ...]:
        """A remote party's certificates in the order of ROLE_USES; `name` is the subject's CN.

        A further `generation` has other keys and starts that many seconds later, so that
        it is the newer one. Raises BuildError for a role without certificates, and for a
        second name of the same party.
        """
        uses = ROLE_USES.get(role)
        if uses is None:
            raise BuildError(f"no organisation certificates for the role {role.spec_name}")
        if self._names.get((role, entity), name) != name:
            raise BuildError(f"{entity} already has certificates under another name")
        subject = organisation_subject(name, role, entity)
        start = self._start.plus(generation)
        made = []
        for usage, cell_usage in uses:
            label = f"organisation {role.value} {entity} {usage.name} {cell_usage.name} {generation}"
            key = self._derive(label)
            full = f"{label} {name}"
            if full not in self._made:
                terms = self._terms(full, start, ORGANISATION_YEARS)
                self._register(
                    full,
                    organisation_certificate(
                        self._organisations, subject, usage, cell_usage, key.public_key(), terms
                    ),
                )
            made.append(self._made[full])
        self._names[role, entity] = name
        return tuple(made)

    def device(self, entity: EntityId, generation: int = 0) -> tuple[Credential, Credential]:
        """A device's certificates: digital signature, key agreement.

        `generation` as with `organisation`.
        """
        start = self._start.plus(generation)
        signing, agreement = (
            self.certify_device(
                entity, usage, self._derive(f"device {entity} {usage.name} {generation}").public_key(), start
            )
            for usage in (KeyUsage.DIGITAL_SIGNATURE, KeyUsage.KEY_AGREEMENT)
        )
        return signing, agreement

    def certify_device(
        self,
        entity: EntityId,
        usage: KeyUsage,
        public_key: ec.EllipticCurvePublicKey,
        not_before: Utc | None = None,
    ) -> Credential:
        """A Device Certificate over a key the device made itself (CS02c to CS02d).

        Raises BuildError for another usage than digital signature or key agreement.
        """
        if usage is KeyUsage.KEY_CERT_SIGN:
            raise BuildError("a device signs no certificates")
        start = self._start if not_before is None else not_before.floor(1)
        label = f"device {entity} {usage.name} {start.seconds} {public_point(public_key).hex()}"
        if label not in self._made:
            terms = self._terms(label, start, None)
            self._register(label, device_certificate(self._devices, entity, usage, public_key, terms))
        return self._made[label]

    def _authority(self, name: str, role: Role | None, policy: str, issuer: Credential | None) -> Credential:
        """A root (no issuer) or an issuing authority."""
        label = f"authority {'device' if role is None else 'organisation'} {name}"
        subject = authority_subject(name, role)
        private_key = self._derive(label)
        public_key = private_key.public_key()
        if issuer is None:
            signer = Issuer(subject, key_identifier(public_key), policy, private_key)
            path_length, years = self._settings.root_path_length, self._settings.root_years
        else:
            signer = self._issuer(issuer, policy)
            path_length, years = 0, ISSUING_YEARS
        terms = self._terms(label, self._start, years)
        return self._register(label, authority_certificate(signer, subject, path_length, public_key, terms))

    def _issuer(self, credential: Credential, policy: str) -> Issuer:
        return Issuer.of(credential, self._keys[credential.point], policy)

    def _terms(self, label: str, start: Utc, years: int | None) -> Terms:
        return Terms(serial_number(self._digest(f"serial {start.seconds} {label}")), start, years)

    def _register(self, label: str, credential: Credential) -> Credential:
        self._made[label] = credential
        self._store = None
        return credential

    def _digest(self, label: str) -> bytes:
        return hmac.digest(self._seed, label.encode(), hashlib.sha512)

    def _derive(self, label: str) -> ec.EllipticCurvePrivateKey:
        """The private key of a label, kept with the others."""
        key = derive_private_key(self._digest(f"key {label}"))
        return self._keys.setdefault(public_point(key.public_key()), key)
