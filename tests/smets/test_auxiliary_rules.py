"""Which instruction decides on an auxiliary controller: the reference's text as a table (smets-esme 15)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gbcs.errors import BuildError
from smets.behaviours.auxiliary_rules import (
    CONTROLLERS,
    OFF,
    ON,
    Decision,
    DecisionSettings,
    Demand,
    Direction,
    Kind,
    Latest,
    Level,
    Order,
    Script,
    Source,
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

HALF, IN_HALF = Level(Direction.OUTPUT, 50), Level(Direction.INPUT, 50)
CAP = Level(Direction.OUTPUT, 30)


def order(level: Level, begins: int, ends: int, rank: int = 1) -> Order:
    return Order(level, begins, ends, rank)


BOOST = order(ON, 0, 60, 2)
DECISIONS = [
    ("nothing is asked", Demand(), 10, OFF, Source.DEFAULT),
    ("the calendar", Demand(ON), 10, ON, Source.CALENDAR),
    ("a command above the calendar", Demand(ON, order(OFF, 0, 20)), 10, OFF, Source.COMMAND),
    ("a command from its begin on", Demand(ON, order(OFF, 10, 20)), 10, OFF, Source.COMMAND),
    ("a command not before its begin", Demand(ON, order(OFF, 11, 20)), 10, ON, Source.CALENDAR),
    ("a command not at its end", Demand(ON, order(OFF, 0, 10)), 10, ON, Source.CALENDAR),
    ("a boost above the calendar", Demand(OFF, None, BOOST), 10, ON, Source.BOOST),
    ("a boost after a command", Demand(OFF, order(OFF, 0, 90, 1), BOOST), 10, ON, Source.BOOST),
    ("a command after a boost", Demand(ON, order(OFF, 0, 90, 3), BOOST), 10, OFF, Source.COMMAND),
    ("the older command after the boost", Demand(ON, order(OFF, 0, 90, 1), BOOST), 60, OFF, Source.COMMAND),
    ("the boost after the later command", Demand(OFF, order(OFF, 0, 30, 3), BOOST), 30, ON, Source.BOOST),
    ("the calendar after both", Demand(ON, order(OFF, 0, 30, 3), BOOST), 60, ON, Source.CALENDAR),
    ("a command given before, begun later", Demand(ON, order(OFF, 5, 90, 1), BOOST), 10, ON, Source.BOOST),
    ("the calendar again", Demand(OFF, None, BOOST, None, resumed=3), 10, OFF, Source.CALENDAR),
    ("a boost after the calendar again", Demand(OFF, None, BOOST, None, resumed=1), 10, ON, Source.BOOST),
    ("a limit caps the calendar", Demand(ON, limit=order(CAP, 0, 20)), 10, CAP, Source.CALENDAR),
    (
        "a limit caps a command",
        Demand(OFF, order(HALF, 0, 9), None, order(CAP, 0, 9)),
        5,
        CAP,
        Source.COMMAND,
    ),
    ("a limit caps a boost", Demand(OFF, None, BOOST, order(CAP, 0, 20)), 10, CAP, Source.BOOST),
    ("a limit raises nothing", Demand(OFF, limit=order(HALF, 0, 20)), 10, OFF, Source.CALENDAR),
    ("a limit ends by itself", Demand(ON, limit=order(CAP, 0, 20)), 20, ON, Source.CALENDAR),
    ("a limit begins by itself", Demand(ON, limit=order(CAP, 11, 20)), 10, ON, Source.CALENDAR),
    (
        "a limit of the other direction",
        Demand(IN_HALF, limit=order(CAP, 0, 20)),
        10,
        IN_HALF,
        Source.CALENDAR,
    ),
]


@pytest.mark.parametrize(
    ("demand", "now", "level", "source"), [pytest.param(*row[1:], id=row[0]) for row in DECISIONS]
)
def test_precedence(demand: Demand, now: int, level: Level, source: Source) -> None:
    assert decide(now, demand) == Decision(level, source)


OTHER_READINGS = [
    (DecisionSettings(latest=Latest.BEGINS), Demand(ON, order(OFF, 5, 90, 1), BOOST), Source.COMMAND),
    (DecisionSettings(latest=Latest.BEGINS), Demand(ON, order(OFF, 0, 90, 3), BOOST), Source.COMMAND),
    (DecisionSettings(resume_ends_boost=False), Demand(OFF, None, BOOST, None, 3), Source.BOOST),
    (DecisionSettings(default=ON), Demand(), Source.DEFAULT),
]


@pytest.mark.parametrize(("settings", "demand", "source"), OTHER_READINGS)
def test_other_readings_of_precedence(settings: DecisionSettings, demand: Demand, source: Source) -> None:
    found = decide(10, demand, settings)
    assert found.source is source
    assert found.level == (settings.default if source is Source.DEFAULT else found.level)


def test_a_default_is_a_state_of_any_controller() -> None:
    with pytest.raises(BuildError):
        DecisionSettings(default=HALF)


LEVELS = st.sampled_from([OFF, ON, HALF, IN_HALF, CAP])
ORDERS = st.none() | st.builds(order, LEVELS, st.integers(0, 20), st.integers(0, 30), st.integers(0, 5))
DEMANDS = st.builds(Demand, st.none() | LEVELS, ORDERS, ORDERS, ORDERS, st.integers(0, 5))


@given(DEMANDS, st.integers(0, 30))
def test_between_boundaries_nothing_changes(demand: Demand, now: int) -> None:
    """Until the first boundary the decision stays what it is now."""
    until = min(boundaries(now, demand), default=40)
    assert len({decide(moment, demand) for moment in range(now, until)}) == 1


@given(DEMANDS, st.integers(0, 30))
def test_a_limit_is_never_exceeded(demand: Demand, now: int) -> None:
    """In its direction and time no level is above the limit's."""
    limit, level = demand.limit, decide(now, demand).level
    if limit is not None and limit.holds(now) and limit.level.direction == level.direction:
        assert level.percent <= limit.level.percent


