"""`smets pki`: what is made passes its own checks, serves messages, and tells no private key."""

import base64
import json
import os
import re
import stat
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from smets.tools.pki import DEFAULT_START, HOME

from gbcs.ids import EntityId, KeyUsage, Role
from gbcs.party import AccessControlBroker, RemoteParty, compose
from gbcs.pki import ROLE_USES, TestPki
from gbcs.security.certificates import profile_faults
from gbcs.security.folder import FolderKeyStore
from gbcs.security.store import Credential
from gbcs.usecases import by_name
from hil.scenario import load_scenario
from tests.tools.cli import smets
from tests.tools.pki_keys import (
    BROKER,
    COUNT,
    DEVICE_KEY,
    DS,
    KA,
    METER,
    SUPPLIER,
    TOP_UP,
    WITHIN,
    complaint,
    credential,
    lines,
    new_pki,
    private,
    request,
    snapshot,
)


@pytest.fixture
def keys(tmp_path: Path) -> Path:
    """A new PKI, made by the command."""
    return new_pki(tmp_path / "keys")


# --- new ------------------------------------------------------------------------------------


def test_new_makes_every_party_of_a_home(keys: Path) -> None:
    store = FolderKeyStore(keys)
    assert store.notes == ()
    assert len(store.all()) == COUNT
    assert all(store.private_key(c) for c in store.all())
    for role, text, _ in HOME:
        held = [c for c in store.all() if c.entity == EntityId.parse(text)]
        assert [(c.usage, c.cell_usage) for c in held] == list(ROLE_USES[role])
        assert {c.role for c in held} == {role}
    assert not any(profile_faults(c) for c in store.all())


def test_the_parties_are_those_of_the_default_scenario() -> None:
    loaded = load_scenario(None)
    assert {(party.role, party.entity) for party in loaded.parties} <= {
        (role, EntityId.parse(text)) for role, text, _ in HOME
    }
    assert loaded.start == DEFAULT_START


def test_private_key_files_are_for_their_owner_only(keys: Path) -> None:
    assert {stat.S_IMODE(path.stat().st_mode) for path in keys.glob("*.key")} == {0o600}
    assert len(list(keys.glob("*.key"))) == COUNT


def test_the_same_seed_and_date_give_the_same_files(tmp_path: Path) -> None:
    folders = {}
    for name, seed, at in (
        ("one", "a", "2026-01-01"),
        ("two", "a", "2026-01-01T00:00:00+00:00"),
        ("three", "b", "2026-01-01"),
        ("four", "a", "2027-01-01"),
    ):
        assert smets("pki", "new", str(tmp_path / name), "--seed", seed, "--at", at).status == 0
        folders[name] = snapshot(tmp_path / name)
    assert folders["one"] == folders["two"]
    assert not set(folders["one"].values()) & set(folders["three"].values())
    assert not {o for n, o in folders["one"].items() if n.endswith(".pem")} & set(folders["four"].values())


def test_new_leaves_what_is_there(keys: Path, tmp_path: Path) -> None:
    before = snapshot(keys)
    assert "not empty" in complaint(smets("pki", "new", str(keys), "--seed", "other"))
    assert snapshot(keys) == before
    (tmp_path / "file").write_bytes(b"")
    assert "Not a directory" in complaint(smets("pki", "new", str(tmp_path / "file")))
    (tmp_path / "empty").mkdir()
    assert smets("pki", "new", str(tmp_path / "empty")).status == 0


@pytest.mark.parametrize(
    "at", ["", "yesterday", "2026-13-01", "0001-01-01T00:00:00+14:00", "9999-01-01", "2026\n"]
)
def test_dates_that_cannot_be(tmp_path: Path, at: str) -> None:
    complaint(smets("pki", "new", str(tmp_path / "keys"), "--at", at))
    assert not (tmp_path / "keys").exists()


# --- the keys serve messages ------------------------------------------------------------------


