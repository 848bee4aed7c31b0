"""Tariffs of an electricity meter and the values of the messages that set and read them.

ECS01a and ECS01b set the tariff and the prices of the primary element, ECS01c and ECS01d those of
the secondary one; ECS24 and ECS24b read them back (reference: dlms-payloads 7.1 to 7.4).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import cache
from typing import Any

from ..dlms.apdu import ACTION_RESULTS, RESULTS
from ..dlms.named import plain_value, typed
from ..dlms.templates import templates
from ..dlms.wire import WireType
from ..errors import BuildError
from ..named.common import ACTIVATION_TIME, FAULT
from ..named.dlms_plan import plan
from ..time import Utc
from ..usecases import by_name
from ..values import DATE_TIME, Date, DateTime, Time, code_kind
from . import money
from .limits import PRIMARY, RULES, SECONDARY, Limits, Rules, check
from .model import (
    WEEKDAYS,
    Action,
    ActionKind,
    Activation,
    Day,
    Season,
    SpecialDay,
    Switch,
    Tariff,
    Week,
    season_name,
    season_octets,
    week_name,
    week_octets,
)
from .overlay import differences, leaf, overlaid

UNUSED = 0xFFFF_FFFF  # a threshold that is not in use (dlms-payloads 7.4)
TARIFF_SCRIPTS = bytes.fromhex("00000A0064FF")
_BLOCK_BASE, _SECONDARY_BASE = 100, 200  # of script selectors (dlms-payloads 7.3)
_TAIL = bytes.fromhex("8000FF")  # deviation and status of a date-time (dlms-payloads 7)
_PER_KWH = 3  # the power of ten of the Wh a price is for
_ACTIVE_SCALE = -5  # of the active price, where ScalerUnit says nothing else
_RESULT = code_kind("result", {**ACTION_RESULTS, **RESULTS})
_TOUS = range(1, 9)


@dataclass(frozen=True, slots=True)
class Form:
    """What a message carries: the element, the parts of the tariff, and whether it is read back."""

    use_case: str
    limits: Limits
    parts: frozenset[str]
    read: bool

    @property
    def prefix(self) -> str:
        """What the names of the element's values begin with."""
        return "Secondary" if self.limits is SECONDARY else ""


# use case, element, parts, read back
ROWS: tuple[tuple[str, Limits, str, bool], ...] = (
    ("ECS01a", PRIMARY, "calendar thresholds currency standing prices", False),
    ("ECS01b", PRIMARY, "standing prices", False),
    ("ECS01c", SECONDARY, "calendar prices", False),
    ("ECS01d", SECONDARY, "prices", False),
    ("ECS24", PRIMARY, "calendar thresholds currency standing prices active", True),
    ("ECS24b", SECONDARY, "calendar prices active", True),
)
FORMS = {name: Form(name, limits, frozenset(parts.split()), read) for name, limits, parts, read in ROWS}


# part of a form, part of a tariff without which no command can be, last word of its value's name
_REQUIRED = (
    ("calendar", "seasons", "Seasons"),
    ("calendar", "weeks", "Weeks"),
    ("calendar", "days", "Days"),
    ("currency", "currency", "CurrencyUnit"),
    ("standing", "standing_charge", "StandingCharge"),
    ("", "activation", ACTIVATION_TIME),
)


def values(tariff: Tariff, use_case: str, rules: Rules | None = RULES) -> dict[str, Any]:
    """The values of a command of ECS01a to ECS01d, or of a response to ECS24 or ECS24b.

    Parts the message has no place for are left aside. A response has the parts that are there.
    Commands are checked against the limits of the element, and `rules`; None checks nothing.
    Raises BuildError that names the part at fault.
    """
    form = _form(use_case)
    if rules is not None and not form.read:
        check(tariff, form.limits, rules)
    found = _normal(overlaid(_written(tariff, form), tariff.other, tariff.left_out), form)
    if not form.read:
        _complete(found, form)
    return found


