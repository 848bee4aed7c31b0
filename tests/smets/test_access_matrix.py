"""Who may do what to a meter: every party and kind of device by every use case.

Only a party that the use-case table names changes anything a meter holds; whatever else arrives, however
well protected, leaves what a refusal writes (`REFUSAL_WRITES`) and no more.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache
from itertools import cycle
from pathlib import Path
from random import Random

import pytest

from gbcs.asn1.joins import DEVICE_TYPES
from gbcs.errors import Check
from gbcs.ids import Cra, DeviceType, EntityId, KeyUsage, Kind, Payload, Role
from gbcs.message import Message, parse_message
from gbcs.party import AccessControlBroker, RemoteParty
from gbcs.pki import TestPki
from gbcs.time import Utc
from gbcs.usecases import UseCase, table
from gbcs.zcl.clusters import Attribute, Command, attributes_of, command, commands
from gbcs.zcl.types import TYPES
from smets.device import REFUSAL_WRITES
from smets.events import Effect, Event, Happened, HubTime, RemotePartyMessage, SendMessage
from smets.han.zcl import ApsMessage, frame_of
from smets.values import Value
from tests.gbcs import generated
from tests.smets.han_asking import (
    ENDPOINTS,
    HERE,
    NOT_HELD,
    REFUSED,
    REQUESTS,
    acting,
    joined,
    request,
)
from tests.smets.homes import BROKER, ENTITIES, KEYS, METER, STRANGER, Home, profile

OTHERS = TestPki.create(b"homes", Utc.of(2024, 3, 1))  # the same authorities, keys of more parties
OTHERS.device(METER)
# a device of each type in the same home, with certificates of the same authorities
DEVICES = {kind: EntityId(bytes.fromhex(f"00DB1234567891{n:02X}")) for n, kind in enumerate(DeviceType)}
HAN_DEVICES = [kind for kind in DEVICE_TYPES if kind in DEVICES]
# a party of each role that stands in no cell of the meter; authorities send nothing
PARTIES = [role for role in Role if role not in (Role.ROOT, Role.ISSUING_AUTHORITY)]
STRANGERS = {role: EntityId(bytes.fromhex(f"90B3D51F300200{int(role):02X}")) for role in PARTIES}
OTHER = EntityId(bytes.fromhex("00DB1234567891EE"))
MADE = [
    *(credential for entity in (*DEVICES.values(), OTHER) for credential in OTHERS.device(entity)),
    *(credential for role in STRANGERS for credential in OTHERS.organisation(role, STRANGERS[role])),
]
MAC_KEYS = {made.entity for made in MADE if made.usage is KeyUsage.KEY_AGREEMENT}


@dataclass(frozen=True)
class Sender:
    """Who sends: what it is, its identifier, and whether it stands in a cell of the meter."""

    name: str
    entity: EntityId
    role: Role | None = None

    @property
    def party(self) -> RemoteParty:
        return RemoteParty(self.entity, KEYS if self.role is not None else OTHERS.store)


SENDERS = (
    *(Sender(role.spec_name, entity, role) for role, entity in ENTITIES.items()),
    *(Sender(f"another {role.spec_name}", entity) for role, entity in STRANGERS.items()),
    *(Sender(f"a {kind.value}", entity) for kind, entity in DEVICES.items()),
    Sender("another meter", OTHER),
)
COMMANDS = [u for u in table() if Kind.COMMAND in u.kinds and u.code is not None]
OURS = [u for u in COMMANDS if profile().supports(u) and Kind.RESPONSE in u.kinds]
NOT_OURS = [u for u in COMMANDS if u not in OURS]
ours = pytest.mark.parametrize("use_case", OURS, ids=lambda u: f"{u.name}-{u.code:04X}")


def meter() -> Home:
    """A meter that knows the time of the hub, as Set Clock needs it."""
    home = Home.new()
    home.handle(HubTime(home.now))
    return home


@cache
def drawn(use_case: UseCase) -> bytes:
    """A payload that has the form of the use case's command."""
    case = generated.cases(use_case, Kind.COMMAND)[0]
    return generated.make(case, Random(str(use_case.code))).message.payload


