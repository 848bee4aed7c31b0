"""What a meter keeps of each day, taken out of the store of a meter of the bench.

The consumer has a right to it without payment, from the start of the supply on, also when the meter has
failed and is about to be replaced (reference: seed-decisions S92 to S95). Nothing of the store is changed.
"""

from __future__ import annotations

import datetime as _dt
from typing import NamedTuple

from gbcs.time import Utc
from smets.esme.meter import make_esme
from smets.store import MemoryStore, Store, StoreError
from smets.work import Work

LOG = "DailyConsumptionLog"
DAY = 86_400


class DayUsed(NamedTuple):
    """A day (UTC), and the energy imported in it, in Wh."""

    day: _dt.date
    import_wh: int


def days_of(work: Work, since: _dt.date | None = None) -> tuple[DayUsed, ...]:
    """The days of a meter from the start of a supply on, oldest first; None: all it holds, up to 731."""
    found = []
    for end, used, *_ in work.log_entries(LOG):
        if isinstance(end, int) and isinstance(used, int):
            day = Utc.from_seconds(end - DAY).to_datetime().date()
            if since is None or day >= since:
                found.append(DayUsed(day, used))
    return tuple(found)


def stored_days(store: Store, since: _dt.date | None = None) -> tuple[DayUsed, ...]:
    """The same from a meter's store, whatever became of the meter. Raises StoreError."""
    held = MemoryStore(dict(store.scan("")))
    if held.get("own/entity") is None:
        raise StoreError("no meter has this store")
    now = Utc(0)
    return days_of(make_esme(held, now).observe(now), since)
