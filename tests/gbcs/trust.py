"""A small world of trust for the credential tests: parties, a second generation, devices' anchors."""

from __future__ import annotations

from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec

from gbcs.asn1.credentials import CellIdentifier
from gbcs.asn1.replacement import CellOutcome, Replacement, ReplacementCommand
from gbcs.ids import CellUsage, DeviceType, EntityId, KeyUsage, Role
from gbcs.pki import ROLE_USES, TestPki
from gbcs.security.anchors import ROOT_CELL, Anchors, cells_of
from gbcs.security.certificates import key_identifier, read_certificate
from gbcs.security.replacement import Header, Outcome, ReplacementSettings, replace
from gbcs.security.replacement_rows import MODES, ModeRow, mode_of
from gbcs.security.store import Credential
from gbcs.time import Utc
from tests.gbcs.crafted import craft, policies, unit, usage, utc

DS, KA, CERTIFY = KeyUsage.DIGITAL_SIGNATURE, KeyUsage.KEY_AGREEMENT, KeyUsage.KEY_CERT_SIGN
TOP_UP = CellUsage.PREPAYMENT_TOP_UP
START = Utc.of(2024, 3, 1)
NOW = START.plus(86_400)
AFTER_ALL = Utc.of(2040, 1, 1)  # the organisation certificates have expired, the authorities not

PKI = TestPki.create(b"trust", START)
ROOT, ISSUER = PKI.organisation_root, PKI.organisation_issuing
ENTITIES = {role: EntityId(bytes(6) + bytes((0xAA, role.value))) for role in ROLE_USES}
BROKER = ENTITIES[Role.ACCESS_CONTROL_BROKER]
CONTINGENCY = EntityId(bytes.fromhex("70B3D51F30FFFFFF"))
COUNTER = 5000
OLD_COUNTER = 77


def made(role: Role, generation: int = 0, pki: TestPki = PKI) -> dict[CellIdentifier, Credential]:
    """A party's certificates by the cell they belong into."""
    found = pki.organisation(role, ENTITIES[role], generation=generation)
    return {CellIdentifier(role, c.usage, c.cell_usage): c for c in found}


FIRST = {cell: c for role in ROLE_USES for cell, c in made(role).items()}
SECOND = {cell: c for role in ROLE_USES for cell, c in made(role, 1).items()}


def anchors_of(device: DeviceType, **more: Any) -> Anchors:
    """The anchors of a device with every cell of its type filled, and a counter for every role."""
    held = {ROOT_CELL: ROOT} | {cell: FIRST[cell] for cell in cells_of(device) if cell in FIRST}
    held |= more.pop("held", {})
    return Anchors(device, held, dict.fromkeys(Role, OLD_COUNTER), 99 << 32, **more)


def authority(
    key: ec.EllipticCurvePrivateKey,
    issuer: Credential | None,
    signer: ec.EllipticCurvePrivateKey,
    ou: str = "00",
    path_length: int | None = None,
    extra: list[tuple[x509.ExtensionType, bool]] | None = None,
) -> Credential:
    """A certification authority; without issuer it signs itself."""
    key_id = key_identifier(key.public_key())
    name = x509.Name([unit(ou)])
    octets = craft(
        [unit(ou)],
        [
            (usage("key_cert_sign", "crl_sign"), True),
            (x509.BasicConstraints(True, path_length), True),
            (policies(), True),
            (x509.SubjectKeyIdentifier(key_id), False),
            (x509.AuthorityKeyIdentifier(key_id if issuer is None else issuer.key_id, None, None), False),
            *(extra or []),
        ],
        key=key,
        issuer_name=name if issuer is None else issuer.certificate.subject,
        signer=signer,
        end=utc(2060, 1, 1),
    )
    return read_certificate(octets)


def private(credential: Credential) -> ec.EllipticCurvePrivateKey:
    found = PKI.store.private_key(credential)
    assert found is not None
    return found


def targets(row: ModeRow, device: DeviceType) -> tuple[CellIdentifier, ...]:
    """The cells of the device a mode may replace, the root left out where there is anything else."""
    cells = tuple(cell for cell in cells_of(device) if cell.role in row.targets)
    return tuple(cell for cell in cells if cell != ROOT_CELL) or cells


def command_of(row: ModeRow, device: DeviceType, **more: Any) -> ReplacementCommand:
    """A command of a mode that replaces each cell it may with the second generation."""
    values: dict[str, Any] = {
        "mode": row.mode,
        "sequence": COUNTER,
        "replacements": tuple(
            Replacement((NEW_ROOT if cell == ROOT_CELL else SECOND[cell]).der, cell)
            for cell in targets(row, device)
        ),
        "path": (ISSUER.der,),
    }
    if 2 in row.required:
        values["authorising"] = row.authorising
    if 0 in row.required:
        values["symmetric_key"] = bytes(16)
    return ReplacementCommand(**{**values, **more})


def header_of(row: ModeRow, **more: Any) -> Header:
    """The header a command of a mode comes with."""
    originator = CONTINGENCY if row.role is Role.ROOT else ENTITIES[row.role]
    return Header(row.code, originator, COUNTER, row.signed, row.maced)._replace(**more)


def row_of(mode: int, device: DeviceType) -> ModeRow:
    code = next(row.code for row in MODES if row.mode == mode)
    found = mode_of(code, device)
    assert found is not None
    return found


NEW_ROOT_KEY = ec.derive_private_key(0xABCDEF, ec.SECP256R1())
NEW_ROOT = authority(NEW_ROOT_KEY, ROOT, private(ROOT))
"""A root of a later time, issued under the one before."""

STRANGE_KEY = ec.derive_private_key(0x5EED, ec.SECP256R1())
STRANGE_ROOT = authority(STRANGE_KEY, None, STRANGE_KEY)
"""A root that signed itself."""

STRANGE_PKI = TestPki.create(b"strange", START)
"""Another hierarchy altogether."""

EVERY = [
    pytest.param(row, device, id=f"{row.mode}-{device.name}")
    for row in MODES
    for device in DeviceType
    if mode_of(row.code, device) is row
]
"""Every mode on every device type that has it."""


def run(
    row: ModeRow, device: DeviceType, settings: ReplacementSettings | None = None, **more: Any
) -> Outcome:
    """Receive a command of a mode; `more` are its fields, or `anchors`, `now`, `faults`."""
    anchors = more.pop("anchors", None) or anchors_of(device)
    now, faults = more.pop("now", NOW), more.pop("faults", None)
    return replace(
        anchors,
        command_of(row, device, **more),
        header_of(row),
        now,
        settings or ReplacementSettings(),
        faults,
    )


def cells(outcome: Outcome) -> tuple[CellOutcome, ...]:
    assert outcome.execution is not None
    return outcome.execution.cells
