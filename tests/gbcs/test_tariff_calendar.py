"""What a tariff says is in force at a moment, and at which price."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gbcs.tariff.limits import PRIMARY
from gbcs.tariff.model import Action, ActionKind, Day, Season, Switch, Tariff
from gbcs.tariff.text import from_json
from gbcs.time import Utc
from gbcs.values import Date, Time
from tests.gbcs.tariffs import ELECTRICITY, GAS_BLOCK, SECOND, tariffs


def at(text: str) -> Utc:
    return Utc.parse(text)


CALENDAR = [
    ("2031-01-06T07:30:00Z", "TOU 1"),  # a Monday in winter
    ("2031-01-06T07:29:59Z", "TOU 2"),
    ("2031-01-06T00:00:00Z", "block TOU 2"),  # still what Sunday ended with
    ("2031-01-04T12:00:00Z", "block TOU 2"),  # Saturday
    ("2031-03-31T23:59:59Z", "TOU 1"),
    ("2031-04-01T00:00:00Z", "block TOU 2"),  # the warm season begins
    ("2031-04-06T10:00:00Z", "TOU 48"),  # a Sunday in it
    ("2031-12-25T00:00:00Z", "TOU 48"),  # any Christmas
    ("2031-12-26T00:00:00Z", "TOU 48"),  # and on until the first switch
    ("2031-12-26T00:30:00Z", "TOU 2"),
    ("2031-05-01T09:00:00Z", "TOU 1"),  # the Thursday of 2031
    ("2032-05-01T09:00:00Z", "block TOU 2"),
]


@pytest.mark.parametrize(("moment", "action"), CALENDAR)
def test_what_is_in_force(moment: str, action: str) -> None:
    assert str(from_json(ELECTRICITY).action_at(at(moment))) == action


def test_before_the_first_switch_nothing_may_be_in_force() -> None:
    tariff = from_json(ELECTRICITY)
    assert tariff.action_at(at("2031-01-06T00:00:00Z"), carries_over=False) is None
    assert str(tariff.action_at(at("2031-01-06T00:30:00Z"), carries_over=False)) == "TOU 2"


SEASONS = [
    # start, moment, the season of that start is in force
    ("2031-03-30", "2031-03-29T23:59:59Z", False),
    ("2031-03-30", "2031-03-30T00:00:00Z", True),
    ("2031-03-30", "2039-03-30T00:00:00Z", True),
    ("2031-03-30T01:00:00Z", "2031-03-30T00:59:59Z", False),
    ("2031-03-30T01:00:00Z", "2031-03-30T01:00:00Z", True),
    ("*-06-01", "2031-05-31T00:00:00Z", False),
    ("*-06-01", "2031-06-01T00:00:00Z", True),
    ("*-02-29", "2031-03-01T00:00:00Z", False),  # the last one was in 2028
    ("*-02-29", "2032-02-29T00:00:00Z", True),
    ("*-*-15", "2031-06-14T00:00:00Z", True),
    ("*-*-*/1", "2031-01-05T00:00:00Z", False),
    ("*-*-*/1", "2031-01-07T00:00:00Z", True),
    ("2031-*-*", "2030-12-31T00:00:00Z", False),
    ("2031-*-*", "2033-01-01T00:00:00Z", True),
    ("2031-02-30", "2033-01-01T00:00:00Z", False),
    ("FFFF03FE07", "2031-03-29T00:00:00Z", False),  # the last Sunday of March
    ("FFFF03FE07", "2031-03-30T00:00:00Z", True),
    ("FFFF03FD07", "2031-03-23T00:00:00Z", True),  # the last but one
    ("FFFF03FEFF", "2031-03-30T00:00:00Z", False),
    ("FFFF03FDFF", "2031-03-30T00:00:00Z", True),
    ("FFFFFE01FF", "2031-06-30T00:00:00Z", False),
]


@pytest.mark.parametrize(("start", "moment", "there"), SEASONS)
def test_seasons_start_when_their_date_says(start: str, moment: str, there: bool) -> None:
    """Beside one that starts on 1 January of each year."""
    given = {
        "seasons": [{"start": "*-01-01", "week": 1}, {"start": start, "week": 2}],
        "weeks": [{"name": 1, "days": [1] * 7}, {"name": 2, "days": [2] * 7}],
        "days": [{"id": 1, "switches": ["00:00 TOU 1"]}, {"id": 2, "switches": ["00:00 TOU 2"]}],
    }
    # a start in an earlier year counts only if nothing began since
    if start.startswith(("2031-03", "2031-*")) and not moment.startswith("2031"):
        del given["seasons"][0]
        expected = Action.tou(2) if there else None
    else:
        expected = Action.tou(2 if there else 1)
    assert from_json(given).action_at(at(moment)) == expected


def test_what_is_missing_is_not_in_force() -> None:
    tariff = from_json(SECOND)
    moment = at("2031-01-01T00:00:00Z")
    assert tariff.action_at(moment) == Action.tou(4)
    for part in ("seasons", "weeks", "days"):
        assert replace(tariff, **{part: None}).action_at(moment) is None
        assert replace(tariff, **{part: ()}).action_at(moment) is None
    assert replace(tariff, days=(Day(1, ()),)).action_at(moment) is None
    assert Tariff().action_at(Utc.of(1, 1, 1)) is None


@given(st.data())
def test_something_is_in_force_whatever_the_calendar(data: st.DataObject) -> None:
    """Only a calendar in which nothing began yet, or that never switches, leaves it open."""
    tariff = data.draw(tariffs(PRIMARY))
    moment = Utc.from_seconds(data.draw(st.integers(0, 2**32 - 1)))
    action = tariff.action_at(moment)
    assert tariff.days is not None
    if action is not None:
        assert action in {switch.action for day in tariff.days for switch in day.switches}
    always = Season("", Date(b"\xff" * 5), tariff.weeks[0].name if tariff.weeks else 1)
    assert replace(tariff, seasons=(always,)).action_at(moment) is not None


def test_the_price_in_force() -> None:
    tariff = from_json(ELECTRICITY)
    assert tariff.price_at(at("2031-01-06T08:00:00Z")) == Decimal("0.31")
    block = at("2031-01-04T12:00:00Z")
    prices = {0: "0.3", 4999: "0.3", 5000: "0.275", 8999: "0.275", 9000: "0.25", 10**9: "0.25"}
    assert {counted: tariff.price_at(block, counted) for counted in prices} == {
        counted: Decimal(price) for counted, price in prices.items()
    }
    assert replace(tariff, tou_prices=None).price_at(at("2031-01-06T08:00:00Z")) is None
    assert replace(tariff, tou_prices=()).price_at(at("2031-01-06T08:00:00Z")) == 0
    assert replace(tariff, thresholds=None).price_at(block) is None
    reset = Switch(Time(bytes(4)), Action(ActionKind.OTHER, 99))
    assert replace(tariff, days=(Day(2, (reset,)),)).price_at(block) is None
    gas_block = from_json(GAS_BLOCK)
    assert gas_block.price_at(block, 750_000) == Decimal("0.07")
