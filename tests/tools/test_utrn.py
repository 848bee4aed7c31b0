"""`smets utrn`: tokens made, checked and taken apart on the command line."""

import json
from typing import Any

import pytest

from gbcs.security.folder import write_folder
from gbcs.security.utrn import TopUpKey
from tests.tools.cli import smets
from tests.vectors import utrn_tokens as vectors

VECTORS = vectors.read()
FIRST = VECTORS[0]
KEY = TopUpKey.of(vectors.store(), vectors.SUPPLIER, vectors.ELECTRICITY)
BAD_DIGIT = FIRST["token"][:-1] + str((int(FIRST["token"][-1]) + 1) % 10)


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("keys")
    write_folder(vectors.store(), folder)
    return str(folder)


def options(keys: str, vector: dict[str, Any] = FIRST, **other: str) -> list[str]:
    given = {"keys": keys, **{name: vector[name] for name in ("supplier", "meter", "counter")}, **other}
    return [part for name, value in given.items() for part in (f"--{name}", value)]


def value(vector: dict[str, Any]) -> list[str]:
    return [("--pence", "--pounds")[vector["value_class"]], str(vector["value"])]


@pytest.mark.parametrize("vector", VECTORS, ids=lambda v: v["token"])
def test_make_and_check(keys: str, vector: dict[str, Any]) -> None:
    done = smets("utrn", "make", *options(keys, vector), *value(vector))
    assert done == (0, f"{vector['token']}\n", "")
    done = smets("utrn", "check", *options(keys, vector), vector["token"])
    assert (done.status, done.err) == (0, "")
    assert done.out.splitlines()[-2:] == [f"MAC      {vector['tag'][-8:]}, valid", "valid"]


def test_make_as_json(keys: str) -> None:
    done = smets("utrn", "make", *options(keys), *value(FIRST), "--json")
    assert (done.status, done.err) == (0, "")
    assert json.loads(done.out) == {
        "v": 1,
        "token": FIRST["token"],
        "supplier": FIRST["supplier"],
        "meter": FIRST["meter"],
        "counter": FIRST["counter"],
        "truncated_counter": 1,
        "value_class": "pence",
        "value": 1250,
        "ptut": FIRST["high"] + FIRST["tag"][-8:],
        "mac_hex": FIRST["tag"][-8:],
    }


@pytest.mark.parametrize("counter", ["0000000100000000", "0x100000000", "0X0000000100000000", "4294967296"])
def test_forms_of_a_counter(keys: str, counter: str) -> None:
    done = smets("utrn", "make", *options(keys, counter=counter), *value(FIRST))
    assert done == (0, f"{FIRST['token']}\n", "")


@pytest.mark.parametrize("separator", [" ", "-"])
def test_a_token_in_groups(separator: str) -> None:
    groups = separator.join(FIRST["token"][at : at + 4] for at in range(0, 20, 4))
    done = smets("utrn", "parse", groups)
    assert (done.status, done.err) == (0, "")
    assert done.out == smets("utrn", "parse", FIRST["token"]).out


def test_parse() -> None:
    done = smets("utrn", "parse", FIRST["token"])
    assert done.status == 0
    assert done.out.splitlines() == [
        f"PTUT     {FIRST['high']}{FIRST['tag'][-8:]}, check digit {FIRST['token'][-1]}",
        "counter  bits 41 to 32: 1",
        "value    1250 pence",
        f"MAC      {FIRST['tag'][-8:]}",
    ]
    fields = json.loads(smets("utrn", "parse", "--json", FIRST["token"]).out)
    assert (fields["token"], fields["value"], fields["value_class"]) == (FIRST["token"], 1250, "pence")


