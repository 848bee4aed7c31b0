"""A home at work without end, what it says, and what must be true of its stores afterwards.

Operation n of the load is known from n: sets, supply changes, credit, future-dated values,
refused commands, changes of the hub's device log. `Home` says each operation before it
sends the command, and whatever the meter and the hub send once that is released. Run as
a program (database, first operation) it prints this.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from itertools import count

import hil.home
from chts.events import SendWan
from gbcs.dlms.apdu import AccessResponse, parse_apdu
from gbcs.ids import EntityId, Kind
from gbcs.message import Message, parse_message
from gbcs.party import compose
from gbcs.time import Utc
from gbcs.usecases import by_name
from hil.home import octets_answer
from hil.scenario import parse_scenario
from smets.behaviours.activation import PENDING
from smets.events import RemotePartyMessage, SendMessage, TimerDue
from smets.han.link import Frame, TransferData
from smets.store import Store
from tests.hil.homes import HOME, METER

SCENARIO = parse_scenario(HOME + METER, "load")
(ENTRY,) = SCENARIO.devices
STRANGER = EntityId.parse("00-DB-12-34-56-78-00-09")
KINDS = 9
OPERATION = "operation"
DELAY = 20  # seconds until a future-dated value is active
Say = Callable[[str], None]


class Home(hil.home.Home):
    """A home that says what it sends."""

    def __init__(self, store: Callable[[str], Store], say: Say = lambda text: None) -> None:
        self._say = say
        super().__init__(SCENARIO, store)

    def _effect(self, name: str, effect: object) -> None:  # type: ignore[override]
        """Say it as soon as it is released."""
        if isinstance(effect, Frame) and isinstance(effect.command, TransferData) and name == ENTRY.name:
            self._say(f"{name} {effect.command.data.hex()}")
        elif isinstance(effect, SendWan):
            originator = parse_message(effect.octets).originator
            if originator == SCENARIO.hub.chf:
                self._say(f"hub {effect.octets.hex()}")
        super()._effect(name, effect)  # type: ignore[arg-type]

    def command(self, name: str, values: tuple[object, ...] = (), device: EntityId = ENTRY.entity) -> Message:
        """A command of the supplier, of the broker if it is for the hub."""
        use_case = by_name(name)
        party = self.broker if device == SCENARIO.hub.chf else self.parties["supplier"]
        counter = self.next_counter(party.entity)
        message = party.precommand(use_case, device, counter, compose(use_case.code or 0, counter, values))  # type: ignore[arg-type]
        return self.broker.mac(party.sign(message) if use_case.command_signed else message)

    def ask(self, command: Message) -> bytes:
        """Send a command and give time for the answer."""
        self.received.clear()
        self.send(command.octets, "test")
        self.advance(2)
        return next(octets for _, octets in self.received if octets_answer(command, octets))

    def read(self, name: str) -> list[object]:
        """The values a device gives over the air."""
        use_case, command = by_name(name), self.command(name)
        answer = self.parties["supplier"].check_answer(command, self.ask(command), use_case)
        apdu = parse_apdu(answer.payload)
        assert isinstance(apdu, AccessResponse)
        return [item.data.value for item in apdu.items]


def operation(home: Home, n: int) -> Message:
    """The command of operation n."""
    chf = SCENARIO.hub.chf
    kind = n % KINDS
    if kind == 0:
        return home.command("ECS38", (n % 1800,))
    if kind in (1, 2, 3):
        return home.command(("ECS43", "ECS44", "ECS42")[kind - 1])
    if kind == 4:
        times = (home.now.plus(DELAY).to_cosem(),) * 4
        return home.command("ECS28a", (True, 1000 + n % 5000, 300, 30, *times))
    if kind == 5:
        return home.command("ECS04a", (1,))
    if kind == 6:
        spoilt = home.command("ECS52")
        assert spoilt.mac is not None
        return replace(spoilt, mac=bytes(12)).encoded()
    if kind == 7:
        return home.command("CCS01", ((bytes(STRANGER), 1, bytes(16), 0), 90), chf)
    return home.command("CCS02", (bytes(STRANGER),), chf)


def work(home: Home, first: int) -> Iterator[int]:
    """Go on without end; yields a number after its operation."""
    home.bring_up(ENTRY)
    for n in count(first):
        message = operation(home, n)
        home._say(f"{OPERATION} {n} {message.octets.hex()}")
        home.send(message.octets, "test")
        home.advance(3)
        yield n


@dataclass(frozen=True)
class State:
    """What operations leave behind."""

    offset: int = 0
    supply: int = 1
    threshold: int = 0xFFFF_FFFF
    balance: int = 0
    stranger: bool = False

    def after(self, n: int) -> State:
        """What operation n makes of it."""
        kind = n % KINDS
        if kind == 0:
            return replace(self, offset=n % 1800)
        if kind == 1:
            return replace(self, supply=0)
        if kind == 2:
            return replace(self, supply=2) if self.supply == 0 else self
        if kind == 3:
            return replace(self, supply=1)
        if kind == 4:
            return replace(self, threshold=1000 + n % 5000)
        if kind == 5:
            return replace(self, balance=self.balance + 1)
        return replace(self, stranger=kind == 7) if kind > 6 else self


@dataclass
class Witness:
    """Hears what homes say over many restarts, and looks into the stores in between."""

    state: State = State()
    open: int | None = None  # said to be sent, not answered yet
    next: int = 0
    commands: dict[int, Message] = field(default_factory=dict)
    last: tuple[Message, bytes] | None = None  # the last answered command
    alerts: dict[tuple[EntityId, int], bytes] = field(default_factory=dict)
    accepted: dict[EntityId, int] = field(default_factory=dict)  # counters of answered commands
    before: dict[str, int] = field(default_factory=dict)
    time: Utc = SCENARIO.start
    open_ended: int = 0  # how often a command was on its way
    repeats: int = 0  # how many were sent again

    def __str__(self) -> str:
        return f"{self.next} operations, {len(self.alerts)} alerts, {self.open_ended} times one on its way"

    def hear(self, line: str) -> None:
        """One line; of a command, an answer or an alert."""
        who, *rest = line.split()
        message = parse_message(bytes.fromhex(rest[-1]))
        if who == OPERATION:
            self.open, self.next = int(rest[0]), int(rest[0]) + 1
            self.commands[self.open] = message
            if self.open % KINDS == 6:
                self.open = None  # refused, changes nothing
        elif message.kind is Kind.ALERT:
            key = (message.originator, message.counter)
            assert key not in self.alerts, f"counter {message.counter} of {message.originator} was used twice"
            self.alerts[key] = message.octets
        elif self.open is not None and octets_answer(self.commands[self.open], message.octets):
            self.state = self.state.after(self.open)
            command = self.commands[self.open]
            self.last, self.open = (command, message.octets), None
            self.accepted[command.recipient] = command.counter

    def check(self, home: Home) -> None:
        """Everything acknowledged is there, nothing has gone back, a repeat gets the stored answer."""
        assert home.now >= self.time, "time went back"
        meter, hub = home.stations[ENTRY.name].device, home.hub.chf
        counters = {}
        for name, device, originator in (("meter", meter, 2), ("hub", hub, 4)):
            work = device.observe(home.now)
            counters[f"{name} own"] = work.number("counter/own")
            counters[f"{name} role"] = work.number(f"counter/{originator:03d}/role")
            sent = [c for (entity, c) in self.alerts if entity == device.entity]
            assert counters[f"{name} own"] >= max(sent, default=0)
            assert counters[f"{name} role"] >= self.accepted.get(device.entity, 0)
        for name, value in counters.items():
            assert value >= self.before.get(name, 0), f"{name} went back"
        self.before = counters
        if not home.hub.knows(ENTRY.entity, home.now):
            assert self.last is None  # killed before it was added
            return
        self._check_repeat(home)
        self.last = None  # the reads below push it out of the few answers that are kept
        home.advance(2 * DELAY)
        work = hub.observe(home.now)
        found = State(
            offset=int(str(home.read("ECS26c")[2])),
            supply=int(str(home.read("ECS45")[0])),
            threshold=int(str(home.read("ECS27")[3])),
            balance=meter.observe(home.now).int_item("MeterBalance"),
            stranger=home.hub.knows(STRANGER, home.now),
        )
        allowed = [self.state] if self.open is None else [self.state, self.state.after(self.open)]
        self.open_ended += self.open is not None
        assert found in allowed, f"{found}, but {allowed} ({self.open})"
        assert not list(meter.observe(home.now).scan(PENDING)), "an activation was forgotten"
        self.state, self.open, self.time = found, None, home.now

    def _check_repeat(self, home: Home) -> None:
        if self.last is None:
            return
        command, answer = self.last
        device = home.hub.chf if command.recipient == SCENARIO.hub.chf else home.stations[ENTRY.name].device
        device.handle(TimerDue(), home.now)  # what came due meanwhile is no consequence of the repeat
        before = snapshot(device._store)
        (sent, _) = device.handle(RemotePartyMessage(command.octets), home.now)
        assert sent == SendMessage(answer, command.originator), "another answer"
        assert snapshot(device._store) == before, "a repeat was executed"
        self.repeats += 1


def snapshot(store: Store) -> dict[str, bytes]:
    """Everything held."""
    return dict(store.scan(""))


def main(path: str, first: int) -> None:
    """Work on a database until the end of the process."""
    from hil.sqlite_store import SqliteDatabase

    with SqliteDatabase(path) as database:
        for _ in work(Home(database.store, lambda text: print(text, flush=True)), first):
            pass


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
