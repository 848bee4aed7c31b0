"""Forming and joining through the radio interface: who gets in, who does not, and why."""

import asyncio

import pytest

from gbcs.errors import BuildError
from gbcs.ids import EntityId
from hil.radio.interface import (
    Joined,
    JoinRefused,
    Left,
    NetworkClosed,
    NetworkDown,
    NetworkSettings,
    NetworkUp,
    NoBeacons,
    NodeType,
    NoNetwork,
    NoNetworkKey,
    RadioUnavailable,
    Refused,
)
from smets.han.endpoints import ESI, TIME, endpoints_of
from tests.hil.radio.radios import (
    CHANNEL,
    JOIN_KEY,
    NETWORK,
    VERSIONS,
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
)

KINDS = (NodeType.ROUTER, NodeType.END_DEVICE, NodeType.SLEEPY)


@pytest.mark.parametrize("version", VERSIONS)
def test_a_hub_forms_what_it_was_told(version: int) -> None:
    async def test() -> None:
        async with lab(version) as bench:
            hub = await bench.radio("hub")
            assert hub.versions.ezsp == version
            assert hub.network is None
            network = await hub.form(NETWORK)
            assert network == hub.network
            assert (network.channel, network.pan_id, network.node_id) == (CHANNEL, 0x1A62, 0)
            assert network.node_type is NodeType.COORDINATOR
            assert network.extended_pan_id == network.trust_center == hub.eui64
            up = await event(hub, NetworkUp)
            assert (up.network, up.reset_keys) == (network, ())
            with pytest.raises(Refused):
                await hub.form(NETWORK)
            assert hub.network == network

    run(test())


def test_what_is_not_told_is_chosen() -> None:
    async def test() -> None:
        async with lab() as bench:
            hub = await bench.radio("hub")
            bench.bench.air.noise.update({channel: -40 for channel in range(11, 27) if channel != 20})
            network = await hub.form(NetworkSettings())
            assert network.channel == 20
            assert 0 < network.pan_id < 0xFFFF

    run(test())


def test_seeded_settings_are_reproducible() -> None:
    def random(count: int) -> bytes:
        return bytes(range(7, 7 + count))

    first, second = NetworkSettings.seeded(random), NetworkSettings.seeded(random)
    assert first == second
    assert first.network_key not in (None, bytes(16))
    assert first.network_key is not None
    assert first.network_key.hex() not in repr(first)
    assert NetworkSettings.seeded(random, 11).channel == 11
    with pytest.raises(BuildError):
        NetworkSettings(channel=10)


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("kind", KINDS)
def test_a_device_joins_under_its_install_code(version: int, kind: NodeType) -> None:
    async def test() -> None:
        async with lab(version) as bench:
            hub = await bench.hub()
            meter = await bench.radio("ESME")
            joined = await join(hub, meter, kind)
            network = meter.network
            assert network is not None
            assert (network.node_type, network.trust_center) == (kind, hub.eui64)
            assert (network.channel, network.pan_id) == (CHANNEL, 0x1A62)
            sleepy = kind is NodeType.SLEEPY
            assert joined == Joined(meter.eui64, network.node_id, rejoined=False, sleepy=sleepy)
            assert await hub.nwk_of(meter.eui64) == network.node_id
            assert await hub.eui_of(network.node_id) == meter.eui64
            assert await meter.nwk_of(hub.eui64) == 0
            assert await meter.eui_of(0) == hub.eui64
            async with meter.awake():
                await carry(hub, meter, establishment(b"down"))
            await carry(meter, hub, establishment(b"up"))

    run(test())


@pytest.mark.parametrize("version", VERSIONS)
def test_endpoints_are_found(version: int) -> None:
    async def test() -> None:
        async with lab(version) as bench:
            hub, meter = await bench.pair()
            assert await meter.find_endpoint(hub.eui64, 0x0109, TIME) == 2
            assert endpoints_of("hub")[1].device_id == ESI
            assert await hub.find_endpoint(meter.eui64, 0x0109, TIME) is None
            assert await hub.find_endpoint(meter.eui64, 0x0109, TIME, server=False) == 2

    run(test())


def test_joining_is_refused_with_its_reason() -> None:
    async def test() -> None:
        async with lab() as bench:
            meter = await bench.radio("ESME")
            with pytest.raises(NoBeacons):
                await meter.join(JOIN_KEY, channels=(CHANNEL,))
            hub = await bench.hub()
            with pytest.raises(NetworkClosed):
                await meter.join(JOIN_KEY, channels=(CHANNEL,))
            with pytest.raises(NoBeacons):
                await meter.join(JOIN_KEY, channels=(CHANNEL,), extended_pan_id=EntityId(bytes(8)))
            other = EntityId(bytes(7) + b"\x01")
            await hub.permit(other, JOIN_KEY, 60)
            with pytest.raises(NoNetworkKey) as refused:
                await meter.join(JOIN_KEY, channels=(CHANNEL,))
            assert refused.value.status == "NO_NETWORK_KEY_RECEIVED"
            assert (await event(hub, JoinRefused)).eui64 == meter.eui64
            await hub.close_permit()
            with pytest.raises(NetworkClosed):
                await meter.join(JOIN_KEY, channels=(CHANNEL,))
            assert meter.network is None
            await hub.permit(meter.eui64, JOIN_KEY, 60)
            await meter.join(JOIN_KEY, channels=(CHANNEL,), extended_pan_id=hub.eui64)
            with pytest.raises(Refused):
                await meter.join(JOIN_KEY, channels=(CHANNEL,))

    run(test())


