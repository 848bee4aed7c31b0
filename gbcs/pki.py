"""A public key infrastructure for tests, with the certificate profiles of the SMKI.

Everything derives from a seed and a start of validity: the same two give the same
octets. It protects nothing: whoever knows the seed has every private key.
"""

from __future__ import annotations

import datetime as _dt
import hashlib
import hmac
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from .errors import BuildError
from .ids import CellUsage, EntityId, KeyUsage, Role
from .security.certificates import (
    ISSUING_YEARS,
    NO_EXPIRY,
    ORGANISATION_YEARS,
    SERIAL_OCTETS,
    check_certificate,
    check_path,
    hardware_module_name,
    key_identifier,
    public_point,
    read_certificate,
    years_after,
)
from .security.memory import MemoryKeyStore
from .security.store import Credential
from .time import Utc

if TYPE_CHECKING:
    from cryptography import x509
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


@dataclass(frozen=True, slots=True)
class _Authority:
    credential: Credential
    policy: str


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
        self._organisations = _Authority(self.organisation_issuing, policy)
        self._devices = _Authority(self.device_issuing, s.device_policy)

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
        subject = _subject(name, role, entity)
        made = []
        for usage, cell_usage in uses:
            label = f"organisation {role.value} {entity} {usage.name} {cell_usage.name} {generation}"
            key = self._derive(label)
            made.append(
                self._end_entity(
                    f"{label} {name}",
                    subject,
                    None,
                    usage,
                    cell_usage,
                    key.public_key(),
                    self._organisations,
                    self._start.plus(generation),
                )
            )
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
        from cryptography import x509

        if usage is KeyUsage.KEY_CERT_SIGN:
            raise BuildError("a device signs no certificates")
        start = self._start if not_before is None else not_before.floor(1)
        label = f"device {entity} {usage.name} {start.seconds} {public_point(public_key).hex()}"
        return self._end_entity(
            label,
            x509.Name([]),
            entity,
            usage,
            CellUsage.MANAGEMENT,
            public_key,
            self._devices,
            start,
        )

    def _end_entity(
        self,
        label: str,
        subject: x509.Name,
        device: EntityId | None,
        usage: KeyUsage,
        cell_usage: CellUsage,
        public_key: ec.EllipticCurvePublicKey,
        issuer: _Authority,
        start: Utc,
    ) -> Credential:
        from cryptography import x509

        if label in self._made:
            return self._made[label]
        extensions: list[tuple[x509.ExtensionType, bool]] = [
            (_key_usage(usage), True),
            (x509.SubjectKeyIdentifier(key_identifier(public_key)), False),
        ]
        if device is not None:
            extensions.append((hardware_module_name(device), True))
        extensions.append((_policies(issuer.policy), True))
        extensions.append((_authority_key(issuer.credential.key_id), False))
        return self._issue(
            label,
            subject,
            public_key,
            issuer.credential,
            extensions,
            start,
            None if device is not None else ORGANISATION_YEARS,
            cell_usage,
        )

    def _authority(self, name: str, role: Role | None, policy: str, issuer: Credential | None) -> Credential:
        """A root (no issuer) or an issuing authority."""
        from cryptography import x509

        label = f"authority {'device' if role is None else 'organisation'} {name}"
        public_key = self._derive(label).public_key()
        key_id = key_identifier(public_key)
        path_length = self._settings.root_path_length if issuer is None else 0
        extensions: list[tuple[x509.ExtensionType, bool]] = [
            (_key_usage(KeyUsage.KEY_CERT_SIGN), True),
            (x509.BasicConstraints(True, path_length), True),
            (_policies(policy), True),
            (x509.SubjectKeyIdentifier(key_id), False),
            (_authority_key(key_id if issuer is None else issuer.key_id), False),
        ]
        years = self._settings.root_years if issuer is None else ISSUING_YEARS
        subject = _authority_subject(name, role)
        return self._issue(label, subject, public_key, issuer, extensions, self._start, years)

    def _issue(
        self,
        label: str,
        subject: x509.Name,
        public_key: ec.EllipticCurvePublicKey,
        issuer: Credential | None,
        extensions: list[tuple[x509.ExtensionType, bool]],
        start: Utc,
        years: int | None,
        cell_usage: CellUsage = CellUsage.MANAGEMENT,
    ) -> Credential:
        """Sign and register one certificate; without an issuer it signs itself."""
        from cryptography import x509
        from cryptography.hazmat.primitives.hashes import SHA256
        from cryptography.hazmat.primitives.serialization import Encoding

        point = public_point(public_key) if issuer is None else issuer.point
        try:
            begin, end = _validity(start, years)
            builder = (
                x509.CertificateBuilder()
                .subject_name(subject)
                .issuer_name(subject if issuer is None else issuer.certificate.subject)
                .public_key(public_key)
                .serial_number(self._serial(f"{start.seconds} {label}"))
                .not_valid_before(begin)
                .not_valid_after(end)
            )
            for extension, critical in extensions:
                builder = builder.add_extension(extension, critical)
            certificate = builder.sign(self._keys[point], SHA256(), ecdsa_deterministic=True)
        except (ValueError, OverflowError) as error:
            raise BuildError(f"no such certificate: {error}") from None
        credential = read_certificate(certificate.public_bytes(Encoding.DER), cell_usage)
        self._made[label] = credential
        self._store = None
        return credential

    def _digest(self, label: str) -> bytes:
        return hmac.digest(self._seed, label.encode(), hashlib.sha512)

    def _serial(self, label: str) -> int:
        octets = self._digest(f"serial {label}")[:SERIAL_OCTETS]
        # 01b in front: positive, and 16 octets in DER.
        return int.from_bytes(bytes((0x40 | octets[0] & 0x3F,)) + octets[1:])

    def _derive(self, label: str) -> ec.EllipticCurvePrivateKey:
        """The private key of a label, kept with the others."""
        from cryptography.hazmat.primitives.asymmetric import ec

        scalar = 1 + int.from_bytes(self._digest(f"key {label}")) % (_ORDER - 1)
        key = ec.derive_private_key(scalar, ec.SECP256R1())
        return self._keys.setdefault(public_point(key.public_key()), key)


