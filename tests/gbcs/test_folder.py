"""Folders of PEM files: contents decide, names hardly matter, and nothing is lost or told."""

from __future__ import annotations

import base64
import os
import re
import stat
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from gbcs.errors import KeyStoreError, SecurityError
from gbcs.ids import CellUsage, EntityId, KeyUsage, Role
from gbcs.pki import ROLE_USES, TestPki
from gbcs.security.certificates import check_certificate, public_point
from gbcs.security.folder import MAX_FILE_OCTETS, FolderKeyStore, write_folder
from gbcs.security.store import Credential, KeyStore
from gbcs.time import Utc

START = Utc.of(2024, 3, 1)
SUPPLIER = EntityId.parse("90-B3-D5-1F-30-AA-00-01")
BROKER = EntityId.parse("90-B3-D5-1F-30-AA-00-02")
METER = EntityId.parse("00-DB-12-34-56-78-AA-01")
DS, KA = KeyUsage.DIGITAL_SIGNATURE, KeyUsage.KEY_AGREEMENT
TOP_UP = CellUsage.PREPAYMENT_TOP_UP

PKI = TestPki.create(b"folder", START)
SIGNING, AGREEMENT, PREPAYMENT = PKI.organisation(Role.SUPPLIER, SUPPLIER, "A SUPPLIER")
BROKER_DS, BROKER_KA = PKI.organisation(Role.ACCESS_CONTROL_BROKER, BROKER)
METER_DS, METER_KA = PKI.device(METER)
STORE = PKI.store


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_folder(STORE, tmp_path)
    return tmp_path


def pem(credential: Credential) -> bytes:
    return credential.certificate.public_bytes(Encoding.PEM)


def key_pem(credential: Credential, form: PrivateFormat = PrivateFormat.PKCS8) -> bytes:
    key = STORE.private_key(credential)
    assert key is not None
    return key.private_bytes(Encoding.PEM, form, NoEncryption())


def contents(store: KeyStore) -> list[tuple[bytes, CellUsage, int | None]]:
    keys = [(c, store.private_key(c)) for c in store.all()]
    return [(c.der, c.cell_usage, k.private_numbers().private_value if k else None) for c, k in keys]


# --- writing and reading back ----------------------------------------------------------


def test_what_is_written_is_read(folder: Path) -> None:
    store = FolderKeyStore(folder)
    assert contents(store) == contents(STORE)
    assert store.notes == ()
    assert store.find(SUPPLIER, KA) == AGREEMENT
    assert store.find(SUPPLIER, KA, TOP_UP) == PREPAYMENT
    assert store.find(METER, DS) == METER_DS
    assert store.find(METER, DS, TOP_UP) is None
    assert store.with_role(Role.SUPPLIER, KA) == (AGREEMENT, PREPAYMENT)


def test_the_layout(folder: Path) -> None:
    stems = {
        *(f"{SUPPLIER.hex()}-{kind}" for kind in ("ds", "ka", "pp-ka")),
        *(f"{BROKER.hex()}-{kind}" for kind in ("ds", "ka")),
        *(f"{METER.hex()}-{kind}" for kind in ("ds", "ka")),
        *(
            f"{authority.key_id.hex()}-ca"
            for authority in (
                PKI.organisation_root,
                PKI.organisation_issuing,
                PKI.device_root,
                PKI.device_issuing,
            )
        ),
    }
    names = {f"{stem}.{suffix}" for stem in stems for suffix in ("pem", "key")}
    assert {path.name for path in folder.iterdir()} == names
    assert write_folder(STORE, folder) == tuple(sorted(names))


def test_certificates_without_keys_have_no_key_file(tmp_path: Path) -> None:
    public = STORE.with_added()
    written = write_folder(type(public)(public.all()), tmp_path / "new" / "folder")
    assert not [name for name in written if name.endswith(".key")]
    store = FolderKeyStore(tmp_path / "new" / "folder")
    assert store.all() == STORE.all()
    assert store.private_key(SIGNING) is None


