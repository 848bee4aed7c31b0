"""`smets pki issue`: certificates from the authority in a folder, with new keys or for a signing request."""

import stat
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from smets.tools.pki import DEFAULT_START

from gbcs.ids import Cra, KeyUsage
from gbcs.message import Message, OtherInformation
from gbcs.party import RemoteParty
from gbcs.pki import TestPki
from gbcs.security.certificates import check_path, hardware_module_name, profile_faults, read_certificate
from gbcs.security.folder import FolderKeyStore
from gbcs.security.signature import sign_octets
from gbcs.usecases import by_name
from tests.tools.cli import smets
from tests.tools.pki_keys import (
    AGREEMENT,
    DEVICE_KEY,
    DS,
    KA,
    METER,
    NAME,
    SIGNING,
    SUPPLIER,
    WITHIN,
    complaint,
    credential,
    lines,
    new_pki,
    private,
    request,
    snapshot,
    usage_bits,
)


@pytest.fixture
def keys(tmp_path: Path) -> Path:
    """A new PKI, made by the command."""
    return new_pki(tmp_path / "keys")


# --- issue ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "uses"),
    [
        (("--role", "device"), ["ds", "ka"]),
        (("--role", "device", "--usage", "all"), ["ds", "ka"]),
        (("--role", "device", "--usage", "ka"), ["ka"]),
        (("--role", "supplier"), ["ds", "ka", "pp-ka"]),
        (("--role", "Supplier", "--usage", "pp-ka"), ["pp-ka"]),
        (("--role", "broker"), ["ds", "ka"]),
        (("--role", "wan-provider"), ["ds"]),
        (("--role", "wan-provider", "--usage", "ka"), ["ka"]),
        (("--role", "other", "--name", "A PARTY"), ["ds", "ka"]),
    ],
)
def test_issue_adds_certificates(keys: Path, arguments: tuple[str, ...], uses: list[str]) -> None:
    before = snapshot(keys)
    done = smets("pki", "issue", str(keys), "--entity", "00-00-5e-00-53-00-00-99", "--json", *arguments)
    assert (done.status, done.err) == (0, "")
    rows = lines(done)
    assert [row["usage"] for row in rows] == uses
    added = snapshot(keys).keys() - before.keys()
    assert added == {f"00005e0053000099-{use}.{kind}" for use in uses for kind in ("pem", "key")}
    assert snapshot(keys).items() >= before.items()
    for row in rows:
        assert row["role"] == arguments[1].lower()
        assert row["entity"] == "00005E0053000099"
        assert (row["private_key"], row["faults"]) == (True, [])
        assert (keys / Path(row["file"]).name).read_bytes() == x509.load_der_x509_certificate(
            bytes.fromhex(row["der"])
        ).public_bytes(Encoding.PEM)
    assert smets("pki", "check", str(keys), "--at", WITHIN).status == 0
    assert {stat.S_IMODE((keys / name).stat().st_mode) for name in added if name.endswith(".key")} == {0o600}


def test_issuing_again_changes_nothing_and_renewing_adds(keys: Path) -> None:
    arguments = ("pki", "issue", str(keys), "--entity", str(SUPPLIER), "--role", "supplier", "--usage", "ds")
    old = credential(keys, SUPPLIER, DS)
    first = smets(*arguments, "--at", "2026-06-01")
    held = snapshot(keys)
    assert f"{SUPPLIER.hex()}-ds-2.pem" in held
    again = smets(*arguments, "--at", "2026-06-01")
    assert again.status == 0
    assert again.out.startswith(f"{keys}: nothing new\n")
    assert again.out.splitlines()[1:] == first.out.splitlines()[1:]
    assert snapshot(keys) == held
    assert smets(*arguments, "--at", "2026-07-01").status == 0
    store = FolderKeyStore(keys)
    assert store.notes == ()
    found = [c for c in store.all() if (c.entity, c.usage) == (SUPPLIER, DS)]
    assert len({c.point for c in found}) == 3
    assert found[-1] == old
    assert store.find(SUPPLIER, DS) == found[0]
    assert store.file_of(found[0]) == f"{SUPPLIER.hex()}-ds-3.pem"
    assert smets("pki", "check", str(keys), "--at", WITHIN).status == 0


