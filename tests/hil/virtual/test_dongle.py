"""Virtual dongles on one air under unmodified bellows: a hub, devices, and everything between them."""

import asyncio
from typing import Any

import pytest

pytest.importorskip("bellows", reason="the radio extra is not installed: pip install -e '.[radio]'")

from bellows.zigbee.repairs import update_tx_power

from hil.virtual.core import COUNTER_COUNT, Counter
from tests.hil.virtual.bellows_hosts import (
    CHANNEL,
    CLUSTER,
    JOIN_KEY,
    PAN_ID,
    TC_KEY,
    Stick,
    aps_frame,
    configure,
    form,
    join,
    ok,
    parameters,
    permit,
    run,
    sticks,
    t,
)

OK = t.sl_Status.OK
ROUTER, END_DEVICE, SLEEPY = 2, 3, 4
VERSIONS = (13, 14, 19)
CBKE_KEY = bytes.fromhex("0F0E0D0C0B0A09080706050403020100")


async def joined(hub: Stick, device: Stick, node_type: int = ROUTER) -> int:
    """Form, permit and join; the device's node id."""
    await form(hub)
    await permit(hub, await device.eui64())
    heard = hub.heard.coming("incomingMessageHandler", lambda args: args[1].clusterId == 0x0013)
    assert await join(device, node_type) == t.sl_Status.NETWORK_UP
    await heard
    return await device.node_id()


@pytest.mark.parametrize("version", VERSIONS)
def test_form_and_look(version: int) -> None:
    async def test() -> None:
        async with sticks(1, version) as (hub,):
            assert (await hub.host.networkState())[0] == t.EmberNetworkStatus.NO_NETWORK
            status = (await hub.host.getNetworkParameters())[0]
            assert t.sl_Status.from_ember_status(status) == t.sl_Status.NOT_JOINED
            await form(hub)
            assert (await hub.host.networkState())[0] == t.EmberNetworkStatus.JOINED_NETWORK
            status, node_type, found = await hub.host.getNetworkParameters()
            assert (node_type, found.panId, found.radioChannel) == (1, PAN_ID, CHANNEL)
            assert await hub.node_id() == 0
            (status, state) = await hub.host.getCurrentSecurityState()
            assert state.trustCenterLongAddress == await hub.eui64()
            assert (await hub.host._protocol.get_tc_link_key()).key.serialize() == TC_KEY
            (status,) = await hub.host.addEndpoint(2, 0x0109, 0x0500, 0, 0, 0, [], [])
            assert t.sl_Status.from_ember_status(status) != OK

    run(test())


@pytest.mark.parametrize("version", VERSIONS)
def test_the_network_survives_a_reset_and_the_rest_does_not(version: int) -> None:
    async def test() -> None:
        async with sticks(1, version) as (hub,):
            await form(hub)
            device = t.EUI64.convert("00:0d:6f:00:0a:bc:de:f0")
            await permit(hub, device)
            ok(await hub.host.importLinkKey(0, device, t.KeyData(CBKE_KEY)))
            await hub.host.reset()
            await hub.host.version()
            assert (await hub.host.networkState())[0] == t.EmberNetworkStatus.NO_NETWORK
            assert (await hub.host.getPolicy(t.EzspPolicyId.TRUST_CENTER_POLICY))[1] != 0x11
            await configure(hub.host)
            with hub.host.wait_for_stack_status(t.sl_Status.NETWORK_UP) as up:
                assert await hub.host.initialize_network() == OK
                await up
            _, _, found = await hub.host.getNetworkParameters()
            assert (found.panId, found.radioChannel) == (PAN_ID, CHANNEL)
            assert (await hub.host.findKeyTableEntry(device, True))[0] == 0
            result = await hub.host.exportTransientKeyByEui(device)
            assert t.sl_Status.from_ember_status(result[0 if hub.new else 3]) == t.sl_Status.NOT_FOUND

    run(test())


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("node_type", [ROUTER, END_DEVICE, SLEEPY])
def test_a_device_joins_and_both_sides_send(version: int, node_type: int) -> None:
    async def test() -> None:
        async with sticks(2, version) as (hub, device):
            node_id = await joined(hub, device, node_type)
            (decision,) = hub.heard.of("trustCenterJoinHandler")
            assert decision[:4] == [node_id, await device.eui64(), 1, 0]
            assert (await device.host.networkState())[0] == t.EmberNetworkStatus.JOINED_NETWORK
            # what waits for a sleepy device, the acknowledgement too, it has to fetch
            poll = asyncio.ensure_future(polling(device)) if node_type == SLEEPY else None
            up = hub.heard.coming("incomingMessageHandler", lambda args: args[1].clusterId == CLUSTER)
            assert await device.send(0, b"upwards") == OK
            sender, aps, payload = hub.message(await up)
            assert (sender, payload, aps.profileId) == (node_id, b"upwards", 0x0109)
            down = device.heard.coming("incomingMessageHandler", lambda args: args[1].clusterId == CLUSTER)
            sending = asyncio.ensure_future(hub.send(node_id, b"downwards"))
            assert device.message(await down)[::2] == (0, b"downwards")
            assert await sending == OK
            if poll is not None:
                poll.cancel()

    run(test())