def test_generations_keep_apart(tmp_path: Path) -> None:
    pki = TestPki.create(b"folder", START)
    for generation in range(12):
        pki.organisation(Role.SUPPLIER, SUPPLIER, generation=generation)
    write_folder(pki.store, tmp_path)
    store = FolderKeyStore(tmp_path)
    assert contents(store) == contents(pki.store)
    assert store.notes == ()
    assert store.find(SUPPLIER, KA, TOP_UP) == pki.organisation(Role.SUPPLIER, SUPPLIER, generation=11)[2]


def test_key_files_are_for_their_owner_only(folder: Path) -> None:
    modes = {stat.S_IMODE(path.stat().st_mode) & 0o077 for path in folder.glob("*.key")}
    assert modes == {0}


def test_writing_again_changes_nothing(folder: Path) -> None:
    before = {path.name: (path.read_bytes(), path.stat().st_mtime_ns) for path in folder.iterdir()}
    write_folder(STORE, folder)
    assert {path.name: (path.read_bytes(), path.stat().st_mtime_ns) for path in folder.iterdir()} == before


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    (tmp_path / f"{SUPPLIER.hex()}-ds.key").write_bytes(b"a key of someone's")
    with pytest.raises(KeyStoreError, match="nothing written"):
        write_folder(STORE, tmp_path)
    assert [path.read_bytes() for path in tmp_path.iterdir()] == [b"a key of someone's"]


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(KeyStoreError):
        write_folder(STORE, tmp_path / "file")


# --- names and contents ----------------------------------------------------------------


def test_names_are_not_believed(tmp_path: Path) -> None:
    for number, credential in enumerate(STORE.all()):
        top_up = "-pp-ka" if credential.cell_usage is TOP_UP else ""
        (tmp_path / f"certificate {number}{top_up}.pem").write_bytes(pem(credential))
        # The keys count the other way round: only the public point can tell whose they are.
        (tmp_path / f"key {100 - number}.key").write_bytes(key_pem(credential))
    store = FolderKeyStore(tmp_path)
    assert contents(store) == contents(STORE)
    assert store.notes == ()


def test_a_misnamed_copy_is_remarked(folder: Path) -> None:
    # As in the reference set: a supplier's certificate and key under another party's name.
    name = "90b3d51f30aa0000-ka"
    (folder / f"{name}.pem").write_bytes(pem(AGREEMENT))
    (folder / f"{name}.key").write_bytes(key_pem(AGREEMENT))
    store = FolderKeyStore(folder)
    right = f"{SUPPLIER.hex()}-ka"
    assert store.notes == (
        f"{name}.key: duplicate, same private key as {right}.key",
        f"{name}.key: misnamed, holds the private key of {right}",
        f"{name}.pem: duplicate, same certificate as {right}.pem",
        f"{name}.pem: misnamed, holds the certificate {right}",
    )
    assert contents(store) == contents(STORE)
    assert store.find(EntityId.parse("90B3D51F30AA0000"), KA) is None


def test_a_misnamed_file_still_serves(tmp_path: Path) -> None:
    (tmp_path / f"{BROKER.hex()}-ds.pem").write_bytes(pem(AGREEMENT))
    (tmp_path / f"{BROKER.hex()}-ds.key").write_bytes(key_pem(AGREEMENT))
    store = FolderKeyStore(tmp_path)
    assert store.find(SUPPLIER, KA) == AGREEMENT
    assert store.private_key(AGREEMENT) is not None
    assert store.find(BROKER, DS) is None
    assert [note.split(",")[0] for note in store.notes] == [
        f"{BROKER.hex()}-ds.key: misnamed",
        f"{BROKER.hex()}-ds.pem: misnamed",
    ]


