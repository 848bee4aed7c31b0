"""`smets build`, `sign`, `mac` and `decode --named`: the parties' side on the command line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import gbcs
from gbcs.message import parse_message
from gbcs.security.folder import write_folder
from gbcs.security.verify import Verdict, Verifier
from tests.tools.cli import smets
from tests.vectors import make

LIMIT = "RandomisedOffsetLimit"
HEAD = ("--from", str(make.SUPPLIER), "--to", str(make.METER), "--counter", "1001")


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A folder with the keys of every party of the project's vectors."""
    folder = tmp_path_factory.mktemp("keys")
    write_folder(make.store(), folder)
    return str(folder)


def only_line(text: str) -> bytes:
    (line,) = text.splitlines()
    return bytes.fromhex(line)


def test_a_critical_command_from_values_to_the_device(keys: str) -> None:
    """Build, sign, MAC, each by its own command; the same in one."""
    built = smets("build", "ECS38", *HEAD, "--set", f"{LIMIT}=600")
    assert (built.status, built.err) == (0, "")
    assert parse_message(only_line(built.out)).kind.value == "precommand"
    signed = smets("sign", "--keys", keys, stdin=built.out.encode())
    assert (signed.status, signed.err) == (0, "")
    done = smets("mac", "--keys", keys, stdin=signed.out.encode())
    assert (done.status, done.err) == (0, "")
    message = parse_message(only_line(done.out))
    assert Verifier(make.store()).verify(message) == (Verdict.VALID, Verdict.VALID)
    assert gbcs.decode(message).values == {"RandomisedOffsetLimit": 600}
    at_once = smets("build", "ECS38", *HEAD, "--set", f"{LIMIT}=600", "--keys", keys, "--protect")
    assert at_once.out == done.out


def test_what_decode_prints_by_name_builds_again(tmp_path: Path, keys: str) -> None:
    (tmp_path / "one.hex").write_text(make.files()["asn1/activate-alert"].hex(), "ascii")
    printed = smets("decode", "--named", "--json", str(tmp_path / "one.hex"))
    assert printed.status == 0
    (tmp_path / "one.json").write_text(printed.out, "utf-8")
    built = smets("build", "--values", str(tmp_path / "one.json"), "--keys", keys)
    assert (built.status, built.err) == (0, "")
    again, first = parse_message(only_line(built.out)), parse_message(make.files()["asn1/activate-alert"])
    assert again.payload == first.payload
    assert again.identity == first.identity


def test_values_from_a_file_and_settings_on_top(tmp_path: Path) -> None:
    file = tmp_path / "values.json"
    file.write_text(json.dumps({"RandomisedOffsetLimit": 1}), "utf-8")
    done = smets("build", "ECS38", *HEAD, "--values", str(file), "--set", f"{LIMIT}=2", "--json")
    assert done.status == 0
    printed: dict[str, Any] = json.loads(done.out)
    assert (printed["use_case"], printed["message_code"], printed["kind"]) == ("ECS38", "004B", "precommand")
    assert (printed["signed"], printed["maced"]) == (False, False)
    assert gbcs.decode(bytes.fromhex(printed["octets"])).values == {"RandomisedOffsetLimit": 2}


def test_for_another_party(keys: str) -> None:
    """The broker asks on behalf of a party."""
    done = smets(
        "build", "CCS02", "--from", str(make.BROKER), "--to", str(make.METER), "--counter", "0x517",
        "--for", str(make.SUPPLIER), "--for-counter", "1003", "--set", f"DeviceLog.remove={make.METER}",
        "--keys", keys, "--protect",
    )  # fmt: skip
    assert (done.status, done.err) == (0, "")
    other = parse_message(only_line(done.out)).other
    assert (other.party, other.party_counter) == (make.SUPPLIER, 1003)


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        (("ECS38", *HEAD), 1, "RandomisedOffsetLimit: missing"),
        (
            ("ECS38", *HEAD, "--set", f"{LIMIT}=70000"),
            1,
            f"{LIMIT}: 70000 is outside",
        ),
        (
            ("ECS38", *HEAD, "--set", f"{LIMIT}=x"),
            1,
            f"{LIMIT}: a number is needed",
        ),
        (("ECS38", *HEAD, "--set", "Nothing=1"), 1, "Nothing: there is no such value here"),
        (("ECS38", *HEAD, "--set", "Nothing"), 2, "--set takes NAME=VALUE"),
        (("NONE", *HEAD), 1, "no use case is called 'NONE'"),
        (("PECS01", *HEAD), 1, "kind: PECS01 has no message"),
        (("ECS30", *HEAD, "--set", "BillingCalendar=[]"), 1, "superseded"),
        (("0100", *HEAD), 1, "assumption root-replacement"),
        (("ECS38", *HEAD, "--kind", "alert"), 1, "kind: ECS38 has precommand, command, response"),
        (("ECS38", "--from", "1", "--to", str(make.METER), "--counter", "1"), 1, "originator: not an entity"),
        (("ECS38", "--counter", "1"), 1, "originator: missing"),
        (("ECS38", "--counter", "-1"), 2, "--counter takes a number"),
        (("ECS38", *HEAD, "--protect"), 2, "--protect needs --keys"),
        (("ECS38", *HEAD, "--keys", "/nowhere"), 2, "/nowhere"),
        (("ECS38", *HEAD, "--values", "/nowhere"), 2, "/nowhere"),
        (
            ("ECS38", *HEAD, "--date-time", "now", "--set", f"{LIMIT}=1"),
            1,
            "date_time: a command",
        ),
    ],
)
def test_one_clear_line(arguments: tuple[str, ...], status: int, said: str) -> None:
    done = smets("build", *arguments)
    assert (done.status, done.out) == (status, "")
    assert said in done.err
    assert len(done.err.splitlines()) == 1


