"""The air: loss, delay, doubling, spoiling, reach and pace, by the seed."""

import asyncio
from dataclasses import dataclass, field

import pytest

from gbcs.errors import BuildError
from hil.virtual.air import Air, Link, parse_link
from hil.virtual.mac_frames import MacAddress, MacFrame, MacType, ack
from hil.virtual.node_api import Event, NodeType, StackStatus, Status
from hil.virtual.runtime import Runtime
from hil.virtual.state import Persistent

from .stacks import DEVICE_BITS, EPID, HUB, HUB_SECURITY, OPEN, Home, install_key


@dataclass(eq=False)
class Radio:
    """One that hears."""

    channel: int = 15
    listening: bool = True
    sniffing: bool = False
    heard: list[tuple[int, bytes]] = field(default_factory=list)

    def receive(self, now: int, mpdu: bytes, lqi: int, rssi: int) -> None:
        self.heard.append((now, mpdu))


FRAME = MacFrame(MacType.DATA, MacAddress(1, 2), MacAddress(1, 3), bytes(20), 9, True).octets()


def hear(air: Air, until: int = 10**9) -> None:
    while (due := air.next_deadline) is not None and due <= until:
        air.deliver_next(due)


def pair(link: Link | None = None, seed: int = 0, paced: bool = False) -> tuple[Air, Radio, Radio]:
    air, a, b = Air(seed, link, paced), Radio(), Radio()
    air.add(a)
    air.add(b)
    return air, a, b


def test_only_those_on_the_channel_hear() -> None:
    air, a, b = pair()
    deaf, elsewhere = Radio(listening=False), Radio(channel=20)
    air.add(deaf)
    air.add(elsewhere)
    air.transmit(5, a, 15, FRAME)
    hear(air)
    assert b.heard == [(5, FRAME)]
    assert a.heard == deaf.heard == elsewhere.heard == []


@pytest.mark.parametrize(("loss", "low", "high"), [(0.0, 1000, 1000), (0.2, 750, 850), (1.0, 0, 0)])
def test_loss(loss: float, low: int, high: int) -> None:
    air, a, b = pair(Link(loss=loss))
    for _ in range(1000):
        air.transmit(0, a, 15, FRAME)
    hear(air)
    assert low <= len(b.heard) <= high


def test_delay_keeps_the_order() -> None:
    air, a, b = pair(Link(delay_us=100, jitter_us=1000))
    for time in range(100):
        air.transmit(time, a, 15, FRAME[:-1] + bytes((time,)))
    hear(air)
    assert [mpdu[-1] for _, mpdu in b.heard] == list(range(100))
    assert all(100 <= time <= 1200 for time, _ in b.heard)


def test_doubling_and_bit_errors() -> None:
    air, a, b = pair(Link(duplication=1.0))
    air.transmit(0, a, 15, FRAME)
    hear(air)
    assert [mpdu for _, mpdu in b.heard] == [FRAME, FRAME]
    air, a, b = pair(Link(bit_errors=0.01))
    for _ in range(200):
        air.transmit(0, a, 15, FRAME)
    hear(air)
    flipped = sum((x ^ y).bit_count() for _, mpdu in b.heard for x, y in zip(mpdu, FRAME, strict=True))
    assert 0.007 < flipped / (200 * len(FRAME) * 8) < 0.013


def test_links_are_of_two_radios_and_may_be_one_way() -> None:
    air, a, b = pair()
    air.set_link(a, b, Link(reach=False), both=False)
    air.transmit(0, a, 15, FRAME)
    air.transmit(0, b, 15, FRAME)
    hear(air)
    assert not b.heard
    assert len(a.heard) == 1


def test_an_acknowledgement_is_for_the_one_that_waits() -> None:
    air, a, b = pair()
    bystander, sniffer = Radio(), Radio(sniffing=True)
    air.add(bystander)
    air.add(sniffer)
    air.transmit(0, a, 15, FRAME)
    hear(air)
    bystander.heard.clear()
    air.transmit(0, b, 15, ack(9, False))
    hear(air)
    assert [mpdu for _, mpdu in a.heard] == [ack(9, False)]
    assert not bystander.heard
    assert len(sniffer.heard) == 2