def test_upper_case_names_are_the_same(tmp_path: Path) -> None:
    (tmp_path / f"{SUPPLIER.hex().upper()}-PP-KA.PEM").write_bytes(pem(PREPAYMENT))
    store = FolderKeyStore(tmp_path)
    assert (store.all(), store.notes) == ((PREPAYMENT,), ())
    (tmp_path / f"{BROKER.hex().upper()}-DS.PEM").write_bytes(pem(AGREEMENT))
    (note,) = FolderKeyStore(tmp_path).notes
    assert "misnamed" in note


@pytest.mark.parametrize("credential", [SIGNING, BROKER_KA, METER_KA])
def test_only_a_suppliers_key_agreement_is_for_top_up(tmp_path: Path, credential: Credential) -> None:
    (tmp_path / "some-pp-ka.pem").write_bytes(pem(credential))
    store = FolderKeyStore(tmp_path)
    assert store.all() == (credential,)
    assert store.notes == (
        "some-pp-ka.pem: named for prepayment, but not a supplier's key agreement certificate",
    )


def test_one_certificate_for_both_uses_is_no_duplicate(tmp_path: Path) -> None:
    (tmp_path / f"{SUPPLIER.hex()}-ka.pem").write_bytes(pem(AGREEMENT))
    (tmp_path / f"{SUPPLIER.hex()}-pp-ka.pem").write_bytes(pem(AGREEMENT))
    (tmp_path / f"{SUPPLIER.hex()}-pp-ka.key").write_bytes(key_pem(AGREEMENT))
    store = FolderKeyStore(tmp_path)
    both = store.find(SUPPLIER, KA), store.find(SUPPLIER, KA, TOP_UP)
    assert [c.der for c in both if c is not None] == [AGREEMENT.der] * 2
    assert store.notes == ()


# --- forms of files --------------------------------------------------------------------


def test_other_forms_are_read(tmp_path: Path) -> None:
    (tmp_path / "chain.pem").write_bytes(pem(SIGNING) + b"text between\r\n" + pem(PKI.organisation_issuing))
    (tmp_path / "meter.der").write_bytes(METER_DS.der)
    (tmp_path / "meter.cer").write_bytes(METER_KA.der)
    (tmp_path / "both.crt").write_bytes(pem(BROKER_DS) + key_pem(BROKER_DS))
    sec1 = b"-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n"
    (tmp_path / "old.key").write_bytes(sec1 + key_pem(SIGNING, PrivateFormat.TraditionalOpenSSL))
    store = FolderKeyStore(tmp_path)
    expected = (PKI.organisation_issuing, METER_DS, METER_KA, SIGNING, BROKER_DS)
    assert store.all() == expected
    assert store.private_key(SIGNING) is not None
    assert store.private_key(BROKER_DS) is not None
    assert store.notes == ()


def test_other_files_are_left_alone(folder: Path) -> None:
    (folder / "README").write_bytes(b"text")
    (folder / "certificates.zip").write_bytes(pem(SIGNING))
    (folder / "sub.pem").mkdir()
    (folder / "more").mkdir()
    (folder / "more" / "x.pem").write_bytes(b"not read")
    assert FolderKeyStore(folder).notes == ()


