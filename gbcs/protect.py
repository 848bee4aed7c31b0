"""How each message is protected, and doing it with the keys of a store.

This is the bench's view: a store that holds the keys of several parties can take the part
of each. A device uses its own cells and keys, a remote party its own (`party`). Source:
GBCS cryptographic protection I and II (reference: gbcs-messages 4, gbcs-crypto 4).
"""

from __future__ import annotations

from typing import NamedTuple

from .asn1.credentials import read_command
from .errors import BuildError, KeyUnavailable, ParseError
from .ids import Cra, EntityId, KeyUsage, Kind, Role
from .message import Message
from .security.encryption import ContentKey, seal, unseal
from .security.keys import SharedSecrets
from .security.mac import with_mac
from .security.signature import with_signature
from .security.store import Credential, KeyStore
from .usecases import UseCase, by_code


class Protection(NamedTuple):
    """What a message carries."""

    signed: bool
    maced: bool


def protection(
    message: Message, use_case: UseCase, to_broker: bool = False, on_hub: bool = False
) -> Protection:
    """What a message of a use case has to carry.

    `to_broker` says that a response goes to the Access Control Broker: the answers of CS02a and
    CS02f then have a MAC, otherwise a signature, as their commands. `on_hub` says that the device is a
    CHF, where the broker also signs the replacement of its own credentials (gbcs-messages 4.3).
    Raises BuildError where a payload does not tell what it must.
    """
    if message.cra is Cra.ALERT:
        signed = use_case.alert_signed()
        return Protection(signed, not signed)
    if message.cra is Cra.RESPONSE:
        signed = not to_broker if use_case.signed_or_maced else use_case.response_signed
        return Protection(signed, not signed)
    if use_case.signed_or_maced:
        try:
            signed = read_command(message.payload).authorising.usage is KeyUsage.DIGITAL_SIGNATURE
        except ParseError as error:
            raise BuildError(error.reason, f"payload.{error.path}") from None
        return Protection(signed, not signed)
    signed = use_case.command_signed or (on_hub and use_case.critical)
    return Protection(signed, use_case.command_maced)


class Keys:
    """The keys of a store at work: sign, MAC, seal and open messages between any of its parties.

    `broker` is who MACs commands; by default the one Access Control Broker of the store.
    """

    __slots__ = ("_broker", "_secrets", "store")

    def __init__(self, store: KeyStore, broker: EntityId | None = None) -> None:
        self.store = store
        self._broker = broker
        self._secrets = SharedSecrets(store)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.store!r})"

    def sign(self, message: Message) -> Message:
        """The message with its originator's signature. Raises KeyUnavailable."""
        signer = self.store.find(message.originator, KeyUsage.DIGITAL_SIGNATURE)
        private = None if signer is None else self.store.private_key(signer)
        if private is None:
            raise KeyUnavailable(f"no digital signature key of {message.originator}")
        return with_signature(message, private)

    def mac(self, message: Message) -> Message:
        """The message in the MAC Header, with the broker's or the device's MAC. Raises KeyUnavailable."""
        sender = self._broker_of(message) or message.originator
        return with_mac(message, self._secret(sender, message.recipient))

    def protect(self, message: Message, on_hub: bool = False) -> Message:
        """The message as its use case has it protected. Raises KeyUnavailable or BuildError."""
        use_case = by_code(message.code)
        if use_case is None:
            raise BuildError(f"{message.code:04X} is no use case", "use_case")
        wanted = protection(message, use_case, self._is_broker(message.recipient), on_hub)
        if wanted.signed:
            message = self.sign(message)
        return self.mac(message) if wanted.maced else message

    def seal(self, draft: Message, plaintext: bytes) -> bytes:
        """The protected value of a plaintext in a response or alert. Raises KeyUnavailable."""
        content = ContentKey.of(draft)
        return seal(plaintext, self._content_key(draft, content), content.originator)

    def unseal(self, message: Message, octets: bytes) -> bytes:
        """The plaintext of a protected value. Raises KeyUnavailable, ParseError or SecurityError."""
        content = ContentKey.of(message)
        return unseal(octets, self._content_key(message, content), content.originator)

    def _content_key(self, message: Message, content: ContentKey) -> bytes:
        return content.derive(self._secret(content.originator, content.recipient))

    def _secret(self, one: EntityId, other: EntityId) -> bytes:
        return self._secrets.between(self._need(one), self._need(other))

    def _need(self, entity: EntityId) -> Credential:
        found = self.store.find(entity, KeyUsage.KEY_AGREEMENT)
        if found is None:
            raise KeyUnavailable(f"no key agreement certificate of {entity}")
        return found

    def _broker_of(self, message: Message) -> EntityId | None:
        """Who MACs a command of a remote party; None where the originator does it itself."""
        if message.kind not in (Kind.COMMAND, Kind.PRECOMMAND) or self._is_device(message.originator):
            return None
        if self._broker is not None:
            return self._broker
        brokers = self.store.with_role(Role.ACCESS_CONTROL_BROKER, KeyUsage.KEY_AGREEMENT)
        if len({broker.entity for broker in brokers}) != 1:
            raise KeyUnavailable(f"{len(brokers)} Access Control Brokers in the store: name one")
        return brokers[0].entity

    def _is_device(self, entity: EntityId) -> bool:
        found = self.store.find(entity, KeyUsage.KEY_AGREEMENT)
        return found is not None and found.role is None

    def _is_broker(self, entity: EntityId) -> bool:
        found = self.store.find(entity, KeyUsage.KEY_AGREEMENT)
        return found is not None and found.role is Role.ACCESS_CONTROL_BROKER
