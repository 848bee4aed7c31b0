"""A meter or hub in the small world of trust of `tests.gbcs.trust`, and the parties it knows.

`keys` are those parties use now: the first generation of certificates, or with some of the second.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from functools import cache
from random import Random
from typing import Any

from chts.chf import CHF_SETTINGS, chf_profile
from chts.chf import manufactured as manufactured_hub
from gbcs.asn1.credentials import (
    CellIdentifier,
    CredentialsCommand,
    RoleDetails,
    command_octets,
    read_response,
)
from gbcs.asn1.replacement import (
    ExecutionOutcome,
    ReplacementAlert,
    ReplacementCommand,
    read_alert,
)
from gbcs.asn1.replacement import command_octets as replacement_octets
from gbcs.asn1.replacement import read_response as read_outcome
from gbcs.errors import Check
from gbcs.ids import Cra, DeviceType, EntityId, KeyUsage, Payload, Role
from gbcs.message import Message, parse_message
from gbcs.party import AccessControlBroker, RemoteParty, compose
from gbcs.security.anchors import cells_of
from gbcs.security.memory import MemoryKeyStore
from gbcs.security.replacement_rows import ModeRow
from gbcs.security.store import Credential
from gbcs.time import Utc
from gbcs.usecases import by_code, by_name
from smets.asn1_server import Asn1Server
from smets.behaviours.clock import set_clock
from smets.behaviours.credentials import CredentialHooks, Replacements
from smets.device import Device
from smets.esme.meter import EsmeOptions, esme_profile, manufactured
from smets.events import Effect, Event, Happened, PowerLost, PowerRestored, RemotePartyMessage, SendMessage
from smets.identity import Cell, CryptoCache, Identity, provision
from smets.profile import Profile
from smets.replacement_server import ReplacementServer
from smets.settings import DEFAULT_SETTINGS, DeviceSettings
from smets.store import MemoryStore, Store
from tests.gbcs.trust import BROKER, ENTITIES, FIRST, NOW, PKI, ROOT, command_of, header_of, private

ESME, CHF = DeviceType.ESME, DeviceType.CHF
DEVICE = EntityId.parse("00-DB-12-34-56-78-99-01")
GPF = EntityId.parse("00-DB-12-34-56-78-99-02")
OWN = PKI.device(DEVICE)


def keys_of(*more: Iterable[Credential]) -> MemoryKeyStore:
    """The first generation of every party and the device, and others; the newest of a use counts."""
    credentials = [*FIRST.values(), *OWN, *(c for found in more for c in found)]
    return MemoryKeyStore(credentials, [private(c) for c in credentials])


FIRST_KEYS = keys_of()


def parties_of(kind: DeviceType) -> list[Credential]:
    """What stands in the cells of a device of a kind, the root's left out."""
    return [FIRST[cell] for cell in cells_of(kind) if cell in FIRST]


class Followed(CredentialHooks):
    """Writes down what it is told, in the store as others would."""

    def new_supplier(self, work: Any, before: EntityId, after: EntityId) -> None:
        work.set_value("test/suppliers", (*(work.value("test/suppliers") or ()), bytes(before), bytes(after)))

    def token_floor(self, work: Any, floor: int) -> None:
        work.set_value("test/floors", (*(work.value("test/floors") or ()), floor))


@cache
def profile_of(kind: DeviceType) -> Profile:
    """The profile of a kind, with somebody who follows what its certificates do."""
    usual = esme_profile(EsmeOptions()) if kind is ESME else chf_profile()
    replacements = Replacements(kind, Followed())
    behaviours = tuple(b for b in usual.behaviours if not isinstance(b, Replacements))
    asn1 = usual.servers[Payload.ASN1]
    return replace(
        usual,
        behaviours=(*behaviours, replacements),
        servers={**usual.servers, Payload.ASN1: Asn1Server(ReplacementServer(replacements), asn1)},
    )