def tariff(given: Mapping[str, Any], use_case: str) -> Tariff:
    """The tariff in the values of a message, in any form; `values` makes the same values of it.

    Takes those of a response with a fault as well: what it does not carry is None. Raises
    BuildError for values the message cannot have.
    """
    form = _form(use_case)
    found = _normal(given, form)
    read = Tariff(**_read(found, form))
    other, left_out = differences(found, _normal(_written(read, form), form))
    return replace(read, other=other, left_out=left_out)


def _form(use_case: str) -> Form:
    try:
        return FORMS[use_case]
    except KeyError:
        raise BuildError(f"{use_case} carries no electricity tariff", "use_case") from None


# -- values in their usual form -----------------------------------------------------------


@cache
def _wires(form: Form) -> dict[str, WireType]:
    """The types of the values of a message by name."""
    found: dict[str, WireType] = {}
    code = by_name(form.use_case).code
    assert code is not None
    for step in plan(templates(code)[0]):
        wire = step.answer_wire(False) if form.read else step.wire(False)
        if wire is not None:
            found[step.name] = wire
    return found


def _normal(given: Mapping[str, Any], form: Form) -> dict[str, Any]:
    """The values typed, whatever form they were given in. Raises BuildError."""
    wires = _wires(form)
    names = {name.replace(".", "_"): name for name in wires}
    found: dict[str, Any] = {}
    for given_name, value in given.items():
        name = names.get(given_name.replace(".", "_"), given_name)
        if name in wires:
            value = typed(wires[name])(plain_value(wires[name], value, name))
        elif name == ACTIVATION_TIME:
            value = leaf(DATE_TIME, value, name)
        elif name == FAULT and isinstance(value, Mapping) and "result" in value:
            value = {**value, "result": leaf(_RESULT, value["result"], f"{FAULT}.result")}
        found[name] = value
    return found


# -- values of a tariff -------------------------------------------------------------------


def _written(tariff: Tariff, form: Form) -> dict[str, Any]:
    """The values of the parts of a tariff."""
    found: dict[str, Any] = {}
    for part, write in _WRITERS:
        if part in form.parts:
            found.update(write(tariff, form))
    if not form.read and tariff.activation is not None:
        found[ACTIVATION_TIME] = _activation(tariff.activation)
    return found


def _part(tariff: Tariff, name: str, form: Form, empty: Any) -> Any:
    """A part of a tariff that may be empty, and is that in a command unless it is given."""
    value = getattr(tariff, name)
    return empty if value is None and not form.read else value


def _complete(found: Mapping[str, Any], form: Form) -> None:
    """Raise BuildError that names a part of the tariff which a command lacks."""
    ends = {name.rpartition(".")[2] for name in found}
    for part, name, value in _REQUIRED:
        if (part in form.parts or not part) and value not in ends:
            raise BuildError("missing", name)


def _write_calendar(tariff: Tariff, form: Form) -> dict[str, Any]:
    table = f"{form.prefix}TariffSwitchingTable"
    special_days = _part(tariff, "special_days", form, ())
    found: dict[str, Any] = {}
    if tariff.seasons is not None:
        found[f"{table}.Seasons"] = [_season_value(*season) for season in enumerate(tariff.seasons)]
    if tariff.weeks is not None:
        found[f"{table}.Weeks"] = [_week_value(*week) for week in enumerate(tariff.weeks)]
    if tariff.days is not None:
        found[f"{table}.Days"] = [_day_value(*day, form) for day in enumerate(tariff.days)]
    if special_days is not None:
        found[f"{table}.SpecialDays"] = [_special_value(*day) for day in enumerate(special_days, 1)]
    return found


def _special_value(number: int, special: SpecialDay) -> dict[str, Any]:
    index = number if special.index is None else special.index
    return {"index": index, "specialday_date": special.date, "day_id": special.day}


