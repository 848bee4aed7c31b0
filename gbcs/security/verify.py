"""Which key protects which message, and whether it does (GBCS 4.2; reference: gbcs-messages 4.1).

This is the observer's view, for someone who holds a key store and reads any message; a
device uses its own trust anchor cells and a remote party its own keys.
"""

from __future__ import annotations

from enum import Enum
from typing import NamedTuple

from ..errors import KeyUnavailable
from ..ids import Cra, KeyUsage, Role
from ..message import Message
from .encryption import ContentKey, unseal
from .keys import SharedSecrets
from .mac import mac_is_valid
from .signature import signature_is_valid
from .store import Credential, KeyStore


class Verdict(Enum):
    """What a check found."""

    VALID = "valid"
    INVALID = "invalid"
    ABSENT = "absent"
    UNCHECKED = "unchecked"


class Verdicts(NamedTuple):
    """The verdicts on one message."""

    signature: Verdict
    mac: Verdict


class Verifier:
    """Checks messages against a key store, whoever they are between."""

    __slots__ = ("_brokers", "_secrets", "_store")

    def __init__(self, store: KeyStore) -> None:
        self._store = store
        self._secrets = SharedSecrets(store)
        self._brokers = store.with_role(Role.ACCESS_CONTROL_BROKER, KeyUsage.KEY_AGREEMENT)

    def verify(self, message: Message) -> Verdicts:
        """Check signature and MAC; a missing key gives `unchecked`."""
        return Verdicts(self._signature(message), self._mac(message))

    def unseal(self, message: Message, octets: bytes) -> bytes:
        """Decrypt a protected value of a message.

        Raises KeyUnavailable, ParseError or SecurityError.
        """
        content = ContentKey.of(message)
        originator = self._store.find(content.originator, KeyUsage.KEY_AGREEMENT)
        recipient = self._store.find(content.recipient, KeyUsage.KEY_AGREEMENT)
        if originator is None or recipient is None:
            missing = content.originator if originator is None else content.recipient
            raise KeyUnavailable(f"no key agreement certificate of {missing}")
        key = content.derive(self._secrets.between(originator, recipient))
        return unseal(octets, key, content.originator)

    def _signature(self, message: Message) -> Verdict:
        if message.signature is None:
            return Verdict.ABSENT
        signer = self._store.find(message.originator, KeyUsage.DIGITAL_SIGNATURE)
        if signer is None:
            return Verdict.UNCHECKED
        valid = signature_is_valid(message, signer.public_key)
        return Verdict.VALID if valid else Verdict.INVALID

    def _mac(self, message: Message) -> Verdict:
        if message.mac is None:
            return Verdict.ABSENT
        recipient = self._store.find(message.recipient, KeyUsage.KEY_AGREEMENT)
        if recipient is None:
            return Verdict.UNCHECKED
        verdict = Verdict.UNCHECKED
        for sender in self._mac_senders(message):
            try:
                secret = self._secrets.between(sender, recipient)
            except KeyUnavailable:
                continue
            if mac_is_valid(message, secret):
                return Verdict.VALID
            verdict = Verdict.INVALID
        return verdict

    def _mac_senders(self, message: Message) -> tuple[Credential, ...]:
        """Who may have MACed: the broker for a remote party's command, else the originator."""
        originator = self._store.find(message.originator, KeyUsage.KEY_AGREEMENT)
        if message.cra is Cra.COMMAND and (originator is None or originator.role is not None):
            return self._brokers
        return () if originator is None else (originator,)
