"""Tariffs of a gas meter and the values of the messages that set and read them.

GCS01a sets the tariff and GCS01b the prices; GCS21f reads them back (reference: gbz-payloads 6
and 8, smets-gsme 3 and 6).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import cache
from typing import Any

from ..errors import BuildError
from ..named.common import FAULT
from ..named.gbz_plan import STATUS, plan
from ..time import Utc
from ..usecases import by_name
from ..values import Kind, code_kind
from ..zcl.fieldlist import FieldList
from ..zcl.meanings import CODES
from ..zcl.named import attribute_kind, body_of, named_body
from ..zcl.templates import template
from . import money
from .gas_calendar import (
    CANCEL,
    CANCEL_INFORMATION,
    MINUTES,
    NOW,
    WHOLE,
    read_calendar,
    start_time,
    written_calendar,
)
from .limits import GAS, RULES, Rules, block_tariff, check
from .model import Activation, Issuer, Tariff
from .overlay import differences, leaf, overlaid

# A threshold attribute that is not in use. The reference does not say what a meter answers for it
# (smets-gsme 3: 1 to 3 thresholds; GCS21f always reads 3): all ones is a choice, as for electricity.
UNUSED = 0xFFFF_FFFF_FFFF
BLOCK_SCHEME, TOU_SCHEME = 0x10, 0x00
_MULTIPLIER, _DIVISOR = 1, 1000  # thresholds count Wh (gbz-payloads 6)
_WH = 1000  # of a kWh
_CURRENCIES = {"GBP": 0x033A, "EUR": 0x03D2}
_STATUS = code_kind("status", CODES["status"])
_TIERS = GAS.tous
_THRESHOLDS = tuple(f"Block{number}Threshold" for number in range(1, GAS.blocks))
_BLOCK_PRICES = tuple(f"NoTierBlock{number}Price" for number in range(1, GAS.blocks + 1))
_TOU_PRICES = tuple(f"Tier{number}Block1Price" for number in range(1, GAS.tous + 1))


@dataclass(frozen=True, slots=True)
class Form:
    """What a message carries, and whether it is read back."""

    use_case: str
    calendar: bool
    read: bool


FORMS = {
    name: Form(name, calendar, read)
    for name, calendar, read in (
        ("GCS01a", True, False),
        ("GCS01b", False, False),
        ("GCS21f", True, True),
    )
}
# part of a tariff without which no command can be, its value, the field of it
_REQUIRED = (
    ("seasons", "PublishSeasons", "SeasonEntries"),
    ("weeks", "PublishWeekProfile", ""),
    ("days", "PublishDayProfile", ""),
    ("currency", "PublishTariffInformation", "Currency"),
    ("standing_charge", "PublishTariffInformation", "StandingCharge"),
    ("activation", "PublishTariffInformation", "StartTime"),
    ("issuer.event_id", "PublishTariffInformation", "IssuerEventId"),
)


def values(
    tariff: Tariff, use_case: str, header_time: Utc | None = None, rules: Rules | None = RULES
) -> dict[str, Any]:
    """The values of a command GCS01a or GCS01b, or of a response to GCS21f.

    `header_time` is the time of the message, which the identifiers are by default. Parts the message
    has no place for are left aside; a response has the parts that are there, and says NOT_FOUND for
    those that are empty. Commands are checked against the limits of gas, and `rules`; None checks
    nothing. Raises BuildError that names the part at fault.
    """
    form = _form(use_case)
    if rules is not None and not form.read:
        check(tariff, GAS, rules)
    found = overlaid(_written(tariff, form, header_time), tariff.other, tariff.left_out)
    if not form.read:
        _complete(found, form)
    return _normal(found, form)


def tariff(given: Mapping[str, Any], use_case: str) -> Tariff:
    """The tariff in the values of a message, in any form; `values` makes the same values of it.

    Takes those of a response with a fault as well: what it does not carry is None. Raises
    BuildError for values the message cannot have.
    """
    form = _form(use_case)
    found = _normal(given, form)
    read = Tariff(**_read(found, form))
    scale = _scale_of(found, form)
    read = replace(read, price_scale=None if _chosen(read, form) == scale else scale)
    other, left_out = differences(found, _written(read, form, None))
    return replace(read, other=other, left_out=left_out)


def _form(use_case: str) -> Form:
    try:
        return FORMS[use_case]
    except KeyError:
        raise BuildError(f"{use_case} carries no gas tariff", "use_case") from None


# -- values in their usual form -----------------------------------------------------------


@cache
def _layouts(form: Form) -> dict[str, tuple[FieldList | Kind, bool]]:
    """The fields of the commands of a message and the kinds of its attributes; whether there are several."""
    code = by_name(form.use_case).code
    assert code is not None
    rows = template(code)
    assert rows is not None
    found: dict[str, tuple[FieldList | Kind, bool]] = {}
    for step in plan(rows):
        found.update((name, (attribute_kind(row), False)) for name, row in step.attributes)
        layout = step.answered.fields if form.read else step.declared.fields
        if layout is not None and not step.reads:
            many = step.slot.answers > 1 if form.read else not step.single
            found[step.answer_name if form.read else step.name] = layout, many
    return found


def _normal(given: Mapping[str, Any], form: Form) -> dict[str, Any]:
    """The values typed, whatever form they were given in. Raises BuildError."""
    layouts = _layouts(form)
    found: dict[str, Any] = {}
    for name in layouts:
        if name not in given:
            continue
        if form.read and isinstance(given[name], Mapping) and set(given[name]) == {STATUS}:
            found[name] = {STATUS: leaf(_STATUS, given[name][STATUS], f"{name}.{STATUS}")}
        else:
            found[name] = _normal_value(*layouts[name], given[name], name)
    for name, value in given.items():
        if name == FAULT and isinstance(value, Mapping) and STATUS in value:
            value = {**value, STATUS: leaf(_STATUS, value[STATUS], f"{FAULT}.{STATUS}")}
        found.setdefault(name, value)
    return found


def _normal_value(layout: FieldList | Kind, many: bool, value: Any, path: str) -> Any:
    if isinstance(layout, Kind):
        return leaf(layout, value, path)
    if many:
        if not isinstance(value, list | tuple):
            raise BuildError("a list is needed", path)
        return [_normal_body(layout, inner, f"{path}[{index}]") for index, inner in enumerate(value)]
    return _normal_body(layout, value, path)


def _normal_body(layout: FieldList, value: Any, path: str) -> dict[str, Any]:
    found = named_body(layout, body_of(layout, value, path))
    assert found is not None
    return found


# -- values of a tariff -------------------------------------------------------------------


def _written(tariff: Tariff, form: Form, header_time: Utc | None) -> dict[str, Any]:
    """The values of the parts of a tariff; None stands for a field that nothing is known of."""
    identifiers = _identifiers(tariff.issuer, header_time, form)
    found = written_calendar(tariff, identifiers, form.read) if form.calendar else {}
    if form.read:
        return {**_written_attributes(tariff, form), **found, **_written_price(tariff, identifiers)}
    return {**found, **_written_prices(tariff, form, identifiers)}


def _identifiers(issuer: Issuer, header_time: Utc | None, form: Form) -> dict[str, int | None]:
    event = issuer.event_id
    if event is None and header_time is not None:
        event = header_time.seconds
    if event is None and form.read:
        event = 0
    calendar = event if issuer.calendar_id is None else issuer.calendar_id
    return {
        "ProviderId": issuer.provider_id,
        "IssuerEventId": event,
        "IssuerCalendarId": calendar,
        "IssuerTariffId": issuer.tariff_id,
    }


def _of_tariff(identifiers: Mapping[str, int | None]) -> dict[str, Any]:
    return {name: identifiers[name] for name in ("ProviderId", "IssuerEventId", "IssuerTariffId")}


def _written_prices(tariff: Tariff, form: Form, identifiers: Mapping[str, int | None]) -> dict[str, Any]:
    """Tariff information, block thresholds and price matrix of a command."""
    scale = _scale(tariff, form)
    blocks = block_tariff(tariff)
    thresholds = tariff.thresholds[0] if tariff.thresholds else ()
    start = start_time(tariff.activation, CANCEL)
    head = {**_of_tariff(identifiers), "StartTime": start}
    found: dict[str, Any] = {
        "PublishTariffInformation": {
            **head,
            "StartTime": start_time(tariff.activation, CANCEL_INFORMATION),
            "TariffTypeChargingScheme": BLOCK_SCHEME if blocks else TOU_SCHEME,
            "TariffLabel": "",
            "NumberOfPriceTiersInUse": 0 if blocks else _TIERS,
            "NumberOfBlockThresholdsInUse": _thresholds_in_use(tariff) if blocks else 0,
            "UnitOfMeasure": 0,
            "Currency": _CURRENCIES.get(tariff.currency or ""),
            "PriceTrailingDigit": -scale << 4,
            "StandingCharge": _price(("standing_charge", tariff.standing_charge), scale),
            "TierBlockMode": 0xFF,
            "BlockThresholdMultiplier": _MULTIPLIER,
            "BlockThresholdDivisor": _DIVISOR,
        }
    }
    if blocks and thresholds and form.calendar:
        found["PublishBlockThresholds"] = [
            {
                **head,
                **WHOLE,
                "SubPayloadControl": 1,
                "TierNumberOfBlockThresholds": len(thresholds),
                "BlockThresholds": [UNUSED if one is None else one for one in thresholds],
            }
        ]
    prices = _block_prices(tariff) if blocks else _tou_prices(tariff)
    found["PublishPriceMatrix"] = {
        **head,
        **WHOLE,
        "SubPayloadControl": 0 if blocks else 1,
        "SubPayload": [
            {"TierBlockId": number, "Price": _price(price, scale)}
            for number, price in enumerate(prices, 0 if blocks else 1)
        ],
    }
    return found


def _thresholds_in_use(tariff: Tariff) -> int:
    """How many thresholds; GCS01b carries their number only, which the prices tell if nothing else does."""
    if tariff.thresholds:
        return len(tariff.thresholds[0])
    return max(len(tariff.block_prices[0]) - 1, 0) if tariff.block_prices else 0


def _written_attributes(tariff: Tariff, form: Form) -> dict[str, Any]:
    """The attributes of a GCS21f response."""
    scale = _scale(tariff, form)
    found: dict[str, Any] = {}
    if tariff.thresholds is not None:
        row = list(tariff.thresholds[0]) if tariff.thresholds else []
        row += [None] * (len(_THRESHOLDS) - len(row))
        found = {"ThresholdDivisor": _DIVISOR, "ThresholdMultiplier": _MULTIPLIER}
        found.update((n, UNUSED if v is None else v) for n, v in zip(_THRESHOLDS, row, strict=True))
        found["UnitOfMeasure"] = 0
    for names, prices, given in (
        (_BLOCK_PRICES, _block_prices(tariff), tariff.block_prices),
        (_TOU_PRICES, _tou_prices(tariff), tariff.tou_prices),
    ):
        if given is not None:
            found.update((n, _price(price, scale)) for n, price in zip(names, prices, strict=True))
    if tariff.currency is not None:
        found["Currency"] = _CURRENCIES.get(tariff.currency)
    if _priced(tariff, form):
        found["PriceTrailingDigit"] = -scale << 4
    if tariff.standing_charge is not None:
        found["StandingCharge"] = _price(("standing_charge", tariff.standing_charge), scale)
    return found


def _written_price(tariff: Tariff, identifiers: Mapping[str, int | None]) -> dict[str, Any]:
    """The price in force, as a meter publishes it in a sample: for a day, of tier 1 of 4."""
    units = None if tariff.active_price is None else money.units(tariff.active_price, money.USUAL_SCALE)
    if units is None or units < 0:
        return {}
    return {
        "PublishPrice": {
            "ProviderId": identifiers["ProviderId"],
            "RateLabel": "",
            "IssuerEventId": identifiers["IssuerEventId"],
            "CurrentTime": identifiers["IssuerEventId"],
            "UnitOfMeasure": 1,
            "Currency": _CURRENCIES.get(tariff.currency or ""),
            "PriceTrailingDigitAndPriceTier": -money.USUAL_SCALE << 4 | 1,
            "NumberOfPriceTiersAndRegisterTier": _TIERS << 4 | 1,
            "StartTime": NOW,
            "DurationInMinutes": MINUTES,
            "Price": units,
        }
    }


def _tou_prices(tariff: Tariff) -> list[money.NamedPrice]:
    return _row(tariff.tou_prices or (), GAS.tous, "tou_prices.")


def _block_prices(tariff: Tariff) -> list[money.NamedPrice]:
    rows = tariff.block_prices or ((),)
    if len(rows) > GAS.block_tous:
        raise BuildError("gas has the block prices of one TOU", "block_prices")
    return _row(rows[0], GAS.blocks, "block_prices.1.")


def _row(prices: tuple[Decimal, ...], count: int, path: str) -> list[money.NamedPrice]:
    if len(prices) > count:
        raise BuildError(f"at most {count} prices are allowed", path.rstrip("."))
    found = list(prices) + [Decimal(0)] * (count - len(prices))
    return [(f"{path}{number}", price) for number, price in enumerate(found, 1)]


def _priced(tariff: Tariff, form: Form) -> list[money.NamedPrice]:
    """All that is written in one power of ten."""
    found: list[money.NamedPrice] = []
    if tariff.standing_charge is not None:
        found.append(("standing_charge", tariff.standing_charge))
    blocks = block_tariff(tariff)
    if tariff.block_prices is not None and (blocks or form.read):
        found += _block_prices(tariff)
    if tariff.tou_prices is not None and (not blocks or form.read):
        found += _tou_prices(tariff)
    return found


def _scale(tariff: Tariff, form: Form) -> int:
    scale = tariff.price_scale
    if scale is None:
        return money.chosen_scale(_priced(tariff, form), money.GAS)
    if not -15 <= scale <= 0:
        raise BuildError("a power of ten from -15 to 0 is needed", "price_scale")
    return scale


def _price(price: tuple[str, Decimal | None], scale: int) -> int | None:
    path, value = price
    return None if value is None else money.written((path, value), scale, money.GAS)


def _complete(found: Mapping[str, Any], form: Form) -> None:
    """Raise BuildError that names a part of the tariff which a command lacks."""
    for part, name, field in _REQUIRED:
        if name not in _layouts(form):
            continue
        body = found.get(name)
        if body is None or (field and isinstance(body, dict) and body.get(field, 0) is None):
            raise BuildError("missing", part)


# -- the tariff of values -----------------------------------------------------------------


def _read(found: Mapping[str, Any], form: Form) -> dict[str, Any]:
    """The parts of the tariff in typed values; parts that are not there, or not readable, are None."""
    parts: dict[str, Any] = {"issuer": _issuer(found, form), **read_calendar(found)}
    if form.read:
        return {**parts, **_read_attributes(found, form), **_read_price(found)}
    return {**parts, **_read_prices(found, form)}


def _issuer(found: Mapping[str, Any], form: Form) -> Issuer:
    """The identifiers of the first component that has them."""
    kept: dict[str, int] = {}
    for name in _layouts(form):
        value = found.get(name)
        for body in value if isinstance(value, list) else [value]:
            if isinstance(body, dict):
                for field in ("ProviderId", "IssuerEventId", "IssuerCalendarId", "IssuerTariffId"):
                    if field in body:
                        kept.setdefault(field, int(body[field]))
    event, calendar = kept.get("IssuerEventId"), kept.get("IssuerCalendarId")
    return Issuer(
        event,
        None if calendar == event else calendar,
        kept.get("IssuerTariffId", 1),
        kept.get("ProviderId", 0),
    )


def _read_prices(found: Mapping[str, Any], form: Form) -> dict[str, Any]:
    """Tariff information, block thresholds and price matrix of a command."""
    information = found.get("PublishTariffInformation", {})
    matrix = found.get("PublishPriceMatrix", {})
    parts: dict[str, Any] = {}
    scale = _scale_of(found, form)
    if information:
        parts["currency"] = _currency(information["Currency"])
        parts["standing_charge"] = money.amount(information["StandingCharge"], scale)
        parts["activation"] = _activation(int(information["StartTime"]))
    blocks = information.get("TariffTypeChargingScheme", 0) & 0xF0 == BLOCK_SCHEME
    if matrix:
        given = {int(row["TierBlockId"]): row["Price"] for row in matrix["SubPayload"]}
        first, count = (0, GAS.blocks) if blocks else (1, GAS.tous)
        prices = tuple(money.amount(given.get(first + place, 0), scale) for place in range(count))
        parts["tou_prices"] = () if blocks else prices
        parts["block_prices"] = (prices,) if blocks else ()
    if form.calendar and information:
        bodies = found.get("PublishBlockThresholds", [])
        row = [int(one) for body in bodies for one in body["BlockThresholds"]]
        scaling = information["BlockThresholdMultiplier"], information["BlockThresholdDivisor"]
        parts["thresholds"] = _thresholds(row, *scaling)
    return parts


def _read_attributes(found: Mapping[str, Any], form: Form) -> dict[str, Any]:
    """The attributes of a GCS21f response."""
    scale = _scale_of(found, form)
    there = {name: value for name, value in found.items() if isinstance(value, int)}
    parts: dict[str, Any] = {}
    if there.keys() >= {*_THRESHOLDS, "ThresholdMultiplier", "ThresholdDivisor"}:
        row = [int(there[name]) for name in _THRESHOLDS]
        kept = [None if one == UNUSED else one for one in row]
        scaling = int(there["ThresholdMultiplier"]), int(there["ThresholdDivisor"])
        parts["thresholds"] = _thresholds(kept, *scaling)
    if there.keys() >= set(_BLOCK_PRICES):
        parts["block_prices"] = (tuple(money.amount(there[name], scale) for name in _BLOCK_PRICES),)
    if there.keys() >= set(_TOU_PRICES):
        parts["tou_prices"] = tuple(money.amount(there[name], scale) for name in _TOU_PRICES)
    if "Currency" in there:
        parts["currency"] = _currency(there["Currency"])
    if "StandingCharge" in there:
        parts["standing_charge"] = money.amount(there["StandingCharge"], scale)
    return parts


def _read_price(found: Mapping[str, Any]) -> dict[str, Any]:
    body = found.get("PublishPrice", {})
    if "Price" not in body:
        return {}
    return {"active_price": money.amount(body["Price"], -(body["PriceTrailingDigitAndPriceTier"] >> 4))}


def _scale_of(found: Mapping[str, Any], form: Form) -> int:
    """The power of ten of the prices of a message (gbz-payloads 8: trailing digit)."""
    holder = found if form.read else found.get("PublishTariffInformation", {})
    digit = holder.get("PriceTrailingDigit")
    return -(digit >> 4) if isinstance(digit, int) else money.USUAL_SCALE


def _chosen(tariff: Tariff, form: Form) -> int | None:
    try:
        return money.chosen_scale(_priced(tariff, form), money.GAS)
    except BuildError:
        return None


def _thresholds(row: list[Any], multiplier: int, divisor: int) -> tuple[tuple[int | None, ...], ...] | None:
    """Thresholds in Wh, None where they are no whole numbers of them."""
    found: list[int | None] = []
    for one in row:
        if one is None:
            found.append(None)
            continue
        if divisor == 0 or one * multiplier * _WH % divisor:
            return None
        found.append(one * multiplier * _WH // divisor)
    return (tuple(found),)


def _currency(number: int) -> str | None:
    return next((name for name, code in _CURRENCIES.items() if code == number), None)


def _activation(start: int) -> Activation:
    if start == NOW:
        return "now"
    return "never" if start in (CANCEL, CANCEL_INFORMATION) else Utc.from_seconds(start)
