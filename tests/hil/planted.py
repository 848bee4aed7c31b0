"""A meter that does one thing wrong, and the home in which it is compared with an honest one.

Its answers are sealed anew after they were changed, so that nothing is wrong but the one thing.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

from gbcs.dlms.apdu import AccessResponse, DataNotification, ResponseItem, invoke_id, parse_apdu
from gbcs.dlms.axdr import Data
from gbcs.ids import Cra, EntityId, KeyUsage
from gbcs.lengths import read_length
from gbcs.message import Message, parse_message
from gbcs.party import RemoteParty
from gbcs.security.keys import SharedSecrets
from gbcs.security.mac import message_mac
from gbcs.security.store import KeyStore
from gbcs.time import Utc
from gbcs.usecases import by_code
from hil.home import Home
from hil.transcript import Line
from smets.events import Effect, Event, RemotePartyMessage, SendMessage
from tests.hil.homes import HOME, METER, command, runner, step

ENTITY = EntityId.parse("00-DB-12-34-56-78-00-01")
SUPPLIER = EntityId.parse("90-B3-D5-1F-00-00-00-11")
OPERATOR = EntityId.parse("90-B3-D5-1F-00-00-00-12")
LIMIT = "2026-01-01T00:10:00Z"
SCENARIO = (
    HOME
    + METER
    + step(metrology="{ import_wh = 1250, power_w = 2500, voltage_v = [239] }", to='"meter"')
    + command("ECS52")
    + command("ECS17b")
    + command("ECS17c")
    + command("CS02a", sender="broker", roles='["supplier", "networkOperator", "accessControlBroker"]')
    + command("ECS38", values="[600]")
    + command("ECS26c")
    + step(fault="[2, 1]", to='"meter"')
    + command("ECS26m", expect="[0, 0, 1, 250]")
    + command("ECS43")
    + command("ECS44")
    + command("ECS28a", values=f"[true, 6900, 300, 30, {LIMIT}, {LIMIT}, {LIMIT}, {LIMIT}]")
    + step(wait="900")
    + command("ECS02", values='[[1, 1], "configuration:credit", "now"]')
    + command("ECS02", tamper='"repeat"', expect='"repeat"')
    + command("ECS43", tamper='"old counter"', expect='"refused"')
    + command("ECS52", tamper='"wrong MAC"', expect='"refused"')
    + command("ECS35b")
)

Alter = Callable[[Message], Message]


@dataclass(frozen=True)
class Fault:
    """One wrong thing: which message, how it is changed, whether it is sealed anew.

    `all_of` changes what is sent in answer to one event instead; `before` acts on the device's
    memory before a command arrives.
    """

    name: str
    use_case: str
    cra: Cra = Cra.RESPONSE
    alter: Alter | None = None
    seals: bool = True
    all_of: Callable[[list[Effect]], list[Effect]] | None = None
    before: Callable[["Faulty", Message], None] | None = None


class Faulty:
    """A device that is honest but for one fault, the first time it can be."""

    def __init__(self, device: Any, store: Any, keys: KeyStore, fault: Fault) -> None:
        self.device, self.store, self.keys, self.fault = device, store, keys, fault
        self.done = False
        self.seen = b""

    @property
    def next_deadline(self) -> Utc | None:
        deadline: Utc | None = self.device.next_deadline
        return deadline

    def observe(self, now: Utc) -> Any:
        return self.device.observe(now)

    def handle(self, event: Event, now: Utc) -> tuple[Effect, ...]:
        fault = self.fault
        if fault.before is not None and isinstance(event, RemotePartyMessage):
            fault.before(self, parse_message(event.octets))
            self.device = self.device.reopened(now)
        effects = list(self.device.handle(event, now))
        if fault.all_of is not None and not self.done and any(map(self._meant, effects)):
            self.done = True
            return tuple(fault.all_of(effects))
        return tuple(self._altered(effect) for effect in effects)

    def _meant(self, effect: Effect) -> bool:
        if not isinstance(effect, SendMessage):
            return False
        message = parse_message(effect.octets)
        row = by_code(message.code)
        return row is not None and row.name == self.fault.use_case and message.cra is self.fault.cra

    def _altered(self, effect: Effect) -> Effect:
        if self.fault.alter is None or self.done or not self._meant(effect):
            return effect
        assert isinstance(effect, SendMessage)
        self.done = True
        message = self.fault.alter(parse_message(effect.octets))
        if self.fault.seals:
            message = sealed(message, self.keys)
        return SendMessage(message.encoded().octets, message.recipient)


def sealed(message: Message, keys: KeyStore) -> Message:
    """The message with the signature or MAC of the meter over what it says now."""
    draft = message.encoded()
    if draft.signature is not None:
        return RemoteParty(ENTITY, keys).sign(draft)
    own = keys.find(ENTITY, KeyUsage.KEY_AGREEMENT)
    peer = message.recipient if message.recipient != ENTITY else message.originator
    other = keys.find(peer, KeyUsage.KEY_AGREEMENT)
    assert own is not None
    assert other is not None
    return replace(draft, mac=message_mac(draft, SharedSecrets(keys).between(own, other))).encoded()


Numbered = list[tuple[int, Line]]


def numbered(home: Home) -> Numbered:
    """The lines of a home's transcript."""
    return list(enumerate(home.transcript.lines, 1))


