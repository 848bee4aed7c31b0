"""What a device takes for a request of class 30, Data protection.

Source: GBCS protected attributes (reference: dlms-payloads 6, gbcs-messages 6.4).
"""

from __future__ import annotations

from gbcs.dlms.axdr import Data
from gbcs.dlms.protection import plain, protected_request
from gbcs.dlms.protection_rows import ProtectedRead
from gbcs.dlms.selective import Range
from gbcs.dlms.types import TypeMismatch
from gbcs.errors import BuildError
from gbcs.message import Message
from gbcs.time import Utc


def read_request(data: Data, row: ProtectedRead, message: Message) -> Range | None:
    """The date range a request asks for, None where the read has none.

    The originator named may be the header's or the supplementary remote party. Raises
    TypeMismatch for any other parameter than that of this read and message.
    """
    within = _dates(data, row) if row.dated else None
    found = _normal(data, len(row.contents))
    for originator in (message.originator, message.other.party):
        if originator is not None:
            dates = _ANY if row.dated else None
            wanted = protected_request(row, message.counter, originator, message.recipient, dates)
            if found == _normal(wanted, len(row.contents)):
                return within
    raise TypeMismatch("not the parameter of this protected read")


_ANY = Range(0, 0)


def _normal(data: Data, count: int) -> object:
    """The parameter without its dates and length forms, for comparison."""
    try:
        objects, parameters = data.value
        rows = [
            (tuple(n[:2] for n in row.value[:4]), row.value[4].tag, row.value[4].value[0][:2])
            for row in objects.value
        ]
    except (TypeError, ValueError, IndexError, AttributeError):
        raise TypeMismatch("not a protected read") from None
    return data.tag, objects.tag, len(rows) == count, rows, plain(parameters)


def _dates(data: Data, row: ProtectedRead) -> Range:
    """The dates of the first restriction; all are equal in a request of several objects."""
    try:
        restrictions = {plain(entry.value[4]) for entry in data.value[0].value}
        ((_, dates),) = (restriction[1] for restriction in restrictions)  # type: ignore[index]
        first, last = (bound[1] for bound in dates[1])
        return Range(_seconds(first, 0), _seconds(last, 0xFFFF_FFFF))
    except (TypeError, ValueError, IndexError, AttributeError):
        raise TypeMismatch("the dates are no restriction of this read") from None


def _seconds(octets: bytes, unbounded: int) -> int:
    """ZigBee UTC seconds of a bound; wildcards mean unbounded (reference: smets-esme 7)."""
    if len(octets) != 12:
        raise ValueError("12 octets needed")
    if b"\xff" in (octets[2:3], octets[3:4]) or octets[:2] == b"\xff\xff":
        return unbounded
    if octets[:4] == bytes(4):
        return 0
    try:
        return min(max(Utc.from_cosem(octets).seconds, 0), 0xFFFF_FFFF)
    except BuildError:
        raise ValueError("no date") from None
