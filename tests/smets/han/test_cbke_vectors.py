"""Certificates, keys and confirmations against vectors: our own and the published ones.

The published ones (se-security 5.2, 12) are read from the reference. Ours are computed again
by `plain_curves` and hashes taken apart by counted offsets.
"""

import re
from pathlib import Path

import pytest

from gbcs.errors import ParseError
from gbcs.ids import EntityId
from smets.han.credential import CbkeCredential
from smets.han.curves import Point
from smets.han.ecmqv import (
    agree,
    associate_value,
    confirm,
    ephemeral_pair,
    implicit_signature,
    shared_secret,
)
from smets.han.ecqv import (
    Suite1Certificate,
    Suite2Certificate,
    certificate_number,
    certify,
    complete,
    issue,
    parse_certificate,
    reconstruct,
    request,
)
from smets.han.key_establishment_frames import Initiate, parse_command
from smets.han.mmo import hmac_mmo, kdf_mmo, mmo
from smets.han.suites import Suite
from tests.smets.han.cbke_vectors import OWN, Vectors, document, own, published, section, values
from tests.smets.han.plain_curves import K163, K283
from tests.vectors import make_cbke

both = pytest.mark.parametrize("suite", list(Suite))
PLAIN = {Suite.SUITE_1: K163, Suite.SUITE_2: K283}
SUBJECT = {Suite.SUITE_1: slice(22, 30), Suite.SUITE_2: slice(28, 36)}
POINT = {Suite.SUITE_1: slice(0, 22), Suite.SUITE_2: slice(37, 74)}


def number(octets: bytes) -> int:
    return int.from_bytes(octets, "big")


def test_own_vectors_are_those_the_generator_makes() -> None:
    assert make_cbke.made() == {path.name: path.read_text("utf-8") for path in OWN.glob("*.txt")}


@both
def test_own_vectors_by_plain_arithmetic(suite: Suite) -> None:
    """Nothing of the project but the hash, which has its own tests."""
    v, curve, plain = own(suite), suite.curve, PLAIN[suite]
    size = len(v["Z"])
    bits = {Suite.SUITE_1: 82, Suite.SUITE_2: 141}[suite]
    cofactor = {Suite.SUITE_1: 2, Suite.SUITE_2: 4}[suite]
    ca = tuple(curve.public_point(v["Q_CA"]))
    static, ephemeral = {}, {}
    for side in "UV":
        certificate = v[f"CERT_{side}"]
        e = number(mmo(certificate))
        assert e == number(v[f"e_{side}"])
        data = tuple(curve.public_point(certificate[POINT[suite]]))
        static[side] = plain.add(plain.multiple(e, data), ca)
        assert static[side] == plain.multiple(number(v[f"d_{side}"]), plain.base)
        assert plain.compressed(static[side]) == v[f"Q_{side}"]
        ephemeral[side] = plain.multiple(number(v[f"k_{side}"]), plain.base)
        assert plain.compressed(ephemeral[side]) == v[f"QE_{side}"]
    for side, other in ("UV", "VU"):
        mine, theirs = (ephemeral[s][0] % (1 << bits) + (1 << bits) for s in (side, other))
        assert mine == number(v[f"avf_{side}"])
        signature = (number(v[f"k_{side}"]) + mine * number(v[f"d_{side}"])) % plain.n
        total = plain.add(ephemeral[other], plain.multiple(theirs, static[other]))
        shared = plain.multiple(cofactor, plain.multiple(signature, total))
        assert shared is not None
        assert shared[0].to_bytes(size, "big") == v["Z"]
    assert mmo(v["Z"] + bytes((0, 0, 0, 1))) == v["MacKey"]
    assert mmo(v["Z"] + bytes((0, 0, 0, 2))) == v["KeyData"]
    u_id, v_id = (v[f"CERT_{side}"][SUBJECT[suite]] for side in "UV")
    assert hmac_mmo(v["MacKey"], b"\x02" + u_id + v_id + v["QE_U"] + v["QE_V"]) == v["MACU"]
    assert hmac_mmo(v["MacKey"], b"\x03" + v_id + u_id + v["QE_V"] + v["QE_U"]) == v["MACV"]
    for command, (name, body) in enumerate([("Initiate", "CERT_"), ("Ephemeral", "QE_"), ("Confirm", "MAC")]):
        head = bytes((suite, 0, 4, 9)) if command == 0 else b""
        transaction = 0x30 + command
        assert v[f"{name} Request"] == bytes((0x01, transaction, command)) + head + v[f"{body}U"]
        assert v[f"{name} Response"] == bytes((0x09, transaction, command)) + head + v[f"{body}V"]


