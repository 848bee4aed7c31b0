"""The JSON form of a tariff, which a person can write by hand.

    {
      "currency": "GBP",
      "standing_charge": "0.2",
      "tou_prices": {"1": "0.02121", "2": "0.03127"},
      "block_prices": {"1": ["0.03", "0.025"]},
      "thresholds": {"1": [10000]},
      "seasons": [
        {"name": "winter", "start": "*-10-27", "week": 1},
        {"name": "summer", "start": "*-03-29", "week": 2}
      ],
      "weeks": [
        {"name": 1, "days": [1, 1, 1, 1, 1, 2, 2]},
        {"name": 2, "days": [2, 2, 2, 2, 2, 2, 2]}
      ],
      "days": [
        {"id": 1, "switches": ["00:00:00 TOU 2", "07:00:00 block TOU 1"]},
        {"id": 2, "switches": ["00:00:00 TOU 1"]}
      ],
      "special_days": [{"date": "*-12-25", "day": 2}],
      "activation": "2030-01-15T09:00:00Z"
    }

Prices are decimal texts in currency per kWh, the standing charge in currency a day, thresholds Wh;
prices and thresholds stand by the number of their TOU, and what is not there is 0 or not in use.
A gas tariff has either `tou_prices` or the `block_prices` and `thresholds` of TOU 1, and
seasons without a name. Dates are `YYYY-MM-DD` with `*` for any part and `/n` for a day of the week; a
season may start at a time, `2015-03-20T22:45:00Z`. The days of a week are Monday to Sunday. The
name of a week is a number, or 2 to 4 characters. `activation` is now, never (to cancel what was set
before) or a date and time. All times are UTC.

How it is sent may be given as well: `price_scale` and `standing_scale` (a power of ten), the `index`
of a special day, `issuer` with `event_id`, `calendar_id`, `tariff_id` and `provider_id`, and values
that this form has no word for, by their place in the values of the message: `other` and
`left_out` (see `model.Tariff`).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any

from ..errors import BuildError
from ..jsonvalue import maybe, want
from ..time import Utc
from ..values import MOMENT, Date, DateTime, Moment, Time, json_form
from .model import (
    MIDNIGHT,
    Action,
    Activation,
    Day,
    Issuer,
    Season,
    SpecialDay,
    Switch,
    Tariff,
    Week,
    WeekName,
)
from .money import price_text

_PRICE = re.compile(r"-?\d{1,300}(\.\d{1,300})?", re.ASCII)
_MOST_NUMBERS = 255


def to_json(tariff: Tariff) -> dict[str, Any]:
    """The JSON object of a tariff; `from_json` makes the same tariff of it, `other` in its JSON form."""
    found = {name: write(getattr(tariff, name)) for name, write, _ in _PARTS if _said(tariff, name)}
    if tariff.issuer != Issuer():
        found["issuer"] = _issuer_json(tariff.issuer)
    if tariff.other:
        found["other"] = json_form(dict(tariff.other))
    if tariff.left_out:
        found["left_out"] = list(tariff.left_out)
    return found


def from_json(given: Any) -> Tariff:
    """The tariff of a JSON object. Raises BuildError that names what is wrong."""
    if not isinstance(given, Mapping):
        raise BuildError("an object is needed", "tariff")
    _known(given, {name for name, _, _ in _PARTS} | {"issuer", "other", "left_out"}, "")
    found: dict[str, Any] = {
        name: read(given[name], name) for name, _, read in _PARTS if given.get(name) is not None
    }
    if given.get("issuer") is not None:
        found["issuer"] = _issuer(want(given, "issuer", dict, ""))
    left_out = maybe(given, "left_out", list, "") or []
    if not all(isinstance(place, str) for place in left_out):
        raise BuildError("a list of texts is needed", "left_out")
    return Tariff(**found, other=maybe(given, "other", dict, "") or {}, left_out=tuple(left_out))


def _said(tariff: Tariff, name: str) -> bool:
    return getattr(tariff, name) is not None


# -- numbers ------------------------------------------------------------------------------


def _price(given: Any, path: str) -> Decimal:
    if isinstance(given, int) and not isinstance(given, bool):
        given = str(given)
    if not isinstance(given, str) or not _PRICE.fullmatch(given):
        raise BuildError(f"a decimal number as text is needed, not {given!r}", path)
    return Decimal(given)


def _number(given: Any, path: str) -> int:
    if isinstance(given, bool) or not isinstance(given, int):
        raise BuildError(f"a number is needed, not {given!r}", path)
    return given


def _text(given: Any, path: str) -> str:
    if not isinstance(given, str):
        raise BuildError(f"a text is needed, not {given!r}", path)
    return given


def _list(given: Any, path: str) -> list[Any]:
    if not isinstance(given, list | tuple):
        raise BuildError("a list is needed", path)
    return list(given)


def _numbered(given: Any, path: str, read: Callable[[Any, str], Any], empty: Any) -> tuple[Any, ...]:
    """The values of an object by their numbers, from 1."""
    if not isinstance(given, Mapping):
        raise BuildError("an object of numbers, from 1, is needed", path)
    found: dict[int, Any] = {}
    for key, value in given.items():
        number = int(key) if re.fullmatch(r"\d{1,3}", str(key), re.ASCII) else 0
        if not 1 <= number <= _MOST_NUMBERS:
            raise BuildError(f"{key!r} is no number of a TOU", path)
        if number in found:
            raise BuildError("stands there twice", f"{path}.{number}")
        found[number] = read(value, f"{path}.{number}")
    return tuple(found.get(number, empty) for number in range(1, max(found, default=0) + 1))


def _price_row(given: Any, path: str) -> tuple[Decimal, ...]:
    return tuple(_price(price, f"{path}.{place}") for place, price in enumerate(_list(given, path), 1))


def _threshold_row(given: Any, path: str) -> tuple[int | None, ...]:
    return tuple(
        None if one is None else _number(one, f"{path}.{place}")
        for place, one in enumerate(_list(given, path), 1)
    )


def _tou_prices(given: Any, path: str) -> tuple[Decimal, ...]:
    return _numbered(given, path, _price, Decimal(0))


def _tou_prices_json(prices: Sequence[Decimal]) -> dict[str, str]:
    return {str(number): price_text(price) for number, price in enumerate(prices, 1) if price != 0}


def _block_prices(given: Any, path: str) -> tuple[tuple[Decimal, ...], ...]:
    return _numbered(given, path, _price_row, ())


def _block_prices_json(rows: Sequence[Sequence[Decimal]]) -> dict[str, list[str]]:
    return {str(number): [price_text(price) for price in row] for number, row in enumerate(rows, 1) if row}


def _thresholds(given: Any, path: str) -> tuple[tuple[int | None, ...], ...]:
    return _numbered(given, path, _threshold_row, ())


def _thresholds_json(rows: Sequence[Sequence[int | None]]) -> dict[str, list[int | None]]:
    return {str(number): list(row) for number, row in enumerate(rows, 1) if row}


# -- dates and times ----------------------------------------------------------------------


def _date(given: Any, path: str) -> Date:
    try:
        return Date.of(_text(given, path))
    except ValueError as error:
        raise BuildError(str(error), path) from None


def _time(given: str, path: str) -> Time:
    try:
        return Time.of(given)
    except ValueError as error:
        raise BuildError(str(error), path) from None


def _start(season: Season) -> str:
    return str(season.start) if season.time == MIDNIGHT else f"{season.start}T{season.time}Z"


def _activation(given: Any, path: str) -> Activation:
    text = _text(given, path)
    if text == "now":
        return "now"
    if text == "never":
        return "never"
    try:
        utc = Utc.parse(text)
        utc.to_datetime()
    except (BuildError, OverflowError):
        raise BuildError(f"now, never or a date and time is needed, not {text!r}", path) from None
    return utc


def _activation_json(activation: Activation) -> str:
    return str(DateTime.of(activation))


# -- the switching table ------------------------------------------------------------------


def _seasons(given: Any, path: str) -> tuple[Season, ...]:
    return tuple(_season(one, f"{path}[{place}]") for place, one in enumerate(_list(given, path)))


def _season(given: Any, path: str) -> Season:
    _known(given, {"name", "start", "week"}, path)
    date, separator, time = want(given, "start", str, path).partition("T")
    where = f"{path}.start"
    at = _time(time.removesuffix("Z"), where) if separator else MIDNIGHT
    week = _week_name(given.get("week"), f"{path}.week")
    return Season(maybe(given, "name", str, path) or "", _date(date, where), week, at)


def _season_json(season: Season) -> dict[str, Any]:
    name = {"name": season.name} if season.name else {}
    return {**name, "start": _start(season), "week": season.week}


def _week_name(given: Any, path: str) -> WeekName:
    if isinstance(given, str):
        return int(given) if re.fullmatch(r"\d{1,3}", given, re.ASCII) else given
    return _number(given, path)


def _weeks(given: Any, path: str) -> tuple[Week, ...]:
    return tuple(_week(one, f"{path}[{place}]") for place, one in enumerate(_list(given, path)))


def _week(given: Any, path: str) -> Week:
    _known(given, {"name", "days"}, path)
    days = [_number(day, f"{path}.days[{n}]") for n, day in enumerate(want(given, "days", list, path))]
    if len(days) != 7:
        raise BuildError("a day profile for each of the 7 days is needed", f"{path}.days")
    monday, tuesday, wednesday, thursday, friday, saturday, sunday = days
    seven = (monday, tuesday, wednesday, thursday, friday, saturday, sunday)
    return Week(_week_name(given.get("name"), f"{path}.name"), seven)


def _week_json(week: Week) -> dict[str, Any]:
    return {"name": week.name, "days": list(week.days)}


def _days(given: Any, path: str) -> tuple[Day, ...]:
    return tuple(_day(one, f"{path}[{place}]") for place, one in enumerate(_list(given, path)))


def _day(given: Any, path: str) -> Day:
    _known(given, {"id", "switches"}, path)
    identifier = _number(given.get("id"), f"{path}.id")
    texts = want(given, "switches", list, path)
    return Day(identifier, tuple(_switch(text, f"{path}.switches[{n}]") for n, text in enumerate(texts)))


def _switch(given: Any, path: str) -> Switch:
    time, _, action = _text(given, path).strip().partition(" ")
    try:
        return Switch(_time(time, path), Action.parse(action))
    except ValueError as error:
        raise BuildError(str(error), path) from None


def _day_json(day: Day) -> dict[str, Any]:
    return {"id": day.id, "switches": [f"{switch.time} {switch.action}" for switch in day.switches]}


def _special_days(given: Any, path: str) -> tuple[SpecialDay, ...]:
    return tuple(_special_day(one, f"{path}[{place}]") for place, one in enumerate(_list(given, path)))


def _special_day(given: Any, path: str) -> SpecialDay:
    _known(given, {"date", "day", "index"}, path)
    day = _number(given.get("day"), f"{path}.day")
    return SpecialDay(_date(given.get("date"), f"{path}.date"), day, maybe(given, "index", int, path))


def _special_day_json(special: SpecialDay) -> dict[str, Any]:
    index = {} if special.index is None else {"index": special.index}
    return {"date": str(special.date), "day": special.day, **index}


# -- the rest -----------------------------------------------------------------------------


def _issuer(given: Mapping[str, Any]) -> Issuer:
    _known(given, {"event_id", "calendar_id", "tariff_id", "provider_id"}, "issuer")
    return Issuer(
        _identifier(given, "event_id"),
        _identifier(given, "calendar_id"),
        _within(want({"tariff_id": 1, **given}, "tariff_id", int, "issuer"), "issuer.tariff_id"),
        _within(want({"provider_id": 0, **given}, "provider_id", int, "issuer"), "issuer.provider_id"),
    )


def _identifier(given: Mapping[str, Any], name: str) -> int | None:
    """An identifier is by custom a time, and may be given as one."""
    if given.get(name) is None:
        return None
    try:
        return _within(MOMENT.plain(given[name]), f"issuer.{name}")
    except ValueError as error:
        raise BuildError(str(error), f"issuer.{name}") from None


def _within(number: int, path: str) -> int:
    if not 0 <= number <= 0xFFFF_FFFF:
        raise BuildError("a number from 0 to 4294967295 is needed", path)
    return number


def _issuer_json(issuer: Issuer) -> dict[str, Any]:
    times = {"event_id": issuer.event_id, "calendar_id": issuer.calendar_id}
    found: dict[str, Any] = {name: str(Moment(time)) for name, time in times.items() if time is not None}
    if issuer.tariff_id != 1:
        found["tariff_id"] = issuer.tariff_id
    if issuer.provider_id:
        found["provider_id"] = issuer.provider_id
    return found


def _known(given: Any, names: set[str], path: str) -> None:
    if not isinstance(given, Mapping):
        raise BuildError("an object is needed", path)
    for name in given:
        if name not in names:
            raise BuildError("there is no such value here", f"{path}.{name}".lstrip("."))


def _each(write: Callable[[Any], Any]) -> Callable[[Any], Any]:
    return lambda values: [write(value) for value in values]


# part, its JSON form, and back
_PARTS: tuple[tuple[str, Callable[[Any], Any], Callable[[Any, str], Any]], ...] = (
    ("currency", str, _text),
    ("standing_charge", price_text, _price),
    ("tou_prices", _tou_prices_json, _tou_prices),
    ("block_prices", _block_prices_json, _block_prices),
    ("thresholds", _thresholds_json, _thresholds),
    ("seasons", _each(_season_json), _seasons),
    ("weeks", _each(_week_json), _weeks),
    ("days", _each(_day_json), _days),
    ("special_days", _each(_special_day_json), _special_days),
    ("activation", _activation_json, _activation),
    ("active_price", price_text, _price),
    ("price_scale", int, _number),
    ("standing_scale", int, _number),
)
