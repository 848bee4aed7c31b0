"""What values mean, for the reader: remarks, never read back.

Source: reference, gbz-payloads 4, 7 and 8, ZCL status codes; snapshot causes of ZSE.
"""

from __future__ import annotations

from ..events import event_name
from ..time import Utc
from .types import DATE, OCTET_STRING, UTC

CODES: dict[str, dict[int, str]] = {
    "status": {
        0x00: "SUCCESS",
        0x01: "FAILURE",
        0x7E: "NOT_AUTHORIZED",
        0x80: "MALFORMED",
        0x81: "UNSUP_CLUSTER_COMMAND",
        0x85: "INVALID_FIELD",
        0x86: "UNSUPPORTED_ATTRIBUTE",
        0x87: "INVALID_VALUE",
        0x8B: "NOT_FOUND",
        0x8D: "INVALID_DATA_TYPE",
        0xC0: "HARDWARE_FAILURE",
        0xC1: "SOFTWARE_FAILURE",
    },
    "unit": {0x00: "kWh", 0x01: "m3"},
    "calorific-unit": {0x01: "MJ/m3"},
    "currency": {0x033A: "GBP", 0x03D2: "EUR"},
    "supply": {0x00: "off", 0x01: "armed", 0x02: "on"},
    "lock": {0x00: "locked", 0x03: "unchanged"},
    "origin": {0x00: "wide area network", 0x02: "in-home device"},
    "frequency": {0x00: "hourly", 0x01: "daily"},
    "adjustment": {
        0x00: "prepayment, incremental",
        0x01: "prepayment, absolute",
        0x02: "credit mode, absolute",
        0x03: "credit mode, incremental",
    },
    "sample-id": {0x0000: "profile data log", 0x0001: "daily consumption log", 0x0002: "network data log"},
    "calendar": {0x00: "tariff switching table", 0x03: "non-disablement calendar"},
    "calendar-id": {0xFFFFFFFF: "tariff switching table", 0xFFFFFFFE: "non-disablement calendar"},
    "integrity": {
        0x0000: "other",
        0x0001: "non-volatile memory",
        0x0002: "program execution",
        0x0003: "program storage",
        0x0004: "RAM",
        0x0005: "unexpected reset",
        0x0006: "watchdog",
        0x0007: "metrology firmware",
        0x0008: "measurement",
        0x0009: "unspecified",
    },
}
BITS: dict[str, dict[int, str]] = {
    "snapshot-cause": {
        0x0000_0001: "general",
        0x0000_0002: "end of billing period",
        0x0000_0008: "change of tariff information",
        0x0000_0010: "change of price matrix",
        0x0000_0020: "change of block thresholds",
        0x0000_2000: "change of supplier",
        0x0000_4000: "change of meter mode",
    },
    "event-configuration": {
        0x03: "log",
        0x08: "alert to WAN",
        0x10: "alert to HAN",
        0x40: "audible or visual alarm",
    },
}
# numbers of units: unit, base unit, power of ten that leads to it
UNITS: dict[str, tuple[str, str, int]] = {
    "millipence": ("millipence", "currency units", -5),
    "price": ("millipence/kWh", "currency units/kWh", -5),
    "min": ("min", "min", 0),
    "s": ("s", "s", 0),
}
# no moments: now, or cancel, or nothing, as the field has it
_NO_MOMENT = frozenset((0, 0xFFFFFFFE, 0xFFFFFFFF))


def meaning(kind: int, value: object, names: str = "") -> str | None:
    """What a value of a ZCL type means, by the list of its names if it has one; None if unknown."""
    if isinstance(value, int):
        if kind == UTC:
            return moment(value)
        if names == "event":
            return event_name(value)
        if names in CODES:
            return CODES[names].get(value)
        if names in BITS:
            parts = [name for mask, name in BITS[names].items() if value & mask == mask]
            return ", ".join(parts) or None
    elif isinstance(value, bytes):
        if kind == DATE:
            return _date(value)
        if kind == OCTET_STRING and value and value.isascii() and value.decode("ascii").isprintable():
            return value.decode("ascii")
    return None


def moment(seconds: int) -> str | None:
    """ZigBee UTC seconds as a date and time; None for the values that are no moment."""
    return None if seconds in _NO_MOMENT else str(Utc.from_seconds(seconds))


def _date(octets: bytes) -> str | None:
    """A ZCL date; `*` stands for any, and the special months and days (FD, FE) for themselves."""
    if len(octets) != 4:
        return None
    year, month, day, weekday = octets
    parts = (
        "*" if year == 0xFF else f"{1900 + year:04}",
        "*" if month == 0xFF else f"{month:02}" if month <= 12 else f"{month:02X}",
        "*" if day == 0xFF else f"{day:02}" if day <= 31 else f"{day:02X}",
    )
    return "-".join(parts) + ("" if weekday == 0xFF else f" weekday {weekday}")
