"""Certificates, the set a device holds, its text form, and the test CA (se-security 4, 5)."""

import pickle
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gbcs.errors import BuildError, KeyStoreError, ParseError
from gbcs.ids import EntityId
from gbcs.time import Utc
from smets.han.credential import ITEMS, CbkeCredential
from smets.han.curves import Point
from smets.han.ecqv import (
    DIGITAL_SIGNATURE,
    Suite1Certificate,
    Suite2Certificate,
    issue,
    parse_certificate,
    reconstruct,
    unix_time,
)
from smets.han.suites import Suite
from smets.han.test_ca import ISSUERS, TestCa

START = Utc.of(2024, 3, 1)
METER = EntityId.parse("00-DB-12-34-56-78-00-01")
OTHER = EntityId.parse("00-DB-12-34-56-78-00-02")
CA = {suite: TestCa(suite, b"tests", START) for suite in Suite}
FOREIGN = {suite: TestCa(suite, b"others", START) for suite in Suite}
HELD = {suite: CA[suite].issue(METER) for suite in Suite}
both = pytest.mark.parametrize("suite", list(Suite))


@both
@given(st.data())
def test_certificates_there_and_back(suite: Suite, data: st.DataObject) -> None:
    size = suite.certificate_size
    octets = data.draw(st.binary(min_size=size, max_size=size))
    assert parse_certificate(suite, octets).octets == octets
    with pytest.raises(ParseError):
        parse_certificate(suite, octets[:-1])
    with pytest.raises(ParseError):
        parse_certificate(suite, octets + b"\x00")


def test_fields_are_where_they_belong() -> None:
    """Counted offsets, told apart by their octets."""
    one = parse_certificate(Suite.SUITE_1, bytes(range(48)))
    assert isinstance(one, Suite1Certificate)
    assert (one.reconstruction, one.subject) == (bytes(range(22)), bytes(range(22, 30)))
    assert (one.issuer, one.attributes) == (bytes(range(30, 38)), bytes(range(38, 48)))
    two = parse_certificate(Suite.SUITE_2, bytes(range(74)))
    assert isinstance(two, Suite2Certificate)
    assert (two.type, two.serial, two.curve, two.hash) == (0, 0x0102030405060708, 9, 10)
    assert (two.issuer, two.valid_from, two.valid_for) == (bytes(range(11, 19)), 0x1314151617, 0x18191A1B)
    assert (two.subject, two.key_usage) == (bytes(range(28, 36)), 36)
    assert two.reconstruction == bytes(range(37, 74))


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({}, None),
        ({"key_usage": 0x88}, None),
        ({"type": 1}, "type"),
        ({"curve": 0x0C}, "curve"),
        ({"hash": 0}, "hash"),
        ({"key_usage": DIGITAL_SIGNATURE}, "key usage"),
        ({"key_usage": 0}, "key usage"),
    ],
)
def test_what_forbids_key_agreement(change: dict[str, int], fault: str | None) -> None:
    certificate = HELD[Suite.SUITE_2].certificate
    assert isinstance(certificate, Suite2Certificate)
    found = replace(certificate, **change).fault()
    assert (found is None) if fault is None else (found is not None and found.startswith(fault))


def test_validity() -> None:
    start = unix_time(START)
    assert start == 1_709_251_200
    certificate = Suite2Certificate(METER, b"SMETSCA2", 1, start, 60)
    assert [certificate.is_valid_at(start + n) for n in (-1, 0, 60, 61)] == [False, True, True, False]
    endless = replace(certificate, valid_for=0xFFFFFFFF)
    assert endless.is_valid_at(start + (1 << 33))
    assert Suite1Certificate(METER, b"SMETSCA1").is_valid_at(0)


def test_values_that_do_not_fit() -> None:
    good = HELD[Suite.SUITE_2].certificate
    assert isinstance(good, Suite2Certificate)
    for change in ({"valid_from": 1 << 40}, {"valid_from": -1}, {"issuer": b"short"}, {"serial": 1 << 64}):
        with pytest.raises(BuildError):
            _ = replace(good, **change).octets


@both
def test_the_test_ca_is_deterministic(suite: Suite) -> None:
    again = TestCa(suite, b"tests", START)
    assert again.issue(METER) == HELD[suite]
    assert again.issue(OTHER) != HELD[suite]
    assert FOREIGN[suite].issue(METER).certificate != HELD[suite].certificate
    assert HELD[suite].issuer == ISSUERS[suite] == again.issuer
    assert TestCa(suite, b"tests", START, b"ANOTHER1").issue(METER).issuer == b"ANOTHER1"
    with pytest.raises(BuildError):
        TestCa(suite, b"tests", START, b"long-name")