def reproduces(suite: Suite, v: Vectors) -> None:
    """Everything a set of vectors names."""
    curve = suite.curve
    ca = curve.public_point(v["Q_CA"])
    credentials, ephemeral = {}, {}
    for side in "UV":
        certificate = parse_certificate(suite, v[f"CERT_{side}"])
        assert certificate.octets == v[f"CERT_{side}"]
        assert certificate.fault() is None
        e = next(v[name] for name in (f"e_{side}", f"e_{side} = H(CERT_{side})") if name in v)
        assert certificate_number(certificate) == number(e)
        public = reconstruct(certificate, ca)
        assert curve.compress(public) == v[f"Q_{side}"]
        credential = CbkeCredential(ca, certificate, number(v[f"d_{side}"]))
        assert credential.public == public == curve.multiply(credential.private, curve.generator)
        own_pair = ephemeral_pair(suite, number(v[f"k_{side}"]))
        assert own_pair.public == v[f"QE_{side}"]
        avf = next(v[name] for name in (f"avf_{side}", f"avf(QE_{side})") if name in v)
        assert associate_value(suite, own_pair.public) == number(avf)
        credentials[side], ephemeral[side] = credential, own_pair
    for side, other in ("UV", "VU"):
        z = shared_secret(
            ephemeral[side], credentials[side].private, credentials[other].public, v[f"QE_{other}"]
        )
        assert z == v["Z"]
        agreement = agree(
            side == "U",
            credentials[side],
            ephemeral[side],
            credentials[other].certificate,
            v[f"QE_{other}"],
        )
        assert agreement == confirm(
            z, credentials["U"].subject, credentials["V"].subject, v["QE_U"], v["QE_V"]
        )
        assert (agreement.key_data, agreement.mac_u, agreement.mac_v) == (v["KeyData"], v["MACU"], v["MACV"])
    assert kdf_mmo(v["Z"], 32) == v["MacKey"] + v["KeyData"]


def intermediates(suite: Suite, v: Vectors) -> None:
    """What the reference computed in addition."""
    curve = suite.curve
    names = [name.removesuffix(".y") for name in v if name.endswith(".y")]
    assert set(names) == {"Q_CA", "P_U", "Q_U", "QE_U", "P_V", "Q_V", "QE_V"}
    for name in names:
        if name in v:
            point = curve.public_point(v[name])
        else:
            certificate = parse_certificate(suite, v[f"CERT_{name[-1]}"])
            point = curve.public_point(certificate.reconstruction)
        assert point.y == number(v[f"{name}.y"])
    ca = curve.public_point(v["Q_CA"])
    for side, other in ("UV", "VU"):
        pair = ephemeral_pair(suite, number(v[f"k_{side}"]))
        assert implicit_signature(pair, number(v[f"d_{side}"])) == number(v[f"s_{side}"])
        public = reconstruct(parse_certificate(suite, v[f"CERT_{other}"]), ca)
        associate = associate_value(suite, v[f"QE_{other}"])
        total = curve.add(curve.public_point(v[f"QE_{other}"]), curve.multiply(associate, public))
        assert total is not None
        assert curve.compress(total) == v[f"T_{side}"]
        product = curve.times_cofactor(curve.multiply(number(v[f"s_{side}"]), total))
        assert product is not None
        assert curve.compress(product) == v["h*s*T"]
    for side in "UV":
        assert hmac_mmo(v["MacKey"], v[f"MAC{side} input"]) == v[f"MAC{side}"]


@both
def test_own(suite: Suite) -> None:
    reproduces(suite, own(suite))


@both
def test_published(suite: Suite, reference: Path) -> None:
    v = published(reference, suite)
    reproduces(suite, v)
    intermediates(suite, v)


