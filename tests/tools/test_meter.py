"""`smets meter`: days of half hours, from a file or generated, and what the meter holds then."""

import json
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from gbcs.time import Utc
from hil.meter_profiles import KINDS, Moment, Profile, ProfileError, generated, read_profile
from hil.meter_run import VARIANTS, MeterError, MeterRun, set_up
from hil.sqlite_store import SqliteDatabase
from smets.behaviours.tariff import in_force
from smets.esme.items import items
from smets.events import Metrology, PowerLost
from smets.store import MemoryStore
from tests.tools.cli import smets

START = Utc.of(2026, 3, 1)
HEADER = "time,import_wh,export_wh,power_w,voltage_v,event\n"
PROFILE = HEADER + (
    "2026-03-01T00:00:00Z,100,,,240,\n"
    "2026-03-01T00:30:00Z,150,20,300,241,\n"
    "2026-03-01T01:10:00Z,,,,,power lost\n"
    "2026-03-01T01:20:00Z,,,,,power restored\n"
    "2026-03-02T23:30:00Z,5,,,,\n"
)


def report(*arguments: str) -> dict[str, Any]:
    done = smets("meter", *arguments, "--json")
    assert (done.status, done.err) == (0, "")
    found = json.loads(done.out)
    assert isinstance(found, dict)
    return found


@pytest.fixture
def profile(tmp_path: Path) -> Path:
    path = tmp_path / "profile.csv"
    path.write_text(PROFILE)
    return path


def test_what_a_profile_counts_is_in_registers_and_logs(profile: Path) -> None:
    found = report("--profile", str(profile), "--days", "2")
    assert (found["start"], found["end"]) == ("2026-03-01T00:00:00Z", "2026-03-03T00:00:00Z")
    assert found["registers"]["ActiveImportRegister"] == 255
    assert found["registers"]["ActiveExportRegister"] == 20
    assert found["registers"]["TariffTOURegisterMatrix.TOU2"] == 250  # before seven
    assert found["registers"]["TariffTOURegisterMatrix.TOU1"] == 5
    assert found["half_hours"] == 3
    assert found["logs"]["ProfileDataLog.ActiveImport"] == {"held": 96, "ever": 96, "capacity": 19056}
    assert found["logs"]["DailyReadLog.Import"]["ever"] == 2
    assert found["logs"]["PowerEventLog"]["ever"] == 2
    assert found["supply"] == "enabled"
    # what was used, at 14 and 28 pence per kWh, two standing charges and two days of the debt
    spent = 250 * 14 + 5 * 28 + 2 * 45_000 + 2 * 20_000
    assert found["balances_millipence"]["MeterBalance"] == 2_500_000 - spent
    assert found["balances_millipence"]["TimeDebtRegister1"] == 6_000_000 - 2 * 20_000


def test_a_profile_begins_again(profile: Path) -> None:
    found = report("--profile", str(profile), "--days", "4")
    assert found["registers"]["ActiveImportRegister"] == 510


@pytest.mark.parametrize("kind", KINDS)
def test_same_seed_same_octets(tmp_path: Path, kind: str) -> None:
    said, shown = [], []
    for name in ("one", "two"):
        path = tmp_path / name
        options = ("--generate", kind, "--seed", "x", "--days", "12", "--transcript", str(path))
        shown.append(smets("meter", *options))
        said.append(path.read_bytes())
    assert said[0] == said[1] != b""
    assert shown[0] == shown[1]
    assert shown[0].status == 0
    other = smets("meter", "--generate", kind, "--seed", "y", "--days", "12")
    assert other.out != shown[0].out


def test_days_depend_on_their_date_alone(tmp_path: Path) -> None:
    """A meter that stops and goes on is at its end where one is that never stopped."""
    options = ("--generate", "faults", "--seed", "stop")
    once = report(*options, "--days", "9")
    store = str(tmp_path / "store")
    first = report(*options, "--days", "4", "--store", store)
    second = report(*options, "--days", "5", "--store", store)
    assert (first["end"], second["end"]) == (second["start"], once["end"])
    for part in ("registers", "balances_millipence", "supply", "logs"):
        assert second[part] == once[part]


