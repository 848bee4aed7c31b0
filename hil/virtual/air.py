"""The simulated air: who hears a frame, when, and what has become of it on the way.

Everything is decided by the seed and the order of frames. In real pace a frame lasts its
octets at 250 kbit/s and waits while the channel is in use; without, it arrives at once.
A link may lose, delay, double and spoil what crosses it. Source: IEEE 802.15.4-2003 6.5.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, replace
from random import Random
from typing import Any, Protocol

from gbcs.errors import BuildError

from .mac_frames import ACK_REQUEST, TYPE_MASK, MacType

OCTET_US = 32  # at 250 kbit/s
PREAMBLE_OCTETS = 6  # preamble, delimiter, length
TURNAROUND_US = 192
ACK_US = (PREAMBLE_OCTETS + 5) * OCTET_US
MARGIN_US = 320  # rest of macAckWaitDuration
ACK_LENGTH = 5
DEFAULT_NOISE_DBM = -95


@dataclass(frozen=True, slots=True)
class Link:
    """One direction between two radios.

    Loss, duplication: parts of frames. Bit errors: of bits. Delay: one way, plus up to the jitter;
    frames of a link do not overtake each other. `reach`: whether anything is heard at all.
    """

    loss: float = 0.0
    delay_us: int = 0
    jitter_us: int = 0
    duplication: float = 0.0
    bit_errors: float = 0.0
    reach: bool = True
    lqi: int = 255
    rssi: int = -40

    def __post_init__(self) -> None:
        for name in ("loss", "duplication", "bit_errors"):
            if not 0 <= getattr(self, name) <= 1:
                raise BuildError("a part from 0 to 1", name)
        if self.delay_us < 0 or self.jitter_us < 0:
            raise BuildError("no negative time", "delay")


class Station(Protocol):
    """A radio on the air."""

    @property
    def channel(self) -> int: ...
    @property
    def listening(self) -> bool: ...
    @property
    def sniffing(self) -> bool: ...
    def receive(self, now: int, mpdu: bytes, lqi: int, rssi: int) -> None: ...


Tap = Callable[[int, int, bytes], None]  # channel, start in microseconds, octets with FCS


class Air:
    """Channels shared by stations. `paced`: frames last as long as they do on a real one."""

    def __init__(self, seed: int | str = 0, link: Link | None = None, paced: bool = False) -> None:
        self.paced = paced
        self.default = link or Link()
        self.noise: dict[int, int] = {}
        self.taps: list[Tap] = []
        self._random = Random(f"air/{seed}")
        self._stations: list[Station] = []
        self._links: dict[tuple[int, int], Link] = {}
        self._busy: dict[int, int] = {}
        self._last: dict[tuple[int, int], int] = {}
        self._heap: list[tuple[int, int, Station, int, bytes, Link]] = []
        self._order = 0
        self._asked: dict[tuple[int, int], Station] = {}  # who waits for the acknowledgement of whom

    def add(self, station: Station) -> None:
        """One more radio."""
        self._stations.append(station)

    def remove(self, station: Station) -> None:
        """A radio less; frames on their way to it are lost."""
        self._stations.remove(station)
        self._heap = [entry for entry in self._heap if entry[2] is not station]
        heapq.heapify(self._heap)

    def set_link(self, sender: Station, receiver: Station, link: Link, both: bool = True) -> None:
        """How frames from one to the other fare; `both`: and back."""
        self._links[id(sender), id(receiver)] = link
        if both:
            self._links[id(receiver), id(sender)] = link

    def link(self, sender: Station, receiver: Station) -> Link:
        """How frames from one to the other fare."""
        return self._links.get((id(sender), id(receiver)), self.default)

    def energy(self, channel: int) -> int:
        """The strongest signal on a channel when nobody talks, in dBm."""
        return self.noise.get(channel, DEFAULT_NOISE_DBM)

    # --- frames

    def transmit(self, now: int, sender: Station, channel: int, mpdu: bytes) -> tuple[int, int]:
        """Put a frame on air; returns when it ends, and until when an acknowledgement may come."""
        is_ack = len(mpdu) == ACK_LENGTH and mpdu[0] & TYPE_MASK == MacType.ACK
        wants_ack = len(mpdu) >= ACK_LENGTH and bool(mpdu[0] & ACK_REQUEST) and not is_ack
        start = now
        end = now
        if self.paced:
            start = now + TURNAROUND_US if is_ack else max(now, self._busy.get(channel, 0))
            end = start + (PREAMBLE_OCTETS + len(mpdu)) * OCTET_US
            busy = end + TURNAROUND_US + (ACK_US if wants_ack else 0)
            self._busy[channel] = max(self._busy.get(channel, 0), busy)
        for tap in self.taps:
            tap(channel, start, mpdu)
        slowest = 0
        only = self._asked.pop((id(sender), mpdu[2]), None) if is_ack else None
        for station in self._stations:
            if station is sender:
                continue
            link = self.link(sender, station)
            slowest = max(slowest, link.delay_us + link.jitter_us)
            # The address of an acknowledgement is its moment. On a real channel nobody else could be
            # waiting then; here many may be, at the same one.
            if only is None or station is only or station.sniffing:
                self._send_over(link, sender, station, channel, end, mpdu)
        answer = end + TURNAROUND_US + ACK_US + MARGIN_US + 2 * slowest
        if wants_ack:
            answer = max(answer, self._busy.get(channel, 0))
        return end, answer

    def _send_over(
        self, link: Link, sender: Station, station: Station, channel: int, end: int, mpdu: bytes
    ) -> None:
        if not link.reach or self._random.random() < link.loss:
            return
        copies = 2 if link.duplication and self._random.random() < link.duplication else 1
        for _ in range(copies):
            delay = link.delay_us + (self._random.randrange(link.jitter_us + 1) if link.jitter_us else 0)
            path = (id(sender), id(station))
            due = max(end + delay, self._last.get(path, 0))
            self._last[path] = due
            octets = self._spoil(mpdu, link.bit_errors) if link.bit_errors else mpdu
            heapq.heappush(self._heap, (due, self._order, station, channel, octets, link))
            self._order += 1
        if len(mpdu) >= ACK_LENGTH and mpdu[0] & ACK_REQUEST:
            self._asked[id(station), mpdu[2]] = sender

    def _spoil(self, mpdu: bytes, rate: float) -> bytes:
        octets = bytearray(mpdu)
        for place in range(len(octets)):
            for bit in range(8):
                if self._random.random() < rate:
                    octets[place] ^= 1 << bit
        return bytes(octets)

    @property
    def next_deadline(self) -> int | None:
        """When the next frame arrives somewhere."""
        return self._heap[0][0] if self._heap else None

    def deliver_next(self, now: int) -> Station | None:
        """Let one frame arrive that is due; returns who heard it, None if nobody was listening."""
        if not self._heap or self._heap[0][0] > now:
            return None
        _, _, station, channel, octets, link = heapq.heappop(self._heap)
        if station.channel != channel or not station.listening:
            return None
        station.receive(now, octets, link.lqi, link.rssi)
        return station


_UNITS: Mapping[str, tuple[str, float]] = {"delay_ms": ("delay_us", 1000), "jitter_ms": ("jitter_us", 1000)}


def parse_link(text: str, base: Link | None = None) -> Link:
    """A link from `loss=0.2&delay_ms=5`: names of `Link`, times also in milliseconds. Raises BuildError."""
    values: dict[str, Any] = {}
    known = {field.name for field in fields(Link)}
    for part in filter(None, text.split("&")):
        name, equals, value = part.partition("=")
        name, factor = _UNITS.get(name, (name, 1))
        if not equals or name not in known or name == "reach":
            raise BuildError(f"{part!r} is not one of {', '.join(sorted(known - {'reach'}))}", "air")
        try:
            number = float(value) * factor
        except ValueError:
            raise BuildError(f"{value!r} is no number", name) from None
        values[name] = number if isinstance(getattr(Link(), name), float) else round(number)
    return replace(base or Link(), **values)
