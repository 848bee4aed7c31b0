"""Limits of data items as small data: ranges, lengths, sets, and where inside a value they hold.

`refusal` gives the reason a value is refused, or '' if it may stand. A limit assumes that
the value has the item's wire type.
"""

from __future__ import annotations

from dataclasses import dataclass

from ..values import Value

DIGITS = "0123456789"
DIGITS_AND_SPACES = DIGITS + " "
PRINTABLE = "".join(map(chr, range(0x20, 0x7F)))
ONE_OCTET = "".join(map(chr, range(0x80)))  # the characters of which UTF-8 is one octet

_ANY = 0xFF


@dataclass(frozen=True, slots=True)
class Limit:
    """One limit; the subclasses say which."""

    def refusal(self, value: Value) -> str:
        """Why the value is refused; '' if it is not."""
        raise NotImplementedError


@dataclass(frozen=True, slots=True)
class Within(Limit):
    """A number inside one of the inclusive ranges."""

    ranges: tuple[tuple[int, int], ...]

    def refusal(self, value: Value) -> str:
        """'' if one of the ranges holds the number."""
        if isinstance(value, int) and any(lo <= value <= hi for lo, hi in self.ranges):
            return ""
        return f"{value!r} is not in " + " or ".join(f"{lo}..{hi}" for lo, hi in self.ranges)


@dataclass(frozen=True, slots=True)
class Among(Limit):
    """One of a few values."""

    values: tuple[Value, ...]

    def refusal(self, value: Value) -> str:
        """'' if the value is one of them."""
        return "" if value in self.values else f"none of {len(self.values)} legal values"


@dataclass(frozen=True, slots=True)
class Length(Limit):
    """A count of octets, characters or elements."""

    lo: int
    hi: int

    def refusal(self, value: Value) -> str:
        """'' if the length is inside."""
        size = len(value) if isinstance(value, bytes | str | tuple) else -1
        return "" if self.lo <= size <= self.hi else f"length {size} is not in {self.lo}..{self.hi}"


@dataclass(frozen=True, slots=True)
class Characters(Limit):
    """Octets or text made of these characters only."""

    allowed: str

    def refusal(self, value: Value) -> str:
        """'' if every character is allowed."""
        text = value.decode("latin-1") if isinstance(value, bytes) else str(value)
        wrong = text.strip(self.allowed) if set(text) - set(self.allowed) else ""
        return f"character {wrong[0]!r}" if wrong else ""


@dataclass(frozen=True, slots=True)
class Each(Limit):
    """A limit for every element of an array."""

    limit: Limit

    def refusal(self, value: Value) -> str:
        """The first element refused, with its index."""
        for index, element in enumerate(value if isinstance(value, tuple) else ()):
            if reason := self.limit.refusal(element):
                return f"[{index}] {reason}"
        return ""


@dataclass(frozen=True, slots=True)
class At(Limit):
    """A limit for one element of a structure, or for one octet (a number) of octets."""

    place: int
    limit: Limit

    def refusal(self, value: Value) -> str:
        """What the limit says about that element."""
        element: Value = value[self.place] if isinstance(value, tuple | bytes) else None
        reason = self.limit.refusal(element)
        return f".{self.place} {reason}" if reason else ""


@dataclass(frozen=True, slots=True)
class TimeOfDay(Limit):
    """A time of four octets, from octet `start` on, of a clock of 24 hours.

    Second and hundredth may be FF, with `wildcards` hour and minute as well (dlms-payloads 7).
    """

    wildcards: bool = True
    start: int = 0

    def refusal(self, value: Value) -> str:
        """'' if every octet is in its range."""
        octets = value[self.start : self.start + 4] if isinstance(value, bytes) else b""
        if len(octets) != 4:
            return "no time of day"
        for place, (octet, most) in enumerate(zip(octets, (23, 59, 59, 99), strict=True)):
            if octet > most and not (octet == _ANY and (self.wildcards or place > 1)):
                return f"no time of day: {octet} where {most} is the most"
        return ""


@dataclass(frozen=True, slots=True)
class CalendarDate(Limit):
    """The date in the first five octets: month 1..12, day 1..`most`, day of week 1..7, FF for any.

    With `relative` also the last day and the one before, and the months of daylight saving (dlms-payloads 7).
    """

    most: int = 31
    relative: bool = True

    def refusal(self, value: Value) -> str:
        """'' if every octet is in its range."""
        octets = value[2:5] if isinstance(value, bytes) else b""
        if len(octets) != 3:
            return "no date"
        for octet, most, relative in zip(octets, (12, self.most, 7), (True, True, False), strict=True):
            lowest = 0xFD if self.relative and relative else _ANY
            if not 1 <= octet <= most and octet < lowest:
                return f"no date: {octet} is not in 1..{most}"
        return ""


def between(lo: int, hi: int) -> Within:
    """A number from `lo` to `hi`, both included."""
    return Within(((lo, hi),))
