"""What a radio survives: resets of the dongle, a closed line, loss on it, a dongle that is gone."""

import asyncio
from collections.abc import Callable

import pytest

from gbcs.ids import EntityId
from gbcs.time import Utc
from hil.radio.ezsp_radio import EzspRadio
from hil.radio.interface import (
    Joined,
    LinkLost,
    Lost,
    NetworkDown,
    NetworkUp,
    NodeType,
    RadioClosed,
    SendError,
)
from hil.radio.streams import StreamEnded
from hil.virtual.line import LineFaults
from hil.virtual.serve import TcpPort
from smets.han.link_keys import KeySource, LinkKey, LinkKeys
from tests.hil.radio.radios import (
    CHANNEL,
    JOIN_KEY,
    LAYOUTS,
    LINK_KEY,
    NETWORK,
    both,
    carry,
    drain,
    establishment,
    event,
    join,
    lab,
    run,
    share,
    tunnel,
    until,
)

LONG = bytes(number * 7 % 256 for number in range(1200))


def reset(port: TcpPort) -> None:
    """The dongle restarts by itself."""
    port.line.reset()


def unplug(port: TcpPort) -> None:
    """The socket closes."""
    port.drop()


FAULTS = [reset, unplug]


@pytest.mark.parametrize("version", LAYOUTS)
@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("at_hub", [True, False], ids=["hub", "device"])
def test_the_radio_comes_back_by_itself(version: int, fault: Callable[[TcpPort], None], at_hub: bool) -> None:
    async def test() -> None:
        async with lab(version) as bench:
            ports = [await bench.port(), await bench.port()]
            hub = await bench.radio("hub", ports[0])
            before = await hub.form(NETWORK)
            meter = await bench.radio("ESME", ports[1])
            await join(hub, meter)
            await share(hub, meter)
            await carry(hub, meter, tunnel(b"before"))
            victim, other = (hub, meter) if at_hub else (meter, hub)
            network = victim.network
            drain(victim)
            fault(ports[0] if at_hub else ports[1])
            await event(victim, Lost)
            up = await event(victim, NetworkUp)
            assert up.network == network
            # the dongle kept its keys, so that their counters go on
            assert up.reset_keys == ()
            await victim.wait_up()
            await carry(other, victim, tunnel(LONG))
            await carry(victim, other, tunnel(LONG))
            assert await other.find_endpoint(victim.eui64, 0x0109, 0x0704) == 1
            if at_hub:
                assert hub.network == before
                device = await bench.radio("PPMID")
                assert (await join(hub, device)).eui64 == device.eui64

    run(test())


@pytest.mark.parametrize("fault", FAULTS)
def test_what_is_under_way_ends_at_once_and_may_be_repeated(fault: Callable[[TcpPort], None]) -> None:
    async def test() -> None:
        async with lab() as bench:
            port = await bench.port()
            hub = await bench.radio("hub", port)
            await hub.form(NETWORK)
            meter = await bench.radio("ESME", fast_poll=0.005)
            await join(hub, meter, NodeType.SLEEPY)
            await share(hub, meter)
            sending = [asyncio.ensure_future(hub.send(meter.eui64, tunnel(LONG))) for _ in range(3)]
            asking = asyncio.ensure_future(hub.find_endpoint(meter.eui64, 0x0109, 0x0704))
            await until(lambda: hub._peers.frames._sent)
            fault(port)
            for task in (*sending, asking):
                with pytest.raises(LinkLost) as lost:
                    await task
                assert lost.value.retryable
            with pytest.raises(LinkLost):
                await hub.send(meter.eui64, tunnel(b"x"))
            await hub.wait_up()
            async with meter.awake():
                await carry(hub, meter, tunnel(LONG))

    run(test())


@pytest.mark.parametrize("fault", FAULTS)
def test_before_its_network_is_up_again_a_message_may_be_repeated(fault: Callable[[TcpPort], None]) -> None:
    """The line is there, the network is not: that is no radio without a network."""

    async def test() -> None:
        async with lab() as bench:
            port = await bench.port()
            hub, meter = await bench.pair(port=port)
            fault(port)
            await event(hub, Lost)
            await until(lambda: hub._core.link is not None and hub._core.link.up)
            assert hub.network is None
            with pytest.raises(LinkLost, match="not up again"):
                await hub.send(meter.eui64, tunnel(b"x"))
            await hub.wait_up()
            await carry(hub, meter, tunnel(LONG))

    run(test())


