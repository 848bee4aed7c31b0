"""Key stores as folders of PEM files: the one module below `hil` that opens files.

Layout (that of the reference set): `<entity id, 16 hex digits>-<ds|ka|pp-ka>.pem` holds
a certificate, the same name with `.key` its unencrypted PKCS#8 private key; authorities
are written as `<key identifier>-ca`, further certificates for a use as `...-2`, `...-3`.
Names are for people: what a file holds decides. Only `pp-ka` is believed, since nothing
in a certificate says that it is for prepayment top-up.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import KeyStoreError, ParseError
from ..ids import CellUsage, KeyUsage, Role
from .certificates import public_point, read_certificate
from .memory import MemoryKeyStore
from .store import Credential, KeyStore

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric import ec

MAX_FILE_OCTETS = 65_536
"""Larger files are not read; a certificate has some 400 octets."""

_SUFFIXES = frozenset({".pem", ".key", ".crt", ".cer", ".der"})
_BLOCK = re.compile(rb"-----BEGIN ([A-Z0-9 ]+)-----.*?-----END \1-----", re.DOTALL)
_LAYOUT_NAME = re.compile(r"([0-9a-f]{16}-(?:ds|ka|pp-ka|ca))(?:-[0-9]+)?", re.IGNORECASE)
_PREPAYMENT_NAME = re.compile(r"(?:.*-)?pp-ka(?:-[0-9]+)?", re.IGNORECASE)
_KEY_LABELS = (b"PRIVATE KEY", b"EC PRIVATE KEY")


@dataclass(slots=True)
class _Contents:
    """What the files hold, each item with the name of its file."""

    certificates: list[tuple[str, Credential]]
    keys: list[tuple[str, bytes, ec.EllipticCurvePrivateKey]]
    notes: list[str]


class FolderKeyStore(MemoryKeyStore):
    """The certificates and private keys in a folder, read once when made.

    `notes` has one line for each file that is unreadable, misnamed, a duplicate, or a
    private key without certificate. Subfolders and files of other suffixes are left
    alone. Raises KeyStoreError for a missing folder or one without a certificate.
    """

    __slots__ = ("notes",)

    notes: tuple[str, ...]

    def __init__(self, path: str | os.PathLike[str]) -> None:
        contents = _read(Path(path))
        if not contents.certificates:
            raise KeyStoreError(f"{_one_line(str(path))}: no certificate in this folder")
        names: dict[bytes, set[str]] = {}
        for _, credential in contents.certificates:
            names.setdefault(credential.point, set()).add(_name(credential))
        notes = contents.notes
        held: dict[tuple[bytes, CellUsage], str] = {}
        # Well-named files first, so that the misnamed copy is the one called a duplicate.
        for file, credential in sorted(
            contents.certificates, key=lambda item: (_misnamed(item[0], {_name(item[1])}), item[0])
        ):
            if _misnamed(file, {_name(credential)}):
                notes.append(f"{file}: misnamed, holds the certificate {_name(credential)}")
            first = held.setdefault((credential.der, credential.cell_usage), file)
            if first != file:
                notes.append(f"{file}: duplicate, same certificate as {first}")
        keys: dict[bytes, str] = {}
        for file, point, _ in sorted(
            contents.keys, key=lambda item: (_misnamed(item[0], names.get(item[1], set())), item[0])
        ):
            owners = names.get(point)
            if owners is None:
                notes.append(f"{file}: a private key without certificate")
            elif _misnamed(file, owners):
                notes.append(f"{file}: misnamed, holds the private key of {min(owners)}")
            first = keys.setdefault(point, file)
            if first != file:
                notes.append(f"{file}: duplicate, same private key as {first}")
        super().__init__(
            (credential for _, credential in contents.certificates),
            (key for _, point, key in contents.keys if point in names),
        )
        self.notes = tuple(sorted(notes))


def write_folder(store: KeyStore, path: str | os.PathLike[str]) -> tuple[str, ...]:
    """Write certificates and their private keys; the names of the files, sorted.

    The folder is made when missing; key files are for their owner only. A file that
    already holds the same is left, one that holds anything else is never overwritten:
    KeyStoreError, and then nothing has been written.
    """
    from cryptography.hazmat.primitives.serialization import (
        Encoding,
        NoEncryption,
        PrivateFormat,
    )

    folder = Path(path)
    files: dict[str, bytes] = {}
    for credential in store.all():
        stem, number = _name(credential), 1
        while f"{stem}.pem" in files:
            number += 1
            stem = f"{_name(credential)}-{number}"
        files[f"{stem}.pem"] = credential.certificate.public_bytes(Encoding.PEM)
        key = store.private_key(credential)
        if key is not None:
            files[f"{stem}.key"] = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    try:
        folder.mkdir(parents=True, exist_ok=True)
        present = {name for name in files if (folder / name).exists()}
        for name in sorted(present):
            if (folder / name).read_bytes() != files[name]:
                raise KeyStoreError(f"{name}: exists and holds something else, nothing written")
        for name in sorted(files.keys() - present):
            mode = 0o600 if name.endswith(".key") else 0o644
            descriptor = os.open(folder / name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
            with open(descriptor, "wb") as file:
                file.write(files[name])
    except OSError as error:
        raise KeyStoreError(f"{_one_line(str(path))}: {error.strerror or error}") from None
    return tuple(sorted(files))


def _read(folder: Path) -> _Contents:
    contents = _Contents([], [], [])
    try:
        if not folder.exists():
            raise KeyStoreError(f"{_one_line(str(folder))}: no such folder")
        if not folder.is_dir():
            raise KeyStoreError(f"{_one_line(str(folder))}: not a folder")
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "not a path"
        raise KeyStoreError(f"{_one_line(str(folder))}: {reason}") from None
    for entry in entries:
        if os.path.splitext(entry.name)[1].lower() not in _SUFFIXES:
            continue
        file = _one_line(entry.name)
        try:
            if not entry.is_file():
                continue
            with open(entry.path, "rb") as stream:
                octets = stream.read(MAX_FILE_OCTETS + 1)
        except OSError as error:
            contents.notes.append(f"{file}: unreadable, {error.strerror or 'input error'}")
            continue
        if len(octets) > MAX_FILE_OCTETS:
            contents.notes.append(f"{file}: unreadable, longer than {MAX_FILE_OCTETS} octets")
            continue
        for label, block in _blocks(octets):
            note = _take(contents, file, label, block)
            if note:
                contents.notes.append(f"{file}: {note}")
    return contents


def _blocks(octets: bytes) -> Iterator[tuple[bytes, bytes]]:
    """The PEM blocks of a file with their labels; a file without any is one certificate in DER."""
    found = False
    for match in _BLOCK.finditer(octets):
        found = True
        yield match[1], match[0]
    if not found:
        yield b"CERTIFICATE", octets


def _take(contents: _Contents, file: str, label: bytes, block: bytes) -> str:
    """File one block away; a remark where it cannot be used."""
    if label == b"CERTIFICATE":
        try:
            credential = read_certificate(block)
        except ParseError as error:
            return f"unreadable, {_one_line(str(error))}"
        if _PREPAYMENT_NAME.fullmatch(os.path.splitext(file)[0]):
            if credential.role is not Role.SUPPLIER or credential.usage is not KeyUsage.KEY_AGREEMENT:
                contents.certificates.append((file, credential))
                return "named for prepayment, but not a supplier's key agreement certificate"
            credential = read_certificate(credential.der, CellUsage.PREPAYMENT_TOP_UP)
        contents.certificates.append((file, credential))
        return ""
    if label in _KEY_LABELS:
        key = _private_key(block)
        if key is None:
            return "unreadable, not an unencrypted P-256 private key"
        contents.keys.append((file, public_point(key.public_key()), key))
        return ""
    if label == b"EC PARAMETERS":
        return ""
    return f"unreadable, neither certificate nor plain private key but {label.decode('ascii').lower()}"


def _private_key(block: bytes) -> ec.EllipticCurvePrivateKey | None:
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    try:
        key = load_pem_private_key(block, None)
    except Exception:  # noqa: BLE001 - kinds without a common root, whose text stays out of every log
        return None
    if not isinstance(key, ec.EllipticCurvePrivateKey) or not isinstance(key.curve, ec.SECP256R1):
        return None
    return key


def _name(credential: Credential) -> str:
    """The name of a certificate in the layout, without number and suffix."""
    if credential.usage is KeyUsage.KEY_CERT_SIGN:
        return f"{credential.key_id.hex()}-ca"
    if credential.usage is KeyUsage.DIGITAL_SIGNATURE:
        kind = "ds"
    else:
        kind = "pp-ka" if credential.cell_usage is CellUsage.PREPAYMENT_TOP_UP else "ka"
    return f"{credential.entity.hex()}-{kind}"


def _misnamed(file: str, names: set[str]) -> bool:
    """A name of the layout that claims something else; other names claim nothing."""
    match = _LAYOUT_NAME.fullmatch(os.path.splitext(file)[0])
    return match is not None and bool(names) and match[1].lower() not in names


def _one_line(text: str) -> str:
    if text.isprintable():
        return text
    return "".join(character if character.isprintable() else "?" for character in text)
