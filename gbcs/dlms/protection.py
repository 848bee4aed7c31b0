"""The Data structures of class 30, Data protection: what asks for protected values, what carries them.

Only structures: whoever seals gives the octets. Source: GBCS protected attributes (reference:
dlms-payloads 6, gbcs-messages 6.4).
"""

from __future__ import annotations

from typing import NamedTuple

from ..errors import BuildError
from ..ids import EntityId
from ..message import Message
from ..time import Utc
from .axdr import Data, Tag, array, number, octet_string, structure
from .protection_rows import ProtectedRead
from .selective import Range
from .types import TypeMismatch

# the octet before the counter in a transaction-id; it is that of the keys that encrypt content
TRANSACTION_START = 0x04
AUTHENTICATION_AND_ENCRYPTION = 2
AGREED_KEY = 2
KEY_PARAMETERS = b"\x02"  # C(0e, 2s ECC CDH)

NO_RESTRICTION = structure(number(Tag.ENUM, 0), Data(0, None))


class Parameters(NamedTuple):
    """What protection parameters name: the header's counter, who protects, and for whom."""

    counter: int
    originator: EntityId
    recipient: EntityId


class Protected(NamedTuple):
    """A protected value as it stands in a response: its parameters and the sealed octets."""

    parameters: Parameters
    octets: bytes


def request_parameters(command: Message) -> Parameters:
    """What the parameters of a command's request name: its counter, the reader and the device.

    The reader is the supplementary remote party where the broker asks for one.
    """
    reader = command.originator if command.other.party is None else command.other.party
    return Parameters(command.counter, reader, command.recipient)


def answer_parameters(message: Message) -> Parameters:
    """What the parameters in a response or alert name: always the header's fields, even where
    supplementary ones enter the key."""
    return Parameters(message.counter, message.originator, message.recipient)


def protection_parameters(counter: int, originator: EntityId, recipient: EntityId) -> Data:
    """One protection structure: authentication and encryption with an agreed key."""
    transaction = bytes((TRANSACTION_START,)) + counter.to_bytes(8, "big")
    key = structure(octet_string(KEY_PARAMETERS), octet_string(b""))
    return structure(
        number(Tag.ENUM, AUTHENTICATION_AND_ENCRYPTION),
        structure(
            octet_string(transaction),
            octet_string(originator),
            octet_string(recipient),
            octet_string(b""),
            structure(number(Tag.ENUM, AGREED_KEY), key),
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
        restriction = structure(number(Tag.ENUM, 1), dates)
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
    return structure(array(*objects), array(protection_parameters(counter, originator, recipient)))


def protected_elements(parameters: Parameters, sealed: bytes) -> tuple[Data, Data]:
    """A protected value as two elements, which an alert has among its others (ECS68)."""
    return array(protection_parameters(*parameters)), octet_string(sealed)


def protected_value(parameters: Parameters, sealed: bytes) -> Data:
    """A protected value as the datum of a response: the two elements in a structure."""
    return structure(*protected_elements(parameters, sealed))


def read_protected_elements(elements: tuple[Data, ...]) -> Protected:
    """Two elements taken apart. Raises TypeMismatch for any other structure."""
    try:
        (parameters,), (tag, octets, _) = elements[0].value, elements[1]
        if tag != Tag.OCTET_STRING:
            raise TypeError
        transaction, originator, recipient = (node.value for node in parameters.value[1].value[:3])
        named = Parameters(int.from_bytes(transaction[1:], "big"), EntityId(originator), EntityId(recipient))
        expected = tuple(map(plain, protected_elements(named, octets)))
    except (TypeError, ValueError, IndexError, AttributeError, OverflowError, BuildError):
        raise TypeMismatch("not a protected value") from None
    if tuple(map(plain, elements)) != expected:
        raise TypeMismatch("not a protected value")
    return Protected(named, octets)


def read_protected(data: Data) -> Protected:
    """The datum of a response taken apart. Raises TypeMismatch for any other datum."""
    if data.tag != Tag.STRUCTURE:
        raise TypeMismatch("not a protected value")
    return read_protected_elements(data.value)


def plain(data: Data) -> object:
    """A node without its length forms, for comparison."""
    if data.tag in (Tag.ARRAY, Tag.STRUCTURE):
        return data.tag, tuple(plain(node) for node in data.value)
    return data.tag, data.value
