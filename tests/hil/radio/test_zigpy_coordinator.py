"""A hub on zigpy's coordinator, with devices on bellows: the same interface, the same rules."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

pytest.importorskip("zigpy", reason="the radio extra is not installed: pip install -e '.[radio]'")

from gbcs.ids import EntityId
from hil.radio.ezsp_radio import EzspRadio
from hil.radio.interface import (
    Dropped,
    DropReason,
    Joined,
    JoinRefused,
    Left,
    LinkLost,
    Lost,
    NetworkDown,
    NetworkUp,
    NodeType,
    NoLinkKey,
    NoNetwork,
    NoNetworkKey,
    RadioUnavailable,
    Refused,
    SendError,
    Unreachable,
)
from hil.radio.zigpy_coordinator import ZigpyRadio
from hil.virtual.serve import TcpPort
from smets.han.endpoints import TIME, endpoints_of
from smets.han.link_keys import LinkKeys
from tests.hil.radio.radios import (
    CHANNEL,
    JOIN_KEY,
    LAYOUTS,
    LINK_KEY,
    NETWORK,
    SETTINGS,
    Lab,
    establishment,
    lab,
    path,
    run,
    tunnel,
    until,
)
from tests.hil.radio.test_ezsp_recovery import held

LONG = bytes(number * 7 % 256 for number in range(1200))


@asynccontextmanager
async def coordinator(bench: Lab, port: TcpPort | None = None, **options: Any) -> AsyncIterator[ZigpyRadio]:
    port = port or await bench.port()
    hub = await ZigpyRadio.open(path(port), settings=SETTINGS, endpoints=endpoints_of("hub"), **options)
    try:
        yield hub
    finally:
        await hub.close()


async def event(radio: ZigpyRadio | EzspRadio, kind: type) -> Any:
    async for happened in radio.events:
        if isinstance(happened, kind):
            return happened
    raise AssertionError("no event any more")


async def joined(hub: ZigpyRadio, meter: EzspRadio, kind: NodeType = NodeType.ROUTER) -> Joined:
    await hub.permit(meter.eui64, JOIN_KEY, 60)
    await meter.join(JOIN_KEY, kind, (CHANNEL,))
    found: Joined = await event(hub, Joined)
    return found


async def share(hub: ZigpyRadio, meter: EzspRadio, key: bytes = LINK_KEY) -> None:
    await hub.set_link_key(meter.eui64, key)
    await meter.set_link_key(hub.eui64, key)


async def carry(source: Any, target: Any, message: Any) -> None:
    await source.send(target.eui64, message)
    received = await target.messages.get()
    assert (received.eui64, received.message) == (source.eui64, message)


@pytest.mark.parametrize("version", LAYOUTS)
@pytest.mark.parametrize("kind", [NodeType.ROUTER, NodeType.SLEEPY])
def test_a_meter_joins_and_talks(version: int, kind: NodeType) -> None:
    async def test() -> None:
        async with lab(version) as bench, coordinator(bench) as hub:
            network = await hub.form(NETWORK)
            assert (network.channel, network.pan_id, network.node_id) == (CHANNEL, 0x1A62, 0)
            assert network.extended_pan_id == network.trust_center == hub.eui64
            assert hub.versions.ezsp == version
            meter = await bench.radio("ESME", fast_poll=0.01)
            found = await joined(hub, meter, kind)
            assert meter.network is not None
            assert meter.network.trust_center == hub.eui64
            assert found == Joined(meter.eui64, meter.network.node_id, False, kind is NodeType.SLEEPY)
            with pytest.raises(NoLinkKey):
                await hub.send(meter.eui64, tunnel(b"x"))
            await share(hub, meter)
            async with meter.awake():
                for message in (tunnel(b"a"), establishment(b"b"), tunnel(LONG), establishment(LONG)):
                    await carry(hub, meter, message)
                    await carry(meter, hub, message)
                assert await hub.find_endpoint(meter.eui64, 0x0109, TIME, server=False) == 2
                assert await hub.find_endpoint(meter.eui64, 0x0109, TIME) is None
            assert await meter.find_endpoint(hub.eui64, 0x0109, TIME) == 2
            assert await hub.eui_of(await hub.nwk_of(meter.eui64)) == meter.eui64

    run(test())


def test_the_security_is_that_of_a_hub() -> None:
    """Rows 2 to 4 of the reference's list of overrides."""

    async def test() -> None:
        async with lab() as bench, coordinator(bench) as hub:
            await hub.form(NETWORK)
            node: Any = bench.bench.ports[0].line.dongle.ncp.node  # type: ignore[union-attr]
            _, bits, trust_center = node.current_security()
            assert not bits & 0x0084
            assert trust_center == node.eui64
            assert not node.transient_keys
            assert [node.policy(number) for number in (0, 5, 6)] == [0x00, 0x50, 0x60]
            assert [endpoint.profile for endpoint in node.endpoints] == [0x0109] * 3
            meter = await bench.radio("ESME")
            await hub.permit(meter.eui64, JOIN_KEY, 60)
            assert node.policy(0) == 0x11
            assert len(node.transient_keys) == 1
            await hub.close_permit()
            assert node.policy(0) == 0x00

    run(test())


