"""Future-dated values: passive values wait for their time, then become active (GBCS 9.2.2).

One pending instruction for each activation object, whichever command set it; at its
time one alert says how it went. `now` and the past activate at once without an alert, `never`
cancels (reference: gbcs-messages 10, dlms-payloads 7.1). Where a command sets an active value
itself (ECS08), it is the passive value too, so that an activation does not bring back an older one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

from gbcs.dlms.activation import Activation, Way, table
from gbcs.dlms.objects import ObjectModel
from gbcs.errors import BuildError
from gbcs.ids import EntityId
from gbcs.message import Message
from gbcs.time import ACTIVATE_NEVER, ACTIVATE_NOW, Utc
from gbcs.usecases import UseCase

from ..alerts import FUTURE_DATED_DLMS
from ..events import Event, Metrology
from ..profile import OTHER_REASON, Behaviour, Hooks, Refusal
from ..store import StoreError
from ..values import Value
from ..work import Work

PENDING = "pending/"
NEXT = "pending-next"  # when the first of them is due, None without any; not there: to be looked for
SUCCEEDED = 0x8F66
FAILED = 0x8F67


TogetherCheck = Callable[[Mapping[str, Value]], str]


class Pending(NamedTuple):
    """A stored instruction: when, in which order, from which command."""

    due: int
    order: int
    code: int
    counter: int
    originator: bytes


class FutureDated(Behaviour):
    """Holds pending activations and carries them out. `bind` is called once with the hooks.

    `checks` by the item of an activation time: why the values it is about, by their active items, may
    not become active together; '' if they may.
    """

    name = "future dated"
    ignores = (Metrology,)

    def __init__(self, model: ObjectModel, checks: Mapping[str, TogetherCheck] | None = None) -> None:
        self._checks = checks or {}
        self._rows = {row.member.item: row for row in table() if row.member in model.members}
        self._hooks: Hooks | None = None

    def bind(self, hooks: Hooks) -> None:
        """Know whom to tell when a value becomes active."""
        self._hooks = hooks

    def start(self, work: Work) -> None:
        """Nothing is pending."""
        self._look(work)

    def writes(self) -> Mapping[str, Callable[[Work, Value], None]]:
        """A directly set active value takes the passive slot as well."""
        return {
            pair.active.item: _into(pair.passive.item)
            for row in self._rows.values()
            for pair in row.pairs
            if pair.way is Way.COPY and "set" in pair.active.access
        }

    def instruct(
        self, work: Work, row: Activation, value: Value, message: Message, use_case: UseCase
    ) -> None:
        """An activation time was written. Raises Refusal for one that is none."""
        key = PENDING + row.member.item
        if value == ACTIVATE_NEVER:
            work.put(key, None)
            self._look(work)
            return
        due = work.time.us
        if value != ACTIVATE_NOW:
            try:
                due = Utc.from_cosem(bytes(value)).us  # type: ignore[arg-type]
            except BuildError as error:
                raise Refusal(OTHER_REASON, str(error)) from None
        if due <= work.time.us:
            work.put(key, None)
            self._look(work)
            self.apply(work, row)
            return
        order = work.number("pending-order")
        work.set_value("pending-order", order + 1)
        work.set_value(
            key, Pending(due, order, use_case.code or 0, message.counter, bytes(message.originator))
        )
        self._look(work)

    def apply(self, work: Work, row: Activation) -> None:
        """Make the passive values of a row active. Raises Refusal where one is not acceptable."""
        assert self._hooks is not None, "bind comes first"
        try:
            values = [(p.active.item, p.active_value(work.item(p.passive.item))) for p in row.pairs]
        except BuildError as error:
            raise Refusal(OTHER_REASON, str(error)) from None
        check = self._checks.get(row.member.item)
        if check is not None and (reason := check(dict(values))):
            raise Refusal(OTHER_REASON, reason)
        for item, value in values:
            self._hooks.write(work, item, value)

    def deadline(self, work: Work) -> Utc | None:
        """The first due time."""
        due = self._next(work)
        return None if due is None else work.shell_time(Utc(due))

    def handle(self, work: Work, event: Event) -> None:
        """Carry out what is due, the earliest first, those of one time in the order they were written."""
        now, first = work.time.us, self._next(work)
        if first is None or now < first:
            return
        due = sorted((p.due, p.order, item, p) for item, p in self._pending(work) if p.due <= now)
        before, outcomes = len(work.alerts), []
        for _, _, item, pending in due:
            row = self._rows[item]
            work.put(PENDING + item, None)
            try:
                with work.all_or_nothing():
                    self.apply(work, row)
                code = SUCCEEDED
            except Refusal:
                code = FAILED
            member = row.member
            work.alert(
                code,
                pending.code.to_bytes(2, "big")
                + pending.counter.to_bytes(8, "big")
                + member.class_id.to_bytes(2, "big")
                + member.logical_name
                + bytes((member.number,)),
                message_code=FUTURE_DATED_DLMS,
                recipient=EntityId(pending.originator),
            )
            outcomes.append(work.alerts.pop())
        self._look(work)
        # their counters are consecutive; alerts of what the new values caused come after them
        work.alerts[before:before] = outcomes

    def _next(self, work: Work) -> int | None:
        """When the first is due."""
        held = work.value(NEXT, False)
        return self._first(work) if isinstance(held, bool) or not isinstance(held, int | None) else held

    def _look(self, work: Work) -> None:
        """Keep when the first is due."""
        work.set_value(NEXT, self._first(work))

    def _first(self, work: Work) -> int | None:
        return min((pending.due for _, pending in self._pending(work)), default=None)

    def _pending(self, work: Work) -> list[tuple[str, Pending]]:
        found = []
        for key, _ in work.scan(PENDING):
            item = key.removeprefix(PENDING)
            if item in self._rows:
                found.append((item, _read(work.value(key))))
        return found


def _read(value: Value) -> Pending:
    match value:
        case (int(due), int(order), int(code), int(counter), bytes(originator)) if len(originator) == 8:
            return Pending(due, order, code, counter, originator)
    raise StoreError("the store holds no pending instruction here")


def _into(item: str) -> Callable[[Work, Value], None]:
    def write(work: Work, value: Value) -> None:
        work.set_item(item, value)

    return write