def bare(home: Home, use_case: UseCase, sender: EntityId) -> Message:
    """The command without protection; nothing but the sender may be wrong with it."""
    home.counter += 1
    if use_case.payload is Payload.DLMS:
        by = next((ENTITIES[role] for role in use_case.roles if role in ENTITIES), sender)
        payload = home.payload(use_case, None, home.counter, by)
    else:
        payload = drawn(use_case)
    return RemoteParty(sender, KEYS).precommand(use_case, METER, home.counter, payload)


def maced(message: Message, by: EntityId = BROKER) -> Message:
    return AccessControlBroker(by, KEYS if by == BROKER else OTHERS.store).mac(message)


def forms(message: Message, sender: Sender) -> Iterator[Message]:
    """However it can be protected: with the own signature, and the broker's MAC or one of its own."""
    signed = sender.party.sign(message)
    yield signed
    yield maced(signed)
    yield maced(message)
    if sender.entity in MAC_KEYS:
        yield maced(signed, sender.entity)


def allowed(use_case: UseCase, sender: Sender) -> bool:
    return sender.role is not None and sender.role in use_case.roles


def kept(home: Home) -> dict[str, bytes]:
    """What the meter holds, beside what a refusal may change."""
    return {key: octets for key, octets in home.held.items() if not key.startswith(REFUSAL_WRITES)}


def checks(effects: tuple[Effect, ...]) -> list[Check | None]:
    return [effect.check for effect in effects if isinstance(effect, Happened)]


def refused(home: Home, message: Message, before: dict[str, bytes]) -> Check:
    """The check that failed; nothing but alerts leaves, nothing changes."""
    effects = home.handle(RemotePartyMessage(message.octets))
    for effect in effects:
        assert isinstance(effect, SendMessage | Happened)
        if isinstance(effect, SendMessage):
            assert parse_message(effect.octets).cra is Cra.ALERT
    (check,) = checks(effects)
    assert check is not None
    assert kept(home) == before
    return check


# -- the table ------------------------------------------------------------------------------

NAMES = {
    "Supplier": Role.SUPPLIER,
    "Network Operator": Role.NETWORK_OPERATOR,
    "Access Control Broker": Role.ACCESS_CONTROL_BROKER,
    "TransCoS": Role.TRANSITIONAL_COS,
    "Recovery": Role.RECOVERY,
    "WAN Provider": Role.WAN_PROVIDER,
    "Load Controller": Role.LOAD_CONTROLLER,
    "Root (Contingency Key)": Role.ROOT,
}


def test_the_table_names_the_parties_of_the_reference(reference: Path) -> None:
    with (reference / "reference" / "use-cases.csv").open(encoding="utf-8", newline="") as file:
        rows = {row["message_code"]: row for row in csv.DictReader(file)}
    assert len(OURS) > 120
    for use_case in OURS:
        row = rows[f"{use_case.code:04X}"]
        named = {NAMES[name] for name in row["business_originator_roles"].split("|") if name}
        assert set(use_case.roles) == named, use_case.name


def test_the_matrix_has_every_role_and_every_device_type() -> None:
    assert {sender.role for sender in SENDERS} == {*ENTITIES, None}
    assert len({sender.entity for sender in SENDERS}) == len(SENDERS)
    assert len(SENDERS) == len(ENTITIES) + len(PARTIES) + len(DeviceType) + 1
    pairs = [(u, s) for u in OURS for s in SENDERS]
    assert 0 < sum(allowed(*pair) for pair in pairs) < len(pairs) / 4


# -- commands of a meter --------------------------------------------------------------------


@ours
def test_who_is_not_named_changes_nothing(use_case: UseCase) -> None:
    home = meter()
    before = kept(home)
    contingency = use_case.roles == (Role.ROOT,)  # by its key, not by who sends it
    for sender in SENDERS:
        if allowed(use_case, sender):
            continue
        for message in forms(bare(home, use_case, sender.entity), sender):
            check = refused(home, message, before)
            wanted = Check.ORIGINATOR if sender.role is None else Check.AUTHORITY
            assert contingency or check is wanted, sender.name


@ours
def test_who_is_named_is_let_in(use_case: UseCase) -> None:
    """Its DLMS commands are carried out; of others the payload drawn may be no good to this meter."""
    for sender in SENDERS:
        if not allowed(use_case, sender):
            continue
        home = meter()
        before = kept(home)
        message = bare(home, use_case, sender.entity)
        if use_case.command_signed or (use_case.signed_or_maced and sender.entity != BROKER):
            message = sender.party.sign(message)
        if message.signature is None or (use_case.command_maced and not use_case.signed_or_maced):
            message = maced(message)
        effects = home.handle(RemotePartyMessage(message.octets))
        if use_case.payload is Payload.DLMS:
            assert checks(effects)[0] is None, sender.name
            assert kept(home) != before  # at least the answer for repeats
        else:
            assert not {Check.ORIGINATOR, Check.AUTHORITY} & set(checks(effects)), sender.name


