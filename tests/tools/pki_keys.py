"""What the tests of `smets pki` share: names, and looks at what a command left."""

import json
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from smets.tools.pki import HOME

from gbcs.ids import CellUsage, EntityId, KeyUsage
from gbcs.pki import ROLE_USES
from gbcs.security.certificates import hardware_module_name
from gbcs.security.folder import FolderKeyStore
from gbcs.security.store import Credential
from tests.tools.cli import Done, smets

DS, KA = KeyUsage.DIGITAL_SIGNATURE, KeyUsage.KEY_AGREEMENT
TOP_UP = CellUsage.PREPAYMENT_TOP_UP
METER = EntityId.parse("00-DB-12-34-56-78-00-01")
SUPPLIER, BROKER = EntityId.parse(HOME[0][1]), EntityId.parse(HOME[2][1])
WITHIN = "2027-06-01"
COUNT = 4 + sum(len(ROLE_USES[role]) for role, _, _ in HOME)


def lines(done: Done) -> list[dict[str, Any]]:
    return [json.loads(line) for line in done.out.splitlines()]


def snapshot(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def complaint(done: Done, status: int = 2) -> str:
    """The one line of a command that failed."""
    assert done.status == status
    assert not done.out
    assert done.err.startswith("smets: ")
    assert done.err.count("\n") == 1
    assert done.err.rstrip("\n").isprintable()
    return done.err


def credential(
    folder: Path, entity: EntityId, usage: KeyUsage, cell: CellUsage = CellUsage.MANAGEMENT
) -> Credential:
    found = FolderKeyStore(folder).find(entity, usage, cell)
    assert found is not None
    return found


def private(folder: Path, held: Credential) -> ec.EllipticCurvePrivateKey:
    key = FolderKeyStore(folder).private_key(held)
    assert key is not None
    return key


DEVICE_KEY = ec.derive_private_key(4711, ec.SECP256R1())


def usage_bits(**bits: bool) -> x509.KeyUsage:
    names = (
        "digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement",
        "key_cert_sign", "crl_sign", "encipher_only", "decipher_only",
    )  # fmt: skip
    return x509.KeyUsage(**{name: bits.get(name, False) for name in names})


def request(
    *extensions: tuple[x509.ExtensionType, bool],
    key: Any = DEVICE_KEY,
    subject: str = "",
) -> x509.CertificateSigningRequest:
    """A request as a device makes it, unless told otherwise."""
    names = [x509.NameAttribute(x509.NameOID.COMMON_NAME, subject)] if subject else []
    builder = x509.CertificateSigningRequestBuilder().subject_name(x509.Name(names))
    for extension, critical in extensions or PROFILE:
        builder = builder.add_extension(extension, critical)
    return builder.sign(key, SHA256())


SIGNING = (usage_bits(digital_signature=True), True)
AGREEMENT = (usage_bits(key_agreement=True), True)
NAME = (hardware_module_name(METER), True)
PROFILE = (SIGNING, NAME)


def new_pki(folder: Path) -> Path:
    """A new PKI, made by the command."""
    done = smets("pki", "new", str(folder))
    assert (done.status, done.err) == (0, "")
    return folder