def test_another_validity(keys: Path) -> None:
    done = smets(
        *("pki", "issue", str(keys), "--entity", str(METER), "--role", "device"),
        *("--at", "2026-02-01T12:00", "--years", "2", "--json"),
    )
    for row in lines(done):
        assert (row["not_before"], row["not_after"]) == ("2026-02-01T12:00:00Z", "2028-02-01T11:59:59Z")
        assert row["faults"] == ["expires"]


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("--entity", "00005E0053000099"),
        ("--role", "supplier"),
        ("--entity", "00005E00530000", "--role", "supplier"),
        ("--entity", "00005E0053000099", "--role", "root"),
        ("--entity", "00005E0053000099", "--role", "supplier", "--usage", "ca"),
        ("--entity", "00005E0053000099", "--role", "device", "--usage", "pp-ka"),
        ("--entity", "00005E0053000099", "--role", "broker", "--usage", "pp-ka"),
        ("--entity", "00005E0053000099", "--role", "device", "--name", "a meter"),
        ("--entity", "00005E0053000099", "--role", "other", "--name", "x" * 65),
        ("--entity", "00005E0053000099", "--role", "other", "--at", "soon"),
        ("--entity", "00005E0053000099", "--role", "other", "--years", "0"),
        ("--entity", "00005E0053000099", "--role", "other", "--years", "8000"),
        ("--csr", "no such file"),
        ("--csr", "no such file", "--role", "broker"),
    ],
)
def test_what_cannot_be_issued(keys: Path, arguments: tuple[str, ...]) -> None:
    before = snapshot(keys)
    complaint(smets("pki", "issue", str(keys), *arguments))
    assert snapshot(keys) == before


def test_no_authority_no_certificate(keys: Path, tmp_path: Path) -> None:
    public = tmp_path / "public"
    assert smets("pki", "export", "--public", str(keys), str(public)).status == 0
    assert not list(public.glob("*.key"))
    for role in ("device", "supplier"):
        done = smets("pki", "issue", str(public), "--entity", str(METER), "--role", role)
        assert "no authority for" in complaint(done)
    assert "no such folder" in complaint(
        smets("pki", "issue", str(tmp_path / "none"), "--entity", str(METER), "--role", "device")
    )


# --- issue for a signing request --------------------------------------------------------------


def response(payload: bytes, folder: Path, key: ec.EllipticCurvePrivateKey | None = None) -> bytes:
    """A CS02c response, signed with the device's key in a folder or another."""
    code = by_name("CS02c").code
    assert code is not None
    draft = Message(
        Cra.RESPONSE, 5, METER, SUPPLIER, OtherInformation(code), payload, None, has_signature_length=True
    ).encoded()
    signer = key or private(folder, credential(folder, METER, DS))
    return replace(draft, signature=sign_octets(draft.signed_octets, signer)).encoded().octets


@pytest.mark.parametrize("usage", [SIGNING, AGREEMENT])
@pytest.mark.parametrize("form", ["der", "pem", "text and pem", "hex", "upper case hex"])
def test_a_request_is_answered(keys: Path, tmp_path: Path, usage: Any, form: str) -> None:
    made = request(usage, NAME)
    der, pem = made.public_bytes(Encoding.DER), made.public_bytes(Encoding.PEM)
    octets = {
        "der": der,
        "pem": pem,
        "text and pem": b"Certificate Request:\n" + pem,
        "hex": der.hex().encode(),
        "upper case hex": der.hex(" ", 32).upper().encode() + b"\r\n",
    }[form]
    path = tmp_path / "request"
    path.write_bytes(octets)
    before = snapshot(keys)
    (row,) = lines(smets("pki", "issue", str(keys), "--csr", str(path), "--json"))
    issued = read_certificate(bytes.fromhex(row["der"]))
    assert issued.public_key == DEVICE_KEY.public_key()
    assert (issued.entity, issued.role) == (METER, None)
    assert issued.usage is (DS if usage is SIGNING else KA)
    assert profile_faults(issued) == ()
    assert row["private_key"] is False
    (added,) = snapshot(keys).keys() - before.keys()
    assert added == f"{METER.hex()}-{'ds' if usage is SIGNING else 'ka'}.pem"
    store = FolderKeyStore(keys)
    authorities = [c for c in store.all() if c.usage is KeyUsage.KEY_CERT_SIGN and c.role is None]
    root = next(c for c in authorities if c.certificate.issuer == c.certificate.subject)
    check_path(issued, authorities, root, DEFAULT_START)


def test_a_response_with_a_request_is_answered(keys: Path, tmp_path: Path) -> None:
    assert smets("pki", "issue", str(keys), "--entity", str(METER), "--role", "device").status == 0
    octets = response(request().public_bytes(Encoding.DER), keys)
    path = tmp_path / "response"
    for written in (octets, octets.hex().encode()):
        path.write_bytes(written)
        done = smets("pki", "issue", str(keys), "--csr", str(path), "--at", "2026-03-01", "--json")
        assert (done.status, done.err) == (0, "")
        (row,) = lines(done)
        assert Path(row["file"]).name == f"{METER.hex()}-ds-2.pem"
    assert credential(keys, METER, DS).public_key == DEVICE_KEY.public_key()


