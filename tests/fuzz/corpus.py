"""Sound inputs for the targets, made from the project's own messages, keys and certificates."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

from gbcs.dlms.apdu import DataNotification, parse_apdu
from gbcs.dlms.axdr import Data, data_octets
from gbcs.ids import Kind, Payload
from gbcs.message import Message
from tests.gbcs import generated
from tests.gbcs.generated import Made

SEED = 9


@cache
def made() -> tuple[Made, ...]:
    """A message of every case."""
    return tuple(generated.corpus(SEED))


def messages(family: Payload, *kinds: Kind) -> list[Message]:
    """Those of a payload family, of some kinds or of any."""
    return [
        one.message
        for one in made()
        if generated.family(one.case) is family and (not kinds or one.case.kind in kinds)
    ]


def data() -> Iterator[Data]:
    """The data of every DLMS payload."""
    for message in messages(Payload.DLMS):
        apdu = parse_apdu(message.payload)
        if isinstance(apdu, DataNotification):
            yield apdu.body
        else:
            yield from (item.data for item in apdu.items)


def distinct(octets: Iterator[bytes] | list[bytes]) -> list[bytes]:
    """Each once, in the order they came."""
    return list(dict.fromkeys(octets))


def datum_octets() -> list[bytes]:
    """The octets of every datum."""
    return distinct(data_octets(datum) for datum in data())
