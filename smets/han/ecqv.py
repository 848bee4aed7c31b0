"""Implicit certificates (ECQV): their layouts, the public key they stand for, issuing them.

A certificate carries no signature: whoever knows the CA's public key computes the subject's
from it, and a forged one yields a key nobody has the private part of. Source: SEC 4, SE
standard Annex C (reference: se-security 4, 5).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

from gbcs.errors import BuildError, ParseError
from gbcs.ids import EntityId
from gbcs.layout import Layout, octets, u8, u32, u64
from gbcs.time import Utc

from .curves import Point
from .mmo import mmo
from .suites import Suite

ISSUER_SIZE = 8
IMPLICIT = 0x00  # Type
CURVE_SECT283K1 = 0x0D
HASH_AES_MMO = 0x08
KEY_AGREEMENT = 0x08  # KeyUsage
DIGITAL_SIGNATURE = 0x80
NO_EXPIRY = 0xFFFFFFFF
_MAX_TIME = (1 << 40) - 1
_EPOCH = 946_684_800  # 2000 in seconds since 1970

_SUITE_1 = Layout(
    "certificate of suite 1",
    octets("reconstruction data", 22),
    octets("subject", 8),
    octets("issuer", ISSUER_SIZE),
    octets("profile attribute data", 10),
)
_SUITE_2 = Layout(
    "certificate of suite 2",
    u8("type"),
    u64("serial number"),
    u8("curve"),
    u8("hash"),
    octets("issuer", ISSUER_SIZE),
    octets("valid from", 5),
    u32("valid to"),
    octets("subject", 8),
    u8("key usage"),
    octets("reconstruction data", 37),
)


def unix_time(moment: Utc) -> int:
    """Whole seconds since 1970."""
    return moment.seconds + _EPOCH


@dataclass(frozen=True, slots=True)
class Suite1Certificate:
    """48 octets. `attributes` begins with the profile id and is opaque here."""

    suite: ClassVar[Suite] = Suite.SUITE_1

    subject: EntityId
    issuer: bytes
    attributes: bytes = bytes.fromhex("01090000000000000000")
    reconstruction: bytes = b""

    @property
    def octets(self) -> bytes:
        """The certificate. Raises BuildError for a field of another length."""
        return _SUITE_1.pack(self.reconstruction, self.subject, self.issuer, self.attributes)

    def fault(self) -> str | None:
        """What forbids its use in key agreement: nothing can."""
        return None

    def is_valid_at(self, unix: int) -> bool:
        """Whether it is valid at a Unix time: it does not expire."""
        return True


@dataclass(frozen=True, slots=True)
class Suite2Certificate:
    """74 octets. `valid_from` is Unix time, `valid_for` the seconds after it (NO_EXPIRY: any)."""

    suite: ClassVar[Suite] = Suite.SUITE_2

    subject: EntityId
    issuer: bytes
    serial: int
    valid_from: int
    valid_for: int = NO_EXPIRY
    key_usage: int = KEY_AGREEMENT
    reconstruction: bytes = b""
    type: int = IMPLICIT
    curve: int = CURVE_SECT283K1
    hash: int = HASH_AES_MMO

    @property
    def octets(self) -> bytes:
        """The certificate. Raises BuildError for a value that does not fit."""
        if not 0 <= self.valid_from <= _MAX_TIME:
            raise BuildError("40 bits", "valid from")
        return _SUITE_2.pack(
            self.type,
            self.serial,
            self.curve,
            self.hash,
            self.issuer,
            self.valid_from.to_bytes(5, "big"),
            self.valid_for,
            self.subject,
            self.key_usage,
            self.reconstruction,
        )

    def fault(self) -> str | None:
        """What forbids its use in key agreement, None if nothing does."""
        if self.type != IMPLICIT:
            return f"type {self.type:02X}, not implicit"
        if self.curve != CURVE_SECT283K1:
            return f"curve {self.curve:02X}, not sect283k1"
        if self.hash != HASH_AES_MMO:
            return f"hash {self.hash:02X}, not AES-MMO"
        if not self.key_usage & KEY_AGREEMENT:
            return f"key usage {self.key_usage:02X} without key agreement"
        return None

    def is_valid_at(self, unix: int) -> bool:
        """Whether it is valid at a Unix time."""
        age = unix - self.valid_from
        return age >= 0 and (self.valid_for == NO_EXPIRY or age <= self.valid_for)


Certificate = Suite1Certificate | Suite2Certificate


def parse_certificate(suite: Suite, data: bytes) -> Certificate:
    """Split a certificate; what its fields say is not judged. Raises ParseError for another length."""
    if len(data) != suite.certificate_size:
        raise ParseError(f"{suite.certificate_size} octets needed, not {len(data)}", 0, "certificate")
    if suite is Suite.SUITE_1:
        point, subject, issuer, attributes = _SUITE_1.unpack(data)
        return Suite1Certificate(EntityId(subject), issuer, attributes, point)
    kind, serial, curve, digest, issuer, start, duration, subject, usage, point = _SUITE_2.unpack(data)
    return Suite2Certificate(
        EntityId(subject),
        issuer,
        serial,
        int.from_bytes(start, "big"),
        duration,
        usage,
        point,
        kind,
        curve,
        digest,
    )


def certificate_number(certificate: Certificate) -> int:
    """e: the hash of the whole certificate as a number."""
    return int.from_bytes(mmo(certificate.octets), "big")


def reconstruct(certificate: Certificate, ca_public: Point) -> Point:
    """The subject's public key, Q = e*P + Q_CA, validated. Raises ParseError if P or Q is no key."""
    curve = certificate.suite.curve
    data = curve.public_point(certificate.reconstruction)
    point = curve.add(curve.multiply(certificate_number(certificate), data), ca_public)
    if point is None or not curve.is_valid(point):
        raise ParseError("the certificate yields no public key", 0, "certificate")
    return point


