"""Change of tenancy: what was recorded before a date is not for the consumer who is there now (ECS12).

It counts for the display and for devices of the home area network that only read; commands read
everything. A date to come hides what there will be until then, at once. Source: ECS12 (reference:
smets-esme 3).
"""

from __future__ import annotations

import datetime as _dt
from collections.abc import Iterator

from gbcs.errors import BuildError
from gbcs.time import Utc

from ..values import Value
from ..work import Work
from .history import History, Period, Used

RESTRICTED = frozenset(
    (
        "ProfileDataLog.ActiveImport",
        "ProfileDataLog.Export",
        "ProfileDataLog.ReactiveImport",
        "DailyReadLog.Import",
        "DailyReadLog.Export",
        "PrepaymentDailyReadLog",
        "BillingDataLog.CalendarRegisters",
        "BillingDataLog.CalendarPrepayment",
        "BillingDataLog.ModeOrTariffChange",
        "BillingDataLog.PaymentDebtPayments",
        "BillingDataLog.PrepaymentCredits",
        "DailyConsumptionLog",
    )
)
"""The logs that are concerned; the Cumulative and Historical Value Store is, too (`shown_history`)."""


def restricted_until(work: Work) -> int:
    """The date and time consumer-side reads begin at, in seconds since 2000; 0 where none is set."""
    held = work.item("RestrictDataDateTime")
    try:
        return Utc.from_cosem(held).seconds if isinstance(held, bytes) else 0
    except BuildError:
        return 0


def shown_entries(work: Work, log: str) -> Iterator[tuple[Value, ...]]:
    """The entries of a log a consumer may see, oldest first. Raises KeyError for an unknown one."""
    first = restricted_until(work) if log in RESTRICTED else 0
    return (e for e in work.log_entries(log) if not isinstance(e[0], int) or e[0] >= first)


def shown_history(work: Work, history: History, period: Period) -> tuple[Used, ...]:
    """What a consumer may see of the value store: the periods, newest first, that began since the date.

    One that began before it is not shown at all: it would tell what was used before.
    """
    used, first = history.used(work, period), restricted_until(work)
    begins = _beginnings(work.time, period, history.settings.first_weekday)
    return tuple(one for one, begin in zip(used, begins, strict=False) if not first or begin >= first)


def _beginnings(now: Utc, period: Period, first_weekday: int) -> Iterator[int]:
    """When the period of a moment began, and those before it, in seconds since 2000."""
    day = now.to_datetime().replace(hour=0, minute=0, second=0, microsecond=0)
    if period is Period.WEEK:
        day -= _dt.timedelta(days=(day.isoweekday() - first_weekday) % 7)
    elif period is Period.MONTH:
        day = day.replace(day=1)
    while True:
        yield Utc.from_datetime(day).seconds
        if day.toordinal() <= 31:  # the calendar ends here
            return
        if period is Period.MONTH:
            day = (day - _dt.timedelta(days=1)).replace(day=1)
        else:
            day -= _dt.timedelta(days=7 if period is Period.WEEK else 1)
