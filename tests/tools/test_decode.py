"""`smets decode`: what it reads, what it prints, what it returns."""

import json
import os
import re
from pathlib import Path
from random import Random
from typing import Any

import pytest
from smets.tools import inputs
from smets.tools.tree import message_lines, quoted

from gbcs.errors import ParseError
from gbcs.fields import checked_fields
from gbcs.message import parse_message
from gbcs.security.folder import write_folder
from gbcs.security.verify import Verifier
from tests.gbcs.fuzz import almost_messages, damaged
from tests.tools.cli import smets
from tests.vectors import make

VECTORS = make.files()
ONE = VECTORS["envelope/c-signed-command"]
TWO = VECTORS["protected/known-party"]
HEX = ONE.hex()


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A folder with the keys of the vectors."""
    folder = tmp_path_factory.mktemp("keys")
    write_folder(make.store(), folder)
    return str(folder)


def lines(out: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in out.splitlines()]


def test_a_tree_for_people(keys: str, tmp_path: Path) -> None:
    path = tmp_path / "message"
    path.write_text(TWO.hex())
    done = smets("decode", "--keys", keys, str(path))
    assert (done.status, done.err) == (0, "")
    size = len(TWO)
    shown = done.out.splitlines()
    assert shown[0] == f"{path}: {size} octets"
    assert shown[1].endswith("(0027), response")
    assert shown[2] == "signature absent, MAC valid, encryption valid (1 of 1 parts decrypted)"
    assert "         originator 00DB12345678AB01" in shown
    assert "long64-unsigned 18446744073709551615" in [line.strip() for line in shown]
    assert shown[-1].strip() == f"{TWO[-12:].hex().upper()} valid"


PART = re.compile(r" *(\d+)  .*, (\d+) octets")


@pytest.mark.parametrize("octets", VECTORS.values(), ids=VECTORS.keys())
def test_every_octet_is_accounted_for(octets: bytes) -> None:
    """The parts follow each other without a gap, and every value of the fields is shown."""
    message = parse_message(octets)
    fields = checked_fields(message, Verifier(make.store()))
    shown = list(message_lines("file", message, fields))
    offset = 0
    for match in filter(None, map(PART.fullmatch, (re.sub(r"\x1b\[\d*m", "", line) for line in shown))):
        assert int(match[1]) == offset
        offset += int(match[2])
    assert offset == len(octets)
    text = "\n".join(shown)

    def look(value: Any, key: str = "") -> None:
        if isinstance(value, dict):
            for name, part in value.items():
                look(part, name)
        elif isinstance(value, list):
            for part in value:
                look(part)
        elif isinstance(value, str) and key not in ("use_case", "type", "of", "date_time"):
            assert value in text or quoted(value) in text, (key, value)

    look(fields)
    assert all(line.replace("\x1b", "").isprintable() for line in shown)


def test_colour_is_for_terminals_only(keys: str, tmp_path: Path) -> None:
    path = tmp_path / "message"
    path.write_text(HEX)
    plain = smets("decode", "--keys", keys, str(path))
    coloured = smets("decode", "--keys", keys, str(path), terminals="out")
    assert "\x1b" not in plain.out
    assert "\x1b[32mvalid" in coloured.out
    assert re.sub(r"\x1b\[\d*m", "", coloured.out) == plain.out


def test_output_survives_a_poor_locale() -> None:
    done = smets("decode", stdin=VECTORS["data/utf8-pound"].hex().encode(), encoding="ascii")
    assert done.status == 0
    assert 'utf8-string "\\xa35"' in done.out


@pytest.mark.parametrize("name", ["data/visible-escape", "data/utf8-line-separator"])
def test_nothing_a_terminal_would_obey(name: str) -> None:
    done = smets("decode", stdin=VECTORS[name])
    assert done.status == 0
    assert "\x1b" not in done.out
    assert "\u2028" not in done.out
    assert "\\u" in done.out


def test_json_lines(keys: str) -> None:
    done = smets("decode", "--json", "--keys", keys, stdin=HEX.encode())
    assert (done.status, done.err) == (0, "")
    (fields,) = lines(done.out)
    assert (fields["v"], fields["file"]) == (1, "-")
    assert (fields["signature"], fields["mac"], fields["encryption"]) == ("valid", "valid", "absent")
    assert "line" not in fields


def test_without_keys_nothing_is_checked() -> None:
    done = smets("decode", "--json", stdin=TWO)
    assert done.status == 0
    (fields,) = lines(done.out)
    assert (fields["signature"], fields["mac"], fields["encryption"]) == ("absent", "unchecked", "unchecked")


@pytest.mark.parametrize(
    "content",
    [
        ONE,
        HEX.encode(),
        HEX.upper().encode() + b"\r\n",
        b"\n\n \t" + HEX.encode() + b"\n\n",
        " ".join(re.findall("..", HEX)).encode(),
        "\n".join(re.findall(".{1,32}", HEX)).encode(),
        "\r\n".join(re.findall(".{1,33}", HEX)).encode(),
        b"\xef\xbb\xbf" + HEX.encode(),
        HEX.encode("utf-16"),
    ],
)
def test_one_message_however_it_is_written(content: bytes) -> None:
    (found,) = inputs.messages(content)
    assert found == (None, ONE)


@pytest.mark.parametrize("end", ["\n", "\r\n", "\n\n"])
def test_a_message_a_line(end: str) -> None:
    content = end.join((HEX, TWO.hex(), " " + HEX)).encode()
    found = inputs.messages(content)
    assert [f.octets for f in found] == [ONE, TWO, ONE]
    step = len(end.splitlines())
    assert [f.line for f in found] == [1, 1 + step, 1 + 2 * step]


def test_a_bad_line_among_good_ones() -> None:
    content = "\n".join((HEX, HEX[:-2], HEX, HEX[:-1], HEX[:-1] + "g")).encode()
    done = smets("decode", "--json", stdin=content)
    assert done.status == 1
    assert [fields["line"] for fields in lines(done.out)] == [1, 3]
    errors = done.err.splitlines()
    assert errors[0].startswith("smets: -:2: mac header.ciphered-service length at octet 7: ")
    assert errors[1].startswith("smets: -:4: hex text at octet ")
    assert errors[2].startswith("smets: -:5: hex text at octet ")
    assert errors[3].startswith("5 messages: 2 parsed, 3 unparsable, ")


def test_the_first_line_may_be_the_bad_one() -> None:
    done = smets("decode", "--json", stdin=f"{HEX[:40]}\n{HEX}\n".encode())
    assert done.status == 1
    assert [fields["line"] for fields in lines(done.out)] == [2]


def test_several_files_and_folders(tmp_path: Path, keys: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Folders in order of their paths; hidden files are left alone; each file is named as given."""
    monkeypatch.chdir(tmp_path)
    for name in ("b/2.HEX", "b/10", "b/a/x.bin", "one"):
        path = Path(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(ONE)
    Path("b/.hidden").write_text("no message")
    done = smets("decode", "--json", "--keys", keys, "one", "b", "./one")
    assert [fields["file"] for fields in lines(done.out)] == ["one", "b/10", "b/2.HEX", "b/a/x.bin", "./one"]
    assert done.status == 0
    assert done.err == (
        "5 messages: 5 parsed, 0 unparsable, 5 signatures valid, 5 MACs valid, 0 unchecked, 0 invalid, "
        "5 DLMS payloads, 0 of 0 encrypted parts decrypted\n"
    )


def test_unparsable_input_is_one_line_and_the_rest_goes_on(tmp_path: Path) -> None:
    good, bad = tmp_path / "good", tmp_path / "bad"
    good.write_bytes(ONE)
    at = parse_message(ONE).payload_offset
    bad.write_bytes(ONE[:at] + b"\xd8" + ONE[at + 1 :])
    for content, text in (
        (bad.read_bytes(), f"payload.apdu at octet {at}: D8 is no APDU of GBCS"),
        (b"", "file at octet 0: empty"),
        (b" \n", "file at octet 0: nothing but white space"),
        (b"hello", "hex text at octet 0: 'h' is no hex digit"),
        (b"\x00\x01", "grouping header at octet 0: "),
    ):
        bad.write_bytes(content)
        done = smets("decode", "--json", str(bad), str(good))
        assert done.status == 1
        assert len(lines(done.out)) == 1
        first, second = done.err.splitlines()
        assert first.startswith(f"smets: {bad}: {text}")
        assert second.startswith("2 messages: 1 parsed, 1 unparsable, ")


def test_unreadable_input_is_one_line_and_status_2(tmp_path: Path) -> None:
    good, missing, empty = tmp_path / "good", tmp_path / "missing", tmp_path / "empty"
    good.write_bytes(ONE)
    empty.mkdir()
    done = smets("decode", "--json", str(missing), str(empty), "\0", str(good))
    assert done.status == 2
    assert len(lines(done.out)) == 1
    assert done.err.splitlines() == [
        f"smets: {missing}: No such file or directory",
        f"smets: {empty}: no file in this folder",
        "smets: ?: not a path",
    ]


def test_a_link_to_nothing_in_a_folder(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(ONE)
    (tmp_path / "b").symlink_to(tmp_path / "gone")
    done = smets("decode", "--json", str(tmp_path))
    assert done.status == 2
    assert len(lines(done.out)) == 1
    assert done.err == f"smets: {tmp_path}/b: No such file or directory\n"


@pytest.mark.skipif(os.geteuid() == 0, reason="the superuser reads everything")
def test_what_may_not_be_read(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(ONE)
    (tmp_path / "b").write_bytes(ONE)
    (tmp_path / "b").chmod(0)
    (tmp_path / "c").mkdir(mode=0)
    done = smets("decode", "--json", str(tmp_path))
    assert done.status == 2
    assert len(lines(done.out)) == 1
    assert done.err.splitlines() == [f"smets: {tmp_path}/{name}: Permission denied" for name in "bc"]


def test_a_file_without_end_is_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inputs, "MAX_FILE_OCTETS", 1000)
    done = smets("decode", "/dev/zero")
    assert (done.status, done.err) == (2, "smets: /dev/zero: longer than 1000 octets\n")


@pytest.mark.parametrize("what", ["missing", "file", "empty"])
def test_a_wrong_key_folder(what: str, tmp_path: Path) -> None:
    folder = tmp_path / what
    if what == "file":
        folder.write_text("x")
    elif what == "empty":
        folder.mkdir()
    done = smets("decode", "--keys", str(folder), stdin=ONE)
    assert done.status == 2
    assert not done.out
    assert done.err.startswith(f"smets: {folder}: ")
    assert done.err.count("\n") == 1


def test_remarks_on_the_key_folder(keys: str, tmp_path: Path) -> None:
    for path in Path(keys).iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    name = next(path.name for path in tmp_path.glob("*-ds.pem"))
    (tmp_path / "copy.pem").write_bytes((tmp_path / name).read_bytes())
    done = smets("decode", "--json", "-v", "--keys", str(tmp_path), stdin=ONE)
    assert done.status == 0
    assert done.err.startswith("smets: key folder: ")
    assert "duplicate" in done.err
    done = smets("decode", "--json", "--keys", str(tmp_path), stdin=f"{HEX}\n{HEX}".encode())
    assert done.err.endswith(", 1 remarks on the key folder (-v)\n")


@pytest.mark.parametrize(
    ("octets", "check"),
    [
        (ONE[:-1] + bytes((ONE[-1] ^ 1,)), "mac"),
        (ONE[:-20] + bytes((ONE[-20] ^ 1,)) + ONE[-19:], "signature"),
        (VECTORS["protected/damaged"], "encryption"),
        (VECTORS["protected/not-data"], "encryption"),
    ],
)
def test_an_invalid_check_is_status_1(octets: bytes, check: str, keys: str) -> None:
    done = smets("decode", "--json", "--keys", keys, stdin=octets)
    assert done.status == 1
    (fields,) = lines(done.out)
    assert fields[check] == "invalid"
    assert smets("decode", "--keys", keys, stdin=octets).status == 1
    assert smets("decode", stdin=octets).status == 0


def test_progress_is_for_terminals(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("smets.tools.progress.INTERVAL", 0.0)
    for name in "abc":
        (tmp_path / name).write_bytes(ONE)
    done = smets("decode", "--json", str(tmp_path), terminals="err")
    assert "\rdecoding file 1 of 3\x1b[K" in done.err
    assert done.err.rpartition("\x1b[K")[2].startswith("3 messages: ")
    for terminals in ("", "out err"):
        assert "\r" not in smets("decode", "--json", str(tmp_path), terminals=terminals).err


def test_the_vectors(keys: str) -> None:
    """Every vector through the command and back through encode, as one text of many lines."""
    text = "\n".join(octets.hex().upper() for octets in VECTORS.values()) + "\n"
    done = smets("decode", "--json", "--keys", keys, stdin=text.encode())
    assert done.status == 1  # two vectors have a protected value that is none
    assert smets("encode", stdin=done.out.encode()) == (0, text, "")


def test_reference_messages(reference: Path) -> None:
    """Acceptance 1 and 2 through the commands."""
    folder = reference / "rtds" / "messages"
    done = smets("decode", "--json", "--keys", str(reference / "rtds" / "keystore"), str(folder))
    assert done.status == 0
    assert done.err == (
        "830 messages: 830 parsed, 0 unparsable, 323 signatures valid, 511 MACs valid, 4 unchecked, "
        "0 invalid, 460 DLMS payloads, 38 of 38 encrypted parts decrypted, 7 remarks on the key folder (-v)\n"
    )
    paths = sorted(str(path) for path in folder.glob("*/*"))
    assert [fields["file"] for fields in lines(done.out)] == paths
    again = smets("encode", stdin=done.out.encode())
    assert (again.status, again.err) == (0, "")
    assert again.out.splitlines() == ["".join(Path(path).read_text().split()).upper() for path in paths]


def test_reference_trees(reference: Path) -> None:
    done = smets("decode", str(reference / "rtds" / "messages"))
    assert done.status == 0
    total = sum(
        len(bytes.fromhex(path.read_text())) for path in (reference / "rtds" / "messages").glob("*/*")
    )
    parts = (PART.fullmatch(line) for line in done.out.splitlines())
    assert sum(int(match[2]) for match in parts if match) == total


@pytest.mark.parametrize("count", [10_000, pytest.param(1_000_000, marks=pytest.mark.long)])
def test_arbitrary_octets(count: int) -> None:
    """Invariant: any octets give messages that parse and print, or ParseError, and nothing else."""
    random = Random(5)
    shown = 0
    for octets in almost_messages(6, count):
        content = octets
        if random.random() < 0.3:
            content = damaged(random, octets.hex().encode())
        for found in inputs.messages(content):
            if isinstance(found.octets, ParseError):
                continue
            try:
                message = parse_message(found.octets)
                fields = checked_fields(message)
            except ParseError:
                continue
            shown += sum(1 for _ in message_lines("-", message, fields))
    assert shown > count


def test_arbitrary_files_end_in_a_status() -> None:
    """Invariant: whatever a file holds, the command ends with 0 or 1 and no traceback."""
    random = Random(7)
    for octets in almost_messages(8, 300):
        content = octets if random.random() < 0.5 else damaged(random, octets.hex().encode())
        done = smets("decode", stdin=content)
        assert done.status in (0, 1)
        assert (done.status == 0) == (not done.err)
