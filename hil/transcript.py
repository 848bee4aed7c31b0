"""Transcripts: what was said in a home, one JSON object a line (contract 3, v 1).

Reports, comparisons and evidence read transcripts and nothing else. Same seed and
clock: the same octets.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from gbcs.errors import LocalError
from gbcs.time import Utc

VERSION = 1
LAYERS = ("gbcs", "zcl", "zdo", "cbke", "tunnel", "ui", "alert")
# lines in which the bench says how a step went: their `from`, and `rule` by the kind of step
BENCH = "bench"
COMMAND_RULE = "scenario: command"
EVENT_RULE = "scenario: event"


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


def read_transcript(lines: Iterable[str]) -> Iterator[Line]:
    """Read transcript lines. Raises LocalError with the number of a line that is none."""
    for number, text in enumerate(lines, 1):
        if not text.strip():
            continue
        try:
            fields: dict[str, Any] = json.loads(text)
            if fields["v"] != VERSION:
                raise LocalError(f"line {number}: version {fields['v']} is not read")
            yield Line(
                Utc.parse(fields["time"]),
                fields["from"],
                fields["to"],
                fields["layer"],
                bytes.fromhex(fields["octets"]),
                fields["decoded"]["code"],
                fields["decoded"]["text"],
                fields["verdict"],
                fields["rule"],
            )
        except (ValueError, KeyError, TypeError):
            raise LocalError(f"line {number}: not a line of a transcript") from None


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
        return "".join(line.json() + "\n" for line in self.lines)