def test_messages_made_with_these_keys_are_valid(keys: Path, tmp_path: Path) -> None:
    assert smets("pki", "issue", str(keys), "--entity", METER.pretty(), "--role", "device").status == 0
    store = FolderKeyStore(keys)
    party, use_case = RemoteParty(SUPPLIER, store), by_name("ECS38")
    assert use_case.code is not None
    payload = compose(use_case.code, 9, [600])
    command = AccessControlBroker(BROKER, store).mac(
        party.sign(party.precommand(use_case, METER, 9, payload))
    )
    path = tmp_path / "message"
    path.write_bytes(command.octets)
    (fields,) = lines(smets("decode", "--json", "--keys", str(keys), str(path)))
    assert (fields["signature"], fields["mac"]) == ("valid", "valid")
    other = tmp_path / "other"
    assert smets("pki", "new", str(other), "--seed", "other").status == 0
    assert smets("pki", "issue", str(other), "--entity", str(METER), "--role", "device").status == 0
    (fields,) = lines(smets("decode", "--json", "--keys", str(other), str(path)))
    assert (fields["signature"], fields["mac"]) == ("invalid", "invalid")


# --- show -------------------------------------------------------------------------------------


def test_show_tells_everything_of_each_certificate(keys: Path) -> None:
    store = FolderKeyStore(keys)
    done = smets("pki", "show", "--json", str(keys))
    assert (done.status, done.err) == (0, "")
    rows = lines(done)
    assert [bytes.fromhex(row["der"]) for row in rows] == [c.der for c in store.all()]
    for row, held in zip(rows, store.all(), strict=True):
        assert row["v"] == 1
        assert row["file"] == str(keys / store.file_of(held))
        assert row["key_id"] == held.key_id.hex().upper()
        assert row["private_key"] is True
    by_use = {(row["entity"], row["usage"]): row for row in rows}
    top_up = by_use[str(SUPPLIER), "pp-ka"]
    assert (top_up["role"], top_up["name"], top_up["issuer"]) == ("supplier", "supplier", "OU=07, CN=T1")
    assert (top_up["not_before"], top_up["not_after"]) == ("2026-01-01T00:00:00Z", "2035-12-31T23:59:59Z")
    kinds = {row["role"] for row in rows if row["usage"] == "ca"}
    assert kinds == {"root", "issuing-authority", "device-root", "device-authority"}
    assert {row["entity"] for row in rows if row["usage"] == "ca"} == {None}


def test_columns_line_up_when_piped(keys: Path) -> None:
    done = smets("pki", "show", str(keys))
    heading, head, *shown = done.out.splitlines()
    assert heading == f"{keys}: {COUNT} certificates, {COUNT} private keys"
    assert len(shown) == COUNT
    for name in ("role", "use", "key id", "issuer"):
        at = head.index(f"  {name}") + 2
        assert all(line[at - 2 : at] == "  " and line[at] != " " for line in shown)


def test_a_terminal_gets_a_table(keys: Path) -> None:
    done = smets("pki", "show", str(keys), terminals="out")
    assert done.status == 0
    assert "\x1b[" in done.out
    assert str(SUPPLIER) in done.out


@pytest.mark.parametrize("form", ["pem", "der", "hex", "upper case hex", "chain"])
def test_a_file_of_certificates(keys: Path, tmp_path: Path, form: str) -> None:
    held = credential(keys, SUPPLIER, KA)
    pem = held.certificate.public_bytes(Encoding.PEM)
    octets = {
        "pem": pem,
        "der": held.der,
        "hex": held.der.hex().encode(),
        "upper case hex": held.der.hex(" ", 16).upper().encode() + b"\n",
        "chain": pem + credential(keys, BROKER, DS).certificate.public_bytes(Encoding.PEM),
    }[form]
    path = tmp_path / "file-pp-ka"
    path.write_bytes(octets)
    done = smets("pki", "show", "--json", str(path))
    rows = lines(done)
    assert [row["role"] for row in rows if "role" in row] == ["supplier", "broker"][: 1 + (form == "chain")]
    assert rows[0]["usage"] == "pp-ka"
    assert rows[0]["private_key"] is False
    if form == "chain":
        assert rows[0]["file"] == f"{path}: {SUPPLIER.hex()}-pp-ka {held.key_id.hex().upper()}"
    else:
        assert rows[0]["file"] == str(path)
        assert [row["usage"] for row in lines(smets("pki", "show", "--json", "-", stdin=octets))] == ["ka"]


