"""The radio interface of a hub on zigpy's coordinator application (`interface.HubRadio`).

Thinner than `ezsp_radio`: zigpy keeps the network, this keeps to the rules of Smart Energy above
it. With `EzspApplication` everything works that a hub needs; applications of other radio
libraries, mixed with `SmartEnergyApplication`, do what their library can.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Any, Self, TypeVar

import zigpy.config
import zigpy.exceptions
import zigpy.types
import zigpy.zdo.types as zdo_t

from gbcs.errors import BuildError, ParseError
from gbcs.ids import EntityId
from smets.han.endpoints import Endpoint
from smets.han.zcl import ApsMessage

from .ezsp_values import channel_mask, entity, eui64, key
from .interface import (
    CHANNELS,
    KEY_LENGTH,
    Event,
    InterPanMessage,
    Joined,
    JoinRefused,
    KeyRow,
    KeyTableFull,
    Left,
    LinkLost,
    Lost,
    Network,
    NetworkDown,
    NetworkSettings,
    NetworkTimeout,
    NetworkUp,
    NodeType,
    NoNetwork,
    NotDelivered,
    RadioClosed,
    RadioError,
    RadioUnavailable,
    Received,
    Refused,
    SendTimeout,
    Unreachable,
    Versions,
)
from .settings import RadioSettings
from .shared import KeyBook, Shared
from .streams import Stream
from .zdo_frames import DEVICE_ANNOUNCE, PROFILE, announcement
from .zigpy_application import POLICIES, EzspApplication, SmartEnergyApplication
from .zigpy_line import ERRORS, Line, received_of

LOG = logging.getLogger(__name__)
T = TypeVar("T")

FORM_TIMEOUT = 60.0  # zigpy scans, resets and reads a backup
ENERGY_EXPONENT = 2
UNAVAILABLE = -1


class ZigpyRadio:
    """A hub on a zigpy application. No role of a device, no inter-PAN, no sniffing."""

    def __init__(
        self,
        path: str,
        settings: RadioSettings,
        endpoints: Sequence[Endpoint],
        keys: Iterable[KeyRow],
        random: Callable[[int], bytes],
        application: type[SmartEnergyApplication],
        interviews: bool,
        config: dict[str, Any],
    ) -> None:
        self._path = path
        self._book = KeyBook(keys)
        self._random = random
        self._class = application
        self._interviews = interviews
        self._extra = config
        self._shared = Shared(settings, endpoints)
        self._app: Any = None
        self._line = Line()
        self._recovering = False
        self._back = asyncio.Event()
        self._joined: dict[EntityId, int] = {}
        self._sleepy: set[EntityId] = set()
        self._permits: dict[EntityId, tuple[bytes, float]] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._given: set[EntityId] = set()  # whose join key the radio may still have
        self._keys_order = asyncio.Lock()
        self._door = asyncio.Lock()

    @classmethod
    async def open(
        cls,
        path: str,
        *,
        settings: RadioSettings | None = None,
        endpoints: Sequence[Endpoint] = (),
        keys: Iterable[KeyRow] = (),
        random: Callable[[int], bytes] = os.urandom,
        application: type[SmartEnergyApplication] = EzspApplication,
        interviews: bool = False,
        config: dict[str, Any] | None = None,
    ) -> Self:
        """Connect. `config` is added to zigpy's configuration. Raises RadioUnavailable.

        `interviews`: whether zigpy asks each joiner for its descriptors and Basic attributes.
        """
        radio = cls(
            path,
            settings or RadioSettings(),
            endpoints,
            keys,
            random,
            application,
            interviews,
            config or {},
        )
        await radio._connect({})
        radio._back.set()
        return radio

    async def close(self) -> None:
        """Give the radio back; its network stays as it is."""
        shared = self._shared
        if shared.closed:
            return
        shared.closed = True
        self._stop_timer()
        await shared.stop_tasks()
        self._line.lose("closed")
        await self._disconnect()
        shared.end()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *details: object) -> None:
        await self.close()

    @property
    def application(self) -> Any:
        """zigpy's application of the moment."""
        return self._app

    @property
    def eui64(self) -> EntityId:
        return self._shared.eui64

    @property
    def versions(self) -> Versions:
        info = self._app.state.node_info
        version = getattr(getattr(self._app, "_ezsp", None), "ezsp_version", 0)
        return Versions(int(version), str(info.version or ""), f"{info.manufacturer} {info.model}")

    @property
    def network(self) -> Network | None:
        return self._shared.network

    @property
    def messages(self) -> Stream[Received]:
        return self._shared.messages

    @property
    def events(self) -> Stream[Event]:
        return self._shared.events

    @property
    def inter_pan(self) -> Stream[InterPanMessage]:
        return self._shared.inter_pan

    async def wait_up(self) -> None:
        """Wait until the line is there again."""
        await self._back.wait()

    # --- the network

    async def form(self, settings: NetworkSettings) -> Network:
        """Form a network and be its hub. Raises Refused where there is one."""
        try:
            await self._guarded(self._app.load_network_info(load_devices=False), FORM_TIMEOUT)
        except NoNetwork:
            pass
        else:
            raise Refused("the radio is in a network already", "INVALID_STATE")
        own = self._shared.eui64 if any(self._shared.eui64) else None
        extended = settings.extended_pan_id or own
        network: dict[str, Any] = {
            zigpy.config.CONF_NWK_KEY: list(settings.network_key or self._random(KEY_LENGTH)),
            zigpy.config.CONF_NWK_TC_LINK_KEY: list(self._random(KEY_LENGTH)),
        }
        if settings.channel is not None:
            network[zigpy.config.CONF_NWK_CHANNEL] = settings.channel
        if settings.pan_id is not None:
            network[zigpy.config.CONF_NWK_PAN_ID] = settings.pan_id
        if extended is not None:
            network[zigpy.config.CONF_NWK_EXTENDED_PAN_ID] = extended.hex(":")
        self._book.clear()
        await self._disconnect()
        await self._connect(network)
        # Fast spares the reading of a backup, but also the choice of a channel
        fast = settings.channel is not None
        await self._guarded(self._app.form_network(fast=fast), FORM_TIMEOUT)
        return await self._start()

    async def resume(self) -> Network:
        """Go on in the network the radio keeps. Raises NoNetwork."""
        return await self._start()

    async def leave(self) -> None:
        """Forget the network. Raises NoNetwork."""
        _ = self._here
        await self._guarded(self._app.reset_network_info(), FORM_TIMEOUT)
        self._left()
        self._shared.emit(NetworkDown("left"))

    async def energy_scan(self, channels: Sequence[int] = CHANNELS) -> dict[int, int]:
        """The strongest signal heard by channel, dBm. Raises Refused where the library tells none."""
        mask = zigpy.types.Channels(int(channel_mask(channels)))
        found = await self._guarded(
            self._app.energy_scan(mask, ENERGY_EXPONENT, 1), self._shared.settings.network_timeout
        )
        loudness = {int(channel): self._app.energy_dbm(energy) for channel, energy in found.items()}
        if None in loudness.values():
            raise Refused("this library tells no signal strength")
        return loudness

    # --- messages

    async def send(self, eui64: EntityId, message: ApsMessage, *, within: float | None = None) -> None:
        """Returns after the acknowledgement of the peer. Raises SendError and its kinds, LinkLost."""
        shared, settings = self._shared, self._shared.settings
        _ = self._here
        shared.must_have_key(eui64, message)
        asleep = eui64 in self._sleepy
        if within is None:
            within = settings.sleepy_timeout if asleep else settings.send_timeout
        async with shared.turn(eui64, within):
            device = await self._device(eui64)
            try:
                await self._guarded(
                    self._app.request(
                        device,
                        message.profile,
                        message.cluster,
                        message.source_endpoint,
                        message.destination_endpoint,
                        self._app.get_sequence(),
                        message.payload,
                        expect_reply=False,
                        ask_for_ack=True,
                        extended_timeout=asleep,
                        aps_encryption=message.encrypted,
                    ),
                    within,
                )
            except NetworkTimeout:
                raise SendTimeout(f"{eui64} did not answer in time") from None

    async def broadcast(self, message: ApsMessage) -> None:
        """To all nodes that listen, without acknowledgement."""
        _ = self._here
        await self._guarded(
            self._app.broadcast(
                message.profile,
                message.cluster,
                message.source_endpoint,
                message.destination_endpoint,
                0,
                0,
                self._app.get_sequence(),
                message.payload,
            ),
            self._shared.settings.send_timeout,
        )

    async def find_endpoint(
        self, eui64: EntityId, profile: int, cluster: int, *, server: bool = True
    ) -> int | None:
        """An endpoint with the cluster, asked of the station; None if it has none."""
        device = await self._device(eui64)
        lists = ([cluster], []) if server else ([], [cluster])
        answer = await self._guarded(
            device.zdo.Match_Desc_req(device.nwk, profile, *lists), self._shared.settings.zdo_timeout
        )
        found = answer[2] if answer[0] == zdo_t.Status.SUCCESS else []
        return int(found[0]) if found else None

    async def nwk_of(self, eui64: EntityId) -> int:
        """The short address of a station. Raises Unreachable."""
        return int((await self._device(eui64)).nwk)

    async def eui_of(self, nwk: int) -> EntityId:
        """The station with a short address. Raises Unreachable."""
        try:
            return entity(self._app.get_device(nwk=zigpy.types.NWK(nwk)).ieee)
        except KeyError:
            raise Unreachable(f"nobody knows who {nwk:04X} is") from None

    async def _device(self, station: EntityId) -> Any:
        _ = self._here
        ieee = eui64(station)
        with contextlib.suppress(KeyError):
            return self._app.get_device(ieee=ieee)
        limit = self._shared.settings.zdo_timeout
        nwk = await self._guarded(self._app.lookup(station), limit)
        if nwk is not None:
            return self._app.add_device(ieee, zigpy.types.NWK(nwk))
        with contextlib.suppress(NetworkTimeout):
            await self._guarded(self._app.ask_address(ieee), limit)
        with contextlib.suppress(KeyError):
            return self._app.get_device(ieee=ieee)
        raise Unreachable(f"nobody knows the address of {station}")

    # --- keys

    async def set_link_key(self, eui64: EntityId, key: bytes) -> None:
        """The link key with a station from now on. Raises KeyTableFull, Refused where there are none."""
        if len(key) != KEY_LENGTH:
            raise BuildError(f"{KEY_LENGTH} octets", "link key")
        with self._book.changing(eui64, key):
            async with self._keys_order:
                await self._give(eui64, key)
        self._shared.keys[eui64] = key

    async def _give(self, station: EntityId, link_key: bytes) -> None:
        status = await self._guarded(
            self._app.give_key(station, link_key), self._shared.settings.command_timeout
        )
        if status is None:
            raise Refused("this radio library stores no link keys")
        if status:
            raise KeyTableFull("the radio holds no more link keys", f"0x{status:02X}")

    async def forget_key(self, eui64: EntityId) -> None:
        """No key with a station any more."""
        self._shared.keys.pop(eui64, None)
        self._book.set(eui64, None)
        async with self._keys_order:
            await self._guarded(self._app.take_key(eui64), self._shared.settings.command_timeout)

    # --- the hub

    async def permit(self, eui64: EntityId, link_key: bytes, seconds: float) -> None:
        """Let one device join under its install code's link key."""
        if len(link_key) != KEY_LENGTH:
            raise BuildError(f"{KEY_LENGTH} octets", "link key")
        if seconds <= 0:
            raise BuildError("more than nothing", "permit")
        _ = self._here
        self._permits[eui64] = (link_key, asyncio.get_running_loop().time() + seconds)
        await self._refresh()

    async def close_permit(self, eui64: EntityId | None = None) -> None:
        """End a permit before its time; None: all."""
        if eui64 is None:
            self._permits.clear()
        else:
            self._permits.pop(eui64, None)
        await self._refresh()

    async def _refresh(self) -> None:
        async with self._door:
            await self._refresh_in_turn()

    async def _refresh_in_turn(self) -> None:
        self._stop_timer()
        _ = self._here
        now = asyncio.get_running_loop().time()
        self._permits = {name: row for name, row in self._permits.items() if row[1] > now}
        limit = self._shared.settings.command_timeout
        permits = dict(self._permits)
        if not permits or self._given - permits.keys():
            # A key that is no longer good must not let its device in under the permit of another
            await self._guarded(self._app.close_door(), limit)
            self._given.clear()
        if not permits:
            await self._guarded(self._app.permit(0), limit)
            return
        step = self._shared.settings.permit_step
        longest = max(until for _, until in permits.values()) - now
        soonest = min(until for _, until in permits.values()) - now
        for station, (link_key, _) in permits.items():
            self._given.add(station)
            work = self._app.permit_with_link_key(
                eui64(station), key(link_key), min(step, max(1, round(longest)))
            )
            await self._guarded(work, limit)
        self._timer = asyncio.get_running_loop().call_later(
            min(soonest, step * 0.9), self._shared.spawn_call, self._refresh
        )

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    async def remove(self, eui64: EntityId) -> None:
        """Make a device leave, forget its key and address."""
        device = await self._device(eui64)
        try:
            await self._guarded(device.zdo.leave(), self._shared.settings.zdo_timeout)
        except (NetworkTimeout, NotDelivered):
            with contextlib.suppress(NotDelivered, Refused):
                await self._guarded(self._app.force_remove(device), self._shared.settings.command_timeout)
        await self.forget_key(eui64)
        self._app.devices.pop(device.ieee, None)
        self.left(eui64)

    # --- in (zigpy_application.Hearer)

    def heard(self, packet: Any) -> None:
        """A packet, before zigpy's filters."""
        if packet.profile_id == PROFILE:
            if packet.cluster_id == DEVICE_ANNOUNCE:
                with contextlib.suppress(ParseError):
                    told = announcement(packet.data.serialize())
                    self._join(told.eui64, told.nwk, told.eui64 in self._joined, told.sleepy)
            return
        try:
            station = entity(self._app.get_device_with_address(packet.src).ieee)
        except (KeyError, ValueError):
            return  # zigpy asks who it is
        received = received_of(packet, station)
        if station not in self._joined:
            self._join(station, int(packet.src.address), False, False)
        self._shared.deliver(received, self._refuse)

    def _refuse(self, station: EntityId, answer: ApsMessage) -> None:
        self._shared.spawn(self.send(station, answer))

    def _join(self, station: EntityId, nwk: int, rejoined: bool, sleepy: bool) -> None:
        self._joined[station] = nwk
        (self._sleepy.add if sleepy else self._sleepy.discard)(station)
        self._shared.emit(Joined(station, nwk, rejoined, sleepy))

    def left(self, station: EntityId) -> None:
        """A device left."""
        if self._joined.pop(station, None) is not None:
            self._sleepy.discard(station)
            self._shared.emit(Left(station))

    def anew(self, station: EntityId) -> None:
        """A device begins anew."""
        self._joined.pop(station, None)
        self._shared.spawn(self.forget_key(station))

    def refused(self, station: EntityId) -> None:
        """A device was refused."""
        self._shared.emit(JoinRefused(station))

    # --- the line

    async def _connect(self, network: dict[str, Any]) -> None:
        settings = self._shared.settings
        config = {
            zigpy.config.CONF_DEVICE: {
                zigpy.config.CONF_DEVICE_PATH: self._path,
                zigpy.config.CONF_DEVICE_BAUDRATE: settings.baudrate,
                zigpy.config.CONF_DEVICE_FLOW_CONTROL: settings.flow_control,
            },
            zigpy.config.CONF_NWK: network,
            zigpy.config.CONF_NWK_BACKUP_ENABLED: False,
            zigpy.config.CONF_TOPO_SCAN_ENABLED: False,
            zigpy.config.CONF_WATCHDOG_ENABLED: False,
            "use_thread": False,
            "ezsp_config": {"CONFIG_KEY_TABLE_SIZE": settings.key_table_size},
            "ezsp_policies": dict(POLICIES),
            **self._extra,
        }
        app: Any = self._class(config)  # type: ignore[call-arg]
        app.interviews = self._interviews
        app.prepare(settings, self._shared.endpoints, self)
        app.add_listener(self)
        self._app, self._line = app, Line()
        try:
            await self._guarded(app.connect(), settings.connect_timeout)
            own = await self._guarded(app.own_eui64(), settings.command_timeout)
        except RadioError as error:
            await self._disconnect()
            raise RadioUnavailable(f"no radio at {self._path}: {error}") from None
        if own is not None:
            self._shared.eui64 = own

    async def _disconnect(self) -> None:
        app, self._app = self._app, None
        if app is not None:
            app.remove_listener(self)
            with contextlib.suppress(*ERRORS):
                async with asyncio.timeout(self._shared.settings.command_timeout):
                    await app.shutdown()

    async def _start(self) -> Network:
        shared = self._shared
        await self._guarded(self._app.initialize(auto_form=False), FORM_TIMEOUT)
        info, node = self._app.state.network_info, self._app.state.node_info
        shared.eui64 = entity(node.ieee)
        network = Network(
            int(info.channel),
            int(info.pan_id),
            entity(info.extended_pan_id),
            int(node.nwk),
            NodeType.COORDINATOR,
            shared.eui64,
        )
        shared.network = network
        reset = []
        wanted = self._book.wanted()
        for station, link_key in wanted.items():
            known = await self._guarded(self._app.read_key(station), shared.settings.command_timeout)
            if known not in (link_key, b""):
                await self._give(station, link_key)
                reset.append(station)
            self._joined.setdefault(station, UNAVAILABLE)
        shared.keys = dict(wanted)
        shared.member = True
        await self._refresh()
        shared.emit(NetworkUp(network, tuple(reset)))
        return network

    def _left(self) -> None:
        self._shared.member = False
        self._shared.network = None
        self._shared.keys = {}
        self._permits.clear()
        self._joined.clear()
        self._sleepy.clear()
        self._stop_timer()

    @property
    def _here(self) -> Network:
        if self._shared.closed:
            raise RadioClosed("the radio is closed")
        if self._line.reason is not None or self._app is None:
            raise LinkLost(self._line.reason or "not open")
        return self._shared.in_network()

    async def _guarded(self, work: Awaitable[T], limit: float) -> T:
        """Await zigpy's work in our errors."""
        try:
            return await self._line.guarded(work, limit)
        except LinkLost:
            if self._shared.closed:
                raise RadioClosed("the radio is closed") from None
            raise

    def connection_lost(self, error: BaseException | None) -> None:
        """Of zigpy, as its listener."""
        if self._line.reason is not None or self._shared.closed or self._app is None:
            return
        reason = str(error) or type(error).__name__ if error else "the line was closed"
        self._line.lose(reason)
        if self._recovering or not self._back.is_set():
            return
        self._recovering = True
        self._shared.network = None
        self._stop_timer()
        self._back.clear()
        self._shared.emit(Lost(reason))
        self._shared.spawn(self._recover())

    async def _recover(self) -> None:
        """Begin again with a new application."""
        shared = self._shared
        pause = shared.settings.back_off
        while not shared.closed:
            await self._disconnect()
            try:
                await self._connect({})
                if shared.member:
                    await self._start()
                if self._line.reason is None:  # else it was lost once more meanwhile
                    break
            except NoNetwork:
                self._left()
                shared.emit(NetworkDown("the radio keeps no network any more"))
                break
            except RadioError as error:
                LOG.info("not back yet: %s", error)
            await asyncio.sleep(pause)
            pause = min(2 * pause, shared.settings.back_off_limit)
        self._recovering = False
        self._back.set()
