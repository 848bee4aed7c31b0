"""Auxiliary load control: up to five controllers, each following commands, boost and its calendar.

A controller's state follows from what is asked of it at a moment (`auxiliary_rules.decide`), never
from steps done before; so it is right after power returns, and after the clock was set. The next
moment anything may change is the plan; in between nothing is computed. Source: SMETS 5.7.4.2, .3,
5.7.5.6, .37, .38, ECS38, ECS46a, c, d, ECS47, ECS47a, ECS47e, ECS61a, d, e, ECS101, ECS102
(reference: smets-esme 15, smets-ppmid-hcalcs-ihd 3).

A setting period that is over when its command arrives is accepted, and does nothing.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from gbcs.dlms.axdr import Tag, number, octet_string
from gbcs.errors import BuildError
from gbcs.ids import DeviceType, EntityId
from gbcs.time import Utc

from ..eventlog import occur
from ..events import Actuate, Event, Metrology, PowerRestored, ProfileEffect, ProfileEvent
from ..identity import CryptoCache
from ..profile import OTHER_REASON, Behaviour, Refusal
from ..store import StoreError
from ..values import Value
from ..work import Work
from .auxiliary_rules import (
    CONTROLLERS,
    LONGEST,
    DecisionSettings,
    Demand,
    Kind,
    Level,
    Order,
    Script,
    Way,
    boundaries,
    calendar_script,
    coded,
    command_script,
    decide,
    fits,
    fitted,
    kind_of,
)
from .clock import OFFSET
from .compiled import Compiled as Memo
from .load_control import (
    EventStatusReported,
    LoadControl,
    LoadControlSettings,
    Outcome,
    ScheduledEventsAsked,
)
from .operational_update import load_controller, operational_update
from .randomised_offset import randomised_offset
from .schedule import Compiled, Schedule

PLAN = "auxiliary/plan"
STAGED = "auxiliary/staged"
RANK = "auxiliary/rank"
BOOST = "boost/running"
CALENDAR = "AuxiliaryControllerCalendar"
EVENT_LOG = "AuxiliaryControllerEventLog"
NOT_KNOWN, SUCCEEDED, FAILED = 0, 1, 2  # outcomes in the event log
FAILURE = 0x811A
LIMIT_PROCESSED, LIMIT_ENDED = 0x8F86, 0x8F87
ECS101, ECS102 = 0x0121, 0x0122
HAN_COMMAND_DONE, HAN_COMMAND_NOT_DONE = 0x8154, 0x8155
HECS01 = 0x0119
RULE = "smets-esme 15"


@dataclass(frozen=True, slots=True)
class SetLevel(ProfileEffect):
    """Set a proportional controller: 1 output or 2 input, and per cent."""

    controller: int
    direction: int
    percent: int


@dataclass(frozen=True, slots=True)
class ControllerFailed(ProfileEvent):
    """A controller in the meter did not follow, or did not stay as it was set."""

    controller: int


@dataclass(frozen=True, slots=True)
class AuxiliarySettings:
    """Where the reference is unsure about auxiliary load control. Raises BuildError."""

    decision: DecisionSettings = field(default_factory=DecisionSettings)
    """Precedence, see there."""

    load_control: LoadControlSettings = field(default_factory=LoadControlSettings)
    """Switches on the home area network, see there."""

    longest_minutes: int = 0xFFFF
    """The longest duration ECS47 may have, in minutes. Gap: smets-esme 15 has 24 hours for the newer
    commands, and 16 bits of minutes for this one."""

    assigns_joined: bool = True
    """A switch that joins (CS03A1) takes the first number without a controller, and leaves it when it
    unjoins. Gap: type and identifier (smets-esme 7) are only read, except by the superseded ECS46c."""

    operational_updates: bool = True
    """Raise 8F88 (ECS200) each time a proportional controller is set to another state. Gap: neither
    smets-alerts-events nor smets-esme 15 says when."""

    acts_again: bool = True
    """Set every controller again when power returns, also where its state is the old one. Gap:
    smets-esme 15, general knowledge."""

    def __post_init__(self) -> None:
        """Ranges."""
        if not 0 <= self.longest_minutes <= 0xFFFF:
            raise BuildError("16 bits", "longest_minutes")


DEFAULT_SETTINGS = AuxiliarySettings()


class Auxiliary(Behaviour):
    """Moves the controllers. It comes after everything that may change what is asked of them.

    `items` are the data items the meter has; `joined` says whether a device is in its device log.
    """

    name = "auxiliary"
    ignores = (Metrology,)

    def __init__(
        self,
        items: Collection[str],
        joined: Callable[[Work, EntityId], bool] = lambda work, station: True,
        settings: AuxiliarySettings = DEFAULT_SETTINGS,
    ) -> None:
        self._items = items
        self._joined = joined
        self._settings = settings
        self._calendar = Compiled(CALENDAR)
        self._certificates = CryptoCache()
        self._by_controller = {n: Memo(_only(n)) for n in CONTROLLERS}
        self._switches = {n: LoadControl(f"load-control/{n}", settings.load_control) for n in CONTROLLERS}

    # -- the behaviour ----------------------------------------------------------------

    def start(self, work: Work) -> None:
        """Find out what there is to control."""
        self._settle(work)

    def handle(self, work: Work, event: Event) -> None:
        """Hear reports; do what the plan says is due."""
        if isinstance(event, EventStatusReported):
            self._reported(work, event)
        elif isinstance(event, ScheduledEventsAsked):
            self._asked(work, event)
        elif isinstance(event, ControllerFailed):
            self._failed(work, event.controller)
        if isinstance(event, PowerRestored):
            self._settle(work, self._settings.acts_again)
        elif not _stands(work):
            self._settle(work)

    def deadline(self, work: Work) -> Utc | None:
        """What the plan says; now, if there is none."""
        plan = work.value(PLAN)
        if not isinstance(plan, tuple) or plan[1] != work.number(OFFSET):
            return work.now
        return work.shell_time(Utc(plan[0])) if isinstance(plan[0], int) else None

    def reads(self) -> Mapping[str, Callable[[Work], Value]]:
        """The states, as JSON text and as the superseded boolean."""
        found: dict[str, Callable[[Work], Value]] = {}
        for n in CONTROLLERS:
            found[f"AuxiliaryController{n}.State"] = lambda work, n=n: state_text(work, n)  # type: ignore[misc]
            found[f"AuxiliaryController{n}.OutputState"] = lambda work, n=n: _is_on(work, n)  # type: ignore[misc]
        return found

    def writes(self) -> Mapping[str, Callable[[Work, Value], None]]:
        """Everything that may change what is asked; periods are kept for their command."""
        changing = [CALENDAR, f"{CALENDAR}.SpecialDays", "RandomisedOffsetLimit"]
        for n in CONTROLLERS:
            changing += [f"AuxiliaryController{n}.TypeAndIdentifier", f"BoostFunctionControl{n}"]
        found: dict[str, Callable[[Work, Value], None]] = {
            name: lambda work, value: unsettle(work) for name in changing
        }
        for n in CONTROLLERS:
            for part in ("SettingPeriodStart", "SettingPeriodEnd", "LimitPeriodStart", "LimitPeriodEnd"):
                found[f"AuxiliaryController{n}.{part}"] = _stage(f"{n}.{part}")
        return found

    def methods(self) -> Mapping[str, Callable[[Work, Value], Value]]:
        """The scripts of the commands."""
        return {"AuxiliaryController.command": self._command, "AuxiliaryController.limit": self._limit}

    # -- commands ---------------------------------------------------------------------

    def _command(self, work: Work, value: Value) -> Value:
        """ECS47a: a state for a setting period; ECS47: for some minutes, or as the calendar says."""
        script = command_script(value)
        kind = Kind.NONE if script is None else kind_at(work, script.controller)
        if script is None or not fits(kind, script.level):
            raise Refusal(OTHER_REASON, f"no such script for a controller that is there: {value!r}")
        n = script.controller
        self._take_over(work, n)
        rank = next_rank(work)
        if script.way is Way.RESUME:
            work.put(_key(n, "command"), None)
            work.set_value(_key(n, "resumed"), rank)
        else:
            begins, ends, passing = self._period(work, script)
            work.set_value(_key(n, "command"), (*script.level, begins, ends, rank, passing))
        unsettle(work)
        return None

    def _period(self, work: Work, script: Script) -> tuple[int, int, bool]:
        """Begin, end, and whether they are moments of passing time instead of dates. Raises Refusal."""
        n = script.controller
        if script.way is Way.PERIOD:
            return (*_dates(work, n, "SettingPeriod"), False)
        part = "SettingPeriodStart" if script.level.percent else "SettingPeriodEnd"
        minutes = _staged(work, f"{n}.{part}")
        if not isinstance(minutes, int) or minutes > self._settings.longest_minutes:
            raise Refusal(OTHER_REASON, f"no duration for controller {n}")
        return work.now.us, work.now.plus(60 * minutes).us, True

    def _limit(self, work: Work, value: Value) -> Value:
        """ECS47e: a level a proportional controller may not exceed for a period."""
        script = command_script(value)
        if script is None or script.way is not Way.PERIOD or kind_at(work, script.controller) is not Kind.APC:
            raise Refusal(OTHER_REASON, f"no proportional controller to limit: {value!r}")
        n = script.controller
        self._take_over(work, n)
        begins, ends = _dates(work, n, "LimitPeriod")
        before = _order(work, n, "limit")
        if before is not None:
            _limit_ended(work, n, before)
        work.set_value(_key(n, "limit"), (*script.level, begins, ends, next_rank(work), False))
        content: list[Any] = [
            number(Tag.UNSIGNED, _place(n, script.level)),
            octet_string(Utc(begins).to_cosem()),
            octet_string(Utc(ends).to_cosem()),
            number(Tag.UNSIGNED, script.level.percent),
        ]
        log(work, n, script.level, SUCCEEDED)
        work.alert(LIMIT_PROCESSED, *content, message_code=ECS101)
        unsettle(work)
        return None

    # -- what the switches say --------------------------------------------------------

    def _of(self, work: Work, station: EntityId) -> list[int]:
        return [n for n in CONTROLLERS if _type(work, n) == bytes(station) and any(station)]

    def _reported(self, work: Work, event: EventStatusReported) -> None:
        for n in self._of(work, event.station):
            outcome = self._switches[n].reported(work, event)
            held = _done(work, n)
            if outcome is Outcome.NEITHER or held is None:
                continue
            succeeded = outcome is Outcome.SUCCESS
            log(work, n, held, SUCCEEDED if succeeded else FAILED, event.event)
            if not succeeded:
                occur(work, FAILURE)
        unsettle(work)

    def _asked(self, work: Work, event: ScheduledEventsAsked) -> None:
        """HECS01: the orders once more, for a switch of ours only."""
        found = self._of(work, event.station) if self._joined(work, event.station) else []
        done = HAN_COMMAND_DONE if found else HAN_COMMAND_NOT_DONE
        occur(work, done, HECS01.to_bytes(2, "big"))
        verdict = "done" if found else "refused"
        work.report(verdict, f"HECS01 of {event.station}", "smets-ppmid-hcalcs-ihd 3.2")
        for n in found:
            if not self._switches[n].again(work):
                work.put(_key(n, "done"), None)  # it has no order that runs: a new one
        unsettle(work)

    def _failed(self, work: Work, n: int) -> None:
        held = _done(work, n) if n in CONTROLLERS else None
        if held is not None and kind_at(work, n) is not Kind.HCALCS:
            log(work, n, held, FAILED)
            occur(work, FAILURE)

    def heard(self, work: Work, station: EntityId, kind: DeviceType | None) -> None:
        """A device joined the meter, as some kind, or left it (None): give or take a number."""
        held = self._of(work, station)
        if self._settings.assigns_joined and kind is DeviceType.HCALCS and not held:
            free = [n for n in CONTROLLERS if kind_at(work, n) is Kind.NONE]
            for n in free[:1]:
                work.set_item(f"AuxiliaryController{n}.TypeAndIdentifier", bytes(station))
        for n in held if kind is None else ():
            self._switches[n].cancel(work)
            if self._settings.assigns_joined:
                work.set_item(f"AuxiliaryController{n}.TypeAndIdentifier", b"")
        unsettle(work)

    # -- settling ---------------------------------------------------------------------

    def _settle(self, work: Work, again: bool = False) -> None:
        """Bring every controller into the state that is asked of it; plan when to look again."""
        now = work.time.us
        plan: list[int] = []
        for n in CONTROLLERS:
            self._take_over(work, n)
            kind = kind_at(work, n)
            if kind is Kind.NONE:
                continue
            limit = _order(work, n, "limit")
            if limit is not None and limit.ends <= now:
                _limit_ended(work, n, limit)
            calendar, following = self._by_calendar(work, n, kind)
            demand = Demand(
                calendar,
                _order(work, n, "command"),
                self._boost(work, n),
                _order(work, n, "limit"),
                work.number(_key(n, "resumed")),
            )
            level = fitted(kind, decide(now, demand, self._settings.decision).level)
            changes = [*boundaries(now, demand), *following]
            until = min(changes, default=None)
            self._act(work, n, kind, level, until, again)
            plan += changes
            renewal = self._switches[n].next(work)
            if kind is Kind.HCALCS and renewal is not None:
                plan.append(renewal)
        work.set_value(PLAN, (min(plan, default=None), work.number(OFFSET)))

    def _take_over(self, work: Work, n: int) -> None:
        """Forget what was asked of another controller under this number."""
        held, now = work.value(_key(n, "type"), b""), _type(work, n)
        if held == now:
            return
        work.set_value(_key(n, "type"), now)
        self._switches[n].cancel(work)
        for part in ("command", "limit", "resumed", "done"):
            work.put(_key(n, part), None)

    def _act(self, work: Work, n: int, kind: Kind, level: Level, until: int | None, again: bool) -> None:
        before = _done(work, n)
        if kind is Kind.HCALCS:
            self._order(work, n, level, until, before, again)
        elif level != before or again:
            if kind is Kind.ALCS:
                work.effect(Actuate(f"auxiliary controller {n}", level.percent > 0))
            else:
                work.effect(SetLevel(n, level.direction, level.percent))
            if level != before:
                log(work, n, level, SUCCEEDED)
        if level != before:
            work.set_value(_key(n, "done"), tuple(map(int, level)))
            if kind is Kind.APC and self._settings.operational_updates:
                operational_update(work, state_text(work, n), load_controller(work, self._certificates))

    def _order(
        self, work: Work, n: int, level: Level, until: int | None, before: Level | None, again: bool
    ) -> None:
        """An order for a switch on the home area network: a new one, or the old once more."""
        station = EntityId(_type(work, n))
        if not self._joined(work, station):
            self._switches[n].cancel(work)
            if before is not None and level != before:
                log(work, n, level, FAILED)
                occur(work, FAILURE)
            return
        switch = self._switches[n]
        held = switch.held(work)
        if level != before or held is None or not switch.lasts(work, held):
            event = switch.order(work, station, level.percent > 0, until)
            log(work, n, level, NOT_KNOWN, event)
        elif again:
            switch.again(work)
        elif switch.due(work):
            log(work, n, level, FAILED, held.event)
            occur(work, FAILURE)

    def _by_calendar(self, work: Work, n: int, kind: Kind) -> tuple[Level | None, list[int]]:
        """The state by the calendar, later by the randomised offset, and when it changes next."""
        schedule = self._schedule(work, n)
        offset = randomised_offset(work)
        second = work.time.seconds - offset
        last, following = schedule.in_force(second), schedule.next(second)
        script = None if last is None else calendar_script(last.selector)
        level = None if script is None else fitted(kind, script.level)
        return level, [] if following is None else [(following.at + offset) * 1_000_000]

    def _schedule(self, work: Work, n: int) -> Schedule:
        whole: Any = self._calendar.of(work)
        return self._by_controller[n].of(whole)

    def _boost(self, work: Work, n: int) -> Order | None:
        name = f"BoostFunctionControl{n}"
        if name not in self._items or work.item(name) is not True:
            return None
        return boost_order(work)

    def calendar_level(self, work: Work, n: int) -> Level | None:
        """What the calendar says of a controller now; None for one that is not there, or says nothing."""
        kind = kind_at(work, n)
        return None if kind is Kind.NONE else self._by_calendar(work, n, kind)[0]


# -- shared with others ---------------------------------------------------------------


def unsettle(work: Work) -> None:
    """Let the controllers be looked at again, in this unit of work or at once after it."""
    work.put(PLAN, None)


def next_rank(work: Work) -> int:
    """The rank of an instruction that is given now."""
    rank = work.number(RANK) + 1
    work.set_value(RANK, rank)
    return rank


def boost_order(work: Work) -> Order | None:
    """The boost that runs, in the device's time. Raises StoreError."""
    return _read_order(work, BOOST)


