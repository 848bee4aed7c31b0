"""`smets run`: exit status, lines, files left behind."""

import json
import os
import signal
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from hil.scenario import load_scenario
from hil.transcript import read_transcript
from smets.store import StoreError
from tests.hil.homes import HOME, METER, READ, command, step
from tools.main import main

GOOD = HOME + METER + READ + step(wait="10")
BAD = GOOD + command("ECS52", expect='"refused"')
STEP = GOOD.splitlines().index("[[step]]") + 1
FIELDS = ["v", "step", "file", "line", "what", "use_case", "from", "to", "expected", "found", "passed", "why"]


@pytest.fixture
def smets(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> "Smets":
    return Smets(capsys, tmp_path)


class Smets:
    """Runs the command in this process; keeps status, stdout and stderr."""

    def __init__(self, capsys: pytest.CaptureFixture[str], folder: Path) -> None:
        self._capsys = capsys
        self.folder = folder
        self.out = self.error = ""

    def file(self, text: str, name: str = "home.toml") -> str:
        path = self.folder / name
        path.write_text(text, encoding="utf-8")
        return str(path)

    def run(self, *arguments: str) -> int:
        with pytest.raises(SystemExit) as caught:
            main(["run", *arguments])
        self.out, self.error = self._capsys.readouterr()
        assert isinstance(caught.value.code, int)
        return caught.value.code


def test_the_default_scenario(smets: Smets) -> None:
    assert smets.run() == 0
    lines = smets.out.splitlines()
    assert lines[-1] == f"{len(load_scenario(None).steps)} passed, 0 failed"
    assert len(lines) == len(load_scenario(None).steps) + 1
    assert all(line.endswith("passed") for line in lines[:-1])
    assert smets.error == ""


def test_a_failed_step(smets: Smets) -> None:
    assert smets.run(smets.file(BAD)) == 1
    lines = smets.out.splitlines()
    assert lines[-1] == "2 passed, 1 failed"
    assert lines[-2].endswith("failed: refused was expected")
    assert smets.error == ""


def test_no_step_at_all(smets: Smets) -> None:
    assert smets.run(smets.file(HOME + METER)) == 0
    assert smets.out == "0 passed, 0 failed\n"


def test_json(smets: Smets) -> None:
    assert smets.run("--json", smets.file(BAD)) == 1
    *steps, last = [json.loads(line) for line in smets.out.splitlines()]
    assert last == {"v": 1, "passed": 2, "failed": 1}
    assert [list(one) for one in steps] == [FIELDS] * 3
    read, wait, refused = steps
    assert read == {
        "v": 1,
        "step": 1,
        "file": None,
        "line": STEP,
        "what": "ECS52 Read ESME/SAPC/Comms Hub Firmware Version",
        "use_case": "ECS52",
        "from": "supplier",
        "to": "meter",
        "expected": "success",
        "found": "success",
        "passed": True,
        "why": None,
    }
    assert (wait["use_case"], wait["to"], wait["what"]) == (None, None, "wait 10 s")
    assert (refused["passed"], refused["why"]) == (False, "refused was expected")


@pytest.mark.parametrize("as_json", [False, True])
@pytest.mark.parametrize(
    ("text", "said"),
    [
        (GOOD.replace("spec = 1", "spec = 9"), "home.toml line 1: spec: 9 is not read, only 1"),
        (
            GOOD.replace('to = "meter"', 'to = "nobody"'),
            f"home.toml line {STEP + 3}: step.to: no device is called 'nobody'",
        ),
        ("[", "home.toml: Invalid"),
    ],
)
def test_a_broken_scenario(smets: Smets, text: str, said: str, as_json: bool) -> None:
    path, report = smets.folder / "said.jsonl", smets.folder / "report"
    options = ["--json"] if as_json else []
    file = smets.file(text)
    assert smets.run(file, "--transcript", str(path), "--report", str(report), *options) == 2
    assert smets.out == ""
    (line,) = smets.error.splitlines()
    assert line.startswith(f"smets: {smets.folder}/{said}")
    assert not path.exists()
    assert not report.exists()


@pytest.mark.parametrize(
    ("name", "why"),
    [("missing.toml", "No such file or directory"), (".", "is a directory"), ("raw.toml", "UTF-8")],
)
def test_an_unreadable_scenario(smets: Smets, name: str, why: str) -> None:
    (smets.folder / "raw.toml").write_bytes(b"\xff\xfe\x00")
    assert smets.run(str(smets.folder / name)) == 2
    (line,) = smets.error.splitlines()
    assert why in line
    assert smets.out == ""


@pytest.mark.parametrize("option", ["--transcript", "--report", "--store"])
@pytest.mark.parametrize("place", ["home.toml/x", "missing/x", "folder"])
def test_what_cannot_be_written_is_known_before_the_run(smets: Smets, option: str, place: str) -> None:
    file = smets.file(GOOD)
    (smets.folder / "folder" / "junit.xml").mkdir(parents=True)
    path = smets.folder / place
    if (option, place) == ("--report", "missing/x"):
        assert smets.run(file, option, str(path)) == 0  # folders are made
        assert sorted(p.name for p in path.iterdir()) == ["junit.xml", "report.html"]
        return
    assert smets.run(file, option, str(path)) == 2
    assert smets.out == ""
    (line,) = smets.error.splitlines()
    assert str(path) in line


def test_what_is_left_behind(smets: Smets) -> None:
    path, report = smets.folder / "said.jsonl", smets.folder / "a" / "report"
    assert smets.run(smets.file(BAD), "--transcript", str(path), "--report", str(report)) == 1
    lines = list(read_transcript(path.read_text(encoding="utf-8").splitlines()))
    assert [line.verdict for line in lines if line.rule.startswith("scenario: ")] == [
        "passed",
        "passed",
        "failed",
    ]
    (suite,) = ET.fromstring((report / "junit.xml").read_bytes())
    assert (suite.attrib["tests"], suite.attrib["failures"]) == ("2", "1")
    assert "2 passed, 1 failed" in (report / "report.html").read_text(encoding="utf-8")
    assert "2 passed, 1 failed" in smets.out


def test_a_run_that_breaks_off_leaves_what_was_said(smets: Smets, monkeypatch: pytest.MonkeyPatch) -> None:
    from hil.runner import Runner

    run = Runner.run

    def breaks(self: Runner, one: object) -> object:
        if one.number == 2:  # type: ignore[attr-defined]
            raise StoreError("no disk")
        return run(self, one)  # type: ignore[arg-type]

    monkeypatch.setattr(Runner, "run", breaks)
    path, report = smets.folder / "said.jsonl", smets.folder / "report"
    assert smets.run(smets.file(BAD), "--transcript", str(path), "--report", str(report)) == 2
    assert smets.error == "smets: no disk\n"
    assert len(smets.out.splitlines()) == 1
    lines = list(read_transcript(path.read_text(encoding="utf-8").splitlines()))
    assert any(line.code == "0059" for line in lines)
    assert (lines[-1].verdict, lines[-1].text) == ("failed", "the run\nno disk")
    (suite,) = ET.fromstring((report / "junit.xml").read_bytes())
    assert [case.attrib["name"].split(" ")[0] for case in suite] == ["step", "broken"]
    assert suite.attrib["failures"] == "1"


def test_a_home_that_survives(smets: Smets) -> None:
    store = str(smets.folder / "home.db")
    write = smets.file(HOME + METER + command("ECS38", values="[5]"), "write.toml")
    read = smets.file(HOME + METER + command("ECS26c", equals="{ RandomisedOffsetLimit = 5 }"), "read.toml")
    assert smets.run(write, "--store", store) == 0
    assert smets.run(read, "--store", store) == 0
    assert smets.run(read) == 1
    other = smets.file(HOME.replace('seed = "s"', 'seed = "t"') + METER, "other.toml")
    assert smets.run(other, "--store", store) == 2
    assert smets.error.startswith("smets: the store of hub is another home's")
    assert smets.run(read, "--store", read) == 2
    assert len(smets.error.splitlines()) == 1
    assert Path(read).read_text(encoding="utf-8").startswith("spec")


ENDLESS = GOOD + step(wait="86400") * 10 + step(wait="31536000") * 50 + READ


def test_an_interrupted_run(root: Path, tmp_path: Path) -> None:
    scenario, said = tmp_path / "home.toml", tmp_path / "said.jsonl"
    scenario.write_text(ENDLESS, encoding="utf-8")
    # a shell lets its jobs in the background ignore interrupts, and so would this run
    command = ["env", "--default-signal=INT", sys.executable, "-m", "tools.main"]
    arguments = [*command, "run", str(scenario), "--transcript", str(said)]
    child = subprocess.Popen(
        arguments,
        cwd=root,
        env={**os.environ, "PYTHONPATH": str(root)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with child:
        assert child.stdout is not None
        assert child.stderr is not None
        for _ in range(4):
            assert child.stdout.readline()
        os.kill(child.pid, signal.SIGINT)
        rest, error = child.communicate(timeout=30)
    assert child.returncode == 130
    assert error.strip() == ""
    assert "passed, " not in rest
    lines = list(read_transcript(said.read_text(encoding="utf-8").splitlines()))
    assert lines[-1].text == "the run\ninterrupted"


def test_a_reader_that_goes_away(root: Path, tmp_path: Path) -> None:
    scenario = tmp_path / "home.toml"
    scenario.write_text(ENDLESS, encoding="utf-8")
    arguments = [sys.executable, "-m", "tools.main", "run", str(scenario)]
    child = subprocess.Popen(arguments, cwd=root, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    with child:
        assert child.stdout is not None
        assert child.stderr is not None
        child.stdout.readline()
        child.stdout.close()
        assert child.stderr.read() == b""
    assert child.returncode == 1


def test_help(smets: Smets) -> None:
    assert smets.run("--help") == 0
    assert "--store" in smets.out
    assert smets.run("--reprot", "x") == 2
    assert smets.run("a", "b") == 2