@pytest.mark.parametrize(
    ("octets", "reason"),
    [
        (b"", "unreadable"),
        (b"hello", "unreadable"),
        (b"\x30\x82\x01", "unreadable"),
        (b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "unreadable"),
        (b"-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n", "but public key"),
        (
            DEVICE_KEY.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()),
            "a private key without certificate",
        ),
        (b"{}", "no readable certificate"),
        (b'{"a": 3}', "a: an object expected, not a number"),
        (b"[", "not JSON"),
    ],
)
@pytest.mark.parametrize("command", ["show", "check"])
def test_unreadable_files_are_one_line_and_the_rest_goes_on(
    keys: Path, tmp_path: Path, command: str, octets: bytes, reason: str
) -> None:
    path = tmp_path / "file"
    path.write_bytes(octets)
    told = complaint(smets("pki", command, str(path)))
    assert told.startswith(f"smets: {path}: ")
    assert reason in told
    done = smets("pki", command, str(path), str(keys), "--json")
    assert done.status == 2
    assert len(lines(done)) == COUNT
    assert done.err == told


@pytest.mark.parametrize("path", ["none", "\0", "a\nb"])
@pytest.mark.parametrize("command", ["show", "check"])
def test_no_such_file(command: str, path: str) -> None:
    complaint(smets("pki", command, path))


def test_names_cannot_disturb_a_terminal(tmp_path: Path) -> None:
    keys = tmp_path / "keys"
    assert smets("pki", "new", str(keys)).status == 0
    arguments = ("--entity", "00005E0053000099", "--role", "other", "--usage", "ds")
    assert smets("pki", "issue", str(keys), *arguments, "--name", "a\x1b[31m\nb").status == 0
    for terminals in ("", "out"):
        done = smets("pki", "show", str(keys / "00005e0053000099-ds.pem"), terminals=terminals)
        assert "\x1b[31m" not in done.out
    assert "a?[31m b" in smets("pki", "show", str(keys)).out


# --- check ------------------------------------------------------------------------------------


def test_what_is_new_has_no_faults(keys: Path) -> None:
    done = smets("pki", "check", str(keys), "--at", WITHIN)
    assert done == (0, f"{COUNT} certificates: no faults\n", "")
    rows = lines(smets("pki", "check", str(keys), "--at", WITHIN, "--json"))
    assert {(row["path"], *row["faults"]) for row in rows} == {("valid",)}
    assert len(rows) == COUNT


@pytest.mark.parametrize(
    ("at", "fault", "faulty"),
    [("2025-12-31T23:59:59Z", "not valid yet", COUNT), ("2036-01-01", "expired", COUNT - 4)],
)
def test_the_time_is_checked(keys: Path, at: str, fault: str, faulty: int) -> None:
    done = smets("pki", "check", str(keys), "--at", at)
    assert done.status == 1
    *faults, total = done.out.splitlines()
    assert total == f"{COUNT} certificates: {faulty} faults"
    assert len(faults) == faulty
    assert all(line.endswith(f": {fault}") for line in faults)
    assert smets("pki", "check", str(keys), "--any-time").status == 0


def test_the_default_is_now(keys: Path, tmp_path: Path) -> None:
    past = tmp_path / "past"
    assert smets("pki", "new", str(past), "--at", "2010-01-01").status == 0
    done = smets("pki", "check", str(past))
    assert done.status == 1
    assert ": expired\n" in done.out