# -- scripts and kinds ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("selector", "script"),
    [
        (0x1564, Script(5, ON)),
        (0x1100, Script(1, OFF)),
        (0x2332, Script(3, IN_HALF)),
        (0x1165, None),
        (0x11E4, None),
        (0x1064, None),
        (0x1664, None),
        (0x3164, None),
        (0x0111, Script(1, ON, Way.MINUTES)),
        (0x0312, Script(3, OFF, Way.MINUTES)),
        (0x0520, Script(5, OFF, Way.RESUME)),
        (0x0501, None),
        (0x0020, None),
        (0x0611, None),
        (None, None),
        (b"\x11\x64", None),
    ],
)
def test_scripts_of_commands(selector: object, script: Script | None) -> None:
    assert command_script(selector) == script


@pytest.mark.parametrize(
    ("selector", "script"),
    [
        (0x11E4, Script(1, ON)),
        (0x1580, Script(5, OFF)),
        (0x23B2, Script(3, IN_HALF)),
        (0x1164, Script(1, ON)),
        (0x11E5, None),
        (0x0101, Script(1, ON)),
        (0x0202, Script(2, OFF)),
        (0x0111, None),
        (0x0001, None),
    ],
)
def test_scripts_of_calendars(selector: object, script: Script | None) -> None:
    assert calendar_script(selector) == script


@pytest.mark.parametrize("n", CONTROLLERS)
@pytest.mark.parametrize("level", [OFF, ON, IN_HALF])
def test_what_is_logged_reads_as_a_command(n: int, level: Level) -> None:
    assert command_script(coded(n, level)) == Script(n, level)


@pytest.mark.parametrize(
    ("held", "kind"),
    [
        (b"", Kind.NONE),
        (b"\xff", Kind.APC),
        (b"\x00", Kind.NONE),
        (bytes(8), Kind.ALCS),
        (bytes(7) + b"\1", Kind.HCALCS),
        (b"\xff" * 8, Kind.HCALCS),
        (bytes(7), Kind.NONE),
        (None, Kind.NONE),
    ],
)
def test_kinds(held: object, kind: Kind) -> None:
    assert kind_of(held) is kind


@pytest.mark.parametrize("level", [OFF, ON, HALF, IN_HALF])
@pytest.mark.parametrize("kind", list(Kind))
def test_a_switch_knows_on_and_off(kind: Kind, level: Level) -> None:
    able = kind is Kind.APC or (kind is not Kind.NONE and level in (OFF, ON))
    assert fits(kind, level) == able
    assert fitted(kind, level) == (level if able else {HALF: ON, IN_HALF: OFF}.get(level, level))
