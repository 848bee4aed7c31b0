"""Verdicts: where two transcripts differ, by message, octet, field and rule.

The first transcript is the yardstick. Messages are compared leaf by leaf, less the fields
that may differ (`compare_fields.ALLOWANCES`); all other lines by their decoded code and text. What
only one transcript can know, as what an emulated device says of itself, is not compared. Rules that
run over several messages are in `compare_rules`: one that only the second breaks is a difference.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Any, NamedTuple

from gbcs.explain.rules import RULES, Rule
from gbcs.ids import Cra
from gbcs.message import Message
from gbcs.security.verify import Verifier
from gbcs.time import Utc

from .compare_fields import ABSENT, FieldDifference, field_differences
from .compare_fields import Side as Octets
from .compare_match import (
    CLOSE,
    TIERS,
    Exchange,
    Pairing,
    Record,
    Side,
    match_exchanges,
    match_messages,
    out_of_order,
)
from .compare_rules import ALERTS, ANSWER, ANSWER_IDENTITY, ORDER, REPLAY, SENT, breaches
from .transcript import BENCH, Line

# the rule that the check of a refusal is about, by the code of its line
REFUSALS = {
    "framing": RULES["envelope"],
    "target": RULES["identity"],
    "message code": RULES["use-case-table"],
    "originator": RULES["identity"],
    "authority": RULES["use-case-table"],
    "counter": REPLAY,
    "mac": RULES["mac"],
    "signature": RULES["signature"],
    "template": RULES["component"],
    "certificate": RULES["certificate"],
}
_REFUSED = ("refused", "unsupported")
_HEADER = (
    "header.business_originator_id",
    "header.business_target_id",
    "header.originator_counter",
    "header.message_code",
)
_VARYING = re.compile(r"\b0000[0-9A-F]{12}\b|\d{4}-\d\d-\d\dT[\d:.]+Z?")


class Place(NamedTuple):
    """Where one transcript has it: its line and time, the octet of the message, the value."""

    line: int
    time: Utc
    offset: int | None
    value: str


class Difference(NamedTuple):
    """One difference; `a` or `b` is None where that transcript has nothing.

    `kind`: `field`, `rule` (broken in the second only), `missing`, `extra`, `order`, `text`.
    """

    kind: str
    what: str
    path: str
    a: Place | None
    b: Place | None
    rule: Rule
    reason: str

    def fields(self) -> dict[str, Any]:
        """The JSON form."""
        rule = self.rule
        return {
            "kind": self.kind,
            "message": self.what,
            "path": self.path,
            "a": _place_fields(self.a),
            "b": _place_fields(self.b),
            "rule": {"document": rule.document, "section": rule.section, "text": rule.text},
            "reason": self.reason,
        }


def _place_fields(place: Place | None) -> dict[str, Any] | None:
    if place is None:
        return None
    return {"line": place.line, "time": place.time.iso(), "offset": place.offset, "value": place.value}


@dataclass(frozen=True, slots=True)
class Comparison:
    """What differs, the most telling of an exchange first; how many messages had a counterpart.

    `left_out` says what was not compared, and why.
    """

    differences: tuple[Difference, ...]
    matched: int
    left_out: tuple[str, ...]


def compare(
    a: Iterable[tuple[int, Line]],
    b: Iterable[tuple[int, Line]],
    verifier: Verifier | None = None,
    strict: bool = False,
) -> Comparison:
    """Compare two transcripts, lines with their numbers.

    `verifier` checks signatures and MACs and opens what is encrypted. With `strict` every
    octet counts and nothing is left out. Raises nothing for any lines.
    """
    return _Comparer(Side.of(a), Side.of(b), verifier, strict).run()


class _Comparer:
    def __init__(self, a: Side, b: Side, verifier: Verifier | None, strict: bool) -> None:
        self.a, self.b = a, b
        self.verifier, self.strict = verifier, strict
        self.pairs = match_exchanges(a, b)
        self.left_out: list[str] = []
        self.silent = set() if strict else set(self._silent())
        self.clock, self.counters = self._clock(), self._counters()
        self.matched = 0
        self.broken_a, self.broken_b = breaches(a), breaches(b)

    def run(self) -> Comparison:
        pairings = [self._pairing(i, j) for i, j in self.pairs]
        moved = self._moved(pairings)
        found: list[Difference] = []
        for (i, j), pairing in zip(self.pairs, pairings, strict=True):
            mine = None if i is None else self.a.exchanges[i]
            theirs = None if j is None else self.b.exchanges[j]
            found += self._exchange(mine, theirs, pairing, moved)
        return Comparison(tuple(found), self.matched, tuple(self.left_out))

    # -- what is compared at all ---------------------------------------------------------

    def _silent(self) -> Iterator[Hashable]:
        """Streams of lines that only one transcript has: not every bench can hear them."""
        counts = [Counter(_stream(record.line) for record in side.notes) for side in (self.a, self.b)]
        for stream in sorted(counts[0].keys() ^ counts[1].keys()):
            layer, sender = stream
            number, which = (
                (counts[0][stream], "first") if stream in counts[0] else (counts[1][stream], "second")
            )
            self.left_out.append(f"{layer} lines of {sender}: {number} in the {which} transcript only")
            yield stream

    def _clock(self) -> Callable[[Utc], Utc]:
        """The time of the second transcript at a time of the first."""
        steps = [
            (mine.line.time.us, theirs.line.time.us)
            for i, j in self.pairs
            if i
            and j
            and (mine := self.a.exchanges[i].command) is not None
            and (theirs := self.b.exchanges[j].command) is not None
        ]

        def there(time: Utc) -> Utc:
            before = [step for step in steps if step[0] <= time.us] or steps[:1] or [(0, 0)]
            return time.plus(us=before[-1][1] - before[-1][0])

        return there

    def _counters(self) -> dict[int, int]:
        """The counter that the second transcript has for a counter of the first, of commands."""
        sent = [(self.a.exchanges[i].sent, self.b.exchanges[j].sent) for i, j in self.pairs if i and j]
        return {m.counter: t.counter for m, t in sent if m is not None and t is not None}

    # -- matching ------------------------------------------------------------------------

    def _pairing(self, i: int | None, j: int | None) -> Pairing:
        mine = [] if i is None else self.a.exchanges[i].messages
        theirs = [] if j is None else self.b.exchanges[j].messages
        pairing = match_messages(mine, theirs)
        self.matched += len(pairing.pairs) + (i is not None and j is not None and i > 0)
        return pairing

    def _moved(self, pairings: Sequence[Pairing]) -> dict[Record, Record]:
        """Messages that belong together but stand in different exchanges."""
        mine = [record for pairing in pairings for record in pairing.only_a]
        theirs = [record for pairing in pairings for record in pairing.only_b]
        found = match_messages(mine, theirs, TIERS[:CLOSE])
        self.matched += len(found.pairs)
        return dict(found.pairs)

    # -- one exchange --------------------------------------------------------------------

    def _exchange(
        self, mine: Exchange | None, theirs: Exchange | None, pairing: Pairing, moved: dict[Record, Record]
    ) -> Iterator[Difference]:
        if mine is None or theirs is None:
            yield from self._lonely(mine, theirs)
        elif mine.command is not None and theirs.command is not None:
            yield from self._fields(mine.command, theirs.command, None, None)
        commands = [_command(mine), _command(theirs)]
        came_back = set(moved.values())
        for record, other in pairing.pairs:
            yield from self._fields(record, other, *commands)
        if mine is not None and theirs is not None:
            yield from self._between(mine, theirs)
        for record in pairing.only_a:
            if record in moved:
                yield _order(record, moved[record])
            else:
                yield self._missing(record, mine)
        for record in pairing.only_b:
            if record not in came_back:
                yield self._extra(record, mine, theirs)
        for record, other in out_of_order(pairing.pairs):
            yield _order(record, other)
        yield from self._notes(mine, theirs)

    def _lonely(self, mine: Exchange | None, theirs: Exchange | None) -> Iterator[Difference]:
        if mine is not None and mine.command is not None:
            yield Difference(
                "missing",
                mine.command.what,
                "message",
                _whole(mine.command),
                None,
                SENT,
                "not sent in the second",
            )
        if theirs is not None and theirs.command is not None:
            yield Difference(
                "extra",
                theirs.command.what,
                "message",
                None,
                _whole(theirs.command),
                SENT,
                "not sent in the first",
            )

    def _fields(
        self, record: Record, other: Record, mine: Message | None, theirs: Message | None
    ) -> Iterator[Difference]:
        left = Octets(record.line.octets, record.message, mine, self.verifier)
        right = Octets(other.line.octets, other.message, theirs, self.verifier, self.clock, self.counters)
        found = [self._placed(one, other) for one in field_differences(left, right, self.strict)]
        found.sort(key=_telling)
        yield from (_of_field(one, record, other) for one in found)
        if (record.line.verdict, record.line.sender) != (other.line.verdict, other.line.sender):
            yield _text_difference(record, other)

    def _placed(self, one: FieldDifference, other: Record) -> FieldDifference:
        """A field of the header is fixed by the command it answers, not by the layout."""
        message = other.message
        if self.strict or message is None:
            return one
        if one.path in _HEADER and message.cra is Cra.RESPONSE:
            return one._replace(rule=ANSWER_IDENTITY, broken=True)
        if one.path == "header.business_target_id" and message.cra is Cra.ALERT:
            return one._replace(rule=ALERTS, broken=True)
        return one

    def _missing(self, record: Record, mine: Exchange | None) -> Difference:
        response = record.message is not None and record.message.cra is Cra.RESPONSE
        reason = "did not come in the second"
        return Difference(
            "missing", record.what, "message", _whole(record), None, ANSWER if response else ALERTS, reason
        )

    def _extra(self, record: Record, mine: Exchange | None, theirs: Exchange | None) -> Difference:
        place, message = _whole(record), record.message
        if message is None:
            return Difference("extra", record.what, "message", None, place, RULES["envelope"], "no message")
        if message.cra is not Cra.RESPONSE:
            return Difference(
                "extra", record.what, "message", None, place, ALERTS, "did not come in the first"
            )
        refusal = next((r.line for r in mine.notes if r.line.verdict in _REFUSED), None) if mine else None
        if refusal is not None:
            rule = REFUSALS.get(refusal.code, ANSWER)
            reason = f"the first refused the command: {refusal.text} ({refusal.rule})"
            path = _FIELD_OF.get(refusal.code, "message")
            return Difference("extra", record.what, path, None, _at(record, path), rule, reason)
        command = _command(theirs)
        if command is None:
            reason = "answers no command of the transcript"
            return Difference("extra", record.what, "message", None, place, ANSWER_IDENTITY, reason)
        return Difference("extra", record.what, "message", None, place, ANSWER, "did not come in the first")

    def _between(self, mine: Exchange, theirs: Exchange) -> Iterator[Difference]:
        """Rules between messages that the second breaks here, and the first does not."""
        known = Counter(breach.rule for breach in self.broken_a.get(mine.number, ()))
        for breach in self.broken_b.get(theirs.number, ()):
            if known[breach.rule]:
                known[breach.rule] -= 1
                continue
            place = _at(breach.record, breach.path)
            reason = f"{breach.reason}; right would be {breach.right}"
            yield Difference("rule", breach.record.what, breach.path, None, place, breach.rule, reason)

    # -- lines that are no messages ------------------------------------------------------

    def _notes(self, mine: Exchange | None, theirs: Exchange | None) -> Iterator[Difference]:
        a, b = ([r for r in e.notes if self._heard(r)] if e is not None else [] for e in (mine, theirs))
        keys = [[self._note(record.line) for record in notes] for notes in (a, b)]
        if keys[0] == keys[1]:
            return
        matcher = SequenceMatcher(None, keys[0], keys[1], autojunk=False)
        for tag, i1, i2, j1, j2 in matcher.get_opcodes():
            if tag != "equal":
                yield from _unequal(a[i1:i2], b[j1:j2])

    def _heard(self, record: Record) -> bool:
        return _stream(record.line) not in self.silent

    def _note(self, line: Line) -> Hashable:
        text = line.text if self.strict else _VARYING.sub("#", line.text)
        verdict = "" if line.layer == "tunnel" and not self.strict else line.verdict
        octets = line.octets if self.strict else b""
        return line.layer, line.sender, line.to, line.code, text, verdict, octets


_FIELD_OF = {
    "counter": "header.originator_counter",
    "originator": "header.business_target_id",
    "authority": "header.business_target_id",
    "target": "header.business_originator_id",
    "message code": "header.message_code",
}


def _telling(one: FieldDifference) -> tuple[int, int]:
    """A broken rule says more than a value; protection that fails only says that something does."""
    protection = one.path in ("signature", "mac")
    return (2 if protection else 0 if one.broken else 1), one.order


def _stream(line: Line) -> tuple[str, str]:
    """Which lines are heard together: those of a layer, of each that speaks of itself."""
    own = line.sender == line.to or line.sender == BENCH
    return line.layer, line.sender if own else "the network"


def _command(exchange: Exchange | None) -> Message | None:
    return exchange.command.message if exchange is not None and exchange.command is not None else None


def _whole(record: Record) -> Place:
    octets = record.line.octets
    return Place(record.number, record.line.time, 0 if octets else None, f"{len(octets)} octets")


def _at(record: Record, path: str) -> Place:
    """The place of a field of a message, of its beginning where it has no such field."""
    side = Octets(record.line.octets, record.message, None)
    for leaf in side.leaves:
        if leaf.span.path == path:
            return Place(record.number, record.line.time, leaf.span.start, leaf.span.value)
    return _whole(record)


def _of_field(one: FieldDifference, record: Record, other: Record) -> Difference:
    a = Place(record.number, record.line.time, one.offset_a, one.value_a)
    b = Place(other.number, other.line.time, one.offset_b, one.value_b)
    return Difference("rule" if one.broken else "field", record.what, one.path, a, b, one.rule, one.reason)


def _order(record: Record, other: Record) -> Difference:
    reason = "comes at another place among the others"
    return Difference("order", record.what, "message", _whole(record), _whole(other), ORDER, reason)


def _said(record: Record | None) -> Place | None:
    if record is None:
        return None
    line = record.line
    text = " ".join(part for part in (line.code, line.text.replace("\n", ": "), line.verdict) if part)
    return Place(record.number, line.time, None, text or ABSENT)


def _text_difference(record: Record | None, other: Record | None) -> Difference:
    one = record or other
    assert one is not None
    line = one.line
    kind = "text" if record is not None and other is not None else "extra" if record is None else "missing"
    document, _, section = line.rule.partition(" ")
    rule = Rule("line", document or "smets", section or f"transcript: layer {line.layer}", "")
    what = f"{line.layer} line from {line.sender} to {line.to}"
    return Difference(kind, what, "text", _said(record), _said(other), rule, "")


def _unequal(a: list[Record], b: list[Record]) -> Iterator[Difference]:
    """Lines without an equal on the other side; those with the same ends go together."""
    left = list(b)
    for record in a:
        ends = (record.line.layer, record.line.sender, record.line.to)
        other = next((r for r in left if (r.line.layer, r.line.sender, r.line.to) == ends), None)
        if other is not None:
            left.remove(other)
        yield _text_difference(record, other)
    for record in left:
        yield _text_difference(None, record)
