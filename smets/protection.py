"""The Data protection request of class 30 and the parameters of its answer.

Source: GBCS protected attributes (reference: dlms-payloads 6, gbcs-messages 6.4).
"""

from __future__ import annotations

from gbcs.dlms.axdr import Data, Tag, array, number, octet_string, structure
from gbcs.dlms.protection_rows import ProtectedRead
from gbcs.dlms.selective import Range
from gbcs.dlms.types import TypeMismatch
from gbcs.errors import BuildError
from gbcs.ids import EntityId
from gbcs.message import Message
from gbcs.security.keys import CRA_ENCRYPTION
from gbcs.time import Utc

_ENUM = Tag.ENUM
NO_RESTRICTION = structure(number(_ENUM, 0), Data(0, None))


def protection_parameters(counter: int, originator: EntityId, recipient: EntityId) -> Data:
    """One protection structure: authentication and encryption with an agreed key.

    It names the header's counter and recipient even where supplementary ones enter the key.
    """
    transaction = bytes((CRA_ENCRYPTION,)) + counter.to_bytes(8, "big")
    key = structure(octet_string(b"\x02"), octet_string(b""))
    return structure(
        number(_ENUM, 2),
        structure(
            octet_string(transaction),
            octet_string(originator),
            octet_string(recipient),
            octet_string(b""),
            structure(number(_ENUM, 2), key),
        ),
    )


def protected_request(
    row: ProtectedRead, counter: int, originator: EntityId, recipient: EntityId, within: Range | None = None
) -> Data:
    """The method parameter that asks for a protected read. Raises BuildError."""
    if row.dated != (within is not None):
        raise BuildError("dates are needed" if row.dated else "takes no dates", row.use_case)
    restriction = NO_RESTRICTION
    if within is not None:
        dates = structure(*(octet_string(Utc.from_seconds(s).to_cosem()) for s in within))
        restriction = structure(number(_ENUM, 1), dates)
    objects = [
        structure(
            number(Tag.LONG_UNSIGNED, member.class_id),
            octet_string(member.logical_name),
            number(Tag.INTEGER, member.number),
            number(Tag.LONG_UNSIGNED, 0),
            restriction,
        )
        for member in row.contents
    ]
    parameters = protection_parameters(counter, originator, recipient)
    return structure(array(*objects), array(parameters))


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
    return data.tag, objects.tag, len(rows) == count, rows, _plain(parameters)


def _plain(data: Data) -> object:
    if data.tag in (Tag.ARRAY, Tag.STRUCTURE):
        return data.tag, tuple(_plain(node) for node in data.value)
    return data.tag, data.value


def _dates(data: Data, row: ProtectedRead) -> Range:
    """The dates of the first restriction; all are equal in a request of several objects."""
    try:
        restrictions = {_plain(entry.value[4]) for entry in data.value[0].value}
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
