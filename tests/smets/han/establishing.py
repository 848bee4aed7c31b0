"""Two nodes that establish a key: a meter and the hub, with a queue between them instead of a radio.

Calculations run once for the same arguments, whatever test asks: `random` of a node is a
count, so that the same numbers come again.
"""

from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from functools import cache

from gbcs.ids import EntityId
from gbcs.time import Utc
from smets.han.compute import Compute, Computed
from smets.han.credential import CbkeCredential
from smets.han.key_establishment import KeyEstablishment
from smets.han.key_establishment_events import (
    Established,
    Failed,
    KeyEstablishmentEffect,
    KeyEstablishmentEvent,
    KeyEstablishmentSettings,
    PartnerSuites,
    ReadSuites,
    Received,
    Send,
    Start,
    Step,
    TimeDue,
)
from smets.han.key_establishment_frames import Command, CommandId, Terminate, parse_command
from smets.han.key_establishment_rows import State, Transition
from smets.han.link import Address
from smets.han.suites import Suite
from smets.han.test_ca import TestCa

START = Utc.of(2024, 6, 1)
METER = Address(EntityId.parse("00-DB-12-34-56-78-00-01"), 2)
HUB = Address(EntityId.parse("00-DB-12-34-56-78-00-03"), 7)
STRANGER = Address(EntityId.parse("00-DB-12-34-56-78-00-09"), 1)
BOTH = KeyEstablishmentSettings(suites=3)


@cache
def authority(suite: Suite, seed: bytes = b"tests") -> TestCa:
    return TestCa(suite, seed, Utc.of(2024, 3, 1), None if seed == b"tests" else seed)


@cache
def credential(station: EntityId, suite: Suite = Suite.SUITE_2, seed: bytes = b"tests") -> CbkeCredential:
    return authority(suite, seed).issue(station)


@cache
def _run(function: Callable[..., object], arguments: tuple[object, ...]) -> object:
    return function(*arguments)


def run(compute: Compute) -> Computed:
    return Computed(compute.ticket, _run(compute.function, compute.arguments))


def count() -> Callable[[int], bytes]:
    """Octets that are a count."""
    number = 0

    def random(size: int) -> bytes:
        nonlocal number
        number += 1
        return number.to_bytes(size, "big")

    return random


def machine(
    own: Address,
    credentials: Iterable[CbkeCredential] | None = None,
    settings: KeyEstablishmentSettings | None = None,
    *,
    trust_centre: EntityId = HUB.station,
    admits: Iterable[EntityId] = (METER.station, HUB.station),
    random: Callable[[int], bytes] | None = None,
    transaction: int = 0,
) -> KeyEstablishment:
    if credentials is None:
        credentials = [credential(own.station, suite) for suite in Suite]
    admitted = frozenset(admits)
    return KeyEstablishment(
        own,
        credentials,
        random or count(),
        trust_centre=trust_centre,
        admits=admitted.__contains__,
        settings=settings,
        transaction=transaction,
    )


@dataclass
class Net:
    """Both machines and what is under way. `queue`: (receiver, event), in order."""

    meter: KeyEstablishment
    hub: KeyEstablishment
    now: Utc = START
    queue: deque[tuple[KeyEstablishment, KeyEstablishmentEvent]] = field(default_factory=deque)
    effects: list[tuple[Address, KeyEstablishmentEffect]] = field(default_factory=list)

    def node(self, address: Address) -> KeyEstablishment:
        return {METER.station: self.meter, HUB.station: self.hub}[address.station]

    def feed(
        self, node: KeyEstablishment, event: KeyEstablishmentEvent
    ) -> tuple[KeyEstablishmentEffect, ...]:
        """Give a machine an event; what follows is queued and kept."""
        out = node.handle(event, self.now)
        for effect in out:
            self.effects.append((node.own, effect))
            if isinstance(effect, Send) and effect.destination.station in (METER.station, HUB.station):
                self.queue.append((self.node(effect.destination), Received(node.own, effect.octets)))
            elif isinstance(effect, Compute):
                self.queue.append((node, run(effect)))
            elif isinstance(effect, ReadSuites):
                suites = self.node(effect.peer).suites
                self.queue.append((node, PartnerSuites(effect.peer.station, suites)))
        return out

    def start(self) -> None:
        self.feed(self.meter, Start(HUB))

    def step(self) -> bool:
        if not self.queue:
            return False
        self.feed(*self.queue.popleft())
        return True

    def settle(self) -> None:
        for _ in range(100):
            if not self.step():
                return
        raise AssertionError("no end")

    def wait(self, seconds: int) -> None:
        """Let time pass; each machine is called when it wants to be."""
        until = self.now.plus(seconds)
        while True:
            self.settle()
            due = [n.next_deadline for n in (self.meter, self.hub) if n.next_deadline]
            if not due or min(due) > until:
                break
            self.now = max(self.now, min(due))
            for node in (self.meter, self.hub):
                if node.next_deadline and node.next_deadline <= self.now:
                    self.feed(node, TimeDue())
        self.now = until

    def of(self, node: KeyEstablishment, kind: type) -> list:  # type: ignore[type-arg]
        return [effect for own, effect in self.effects if own == node.own and isinstance(effect, kind)]

    def keys(self, node: KeyEstablishment) -> list[bytes]:
        return [effect.link_key for effect in self.of(node, Established)]


