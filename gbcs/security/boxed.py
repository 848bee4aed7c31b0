"""Key stores in the JSON form of the DCC Boxed project, read from octets.

Layout (reference gbcs-crypto 20): entity id -> `digitalSignature` or `keyAgreement` ->
serial number -> `certificate`, `privateKey`, `role`, `name`. Several serial numbers for
one use are generations of a certificate.

Gaps of the reference, and what is done about them: how certificates and keys are written
in the strings (PEM text, base64 of DER and hex of DER are read; keys are PKCS#8 or
SEC1), how ids and serial numbers are written (ids in any usual form of an EUI-64; serial
numbers are only used to name an entry), and what tells a prepayment key agreement
certificate apart (`PREPAYMENT_NAMES`). What the certificate says decides; where the
entry says something else, that is a remark.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

from ..errors import BuildError, KeyStoreError, ParseError
from ..ids import CellUsage, EntityId, KeyUsage, Role
from .certificates import public_point, read_certificate
from .memory import MemoryKeyStore
from .pem import printable
from .private_keys import load_private_key
from .store import Credential

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric import ec

PREPAYMENT_NAMES = re.compile(r"pre-?_? ?pay|top-?_? ?up|(?:^|[^a-z])pp(?:[^a-z]|$)", re.IGNORECASE)
"""Ours: the `name` of a supplier's key agreement certificate for prepayment top-up matches this."""

_USAGES = {"digitalSignature": KeyUsage.DIGITAL_SIGNATURE, "keyAgreement": KeyUsage.KEY_AGREEMENT}
_SPACE = re.compile(r"\s+")
_HEX = re.compile(r"(?:[0-9A-Fa-f]{2})+")
_KINDS = {dict: "an object", list: "a list", str: "a text", bool: "true or false", type(None): "null"}


class _Entry(NamedTuple):
    """One entry: where it is, and what its fields hold."""

    path: str
    entity: str
    usage: KeyUsage
    certificate: str
    private_key: str | None
    role: object
    name: str


class BoxedKeyStore(MemoryKeyStore):
    """The certificates and private keys in a JSON text, read once when made.

    `notes` has one line for each entry that was left out or is at odds with its
    certificate. Raises KeyStoreError, naming the key path, for another shape of JSON,
    and for a store without a readable certificate.
    """

    __slots__ = ("notes",)

    notes: tuple[str, ...]

    def __init__(self, octets: bytes) -> None:
        notes: list[str] = []
        credentials: list[Credential] = []
        keys: list[ec.EllipticCurvePrivateKey] = []
        for entry in _entries(_load(octets)):
            try:
                credential = _credential(entry)
            except ParseError as error:
                notes.append(f"{entry.path}: left out, {printable(str(error))}")
                continue
            credentials.append(credential)
            notes.extend(f"{entry.path}: {note}" for note in _contradictions(entry, credential))
            if entry.private_key is None:
                continue
            try:
                key = load_private_key(_octets(entry.private_key, "privateKey"))
            except ParseError as error:
                notes.append(f"{entry.path}: private key left out, {error.reason}")
                continue
            if public_point(key.public_key()) == credential.point:
                keys.append(key)
            else:
                notes.append(f"{entry.path}: private key left out, not that of the certificate")
        if not credentials:
            first = f" ({notes[0]})" if notes else ""
            raise KeyStoreError(f"no readable certificate in this key store{first}")
        super().__init__(credentials, keys)
        notes.extend(self._undecided())
        self.notes = tuple(notes)

    def _undecided(self) -> Iterator[str]:
        """Suppliers whose prepayment certificate may be among several that nothing tells apart."""
        found = Counter(
            credential.entity for credential in self.with_role(Role.SUPPLIER, KeyUsage.KEY_AGREEMENT)
        )
        for entity, count in found.items():
            if count > 1 and self.find(entity, KeyUsage.KEY_AGREEMENT, CellUsage.PREPAYMENT_TOP_UP) is None:
                yield f"{entity}: {count} key agreement certificates, none named as for prepayment"