def test_only_given_roots_count(keys: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    assert smets("pki", "new", str(other), "--seed", "other").status == 0
    roots = {
        name: next(
            str(folder / FolderKeyStore(folder).file_of(c))
            for c in FolderKeyStore(folder).all()
            if c.role is Role.ROOT
        )
        for name, folder in (("own", keys), ("other", other))
    }
    party = str(keys / f"{SUPPLIER.hex()}-ds.pem")
    issuing = next(
        str(keys / FolderKeyStore(keys).file_of(c))
        for c in FolderKeyStore(keys).with_role(Role.ISSUING_AUTHORITY, KeyUsage.KEY_CERT_SIGN)
    )
    assert smets("pki", "check", party, issuing, "--at", WITHIN, "--root", roots["own"]).status == 0
    # An issuing authority may be the anchor itself.
    assert smets("pki", "check", party, "--at", WITHIN, "--root", issuing).status == 0
    done = smets("pki", "check", party, issuing, "--at", WITHIN, "--root", roots["other"])
    assert done.status == 1
    assert f"{party}: no path to the trust anchor\n" in done.out
    done = smets("pki", "check", party, "--at", WITHIN, "--root", roots["own"])
    assert done.out == f"{party}: no path to the trust anchor\n1 certificate: 1 fault\n"
    both = ("--root", roots["other"], "--root", roots["own"])
    assert smets("pki", "check", party, issuing, "--at", WITHIN, *both).status == 0
    assert "no certification authority" in complaint(smets("pki", "check", party, "--root", party))


def test_without_an_anchor_the_path_is_unchecked(keys: Path) -> None:
    party = str(keys / f"{SUPPLIER.hex()}-ds.pem")
    done = smets("pki", "check", party, "--at", WITHIN)
    assert done.out == "1 certificate: no faults\n"
    assert done.err == (
        "smets: no trust anchor at hand for 1 certificate of OU=07, CN=T1: path not checked\n"
    )
    (row,) = lines(smets("pki", "check", party, "--at", WITHIN, "--json"))
    assert row["path"] == "unchecked"
    done = smets("pki", "check", party, "--at", "2040-01-01")
    assert (done.status, done.out) == (1, f"{party}: expired\n1 certificate: 1 fault\n")


@pytest.mark.parametrize("octet", range(-40, 0, 7))
def test_a_damaged_signature_is_a_fault(keys: Path, octet: int) -> None:
    held = credential(keys, SUPPLIER, DS)
    der = bytearray(held.der)
    der[octet] ^= 0x01
    path = keys / f"{SUPPLIER.hex()}-ds.pem"
    path.write_bytes(bytes(der))
    done = smets("pki", "check", str(keys), "--at", WITHIN)
    assert done.status == 1
    assert f"{path}: signature not by the issuer\n" in done.out


def test_departures_from_the_profile_are_faults(keys: Path) -> None:
    arguments = ("--entity", str(METER), "--role", "device", "--usage", "ds", "--years", "5")
    assert smets("pki", "issue", str(keys), *arguments).status == 0
    done = smets("pki", "check", str(keys), "--at", WITHIN)
    assert done == (
        1,
        f"{keys / f'{METER.hex()}-ds.pem'}: expires\n{COUNT + 1} certificates: 1 fault\n",
        "",
    )


def test_remarks_on_a_store_are_faults(keys: Path) -> None:
    os.rename(keys / f"{SUPPLIER.hex()}-ds.pem", keys / f"{BROKER.hex()}-ds-7.pem")
    done = smets("pki", "check", str(keys), "--at", WITHIN)
    assert done.status == 1
    assert (
        f"{keys}: {BROKER.hex()}-ds-7.pem: misnamed, holds the certificate {SUPPLIER.hex()}-ds\n" in done.out
    )
    rows = lines(smets("pki", "check", str(keys), "--at", WITHIN, "--json"))
    assert next(row for row in rows if "remark" in row)["file"] == str(keys)


def test_moments_exclude_each_other(keys: Path) -> None:
    complaint(smets("pki", "check", str(keys), "--at", WITHIN, "--any-time"))
    complaint(smets("pki", "check", str(keys), "--at", "soon"))


def test_the_readme_shows_what_happens(keys: Path, root: Path) -> None:
    assert smets("pki", "issue", str(keys), "--entity", METER.pretty(), "--role", "device").status == 0
    done = smets("pki", "check", str(keys), "--at", WITHIN)
    shown = (root / "README.md").read_text("utf-8")
    assert f"$ smets pki issue keys --entity {METER.pretty()} --role device\n" in shown
    assert f"$ smets pki check keys\n    {done.out}" in shown


# --- import and export ------------------------------------------------------------------------


def boxed(pki: TestPki, credentials: list[Credential]) -> dict[str, Any]:
    """A JSON key store of certificates, with their keys."""
    tree: dict[str, Any] = {}
    for held in credentials:
        key = pki.store.private_key(held)
        assert key is not None
        usage = "digitalSignature" if held.usage is DS else "keyAgreement"
        serials = tree.setdefault(held.entity.pretty().lower(), {}).setdefault(usage, {})
        serials[str(held.certificate.serial_number)] = {
            "certificate": base64.b64encode(held.der).decode(),
            "privateKey": key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode(),
            "role": held.role,
            "name": "prepayment" if held.cell_usage is TOP_UP else "",
        }
    return tree


@pytest.fixture
def json_store(tmp_path: Path) -> tuple[Path, list[Credential], TestPki]:
    """A JSON key store with three generations of a supplier, a broker and a meter."""
    pki = TestPki.create(b"json", DEFAULT_START)
    held = [c for number in range(3) for c in pki.organisation(Role.SUPPLIER, SUPPLIER, generation=number)]
    held += [*pki.organisation(Role.ACCESS_CONTROL_BROKER, BROKER), *pki.device(METER)]
    path = tmp_path / "keystore.json"
    path.write_text(json.dumps(boxed(pki, held)))
    return path, held, pki


def test_a_json_store_becomes_a_folder(json_store: Any, tmp_path: Path) -> None:
    path, held, pki = json_store
    done = smets("pki", "import", str(path), str(tmp_path / "keys"))
    assert (done.status, done.err) == (0, "")
    assert done.out.startswith(f"{tmp_path / 'keys'}: {2 * len(held)} files, {len(held)} certificates, ")
    store = FolderKeyStore(tmp_path / "keys")
    assert store.notes == ()
    assert {(c.der, c.cell_usage) for c in store.all()} == {(c.der, c.cell_usage) for c in held}
    for each in store.all():
        assert (
            private(tmp_path / "keys", each).private_numbers()
            == pki.store.private_key(each).private_numbers()
        )
    assert store.find(SUPPLIER, KA, TOP_UP) == held[8]
    assert store.file_of(held[8]) == f"{SUPPLIER.hex()}-pp-ka.pem"
    assert store.file_of(held[2]) == f"{SUPPLIER.hex()}-pp-ka-3.pem"
    modes = {stat.S_IMODE(file.stat().st_mode) for file in (tmp_path / "keys").glob("*.key")}
    assert modes == {0o600}


def test_importing_again_changes_nothing_and_nothing_is_overwritten(json_store: Any, tmp_path: Path) -> None:
    path, held, pki = json_store
    folder = tmp_path / "keys"
    first = smets("pki", "import", str(path), str(folder))
    before = snapshot(folder)
    assert smets("pki", "import", str(path), str(folder)) == first
    assert snapshot(folder) == before
    path.write_text(json.dumps(boxed(pki, held[:3])))
    assert "nothing written" in complaint(smets("pki", "import", str(path), str(folder)))
    assert snapshot(folder) == before


def test_entries_that_cannot_be_read_are_remarked(json_store: Any, tmp_path: Path) -> None:
    path, held, _ = json_store
    tree = json.loads(path.read_text())
    (serial,) = tree[BROKER.pretty().lower()]["keyAgreement"]
    tree[BROKER.pretty().lower()]["keyAgreement"][serial]["certificate"] = "MAAA"
    path.write_text(json.dumps(tree))
    done = smets("pki", "import", str(path), str(tmp_path / "keys"))
    assert done.status == 0
    assert done.err.startswith(f"smets: {path}: {BROKER.pretty().lower()}.keyAgreement.{serial}: left out, ")
    assert done.err.count("\n") == 1
    assert len(FolderKeyStore(tmp_path / "keys").all()) == len(held) - 1
    *rows, last = lines(smets("pki", "import", str(path), str(tmp_path / "keys"), "--json"))
    assert len(rows) == len(held) - 1
    assert last["remark"].startswith(f"{BROKER.pretty().lower()}.keyAgreement.{serial}: left out, ")
    assert smets("pki", "check", str(path), "--at", WITHIN).status == 1


def test_a_json_store_is_shown_and_checked(json_store: Any) -> None:
    path, held, _ = json_store
    rows = lines(smets("pki", "show", "--json", str(path)))
    assert len(rows) == len({row["file"] for row in rows}) == len(held)
    assert all(row["private_key"] for row in rows)
    assert smets("pki", "check", str(path), "--at", WITHIN).status == 0


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ('{"a": {"keyAgreement": {"1": {"privateKey": "x"}}}}', "a.keyAgreement.1.certificate: missing"),
        ('{"a": {"keyAgreement": []}}', "a.keyAgreement: an object expected, not a list"),
        ("{", "not JSON"),
        ("text", "unreadable"),
    ],
)
def test_another_shape_names_the_key_path(tmp_path: Path, text: str, reason: str) -> None:
    path = tmp_path / "store.json"
    path.write_text(text)
    told = complaint(smets("pki", "import", str(path), str(tmp_path / "keys")))
    assert told.startswith(f"smets: {path}: ")
    assert reason in told
    assert not (tmp_path / "keys").exists()


