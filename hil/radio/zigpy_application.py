"""zigpy's coordinator for Smart Energy: what has to be overridden, for any of its radio libraries.

`SmartEnergyApplication` is mixed into the application of a library, `EzspApplication` is that of
bellows with what only concerns dongles that speak EZSP. The numbers are rows of radio-stack 4.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any, Final, Protocol

import bellows.ezsp
import bellows.types as t
import zigpy.application
import zigpy.device
import zigpy.exceptions
import zigpy.profiles.zha
import zigpy.types
import zigpy.zdo
import zigpy.zdo.types as zdo_t
from bellows.zigbee import util
from bellows.zigbee.application import ControllerApplication

from gbcs.ids import EntityId
from smets.han.endpoints import Endpoint
from smets.han.zcl import PROFILE_SE

from .ezsp_link import FRAGMENT_BIT, HEADER, INCOMING, OPTIONS_HIGH, is_ok
from .ezsp_values import (
    DENY_APP_KEY_REQUESTS,
    DENY_TC_KEY_REQUESTS,
    ENCRYPTION,
    FRAGMENT,
    HUB_SECURITY,
    NO_INDEX,
    RETRY,
    ROUTE_DISCOVERY,
    entity,
    eui64,
    key,
)
from .fragments import Reassembler, Source, acknowledgement_group, cut
from .settings import RadioSettings
from .zigpy_clusters import register

POLICIES: Final = {
    "TRUST_CENTER_POLICY": 0,
    "TC_KEY_REQUEST_POLICY": DENY_TC_KEY_REQUESTS,
    "APP_KEY_REQUEST_POLICY": DENY_APP_KEY_REQUESTS,
}
APS_SECURITY_OVERHEAD = 9
SENT_TIMEOUT = 10.0  # seconds until a fragment counts as lost; the dongle repeats it before

UNSECURED_JOIN = 1  # EmberDeviceUpdate
DENY = 2  # EmberJoinDecision


class Hearer(Protocol):
    """Who listens to the application."""

    def heard(self, packet: Any) -> None:
        """A packet, before zigpy's filters (row 8)."""
        ...

    def left(self, station: EntityId) -> None: ...
    def anew(self, station: EntityId) -> None:
        """The trust centre lets a device join; an old key with it is void. It may still fail (row 10)."""
        ...

    def refused(self, station: EntityId) -> None: ...


class SmartEnergyDevice(zigpy.device.ZigbeeDevice):  # type: ignore[misc]
    """A device whose frames of profile 0109 are ZCL frames, too (row 1)."""

    def custom_profile_packet_received(self, packet: Any) -> None:
        if packet.profile_id == PROFILE_SE:
            self.packet_received(packet.replace(profile_id=zigpy.profiles.zha.PROFILE_ID))
        else:
            super().custom_profile_packet_received(packet)

    def schedule_initialize(self) -> Any:
        """zigpy's interview of each joiner (row 11), unless the application does without."""
        if getattr(self.application, "interviews", True):
            return super().schedule_initialize()
        return None


class SmartEnergyApplication:
    """Mixed in before the application of a radio library. `prepare` is called once, before anything else."""

    interviews = True
    se_endpoints: Sequence[Endpoint] = ()
    settings = RadioSettings()
    hearer: Hearer | None = None

    def prepare(self, settings: RadioSettings, endpoints: Sequence[Endpoint], hearer: Hearer) -> None:
        """Give it what it needs before it connects, and zigpy the clusters of Smart Energy."""
        register()
        self.settings = settings
        self.se_endpoints = tuple(endpoints)
        self.hearer = hearer
        self._asked: dict[Any, asyncio.Event] = {}

    def add_device(self, ieee: Any, nwk: Any) -> Any:
        device = SmartEnergyDevice(self, ieee, nwk)
        self.devices[ieee] = device  # type: ignore[attr-defined]
        if ieee in self._asked:
            self._asked[ieee].set()
        return device

    def packet_received(self, packet: Any) -> None:
        if self.hearer is not None:
            self.hearer.heard(packet)
        super().packet_received(packet)  # type: ignore[misc]

    def handle_leave(self, nwk: Any, ieee: Any) -> None:
        if self.hearer is not None:
            self.hearer.left(entity(ieee))
        super().handle_leave(nwk, ieee)  # type: ignore[misc]

    async def register_endpoints(self) -> None:
        """The endpoints given instead of zigpy's own; zigpy needs one of number 1."""
        if not self.se_endpoints:
            await super().register_endpoints()  # type: ignore[misc]
            return
        for endpoint in self.se_endpoints:
            await self.add_endpoint(  # type: ignore[attr-defined]
                zdo_t.SimpleDescriptor(
                    endpoint=endpoint.number,
                    profile=endpoint.profile,
                    device_type=endpoint.device_id,
                    device_version=endpoint.version,
                    input_clusters=list(endpoint.servers),
                    output_clusters=list(endpoint.clients),
                )
            )

    async def permit_gp(self, time_s: int) -> None:
        """No Green Power in a hub's network."""

    async def ask_address(self, ieee: Any) -> None:
        """Ask all for a short address, until zigpy has made a device of an answer."""
        answered = self._asked.setdefault(ieee, asyncio.Event())
        try:
            await zigpy.zdo.broadcast(
                self,
                zdo_t.ZDOCmd.NWK_addr_req,
                0,
                0,
                IEEEAddr=ieee,
                RequestType=zdo_t.AddrRequestType.Single,
                StartIndex=0,
            )
            await answered.wait()
        finally:
            self._asked.pop(ieee, None)

    # What only some libraries can do

    async def own_eui64(self) -> EntityId | None:
        """The radio's address before there is a network, where the library tells."""
        return None

    async def lookup(self, station: EntityId) -> int | None:
        """A short address the radio knows, where the library tells."""
        return None

    async def close_door(self) -> None:
        """Back to no joins (row 4) and no keys for them; the permit ends by zigpy's own command."""

    async def give_key(self, station: EntityId, link_key: bytes) -> int | None:
        """Store a link key (row 5); its status, None where the library cannot."""
        return None

    async def take_key(self, station: EntityId) -> None:
        """Erase a link key."""

    async def read_key(self, station: EntityId) -> bytes | None:
        """The stored link key, b"" where the library does not tell it; None if there is none."""
        return None

    def energy_dbm(self, energy: float) -> int | None:
        """An energy of zigpy's scan as dBm, where the library tells."""
        return None


