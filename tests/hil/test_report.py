"""Reports, made from a transcript alone."""

import re
import xml.etree.ElementTree as ET
from html.parser import HTMLParser

import pytest

from gbcs.time import Utc
from hil.report import cases, junit, name_of, page
from hil.scenario import parse_scenario
from hil.transcript import BENCH, Line, Transcript, read_transcript
from tests.hil.homes import DEFAULT, HOME, METER, READ, command, run, step

NASTY = '<script>alert("&")</script> \U0001f600 é'
BROKEN = (
    HOME.replace('seed = "s"', f"name = '{NASTY}'")
    + METER
    + READ
    + step(wait="10")
    + command("ECS26f", title=f"'{NASTY}'", equals="{ LowMediumHighPowerThresholds = [1, 2] }")
    + command("ECS52", expect='"refused"', title='"Supply: Disabled"')
    + step(wait="5", alerts='["8F32"]')
)


class Page(HTMLParser):
    """Collects what a page refers to and the text it shows."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.open: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.shown: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs
        if tag not in ("meta", "br"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.shown.append(data)


def lines(text: str) -> list[Line]:
    """A transcript as it is read from a file."""
    made, _ = run(text)
    return list(read_transcript(made.home.transcript.text().splitlines()))


@pytest.fixture(scope="module")
def broken() -> list[Line]:
    return lines(BROKEN)


@pytest.fixture(scope="module")
def default() -> list[Line]:
    return lines(DEFAULT)


def suite_of(said: list[Line]) -> ET.Element:
    (suite,) = ET.fromstring(junit(said).encode())
    return suite


def test_junit_has_one_case_a_command(default: list[Line]) -> None:
    suite = suite_of(default)
    found = list(suite)
    commands = sum(1 for one in parse_scenario(DEFAULT, "test").steps if one.command)
    assert [case.tag for case in found] == ["testcase"] * commands
    assert suite.attrib["name"] == "a hub and an electricity meter"
    assert (suite.attrib["tests"], suite.attrib["failures"]) == (str(commands), "0")
    assert len({case.attrib["name"] for case in found}) == commands
    assert all(float(case.attrib["time"]) >= 0 for case in found)
    assert not suite.findall(".//failure")


def test_junit_says_what_failed(broken: list[Line]) -> None:
    suite = suite_of(broken)
    assert (suite.attrib["tests"], suite.attrib["failures"]) == ("4", "3")
    read, values, refused, event = list(suite)
    assert read.find("failure") is None
    assert values.attrib["name"] == f"step 3 {NASTY}"
    assert refused.attrib["name"] == "step 4 Supply: Disabled"
    assert event.attrib["name"] == "step 5 wait 5 s"
    messages = [case.find("failure") for case in (values, refused, event)]
    said = [failure.attrib["message"] for failure in messages if failure is not None]
    assert said == [
        "success expected, success found: LowMediumHighPowerThresholds is (0, 0), not (1, 2)",
        "refused expected, an answer found: refused was expected",
        "done expected, done found: alerts ['8F32'] expected, [] came",
    ]
    text = messages[0].text if messages[0] is not None else ""
    assert text is not None
    assert "ECS26f command" in text
    assert "ECS26f response" in text


def test_the_page_is_self_contained_and_escapes(broken: list[Line]) -> None:
    text = page(broken)
    made = Page(text)
    assert made.open == []
    assert not {"script", "link", "img", "iframe", "object", "base", "form", "a"} & set(made.tags)
    assert not {"src", "href", "action", "onclick"} & {name for name, _ in made.attributes}
    assert "url(" not in text
    assert "@import" not in text
    assert "<script>" not in text
    assert made.shown.count(NASTY) >= 3  # title, heading, step
    assert "2 passed, 3 failed" in made.shown


def test_the_page_shows_the_whole_transcript(default: list[Line]) -> None:
    made = Page(page(default))
    shown = set(made.shown)
    for line in default:
        if line.sender != BENCH:
            assert line.time.iso() in shown
            assert not line.octets or line.octets.hex().upper() in shown
    assert f"{len(parse_scenario(DEFAULT, 'test').steps)} passed, 0 failed" in shown


def test_titles_with_anything_in_them() -> None:
    said = Transcript()
    text = "a: b \x00\x1b\ud800\ufffe]]>&\n<x>: y"
    said.add(Utc(0), BENCH, "hub", "ui", text="name\x01", rule="scenario")
    said.add(Utc(0), "a\x02", "b", "gbcs", b"\0", "c\x03", "t\x04")
    said.add(Utc(5), BENCH, "hub", "ui", b"", "step\x05 1", text, "failed", "scenario: command")
    assert name_of(said.lines) == "name?"
    (case,) = suite_of(said.lines)
    assert case.attrib["name"] == "step? 1 a: b ????]]>&"
    assert case[0].attrib["message"] == "<x>: y"
    shown = Page(page(said.lines)).shown
    assert "a: b ????]]>&" in shown
    page(said.lines).encode("utf-8")


def test_nothing_at_all() -> None:
    assert suite_of([]).attrib["tests"] == "0"
    assert "0 passed, 0 failed" in Page(page([])).shown
    assert cases([]) == ((), ())


def test_a_run_that_broke_off_is_a_failure(broken: list[Line]) -> None:
    said = Transcript()
    said.lines += broken
    said.add(
        Utc(0), BENCH, BENCH, "ui", b"", "broken off", "the run\nno\x07disk", "failed", "scenario: broken off"
    )
    last = list(suite_of(said.lines))[-1]
    assert last.attrib["name"] == "broken off the run"
    assert last[0].attrib["message"] == "no?disk"
    assert re.search("2 passed, 4 failed", page(said.lines))
