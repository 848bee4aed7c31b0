"""Which contents a class 30 object gives out protected (reference: dlms-payloads 6).

Columns of the rows: item of the invoked method, items of the contents in order,
restriction, Message Code and use case. The last row is an alert, nobody invokes it.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from .objects import Member, by_item


@dataclass(frozen=True, slots=True)
class ProtectedRead:
    """One row: the plaintext is one structure whose elements are the values of `contents`.

    `dated` says whether the request restricts by dates (restriction type 1) or not (0).
    """

    method: Member
    contents: tuple[Member, ...]
    dated: bool
    code: int
    use_case: str

    @property
    def alert_only(self) -> bool:
        """No command invokes it."""
        return not self.method.access


# fmt: off
ROWS: tuple[tuple[str, tuple[str, ...], str, int, str], ...] = (
    ("ImportRegisterCollection.read", ("ImportRegisterCollection",), "none", 0x0027, "ECS17b"),
    ("TariffTOURegisterCollection.read", ("TariffTOURegisterCollection",), "none", 0x0029, "ECS17d"),
    ("TariffBlockTOURegisterCollection.read", ("TariffBlockTOURegisterCollection",), "none", 0x002A, "ECS17e"),
    ("PrepaymentBalanceCollection.read", ("PrepaymentBalanceCollection",), "none", 0x002D, "ECS19"),
    ("BillingDataLog.ModeOrTariffChange.read", ("BillingDataLog.ModeOrTariffChange",), "dates", 0x002F, "ECS20b"),
    ("BillingDataLog.Calendar.read", ("BillingDataLog.CalendarRegisters", "BillingDataLog.CalendarPrepayment"), "dates", 0x0030, "ECS20c"),
    ("DailyReadLog.Import.read", ("DailyReadLog.Import",), "dates", 0x0033, "ECS21a"),
    ("PrepaymentDailyReadLog.read", ("PrepaymentDailyReadLog",), "dates", 0x0034, "ECS21b"),
    ("ProfileDataLog.ActiveImport.read", ("ProfileDataLog.ActiveImport",), "dates", 0x0037, "ECS22b"),
    ("DailyConsumptionLog.read", ("DailyConsumptionLog",), "dates", 0x0060, "ECS66"),
    ("BillingDataLog.CalendarRegisters.alert", ("BillingDataLog.CalendarRegisters",), "none", 0x0061, "ECS68"),
)
# fmt: on


@cache
def table() -> tuple[ProtectedRead, ...]:
    """Every row."""
    return tuple(
        ProtectedRead(by_item(method), tuple(map(by_item, contents)), restriction == "dates", code, use_case)
        for method, contents, restriction, code, use_case in ROWS
    )


@cache
def _by_name() -> dict[bytes, ProtectedRead]:
    return {row.method.logical_name: row for row in table()}


def protected_read(ln: bytes) -> ProtectedRead | None:
    """The row of a class 30 logical name, or None."""
    return _by_name().get(ln)
