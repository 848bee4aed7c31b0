"""What a hub answers to commands of its clusters: its own logs, and nothing of the gas proxy yet."""

from typing import Any

import pytest

from chts.han_commands import MIRROR, PROXY, MirrorSettings
from chts.han_values import hub_values
from gbcs.errors import BuildError
from gbcs.zcl.clusters import command_by_name
from smets.eventlog import write
from smets.han.cluster_server import ClusterServer
from smets.han.endpoints import EVENTS, endpoints_of
from smets.han.zcl import ApsMessage, ZclFrame, frame_of, parse_zcl
from tests.chts.rig import NOW, Rig

ENDPOINTS = endpoints_of("hub")
CHF, GPF = (endpoint.number for endpoint in ENDPOINTS if EVENTS in endpoint.servers)
HERE, NUMBER = 1, 0x33
LOG: dict[str, Any] = {
    "EventControlLogId": 0x14,
    "EventId": 0,
    "StartTime": 0,
    "EndTime": 0xFFFF_FFFF,
    "NumberOfEvents": 0,
    "EventOffset": 0,
}


def frames(rig: Rig, message: ApsMessage, mirror: MirrorSettings | None = None) -> list[ZclFrame]:
    values = hub_values(rig.hub.chf, lambda: 2, mirror=mirror)
    server = ClusterServer(ENDPOINTS, values)
    return [parse_zcl(answer.cluster, answer.payload) for answer in server.receive(message, NOW)]


def ask(name: str, payload: bytes = bytes(13), endpoint: int | None = None) -> ApsMessage:
    known = command_by_name(name)
    assert known.cluster is not None
    number = endpoint or next(e.number for e in ENDPOINTS if known.cluster in e.servers)
    return ApsMessage(known.cluster, HERE, number, bytes((0x01, NUMBER, known.id)) + payload)


def event_log(endpoint: int, **changes: int) -> ApsMessage:
    octets = frame_of("GetEventLog", NUMBER, LOG | changes, default_response=True).octets()
    return ApsMessage(EVENTS, HERE, endpoint, octets)


def refused(name: str, status: int) -> bytes:
    return bytes((0x18, NUMBER, 0x0B, command_by_name(name).id, status))


@pytest.mark.parametrize("name", PROXY)
def test_the_proxy_holds_nothing(name: str) -> None:
    assert [f.octets() for f in frames(Rig(), ask(name, bytes(14)))] == [refused(name, 0x8B)]


@pytest.mark.parametrize("name", MIRROR)
@pytest.mark.parametrize(("settings", "status"), [(None, 0x01), (MirrorSettings(0x8B), 0x8B)])
def test_there_is_no_mirror(name: str, settings: MirrorSettings | None, status: int) -> None:
    assert [f.octets() for f in frames(Rig(), ask(name), settings)] == [refused(name, status)]


def test_mirror_ranges() -> None:
    with pytest.raises(BuildError):
        MirrorSettings(256)


def test_the_log_of_the_chf() -> None:
    rig = Rig()
    work = rig.hub.chf.observe(NOW)
    write(work, "EventLog", 0x8154, b"\x00\x62")
    work.commit()
    (frame,) = frames(rig, event_log(CHF, EventControlLogId=0x13, EventId=0x8154))
    assert frame.values["LogPayload"] == [
        {"LogId": 3, "EventId": 0x8154, "EventTime": NOW.seconds, "EventData": b"\0b"}
    ]
    for log in (0x16, 0x17, 0x10):
        (none,) = frames(rig, event_log(CHF, EventControlLogId=log))
        assert none.octets() == refused("GetEventLog", 0x8B)


@pytest.mark.parametrize("log", [0x13, 0x14, 0x16, 0x17])
def test_the_logs_of_the_proxy_are_not_there(log: int) -> None:
    rig = Rig()
    work = rig.hub.chf.observe(NOW)
    write(work, "EventLog", 0x8154)
    write(work, "SecurityLog", 0x8F0C)
    work.commit()
    (frame,) = frames(rig, event_log(GPF, EventControlLogId=log))
    assert frame.octets() == refused("GetEventLog", 0x8B)


@pytest.mark.parametrize("endpoint", [CHF, GPF])
def test_nobody_clears_a_log_from_the_home(endpoint: int) -> None:
    (frame,) = frames(Rig(), ask("ClearEventLogRequest", b"\x03", endpoint))
    assert frame.octets() == refused("ClearEventLogRequest", 0x7E)


@pytest.mark.parametrize("name", ["ConsumerTopUp", "ChangeSupply", "SetOverallDebtCap", "StartSampling"])
def test_what_a_hub_does_not_take(name: str) -> None:
    assert [f.octets() for f in frames(Rig(), ask(name))] == [refused(name, 0x81)]
