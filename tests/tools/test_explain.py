"""`smets explain`: what it reads, what it prints, what it returns."""

import json
import re
from pathlib import Path

import pytest

from gbcs.security.folder import write_folder
from tests.gbcs.explained import sound
from tests.tools.cli import smets
from tests.vectors import make


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A folder with the keys of the messages."""
    folder = tmp_path_factory.mktemp("keys")
    write_folder(make.store(), folder)
    return str(folder)


def written(folder: Path, *messages: bytes) -> str:
    """A file with one message a line."""
    path = folder / "messages"
    path.write_text("".join(octets.hex() + "\n" for octets in messages), "ascii")
    return str(path)


def spoilt() -> bytes:
    """A message whose last octet but the signature says one result too many."""
    octets = bytearray(sound()["switch opened"])
    octets[2] = 7
    return bytes(octets)


def test_lines_for_people(keys: str, tmp_path: Path) -> None:
    octets = sound()["imports"]
    done = smets("explain", "--keys", keys, written(tmp_path, octets))
    assert (done.status, done.err) == (0, "")
    shown = done.out.splitlines()
    assert shown[0].endswith(f": {len(octets)} octets")
    assert shown[1] == "ECS17b (0027), response"
    assert shown[2] == "signature absent, MAC valid"
    assert shown[-1] == "no rule is broken"
    offsets = [int(match[1]) for match in (re.match(r" *(\d+)  [0-9A-F]", line) for line in shown) if match]
    assert offsets == sorted(offsets)
    assert offsets[0] == 0
    assert any(line.startswith("  > ") and "10 (10 Wh)" in line for line in shown)
    assert any("[GBCS 5.4" in line for line in shown)


def test_json(keys: str, tmp_path: Path) -> None:
    octets = sound()["imports"]
    done = smets("explain", "--keys", keys, "--json", written(tmp_path, octets))
    assert done.status == 0
    (line,) = (json.loads(text) for text in done.out.splitlines())
    assert (line["v"], line["octets"], line["findings"]) == (1, len(octets), [])
    assert (line["use_case"], line["message_code"], line["kind"]) == ("ECS17b", "0027", "response")
    assert (line["signature"], line["mac"]) == ("absent", "valid")
    ends = [0, *(span["end"] for span in line["spans"])]
    assert [span["start"] for span in line["spans"]] == ends[:-1]
    assert ends[-1] == len(octets)
    assert set(line["spans"][0]) == {"start", "end", "path", "type", "value", "rule"}
    assert set(line["spans"][0]["rule"]) == {"document", "section"}
    assert [span["type"] for span in line["spans"] if "plaintext" in span] == ["ciphertext"]


def test_a_fault_is_shown_below_its_octets(tmp_path: Path) -> None:
    done = smets("explain", written(tmp_path, spoilt()))
    assert done.status == 1
    shown = done.out.splitlines()
    at = next(index for index, line in enumerate(shown) if "header.cra_flag" in line)
    assert "! octet 2, header.cra_flag: 07 is no CRA Flag; right would be 02  [GBCS 7.2.7" in shown[at + 1]
    assert shown[-1] == "1 broken"
    done = smets("explain", "--json", written(tmp_path, spoilt()))
    (line,) = (json.loads(text) for text in done.out.splitlines())
    (finding,) = line["findings"]
    assert (finding["offset"], finding["expected"]) == (2, "02")
    assert finding["rule"]["text"]
    assert [span["path"] for span in line["spans"] if span.get("failed")] == ["header.cra_flag"]


def test_several_messages(tmp_path: Path) -> None:
    path = written(tmp_path, sound()["switch opened"], spoilt(), sound()["outage"])
    done = smets("explain", "--json", path)
    assert done.status == 1
    lines = [json.loads(text) for text in done.out.splitlines()]
    assert [line["line"] for line in lines] == [1, 2, 3]
    assert [bool(line["findings"]) for line in lines] == [False, True, False]
    done = smets("explain", path)
    assert [text for text in done.out.splitlines() if text.endswith("octets") and "messages" in text]


def test_standard_input_and_noise() -> None:
    done = smets("explain", "-", stdin=bytes(range(200)))
    assert done.status == 1
    assert "unparsed" in done.out
    assert done.err == ""


def test_what_cannot_be_read(tmp_path: Path) -> None:
    done = smets("explain", str(tmp_path / "nothing"), written(tmp_path, sound()["outage"]))
    assert done.status == 2
    assert done.err.startswith("smets: ")
    assert done.err.count("\n") == 1
    assert "ECS80" in done.out
    assert smets("explain").status == 2
    (tmp_path / "text").write_text("no hex", "ascii")
    done = smets("explain", str(tmp_path / "text"))
    assert (done.status, done.out) == (1, "")


def test_colour_is_for_terminals_only(tmp_path: Path) -> None:
    path = written(tmp_path, spoilt())
    plain = smets("explain", path)
    coloured = smets("explain", path, terminals="out")
    assert "\x1b" not in plain.out
    assert re.sub(r"\x1b\[\d*m", "", coloured.out) == plain.out
    assert coloured.out != plain.out
