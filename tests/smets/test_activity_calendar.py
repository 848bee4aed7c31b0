"""The compiled switching table agrees with the plain one at every moment."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gbcs.ids import Kind
from gbcs.message import parse_message
from gbcs.named.common import Place
from gbcs.named.payload import read_values
from gbcs.tariff.limits import PRIMARY, SECONDARY
from gbcs.tariff.messages import tariff_of
from gbcs.tariff.model import Tariff
from gbcs.tariff.text import from_json
from gbcs.time import Utc
from gbcs.usecases import by_code
from smets.behaviours.activity_calendar import ActivityCalendar
from smets.behaviours.compiled import Compiled, CompiledItems
from tests.gbcs.reference_messages import octets
from tests.gbcs.tariffs import ELECTRICITY, SECOND, tariffs
from tests.smets.homes import Home
from tests.smets.tariff_items import selector, tariff_items

HOUR_US = 3_600_000_000
MOMENTS = st.integers(Utc.of(2024, 1, 1).us, Utc.of(2040, 1, 1).us)


def compiled(tariff: Tariff, use_case: str = "ECS01a", carries_over: bool = True) -> ActivityCalendar:
    held = tariff_items(use_case, tariff)
    prefix = "" if use_case == "ECS01a" else "Secondary"
    seasons, weeks, days, special = (
        held[f"{prefix}TariffSwitchingTable.{part}"] for part in ("Seasons", "Weeks", "Days", "SpecialDays")
    )
    return ActivityCalendar(seasons, weeks, days, special, carries_over)


@given(tariffs(PRIMARY), st.lists(MOMENTS, min_size=1, max_size=8), st.booleans())
def test_at_any_moment_of_any_table(tariff: Tariff, moments: list[int], carries_over: bool) -> None:
    calendar = compiled(tariff, carries_over=carries_over)
    for us in moments:
        expected = selector(tariff.action_at(Utc(us), carries_over))
        span = calendar.at(us)
        assert span.selector == expected
        assert span.start <= us < span.until
        for inside in (span.start, (span.start + span.until) // 2, span.until - 10_000):
            assert selector(tariff.action_at(Utc(inside), carries_over)) == expected


@given(tariffs(SECONDARY), MOMENTS)
def test_of_the_secondary_element(tariff: Tariff, us: int) -> None:
    assert compiled(tariff, "ECS01c").at(us).selector == selector(tariff.action_at(Utc(us)), True)


@pytest.mark.parametrize(("use_case", "form"), [("ECS01a", ELECTRICITY), ("ECS01c", SECOND)])
def test_the_next_change_is_the_first_minute_that_differs(use_case: str, form: dict[str, Any]) -> None:
    tariff = from_json(form)
    calendar = compiled(tariff, use_case)
    secondary = use_case == "ECS01c"
    us = Utc.of(2031, 3, 30, 11, 17).us
    for _ in range(6):
        now = selector(tariff.action_at(Utc(us)), secondary)
        found = calendar.next_change(us)
        minute = us
        while selector(tariff.action_at(Utc(minute)), secondary) == now:
            minute += 60_000_000
            assert minute < us + 20 * 24 * HOUR_US
        assert found == minute
        us = minute


def test_a_table_that_never_changes_has_no_next_change() -> None:
    form = {**SECOND, "days": [{"id": 1, "switches": ["00:00:00 TOU 3"]}]}
    calendar = compiled(from_json(form), "ECS01c")
    assert calendar.at(0).selector == 203
    assert calendar.next_change(Utc.of(2031, 1, 1).us) is None


def test_an_empty_table_says_nothing() -> None:
    calendar = ActivityCalendar((), (), (), ())
    assert calendar.at(Utc.of(2026, 1, 1).us).selector is None
    assert calendar.next_change(Utc.of(2026, 1, 1).us) is None


@given(st.integers(-(2**80), 2**80))
def test_moments_no_calendar_has_are_none(us: int) -> None:
    calendar = compiled(from_json(ELECTRICITY))
    if not Utc.of(1, 1, 1).us <= us <= Utc.of(9999, 12, 31).us:
        assert calendar.at(us).selector is None


@given(
    st.lists(
        st.tuples(st.binary(max_size=8), st.binary(min_size=12, max_size=12), st.just(b"w")), max_size=4
    ),
    st.lists(st.tuples(st.just(b"w"), *[st.integers(0, 2)] * 7), max_size=3),
    st.lists(
        st.tuples(
            st.integers(0, 2),
            st.lists(
                st.tuples(st.binary(min_size=4, max_size=4), st.just(bytes(6)), st.integers(1, 48)),
                max_size=4,
            ).map(tuple),
        ),
        max_size=3,
    ),
    st.lists(st.tuples(st.integers(0, 9), st.binary(min_size=5, max_size=5), st.integers(0, 2)), max_size=3),
    MOMENTS,
)
def test_arbitrary_octets_raise_nothing(seasons: Any, weeks: Any, days: Any, special: Any, us: int) -> None:
    calendar = ActivityCalendar(tuple(seasons), tuple(weeks), tuple(days), tuple(special))
    span = calendar.at(us)
    assert span.start <= us < span.until


def test_a_result_is_made_again_only_for_another_object() -> None:
    made = []

    def make(*values: object) -> int:
        made.append(values)
        return len(made)

    compiled_once: Compiled[int] = Compiled(make)
    first, second = tuple(range(2)), tuple(range(2))
    assert [compiled_once.of(first), compiled_once.of(first), compiled_once.of(second)] == [1, 1, 2]
    assert compiled_once.of(first) == 1
    for number in range(20):
        compiled_once.of((number,))
    assert compiled_once.of(first) == len(made) == 23


def test_what_is_made_of_items_is_made_again_when_one_is_written() -> None:
    made = []

    def make(*values: object) -> int:
        made.append(values)
        return len(made)

    both: CompiledItems[int] = CompiledItems(make, "MeterBalance", "PaymentMode")
    work, other = Home.new(items={"MeterBalance": 500}).work, Home.new(items={"MeterBalance": 600}).work
    assert [both.now(work), both.now(other), both.now(work), both.now(other)] == [1, 2, 1, 2]
    assert [balance for balance, _ in made] == [500, 600]
    work.set_item("MeterBalance", 70_000)
    assert [both.now(work), both.now(work), both.now(other)] == [3, 3, 2]
    assert made[2] == (70_000, work.item("PaymentMode"))


def test_the_tables_of_the_reference_set(reference: Path) -> None:
    """Each switching table of a reference command, at every half hour and second around it of two weeks."""
    tables = 0
    for name, message_octets in octets(reference).items():
        message = parse_message(message_octets)
        row = by_code(message.code)
        if row is None or row.name not in ("ECS01a", "ECS01c") or message.kind is not Kind.COMMAND:
            continue
        use_case = row.name
        tariff = tariff_of(use_case, Kind.COMMAND, read_values(Place(message)))
        assert tariff is not None
        tables += 1
        calendar = compiled(tariff, use_case)
        for start in (Utc.of(2025, 12, 22), Utc.of(2026, 3, 25), Utc.of(2026, 7, 1)):
            for half_hour in range(14 * 48):
                for second in (-1, 0, 1):
                    us = start.plus(1800 * half_hour + second).us
                    expected = selector(tariff.action_at(Utc(us)), use_case == "ECS01c")
                    assert calendar.at(us).selector == expected, (name, Utc(us))
    assert tables