def test_in_real_pace_frames_last_and_wait_for_each_other() -> None:
    air, a, b = pair(paced=True)
    taps: list[int] = []
    air.taps.append(lambda channel, start, mpdu: taps.append(start))
    end, answer_by = air.transmit(0, a, 15, FRAME)
    assert end == (6 + len(FRAME)) * 32
    assert answer_by >= end + 192 + 11 * 32
    second, _ = air.transmit(0, b, 15, FRAME)
    assert second >= end + (6 + len(FRAME)) * 32
    other, _ = air.transmit(0, b, 20, FRAME)
    assert other == end
    hear(air)
    assert b.heard == [(end, FRAME)]
    assert taps[0] == taps[2] == 0


def test_the_seed_decides() -> None:
    def story(seed: int) -> list[tuple[int, bytes]]:
        air, a, b = pair(Link(0.3, 10, 100, 0.1, 0.001), seed)
        for time in range(300):
            air.transmit(time, a, 15, FRAME)
        hear(air)
        return b.heard

    assert story(1) == story(1)
    assert story(1) != story(2)


def test_reading_a_link() -> None:
    assert parse_link("") == Link()
    assert parse_link("loss=0.2&delay_ms=5&jitter_us=7&lqi=100") == Link(0.2, 5000, 7, lqi=100)
    assert parse_link("loss=0.1", Link(delay_us=3)) == Link(0.1, 3)
    for text in ("loss", "loss=x", "reach=0", "colour=1", "loss=2", "delay_ms=-1"):
        with pytest.raises(BuildError):
            parse_link(text)


def test_throughput_in_real_pace_is_that_of_the_channel() -> None:
    """1000 octets take about as long as their frames and acknowledgements last."""
    home = Home(paced=True)
    unit = home.join(0x100)
    home.run(2)
    before = home.world.now
    for number in range(10):
        done = len(unit.sent())
        unit.send(0, bytes(80))
        assert home.wait(lambda done=done: len(unit.sent()) > done)  # type: ignore[misc]
        assert number == done
    each = (home.world.now - before) / 10
    alone = 2 * (6 + 5) * 32 + (6 + 125) * 32 + (6 + 43) * 32
    assert alone < each < 2 * alone


# --- running by itself


def test_a_runtime_joins_in_the_time_of_the_loop() -> None:
    async def story() -> tuple[list[Event], int]:
        runtime = Runtime(Air(1))
        up = asyncio.Event()
        events: list[Event] = []

        def listen(event: Event) -> None:
            events.append(event)
            if event == StackStatus(Status.NETWORK_UP):
                up.set()

        hub = runtime.attach(lambda event: None, Persistent(HUB))
        device = runtime.attach(listen, Persistent(0x100))
        try:
            hub.node.set_policy(0, OPEN)
            hub.node.set_initial_security(HUB_SECURITY)
            from hil.virtual.node_api import InitialSecurity, NetworkParameters

            wanted = NetworkParameters(EPID, 0x1A62, 15)
            hub.node.form(hub.now(), wanted)
            hub.flush()
            hub.node.permit(hub.now(), 60)
            hub.node.import_transient_key(hub.now(), 0x100, install_key(0x100))
            hub.flush()
            device.node.set_initial_security(InitialSecurity(DEVICE_BITS, install_key(0x100)))
            assert device.node.join(device.now(), NodeType.ROUTER, wanted) is Status.OK
            device.flush()
            await asyncio.wait_for(up.wait(), 10)
            device.detach()
            device.detach()
            return events, device.node.node_id
        finally:
            runtime.close()

    events, node_id = asyncio.run(story())
    assert events[0] == StackStatus(Status.NETWORK_UP)
    assert node_id == 0xFFFE
