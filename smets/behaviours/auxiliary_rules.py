"""What auxiliary controllers are, what scripts say of them, and which instruction decides.

Pure: no store, no time of its own. Source: SMETS 5.7.4.2, 5.7.5.37, 5.7.5.38, ECS46c, ECS47, ECS47a,
ECS47e (reference: smets-esme 15, dlms-payloads 7.3).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum, IntEnum
from typing import NamedTuple

from gbcs.errors import BuildError

CONTROLLERS = range(1, 6)
LONGEST = 86_400  # seconds of a setting or limit period (ECS47a, ECS47e)
BY_CALENDAR = 0x80  # what a calendar adds to a level
FULL = 100


class Kind(Enum):
    """What stands behind a controller's number."""

    NONE = "none"
    ALCS = "switch in the meter"
    HCALCS = "switch on the home area network"
    APC = "proportional controller"


class Direction(IntEnum):
    """The way of the power, as scripts have it."""

    OUTPUT = 1
    INPUT = 2


class Level(NamedTuple):
    """A commanded state: direction, and per cent of full power. A switch knows output, 0 and 100."""

    direction: int
    percent: int


OFF, ON = Level(Direction.OUTPUT, 0), Level(Direction.OUTPUT, FULL)


def kind_of(held: object) -> Kind:
    """The kind a Type and Identifier says: nothing, FF, eight zeros, or an EUI-64 (SMETS 5.7.5.38)."""
    if held == b"\xff":
        return Kind.APC
    if not isinstance(held, bytes) or len(held) != 8:
        return Kind.NONE
    return Kind.HCALCS if any(held) else Kind.ALCS


def fits(kind: Kind, level: Level) -> bool:
    """Whether a controller of a kind can have a state."""
    return kind is Kind.APC or (kind is not Kind.NONE and level in (OFF, ON))


def fitted(kind: Kind, level: Level) -> Level:
    """The nearest state a controller of a kind can have: for a switch, anything it cannot is off."""
    if fits(kind, level):
        return level
    return ON if level.direction == Direction.OUTPUT and level.percent else OFF


# -- scripts --------------------------------------------------------------------------


class Way(Enum):
    """How long a command holds."""

    PERIOD = "for a setting period"
    MINUTES = "for some minutes from now"
    RESUME = "the calendar has it again"


class Script(NamedTuple):
    """A script selector taken apart: controller, what it shall do, for how long."""

    controller: int
    level: Level
    way: Way = Way.PERIOD


SET, RESET, RESUME = 0x11, 0x12, 0x20  # low octets of ECS47
_OLD_COMMANDS = {SET: (ON, Way.MINUTES), RESET: (OFF, Way.MINUTES), RESUME: (OFF, Way.RESUME)}
_OLD_SWITCHES = {0x01: ON, 0x02: OFF}  # low octets in a calendar of ECS46c


def command_script(selector: object) -> Script | None:
    """What a command selects, of ECS47a and ECS47e or of ECS47; None for no such script."""
    found = _taken_apart(selector)
    if found is None:
        return None
    direction, controller, low = found
    if direction:
        return Script(controller, Level(direction, low)) if low <= FULL else None
    old = _OLD_COMMANDS.get(low)
    return None if old is None else Script(controller, *old)


def calendar_script(selector: object) -> Script | None:
    """What a calendar entry selects, of ECS46d or of ECS46c; None for no such script.

    The 80 a calendar adds to a level may be missing: the reference has it as inferred.
    """
    found = _taken_apart(selector)
    if found is None:
        return None
    direction, controller, low = found
    if direction:
        percent = low & ~BY_CALENDAR
        return Script(controller, Level(direction, percent)) if percent <= FULL else None
    old = _OLD_SWITCHES.get(low)
    return None if old is None else Script(controller, old)


def coded(controller: int, level: Level) -> int:
    """The number that says controller and state, as the script of a command."""
    return level.direction << 12 | controller << 8 | level.percent