def _season_value(number: int, season: Season) -> dict[str, Any]:
    path = f"seasons[{number}]"
    return {
        "season_profile_name": season_octets(season.name, f"{path}.name"),
        "season_start": bytes(season.start) + bytes(season.time) + _TAIL,
        "week_name": week_octets(season.week, f"{path}.week"),
    }


def _week_value(number: int, week: Week) -> dict[str, Any]:
    name = week_octets(week.name, f"weeks[{number}].name")
    return {"week_profile_name": name, **dict(zip(WEEKDAYS, week.days, strict=True))}


def _day_value(number: int, day: Day, form: Form) -> dict[str, Any]:
    return {
        "day_id": day.id,
        "day_schedule": [
            {
                "start_time": switch.time,
                "script_logical_name": TARIFF_SCRIPTS,
                "script_selector": _selector(switch.action, f"days[{number}].switches[{place}]", form),
            }
            for place, switch in enumerate(day.switches)
        ],
    }


def _selector(action: Action, path: str, form: Form) -> int:
    """The script selector of an action (dlms-payloads 7.3)."""
    base = {
        ActionKind.TOU: _SECONDARY_BASE if form.limits is SECONDARY else 0,
        ActionKind.BLOCK: _BLOCK_BASE,
        ActionKind.OTHER: 0,
    }[action.kind]
    if action.kind is not ActionKind.OTHER and _action(base + action.number, form) != action:
        raise BuildError(f"{action} is no action of the {form.limits.element} element", path)
    return base + action.number


def _write_thresholds(tariff: Tariff, form: Form) -> dict[str, Any]:
    """The thresholds of each TOU: one more than those in use, as in samples; read back all of them."""
    rows = _part(tariff, "thresholds", form, ())
    if rows is None:
        return {}
    most = form.limits.blocks - 1
    found = {}
    for number in _TOUS:
        row = [UNUSED if one is None else one for one in (rows[number - 1] if number <= len(rows) else ())]
        length = most if form.read else min(len(row) + 1, most)
        found[f"TariffThresholdMatrix.TOU{number}"] = row + [UNUSED] * (length - len(row))
    return found


def _write_currency(tariff: Tariff, form: Form) -> dict[str, Any]:
    currency = tariff.currency
    if currency is None:
        return {}
    if currency not in ("GBP", "EUR"):
        raise BuildError("one of GBP, EUR is needed", "currency")
    return {"CurrencyUnit": currency == "GBP"}


def _write_standing(tariff: Tariff, form: Form) -> dict[str, Any]:
    charge = tariff.standing_charge
    if charge is None:
        return {}
    prices = [("standing_charge", charge)]
    scale = _scale(tariff.standing_scale, prices)
    rows = [{"index": b"", "charge_per_unit": money.written(prices[0], scale, money.ELECTRICITY)}]
    return {"StandingCharge": _charge(scale, 0, (0, bytes(6), 0), rows)}


def _write_prices(tariff: Tariff, form: Form) -> dict[str, Any]:
    tous = _part(tariff, "tou_prices", form, ())
    blocks = _part(tariff, "block_prices", form, ())
    if tous is None:
        return {}
    prices = _price_rows(tous, blocks or (), form)
    scale = _scale(tariff.price_scale, [price for _, price in prices])
    rows = [
        {"index": bytes((index,)), "charge_per_unit": money.written(price, scale, money.ELECTRICITY)}
        for index, price in prices
    ]
    element = bytes.fromhex("0114010800FF" if form.limits is SECONDARY else "0100010800FF")
    return {f"{form.prefix}TariffPriceMatrix": _charge(scale, _PER_KWH, (3, element, 2), rows)}