def kind_at(work: Work, n: int) -> Kind:
    """What stands behind a controller's number."""
    return kind_of(_type(work, n))


def state_text(work: Work, n: int) -> str:
    """State and associated information as JSON; the names are those of ECS200, `{}` for no controller.

    Gap: dlms-payloads 3 gives lengths of such texts only; those of a switch fit this form.
    """
    kind, level = kind_at(work, n), _done(work, n)
    if kind is Kind.NONE or level is None:
        return "{}"
    told = {"outputState": str(level.percent if level.direction == 1 else 0)}
    if kind is Kind.APC:
        told["inputState"] = str(level.percent if level.direction == 2 else 0)
    return json.dumps({**told, "other-data": ""}, separators=(",", ":"))


def log(work: Work, n: int, level: Level, outcome: int, event: int = 0) -> None:
    """An entry of the Auxiliary Controller Event Log; `event` is the command's id on the network, or 0.

    Gap: how Switch Number and Action is made of its parts is not said; it is as in commands.
    """
    if EVENT_LOG in work.log_sizes:
        work.log(EVENT_LOG, work.time.seconds, coded(n, level), outcome, event)


# -- the store ------------------------------------------------------------------------


def _key(n: int, part: str) -> str:
    return f"auxiliary/{n}/{part}"


