"""Pairs of messages made here: a test PKI, an ESME that answers, and the folder they are written to."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from gbcs.asn1.credentials import CellIdentifier, CredentialsCommand, command_octets
from gbcs.dlms.apdu import AccessResponse, ResponseItem, parse_apdu
from gbcs.dlms.axdr import Data
from gbcs.dlms.objects import by_item
from gbcs.dlms.protection import protected_request
from gbcs.dlms.selective import Range
from gbcs.ids import Cra, EntityId, KeyUsage, Role
from gbcs.message import Message, parse_message
from gbcs.party import AccessControlBroker, RemoteParty, compose
from gbcs.pki import TestPki
from gbcs.security.folder import write_folder
from gbcs.time import Utc
from gbcs.usecases import by_code
from hil.replay.pairs import Collection, collect
from hil.replay.run import Replayer
from hil.replay.verdicts import Outcome
from smets.behaviours.clock import set_clock
from smets.device import Device
from smets.esme.meter import EsmeOptions, make_esme
from smets.events import ArmStoreFault, RemotePartyMessage, SendMessage, TimerDue
from smets.identity import provision
from smets.store import MemoryStore

NOW = Utc.of(2020, 3, 4, 5, 6, 7)
LATER = Utc.of(2030, 1, 15, 9)
ALWAYS = Range(0, 0xFFFF_FFFF)
SUPPLIER = EntityId.parse("00-00-5E-00-53-00-00-01")
OPERATOR = EntityId.parse("00-00-5E-00-53-00-00-02")
BROKER = EntityId.parse("00-00-5E-00-53-00-00-03")
METER = EntityId.parse("00-00-5E-00-53-00-01-00")
PARTIES = {
    SUPPLIER: Role.SUPPLIER,
    OPERATOR: Role.NETWORK_OPERATOR,
    BROKER: Role.ACCESS_CONTROL_BROKER,
}

Alter = Callable[[Message], Message]
Payload = Callable[[int], bytes]  # by the counter of the command


@dataclass
class Home:
    """Parties and one meter variant; `messages` are those so far, by file name."""

    variant: str = "single"
    messages: dict[str, Message] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.pki = TestPki.create(b"replay tests", Utc.of(2020, 1, 1))
        anchors = [c for entity, role in PARTIES.items() for c in self.pki.organisation(role, entity)]
        self.pki.device(METER)
        self.store = self.pki.store
        self.memory = MemoryStore()
        provision(self.memory, METER, self.store, anchors)
        device = make_esme(self.memory, NOW, EsmeOptions(self.variant))
        work = device.observe(NOW)
        set_clock(work, NOW)
        work.commit()
        self.device: Device = device.reopened(NOW)
        self.counter = 1000

    def precommand(self, code: int, payload: Payload | None = None) -> Message:
        """A command of the supplier, else of the broker, without protection; the next counter."""
        use_case = by_code(code)
        assert use_case is not None
        originator = SUPPLIER if Role.SUPPLIER in use_case.roles else BROKER
        self.counter += 1
        octets = compose(code, self.counter) if payload is None else payload(self.counter)
        return RemoteParty(originator, self.store).precommand(use_case, METER, self.counter, octets)

    def command(self, code: int, payload: Payload | None = None) -> Message:
        """A command as the broker sends it on."""
        message = self.precommand(code, payload)
        use_case = by_code(code)
        if use_case is not None and use_case.command_signed:
            message = RemoteParty(message.originator, self.store).sign(message)
        return AccessControlBroker(BROKER, self.store).mac(message)

    def pair(
        self,
        case: str,
        code: int,
        payload: Payload | None = None,
        *,
        fault: tuple[int, int] | None = None,
        alter: Alter | None = None,
        alerts: bool = False,
    ) -> None:
        """Add a command, the meter's answer and, where asked for, the alerts of its activations."""
        command = self.command(code, payload)
        if fault is not None:
            self.device.handle(ArmStoreFault(*fault), NOW)
        (response,) = self.send(command)
        self.messages[f"{case}_COMMAND_X.HEX"] = command
        self.messages[f"{case}_RESPONSE_X.HEX"] = alter(response) if alter else response
        if alerts:
            work = self.device.observe(NOW)
            set_clock(work, LATER)
            work.commit()
            self.device = self.device.reopened(NOW)
            for number, effect in enumerate(self.device.handle(TimerDue(), NOW)):
                if isinstance(effect, SendMessage):
                    self.messages[f"{case}_{number}_ALERT_X.HEX"] = parse_message(effect.octets)

    def send(self, command: Message) -> list[Message]:
        """The meter's responses to a command."""
        effects = self.device.handle(RemotePartyMessage(command.octets), NOW)
        sent = [parse_message(effect.octets) for effect in effects if isinstance(effect, SendMessage)]
        return [message for message in sent if message.cra is Cra.RESPONSE]

    def collection(self) -> Collection:
        """What there is so far, sorted into pairs."""
        return collect(self.messages.items())

    def replay(self, inject: bool = False) -> list[Outcome]:
        """The outcomes of all pairs."""
        return list(Replayer(self.store, self.collection(), inject))

    def write(self, folder: Path) -> tuple[str, str]:
        """Write keys and messages below a folder; the arguments for the command."""
        write_folder(self.store, folder / "keys")
        (folder / "messages").mkdir()
        for name, message in self.messages.items():
            (folder / "messages" / name).write_text(message.octets.hex().upper())
        return str(folder / "keys"), str(folder / "messages")


