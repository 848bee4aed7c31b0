"""A process killed at any moment loses no commit that returned, and none is there in part."""

import os
import random
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from hil.sqlite_store import SqliteStore
from tests.hil.workload import reached, state

WORKLOAD = "tests.hil.workload"


def killed_run(root: Path, path: Path, chance: random.Random) -> int:
    """Run the workload, kill -9 it somewhere; the number of the last commit it acknowledged."""
    child = subprocess.Popen([sys.executable, "-m", WORKLOAD, str(path)], cwd=root, stdout=subprocess.PIPE)
    assert child.stdout is not None
    with child, child.stdout as acknowledged:
        lines = [acknowledged.readline() for _ in range(chance.randrange(1, 80))]
        for _ in range(chance.randrange(20_000)):
            pass  # up to a commit or two: the kill falls anywhere inside one
        os.kill(child.pid, signal.SIGKILL)
        lines += acknowledged.readlines()
    assert child.returncode == -signal.SIGKILL
    complete = [line for line in lines if line.endswith(b"\n")]
    return int(complete[-1])


def check_kills(root: Path, path: Path, cycles: int, seed: int) -> None:
    chance = random.Random(seed)
    before = 0
    for cycle in range(cycles):
        last = killed_run(root, path, chance)
        with SqliteStore(path) as store:
            found = reached(store)
            held = dict(store.scan(""))
        assert last > before, f"cycle {cycle}: nothing was done"
        assert found in (last, last + 1), f"cycle {cycle}: acknowledged {last}, found {found}"
        assert held == state(found), f"cycle {cycle}: commit {found} is there in part"
        before = found


def test_kill(root: Path, tmp_path: Path) -> None:
    check_kills(root, tmp_path / "home.db", cycles=20, seed=1)


@pytest.mark.long
def test_kill_often(root: Path, tmp_path: Path) -> None:
    check_kills(root, tmp_path / "home.db", cycles=200, seed=2)