def _type(work: Work, n: int) -> bytes:
    held = work.item(f"AuxiliaryController{n}.TypeAndIdentifier")
    return held if isinstance(held, bytes) else b""


def _done(work: Work, n: int) -> Level | None:
    """The state the controller was last set to."""
    match work.value(_key(n, "done")):
        case None:
            return None
        case (int(direction), int(percent)):
            return Level(direction, percent)
    raise StoreError("the store holds no state of a controller here")


def _is_on(work: Work, n: int) -> bool:
    level = _done(work, n)
    return level is not None and level.percent > 0


def _order(work: Work, n: int, part: str) -> Order | None:
    return _read_order(work, _key(n, part))


def _read_order(work: Work, key: str) -> Order | None:
    """An instruction; one of passing time is moved to where the clock stands."""
    match work.value(key):
        case None:
            return None
        case (int(direction), int(percent), int(begins), int(ends), int(rank), bool(passing)):
            moved = work.number(OFFSET) if passing else 0
            return Order(Level(direction, percent), begins + moved, ends + moved, rank)
    raise StoreError("the store holds no instruction here")


def _stands(work: Work) -> bool:
    """Whether nothing can have changed since the plan was made."""
    plan = work.value(PLAN)
    if not isinstance(plan, tuple) or plan[1] != work.number(OFFSET):
        return False
    return not isinstance(plan[0], int) or work.time.us < plan[0]


