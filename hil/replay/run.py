"""Running one pair: a fresh device, the command with MAC and token re-made, the answer compared."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import NamedTuple

from gbcs.asn1.credentials import read_command
from gbcs.dlms.activation import activation
from gbcs.dlms.apdu import AccessRequest, AccessResponse, Choice, Fault, RequestItem, parse_apdu
from gbcs.dlms.objects import MemberKind, by_item, member
from gbcs.dlms.types import TypeMismatch
from gbcs.errors import BuildError, GbcsError, KeyUnavailable, ParseError, SecurityError
from gbcs.fields import payload_family
from gbcs.ids import Cra, EntityId, KeyUsage, Payload, Role
from gbcs.message import Message, parse_message
from gbcs.party import AccessControlBroker, RemoteParty
from gbcs.pki import TestPki
from gbcs.security.certificates import read_certificate
from gbcs.security.memory import MemoryKeyStore
from gbcs.security.store import Credential, KeyStore
from gbcs.security.verify import Verifier
from gbcs.time import ACTIVATE_NEVER, ACTIVATE_NOW, Utc
from gbcs.usecases import UseCase, by_code
from smets.behaviours import activation as values_to_activate
from smets.behaviours import credentials, firmware
from smets.behaviours.clock import set_clock
from smets.behaviours.joining import AgreeKey, KeyAgreed
from smets.chance import SEED_OCTETS, seeded
from smets.device import Device
from smets.events import ArmStoreFault, Effect, Happened, HubTime, RemotePartyMessage, SendMessage, TimerDue
from smets.identity import provision
from smets.profile import Profile
from smets.store import MemoryStore

from .compare import compare_headers, compare_payloads
from .der import der_fault, is_dated, needs_key_of
from .pairs import Collection, FutureDatedResult, Pair, future_dated_result
from .preconditions import PRECONDITIONS
from .tokens import with_own_token
from .variants import VARIANTS, Variant, not_built
from .verdicts import Outcome, Verdict

FIXED_TIME = Utc.of(2020, 6, 1, 12)  # the test certificates ran from 2015 to October 2025
SEED = b"replay"
WAITING = (values_to_activate.PENDING, credentials.PENDING, firmware.PENDING)
MAX_STEPS = 1_000  # activations followed for one command
NO_ANSWER = 1_000  # weighs more than any count of differences


class Miss(NamedTuple):
    """An answer that is not the reference's: how far from it, and why."""

    weight: int
    why: str
    device: str