def _taken_apart(selector: object) -> tuple[int, int, int] | None:
    if not isinstance(selector, int):
        return None
    direction, controller, low = selector >> 12, selector >> 8 & 0x0F, selector & 0xFF
    if direction not in (0, *Direction) or controller not in CONTROLLERS:
        return None
    return direction, controller, low


# -- the decision ---------------------------------------------------------------------


class Order(NamedTuple):
    """An instruction for a time: state, begin and end (microseconds of one clock), and its rank.

    Ranks count instructions in the order they were given.
    """

    level: Level
    begins: int
    ends: int
    rank: int

    def holds(self, now: int) -> bool:
        """Whether it is in force; at its end it is not any more."""
        return self.begins <= now < self.ends


class Demand(NamedTuple):
    """Everything that is asked of one controller.

    `calendar` None: no entry was executed yet. `limit` caps what results, in its direction.
    `resumed` is the rank of the last command to follow the calendar again, 0 for none.
    """

    calendar: Level | None = None
    command: Order | None = None
    boost: Order | None = None
    limit: Order | None = None
    resumed: int = 0


class Source(Enum):
    """Who decided."""

    DEFAULT = "default"
    CALENDAR = "calendar"
    COMMAND = "command"
    BOOST = "boost"


class Latest(Enum):
    """Which of a command and a boost is the later instruction."""

    GIVEN = "the one that was given later"
    BEGINS = "the one that begins later"


@dataclass(frozen=True, slots=True)
class DecisionSettings:
    """Where the reference is unsure about precedence (smets-esme 15 and 16). Raises BuildError."""

    latest: Latest = Latest.GIVEN
    """Between a command and a boost that both hold, which is the latest instruction. Gap: smets-esme 15
    has `latest instruction wins` from one maker; a command may be given before it begins."""

    resume_ends_boost: bool = True
    """Whether a command to follow the calendar again (ECS47) takes the controller out of a boost that
    runs. Gap: smets-esme 15; as the latest instruction it does."""

    default: Level = OFF
    """The state with no instruction and no calendar. Gap: smets-ppmid-hcalcs-ihd 3.3 has Off for a switch
    without an order."""

    def __post_init__(self) -> None:
        """A state any controller can have."""
        if self.default not in (OFF, ON):
            raise BuildError("on or off", "default")


class Decision(NamedTuple):
    """The state a controller shall have, and whose it is."""

    level: Level
    source: Source


def decide(now: int, demand: Demand, settings: DecisionSettings = DecisionSettings()) -> Decision:
    """THE order of precedence: command and boost above the calendar, the later of the two first.

    When the winner ends, the next one that still holds takes over. The limit caps the result.
    """
    command, boost = demand.command, demand.boost
    if boost is not None and settings.resume_ends_boost and boost.rank < demand.resumed:
        boost = None
    held = [
        (order, source)
        for order, source in ((command, Source.COMMAND), (boost, Source.BOOST))
        if order is not None and order.holds(now)
    ]
    if held:
        by_begin = settings.latest is Latest.BEGINS
        order, source = max(held, key=lambda one: (one[0].begins if by_begin else 0, one[0].rank))
        decision = Decision(order.level, source)
    elif demand.calendar is not None:
        decision = Decision(demand.calendar, Source.CALENDAR)
    else:
        decision = Decision(settings.default, Source.DEFAULT)
    limit = demand.limit
    if limit is not None and limit.holds(now) and limit.level.direction == decision.level.direction:
        capped = min(decision.level.percent, limit.level.percent)
        return decision._replace(level=decision.level._replace(percent=capped))
    return decision


def boundaries(now: int, demand: Demand) -> Iterator[int]:
    """The moments to come at which an instruction begins or ends."""
    for order in (demand.command, demand.boost, demand.limit):
        if order is not None:
            yield from (moment for moment in (order.begins, order.ends) if moment > now)
