"""The state machine of key establishment as one table, both roles.

The first row of a state and trigger whose condition holds is followed; a trigger without
such a row changes nothing. Sections are those of the reference, se-security.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum
from typing import NamedTuple

from .key_establishment_frames import Status


class State(Enum):
    """Where an exchange stands. U is the initiator, V the responder."""

    IDLE = "idle"
    READING = "U waits for the partner's suites"
    INITIATING = "U waits for Initiate Response"
    U_MAKING = "U computes its ephemeral key"
    U_EXCHANGING = "U waits for Ephemeral Data Response"
    U_AGREEING = "U computes the key"
    U_CONFIRMING = "U waits for Confirm Key Data Response"
    V_EXCHANGING = "V waits for Ephemeral Data Request"
    V_MAKING = "V computes its ephemeral key"
    V_CONFIRMING = "V waits for Confirm Key Data Request"
    V_AGREEING = "V computes the key"


class Trigger(Enum):
    """What may move an exchange."""

    START = "an attempt is due"
    SUITES = "the partner's suites were read"
    INITIATE_REQUEST = "Initiate Request"
    INITIATE_RESPONSE = "Initiate Response"
    EPHEMERAL_REQUEST = "Ephemeral Data Request"
    EPHEMERAL_RESPONSE = "Ephemeral Data Response"
    CONFIRM_REQUEST = "Confirm Key Data Request"
    CONFIRM_RESPONSE = "Confirm Key Data Response"
    TERMINATE = "Terminate"
    COMPUTED = "a calculation is done"
    TIMEOUT = "time is up"
    LOST = "the partner cannot be reached"


class Condition(Enum):
    """Conditions of a row."""

    ALWAYS = "-"
    REPEAT = "an octet-identical repeat of what this exchange had"
    LATE_REPEAT = "an octet-identical repeat of what the last exchange had"
    STRANGER = "not from the partner"
    STALE = "of another exchange"
    OTHER_TRANSACTION = "with another transaction number than the request (setting)"
    YIELDS = "this side is to be the responder"
    RESTARTS = "a partner may begin again (setting)"
    UNLISTED = "this is the Trust Centre and does not admit the sender"
    NO_PARTNER_KEY = "neither is the Trust Centre, and there is no partner link key"
    UNREADABLE = "shorter than suite and times"
    NOT_ONE_SUITE = "not exactly one suite"
    UNSUPPORTED = "a suite that is not supported, or without a certificate"
    OTHER_SUITE = "not the suite of the request"
    BAD_TIME = "a generate time of FF"
    WRONG_LENGTH = "a length the suite does not have"
    UNKNOWN_ISSUER = "an issuer whose key is not held"
    BAD_CERTIFICATE = "type, curve, hash or key usage of the certificate"
    NOT_VALID_NOW = "the certificate is not valid at this time (setting)"
    OTHER_SUBJECT = "a certificate of another device"
    NO_COMMON_SUITE = "no suite in common"
    ASKS_SUITES = "the partner's suites are to be read (setting)"
    NO_AGREEMENT = "a point is not valid"
    WRONG_MAC = "the confirmation is another one"


class Action(Enum):
    """What is done."""

    IGNORE = "nothing"
    TERMINATE = "send Terminate to the sender"
    FAIL = "give the attempt up, send nothing"
    END = "give the attempt up as the partner says"
    GIVE_UP = "give all attempts up"
    YIELD = "drop the own exchange and take the message anew"
    ASK_SUITES = "read the partner's KeyEstablishmentSuite"
    SEND_INITIATE = "send Initiate Request"
    ANSWER_INITIATE = "send Initiate Response"
    MAKE_EPHEMERAL = "compute an ephemeral key"
    SEND_EPHEMERAL = "send Ephemeral Data Request"
    ANSWER_EPHEMERAL = "send Ephemeral Data Response"
    AGREE = "compute the key"
    SEND_CONFIRM = "send Confirm Key Data Request"
    FINISH = "install the key"
    ANSWER_CONFIRM = "send Confirm Key Data Response, install the key"


class Choice(Enum):
    """Statuses the reference leaves open, by the name of their setting."""

    SUBJECT = "subject_mismatch"
    UNLISTED = "unlisted"
    BAD_POINT = "invalid_point"


class Transition(NamedTuple):
    """One row. `after` None: the state stays; `status` is that of a Terminate."""

    before: frozenset[State]
    triggers: frozenset[Trigger]
    condition: Condition
    action: Action
    after: State | None
    status: Status | Choice | None
    rule: str


def _row(
    before: Iterable[State] | State,
    triggers: Iterable[Trigger] | Trigger,
    condition: Condition,
    action: Action,
    after: State | None,
    status: Status | Choice | None,
    rule: str,
) -> Transition:
    states = frozenset((before,) if isinstance(before, State) else before)
    causes = frozenset((triggers,) if isinstance(triggers, Trigger) else triggers)
    return Transition(states, causes, condition, action, after, status, rule)


_S, _T, _C, _A = State, Trigger, Condition, Action
REQUESTS = (_T.INITIATE_REQUEST, _T.EPHEMERAL_REQUEST, _T.CONFIRM_REQUEST)
RESPONSES = (_T.INITIATE_RESPONSE, _T.EPHEMERAL_RESPONSE, _T.CONFIRM_RESPONSE)
_MESSAGES = REQUESTS + RESPONSES
_BUT_INITIATE = _MESSAGES[1:]
_BUSY = tuple(state for state in State if state is not _S.IDLE)
_U = (_S.INITIATING, _S.U_MAKING, _S.U_EXCHANGING, _S.U_AGREEING, _S.U_CONFIRMING)
_V = (_S.V_EXCHANGING, _S.V_MAKING, _S.V_CONFIRMING, _S.V_AGREEING)
_OURS = "ours: the reference is silent"

TRANSITIONS: tuple[Transition, ...] = (
    # Whatever the state: repeats, strangers, what comes too late
    _row(_BUSY, _MESSAGES, _C.REPEAT, _A.IGNORE, None, None, _OURS),
    _row(_S.IDLE, _BUT_INITIATE, _C.LATE_REPEAT, _A.IGNORE, None, None, _OURS),
    _row(_BUSY, _T.INITIATE_REQUEST, _C.STRANGER, _A.TERMINATE, None, Status.NO_RESOURCES, "8.2"),
    _row(_BUSY, _BUT_INITIATE, _C.STRANGER, _A.TERMINATE, None, Status.BAD_MESSAGE, "8.2"),
    _row(_BUSY, _T.TERMINATE, _C.STRANGER, _A.IGNORE, None, None, "8.2"),
    _row(_BUSY, _T.TERMINATE, _C.ALWAYS, _A.END, _S.IDLE, None, "8.2"),
    _row(State, _T.COMPUTED, _C.STALE, _A.IGNORE, None, None, _OURS),
    _row(_BUSY, _T.TIMEOUT, _C.ALWAYS, _A.FAIL, _S.IDLE, None, "8.3"),
    _row(_BUSY, _T.LOST, _C.STRANGER, _A.IGNORE, None, None, "8.3"),
    _row(_BUSY, _T.LOST, _C.ALWAYS, _A.FAIL, _S.IDLE, None, "8.3"),
    _row(_U, RESPONSES, _C.OTHER_TRANSACTION, _A.IGNORE, None, None, _OURS),
    # Both at once, or the partner begins again
    _row(_S.READING, _T.INITIATE_REQUEST, _C.ALWAYS, _A.YIELD, _S.IDLE, None, "8.2, and " + _OURS),
    _row(_S.INITIATING, _T.INITIATE_REQUEST, _C.YIELDS, _A.YIELD, _S.IDLE, None, "8.2"),
    _row(_S.INITIATING, _T.INITIATE_REQUEST, _C.ALWAYS, _A.IGNORE, None, None, "8.2"),
    _row(_V, _T.INITIATE_REQUEST, _C.RESTARTS, _A.YIELD, _S.IDLE, None, _OURS),
    # The responder
    _row(_S.IDLE, _T.INITIATE_REQUEST, _C.UNLISTED, _A.TERMINATE, None, Choice.UNLISTED, _OURS),
    _row(_S.IDLE, _T.INITIATE_REQUEST, _C.NO_PARTNER_KEY, _A.TERMINATE, None, Status.NO_RESOURCES, "8.2"),
    _row(_S.IDLE, _T.INITIATE_REQUEST, _C.UNREADABLE, _A.TERMINATE, None, Status.BAD_MESSAGE, "8.2"),
    _row(_S.IDLE, _T.INITIATE_REQUEST, _C.NOT_ONE_SUITE, _A.TERMINATE, None, Status.BAD_MESSAGE, "8.2"),
    _row(_S.IDLE, _T.INITIATE_REQUEST, _C.UNSUPPORTED, _A.TERMINATE, None, Status.UNSUPPORTED_SUITE, "8.2"),
    _row(_S.IDLE, _T.INITIATE_REQUEST, _C.BAD_TIME, _A.TERMINATE, None, Status.BAD_MESSAGE, "8.2"),
    _row(_S.IDLE, _T.INITIATE_REQUEST, _C.WRONG_LENGTH, _A.TERMINATE, None, Status.BAD_MESSAGE, "8.2"),
    _row(_S.IDLE, _T.INITIATE_REQUEST, _C.UNKNOWN_ISSUER, _A.TERMINATE, None, Status.UNKNOWN_ISSUER, "8.2"),
    _row(_S.IDLE, _T.INITIATE_REQUEST, _C.BAD_CERTIFICATE, _A.TERMINATE, None, Status.INVALID_CERTIFICATE, "8.2"),
    _row(_S.IDLE, _T.INITIATE_REQUEST, _C.NOT_VALID_NOW, _A.TERMINATE, None, Status.INVALID_CERTIFICATE, "4.2"),
    _row(_S.IDLE, _T.INITIATE_REQUEST, _C.OTHER_SUBJECT, _A.TERMINATE, None, Choice.SUBJECT, "8.2"),
    _row(_S.IDLE, _T.INITIATE_REQUEST, _C.ALWAYS, _A.ANSWER_INITIATE, _S.V_EXCHANGING, None, "8.2"),
    _row(_S.V_EXCHANGING, _T.EPHEMERAL_REQUEST, _C.WRONG_LENGTH, _A.TERMINATE, _S.IDLE, Status.BAD_MESSAGE, "8.2"),
    _row(_S.V_EXCHANGING, _T.EPHEMERAL_REQUEST, _C.ALWAYS, _A.MAKE_EPHEMERAL, _S.V_MAKING, None, "8.2"),
    _row(_S.V_MAKING, _T.COMPUTED, _C.ALWAYS, _A.ANSWER_EPHEMERAL, _S.V_CONFIRMING, None, "8.2"),
    _row(_S.V_CONFIRMING, _T.CONFIRM_REQUEST, _C.WRONG_LENGTH, _A.TERMINATE, _S.IDLE, Status.BAD_MESSAGE, _OURS),
    _row(_S.V_CONFIRMING, _T.CONFIRM_REQUEST, _C.ALWAYS, _A.AGREE, _S.V_AGREEING, None, "8.2"),
    _row(_S.V_AGREEING, _T.COMPUTED, _C.NO_AGREEMENT, _A.TERMINATE, _S.IDLE, Choice.BAD_POINT, "8.2"),
    _row(_S.V_AGREEING, _T.COMPUTED, _C.WRONG_MAC, _A.TERMINATE, _S.IDLE, Status.BAD_KEY_CONFIRM, "8.2"),
    _row(_S.V_AGREEING, _T.COMPUTED, _C.ALWAYS, _A.ANSWER_CONFIRM, _S.IDLE, None, "8.2"),
    # The initiator
    _row(_S.IDLE, _T.START, _C.NO_COMMON_SUITE, _A.GIVE_UP, None, None, "8.1"),
    _row(_S.IDLE, _T.START, _C.ASKS_SUITES, _A.ASK_SUITES, _S.READING, None, "8.1"),
    _row(_S.IDLE, _T.START, _C.ALWAYS, _A.SEND_INITIATE, _S.INITIATING, None, "8.1"),
    _row(_S.READING, _T.SUITES, _C.STRANGER, _A.IGNORE, None, None, _OURS),
    _row(_S.READING, _T.SUITES, _C.NO_COMMON_SUITE, _A.GIVE_UP, _S.IDLE, None, "8.1"),
    _row(_S.READING, _T.SUITES, _C.ALWAYS, _A.SEND_INITIATE, _S.INITIATING, None, "8.1"),
    _row(_S.INITIATING, _T.INITIATE_RESPONSE, _C.UNREADABLE, _A.TERMINATE, _S.IDLE, Status.BAD_MESSAGE, "8.1"),
    _row(_S.INITIATING, _T.INITIATE_RESPONSE, _C.OTHER_SUITE, _A.TERMINATE, _S.IDLE, Status.BAD_MESSAGE, "8.1"),
    _row(_S.INITIATING, _T.INITIATE_RESPONSE, _C.BAD_TIME, _A.TERMINATE, _S.IDLE, Status.BAD_MESSAGE, "8.1"),
    _row(_S.INITIATING, _T.INITIATE_RESPONSE, _C.WRONG_LENGTH, _A.TERMINATE, _S.IDLE, Status.BAD_MESSAGE, "8.1"),
    _row(_S.INITIATING, _T.INITIATE_RESPONSE, _C.UNKNOWN_ISSUER, _A.TERMINATE, _S.IDLE, Status.UNKNOWN_ISSUER, "8.1"),
    _row(_S.INITIATING, _T.INITIATE_RESPONSE, _C.BAD_CERTIFICATE, _A.TERMINATE, _S.IDLE, Status.INVALID_CERTIFICATE, "8.1"),
    _row(_S.INITIATING, _T.INITIATE_RESPONSE, _C.NOT_VALID_NOW, _A.TERMINATE, _S.IDLE, Status.INVALID_CERTIFICATE, "4.2"),
    _row(_S.INITIATING, _T.INITIATE_RESPONSE, _C.OTHER_SUBJECT, _A.TERMINATE, _S.IDLE, Choice.SUBJECT, "8.1"),
    _row(_S.INITIATING, _T.INITIATE_RESPONSE, _C.ALWAYS, _A.MAKE_EPHEMERAL, _S.U_MAKING, None, "8.1"),
    _row(_S.U_MAKING, _T.COMPUTED, _C.ALWAYS, _A.SEND_EPHEMERAL, _S.U_EXCHANGING, None, "8.1"),
    _row(_S.U_EXCHANGING, _T.EPHEMERAL_RESPONSE, _C.WRONG_LENGTH, _A.TERMINATE, _S.IDLE, Status.BAD_MESSAGE, "8.1"),
    _row(_S.U_EXCHANGING, _T.EPHEMERAL_RESPONSE, _C.ALWAYS, _A.AGREE, _S.U_AGREEING, None, "8.1"),
    _row(_S.U_AGREEING, _T.COMPUTED, _C.NO_AGREEMENT, _A.TERMINATE, _S.IDLE, Choice.BAD_POINT, "8.1"),
    _row(_S.U_AGREEING, _T.COMPUTED, _C.ALWAYS, _A.SEND_CONFIRM, _S.U_CONFIRMING, None, "8.1"),
    _row(_S.U_CONFIRMING, _T.CONFIRM_RESPONSE, _C.WRONG_LENGTH, _A.TERMINATE, _S.IDLE, Status.BAD_MESSAGE, _OURS),
    _row(_S.U_CONFIRMING, _T.CONFIRM_RESPONSE, _C.WRONG_MAC, _A.TERMINATE, _S.IDLE, Status.BAD_KEY_CONFIRM, "8.1"),
    _row(_S.U_CONFIRMING, _T.CONFIRM_RESPONSE, _C.ALWAYS, _A.FINISH, _S.IDLE, None, "8.1"),
    # Anything else is out of place; it ends the exchange it belongs to
    _row(_BUSY, _MESSAGES, _C.ALWAYS, _A.TERMINATE, _S.IDLE, Status.BAD_MESSAGE, "8.2"),
    _row(_S.IDLE, _BUT_INITIATE, _C.ALWAYS, _A.TERMINATE, None, Status.BAD_MESSAGE, "8.2"),
    _row(_S.IDLE, _T.TERMINATE, _C.ALWAYS, _A.IGNORE, None, None, "8.2"),
)  # fmt: skip


class Timer(Enum):
    """How long a state lasts at most."""

    INITIATE = "T1, setting"
    PEER_EPHEMERAL = "T2: the partner's Ephemeral Data Generate Time and the allowance"
    PEER_CONFIRM = "T3: the partner's Confirm Key Generate Time and the allowance"
    OWN_EPHEMERAL = "the own Ephemeral Data Generate Time"
    OWN_CONFIRM = "the own Confirm Key Generate Time"


TIMERS: dict[State, Timer] = {
    State.READING: Timer.INITIATE,
    State.INITIATING: Timer.INITIATE,
    State.U_MAKING: Timer.OWN_EPHEMERAL,
    State.U_EXCHANGING: Timer.PEER_EPHEMERAL,
    State.U_AGREEING: Timer.OWN_CONFIRM,
    State.U_CONFIRMING: Timer.PEER_CONFIRM,
    State.V_EXCHANGING: Timer.PEER_EPHEMERAL,
    State.V_MAKING: Timer.OWN_EPHEMERAL,
    State.V_CONFIRMING: Timer.PEER_CONFIRM,
    State.V_AGREEING: Timer.OWN_CONFIRM,
}


class Retry(Enum):
    """What an initiator does after a Terminate."""

    NEVER = "another attempt would not work"
    AFTER_WAIT = "after the wait time"
    OTHER_SUITE = "with another suite both have, after the wait time, or never"


RETRIES: dict[Status, Retry] = {
    Status.UNKNOWN_ISSUER: Retry.NEVER,
    Status.BAD_KEY_CONFIRM: Retry.NEVER,
    Status.BAD_MESSAGE: Retry.AFTER_WAIT,
    Status.NO_RESOURCES: Retry.AFTER_WAIT,
    Status.UNSUPPORTED_SUITE: Retry.OTHER_SUITE,
    Status.INVALID_CERTIFICATE: Retry.NEVER,
}
"""Section 7; a status nobody knows is retried after the wait time."""
