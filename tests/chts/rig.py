"""A hub with a CHF that parties know, and messages for it."""

from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from typing import Any

from chts.chf import make_chf, manufactured
from chts.device_log import DeviceLogSettings
from chts.events import SendWan, Undeliverable, WanMessage
from chts.hub import Hub, HubEffect
from gbcs.dlms.apdu import AccessResponse, DataNotification, ResponseItem, parse_apdu
from gbcs.dlms.selective import Range
from gbcs.ids import Cra, EntityId, Kind, Role
from gbcs.message import Message, OtherInformation, parse_message
from gbcs.party import AccessControlBroker, RemoteParty, Supplementary, compose
from gbcs.pki import TestPki
from gbcs.time import Utc
from gbcs.usecases import by_name
from smets.events import Event
from smets.han.link import (
    Address,
    Frame,
    LinkEvent,
    LinkUp,
    RequestTunnelResponse,
    TransferData,
    TunnelCommand,
    TunnelStatus,
)
from smets.identity import provision
from smets.store import MemoryStore

NOW = Utc.of(2026, 1, 1)
CHF = EntityId.parse("00-DB-12-34-56-78-00-02")
GPF = EntityId.parse("00-DB-12-34-56-78-00-03")
METER = EntityId.parse("00-DB-12-34-56-78-00-01")
BROKER = EntityId.parse("90-B3-D5-1F-00-00-00-13")
SUPPLIER = EntityId.parse("90-B3-D5-1F-00-00-00-11")
WAN_PROVIDER = EntityId.parse("90-B3-D5-1F-00-00-00-16")
CODE = bytes(range(16))
HASH = bytes(range(16, 32))
HUB_ADDRESS = Address(GPF)


def device_id(number: int) -> EntityId:
    """The identifier of the n-th device."""
    return EntityId(bytes.fromhex("00DB1234569900") + bytes((number,)))


@cache
def pki() -> TestPki:
    """One PKI for all rigs."""
    made = TestPki.create(b"chts tests", Utc.of(2025, 1, 1))
    for entity, role in (
        (BROKER, Role.ACCESS_CONTROL_BROKER),
        (SUPPLIER, Role.SUPPLIER),
        (WAN_PROVIDER, Role.WAN_PROVIDER),
    ):
        made.organisation(role, entity)
    for entity in (CHF, METER):
        made.device(entity)
    return made


