"""Transcripts: the fields of the contract, there and back, and the same octets each time."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gbcs.errors import LocalError
from gbcs.message import parse_message
from gbcs.time import Utc
from hil.transcript import LAYERS, Line, Transcript, read_transcript, text_of
from tests.hil.homes import DEFAULT, run

FIELDS = ["v", "time", "from", "to", "layer", "octets", "decoded", "verdict", "rule"]
TEXTS = st.text(st.characters(exclude_categories=("Cs",)), max_size=20)
TIMES = st.integers(0, 10**17).map(Utc)
LINES = st.builds(
    Line, TIMES, TEXTS, TEXTS, st.sampled_from(LAYERS), st.binary(max_size=20), TEXTS, TEXTS, TEXTS, TEXTS
)


@pytest.fixture(scope="module")
def default() -> Transcript:
    made, results = run(DEFAULT)
    assert all(result.passed for result in results)
    return made.home.transcript


def test_the_fields_of_the_contract(default: Transcript) -> None:
    layers = set()
    times = []
    for text in default.text().splitlines():
        line = json.loads(text)
        assert list(line) == FIELDS
        assert line["v"] == 1
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", line["time"])
        assert re.fullmatch(r"([0-9A-F]{2})*", line["octets"])
        assert list(line["decoded"]) == ["code", "text"]
        assert line["layer"] in LAYERS
        layers.add(line["layer"])
        times.append(line["time"])
    assert layers == {"gbcs", "alert", "tunnel", "ui"}
    assert times == sorted(times)


def test_what_is_said_of_a_message_is_what_it_is(default: Transcript) -> None:
    messages = [line for line in default.lines if line.layer in ("gbcs", "alert") and line.sender != line.to]
    assert len(messages) >= 100
    for line in messages:
        message = parse_message(line.octets)
        assert line.code in (f"{message.code:04X}", "")
        assert (line.layer == "alert") == (message.kind.value == "alert")
    checks = {(line.verdict, line.code) for line in default.lines if line.rule.startswith("gbcs-messages 11")}
    assert {("refused", "counter"), ("refused", "mac"), ("refused", "signature")} <= checks


def test_there_and_back(default: Transcript) -> None:
    text = default.text()
    lines = list(read_transcript(text.splitlines()))
    assert lines == default.lines
    assert text_of(lines) == text


@given(st.lists(LINES, max_size=4))
def test_any_line_there_and_back(lines: list[Line]) -> None:
    text = text_of(lines)
    assert text.count("\n") == len(lines)
    assert list(read_transcript(text.split("\n"))) == lines


GOOD = json.loads(Line(Utc(0), "a", "b", "gbcs", b"\0", "c", "d", "e", "f").json())


@pytest.mark.parametrize(
    "text",
    [
        "no json",
        "[]",
        "5",
        "{}",
        "[" * 100_000,
        *(json.dumps({k: v for k, v in GOOD.items() if k != left}) for left in FIELDS),
        *(json.dumps({**GOOD, field: 5}) for field in FIELDS if field != "v"),
        json.dumps({**GOOD, "time": "yesterday"}),
        json.dumps({**GOOD, "layer": "phy"}),
        json.dumps({**GOOD, "octets": "0"}),
        json.dumps({**GOOD, "decoded": {"code": "c"}}),
        json.dumps({**GOOD, "decoded": {"code": 5, "text": "d"}}),
    ],
)
def test_what_is_no_line(text: str) -> None:
    with pytest.raises(LocalError, match=r"^line 2: not a line of a transcript$"):
        list(read_transcript([json.dumps(GOOD), text]))


def test_another_version() -> None:
    with pytest.raises(LocalError, match=r"^line 1: version 2 is not read$"):
        list(read_transcript([json.dumps({**GOOD, "v": 2})]))


def test_empty_lines_are_nothing() -> None:
    assert len(list(read_transcript(["", json.dumps(GOOD), "  \n"]))) == 1


def test_two_runs_say_the_same(default: Transcript) -> None:
    assert run(DEFAULT)[0].home.transcript.text() == default.text()


def test_another_seed_says_something_else(default: Transcript) -> None:
    other = run(DEFAULT.replace('seed = "default"', 'seed = "other"'))
    assert all(result.passed for result in other[1])
    assert other[0].home.transcript.text() != default.text()


@pytest.mark.parametrize("radio", ["memory:", "memory:?loss=0.1&duplicate=0.2&jitter_ms=50"])
def test_two_processes_say_the_same(root: Path, tmp_path: Path, radio: str) -> None:
    scenario = tmp_path / "home.toml"
    scenario.write_text(DEFAULT.replace("memory:", radio), encoding="utf-8")
    said = []
    for seed in ("1", "2"):
        path = tmp_path / f"{seed}.jsonl"
        arguments = [sys.executable, "-m", "tools.main", "run", str(scenario), "--transcript", str(path)]
        environment = {**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": str(root)}
        subprocess.run(arguments, cwd=root, env=environment, capture_output=True)
        said.append(path.read_bytes())
    assert said[0] == said[1]
    assert len(said[0]) > 50_000