class Rig:
    """A device, its store, the time, and the keys its parties use."""

    def __init__(
        self,
        kind: DeviceType = ESME,
        settings: DeviceSettings | None = None,
        anchors: Iterable[Credential] | None = None,
        store: Store | None = None,
        now: Utc = NOW,
    ) -> None:
        self.kind = kind
        self.store = MemoryStore() if store is None else store
        self.now = now
        self.keys = FIRST_KEYS
        self.counter = 5000
        if anchors is None:
            anchors = (ROOT, *parties_of(kind))
        random = Random(3).randbytes
        extra = manufactured(random) if kind is ESME else manufactured_hub(GPF, random)
        provision(self.store, DEVICE, FIRST_KEYS, anchors, extra)
        usual = DEFAULT_SETTINGS if kind is ESME else CHF_SETTINGS
        self.device = Device(profile_of(kind), self.store, now, settings or usual)
        work = self.device.observe(now)
        set_clock(work, now)
        work.commit()

    # -- the device -------------------------------------------------------------------

    @property
    def held(self) -> dict[str, bytes]:
        return dict(self.store.scan(""))

    @property
    def identity(self) -> Identity:
        return Identity(self.device.observe(self.now), CryptoCache())

    def cell(self, cell: CellIdentifier) -> bytes | None:
        return self.store.get(Cell(*cell).key)

    def counter_of(self, role: Role, specialist: bool = False) -> int:
        return self.identity.counter(role, specialist)

    def value(self, key: str) -> Any:
        return self.device.observe(self.now).value(key)

    def logged(self) -> list[Any]:
        """Codes of the security log."""
        return [entry[1] for entry in self.device.observe(self.now).log_entries("SecurityLog")]

    def handle(self, event: Event) -> tuple[Effect, ...]:
        return self.device.handle(event, self.now)

    def restart(self) -> None:
        self.device = self.device.reopened(self.now)

    def cut_power(self, seconds: int) -> tuple[Effect, ...]:
        self.handle(PowerLost())
        self.restart()
        self.now = self.now.plus(seconds)
        return self.handle(PowerRestored())

    # -- commands ---------------------------------------------------------------------

    def command(self, row: ModeRow, counter: int | None = None, **more: Any) -> ReplacementCommand:
        """A command of a mode with the next counter, as `tests.gbcs.trust.command_of`."""
        if counter is None:
            self.counter += 1
            counter = self.counter
        return command_of(row, self.kind, **{"sequence": counter, **more})

    def message(
        self, row: ModeRow, command: ReplacementCommand, by: EntityId | None = None, **forms: bool
    ) -> Message:
        """It signed and MACed as its mode asks, or as `signed` and `maced` say."""
        use_case = by_code(row.code)
        assert use_case is not None
        party = RemoteParty(by or header_of(row).originator, self.keys)
        message = party.precommand(use_case, DEVICE, command.sequence, replacement_octets(command))
        if forms.get("signed", row.signed):
            message = party.sign(message)
        return self.broker.mac(message) if forms.get("maced", row.maced) else message

    @property
    def broker(self) -> AccessControlBroker:
        return AccessControlBroker(BROKER, self.keys)

    def deliver(self, message: Message, keys: MemoryKeyStore | None = None) -> Answer:
        """Deliver a command; its response checked with `keys`, by default those of now."""
        effects = self.handle(RemotePartyMessage(message.octets))
        return Answer(message, effects, keys or self.keys)

    def run(self, row: ModeRow, by: EntityId | None = None, **more: Any) -> Answer:
        """Deliver a command of a mode."""
        return self.deliver(self.message(row, self.command(row, **more), by))

    def read(self, name: str, by: EntityId | None = None) -> Answer:
        """A use case without values, of the supplier on a meter and the broker on a hub."""
        use_case = by_name(name)
        party = RemoteParty(by or (ENTITIES[Role.SUPPLIER] if self.kind is ESME else BROKER), self.keys)
        self.counter += 1
        payload = compose(use_case.code or 0, self.counter, ())
        message = party.precommand(use_case, DEVICE, self.counter, payload)
        if use_case.command_signed:
            message = party.sign(message)
        return self.deliver(self.broker.mac(message))

    def signed(
        self, name: str, payload: bytes, by: EntityId | None = None, keys: MemoryKeyStore | None = None
    ) -> Answer:
        """A signed and MACed command of some payload."""
        use_case = by_name(name)
        party = RemoteParty(by or (ENTITIES[Role.SUPPLIER] if self.kind is ESME else BROKER), self.keys)
        self.counter += 1
        message = party.sign(party.precommand(use_case, DEVICE, self.counter, payload))
        return self.deliver(self.broker.mac(message), keys)

    def read_out(self, role: Role) -> RoleDetails:
        """What CS02a tells the broker of a role."""
        use_case = by_name("CS02a")
        cell = CellIdentifier(Role.ACCESS_CONTROL_BROKER, KeyUsage.KEY_AGREEMENT)
        self.counter += 1
        payload = command_octets(CredentialsCommand(cell, (int(role),)))
        message = self.broker.precommand(use_case, DEVICE, self.counter, payload)
        (details,) = read_response(self.deliver(self.broker.mac(message)).payload)
        return details


class Answer:
    """What came of a command; its response and alerts are checked as their recipients would."""

    def __init__(self, command: Message, effects: tuple[Effect, ...], keys: MemoryKeyStore) -> None:
        self.command = command
        self.effects = effects
        self.response: Message | None = None
        self.alerts = alerts_in(effects, keys)
        use_case = by_code(command.code)
        assert use_case is not None
        for effect in effects:
            if isinstance(effect, SendMessage) and parse_message(effect.octets).cra is Cra.RESPONSE:
                assert self.response is None
                assert effect.recipient == command.originator
                party = RemoteParty(command.originator, keys)
                self.response = party.check_answer(command, effect.octets, use_case)

    @property
    def payload(self) -> bytes:
        assert self.response is not None, self.effects
        return self.response.payload

    @property
    def outcome(self) -> ExecutionOutcome | None:
        return read_outcome(self.payload)

    @property
    def statuses(self) -> list[int]:
        assert self.outcome is not None
        return [cell.status for cell in self.outcome.cells]

    @property
    def check(self) -> Check | None:
        """The check that failed."""
        assert self.response is None
        return next(effect.check for effect in self.effects if isinstance(effect, Happened))


def alerts_in(effects: Iterable[Effect], keys: MemoryKeyStore) -> list[Message]:
    """The alerts among effects; each is signed by the device."""
    found = []
    for effect in effects:
        if isinstance(effect, SendMessage):
            message = parse_message(effect.octets)
            if message.cra is Cra.ALERT:
                assert message.recipient == effect.recipient
                RemoteParty(message.recipient, keys).check_protection(message, True)
                found.append(message)
    return found


def replacement_alerts(
    effects: Iterable[Effect], keys: MemoryKeyStore
) -> list[tuple[int, EntityId, ReplacementAlert]]:
    """Message Code, recipient and content of the alerts about future-dated replacements."""
    codes = (0x00CB, 0x0124)
    return [(m.code, m.recipient, read_alert(m.payload)) for m in alerts_in(effects, keys) if m.code in codes]
