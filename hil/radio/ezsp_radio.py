"""The radio interface on bellows' EZSP layer, in both roles (`interface.DeviceRadio`).

`EzspRadio.open` connects; `form`, `join` or `resume` bring it into a network. When the line is
lost, or the dongle resets, it connects again by itself, goes on in its network, and compares
the link keys; messages under way then end with `LinkLost`. Source: radio-stack 3, 6 to 8.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from typing import Self

from gbcs.errors import BuildError
from gbcs.ids import EntityId
from smets.han.endpoints import Endpoint
from smets.han.zcl import ApsMessage

from .ezsp_admission import Admission
from .ezsp_core import NETWORK_DOWN, NETWORK_UP, Core, plain
from .ezsp_interpan import InterPan
from .ezsp_keys import Keys
from .ezsp_link import Link, Values, status_name
from .ezsp_network import JOINED, JOINED_NO_PARENT, NO_NETWORK, Networking
from .ezsp_peers import Peers
from .ezsp_values import COORDINATOR_ID, entity
from .interface import (
    CHANNELS,
    KEY_LENGTH,
    Beacon,
    BindRequested,
    Event,
    InterPanMessage,
    JoinError,
    KeyRow,
    LinkLost,
    Lost,
    Network,
    NetworkDown,
    NetworkSettings,
    NetworkUp,
    NodeType,
    NoNetwork,
    PartnerKey,
    RadioError,
    RadioUnavailable,
    Received,
    Refused,
    Sniffed,
    Versions,
)
from .settings import RadioSettings
from .shared import KeyBook
from .streams import Stream
from .zdo_frames import Announcement

LOG = logging.getLogger(__name__)

ZDO_FLAGS = 0x01 | 0x02  # requests are shown to the host, unsupported ones left to it
BIND_FLAG = 0x08
UNSECURED_EVERY = 3  # of the attempts to find a lost network, one is without the network key


class EzspRadio:
    """One dongle. `endpoints` are registered whenever it was reset; `keys` are read then."""

    def __init__(
        self,
        path: str,
        settings: RadioSettings,
        endpoints: Sequence[Endpoint],
        keys: Iterable[KeyRow],
        random: Callable[[int], bytes],
    ) -> None:
        self._path = path
        self._book = KeyBook(keys)
        self._random = random
        self._core = core = Core(settings, endpoints)
        self._peers = Peers(core, self._announced, self._heard_from)
        self._keys = Keys(core)
        self._network = Networking(core)
        self._admission = Admission(core, self._peers.addresses, self._peers.zdo)
        self._inter_pan = InterPan(core)
        self._versions = Versions(0, "")
        self._serving = False
        self._recovering = False
        self._operation = asyncio.Lock()
        self._back = asyncio.Event()
        self._callbacks: dict[str, Callable[[Values], None]] = {
            "stackStatusHandler": self._status,
            "incomingMessageHandler": self._peers.frames.heard,
            "messageSentHandler": self._peers.frames.sent,
            "networkFoundHandler": self._network.scan_result,
            "energyScanResultHandler": self._network.scan_result,
            "scanCompleteHandler": self._network.scan_complete,
            "pollCompleteHandler": self._peers.polling.complete,
            "childJoinHandler": self._peers.child,
            "trustCenterJoinHandler": self._trust_center,
            "zigbeeKeyEstablishmentHandler": self._key_established,
            "macPassthroughMessageHandler": self._inter_pan.heard,
            "mfglibRxHandler": self._inter_pan.sniffed,
        }

    @classmethod
    async def open(
        cls,
        path: str,
        *,
        settings: RadioSettings | None = None,
        endpoints: Sequence[Endpoint] = (),
        keys: Iterable[KeyRow] = (),
        random: Callable[[int], bytes] = os.urandom,
    ) -> Self:
        """Connect to the dongle at a path or URL (`tcp://host:port`). Raises RadioUnavailable.

        `random` gives the keys of a network that is formed without them.
        """
        radio = cls(path, settings or RadioSettings(), endpoints, keys, random)
        await radio._connect()
        radio._back.set()
        radio._core.spawn(radio._watch())
        return radio

    async def close(self) -> None:
        """Give the dongle back; its network stays as it is."""
        core = self._core
        if core.closed:
            return
        core.closed = True
        self._serving = False
        self._admission.stop()
        await core.stop_tasks()
        self._part_lost("the radio is closed")
        await self._disconnect()
        core.end()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *details: object) -> None:
        await self.close()

    # --- what it is

    @property
    def eui64(self) -> EntityId:
        return self._core.eui64

    @property
    def versions(self) -> Versions:
        return self._versions

    @property
    def network(self) -> Network | None:
        return self._core.network

    @property
    def messages(self) -> Stream[Received]:
        return self._core.messages

    @property
    def events(self) -> Stream[Event]:
        return self._core.events

    @property
    def inter_pan(self) -> Stream[InterPanMessage]:
        return self._core.inter_pan

    # --- the network

    async def resume(self) -> Network:
        """Go on in the network the dongle keeps. Raises NoNetwork."""
        async with self._operation:
            return await self._go_on()

    async def form(self, settings: NetworkSettings) -> Network:
        """Form a network and be its hub."""
        async with self._operation:
            await self._begin_anew()
            await self._network.form(settings, self._random(KEY_LENGTH), self._random(KEY_LENGTH))
            return await self._arrive({})

    async def join(
        self,
        link_key: bytes,
        node_type: NodeType = NodeType.ROUTER,
        channels: Sequence[int] = CHANNELS,
        extended_pan_id: EntityId | None = None,
    ) -> Network:
        """Join a network under an install code's link key. Raises JoinError and its kinds."""
        async with self._operation:
            await self._begin_anew()
            await self._network.join(link_key, node_type, channels, extended_pan_id)
            return await self._arrive({})

    async def rejoin(self, *, secured: bool = True) -> Network:
        """Look for the network again, with the network key or without. Raises JoinError, NoNetwork."""
        async with self._operation:
            await self._network.rejoin(secured)
            return await self._arrive(self._book.wanted())

    async def leave(self) -> None:
        """Leave the network for good. Raises NoNetwork."""
        async with self._operation:
            await self._network.leave()
            self._left()
            self._core.emit(NetworkDown("left"))

    async def scan(self, channels: Sequence[int] = CHANNELS) -> tuple[Beacon, ...]:
        """Networks heard, the best first."""
        return await self._network.scan(channels)

    async def energy_scan(self, channels: Sequence[int] = CHANNELS) -> dict[int, int]:
        """The strongest signal heard by channel, dBm."""
        return await self._network.energy(channels)

    async def wait_up(self) -> None:
        """Wait until the line is there again."""
        await self._back.wait()

    # --- messages

    async def send(self, eui64: EntityId, message: ApsMessage, *, within: float | None = None) -> None:
        """Returns after the acknowledgement of the peer. Raises SendError and its kinds, LinkLost."""
        await self._peers.send(eui64, message, within)

    async def broadcast(self, message: ApsMessage) -> None:
        """To all nodes that listen, without acknowledgement."""
        _ = self._core.here
        await self._peers.frames.broadcast(message)

    async def find_endpoint(
        self, eui64: EntityId, profile: int, cluster: int, *, server: bool = True
    ) -> int | None:
        """An endpoint with the cluster, asked of the station; None if it has none. Raises SendError."""
        return await self._peers.find_endpoint(eui64, profile, cluster, server)

    async def nwk_of(self, eui64: EntityId) -> int:
        """The short address of a station. Raises Unreachable."""
        return await self._peers.addresses.nwk_of(eui64)

    async def eui_of(self, nwk: int) -> EntityId:
        """The station with a short address. Raises Unreachable."""
        return await self._peers.addresses.eui_of(nwk)

    async def poll(self) -> bool:
        """Fetch what the parent keeps; whether there was something. Raises NotDelivered."""
        return await self._peers.polling.poll()

    def awake(self) -> contextlib.AbstractAsyncContextManager[None]:
        """Meanwhile a sleepy node asks often."""
        return self._peers.polling.awake()

    async def send_inter_pan(self, message: InterPanMessage) -> None:
        """Send past all networks, on the channel of one's own."""
        await self._inter_pan.send(message)

    def sniff(self, channel: int) -> AsyncIterator[Sniffed]:
        """Frames of a channel, as long as it is iterated; the dongle may be in no network."""
        return self._inter_pan.sniff(channel)

    # --- keys

    async def set_link_key(self, eui64: EntityId, key: bytes) -> None:
        """The link key with a station from now on, its counters at zero. Raises KeyTableFull."""
        if len(key) != KEY_LENGTH:
            raise BuildError(f"{KEY_LENGTH} octets", "link key")
        with self._book.changing(eui64, key):
            await self._keys.give(eui64, key)

    async def forget_key(self, eui64: EntityId) -> None:
        """No key with a station any more."""
        self._book.set(eui64, None)
        await self._keys.take(eui64)

    async def request_partner_key(self, eui64: EntityId) -> bytes:
        """A link key with another device, from the trust centre. Raises NoLinkKey."""
        key = await self._keys.ask(eui64)
        self._book.set(eui64, key)
        return key

    async def ask_to_bind(self, eui64: EntityId, endpoint: int, cluster: int, own_endpoint: int) -> int:
        """Ask a device for a binding towards this node; the status. Raises SendError."""
        return await self._peers.ask_to_bind(eui64, endpoint, cluster, own_endpoint)

    async def answer_bind(self, request: BindRequested, status: int) -> None:
        """Answer a device that asks for a binding."""
        await self._peers.answer_bind(request, status)

    # --- the hub

    async def permit(self, eui64: EntityId, link_key: bytes, seconds: float) -> None:
        """Let one device join under its install code's link key."""
        self._must_be_hub()
        await self._admission.permit(eui64, link_key, seconds)

    async def close_permit(self, eui64: EntityId | None = None) -> None:
        """End a permit before its time; None: all."""
        self._must_be_hub()
        await self._admission.close(eui64)

    async def allow_partner_keys(self, allow: bool) -> None:
        """Whether devices that ask get link keys with each other."""
        self._must_be_hub()
        await self._admission.allow_partner_keys(allow)

    async def remove(self, eui64: EntityId) -> None:
        """Make a device leave, forget its key and address."""
        self._must_be_hub()
        await self._peers.make_leave(eui64)
        await self.forget_key(eui64)
        self._admission.left(eui64)

    def _must_be_hub(self) -> None:
        if self._core.here.node_type is not NodeType.COORDINATOR:
            raise Refused("only a hub does that")

    # --- the line

    async def _connect(self) -> None:
        """Connect and configure; nobody is told if the line is lost meanwhile."""
        core = self._core
        link = Link(self._path, core.settings, self._heard, self._lost)
        await link.open()
        core.link = link
        try:
            await link.configure(self._configuration())
            eui64 = entity(await core.only("getEui64"))
            if self._versions.ezsp and eui64 != core.eui64:
                raise RadioUnavailable(f"another dongle is at {self._path}: {eui64}")
            core.eui64 = eui64
            self._versions = await link.versions()
            for endpoint in core.endpoints:
                await core.demand(
                    "addEndpoint",
                    endpoint.number,
                    endpoint.profile,
                    endpoint.device_id,
                    endpoint.version,
                    len(endpoint.servers),
                    len(endpoint.clients),
                    list(endpoint.servers),
                    list(endpoint.clients),
                )
        except (LinkLost, Refused) as error:
            await self._disconnect()
            raise RadioUnavailable(f"the dongle at {self._path} is not usable: {error}") from None
        except BaseException:
            await self._disconnect()
            raise
        self._serving = True

    def _configuration(self) -> dict[str, int | None]:
        settings = self._core.settings
        flags = ZDO_FLAGS | (BIND_FLAG if settings.handle_bind_requests else 0)
        return {
            "CONFIG_KEY_TABLE_SIZE": settings.key_table_size,
            "CONFIG_APPLICATION_ZDO_FLAGS": flags,
        }

    async def _disconnect(self) -> None:
        link, self._core.link = self._core.link, None
        if link is not None:
            await link.close()

    def _lost(self, reason: str) -> None:
        if not self._serving:
            return
        self._serving = False
        self._part_lost(reason)
        if self._recovering:  # it goes on trying
            return
        LOG.info("lost: %s", reason)
        self._recovering = True
        self._back.clear()
        self._core.emit(Lost(reason))
        self._core.spawn(self._recover())

    def _part_lost(self, reason: str) -> None:
        self._admission.stop()
        self._core.lost(reason)
        self._peers.lost(reason)
        self._keys.lost()
        self._network.lost(reason)
        self._inter_pan.lost()

    async def _recover(self) -> None:
        """Connect again, and go on where the node was."""
        core = self._core
        pause = core.settings.back_off
        while not core.closed:
            await self._disconnect()
            try:
                await self._connect()
                if core.member:
                    await self.resume()
                if self._serving:  # else it was lost once more meanwhile
                    break
            except NoNetwork:
                self._left()
                core.emit(NetworkDown("the dongle keeps no network any more"))
                break
            except RadioError as error:
                self._serving = False
                LOG.info("not back yet: %s", error)
            await asyncio.sleep(pause)
            pause = min(2 * pause, core.settings.back_off_limit)
        self._recovering = False
        self._back.set()

    async def _watch(self) -> None:
        """Notice a dongle that fell silent."""
        period = self._core.settings.watchdog
        while period is not None:
            await asyncio.sleep(period)
            with contextlib.suppress(RadioError):
                await self._core.command("nop")

    # --- in and out of networks

    async def _go_on(self) -> Network:
        wanted = self._book.wanted()
        self._core.keys = dict(wanted)
        if not await self._network.resume():
            raise NoNetwork("the dongle is in no network", "NOT_JOINED")
        return await self._arrive(wanted)

    async def _arrive(self, wanted: dict[EntityId, bytes]) -> Network:
        """The network is up: keys, policies, polls, and tell the caller."""
        core = self._core
        network = core.network = await self._network.read()
        reset = await self._keys.restore(wanted)
        if core.is_hub:
            await self._admission.take_office()
        else:
            self._peers.learn(network.trust_center, COORDINATOR_ID)
        if network.node_type <= NodeType.ROUTER:
            await self._peers.read_children()
        with contextlib.suppress(Refused):  # a dongle without inter-PAN
            await self._inter_pan.listen()
        await self._peers.polling.start()
        core.member = True
        core.emit(NetworkUp(network, reset))
        return network

    async def _begin_anew(self) -> None:
        """Nothing of an earlier network counts in the next. Raises Refused while there is one."""
        await self._network.must_be_free()
        self._left()
        self._book.clear()
        await self._core.command("clearKeyTable")

    def _left(self) -> None:
        self._core.member = False
        self._core.network = None
        self._core.keys = {}
        self._admission.reset()
        self._peers.addresses.clear()

    # --- callbacks

    def _heard(self, name: str, values: Values) -> None:
        callback = self._callbacks.get(name)
        if callback is not None:
            callback(values)

    def _status(self, values: Values) -> None:
        status = plain(status_name(values["status"]))
        if self._core.status(status):
            return
        if status == NETWORK_DOWN:
            self._core.spawn(self._down_by_itself())  # looks at the state once an operation has ended
        elif status in (NETWORK_UP, "NODE_ID_CHANGED") and not self._operation.locked():
            self._core.spawn(self._up_by_itself())

    async def _up_by_itself(self) -> None:
        async with self._operation:
            if self._core.member or await self._network.state() == JOINED:
                await self._arrive(self._book.wanted())

    async def _down_by_itself(self) -> None:
        """Told to leave, or the parent is gone."""
        async with self._operation:
            state = await self._network.state()
            if state == NO_NETWORK and self._core.member:
                self._left()
                self._core.emit(NetworkDown("told to leave"))
                return
            if state != JOINED_NO_PARENT:
                return
            self._core.emit(NetworkDown("the parent is lost"))
        if self._core.settings.find_again:
            await self._find_again()

    async def _find_again(self) -> None:
        """Rejoin until it works."""
        pause, attempt = self._core.settings.back_off, 0
        while self._core.member and await self._network.state() == JOINED_NO_PARENT:
            attempt += 1
            try:
                await self.rejoin(secured=attempt % UNSECURED_EVERY != 0)
                return
            except JoinError as error:
                LOG.info("the network is not found again: %s", error)
            await asyncio.sleep(pause)
            pause = min(2 * pause, self._core.settings.back_off_limit)

    def _announced(self, announcement: Announcement) -> None:
        if self._core.is_hub:
            self._admission.announced(announcement)

    def _heard_from(self, station: EntityId, nwk: int) -> None:
        if self._core.is_hub:
            self._admission.heard(station, nwk)

    def _trust_center(self, values: Values) -> None:
        begins_anew = self._admission.trust_center(values)
        if begins_anew is not None:
            self._core.spawn(self.forget_key(begins_anew))

    def _key_established(self, values: Values) -> None:
        partner = entity(values["partner"])
        if self._keys.established(values, partner):
            self._core.spawn(self._partner_key(partner))

    async def _partner_key(self, partner: EntityId) -> None:
        key = await self._keys.learn(partner)
        self._book.set(partner, key)
        self._core.emit(PartnerKey(partner, key))
