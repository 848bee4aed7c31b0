"""Values as text for the reader, by the type of a leaf."""

from __future__ import annotations

from functools import cache

from ..dlms.names import ln_text
from ..dlms.objects import ln_known
from ..events import event_name
from ..time import ACTIVATE_NEVER, ACTIVATE_NOW, DEVIATION_NOT_SPECIFIED, Utc
from ..usecases import by_code

# parts of a date-time, date and time: name, octets, type of the leaf
DATE = (("year", 2, "year"), *((name, 1, "date-part") for name in ("month", "day", "day_of_week")))
CLOCK = tuple((name, 1, "date-part") for name in ("hour", "minute", "second", "hundredths"))
DATE_TIME = (*DATE, *CLOCK, ("deviation", 2, "deviation"), ("status", 1, "clock-status"))
STRINGS = frozenset(("octet-string", "visible-string", "utf8-string", "char-string"))
_SIGNED = frozenset(("i8", "i16", "i32", "i64"))
_NUMBERS = frozenset(("u8", "u16", "u24", "u32", "u64", "length", "count", "year", "enum", "u48"))
_NO_MOMENT = {0: "now or none", 0xFFFFFFFE: "never", 0xFFFFFFFF: "never or any"}
CLOCK_STATUS = (
    (0x01, "invalid"),
    (0x02, "doubtful"),
    (0x04, "different clock base"),
    (0x08, "invalid status"),
)


def shown(kind: str, octets: bytes) -> str:
    """The text of a leaf."""
    digits = octets.hex().upper()
    number = int.from_bytes(octets, "big")
    if kind == "year":
        return "*" if number == 0xFFFF else str(number)
    if kind == "date-part":
        return "*" if number == 0xFF else str(number)
    if kind == "deviation":
        return "not specified" if number == DEVIATION_NOT_SPECIFIED else f"{digits} (minutes from UTC)"
    if kind in _SIGNED:
        return str(int.from_bytes(octets, "big", signed=True))
    if kind in _NUMBERS:
        return str(number)
    if kind == "counter":
        return f"{digits} ({number})"
    if kind == "alert-code":
        return alert_code_text(number)
    if kind == "message-code":
        return message_code_text(number)
    if kind == "utc":
        return utc_text(number)
    if kind == "clock-status":
        return clock_status_text(number)
    if kind == "logical-name":
        return ln_text(octets) if len(octets) == 6 else digits
    if kind in STRINGS:
        return string_text(octets)
    return digits


def string_text(octets: bytes) -> str:
    """A string: its text in quotes where it is one, else its digits."""
    if not octets:
        return "(empty)"
    try:
        text = octets.decode("utf-8")
    except UnicodeDecodeError:
        return octets.hex().upper()
    if not text.isprintable():
        return octets.hex().upper()
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


@cache
def alert_code_text(code: int) -> str:
    """An alert or event code and its name."""
    name = event_name(code)
    return f"{code:04X}" + (f" {name}" if name else "")


@cache
def message_code_text(code: int) -> str:
    """A Message Code and its use case."""
    found = by_code(code)
    return f"{code:04X}" + (f" {found.name} {found.title}" if found is not None else " no known use case")


def utc_text(seconds: int) -> str:
    """Seconds since 2000 as a date and time."""
    if seconds in _NO_MOMENT:
        return f"{seconds:08X} ({_NO_MOMENT[seconds]})"
    return f"{seconds} ({Utc.from_seconds(seconds)})"


def clock_status_text(status: int) -> str:
    """The bits of a clock_status by name."""
    if status == 0xFF:
        return "FF (not specified)"
    names = [name for mask, name in CLOCK_STATUS if status & mask]
    if status & 0x80:
        names.append("daylight saving")
    return f"{status:02X} ({', '.join(names) or 'reliable'})"


def date_time_text(octets: bytes) -> str:
    """Twelve octets of a date-time on one line."""
    if octets[:9] == ACTIVATE_NOW[:9]:
        return "now"
    if octets[:9] == ACTIVATE_NEVER[:9]:
        return "never"
    return f"{date_text(octets[:5])} {clock_text(octets[5:9])}"


def date_text(octets: bytes) -> str:
    """Five octets of a date; `*` is any."""
    year = octets[0] << 8 | octets[1]
    parts = ["*" if year == 0xFFFF else f"{year:04}"]
    parts += ["*" if octet == 0xFF else f"{octet:02}" for octet in octets[2:4]]
    return "-".join(parts)


def clock_text(octets: bytes) -> str:
    """Four octets of a time; `*` is any."""
    return ":".join("*" if octet == 0xFF else f"{octet:02}" for octet in octets[:3])


def ln_value(octets: bytes) -> str:
    """A logical name, marked where no object of the table has it."""
    text = ln_text(octets) if len(octets) == 6 else octets.hex().upper()
    return text if len(octets) != 6 or ln_known(octets) else f"{text} (no object of the table)"
