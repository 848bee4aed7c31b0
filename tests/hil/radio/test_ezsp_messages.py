"""Messages through the radio interface: acknowledged, protected, in fragments, in order."""

import asyncio

import pytest

from gbcs.ids import EntityId
from hil.radio.interface import (
    BindRequested,
    Dropped,
    DropReason,
    InterPanMessage,
    KeyTableFull,
    NodeType,
    NoLinkKey,
    NotDelivered,
    PartnerKey,
    SendTimeout,
    Sniffed,
    TooLong,
    Unreachable,
)
from smets.han.endpoints import BASIC, KEY_ESTABLISHMENT, METER
from smets.han.protection import refusal
from smets.han.zcl import ApsMessage, frame_of
from tests.hil.radio.radios import (
    CHANNEL,
    JOIN_KEY,
    LAYOUTS,
    LINK_KEY,
    VERSIONS,
    both,
    carry,
    establishment,
    event,
    join,
    lab,
    run,
    share,
    tunnel,
)

LONG = bytes(number * 7 % 256 for number in range(1200))


@pytest.mark.parametrize("version", VERSIONS)
def test_both_ways_with_and_without_the_link_key(version: int) -> None:
    async def test() -> None:
        async with lab(version) as bench:
            hub, meter = await bench.pair()
            for source, target in ((hub, meter), (meter, hub)):
                await carry(source, target, tunnel(b"protected"))
                await carry(source, target, establishment(b"not protected"))
                await carry(source, target, establishment(b"protected, too", encrypted=True))
                await carry(source, target, ApsMessage(BASIC, 3, 2, b"x", encrypted=False, profile=0x0109))
                received = await carry(source, target, establishment(b""))
                assert (received.lqi, received.rssi, received.broadcast) == (255, -40, False)

    run(test())


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("loss", ["", "loss=0.1"])
def test_long_messages_both_ways(version: int, loss: str) -> None:
    async def test() -> None:
        async with lab(version, loss) as bench:
            hub, meter = await bench.pair()
            await both(carry(hub, meter, tunnel(LONG)), carry(meter, hub, tunnel(LONG[::-1])))
            await carry(hub, meter, establishment(LONG))
            await carry(meter, hub, establishment(LONG))

    run(test())


@pytest.mark.parametrize("encrypted", [True, False])
def test_every_length_around_a_fragment(encrypted: bool) -> None:
    async def test() -> None:
        async with lab() as bench:
            hub, meter = await bench.pair()
            for length in (*range(70, 85), 140, 142, 143, 160, 161, 1600):
                await carry(hub, meter, establishment(LONG[:length].ljust(length, b"."), encrypted))
            with pytest.raises(TooLong):
                await hub.send(meter.eui64, establishment(bytes(1601), encrypted))

    run(test())


@pytest.mark.parametrize("version", LAYOUTS)
def test_a_sleepy_device_gets_long_messages(version: int) -> None:
    async def test() -> None:
        async with lab(version) as bench:
            hub, meter = await bench.pair(NodeType.SLEEPY, fast_poll=0.005)
            sending = asyncio.ensure_future(hub.send(meter.eui64, tunnel(LONG)))
            while not len(meter.messages):
                await meter.poll()
            async with meter.awake():
                await sending
            assert (await meter.messages.get()).message.payload == LONG
            await meter.send(hub.eui64, tunnel(LONG))
            assert (await hub.messages.get()).message.payload == LONG
            assert not await meter.poll()

    run(test())


def test_messages_keep_their_order_and_none_is_doubled() -> None:
    async def test() -> None:
        async with lab(air="loss=0.1&duplication=0.1") as bench:
            hub, meter = await bench.pair()
            payloads = [bytes((number,)) * (60 + 3 * number) for number in range(30)]
            await both(*(hub.send(meter.eui64, tunnel(payload)) for payload in payloads))
            assert [(await meter.messages.get()).message.payload for _ in payloads] == payloads
            assert not len(meter.messages)

    run(test())