def one(
    code: int,
    payload: Payload | None = None,
    *,
    variant: str = "single",
    fault: tuple[int, int] | None = None,
    alter: Alter | None = None,
    inject: bool = False,
) -> Outcome:
    """The outcome of a single pair."""
    home = Home(variant)
    home.pair("CASE", code, payload, fault=fault, alter=alter)
    (outcome,) = home.replay(inject)
    return outcome


# -- payloads ---------------------------------------------------------------------------


def values(code: int, *given: Any) -> Payload:
    """A payload with values for its set and action items."""
    return lambda counter: compose(code, counter, given)


def log_read(code: int) -> Payload:
    """A selective read of everything."""
    return lambda counter: compose(code, counter, within=ALWAYS)


def protected(code: int, method: str) -> Payload:
    """A protected read without dates."""
    from gbcs.dlms.protection_rows import protected_read

    row = protected_read(by_item(method).logical_name)
    assert row is not None
    return lambda counter: compose(code, counter, [protected_request(row, counter, SUPPLIER, METER)])


def load_limit(when: bytes) -> Payload:
    """ECS28a with all four activation times alike."""
    return values(0x0043, True, 10, 5_000, 20, when, when, when, when)


def credentials(roles: Sequence[Role] = (Role.SUPPLIER, Role.NETWORK_OPERATOR)) -> Payload:
    """CS02a asked for by the broker."""
    cell = CellIdentifier(Role.ACCESS_CONTROL_BROKER, KeyUsage.KEY_AGREEMENT)
    return lambda counter: command_octets(CredentialsCommand(cell, tuple(roles)))


# -- alterations ------------------------------------------------------------------------


def header(**fields: object) -> Alter:
    """Other header fields; the message is built again and not protected again."""
    return lambda message: replace(message, **fields).encoded()  # type: ignore[arg-type]


def item(index: int, change: Callable[[ResponseItem], ResponseItem]) -> Alter:
    """One item of the access-response changed."""

    def alter(message: Message) -> Message:
        apdu = parse_apdu(message.payload)
        assert isinstance(apdu, AccessResponse)
        items = list(apdu.items)
        items[index] = change(items[index])
        assert items[index] != apdu.items[index]
        return replace(message, payload=replace(apdu, items=tuple(items)).octets()).encoded()

    return alter


def data(index: int, change: Callable[[Data], Data]) -> Alter:
    """The datum of one item changed."""
    return item(index, lambda held: held._replace(data=change(held.data)))


def within(path: Sequence[int], change: Callable[[Data], Data]) -> Callable[[Data], Data]:
    """A change to a node below the root of a datum."""
    if not path:
        return change

    def descend(node: Data) -> Data:
        children = list(node.value)
        children[path[0]] = within(path[1:], change)(children[path[0]])
        return node._replace(value=tuple(children))

    return descend
