"""A device's side of key establishment: its implicit certificate, private key and CA key.

The text form is that in which a CA delivers: four items of hex digits, each after its label,
on the same line or the next. The third is called private key reconstruction data and is the
final private key. Source: the deliveries of the commercial CA (reference: se-security 4.3).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from gbcs.errors import GbcsError, KeyStoreError
from gbcs.ids import EntityId

from .curves import Point
from .ecqv import Certificate, parse_certificate, reconstruct
from .suites import Suite

_LABEL = re.compile(r"\s*([A-Za-z][^:=]*?)\s*[:=](.*)")
_CA, _CERTIFICATE, _PRIVATE, _PUBLIC = ITEMS = (
    "CA Pub Key",
    "Device Implicit Cert",
    "Private Key Reconstruction Data",
    "Device Public Key",
)
_ALSO = {
    "ca public key": _CA,
    "device implicit certificate": _CERTIFICATE,
    "device private key": _PRIVATE,
    "device pub key": _PUBLIC,
}
_ITEM_OF = {item.lower(): item for item in ITEMS} | _ALSO


@dataclass(frozen=True, slots=True)
class CbkeCredential:
    """What a device holds for one suite and issuer. Raises KeyStoreError for a mixed-up set.

    The set is checked: private key and certificate yield the same public key.
    """

    ca_public: Point
    certificate: Certificate
    private: int = field(repr=False)

    def __post_init__(self) -> None:
        """Catches items of different sets, a wrong CA key and truncation."""
        curve = self.suite.curve
        if not 0 < self.private < curve.n:
            raise KeyStoreError("the private key is out of range")
        if not curve.is_valid(self.ca_public):
            raise KeyStoreError("the CA's public key is no key")
        try:
            public = self.public
        except GbcsError as error:
            raise KeyStoreError(f"the certificate yields no key: {error}") from None
        if curve.multiply(self.private, curve.generator) != public:
            raise KeyStoreError("certificate, private key and CA key do not belong together")

    @property
    def suite(self) -> Suite:
        """The suite of the certificate."""
        return self.certificate.suite

    @property
    def subject(self) -> EntityId:
        """The device."""
        return self.certificate.subject

    @property
    def issuer(self) -> bytes:
        """The identifier of the CA, 8 octets."""
        return self.certificate.issuer

    @property
    def public(self) -> Point:
        """The device's public key, reconstructed."""
        return reconstruct(self.certificate, self.ca_public)

    @classmethod
    def parse(cls, text: str) -> CbkeCredential:
        """From the CA's text form; other labelled lines are passed over. Raises KeyStoreError."""
        items = _items(text)
        octets = items[_CERTIFICATE]
        suites = [suite for suite in Suite if suite.certificate_size == len(octets)]
        if not suites:
            raise KeyStoreError(f"{_CERTIFICATE}: {len(octets)} octets are no certificate")
        (suite,) = suites
        curve = suite.curve
        if len(items[_PRIVATE]) != suite.private_size:
            raise KeyStoreError(f"{_PRIVATE}: {suite.private_size} octets needed")
        points = []
        for item in (_CA, _PUBLIC):
            try:
                points.append(curve.public_point(items[item]))
            except GbcsError as error:
                raise KeyStoreError(f"{item}: {error}") from None
        private = int.from_bytes(items[_PRIVATE], "big")
        credential = cls(points[0], parse_certificate(suite, octets), private)
        if credential.public != points[1]:
            raise KeyStoreError(f"{_PUBLIC}: not the one of the certificate")
        return credential

    def text(self) -> str:
        """The CA's text form. It shows the private key."""
        curve = self.suite.curve
        values = {
            _CA: curve.compress(self.ca_public),
            _CERTIFICATE: self.certificate.octets,
            _PRIVATE: self.private.to_bytes(self.suite.private_size, "big"),
            _PUBLIC: curve.compress(self.public),
        }
        return "".join(f"{item}: {values[item].hex()}\n" for item in ITEMS)


def _items(text: str) -> dict[str, bytes]:
    found: dict[str, str] = {}
    item: str | None = None
    for line in text.splitlines():
        if line.lstrip().startswith("#"):
            continue
        label = _LABEL.fullmatch(line)
        if label:
            item = _ITEM_OF.get(" ".join(label[1].lower().split()))
            line = label[2]
            if item in found:
                raise KeyStoreError(f"{item}: given twice")
            if item:
                found[item] = ""
        if item:
            found[item] += line
    missing = [item for item in ITEMS if item not in found]
    if missing:
        raise KeyStoreError(f"{missing[0]}: missing")
    return {item: _hex(item, digits) for item, digits in found.items()}


def _hex(item: str, digits: str) -> bytes:
    try:
        return bytes.fromhex(digits)
    except ValueError:
        raise KeyStoreError(f"{item}: not hex digits") from None
