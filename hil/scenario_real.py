"""What a scenario says of real devices: files that are read with it, so that errors name key and line.

A real device is known by its certificates, the parties in its trust anchor cells by a key
folder, and the hub's credential of key establishment comes in the text of its CA
(`smets.han.credential`). Paths are relative to the scenario file. Contract 4.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from math import isfinite
from pathlib import Path
from typing import Protocol

from gbcs.errors import GbcsError, KeyStoreError, ParseError
from gbcs.ids import EntityId, KeyUsage, Role
from gbcs.security.certificates import read_certificate
from gbcs.security.folder import FolderKeyStore
from gbcs.security.store import Credential, KeyStore
from smets.han.credential import CbkeCredential
from smets.han.suites import Suite

from .scenario_file import Table

JOIN_SECONDS, LONGEST_JOIN = 90, 3600  # JoiningTimePeriod
ANSWER_SECONDS, LONGEST_ANSWER = 10.0, 600.0  # ours: a real device takes its time
MAX_FILE_OCTETS = 65_536


@dataclass(frozen=True, slots=True)
class RealDevice:
    """What is known of a real device, beside its entry's identifier and install code.

    `keys`: certificates of the parties its cells know, and private keys of those that act.
    `join_seconds`: how long it may join after it was added to the device log.
    `answer_seconds`: how long its answer to a command may take.
    """

    signing: Credential = field(repr=False)
    agreement: Credential = field(repr=False)
    keys: KeyStore
    join_seconds: int = JOIN_SECONDS
    answer_seconds: float = ANSWER_SECONDS


class Named(Protocol):
    """What is needed of a party of the scenario."""

    @property
    def name(self) -> str: ...
    @property
    def role(self) -> Role: ...
    @property
    def entity(self) -> EntityId: ...


def real_device(table: Table, folder: Path, entity: EntityId) -> RealDevice:
    """The keys of a `[[device]]` that are of real ones. Raises ScenarioError."""
    made = RealDevice(
        _certificate(table, folder, "signing_certificate", entity, KeyUsage.DIGITAL_SIGNATURE),
        _certificate(table, folder, "key_agreement_certificate", entity, KeyUsage.KEY_AGREEMENT),
        _keys(table, folder),
        table.take("join_seconds", int, JOIN_SECONDS),
        table.take("answer_seconds", float, ANSWER_SECONDS),
    )
    if not 1 <= made.join_seconds <= LONGEST_JOIN:
        table.fail("join_seconds", f"1 to {LONGEST_JOIN}")
    if not (isfinite(made.answer_seconds) and 0 < made.answer_seconds <= LONGEST_ANSWER):
        table.fail("answer_seconds", f"more than 0, at most {LONGEST_ANSWER:g}")
    return made


def hub_credential(table: Table, folder: Path, station: EntityId) -> CbkeCredential | None:
    """The credential in the file that `cbke` of `[hub]` names; None without it. Raises ScenarioError."""
    if "cbke" not in table:
        return None
    name = table.text("cbke")
    try:
        return _cbke(folder / name, station)
    except KeyStoreError as error:
        table.fail("cbke", f"{name}: {error}")


def cbke_in(path: Path, station: EntityId) -> CbkeCredential:
    """The credential of a station in a file of the CA's text form. Raises KeyStoreError."""
    try:
        return _cbke(path, station)
    except KeyStoreError as error:
        raise KeyStoreError(f"{path}: {error}") from None


def _cbke(path: Path, station: EntityId) -> CbkeCredential:
    try:
        text = _read(path).decode("ascii")
    except UnicodeDecodeError:
        raise KeyStoreError("not text") from None
    credential = CbkeCredential.parse(text)
    if credential.suite is not Suite.SUITE_2:
        raise KeyStoreError("of suite 1, but the home area network uses suite 2")
    if credential.subject != station:
        raise KeyStoreError(f"issued to {credential.subject}, not to {station}")
    return credential


def check_parties(table: Table, real: RealDevice, parties: Iterable[Named]) -> None:
    """Refuse a key folder that knows parties by another role, or no broker that could act."""
    for party in parties:
        held = [c for c in real.keys.all() if c.entity == party.entity]
        for credential in held:
            if credential.role is not party.role:
                role = "a device" if credential.role is None else credential.role.spec_name
                table.fail("keys", f"{party.name} is {party.role.spec_name} in this file, {role} there")
        if party.role is Role.ACCESS_CONTROL_BROKER:
            agreement = real.keys.find(party.entity, KeyUsage.KEY_AGREEMENT)
            if agreement is None or real.keys.private_key(agreement) is None:
                table.fail(
                    "keys", f"the key agreement key of {party.name} is not there: no command could be sent"
                )


def _certificate(table: Table, folder: Path, key: str, entity: EntityId, usage: KeyUsage) -> Credential:
    name = table.text(key)
    try:
        credential = read_certificate(_read(folder / name))
    except ParseError as error:
        table.fail(key, f"{name}: {error.reason}")
    except GbcsError as error:
        table.fail(key, f"{name}: {error}")
    if credential.entity != entity or credential.role is not None:
        table.fail(key, f"{name}: the certificate of {credential.entity}, not of the device {entity}")
    if credential.usage is not usage:
        wanted, found = (u.name.lower().replace("_", " ") for u in (usage, credential.usage))
        table.fail(key, f"{name}: a certificate for {found}, not for {wanted}")
    return credential


def _keys(table: Table, folder: Path) -> KeyStore:
    name = table.text("keys")
    try:
        return FolderKeyStore(folder / name)
    except KeyStoreError as error:
        table.fail("keys", str(error))


def _read(path: Path) -> bytes:
    """A file of some size at most. Raises KeyStoreError without the path."""
    try:
        with path.open("rb") as file:
            octets = file.read(MAX_FILE_OCTETS + 1)
    except (OSError, ValueError) as error:
        raise KeyStoreError(getattr(error, "strerror", None) or "not a path") from None
    if len(octets) > MAX_FILE_OCTETS:
        raise KeyStoreError(f"longer than {MAX_FILE_OCTETS} octets")
    return octets
