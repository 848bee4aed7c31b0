"""A hub or a device at its radio: what arrives there goes to key establishment or to its tunnel.

Time is the loop's; the machines of key establishment see it as a clock that begins at an epoch.
Source: SE standard Annex C, GBCS 10.2.2 (reference: se-security 7, 8, chts-hub 7).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterable, Mapping
from typing import Any

from gbcs.errors import BuildError, GbcsError, LocalError
from gbcs.ids import EntityId
from gbcs.time import Utc
from smets.han.attribute_client import Readings
from smets.han.cluster_commands import Told
from smets.han.command_client import Answers
from smets.han.completion import CompletionWatch
from smets.han.compute import Compute
from smets.han.credential import CbkeCredential
from smets.han.endpoints import Endpoint
from smets.han.key_establishment import KeyEstablishment
from smets.han.key_establishment_events import (
    Cancel,
    Established,
    Failed,
    KeyEstablishmentEvent,
    KeyEstablishmentSettings,
    LeaveNetwork,
    NotDelivered,
    PartnerSuites,
    ReadSuites,
    Received,
    Refused,
    Send,
    Start,
    TimeDue,
)
from smets.han.key_establishment_frames import Status
from smets.han.link import Address, Frame, RequestTunnel, RequestTunnelResponse
from smets.han.link_keys import KeySource, LinkKey, LinkKeys
from smets.han.suites import Random
from smets.han.tunnel_frames import TUNNELING, from_server, tunnel_command, tunnel_frame
from smets.han.zcl import PROFILE_SE, ApsMessage, frame_of

from .asking import Asking
from .radio.interface import (
    BindRequested,
    DeviceRadio,
    Event,
    Joined,
    Left,
    LinkLost,
    Lost,
    NetworkDown,
    NetworkUp,
    PartnerKey,
    RadioError,
)
from .radio.interface import Received as Arrived
from .radio_partners import Partners

KEY_ESTABLISHMENT = 0x0800
SUITES = "KeyEstablishmentSuite"

Serve = Callable[[Arrived], Iterable[ApsMessage]]
"""The server of a node's clusters: what answers a message that arrived."""


class NoKey(LocalError):
    """Key establishment with a station came to nothing; `status` of a Terminate, None for silence."""

    def __init__(self, reason: str, status: int | None = None) -> None:
        super().__init__(reason)
        self.status = status


