"""Homes on virtual dongles: the same behaviour as on the memory link, and what the air shows of it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import pytest

from gbcs.errors import GbcsError, LocalError
from gbcs.message import parse_message
from hil.homes import on_radio, open_home
from hil.monikers import Moniker, MonikerError
from hil.radio_node import RadioNode
from hil.runner import Result, Runner
from hil.scenario import Scenario, load_scenario, parse_scenario
from hil.transcript import Line
from smets.han.link import Frame
from smets.store import MemoryStore
from tests.hil.homes import DEFAULT, HOME, METER, READ, command, failures, meter, step

pytest.importorskip("bellows", reason="the radio libraries are not installed: pip install '.[radio]'")


def on_air(
    scenario: Scenario, capture: Path | None = None, keyfile: Path | None = None
) -> tuple[list[Result], list[Line]]:
    with open_home(scenario, capture=capture, keyfile=keyfile) as home:
        return list(Runner(scenario, home)), list(home.transcript.lines)


def virtual(text: str, air: str = "") -> Scenario:
    return on_radio(parse_scenario(text, "test"), Moniker("virtual", air))


def messages(lines: Iterable[Line]) -> list[tuple[str, str, bytes]]:
    """What parties and home said to each other, without its times."""
    return [(line.sender, line.to, line.octets) for line in lines if line.layer in ("gbcs", "alert")]


def log_alerts(said: list[tuple[str, str, bytes]]) -> list[tuple[str, str, bytes]]:
    """The alerts of a hub whose device log has changed."""
    return [one for one in said if one[2] and parse_message(one[2]).code == 0x0018]


def executed(lines: Iterable[Line]) -> Counter[str]:
    return Counter(line.text for line in lines if line.verdict == "executed")


@pytest.fixture(scope="module")
def captured(tmp_path_factory: pytest.TempPathFactory) -> tuple[list[Result], list[Line], Path, Path]:
    folder = tmp_path_factory.mktemp("capture")
    air, keys = folder / "home.pcapng", folder / "keys"
    return *on_air(load_scenario(None), capture=air, keyfile=keys), air, keys


Captured = tuple[list[Result], list[Line], Path, Path]


# -- the whole list -----------------------------------------------------------------------


def test_the_default_scenario_says_what_it_says_without_radios(captured: Captured) -> None:
    results, lines, _, _ = captured
    plain = parse_scenario(DEFAULT, "test")
    assert len(results) == len(plain.steps)
    assert failures(results) == []
    with open_home(plain) as home:
        assert failures(list(Runner(plain, home))) == []
        assert executed(lines) == executed(home.transcript.lines)
        # the clock stands still while radios work, so that messages are the same to the octet; but for
        # one more alert of the hub, that of the link key, which only a network has
        on_air, without = messages(lines), messages(home.transcript.lines)
        assert len(log_alerts(on_air)) == len(log_alerts(without)) + 1
        assert [m for m in on_air if m not in log_alerts(on_air)] == [
            m for m in without if m not in log_alerts(without)
        ]


@pytest.mark.parametrize("air", ["loss=0.2", "loss=0.1&duplication=0.2&delay_ms=2&jitter_ms=5"])
def test_a_bad_air_changes_nothing(air: str) -> None:
    results, lines = on_air(virtual(DEFAULT, air))
    assert failures(results) == []
    with open_home(parse_scenario(DEFAULT, "test")) as home:
        assert failures(list(Runner(home.scenario, home))) == []
        assert executed(lines) == executed(home.transcript.lines)


def test_what_arrives_once_more_is_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    """A sender whose acknowledgement was lost with a line sends again what had arrived."""
    refused = command("ECS52", tamper='"wrong MAC"', expect='"refused"', alerts='["8F3D"]')
    scenario = virtual(HOME + METER + READ + refused + READ)
    results, once = on_air(scenario)
    assert failures(results) == []
    send = RadioNode.send
    sent = []

    async def twice(node: RadioNode, frame: Frame, payload: bytes) -> None:
        sent.append(payload)
        await send(node, frame, payload)
        await send(node, frame, payload)

    monkeypatch.setattr(RadioNode, "send", twice)
    again = on_air(scenario)[1]
    assert sent
    assert [line.json() for line in again if line.layer != "zdo"] == [
        line.json() for line in once if line.layer != "zdo"
    ]


# -- what the air shows -------------------------------------------------------------------


def dissected(air: Path, keys: Path | None, *fields: str) -> list[list[str]]:
    program = shutil.which("tshark")
    if program is None:
        pytest.skip("tshark is not installed: apt-get install tshark")
    options = [] if keys is None else [f"uat:zigbee_pc_keys:{row}" for row in keys.read_text().splitlines()]
    arguments = [part for option in options for part in ("-o", option)]
    arguments += ["-T", "fields", "-E", "separator=|", "-E", "occurrence=a"]
    arguments += [part for field in fields for part in ("-e", field)]
    home = air.parent / "home"
    home.mkdir(exist_ok=True)
    done = subprocess.run(
        [program, "-r", str(air), *arguments],
        env={**os.environ, "HOME": str(home), "XDG_CONFIG_HOME": str(home)},
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    return [line.split("|") for line in done.stdout.splitlines()]


def test_the_capture_dissects_down_to_the_messages(captured: Captured) -> None:
    _, lines, air, keys = captured
    fields = ("frame.protocols", "_ws.malformed", "_ws.expert.message", "wpan.fcs_ok", "_ws.col.Info")
    found = dissected(air, keys, *fields)
    assert len(found) > 500
    assert [row for row in found if row[1] or row[2]] == []
    assert {row[3] for row in found} <= {"True", "1", ""}
    text = "\n".join(row[4] for row in found)
    for what in ("Association Request", "Association Response", "Transport Key", "Device Announcement"):
        assert what in text
    for what in ("Initiate Key Establishment", "Ephemeral Data", "Confirm Key Data"):
        assert f"{what} Request" in text
        assert f"{what} Response" in text
    assert "Request Tunnel Response" in text
    assert "Encrypted" not in text
    found_messages = messages_found(air, keys)
    assert messages_of(lines, "tunnel") - found_messages == Counter()
    assert set(found_messages) <= set(messages_of(lines, "gbcs", "alert"))  # some went in blocks


def messages_of(lines: Iterable[Line], *layers: str) -> Counter[tuple[int, int]]:
    """CRA flag and Originator Counter of each whole message."""
    count: Counter[tuple[int, int]] = Counter()
    for line in lines:
        if line.layer not in layers or not line.octets:
            continue
        try:
            message = parse_message(line.octets)
        except GbcsError:
            continue
        count[message.cra, message.counter] += 1
    return count


def messages_found(air: Path, keys: Path) -> Counter[tuple[int, int]]:
    names = ("cra_flag", "originator_counter")
    parts = [f"gbcs_message.{head}.{name}" for head in ("mac_header", "grouping_header") for name in names]
    count: Counter[tuple[int, int]] = Counter()
    for row in dissected(air, keys, *parts):
        cra, counter = (row[0], row[1]) if row[0] else (row[2], row[3])
        if cra:
            count[int(cra.split(",")[-1], 0), int(counter.split(",")[-1], 0)] += 1
    return count


def test_without_keys_the_messages_stay_closed(captured: Captured) -> None:
    _, _, air, _ = captured
    text = "\n".join(row[0] for row in dissected(air, None, "frame.protocols"))
    assert "gbcs" not in text
    assert "zbee_zcl" not in text


def test_keys_are_records_that_only_their_owner_reads(captured: Captured) -> None:
    _, lines, _, keys = captured
    rows = keys.read_text(encoding="ascii").splitlines()
    assert [row.split(",")[2] for row in rows] == ['"network"', '"meter_install_code"', '"meter_link_key"']
    assert keys.stat().st_mode & 0o077 == 0
    said = json.dumps([line.text for line in lines]) + "".join(line.octets.hex() for line in lines)
    for row in rows:
        assert row.split('"')[1].replace(":", "") not in said  # no key is in the transcript


# -- joining ------------------------------------------------------------------------------


def test_many_devices_join_and_answer() -> None:
    text = HOME + "".join(meter(n) for n in range(4))
    text += "".join(command("ECS52", to=f"meter {n}") for n in range(4))
    results, lines = on_air(virtual(text))
    assert failures(results) == []
    assert sum(line.text == "joined" for line in lines) == 4


def test_a_wrong_install_code_does_not_join() -> None:
    scenario = virtual(HOME + METER + READ)
    with open_home(scenario) as home:
        entry = scenario.devices[0]
        home.scenario = replace(scenario, devices=(replace(entry, install_code=bytes(16)),))
        home.bring_up(entry)
        home.advance(100)
        assert not any(line.text == "joined" for line in home.transcript.lines)


def test_a_removed_device_is_told_to_leave() -> None:
    text = (
        HOME + METER + READ + command("CCS02", to="hub", sender="broker", values='["hex:00DB123456780001"]')
    )
    results, _ = on_air(virtual(text + command("ECS52", expect='"undeliverable"')))
    assert [result.found for result in results][-1] == "undeliverable"


def test_power_comes_back() -> None:
    text = HOME + METER + READ
    for who in ("meter", "hub"):
        text += step(power='"lost"', to=f'"{who}"') + step(power='"restored"', to=f'"{who}"') + READ
    results, _ = on_air(virtual(text))
    reads = [result for result in results if result.step.command]
    assert len(reads) == 3
    assert failures(reads) == []


def test_a_home_goes_on_with_its_store() -> None:
    stores: dict[str, MemoryStore] = {}
    scenario = virtual(HOME + METER + READ)
    for _ in range(2):
        with open_home(scenario, lambda name: stores.setdefault(name, MemoryStore())) as home:
            assert failures(list(Runner(scenario, home))) == []


# -- what cannot be -----------------------------------------------------------------------


def test_memory_has_no_air(tmp_path: Path) -> None:
    scenario = parse_scenario(HOME + METER + READ, "test")
    with pytest.raises(MonikerError, match="no air to capture"), open_home(scenario, capture=tmp_path / "x"):
        pass


def test_two_nodes_cannot_share_a_stick() -> None:
    scenario = on_radio(parse_scenario(HOME + METER, "test"), Moniker.parse("serial:/dev/null"))
    with pytest.raises(MonikerError, match="cannot share one stick"), open_home(scenario):
        pass


def test_no_stick_is_there(tmp_path: Path) -> None:
    text = HOME.replace('"memory:"', f'"serial:{tmp_path}/none"') + METER
    text = text.replace('type = "ESME"', f'type = "ESME"\nradio = "serial:{tmp_path}/neither"')
    scenario = parse_scenario(text, "test")
    with pytest.raises(LocalError, match="none"), open_home(scenario):
        pass
