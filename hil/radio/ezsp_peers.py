"""The other stations of the network: messages to and from them, their addresses and endpoints."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Final, TypeVar

from gbcs.errors import ParseError
from gbcs.ids import EntityId
from smets.han.zcl import ApsMessage

from .addresses import Addresses
from .ezsp_core import Core
from .ezsp_frames import Arrival, Frames
from .ezsp_link import Values, is_ok
from .ezsp_poll import Polling
from .ezsp_values import COORDINATOR_ID, entity, eui64
from .ezsp_zdo import Zdo
from .interface import (
    BindRequested,
    Dropped,
    DropReason,
    NodeType,
    NotDelivered,
    RadioError,
    Received,
    Refused,
    SendError,
    SendTimeout,
    Unreachable,
)
from .zdo_frames import (
    BIND,
    DEVICE_ANNOUNCE,
    IEEE_ADDRESS,
    MATCH_DESCRIPTOR,
    MGMT_LEAVE,
    NWK_ADDRESS,
    PROFILE,
    Announcement,
    address_response,
    announcement,
    bind_request,
    binding,
    ieee_request,
    leave_request,
    match_request,
    match_response,
    nwk_request,
    status_of,
    status_response,
)

T = TypeVar("T")

LAST_ADDRESS: Final = 0xFFF7
HELD = 16  # messages kept while it is asked who their sender is
CHILDREN = 64  # rows of the child table that are looked at


class Peers:
    """Messages by station. `announced` and `heard` tell who is there."""

    def __init__(
        self,
        core: Core,
        announced: Callable[[Announcement], None],
        heard: Callable[[EntityId, int], None],
    ) -> None:
        self._core = core
        self._announced = announced
        self._heard = heard
        self.polling = Polling(core)
        self.frames = Frames(core, self._arrived)
        self.zdo = Zdo(core, self.frames, self._unasked)
        self.addresses = Addresses(self._ask_nwk, self._ask_eui)
        self._held: dict[int, list[Arrival]] = {}

    def lost(self, reason: str) -> None:
        """The line is lost."""
        self.frames.lost(reason)
        self.zdo.lost(reason)
        self.polling.lost(reason)
        self._held.clear()

    # --- out

    async def send(self, station: EntityId, message: ApsMessage, within: float | None) -> None:
        """See `HubRadio.send`."""
        core = self._core
        _ = core.here
        core.must_have_key(station, message)
        if within is None:
            asleep = station in self.addresses.sleepy
            within = core.settings.sleepy_timeout if asleep else core.settings.send_timeout
        async with core.turn(station, within), self.polling.awake():
            nwk = await self.addresses.nwk_of(station)
            try:
                await self.frames.send(nwk, message)
            except NotDelivered:
                if nwk != COORDINATOR_ID:
                    self.addresses.forget(station)  # it may have another by now
                raise

    async def find_endpoint(self, station: EntityId, profile: int, cluster: int, server: bool) -> int | None:
        """See `HubRadio.find_endpoint`."""
        _ = self._core.here

        async with self.polling.awake():
            nwk = await self.addresses.nwk_of(station)
            answer = await self.zdo.request(
                nwk,
                MATCH_DESCRIPTOR,
                lambda number: match_request(number, nwk, profile, cluster, server),
            )
        found = self._read(match_response, answer)
        return found[0] if found else None

    async def ask_to_bind(self, station: EntityId, endpoint: int, cluster: int, own_endpoint: int) -> int:
        """Ask for a binding towards this node, as before a partner link key; the status."""
        own = self._core.eui64
        nwk = await self.addresses.nwk_of(station)
        async with self.polling.awake():
            answer = await self.zdo.request(
                nwk,
                BIND,
                lambda number: bind_request(number, station, endpoint, cluster, own, own_endpoint),
            )
        return self._read(status_of, answer)

    async def answer_bind(self, request: BindRequested, status: int) -> None:
        """Answer a bind request that came up."""
        nwk = await self.addresses.nwk_of(request.eui64)
        await self.zdo.respond(nwk, BIND, status_response(request.sequence, status))

    async def make_leave(self, station: EntityId) -> None:
        """Ask a device to leave; where it does not answer, its parent is told to send it away."""
        try:
            nwk = await self.addresses.nwk_of(station)
        except Unreachable:
            return
        try:
            async with self.polling.awake():
                answer = await self.zdo.request(
                    nwk, MGMT_LEAVE, lambda number: leave_request(number, station)
                )
            if self._read(status_of, answer) == 0:
                return
        except SendError:
            pass
        with contextlib.suppress(Refused):
            await self._core.demand("removeDevice", nwk, eui64(station), eui64(station))

    @staticmethod
    def _read(parse: Callable[[bytes], T], answer: bytes) -> T:
        try:
            return parse(answer)
        except ParseError as error:
            raise SendError(f"an answer that cannot be read: {error}") from None

    # --- addresses

    async def _ask_nwk(self, station: EntityId) -> int | None:
        network = self._core.here
        if station == self._core.eui64:
            return network.node_id
        if station == network.trust_center:
            return COORDINATOR_ID
        answer = await self._core.command("lookupNodeIdByEui64", eui64(station))
        nwk = int(answer["nodeId"])
        if is_ok(answer.get("status", 0)) and nwk <= LAST_ADDRESS:
            return nwk
        try:
            response = await self.zdo.ask_all(NWK_ADDRESS, lambda number: nwk_request(number, station))
        except SendTimeout:
            return None
        found = self._read(address_response, response)
        return None if found is None else found[1]

    async def _ask_eui(self, nwk: int) -> EntityId | None:
        answer = await self._core.command("lookupEui64ByNodeId", nwk)
        if is_ok(answer["status"]):
            return entity(answer["eui64"])
        try:
            response = await self.zdo.request(nwk, IEEE_ADDRESS, lambda number: ieee_request(number, nwk))
        except SendError:
            return None
        found = self._read(address_response, response)
        return None if found is None else found[0]

    def learn(self, station: EntityId, nwk: int, sleepy: bool | None = None) -> None:
        """A station has this address; to a sleepy one acknowledgements take longer."""
        self.addresses.learn(station, nwk, sleepy)
        if sleepy and nwk != COORDINATOR_ID:
            self._core.spawn(self._patience(station, nwk))

    async def _patience(self, station: EntityId, nwk: int) -> None:
        await self._core.up.helper("set_extended_timeout", nwk, eui64(station), True)

    def child(self, values: Values) -> None:
        """childJoinHandler."""
        if values["joining"]:
            sleepy = int(values["childType"]) == NodeType.SLEEPY
            self.learn(entity(values["childEui64"]), int(values["childId"]), sleepy)

    async def read_children(self) -> None:
        """Learn the children from the dongle's table."""
        answer = await self._core.command("getParentChildParameters")
        left = int(answer["childCount"])
        for index in range(CHILDREN):
            if not left:
                return
            row = await self._core.command("getChildData", index)
            if not is_ok(row["status"]):
                continue
            left -= 1
            child = row["childData"] if "childData" in row else row.get("child_data")
            if child is not None:
                self.learn(entity(child.eui64), int(child.id), int(child.type) == NodeType.SLEEPY)

    # --- in

    def _arrived(self, arrival: Arrival) -> None:
        if arrival.eui64 is not None:
            self.addresses.learn(arrival.eui64, arrival.nwk)
        if arrival.message.profile == PROFILE:
            self.zdo.heard(arrival)
            return
        held = self._held.get(arrival.nwk)
        station = arrival.eui64 or self.addresses.known(arrival.nwk)
        if held is not None:
            if len(held) < HELD:
                held.append(arrival)
            else:
                self._drop(arrival)
        elif station is not None:
            self._deliver(station, arrival)
        else:
            self._held[arrival.nwk] = [arrival]
            self._core.spawn(self._identify(arrival.nwk))

    async def _identify(self, nwk: int) -> None:
        """Find out who sent what is held."""
        station = None
        try:
            with contextlib.suppress(RadioError):
                station = await self.addresses.eui_of(nwk)
        finally:
            for arrival in self._held.pop(nwk, ()):
                if station is None:
                    self._drop(arrival)
                else:
                    self._deliver(station, arrival)

    def _deliver(self, station: EntityId, arrival: Arrival) -> None:
        received = Received(station, arrival.message, arrival.lqi, arrival.rssi, arrival.broadcast)
        if self._core.deliver(received, self._refuse):
            self._heard(station, arrival.nwk)

    def _refuse(self, station: EntityId, answer: ApsMessage) -> None:
        self._core.spawn(self.send(station, answer, None))

    def _drop(self, arrival: Arrival) -> None:
        self._core.emit(Dropped(None, arrival.message.cluster, DropReason.UNKNOWN_SENDER))

    def _unasked(self, arrival: Arrival) -> None:
        payload = arrival.message.payload
        with contextlib.suppress(ParseError):
            if arrival.message.cluster == DEVICE_ANNOUNCE:
                told = announcement(payload)
                if told.nwk <= LAST_ADDRESS and told.eui64 != self._core.eui64:
                    self.learn(told.eui64, told.nwk, told.sleepy)
                    self._announced(told)
            elif arrival.message.cluster == BIND and self._core.settings.handle_bind_requests:
                asked = binding(payload)
                if asked.destination == (arrival.eui64 or self.addresses.known(arrival.nwk)):
                    self._core.emit(BindRequested(asked.destination, asked.cluster, asked.sequence))
