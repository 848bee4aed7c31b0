"""A home with real devices: in step with the wall clock, since theirs runs too.

A real device is admitted, establishes a key with the hub and is spoken to through its tunnel, as
emulated ones are; what it does of its own is seen by the frames that arrive. Chance is the
system's: nobody could repeat what a real device says. Source: GBCS 10.2.2 (reference: chts-hub 5, 7).
"""

from __future__ import annotations

import asyncio
import datetime
import os
from collections.abc import Callable
from contextlib import suppress
from functools import partial

from gbcs.ids import EntityId
from gbcs.time import Utc
from smets.device import Device
from smets.han.cluster_server import ClusterServer
from smets.han.completion import CompletionSettings
from smets.han.endpoints import TUNNELING
from smets.han.install_code import InstallCode
from smets.han.link import Address, Frame, LinkDown, LinkUp, Sent, TransferData
from smets.han.zcl import PROFILE_SE, ApsMessage
from smets.store import Store
from smets.values import pack

from .home import TIME, describe
from .patience import push
from .radio.interface import Admitted, Joined, RadioError, Received
from .radio.interface import Event as RadioEvent
from .radio_home import CARRY_RULE, RETRY_SECONDS, Carried, RadioHome, Radios
from .scenario import DeviceEntry, Scenario
from .sniffer import Sniffer

LATE_SECONDS = 0.5  # ours: what comes so soon after what was waited for belongs to it
TIME_STEP = 10_000_000  # ours: microseconds by which the stored time is ahead at most


def wall_clock() -> Utc:
    """The present."""
    return Utc.from_datetime(datetime.datetime.now(datetime.UTC))


