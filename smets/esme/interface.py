"""A meter with its two buttons and its display, without I/O: presses in, what is shown out.

What was pressed lives here and nowhere else: nothing of a half-entered code is in the store, and it is
gone with power, with a restart and when the display goes back to its default item. All that a person
does with the meter ends in the events that its behaviours take, through `Device.handle`. Source: SMETS
5.6.2 (reference: smets-esme 8 and 15).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from gbcs.errors import BuildError
from gbcs.time import Utc

from ..behaviours.privacy_pin import LONGEST, LeaveMenu, Lock, StillThere, is_locked, lock_of
from ..device import POWER_LOST, Device
from ..events import Effect, Event, Happened, PowerLost, ProfileEvent
from ..work import Work
from .display import DEFAULT, Display
from .screens import (
    END,
    ENTER_PIN,
    MESSAGE_ID,
    TRANSITIONS,
    Act,
    Code,
    Function,
    Guard,
    Minutes,
    Press,
    Row,
    Screen,
    functions,
)


@dataclass(frozen=True, slots=True)
class ButtonPressed(ProfileEvent):
    """One of the two buttons was pressed, for a short or a long time."""

    press: Press


@dataclass(frozen=True, slots=True)
class InterfaceSettings:
    """Where the reference is silent about the user interface. Raises BuildError."""

    revert_after: int = 30
    """Seconds without a button after which the display goes back to its default item, and what was
    entered is forgotten. Gap: smets-esme 8, one maker's choice."""

    reverting_locks: bool = True
    """Whether going back to the default item, by time or by a button, protects again what the Privacy PIN
    protects. Gap: smets-esme 8 and 15 do not say when its entry ends."""

    boost_minutes: tuple[int, ...] = (15, 30, 45, 60)
    """What may be chosen for a boost and for its extension. Gap: smets-esme 15, one maker's."""

    pin_digits: int = 4
    """Digits of a Privacy PIN; as `PinSettings.length` of the meter."""

    message_id: int = MESSAGE_ID
    """What a message confirmed at the meter is called; as `PublishSettings.message_id`."""

    def __post_init__(self) -> None:
        """Ranges."""
        if self.revert_after < 1 or not self.boost_minutes or min(self.boost_minutes) < 1:
            raise BuildError("at least one second, and choices of at least one minute", "InterfaceSettings")
        if not 1 <= self.pin_digits <= LONGEST:
            raise BuildError(f"1 to {LONGEST} digits", "pin_digits")


