"""Where `smets pki` finds certificates, and how it shows one.

A PATH is a folder of PEM files, a JSON key store, or a file with certificates as PEM,
DER or hex text. What a file holds decides, not its name; only `pp-ka` in it is believed.
"""

from __future__ import annotations

import json
import os
import re
import stat
import sys
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

from gbcs.errors import GbcsError, KeyStoreError, ParseError
from gbcs.ids import CellUsage, KeyUsage, Role

from . import inputs
from .text import ROLE_NAMES, one_line

if TYPE_CHECKING:
    from cryptography import x509

    from gbcs.security.boxed import BoxedKeyStore
    from gbcs.security.pem import PemKeyStore
    from gbcs.security.store import Credential

VERSION = 1
COLUMNS = ("entity", "role", "use", "key id", "from", "until", "issuer", "key", "name", "profile")
USES = {
    "ds": (KeyUsage.DIGITAL_SIGNATURE, CellUsage.MANAGEMENT),
    "ka": (KeyUsage.KEY_AGREEMENT, CellUsage.MANAGEMENT),
    "pp-ka": (KeyUsage.KEY_AGREEMENT, CellUsage.PREPAYMENT_TOP_UP),
}
ROLES = {name: role for role, name in ROLE_NAMES.items() if role not in (Role.ROOT, Role.ISSUING_AUTHORITY)}
_USE_NAMES = {uses: name for name, uses in USES.items()} | {
    (KeyUsage.KEY_CERT_SIGN, CellUsage.MANAGEMENT): "ca"
}
_HEX = re.compile(rb"\s*(?:[0-9A-Fa-f]\s*)+")


class Source(NamedTuple):
    """A key store with the PATH it was read from."""

    path: str
    store: PemKeyStore | BoxedKeyStore

    def where(self, credential: Credential) -> str:
        """The file a certificate is in, or which one of the file it is."""
        from gbcs.security.pem import PemKeyStore, layout_name

        if isinstance(self.store, PemKeyStore) and os.path.isdir(self.path):
            return os.path.join(self.path, self.store.file_of(credential))
        if len(self.store.all()) == 1:
            return self.path
        return f"{self.path}: {layout_name(credential)} {credential.key_id.hex().upper()}"


def read_source(path: str) -> Source:
    """The key store a PATH is. Raises KeyStoreError, UnreadableInput."""
    from gbcs.security.boxed import BoxedKeyStore
    from gbcs.security.folder import FolderKeyStore
    from gbcs.security.pem import PemKeyStore

    if _is_folder(path):
        return Source(path, FolderKeyStore(path))
    octets = inputs.read_file(path)
    if octets.removeprefix(b"\xef\xbb\xbf").lstrip()[:1] in (b"{", b"["):
        try:
            return Source(path, BoxedKeyStore(octets))
        except KeyStoreError as error:
            raise KeyStoreError(f"{path}: {error}") from None
    name = one_line(os.path.basename(path))
    store = PemKeyStore([(name, unhex(octets))])
    if not store.all():
        reason = store.notes[0].removeprefix(f"{name}: ") if store.notes else "no certificate in this file"
        raise KeyStoreError(f"{path}: {reason}")
    return Source(path, store)


def read_sources(paths: Iterable[str]) -> Iterator[Source | GbcsError]:
    """The key stores of several PATHs, each or why it cannot be read."""
    for path in paths:
        try:
            yield read_source(path)
        except GbcsError as error:
            yield error


def unhex(octets: bytes) -> bytes:
    """What hex text stands for; anything else as it is."""
    if not _HEX.fullmatch(octets):
        return octets
    digits = b"".join(octets.split())
    return octets if len(digits) % 2 else bytes.fromhex(digits.decode("ascii"))


def fields(source: Source, credential: Credential) -> dict[str, Any]:
    """A certificate as a JSON object; of its private key only whether it is held."""
    from gbcs.security.certificates import NO_ENTITY, profile_faults

    certificate = credential.certificate
    start, end = _moments(certificate)
    return {
        "v": VERSION,
        "file": source.where(credential),
        "entity": None if credential.entity == NO_ENTITY else str(credential.entity),
        "name": _common_name(certificate),
        "role": role_name(credential),
        "usage": _USE_NAMES[credential.usage, credential.cell_usage],
        "key_id": credential.key_id.hex().upper(),
        "serial": f"{certificate.serial_number:X}",
        "not_before": start,
        "not_after": end,
        "issuer": issuer_name(credential),
        "private_key": source.store.private_key(credential) is not None,
        "faults": list(profile_faults(credential)),
        "der": credential.der.hex().upper(),
    }


