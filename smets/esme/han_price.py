"""Prices, the tariff and its periods, as an ESME tells them to the home area network.

Source: reference, han-clusters, gas-zcl-objects and gbz-payloads 6 and 8 (fields and values, which are
those of gas where electricity's are not said), smets-esme 9 (what the meter's tables mean). Which bits are
block and tier, the ZigBee dissectors of Wireshark 4.0 say. Gaps:

- the meter has one tariff, without an identifier: it says the one all GBCS messages have;
- a meter may switch between both kinds of tiers. What it says then is that there are blocks, and its
  prices come in commands of both kinds; each block tier has thresholds of its own;
- as many tiers are in use as the greatest number the switching table switches to;
- the prices of the secondary element are not told.
"""

from __future__ import annotations

import datetime as _dt
from typing import Any

from gbcs.tariff.calendar import last_start, matches
from gbcs.time import Utc
from gbcs.values import Date, Time

from ..behaviours.tariff import active_price
from ..han.cluster_commands import Answer, Asked, CommandRow, Told, in_parts, nothing_held, numbered
from ..work import Work
from .han_settings import DELIVERED, FROM_NOW, PublishSettings
from .item_rows import UNUSED

KWH = 0x00
GBP, EUR = 0x033A, 0x03D2
DAYS = 0x21  # duration type: the high half is 2 in all of them
LONGEST = 366  # days of a billing period, at most (smets-esme 6, 5.7.4.7)
TARIFF_TYPE = 0x0F  # mask
TOU_TARIFF = 0  # charging scheme
BLOCK_PRICES, TOU_PRICES = 0x00, 0x01  # sub-payload control of a price matrix
THRESHOLDS_OF_A_TIER = 0x00  # sub-payload control of block thresholds; 01: those of all tiers
NO_BLOCK_MODE = 0xFF
WH_IN_KWH = 1000
BLOCK_PERIOD_CONTROL = 0x02
BLOCK_RESOLUTION = 0x01
BILLING, DAILY = "BillingCalendar", "TariffBlockCounterMatrix.DailyResetting"
TOU = range(1, 49)  # selectors of the switching table
BLOCK = range(101, 109)
BLOCK_INDEX = 10  # of the first block in the price matrix: A1 is the first price of tier 1


def price_rows(settings: PublishSettings) -> tuple[CommandRow, ...]:
    """Prices and periods of a meter."""

    def current(asked: Asked) -> Answer:
        """The active price. Which tier it is of is not told."""
        work = asked.work
        told = {
            **settings.issued(work),
            "RateLabel": b"",
            "CurrentTime": work.time.seconds,
            "UnitOfMeasure": KWH,
            "Currency": currency(work),
            "PriceTrailingDigitAndPriceTier": _trailing_digit(work),
            "NumberOfPriceTiersAndRegisterTier": 0,
            "StartTime": FROM_NOW,
            "DurationInMinutes": settings.price_minutes,
            "Price": active_price(work, settings=settings.tariff),
        }
        return (Told("PublishPrice", told),)

    def billing(asked: Asked) -> Answer:
        """The period in force now, or then if that is asked for, in days."""
        values, work = asked.values, asked.work
        period = billing_period(work, max(work.time.seconds, values["EarliestStartTime"]))
        if period is None or not _is_delivered(asked):
            return ()
        told = {
            **settings.issued(work),
            "BillingPeriodStartTime": period[0],
            "BillingPeriodDuration": period[1],
            "BillingPeriodDurationType": DAYS,
            "TariffType": DELIVERED,
        }
        return (Told("PublishBillingPeriod", told),)

    def block_period(asked: Asked) -> Answer:
        """That of the block counters: a day where they are reset daily, or the billing period."""
        work = asked.work
        calendar = DAILY if work.item(DAILY) else BILLING
        period = billing_period(work, max(work.time.seconds, asked.values["StartTime"]), calendar)
        if period is None or not _is_delivered(asked) or not _tiers(work)[1]:
            return ()
        told = {
            **settings.issued(work),
            "BlockPeriodStartTime": period[0],
            "BlockPeriodDuration": period[1],
            "BlockPeriodControl": BLOCK_PERIOD_CONTROL,
            "BlockPeriodDurationType": DAYS,
            "TariffType": DELIVERED,
            "TariffResolutionPeriod": BLOCK_RESOLUTION,
        }
        return (Told("PublishBlockPeriod", told),)

    return (
        CommandRow("GetCurrentPrice", current),
        CommandRow("GetBillingPeriod", billing),
        CommandRow("GetBlockPeriod", block_period),
        *_tariff_rows(settings),
    )