def test_a_line_lost_once_more_just_as_it_is_back(monkeypatch: pytest.MonkeyPatch) -> None:
    async def test() -> None:
        async with lab() as bench:
            port = await bench.port()
            hub, meter = await bench.pair(port=port)
            start = hub._peers.polling.start
            starts = []

            async def lost_at_its_end() -> None:
                await start()
                starts.append(hub._core.up)
                if len(starts) == 1:
                    starts[0].connection_lost(None)

            monkeypatch.setattr(hub._peers.polling, "start", lost_at_its_end)
            reset(port)
            await event(hub, Lost)
            await hub.wait_up()
            assert len(starts) == 2
            await carry(hub, meter, tunnel(b"there again"))

    run(test())


@pytest.mark.parametrize("fault", FAULTS)
def test_commands_end_with_the_line(fault: Callable[[TcpPort], None]) -> None:
    """Whichever is under way, and however far: it is done, or the link is lost, and nothing else."""

    async def test() -> None:
        async with lab() as bench:
            port = await bench.port()
            hub = await bench.radio("hub", port)
            await hub.form(NETWORK)
            for turns in range(12):
                asking = [asyncio.ensure_future(hub._core.command("nop")) for _ in range(8)]
                for _ in range(turns):
                    await asyncio.sleep(0)
                fault(port)
                ends = await asyncio.gather(*asking, return_exceptions=True)
                assert all(end == {} or isinstance(end, LinkLost) for end in ends), ends
                await hub.wait_up()

    run(test())


def test_a_command_nobody_acknowledged_ends_with_the_line() -> None:
    async def test() -> None:
        async with lab() as bench:
            port = await bench.port()
            hub = await bench.radio("hub", port)
            line, feed = port.line, port.line.feed
            line.feed = lambda octets: None  # type: ignore[method-assign]
            asking = asyncio.ensure_future(hub._core.command("nop"))
            await asyncio.sleep(0.05)  # sent, on the wall's clock
            port.drop()
            with pytest.raises(LinkLost):
                await asking
            line.feed = feed  # type: ignore[method-assign]
            await hub.wait_up()

    run(test())


def test_a_dongle_that_is_gone_for_a_while() -> None:
    async def test() -> None:
        async with lab() as bench:
            port = await bench.port()
            hub, meter = await bench.pair(port=port)
            server = port._server
            assert server is not None
            host, number = port.address
            server.close()
            port.drop()
            await event(hub, Lost)
            for _ in range(3):
                with pytest.raises(LinkLost):
                    await hub.energy_scan((CHANNEL,))
                await asyncio.sleep(0.05)  # some vain attempts, of the wall clock
            await port.open(host, number)
            await event(hub, NetworkUp)
            await carry(meter, hub, tunnel(b"there again"))

    run(test())


def test_frames_lost_on_the_line() -> None:
    async def test() -> None:
        async with lab() as bench:
            faults = LineFaults(loss_in=0.03, loss_out=0.03)
            hub, meter = await bench.pair(faults=faults)
            await carry(hub, meter, tunnel(LONG[:300]))
            await carry(meter, hub, tunnel(LONG[:300]))

    run(test(), 40)


def test_a_permit_outlives_a_reset() -> None:
    async def test() -> None:
        async with lab() as bench:
            port = await bench.port()
            hub = await bench.radio("hub", port)
            await hub.form(NETWORK)
            meter = await bench.radio("ESME")
            await hub.permit(meter.eui64, JOIN_KEY, 60)
            reset(port)
            await event(hub, Lost)
            await event(hub, NetworkUp)
            await meter.join(JOIN_KEY, channels=(CHANNEL,))
            assert (await event(hub, Joined)).eui64 == meter.eui64

    run(test())


def held(*stations: EntityId) -> LinkKeys:
    """A store as the hub's, with a key from key establishment for each."""
    keys = LinkKeys()
    for station in stations:
        keys.put(LinkKey(station, LINK_KEY, KeySource.CBKE, Utc(0)))
    return keys


@pytest.mark.parametrize("version", LAYOUTS)
def test_a_new_process_goes_on(version: int) -> None:
    async def test() -> None:
        async with lab(version) as bench:
            ports = [await bench.port(), await bench.port()]
            hub = await bench.radio("hub", ports[0])
            await hub.form(NETWORK)
            meter = await bench.radio("ESME", ports[1])
            await join(hub, meter, NodeType.SLEEPY)
            await share(hub, meter)
            async with meter.awake():
                await carry(hub, meter, tunnel(b"before"))
            network, eui64 = hub.network, meter.eui64
            await hub.close()
            with pytest.raises(RadioClosed):
                await hub.send(eui64, tunnel(b"x"))
            again = await bench.radio("hub", ports[0], keys=held(eui64))
            assert again.network is None
            assert await again.resume() == network
            assert (await event(again, NetworkUp)).reset_keys == ()
            async with meter.awake():
                await carry(again, meter, tunnel(b"the counters went on"))
            await carry(meter, again, tunnel(b"back"))
            assert eui64 in again._peers.addresses.sleepy

    run(test())


