"""Frames of a simulated air through Wireshark's dissectors: the independent judge."""

from __future__ import annotations

import os
import shutil
import struct
import subprocess
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple
from xml.etree import ElementTree

import pytest

from hil.virtual.aps_frames import ApsHeader, ApsType, Delivery
from hil.virtual.mac_frames import MacAddress, MacFrame, MacType
from hil.virtual.nwk_frames import NwkFrame, NwkType
from smets.han.zcl import PROFILE_SE

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


class ZclField(NamedTuple):
    """A field as tshark reads it: its name without `zbee_zcl_se.`, octets of the ZCL frame, what it shows."""

    name: str
    offset: int
    size: int
    show: str
    text: str


class ZclPacket(NamedTuple):
    """What tshark makes of a ZCL frame of a Smart Energy cluster."""

    fields: tuple[ZclField, ...]
    malformed: bool


def zcl_on_air(cluster: int, octets: bytes) -> bytes:
    """A frame with FCS that carries a ZCL frame, unprotected."""
    header = ApsHeader(ApsType.DATA, Delivery.UNICAST, 1, 1, 0, cluster, PROFILE_SE, 1)
    nwk = NwkFrame(NwkType.DATA, 0, 0x1234, 30, 7, b"", secured=False)
    ends = (MacAddress(0x1A62, 0), MacAddress(0x1A62, 0x1234))
    return MacFrame(MacType.DATA, *ends, nwk.header() + header.octets() + octets, 5).octets()


def dissect_zcl(folder: Path, frames: Iterable[tuple[int, bytes]]) -> list[ZclPacket]:
    """What tshark makes of ZCL frames, each with its cluster: the fields in their order, without masks."""
    program, capture = needs_tshark(), folder / "zcl.pcap"
    write_pcap(capture, ((11, n, zcl_on_air(*frame)) for n, frame in enumerate(frames)))
    done = subprocess.run(
        [program, "-r", str(capture), "-T", "pdml"],
        env={**os.environ, "HOME": str(folder), "XDG_CONFIG_HOME": str(folder), "TZ": "UTC"},
        capture_output=True,
        check=True,
        timeout=120,
    )
    return [_zcl_packet(packet) for packet in ElementTree.fromstring(done.stdout).iter("packet")]


def _zcl_packet(packet: ElementTree.Element) -> ZclPacket:
    protocols = {protocol.get("name"): protocol for protocol in packet.iter("proto")}
    frame = protocols["zbee_zcl"]
    start = int(frame.get("pos", ""))
    fields: dict[int, ZclField] = {}
    for field in frame.iter("field"):
        _, _, name = field.get("name", "").partition("zbee_zcl_se.")
        offset = int(field.get("pos", "")) - start
        if name and offset not in fields:  # behind the first come the bits it has
            text = field.get("showname", "").strip()
            fields[offset] = ZclField(name, offset, int(field.get("size", "")), field.get("show", ""), text)
    return ZclPacket(tuple(fields.values()), "_ws.malformed" in protocols)
