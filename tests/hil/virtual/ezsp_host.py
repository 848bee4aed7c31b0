"""A host without I/O for tests: ASH and EZSP in a few lines, on a dongle with nobody else on the air."""

from __future__ import annotations

from typing import Any, NamedTuple

from hil.virtual import ash
from hil.virtual.ash import frame, randomise, unstuffed
from hil.virtual.dongle import Dongle
from hil.virtual.ezsp_rows import DEFAULT_VERSION
from hil.virtual.ncp import DongleSettings
from hil.virtual.node import Node
from hil.virtual.node_api import Listener, NodeApi
from hil.virtual.state import Persistent

EUI64 = 0x00_0D_6F_00_0A_0B_0C_0D


class Lonely:
    """An attachment to an air on which nobody else is."""

    def __init__(self, node: NodeApi, listener: Listener) -> None:
        self.node = node
        self.listener = listener
        self.clock = 0

    def now(self) -> int:
        return self.clock

    def flush(self) -> None:
        self.node.take_frames()
        for event in self.node.take_events():
            self.listener(event)

    def detach(self) -> None:
        pass


def lone_dongle(version: int = DEFAULT_VERSION, settings: DongleSettings | None = None) -> Dongle:
    """A stick as it comes out of the box."""
    return Dongle(
        lambda listener: Lonely(Node(Persistent(EUI64)), listener),
        settings or DongleSettings(version=version),
    )


class Answer(NamedTuple):
    """A frame of the dongle in the extended format."""

    sequence: int
    control: int
    frame_id: int
    body: bytes


class Host:
    """The other end of the line."""

    def __init__(self, dongle: Dongle) -> None:
        self.dongle = dongle
        self.sequence = 0
        self.now = 0
        self.forget()

    @classmethod
    def started(cls, version: int = DEFAULT_VERSION, settings: DongleSettings | None = None) -> Host:
        host = cls(lone_dongle(version, settings))
        host.reset()
        host.say_version()
        return host

    def forget(self) -> None:
        self.expected = self.number = 0

    def reset(self) -> None:
        self.dongle.receive(bytes([ash.CANCEL]) + frame(ash.RST), self.now)
        assert self.take() == ["reset"]
        self.forget()

    def say_version(self) -> None:
        version = self.dongle.session.version
        self.exchange_octets(bytes((0, 0, 0, version)))

    def restart(self) -> None:
        self.reset()
        self.say_version()

    def pass_time(self, microseconds: int) -> None:
        self.now += microseconds
        attachment = self.dongle.ncp.attachment
        assert isinstance(attachment, Lonely)
        attachment.clock += microseconds

    def take(self) -> list[Any]:
        """The EZSP frames that have come, and "reset" for each RSTACK; all are acknowledged."""
        found: list[Any] = []
        while octets := self.dongle.output(self.now):
            for part in octets.split(bytes([ash.FLAG]))[:-1]:
                plain = unstuffed(part)
                assert plain is not None
                if plain[0] == ash.RSTACK:
                    found.append("reset")
                elif plain[0] < 0x80:
                    assert plain[0] >> 4 == self.expected
                    self.expected = (self.expected + 1) % 8
                    found.append(randomise(plain[1:-2]))
            if found and found[-1] != "reset":
                self.dongle.receive(frame(ash.ACK | self.expected), self.now)
        return found

    def take_frames(self) -> list[Answer]:
        return [answer(octets) for octets in self.take()]

    def send_octets(self, octets: bytes) -> list[Any]:
        control = self.number << 4 | self.expected
        self.number = (self.number + 1) % 8
        self.dongle.receive(frame(control, randomise(octets)), self.now)
        return self.take()

    def exchange_octets(self, octets: bytes) -> bytes:
        first, *rest = self.send_octets(octets)
        assert rest == []
        assert isinstance(first, bytes)
        return first

    def exchange(self, frame_id: int, body: bytes) -> Answer:
        """A command; callbacks that follow are dropped."""
        octets = bytes((self.sequence, 0, 1)) + frame_id.to_bytes(2, "little") + body
        first = answer(self.send_octets(octets)[0])
        assert first.sequence == self.sequence
        self.sequence = (self.sequence + 1) % 256
        return first

    def octets_of(self, name: str, **values: Any) -> bytes:
        row = self.dongle.session.frames.by_name[name]
        assert row.request is not None
        return bytes((self.sequence, 0, 1)) + row.id.to_bytes(2, "little") + row.request.write(values)

    def command(self, name: str, **values: Any) -> dict[str, Any]:
        row = self.dongle.session.frames.by_name[name]
        found = self.exchange(row.id, self.octets_of(name, **values)[5:])
        assert found.frame_id == row.id
        read, end = row.response.read(found.body)
        assert end == len(found.body)
        return read


def answer(octets: bytes) -> Answer:
    assert octets[2] == 1
    return Answer(octets[0], octets[1], int.from_bytes(octets[3:5], "little"), octets[5:])
