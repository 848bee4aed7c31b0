"""Days, weeks and months of consumption and cost, as displays read them.

Nothing of a period that began before the restriction of a change of tenancy is shown (ECS12). Consumption
is in the unit of the registers, cost in millipence. Gap: the reference has identifiers and types (chts-hub
10.3), but neither a divisor of their own nor the scale of costs; where a period's value does not fit its
type, reading it fails. Source: SMETS 5.7.5.11, .12 (reference: smets-esme 3 and 7, han-clusters).
"""

from __future__ import annotations

from ..behaviours.history import History, Period
from ..behaviours.tenancy import shown_history
from ..han.cluster_values import Source, ValueRow
from ..han.endpoints import METER, PREPAYMENT
from ..work import Work

PERIODS = {Period.DAY: ("Day", 8), Period.WEEK: ("Week", 5), Period.MONTH: ("Month", 13)}
"""The periods, and how many before the current one have attributes."""


def history_rows(history: History) -> tuple[ValueRow, ...]:
    """The attributes of every period that a meter keeps."""
    rows: list[ValueRow] = []
    for period, (name, depth) in PERIODS.items():
        for n in range(depth + 1):
            which = f"Current{name}" if n == 0 else f"Previous{name}{'' if n == 1 else n}"
            consumption, cost = f"{which}AlternativeConsumptionDelivered", f"{which}CostConsumptionDelivered"
            rows.append(ValueRow(METER, consumption, _used(history, period, n, 0)))
            rows.append(ValueRow(PREPAYMENT, cost, _used(history, period, n, 1)))
    return tuple(rows)


def _used(history: History, period: Period, n: int, part: int) -> Source:
    def used(work: Work) -> object:
        found = shown_history(work, history, period)
        return found[n][part] if n < len(found) else None

    return used
