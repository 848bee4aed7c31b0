"""Requests of a cluster's own to another node, without I/O: the request, and the commands that answer it.

An answer has the number and the protection of its request, and is the command that the table of
answers names, or a Default Response. One that comes in parts is whole with its last; how many whole
ones there will be, as day profiles of a calendar, the request does not tell. Source: ZCL 2.4
(reference: gbz-payloads 2.3, 3 and 4, se-security 9.2).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from gbcs.errors import BuildError, ParseError
from gbcs.ids import EntityId
from gbcs.zcl.clusters import CLUSTER_SPECIFIC, DEFAULT_RESPONSE, Command, command_by_name
from gbcs.zcl.types import OPAQUE, Node

from .attribute_client import MAX_WAITING, numbers
from .cluster_commands import ANSWERS, Told
from .link import Address
from .protection import Protection, protection_of
from .zcl import ApsMessage, ZclFrame, frame_of, parse_zcl

MAX_ANSWERS = 256  # ours: frames kept for one request; each part of an answer has a number of its own

TOTALS = ("TotalNumberOfCommands", "TotalCommands")  # the field beside CommandIndex


@dataclass(frozen=True, slots=True)
class Answers:
    """What came of a request: the commands that answered, in the order they came.

    `status`: that of a Default Response instead. `whole`: all that was wanted came, no part is missing.
    """

    commands: tuple[Told, ...] = ()
    status: int | None = None
    whole: bool = False


@dataclass(slots=True)
class _Waiting:
    """A request under way."""

    command: Command
    endpoint: int
    encrypted: bool
    wanted: int
    payloads: dict[bytes, Told] = field(default_factory=dict)

    def come(self, whole: bool = False) -> Answers:
        """What there is so far."""
        return Answers(tuple(self.payloads.values()), None, whole)


def request_frame(name: str, values: Mapping[str, Any] | bytes, sequence: int) -> ZclFrame:
    """A request by its name; octets are its fields where the tables have none. Raises BuildError.

    It asks for a Default Response, without which one that is refused goes unanswered.
    """
    known = command_by_name(name)
    if known.cluster is None or known.to_client is not False:
        raise BuildError("no command to a server", name)
    if isinstance(values, bytes):
        body = (Node(OPAQUE, values),) if values else ()
        return ZclFrame(known.cluster, CLUSTER_SPECIFIC, sequence, known.id, body)
    return frame_of(name, sequence, values, default_response=True)


class CommandClient:
    """Requests under way, and which of them an arriving message answers.

    `sequence`: where numbers come from, the same for all clients of a node.
    """

    def __init__(self, sequence: Iterator[int] | None = None) -> None:
        self._sequence = numbers() if sequence is None else sequence
        self._waiting: dict[tuple[EntityId, int, int], _Waiting] = {}

    def request(
        self,
        peer: Address,
        name: str,
        values: Mapping[str, Any] | bytes,
        own_endpoint: int,
        encrypted: bool | None = None,
        wanted: int = 1,
    ) -> tuple[int, ApsMessage]:
        """A request and its number; see `request_frame`. Raises BuildError.

        `encrypted` None: as the cluster needs. `wanted`: whole answers until the request has come to
        its end; to have all there are, ask for more and take what has come in time from `forget`.
        """
        number = next(self._sequence)
        frame = request_frame(name, values, number)
        if encrypted is None:
            encrypted = protection_of(frame.cluster) is Protection.LINK_KEY
        waiting = _Waiting(command_by_name(name), peer.endpoint, encrypted, wanted)
        self._waiting.pop((peer.station, frame.cluster, number), None)
        self._waiting[peer.station, frame.cluster, number] = waiting
        while len(self._waiting) > MAX_WAITING:
            del self._waiting[next(iter(self._waiting))]
        return number, ApsMessage(frame.cluster, own_endpoint, peer.endpoint, frame.octets(), encrypted)

    def receive(self, station: EntityId, message: ApsMessage) -> tuple[int, Answers | None] | None:
        """The number of the request that a message answers, and what came of it.

        Its answers are None while more has to come; the whole is None for a message that answers none.
        """
        try:
            frame = parse_zcl(message.cluster, message.payload)
            waiting = self._waiting.get((station, message.cluster, frame.sequence))
            if waiting is None or not frame.to_client:
                return None
            if (waiting.endpoint, waiting.encrypted) != (message.source_endpoint, message.encrypted):
                return None
            found = _taken(waiting, frame, message.payload)
        except ParseError:
            return None
        if found is None:
            return None
        if found.whole or found.status is not None:
            self.forget(station, message.cluster, frame.sequence)
            return frame.sequence, found
        return frame.sequence, None

    def forget(self, station: EntityId, cluster: int, number: int) -> Answers:
        """Wait no longer for an answer; what came of it."""
        waiting = self._waiting.pop((station, cluster, number), None)
        return Answers() if waiting is None else waiting.come()


def _taken(waiting: _Waiting, frame: ZclFrame, payload: bytes) -> Answers | None:
    """What came of a request with a frame more; None for one that is no answer to it. Raises ParseError."""
    known = frame.declared
    if known is None:
        return None
    if frame.is_general:
        if known.id != DEFAULT_RESPONSE or frame.values["CommandId"] != waiting.command.id:
            return None
        return replace(waiting.come(), status=int(frame.values["Status"]))
    if known.name != ANSWERS.get(waiting.command.name):
        return None
    told = Told(known.name, frame.values)
    if len(waiting.payloads) < MAX_ANSWERS:
        waiting.payloads[payload] = told  # one that comes twice is the same
    return waiting.come(_whole(waiting) >= waiting.wanted)


def _whole(waiting: _Waiting) -> int:
    """How many answers are whole: of one in parts every part, of several at once each with its one part."""
    whole, parts = 0, set[int]()
    for _, values in waiting.payloads.values():
        total = next((values[name] for name in TOTALS if name in values), 1)
        if total <= 1:
            whole += 1
            continue
        parts.add(values["CommandIndex"])
        if parts >= set(range(total)):
            whole, parts = whole + 1, set[int]()
    return whole
