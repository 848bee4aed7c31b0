"""The project's one time type and the forms GBCS gives it on the wire.

UTC only (GBCS 9.1): DLMS date-time of 12 octets, seconds since 2000-01-01 (ZigBee
UTC), and GeneralizedTime text. `datetime` appears only in the conversion helpers.
"""

from __future__ import annotations

import datetime as _dt
import struct
from dataclasses import dataclass

from .errors import BuildError

_EPOCH = _dt.datetime(2000, 1, 1, tzinfo=_dt.UTC)
DEVIATION_NOT_SPECIFIED = 0x8000
STATUS_NOT_SPECIFIED = 0xFF
ACTIVATE_NOW = bytes.fromhex("0000000000000000008000FF")
ACTIVATE_NEVER = bytes.fromhex("FFFFFFFFFFFFFFFFFF8000FF")
_DATE_TIME = struct.Struct(">H7BHB")


@dataclass(frozen=True, slots=True, order=True)
class Utc:
    """A moment: microseconds since 2000-01-01T00:00:00Z (may be negative)."""

    us: int

    @classmethod
    def from_seconds(cls, seconds: int) -> Utc:
        """From ZigBee UTC seconds."""
        return cls(seconds * 1_000_000)

    @classmethod
    def of(cls, year: int, month: int, day: int, hour: int = 0, minute: int = 0, second: int = 0) -> Utc:
        """From calendar fields. Raises BuildError for a date that does not exist."""
        try:
            moment = _dt.datetime(year, month, day, hour, minute, second, tzinfo=_dt.UTC)
        except ValueError as error:
            raise BuildError(f"no such date: {error}") from None
        return cls.from_datetime(moment)

    @classmethod
    def from_datetime(cls, moment: _dt.datetime) -> Utc:
        """From an aware datetime."""
        return cls((moment - _EPOCH) // _dt.timedelta(microseconds=1))

    @classmethod
    def parse(cls, text: str) -> Utc:
        """From ISO 8601 text; without an offset it is taken as UTC. Raises BuildError."""
        try:
            moment = _dt.datetime.fromisoformat(text)
        except ValueError:
            raise BuildError(f"not a date and time: {text!r}") from None
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=_dt.UTC)
        return cls.from_datetime(moment)

    @property
    def seconds(self) -> int:
        """Whole ZigBee UTC seconds, rounded down."""
        return self.us // 1_000_000

    def plus(self, seconds: int = 0, us: int = 0) -> Utc:
        """This moment moved by seconds and microseconds."""
        return Utc(self.us + seconds * 1_000_000 + us)

    def floor(self, seconds: int) -> Utc:
        """The last multiple of a period since 2000-01-01 not after this moment."""
        period = seconds * 1_000_000
        return Utc(self.us // period * period)

    def to_datetime(self) -> _dt.datetime:
        """An aware datetime in UTC."""
        return _EPOCH + _dt.timedelta(microseconds=self.us)

    def iso(self) -> str:
        """ISO 8601 with microseconds and a trailing Z."""
        return self.to_datetime().strftime("%Y-%m-%dT%H:%M:%S.%fZ")

    def __str__(self) -> str:
        return self.to_datetime().strftime("%Y-%m-%dT%H:%M:%SZ").rjust(20, "0")

    def to_cosem(self, status: int = STATUS_NOT_SPECIFIED) -> bytes:
        """The 12-octet DLMS date-time: UTC, day of week FF, deviation not specified."""
        t = self.to_datetime()
        return (
            t.year.to_bytes(2, "big")
            + bytes((t.month, t.day, 0xFF, t.hour, t.minute, t.second, 0))
            + DEVIATION_NOT_SPECIFIED.to_bytes(2, "big")
            + bytes((status,))
        )

    @classmethod
    def from_cosem(cls, octets: bytes) -> Utc:
        """From a 12-octet DLMS date-time without wildcards. Raises BuildError."""
        fields = CosemDateTime.from_octets(octets)
        return cls.of(fields.year, fields.month, fields.day, fields.hour, fields.minute, fields.second)


@dataclass(frozen=True, slots=True)
class CosemDateTime:
    """The 12 octets of a DLMS date-time, field by field and loss-free."""

    year: int
    month: int
    day: int
    day_of_week: int
    hour: int
    minute: int
    second: int
    hundredths: int
    deviation: int
    status: int

    @classmethod
    def from_octets(cls, octets: bytes) -> CosemDateTime:
        """Split 12 octets. Raises BuildError for another length."""
        if len(octets) != _DATE_TIME.size:
            raise BuildError(f"a date-time has 12 octets, not {len(octets)}")
        return cls(*_DATE_TIME.unpack(octets))

    def octets(self) -> bytes:
        """The 12 octets. Raises BuildError for a value out of its octets' range."""
        try:
            return _DATE_TIME.pack(
                self.year,
                self.month,
                self.day,
                self.day_of_week,
                self.hour,
                self.minute,
                self.second,
                self.hundredths,
                self.deviation,
                self.status,
            )
        except struct.error as error:
            raise BuildError(f"not a date-time: {error}") from None
