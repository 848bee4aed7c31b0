"""Identifiers and enumerations of the message layer.

GBCS sections as numbered in the project's reference: Remote Party roles and
device types are those of the GBCS ASN.1 module; the CRA Flag is the second
octet of the transaction identifier (GBCS 7.2.7).
"""

from __future__ import annotations

from enum import Enum, IntEnum

from .errors import BuildError


class EntityId(bytes):
    """An EUI-64 Entity Identifier: 8 octets, most significant first.

    Text forms may carry hyphens, colons or spaces and either case; inside the
    project there is one form.
    """

    __slots__ = ()

    def __new__(cls, octets: bytes) -> EntityId:
        if len(octets) != 8:
            raise BuildError(f"an entity identifier has 8 octets, not {len(octets)}")
        return super().__new__(cls, octets)

    @classmethod
    def parse(cls, text: str) -> EntityId:
        """Read 16 hex digits, with or without separators. Raises BuildError."""
        digits = text.strip().replace("-", "").replace(":", "").replace(" ", "")
        try:
            return cls(bytes.fromhex(digits))
        except ValueError:
            raise BuildError(f"not an entity identifier: {text!r}") from None

    def __str__(self) -> str:
        return self.hex().upper()

    def __repr__(self) -> str:
        return f"EntityId({self.hex().upper()})"

    def pretty(self) -> str:
        """The hyphenated form printed on devices."""
        return self.hex("-").upper()


class Cra(IntEnum):
    """Command, Response or Alert (GBCS 7.2.7)."""

    COMMAND = 1
    RESPONSE = 2
    ALERT = 3


class Kind(Enum):
    """The kinds of message a use case may have."""

    PRECOMMAND = "precommand"
    COMMAND = "command"
    RESPONSE = "response"
    ALERT = "alert"


class Role(IntEnum):
    """RemotePartyRole of the GBCS ASN.1 module."""

    ROOT = 0
    RECOVERY = 1
    SUPPLIER = 2
    NETWORK_OPERATOR = 3
    ACCESS_CONTROL_BROKER = 4
    TRANSITIONAL_COS = 5
    WAN_PROVIDER = 6
    ISSUING_AUTHORITY = 7
    LOAD_CONTROLLER = 8
    OTHER = 127

    @property
    def spec_name(self) -> str:
        """The name in the ASN.1 module."""
        return _ROLE_NAMES[self]


_ROLE_NAMES = {
    Role.ROOT: "root",
    Role.RECOVERY: "recovery",
    Role.SUPPLIER: "supplier",
    Role.NETWORK_OPERATOR: "networkOperator",
    Role.ACCESS_CONTROL_BROKER: "accessControlBroker",
    Role.TRANSITIONAL_COS: "transitionalCoS",
    Role.WAN_PROVIDER: "wanProvider",
    Role.ISSUING_AUTHORITY: "issuingAuthority",
    Role.LOAD_CONTROLLER: "loadController",
    Role.OTHER: "other",
}


class KeyUsage(Enum):
    """X.509 key usages GBCS gives a meaning, by bit number."""

    DIGITAL_SIGNATURE = 0
    KEY_AGREEMENT = 4
    KEY_CERT_SIGN = 5


class CellUsage(IntEnum):
    """CellUsage of the GBCS ASN.1 module."""

    MANAGEMENT = 0
    PREPAYMENT_TOP_UP = 1


class DeviceType(Enum):
    """Device types, by their GBCS name."""

    GSME = "GSME"
    ESME = "ESME"
    CHF = "CHF"
    GPF = "GPF"
    HCALCS = "HCALCS"
    PPMID = "PPMID"
    TYPE2 = "Type 2"
    SAPC = "SAPC"


class Payload(Enum):
    """Payload families (GBCS 7.2)."""

    DLMS = "DLMS"
    GBZ = "GBZ"
    ASN1 = "ASN1"
    NONE = "none"
