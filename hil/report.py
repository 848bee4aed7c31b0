"""Reports of a run, made from its transcript alone: JUnit XML and one self-contained HTML page."""

from __future__ import annotations

import html
import re
import xml.etree.ElementTree as ET
from collections.abc import Sequence
from dataclasses import dataclass

from .transcript import BENCH, COMMAND_RULE, SCENARIO_RULE, Line

JUNIT = "junit.xml"
PAGE = "report.html"

_NOT_IN_XML = re.compile("[^\t\n\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_STYLE = """
body{font:15px/1.45 system-ui,sans-serif;margin:2rem auto;max-width:80rem;padding:0 1rem;color:#1b1f24}
h1{font-size:1.5rem}table{border-collapse:collapse;width:100%}
th,td{text-align:left;vertical-align:top;padding:.3rem .6rem;border-bottom:1px solid #d8dee4}
th{position:sticky;top:0;background:#f6f8fa}
.passed{color:#116329}.failed{color:#a40e26;font-weight:600}
.octets{font:12px/1.4 ui-monospace,monospace;word-break:break-all;color:#57606a}
details summary{cursor:pointer}td.time{white-space:nowrap;font-variant-numeric:tabular-nums}
@media (prefers-color-scheme:dark){body{background:#0d1117;color:#e6edf3}th{background:#161b22}
th,td{border-color:#30363d}.octets{color:#8b949e}.passed{color:#3fb950}.failed{color:#ff7b72}}
"""


@dataclass(frozen=True, slots=True)
class Case:
    """A step as the transcript tells it: its verdict and the lines that belong to it."""

    name: str
    title: str
    outcome: str
    passed: bool
    command: bool
    lines: tuple[Line, ...]


def cases(lines: Sequence[Line]) -> tuple[tuple[Case, ...], tuple[Line, ...]]:
    """The steps in order (the home coming up belongs to the first), and the lines after the last."""
    found: list[Case] = []
    pending: list[Line] = []
    for line in lines:
        if line.rule == SCENARIO_RULE and line.sender == BENCH:
            continue
        if line.sender != BENCH:
            pending.append(line)
            continue
        title, _, outcome = line.text.partition("\n")
        passed, command = line.verdict == "passed", line.rule == COMMAND_RULE
        found.append(Case(line.code, title, outcome, passed, command, tuple(pending)))
        pending = []
    return tuple(found), tuple(pending)


def name_of(lines: Sequence[Line]) -> str:
    """The name of the scenario a transcript is of."""
    return next((_printable(x.text) for x in lines if (x.sender, x.rule) == (BENCH, SCENARIO_RULE)), "smets")


def junit(lines: Sequence[Line]) -> str:
    """JUnit XML: one case a command, and one for every other step that failed."""
    name = name_of(lines)
    steps = [case for case in cases(lines)[0] if case.command or not case.passed]
    failed = [case for case in steps if not case.passed]
    suite = ET.Element(
        "testsuite", name=name, tests=str(len(steps)), failures=str(len(failed)), errors="0", skipped="0"
    )
    if lines:
        suite.set("timestamp", lines[0].time.iso())
    for case in steps:
        seconds = (case.lines[-1].time.us - case.lines[0].time.us) / 1e6 if case.lines else 0.0
        element = ET.SubElement(
            suite,
            "testcase",
            classname=name,
            name=_printable(f"{case.name} {case.title}"),
            time=f"{seconds:.3f}",
        )
        if not case.passed:
            ET.SubElement(element, "failure", message=_printable(case.outcome)).text = _printable(
                "\n".join(_plain(line) for line in case.lines)
            )
    suites = ET.Element("testsuites")
    suites.append(suite)
    ET.indent(suites)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ET.tostring(suites, encoding="unicode") + "\n"


def page(lines: Sequence[Line]) -> str:
    """One HTML page with the verdicts and the whole transcript; needs nothing else."""
    steps, rest = cases(lines)
    failed = sum(1 for case in steps if not case.passed)
    title = html.escape(name_of(lines))
    rows = "\n".join(_row(case) for case in steps)
    left = f"<h2>After the last step</h2>{_lines(rest)}" if rest else ""
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{title}</title>'
        f'<meta name="viewport" content="width=device-width"><style>{_STYLE}</style></head><body>'
        f'<h1>{title}</h1><p class="{"failed" if failed else "passed"}">'
        f"{len(steps) - failed} passed, {failed} failed</p>"
        f"<table><thead><tr><th>Step</th><th>What</th><th>Verdict</th></tr></thead>"
        f"<tbody>\n{rows}\n</tbody></table>{left}</body></html>\n"
    )


def _row(case: Case) -> str:
    verdict = "passed" if case.passed else "failed"
    opened = "" if case.passed else " open"
    return (
        f"<tr><td>{_escaped(case.name)}</td><td><details{opened}><summary>{_escaped(case.title)}"
        f"</summary><p>{_escaped(case.outcome)}</p>{_lines(case.lines)}</details></td>"
        f'<td class="{verdict}">{verdict}</td></tr>'
    )


def _lines(lines: Sequence[Line]) -> str:
    rows = "".join(
        f'<tr><td class="time">{line.time.iso()}</td><td>{_escaped(line.sender)} &rarr; '
        f"{_escaped(line.to)}</td><td>{_escaped(line.layer)}</td>"
        f"<td>{_escaped(f'{line.code} {line.text}'.strip())}"
        f'<div class="octets">{line.octets.hex().upper()}</div></td>'
        f"<td>{_escaped(f'{line.verdict} {line.rule}'.strip())}</td></tr>"
        for line in lines
    )
    head = "<tr><th>Time</th><th>Way</th><th>Layer</th><th>What</th><th>Verdict, rule</th></tr>"
    return f"<table>{head}{rows}</table>"


def _plain(line: Line) -> str:
    parts = (line.time.iso(), f"{line.sender} -> {line.to}", line.layer, line.code, line.text)
    return " ".join(part for part in (*parts, line.octets.hex().upper(), line.verdict, line.rule) if part)


def _escaped(text: str) -> str:
    return html.escape(_printable(text))


def _printable(text: str) -> str:
    """Text without what XML and UTF-8 cannot hold: control characters, surrogates, non-characters."""
    return _NOT_IN_XML.sub("?", text)
