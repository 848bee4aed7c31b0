"""A meter and the parties around it: what the device tests share.

`Home` composes, signs and MACs a command as the party that may send it, delivers it, and checks
every answer and alert as its recipient would. The parties outside the meter's cells are
`STRANGER` (a supplier) and `READER` (an unknown remote party the broker asks for).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from random import Random

from gbcs.asn1.codec import decode, plain
from gbcs.asn1.credentials import CellIdentifier, CredentialsCommand, command_octets
from gbcs.asn1.payloads import payload_type
from gbcs.dlms.apdu import AccessRequest, AccessResponse, DataNotification, parse_apdu
from gbcs.dlms.axdr import Data, octet_string, read_data
from gbcs.dlms.objects import Member, MemberKind, member
from gbcs.dlms.protection import protected_request
from gbcs.dlms.protection_rows import protected_read
from gbcs.dlms.selective import Range
from gbcs.dlms.templates import Template, templates
from gbcs.ids import Cra, EntityId, KeyUsage, Kind, Payload, Role
from gbcs.message import Message, parse_message
from gbcs.party import AccessControlBroker, RemoteParty, Supplementary, compose
from gbcs.pki import TestPki
from gbcs.security.mac import message_mac
from gbcs.security.store import KeyStore
from gbcs.security.utrn import Ptut, TopUpKey, ValueClass, truncated
from gbcs.time import ACTIVATE_NEVER, ACTIVATE_NOW, Utc
from gbcs.usecases import UseCase, by_code, by_name, table
from smets.alerts import MACED_MESSAGE_CODES
from smets.behaviours.clock import set_clock
from smets.device import Device
from smets.esme.credit_charge import CONTROLS, Control, array
from smets.esme.items import items
from smets.esme.meter import EsmeOptions, esme_profile, manufactured
from smets.events import Effect, Happened, HubTime, RemotePartyMessage, SendMessage
from smets.identity import provision
from smets.profile import Profile
from smets.settings import DEFAULT_SETTINGS, DeviceSettings
from smets.store import MemoryStore, Store
from smets.values import Value, pack
from smets.work import ITEM, Work
from tests.smets.sampled import sample

START = Utc.of(2026, 1, 1, 0, 10)
METER = EntityId.parse("00-DB-12-34-56-78-90-A4")
OTHER_METER = EntityId.parse("00-DB-12-34-56-78-90-A5")
ENTITIES = {
    Role.SUPPLIER: EntityId.parse("90-B3-D5-1F-30-01-00-01"),
    Role.NETWORK_OPERATOR: EntityId.parse("90-B3-D5-1F-30-01-00-02"),
    Role.ACCESS_CONTROL_BROKER: EntityId.parse("90-B3-D5-1F-30-01-00-03"),
    Role.TRANSITIONAL_COS: EntityId.parse("90-B3-D5-1F-30-01-00-04"),
    Role.RECOVERY: EntityId.parse("90-B3-D5-1F-30-01-00-05"),
    Role.LOAD_CONTROLLER: EntityId.parse("90-B3-D5-1F-30-01-00-06"),
}
BROKER = ENTITIES[Role.ACCESS_CONTROL_BROKER]
SUPPLIER = ENTITIES[Role.SUPPLIER]
STRANGER = EntityId.parse("90-B3-D5-1F-30-01-00-66")
READER = EntityId.parse("90-B3-D5-1F-30-01-00-77")
VARIANTS = ("single", "twin", "polyphase")

PKI = TestPki.create(b"homes", Utc.of(2024, 3, 1))
ANCHORS = [c for role, entity in ENTITIES.items() for c in PKI.organisation(role, entity)]
ANCHORS.append(PKI.organisation_root)
READER_CERTIFICATES = PKI.organisation(Role.OTHER, READER)
STRANGER_CERTIFICATES = PKI.organisation(Role.SUPPLIER, STRANGER)
PKI.device(METER)
PKI.device(OTHER_METER)
KEYS = PKI.store


@cache
def profile(variant: str = "single") -> Profile:
    return esme_profile(EsmeOptions(variant))


@cache
def _as_installed(variant: str) -> dict[str, bytes]:
    """What the store of a provisioned and started meter holds, its clock set."""
    store = MemoryStore()
    provision(store, METER, KEYS, ANCHORS, manufactured(Random(1).randbytes))
    device = Device(profile(variant), store, START)
    work = device.observe(START)
    set_clock(work, START)
    work.commit()
    return store.snapshot()


def dlms_use_cases(variant: str = "single") -> list[UseCase]:
    """Every DLMS use case the variant executes."""
    chosen = profile(variant)
    return [
        u
        for u in table()
        if u.payload is Payload.DLMS and Kind.COMMAND in u.kinds and chosen.supports(u) and u.code is not None
    ]


def component_member(template: Template, position: int) -> Member | None:
    one = template.components[position]
    kind = MemberKind.METHOD if one.choice == 3 else MemberKind.ATTRIBUTE
    return member(one.class_id, one.ln, kind, one.member)


@dataclass(frozen=True)
class Alert:
    """An alert whose protection its recipient checked."""

    message: Message
    code: int
    time: Utc
    content: tuple[Data, ...]

    @property
    def key(self) -> tuple[int, int, EntityId]:
        return self.code, self.message.code, self.message.recipient


@dataclass(frozen=True)
class Reply:
    """What came of a command: the checked response, the checked alerts, and all effects."""

    command: Message
    effects: tuple[Effect, ...]
    response: Message | None
    alerts: tuple[Alert, ...]

    @property
    def results(self) -> list[int]:
        return [item.result for item in self.apdu.items]

    @property
    def apdu(self) -> AccessResponse:
        assert self.response is not None, self.effects
        apdu = parse_apdu(self.response.payload)
        assert isinstance(apdu, AccessResponse)
        asked = parse_apdu(self.command.payload)
        assert isinstance(asked, AccessRequest)
        assert apdu.invoke_id == asked.invoke_id
        assert len(apdu.items) == len(asked.items)
        return apdu

    @property
    def happened(self) -> Happened:
        return next(e for e in self.effects if isinstance(e, Happened))

    def values(self, variant: str = "single") -> dict[str, Value]:
        """The values read, by item name."""
        request = parse_apdu(self.command.payload)
        assert isinstance(request, AccessRequest)
        found: dict[str, Value] = {}
        for asked, given in zip(request.items, self.apdu.items, strict=True):
            kind = MemberKind.METHOD if asked.choice == 3 else MemberKind.ATTRIBUTE
            one = member(asked.class_id, asked.logical_name, kind, asked.member)
            if one is not None and given.result == 0 and asked.choice in (1, 4):
                found[one.item] = one.wire(variant == "twin").decode(given.data)
        return found


@dataclass
class Home:
    """A meter on a store, at a time. `counter` is the last one used by `make`."""

    device: Device
    store: Store
    variant: str = "single"
    now: Utc = START
    counter: int = 1000
    random: Random = field(default_factory=lambda: Random(7))
    keys: KeyStore = KEYS

    @classmethod
    def new(
        cls,
        variant: str = "single",
        settings: DeviceSettings = DEFAULT_SETTINGS,
        items: Mapping[str, Value] | None = None,
        raw: Mapping[str, bytes] | None = None,
        store: Store | None = None,
        now: Utc = START,
    ) -> Home:
        held = dict(_as_installed(variant))
        held.update({ITEM + name: pack(value) for name, value in (items or {}).items()})
        held.update(raw or {})
        if store is None:
            store = MemoryStore(held)
        else:
            store.commit(held)
        return cls(Device(profile(variant), store, now, settings), store, variant, now)

    # -- the device -------------------------------------------------------------------

    @property
    def held(self) -> dict[str, bytes]:
        return dict(self.store.scan(""))

    @property
    def work(self) -> Work:
        return self.device.observe(self.now)

    def item(self, name: str) -> Value:
        return self.work.item(name)

    def wait(self, seconds: int) -> None:
        self.now = self.now.plus(seconds)

    def restart(self) -> None:
        self.device = self.device.reopened(self.now)

    # -- making commands --------------------------------------------------------------

    def values(self, use_case: UseCase, when: bytes = ACTIVATE_NOW, variant: str = "") -> list[Value]:
        """Legal values for the items of a command, where the variant has them."""
        template = _template(use_case, variant)
        by_item = {item.name: item for item in items(self.variant)}
        twin = self.variant == "twin"
        found: list[Value] = []
        for position, component in enumerate(template.components):
            one = component_member(template, position)
            assert one is not None
            if component.choice not in (2, 3) or protected_read(component.ln) is not None:
                continue
            if template.fixed_at(position) is not None or one.constant is not None:
                continue
            if one.item.endswith(".ActivationTime"):
                found.append(when)
            elif one.item in PARAMETERS or f"{use_case.name} {one.item}" in PARAMETERS:
                make = PARAMETERS.get(f"{use_case.name} {one.item}") or PARAMETERS[one.item]
                found.append(make(self))
            elif one.item in by_item:
                item = by_item[one.item]
                found.append(sample(item.wire, item.limits, self.random))
            else:
                found.append(sample(one.wire(twin), (), self.random))
        return found

    def make(
        self,
        name: str | UseCase,
        values: Sequence[Value | Data] | None = None,
        *,
        counter: int | None = None,
        by: EntityId | None = None,
        payload: bytes | None = None,
        when: bytes = ACTIVATE_NOW,
        within: Range | None = None,
        variant: str = "",
        supplementary: Supplementary | None = None,
        target: EntityId = METER,
    ) -> Message:
        """A whole command, as it arrives; `values` are sampled where none are given."""
        use_case = by_name(name) if isinstance(name, str) else name
        if counter is None:
            self.counter += 1
            counter = self.counter
        party = self.party(use_case, by, supplementary)
        if payload is None:
            payload = self.payload(use_case, values, counter, party.entity, when, within, variant)
        message = party.precommand(use_case, target, counter, payload, supplementary)
        if use_case.command_signed or (use_case.signed_or_maced and party.entity != BROKER):
            message = party.sign(message)
        if use_case.command_maced and not (use_case.signed_or_maced and message.signature is not None):
            message = AccessControlBroker(BROKER, self.keys).mac(message)
        return message

    def party(
        self, use_case: UseCase, by: EntityId | None = None, supplementary: Supplementary | None = None
    ) -> RemoteParty:
        if by is None:
            known = [ENTITIES[role] for role in use_case.roles if role in ENTITIES]
            by = BROKER if supplementary is not None else known[0]
        return AccessControlBroker(by, self.keys) if by == BROKER else RemoteParty(by, self.keys)

    def payload(
        self,
        use_case: UseCase,
        values: Sequence[Value | Data] | None,
        counter: int,
        by: EntityId,
        when: bytes = ACTIVATE_NOW,
        within: Range | None = None,
        variant: str = "",
    ) -> bytes:
        assert use_case.code is not None
        if use_case.payload is Payload.ASN1:
            return credentials_request(by)
        if values is None:
            values = protected_parameters(use_case, counter, by, within) or self.values(
                use_case, when, variant
            )
        return compose(use_case.code, counter, values, variant, within)

    # -- sending them -----------------------------------------------------------------

    def handle(self, event: object) -> tuple[Effect, ...]:
        return self.device.handle(event, self.now)  # type: ignore[arg-type]

    def deliver(self, command: Message) -> Reply:
        """Deliver octets; check what comes back as its recipients would."""
        return self.reply(command, self.handle(RemotePartyMessage(command.octets)))

    def run(self, name: str | UseCase, values: Sequence[Value | Data] | None = None, **more: object) -> Reply:
        return self.deliver(self.make(name, values, **more))  # type: ignore[arg-type]

    def reply(self, command: Message, effects: tuple[Effect, ...]) -> Reply:
        response = None
        for effect in effects:
            if isinstance(effect, SendMessage) and parse_message(effect.octets).cra is Cra.RESPONSE:
                assert response is None, "one response at most"
                use_case = by_code(command.code)
                assert use_case is not None
                party = RemoteParty(command.originator, self.keys)
                response = party.check_answer(command, effect.octets, use_case)
                assert effect.recipient == command.originator
        return Reply(command, effects, response, alerts_in(effects, self.keys))


def alerts_in(effects: Iterable[Effect], keys: KeyStore = KEYS) -> tuple[Alert, ...]:
    """Every alert among effects, its protection checked."""
    found = []
    for effect in effects:
        if not isinstance(effect, SendMessage):
            continue
        message = parse_message(effect.octets)
        if message.cra is not Cra.ALERT:
            continue
        assert message.originator == METER
        assert message.recipient == effect.recipient
        RemoteParty(effect.recipient, keys).check_protection(message, message.code not in MACED_MESSAGE_CODES)
        declared = payload_type(message.code, Kind.ALERT)
        if declared is not None:
            values = plain(decode(declared, message.payload))
            told = octet_string(message.payload)
            found.append(Alert(message, values["alertCode"], values["executionDateTime"], (told,)))
            continue
        apdu = parse_apdu(message.payload)
        assert isinstance(apdu, DataNotification)
        code, time, *content = apdu.body.value
        found.append(Alert(message, code.value, Utc.from_cosem(time.value), tuple(content)))
    return tuple(found)


def credentials_request(by: EntityId, roles: Sequence[int] = tuple(range(9))) -> bytes:
    """CS02a by the broker (MACed) or another party (signed)."""
    role = next(role for role, entity in ENTITIES.items() if entity == by)
    usage = KeyUsage.KEY_AGREEMENT if by == BROKER else KeyUsage.DIGITAL_SIGNATURE
    return command_octets(CredentialsCommand(CellIdentifier(role, usage), tuple(roles)))


def protected_parameters(
    use_case: UseCase, counter: int, by: EntityId, within: Range | None = None
) -> list[Data]:
    """The parameter of a protected read; nothing for another use case."""
    rows = [protected_read(c.ln) for t in templates(use_case.code or 0)[:1] for c in t.components]
    return [
        protected_request(row, counter, by, METER, within or Range(0, 0xFFFF_FFFF) if row.dated else None)
        for row in rows
        if row is not None
    ]


def plaintext(reply: Reply, reader: EntityId | None = None) -> Data:
    """The decrypted content of a protected read."""
    assert reply.response is not None
    (item,) = reply.apdu.items
    assert item.result == 0
    party = RemoteParty(reader or reply.command.originator, KEYS)
    octets = party.unseal(reply.response, item.data.value[1].value)
    data, end = read_data(octets, 0)
    assert end == len(octets)
    return data


def remade(message: Message, **changes: object) -> Message:
    """The message with fields changed, signed and MACed anew as it was before."""
    draft = replace(message, **changes).encoded()  # type: ignore[arg-type]
    if draft.signature is not None:
        draft = RemoteParty(draft.originator, KEYS).sign(replace(draft, mac=None).encoded())
    return AccessControlBroker(BROKER, KEYS).mac(draft) if draft.mac_header else draft


def maced(message: Message, secret: bytes) -> Message:
    """The message with a MAC of some secret, right or wrong."""
    draft = replace(message, mac_header=True, has_signature_length=True, mac=None).encoded()
    return replace(draft, mac=message_mac(draft, secret)).encoded()


def _template(use_case: UseCase, variant: str = "") -> Template:
    return next(t for t in templates(use_case.code or 0) if t.variant == variant or not variant)


def set_clock_parameter(now: Utc, before: int = 60, after: int = 60) -> Value:
    """The parameter of `Time.preset`: the hub's time, if it lies in an interval around now."""
    return (
        ACTIVATE_NEVER[:9] + b"\xff\xff\xff",
        now.plus(-before).to_cosem(),
        now.plus(after).to_cosem(),
    )


