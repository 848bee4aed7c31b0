"""ASH version 2, the side of the network co-processor: frames over a byte pipe, without I/O.

`AshNcp` is given octets and the time (microseconds) and answers with EZSP frames and resets;
`output` gives the octets to be sent. It frames, stuffs, randomises, checks, acknowledges,
rejects and repeats. Source: UG101 (reference: radio-stack 5.1).
"""

from __future__ import annotations

import binascii
import re
from collections import deque
from dataclasses import dataclass, field, fields
from enum import IntEnum
from typing import Final

from gbcs.errors import BuildError

FLAG: Final = 0x7E
ESCAPE: Final = 0x7D
XON: Final = 0x11
XOFF: Final = 0x13
SUBSTITUTE: Final = 0x18
CANCEL: Final = 0x1A
RESERVED: Final = frozenset((FLAG, ESCAPE, XON, XOFF, SUBSTITUTE, CANCEL))
FLIP: Final = 0x20  # what an escaped octet is changed by

RST: Final = 0xC0
RSTACK: Final = 0xC1
ERROR: Final = 0xC2
ACK: Final = 0x80
NAK: Final = 0xA0
RETRANSMITTED: Final = 0x08  # in a DATA control octet
NOT_READY: Final = 0x08  # in an ACK or NAK control octet
ASH_VERSION: Final = 2
MAX_DATA: Final = 256  # octets of an EZSP frame; the newest firmware allows 220
SEQUENCE: Final = 8  # frame numbers are modulo this


class ResetCode(IntEnum):
    """Why the co-processor reset or failed, in RSTACK and ERROR."""

    UNKNOWN = 0x00
    EXTERNAL = 0x01
    POWER_ON = 0x02
    WATCHDOG = 0x03
    ASSERT = 0x06
    BOOTLOADER = 0x09
    SOFTWARE = 0x0B
    ACK_TIMEOUTS = 0x51


@dataclass(frozen=True, slots=True)
class AshSettings:
    """Times in microseconds. Defaults of UG101, where it names one.

    `window`: DATA frames outstanding (1 to 7). `ack_timeouts`: consecutive ones before the
    link has failed; 0 never fails. `software_flow`: obey XON and XOFF; without it both are
    ignored, as on a stick with RTS/CTS, so that line noise cannot stop the output for good.
    `queue`: frames that may wait; a callback that finds the queue full is lost (EZSP overflow).
    """

    window: int = 5
    ack_delay: int = 20_000
    ack_wait: int = 1_600_000
    ack_wait_min: int = 400_000
    ack_wait_max: int = 3_200_000
    ack_timeouts: int = 4
    host_not_ready: int = 1_000_000
    software_flow: bool = False
    queue: int = 256

    def __post_init__(self) -> None:
        if not 1 <= self.window < SEQUENCE:
            raise BuildError("1 to 7", "window")


@dataclass(slots=True)
class AshCounters:
    """What happened on the line since power-on."""

    data_in: int = 0
    data_out: int = 0
    repeated_in: int = 0
    repeated_out: int = 0
    bad_crc: int = 0
    bad_frames: int = 0  # too short, too long, wrong stuffing, unknown control octet
    bad_acknowledgements: int = 0
    out_of_sequence: int = 0
    cancelled: int = 0
    substituted: int = 0
    naks_in: int = 0
    naks_out: int = 0
    timeouts: int = 0
    resets: int = 0
    failures: int = 0
    overflows: int = 0

    def as_dict(self) -> dict[str, int]:
        """By name."""
        return {f.name: getattr(self, f.name) for f in fields(self)}


@dataclass(frozen=True, slots=True)
class HostReset:
    """The host asked for a reset (RST). The answer is `AshNcp.reset`."""


AshEvent = bytes | HostReset


def _sequence(length: int) -> bytes:
    """The pseudo-random octets that DATA fields are mixed with: a shift register from 42."""
    octets = bytearray()
    state = 0x42
    for _ in range(length):
        octets.append(state)
        state = state >> 1 ^ (0xB8 if state & 1 else 0)
    return bytes(octets)


