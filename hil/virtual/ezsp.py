"""EZSP frames: headers of every format, and the conversation that begins with `version`.

Three header formats are understood: legacy (versions up to 4, and every `version` command
of a host that does not know yet), padded (5 to 7) and extended (8 and later). An answer
has the format of its command. Source: UG100 (reference: radio-stack 5.3).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import Enum
from typing import Any, Final

from gbcs.errors import ParseError

from .ezsp_rows import DEFAULT_VERSION, Frame, frames
from .ezsp_status_rows import FrameError, Refusal
from .ezsp_types import SL_VERSION, Values

STACK_TYPE: Final = 2  # mesh
RESPONSE: Final = 0x80  # low octet of the frame control
NETWORK_INDEX: Final = 0x60
SYNCHRONOUS: Final = 0x08
ASYNCHRONOUS: Final = 0x10
PENDING: Final = 0x04
TRUNCATED: Final = 0x02
OVERFLOW: Final = 0x01
FORMAT_MASK: Final = 0x03  # high octet
FORMAT_EXTENDED: Final = 0x01
SECURED: Final = 0x80
PADDED_MARK: Final = 0xFF

# EZSP version -> the stack it comes with: major, minor, patch (radio-stack 11)
RELEASES: Final = {
    13: (7, 4, 5),
    14: (8, 0, 3),
    16: (8, 1, 1),
    17: (8, 2, 0),
    18: (9, 0, 0),
    19: (9, 1, 1),
}


class Format(Enum):
    """Of a header."""

    LEGACY = "legacy"
    PADDED = "padded"
    EXTENDED = "extended"


@dataclass(frozen=True, slots=True)
class Header:
    """What identifies a command, and its answer with it."""

    sequence: int
    control: int
    format: Format
    frame_id: int


@dataclass(frozen=True, slots=True)
class Command:
    """A command whose arguments could be read."""

    header: Header
    frame: Frame
    arguments: Values


@dataclass(frozen=True, slots=True)
class BadCommand:
    """A command to be answered with `invalidCommand`."""

    header: Header
    error: FrameError


class Session:
    """The frames of one host since the last reset.

    `overflow`: callbacks were lost; the next frame says so, once.
    """

    def __init__(self, version: int = DEFAULT_VERSION) -> None:
        self.frames: Final = frames(version)
        self.version_set = False
        self.overflow = False
        self.pending = False
        self._last = Header(0, 0, Format.EXTENDED, 0)

    @property
    def version(self) -> int:
        """The version this dongle speaks."""
        return self.frames.version

    def parse(self, octets: bytes) -> Command | BadCommand | None:
        """Read a frame of the host. None for one too short to be answered."""
        found = _header(octets)
        if found is None:
            return None
        header, offset = found
        if header.control & RESPONSE:
            return BadCommand(header, FrameError.WRONG_DIRECTION)
        frame = self.frames.by_id.get(header.frame_id)
        is_version = frame is not None and frame.name == "version"
        if header.format is Format.EXTENDED and octets[2] & SECURED:
            return BadCommand(header, FrameError.UNSUPPORTED_CONTROL)
        if not is_version and not self.version_set:
            return BadCommand(header, FrameError.VERSION_NOT_SET)
        if frame is None or frame.request is None:
            return BadCommand(header, FrameError.INVALID_FRAME_ID)
        if header.format is not Format.EXTENDED and not is_version:
            # A host of an old version that went on after it was told ours
            return BadCommand(header, FrameError.UNSUPPORTED_CONTROL)
        try:
            arguments, _ = frame.request.read(octets, offset)
        except ParseError:
            return BadCommand(header, FrameError.INVALID_VALUE)
        return Command(header, frame, arguments)

    def negotiate(self, desired: int) -> Values:
        """Answer of `version`. Only with our own version may the host go on (UG100, version)."""
        self.version_set = desired == self.version
        return {
            "version": self.version,
            "stack_type": STACK_TYPE,
            "stack_version": stack_version(self.version),
        }

    def respond(self, header: Header, frame: Frame, values: Mapping[str, Any]) -> bytes:
        """The answer to a command. Raises BuildError for values that do not fit."""
        self._last = header
        return self._header(header, frame.id, RESPONSE) + frame.response.write(values)

    def refuse(self, bad: BadCommand) -> bytes:
        """The answer to a command that cannot be executed.

        Before version 14 it names the fault; from there on sl_Status has one number for all
        (the vendor's reference does not say which; unsure).
        """
        invalid = self.frames.by_name["invalidCommand"]
        status = bad.error if self.version < SL_VERSION else Refusal.EZSP_ERROR
        return self.respond(bad.header, invalid, {"status": status})

    def callback(self, name: str, values: Mapping[str, Any]) -> bytes:
        """A callback by itself: sequence number and network of the last answer, always extended."""
        frame = self.frames.by_name[name]
        header = replace(self._last, format=Format.EXTENDED)
        return self._header(header, frame.id, RESPONSE | ASYNCHRONOUS) + frame.response.write(values)

    def answer_callback(self, header: Header, name: str, values: Mapping[str, Any]) -> bytes:
        """A callback, or `noCallbacks`, as the answer to the command `callback`."""
        frame = self.frames.by_name[name]
        self._last = header
        return self._header(header, frame.id, RESPONSE | SYNCHRONOUS) + frame.response.write(values)

    def _header(self, header: Header, frame_id: int, control: int) -> bytes:
        control |= header.control & NETWORK_INDEX
        control |= OVERFLOW if self.overflow else 0
        control |= PENDING if self.pending else 0
        self.overflow = False
        start = bytes((header.sequence, control))
        match header.format:
            case Format.LEGACY:
                return start + bytes((frame_id & 0xFF,))
            case Format.PADDED:
                return start + bytes((PADDED_MARK, 0, frame_id & 0xFF))
            case _:
                return start + bytes((FORMAT_EXTENDED,)) + frame_id.to_bytes(2, "little")


def stack_version(version: int) -> int:
    """The number that `version` answers for the stack, four bits a part."""
    major, minor, patch = RELEASES[version]
    return major << 12 | minor << 8 | patch << 4


def _header(octets: bytes) -> tuple[Header, int] | None:
    if len(octets) < 3:
        return None
    sequence, control, third = octets[:3]
    if third == PADDED_MARK:
        if len(octets) < 5:
            return None
        return Header(sequence, control, Format.PADDED, octets[4]), 5
    # `version` in the legacy format has id 0 here; no other legacy frame is answered, so that
    # a third octet with the bits of the extended format always means that format.
    if third & FORMAT_MASK == FORMAT_EXTENDED and len(octets) >= 5:
        return Header(sequence, control, Format.EXTENDED, int.from_bytes(octets[3:5], "little")), 5
    return Header(sequence, control, Format.LEGACY, third), 3
