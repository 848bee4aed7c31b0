"""Frames of a simulated air through Wireshark's dissectors: the independent judge."""

from __future__ import annotations

import os
import shutil
import struct
import subprocess
from collections.abc import Iterable
from pathlib import Path

import pytest

TAP_LINKTYPE = 283
FCS_TYPE, CHANNEL = 0, 3  # TLVs of the TAP header


def needs_tshark() -> str:
    """The program, or a skip."""
    found = shutil.which("tshark")
    if found is None:
        pytest.skip("tshark is not installed: apt-get install tshark")
    return found


def write_pcap(path: Path, frames: Iterable[tuple[int, int, bytes]]) -> None:
    """Frames (channel, microseconds, octets with FCS) as a capture of link type 283."""
    with path.open("wb") as file:
        file.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, TAP_LINKTYPE))
        for channel, time, mpdu in frames:
            tlvs = struct.pack("<HHI", FCS_TYPE, 1, 1) + struct.pack("<HHHH", CHANNEL, 3, channel, 0)
            octets = struct.pack("<BBH", 0, 0, 4 + len(tlvs)) + tlvs + mpdu
            file.write(struct.pack("<IIII", time // 1_000_000, time % 1_000_000, len(octets), len(octets)))
            file.write(octets)


def dissect(
    folder: Path, frames: Iterable[tuple[int, int, bytes]], keys: list[bytes]
) -> list[dict[str, str]]:
    """What tshark says about each frame, given keys: protocols, and what is wrong with it."""
    program = needs_tshark()
    capture, home = folder / "air.pcap", folder / "home"
    write_pcap(capture, frames)
    settings = home / ".config" / "wireshark"
    settings.mkdir(parents=True, exist_ok=True)
    rows = [f'"{key.hex(":")}","Normal","key {n}"' for n, key in enumerate(keys)]
    (settings / "zigbee_pc_keys").write_text("\n".join(rows) + "\n", encoding="ascii")
    fields = ["frame.number", "frame.protocols", "_ws.malformed", "_ws.expert.message", "wpan.fcs_ok"]
    fields += ["wpan.cmd", "zbee_nwk.cmd.id", "zbee_aps.cmd.id", "zbee_aps.type"]
    done = subprocess.run(
        [program, "-r", str(capture), "-T", "fields", "-E", "separator=|"]
        + [argument for name in fields for argument in ("-e", name)],
        env={**os.environ, "HOME": str(home), "XDG_CONFIG_HOME": str(home / ".config")},
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    return [dict(zip(fields, line.split("|"), strict=False)) for line in done.stdout.splitlines()]