def test_import_is_for_json(keys: Path, tmp_path: Path) -> None:
    assert "not a JSON key store" in complaint(smets("pki", "import", str(keys), str(tmp_path / "other")))


def test_export_writes_what_is_read(keys: Path, json_store: Any, tmp_path: Path) -> None:
    done = smets("pki", "export", str(keys), str(tmp_path / "copy"))
    assert (done.status, done.err) == (0, "")
    assert snapshot(tmp_path / "copy") == snapshot(keys)
    assert smets("pki", "export", str(json_store[0]), str(tmp_path / "one")).status == 0
    assert smets("pki", "import", str(json_store[0]), str(tmp_path / "two")).status == 0
    assert snapshot(tmp_path / "one") == snapshot(tmp_path / "two")
    (tmp_path / "file").write_bytes(b"")
    complaint(smets("pki", "export", str(keys), str(tmp_path / "file")))


# --- secrets ----------------------------------------------------------------------------------


def test_no_command_tells_a_private_key(keys: Path, json_store: Any, tmp_path: Path) -> None:
    path, held, pki = json_store
    csr = tmp_path / "request"
    csr.write_bytes(request().public_bytes(Encoding.PEM))
    torn = tmp_path / "torn"
    torn.mkdir()
    for file in keys.iterdir():
        (torn / file.name).write_bytes(file.read_bytes()[: 150 if file.suffix == ".key" else None])
    told = ""
    for as_json in ((), ("--json",)):
        for arguments in (
            ("new", str(tmp_path / f"new{len(as_json)}")),
            ("issue", str(keys), "--entity", str(METER), "--role", "device"),
            ("issue", str(keys), "--csr", str(csr), "--at", "2026-02-01"),
            ("show", str(keys), str(path), str(torn)),
            ("check", str(keys), str(path), str(torn)),
            ("import", str(path), str(tmp_path / "imported")),
            ("export", str(keys), str(tmp_path / "exported")),
        ):
            done = smets("pki", *arguments, *as_json)
            assert done.out
            told += done.out + done.err
    told = re.sub(r"\s", "", told).lower()
    assert len(told) > 50_000
    store = FolderKeyStore(keys)
    pairs = [(c, store.private_key(c)) for c in store.all()] + [(c, pki.store.private_key(c)) for c in held]
    found = [key for _, key in pairs if key is not None]
    assert len(found) > COUNT
    for key in found:
        scalar = key.private_numbers().private_value
        octets = scalar.to_bytes(32)
        der = base64.b64encode(key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())).decode()
        # The middle of the key's base64 is in none of the certificate's.
        for form in (octets.hex(), str(scalar), base64.b64encode(octets).decode()[:-2], der[48:84]):
            assert form.lower() not in told