def test_who_is_refused() -> None:
    async def test() -> None:
        async with lab() as bench, coordinator(bench) as hub:
            await hub.form(NETWORK)
            with pytest.raises(Refused):
                await hub.form(NETWORK)
            meter, other = await bench.radio("ESME"), await bench.radio("PPMID")
            await hub.permit(meter.eui64, JOIN_KEY, 60)
            with pytest.raises(NoNetworkKey):
                await other.join(JOIN_KEY, channels=(CHANNEL,))
            assert (await event(hub, JoinRefused)).eui64 == other.eui64
            with pytest.raises(NoNetworkKey):
                await meter.join(bytes(16), channels=(CHANNEL,))
            # zigpy's own event has fired for it; ours is for one that is really there
            assert not any(isinstance(e, Joined) for e in iter(hub.events.get_nowait, None))
            await meter.join(JOIN_KEY, channels=(CHANNEL,))
            assert (await event(hub, Joined)).eui64 == meter.eui64

    run(test())


@pytest.mark.parametrize("version", LAYOUTS)
def test_protection_is_enforced(version: int) -> None:
    async def test() -> None:
        async with lab(version) as bench, coordinator(bench) as hub:
            await hub.form(NETWORK)
            meter = await bench.radio("ESME", require_authorised=False)
            await joined(hub, meter)
            await meter.send(hub.eui64, tunnel(b"x", encrypted=False))
            assert await event(hub, Dropped) == Dropped(meter.eui64, 0x0704, DropReason.UNPROTECTED)
            await meter.send(hub.eui64, tunnel(b"x"))
            assert await event(hub, Dropped) == Dropped(meter.eui64, 0x0704, DropReason.JOIN_KEY)
            await share(hub, meter)
            # the same octets twice within ten seconds: zigpy drops them, this does not
            for _ in range(2):
                await carry(meter, hub, tunnel(b"y"))
            assert not len(hub.messages)

    run(test())


@pytest.mark.parametrize("version", LAYOUTS)
def test_leaving_and_removing(version: int) -> None:
    async def test() -> None:
        async with lab(version) as bench, coordinator(bench) as hub:
            await hub.form(NETWORK)
            meter = await bench.radio("ESME")
            await joined(hub, meter)
            await share(hub, meter)
            await meter.leave()
            assert (await event(hub, Left)).eui64 == meter.eui64
            assert not (await joined(hub, meter)).rejoined
            with pytest.raises(NoLinkKey):
                await hub.send(meter.eui64, tunnel(b"the key was for its former life"))
            await hub.remove(meter.eui64)
            assert (await event(hub, Left)).eui64 == meter.eui64
            while (await event(meter, NetworkDown)).reason != "told to leave":
                pass
            await joined(hub, meter)
            await share(hub, meter)
            await carry(hub, meter, tunnel(b"again"))
            await hub.leave()
            assert hub.network is None
            with pytest.raises(NoNetwork):
                await hub.send(meter.eui64, tunnel(b"x"))

    run(test())


@pytest.mark.parametrize("version", LAYOUTS)
def test_a_new_process_goes_on(version: int) -> None:
    async def test() -> None:
        async with lab(version) as bench:
            port = await bench.port()
            async with coordinator(bench, port) as hub:
                with pytest.raises(NoNetwork):
                    await hub.resume()
                network = await hub.form(NETWORK)
                meter = await bench.radio("ESME")
                await joined(hub, meter)
                await share(hub, meter)
                await carry(hub, meter, tunnel(b"before"))
            async with coordinator(bench, port, keys=held(meter.eui64)) as again:
                assert await again.resume() == network
                assert (await event(again, NetworkUp)).reset_keys == ()
                await carry(again, meter, tunnel(b"the counters went on"))
                await carry(meter, again, tunnel(b"back"))
            hub_again = await bench.radio("hub", port, keys=held(meter.eui64))
            assert await hub_again.resume() == network  # either kind of radio goes on with the other's
            await carry(hub_again, meter, tunnel(LONG))

    run(test())