def show(source: Source, credentials: Iterable[Credential], as_json: bool, heading: str) -> None:
    """Print certificates: objects, or a table with a heading."""
    rows = [fields(source, credential) for credential in credentials]
    if as_json:
        for row in rows:
            print(json.dumps(row))
        return
    print(one_line(heading))
    cells = [_cells(row) for row in rows]
    if not rows:
        return
    if not sys.stdout.isatty():
        widths = [max(map(len, column)) for column in zip(COLUMNS, *cells, strict=True)]
        for line in (COLUMNS, *cells):
            print("  ".join(f"{cell:{width}}" for cell, width in zip(line, widths, strict=True)).rstrip())
        return
    from rich.console import Console
    from rich.table import Table

    shown = Table(box=None, header_style="bold", pad_edge=False, row_styles=("", "dim"))
    for name in COLUMNS:
        shown.add_column(name, no_wrap=name in ("entity", "use", "key id", "from", "until", "key"))
    for line in cells:
        shown.add_row(*line)
    Console(highlight=False, markup=False).print(shown)


def remark(text: str, source: Source) -> None:
    """Print a remark on a store as a JSON object."""
    print(json.dumps({"v": VERSION, "file": source.path, "remark": text}))


def counts(source: Source) -> str:
    """How many certificates and private keys a store holds."""
    held = source.store.all()
    keys = sum(source.store.private_key(credential) is not None for credential in held)
    return f"{number(len(held), 'certificate')}, {number(keys, 'private key') if keys else 'no private keys'}"


def number(count: int, name: str) -> str:
    """A count with its name."""
    return f"{count} {name}{'' if count == 1 else 's'}"


def role_name(credential: Credential) -> str:
    """The role as the commands write it; of the device hierarchy what kind it is."""
    if credential.role is not None:
        return ROLE_NAMES[credential.role]
    if credential.usage is not KeyUsage.KEY_CERT_SIGN:
        return "device"
    from gbcs.security.authority import is_root

    return "device-root" if is_root(credential) else "device-authority"


def issuer_name(credential: Credential) -> str:
    """The issuer's name in the order of the certificate."""
    parts = []
    for attribute in credential.certificate.issuer:
        value = attribute.value
        text = value.hex().upper() if isinstance(value, bytes) else value
        parts.append(f"{attribute.rfc4514_attribute_name}={text}")
    return ", ".join(parts)


def request_in(octets: bytes) -> tuple[bytes, Any]:
    """The signing request in a file, and the CS02c response it came in or None. Raises ParseError."""
    octets = unhex(octets)
    if b"-----BEGIN" in octets or octets[:1] == b"\x30":
        return octets, None
    from gbcs.ids import Kind
    from gbcs.message import parse_message
    from gbcs.usecases import by_name

    message = parse_message(octets)
    if message.code != by_name("CS02c").code or message.kind is not Kind.RESPONSE:
        raise ParseError("neither a certificate signing request nor a CS02c response", path="request")
    return message.payload, message


def _is_folder(path: str) -> bool:
    try:
        return path != inputs.STDIN and stat.S_ISDIR(os.stat(path).st_mode)
    except (OSError, ValueError) as error:
        raise inputs.unreadable(path, error) from None


def _moments(certificate: x509.Certificate) -> tuple[str, str]:
    """Start and end of the validity in ISO 8601."""
    form = "{:%Y-%m-%dT%H:%M:%SZ}"
    return form.format(certificate.not_valid_before_utc), form.format(certificate.not_valid_after_utc)


def _common_name(certificate: x509.Certificate) -> str | None:
    from cryptography.x509.oid import NameOID

    names = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    return str(names[0].value) if names and isinstance(names[0].value, str) else None


def _cells(row: dict[str, Any]) -> tuple[str, ...]:
    """A row in the order of COLUMNS."""
    end = row["not_after"][:10]
    return tuple(
        one_line(cell)
        for cell in (
            row["entity"] or "-",
            row["role"],
            row["usage"],
            row["key_id"],
            row["not_before"][:10],
            "no expiry" if end == "9999-12-31" else end,
            row["issuer"],
            "held" if row["private_key"] else "-",
            row["name"] or "-",
            "; ".join(row["faults"]) or "-",
        )
    )
