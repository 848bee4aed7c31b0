"""A device: events in, effects out, everything it knows in its store.

`handle` runs each event, and each of the device's own deadlines that came before it, as
one unit of work; effects are returned only after the commit. Order of checks and their
outcomes: `checks`.

A behaviour gets a TimerDue when its own deadline is there, one without deadlines each time. What
metrology counted up to a deadline is taken together with it, in one unit of work, and before it.

Deadlines are caught up one by one, at the time each was due, `MAX_CATCH_UP` of them before
an event. A longer gap is taken like an outage from there on: what still waits is done at
the time of the event, periods in between are not recorded, and the device says so.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from hashlib import sha256
from itertools import compress
from typing import TYPE_CHECKING, TypeAlias

from gbcs.errors import Check, GbcsError, ParseError, SecurityError
from gbcs.ids import Cra, EntityId, KeyUsage, Kind
from gbcs.message import Message, OtherInformation, parse_message
from gbcs.security.content import ContentSealer, alert_draft
from gbcs.security.mac import message_mac
from gbcs.security.signature import sign_octets
from gbcs.security.store import Credential
from gbcs.time import Utc
from gbcs.usecases import UseCase, by_code

from .alerts import MACED_MESSAGE_CODES, UNSUPPORTED_COMMAND, alert_table, recipient_roles
from .arrival import Arrival
from .checks import (
    CHECKS,
    FAILED_NOT_COVERED,
    INTEGRITY,
    NOT_SUPPORTED,
    OUTCOMES,
    UNUSUAL_NUMBERS,
    Outcome,
    arrived,
)
from .deadlines import NEVER, Deadlines
from .eventlog import write
from .events import (
    ArmStoreFault,
    Effect,
    Event,
    Happened,
    Metrology,
    PowerLost,
    PowerRestored,
    RemotePartyMessage,
    SendMessage,
    TimerDue,
)
from .fault import arm_fault
from .identity import CELL, OWN, OWN_COUNTER, Cell, CryptoCache, Identity
from .limiter import LIMITER, counted
from .logs import sizes_with_wholes
from .profile import Behaviour, Profile
from .settings import DEFAULT_SETTINGS, DeviceSettings
from .store import Store, StoreError
from .values import Value, pack, unpack
from .work import LOG, AlertRequest, Cache, ObservingWork, Work, reply_name

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric import ec

ANSWERS = "answer/"
UNANSWERED = "unanswered/"
POWER_LOST = "power/lost"
STARTED = "started"
MAX_CATCH_UP = 100_000  # ours: about five years of half hours
_DIGEST = slice(4, 36)  # where it stands in a packed pair, so that others need no unpacking
_TIMER = TimerDue()
_NOTHING: Mapping[str, Value] = {}
_WITH_WHAT_IS_DUE = (TimerDue, Metrology)
Hearer: TypeAlias = "Callable[[Work, Event], None]"
# what a refused command may change: all keys of the store that begin with one of these
REFUSAL_WRITES = (f"{LOG}SecurityLog/", LIMITER, OWN_COUNTER)


class Device:
    """A device of some profile on a store.

    Constructing it on an old store carries on where the store ends. While it is there nobody else
    writes what it keeps.
    """

    def __init__(
        self, profile: Profile, store: Store, now: Utc, settings: DeviceSettings = DEFAULT_SETTINGS
    ) -> None:
        self.profile = profile
        self.settings = settings
        self._log_sizes = sizes_with_wholes(profile.log_sizes, profile.log_parts)
        self._store = store
        self._cache = CryptoCache()
        self._values: Cache = {}
        self._released: list[Effect] = []
        self._changed: list[Mapping[str, object]] = []
        self._deadlines = Deadlines(profile.behaviours, self._changed)
        self._hearers: dict[type[Event], tuple[Hearer, ...]] = {}
        self._timers = tuple(b.handle for b in self._deadlines.told)
        counting = tuple(self._that_hear(Metrology))
        self._counting = tuple(b.handle for b in counting if b.counts)
        self._sensing = tuple(b.handle for b in counting if not b.counts)
        work = self._work(now)
        self.entity: EntityId = Identity(work, self._cache).entity
        if work.get(STARTED) is None:
            for behaviour in profile.behaviours:
                behaviour.start(work)
            work.put(STARTED, b"")
            work.commit()
        self._deadline = self._next_deadline(work)

    @property
    def next_deadline(self) -> Utc | None:
        """When the device wants `handle(TimerDue)`, in the shell's time; None: not at all."""
        return None if self._deadline == NEVER else Utc(self._deadline)

    def is_due_before(self, time: Utc) -> bool:
        """Whether `next_deadline` comes before a time."""
        return self._deadline < time.us

    def handle(self, event: Event, now: Utc, also: Mapping[str, Value] = _NOTHING) -> tuple[Effect, ...]:
        """Everything an event causes, deadlines that came due before it included.

        `also` is what the caller keeps in the store under keys of its own: it is committed with what the
        event changes, and on its own where that is nothing. Raises StoreError if the store fails: then
        the event did not happen. Effects of deadlines that were committed before it are returned by the
        next call.
        """
        due = self._deadline
        if due < now.us or (due == now.us and not isinstance(event, _WITH_WHAT_IS_DUE)):
            self._catch_up(event, now)
        self._run(event, now, also)
        if not self._released:
            return ()
        effects = tuple(self._released)
        self._released.clear()
        return effects

    def _catch_up(self, event: Event, now: Utc) -> None:
        """Do what was due before an event; at once what is left where that takes too long, and say so."""
        until = now.us - 1 if isinstance(event, _WITH_WHAT_IS_DUE) else now.us
        for _ in range(MAX_CATCH_UP):
            if self._deadline > until:
                return
            self._run(_TIMER, Utc(self._deadline))
        due = self._deadline
        if due < now.us:
            self._run(_TIMER, now)
            text = f"the time from {Utc(due)} to {now} was not lived through"
            self._released.append(Happened("skipped", text, f"house rule: catch-up of {MAX_CATCH_UP}"))

    def reopened(self, now: Utc) -> Device:
        """The device as it comes up again on its store."""
        return Device(self.profile, self._store, now, self.settings)

    @property
    def store(self) -> Store:
        """Its non-volatile memory; others that share it have keys of their own."""
        return self._store

    def observe(self, now: Utc) -> Work:
        """A unit of work to look at the device's state with.

        What is written in it nobody else sees until it is committed, which only tests do.
        """
        return self._work(now, ObservingWork)

    # -- one unit of work -------------------------------------------------------------

    def _work(self, now: Utc, kind: type[Work] = Work) -> Work:
        profile = self.profile
        return kind(
            self._store,
            now,
            profile.defaults,
            self._log_sizes,
            self.settings,
            profile.event_is_on,
            self._values,
            self._changed,
            profile.log_parts,
        )

    def _run(self, event: Event, now: Utc, also: Mapping[str, Value] = _NOTHING) -> None:
        work = self._work(now)
        is_off = self._deadline == NEVER and work.value(POWER_LOST) is not None
        if is_off and not isinstance(event, PowerRestored):
            work.commit(also)
            return
        try:
            self._happen(work, event)
            new_credentials = work.put_under((CELL, OWN))
            work.commit(also)
        except BaseException:
            work.abandon()
            raise
        if new_credentials:
            self._cache.forget()
        self._released += work.effects
        self._deadline = self._next_deadline(work)

    def _happen(self, work: Work, event: Event) -> None:
        """All that an event changes and sends."""
        kind = type(event)
        if kind is TimerDue:
            self._tell_what_is_due(work)
        elif kind is Metrology and self._deadline == work.now.us:
            # what was used until now belongs to the periods that end now, what is sensed does not
            for hear in self._counting:
                hear(work, event)
            self._tell_what_is_due(work)
            for hear in self._sensing:
                hear(work, event)
        else:
            self._tell(work, event)
        if work.answers or work.alerts:
            identity = Identity(work, self._cache)
            for name, payload in work.answers:
                self._answer_late(work, identity, name, payload)
            work.answers.clear()
            self._send_alerts(work, identity)

    def _next_deadline(self, work: Work) -> int:
        if work.value(POWER_LOST) is not None:
            return NEVER
        return self._deadlines.next(work)

    def _tell(self, work: Work, event: Event) -> None:
        """What the device itself does at an event; then the behaviours react, each in its turn."""
        if isinstance(event, RemotePartyMessage):
            self._message(work, Identity(work, self._cache), event.octets)
        elif isinstance(event, ArmStoreFault):
            arm_fault(work, event.index, event.code)
        elif isinstance(event, PowerLost):
            work.set_value(POWER_LOST, work.now.us)
        kind = type(event)
        hearers = self._hearers.get(kind)
        if hearers is None:
            hearers = self._hearers[kind] = tuple(b.handle for b in self._that_hear(kind))
        for hearer in hearers:
            hearer(work, event)
        if isinstance(event, PowerRestored):
            work.put(POWER_LOST, None)

    def _tell_what_is_due(self, work: Work) -> None:
        timers: Iterable[Hearer] = self._timers
        if not self._changed:  # else somebody else wrote, and the deadlines are not those of now
            timers = compress(timers, map(work.now.us.__ge__, self._deadlines.due))
        for timer in timers:
            timer(work, _TIMER)

    def _that_hear(self, kind: type[Event]) -> Iterator[Behaviour]:
        """The behaviours that react to events of a type."""
        return (behaviour for behaviour in self.profile.behaviours if behaviour.hears(kind))

    # -- commands ---------------------------------------------------------------------

    def _message(self, work: Work, identity: Identity, octets: bytes) -> None:
        try:
            message = arrived(octets)
        except ParseError as error:
            self._refuse(work, Check.FRAMING, str(error))
            return
        digest = sha256(octets).digest()
        stored = self._stored_answer(work, digest) if message.recipient == identity.entity else None
        if stored is not None:
            work.effect(SendMessage(stored, message.originator))
            work.report("repeated", f"{message.code:04X}: the stored answer again", "house rule: repeats")
            return
        use_case = by_code(message.code)
        arrival = Arrival(message, identity, use_case, not self._supports(use_case))
        for check in self.settings.check_order:
            try:
                CHECKS[check](arrival, self.profile, work)
            except SecurityError as error:
                self._refuse(work, error.check, error.reason)
                return
        if arrival.unsupported:
            self._unsupported(work, arrival)
            return
        self._execute(work, identity, arrival, digest)

    def _supports(self, use_case: UseCase | None) -> bool:
        # of one use case only the response is known from samples (CS02b anyByContingency)
        answered = use_case is not None and Kind.RESPONSE in use_case.kinds
        return use_case is not None and answered and self.profile.supports(use_case)

    def _execute(self, work: Work, identity: Identity, arrival: Arrival, digest: bytes) -> None:
        message, use_case = arrival.message, arrival.known_use_case
        if use_case.role_counted and arrival.role is not None:
            identity.set_counter(arrival.role, message.counter)
        payload = self.profile.server(use_case).execute(work, arrival)
        if payload is None:
            work.put(f"{UNANSWERED}{reply_name(message)}", message.octets)
            text = f"{use_case.name} {message.code:04X}, its answer follows"
            work.report("accepted", text, "gbcs-crypto 17")
            return
        self._answer(work, identity, arrival, payload, digest)

    def _answer(
        self, work: Work, identity: Identity, arrival: Arrival, payload: bytes, digest: bytes
    ) -> None:
        message, use_case = arrival.message, arrival.known_use_case
        answer = Message(
            Cra.RESPONSE,
            message.counter,
            message.recipient,
            message.originator,
            arrival.answer_information(),
            payload,
            work.time.to_cosem() if use_case.response_has_date_time else None,
            mac_header=not arrival.answer_signed,
            has_signature_length=True,
        )
        octets = self._protect(identity, answer, arrival).octets
        self._store_answer(work, digest, octets)
        work.effect(SendMessage(octets, message.originator))
        work.report("executed", f"{use_case.name} {message.code:04X}", "gbcs-messages 11 steps 10 to 12")

    def _answer_late(self, work: Work, identity: Identity, name: str, payload: bytes) -> None:
        """Answer a command whose execution took more than one unit of work."""
        octets = work.get(f"{UNANSWERED}{name}")
        if octets is None:
            return
        work.put(f"{UNANSWERED}{name}", None)
        try:
            message = parse_message(octets)
            arrival = Arrival(message, identity, by_code(message.code), False)
            self._answer(work, identity, arrival, payload, sha256(octets).digest())
        except SecurityError as error:  # its originator may have been replaced meanwhile
            work.report("unsent", f"the answer {name}: {error.reason}", "gbcs-messages 11", error.check)
        except ParseError as error:
            raise StoreError(f"the store holds no command here: {error}") from None

    def _protect(self, identity: Identity, answer: Message, arrival: Arrival) -> Message:
        if arrival.answer_signed:
            return _signed(answer, identity, arrival.signer)
        peer = arrival.key_agreement_of_originator()
        if peer is None:
            raise SecurityError(Check.MAC, "no key agreement cell of the originator")
        draft = answer.encoded()
        return replace(draft, mac=message_mac(draft, identity.secret_with(peer))).encoded()

    def _unsupported(self, work: Work, arrival: Arrival) -> None:
        message = arrival.message
        write(work, "SecurityLog", INTEGRITY)
        text = f"{message.code:04X} is not supported"
        party, counter = message.other.party, message.other.party_counter
        self._alert_limited(
            work,
            NOT_SUPPORTED,
            message.code.to_bytes(2, "big") + message.counter.to_bytes(8, "big"),
            message.originator,
            None if party is None or counter is None else (party, counter),
        )
        work.report("unsupported", text, OUTCOMES[Check.MESSAGE_CODE].rule, Check.MESSAGE_CODE)
        self._count_unusual(work)

    def _refuse(self, work: Work, check: Check, reason: str) -> None:
        """Log and alert a failed check; nothing else of the device may change here."""
        outcome = OUTCOMES.get(check, Outcome(FAILED_NOT_COVERED, None, "gbcs-messages 11"))
        if outcome.log is not None:
            write(work, "SecurityLog", outcome.log)
        if outcome.alert is not None:
            self._alert_limited(work, outcome.alert)
        work.report("refused", reason, outcome.rule, check)
        if check is not Check.TARGET:
            self._count_unusual(work)

    # -- limits on what bad commands cause --------------------------------------------

    def _alert_limited(
        self,
        work: Work,
        code: int,
        content: bytes | None = None,
        recipient: EntityId | None = None,
        supplementary: tuple[EntityId, int] | None = None,
    ) -> None:
        if counted(work, f"{code:04X}") > self.settings.alerts_per_code:
            return
        if content is None:
            work.alert(code)
        else:
            work.alert(
                code,
                content,
                message_code=UNSUPPORTED_COMMAND,
                recipient=recipient,
                supplementary=supplementary,
            )

    def _count_unusual(self, work: Work) -> None:
        if counted(work, "unusual") == self.settings.unusual_commands:
            write(work, "SecurityLog", UNUSUAL_NUMBERS)
            work.alert(UNUSUAL_NUMBERS)

    # -- answers kept for repeats -----------------------------------------------------

    def _stored_answer(self, work: Work, digest: bytes) -> bytes | None:
        for slot in range(self.settings.answer_repeats):
            held = work.get(f"{ANSWERS}{slot:03d}")
            if held is not None and held[_DIGEST] == digest:
                pair = unpack(held)
                if isinstance(pair, tuple) and len(pair) == 2 and isinstance(pair[1], bytes):
                    return pair[1]
        return None

    def _store_answer(self, work: Work, digest: bytes, octets: bytes) -> None:
        if self.settings.answer_repeats:
            count = work.number(f"{ANSWERS}count")
            work.put(f"{ANSWERS}{count % self.settings.answer_repeats:03d}", pack((digest, octets)))
            work.set_value(f"{ANSWERS}count", count + 1)

    # -- alerts -----------------------------------------------------------------------

    def _send_alerts(self, work: Work, identity: Identity) -> None:
        for request in work.alerts:
            row = alert_table().get(request.code)
            if row is not None and row.configurable and not self.profile.alert_is_on(work, request.code):
                continue
            for recipient in self._alert_recipients(identity, request):
                try:
                    message = self._alert(work, identity, request, recipient)
                except StoreError:
                    raise
                except GbcsError as error:
                    work.report("unsent", f"alert {request.code:04X}: {error}", "gbcs-messages 12")
                    continue
                work.effect(SendMessage(message.octets, recipient))
        work.alerts.clear()

    def _alert_recipients(self, identity: Identity, request: AlertRequest) -> tuple[EntityId, ...]:
        if request.recipient is not None:
            return (request.recipient,)
        found: list[EntityId] = []
        for role in recipient_roles(request.code, self.profile.alert_roles):
            for usage in (KeyUsage.DIGITAL_SIGNATURE, KeyUsage.KEY_AGREEMENT):
                held = identity.cell(Cell(role, usage))
                if held is not None:
                    found.append(held.entity)
                    break
        return tuple(found)

    def _alert(self, work: Work, identity: Identity, request: AlertRequest, recipient: EntityId) -> Message:
        row = alert_table().get(request.code)
        code = request.message_code
        if code is None:
            code = row.message_code if row is not None else 0x1000
        counter = identity.next_counter()
        party, party_counter = request.supplementary or (None, None)
        other = OtherInformation(code, party, party_counter)
        payload = request.payload
        if payload is None:
            content = request.content
            if request.sealed is not None:
                peer = _key_agreement(identity, recipient)
                draft = alert_draft(identity.entity, recipient, counter, other)
                content += request.sealed(ContentSealer.of(draft, identity.secret_with(peer)))
            payload = self.profile.alert_payload(counter, request.code, work.time, content)
        signed = code not in MACED_MESSAGE_CODES
        message = Message(
            Cra.ALERT,
            counter,
            identity.entity,
            recipient,
            other,
            payload,
            mac_header=not signed,
            has_signature_length=True,
        )
        if signed:
            return _signed(message, identity)
        peer = _key_agreement(identity, recipient)
        draft = message.encoded()
        return replace(draft, mac=message_mac(draft, identity.secret_with(peer))).encoded()


def _key_agreement(identity: Identity, recipient: EntityId) -> Credential:
    """The key agreement certificate of a party, not that for top-ups. Raises SecurityError."""
    for cell, held in identity.cells():
        if cell == Cell(cell.role, KeyUsage.KEY_AGREEMENT) and held.entity == recipient:
            return held
    raise SecurityError(Check.MAC, f"no key agreement cell of {recipient}")


def _signed(
    message: Message, identity: Identity, signer: ec.EllipticCurvePrivateKey | None = None
) -> Message:
    draft = message.encoded()
    key = identity.signing_key() if signer is None else signer
    return replace(draft, signature=sign_octets(draft.signed_octets, key)).encoded()
