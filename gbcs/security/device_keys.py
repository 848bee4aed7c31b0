"""Keys between two devices: a gas meter and a prepayment display that learnt of each other by a join.

Each side's CS03C command brings the other's key agreement certificate; with it they MAC the
commands PCS01 and PCS02 and their responses. Immutable: each step gives the next state. Source:
GBCS CS03, CS04, PCS01, PCS02 (reference: gbcs-crypto 17, gbcs-messages 4.5 and 8.5; the layout is
verified there, the choice of the key is not).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import IntEnum
from typing import NamedTuple

from ..asn1.codec import decode, plain
from ..asn1.payload_rows import JOIN_COMMAND
from ..errors import Check, KeyUnavailable, ParseError, SecurityError
from ..ids import Cra, DeviceType, EntityId, KeyUsage, Kind
from ..message import Message
from .certificates import read_certificate
from .mac import check_mac, with_mac
from .store import Credential

COMMANDS = frozenset({0x0090, 0x009B})  # PCS02, PCS01
PAIR = frozenset({DeviceType.GSME, DeviceType.PPMID})  # who has such keys

# DeviceType of the GBCS ASN.1 module, from 0
_DEVICE_TYPES = (
    DeviceType.GSME,
    DeviceType.ESME,
    DeviceType.CHF,
    DeviceType.GPF,
    DeviceType.HCALCS,
    DeviceType.PPMID,
    DeviceType.TYPE2,
)

SecretWith = Callable[[Credential], bytes]
"""The secret our key agreement key shares with that of a certificate."""


class JoinMethod(IntEnum):
    """joinMethodAndRole."""

    METHOD_A_INITIATOR = 0
    METHOD_A_RESPONDER = 1
    METHOD_B = 2
    METHOD_C = 3


class JoinCode(IntEnum):
    """The response codes that are decided here."""

    SUCCESS = 0
    INVALID_OR_MISSING_CERTIFICATE = 11


@dataclass(frozen=True, slots=True)
class DeviceKeySettings:
    """What the specification leaves open about keys between devices."""

    refuses_spare_certificate: bool = True
    """Answer 11 to a certificate in a join that needs none. Gap: that it is there if and only if
    a gas meter and a prepayment display join is stated, the answer otherwise is not (gbcs-crypto 17)."""

    keeps_counter: bool = True
    """A device that joins again with the key it had keeps its counter, so that its old commands
    stay old; with another key it starts at 0. Gap: no text. An unjoin forgets in any case."""


DEFAULT_SETTINGS = DeviceKeySettings()


class Join(NamedTuple):
    """The payload of a join command; `device_type` is its number in the ASN.1 module."""

    method: int
    entity: EntityId
    device_type: int
    certificate: bytes | None = None

    @classmethod
    def parse(cls, payload: bytes) -> Join:
        """Read the payload. Raises ParseError."""
        values = plain(decode(JOIN_COMMAND, payload))
        return cls(
            values["joinMethodAndRole"],
            EntityId(values["otherDeviceEntityIdentifier"]),
            values["otherDeviceType"],
            values.get("otherDeviceCertificate"),
        )


def needs_certificate(own: DeviceType, join: Join) -> bool:
    """Whether a join has to bring the other device's certificate; no other may."""
    known = 0 <= join.device_type < len(_DEVICE_TYPES)
    other = _DEVICE_TYPES[join.device_type] if known else None
    return join.method == JoinMethod.METHOD_C and {own, other} == PAIR


@dataclass(frozen=True, slots=True)
class Peer:
    """Another device: its key agreement certificate, and the highest counter of its commands so far."""

    credential: Credential
    counter: int = 0


class Joined(NamedTuple):
    """A step after a join: the next state, and the response code."""

    peers: Peers
    code: JoinCode


