"""Key stores as folders of PEM files: the one module below `hil` that opens files.

`gbcs.security.pem` says how the files are named and what is read from them.
"""

from __future__ import annotations

import os
from pathlib import Path

from ..errors import KeyStoreError
from .pem import PemKeyStore, layout_name, printable
from .store import Credential, KeyStore

MAX_FILE_OCTETS = 65_536
"""Larger files are not read; a certificate has some 400 octets."""

_SUFFIXES = frozenset({".pem", ".key", ".crt", ".cer", ".der"})


class FolderKeyStore(PemKeyStore):
    """The certificates and private keys in a folder, read once when made.

    `notes` has one line for each file that is unreadable, misnamed, a duplicate, or a
    private key without certificate. Subfolders and files of other suffixes are left
    alone. Raises KeyStoreError for a missing folder or one without a certificate.
    """

    __slots__ = ()

    def __init__(self, path: str | os.PathLike[str]) -> None:
        super().__init__(*_read(Path(path)))
        if not self.all():
            raise KeyStoreError(f"{printable(str(path))}: no certificate in this folder")


def write_folder(store: KeyStore, path: str | os.PathLike[str]) -> tuple[str, ...]:
    """Write certificates and their private keys; the names of the files, sorted.

    The folder is made when missing; key files are for their owner only. A file that
    already holds the same is left, one that holds anything else is never overwritten:
    KeyStoreError, and then nothing has been written.
    """
    folder = Path(path)
    files: dict[str, bytes] = {}
    for credential in store.all():
        stem = _free(layout_name(credential), files)
        files[f"{stem}.pem"] = _certificate_file(credential)
        key = _key_file(store, credential)
        if key:
            files[f"{stem}.key"] = key
    try:
        folder.mkdir(parents=True, exist_ok=True)
        present = {name for name in files if os.path.lexists(folder / name)}
        for name in sorted(present):
            if (folder / name).read_bytes() != files[name]:
                raise KeyStoreError(f"{name}: exists and holds something else, nothing written")
        _write(folder, {name: files[name] for name in files.keys() - present})
    except (OSError, ValueError) as error:
        raise _refused(folder, error) from None
    return tuple(sorted(files))


def add_to_folder(store: KeyStore, path: str | os.PathLike[str]) -> tuple[str, ...]:
    """Write what a folder does not hold yet, under names that are free; the new files, sorted.

    What is there stays as it is and keeps its name, so a newer certificate for a use is
    the one with the higher number. Raises KeyStoreError as FolderKeyStore does, and for
    a folder that cannot be written.
    """
    folder = Path(path)
    held = FolderKeyStore(folder)
    known = {(credential.der, credential.cell_usage) for credential in held.all()}
    files: dict[str, bytes] = {}
    try:
        taken = {name.lower() for name in os.listdir(folder)}
        for credential in store.all():
            certificate = b""
            if (credential.der, credential.cell_usage) not in known:
                certificate = _certificate_file(credential)
            key = b"" if held.private_key(credential) is not None else _key_file(store, credential)
            stem = _free(layout_name(credential), taken)
            new = {
                name: octets
                for name, octets in ((f"{stem}.pem", certificate), (f"{stem}.key", key))
                if octets
            }
            files |= new
            taken |= new.keys()
        _write(folder, files)
    except OSError as error:
        raise _refused(folder, error) from None
    return tuple(sorted(files))


def _certificate_file(credential: Credential) -> bytes:
    from cryptography.hazmat.primitives.serialization import Encoding

    return credential.certificate.public_bytes(Encoding.PEM)


def _key_file(store: KeyStore, credential: Credential) -> bytes:
    """The private key of a certificate, nothing where it is not held."""
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    key = store.private_key(credential)
    return b"" if key is None else key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def _free(name: str, taken: set[str] | dict[str, bytes]) -> str:
    """The name, or the first numbered one, that neither a certificate nor a key has."""
    stem, number = name, 1
    while f"{stem}.pem" in taken or f"{stem}.key" in taken:
        number += 1
        stem = f"{name}-{number}"
    return stem


def _write(folder: Path, files: dict[str, bytes]) -> None:
    """Make new files; private keys are for their owner only."""
    for name in sorted(files):
        mode = 0o600 if name.endswith(".key") else 0o644
        descriptor = os.open(folder / name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
        with open(descriptor, "wb") as file:
            file.write(files[name])


def _read(folder: Path) -> tuple[list[tuple[str, bytes]], list[str]]:
    """The files of a folder with what they hold, and remarks on those that cannot be read."""
    files: list[tuple[str, bytes]] = []
    notes: list[str] = []
    try:
        if not folder.exists():
            raise KeyStoreError(f"{printable(str(folder))}: no such folder")
        if not folder.is_dir():
            raise KeyStoreError(f"{printable(str(folder))}: not a folder")
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except (OSError, ValueError) as error:
        raise _refused(folder, error) from None
    for entry in entries:
        if os.path.splitext(entry.name)[1].lower() not in _SUFFIXES:
            continue
        file = printable(entry.name)
        try:
            if not entry.is_file():
                continue
            with open(entry.path, "rb") as stream:
                octets = stream.read(MAX_FILE_OCTETS + 1)
        except OSError as error:
            notes.append(f"{file}: unreadable, {error.strerror or 'input error'}")
            continue
        if len(octets) > MAX_FILE_OCTETS:
            notes.append(f"{file}: unreadable, longer than {MAX_FILE_OCTETS} octets")
            continue
        files.append((file, octets))
    return files, notes


def _refused(folder: Path, error: OSError | ValueError) -> KeyStoreError:
    reason = getattr(error, "strerror", None) or "not a path"
    return KeyStoreError(f"{printable(str(folder))}: {reason}")