def test_no_secret_number_serves_two_certificates() -> None:
    """The same k in two certificates would give the CA's key away."""
    ca = CA[Suite.SUITE_2]
    made = [ca.issue(METER), ca.issue(METER, serial=7), ca.issue(METER, serial=7, valid_for=60),
            ca.issue(METER, serial=7, key_usage=0x88), ca.issue(OTHER, serial=7)]  # fmt: skip
    points = {credential.certificate.reconstruction for credential in made}
    assert len(points) == len(made)


@both
def test_sets_that_do_not_belong_together(suite: Suite) -> None:
    good, other, foreign = HELD[suite], CA[suite].issue(OTHER), FOREIGN[suite].issue(METER)
    curve = suite.curve
    for change in (
        {"private": other.private},
        {"private": good.private ^ 1},
        {"private": 0},
        {"private": good.private + curve.n},
        {"certificate": other.certificate},
        {"certificate": foreign.certificate},
        {"certificate": replace(good.certificate, issuer=b"SOMEBODY")},
        {"certificate": replace(good.certificate, reconstruction=bytes(suite.point_size))},
        {"ca_public": foreign.ca_public},
        {"ca_public": Point(0, 1)},
        {"ca_public": Point(5, 5)},
    ):
        with pytest.raises(KeyStoreError):
            replace(good, **change)


@both
def test_an_altered_certificate_yields_another_key(suite: Suite) -> None:
    good = HELD[suite]
    octets = good.certificate.octets
    for at in range(0, len(octets), 5):
        bad = octets[:at] + bytes((octets[at] ^ 0x10,)) + octets[at + 1 :]
        try:
            assert reconstruct(parse_certificate(suite, bad), good.ca_public) != good.public
        except ParseError:
            continue  # no point at all


@both
def test_text_form(suite: Suite) -> None:
    good = HELD[suite]
    text = good.text()
    assert [line.partition(":")[0] for line in text.splitlines()] == list(ITEMS)
    assert CbkeCredential.parse(text) == good
    spread = text.replace(": ", ":\n  ").replace("\n", "\r\n").upper()
    assert CbkeCredential.parse(spread) == good
    lines = text.splitlines()
    grouped = "\n".join(
        f"{label}:\n" + "\n".join(" ".join(digits[n : n + 4] for n in range(at, min(at + 32, len(digits)), 4))
                                  for at in range(0, len(digits), 32))
        for label, digits in (line.split(": ") for line in reversed(lines))
    )  # fmt: skip
    assert CbkeCredential.parse(f"# delivery\nIEEE Address: 0x00\nabc\n{grouped}\nComment: zz\n") == good
    named = text.replace("CA Pub Key", "CA Public Key").replace(
        "Private Key Reconstruction Data", "Device Private Key"
    )
    assert CbkeCredential.parse(named) == good


@both
def test_texts_that_are_refused(suite: Suite) -> None:
    good, other, foreign = (c.text().splitlines() for c in (HELD[suite], CA[suite].issue(OTHER),
                                                            FOREIGN[suite].issue(METER)))  # fmt: skip
    another = HELD[Suite(3 - suite)].text().splitlines()
    texts = ["", "nothing", "\n".join(good + good[:1])]
    for n, line in enumerate(good):
        rest = good[:n] + good[n + 1 :]
        texts += ["\n".join(rest)]
        for lines in ([other[n]], [foreign[n]], [another[n]], [line[:-2]], [line + "00"], [line[:-1] + "x"]):
            if lines != [line]:  # the CA's key is the same for both devices
                texts.append("\n".join(rest + lines))
        if n:
            flipped = line[:-1] + format(int(line[-1], 16) ^ 1, "x")
            texts.append("\n".join([*rest, flipped]))
    for text in texts:
        with pytest.raises(KeyStoreError) as error:
            CbkeCredential.parse(text)
        private = good[2].partition(": ")[2]
        assert private not in str(error.value)


@given(st.text(alphabet="CA Pub Key:=Devicmpltr\n0123456789abcdef", max_size=200))
def test_any_text(text: str) -> None:
    with pytest.raises(KeyStoreError):
        CbkeCredential.parse(text)


@both
def test_private_keys_are_not_shown(suite: Suite) -> None:
    good = HELD[suite]
    assert str(good.private) not in repr(good)
    assert f"{good.private:x}" not in repr(good)
    assert str(CA[suite]._private) not in repr(CA[suite])
    assert pickle.loads(pickle.dumps(good)) == good


def test_numbers_that_yield_no_key() -> None:
    template = Suite1Certificate(METER, b"SMETSCA1")
    with pytest.raises(BuildError, match="another k"):
        issue(template, 1, Suite.SUITE_1.curve.n)


def test_scalars() -> None:
    for suite in Suite:
        n = suite.curve.n
        assert suite.scalar(bytes(suite.seed_size)) == 1
        assert suite.scalar((n - 2).to_bytes(suite.seed_size, "big")) == n - 1
        assert suite.scalar((n - 1).to_bytes(suite.seed_size, "big")) == 1
        with pytest.raises(BuildError):
            suite.scalar(bytes(suite.seed_size - 1))