class Replayer:
    """Executes pairs against emulated devices that trust the parties of a key store."""

    def __init__(self, keys: KeyStore, collection: Collection, inject: bool = False) -> None:
        self._keys = keys
        self._collection = collection
        self._inject = inject
        self._verifier = Verifier(keys)
        self._pki = TestPki.create(SEED, FIXED_TIME)
        self._stores: dict[EntityId, MemoryKeyStore] = {}
        self._profiles: dict[str, Profile] = {}

    def __iter__(self) -> Iterator[Outcome]:
        for pair in self._collection.pairs:
            yield self.run(pair)

    def run(self, pair: Pair) -> Outcome:
        """Execute one pair on each variant in turn; the first match, else the nearest miss."""
        use_case = by_code(pair.command.code)
        kinds = self._collection.device_types.get(pair.command.recipient, ())
        if use_case is None:
            name = f"{pair.command.code:04X}"
            return Outcome(pair.case, name, Verdict.UNSUPPORTED, "no such use case", "", kinds)
        family = payload_family(pair.command)
        fault = _fault(pair.response, family) or self._later_fault(pair.command)

        def outcome(verdict: Verdict, why: str, device: str = "") -> Outcome:
            return Outcome(pair.case, use_case.name, verdict, why, device, kinds, family, fault is not None)

        variants = [v for kind, found in VARIANTS.items() if kind in kinds for v in found]
        if not variants:
            device = " or ".join(kind.value for kind in kinds)
            return outcome(Verdict.UNSUPPORTED, f"no {device or 'such device'} yet")
        able = [v for v in variants if self._profile(v).supports(use_case)]
        if not able:
            verdict = Verdict.SUPERSEDED if use_case.superseded else Verdict.UNSUPPORTED
            return outcome(verdict, not_built(use_case))
        try:
            self._check_keys(pair.command, use_case)
            misses = []
            for armed in (None, fault) if self._inject and fault is not None else (None,):
                for variant in able:
                    miss = self._attempt(pair, use_case, variant, armed)
                    if miss is None and armed is None:
                        return outcome(Verdict.MATCH, "", variant.label)
                    if miss is None:
                        return outcome(Verdict.MATCH_INJECTED, _fault_text(armed), variant.label)
                    if armed is fault:
                        misses.append(miss)
        except KeyUnavailable as error:
            return outcome(Verdict.NEEDS_FOREIGN_KEY, str(error))
        if not misses:
            return outcome(Verdict.NEEDS_FAULT, _fault_text(fault), able[0].label)
        if self._asks_for_root(pair.command, family):
            return outcome(Verdict.NEEDS_ROOT, "no certificate of the key store can stand in as root")
        if needs_key_of(pair.command, self._keys):
            return outcome(Verdict.NEEDS_FOREIGN_KEY, "no private key of the certificate the command brings")
        nearest = min(misses, key=lambda miss: miss.weight)
        return outcome(Verdict.MISMATCH, nearest.why, nearest.device)

    # -- one attempt ------------------------------------------------------------------

    def _attempt(self, pair: Pair, use_case: UseCase, variant: Variant, fault: Fault | None) -> Miss | None:
        """Execute the command on a fresh device; None if everything equals the reference.

        Raises KeyUnavailable where only a key that is not there could tell.
        """
        try:
            differences = self._differences(pair, use_case, variant, fault)
        except KeyUnavailable:
            raise
        except GbcsError as error:
            return Miss(NO_ANSWER, str(error), variant.label)
        if differences:
            return Miss(len(differences), "; ".join(differences[:3]), variant.label)
        return None

    def _differences(self, pair: Pair, use_case: UseCase, variant: Variant, fault: Fault | None) -> list[str]:
        command = self._remade(pair.command)
        time = _command_time(command) or FIXED_TIME
        device = self._device(command, use_case, variant, time)
        device.handle(HubTime(time), time)
        if fault is not None:
            device.handle(ArmStoreFault(*fault), time)
        effects = _with_partners(device, device.handle(RemotePartyMessage(command.octets), time), time)
        sent = [parse_message(effect.octets) for effect in effects if isinstance(effect, SendMessage)]
        answers = [message for message in sent if message.cra is Cra.RESPONSE]
        if len(answers) != 1:
            raise BuildError(f"{len(answers)} responses" if answers else _why_silent(effects))
        answer, store = answers[0], self._store_for(command.recipient)
        differences = compare_headers(pair.response, answer)
        family = self._profile(variant).family if use_case.payload_by_device else use_case.payload
        unseal = self._verifier.unseal, Verifier(store).unseal
        differences += compare_payloads(family, command, pair.response, answer, unseal)
        differences += self._alert_differences(command, device, time, sent)
        try:
            RemoteParty(command.originator, store).check_answer(command, answer.octets, use_case)
        except (ParseError, SecurityError) as error:
            differences.append(str(error))
        except KeyUnavailable:
            if not differences:
                raise
        return differences

    def _later_fault(self, command: Message) -> Fault | None:
        """What the reference's alert says failed when a future-dated command was carried out."""
        held = self._collection.results.get(command.recipient, ()) if _is_future_dated(command) else ()
        faults = (r.fault for r in held if (r.code, r.counter) == (command.code, command.counter))
        return next((fault for fault in faults if fault is not None), None)

    def _alert_differences(
        self, command: Message, device: Device, start: Utc, sent: list[Message]
    ) -> list[str]:
        """Step the clock through every activation; the set of result alerts has to be the reference's.

        What is not future-dated yields none: it may have the counter of a command that is.
        """
        held = self._collection.results.get(command.recipient, ()) if _is_future_dated(command) else ()
        wanted = {r for r in held if (r.code, r.counter) == (command.code, command.counter)}
        found = [future_dated_result(message) for message in sent]
        for _ in range(MAX_STEPS):
            due = _next_activation(device, start)
            if due is None:
                break
            device = _stepped(device, start, due)
            effects = device.handle(TimerDue(), start)
            found += [
                future_dated_result(parse_message(effect.octets))
                for effect in effects
                if isinstance(effect, SendMessage)
            ]
        given = {result for result in found if result is not None}
        return [
            *(f"{_alert_text(result)} expected" for result in sorted(wanted - given, key=_alert_text)),
            *(f"{_alert_text(result)} not expected" for result in sorted(given - wanted, key=_alert_text)),
        ]

    # -- keys and trust ---------------------------------------------------------------

    def _check_keys(self, command: Message, use_case: UseCase) -> None:
        """Raise KeyUnavailable for a command no device could authenticate or answer with these keys."""
        needed = []
        if command.signature is not None:
            needed.append(KeyUsage.DIGITAL_SIGNATURE)
        if not use_case.response_signed and not (use_case.signed_or_maced and not command.mac_header):
            needed.append(KeyUsage.KEY_AGREEMENT)
        for usage in needed:
            if self._keys.find(command.originator, usage) is None:
                name = usage.name.lower().replace("_", " ")
                raise KeyUnavailable(f"no {name} certificate of {command.originator}")

    def _remade(self, command: Message) -> Message:
        """The command with MAC and token for a device whose keys are ours; the signature stays."""
        if not command.mac_header:
            return command
        broker = self._chosen(Role.ACCESS_CONTROL_BROKER, command.originator)
        if broker is None:
            raise KeyUnavailable("no certificate of an Access Control Broker")
        store = self._store_for(command.recipient)
        return AccessControlBroker(broker, store).mac(with_own_token(command, store))

    def _store_for(self, device: EntityId) -> MemoryKeyStore:
        """The key store with the device's certificates replaced by those of its own keys."""
        if device not in self._stores:
            others = tuple(c for c in self._keys.all() if c.entity != device)
            keys = [k for c in others if (k := self._keys.private_key(c)) is not None]
            self._stores[device] = MemoryKeyStore((*others, *self._pki.device(device)), keys)
        return self._stores[device]

    def _chosen(self, role: Role, originator: EntityId) -> EntityId | None:
        """The one party a device knows in a role: the originator where it has it, else the first."""
        entities = [c.entity for c in self._keys.all() if c.role is role]
        return originator if originator in entities else next(iter(entities), None)

    def _anchors(self, originator: EntityId) -> list[Credential]:
        """One party a role, and the root: an issuing certificate where the key store has no root."""
        anchors = []
        for role in Role:
            if role not in (Role.ROOT, Role.ISSUING_AUTHORITY):
                party = self._chosen(role, originator)
                anchors += [c for c in self._keys.all() if c.role is role and c.entity == party]
        root = self._root()
        # a later one would take the cell of an earlier one: the newest comes first in the store
        return [*reversed(anchors), *([] if root is None else [replace(root, role=Role.ROOT)])]

    def _root(self) -> Credential | None:
        """What stands in the root's cell: in the set the authority that issued the replacements."""
        for role in (Role.ROOT, Role.ISSUING_AUTHORITY):
            found = self._keys.with_role(role, KeyUsage.KEY_CERT_SIGN)
            if found:
                return found[0]
        brought = self._collection.authority
        return None if brought is None else read_certificate(brought)

    def _asks_for_root(self, command: Message, family: Payload) -> bool:
        """Whether the command is about the root's credentials, and there are none."""
        if family is not Payload.ASN1 or self._root() is not None:
            return False
        try:
            return Role.ROOT in read_command(command.payload).roles
        except ParseError:
            return False

    # -- the device -------------------------------------------------------------------

    def _profile(self, variant: Variant) -> Profile:
        if variant.label not in self._profiles:
            self._profiles[variant.label] = variant.profile()
        return self._profiles[variant.label]

    def _device(self, command: Message, use_case: UseCase, variant: Variant, time: Utc) -> Device:
        """A fresh device in the state the use case needs, its clock set."""
        store = MemoryStore()
        self._pki.device(command.recipient)
        anchors = self._anchors(command.originator)
        extra = seeded(lambda count: SEED.ljust(SEED_OCTETS)[:count])
        provision(store, command.recipient, self._pki.store, anchors, extra)
        device = _stepped(Device(self._profile(variant), store, time), time, time)
        needed = PRECONDITIONS.get(use_case.name)
        if needed is None:
            return device
        work = device.observe(time)
        needed.bring_about(work, variant.twin, command)
        work.commit()
        return device.reopened(time)


