"""The clusters of a node as a server without I/O: messages in, the messages that answer them out.

Answers Read Attributes, Discover Attributes and the commands of a cluster's own that `Values`
takes, and says by a Default Response what is not supported, or was not found. Values come from
`Values`, types and names from the cluster tables. Whether a message
has the protection its cluster needs is decided before (`protection`); an answer has that of the
request. Source: ZCL 2.4 and 2.5, SE standard 5.4.6 (reference: se-security 9.2, gbz-payloads 3,
han-clusters).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from gbcs.errors import BuildError, ParseError
from gbcs.ids import EntityId
from gbcs.time import Utc
from gbcs.zcl.clusters import (
    DEFAULT_RESPONSE,
    DISCOVER_ATTRIBUTES,
    DISCOVER_ATTRIBUTES_RESPONSE,
    FAILURE,
    HELD_BY_CLIENTS,
    MALFORMED,
    NOT_FOUND,
    READ_ATTRIBUTES,
    READ_ATTRIBUTES_RESPONSE,
    SUCCESS,
    UNSUP_CLUSTER_COMMAND,
    UNSUPPORTED_ATTRIBUTE,
    Attribute,
    Command,
    attribute,
    attributes_of,
)
from gbcs.zcl.named import plain_value
from gbcs.zcl.types import ATTRIBUTE_ID, BOOLEAN, BY_NAME, ENTRY, ENUM8, LIST, TYPED, Node, octets_of

from .cluster_commands import Answer, frames_of
from .endpoints import KEY_ESTABLISHMENT, TUNNELING, Endpoint
from .zcl import (
    ApsMessage,
    ZclFrame,
    default_response,
    general_frame,
    parse_header,
    parse_zcl,
    wants_default_response,
)

ALL_ENDPOINTS = 0xFF
# general commands that answer one of this node's own, and are for its client to read
ANSWERS = frozenset(
    (
        "ReadAttributesResponse",
        "WriteAttributesResponse",
        "DefaultResponse",
        "DiscoverAttributesResponse",
        "WriteAttributesStructuredResponse",
    )
)
MACHINES = frozenset((KEY_ESTABLISHMENT, TUNNELING))  # their commands have servers of their own
_UINT8 = BY_NAME["uint8"].id


class Values(Protocol):
    """Where a server's values come from, and its answers to commands; `DeviceValues` is one."""

    def read(self, attribute: Attribute, endpoint: Endpoint, now: Utc) -> Any:
        """The value of a server attribute in any form its type takes; None: the node does not hold it."""
        ...

    def takes(self, command: Command) -> bool:
        """Whether the node answers a command to a server."""
        ...

    def answer(
        self,
        command: Command,
        values: Mapping[str, Any],
        endpoint: Endpoint,
        now: Utc,
        room: int,
        requester: EntityId | None,
    ) -> Answer:
        """What answers a command that it takes, in frames of up to `room` octets; see `Asked`."""
        ...


@dataclass(frozen=True, slots=True)
class ClusterSettings:
    """Settings of a cluster server. Raises BuildError.

    max_octets: of a frame; records that do not fit are left out, and can be asked for again, or go
    in further frames where the command has a number for each.
    answers_errors: tell what went wrong also to one that asked for no Default Response.
    """

    unsupported_general: int = 0x82
    """Status of a general command that is not supported. Gap: gbz-payloads 3 lists 81 for commands of
    a cluster and none for general ones; this is UNSUP_GENERAL_COMMAND of the ZCL."""
    unsupported_cluster: int = 0xC3
    """Status for a cluster the endpoint does not have. Gap: no status in gbz-payloads 3 says it; this
    is UNSUPPORTED_CLUSTER of the ZCL."""
    max_octets: int = 1500  # ours: what one transfer through a tunnel may have, too
    answers_errors: bool = False
    """Gap: the reference does not say whether an error overrules `disable default response`."""

    def __post_init__(self) -> None:
        """Ranges."""
        if not (0 <= self.unsupported_general <= 0xFF and 0 <= self.unsupported_cluster <= 0xFF):
            raise BuildError("one octet", "status")
        if self.max_octets < 64:
            raise BuildError("64 or more", "max_octets")


