"""`smets replay`: lines, figures, exit status."""

import json
from pathlib import Path

import pytest
from smets.tools.main import main

from tests.hil.replay_home import Home, header

ECS52, ECS25R1, ECS26J = 0x0059, 0x00EE, 0x00BE


def run(*arguments: str) -> int:
    with pytest.raises(SystemExit) as end:
        main(["replay", *arguments])
    assert isinstance(end.value.code, int)
    return end.value.code


@pytest.fixture
def home() -> Home:
    made = Home()
    made.pair("READ", ECS52)
    made.pair("FAILED", ECS25R1, fault=(1, 1))
    return made


def test_one_line_a_pair_and_two_figures(
    home: Home, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    keys, messages = home.write(tmp_path)
    assert run("--keys", keys, messages) == 0
    out, err = capsys.readouterr()
    assert out.splitlines() == [
        "needs-fault       ECS25r1 FAILED_X [ESME single]: item 1 fails with 1",
        "match             ECS52   READ_X [ESME single]",
    ]
    assert err.splitlines() == [
        "2 pairs: 1 match, 1 needs-fault",
        "ESME DLMS: 1 of 1 pairs that succeed",
    ]
    assert run("--keys", keys, "--inject", messages) == 0
    out, err = capsys.readouterr()
    assert out.startswith("match-injected    ECS25r1 FAILED_X [ESME single]: item 1 fails with 1\n")
    assert err.splitlines() == [
        "2 pairs: 1 match, 1 match-injected",
        "ESME DLMS: 1 of 1 pairs that succeed",
        "ESME DLMS, injected: 1 of 1 pairs that fail an item",
    ]


def test_json_lines(home: Home, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    keys, messages = home.write(tmp_path)
    assert run("--json", "--keys", keys, messages) == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert lines == [
        {
            "v": 1,
            "case": "FAILED_X",
            "use_case": "ECS25r1",
            "verdict": "needs-fault",
            "why": "item 1 fails with 1",
            "device": "ESME single",
        },
        {
            "v": 1,
            "case": "READ_X",
            "use_case": "ECS52",
            "verdict": "match",
            "why": "",
            "device": "ESME single",
        },
    ]


def test_single_files_are_paired_too(home: Home, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    keys, messages = home.write(tmp_path)
    pair = [str(file) for file in sorted(Path(messages).glob("READ_*"))]
    assert len(pair) == 2
    assert run("--keys", keys, *pair) == 0
    assert capsys.readouterr().out == "match             ECS52   READ_X [ESME single]\n"


def test_a_mismatch_is_status_1(home: Home, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    home.pair("WRONG", ECS26J, alter=header(counter=1))
    keys, messages = home.write(tmp_path)
    assert run("--keys", keys, messages) == 1
    out, err = capsys.readouterr()
    assert "mismatch          ECS26j  WRONG_X [ESME single]: header counter: 1 expected" in out
    assert "1 of 2 pairs that succeed" in err


def test_a_file_that_is_no_message_is_one_line_and_the_rest_goes_on(
    home: Home, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    keys, messages = home.write(tmp_path)
    (Path(messages) / "BROKEN_COMMAND_X.HEX").write_text("DF09")
    assert run("--keys", keys, messages) == 1
    out, err = capsys.readouterr()
    assert len(out.splitlines()) == 2
    assert [line for line in err.splitlines() if "BROKEN_COMMAND_X.HEX: grouping header" in line]


def test_a_command_without_its_response_is_counted(
    home: Home, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    del home.messages["FAILED_RESPONSE_X.HEX"]
    keys, messages = home.write(tmp_path)
    assert run("--keys", keys, messages) == 0
    assert "commands or responses without partner: 1" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("keys", "path", "text"),
    [
        ("keys", "nowhere", "nowhere: No such file or directory"),
        ("nokeys", "messages", "nokeys: no such folder"),
        ("messages", "messages", "messages: no certificate in this folder"),
        ("keys", "empty", "empty: no file in this folder"),
        ("keys", "lonely", "no pair of files with _COMMAND_ and _RESPONSE_ in their names"),
    ],
)
def test_what_cannot_be_read_is_one_line_and_status_2(
    home: Home, tmp_path: Path, capsys: pytest.CaptureFixture[str], keys: str, path: str, text: str
) -> None:
    home.write(tmp_path)
    (tmp_path / "empty").mkdir()
    (tmp_path / "lonely").mkdir()
    command = home.messages["READ_COMMAND_X.HEX"]
    (tmp_path / "lonely" / "READ_COMMAND_X.HEX").write_bytes(command.octets)
    assert run("--keys", str(tmp_path / keys), str(tmp_path / path)) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert len(err.splitlines()) == 1
    assert text in err


@pytest.mark.parametrize("arguments", [[], ["--keys", "x"], ["x"], ["--keys", "x", "--nothing", "x"]])
def test_wrong_use_is_one_line_and_status_2(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(*arguments) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert len(err.splitlines()) == 1