def _preset(home: Home) -> Value:
    home.handle(HubTime(home.now))
    return set_clock_parameter(home.now)


def token(counter: int, pounds: int = 10, supplier: EntityId = SUPPLIER) -> str:
    """The digits of a top-up for the meter, made with a counter."""
    key = TopUpKey.of(KEYS, supplier, METER)
    return Ptut(truncated(counter), ValueClass.POUNDS, pounds, bytes(4)).sealed(key, counter).digits


def _controlled(home: Home, *controls: Control) -> Value:
    return array(home.random.choice(controls), home.variant == "twin")


PARAMETERS: dict[str, Callable[[Home], Value]] = {
    # an array goes with its mode
    "ECS02 PaymentMode.Passive": lambda home: (1, 1),
    "ECS02 CreditChargeConfiguration.Passive": lambda home: _controlled(home, *CONTROLS[:1]),
    "ECS03 PaymentMode.Passive": lambda home: (2, 1),
    "ECS03 CreditChargeConfiguration.Passive": lambda home: _controlled(home, *CONTROLS[1:]),
    "Time.preset": _preset,
    "PrepaymentCredit.add": lambda home: token(home.counter).encode(),
    "MeterBalance.adjust": lambda home: home.random.randrange(-5000, 5000),
    "TimeDebtRegister1.adjust": lambda home: home.random.randrange(5000),
    "TimeDebtRegister2.adjust": lambda home: home.random.randrange(5000),
    "PaymentDebtRegister.adjust": lambda home: home.random.randrange(5000),
    # of the first controller, which has to be there
    "ECS47 AuxiliaryController1.SettingPeriodStart": lambda home: 30,
    "ECS47 AuxiliaryController.command": lambda home: 0x0111,
    "AuxiliaryController1.SettingPeriodStart": lambda home: home.now.to_cosem(),
    "AuxiliaryController1.SettingPeriodEnd": lambda home: home.now.plus(3600).to_cosem(),
    "AuxiliaryController.command": lambda home: 0x1164,
    "AuxiliaryController1.LimitPeriodStart": lambda home: home.now.to_cosem(),
    "AuxiliaryController1.LimitPeriodEnd": lambda home: home.now.plus(3600).to_cosem(),
    "AuxiliaryController.limit": lambda home: 0x1132,
}