# The order of P-256's base point (FIPS 186-4 D.1.2.3).
_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551


def _validity(start: Utc, years: int | None) -> tuple[_dt.datetime, _dt.datetime]:
    begin = start.to_datetime()
    return begin, NO_EXPIRY if years is None else years_after(begin, years)


def _subject(name: str, role: Role, entity: EntityId) -> x509.Name:
    """[CN] OU x500UniqueIdentifier, text as UTF8String."""
    from cryptography import x509
    from cryptography.x509.name import _ASN1Type
    from cryptography.x509.oid import NameOID

    try:
        attributes: list[x509.NameAttribute[str] | x509.NameAttribute[bytes]] = []
        if name:
            attributes.append(x509.NameAttribute(NameOID.COMMON_NAME, name))
        attributes.append(x509.NameAttribute(NameOID.ORGANIZATIONAL_UNIT_NAME, f"{role.value:02X}"))
        # A BIT STRING with no unused bits; there is no public way to name the type.
        attributes.append(
            x509.NameAttribute(NameOID.X500_UNIQUE_IDENTIFIER, b"\0" + entity, _ASN1Type.BitString)
        )
        return x509.Name(attributes)
    except ValueError as error:
        raise BuildError(f"not a name for a subject: {error}") from None


def _authority_subject(name: str, role: Role | None) -> x509.Name:
    """OU (organisation hierarchy only) and CN, text as PrintableString."""
    from cryptography import x509
    from cryptography.x509.name import _ASN1Type
    from cryptography.x509.oid import NameOID

    printable = _ASN1Type.PrintableString
    attributes = [x509.NameAttribute(NameOID.COMMON_NAME, name, printable)]
    if role is not None:
        unit = x509.NameAttribute(NameOID.ORGANIZATIONAL_UNIT_NAME, f"{role.value:02X}", printable)
        attributes.insert(0, unit)
    return x509.Name(attributes)


def _key_usage(usage: KeyUsage) -> x509.KeyUsage:
    from cryptography import x509

    return x509.KeyUsage(
        digital_signature=usage is KeyUsage.DIGITAL_SIGNATURE,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=usage is KeyUsage.KEY_AGREEMENT,
        key_cert_sign=usage is KeyUsage.KEY_CERT_SIGN,
        crl_sign=usage is KeyUsage.KEY_CERT_SIGN,
        encipher_only=False,
        decipher_only=False,
    )


def _policies(identifier: str) -> x509.CertificatePolicies:
    from cryptography import x509

    return x509.CertificatePolicies([x509.PolicyInformation(x509.ObjectIdentifier(identifier), None)])


def _authority_key(key_id: bytes) -> x509.AuthorityKeyIdentifier:
    from cryptography import x509

    return x509.AuthorityKeyIdentifier(key_id, None, None)
