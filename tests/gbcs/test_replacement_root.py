"""Replacing the root: who may, what it has to be, under which root the others stand; contingency."""

from __future__ import annotations

from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, x25519
from cryptography.hazmat.primitives.keywrap import aes_key_wrap_with_padding
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from gbcs.asn1.credentials import CellIdentifier, StatusCode
from gbcs.asn1.der import OCTET_STRING, SEQUENCE, Node, der_octets
from gbcs.asn1.replacement import CellOutcome, Replacement, Subject
from gbcs.errors import Check, SecurityError
from gbcs.ids import DeviceType, Role
from gbcs.security.anchors import ROOT_CELL, Anchors
from gbcs.security.certificates import NO_ENTITY, public_point, read_certificate
from gbcs.security.contingency import (
    WRAPPED_CONTINGENCY_KEY,
    WrappedKey,
    contingency_key,
    unwrap_aes,
    wrapped_key,
)
from gbcs.security.replacement import (
    NewRoot,
    Outcome,
    ReplacementSettings,
    replace,
    verification_key,
)
from gbcs.security.store import Credential
from tests.gbcs.crafted import craft, policies, ski, unique_id, unit, usage
from tests.gbcs.trust import (
    DS,
    ENTITIES,
    FIRST,
    ISSUER,
    NEW_ROOT,
    NEW_ROOT_KEY,
    NOW,
    PKI,
    ROOT,
    SECOND,
    START,
    STRANGE_KEY,
    STRANGE_PKI,
    STRANGE_ROOT,
    anchors_of,
    authority,
    command_of,
    header_of,
    private,
    row_of,
)

ESME, CHF = DeviceType.ESME, DeviceType.CHF
SUPPLIER_DS = CellIdentifier(Role.SUPPLIER, DS)
RECOVERY_DS = CellIdentifier(Role.RECOVERY, DS)
PARTY_KEY = ec.derive_private_key(0x7A27, ec.SECP256R1())


def party(root: Credential, root_key: ec.EllipticCurvePrivateKey) -> Credential:
    """A supplier's certificate issued directly under a root."""
    octets = craft(
        [unit("02"), unique_id(ENTITIES[Role.SUPPLIER])],
        [
            (usage("digital_signature"), True),
            (ski(PARTY_KEY), False),
            (policies(), True),
            (x509.AuthorityKeyIdentifier(root.key_id, None, None), False),
        ],
        key=PARTY_KEY,
        issuer=root,
        signer=root_key,
    )
    return read_certificate(octets)


UNDER_NEW = party(NEW_ROOT, NEW_ROOT_KEY)
UNDER_STRANGE = party(STRANGE_ROOT, STRANGE_KEY)


def run(mode: int, device: DeviceType, *replacements: Replacement, **more: Any) -> Outcome:
    row = row_of(mode, device)
    settings = more.pop("settings", ReplacementSettings())
    anchors = more.pop("anchors", anchors_of(device))
    now = more.pop("now", NOW)
    return replace(
        anchors, command_of(row, device, replacements=replacements, **more), header_of(row), now, settings
    )


def statuses(outcome: Outcome) -> list[int]:
    assert outcome.execution is not None
    return [cell.status for cell in outcome.execution.cells]


# -- what a new root has to be -----------------------------------------------------------

UNDER_ISSUER = authority(STRANGE_KEY, ISSUER, private(ISSUER))


@pytest.mark.parametrize(("mode", "device"), [(0, ESME), (1, CHF), (8, ESME), (9, ESME)])
@pytest.mark.parametrize(
    ("root", "chained", "abnormal"),
    [
        (NEW_ROOT, 0, 10),  # issued under the old one
        (STRANGE_ROOT, 10, 0),  # signed by itself
        (STRANGE_PKI.organisation_root, 10, 0),
        (ROOT, 0, 0),  # the one held
        (UNDER_ISSUER, 10, 10),  # of the issuing authority
        (ISSUER, 5, 5),  # no root by its OU
        (STRANGE_PKI.device_root, 5, 5),
        (FIRST[SUPPLIER_DS], 5, 5),
    ],
)
def test_what_may_become_the_root(
    mode: int, device: DeviceType, root: Credential, chained: int, abnormal: int
) -> None:
    before = anchors_of(device)
    outcome = run(mode, device, Replacement(root.der, ROOT_CELL))
    assert statuses(outcome) == [abnormal if mode == 9 else chained]
    taken = root if statuses(outcome) == [0] else before.get(ROOT_CELL)
    assert outcome.anchors.get(ROOT_CELL) == taken
    assert outcome.execution is not None
    existing = Subject(NO_ENTITY, ROOT.key_id)
    replacing = Subject(NO_ENTITY, root.key_id) if statuses(outcome) == [0] else existing
    assert outcome.execution.cells == (CellOutcome(ROOT_CELL, statuses(outcome)[0], existing, replacing),)


