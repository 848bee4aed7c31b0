"""Joins of a meter for tests: the commands, and what a device log holds afterwards."""

from __future__ import annotations

from collections.abc import Sequence

from gbcs.asn1.joins import (
    DEVICE_TYPES,
    JoinCode,
    JoinCommand,
    Method,
    join_command_octets,
    read_join_response,
    read_unjoin_response,
    unjoin_command_octets,
)
from gbcs.ids import DeviceType, EntityId
from gbcs.message import Message
from smets.behaviours.device_log import entries
from smets.behaviours.joining import (
    AgreeKey,
    ForgetKey,
)
from smets.events import (
    Effect,
)
from tests.smets.homes import SUPPLIER, Home, Reply

SWITCH = EntityId.parse("00-DB-12-34-56-78-90-97")
DISPLAY = EntityId.parse("00-DB-12-34-56-78-90-98")
READER = EntityId.parse("00-DB-12-34-56-78-90-99")
KEY = bytes(range(16))
ESME = DeviceType.ESME


def number(kind: DeviceType) -> int:
    return DEVICE_TYPES.index(kind)


def join(
    home: Home,
    name: str,
    method: Method,
    station: EntityId,
    kind: DeviceType,
    by: EntityId | None = None,
    certificate: bytes | None = None,
) -> Reply:
    home.wait(1)
    payload = join_command_octets(JoinCommand(method, station, number(kind), certificate))
    return home.run(name, payload=payload, by=by)


def join_a(home: Home, station: EntityId = SWITCH, kind: DeviceType = DeviceType.HCALCS) -> Reply:
    return join(home, "CS03A1", Method.A_INITIATOR, station, kind, by=SUPPLIER)


def join_b(home: Home, station: EntityId = READER, by: EntityId | None = None) -> Reply:
    return join(home, "CS03B", Method.B, station, DeviceType.TYPE2, by)


def unjoin(home: Home, name: str, station: EntityId) -> int:
    home.wait(1)
    reply = home.run(name, payload=unjoin_command_octets(station), by=SUPPLIER)
    assert reply.response is not None
    return read_unjoin_response(reply.response.payload)


def later(home: Home, command: Message, event: object) -> Reply:
    """What comes of an event, as the reply to a command before."""
    return home.reply(command, home.handle(event))


def code(reply: Reply) -> JoinCode:
    assert reply.response is not None, reply.effects
    return JoinCode(read_join_response(reply.response.payload))


def logged(home: Home, log: str = "SecurityLog") -> list[object]:
    return [entry[1] for entry in home.work.log_entries(log)]


def stations(home: Home) -> list[EntityId]:
    return [entry.station for entry in entries(home.work)]


def asked(effects: Sequence[Effect]) -> list[Effect]:
    return [e for e in effects if isinstance(e, AgreeKey | ForgetKey)]


def station(number: int) -> EntityId:
    return EntityId(number.to_bytes(8, "big"))