def test_a_store_keeps_its_variant_and_seed(tmp_path: Path) -> None:
    store = str(tmp_path / "store")
    report("--days", "1", "--store", store)
    done = smets("meter", "--days", "1", "--store", store, "--variant", "twin")
    assert (done.status, done.err) == (2, "smets: the meter of this store is single, not twin\n")
    done = smets("meter", "--days", "1", "--store", store, "--seed", "another")
    assert done.status == 2
    assert "another home's" in done.err


@pytest.mark.parametrize(("sync", "asked"), [((), 1), (("--sync", "normal"), 1), (("--sync", "full"), 2)])
def test_when_the_store_is_on_the_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sync: tuple[str, ...], asked: int
) -> None:
    """The database is asked for it (1 is NORMAL, 2 FULL); what comes of a day is the same."""
    found: list[int] = []
    close = SqliteDatabase.close

    def closed(self: SqliteDatabase) -> None:
        found.append(self._pragma("synchronous"))
        close(self)

    monkeypatch.setattr(SqliteDatabase, "close", closed)
    kept = report("--days", "1", "--store", str(tmp_path / "store"), *sync)
    assert found == [asked]
    assert kept == report("--days", "1")


@pytest.mark.parametrize("variant", VARIANTS)
def test_variants(variant: str) -> None:
    found = report("--variant", variant, "--days", "2")
    assert found["variant"] == variant
    assert found["registers"]["ActiveImportRegister"] > 0
    assert ("SecondaryActiveImportRegister" in found["registers"]) == (variant == "twin")
    phases = 3 if variant == "polyphase" else 1
    voltages = [log for name, log in found["logs"].items() if name.startswith("AverageRMS")]
    assert [log["ever"] for log in voltages] == [96] * phases


def test_panels_export_in_summer() -> None:
    found = report("--generate", "solar", "--start", "2026-06-20", "--days", "2")
    assert found["start"] == "2026-06-20T00:00:00Z"
    assert found["registers"]["ActiveExportRegister"] > 1000


def test_a_long_run_needs_top_ups_and_is_told_so() -> None:
    found = report("--days", "30")
    assert found["top_ups"] > 0
    codes = {alert["code"]: alert for alert in found["alerts"]}
    assert codes["810D"]["name"]
    assert codes["810E"]["count"] == found["top_ups"]  # credit added locally
    assert found["logs"]["BillingDataLog.PrepaymentCredits"]["ever"] == found["top_ups"]


def test_without_supply_nothing_is_used() -> None:
    run = MeterRun(MemoryStore(), "single", "s", START)
    store = run.device.store
    run.run(lambda day: [Moment(1800_000_000, Metrology(import_wh=100_000, power_w=200_000))], 1)
    run.run(lambda day: [Moment(1800_000_000, Metrology(import_wh=100_000, power_w=200_000))], 1)
    before = run.result()
    assert before.registers["ActiveImportRegister"] == 200_000  # 14 pounds a day of 25 and 10
    result = run.run(lambda day: [Moment(82_799_000_000, Metrology(import_wh=100_000))], 1)
    assert store is run.device.store
    assert result.registers["ActiveImportRegister"] <= 300_000


def test_the_plot_is_svg_with_every_curve(tmp_path: Path) -> None:
    path = tmp_path / "meter.svg"
    report("--generate", "solar", "--days", "3", "--plot", str(path))
    root = ElementTree.fromstring(path.read_text())
    space = "{http://www.w3.org/2000/svg}"
    curves = root.findall(f"{space}polyline")
    assert len(curves) == 6
    assert {len(curve.attrib["points"].split()) for curve in curves} == {144}
    texts = " ".join(text.text or "" for text in root.iter(f"{space}text"))
    for word in ("mean power", "registers", "balance", "supply", "2026-01-01T00:30:00Z"):
        assert word in texts


