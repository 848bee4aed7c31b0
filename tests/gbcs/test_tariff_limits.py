"""The limits of a tariff, by fuel and element: whatever breaks one is named."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from gbcs.errors import BuildError
from gbcs.tariff.limits import GAS, PRIMARY, SECONDARY, Rules, check
from gbcs.tariff.messages import tariff_values
from gbcs.tariff.text import from_json
from gbcs.time import Utc
from tests.gbcs.tariffs import ELECTRICITY, GAS_BLOCK, GAS_TOU, SECOND, put

SENT = Utc.of(2031, 1, 2, 3, 4, 5)


def _with(base: dict[str, Any], place: str, value: Any) -> dict[str, Any]:
    changed = copy.deepcopy(base)
    steps: list[Any] = [int(step) if step.isdigit() else step for step in place.split("/")]
    put(changed, tuple(steps), value)
    return changed


def _many(one: dict[str, Any], count: int, key: str, start: int = 1) -> list[dict[str, Any]]:
    return [{**one, key: start + number} for number in range(count)]


DAY = {"id": 1, "switches": ["00:00:00 TOU 1"]}
WEEK = {"name": 1, "days": [1] * 7}
MINUTES = [f"{n // 60:02}:{n % 60:02}:00 TOU 1" for n in range(49)]

BROKEN: list[tuple[str, dict[str, Any], str, Any, str]] = [
    ("ECS01a", ELECTRICITY, "currency", "USD", "currency"),
    ("ECS01a", ELECTRICITY, "seasons", [ELECTRICITY["seasons"][0]] * 5, "seasons"),
    ("ECS01a", ELECTRICITY, "seasons", [], "seasons"),
    ("ECS01a", ELECTRICITY, "seasons/0/name", "too long a", "seasons[0].name"),
    ("ECS01a", ELECTRICITY, "seasons/0/name", "é", "seasons[0].name"),
    ("ECS01a", ELECTRICITY, "seasons/1/week", 9, "seasons[1].week"),
    ("ECS01a", ELECTRICITY, "seasons/1/week", 300, "seasons[1].week"),
    ("ECS01a", ELECTRICITY, "seasons/0/start", "2031-02-FE", "seasons[0].start"),
    ("ECS01a", ELECTRICITY, "seasons/0/start", "07E5FE01FF", "seasons[0].start"),
    ("ECS01a", ELECTRICITY, "weeks", _many(WEEK, 5, "name"), "weeks"),
    ("ECS01a", ELECTRICITY, "weeks", [], "weeks"),
    ("ECS01a", ELECTRICITY, "weeks", [WEEK, WEEK], "weeks[1].name"),
    ("ECS01a", ELECTRICITY, "weeks/1/name", "wrong", "weeks[1].name"),
    ("ECS01a", ELECTRICITY, "weeks/1/name", "w", "weeks[1].name"),
    ("ECS01a", ELECTRICITY, "weeks/1/name", "hex:0", "weeks[1].name"),
    ("ECS01a", ELECTRICITY, "weeks/1/days/3", 7, "weeks[1].thursday"),
    ("ECS01a", ELECTRICITY, "weeks/1/days", [1, 2], "weeks[1].days"),
    ("ECS01a", ELECTRICITY, "days", _many(DAY, 17, "id"), "days"),
    ("ECS01a", ELECTRICITY, "days", [], "days"),
    ("ECS01a", ELECTRICITY, "days/2/id", 1, "days[2].id"),
    ("ECS01a", ELECTRICITY, "days/2/id", 256, "days[2].id"),
    ("ECS01a", ELECTRICITY, "days/0/switches", [], "days[0].switches"),
    ("ECS01a", ELECTRICITY, "days/0/switches", MINUTES, "days[0].switches"),
    ("ECS01a", ELECTRICITY, "days/0/switches/1", "00:30:00 TOU 1", "days[0].switches[1]"),
    ("ECS01a", ELECTRICITY, "days/0/switches/1", "24:00:00 TOU 1", "days[0].switches[1]"),
    ("ECS01a", ELECTRICITY, "days/0/switches/1", "*:00:00 TOU 1", "days[0].switches[1]"),
    ("ECS01a", ELECTRICITY, "days/0/switches/1", "08:00:00 TOU 49", "days[0].switches[1]"),
    ("ECS01a", ELECTRICITY, "days/0/switches/1", "08:00:00 block TOU 9", "days[0].switches[1]"),
    ("ECS01a", ELECTRICITY, "days/0/switches/1", "08:00:00 script 99", "days[0].switches[1]"),
    ("ECS01a", ELECTRICITY, "days/0/switches/1", "08:00:00 price 1", "days[0].switches[1]"),
    ("ECS01a", ELECTRICITY, "special_days", [ELECTRICITY["special_days"][0]] * 51, "special_days"),
    ("ECS01a", ELECTRICITY, "special_days/0/day", 9, "special_days[0].day"),
    ("ECS01a", ELECTRICITY, "special_days/0/date", "12-25", "special_days[0].date"),
    ("ECS01a", ELECTRICITY, "special_days/0/date", "FFFF0CFEFF", "special_days[0].date"),
    ("ECS01a", ELECTRICITY, "special_days/1/index", 65536, "special_days[1].index"),
    ("ECS01a", ELECTRICITY, "tou_prices", {"49": "0.1"}, "tou_prices"),
    ("ECS01a", ELECTRICITY, "tou_prices", {"0": "0.1"}, "tou_prices"),
    ("ECS01a", ELECTRICITY, "tou_prices", {"1": 0.1}, "tou_prices.1"),
    ("ECS01a", ELECTRICITY, "tou_prices", {"1": "NaN"}, "tou_prices.1"),
    ("ECS01a", ELECTRICITY, "block_prices", {"9": ["0.1"]}, "block_prices"),
    ("ECS01a", ELECTRICITY, "block_prices", {"1": ["0.1"] * 5}, "block_prices.1"),
    ("ECS01a", ELECTRICITY, "thresholds", {"9": [1]}, "thresholds"),
    ("ECS01a", ELECTRICITY, "thresholds", {"1": [1, 2, 3, 4]}, "thresholds.1"),
    ("ECS01a", ELECTRICITY, "thresholds", {"1": [2, 1]}, "thresholds.1.2"),
    ("ECS01a", ELECTRICITY, "thresholds", {"1": [None, 1]}, "thresholds.1.1"),
    ("ECS01a", ELECTRICITY, "thresholds", {"1": [0xFFFFFFFF]}, "thresholds.1.1"),
    ("ECS01a", ELECTRICITY, "activation", "soon", "activation"),
    ("ECS01a", ELECTRICITY, "activation", None, "activation"),
    ("ECS01a", ELECTRICITY, "standing_charge", None, "standing_charge"),
    ("ECS01a", ELECTRICITY, "seasons", None, "seasons"),
    ("ECS01a", ELECTRICITY, "currency", None, "currency"),
    ("ECS01a", ELECTRICITY, "prices", {}, "prices"),
    ("ECS01a", ELECTRICITY, "left_out", ["ActivationTime"], "activation"),
    ("ECS01a", ELECTRICITY, "left_out", ["Nothing"], "left_out Nothing"),
    ("ECS01a", ELECTRICITY, "other", {"CurrencyUnit/x": 1}, "other CurrencyUnit/x"),
    ("ECS01c", SECOND, "days/0/switches/1", "12:00:00 block TOU 1", "days[0].switches[1]"),
    ("ECS01c", SECOND, "days/0/switches/1", "12:00:00 TOU 5", "days[0].switches[1]"),
    ("ECS01c", SECOND, "block_prices", {"1": ["0.1"]}, "block_prices"),
    ("ECS01c", SECOND, "thresholds", {"1": [5]}, "thresholds"),
    ("ECS01d", SECOND, "tou_prices", {"5": "0.1"}, "tou_prices"),
    ("GCS01a", GAS_TOU, "seasons", [GAS_TOU["seasons"][0]] * 4, "seasons"),
    ("GCS01a", GAS_TOU, "seasons/0/name", "cold", "seasons[0].name"),
    ("GCS01a", GAS_TOU, "seasons/0/start", "2031-02-03T01:00:00Z", "seasons[0].start"),
    ("GCS01a", GAS_TOU, "seasons/0/start", "2155-02-03", "seasons[0].start"),
    ("GCS01a", GAS_TOU, "seasons/0/week", "cold", "seasons[0].week"),
    ("GCS01a", GAS_TOU, "weeks", _many(WEEK, 3, "name"), "weeks"),
    ("GCS01a", GAS_TOU, "weeks/1/name", "ab", "weeks[1].name"),
    ("GCS01a", GAS_TOU, "days", _many(DAY, 5, "id"), "days"),
    ("GCS01a", GAS_TOU, "days/0/switches", ["00:00:00 TOU 1", "07:00:00 TOU 2"], "days[0].switches"),
    ("GCS01a", GAS_TOU, "days/0/switches/0", "07:00:00 TOU 1", "days[0].switches[0]"),
    ("GCS01a", GAS_TOU, "days/0/switches/0", "00:00:00 TOU 5", "days[0].switches[0]"),
    ("GCS01a", GAS_TOU, "days/0/switches/0", "00:00:00 block", "days[0].switches[0]"),
    ("GCS01a", GAS_TOU, "special_days", [GAS_TOU["special_days"][0]] * 21, "special_days"),
    ("GCS01a", GAS_TOU, "special_days/0/index", 1, "special_days[0].index"),
    ("GCS01a", GAS_TOU, "tou_prices", {"5": "0.1"}, "tou_prices"),
    ("GCS01a", GAS_TOU, "issuer", {"event_id": "soon"}, "issuer.event_id"),
    ("GCS01a", GAS_TOU, "issuer", {"tariff_id": -1}, "issuer.tariff_id"),
    ("GCS01a", GAS_BLOCK, "tou_prices", {"1": "0.1"}, "tou_prices"),
    ("GCS01a", GAS_BLOCK, "thresholds", {"1": [1, 2, 3, 4]}, "thresholds.1"),
    ("GCS01a", GAS_BLOCK, "thresholds", {"1": [1 << 48]}, "thresholds.1.1"),
    ("GCS01a", GAS_BLOCK, "thresholds", {"2": [1]}, "thresholds"),
    ("GCS01a", GAS_BLOCK, "thresholds", {}, "thresholds"),
    ("GCS01a", GAS_BLOCK, "thresholds", None, "thresholds"),
    ("GCS01a", GAS_BLOCK, "block_prices", {"2": ["0.1"]}, "block_prices"),
    ("GCS01a", GAS_BLOCK, "days/0/switches/0", "00:00:00 TOU 1", "days[0].switches[0]"),
    ("GCS01a", GAS_BLOCK, "activation", None, "activation"),
    ("GCS01a", GAS_BLOCK, "activation", "1999-01-01T00:00:00Z", "activation"),
    ("GCS01b", GAS_BLOCK, "currency", None, "currency"),
    ("GCS01b", GAS_BLOCK, "standing_charge", None, "standing_charge"),
]


@pytest.mark.parametrize(("use_case", "base", "place", "value", "path"), BROKEN)
def test_what_breaks_a_limit_is_named(
    use_case: str, base: dict[str, Any], place: str, value: Any, path: str
) -> None:
    tariff_values(use_case, base, SENT)
    with pytest.raises(BuildError) as refused:
        tariff_values(use_case, _with(base, place, value), SENT)
    assert refused.value.path == path, refused.value


def test_identifiers_need_a_time() -> None:
    with pytest.raises(BuildError, match=r"issuer\.event_id: missing"):
        tariff_values("GCS01a", GAS_TOU)


@pytest.mark.parametrize(
    ("use_case", "base", "place", "value", "rules"),
    [
        ("ECS01a", ELECTRICITY, "days/0/switches/1", "00:10:00 TOU 1", Rules(ascending=False)),
        ("ECS01a", ELECTRICITY, "thresholds", {"1": [2, 1]}, Rules(rising=False)),
        ("ECS01a", ELECTRICITY, "special_days/0/date", "FFFF0CFEFF", Rules(relative_dates=True)),
        ("GCS01a", GAS_TOU, "days/0/switches/0", "07:00:00 TOU 1", Rules(gas_midnight=False)),
    ],
)
def test_rules_may_be_lifted(use_case: str, base: Any, place: str, value: Any, rules: Rules) -> None:
    given = _with(base, place, value)
    with pytest.raises(BuildError):
        tariff_values(use_case, given, SENT)
    values = tariff_values(use_case, given, SENT, rules)
    assert values == tariff_values(use_case, given, SENT, None)


def test_midnight_may_be_asked_for() -> None:
    tariff = from_json(ELECTRICITY)
    check(tariff, PRIMARY)
    with pytest.raises(BuildError, match=r"days\[0\]\.switches\[0\]"):
        check(tariff, PRIMARY, Rules(midnight=True))


def test_elements_differ_in_their_limits_only() -> None:
    with pytest.raises(BuildError, match="tou_prices"):
        check(from_json(ELECTRICITY), SECONDARY)
    with pytest.raises(BuildError):
        check(from_json(ELECTRICITY), GAS)
    check(from_json(SECOND), PRIMARY)
