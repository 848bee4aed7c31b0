"""A tariff: prices, thresholds, and the switching table that says which of them is in force when.

One structure for the primary and the secondary element of an electricity meter and for gas; what
each of them allows is in `limits`. Names are those of SMETS (reference: smets-esme 6 and 9,
smets-gsme 3 and 6). Parts that a message does not carry are None.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from enum import Enum
from typing import Any, Literal, TypeVar

from ..errors import BuildError
from ..time import Utc
from ..values import Date, RawText, Time
from .calendar import CARRIES_OVER, action_at

HEX = "hex:"  # what begins a name whose octets are no text
MIDNIGHT = Time(bytes(4))
WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")

T = TypeVar("T")
Activation = Utc | Literal["now", "never"]
WeekName = int | str


class ActionKind(Enum):
    """What a switch turns to."""

    TOU = "TOU"
    BLOCK = "block TOU"
    OTHER = "script"  # a number that stands for nothing in a tariff; kept, never built without it


@dataclass(frozen=True, slots=True)
class Action:
    """What is in force after a switch: a TOU price, or the block prices of a TOU.

    A gas meter has one set of block prices, that of TOU 1. Shows as `TOU 3`, `block TOU 2`.
    """

    kind: ActionKind
    number: int

    @classmethod
    def tou(cls, number: int) -> Action:
        """The TOU price of a number."""
        return cls(ActionKind.TOU, number)

    @classmethod
    def block(cls, number: int = 1) -> Action:
        """The block prices of a TOU."""
        return cls(ActionKind.BLOCK, number)

    @classmethod
    def parse(cls, text: str) -> Action:
        """From its text; `block` alone is the first set. Raises ValueError."""
        words = text.lower().replace("tariff", "").split()
        if words == ["block"]:
            return cls.block()
        kinds = {"tou": ActionKind.TOU, "block": ActionKind.BLOCK, "script": ActionKind.OTHER}
        if len(words) == 3 and words[:2] == ["block", "tou"]:
            del words[1]
        if len(words) != 2 or words[0] not in kinds or not (words[1].isascii() and words[1].isdigit()):
            raise ValueError(f"'TOU n' or 'block TOU n' is needed, not {text!r}")
        if len(words[1]) > 5:
            raise ValueError(f"{words[1]} is no number of an action")
        return cls(kinds[words[0]], int(words[1]))

    def __str__(self) -> str:
        return f"{self.kind.value} {self.number}"


@dataclass(frozen=True, slots=True)
class Switch:
    """A time of day, UTC, and what is in force from then on."""

    time: Time
    action: Action


@dataclass(frozen=True, slots=True)
class Day:
    """A day profile: its identifier and its switches."""

    id: int
    switches: tuple[Switch, ...]


@dataclass(frozen=True, slots=True)
class Week:
    """A week profile: its name and the day identifiers of Monday to Sunday.

    A name of one octet is a number, as a gas meter always has it; see `week_name`.
    """

    name: WeekName
    days: tuple[int, int, int, int, int, int, int]


@dataclass(frozen=True, slots=True)
class Season:
    """A season: the date and time, UTC, it starts at, wildcards allowed, and its week profile.

    A gas season has no name and starts at midnight.
    """

    name: str
    start: Date
    week: WeekName
    time: Time = MIDNIGHT


@dataclass(frozen=True, slots=True)
class SpecialDay:
    """A date, wildcards allowed, and the day profile in force on it.

    `index` is that of an electricity meter's table; None for its place, from 1.
    """

    date: Date
    day: int
    index: int | None = None


@dataclass(frozen=True, slots=True)
class Issuer:
    """The identifiers in the messages of a gas tariff (gbz-payloads 6).

    `event_id` is by default the time of the message in seconds since 2000, `calendar_id` the
    event identifier.
    """

    event_id: int | None = None
    calendar_id: int | None = None
    tariff_id: int = 1
    provider_id: int = 0


@dataclass(frozen=True, slots=True)
class Tariff:
    """A tariff, or the parts of one that a message carries; None stands for a part it does not.

    `currency` is GBP or EUR; `standing_charge` in currency a day; prices in currency per kWh.
    `tou_prices` are those of TOU 1, 2 ..; `block_prices` for each TOU those of its blocks;
    `thresholds` for each TOU the Wh at which the next block begins, None one not in use. What is
    left out at the end of these is 0, or not in use. `active_price` is only ever read.

    The rest says how it is sent, and need not be given: the power of ten of the prices and of the
    standing charge (None for the usual one if all fit, else one that does), the identifiers of a
    gas tariff, and what this structure has no word for: `other` values by their place in the
    message's values, and places `left_out`. These win over the parts above.
    """

    currency: str | None = None
    standing_charge: Decimal | None = None
    tou_prices: tuple[Decimal, ...] | None = None
    block_prices: tuple[tuple[Decimal, ...], ...] | None = None
    thresholds: tuple[tuple[int | None, ...], ...] | None = None
    seasons: tuple[Season, ...] | None = None
    weeks: tuple[Week, ...] | None = None
    days: tuple[Day, ...] | None = None
    special_days: tuple[SpecialDay, ...] | None = None
    activation: Activation | None = None
    active_price: Decimal | None = None
    price_scale: int | None = None
    standing_scale: int | None = None
    issuer: Issuer = Issuer()
    other: Mapping[str, Any] = field(default_factory=dict, hash=False)
    left_out: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """What stands for nothing at an end is left out, so that equal tariffs compare equal."""
        if self.tou_prices is not None:
            object.__setattr__(self, "tou_prices", _trimmed(self.tou_prices))
        if self.block_prices is not None:
            object.__setattr__(self, "block_prices", _trimmed(_trimmed(row) for row in self.block_prices))
        if self.thresholds is not None:
            rows = (_trimmed(row, zero=False) for row in self.thresholds)
            object.__setattr__(self, "thresholds", _trimmed(rows))

    def action_at(self, utc: Utc, carries_over: bool = CARRIES_OVER) -> Action | None:
        """What is in force at a moment; see `calendar.action_at`."""
        return action_at(self, utc, carries_over)

    def price_at(self, utc: Utc, counted: int = 0) -> Decimal | None:
        """The price per kWh of the next Wh at a moment, None where the tariff does not say.

        `counted` is the sum in Wh of the block counters of the TOU in force: a threshold is
        passed when it has been counted (smets-esme 9.4).
        """
        action = self.action_at(utc)
        if action is None or action.kind is ActionKind.OTHER:
            return None
        if action.kind is ActionKind.TOU:
            return None if self.tou_prices is None else _at(self.tou_prices, action.number, Decimal(0))
        if self.block_prices is None or self.thresholds is None:
            return None
        limits = _at(self.thresholds, action.number, ())
        block = 1 + sum(limit is not None and counted >= limit for limit in limits)
        return _at(_at(self.block_prices, action.number, ()), block, Decimal(0))


def week_name(octets: bytes) -> WeekName:
    """The name of a week: a number for one octet, text, or hex digits after `hex:`."""
    if len(octets) == 1:
        return octets[0]
    text = octets.decode("ascii") if octets.isascii() else ""
    # a name of digits would read as a number
    plain = text.isprintable() and not text.isdigit() and len(text) > 1 and not text.startswith(HEX)
    return text if plain else HEX + octets.hex().upper()


def week_octets(name: WeekName, path: str) -> bytes:
    """The octets of a week's name. Raises BuildError."""
    if isinstance(name, int):
        if isinstance(name, bool) or not 0 <= name <= 0xFF:
            raise BuildError("a number from 0 to 255, or a text, is needed", path)
        return bytes((name,))
    octets = _name_octets(name, path)
    if week_name(octets) != name and not name.startswith(HEX):
        raise BuildError(f"write {week_name(octets)!r} for this name", path)
    return octets