@ours
def test_who_only_claims_to_be_named_changes_nothing(use_case: UseCase) -> None:
    """Signed by another, MACed by another, or neither signed nor MACed."""
    home = meter()
    before = kept(home)
    for sender in SENDERS:
        if not allowed(use_case, sender):
            continue
        plain = bare(home, use_case, sender.entity)
        assert refused(home, plain, before) is Check.FRAMING  # a pre-command
        for impostor in SENDERS:
            if impostor.entity == sender.entity:
                continue
            forged = impostor.party.sign(plain)
            found = [forged, maced(forged)]
            if impostor.entity in MAC_KEYS:
                found += [maced(plain, impostor.entity), maced(sender.party.sign(plain), impostor.entity)]
            for message in found:
                assert refused(home, message, before) in (Check.MAC, Check.SIGNATURE), impostor.name


# -- commands of other devices --------------------------------------------------------------


def test_commands_of_other_devices_change_nothing() -> None:
    home = meter()
    before = kept(home)
    assert len(NOT_OURS) > 60
    for use_case in NOT_OURS:
        for sender in SENDERS:
            home.counter += 1
            plain = RemoteParty(sender.entity, KEYS).precommand(
                use_case, METER, home.counter, drawn(use_case)
            )
            for message in forms(plain, sender):
                assert refused(home, message, before) in (Check.ORIGINATOR, Check.MESSAGE_CODE, Check.MAC)


def test_commands_for_another_device_change_nothing() -> None:
    home = meter()
    before = kept(home)
    for use_case in OURS:
        message = bare(home, use_case, ENTITIES[Role.SUPPLIER])
        for target in (OTHER, STRANGER):
            other = RemoteParty(ENTITIES[Role.SUPPLIER], KEYS).precommand(
                use_case, target, message.counter, message.payload
            )
            assert (
                refused(home, RemoteParty(ENTITIES[Role.SUPPLIER], KEYS).sign(other), before) is Check.TARGET
            )


# -- devices on the home area network -------------------------------------------------------

ACT = {"ConsumerTopUp", "SelectAvailableEmergencyCredit", "LocalChangeSupply"}
# what a device of the meter's device log may change; whatever is not here may change nothing
MAY: dict[DeviceType, set[str]] = {
    DeviceType.PPMID: {*ACT, "MessageConfirmation"},
    DeviceType.TYPE2: {"MessageConfirmation"},
    DeviceType.HCALCS: {"GetScheduledEvents", "ReportEventStatus"},
}
VALUES = {**REQUESTS, **NOT_HELD, **REFUSED}
SERVED = {cluster for endpoint in ENDPOINTS for cluster in (*endpoint.servers, *endpoint.clients)}
TOUCHY: dict[str, Value] = {
    "SupplyState": 2,
    "SupplierMessage": b"Hello",
    "PaymentMode": (2, 2),
    "MeterBalance": 10,
    "EmergencyCreditLimit": 500,
    "EmergencyCreditBalance": 500,
    "EmergencyCreditThreshold": 100,
}


def home_with(kind: DeviceType | None) -> tuple[Home, EntityId]:
    """A meter, and a station that is in its device log as a device of a kind; None: that is in no log.

    A switch has an order of the meter.
    """
    home = Home.new(items=TOUCHY)
    if kind is None:
        return home, OTHER
    home = joined(home, DEVICES[kind], kind)
    if kind is DeviceType.HCALCS:
        work = home.work
        work.set_item("AuxiliaryController1.TypeAndIdentifier", bytes(DEVICES[kind]))
        work.commit()
        home.run("ECS47a")
    return home, DEVICES[kind]


def bodies(known: Command) -> Iterator[bytes]:
    """What may stand behind the header of a command: fields as they should be, and other octets."""
    if known.name in VALUES:
        yield frame_of(known.name, 7, VALUES[known.name]).octets()[3:]
    random = Random(f"{known.cluster} {known.name}")
    for size in (0, 1, 2, 4, 8, 25, 40):
        yield random.randbytes(size)