def _tariff_rows(settings: PublishSettings) -> tuple[CommandRow, ...]:
    def common(work: Work) -> dict[str, Any]:
        return {**settings.issued(work), "StartTime": FROM_NOW, "IssuerTariffId": settings.tariff_id}

    def is_ours(asked: Asked) -> bool:
        return bool(asked.values["IssuerTariffId"] == settings.tariff_id)

    def information(asked: Asked) -> Answer:
        work = asked.work
        tou, blocks = _tiers(work)
        if not (tou or blocks) or not _is_delivered(asked):
            return ()
        digits, (scale, amount) = _digits(work), _standing_charge(work)
        told = {
            **common(work),
            "TariffTypeChargingScheme": DELIVERED | (settings.block_scheme if blocks else TOU_TARIFF) << 4,
            "TariffLabel": b"",
            "NumberOfPriceTiersInUse": max((*tou, *blocks)),
            "NumberOfBlockThresholdsInUse": max((len(_thresholds(work, tier)) for tier in blocks), default=0),
            "UnitOfMeasure": KWH,
            "Currency": currency(work),
            "PriceTrailingDigit": digits << 4,
            "StandingCharge": amount * 10 ** (digits + scale),
            "TierBlockMode": NO_BLOCK_MODE,
            "BlockThresholdMultiplier": 1,
            "BlockThresholdDivisor": WH_IN_KWH,
        }
        return (Told("PublishTariffInformation", told),)

    def prices(asked: Asked) -> Answer:
        """As many tiers and blocks as are in use, with as many digits as the tariff information says."""
        work = asked.work
        scale, matrix = _prices(work)
        factor = 10 ** (_digits(work) + scale)
        tou, blocks = _tiers(work) if is_ours(asked) else ([], [])
        of_tiers = [(tier, tier) for tier in range(1, max(tou, default=0) + 1)]
        of_blocks = [
            (tier << 4 | block, 16 * (BLOCK_INDEX + block) + tier)
            for tier in blocks
            for block in range(len(_thresholds(work, tier)) + 1)
        ]
        parts: list[Told] = []
        for control, ids in ((TOU_PRICES, of_tiers), (BLOCK_PRICES, of_blocks)):
            entries = [{"TierBlockId": number, "Price": matrix[index] * factor} for number, index in ids]
            told = {**common(work), "SubPayloadControl": control}
            parts += in_parts("PublishPriceMatrix", told, entries, asked.room) if entries else ()
        return numbered(parts)

    def thresholds(asked: Asked) -> Answer:
        """Those of each block tier in use, in a command of its own."""
        work = asked.work
        held = {tier: _thresholds(work, tier) for tier in _tiers(work)[1]} if is_ours(asked) else {}
        return numbered(
            [
                Told(
                    "PublishBlockThresholds",
                    {
                        **common(work),
                        "SubPayloadControl": THRESHOLDS_OF_A_TIER,
                        "TierNumberOfBlockThresholds": tier << 4 | len(found),
                        "BlockThresholds": found,
                    },
                )
                for tier, found in held.items()
                if found
            ]
        )

    return (
        CommandRow("GetTariffInformation", information),
        CommandRow("GetPriceMatrix", prices),
        CommandRow("GetBlockThresholds", thresholds),
        nothing_held("GetTierLabels"),
    )


def _is_delivered(asked: Asked) -> bool:
    """What is asked of electricity imported, or does not say of which."""
    return bool(asked.values.get("TariffType", DELIVERED) & TARIFF_TYPE == DELIVERED)


def currency(work: Work) -> int:
    """What money is counted in."""
    return GBP if work.item("CurrencyUnit") else EUR


def _trailing_digit(work: Work) -> int:
    """Digits behind the point, in the high half of the octet."""
    held = work.item("ActiveTariffPrice.ScalerUnit")
    scale = held[0] if isinstance(held, tuple) else 0
    return (-scale & 0x0F) << 4 if isinstance(scale, int) else 0


def billing_period(work: Work, seconds: int, calendar: str = BILLING) -> tuple[int, int] | None:
    """Start and days of the period of a moment; None where the calendar does not say."""
    held: Any = work.item(calendar)
    moment = Utc.from_seconds(seconds).to_datetime()
    clock = (moment.hour, moment.minute, moment.second, 0)
    begun = [last_start(Date(date), Time(time), moment.date(), clock) for time, date in held]
    starts = [start for start in begun if start is not None]
    if not starts:
        return None
    day, at = max(starts)
    days = (day + _dt.timedelta(days=later) for later in range(1, LONGEST + 1))
    end = next((one for one in days if any(matches(Date(date), one) for _, date in held)), None)
    if end is None:
        return None
    midnight = Utc.of(day.year, day.month, day.day).seconds
    return midnight + 3600 * at[0] + 60 * at[1] + at[2], (end - day).days


# -- what the meter holds of its tariff -----------------------------------------------------


def _tiers(work: Work) -> tuple[list[int], list[int]]:
    """The TOU and the block tiers that the switching table switches to."""
    held: Any = work.item("TariffSwitchingTable.Days")
    used = {selector for _, switches in held for _, _, selector in switches}
    return sorted(used & set(TOU)), sorted(selector - BLOCK[0] + 1 for selector in used & set(BLOCK))


def _thresholds(work: Work, tier: int) -> list[int]:
    """The thresholds of a block tier in use, in Wh."""
    held: Any = work.item(f"TariffThresholdMatrix.TOU{tier}")
    return [threshold for threshold in held if threshold != UNUSED]


def _prices(work: Work) -> tuple[int, dict[int, int]]:
    """The scale of all prices, and each by its index."""
    (_, scale), _, entries = _charge(work, "TariffPriceMatrix")
    return scale, {index[0]: price for index, price in entries}


def _standing_charge(work: Work) -> tuple[int, int]:
    """Its scale and its amount, a day."""
    (_, scale), _, ((_, amount), *_) = _charge(work, "StandingCharge")
    return scale, amount


def _digits(work: Work) -> int:
    """Digits behind the point with which both prices and standing charge are whole numbers."""
    return max(0, -_prices(work)[0], -_standing_charge(work)[0])


def _charge(work: Work, name: str) -> Any:
    return work.item(name)
