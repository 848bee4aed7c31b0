"""`smets encode`: lines of JSON to messages, errors by line and field."""

import json
from pathlib import Path
from random import Random

import pytest

from tests.gbcs.fuzz import damaged
from tests.tools.cli import smets
from tests.vectors import make

HEX = make.files()["envelope/c-signed-command"].hex().upper()
LINE = smets("decode", "--json", stdin=HEX.encode()).out


def test_a_message_a_line() -> None:
    assert smets("encode", stdin=(LINE * 3).encode()) == (0, f"{HEX}\n" * 3, "")


def test_nothing_in_nothing_out() -> None:
    assert smets("encode", stdin=b"\n\n") == (0, "", "")


def test_files_in_order(tmp_path: Path) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    other = make.files()["envelope/a-gbz"].hex().upper()
    one.write_text(LINE)
    two.write_text(smets("decode", "--json", stdin=other.encode()).out)
    assert smets("encode", str(two), str(one), "-", stdin=LINE.encode()).out.split() == [other, HEX, HEX]


@pytest.mark.parametrize(
    ("line", "text"),
    [
        (LINE.replace('"get"', '"got"'), "payload.items[0].choice: no choice is called 'got'"),
        (LINE.replace('"v": 1', '"v": 2'), "v: version 2 is not read, only 1"),
        ("{}", "v: missing"),
        ("[]", "an object is needed"),
        ("12", "an object is needed"),
        ("{", "not JSON at character "),
        (HEX, "not JSON at character 0: "),
        ("[" * 100_000, "not JSON that is read here"),
        ("9" * 5_000, "not JSON that is read here"),
    ],
)
def test_a_bad_line_is_named_and_the_rest_goes_on(line: str, text: str) -> None:
    content = f"{LINE}\n{line.strip()}\n{LINE}".encode()
    done = smets("encode", stdin=content)
    assert (done.status, done.out) == (1, f"{HEX}\n" * 2)
    assert done.err.startswith(f"smets: -:3: {text}")
    assert done.err.count("\n") == 1


def test_a_line_that_is_not_utf8() -> None:
    done = smets("encode", stdin=b"\xff\n" + LINE.encode())
    assert (done.status, done.out) == (1, f"{HEX}\n")
    assert done.err == "smets: -:1: not UTF-8 at octet 0\n"


def test_unreadable_input_is_status_2(tmp_path: Path) -> None:
    good = tmp_path / "good"
    good.write_text(LINE)
    done = smets("encode", str(tmp_path), str(tmp_path / "missing"), str(good))
    assert (done.status, done.out) == (2, f"{HEX}\n")
    assert done.err.splitlines() == [
        f"smets: {tmp_path}: Is a directory",
        f"smets: {tmp_path}/missing: No such file or directory",
    ]


def test_a_deep_tree_is_refused_not_a_traceback() -> None:
    fields = json.loads(LINE)
    deep = "null"
    for _ in range(100):
        deep = '{"type": "array", "value": [' + deep + "]}"
    text = json.dumps(fields).replace('{"type": "null"}', deep)
    assert text != json.dumps(fields)
    done = smets("encode", stdin=text.encode())
    assert done.status == 1
    assert "nested deeper than 16 levels" in done.err


def test_a_message_is_changed_by_hand() -> None:
    """What a user does with it: take a message apart, change a value, put it together."""
    fields = json.loads(LINE)
    fields["payload"]["items"][0]["member"] = 3
    out = smets("encode", stdin=json.dumps(fields).encode()).out.strip()
    at = HEX.index("FF020100") + 2
    assert out == HEX[:at] + "03" + HEX[at + 2 :]


def test_damaged_lines_end_in_a_status() -> None:
    """Invariant: whatever a line holds, it is built or named, and no traceback ends the command."""
    random = Random(9)
    sound = LINE.encode().strip()
    built = 0
    for _ in range(500):
        line = damaged(random, sound).replace(b"\n", b" ")
        done = smets("encode", stdin=line)
        assert done.status in (0, 1)
        assert bool(done.err) == (done.status == 1)
        built += bool(done.out)
    assert built > 0
