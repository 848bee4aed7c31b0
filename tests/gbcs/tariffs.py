"""Tariffs for the tests: some by hand, and any that an element can have."""

from __future__ import annotations

from decimal import Decimal
from functools import cache
from typing import Any

from hypothesis import strategies as st

from gbcs.tariff.limits import GAS, PRIMARY, SECONDARY, Limits
from gbcs.tariff.model import MIDNIGHT, Action, Day, Issuer, Season, SpecialDay, Switch, Tariff, Week
from gbcs.time import Utc
from gbcs.values import Date, Time

ELECTRICITY: dict[str, Any] = {
    "currency": "GBP",
    "standing_charge": "0.25",
    "tou_prices": {"1": "0.31", "2": "0.0875", "48": "0.2"},
    "block_prices": {"2": ["0.3", "0.275", "0.25"]},
    "thresholds": {"2": [5000, 9000]},
    "seasons": [
        {"name": "cold", "start": "*-10-01", "week": 1},
        {"name": "warm", "start": "*-04-01", "week": "wrm"},
    ],
    "weeks": [
        {"name": 1, "days": [1, 1, 1, 1, 1, 2, 2]},
        {"name": "wrm", "days": [2, 2, 2, 2, 2, 2, 3]},
    ],
    "days": [
        {"id": 1, "switches": ["00:30:00 TOU 2", "07:30:00 TOU 1"]},
        {"id": 2, "switches": ["00:00:00 block TOU 2"]},
        {"id": 3, "switches": ["00:00:00 TOU 48"]},
    ],
    "special_days": [{"date": "*-12-25", "day": 3}, {"date": "2031-05-01/4", "day": 1, "index": 9}],
    "activation": "2031-02-03T04:05:06Z",
}
SECOND: dict[str, Any] = {
    "tou_prices": {"1": "0.11", "4": "0.044"},
    "seasons": [{"name": "all", "start": "*-*-*", "week": 7}],
    "weeks": [{"name": 7, "days": [1, 1, 1, 1, 1, 1, 1]}],
    "days": [{"id": 1, "switches": ["00:00:00 TOU 4", "12:00:00 TOU 1"]}],
    "special_days": [],
    "activation": "now",
}
_GAS: dict[str, Any] = {
    "currency": "EUR",
    "standing_charge": "0.28",
    "seasons": [{"start": "*-11-01", "week": 1}, {"start": "2031-05-01", "week": 2}],
    "weeks": [{"name": 1, "days": [1, 1, 1, 1, 1, 2, 2]}, {"name": 2, "days": [2, 2, 2, 2, 2, 2, 2]}],
    "special_days": [{"date": "*-12-26", "day": 2}],
    "activation": "2031-02-03T04:05:06Z",
}
GAS_TOU: dict[str, Any] = {
    **_GAS,
    "tou_prices": {"1": "0.075", "2": "0.061"},
    "days": [{"id": 1, "switches": ["00:00:00 TOU 1"]}, {"id": 2, "switches": ["00:00:00 TOU 2"]}],
}
GAS_BLOCK: dict[str, Any] = {
    **_GAS,
    "block_prices": {"1": ["0.08", "0.07", "0.06"]},
    "thresholds": {"1": [750000, 1500000]},
    "days": [{"id": 1, "switches": ["00:00:00 block"]}, {"id": 2, "switches": ["00:00:00 block"]}],
}

BY_USE_CASE: dict[str, dict[str, Any]] = {
    "ECS01a": ELECTRICITY,
    "ECS01b": ELECTRICITY,
    "ECS01c": SECOND,
    "ECS01d": SECOND,
    "ECS24": ELECTRICITY,
    "ECS24b": SECOND,
    "GCS01a": GAS_BLOCK,
    "GCS01b": GAS_TOU,
    "GCS21f": GAS_TOU,
}
LIMITS = {name: GAS if name[0] == "G" else PRIMARY for name in BY_USE_CASE}
LIMITS.update({"ECS01c": SECONDARY, "ECS01d": SECONDARY, "ECS24b": SECONDARY})

_FEW = 3  # of each; what more there may be is tested apart
_IDS = st.integers(0, 255)
_PLACES = st.integers(0, _FEW - 1)
_TEXTS = st.text("abcXYZ -_", max_size=8)
_MOMENTS = st.integers(1, 0xFFFF_FFFD).map(Utc.from_seconds)
_CLOCKS = st.tuples(st.integers(0, 23), st.integers(0, 59), st.integers(0, 59), st.integers(0, 99))