def test_a_bar_shows_on_a_terminal_only() -> None:
    quiet = smets("meter", "--days", "2")
    assert quiet.err == ""
    assert "days" in smets("meter", "--days", "2", terminals="err").err
    assert quiet.out.startswith("time")
    assert "alert" in quiet.out or "supply" in quiet.out


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "line 1: no column 'time'"),
        ("time,wh\n", "line 1: no column 'wh'"),
        ("time,time\n", "line 1: a column is there twice"),
        (HEADER, "no rows"),
        (HEADER + "noon,1,,,,\n", "line 2: time: not a date and time"),
        (HEADER + "2026-01-01T00:10,1,,,,\n", "line 2: time: no half hour begins"),
        (HEADER + "2026-01-01T00:00,x,,,,\n", "line 2: import_wh: not a whole number: 'x'"),
        (HEADER + "2026-01-01T00:00,-1,,,,\n", "line 2: import_wh: -1 is not 0 to"),
        (HEADER + "2026-01-01T00:00,1\n", "line 2: has not as many fields"),
        (HEADER + "2026-01-01T00:00,,,,,flood\n", "line 2: event: 'flood' is not known"),
        (HEADER + "2026-01-01T00:00,1,,,,power lost\n", "line 2: an event has no other values"),
        (HEADER + "2026-01-01T01:00,1,,,,\n2026-01-01T00:00,1,,,,\n", "line 3: is earlier"),
        (
            HEADER + "2026-01-01T01:00,1,,,,\n2026-01-01T01:00,1,,,,\n",
            "line 3: that half hour is there twice",
        ),
        ("time,voltage_2_v\n2026-01-01T01:00,1\n", "line 2: the voltage of a phase before is missing"),
    ],
)
def test_profiles_that_cannot_be_read(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "bad.csv"
    path.write_text(text)
    done = smets("meter", "--profile", str(path), "--days", "1")
    assert (done.status, done.out) == (2, "")
    assert done.err.startswith(f"smets: {path}: {said}")
    assert done.err.count("\n") == 1


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--generate", "castle"), "no kind of home is called 'castle', only household"),
        (("--profile", "/nowhere.csv"), "/nowhere.csv: No such file or directory"),
        (("--profile", "a.csv", "--generate", "solar"), "exclude each other"),
        (("--sync", "full"), "--sync: only with --store"),
        (("--store", "a", "--sync", "off"), "'off' is not one of 'normal', 'full'"),
        (("--plot", "meter.png"), "has to end in .svg"),
        (("--start", "soon"), "--start: not a date: 'soon'"),
        (("--start", "2026-01-01T10:00"), "--start: a day from"),
        (("--days", "0"), "'--days': 0 is not in the range"),
        (("--start", "2099-01-01", "--days", "20000"), "does not go beyond 2136"),
    ],
)
def test_wrong_use(options: tuple[str, ...], said: str) -> None:
    days = () if "--days" in options else ("--days", "1")
    done = smets("meter", *options, *days)
    assert (done.status, done.out) == (2, "")
    assert said in done.err
    assert done.err.count("\n") == 1


def test_a_profile_as_values(profile: Path) -> None:
    read = read_profile(profile)
    first = list(read.day(read.first))
    assert first[0] == (0, Metrology(power_w=200, voltage_v=(240,)), False)
    assert first[1].us == 1_800_000_000
    assert first[1].ends
    assert isinstance(first[1].event, Metrology)
    assert first[1].event.import_wh == 100
    assert (4_200_000_000, PowerLost(), False) in first
    assert read.day(read.first + 2) == read.day(read.first)


def powers(day: Sequence[Moment]) -> list[tuple[int, int | None, int | None]]:
    """Half hours of the day since midnight, and the power that is told then."""
    told = ((moment.us / 1_800_000_000, moment.event) for moment in day)
    return [(n, e.power_w, e.secondary_power_w) for n, e in told if isinstance(e, Metrology)]  # type: ignore[misc]


def read(tmp_path: Path, text: str) -> Profile:
    path = tmp_path / "read.csv"
    path.write_text(text)
    return read_profile(path)


def test_behind_a_gap_there_is_no_load(tmp_path: Path) -> None:
    """Neither in a day nor at its end; where a half hour follows, the load goes on without a break."""
    found = read(
        tmp_path,
        "time,import_wh,power_w,event\n"
        "2026-03-01T00:00:00Z,5000,10000,\n"
        "2026-03-01T00:30:00Z,,,watchdog\n"
        "2026-03-01T00:30:00Z,5000,10001,\n"
        "2026-03-01T01:00:00Z,,,watchdog\n"
        "2026-03-01T23:30:00Z,10,20,\n"
        "2026-03-02T00:00:00Z,11,22,\n"
        "2026-03-02T23:30:00Z,12,24,\n"
        "2026-03-04T12:00:00Z,13,26,\n",
    )
    first = [(0, 10_000, None), (1, None, None), (1, 10_001, None), (2, 0, None), (47, 20, None)]
    assert powers(found.days[0]) == [*first, (48, None, None)]
    assert powers(found.days[1]) == [(0, 22, None), (1, 0, None), (47, 24, None), (48, 0, None)]
    assert powers(found.days[2]) == []
    assert powers(found.days[3]) == [(24, 26, None), (25, 0, None)]


