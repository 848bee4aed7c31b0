"""Running one pair: a fresh device, the command with its MAC re-made, the answer compared."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum

from gbcs.asn1.credentials import read_response
from gbcs.dlms.apdu import AccessRequest, AccessResponse, Fault, parse_apdu
from gbcs.dlms.objects import by_item
from gbcs.dlms.types import TypeMismatch
from gbcs.errors import BuildError, GbcsError
from gbcs.ids import CellUsage, DeviceType, EntityId, KeyUsage, Payload, Role
from gbcs.message import Message, parse_message
from gbcs.party import AccessControlBroker, RemoteParty
from gbcs.pki import TestPki
from gbcs.security.memory import MemoryKeyStore
from gbcs.security.store import Credential, KeyStore
from gbcs.security.verify import Verifier
from gbcs.time import Utc
from gbcs.usecases import UseCase, by_code
from smets.behaviours.activation import PENDING
from smets.behaviours.clock import set_clock
from smets.device import Device
from smets.esme.meter import EsmeOptions, esme_profile
from smets.events import ArmStoreFault, Effect, Happened, HubTime, RemotePartyMessage, SendMessage, TimerDue
from smets.identity import provision
from smets.store import MemoryStore
from smets.values import pack
from smets.work import ITEM

from .compare import compare_headers, compare_payloads
from .pairs import Collection, FutureDatedResult, Pair, future_dated_result
from .preconditions import PRECONDITIONS

FIXED_TIME = Utc.of(2020, 6, 1, 12)  # the test certificates ran from 2015 to October 2025
SEED = b"replay"
MAX_STEPS = 1_000  # activations followed for one command


class Verdict(Enum):
    """Verdicts of the replay contract."""

    MATCH = "match"
    MATCH_INJECTED = "match-injected"
    MISMATCH = "mismatch"
    NEEDS_FAULT = "needs-fault"
    NEEDS_FOREIGN_KEY = "needs-foreign-key"
    NEEDS_ROOT = "needs-root"
    SUPERSEDED = "superseded"
    UNSUPPORTED = "unsupported"


@dataclass(frozen=True, slots=True)
class Outcome:
    """One line of the replay: verdict, reason, and the device variant that was used."""

    case: str
    use_case: str
    verdict: Verdict
    why: str
    device: str


VARIANTS: dict[DeviceType, tuple[tuple[str, EsmeOptions], ...]] = {
    DeviceType.ESME: (
        ("ESME single", EsmeOptions("single")),
        ("ESME twin", EsmeOptions("twin")),
        ("ESME polyphase", EsmeOptions("polyphase")),
    ),
}


class Replayer:
    """Executes pairs against emulated devices that trust the parties of a key store."""

    def __init__(self, keys: KeyStore, collection: Collection, inject: bool = False) -> None:
        self._keys = keys
        self._collection = collection
        self._inject = inject
        self._verifier = Verifier(keys)
        self._pki = TestPki.create(SEED, FIXED_TIME)
        self._devices: dict[EntityId, tuple[Credential, Credential]] = {}

    def __iter__(self) -> Iterator[Outcome]:
        for pair in self._collection.pairs:
            yield self.run(pair)

    def run(self, pair: Pair) -> Outcome:
        """Execute one pair on each variant in turn; the first match, else the nearest miss."""
        use_case = by_code(pair.command.code)
        name = use_case.name if use_case is not None else f"{pair.command.code:04X}"
        if use_case is None:
            return Outcome(pair.case, name, Verdict.UNSUPPORTED, "no such use case", "")
        kinds = self._collection.device_types.get(pair.command.recipient, ())
        variants = [v for kind in kinds for v in VARIANTS.get(kind, ())]
        if len(kinds) > 1 and len(use_case.devices) > 1:
            variants = variants if DeviceType.ESME in kinds else []
        if not variants:
            device = " or ".join(kind.value for kind in kinds)
            return Outcome(pair.case, name, Verdict.UNSUPPORTED, f"no {device or 'such device'} yet", "")
        misses: list[tuple[int, Outcome]] = []
        for label, options in variants:
            outcome, differences = self._on_variant(pair, use_case, label, options)
            if outcome.verdict is not Verdict.MISMATCH:
                return outcome
            misses.append((differences, outcome))
        return min(misses, key=lambda miss: miss[0])[1]

    def _on_variant(
        self, pair: Pair, use_case: UseCase, label: str, options: EsmeOptions
    ) -> tuple[Outcome, int]:
        def outcome(verdict: Verdict, why: str) -> Outcome:
            return Outcome(pair.case, use_case.name, verdict, why, label)

        profile = esme_profile(options)
        if not profile.supports(use_case):
            verdict = Verdict.SUPERSEDED if use_case.superseded else Verdict.UNSUPPORTED
            return outcome(verdict, f"{use_case.name} is not built"), 0
        fault = _fault(pair.response, use_case)
        if fault is not None and not self._inject:
            return outcome(Verdict.NEEDS_FAULT, f"item {fault.index} fails with {fault.code}"), 0
        try:
            differences = self._differences(pair, use_case, options, fault)
        except GbcsError as error:
            return outcome(Verdict.MISMATCH, str(error)), 1_000
        if differences:
            return outcome(Verdict.MISMATCH, "; ".join(differences[:3])), len(differences)
        if fault is not None:
            return outcome(Verdict.MATCH_INJECTED, f"item {fault.index} fails with {fault.code}"), 0
        return outcome(Verdict.MATCH, ""), 0

    def _differences(
        self, pair: Pair, use_case: UseCase, options: EsmeOptions, fault: Fault | None
    ) -> list[str]:
        command = self._remade(pair.command)
        time = _command_time(command) or FIXED_TIME
        device = self._device(command, use_case, options, time)
        device.handle(HubTime(time), time)
        if fault is not None:
            device.handle(ArmStoreFault(*fault), time)
        effects = device.handle(RemotePartyMessage(command.octets), time)
        answers = [e.octets for e in effects if isinstance(e, SendMessage)]
        responses = [m for m in map(parse_message, answers) if m.cra is pair.response.cra]
        if not responses:
            return [_why_silent(effects)]
        party, store = self._party(command)
        answer = party.check_answer(command, responses[0].octets, use_case)
        mine = Verifier(store)
        differences = compare_headers(pair.response, answer)
        family = Payload.DLMS if use_case.payload_by_device else use_case.payload
        differences += compare_payloads(
            family, command, pair.response, answer, (self._verifier.unseal, mine.unseal)
        )
        if fault is None and use_case.future_datable:
            differences += self._alert_differences(command, device, time)
        return differences

    def _remade(self, command: Message) -> Message:
        """The command with the MAC for a device whose keys are ours; the signature stays."""
        if not command.mac_header:
            return command
        brokers = self._keys.with_role(Role.ACCESS_CONTROL_BROKER, KeyUsage.KEY_AGREEMENT)
        if not brokers:
            raise BuildError("no Access Control Broker in the key store", "mac")
        return AccessControlBroker(brokers[0].entity, self._store_for(command.recipient)).mac(command)

    def _store_for(self, device: EntityId) -> MemoryKeyStore:
        """The key store with the device's certificates replaced by those of its own keys."""
        if device not in self._devices:
            self._devices[device] = self._pki.device(device)
        others = tuple(c for c in self._keys.all() if c.entity != device)
        keys = [k for c in others if (k := self._keys.private_key(c)) is not None]
        return MemoryKeyStore(others + self._devices[device], tuple(keys))

    def _party(self, command: Message) -> tuple[RemoteParty, KeyStore]:
        store = self._store_for(command.recipient)
        return RemoteParty(command.originator, store), store

    def _device(self, command: Message, use_case: UseCase, options: EsmeOptions, time: Utc) -> Device:
        store = MemoryStore()
        self._store_for(command.recipient)
        extra: dict[str, bytes] = {}
        needed = PRECONDITIONS.get(use_case.name)
        if needed is not None:
            extra = {ITEM + name: pack(value) for name, value in needed.items.items()}
            extra |= {key: pack(value) for key, value in needed.raw.items()}
        provision(store, command.recipient, self._pki.store, self._anchors(command.originator), extra)
        return _stepped(Device(esme_profile(options), store, time), time, time)

    def _anchors(self, originator: EntityId) -> list[Credential]:
        """One party a role: the originator where it has the role, else the first of the store."""
        chosen: dict[tuple[Role, KeyUsage, CellUsage], Credential] = {}
        for credential in self._keys.all():
            if credential.role is None:
                continue
            role = Role.ROOT if credential.usage is KeyUsage.KEY_CERT_SIGN else credential.role
            key = (role, credential.usage, credential.cell_usage)
            if key not in chosen or credential.entity == originator:
                chosen[key] = credential
        return list(chosen.values())

    def _alert_differences(self, command: Message, device: Device, start: Utc) -> list[str]:
        """Step the clock through every activation; the set of result alerts has to be the reference's."""
        wanted = {
            result
            for result in self._collection.results.get(command.recipient, ())
            if (result.code, result.counter) == (command.code, command.counter)
        }
        if _next_activation(device, start) is None:
            return []  # an immediate or a cancelling command, perhaps with the counter of another
        given: set[FutureDatedResult] = set()
        for _ in range(MAX_STEPS):
            due = _next_activation(device, start)
            if due is None:
                break
            device = _stepped(device, start, due)
            for effect in device.handle(TimerDue(), start):
                if isinstance(effect, SendMessage):
                    result = future_dated_result(parse_message(effect.octets))
                    given |= {result} if result is not None else set()
        return [
            *(f"alert {r.alert:04X} for {r.member.hex()} expected" for r in sorted(wanted - given, key=str)),
            *(
                f"alert {r.alert:04X} for {r.member.hex()} not expected"
                for r in sorted(given - wanted, key=str)
            ),
        ]