@pytest.mark.parametrize("version", LAYOUTS)
def test_a_changed_key_counts_on_both_sides(version: int) -> None:
    async def test() -> None:
        async with lab(version) as bench:
            hub, meter = await bench.pair()
            await carry(hub, meter, tunnel(b"first key"))
            await hub.set_link_key(meter.eui64, LINK_KEY[::-1])
            with pytest.raises((NotDelivered, SendTimeout)):
                await hub.send(meter.eui64, tunnel(b"meter has the other"), within=1.5)
            assert not len(meter.messages)
            await meter.set_link_key(hub.eui64, LINK_KEY[::-1])
            await carry(hub, meter, tunnel(b"second key"))
            await carry(meter, hub, tunnel(b"second key"))

    run(test())


def test_without_an_established_key_nothing_is_encrypted() -> None:
    async def test() -> None:
        async with lab() as bench:
            hub, meter = await bench.pair(with_key=False)
            for source, target in ((hub, meter), (meter, hub)):
                with pytest.raises(NoLinkKey):
                    await source.send(target.eui64, tunnel(b"x"))
            # One that does it all the same, under the key of its install code
            loose = await bench.radio("PPMID", require_authorised=False)
            await join(hub, loose)
            await loose.send(hub.eui64, tunnel(b"x"))
            dropped = await event(hub, Dropped)
            assert dropped == Dropped(loose.eui64, 0x0704, DropReason.JOIN_KEY)
            await share(hub, meter)
            await carry(meter, hub, tunnel(b"x"))
            await meter.forget_key(hub.eui64)
            with pytest.raises(NoLinkKey):
                await meter.send(hub.eui64, tunnel(b"x"))

    run(test())


@pytest.mark.parametrize("version", LAYOUTS)
def test_what_needs_the_link_key_is_dropped_without(version: int) -> None:
    async def test() -> None:
        async with lab(version) as bench:
            hub, meter = await bench.pair()
            frame = frame_of(
                "GetSnapshot",
                9,
                {"EarliestStartTime": 0, "LatestEndTime": 0, "SnapshotOffset": 0, "SnapshotCause": 0},
                default_response=True,
            )
            bare = ApsMessage(METER, 1, 2, frame.octets(), encrypted=False)
            await hub.send(meter.eui64, bare)
            assert await event(meter, Dropped) == Dropped(hub.eui64, METER, DropReason.UNPROTECTED)
            # the answer is unprotected itself, and taken all the same
            assert (await hub.messages.get()).message == refusal(bare)
            assert not len(meter.messages)
            await carry(hub, meter, ApsMessage(METER, 1, 2, frame.octets()))

    run(test())


def test_nobody_answers() -> None:
    async def test() -> None:
        async with lab() as bench:
            hub, meter = await bench.pair(NodeType.SLEEPY)
            stranger = EntityId(bytes(7) + b"\x05")
            with pytest.raises(Unreachable):
                await hub.send(stranger, establishment(b""))
            # asleep, and its parent keeps the message only for so long
            with pytest.raises(SendTimeout) as late:
                await hub.send(meter.eui64, establishment(b""), within=0.2)
            assert late.value.retryable

    run(test())


def test_a_broadcast_reaches_all() -> None:
    async def test() -> None:
        async with lab() as bench:
            hub = await bench.hub()
            devices = [await bench.radio("ESME"), await bench.radio("PPMID")]
            for device in devices:
                await join(hub, device)
            notify = ApsMessage(0x0019, 2, 255, b"\x09\x01\x00\x00\x64", encrypted=False)
            await hub.broadcast(notify)
            for device in devices:
                received = await device.messages.get()
                assert received.broadcast
                assert received.message.payload == notify.payload
                assert received.eui64 == hub.eui64

    run(test())


