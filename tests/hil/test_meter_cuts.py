"""A month of a meter cut anywhere is the month that was never cut.

Wherever a process is killed or power is cut, the store holds, to the octet, what that of the uncut month
held after the same commit: registers, balance, logs, counters, answers, whatever there is. Nothing that
was said is missing from it, a command sent again is answered as before and not executed again, and gone
on with, the month ends as if nothing had happened.
"""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from random import Random

import pytest

from hil.meter_run import NAME
from hil.sqlite_store import SqliteDatabase, Synchronous
from smets.store import Store, StoreError
from tests.hil.losing_disk import LosingDisk
from tests.hil.meter_month import COMMIT, DAYS, Processes, Uncut, live

LOST_DISK = "/home.db"
CUTS = 20


@cache
def uncut(seed: str) -> Uncut:
    return Uncut(seed)


def points(commits: int, cuts: int, chance: Random) -> list[int]:
    """Where to cut: while it starts, and behind commits all over the month, not so near its end."""
    return [0, *sorted(chance.sample(range(1, commits - 20), cuts - 1))]


@dataclass
class Cuts:
    """What the cuts of a month came to."""

    month: Uncut
    reached: int = 0  # the commit behind which the month goes on
    cuts: int = 0
    unsaid: int = 0  # how often a commit was there that nobody had heard of
    repeats: int = 0
    places: Counter[bool] = field(default_factory=Counter)

    def check(self, held: Mapping[str, bytes], said: list[str], lost: bool = False) -> None:
        """After a cut: what is held, and what was said since the last; `lost`: some commits may be."""
        month = self.month
        month.check_said(self.reached, said)
        acknowledged = self.reached + said.count(COMMIT)
        found = month.number(held, acknowledged)
        assert held == month.state(found)
        if lost:
            assert found <= acknowledged + 1
        else:
            assert found in (acknowledged, acknowledged + 1), "what was acknowledged is not there"
        self.unsaid += found > acknowledged
        self.repeats += month.check_repeat(held, found)
        self.reached = found
        self.cuts += 1

    def check_end(self, held: Mapping[str, bytes], said: list[str]) -> None:
        """After the last part of the month, which nobody cut."""
        self.month.check_said(self.reached, said)
        assert self.reached + said.count(COMMIT) == self.month.commits
        assert held == self.month.end


# -- the month itself -----------------------------------------------------------------------


def test_a_month_is_the_same_each_time_and_has_something_of_everything() -> None:
    one, other = uncut("cuts"), Uncut("cuts")
    assert (one.said, one.end) == (other.said, other.end)
    result = one.run.result()
    assert result.half_hours > 48 * DAYS * 0.9  # there are outages
    assert len(one.answered) > 150
    assert result.top_ups > 2
    assert sum(result.alerts.values()) > 50
    assert result.balances["TimeDebtRegister1"] == 6_000_000 - DAYS * 20_000
    assert result.registers["TariffTOURegisterMatrix.TOU2"] > 10_000
    full = {name for name, (held, ever, size) in result.logs.items() if ever > held == size}
    assert "BillingDataLog.PrepaymentCredits" in full
    used = {name for name, (held, _, _) in result.logs.items() if held}
    assert used > {
        "EventLog",
        "SecurityLog",
        "PowerEventLog",
        "DailyReadLog.Import",
        "PrepaymentDailyReadLog",
    }


# -- a process killed -----------------------------------------------------------------------


def check_kills(root: Path, path: Path, seed: str, cuts: int) -> Cuts:
    chance = Random(seed)
    found = Cuts(uncut(seed))
    with Processes(root, seed) as processes:
        for point in points(found.month.commits, cuts, chance):
            said, status = processes.life(path, max(0, point - found.reached), chance)
            assert status == -9
            found.check(held(path), said)
        said, status = processes.life(path, None, chance)
        assert status == 0
        found.check_end(held(path), said)
    assert found.cuts == cuts
    return found


def held(path: Path) -> dict[str, bytes]:
    with SqliteDatabase(path) as database:
        return dict(database.store(NAME).scan(""))


def test_killed_at_any_time_a_month_ends_the_same(root: Path, tmp_path: Path) -> None:
    found = check_kills(root, tmp_path / "home.db", "cuts", CUTS)
    assert found.repeats > 10


