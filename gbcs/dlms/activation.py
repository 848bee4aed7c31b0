"""Passive values and what makes them active: the future-dating table.

A future-datable command writes passive values, then activation times; at the due time each
passive value becomes the active one (reference: dlms-payloads 7.1). Debt recovery rates
have no time: a method activates them. `ACTIVATE_NOW` and `ACTIVATE_NEVER` are in gbcs.time.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from functools import cache

from ..errors import BuildError
from .objects import Member, MemberKind, by_item
from .types import Value

UNUSED_THRESHOLD = 0xFFFF_FFFF
THRESHOLDS = 3
ACTIVE_STATUS = 2  # account_status of the active account


class Way(Enum):
    """How a passive value becomes an active one; most are copied."""

    COPY = "copy"
    WRAP = "wrap"  # a number becomes an array of one
    PAD = "pad"  # 1..3 thresholds become 3, the missing ones unused
    STATUS = "status"  # the account status becomes active


@dataclass(frozen=True, slots=True)
class Pair:
    """A passive member and the active one it replaces."""

    passive: Member
    active: Member
    way: Way

    def active_value(self, value: Value) -> Value:
        """The active form of a passive value. Raises BuildError for one of another type."""
        if not self.passive.any_wire().fits(value):
            raise BuildError("not a value of this type", self.passive.item)
        if self.way is Way.WRAP:
            return (value,)
        if self.way is Way.PAD and isinstance(value, tuple):
            return value + (UNUSED_THRESHOLD,) * (THRESHOLDS - len(value))
        if self.way is Way.STATUS and isinstance(value, tuple):
            return value[0], ACTIVE_STATUS
        return value


@dataclass(frozen=True, slots=True)
class Activation:
    """One activation attribute (or method) and the pairs it activates together."""

    member: Member
    pairs: tuple[Pair, ...]

    @property
    def dated(self) -> bool:
        """Whether it is a time; otherwise a method that acts at once."""
        return self.member.kind is MemberKind.ATTRIBUTE


@cache
def table() -> tuple[Activation, ...]:
    """Every row, in the order of the reference."""
    from .activation_rows import ROWS  # noqa: PLC0415  (kept out of importing this module)

    return tuple(
        Activation(by_item(item), tuple(Pair(by_item(p), by_item(a), Way(way)) for p, a, way in pairs))
        for item, pairs in ROWS
    )


@cache
def _by_member() -> dict[str, Activation]:
    return {row.member.item: row for row in table()}


@cache
def _by_passive() -> dict[str, Activation]:
    return {pair.passive.item: row for row in table() for pair in row.pairs}


def activation(member: Member) -> Activation | None:
    """What writing this member (or invoking it) activates; None if it activates nothing."""
    return _by_member().get(member.item)


def activated_by(passive: Member) -> Activation | None:
    """What activates this passive member; None if it is not passive."""
    return _by_passive().get(passive.item)