def test_unreadable_files_are_remarked_and_the_rest_serves(folder: Path) -> None:
    key = STORE.private_key(SIGNING)
    assert key is not None
    numbers = SIGNING.public_key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    other = ec.derive_private_key(5, ec.SECP384R1())
    files = {
        "broken.pem": pem(SIGNING)[:200],
        "damaged.pem": b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
        "empty.pem": b"",
        "encrypted.key": key.private_bytes(
            Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"password")
        ),
        "large.pem": pem(SIGNING) + b" " * MAX_FILE_OCTETS,
        "locked.key": b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
        "other.key": other.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()),
        "public.pem": numbers,
        "unmatched.key": ec.derive_private_key(5, ec.SECP256R1()).private_bytes(
            Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()
        ),
    }
    for name, octets in files.items():
        (folder / name).write_bytes(octets)
    store = FolderKeyStore(folder)
    assert contents(store) == contents(STORE)
    assert repr(store) == repr(STORE).replace("Memory", "Folder")
    assert [note.partition(":")[0] for note in store.notes] == sorted(files)
    told = {note.partition(": ")[0]: note.partition(": ")[2] for note in store.notes}
    assert told["public.pem"] == "unreadable, neither certificate nor plain private key but public key"
    assert told["encrypted.key"] == (
        "unreadable, neither certificate nor plain private key but encrypted private key"
    )
    assert told["large.pem"] == f"unreadable, longer than {MAX_FILE_OCTETS} octets"
    assert told["locked.key"] == told["other.key"] == "unreadable, not an unencrypted P-256 private key"
    assert told["unmatched.key"] == "a private key without certificate"
    for name in ("broken.pem", "damaged.pem", "empty.pem"):
        assert told[name].startswith("unreadable, certificate at octet 0: not a certificate")


def test_a_file_that_may_not_be_read(folder: Path) -> None:
    (folder / "closed.pem").write_bytes(pem(SIGNING))
    (folder / "closed.pem").chmod(0)
    if os.access(folder / "closed.pem", os.R_OK):
        pytest.skip("this user reads everything")
    assert FolderKeyStore(folder).notes == ("closed.pem: unreadable, Permission denied",)


def test_links_that_lead_nowhere(folder: Path) -> None:
    (folder / "gone.pem").symlink_to(folder / "nowhere.pem")
    (folder / "loop.pem").symlink_to(folder / "loop.pem")
    store = FolderKeyStore(folder)
    assert contents(store) == contents(STORE)
    assert [note.partition(",")[0] for note in store.notes] == ["loop.pem: unreadable"]


