"""Rules that run over several messages of one transcript, and where it breaks them."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator
from typing import NamedTuple

from gbcs.explain.rules import RULES, Rule
from gbcs.ids import EntityId, Kind
from gbcs.usecases import by_code

from .compare_fields import ABSENT, field_differences
from .compare_fields import Side as Octets
from .compare_match import Record, Side

ANSWER = Rule(
    "answer",
    "GBCS",
    "4.2 (reference: gbcs-messages 11 steps 10 to 12)",
    "A command that passes every check is executed and answered once; any other is not.",
)
ANSWER_IDENTITY = Rule(
    "answer-identity",
    "GBCS",
    "7.2.7 and 4.3.1 (reference: gbcs-messages 2.3 and 3)",
    "A response has the counter and the Message Code of its command, and its parties the other way round.",
)
REPLAY = Rule(
    "replay",
    "GBCS",
    "4.3.1 (reference: gbcs-messages 3.1)",
    "A protected command is accepted only with a counter greater than the last one accepted of its role.",
)
REPEAT = Rule(
    "repeat",
    "smets",
    "house rule: repeats (DeviceSettings.answer_repeats)",
    "An octet-identical repeat gets the stored answer again and executes nothing.",
)
ALERTS = Rule(
    "alert",
    "GBCS",
    "use-case pages of alerts (reference: gbcs-messages 12)",
    "An alert goes to each party that its code has, and to no other; none is sent for what did not happen.",
)
ORDER = Rule(
    "order", "smets", "transcript: order of messages", "Messages leave in the order of their causes."
)
SENT = Rule("sent", "smets", "transcript: commands", "Both transcripts are of the same commands.")


class Breach(NamedTuple):
    """A rule that does not hold: the exchange, the message and its field, what would be right, why."""

    rule: Rule
    exchange: int
    record: Record
    path: str
    right: str
    reason: str


def breaches(side: Side) -> dict[int, list[Breach]]:
    """What breaks a rule between messages, by exchange."""
    found: dict[int, list[Breach]] = {}
    for check in BETWEEN:
        for breach in check(side):
            found.setdefault(breach.exchange, []).append(breach)
    return found


def _second_answer(side: Side) -> Iterator[Breach]:
    """A command is answered once."""
    for exchange in side.exchanges:
        for record in exchange.answers[1:]:
            reason = "the command was answered before"
            yield Breach(ANSWER, exchange.number, record, "message", ABSENT, reason)


def _not_the_stored_one(side: Side) -> Iterator[Breach]:
    """The answer to a repeat is the one given before, octet for octet."""
    stored: dict[bytes, Record] = {}
    for exchange in side.exchanges:
        if exchange.command is None or not exchange.answers:
            continue
        record = exchange.answers[0]
        first = stored.setdefault(exchange.command.line.octets, record)
        if record.line.octets == first.line.octets:
            continue
        left, right = (Octets(r.line.octets, r.message, None) for r in (first, record))
        one = field_differences(left, right, strict=True)[0]
        reason = f"not the answer of line {first.number}, octet {one.offset_b} differs"
        yield Breach(REPEAT, exchange.number, record, one.path, one.value_a, reason)


def _old_counter(side: Side) -> Iterator[Breach]:
    """A protected command with a counter that is not new is not answered."""
    highest: dict[tuple[EntityId, EntityId], int] = {}
    seen: set[bytes] = set()
    for exchange in side.exchanges:
        command = exchange.sent
        row = by_code(command.code) if command is not None else None
        if command is None or row is None or not row.role_counted or not exchange.answers:
            continue
        pair = command.originator, command.recipient
        before = highest.get(pair, -1)
        if command.counter <= before and command.octets not in seen:
            right, reason = f"more than {before:016X}", f"{command.counter:016X} is not greater"
            yield Breach(
                REPLAY, exchange.number, exchange.answers[0], "header.originator_counter", right, reason
            )
        highest[pair] = max(before, command.counter)
        seen.add(command.octets)


def _alert_counters(side: Side) -> Iterator[Breach]:
    """A device never uses a counter of its own twice, nor a lower one after it."""
    highest: dict[Hashable, int] = {}
    for record in side.messages:
        message = record.message
        if message is None or message.kind is not Kind.ALERT:
            continue
        before = highest.get(message.originator, -1)
        if message.counter <= before:
            right, reason = f"more than {before:016X}", "a counter of the device comes again"
            yield Breach(
                RULES["counters"], record.exchange, record, "header.originator_counter", right, reason
            )
        highest[message.originator] = max(before, message.counter)


BETWEEN: tuple[Callable[[Side], Iterator[Breach]], ...] = (
    _second_answer,
    _not_the_stored_one,
    _old_counter,
    _alert_counters,
)
"""The rules that run over several messages."""