async def polling(device: Stick) -> None:
    while True:
        await device.host.pollForData(interval=0, units=0, failureLimit=1)
        await asyncio.sleep(0.02)


def test_a_periodic_poll() -> None:
    async def test() -> None:
        async with sticks(2) as (hub, device):
            node_id = await joined(hub, device, SLEEPY)
            ok(await device.host._command("pollForData", interval=20, units=1, failureLimit=3))
            for number in range(5):
                assert await hub.send(node_id, bytes([number]), tag=number) == OK
            received = [device.message(a)[2] for a in device.heard.of("incomingMessageHandler")]
            assert [p for p in received if len(p) == 1] == [bytes([n]) for n in range(5)]

    run(test())


@pytest.mark.parametrize(
    ("opened", "key", "ends"),
    [
        (False, JOIN_KEY, {t.sl_Status.NO_BEACONS, t.sl_Status.NOT_JOINED}),
        (True, bytes(16), {t.sl_Status.ZIGBEE_NO_NETWORK_KEY_RECEIVED, t.sl_Status.NOT_JOINED}),
    ],
    ids=["closed", "wrong key"],
)
def test_who_may_not_join(opened: bool, key: bytes, ends: set[Any]) -> None:
    async def test() -> None:
        async with sticks(2) as (hub, device):
            await form(hub)
            if opened:
                await permit(hub, await device.eui64())
            assert await join(device, ROUTER, key) in ends
            assert (await device.host.networkState())[0] == t.EmberNetworkStatus.NO_NETWORK

    run(test())


@pytest.mark.parametrize("version", VERSIONS)
def test_aps_security_with_a_key_of_the_hosts(version: int) -> None:
    async def test() -> None:
        async with sticks(2, version) as (hub, device):
            node_id = await joined(hub, device)
            both = {hub: await device.eui64(), device: await hub.eui64()}
            for stick, partner in both.items():
                ok(await stick.host.importLinkKey(0xFF, partner, t.KeyData(CBKE_KEY)))
            heard = device.heard.coming("incomingMessageHandler", lambda args: args[1].clusterId == CLUSTER)
            assert await hub.send(node_id, b"sealed", 0x0160) == OK
            _, aps, payload = device.message(await heard)
            assert (payload, aps.options & 0x20) == (b"sealed", 0x20)
            # another key on one side: nothing comes through
            ok(await hub.host.importLinkKey(0xFF, both[hub], t.KeyData(bytes(range(16)))))
            assert await hub.send(node_id, b"other key", 0x0160, tag=8) != OK
            assert [
                p
                for p in map(device.message, device.heard.of("incomingMessageHandler"))
                if p[2] == b"other key"
            ] == []

    run(test())


