"""JSON key stores: what is in them is read, the rest is said in one line, and no key is told."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from hypothesis import given
from hypothesis import strategies as st

from gbcs.errors import KeyStoreError
from gbcs.ids import CellUsage, EntityId, KeyUsage, Role
from gbcs.pki import TestPki
from gbcs.security.boxed import BoxedKeyStore
from gbcs.security.store import Credential
from gbcs.time import Utc

DS, KA = KeyUsage.DIGITAL_SIGNATURE, KeyUsage.KEY_AGREEMENT
TOP_UP = CellUsage.PREPAYMENT_TOP_UP
SUPPLIER = EntityId.parse("90-B3-D5-1F-30-AA-00-01")
BROKER = EntityId.parse("90-B3-D5-1F-30-AA-00-02")
METER = EntityId.parse("00-DB-12-34-56-78-AA-01")
PKI = TestPki.create(b"boxed", Utc.of(2024, 3, 1))
OLD = PKI.organisation(Role.SUPPLIER, SUPPLIER)
NEW = PKI.organisation(Role.SUPPLIER, SUPPLIER, generation=1)
BROKER_DS, BROKER_KA = PKI.organisation(Role.ACCESS_CONTROL_BROKER, BROKER)
DEVICE = PKI.device(METER)
STORE = PKI.store
USAGE_NAMES = {DS: "digitalSignature", KA: "keyAgreement"}


def key_of(credential: Credential) -> ec.EllipticCurvePrivateKey:
    key = STORE.private_key(credential)
    assert key is not None
    return key


def entry(credential: Credential, form: str = "pem", key: str | None = "PKCS8") -> dict[str, Any]:
    """An entry with its values in a form."""
    encoding = Encoding.PEM if form == "pem" else Encoding.DER
    octets = [credential.certificate.public_bytes(encoding)]
    if key is not None:
        octets.append(key_of(credential).private_bytes(encoding, getattr(PrivateFormat, key), NoEncryption()))
    written = {
        "pem": lambda o: o.decode(),
        "base64": lambda o: base64.b64encode(o).decode(),
        "lines": lambda o: base64.encodebytes(o).decode(),
        "hex": lambda o: o.hex(),
        "HEX": lambda o: o.hex(" ").upper(),
    }[form]
    top_up = " prepayment" if credential.cell_usage is TOP_UP else ""
    return {
        "certificate": written(octets[0]),
        "privateKey": written(octets[1]) if key is not None else None,
        "role": credential.role,
        "name": f"T1-{credential.role.spec_name if credential.role else 'device'}{top_up}",
    }


def tree(credentials: Any, **form: Any) -> dict[str, Any]:
    """Entries under entity, usage and serial number."""
    found: dict[str, Any] = {}
    for c in credentials:
        serials = found.setdefault(c.entity.pretty(), {}).setdefault(USAGE_NAMES[c.usage], {})
        serials[f"{c.certificate.serial_number:x}"] = entry(c, **form)
    return found


def octets(value: Any) -> bytes:
    return json.dumps(value).encode()


ALL = (*OLD, *NEW, BROKER_DS, BROKER_KA, *DEVICE)


@pytest.mark.parametrize("form", ["pem", "base64", "lines", "hex", "HEX"])
@pytest.mark.parametrize("key", ["PKCS8", "TraditionalOpenSSL"])
def test_every_form_of_values_is_read(form: str, key: str) -> None:
    store = BoxedKeyStore(octets(tree(ALL, form=form, key=key)))
    assert store.notes == ()
    assert sorted((c.der, c.cell_usage) for c in store.all()) == sorted((c.der, c.cell_usage) for c in ALL)
    for credential in store.all():
        key_held = store.private_key(credential)
        assert key_held is not None
        assert key_held.private_numbers() == key_of(credential).private_numbers()


def test_the_newest_of_several_generations_is_found() -> None:
    store = BoxedKeyStore(octets(tree(ALL)))
    for credential in NEW:
        assert store.find(SUPPLIER, credential.usage, credential.cell_usage) == credential
    assert len(store.with_role(Role.SUPPLIER, KA)) == 4


def test_other_encodings_of_the_text_itself() -> None:
    text = json.dumps(tree([BROKER_DS]))
    for encoding in ("utf-8-sig", "utf-16", "utf-32"):
        assert BoxedKeyStore(text.encode(encoding)).all() == (BROKER_DS,)


@pytest.mark.parametrize("absent", ["null", "missing"])
def test_a_private_key_may_be_absent(absent: str) -> None:
    value = tree([BROKER_DS], key=None)
    if absent == "missing":
        next(iter(value[BROKER.pretty()]["digitalSignature"].values())).pop("privateKey")
    store = BoxedKeyStore(octets(value))
    assert store.all() == (BROKER_DS,)
    assert store.private_key(BROKER_DS) is None
    assert store.notes == ()


def test_role_and_name_may_be_absent() -> None:
    value = {str(BROKER): {"digitalSignature": {"1": {"certificate": BROKER_DS.der.hex()}}}}
    store = BoxedKeyStore(octets(value))
    assert (store.all(), store.notes) == ((BROKER_DS,), ())


@pytest.mark.parametrize(
    ("name", "top_up"),
    [
        ("Z1-supplierPrepaymentTopUp", True),
        ("Z1-supplier-pp", True),
        ("supplier pre-payment", True),
        ("TOP_UP", True),
        ("Z1-supplier", False),
        ("supplier", False),
        ("", False),
    ],
)
def test_names_tell_the_certificate_for_top_up(name: str, top_up: bool) -> None:
    value = {str(SUPPLIER): {"keyAgreement": {"1": entry(OLD[1]) | {"name": name}}}}
    (found,) = BoxedKeyStore(octets(value)).all()
    assert found.cell_usage is (TOP_UP if top_up else CellUsage.MANAGEMENT)


def test_nobody_else_has_one_for_top_up() -> None:
    value = {str(BROKER): {"keyAgreement": {"1": entry(BROKER_KA) | {"name": "prepayment"}}}}
    assert BoxedKeyStore(octets(value)).all() == (BROKER_KA,)


def test_suppliers_with_several_unnamed_certificates_are_remarked() -> None:
    value = tree([OLD[1], OLD[2]])
    for serial in value[SUPPLIER.pretty()]["keyAgreement"].values():
        serial["name"] = "supplier"
    assert BoxedKeyStore(octets(value)).notes == (
        f"{SUPPLIER}: 2 key agreement certificates, none named as for prepayment",
    )


# --- what is left out, and what is at odds ------------------------------------------------


def with_extra_data(der: bytes) -> bytes:
    """The certificate with an element too many in its signature algorithm."""
    algorithm = bytes.fromhex("300A06082A8648CE3D040302")
    assert der.count(algorithm) == 2
    longer = der.replace(algorithm, b"\x30\x0e" + algorithm[2:] + b"\x05\x00\x05\x00")
    body = bytearray(longer[4:])
    body[2:4] = (int.from_bytes(body[2:4]) + 4).to_bytes(2)
    return b"\x30\x82" + len(body).to_bytes(2) + bytes(body)


@pytest.mark.parametrize(
    ("certificate", "reason"),
    [
        (with_extra_data(BROKER_KA.der).hex(), "not a certificate"),
        ("", "not a certificate"),
        ("3", "neither PEM nor base64 nor hex"),
        ("\u00e9\ud800", "neither PEM nor base64 nor hex"),
        ("-----BEGIN CERTIFICATE-----\n\u00e9\n-----END CERTIFICATE-----\n", "not a certificate"),
        (BROKER_KA.der[:-1].hex(), "not a certificate"),
        (base64.b64encode(BROKER_KA.der + b"\0").decode(), "not a certificate"),
    ],
)
def test_unreadable_certificates_are_left_out(certificate: str, reason: str) -> None:
    value = tree([BROKER_DS, BROKER_KA])
    (serial,) = value[BROKER.pretty()]["keyAgreement"]
    value[BROKER.pretty()]["keyAgreement"][serial]["certificate"] = certificate
    store = BoxedKeyStore(octets(value))
    assert store.all() == (BROKER_DS,)
    (note,) = store.notes
    assert note.startswith(f"{BROKER.pretty()}.keyAgreement.{serial}: left out, certificate at octet 0: ")
    assert reason in note
    assert note.isprintable()


@pytest.mark.parametrize(
    ("key", "reason"),
    [
        ("", "not an unencrypted P-256 private key"),
        ("!", "neither PEM nor base64 nor hex"),
        (entry(BROKER_KA)["privateKey"][:100], "not an unencrypted P-256 private key"),
        (entry(BROKER_KA)["privateKey"], "not that of the certificate"),
        (entry(BROKER_KA, "hex", "TraditionalOpenSSL")["privateKey"], "not that of the certificate"),
    ],
)
def test_unfit_private_keys_are_left_out(key: str, reason: str) -> None:
    value = tree([BROKER_DS])
    (serial,) = value[BROKER.pretty()]["digitalSignature"]
    value[BROKER.pretty()]["digitalSignature"][serial]["privateKey"] = key
    store = BoxedKeyStore(octets(value))
    assert store.all() == (BROKER_DS,)
    assert store.private_key(BROKER_DS) is None
    assert store.notes == (f"{BROKER.pretty()}.digitalSignature.{serial}: private key left out, {reason}",)


def test_the_certificate_decides_and_contradictions_are_remarked() -> None:
    value = {
        "broker": {"digitalSignature": {"1": entry(BROKER_DS)}},
        str(SUPPLIER): {"digitalSignature": {"2": entry(BROKER_KA) | {"role": 2}}},
    }
    store = BoxedKeyStore(octets(value))
    assert store.all() == (BROKER_DS, BROKER_KA)
    assert store.notes == (
        "broker.digitalSignature.1: filed under what is no entity identifier",
        f"{SUPPLIER}.digitalSignature.2: holds a certificate of {BROKER}",
        f"{SUPPLIER}.digitalSignature.2: holds a certificate for key agreement",
        f"{SUPPLIER}.digitalSignature.2: role 2, the certificate's is 4",
    )


# --- other shapes ---------------------------------------------------------------------------

DEEP = b'{"a":' * 100_000


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (b"", "not JSON: Expecting value"),
        (b"{", "not JSON: Expecting property name"),
        (b"\xff\xfe\xfd", "not JSON: UnicodeDecodeError"),
        (DEEP, "not JSON: RecursionError"),
        (b'{"a": ' + b"1" * 5000 + b"}", "not JSON: ValueError"),
        (b"[]", "not a key store: an object expected, not a list"),
        (b"3", "not a key store: an object expected, not a number"),
        (b'{"version": 1}', "not a key store: version: an object expected, not a number"),
        (b'{"a": {"keys": {}}}', "not a key store: a.keys: neither digitalSignature nor keyAgreement"),
        (b'{"a": {"keyAgreement": []}}', "a.keyAgreement: an object expected, not a list"),
        (b'{"a": {"keyAgreement": {"1": "x"}}}', "a.keyAgreement.1: an object expected, not a text"),
        (b'{"a": {"keyAgreement": {"1": {}}}}', "a.keyAgreement.1.certificate: missing"),
        (
            b'{"a": {"keyAgreement": {"1": {"certificate": null}}}}',
            "a.keyAgreement.1.certificate: a text expected, not null",
        ),
        (
            b'{"a": {"keyAgreement": {"1": {"certificate": "", "privateKey": true}}}}',
            "a.keyAgreement.1.privateKey: a text expected, not true or false",
        ),
        (
            b'{"a": {"keyAgreement": {"1": {"certificate": "", "name": {}}}}}',
            "a.keyAgreement.1.name: a text expected, not an object",
        ),
        (b'{"a": {}, "a": {}}', "not a key store: 'a' twice in one object"),
        (b'{"a\\n\\u001b": 1}', "not a key store: a??: an object expected, not a number"),
        (b"{}", "no readable certificate in this key store"),
        (
            b'{"a": {"keyAgreement": {"1": {"certificate": "x"}}}}',
            "no readable certificate in this key store (a.keyAgreement.1: left out, ",
        ),
    ],
)
def test_another_shape_is_one_line_with_the_path(text: bytes, expected: str) -> None:
    with pytest.raises(KeyStoreError) as caught:
        BoxedKeyStore(text)
    assert expected in str(caught.value)
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 400


NAMES = st.sampled_from(["a", "keyAgreement", "certificate", "privateKey"])
LEAVES = st.none() | st.booleans() | st.integers() | st.text()
TREES = st.recursive(LEAVES, lambda inner: st.lists(inner) | st.dictionaries(NAMES, inner))


@given(st.binary() | TREES.map(octets))
def test_anything_else_raises_nothing_else(text: bytes) -> None:
    with pytest.raises(KeyStoreError) as caught:
        BoxedKeyStore(text)
    assert str(caught.value).isprintable()


# --- secrets --------------------------------------------------------------------------------


@pytest.mark.parametrize("form", ["pem", "base64", "hex"])
def test_private_keys_show_nowhere(form: str) -> None:
    """Not even where they are damaged, or stand where a certificate should."""
    value = tree([BROKER_DS, BROKER_KA], form=form)
    for serials in value[BROKER.pretty()].values():
        for fields in serials.values():
            fields["certificate"], fields["privateKey"] = fields["privateKey"], fields["privateKey"][:-9]
    value |= tree([OLD[0]], form=form)
    for fields in value[SUPPLIER.pretty()]["digitalSignature"].values():
        fields["privateKey"] = fields["privateKey"][:-9]
    store = BoxedKeyStore(octets(value))
    assert len(store.notes) == 3
    told = "".join((*store.notes, repr(store)))
    for credential in (BROKER_DS, BROKER_KA, OLD[0]):
        scalar = key_of(credential).private_numbers().private_value.to_bytes(32)
        der = key_of(credential).private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
        assert scalar.hex() not in told.lower()
        encoded = base64.b64encode(der).decode()
        assert not any(encoded[i : i + 12] in told for i in range(len(encoded) - 12))
