"""What an explanation is made of, and the pen that writes it down octet by octet.

A walk takes the octets of a message one leaf after the other, so that spans are contiguous
by construction. What breaks a rule but not the walk is a finding; what breaks the walk is
`Broken`, and the octets that are left become one span of type `unparsed`.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NamedTuple, NoReturn

from ..errors import ParseError
from ..lengths import length_octets, read_length
from .rules import RULES, Rule
from .values import shown

UNPARSED = "unparsed"
Unseal = Callable[[bytes], "bytes | None"]


class Span(NamedTuple):
    """One leaf: octets `start` to `end` (not included), what they are and which rule fixes them.

    `plaintext` holds the spans of the decrypted octets of a ciphertext (`opened`), counted from
    the first of them. `failed` marks where a finding points.
    """

    start: int
    end: int
    path: str
    type: str
    value: str
    rule: Rule
    plaintext: tuple[Span, ...] | None = None
    opened: bytes = b""
    failed: bool = False


class Finding(NamedTuple):
    """A rule that does not hold: which check, where, why, and what would be right if that is known."""

    check: str
    offset: int
    path: str
    reason: str
    expected: str | None
    rule: Rule


class Broken(Exception):
    """The walk cannot go on; the finding says why. Leaves this room as a finding, never as an error."""

    def __init__(self, finding: Finding) -> None:
        super().__init__(finding.reason)
        self.finding = finding


class Pen:
    """Writes spans; `at` is the next octet, `end` where the part that is read ends.

    A strict pen is for a trial: its first finding breaks the walk.
    """

    __slots__ = ("at", "end", "findings", "octets", "spans", "strict", "unseal")

    def __init__(self, octets: bytes, unseal: Unseal | None = None, strict: bool = False) -> None:
        self.octets = octets
        self.strict = strict
        self.at = 0
        self.end = len(octets)
        self.spans: list[Span] = []
        self.findings: list[Finding] = []
        self.unseal = unseal

    @property
    def left(self) -> int:
        """Octets up to the end of the part."""
        return self.end - self.at

    def peek(self, path: str, rule: Rule, what: str = "an octet is missing") -> int:
        """The next octet."""
        if self.at >= self.end:
            self.stop("cut short", path, what, rule)
        return self.octets[self.at]

    def take(self, size: int, path: str, kind: str, rule: Rule, value: str | None = None) -> bytes:
        """Write a leaf and give its octets; an empty one leaves no span."""
        stop = self.at + size
        if stop > self.end:
            self.stop("cut short", path, f"{size} octets needed, {self.left} left", rule)
        octets = self.octets[self.at : stop]
        if size:
            text = shown(kind, octets) if value is None else value
            self.spans.append(Span(self.at, stop, path, kind, text, rule))
        self.at = stop
        return octets

    def number(self, size: int, path: str, kind: str, rule: Rule, value: str | None = None) -> int:
        """Write a leaf and give its octets as a big-endian number."""
        return int.from_bytes(self.take(size, path, kind, rule, value), "big")

    def constant(self, octets: bytes, path: str, rule: Rule, value: str | None = None) -> None:
        """Write a leaf that is always the same; another value is a finding."""
        at = self.at
        given = self.take(len(octets), path, "constant", rule, value)
        if given != octets:
            wanted = octets.hex().upper()
            self.find("constant", at, path, f"{given.hex().upper()} is not the constant", rule, wanted)

    def length(self, path: str, rule: Rule | None = None, kind: str = "length") -> int:
        """Write a length or count and give its number; a longer form than needed is a finding."""
        rule = rule or RULES["length"]
        at = self.at
        try:
            number, stop, form = read_length(self.octets[: self.end], at, path)
        except ParseError as error:
            self.stop("length", path, error.reason, rule)
        self.pieces(stop - at, path, kind, rule, str(number))
        if form:
            least = length_octets(number).hex().upper()
            reason = f"{number} in {form} octets, longer than it need be"
            self.find("length form", at, path, reason, RULES["length"], least)
        return number

    def pieces(self, size: int, path: str, kind: str, rule: Rule, value: str) -> None:
        """Write a length; one of more than 8 octets, which only a strange sender makes, in pieces."""
        for start in range(0, size, 8):
            self.take(min(8, size - start), path, kind, rule, value)

    def parts(
        self, layout: tuple[tuple[str, int, str], ...], path: str, rule: Rule, values: dict[str, str]
    ) -> None:
        """Write the parts of a value of fixed layout: name, octets, type."""
        for name, size, kind in layout:
            self.take(size, f"{path}.{name}", kind, rule, values.get(name))

    def find(
        self, check: str, offset: int, path: str, reason: str, rule: Rule, expected: str | None = None
    ) -> None:
        """Note a rule that does not hold. Raises Broken in a trial."""
        finding = Finding(check, offset, path, reason, expected, rule)
        if self.strict:
            raise Broken(finding)
        self.findings.append(finding)

    def stop(
        self,
        check: str,
        path: str,
        reason: str,
        rule: Rule,
        expected: str | None = None,
        offset: int | None = None,
    ) -> NoReturn:
        """Give up here. Raises Broken."""
        where = self.at if offset is None else offset
        raise Broken(Finding(check, where, path, reason, expected, rule))

    def rest(self, path: str, rule: Rule, kind: str = UNPARSED) -> None:
        """Write what is left of the part as one leaf."""
        if self.left > 0:
            self.take(self.left, path, kind, rule)

    @contextmanager
    def part(self, end: int) -> Iterator[None]:
        """Read no further than an offset."""
        before, self.end = self.end, end
        yield
        self.end = before

    def guarded(self, end: int, path: str, walk: Callable[[], None]) -> bool:
        """Walk a part to its end; what breaks becomes a finding, what is left an unparsed span."""
        before, self.end = self.end, end
        sound = True
        try:
            walk()
            if self.left:
                self.stop("left over", path, f"{self.left} octets left over", RULES["envelope"])
        except Broken as broken:
            sound = False
            self.end = end
            self.findings.append(broken.finding)
            self.rest(path, broken.finding.rule)
        self.end = before
        return sound


def mark(spans: list[Span], findings: list[Finding]) -> tuple[Span, ...]:
    """The spans, those that findings point at marked."""
    points = sorted({finding.offset for finding in findings})

    def has_point(span: Span) -> bool:
        return bisect_left(points, span.start) < bisect_left(points, span.end)

    return tuple(span._replace(failed=True) if has_point(span) else span for span in spans)