@pytest.mark.parametrize("version", VERSIONS)
def test_keys_by_index_and_by_partner(version: int) -> None:
    async def test() -> None:
        async with sticks(1, version) as (hub,):
            await form(hub)
            partner = t.EUI64.convert("00:0d:6f:00:0a:bc:de:f0")
            ok(await hub.host.importLinkKey(2, partner, t.KeyData(CBKE_KEY)))
            assert (await hub.host.findKeyTableEntry(partner, True))[0] == 2
            by_index = await hub.host.exportLinkKeyByIndex(2)
            by_eui = await hub.host.exportLinkKeyByEui(partner)
            assert by_index[2 if hub.new else 1].serialize() == CBKE_KEY
            assert by_eui[2 if hub.new else 0].serialize() == CBKE_KEY
            keys = [key async for key in hub.host._protocol.read_link_keys()] if not hub.new else []
            assert [(k.partner_ieee, k.key.serialize()) for k in keys] == (
                [] if hub.new else [(partner, CBKE_KEY)]
            )
            ok(await hub.host.eraseKeyTableEntry(2))
            assert (await hub.host.findKeyTableEntry(partner, True))[0] == 0xFF
            status = (await hub.host.exportLinkKeyByIndex(2))[0 if hub.new else 3]
            assert t.sl_Status.from_ember_status(status) == t.sl_Status.NOT_FOUND

    run(test())


def test_leave_and_remove() -> None:
    async def test() -> None:
        async with sticks(3) as (hub, first, second):
            node_id = await joined(hub, first)
            await permit(hub, await second.eui64())
            announced = hub.heard.coming("incomingMessageHandler", lambda args: args[1].clusterId == 0x0013)
            assert await join(second, END_DEVICE) == t.sl_Status.NETWORK_UP
            await announced
            left = hub.heard.coming("trustCenterJoinHandler", lambda args: args[2] == 2)
            await first.host.leaveNetwork()
            assert (await left)[1] == await first.eui64()
            assert (await first.host.networkState())[0] == t.EmberNetworkStatus.NO_NETWORK
            down = second.heard.coming("stackStatusHandler")
            target = await second.eui64()
            ok(await hub.host.removeDevice(await second.node_id(), target, target))
            assert t.sl_Status.from_ember_status((await down)[0]) == t.sl_Status.NETWORK_DOWN
            assert node_id

    run(test())


def test_a_device_that_reboots_is_still_there() -> None:
    async def test() -> None:
        async with sticks(2) as (hub, device):
            node_id = await joined(hub, device)
            await device.host.reset()
            await device.host.version()
            await configure(device.host)
            with device.host.wait_for_stack_status(t.sl_Status.NETWORK_UP) as up:
                assert await device.host.initialize_network() == OK
                await up
            assert await device.node_id() == node_id
            assert await device.send(0, b"again") == OK
            assert await hub.send(node_id, b"again") == OK

    run(test())


@pytest.mark.parametrize("secure", [True, False])
def test_rejoin(secure: bool) -> None:
    async def test() -> None:
        async with sticks(2) as (hub, device):
            await joined(hub, device, END_DEVICE)
            up = device.heard.coming(
                "stackStatusHandler",
                lambda args: t.sl_Status.from_ember_status(args[0]) == t.sl_Status.NETWORK_UP,
            )
            if not secure:
                for stick, partner in ((hub, await device.eui64()), (device, await hub.eui64())):
                    ok(await stick.host.importLinkKey(0xFF, partner, t.KeyData(CBKE_KEY)))
                ok(await hub.host.setPolicy(t.EzspPolicyId.TRUST_CENTER_POLICY, t.EzspDecisionId(0x02)))
            ok(await device.host.findAndRejoinNetwork(secure, 0, 0, t.EmberNodeType.END_DEVICE))
            await up
            assert await device.send(0, b"back") == OK

    run(test())


def test_loop_back_and_discovery() -> None:
    async def test() -> None:
        async with sticks(2) as (hub, device):
            node_id = await joined(hub, device)
            answer = hub.heard.coming("incomingMessageHandler", lambda args: args[1].clusterId == 0x8004)
            request = aps_frame(0x0140, 0x0004)
            request.profileId, request.sourceEndpoint, request.destinationEndpoint = 0, 0, 0
            status, _ = await hub.host.send_unicast(
                node_id, request, 1, b"\x01" + node_id.to_bytes(2, "little") + b"\x01"
            )
            assert status == OK
            _, _, payload = hub.message(await answer)
            assert payload[:4] == b"\x01\x00" + node_id.to_bytes(2, "little")
            assert payload[5:8] == bytes.fromhex("010901")  # endpoint and profile
            own = hub.heard.coming("incomingMessageHandler", lambda args: args[1].clusterId == 0x8002)
            request.clusterId = 0x0002
            await hub.host.send_unicast(0, request, 2, b"\x02\x00\x00")
            assert hub.message(await own)[2][:4] == b"\x02\x00\x00\x00"

    run(test())


