"""Where two messages differ: leaf by leaf, each with its octet, its value and the rule that fixes it.

`ALLOWANCES` is the table of fields that may differ although both devices keep the rules. A
length that differs because what it counts does is never the difference that is named.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import SequenceMatcher
from functools import cached_property
from typing import NamedTuple

from gbcs.dlms.apdu import invoke_id
from gbcs.errors import BuildError
from gbcs.explain import Explanation, explain
from gbcs.explain.rules import Rule
from gbcs.explain.spans import Finding, Span
from gbcs.ids import Cra
from gbcs.message import Message
from gbcs.security.verify import Verdict, Verifier
from gbcs.time import Utc

COUNTER = 6  # octets from which a number may be a counter of milliseconds
TOLERANCE = 10_000_000  # microseconds; a device's clock may be 10 s off (chts-hub 0.2, 10)
ABSENT = "nothing"
_PARTS = ("year", "month", "day", "hour", "minute", "second")
_UTC = re.compile(r"(\d+) \(\d{4}-")
_INDEX = re.compile(r"\[\d+\]")


@dataclass
class Side:
    """One of two messages, with what is known beside it.

    `command` is the command it answers, `clock` gives the time that its transcript has where
    the other one has a given time, `counters` likewise the counters of commands.
    """

    octets: bytes
    message: Message | None
    command: Message | None
    verifier: Verifier | None = None
    clock: Callable[[Utc], Utc] | None = None
    counters: Mapping[int, int] = field(default_factory=dict)

    @cached_property
    def explanation(self) -> Explanation:
        """Every octet and what is wrong with it."""
        return explain(self.octets, self.verifier)

    @cached_property
    def leaves(self) -> tuple[Leaf, ...]:
        """The leaves of the message."""
        return leaves_of(self.explanation.spans, self.octets)


class Leaf(NamedTuple):
    """A span with its octets; `moment` is the point in time that it is a part of."""

    span: Span
    octets: bytes
    moment: Utc | None = None

    @property
    def key(self) -> tuple[str, str]:
        """What makes two leaves the same field."""
        return self.span.path, self.span.type


def leaves_of(spans: Sequence[Span], octets: bytes) -> tuple[Leaf, ...]:
    """Spans with their octets and moments."""
    found = [Leaf(span, octets[span.start : span.end]) for span in spans]
    groups: dict[str, list[int]] = {}
    for index, leaf in enumerate(found):
        parent, _, name = leaf.span.path.rpartition(".")
        if name in _PARTS:
            groups.setdefault(parent, []).append(index)
        elif leaf.span.type == "utc" and (match := _UTC.match(leaf.span.value)) is not None:
            found[index] = leaf._replace(moment=Utc.from_seconds(int(match[1])))
    for indices in groups.values():
        moment = _moment([found[index] for index in indices])
        for index in indices:
            found[index] = found[index]._replace(moment=moment)
    return tuple(found)


def _moment(parts: Sequence[Leaf]) -> Utc | None:
    """The point in time of its parts; None where one is missing or any."""
    if len(parts) != len(_PARTS):
        return None
    text = len(parts[0].octets) == 4  # GeneralizedTime is in digits
    try:
        year, month, day, hour, minute, second = (
            int(part.octets) if text else int.from_bytes(part.octets, "big") for part in parts
        )
        return Utc.of(year, month, day, hour, minute, second)
    except (ValueError, BuildError):
        return None


# -- what may differ ------------------------------------------------------------------------


def _moment_fits(a: Leaf, b: Leaf, left: Side, right: Side) -> bool:
    if a.moment is None or b.moment is None or right.clock is None:
        return False
    return abs(right.clock(a.moment).us - b.moment.us) <= TOLERANCE


def _counter(leaf: Leaf) -> int:
    return int.from_bytes(leaf.octets, "big")


def _own_counter(a: Leaf, b: Leaf, left: Side, right: Side) -> bool:
    return all(side.message is not None and side.message.cra is not Cra.RESPONSE for side in (left, right))


def _of_a_command(a: Leaf, b: Leaf, left: Side, right: Side) -> bool:
    return len(a.octets) >= COUNTER and right.counters.get(_counter(a)) == _counter(b)


def _of_the_command(a: Leaf, b: Leaf, left: Side, right: Side) -> bool:
    return all(
        side.command is not None and _counter(leaf) == side.command.counter
        for leaf, side in ((a, left), (b, right))
    )


def _supplementary(a: Leaf, b: Leaf, left: Side, right: Side) -> bool:
    """That of a party: a command's is its own, an answer's that of its command."""
    if _own_counter(a, b, left, right):
        return True
    return all(
        side.command is not None and _counter(leaf) == side.command.other.party_counter
        for leaf, side in ((a, left), (b, right))
    )


def _of_the_header(a: Leaf, b: Leaf, left: Side, right: Side) -> bool:
    return all(
        side.message is not None and _counter(leaf) == side.message.counter
        for leaf, side in ((a, left), (b, right))
    )


def _low_bits(a: Leaf, b: Leaf, left: Side, right: Side) -> bool:
    return all(
        side.message is not None and _counter(leaf) == invoke_id(side.message.counter)
        for leaf, side in ((a, left), (b, right))
    )


def _mac_fits(a: Leaf, b: Leaf, left: Side, right: Side) -> bool:
    verdicts = right.explanation.verdicts
    if verdicts is not None and verdicts.mac is Verdict.VALID:
        return True
    if left.message is None or right.message is None:
        return False
    return left.message.maced_octets != right.message.maced_octets


def _other_key(a: Leaf, b: Leaf, left: Side, right: Side) -> bool:
    """Another counter or other parties: another key and nonce."""
    if left.message is None or right.message is None:
        return False
    mine, theirs = left.message, right.message
    return (mine.counter, mine.originator, mine.recipient, mine.other.party) != (
        theirs.counter,
        theirs.originator,
        theirs.recipient,
        theirs.other.party,
    )


def _always(a: Leaf, b: Leaf, left: Side, right: Side) -> bool:
    return True


class Allowance(NamedTuple):
    """Fields that may differ: by the end of their path or by their type, when, and why."""

    path: str
    type: str
    when: Callable[[Leaf, Leaf, Side, Side], bool]
    condition: str
    why: str


ALLOWANCES: tuple[Allowance, ...] = (
    Allowance(
        "header.originator_counter",
        "counter",
        _own_counter,
        "in commands and alerts",
        "a party or device numbers its own messages (gbcs-messages 3)",
    ),
    Allowance(
        "header.originator_counter",
        "counter",
        _of_the_command,
        "each that of its command",
        "the answer to a command with another counter (gbcs-messages 3)",
    ),
    Allowance(
        "header.supplementary.originator_counter",
        "counter",
        _always,
        "always",
        "a device's own counter (gbcs-messages 2.4)",
    ),
    Allowance(
        "header.supplementary.remote_party_counter",
        "counter",
        _supplementary,
        "in commands and alerts, else each that of its command",
        "the party's own (gbcs-messages 2.4)",
    ),
    Allowance(
        "payload.invoke_id",
        "invoke-id",
        _low_bits,
        "each follows its counter",
        "20 and the low 24 bits of the counter (dlms-payloads 1.1)",
    ),
    Allowance(
        "transaction_id.counter",
        "counter",
        _of_the_header,
        "each that of its header",
        "repeats the counter of the message (dlms-payloads 6)",
    ),
    Allowance(
        "",
        "",
        _of_a_command,
        "each that of the same command",
        "repeats the counter of a command (gbcs-messages 3.1 and 10)",
    ),
    Allowance(
        "",
        "",
        _moment_fits,
        "the same moment by either clock, 10 s more or less",
        "clocks differ (gbcs-messages 2.5)",
    ),
    Allowance(
        "signature",
        "signature",
        _always,
        "always; with keys it has to be valid",
        "ECDSA signatures may be random (gbcs-crypto)",
    ),
    Allowance(
        "mac",
        "mac",
        _mac_fits,
        "what it covers differs, or with keys it is valid",
        "it follows from what it covers (gbcs-messages 5.2)",
    ),
    Allowance(
        "", "ciphertext", _other_key, "the counter or the parties differ", "another key (gbcs-messages 5.3)"
    ),
    Allowance(
        ".tag", "mac", _other_key, "the counter or the parties differ", "another key (gbcs-messages 5.3)"
    ),
)


def _allowed(a: Leaf, b: Leaf, left: Side, right: Side) -> bool:
    path, kind = a.key
    return any(
        path.endswith(row.path) and row.type in ("", kind) and row.when(a, b, left, right)
        for row in ALLOWANCES
    )


# -- comparing --------------------------------------------------------------------------------


class FieldDifference(NamedTuple):
    """One field: its offset in either message (None where it has none), values and rule.

    `broken` says that a rule does not hold in the second message, and does in the first.
    """

    path: str
    offset_a: int | None
    offset_b: int | None
    value_a: str
    value_b: str
    rule: Rule
    reason: str
    broken: bool = False

    @property
    def order(self) -> int:
        """Where it comes among others."""
        return self.offset_b if self.offset_b is not None else self.offset_a or 0


@dataclass
class _Walk:
    """A comparison in progress."""

    left: Side
    right: Side
    strict: bool
    found: list[FieldDifference] = field(default_factory=list)
    lengths: list[tuple[Leaf, Leaf]] = field(default_factory=list)
    resized: bool = False  # octets were put in or left out
    touched: list[FieldDifference] = field(default_factory=list)  # also what may differ

    def run(self, a: Sequence[Leaf], b: Sequence[Leaf]) -> None:
        """Compare two lists of leaves."""
        keys_a, keys_b = [leaf.key for leaf in a], [leaf.key for leaf in b]
        if keys_a == keys_b:
            for one, other in zip(a, b, strict=True):
                self._pair(one, other)
            return
        matcher = SequenceMatcher(None, keys_a, keys_b, autojunk=False)
        for tag, i1, i2, j1, j2 in matcher.get_opcodes():
            if tag == "equal":
                for one, other in zip(a[i1:i2], b[j1:j2], strict=True):
                    self._pair(one, other)
            else:
                self._block(a[i1:i2], b[j1:j2], _at(a, i1), _at(b, j1))

    def _pair(self, a: Leaf, b: Leaf) -> None:
        if a.octets == b.octets:
            return
        if a.span.type not in ("length", "count"):
            self.touched.append(_between(a, b))
        if len(a.octets) != len(b.octets):
            self.resized = True
        if a.span.type in ("length", "count") and a.span.value != b.span.value:
            self.lengths.append((a, b))
            return
        if not self.strict:
            if a.span.plaintext is not None and b.span.plaintext is not None:
                self._opened(a, b)
                return
            if a.span.path.endswith(".tag") and a.span.type == "mac" and self._ciphertext_differs(a):
                return
            if _allowed(a, b, self.left, self.right):
                return
        self.found.append(_between(a, b))

    def _ciphertext_differs(self, tag: Leaf) -> bool:
        path = f"{tag.span.path.removesuffix('.tag')}.ciphertext"
        texts = [
            next((leaf.octets for leaf in side.leaves if leaf.span.path == path), None)
            for side in (self.left, self.right)
        ]
        return texts[0] != texts[1]

    def _opened(self, a: Leaf, b: Leaf) -> None:
        """Protected values that could be decrypted: what differs inside."""
        inner = _Walk(self.left, self.right, self.strict)
        plain = [leaves_of(leaf.span.plaintext or (), leaf.span.opened) for leaf in (a, b)]
        inner.run(*plain)
        if len(a.octets) != len(b.octets):
            self.resized = True
        for one in inner.finished():
            at = one.offset_b if one.offset_b is not None else one.offset_a
            reason = f"octet {at} of the plaintext"
            self.found.append(one._replace(offset_a=a.span.start, offset_b=b.span.start, reason=reason))

    def _block(self, a: Sequence[Leaf], b: Sequence[Leaf], at_a: int, at_b: int) -> None:
        """Leaves that only one of both has."""
        first = a[0] if a else b[0]
        self.resized = True
        self.found.append(
            FieldDifference(
                first.span.path,
                at_a,
                at_b,
                _shown(a[0]) if a else ABSENT,
                _shown(b[0]) if b else ABSENT,
                (a[0] if a else b[0]).span.rule,
                "stands in one only" if not (a and b) else "another field stands here",
            )
        )

    def finished(self) -> list[FieldDifference]:
        """What differs, without what only follows from it."""
        _use_lengths(self)
        self.found.sort(key=lambda one: one.order)
        return self.found


def _use_lengths(walk: _Walk) -> None:
    """A length is named where it is the only difference, or decides one right behind it.

    One that does not fit what it counts is a broken rule, and found as such.
    """
    for a, b in walk.lengths:
        path = a.span.path
        inside = [one for one in walk.found if _within(one.path, path)]
        if any(one.offset_a == a.span.end and one.value_b == ABSENT for one in inside) or any(
            one.offset_b == b.span.end and one.value_a == ABSENT for one in inside
        ):
            walk.found = [one for one in walk.found if one not in inside]
        elif walk.found or walk.resized:
            continue
        walk.found.append(_between(a, b))
    if not walk.found and walk.lengths and not walk.resized:
        walk.found += [_between(a, b) for a, b in walk.lengths]


def _within(path: str, parent: str) -> bool:
    return path == parent or path.startswith((f"{parent}.", f"{parent}["))


def _at(leaves: Sequence[Leaf], index: int) -> int:
    if index < len(leaves):
        return leaves[index].span.start
    return leaves[-1].span.end if leaves else 0


def _shown(leaf: Leaf) -> str:
    digits = leaf.octets.hex().upper()
    return digits if leaf.span.value in (digits, "") else f"{digits} ({leaf.span.value})"


def _between(a: Leaf, b: Leaf) -> FieldDifference:
    reason = (
        "longer than it need be" if a.span.value == b.span.value and len(a.octets) != len(b.octets) else ""
    )
    return FieldDifference(b.span.path, a.span.start, b.span.start, _shown(a), _shown(b), b.span.rule, reason)


def field_differences(left: Side, right: Side, strict: bool = False) -> list[FieldDifference]:
    """Where two messages differ, by octet; with `strict` every octet counts.

    A rule that is broken in the second message only is a difference of its own.
    """
    if left.octets == right.octets:
        return []
    walk = _Walk(left, right, strict)
    walk.run(left.leaves, right.leaves)
    found = _in_order(walk.finished(), walk.touched, left, right)
    for finding in _new_findings(left, right):
        found = _with_finding(found, finding, left, right)
    found.sort(key=lambda one: one.order)
    return found


def _new_findings(left: Side, right: Side) -> Iterator[Finding]:
    known = {(finding.check, finding.path) for finding in left.explanation.findings}
    for finding in right.explanation.findings:
        if (finding.check, finding.path) not in known:
            yield finding


def _with_finding(
    found: list[FieldDifference], finding: Finding, left: Side, right: Side
) -> list[FieldDifference]:
    """A difference at the finding takes its rule; else the finding stands for itself."""
    wanted = f"; right would be {finding.expected}" if finding.expected else ""
    reason = f"{finding.reason}{wanted}"
    same = [one for one in found if one.offset_b == finding.offset]
    if same:
        one = same[0]._replace(path=finding.path, rule=finding.rule, reason=reason, broken=True)
        return [one if other is same[0] else other for other in found]
    # what cannot be decrypted although it is the same has another tag
    tag = f"{finding.path.removesuffix('.ciphertext')}.tag"
    same = [one for one in found if finding.path.endswith(".ciphertext") and one.path == tag]
    if same:
        one = same[0]._replace(rule=finding.rule, reason=reason, broken=True)
        return [one if other is same[0] else other for other in found]
    values = [_value_at(left, finding.path), _value_at(right, finding.path, finding.offset)]
    (offset_a, value_a), (_, value_b) = values
    one = FieldDifference(
        finding.path, offset_a, finding.offset, value_a, value_b, finding.rule, reason, broken=True
    )
    return [*found, one]


def _value_at(side: Side, path: str, offset: int | None = None) -> tuple[int | None, str]:
    """Offset and value of a field, of the leaf at an offset where that is known."""
    leaves = [leaf for leaf in side.leaves if leaf.span.path == path]
    if offset is not None:
        leaves = [leaf for leaf in side.leaves if leaf.span.start == offset]
    if not leaves:
        return None, ABSENT
    return leaves[-1].span.start, _shown(leaves[-1])


def _in_order(
    found: list[FieldDifference], touched: list[FieldDifference], left: Side, right: Side
) -> list[FieldDifference]:
    """The same elements of a list in another order are one difference, not many.

    They are one also where each of them might differ, as times of a log do.
    """
    seen: set[str] = set()
    for one in touched:
        for match in _INDEX.finditer(one.path):
            parent = one.path[: match.start()]
            if parent in seen:
                continue
            seen.add(parent)
            mine, theirs = _elements(left, parent), _elements(right, parent)
            if mine == theirs or sorted(mine) != sorted(theirs):
                continue
            first = next(i for i, (x, y) in enumerate(zip(mine, theirs, strict=True)) if x != y)
            reason = f"the elements of {parent} are the same, in another order, from [{first}] on"
            found = [other for other in found if not _within(other.path, parent)]
            found.append(one._replace(reason=reason))
    return found


def _elements(side: Side, parent: str) -> list[bytes]:
    """The octets of each element of a list."""
    found: dict[str, bytes] = {}
    for leaf in side.leaves:
        match = _INDEX.match(leaf.span.path, len(parent)) if leaf.span.path.startswith(parent) else None
        if match is not None:
            found[match[0]] = found.get(match[0], b"") + leaf.octets
    return list(found.values())