def test_without_the_check_of_the_unit_any_authority_may() -> None:
    settings = ReplacementSettings(root_unit=False)
    assert statuses(run(8, ESME, Replacement(ISSUER.der, ROOT_CELL), settings=settings)) == [0]


def test_a_root_may_be_chained_over_authorities() -> None:
    settings = ReplacementSettings(root_direct=False)
    for root, status in ((UNDER_ISSUER, 0), (NEW_ROOT, 0), (STRANGE_ROOT, 10)):
        assert statuses(run(8, ESME, Replacement(root.der, ROOT_CELL), settings=settings)) == [status]


@pytest.mark.parametrize("mode", [2, 3, 6, 7, 11])
def test_others_may_not_touch_the_root(mode: int) -> None:
    assert statuses(run(mode, ESME, Replacement(NEW_ROOT.der, ROOT_CELL))) == [StatusCode.OTHER]


@pytest.mark.parametrize(("time_checks", "status"), [(True, 10), (False, 0)])
def test_an_abnormal_root_has_its_time_too(time_checks: bool, status: int) -> None:
    replacement = Replacement(STRANGE_ROOT.der, ROOT_CELL)
    assert statuses(run(9, ESME, replacement, now=START.plus(-1), time_checks=time_checks)) == [status]


# -- the others --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("new_root", "old", "new"), [(NewRoot.EITHER, 0, 0), (NewRoot.NEW, 10, 0), (NewRoot.OLD, 0, 10)]
)
@pytest.mark.parametrize("root_last", [False, True])
def test_under_which_root_the_others_stand(new_root: NewRoot, old: int, new: int, root_last: bool) -> None:
    settings = ReplacementSettings(new_root=new_root)
    root = Replacement(NEW_ROOT.der, ROOT_CELL)
    for credential, wanted in ((SECOND[SUPPLIER_DS], old), (UNDER_NEW, new)):
        other = Replacement(credential.der, SUPPLIER_DS)
        pair = (other, root) if root_last else (root, other)
        outcome = run(8, ESME, *pair, settings=settings)
        assert statuses(outcome) == ([wanted, 0] if root_last else [0, wanted])
        assert outcome.execution is not None
        assert [cell.cell for cell in outcome.execution.cells] == [item.cell for item in pair]


def test_a_root_that_was_refused_supports_nobody() -> None:
    root = Replacement(STRANGE_ROOT.der, ROOT_CELL)
    other = Replacement(UNDER_STRANGE.der, SUPPLIER_DS)
    assert statuses(run(8, ESME, root, other)) == [10, 10]
    assert statuses(run(9, ESME, root, other)) == [0, 0]
    assert statuses(run(9, ESME, other)) == [10]


# -- contingency -------------------------------------------------------------------------

SYMMETRIC = bytes(range(16))
CONTINGENCY_KEY = ec.derive_private_key(0xC0471, ec.SECP256R1())
WRAP_PAD_128 = bytes.fromhex("608648016503040108")


def info(key: Any) -> bytes:
    octets: bytes = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return octets


def extension(wrapped: bytes, algorithm: bytes = WRAP_PAD_128) -> bytes:
    parts = (Node(SEQUENCE, b"", (Node(6, algorithm),)), Node(OCTET_STRING, wrapped))
    return der_octets(Node(SEQUENCE, b"", parts))


def root_with(value: bytes) -> Credential:
    """A root that carries an extension where the wrapped contingency key is looked for."""
    carried = x509.UnrecognizedExtension(x509.ObjectIdentifier(WRAPPED_CONTINGENCY_KEY), value)
    return authority(STRANGE_KEY, None, STRANGE_KEY, extra=[(carried, False)])


def wrapped(plain: bytes, symmetric: bytes = SYMMETRIC) -> bytes:
    return aes_key_wrap_with_padding(symmetric, plain)


GOOD_ROOT = root_with(extension(wrapped(info(CONTINGENCY_KEY.public_key()))))


def test_the_disclosed_key_opens_the_contingency_key() -> None:
    key = contingency_key(GOOD_ROOT, SYMMETRIC)
    assert public_point(key) == public_point(CONTINGENCY_KEY.public_key())


@pytest.mark.parametrize(("last", "length"), [("08", 16), ("1C", 24), ("30", 32)])
def test_the_wrapping_names_the_length_of_its_key(last: str, length: int) -> None:
    algorithm, symmetric = WRAP_PAD_128[:-1] + bytes.fromhex(last), bytes(range(length))
    octets = wrapped(b"plain", symmetric)
    assert unwrap_aes(WrappedKey(algorithm, octets), symmetric) == b"plain"
    for other in (symmetric[:-1], symmetric + b"1", b""):
        with pytest.raises(SecurityError):
            unwrap_aes(WrappedKey(algorithm, octets), other)