@dataclass(frozen=True, slots=True)
class Peers:
    """The devices whose keys a device knows, in the order of their joins."""

    known: tuple[Peer, ...] = ()

    def find(self, entity: EntityId) -> Peer | None:
        """What is known of a device, or None."""
        return next((peer for peer in self.known if peer.credential.entity == entity), None)

    def joined(
        self,
        own: DeviceType,
        join: Join,
        check: Callable[[Credential], None] | None = None,
        settings: DeviceKeySettings = DEFAULT_SETTINGS,
    ) -> Joined:
        """Learn the key a join brings, if it is one that does; nothing changes where it is refused.

        `check` may ask more of the certificate (its path to the device root) and raises
        SecurityError. Everything else about a join is judged elsewhere.
        """
        if not needs_certificate(own, join):
            refused = join.certificate is not None and settings.refuses_spare_certificate
            return Joined(self, JoinCode.INVALID_OR_MISSING_CERTIFICATE if refused else JoinCode.SUCCESS)
        try:
            credential = _device_certificate(join)
            if check is not None:
                check(credential)
        except (ParseError, SecurityError):
            return Joined(self, JoinCode.INVALID_OR_MISSING_CERTIFICATE)
        held = self.find(join.entity)
        same = held is not None and held.credential.point == credential.point
        counter = held.counter if held is not None and same and settings.keeps_counter else 0
        return Joined(self._with(Peer(credential, counter)), JoinCode.SUCCESS)

    def unjoined(self, entity: EntityId) -> Peers:
        """Forget certificate and counter of a device; of one that is not known there is nothing to forget."""
        return Peers(tuple(peer for peer in self.known if peer.credential.entity != entity))

    def protect(self, message: Message, secret_with: SecretWith) -> Message:
        """A command or response to another device, with its MAC (form C without signature).

        Raises KeyUnavailable for a device that never joined.
        """
        peer = self.find(message.recipient)
        if peer is None:
            raise KeyUnavailable(f"no key agreement certificate of {message.recipient}")
        return with_mac(message, secret_with(peer.credential))

    def accept_command(self, message: Message, own: EntityId, secret_with: SecretWith) -> Peers:
        """Check a command of another device: the state with its counter, which moves only if all holds.

        The order is that of remote parties' commands (gbcs-messages 11). Raises SecurityError.
        """
        if message.kind is not Kind.COMMAND or not message.mac_header or message.signature is not None:
            raise SecurityError(Check.FRAMING, "not a command with a MAC and without a signature")
        if message.recipient != own:
            raise SecurityError(Check.TARGET, f"to {message.recipient}")
        if message.code not in COMMANDS:
            raise SecurityError(Check.MESSAGE_CODE, f"{message.code:04X} is not sent between devices")
        peer = self.find(message.originator)
        if peer is None:
            raise SecurityError(Check.ORIGINATOR, f"{message.originator} has not joined")
        if message.counter <= peer.counter:
            raise SecurityError(
                Check.COUNTER, f"{message.counter:016X} is not greater than {peer.counter:016X}"
            )
        check_mac(message, secret_with(peer.credential))
        return self._with(replace(peer, counter=message.counter))

    def check_response(self, command: Message, response: Message, secret_with: SecretWith) -> None:
        """Check the response to a command we sent to another device. Raises SecurityError."""
        if response.cra is not Cra.RESPONSE or not response.mac_header or response.signature is not None:
            raise SecurityError(Check.FRAMING, "not a response with a MAC and without a signature")
        if (response.originator, response.recipient) != (command.recipient, command.originator):
            raise SecurityError(Check.TARGET, f"from {response.originator} to {response.recipient}")
        if response.code != command.code:
            raise SecurityError(Check.MESSAGE_CODE, f"{response.code:04X} does not answer {command.code:04X}")
        if response.counter != command.counter:
            raise SecurityError(
                Check.COUNTER, f"{response.counter:016X} answers another command than {command.counter:016X}"
            )
        peer = self.find(response.originator)
        if peer is None:
            raise SecurityError(Check.ORIGINATOR, f"{response.originator} has not joined")
        check_mac(response, secret_with(peer.credential))

    def _with(self, peer: Peer) -> Peers:
        entity = peer.credential.entity
        if self.find(entity) is None:
            return Peers((*self.known, peer))
        return Peers(tuple(peer if held.credential.entity == entity else held for held in self.known))


def _device_certificate(join: Join) -> Credential:
    """The key agreement certificate of the device that joins. Raises ParseError or SecurityError."""
    if join.certificate is None:
        raise SecurityError(Check.CERTIFICATE, "missing")
    credential = read_certificate(join.certificate)
    if credential.usage is not KeyUsage.KEY_AGREEMENT or credential.role is not None:
        raise SecurityError(Check.CERTIFICATE, "not a key agreement certificate of a device")
    if credential.entity != join.entity:
        raise SecurityError(Check.CERTIFICATE, f"of {credential.entity}, not of {join.entity}")
    return credential
