"""Reports of a run, made from its transcript alone: JUnit XML and one self-contained HTML page."""

from __future__ import annotations

import html
import xml.etree.ElementTree as ET
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from .transcript import BENCH, COMMAND_RULE, Line

JUNIT = "junit.xml"
PAGE = "report.html"

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
    text: str
    passed: bool
    command: bool
    lines: tuple[Line, ...]


def cases(lines: Sequence[Line]) -> tuple[tuple[Case, ...], tuple[Line, ...]]:
    """The steps in order, and the lines before the first (the home coming up) as they stand."""
    found: list[Case] = []
    pending: list[Line] = []
    for line in lines:
        if line.sender != BENCH:
            pending.append(line)
            continue
        found.append(
            Case(line.code, line.text, line.verdict == "passed", line.rule == COMMAND_RULE, tuple(pending))
        )
        pending = []
    return tuple(found), tuple(pending)


def junit(lines: Sequence[Line], name: str) -> str:
    """JUnit XML: one case a command, and one for every other step that failed."""
    steps = [case for case in cases(lines)[0] if case.command or not case.passed]
    failed = [case for case in steps if not case.passed]
    suite = ET.Element(
        "testsuite", name=name, tests=str(len(steps)), failures=str(len(failed)), errors="0", skipped="0"
    )
    if lines:
        suite.set("timestamp", lines[0].time.iso())
    for case in steps:
        title, _, detail = case.text.partition(": ")
        seconds = (case.lines[-1].time.us - case.lines[0].time.us) / 1e6 if case.lines else 0.0
        element = ET.SubElement(
            suite, "testcase", classname=name, name=f"{case.name} {title}", time=f"{seconds:.3f}"
        )
        if not case.passed:
            ET.SubElement(element, "failure", message=_printable(detail)).text = _printable(
                "\n".join(_plain(line) for line in case.lines)
            )
    suites = ET.Element("testsuites")
    suites.append(suite)
    ET.indent(suites)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ET.tostring(suites, encoding="unicode") + "\n"


def page(lines: Sequence[Line], name: str) -> str:
    """One HTML page with the verdicts and the whole transcript; needs nothing else."""
    steps, rest = cases(lines)
    failed = sum(1 for case in steps if not case.passed)
    title = html.escape(name)
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


def write_report(folder: Path, lines: Sequence[Line], name: str) -> tuple[Path, Path]:
    """Write both reports into a folder, which is made if need be; their paths. Raises OSError."""
    folder.mkdir(parents=True, exist_ok=True)
    written = (folder / JUNIT, folder / PAGE)
    written[0].write_text(junit(lines, name), encoding="utf-8")
    written[1].write_text(page(lines, name), encoding="utf-8")
    return written


def _row(case: Case) -> str:
    verdict = "passed" if case.passed else "failed"
    opened = "" if case.passed else " open"
    return (
        f"<tr><td>{html.escape(case.name)}</td><td><details{opened}><summary>{html.escape(case.text)}"
        f'</summary>{_lines(case.lines)}</details></td><td class="{verdict}">{verdict}</td></tr>'
    )


def _lines(lines: Sequence[Line]) -> str:
    rows = "".join(
        f'<tr><td class="time">{line.time.iso()}</td><td>{html.escape(line.sender)} &rarr; '
        f"{html.escape(line.to)}</td><td>{html.escape(line.layer)}</td>"
        f"<td>{html.escape(f'{line.code} {line.text}'.strip())}"
        f'<div class="octets">{line.octets.hex().upper()}</div></td>'
        f"<td>{html.escape(f'{line.verdict} {line.rule}'.strip())}</td></tr>"
        for line in lines
    )
    head = "<tr><th>Time</th><th>Way</th><th>Layer</th><th>What</th><th>Verdict, rule</th></tr>"
    return f"<table>{head}{rows}</table>"


def _plain(line: Line) -> str:
    parts = (line.time.iso(), f"{line.sender} -> {line.to}", line.layer, line.code, line.text)
    return " ".join(part for part in (*parts, line.octets.hex().upper(), line.verdict, line.rule) if part)


def _printable(text: str) -> str:
    """Text without the control characters XML cannot hold."""
    return "".join(c if c >= " " or c in "\n\t" else "?" for c in text)
