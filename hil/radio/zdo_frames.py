"""Frames of the ZigBee device object that the host sends or reads: profile 0000, endpoint 0.

Requests begin with a transaction number; a response's cluster is the request's with the high
bit, and it begins with the number and a status. Source: ZigBee specification 2.4 (reference:
radio-stack 6.1, 6.3; se-security 9.3).
"""

from __future__ import annotations

from typing import NamedTuple

from gbcs.errors import ParseError
from gbcs.ids import EntityId
from gbcs.layout import Layout, u8, u16le, u64le

PROFILE = 0x0000
ENDPOINT = 0
RESPONSE = 0x8000
SUCCESS = 0x00

NWK_ADDRESS = 0x0000
IEEE_ADDRESS = 0x0001
MATCH_DESCRIPTOR = 0x0006
DEVICE_ANNOUNCE = 0x0013
BIND = 0x0021
MGMT_LEAVE = 0x0034
MGMT_PERMIT_JOINING = 0x0036

RX_ON_WHEN_IDLE = 0x08  # of the capability
UNICAST_ADDRESS = 0x03  # a binding's destination is an EUI-64 and an endpoint

_NUMBER = Layout("ZDO", u8("transaction"))
_NWK_REQUEST = Layout("NWK_addr_req", u8("transaction"), u64le("EUI-64"), u8("type"), u8("start"))
_IEEE_REQUEST = Layout("IEEE_addr_req", u8("transaction"), u16le("node id"), u8("type"), u8("start"))
_ADDRESS = Layout("address response", u8("transaction"), u8("status"), u64le("EUI-64"), u16le("node id"))
_ANNOUNCE = Layout("Device_annce", u8("transaction"), u16le("node id"), u64le("EUI-64"), u8("capability"))
_MATCH_HEAD = Layout("Match_Desc_req", u8("transaction"), u16le("node id"), u16le("profile"))
_MATCH_RESPONSE = Layout("Match_Desc_rsp", u8("transaction"), u8("status"), u16le("node id"), u8("count"))
_STATUS = Layout("ZDO response", u8("transaction"), u8("status"))
_LEAVE = Layout("Mgmt_Leave_req", u8("transaction"), u64le("EUI-64"), u8("options"))
_PERMIT = Layout("Mgmt_Permit_Joining_req", u8("transaction"), u8("seconds"), u8("TC significance"))
_BIND = Layout(
    "Bind_req",
    u8("transaction"),
    u64le("source"),
    u8("source endpoint"),
    u16le("cluster"),
    u8("mode"),
    u64le("destination"),
    u8("destination endpoint"),
)
_CLUSTER = Layout("cluster", u16le("cluster"))


def number_of(eui64: EntityId) -> int:
    """An EUI-64 as the number it is."""
    return int.from_bytes(eui64, "big")


def entity(number: int) -> EntityId:
    """And back."""
    return EntityId(number.to_bytes(8, "big"))


class Announcement(NamedTuple):
    """Device_annce."""

    nwk: int
    eui64: EntityId
    sleepy: bool


class Binding(NamedTuple):
    """Bind_req between two devices."""

    sequence: int
    source: EntityId
    source_endpoint: int
    cluster: int
    destination: EntityId
    destination_endpoint: int


def transaction_of(payload: bytes) -> int:
    """Raises ParseError."""
    (number,) = _NUMBER.unpack(payload)
    return int(number)


def status_of(payload: bytes) -> int:
    """The status of a response. Raises ParseError."""
    return int(_STATUS.unpack(payload)[1])


def nwk_request(number: int, eui64: EntityId) -> bytes:
    """Who has this EUI-64?"""
    return _NWK_REQUEST.pack(number, number_of(eui64), 0, 0)


def ieee_request(number: int, nwk: int) -> bytes:
    """What is your EUI-64?"""
    return _IEEE_REQUEST.pack(number, nwk, 0, 0)


def address_response(payload: bytes) -> tuple[EntityId, int] | None:
    """EUI-64 and node id of a NWK_addr_rsp or IEEE_addr_rsp; None without success. Raises ParseError."""
    if status_of(payload) != SUCCESS:
        return None
    _, _, eui64, nwk = _ADDRESS.unpack(payload)
    return entity(eui64), nwk


def announcement(payload: bytes) -> Announcement:
    """Raises ParseError."""
    _, nwk, eui64, capability = _ANNOUNCE.unpack(payload)
    return Announcement(nwk, entity(eui64), not capability & RX_ON_WHEN_IDLE)


def match_request(number: int, nwk: int, profile: int, cluster: int, server: bool) -> bytes:
    """Which endpoint has this cluster?"""
    wanted = b"\x01" + _CLUSTER.pack(cluster)
    lists = wanted + b"\x00" if server else b"\x00" + wanted
    return _MATCH_HEAD.pack(number, nwk, profile) + lists


def match_response(payload: bytes) -> bytes | None:
    """Endpoints that match, an octet each; None without success. Raises ParseError."""
    if status_of(payload) != SUCCESS:
        return None
    *_, count = _MATCH_RESPONSE.unpack(payload)
    endpoints = payload[_MATCH_RESPONSE.size :]
    if len(endpoints) < count:
        raise ParseError(f"{count} endpoints announced", len(payload), _MATCH_RESPONSE.name)
    return endpoints[:count]


def leave_request(number: int, eui64: EntityId) -> bytes:
    """Leave, without children and for good."""
    return _LEAVE.pack(number, number_of(eui64), 0)


def permit_request(number: int, seconds: int) -> bytes:
    """Let devices associate with you."""
    return _PERMIT.pack(number, seconds, 1)


def bind_request(
    number: int, source: EntityId, source_endpoint: int, cluster: int, target: EntityId, endpoint: int
) -> bytes:
    """Bind a cluster of the source to the target."""
    return _BIND.pack(
        number,
        number_of(source),
        source_endpoint,
        cluster,
        UNICAST_ADDRESS,
        number_of(target),
        endpoint,
    )


def binding(payload: bytes) -> Binding:
    """Raises ParseError."""
    number, source, source_endpoint, cluster, mode, target, endpoint = _BIND.unpack(payload)
    if mode != UNICAST_ADDRESS:
        raise ParseError("a binding to a group", 12, _BIND.name)
    return Binding(number, entity(source), source_endpoint, cluster, entity(target), endpoint)


def status_response(number: int, status: int) -> bytes:
    """A response that is a status only."""
    return _STATUS.pack(number, status)