@pytest.mark.parametrize(("second", "last"), [("2026-03-01T23:30:00Z", None), ("2026-03-01T23:00:00Z", 0)])
def test_the_last_day_is_followed_by_the_first(tmp_path: Path, second: str, last: int | None) -> None:
    text = f"time,import_wh\n2026-03-01T00:00:00Z,1\n{second},2\n"
    assert powers(read(tmp_path, text).days[0])[-1][1] == last


def test_no_load_limit_is_exceeded_in_a_gap(tmp_path: Path) -> None:
    text = "time,import_wh,power_w\n2026-03-01T00:00:00Z,500,1000\n2026-03-01T12:00:00Z,10,20\n"
    run = MeterRun(MemoryStore(), "single", "gap", START)
    work = run.device.observe(START)
    work.set_item("LoadLimitPowerThreshold", 900)
    work.set_item("LoadLimitPeriod", 3600)
    work.commit()
    run.run(read(tmp_path, text).day, 1)
    assert run.device.observe(run.now).item("LoadLimitCounter") == 0


@pytest.mark.parametrize(
    ("cells", "power", "secondary"),
    [
        ("100,,,", 200, None),
        ("100,,1300,", 2800, 2600),
        ("100,2700,1300,", 2700, 2600),
        ("100,2700,1300,2500", 2700, 2500),
        ("100,,,0", 200, 0),
        ("0,,0,", 0, 0),
    ],
)
def test_power_of_both_elements_of_a_row(
    tmp_path: Path, cells: str, power: int, secondary: int | None
) -> None:
    header = "time,import_wh,power_w,secondary_wh,secondary_power_w\n"
    day = read(tmp_path, f"{header}2026-03-01T12:00:00Z,{cells}\n").days[0]
    assert powers(day) == [(24, power, secondary), (25, 0, None if secondary is None else 0)]


@pytest.mark.parametrize("kind", KINDS)
def test_generated_power_is_that_of_the_energy(kind: str) -> None:
    """Of both elements, where there are two; that of the secondary one is the rest."""
    for variant in VARIANTS:
        moments = [m.event for m in generated("household" if kind == "faults" else kind, "s", variant)(9_000)]
        events = [e for e in moments if isinstance(e, Metrology)]
        for now, then in pairwise(events):
            assert now.power_w is not None
            assert abs(now.power_w - 2 * (then.import_wh + then.secondary_wh - then.export_wh)) <= 2
            assert now.secondary_power_w == (2 * then.secondary_wh if variant == "twin" else None)


def test_without_supply_no_element_has_power() -> None:
    run = MeterRun(MemoryStore(), "twin", "s", START)
    load = Metrology(100_000, secondary_wh=100_000, power_w=9_000, secondary_power_w=8_000)
    day = [Moment(us * 1_800_000_000, load) for us in (1, 2)]
    run.run(lambda number: day, 1)
    while run.result().supply == "enabled":
        run.run(lambda number: day, 1)
    run.run(lambda number: day[:1], 1)
    work = run.device.observe(run.now)
    assert work.item("ActivePowerImport") == work.value("metering/secondary-power") == 0


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("variant", VARIANTS)
def test_generated_days_are_in_order(kind: str, variant: str) -> None:
    day = generated(kind, "s", variant)
    for number in range(9_000, 9_040):
        times = [moment.us for moment in day(number)]
        assert times == sorted(times)
        assert all(0 <= us <= 86_400_000_000 for us in times)


@pytest.mark.parametrize("variant", VARIANTS)
def test_what_a_meter_is_set_up_with_is_legal(variant: str) -> None:
    known = {item.name: item for item in items(variant, frozenset())}
    for name, value in set_up(variant).items():
        assert not known[name].refusal(value), name
    work = MeterRun(MemoryStore(), variant, "s", START).device.observe(START)
    assert in_force(work) == 2


def test_wrong_values_from_python() -> None:
    with pytest.raises(MeterError, match="none of single"):
        MeterRun(MemoryStore(), "double", "s", START)
    with pytest.raises(MeterError, match="a day at least"):
        MeterRun(MemoryStore(), "single", "s", START).run(lambda day: (), 0)
    with pytest.raises(ProfileError):
        generated("castle", "s", "single")
