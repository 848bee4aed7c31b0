"""The bare side of a ratio: the OpenSSL calls a message cannot do without, and nothing else.

They find everything ready: loaded keys, DER signatures, and the octets to sign, to hash
and to authenticate. Every message has a key of its own, so the hash that derives it and the
AES-GCM object made from it are part of the bare side. Parsing, conversion, looking up keys and
key agreement (which both sides do once a pair of parties, before the clock runs) are not.
"""

from collections.abc import Callable, Sequence
from hashlib import sha256

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256

from gbcs.errors import KeyUnavailable
from gbcs.ids import Cra, EntityId, KeyUsage, Role
from gbcs.message import Message
from gbcs.security.keys import SharedSecrets
from gbcs.security.store import KeyStore

Call = Callable[[], object]
_VERIFYING = ec.ECDSA(SHA256())
_SIGNING = ec.ECDSA(SHA256(), deterministic_signing=True)


def checks(messages: Sequence[Message], keys: KeyStore) -> list[Call]:
    """The calls that check signatures and MACs, of messages whose keys are there."""
    secrets = SharedSecrets(keys)
    calls: list[Call] = []
    for message in messages:
        if message.signature is not None:
            calls += _signature_check(message, keys)
        if message.mac is not None:
            sender = _mac_sender(message, keys)
            secret = None if sender is None else _secret(sender, message.recipient, keys, secrets)
            if secret is not None:
                calls.append(mac(message, secret))
    return calls


def sealings(messages: Sequence[Message], broker: EntityId, keys: KeyStore) -> list[Call]:
    """The calls that sign commands and MAC them."""
    secrets = SharedSecrets(keys)
    calls: list[Call] = []
    for message in messages:
        signer = keys.find(message.originator, KeyUsage.DIGITAL_SIGNATURE)
        private = None if signer is None else keys.private_key(signer)
        secret = _secret(broker, message.recipient, keys, secrets)
        assert private is not None
        assert secret is not None
        calls += [_signing(private, message.signed_octets), mac(message, secret)]
    return calls


def mac(message: Message, secret: bytes) -> Call:
    """The call that makes the MAC of a message; it is the right one."""
    identity = message.originator + b"\x09" + bytes((message.cra,)) + message.counter.to_bytes(8, "big")
    material = b"\0\0\0\1" + secret + bytes.fromhex("60857406080300") + identity + bytes(message.recipient)
    nonce, covered = message.originator + bytes(4), message.maced_octets

    def call() -> bytes:
        return AESGCM(sha256(material).digest()[:16]).encrypt(nonce, b"", covered)

    assert call()[:12] == message.mac
    return call


def _signing(private: ec.EllipticCurvePrivateKey, octets: bytes) -> Call:
    return lambda: private.sign(octets, _SIGNING)


def _signature_check(message: Message, keys: KeyStore) -> list[Call]:
    signer = keys.find(message.originator, KeyUsage.DIGITAL_SIGNATURE)
    if signer is None or message.signature is None:
        return []
    r, s = (int.from_bytes(half, "big") for half in (message.signature[:32], message.signature[32:]))
    public, der, octets = signer.public_key, encode_dss_signature(r, s), message.signed_octets
    return [lambda: public.verify(der, octets, _VERIFYING)]


def _mac_sender(message: Message, keys: KeyStore) -> EntityId | None:
    """The broker for a remote party's command, else the originator."""
    originator = keys.find(message.originator, KeyUsage.KEY_AGREEMENT)
    if message.cra is Cra.COMMAND and (originator is None or originator.role is not None):
        return keys.with_role(Role.ACCESS_CONTROL_BROKER, KeyUsage.KEY_AGREEMENT)[0].entity
    return None if originator is None else originator.entity


def _secret(one: EntityId, other: EntityId, keys: KeyStore, secrets: SharedSecrets) -> bytes | None:
    held = [keys.find(entity, KeyUsage.KEY_AGREEMENT) for entity in (one, other)]
    if held[0] is None or held[1] is None:
        return None
    try:
        return secrets.between(held[0], held[1])
    except KeyUnavailable:
        return None