def _load(octets: bytes) -> object:
    def unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
        found = dict(pairs)
        if len(found) != len(pairs):
            names = [name for name, _ in pairs]
            twice = next(name for name in names if names.count(name) > 1)
            raise KeyStoreError(f"not a key store: {printable(twice)!r} twice in one object")
        return found

    try:
        # json takes a byte order mark in octets for UTF-16 and UTF-32, but not for UTF-8.
        return json.loads(octets.removeprefix(b"\xef\xbb\xbf"), object_pairs_hook=unique)
    except (ValueError, RecursionError) as error:
        reason = str(error) if isinstance(error, json.JSONDecodeError) else type(error).__name__
        raise KeyStoreError(f"not JSON: {printable(reason)}") from None


def _entries(root: object) -> Iterator[_Entry]:
    """The entries in the order of the text. Raises KeyStoreError for another shape."""
    for entity, usages in _object(root, "").items():
        path = printable(entity)
        for usage, serials in _object(usages, path).items():
            if usage not in _USAGES:
                raise _unknown(f"{path}.{printable(usage)}", f"neither {' nor '.join(_USAGES)}")
            for serial, value in _object(serials, f"{path}.{usage}").items():
                here = f"{path}.{usage}.{printable(serial)}"
                fields = _object(value, here)
                if "certificate" not in fields:
                    raise _unknown(f"{here}.certificate", "missing")
                yield _Entry(
                    here,
                    entity,
                    _USAGES[usage],
                    _text(fields["certificate"], f"{here}.certificate"),
                    None
                    if fields.get("privateKey") is None
                    else _text(fields["privateKey"], f"{here}.privateKey"),
                    fields.get("role"),
                    "" if fields.get("name") is None else _text(fields["name"], f"{here}.name"),
                )


def _credential(entry: _Entry) -> Credential:
    """The certificate of an entry. Raises ParseError."""
    credential = read_certificate(_octets(entry.certificate, "certificate"))
    if (
        credential.role is Role.SUPPLIER
        and credential.usage is KeyUsage.KEY_AGREEMENT
        and PREPAYMENT_NAMES.search(entry.name)
    ):
        return read_certificate(credential.der, CellUsage.PREPAYMENT_TOP_UP)
    return credential


def _contradictions(entry: _Entry, credential: Credential) -> Iterator[str]:
    """Where the entry says something else than its certificate."""
    try:
        entity = EntityId.parse(entry.entity)
    except BuildError:
        yield "filed under what is no entity identifier"
    else:
        if entity != credential.entity:
            yield f"holds a certificate of {credential.entity}"
    if credential.usage is not entry.usage:
        yield f"holds a certificate for {credential.usage.name.lower().replace('_', ' ')}"
    # Devices have no role; how the form writes that is not known.
    if (
        isinstance(entry.role, int)
        and not isinstance(entry.role, bool)
        and credential.role is not None
        and entry.role != credential.role
    ):
        yield f"role {entry.role}, the certificate's is {credential.role.value}"


def _octets(text: str, path: str) -> bytes:
    """PEM as it is, DER from hex or base64. Raises ParseError."""
    if "-----BEGIN" in text:
        return text.encode("ascii", "replace")
    packed = _SPACE.sub("", text)
    # DER of both kinds begins with 30, which no base64 of it does.
    if _HEX.fullmatch(packed) and packed.startswith("30"):
        return bytes.fromhex(packed)
    try:
        return base64.b64decode(packed, validate=True)
    except (binascii.Error, ValueError):
        raise ParseError("neither PEM nor base64 nor hex", path=path) from None


def _object(value: object, path: str) -> dict[str, object]:
    if not isinstance(value, dict):
        raise _unknown(path, f"an object expected, not {_kind(value)}")
    return value


def _text(value: object, path: str) -> str:
    if not isinstance(value, str):
        raise _unknown(path, f"a text expected, not {_kind(value)}")
    return value


def _kind(value: object) -> str:
    return _KINDS.get(type(value), "a number")


def _unknown(path: str, reason: str) -> KeyStoreError:
    return KeyStoreError(f"not a key store: {path + ': ' if path else ''}{reason}")
