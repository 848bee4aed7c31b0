"""A meter over days: what they cost with a store in memory and on disk, how much it holds.

Each day is 48 half hours of a household with a voltage each, a tariff, prepayment and every log;
consumer, alerts and their signatures are part of it, making up the profile is not.
"""

import gc
import time
import tracemalloc
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import NamedTuple

from gbcs.time import Utc
from hil.meter_profiles import Day, generated
from hil.meter_run import MeterRun
from hil.sqlite_store import SqliteDatabase, Synchronous
from smets.device import Device
from smets.store import MemoryStore, Store

START = Utc.of(2026, 1, 1)
YEAR = 365
DAY_US = 86_400_000_000
JUDGED = 120  # days: fewer say nothing of growth


class Life(NamedTuple):
    """Seconds of each day, and octets of the file it left, if any.

    Of a life that was lived several times, which is the same each time, each day has the time of its
    fastest; `years` are seconds of a year of each as it was.
    """

    days: list[float]
    octets: int = 0
    years: tuple[float, ...] = ()

    @property
    def year(self) -> float:
        """Seconds of a year at this pace."""
        return _year(self.days)

    @property
    def growth(self) -> float | None:
        """The median of the last quarter of days by that of the first; None of too few days."""
        if len(self.days) < JUDGED:
            return None
        quarter = len(self.days) // 4
        return median(self.days[-quarter:]) / median(self.days[:quarter])


def in_memory(days: int, times: int = 5) -> Life:
    """With a store in memory, several times, since the speed of a shared machine changes in between."""
    lives = [_lived(MemoryStore(), days) for _ in range(times)]
    return Life([min(seconds) for seconds in zip(*lives, strict=True)], years=tuple(map(_year, lives)))


def on_disk(days: int, synchronous: Synchronous) -> Life:
    """With a store on disk, one commit for each half hour; octets of the file."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "meter"
        with SqliteDatabase(path, synchronous=synchronous) as database:
            seconds = _lived(database.store("meter"), days)
        return Life(seconds, path.stat().st_size)


def held(days: int, variant: str) -> int:
    """Octets that a meter takes after so many days: the device and its store, all they are made of.

    What meters share (tables, compiled code) is there before; what was said is not held by them.
    """
    kind = "three-phase" if variant == "polyphase" else "household"
    warm = MeterRun(MemoryStore(), variant, "warm", START)
    warm.run(generated(kind, "warm", variant), 2)
    gc.collect()
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        device = _device(days, variant, generated(kind, "bench", variant))
        gc.collect()
        after = tracemalloc.get_traced_memory()[0]
        assert device.store is not None  # it lives until here
        return after - before
    finally:
        tracemalloc.stop()


def _year(days: list[float]) -> float:
    return sum(days) * YEAR / len(days)


def _device(days: int, variant: str, day: Day) -> Device:
    run = MeterRun(MemoryStore(), variant, "bench", START)
    run.run(day, days)
    return run.device


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