def test_keys_that_the_dongle_lost_are_given_again() -> None:
    async def test() -> None:
        async with lab() as bench:
            ports = [await bench.port(), await bench.port()]
            hub = await bench.radio("hub", ports[0])
            await hub.form(NETWORK)
            meter = await bench.radio("ESME", ports[1])
            await join(hub, meter)
            await share(hub, meter)
            await hub._core.command("clearKeyTable")
            reset(ports[0])
            await event(hub, Lost)
            up = await event(hub, NetworkUp)
            assert up.reset_keys == (meter.eui64,)
            # counters began anew: good again after key establishment only
            await share(hub, meter, LINK_KEY[::-1])
            await carry(hub, meter, tunnel(b"x"))

    run(test())


def test_a_dongle_that_forgot_its_network() -> None:
    async def test() -> None:
        async with lab() as bench:
            port = await bench.port()
            meter = await bench.radio("ESME", port)
            hub = await bench.hub()
            await join(hub, meter)
            await meter._core.command("tokenFactoryReset", False, False)
            reset(port)
            await event(meter, Lost)
            assert "keeps no network" in (await event(meter, NetworkDown)).reason
            await meter.wait_up()
            await join(hub, meter)

    run(test())


@pytest.mark.parametrize("kind", [NodeType.END_DEVICE, NodeType.SLEEPY])
def test_a_device_finds_its_network_again(kind: NodeType) -> None:
    async def test() -> None:
        async with lab() as bench:
            port = await bench.port()
            hub = await bench.radio("hub", port)
            await hub.form(NETWORK)
            meter = await bench.radio("ESME", slow_poll=0.02)
            await join(hub, meter, kind)
            await share(hub, meter)
            await event(meter, NetworkUp)
            ncp = bench.bench.ports[1].line.dongle.ncp
            ncp.node._stack.orphaned()  # type: ignore[attr-defined]  # as after vain polls
            ncp.attachment.flush()
            assert (await event(meter, NetworkDown)).reason == "the parent is lost"
            await event(meter, NetworkUp)
            assert (await event(hub, Joined)).rejoined
            await carry(meter, hub, tunnel(b"again"))

    run(test())


def test_random_power_cycles() -> None:
    """Whoever is cycled, and whenever: it ends in a working network without help."""
    import random

    async def test() -> None:
        chance = random.Random(3)
        async with lab() as bench:
            ports = [await bench.port() for _ in range(3)]
            hub = await bench.radio("hub", ports[0])
            await hub.form(NETWORK)
            devices = [await bench.radio("ESME", ports[1]), await bench.radio("PPMID", ports[2])]
            for device in devices:
                await join(hub, device)
                await share(hub, device, device.eui64 * 2)
            for _ in range(10):
                chance.choice(FAULTS)(chance.choice(ports))
                for _ in range(chance.randrange(30)):
                    await asyncio.sleep(0)
            await both(*(radio.wait_up() for radio in (hub, *devices)))
            for device in devices:
                await carried(hub, device)
                await carried(device, hub)

    run(test())


async def carried(source: EzspRadio, target: EzspRadio) -> None:
    """Sent until it arrives, as whoever has to deliver would."""
    for _ in range(5):
        try:
            await source.send(target.eui64, tunnel(LONG))
        except (LinkLost, SendError):
            await both(source.wait_up(), target.wait_up())
        else:
            assert (await target.messages.get()).message.payload == LONG
            return
    raise AssertionError("not delivered")


def test_a_silent_dongle_is_noticed() -> None:
    async def test() -> None:
        async with lab() as bench:
            port = await bench.port()
            hub = await bench.radio("hub", port, watchdog=0.05, command_timeout=0.3)
            await hub.form(NETWORK)
            line, feed = port.line, port.line.feed
            line.feed = lambda octets: None  # type: ignore[method-assign]
            await event(hub, Lost)
            line.feed = feed  # type: ignore[method-assign]
            await event(hub, NetworkUp)
            assert hub.network is not None

    run(test())


def test_closing_ends_what_waits() -> None:
    async def test() -> None:
        async with lab() as bench:
            hub, meter = await bench.pair(NodeType.SLEEPY)
            sending = asyncio.ensure_future(hub.send(meter.eui64, establishment(b"x")))
            reading = asyncio.ensure_future(hub.messages.get())
            await until(lambda: hub._peers.frames._sent)
            await hub.close()
            await hub.close()
            with pytest.raises((LinkLost, RadioClosed)):
                await sending
            with pytest.raises(StreamEnded):
                await reading
            assert [one async for one in hub.messages] == []

    run(test())