def _stepped(device: Device, now: Utc, time: Utc) -> Device:
    """The device with its clock set to a time; the years between are not lived through."""
    work = device.observe(now)
    set_clock(work, time)
    work.commit()
    return device.reopened(now)


def _with_partners(device: Device, effects: tuple[Effect, ...], time: Utc) -> tuple[Effect, ...]:
    """The effects, and what follows where the device another one joins agrees on a key (CS03)."""
    for effect in effects:
        if isinstance(effect, AgreeKey):
            effects += device.handle(KeyAgreed(effect.station, bytes(16)), time)
    return effects


def _next_activation(device: Device, now: Utc) -> Utc | None:
    """What the device's clock will show when its next pending activation is due."""
    work = device.observe(now)
    due = [work.value(key) for prefix in WAITING for key, _ in work.scan(prefix)]
    times = [value[0] for value in due if isinstance(value, tuple) and isinstance(value[0], int)]
    return Utc(min(times)) if times else None


def _fault(response: Message, family: Payload) -> Fault | None:
    """The item a reference response reports as failed, or None."""
    try:
        if family is Payload.ASN1:
            return der_fault(response)
        apdu = parse_apdu(response.payload) if family is Payload.DLMS else None
    except ParseError:
        return None
    return apdu.fault if isinstance(apdu, AccessResponse) else None


