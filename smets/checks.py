"""The checks of an arriving command, and what each failure leaves behind.

Order and outcomes: reference gbcs-messages 11. The order is the setting
`check_order`; framing comes before all of them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gbcs.errors import Check, ParseError, SecurityError
from gbcs.ids import Cra, KeyUsage, Role
from gbcs.message import Message, parse_message
from gbcs.security.mac import check_mac
from gbcs.security.signature import check_signature

from .arrival import Arrival
from .identity import Cell
from .own_credentials_server import CODES as OWN_CERTIFICATES
from .replacement_server import contingency_signer

if TYPE_CHECKING:
    from .profile import Profile
    from .work import Work

INTEGRITY = 0x8F1E
NO_AUTHORITY = 0x8F30
AUTHENTICATION = 0x8F3D
FAILED_NOT_COVERED = 0x8F53
UNUSUAL_NUMBERS = 0x8F60
NOT_SUPPORTED = 0x8F85


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a failed check leaves: a security log code, an alert code, the rule."""

    log: int | None
    alert: int | None
    rule: str


OUTCOMES: dict[Check, Outcome] = {
    Check.FRAMING: Outcome(INTEGRITY, INTEGRITY, "gbcs-messages 11 step 1"),
    Check.TARGET: Outcome(None, None, "gbcs-messages 11 step 2"),
    Check.MESSAGE_CODE: Outcome(INTEGRITY, INTEGRITY, "gbcs-messages 11 step 3"),
    Check.ORIGINATOR: Outcome(FAILED_NOT_COVERED, AUTHENTICATION, "gbcs-messages 11 step 4"),
    Check.AUTHORITY: Outcome(FAILED_NOT_COVERED, NO_AUTHORITY, "gbcs-messages 11 step 5"),
    Check.COUNTER: Outcome(FAILED_NOT_COVERED, None, "gbcs-messages 11 step 6"),
    Check.MAC: Outcome(FAILED_NOT_COVERED, AUTHENTICATION, "gbcs-messages 11 step 7"),
    Check.SIGNATURE: Outcome(FAILED_NOT_COVERED, AUTHENTICATION, "gbcs-messages 11 step 8"),
    Check.CERTIFICATE: Outcome(FAILED_NOT_COVERED, AUTHENTICATION, "gbcs-messages 2.4"),
    Check.TEMPLATE: Outcome(INTEGRITY, INTEGRITY, "gbcs-messages 11 step 9"),
}


def arrived(octets: bytes) -> Message:
    """Framing: the message, if it has one of the two forms of a command. Raises ParseError."""
    message = parse_message(octets)
    if message.cra is not Cra.COMMAND:
        raise ParseError(f"a {message.kind.value} is not for a device", 0, "cra flag")
    if not message.has_signature_length:
        raise ParseError("a pre-command is not for a device", len(octets), "signature length")
    if message.date_time is not None:
        raise ParseError("a command has no date-time", 0, "date-time")
    other = message.other
    if other.originator_counter is not None or (other.party is not None and other.party_counter is None):
        raise ParseError("no form of a command", 0, "other-information")
    return message


def _target(arrival: Arrival, profile: Profile, work: Work) -> None:
    message = arrival.message
    if message.recipient != arrival.identity.entity:
        raise SecurityError(Check.TARGET, f"for {message.recipient}, not for this device")


def _message_code(arrival: Arrival, profile: Profile, work: Work) -> None:
    """Devices that answer an unsupported code do so once it passed all other checks."""
    if arrival.unsupported and not work.settings.answers_unsupported:
        raise SecurityError(Check.MESSAGE_CODE, f"{arrival.message.code:04X} is not supported")


def _originator(arrival: Arrival, profile: Profile, work: Work) -> None:
    if not arrival.roles:
        raise SecurityError(Check.ORIGINATOR, f"{arrival.message.originator} is in no trust anchor cell")


