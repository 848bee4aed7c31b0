"""Typed leaf values: numbers with a unit or a name, dates, texts; and what may be given for them.

Each type stands for the plain value it was made of (an int or octets) and equals it, so that
nothing is lost on the way back; printing it says what it means. A `Kind` turns plain values
into typed ones and what a person or a JSON file gives into plain ones.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from typing import Any, ClassVar

from .errors import BuildError
from .ids import EntityId
from .time import ACTIVATE_NEVER, ACTIVATE_NOW, STATUS_NOT_SPECIFIED, Utc

JSON_MOST = 2**53  # greater numbers do not survive every JSON reader


class Code(int):
    """A number with a name, where its table has one; unknown numbers are kept."""

    __slots__ = ()
    names: ClassVar[Mapping[int, str]] = {}
    digits: ClassVar[int] = 0

    @property
    def name(self) -> str | None:
        """The name, None where the number has none."""
        return self.names.get(int(self))

    def __str__(self) -> str:
        number = f"{int(self):0{self.digits}X}" if self.digits else str(int(self))
        return self.name or f"unknown ({number})"

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {int(self)}: {self}>"


class Flags(int):
    """A bitmap whose masks have names; other bits are kept and shown in hex."""

    __slots__ = ()
    names: ClassVar[Mapping[int, str]] = {}

    def __str__(self) -> str:
        parts, rest = [], int(self)
        for mask, name in self.names.items():
            if self & mask == mask:
                parts.append(name)
                rest &= ~mask
        if rest:
            parts.append(f"unknown ({rest:X})")
        return ", ".join(parts) or "none"

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {int(self):X}: {self}>"


class Quantity(int):
    """A number of units; `amount` scales it to the base unit."""

    __slots__ = ()
    unit: ClassVar[str] = ""
    base: ClassVar[str] = ""
    exponent: ClassVar[int] = 0

    @property
    def amount(self) -> Decimal:
        """The value in the base unit, as kWh of Wh or currency units of millipence."""
        return Decimal(int(self)).scaleb(self.exponent)

    def __str__(self) -> str:
        return f"{int(self)} {self.unit}"

    def __repr__(self) -> str:
        return f"<{self}>"


class Counter(int):
    """A 64-bit counter; prints as 16 hex digits."""

    __slots__ = ()

    def __str__(self) -> str:
        return f"{int(self):016X}"


class Moment(int):
    """Seconds since 2000-01-01T00:00:00Z; 0 and the two greatest numbers have other meanings."""

    __slots__ = ()
    SPECIAL: ClassVar[frozenset[int]] = frozenset((0, 0xFFFF_FFFE, 0xFFFF_FFFF))

    @property
    def utc(self) -> Utc | None:
        """The moment, None for a number that is none."""
        return None if self in self.SPECIAL else Utc.from_seconds(int(self))

    def __str__(self) -> str:
        return f"{int(self):08X}" if self in self.SPECIAL else str(Utc.from_seconds(int(self)))

    def __repr__(self) -> str:
        return f"<{self}>"


class _Octets(bytes):
    """Octets with a text of their own."""

    __slots__ = ()
    SIZE: ClassVar[int] = 0

    @property
    def text(self) -> str | None:
        """The text that stands for exactly these octets, None where there is none."""
        raise NotImplementedError

    def __str__(self) -> str:
        return self.text or self.hex().upper()

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self}>"


class DateTime(_Octets):
    """A DLMS date-time of 12 octets: a moment in UTC, `now`, `never`, or one with wildcards.

    `2015-01-01T00:00:00Z` stands for day of week FF, hundredths 00, deviation 8000 and
    status FF; another status follows as `/04`; `*` stands for FF in any part. Anything else
    shows as hex digits.
    """

    __slots__ = ()
    SIZE = 12
    _TAIL: ClassVar[bytes] = bytes.fromhex("008000")

    @property
    def utc(self) -> Utc | None:
        """The moment, None where it has wildcards or stands for now or never."""
        try:
            return Utc.from_cosem(self)
        except BuildError:
            return None

    @property
    def text(self) -> str | None:
        if self == ACTIVATE_NOW:
            return "now"
        if self == ACTIVATE_NEVER:
            return "never"
        date = _date_text(self[:4])
        if len(self) != 12 or date is None or self[4] != 0xFF or self[8:11] != self._TAIL:
            return None
        time = _time_text(self[5:8])
        if time is None or ("*" not in date + time and self.utc is None):  # 30 February
            return None
        status = "" if self[11] == STATUS_NOT_SPECIFIED else f"/{self[11]:02X}"
        return f"{date}T{time}Z{status}"

    @classmethod
    def of(cls, given: Any) -> DateTime:
        """From octets, a `Utc`, or a text. Raises ValueError."""
        if isinstance(given, Utc):
            return cls(given.to_cosem())
        if not isinstance(given, str):
            return cls(_octets(given, cls.SIZE))
        text = given.strip()
        if text in ("now", "never"):
            return cls(ACTIVATE_NOW if text == "now" else ACTIVATE_NEVER)
        if re.fullmatch(r"[0-9A-Fa-f]{24}", text):
            return cls(bytes.fromhex(text))
        text, slash, digits_of_status = text.partition("/")
        if slash and not re.fullmatch(r"[0-9A-Fa-f]{2}", digits_of_status):
            raise ValueError(f"no date-time: {given!r}")
        status = bytes.fromhex(digits_of_status or "FF")
        date, separator, time = text.removesuffix("Z").partition("T")
        if separator and "*" in text:
            return cls(_date_octets(date) + b"\xff" + _time_octets(time) + cls._TAIL + status)
        try:
            return cls(Utc.parse(text).to_cosem(status[0]))
        except BuildError:
            raise ValueError(f"no date-time: {given!r}") from None


class Date(_Octets):
    """A DLMS date of 5 octets: `2015-05-01`, `*-12-25`, with `/n` for a day of week (1 Monday)."""

    __slots__ = ()
    SIZE = 5

    @property
    def text(self) -> str | None:
        date = _date_text(self[:4])
        if len(self) != 5 or date is None or not (1 <= self[4] <= 7 or self[4] == 0xFF):
            return None
        return date if self[4] == 0xFF else f"{date}/{self[4]}"

    @classmethod
    def of(cls, given: Any) -> Date:
        """From octets or a text. Raises ValueError."""
        if not isinstance(given, str) or re.fullmatch(r"[0-9A-Fa-f]{10}", given):
            return cls(_octets(given, cls.SIZE))
        date, _, weekday = given.partition("/")
        return cls(_date_octets(date) + bytes((_part(weekday, 1, 7) if weekday else 0xFF,)))


class Time(_Octets):
    """A DLMS time of 4 octets: `07:00:00`, with hundredths where it has some."""

    __slots__ = ()
    SIZE = 4

    @property
    def text(self) -> str | None:
        time = _time_text(self[:3])
        if len(self) != 4 or time is None or self[3] > 99:
            return None
        return f"{time}.{self[3]:02}" if self[3] else time

    @classmethod
    def of(cls, given: Any) -> Time:
        """From octets or a text. Raises ValueError."""
        if not isinstance(given, str) or re.fullmatch(r"[0-9A-Fa-f]{8}", given):
            return cls(_octets(given, cls.SIZE))
        time, _, hundredths = given.partition(".")
        return cls(_time_octets(time) + bytes((_part(hundredths.ljust(2, "0"), 0, 99),)))


class ZclDate(_Octets):
    """A ZCL date of 4 octets (year - 1900, month, day, weekday); texts as those of `Date`."""

    __slots__ = ()
    SIZE = 4

    @property
    def text(self) -> str | None:
        if len(self) != 4:
            return None
        year = b"\xff\xff" if self[0] == 0xFF else (1900 + self[0]).to_bytes(2, "big")
        return Date(year + self[1:]).text

    @classmethod
    def of(cls, given: Any) -> ZclDate:
        """From octets or a text. Raises ValueError."""
        if not isinstance(given, str) or re.fullmatch(r"[0-9A-Fa-f]{8}", given):
            return cls(_octets(given, cls.SIZE))
        octets = Date.of(given)
        year = octets[0] << 8 | octets[1]
        if year != 0xFFFF and not 1900 <= year < 2155:
            raise ValueError("a year from 1900 to 2154, or *, is needed")
        return cls(bytes((0xFF if year == 0xFFFF else year - 1900,)) + octets[2:])


class LogicalName(_Octets):
    """A logical name of 6 octets, `A-B:C.D.E.F`."""

    __slots__ = ()
    SIZE = 6

    @property
    def text(self) -> str | None:
        if len(self) != 6:
            return None
        a, b, c, d, e, f = self
        return f"{a}-{b}:{c}.{d}.{e}.{f}"

    @classmethod
    def of(cls, given: Any) -> LogicalName:
        """From octets or a text. Raises ValueError."""
        if isinstance(given, str) and ":" in given:
            parts = [int(part) for part in re.findall(r"\d+", given)]
            if len(parts) != 6 or max(parts) > 255 or cls(bytes(parts)).text != given:
                raise ValueError(f"no logical name: {given!r}")
            return cls(bytes(parts))
        return cls(_octets(given, cls.SIZE))


class RawText(bytes):
    """Octets that should be text and are not; shown as `{"hex": ...}`."""

    __slots__ = ()

    def __str__(self) -> str:
        return f"not text: {self.hex().upper()}"


@dataclass(frozen=True, slots=True)
class Kind:
    """What the values of a leaf mean.

    `typed` makes the typed value of a plain one; `plain` the plain one of whatever stands for
    it: the typed or plain value, or its JSON form. `plain` raises ValueError with the reason.
    """

    name: str
    about: str
    typed: Callable[[Any], Any]
    plain: Callable[[Any], Any]


def code_kind(name: str, names: Mapping[int, str]) -> Kind:
    """A kind for numbers with names. Names that differ only in case or separators are one."""
    made = type(_class_name(name), (Code,), {"__slots__": (), "names": dict(names)})
    numbers = {_key(text): number for number, text in names.items()}

    def plain(given: Any) -> int:
        if isinstance(given, str):
            found = numbers.get(_key(given))
            if found is None:
                raise ValueError(f"{given!r} is none of {', '.join(names.values())}")
            return found
        return _number(given)

    return Kind(name, ", ".join(f"{n} {text}" for n, text in names.items()), made, plain)


def flags_kind(name: str, names: Mapping[int, str]) -> Kind:
    """A kind for bitmaps with named masks; given as a number, hex digits, or names in a list."""
    made = type(_class_name(name), (Flags,), {"__slots__": (), "names": dict(names)})
    masks = {_key(text): mask for mask, text in names.items()}

    def plain(given: Any) -> int:
        if isinstance(given, list | tuple):
            unknown = [text for text in given if _key(str(text)) not in masks]
            if unknown:
                raise ValueError(f"{unknown[0]!r} is none of {', '.join(names.values())}")
            return sum({masks[_key(str(text))] for text in given})
        return digits(given)

    return Kind(name, ", ".join(f"{mask:X} {text}" for mask, text in names.items()), made, plain)


def quantity_kind(name: str, unit: str, base: str = "", exponent: int = 0) -> Kind:
    """A kind for numbers of units; `exponent` leads to the base unit."""
    fields = {"__slots__": (), "unit": unit, "base": base or unit, "exponent": exponent}
    made = type(_class_name(name), (Quantity,), fields)
    return Kind(name, unit, made, _number)


def octets_kind(name: str, about: str, made: Any) -> Kind:
    """A kind for one of the octet types above."""
    return Kind(name, about, made, lambda given: bytes(made.of(given)))


def text_of(octets: bytes) -> str | RawText:
    """Printable ASCII as text, anything else as it is."""
    if octets.isascii():
        text = octets.decode("ascii")
        if text.isprintable():
            return text
    return RawText(octets)


def octets_of_text(given: Any) -> bytes:
    """The octets of a text, of `{"hex": ...}` or of octets. Raises ValueError."""
    if isinstance(given, str):
        if not (given.isascii() and given.isprintable()):
            raise ValueError("only printable ASCII can stand here")
        return given.encode("ascii")
    if isinstance(given, Mapping) and set(given) == {"hex"}:
        return _octets(given["hex"])
    return _octets(given)


def _moment(given: Any) -> int:
    if isinstance(given, Utc):
        return given.seconds
    if isinstance(given, str):
        if re.fullmatch(r"[0-9A-Fa-f]{8}", given):
            return int(given, 16)
        try:
            return Utc.parse(given).seconds
        except BuildError as error:
            raise ValueError(str(error)) from None
    return _number(given)


def _entity(given: Any) -> bytes:
    if isinstance(given, str):
        try:
            return bytes(EntityId.parse(given))
        except BuildError as error:
            raise ValueError(str(error)) from None
    return _octets(given, 8)


def digits(given: Any) -> int:
    """A number of hex digits or a number. Raises ValueError."""
    if isinstance(given, str):
        try:
            return int(given, 16)
        except ValueError:
            raise ValueError(f"hex digits or a number are needed, not {given!r}") from None
    return _number(given)


DATE_TIME = octets_kind("date-time", "a UTC date-time, * for any part, now or never", DateTime)
DATE = octets_kind("date", "YYYY-MM-DD, * for any part, /n for a day of week", Date)
TIME = octets_kind("time", "HH:MM:SS", Time)
ZCL_DATE = octets_kind("zcl-date", "YYYY-MM-DD, * for any part, /n for a day of week", ZclDate)
LOGICAL_NAME = octets_kind("logical-name", "A-B:C.D.E.F", LogicalName)
TEXT = Kind("text", "printable ASCII", text_of, octets_of_text)
MOMENT = Kind("utc", "seconds since 2000-01-01T00:00:00Z, or a UTC date-time", Moment, _moment)
ENTITY = Kind("entity", "an EUI-64 of 16 hex digits", EntityId, _entity)
COUNTER = Kind("counter", "16 hex digits", Counter, digits)


def json_form(value: Any) -> Any:
    """The JSON form of a typed value, which every kind takes back."""
    kind = type(value)
    if kind in _AS_THEY_ARE:
        return value if kind is not int or -JSON_MOST < value < JSON_MOST else f"{value:X}"
    if isinstance(value, dict):
        return {k if isinstance(k, str) else f"{k:04X}": json_form(inner) for k, inner in value.items()}
    if isinstance(value, list | tuple):
        return [json_form(inner) for inner in value]
    if isinstance(value, RawText):
        return {"hex": value.hex().upper()}
    if isinstance(value, Code):
        return value.name or int(value)
    if isinstance(value, Flags):
        return f"{int(value):X}"
    if isinstance(value, Quantity):
        return int(value)
    if isinstance(value, bytes):
        return str(value) if kind is not bytes else value.hex().upper()
    return str(value)


_AS_THEY_ARE = frozenset((int, str, bool, float, type(None)))


def accept_octets(given: Any, size: int | None = None) -> bytes:
    """Octets of octets or hex digits. Raises ValueError."""
    return _octets(given, size)


def accept_number(given: Any) -> int:
    """A number; a text of decimal digits stands for one. Raises ValueError."""
    return _number(given)


@cache
def _key(text: str) -> str:
    return re.sub(r"[^a-z0-9]", "", text.lower())


def _class_name(name: str) -> str:
    return "".join(part.capitalize() for part in name.split("-"))


def _number(given: Any) -> int:
    if isinstance(given, int) and not isinstance(given, bool):
        return int(given)
    if isinstance(given, str) and re.fullmatch(r"[+-]?\d{1,20}", given, re.ASCII):
        return int(given)
    raise ValueError(f"a number is needed, not {given!r}")


def _octets(given: Any, size: int | None = None) -> bytes:
    if isinstance(given, str):
        try:
            octets = bytes.fromhex(given)
        except ValueError:
            raise ValueError(f"hex digits are needed, not {given!r}") from None
    elif isinstance(given, bytes | bytearray):
        octets = bytes(given)
    else:
        raise ValueError(f"octets are needed, not {type(given).__name__}")
    if size is not None and len(octets) != size:
        raise ValueError(f"{size} octets are needed, {len(octets)} given")
    return octets


def _date_text(octets: bytes) -> str | None:
    if len(octets) != 4:
        return None
    year, month, day = octets[0] << 8 | octets[1], octets[2], octets[3]
    if not (1 <= year <= 9999 or year == 0xFFFF):
        return None
    if not (1 <= month <= 12 or month == 0xFF) or not (1 <= day <= 31 or day == 0xFF):
        return None
    return "-".join(
        (
            "*" if year == 0xFFFF else f"{year:04}",
            "*" if month == 0xFF else f"{month:02}",
            "*" if day == 0xFF else f"{day:02}",
        )
    )


def _date_octets(text: str) -> bytes:
    parts = text.split("-")
    if len(parts) != 3:
        raise ValueError(f"no date: {text!r}")
    year = 0xFFFF if parts[0] == "*" else _part(parts[0], 1, 9999)
    month = 0xFF if parts[1] == "*" else _part(parts[1], 1, 12)
    day = 0xFF if parts[2] == "*" else _part(parts[2], 1, 31)
    return year.to_bytes(2, "big") + bytes((month, day))


def _time_text(octets: bytes) -> str | None:
    if len(octets) != 3 or any(
        v > limit and v != 0xFF for v, limit in zip(octets, (23, 59, 59), strict=True)
    ):
        return None
    return ":".join("*" if value == 0xFF else f"{value:02}" for value in octets)


def _time_octets(text: str) -> bytes:
    parts = text.split(":")
    if len(parts) not in (2, 3):
        raise ValueError(f"no time: {text!r}")
    limits = (23, 59, 59)
    values = [0xFF if part == "*" else _part(part, 0, limits[i]) for i, part in enumerate(parts)]
    return bytes((*values, *([0] * (3 - len(values)))))


def _part(text: str, least: int, most: int) -> int:
    if not re.fullmatch(r"\d{1,4}", text, re.ASCII) or not least <= int(text) <= most:
        raise ValueError(f"{text!r} is not a number from {least} to {most}")
    return int(text)
