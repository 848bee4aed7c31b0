"""Settings of a device: one for each place where the specification is silent or unsure.

Each has a documented default and names the gap it covers, so that two readings can both
be tested.
"""

from __future__ import annotations

from dataclasses import dataclass

from gbcs.errors import BuildError, Check

from .credential_settings import DEFAULT_CREDENTIALS, CredentialSettings

ARRIVAL_CHECKS = (
    Check.TARGET,
    Check.MESSAGE_CODE,
    Check.ORIGINATOR,
    Check.AUTHORITY,
    Check.COUNTER,
    Check.MAC,
    Check.SIGNATURE,
    Check.CERTIFICATE,
    Check.TEMPLATE,
)


@dataclass(frozen=True, slots=True)
class DeviceSettings:
    """Settings every device has. Raises BuildError for an order that is not one of all checks."""

    check_order: tuple[Check, ...] = ARRIVAL_CHECKS
    """Order of the checks after framing, each of them once. Gap: GBCS gives the stages, the
    order inside the device is reconstructed (gbcs-messages 11)."""

    answer_repeats: int = 8
    """How many answered commands are kept, so that an octet-identical repeat gets the stored
    answer; 0 refuses repeats like any old counter. Gap: not in GBCS; a house rule."""

    alerts_per_code: int = 5
    """Alerts of one code about failed checks in `alert_window` seconds. Gap: GBCS
    leaves the limiting of authentication alerts open."""

    alert_window: int = 3600
    """Seconds of the alert limiter and of the count of unusual commands. Gap: as above."""

    unusual_commands: int = 20
    """Failed commands in the window that raise 8F60. Gap: the number is the maker's."""

    answers_unsupported: bool = True
    """Send ECS100 for an unsupported command, once it is authenticated. Gap: older devices
    log and alert 8F1E where the check stands in the order."""

    supplementary_originator_counter: bool = True
    """Answer a certificate-bearing command with encrypted content in the 26-octet form. Gap:
    both the 18 and the 26 octet form occur (gbcs-messages 2.4)."""

    missing_role_status: int = 25
    """CS02a status for a role the device does not hold: trustAnchorNotFound; CS02f samples
    have other(127). Gap: gbcs-crypto 14."""

    wide_der_lengths: bool = True
    """Lengths of 128 to 255 in our DER answers take three octets (82 00 nn), as all
    reference responses do; DER proper takes two. Gap: gbcs-messages 8.0."""

    credentials: CredentialSettings = DEFAULT_CREDENTIALS
    """How certificates and key pairs are replaced, see there."""

    def __post_init__(self) -> None:
        """An order that left a check out would let commands in unchecked."""
        if len(self.check_order) != len(ARRIVAL_CHECKS) or set(self.check_order) != set(ARRIVAL_CHECKS):
            raise BuildError("every check has to stand in it once", "check_order")


DEFAULT_SETTINGS = DeviceSettings()
