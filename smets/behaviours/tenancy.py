"""Change of tenancy: what was recorded before a date is not for the consumer who is there now (ECS12).

It counts for the display and for devices of the home area network that only read; commands read
everything. A date to come hides what there will be until then, at once. Source: ECS12 (reference:
smets-esme 3).
"""

from __future__ import annotations

from collections.abc import Iterator

from gbcs.errors import BuildError
from gbcs.time import Utc

from ..values import Value
from ..work import Work

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
"""The logs that are concerned; the Cumulative and Historical Value Store is, too, by `restricted_until`."""


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