@dataclass(frozen=True, slots=True)
class Shown:
    """A screen as a person sees it; `lines` are empty while the meter is without power."""

    screen: Screen
    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a person is: the item or function shown, what was answered, what is being entered."""

    screen: Screen = Screen.ITEMS
    item: int = DEFAULT
    function: int = 0
    answers: tuple[str, ...] = field(default=(), repr=False)
    entered: str = field(default="", repr=False)
    mark: int = 0  # of those that may be taken
    result: str = ""


HOME = _Place()
_TOLD = frozenset(("done", "refused", "confirmed"))


class UserInterface:
    """Stands before a device: takes presses itself, and hands every other event on.

    `connected`: whether the meter is on its home area network, to be shown; None: not shown.
    """

    def __init__(
        self,
        device: Device,
        settings: InterfaceSettings = InterfaceSettings(),
        connected: Callable[[], bool] | None = None,
    ) -> None:
        self.device = device
        self.display = Display(device.profile, connected)
        self.functions = functions(settings.pin_digits, settings.boost_minutes, settings.message_id)
        self._settings = settings
        self._place = HOME
        self._reverts: Utc | None = None
        self._released: list[Effect] = []
        self._pin = next(n for n, one in enumerate(self.functions) if one.title == ENTER_PIN)

    @property
    def next_deadline(self) -> Utc | None:
        """When it wants `handle(TimerDue)`: the device's own deadline, or the end of the last press."""
        times = [time for time in (self.device.next_deadline, self._reverts) if time is not None]
        return min(times, default=None)

    def handle(self, event: Event, now: Utc) -> tuple[Effect, ...]:
        """Everything an event causes. Raises StoreError as `Device.handle` does.

        Effects of what was done before that are returned by the next call.
        """
        if self._is_over(now):
            self._forget()
            self._lock(now)
        if not isinstance(event, ButtonPressed):
            if isinstance(event, PowerLost):
                self._forget()
            self._give(event, now)
        elif self.device.observe(now).get(POWER_LOST) is None:
            self._reverts = now.plus(self._settings.revert_after)
            self._press(event.press, now)
            if lock_of(self.device.observe(now)) is Lock.OPEN:
                self._give(StillThere(), now)
        effects = tuple(self._released)
        self._released.clear()
        return effects

    def shown(self, now: Utc) -> Shown:
        """What the display shows at a moment."""
        work = self.device.observe(now)
        if work.get(POWER_LOST) is not None:
            return Shown(Screen.ITEMS, ())
        place = HOME if self._is_over(now) else self._place
        return Shown(place.screen, self._lines(work, place))

    def offered(self, work: Work) -> tuple[int, ...]:
        """The functions the menu goes through now."""
        return tuple(n for n, one in enumerate(self.functions) if one.offered(work))

    # -- going back -------------------------------------------------------------------

    def _is_over(self, now: Utc) -> bool:
        """Time is up; a clock of the shell that went back does not make it longer."""
        if self._reverts is None:
            return False
        return not now < self._reverts <= now.plus(self._settings.revert_after)

    def _forget(self) -> None:
        self._place, self._reverts = HOME, None

    def _lock(self, now: Utc) -> None:
        if self._settings.reverting_locks and lock_of(self.device.observe(now)) is Lock.OPEN:
            self._give(LeaveMenu(), now)

    def _give(self, event: Event, now: Utc) -> tuple[Effect, ...]:
        effects = self.device.handle(event, now)
        self._released += effects
        return effects

    # -- a press ----------------------------------------------------------------------

    def _press(self, press: Press, now: Utc) -> None:
        place, work = self._place, self.device.observe(now)
        for row in TRANSITIONS:
            if row.before is place.screen and row.press is press and self._holds(work, place, row.guard):
                self._follow(work, row, now)
                return

    def _holds(self, work: Work, place: _Place, guard: Guard) -> bool:
        function = self.functions[place.function]
        ask = _ask(function, place)
        following = function.asks[len(place.answers) + 1 : len(place.answers) + 2]
        match guard:
            case Guard.NONE:
                return True
            case Guard.LOCKED:
                return function.guarded and is_locked(work)
            case Guard.ASKS_CODE:
                return isinstance(ask, Code)
            case Guard.ASKS_CHOICE:
                return isinstance(ask, Minutes)
            case Guard.EMPTY:
                return not place.entered
        if not isinstance(ask, Code):
            return False
        ends = _marks(ask, place)[place.mark] == END
        last = not ends and len(place.entered) + 1 == ask.most
        to_code = bool(following) and isinstance(following[0], Code)
        return {
            Guard.SYMBOL: not ends and not last,
            Guard.SYMBOL_TO_CODE: last and to_code,
            Guard.END_TO_CODE: ends and to_code,
            Guard.DONE: (last or ends) and not to_code,
        }[guard]

    def _follow(self, work: Work, row: Row, now: Utc) -> None:
        place = replace(self._place, screen=row.after)
        match row.act:
            case Act.ITEM:
                place = replace(place, item=_next(self.display.shown(work), place.item))
            case Act.FUNCTION:
                place = replace(place, function=_next(self.offered(work), place.function))
            case Act.FIRST:
                place = replace(_at(place), function=self.offered(work)[0])
            case Act.BEGIN:
                place = _at(place)
            case Act.ASK_PIN:
                place = replace(_at(place), function=self._pin)
            case Act.MARK:
                ask = _ask(self.functions[place.function], place)
                count = len(_marks(ask, place)) if isinstance(ask, Code) else 1
                place = replace(place, mark=(place.mark + 1) % count)
            case Act.MINUTES:
                ask = _ask(self.functions[place.function], place)
                count = len(ask.choices) if isinstance(ask, Minutes) else 1
                place = replace(place, mark=(place.mark + 1) % count)
            case Act.KEEP:
                place = replace(place, entered=self._taken(place), mark=0)
            case Act.FINISH:
                place = replace(place, answers=(*place.answers, self._taken(place)), entered="", mark=0)
            case Act.ERASE:
                place = replace(place, entered=place.entered[:-1], mark=0)
            case Act.DO:
                place = self._done(work, place, now)
            case Act.FORGET:
                place = _at(place)
            case Act.LEAVE:
                place = self._place = HOME
                self._lock(now)
        self._place = place

    def _done(self, work: Work, place: _Place, now: Utc) -> _Place:
        """Whatever the meter makes of it, and if its store fails: what was entered is forgotten."""
        event = self.functions[place.function].make(work, place.answers)
        self._place = _at(place)
        return replace(self._place, result=_result(self._give(event, now)))

    def _taken(self, place: _Place) -> str:
        """What was entered, with the mark that is shown; or the choice."""
        ask = _ask(self.functions[place.function], place)
        if isinstance(ask, Minutes):
            return str(ask.choices[place.mark])
        mark = _marks(ask, place)[place.mark] if ask is not None else END
        return place.entered if mark == END else place.entered + mark

    # -- what is shown ----------------------------------------------------------------

    def _lines(self, work: Work, place: _Place) -> tuple[str, ...]:
        function = self.functions[place.function]
        ask = _ask(function, place)
        match place.screen:
            case Screen.ITEMS:
                row = self.display.rows[place.item]
                return row.title, self.display.text(work, row) if self.display.is_open(work, row) else "PIN"
            case Screen.MENU:
                return (function.title,)
            case Screen.RESULT:
                return function.title, place.result
            case Screen.CONFIRM:
                asked = zip(function.asks, place.answers, strict=True)
                answers = ("*" * len(a) if isinstance(one, Code) and one.secret else a for one, a in asked)
                return (f"{function.title}?", *answers)
        if isinstance(ask, Minutes):
            return ask.title, str(ask.choices[place.mark])
        if ask is None:
            return (function.title,)
        entered = "*" * len(place.entered) if ask.secret else place.entered
        return ask.title, f"{entered}[{_marks(ask, place)[place.mark]}]"


def _at(place: _Place) -> _Place:
    """The same screen, item and function, with nothing entered."""
    return _Place(place.screen, place.item, place.function)


def _ask(function: Function, place: _Place) -> Code | Minutes | None:
    """What is asked for now, None where all is answered."""
    return function.asks[len(place.answers)] if len(place.answers) < len(function.asks) else None


def _marks(ask: Code | Minutes, place: _Place) -> tuple[str, ...]:
    """The marks that may be taken."""
    if isinstance(ask, Minutes):
        return ()
    ends = ask.least <= len(place.entered) < ask.most and ask.least < ask.most
    return (*ask.marks, END) if ends else tuple(ask.marks)


def _next(numbers: tuple[int, ...], shown: int) -> int:
    """The number behind the one shown, which need not be among them any more; after the last the first."""
    return next((number for number in numbers if number > shown), numbers[0])


def _result(effects: tuple[Effect, ...]) -> str:
    told = [effect for effect in effects if isinstance(effect, Happened) and effect.verdict in _TOLD]
    return f"{told[-1].verdict}: {told[-1].text}" if told else "done"