def net(meter: KeyEstablishmentSettings | None = None, hub: KeyEstablishmentSettings | None = None) -> Net:
    return Net(machine(METER, settings=meter), machine(HUB, settings=hub))


def only(suite: Suite) -> KeyEstablishmentSettings:
    return KeyEstablishmentSettings(suites=suite)


def says(pair: Net, node: KeyEstablishment) -> bool:
    return any(heard(effect.octets).id is CommandId.TERMINATE for effect in pair.of(node, Send))


@dataclass
class Scene:
    """One machine in a state, its partner's address, and what it does next."""

    net: Net
    me: KeyEstablishment
    peer: Address
    out: tuple[KeyEstablishmentEffect, ...] = ()

    def feed(self, event: KeyEstablishmentEvent) -> "Scene":
        self.out = self.net.feed(self.me, event)
        return self

    def hear(
        self,
        command: CommandId,
        to_server: bool,
        payload: bytes = b"",
        *,
        source: Address | None = None,
        transaction: int | None = None,
    ) -> "Scene":
        """A message arrives; a response has the transaction number of the request."""
        if transaction is None:
            asked = [heard(s.octets) for s in self.net.of(self.me, Send)]
            last = [c.transaction for c in asked if c.to_server]
            transaction = 0x80 if to_server or not last else last[-1]
        octets = Command(command, to_server, transaction, payload).octets
        return self.feed(Received(source or self.peer, octets))

    @property
    def rows(self) -> list[Transition]:
        return [effect.row for effect in self.out if isinstance(effect, Step)]

    @property
    def row(self) -> Transition:
        """The first row that was followed."""
        return self.rows[0]

    @property
    def sent(self) -> list[Command]:
        return [heard(effect.octets) for effect in self.out if isinstance(effect, Send)]

    @property
    def terminated(self) -> Terminate | None:
        """What the only message, a Terminate, says; None where nothing was sent."""
        sent = self.sent
        if not sent:
            return None
        assert [command.id for command in sent[:1]] == [CommandId.TERMINATE]
        return Terminate.parse(sent[0].payload)

    @property
    def failed(self) -> Failed | None:
        found = [effect for effect in self.out if isinstance(effect, Failed)]
        assert len(found) <= 1
        return found[0] if found else None


def heard(octets: bytes) -> Command:
    command = parse_command(octets)
    assert command is not None
    return command


U_STATES = (
    State.READING,
    State.INITIATING,
    State.U_MAKING,
    State.U_EXCHANGING,
    State.U_AGREEING,
    State.U_CONFIRMING,
)
V_STATES = (State.V_EXCHANGING, State.V_MAKING, State.V_CONFIRMING, State.V_AGREEING)


def reach(state: State, settings: KeyEstablishmentSettings | None = None, idle: Address = HUB) -> Scene:
    """The machine of the role in a state, by an exchange of both; IDLE: by default the hub."""
    settings = settings or KeyEstablishmentSettings()
    initiator = state in U_STATES
    both = net(replace(settings, reads_suites=True) if state is State.READING else settings, settings)
    if state is State.IDLE:
        me = both.node(idle)
        return Scene(both, me, HUB if idle == METER else METER)
    me = both.meter if initiator else both.hub
    both.start()
    while me.state is not state:
        assert both.step(), state
    return Scene(both, me, HUB if initiator else METER)
