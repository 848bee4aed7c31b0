"""Selective access to a profile buffer: the one range_descriptor GBCS uses.

Access selector 1; the restricting object is the clock as UTC seconds since 2000
(Data 0-0:94.44.100.255 attribute 2); both bounds belong to the range; all columns
(reference: dlms-payloads 5).
"""

from __future__ import annotations

from typing import NamedTuple, cast

from .axdr import Data
from .notation import SELECTION
from .types import TypeMismatch, parse_type

SELECTOR = 1
RESTRICTING_OBJECT = (1, bytes.fromhex("00005E2C64FF"), 2, 0)


class Range(NamedTuple):
    """UTC seconds since 2000-01-01, first and last that are wanted."""

    first: int
    last: int

    def __contains__(self, seconds: object) -> bool:
        return isinstance(seconds, int) and self.first <= seconds <= self.last


def selection(wanted: Range) -> Data:
    """The selection of a request item. Raises BuildError for a bound that is no u32."""
    return parse_type(SELECTION).encode((RESTRICTING_OBJECT, wanted.first, wanted.last, ()))


def read_selection(selector: int, data: Data | None) -> Range:
    """The range a request item asks for. Raises TypeMismatch for any other selection."""
    if selector != SELECTOR or data is None:
        raise TypeMismatch(f"access selector {selector} is not served", "selection")
    value = cast("tuple[object, int, int, object]", parse_type(SELECTION).decode(data))
    if value[0] != RESTRICTING_OBJECT:
        raise TypeMismatch("restricted by another object than the clock", "selection.restricting_object")
    return Range(value[1], value[2])