def season_name(name: str | RawText) -> str:
    """The name of a season as one text; hex digits after `hex:` where it is none."""
    if isinstance(name, str) and not name.startswith(HEX):
        return name
    octets = name.encode("ascii") if isinstance(name, str) else bytes(name)
    return HEX + octets.hex().upper()


def season_octets(name: str, path: str) -> bytes:
    """The octets of a season's name. Raises BuildError."""
    return _name_octets(name, path)


def _name_octets(name: Any, path: str) -> bytes:
    if not isinstance(name, str):
        raise BuildError("a text is needed", path)
    if name.startswith(HEX):
        try:
            return bytes.fromhex(name.removeprefix(HEX))
        except ValueError:
            raise BuildError(f"hex digits are needed after {HEX}", path) from None
    if not (name.isascii() and name.isprintable()):
        raise BuildError("only printable ASCII can stand here", path)
    return name.encode("ascii")


def _trimmed(values: Iterable[Any], zero: bool = True) -> tuple[Any, ...]:
    """Without what stands for nothing at the end: empty rows, None, and zeros unless they count."""
    found = list(values)
    while found and (found[-1] is None or found[-1] == () or (zero and found[-1] == 0)):
        del found[-1]
    return tuple(found)


def _at(values: tuple[T, ...], number: int, default: T) -> T:
    """The element of a number that counts from 1."""
    return values[number - 1] if 1 <= number <= len(values) else default