class RealHome(RadioHome):
    """A home of which some devices are real; the hub and all others are emulated. See `RadioHome`."""

    def __init__(
        self,
        scenario: Scenario,
        radios: Radios,
        store: Callable[[str], Store] | None = None,
        show_key: Callable[[bytes, str], None] | None = None,
        completion: CompletionSettings | None = None,
        sniffer: Sniffer | None = None,
        clock: Callable[[], Utc] = wall_clock,
    ) -> None:
        self._clock = clock
        self._real = {entry.name: entry for entry in scenario.devices if entry.real is not None}
        self._arrived = asyncio.Event()
        self._keyed: list[str] = []
        self._seen: dict[EntityId, set[type[RadioEvent]]] = {}
        self._stored = Utc(0)
        super().__init__(scenario, radios, store, show_key, completion, sniffer)

    # -- time -------------------------------------------------------------------------

    def _present(self) -> Utc:
        return max(self._clock(), self.scenario.start)

    def _tick(self) -> None:
        self.now = max(self.now, self._clock())
        if self.now > self._stored:
            self._stored = self.now.plus(us=TIME_STEP)
            self._own_store.commit({TIME: pack(self._stored.us)})

    def advance(self, seconds: float, until: Callable[[], bool] | None = None) -> None:
        """Wait so long, or until what is waited for has come and what may follow it at once."""
        self._tick()
        end = self.now.plus(us=round(seconds * 1_000_000))
        while True:
            self._settle()
            while (due := self._next_due()) <= self.now:
                self._do_next()
                self._tick()
            if until is not None and until():
                end, until = min(end, self.now.plus(us=round(LATE_SECONDS * 1_000_000))), None
            if self.now >= end:
                return
            self._run(self._wait((min(due, end).us - self.now.us) / 1_000_000))
            self._tick()

    async def _wait(self, seconds: float) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._arrived.wait()
        self._arrived.clear()

    def _serve(self, device: Device, server: ClusterServer, arrived: Received) -> tuple[ApsMessage, ...]:
        self._tick()
        return super()._serve(device, server, arrived)

    def _chance(self, label: str) -> Callable[[int], bytes]:
        return os.urandom

    # -- joining ----------------------------------------------------------------------

    def _join(self, name: str) -> None:
        entry = self._real.get(name)
        if entry is None:
            super()._join(name)
        elif name in self._in_network:
            self._link_up(name)
        elif name in self._up and self.scenario.hub.name in self._nodes:
            try:
                self._run(self._permit(entry))
            except RadioError as error:
                self._not_joined(name, str(error))

    async def _permit(self, entry: DeviceEntry) -> None:
        """Let it join for as long as it may; it comes in its own time, or not."""
        assert entry.real is not None
        hub, key = self._nodes[self.scenario.hub.name], InstallCode(entry.install_code).link_key
        self._show_key(key, f"{entry.name} install code")
        hub.preconfigure(entry.entity, key)
        self._seen.pop(entry.entity, None)
        await hub.radio.permit(entry.entity, key, entry.real.join_seconds)

    def _await(self, entry: DeviceEntry) -> None:
        """A real device that does not join in its time is left out."""
        if entry.real is None:
            super()._await(entry)
            return
        if entry.name not in self._in_network and entry.name in self._up:
            self.advance(entry.real.join_seconds, lambda: entry.name in self._in_network)
        if entry.name not in self._in_network:
            self._not_joined(entry.name, self._why_absent(entry))

    def _why_absent(self, entry: DeviceEntry) -> str:
        """What the hub saw of a device that did not join."""
        if entry.name in self._trouble:
            return self._trouble[entry.name].removeprefix("joining: ")
        seen = self._seen.get(entry.entity, set())
        if Joined in seen:
            return "it is in the network, and did not establish a key"
        if Admitted in seen:
            return "it was sent the network key, and could not use it: has it another install code?"
        return "it was not heard"

    def _heard(self, name: str, event: RadioEvent) -> None:
        self._tick()
        if isinstance(event, Admitted | Joined):
            self._seen.setdefault(event.eui64, set()).add(type(event))
        super()._heard(name, event)

    def _key_established(self, name: str, station: EntityId) -> None:
        """A real device has a link key with the hub, for the first time or again."""
        if name == self.scenario.hub.name and self._addresses.get(station) in self._real:
            self._keyed.append(self._addresses[station])
            self._arrived.set()

    def _note_key(self, name: str, station: EntityId | None, text: str, verdict: str) -> None:
        self._tick()
        super()._note_key(name, station, text, verdict)
        other = None if station is None else self._addresses.get(station)
        if verdict and other in self._real and other not in self._in_network:
            self._trouble[other] = f"joining: {text}"

    def _settle(self) -> None:
        keyed, self._keyed = self._keyed, []
        for name in dict.fromkeys(keyed):
            keys = self._seats[self.scenario.hub.name].link_keys
            established = keys.get(self._real[name].entity)
            if established is not None:
                self._show_key(established.key, f"{name} link key")
            if name not in self._up:  # it was removed meanwhile
                continue
            if name in self._in_network:
                self._new_key(name)
            else:
                self._joined(name)
            self._link_up(name)
        super()._settle()

    def _link_up(self, name: str) -> None:
        if name not in self._real:
            super()._link_up(name)
        elif name in self._in_network and self.scenario.hub.name in self._nodes:
            try:
                endpoint = self._run(self._tunnel_of(self._real[name].entity))
            except RadioError as error:
                self._no_tunnel(name, str(error))
                self._later(RETRY_SECONDS * 1_000_000, partial(self._link_up, name))
                return
            if endpoint is None:
                self._no_tunnel(name, "it has no tunnelling cluster")
                return
            self._trouble.pop(name, None)
            self._hub_event(LinkUp(Address(self._real[name].entity, endpoint)))

    async def _tunnel_of(self, station: EntityId) -> int | None:
        """The endpoint of a device's tunnel: its maker chose it."""
        return await self._nodes[self.scenario.hub.name].radio.find_endpoint(station, PROFILE_SE, TUNNELING)

    def _no_tunnel(self, name: str, why: str) -> None:
        self._trouble[name] = text = f"no tunnel: {why}"
        hub = self.scenario.hub.name
        self.transcript.add(self.now, hub, name, "tunnel", b"", "", text, "failed", CARRY_RULE)

    def _leave(self, name: str) -> None:
        entry = self._real.get(name)
        if entry is None:
            super()._leave(name)
            return
        self._in_network.discard(name)
        self._seats[self.scenario.hub.name].link_keys.forget(entry.entity)
        self._hub_event(LinkDown(Address(entry.entity)))
        if self.scenario.hub.name in self._nodes:
            try:
                self._run(self._ask_to_leave(entry.entity))
            except RadioError as error:
                self._note_network(self.scenario.hub.name, f"removing it: {error}", "failed", name)

    async def _ask_to_leave(self, station: EntityId) -> None:
        radio = self._nodes[self.scenario.hub.name].radio
        await radio.close_permit(station)  # it may be quick to come back
        await radio.remove(station)

    # -- carrying ---------------------------------------------------------------------

    async def _deliver(self, one: Carried) -> str:
        """For a real device its acknowledgement is all there is to see."""
        if one.to not in self._real:
            return await super()._deliver(one)
        if one.name not in self._nodes:
            return f"{one.name} has no power"
        failure = await push(self._nodes[one.name], one.frame, one.payload)
        one.arrived = None if failure else one.frame
        return failure

    def _delivered(self, to: str, frame: Frame, payload: bytes) -> None:
        super()._delivered(to, frame, payload)
        self._arrived.set()

    def _hand_on(self, to: str, frame: Frame | Sent) -> None:
        if to in self._real:
            return
        if isinstance(frame, Sent):
            super()._hand_on(to, frame)
            return
        sender = self._addresses.get(frame.source.station)
        if sender in self._real:
            octets = frame.command.data if isinstance(frame.command, TransferData) else b""
            code, text = type(frame.command).__name__, describe(octets) if octets else ""
            self.transcript.add(self.now, sender, to, "tunnel", octets, code, text, "", CARRY_RULE)
        super()._hand_on(to, frame)
