"""Which declaration a payload has: by Message Code and kind, or by name."""

from __future__ import annotations

from ..errors import BuildError
from ..ids import Kind
from .payload_rows import PAYLOADS
from .schema import Asn1Type

_BY_NAME = {declared.name: declared for declared in PAYLOADS.values()}


def payload_type(code: int, kind: Kind) -> Asn1Type | None:
    """The declaration of a payload, None where the message carries no ASN.1."""
    return PAYLOADS.get((code, kind))


def payload_types() -> tuple[Asn1Type, ...]:
    """Every declaration of a payload once, in the order of the table."""
    return tuple(_BY_NAME.values())


def named_type(name: str) -> Asn1Type:
    """The declaration of that name. Raises BuildError."""
    declared = _BY_NAME.get(name)
    if declared is None:
        raise BuildError(f"no payload is called {name!r}")
    return declared
