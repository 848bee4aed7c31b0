"""A real device under test: another process, on a dongle of its own, stands in for it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from gbcs.ids import EntityId
from gbcs.pki import TestPki
from gbcs.security.folder import write_folder
from gbcs.time import Utc
from hil.homes import open_home
from hil.real_home import wall_clock
from hil.runner import Runner
from hil.scenario import Scenario
from smets.han.suites import Suite
from smets.han.test_ca import TestCa
from tests.hil.dongles import dongles
from tests.hil.homes import METER, READ, command, failures
from tests.hil.real import HUB_ID, METER_ID, device, device_side, hub_side, run

pytest.importorskip("bellows", reason="the radio libraries are not installed: pip install '.[radio]'")

REMOVE = command(
    "CCS02", to="hub", sender="broker", values='["hex:00DB123456780001"]', alerts='["8F12"]'
)  # leaves the meter free to join again


@pytest.fixture
def sticks() -> Iterator[list[str]]:
    with dongles(HUB_ID, METER_ID, "00DB1234567800A1") as monikers:
        yield monikers


CONTACT = '["text:0800 000001", "text:Someone Else"]'


def steps() -> str:
    """Commands of the present, since the meter's clock is not ours to set."""
    now = wall_clock()
    interval = ", ".join(now.plus(seconds).iso()[:19] + "Z" for seconds in (-600, 600))
    preset = f'[["hex:FFFFFFFFFFFFFFFFFF8000FF", {interval}]]'
    return (
        command("ECS70", values=preset, equals='{ "Time.Status" = 0 }')
        + command("ECS38", values="[600]", alerts="[]")
        + command("ECS26c", equals="{ RandomisedOffsetLimit = 600 }")
        + command("ECS43", alerts="[]")
        + command("ECS44", alerts='["8F32"]')
        + command("ECS52", tamper='"repeat"', expect='"repeat"')
        + command("ECS43", tamper='"wrong signature"', expect='"refused"', alerts='["8F3D"]')
        + command("ECS52", tamper='"unknown use case"', expect='"refused"', alerts='["8F85"]')
        + command("ECS16", sender="network operator", values=CONTACT, expect='"refused"', alerts='["8F30"]')
        + READ
        + REMOVE
        + command("ECS52", expect='"undeliverable"')
    )


def test_a_list_of_commands_twice(sticks: list[str], tmp_path: Path) -> None:
    hub, radio, _ = sticks
    with device(device_side(tmp_path), "--radio", radio) as meter:
        for _ in range(2):
            before = wall_clock()
            results, lines = run(hub_side(tmp_path, steps(), hub, answer=5))
            assert failures(results) == []
            assert [line.text for line in lines if line.layer == "zdo"][-1] == "joined"
            assert before <= lines[0].time <= lines[-1].time <= wall_clock()  # not the scenario's start
    assert meter.texts().count("joined") == 2
    assert sum("command" in text for text in meter.texts()) >= 2 * 10
    assert meter.texts().count("told to leave") == 2


def test_beside_an_emulated_device(sticks: list[str], tmp_path: Path) -> None:
    """Parties speak to both with the keys of the folder; keys with the hub are of two authorities."""
    hub, radio, own = sticks
    emulated = METER.replace('"meter"', '"own meter"').replace("00-01", "00-A1") + f'radio = "{own}"\n'
    critical = command("ECS38", to="own meter", values="[5]") + command("ECS38", values="[5]")
    with device(device_side(tmp_path), "--radio", radio):
        scenario = hub_side(tmp_path, emulated + critical, hub)
        with open_home(scenario) as home:
            assert failures(list(Runner(scenario, home))) == []
            assert list(home.stations) == ["own meter"]


# -- what goes wrong ----------------------------------------------------------------------


def whys(scenario: Scenario) -> tuple[list[str], list[str]]:
    """What is wrong with the steps, and what the transcript says of joining and keys."""
    results, lines = run(scenario)
    return [result.why for result in results], [line.text for line in lines if line.layer in ("zdo", "cbke")]


def test_another_install_code(sticks: list[str], tmp_path: Path) -> None:
    hub, radio, _ = sticks
    with device(device_side(tmp_path), "--radio", radio) as meter:
        (why,), said = whys(hub_side(tmp_path, READ, hub, code="FF" * 16, join=10))
    wrong = "joining: it was sent the network key, and could not use it: has it another install code?"
    assert said[-1] == wrong
    assert why == f"the device never came up on the home area network; {wrong}"
    assert any("the network key did not come" in text for text in meter.texts())


def test_nobody_is_there(sticks: list[str], tmp_path: Path) -> None:
    device_side(tmp_path)
    (why,), _ = whys(hub_side(tmp_path, READ, sticks[0], join=1))
    assert why == "the device never came up on the home area network; joining: it was not heard"


def test_certificates_of_another_key(sticks: list[str], tmp_path: Path) -> None:
    """The device is who it says, but its keys are not those of the certificates."""
    hub, radio, _ = sticks
    path = device_side(tmp_path)
    other = TestPki.create(b"another", Utc.of(2026, 1, 1))
    other.device(EntityId.parse(METER_ID))
    write_folder(other.store, tmp_path / "known" / "other")
    names = {"signing": f"other/{METER_ID.lower()}-ds.pem", "agreement": "key-agreement.pem"}
    critical = command("ECS38", values="[600]")
    with device(path, "--radio", radio):
        (maced, signed, _), _ = whys(hub_side(tmp_path, READ + critical + REMOVE, hub, **names))
        assert maced == ""
        assert "signature" in signed
        names = {"signing": "signing.pem", "agreement": f"other/{METER_ID.lower()}-ka.pem"}
        (maced, signed, _), _ = whys(hub_side(tmp_path, READ + critical + REMOVE, hub, answer=2, **names))
        # the broker's MAC is for another key, so that the device refuses what comes
        assert maced == "no answer came, but alert 8F3D Trusted Source Authentication Failure"
        assert signed == maced


def test_key_establishment_of_another_authority(sticks: list[str], tmp_path: Path) -> None:
    hub, radio, _ = sticks
    path, meter_id = device_side(tmp_path), EntityId.parse(METER_ID)
    foreign = TestCa(Suite.SUITE_2, b"foreign", Utc.of(2026, 1, 1), b"FOREIGN2")
    cbke = tmp_path / "foreign.cbke"
    cbke.write_text(foreign.issue(meter_id).text(), encoding="ascii")
    with device(path, "--radio", radio, "--cbke", str(cbke)) as meter:
        (why,), said = whys(hub_side(tmp_path, READ, hub, join=10))
    assert "key establishment refused: UNKNOWN_ISSUER" in said
    assert why.endswith("joining: key establishment refused: UNKNOWN_ISSUER")
    assert "key establishment ended by the other side: UNKNOWN_ISSUER" in meter.texts()
