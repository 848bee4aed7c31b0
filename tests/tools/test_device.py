"""`smets device`: what it exports, what it refuses. At work it is in tests/hil/test_real_device.py."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

import pytest

from gbcs.ids import EntityId, KeyUsage
from gbcs.security.folder import FolderKeyStore
from hil.scenario import load_scenario
from smets.han.credential import CbkeCredential
from tests.hil.homes import HOME, METER
from tests.hil.real import HUB_ID, METER_ID, hub_text
from tests.tools.cli import smets

pytest.importorskip("bellows", reason="the radio libraries are not installed: pip install '.[radio]'")


@pytest.fixture
def scenario(tmp_path: Path) -> str:
    path = tmp_path / "device.toml"
    path.write_text(HOME + METER, encoding="utf-8")
    return str(path)


def test_what_is_exported_is_an_entry_of_another_scenario(scenario: str, tmp_path: Path) -> None:
    folder = tmp_path / "known"
    done = smets("device", scenario, "meter", "--export", str(folder), "--json")
    assert (done.status, done.err) == (0, "")
    told = json.loads(done.out)
    held = {str(path.relative_to(folder)): path for path in folder.rglob("*") if path.is_file()}
    assert (told["v"], told["folder"], set(told["files"])) == (1, str(folder), set(held))
    entry = tomllib.loads(held["entry.toml"].read_text(encoding="utf-8"))
    home = HOME.replace('radio = "memory:"', 'radio = "tcp:127.0.0.1:9"')
    text = held["entry.toml"].read_text(encoding="utf-8")
    home = home.replace("[hub]", f'[hub]\ncbke = "{entry["hub"]["cbke"]}"')
    (folder / "home.toml").write_text(home + text[text.index("[[device]]") :], encoding="utf-8")
    (meter,) = load_scenario(folder / "home.toml").devices
    assert meter.real is not None
    assert meter.entity == EntityId.parse(METER_ID)
    for name, station in (("hub.cbke", HUB_ID), ("device.cbke", METER_ID)):
        assert CbkeCredential.parse(held[name].read_text("ascii")).subject == EntityId.parse(station)


def test_secrets_are_for_their_owner(scenario: str, tmp_path: Path) -> None:
    folder = tmp_path / "known"
    assert smets("device", scenario, "meter", "--export", str(folder)).status == 0
    secret = {path.name for path in folder.rglob("*") if path.is_file() and not path.stat().st_mode & 0o077}
    keys = {path.name for path in (folder / "keys").glob("*.key")}
    assert secret == keys | {"hub.cbke", "device.cbke", "entry.toml"}
    assert keys
    store = FolderKeyStore(folder / "keys")
    assert store.notes == ()
    authorities = [c for c in store.all() if c.usage is KeyUsage.KEY_CERT_SIGN]
    assert authorities
    assert all(store.private_key(credential) is None for credential in authorities)
    assert store.find(EntityId.parse(METER_ID), KeyUsage.DIGITAL_SIGNATURE) is None


def test_again_it_changes_nothing_and_never_overwrites(scenario: str, tmp_path: Path) -> None:
    folder = tmp_path / "known"
    arguments = ("device", scenario, "meter", "--export", str(folder))
    first = smets(*arguments)
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    assert smets(*arguments) == first
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before
    (folder / "hub.cbke").write_text("mine")
    (folder / "signing.pem").unlink()
    done = smets(*arguments)
    assert (done.status, done.out) == (2, "")
    assert done.err == f"smets: {folder / 'hub.cbke'}: exists and holds something else, nothing written\n"
    assert not (folder / "signing.pem").exists()


def test_nothing_secret_is_printed(scenario: str, tmp_path: Path) -> None:
    done = smets("device", scenario, "meter", "--export", str(tmp_path / "known"))
    assert done.out == f"{tmp_path / 'known'}: 25 files, the entry of meter in entry.toml\n"


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ([], "memory: a radio of its own is needed, serial: or tcp:"),
        (["--radio", "virtual:"], "virtual: a radio of its own is needed, serial: or tcp:"),
        (["--radio", "radio"], "'radio' is no link"),
        (["--radio", "tcp:127.0.0.1:9", "--export", "x"], "--export goes with neither --radio nor --cbke"),
        (["--radio", "tcp:127.0.0.1:9", "--cbke", "/nowhere"], "/nowhere: No such file or directory"),
    ],
)
def test_wrong_use(scenario: str, arguments: list[str], complaint: str) -> None:
    refused(complaint, scenario, "meter", *arguments)


def refused(complaint: str, *arguments: str) -> None:
    done = smets("device", *arguments)
    assert (done.status, done.out) == (2, "")
    assert done.err.startswith(f"smets: {complaint}")
    assert done.err.count("\n") == 1


def test_a_device_that_is_none(scenario: str, tmp_path: Path) -> None:
    refused("no emulated device is called 'x', only meter", scenario, "x")
    refused("nowhere: No such file or directory", "nowhere", "meter")
    known = tmp_path / "known"
    assert smets("device", scenario, "meter", "--export", str(known)).status == 0
    (known / "home.toml").write_text(hub_text(), encoding="utf-8")
    refused("meter is real: nothing is emulated of it", str(known / "home.toml"), "meter")


def test_a_credential_of_another(scenario: str, tmp_path: Path) -> None:
    known = tmp_path / "known"
    assert smets("device", scenario, "meter", "--export", str(known)).status == 0
    other = str(known / "hub.cbke")
    refused(f"{other}: issued to {HUB_ID}, not to {METER_ID}", scenario, "meter", "--cbke", other)


def test_no_radio_is_there(scenario: str, tmp_path: Path) -> None:
    done = smets("device", scenario, "meter", "--radio", f"serial:{tmp_path}/none")
    assert (done.status, done.out, done.err.count("\n")) == (2, "", 1)
    assert "none" in done.err