_CONTROL_OCTETS: Final = re.compile(rb"([\x7e\x11\x13\x18\x1a])")
_TO_STUFF: Final = re.compile(rb"[\x7e\x7d\x11\x13\x18\x1a]")
_RANDOM: Final = _sequence(MAX_DATA)
_MIXED: Final = int.from_bytes(_RANDOM, "big")


def randomise(data: bytes) -> bytes:
    """Mix a DATA field with the fixed sequence, or take it out again. Raises BuildError."""
    length = len(data)
    if length > MAX_DATA:
        raise BuildError(f"at most {MAX_DATA} octets", "ASH data")
    return (int.from_bytes(data, "big") ^ _MIXED >> 8 * (MAX_DATA - length)).to_bytes(length, "big")


def frame(control: int, data: bytes = b"") -> bytes:
    """One frame on the line: control and data with CRC, stuffed, closed by a flag."""
    octets = bytes((control,)) + data
    octets += binascii.crc_hqx(octets, 0xFFFF).to_bytes(2, "big")
    return _TO_STUFF.sub(lambda found: bytes((ESCAPE, found[0][0] ^ FLIP)), octets) + b"\x7e"


def unstuffed(octets: bytes) -> bytes | None:
    """The octets between two flags without stuffing; None where the stuffing is wrong."""
    if ESCAPE not in octets:
        return octets
    plain = bytearray()
    escaped = False
    for octet in octets:
        if escaped:
            octet ^= FLIP
            if octet not in RESERVED:
                return None
            plain.append(octet)
            escaped = False
        elif octet == ESCAPE:
            escaped = True
        else:
            plain.append(octet)
    return None if escaped else bytes(plain)


class Deframer:
    """Octets from the line, in pieces of any size, to the octets between flags.

    CANCEL drops what came since the last flag, SUBSTITUTE also what comes up to the next one.
    """

    __slots__ = ("_buffer", "_counters", "_damaged", "_on_flow")

    # control, data and CRC, each octet stuffed
    LIMIT: Final = 2 * (MAX_DATA + 3)

    def __init__(self, counters: AshCounters) -> None:
        self._counters = counters
        self._buffer = bytearray()
        self._damaged = False
        self._on_flow: bool | None = None

    def feed(self, octets: bytes) -> list[bytes]:
        """The stuffed contents of the frames that are complete now; empty ones are left out."""
        complete = []
        buffer = self._buffer
        # Runs of plain octets, with a control octet after each but the last
        parts = _CONTROL_OCTETS.split(octets)
        for index, part in enumerate(parts):
            if index % 2 == 0:
                self._plain(part)
            elif part == b"\x7e":  # FLAG
                if self._damaged:
                    self._damaged = False
                elif buffer:
                    complete.append(bytes(buffer))
                buffer.clear()
            elif part == b"\x1a":  # CANCEL
                self._counters.cancelled += bool(buffer)
                self._damaged = False
                buffer.clear()
            elif part == b"\x18":  # SUBSTITUTE
                self._counters.substituted += not self._damaged
                self._damaged = True
            else:
                self._on_flow = part[0] == XON
        return complete

    def _plain(self, octets: bytes) -> None:
        if self._damaged or not octets:
            return
        self._buffer += octets
        if len(self._buffer) > self.LIMIT:
            self._counters.bad_frames += 1
            self._damaged = True
            self._buffer.clear()

    def take_flow(self) -> bool | None:
        """True or False where XON or XOFF came last since the last call, else None."""
        flow, self._on_flow = self._on_flow, None
        return flow


@dataclass(slots=True)
class _Sent:
    number: int
    data: bytes
    at: int


@dataclass(slots=True)
class _Waiting:
    data: bytes
    callback: bool


@dataclass(slots=True)
class _Session:
    """What a reset forgets."""

    wait: int
    expected: int = 0  # number of the next DATA frame from the host
    number: int = 0  # number of our next DATA frame
    rejecting: bool = False
    failed: ResetCode | None = None
    ack_due: int | None = None
    host_ready_at: int | None = None  # set while the host wants no callbacks
    consecutive: int = 0
    paused: bool = False
    unacknowledged: deque[_Sent] = field(default_factory=deque)
    queue: deque[_Waiting] = field(default_factory=deque)


