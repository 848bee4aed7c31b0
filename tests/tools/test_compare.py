"""`smets compare`: what it reads, what it prints, what it returns."""

import json
from pathlib import Path

import pytest

from gbcs.security.folder import write_folder
from hil.transcript import Line, text_of
from tests.hil import planted
from tests.hil.planted import Fault, honest, run_with
from tests.tools.cli import smets

WRONG_INVOKE_ID = Fault("wrong invoke id", "ECS26c", alter=planted.payload(planted.invoke))
WRONG_SIGNATURE = Fault(
    "wrong signature",
    "ECS44",
    alter=lambda m: planted.replace(m, signature=planted.flipped(m.signature or b"")),
    seals=False,
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Transcripts of an honest and two faulty homes, and their keys."""
    made = tmp_path_factory.mktemp("transcripts")
    homes = {
        "a": honest(),
        "invoke": run_with(WRONG_INVOKE_ID),
        "signature": run_with(WRONG_SIGNATURE),
    }
    for name, home in homes.items():
        (made / name).write_text(home.transcript.text(), "utf-8")
    write_folder(honest().keys, made / "keys")
    return made


def test_equal(folder: Path) -> None:
    for option in ([], ["--strict"], ["--all"]):
        done = smets("compare", *option, str(folder / "a"), str(folder / "a"))
        assert (done.status, done.err) == (0, "")
        assert done.out.endswith(" messages compared, no differences\n")


def test_the_first_difference_for_people(folder: Path) -> None:
    done = smets("compare", str(folder / "a"), str(folder / "invoke"))
    assert (done.status, done.err) == (1, "")
    lines = done.out.splitlines()
    assert lines[0].startswith("ECS26c response (003D) from 00DB123456780001 to 90B3D51F00000011, counter ")
    assert lines[0].endswith(" breaks a rule in B only")
    assert lines[1] == "  field  payload.invoke_id"
    assert lines[2].startswith("  A      line ")
    assert ", octet 48: 20" in lines[2]
    assert ", octet 48: 20" in lines[3]
    assert lines[4].startswith("  rule   DLMS Green Book ")
    assert "low 24 bits of the Originator Counter; right would be 20" in lines[5]
    assert lines[-1].endswith(" messages compared, 1 difference")


def test_json(folder: Path) -> None:
    done = smets("compare", "--json", str(folder / "a"), str(folder / "invoke"))
    assert done.status == 1
    found = json.loads(done.out)
    assert (found["v"], found["equal"], found["not_compared"]) == (1, False, [])
    (one,) = found["differences"]
    assert (one["kind"], one["path"]) == ("rule", "payload.invoke_id")
    assert one["a"]["offset"] == one["b"]["offset"] == 48
    assert set(one["b"]) == {"line", "time", "offset", "value"}
    assert set(one["rule"]) == {"document", "section", "text"}
    same = json.loads(smets("compare", "--json", str(folder / "a"), str(folder / "a")).out)
    assert (same["equal"], same["differences"]) == (True, [])


def test_keys_tell_a_wrong_signature(folder: Path) -> None:
    files = [str(folder / "a"), str(folder / "signature")]
    keys = str(folder / "keys")
    assert "field  signature" in smets("compare", "--keys", keys, *files).out
    assert smets("compare", "--keys", keys, str(folder / "a"), str(folder / "a")).status == 0


def test_all_shows_every_difference(folder: Path) -> None:
    files = [str(folder / "a"), str(folder / "signature")]
    some = smets("compare", "--strict", *files).out
    every = smets("compare", "--strict", "--all", *files).out
    assert some.count("  A      ") == 1
    assert every.count("  A      ") > 1


def test_from_standard_input(folder: Path) -> None:
    octets = (folder / "a").read_bytes()
    assert smets("compare", "-", str(folder / "a"), stdin=octets).status == 0


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "an empty transcript"),
        (b"\n \n", "an empty transcript"),
        (b"\xff\xfe", "not a transcript, which is UTF-8"),
        (b"{}\n", "line 1: not a line of a transcript"),
        (b"\n\n{", "line 3: not a line of a transcript"),
        (b'{"v": 2}\n', "line 1: version 2 is not read"),
    ],
)
def test_what_is_no_transcript(folder: Path, tmp_path: Path, content: bytes, why: str) -> None:
    bad = tmp_path / "bad"
    bad.write_bytes(content)
    for files in ([bad, folder / "a"], [folder / "a", bad]):
        done = smets("compare", *map(str, files))
        assert (done.status, done.out) == (2, "")
        assert done.err == f"smets: {bad}: {why}\n"


def test_what_cannot_be_opened(folder: Path) -> None:
    done = smets("compare", str(folder / "nothing"), str(folder))
    assert done.status == 2
    assert done.err.count("\n") == 2
    assert smets("compare", str(folder / "a")).status == 2
    assert smets("compare", "--keys", str(folder / "nothing"), *[str(folder / "a")] * 2).status == 2


def test_control_characters_are_shown_as_such(tmp_path: Path) -> None:
    line = Line(honest().now, "a", "b", "ui", b"", "c", "x\x1b[31m", "", "")
    (tmp_path / "a").write_text(text_of([line]), "utf-8")
    (tmp_path / "b").write_text(text_of([planted.replace(line, text="y\n")]), "utf-8")
    done = smets("compare", str(tmp_path / "a"), str(tmp_path / "b"))
    assert done.status == 1
    assert "\x1b" not in done.out
