"""Transcripts: what was said in a home, one JSON object a line (contract 3, v 1).

Reports, comparisons and evidence read transcripts and nothing else. Same seed and
clock: the same octets.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from gbcs.errors import BuildError, LocalError
from gbcs.time import Utc

VERSION = 1
LAYERS = ("gbcs", "zcl", "zdo", "cbke", "tunnel", "ui", "alert")
WAN = "WAN"
# Lines of the bench itself have it as `from`. `rule` tells them apart: the first names the
# scenario; one for each step says how it went, text before and behind a line break being
# what was done and what came of it; one says that the run ended before its end.
BENCH = "bench"
SCENARIO_RULE = "scenario"
COMMAND_RULE = "scenario: command"
EVENT_RULE = "scenario: event"
BROKEN_OFF_RULE = "scenario: broken off"


@dataclass(frozen=True, slots=True)
class Line:
    """One line. `code` and `text` are the `decoded` of the contract."""

    time: Utc
    sender: str
    to: str
    layer: str
    octets: bytes
    code: str
    text: str
    verdict: str
    rule: str

    def json(self) -> str:
        """The line as JSON, without a line end."""
        fields = {
            "v": VERSION,
            "time": self.time.iso(),
            "from": self.sender,
            "to": self.to,
            "layer": self.layer,
            "octets": self.octets.hex().upper(),
            "decoded": {"code": self.code, "text": self.text},
            "verdict": self.verdict,
            "rule": self.rule,
        }
        return json.dumps(fields, ensure_ascii=False)


def text_of(lines: Iterable[Line]) -> str:
    """Lines as JSON lines."""
    return "".join(line.json() + "\n" for line in lines)


def read_transcript(lines: Iterable[str]) -> Iterator[Line]:
    """Read transcript lines. Raises LocalError with the number of a line that is none."""
    for number, text in enumerate(lines, 1):
        if not text.strip():
            continue
        try:
            fields: dict[str, Any] = json.loads(text)
            version = fields["v"]
            line = _line(fields) if version == VERSION else None
        except (ValueError, KeyError, TypeError, RecursionError, BuildError):
            raise LocalError(f"line {number}: not a line of a transcript") from None
        if line is None:
            raise LocalError(f"line {number}: version {version} is not read")
        yield line


def _line(fields: dict[str, Any]) -> Line:
    decoded = fields["decoded"]
    texts = (fields["from"], fields["to"], fields["layer"], decoded["code"], decoded["text"])
    if not all(isinstance(text, str) for text in (*texts, fields["verdict"], fields["rule"])):
        raise TypeError("not a text")
    if fields["layer"] not in LAYERS:
        raise ValueError("no layer")
    sender, to, layer, code, text = texts
    octets = bytes.fromhex(fields["octets"])
    return Line(
        Utc.parse(fields["time"]), sender, to, layer, octets, code, text, fields["verdict"], fields["rule"]
    )


class Transcript:
    """Collects lines in the order they happen."""

    def __init__(self) -> None:
        self.lines: list[Line] = []

    def add(
        self,
        time: Utc,
        sender: str,
        to: str,
        layer: str,
        octets: bytes = b"",
        code: str = "",
        text: str = "",
        verdict: str = "",
        rule: str = "",
    ) -> None:
        """Add one line."""
        self.lines.append(Line(time, sender, to, layer, octets, code, text, verdict, rule))

    def text(self) -> str:
        """The whole transcript as JSON lines."""
        return text_of(self.lines)