def _price_rows(
    tous: tuple[Decimal, ...], blocks: tuple[tuple[Decimal, ...], ...], form: Form
) -> list[tuple[int, money.NamedPrice]]:
    """The index octets of the price matrix with their prices: TOU, then blocks (dlms-payloads 7.4)."""
    limits = form.limits
    if len(tous) > limits.tous:
        raise BuildError(f"at most {limits.tous} TOU prices are allowed", "tou_prices")
    if len(blocks) > limits.block_tous or any(len(row) > limits.blocks for row in blocks):
        raise BuildError("more than the element has", "block_prices")
    found = []
    for number in range(1, limits.tous + 1):
        price = tous[number - 1] if number <= len(tous) else Decimal(0)
        found.append((number, (f"tou_prices.{number}", price)))
    for block in range(1, limits.blocks + 1):
        for number in range(1, limits.block_tous + 1):
            row = blocks[number - 1] if number <= len(blocks) else ()
            price = row[block - 1] if block <= len(row) else Decimal(0)
            found.append((0x90 + 0x10 * block + number, (f"block_prices.{number}.{block}", price)))
    return found


def _scale(wanted: int | None, prices: list[money.NamedPrice]) -> int:
    return money.chosen_scale(prices, money.ELECTRICITY) if wanted is None else wanted


def _charge(scale: int, commodity: int, reference: tuple[int, bytes, int], rows: list[Any]) -> dict[str, Any]:
    class_id, logical_name, attribute = reference
    return {
        "charge_per_unit_scaling": {"commodity_scale": commodity, "price_scale": scale},
        "commodity_reference": {
            "class_id": class_id,
            "logical_name": logical_name,
            "attribute_index": attribute,
        },
        "charge_table": rows,
    }


def _write_active(tariff: Tariff, form: Form) -> dict[str, Any]:
    price = tariff.active_price
    units = None if price is None else money.units(price, _ACTIVE_SCALE)
    return {} if units is None else {f"{form.prefix}ActiveTariffPrice": units}


_WRITERS: tuple[tuple[str, Callable[[Tariff, Form], dict[str, Any]]], ...] = (
    ("calendar", _write_calendar),
    ("thresholds", _write_thresholds),
    ("currency", _write_currency),
    ("standing", _write_standing),
    ("prices", _write_prices),
    ("active", _write_active),
)


def _activation(activation: Activation) -> DateTime:
    if isinstance(activation, Utc) and activation.us % 1_000_000:
        raise BuildError("a whole second is needed", "activation")
    try:
        return DateTime.of(activation)
    except ValueError as error:
        raise BuildError(str(error), "activation") from None


# -- the tariff of values -----------------------------------------------------------------


def _read(found: Mapping[str, Any], form: Form) -> dict[str, Any]:
    """The parts of the tariff in typed values; parts that are not there, or not readable, are None."""
    table = f"{form.prefix}TariffSwitchingTable"
    parts: dict[str, Any] = {}
    for name, key, read in (
        ("seasons", f"{table}.Seasons", _season_of),
        ("weeks", f"{table}.Weeks", _week_of),
        ("days", f"{table}.Days", lambda value: _day_of(value, form)),
    ):
        if key in found:
            parts[name] = tuple(read(value) for value in found[key])
    if f"{table}.SpecialDays" in found:
        parts["special_days"] = tuple(
            _special_of(number, value) for number, value in enumerate(found[f"{table}.SpecialDays"], 1)
        )
    rows = [found.get(f"TariffThresholdMatrix.TOU{number}") for number in _TOUS]
    if None not in rows:
        parts["thresholds"] = tuple(
            tuple(None if one == UNUSED else int(one) for one in row) for row in rows if row is not None
        )
    if "CurrencyUnit" in found:
        parts["currency"] = "GBP" if found["CurrencyUnit"] else "EUR"
    if "StandingCharge" in found:
        _read_standing(found["StandingCharge"], parts)
    if f"{form.prefix}TariffPriceMatrix" in found:
        _read_prices(found[f"{form.prefix}TariffPriceMatrix"], parts, form)
    active = found.get(f"{form.prefix}ActiveTariffPrice")
    if active is not None:
        unit = found.get(f"{form.prefix}ActiveTariffPrice.ScalerUnit", {})
        parts["active_price"] = money.amount(active, unit.get("scaler", _ACTIVE_SCALE))
    if not form.read:
        dates = [v for k, v in found.items() if k == ACTIVATION_TIME or k.endswith(f".{ACTIVATION_TIME}")]
        parts["activation"] = _activation_of(dates[0]) if dates else None
    return parts