def test_scans() -> None:
    async def test() -> None:
        async with sticks(2) as (hub, device):
            await form(hub)
            results = await device.host.startScan(
                t.EzspNetworkScanType.ENERGY_SCAN, t.Channels.from_channel_list([11, 15, 26]), 2
            )
            assert [channel for channel, _ in results] == [11, 15, 26]
            assert all(-128 <= rssi < 20 for _, rssi in results)
            found = await device.host.startScan(t.EzspNetworkScanType.ACTIVE_SCAN, t.Channels.ALL_CHANNELS, 2)
            assert [(f[0].panId, f[0].channel, f[0].allowingJoin) for f in found] == [(PAN_ID, CHANNEL, 0)]
            (status,) = await device.host._command(
                "startScan", scanType=t.EzspNetworkScanType.ACTIVE_SCAN, channelMask=t.Channels(0), duration=2
            )
            assert status == t.sl_Status.INVALID_CHANNEL_MASK

    run(test())


def test_payloads_up_to_the_limit() -> None:
    async def test() -> None:
        async with sticks(2) as (hub, device):
            node_id = await joined(hub, device)
            (limit,) = await hub.host.maximumPayloadLength()
            assert await hub.send(node_id, bytes(limit)) == OK
            assert await hub.send(node_id, bytes(limit + 1)) == t.sl_Status.MESSAGE_TOO_LONG

    run(test())


def test_broadcasts_and_multicasts() -> None:
    async def test() -> None:
        async with sticks(2) as (hub, device):
            await joined(hub, device)
            heard = device.heard.coming("incomingMessageHandler", lambda args: args[1].clusterId == CLUSTER)
            status, _ = await hub.host.send_broadcast(
                t.BroadcastAddress.RX_ON_WHEN_IDLE, aps_frame(0), 0, 1, 0, b"to all"
            )
            assert status == OK
            assert device.message(await heard)[2] == b"to all"
            ok(
                await device.host.setMulticastTableEntry(
                    0, t.EmberMulticastTableEntry(multicastId=0x1234, endpoint=1, networkIndex=0)
                )
            )
            heard = device.heard.coming("incomingMessageHandler", lambda args: args[0] == 2)
            frame = aps_frame(0)
            frame.groupId = 0x1234
            status, _ = await hub.host.send_multicast(frame, 0, 3, 2, b"to the group")
            assert status == OK
            assert device.message(await heard)[2] == b"to the group"

    run(test())


def test_inter_pan_frames_pass_through() -> None:
    async def test() -> None:
        async with sticks(2) as (hub, device):
            await form(hub)
            node_id = await joined_again(hub, device)
            ok(await device.host.setValue(t.EzspValueId.VALUE_MAC_PASSTHROUGH_FLAGS, b"\x01"))
            passed = device.heard.coming("macPassthroughMessageHandler")
            done = hub.heard.coming("rawTransmitCompleteHandler")
            # broadcast data frame of the MAC, stub NWK (inter-PAN), APS of an inter-PAN message
            mpdu = bytes.fromhex("0188 01 FFFF FFFF".replace(" ", "")) + PAN_ID.to_bytes(2, "little")
            mpdu += b"\x00\x00" + bytes.fromhex("0B00 0B 0407 0901".replace(" ", "")) + b"inter-PAN"
            ok(await hub.host.sendRawMessageExtended(mpdu, 0, True))
            await done
            args = await passed
            assert args[-1].endswith(b"inter-PAN")
            assert node_id

    run(test())


async def joined_again(hub: Stick, device: Stick) -> int:
    await permit(hub, await device.eui64())
    assert await join(device, ROUTER) == t.sl_Status.NETWORK_UP
    return await device.node_id()


def test_a_sniffer_hears_the_others() -> None:
    async def test() -> None:
        async with sticks(3) as (hub, device, sniffer):
            ok(await sniffer.host.mfglibStart(True))
            ok(await sniffer.host.mfglibSetChannel(CHANNEL))
            await joined(hub, device)
            assert sniffer.heard.of("mfglibRxHandler")
            ok(await sniffer.host.mfglibEnd())

    run(test())


