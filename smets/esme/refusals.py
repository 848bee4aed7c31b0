"""What a meter refuses where the reference infers a rule or is silent: settings, and the limits they add.

The limits the reference states are with the items (`item_rows`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ..behaviours.auxiliary_rules import BY_CALENDAR, CONTROLLERS, FULL, Direction
from .limits import Among, At, Each, Limit, TimeOfDay, Within


@dataclass(frozen=True, slots=True)
class RefusalSettings:
    """Readings of what the reference leaves open on contents a command may set."""

    array_follows_mode: bool = True
    """A credit_charge_configuration of another mode than the Payment Mode set before it is refused with
    result 250, like any array that is not in the table; otherwise the two are judged when they become
    active, as they are in any case: an activation time of now gets 250, a later one 8F67. Gap:
    smets-esme 11.1 and dlms-payloads 7.4 have five combinations, not which item a sixth one fails at."""

    checks_switching_table: bool = False
    """A Tariff Switching Table whose seasons name a week, or whose weeks name a day, that it does not
    have cannot become active: result 250, or 8F67. Otherwise it does, and on such days nothing is in
    force: consumption is in the import register alone and costs nothing. Gap: dlms-payloads 7.2 is
    silent on it."""

    open_times: bool = False
    """A time may leave out hour or minute (FF) in a billing, tariff, auxiliary or non-disablement
    calendar, a block counter reset and the demand window; an auxiliary or non-disablement entry is then
    never executed, the others read 0. Gap: dlms-payloads 7 has wildcards refused where they are not
    allowed, and does not say where that is."""

    block_reset_at_any_time: bool = True
    """The daily reset of the block counters may have another time than 00:00 and a date; otherwise it is
    every day at midnight. Gap: dlms-payloads 7.2, inferred, and a wrong refusal is worse than none."""

    unknown_auxiliary_scripts: bool = True
    """The Auxiliary Controller Calendar may select scripts that are none, which do nothing; otherwise such
    an entry is refused. Gap: dlms-payloads 7.3, inferred, and a wrong refusal is worse than none."""


DEFAULT_REFUSALS = RefusalSettings()

_MIDNIGHT = (bytes(4), b"\0\0\0\xff")
_DAILY = b"\xff" * 5
_RESET = "TariffBlockCounterMatrix.DailyResetting"
_AUXILIARY = "AuxiliaryControllerCalendar"
_SCHEDULES = (_AUXILIARY, "NonDisablementCalendar", "MaximumDemandConfigurableTimePeriod")
_DAYS = ("TariffSwitchingTable.Days", "SecondaryTariffSwitchingTable.Days")


def auxiliary_scripts() -> Within:
    """The script selectors of an auxiliary calendar, of ECS46d and of ECS46c (dlms-payloads 7.3)."""
    found = [(controller << 8 | 0x01, controller << 8 | 0x02) for controller in CONTROLLERS]
    for direction in Direction:
        for controller in CONTROLLERS:
            first = direction << 12 | controller << 8
            found += [(first, first + FULL), (first + BY_CALENDAR, first + BY_CALENDAR + FULL)]
    return Within(tuple(found))


def inferred(settings: RefusalSettings) -> Mapping[str, tuple[Limit, ...]]:
    """Limits beside those of the item rows, by item; they hold for its passive value as well."""
    found: dict[str, tuple[Limit, ...]] = {}
    if not settings.open_times:
        said = TimeOfDay(wildcards=False)
        found |= dict.fromkeys(("BillingCalendar", _RESET), (Each(At(0, said)),))
        found |= dict.fromkeys(_SCHEDULES, (Each(At(4, said)),))
        found |= dict.fromkeys(_DAYS, (Each(At(1, Each(At(0, said)))),))
    if not settings.block_reset_at_any_time:
        reset = (Each(At(0, Among(_MIDNIGHT))), Each(At(1, Among((_DAILY,)))))
        found[_RESET] = found.get(_RESET, ()) + reset
    if not settings.unknown_auxiliary_scripts:
        found[_AUXILIARY] = (*found.get(_AUXILIARY, ()), Each(At(3, auxiliary_scripts())))
    return found