@pytest.mark.parametrize("version", VERSIONS)
def test_another_install_code_does_not_open(version: int) -> None:
    async def test() -> None:
        async with lab(version) as bench:
            hub = await bench.hub()
            meter = await bench.radio("ESME")
            await hub.permit(meter.eui64, JOIN_KEY, 60)
            with pytest.raises(NoNetworkKey):
                await meter.join(bytes(16), channels=(CHANNEL,))
            # Not joined for the hub, although its trust centre had decided for it
            await meter.join(JOIN_KEY, channels=(CHANNEL,))
            await event(hub, Joined)
            await carry(meter, hub, establishment(b"x"))
            assert not any(isinstance(told, Joined) for told in drain(hub))

    run(test())


def test_a_permit_ends_by_itself() -> None:
    async def test() -> None:
        async with lab() as bench:
            hub = await bench.hub()
            meter = await bench.radio("ESME")
            await hub.permit(meter.eui64, JOIN_KEY, 0.05)
            while any(beacon.permits for beacon in await meter.scan((CHANNEL,))):
                pass
            with pytest.raises(NetworkClosed):
                await meter.join(JOIN_KEY, channels=(CHANNEL,))

    run(test())


def test_a_former_permit_opens_nothing_under_another() -> None:
    async def test() -> None:
        async with lab() as bench:
            hub = await bench.hub()
            meter, display = await bench.radio("ESME"), await bench.radio("PPMID")
            await both(hub.permit(meter.eui64, JOIN_KEY, 60), hub.permit(display.eui64, JOIN_KEY, 60))
            await hub.close_permit(meter.eui64)
            with pytest.raises(NoNetworkKey):
                await meter.join(JOIN_KEY, channels=(CHANNEL,))
            assert (await event(hub, JoinRefused)).eui64 == meter.eui64
            await display.join(JOIN_KEY, channels=(CHANNEL,))

    run(test())


def test_a_permit_outlasts_what_the_stack_is_told() -> None:
    async def test() -> None:
        async with lab() as bench:
            hub = await bench.radio("hub", permit_step=1)
            await hub.form(NETWORK)
            meter = await bench.radio("ESME")
            await hub.permit(meter.eui64, JOIN_KEY, 60)
            await asyncio.sleep(1.3)  # longer than one step of the stack, whose clock is the wall's
            await meter.join(JOIN_KEY, channels=(CHANNEL,))

    run(test())


def test_two_devices_join_at_once() -> None:
    async def test() -> None:
        async with lab() as bench:
            hub = await bench.hub()
            first, second = await bench.radio("ESME"), await bench.radio("PPMID")
            await hub.permit(first.eui64, JOIN_KEY, 60)
            await hub.permit(second.eui64, JOIN_KEY[::-1], 60)
            await both(
                first.join(JOIN_KEY, channels=(CHANNEL,)), second.join(JOIN_KEY[::-1], channels=(CHANNEL,))
            )
            assert {(await event(hub, Joined)).eui64 for _ in range(2)} == {first.eui64, second.eui64}
            await share(hub, first)
            await share(hub, second, bytes(16))
            texts = [b"%d" % number for number in range(20)]
            await both(
                *(hub.send(first.eui64, tunnel(text)) for text in texts),
                *(hub.send(second.eui64, tunnel(text)) for text in texts),
            )
            for device in (first, second):
                assert [(await device.messages.get()).message.payload for _ in texts] == texts
            assert await first.nwk_of(second.eui64) == second.network.node_id  # type: ignore[union-attr]
            assert await first.find_endpoint(second.eui64, 0x0109, TIME, server=False) == 2

    run(test())


@pytest.mark.parametrize("version", VERSIONS)
def test_leaving_and_removing(version: int) -> None:
    async def test() -> None:
        async with lab(version) as bench:
            hub, meter = await bench.pair()
            await meter.leave()
            assert (await event(meter, NetworkDown)).reason == "left"
            assert (await event(hub, Left)).eui64 == meter.eui64
            assert meter.network is None
            with pytest.raises(NoNetwork):
                await meter.send(hub.eui64, establishment(b""))
            with pytest.raises(NoNetwork):
                await meter.leave()
            with pytest.raises(NoNetwork):
                await meter.resume()
            assert not (await join(hub, meter)).rejoined
            await hub.remove(meter.eui64)
            assert (await event(hub, Left)).eui64 == meter.eui64
            assert (await event(meter, NetworkDown)).reason == "told to leave"
            await join(hub, meter)
            await share(hub, meter)
            await carry(hub, meter, tunnel(b"again"))

    run(test())


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("kind", KINDS)
def test_rejoining(version: int, kind: NodeType) -> None:
    async def test() -> None:
        async with lab(version) as bench:
            hub, meter = await bench.pair(kind)
            network = await meter.rejoin()
            assert network.node_type is kind
            joined = await event(hub, Joined)
            assert (joined.eui64, joined.nwk, joined.rejoined) == (meter.eui64, network.node_id, True)
            async with meter.awake():
                await carry(hub, meter, tunnel(b"the key is still good"))

    run(test())


def test_a_join_after_a_reset_makes_the_old_key_void() -> None:
    async def test() -> None:
        async with lab() as bench:
            hub, meter = await bench.pair()
            await meter.leave()
            await join(hub, meter)
            with pytest.raises(Exception, match="no link key"):
                await meter.send(hub.eui64, tunnel(b"x"))
            with pytest.raises(Exception, match="no link key"):
                await hub.send(meter.eui64, tunnel(b"x"))

    run(test())


def test_there_has_to_be_a_dongle() -> None:
    async def test() -> None:
        from hil.radio.ezsp_radio import EzspRadio

        async with lab() as bench:
            port = await bench.port()
            where = f"tcp://{port.name}"
            await port.close()
            with pytest.raises(RadioUnavailable):
                await EzspRadio.open(where)

    run(test())
