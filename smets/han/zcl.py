"""ZCL frames of the home area network: header and body, by the cluster tables of the message room.

A frame is the payload of an APS message of profile 0109 between two endpoints. Source: ZCL
2.4 (reference: gbz-payloads 2.3 and 3, han-clusters).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from gbcs.errors import BuildError, ParseError
from gbcs.zcl.clusters import (
    CLUSTER_SPECIFIC,
    DEFAULT_RESPONSE,
    MANUFACTURER_SPECIFIC,
    NO_DEFAULT_RESPONSE,
    TO_CLIENT,
    Command,
    command,
    command_by_name,
)
from gbcs.zcl.fieldlist import read_body
from gbcs.zcl.named import body_of, named_body
from gbcs.zcl.types import BY_NAME, OPAQUE, Node, octets_of

PROFILE_SE = 0x0109
HEADER = 3
FRAME_TYPE = 0x03  # mask of the frame control: 0 general, 1 of the cluster, others reserved


@dataclass(frozen=True, slots=True)
class ApsMessage:
    """What goes between two endpoints: octets of a cluster, protected with the link key or not."""

    cluster: int
    source_endpoint: int
    destination_endpoint: int
    payload: bytes
    encrypted: bool = True
    profile: int = PROFILE_SE


@dataclass(frozen=True, slots=True)
class ZclFrame:
    """A ZCL frame without manufacturer code. `rest` is what the table declares no field for."""

    cluster: int
    frame_control: int
    sequence: int
    command: int
    body: tuple[Node, ...] = ()

    @property
    def to_client(self) -> bool:
        """Server to client."""
        return bool(self.frame_control & TO_CLIENT)

    @property
    def is_general(self) -> bool:
        """A command that every cluster has."""
        return not self.frame_control & FRAME_TYPE

    @property
    def is_of_cluster(self) -> bool:
        """A command of the cluster's own."""
        return self.frame_control & FRAME_TYPE == CLUSTER_SPECIFIC

    @property
    def declared(self) -> Command | None:
        """What the table has for the command."""
        return command(self.cluster, self.frame_control, self.command)

    @property
    def values(self) -> dict[str, Any]:
        """The fields by name; octets behind them are not in it. Raises ParseError for other fields."""
        known = self.declared
        if known is None or known.fields is None:
            raise ParseError(
                f"command {self.command:02X} of cluster {self.cluster:04X} is not known", 0, "zcl"
            )
        nodes = self.body[:-1] if self.rest else self.body
        found = named_body(known.fields, nodes)
        if found is None:
            raise ParseError(f"other fields than those of {known.name}", HEADER, known.name)
        return found

    @property
    def rest(self) -> bytes:
        """The octets behind the declared fields."""
        last = self.body[-1:]
        return last[0].value if last and last[0].type == OPAQUE else b""

    def octets(self) -> bytes:
        """The octets of the frame. Raises BuildError."""
        if not (0 <= self.sequence <= 0xFF and 0 <= self.command <= 0xFF and 0 <= self.frame_control <= 0xFF):
            raise BuildError("one octet each is needed", "zcl")
        return bytes((self.frame_control, self.sequence, self.command)) + octets_of(self.body)


def parse_header(cluster: int, payload: bytes) -> ZclFrame:
    """Read no more than the header: a frame without its body. Raises ParseError as `parse_zcl`."""
    if len(payload) < HEADER:
        raise ParseError("shorter than a ZCL header", len(payload), "zcl")
    frame_control, sequence, number = payload[:HEADER]
    if frame_control & MANUFACTURER_SPECIFIC:
        raise ParseError("a frame of a manufacturer", 0, "zcl.frame control")
    return ZclFrame(cluster, frame_control, sequence, number)


def parse_zcl(cluster: int, payload: bytes) -> ZclFrame:
    """Read the payload of an APS message. Raises ParseError, also for a manufacturer's frame."""
    frame = parse_header(cluster, payload)
    known = frame.declared
    body = read_body(known.fields if known else None, payload, HEADER, len(payload))
    return replace(frame, body=body)


def frame_of(
    name: str, sequence: int, values: Mapping[str, Any], rest: bytes = b"", default_response: bool = False
) -> ZclFrame:
    """A cluster's command by its name. Raises BuildError with the path of what is wrong.

    `default_response` asks for one; the GB home network uses none it has no use for.
    """
    known = command_by_name(name)
    if known.cluster is None or known.fields is None:
        raise BuildError(f"{name} is no command of a cluster with known fields", "zcl")
    control = CLUSTER_SPECIFIC | (TO_CLIENT if known.to_client else 0)
    control |= 0 if default_response else NO_DEFAULT_RESPONSE
    body = body_of(known.fields, values, name)
    if rest:
        body += (Node(OPAQUE, rest),)
    return ZclFrame(known.cluster, control, sequence, known.id, body)


def general_frame(
    cluster: int,
    number: int,
    sequence: int,
    body: tuple[Node, ...],
    to_client: bool = False,
    default_response: bool = False,
) -> ZclFrame:
    """A command that every cluster has, by its number; `default_response` asks for one."""
    control = (TO_CLIENT if to_client else 0) | (0 if default_response else NO_DEFAULT_RESPONSE)
    return ZclFrame(cluster, control, sequence, number, body)


def default_response(frame: ZclFrame, status: int) -> ZclFrame:
    """The Default Response to a frame."""
    body = (Node(BY_NAME["uint8"].id, frame.command), Node(BY_NAME["enum8"].id, status))
    return general_frame(frame.cluster, DEFAULT_RESPONSE, frame.sequence, body, not frame.to_client)


def wants_default_response(frame: ZclFrame) -> bool:
    """Whether a frame asks to be answered by a Default Response where it has no other answer."""
    if frame.frame_control & NO_DEFAULT_RESPONSE:
        return False
    return not frame.is_general or frame.command != DEFAULT_RESPONSE
