"""Certificates in trust anchor cells replaced, now or at a time (CS02b, CS02g), and what follows from it.

One command a Message Code can wait (see `gbcs.security.replacement.Pending`); its alert tells
whoever sent it how it went. Source: GBCS 13.3 (reference: gbcs-crypto 15, gbcs-messages 8.3 and 10).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from gbcs.asn1.credentials import CellIdentifier, StatusCode
from gbcs.asn1.replacement import ExecutionOutcome, alert_octets, read_command
from gbcs.errors import BuildError, ParseError, SecurityError
from gbcs.ids import DeviceType, EntityId, KeyUsage, Role
from gbcs.security.anchors import BROKER_AGREEMENT, Anchors
from gbcs.security.replacement import Header, Pending, carry_out, replace
from gbcs.time import Utc

from ..anchors import anchors_of, keep_anchors
from ..eventlog import occur
from ..events import Event, Metrology
from ..fault import armed_fault
from ..identity import CryptoCache, Identity
from ..profile import Behaviour
from ..store import StoreError
from ..values import Value
from ..work import Work

PENDING = "credentials/pending/"
ORDER = "credentials/order"
COUNT = "credentials/waiting"  # so that who waits for nothing looks at one value
UPDATED = 0x8F70
SUPPLIER_SIGNATURE = CellIdentifier(Role.SUPPLIER, KeyUsage.DIGITAL_SIGNATURE)


class CredentialHooks:
    """What others do when certificates change, in the same unit of work. Subclasses override."""

    def new_supplier(self, work: Work, before: EntityId, after: EntityId) -> None:
        """Another supplier's digital signature certificate stands in its cell now."""

    def token_floor(self, work: Work, floor: int) -> None:
        """Of the supplier's tokens only those with a greater counter are good from now on."""


class Waiting(NamedTuple):
    """A stored command as the store has it; times in microseconds, `payload` that of the command."""

    due: int
    order: int
    code: int
    originator: bytes
    received: int
    payload: bytes


class Replacements(Behaviour):
    """Carries out authenticated commands on a device of some type, and keeps those for later."""

    name = "credentials"
    ignores = (Metrology,)

    def __init__(self, device: DeviceType, hooks: CredentialHooks | None = None) -> None:
        self.device = device
        self._hooks = CredentialHooks() if hooks is None else hooks

    def receive(
        self,
        work: Work,
        identity: Identity,
        header: Header,
        payload: bytes,
        faults: Mapping[int, int] | None = None,
    ) -> ExecutionOutcome | None:
        """Carry out, store or take back a command that passed `check_command`.

        The outcome for the response, None where it has none. `faults` as in `replace`.
        Raises ParseError or SecurityError for one that did not pass.
        """
        before = anchors_of(identity, self.device)
        command = read_command(payload)
        settings = work.settings.credentials.replacement
        outcome = replace(before, command, header, work.time, settings, faults)
        key = f"{PENDING}{header.code:04X}"
        work.put(key, None)
        if outcome.pending is not None:
            order = work.number(ORDER)
            work.set_value(ORDER, order + 1)
            due, received = outcome.pending.due.us, outcome.pending.received.us
            work.set_value(key, Waiting(due, order, header.code, bytes(header.originator), received, payload))
        _count(work)
        keep_anchors(identity, before, outcome.anchors)
        if outcome.execution is not None:
            self._follow(work, before, outcome.anchors, outcome.execution)
        return outcome.execution

    def deadline(self, work: Work) -> Utc | None:
        """The first due time."""
        due = [waiting.due for waiting in _waiting(work)]
        return work.shell_time(Utc(min(due))) if due else None

    def handle(self, work: Work, event: Event) -> None:
        """Carry out what is due, the earliest first, those of one time in the order they came."""
        now = work.time.us
        for waiting in sorted(waiting for waiting in _waiting(work) if waiting.due <= now):
            work.put(f"{PENDING}{waiting.code:04X}", None)
            _count(work)
            self._carry_out(work, waiting)

    def _carry_out(self, work: Work, waiting: Waiting) -> None:
        identity = Identity(work, CryptoCache())
        before = anchors_of(identity, self.device)
        try:
            pending = Pending(
                waiting.code,
                EntityId(waiting.originator),
                Utc(waiting.received),
                Utc(waiting.due),
                read_command(waiting.payload),
            )
            fault = armed_fault(work)
            faults = None if fault is None else dict([fault])
            done = carry_out(before, pending, work.time, work.settings.credentials.replacement, faults)
        except (BuildError, ParseError, SecurityError) as error:
            raise StoreError(f"the store holds no command here: {error}") from None
        keep_anchors(identity, before, done.anchors)
        work.alert(
            done.alert.code,
            message_code=done.message_code,
            recipient=done.recipient,
            payload=alert_octets(done.alert, work.settings.wide_der_lengths),
        )
        self._follow(work, before, done.anchors, done.alert.outcome)

    def _follow(self, work: Work, before: Anchors, after: Anchors, execution: ExecutionOutcome) -> None:
        """What an execution causes beyond cells and counters."""
        settings = work.settings.credentials
        replaced = any(cell.status == StatusCode.SUCCESS for cell in execution.cells)
        if replaced or settings.logs_failed_replacement:
            occur(work, UPDATED)
        for change in execution.changes:
            if change.prepayment is not None:
                self._hooks.token_floor(work, change.prepayment)
        old, new = before.get(SUPPLIER_SIGNATURE), after.get(SUPPLIER_SIGNATURE)
        if old is None or new is None or old.entity == new.entity:
            return
        broker = before.get(BROKER_AGREEMENT)
        handed_over = broker is not None and broker.entity == old.entity
        if settings.hand_over_is_change or not handed_over:
            self._hooks.new_supplier(work, old.entity, new.entity)


def _waiting(work: Work) -> list[Waiting]:
    if not work.number(COUNT):
        return []
    return [_read(work.value(key)) for key, _ in work.scan(PENDING)]


def _count(work: Work) -> None:
    """Keep how many commands wait, where it changed."""
    count = sum(1 for _ in work.scan(PENDING))
    if count != work.number(COUNT):
        work.set_value(COUNT, count)


def _read(value: Value) -> Waiting:
    match value:
        case (int(due), int(order), int(code), bytes(originator), int(received), bytes(payload)):
            return Waiting(due, order, code, originator, received, payload)
    raise StoreError("the store holds no command here")