def test_a_response_of_an_unknown_device_is_answered_with_a_remark(keys: Path, tmp_path: Path) -> None:
    path = tmp_path / "response"
    path.write_bytes(response(request().public_bytes(Encoding.DER), keys, DEVICE_KEY))
    done = smets("pki", "issue", str(keys), "--csr", str(path))
    assert done.status == 0
    assert done.err == f"smets: {path}: the response is not checked, no certificate of {METER} at hand\n"


def test_a_response_signed_by_another_is_refused(keys: Path, tmp_path: Path) -> None:
    assert smets("pki", "issue", str(keys), "--entity", str(METER), "--role", "device").status == 0
    path = tmp_path / "response"
    path.write_bytes(response(request().public_bytes(Encoding.DER), keys, DEVICE_KEY))
    assert "not signed by the device" in complaint(smets("pki", "issue", str(keys), "--csr", str(path)), 1)
    other = request(SIGNING, (hardware_module_name(SUPPLIER), True))
    path.write_bytes(response(other.public_bytes(Encoding.DER), keys))
    assert f"from {METER}" in complaint(smets("pki", "issue", str(keys), "--csr", str(path)), 1)


def damaged(der: bytes) -> bytes:
    """The last octet of the signature is another one."""
    return der[:-1] + bytes((der[-1] ^ 1,))


@pytest.mark.parametrize(
    ("octets", "reason"),
    [
        (damaged(request().public_bytes(Encoding.DER)), "signature not by the key it holds"),
        (request(subject="a meter").public_bytes(Encoding.DER), "subject not empty"),
        (request((usage_bits(content_commitment=True), True), NAME).public_bytes(Encoding.DER), "keyUsage"),
        (request((usage_bits(key_cert_sign=True), True), NAME).public_bytes(Encoding.DER), "keyUsage"),
        (request(NAME).public_bytes(Encoding.DER), "keyUsage: missing"),
        (request(SIGNING).public_bytes(Encoding.DER), "names neither"),
        (request((SIGNING[0], False), NAME).public_bytes(Encoding.DER), "both critical"),
        (request(SIGNING, (NAME[0], False)).public_bytes(Encoding.DER), "both critical"),
        (
            request(SIGNING, NAME, (x509.BasicConstraints(False, None), True)).public_bytes(Encoding.DER),
            "both critical",
        ),
        (
            request(key=ec.derive_private_key(5, ec.SECP384R1())).public_bytes(Encoding.DER),
            "not a P-256 key",
        ),
    ],
)
def test_a_request_of_another_profile_is_refused(
    keys: Path, tmp_path: Path, octets: bytes, reason: str
) -> None:
    path = tmp_path / "request"
    path.write_bytes(octets)
    before = snapshot(keys)
    assert reason in complaint(smets("pki", "issue", str(keys), "--csr", str(path)), 1)
    assert snapshot(keys) == before


@pytest.mark.parametrize(
    "arguments", [("--entity", "00005E0053000099"), ("--usage", "ka"), ("--usage", "pp-ka")]
)
def test_a_request_for_something_else_is_refused(
    keys: Path, tmp_path: Path, arguments: tuple[str, str]
) -> None:
    path = tmp_path / "request"
    path.write_bytes(request().public_bytes(Encoding.PEM))
    complaint(smets("pki", "issue", str(keys), "--csr", str(path), *arguments), 1)
    matching = ("--entity", METER.pretty(), "--usage", "ds", "--role", "device")
    assert smets("pki", "issue", str(keys), "--csr", str(path), *matching).status == 0


@pytest.mark.parametrize(
    "octets",
    [
        b"",
        b"0",
        b"text",
        b"\x30\x03\x02\x01\x00",
        b"-----BEGIN CERTIFICATE REQUEST-----\n\n-----END CERTIFICATE REQUEST-----\n",
        request().public_bytes(Encoding.DER)[:-1],
        RemoteParty(SUPPLIER, TestPki.create(b"", DEFAULT_START).store)
        .precommand(by_name("ECS43"), METER, 1, b"payload")
        .octets,
    ],
)
def test_what_is_no_request(keys: Path, tmp_path: Path, octets: bytes) -> None:
    path = tmp_path / "request"
    path.write_bytes(octets)
    before = snapshot(keys)
    assert complaint(smets("pki", "issue", str(keys), "--csr", str(path))).startswith(f"smets: {path}: ")
    assert snapshot(keys) == before