class RadioNode:
    """One node at work: `start` it inside a running loop, `stop` it before the radio is closed.

    `address`: the station and endpoint the node speaks as. `admits`: see `KeyEstablishment`.
    `serves_tunnel`: whether it is the tunnel's server for peers that have not shown which end they are:
    true for devices that listen, false for a hub and a gas meter. `deliver` is
    called for what comes through the tunnel, `note` with what key establishment says of itself,
    `heard` with the events of the radio, `established` for each key that is in place. `completion`: a
    trust centre's, of whom no key comes in time it asks to leave. `willing`: with whom a device shares
    a partner link key if asked. `serve` may be set later; without it nothing but key establishment and
    the tunnel is answered.
    """

    def __init__(
        self,
        radio: DeviceRadio,
        address: Address,
        credentials: Iterable[CbkeCredential],
        random: Random,
        *,
        trust_centre: EntityId,
        admits: Callable[[EntityId], bool],
        serves_tunnel: bool,
        epoch: Utc,
        deliver: Callable[[Frame, bytes], None],
        link_keys: LinkKeys | None = None,
        note: Callable[[EntityId | None, str, str], None] = lambda station, text, verdict: None,
        established: Callable[[EntityId], None] = lambda station: None,
        heard: Callable[[Event], None] = lambda event: None,
        completion: CompletionWatch | None = None,
        willing: Callable[[EntityId], bool] = lambda station: False,
        settings: KeyEstablishmentSettings | None = None,
    ) -> None:
        self.radio = radio
        self.address = address
        self.link_keys = link_keys if link_keys is not None else LinkKeys()
        self._establishment = KeyEstablishment(
            address, credentials, random, trust_centre=trust_centre, admits=admits, settings=settings
        )
        self._serves = serves_tunnel
        self._serves_to: dict[EntityId, bool] = {}
        self._epoch = epoch
        self._deliver = deliver
        self._note = note
        self._established = established
        self._heard = heard
        self._completion = completion
        self._completing: asyncio.TimerHandle | None = None
        self._outside = asyncio.Event()
        self.serve: Serve | None = None
        self._asking = Asking(radio)
        self.partners = Partners(radio, self.link_keys, lambda: self.now, willing)
        self._sequence = 0
        self._waiting: dict[EntityId, asyncio.Future[None]] = {}
        self._once: set[EntityId] = set()  # with whom one attempt is all
        self._sends: asyncio.Queue[Send | Established | LeaveNetwork] = asyncio.Queue()
        self._tasks: set[asyncio.Task[None]] = set()
        self._timer: asyncio.TimerHandle | None = None
        self._began = 0.0

    # -- life -------------------------------------------------------------------------

    def start(self) -> None:
        """Begin to listen."""
        self._began = asyncio.get_running_loop().time()
        self._spawn(self._listen())
        self._spawn(self._hear())
        self._spawn(self._work())

    async def stop(self) -> None:
        """Listen no more; nothing is left running."""
        for timer in (self._timer, self._completing):
            if timer is not None:
                timer.cancel()
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    @property
    def now(self) -> Utc:
        """The time its key establishment goes by."""
        return self._epoch.plus(us=round((asyncio.get_running_loop().time() - self._began) * 1_000_000))

    @property
    def suites(self) -> int:
        """The suites of its key establishment, as the attribute says them."""
        return self._establishment.suites

    # -- what is asked of it ----------------------------------------------------------

    def preconfigure(self, station: EntityId, key: bytes) -> None:
        """Hold the key of an install code."""
        self.link_keys.put(LinkKey(station, key, KeySource.INSTALL_CODE, self.now))

    def expect_key(self, station: EntityId) -> asyncio.Future[None]:
        """Ends when a key is established with a station; raises NoKey once that has no prospect."""
        old = self._waiting.get(station)
        if old is None or old.done():
            self._waiting[station] = asyncio.get_running_loop().create_future()
        return self._waiting[station]

    def establish(self, peer: Address) -> asyncio.Future[None]:
        """Begin key establishment with a peer."""
        outcome = self.expect_key(peer.station)
        self._happens(Start(peer))
        return outcome

    async def agree(self, peer: Address) -> bytes:
        """Establish a key with a partner in one attempt; the key. Raises NoKey."""
        self._once.add(peer.station)
        try:
            await self.establish(peer)
        finally:
            self._once.discard(peer.station)
            self._happens(Cancel(peer.station))
        key = self.link_keys.get(peer.station)
        if key is None:
            raise NoKey("the key is gone again")
        return key.key

    def octets_of(self, frame: Frame) -> bytes:
        """The ZCL frame of a frame to be sent, under a new sequence number. Raises BuildError."""
        self._sequence = (self._sequence + 1) & 0xFF
        peer, command = frame.destination.station, frame.command
        if isinstance(command, RequestTunnel | RequestTunnelResponse):
            self._serves_to[peer] = isinstance(command, RequestTunnelResponse)
        serves = self._serves_to.get(peer, self._serves)
        return tunnel_frame(command, self._sequence, serves).octets()

    async def send(self, frame: Frame, payload: bytes) -> None:
        """Send a frame made by `octets_of`. Raises RadioError."""
        message = ApsMessage(
            TUNNELING,
            frame.source.endpoint,
            frame.destination.endpoint,
            payload,
            encrypted=frame.aps_encrypted,
        )
        await self.radio.send(frame.destination.station, message)

    async def read(
        self,
        peer: Address,
        cluster: int,
        names: Iterable[str],
        own_endpoint: int | None = None,
        encrypted: bool | None = None,
    ) -> Readings:
        """Attributes of a peer's server by name. Raises RadioError, BuildError, TimeoutError.

        `encrypted` None: as the cluster needs.
        """
        endpoint = self.address.endpoint if own_endpoint is None else own_endpoint
        return await self._asking.read(peer, cluster, names, endpoint, encrypted)

    async def request(
        self,
        peer: Address,
        name: str,
        values: Mapping[str, Any] | bytes = b"",
        own_endpoint: int | None = None,
        encrypted: bool | None = None,
        wanted: int = 1,
    ) -> Answers:
        """A command to a peer's server by name, and what answers it: see `CommandClient.request`.

        What has come in time is told, though less than `wanted`. Raises as `read`.
        """
        endpoint = self.address.endpoint if own_endpoint is None else own_endpoint
        return await self._asking.request(peer, name, values, endpoint, encrypted, wanted)

    async def publish(self, station: EntityId, told: Told, own: Iterable[Endpoint]) -> bytes:
        """Tell the client of a cluster on a station something of one's own accord; the frame.

        Raises LocalError for one without the cluster, RadioError, BuildError.
        """
        self._sequence = (self._sequence + 1) & 0xFF
        frame = frame_of(told.command, self._sequence, told.values)
        cluster, octets = frame.cluster, frame.octets()
        endpoint = await self.radio.find_endpoint(station, PROFILE_SE, cluster, server=False)
        if endpoint is None:
            raise LocalError(f"{station} has no client of cluster {cluster:04X}")
        here = (e.number for e in own if cluster in e.servers)
        message = ApsMessage(cluster, next(here, self.address.endpoint), endpoint, octets)
        await self.radio.send(station, message)
        return octets

    async def peer(self, station: EntityId, cluster: int, own: Iterable[Endpoint]) -> tuple[Address, int]:
        """The endpoint of a station with the server of a cluster, and which of the own ones asks it.

        Raises LocalError for one without the cluster, RadioError.
        """
        endpoint = await self.radio.find_endpoint(station, PROFILE_SE, cluster)
        if endpoint is None:
            raise LocalError(f"{station} has no cluster {cluster:04X}")
        asking = (e.number for e in own if cluster in e.clients)
        return Address(station, endpoint), next(asking, self.address.endpoint)

    async def left(self) -> None:
        """Wait until the node is in no network."""
        while self.radio.network is not None:
            self._outside.clear()
            await self._outside.wait()

    # -- what arrives -----------------------------------------------------------------

    async def _hear(self) -> None:
        async for event in self.radio.events:
            if isinstance(event, NetworkDown):
                self._outside.set()
            elif isinstance(event, NetworkUp) and event.reset_keys:
                for station in event.reset_keys:
                    self._note(station, "the dongle had lost the link key", "lost")
            elif isinstance(event, Lost) and self._establishment.partner is not None:
                self._spawn(self._begin_again(self._establishment.partner))
            elif isinstance(event, BindRequested | PartnerKey):
                self._spawn(self._partner(event))
            if self._completion is not None:
                self._complete(event)
            self._heard(event)

    async def _begin_again(self, partner: EntityId) -> None:
        """What came meanwhile is lost with the line: an exchange ends once that is back."""
        await self.radio.wait_up()
        if self._establishment.partner == partner:
            self._happens(NotDelivered(partner))

    async def _partner(self, event: BindRequested | PartnerKey) -> None:
        try:
            await self.partners.heard(event)
        except RadioError as error:
            self._note(event.eui64, f"a partner link key: {error}", "lost")

    async def _listen(self) -> None:
        async for arrived in self.radio.messages:
            self._arrived(arrived)

    def _arrived(self, arrived: Arrived) -> None:
        message = arrived.message
        source = Address(arrived.eui64, message.source_endpoint)
        if message.encrypted:
            self.link_keys.proven(arrived.eui64)
        if self._asking.receive(arrived):
            return
        self._serve(arrived)
        if message.cluster == KEY_ESTABLISHMENT:
            self._happens(Received(source, message.payload))
        elif message.cluster == TUNNELING:
            try:
                command = tunnel_command(message.payload)
            except GbcsError as error:
                self._note(arrived.eui64, str(error), "refused")
                return
            if command is not None:
                self._serves_to[arrived.eui64] = not from_server(message.payload)
                here = Address(self.address.station, message.destination_endpoint)
                self._deliver(Frame(source, here, command, message.encrypted), message.payload)

    def _serve(self, arrived: Arrived) -> None:
        if self.serve is None:
            return
        try:
            for answer in self.serve(arrived):
                self._spawn(self._answer(arrived.eui64, answer))
        except GbcsError as error:  # the store failed: no answer, as long as it does
            self._note(arrived.eui64, str(error), "failed")

    async def _answer(self, station: EntityId, message: ApsMessage) -> None:
        try:
            await self.radio.send(station, message)
        except RadioError as error:  # whoever asked may ask again
            self._note(station, f"an answer of cluster {message.cluster:04X}: {error}", "lost")

    # -- devices that do not complete -------------------------------------------------

    def _complete(self, event: Event | None = None) -> None:
        """See who joined and who left, send away whose time is up, and come back for the next."""
        watch = self._completion
        if watch is None:
            return
        if isinstance(event, Joined) and not self.link_keys.is_authenticated(event.eui64):
            watch.joined(event.eui64, self.now)
        elif isinstance(event, Left):
            watch.settled(event.eui64)
        for late in watch.due(self.now):
            self._spawn(self._send_away(late.station))
        if self._completing is not None:
            self._completing.cancel()
        if watch.next_deadline is not None:
            delay = max(0.0, (watch.next_deadline.us - self.now.us) / 1_000_000)
            self._completing = asyncio.get_running_loop().call_later(delay, self._complete)

    async def _send_away(self, station: EntityId) -> None:
        self._note(station, "no key was established in time: it is asked to leave", "refused")
        try:
            await self.radio.remove(station)
        except RadioError as error:
            self._note(station, f"asking it to leave: {error}", "lost")

    # -- key establishment ------------------------------------------------------------

    def _happens(self, event: KeyEstablishmentEvent) -> None:
        """Give an event to key establishment, do what it wants, see when it wants to be woken."""
        for effect in self._establishment.handle(event, self.now):
            if isinstance(effect, Send | Established | LeaveNetwork):
                self._sends.put_nowait(effect)
            elif isinstance(effect, Compute):
                self._spawn(self._compute(effect))
            elif isinstance(effect, ReadSuites):
                self._spawn(self._read_suites(effect.peer))
            elif isinstance(effect, Failed):
                self._failed(effect)
            elif isinstance(effect, Refused):
                self._note(effect.station, f"key establishment refused: {effect.status.name}", "refused")
        self._wake()

    def _wake(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        deadline = self._establishment.next_deadline
        if deadline is not None:
            delay = max(0.0, (deadline.us - self.now.us) / 1_000_000)
            self._timer = asyncio.get_running_loop().call_later(delay, self._happens, TimeDue())

    async def _compute(self, effect: Compute) -> None:
        self._happens(await asyncio.get_running_loop().run_in_executor(None, effect.run))

    async def _read_suites(self, peer: Address) -> None:
        """What suites a peer says it has; None where it does not say."""
        suites = None
        try:
            told = await self.read(peer, KEY_ESTABLISHMENT, (SUITES,), encrypted=False)
            suites = told.values.get(SUITES)
        except (RadioError, BuildError, TimeoutError) as error:
            self._note(peer.station, f"its suites are not known: {error or 'no answer in time'}", "lost")
        self._happens(PartnerSuites(peer.station, suites if isinstance(suites, int) else None))

    async def _work(self) -> None:
        """One effect after the other: a key is installed after the message that ends the exchange."""
        while True:
            effect = await self._sends.get()
            if isinstance(effect, Send):
                message = ApsMessage(
                    KEY_ESTABLISHMENT,
                    self.address.endpoint,
                    effect.destination.endpoint,
                    effect.octets,
                    encrypted=False,
                )
                try:
                    await self.radio.send(effect.destination.station, message)
                except RadioError as error:
                    self._note(effect.destination.station, str(error), "lost")
                    if isinstance(error, LinkLost):  # or each attempt would fail at once
                        await self.radio.wait_up()
                    self._happens(NotDelivered(effect.destination.station))
            elif isinstance(effect, Established):
                await self._install(effect)
            else:
                await self._leave()

    async def _leave(self) -> None:
        self._note(None, "the hub will never establish a key with this device: it leaves", "refused")
        try:
            await self.radio.leave()
        except RadioError as error:
            self._note(None, f"leaving: {error}", "lost")

    async def _install(self, effect: Established) -> None:
        try:
            await self.radio.set_link_key(effect.station, effect.link_key)
        except RadioError as error:
            self._settle(effect.station, NoKey(f"the dongle does not take the link key: {error}"))
            return
        self.link_keys.put(LinkKey(effect.station, effect.link_key, KeySource.CBKE, self.now, effect.suite))
        if self._completion is not None:
            self._completion.settled(effect.station)
        self._note(effect.station, f"link key established, {effect.suite.name}", "")
        self._settle(effect.station, None)
        self._established(effect.station)

    def _failed(self, effect: Failed) -> None:
        status = "no answer in time"
        if effect.status is not None:
            known = effect.status in Status.__members__.values()
            status = Status(effect.status).name if known else f"status {effect.status}"
        who = "the other side" if effect.by_partner else "this side"
        why = f"key establishment ended by {who}: {status}"
        self._note(effect.station, why, "failed")
        if effect.initiator and (effect.retry is None or effect.station in self._once):
            self._settle(effect.station, NoKey(why, effect.status))

    def _settle(self, station: EntityId, error: NoKey | None) -> None:
        outcome = self._waiting.pop(station, None)
        if outcome is None or outcome.done():
            return
        if error is None:
            outcome.set_result(None)
        else:
            outcome.set_exception(error)

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