def _authority(arrival: Arrival, profile: Profile, work: Work) -> None:
    if arrival.unsupported or arrival.use_case is None or not arrival.roles:
        return
    allowed = arrival.use_case.roles
    if arrival.message.code in OWN_CERTIFICATES:
        allowed += work.settings.credentials.own_certificates_from
    if arrival.role not in allowed:
        names = ", ".join(role.spec_name for role in arrival.roles)
        raise SecurityError(Check.AUTHORITY, f"{names} may not send {arrival.use_case.name}")


def _counter(arrival: Arrival, profile: Profile, work: Work) -> None:
    use_case = arrival.use_case
    if arrival.unsupported or use_case is None or not use_case.role_counted or arrival.role is None:
        return
    held = arrival.identity.counter(arrival.role)
    if arrival.message.counter <= held:
        raise SecurityError(
            Check.COUNTER,
            f"{arrival.message.counter:016X} is not greater than {held:016X} of the {arrival.role.spec_name}",
        )


def _mac(arrival: Arrival, profile: Profile, work: Work) -> None:
    use_case = arrival.use_case
    if not arrival.message.mac_header:
        optional = use_case is not None and (not use_case.command_maced or use_case.signed_or_maced)
        if not (optional and arrival.message.signature is not None):
            raise SecurityError(Check.MAC, "the command has no MAC")
    else:
        broker = arrival.identity.cell(Cell(Role.ACCESS_CONTROL_BROKER, KeyUsage.KEY_AGREEMENT))
        if broker is None:
            raise SecurityError(Check.MAC, "the device knows no Access Control Broker")
        check_mac(arrival.message, arrival.identity.secret_with(broker))
    if arrival.unsupported or arrival.answer_signed or not arrival.roles:
        return
    if arrival.key_agreement_of_originator() is None:
        raise SecurityError(Check.MAC, "no key agreement cell to MAC the response for the originator")


def _signature(arrival: Arrival, profile: Profile, work: Work) -> None:
    message = arrival.message
    needed = arrival.use_case is not None and not arrival.unsupported and arrival.use_case.command_signed
    if arrival.use_case is not None and arrival.use_case.signed_or_maced:
        needed = not message.mac_header
    if message.signature is None:
        if needed:
            raise SecurityError(Check.SIGNATURE, "a critical command has to be signed")
        return
    if arrival.by_contingency:
        try:
            signer = contingency_signer(arrival, profile.device_type)
        except ParseError as error:
            raise SecurityError(Check.TEMPLATE, str(error)) from None
        if signer is not None:
            return check_signature(message, signer)
    for role in (arrival.role, *arrival.roles):
        held = arrival.identity.cell(Cell(role, KeyUsage.DIGITAL_SIGNATURE)) if role is not None else None
        if held is not None and held.entity == message.originator:
            return check_signature(message, held.public_key)
    raise SecurityError(Check.SIGNATURE, f"no digital signature cell holds {message.originator}")


def _certificate(arrival: Arrival, profile: Profile, work: Work) -> None:
    other = arrival.message.other
    if other.certificate is None:
        return
    try:
        peer = arrival.identity.read(other.certificate)
    except ParseError as error:
        raise SecurityError(Check.CERTIFICATE, str(error)) from None
    if peer.usage is not KeyUsage.KEY_AGREEMENT:
        raise SecurityError(Check.CERTIFICATE, "not a key agreement certificate")
    if peer.entity != other.party:
        raise SecurityError(Check.CERTIFICATE, f"of {peer.entity}, not of {other.party}")
    arrival.peer = peer


def _template(arrival: Arrival, profile: Profile, work: Work) -> None:
    if arrival.unsupported or arrival.use_case is None:
        return
    try:
        arrival.request = profile.server(arrival.use_case).conform(arrival)
    except ParseError as error:
        raise SecurityError(Check.TEMPLATE, str(error)) from None


CHECKS: dict[Check, Callable[[Arrival, Profile, Work], None]] = {
    Check.TARGET: _target,
    Check.MESSAGE_CODE: _message_code,
    Check.ORIGINATOR: _originator,
    Check.AUTHORITY: _authority,
    Check.COUNTER: _counter,
    Check.MAC: _mac,
    Check.SIGNATURE: _signature,
    Check.CERTIFICATE: _certificate,
    Check.TEMPLATE: _template,
}
