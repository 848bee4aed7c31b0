"""What `smets pki check` asks of certificates: their profile, and the path to a trust anchor.

Source: reference gbcs-crypto 13.1 and 13.3. Organisations and devices have hierarchies of
their own. Where no trust anchor of a hierarchy is at hand, only the links that are there
are checked, and the path counts as unchecked.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, NamedTuple

from gbcs.errors import SecurityError
from gbcs.ids import KeyUsage
from gbcs.security.authority import is_root
from gbcs.security.certificates import check_certificate, check_path, profile_faults
from gbcs.time import Utc

if TYPE_CHECKING:
    from gbcs.security.store import Credential


class Findings(NamedTuple):
    """What was found about one certificate; `path` is valid, invalid or unchecked."""

    path: str
    faults: tuple[str, ...]


class Checker:
    """Checks certificates as a device does, at a moment (None: whatever the time).

    `roots` are the trust anchors; without any, every root among `credentials` is one.
    """

    def __init__(
        self, credentials: Iterable[Credential], roots: Sequence[Credential], at: Utc | None
    ) -> None:
        self._authorities = [c for c in credentials if c.usage is KeyUsage.KEY_CERT_SIGN]
        self._anchors = list(roots) or [c for c in self._authorities if is_root(c)]
        self._at = at

    def check(self, credential: Credential) -> Findings:
        """Everything that is wrong with a certificate."""
        faults = list(profile_faults(credential))
        path, fault = self._path(credential)
        if fault:
            faults.append(fault)
        return Findings(path, tuple(faults))

    def _path(self, credential: Credential) -> tuple[str, str]:
        # A root's own signature and time are looked at as well, which a device does not do.
        if is_root(credential) and any(a.der == credential.der for a in self._anchors):
            fault = self._link(credential, credential)
            return ("invalid" if fault else "valid"), fault
        anchors = [a for a in self._anchors if (a.role is None) is (credential.role is None)]
        if not anchors:
            return self._without_anchor(credential)
        fault = ""
        for anchor in anchors:
            if anchor.der == credential.der:
                return "valid", ""
            try:
                check_path(credential, self._authorities, anchor, self._at)
            except SecurityError as error:
                # With several anchors the one the path leads to has the better reason.
                if not fault or not error.reason.startswith("no path"):
                    fault = error.reason
            else:
                return "valid", ""
        return "invalid", fault

    def _without_anchor(self, credential: Credential) -> tuple[str, str]:
        issuers = [a for a in self._authorities if a.certificate.subject == credential.certificate.issuer]
        faults = [self._link(credential, issuer) for issuer in issuers]
        fault = "" if "" in faults else next(iter(faults), self._time(credential))
        return ("invalid" if fault and issuers else "unchecked"), fault

    def _link(self, credential: Credential, issuer: Credential) -> str:
        try:
            check_certificate(credential, issuer, self._at)
        except SecurityError as error:
            return error.reason
        return ""

    def _time(self, credential: Credential) -> str:
        if self._at is None:
            return ""
        if self._at < Utc.from_datetime(credential.certificate.not_valid_before_utc):
            return "not valid yet"
        end = Utc.from_datetime(credential.certificate.not_valid_after_utc)
        return "expired" if self._at.seconds > end.seconds else ""