def run_with(fault: Fault | None) -> Home:
    """The home after the scenario, with a meter that has a fault."""
    made = runner(SCENARIO)
    home = made.home
    if fault is not None:
        station = home.stations["meter"]
        device: Any = Faulty(station.device, station.device._store, home.keys, fault)
        station.device = device
    list(made)
    if fault is not None:
        assert device.done, f"{fault.name}: nothing was altered"
    return home


@cache
def honest() -> Home:
    """The home with an honest meter."""
    return run_with(None)


# -- alterations ----------------------------------------------------------------------------


def header(**fields: Any) -> Alter:
    """Fields of the header."""
    return lambda message: replace(message, **fields)


def payload(change: Callable[[bytes], bytes]) -> Alter:
    """The octets of the payload."""
    return lambda message: replace(message, payload=change(message.payload))


def put(old: str, new: str) -> Alter:
    """Other octets in the payload, where they stand once."""

    def alter(octets: bytes) -> bytes:
        before, after = bytes.fromhex(old), bytes.fromhex(new)
        assert octets.count(before) == 1, octets.hex()
        return octets.replace(before, after)

    return payload(alter)


def item(index: int, **fields: Any) -> Alter:
    """One item of an access-response."""

    def alter(octets: bytes) -> bytes:
        apdu = parse_apdu(octets)
        assert isinstance(apdu, AccessResponse)
        items = list(apdu.items)
        items[index] = ResponseItem(**{**items[index]._asdict(), **fields})
        return replace(apdu, items=tuple(items)).octets()

    return payload(alter)


def invoke(octets: bytes) -> bytes:
    apdu = parse_apdu(octets)
    return replace(apdu, invoke_id=apdu.invoke_id + 1).octets()


def numbered_again(message: Message) -> Message:
    """With the counter 1, wherever it stands."""
    apdu = parse_apdu(message.payload)
    return replace(message, counter=1, payload=replace(apdu, invoke_id=invoke_id(1)).octets())


def body(index: int, change: Callable[[Data], Data]) -> Alter:
    """One element of the body of an alert."""

    def alter(octets: bytes) -> bytes:
        apdu = parse_apdu(octets)
        assert isinstance(apdu, DataNotification)
        nodes = list(apdu.body.value)
        nodes[index] = change(nodes[index])
        return replace(apdu, body=apdu.body._replace(value=tuple(nodes))).octets()

    return payload(alter)


def an_hour_late(node: Data) -> Data:
    return node._replace(value=Utc.from_cosem(node.value).plus(3600).to_cosem())


def entries_reversed(octets: bytes) -> bytes:
    """The two entries of a log of six octets each, the newest first."""
    apdu = parse_apdu(octets)
    assert isinstance(apdu, AccessResponse)
    at = octets.index(bytes((12,)), 12) + 1
    entries = [octets[at : at + 6], octets[at + 6 : at + 12]]
    assert entries[0] != entries[1]
    return octets[:at] + entries[1] + entries[0] + octets[at + 12 :]


def elements_swapped(octets: bytes) -> bytes:
    """The first two elements of a DER SEQUENCE OF with a length of three octets."""
    head, elements = _elements(octets)
    return head + elements[1] + elements[0] + b"".join(elements[2:])


def wide(octets: bytes) -> bytes:
    """The outermost length in four octets."""
    length, start, _ = read_length(octets, 1, "")
    return octets[:1] + b"\x83" + length.to_bytes(3, "big") + octets[start:]


def _elements(octets: bytes) -> tuple[bytes, list[bytes]]:
    _, start, _ = read_length(octets, 1, "")
    found, at = [], start
    while at < len(octets):
        size, begin, _ = read_length(octets, at + 1, "")
        found.append(octets[at : begin + size])
        at = begin + size
    return octets[:start], found


def flipped(octets: bytes) -> bytes:
    return octets[:-1] + bytes((octets[-1] ^ 1,))


def swapped_back(message: Message) -> Message:
    return replace(message, originator=message.recipient, recipient=message.originator)


def twice(effects: list[Effect]) -> list[Effect]:
    sent = [effect for effect in effects if isinstance(effect, SendMessage)]
    return [*effects, *sent[:1]]


def without_messages(effects: list[Effect]) -> list[Effect]:
    """Without the first message."""
    first = next(effect for effect in effects if isinstance(effect, SendMessage))
    return [effect for effect in effects if effect is not first]


def backwards(effects: list[Effect]) -> list[Effect]:
    return effects[::-1]


def forget_answers(faulty: Faulty, message: Message) -> None:
    """Before a repeat comes: no stored answer, no counter of the supplier."""
    row = by_code(message.code)
    if row is not None and row.name == "ECS02" and message.octets == faulty.seen:
        _forget(faulty)
    faulty.seen = message.octets


def forget_counters(faulty: Faulty, message: Message) -> None:
    """Before a command with an old counter comes."""
    if message.counter == 1:
        _forget(faulty)


def _forget(faulty: Faulty) -> None:
    store = faulty.store
    keys = [key for prefix in ("answer/", "counter/") for key, _ in list(store.scan(prefix))]
    assert keys
    store.commit(dict.fromkeys(keys))
    faulty.done = True
