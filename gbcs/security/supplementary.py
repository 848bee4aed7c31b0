"""The certificate a command brings for an unknown remote party: may content be encrypted for it?

Source: reference gbcs-crypto 8.3 and 24, gbcs-messages 2.4. The broker has checked the
party before; whether the device checks more than it needs is open, so it is a policy.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum

from ..errors import Check, ParseError, SecurityError
from ..ids import EntityId, KeyUsage
from ..time import Utc
from .certificates import check_path, profile_faults, read_certificate
from .store import Credential


class Policy(Enum):
    """What a device demands of the certificate, each including those before it.

    Gap: gbcs-crypto 24 (device check of a URP certificate: policy, default off).
    """

    OFF = "what its use needs"
    PROFILE = "the profile of an organisation"
    PATH = "a path to the root"


def accept_supplementary(
    octets: bytes,
    party: EntityId | None,
    policy: Policy = Policy.OFF,
    root: Credential | None = None,
    issuers: Sequence[Credential] = (),
    at: Utc | None = None,
) -> Credential:
    """The key agreement certificate of the Supplementary Remote Party, from DER.

    With every policy it is a readable key agreement certificate of `party`. PATH needs the `root`
    held and the `issuers` the device knows, as the command brings none; `at` None leaves
    validity out. Raises SecurityError(Check.CERTIFICATE).
    """
    try:
        credential = read_certificate(octets)
    except ParseError as error:
        raise SecurityError(Check.CERTIFICATE, str(error)) from None
    if credential.usage is not KeyUsage.KEY_AGREEMENT:
        raise SecurityError(Check.CERTIFICATE, "not a key agreement certificate")
    if credential.entity != party:
        raise SecurityError(Check.CERTIFICATE, f"of {credential.entity}, not of {party}")
    if policy is Policy.OFF:
        return credential
    faults = profile_faults(credential)
    if credential.role is None or faults:
        raise SecurityError(Check.CERTIFICATE, "; ".join(faults) or "not an organisation's")
    if policy is Policy.PATH:
        if root is None:
            raise SecurityError(Check.CERTIFICATE, "no root to check it against")
        check_path(credential, issuers, root, at)
    return credential