def test_an_assumption_is_asked_for() -> None:
    alert = (
        "00D5",
        "--kind",
        "alert",
        *HEAD,
        "--set",
        "AlertCode=8F84",
        "--set",
        "Time=2026-01-01T00:00:00Z",
    )
    undelivered = {
        "originator": str(make.SUPPLIER),
        "target": str(make.METER),
        "cra": "command",
        "originator_counter": "00000000000003E9",
    }
    alert = (*alert, "--set", f"Undelivered={json.dumps(undelivered)}")
    assert smets("build", *alert).status == 1
    done = smets("build", *alert, "--assume", "delivery-failure-header")
    assert (done.status, done.err) == (0, "")
    assert only_line(done.out)[-27:-25].hex() == "0919"


def test_signing_refuses_what_it_would_spoil(keys: str) -> None:
    pre = smets("build", "ECS38", *HEAD, "--set", f"{LIMIT}=600").out
    signed = smets("sign", "--keys", keys, stdin=pre.encode()).out
    assert "is signed already" in smets("sign", "--keys", keys, stdin=signed.encode()).err
    assert smets("sign", "--again", "--keys", keys, stdin=signed.encode()).out == signed
    assert "is signed first" in smets("mac", "--keys", keys, stdin=pre.encode()).err
    maced = smets("mac", "--keys", keys, stdin=signed.encode()).out
    refused = smets("sign", "--keys", keys, stdin=maced.encode())
    assert refused.status == 1
    assert "has a MAC" in refused.err


def test_the_text_of_values(tmp_path: Path) -> None:
    """Names, units and meanings, a line each."""
    built = smets(
        "build", "ECS02", *HEAD, "--set", 'PaymentMode={"payment_mode": "credit", "account_status": "new"}',
        "--set", "CreditChargeConfiguration=[]", "--set", "ActivationTime=never",
    )  # fmt: skip
    done = smets("decode", "--named", stdin=built.out.encode())
    assert done.status == 0
    assert [line.strip() for line in done.out.splitlines()[2:]] == [
        "PaymentMode",
        "payment_mode credit",
        "account_status new",
        "CreditChargeConfiguration (none)",
        "ActivationTime never",
    ]


TARIFF = {
    "currency": "GBP",
    "standing_charge": "0.2",
    "tou_prices": {"1": "0.02121"},
    "seasons": [{"name": "all", "start": "*-01-01", "week": 1}],
    "weeks": [{"name": 1, "days": [1, 1, 1, 1, 1, 1, 1]}],
    "days": [{"id": 1, "switches": ["00:00:00 TOU 1"]}],
    "activation": "now",
}


@pytest.mark.parametrize("use_case", ["ECS01a", "GCS01a"])
def test_a_tariff_by_hand(use_case: str, tmp_path: Path) -> None:
    """One readable form for electricity and gas; decode gives it back."""
    gas = {"tou_prices": {str(n): "0.02121" for n in range(1, 5)}} if use_case == "GCS01a" else {}
    season = {"start": "*-01-01", "week": 1} if gas else TARIFF["seasons"][0]  # type: ignore[index]
    given = {**TARIFF, **gas, "seasons": [season]}
    (tmp_path / "tariff.json").write_text(json.dumps(given), "utf-8")
    time = ("--time", "2026-01-01T00:00:00Z")
    built = smets("build", use_case, *HEAD, "--tariff", str(tmp_path / "tariff.json"), *time)
    assert (built.status, built.err) == (0, "")
    done = smets("decode", "--named", "--json", "--tariff", stdin=built.out.encode())
    assert done.status == 0
    found = json.loads(done.out)["tariff"]
    assert found["activation"] == "now"
    assert found["days"] == given["days"]
    assert found["tou_prices"] == given["tou_prices"]


def test_a_tariff_that_is_wrong(tmp_path: Path) -> None:
    (tmp_path / "tariff.json").write_text(json.dumps({**TARIFF, "standing_charge": "x"}), "utf-8")
    done = smets("build", "ECS01a", *HEAD, "--tariff", str(tmp_path / "tariff.json"))
    assert (done.status, done.out, len(done.err.splitlines())) == (1, "", 1)
    assert "standing_charge" in done.err
    assert smets("decode", "--tariff", stdin=b"00").status == 2