@pytest.mark.parametrize(
    ("root", "symmetric"),
    [
        (GOOD_ROOT, SYMMETRIC[::-1]),
        (GOOD_ROOT, b""),
        (GOOD_ROOT, bytes(24)),
        (ROOT, SYMMETRIC),
        (root_with(b""), SYMMETRIC),
        (root_with(b"\x05\x00"), SYMMETRIC),
        (root_with(b"\x30\x00"), SYMMETRIC),
        (root_with(der_octets(Node(SEQUENCE, b"", (Node(SEQUENCE), Node(OCTET_STRING, b"1"))))), SYMMETRIC),
        (root_with(extension(wrapped(info(CONTINGENCY_KEY.public_key())), b"\x2a")), SYMMETRIC),
        (root_with(extension(b"")), SYMMETRIC),
        (root_with(extension(wrapped(b"no key"))), SYMMETRIC),
        (
            root_with(
                extension(wrapped(info(x25519.X25519PrivateKey.from_private_bytes(bytes(32)).public_key())))
            ),
            SYMMETRIC,
        ),
        (
            root_with(extension(wrapped(info(ec.derive_private_key(5, ec.SECP384R1()).public_key())))),
            SYMMETRIC,
        ),
    ],
)
def test_what_is_no_contingency_key(root: Credential, symmetric: bytes) -> None:
    with pytest.raises(SecurityError) as caught:
        contingency_key(root, symmetric)
    assert caught.value.check is Check.SIGNATURE
    assert symmetric.hex() not in str(caught.value) or not symmetric


def test_the_wrapping_can_be_another() -> None:
    root = root_with(extension(info(CONTINGENCY_KEY.public_key()), b"\x2a\x03"))
    assert wrapped_key(root).algorithm == b"\x2a\x03"
    key = contingency_key(root, b"any", lambda held, symmetric: held.octets)
    assert public_point(key) == public_point(CONTINGENCY_KEY.public_key())


# -- which key verifies the signature ----------------------------------------------------


@pytest.mark.parametrize(
    ("mode", "device", "cell"),
    [
        (0, ESME, SUPPLIER_DS),
        (2, ESME, SUPPLIER_DS),
        (7, ESME, CellIdentifier(Role.TRANSITIONAL_COS, DS)),
        (8, ESME, RECOVERY_DS),
        (11, DeviceType.SAPC, SUPPLIER_DS),
        (4, CHF, CellIdentifier(Role.ACCESS_CONTROL_BROKER, DS)),
    ],
)
def test_the_authorising_cell_has_the_key(mode: int, device: DeviceType, cell: CellIdentifier) -> None:
    row = row_of(mode, device)
    key = verification_key(anchors_of(device), row.code, command_of(row, device))
    assert key is not None
    assert public_point(key) == FIRST[cell].point


def test_a_command_without_a_signature_has_no_key() -> None:
    row = row_of(4, ESME)
    assert verification_key(anchors_of(ESME), row.code, command_of(row, ESME)) is None


def test_the_root_has_the_key_of_contingency() -> None:
    row, anchors = row_of(9, ESME), anchors_of(ESME, held={ROOT_CELL: GOOD_ROOT})
    key = verification_key(anchors, row.code, command_of(row, ESME, symmetric_key=SYMMETRIC))
    assert key is not None
    assert public_point(key) == public_point(CONTINGENCY_KEY.public_key())
    for held, symmetric in ((anchors, None), (anchors_of(ESME), SYMMETRIC), (Anchors(ESME), SYMMETRIC)):
        with pytest.raises(SecurityError) as caught:
            verification_key(held, row.code, command_of(row, ESME, symmetric_key=symmetric))
        assert caught.value.check is Check.SIGNATURE


def test_contingency_replaces_everything() -> None:
    """A new hierarchy altogether, in one command."""
    new = {
        CellIdentifier(role, c.usage, c.cell_usage): c
        for role, entity in ENTITIES.items()
        for c in STRANGE_PKI.organisation(role, entity)
    }
    anchors = anchors_of(ESME)
    wanted = {
        cell: new[cell] if cell != ROOT_CELL else STRANGE_PKI.organisation_root for cell in anchors.held
    }
    outcome = run(
        9,
        ESME,
        *(Replacement(credential.der, cell) for cell, credential in wanted.items()),
        path=(STRANGE_PKI.organisation_issuing.der,),
    )
    assert set(statuses(outcome)) == {StatusCode.SUCCESS}
    assert dict(outcome.anchors.held) == wanted
    assert PKI.organisation_root not in outcome.anchors.held.values()