# --- the reference key store --------------------------------------------------------------------


@pytest.fixture
def keystore(reference: Path) -> str:
    folder = reference / "rtds" / "keystore"
    if not folder.is_dir():
        pytest.skip("the reference has no key store")
    return str(folder)


def test_the_reference_key_store_is_shown(keystore: str) -> None:
    done = smets("pki", "show", "--json", keystore)
    assert (done.status, done.err) == (0, "")
    rows = lines(done)
    shown = [row for row in rows if "remark" not in row]
    assert len(shown) == 415
    assert len(rows) - len(shown) == len(FolderKeyStore(keystore).notes)
    assert sum(row["private_key"] for row in shown) == 15
    assert {row["role"] for row in shown if row["faults"]} == {"load-controller"}


def test_the_reference_key_store_is_checked(keystore: str) -> None:
    remarks = len(FolderKeyStore(keystore).notes)
    done = smets("pki", "check", keystore, "--at", "2020-01-01")
    assert done.status == 1
    *faults, total = done.out.splitlines()
    # Two certificates without authority key identifier, with another validity and order.
    assert len(faults) == remarks + 2 * 3
    assert total == f"415 certificates: {len(faults)} faults"
    assert done.err.count("no trust anchor at hand") == 2
    later = smets("pki", "check", keystore, "--at", "2026-01-01")
    assert later.out.count(": expired\n") == 13


def test_the_reference_request_is_answered(keys: Path, reference: Path) -> None:
    paths = sorted((reference / "rtds" / "messages").glob("*CS02c*/*SUCCESS_RESPONSE*"))
    if not paths:
        pytest.skip("the reference has no CS02c response")
    for path in paths:
        done = smets("pki", "issue", str(keys), "--csr", str(path), "--json")
        assert done.status == 0
        (row,) = lines(done)
        assert row["faults"] == []