@pytest.mark.parametrize("kind", ["missing", "file", "empty", "keys only", "null"])
def test_no_key_store_is_one_clear_line(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "two\nlines"
    if kind == "file":
        path.write_bytes(pem(SIGNING))
    elif kind != "missing":
        path.mkdir()
    if kind == "keys only":
        (path / "a.key").write_bytes(key_pem(SIGNING))
    if kind == "null":
        path = tmp_path / "a\0b"
    with pytest.raises(KeyStoreError) as caught:
        FolderKeyStore(path)
    expected = {
        "missing": "no such folder",
        "file": "not a folder",
        "empty": "no certificate in this folder",
        "keys only": "no certificate in this folder",
        "null": "no such folder",
    }[kind]
    text = str(caught.value)
    assert text.endswith(expected)
    assert text.isprintable()


def test_notes_are_one_line_each(folder: Path) -> None:
    (folder / "a\nb\x1b[1m.pem").write_bytes(b"")
    (note,) = FolderKeyStore(folder).notes
    assert note.isprintable()
    assert note.startswith("a?b?[1m.pem: unreadable")


# --- secrets ---------------------------------------------------------------------------


def test_private_keys_show_nowhere(folder: Path) -> None:
    for credential in STORE.all():
        (folder / f"copy of {credential.key_id.hex()}.key").write_bytes(key_pem(credential))
        (folder / f"torn {credential.key_id.hex()}.key").write_bytes(key_pem(credential)[:150])
    store = FolderKeyStore(folder)
    assert len(store.notes) == 2 * len(STORE.all())
    text = repr(store) + str(store) + "".join(store.notes)
    text += "".join(repr(credential) for credential in store.all())
    folded = re.sub(r"\s", "", text)
    for credential in STORE.all():
        key = STORE.private_key(credential)
        assert key is not None
        scalar = key.private_numbers().private_value
        octets = scalar.to_bytes(32, "big")
        for form in (
            str(scalar),
            f"{scalar:x}",
            f"{scalar:X}",
            repr(octets),
            base64.b64encode(octets).decode(),
        ):
            assert form not in folded
        assert key_pem(credential).splitlines()[1].decode() not in folded
    assert repr(store) == f"FolderKeyStore({len(STORE.all())} certificates, {len(STORE.all())} private keys)"


# --- the reference key store -----------------------------------------------------------

REFERENCE_PARTIES = {
    "90B3D51F30000001": (Role.RECOVERY, 1),
    "90B3D51F30000002": (Role.ACCESS_CONTROL_BROKER, 2),
    "90B3D51F30000004": (Role.TRANSITIONAL_COS, 1),
    "90B3D51F30000007": (Role.WAN_PROVIDER, 1),
    "90B3D51F30010000": (Role.SUPPLIER, 3),
    "90B3D51F30010008": (Role.LOAD_CONTROLLER, 2),
    "90B3D51F30020000": (Role.NETWORK_OPERATOR, 2),
    "90B3D51F30030000": (Role.SUPPLIER, 3),
}


@pytest.fixture
def keystore(reference: Path) -> FolderKeyStore:
    folder = reference / "rtds" / "keystore"
    if not folder.is_dir():
        pytest.skip("the reference has no key store")
    return FolderKeyStore(folder)


def test_reference_parties(keystore: FolderKeyStore) -> None:
    for text, (role, count) in REFERENCE_PARTIES.items():
        held = [c for c in keystore.all() if c.entity == EntityId.parse(text)]
        assert [(c.usage, c.cell_usage) for c in held] == list(ROLE_USES[role])
        assert len(held) == count
        assert {c.role for c in held} == {role}
        assert all(keystore.private_key(c) for c in held)
    devices = [c for c in keystore.all() if c.role is None]
    assert len(devices) == 400
    assert {c.entity for c in devices} == {
        EntityId((0x00DB123456789000 + number).to_bytes(8, "big")) for number in range(1, 201)
    }
    assert not any(keystore.private_key(c) for c in devices)
    assert len(keystore.all()) == 400 + sum(count for _, count in REFERENCE_PARTIES.values())


def test_reference_keys_match_by_point(keystore: FolderKeyStore) -> None:
    for credential in keystore.all():
        key = keystore.private_key(credential)
        if key is not None:
            assert public_point(key.public_key()) == credential.point


def test_reference_remarks(keystore: FolderKeyStore) -> None:
    assert keystore.notes == (
        "123456789abcdef0-ka.key: a private key without certificate",
        "90b3d51f30000007-ka.key: duplicate, same private key as 90b3d51f30030000-ka.key",
        "90b3d51f30000007-ka.key: misnamed, holds the private key of 90b3d51f30030000-ka",
        "90b3d51f30000007-ka.pem: duplicate, same certificate as 90b3d51f30030000-ka.pem",
        "90b3d51f30000007-ka.pem: misnamed, holds the certificate 90b3d51f30030000-ka",
        "abababababababab-ka.key: a private key without certificate",
        "fffffffffffffffe-ka.pem: unreadable, neither certificate nor plain private key but public key",
    )


def test_reference_top_up_certificates(keystore: FolderKeyStore) -> None:
    for text in ("90B3D51F30010000", "90B3D51F30030000"):
        entity = EntityId.parse(text)
        agreement, top_up = keystore.find(entity, KA), keystore.find(entity, KA, TOP_UP)
        assert agreement is not None
        assert top_up is not None
        assert agreement.point != top_up.point


def test_reference_is_written_and_read_back(keystore: FolderKeyStore, tmp_path: Path) -> None:
    write_folder(keystore, tmp_path)
    again = FolderKeyStore(tmp_path)
    assert contents(again) == contents(keystore)
    assert again.notes == ()


def test_reference_certificates_lead_to_none_of_ours(keystore: FolderKeyStore) -> None:
    for role in (Role.SUPPLIER, Role.RECOVERY):
        for credential in keystore.with_role(role, DS):
            with pytest.raises(SecurityError, match="another name"):
                check_certificate(credential, PKI.organisation_issuing, None)
