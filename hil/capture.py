"""Captures for Wireshark: pcapng with IEEE 802.15.4 TAP packets, and the file of keys to read them.

Source: draft-ietf-opsawg-pcapng, IEEE 802.15.4 TAP link type specification (link type 283).
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import IO, Final

from gbcs.layout import Layout, const, u16le, u32le

LINK_TYPE: Final = 283
_SECTION, _INTERFACE, _PACKET = 0x0A0D0D0A, 1, 6
_MICROSECONDS: Final = 6  # if_tsresol, powers of ten

_SECTION_BODY = Layout(
    "section header block",
    const("magic", 0x1A2B3C4D.to_bytes(4, "little")),
    const("version", b"\1\0\0\0"),
    const("length", b"\xff" * 8),  # not given
)
# Two options: the unit of times, and the end of options
_INTERFACE_BODY = Layout(
    "interface description block",
    const("link type", LINK_TYPE.to_bytes(2, "little")),
    const("reserved", bytes(2)),
    const("snap length", bytes(4)),
    const("if_tsresol", bytes((9, 0, 1, 0, _MICROSECONDS, 0, 0, 0))),
    const("opt_endofopt", bytes(4)),
)
_BLOCK = Layout("block", u32le("type"), u32le("length"))
_PACKET_HEAD = Layout(
    "enhanced packet block",
    const("interface", bytes(4)),
    u32le("time, high"),
    u32le("time, low"),
    u32le("captured length"),
    u32le("original length"),
)
# Two items: the check sequence has 16 bits; the channel, as a number and a page
_TAP = Layout(
    "tap header",
    const("version", bytes(2)),
    const("length", b"\x14\0"),
    const("FCS type", b"\0\0\1\0\1\0\0\0"),
    const("channel assignment", b"\3\0\3\0"),
    u16le("channel"),
    const("page", bytes(2)),
)


class Capture:
    """Writes frames into a pcapng file that is whole after every frame.

    `start`: microseconds of UNIX time of the first frame. Raises OSError.
    """

    def __init__(self, path: Path, start: int = 0) -> None:
        self._file: IO[bytes] = path.open("wb")
        self._start = start
        self._zero: int | None = None
        self.frames = 0
        self._block(_SECTION, _SECTION_BODY.pack())
        self._block(_INTERFACE, _INTERFACE_BODY.pack())

    def add(self, channel: int, time: int, mpdu: bytes) -> None:
        """One frame with its check sequence, and when it began, in microseconds."""
        packet = _TAP.pack(channel) + mpdu
        if self._zero is None:
            self._zero = time
        at = self._start + time - self._zero
        size = len(packet)
        head = _PACKET_HEAD.pack(at >> 32, at & 0xFFFFFFFF, size, size)
        self._block(_PACKET, head + packet + bytes(-len(packet) % 4))
        self.frames += 1

    def close(self) -> None:
        """No more frames."""
        self._file.close()

    def _block(self, kind: int, body: bytes) -> None:
        head = _BLOCK.pack(kind, len(body) + 12)
        self._file.write(head + body + head[4:])
        self._file.flush()


class KeyFile:
    """Keys as records of Wireshark's `zigbee_pc_keys` table; only its owner may read it. Raises OSError."""

    def __init__(self, path: Path) -> None:
        self._file: IO[str] = os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w")
        os.fchmod(self._file.fileno(), 0o600)  # also where it was there before
        self._keys: set[bytes] = set()

    def add(self, key: bytes, label: str) -> None:
        """One record; a key that is there already is passed over."""
        if key in self._keys:
            return
        self._keys.add(key)
        plain = "".join(x if x.isascii() and (x.isalnum() or x in "-.") else "_" for x in label)
        self._file.write(f'"{key.hex(":")}","Normal","{plain}"\n')
        self._file.flush()

    def close(self) -> None:
        """No more keys."""
        self._file.close()
