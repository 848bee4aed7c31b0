"""A running home: hub and devices on the `memory:` link, one clock, one transcript.

Time is simulated: it jumps from one thing that happens to the next. Everything that
passes is written into the transcript by the time and the ends it has.

A device comes up on the home area network when it is in the hub's device log under its
install code and joining is open, and leaves when it is no longer in the log.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable
from functools import partial
from hashlib import sha256
from typing import Self

from chts.chf import make_chf
from chts.chf import manufactured as manufactured_chf
from chts.device_log import DEVICE_TYPES, DeviceLogSettings, find
from chts.events import SendWan, Undeliverable, WanMessage
from chts.hub import Hub, HubEffect
from gbcs.errors import GbcsError, LocalError
from gbcs.gbt import Block, is_block, parse_block
from gbcs.ids import EntityId, KeyUsage, Kind, Role
from gbcs.message import Message, parse_message
from gbcs.party import AccessControlBroker, RemoteParty, compose
from gbcs.pki import TestPki
from gbcs.security.store import Credential, KeyStore
from gbcs.time import Utc
from gbcs.usecases import by_code, by_name
from smets.alerts import alert_table
from smets.behaviours.clock import STATUS, Status
from smets.esme.meter import EsmeOptions, make_esme
from smets.esme.meter import manufactured as manufactured_esme
from smets.events import Actuate, Effect, Event, Happened, HubTime, PowerRestored, TimerDue
from smets.han.link import Address, Frame, LinkDown, LinkEvent, LinkUp, TransferData
from smets.han.station import Station
from smets.identity import provision
from smets.store import MemoryStore, Store
from smets.values import pack, unpack

from .commands import results
from .memory_link import MemoryLink
from .scenario import DeviceEntry, Scenario
from .transcript import BENCH, SCENARIO_RULE, WAN, Transcript

BENCH_STORE = ""  # no device has this name
TIME = "time"
WAN_DELAY_US = 50_000  # ours
JOIN_SECONDS = 90
TIME_CHECK = 86_400  # seconds between two looks at the hub's time
ROLES_IN_CELLS = (
    Role.RECOVERY,
    Role.SUPPLIER,
    Role.NETWORK_OPERATOR,
    Role.ACCESS_CONTROL_BROKER,
    Role.TRANSITIONAL_COS,
    Role.LOAD_CONTROLLER,
    Role.WAN_PROVIDER,
)
_CHF_ROLES = (
    Role.RECOVERY,
    Role.ACCESS_CONTROL_BROKER,
    Role.TRANSITIONAL_COS,
    Role.WAN_PROVIDER,
)
_CODES = {kind: code for code, kind in DEVICE_TYPES.items()}


class Home:
    """Brings a scenario's home up and carries time and messages in it.

    `store` gives each entity its non-volatile memory, and the home its own under an empty
    name. On stores that were used before, devices and time carry on where they were. Raises
    LocalError where the home cannot come up.
    """

    def __init__(self, scenario: Scenario, store: Callable[[str], Store] | None = None) -> None:
        self.scenario = scenario
        self._stores = store or (lambda name: MemoryStore())
        self._own_store = self._stores(BENCH_STORE)
        self.now = max(scenario.start, self._time_reached())
        self.transcript = Transcript()
        self.transcript.add(self.now, BENCH, scenario.hub.name, "ui", text=scenario.name, rule=SCENARIO_RULE)
        self.received: list[tuple[Utc, bytes]] = []
        self.undeliverable: list[str] = []
        self.lost = 0  # frames, on all links
        self._links = {d.name: MemoryLink(d.link, f"{scenario.seed} {d.name}") for d in scenario.devices}
        self._up: set[str] = set()
        self._queue: list[tuple[int, int, Callable[[], None]]] = []
        self._sequence = 0
        self._pki = TestPki.create(scenario.seed.encode(), scenario.start.plus(-86_400))
        self._anchors = self._make_parties()
        self._names = {party.entity: party.name for party in scenario.parties}
        self.hub = self._make_hub()
        self.stations = {entry.name: self._make_device(entry) for entry in scenario.devices}
        for entity in scenario.outsiders:
            self._pki.device(entity)  # a sender has to hold its certificate, the home does not
        self._addresses = {s.address.station: name for name, s in self.stations.items()}
        self.keys: KeyStore = self._pki.store
        self.parties = {party.name: RemoteParty(party.entity, self.keys) for party in scenario.parties}
        self.broker = AccessControlBroker(
            next(p.entity for p in scenario.parties if p.role is Role.ACCESS_CONTROL_BROKER), self.keys
        )
        self._counters: dict[EntityId, int] = {}
        self._time_checks = self.now
        self._look_around(restart=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def close(self) -> None:
        """Give back what is not memory; a home on the memory link has nothing such."""

    # -- coming up --------------------------------------------------------------------

    def _random(self, label: str) -> Callable[[int], bytes]:
        """Octets derived from the seed; every label has its own."""

        def octets(count: int) -> bytes:
            return sha256(f"{self.scenario.seed} {label}".encode()).digest()[:count]

        return octets

    def _make_parties(self) -> dict[Role, tuple[Credential, ...]]:
        """Certificates of every party; the first one of a role fills the cells."""
        anchors: dict[Role, tuple[Credential, ...]] = {Role.ROOT: (self._pki.organisation_root,)}
        for party in self.scenario.parties:
            made = self._pki.organisation(party.role, party.entity, party.name)
            anchors.setdefault(party.role, made)
        return anchors

    def _cells(self, roles: tuple[Role, ...]) -> list[Credential]:
        return [c for role in (Role.ROOT, *roles) for c in self._anchors.get(role, ())]

    def _make_hub(self) -> Hub:
        entry = self.scenario.hub
        self._names |= {entry.chf: entry.name, entry.gpf: f"{entry.name} GPF"}
        self._pki.device(entry.chf)
        store = self._stores(entry.name)
        if self._is_new(entry.name, store, entry.chf):
            provision(store, entry.chf, self._pki.store, self._cells(_CHF_ROLES), manufactured_chf(entry.gpf))
        log = DeviceLogSettings(lists_gpf=entry.gpf_in_log)
        return Hub(make_chf(store, self.now, log=log), Address(entry.gpf))

    def _make_device(self, entry: DeviceEntry) -> Station:
        self._names[entry.entity] = entry.name
        self._pki.device(entry.entity)
        store = self._stores(entry.name)
        if self._is_new(entry.name, store, entry.entity):
            extra = manufactured_esme(self._random(entry.name))
            extra[STATUS] = pack(int(Status.RELIABLE))  # as an installer leaves it
            cells = self._cells(tuple(r for r in ROLES_IN_CELLS if r is not Role.WAN_PROVIDER))
            provision(store, entry.entity, self._pki.store, cells, extra)
        device = make_esme(store, self.now, EsmeOptions(entry.variant))
        return Station(device, Address(entry.entity))

    def _is_new(self, name: str, store: Store, entity: EntityId) -> bool:
        """Whether a store holds nothing yet. Raises LocalError for one of another home."""
        if store.get("own/entity") is None:
            return True
        certificate = self._pki.store.find(entity, KeyUsage.DIGITAL_SIGNATURE)
        if certificate is None or store.get("own/ds/certificate") != certificate.der:
            raise LocalError(f"the store of {name} is another home's: its seed, start or identifiers differ")
        return False

    def _time_reached(self) -> Utc:
        held = self._own_store.get(TIME)
        value = None if held is None else unpack(held)
        return Utc(value) if isinstance(value, int) else self.scenario.start

    def bring_up(self, entry: DeviceEntry) -> None:
        """Add a device to the device log, as the broker does, and let it come up on the HAN.

        Does nothing for one that is in the log already. Raises LocalError.
        """
        if self.hub.knows(entry.entity, self.now):
            return
        use_case = by_name("CCS01")
        counter = self.next_counter(self.broker.entity)
        device = (bytes(entry.entity), 1, entry.install_code, _CODES[entry.type])
        payload = compose(0x0001, counter, (device, JOIN_SECONDS))
        message = self.broker.mac(self.broker.precommand(use_case, self.scenario.hub.chf, counter, payload))
        self.send(message.octets, self.name_of(self.broker.entity))
        self.advance(2)
        answers = [octets for _, octets in self.received if octets_answer(message, octets)]
        if not answers:
            why = self.undeliverable[0] if self.undeliverable else "no answer"
            raise LocalError(f"{entry.name} could not be added to the device log: {why}")
        codes = results(self.broker.check_answer(message, answers[0], use_case), use_case)
        if any(codes):
            raise LocalError(f"{entry.name} could not be added to the device log: results {codes}")

    def _look_around(self, restart: bool = False) -> None:
        """Let devices come up on the HAN that now may, and go that no longer may."""
        work = self.hub.chf.observe(self.now)
        for device in self.scenario.devices:
            name, entry = device.name, find(work, device.entity)
            if name in self._up and entry is None:
                self._up.discard(name)
                self._go(name)
            elif name not in self._up and entry is not None and entry.install_code == device.install_code:
                if not restart and work.item("DeviceLog.JoiningAllowed") is not True:
                    continue
                self._up.add(name)
                self._come(name)

    def _come(self, name: str) -> None:
        """Let a device join, now that it may."""
        self._later(0, partial(self._link_up, name))

    def _go(self, name: str) -> None:
        """A device is out of the device log: it loses its link."""
        self._later(0, partial(self._station_event, name, LinkDown(self.hub.address)))

    def _link_up(self, name: str) -> None:
        if name in self._up:
            self._hub_event(LinkUp(self.stations[name].address))
            self._station_event(name, LinkUp(self.hub.address))
            self._station_event(name, HubTime(self.now))

    # -- what a step does -------------------------------------------------------------

    def name_of(self, entity: EntityId) -> str:
        """The name of a party, device or hub; its identifier if it has none here."""
        return self._names.get(entity, str(entity))

    def next_counter(self, entity: EntityId) -> int:
        """A fresh Originator Counter of a party: milliseconds, so that it rises over restarts."""
        counter = max(self._counters.get(entity, 0) + 1, self.now.us // 1000)
        self._counters[entity] = counter
        return counter

    def send(self, octets: bytes, sender: str) -> None:
        """A party puts a message on the wide area network."""
        self._note_message(sender, self.scenario.hub.name, octets)
        self._later(WAN_DELAY_US, lambda: self._hub_event(WanMessage(octets)))

    def event(self, name: str, event: Event) -> None:
        """Something happens to a device or to the hub; one whose power returns joins again."""
        if name == self.scenario.hub.name:
            self._hub_event(event)
            again = sorted(self._up)
        else:
            self._station_event(name, event)
            again = [name]
        if isinstance(event, PowerRestored):
            for other in again:
                self._come(other)

    def advance(self, seconds: float) -> None:
        """Let time pass; everything due meanwhile happens in order."""
        until = self.now.plus(us=round(seconds * 1_000_000))
        self._own_store.commit({TIME: pack(until.us)})  # first: no device is ever ahead of it
        while True:
            due = self._next_due()
            if due is None or due > until:
                break
            self.now = max(self.now, due)
            if self._queue and self._queue[0][0] <= self.now.us:
                heapq.heappop(self._queue)[2]()
            else:
                self._deadlines()
            self._settle()
        self.now = until

    def _settle(self) -> None:
        """Wait for what a link does in its own time; a memory link has none."""

    # -- carrying ---------------------------------------------------------------------

    def _later(self, delay_us: int, action: Callable[[], None]) -> None:
        self._sequence += 1
        heapq.heappush(self._queue, (self.now.us + delay_us, self._sequence, action))

    def _next_due(self) -> Utc | None:
        times = [Utc(self._queue[0][0])] if self._queue else []
        deadlines = (self.hub.next_deadline, *(s.next_deadline for s in self.stations.values()))
        times += [time for time in deadlines if time is not None]
        times.append(self._time_checks.plus(TIME_CHECK))
        return min(times)

    def _deadlines(self) -> None:
        if self._time_checks.plus(TIME_CHECK) <= self.now:
            self._time_checks = self.now
            for name in sorted(self._up):
                self._station_event(name, HubTime(self.now))
        if self.hub.next_deadline is not None and self.hub.next_deadline <= self.now:
            self._hub_event(TimerDue())
        for name, station in self.stations.items():
            if station.next_deadline is not None and station.next_deadline <= self.now:
                self._station_event(name, TimerDue())

    def _hub_event(self, event: Event | WanMessage | LinkEvent) -> None:
        for effect in self.hub.handle(event, self.now):
            self._effect(self.scenario.hub.name, effect)
        self._look_around()

    def _station_event(self, name: str, event: Event | LinkEvent) -> None:
        for effect in self.stations[name].handle(event, self.now):
            self._effect(name, effect)

    def _effect(self, name: str, effect: HubEffect | Effect) -> None:
        if isinstance(effect, Frame):
            self._carry(name, effect)
        elif isinstance(effect, SendWan):
            octets = effect.octets
            self._note_message(name, self.name_of(effect.recipient), octets)
            self._later(WAN_DELAY_US, lambda: self.received.append((self.now, octets)))
        elif isinstance(effect, Undeliverable):
            self.undeliverable.append(effect.reason)
            self.transcript.add(
                self.now, name, WAN, "gbcs", effect.octets, "", effect.reason, "undeliverable", "chts-hub 8.2"
            )
        elif isinstance(effect, Actuate):
            text = f"{effect.what} {'closes' if effect.on else 'opens'}"
            self.transcript.add(self.now, name, name, "ui", text=text)
        elif isinstance(effect, Happened):
            code = effect.check.value if effect.check is not None else ""
            self.transcript.add(
                self.now, name, name, "gbcs", b"", code, effect.text, effect.verdict, effect.rule
            )

    def _carry(self, name: str, frame: Frame) -> None:
        station = frame.destination.station
        to_hub = station == self.hub.address.station
        to = self.scenario.hub.name if to_hub else self._addresses.get(station)
        if to is None:
            self.transcript.add(self.now, name, str(station), "tunnel", text="nobody is there")
            return
        command = frame.command
        octets = command.data if isinstance(command, TransferData) else b""
        text = describe(octets) if octets else ""
        arrivals = self._links[name if to_hub else to].arrivals()
        verdict = ("lost", "", "doubled")[len(arrivals)]
        self.transcript.add(self.now, name, to, "tunnel", octets, type(command).__name__, text, verdict)
        self.lost += not arrivals
        for delay in arrivals:
            arrive = self._hub_event if to_hub else partial(self._station_event, to)
            self._later(delay, partial(arrive, frame))

    def _note_message(self, sender: str, to: str, octets: bytes) -> None:
        try:
            message = parse_message(octets)
        except GbcsError as error:
            self.transcript.add(self.now, sender, to, "gbcs", octets, "", str(error))
            return
        layer = "alert" if message.kind is Kind.ALERT else "gbcs"
        self.transcript.add(self.now, sender, to, layer, octets, f"{message.code:04X}", describe(octets))


def octets_answer(command: Message, octets: bytes) -> bool:
    """Whether octets are a message that answers a command, whatever they are worth."""
    try:
        message = parse_message(octets)
    except GbcsError:
        return False
    return (
        message.kind is Kind.RESPONSE
        and message.originator == command.recipient
        and message.counter == command.counter
        and message.code == command.code
    )


def describe(octets: bytes) -> str:
    """A message in a few words: `ECS52 command`, `alert 8F32 Supply Armed`, `block 2 of ECS22b response`."""
    try:
        if is_block(octets):
            return _describe_block(parse_block(octets))
        message = parse_message(octets)
    except GbcsError as error:
        return str(error)
    code = alert_code(message)
    if code is not None:
        row = alert_table().get(code)
        return f"alert {code:04X} {row.name if row is not None else ''}".rstrip()
    use_case = by_code(message.code)
    return f"{use_case.name if use_case is not None else 'unknown use case'} {message.kind.value}"


def _describe_block(block: Block) -> str:
    use_case = by_code(block.routing.code)
    name = use_case.name if use_case is not None else "unknown use case"
    what = f"{name} {block.routing.cra.name.lower()}"
    if block.is_acknowledgement:
        return f"blocks up to {block.acknowledged} of {what} arrived"
    return f"{'last ' if block.last else ''}block {block.number} of {what}"


def alert_code(message: Message) -> int | None:
    """The Alert Code of a DLMS alert, None for any other message."""
    from gbcs.dlms.apdu import DataNotification, parse_apdu

    if message.kind is not Kind.ALERT:
        return None
    try:
        apdu = parse_apdu(message.payload)
    except GbcsError:
        return None
    if not isinstance(apdu, DataNotification) or not isinstance(apdu.body.value, tuple):
        return None
    first = apdu.body.value[0] if apdu.body.value else None
    return first.value if first is not None and isinstance(first.value, int) else None
