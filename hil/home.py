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
from typing import NamedTuple, Self

from chts.device_log import DEVICE_TYPES, find
from chts.events import SendWan, Undeliverable, WanMessage
from chts.hub import Hub, HubEffect
from gbcs.asn1.joins import Method
from gbcs.decoding import decode
from gbcs.errors import GbcsError, LocalError
from gbcs.gbt import Block, is_block, parse_block
from gbcs.ids import EntityId, Kind, Role
from gbcs.message import Message, parse_message
from gbcs.party import AccessControlBroker, RemoteParty, compose
from gbcs.security.utrn import TopUpKey, make_token
from gbcs.time import Utc
from gbcs.usecases import by_code, by_name
from smets.alerts import alert_table
from smets.behaviours.auxiliary import SetLevel
from smets.behaviours.joining import AgreeKey, ForgetKey, KeyAgreed, agreeing
from smets.behaviours.load_control import CancelLoadControlEvent, LoadControlEvent
from smets.behaviours.pairing import AdmitToNetwork
from smets.esme.interface import Shown, UserInterface
from smets.events import Actuate, Effect, Event, Happened, HubTime, PowerRestored, TimerDue
from smets.han.link import Address, Frame, LinkDown, LinkEvent, LinkUp, TransferData
from smets.han.station import Station
from smets.local_alerts import AudibleAlarm, HanAlert
from smets.store import MemoryStore, Store
from smets.values import pack, unpack

from .commands import results
from .home_keys import REPLACED_LATER, HomeKeys
from .memory_link import MemoryLink
from .pairs import RULE as PAIR_RULE
from .pairs import Outcome, establish, has_power, no_partner_key, said, willing
from .provisioning import Provisioning, cbke_authority, stream
from .scenario_model import DeviceEntry, Scenario, Token
from .transcript import BENCH, SCENARIO_RULE, WAN, Line, Transcript

BENCH_STORE = ""  # no device has this name
TIME = "time"
TOKENS = "tokens/"
WAN_DELAY_US = 50_000  # ours
AGREEMENT_US = 1_000_000  # ours: what a key agreement of two devices takes by the home's clock
JOIN_SECONDS = 90
INPUT = 2  # the direction of a proportional controller
ORDER_RULE = "smets-esme 15"
WAN_RULE = "chts-hub 19"
NO_WAN = "the wide area network is down"
TIME_CHECK = 86_400  # seconds between two looks at the hub's time
_CODES = {kind: code for code, kind in DEVICE_TYPES.items()}


class MadeToken(NamedTuple):
    """The digits of a top-up token, and its counter."""

    digits: str
    counter: int