def put(tree: Any, place: tuple[Any, ...], value: Any) -> None:
    """Put a value at a place of a JSON tree."""
    for key in place[:-1]:
        tree = tree[key]
    tree[place[-1]] = value


@cache
def tariffs(limits: Limits) -> st.SearchStrategy[Tariff]:
    """Whole tariffs of an element, as a person would give them."""
    if limits is GAS:
        return _tariffs(limits, True, False) | _tariffs(limits, False, True)
    return _tariffs(limits, True, limits.block_tous > 0)


def _tariffs(limits: Limits, tous: bool, blocks: bool) -> st.SearchStrategy[Tariff]:
    """Tariffs with TOU prices, with blocks, or with both."""
    gas = limits is GAS
    actions = st.integers(1, limits.tous).map(Action.tou) if tous else st.nothing()
    if blocks:
        actions |= st.integers(1, limits.block_tous).map(Action.block)
    names: st.SearchStrategy[Any] = _IDS if gas else _IDS | st.text("abcXYZ", min_size=2, max_size=4)
    clocks = st.just(MIDNIGHT) if gas else _CLOCKS.map(lambda parts: Time(bytes(parts)))
    switches = st.dictionaries(clocks, actions, min_size=1, max_size=min(limits.switches, _FEW))
    amounts = st.integers(0, 0xFFFF_FFFF) if gas else st.integers(-0x8000, 0x7FFF)
    row = st.sets(st.integers(0, limits.threshold_most), min_size=1, max_size=3)
    return st.builds(
        _assembled,
        st.just(gas),
        scale=st.sampled_from((-5, -4, -6)),
        currency=st.sampled_from(("GBP", "EUR")),
        standing_charge=amounts,
        tou_prices=_lists(amounts, _FEW + 1 if tous else 0),
        block_prices=_lists(_lists(amounts, limits.blocks), min(limits.block_tous, _FEW) if blocks else 0),
        thresholds=_lists(row, min(limits.block_tous, _FEW), gas) if blocks else st.just([]),
        days=st.dictionaries(_IDS, switches, min_size=1, max_size=min(limits.days, _FEW)),
        weeks=st.dictionaries(names, st.tuples(*[_PLACES] * 7), min_size=1, max_size=min(limits.weeks, _FEW)),
        seasons=_lists(st.tuples(st.just("") if gas else _TEXTS, dates(limits), _PLACES, clocks), _FEW, True),
        special_days=_lists(st.tuples(dates(limits), _PLACES, st.none() | st.integers(900, 0xFFFF)), _FEW),
        activation=st.sampled_from(("now", "never")) | _MOMENTS,
        issuer=st.builds(Issuer, st.integers(0, 0xFFFF_FFFF), provider_id=_IDS) if gas else st.just(Issuer()),
    )


def _assembled(gas: bool, scale: int, days: dict[int, Any], weeks: dict[Any, Any], **parts: Any) -> Tariff:
    """A tariff of its parts, which refer to each other by place."""
    ids, names = list(days), list(weeks)

    def price(number: int) -> Decimal:
        return Decimal(number).scaleb(scale)

    return Tariff(
        parts["currency"],
        price(parts["standing_charge"]),
        tuple(map(price, parts["tou_prices"])),
        tuple(tuple(map(price, row)) for row in parts["block_prices"]),
        tuple(tuple(sorted(row)) for row in parts["thresholds"]),
        tuple(Season(n, date, names[week % len(names)], at) for n, date, week, at in parts["seasons"]),
        tuple(
            Week(name, tuple(ids[day % len(ids)] for day in seven))  # type: ignore[arg-type]
            for name, seven in weeks.items()
        ),
        tuple(Day(i, tuple(Switch(*one) for one in sorted(found.items()))) for i, found in days.items()),
        tuple(
            SpecialDay(date, ids[day % len(ids)], None if gas else index)
            for date, day, index in parts["special_days"]
        ),
        parts["activation"],
        issuer=parts["issuer"],
    )


def dates(limits: Limits) -> st.SearchStrategy[Date]:
    """Dates with or without wildcards; not every one exists."""
    years = st.integers(1900, 2154) if limits.dates_only else st.integers(1, 9999)
    return st.builds(
        lambda year, *rest: Date(year.to_bytes(2, "big") + bytes(rest)),
        years | st.just(0xFFFF),
        st.integers(1, 12) | st.just(255),
        st.integers(1, 31) | st.just(255),
        st.integers(1, 7) | st.just(255),
    )


def _lists(item: st.SearchStrategy[Any], most: int, some: bool = False) -> st.SearchStrategy[list[Any]]:
    return st.lists(item, min_size=int(some), max_size=most)