class Rig:
    """A hub, the broker, and the time."""

    def __init__(self, log: DeviceLogSettings | None = None) -> None:
        self.store = pki().store
        known = (Role.ACCESS_CONTROL_BROKER, Role.WAN_PROVIDER)
        anchors = [c for c in self.store.all() if c.role in known]
        self.memory = MemoryStore()
        provision(self.memory, CHF, self.store, anchors, manufactured(GPF))
        self.now = NOW
        self.hub = Hub(make_chf(self.memory, NOW, log=log or DeviceLogSettings()), HUB_ADDRESS)
        self.broker = AccessControlBroker(BROKER, self.store)
        self.counter = 1000
        self.alerts: list[Message] = []

    def handle(self, event: Event | LinkEvent | WanMessage) -> tuple[HubEffect, ...]:
        """Let the hub handle something now; its alerts are checked and kept."""
        effects = self.hub.handle(event, self.now)
        for effect in effects:
            if isinstance(effect, SendWan):
                message = parse_message(effect.octets)
                if message.kind is Kind.ALERT and message.originator == CHF:
                    assert message.recipient == effect.recipient
                    party = RemoteParty(message.recipient, self.store)
                    party.check_protection(message, message.signature is not None)
                    self.alerts.append(message)
        return effects

    def command(
        self,
        name: str,
        values: Sequence[Any] = (),
        device: EntityId = CHF,
        originator: EntityId = BROKER,
        within: Range | None = None,
        behalf: EntityId | None = None,
    ) -> Message:
        """A command as the broker sends it, with the next counter."""
        use_case = by_name(name)
        self.counter += 1
        party = RemoteParty(originator, self.store)
        supplementary = Supplementary(behalf, self.counter) if behalf is not None else None
        payload = compose(use_case.code or 0, self.counter, values, "", within)
        return self.broker.mac(party.precommand(use_case, device, self.counter, payload, supplementary))

    def ask(self, name: str, values: Sequence[Any] = (), **options: Any) -> tuple[ResponseItem, ...]:
        """Send the CHF a command; the items of its checked answer."""
        command = self.command(name, values, **options)
        effects = self.handle(WanMessage(command.octets))
        kinds = [(e, parse_message(e.octets)) for e in effects if isinstance(e, SendWan)]
        (octets,) = [e.octets for e, m in kinds if m.kind is Kind.RESPONSE]
        answer = self.broker.check_answer(command, octets, by_name(name))
        apdu = parse_apdu(answer.payload)
        assert isinstance(apdu, AccessResponse)
        return apdu.items

    def add(self, entity: EntityId, code: bytes = CODE, type_: int = 0, seconds: int = 90) -> list[int]:
        """CCS01; the results."""
        return [item.result for item in self.ask("CCS01", [(bytes(entity), 1, code, type_), seconds])]

    def remove(self, entity: EntityId) -> list[int]:
        """CCS02; the results."""
        return [item.result for item in self.ask("CCS02", [bytes(entity)])]

    def restore(self, *entities: EntityId, hashed: bytes = HASH, pan: bytes = bytes(GPF)) -> list[int]:
        """CCS03; the results."""
        value = (pan, tuple((bytes(entity), hashed) for entity in entities))
        return [item.result for item in self.ask("CCS03", [value])]

    def log(self) -> dict[EntityId, Any]:
        """What CCS06 says of each device."""
        (item,) = self.ask("CCS06")
        rows = [[field.value for field in row.value] for row in item.data.value]
        return {EntityId(row[0]): row for row in rows}

    def backups(self) -> list[tuple[bytes, bytes, dict[EntityId, bytes]]]:
        """CCS07: time, Extended PAN ID and hashes, of the log and of the historic log."""
        return [unpacked(item.data) for item in self.ask("CCS07", (None, None))]

    def come_up(self, *entities: EntityId, tunnel_id: int = 7) -> None:
        """Devices of the log come up and give their tunnels."""
        for entity in entities:
            self.handle(LinkUp(Address(entity)))
            self.from_device(entity, RequestTunnelResponse(tunnel_id, TunnelStatus.SUCCESS))

    def from_device(self, entity: EntityId, command: TunnelCommand, **how: Any) -> tuple[HubEffect, ...]:
        """A frame of a device."""
        return self.handle(replace(Frame(Address(entity), HUB_ADDRESS, command), **how))


def unpacked(data: Any) -> tuple[bytes, bytes, dict[EntityId, bytes]]:
    """The three parts of a backup."""
    time, pan, devices = data.value
    return time.value, pan.value, {EntityId(d.value[0].value): d.value[1].value for d in devices.value}


def alert_content(message: Message) -> tuple[int, list[Any]]:
    """Alert Code and what follows the time."""
    apdu = parse_apdu(message.payload)
    assert isinstance(apdu, DataNotification)
    return apdu.body.value[0].value, list(apdu.body.value[2:])


def message(
    originator: EntityId, recipient: EntityId, cra: Cra = Cra.COMMAND, payload: bytes = b"\xd9"
) -> bytes:
    """A message nobody signed; enough to be routed."""
    return Message(cra, 1, originator, recipient, OtherInformation(0x0059), payload).encoded().octets


def sent(effects: Sequence[HubEffect], kind: type[Any]) -> list[Any]:
    """The commands of one kind in frames among the effects."""
    return [e.command for e in effects if isinstance(e, Frame) and isinstance(e.command, kind)]


def data_sent(effects: Sequence[HubEffect]) -> list[bytes]:
    """The octets sent through tunnels."""
    return [command.data for command in sent(effects, TransferData)]


def refusals(effects: Sequence[HubEffect]) -> list[str]:
    """Why messages were not passed on."""
    return [e.reason for e in effects if isinstance(e, Undeliverable)]


def to_wan(effects: Sequence[HubEffect]) -> list[bytes]:
    """The octets sent to remote parties."""
    return [e.octets for e in effects if isinstance(e, SendWan)]