@pytest.mark.parametrize(
    "kind", [*HAN_DEVICES, None], ids=lambda kind: "stranger" if kind is None else kind.value
)
def test_only_what_its_kind_may_do_changes_anything(kind: DeviceType | None) -> None:
    """Every command of every cluster that the meter has, in both directions."""
    home, station = home_with(kind)
    server, may, count = acting(home), MAY.get(kind, set()) if kind else set[str](), 0
    before = kept(home)
    for known in commands():
        if known.cluster not in SERVED:
            continue
        for endpoint in ENDPOINTS:
            if known.cluster not in (*endpoint.servers, *endpoint.clients):
                continue
            for body in bodies(known):
                for control in (0x01, 0x09, 0x11, 0x19):
                    meant = command(known.cluster, control, known.id)  # the one of that direction
                    if meant is not None and meant.name in may:
                        continue
                    asked = ApsMessage(
                        known.cluster, HERE, endpoint.number, bytes((control, 7, known.id)) + body
                    )
                    server.receive(asked, home.now, station=station)
                    count += 1
    assert count > 3000
    assert kept(home) == before


@pytest.mark.parametrize(("kind", "name"), [(kind, name) for kind in MAY for name in sorted(MAY[kind])])
def test_what_its_kind_may_do_changes_something(kind: DeviceType, name: str) -> None:
    home, station = home_with(kind)
    before = kept(home)
    acting(home).receive(request(name), home.now, station=station)
    assert kept(home) != before
    home, station = home_with(kind)
    unprotected = replace(request(name), encrypted=False)
    acting(home).receive(unprotected, home.now, station=station)
    assert kept(home) == before


# -- writing attributes ---------------------------------------------------------------------

WRITES = {"write": 0x02, "undivided": 0x03, "no response": 0x05, "structured": 0x0F}


def written(known: Attribute, how: int, more: int) -> bytes:
    """A record that writes an attribute by a value of its type, with octets too few or too many."""
    selector = b"\0" if how == WRITES["structured"] else b""
    kind = TYPES[known.type]
    value = bytes((1,)) * kind.size if kind.is_fixed else (1).to_bytes(max(kind.size, 1), "little") + b"A"
    octets = value[:more] if more < 0 else value + bytes(more)
    return known.id.to_bytes(2, "little") + selector + bytes((known.type,)) + octets


@pytest.mark.parametrize("how", WRITES.values(), ids=list(WRITES))
@pytest.mark.parametrize("unlocked", [False, True])
def test_writing_attributes_changes_nothing(how: int, unlocked: bool) -> None:
    """Whatever is written, in whichever form, with or without protection."""
    home, told = Home.new(items=TOUCHY), list[Event]()
    for kind in HAN_DEVICES:
        joined(home, DEVICES[kind], kind)
    stations = cycle([*(DEVICES[kind] for kind in HAN_DEVICES), OTHER])
    server = acting(home, told)
    before, count = home.held, 0
    for endpoint in ENDPOINTS:
        for cluster in (*endpoint.servers, *endpoint.clients):
            for known in attributes_of(cluster):
                for control in (0x00, 0x10, 0x08, 0x18):
                    for more in (0, -1, 1):
                        payload = bytes((control, 7, how)) + written(known, how, more)
                        asked = ApsMessage(cluster, HERE, endpoint.number, payload, encrypted=unlocked)
                        for answer in server.receive(asked, home.now, station=next(stations)):
                            assert answer.payload[2] == 0x0B  # a Default Response ...
                            assert answer.payload[4]  # ... and not of success
                        count += 1
    assert count > 1000
    assert home.held == before
    assert not told


def test_no_general_command_changes_anything() -> None:
    home, told = joined(Home.new(items=TOUCHY), DEVICES[DeviceType.PPMID], DeviceType.PPMID), list[Event]()
    server = acting(home, told)
    before, random = home.held, Random(1)
    for number in range(256):
        for endpoint in ENDPOINTS:
            for cluster in endpoint.servers:
                for size in (0, 1, 3, 5, 12):
                    payload = bytes((0x00, 7, number)) + random.randbytes(size)
                    asked = ApsMessage(cluster, HERE, endpoint.number, payload)
                    server.receive(asked, home.now, station=DEVICES[DeviceType.PPMID])
    assert home.held == before
    assert not told