def _fault_text(fault: Fault | None) -> str:
    return "" if fault is None else f"item {fault.index} fails with {fault.code}"


def _alert_text(result: FutureDatedResult) -> str:
    return f"alert {result.alert:04X} for {result.code:04X} {result.counter:016X} {result.member.hex()}"


def _command_time(command: Message) -> Utc | None:
    """The middle of the validity interval a command carries, if it carries one."""
    preset = by_item("Time.preset")
    for item in _request_items(command):
        if item[1:4] == (preset.class_id, preset.logical_name, preset.number):
            try:
                value = preset.wire().decode(item.data)
                first, last = (Utc.from_cosem(bound).us for bound in value[1:])  # type: ignore[index,arg-type]
            except (TypeMismatch, BuildError):
                return None
            return Utc((first + last) // 2)
    return None


def _is_future_dated(command: Message) -> bool:
    """Whether the command has a time to be carried out at, or writes an activation time that is a date."""
    if is_dated(command):
        return True
    for item in _request_items(command):
        if item.choice == Choice.SET and item.data.value not in (ACTIVATE_NOW, ACTIVATE_NEVER):
            row = member(item.class_id, item.logical_name, MemberKind.ATTRIBUTE, item.member)
            found = None if row is None else activation(row)
            if found is not None and found.dated:
                return True
    return False


def _request_items(command: Message) -> tuple[RequestItem, ...]:
    try:
        apdu = parse_apdu(command.payload)
    except ParseError:
        return ()
    return apdu.items if isinstance(apdu, AccessRequest) else ()


def _why_silent(effects: tuple[Effect, ...]) -> str:
    reasons = [f"{e.check.value}: {e.text}" for e in effects if isinstance(e, Happened) and e.check]
    return "no response; " + ("; ".join(reasons) or "no reason given")