def test_check_without_keys() -> None:
    done = smets("utrn", "check", FIRST["token"])
    assert (done.status, done.err) == (0, "")
    assert done.out.splitlines()[-2:] == [
        f"MAC      {FIRST['tag'][-8:]}, unchecked",
        "well formed, MAC unchecked",
    ]
    fields = json.loads(smets("utrn", "check", "--json", FIRST["token"]).out)
    assert (fields["valid"], fields["mac"], fields["reason"], fields["event"]) == (
        True, "unchecked", None, None,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("token", "counter", "event", "reason"),
    [
        (BAD_DIGIT, "0000000100000000", None, "check digit"),
        ("1" * 19, "0000000100000000", None, "not 20 digits"),
        (FIRST["token"], "0000000200000000", "8F63", "truncated counter"),
        (FIRST["token"], "0000040100000000", "8F63", "MAC"),
    ],
)
def test_what_is_not_valid_is_status_1(
    keys: str, token: str, counter: str, event: str | None, reason: str
) -> None:
    arguments = [*options(keys, counter=counter), token]
    done = smets("utrn", "check", *arguments)
    assert (done.status, done.err) == (1, "")
    last = done.out.splitlines()[-1]
    assert last.startswith("not valid: ")
    assert reason in last
    assert (event or "") in last
    fields = json.loads(smets("utrn", "check", "--json", *arguments).out)
    assert (fields["valid"], fields["event"]) == (False, event)
    assert reason in fields["reason"]


def test_check_against_another_meter(keys: str) -> None:
    done = smets("utrn", "check", *options(keys, meter=str(vectors.GAS)), FIRST["token"])
    assert done.status == 1
    assert done.out.splitlines()[-2].endswith(", invalid")


def test_parse_of_what_is_no_token() -> None:
    done = smets("utrn", "parse", BAD_DIGIT)
    assert done == (1, "", f"smets: {BAD_DIGIT}: the check digit is wrong\n")
    assert smets("utrn", "parse", "--json", "x\ny").status == 1


@pytest.mark.parametrize(
    ("change", "extra", "text"),
    [
        ({}, ["--pence", "8192"], "value: 8192 is not within 0 to 8191"),
        ({}, ["--pounds", "-1"], "value: -1 is not within 0 to 8191"),
        ({}, ["--pounds", "1.5"], "'1.5' is not a valid integer"),
        ({}, [], "one of --pence and --pounds"),
        ({}, ["--pence", "1", "--pounds", "1"], "one of --pence and --pounds"),
        ({"counter": "0000000100000001"}, ["--pence", "1"], "counter: the low 32 bits"),
        ({"counter": "18446744073709551616"}, ["--pence", "1"], "counter: 18446744073709551616 is not"),
        ({"counter": "00000001OOOOOOOO"}, ["--pence", "1"], "--counter: not 16 hex digits"),
        ({"counter": "-1"}, ["--pence", "1"], "--counter: not 16 hex digits"),
        ({"counter": ""}, ["--pence", "1"], "--counter: not 16 hex digits"),
        ({"meter": "12"}, ["--pence", "1"], "an entity identifier has 8 octets"),
        ({"supplier": "zz"}, ["--pence", "1"], "not an entity identifier"),
        ({"supplier": "0" * 16}, ["--pence", "1"], "no prepayment key agreement certificate"),
        ({"keys": "no such folder"}, ["--pence", "1"], "no such folder"),
    ],
)
def test_wrong_use_is_one_line_and_status_2(
    keys: str, change: dict[str, str], extra: list[str], text: str
) -> None:
    done = smets("utrn", "make", *options(**{"keys": keys, **change}), *extra)
    assert (done.status, done.out) == (2, "")
    assert done.err.startswith("smets: ")
    assert text in done.err
    assert done.err.count("\n") == 1


def test_options_that_need_each_other(keys: str) -> None:
    for arguments, text in (
        (["--keys", keys], "--keys needs"),
        (["--meter", FIRST["meter"]], "need --keys"),
        (["--supplier", FIRST["supplier"]], "need --keys"),
    ):
        done = smets("utrn", "check", *arguments, FIRST["token"])
        assert (done.status, done.out) == (2, "")
        assert text in done.err
    done = smets("utrn", "make", "--keys", keys)
    assert done.status == 2
    assert "Missing option" in done.err


def test_no_key_is_printed(keys: str) -> None:
    for arguments in (["make", *value(FIRST), "--json"], ["check", FIRST["token"], "--json"]):
        done = smets("utrn", *arguments, *options(keys))
        assert done.status == 0
        for secret in (KEY.secret.hex(), FIRST["key"], FIRST["tag"][:24]):
            assert secret.upper() not in done.out.upper()


@pytest.mark.parametrize("name", ["make", "check", "parse"])
def test_each_has_help(name: str) -> None:
    done = smets("utrn", name, "--help")
    assert done.status == 0
    assert f"Usage: smets utrn {name} " in done.out
    assert "Exit status:" in done.out
