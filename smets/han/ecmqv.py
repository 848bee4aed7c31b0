"""Key agreement: full ECMQV with cofactor, and the confirmation of the key it yields.

U is the initiator, V the responder. Nothing here is constant in time (see `binary_field`);
an ephemeral pair serves once. `make_ephemeral` and `agree` are the two long calculations of
an exchange, plain functions of picklable values. Source: SEC 1 6.2, ANSI X9.63, SE standard
Annex C (reference: se-security 6).
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass, field

from gbcs.errors import BuildError, ParseError
from gbcs.ids import EntityId

from .credential import CbkeCredential
from .curves import Point
from .ecqv import Certificate, reconstruct
from .mmo import SIZE, hmac_mmo, kdf_mmo
from .suites import Suite

_MAC_U = b"\x02"
_MAC_V = b"\x03"


@dataclass(frozen=True, slots=True)
class Ephemeral:
    """A pair for one exchange; `public` is compressed, as sent."""

    suite: Suite
    private: int = field(repr=False)
    public: bytes


@dataclass(frozen=True, slots=True)
class Agreement:
    """What both sides compute: the new link key and the two confirmations."""

    key_data: bytes = field(repr=False)
    mac_u: bytes = field(repr=False)
    mac_v: bytes = field(repr=False)

    def confirms(self, expected: bytes, received: bytes) -> bool:
        """Whether a confirmation is the expected one, in constant time."""
        return hmac.compare_digest(expected, received)


@dataclass(frozen=True, slots=True)
class Disagreement:
    """No key can be agreed: a point of the partner is at fault."""

    reason: str


def make_ephemeral(suite: Suite, seed: bytes) -> Ephemeral:
    """A pair from `Suite.seed_size` random octets. Raises BuildError for fewer."""
    return ephemeral_pair(suite, suite.scalar(seed))


def ephemeral_pair(suite: Suite, private: int) -> Ephemeral:
    """The pair of a number, reduced modulo n. Raises BuildError for a multiple of n."""
    curve = suite.curve
    point = curve.multiply(private, curve.generator)
    if point is None:
        raise BuildError("a multiple of n is no private key")
    return Ephemeral(suite, private % curve.n, curve.compress(point))


def associate_value(suite: Suite, public: bytes) -> int:
    """avf: the low half of x of a compressed point, with the bit above it set."""
    bits = suite.associate_bits
    return int.from_bytes(public[1:], "big") & (1 << bits) - 1 | 1 << bits


def implicit_signature(own: Ephemeral, private: int) -> int:
    """s = k + avf(QE)*d modulo n."""
    return (own.private + associate_value(own.suite, own.public) * private) % own.suite.curve.n


def shared_secret(own: Ephemeral, private: int, peer_public: Point, peer_ephemeral: bytes) -> bytes:
    """Z, 21 or 36 octets: x of h*s*T. Raises ParseError for a point that is no key, or for infinity.

    The multiplication by h is a step of its own: it is what keeps small subgroups out.
    """
    curve = own.suite.curve
    point = curve.public_point(peer_ephemeral)
    associate = associate_value(own.suite, peer_ephemeral)
    total = curve.add(point, curve.multiply(associate, peer_public))
    product = total and curve.multiply(implicit_signature(own, private), total)
    product = curve.times_cofactor(product)
    if product is None:
        raise ParseError("the shared point is infinity", 0, "ephemeral key")
    return curve.field.octets(product.x)


def confirm(secret: bytes, id_u: EntityId, id_v: EntityId, qe_u: bytes, qe_v: bytes) -> Agreement:
    """Link key and confirmations from Z, identities and ephemeral keys as sent."""
    keys = kdf_mmo(secret, 2 * SIZE)
    mac_key = keys[:SIZE]
    return Agreement(
        key_data=keys[SIZE:],
        mac_u=hmac_mmo(mac_key, _MAC_U + id_u + id_v + qe_u + qe_v),
        mac_v=hmac_mmo(mac_key, _MAC_V + id_v + id_u + qe_v + qe_u),
    )


def agree(
    initiator: bool, credential: CbkeCredential, own: Ephemeral, peer: Certificate, peer_ephemeral: bytes
) -> Agreement | Disagreement:
    """One side's work once both ephemeral keys are there: every point validated, keys, confirmations."""
    try:
        peer_public = reconstruct(peer, credential.ca_public)
        secret = shared_secret(own, credential.private, peer_public, peer_ephemeral)
    except ParseError as error:
        return Disagreement(str(error))
    mine, theirs = (credential.subject, own.public), (peer.subject, peer_ephemeral)
    (id_u, qe_u), (id_v, qe_v) = (mine, theirs) if initiator else (theirs, mine)
    return confirm(secret, id_u, id_v, qe_u, qe_v)