def _stage(name: str) -> Callable[[Work, Value], None]:
    """Keep a period's begin or end for the script of the same command, which runs at the same moment."""

    def stage(work: Work, value: Value) -> None:
        held = work.value(STAGED)
        others: tuple[Value, ...] = ()
        if isinstance(held, tuple) and held[0] == work.now.us:
            others = tuple(one for one in held[1:] if isinstance(one, tuple) and one[0] != name)
        work.set_value(STAGED, (work.now.us, *others, (name, value)))

    return stage


def _staged(work: Work, name: str) -> Value:
    held = work.value(STAGED)
    if isinstance(held, tuple) and held[0] == work.now.us:
        for one in held[1:]:
            if isinstance(one, tuple) and one[0] == name:
                return one[1]
    return None


def _dates(work: Work, n: int, period: str) -> tuple[int, int]:
    """Begin and end of a period the same command set. Raises Refusal."""
    found = [_staged(work, f"{n}.{period}{end}") for end in ("Start", "End")]
    try:
        begins, ends = (Utc.from_cosem(one if isinstance(one, bytes) else b"").us for one in found)
    except BuildError as error:
        raise Refusal(OTHER_REASON, f"{period} of controller {n}: {error}") from None
    if not begins < ends <= begins + LONGEST * 1_000_000:
        raise Refusal(OTHER_REASON, f"{period} of controller {n} is not up to 24 hours")
    return begins, ends


def _place(n: int, level: Level) -> int:
    """Controller and direction in one octet, as ECS101 and ECS102 have it."""
    return level.direction << 4 | n


def _limit_ended(work: Work, n: int, limit: Order) -> None:
    work.put(_key(n, "limit"), None)
    content: list[Any] = [
        number(Tag.UNSIGNED, _place(n, limit.level)),
        number(Tag.UNSIGNED, limit.level.percent),
    ]
    log(work, n, limit.level, SUCCEEDED)
    work.alert(LIMIT_ENDED, *content, message_code=ECS102)


def _only(n: int) -> Callable[[Any], Schedule]:
    def wanted(selector: int) -> bool:
        script = calendar_script(selector)
        return script is not None and script.controller == n

    return lambda whole: whole.only(wanted)
