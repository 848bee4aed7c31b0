"""Key establishment (CBKE, cluster 0x0800), both roles, as a state machine without I/O.

Octets and events go in with the time, effects come out; the rows of
`key_establishment_rows.TRANSITIONS` say what happens, this module what their words mean. It
assumes nothing about the transport, so that inter-PAN frames serve as well. One exchange at a
time: further ones wait, or are refused with NO_RESOURCES. Default Responses, reading and
serving the attribute (`suites`) are for the ZCL layer. State is volatile: loss of power is a
new object. Source: SE standard Annex C (reference: se-security 7, 8).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from gbcs.errors import ParseError
from gbcs.ids import EntityId
from gbcs.time import Utc

from .compute import Compute, Computed
from .credential import CbkeCredential
from .ecmqv import Disagreement, agree, make_ephemeral
from .ecqv import Certificate, parse_certificate, unix_time
from .key_establishment_events import (
    Cancel,
    Established,
    Failed,
    KeyEstablishmentEffect,
    KeyEstablishmentEvent,
    KeyEstablishmentSettings,
    LeaveNetwork,
    NotDelivered,
    PartnerSuites,
    ReadSuites,
    Received,
    Refused,
    Send,
    Start,
    Step,
)
from .key_establishment_frames import (
    MAX_SECONDS,
    Command,
    CommandId,
    Initiate,
    Status,
    Terminate,
    parse_command,
)
from .key_establishment_rows import (
    RETRIES,
    TIMERS,
    TRANSITIONS,
    Action,
    Condition,
    Retry,
    State,
    Timer,
    Transition,
    Trigger,
)
from .key_establishment_state import Attempts, Cause, Exchange
from .link import Address
from .suites import MAC_SIZE, Random, Suite

_TRIGGERS = {
    (CommandId.INITIATE, True): Trigger.INITIATE_REQUEST,
    (CommandId.INITIATE, False): Trigger.INITIATE_RESPONSE,
    (CommandId.EPHEMERAL_DATA, True): Trigger.EPHEMERAL_REQUEST,
    (CommandId.EPHEMERAL_DATA, False): Trigger.EPHEMERAL_RESPONSE,
    (CommandId.CONFIRM_KEY_DATA, True): Trigger.CONFIRM_REQUEST,
    (CommandId.CONFIRM_KEY_DATA, False): Trigger.CONFIRM_RESPONSE,
    (CommandId.TERMINATE, True): Trigger.TERMINATE,
    (CommandId.TERMINATE, False): Trigger.TERMINATE,
}
_ROWS: dict[tuple[State, Trigger], tuple[Transition, ...]] = {
    (state, trigger): tuple(r for r in TRANSITIONS if state in r.before and trigger in r.triggers)
    for state in State
    for trigger in Trigger
}


class KeyEstablishment:
    """The cluster of one node, client and server side.

    `credentials`: those of each suite in order of preference. `random` gives octets for
    ephemeral keys. `admits`: at the Trust Centre whether a device is in its log, elsewhere
    whether a partner link key is shared with the sender.
    """

    def __init__(
        self,
        own: Address,
        credentials: Iterable[CbkeCredential],
        random: Random,
        *,
        trust_centre: EntityId,
        admits: Callable[[EntityId], bool],
        settings: KeyEstablishmentSettings | None = None,
        transaction: int = 0,
    ) -> None:
        self.own = own
        self.state = State.IDLE
        self._credentials = tuple(credentials)
        self._random = random
        self._trust_centre = trust_centre
        self._admits = admits
        self._settings = settings or KeyEstablishmentSettings()
        self._transaction = transaction & 0xFF
        self._attempts: dict[EntityId, Attempts] = {}
        self._exchange: Exchange | None = None
        self._deadline: Utc | None = None
        self._ticket = 0
        self._had: set[tuple[EntityId, bytes]] = set()
        self._out: list[KeyEstablishmentEffect] = []
        self._conditions: dict[Condition, Callable[[Cause], bool]] = {
            Condition.ALWAYS: lambda cause: True,
            Condition.REPEAT: self._is_repeat,
            Condition.LATE_REPEAT: self._is_repeat,
            Condition.STRANGER: self._is_stranger,
            Condition.STALE: self._is_stale,
            Condition.OTHER_TRANSACTION: self._is_other_transaction,
            Condition.YIELDS: self._yields,
            Condition.RESTARTS: lambda cause: self._settings.restarts,
            Condition.UNLISTED: lambda cause: self._is_centre and not self._admits(cause.station),
            Condition.NO_PARTNER_KEY: self._lacks_partner_key,
            Condition.UNREADABLE: lambda cause: cause.initiate is None,
            Condition.NOT_ONE_SUITE: lambda cause: cause.said.suites.bit_count() != 1,
            Condition.UNSUPPORTED: lambda cause: not cause.said.suites & self.suites,
            Condition.OTHER_SUITE: lambda cause: cause.said.suites != self._running().credential.suite,
            Condition.BAD_TIME: lambda cause: cause.has_bad_time,
            Condition.WRONG_LENGTH: self._is_wrong_length,
            Condition.UNKNOWN_ISSUER: self._is_unknown_issuer,
            Condition.BAD_CERTIFICATE: lambda cause: cause.shown.fault() is not None,
            Condition.NOT_VALID_NOW: self._is_not_valid_now,
            Condition.OTHER_SUBJECT: lambda cause: cause.shown.subject != cause.station,
            Condition.NO_COMMON_SUITE: self._has_no_common_suite,
            Condition.ASKS_SUITES: lambda cause: self._attempts[cause.station].asks,
            Condition.NO_AGREEMENT: lambda cause: isinstance(cause.result, Disagreement),
            Condition.WRONG_MAC: self._is_wrong_mac,
        }
        self._actions: dict[Action, Callable[[Cause, Status | None], None]] = {
            Action.IGNORE: lambda cause, status: None,
            Action.TERMINATE: self._terminate,
            Action.FAIL: lambda cause, status: self._fail(cause.now, None, by_partner=False),
            Action.END: self._end,
            Action.GIVE_UP: self._give_up,
            Action.YIELD: lambda cause, status: None,  # the own attempt stays due
            Action.ASK_SUITES: self._ask_suites,
            Action.SEND_INITIATE: self._send_initiate,
            Action.ANSWER_INITIATE: self._answer_initiate,
            Action.MAKE_EPHEMERAL: self._make_ephemeral,
            Action.SEND_EPHEMERAL: self._send_ephemeral,
            Action.ANSWER_EPHEMERAL: self._send_ephemeral,
            Action.AGREE: self._agree,
            Action.SEND_CONFIRM: self._send_confirm,
            Action.FINISH: self._finish,
            Action.ANSWER_CONFIRM: self._answer_confirm,
        }

    def __repr__(self) -> str:
        return f"KeyEstablishment({self.own.station}, {self.state.value})"

    @property
    def suites(self) -> int:
        """The attribute KeyEstablishmentSuite: suites that are switched on and have a credential."""
        held = {credential.suite for credential in self._credentials}
        return self._settings.suites & sum(held)

    @property
    def partner(self) -> EntityId | None:
        """The station of the running exchange."""
        return self._exchange.peer.station if self._exchange else None

    @property
    def next_deadline(self) -> Utc | None:
        """When it wants to be called."""
        if self._deadline is not None:
            return self._deadline
        return min((attempts.due for attempts in self._attempts.values()), default=None)

    def handle(self, event: KeyEstablishmentEvent, now: Utc) -> tuple[KeyEstablishmentEffect, ...]:
        """Everything an event causes. Frames that are not for this cluster cause nothing."""
        if self._deadline is not None and self._deadline <= now:
            self._dispatch(Trigger.TIMEOUT, Cause(self._peer(), now))
        if isinstance(event, Received):
            self._receive(event, now)
        elif isinstance(event, Computed):
            self._dispatch(Trigger.COMPUTED, Cause(self._peer(), now, computed=event))
        elif isinstance(event, Start):
            suites = event.suites
            asks = suites is None and self._settings.reads_suites
            self._attempts[event.peer.station] = Attempts(event.peer, now, suites, asks)
        elif isinstance(event, PartnerSuites):
            cause = Cause(Address(event.station), now, suites=event.suites)
            self._dispatch(Trigger.SUITES, cause)
        elif isinstance(event, Cancel | NotDelivered):
            if isinstance(event, Cancel):
                self._attempts.pop(event.station, None)
            self._dispatch(Trigger.LOST, Cause(Address(event.station), now))
        self._begin(now)
        out = tuple(self._out)
        self._out.clear()
        return out

    def _receive(self, event: Received, now: Utc) -> None:
        try:
            command = parse_command(event.octets)
        except ParseError:
            return  # not even a ZCL frame
        if command is None:
            return
        initiate = certificate = None
        if command.id is CommandId.INITIATE:
            try:
                initiate = Initiate.parse(command.payload)
                certificate = parse_certificate(Suite(initiate.suites), initiate.certificate)
            except (ParseError, ValueError):
                pass  # the table has rows for it
        trigger = _TRIGGERS[command.id, command.to_server]
        cause = Cause(event.source, now, command, event.octets, initiate, certificate)
        self._dispatch(trigger, cause)

    def _begin(self, now: Utc) -> None:
        """Start attempts that are due while nothing else runs."""
        while self.state is State.IDLE:
            due = [attempts for attempts in self._attempts.values() if attempts.due <= now]
            if not due:
                return
            first = min(due, key=lambda attempts: attempts.due)
            self._dispatch(Trigger.START, Cause(first.peer, now))

    def _dispatch(self, trigger: Trigger, cause: Cause) -> None:
        for row in _ROWS[self.state, trigger]:
            if self._conditions[row.condition](cause):
                break
        else:
            return
        self._out.append(Step(cause.source.station if cause.source else None, row))
        self._actions[row.action](cause, self._settings.status(row.status))
        if row.after is not None:
            self._enter(row.after, cause.now)
        if row.action is Action.YIELD:
            self._dispatch(trigger, cause)
        elif cause.message and row.action not in (Action.IGNORE, Action.TERMINATE, Action.END):
            self._had.add((cause.station, cause.octets))

    def _enter(self, state: State, now: Utc) -> None:
        self.state = state
        if state is State.IDLE:
            self._exchange = None
            self._deadline = None
            self._ticket += 1
        else:
            self._deadline = now.plus(self._seconds(TIMERS[state]))

    def _seconds(self, timer: Timer) -> int:
        s, (ephemeral, confirm) = self._settings, self._running().peer_times
        on_air = s.allowance + s.poll_interval
        return {
            Timer.INITIATE: s.initiate_timeout + s.poll_interval,
            Timer.PEER_EPHEMERAL: ephemeral + on_air,
            Timer.PEER_CONFIRM: confirm + on_air,
            Timer.OWN_EPHEMERAL: s.ephemeral_time,
            Timer.OWN_CONFIRM: s.confirm_time,
        }[timer]

    # Conditions

    @property
    def _is_centre(self) -> bool:
        return self.own.station == self._trust_centre

    def _is_repeat(self, cause: Cause) -> bool:
        return self._settings.ignores_repeats and (cause.station, cause.octets) in self._had

    def _is_stranger(self, cause: Cause) -> bool:
        return cause.station != self.partner

    def _is_stale(self, cause: Cause) -> bool:
        return cause.computed is None or cause.computed.ticket != self._ticket

    def _is_other_transaction(self, cause: Cause) -> bool:
        return self._settings.matches_transactions and (
            cause.message is not None and cause.message.transaction != self._running().transaction
        )

    def _yields(self, cause: Cause) -> bool:
        """The Trust Centre is the responder; of two others, the greater EUI-64 (ours, 8.2 [?])."""
        if self._trust_centre in (self.own.station, cause.station):
            return self._is_centre
        return self.own.station > cause.station

    def _lacks_partner_key(self, cause: Cause) -> bool:
        station = cause.station
        return not self._is_centre and station != self._trust_centre and not self._admits(station)

    def _is_wrong_length(self, cause: Cause) -> bool:
        command = cause.command
        if command.id is CommandId.INITIATE:
            return cause.certificate is None
        suite = self._running().credential.suite
        return len(command.payload) != (
            suite.point_size if command.id is CommandId.EPHEMERAL_DATA else MAC_SIZE
        )

    def _is_unknown_issuer(self, cause: Cause) -> bool:
        """An initiator has sent its certificate: the partner's is to be of the same issuer."""
        certificate = cause.shown
        if self._exchange is not None:
            return self._exchange.credential.issuer != certificate.issuer
        return self._held(certificate) is None

    def _is_not_valid_now(self, cause: Cause) -> bool:
        return self._settings.checks_validity and not cause.shown.is_valid_at(unix_time(cause.now))

    def _has_no_common_suite(self, cause: Cause) -> bool:
        if cause.suites is not None:
            self._attempts[cause.station].suites = cause.suites
        attempts = self._attempts[cause.station]
        return not self.suites & (self.suites if attempts.suites is None else attempts.suites)

    def _is_wrong_mac(self, cause: Cause) -> bool:
        exchange = self._running()
        if exchange.initiator:
            agreement = exchange.agreement
            return not agreement.confirms(agreement.mac_v, cause.command.payload)
        agreement = cause.agreement
        return not agreement.confirms(agreement.mac_u, exchange.peer_mac)

    # Actions

    def _terminate(self, cause: Cause, status: Status | None) -> None:
        assert status is not None  # the table has one in each such row
        payload = Terminate(status, self._settings.wait_time, self.suites).octets()
        exchange = self._exchange if cause.station == self.partner else None
        command = cause.message
        if command is not None and command.to_server:
            to_server, transaction = False, command.transaction
        elif exchange is not None and not exchange.initiator:
            to_server, transaction = False, exchange.transaction
        else:
            to_server, transaction = True, self._next_transaction()
        self._send(cause.address, CommandId.TERMINATE, to_server, transaction, payload)
        if exchange is not None:
            self._fail(cause.now, status, by_partner=False)
        else:
            self._out.append(Refused(cause.station, status))

    def _end(self, cause: Cause, status: Status | None) -> None:
        try:
            said = Terminate.parse(cause.command.payload)
        except ParseError:
            self._fail(cause.now, Status.BAD_MESSAGE, by_partner=True)
            return
        self._fail(cause.now, said.status, True, min(said.wait, MAX_SECONDS), said.suites)

    def _give_up(self, cause: Cause, status: Status | None) -> None:
        station = cause.station
        del self._attempts[station]
        self._out.append(Failed(station, True, Status.UNSUPPORTED_SUITE, False, None))

    def _ask_suites(self, cause: Cause, status: Status | None) -> None:
        attempts = self._attempts[cause.station]
        attempts.asks = False  # without an answer the next attempt takes it to have ours
        self._exchange = Exchange(attempts.peer, initiator=True)
        self._had.clear()
        self._out.append(ReadSuites(attempts.peer))

    def _send_initiate(self, cause: Cause, status: Status | None) -> None:
        attempts = self._attempts[cause.station]
        common = self.suites if attempts.suites is None else self.suites & attempts.suites
        credential = max(
            (c for c in self._credentials if c.suite & common), key=lambda c: c.suite
        )  # of one suite the first
        self._exchange = Exchange(attempts.peer, True, credential, self._next_transaction())
        self._had.clear()
        self._send_own_initiate()

    def _answer_initiate(self, cause: Cause, status: Status | None) -> None:
        initiate, certificate = cause.said, cause.shown
        self._exchange = Exchange(cause.address, False, self._held(certificate), cause.command.transaction)
        self._had.clear()
        self._take(initiate, certificate)
        self._send_own_initiate()

    def _make_ephemeral(self, cause: Cause, status: Status | None) -> None:
        exchange = self._running()
        suite = exchange.credential.suite
        if cause.initiate is not None:
            self._take(cause.initiate, cause.shown)
        else:
            command = cause.command
            exchange.transaction, exchange.peer_ephemeral = command.transaction, command.payload
        self._compute(make_ephemeral, suite, bytes(self._random(suite.seed_size)))

    def _send_ephemeral(self, cause: Cause, status: Status | None) -> None:
        exchange = self._running()
        exchange.own = own = cause.ephemeral
        if exchange.initiator:
            exchange.transaction = self._next_transaction()
        self._say(CommandId.EPHEMERAL_DATA, own.public)

    def _agree(self, cause: Cause, status: Status | None) -> None:
        exchange, command = self._running(), cause.command
        if exchange.initiator:
            exchange.peer_ephemeral = command.payload
        else:
            exchange.transaction, exchange.peer_mac = command.transaction, command.payload
        self._compute(
            agree,
            exchange.initiator,
            exchange.credential,
            exchange.own,
            exchange.certificate,
            exchange.peer_ephemeral,
        )

    def _send_confirm(self, cause: Cause, status: Status | None) -> None:
        exchange = self._running()
        exchange.agreed = agreement = cause.agreement
        exchange.transaction = self._next_transaction()
        self._say(CommandId.CONFIRM_KEY_DATA, agreement.mac_u)

    def _answer_confirm(self, cause: Cause, status: Status | None) -> None:
        self._running().agreed = agreement = cause.agreement
        self._say(CommandId.CONFIRM_KEY_DATA, agreement.mac_v)
        self._finish(cause, status)

    def _finish(self, cause: Cause, status: Status | None) -> None:
        exchange = self._running()
        station = exchange.peer.station
        self._attempts.pop(station, None)
        key = exchange.agreement.key_data
        self._out.append(Established(station, key, exchange.credential.suite, exchange.initiator))

    # What they are made of

    def _fail(
        self, now: Utc, status: int | None, by_partner: bool, wait: int = 0, suites: int | None = None
    ) -> None:
        """The exchange ends; decide whether and when its initiator tries again."""
        exchange = self._running()
        station = exchange.peer.station
        attempts = self._attempts.get(station) if exchange.initiator else None
        retry = attempts and self._retry(attempts, exchange, status, suites)
        if attempts is not None:
            if retry is None:
                del self._attempts[station]
            else:
                attempts.failed += 1
                attempts.due = now.plus(wait)
                if attempts.failed % self._settings.attempts == 0:
                    if self._settings.pause is None:
                        del self._attempts[station]
                        retry = None
                    else:
                        attempts.due = now.plus(max(wait, self._settings.pause))
        due = attempts.due if attempts is not None and retry is not None else None
        self._out.append(Failed(station, exchange.initiator, status, by_partner, due))
        if (
            by_partner
            and exchange.initiator
            and status == Status.UNKNOWN_ISSUER
            and station == self._trust_centre
            and self._settings.leaves_on_unknown_issuer
        ):
            self._out.append(LeaveNetwork())

    def _retry(
        self, attempts: Attempts, exchange: Exchange, status: int | None, suites: int | None
    ) -> Retry | None:
        """How to try again, None: not. A time-out is retried at once."""
        found = Retry.AFTER_WAIT
        if status is not None and status in RETRIES:
            found = RETRIES[Status(status)]
        if found is Retry.OTHER_SUITE and suites is not None and exchange.chosen is not None:
            attempts.suites = suites & ~exchange.credential.suite
            return found if attempts.suites & self.suites else None
        return None if found is Retry.NEVER else found

    def _take(self, initiate: Initiate, certificate: Certificate) -> None:
        exchange = self._running()
        exchange.peer_times = (initiate.ephemeral_time, initiate.confirm_time)
        exchange.certificate = certificate

    def _send_own_initiate(self) -> None:
        credential, s = self._running().credential, self._settings
        initiate = Initiate(credential.suite, s.ephemeral_time, s.confirm_time, credential.certificate.octets)
        self._say(CommandId.INITIATE, initiate.octets())

    def _compute(self, function: Callable[..., object], *arguments: object) -> None:
        self._ticket += 1
        self._out.append(Compute(self._ticket, function, arguments))

    def _say(self, command: CommandId, payload: bytes) -> None:
        """A request or response of the exchange."""
        exchange = self._running()
        self._send(exchange.peer, command, exchange.initiator, exchange.transaction, payload)

    def _send(
        self, peer: Address, command: CommandId, to_server: bool, transaction: int, payload: bytes
    ) -> None:
        self._out.append(Send(peer, Command(command, to_server, transaction, payload).octets))

    def _next_transaction(self) -> int:
        number = self._transaction
        self._transaction = (number + 1) & 0xFF
        return number

    def _held(self, certificate: Certificate) -> CbkeCredential | None:
        """The own credential of a certificate's suite and issuer."""
        wanted = (certificate.suite, certificate.issuer)
        return next((c for c in self._credentials if (c.suite, c.issuer) == wanted), None)

    def _peer(self) -> Address | None:
        return self._exchange.peer if self._exchange else None

    def _running(self) -> Exchange:
        assert self._exchange is not None  # in every state but IDLE
        return self._exchange
