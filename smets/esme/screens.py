"""The user interface of an electricity meter as tables: two buttons, screens, and what they lead to.

One button goes on (`NEXT`), the other takes what is shown (`TAKE`); held down the first goes back and the
other goes home to the default item. `TRANSITIONS` says what a press does on a screen: the first row of
a screen and press whose guard holds is followed; without one nothing happens. `FUNCTIONS` says what may
be done, what has to be entered for it, and which event it is for the meter; all of them are confirmed.

Source: SMETS 5.6.2 (reference: smets-esme 8: what there has to be, and that two buttons suffice; seed
340-343, 192). Screens and presses are ours.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from typing import NamedTuple

from gbcs.ids import EntityId

from ..behaviours.auxiliary import BOOST
from ..behaviours.boost import CancelBoost, ExtendBoost, StartBoost
from ..behaviours.charging import EMERGENCY_ACTIVE
from ..behaviours.pairing import PairDevice, UnpairDevice
from ..behaviours.payment import EMERGENCY_ACTION, emergency_available
from ..behaviours.privacy_pin import LONGEST, ClearPin, EnterPin, LeaveMenu, Lock, SetPin, lock_of
from ..behaviours.supply import ENABLE_ACTION, State, state_of
from ..behaviours.topup import TokenEntered
from ..events import Event, UserAction
from ..work import Work
from .messages import MessageConfirmed, confirmed

UTRN_DIGITS = 20
STATION_DIGITS = 16
MESSAGE = "SupplierMessage"


class Press(Enum):
    """What a finger does: which button, and for how long."""

    NEXT = "first button, short"
    BACK = "first button, long"
    TAKE = "second button, short"
    HOME = "second button, long"


class Screen(Enum):
    """What is shown."""

    ITEMS = "a data item"
    MENU = "a function"
    CODE = "a code that is entered"
    CHOICE = "minutes to choose"
    CONFIRM = "yes or no"
    RESULT = "what came of it"


class Guard(Enum):
    """Conditions of a row."""

    NONE = "-"
    LOCKED = "the PIN is needed for it"
    ASKS_CODE = "a code is asked for next"
    ASKS_CHOICE = "minutes are asked for next"
    SYMBOL = "the mark shown is one of a code, and more may follow"
    SYMBOL_TO_CODE = "it is the last mark of a code, another code is asked for next"
    END_TO_CODE = "the code is ended, another code is asked for next"
    DONE = "the code is whole, or ended"
    EMPTY = "nothing is entered yet"


class Act(Enum):
    """What a row does beside going to a screen."""

    NOTHING = "-"
    ITEM = "the next item"
    FUNCTION = "the next function on offer"
    FIRST = "the first function on offer"
    BEGIN = "begin with what it asks for"
    ASK_PIN = "begin with entering the PIN instead"
    MARK = "the next mark"
    KEEP = "keep the mark"
    FINISH = "keep the answer, begin the next"
    ERASE = "take the last mark away"
    MINUTES = "the next choice"
    DO = "give the event to the meter"
    FORGET = "forget what was entered"
    LEAVE = "forget what was entered, go to the default item"


class Row(NamedTuple):
    """One row of the table."""

    before: Screen
    press: Press
    guard: Guard
    act: Act
    after: Screen


_S, _P, _G, _A = Screen, Press, Guard, Act
# fmt: off
TRANSITIONS: tuple[Row, ...] = (
    Row(_S.ITEMS, _P.NEXT, _G.NONE, _A.ITEM, _S.ITEMS),
    Row(_S.ITEMS, _P.TAKE, _G.NONE, _A.FIRST, _S.MENU),
    Row(_S.ITEMS, _P.BACK, _G.NONE, _A.LEAVE, _S.ITEMS),
    Row(_S.MENU, _P.NEXT, _G.NONE, _A.FUNCTION, _S.MENU),
    Row(_S.MENU, _P.TAKE, _G.LOCKED, _A.ASK_PIN, _S.CODE),
    Row(_S.MENU, _P.TAKE, _G.ASKS_CODE, _A.BEGIN, _S.CODE),
    Row(_S.MENU, _P.TAKE, _G.ASKS_CHOICE, _A.BEGIN, _S.CHOICE),
    Row(_S.MENU, _P.TAKE, _G.NONE, _A.BEGIN, _S.CONFIRM),
    Row(_S.MENU, _P.BACK, _G.NONE, _A.FORGET, _S.ITEMS),
    Row(_S.CODE, _P.NEXT, _G.NONE, _A.MARK, _S.CODE),
    Row(_S.CODE, _P.TAKE, _G.SYMBOL, _A.KEEP, _S.CODE),
    Row(_S.CODE, _P.TAKE, _G.SYMBOL_TO_CODE, _A.FINISH, _S.CODE),
    Row(_S.CODE, _P.TAKE, _G.END_TO_CODE, _A.FINISH, _S.CODE),
    Row(_S.CODE, _P.TAKE, _G.DONE, _A.FINISH, _S.CONFIRM),
    Row(_S.CODE, _P.BACK, _G.EMPTY, _A.FORGET, _S.MENU),
    Row(_S.CODE, _P.BACK, _G.NONE, _A.ERASE, _S.CODE),
    Row(_S.CHOICE, _P.NEXT, _G.NONE, _A.MINUTES, _S.CHOICE),
    Row(_S.CHOICE, _P.TAKE, _G.NONE, _A.FINISH, _S.CONFIRM),
    Row(_S.CHOICE, _P.BACK, _G.NONE, _A.FORGET, _S.MENU),
    Row(_S.CONFIRM, _P.TAKE, _G.NONE, _A.DO, _S.RESULT),
    Row(_S.CONFIRM, _P.NEXT, _G.NONE, _A.FORGET, _S.MENU),
    Row(_S.CONFIRM, _P.BACK, _G.NONE, _A.FORGET, _S.MENU),
    Row(_S.RESULT, _P.NEXT, _G.NONE, _A.FIRST, _S.MENU),
    Row(_S.RESULT, _P.TAKE, _G.NONE, _A.FIRST, _S.MENU),
    Row(_S.RESULT, _P.BACK, _G.NONE, _A.FORGET, _S.ITEMS),
    *(Row(screen, _P.HOME, _G.NONE, _A.LEAVE, _S.ITEMS) for screen in Screen),
)
# fmt: on


class Code(NamedTuple):
    """A code to enter: its marks, how many at least and at most; `secret`: only how many are shown."""

    title: str
    marks: str
    least: int
    most: int
    secret: bool = False


class Minutes(NamedTuple):
    """A choice of minutes."""

    title: str
    choices: tuple[int, ...]


DECIMAL, HEX = "0123456789", "0123456789ABCDEF"
END = "end"  # behind the marks of a code that may be shorter than its most


class Function(NamedTuple):
    """Something a person can do: what it asks for, when it is on offer, and the event it is.

    `make` takes the answers in the order they were asked for, and the unit of work it is done in view of.
    `guarded`: the PIN has to be entered before, where one is set.
    """

    title: str
    asks: tuple[Code | Minutes, ...]
    offered: Callable[[Work], bool]
    guarded: bool
    make: Callable[[Work, tuple[str, ...]], Event]


def _always(work: Work) -> bool:
    return True


def _has_pin(work: Work) -> bool:
    return lock_of(work) is not Lock.NONE


def _emergency(work: Work) -> bool:
    return work.value(EMERGENCY_ACTIVE) is not True and emergency_available(work)


def _boosts(work: Work) -> bool:
    """Boost itself says whether one may begin; a meter without controllers does not offer it."""
    return any(
        work.item(f"BoostFunctionControl{n}") is True
        for n in range(1, 6)
        if f"BoostFunctionControl{n}" in work.defaults
    )


def _boost_runs(work: Work) -> bool:
    return work.value(BOOST) is not None


def _unconfirmed(work: Work) -> bool:
    return bool(work.item(MESSAGE)) and confirmed(work) is None


MESSAGE_ID = 1
"""Gap: a supplier's message comes to an ESME without an identifier; as `PublishSettings.message_id`."""


