"""A meter over days: what they cost with a store in memory and on disk, how much it holds.

Each day is 48 half hours of a household with a voltage each, a tariff, prepayment and every log;
consumer, alerts and their signatures are part of it, making up the profile is not.
"""

import gc
import time
from pathlib import Path
from statistics import median
from sys import getsizeof
from tempfile import TemporaryDirectory
from typing import NamedTuple

from gbcs.time import Utc
from hil.meter_profiles import generated
from hil.meter_run import MeterRun
from hil.sqlite_store import SqliteDatabase, Synchronous
from smets.store import MemoryStore, Store

START = Utc.of(2026, 1, 1)
YEAR = 365
DAY_US = 86_400_000_000
SYNCHRONOUS: Synchronous = "NORMAL"


class Life(NamedTuple):
    """Seconds of each day, and octets held at the end."""

    days: list[float]
    octets: int

    @property
    def year(self) -> float:
        """Seconds of a year at this pace."""
        return sum(self.days) * YEAR / len(self.days)

    @property
    def growth(self) -> float:
        """The median of the last quarter of days by that of the first."""
        quarter = max(1, len(self.days) // 4)
        return median(self.days[-quarter:]) / median(self.days[:quarter])


def in_memory(days: int) -> Life:
    """With a store in memory; octets of its keys and values, and of what finds them."""
    store = MemoryStore()
    seconds = _lived(store, days)
    held = store.snapshot()
    octets = sum(getsizeof(key) + getsizeof(value) for key, value in held.items())
    return Life(seconds, octets + getsizeof(held) + getsizeof(sorted(held)))


def on_disk(days: int) -> Life:
    """With a store on disk, one commit for each half hour; octets of the file."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "meter"
        with SqliteDatabase(path, synchronous=SYNCHRONOUS) as database:
            seconds = _lived(database.store("meter"), days)
        return Life(seconds, path.stat().st_size)


def _lived(store: Store, days: int) -> list[float]:
    run = MeterRun(store, "single", "bench", START)
    day = generated("household", "bench", "single")
    run.run(day, 1)  # what is made once
    first = START.us // DAY_US + 1
    found = []
    for number in range(first, first + days):
        moments = day(number)
        gc.collect(0)
        start = time.perf_counter()
        run.run(lambda number, made=moments: made, 1)  # type: ignore[misc]
        found.append(time.perf_counter() - start)
    return found