@both
def test_published_frames(suite: Suite, reference: Path) -> None:
    text = section(document(reference), f"12.{suite.bit_length()}")
    frames = re.findall(r"^(\w+) (Request|Response) *\(.*\) *= ([0-9a-f]+)$", text, re.M)
    assert len(frames) == 6
    bodies = {"Initiate": "CERT_", "Ephemeral": "QE_", "Confirm": "MAC"}
    v = published(reference, suite)
    for number_, (name, kind, digits) in enumerate(frames):
        octets = bytes.fromhex(digits)
        command = parse_command(octets)
        assert command is not None
        assert command.octets == octets
        assert (command.to_server, command.id) == (kind == "Request", number_ // 2)
        body = v[bodies[name] + ("U" if command.to_server else "V")]
        if name == "Initiate":
            initiate = Initiate.parse(command.payload)
            assert initiate == Initiate(suite, 3, 6, body)
            assert initiate.octets() == command.payload
        else:
            assert command.payload == body


def test_published_ca_keys(reference: Path) -> None:
    text = section(document(reference), "4.3")
    rows = re.findall(r"^suite (\d) +issuer ([0-9a-f]{16}) +([0-9a-f]+)$", text, re.M)
    assert len(rows) == 2
    for digit, issuer, key in rows:
        suite = Suite(1 << int(digit) - 1)
        v = published(reference, suite)
        assert v["Q_CA"].hex() == key
        assert parse_certificate(suite, v["CERT_U"]).issuer.hex() == issuer


@both
def test_published_secret_without_the_cofactor_is_not_ours(suite: Suite, reference: Path) -> None:
    found = re.findall(rf"suite {suite.bit_length()} `([0-9a-f]+)`", section(document(reference), "12.3"))
    assert len(found) == 1
    v = published(reference, suite)
    assert bytes.fromhex(found[0]) != v["Z"]
    curve = suite.curve
    product = curve.multiply(number(v["s_U"]), curve.public_point(v["T_U"]))
    assert product is not None
    assert curve.field.octets(product.x) == bytes.fromhex(found[0])


@both
def test_published_issuing(suite: Suite, reference: Path) -> None:
    text = section(document(reference), "5.2")
    blocks = [block for block in re.findall(r"```\n(.*?)```", text, re.DOTALL) if "QCA " in block]
    v = values(blocks[suite.bit_length() - 1])
    curve = suite.curve
    ca_private, k = number(v["dCA"]), number(v["k"])
    ca = curve.multiply(ca_private, curve.generator)
    assert ca is not None
    assert curve.compress(ca) == v["QCA"]
    blank = bytes(suite.point_size)
    where = POINT[suite]
    template = parse_certificate(suite, v["CERT"][: where.start] + blank + v["CERT"][where.stop :])
    certificate, private = issue(template, ca_private, k)
    assert certificate.octets == v["CERT"]
    assert certificate.reconstruction == v["P = k*G"]
    assert certificate_number(certificate) == number(v["e = H(CERT)"])
    assert private == number(v["d = e*k + dCA mod n"])
    assert curve.compress(CbkeCredential(ca, certificate, private).public) == v["Q = d*G"]
    stated = re.search(rf"Suite {suite.bit_length()}, issuer `(\w+)`.*?subject (\w+)", text)
    assert stated
    assert (certificate.issuer.decode(), str(certificate.subject)) == stated.groups()


@both
def test_two_step_issue(suite: Suite) -> None:
    """The CA never learns the device's key; altered in between, the device notices."""
    curve = suite.curve
    ca_private = suite.scalar(b"\x01" * suite.seed_size)
    ca = curve.multiply(ca_private, curve.generator)
    assert ca is not None
    subject = EntityId(bytes(8))
    for n in range(3):
        k_device, k = (suite.scalar(bytes((2 + n, side)) * suite.seed_size) for side in (0, 1))
        template: Suite1Certificate | Suite2Certificate = (
            Suite1Certificate(subject, b"TWO-STEP")
            if suite is Suite.SUITE_1
            else Suite2Certificate(subject, b"TWO-STEP", n, 0)
        )
        certificate, r = certify(template, request(suite, k_device), ca_private, k)
        private = complete(certificate, k_device, r, ca)
        CbkeCredential(ca, certificate, private)
        wrong: tuple[int, int, Point] = (k_device, r + 1, ca)
        for other in (wrong, (k_device + 1, r, ca), (k_device, r, curve.generator)):
            with pytest.raises(ParseError, match="does not belong"):
                complete(certificate, *other)
