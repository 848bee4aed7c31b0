"""Key stores from the contents of files: certificates and private keys in PEM or DER.

Layout of names (that of the reference set): `<entity id, 16 hex digits>-<ds|ka|pp-ka>.pem`
holds a certificate, the same name with `.key` its unencrypted PKCS#8 private key;
authorities are `<key identifier>-ca`, further certificates for a use `...-2`, `...-3`.
Names are for people: what a file holds decides. Only `pp-ka` is believed, since nothing
in a certificate says that it is for prepayment top-up.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from ..errors import ParseError
from ..ids import CellUsage, KeyUsage, Role
from .certificates import public_point, read_certificate
from .memory import MemoryKeyStore
from .private_keys import load_private_key
from .store import Credential

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric import ec

_BLOCK = re.compile(rb"-----BEGIN ([A-Z0-9 ]+)-----.*?-----END \1-----", re.DOTALL)
_LAYOUT_NAME = re.compile(r"([0-9a-f]{16}-(?:ds|ka|pp-ka|ca))(?:-[0-9]+)?", re.IGNORECASE)
_PREPAYMENT_NAME = re.compile(r"(?:.*-)?pp-ka(?:-[0-9]+)?", re.IGNORECASE)
_KEY_LABELS = (b"PRIVATE KEY", b"EC PRIVATE KEY")


class PemKeyStore(MemoryKeyStore):
    """The certificates and private keys in some files, given as names and octets.

    `notes` has one line for each file that is unreadable, misnamed, a duplicate, or a
    private key without certificate, besides those handed in. Raises nothing for what
    files hold.
    """

    __slots__ = ("_files", "notes")

    notes: tuple[str, ...]

    def __init__(self, files: Iterable[tuple[str, bytes]], notes: Iterable[str] = ()) -> None:
        contents = _Contents()
        contents.notes.extend(notes)
        for file, octets in files:
            for label, block in _blocks(octets):
                note = contents.take(file, label, block)
                if note:
                    contents.notes.append(f"{file}: {note}")
        self._files, owned = contents.judge()
        super().__init__((credential for _, credential in contents.certificates), owned)
        self.notes = tuple(sorted(contents.notes))

    def file_of(self, credential: Credential) -> str:
        """The name of the file a certificate of this store is in; of several, a well-named one."""
        return self._files[credential.der, credential.cell_usage]


class _Contents:
    """What the files hold, each item with the name of its file."""

    def __init__(self) -> None:
        self.certificates: list[tuple[str, Credential]] = []
        self.keys: list[tuple[str, bytes, ec.EllipticCurvePrivateKey]] = []
        self.notes: list[str] = []

    def take(self, file: str, label: bytes, block: bytes) -> str:
        """File one block away; a remark where it cannot be used."""
        if label == b"CERTIFICATE":
            try:
                credential = read_certificate(block)
            except ParseError as error:
                return f"unreadable, {printable(str(error))}"
            if _PREPAYMENT_NAME.fullmatch(os.path.splitext(file)[0]):
                if credential.role is not Role.SUPPLIER or credential.usage is not KeyUsage.KEY_AGREEMENT:
                    self.certificates.append((file, credential))
                    return "named for prepayment, but not a supplier's key agreement certificate"
                credential = read_certificate(credential.der, CellUsage.PREPAYMENT_TOP_UP)
            self.certificates.append((file, credential))
            return ""
        if label in _KEY_LABELS:
            try:
                key = load_private_key(block)
            except ParseError as error:
                return f"unreadable, {error.reason}"
            self.keys.append((file, public_point(key.public_key()), key))
            return ""
        if label == b"EC PARAMETERS":
            return ""
        return f"unreadable, neither certificate nor plain private key but {label.decode('ascii').lower()}"

    def judge(self) -> tuple[dict[tuple[bytes, CellUsage], str], list[ec.EllipticCurvePrivateKey]]:
        """Remark on names and duplicates; the file of each certificate, and the keys that have one."""
        names: dict[bytes, set[str]] = {}
        for _, credential in self.certificates:
            names.setdefault(credential.point, set()).add(layout_name(credential))
        held: dict[tuple[bytes, CellUsage], str] = {}
        # Well-named files first, so that the misnamed copy is the one called a duplicate.
        for file, credential in sorted(
            self.certificates, key=lambda item: (_misnamed(item[0], {layout_name(item[1])}), item[0])
        ):
            if _misnamed(file, {layout_name(credential)}):
                self.notes.append(f"{file}: misnamed, holds the certificate {layout_name(credential)}")
            first = held.setdefault((credential.der, credential.cell_usage), file)
            if first != file:
                self.notes.append(f"{file}: duplicate, same certificate as {first}")
        keys: dict[bytes, str] = {}
        for file, point, _ in sorted(
            self.keys, key=lambda item: (_misnamed(item[0], names.get(item[1], set())), item[0])
        ):
            owners = names.get(point)
            if owners is None:
                self.notes.append(f"{file}: a private key without certificate")
            elif _misnamed(file, owners):
                self.notes.append(f"{file}: misnamed, holds the private key of {min(owners)}")
            first = keys.setdefault(point, file)
            if first != file:
                self.notes.append(f"{file}: duplicate, same private key as {first}")
        return held, [key for _, point, key in self.keys if point in names]


def layout_name(credential: Credential) -> str:
    """The name of a certificate in the layout, without number and suffix."""
    if credential.usage is KeyUsage.KEY_CERT_SIGN:
        return f"{credential.key_id.hex()}-ca"
    if credential.usage is KeyUsage.DIGITAL_SIGNATURE:
        kind = "ds"
    else:
        kind = "pp-ka" if credential.cell_usage is CellUsage.PREPAYMENT_TOP_UP else "ka"
    return f"{credential.entity.hex()}-{kind}"


def printable(text: str) -> str:
    """Text on one line, fit for a remark."""
    if text.isprintable():
        return text
    return "".join(character if character.isprintable() else "?" for character in text)


def _blocks(octets: bytes) -> Iterator[tuple[bytes, bytes]]:
    """The PEM blocks of a file with their labels; a file without any is one certificate in DER."""
    found = False
    for match in _BLOCK.finditer(octets):
        found = True
        yield match[1], match[0]
    if not found:
        yield b"CERTIFICATE", octets


def _misnamed(file: str, names: set[str]) -> bool:
    """A name of the layout that claims something else; other names claim nothing."""
    match = _LAYOUT_NAME.fullmatch(os.path.splitext(file)[0])
    return match is not None and bool(names) and match[1].lower() not in names