class AshNcp:
    """One end of one line. All times are microseconds of one steady clock."""

    def __init__(self, settings: AshSettings | None = None) -> None:
        self.settings: Final = settings or AshSettings()
        self.counters: Final = AshCounters()
        self._deframer = Deframer(self.counters)
        self._session = _Session(self.settings.ack_wait)
        self._out = bytearray()

    @property
    def failed(self) -> bool:
        """The link has failed: every frame but RST is answered with ERROR."""
        return self._session.failed is not None

    @property
    def next_deadline(self) -> int | None:
        """When `output` wants to be called even if nothing happens."""
        session = self._session
        if session.failed is not None:
            return None
        times = [t for t in (session.ack_due, session.host_ready_at) if t is not None]
        if session.unacknowledged:
            times.append(session.unacknowledged[0].at + session.wait)
        return min(times, default=None)

    def receive(self, octets: bytes, now: int) -> list[AshEvent]:
        """Take octets from the line in pieces of any size.

        The EZSP frames they complete, each once and in order, and the host's resets. After a
        reset only frames after it are of interest.
        """
        events: list[AshEvent] = []
        for content in self._deframer.feed(octets):
            event = self._frame(content, now)
            if event is not None:
                events.append(event)
        flow = self._deframer.take_flow()
        if flow is not None and self.settings.software_flow:
            self._session.paused = not flow
        return events

    def reset(self, code: ResetCode) -> None:
        """Forget the session, as by a reset for this reason, and announce it (RSTACK)."""
        self.counters.resets += 1
        self._session = _Session(self.settings.ack_wait)
        self._out = bytearray(frame(RSTACK, bytes((ASH_VERSION, code))))

    def send(self, data: bytes, callback: bool = False) -> bool:
        """Queue an EZSP frame. False: it is lost, as the queue is full or the link has failed."""
        session = self._session
        if session.failed is not None:
            return False
        if callback and len(session.queue) >= self.settings.queue:
            self.counters.overflows += 1
            return False
        session.queue.append(_Waiting(data, callback))
        return True

    def output(self, now: int) -> bytes:
        """The octets to send at this time: frames that fit the window, repeats, acknowledgements."""
        session = self._session
        if session.failed is None:
            self._time(now)
        if session.failed is None and not session.paused:
            self._fill(now)
            if session.ack_due is not None and session.ack_due <= now:
                self._acknowledge()
        octets = bytes(self._out)
        self._out.clear()
        return octets

    def hang_up(self) -> None:
        """The pipe is gone: octets of half a frame and those not sent yet are lost."""
        self._deframer = Deframer(self.counters)
        self._out.clear()

    # What comes in

    def _frame(self, content: bytes, now: int) -> AshEvent | None:
        octets = unstuffed(content)
        control = content[0] if octets is None else octets[0] if octets else RST
        if octets is None or len(octets) < 3:
            self.counters.bad_frames += 1
            self._bad(control)
            return None
        if binascii.crc_hqx(octets[:-2], 0xFFFF) != int.from_bytes(octets[-2:], "big"):
            self.counters.bad_crc += 1
            self._bad(control)
            return None
        data = octets[1:-2]
        if control == RST and not data:
            return HostReset()
        if self._session.failed is not None:
            self._fail(self._session.failed)
            return None
        if control < ACK:
            return self._data(control, data, now)
        if control & 0xC0 == ACK and not data:
            self._acknowledgement(control, now)
        else:
            self.counters.bad_frames += 1
        return None

    def _bad(self, control: int) -> None:
        """A frame that cannot be read: only if it seems to be DATA is it asked for again."""
        if self._session.failed is not None:
            self._fail(self._session.failed)
        elif control < ACK:
            self._reject()

    def _data(self, control: int, data: bytes, now: int) -> bytes | None:
        session = self._session
        number, repeated = control >> 4 & 7, bool(control & RETRANSMITTED)
        if not self._acknowledged(control & 7, now):
            self._reject()
            return None
        if number != session.expected:
            self.counters.out_of_sequence += 1
            if repeated:
                # The host has not heard that we have it: say so at once.
                session.ack_due = now
            else:
                self._reject()
            return None
        if len(data) > MAX_DATA:
            self.counters.bad_frames += 1
            self._reject()
            return None
        if len(session.queue) >= self.settings.queue + SEQUENCE:
            return None  # a host that reads no answers gets none for more: it may repeat it later
        self.counters.data_in += 1
        self.counters.repeated_in += repeated
        session.expected = (number + 1) % SEQUENCE
        session.rejecting = False
        if session.ack_due is None:
            session.ack_due = now + self.settings.ack_delay
        return randomise(data)

    def _acknowledgement(self, control: int, now: int) -> None:
        session = self._session
        if not self._acknowledged(control & 7, now):
            return
        if control & NOT_READY:
            session.host_ready_at = now + self.settings.host_not_ready
        else:
            session.host_ready_at = None
        if control & 0xE0 == NAK:
            self.counters.naks_in += 1
            self._repeat(now)

    def _acknowledged(self, number: int, now: int) -> bool:
        """Take note of a frame number the host expects; False if it cannot expect it."""
        session = self._session
        first = session.unacknowledged[0].number if session.unacknowledged else session.number
        count = (number - first) % SEQUENCE
        if count > len(session.unacknowledged):
            self.counters.bad_acknowledgements += 1
            return False
        for _ in range(count):
            sent = session.unacknowledged.popleft()
            session.consecutive = 0
            session.wait = self._bounded(session.wait * 7 // 8 + (now - sent.at) // 2)
        if count and session.unacknowledged:
            # The timer runs for the oldest frame, from when it has become the oldest.
            session.unacknowledged[0].at = now
        return True

    def _reject(self) -> None:
        session = self._session
        if not session.rejecting:
            session.rejecting = True
            session.ack_due = None
            self.counters.naks_out += 1
            self._out += frame(NAK | session.expected)

    # What goes out

    def _time(self, now: int) -> None:
        session = self._session
        if session.host_ready_at is not None and session.host_ready_at <= now:
            session.host_ready_at = None
        if not session.unacknowledged or session.unacknowledged[0].at + session.wait > now:
            return
        self.counters.timeouts += 1
        session.consecutive += 1
        if self.settings.ack_timeouts and session.consecutive >= self.settings.ack_timeouts:
            self._fail(ResetCode.ACK_TIMEOUTS)
            return
        session.wait = self._bounded(session.wait * 2)
        self._repeat(now)

    def _repeat(self, now: int) -> None:
        for sent in self._session.unacknowledged:
            sent.at = now
            self.counters.repeated_out += 1
            self._write(sent, RETRANSMITTED)

    def _fill(self, now: int) -> None:
        session = self._session
        while len(session.unacknowledged) < self.settings.window:
            waiting = self._next()
            if waiting is None:
                return
            sent = _Sent(session.number, waiting, now)
            session.number = (session.number + 1) % SEQUENCE
            session.unacknowledged.append(sent)
            self.counters.data_out += 1
            self._write(sent)

    def _next(self) -> bytes | None:
        """The next frame to send; callbacks stay behind while the host is not ready for them."""
        queue = self._session.queue
        if self._session.host_ready_at is None:
            return queue.popleft().data if queue else None
        for index, waiting in enumerate(queue):
            if not waiting.callback:
                del queue[index]
                return waiting.data
        return None

    def _write(self, sent: _Sent, flags: int = 0) -> None:
        session = self._session
        session.ack_due = None  # every DATA frame carries the acknowledgement
        self._out += frame(sent.number << 4 | flags | session.expected, randomise(sent.data))

    def _acknowledge(self) -> None:
        self._session.ack_due = None
        self._out += frame(ACK | self._session.expected)

    def _fail(self, code: ResetCode) -> None:
        session = self._session
        if session.failed is None:
            self.counters.failures += 1
            session.failed = code
            session.queue.clear()
            session.unacknowledged.clear()
        self._out += frame(ERROR, bytes((ASH_VERSION, code)))

    def _bounded(self, wait: int) -> int:
        return max(self.settings.ack_wait_min, min(wait, self.settings.ack_wait_max))