@pytest.mark.parametrize("version", VERSIONS)
def test_counters_and_tables(version: int) -> None:
    async def test() -> None:
        async with sticks(2, version) as (hub, device):
            node_id = await joined(hub, device, END_DEVICE)
            eui64 = await device.eui64()
            counters = await hub.host.read_counters()
            assert counters[t.EmberCounterType.COUNTER_MAC_RX_UNICAST] > 0
            assert await hub.host._protocol._lookup_node_id_by_eui64(eui64) == node_id
            _status, found = await hub.host.lookupEui64ByNodeId(node_id)
            assert found == eui64
            children = [c async for c in hub.host._protocol.read_child_data()]
            assert children == [(node_id, eui64, t.EmberNodeType.END_DEVICE)]
            await hub.host.set_extended_timeout(node_id, eui64, True)
            assert await hub.host._protocol._get_extended_timeout(eui64)
            _count, parent, parent_id = await device.host.getParentChildParameters()
            assert (parent, parent_id) == (await hub.eui64(), 0)

    run(test())


@pytest.mark.parametrize("version", [13, 14])
def test_on_terminals(version: int) -> None:
    async def test() -> None:
        async with sticks(2, version, pty=True) as (hub, device):
            node_id = await joined(hub, device)
            assert await hub.send(node_id, b"over a terminal") == OK

    run(test())


def test_a_host_that_takes_over_finds_the_network() -> None:
    async def test() -> None:
        async with sticks(1) as (hub,):
            await form(hub)
            import zigpy.config
            from bellows.ezsp import EZSP

            again = EZSP(zigpy.config.SCHEMA_DEVICE({"path": hub.path}))
            await again.connect(use_thread=False)
            await configure(again)
            with again.wait_for_stack_status(t.sl_Status.NETWORK_UP) as up:
                assert await again.initialize_network() == OK
                await up
            await again.disconnect()

    run(test())


def test_wrong_channels_and_powers_are_refused() -> None:
    async def test() -> None:
        async with sticks(1) as (hub,):
            for field, value, expected in (
                ("radioChannel", 9, t.sl_Status.TRANSMIT_INVALID_CHANNEL),
                ("radioTxPower", 100, t.sl_Status.TRANSMIT_INVALID_POWER),
            ):
                wrong = parameters()
                setattr(wrong, field, value)
                (status,) = await hub.host._command("formNetwork", parameters=wrong)
                assert status == expected

    run(test())


def test_what_tokens_of_the_network_can_change() -> None:
    async def test() -> None:
        async with sticks(1) as (hub,):
            await form(hub)
            await hub.host.write_nwk_update_id(5)
            (status,) = await hub.host.setRadioPower(3)
            assert status == OK
            _, _, found = await hub.host.getNetworkParameters()
            assert (found.nwkUpdateId, found.radioTxPower) == (5, 3)
            assert await update_tx_power(hub.host, tx_power=-2)
            await hub.host.reset()
            await hub.host.version()
            await configure(hub.host)
            with hub.host.wait_for_stack_status(t.sl_Status.NETWORK_UP) as up:
                await hub.host.initialize_network()
                await up
            _, _, found = await hub.host.getNetworkParameters()
            assert (found.nwkUpdateId, found.radioTxPower) == (5, 0xFE)

    run(test())


def test_children_of_a_backup() -> None:
    async def test() -> None:
        async with sticks(1) as (hub,):
            await form(hub)
            child = t.EUI64.convert("00:0d:6f:00:0a:bc:de:f0")
            await hub.host._protocol.write_child_data({child: 0x1234})
            rows = [c async for c in hub.host._protocol.read_child_data()]
            assert rows == [(0x1234, child, t.EmberNodeType.SLEEPY_END_DEVICE)]

    run(test())


def test_counters_have_the_places_that_hosts_read_them_at() -> None:
    for counter in Counter:
        assert t.EmberCounterType[f"COUNTER_{counter.name}"] == counter
    assert len(t.EmberCounterType) == COUNTER_COUNT