def _season_of(value: Mapping[str, Any]) -> Season:
    start = bytes(value["season_start"])
    name = season_name(value["season_profile_name"])
    return Season(name, Date(start[:5]), week_name(value["week_name"]), Time(start[5:9]))


def _week_of(value: Mapping[str, Any]) -> Week:
    monday, tuesday, wednesday, thursday, friday, saturday, sunday = (int(value[day]) for day in WEEKDAYS)
    days = (monday, tuesday, wednesday, thursday, friday, saturday, sunday)
    return Week(week_name(value["week_profile_name"]), days)


def _day_of(value: Mapping[str, Any], form: Form) -> Day:
    switches = (
        Switch(Time(entry["start_time"]), _action(entry["script_selector"], form))
        for entry in value["day_schedule"]
    )
    return Day(int(value["day_id"]), tuple(switches))


def _action(selector: int, form: Form) -> Action:
    """The action of a script selector (dlms-payloads 7.3)."""
    limits = form.limits
    base = _SECONDARY_BASE if limits is SECONDARY else 0
    if base < selector <= base + limits.tous:
        return Action.tou(selector - base)
    if _BLOCK_BASE < selector <= _BLOCK_BASE + limits.block_tous:
        return Action.block(selector - _BLOCK_BASE)
    return Action(ActionKind.OTHER, int(selector))


def _special_of(number: int, value: Mapping[str, Any]) -> SpecialDay:
    index = int(value["index"])
    return SpecialDay(
        Date(value["specialday_date"]), int(value["day_id"]), None if index == number else index
    )


def _read_standing(charge: Mapping[str, Any], parts: dict[str, Any]) -> None:
    scaling = charge["charge_per_unit_scaling"]
    scale = int(scaling["price_scale"])
    rows = charge["charge_table"]
    if len(rows) != 1:
        return
    parts["standing_charge"] = money.amount(rows[0]["charge_per_unit"], scale)
    parts["standing_scale"] = _unusual(scale, [("standing_charge", parts["standing_charge"])])


def _read_prices(charge: Mapping[str, Any], parts: dict[str, Any], form: Form) -> None:
    """Prices per kWh, whatever the commodity scale."""
    scaling = charge["charge_per_unit_scaling"]
    scale = int(scaling["price_scale"]) + _PER_KWH - int(scaling["commodity_scale"])
    given = {bytes(row["index"]): row["charge_per_unit"] for row in charge["charge_table"]}
    tous: list[Decimal] = []
    blocks: list[list[Decimal]] = [[] for _ in range(form.limits.block_tous)]
    prices = []
    for index, (path, _) in _price_rows((), (), form):
        price = money.amount(given.get(bytes((index,)), 0), scale)
        prices.append((path, price))
        if index <= form.limits.tous:
            tous.append(price)
        else:
            blocks[(index & 0x0F) - 1].append(price)
    parts["tou_prices"] = tuple(tous)
    parts["block_prices"] = tuple(map(tuple, blocks))
    parts["price_scale"] = _unusual(scale, prices)


def _unusual(scale: int, prices: list[money.NamedPrice]) -> int | None:
    """A power of ten, None where it is the one that would be chosen."""
    try:
        return None if money.chosen_scale(prices, money.ELECTRICITY) == scale else scale
    except BuildError:
        return scale


def _activation_of(octets: DateTime) -> Activation | None:
    if octets.text == "now":
        return "now"
    if octets.text == "never":
        return "never"
    utc: Utc | None = octets.utc
    return utc if utc is not None and DateTime.of(utc) == octets else None
