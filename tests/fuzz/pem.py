"""Files of a key folder: PEM blocks of certificates and keys, raising nothing."""

from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from gbcs.security.pem import PemKeyStore
from gbcs.security.store import Credential
from tests.fuzz.harness import Target
from tests.gbcs import generated


def key_octets(credential: Credential) -> bytes:
    """The private key of a certificate in PEM."""
    key = generated.keyring().pki.store.private_key(credential)
    assert key is not None
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def seeds() -> list[bytes]:
    held = generated.keyring().pki.store.all()[::4]
    return [c.certificate.public_bytes(Encoding.PEM) + key_octets(c) for c in held]


def one(octets: bytes) -> bool:
    store = PemKeyStore([("file-ka.pem", octets)])
    assert all(note.isprintable() for note in store.notes)
    return bool(store.all())


TARGET = Target("pem", seeds, one, ())