class Home:
    """Brings a scenario's home up and carries time and messages in it.

    `store` gives each entity its non-volatile memory, and the home its own under an empty
    name. On stores that were used before, devices and time carry on where they were. Raises
    LocalError where the home cannot come up.
    """

    confirmed = False  # whether frames are followed by a `Sent` that says what became of them

    def __init__(self, scenario: Scenario, store: Callable[[str], Store] | None = None) -> None:
        self.scenario = scenario
        self._stores = store or (lambda name: MemoryStore())
        self._own_store = self._stores(BENCH_STORE)
        self.now = max(self._present(), self._time_reached())
        self.transcript = Transcript()
        self.transcript.add(self.now, BENCH, scenario.hub.name, "ui", text=scenario.name, rule=SCENARIO_RULE)
        self.received: list[tuple[Utc, bytes]] = []
        self.undeliverable: list[str] = []
        self.wan = True  # whether the hub is reached from outside; not remembered by the home's store
        self.lost = 0  # frames, on all links
        self._links = {d.name: MemoryLink(d.link, f"{scenario.seed} {d.name}") for d in scenario.devices}
        self._up: set[str] = set()
        self._queue: list[tuple[int, int, Callable[[], None]]] = []
        self._sequence = 0
        made = Provisioning(scenario)
        self._random = made.random
        self._names = {party.entity: party.name for party in scenario.parties}
        self._names |= {d.entity: d.name for d in scenario.devices}
        self._names |= {scenario.hub.chf: scenario.hub.name, scenario.hub.gpf: f"{scenario.hub.name} GPF"}
        chf = made.chf(scenario.hub, self._stores(scenario.hub.name), self.now)
        self.hub = Hub(chf, Address(scenario.hub.gpf), confirmed=self.confirmed)
        self.stations: dict[str, Station] = {}  # of the emulated devices
        self.interfaces: dict[str, UserInterface] = {}  # of the same
        for entry in scenario.devices:
            if entry.real is None:
                device = made.device(entry, self._stores(entry.name), self.now)
                front = UserInterface(device, connected=partial(self._is_connected, entry.name))
                self.interfaces[entry.name] = front
                self.stations[entry.name] = Station(device, Address(entry.entity), front=front)
        for entity in scenario.outsiders:
            made.outsider(entity)  # a sender has to hold its certificate, the home does not
        self._addresses = {entry.entity: entry.name for entry in scenario.devices}
        self.keys = HomeKeys(made, scenario.parties, self._own_store)
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

    def _present(self) -> Utc:
        """When a home that was never up before begins."""
        return self.scenario.start

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
        seconds = JOIN_SECONDS if entry.real is None else entry.real.join_seconds
        payload = compose(0x0001, counter, (device, seconds))
        message = self.broker.mac(self.broker.precommand(use_case, self.scenario.hub.chf, counter, payload))
        self.send(message.octets, self.name_of(self.broker.entity))
        self.advance(2, lambda: bool(self.answers_to(message)))
        answers = self.answers_to(message)
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

    def _is_connected(self, name: str) -> bool:
        """Whether a device is on the home area network, as it knows itself."""
        return name in self._up

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

    def made_token(self, name: str) -> MadeToken:
        """A token made before. Raises LocalError."""
        held = self._own_store.get(f"{TOKENS}made/{name}")
        match None if held is None else unpack(held):
            case (str(digits), int(counter)):
                return MadeToken(digits, counter)
        raise LocalError(f"no token {name!r} was made")

    def make_token(self, token: Token, supplier: EntityId, meter: EntityId) -> MadeToken:
        """Let a supplier make a token, with a counter of one more in its high half, also over restarts.

        Raises KeyUnavailable.
        """
        key = f"{TOKENS}count/{supplier}"
        held = self._own_store.get(key)
        last = 0 if held is None else unpack(held)
        count = (last if isinstance(last, int) else 0) + 1
        made = TopUpKey.of(self.keys, supplier, meter)
        digits = make_token(made, count << 32, token.value_class, token.value)
        self._own_store.commit({key: pack(count), f"{TOKENS}made/{token.name}": pack((digits, count << 32))})
        return MadeToken(digits, count << 32)

    def shown(self, name: str) -> Shown:
        """What the display of an emulated meter shows."""
        return self.interfaces[name].shown(self.now)

    def send(self, octets: bytes, sender: str) -> None:
        """A party puts a message on the wide area network; while that is down, it gets no further."""
        if not self.wan:
            self.undeliverable.append(NO_WAN)
            self._note_lost(sender, octets)
            return
        self._note_message(sender, self.scenario.hub.name, octets)
        self._later(WAN_DELAY_US, lambda: self._hub_event(WanMessage(octets)))

    def answers_to(self, command: Message) -> list[bytes]:
        """What came so far that answers a command, whatever it is worth."""
        return [octets for _, octets in self.received if octets_answer(command, octets)]

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

    def advance(self, seconds: float, until: Callable[[], bool] | None = None) -> None:
        """Let time pass; everything due meanwhile happens in order.

        `until`: what is waited for. Simulated time costs nothing and passes all the same; in a home
        in step with the wall clock waiting ends soon after.
        """
        end = self.now.plus(us=round(seconds * 1_000_000))
        self._own_store.commit({TIME: pack(end.us)})  # first: no device is ever ahead of it
        self._settle()
        while (due := self._next_due()) <= end:
            self.now = max(self.now, due)
            self._do_next()
        self.now = end

    def _do_next(self) -> None:
        """Do what is due first."""
        if self._queue and self._queue[0][0] <= self.now.us:
            heapq.heappop(self._queue)[2]()
        else:
            self._deadlines()
        self._settle()

    def trouble(self, name: str) -> str:
        """Why a device is not on the home area network, where that is known; else empty."""
        return ""

    def _settle(self) -> None:
        """Wait for what a link does in its own time; a memory link has none."""

    # -- carrying ---------------------------------------------------------------------

    def _later(self, delay_us: int, action: Callable[[], None]) -> None:
        self._sequence += 1
        heapq.heappush(self._queue, (self.now.us + delay_us, self._sequence, action))

    def _next_due(self) -> Utc:
        times = [Utc(self._queue[0][0])] if self._queue else []
        deadlines = (self.hub.next_deadline, *(s.next_deadline for s in self.stations.values()))
        times += [time for time in deadlines if time is not None]
        times.append(self._time_checks.plus(TIME_CHECK))
        return min(times)

    def _deadlines(self) -> None:
        if self._time_checks.plus(TIME_CHECK) <= self.now:
            self._time_checks = self.now
            for name in sorted(self._up & self.stations.keys()):
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
            if not self.wan:
                self._note_lost(name, octets)
                return
            self._note_message(name, self.name_of(effect.recipient), octets)
            self._later(WAN_DELAY_US, lambda: self.received.append((self.now, octets)))
        elif isinstance(effect, Undeliverable):
            self.undeliverable.append(effect.reason)
            self.transcript.add(
                self.now, name, WAN, "gbcs", effect.octets, "", effect.reason, "undeliverable", "chts-hub 8.2"
            )
        elif isinstance(effect, AgreeKey):
            self._later(AGREEMENT_US, partial(self._agree, name, effect.station))
        elif isinstance(effect, ForgetKey):
            self._forget_key(name, effect.station)
        elif isinstance(effect, AdmitToNetwork):
            text = "asks for it to be admitted to the network; the hub admits whom the broker adds (CCS01)"
            self._note_pair(name, effect.station, text)
        elif isinstance(effect, LoadControlEvent | CancelLoadControlEvent):
            self._order(name, effect)
        elif isinstance(effect, Actuate | SetLevel | Happened | AudibleAlarm | HanAlert):
            self.transcript.lines.append(line_of(self.now, name, effect))

    def _order(self, name: str, order: LoadControlEvent | CancelLoadControlEvent) -> None:
        """A meter orders a load switch; without radios there are no frames of its cluster."""
        what, text = type(order).__name__, f"event {order.event}"
        if isinstance(order, LoadControlEvent):
            text += f": {'on' if order.on else 'off'} for {order.minutes} minutes from {order.start}"
        text += "; no frame of a cluster crosses this link"
        to = self._addresses.get(order.station, str(order.station))
        self.transcript.add(self.now, name, to, "zcl", b"", what, text, "lost", ORDER_RULE)

    # -- keys of pairs ----------------------------------------------------------------

    def _agree(self, name: str, station: EntityId) -> None:
        """Let a device that joins another agree a key with it; the other waits for that."""
        if agreeing(self.stations[name].device.observe(self.now), station) is not Method.A_INITIATOR:
            return
        outcome = self._agreement(name, station)
        self._note_pair(name, station, said(outcome), "" if isinstance(outcome, KeyAgreed) else "failed")
        self._station_event(name, outcome)
        partner = self._addresses.get(station)
        if isinstance(outcome, KeyAgreed) and partner in self.stations:
            own = self.stations[name].address.station
            if agreeing(self.stations[partner].device.observe(self.now), own) is Method.A_RESPONDER:
                self._station_event(partner, KeyAgreed(own, outcome.link_key))

    def _agreement(self, name: str, station: EntityId) -> Outcome:
        """How the key agreement of a device with a station ends, without radios between them."""
        partner, own = self._addresses.get(station), self.stations[name]
        other = None if partner is None else self.stations.get(partner)
        if partner is None or other is None or not {name, partner} <= self._up:
            return no_partner_key(station)
        both = has_power(own.device, self.now) and has_power(other.device, self.now)
        if not both or not willing(other.device, own.address.station, self.now):
            return no_partner_key(station)
        authority = cbke_authority(self.scenario)
        random = partial(stream, self._random)
        return establish(
            own.address, other.address, authority.issue, random, self.hub.address.station, self.now
        )

    def _forget_key(self, name: str, station: EntityId) -> None:
        """A device has no key with a station any more."""
        self._note_pair(name, station, "key forgotten")

    def _note_pair(self, name: str, station: EntityId, text: str, verdict: str = "") -> None:
        to = self._addresses.get(station, str(station))
        self.transcript.add(self.now, name, to, "cbke", b"", "", text, verdict, PAIR_RULE)

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

    def _note_lost(self, sender: str, octets: bytes) -> None:
        """What goes nowhere while the wide area network is down.

        Gap: chts-hub 19 gives that network the states up and down, and nothing says that a hub keeps what
        it cannot send: it is gone.
        """
        self.transcript.add(self.now, sender, WAN, "gbcs", octets, "", NO_WAN, "undeliverable", WAN_RULE)

    def _note_message(self, sender: str, to: str, octets: bytes) -> None:
        try:
            message = parse_message(octets)
        except GbcsError as error:
            self.transcript.add(self.now, sender, to, "gbcs", octets, "", str(error))
            return
        layer = "alert" if message.kind is Kind.ALERT else "gbcs"
        self.transcript.add(self.now, sender, to, layer, octets, f"{message.code:04X}", describe(octets))


