"""The command lines of bellows and zigpy, unmodified, as processes of their own on a virtual dongle."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.hil.virtual.process import LIMIT, served

pytest.importorskip("bellows", reason="the radio extra is not installed: pip install -e '.[radio]'")

WHERE = os.pathsep.join((str(Path(sys.executable).parent), os.environ.get("PATH", "")))


def found(program: str) -> str:
    """The path of a program, or the test is skipped."""
    path = shutil.which(program, path=os.environ.get("SMETS_ZIGPY_CLI", "") + os.pathsep + WHERE)
    if path is None:
        package = {"zigpy": "zigpy-cli"}.get(program, program)
        pytest.skip(f"{program} is not installed: pip install {package}; SMETS_ZIGPY_CLI names its folder")
    return path


def run(program: str, *arguments: str, limit: float = LIMIT) -> str:
    """What a program printed; it has to succeed."""
    done = subprocess.run(
        [found(program), *arguments], capture_output=True, text=True, timeout=limit, stdin=subprocess.DEVNULL
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def zigpy(*arguments: str, limit: float = LIMIT) -> str:
    return run("zigpy", *arguments, limit=limit)


@pytest.mark.parametrize(("option", "version"), [("--tcp", "13"), ("--pty", "14")])
def test_bellows_configuration(tmp_path: Path, option: str, version: str) -> None:
    place = "0" if option == "--tcp" else str(tmp_path / "stick")
    with served(option, place, "--version", version) as running:
        printed = run("bellows", "-d", running.path(), "config", "--all")
        assert "CONFIG_KEY_TABLE_SIZE=12" in printed
        printed = run("bellows", "-d", running.path(), "bootloader")
        assert "Manufacturer: smets" in printed
        assert "No boot loader installed" in printed


def test_zigpy_forms_and_bellows_looks(tmp_path: Path) -> None:
    with served("--tcp", "0") as running:
        path = running.path()
        zigpy("radio", "ezsp", path, "form")
        info = zigpy("radio", "ezsp", path, "info")
        assert "Network key:" in info
        printed = run("bellows", "-d", path, "info")
        assert "JOINED_NETWORK" in printed
        assert "Board name: virtual dongle" in printed
        backup = tmp_path / "backup.json"
        zigpy("radio", "ezsp", path, "backup", str(backup))
        assert json.loads(backup.read_text())["network_key"]["key"]
        energies = zigpy("radio", "ezsp", path, "energy-scan", "--num-scans", "1")
        assert "26" in energies


def test_zigpy_captures_packets() -> None:
    with served("--tcp", "0", "--tcp", "0") as running:
        hub, sniffer = running.path(0), running.path(1)
        zigpy("radio", "ezsp", hub, "form")
        info = zigpy("radio", "ezsp", hub, "info")
        channel = next(
            line.split(":")[1].strip() for line in info.splitlines() if line.startswith("Channel:")
        )
        command = [found("zigpy"), "radio", "ezsp", sniffer, "packet-capture", "-c", channel, "-o", "-"]
        # without it the program fails to write to a pipe
        command.append("--interleave")
        with subprocess.Popen(command, stdout=subprocess.PIPE) as capturing:
            assert capturing.stdout is not None
            try:
                zigpy("radio", "ezsp", hub, "permit", "--join-time", "1")  # a broadcast
                packet = json.loads(capturing.stdout.readline())
            finally:
                capturing.terminate()
                capturing.wait(LIMIT)
        assert packet["channel"] == int(channel)
        assert bytes.fromhex(packet["data"])[:2] == b"\x41\x88"  # data, one PAN, short addresses