def functions(
    pin_digits: int = 4, boost: tuple[int, ...] = (15, 30, 45, 60), message_id: int = MESSAGE_ID
) -> tuple[Function, ...]:
    """The functions in the order of the menu.

    `pin_digits`: of a Privacy PIN. `boost`: the minutes to choose from (smets-esme 15, one maker's).
    """
    pin = Code("PIN", DECIMAL, pin_digits, pin_digits, secret=True)
    new_pin = Code("new PIN", DECIMAL, pin_digits, pin_digits)
    station = Code("device", HEX, STATION_DIGITS, STATION_DIGITS)
    passkey = Code("passkey", DECIMAL, 0, LONGEST)
    minutes = Minutes("minutes", boost)
    return (
        Function(
            "top up",
            (Code("UTRN", DECIMAL, UTRN_DIGITS, UTRN_DIGITS),),
            _always,
            False,
            lambda work, given: TokenEntered(given[0]),
        ),
        Function(EMERGENCY_ACTION, (), _emergency, False, lambda work, given: UserAction(EMERGENCY_ACTION)),
        Function(
            ENABLE_ACTION,
            (),
            lambda work: state_of(work) is State.ARMED,
            True,
            lambda work, given: UserAction(ENABLE_ACTION),
        ),
        Function(
            "confirm the message",
            (),
            _unconfirmed,
            True,
            lambda work, given: MessageConfirmed(message_id, work.time.seconds),
        ),
        Function("start boost", (minutes,), _boosts, False, lambda work, given: StartBoost(int(given[0]))),
        Function(
            "extend boost", (minutes,), _boost_runs, False, lambda work, given: ExtendBoost(int(given[0]))
        ),
        Function("cancel boost", (), _boost_runs, False, lambda work, given: CancelBoost()),
        Function(
            "pair a device",
            (station, passkey),
            _always,
            True,
            lambda work, given: PairDevice(EntityId.parse(given[0]), given[1]),
        ),
        Function(
            "unpair a device",
            (station,),
            _always,
            True,
            lambda work, given: UnpairDevice(EntityId.parse(given[0])),
        ),
        Function("enter the PIN", (pin,), _has_pin, False, lambda work, given: EnterPin(given[0])),
        Function("set a PIN", (new_pin,), _always, True, lambda work, given: SetPin(given[0])),
        Function("clear the PIN", (), _has_pin, True, lambda work, given: ClearPin()),
        Function("leave", (), _has_pin, False, lambda work, given: LeaveMenu()),
    )


ENTER_PIN = "enter the PIN"