@pytest.mark.long
@pytest.mark.parametrize("number", range(10))
def test_killed_at_any_time_a_month_ends_the_same_often(root: Path, tmp_path: Path, number: int) -> None:
    found = check_kills(root, tmp_path / "home.db", f"kills {number}", CUTS)
    print(f"\n{found.cuts} kills: {found.repeats} repeats, {found.unsaid} commits nobody had heard of")


# -- writes that were not synced dropped ----------------------------------------------------


@pytest.fixture(params=[True, False], ids=["powersafe", "spoilt sectors"])
def disk(request: pytest.FixtureRequest) -> Iterator[LosingDisk]:
    made = LosingDisk(11, powersafe=request.param)
    yield made
    made.unregister()


class Fused:
    """A store that lets power fail somewhere in a commit to come, or in one soon after it."""

    def __init__(self, store: Store, disk: LosingDisk, commits: int, chance: Random) -> None:
        self._store, self._disk, self._left, self._chance = store, disk, commits, chance
        self.get, self.scan = store.get, store.scan

    def commit(self, changes: Mapping[str, bytes | None]) -> None:
        if self._left == 0:
            self._disk.fuse = self._chance.randrange(60)
        self._left -= 1
        self._store.commit(changes)


def lose(disk: LosingDisk, month: Uncut, commits: int, chance: Random, synchronous: Synchronous) -> list[str]:
    """Go on with a month until power fails behind so many commits; what was said."""
    said: list[str] = []
    disk.aim = chance.choice((None, f"{LOST_DISK}-wal"))
    with (
        contextlib.suppress(StoreError),
        SqliteDatabase(LOST_DISK, driver=disk.driver(), synchronous=synchronous) as database,
    ):
        live(Fused(database.store(NAME), disk, commits, chance), said.append, month.seed)
    assert disk.off, "it ended for another reason than power"
    disk.restore()
    return said


def left(disk: LosingDisk) -> dict[str, bytes]:
    with SqliteDatabase(LOST_DISK, driver=disk.driver()) as database:
        return dict(database.store(NAME).scan(""))


def check_losses(disk: LosingDisk, seed: str, cuts: int, synchronous: Synchronous = "FULL") -> Cuts:
    chance = Random(seed)
    found = Cuts(uncut(seed))
    for point in points(found.month.commits, cuts, chance):
        said = lose(disk, found.month, max(0, point - found.reached), chance, synchronous)
        found.check(left(disk), said, lost=synchronous != "FULL")
    said = []
    with SqliteDatabase(LOST_DISK, driver=disk.driver()) as database:
        live(database.store(NAME), said.append, seed)
    found.check_end(left(disk), said)
    assert found.cuts == cuts
    return found


def test_power_cut_at_any_time_a_month_ends_the_same(disk: LosingDisk) -> None:
    found = check_losses(disk, "cuts", CUTS)
    assert found.repeats > 10


def test_what_is_not_synced_each_time_is_lived_again() -> None:
    """With the store as `smets meter --store` has it the last commits may be lost, and nothing else."""
    disk = LosingDisk(12, powersafe=True)
    check_losses(disk, "cuts", 5, "NORMAL")
    disk.unregister()


@pytest.mark.parametrize("synchronous", ["OFF", "NORMAL"])
def test_a_cut_that_loses_something_is_found_out(synchronous: Synchronous) -> None:
    """The checks above can fail: where commits are not synced, acknowledged ones are lost."""
    found_out, chance = 0, Random(1)
    for number in range(5):
        disk, found = LosingDisk(20 + number, powersafe=True), Cuts(uncut("cuts"))
        said = lose(disk, found.month, chance.randrange(20, 100), chance, synchronous)
        try:
            found.check(left(disk), said)
        except (StoreError, AssertionError):
            found_out += 1
        disk.unregister()
    assert found_out > 1


@pytest.mark.long
@pytest.mark.parametrize("number", range(10))
def test_power_cut_at_any_time_a_month_ends_the_same_often(disk: LosingDisk, number: int) -> None:
    found = check_losses(disk, f"losses {number}", CUTS)
    print(f"\n{found.cuts} cuts: {found.repeats} repeats, {found.unsaid} commits nobody had heard of")