class _Ezsp(bellows.ezsp.EZSP):  # type: ignore[misc]
    """bellows' EZSP with the security of a hub (row 3) and fragments put together here (row 6)."""

    def __init__(self, config: Any, application: Any) -> None:
        super().__init__(config, application)
        settings = application.settings
        self._reassembler = Reassembler(settings.fragment_timeout, settings.max_message)
        self._replies: set[asyncio.Task[Any]] = set()

    async def setInitialSecurityState(self, state: Any) -> Any:
        (own,) = await self.getEui64()
        state.bitmask = t.EmberInitialSecurityBitmask(HUB_SECURITY)
        state.preconfiguredTrustCenterEui64 = own
        return await self._command("setInitialSecurityState", state=state)

    def frame_received(self, data: bytes) -> None:
        if not (
            len(data) > OPTIONS_HIGH and data[3:HEADER] == INCOMING and data[OPTIONS_HIGH] & FRAGMENT_BIT
        ):
            super().frame_received(data)
            return
        try:
            values, _ = t.deserialize_dict(
                data[HEADER:], self._protocol.COMMANDS["incomingMessageHandler"][2]
            )
        except ValueError:
            return
        arguments = list(values.values())
        frame = arguments[1]
        nwk = values["nwk"] if "nwk" in values else values["sender"]
        index = int(frame.groupId) & 0xFF
        taken = self._reassembler.take(
            Source(
                int(nwk),
                int(frame.sequence),
                int(frame.profileId),
                int(frame.clusterId),
                int(frame.sourceEndpoint),
                int(frame.destinationEndpoint),
                bool(frame.options & ENCRYPTION),
            ),
            index,
            int(frame.groupId) >> 8,
            bytes(arguments[-1]),
            asyncio.get_running_loop().time(),
        )
        if taken.acknowledge:
            back = frame.replace(
                sourceEndpoint=frame.destinationEndpoint,
                destinationEndpoint=frame.sourceEndpoint,
                groupId=t.uint16_t(acknowledgement_group(index)),
            )
            task = asyncio.get_running_loop().create_task(self._answer(nwk, back))
            self._replies.add(task)
            task.add_done_callback(self._replies.discard)
        if taken.message is not None:
            arguments[1] = frame.replace(options=frame.options & ~t.EmberApsOption(FRAGMENT))
            arguments[-1] = taken.message
            self.handle_callback("incomingMessageHandler", arguments)

    async def _answer(self, nwk: Any, frame: Any) -> None:
        try:
            await self.sendReply(nwk, frame, b"")
        except (OSError, TimeoutError, zigpy.exceptions.ZigbeeException):
            return  # the fragment comes again


