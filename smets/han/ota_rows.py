"""The state machine of an OTA client as one table.

The first row of a state and trigger is followed; a trigger without one changes nothing. Source:
ZigBee OTA Upgrade (reference: chts-hub 16.2), which has the commands, not the states: those are
ours, and each shows as an ImageUpgradeStatus.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum, IntEnum
from typing import NamedTuple


class UpgradeStatus(IntEnum):
    """ImageUpgradeStatus. Gap: chts-hub 16.2 has no values; these are those of the ZCL, as zigpy has them."""

    NORMAL = 0x00
    IN_PROGRESS = 0x01
    COMPLETE = 0x02
    WAITING = 0x03
    COUNT_DOWN = 0x04
    WAIT_FOR_MORE = 0x05
    EXTERNAL_EVENT = 0x06


class State(Enum):
    """Where a client stands."""

    IDLE = "no image is here"
    ASKING = "has asked for an image"
    RECEIVING = "fetches an image"
    ENDING = "an image is here, the server is being told"
    REFUSING = "an image was refused, the server is being told"
    WAITING = "an image is here and waits for its activation"
    ASKING_ANEW = "as before, and has asked for another"


class Trigger(Enum):
    """What may move a client."""

    LINK_UP = "the hub can be reached"
    TURN = "the time to ask has come"
    OVERDUE = "no answer in time"
    EXHAUSTED = "no answer to any of the requests"
    NOTIFIED = "Image Notify that means this client"
    OFFERED = "Query Next Image Response: an image to fetch"
    UNFIT = "Query Next Image Response: an image there is no room for"
    NOTHING = "Query Next Image Response: none, or none to fetch"
    BLOCK = "Image Block Response: the octets asked for"
    WHOLE = "Image Block Response: the last octets, and the image is sound"
    BAD = "Image Block Response: octets of an image that is not sound"
    WAIT = "Image Block Response: later"
    ABORTED = "Image Block Response: never"
    ANSWERED = "Upgrade End Response, or a Default Response to its request"
    REFUSED = "a Default Response to another request"
    ACTIVATED = "the image that is here runs now"


class Action(Enum):
    """What is done."""

    TIDY = "forget what can no longer be activated"
    PLAN = "ask for an image soon"
    ASK_IMAGE = "send Query Next Image Request"
    BEGIN = "fetch the image from its start, or from where it was left"
    ASK_BLOCK = "send Image Block Request"
    KEEP = "store the octets, send Image Block Request"
    PAUSE = "send Image Block Request later"
    FINISH = "store the octets, hand the image on, send Upgrade End Request: SUCCESS"
    REFUSE = "drop the image, send Upgrade End Request: INVALID IMAGE"
    DECLINE = "send Upgrade End Request: ABORT"
    SEND_END = "send Upgrade End Request once more"
    DROP = "drop what came, ask for an image later"
    RETRY = "ask for an image later"
    REST = "ask for an image much later"


class Transition(NamedTuple):
    """One row. `held`: only if an image waits for its activation, only if none does; None: either."""

    before: frozenset[State]
    triggers: frozenset[Trigger]
    held: bool | None
    action: Action
    after: State


def _row(
    before: Iterable[State] | State,
    triggers: Iterable[Trigger] | Trigger,
    action: Action,
    after: State,
    held: bool | None = None,
) -> Transition:
    states = frozenset((before,) if isinstance(before, State) else before)
    causes = frozenset((triggers,) if isinstance(triggers, Trigger) else triggers)
    return Transition(states, causes, held, action, after)


def _resting(
    before: Iterable[State] | State, triggers: Iterable[Trigger] | Trigger, action: Action
) -> tuple[Transition, Transition]:
    """Back to where a client rests: with an image that waits, or without."""
    return (
        _row(before, triggers, action, State.WAITING, held=True),
        _row(before, triggers, action, State.IDLE, held=False),
    )


_S, _T, _A = State, Trigger, Action
_ASKING = (_S.ASKING, _S.ASKING_ANEW)
_UNANSWERED = (_T.REFUSED, _T.EXHAUSTED)

TRANSITIONS: tuple[Transition, ...] = (
    # An image is asked for
    _row(_S.IDLE, _T.LINK_UP, _A.PLAN, _S.IDLE),
    _row(_S.WAITING, _T.LINK_UP, _A.PLAN, _S.WAITING),
    _row(_S.IDLE, (_T.TURN, _T.NOTIFIED), _A.ASK_IMAGE, _S.ASKING),
    _row(_S.WAITING, (_T.TURN, _T.NOTIFIED), _A.ASK_IMAGE, _S.ASKING_ANEW),
    _row(_S.ASKING, (_T.LINK_UP, _T.OVERDUE), _A.ASK_IMAGE, _S.ASKING),
    _row(_S.ASKING_ANEW, (_T.LINK_UP, _T.OVERDUE), _A.ASK_IMAGE, _S.ASKING_ANEW),
    _row(_ASKING, _T.OFFERED, _A.BEGIN, _S.RECEIVING),
    _row(_ASKING, _T.UNFIT, _A.DECLINE, _S.REFUSING),
    *_resting(_ASKING, _T.NOTHING, _A.REST),
    *_resting(_ASKING, _UNANSWERED, _A.RETRY),
    # Its blocks are fetched; what came is kept until it is dropped
    _row(_S.RECEIVING, (_T.LINK_UP, _T.TURN, _T.OVERDUE), _A.ASK_BLOCK, _S.RECEIVING),
    _row(_S.RECEIVING, _T.BLOCK, _A.KEEP, _S.RECEIVING),
    _row(_S.RECEIVING, _T.WAIT, _A.PAUSE, _S.RECEIVING),
    _row(_S.RECEIVING, _T.WHOLE, _A.FINISH, _S.ENDING),
    _row(_S.RECEIVING, _T.BAD, _A.REFUSE, _S.REFUSING),
    *_resting(_S.RECEIVING, _T.ABORTED, _A.DROP),
    *_resting(_S.RECEIVING, _UNANSWERED, _A.RETRY),
    # The server is told; the image is here whether it hears so or not
    _row(_S.ENDING, (_T.LINK_UP, _T.OVERDUE), _A.SEND_END, _S.ENDING),
    _row(_S.ENDING, (_T.ANSWERED, _T.EXHAUSTED), _A.REST, _S.WAITING),
    _row(_S.REFUSING, (_T.LINK_UP, _T.OVERDUE), _A.SEND_END, _S.REFUSING),
    *_resting(_S.REFUSING, (_T.ANSWERED, _T.EXHAUSTED), _A.RETRY),
    # Activation is out of band
    _row((_S.WAITING, _S.ENDING), _T.ACTIVATED, _A.TIDY, _S.IDLE),
    _row(_S.ASKING_ANEW, _T.ACTIVATED, _A.TIDY, _S.ASKING),
    *(_row(state, _T.ACTIVATED, _A.TIDY, state) for state in (_S.IDLE, _S.ASKING, _S.RECEIVING, _S.REFUSING)),
)  # fmt: skip

STATUSES: dict[State, UpgradeStatus | None] = {
    State.IDLE: UpgradeStatus.NORMAL,
    State.ASKING: UpgradeStatus.NORMAL,
    State.RECEIVING: UpgradeStatus.IN_PROGRESS,
    State.ENDING: UpgradeStatus.COMPLETE,
    State.REFUSING: UpgradeStatus.NORMAL,
    State.WAITING: None,
    State.ASKING_ANEW: None,
}
"""The ImageUpgradeStatus of a state; None: the setting for an image that waits."""


def row_of(state: State, trigger: Trigger, held: bool) -> Transition | None:
    """The row to follow, or None."""
    for row in TRANSITIONS:
        if state in row.before and trigger in row.triggers and row.held in (None, held):
            return row
    return None
