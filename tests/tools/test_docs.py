"""`smets docs`: a page a use case with all its fields, the same octets each time, nothing overwritten."""

import dataclasses
import importlib
import json
import pkgutil
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from smets.tools.docs import MARKER
from smets.tools.docs_settings import shown

import gbcs
from gbcs.event_rows import ROWS
from gbcs.gbt import GbtSettings
from gbcs.ids import Kind
from gbcs.named.describe import describe, variants
from gbcs.named.parts import Part, Shape
from gbcs.usecases import UseCase, table
from tests.tools.cli import smets

WITH_MESSAGES = [row for row in table() if row.kinds]
OTHERS = {"index.md", "alerts.md", "data-items.md", "display.md", "machines.md", "settings.md"}


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Every page of a run by its path below DIR."""
    folder = tmp_path_factory.mktemp("docs")
    done = smets("docs", str(folder))
    assert (done.status, done.err) == (0, "")
    return {str(path.relative_to(folder)): path.read_text() for path in folder.rglob("*") if path.is_file()}


def path_of(row: UseCase) -> str:
    same = sum(other.name == row.name for other in table())
    return f"use-cases/{row.name.replace('/', '-')}{f'-{row.code:04X}' if same > 1 else ''}.md"


def names(part: Part, path: str) -> Iterator[str]:
    """The paths of a tree: `a.b`, and `a[].b` in a list."""
    if path:
        yield path
    for below in part.parts:
        if part.shape is Shape.OBJECT:
            yield from names(below, f"{path}.{below.name}")
        elif part.shape is Shape.LIST and below.shape is not Shape.LEAF:
            yield from list(names(below, f"{path}[]"))[below.shape is Shape.OBJECT :]
        elif part.shape is Shape.ONE_OF and below.shape is not Shape.LEAF:
            yield from names(below, path)


def test_every_row_with_a_message_has_a_page(pages: dict[str, str]) -> None:
    paths = [path_of(row) for row in WITH_MESSAGES]
    assert len({path.lower() for path in paths}) == len(paths)
    assert set(pages) == {*paths, *OTHERS}


@pytest.mark.parametrize("row", WITH_MESSAGES, ids=lambda row: f"{row.code:04X}")
def test_a_page_has_every_field_of_every_kind(row: UseCase, pages: dict[str, str]) -> None:
    page = pages[path_of(row)]
    assert page.startswith(f"{MARKER}# {row.name} ")
    cells = set(re.findall(r"^\| `([^`]*)` \|", page, re.MULTILINE))
    for kind in row.kinds:
        assert f"| {kind.value} | " in page
        for variant in variants(row, kind):
            assert f"\n### {variant}\n" in page or not variant
            for part in describe(row, kind, variant):
                assert set(names(part, part.name)) <= cells
                assert not part.note or part.note.split("*")[0] in page


@pytest.mark.parametrize("row", WITH_MESSAGES, ids=lambda row: f"{row.code:04X}")
def test_the_examples_of_a_page_are_json(row: UseCase, pages: dict[str, str]) -> None:
    found = re.findall(r"```json\n(.*?)\n```", pages[path_of(row)], re.DOTALL)
    assert found
    for text in found:
        assert isinstance(json.loads(text), dict)


def test_tables_have_as_many_cells_as_their_heads(pages: dict[str, str]) -> None:
    for path, page in pages.items():
        width = 0
        for line in page.splitlines():
            if not line.startswith("|"):
                width = 0
                continue
            cells = len(re.findall(r"(?<!\\)\|", line))
            width = width or cells
            assert cells == width > 2, (path, line)


def test_links_lead_somewhere(pages: dict[str, str]) -> None:
    count = 0
    for path, page in pages.items():
        for target in re.findall(r"\]\(([^)]*)\)", page):
            there = (Path("/") / path).parent / target
            assert str(Path(*there.parts[1:])) in pages or target.startswith("../")
            count += 1
    assert count > len(WITH_MESSAGES)
    assert all("(../index.md)" in pages[path_of(row)] for row in WITH_MESSAGES)


def test_the_index_lists_every_row(pages: dict[str, str]) -> None:
    for row in table():
        name = f"[{row.name}]({path_of(row)})" if row.kinds else row.name
        assert f" | {name} | {row.title} | " in pages["index.md"]


def test_the_alerts_page_has_every_code(pages: dict[str, str]) -> None:
    found = re.findall(r"^\| ([0-9A-F]{4}) \| (.*?) \|", pages["alerts.md"], re.MULTILINE)
    assert [code for code, _ in found] == [f"{row[0]:04X}" for row in ROWS]
    for row in table():
        if Kind.ALERT in row.kinds:
            assert f"]({path_of(row)})" in pages["alerts.md"]


def test_the_settings_page_has_every_setting_with_its_default(pages: dict[str, str]) -> None:
    page = pages["settings.md"]
    count = 0
    for info in pkgutil.walk_packages(gbcs.__path__, "gbcs."):
        for name, found in vars(importlib.import_module(info.name)).items():
            if not name.endswith("Settings") or getattr(found, "__module__", "") != info.name:
                continue
            assert f"\n## {name}\n\n`{info.name}.{name}`\n" in page
            section = page.partition(f"\n## {name}\n")[2].partition("\n## ")[0]
            for field in dataclasses.fields(found):
                (line,) = re.findall(rf"^\| `{field.name}` \|.*", section, re.MULTILINE)
                if field.default is not dataclasses.MISSING:
                    assert f"| `{shown(field.default)}` |" in line
                count += 1
    assert count > 40


def test_the_strings_below_settings_are_on_the_page(pages: dict[str, str]) -> None:
    page = pages["settings.md"]
    assert f"| `threshold` | `{GbtSettings().threshold}` | Octets a message may have" in page
    assert "that progress starts the count anew is our reading. |" in page
    assert "| `statuses.no_path` | `NO_TRUST_ANCHOR` | No valid path to the root. [M] |" in page
    assert "| `counters_ahead` | `512` | how far a token" in page


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (True, "True"),
        (5, "5"),
        ("a b", "a b"),
        (None, "None"),
        (b"\x11\x00", "1100"),
        (Kind.ALERT, "ALERT"),
        (frozenset({Kind.RESPONSE, Kind.ALERT}), "ALERT, RESPONSE"),
        ((1, 2), "1, 2"),
        ((), "none"),
    ],
)
def test_defaults_are_shown_for_readers(value: object, text: str) -> None:
    assert shown(value) == text


def test_running_twice_gives_the_same_octets(pages: dict[str, str], tmp_path: Path) -> None:
    for _ in range(2):
        assert smets("docs", str(tmp_path)).status == 0
        for path, page in pages.items():
            assert (tmp_path / path).read_bytes() == page.encode()
    assert not any(str(tmp_path) in page for page in pages.values())


def test_what_it_says(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "docs"
    done = smets("docs", str(folder), terminals="err")
    assert done.out.splitlines() == [
        f"{folder}/index.md",
        f"{folder}/alerts.md",
        f"{folder}/data-items.md",
        f"{folder}/display.md",
        f"{folder}/machines.md",
        f"{folder}/settings.md",
        f"{folder}/use-cases: {len(WITH_MESSAGES)} pages",
    ]


def test_json_says_each_page(tmp_path: Path) -> None:
    done = smets("docs", "--json", str(tmp_path))
    found = [json.loads(line) for line in done.out.splitlines()]
    assert len(found) == len(WITH_MESSAGES) + len(OTHERS)
    for row in found:
        path = Path(row["file"])
        assert (row["v"], row["octets"]) == (1, path.stat().st_size)
        assert path.read_text().startswith(f"{MARKER}# {row['title']}\n")


def test_other_files_are_left_alone(tmp_path: Path) -> None:
    mine = tmp_path / "use-cases" / "ECS38.md"
    mine.parent.mkdir()
    mine.write_text("# My notes\n")
    done = smets("docs", str(tmp_path))
    assert (done.status, done.out) == (2, "")
    assert done.err == f"smets: {mine}: exists and was not written by smets docs; nothing was written\n"
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == [mine]
    assert mine.read_text() == "# My notes\n"


def test_a_page_cut_short_is_written_again(tmp_path: Path) -> None:
    assert smets("docs", str(tmp_path)).status == 0
    (tmp_path / "index.md").write_bytes(MARKER.encode()[:10])
    assert smets("docs", str(tmp_path)).status == 0
    assert (tmp_path / "index.md").read_text().startswith(f"{MARKER}# Use cases\n")


def test_a_file_is_no_folder(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    done = smets("docs", str(tmp_path / "file"))
    assert (done.status, done.out) == (2, "")
    assert done.err.startswith("smets: ")
    assert len(done.err.splitlines()) == 1
    assert smets("docs").status == 2
