"""Which messages of two transcripts belong together: by command, by identity, by order.

A transcript is cut into exchanges, each a command and what came of it. Commands are matched
first; inside an exchange messages are matched by ever looser identities, so that one
with a wrong field still finds the one it should have been.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass, field
from difflib import SequenceMatcher
from functools import cached_property
from typing import NamedTuple

from gbcs.errors import ParseError
from gbcs.ids import Cra, EntityId, Kind
from gbcs.message import Message, parse_message
from gbcs.usecases import by_code

from .compare_fields import leaves_of
from .transcript import Line

MESSAGE_LAYERS = ("gbcs", "alert")
UNSTABLE = ("counter", "invoke-id", "mac", "signature", "length", "ciphertext")


@dataclass(eq=False)
class Record:
    """One line; `message` is None for one that carries none, or octets that are none."""

    number: int
    line: Line
    message: Message | None = None
    exchange: int = -1

    @property
    def carries(self) -> bool:
        """Whether it is a message on its way from one to another."""
        return (
            bool(self.line.octets) and self.line.layer in MESSAGE_LAYERS and self.line.sender != self.line.to
        )

    @property
    def opens(self) -> bool:
        """Whether it is a command that begins an exchange."""
        return self.message is not None and self.message.cra is Cra.COMMAND and not self.line.verdict

    @property
    def what(self) -> str:
        """The message in one line."""
        message = self.message
        if message is None:
            return f"{len(self.line.octets)} octets from {self.line.sender} that are no message"
        row = by_code(message.code)
        name = row.name if row is not None else "unknown use case"
        alert = f" {self.alert_code:04X}" if self.alert_code is not None else ""
        return (
            f"{name} {message.kind.value}{alert} ({message.code:04X}) from {message.originator} to "
            f"{message.recipient}, counter {message.counter:016X}"
        )

    @cached_property
    def alert_code(self) -> int | None:
        """The alert code of an alert, as far as it can be read."""
        if self.message is None or self.message.kind is not Kind.ALERT:
            return None
        from gbcs.explain import explain

        for span in explain(self.line.octets).spans:
            if span.path.rpartition(".")[2] in ("AlertCode", "alert_code", "alertCode"):
                octets = self.line.octets[span.start : span.end]
                if len(octets) == 2:
                    return int.from_bytes(octets, "big")
        return None

    @cached_property
    def content(self) -> Hashable:
        """What does not follow from clocks and counters."""
        from gbcs.explain import explain

        leaves = leaves_of(explain(self.line.octets).spans, self.line.octets)
        return tuple(
            (leaf.span.path, leaf.octets)
            for leaf in leaves
            if leaf.span.type not in UNSTABLE and leaf.moment is None
        )


class Exchange(NamedTuple):
    """A command (None before the first) and the records that came of it; `number` is its place."""

    number: int
    command: Record | None
    messages: list[Record]
    notes: list[Record]

    @property
    def sent(self) -> Message | None:
        """The command as a message."""
        return None if self.command is None else self.command.message

    @property
    def answers(self) -> list[Record]:
        """The responses to its command."""
        if self.sent is None:
            return []
        key = _answer_key(self.sent)
        found = [(r, r.message) for r in self.messages if r.message is not None]
        return [r for r, m in found if m.cra is Cra.RESPONSE and _answer_key(m, back=True) == key]


@dataclass
class Side:
    """A transcript cut into exchanges."""

    exchanges: list[Exchange] = field(default_factory=lambda: [Exchange(0, None, [], [])])

    @classmethod
    def of(cls, numbered: Iterable[tuple[int, Line]]) -> Side:
        """Cut; a response goes to the command it answers, everything else to the latest one."""
        side = cls()
        commands: dict[Hashable, int] = {}
        for number, line in numbered:
            record = Record(number, line)
            if record.carries:
                record.message = _message(line.octets)
            exchanges = side.exchanges
            if record.opens and record.message is not None:
                exchanges.append(Exchange(len(exchanges), record, [], []))
                commands[_answer_key(record.message)] = len(exchanges) - 1
            record.exchange = len(exchanges) - 1
            if record.carries and record.message is not None and record.message.cra is Cra.RESPONSE:
                record.exchange = commands.get(_answer_key(record.message, back=True), record.exchange)
            if not record.opens:
                held = exchanges[record.exchange]
                (held.messages if record.carries else held.notes).append(record)
        return side

    @property
    def messages(self) -> list[Record]:
        """Every message, commands included, in the order of the transcript."""
        found = [e.command for e in self.exchanges if e.command is not None]
        found += [record for exchange in self.exchanges for record in exchange.messages]
        return sorted(found, key=lambda record: record.number)

    @property
    def notes(self) -> list[Record]:
        """Every other line."""
        return [record for exchange in self.exchanges for record in exchange.notes]


def _message(octets: bytes) -> Message | None:
    try:
        return parse_message(octets)
    except ParseError:
        return None


def _answer_key(message: Message, back: bool = False) -> Hashable:
    ends = (message.originator, message.recipient)
    return (*(reversed(ends) if back else ends), message.counter, message.code)


# -- commands -------------------------------------------------------------------------------


def match_exchanges(a: Side, b: Side) -> list[tuple[int | None, int | None]]:
    """Pairs of indices of exchanges, in order; None where one side has none."""
    found: list[tuple[int | None, int | None]] = [(0, 0)]
    mine = [_command(e) for e in a.exchanges[1:]]
    theirs = [_command(e) for e in b.exchanges[1:]]
    for i, j in _aligned(mine, theirs, (_full_key, _loose_key)):
        found.append((None if i is None else i + 1, None if j is None else j + 1))
    return found


def _command(exchange: Exchange) -> Message:
    assert exchange.command is not None
    assert exchange.command.message is not None
    return exchange.command.message


def _full_key(message: Message) -> Hashable:
    return message.originator, message.recipient, message.code, message.counter


def _loose_key(message: Message) -> Hashable:
    return message.originator, message.recipient, message.code


def _aligned(
    mine: Sequence[Message], theirs: Sequence[Message], keys: Sequence[Callable[[Message], Hashable]]
) -> list[tuple[int | None, int | None]]:
    """Align two lists by the first key; what it leaves unmatched, between matches, by the next."""
    if not keys:
        left: list[tuple[int | None, int | None]] = [(i, None) for i in range(len(mine))]
        return left + [(None, j) for j in range(len(theirs))]
    key, found = keys[0], list[tuple[int | None, int | None]]()
    matcher = SequenceMatcher(None, [key(m) for m in mine], [key(m) for m in theirs], autojunk=False)
    for tag, i1, i2, j1, j2 in matcher.get_opcodes():
        if tag == "equal":
            found += zip(range(i1, i2), range(j1, j2), strict=True)
            continue
        for i, j in _aligned(mine[i1:i2], theirs[j1:j2], keys[1:]):
            found.append((None if i is None else i + i1, None if j is None else j + j1))
    return found


# -- messages ---------------------------------------------------------------------------------

Key = Callable[[Record], Hashable]


def _fields(record: Record) -> tuple[EntityId, EntityId, Cra, int, int] | None:
    m = record.message
    return None if m is None else (m.originator, m.recipient, m.cra, m.code, m.counter)


def _identity(*positions: int, alert: bool = True) -> Key:
    """A key of some fields of the identity, and of the alert code."""

    def key(record: Record) -> Hashable:
        fields = _fields(record)
        if fields is None:
            return None
        return (*(fields[p] for p in positions), record.alert_code if alert else None)

    return key


def _octets(record: Record) -> Hashable:
    return record.line.octets


def _content(record: Record) -> Hashable:
    return record.content if record.message is not None else None


def _swapped(record: Record) -> Hashable:
    fields = _fields(record)
    return None if fields is None else (frozenset(fields[:2]), *fields[2:4])


def _ends(record: Record) -> Hashable:
    return record.line.sender, record.line.layer


ORIGINATOR, RECIPIENT, CRA, CODE, COUNTER = range(5)
# from the closest identity to the loosest; None is never a match
TIERS: tuple[Key, ...] = (
    _octets,
    _content,
    _identity(ORIGINATOR, RECIPIENT, CRA, CODE, COUNTER),
    _identity(ORIGINATOR, RECIPIENT, CRA, CODE),
    _identity(ORIGINATOR, RECIPIENT, CRA, CODE, alert=False),
    _identity(ORIGINATOR, RECIPIENT, CRA, COUNTER, alert=False),
    _identity(ORIGINATOR, CRA, CODE),
    _identity(RECIPIENT, CRA, CODE),
    _swapped,
    _identity(ORIGINATOR, RECIPIENT, CODE, COUNTER, alert=False),
    _identity(ORIGINATOR, CRA, alert=False),
    _ends,
)
CLOSE = 4  # how many of them are close enough to match across exchanges


class Pairing(NamedTuple):
    """Messages of two lists: those that belong together, and those left over."""

    pairs: list[tuple[Record, Record]]
    only_a: list[Record]
    only_b: list[Record]


def match_messages(a: Sequence[Record], b: Sequence[Record], tiers: Sequence[Key] = TIERS) -> Pairing:
    """Match by ever looser keys, each time in order."""
    pairs: list[tuple[Record, Record]] = []
    mine, theirs = list(a), list(b)
    for key in tiers:
        waiting: dict[Hashable, list[Record]] = {}
        for record in theirs:
            waiting.setdefault(key(record), []).append(record)
        for record in list(mine):
            held = waiting.get(key(record))
            if key(record) is None or not held:
                continue
            other = held.pop(0)
            pairs.append((record, other))
            mine.remove(record)
            theirs.remove(other)
        if not mine or not theirs:
            break
    pairs.sort(key=lambda pair: pair[0].number)
    return Pairing(pairs, mine, theirs)


def out_of_order(pairs: Sequence[tuple[Record, Record]]) -> list[tuple[Record, Record]]:
    """The fewest pairs without which the others have the same order on both sides."""
    numbers = [other.number for _, other in pairs]
    tails: list[int] = []  # the longest rising run: its last number for each length
    lengths = []
    for number in numbers:
        place = bisect_left(tails, number)
        tails[place : place + 1] = [number]
        lengths.append(place + 1)
    wanted, kept = len(tails), set[int]()
    for index in range(len(numbers) - 1, -1, -1):
        if lengths[index] == wanted and (not kept or numbers[index] < numbers[min(kept)]):
            kept.add(index)
            wanted -= 1
    return [pair for index, pair in enumerate(pairs) if index not in kept]