def test_nobody_reads() -> None:
    async def test() -> None:
        async with lab() as bench:
            hub = await bench.hub()
            meter = await bench.radio("ESME", backlog=4)
            await join(hub, meter)
            for number in range(6):
                await hub.send(meter.eui64, establishment(bytes((number,))))
            assert len(meter.messages) == 4
            dropped = await event(meter, Dropped)
            assert dropped == Dropped(hub.eui64, KEY_ESTABLISHMENT, DropReason.OVERFLOW)

    run(test())


def test_the_key_table_is_bounded() -> None:
    async def test() -> None:
        async with lab() as bench:
            hub = await bench.radio("hub", key_table_size=2)
            for number in range(1, 3):
                await hub.set_link_key(EntityId(bytes((*bytes(7), number))), bytes(16))
            with pytest.raises(KeyTableFull):
                await hub.set_link_key(EntityId(bytes((*bytes(7), 3))), bytes(16))
            await hub.set_link_key(EntityId(bytes((*bytes(7), 2))), JOIN_KEY)
            await hub.forget_key(EntityId(bytes((*bytes(7), 1))))
            await hub.set_link_key(EntityId(bytes((*bytes(7), 3))), bytes(16))

    run(test())


@pytest.mark.parametrize("version", LAYOUTS)
def test_partner_link_keys(version: int) -> None:
    async def test() -> None:
        async with lab(version) as bench:
            hub = await bench.hub()
            meter = await bench.radio("ESME", handle_bind_requests=True)
            display = await bench.radio("PPMID")
            for device in (meter, display):
                await join(hub, device)
                await share(hub, device, device.eui64 * 2)
            asking = asyncio.ensure_future(display.ask_to_bind(meter.eui64, 1, KEY_ESTABLISHMENT, 1))
            asked = await event(meter, BindRequested)
            assert (asked.eui64, asked.cluster) == (display.eui64, KEY_ESTABLISHMENT)
            await meter.answer_bind(asked, 0x00)
            assert await asking == 0x00
            await hub.allow_partner_keys(True)
            key = await display.request_partner_key(meter.eui64)
            assert await event(meter, PartnerKey) == PartnerKey(display.eui64, key)
            await carry(display, meter, tunnel(b"between partners"))
            await carry(meter, display, tunnel(LONG))

    run(test())


@pytest.mark.parametrize("version", LAYOUTS)
@pytest.mark.parametrize("broadcast", [False, True])
def test_past_all_networks(version: int, broadcast: bool) -> None:
    async def test() -> None:
        async with lab(version) as bench:
            hub, meter = await bench.pair()
            target = None if broadcast else hub.eui64
            message = InterPanMessage(meter.eui64, target, 0x0109, KEY_ESTABLISHMENT, b"inter-PAN")
            await meter.send_inter_pan(message)
            received = await hub.inter_pan.get()
            assert received == InterPanMessage(
                meter.eui64, target, 0x0109, KEY_ESTABLISHMENT, b"inter-PAN", lqi=255, rssi=-40
            )
            await carry(meter, hub, tunnel(b"still in the network"))

    run(test())


@pytest.mark.parametrize("version", LAYOUTS)
def test_sniffing_and_scanning(version: int) -> None:
    async def test() -> None:
        async with lab(version) as bench:
            sniffer = await bench.radio("HHT")
            bench.bench.air.noise[20] = -50
            loudness = await sniffer.energy_scan((15, 20))
            assert loudness[20] > loudness[15]
            heard: list[Sniffed] = []
            listening = asyncio.Event()

            async def listen() -> None:
                async for frame in sniffer.sniff(CHANNEL):
                    heard.append(frame)
                    listening.set()

            task = asyncio.ensure_future(listen())
            hub = await bench.hub()
            while not listening.is_set():
                await hub.broadcast(establishment(b""))
            assert heard[0].channel == CHANNEL
            assert heard[0].mpdu[0] & 0x07 == 1  # a data frame
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            beacons = await sniffer.scan((CHANNEL,))
            assert [beacon.extended_pan_id for beacon in beacons] == [hub.eui64]

    run(test())