def line_of(now: Utc, name: str, effect: Actuate | SetLevel | Happened | AudibleAlarm | HanAlert) -> Line:
    """What a transcript says of an effect at a device."""
    if isinstance(effect, AudibleAlarm | HanAlert):
        row = alert_table().get(effect.code)
        text = "sounds the alarm for" if isinstance(effect, AudibleAlarm) else "tells displays of"
        text = f"{text} {effect.code:04X} {row.name if row is not None else ''}".rstrip()
        return Line(now, name, name, "ui", b"", f"{effect.code:04X}", text, "", "smets-esme 6")
    if isinstance(effect, SetLevel):
        way = "input" if effect.direction == INPUT else "output"
        text = f"controller {effect.controller} is set to {effect.percent} % {way}"
        return Line(now, name, name, "ui", b"", "", text, "", "")
    if isinstance(effect, Actuate):
        text = f"{effect.what} {'closes' if effect.on else 'opens'}"
        return Line(now, name, name, "ui", b"", "", text, "", "")
    code = effect.check.value if effect.check is not None else ""
    return Line(now, name, name, "gbcs", b"", code, effect.text, effect.verdict, effect.rule)


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
    """The Alert Code of a DLMS alert or of one about credentials, None for any other message."""
    from gbcs.dlms.apdu import DataNotification, parse_apdu

    if message.kind is not Kind.ALERT:
        return None
    try:
        if message.code in REPLACED_LATER:
            return int(decode(message).values["alertCode"])
        apdu = parse_apdu(message.payload)
    except GbcsError:
        return None
    if not isinstance(apdu, DataNotification) or not isinstance(apdu.body.value, tuple):
        return None
    first = apdu.body.value[0] if apdu.body.value else None
    return first.value if first is not None and isinstance(first.value, int) else None
