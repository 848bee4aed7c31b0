"""Settings of a device about certificates: those in its cells, and its own."""

from __future__ import annotations

from dataclasses import dataclass

from gbcs.ids import Role
from gbcs.security.own_credentials import DEFAULT_OWN, OwnCredentialSettings
from gbcs.security.replacement import DEFAULT_REPLACEMENT, ReplacementSettings


@dataclass(frozen=True, slots=True)
class CredentialSettings:
    """Settings of CS02b to CS02g on a device."""

    replacement: ReplacementSettings = DEFAULT_REPLACEMENT
    """How certificates in cells are judged, see there."""

    own: OwnCredentialSettings = DEFAULT_OWN
    """How the device's own are handled, see there."""

    logs_failed_replacement: bool = True
    """Write 8F70 also where no certificate was replaced. Gap: gbcs-messages 8.3 logs 8F70 at the end
    and does not say of what outcome."""

    hand_over_is_change: bool = False
    """Whether it is a change of supplier when the broker gives the supplier's cells, in which it
    stood at manufacture, to the first supplier. Gap: gbcs-crypto 12 describes the hand-over,
    smets-esme 9 the snapshot at a change of supplier; neither speaks of the other."""

    unreadable_update_log: int | None = None
    """Security Log code of a CS02d whose certificate says no usage; None: no entry. Gap: the four codes
    8F4C to 8F4F name a usage each."""

    own_certificates_from: tuple[Role, ...] = ()
    """Roles beside those of the table that may send CS02c, CS02d and CS02e. Gap: gbcs-messages 16: which
    roles may is evidenced by samples to meters alone, and not every device has a supplier's cell."""


DEFAULT_CREDENTIALS = CredentialSettings()