def _stepped(device: Device, now: Utc, time: Utc) -> Device:
    """The device with its clock set to a time; the years between are not lived through."""
    work = device.observe(now)
    set_clock(work, time)
    work.commit()
    return device.reopened(now)


def _next_activation(device: Device, now: Utc) -> Utc | None:
    """What the device's clock will show when its next pending activation is due."""
    work = device.observe(now)
    due = [work.value(key) for key, _ in work.scan(PENDING)]
    times = [value[0] for value in due if isinstance(value, tuple) and isinstance(value[0], int)]
    return Utc(min(times)) if times else None


def _fault(response: Message, use_case: UseCase) -> Fault | None:
    """The item a reference response reports as failed, or None."""
    try:
        if use_case.payload is Payload.ASN1 and use_case.signed_or_maced:
            statuses = [details.status for details in read_response(response.payload)]
            return next((Fault(i, status) for i, status in enumerate(statuses) if status), None)
        apdu = parse_apdu(response.payload)
    except GbcsError:
        return None
    return apdu.fault if isinstance(apdu, AccessResponse) else None


def _command_time(command: Message) -> Utc | None:
    """The middle of the validity interval a command carries, if it carries one."""
    try:
        apdu = parse_apdu(command.payload)
    except GbcsError:
        return None
    if not isinstance(apdu, AccessRequest):
        return None
    preset = by_item("Time.preset")
    for item in apdu.items:
        if (item.class_id, item.logical_name, item.member) == (
            preset.class_id,
            preset.logical_name,
            preset.number,
        ):
            try:
                value = preset.wire().decode(item.data)
                first, last = (Utc.from_cosem(bound).us for bound in value[1:])  # type: ignore[index,union-attr,arg-type]
            except (TypeMismatch, BuildError):
                return None
            return Utc((first + last) // 2)
    return None


def _why_silent(effects: tuple[Effect, ...]) -> str:
    reasons = [f"{e.check.value}: {e.text}" for e in effects if isinstance(e, Happened) and e.check]
    return "no response; " + ("; ".join(reasons) or "no reason given")
