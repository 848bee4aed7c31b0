"""A device's own key pairs and certificates: new pair (CS02c), new certificate (CS02d), read-out (CS02e).

Source: GBCS 13.4 to 13.6 (reference: gbcs-crypto 12, 16 and 22.11, gbcs-messages 8.4). Values
in, values out; chance is passed in. A private key shows in no text.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from enum import Enum
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

from ..asn1.own_credentials import IssueCode, ProvideCode, UpdateCode
from ..errors import BuildError, ParseError
from ..ids import EntityId, KeyUsage
from .certificates import hardware_module_name, load_certificate, public_point, subject_of, usage_of
from .issuing import key_usage
from .private_keys import derive_private_key

if TYPE_CHECKING:
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric import ec

USAGES = (KeyUsage.DIGITAL_SIGNATURE, KeyUsage.KEY_AGREEMENT)
SEED_OCTETS = 64
"""Random octets of a key pair: more than the order has, so that all keys are as likely."""

Random = Callable[[int], bytes]
"""So many random octets."""


class AnswerKey(Enum):
    """Which digital signature key signs the response to CS02d."""

    NEW = "new"
    OLD = "old"


@dataclass(frozen=True, slots=True)
class OwnCredentialSettings:
    """Where the specification is unsure."""

    update_signed_with: AnswerKey = AnswerKey.NEW
    """Which key signs a successful CS02d response that changed the signature key. Gap:
    gbcs-crypto 16 and 24; the sample does not tell."""


DEFAULT_OWN = OwnCredentialSettings()


@dataclass(frozen=True, slots=True)
class OwnPair:
    """A key pair in use with its certificate in DER, None where it has none yet."""

    private: ec.EllipticCurvePrivateKey = field(repr=False)
    certificate: bytes | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class OwnCredentials:
    """What a device has of its own: a pair in use and at most one pending pair for each usage."""

    entity: EntityId
    in_use: Mapping[KeyUsage, OwnPair] = field(default_factory=dict, repr=False)
    pending: Mapping[KeyUsage, ec.EllipticCurvePrivateKey] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        """Nobody else can change what is held here."""
        object.__setattr__(self, "in_use", MappingProxyType(dict(self.in_use)))
        object.__setattr__(self, "pending", MappingProxyType(dict(self.pending)))


class Issued(NamedTuple):
    """CS02c: the credentials after it, and a certification request in DER or a code."""

    own: OwnCredentials
    answer: bytes | IssueCode


class Updated(NamedTuple):
    """CS02d: the credentials after it, the code, and the key that signs the response (None: has none)."""

    own: OwnCredentials
    code: UpdateCode
    signer: ec.EllipticCurvePrivateKey | None


def generate_key(random: Random) -> ec.EllipticCurvePrivateKey:
    """A key pair from `SEED_OCTETS` random octets. Raises BuildError for fewer."""
    seed = random(SEED_OCTETS)
    if len(seed) != SEED_OCTETS:
        raise BuildError(f"{SEED_OCTETS} random octets are needed, {len(seed)} given")
    return derive_private_key(seed)


def signing_request(entity: EntityId, usage: KeyUsage, private: ec.EllipticCurvePrivateKey) -> bytes:
    """The PKCS#10 certification request of a new pair, in DER, signed with it (RFC 6979).

    Version 0, no subject, one attribute extensionRequest: keyUsage and subjectAltName, both
    critical. Raises BuildError for another usage than a device has.
    """
    from cryptography import x509
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.serialization import Encoding

    if usage not in USAGES:
        raise BuildError("a device signs no certificates")
    builder = (
        x509.CertificateSigningRequestBuilder(x509.Name([]))
        .add_extension(key_usage(usage), critical=True)
        .add_extension(hardware_module_name(entity), critical=True)
    )
    return builder.sign(private, SHA256(), ecdsa_deterministic=True).public_bytes(Encoding.DER)


def issue(
    own: OwnCredentials,
    usage: KeyUsage | None,
    random: Random,
    request: Callable[[EntityId, KeyUsage, ec.EllipticCurvePrivateKey], bytes] = signing_request,
) -> Issued:
    """CS02c: a new pending pair for a usage, in place of one that was pending.

    `random` or `request` raising BuildError means the device could not (codes 2 and 3);
    then nothing is pending that was not before.
    """
    if usage not in USAGES or usage is None:
        return Issued(own, IssueCode.INVALID_KEY_USAGE)
    try:
        private = generate_key(random)
    except BuildError:
        return Issued(own, IssueCode.KEY_PAIR_GENERATION_FAILED)
    try:
        answer = request(own.entity, usage, private)
    except BuildError:
        return Issued(own, IssueCode.CR_PRODUCTION_FAILED)
    return Issued(replace(own, pending={**own.pending, usage: private}), answer)


def update(
    own: OwnCredentials,
    certificate: bytes,
    settings: OwnCredentialSettings = DEFAULT_OWN,
    fault: UpdateCode | None = None,
) -> Updated:
    """CS02d: make the pending pair the one in use, with its certificate in DER.

    `fault` is what the device's memory fails at: certificateStorageFailed or
    privateKeyChangeFailed (others are no faults of it and count as none). After a code that is
    no success everything is as before, and the key that was in use signs.
    """
    usage, code = _judge(own, certificate)
    if code is UpdateCode.SUCCESS and fault in (
        UpdateCode.CERTIFICATE_STORAGE_FAILED,
        UpdateCode.PRIVATE_KEY_CHANGE_FAILED,
    ):
        code = fault
    if code is not UpdateCode.SUCCESS or usage is None:
        return Updated(own, code, _signer(own))
    pair = OwnPair(own.pending[usage], certificate)
    pending = {held: key for held, key in own.pending.items() if held is not usage}
    after = replace(own, in_use={**own.in_use, usage: pair}, pending=pending)
    return Updated(after, code, _signer(own if settings.update_signed_with is AnswerKey.OLD else after))


def provide(own: OwnCredentials, usage: KeyUsage | None, unreadable: bool = False) -> bytes | ProvideCode:
    """CS02e: the certificate in use, or a code; `unreadable` where the device cannot get at it."""
    if usage not in USAGES or usage is None:
        return ProvideCode.INVALID_KEY_USAGE
    pair = own.in_use.get(usage)
    if pair is None or pair.certificate is None:
        return ProvideCode.NO_CERTIFICATE_HELD
    return ProvideCode.CERTIFICATE_RETRIEVAL_FAILURE if unreadable else pair.certificate


def _judge(own: OwnCredentials, octets: bytes) -> tuple[KeyUsage | None, UpdateCode]:
    """The checks of CS02d in their order (gbcs-crypto 16). The issuer is none of them (13.2)."""
    from cryptography.hazmat.primitives.asymmetric import ec

    try:
        certificate = load_certificate(octets)
    except ParseError:
        return None, UpdateCode.INVALID_CERTIFICATE
    if _device_of(certificate) != own.entity:
        return None, UpdateCode.WRONG_DEVICE_IDENTITY
    try:
        usage = usage_of(certificate)
    except ParseError:
        return None, UpdateCode.INVALID_KEY_USAGE
    if usage not in USAGES:
        return None, UpdateCode.INVALID_KEY_USAGE
    pending = own.pending.get(usage)
    if pending is None:
        return usage, UpdateCode.NO_CORRESPONDING_KEY_PAIR_GENERATED
    public = certificate.public_key()
    if not isinstance(public, ec.EllipticCurvePublicKey) or public_point(public) != public_point(
        pending.public_key()
    ):
        return usage, UpdateCode.WRONG_PUBLIC_KEY
    return usage, UpdateCode.SUCCESS


def _device_of(certificate: x509.Certificate) -> EntityId | None:
    """The device a certificate names; None for another subject."""
    try:
        entity, role = subject_of(certificate)
    except ParseError:
        return None
    return entity if role is None else None


def _signer(own: OwnCredentials) -> ec.EllipticCurvePrivateKey | None:
    pair = own.in_use.get(KeyUsage.DIGITAL_SIGNATURE)
    return None if pair is None else pair.private