# Issuing. `k`, `k_device` and `ca_private` are numbers from 1 to n - 1 (`Suite.scalar`).


def issue(template: Certificate, ca_private: int, k: int) -> tuple[Certificate, int]:
    """In one step: the certificate and the device's private key, which the CA sees.

    The template is a certificate without its reconstruction data. Raises BuildError for the
    rare `k` that yields no key; take another.
    """
    return _certify(template, None, ca_private, k)


def request(suite: Suite, k_device: int) -> bytes:
    """In two steps, the device: R = kU*G, to be sent to the CA with the identity."""
    curve = suite.curve
    return curve.compress(_product(curve.multiply(k_device, curve.generator)))


def certify(template: Certificate, requested: bytes, ca_private: int, k: int) -> tuple[Certificate, int]:
    """In two steps, the CA: the certificate and the private reconstruction value r.

    Raises ParseError for a request that is no public key, BuildError for a `k` that yields none.
    """
    return _certify(template, template.suite.curve.public_point(requested), ca_private, k)


def complete(certificate: Certificate, k_device: int, r: int, ca_public: Point) -> int:
    """In two steps, the device: its private key d = e*kU + r. Raises ParseError if it does not fit."""
    curve = certificate.suite.curve
    private = (certificate_number(certificate) * k_device + r) % curve.n
    if curve.multiply(private, curve.generator) != reconstruct(certificate, ca_public):
        raise ParseError("the private key does not belong to the certificate", 0, "certificate")
    return private


def _certify(
    template: Certificate, requested: Point | None, ca_private: int, k: int
) -> tuple[Certificate, int]:
    curve = template.suite.curve
    point = curve.add(requested, curve.multiply(k, curve.generator))
    certificate = replace(template, reconstruction=curve.compress(_product(point)))
    value = (certificate_number(certificate) * k + ca_private) % curve.n
    if not value:
        raise BuildError("these numbers yield no key: take another k")
    return certificate, value


def _product(point: Point | None) -> Point:
    if point is None:
        raise BuildError("these numbers yield no key: take another k")
    return point