@pytest.mark.parametrize("fault", ["reset", "drop"])
def test_it_comes_back_by_itself(fault: str) -> None:
    async def test() -> None:
        async with lab() as bench:
            port = await bench.port()
            async with coordinator(bench, port) as hub:
                network = await hub.form(NETWORK)
                meter = await bench.radio("ESME")
                await joined(hub, meter, NodeType.SLEEPY)
                await share(hub, meter)
                sending = asyncio.ensure_future(hub.send(meter.eui64, tunnel(LONG)))
                await asyncio.sleep(0.05)  # it is under way, on the wall's clock
                port.line.reset() if fault == "reset" else port.drop()
                with pytest.raises(LinkLost) as lost:
                    await sending
                assert lost.value.retryable
                await event(hub, Lost)
                await until(lambda: hub._app is not None and hub._line.reason is None)
                assert hub.network is None
                with pytest.raises(LinkLost):  # the line is there, the network is not yet
                    await hub.send(meter.eui64, tunnel(b"x"))
                up = await event(hub, NetworkUp)
                assert (up.network, up.reset_keys) == (network, ())
                await hub.wait_up()
                async with meter.awake():
                    await carry(hub, meter, tunnel(b"again"))
                await carry(meter, hub, tunnel(b"again"))

    run(test())


def test_an_address_is_asked_for() -> None:
    async def test() -> None:
        async with lab() as bench:
            port = await bench.port()
            async with coordinator(bench, port) as hub:
                await hub.form(NETWORK)
                meter = await bench.radio("ESME")
                await joined(hub, meter)
                await share(hub, meter)
            async with coordinator(bench, port, keys=held(meter.eui64)) as hub:
                await hub.resume()

                async def nobody(station: object) -> None:
                    """A library that does not tell."""

                hub.application.lookup = nobody
                await carry(hub, meter, tunnel(b"found"))
                with pytest.raises(Unreachable):
                    await hub.nwk_of(EntityId(bytes(7) + b"\x09"))

    run(test())


def test_scan_and_broadcast() -> None:
    async def test() -> None:
        async with lab() as bench, coordinator(bench) as hub:
            await hub.form(NETWORK)
            meter = await bench.radio("ESME")
            await joined(hub, meter)
            bench.bench.air.noise[20] = -50
            loudness = await hub.energy_scan((15, 20))
            assert loudness[20] == -50
            assert loudness[15] < -80
            await hub.broadcast(establishment(b"to all"))
            received = await meter.messages.get()
            assert (received.eui64, received.broadcast) == (hub.eui64, True)

    run(test())


def test_the_interview_of_zigpy_sees_a_smart_energy_device() -> None:
    """Row 1: replies of profile 0109 reach zigpy's own requests."""

    async def test() -> None:
        async with lab() as bench, coordinator(bench, interviews=True) as hub:
            await hub.form(NETWORK)
            meter = await bench.radio("ESME")
            answering = asyncio.ensure_future(answer_basic(meter))
            await joined(hub, meter)
            device = hub.application.get_device(nwk=await hub.nwk_of(meter.eui64))
            await until(lambda: device.model)
            assert (device.manufacturer, device.model) == ("smets", "meter")
            assert device.endpoints[2].profile_id == 0x0109
            answering.cancel()

    run(test())


async def answer_basic(meter: EzspRadio) -> None:
    """Read Attributes of Basic 0004 and 0005: the manufacturer, the model."""
    from smets.han.zcl import ApsMessage

    texts = {4: b"smets", 5: b"meter"}
    async for received in meter.messages:
        asked = received.message
        wanted = [
            int.from_bytes(asked.payload[at : at + 2], "little") for at in range(3, len(asked.payload), 2)
        ]
        answer = bytes((0x18, asked.payload[1], 0x01))
        for attribute in wanted:
            answer += attribute.to_bytes(2, "little")
            text = texts.get(attribute)
            answer += b"\x86" if text is None else b"\x00\x42" + bytes((len(text),)) + text
        back = ApsMessage(
            asked.cluster, asked.destination_endpoint, asked.source_endpoint, answer, asked.encrypted
        )
        try:
            await meter.send(received.eui64, back)
        except SendError:
            continue


def test_there_has_to_be_a_dongle() -> None:
    async def test() -> None:
        async with lab() as bench:
            port = await bench.port()
            where = path(port)
            await port.close()
            with pytest.raises(RadioUnavailable):
                await ZigpyRadio.open(where, keys=LinkKeys())

    run(test())
