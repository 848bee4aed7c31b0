"""A process killed at any moment loses nothing it acknowledged, and nothing is there in part."""

import os
import random
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from hil.sqlite_store import SqliteDatabase, SqliteStore
from tests.hil.home_load import Home, Witness
from tests.hil.workload import reached, state


def killed(root: Path, arguments: list[str], lines_first: int, chance: random.Random) -> list[str]:
    """Run a module of the tests, kill -9 it somewhere behind a line; all whole lines it said."""
    child = subprocess.Popen([sys.executable, "-m", *arguments], cwd=root, stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    with child, child.stdout as acknowledged:
        lines = [acknowledged.readline() for _ in range(lines_first)]
        # up to a commit or two: the kill falls anywhere inside one; without a line, while it starts
        for _ in range(chance.randrange(20_000 if lines_first else 20_000_000)):
            pass
        os.kill(child.pid, signal.SIGKILL)
        lines += acknowledged.readlines()
    assert child.returncode == -signal.SIGKILL
    return [line for line in lines if line.endswith("\n")]


# -- the store alone ------------------------------------------------------------------------


def check_kills(root: Path, path: Path, cycles: int, seed: int) -> None:
    chance = random.Random(seed)
    before = 0
    for cycle in range(cycles):
        lines = killed(root, ["tests.hil.workload", str(path)], chance.randrange(1, 80), chance)
        last = int(lines[-1])
        with SqliteStore(path) as store:
            found = reached(store)
            held = dict(store.scan(""))
        assert last > before, f"cycle {cycle}: nothing was done"
        assert found in (last, last + 1), f"cycle {cycle}: acknowledged {last}, found {found}"
        assert held == state(found), f"cycle {cycle}: commit {found} is there in part"
        before = found


def test_kill(root: Path, tmp_path: Path) -> None:
    check_kills(root, tmp_path / "home.db", cycles=20, seed=1)


# -- a home ---------------------------------------------------------------------------------


def check_killed_homes(root: Path, path: Path, cycles: int, seed: int) -> Witness:
    chance = random.Random(seed)
    witness = Witness()
    for _ in range(cycles):
        arguments = ["tests.hil.home_load", str(path), str(witness.next)]
        early = chance.random() < 0.15
        for line in killed(root, arguments, 0 if early else chance.randrange(1, 60), chance):
            witness.hear(line)
        with SqliteDatabase(path) as database:
            witness.check(Home(database.store, witness.hear))
    return witness


def test_kill_a_home(root: Path, tmp_path: Path) -> None:
    witness = check_killed_homes(root, tmp_path / "home.db", cycles=20, seed=3)
    assert witness.next > 50
    assert witness.state.balance > 5
    assert len(witness.alerts) > 50


@pytest.mark.long
def test_kill_often(root: Path, tmp_path: Path) -> None:
    check_kills(root, tmp_path / "home.db", cycles=200, seed=2)


@pytest.mark.long
def test_kill_a_home_often(root: Path, tmp_path: Path) -> None:
    witness = check_killed_homes(root, tmp_path / "home.db", cycles=200, seed=4)
    print(f"\n200 kills: {witness}")
