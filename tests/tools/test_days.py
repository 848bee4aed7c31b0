"""`smets days`: the days of a meter's store, as CSV and as JSON."""

import json
from pathlib import Path

import pytest

from tests.tools.cli import smets


@pytest.fixture(name="store", scope="module")
def _store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a meter of five days leaves behind."""
    path = tmp_path_factory.mktemp("days") / "meter.db"
    done = smets("meter", "--days", "5", "--store", str(path))
    assert (done.status, done.err) == (0, "")
    return path


def test_days_as_csv_and_json(store: Path) -> None:
    before = store.read_bytes()
    done = smets("days", str(store))
    assert (done.status, done.err) == (0, "")
    header, *lines = done.out.splitlines()
    assert header == "day,import_wh"
    assert [line.split(",")[0] for line in lines] == [f"2026-01-0{n}" for n in range(1, 6)]
    assert all(int(line.split(",")[1]) > 1000 for line in lines)
    found = json.loads(smets("days", str(store), "--json").out)
    assert found["v"] == 1
    assert [f"{one['day']},{one['import_wh']}" for one in found["days"]] == lines
    assert store.read_bytes() == before


def test_from_the_start_of_the_supply_on(store: Path) -> None:
    everything = smets("days", str(store)).out.splitlines()
    since = smets("days", str(store), "--since", "2026-01-04").out.splitlines()
    assert since == [everything[0], *everything[4:]]
    none = smets("days", str(store), "--since", "2026-02-01")
    assert (none.status, none.out, none.err) == (1, "day,import_wh\n", "")


def test_it_adds_up_to_the_register(store: Path) -> None:
    days = json.loads(smets("days", str(store), "--json").out)["days"]
    found = json.loads(smets("meter", "--days", "1", "--store", str(store), "--json").out)
    more = json.loads(smets("days", str(store), "--json").out)["days"]
    assert more[: len(days)] == days
    assert sum(one["import_wh"] for one in more) == found["registers"]["ActiveImportRegister"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--since", "yesterday"), "--since: not a date: 'yesterday'"),
        (("--name", "gas meter"), "gas meter: no meter has this store"),
    ],
)
def test_what_is_wrong(store: Path, arguments: tuple[str, ...], said: str) -> None:
    done = smets("days", str(store), *arguments)
    assert (done.status, done.out) == (2, "")
    assert said in done.err
    assert done.err.count("\n") == 1


def test_files_that_are_none(tmp_path: Path) -> None:
    missing = smets("days", str(tmp_path / "none.db"))
    assert missing.status == 2
    assert list(tmp_path.iterdir()) == []
    empty = tmp_path / "empty.db"
    empty.touch()
    done = smets("days", str(empty))
    assert (done.status, done.out, empty.stat().st_size) == (2, "", 0)
    other = tmp_path / "text.db"
    other.write_text("not a store, but long enough to be told from an empty file\n" * 20)
    done = smets("days", str(other))
    assert (done.status, done.out, done.err.count("\n")) == (2, "", 1)