class EzspApplication(SmartEnergyApplication, ControllerApplication):  # type: ignore[misc]
    """bellows' coordinator application for a hub."""

    async def connect(self) -> None:
        self._ezsp: Any = _Ezsp(self.config[zigpy.config.CONF_DEVICE], self)
        try:
            await self._ezsp.connect(use_thread=False)
            await self._ezsp.write_config(self.config["ezsp_config"])
            self._created_device_endpoints.clear()
            await self.register_endpoints()
        except BaseException:
            if self._ezsp is not None:
                await self._ezsp.disconnect()
                self._ezsp = None
            raise

    async def _reset(self) -> None:
        """The dongle forgets its endpoints, and forming ends with this."""
        await super()._reset()
        self._created_device_endpoints.clear()
        await self.register_endpoints()

    async def permit(self, time_s: int = 60, node: Any = None) -> None:
        """Without bellows' wildcard key and its delayed policy (row 2)."""
        await zigpy.application.ControllerApplication.permit(self, time_s, node)

    def _handle_tc_join_handler(
        self, nwk: Any, ieee: Any, device_update_status: Any, decision: Any, parent_nwk: Any
    ) -> None:
        if self.hearer is not None:
            if decision == DENY:
                self.hearer.refused(entity(ieee))
            elif device_update_status == UNSECURED_JOIN:
                self.hearer.anew(entity(ieee))
        super()._handle_tc_join_handler(nwk, ieee, device_update_status, decision, parent_nwk)

    async def close_door(self) -> None:
        await self._ezsp.setPolicy(t.EzspPolicyId.TRUST_CENTER_POLICY, t.EzspDecisionBitmask(0))
        await self._ezsp.clearTransientLinkKeys()

    async def own_eui64(self) -> EntityId | None:
        (own,) = await self._ezsp.getEui64()
        return entity(own)

    async def lookup(self, station: EntityId) -> int | None:
        found = await self._ezsp._protocol._lookup_node_id_by_eui64(eui64(station))
        return None if found is None else int(found)

    async def give_key(self, station: EntityId, link_key: bytes) -> int | None:
        row = await self._row(station)
        if row == NO_INDEX:
            row = await self._row(EntityId(bytes(8)))
        (status,) = await self._ezsp.importLinkKey(row, eui64(station), key(link_key))
        return int(status)

    async def take_key(self, station: EntityId) -> None:
        row = await self._row(station)
        if row != NO_INDEX:
            await self._ezsp.eraseKeyTableEntry(row)

    async def _row(self, station: EntityId) -> int:
        (row,) = await self._ezsp.findKeyTableEntry(eui64(station), True)
        return int(row)

    async def read_key(self, station: EntityId) -> bytes | None:
        if await self._row(station) == NO_INDEX:
            return None
        names = self._ezsp._protocol.COMMANDS["exportLinkKeyByEui"][2]
        answer = dict(zip(names, await self._ezsp.exportLinkKeyByEui(eui64(station)), strict=False))
        return bytes(answer["plaintext_key"].serialize()) if is_ok(answer["status"]) else b""

    def energy_dbm(self, energy: float) -> int | None:
        rssi: float = util.map_energy_to_rssi(min(max(energy, 0.5), 254.5))
        return round(rssi)

    # --- fragments (row 7)

    async def send_packet(self, packet: Any) -> None:
        """As bellows, but what is too long for a frame goes in fragments."""
        if packet.dst is not None and packet.dst.addr_mode == zigpy.types.AddrMode.NWK:
            (room,) = await self._payload_length()
            encrypted = zigpy.types.TransmitOptions.APS_Encryption in packet.tx_options
            room -= APS_SECURITY_OVERHEAD if encrypted else 0
            data = packet.data.serialize()
            if len(data) > room:
                await self._send_fragments(packet, data, room - self.settings.fragment_overhead, encrypted)
                return
        await super().send_packet(packet)

    async def _payload_length(self) -> tuple[int]:
        known = getattr(self._ezsp, "payload_length", None) if self._ezsp is not None else None
        if known is None:
            if self._ezsp is None:
                raise zigpy.exceptions.ControllerException("the radio is not connected")
            known = await self._ezsp.maximumPayloadLength()
            self._ezsp.payload_length = known
        return (int(known[0]),)

    async def _send_fragments(self, packet: Any, data: bytes, size: int, encrypted: bool) -> None:
        options = RETRY | ROUTE_DISCOVERY | FRAGMENT | (ENCRYPTION if encrypted else 0)
        sequence = 0
        async with self._limit_concurrency(priority=packet.priority):
            for fragment in cut(data, size):
                frame = t.EmberApsFrame(
                    profileId=packet.profile_id,
                    clusterId=packet.cluster_id,
                    sourceEndpoint=packet.src_ep,
                    destinationEndpoint=packet.dst_ep,
                    options=t.EmberApsOption(options),
                    groupId=fragment.group,
                    sequence=sequence,
                )
                sequence = await self._send_one(packet.dst.address, frame, fragment.payload)

    async def _send_one(self, nwk: Any, frame: Any, payload: bytes) -> int:
        tag = self.get_sequence()
        waiting: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._pending_requests[nwk, tag] = waiting
        try:
            async with self._req_lock:
                status, sequence = await self._ezsp.send_unicast(
                    nwk=nwk, aps_frame=frame, message_tag=tag, data=payload
                )
            if not is_ok(status):
                raise zigpy.exceptions.DeliveryError(f"a fragment was refused: {status!r}", status)
            async with asyncio.timeout(SENT_TIMEOUT):
                status, _ = await waiting
            if not is_ok(status):
                raise zigpy.exceptions.DeliveryError(f"a fragment was not delivered: {status!r}", status)
        finally:
            self._pending_requests.pop((nwk, tag), None)
        return int(sequence)
