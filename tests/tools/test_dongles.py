"""`smets dongles`: serial ports as pyserial tells them."""

import json
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from hil.sticks import KNOWN, known_as, sticks
from tests.tools.cli import smets

ZBT1 = SimpleNamespace(
    device="/dev/ttyUSB0", vid=0x10C4, pid=0xEA60, serial_number="0001", manufacturer="Nabu Casa",
    product="SkyConnect v1.0",
)  # fmt: skip
BRIDGE = SimpleNamespace(
    device="/dev/ttyUSB1", vid=0x10C4, pid=0xEA60, serial_number=None, manufacturer="Silicon Labs",
    product="CP2102\x1b[2J",
)  # fmt: skip
BOARD = SimpleNamespace(
    device="/dev/ttyS0", vid=None, pid=None, serial_number=None, manufacturer=None, product=None
)


@pytest.fixture
def ports(monkeypatch: pytest.MonkeyPatch) -> list[SimpleNamespace]:
    list_ports = pytest.importorskip(
        "serial.tools.list_ports", reason="pyserial is not installed: pip install -e '.[radio]'"
    )
    found = [BRIDGE, BOARD, ZBT1]
    monkeypatch.setattr(list_ports, "comports", lambda: found)
    return found


def test_ports_on_usb_in_order(ports: list[SimpleNamespace]) -> None:
    done = smets("dongles")
    assert done == (
        0,
        "/dev/ttyUSB0  10C4:EA60  0001  Home Assistant Connect ZBT-1 (SkyConnect)  EZSP\n"
        "/dev/ttyUSB1  10C4:EA60  -  Silicon Labs CP2102?[2J\n",
        "",
    )


def test_every_port(ports: list[SimpleNamespace]) -> None:
    assert smets("dongles", "--all").out.splitlines()[0] == "/dev/ttyS0  -  -  unknown"


def test_as_json(ports: list[SimpleNamespace]) -> None:
    first = json.loads(smets("dongles", "--json").out.splitlines()[0])
    assert first == {
        "v": 1, "path": "/dev/ttyUSB0", "device": "/dev/ttyUSB0", "vid": "10C4", "pid": "EA60",
        "serial": "0001", "maker": "Nabu Casa", "product": "SkyConnect v1.0",
        "name": "Home Assistant Connect ZBT-1 (SkyConnect)", "ezsp": True,
    }  # fmt: skip


def test_none(ports: list[SimpleNamespace]) -> None:
    ports.clear()
    assert smets("dongles") == (0, "no serial port on USB\n", "")
    assert smets("dongles", "--json") == (0, "", "")


def test_the_stable_path_is_preferred(ports: list[SimpleNamespace], tmp_path: Path) -> None:
    device = tmp_path / "ttyUSB9"
    device.touch()
    (tmp_path / "by-id").mkdir()
    link = tmp_path / "by-id" / "usb-Nabu_Casa"
    link.symlink_to(device)
    ports[:] = [SimpleNamespace(**{**vars(ZBT1), "device": str(device)})]
    (stick,) = sticks(by_id=tmp_path / "by-id")
    assert (stick.path, stick.device) == (str(link), str(device))


def test_without_pyserial(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "serial.tools", None)
    done = smets("dongles")
    assert (done.status, done.out) == (2, "")
    assert done.err == "smets: serial ports: pyserial is not installed: pip install 'smets[radio]'\n"


def test_a_row_that_cannot_be_reached_is_none() -> None:
    assert known_as(0x10C4, 0xEA60, "CP2102N USB to UART Bridge Controller") is None
    assert known_as(0x10C4, 0xEA60, "Sonoff Zigbee 3.0 USB Dongle Plus") == KNOWN[6]
    assert known_as(0x1CF1, 0x0030, None) == KNOWN[8]