class ClusterServer:
    """Serves the clusters of a node's endpoints. It has no state but that of its values.

    `elsewhere`: clusters whose own commands others answer; commands the tables have for them are
    left alone, general commands are answered here.
    """

    def __init__(
        self,
        endpoints: Iterable[Endpoint],
        values: Values,
        settings: ClusterSettings = ClusterSettings(),
        elsewhere: frozenset[int] = MACHINES,
    ) -> None:
        self._endpoints = tuple(endpoints)
        self._values = values
        self._settings = settings
        self._elsewhere = elsewhere
        self._requests: dict[int, Callable[[Endpoint, ZclFrame, Utc], ZclFrame]] = {
            READ_ATTRIBUTES: self._read,
            DISCOVER_ATTRIBUTES: self._discover,
        }

    def receive(
        self, message: ApsMessage, now: Utc, broadcast: bool = False, station: EntityId | None = None
    ) -> tuple[ApsMessage, ...]:
        """The answers to a message, of each endpoint it went to: mostly none or one.

        What is no ZCL frame, or a manufacturer's own, is dropped. `station`: whom it is from; what only
        some may ask for is refused without it, and to a message without protection.
        """
        try:
            head = parse_header(message.cluster, message.payload)
        except ParseError:
            return ()
        found = []
        for endpoint in self._targets(message, head):
            requester = station if message.encrypted else None
            for answer in self._answers(endpoint, message, head, now, broadcast, requester):
                found.append(_from(endpoint, message, answer))
        return tuple(found)

    def _targets(self, message: ApsMessage, head: ZclFrame) -> Iterator[Endpoint]:
        """The endpoint a message names; all that have the cluster where it names all."""
        for endpoint in self._endpoints:
            if endpoint.profile != message.profile:
                continue
            if endpoint.number == message.destination_endpoint or (
                message.destination_endpoint == ALL_ENDPOINTS and _has(endpoint, head)
            ):
                yield endpoint

    def _answers(
        self,
        endpoint: Endpoint,
        message: ApsMessage,
        head: ZclFrame,
        now: Utc,
        broadcast: bool,
        requester: EntityId | None,
    ) -> tuple[ZclFrame, ...]:
        status = self._status(endpoint, head)
        if status is None:
            return ()
        if status == SUCCESS and (head.is_of_cluster or head.command in self._requests):
            try:
                frame = parse_zcl(message.cluster, message.payload)
                if head.is_general:
                    return (self._requests[head.command](endpoint, frame, now),)
                answer = self._command(endpoint, frame, now, requester)
                if not isinstance(answer, int):
                    return answer
                status = answer
            except ParseError:
                status = MALFORMED
            except BuildError:  # the state may hold more than the command can say
                status = FAILURE
        wanted = wants_default_response(head)
        if status != SUCCESS and self._settings.answers_errors:
            wanted = not head.is_general or head.command != DEFAULT_RESPONSE
        return (default_response(head, status),) if wanted and not broadcast else ()

    def _status(self, endpoint: Endpoint, head: ZclFrame) -> int | None:
        """What becomes of a frame, None for one that is not this server's affair."""
        if not _has(endpoint, head):
            return self._settings.unsupported_cluster
        known = head.declared
        if head.is_general:
            is_known = head.command in self._requests or (known is not None and known.name in ANSWERS)
            return SUCCESS if is_known else self._settings.unsupported_general
        if not head.is_of_cluster or (known is not None and head.cluster in self._elsewhere):
            return None
        if known is None or head.to_client or not self._values.takes(known):
            return UNSUP_CLUSTER_COMMAND
        return SUCCESS

    # -- requests ---------------------------------------------------------------------

    def _command(
        self, endpoint: Endpoint, frame: ZclFrame, now: Utc, requester: EntityId | None
    ) -> tuple[ZclFrame, ...] | int:
        """The frames that answer a command, or a status; octets behind its fields are not looked at."""
        known = frame.declared
        if known is None:
            return UNSUP_CLUSTER_COMMAND
        answer = self._values.answer(known, frame.values, endpoint, now, self._settings.max_octets, requester)
        if isinstance(answer, int):
            return answer
        return frames_of(answer, frame.sequence) or NOT_FOUND

    def _value(self, endpoint: Endpoint, head: ZclFrame, known: Attribute, now: Utc) -> Any:
        """A value; the other side has none (what a mirror keeps there is not built)."""
        held = head.to_client is (head.cluster in HELD_BY_CLIENTS)
        return self._values.read(known, endpoint, now) if held else None

    def _read(self, endpoint: Endpoint, frame: ZclFrame, now: Utc) -> ZclFrame:
        records: list[Node] = []
        room = self._settings.max_octets
        if frame.rest or not frame.body:
            raise ParseError("not whole identifiers", len(frame.octets()), "ReadAttributes")
        for asked in frame.body[0].value:
            record = self._record(endpoint, frame, asked.value, now)
            room -= len(octets_of((record,)))
            if room < 0:
                break
            records.append(record)
        return _answering(frame, READ_ATTRIBUTES_RESPONSE, Node(LIST, tuple(records)))

    def _record(self, endpoint: Endpoint, frame: ZclFrame, number: int, now: Utc) -> Node:
        known = attribute(frame.cluster, number)
        value = None if known is None else self._value(endpoint, frame, known, now)
        if known is None or value is None:
            return _refused(number, UNSUPPORTED_ATTRIBUTE)
        try:
            plain = plain_value(known.type, known.meaning, value, known.name)
        except BuildError:  # a register may hold more than the attribute can say
            return _refused(number, FAILURE)
        status, typed = Node(ENUM8, SUCCESS), Node(TYPED, Node(known.type, plain))
        return Node(ENTRY, (Node(ATTRIBUTE_ID, number), status, typed))

    def _discover(self, endpoint: Endpoint, frame: ZclFrame, now: Utc) -> ZclFrame:
        values = frame.values
        start, most = values["StartAttributeId"], values["MaximumAttributes"]
        held = [
            known
            for known in attributes_of(frame.cluster)
            if known.id >= start and self._value(endpoint, frame, known, now) is not None
        ]
        entries = tuple(
            Node(ENTRY, (Node(ATTRIBUTE_ID, known.id), Node(_UINT8, known.type))) for known in held[:most]
        )
        complete = Node(BOOLEAN, int(len(held) <= most))
        return _answering(frame, DISCOVER_ATTRIBUTES_RESPONSE, complete, Node(LIST, entries))


def _has(endpoint: Endpoint, head: ZclFrame) -> bool:
    """Whether the side of the cluster that a frame is for is on an endpoint."""
    return head.cluster in (endpoint.clients if head.to_client else endpoint.servers)


def _refused(number: int, status: int) -> Node:
    return Node(ENTRY, (Node(ATTRIBUTE_ID, number), Node(ENUM8, status)))


def _answering(frame: ZclFrame, number: int, *body: Node) -> ZclFrame:
    return general_frame(frame.cluster, number, frame.sequence, body, not frame.to_client)


def _from(endpoint: Endpoint, message: ApsMessage, answer: ZclFrame) -> ApsMessage:
    return ApsMessage(
        message.cluster,
        endpoint.number,
        message.source_endpoint,
        answer.octets(),
        encrypted=message.encrypted,
        profile=message.profile,
    )
