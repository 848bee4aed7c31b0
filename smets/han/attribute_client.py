"""Reading attributes of another node, without I/O: the request, and its answer by the names of the tables.

Source: ZCL 2.5.1 and 2.5.2 (reference: gbz-payloads 3).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import cycle
from typing import Any

from gbcs.errors import BuildError, ParseError
from gbcs.ids import EntityId
from gbcs.zcl.clusters import (
    DEFAULT_RESPONSE,
    READ_ATTRIBUTES,
    READ_ATTRIBUTES_RESPONSE,
    attribute,
    attribute_by_name,
)
from gbcs.zcl.named import kind_of
from gbcs.zcl.types import ATTRIBUTE_ID, ENTRY, LIST, TYPED, Node

from .link import Address
from .protection import Protection, protection_of
from .zcl import ApsMessage, ZclFrame, general_frame, parse_zcl

MAX_WAITING = 32  # ours: requests without an answer; the oldest is forgotten


@dataclass(frozen=True, slots=True)
class Readings:
    """What a node answered: values by name, and the statuses of what it did not give.

    Values are typed (`Moment`, `Code`, ints, texts); an attribute the tables do not have goes by its
    number in hex. `failed`: the status of a Default Response instead of an answer.
    """

    values: Mapping[str, Any]
    refused: Mapping[str, int]
    failed: int | None = None


def read_attributes(cluster: int, names: Iterable[str], sequence: int, to_client: bool = False) -> ZclFrame:
    """The request for attributes by their names. Raises BuildError.

    It asks for a Default Response, without which a request that lacks the link key goes unanswered.
    """
    numbers = tuple(Node(ATTRIBUTE_ID, attribute_by_name(cluster, name).id) for name in names)
    if not numbers:
        raise BuildError("no attributes", "names")
    body = (Node(LIST, numbers),)
    return general_frame(cluster, READ_ATTRIBUTES, sequence, body, to_client, default_response=True)


def readings(frame: ZclFrame) -> Readings:
    """What an answer says. Raises ParseError for a frame that is none."""
    if frame.is_general and frame.command == DEFAULT_RESPONSE:
        values = frame.values
        if values["CommandId"] == READ_ATTRIBUTES:
            return Readings({}, {}, int(values["Status"]))
    if not frame.is_general or frame.command != READ_ATTRIBUTES_RESPONSE or frame.rest or not frame.body:
        raise ParseError("not an answer to Read Attributes", 0, "zcl")
    found: dict[str, Any] = {}
    refused: dict[str, int] = {}
    for record in frame.body[0].value:
        if record.type != ENTRY or len(record.value) < 2:
            raise ParseError("not a record of Read Attributes Response", 0, "zcl")
        number, status, *rest = (node.value for node in record.value)
        known = attribute(frame.cluster, number)
        name = known.name if known is not None else f"{number:04X}"
        if status:
            refused[name] = status
            continue
        if not rest or record.value[2].type != TYPED:
            raise ParseError("a value of a type nobody knows", 0, name)
        kind, value = rest[0]
        typed = kind_of(kind, known.meaning if known is not None and known.type == kind else "")
        found[name] = typed.typed(value)
    return Readings(found, refused)


def numbers() -> Iterator[int]:
    """Sequence numbers of a node's requests."""
    return cycle((*range(1, 0x100), 0))


class AttributeClient:
    """Requests under way, and which of them an arriving message answers.

    `sequence`: where numbers come from, the same for all clients of a node.
    """

    def __init__(self, sequence: Iterator[int] | None = None) -> None:
        self._sequence = numbers() if sequence is None else sequence
        self._waiting: dict[tuple[EntityId, int, int], tuple[int, bool]] = {}

    def request(
        self,
        peer: Address,
        cluster: int,
        names: Iterable[str],
        own_endpoint: int,
        encrypted: bool | None = None,
    ) -> tuple[int, ApsMessage]:
        """A request and its number. `encrypted` None: as the cluster needs. Raises BuildError."""
        number = next(self._sequence)
        payload = read_attributes(cluster, names, number).octets()
        if encrypted is None:
            encrypted = protection_of(cluster) is Protection.LINK_KEY
        self._waiting[peer.station, cluster, number] = peer.endpoint, encrypted
        while len(self._waiting) > MAX_WAITING:
            del self._waiting[next(iter(self._waiting))]
        return number, ApsMessage(cluster, own_endpoint, peer.endpoint, payload, encrypted)

    def receive(self, station: EntityId, message: ApsMessage) -> tuple[int, Readings] | None:
        """The number of the request that a message answers, and what it says; None if it answers none.

        An answer has the protection of its request (se-security 9.2).
        """
        try:
            frame = parse_zcl(message.cluster, message.payload)
            key = station, message.cluster, frame.sequence
            expected = self._waiting.get(key)
            if expected != (message.source_endpoint, message.encrypted) or not frame.to_client:
                return None
            found = readings(frame)
        except ParseError:
            return None
        del self._waiting[key]
        return frame.sequence, found

    def forget(self, station: EntityId, cluster: int, number: int) -> None:
        """Wait no longer for an answer."""
        self._waiting.pop((station, cluster, number), None)
